//! A client and a server joined by two queues of bytes, on virtual time; each end also works alone, fed with literals.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::string_slice)]

pub mod sasl;

use std::collections::VecDeque;
use std::time::Duration;

use xmpp_core::conn::{
    Action, BindAnswer, ClientConfig, ClientConnection, Close, CloseReason, Drive, Event, Query, Question,
    ServerConfig, ServerConnection, Ticket,
};
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::limits::XmlLimits;
use xmpp_core::sasl::server::{CredentialsAnswer, Decoy};
use xmpp_core::sasl::{Bindings, Mechanism, PlainPolicy, ScramHash, ScramKeys, Secret, Selection};
use xmpp_core::stanza::{Message, Stanza};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, PresentedName, TlsInfo, TlsPolicy};
use xmpp_core::xml::{Element, Frame, Reader, ns};

pub const PASSWORD: &str = "r0m30myr0m30";
/// Few, since every test logs in.
pub const ITERATIONS: u32 = 8;

pub const CLIENT_HEADER: &str = "<?xml version='1.0'?><stream:stream to='example.com' version='1.0' xml:lang='en' \
     xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
pub const SERVER_HEADER: &str = "<?xml version='1.0'?><stream:stream from='example.com' id='s1' version='1.0' \
     xml:lang='en' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
pub const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
pub const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
/// `juliet` with the password above.
pub const AUTH_PLAIN: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAByMG0zMG15cjBtMzA=</auth>";
/// `n,,n=juliet,r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA`
pub const AUTH_SCRAM: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-1'>\
     biwsbj1qdWxpZXQscj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQQ==</auth>";
pub const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
pub const BIND: &str = "<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
     <resource>balcony</resource></bind></iq>";
pub const FOOTER: &str = "</stream:stream>";

/// Reads an element as it stands on a client's stream.
pub fn read(text: &str) -> Element {
    let mut reader = Reader::new(XmlLimits::client());
    reader.push(format!("<s:stream xmlns='jabber:client' xmlns:s='{}'>", ns::STREAMS).as_bytes());
    assert!(matches!(reader.next(), Ok(Some(Frame::Header(_)))));
    reader.push(text.as_bytes());
    match reader.next() {
        Ok(Some(Frame::Element(element))) => element,
        other => panic!("{other:?}: {text}"),
    }
}

pub fn offer(mechanisms: &[&str]) -> String {
    let names: String = mechanisms.iter().map(|name| format!("<mechanism>{name}</mechanism>")).collect();
    format!(
        "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{names}</mechanisms></stream:features>"
    )
}

/// An offer that says which channel binding types there are (XEP-0440).
pub fn offer_bound(mechanisms: &[&str], types: &[&str]) -> String {
    let types: String = types.iter().map(|name| format!("<channel-binding type='{name}'/>")).collect();
    let types = format!("<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'>{types}</sasl-channel-binding>");
    offer(mechanisms).replace("</mechanisms>", &format!("</mechanisms>{types}"))
}

pub const OFFER_TLS: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
pub const OFFER_BIND: &str =
    "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>";

/// A connection of either role, as far as the pair needs to know.
pub trait Conn: Drive {
    fn answer<Q: Query>(
        &mut self,
        now: Instant,
        ticket: Ticket<Q>,
        answer: impl Into<Q::Answer>,
    ) -> Result<(), Misuse>;
    fn tls_established(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse>;
    fn send(&mut self, now: Instant, stanza: Stanza) -> Result<u64, Misuse>;
    fn close(&mut self, now: Instant);
}

macro_rules! conn {
    ($type:ty) => {
        impl Conn for $type {
            fn answer<Q: Query>(
                &mut self,
                now: Instant,
                ticket: Ticket<Q>,
                answer: impl Into<Q::Answer>,
            ) -> Result<(), Misuse> {
                <$type>::answer(self, now, ticket, answer)
            }
            fn tls_established(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse> {
                <$type>::tls_established(self, now, info)
            }
            fn send(&mut self, now: Instant, stanza: Stanza) -> Result<u64, Misuse> {
                <$type>::send(self, now, stanza).map(xmpp_core::conn::SendId::as_u64)
            }
            fn close(&mut self, now: Instant) {
                <$type>::close(self, now);
            }
        }
    };
}
conn!(ClientConnection);
conn!(ServerConnection);

/// One end with all that came out of it.
pub struct End<C> {
    pub conn: C,
    pub now: Instant,
    /// What the other side has not read yet.
    pub sent: VecDeque<u8>,
    /// Everything transmitted.
    pub transcript: String,
    /// Every action; neighbouring transmissions are one entry.
    pub trace: Vec<String>,
    pub stanzas: Vec<String>,
    pub warnings: Vec<String>,
    pub online: Option<(String, Mechanism)>,
    pub encrypted: bool,
    pub closed: Option<String>,
    pub reason: Option<CloseReason>,
    pub unsent: Vec<(u64, String)>,
    pub close: Option<Close>,
    pub over: bool,
    /// Questions and handshakes are kept here instead of being answered.
    pub hold: bool,
    pub questions: VecDeque<Question>,
    pub handshakes: usize,
    /// What the handshake brings.
    pub info: TlsInfo,
    /// What there is of an account.
    pub store: fn(&BareJid, Option<ScramHash>) -> CredentialsAnswer,
    /// The password that was handed out.
    pub password: Option<Secret>,
    /// `Debug` of all that was seen.
    pub debug: String,
}

pub fn trusted() -> TlsInfo {
    TlsInfo::new(Chain::Trusted)
        .with_name(PresentedName::Dns("example.com".into()))
        .with_bindings(Bindings::new().with_exporter([9; 32]))
}

impl<C: Conn + std::fmt::Debug> End<C> {
    pub fn new(conn: C) -> Self {
        End {
            conn,
            now: Instant::from_micros(1),
            sent: VecDeque::new(),
            transcript: String::new(),
            trace: Vec::new(),
            stanzas: Vec::new(),
            warnings: Vec::new(),
            online: None,
            encrypted: false,
            closed: None,
            reason: None,
            unsent: Vec::new(),
            close: None,
            over: false,
            hold: false,
            questions: VecDeque::new(),
            handshakes: 0,
            info: trusted(),
            store: juliet_only,
            password: None,
            debug: String::new(),
        }
    }

    pub fn online(&self) -> Option<&str> {
        self.online.as_ref().map(|(jid, _)| jid.as_str())
    }

    pub fn mechanism(&self) -> Option<Mechanism> {
        self.online.as_ref().map(|(_, mechanism)| *mechanism)
    }

    /// Takes bytes, performs what comes of it, and returns what was transmitted.
    pub fn feed(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.conn.receive(self.now, bytes.as_ref()).expect("input is wanted");
        self.said()
    }

    /// Performs what is pending and returns what was transmitted.
    pub fn said(&mut self) -> String {
        let before = self.transcript.len();
        self.drain(self.now);
        self.transcript[before..].to_owned()
    }

    /// Like `feed`, byte by byte, as long as input is wanted; how much was taken.
    pub fn trickle(&mut self, bytes: &[u8], chunk: usize) -> usize {
        let mut taken = 0;
        for part in bytes.chunks(chunk) {
            if !self.conn.wants_input() {
                break;
            }
            taken += part.len();
            self.feed(part);
        }
        taken
    }

    pub fn cut(&mut self) {
        self.conn.transport_closed(self.now);
        self.drain(self.now);
    }

    /// Lets time pass, deadline by deadline, and returns what was transmitted.
    pub fn sleep(&mut self, time: Duration) -> String {
        let before = self.transcript.len();
        let end = self.now + time;
        while let Some(at) = self.conn.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.conn.handle_timeout(self.now);
            assert!(self.conn.poll_timeout().is_none_or(|at| at > self.now), "a deadline that has passed");
            self.drain(self.now);
        }
        self.now = end;
        self.transcript[before..].to_owned()
    }

    /// Performs actions until there are none; whether there were any.
    pub fn drain(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some(action) = self.conn.poll() {
            any = true;
            assert!(!self.over, "an action after the last: {action:?}");
            self.debug.push_str(&format!("{action:?} {:?}\n", self.conn));
            self.perform(now, action);
        }
        any
    }

    fn note(&mut self, what: String) {
        self.trace.push(what);
    }

    fn perform(&mut self, now: Instant, action: Action) {
        match action {
            Action::Transmit(bytes) => {
                let text = std::str::from_utf8(&bytes).unwrap();
                assert!(!text.is_empty());
                self.transcript.push_str(text);
                self.sent.extend(&bytes);
                match self.trace.last_mut() {
                    Some(last) if last.starts_with("send ") => last.push_str(text),
                    _ => self.trace.push(format!("send {text}")),
                }
            }
            Action::StartTls(request) => {
                self.note(format!("tls {:?}", request.domain()));
                self.handshakes += 1;
                if !self.hold {
                    self.conn.tls_established(now, self.info.clone()).unwrap();
                }
            }
            Action::Ask(question) => {
                self.note(match &question {
                    Question::Credentials { account, hash, .. } => format!("keys {account} {hash:?}"),
                    #[cfg(feature = "digest-md5")]
                    Question::DigestCredentials { account, .. } => format!("digest key {account}"),
                    Question::Derivation { request, .. } => format!("derive {}", request.hash()),
                    Question::Binding { identity, resource, .. } => {
                        format!("bind {} {resource:?}", identity.account())
                    }
                    _ => panic!("an unknown question"),
                });
                if self.hold {
                    self.questions.push_back(question);
                } else {
                    self.answer(now, question);
                }
            }
            Action::Event(Event::Online(online)) => {
                self.note(format!("online {}", online.jid()));
                assert!(self.online.is_none(), "online twice");
                self.encrypted = online.is_encrypted();
                self.online = Some((online.jid().to_string(), online.mechanism()));
            }
            Action::Event(Event::PasswordVerified { account, password }) => {
                self.note(format!("password of {account}"));
                self.password = Some(password);
            }
            Action::Event(Event::Stanza(stanza)) => {
                assert!(self.online.is_some(), "a stanza before login");
                self.note(format!("stanza {stanza}"));
                self.stanzas.push(stanza.to_string());
            }
            Action::Event(Event::Warning(warning)) => {
                self.note(format!("warning {warning:?}"));
                self.warnings.push(format!("{warning:?}"));
            }
            Action::Event(Event::Closed(closed)) => {
                self.note(format!("closed {}", closed.reason()));
                assert!(self.closed.is_none(), "closed twice");
                self.closed = Some(closed.reason().to_string());
                let (reason, unsent) = closed.into_parts();
                self.reason = Some(reason);
                self.unsent = unsent.into_iter().map(|(id, it)| (id.as_u64(), it.to_string())).collect();
            }
            Action::CloseTransport(close) => {
                self.note(format!("end {close:?}"));
                assert!(self.closed.is_some(), "an end without a reason");
                self.close = Some(close);
                self.over = true;
            }
            other => panic!("an unknown action: {other:?}"),
        }
    }

    pub fn answer(&mut self, now: Instant, question: Question) {
        match question {
            Question::Credentials { ticket, account, hash } => {
                self.conn.answer(now, ticket, (self.store)(&account, hash)).unwrap();
            }
            #[cfg(feature = "digest-md5")]
            Question::DigestCredentials { ticket, account } => {
                let key = xmpp_core::sasl::DigestKey::for_password(
                    "juliet",
                    account.domain(),
                    &Secret::new(PASSWORD),
                );
                let answer = match account.node() {
                    Some("juliet") => CredentialsAnswer::Digest(key.unwrap()),
                    _ => CredentialsAnswer::Unknown,
                };
                self.conn.answer(now, ticket, answer).unwrap();
            }
            Question::Derivation { ticket, request } => self.conn.answer(now, ticket, request.run()).unwrap(),
            Question::Binding { ticket, identity, resource } => {
                let jid = identity
                    .account()
                    .with_resource(&resource.unwrap_or_else(|| "generated".into()))
                    .unwrap();
                self.conn.answer(now, ticket, BindAnswer::Bound(jid)).unwrap();
            }
            _ => panic!("an unknown question"),
        }
    }
}

/// A store of one account, with the keys of every hash.
pub fn juliet_only(account: &BareJid, hash: Option<ScramHash>) -> CredentialsAnswer {
    if account.as_str() == "juliet@example.com" {
        CredentialsAnswer::Keys(keys(hash.unwrap_or(ScramHash::Sha256)))
    } else {
        CredentialsAnswer::Unknown
    }
}

pub fn keys(hash: ScramHash) -> ScramKeys {
    ScramKeys::for_password(hash, &Secret::new(PASSWORD), [3; 16], ITERATIONS).unwrap()
}

pub struct Pair {
    pub client: End<ClientConnection>,
    pub server: End<ServerConnection>,
    pub now: Instant,
    /// How many bytes a read brings at the most.
    pub chunk: usize,
}

pub fn client_config() -> ClientConfig {
    ClientConfig::new(BareJid::new("juliet@example.com").unwrap(), Secret::new(PASSWORD))
        .with_resource("balcony")
        .with_iterations(1..=1_000_000)
}

pub fn server_config() -> ServerConfig {
    let decoy = Decoy::new([7; 32]).iterations(ITERATIONS);
    ServerConfig::new([BareJid::new("example.com").unwrap()], decoy)
}

/// A server that takes every mechanism and needs no TLS.
pub fn open_server() -> ServerConfig {
    server_config().with_tls(TlsPolicy::Disabled).with_mechanisms(Selection::new().plain(PlainPolicy::Always))
}

/// A client that uses every mechanism and no TLS.
pub fn open_client() -> ClientConfig {
    client_config().with_tls(TlsPolicy::Disabled).with_mechanisms(Selection::new().plain(PlainPolicy::Always))
}

pub fn server(config: ServerConfig) -> End<ServerConnection> {
    End::new(ServerConnection::new(config.into(), Seed::new([2; 32]), Instant::from_micros(1)))
}

pub fn client(config: ClientConfig) -> End<ClientConnection> {
    End::new(ClientConnection::new(config, Seed::new([1; 32]), Instant::from_micros(1)))
}

/// A server whose client made the TLS handshake before anything else.
pub fn server_over_tls(config: ServerConfig) -> End<ServerConnection> {
    let now = Instant::from_micros(1);
    End::new(ServerConnection::over_tls(config.into(), trusted(), Seed::new([2; 32]), now))
}

/// A client that made the TLS handshake before anything else, with this outcome.
pub fn client_over_tls(config: ClientConfig, info: TlsInfo) -> End<ClientConnection> {
    End::new(ClientConnection::over_tls(config, info, Seed::new([1; 32]), Instant::from_micros(1)))
}

/// A server whose client has logged in without TLS.
pub fn online_server(config: ServerConfig) -> End<ServerConnection> {
    let mut server = server(config);
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER, BIND] {
        server.feed(part);
    }
    assert_eq!(server.online(), Some("juliet@example.com/balcony"));
    server
}

/// A client that has logged in without TLS.
pub fn online_client(config: ClientConfig) -> End<ClientConnection> {
    let mut client = client(config);
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    client.feed(SUCCESS);
    let request = client.feed(format!("{SERVER_HEADER}{OFFER_BIND}"));
    client.feed(bound(&request, "juliet@example.com/balcony"));
    assert_eq!(client.online(), Some("juliet@example.com/balcony"));
    client
}

/// The answer to a client's request for a resource.
pub fn bound(request: &str, jid: &str) -> String {
    format!(
        "<iq type='result' id='{}'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{jid}</jid></bind></iq>",
        attribute(request, "iq", "id")
    )
}

/// The value of an attribute of the last such element in a transcript of ours.
pub fn attribute<'a>(text: &'a str, element: &str, name: &str) -> &'a str {
    let tag = text.rsplit(&format!("<{element} ")).next().unwrap();
    let tag = tag.split('>').next().unwrap();
    let value = tag.split(&format!("{name}='")).nth(1).unwrap_or_else(|| panic!("no {name} in {text}"));
    value.split('\'').next().unwrap()
}

pub fn message(text: &str) -> Stanza {
    Stanza::Message(Message::chat(Jid::new("romeo@example.com").unwrap()).with_body(text))
}

/// A stream error as it stands on the wire, with the end of the stream behind it.
pub fn stream_error(condition: &str) -> String {
    format!(
        "<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>"
    )
}

/// Whether `text` is `pattern`, in which `{}` stands for anything within one text or attribute value.
#[track_caller]
pub fn assert_matches(text: &str, pattern: &str) {
    let mut rest = text;
    for (index, part) in pattern.split("{}").enumerate() {
        if index > 0 {
            let end = rest.find(['<', '\'']).unwrap_or(rest.len());
            rest = &rest[end..];
        }
        match rest.strip_prefix(part) {
            Some(left) => rest = left,
            None => panic!("\n got: {text}\nwant: {pattern}\n  at: {rest}\n for: {part}"),
        }
    }
    assert_eq!(rest, "", "more than {pattern}");
}

impl Pair {
    pub fn new() -> Self {
        Pair::with(client_config(), server_config())
    }

    pub fn with(client_config: ClientConfig, server_config: ServerConfig) -> Self {
        Pair::of(client(client_config), server(server_config))
    }

    pub fn of(client: End<ClientConnection>, server: End<ServerConnection>) -> Self {
        Pair { client, server, now: Instant::from_micros(1), chunk: usize::MAX }
    }

    /// Carries bytes both ways until nobody has anything to say.
    pub fn run(&mut self) {
        loop {
            let mut any = self.client.drain(self.now) | self.server.drain(self.now);
            any |= carry(&mut self.client.sent, &mut self.server, self.chunk, self.now);
            any |= carry(&mut self.server.sent, &mut self.client, self.chunk, self.now);
            if !any {
                return;
            }
        }
    }
}

fn carry<C: Conn + std::fmt::Debug>(
    from: &mut VecDeque<u8>,
    to: &mut End<C>,
    chunk: usize,
    now: Instant,
) -> bool {
    if from.is_empty() || !to.conn.wants_input() {
        return false;
    }
    let bytes: Vec<u8> = from.drain(..from.len().min(chunk)).collect();
    to.conn.receive(now, &bytes).unwrap();
    to.drain(now);
    true
}
