//! One account: its roster, its sessions, and what waits for storage.
//!
//! An account is cold until a session starts, is then loaded as a whole, and follows every rule in memory. It sees stanzas as values and
//! puts out [effects](Effect); it knows no other account.

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use xmpp_core::entropy::{Entropy, Label};
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::profile::Profile;
use xmpp_core::stanza::{Condition, Iq, IqType, Presence, PresenceType, Stanza, StanzaError};
use xmpp_core::xml::ns;

use crate::establish;
use crate::limits::HostLimits;
use crate::roster::{self, Roster, Update};
use crate::routing::{Decision, Resource, Traffic, route};
use crate::session::{Session, SessionId, Waiting};
use crate::store::{AccountData, Change, Persist};

/// What an account wants done.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A stanza for one of its sessions.
    Deliver(SessionId, Waiting),
    /// A stanza for whomever its `to` names.
    Route(Stanza),
}

impl Effect {
    /// What order is kept for: the stanza's sender, and where it goes.
    fn is_same_pair(&self, other: &Effect) -> bool {
        match (self, other) {
            (Effect::Deliver(id, a), Effect::Deliver(other, b)) => {
                id == other && a.stanza.from() == b.stanza.from()
            }
            (Effect::Route(a), Effect::Route(b)) => a.from() == b.from() && a.to() == b.to(),
            _ => false,
        }
    }
}

/// What an account takes in.
#[derive(Debug)]
pub(crate) enum Input {
    /// One of its sessions sent a stanza without address, or to the account's own bare JID.
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
}

/// What an account works with and into.
pub(crate) struct Cx<'a> {
    pub(crate) limits: &'a HostLimits,
    pub(crate) profile: &'a Profile,
    pub(crate) entropy: &'a mut Entropy,
    pub(crate) next_seq: &'a mut u64,
    pub(crate) effects: Vec<Effect>,
    pub(crate) persists: Vec<Persist>,
}

/// An effect that waits for a change to be stored.
#[derive(Debug)]
struct Held {
    seq: u64,
    effect: Effect,
    /// `None`: it waits only to keep its place, and leaves whatever becomes of the change. `Some`: it tells of the change, and if that
    /// cannot be stored this is told instead, if anything.
    instead: Option<Option<Effect>>,
}

#[derive(Debug)]
enum State {
    Loading { ticket: u64, parked: VecDeque<Input>, parked_bytes: usize },
    Ready(Roster),
}

#[derive(Debug)]
pub(crate) struct Account {
    jid: BareJid,
    state: State,
    sessions: Vec<Session>,
    in_flight: BTreeSet<u64>,
    held: VecDeque<Held>,
}

impl Account {
    /// An account that is being loaded.
    pub(crate) fn new(jid: BareJid, ticket: u64) -> Self {
        Account {
            jid,
            state: State::Loading { ticket, parked: VecDeque::new(), parked_bytes: 0 },
            sessions: Vec::new(),
            in_flight: BTreeSet::new(),
            held: VecDeque::new(),
        }
    }

    pub(crate) const fn jid(&self) -> &BareJid {
        &self.jid
    }

    pub(crate) fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    pub(crate) fn session_mut(&mut self, id: SessionId) -> Option<&mut Session> {
        self.sessions.iter_mut().find(|session| session.id == id)
    }

    pub(crate) fn attach(&mut self, session: Session) {
        self.sessions.push(session);
    }

    /// Whether nothing would be lost by forgetting the account.
    pub(crate) fn is_idle(&self) -> bool {
        self.sessions.is_empty() && self.in_flight.is_empty()
    }

    /// Whether it waits for this load.
    pub(crate) fn awaits(&self, load: u64) -> bool {
        matches!(self.state, State::Loading { ticket, .. } if ticket == load)
    }

    /// The account was loaded: what was parked is worked off in order.
    pub(crate) fn loaded(&mut self, data: AccountData, cx: &mut Cx<'_>) {
        let ready = State::Ready(data.into_roster().into_iter().collect());
        if let State::Loading { parked, .. } = core::mem::replace(&mut self.state, ready) {
            for input in parked {
                self.input(input, cx);
            }
        }
    }

    /// What was parked for an account that turned out not to be there.
    pub(crate) fn into_parked(self) -> impl Iterator<Item = Stanza> {
        let parked = match self.state {
            State::Loading { parked, .. } => parked,
            State::Ready(_) => VecDeque::new(),
        };
        parked.into_iter().map(|input| match input {
            Input::Own(_, stanza) | Input::Inbound(stanza) => stanza,
        })
    }

    /// Takes a stanza in, or parks it while the account is being loaded.
    pub(crate) fn input(&mut self, input: Input, cx: &mut Cx<'_>) {
        if let State::Loading { parked, parked_bytes, .. } = &mut self.state {
            let bytes = *parked_bytes + input.stanza().weight();
            if parked.len() < cx.limits.parked_stanzas() && bytes <= cx.limits.parked_bytes() {
                *parked_bytes = bytes;
                parked.push_back(input);
            } else {
                self.refuse(&input, StanzaError::new(Condition::ResourceConstraint), cx);
            }
            return;
        }
        match input {
            Input::Own(session, stanza) => self.own(session, stanza, cx),
            Input::Inbound(stanza) => self.inbound(stanza, cx),
        }
    }

    /// Tells the sender of a stanza that it will not do.
    fn refuse(&mut self, input: &Input, error: StanzaError, cx: &mut Cx<'_>) {
        let Some(reply) = input.stanza().error_reply(error) else { return };
        match input {
            Input::Own(session, _) => self.deliver(*session, reply, cx),
            Input::Inbound(_) => self.emit(Effect::Route(reply), cx),
        }
    }

    /// Puts an effect out, behind those of the same pair that wait.
    fn emit(&mut self, effect: Effect, cx: &mut Cx<'_>) {
        match self.held.iter().rev().find(|held| held.effect.is_same_pair(&effect)) {
            Some(held) => {
                let seq = held.seq;
                self.held.push_back(Held { seq, effect, instead: None });
            }
            None => cx.effects.push(effect),
        }
    }

    fn deliver(&mut self, session: SessionId, stanza: Stanza, cx: &mut Cx<'_>) {
        self.emit(Effect::Deliver(session, Waiting { stanza, shared: false }), cx);
    }

    // Stanzas of the account's own sessions.

    fn own(&mut self, session: SessionId, stanza: Stanza, cx: &mut Cx<'_>) {
        match stanza {
            Stanza::Presence(presence) => self.presence(session, presence, cx),
            Stanza::Iq(iq) if iq.is_request() => self.request(session, iq, cx),
            // Results of pushes, and errors: nobody waits for them.
            Stanza::Iq(_) => {}
            // RFC 6120 section 10.3.1: a message without address is one to oneself.
            Stanza::Message(mut message) => {
                message.set_to(Some(self.jid.clone().into()));
                self.inbound(Stanza::Message(message), cx);
            }
        }
    }

    /// An iq that the server answers on behalf of the account (RFC 6120 section 10.3.3).
    fn request(&mut self, session: SessionId, iq: Iq, cx: &mut Cx<'_>) {
        let payload = iq.payload().map(|payload| (payload.ns().to_owned(), payload.name().to_owned()));
        let known = payload.as_ref().map(|(ns, name)| (ns.as_str(), name.as_str()));
        match (known, iq.type_()) {
            (Some((ns::ROSTER, "query")), IqType::Get) => self.roster_get(session, &iq, cx),
            (Some((ns::ROSTER, "query")), IqType::Set) => self.roster_set(session, &iq, cx),
            (Some((ns::PING, "ping")), IqType::Get) => {
                self.deliver(session, iq.result_reply(None).into(), cx)
            }
            _ if establish::is_request(&iq) => self.deliver(session, iq.result_reply(None).into(), cx),
            _ => {
                let error = StanzaError::new(Condition::ServiceUnavailable);
                self.refuse(&Input::Own(session, iq.into()), error, cx);
            }
        }
    }

    fn roster_get(&mut self, id: SessionId, iq: &Iq, cx: &mut Cx<'_>) {
        let State::Ready(roster) = &self.state else { return };
        let answer = iq.result_reply(Some(roster.query()));
        if let Some(session) = self.session_mut(id) {
            session.interested = true;
        }
        self.deliver(id, answer.into(), cx);
    }

    fn roster_set(&mut self, session: SessionId, iq: &Iq, cx: &mut Cx<'_>) {
        let State::Ready(roster) = &mut self.state else { return };
        let change = match iq.payload() {
            // The changes that storage has not confirmed are kept in memory, so there is a limit to them.
            _ if self.in_flight.len() >= cx.limits.parked_stanzas() => {
                Err(StanzaError::new(Condition::ResourceConstraint))
            }
            Some(query) => {
                Update::parse(query, cx.limits).and_then(|update| roster.change(update, cx.limits))
            }
            None => Err(StanzaError::new(Condition::BadRequest)),
        };
        let change = match change {
            Ok(change) => change,
            Err(error) => return self.refuse(&Input::Own(session, iq.clone().into()), error, cx),
        };
        roster.apply(&change);
        let push = roster::push(&change);
        let seq = self.persist(change, cx);
        // RFC 6121 section 2.1.6: every interested resource is told, the one that asked among them.
        let interested: Vec<_> = self.sessions.iter().filter(|session| session.interested).collect();
        let pushes: Vec<_> = interested
            .into_iter()
            .map(|session| {
                let push = Iq::set(&cx.entropy.token(Label::StanzaId), push.clone());
                (session.id, push.with_to(Jid::from(session.jid.clone())))
            })
            .collect();
        for (id, push) in pushes {
            self.hold(seq, id, push.into(), None);
        }
        let failure = iq.error_reply(StanzaError::new(Condition::InternalServerError));
        self.hold(seq, session, iq.result_reply(None).into(), failure.map(Into::into));
    }

    // Changes and what waits for them.

    fn persist(&mut self, change: Change, cx: &mut Cx<'_>) -> u64 {
        let seq = *cx.next_seq;
        *cx.next_seq += 1;
        self.in_flight.insert(seq);
        cx.persists.push(Persist { account: self.jid.clone(), seq, change });
        seq
    }

    /// Keeps a stanza back until the change is stored; if it cannot be, `instead` is delivered.
    fn hold(&mut self, seq: u64, session: SessionId, stanza: Stanza, instead: Option<Stanza>) {
        let deliver = |stanza| Effect::Deliver(session, Waiting { stanza, shared: false });
        let instead = Some(instead.map(deliver));
        self.held.push_back(Held { seq, effect: deliver(stanza), instead });
    }

    /// A change is stored.
    pub(crate) fn persisted(&mut self, seq: u64, cx: &mut Cx<'_>) {
        if self.in_flight.remove(&seq) {
            self.release(cx);
        }
    }

    /// A change could not be stored: who asked for it is told, and memory is thrown away. Whether the account has to be loaded.
    pub(crate) fn persist_failed(&mut self, seq: u64, ticket: u64, cx: &mut Cx<'_>) -> bool {
        if !self.in_flight.remove(&seq) {
            return false;
        }
        let held = core::mem::take(&mut self.held);
        for mut held in held {
            if held.seq == seq
                && let Some(instead) = held.instead.take()
            {
                let Some(instead) = instead else { continue };
                held.effect = instead;
            }
            self.held.push_back(held);
        }
        self.release(cx);
        match &mut self.state {
            // A load that was asked for before the failure may have missed it, so it does not count any more.
            State::Loading { ticket: awaited, .. } => *awaited = ticket,
            State::Ready(_) => {
                self.state = State::Loading { ticket, parked: VecDeque::new(), parked_bytes: 0 };
            }
        }
        true
    }

    /// Lets go what no longer waits for a change, order per pair kept.
    fn release(&mut self, cx: &mut Cx<'_>) {
        let mut kept: VecDeque<Held> = VecDeque::new();
        for held in core::mem::take(&mut self.held) {
            let waits = self.in_flight.contains(&held.seq)
                || kept.iter().any(|earlier| earlier.effect.is_same_pair(&held.effect));
            if waits {
                kept.push_back(held);
            } else {
                cx.effects.push(held.effect);
            }
        }
        self.held = kept;
    }

    // Presence among the account's own resources (RFC 6121 sections 4.2 to 4.5).

    fn presence(&mut self, id: SessionId, presence: Presence, cx: &mut Cx<'_>) {
        match presence.type_() {
            PresenceType::Available => match presence.priority() {
                Ok(priority) => self.available(id, presence, priority, cx),
                Err(_) => {
                    let error = StanzaError::new(Condition::BadRequest);
                    self.refuse(&Input::Own(id, presence.into()), error, cx);
                }
            },
            PresenceType::Unavailable => {
                if self.session_mut(id).is_some_and(|session| session.is_available()) {
                    // RFC 6121 section 4.5.2: the resource that leaves is told too.
                    self.broadcast(&presence, cx);
                    if let Some(session) = self.session_mut(id) {
                        session.presence = None;
                    }
                }
            }
            PresenceType::Error => {}
            _ => {
                let error = StanzaError::new(Condition::BadRequest);
                self.refuse(&Input::Own(id, presence.into()), error, cx);
            }
        }
    }

    fn available(&mut self, id: SessionId, presence: Presence, priority: i8, cx: &mut Cx<'_>) {
        let Some(session) = self.session_mut(id) else { return };
        let initial = session.presence.replace((presence.clone(), priority)).is_none();
        self.broadcast(&presence, cx);
        if initial {
            let others = self.sessions.iter().filter(|session| session.id != id);
            let others: Vec<_> = others.filter_map(|session| session.presence.clone()).collect();
            for (mut presence, _) in others {
                presence.set_to(Some(self.jid.clone().into()));
                self.deliver(id, presence.into(), cx);
            }
        }
    }

    /// RFC 6121 section 4.2.2: everybody is subscribed to their own presence, the resource that sent it among them.
    fn broadcast(&mut self, presence: &Presence, cx: &mut Cx<'_>) {
        let mut presence = presence.clone();
        presence.set_to(Some(self.jid.clone().into()));
        let available = self.sessions.iter().filter(|session| session.is_available());
        for id in available.map(|session| session.id).collect::<Vec<_>>() {
            self.deliver(id, presence.clone().into(), cx);
        }
    }

    // Stanzas for the account.

    fn inbound(&mut self, stanza: Stanza, cx: &mut Cx<'_>) {
        let resource = stanza.to().and_then(Jid::resource).map(String::from);
        let resources: Vec<_> = self.sessions.iter().map(view).collect();
        let unmatched = cx.profile.unmatched_resource();
        let decision = route(Traffic::of(&stanza), resource.as_deref(), &resources, unmatched);
        match decision {
            Decision::Deliver(indices) => {
                let shared = indices.len() > 1;
                let sessions = indices.into_iter().filter_map(|index| self.sessions.get(index));
                for id in sessions.map(|session| session.id).collect::<Vec<_>>() {
                    let stanza = stanza.clone();
                    self.emit(Effect::Deliver(id, Waiting { stanza, shared }), cx);
                }
            }
            Decision::Answer => {
                if let Some(answer) = answer(&stanza) {
                    self.emit(Effect::Route(answer), cx);
                }
            }
            Decision::Unavailable => {
                let error = StanzaError::new(Condition::ServiceUnavailable);
                self.refuse(&Input::Inbound(stanza), error, cx);
            }
            Decision::Drop => {}
        }
    }

    /// Ends a session. `unsent` is what its transport had taken and never sent; that and what still waited finds another way, or its
    /// sender is told.
    pub(crate) fn detach(&mut self, id: SessionId, unsent: Vec<Stanza>, cx: &mut Cx<'_>) {
        let Some(index) = self.sessions.iter().position(|session| session.id == id) else { return };
        let session = self.sessions.remove(index);
        if session.is_available() {
            // RFC 6121 section 4.5.2: a resource that is gone is unavailable, whether it said so or not.
            let presence = Presence::new(PresenceType::Unavailable).with_from(session.jid.clone());
            self.broadcast(&presence, cx);
        }
        let unsent = unsent.into_iter().map(|stanza| Waiting { stanza, shared: false });
        for waiting in unsent.chain(session.into_outbox()) {
            self.undelivered(waiting, cx);
        }
    }

    /// A stanza that a session was to get and did not.
    pub(crate) fn undelivered(&mut self, waiting: Waiting, cx: &mut Cx<'_>) {
        let Waiting { stanza, shared } = waiting;
        let others = self.sessions.iter().any(|session| matches!(session.presence, Some((_, 0..))));
        // What is the server's own, or was only of the moment, is gone with the session; of what several resources got, another
        // has a copy.
        if stanza.from().is_none() || matches!(stanza, Stanza::Presence(_)) || shared && others {
            return;
        }
        self.inbound(stanza, cx);
    }
}

fn view(session: &Session) -> Resource<'_> {
    let priority = session.presence.as_ref().map(|(_, priority)| *priority);
    Resource::new(session.jid.resource()).with_availability(priority)
}

/// What the server says on behalf of an account to somebody else's iq: the same whether the account exists or not.
pub(crate) fn answer(stanza: &Stanza) -> Option<Stanza> {
    // RFC 6121 section 2.3.3: other people's rosters are nobody's to change.
    let roster =
        matches!(stanza, Stanza::Iq(iq) if iq.payload().is_some_and(|payload| payload.ns() == ns::ROSTER));
    let condition = if roster { Condition::Forbidden } else { Condition::ServiceUnavailable };
    stanza.error_reply(StanzaError::new(condition))
}
