//! Child processes that end: commands with a time limit, and daemons that live
//! as long as a value.

use super::Failure;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

const POLL: Duration = Duration::from_millis(20);
/// How long a daemon may take until it is ready.
const START: Duration = Duration::from_secs(30);
/// How long a daemon may take to end after TERM, before it is killed.
pub(super) const STOP: Duration = Duration::from_secs(10);

/// What a finished command printed.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) stdout: String,
    pub(super) stderr: String,
}

/// Runs `command` to its end, with `input` on its stdin. Files instead of pipes:
/// nobody has to read along, however much it prints.
///
/// # Errors
/// It cannot be started, exits with another status than 0, or takes longer than
/// `limit` (and is killed).
pub(super) fn run(mut command: Command, input: &str, limit: Duration) -> Result<Output, Failure> {
    let mut stdin = tempfile::tempfile()?;
    stdin.write_all(input.as_bytes())?;
    stdin.seek(SeekFrom::Start(0))?;
    let (mut stdout, mut stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command.stdin(stdin).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);

    let mut child = spawn(&mut command)?;
    let status = wait(&mut child, limit)?;
    if status.is_none() {
        child.kill()?;
        child.wait()?;
    }
    let output = Output { stdout: contents(&mut stdout)?, stderr: contents(&mut stderr)? };
    let what = match status {
        Some(status) if status.success() => return Ok(output),
        Some(status) => format!("{command:?} ended with {status}"),
        None => format!("{command:?} took longer than {} s", limit.as_secs()),
    };
    Err(Failure::with_output(what, output.stdout + &output.stderr))
}

/// What tells that a daemon has started.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ready<'a> {
    /// It accepts connections at all of these.
    Accepts(&'a [SocketAddr]),
    /// It prints a line of this.
    Prints(&'a str),
}

impl Ready<'_> {
    fn is_met(self, log: &Path) -> bool {
        match self {
            Self::Accepts(addresses) => addresses.iter().all(|address| TcpStream::connect(address).is_ok()),
            Self::Prints(line) => printed(log).lines().any(|printed| printed == line),
        }
    }
}

/// What a daemon has printed so far.
pub(super) fn printed(log: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned()
}

/// A process that serves until the value is dropped.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts `command`, which prints into `log`, and waits until it is `ready`.
    pub(super) fn start(mut command: Command, log: &Path, ready: Ready<'_>) -> Result<Self, Failure> {
        let file = File::create(log)?;
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let failure = |what: String| Failure::with_output(what, printed(log));
        let mut daemon = Self { child: spawn(&mut command)? };

        let deadline = Instant::now() + START;
        while !ready.is_met(log) {
            if let Some(status) = daemon.child.try_wait()? {
                return Err(failure(format!("{command:?} ended with {status} before it was ready")));
            }
            if Instant::now() > deadline {
                return Err(failure(format!("{command:?} does not get ready: {ready:?}")));
            }
            thread::sleep(POLL);
        }
        Ok(daemon)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Once it has been waited for, its id may be another's.
        if !matches!(self.child.try_wait(), Ok(None)) {
            return;
        }
        // The standard library can only kill, and a daemon that is killed proves
        // nothing about its shutdown.
        let id = self.child.id().to_string();
        let told = Command::new("sh").args(["-c", "kill -TERM \"$1\"", "sh", &id]).status();
        let ended =
            told.is_ok_and(|told| told.success()) && matches!(wait(&mut self.child, STOP), Ok(Some(_)));
        if !ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// A loopback address that was free a moment ago.
///
/// # Errors
/// There is none.
pub fn free_address() -> Result<SocketAddr, Failure> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Whether the `PATH` has this program.
pub(super) fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}

/// What lies in the folder `conformance/peers`.
pub(super) fn source(path: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "peers", path].iter().collect()
}

fn spawn(command: &mut Command) -> Result<Child, Failure> {
    command.spawn().map_err(|error| Failure::new(format!("{command:?}: {error}")))
}

/// The exit status, or `None` when it runs on after `limit`.
pub(super) fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        let status = child.try_wait()?;
        if status.is_some() || Instant::now() > deadline {
            return Ok(status);
        }
        thread::sleep(POLL);
    }
}

fn contents(file: &mut File) -> std::io::Result<String> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_command_gets_its_input_and_gives_its_output() {
        let output = run(sh("cat; echo aside >&2"), "a line", Duration::from_secs(5)).unwrap();
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("a line", "aside\n"));
    }

    #[test]
    fn a_failing_command_is_a_failure_with_its_output() {
        let failure = run(sh("echo why; exit 3"), "", Duration::from_secs(5)).unwrap_err().to_string();
        assert!(failure.contains("exit status: 3") && failure.contains("why"), "{failure}");
    }

    #[test]
    fn a_command_that_does_not_end_is_ended() {
        let started = Instant::now();
        let failure = run(sh("echo begun; exec sleep 60"), "", Duration::from_millis(500)).unwrap_err();
        assert!(failure.to_string().contains("begun"), "{failure}");
        assert!(started.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_daemon_that_ends_at_once_says_why() {
        let log = tempfile::NamedTempFile::new().unwrap();
        let command = sh("echo no such option; exit 2");
        let never = [free_address().unwrap()];
        let failure = Daemon::start(command, log.path(), Ready::Accepts(&never)).unwrap_err();
        assert!(failure.to_string().contains("no such option"), "{failure}");
    }

    #[test]
    fn a_dropped_daemon_gets_term() {
        let folder = tempfile::tempdir().unwrap();
        let mark = folder.path().join("mark");
        let mut command =
            sh("trap 'echo term >\"$1\"; exit 0' TERM; echo ready; while :; do sleep 0.05; done");
        command.arg("sh").arg(&mark);
        let log = folder.path().join("log");
        let daemon = Daemon::start(command, &log, Ready::Prints("ready")).unwrap();
        drop(daemon);
        assert_eq!(std::fs::read_to_string(mark).unwrap(), "term\n");
    }
}
