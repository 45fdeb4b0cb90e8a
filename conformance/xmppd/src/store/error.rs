//! What can go wrong between the server and its disk.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// The store could not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The data folder cannot be made or used.
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The database file cannot be opened or brought up to date.
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: sqlx::Error,
    },
    /// The database was made by a newer version, whose tables this one does not know.
    TooNew {
        /// The file.
        path: PathBuf,
        /// The version of its tables.
        version: i64,
    },
    /// A query failed: the disk is full, broken or gone, or another process holds the database too long.
    Database(sqlx::Error),
    /// The database holds what this program never writes.
    Corrupt(String),
    /// The engine wants a kind of change kept that the tables have no place for.
    Unsupported,
}

impl StoreError {
    /// A value that was read cannot have been written by the store.
    pub(super) fn corrupt(what: &str, why: impl fmt::Display) -> Self {
        Self::Corrupt(format!("{what}: {why}"))
    }

    /// Another process has held the database too long: whatever is tried next would wait as long.
    pub(super) fn is_busy(&self) -> bool {
        // SQLITE_BUSY, whatever the extended code says of it.
        const BUSY: &str = "5";
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.code().as_deref() == Some(BUSY))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { path, source } => write!(f, "data folder {}: {source}", path.display()),
            Self::Open { path, source } => write!(f, "store {}: {source}", path.display()),
            Self::TooNew { path, version } => write!(
                f,
                "store {} was made by a newer version of xmppd (its tables are version {version}); use that version",
                path.display()
            ),
            Self::Database(source) => write!(f, "store: {source}"),
            Self::Corrupt(what) => write!(f, "store is damaged: {what}"),
            Self::Unsupported => f.write_str("store has no place for this kind of change"),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder { source, .. } => Some(source),
            Self::Open { source, .. } | Self::Database(source) => Some(source),
            Self::TooNew { .. } | Self::Corrupt(_) | Self::Unsupported => None,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

/// An account could not be added or changed.
#[derive(Debug)]
#[non_exhaustive]
pub enum AccountError {
    /// There is an account of that address.
    Exists,
    /// There is no account of that address.
    Unknown,
    /// The store failed.
    Store(StoreError),
}

impl fmt::Display for AccountError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exists => f.write_str("there is an account of that address already"),
            Self::Unknown => f.write_str("there is no account of that address"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AccountError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Exists | Self::Unknown => None,
            Self::Store(error) => Some(error),
        }
    }
}

impl<E: Into<StoreError>> From<E> for AccountError {
    fn from(error: E) -> Self {
        Self::Store(error.into())
    }
}
