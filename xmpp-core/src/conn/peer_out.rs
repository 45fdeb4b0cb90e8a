//! The originating server's end of a stream that we opened to another server (RFC 3920 sections 4 to 6 and 8, XEP-0178, XEP-0220).

mod dialback;
mod negotiate;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use self::dialback::Open;
use super::PeerOutboundConfig;
use super::action::{SendId, VerifyId};
use super::connection::connection;
use super::core::Core;
use super::machine::{Machine, Role};
use super::proof::DomainPairs;
use crate::dialback::{Verdict, Verification};
use crate::entropy::Seed;
use crate::error::Misuse;
use crate::jid::{BareJid, Jid};
use crate::sasl::SaslCondition;
use crate::stanza::Stanza;
use crate::stream::{Condition, FirstLevel, Phase, StreamHeader};
use crate::time::Instant;
use crate::tls::TlsInfo;
use crate::xml::{Element, ns};

/// Our end of a stream that we opened to another server, which carries stanzas from us and none back.
///
/// It negotiates TLS and proves our domain by SASL EXTERNAL, or else by dialback, until [`Event::Authorized`](super::Event::Authorized) says that
/// stanzas may flow. Other domains of ours, and of the peer's, can share the stream once they are [authorized](Self::authorize) too. To whoever
/// opened a stream to us, it is also the way to the authoritative server: [`verify`](Self::verify).
///
/// Silence does not end it, nor does a refusal: [close](Self::close) it when it is of no use any more (RFC 6120 section 4.6.3).
///
/// ```
/// use xmpp_core::conn::{Action, Drive, PeerOutbound, PeerOutboundConfig};
/// use xmpp_core::dialback::{DialbackPolicy, Secret};
/// use xmpp_core::entropy::Seed;
/// use xmpp_core::jid::BareJid;
/// use xmpp_core::time::Instant;
/// use xmpp_core::tls::TlsPolicy;
///
/// let (local, remote) = (BareJid::new("capulet.example")?, BareJid::new("montague.example")?);
/// let config = PeerOutboundConfig::new(&local, &remote, Secret::new("s3cr3tf0rd14lb4ck"))
///     .with_tls(TlsPolicy::Disabled)
///     .with_dialback(DialbackPolicy::Always);
/// let mut peer = PeerOutbound::new(config, Seed::new([1; 32]), Instant::ZERO);
/// let Some(Action::Transmit(header)) = peer.poll() else { panic!("the originating server speaks first") };
/// assert!(core::str::from_utf8(&header)?.contains(" to='montague.example' from='capulet.example'"));
///
/// peer.receive(
///     Instant::ZERO,
///     b"<stream:stream id='D60000229F' version='1.0' xmlns='jabber:server' xmlns:db='jabber:server:dialback' \
///       xmlns:stream='http://etherx.jabber.org/streams'><stream:features/>",
/// )?;
/// let Some(Action::Transmit(key)) = peer.poll() else { panic!("dialback is all there is") };
/// assert_eq!(
///     core::str::from_utf8(&key)?,
///     "<db:result from='capulet.example' to='montague.example'>\
///      b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3</db:result>"
/// );
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct PeerOutbound {
    machine: Machine<State>,
}

impl PeerOutbound {
    /// A transport to the other server is there. `seed` must be fresh for every connection.
    #[must_use]
    pub fn new(config: PeerOutboundConfig, seed: Seed, now: Instant) -> Self {
        let limits = config.limits.clone();
        let link = Box::new(Link::new(config));
        let header = link.header();
        let mut machine = Machine::new(State::AwaitHeader(link), ns::SERVER, limits, seed, now);
        machine.core().set_header(header);
        machine.core().open();
        PeerOutbound { machine }
    }

    /// A transport to the other server is there, and TLS on it (XEP-0368): the embedder has made the handshake that
    /// [`TlsRequest::initiating`](crate::tls::TlsRequest::initiating) describes, and `info` says how it went. A server that has to be trusted
    /// and cannot be gets no byte. `seed` must be fresh for every connection.
    #[must_use]
    pub fn over_tls(config: PeerOutboundConfig, info: TlsInfo, seed: Seed, now: Instant) -> Self {
        let limits = config.limits.clone();
        let link = Box::new(Link::new(config));
        let mut machine = Machine::new(State::TlsPending(link), ns::SERVER, limits, seed, now);
        machine.over_tls(info);
        PeerOutbound { machine }
    }

    /// Asks for another pair of domains on the same stream, by dialback: `local` is ours, `remote` the peer's.
    /// [`Event::Authorized`](super::Event::Authorized) or [`Event::Refused`](super::Event::Refused) follows, unless it is authorized already. A
    /// pair whose answer is awaited is not asked for twice.
    ///
    /// # Errors
    /// [`Misuse::Closed`] once the stream closes, [`Misuse::TooManyDialbacks`] when as many dialbacks are under way, or as many pairs are
    /// authorized, as the [limits](crate::limits::Limits::dialbacks) allow.
    pub fn authorize(&mut self, now: Instant, local: &BareJid, remote: &BareJid) -> Result<(), Misuse> {
        let (role, core) = self.machine.parts(now);
        let (link, open) = role.link(core).ok_or(Misuse::Closed)?;
        link.authorize(core, local.domain_jid(), remote.domain_jid(), open)
    }

    /// Asks, as receiving server, the authoritative server for `remote` whether a key is its own. [`Event::Verdict`](super::Event::Verdict) has
    /// the answer under the id returned. Needs no authorization.
    ///
    /// # Errors
    /// [`Misuse::Closed`] once the stream closes, [`Misuse::TooManyDialbacks`] when as many dialbacks are under way as the
    /// [limits](crate::limits::Limits::dialbacks) allow.
    pub fn verify(&mut self, now: Instant, verification: Verification) -> Result<VerifyId, Misuse> {
        let (role, core) = self.machine.parts(now);
        let (link, open) = role.link(core).ok_or(Misuse::Closed)?;
        link.verify(core, verification, open)
    }

    /// Sends a stanza to the peer, from a domain and to a domain that are authorized together.
    ///
    /// # Errors
    /// [`Misuse::NotAuthorized`] if they are not, or an address is missing; [`Misuse::Closed`] once the stream closes, [`Misuse::OutboxFull`] when
    /// more waits than [`Limits::outbox_bytes`](crate::limits::Limits::outbox_bytes) allows.
    pub fn send(&mut self, now: Instant, stanza: Stanza) -> Result<SendId, Misuse> {
        let (role, core) = self.machine.parts(now);
        let (link, _) = role.link(core).ok_or(Misuse::Closed)?;
        let pair = stanza.from().map(Jid::domain).zip(stanza.to().map(Jid::domain));
        if !pair.is_some_and(|(from, to)| link.pairs.contains(from, to)) {
            return Err(Misuse::NotAuthorized);
        }
        core.send(stanza)
    }
}

connection!(PeerOutbound);

impl fmt::Debug for PeerOutbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("PeerOutbound");
        if let Some(link) = self.machine.role().peek() {
            out.field("local", &link.config.local).field("remote", &link.config.remote);
        }
        out.finish_non_exhaustive()
    }
}

/// What the connection awaits.
enum State {
    /// The peer's header: the first, or a new one after TLS or SASL.
    AwaitHeader(Box<Link>),
    /// What the peer offers.
    AwaitFeatures(Box<Link>),
    /// `<proceed/>`.
    AwaitProceed(Box<Link>),
    /// The outcome of the TLS handshake.
    TlsPending(Box<Link>),
    /// The outcome of SASL EXTERNAL.
    AwaitSasl(Box<Link>),
    /// Answers of dialback.
    Open(Box<Link>),
    Over,
}

/// What is known of the stream.
struct Link {
    config: PeerOutboundConfig,
    tls: Option<TlsInfo>,
    external: External,
    /// The id that the peer gave the stream.
    stream_id: String,
    /// Whether the peer survives dialback errors (XEP-0220 section 2.4.2).
    errors: bool,
    /// What may be sent.
    pairs: DomainPairs,
    /// Dialbacks that are under way.
    open: Vec<Open>,
}

/// How far SASL EXTERNAL is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum External {
    Untried,
    Succeeded,
    Refused(SaslCondition),
}

impl State {
    fn peek(&self) -> Option<&Link> {
        match self {
            State::AwaitHeader(link)
            | State::AwaitFeatures(link)
            | State::AwaitProceed(link)
            | State::TlsPending(link)
            | State::AwaitSasl(link)
            | State::Open(link) => Some(link),
            State::Over => None,
        }
    }

    /// The stream while it can be written to, and whether it is negotiated.
    fn link(&mut self, core: &Core) -> Option<(&mut Link, bool)> {
        let open = matches!(self, State::Open(_));
        match self {
            State::AwaitHeader(link)
            | State::AwaitFeatures(link)
            | State::AwaitProceed(link)
            | State::TlsPending(link)
            | State::AwaitSasl(link)
            | State::Open(link)
                if core.can_write() =>
            {
                Some((link, open))
            }
            _ => None,
        }
    }
}

impl Role for State {
    fn over() -> Self {
        State::Over
    }

    fn phase(&self) -> Option<Phase> {
        match self {
            State::AwaitFeatures(_) => Some(Phase::AwaitFeatures),
            State::AwaitProceed(_) => Some(Phase::AwaitProceed),
            State::AwaitSasl(_) => Some(Phase::AwaitSasl),
            State::Open(_) => Some(Phase::PeerOpen),
            State::AwaitHeader(_) | State::TlsPending(_) | State::Over => None,
        }
    }

    fn on_header(self, core: &mut Core, header: Result<StreamHeader, Condition>) -> Self {
        match self {
            State::AwaitHeader(link) => link.on_header(core, header),
            other => other,
        }
    }

    fn on_element(self, core: &mut Core, kind: FirstLevel, element: Element) -> Self {
        match (self, kind) {
            (State::AwaitFeatures(link), _) => link.on_features(core, &element),
            (State::AwaitProceed(link), kind) => link.on_proceed(core, kind),
            (State::AwaitSasl(link), kind) => link.on_sasl(core, kind, &element),
            (State::Open(link), _) => link.on_packet(core, &element),
            (other, _) => other,
        }
    }

    fn on_tls(self, core: &mut Core, info: TlsInfo) -> Self {
        match self {
            State::TlsPending(link) => link.on_tls(core, info),
            other => other,
        }
    }

    /// Deadlines only: a verdict comes from the peer, not from the embedder.
    fn on_dialback(mut self, core: &mut Core, number: u64, _verdict: Option<Verdict>) -> Self {
        if let Some((link, _)) = self.link(core) {
            link.give_up(core, number);
        }
        self
    }
}

fn refuse(core: &mut Core, condition: Condition) -> State {
    core.fail(condition);
    State::Over
}
