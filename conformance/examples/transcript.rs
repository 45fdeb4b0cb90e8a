//! The engine without any I/O: reads a file of what a client sent, and prints what a server of `example.com` does about it.
//!
//! ```text
//! cargo run -p xmpp-conformance --example transcript -- stream.xml
//! ```
//!
//! Time stands still, the seed is all zeros, the only account is `juliet@example.com` with the password `r0m30myr0m30`, and a
//! TLS handshake always succeeds: the same file gives the same lines.

use std::error::Error;

use xmpp_core::conn::{Action, BindAnswer, Drive, Event, Question, ServerConfig, ServerConnection};
use xmpp_core::entropy::Seed;
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::server::{CredentialsAnswer, Decoy};
use xmpp_core::sasl::{ScramHash, ScramKeys, Secret};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, TlsInfo};

const NOW: Instant = Instant::ZERO;

fn main() -> Result<(), Box<dyn Error>> {
    let file = std::env::args_os().nth(1).ok_or("which file? `transcript FILE`")?;
    let input = std::fs::read(file)?;
    let config = ServerConfig::new([BareJid::new("example.com")?], Decoy::new([0; 32]));
    let mut server = ServerConnection::new(config.into(), Seed::new([0; 32]), NOW);
    let mut input = input.as_slice();
    loop {
        while let Some(action) = server.poll() {
            perform(&mut server, action)?;
        }
        // A line at a time, as a person would type it; a server that has closed wants no more.
        let end = input.iter().position(|byte| *byte == b'\n').map_or(input.len(), |at| at + 1);
        let (line, rest) = input.split_at(end);
        if line.is_empty() || !server.wants_input() {
            break;
        }
        println!("> {}", String::from_utf8_lossy(line).trim_end());
        server.receive(NOW, line.trim_ascii_end())?;
        input = rest;
    }
    server.transport_closed(NOW);
    while let Some(action) = server.poll() {
        perform(&mut server, action)?;
    }
    Ok(())
}

fn perform(server: &mut ServerConnection, action: Action) -> Result<(), Box<dyn Error>> {
    match action {
        Action::Transmit(bytes) => println!("< {}", String::from_utf8_lossy(&bytes)),
        Action::StartTls(_) => {
            println!("= TLS handshake");
            server.tls_established(NOW, TlsInfo::new(Chain::Untrusted))?;
        }
        Action::Ask(Question::Credentials { ticket, account, hash }) => {
            println!("? credentials of {account}");
            let answer = if account.as_str() == "juliet@example.com" {
                let hash = hash.unwrap_or(ScramHash::Sha256);
                CredentialsAnswer::Keys(ScramKeys::for_password(
                    hash,
                    &Secret::new("r0m30myr0m30"),
                    [0; 16],
                    4096,
                )?)
            } else {
                CredentialsAnswer::Unknown
            };
            server.answer(NOW, ticket, answer)?;
        }
        Action::Ask(Question::Derivation { ticket, request }) => {
            println!("? derivation of {} iterations", request.iterations());
            server.answer(NOW, ticket, request.run())?;
        }
        Action::Ask(Question::Binding { ticket, identity, resource }) => {
            let account = identity.account();
            println!("? binding of {account} to {resource:?}");
            let jid = account.with_resource(resource.as_deref().unwrap_or("generated"))?;
            server.answer(NOW, ticket, BindAnswer::Bound(jid))?;
        }
        Action::Event(Event::Online(online)) => println!("! online as {}", online.jid()),
        Action::Event(Event::Stanza(stanza)) => println!("! {stanza}"),
        Action::Event(Event::Warning(warning)) => println!("! {warning:?}"),
        Action::Event(Event::Closed(closed)) => println!("! closed: {}", closed.reason()),
        Action::CloseTransport(close) => println!("= transport closed: {close:?}"),
        other => println!("{other:?}"),
    }
    Ok(())
}
