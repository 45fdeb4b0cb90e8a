//! The receiving entity's end of a client's stream (RFC 3920 sections 4 to 7).

mod authenticate;
mod binding;

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::ServerConfig;
use super::action::Event;
use super::connection::{connection, session};
use super::core::Core;
use super::machine::{Machine, Role};
use super::proof::{AuthProof, BoundProof};
use super::question::{Answer, BindAnswer, DerivationAnswer};
use crate::entropy::Seed;
use crate::error::Misuse;
use crate::jid::{BareJid, FullJid, Jid};
use crate::sasl::server::Server;
use crate::sasl::{Mechanism, SaslCondition};
use crate::stanza::{self, ErrorType, Iq, Stanza, StanzaError};
use crate::stream::{Condition, Features, FirstLevel, OtherHost, Phase, StreamHeader};
use crate::time::Instant;
use crate::tls::TlsInfo;
use crate::xml::{Element, Lang, ns};

/// A server's end of a connection to one of its clients.
///
/// It negotiates TLS, SASL and resource binding as the receiving entity, asking the embedder for credentials and for a
/// resource, and from then on hands in the client's stanzas, each with the client's full JID as `from`.
///
/// ```
/// use xmpp_core::conn::{Action, Drive, ServerConfig, ServerConnection};
/// use xmpp_core::entropy::Seed;
/// use xmpp_core::jid::BareJid;
/// use xmpp_core::sasl::server::Decoy;
/// use xmpp_core::time::Instant;
///
/// let config = ServerConfig::new([BareJid::new("example.com")?], Decoy::new([7; 32]));
/// let mut server = ServerConnection::new(config.into(), Seed::new([1; 32]), Instant::ZERO);
/// server.receive(
///     Instant::ZERO,
///     b"<stream:stream to='example.com' version='1.0' xmlns='jabber:client' \
///       xmlns:stream='http://etherx.jabber.org/streams'>",
/// )?;
/// let Some(Action::Transmit(bytes)) = server.poll() else { panic!("a server answers") };
/// let answer = core::str::from_utf8(&bytes)?;
/// assert!(answer.contains(" from='example.com'"));
/// assert!(answer.ends_with(
///     "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
/// ));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct ServerConnection {
    machine: Machine<State>,
}

impl ServerConnection {
    /// A client has connected. `seed` must be fresh for every connection.
    #[must_use]
    pub fn new(config: Arc<ServerConfig>, seed: Seed, now: Instant) -> Self {
        let limits = config.limits().clone();
        let stage = Stage::fresh(config);
        let header = stage.header();
        let mut machine = Machine::new(State::AwaitHeader(stage), ns::CLIENT, limits, seed, now);
        machine.core().await_header(header);
        ServerConnection { machine }
    }

    /// A client has connected, and TLS is there already (XEP-0368): the embedder has made the handshake as
    /// [`TlsRole::Server`](crate::tls::TlsRole::Server), with the certificate of the domain that the client named by SNI. STARTTLS is not
    /// offered. `seed` must be fresh for every connection.
    #[must_use]
    pub fn over_tls(config: Arc<ServerConfig>, info: TlsInfo, seed: Seed, now: Instant) -> Self {
        let limits = config.limits().clone();
        let mut machine = Machine::new(State::TlsPending(config), ns::CLIENT, limits, seed, now);
        machine.over_tls(info);
        ServerConnection { machine }
    }

    /// Ends the stream and sends the client to another host (RFC 6120 section 4.9.3.19).
    ///
    /// # Errors
    /// [`Misuse::Unprotected`] before TLS protects the stream: a client cannot tell such a redirect from a forged one, and ours ignores it.
    pub fn redirect(&mut self, now: Instant, host: &OtherHost) -> Result<(), Misuse> {
        self.machine.redirect(now, host)
    }

    /// The address that was bound, once it was.
    #[must_use]
    pub fn jid(&self) -> Option<&FullJid> {
        match self.machine.role() {
            State::Online(online) => Some(online.bound.jid()),
            _ => None,
        }
    }
}

connection!(ServerConnection);
session!(ServerConnection);

/// What the connection awaits, with what it knows by then.
enum State {
    /// The client's header: the first, or a new one after TLS or SASL.
    AwaitHeader(Stage),
    /// `<starttls/>` or `<auth/>`.
    Unauthenticated(Unauthenticated),
    /// The outcome of the TLS handshake.
    TlsPending(Arc<ServerConfig>),
    /// `<response/>`.
    AwaitResponse(Box<Exchange>),
    /// The account's keys.
    AwaitCredentials(Box<Exchange>),
    /// A derived key.
    AwaitDerivation(Box<Exchange>),
    /// The iq that binds a resource.
    Unbound(Unbound),
    /// The embedder's word on it.
    AwaitBinding(Unbound, Iq),
    /// Stanzas.
    Online(Bound),
    Over,
}

/// What survives a new stream header.
struct Stage {
    config: Arc<ServerConfig>,
    tls: Option<TlsInfo>,
    auth: Option<AuthProof>,
}

struct Unauthenticated {
    config: Arc<ServerConfig>,
    tls: Option<TlsInfo>,
    domain: BareJid,
    /// What the client said of itself, once TLS protected it (RFC 6120 section 6.4.6).
    claimed: Option<BareJid>,
    failures: u32,
}

struct Exchange {
    client: Unauthenticated,
    mechanism: Mechanism,
    server: Server,
    account: Option<BareJid>,
}

struct Unbound {
    config: Arc<ServerConfig>,
    encrypted: bool,
    auth: AuthProof,
    lang: Option<Lang>,
    features: Features,
    failures: u32,
}

struct Bound {
    bound: BoundProof,
    lang: Option<Lang>,
}

impl Role for State {
    fn over() -> Self {
        State::Over
    }

    fn phase(&self) -> Option<Phase> {
        match self {
            State::Unauthenticated(_) => Some(Phase::Authentication),
            State::AwaitResponse(_) => Some(Phase::Exchange),
            State::Unbound(_) => Some(Phase::Binding),
            State::Online(_) => Some(Phase::Online),
            State::AwaitHeader(_)
            | State::TlsPending(_)
            | State::AwaitCredentials(_)
            | State::AwaitDerivation(_)
            | State::AwaitBinding(..)
            | State::Over => None,
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
            (State::Unauthenticated(client), FirstLevel::StartTls) => client.start_tls(core, &element),
            (State::Unauthenticated(client), FirstLevel::Auth) => client.auth(core, &element),
            (State::Unauthenticated(client), FirstLevel::Abort) => {
                client.refuse(core, SaslCondition::Aborted)
            }
            (State::Unauthenticated(client), FirstLevel::Response) => {
                client.refuse(core, SaslCondition::MalformedRequest)
            }
            // RFC 6120 section 6.4.2: a new request discards the handshake that was under way.
            (State::AwaitResponse(exchange), FirstLevel::Auth) => exchange.client.auth_anew(core, &element),
            (State::AwaitResponse(exchange), FirstLevel::Response) => exchange.response(core, &element),
            (State::AwaitResponse(exchange), FirstLevel::Abort) => {
                exchange.client.refuse(core, SaslCondition::Aborted)
            }
            (State::Unbound(client), _) => client.on_stanza(core, &element),
            (State::Online(client), _) => client.on_stanza(core, &element),
            (other, _) => other,
        }
    }

    fn on_answer(self, core: &mut Core, answer: Answer) -> Self {
        match (self, answer) {
            (State::AwaitCredentials(mut exchange), Answer::Credentials(answer)) => {
                let step = exchange.server.credentials(answer);
                exchange.on_step(core, step)
            }
            (State::AwaitDerivation(mut exchange), Answer::Derivation(DerivationAnswer::Key(key))) => {
                let step = exchange.server.derived(&key);
                exchange.on_step(core, step)
            }
            (State::AwaitBinding(client, iq), Answer::Binding(answer)) => {
                client.on_binding(core, &iq, answer)
            }
            (state, Answer::Derivation(DerivationAnswer::Failed)) => state.on_unanswered(core),
            (other, _) => other,
        }
    }

    fn on_unanswered(self, core: &mut Core) -> Self {
        match self {
            State::AwaitCredentials(exchange) | State::AwaitDerivation(exchange) => {
                exchange.client.refuse(core, SaslCondition::TemporaryAuthFailure)
            }
            State::AwaitBinding(client, iq) => {
                let error =
                    StanzaError::new(stanza::Condition::InternalServerError).with_type(ErrorType::Wait);
                client.on_binding(core, &iq, BindAnswer::Refused(error))
            }
            other => other,
        }
    }

    fn ping(&self, id: &str) -> Option<Iq> {
        let State::Online(client) = self else { return None };
        let jid = client.bound.jid();
        let ping = Iq::get(id, Element::builder(ns::PING, "ping").build());
        Some(ping.with_from(jid.as_jid().domain_jid()).with_to(jid.clone()))
    }

    fn on_tls(self, core: &mut Core, info: TlsInfo) -> Self {
        match self {
            // What came before in plaintext is forgotten (RFC 3920 section 5.1): only the configuration goes on.
            State::TlsPending(config) => {
                let stage = Stage { config, tls: Some(info), auth: None };
                core.allow_redirects();
                core.await_header(stage.header());
                State::AwaitHeader(stage)
            }
            other => other,
        }
    }
}

impl Stage {
    fn fresh(config: Arc<ServerConfig>) -> Self {
        Stage { config, tls: None, auth: None }
    }

    /// Our header, as long as it is not known which domain the client asks for (RFC 6120 section 4.9.1.3).
    fn header(&self) -> StreamHeader {
        StreamHeader::new(ns::CLIENT)
            .with_from(self.config.default_domain().map(BareJid::as_str).unwrap_or_default())
            .with_lang(self.config.lang())
    }

    fn on_header(self, core: &mut Core, header: Result<StreamHeader, Condition>) -> State {
        let header = match header {
            Ok(header) => header,
            Err(condition) => return refuse(core, condition),
        };
        if !header.carries(ns::CLIENT) {
            return refuse(core, Condition::InvalidNamespace);
        }
        if header.version().is_none() {
            // RFC 6120 section 4.7.5 rule 4.
            core.amend_header(StreamHeader::without_version);
        }
        // RFC 6120 section 4.7.5 has room for servers that serve clients of before 1.0; this one does not.
        if header.version().is_none_or(|version| version.major < 1) {
            return refuse(core, Condition::UnsupportedVersion);
        }
        let domain = match header.to().map(BareJid::new) {
            None | Some(Err(_)) => return refuse(core, Condition::ImproperAddressing),
            Some(Ok(domain)) if self.config.serves(&domain) => domain,
            Some(Ok(_)) => return refuse(core, Condition::HostUnknown),
        };
        core.amend_header(|ours| ours.with_from(domain.as_str()));
        // RFC 6120 section 4.7.1 has clients give their bare address; what a resource would add is not claimed by anyone yet.
        let claimed = match header.from().map(Jid::new) {
            None => None,
            Some(Err(_)) => return refuse(core, Condition::ImproperAddressing),
            Some(Ok(jid)) => Some(jid.to_bare()),
        };
        if let Some(claimed) = &claimed {
            core.amend_header(|ours| ours.with_to(claimed.as_str()));
        }
        let lang = header.lang().and_then(|lang| Lang::new(lang).ok());
        match self.auth {
            Some(auth) => {
                // The stream goes on for the account that authenticated, not for another (RFC 6120 section 4.9.3.9).
                if claimed.is_some_and(|claimed| claimed != *auth.account()) {
                    return refuse(core, Condition::InvalidFrom);
                }
                if auth.account().domain() != domain.domain() {
                    return refuse(core, Condition::NotAuthorized);
                }
                core.open();
                let offered = self.config.features().iter().cloned();
                let features = offered.fold(Features::new().with_bind(), Features::with);
                core.element(features.to_element());
                let encrypted = self.tls.is_some();
                let config = self.config;
                State::Unbound(Unbound { config, encrypted, auth, lang, features, failures: 0 })
            }
            None => {
                core.open();
                let claimed = claimed.filter(|_| self.tls.is_some());
                let client =
                    Unauthenticated { config: self.config, tls: self.tls, domain, claimed, failures: 0 };
                core.element(client.features().to_element());
                State::Unauthenticated(client)
            }
        }
    }
}

impl Bound {
    fn on_stanza(self, core: &mut Core, element: &Element) -> State {
        match Stanza::parse(element) {
            Ok(mut stanza) => {
                // RFC 3920 section 9.1.2: nobody speaks for another, and the receiver learns the full address.
                if stanza.from().is_some_and(|from| !self.bound.covers(from)) {
                    return refuse(core, Condition::InvalidFrom);
                }
                if let Stanza::Iq(iq) = &stanza
                    && binding::requested(iq, self.bound.jid().as_jid()).is_some()
                {
                    return self.refuse_binding(core, iq);
                }
                if core.is_pong(&stanza) {
                    return State::Online(self);
                }
                stanza.set_from(Some(Jid::from(self.bound.jid().clone())));
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
