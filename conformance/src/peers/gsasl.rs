//! GNU SASL's command, a SASL client and server that nobody here wrote: its
//! messages over pipes, without any network.

use super::{
    Absent, Failure,
    process::{self, STOP},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};
use tempfile::NamedTempFile;

/// How long one message may take; SCRAM derives a key meanwhile.
const MESSAGE: Duration = Duration::from_secs(20);
/// More than any exchange has: one that goes on for ever holds no more.
const MESSAGES: usize = 16;

/// Which end of an exchange it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It authenticates itself.
    Client,
    /// It lets others authenticate; it takes any name with the right password.
    Server,
}

/// What it is told of an account.
#[derive(Debug, Clone, Copy)]
pub struct Login<'a> {
    /// The authentication identity.
    pub name: &'a str,
    /// Its password.
    pub password: &'a str,
    /// The domain: the realm and the host name of DIGEST-MD5.
    pub domain: &'a str,
}

/// GNU SASL as it is installed.
#[derive(Debug, Clone, Copy)]
pub struct Gsasl(());

impl Gsasl {
    /// Looks for it on this machine.
    ///
    /// # Errors
    /// `gsasl` is not on the `PATH`.
    pub fn find() -> Result<Self, Absent> {
        match process::on_path("gsasl") {
            true => Ok(Self(())),
            false => Err(Absent { peer: "GNU SASL", missing: "no `gsasl` on the PATH".into() }),
        }
    }

    /// Begins an exchange by `mechanism`, without a security layer and without
    /// channel binding.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn begin(self, role: Role, mechanism: &str, login: Login<'_>) -> Result<Exchange, Failure> {
        let mut command = Command::new("gsasl");
        command.arg(if role == Role::Client { "--client" } else { "--server" });
        command.args(["--mechanism", mechanism, "--password", login.password]);
        command.args(["--authentication-id", login.name, "--realm", login.domain]);
        command.args(["--service", "xmpp", "--hostname", login.domain, "--no-cb"]);
        command.args(["--quality-of-protection=qop-auth", "--iteration-count", "4096"]);
        // It takes this as "no data afterwards".
        command.arg("--application-data");
        // What is not ASCII reaches it in the encoding of its locale.
        command.env("LC_ALL", "C.UTF-8");
        let said = NamedTempFile::new()?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(said.path())?);
        let mut child = command.spawn().map_err(|error| Failure::new(format!("{command:?}: {error}")))?;
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let (sender, lines) = mpsc::sync_channel(MESSAGES);
        let exchange = Exchange { child, stdin, lines, said };
        if let Some(stdout) = stdout {
            // Ends with the process: on its pipe, or on a line that nobody takes.
            thread::spawn(move || {
                BufReader::new(stdout).lines().map_while(Result::ok).all(|line| sender.send(line).is_ok())
            });
        }
        match exchange.line()? {
            line if line == mechanism => Ok(exchange),
            line => Err(exchange.failure(format!("gsasl uses {line:?}, not {mechanism}"))),
        }
    }
}

/// An exchange that is going on; the process ends with the value at the latest.
#[derive(Debug)]
pub struct Exchange {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    said: NamedTempFile,
}

impl Exchange {
    /// Its next message. It always says something before it hears something;
    /// where a mechanism is the other's to start, that is empty.
    ///
    /// # Errors
    /// It has ended, or takes too long.
    pub fn says(&mut self) -> Result<Vec<u8>, Failure> {
        let line = self.line()?;
        STANDARD.decode(&line).map_err(|error| self.failure(format!("{line:?}: {error}")))
    }

    /// Hands it the next message. Empty where there is none, also at the end of
    /// an exchange, where it waits for the other's success.
    ///
    /// # Errors
    /// It has ended.
    pub fn hears(&mut self, message: &[u8]) -> Result<(), Failure> {
        let line = STANDARD.encode(message) + "\n";
        let written = self.stdin.as_mut().map(|stdin| stdin.write_all(line.as_bytes()));
        match written {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failure("gsasl has ended early")),
        }
    }

    /// Ends it. `Ok` only if it believes the other.
    ///
    /// # Errors
    /// It does not, or wants to hear more.
    pub fn finish(mut self) -> Result<(), Failure> {
        drop(self.stdin.take());
        match process::wait(&mut self.child, STOP)? {
            Some(status) if status.success() => Ok(()),
            status => Err(self.failure(format!("gsasl ended with {status:?}"))),
        }
    }

    fn line(&self) -> Result<String, Failure> {
        self.lines.recv_timeout(MESSAGE).map_err(|error| self.failure(format!("gsasl says nothing: {error}")))
    }

    fn failure(&self, what: impl Into<String>) -> Failure {
        Failure::with_output(what, process::printed(self.said.path()))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
