//! Roster pushes: who is told what changes, and when (RFC 6121 sections 2.1.6 and 2.2).

use xmpp_core::entropy::{Entropy, Label};
use xmpp_core::stanza::Iq;
use xmpp_core::xml::Element;

use super::Roster;
use crate::account::effect::{Delivery, Effect};
use crate::account::step::{State, Step};
use crate::session::Session;
use crate::store::Change;

impl Roster {
    /// Makes a change and tells the interested sessions, available or not, whoever caused it (RFC 6121 section 2.2). They hear of it when it
    /// is stored, with the step.
    pub(crate) fn make(
        &mut self,
        change: &Change,
        sessions: &[Session],
        entropy: &mut Entropy,
        step: &mut Step,
    ) {
        self.apply(change);
        let Some(query) = self.push(change) else { return };
        for session in sessions.iter().filter(|session| session.interested) {
            push(session, query.clone(), entropy, step);
        }
    }
}

/// Pushes something to a session, when what it shows is stored.
pub(crate) fn push(session: &Session, query: Element, entropy: &mut Entropy, step: &mut Step) {
    let push = Iq::set(&entropy.token(Label::StanzaId), query).with_to(session.jid.clone());
    step.push_showing(Effect::Deliver(Delivery::new(session.id, push.into())), State::OWN);
}
