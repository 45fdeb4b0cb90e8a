//! Accounts, their keys and their rosters, in one SQLite file of the data folder.
//!
//! * A change is on the disk before its call returns: write-ahead log, `synchronous=FULL`. It survives the
//!   loss of the process and, as far as the disk keeps its word, of the power.
//! * Any number of processes may have the store open at once: a running server and `xmppd user` commands.
//!   Writing transactions take SQLite's write lock from their beginning, so that none has to be tried again.
//! * Passwords are never stored, only what SCRAM derives from them (RFC 5802, section 3).
//!
//! It keeps no cache and no rules: the engine loads an account once and decides in memory.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use xmpp_core::jid::BareJid;
//! use xmppd::store::Store;
//!
//! let dir = tempfile::tempdir().unwrap();
//! let store = Store::open(dir.path()).await.unwrap();
//! let juliet = BareJid::new("juliet@localhost").unwrap();
//! store.add_account(&juliet, &[]).await.unwrap();
//! let data = store.load_account(&juliet).await.unwrap().unwrap();
//! assert_eq!(data.roster(), []);
//! # })
//! ```

mod accounts;
mod apply;
mod deletions;
mod error;
mod load;
mod stanza;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Sqlite, SqlitePool, Transaction};
use zeroize::Zeroizing;

pub use self::apply::{Applied, Step};
pub use self::deletions::Deletion;
pub use self::error::{AccountError, StoreError};
use crate::data_dir::{DataDir, Setup};

/// Name of the database in the data folder.
pub const FILE: &str = "xmppd.sqlite";

/// How long a writer waits for the writers of other processes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections for reading: logins do not wait while a change is written to the disk.
const READERS: u32 = 2;

static MIGRATIONS: Migrator = sqlx::migrate!();

/// The store; clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    readers: SqlitePool,
    /// One connection: SQLite has one writer at a time, and here they queue in order.
    writer: SqlitePool,
}

impl Store {
    /// Opens the store of the data folder `dir`, making both when missing, and brings its tables up to date.
    ///
    /// A folder made here has mode 0700, the database always 0600.
    ///
    /// # Errors
    /// [`StoreError::Folder`], [`StoreError::Open`] and [`StoreError::TooNew`].
    pub async fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        // Two processes that make or update the same tables would fail each other.
        let setup =
            set_up(dir).await.map_err(|source| StoreError::Folder { path: dir.to_owned(), source })?;
        let store = Self::open_file(&path).await?;
        drop(setup);
        Ok(store)
    }

    /// Opens the store of the data folder `dir` if there is one; makes nothing.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn open_existing(dir: &Path) -> Result<Option<Self>, StoreError> {
        match dir.join(FILE).try_exists() {
            Ok(true) => Self::open(dir).await.map(Some),
            Ok(false) => Ok(None),
            Err(source) => Err(StoreError::Folder { path: dir.to_owned(), source }),
        }
    }

    async fn open_file(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT)
            .synchronous(SqliteSynchronous::Full);
        let writing = options.clone().journal_mode(SqliteJournalMode::Wal);
        let open = |source| StoreError::Open { path: path.to_owned(), source };

        // Idle connections stay: reopening one is a way to fail, and gains nothing.
        let pool = || SqlitePoolOptions::new().max_lifetime(None).idle_timeout(None);
        let writer = pool().max_connections(1).connect_with(writing).await.map_err(open)?;
        MIGRATIONS.run(&writer).await.map_err(|error| match error {
            MigrateError::VersionMissing(version) => StoreError::TooNew { path: path.to_owned(), version },
            MigrateError::Execute(source) => open(source),
            other => open(sqlx::Error::Migrate(Box::new(other))),
        })?;
        let reading = options.pragma("query_only", "ON");
        Ok(Self { readers: pool().max_connections(READERS).connect_lazy_with(reading), writer })
    }

    /// The key of this store from which the salts of accounts that do not exist are made (so that an
    /// unknown name is answered as a known one is, always alike); drawn at random when first asked for.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn decoy_key(&self) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        self.key("decoy_key").await
    }

    /// The secret of this store from which dialback keys are made (XEP-0185); drawn at random when first asked for. It is kept, since
    /// a restart must not make keys wrong that another server is just about to verify.
    ///
    /// # Errors
    /// [`StoreError::Database`], [`StoreError::Corrupt`].
    pub async fn dialback_secret(&self) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        self.key("dialback_secret").await
    }

    async fn key(&self, name: &'static str) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let mut fresh = Zeroizing::new([0; 32]);
        getrandom::fill(fresh.as_mut_slice())
            .map_err(|error| StoreError::Database(sqlx::Error::Io(error.into())))?;
        let mut transaction = self.write().await?;
        sqlx::query("INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING")
            .bind(name)
            .bind(fresh.as_slice())
            .execute(&mut *transaction)
            .await?;
        let kept: Vec<u8> = sqlx::query_scalar("SELECT value FROM setting WHERE name = ?")
            .bind(name)
            .fetch_one(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let kept = Zeroizing::new(kept);
        match <[u8; 32]>::try_from(kept.as_slice()) {
            Ok(key) => Ok(Zeroizing::new(key)),
            Err(_) => Err(StoreError::corrupt(name, "has another length")),
        }
    }

    /// Waits for the calls under way and closes the file. Calls that come later fail.
    pub async fn close(&self) {
        self.writer.close().await;
        self.readers.close().await;
    }

    /// Begins a writing transaction.
    async fn write(&self) -> sqlx::Result<Transaction<'static, Sqlite>> {
        const BEGIN: &str = "BEGIN IMMEDIATE";
        match self.writer.begin_with(BEGIN).await {
            // A failure that made SQLite itself roll the last one back, such as a full disk: the driver, whose own rollback then
            // failed, counts it as open for ever.
            Err(sqlx::Error::InvalidSavePointStatement) => {
                self.writer.acquire().await?.close().await?;
                self.writer.begin_with(BEGIN).await
            }
            outcome => outcome,
        }
    }
}

/// Makes the folder and the empty file, and keeps other processes away from both while the result is held.
async fn set_up(dir: &Path) -> std::io::Result<Setup> {
    let dir: PathBuf = dir.to_owned();
    // The lock may be waited for.
    tokio::task::spawn_blocking(move || {
        let setup = DataDir::create(&dir)?.lock()?;
        // SQLite would make it readable by others, and gives its side files the same mode.
        setup.create_private(FILE)?;
        Ok(setup)
    })
    .await?
}
