//! What the engine loads of an account, and the changes it makes.

use sqlx::{Row as _, SqliteConnection};
use xmpp_core::jid::{BareJid, Jid};
use xmpp_im::store::{AccountData, Change, RosterItem, Subscription};

use super::{Store, StoreError};

/// What became of one change of a batch that was committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is on the disk.
    Done,
    /// It had no account to apply to: deleted meanwhile by another process, even if there is a new one of that address.
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
            "SELECT i.contact, i.name, i.subscription, g.name
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
            let item = match roster.pop_if(|last| last.jid().as_str() == contact) {
                Some(item) => item,
                None => {
                    let jid = Jid::new(contact).map_err(|error| StoreError::corrupt(contact, error))?;
                    let subscription = Subscription::from_name(row.try_get(2)?)
                        .ok_or_else(|| StoreError::corrupt(contact, "subscription"))?;
                    let name: Option<&str> = row.try_get(1)?;
                    RosterItem::new(jid).with_name(name.unwrap_or_default()).with_subscription(subscription)
                }
            };
            roster.push(match row.try_get::<Option<&str>, _>(3)? {
                Some(group) => item.with_group(group),
                None => item,
            });
        }
        Ok(Some(AccountData::new().with_roster(roster)))
    }

    /// Applies changes in their order, all in one transaction. When it returns `Ok`, they are on
    /// the disk, and the outcomes are in the order of the changes.
    ///
    /// # Errors
    /// [`StoreError::Database`]: none of the changes was made.
    pub async fn apply(&self, changes: &[(&BareJid, &[Change])]) -> Result<Vec<Applied>, StoreError> {
        let mut transaction = self.write().await?;
        let mut applied = Vec::with_capacity(changes.len());
        for (jid, step) in changes {
            let Some(account) = known_account(&mut transaction, jid).await? else {
                applied.push(Applied::NoAccount);
                continue;
            };
            for change in *step {
                match change {
                    Change::SetRosterItem(item) => set_item(&mut transaction, account, item).await?,
                    Change::RemoveRosterItem { jid, .. } => {
                        remove_item(&mut transaction, account, jid).await?
                    }
                    // To keep half of a change would be worse than to keep none.
                    _ => return Err(StoreError::Unsupported),
                }
            }
            applied.push(Applied::Done);
        }
        transaction.commit().await?;
        Ok(applied)
    }
}

/// The row of an account, unless what is known of it may be of one that was deleted.
async fn known_account(connection: &mut SqliteConnection, jid: &BareJid) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT id FROM account WHERE jid = ? AND jid NOT IN (SELECT jid FROM deletion)")
        .bind(jid.as_str())
        .fetch_optional(connection)
        .await
}

async fn set_item(connection: &mut SqliteConnection, account: i64, item: &RosterItem) -> sqlx::Result<()> {
    let row: i64 = sqlx::query_scalar(
        "INSERT INTO roster_item (account, contact, name, subscription) VALUES (?, ?, ?, ?)
         ON CONFLICT (account, contact) DO UPDATE
         SET name = excluded.name, subscription = excluded.subscription
         RETURNING id",
    )
    .bind(account)
    .bind(item.jid().as_str())
    .bind(item.name())
    .bind(item.subscription().name())
    .fetch_one(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM roster_group WHERE item = ?").bind(row).execute(&mut *connection).await?;
    for group in item.groups() {
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
