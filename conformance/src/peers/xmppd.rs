//! Our reference runtime as a peer's counterpart: a real process on a free port.

use super::{
    Account, Failure, JULIET, ROMEO, Server,
    artifact::Artifact,
    process::{self, Daemon},
};
use std::{path::Path, process::Command, time::Duration};
use tempfile::TempDir;

/// How long adding an account may take.
const ADD: Duration = Duration::from_secs(60);

/// A running `xmppd`; ended and removed on drop.
#[derive(Debug)]
pub struct Xmppd {
    // Declared in this order: the daemon ends before its data goes.
    _daemon: Daemon,
    server: Server,
    _data: TempDir,
}

impl Xmppd {
    /// Builds it, adds the accounts and runs it as `localhost`.
    ///
    /// # Errors
    /// It does not build, take the accounts, start, or make its certificate.
    pub fn start() -> Result<Self, Failure> {
        let program = Artifact::Binary("xmppd").build()?;
        let data = tempfile::tempdir()?;
        for account in [ROMEO, JULIET] {
            add(&program, data.path(), account)?;
        }

        let address = process::free_address()?;
        let mut command = Command::new(&program);
        command.arg("--data").arg(data.path()).args(["serve", "--domain", "localhost", "--c2s"]);
        command.arg(address.to_string());
        // Self-signed: its own authority.
        let authority = data.path().join("cert.pem");
        let log = data.path().join("log");
        let daemon = Daemon::start(command, address, &log)?;
        let server = Server { address, authority, log };
        match server.authority.is_file() {
            true => Ok(Self { _daemon: daemon, server, _data: data }),
            false => Err(server.told_by(Failure::new("xmppd made no certificate"))),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }
}

fn add(program: &Path, data: &Path, account: Account) -> Result<(), Failure> {
    let mut command = Command::new(program);
    command.arg("--data").arg(data).args(["user", "add"]).arg(format!("{}@localhost", account.name));
    process::run(command, &format!("{}\n", account.password), ADD).map(drop)
}
