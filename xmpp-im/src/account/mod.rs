//! One owner: an account with its roster, its sessions, and what waits for storage; or one of the host's own domains and services, which
//! has nothing but modules.
//!
//! An account is cold until somebody needs it, is then loaded as a whole, and follows every rule in memory. It sees stanzas as values and
//! puts out [effects](Effect); it knows no other account. Each input is one [step](step).

pub(crate) mod barrier;
mod delivery;
pub(crate) mod effect;
mod ending;
mod order;
mod parts;
mod presence;
pub(crate) mod step;
mod subscription;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use xmpp_core::entropy::Entropy;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::profile::Profile;
use xmpp_core::stanza::{Condition, Presence, Stanza, StanzaError};
use xmpp_core::time::UtcTime;

use self::barrier::{Barriers, Cause, Source};
use self::effect::Effect;
use self::order::{Order, Outlet};
use self::parts::Parts;
use self::presence::Departure;
use self::step::Step;
use crate::limits::HostLimits;
use crate::module::{Modules, Target};
use crate::roster::Roster;
use crate::routing::Traffic;
use crate::session::{Session, SessionId, Taken, Waiting};
use crate::store::{AccountData, Change, OfflineMessage, Persist};

pub(crate) use self::delivery::{unattended, wakes};
pub(crate) use self::ending::Remains;

/// What an account takes in.
#[derive(Debug)]
pub(crate) enum Input {
    /// One of its sessions sends a stanza, to whomever.
    Own(Cause, Stanza),
    /// A stanza for the account or one of its resources.
    Inbound(Stanza, Source),
    /// One that a session was to get and did not.
    Undelivered(Stanza),
}

impl Input {
    const fn stanza(&self) -> &Stanza {
        match self {
            Input::Own(_, stanza) | Input::Inbound(stanza, _) | Input::Undelivered(stanza) => stanza,
        }
    }

    /// Whose fate is open while it is parked. What a session sends itself is answered in order anyway.
    const fn cause(&self) -> Option<Cause> {
        match self {
            Input::Own(..) | Input::Undelivered(_) => None,
            Input::Inbound(_, source) => source.cause(),
        }
    }
}

/// What waits for an account to be loaded.
#[derive(Debug)]
enum Parked {
    Input(Input),
    /// One of its sessions has ended: who is to hear of it the roster says.
    Gone(SessionId, Departure),
}

/// What an account works with and into.
pub(crate) struct Cx<'a> {
    pub(crate) limits: &'a HostLimits,
    pub(crate) profile: &'a Profile,
    pub(crate) modules: &'a Modules,
    pub(crate) entropy: &'a mut Entropy,
    pub(crate) now: UtcTime,
    pub(crate) next_seq: &'a mut u64,
    pub(crate) barriers: &'a mut Barriers,
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

/// What keeps an account in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stay {
    /// A session, or that it is a domain.
    Attached,
    /// Something is under way.
    Busy,
    /// Nothing but that it is loaded.
    Idle,
    /// Nothing.
    Nothing,
}

#[derive(Debug)]
enum State {
    /// Nothing of it is in memory but what waits for storage.
    Cold,
    Loading {
        ticket: u64,
        parked: VecDeque<Parked>,
        parked_bytes: usize,
        /// What it had in memory before a change could not be stored: whom its sessions have told of themselves, if they have to end now.
        stale: Option<Box<Ready>>,
    },
    Ready(Box<Ready>),
}

/// What an account has in memory.
#[derive(Debug, Default)]
struct Ready {
    roster: Roster,
    /// What it said last before nobody of it was available any more, and when.
    last_presence: Option<(UtcTime, Presence)>,
    parts: Parts,
    /// By ticket: modules that wait for offline messages.
    pages: BTreeMap<u64, (usize, u64)>,
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
    /// An owner of which nothing is in memory.
    pub(crate) fn cold(jid: BareJid, kind: Kind) -> Self {
        Account { jid, kind, state: State::Cold, sessions: Vec::new(), order: Order::default() }
    }

    pub(crate) const fn is_cold(&self) -> bool {
        matches!(self.state, State::Cold)
    }

    /// It is being loaded.
    pub(crate) fn load(&mut self, ticket: u64) {
        let stale = match core::mem::replace(&mut self.state, State::Cold) {
            State::Ready(ready) => Some(ready),
            State::Cold | State::Loading { .. } => None,
        };
        self.state = State::Loading { ticket, parked: VecDeque::new(), parked_bytes: 0, stale };
    }

    /// One of which nothing is stored, so that there is nothing to load.
    pub(crate) fn unstored(jid: BareJid, kind: Kind, modules: &Modules) -> Self {
        let ready = Ready::new(&jid, kind, AccountData::new(), modules);
        Account { state: State::Ready(Box::new(ready)), ..Account::cold(jid, kind) }
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
        cx.barriers.start(id);
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

    /// What keeps it in memory.
    pub(crate) fn stay(&self) -> Stay {
        let waits_for_load = match &self.state {
            State::Loading { parked, .. } => !parked.is_empty(),
            State::Cold | State::Ready(_) => false,
        };
        let is_domain = matches!(self.kind, Kind::Domain(_)) && !self.is_cold();
        if is_domain || !self.sessions.is_empty() {
            Stay::Attached
        } else if !self.order.is_settled() || waits_for_load {
            Stay::Busy
        } else if !matches!(self.state, State::Ready(_)) || self.kind == Kind::Anonymous {
            Stay::Nothing
        } else {
            Stay::Idle
        }
    }

    /// Whether it waits for this load.
    pub(crate) fn awaits(&self, load: u64) -> bool {
        matches!(self.state, State::Loading { ticket, .. } if ticket == load)
    }

    /// The account was loaded: what was parked is worked off in order.
    pub(crate) fn loaded(&mut self, data: AccountData, cx: &mut Cx<'_>) {
        let ready = State::Ready(Box::new(Ready::new(&self.jid, self.kind, data, cx.modules)));
        let State::Loading { parked, .. } = core::mem::replace(&mut self.state, ready) else { return };
        for session in self.sessions.iter().map(|session| session.id).collect::<Vec<_>>() {
            self.session_started(session, cx);
            self.let_go(session, cx);
        }
        self.announce_again(cx);
        self.commit(cx);
        for parked in parked {
            match parked {
                Parked::Input(input) => {
                    cx.barriers.end(input.cause());
                    self.input(input, cx);
                }
                Parked::Gone(session, departure) => self.depart(session, departure, cx),
            }
            self.commit(cx);
        }
    }

    /// Takes a stanza in, or parks it while the account is being loaded.
    pub(crate) fn input(&mut self, input: Input, cx: &mut Cx<'_>) {
        let stanza = input.stanza().clone();
        cx.step = match &input {
            Input::Own(cause, _) => Step::of_session(stanza, cause.session),
            Input::Inbound(_, source) => Step::inbound(stanza, *source),
            Input::Undelivered(_) => Step::inbound(stanza, Source::Outside),
        };
        if let State::Loading { parked, parked_bytes, .. } = &mut self.state {
            let bytes = *parked_bytes + input.stanza().weight();
            if parked.len() < cx.limits.parked_stanzas() && bytes <= cx.limits.parked_bytes() {
                *parked_bytes = bytes;
                cx.barriers.begin(input.cause());
                parked.push_back(Parked::Input(input));
            } else {
                cx.refuse(Condition::ResourceConstraint);
            }
            return;
        }
        match input {
            Input::Own(cause, stanza) => self.own(cause, stanza, cx),
            Input::Inbound(stanza, _) => self.inbound(stanza, cx),
            // It has passed the hooks.
            Input::Undelivered(stanza) => self.by_table(stanza, true, cx),
        }
    }

    /// A stanza that one of the account's sessions sends.
    fn own(&mut self, cause: Cause, stanza: Stanza, cx: &mut Cx<'_>) {
        let session = cause.session;
        if self.outgoing(&stanza, cx).is_break() {
            return;
        }
        let Some(to) = stanza.to() else { return self.own_to_account(session, stanza, cx) };
        let is_availability = matches!(Traffic::of(&stanza), Traffic::Availability);
        // RFC 6121 section 4.6: availability with an address is directed presence, also where that is the account's own.
        if *to == self.jid && !is_availability {
            return self.own_to_account(session, stanza, cx);
        }
        match stanza {
            Stanza::Presence(presence) if presence.to().is_some_and(|to| to.to_bare() != self.jid) => {
                self.presence_to_others(session, presence, cx);
            }
            stanza => cx.step.forward(stanza, cause),
        }
    }

    /// A stanza of one of the account's sessions without address, or to the account's bare JID.
    fn own_to_account(&mut self, session: SessionId, stanza: Stanza, cx: &mut Cx<'_>) {
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
                cx.step = Step::of_session(stanza.clone(), session);
                self.inbound(stanza, cx);
            }
        }
    }

    /// Makes a change, in memory at once. What it does to the roster is pushed.
    fn change(&mut self, change: Change, cx: &mut Cx<'_>) {
        if let State::Ready(ready) = &mut self.state {
            let before = change.contact().and_then(|contact| ready.roster.get(contact)).cloned();
            ready.roster.make(&change, &self.sessions, cx.entropy, &mut cx.step);
            if let Change::SetLastPresence { at, presence } = &change {
                ready.last_presence = Some((*at, presence.clone()));
            }
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
        let changes = self.order.commit(step, seq, &mut cx.outlet());
        self.disappoint();
        if let Some(seq) = seq {
            cx.persists.push(Persist { owner: self.jid.clone(), seq, changes });
        }
    }

    /// Who asked for the roster and did not get it gets no pushes either (RFC 6121 section 2.6.3: the version of a push stands for all before it).
    fn disappoint(&mut self) {
        for id in self.order.take_disappointed() {
            if let Some(session) = self.session_mut(id) {
                session.interested = false;
            }
        }
    }

    /// A step is stored.
    pub(crate) fn persisted(&mut self, seq: u64, cx: &mut Cx<'_>) {
        self.order.stored(seq, &mut cx.outlet());
    }

    /// What a session sent earlier has met its fate.
    pub(crate) fn unbar(&mut self, session: SessionId, cx: &mut Cx<'_>) {
        self.order.unbar(session, &mut cx.outlet());
    }

    /// A change could not be stored: who asked for it is told, and memory is thrown away. Whether the account has to be loaded.
    pub(crate) fn persist_failed(&mut self, seq: u64, ticket: u64, cx: &mut Cx<'_>) -> bool {
        if !self.order.failed(seq, &mut cx.outlet()) {
            return false;
        }
        self.disappoint();
        match &mut self.state {
            // A load that was asked for before the failure may have missed it, so it does not count any more.
            State::Loading { ticket: awaited, .. } => *awaited = ticket,
            State::Ready(_) => self.load(ticket),
            // It is loaded when somebody needs it.
            State::Cold => return false,
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

    /// Of what was taken for a session the first `count` are written.
    pub(crate) fn sent(&mut self, id: SessionId, count: u64, cx: &mut Cx<'_>) {
        if let Some(session) = self.session_mut(id) {
            session.taken_mut().sent(count);
        }
        // While the account is being loaded, nobody is there to hear of it.
        if let State::Ready(_) = self.state {
            self.let_go(id, cx);
        }
    }

    /// Tells modules what of a session's is written.
    fn let_go(&mut self, id: SessionId, cx: &mut Cx<'_>) {
        let written = self.session_mut(id).map(|session| session.taken_mut().written());
        self.written(id, written.unwrap_or_default(), cx);
    }

    /// A module waits for a page of offline messages.
    pub(crate) fn pages(&mut self, module: usize, after: u64, ticket: u64) {
        if let State::Ready(ready) = &mut self.state {
            ready.pages.insert(ticket, (module, after));
        }
    }

    /// A page of offline messages has come, or will not: whether anybody waits for it.
    pub(crate) fn paged(
        &mut self,
        ticket: u64,
        messages: Option<Vec<OfflineMessage>>,
        cx: &mut Cx<'_>,
    ) -> bool {
        let State::Ready(ready) = &mut self.state else { return false };
        let Some((module, after)) = ready.pages.remove(&ticket) else { return false };
        self.page(module, after, messages, cx);
        true
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
        self.order.forget(id, &mut cx.outlet());
        self.session_gone(session, cx)
    }
}

impl Ready {
    /// Whether that is the bare JID of a contact that gets the account's presence.
    fn is_subscriber(&self, address: &Jid) -> bool {
        let item = self.roster.get(address).filter(|_| !address.is_full());
        item.is_some_and(|item| item.subscription().has_from())
    }

    fn new(jid: &BareJid, kind: Kind, mut data: AccountData, modules: &Modules) -> Self {
        let parts = Parts::open(jid, kind, &data, modules);
        let last_presence = data.last_presence.take();
        Ready { roster: data.into(), last_presence, parts, pages: BTreeMap::new() }
    }
}

impl Cx<'_> {
    fn outlet(&mut self) -> Outlet<'_> {
        Outlet { limits: self.limits, barriers: self.barriers, effects: &mut self.effects }
    }

    /// Tells whoever sent the stanza that the step is about that it will not do.
    pub(crate) fn refuse(&mut self, condition: Condition) {
        self.refuse_with(StanzaError::new(condition));
    }

    /// [`refuse`](Self::refuse), with more than a condition.
    pub(crate) fn refuse_with(&mut self, error: StanzaError) {
        self.barriers.lose(self.step.cause());
        self.step.refuse(error);
    }
}
