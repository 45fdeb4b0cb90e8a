//! Connections fed with whatever a peer may send.

use xmpp_core::conn::{
    Action, BindAnswer, ClientConfig, ClientConnection, ComponentAcceptor, ComponentAcceptorConfig,
    ComponentConfig, ComponentConnection, Drive, Event, PeerConfig, PeerInbound, PeerOutbound,
    PeerOutboundConfig, Question, ServerConfig, ServerConnection,
};
use xmpp_core::dialback::{self, DialbackPolicy, Verdict, Verification};
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::jid::BareJid;
use xmpp_core::limits::XmlLimits;
use xmpp_core::sasl::server::{CredentialsAnswer, Decoy};
use xmpp_core::sasl::{Bindings, ScramHash, ScramKeys, Secret};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, PresentedName, TlsInfo, TlsPolicy};
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

impl Conn for PeerInbound {
    /// The key says what is to be said of it.
    fn answer(&mut self, question: Question) -> Result<(), Misuse> {
        match question {
            Question::Verification { ticket, request } => {
                let verdict = match request.key() {
                    "valid" => Verdict::Valid,
                    "invalid" => Verdict::Invalid,
                    _ => Verdict::Failed(dialback::Condition::RemoteServerTimeout),
                };
                PeerInbound::answer(self, NOW, ticket, verdict)
            }
            other => panic!("no question for a peer: {other:?}"),
        }
    }

    fn tls(&mut self, info: TlsInfo) -> Result<(), Misuse> {
        self.tls_established(NOW, info)
    }
}

/// Those who ask nothing.
macro_rules! unquestioning {
    ($($conn:ty),*) => {$(
        impl Conn for $conn {
            fn answer(&mut self, question: Question) -> Result<(), Misuse> {
                panic!("no question for this end: {question:?}")
            }

            fn tls(&mut self, info: TlsInfo) -> Result<(), Misuse> {
                self.tls_established(NOW, info)
            }
        }
    )*};
}
unquestioning!(PeerOutbound, ComponentAcceptor, ComponentConnection);

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
                        .with_name(PresentedName::Dns("example.net".to_owned()))
                        .with_bindings(Bindings::new().with_exporter([1; 32]));
                    assert_eq!(conn.tls(info), Ok(()));
                    self.sent.clear();
                }
                Action::Ask(question) => assert_eq!(conn.answer(question), Ok(())),
                Action::Event(Event::Online(online)) => {
                    self.online = true;
                    self.events.push(format!("online {}", online.jid()));
                }
                Action::Event(event @ (Event::Authorized { .. } | Event::Attached(_))) => {
                    self.online = true;
                    self.events.push(format!("{event:?}"));
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

fn domain(name: &str) -> BareJid {
    BareJid::new(name).unwrap_or_else(|_| panic!("the domain is one"))
}

fn peer_inbound_end() -> PeerInbound {
    let config = PeerConfig::new([domain("example.com")], dialback::Secret::new("secret"))
        .with_tls(TlsPolicy::Optional)
        .with_dialback(DialbackPolicy::Always);
    PeerInbound::new(config.into(), Seed::new([1; 32]), NOW)
}

/// With a second domain to be authorized, and a key to be verified.
fn peer_outbound_end() -> PeerOutbound {
    let [local, other, remote] = ["example.com", "rooms.example.com", "example.net"].map(domain);
    let config = PeerOutboundConfig::new(&local, &remote, dialback::Secret::new("secret"))
        .with_tls(TlsPolicy::Optional)
        .with_dialback(DialbackPolicy::Always);
    let mut conn = PeerOutbound::new(config, Seed::new([1; 32]), NOW);
    assert_eq!(conn.authorize(NOW, &other, &remote), Ok(()));
    assert!(conn.verify(NOW, Verification::new(local, remote, "1", "key")).is_ok());
    conn
}

/// The end of the server that a stream between servers was opened to, with what the other may send.
pub(crate) fn peer_inbound(input: &[u8]) {
    compare(input, b"starttls", |chunk| run(peer_inbound_end(), input, chunk));
}

/// The end of the server that opened it, which hears no stanza whatever happens.
pub(crate) fn peer_outbound(input: &[u8]) {
    compare(input, b"proceed", |chunk| {
        let trace = run(peer_outbound_end(), input, chunk);
        assert!(!trace.events.iter().any(|event| event.starts_with('<')), "{:?}", trace.events);
        trace
    });
}

fn component_acceptor_end() -> ComponentAcceptor {
    let config = ComponentAcceptorConfig::new([(domain("plays.example.com"), Secret::new("secret"))]);
    ComponentAcceptor::new(config.into(), Seed::new([1; 32]), NOW)
}

fn component_end() -> ComponentConnection {
    let config = ComponentConfig::new(&domain("plays.example.com"), Secret::new("secret"));
    ComponentConnection::new(config, Seed::new([1; 32]), NOW)
}

/// A server's end of a component's stream, with what a component may send.
pub(crate) fn component_acceptor(input: &[u8]) {
    let whole = run(component_acceptor_end(), input, usize::MAX);
    for event in whole.events.iter().filter(|event| event.starts_with('<')) {
        assert!(event.contains("plays.example.com"), "{event} of another domain");
    }
    for chunk in [1, 7] {
        assert_eq!(run(component_acceptor_end(), input, chunk), whole);
    }
}

/// A component's end, with what a server may send.
pub(crate) fn component(input: &[u8]) {
    let whole = run(component_end(), input, usize::MAX);
    for chunk in [1, 7] {
        assert_eq!(run(component_end(), input, chunk), whole);
    }
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

        let trace = run(component_acceptor_end(), include_bytes!("../corpus/component-acceptor/login"), 1);
        assert!(
            trace.events.iter().any(|event| event.starts_with("<message")),
            "{}",
            String::from_utf8_lossy(&trace.sent)
        );
        let trace = run(component_end(), include_bytes!("../corpus/component/login"), 1);
        assert!(trace.events.iter().any(|event| event.starts_with("<iq")), "{trace:?}");

        for file in [
            &include_bytes!("../corpus/peer-inbound/external")[..],
            include_bytes!("../corpus/peer-inbound/dialback"),
        ] {
            let trace = run(peer_inbound_end(), file, 1);
            assert!(trace.events.iter().any(|event| event.starts_with("<message")), "{trace:?}");
        }
        for file in [
            &include_bytes!("../corpus/peer-outbound/external")[..],
            include_bytes!("../corpus/peer-outbound/dialback"),
        ] {
            let trace = run(peer_outbound_end(), file, 1);
            let said = |what| trace.events.iter().filter(|event| event.starts_with(what)).count();
            assert_eq!((said("Authorized"), said("Verdict")), (2, 1), "{trace:?}");
        }
    }
}
