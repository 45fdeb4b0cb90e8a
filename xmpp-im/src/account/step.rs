//! One input of an account is one step: what it changes is stored as one, and what it says leaves in [order](super::order), nothing before it is true.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, Stanza, StanzaError};

use super::barrier::{Cause, Source};
use super::effect::{Delivery, Effect};
use crate::module::Origin;
use crate::session::SessionId;
use crate::store::{Change, RosterItem};

/// Parts of an account's state: bit by bit, the account's own and that of its modules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct State(u64);

impl State {
    pub(super) const NOTHING: State = State(0);
    /// The roster, requests, and everything else that the rules of RFC 3921 change.
    pub(crate) const OWN: State = State(1);
    pub(crate) const ALL: State = State(u64::MAX);

    /// What a module keeps. Very many modules share the last bit, and wait for each other.
    pub(crate) fn of_module(module: usize) -> Self {
        State(2_u64.saturating_pow(u32::try_from(module).unwrap_or(u32::MAX).saturating_add(1)))
    }

    const fn and(self, other: State) -> Self {
        State(self.0 | other.0)
    }

    pub(super) const fn overlaps(self, other: State) -> bool {
        self.0 & other.0 != 0
    }
}

/// Something of which parts have to be told before the step ends.
#[derive(Debug)]
pub(crate) enum Notice {
    /// The roster has something else under this address than before.
    Roster { contact: Jid, before: Option<RosterItem> },
    /// The presence of this session has changed.
    Presence(SessionId),
}

/// What a step says, and what it shows by that.
#[derive(Debug)]
pub(super) struct Planned {
    pub(super) effect: Effect,
    pub(super) shows: State,
}

/// What an input has done so far.
#[derive(Debug, Default)]
pub(crate) struct Step {
    /// The stanza that it is about, and who sent it.
    pub(super) question: Option<(Stanza, Origin)>,
    /// What another session's stanza has to do with it.
    pub(super) source: Option<Source>,
    is_answered: bool,
    has_looked: bool,
    /// The session that gets pushes from this step's answer on.
    pub(super) interested: Option<SessionId>,
    pub(super) changes: Vec<Change>,
    pub(super) touched: State,
    pub(super) planned: Vec<Planned>,
    /// What parts have sent, before it passes the hooks.
    pub(crate) sent: VecDeque<Stanza>,
    pub(crate) notices: VecDeque<Notice>,
}

impl Step {
    /// A step about a stanza that one of the account's own sessions sends.
    pub(crate) fn of_session(stanza: Stanza, session: SessionId) -> Self {
        Step { question: Some((stanza, Origin::Session(session))), ..Step::default() }
    }

    /// A step about a stanza that comes in.
    pub(crate) fn inbound(stanza: Stanza, source: Source) -> Self {
        Step { question: Some((stanza, Origin::Outside)), source: Some(source), ..Step::default() }
    }

    /// Whether the stanza that comes in is the host's own.
    pub(crate) fn is_from_server(&self) -> bool {
        self.source == Some(Source::Server)
    }

    /// Whose fate it decides.
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.source.and_then(Source::cause)
    }

    /// Who has caused it.
    pub(crate) fn origin(&self) -> Origin {
        self.question.as_ref().map_or(Origin::Outside, |(_, origin)| *origin)
    }

    /// The stanza that it is about.
    pub(crate) const fn question(&self) -> Option<&Stanza> {
        match &self.question {
            Some((question, _)) => Some(question),
            None => None,
        }
    }

    /// Whether the stanza that it is about was answered.
    pub(crate) const fn is_answered(&self) -> bool {
        self.is_answered
    }

    pub(crate) const fn look_at_roster(&mut self) {
        self.has_looked = true;
    }

    /// The answer makes a session interested: if it does not get it, it is not.
    pub(crate) const fn interest(&mut self, session: SessionId) {
        self.interested = Some(session);
    }

    /// Plans an effect that shows nothing that could fail to be stored.
    pub(crate) fn push(&mut self, effect: Effect) {
        self.planned.push(Planned { effect, shows: State::NOTHING });
    }

    /// Plans an effect that shows this state.
    pub(crate) fn push_showing(&mut self, effect: Effect, shows: State) {
        self.planned.push(Planned { effect, shows });
    }

    pub(crate) fn deliver(&mut self, session: SessionId, stanza: Stanza) {
        self.push(Effect::Deliver(Delivery::new(session, stanza)));
    }

    pub(crate) fn route(&mut self, stanza: Stanza) {
        self.push(Effect::Route(stanza, Source::Server));
    }

    /// Plans to send on what a client has sent.
    pub(crate) fn forward(&mut self, stanza: Stanza, cause: Cause) {
        self.push(Effect::Route(stanza, Source::Client(cause)));
    }

    /// Whether anything is to be stored.
    pub(crate) fn has_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Plans a change. `before` is what the roster had, if that is what it changes.
    pub(crate) fn change(&mut self, change: Change, before: Option<RosterItem>, state: State) {
        self.touched = self.touched.and(state);
        if let Some(contact) = change.contact() {
            self.touched = self.touched.and(State::OWN);
            self.notices.push_back(Notice::Roster { contact: contact.clone(), before });
        }
        if matches!(change, Change::KeepPending(_) | Change::RemovePending { .. }) {
            self.touched = self.touched.and(State::OWN);
        }
        self.changes.push(change);
    }

    /// The owner is gone: what the step says to others is all that is left of it.
    pub(crate) fn disown(&mut self) {
        self.changes.clear();
        self.planned.retain(|planned| matches!(planned.effect, Effect::Route(..)));
    }

    /// Tells whoever sent the stanza that the step is about that it will not do.
    pub(crate) fn refuse(&mut self, error: StanzaError) {
        let Some((question, origin)) = &self.question else { return };
        if let Some(answer) = question.error_reply(error) {
            let effect = answer_effect(answer, *origin);
            self.is_answered = true;
            self.push(effect);
        }
    }

    /// A module's answer to the stanza that the step is about: whether it is one, and the first.
    pub(crate) fn reply(&mut self, module: usize, mut answer: Stanza) -> bool {
        let Some((question, origin)) = &self.question else { return false };
        let fits = match (question, &answer) {
            (Stanza::Iq(question), Stanza::Iq(answer)) => {
                question.is_request() && !answer.is_request() && question.id() == answer.id()
            }
            (Stanza::Message(question), Stanza::Message(answer)) => !question.is_error() && answer.is_error(),
            (Stanza::Presence(question), Stanza::Presence(answer)) => {
                !question.is_error() && answer.is_error()
            }
            _ => false,
        };
        if !fits || self.is_answered {
            return false;
        }
        answer.set_to(question.from().cloned());
        answer.set_from(question.to().cloned());
        let shows = match &answer {
            Stanza::Iq(_) if self.has_looked => State::of_module(module).and(State::OWN),
            Stanza::Iq(_) => State::of_module(module),
            // It says of nothing what it is, only that the stanza went nowhere, which is so whatever is stored.
            Stanza::Message(_) | Stanza::Presence(_) => State::NOTHING,
        };
        let effect = answer_effect(answer, *origin);
        self.is_answered = true;
        self.push_showing(effect, shows);
        true
    }
}

/// The error that answers a stanza, and where it goes.
pub(super) fn refusal(question: Option<&(Stanza, Origin)>, condition: Condition) -> Option<Effect> {
    let (question, origin) = question?;
    Some(answer_effect(question.error_reply(StanzaError::new(condition))?, *origin))
}

fn answer_effect(answer: Stanza, origin: Origin) -> Effect {
    match origin {
        Origin::Session(session) => {
            let is_answer = matches!(answer, Stanza::Iq(_));
            Effect::Deliver(Delivery { is_answer, ..Delivery::new(session, answer) })
        }
        Origin::Outside => Effect::Route(answer, Source::Server),
    }
}
