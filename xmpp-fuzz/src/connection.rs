//! Connections fed with whatever a peer may send.

use xmpp_core::conn::{
    Action, BindAnswer, ClientConfig, ClientConnection, Drive, Event, Question, ServerConfig,
    ServerConnection,
};
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::jid::BareJid;
use xmpp_core::limits::XmlLimits;
use xmpp_core::sasl::server::{CredentialsAnswer, Decoy};
use xmpp_core::sasl::{Bindings, ScramHash, ScramKeys, Secret};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, PresentedName, TlsInfo};
use xmpp_core::xml::Reader;

const NOW: Instant = Instant::from_micros(1);

/// Either role, with what only a role knows how to do.
trait Conn: Drive {
    fn answer(&mut self, question: Question) -> Result<(), Misuse>;
    fn tls(&mut self, info: TlsInfo) -> Result<(), Misuse>;
}

impl Conn for ServerConnection {
    fn answer(&mut self, question: Question) -> Result<(), Misuse> {
        match question {
            Question::Credentials { ticket, hash, .. } => {
                let hash = hash.unwrap_or(ScramHash::Sha256);
                let keys = ScramKeys::for_password(hash, &Secret::new("secret"), [1; 8], 1);
                ServerConnection::answer(
                    self,
                    NOW,
                    ticket,
                    keys.map_or(CredentialsAnswer::Unknown, CredentialsAnswer::Keys),
                )
            }
            Question::Derivation { ticket, request } => {
                ServerConnection::answer(self, NOW, ticket, request.run())
            }
            Question::Binding { ticket, identity, resource } => {
                let jid = identity.account().with_resource(resource.as_deref().unwrap_or("r"));
                let answer = jid
                    .map(BindAnswer::Bound)
                    .unwrap_or_else(|_| panic!("a resource that is none was asked for"));
                ServerConnection::answer(self, NOW, ticket, answer)
            }
            other => panic!("an unknown question: {other:?}"),
        }
    }

    fn tls(&mut self, info: TlsInfo) -> Result<(), Misuse> {
        self.tls_established(NOW, info)
    }
}

impl Conn for ClientConnection {
    fn answer(&mut self, question: Question) -> Result<(), Misuse> {
        match question {
            Question::Derivation { ticket, request } => {
                ClientConnection::answer(self, NOW, ticket, request.run())
            }
            other => panic!("no question for a client: {other:?}"),
        }
    }

    fn tls(&mut self, info: TlsInfo) -> Result<(), Misuse> {
        self.tls_established(NOW, info)
    }
}

/// What came out, apart from where the blocks of bytes were cut.
#[derive(Debug, Default, PartialEq)]
struct Trace {
    sent: Vec<u8>,
    events: Vec<String>,
    online: bool,
    over: bool,
}

impl Trace {
    fn drain(&mut self, conn: &mut impl Conn) {
        while let Some(action) = conn.poll() {
            assert!(!self.over, "{action:?} after the end");
            match action {
                Action::Transmit(bytes) => self.sent.extend_from_slice(&bytes),
                Action::StartTls(_) => {
                    let info = TlsInfo::new(Chain::Trusted)
                        .with_name(PresentedName::Dns("example.com".to_owned()))
                        .with_bindings(Bindings::new().with_exporter([1; 32]));
                    assert_eq!(conn.tls(info), Ok(()));
                    self.sent.clear();
                }
                Action::Ask(question) => assert_eq!(conn.answer(question), Ok(())),
                Action::Event(Event::Online(online)) => {
                    self.online = true;
                    self.events.push(format!("online {}", online.jid()));
                }
                Action::Event(Event::Stanza(stanza)) => {
                    assert!(self.online, "{stanza} before authentication");
                    self.events.push(stanza.to_string());
                }
                Action::Event(event) => self.events.push(format!("{event:?}")),
                Action::CloseTransport(_) => self.over = true,
                other => panic!("an unknown action: {other:?}"),
            }
        }
        assert!(conn.poll_timeout().is_none_or(|at| at > NOW));
    }
}

fn run(mut conn: impl Conn, input: &[u8], chunk: usize) -> Trace {
    let mut trace = Trace::default();
    trace.drain(&mut conn);
    for chunk in input.chunks(chunk) {
        if !conn.wants_input() {
            break;
        }
        assert_eq!(conn.receive(NOW, chunk), Ok(()));
        trace.drain(&mut conn);
    }
    conn.transport_closed(NOW);
    trace.drain(&mut conn);
    assert!(trace.over && !conn.wants_input() && conn.poll_timeout().is_none());
    let mut reader = Reader::new(XmlLimits::client());
    reader.push(&trace.sent);
    loop {
        match reader.next() {
            Ok(Some(_)) => {}
            Ok(None) => break,
            // A stream that was replaced has no end: the next header follows.
            Err(_) if trace.sent.windows(6).filter(|window| window == b"<?xml ").count() > 1 => break,
            Err(error) => panic!("unreadable output: {error}: {}", String::from_utf8_lossy(&trace.sent)),
        }
    }
    trace
}

/// The same trace for any chunking. Only what stands behind the element that TLS begins with is fatal when it comes together with
/// that, and comes out of TLS when it comes later.
fn compare(input: &[u8], barrier: &[u8], run: impl Fn(usize) -> Trace) {
    let (whole, single) = (run(usize::MAX), run(1));
    if !input.windows(barrier.len()).any(|window| window == barrier) {
        assert_eq!(single, whole);
        assert_eq!(run(7), whole);
    }
}

fn server_end() -> ServerConnection {
    let Ok(domain) = BareJid::new("example.com") else { panic!("the domain is one") };
    let config = ServerConfig::new([domain], Decoy::new([7; 32]));
    ServerConnection::new(config.into(), Seed::new([1; 32]), NOW)
}

fn client_end() -> ClientConnection {
    let Ok(account) = BareJid::new("juliet@example.com") else { panic!("the address is one") };
    let config = ClientConfig::new(account, Secret::new("secret")).with_iterations(1..=100);
    ClientConnection::new(config, Seed::new([1; 32]), NOW)
}

/// A server's end, with what a client may send.
pub(crate) fn server(input: &[u8]) {
    compare(input, b"starttls", |chunk| run(server_end(), input, chunk));
}

/// A client's end, with what a server may send.
pub(crate) fn client(input: &[u8]) {
    compare(input, b"proceed", |chunk| run(client_end(), input, chunk));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A corpus that stops short of a session would leave most of the machines unseen.
    #[test]
    fn the_logins_of_the_corpus_succeed() {
        let trace = run(server_end(), include_bytes!("../corpus/server/login"), 1);
        assert!(trace.online, "{trace:?}");
        let trace = run(client_end(), include_bytes!("../corpus/client/login"), 1);
        assert!(trace.online, "{}", String::from_utf8_lossy(&trace.sent));
    }
}
