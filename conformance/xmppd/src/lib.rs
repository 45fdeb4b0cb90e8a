//! `xmppd`, the reference server around the engine: tokio, rustls, SQLite.
//!
//! The engine decides everything that XMPP says; this crate owns what the engine must not: sockets,
//! TLS, threads, clocks, randomness and the disk. It is a library beside its command so that tests
//! can reach the parts.
//!
//! * [`cli`] is the command line, [`run`] performs it; [`user`] holds the account commands, [`serve`] the server's
//! * [`server`] is the server itself: a task per connection around the engine, one for the host and the federation
//! * [`store`] keeps accounts and rosters in SQLite
//! * [`tls`] loads or makes the certificate and computes channel bindings
//! * [`password`] reads passwords and makes keys of them; [`hashing`] runs password hashes away from the I/O threads
//! * [`data_dir`] is the folder in which all of it lies
#![forbid(unsafe_code)]

pub mod cli;
pub mod data_dir;
pub mod hashing;
pub mod password;
pub mod serve;
pub mod server;
pub mod store;
pub mod tls;
pub mod user;

use std::error::Error;

use cli::{Cli, Command};

/// Performs what the command line asks for.
///
/// # Errors
/// Whatever made it impossible, in words for the person who gave the command.
pub fn run(cli: Cli) -> Result<(), Box<dyn Error>> {
    match cli.command {
        Command::Serve(arguments) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(serve::run(&cli.data, *arguments))?;
            Ok(())
        }
        Command::User(command) => {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(user::run(&cli.data, command))?;
            Ok(())
        }
    }
}
