//! One owner: an account with its roster, its sessions, and what waits for storage; or one of the host's own domains and services, which
//! has nothing but modules.
//!
//! An account is cold until somebody needs it, is then loaded as a whole, and follows every rule in memory. It sees stanzas as values and
//! puts out [effects](Effect); it knows no other account. Each input is one [step](step).

mod delivery;
mod parts;
mod presence;
pub(crate) mod step;
mod subscription;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use xmpp_core::entropy::Entropy;
use xmpp_core::jid::BareJid;
use xmpp_core::profile::Profile;
use xmpp_core::stanza::{Condition, Stanza, StanzaError};
use xmpp_core::time::UtcTime;

use self::parts::Parts;
use self::step::{Effect, Order, Step};
use crate::limits::HostLimits;
use crate::module::{Modules, Origin, Target};
use crate::roster::Roster;
use crate::routing::Traffic;
use crate::session::{Session, SessionId, Taken, Waiting};
use crate::store::{AccountData, Change, Persist};

pub(crate) use self::delivery::unattended;

/// What an account takes in.
#[derive(Debug)]
pub(crate) enum Input {
    /// One of its sessions sends a stanza, to whomever.
    Own(SessionId, Stanza),
    /// A stanza for the account or one of its resources.
    Inbound(Stanza),
}

impl Input {
    const fn stanza(&self) -> &Stanza {
        match self {
            Input::Own(_, stanza) | Input::Inbound(stanza) => stanza,
        }
    }

    const fn origin(&self) -> Origin {
        match self {
            Input::Own(session, _) => Origin::Session(*session),
            Input::Inbound(_) => Origin::Outside,
        }
    }
}

/// What an account works with and into.
pub(crate) struct Cx<'a> {
    pub(crate) limits: &'a HostLimits,
    pub(crate) profile: &'a Profile,
    pub(crate) modules: &'a Modules,
    pub(crate) entropy: &'a mut Entropy,
    pub(crate) now: UtcTime,
    pub(crate) next_seq: &'a mut u64,
    /// How many stanzas modules may still send because of what came in.
    pub(crate) room: &'a mut usize,
    /// The step that is under way.
    pub(crate) step: Step,
    /// What steps have put out.
    pub(crate) effects: Vec<Effect>,
    pub(crate) persists: Vec<Persist>,
}

/// What an owner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Account,
    /// An account of which nothing is ever stored (XEP-0175).
    Anonymous,
    /// One of the host's own domains, or of its services.
    Domain(Target),
}

#[derive(Debug)]
enum State {
    Loading { ticket: u64, parked: VecDeque<Input>, parked_bytes: usize },
    Ready(Ready),
}

/// What an account has in memory.
#[derive(Debug, Default)]
struct Ready {
    roster: Roster,
    parts: Parts,
}

#[derive(Debug)]
pub(crate) struct Account {
    jid: BareJid,
    kind: Kind,
    state: State,
    sessions: Vec<Session>,
    order: Order,
}

impl Account {
    /// An owner that is being loaded.
    pub(crate) fn new(jid: BareJid, kind: Kind, ticket: u64) -> Self {
        let state = State::Loading { ticket, parked: VecDeque::new(), parked_bytes: 0 };
        Account { jid, kind, state, sessions: Vec::new(), order: Order::default() }
    }

    /// One of which nothing is stored, so that there is nothing to load.
    pub(crate) fn unstored(jid: BareJid, kind: Kind, modules: &Modules) -> Self {
        let ready = Ready::new(&jid, kind, AccountData::new(), modules);
        Account { jid, kind, state: State::Ready(ready), sessions: Vec::new(), order: Order::default() }
    }

    pub(crate) fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    pub(crate) fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    /// Starts a session, after ending another that it takes the place of: what that one had taken, if it was still there.
    pub(crate) fn attach(
        &mut self,
        session: Session,
        replaced: Option<SessionId>,
        cx: &mut Cx<'_>,
    ) -> Option<Taken> {
        let replaced = replaced.and_then(|id| self.remove(id, cx));
        let id = session.id;
        self.sessions.push(session);
        if let State::Ready(_) = self.state {
            self.session_started(id, cx);
        }
        // What waited for the resource finds it again, with another client.
        let (taken, outbox) = replaced.map(Session::into_parts)?;
        for waiting in outbox {
            self.undelivered(waiting, cx);
        }
        Some(taken)
    }

    pub(crate) fn is_anonymous(&self) -> bool {
        self.kind == Kind::Anonymous
    }

    #[cfg(test)]
    pub(crate) fn contacts(&self) -> Option<alloc::collections::BTreeSet<alloc::string::String>> {
        let State::Ready(ready) = &self.state else { return None };
        let query = ready.roster.query();
        Some(query.children().filter_map(|item| item.attr("jid").map(Into::into)).collect())
    }

    /// Whether nothing would be lost by forgetting the account.
    pub(crate) fn is_idle(&self) -> bool {
        let is_loading = matches!(&self.state, State::Loading { parked, .. } if !parked.is_empty());
        self.sessions.is_empty() && self.order.is_settled() && !is_loading
    }

    /// Whether it waits for this load.
    pub(crate) fn awaits(&self, load: u64) -> bool {
        matches!(self.state, State::Loading { ticket, .. } if ticket == load)
    }

    /// The account was loaded: what was parked is worked off in order.
    pub(crate) fn loaded(&mut self, data: AccountData, cx: &mut Cx<'_>) {
        let ready = State::Ready(Ready::new(&self.jid, self.kind, data, cx.modules));
        let State::Loading { parked, .. } = core::mem::replace(&mut self.state, ready) else { return };
        for session in self.sessions.iter().map(|session| session.id).collect::<Vec<_>>() {
            self.session_started(session, cx);
        }
        self.commit(cx);
        for input in parked {
            self.input(input, cx);
            self.commit(cx);
        }
    }

    /// What others sent and nobody got, of an account that is given up, and what its sessions leave behind; and what its sessions had taken.
    pub(crate) fn into_remains(self) -> (Vec<Stanza>, Vec<(SessionId, Taken)>) {
        let mut stranded = Vec::new();
        let mut taken = Vec::new();
        for mut session in self.sessions {
            let id = session.id;
            stranded.extend(session.farewells(None));
            let (handed, outbox) = session.into_parts();
            stranded.extend(outbox.into_iter().filter_map(Waiting::undelivered));
            taken.push((id, handed));
        }
        if let State::Loading { parked, .. } = self.state {
            stranded.extend(parked.into_iter().filter_map(|input| match input {
                Input::Inbound(stanza) => Some(stanza),
                // Its sender has ended.
                Input::Own(..) => None,
            }));
        }
        (stranded, taken)
    }

    /// Takes a stanza in, or parks it while the account is being loaded.
    pub(crate) fn input(&mut self, input: Input, cx: &mut Cx<'_>) {
        cx.step = Step::about(input.stanza().clone(), input.origin());
        if let State::Loading { parked, parked_bytes, .. } = &mut self.state {
            let bytes = *parked_bytes + input.stanza().weight();
            if parked.len() < cx.limits.parked_stanzas() && bytes <= cx.limits.parked_bytes() {
                *parked_bytes = bytes;
                parked.push_back(input);
            } else {
                cx.refuse(Condition::ResourceConstraint);
            }
            return;
        }
        match input {
            Input::Own(session, stanza) => self.own(session, stanza, cx),
            Input::Inbound(stanza) => self.inbound(stanza, cx),
        }
    }

    /// A stanza that one of the account's sessions sends.
    fn own(&mut self, session: SessionId, stanza: Stanza, cx: &mut Cx<'_>) {
        if self.outgoing(&stanza, cx).is_break() {
            return;
        }
        let Some(to) = stanza.to() else { return self.to_own_account(session, stanza, cx) };
        let is_availability = matches!(Traffic::of(&stanza), Traffic::Availability);
        // RFC 6121 section 4.6: availability with an address is directed presence, also where that is the account's own.
        if *to == self.jid && !is_availability {
            return self.to_own_account(session, stanza, cx);
        }
        match stanza {
            Stanza::Presence(presence) if presence.to().is_some_and(|to| to.to_bare() != self.jid) => {
                self.presence_to_others(session, presence, cx);
            }
            stanza => cx.step.route(stanza),
        }
    }

    /// A stanza of one of the account's sessions without address, or to the account's bare JID.
    fn to_own_account(&mut self, session: SessionId, stanza: Stanza, cx: &mut Cx<'_>) {
        match stanza {
            Stanza::Presence(presence) => self.presence(session, presence, cx),
            // RFC 6120 section 10.3.3: the server answers on behalf of the account. Results of pushes, and errors, nobody waits for.
            Stanza::Iq(iq) => {
                let is_request = iq.is_request();
                if is_request && self.handle(&iq.into(), Target::Account, cx).is_continue() {
                    cx.refuse(Condition::ServiceUnavailable);
                }
            }
            // RFC 6120 section 10.3.1: a message without address is one to oneself.
            Stanza::Message(mut message) => {
                message.set_to(Some(self.jid.clone().into()));
                let stanza = Stanza::Message(message);
                cx.step = Step::about(stanza.clone(), Origin::Session(session));
                self.inbound(stanza, cx);
            }
        }
    }

    /// Makes a change, in memory at once. What it does to the roster is pushed.
    fn change(&mut self, change: Change, cx: &mut Cx<'_>) {
        if let State::Ready(ready) = &mut self.state {
            let before = change.contact().and_then(|contact| ready.roster.get(contact)).cloned();
            ready.roster.make(&change, &self.sessions, cx.entropy, &mut cx.step);
            cx.step.change(change, before, step::State::OWN);
        }
    }

    /// Ends the step that is under way.
    pub(crate) fn commit(&mut self, cx: &mut Cx<'_>) {
        let step = core::mem::take(&mut cx.step);
        let is_stored = step.has_changes() && self.kind != Kind::Anonymous;
        let seq = is_stored.then(|| {
            let seq = *cx.next_seq;
            *cx.next_seq += 1;
            seq
        });
        let changes = self.order.commit(step, seq, cx.limits, &mut cx.effects);
        if let Some(seq) = seq {
            cx.persists.push(Persist { owner: self.jid.clone(), seq, changes });
        }
    }

    /// A change is stored.
    pub(crate) fn persisted(&mut self, seq: u64, cx: &mut Cx<'_>) {
        self.order.stored(seq, &mut cx.effects);
    }

    /// A change could not be stored: who asked for it is told, and memory is thrown away. Whether the account has to be loaded.
    pub(crate) fn persist_failed(&mut self, seq: u64, ticket: u64, cx: &mut Cx<'_>) -> bool {
        if !self.order.failed(seq, &mut cx.effects) {
            return false;
        }
        match &mut self.state {
            // A load that was asked for before the failure may have missed it, so it does not count any more.
            State::Loading { ticket: awaited, .. } => *awaited = ticket,
            State::Ready(_) => {
                self.state = State::Loading { ticket, parked: VecDeque::new(), parked_bytes: 0 };
            }
        }
        true
    }

    /// Ends a session. `unsent` is what its transport had taken and never sent; that and what still waited finds another way, or its
    /// sender is told.
    pub(crate) fn detach(&mut self, id: SessionId, unsent: Vec<Stanza>, cx: &mut Cx<'_>) {
        let Some(session) = self.remove(id, cx) else { return };
        let (taken, outbox) = session.into_parts();
        for waiting in taken.unsent(unsent).chain(outbox) {
            self.undelivered(waiting, cx);
        }
    }

    /// Ends a session because a module wants it. What it had taken, if it was still there.
    pub(crate) fn end(&mut self, id: SessionId, cx: &mut Cx<'_>) -> Option<Taken> {
        let (taken, outbox) = self.remove(id, cx)?.into_parts();
        for waiting in outbox {
            self.undelivered(waiting, cx);
        }
        Some(taken)
    }

    /// Ends a session that has no room for this stanza. What it had taken, if it was still there.
    pub(crate) fn overflow(&mut self, id: SessionId, waiting: Waiting, cx: &mut Cx<'_>) -> Option<Taken> {
        let session = self.remove(id, cx).map(Session::into_parts);
        let (taken, outbox) = session.unzip();
        for waiting in outbox.into_iter().flatten().chain([waiting]) {
            self.undelivered(waiting, cx);
        }
        taken
    }

    fn remove(&mut self, id: SessionId, cx: &mut Cx<'_>) -> Option<Session> {
        let index = self.sessions.iter().position(|session| session.id == id)?;
        let session = self.sessions.remove(index);
        self.session_gone(session, cx)
    }
}

impl Ready {
    fn new(jid: &BareJid, kind: Kind, data: AccountData, modules: &Modules) -> Self {
        let parts = Parts::open(jid, kind, &data, modules);
        Ready { roster: data.into(), parts }
    }
}

impl Cx<'_> {
    /// Tells whoever sent the stanza that the step is about that it will not do.
    pub(crate) fn refuse(&mut self, condition: Condition) {
        self.refuse_with(StanzaError::new(condition));
    }

    /// [`refuse`](Self::refuse), with more than a condition.
    pub(crate) fn refuse_with(&mut self, error: StanzaError) {
        self.step.refuse(error);
    }
}
