//! The real program, on a free port, with a data folder of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use tempfile::TempDir;

use super::{Client, Login, add_accounts};

#[derive(Debug)]
pub struct Daemon {
    child: Child,
    outer: Option<TempDir>,
    pub data: PathBuf,
    pub address: SocketAddr,
    /// What it said of itself.
    pub greeting: String,
}

impl Daemon {
    /// Runs it with these accounts.
    pub async fn with(names: &[&str]) -> Self {
        let outer = tempfile::tempdir().unwrap();
        add_accounts(&outer.path().join("data"), names.iter().map(|name| (*name).to_owned())).await;
        Self::run(outer, &[])
    }

    /// Runs it without accounts, with these arguments.
    pub fn with_arguments(arguments: &[&str]) -> Self {
        Self::run(tempfile::tempdir().unwrap(), arguments)
    }

    /// Runs it in a folder, with these arguments more.
    pub fn run(outer: TempDir, arguments: &[&str]) -> Self {
        let data = outer.path().join("data");
        let (child, greeting) = start(&data, arguments);
        let clients = greeting.lines().find_map(|line| line.trim().strip_prefix("clients")).unwrap();
        let address = clients.split_whitespace().next().unwrap().parse().unwrap();
        Self { child, outer: Some(outer), data, address, greeting }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_file_name("log")).unwrap()
    }

    /// Ends it with SIGKILL and hands out the folder.
    pub fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.outer.take().unwrap()
    }

    /// Where it listens for clients that begin with TLS.
    pub fn tls_address(&self) -> SocketAddr {
        let direct = self.greeting.lines().find_map(|line| line.trim().strip_prefix("direct TLS")).unwrap();
        direct.split_whitespace().next().unwrap().parse().unwrap()
    }

    pub fn login(&self, name: &str, resource: &str) -> Login {
        Login::new(self.address, super::trust(&self.data), name, resource)
    }

    /// A client that is logged in.
    pub async fn client(&self, name: &str, resource: &str) -> Client {
        self.login(name, resource).run().await.unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command line, for a run that may fail.
pub fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xmppd"));
    command.arg("--data").arg(data).args(["serve", "--c2s", "127.0.0.1:0"]).args(arguments);
    command.env_remove("RUST_LOG").stdin(Stdio::null()).stdout(Stdio::piped());
    command
}

/// The program, once it has said that it runs.
fn start(data: &Path, arguments: &[&str]) -> (Child, String) {
    let log = std::fs::File::create(data.with_file_name("log")).unwrap();
    let mut child = command(data, arguments).stderr(log).spawn().unwrap();
    let mut greeting = String::new();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    while !greeting.ends_with("Ctrl-C.\n") {
        assert_ne!(out.read_line(&mut greeting).unwrap(), 0, "it ended: {greeting}");
    }
    (child, greeting)
}
