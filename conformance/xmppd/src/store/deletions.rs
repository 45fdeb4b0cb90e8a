//! Deleted accounts, until a server has ended their sessions and told those whom they had to do with, and what these had to store because of it is
//! stored. A server that is killed in the middle tells them again: who has heard it has nothing left to do.
//!
//! An account goes at once, with all that is kept of it; what remains is a record of whom to tell. While there is one, no
//! [step](super::Step) is applied to an account of that address, even if it was added again: a server may still take the old one's
//! changes for the new one's.

use xmpp_core::jid::BareJid;
use xmpp_im::store::AccountData;

use super::accounts::account_id;
use super::{AccountError, Store, StoreError, load};

/// An account that was deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Deletion {
    /// Grows with every deletion.
    pub number: i64,
    /// Its address; there may be a new account under it.
    pub account: BareJid,
    /// Its subscriptions and the requests that it has not answered.
    pub data: AccountData,
}

impl Store {
    /// Deletes an account with everything that is kept of it, and leaves word for [`deletions`](Self::deletions).
    ///
    /// # Errors
    /// [`AccountError::Unknown`], [`AccountError::Store`].
    pub async fn delete_account(&self, jid: &BareJid) -> Result<(), AccountError> {
        let mut transaction = self.write().await?;
        let account = account_id(&mut transaction, jid).await?.ok_or(AccountError::Unknown)?;
        let deletion: i64 = sqlx::query_scalar("INSERT INTO deletion (jid) VALUES (?) RETURNING id")
            .bind(jid.as_str())
            .fetch_one(&mut *transaction)
            .await?;
        for statement in [
            "INSERT INTO deleted_contact (deletion, contact, subscription, ask, approved)
             SELECT ?, contact, subscription, ask, approved FROM roster_item
             WHERE account = ? AND (subscription <> 'none' OR ask)",
            "INSERT INTO deleted_request (deletion, stanza)
             SELECT ?, stanza FROM pending WHERE account = ? AND kind = 'request'",
        ] {
            sqlx::query(statement).bind(deletion).bind(account).execute(&mut *transaction).await?;
        }
        sqlx::query("DELETE FROM account WHERE id = ?").bind(account).execute(&mut *transaction).await?;
        // The state belongs to owners that need not be accounts, so it does not go by itself.
        sqlx::query("DELETE FROM module_state WHERE owner = ?")
            .bind(jid.as_str())
            .execute(&mut *transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// The accounts that were deleted and are not [forgotten](Self::forget_deletions), with numbers after that one, in their order.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn deletions(&self, after: i64) -> Result<Vec<Deletion>, StoreError> {
        let mut snapshot = self.readers.begin().await?;
        let rows: Vec<(i64, String)> =
            sqlx::query_as("SELECT id, jid FROM deletion WHERE id > ? ORDER BY id")
                .bind(after)
                .fetch_all(&mut *snapshot)
                .await?;
        let mut deletions = Vec::with_capacity(rows.len());
        for (number, jid) in rows {
            let account = BareJid::new(&jid).map_err(|error| StoreError::corrupt(&jid, error))?;
            let data = load::deleted(&mut snapshot, number).await?;
            deletions.push(Deletion { number, account, data });
        }
        snapshot.rollback().await?;
        Ok(deletions)
    }

    /// Forgets the deletions up to that number: a server has done what there was to do, and has nothing left of those accounts.
    ///
    /// # Errors
    /// [`StoreError::Database`].
    pub async fn forget_deletions(&self, through: i64) -> Result<(), StoreError> {
        let mut transaction = self.write().await?;
        sqlx::query("DELETE FROM deletion WHERE id <= ?").bind(through).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }
}
