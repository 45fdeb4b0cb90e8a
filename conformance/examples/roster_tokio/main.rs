//! A messenger on tokio: prints its roster and who is there, asks for a subscription, approves those of others if it is told to, and says
//! something to whoever turns up. It leaves once it has said that to somebody and was written to.
//!
//! One task drives connection and session as one, as `client_tokio` drives a connection alone.

mod user;

use std::error::Error;
use std::sync::Arc;

use clap::Parser;
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig as TlsConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant as Clock;
use tokio_rustls::TlsConnector;
use xmpp_core::conn::{Action, ClientConfig, ClientConnection, CloseReason, Event, Question};
use xmpp_core::entropy::Seed;
use xmpp_core::jid::FullJid;
use xmpp_core::sasl::Secret;
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, PresentedName, TlsInfo};
use xmpp_im::client::{Client, ClientAction, SessionConfig};

use self::user::{User, Wishes};

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
    #[command(flatten)]
    wishes: Wishes,
}

/// The transport: a socket, and later the same socket under TLS.
trait Wire: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Wire for T {}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(&options.ca)? {
        roots.add(certificate?)?;
    }
    let tls = TlsConnector::from(Arc::new(
        TlsConfig::builder().with_root_certificates(roots).with_no_client_auth(),
    ));
    let password = std::env::var("XMPP_PASSWORD").map_err(|error| format!("XMPP_PASSWORD: {error}"))?;
    let config =
        ClientConfig::new(options.jid.to_bare(), Secret::new(password)).with_resource(options.jid.resource());
    let mut seeds = [[0; 32]; 2];
    for seed in &mut seeds {
        getrandom::fill(seed)?;
    }

    let start = Clock::now();
    let now = || Instant::after(start.elapsed());
    let mut wire: Box<dyn Wire> = Box::new(TcpStream::connect(&options.connect).await?);
    let [below, above] = seeds.map(Seed::new);
    let mut client =
        Client::new(ClientConnection::new(config, below, now()), SessionConfig::new(), above, now());
    let mut user = User::new(options.wishes);
    let mut outcome = Ok(());
    let mut buffer = [0; 4096];
    loop {
        while let Some(action) = client.poll() {
            match action {
                ClientAction::Event(event) => {
                    if let Some(session) = client.session() {
                        user.on_event(now(), session, event)?;
                    }
                    if user.is_done() {
                        client.close(now());
                    }
                }
                ClientAction::Connection(Action::Transmit(bytes)) => {
                    wire.write_all(&bytes).await?;
                    wire.flush().await?;
                }
                ClientAction::Connection(Action::StartTls(request)) => {
                    // rustls judges chain and name, so the name it was asked for is the one to report.
                    let name = request.server_name().ok_or("an IP address has no certificate")?.into_owned();
                    wire = Box::new(tls.connect(ServerName::try_from(name.clone())?, wire).await?);
                    let info = TlsInfo::new(Chain::Trusted).with_name(PresentedName::Dns(name));
                    client.connection().tls_established(now(), info)?;
                }
                ClientAction::Connection(Action::Ask(Question::Derivation { ticket, request })) => {
                    let key = tokio::task::spawn_blocking(move || request.run()).await?;
                    client.connection().answer(now(), ticket, key)?;
                }
                ClientAction::Connection(Action::Event(Event::Closed(closed))) => match closed.into_parts() {
                    (CloseReason::Clean, _) => println!("closed"),
                    (reason, _) => outcome = Err(reason.into()),
                },
                ClientAction::Connection(Action::CloseTransport(_)) => {
                    let _ = wire.shutdown().await; // the peer may be gone already
                    return outcome;
                }
                _ => {}
            }
        }
        // Wait for bytes, but no longer than until the next deadline.
        let alarm = async {
            match client.poll_timeout() {
                Some(at) => tokio::time::sleep_until(start + at.since(Instant::ZERO)).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            read = wire.read(&mut buffer), if client.wants_input() => match read {
                Ok(0) | Err(_) => client.transport_closed(now()),
                Ok(count) => client.receive(now(), buffer.get(..count).unwrap_or_default())?,
            },
            () = alarm => client.handle_timeout(now()),
        }
    }
}
