//! Accounts and their SCRAM keys.

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::{Row as _, SqliteConnection};
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::{ScramHash, ScramKeys};

use super::{AccountError, Store, StoreError};

impl Store {
    /// Adds an account with these keys.
    ///
    /// # Errors
    /// [`AccountError::Exists`], [`AccountError::Store`].
    pub async fn add_account(&self, jid: &BareJid, keys: &[ScramKeys]) -> Result<(), AccountError> {
        // A clock before 1970 is no reason to refuse an account.
        let created = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let mut transaction = self.write().await?;
        let id: Option<i64> = sqlx::query_scalar(
            "INSERT INTO account (jid, created, incarnation) VALUES (?, ?, random())
             ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(jid.as_str())
        .bind(i64::try_from(created).unwrap_or(i64::MAX))
        .fetch_optional(&mut *transaction)
        .await?;
        insert_keys(&mut transaction, id.ok_or(AccountError::Exists)?, keys).await?;
        Ok(transaction.commit().await?)
    }

    /// Replaces all keys of an account.
    ///
    /// # Errors
    /// [`AccountError::Unknown`], [`AccountError::Store`].
    pub async fn set_keys(&self, jid: &BareJid, keys: &[ScramKeys]) -> Result<(), AccountError> {
        let mut transaction = self.write().await?;
        let id = account_id(&mut transaction, jid).await?.ok_or(AccountError::Unknown)?;
        sqlx::query("DELETE FROM scram_key WHERE account = ?").bind(id).execute(&mut *transaction).await?;
        insert_keys(&mut transaction, id, keys).await?;
        Ok(transaction.commit().await?)
    }

    /// Gives an account these keys as well, but for hash functions of which it has a key: whoever changed the password meanwhile
    /// is right. Whether there were any to give.
    ///
    /// # Errors
    /// [`AccountError::Unknown`], [`AccountError::Store`].
    pub async fn add_keys(&self, jid: &BareJid, keys: &[ScramKeys]) -> Result<bool, AccountError> {
        let mut transaction = self.write().await?;
        let id = account_id(&mut transaction, jid).await?.ok_or(AccountError::Unknown)?;
        let added = insert_keys(&mut transaction, id, keys).await?;
        transaction.commit().await?;
        Ok(added > 0)
    }

    /// The addresses of all accounts, in their order.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn list_accounts(&self) -> Result<Vec<BareJid>, StoreError> {
        let jids: Vec<String> =
            sqlx::query_scalar("SELECT jid FROM account ORDER BY jid").fetch_all(&self.readers).await?;
        jids.iter().map(|jid| BareJid::new(jid).map_err(|error| StoreError::corrupt(jid, error))).collect()
    }

    /// Whether there is an account of that address.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn account_exists(&self, jid: &BareJid) -> Result<bool, StoreError> {
        Ok(sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM account WHERE jid = ?)")
            .bind(jid.as_str())
            .fetch_one(&self.readers)
            .await?)
    }

    /// A number that differs from the last one when another process has changed the store meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn foreign_changes(&self) -> Result<i64, StoreError> {
        // It counts the commits of other connections; in this process the writer is the only one that makes any.
        Ok(sqlx::query_scalar("PRAGMA data_version").fetch_one(&self.writer).await?)
    }

    /// The hash functions of which every account has a key that has any.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn common_hashes(&self) -> Result<Vec<ScramHash>, StoreError> {
        let mut common = Vec::new();
        for hash in ScramHash::ALL {
            let lacking: bool = sqlx::query_scalar(
                "SELECT EXISTS (SELECT 1 FROM scram_key k WHERE NOT EXISTS
                     (SELECT 1 FROM scram_key WHERE account = k.account AND hash = ?))",
            )
            .bind(hash.name())
            .fetch_one(&self.readers)
            .await?;
            if !lacking {
                common.push(hash);
            }
        }
        Ok(common)
    }

    /// The keys of an account; `None` when there is no such account.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn credentials(&self, jid: &BareJid) -> Result<Option<Vec<ScramKeys>>, StoreError> {
        // One row per key, and one without a key for an account that has none: one statement, one snapshot.
        let rows = sqlx::query(
            "SELECT k.hash, k.salt, k.iterations, k.stored_key, k.server_key
             FROM account a LEFT JOIN scram_key k ON k.account = a.id
             WHERE a.jid = ? ORDER BY k.hash",
        )
        .bind(jid.as_str())
        .fetch_all(&self.readers)
        .await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let mut keys = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(hash) = row.try_get::<Option<&str>, _>(0)? else { continue };
            let (salt, stored_key, server_key): (&[u8], _, _) =
                (row.try_get(1)?, row.try_get(3)?, row.try_get(4)?);
            // Zero is refused with the rest.
            let iterations = u32::try_from(row.try_get::<i64, _>(2)?).unwrap_or(0);
            let key = ScramHash::from_name(hash)
                .and_then(|hash| ScramKeys::from_parts(hash, salt, iterations, stored_key, server_key).ok());
            keys.push(key.ok_or_else(|| StoreError::corrupt(jid.as_str(), "SCRAM keys"))?);
        }
        Ok(Some(keys))
    }
}

/// The row of an account.
pub(super) async fn account_id(
    connection: &mut SqliteConnection,
    jid: &BareJid,
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar("SELECT id FROM account WHERE jid = ?")
        .bind(jid.as_str())
        .fetch_optional(connection)
        .await
}

/// Adds keys, none for a hash function that the account has one of. How many were added.
async fn insert_keys(
    connection: &mut SqliteConnection,
    account: i64,
    keys: &[ScramKeys],
) -> sqlx::Result<u64> {
    let mut added = 0;
    for key in keys {
        let inserted = sqlx::query(
            "INSERT INTO scram_key (account, hash, salt, iterations, stored_key, server_key)
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(account)
        .bind(key.hash().name())
        .bind(key.salt())
        .bind(key.iterations())
        .bind(key.stored_key())
        .bind(key.server_key())
        .execute(&mut *connection)
        .await?;
        added += inserted.rows_affected();
    }
    Ok(added)
}
