//! Our reference runtime as a peer's counterpart: a real process on a free port.

use super::{
    Account, Authority, Direction, Failure, JULIET, Proof, ROMEO, Server, Site,
    artifact::Artifact,
    process::{self, Daemon, Ready},
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};
use tempfile::TempDir;

/// How long adding an account may take.
const ADD: Duration = Duration::from_secs(60);

/// A running `xmppd`; ended and removed on drop.
#[derive(Debug)]
pub struct Xmppd {
    // Declared in this order: the daemon ends before its data goes.
    _daemon: Daemon,
    server: Server,
    direct: Option<Server>,
    _data: TempDir,
}

impl Xmppd {
    /// Builds it, adds the accounts and runs it as `localhost`, with a certificate
    /// that it makes itself.
    ///
    /// # Errors
    /// It does not build, take the accounts, start, or make its certificate.
    pub fn start() -> Result<Self, Failure> {
        // Self-signed: its own authority.
        Self::run("localhost", None, |_, folder| Ok(folder.join("cert.pem")))
    }

    /// As [`start`](Self::start), and open to every way to log in: with TLS from the
    /// beginning, without an account, and by certificates that `clients` has issued.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn open(clients: &Authority) -> Result<Self, Failure> {
        Self::run("localhost", Some(process::free_address()?), |command, folder| {
            let file = folder.join("clients.pem");
            std::fs::write(&file, clients.pem())?;
            command.arg("--anonymous").arg("--client-ca").arg(file);
            Ok(folder.join("cert.pem"))
        })
    }

    /// Builds it, adds the accounts and runs it as the domain of `site`. It asks no
    /// name server: it is told where the `neighbours` are. `options` come at the end
    /// of its command line.
    ///
    /// # Errors
    /// It does not build, take the accounts, or start.
    pub fn federate(site: &Site<'_>, neighbours: &[&Site<'_>], options: &[&str]) -> Result<Self, Failure> {
        Self::run(site.domain(), None, |command, folder| {
            let files = site.write(folder)?;
            command.arg("--cert").arg(files.certificate).arg("--key").arg(files.key);
            command.args(["--s2s", &site.s2s().to_string()]).arg("--ca").arg(files.trusted);
            if site.least() == Proof::External {
                command.arg("--require-certificates");
            }
            for neighbour in neighbours {
                command.args(["--resolve", &format!("{}={}", neighbour.domain(), neighbour.s2s())]);
            }
            command.args(options);
            Ok(files.issuer)
        })
    }

    /// `told` completes the command line, and says whom its clients have to trust.
    fn run(
        domain: &str,
        direct: Option<SocketAddr>,
        told: impl FnOnce(&mut Command, &Path) -> Result<PathBuf, Failure>,
    ) -> Result<Self, Failure> {
        let program = Artifact::Binary("xmppd").build()?;
        let data = tempfile::tempdir()?;
        for account in [ROMEO, JULIET] {
            add(&program, data.path(), account, domain)?;
        }

        let address = process::free_address()?;
        let mut command = Command::new(&program);
        command.arg("--data").arg(data.path()).args(["serve", "--domain", domain, "--c2s"]);
        command.arg(address.to_string());
        if let Some(direct) = direct {
            command.args(["--c2s-tls", &direct.to_string()]);
        }
        let authority = told(&mut command, data.path())?;
        let log = data.path().join("log");
        let addresses: Vec<_> = [address].into_iter().chain(direct).collect();
        let daemon = Daemon::start(command, &log, Ready::Accepts(&addresses))?;
        let server = Server { domain: domain.into(), address, authority, log };
        let direct = direct.map(|address| Server { address, ..server.clone() });
        match server.authority.is_file() {
            true => Ok(Self { _daemon: daemon, server, direct, _data: data }),
            false => Err(server.told_by(Failure::new("xmppd made no certificate"))),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// How `remote` proved itself to it, or it to `remote`, on each stream so far.
    #[must_use]
    pub fn proofs(&self, direction: Direction, remote: &str) -> Vec<Proof> {
        let said = match direction {
            Direction::Incoming => "a server has proved its domain",
            Direction::Outgoing => "the server takes our stanzas",
        };
        let remote = format!(" remote={remote} ");
        let printed = process::printed(&self.server.log);
        let proofs = printed.lines().filter(|line| line.contains(said) && line.contains(&remote));
        proofs
            .filter_map(|line| match line {
                line if line.contains("proof=\"certificate\"") => Some(Proof::External),
                line if line.contains("proof=\"dialback\"") => Some(Proof::Dialback),
                _ => None,
            })
            .collect()
    }

    /// Where its clients begin with TLS, if it was [opened](Self::open) for them.
    #[must_use]
    pub fn direct(&self) -> Option<&Server> {
        self.direct.as_ref()
    }
}

fn add(program: &Path, data: &Path, account: Account, domain: &str) -> Result<(), Failure> {
    let mut command = Command::new(program);
    command.arg("--data").arg(data).args(["user", "add"]).arg(format!("{}@{domain}", account.name));
    process::run(command, &format!("{}\n", account.password), ADD).map(drop)
}
