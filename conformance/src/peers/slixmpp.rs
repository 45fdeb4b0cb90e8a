//! slixmpp beyond one session: two servers between which it writes, and an
//! external component.

use super::{
    Absent, Failure, JULIET, ROMEO, Server,
    process::{self, Daemon, Ready},
    story::{LIMIT, Story, Told},
};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};
use tempfile::TempDir;

/// slixmpp as it is installed.
#[derive(Debug, Clone)]
pub struct Slixmpp {
    python: PathBuf,
}

impl Slixmpp {
    /// Looks for it as [`Story::slixmpp`] does.
    ///
    /// # Errors
    /// There is no such interpreter, or it has no slixmpp.
    pub fn find() -> Result<Self, Absent> {
        Story::python().map(|python| Self { python })
    }

    /// Lets [`ROMEO`] at `one` and [`JULIET`] at `other` talk to each other, with
    /// `options` at the end of the command line.
    ///
    /// # Errors
    /// A step failed; the failure names it and holds all that was printed.
    pub fn federate(&self, one: &Server, other: &Server, options: &[&str]) -> Result<Told, Failure> {
        self.between("slixmpp_federation.py", one, other, options)
    }

    /// Lets [`ROMEO`] at `one` and two resources of [`JULIET`] at `other`, which may be the same server, find out who
    /// gets what: by priorities, by privacy lists, and of who is gone. Both servers have to keep messages for who is not
    /// there. `options` come at the end of the command line.
    ///
    /// # Errors
    /// A step failed; the failure names it and holds all that was printed.
    pub fn deliver(&self, one: &Server, other: &Server, options: &[&str]) -> Result<Told, Failure> {
        self.between("slixmpp_delivery.py", one, other, options)
    }

    fn between(&self, name: &str, one: &Server, other: &Server, options: &[&str]) -> Result<Told, Failure> {
        let mut command = script(&self.python, name);
        for (option, account, server) in [("--one", ROMEO, one), ("--other", JULIET, other)] {
            command.args([option, &format!("{}@{}", account.name, server.domain()), account.password]);
            command.args([server.address().ip().to_string(), server.address().port().to_string()]);
            command.arg(server.authority());
        }
        command.args(options);
        process::run(command, "", LIMIT)
            .and_then(Told::new)
            .map_err(|failure| other.told_by(one.told_by(failure)))
    }

    /// Logs in at `server` as `options` on the command line of `slixmpp_login.py` say.
    ///
    /// # Errors
    /// A step failed; the failure names it and holds all that was printed.
    pub fn login(&self, server: &Server, options: &[&str]) -> Result<Told, Failure> {
        let mut command = script(&self.python, "slixmpp_login.py");
        command.args(["--host", &server.address().ip().to_string()]);
        command.args(["--port", &server.address().port().to_string(), "--domain", server.domain()]);
        command.arg("--ca").arg(server.authority()).args(options);
        process::run(command, "", LIMIT).and_then(Told::new).map_err(|failure| server.told_by(failure))
    }

    /// Runs a component that says every message back, as `name` with `secret` at
    /// the server that accepts components at `address`.
    ///
    /// # Errors
    /// The server refuses it; the failure says `refused:` with the condition.
    pub fn component(&self, address: SocketAddr, name: &str, secret: &str) -> Result<Component, Failure> {
        let folder = tempfile::tempdir()?;
        let mut command = script(&self.python, "slixmpp_component.py");
        command.args(["--host", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command.args(["--name", name, "--secret", secret]);
        let daemon = Daemon::start(command, &folder.path().join("log"), Ready::Prints("ready"))?;
        Ok(Component { _daemon: daemon, name: name.into(), _folder: folder })
    }
}

/// A component that a server has accepted; ended on drop.
#[derive(Debug)]
pub struct Component {
    // Declared in this order: the daemon ends before its folder goes.
    _daemon: Daemon,
    name: String,
    _folder: TempDir,
}

impl Component {
    /// Its domain.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A script of the folder `conformance/peers`, without leaving bytecode there.
pub(super) fn script(python: &Path, name: &str) -> Command {
    let mut command = Command::new(python);
    command.arg("-B").arg(process::source(name));
    command
}
