//! The receiving server's end of a stream that another server opened (RFC 3920 sections 4 to 6 and 8, XEP-0178, XEP-0220).

mod authenticate;
mod dialback;

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use super::PeerConfig;
use super::action::{Event, Method, Warning};
use super::connection::connection;
use super::core::Core;
use super::machine::{Machine, Role};
use super::proof::PeerProof;
use crate::dialback::{DialbackPolicy, Verdict};
use crate::entropy::Seed;
use crate::jid::{BareJid, Jid};
use crate::sasl::SaslCondition;
use crate::stanza::{Stanza, StanzaError};
use crate::stream::{Condition, FirstLevel, Phase, StreamError, StreamHeader};
use crate::time::Instant;
use crate::tls::{Service, TlsInfo, TlsPolicy};
use crate::xml::{Element, Lang, ns};

/// Our end of a stream that another server opened, which carries stanzas to us and none back.
///
/// The peer proves its domains by a certificate (TLS and SASL EXTERNAL) or by dialback, for which the embedder is
/// [asked](super::Question::Verification) to find the authoritative server. Stanzas are handed in only from domains that were proved, to domains
/// that they were proved to. As authoritative server it verifies the keys of our own domains, without asking.
///
/// Once a domain is proved, silence does not end it: whoever has too many idle streams [closes](Self::close) some (RFC 6120 section 4.6.3).
///
/// ```
/// use xmpp_core::conn::{Action, Drive, PeerConfig, PeerInbound};
/// use xmpp_core::dialback::Secret;
/// use xmpp_core::entropy::Seed;
/// use xmpp_core::jid::BareJid;
/// use xmpp_core::time::Instant;
///
/// let config = PeerConfig::new([BareJid::new("montague.example")?], Secret::new("d14lb4ck43v3r"));
/// let mut peer = PeerInbound::new(config.into(), Seed::new([1; 32]), Instant::ZERO);
/// peer.receive(
///     Instant::ZERO,
///     b"<stream:stream from='capulet.example' to='montague.example' version='1.0' xmlns='jabber:server' \
///       xmlns:db='jabber:server:dialback' xmlns:stream='http://etherx.jabber.org/streams'>",
/// )?;
/// let Some(Action::Transmit(bytes)) = peer.poll() else { panic!("a server answers") };
/// let answer = core::str::from_utf8(&bytes)?;
/// assert!(answer.contains(" from='montague.example'"));
/// assert!(answer.ends_with("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct PeerInbound {
    machine: Machine<State>,
}

impl PeerInbound {
    /// Another server has connected. `seed` must be fresh for every connection.
    #[must_use]
    pub fn new(config: Arc<PeerConfig>, seed: Seed, now: Instant) -> Self {
        let limits = config.limits().clone();
        let stage = Stage { config, tls: None, proof: PeerProof::default() };
        let header = stage.header();
        let mut machine = Machine::new(State::AwaitHeader(stage), ns::SERVER, limits, seed, now);
        machine.core().await_header(header);
        PeerInbound { machine }
    }

    /// Another server has connected, and TLS is there already (XEP-0368): the embedder has made the handshake as
    /// [`TlsRole::Server`](crate::tls::TlsRole::Server), and asked for a certificate. STARTTLS is not offered.
    #[must_use]
    pub fn over_tls(config: Arc<PeerConfig>, info: TlsInfo, seed: Seed, now: Instant) -> Self {
        let limits = config.limits().clone();
        let mut machine = Machine::new(State::TlsPending(config), ns::SERVER, limits, seed, now);
        machine.over_tls(info);
        PeerInbound { machine }
    }

    /// Who the peer says it is in its stream header. Nothing proves it but an [`Event::Authorized`].
    #[must_use]
    pub fn claimed(&self) -> Option<&BareJid> {
        match self.machine.role() {
            State::Negotiating(peer) | State::AwaitResponse(peer) | State::Online(peer) => {
                peer.claimed.as_ref()
            }
            State::AwaitHeader(_) | State::TlsPending(_) | State::Over => None,
        }
    }
}

connection!(PeerInbound);

impl fmt::Debug for PeerInbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerInbound").field("claimed", &self.claimed()).finish_non_exhaustive()
    }
}

/// What the connection awaits, with what it knows by then.
enum State {
    /// The peer's header: the first, or a new one after TLS or SASL.
    AwaitHeader(Stage),
    /// `<starttls/>`, `<auth/>` or dialback: nothing is proved.
    Negotiating(Box<Peer>),
    /// The outcome of the TLS handshake.
    TlsPending(Arc<PeerConfig>),
    /// The identity that `<auth/>` did not hold.
    AwaitResponse(Box<Peer>),
    /// Stanzas of the domains that were proved, and more of dialback.
    Online(Box<Peer>),
    Over,
}

/// What survives a new stream header.
struct Stage {
    config: Arc<PeerConfig>,
    tls: Option<TlsInfo>,
    proof: PeerProof,
}

/// A peer that has opened its stream.
struct Peer {
    config: Arc<PeerConfig>,
    tls: Option<TlsInfo>,
    /// The domain of ours that it asked for, or the first.
    local: BareJid,
    /// Who it says it is.
    claimed: Option<BareJid>,
    /// Of before XMPP 1.0: it knows dialback alone, and of that no errors but those that end the stream.
    legacy: bool,
    lang: Option<Lang>,
    stream_id: String,
    proof: PeerProof,
    /// Keys that somebody is asked about.
    asked: Vec<Asked>,
    failed_auths: u32,
    failed_dialbacks: usize,
}

/// A key whose verdict is awaited under that number.
struct Asked {
    number: u64,
    local: BareJid,
    remote: BareJid,
}

impl Role for State {
    fn over() -> Self {
        State::Over
    }

    fn phase(&self) -> Option<Phase> {
        match self {
            State::Negotiating(_) => Some(Phase::PeerNegotiation),
            State::AwaitResponse(_) => Some(Phase::Exchange),
            State::Online(_) => Some(Phase::PeerOnline),
            State::AwaitHeader(_) | State::TlsPending(_) | State::Over => None,
        }
    }

    fn on_header(self, core: &mut Core, header: Result<StreamHeader, Condition>) -> Self {
        match self {
            State::AwaitHeader(stage) => stage.on_header(core, header),
            other => other,
        }
    }

    fn on_element(self, core: &mut Core, kind: FirstLevel, element: Element) -> Self {
        match (self, kind) {
            (State::Negotiating(peer) | State::Online(peer), FirstLevel::DialbackResult) => {
                peer.on_result(core, &element)
            }
            (State::Negotiating(peer) | State::Online(peer), FirstLevel::DialbackVerify) => {
                peer.on_verify(core, &element)
            }
            (State::Online(peer), _) => peer.on_stanza(core, &element),
            (State::Negotiating(peer), FirstLevel::StartTls) => peer.start_tls(core, &element),
            (State::Negotiating(peer), FirstLevel::Auth) => peer.auth(core, &element),
            (State::Negotiating(peer), FirstLevel::Response) => {
                peer.fail_auth(core, SaslCondition::MalformedRequest)
            }
            // RFC 6120 section 6.4.2: a new request discards the handshake that was under way.
            (State::AwaitResponse(peer), FirstLevel::Auth) => peer.auth_anew(core, &element),
            (State::AwaitResponse(peer), FirstLevel::Response) => peer.response(core, &element),
            (State::Negotiating(peer) | State::AwaitResponse(peer), _) => {
                peer.fail_auth(core, SaslCondition::Aborted)
            }
            (other, _) => other,
        }
    }

    fn on_tls(self, core: &mut Core, info: TlsInfo) -> Self {
        match self {
            // What came before in plaintext is forgotten (RFC 3920 section 5.1): only the configuration goes on.
            State::TlsPending(config) => {
                Stage { config, tls: Some(info), proof: PeerProof::default() }.restart(core)
            }
            other => other,
        }
    }

    fn on_dialback(self, core: &mut Core, number: u64, verdict: Option<Verdict>) -> Self {
        match self {
            State::Negotiating(peer) | State::Online(peer) => peer.on_verdict(core, number, verdict),
            State::AwaitResponse(peer) => match peer.on_verdict(core, number, verdict) {
                // The exchange goes on.
                State::Negotiating(peer) | State::Online(peer) => State::AwaitResponse(peer),
                over => over,
            },
            other => other,
        }
    }
}

impl Stage {
    /// Our header, as long as it is not known which domain the peer asks for (RFC 6120 section 4.9.1.3). Dialback is understood always: who
    /// verifies a key of ours need not be allowed to prove itself by one.
    fn header(&self) -> StreamHeader {
        StreamHeader::new(ns::SERVER)
            .with_dialback()
            .with_from(self.config.default_domain().map(BareJid::as_str).unwrap_or_default())
            .with_lang(self.config.lang())
    }

    /// Awaits the header of a new stream. Keys were for the old one.
    fn restart(self, core: &mut Core) -> State {
        core.forget_deferred();
        core.await_header(self.header());
        State::AwaitHeader(self)
    }

    fn on_header(self, core: &mut Core, header: Result<StreamHeader, Condition>) -> State {
        let header = match header {
            Ok(header) => header,
            Err(condition) => return refuse(core, condition),
        };
        if !header.carries(ns::SERVER) {
            return refuse(core, Condition::InvalidNamespace);
        }
        let legacy = header.version().is_none_or(|version| version.major < 1);
        if header.version().is_none() {
            // RFC 6120 section 4.7.5 rule 4.
            core.amend_header(StreamHeader::without_version);
        }
        // Who speaks no XMPP 1.0 has to speak dialback (RFC 3920 section 8.3 step 2), and where that will do.
        if legacy && !(header.dialback() && self.proof.is_empty() && self.may_dialback()) {
            return refuse(core, Condition::UnsupportedVersion);
        }
        let local = match header.to() {
            // RFC 3920 section 8.3 leaves out both addresses.
            None => self.config.default_domain().cloned(),
            Some(to) => domain(to),
        };
        let Some(local) = local else {
            return refuse(core, Condition::ImproperAddressing);
        };
        if !self.config.serves(&local) {
            return refuse(core, Condition::HostUnknown);
        }
        let claimed = match header.from().map(domain) {
            None => None,
            Some(None) => return refuse(core, Condition::ImproperAddressing),
            Some(claimed) => claimed,
        };
        // The stream goes on for the domain that was proved, not for another (RFC 6120 section 4.9.3.9).
        if self.proof.external().is_some() && claimed.is_some() && claimed.as_ref() != self.proof.external() {
            return refuse(core, Condition::InvalidFrom);
        }
        let mut stream_id = String::new();
        core.amend_header(|ours| {
            stream_id = ours.id().unwrap_or_default().to_owned();
            let ours = ours.with_from(local.as_str());
            match &claimed {
                Some(claimed) => ours.with_to(claimed.as_str()),
                None => ours,
            }
        });
        core.open();
        let lang = header.lang().and_then(|lang| Lang::new(lang).ok());
        let Stage { config, tls, proof } = self;
        let asked = Vec::new();
        let peer = Box::new(Peer {
            config,
            tls,
            local,
            claimed,
            legacy,
            lang,
            stream_id,
            proof,
            asked,
            failed_auths: 0,
            failed_dialbacks: 0,
        });
        if !legacy {
            core.element(peer.features().to_element());
        }
        peer.begin(core)
    }

    /// Whether dialback may prove anything.
    fn may_dialback(&self) -> bool {
        may_dialback(&self.config, self.tls.is_some())
    }
}

/// Whether the configuration lets dialback prove anything now.
fn may_dialback(config: &PeerConfig, encrypted: bool) -> bool {
    match config.dialback() {
        DialbackPolicy::Never => false,
        DialbackPolicy::Certified | DialbackPolicy::Encrypted => encrypted,
        DialbackPolicy::Always => encrypted || config.tls() != TlsPolicy::Required,
    }
}

impl Peer {
    /// The stream is open, and the peer was told what it can do.
    fn begin(self: Box<Self>, core: &mut Core) -> State {
        if let Some(remote) = self.proof.external() {
            let (local, remote) = (self.local.clone(), remote.clone());
            core.online();
            core.event(Event::Authorized { local, remote, method: Method::External });
        } else if self.tls.is_some()
            && !self.may_external()
            && self.config.dialback() == DialbackPolicy::Never
        {
            // XEP-0178 section 3 step 9: the certificate does not do, and nothing else will.
            let error = StreamError::new(Condition::NotAuthorized);
            core.fail(error.with_text("a trusted certificate for the domain is needed"));
            return State::Over;
        }
        self.settled()
    }

    /// What is awaited, from what is proved.
    fn settled(self: Box<Self>) -> State {
        if self.proof.is_empty() { State::Negotiating(self) } else { State::Online(self) }
    }

    /// Whether the certificate proves who the peer says it is (XEP-0178 section 3 step 9). Nobody else is one of our own domains, even
    /// with a certificate that is good for them too.
    fn may_external(&self) -> bool {
        self.tls.as_ref().zip(self.claimed.as_ref()).is_some_and(|(tls, claimed)| {
            !self.config.serves(claimed) && tls.verify(claimed.domain(), Service::Server).is_ok()
        })
    }

    fn on_stanza(self: Box<Self>, core: &mut Core, element: &Element) -> State {
        let parsed = Stanza::parse(element);
        let addresses = match &parsed {
            Ok(stanza) => stanza.from().cloned().zip(stanza.to().cloned()),
            Err(_) => {
                let address = |name| Jid::new(element.attr(name)?).ok();
                address("from").zip(address("to"))
            }
        };
        // Between servers every stanza says both, and what it says must have been proved, before anything else is looked at.
        let Some((from, to)) = addresses else {
            return refuse(core, Condition::ImproperAddressing);
        };
        let is_ours = self.config.serves(&to.domain_jid());
        if let Err(condition) = self.proof.check(to.domain(), from.domain(), is_ours) {
            return refuse(core, condition);
        }
        match parsed {
            Ok(mut stanza) => {
                stanza.inherit_lang(self.lang.as_ref());
                core.event(Event::Stanza(stanza));
            }
            Err(malformed) => {
                let reply = malformed.reply();
                core.event(Event::Warning(Warning::Stanza(StanzaError::new(malformed.condition()))));
                if let Some(reply) = reply {
                    core.event(Event::Reply(reply));
                }
            }
        }
        State::Online(self)
    }
}

/// The domain that an address is; none if it is more than that, or no address.
fn domain(address: &str) -> Option<BareJid> {
    BareJid::new(address).ok().filter(|jid| jid.node().is_none())
}

fn refuse(core: &mut Core, condition: Condition) -> State {
    core.fail(condition);
    State::Over
}
