//! The changes that the engine makes.

use std::collections::HashSet;

use sqlx::{Executor as _, SqliteConnection};
use tracing::error;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::Presence;
use xmpp_core::time::UtcTime;
use xmpp_im::store::{Change, OfflineMessage, Pending, PendingKind, RosterItem};

use super::load::to_row;
use super::{Store, StoreError};

/// What became of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It is on the disk.
    Done,
    /// It had no account to apply to: deleted meanwhile by another process, even if there is a new one of that address.
    NoAccount,
    /// It could not be made, or came after one of the same owner that could not; nothing of it was made.
    Failed,
}

/// One step of an owner: its changes are made together or not at all.
pub type Step<'a> = (&'a BareJid, &'a [Change]);

impl Store {
    /// Applies steps in their order, all in one transaction if that can be. When it returns, what is [`Done`](Applied::Done) is on the disk; the
    /// outcomes are in the order of the steps.
    ///
    /// One that fails takes the later ones of its owner with it, which were made on top of it, and costs others nothing: if it takes the transaction
    /// with it, as a full disk does, each is tried on its own.
    pub async fn apply(&self, steps: &[Step<'_>]) -> Vec<Applied> {
        match self.apply_together(steps).await {
            Ok(applied) => applied,
            Err(error) => {
                error!(%error, steps = steps.len(), "cannot keep changes");
                let mut applied = vec![Applied::Failed; steps.len()];
                if steps.len() > 1 && !error.is_busy() {
                    let mut failed = HashSet::new();
                    for (outcome, step) in applied.iter_mut().zip(steps) {
                        if failed.contains(step.0) {
                            continue;
                        }
                        *outcome = match self.apply_together(std::slice::from_ref(step)).await {
                            Ok(alone) => alone.first().copied().unwrap_or(Applied::Failed),
                            Err(_) => Applied::Failed,
                        };
                        if *outcome == Applied::Failed {
                            failed.insert(step.0);
                        }
                    }
                }
                applied
            }
        }
    }

    /// # Errors
    /// The transaction is lost: none of the steps was made.
    async fn apply_together(&self, steps: &[Step<'_>]) -> Result<Vec<Applied>, StoreError> {
        let mut transaction = self.write().await?;
        let mut applied = Vec::with_capacity(steps.len());
        let mut failed = HashSet::new();
        for (owner, changes) in steps {
            if failed.contains(owner) {
                applied.push(Applied::Failed);
                continue;
            }
            transaction.execute("SAVEPOINT step").await?;
            let outcome = match step(&mut transaction, owner, changes).await {
                Ok(outcome) => outcome,
                Err(error) => {
                    error!(%owner, %error, "cannot keep a change");
                    // This fails if the whole transaction was rolled back.
                    transaction.execute("ROLLBACK TO step").await?;
                    failed.insert(owner);
                    Applied::Failed
                }
            };
            transaction.execute("RELEASE step").await?;
            applied.push(outcome);
        }
        transaction.commit().await?;
        Ok(applied)
    }
}

async fn step(
    connection: &mut SqliteConnection,
    owner: &BareJid,
    changes: &[Change],
) -> Result<Applied, StoreError> {
    if owner.node().is_none() {
        for change in changes {
            let Change::SetState { module, key, value } = change else { return Err(StoreError::Unsupported) };
            set_state(connection, owner, module, key, value.as_deref()).await?;
        }
        return Ok(Applied::Done);
    }
    let Some(account) = known_account(connection, owner).await? else { return Ok(Applied::NoAccount) };
    for change in changes {
        self::change(connection, owner, account, change).await?;
    }
    Ok(Applied::Done)
}

/// The row of an account, unless what is known of it may be of one that was deleted.
async fn known_account(connection: &mut SqliteConnection, jid: &BareJid) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT id FROM account WHERE jid = ? AND jid NOT IN (SELECT jid FROM deletion)")
        .bind(jid.as_str())
        .fetch_optional(connection)
        .await
}

async fn change(
    connection: &mut SqliteConnection,
    owner: &BareJid,
    account: i64,
    change: &Change,
) -> Result<(), StoreError> {
    match change {
        Change::SetRosterItem(item) => set_item(connection, account, item).await?,
        Change::RemoveRosterItem { jid, version, floor } => {
            remove_item(connection, account, jid, *version, *floor).await?;
        }
        Change::KeepPending(pending) => keep_pending(connection, account, pending).await?,
        Change::RemovePending { from, kind } => remove_pending(connection, account, from, *kind).await?,
        Change::SetLastPresence { at, presence } => set_presence(connection, account, *at, presence).await?,
        Change::AppendOffline(message) => append(connection, account, message).await?,
        Change::RemoveOffline { through } => {
            sqlx::query("DELETE FROM offline_message WHERE account = ? AND number <= ? AND NOT damaged")
                .bind(account)
                .bind(to_row(*through))
                .execute(connection)
                .await?;
        }
        Change::SetState { module, key, value } => {
            set_state(connection, owner, module, key, value.as_deref()).await?;
        }
        // To keep half of a step would be worse than to keep none.
        _ => return Err(StoreError::Unsupported),
    }
    Ok(())
}

async fn set_item(connection: &mut SqliteConnection, account: i64, item: &RosterItem) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM roster_removal WHERE account = ? AND contact = ?")
        .bind(account)
        .bind(item.jid().as_str())
        .execute(&mut *connection)
        .await?;
    let row: i64 = sqlx::query_scalar(
        "INSERT INTO roster_item (account, contact, name, subscription, ask, approved, version)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (account, contact) DO UPDATE
         SET name = excluded.name, subscription = excluded.subscription, ask = excluded.ask,
             approved = excluded.approved, version = excluded.version
         RETURNING id",
    )
    .bind(account)
    .bind(item.jid().as_str())
    .bind(item.name())
    .bind(item.subscription().name())
    .bind(item.ask())
    .bind(item.approved())
    .bind(to_row(item.version()))
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

async fn remove_item(
    connection: &mut SqliteConnection,
    account: i64,
    contact: &Jid,
    version: u64,
    floor: u64,
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM roster_item WHERE account = ? AND contact = ?")
        .bind(account)
        .bind(contact.as_str())
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO roster_removal (account, contact, version) VALUES (?, ?, ?)
         ON CONFLICT (account, contact) DO UPDATE SET version = excluded.version",
    )
    .bind(account)
    .bind(contact.as_str())
    .bind(to_row(version))
    .execute(&mut *connection)
    .await?;
    let raised = sqlx::query("UPDATE account SET roster_floor = ?1 WHERE id = ?2 AND roster_floor <> ?1")
        .bind(to_row(floor))
        .bind(account)
        .execute(&mut *connection)
        .await?;
    if raised.rows_affected() > 0 {
        sqlx::query("DELETE FROM roster_removal WHERE account = ? AND version <= ?")
            .bind(account)
            .bind(to_row(floor))
            .execute(connection)
            .await?;
    }
    Ok(())
}

const fn kind_name(kind: PendingKind) -> &'static str {
    match kind {
        PendingKind::Request => "request",
        PendingKind::Notice => "notice",
    }
}

async fn keep_pending(
    connection: &mut SqliteConnection,
    account: i64,
    pending: &Pending,
) -> sqlx::Result<()> {
    sqlx::query("INSERT OR REPLACE INTO pending (account, contact, kind, stanza) VALUES (?, ?, ?, ?)")
        .bind(account)
        .bind(pending.from().as_str())
        .bind(kind_name(pending.kind()))
        .bind(pending.presence().to_string())
        .execute(connection)
        .await?;
    Ok(())
}

async fn remove_pending(
    connection: &mut SqliteConnection,
    account: i64,
    from: &BareJid,
    kind: PendingKind,
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM pending WHERE account = ? AND contact = ? AND kind = ?")
        .bind(account)
        .bind(from.as_str())
        .bind(kind_name(kind))
        .execute(connection)
        .await?;
    Ok(())
}

async fn set_presence(
    connection: &mut SqliteConnection,
    account: i64,
    at: UtcTime,
    presence: &Presence,
) -> sqlx::Result<()> {
    sqlx::query("UPDATE account SET last_seen = ?, last_presence = ? WHERE id = ?")
        .bind(at.as_micros())
        .bind(presence.to_string())
        .bind(account)
        .execute(connection)
        .await?;
    Ok(())
}

async fn append(
    connection: &mut SqliteConnection,
    account: i64,
    message: &OfflineMessage,
) -> sqlx::Result<()> {
    let number = to_row(message.number());
    sqlx::query(
        "INSERT OR REPLACE INTO offline_message (account, number, received, bytes, stanza) VALUES (?, ?, ?, ?, ?)",
    )
    .bind(account)
    .bind(number)
    .bind(message.at().as_micros())
    .bind(to_row(message.bytes() as u64))
    .bind(message.message().to_string())
    .execute(&mut *connection)
    .await?;
    sqlx::query("UPDATE account SET offline_last = max(offline_last, ?) WHERE id = ?")
        .bind(number)
        .bind(account)
        .execute(connection)
        .await?;
    Ok(())
}

async fn set_state(
    connection: &mut SqliteConnection,
    owner: &BareJid,
    module: &str,
    key: &str,
    value: Option<&[u8]>,
) -> sqlx::Result<()> {
    let query = match value {
        Some(value) => {
            sqlx::query("INSERT OR REPLACE INTO module_state (value, owner, module, key) VALUES (?, ?, ?, ?)")
                .bind(value)
        }
        None => sqlx::query("DELETE FROM module_state WHERE owner = ? AND module = ? AND key = ?"),
    };
    query.bind(owner.as_str()).bind(module).bind(key).execute(connection).await?;
    Ok(())
}
