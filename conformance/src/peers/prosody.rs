//! Prosody, a server that nobody here wrote, as Debian packages it.

use super::{
    Absent, Account, Direction, Failure, JULIET, Proof, ROMEO, Server, Site,
    process::{self, Daemon, Ready},
};
use std::{net::SocketAddr, process::Command};
use tempfile::TempDir;

/// The hash of the keys that accounts hold. Prosody 0.12 stores one per account
/// and offers SCRAM with that one only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hash {
    /// Offers SCRAM-SHA-1.
    Sha1,
    /// Offers SCRAM-SHA-256.
    Sha256,
}

/// The one TLS version that is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// TLS 1.2, where Prosody 0.12 offers -PLUS with `tls-unique`.
    V1_2,
    /// TLS 1.3, where Prosody 0.12 by itself offers no -PLUS.
    V1_3,
}

/// The channel bindings that Prosody's SCRAM accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bindings {
    /// What it has by itself: `tls-unique`, with TLS 1.2 only.
    Own,
    /// Also `tls-exporter` and `tls-server-end-point`, through a module of ours;
    /// Prosody's SCRAM itself is unchanged.
    Added,
}

/// How a Prosody is going to be run.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    hash: Hash,
    tls: Tls,
    bindings: Bindings,
    component: Option<Account>,
    offline: bool,
}

impl Setup {
    /// With this hash; SHA-256 if nothing is said.
    #[must_use]
    pub fn hash(self, hash: Hash) -> Self {
        Self { hash, ..self }
    }

    /// With this TLS version; 1.3 if nothing is said.
    #[must_use]
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls, ..self }
    }

    /// With these bindings; its own if nothing is said.
    #[must_use]
    pub fn bindings(self, bindings: Bindings) -> Self {
        Self { bindings, ..self }
    }

    /// With an external component (XEP-0114) of this name below its domain; with
    /// none if nothing is said.
    #[must_use]
    pub fn component(self, component: Account) -> Self {
        Self { component: Some(component), ..self }
    }

    /// Keeping messages for who is not there; if nothing is said, they are refused.
    #[must_use]
    pub fn keeping_messages(self) -> Self {
        Self { offline: true, ..self }
    }

    /// Runs it as `localhost` on a free port of the loopback interface.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(self) -> Result<Prosody, Failure> {
        self.run(None)
    }

    /// Runs it as the domain of `site`, where it also talks to other servers.
    ///
    /// # Errors
    /// It does not start.
    pub fn federate(self, site: &Site<'_>) -> Result<Prosody, Failure> {
        self.run(Some(site))
    }

    fn run(self, site: Option<&Site<'_>>) -> Result<Prosody, Failure> {
        let folder = tempfile::tempdir()?;
        let address = process::free_address()?;
        let mut addresses = vec![address];
        let mut command = Command::new(process::source("prosody/serve"));
        command.arg("--dir").arg(folder.path()).arg("--port").arg(address.port().to_string());
        let (mut domain, mut authority) = ("localhost", folder.path().join("ca.pem"));
        if let Some(site) = site {
            domain = site.domain();
            authority = site.write(folder.path())?.issuer;
            addresses.push(site.s2s());
            let dns = site.network().dns();
            if let Some(component) = self.component {
                dns.announce(&format!("{}.{domain}", component.name), site.s2s().port())?;
            }
            command.args(["--domain", domain, "--s2s-port", &site.s2s().port().to_string()]);
            command.args(["--dns", &format!("{}@{}", dns.address().ip(), dns.address().port())]);
            command.args(["--proof", if site.least() == Proof::External { "external" } else { "dialback" }]);
        }
        let components = self.component.map(|_| process::free_address()).transpose()?;
        if let (Some(component), Some(address)) = (self.component, components) {
            addresses.push(address);
            command.args(["--component-port", &address.port().to_string()]);
            command.arg("--component").arg(format!("{}:{}", component.name, component.password));
        }
        command.args(["--hash", if self.hash == Hash::Sha1 { "SHA-1" } else { "SHA-256" }]);
        command.args(["--tls", if self.tls == Tls::V1_2 { "1.2" } else { "1.3" }]);
        command.args(["--bindings", if self.bindings == Bindings::Own { "own" } else { "added" }]);
        command.args(["--offline", if self.offline { "kept" } else { "refused" }]);
        for account in [ROMEO, JULIET] {
            command.arg("--account").arg(format!("{}:{}", account.name, account.password));
        }
        let log = folder.path().join("log");
        let daemon = Daemon::start(command, &log, Ready::Accepts(&addresses))?;
        let server = Server { domain: domain.into(), address, authority, log };
        Ok(Prosody { _daemon: daemon, server, components, _folder: folder })
    }
}

/// A running Prosody; ended and removed on drop.
#[derive(Debug)]
pub struct Prosody {
    // Declared in this order: the daemon ends before its folder goes.
    _daemon: Daemon,
    server: Server,
    components: Option<SocketAddr>,
    _folder: TempDir,
}

impl Prosody {
    /// Looks for Prosody on this machine.
    ///
    /// # Errors
    /// `prosody`, `prosodyctl` or `openssl` (for its certificate) is not on the `PATH`.
    pub fn find() -> Result<Setup, Absent> {
        for program in ["prosody", "prosodyctl", "openssl"] {
            if !process::on_path(program) {
                return Err(Absent { peer: "Prosody", missing: format!("no `{program}` on the PATH") });
            }
        }
        Ok(Setup {
            hash: Hash::Sha256,
            tls: Tls::V1_3,
            bindings: Bindings::Own,
            component: None,
            offline: false,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Where it accepts its component, if it has one.
    #[must_use]
    pub fn components(&self) -> Option<SocketAddr> {
        self.components
    }

    /// How `remote` proved itself to it, or it to `remote`, on each stream so far.
    #[must_use]
    pub fn proofs(&self, direction: Direction, remote: &str) -> Vec<Proof> {
        let direction = if direction == Direction::Incoming { "incoming" } else { "outgoing" };
        let said = format!("{direction} {remote} by ");
        let printed = process::printed(&self.server.log);
        let proofs = printed.lines().filter_map(|line| line.split_once(&said));
        proofs
            .filter_map(|(_, mechanism)| match mechanism.trim_end() {
                "EXTERNAL" => Some(Proof::External),
                "dialback" => Some(Proof::Dialback),
                _ => None,
            })
            .collect()
    }
}
