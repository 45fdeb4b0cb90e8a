//! The server's end of a component's stream (XEP-0114): the receiving entity.

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;

use super::action::{Event, SendId};
use super::connection::connection;
use super::core::Core;
use super::machine::{Machine, Role};
use crate::component::proves;
use crate::entropy::Seed;
use crate::error::Misuse;
use crate::jid::BareJid;
use crate::limits::Limits;
use crate::sasl::Secret;
use crate::stanza::Stanza;
use crate::stream::{Condition, FirstLevel, Phase, StreamHeader};
use crate::time::Instant;
use crate::xml::{Element, Lang, ns};

/// What a server decides once for all its connections to components.
#[derive(Debug)]
pub struct ComponentAcceptorConfig {
    secrets: BTreeMap<BareJid, Secret>,
    limits: Limits,
    lang: String,
}

impl ComponentAcceptorConfig {
    /// The components that may connect: their domains, and the secret of each. Of an address with a node, its domain counts.
    #[must_use]
    pub fn new(components: impl IntoIterator<Item = (BareJid, Secret)>) -> Self {
        let secrets = components.into_iter().map(|(domain, secret)| (domain.domain_jid(), secret));
        ComponentAcceptorConfig {
            secrets: secrets.collect(),
            limits: Limits::server_peer(),
            lang: "en".to_owned(),
        }
    }

    /// How much of everything components may use.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The language of the server's own texts (RFC 6120 section 4.7.4), `en` unless set.
    #[must_use]
    pub fn with_lang(mut self, lang: &str) -> Self {
        self.lang = lang.to_owned();
        self
    }
}

/// A server's end of the stream that a component has opened.
///
/// What the component sends is handed in with the component's own `from`, which is of its domain. That no two connections serve one
/// domain is the embedder's to see to, at [`Event::Attached`]: it ends one of them with `conflict` (XEP-0114 section 3).
///
/// ```
/// use xmpp_core::component::handshake;
/// use xmpp_core::conn::{Action, ComponentAcceptor, ComponentAcceptorConfig, Drive, Event};
/// use xmpp_core::entropy::Seed;
/// use xmpp_core::jid::BareJid;
/// use xmpp_core::sasl::Secret;
/// use xmpp_core::time::Instant;
///
/// let plays = BareJid::new("plays.shakespeare.lit")?;
/// let config = ComponentAcceptorConfig::new([(plays.clone(), Secret::new("test"))]);
/// let mut server = ComponentAcceptor::new(config.into(), Seed::new([1; 32]), Instant::ZERO);
/// server.receive(
///     Instant::ZERO,
///     b"<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' \
///       to='plays.shakespeare.lit'>",
/// )?;
/// let Some(Action::Transmit(header)) = server.poll() else { panic!("a server answers") };
/// let header = core::str::from_utf8(&header)?;
/// let id = header.split("id='").nth(1).and_then(|rest| rest.split('\'').next()).expect("a stream has an id");
///
/// let proof = format!("<handshake>{}</handshake>", handshake(id, &Secret::new("test")));
/// server.receive(Instant::ZERO, proof.as_bytes())?;
/// assert!(matches!(server.poll(), Some(Action::Transmit(said)) if &said[..] == b"<handshake/>"));
/// assert!(matches!(server.poll(), Some(Action::Event(Event::Attached(domain))) if domain == plays));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct ComponentAcceptor {
    machine: Machine<State>,
}

impl ComponentAcceptor {
    /// A component has connected. `seed` must be fresh for every connection.
    #[must_use]
    pub fn new(config: Arc<ComponentAcceptorConfig>, seed: Seed, now: Instant) -> Self {
        let limits = config.limits.clone();
        let lang = config.lang.clone();
        let mut machine = Machine::new(State::AwaitHeader(config), ns::COMPONENT, limits, seed, now);
        // Streams of components have no version (XEP-0114 section 3).
        machine.core().await_header(StreamHeader::new(ns::COMPONENT).with_lang(&lang).without_version());
        ComponentAcceptor { machine }
    }

    /// The component's domain, once it is proved.
    #[must_use]
    pub fn domain(&self) -> Option<&BareJid> {
        match self.machine.role() {
            State::Online(component) => Some(&component.domain),
            _ => None,
        }
    }

    /// Sends a stanza to the component.
    ///
    /// # Errors
    /// [`Misuse::NotOnline`] before [`Event::Attached`], [`Misuse::NotAuthorized`] unless it has a `from`, and a `to` of the component's
    /// domain, [`Misuse::Closed`] once the stream closes, [`Misuse::OutboxFull`] when more waits than [`Limits::outbox_bytes`] allows.
    pub fn send(&mut self, now: Instant, stanza: Stanza) -> Result<SendId, Misuse> {
        if let Some(domain) = self.domain()
            && (stanza.from().is_none() || stanza.to().is_none_or(|to| to.domain_jid() != *domain))
        {
            return Err(Misuse::NotAuthorized);
        }
        self.machine.send(now, stanza)
    }
}

connection!(ComponentAcceptor);

impl core::fmt::Debug for ComponentAcceptor {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("ComponentAcceptor").field("domain", &self.domain()).finish_non_exhaustive()
    }
}

/// What the connection awaits, with what it knows by then.
enum State {
    /// The component's header.
    AwaitHeader(Arc<ComponentAcceptorConfig>),
    /// The proof.
    AwaitHandshake(Claim),
    /// Stanzas.
    Online(Component),
    Over,
}

/// What is to be proved.
struct Claim {
    config: Arc<ComponentAcceptorConfig>,
    component: Component,
    stream_id: String,
}

struct Component {
    domain: BareJid,
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
            State::AwaitHeader(_) | State::Over => None,
        }
    }

    fn on_header(self, core: &mut Core, header: Result<StreamHeader, Condition>) -> Self {
        let State::AwaitHeader(config) = self else { return self };
        let header = match header {
            Ok(header) => header,
            Err(condition) => return refuse(core, condition),
        };
        if !header.carries(ns::COMPONENT) {
            return refuse(core, Condition::InvalidNamespace);
        }
        let domain = match header.to().map(BareJid::new) {
            None | Some(Err(_)) => return refuse(core, Condition::ImproperAddressing),
            Some(Ok(domain)) if config.secrets.contains_key(&domain) => domain,
            Some(Ok(_)) => return refuse(core, Condition::HostUnknown),
        };
        let mut stream_id = String::new();
        core.amend_header(|ours| {
            stream_id = ours.id().unwrap_or_default().to_owned();
            ours.with_from(domain.as_str())
        });
        core.open();
        let lang = header.lang().and_then(|lang| Lang::new(lang).ok());
        State::AwaitHandshake(Claim { config, component: Component { domain, lang }, stream_id })
    }

    fn on_element(self, core: &mut Core, kind: FirstLevel, element: Element) -> Self {
        match (self, kind) {
            (State::AwaitHandshake(claim), FirstLevel::Handshake) => claim.on_handshake(core, &element),
            (State::Online(component), _) => component.on_stanza(core, &element),
            (other, _) => other,
        }
    }
}

impl Claim {
    fn on_handshake(self, core: &mut Core, element: &Element) -> State {
        let secret = self.config.secrets.get(&self.component.domain);
        // Line breaks around the digits are no part of them.
        if !secret.is_some_and(|secret| proves(element.text().trim_ascii(), &self.stream_id, secret)) {
            return refuse(core, Condition::NotAuthorized);
        }
        core.element(Element::builder(ns::COMPONENT, "handshake").build());
        core.online();
        core.event(Event::Attached(self.component.domain.clone()));
        State::Online(self.component)
    }
}

impl Component {
    fn on_stanza(self, core: &mut Core, element: &Element) -> State {
        match Stanza::parse(element) {
            Ok(mut stanza) => {
                // XEP-0114 section 3: any address of its own domain, and none of another.
                if stanza.from().is_none_or(|from| from.domain_jid() != self.domain) {
                    return refuse(core, Condition::InvalidFrom);
                }
                if stanza.to().is_none() {
                    return refuse(core, Condition::ImproperAddressing);
                }
                stanza.inherit_lang(self.lang.as_ref());
                core.event(Event::Stanza(stanza));
            }
            Err(malformed) => core.malformed(&malformed),
        }
        State::Online(self)
    }
}

fn refuse(core: &mut Core, condition: Condition) -> State {
    core.fail(condition);
    State::Over
}
