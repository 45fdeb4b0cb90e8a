//! Stanzas for an account: who gets them, who is told that nobody does (RFC 3921 section 11.1, RFC 6121 section 8).

use alloc::vec::Vec;

use xmpp_core::jid::Jid;
use xmpp_core::profile::{Profile, UnsharedPresence};
use xmpp_core::stanza::{Condition, PresenceType, Stanza, StanzaError};

use super::effect::{Delivery, Effect};
use super::{Account, Cx, Input, Kind, State};
use crate::module::{Found, Hooks, Modules, Target};
use crate::presence::{Known, answer};
use crate::routing::{Decision, Resource, Traffic, route};
use crate::session::{Copies, Session, Waiting};
use crate::subscription;

impl Account {
    /// A stanza for the account, or for one of its resources.
    pub(super) fn inbound(&mut self, stanza: Stanza, cx: &mut Cx<'_>) {
        // What only the owner may ask is refused like this also while nobody is there (`unattended`): who is denied must not see a difference.
        if let Some(condition) = self.refuses(&stanza, cx.modules) {
            return cx.refuse(condition);
        }
        if self.incoming(&stanza, cx).is_break() {
            return;
        }
        let target = match (self.kind, stanza.to().and_then(Jid::resource)) {
            (Kind::Domain(target), _) => target,
            (_, None) => Target::Account,
            (_, Some(resource)) if self.sessions.iter().any(|session| session.jid.resource() == resource) => {
                Target::Session
            }
            (_, Some(_)) => {
                return match stanza {
                    Stanza::Presence(presence) => self.presence_inbound(presence, cx),
                    stanza => self.by_table(stanza, false, cx),
                };
            }
        };
        // RFC 6121 section 8.5.3.1: the answer is the one of a resource that is not connected.
        if target == Target::Session && self.is_hidden_from(&stanza, cx.profile) {
            return cx.refuse(Condition::ServiceUnavailable);
        }
        if self.handle(&stanza, target, cx).is_break() {
            return;
        }
        match stanza {
            Stanza::Presence(presence) => self.presence_inbound(presence, cx),
            stanza if target == Target::Server || target == Target::Service => {
                if !matches!(stanza, Stanza::Presence(_)) {
                    cx.refuse(Condition::ServiceUnavailable);
                }
            }
            stanza => self.by_table(stanza, false, cx),
        }
    }

    /// Whether the account is not even asked, because the stanza is one that only its owner may send.
    fn refuses(&self, stanza: &Stanza, modules: &Modules) -> Option<Condition> {
        let is_for_account =
            !matches!(self.kind, Kind::Domain(_)) && stanza.to().is_some_and(|to| *to == self.jid);
        let from_owner = || stanza.from().is_some_and(|from| from.to_bare() == self.jid);
        if !is_for_account || from_owner() {
            return None;
        }
        match modules.find(stanza, Target::Account, false).next() {
            Some(Found::Refused(condition)) => Some(condition),
            Some(Found::Module(_)) | None => None,
        }
    }

    /// Whether it is a request to a resource, from somebody with whom that resource does not share its presence.
    fn is_hidden_from(&self, stanza: &Stanza, profile: &Profile) -> bool {
        let (Stanza::Iq(iq), State::Ready(ready)) = (stanza, &self.state) else { return false };
        let (Some(from), Some(to)) = (iq.from(), iq.to()) else { return false };
        if !iq.is_request() || profile.unshared_presence() == UnsharedPresence::Delivered {
            return false;
        }
        let contact = from.to_bare();
        let mut addressed = self.sessions.iter().filter(|session| session.jid == *to);
        let is_shared = contact == self.jid
            || ready.is_subscriber(contact.as_jid())
            || addressed.any(|session| session.directed.has_told(from));
        !is_shared
    }

    /// Delivers a stanza as the table has it. It is `rerouted` if it was for a session that ended before it got it.
    pub(super) fn by_table(&mut self, stanza: Stanza, rerouted: bool, cx: &mut Cx<'_>) {
        let admitted: Vec<_> =
            self.sessions.iter().filter(|session| self.admits(session, &stanza, cx.modules)).collect();
        let resources: Vec<_> = admitted.iter().map(|session| view(session)).collect();
        let resource = stanza.to().and_then(Jid::resource);
        match route(Traffic::of(&stanza), resource, &resources, cx.profile.unmatched_resource()) {
            Decision::Deliver(indices) => {
                let is_answer = cx.step.is_from_server() && matches!(stanza, Stanza::Iq(_));
                let copies = (indices.len() > 1).then(|| Copies::new(indices.len()));
                for index in indices {
                    let Some(session) = admitted.get(index).map(|session| session.id) else { continue };
                    let waiting =
                        Waiting { copies: copies.clone(), rerouted, ..Waiting::new(stanza.clone()) };
                    cx.step.push(Effect::Deliver(Delivery { session, waiting, is_answer }));
                }
            }
            Decision::Answer | Decision::Unavailable => cx.refuse(Condition::ServiceUnavailable),
            Decision::Undeliverable => {
                let is_taken = match &stanza {
                    Stanza::Message(message) => self.undeliverable(message, cx).is_break(),
                    _ => false,
                };
                if !is_taken {
                    cx.refuse(Condition::ServiceUnavailable);
                }
            }
            Decision::Drop => {}
        }
    }

    /// A stanza that a session was to get and did not: a step of its own.
    pub(crate) fn undelivered(&mut self, waiting: Waiting, cx: &mut Cx<'_>) {
        let Some(stanza) = waiting.undelivered() else { return };
        self.commit(cx);
        self.input(Input::Undelivered(stanza), cx);
        self.commit(cx);
    }
}

fn view(session: &Session) -> Resource<'_> {
    let priority = session.presence.as_ref().map(|(_, priority)| *priority);
    Resource::new(session.jid.resource()).with_availability(priority)
}

/// Whether an account that is not in memory has to be loaded for a stanza: if what the account has kept makes a difference to it.
pub(crate) fn wakes(stanza: &Stanza, modules: &Modules, profile: &Profile) -> bool {
    let resource = stanza.to().and_then(Jid::resource);
    let is_matched = resource.is_none()
        && modules
            .find(stanza, Target::Account, false)
            .next()
            .is_some_and(|found| matches!(found, Found::Module(_)));
    is_matched
        || match stanza {
            Stanza::Message(_) => {
                let decision = route(Traffic::of(stanza), resource, &[], profile.unmatched_resource());
                decision == Decision::Undeliverable && modules.has(Hooks::UNDELIVERABLE)
            }
            Stanza::Presence(presence) => {
                presence.type_().is_subscription() || presence.type_() == PresenceType::Probe
            }
            Stanza::Iq(_) => false,
        }
}

/// What the sender of a stanza gets if the account is not there or nobody of it is: the same in both cases.
pub(crate) fn unattended(stanza: &Stanza, modules: &Modules, profile: &Profile) -> Option<Stanza> {
    if let Stanza::Presence(probe) = stanza
        && probe.type_() == PresenceType::Probe
    {
        let refused = answer(probe, &Known::new(subscription::State::None, &[]), profile.refused_probe());
        return refused.into_iter().next().map(Stanza::Presence);
    }
    let resource = stanza.to().and_then(Jid::resource);
    let refused = modules.find(stanza, Target::Account, false).find_map(|found| match found {
        Found::Refused(condition) if resource.is_none() => Some(condition),
        _ => None,
    });
    let condition = match route(Traffic::of(stanza), resource, &[], profile.unmatched_resource()) {
        Decision::Answer | Decision::Undeliverable | Decision::Unavailable => {
            refused.unwrap_or(Condition::ServiceUnavailable)
        }
        Decision::Deliver(_) | Decision::Drop => return None,
    };
    stanza.error_reply(StanzaError::new(condition))
}
