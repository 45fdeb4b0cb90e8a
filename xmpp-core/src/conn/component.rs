//! The component's end of its stream to the server (XEP-0114): the initiating entity.

use super::action::{Event, SendId};
use super::connection::connection;
use super::core::Core;
use super::machine::{Machine, Role};
use crate::component::handshake;
use crate::entropy::Seed;
use crate::error::Misuse;
use crate::jid::{BareJid, Jid};
use crate::limits::Limits;
use crate::sasl::Secret;
use crate::stanza::Stanza;
use crate::stream::{Condition, FirstLevel, Phase, StreamHeader};
use crate::time::Instant;
use crate::xml::{Element, Lang, ns};

/// What a component decides before it connects.
#[derive(Debug)]
pub struct ComponentConfig {
    domain: BareJid,
    secret: Secret,
    limits: Limits,
}

impl ComponentConfig {
    /// To serve that domain, which the server knows by that secret. Of an address with a node, its domain counts.
    #[must_use]
    pub fn new(domain: &BareJid, secret: Secret) -> Self {
        ComponentConfig { domain: domain.domain_jid(), secret, limits: Limits::server_peer() }
    }

    /// How much of everything the server may use.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }
}

/// A component's end of the stream that it opens to its server.
///
/// There is no TLS on it and no SASL: what proves the component is a hash of a shared secret.
///
/// ```
/// use xmpp_core::conn::{Action, ComponentConfig, ComponentConnection, Drive, Event};
/// use xmpp_core::entropy::Seed;
/// use xmpp_core::jid::BareJid;
/// use xmpp_core::sasl::Secret;
/// use xmpp_core::time::Instant;
///
/// let plays = BareJid::new("plays.shakespeare.lit")?;
/// let config = ComponentConfig::new(&plays, Secret::new("test"));
/// let mut component = ComponentConnection::new(config, Seed::new([1; 32]), Instant::ZERO);
/// assert!(matches!(component.poll(), Some(Action::Transmit(header)) if header.ends_with(b" to='plays.shakespeare.lit'>")));
///
/// component.receive(
///     Instant::ZERO,
///     b"<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:component:accept' \
///       from='plays.shakespeare.lit' id='3BF96D32'>",
/// )?;
/// let Some(Action::Transmit(proof)) = component.poll() else { panic!("the secret is to be proved") };
/// assert_eq!(&proof[..], b"<handshake>aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e</handshake>");
///
/// component.receive(Instant::ZERO, b"<handshake/>")?;
/// assert!(matches!(component.poll(), Some(Action::Event(Event::Attached(domain))) if domain == plays));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct ComponentConnection {
    machine: Machine<State>,
}

impl ComponentConnection {
    /// A transport to the server is there. `seed` must be fresh for every connection.
    #[must_use]
    pub fn new(config: ComponentConfig, seed: Seed, now: Instant) -> Self {
        let ComponentConfig { domain, secret, limits } = config;
        let header = StreamHeader::new(ns::COMPONENT).with_to(domain.as_str()).without_version();
        let state = State::AwaitHeader(domain, secret);
        let mut machine = Machine::new(state, ns::COMPONENT, limits, seed, now);
        machine.core().set_header(header);
        machine.core().open();
        ComponentConnection { machine }
    }

    /// The component's domain, once the server has accepted it.
    #[must_use]
    pub fn domain(&self) -> Option<&BareJid> {
        match self.machine.role() {
            State::Online(attached) => Some(&attached.domain),
            _ => None,
        }
    }

    /// Sends a stanza to the server. Without `from` it comes from the component itself.
    ///
    /// # Errors
    /// [`Misuse::NotOnline`] before [`Event::Attached`], [`Misuse::NotAuthorized`] when it has no `to`, or a `from` of another domain than
    /// the component's, [`Misuse::Closed`] once the stream closes, [`Misuse::OutboxFull`] when more waits than
    /// [`Limits::outbox_bytes`] allows.
    pub fn send(&mut self, now: Instant, mut stanza: Stanza) -> Result<SendId, Misuse> {
        if let Some(domain) = self.domain() {
            if stanza.from().is_none() {
                stanza.set_from(Some(Jid::from(domain.clone())));
            }
            if stanza.to().is_none() || stanza.from().is_some_and(|from| from.domain_jid() != *domain) {
                return Err(Misuse::NotAuthorized);
            }
        }
        self.machine.send(now, stanza)
    }
}

connection!(ComponentConnection);

impl core::fmt::Debug for ComponentConnection {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ComponentConnection").field("domain", &self.domain()).finish_non_exhaustive()
    }
}

/// What the connection awaits, with what it knows by then.
enum State {
    /// The server's header, with the id to hash.
    AwaitHeader(BareJid, Secret),
    /// The word that the hash is right.
    AwaitHandshake(Attached),
    /// Stanzas.
    Online(Attached),
    Over,
}

struct Attached {
    domain: BareJid,
    /// That of the server's stream.
    lang: Option<Lang>,
}

impl Role for State {
    fn over() -> Self {
        State::Over
    }

    fn phase(&self) -> Option<Phase> {
        match self {
            State::AwaitHandshake(_) => Some(Phase::ComponentHandshake),
            State::Online(_) => Some(Phase::ComponentOnline),
            State::AwaitHeader(..) | State::Over => None,
        }
    }

    fn on_header(self, core: &mut Core, header: Result<StreamHeader, Condition>) -> Self {
        let State::AwaitHeader(domain, secret) = self else { return self };
        let header = match header {
            Ok(header) => header,
            Err(condition) => return refuse(core, condition),
        };
        if !header.carries(ns::COMPONENT) {
            return refuse(core, Condition::InvalidNamespace);
        }
        // Without an id there is nothing that could be proved. The `from` is not looked at: servers put their own name there too.
        let Some(id) = header.id().filter(|id| !id.is_empty()) else {
            return refuse(core, Condition::BadFormat);
        };
        let proof = handshake(id, &secret);
        core.element(Element::builder(ns::COMPONENT, "handshake").text(&proof).build());
        let lang = header.lang().and_then(|lang| Lang::new(lang).ok());
        State::AwaitHandshake(Attached { domain, lang })
    }

    fn on_element(self, core: &mut Core, kind: FirstLevel, element: Element) -> Self {
        match (self, kind) {
            (State::AwaitHandshake(attached), FirstLevel::Handshake) => {
                core.online();
                core.event(Event::Attached(attached.domain.clone()));
                State::Online(attached)
            }
            (State::Online(attached), _) => {
                match Stanza::parse(&element) {
                    Ok(mut stanza) => {
                        stanza.inherit_lang(attached.lang.as_ref());
                        core.event(Event::Stanza(stanza));
                    }
                    Err(malformed) => core.malformed(&malformed),
                }
                State::Online(attached)
            }
            (other, _) => other,
        }
    }
}

fn refuse(core: &mut Core, condition: Condition) -> State {
    core.fail(condition);
    State::Over
}
