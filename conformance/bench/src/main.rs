//! What the host costs a user with very many contacts, and whether that grows with their number and no faster.
//!
//! ```sh
//! cargo run --release -p xmpp-bench
//! ```

mod meter;
mod story;
mod table;
mod village;

use std::process::ExitCode;

use clap::Parser;

use self::table::Table;
use self::village::Contacts;

/// Measures what a host costs a user with very many contacts.
#[derive(Debug, Parser)]
struct Options {
    /// How many contacts, each in turn.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 2_500, 5_000, 10_000])]
    contacts: Vec<usize>,
    /// How often each is measured; the cheapest run counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
}

fn main() -> ExitCode {
    let options = Options::parse();
    for kind in Contacts::ALL {
        for lists in story::Lists::ALL {
            let mut table = Table::new(format!("{}; {}", kind.name(), lists.name()));
            for &contacts in &options.contacts {
                for _ in 0..options.runs.max(1) {
                    match story::run(kind, lists, contacts) {
                        Ok(costs) => table.add(contacts, &costs),
                        Err(error) => {
                            eprintln!("{} with {contacts} contacts: {error}", kind.name());
                            return ExitCode::FAILURE;
                        }
                    }
                }
            }
            println!("{table}");
        }
    }
    ExitCode::SUCCESS
}
