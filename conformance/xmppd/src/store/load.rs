//! What the engine loads: all of an owner but its offline messages, and those by the page.

use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};
use tracing::error;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::time::UtcTime;
use xmpp_im::store::{AccountData, OfflineMessage, OfflineSummary, Pending, RosterItem, Subscription};

use super::stanza::{read_message, read_presence};
use super::{Store, StoreError};

impl Store {
    /// Everything the engine keeps of an owner, but the offline messages; `None` when there is no such account. A domain always exists.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn load_account(&self, jid: &BareJid) -> Result<Option<AccountData>, StoreError> {
        // One transaction is one snapshot, whoever writes meanwhile.
        let mut snapshot = self.readers.begin().await?;
        let data = match jid.node() {
            Some(_) => account(&mut snapshot, jid).await,
            // Of the server's own domains, only the modules keep anything.
            None => with_state(AccountData::new(), &mut snapshot, jid).await.map(Some),
        };
        snapshot.rollback().await?;
        data
    }

    /// Offline messages with numbers after that one, in their order: as many as count for `bytes` together, but one at least if there is any.
    ///
    /// One that cannot be read is logged and marked as damaged: it stays, but does not count any more, and those behind it do not wait.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn offline_page(
        &self,
        jid: &BareJid,
        after: u64,
        bytes: usize,
    ) -> Result<Vec<OfflineMessage>, StoreError> {
        // Each time that there is nothing but damage, there is less of it.
        loop {
            let rows = self.waiting(jid, after, bytes).await?;
            let (mut page, mut damaged) = (Vec::with_capacity(rows.len()), Vec::new());
            for row in &rows {
                let id: i64 = row.try_get(3)?;
                match read_message(row.try_get(2)?, jid.as_str()) {
                    Ok(message) => {
                        let at = UtcTime::from_micros(row.try_get(1)?);
                        page.push(OfflineMessage::new(from_row(row.try_get(0)?), at, message));
                    }
                    Err(error) => {
                        error!(account = %jid, row = id, %error, "a message is damaged, and is passed over");
                        damaged.push(id);
                    }
                }
            }
            if !damaged.is_empty() {
                // Before the others go, which removes everything up to them that is not marked.
                self.mark_damaged(&damaged).await?;
            }
            if !page.is_empty() || rows.is_empty() {
                return Ok(page);
            }
        }
    }

    async fn mark_damaged(&self, rows: &[i64]) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        for row in rows {
            sqlx::query("UPDATE offline_message SET damaged = 1 WHERE id = ?")
                .bind(row)
                .execute(&mut *transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    async fn waiting(&self, jid: &BareJid, after: u64, bytes: usize) -> sqlx::Result<Vec<SqliteRow>> {
        sqlx::query(
            "WITH waiting AS (
                 SELECT m.id, m.bytes, sum(m.bytes) OVER (ORDER BY m.number) AS total
                 FROM offline_message m JOIN account a ON a.id = m.account
                 WHERE a.jid = ? AND m.number > ? AND NOT m.damaged)
             SELECT m.number, m.received, m.stanza, m.id
             FROM waiting w JOIN offline_message m ON m.id = w.id
             WHERE w.total <= ? OR w.total = w.bytes ORDER BY m.number",
        )
        .bind(jid.as_str())
        .bind(to_row(after))
        .bind(to_row(bytes as u64))
        .fetch_all(&self.readers)
        .await
    }
}

/// As a column holds it; numbers that large are never reached by counting.
pub(super) fn to_row(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn from_row(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

async fn account(snapshot: &mut SqliteConnection, jid: &BareJid) -> Result<Option<AccountData>, StoreError> {
    let row = sqlx::query(
        "SELECT id, incarnation, roster_floor, last_seen, last_presence, offline_last FROM account WHERE jid = ?",
    )
    .bind(jid.as_str())
    .fetch_optional(&mut *snapshot)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let id: i64 = row.try_get(0)?;

    let mut data = AccountData::new()
        .with_incarnation(row.try_get::<i64, _>(1)?.cast_unsigned())
        .with_floor(from_row(row.try_get(2)?))
        .with_roster(roster(snapshot, id).await?)
        .with_removed(removed(snapshot, id).await?)
        .with_pending(pending(snapshot, id).await?)
        .with_offline(offline(snapshot, id, from_row(row.try_get(5)?)).await?);
    if let (Some(at), Some(presence)) =
        (row.try_get::<Option<i64>, _>(3)?, row.try_get::<Option<&str>, _>(4)?)
    {
        data = data.with_last_presence(UtcTime::from_micros(at), read_presence(presence, jid.as_str())?);
    }
    with_state(data, snapshot, jid).await.map(Some)
}

async fn with_state(
    data: AccountData,
    snapshot: &mut SqliteConnection,
    owner: &BareJid,
) -> Result<AccountData, StoreError> {
    let rows = sqlx::query("SELECT module, key, value FROM module_state WHERE owner = ?")
        .bind(owner.as_str())
        .fetch_all(snapshot)
        .await?;
    rows.iter()
        .try_fold(data, |data, row| Ok(data.with_state(row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
}

async fn roster(snapshot: &mut SqliteConnection, account: i64) -> Result<Vec<RosterItem>, StoreError> {
    // One row per item and group, and one for an item without groups.
    let rows = sqlx::query(
        "SELECT i.contact, i.name, i.subscription, i.ask, i.approved, i.version, g.name
         FROM roster_item i LEFT JOIN roster_group g ON g.item = i.id
         WHERE i.account = ? ORDER BY i.contact, g.name",
    )
    .bind(account)
    .fetch_all(snapshot)
    .await?;
    let mut roster: Vec<RosterItem> = Vec::new();
    for row in &rows {
        let contact: &str = row.try_get(0)?;
        let item = match roster.pop_if(|last| last.jid().as_str() == contact) {
            Some(item) => item,
            None => item(row)?,
        };
        roster.push(match row.try_get::<Option<&str>, _>(6)? {
            Some(group) => item.with_group(group),
            None => item,
        });
    }
    Ok(roster)
}

/// The item of a row that begins with the columns `contact`, `name`, `subscription`, `ask`, `approved`, `version`.
fn item(row: &SqliteRow) -> Result<RosterItem, StoreError> {
    let contact: &str = row.try_get(0)?;
    let subscription = Subscription::from_name(row.try_get(2)?)
        .ok_or_else(|| StoreError::corrupt(contact, "subscription"))?;
    Ok(RosterItem::new(address(contact)?)
        .with_name(row.try_get::<Option<&str>, _>(1)?.unwrap_or_default())
        .with_subscription(subscription)
        .with_ask(row.try_get(3)?)
        .with_approved(row.try_get(4)?)
        .with_version(from_row(row.try_get(5)?)))
}

fn address(text: &str) -> Result<Jid, StoreError> {
    Jid::new(text).map_err(|error| StoreError::corrupt(text, error))
}

async fn removed(snapshot: &mut SqliteConnection, account: i64) -> Result<Vec<(Jid, u64)>, StoreError> {
    let rows = sqlx::query("SELECT contact, version FROM roster_removal WHERE account = ?")
        .bind(account)
        .fetch_all(snapshot)
        .await?;
    rows.iter().map(|row| Ok((address(row.try_get(0)?)?, from_row(row.try_get(1)?)))).collect()
}

async fn pending(snapshot: &mut SqliteConnection, account: i64) -> Result<Vec<Pending>, StoreError> {
    // In the order in which they came to be kept.
    let rows = sqlx::query("SELECT contact, stanza FROM pending WHERE account = ? ORDER BY rowid")
        .bind(account)
        .fetch_all(snapshot)
        .await?;
    rows.iter().map(|row| kept(row.try_get(1)?, row.try_get(0)?)).collect()
}

/// A subscription stanza that was kept.
fn kept(stanza: &str, of: &str) -> Result<Pending, StoreError> {
    let presence = read_presence(stanza, of)?;
    Pending::new(presence).ok_or_else(|| StoreError::corrupt(of, "not a subscription stanza"))
}

async fn offline(
    snapshot: &mut SqliteConnection,
    account: i64,
    last: u64,
) -> Result<OfflineSummary, StoreError> {
    let row = sqlx::query(
        "SELECT count(*), coalesce(sum(bytes), 0) FROM offline_message WHERE account = ? AND NOT damaged",
    )
    .bind(account)
    .fetch_one(snapshot)
    .await?;
    let (count, bytes) = (from_row(row.try_get(0)?), from_row(row.try_get(1)?));
    Ok(OfflineSummary::new(count as usize, bytes as usize, last))
}

/// What those whom a deleted account had to do with are told by: its subscriptions, and the requests that it has not answered.
pub(super) async fn deleted(
    connection: &mut SqliteConnection,
    deletion: i64,
) -> Result<AccountData, StoreError> {
    let items = sqlx::query(
        "SELECT contact, NULL, subscription, ask, approved, 0 FROM deleted_contact WHERE deletion = ?",
    )
    .bind(deletion)
    .fetch_all(&mut *connection)
    .await?;
    let items: Vec<_> = items.iter().map(item).collect::<Result<_, _>>()?;
    let requests: Vec<String> = sqlx::query_scalar("SELECT stanza FROM deleted_request WHERE deletion = ?")
        .bind(deletion)
        .fetch_all(connection)
        .await?;
    let requests: Vec<_> =
        requests.iter().map(|stanza| kept(stanza, "a deleted account")).collect::<Result<_, _>>()?;
    Ok(AccountData::new().with_roster(items).with_pending(requests))
}
