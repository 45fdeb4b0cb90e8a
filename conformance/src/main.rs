//! The `xmpp-conformance` command.
#![forbid(unsafe_code)]

use std::{
    io::{self, ErrorKind, Write},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use xmpp_conformance::coverage;

/// What the specifications demand of an XMPP implementation, and what shows that it is so.
#[derive(Debug, Parser)]
#[command(version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Compare the tables of requirements with the tests that cite them
    Coverage(coverage::Options),
}

/// 0: all holds. 1: it does not. 2: the question or what it is about cannot be read.
fn main() -> ExitCode {
    let Cli { command: Command::Coverage(options) } = Cli::parse();
    let outcome = match coverage::run(&options) {
        Ok(outcome) => outcome,
        Err(finding) => {
            eprintln!("xmpp-conformance: {finding}");
            return ExitCode::from(2);
        }
    };
    for finding in &outcome.findings {
        eprintln!("{finding}");
    }
    match io::stdout().write_all(outcome.text.as_bytes()) {
        // Who reads no further than `head` has seen enough.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("xmpp-conformance: standard output: {error}");
            ExitCode::from(2)
        }
        _ if outcome.findings.is_empty() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
