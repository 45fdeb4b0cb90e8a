//! From authentication to a bound resource (RFC 3920 section 7, RFC 6120 section 7).

use alloc::boxed::Box;
use alloc::string::String;

use super::{Bound, State, Unbound, refuse};
use crate::bind;
use crate::conn::action::{Event, Online, Warning};
use crate::conn::core::Core;
use crate::conn::proof::BoundProof;
use crate::conn::question::{BindAnswer, Question};
use crate::jid::Jid;
use crate::profile::StanzaBeforeBinding;
use crate::stanza::{self, Iq, Stanza, StanzaError};
use crate::stream::{Condition, StreamError};
use crate::xml::Element;

/// How many times a client may ask for a resource in vain (RFC 6120 section 7.7.3: 5 to 10).
const BIND_ATTEMPTS: u32 = 10;

impl Unbound {
    pub(super) fn on_stanza(self, core: &mut Core, element: &Element) -> State {
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
            && let Some(resource) = requested(iq, self.auth.account().as_jid())
        {
            let identity = self.auth.identity().clone();
            core.ask(|ticket| Question::Binding { ticket, identity, resource });
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

    pub(super) fn on_binding(self, core: &mut Core, iq: &Iq, answer: BindAnswer) -> State {
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
    /// A stream has one resource, and keeps it: another is not allowed (RFC 6120 section 7.6.2.2).
    pub(super) fn refuse_binding(self, core: &mut Core, iq: &Iq) -> State {
        let error = StanzaError::new(stanza::Condition::NotAllowed);
        if let Some(reply) = iq.error_reply(error.clone()) {
            core.reply(Stanza::Iq(reply));
        }
        core.event(Event::Warning(Warning::Binding(error)));
        State::Online(self)
    }
}

/// Which resource a request asks for, if it asks for one and goes to the server: `Some(None)` for one of the server's choice. The
/// server is also meant by the bare address of the client, `own` (RFC 6120 section 7.1).
pub(super) fn requested(iq: &Iq, own: &Jid) -> Option<Option<String>> {
    let is_ours = |to: &Jid| {
        let whose = to.node().is_none() || to.node() == own.node();
        to.is_bare() && to.domain() == own.domain() && whose
    };
    bind::requested(iq).filter(|_| iq.to().is_none_or(is_ours))
}
