//! A server on blocking sockets: a thread per connection, one host behind a lock, accounts in memory.
//!
//! ```text
//! XMPP_PASSWORD=secret cargo run -p xmpp-conformance --example server_threads -- \
//!     --domain localhost --listen 127.0.0.1:5222 --cert cert.pem --key key.pem romeo juliet
//! ```

mod service;

use std::error::Error;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Clock};

use clap::Parser;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::{ServerConfig as TlsConfig, ServerConnection as TlsSession, StreamOwned};
use xmpp_core::conn::{Action, BindAnswer, Drive, Event, Question, ServerConfig, ServerConnection};
use xmpp_core::entropy::Seed;
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::server::{CredentialsAnswer, Decoy};
use xmpp_core::sasl::{Mechanism, Secret, Selection};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, TlsInfo};
use xmpp_im::host::SessionId;

use service::{Service, lock, random};

#[derive(Parser)]
struct Options {
    #[arg(long)]
    domain: BareJid,
    #[arg(long)]
    listen: String,
    #[arg(long)]
    cert: std::path::PathBuf,
    #[arg(long)]
    key: std::path::PathBuf,
    /// The names of the accounts; all have the password in the environment variable XMPP_PASSWORD.
    accounts: Vec<String>,
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let password =
        Secret::new(std::env::var("XMPP_PASSWORD").map_err(|error| format!("XMPP_PASSWORD: {error}"))?);
    let certificates = CertificateDer::pem_file_iter(&options.cert)?.collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(&options.key)?;
    let tls = Arc::new(TlsConfig::builder().with_no_client_auth().with_single_cert(certificates, key)?);
    let service = Service::new(&options.domain, &options.accounts, &password)?;
    let service = Arc::new(Mutex::new(service));
    let mechanisms = Selection::new().mechanisms(&[Mechanism::ScramSha256]);
    let config = ServerConfig::new([options.domain], Decoy::new(random()?));
    let config = Arc::new(config.with_mechanisms(mechanisms));
    let listener = TcpListener::bind(&options.listen)?;
    println!("listening on {}", listener.local_addr()?);
    for socket in listener.incoming() {
        let (service, config, tls) = (Arc::clone(&service), Arc::clone(&config), Arc::clone(&tls));
        let (socket, seed) = (socket?, Seed::new(random()?));
        std::thread::spawn(move || {
            let mut session = None;
            let conn = ServerConnection::new(config, seed, Instant::ZERO);
            if let Err(error) = serve(socket, conn, &service, tls, &mut session) {
                eprintln!("a connection broke: {error}");
            }
            if let Some(session) = session {
                lock(&service).call(|host, now| host.detach(now, session, []));
            }
        });
    }
    Ok(())
}

fn serve(
    socket: TcpStream,
    mut conn: ServerConnection,
    service: &Mutex<Service>,
    tls: Arc<TlsConfig>,
    session: &mut Option<SessionId>,
) -> Result<(), Box<dyn Error>> {
    let start = Clock::now();
    let now = || Instant::after(start.elapsed());
    let mut wire: Box<dyn Wire> = Box::new(socket.try_clone()?);
    let mut buffer = [0; 4096];
    // std cannot wait for a socket and for a queue at once, so a thread looks after its session ten times a second.
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    loop {
        while let Some(action) = conn.poll() {
            match action {
                Action::Transmit(bytes) => wire.write_all(&bytes)?,
                Action::StartTls(_) => {
                    let session = TlsSession::new(Arc::clone(&tls))?;
                    wire = Box::new(StreamOwned::new(session, socket.try_clone()?));
                    conn.tls_established(now(), TlsInfo::new(Chain::Untrusted))?;
                }
                Action::Ask(Question::Credentials { ticket, account, .. }) => {
                    let keys = lock(service).keys(&account);
                    let answer = keys.map_or(CredentialsAnswer::Unknown, CredentialsAnswer::Keys);
                    conn.answer(now(), ticket, answer)?;
                }
                Action::Ask(Question::Derivation { ticket, request }) => {
                    conn.answer(now(), ticket, request.run())?
                }
                Action::Ask(Question::Binding { ticket, identity, resource }) => {
                    let bound = lock(service)
                        .call(|host, now| host.bind(now, identity.account(), resource.as_deref()));
                    *session = bound.as_ref().ok().map(|bound| bound.session());
                    let answer = bound.map(|bound| BindAnswer::Bound(bound.jid().clone()));
                    conn.answer(now(), ticket, answer.unwrap_or_else(BindAnswer::Refused))?;
                }
                Action::Event(Event::Stanza(stanza)) => {
                    if let Some(session) = *session {
                        lock(service).call(|host, now| host.receive(now, session, stanza))?;
                    }
                }
                Action::Event(Event::Closed(closed)) => {
                    if let Some(session) = session.take() {
                        // What never went out finds another resource, or its sender is told.
                        let unsent = closed.into_parts().1.into_iter().map(|(_, stanza)| stanza);
                        lock(service).call(|host, now| host.detach(now, session, unsent));
                    }
                }
                Action::CloseTransport(_) => return Ok(()),
                _ => {}
            }
        }
        // What the host has for the session goes out before the thread waits.
        if let Some(id) = *session {
            let mut service = lock(service);
            if let Some(error) = service.closing.remove(&id) {
                conn.fail(now(), error);
                continue;
            } else if let Some(stanza) = service.call(|host, _| host.take(id)) {
                conn.send(now(), stanza)?;
                continue;
            }
        }
        match wire.read(&mut buffer) {
            Ok(0) => conn.transport_closed(now()),
            Ok(count) => conn.receive(now(), buffer.get(..count).unwrap_or_default())?,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => conn.transport_closed(now()),
        }
        conn.handle_timeout(now());
    }
}
