//! One account: its roster, its sessions, and what waits for storage.
//!
//! An account is cold until a session starts, is then loaded as a whole, and follows every rule in memory. It sees stanzas as values and
//! puts out [effects](Effect); it knows no other account.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use xmpp_core::entropy::{Entropy, Label};
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::profile::Profile;
use xmpp_core::stanza::{Condition, Iq, IqType, Presence, PresenceType, Stanza, StanzaError};
use xmpp_core::xml::ns;

use crate::establish;
use crate::limits::HostLimits;
use crate::roster::{Roster, Update};
use crate::routing::{Decision, Resource, Traffic, route};
use crate::session::{Copies, Session, SessionId, Taken, Waiting};
use crate::store::{AccountData, Change, Persist};

/// What an account wants done.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A stanza for one of its sessions.
    Deliver(Delivery),
    /// One that there is no room to hold back for its session, which has to end.
    Overflow(Delivery),
    /// A stanza for whomever its `to` names.
    Route(Stanza),
}

/// A stanza for one of an account's sessions.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) session: SessionId,
    pub(crate) waiting: Waiting,
}

impl Delivery {
    const fn new(session: SessionId, stanza: Stanza) -> Self {
        Delivery { session, waiting: Waiting::new(stanza) }
    }

    /// What order is kept for: the stanza's sender, and where it goes.
    fn is_same_pair(&self, other: &Delivery) -> bool {
        self.session == other.session && self.sender() == other.sender()
    }

    /// Who the client takes for the sender. What the server says on behalf of the account has no `from`, or the account's own bare JID
    /// where that was asked (RFC 6120 section 8.1.2.1).
    fn sender(&self) -> Option<&Jid> {
        let stanza = &self.waiting.stanza;
        stanza.from().filter(|from| from.is_full() || stanza.to().is_none_or(|to| to.to_bare() != **from))
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

/// A delivery that waits for changes to be stored.
#[derive(Debug)]
struct Held {
    delivery: Delivery,
    until: Until,
}

impl Held {
    fn is_roster_for(&self, session: SessionId) -> bool {
        self.delivery.session == session && matches!(self.until, Until::AllStored { .. })
    }
}

#[derive(Debug)]
enum Until {
    /// It waits for no change of its own: it keeps its place behind those of the same pair.
    Place,
    /// It tells of that change. If it cannot be stored, this is told instead, if anything.
    Stored { seq: u64, instead: Option<Stanza> },
    /// It tells what all changes up to that one have made. If one of them cannot be stored, this is told instead, if anything.
    AllStored { seq: u64, instead: Option<Stanza> },
}

impl Until {
    fn is_over(&self, in_flight: &BTreeSet<u64>) -> bool {
        match self {
            Until::Place => true,
            Until::Stored { seq, .. } => !in_flight.contains(seq),
            Until::AllStored { seq, .. } => in_flight.first().is_none_or(|first| first > seq),
        }
    }
}

#[derive(Debug)]
enum State {
    Loading { ticket: u64, parked: VecDeque<Input>, parked_bytes: usize },
    Ready(Roster),
}

#[derive(Debug)]
pub(crate) struct Account {
    jid: BareJid,
    /// Whether nothing of it is ever stored.
    anonymous: bool,
    state: State,
    sessions: Vec<Session>,
    in_flight: BTreeSet<u64>,
    held: VecDeque<Held>,
    /// Bytes of what only keeps its place: of the rest there is no more than changes may be in flight.
    placed_bytes: usize,
}

impl Account {
    /// An account that is being loaded.
    pub(crate) fn new(jid: BareJid, ticket: u64) -> Self {
        let state = State::Loading { ticket, parked: VecDeque::new(), parked_bytes: 0 };
        Account::with_state(jid, state)
    }

    /// An account that lives only as long as its session (XEP-0175): there is nothing to load, and nothing to store.
    pub(crate) fn anonymous(jid: BareJid) -> Self {
        Account { anonymous: true, ..Account::with_state(jid, State::Ready(Roster::default())) }
    }

    const fn with_state(jid: BareJid, state: State) -> Self {
        Account {
            jid,
            anonymous: false,
            state,
            sessions: Vec::new(),
            in_flight: BTreeSet::new(),
            held: VecDeque::new(),
            placed_bytes: 0,
        }
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
        self.sessions.push(session);
        // What waited for the resource finds it again, with another client.
        let (taken, outbox) = replaced.map(Session::into_parts)?;
        for waiting in outbox {
            self.undelivered(waiting, cx);
        }
        Some(taken)
    }

    pub(crate) const fn is_anonymous(&self) -> bool {
        self.anonymous
    }

    #[cfg(test)]
    pub(crate) fn contacts(&self) -> Option<BTreeSet<alloc::string::String>> {
        let State::Ready(roster) = &self.state else { return None };
        let query = roster.query();
        Some(query.children().filter_map(|item| item.attr("jid").map(Into::into)).collect())
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
        let ready = State::Ready(data.into());
        if let State::Loading { parked, .. } = core::mem::replace(&mut self.state, ready) {
            for input in parked {
                self.input(input, cx);
            }
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

    /// One of its sessions directs presence at somebody: whether it may.
    pub(crate) fn direct(&mut self, id: SessionId, presence: &Presence, cx: &Cx<'_>) -> bool {
        self.session_mut(id).is_some_and(|session| session.direct(presence, cx.limits.directed()))
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
            Input::Inbound(stanza) => self.inbound(stanza, false, cx),
        }
    }

    /// Tells the sender of a stanza that it will not do.
    fn refuse(&mut self, input: &Input, error: StanzaError, cx: &mut Cx<'_>) {
        let Some(reply) = input.stanza().error_reply(error) else { return };
        match input {
            Input::Own(session, _) => self.deliver(*session, reply, cx),
            Input::Inbound(_) => cx.effects.push(Effect::Route(reply)),
        }
    }

    /// Puts a delivery out, behind those of the same pair that wait.
    fn emit(&mut self, delivery: Delivery, cx: &mut Cx<'_>) {
        if !self.held.iter().any(|held| held.delivery.is_same_pair(&delivery)) {
            cx.effects.push(Effect::Deliver(delivery));
        } else if self.placed_bytes + delivery.waiting.stanza.weight() > cx.limits.outbox_bytes() {
            cx.effects.push(Effect::Overflow(delivery));
        } else {
            self.hold(delivery, Until::Place);
        }
    }

    fn hold(&mut self, delivery: Delivery, until: Until) {
        if let Until::Place = until {
            self.placed_bytes += delivery.waiting.stanza.weight();
        }
        self.held.push_back(Held { delivery, until });
    }

    fn deliver(&mut self, session: SessionId, stanza: Stanza, cx: &mut Cx<'_>) {
        self.emit(Delivery::new(session, stanza), cx);
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
                self.inbound(Stanza::Message(message), false, cx);
            }
        }
    }

    /// An iq that the server answers on behalf of the account (RFC 6120 section 10.3.3).
    fn request(&mut self, session: SessionId, iq: Iq, cx: &mut Cx<'_>) {
        let roster = iq.payload().is_some_and(|payload| payload.is(ns::ROSTER, "query"));
        if roster && iq.type_() == IqType::Get {
            self.roster_get(session, iq, cx);
        } else if roster {
            self.roster_set(session, iq, cx);
        } else if is_formality(&iq) {
            self.deliver(session, iq.result_reply(None).into(), cx);
        } else {
            let error = StanzaError::new(Condition::ServiceUnavailable);
            self.refuse(&Input::Own(session, iq.into()), error, cx);
        }
    }

    fn roster_get(&mut self, id: SessionId, iq: Iq, cx: &mut Cx<'_>) {
        let State::Ready(roster) = &self.state else { return };
        let in_flight = self.in_flight.last().copied();
        // An answer that has to wait may be large, so a session gets one.
        if in_flight.is_some() && self.held.iter().any(|held| held.is_roster_for(id)) {
            let error = StanzaError::new(Condition::ResourceConstraint);
            return self.refuse(&Input::Own(id, iq.into()), error, cx);
        }
        let answer = Delivery::new(id, iq.result_reply(Some(roster.query())).into());
        if let Some(session) = self.session_mut(id) {
            session.interested = true;
        }
        match in_flight {
            // The answer tells of changes that may still fail.
            Some(seq) => self.hold(answer, Until::AllStored { seq, instead: not_stored(&iq) }),
            None => self.emit(answer, cx),
        }
    }

    fn roster_set(&mut self, session: SessionId, iq: Iq, cx: &mut Cx<'_>) {
        let State::Ready(roster) = &mut self.state else { return };
        let change = match iq.payload() {
            // XEP-0175 section 3 leaves it to the server whether anonymous accounts have contacts.
            _ if self.anonymous => Err(StanzaError::new(Condition::NotAllowed)),
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
            Err(error) => return self.refuse(&Input::Own(session, iq.into()), error, cx),
        };
        roster.apply(&change);
        let push = roster.push(&change);
        let seq = self.persist(change, cx);
        // RFC 6121 section 2.1.6: every interested resource is told, the one that asked among them.
        let interested = self.sessions.iter().filter(|session| session.interested);
        let pushes: Vec<_> = interested
            .zip(core::iter::repeat(push).flatten())
            .map(|(session, push)| {
                let push = Iq::set(&cx.entropy.token(Label::StanzaId), push);
                Delivery::new(session.id, push.with_to(session.jid.clone()).into())
            })
            .collect();
        for push in pushes {
            self.hold(push, Until::Stored { seq, instead: None });
        }
        let answer = Delivery::new(session, iq.result_reply(None).into());
        self.hold(answer, Until::Stored { seq, instead: not_stored(&iq) });
    }

    // Changes and what waits for them.

    fn persist(&mut self, change: Change, cx: &mut Cx<'_>) -> u64 {
        let seq = *cx.next_seq;
        *cx.next_seq += 1;
        self.in_flight.insert(seq);
        cx.persists.push(Persist { owner: self.jid.clone(), seq, changes: alloc::vec![change] });
        seq
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
        for mut held in core::mem::take(&mut self.held) {
            let instead = match &mut held.until {
                Until::Stored { seq: told, instead } if *told == seq => instead.take(),
                Until::AllStored { seq: last, instead } if seq <= *last => instead.take(),
                _ => {
                    self.held.push_back(held);
                    continue;
                }
            };
            if let Some(instead) = instead {
                let delivery = Delivery::new(held.delivery.session, instead);
                self.held.push_back(Held { delivery, until: Until::Place });
            }
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
        self.placed_bytes = 0;
        for held in core::mem::take(&mut self.held) {
            let behind = self.held.iter().any(|earlier| earlier.delivery.is_same_pair(&held.delivery));
            if behind || !held.until.is_over(&self.in_flight) {
                self.hold(held.delivery, held.until);
            } else {
                cx.effects.push(Effect::Deliver(held.delivery));
            }
        }
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
                }
                if let Some(session) = self.session_mut(id) {
                    session.presence = None;
                    let farewells = session.farewells(Some(&presence));
                    cx.effects.extend(farewells.into_iter().map(Effect::Route));
                }
            }
            PresenceType::Error => {}
            // RFC 6121 section 4.3: a probe is no reason for an error, even if a client has none to send.
            PresenceType::Probe => self.introduce(id, |_| true, cx),
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
            self.introduce(id, |other| other != id, cx);
        }
    }

    /// Tells a session of the account's available resources.
    fn introduce(&mut self, id: SessionId, to_tell: impl Fn(SessionId) -> bool, cx: &mut Cx<'_>) {
        let told = self.sessions.iter().filter(|session| to_tell(session.id));
        let told: Vec<_> = told.filter_map(|session| session.presence.clone()).collect();
        for (mut presence, _) in told {
            presence.set_to(Some(self.jid.clone().into()));
            self.deliver(id, presence.into(), cx);
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

    fn inbound(&mut self, stanza: Stanza, rerouted: bool, cx: &mut Cx<'_>) {
        let resources: Vec<_> = self.sessions.iter().map(view).collect();
        let resource = stanza.to().and_then(Jid::resource);
        match route(Traffic::of(&stanza), resource, &resources, cx.profile.unmatched_resource()) {
            Decision::Deliver(indices) => {
                let copies = (indices.len() > 1).then(|| Copies::new(indices.len()));
                for index in indices {
                    let Some(session) = self.sessions.get(index).map(|session| session.id) else { continue };
                    let waiting = Waiting { stanza: stanza.clone(), copies: copies.clone(), rerouted };
                    self.emit(Delivery { session, waiting }, cx);
                }
            }
            Decision::Answer => {
                if let Some(answer) = answer(&stanza) {
                    cx.effects.push(Effect::Route(answer));
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
        let Some(session) = self.remove(id, cx) else { return };
        let (taken, outbox) = session.into_parts();
        for waiting in taken.unsent(unsent).chain(outbox) {
            self.undelivered(waiting, cx);
        }
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
        let mut session = self.sessions.remove(index);
        cx.effects.extend(session.farewells(None).into_iter().map(Effect::Route));
        if session.is_available() {
            // RFC 6121 section 4.5.2: a resource that is gone is unavailable, whether it said so or not.
            let presence = Presence::new(PresenceType::Unavailable).with_from(session.jid.clone());
            self.broadcast(&presence, cx);
        }
        Some(session)
    }

    /// A stanza that a session was to get and did not.
    pub(crate) fn undelivered(&mut self, waiting: Waiting, cx: &mut Cx<'_>) {
        if let Some(stanza) = waiting.undelivered() {
            self.inbound(stanza, true, cx);
        }
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

/// Whether a request asks for nothing but to be told that it was heard.
pub(crate) fn is_formality(iq: &Iq) -> bool {
    let ping =
        || iq.type_() == IqType::Get && iq.payload().is_some_and(|payload| payload.is(ns::PING, "ping"));
    establish::is_request(iq) || ping()
}

fn not_stored(iq: &Iq) -> Option<Stanza> {
    iq.error_reply(StanzaError::new(Condition::InternalServerError)).map(Stanza::Iq)
}
