//! The initiating entity's end of a client's stream (RFC 3920 sections 4 to 7).

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;

use super::Close;
use super::action::{AuthenticationFault, CloseReason, Event, Online, TlsFault, Warning};
use super::client_config::{ClientConfig, MOST_REDIRECTS};
use super::connection::{connection, session};
use super::core::Core;
use super::machine::{Machine, Role};
use super::question::{Answer, DerivationAnswer, Question};
use crate::bind;
use crate::entropy::{Label, Seed};
use crate::jid::{BareJid, FullJid};
use crate::sasl::client::{Client, ClientError, ClientStep, Start};
use crate::sasl::{Bindings, Choice, Mechanism, Nonce, Offer, SaslCondition, Secret, framing};
use crate::stanza::{Iq, IqType, Stanza, StanzaError};
use crate::stream::{Condition, Features, FirstLevel, Phase, StreamHeader};
use crate::time::Instant;
use crate::tls::{Service, TlsInfo, TlsPolicy, TlsRequest};
use crate::xml::{Element, Lang, ns};

/// A client's end of the connection to its server.
///
/// It negotiates TLS, SASL and resource binding as the initiating entity: a transport to the server has to be there, and all that comes
/// back is performed action by action until [`Event::Online`] says that stanzas may flow.
///
/// ```
/// use xmpp_core::conn::{Action, ClientConfig, ClientConnection, Drive};
/// use xmpp_core::entropy::Seed;
/// use xmpp_core::jid::BareJid;
/// use xmpp_core::sasl::Secret;
/// use xmpp_core::time::Instant;
///
/// let config = ClientConfig::new(BareJid::new("juliet@example.com")?, Secret::new("r0m30myr0m30"));
/// let mut client = ClientConnection::new(config, Seed::new([1; 32]), Instant::ZERO);
/// let Some(Action::Transmit(header)) = client.poll() else { panic!("a client speaks first") };
/// assert!(core::str::from_utf8(&header)?.contains(" to='example.com'"));
///
/// client.receive(
///     Instant::ZERO,
///     b"<stream:stream from='example.com' id='1' version='1.0' xmlns='jabber:client' \
///       xmlns:stream='http://etherx.jabber.org/streams'><stream:features>\
///       <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>",
/// )?;
/// let Some(Action::Transmit(starttls)) = client.poll() else { panic!("TLS was offered") };
/// assert_eq!(&starttls[..], b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct ClientConnection {
    machine: Machine<State>,
}

impl ClientConnection {
    /// A transport to the server is there. `seed` must be fresh for every connection.
    #[must_use]
    pub fn new(config: ClientConfig, seed: Seed, now: Instant) -> Self {
        let limits = config.limits.clone();
        let stage = Stage { config: Box::new(config), tls: None };
        let header = stage.header();
        let mut machine = Machine::new(State::AwaitHeader(stage), ns::CLIENT, limits, seed, now);
        machine.core().set_header(header);
        machine.core().open();
        ClientConnection { machine }
    }

    /// A transport to the server is there, and TLS on it (XEP-0368): the embedder has made the handshake that
    /// [`TlsRequest::initiating`] describes, and `info` says how it went. A server that cannot be trusted gets no byte; from then on all
    /// goes as after STARTTLS, which is neither awaited nor used. `seed` must be fresh for every connection.
    #[must_use]
    pub fn over_tls(config: ClientConfig, info: TlsInfo, seed: Seed, now: Instant) -> Self {
        let limits = config.limits.clone();
        let stage = Stage { config: Box::new(config), tls: None };
        let mut machine = Machine::new(State::TlsPending(stage), ns::CLIENT, limits, seed, now);
        machine.over_tls(info);
        ClientConnection { machine }
    }

    /// The address that was bound, once it was.
    #[must_use]
    pub fn jid(&self) -> Option<&FullJid> {
        match self.machine.role() {
            State::Online(bound) => Some(&bound.jid),
            _ => None,
        }
    }
}

connection!(ClientConnection);
session!(ClientConnection);

/// What the connection awaits, with what it knows by then.
enum State {
    /// The server's header: the first, or a new one after TLS.
    AwaitHeader(Stage),
    /// What the server offers.
    AwaitFeatures(Stage),
    /// `<proceed/>`.
    AwaitProceed(Stage),
    /// The outcome of the TLS handshake.
    TlsPending(Stage),
    /// The next step of the SASL exchange.
    AwaitSasl(Exchange),
    /// A derived key.
    AwaitDerivation(Exchange),
    /// The header of the authenticated stream.
    AwaitSecondHeader(Authenticated),
    /// What the server offers on it.
    AwaitSecondFeatures(Authenticated),
    /// The answer to the request with this id.
    AwaitBind(Authenticated, String, Features),
    /// Stanzas.
    Online(Bound),
    Over,
}

/// Before authentication.
struct Stage {
    config: Box<ClientConfig>,
    tls: Option<TlsInfo>,
}

struct Exchange {
    /// Whatever another attempt needs, the password included.
    stage: Stage,
    offer: Offer,
    mechanism: Mechanism,
    client: Client,
    attempts: u32,
}

/// What is needed once the exchange has succeeded: no password among it.
struct Authenticated {
    domain: String,
    resource: Option<String>,
    mechanism: Mechanism,
    encrypted: bool,
    /// The language of the server's stream.
    lang: Option<Lang>,
}

/// Who has a resource.
struct Bound {
    jid: FullJid,
    lang: Option<Lang>,
}

impl Role for State {
    fn over() -> Self {
        State::Over
    }

    fn phase(&self) -> Option<Phase> {
        match self {
            State::AwaitFeatures(_) | State::AwaitSecondFeatures(_) => Some(Phase::AwaitFeatures),
            State::AwaitProceed(_) => Some(Phase::AwaitProceed),
            State::AwaitSasl(_) => Some(Phase::AwaitSasl),
            State::AwaitBind(..) => Some(Phase::AwaitBind),
            State::Online(_) => Some(Phase::ClientOnline),
            State::AwaitHeader(_)
            | State::TlsPending(_)
            | State::AwaitDerivation(_)
            | State::AwaitSecondHeader(_)
            | State::Over => None,
        }
    }

    fn on_header(self, core: &mut Core, header: Result<StreamHeader, Condition>) -> Self {
        let header = match header {
            Ok(header) => header,
            Err(condition) => return refuse(core, condition),
        };
        if !header.carries(ns::CLIENT) {
            return refuse(core, Condition::InvalidNamespace);
        }
        // RFC 3920 section 4.4.1: a server of an older protocol knows neither TLS nor SASL.
        if header.version().is_none_or(|version| version.major < 1) {
            return refuse(core, Condition::UnsupportedVersion);
        }
        match self {
            // RFC 6120 section 13.7.2: who the certificate is for has to be who speaks. Without TLS it would prove nothing.
            State::AwaitHeader(stage) if stage.tls.is_some() && !stage.is_server(header.from()) => {
                refuse(core, Condition::InvalidFrom)
            }
            State::AwaitHeader(stage) => State::AwaitFeatures(stage),
            State::AwaitSecondHeader(authenticated) => {
                let lang = header.lang().and_then(|lang| Lang::new(lang).ok());
                State::AwaitSecondFeatures(Authenticated { lang, ..authenticated })
            }
            other => other,
        }
    }

    fn on_element(self, core: &mut Core, kind: FirstLevel, element: Element) -> Self {
        match (self, kind) {
            (State::AwaitFeatures(stage), _) => stage.on_features(core, &Features::parse(element.as_ref())),
            (State::AwaitProceed(stage), FirstLevel::Proceed) => stage.on_proceed(core),
            (State::AwaitProceed(_), _) => {
                core.finish(CloseReason::Tls(TlsFault::Refused), Close::Graceful);
                State::Over
            }
            (State::AwaitSasl(exchange), FirstLevel::Challenge) => exchange.on_challenge(core, &element),
            (State::AwaitSasl(exchange), FirstLevel::Success) => exchange.on_success(core, &element),
            (State::AwaitSasl(exchange), _) => exchange.on_failure(core, &element),
            (State::AwaitSecondFeatures(authenticated), _) => {
                authenticated.on_features(core, Features::parse(element.as_ref()))
            }
            (State::AwaitBind(authenticated, id, features), _) => {
                authenticated.on_bind(core, id, features, &element)
            }
            (State::Online(bound), FirstLevel::Features) => State::Online(bound),
            (State::Online(bound), _) => {
                bound.on_stanza(core, &element);
                State::Online(bound)
            }
            (other, _) => other,
        }
    }

    fn on_answer(self, core: &mut Core, answer: Answer) -> Self {
        match (self, answer) {
            (State::AwaitDerivation(mut exchange), Answer::Derivation(DerivationAnswer::Key(key))) => {
                match exchange.client.derived(&key) {
                    Ok(message) => exchange.respond(core, &message),
                    Err(error) => exchange.distrust(core, error),
                }
            }
            (State::AwaitDerivation(_), Answer::Derivation(DerivationAnswer::Failed)) => {
                abort(core, CloseReason::Authentication(AuthenticationFault::Derivation))
            }
            (other, _) => other,
        }
    }

    fn on_unanswered(self, core: &mut Core) -> Self {
        match self {
            State::AwaitDerivation(_) => abort(core, CloseReason::Timeout(super::Timer::Answer)),
            other => other,
        }
    }

    fn ping(&self, id: &str) -> Option<Iq> {
        let State::Online(bound) = self else { return None };
        let ping = Iq::get(id, Element::builder(ns::PING, "ping").build());
        Some(ping.with_to(bound.jid.as_jid().domain_jid()))
    }

    fn on_tls(self, core: &mut Core, info: TlsInfo) -> Self {
        match self {
            State::TlsPending(stage) => {
                if let Err(error) = info.verify(stage.config.account.domain(), Service::Client) {
                    core.end(CloseReason::Tls(TlsFault::Failed(error)), Close::Graceful);
                    return State::Over;
                }
                if stage.config.redirects < MOST_REDIRECTS {
                    core.allow_redirects();
                }
                // What the server said in plaintext is forgotten (RFC 3920 section 5.1).
                let stage = Stage { config: stage.config, tls: Some(info) };
                core.set_header(stage.header());
                core.open();
                State::AwaitHeader(stage)
            }
            other => other,
        }
    }
}

impl Stage {
    fn header(&self) -> StreamHeader {
        let account = &self.config.account;
        let mut header = StreamHeader::new(ns::CLIENT).with_to(account.domain());
        if self.tls.is_some() && account.node().is_some() {
            // RFC 6120 section 4.7.1: who we are is nobody's business before TLS protects it, and not known to be anybody before an
            // anonymous login.
            header = header.with_from(account.as_str());
        }
        match &self.config.lang {
            Some(lang) => header.with_lang(lang),
            None => header,
        }
    }

    /// Whether a header with that `from` can be our server's; RFC 3920 had none in it.
    fn is_server(&self, from: Option<&str>) -> bool {
        let domain = self.config.account.domain_jid();
        from.is_none_or(|from| BareJid::new(from).is_ok_and(|from| from == domain))
    }

    fn on_features(self, core: &mut Core, features: &Features) -> State {
        if self.tls.is_none() && self.config.tls != TlsPolicy::Disabled {
            // RFC 7590 section 3.1: somebody may have taken the offer out, so whoever needs TLS asks for it all the same.
            if features.starttls().is_some() || self.config.tls == TlsPolicy::Required {
                core.element(Element::builder(ns::TLS, "starttls").build());
                return State::AwaitProceed(self);
            }
        }
        let mut offer = Offer::new(features.mechanisms());
        if let Some(types) = features.binding_types() {
            offer = offer.with_binding_types(types);
        }
        match self.config.mechanisms.choose(&offer, &self.bindings(), self.tls.is_some()) {
            Ok(choice) => self.authenticate(core, offer, choice, 1),
            Err(error) => {
                let fault = AuthenticationFault::NoMechanism(error);
                core.finish(CloseReason::Authentication(fault), Close::Graceful);
                State::Over
            }
        }
    }

    fn bindings(&self) -> Bindings {
        self.tls.as_ref().map(|tls| tls.bindings().clone()).unwrap_or_default()
    }

    fn on_proceed(self, core: &mut Core) -> State {
        if core.input_left() {
            // Whoever put bytes behind `<proceed/>` hopes that we take them for what came through TLS.
            core.end(CloseReason::Tls(TlsFault::Injection), Close::Abort);
            return State::Over;
        }
        core.start_tls(TlsRequest::initiating(self.config.account.as_jid(), Service::Client));
        State::TlsPending(self)
    }

    fn authenticate(self, core: &mut Core, offer: Offer, choice: Choice, attempts: u32) -> State {
        let mechanism = choice.mechanism();
        let config = &self.config;
        let authcid = match mechanism {
            Mechanism::Anonymous => config.trace.as_deref(),
            _ => config.account.node(),
        };
        let nonce = Nonce::from_random(core.nonce());
        let mut start = Start::new(choice, authcid.unwrap_or_default(), config.password.clone(), nonce)
            .iterations(config.iterations.clone());
        // RFC 3920 section 6.1: not when it is what the name says anyway. A certificate may say several.
        if let Some(authzid) = &config.authzid
            && (mechanism == Mechanism::External || *authzid != config.account)
        {
            start = start.authzid(authzid.as_str());
        }
        #[cfg(feature = "digest-md5")]
        let start = start.domain(config.account.domain());
        let (client, message) = match start.start() {
            Ok(started) => started,
            Err(error) => {
                let fault = AuthenticationFault::Server(error);
                core.finish(CloseReason::Authentication(fault), Close::Graceful);
                return State::Over;
            }
        };
        let text = framing::encode(message.as_ref().map(Secret::as_bytes));
        core.element(
            Element::builder(ns::SASL, "auth").attr("mechanism", mechanism.name()).text(&text).build(),
        );
        State::AwaitSasl(Exchange { stage: self, offer, mechanism, client, attempts })
    }

    /// Goes on without the password.
    fn authenticated(self, mechanism: Mechanism) -> Authenticated {
        let ClientConfig { account, resource, .. } = *self.config;
        let domain = account.domain().to_owned();
        Authenticated { domain, resource, mechanism, encrypted: self.tls.is_some(), lang: None }
    }
}

impl Exchange {
    fn on_challenge(mut self, core: &mut Core, challenge: &Element) -> State {
        let Ok(message) = framing::decode_exchange(&challenge.text()) else {
            return self.distrust(core, ClientError::Malformed);
        };
        match self.client.challenge(message.as_bytes()) {
            Ok(ClientStep::Respond(message)) => self.respond(core, &message),
            Ok(ClientStep::Derive(request)) => {
                core.ask(|ticket| Question::Derivation { ticket, request });
                State::AwaitDerivation(self)
            }
            Err(error) => self.distrust(core, error),
        }
    }

    fn respond(self, core: &mut Core, message: &[u8]) -> State {
        let text = framing::encode_exchange(message);
        core.element(Element::builder(ns::SASL, "response").text(&text).build());
        State::AwaitSasl(self)
    }

    fn on_success(mut self, core: &mut Core, success: &Element) -> State {
        let verified = match framing::decode(&success.text()) {
            Ok(data) => self.client.success(data.as_ref().map(|data| data.as_bytes())),
            Err(_) => Err(ClientError::Malformed),
        };
        if let Err(error) = verified {
            let fault = AuthenticationFault::Server(error);
            core.finish(CloseReason::Authentication(fault), Close::Graceful);
            return State::Over;
        }
        core.restart();
        core.set_header(self.stage.header());
        core.open();
        State::AwaitSecondHeader(self.stage.authenticated(self.mechanism))
    }

    /// Tries the next mechanism that protects as much, since an account may lack what this one needs (RFC 6120 section 6.4.5).
    fn on_failure(self, core: &mut Core, failure: &Element) -> State {
        // RFC 6120 section 6.5: an unknown condition, or none, counts as `not-authorized`.
        let causes = failure.children().filter(|cause| cause.ns() == ns::SASL && cause.name() != "text");
        let condition = causes.map(|cause| SaslCondition::from_name(cause.name())).next();
        let condition = condition.unwrap_or(SaslCondition::NotAuthorized);
        let depends_on_mechanism = matches!(
            condition,
            SaslCondition::NotAuthorized | SaslCondition::InvalidMechanism | SaslCondition::InvalidAuthzid
        );
        if depends_on_mechanism && self.attempts < core.limits().sasl_attempts() {
            let Self { stage, offer, mechanism, attempts, .. } = self;
            let (bindings, tls) = (stage.bindings(), stage.tls.is_some());
            if let Ok(choice) = stage.config.mechanisms.choose_after(mechanism, &offer, &bindings, tls) {
                return stage.authenticate(core, offer, choice, attempts + 1);
            }
        }
        let fault = AuthenticationFault::Refused(condition);
        core.finish(CloseReason::Authentication(fault), Close::Graceful);
        State::Over
    }

    /// The server does not follow the mechanism: tells it so, and leaves.
    fn distrust(self, core: &mut Core, error: ClientError) -> State {
        abort(core, CloseReason::Authentication(AuthenticationFault::Server(error)))
    }
}

impl Authenticated {
    fn on_features(self, core: &mut Core, features: Features) -> State {
        if !features.bind() {
            // RFC 6120 section 7.1: there are no stanzas without a resource.
            return refuse(core, Condition::UnsupportedFeature);
        }
        let id = core.token(Label::StanzaId);
        core.reply(Stanza::Iq(bind::request(&id, self.resource.as_deref())));
        State::AwaitBind(self, id, features)
    }

    fn on_bind(self, core: &mut Core, id: String, features: Features, element: &Element) -> State {
        let iq = match Stanza::parse(element) {
            Ok(Stanza::Iq(iq)) if iq.id() == id => iq,
            // Not the answer: nothing that could be served yet.
            _ => return State::AwaitBind(self, id, features),
        };
        let refused = match iq.type_() {
            IqType::Result => match bind::result(&iq) {
                // RFC 6120 section 4.3.6: the address is what the server says, but it must be one of its own.
                Some(jid) if jid.domain() == self.domain => {
                    core.online();
                    core.event(Event::Online(Box::new(Online {
                        jid: jid.clone(),
                        mechanism: self.mechanism,
                        encrypted: self.encrypted,
                        features,
                    })));
                    return State::Online(Bound { jid, lang: self.lang });
                }
                _ => None,
            },
            IqType::Error => iq.error(),
            IqType::Get | IqType::Set => return State::AwaitBind(self, id, features),
        };
        core.finish(CloseReason::Binding(refused), Close::Graceful);
        State::Over
    }
}

impl Bound {
    fn on_stanza(&self, core: &mut Core, element: &Element) {
        match Stanza::parse(element) {
            Ok(stanza) if core.is_pong(&stanza) => {}
            Ok(mut stanza) => {
                stanza.inherit_lang(self.lang.as_ref());
                core.event(Event::Stanza(stanza));
            }
            Err(malformed) => {
                // An iq has to be answered (RFC 6120 section 8.2.3). Answering a message or presence would tell a stranger that
                // somebody is here, should the server have let it pass.
                if let Some(reply @ Stanza::Iq(_)) = malformed.reply() {
                    core.reply(reply);
                }
                core.event(Event::Warning(Warning::Stanza(StanzaError::new(malformed.condition()))));
            }
        }
    }
}

/// Gives up in the middle of the SASL exchange, and tells the server so (RFC 6120 section 6.4.4).
fn abort(core: &mut Core, reason: CloseReason) -> State {
    core.element(Element::builder(ns::SASL, "abort").build());
    core.finish(reason, Close::Graceful);
    State::Over
}

fn refuse(core: &mut Core, condition: Condition) -> State {
    core.fail(condition);
    State::Over
}
