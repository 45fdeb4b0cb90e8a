//! The receiving entity's end of a client's stream (RFC 3920 sections 4 to 7).

use alloc::boxed::Box;
use alloc::sync::Arc;

use super::action::{CloseReason, Event, Online, SendId, TlsFault, Warning};
use super::core::{Core, Machine, Role};
use super::proof::{AuthProof, BoundProof};
use super::question::{Answer, BindAnswer, DerivationAnswer, Query, Question, Ticket};
use super::{Close, ServerConfig};
use crate::bind;
use crate::entropy::Seed;
use crate::error::Misuse;
use crate::jid::{BareJid, FullJid, Jid};
use crate::profile::StanzaBeforeBinding;
use crate::sasl::server::{CredentialsAnswer, Server, ServerStep, Start};
use crate::sasl::{Bindings, Mechanism, Nonce, SaslCondition, framing};
use crate::stanza::{self, ErrorType, Iq, Stanza, StanzaError};
use crate::stream::{Condition, Features, FirstLevel, Phase, Requirement, StreamError, StreamHeader};
use crate::time::Instant;
use crate::tls::{Service, TlsError, TlsInfo, TlsPolicy, TlsRequest};
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
        let mut machine = Machine::new(State::AwaitHeader(stage), limits, seed, now);
        machine.core().await_header(header);
        ServerConnection { machine }
    }

    /// Answers a question.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when the ticket is another connection's, was used, or has expired: the answer is dropped.
    pub fn answer<Q: Query>(
        &mut self,
        now: Instant,
        ticket: Ticket<Q>,
        answer: impl Into<Q::Answer>,
    ) -> Result<(), Misuse> {
        self.machine.answer(now, ticket, answer.into())
    }

    /// The TLS handshake succeeded. Bytes received from now on come out of TLS.
    ///
    /// # Errors
    /// [`Misuse::NoTlsPending`] unless [`Action::StartTls`] asked for one.
    pub fn tls_established(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse> {
        self.machine.tls_established(now, info)
    }

    /// The TLS handshake failed: the connection ends without another byte (RFC 6120 section 5.4.3.2).
    ///
    /// # Errors
    /// [`Misuse::NoTlsPending`] unless [`Action::StartTls`] asked for one.
    pub fn tls_failed(&mut self, now: Instant, error: TlsError) -> Result<(), Misuse> {
        self.machine.tls_failed(now, error)
    }

    /// Sends a stanza to the client.
    ///
    /// # Errors
    /// [`Misuse::NotOnline`] before a resource is bound, [`Misuse::Closed`] once the stream closes, [`Misuse::OutboxFull`] when
    /// more waits than [`Limits::outbox_bytes`](crate::limits::Limits::outbox_bytes) allows.
    pub fn send(&mut self, now: Instant, stanza: Stanza) -> Result<SendId, Misuse> {
        self.machine.send(now, stanza)
    }

    /// Closes the stream: the closing tag goes out, and what the client still sends is handed in until it closes too.
    pub fn close(&mut self, now: Instant) {
        self.machine.close(now);
    }

    /// Ends the stream with an error, for instance `system-shutdown` or `conflict`.
    pub fn fail(&mut self, now: Instant, error: impl Into<StreamError>) {
        self.machine.fail(now, error.into());
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

super::drive_by_machine!(ServerConnection);

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
            (State::Unauthenticated(client), FirstLevel::StartTls) => client.start_tls(core),
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

    fn on_tls(self, core: &mut Core, info: TlsInfo) -> Self {
        match self {
            // What came before in plaintext is forgotten (RFC 3920 section 5.1): only the configuration goes on.
            State::TlsPending(config) => {
                let stage = Stage { config, tls: Some(info), auth: None };
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
        if header.content_ns() != ns::CLIENT {
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

impl Unauthenticated {
    fn bindings(&self) -> Bindings {
        self.tls.as_ref().map(|tls| tls.bindings().clone()).unwrap_or_default()
    }

    fn may_authenticate(&self) -> bool {
        self.tls.is_some() || self.config.tls() != TlsPolicy::Required
    }

    fn may_start_tls(&self) -> bool {
        self.tls.is_none() && self.config.tls() != TlsPolicy::Disabled
    }

    fn features(&self) -> Features {
        let mut features = Features::new();
        if self.may_start_tls() {
            let required = self.config.tls() == TlsPolicy::Required;
            features = features.with_starttls(if required {
                Requirement::Mandatory
            } else {
                Requirement::Voluntary
            });
        }
        if self.may_authenticate() {
            let offered = self.config.mechanisms().offered(&self.bindings(), self.tls.is_some());
            features = features.with_mechanisms(offered.iter().map(|mechanism| mechanism.name()));
        }
        features
    }

    fn start_tls(self, core: &mut Core) -> State {
        if !self.may_start_tls() {
            // RFC 6120 section 5.4.2.2: STARTTLS that was not offered fails, and the stream closes.
            core.element(Element::builder(ns::TLS, "failure").build());
            core.finish(CloseReason::Tls(TlsFault::NotOffered), Close::Graceful);
            return State::Over;
        }
        if core.input_left() {
            // Whoever put bytes behind `<starttls/>` hopes that we take them for what came through TLS.
            core.finish(CloseReason::Tls(TlsFault::Injection), Close::Abort);
            return State::Over;
        }
        core.element(Element::builder(ns::TLS, "proceed").build());
        core.start_tls(TlsRequest::receiving(Some(self.domain.as_jid()), Service::Client));
        State::TlsPending(self.config)
    }

    fn auth(self, core: &mut Core, auth: &Element) -> State {
        if !self.may_authenticate() {
            return self.refuse(core, SaslCondition::EncryptionRequired);
        }
        let bindings = self.bindings();
        let mechanisms = self.config.mechanisms();
        let name = auth.attr("mechanism").unwrap_or_default();
        let mechanism = match mechanisms.permit(name, &bindings, self.tls.is_some()) {
            Ok(mechanism) => mechanism,
            Err(condition) => return self.refuse(core, condition),
        };
        let offered = mechanisms.offered(&bindings, self.tls.is_some());
        let server = Start::new(mechanism, Nonce::from_random(core.nonce()), self.config.decoy().clone())
            .channel_binding(bindings, &offered)
            .start();
        let mut exchange = Box::new(Exchange { client: self, mechanism, server, account: None });
        match framing::decode(&auth.text()) {
            Ok(message) => {
                let step = exchange.server.auth(message.as_ref().map(|message| message.as_bytes()));
                exchange.on_step(core, step)
            }
            Err(error) => exchange.client.refuse(core, error.condition()),
        }
    }

    /// Starts over while an exchange is under way. That is an attempt too, or a client could go on for ever.
    fn auth_anew(self, core: &mut Core, auth: &Element) -> State {
        match self.failed(core) {
            Some(client) => client.auth(core, auth),
            None => State::Over,
        }
    }

    /// Ends an attempt.
    fn refuse(self, core: &mut Core, condition: SaslCondition) -> State {
        let cause = Element::builder(ns::SASL, condition.name()).build();
        core.element(Element::builder(ns::SASL, "failure").child(cause).build());
        core.event(Event::Warning(Warning::Authentication(condition)));
        self.failed(core).map_or(State::Over, State::Unauthenticated)
    }

    /// Counts an attempt; the last of them ends the stream (RFC 6120 section 6.4.5).
    fn failed(mut self, core: &mut Core) -> Option<Self> {
        self.failures += 1;
        if self.failures < core.limits().sasl_attempts() {
            return Some(self);
        }
        let error = StreamError::new(Condition::PolicyViolation);
        core.fail(error.with_text("too many failed attempts to authenticate"));
        None
    }
}

impl Exchange {
    fn response(mut self: Box<Self>, core: &mut Core, response: &Element) -> State {
        match framing::decode_exchange(&response.text()) {
            Ok(message) => {
                let step = self.server.step(message.as_bytes());
                self.on_step(core, step)
            }
            Err(error) => self.client.refuse(core, error.condition()),
        }
    }

    fn on_step(mut self: Box<Self>, core: &mut Core, step: ServerStep) -> State {
        match step {
            ServerStep::Challenge(message) => {
                let text = framing::encode_exchange(&message);
                core.element(Element::builder(ns::SASL, "challenge").text(&text).build());
                State::AwaitResponse(self)
            }
            ServerStep::Credentials { username, hash } => {
                match Jid::from_parts(Some(&username), self.client.domain.domain(), None) {
                    Ok(account) => {
                        let account = account.to_bare();
                        self.account = Some(account.clone());
                        core.ask(|ticket| Question::Credentials { ticket, account, hash });
                        State::AwaitCredentials(self)
                    }
                    // A name that no account can have is that of an unknown user, and takes the same steps.
                    Err(_) => {
                        let step = self.server.credentials(CredentialsAnswer::Unknown);
                        self.on_step(core, step)
                    }
                }
            }
            ServerStep::Derive(request) => {
                core.ask(|ticket| Question::Derivation { ticket, request });
                State::AwaitDerivation(self)
            }
            ServerStep::Success { authzid, data, .. } => {
                let Some(account) = self.account else {
                    return self.client.refuse(core, SaslCondition::NotAuthorized);
                };
                if self.client.claimed.as_ref().is_some_and(|claimed| *claimed != account) {
                    // RFC 6120 section 6.4.6: who the header said is not who authenticated.
                    core.fail(Condition::InvalidFrom);
                    return State::Over;
                }
                match AuthProof::by_sasl(account, authzid.as_deref(), self.mechanism) {
                    Ok(auth) => {
                        let text = framing::encode(data.as_deref());
                        core.element(Element::builder(ns::SASL, "success").text(&text).build());
                        core.restart();
                        let Unauthenticated { config, tls, .. } = self.client;
                        let stage = Stage { config, tls, auth: Some(auth) };
                        core.await_header(stage.header());
                        State::AwaitHeader(stage)
                    }
                    Err(condition) => self.client.refuse(core, condition),
                }
            }
            ServerStep::Failure(condition) => self.client.refuse(core, condition),
        }
    }
}

/// How many times a client may ask for a resource in vain (RFC 6120 section 7.7.3: 5 to 10).
const BIND_ATTEMPTS: u32 = 10;

impl Unbound {
    fn on_stanza(self, core: &mut Core, element: &Element) -> State {
        let stanza = match Stanza::parse(element) {
            Ok(stanza) => stanza,
            Err(malformed) => {
                if let Some(reply) = malformed.reply() {
                    core.reply(reply);
                }
                return self.failed(core, StanzaError::new(malformed.condition()));
            }
        };
        if stanza.from().is_some_and(|from| from.to_bare() != *self.auth.account()) {
            return refuse(core, Condition::InvalidFrom);
        }
        if let Stanza::Iq(iq) = &stanza
            && iq.to().is_none_or(|to| self.is_ours(to))
            && let Some(resource) = bind::requested(iq)
        {
            let account = self.auth.account().clone();
            core.ask(|ticket| Question::Binding { ticket, account, resource });
            return State::AwaitBinding(self, iq.clone());
        }
        match self.config.profile().stanza_before_binding() {
            StanzaBeforeBinding::StreamError => refuse(core, Condition::NotAuthorized),
            StanzaBeforeBinding::StanzaError => {
                let error = StanzaError::new(stanza::Condition::NotAuthorized);
                if let Some(reply) = stanza.error_reply(error.clone()) {
                    core.reply(reply);
                }
                self.failed(core, error)
            }
        }
    }

    /// Whether a request to that address is one to the server, on behalf of the account or not (RFC 6120 section 7.1).
    fn is_ours(&self, to: &Jid) -> bool {
        let account = self.auth.account().as_jid();
        to == account || *to == *account.domain_jid().as_jid()
    }

    /// Counts what went wrong, so that nobody can go on for ever.
    fn failed(mut self, core: &mut Core, error: StanzaError) -> State {
        core.event(Event::Warning(Warning::Binding(error)));
        self.failures += 1;
        if self.failures >= BIND_ATTEMPTS {
            core.fail(
                StreamError::new(Condition::PolicyViolation)
                    .with_text("too many attempts to bind a resource"),
            );
            return State::Over;
        }
        State::Unbound(self)
    }

    fn on_binding(self, core: &mut Core, iq: &Iq, answer: BindAnswer) -> State {
        let refused = match answer {
            BindAnswer::Bound(jid) => match BoundProof::new(&self.auth, jid) {
                Some(bound) => {
                    core.reply(Stanza::Iq(iq.result_reply(Some(bind::bound(bound.jid())))));
                    core.online();
                    core.event(Event::Online(Box::new(Online {
                        jid: bound.jid().clone(),
                        mechanism: self.auth.mechanism(),
                        encrypted: self.encrypted,
                        features: self.features,
                    })));
                    return State::Online(Bound { bound, lang: self.lang });
                }
                // The embedder named another account's address: that is nothing a client can mend.
                None => StanzaError::new(stanza::Condition::InternalServerError),
            },
            BindAnswer::Refused(error) => error,
        };
        if let Some(reply) = iq.error_reply(refused.clone()) {
            core.reply(Stanza::Iq(reply));
        }
        self.failed(core, refused)
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
                stanza.set_from(Some(Jid::from(self.bound.jid().clone())));
                if let Some(lang) = &self.lang
                    && stanza.lang().is_none()
                {
                    // RFC 6120 section 4.7.4: the stream's language would be lost on the receiver's stream.
                    stanza.set_lang(Some(lang.as_str()));
                }
                core.event(Event::Stanza(stanza));
            }
            Err(malformed) => {
                if let Some(reply) = malformed.reply() {
                    core.reply(reply);
                }
                core.event(Event::Warning(Warning::Stanza(StanzaError::new(malformed.condition()))));
            }
        }
        State::Online(self)
    }
}

fn refuse(core: &mut Core, condition: Condition) -> State {
    core.fail(condition);
    State::Over
}
