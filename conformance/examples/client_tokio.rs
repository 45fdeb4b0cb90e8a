//! A client on tokio: logs in, sends one message, prints the first that comes, and leaves.
//!
//! One task drives the engine: perform its actions, then wait for bytes or for its deadline, whichever is first. Key derivation, slow by
//! design, runs where it may block.

use std::error::Error;
use std::sync::Arc;

use clap::Parser;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig as TlsConfig, ProtocolVersion, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant as Clock;
use tokio_rustls::TlsConnector;
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
trait Wire: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Wire for T {}

/// Makes the handshake. rustls judges chain and name, so the name it was asked for is the one to report.
async fn start_tls(
    wire: Box<dyn Wire>,
    request: &TlsRequest,
    tls: &Arc<TlsConfig>,
) -> Result<(Box<dyn Wire>, TlsInfo), Box<dyn Error>> {
    let name = request.server_name().ok_or("an IP address has no certificate")?.into_owned();
    let connector = TlsConnector::from(Arc::clone(tls));
    let stream = connector.connect(ServerName::try_from(name.clone())?, wire).await?;
    let session = stream.get_ref().1;
    let mut bindings = Bindings::new();
    if session.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
        // RFC 9266: what ties the authentication to this very connection; TLS 1.2 has another way, which rustls has not.
        let label = b"EXPORTER-Channel-Binding";
        bindings = bindings.with_exporter(session.export_keying_material([0; 32], label, Some(b""))?);
    }
    let info = TlsInfo::new(Chain::Trusted).with_name(PresentedName::Dns(name)).with_bindings(bindings);
    Ok((Box::new(stream), info))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
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
    let mut wire: Box<dyn Wire> = Box::new(TcpStream::connect(&options.connect).await?);
    let mut conn = ClientConnection::new(config, Seed::new(seed), now());
    let mut outcome = Ok(());
    let mut buffer = [0; 4096];
    loop {
        while let Some(action) = conn.poll() {
            match action {
                Action::Transmit(bytes) => {
                    wire.write_all(&bytes).await?;
                    wire.flush().await?;
                }
                Action::StartTls(request) => {
                    // A program that goes on would report `tls_failed`; this one ends with the error.
                    let (encrypted, info) = start_tls(wire, &request, &tls).await?;
                    wire = encrypted;
                    conn.tls_established(now(), info)?;
                }
                Action::Ask(Question::Derivation { ticket, request }) => {
                    let key = tokio::task::spawn_blocking(move || request.run()).await?;
                    conn.answer(now(), ticket, key)?;
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
                Action::CloseTransport(_) => {
                    let _ = wire.shutdown().await; // the peer may be gone already
                    return outcome;
                }
                _ => {}
            }
        }
        // Wait for bytes, but no longer than until the next deadline.
        let deadline = conn.poll_timeout().map(|at| start + at.since(Instant::ZERO));
        let alarm = async {
            match deadline {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = wire.read(&mut buffer), if conn.wants_input() => match read {
                Ok(0) | Err(_) => conn.transport_closed(now()),
                Ok(count) => conn.receive(now(), buffer.get(..count).unwrap_or_default())?,
            },
            () = alarm => conn.handle_timeout(now()),
        }
    }
}
