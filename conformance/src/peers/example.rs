//! One of our embedding examples, run as its readers run it.

use super::{Account, Failure, Server, artifact::Artifact, process};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How long one session may take.
const SESSION: Duration = Duration::from_secs(60);

/// A client example: logs in, does what its options say, prints what comes, closes.
#[derive(Debug, Clone)]
pub struct Example {
    program: PathBuf,
}

impl Example {
    /// Builds the example of this name.
    ///
    /// # Errors
    /// There is none, or it does not build.
    pub fn build(name: &'static str) -> Result<Self, Failure> {
        Artifact::Example(name).build().map(|program| Self { program })
    }

    /// Where it was built.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Logs in as `account` with `resource`, writes `message` to itself, with
    /// `options` at the end of its command line; the lines it printed.
    ///
    /// # Errors
    /// It ends with another status than 0, or not within a minute; the failure
    /// holds all that both sides printed.
    pub fn write_to_itself(
        &self,
        server: &Server,
        account: Account,
        resource: &str,
        message: &str,
        options: &[&str],
    ) -> Result<Vec<String>, Failure> {
        let jid = format!("{}@{}/{resource}", account.name, server.domain());
        let options = [&["--to", &jid, "--message", message], options].concat();
        self.log_in(server, account, resource, &options)
    }

    /// Logs in as `account` with `resource` and these options; the lines it printed.
    ///
    /// # Errors
    /// As above.
    pub fn log_in(
        &self,
        server: &Server,
        account: Account,
        resource: &str,
        options: &[&str],
    ) -> Result<Vec<String>, Failure> {
        let mut command = Command::new(&self.program);
        command.env("XMPP_PASSWORD", account.password);
        command.arg(format!("{}@{}/{resource}", account.name, server.domain()));
        command.arg("--connect").arg(server.address().to_string());
        command.arg("--ca").arg(server.authority()).args(options);
        let output = process::run(command, "", SESSION).map_err(|failure| server.told_by(failure))?;
        Ok(output.stdout.lines().map(str::to_owned).collect())
    }
}
