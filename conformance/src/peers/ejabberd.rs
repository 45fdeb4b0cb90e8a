//! ejabberd, a server that nobody here wrote, as Debian packages it.

use super::{
    Absent, Direction, Failure, JULIET, Proof, ROMEO, Server, Site,
    process::{self, Daemon, Ready},
};
use std::{path::Path, process::Command};
use tempfile::TempDir;

/// A running ejabberd; ended and removed on drop.
#[derive(Debug)]
pub struct Ejabberd {
    // Declared in this order: the daemon ends before its folder goes.
    _daemon: Daemon,
    server: Server,
    _folder: TempDir,
}

/// An ejabberd that is installed.
#[derive(Debug, Clone, Copy)]
pub struct Installed(());

impl Installed {
    /// Runs it as the domain of `site`, with the accounts [`ROMEO`] and
    /// [`JULIET`].
    ///
    /// # Errors
    /// It does not start.
    pub fn federate(self, site: &Site<'_>) -> Result<Ejabberd, Failure> {
        let folder = tempfile::tempdir()?;
        let authority = site.write(folder.path())?.issuer;
        let address = process::free_address()?;
        let mut command = Command::new(process::source("ejabberd/serve"));
        command.arg("--dir").arg(folder.path()).args(["--domain", site.domain()]);
        command.args(["--port", &address.port().to_string(), "--s2s-port", &site.s2s().port().to_string()]);
        command.args(["--dns", &site.network().dns().address().to_string()]);
        command.args(["--proof", if site.least() == Proof::External { "external" } else { "dialback" }]);
        for account in [ROMEO, JULIET] {
            command.arg("--account").arg(format!("{}:{}", account.name, account.password));
        }
        let log = folder.path().join("log");
        let daemon = Daemon::start(command, &log, Ready::Prints("ready"))?;
        let server = Server { domain: site.domain().into(), address, authority, log };
        Ok(Ejabberd { _daemon: daemon, server, _folder: folder })
    }
}

impl Ejabberd {
    /// Looks for ejabberd on this machine.
    ///
    /// # Errors
    /// There is no ejabberd where Debian puts it, or no `erl` on the `PATH`.
    pub fn find() -> Result<Installed, Absent> {
        // A folder that is not on everybody's PATH.
        let missing = if !Path::new("/usr/sbin/ejabberdctl").is_file() {
            "no /usr/sbin/ejabberdctl"
        } else if !process::on_path("erl") {
            "no `erl` on the PATH"
        } else {
            return Ok(Installed(()));
        };
        Err(Absent { peer: "ejabberd", missing: missing.into() })
    }

    /// Where it is.
    #[must_use]
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// How `remote` proved itself to it, or it to `remote`, on each stream so far.
    #[must_use]
    pub fn proofs(&self, direction: Direction, remote: &str) -> Vec<Proof> {
        let own = self.server.domain();
        let (accepted, pair) = match direction {
            Direction::Incoming => ("Accepted inbound s2s ", format!("{remote} -> {own}")),
            Direction::Outgoing => ("Accepted outbound s2s ", format!("{own} -> {remote}")),
        };
        let printed = process::printed(&self.server.log);
        let said = printed.lines().filter(|line| line.contains(&pair));
        said.filter_map(|line| match line.split_once(accepted)?.1.split(' ').next()? {
            "EXTERNAL" => Some(Proof::External),
            "dialback" => Some(Proof::Dialback),
            _ => None,
        })
        .collect()
    }
}
