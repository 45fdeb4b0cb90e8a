//! STARTTLS and SASL EXTERNAL (RFC 3920 sections 5 and 6, XEP-0178 section 3).

use alloc::boxed::Box;

use super::{Peer, Stage, State};
use crate::conn::action::{Event, Warning};
use crate::conn::core::Core;
use crate::sasl::framing::{self, DecodeError};
use crate::sasl::{Mechanism, SaslCondition, Secret};
use crate::stream::{Condition, Features, Requirement, StreamError};
use crate::tls::{Service, TlsPolicy, TlsRequest};
use crate::xml::{Element, ns};

/// The only mechanism between servers.
const EXTERNAL: &str = Mechanism::External.name();

impl Peer {
    fn may_start_tls(&self) -> bool {
        self.tls.is_none() && !self.legacy && self.config.tls() != TlsPolicy::Disabled
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
        if self.proof.is_empty() && self.may_external() {
            features = features.with_mechanisms([EXTERNAL]);
        }
        if super::may_dialback(&self.config, self.tls.is_some()) {
            // XEP-0220 section 2.4.2.
            let errors = Element::builder(ns::DIALBACK_FEATURE, "errors").build();
            features =
                features.with(Element::builder(ns::DIALBACK_FEATURE, "dialback").child(errors).build());
        }
        features
    }

    pub(super) fn start_tls(self: Box<Self>, core: &mut Core, request: &Element) -> State {
        let handshake = TlsRequest::receiving(Some(self.local.as_jid()), Service::Server);
        if core.answer_starttls(request, self.may_start_tls(), handshake) {
            State::TlsPending(self.config)
        } else {
            State::Over
        }
    }

    /// `<auth/>` while nothing is under way.
    pub(super) fn auth(self: Box<Self>, core: &mut Core, auth: &Element) -> State {
        if self.tls.is_none() {
            return self.fail_auth(core, SaslCondition::EncryptionRequired);
        }
        if auth.attr("mechanism") != Some(EXTERNAL) {
            return self.fail_auth(core, SaslCondition::InvalidMechanism);
        }
        match framing::decode(&auth.text()) {
            // RFC 4422 appendix A: without an initial response there is an empty challenge.
            Ok(None) => {
                core.element(Element::builder(ns::SASL, "challenge").build());
                State::AwaitResponse(self)
            }
            Ok(Some(identity)) => self.identify(core, Ok(identity)),
            Err(error) => self.identify(core, Err(error)),
        }
    }

    /// Starts over while an exchange is under way. That is an attempt too, or a peer could go on for ever.
    pub(super) fn auth_anew(self: Box<Self>, core: &mut Core, auth: &Element) -> State {
        match self.failed_auth(core) {
            Some(peer) => peer.auth(core, auth),
            None => State::Over,
        }
    }

    pub(super) fn response(self: Box<Self>, core: &mut Core, response: &Element) -> State {
        let identity = framing::decode_exchange(&response.text());
        self.identify(core, identity)
    }

    /// The peer wants to be the domain that the message names, or whom its header names if it is empty.
    fn identify(mut self: Box<Self>, core: &mut Core, identity: Result<Secret, DecodeError>) -> State {
        let identity = match identity {
            Ok(identity) => identity,
            Err(error) => return self.fail_auth(core, error.condition()),
        };
        let authzid = match core::str::from_utf8(identity.as_bytes()) {
            Ok("") => None,
            Ok(authzid) => Some(authzid),
            Err(_) => return self.fail_auth(core, SaslCondition::MalformedRequest),
        };
        let proved = match (&self.tls, &self.claimed) {
            (Some(tls), Some(claimed)) if !self.config.serves(claimed) => {
                self.proof.by_external(tls, claimed, authzid)
            }
            _ => Err(SaslCondition::NotAuthorized),
        };
        if let Err(condition) = proved {
            return self.fail_auth(core, condition);
        }
        core.element(Element::builder(ns::SASL, "success").build());
        core.restart();
        Stage { config: self.config, tls: self.tls, proof: self.proof }.restart(core)
    }

    /// Ends an attempt. Dialback is still open to the peer.
    pub(super) fn fail_auth(self: Box<Self>, core: &mut Core, condition: SaslCondition) -> State {
        let cause = Element::builder(ns::SASL, condition.name()).build();
        core.element(Element::builder(ns::SASL, "failure").child(cause).build());
        core.event(Event::Warning(Warning::Authentication(condition)));
        self.failed_auth(core).map_or(State::Over, Peer::settled)
    }

    /// Counts an attempt; the last of them ends the stream (RFC 6120 section 6.4.5).
    fn failed_auth(mut self: Box<Self>, core: &mut Core) -> Option<Box<Self>> {
        self.failed_auths += 1;
        if self.failed_auths < core.limits().sasl_attempts() {
            return Some(self);
        }
        let error = StreamError::new(Condition::PolicyViolation);
        core.fail(error.with_text("too many failed attempts to authenticate"));
        None
    }
}
