//! The command line: what can be asked of `xmppd`, as values.
//!
//! Only syntax is decided here (a malformed address is a usage error, exit status 2); whatever needs
//! the store or the network fails later, with status 1.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use xmpp_core::jid::BareJid;

/// A reference XMPP server around a Sans-IO engine.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
pub struct Cli {
    /// Folder of the store and of the self-made certificate; created when missing
    #[arg(long, global = true, value_name = "DIR", default_value = "xmppd-data")]
    pub data: PathBuf,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of `xmppd`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Manage the accounts; works beside a running server
    #[command(subcommand)]
    User(UserCommand),
}

/// The commands of `xmppd user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create an account; the password is one line of standard input, or asked for on a terminal
    Add(Account),
    /// Print the address of every account, one per line, sorted
    List,
    /// Delete an account and its roster
    Delete(Account),
    /// Replace the password of an account; given as for `add`
    Passwd(Account),
}

/// The account that a command is about.
#[derive(Debug, Args)]
pub struct Account {
    /// Address of the account: node@domain
    #[arg(value_name = "JID", value_parser = account_jid)]
    pub jid: BareJid,
}

/// Reads the address of an account: a bare JID with a node (RFC 3920, 3.1), prepared.
fn account_jid(text: &str) -> Result<BareJid, String> {
    let jid = BareJid::new(text).map_err(|error| error.to_string())?;
    match jid.node() {
        Some(_) => Ok(jid),
        None => Err("the address of an account has a node: node@domain".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;

    fn jid_of(args: &[&str]) -> Result<String, clap::error::ErrorKind> {
        match Cli::try_parse_from(args).map_err(|error| error.kind())?.command {
            Command::User(UserCommand::Add(account)) => Ok(account.jid.to_string()),
            other => panic!("not `user add`: {other:?}"),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_data_folder_is_global_and_has_a_default() {
        let data = |args: &[&str]| Cli::try_parse_from(args).unwrap().data;
        assert_eq!(data(&["xmppd", "user", "list"]), Path::new("xmppd-data"));
        assert_eq!(data(&["xmppd", "--data", "d", "user", "list"]), Path::new("d"));
        assert_eq!(data(&["xmppd", "user", "list", "--data", "d"]), Path::new("d"));
    }

    #[test]
    fn an_account_is_a_prepared_bare_jid_with_a_node() {
        assert_eq!(jid_of(&["xmppd", "user", "add", "Juliet@LOCALHOST"]).unwrap(), "juliet@localhost");
        for bad in ["localhost", "@localhost", "juliet@", "juliet@localhost/balcony", "ju liet@localhost", ""]
        {
            let kind = jid_of(&["xmppd", "user", "add", bad]).unwrap_err();
            assert_eq!(kind, clap::error::ErrorKind::ValueValidation, "{bad:?}");
        }
    }
}
