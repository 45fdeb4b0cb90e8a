//! Real peers: servers and clients that nobody here wrote, run beside ours on
//! the loopback interface.
//!
//! - [`Prosody`] and [`Xmppd`] are servers with the accounts [`ROMEO`] and
//!   [`JULIET`], each in a temporary folder, gone when the value is dropped;
//! - [`Story`] is a session played by a real client, slixmpp or `@xmpp/client`,
//!   against any [`Server`], or the life of a subscription between two;
//! - [`Example`] is one of our own embedding examples as a process;
//! - [`Network`] is the little internet in which [`Prosody`], [`Ejabberd`] and
//!   [`Xmppd`] federate, each as a [`Site`]: [`Slixmpp`] then writes between two
//!   of them, and is a component of one;
//! - [`Gsasl`] is the other end of a SASL exchange.
//!
//! A machine may lack a peer. [`wanted`] turns that into a loud skip, or into a
//! failure where the environment says `XMPP_PEERS=required`. The folder
//! `conformance/peers` says how to install them.
//!
//! It does not judge: what has to hold is said by the tests and the stories.
//!
//! ```no_run
//! use xmpp_conformance::peers::{self, Prosody, Story};
//!
//! # fn main() -> Result<(), peers::Failure> {
//! let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
//! let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
//! let prosody = setup.start()?;
//! let told = story.tell(prosody.server(), &[])?;
//! assert!(told.step("login romeo").is_some());
//! # Ok(())
//! # }
//! ```

use std::{
    fmt,
    io::Write,
    net::SocketAddr,
    path::{Path, PathBuf},
};

mod artifact;
mod authority;
mod dns;
mod ejabberd;
mod example;
mod gsasl;
mod network;
mod process;
mod prosody;
mod slixmpp;
mod story;
mod xmppd;

pub use self::{
    authority::{Authority, Certificate, Name},
    dns::{Dns, Entry},
    ejabberd::{Ejabberd, Installed},
    example::Example,
    gsasl::{Exchange, Gsasl, Login, Role},
    network::{Direction, Network, Proof, Site},
    process::free_address,
    prosody::{Bindings, Hash, Prosody, Setup, Tls},
    slixmpp::{Component, Slixmpp},
    story::{Story, Told},
    xmppd::Xmppd,
};

/// An account that every server of this module has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// The localpart; the domain is the server's.
    pub name: &'static str,
    /// Chosen awkward: spaces, and what SCRAM and option parsers treat apart.
    pub password: &'static str,
}

/// The first account.
pub const ROMEO: Account = Account { name: "romeo", password: "wherefore art thou" };
/// The second account.
pub const JULIET: Account = Account { name: "juliet", password: "a rose, by any = name" };

/// What a client has to know of a running server.
#[derive(Debug, Clone)]
pub struct Server {
    domain: String,
    address: SocketAddr,
    authority: PathBuf,
    log: PathBuf,
}

impl Server {
    /// Where it accepts clients.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The XMPP domain, which is also the name in its certificate.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The PEM file that its certificate leads to.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// A client's failure, together with what the server printed meanwhile.
    fn told_by(&self, mut client: Failure) -> Failure {
        client.output += &format!("\n--- the output of {}\n", self.domain);
        client.output += &process::printed(&self.log);
        client
    }
}

/// A peer that this machine does not have.
#[derive(Debug, Clone)]
pub struct Absent {
    peer: &'static str,
    missing: String,
}

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not installed: {} (see conformance/peers/README.md)", self.peer, self.missing)
    }
}

/// The peer if it was found. If not: `None` after a message on stderr that no
/// test harness swallows, or a failure where `XMPP_PEERS=required`.
///
/// # Errors
/// The peer is absent and required.
pub fn wanted<T>(found: Result<T, Absent>) -> Result<Option<T>, Failure> {
    match found {
        Ok(peer) => Ok(Some(peer)),
        Err(absent) if std::env::var_os("XMPP_PEERS").is_some_and(|value| value == "required") => {
            Err(Failure::new(absent.to_string()))
        }
        Err(absent) => {
            // Not eprintln!, which the harness captures and drops when a test passes.
            let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: {absent}\n");
            Ok(None)
        }
    }
}

/// A peer did not do what it should have; what it printed comes along.
#[derive(Clone)]
pub struct Failure {
    what: String,
    output: String,
}

impl Failure {
    fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), output: String::new() }
    }

    fn with_output(what: impl Into<String>, output: impl Into<String>) -> Self {
        Self { what: what.into(), output: output.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if !self.output.is_empty() {
            write!(f, "\n--- its output\n{}\n---", self.output.trim_end())?;
        }
        Ok(())
    }
}

/// A test that returns its failure prints this: the output has to stay readable.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}
