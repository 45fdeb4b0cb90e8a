//! The commands of `xmppd user`: accounts, managed beside a running server or without one.

use std::fmt;
use std::io::{self, Write as _};
use std::path::Path;

use xmpp_core::jid::BareJid;

use crate::cli::{Account, UserCommand};
use crate::password::{self, PasswordError};
use crate::store::{AccountError, Store, StoreError};

/// Performs one command on the store of the data folder.
///
/// # Errors
/// [`UserError`]; no account was changed then.
pub async fn run(data: &Path, command: UserCommand) -> Result<(), UserError> {
    match command {
        UserCommand::Add(Account { jid }) => add(data, &jid).await,
        UserCommand::List => list(data).await,
        UserCommand::Delete(Account { jid }) => delete(data, &jid).await,
        UserCommand::Passwd(Account { jid }) => passwd(data, &jid).await,
    }
}

async fn add(data: &Path, jid: &BareJid) -> Result<(), UserError> {
    let store = Store::open(data).await?;
    // Nobody should type a password in vain; that nobody else adds the account meanwhile is up to the store.
    if store.account_exists(jid).await? {
        return Err(UserError::about(jid)(AccountError::Exists));
    }
    let keys = password::keys(&password::read()?, password::ITERATIONS)?;
    store.add_account(jid, &keys).await.map_err(UserError::about(jid))?;
    store.close().await;
    Ok(())
}

async fn list(data: &Path) -> Result<(), UserError> {
    let Some(store) = Store::open_existing(data).await? else {
        eprintln!("xmppd: there is no store in {} yet", data.display());
        return Ok(());
    };
    let mut out = io::stdout().lock();
    for jid in store.list_accounts().await? {
        writeln!(out, "{jid}").map_err(UserError::Output)?;
    }
    store.close().await;
    Ok(())
}

async fn delete(data: &Path, jid: &BareJid) -> Result<(), UserError> {
    let store = existing(data, jid).await?;
    store.delete_account(jid).await.map_err(UserError::about(jid))?;
    store.close().await;
    Ok(())
}

async fn passwd(data: &Path, jid: &BareJid) -> Result<(), UserError> {
    let store = existing(data, jid).await?;
    if !store.account_exists(jid).await? {
        return Err(UserError::about(jid)(AccountError::Unknown));
    }
    let keys = password::keys(&password::read()?, password::ITERATIONS)?;
    store.set_keys(jid, &keys).await.map_err(UserError::about(jid))?;
    store.close().await;
    Ok(())
}

/// The store, for a command on an account that should be in it.
async fn existing(data: &Path, jid: &BareJid) -> Result<Store, UserError> {
    Store::open_existing(data).await?.ok_or_else(|| UserError::about(jid)(AccountError::Unknown))
}

/// Why a command was not performed.
#[derive(Debug)]
#[non_exhaustive]
pub enum UserError {
    /// The account stands in the way, or is missing.
    Account(BareJid, AccountError),
    /// There is no usable password.
    Password(PasswordError),
    /// The store failed.
    Store(StoreError),
    /// The list cannot be printed.
    Output(io::Error),
}

impl UserError {
    fn about(jid: &BareJid) -> impl FnOnce(AccountError) -> Self {
        |error| Self::Account(jid.clone(), error)
    }
}

impl fmt::Display for UserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(jid, error) => write!(f, "{jid}: {error}"),
            Self::Password(error) => error.fmt(f),
            Self::Store(error) => error.fmt(f),
            Self::Output(error) => write!(f, "cannot print the list: {error}"),
        }
    }
}

impl std::error::Error for UserError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Account(_, error) => Some(error),
            Self::Password(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Output(error) => Some(error),
        }
    }
}

impl From<PasswordError> for UserError {
    fn from(error: PasswordError) -> Self {
        Self::Password(error)
    }
}

impl From<StoreError> for UserError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
