//! A session played by a client that nobody here wrote, against any server.

use super::{
    Absent, Failure, JULIET, ROMEO, Server, artifact,
    process::{self, Output},
    slixmpp,
};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// A story bounds itself to a minute; this is for one that cannot.
pub(super) const LIMIT: Duration = Duration::from_secs(90);

/// A client library with the story it plays.
#[derive(Debug, Clone)]
pub struct Story {
    client: Client,
}

#[derive(Debug, Clone)]
enum Client {
    /// slixmpp, by this interpreter.
    Python(PathBuf),
    /// `@xmpp/client`, installed in this folder.
    Node(PathBuf),
}

impl Story {
    /// The story of slixmpp, by the interpreter that `XMPP_PEERS_PYTHON` names,
    /// or the one that `conformance/peers/install` has put into the target folder.
    ///
    /// # Errors
    /// There is no such interpreter, or it has no slixmpp.
    pub fn slixmpp() -> Result<Self, Absent> {
        Self::python().map(|python| Self { client: Client::Python(python) })
    }

    /// The interpreter that has slixmpp.
    pub(super) fn python() -> Result<PathBuf, Absent> {
        let found = named_or_installed("XMPP_PEERS_PYTHON", "venv/bin/python").and_then(|python| {
            let mut command = Command::new(&python);
            command.args(["-c", "import slixmpp"]);
            process::run(command, "", LIMIT).map(|_| python)
        });
        found.map_err(|failure| Absent { peer: "slixmpp", missing: failure.to_string() })
    }

    /// The story of `@xmpp/client`, in the folder that `XMPP_PEERS_NODE` names,
    /// or the one that `conformance/peers/install` has put into the target folder.
    ///
    /// # Errors
    /// There is no Node, or the folder has no `@xmpp/client`.
    pub fn xmpp_client() -> Result<Self, Absent> {
        let found = named_or_installed("XMPP_PEERS_NODE", "xmpp_client_story").and_then(|folder| {
            let package = folder.join("node_modules/@xmpp/client/package.json");
            if !process::on_path("node") {
                Err(Failure::new("no `node` on the PATH"))
            } else if !package.is_file() {
                Err(Failure::new(format!("no {}", package.display())))
            } else {
                Ok(Self { client: Client::Node(folder) })
            }
        });
        found.map_err(|failure| Absent { peer: "@xmpp/client", missing: failure.to_string() })
    }

    /// Plays it against `server`, with `options` on its command line.
    ///
    /// # Errors
    /// A step failed; the failure names it and holds all that both sides printed.
    pub fn tell(&self, server: &Server, options: &[&str]) -> Result<Told, Failure> {
        let mut command = match &self.client {
            Client::Python(python) => {
                let mut command = slixmpp::script(python, "slixmpp_story.py");
                command.arg("--ca").arg(server.authority());
                command
            }
            Client::Node(folder) => {
                let mut command = script(folder, "story.mjs")?;
                command.env("NODE_EXTRA_CA_CERTS", server.authority());
                command
            }
        };
        command.args(["--host", &server.address().ip().to_string()]);
        command.args(["--port", &server.address().port().to_string(), "--domain", server.domain()]);
        command.args(["--user1", ROMEO.name, "--password1", ROMEO.password]);
        command.args(["--user2", JULIET.name, "--password2", JULIET.password]);
        command.args(options);
        process::run(command, "", LIMIT).and_then(Told::new).map_err(|failure| server.told_by(failure))
    }

    /// Plays the life of a subscription between [`ROMEO`] at `one` and [`JULIET`] at `other`, which may be the
    /// same server. Both have to keep messages for who is not there.
    ///
    /// # Errors
    /// A step failed; the failure names it and holds all that was printed.
    pub fn subscribe(&self, one: &Server, other: &Server) -> Result<Told, Failure> {
        // Node reads whom to trust from one file.
        let mut trusted = tempfile::NamedTempFile::new()?;
        let mut command = match &self.client {
            Client::Python(python) => slixmpp::script(python, "slixmpp_subscriptions.py"),
            Client::Node(folder) => {
                for server in [one, other] {
                    trusted.write_all(&std::fs::read(server.authority())?)?;
                }
                let mut command = script(folder, "subscriptions.mjs")?;
                command.env("NODE_EXTRA_CA_CERTS", trusted.path());
                command
            }
        };
        for (option, account, server) in [("--one", ROMEO, one), ("--other", JULIET, other)] {
            if let Client::Python(_) = self.client {
                command.arg(option);
            }
            command.args([&format!("{}@{}", account.name, server.domain()), account.password]);
            command.args([server.address().ip().to_string(), server.address().port().to_string()]);
            if let Client::Python(_) = self.client {
                command.arg(server.authority());
            }
        }
        process::run(command, "", LIMIT)
            .and_then(Told::new)
            .map_err(|failure| other.told_by(one.told_by(failure)))
    }
}

/// The lines of a story that came to its end.
#[derive(Debug, Clone)]
pub struct Told {
    lines: Vec<String>,
}

impl Told {
    pub(super) fn new(output: Output) -> Result<Self, Failure> {
        let lines: Vec<String> = output.stdout.lines().map(str::to_owned).collect();
        match lines.last().map(String::as_str) {
            Some("the end") => Ok(Self { lines }),
            _ => Err(Failure::with_output("the story has no end", output.stdout + &output.stderr)),
        }
    }

    /// What it said about the step of this name: `mechanism=...` and the like.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&str> {
        self.lines.iter().find_map(|line| {
            let details = line.strip_prefix("ok ")?.strip_prefix(name)?;
            (details.is_empty() || details.starts_with(' ')).then(|| details.trim())
        })
    }
}

/// What the environment names, or else what is installed below the target folder.
fn named_or_installed(variable: &str, installed: &str) -> Result<PathBuf, Failure> {
    match std::env::var_os(variable).filter(|value| !value.is_empty()) {
        Some(named) => Ok(named.into()),
        None => Ok(artifact::target_folder()?.join("peers").join(installed)),
    }
}

/// Node looks for modules from where a script lies, so today's scripts have to lie
/// beside them. Written aside and renamed: another test may be starting one.
fn script(folder: &Path, name: &str) -> Result<Command, Failure> {
    for file in ["actor.mjs", name] {
        let aside = tempfile::NamedTempFile::new_in(folder)?;
        std::fs::copy(process::source("xmpp_client_story").join(file), aside.path())?;
        aside.persist(folder.join(file)).map_err(|error| Failure::from(error.error))?;
    }
    let mut command = Command::new("node");
    command.arg(folder.join(name));
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stdout: &str) -> Output {
        Output { stdout: stdout.into(), stderr: String::new() }
    }

    #[test]
    fn a_story_is_asked_for_its_steps() {
        let told = Told::new(output("ok login romeo   tls=1.3\nok ping\nthe end\n")).unwrap();
        assert_eq!(told.step("login romeo"), Some("tls=1.3"));
        assert_eq!(told.step("ping"), Some(""));
        assert_eq!(told.step("login"), Some("romeo   tls=1.3"));
        assert_eq!(told.step("logi"), None);
    }

    #[test]
    fn a_story_without_its_end_is_a_failure() {
        assert!(Told::new(output("ok login romeo\n")).is_err());
        assert!(Told::new(output("")).is_err());
    }
}
