//! Ends of streams between servers, alone on literal bytes or joined, on virtual time.
//!
//! `capulet.example` opens streams to `montague.example`; each has a second domain, for multiplexing.
#![allow(dead_code, missing_docs, unreachable_pub, clippy::string_slice)]

use std::collections::VecDeque;
use std::time::Duration;

use xmpp_core::conn::{
    Action, Close, CloseReason, Dialback, Drive, Event, PeerConfig, PeerInbound, PeerOutbound,
    PeerOutboundConfig, Question, SendId, Ticket,
};
use xmpp_core::dialback::{DialbackPolicy, Secret, Verdict, Verification};
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Message, MessageType, Stanza};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, PresentedName, TlsInfo, TlsPolicy};

pub const CAPULET: &str = "capulet.example";
pub const ROOMS: &str = "rooms.capulet.example";
pub const MONTAGUE: &str = "montague.example";
pub const CHAT: &str = "chat.montague.example";

/// The secrets of the examples of XEP-0220.
pub const CAPULETS_SECRET: &str = "s3cr3tf0rd14lb4ck";
pub const MONTAGUES_SECRET: &str = "d14lb4ck43v3r";
/// What capulet.example has for montague.example on the stream `D60000229F`.
pub const KEY: &str = "b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3";

pub const HEADER: &str = "<?xml version='1.0'?><stream:stream from='capulet.example' to='montague.example' version='1.0' \
     xml:lang='en' xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
     xmlns:stream='http://etherx.jabber.org/streams'>";
/// As servers of before XMPP 1.0 write it.
pub const OLD_HEADER: &str = "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
     xmlns:stream='http://etherx.jabber.org/streams'>";
pub const ANSWER: &str = "<?xml version='1.0'?><stream:stream from='montague.example' to='capulet.example' id='D60000229F' \
     version='1.0' xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
     xmlns:stream='http://etherx.jabber.org/streams'>";
pub const OLD_ANSWER: &str = "<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' id='D60000229F' \
     xmlns:stream='http://etherx.jabber.org/streams'>";
pub const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
pub const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
pub const OFFER_TLS: &str = "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
pub const OFFER_EXTERNAL: &str = "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
     <mechanism>EXTERNAL</mechanism></mechanisms>\
     <dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback></stream:features>";
pub const OFFER_DIALBACK: &str =
    "<stream:features><dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback></stream:features>";
pub const OFFER_NOTHING: &str = "<stream:features/>";
/// EXTERNAL without an identity, and as capulet.example.
pub const AUTH: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>";
pub const AUTH_AS: &str =
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>Y2FwdWxldC5leGFtcGxl</auth>";
pub const SUCCESS: &str = "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
pub const FOOTER: &str = "</stream:stream>";

pub fn domain(name: &str) -> BareJid {
    BareJid::new(name).unwrap()
}

pub fn result(from: &str, to: &str, key: &str) -> String {
    format!("<db:result from='{from}' to='{to}'>{key}</db:result>")
}

pub fn result_is(from: &str, to: &str, type_: &str) -> String {
    format!("<db:result from='{from}' to='{to}' type='{type_}'/>")
}

pub fn verify(from: &str, to: &str, id: &str, key: &str) -> String {
    format!("<db:verify from='{from}' to='{to}' id='{id}'>{key}</db:verify>")
}

pub fn verify_is(from: &str, to: &str, id: &str, type_: &str) -> String {
    format!("<db:verify from='{from}' to='{to}' id='{id}' type='{type_}'/>")
}

/// The content of an element of type `error`, as far as it is told from others.
pub fn cause(condition: &str) -> String {
    format!("<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>")
}

pub fn stream_error(condition: &str) -> String {
    format!("<stream:error><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>")
}

pub fn stanza(from: &str, to: &str) -> Stanza {
    let [from, to] = [from, to].map(|address| Jid::new(address).unwrap());
    Stanza::Message(Message::new(MessageType::Normal).with_from(from).with_to(to).with_id("m1"))
}

/// What a certificate of these domains brings.
pub fn certificate(chain: Chain, names: &[&str]) -> TlsInfo {
    TlsInfo::new(chain).with_names(names.iter().map(|name| PresentedName::Dns((*name).into())))
}

pub trait Peer: Drive + std::fmt::Debug {
    fn tls(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse>;
    fn verdict(&mut self, now: Instant, ticket: Ticket<Dialback>, verdict: Verdict) -> Result<(), Misuse>;
}

macro_rules! peer {
    ($type:ty) => {
        impl Peer for $type {
            fn tls(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse> {
                self.tls_established(now, info)
            }
            fn verdict(
                &mut self,
                now: Instant,
                ticket: Ticket<Dialback>,
                verdict: Verdict,
            ) -> Result<(), Misuse> {
                self.answer(now, ticket, verdict)
            }
        }
    };
}
peer!(PeerInbound);
peer!(PeerOutbound);

/// One end with all that came out of it.
pub struct End<C> {
    pub conn: C,
    pub now: Instant,
    /// What the other side has not read yet.
    pub sent: VecDeque<u8>,
    pub transcript: String,
    /// Every action in words; neighbouring transmissions are one entry.
    pub trace: Vec<String>,
    pub questions: VecDeque<(Ticket<Dialback>, Verification)>,
    pub handshakes: usize,
    /// What the handshake brings; none leaves it open.
    pub info: Option<TlsInfo>,
    pub reason: Option<CloseReason>,
    pub unsent: Vec<(SendId, Stanza)>,
    pub close: Option<Close>,
    pub over: bool,
    pub debug: String,
}

impl<C: Peer> End<C> {
    pub fn new(conn: C) -> Self {
        End {
            conn,
            now: Instant::from_micros(1),
            sent: VecDeque::new(),
            transcript: String::new(),
            trace: Vec::new(),
            questions: VecDeque::new(),
            handshakes: 0,
            info: None,
            reason: None,
            unsent: Vec::new(),
            close: None,
            over: false,
            debug: String::new(),
        }
    }

    pub fn with_certificate(mut self, info: TlsInfo) -> Self {
        self.info = Some(info);
        self
    }

    /// Takes bytes, performs what comes of it, and returns what was transmitted.
    pub fn feed(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.conn.receive(self.now, bytes.as_ref()).expect("input is wanted");
        self.said()
    }

    /// Like `feed` in pieces, as long as input is wanted.
    pub fn trickle(&mut self, bytes: &[u8], chunk: usize) {
        for part in bytes.chunks(chunk) {
            if !self.conn.wants_input() {
                break;
            }
            self.feed(part);
        }
    }

    /// Performs what is pending and returns what was transmitted.
    pub fn said(&mut self) -> String {
        let before = self.transcript.len();
        self.drain();
        self.transcript[before..].to_owned()
    }

    /// The events since the last call, in words.
    pub fn events(&mut self) -> Vec<String> {
        let events = self.trace.iter().filter(|entry| !entry.starts_with("send ")).cloned().collect();
        self.trace.clear();
        events
    }

    pub fn cut(&mut self) {
        self.conn.transport_closed(self.now);
        self.drain();
    }

    /// Answers the oldest question.
    pub fn judge(&mut self, verdict: Verdict) -> String {
        let (ticket, _) = self.questions.pop_front().expect("a question");
        self.conn.verdict(self.now, ticket, verdict).unwrap();
        self.said()
    }

    /// Lets time pass, deadline by deadline, and returns what was transmitted.
    pub fn sleep(&mut self, time: Duration) -> String {
        let before = self.transcript.len();
        let end = self.now + time;
        while let Some(at) = self.conn.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.conn.handle_timeout(self.now);
            assert!(self.conn.poll_timeout().is_none_or(|at| at > self.now), "a deadline that has passed");
            self.drain();
        }
        self.now = end;
        self.transcript[before..].to_owned()
    }

    /// Performs actions until there are none; whether there were any.
    pub fn drain(&mut self) -> bool {
        let mut any = false;
        while let Some(action) = self.conn.poll() {
            any = true;
            assert!(!self.over, "an action after the last: {action:?}");
            self.debug.push_str(&format!("{action:?} {:?}\n", self.conn));
            self.perform(action);
        }
        any
    }

    fn perform(&mut self, action: Action) {
        let entry = match action {
            Action::Transmit(bytes) => {
                let text = std::str::from_utf8(&bytes).unwrap();
                assert!(!text.is_empty());
                self.transcript.push_str(text);
                self.sent.extend(&bytes);
                if let Some(last) = self.trace.last_mut().filter(|last| last.starts_with("send ")) {
                    last.push_str(text);
                    return;
                }
                format!("send {text}")
            }
            Action::StartTls(request) => {
                self.handshakes += 1;
                if let Some(info) = self.info.clone() {
                    self.conn.tls(self.now, info).unwrap();
                }
                format!("tls {:?} {:?}", request.domain(), request.service())
            }
            Action::Ask(Question::Verification { ticket, request }) => {
                let entry = format!(
                    "ask {} for {} on {} with {}",
                    request.remote(),
                    request.local(),
                    request.stream_id(),
                    request.key()
                );
                self.questions.push_back((ticket, request));
                entry
            }
            Action::Event(Event::Authorized { local, remote, method }) => {
                format!("authorized {local} {remote} {method:?}")
            }
            Action::Event(Event::Refused { local, remote, refusal }) => {
                format!("refused {local} {remote} {refusal:?}")
            }
            Action::Event(Event::Verdict(id, verdict)) => format!("verdict {} {verdict:?}", id.as_u64()),
            Action::Event(Event::Stanza(stanza)) => format!("stanza {stanza}"),
            Action::Event(Event::Reply(stanza)) => format!("reply {stanza}"),
            Action::Event(Event::Warning(warning)) => format!("warning {warning:?}"),
            Action::Event(Event::Closed(closed)) => {
                assert!(self.reason.is_none(), "closed twice");
                let entry = format!("closed {}", closed.reason());
                let (reason, unsent) = closed.into_parts();
                self.reason = Some(reason);
                self.unsent = unsent;
                entry
            }
            Action::CloseTransport(close) => {
                assert!(self.reason.is_some(), "an end without a reason");
                self.close = Some(close);
                self.over = true;
                format!("end {close:?}")
            }
            other => panic!("an unknown action: {other:?}"),
        };
        self.trace.push(entry);
    }
}

pub fn inbound_config() -> PeerConfig {
    PeerConfig::new([MONTAGUE, CHAT].map(domain), Secret::new(MONTAGUES_SECRET))
}

/// Plaintext will do.
pub fn open_inbound_config() -> PeerConfig {
    inbound_config().with_tls(TlsPolicy::Disabled).with_dialback(DialbackPolicy::Always)
}

pub fn outbound_config() -> PeerOutboundConfig {
    PeerOutboundConfig::new(&domain(CAPULET), &domain(MONTAGUE), Secret::new(CAPULETS_SECRET))
}

pub fn open_outbound_config() -> PeerOutboundConfig {
    outbound_config().with_tls(TlsPolicy::Disabled).with_dialback(DialbackPolicy::Always)
}

pub fn inbound(config: PeerConfig) -> End<PeerInbound> {
    End::new(PeerInbound::new(config.into(), Seed::new([2; 32]), Instant::from_micros(1)))
}

pub fn outbound(config: PeerOutboundConfig) -> End<PeerOutbound> {
    let mut end = End::new(PeerOutbound::new(config, Seed::new([1; 32]), Instant::from_micros(1)));
    end.drain();
    end
}

/// The id in the last header that was written.
pub fn stream_id(transcript: &str) -> String {
    let tag = transcript.rsplit("<stream:stream ").next().unwrap();
    tag.split(" id='").nth(1).unwrap().split('\'').next().unwrap().to_owned()
}

/// montague.example's end in plaintext, with capulet.example's header read.
pub fn greeted() -> End<PeerInbound> {
    let mut end = inbound(open_inbound_config());
    end.feed(HEADER);
    end.events();
    end
}

/// The same once the pair capulet.example, montague.example is proved.
pub fn proved() -> End<PeerInbound> {
    let mut end = greeted();
    end.feed(result(CAPULET, MONTAGUE, "key"));
    end.judge(Verdict::Valid);
    assert!(end.events().last().is_some_and(|event| event.starts_with("authorized")));
    end
}

/// montague.example's end over TLS, with capulet.example's second header read.
pub fn secured(config: PeerConfig, info: TlsInfo) -> End<PeerInbound> {
    let mut end = inbound(config).with_certificate(info);
    end.feed(HEADER);
    end.feed(STARTTLS);
    end.feed(HEADER);
    assert_eq!(end.handshakes, 1);
    end.trace.clear();
    end
}

/// capulet.example's end in plaintext, which has sent its key.
pub fn asked() -> End<PeerOutbound> {
    let mut end = outbound(open_outbound_config());
    let key = end.feed(format!("{ANSWER}{OFFER_DIALBACK}"));
    assert_eq!(key, result(CAPULET, MONTAGUE, KEY));
    end.events();
    end
}

/// The same once it may send.
pub fn authorized() -> End<PeerOutbound> {
    let mut end = asked();
    end.feed(result_is(MONTAGUE, CAPULET, "valid"));
    assert_eq!(end.events(), ["authorized capulet.example montague.example Dialback"]);
    end
}

/// Moves bytes between two ends, at most `chunk` at a time, until both are silent.
pub fn exchange(one: &mut End<PeerOutbound>, other: &mut End<PeerInbound>, chunk: usize) {
    loop {
        let mut moved = one.drain() | other.drain();
        moved |= pass(&mut one.sent, other, chunk);
        moved |= pass(&mut other.sent, one, chunk);
        if !moved {
            break;
        }
    }
}

fn pass<C: Peer>(bytes: &mut VecDeque<u8>, to: &mut End<C>, chunk: usize) -> bool {
    let mut moved = false;
    while !bytes.is_empty() && to.conn.wants_input() {
        let part: Vec<u8> = bytes.drain(..chunk.min(bytes.len())).collect();
        to.feed(part);
        moved = true;
    }
    if to.over {
        bytes.clear();
    }
    moved
}
