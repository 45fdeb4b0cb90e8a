//! What the engine loads of an account, and the changes it makes.

use std::collections::BTreeSet;

use sqlx::{Row as _, SqliteConnection};
use xmpp_core::jid::{BareJid, Jid};

use super::accounts::account_id;
use super::{AccountData, Change, RosterItem, Store, StoreError, Subscription};

/// What became of one change of a batch that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is on the disk.
    Done,
    /// It had no account to apply to: deleted meanwhile by another process.
    NoAccount,
}

impl Store {
    /// Everything the engine keeps of an account; `None` when there is no such account.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn load_account(&self, jid: &BareJid) -> Result<Option<AccountData>, StoreError> {
        // One row per item and group, and one without an item for an empty roster: one statement,
        // one snapshot.
        let rows = sqlx::query(
            "SELECT i.contact, i.name, i.subscription, i.ask, g.name
             FROM account a
             LEFT JOIN roster_item i ON i.account = a.id
             LEFT JOIN roster_group g ON g.item = i.id
             WHERE a.jid = ? ORDER BY i.contact, g.name",
        )
        .bind(jid.as_str())
        .fetch_all(&self.readers)
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut roster: Vec<RosterItem> = Vec::new();
        for row in &rows {
            let Some(contact) = row.try_get::<Option<&str>, _>(0)? else { continue };
            let group: Option<String> = row.try_get(4)?;
            match roster.last_mut().filter(|last| last.jid.as_str() == contact) {
                Some(last) => last.groups.extend(group),
                None => roster.push(RosterItem {
                    jid: Jid::new(contact).map_err(|error| StoreError::corrupt(contact, error))?,
                    name: row.try_get(1)?,
                    subscription: subscription_of(row.try_get(2)?)
                        .ok_or_else(|| StoreError::corrupt(contact, "subscription"))?,
                    ask: row.try_get(3)?,
                    groups: BTreeSet::from_iter(group),
                }),
            }
        }
        Ok(Some(AccountData { roster }))
    }

    /// Applies changes in their order, all in one transaction. When it returns `Ok`, they are on
    /// the disk, and the outcomes are in the order of the changes.
    ///
    /// # Errors
    /// [`StoreError::Database`]: none of the changes was made.
    pub async fn apply(&self, changes: &[(BareJid, Change)]) -> Result<Vec<Applied>, StoreError> {
        let mut transaction = self.write().await?;
        let mut applied = Vec::with_capacity(changes.len());
        for (jid, change) in changes {
            let Some(account) = account_id(&mut transaction, jid).await? else {
                applied.push(Applied::NoAccount);
                continue;
            };
            match change {
                Change::RosterSet(item) => set_item(&mut transaction, account, item).await?,
                Change::RosterRemove(contact) => remove_item(&mut transaction, account, contact).await?,
            }
            applied.push(Applied::Done);
        }
        transaction.commit().await?;
        Ok(applied)
    }
}

async fn set_item(connection: &mut SqliteConnection, account: i64, item: &RosterItem) -> sqlx::Result<()> {
    let row: i64 = sqlx::query_scalar(
        "INSERT INTO roster_item (account, contact, name, subscription, ask) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (account, contact) DO UPDATE
         SET name = excluded.name, subscription = excluded.subscription, ask = excluded.ask
         RETURNING id",
    )
    .bind(account)
    .bind(item.jid.as_str())
    .bind(item.name.as_deref())
    .bind(name_of(item.subscription))
    .bind(item.ask)
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM roster_group WHERE item = ?").bind(row).execute(&mut *connection).await?;
    for group in &item.groups {
        sqlx::query("INSERT INTO roster_group (item, name) VALUES (?, ?)")
            .bind(row)
            .bind(group)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

async fn remove_item(connection: &mut SqliteConnection, account: i64, contact: &Jid) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM roster_item WHERE account = ? AND contact = ?")
        .bind(account)
        .bind(contact.as_str())
        .execute(connection)
        .await?;
    Ok(())
}

/// The word of RFC 3921, section 7.1, for a subscription.
fn name_of(subscription: Subscription) -> &'static str {
    match subscription {
        Subscription::None => "none",
        Subscription::To => "to",
        Subscription::From => "from",
        Subscription::Both => "both",
    }
}

fn subscription_of(name: &str) -> Option<Subscription> {
    [Subscription::None, Subscription::To, Subscription::From, Subscription::Both]
        .into_iter()
        .find(|subscription| name_of(*subscription) == name)
}
