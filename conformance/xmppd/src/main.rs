//! The `xmppd` command.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use xmppd::cli::Cli;

fn main() -> ExitCode {
    match xmppd::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xmppd: {error}");
            ExitCode::FAILURE
        }
    }
}
