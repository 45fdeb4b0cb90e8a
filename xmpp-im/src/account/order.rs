//! The order in which what steps say leaves: nothing before it is true, and in order for each pair of sender and receiver.
//!
//! What a step with changes says waits until they are stored. What one without changes says leaves at once, but behind whatever waits for the same
//! pair of sender and receiver; and what shows state that is not stored yet waits for that.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use xmpp_core::stanza::{Condition, Stanza, StanzaError};

use super::barrier::{Barriers, Cause, Source};
use super::effect::{Delivery, Effect, Pair};
use super::step::{Planned, State, Step, refusal};
use crate::limits::HostLimits;
use crate::module::Origin;
use crate::session::SessionId;
use crate::store::Change;

/// What one of the effects of earlier steps waits for, beside its place.
#[derive(Clone, Copy, Debug)]
enum Until {
    /// Nothing: it keeps its place behind those of the same pair.
    Place,
    /// It is part of the step that makes those changes.
    Stored(u64),
    /// It shows what all changes up to that one have made of this state.
    /// If it is an answer, it may be one that makes a session interested.
    Settled { last: u64, state: State, interested: Option<SessionId> },
}

impl Until {
    /// The session that is interested only if this is said.
    const fn interested(self) -> Option<SessionId> {
        match self {
            Until::Settled { interested, .. } => interested,
            Until::Place | Until::Stored(_) => None,
        }
    }
}

#[derive(Debug)]
struct Held {
    /// None keeps a place for what is said instead.
    effect: Option<Effect>,
    until: Until,
    /// The session's stanzas up to that number have to have met their fate.
    barrier: Option<(SessionId, u64)>,
    /// What is said if the changes cannot be stored.
    instead: Option<Effect>,
    /// Bytes that count for what there is room for.
    bytes: usize,
}

impl Held {
    const fn new(effect: Option<Effect>, until: Until) -> Self {
        Held { effect, until, barrier: None, instead: None, bytes: 0 }
    }
}

/// A step that is not stored yet.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    touched: State,
    cause: Option<Cause>,
    /// Whether the account's own sessions have caused it, or others.
    is_own: bool,
    /// Whether it is nothing but messages that are put behind others: for those there is a limit of its own.
    appends: bool,
}

/// The changes of an account that are not stored yet, and what waits for them, in order for each pair.
#[derive(Debug, Default)]
pub(crate) struct Order {
    in_flight: BTreeMap<u64, InFlight>,
    chains: BTreeMap<Pair, VecDeque<Held>>,
    /// The chains whose first waits for a change.
    watched: BTreeMap<u64, Vec<Pair>>,
    /// The chains whose first waits for what a session sent earlier.
    barred: BTreeMap<SessionId, Vec<Pair>>,
    /// Bytes of what only keeps its place, and of what others have asked for: of the rest there is no more than changes may be in flight, or
    /// presence that the account's resources can have for its contacts.
    placed_bytes: usize,
    /// Sessions that asked for the roster and did not get it.
    disappointed: Vec<SessionId>,
}

/// Where effects go that wait for nothing.
#[derive(Debug)]
pub(crate) struct Outlet<'a> {
    pub(crate) limits: &'a HostLimits,
    pub(crate) barriers: &'a mut Barriers,
    pub(crate) effects: &'a mut Vec<Effect>,
}

impl Order {
    /// Whether everything is stored and nothing waits.
    pub(crate) fn is_settled(&self) -> bool {
        self.in_flight.is_empty() && self.chains.is_empty()
    }

    /// Whether that step may have one more change under way to the store: they are kept in memory, so there is a limit to them. What others do
    /// leaves room for what the account's own sessions do.
    pub(crate) fn has_room(&self, step: &Step, limits: &HostLimits) -> bool {
        let is_like = |change: &&InFlight| !change.appends && change.is_own == step.source.is_none();
        self.in_flight.values().filter(is_like).count() < limits.parked_stanzas()
    }

    /// Ends a step: its changes, if there are any to store under that number.
    pub(crate) fn commit(&mut self, step: Step, seq: Option<u64>, out: &mut Outlet<'_>) -> Vec<Change> {
        let Step { question, source, changes, touched, planned, interested, .. } = step;
        let Some(seq) = seq else {
            let mut is_refused = false;
            for Planned { effect, shows } in planned {
                match self.unsettled(shows) {
                    None => self.place(effect, out),
                    // It goes with an answer that there was no room for.
                    Some(_) if is_refused => {}
                    Some(last) => {
                        let interested = interested.filter(|_| effect.is_response());
                        let until = Until::Settled { last, state: shows, interested };
                        is_refused = !self.wait(effect, until, question.as_ref(), out);
                    }
                }
            }
            return changes;
        };
        let cause = source.and_then(Source::cause);
        out.barriers.begin(cause);
        let appends = changes.iter().all(|change| matches!(change, Change::AppendOffline(_)));
        self.in_flight.insert(seq, InFlight { touched, cause, is_own: source.is_none(), appends });
        let mut refusal = refusal(question.as_ref(), Condition::InternalServerError)
            .map(|refusal| (refusal.pair(), refusal));
        for Planned { effect, .. } in planned {
            let pair = effect.pair();
            let instead = refusal.take_if(|(place, _)| *place == pair).map(|(_, refusal)| refusal);
            self.hold(pair, Held { instead, ..Held::new(Some(effect), Until::Stored(seq)) }, out);
        }
        if let Some((pair, refusal)) = refusal {
            self.hold(pair, Held { instead: Some(refusal), ..Held::new(None, Until::Stored(seq)) }, out);
        }
        changes
    }

    /// The last change under way that has to do with that state.
    fn unsettled(&self, state: State) -> Option<u64> {
        if state == State::NOTHING {
            return None;
        }
        let mut changes = self.in_flight.iter().rev();
        changes.find(|(_, change)| change.touched.overlaps(state)).map(|(seq, _)| *seq)
    }

    /// Puts an effect out, or behind those of the same pair that wait.
    fn place(&mut self, effect: Effect, out: &mut Outlet<'_>) {
        let is_barred = barrier(&effect, out.barriers).is_some();
        if self.chains.is_empty() && !is_barred {
            return out.effects.push(effect);
        }
        let pair = effect.pair();
        if !is_barred && !self.chains.contains_key(&pair) {
            return out.effects.push(effect);
        }
        self.supersede(&pair, &effect, out);
        if !self.chains.contains_key(&pair) && !is_barred {
            return out.effects.push(effect);
        }
        let has_room = self.has_bytes(effect.weight(), out.limits.outbox_bytes()) || effect.topic().is_some();
        match effect {
            Effect::Deliver(delivery) if !has_room => out.effects.push(Effect::Overflow(delivery)),
            Effect::Route(stanza, _) if !has_room => {
                let error = StanzaError::new(Condition::ResourceConstraint);
                let refused = stanza.error_reply(error);
                out.effects.extend(refused.map(|refused| Effect::Route(refused, Source::Server)));
            }
            effect => {
                let bytes = if effect.topic().is_some() { 0 } else { effect.weight() };
                self.hold(pair, Held { bytes, ..Held::new(Some(effect), Until::Place) }, out);
            }
        }
    }

    /// Whether there is room for so many bytes more. One stanza always has room where there is nothing, or it could never be said.
    const fn has_bytes(&self, bytes: usize, limit: usize) -> bool {
        self.placed_bytes == 0 || self.placed_bytes + bytes <= limit
    }

    /// Drops what this presence makes void and what is not part of a step that is stored: there is never more of it than pairs of addresses.
    fn supersede(&mut self, pair: &Pair, effect: &Effect, out: &mut Outlet<'_>) {
        let (Some(topic), Some(chain)) = (effect.topic(), self.chains.get_mut(pair)) else { return };
        let is_void = |held: &Held| {
            !matches!(held.until, Until::Stored(_))
                && held.effect.as_ref().and_then(Effect::topic).is_some_and(|older| older == topic)
        };
        while let Some(void) = chain.iter().position(is_void).and_then(|place| chain.remove(place)) {
            self.placed_bytes -= void.bytes;
            out.barriers.end(void.effect.and_then(|effect| effect.cause()));
        }
        if chain.is_empty() {
            self.chains.remove(pair);
        }
    }

    /// Holds back what somebody else has asked for. They may ask as often as they like, and are not to take all the room; nor does an answer, which
    /// may say less, make void what was said.
    fn hold_asked(&mut self, pair: Pair, effect: Effect, until: Until, out: &mut Outlet<'_>) {
        let waits = |held: &Held| held.effect.as_ref().is_some_and(|held| held.stanza() == effect.stanza());
        let is_said = self.chains.get(&pair).is_some_and(|chain| chain.iter().any(waits));
        let bytes = effect.weight();
        if !is_said && self.has_bytes(bytes, out.limits.outbox_bytes() / 2) {
            self.hold(pair, Held { bytes, ..Held::new(Some(effect), until) }, out);
        }
    }

    /// Holds an effect back that shows what is not stored yet. Whether there is room for it.
    fn wait(
        &mut self,
        effect: Effect,
        until: Until,
        question: Option<&(Stanza, Origin)>,
        out: &mut Outlet<'_>,
    ) -> bool {
        let pair = effect.pair();
        if !effect.is_response() {
            if let Some((_, Origin::Outside)) = question {
                self.hold_asked(pair, effect, until, out);
            } else {
                self.supersede(&pair, &effect, out);
                self.hold(pair, Held::new(Some(effect), until), out);
            }
            return true;
        }
        // An answer that has to wait may be large, so a session gets one.
        let waits = |held: &Held| held.instead.is_some() && matches!(held.until, Until::Settled { .. });
        if self.chains.get(&pair).is_some_and(|chain| chain.iter().any(waits)) {
            self.disappointed.extend(until.interested());
            if let Some(refused) = refusal(question, Condition::ResourceConstraint) {
                self.place(refused, out);
            }
            return false;
        }
        let instead = refusal(question, Condition::InternalServerError);
        self.hold(pair, Held { instead, ..Held::new(Some(effect), until) }, out);
        true
    }

    fn hold(&mut self, pair: Pair, held: Held, out: &mut Outlet<'_>) {
        let barrier = held.effect.as_ref().and_then(|effect| barrier(effect, out.barriers));
        out.barriers.begin(held.effect.as_ref().and_then(Effect::cause));
        self.placed_bytes += held.bytes;
        let chain = self.chains.entry(pair.clone()).or_default();
        chain.push_back(Held { barrier, ..held });
        if chain.len() == 1 {
            self.advance(pair, out);
        }
    }

    /// Lets go from the front of a chain what waits for nothing any more.
    fn advance(&mut self, pair: Pair, out: &mut Outlet<'_>) {
        let Some(chain) = self.chains.get_mut(&pair) else { return };
        while let Some(first) = chain.front() {
            let awaited = match first.until {
                Until::Place => None,
                Until::Stored(seq) => Some(seq).filter(|seq| self.in_flight.contains_key(seq)),
                Until::Settled { last, state, .. } => {
                    let mut earlier = self.in_flight.range(..=last).rev();
                    earlier.find(|(_, change)| change.touched.overlaps(state)).map(|(seq, _)| *seq)
                }
            };
            if let Some(seq) = awaited {
                return self.watched.entry(seq).or_default().push(pair);
            }
            if let Some((session, last)) = first.barrier
                && out.barriers.bars(session, last)
            {
                return self.barred.entry(session).or_default().push(pair);
            }
            let Some(Held { effect, bytes, .. }) = chain.pop_front() else { continue };
            self.placed_bytes -= bytes;
            out.barriers.end(effect.as_ref().and_then(Effect::cause));
            out.effects.extend(effect);
        }
        self.chains.remove(&pair);
    }

    /// A change is stored: whether it was under way.
    pub(crate) fn stored(&mut self, seq: u64, out: &mut Outlet<'_>) -> bool {
        let Some(change) = self.in_flight.remove(&seq) else { return false };
        out.barriers.end(change.cause);
        let pairs = self.watched.remove(&seq).unwrap_or_default();
        // All that the step says goes before what came later: a client is told of a subscription and gets the push that shows it before it
        // gets the presence that it is entitled to (RFC 6121 section 3.1.6).
        for pair in &pairs {
            self.release(pair, seq, out);
        }
        for pair in pairs {
            self.advance(pair, out);
        }
        true
    }

    /// Lets go from the front of a chain what that step says, which is stored.
    fn release(&mut self, pair: &Pair, seq: u64, out: &mut Outlet<'_>) {
        let Some(chain) = self.chains.get_mut(pair) else { return };
        let is_said = |held: &mut Held| {
            held.barrier.is_none() && matches!(held.until, Until::Stored(told) if told == seq)
        };
        while let Some(held) = chain.pop_front_if(is_said) {
            out.barriers.end(held.effect.as_ref().and_then(Effect::cause));
            out.effects.extend(held.effect);
        }
    }

    /// The sessions that asked for the roster and did not get it, so that they are not interested.
    pub(crate) fn take_disappointed(&mut self) -> Vec<SessionId> {
        core::mem::take(&mut self.disappointed)
    }

    /// A change could not be stored, so what tells of it is not said: whether it was under way.
    pub(crate) fn failed(&mut self, seq: u64, out: &mut Outlet<'_>) -> bool {
        let Some(InFlight { touched, cause, .. }) = self.in_flight.get(&seq).copied() else { return false };
        out.barriers.lose(cause);
        for chain in self.chains.values_mut() {
            let mut is_disappointed = false;
            for held in chain {
                let is_false = match held.until {
                    Until::Place => false,
                    Until::Stored(told) => told == seq,
                    Until::Settled { last, state, .. } => seq <= last && touched.overlaps(state),
                };
                if is_false {
                    is_disappointed |= held.until.interested().is_some();
                    self.disappointed.extend(held.until.interested());
                    out.barriers.end(held.effect.as_ref().and_then(Effect::cause));
                    held.effect = held.instead.take();
                    held.until = Until::Place;
                    self.placed_bytes -= held.bytes;
                    held.bytes = held.effect.as_ref().map_or(0, Effect::weight);
                    self.placed_bytes += held.bytes;
                } else if is_disappointed && held.effect.as_ref().is_some_and(Effect::is_push) {
                    // Taken for all that is new, it would hide from the client what it has missed.
                    held.effect = None;
                }
            }
        }
        self.stored(seq, out)
    }

    /// Nothing that is under way will be stored.
    pub(crate) fn fail_all(&mut self, out: &mut Outlet<'_>) {
        while let Some(seq) = self.in_flight.keys().next().copied() {
            self.failed(seq, out);
        }
    }

    /// A session has ended: nothing that was to be said to it has to wait for what it sent.
    pub(crate) fn forget(&mut self, session: SessionId, out: &mut Outlet<'_>) {
        out.barriers.forget(session);
        for held in self.chains.values_mut().flatten() {
            held.barrier.take_if(|(barred, _)| *barred == session);
        }
        self.unbar(session, out);
    }

    /// What a session sent earlier has met its fate.
    pub(crate) fn unbar(&mut self, session: SessionId, out: &mut Outlet<'_>) {
        for pair in self.barred.remove(&session).unwrap_or_default() {
            self.advance(pair, out);
        }
    }
}

/// What an effect has to wait for beside changes: an answer, for what its receiver sent earlier.
fn barrier(effect: &Effect, barriers: &Barriers) -> Option<(SessionId, u64)> {
    match effect {
        Effect::Deliver(Delivery { session, is_answer: true, .. }) => {
            barriers.last(*session).map(|last| (*session, last))
        }
        _ => None,
    }
}
