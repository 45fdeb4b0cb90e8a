//! The command line: what can be asked of `xmppd`, as values.
//!
//! Only syntax is decided here (a malformed address is a usage error, exit status 2); whatever needs
//! the store or the network fails later, with status 1.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::Secret;

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
    /// Run the server until it is interrupted
    Serve(Box<Serve>),
    /// Manage the accounts; works beside a running server
    #[command(subcommand)]
    User(UserCommand),
}

/// What `xmppd serve` can be told; without anything it serves `localhost` to this machine.
#[derive(Debug, Args)]
pub struct Serve {
    /// Domain to serve; may be given several times [default: localhost]
    #[arg(long = "domain", value_name = "DOMAIN", value_parser = domain_jid)]
    domains: Vec<BareJid>,

    /// Address to listen on for clients
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5222")]
    pub c2s: SocketAddr,

    /// Address to listen on for clients that begin with TLS (XEP-0368)
    #[arg(long, value_name = "ADDR")]
    pub c2s_tls: Option<SocketAddr>,

    /// Address to listen on for other servers; may be given several times. Without one, nothing goes to other servers either
    #[arg(long, value_name = "ADDR")]
    pub s2s: Vec<SocketAddr>,

    /// Believe the other servers' certificates that the certificates in this PEM file vouch for, or that are in it [default: those that
    /// this machine trusts]
    #[arg(long, value_name = "FILE", requires = "s2s")]
    pub ca: Option<PathBuf>,

    /// Talk only to servers whose certificates are believed: no dialback
    #[arg(long, requires = "s2s")]
    pub require_certificates: bool,

    /// Reach the servers of this domain there, without asking the DNS; may be given several times
    #[arg(long, value_name = "DOMAIN=ADDR", value_parser = resolution, requires = "s2s")]
    pub resolve: Vec<Resolution>,

    /// Address to listen on for components (XEP-0114); nothing is encrypted there
    #[arg(long, value_name = "ADDR", requires = "components")]
    pub component_listen: Option<SocketAddr>,

    /// Domain of a component, and the secret by which it is known; may be given several times
    #[arg(long = "component", value_name = "NAME:SECRET", value_parser = component, requires = "component_listen")]
    pub components: Vec<Component>,

    /// Let anybody log in without an account (SASL ANONYMOUS), to talk to this server's users and components
    #[arg(long)]
    pub anonymous: bool,

    /// Let clients log in with certificates (SASL EXTERNAL) that the certificates in this PEM file vouch for
    #[arg(long, value_name = "FILE")]
    pub client_ca: Option<PathBuf>,

    /// What becomes of a client that asks for a resource which another client of its account has
    #[arg(long, value_name = "POLICY", value_enum, default_value_t = Conflict::Override)]
    pub conflict: Conflict,

    /// Messages that wait for an account of which nobody is there, until one more is refused; with 0 all are, and those that wait already are still
    /// delivered
    #[arg(long, value_name = "COUNT", default_value_t = 1_000)]
    pub offline_messages: u32,

    /// Contacts in an account's roster, until one more is refused
    #[arg(long, value_name = "COUNT", default_value_t = 10_000)]
    pub roster_items: u32,

    /// Certificate chain, the server's own first, in PEM; a self-signed one is made in the data folder otherwise
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,

    /// Private key of the certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// Let clients log in and talk without TLS; passwords never go over such a connection as they are
    #[arg(long)]
    pub insecure_plaintext: bool,
}

impl Serve {
    /// The domains, each once, in the order in which they were given.
    pub fn domains(&self) -> Vec<BareJid> {
        let mut domains: Vec<BareJid> = Vec::new();
        for domain in &self.domains {
            if !domains.contains(domain) {
                domains.push(domain.clone());
            }
        }
        if domains.is_empty() {
            domains.extend(BareJid::new("localhost"));
        }
        domains
    }
}

/// Who gives way when two clients of an account want the same resource (RFC 6120, 7.7.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Conflict {
    /// It gets another resource
    Override,
    /// It is refused, and may ask for another resource
    Refuse,
    /// It gets the resource, and the other client's stream ends
    Terminate,
}

/// Where the servers of a domain are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// The domain.
    pub domain: BareJid,
    /// The address and port at which its server listens for other servers.
    pub address: SocketAddr,
}

/// A component that may connect.
#[derive(Clone, Debug)]
pub struct Component {
    /// Its domain.
    pub domain: BareJid,
    /// What it proves to know.
    pub secret: Secret,
}

/// The commands of `xmppd user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Create an account; the password is one line of standard input, or asked for on a terminal
    Add(Account),
    /// Print the address of every account, one per line, sorted
    List,
    /// Delete an account and its roster; a running server ends its sessions within seconds
    Delete(Account),
    /// Replace the password of an account, given as for `add`; who is logged in stays logged in
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

/// Reads a domain, prepared.
fn domain_jid(text: &str) -> Result<BareJid, String> {
    let jid = BareJid::new(text).map_err(|error| error.to_string())?;
    match jid.node() {
        Some(_) => Err("this is the address of an account, not a domain".to_owned()),
        None => Ok(jid),
    }
}

/// Reads where a domain is.
fn resolution(text: &str) -> Result<Resolution, String> {
    let (domain, address) = text.split_once('=').ok_or("it has the form DOMAIN=ADDR")?;
    let address = address.parse().map_err(|_| format!("{address:?} is no address with a port"))?;
    Ok(Resolution { domain: domain_jid(domain)?, address })
}

/// Reads a component's domain and secret.
fn component(text: &str) -> Result<Component, String> {
    // The address of an IPv6 host has colons, and is no name for a component.
    let (domain, secret) = text.split_once(':').ok_or("it has the form NAME:SECRET")?;
    if secret.is_empty() {
        return Err("there is no secret".to_owned());
    }
    Ok(Component { domain: domain_jid(domain)?, secret: Secret::new(secret) })
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

    fn serve(args: &[&str]) -> Result<Serve, clap::error::ErrorKind> {
        let args = ["xmppd", "serve"].iter().chain(args);
        match Cli::try_parse_from(args).map_err(|error| error.kind())?.command {
            Command::Serve(serve) => Ok(*serve),
            other => panic!("not `serve`: {other:?}"),
        }
    }

    #[test]
    fn serve_needs_no_configuration() {
        let serve = serve(&[]).unwrap();
        assert_eq!(serve.domains(), [BareJid::new("localhost").unwrap()]);
        assert_eq!(serve.c2s, "127.0.0.1:5222".parse().unwrap());
        assert!(serve.cert.is_none() && serve.key.is_none() && !serve.insecure_plaintext);
        let limits = xmpp_im::limits::HostLimits::new();
        let ours = (serve.offline_messages as usize, serve.roster_items as usize);
        assert_eq!(ours, (limits.offline_messages(), limits.roster_items()));
        assert_eq!(serve.conflict, Conflict::Override);
    }

    #[test]
    fn policies_and_limits_are_words_and_numbers() {
        let given = ["--conflict", "terminate", "--offline-messages", "0", "--roster-items", "4294967295"];
        let given = serve(&given).unwrap();
        assert_eq!(
            (given.conflict, given.offline_messages, given.roster_items),
            (Conflict::Terminate, 0, u32::MAX)
        );
        for (flag, bad) in [("--conflict", "fight"), ("--offline-messages", "-1"), ("--roster-items", "many")]
        {
            let kind = serve(&[&format!("{flag}={bad}")]).unwrap_err();
            assert!(
                matches!(
                    kind,
                    clap::error::ErrorKind::ValueValidation | clap::error::ErrorKind::InvalidValue
                ),
                "{flag} {bad}: {kind}"
            );
        }
    }

    #[test]
    fn a_domain_counts_once_and_is_none_of_an_account() {
        let given = serve(&["--domain", "b.example", "--domain", "a.example", "--domain", "B.EXAMPLE"]);
        let names: Vec<_> = given.unwrap().domains().iter().map(|jid| jid.as_str().to_owned()).collect();
        assert_eq!(names, ["b.example", "a.example"]);
        for bad in ["juliet@localhost", "localhost/x", "", "a b"] {
            let kind = serve(&["--domain", bad]).unwrap_err();
            assert_eq!(kind, clap::error::ErrorKind::ValueValidation, "{bad:?}");
        }
    }

    #[test]
    fn where_a_domain_is_takes_an_address_and_a_port() {
        let base = ["--s2s", "127.0.0.1:5269"];
        let with = |more: &str| serve(&[&base[..], &["--resolve", more]].concat());
        let given = with("B.Example=[::1]:5269").unwrap().resolve;
        let expected =
            Resolution { domain: BareJid::new("b.example").unwrap(), address: "[::1]:5269".parse().unwrap() };
        assert_eq!(given, [expected]);
        for bad in
            ["b.example", "=127.0.0.1:1", "b.example=127.0.0.1", "b.example=", "a@b.example=127.0.0.1:1"]
        {
            assert_eq!(with(bad).unwrap_err(), clap::error::ErrorKind::ValueValidation, "{bad:?}");
        }
        let alone = serve(&["--resolve", "b.example=127.0.0.1:5269"]).unwrap_err();
        assert_eq!(alone, clap::error::ErrorKind::MissingRequiredArgument);
    }

    #[test]
    fn a_component_has_a_name_and_a_secret() {
        let with = |more: &str| serve(&["--component-listen", "127.0.0.1:5347", "--component", more]);
        let given = with("Plays.localhost:to:be").unwrap().components;
        assert_eq!(given[0].domain.as_str(), "plays.localhost");
        assert!(!format!("{given:?}").contains("to:be"));
        for bad in ["plays.localhost", "plays.localhost:", ":secret", "a@plays.localhost:secret"] {
            assert_eq!(with(bad).unwrap_err(), clap::error::ErrorKind::ValueValidation, "{bad:?}");
        }
        for half in [["--component", "a:b"], ["--component-listen", "127.0.0.1:5347"]] {
            assert_eq!(serve(&half).unwrap_err(), clap::error::ErrorKind::MissingRequiredArgument);
        }
    }

    #[test]
    fn a_certificate_and_its_key_come_together() {
        assert!(serve(&["--cert", "c", "--key", "k"]).is_ok());
        for half in [["--cert", "c"], ["--key", "k"]] {
            let kind = serve(&half).unwrap_err();
            assert_eq!(kind, clap::error::ErrorKind::MissingRequiredArgument);
        }
    }
}
