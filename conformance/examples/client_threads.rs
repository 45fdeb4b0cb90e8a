//! A client on blocking sockets: logs in, sends one message, prints the first that comes, and leaves.
//!
//! The engine is driven by one loop: perform its actions, then wait for bytes or for its deadline. Nothing but std and a TLS library.

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use clap::Parser;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{
    ClientConfig as TlsConfig, ClientConnection as TlsSession, ProtocolVersion, RootCertStore, StreamOwned,
};
use xmpp_core::conn::{Action, ClientConfig, ClientConnection, CloseReason, Drive, Event, Question};
use xmpp_core::entropy::Seed;
use xmpp_core::jid::{FullJid, Jid};
use xmpp_core::sasl::{Bindings, Mechanism, Secret, Selection};
use xmpp_core::stanza::{Message, Stanza};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, PresentedName, TlsInfo, TlsRequest};

#[derive(Parser)]
struct Options {
    /// Who logs in, with the resource to ask for; the password is in the environment variable XMPP_PASSWORD.
    jid: FullJid,
    /// Where the server listens.
    #[arg(long)]
    connect: String,
    /// A PEM file with the certificates to trust.
    #[arg(long)]
    ca: std::path::PathBuf,
    /// The weakest SASL mechanism that will do.
    #[arg(long, default_value = "SCRAM-SHA-1")]
    mechanism: String,
    /// Whom to write to.
    #[arg(long)]
    to: Jid,
    /// What to write.
    #[arg(long)]
    message: String,
}

/// The transport: a socket, and later the same socket under TLS.
trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

/// Makes the handshake. rustls judges chain and name, so the name it was asked for is the one to report.
fn start_tls(
    mut socket: TcpStream,
    request: &TlsRequest,
    tls: Arc<TlsConfig>,
) -> Result<(Box<dyn Wire>, TlsInfo), Box<dyn Error>> {
    let name = request.server_name().ok_or("an IP address has no certificate")?.into_owned();
    let mut session = TlsSession::new(tls, ServerName::try_from(name.clone())?)?;
    while session.is_handshaking() {
        session.complete_io(&mut socket)?;
    }
    let mut bindings = Bindings::new();
    if session.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
        // RFC 9266: what ties the authentication to this very connection; TLS 1.2 has another way, which rustls has not.
        let label = b"EXPORTER-Channel-Binding";
        bindings = bindings.with_exporter(session.export_keying_material([0; 32], label, Some(b""))?);
    }
    let info = TlsInfo::new(Chain::Trusted).with_name(PresentedName::Dns(name)).with_bindings(bindings);
    Ok((Box::new(StreamOwned::new(session, socket)), info))
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&options.ca)? {
        roots.add(certificate?)?;
    }
    let tls = Arc::new(TlsConfig::builder().with_root_certificates(roots).with_no_client_auth());
    let minimum = Mechanism::from_name(&options.mechanism).ok_or("no such mechanism")?;
    let password = std::env::var("XMPP_PASSWORD").map_err(|error| format!("XMPP_PASSWORD: {error}"))?;
    let config = ClientConfig::new(options.jid.to_bare(), Secret::new(password))
        .with_resource(options.jid.resource())
        .with_mechanisms(Selection::new().minimum(minimum));
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;

    let start = Clock::now();
    let now = || Instant::after(start.elapsed());
    let socket = TcpStream::connect(&options.connect)?;
    let mut wire: Box<dyn Wire> = Box::new(socket.try_clone()?);
    let mut conn = ClientConnection::new(config, Seed::new(seed), now());
    let (mut outcome, mut buffer) = (Ok(()), [0; 4096]);
    loop {
        while let Some(action) = conn.poll() {
            match action {
                Action::Transmit(bytes) => wire.write_all(&bytes)?,
                Action::StartTls(request) => {
                    // A program that goes on would report `tls_failed`; this one ends with the error.
                    let (encrypted, info) = start_tls(socket.try_clone()?, &request, Arc::clone(&tls))?;
                    wire = encrypted;
                    conn.tls_established(now(), info)?;
                }
                Action::Ask(Question::Derivation { ticket, request }) => {
                    conn.answer(now(), ticket, request.run())?
                }
                Action::Event(Event::Online(online)) => {
                    println!("online {} mechanism={}", online.jid(), online.mechanism());
                    let message = Message::chat(options.to.clone()).with_body(&options.message);
                    conn.send(now(), Stanza::Message(message))?;
                    println!("sent");
                }
                Action::Event(Event::Stanza(Stanza::Message(message))) => {
                    let from = message.from().map(ToString::to_string).unwrap_or_default();
                    println!("received {from}: {}", message.body().unwrap_or_default());
                    conn.close(now());
                }
                Action::Event(Event::Closed(closed)) => match closed.into_parts() {
                    (CloseReason::Clean, _) => println!("closed"),
                    (reason, _) => outcome = Err(reason.into()),
                },
                Action::CloseTransport(_) => return outcome,
                _ => {}
            }
        }
        // Wait for bytes, but no longer than until the next deadline.
        let patience = conn.poll_timeout().map(|at| at.since(now()).max(Duration::from_millis(1)));
        socket.set_read_timeout(patience)?;
        match wire.read(&mut buffer) {
            Ok(0) => conn.transport_closed(now()),
            Ok(count) => conn.receive(now(), buffer.get(..count).unwrap_or_default())?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => conn.transport_closed(now()),
        }
        conn.handle_timeout(now());
    }
}
