//! Until the client has authenticated: STARTTLS and SASL (RFC 3920 sections 5 and 6, RFC 6120 sections 5 and 6).

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use super::{Exchange, Stage, State, Unauthenticated};
use crate::conn::action::{Event, Warning};
use crate::conn::core::Core;
use crate::conn::proof::AuthProof;
use crate::conn::question::{Credentials, Question, Ticket};
use crate::entropy::Label;
use crate::jid::{BareJid, Jid};
use crate::sasl::server::{CredentialsAnswer, ServerStep, Start};
use crate::sasl::{BindingKind, Bindings, Mechanism, Nonce, Offer, SaslCondition, Secret, framing};
use crate::stream::{Condition, Features, Requirement, StreamError};
use crate::tls::{Service, TlsPolicy, TlsRequest};
use crate::xml::{Element, ns};

impl Unauthenticated {
    fn bindings(&self) -> Bindings {
        self.tls.as_ref().map(|tls| tls.bindings().clone()).unwrap_or_default()
    }

    /// Whose certificate the client has shown, among the accounts here.
    fn certified(&self) -> Vec<BareJid> {
        self.tls.as_ref().map(|tls| tls.accounts(self.domain.domain())).unwrap_or_default()
    }

    fn offer(&self) -> Offer {
        let bindings = self.bindings();
        let mut mechanisms = self.config.mechanisms().offered(&bindings, self.tls.is_some());
        // RFC 6120 section 6.3.4: not to who would fail with it. XEP-0178 section 2 has nothing that an account could be told by but its address.
        mechanisms.retain(|mechanism| *mechanism != Mechanism::External || !self.certified().is_empty());
        let offer = Offer::new(mechanisms.iter().map(|mechanism| mechanism.name()));
        if mechanisms.iter().any(|mechanism| mechanism.is_plus()) {
            offer.with_binding_types(bindings.kinds().map(BindingKind::name))
        } else {
            offer
        }
    }

    fn may_authenticate(&self) -> bool {
        self.tls.is_some() || self.config.tls() != TlsPolicy::Required
    }

    fn may_start_tls(&self) -> bool {
        self.tls.is_none() && self.config.tls() != TlsPolicy::Disabled
    }

    pub(super) fn features(&self) -> Features {
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
            let offer = self.offer();
            features = features.with_mechanisms(offer.mechanisms().iter().map(String::as_str));
            if let Some(types) = offer.binding_types() {
                features = features.with_binding_types(types.iter().map(String::as_str));
            }
        }
        features
    }

    pub(super) fn start_tls(self, core: &mut Core, request: &Element) -> State {
        let handshake = TlsRequest::receiving(Some(self.domain.as_jid()), Service::Client);
        if core.answer_starttls(request, self.may_start_tls(), handshake) {
            State::TlsPending(self.config)
        } else {
            State::Over
        }
    }

    pub(super) fn auth(self, core: &mut Core, auth: &Element) -> State {
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
        if mechanism == Mechanism::External && self.certified().is_empty() {
            return self.refuse(core, SaslCondition::InvalidMechanism);
        }
        let decoy = self.config.decoy().clone().domain(self.domain.domain());
        let start = Start::new(mechanism, Nonce::from_random(core.nonce()), decoy)
            .channel_binding(bindings, self.offer());
        #[cfg(feature = "digest-md5")]
        let start = start.domain(self.domain.domain());
        let server = start.start();
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
    pub(super) fn auth_anew(self, core: &mut Core, auth: &Element) -> State {
        match self.failed(core) {
            Some(client) => client.auth(core, auth),
            None => State::Over,
        }
    }

    /// The client is who it says it is: the stream starts anew (RFC 6120 section 6.4.6).
    fn succeed(
        self,
        core: &mut Core,
        auth: AuthProof,
        data: Option<Vec<u8>>,
        password: Option<Secret>,
    ) -> State {
        if self.claimed.as_ref().is_some_and(|claimed| claimed != auth.account()) {
            // Who the header said is not who authenticated.
            core.fail(Condition::InvalidFrom);
            return State::Over;
        }
        let text = framing::encode(data.as_deref());
        core.element(Element::builder(ns::SASL, "success").text(&text).build());
        if let Some(password) = password {
            core.event(Event::PasswordVerified { account: auth.account().clone(), password });
        }
        core.restart();
        let stage = Stage { config: self.config, tls: self.tls, auth: Some(auth) };
        core.await_header(stage.header());
        State::AwaitHeader(stage)
    }

    /// Ends an attempt.
    pub(super) fn refuse(self, core: &mut Core, condition: SaslCondition) -> State {
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
    pub(super) fn response(mut self: Box<Self>, core: &mut Core, response: &Element) -> State {
        match framing::decode_exchange(&response.text()) {
            Ok(message) => {
                let step = self.server.step(message.as_bytes());
                self.on_step(core, step)
            }
            Err(error) => self.client.refuse(core, error.condition()),
        }
    }

    pub(super) fn on_step(mut self: Box<Self>, core: &mut Core, step: ServerStep) -> State {
        match step {
            ServerStep::Challenge(message) => {
                let text = framing::encode_exchange(&message);
                core.element(Element::builder(ns::SASL, "challenge").text(&text).build());
                State::AwaitResponse(self)
            }
            ServerStep::Credentials { username, hash } => self
                .ask_for(core, &username, |ticket, account| Question::Credentials { ticket, account, hash }),
            #[cfg(feature = "digest-md5")]
            ServerStep::DigestCredentials { username } => self
                .ask_for(core, &username, |ticket, account| Question::DigestCredentials { ticket, account }),
            ServerStep::External { authzid } => {
                let mut certified = self.client.certified();
                // XEP-0178 section 2 rule 11: one of the certificate's, and the one that it is for only if there is no other.
                let account = match authzid.map(|authzid| BareJid::new(&authzid)) {
                    None if certified.len() == 1 => certified.pop(),
                    Some(Ok(authzid)) => Some(authzid).filter(|authzid| certified.contains(authzid)),
                    None | Some(Err(_)) => None,
                };
                let Some(account) = account else {
                    return self.client.refuse(core, SaslCondition::InvalidAuthzid);
                };
                self.account = Some(account.clone());
                core.ask(|ticket| Question::Credentials { ticket, account, hash: None });
                State::AwaitCredentials(self)
            }
            ServerStep::Anonymous { trace } => {
                let node = core.token(Label::Node);
                match Jid::from_parts(Some(&node), self.client.domain.domain(), None) {
                    Ok(account) => {
                        let auth = AuthProof::anonymous(account.to_bare(), trace);
                        self.client.succeed(core, auth, None, None)
                    }
                    Err(_) => self.client.refuse(core, SaslCondition::TemporaryAuthFailure),
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
                match AuthProof::by_sasl(account, authzid.as_deref(), self.mechanism) {
                    Ok(auth) => {
                        let password = self.server.take_password();
                        self.client.succeed(core, auth, data, password)
                    }
                    Err(condition) => self.client.refuse(core, condition),
                }
            }
            ServerStep::Failure(condition) => self.client.refuse(core, condition),
        }
    }

    /// Asks for what there is of the account of that name.
    fn ask_for(
        mut self: Box<Self>,
        core: &mut Core,
        username: &str,
        question: impl FnOnce(Ticket<Credentials>, BareJid) -> Question,
    ) -> State {
        match Jid::from_parts(Some(username), self.client.domain.domain(), None) {
            Ok(account) => {
                let account = account.to_bare();
                self.account = Some(account.clone());
                core.ask(|ticket| question(ticket, account));
                State::AwaitCredentials(self)
            }
            // A name that no account can have is that of an unknown user, and takes the same steps.
            Err(_) => {
                let step = self.server.credentials(CredentialsAnswer::Unknown);
                self.on_step(core, step)
            }
        }
    }
}
