//! Two users, their two servers, and everything that can happen between them: RFC 3921 section 9 checked by visiting every state that
//! the pair can get into.
//!
//! A server is what `xmpp_im::subscription` makes of it. The users do what they like: send any of the four stanzas, remove
//! each other from the roster. The network is one of two: one that keeps what it was given in order, and one that may do anything with it.

#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use std::collections::{BTreeSet, HashSet};
use std::fmt::Debug;
use std::hash::Hash;

use xmpp_im::subscription::{Direction, Effect, Kind, Rules, State, removal, step};

/// How many stanzas at most are on their way at once in the network that keeps order.
const IN_TRANSIT: usize = 4;

/// What one server knows of the other user, and what its own user has said last, which no table knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Side {
    state: State,
    approved: bool,
    /// The other one has been sent available presence, and no unavailable one since.
    shown: bool,
    /// The user's last word on being seen was `subscribed`.
    consents: bool,
    /// The user's last word on seeing was `subscribe`.
    wants: bool,
}

impl Side {
    const NEW: Side =
        Side { state: State::None, approved: false, shown: false, consents: false, wants: false };

    /// The user sends a stanza; what leaves for the other server comes back.
    fn send(&mut self, kind: Kind, rules: Rules) -> Vec<Kind> {
        match kind {
            Kind::Subscribe => self.wants = true,
            Kind::Unsubscribe => self.wants = false,
            Kind::Subscribed => self.consents = true,
            Kind::Unsubscribed => self.consents = false,
        }
        self.step(Direction::Outbound, kind, rules)
    }

    /// The user removes the other one from the roster.
    fn remove(&mut self) -> Vec<Kind> {
        let after = Side { state: State::None, approved: false, ..*self };
        let leaves = self.perform(after, Kind::Unsubscribe, removal(self.state));
        (self.wants, self.consents) = (false, false);
        leaves
    }

    fn step(&mut self, direction: Direction, kind: Kind, rules: Rules) -> Vec<Kind> {
        let step = step(self.state, self.approved, direction, kind, rules);
        let after = Side { state: step.next(), approved: step.approved(), ..*self };
        self.perform(after, kind, step.effects())
    }

    fn perform(&mut self, after: Side, kind: Kind, effects: impl Iterator<Item = Effect>) -> Vec<Kind> {
        let before = *self;
        *self = after;
        let mut leaves = Vec::new();
        for effect in effects {
            match effect {
                Effect::Route => leaves.push(kind),
                Effect::Send(kind) => leaves.push(kind),
                Effect::SendPresence => {
                    assert!(after.state.has_from(), "presence for someone who is not subscribed");
                    assert!(leaves.contains(&Kind::Subscribed), "presence before what entitles to it");
                    self.shown = true;
                }
                Effect::SendUnavailable => {
                    assert!(before.state.has_from(), "unavailable for someone who was not subscribed");
                    assert!(
                        !leaves.contains(&Kind::Unsubscribed),
                        "unavailable after the subscription's end"
                    );
                    self.shown = false;
                }
                Effect::Deliver(_) | Effect::Push | Effect::KeepRequest | Effect::ForgetRequest => {}
            }
        }
        leaves
    }

    /// What must hold whatever the network and the other side do.
    fn check(&self) -> Result<(), String> {
        let asks = self.state.has_to() || self.state.is_pending_out();
        let rules = [
            (
                self.shown == self.state.has_from(),
                "presence is shown to who is subscribed, and to nobody else",
            ),
            (self.consents || !self.state.has_from(), "nobody is subscribed without the user's word"),
            (self.consents || !self.approved, "nobody is approved in advance without the user's word"),
            (self.wants || !asks, "a subscription is one that the user has asked for"),
        ];
        rules
            .iter()
            .try_for_each(|(holds, rule)| holds.then_some(()).ok_or_else(|| format!("broken: {rule}")))
    }
}

/// What is between the two servers.
trait Network: Copy + Eq + Hash + Debug {
    const NEW: Self;
    /// Takes stanzas for one of the sides; `None` when more is on its way than the model follows.
    fn take(self, to: usize, stanzas: &[Kind]) -> Option<Self>;
    /// What may reach that side next.
    fn arrivals(self, to: usize) -> impl Iterator<Item = Kind>;
    /// What is on its way once it has.
    fn arrived(self, to: usize) -> Self;
}

/// Keeps order and loses nothing, as one stream each way does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Ordered([Queue; 2]);

/// Stanzas in order, as digits: the base is one more than the kinds there are, the first to arrive is the last digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Queue(usize);

impl Queue {
    const BASE: usize = Kind::ALL.len() + 1;

    fn len(self) -> usize {
        self.kinds().count()
    }

    fn kinds(self) -> impl Iterator<Item = Kind> {
        std::iter::successors(Some(self.0), |rest| Some(rest / Self::BASE))
            .take_while(|rest| *rest > 0)
            .map(|rest| Kind::ALL[rest % Self::BASE - 1])
    }

    fn push(self, kind: Kind) -> Self {
        Queue(self.0 + (kind as usize + 1) * Self::BASE.pow(self.len() as u32))
    }

    fn has(self, kind: Kind) -> bool {
        self.kinds().any(|queued| queued == kind)
    }
}

impl Ordered {
    /// A request and a refusal are on their way at once, in opposite directions.
    fn crosses(self) -> bool {
        let Ordered([one, other]) = self;
        one.has(Kind::Subscribe) && other.has(Kind::Unsubscribed)
            || other.has(Kind::Subscribe) && one.has(Kind::Unsubscribed)
    }
}

impl Network for Ordered {
    const NEW: Self = Ordered([Queue(0), Queue(0)]);

    fn take(mut self, to: usize, stanzas: &[Kind]) -> Option<Self> {
        if self.0[0].len() + self.0[1].len() + stanzas.len() > IN_TRANSIT {
            return None;
        }
        self.0[to] = stanzas.iter().fold(self.0[to], |queue, kind| queue.push(*kind));
        Some(self)
    }

    fn arrivals(self, to: usize) -> impl Iterator<Item = Kind> {
        self.0[to].kinds().take(1)
    }

    fn arrived(mut self, to: usize) -> Self {
        self.0[to] = Queue(self.0[to].0 / Queue::BASE);
        self
    }
}

/// Does anything: each stanza that was ever given to it may arrive at any time, in any order, any number of times or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Hostile([u8; 2]);

impl Network for Hostile {
    const NEW: Self = Hostile([0, 0]);

    fn take(mut self, to: usize, stanzas: &[Kind]) -> Option<Self> {
        self.0[to] = stanzas.iter().fold(self.0[to], |sent, kind| sent | 1 << *kind as u8);
        Some(self)
    }

    fn arrivals(self, to: usize) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.0[to] & 1 << *kind as u8 != 0)
    }

    fn arrived(self, _to: usize) -> Self {
        self
    }
}

/// Something that happens; the sides are 0 and 1.
#[derive(Clone, Copy, Debug)]
enum Event {
    /// The user sends this.
    Send(usize, Kind),
    /// The user removes the other one from the roster.
    Remove(usize),
    /// This arrives at the user's server.
    Arrive(usize, Kind),
}

/// Both sides, and what is between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct World<N> {
    sides: [Side; 2],
    network: N,
}

impl<N: Network> World<N> {
    const NEW: Self = World { sides: [Side::NEW, Side::NEW], network: N::NEW };

    fn is_quiet(&self) -> bool {
        self.network == N::NEW
    }

    /// What may happen next.
    fn events(self) -> impl Iterator<Item = Event> {
        [0, 1].into_iter().flat_map(move |user| {
            let sends = Kind::ALL.into_iter().map(move |kind| Event::Send(user, kind));
            let arrivals = self.network.arrivals(user).map(move |kind| Event::Arrive(user, kind));
            sends.chain([Event::Remove(user)]).chain(arrivals)
        })
    }

    /// The world after it; `None` when more is on its way than the model follows.
    fn after(mut self, event: Event, rules: Rules) -> Option<Self> {
        let (user, leaves) = match event {
            Event::Send(user, kind) => (user, self.sides[user].send(kind, rules)),
            Event::Remove(user) => (user, self.sides[user].remove()),
            Event::Arrive(user, kind) => {
                self.network = self.network.arrived(user);
                (user, self.sides[user].step(Direction::Inbound, kind, rules))
            }
        };
        self.network = self.network.take(1 - user, &leaves)?;
        Some(self)
    }
}

/// Every world that can come about.
struct Explored<N> {
    worlds: Vec<World<N>>,
    /// How each was reached first: from which one, and by what.
    reached: Vec<Option<(usize, Event)>>,
    transitions: usize,
}

impl<N: Network> Explored<N> {
    /// Visits them breadth first, as far as `follows` says.
    fn explore(rules: Rules, follows: impl Fn(&N) -> bool) -> Self {
        let mut explored = Explored { worlds: vec![World::NEW], reached: vec![None], transitions: 0 };
        let mut known = HashSet::from([World::NEW]);
        let mut at = 0;
        while let Some(&world) = explored.worlds.get(at) {
            for event in world.events() {
                let Some(next) = world.after(event, rules).filter(|next| follows(&next.network)) else {
                    continue;
                };
                explored.transitions += 1;
                if known.insert(next) {
                    explored.worlds.push(next);
                    explored.reached.push(Some((at, event)));
                }
            }
            at += 1;
        }
        explored
    }

    /// Holds each world to a rule; the shortest way to one that breaks it is told.
    fn check(&self, rule: impl Fn(&World<N>) -> Result<(), String>) {
        for (at, world) in self.worlds.iter().enumerate() {
            if let Err(broken) = rule(world) {
                let way = std::iter::successors(self.reached[at], |(before, _)| self.reached[*before]);
                let mut way: Vec<Event> = way.map(|(_, event)| event).collect();
                way.reverse();
                panic!("{broken}\n{world:#?}\nafter {way:?}");
            }
        }
    }

    fn figures(&self, what: &str) {
        println!("{what}: {} states, {} transitions", self.worlds.len(), self.transitions);
    }
}

/// What the subscriber of one direction believes, and what the one who is to be seen does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Belief {
    Nothing,
    Asked,
    Subscribed,
}

/// The subscription of one side to the other, as each of the two servers has it.
fn beliefs(sides: &[Side; 2], subscriber: usize) -> (Belief, Belief) {
    let belief = |subscribed: bool, asked: bool| match (subscribed, asked) {
        (true, _) => Belief::Subscribed,
        (false, true) => Belief::Asked,
        (false, false) => Belief::Nothing,
    };
    let (subscriber, seen) = (sides[subscriber].state, sides[1 - subscriber].state);
    (belief(subscriber.has_to(), subscriber.is_pending_out()), belief(seen.has_from(), seen.is_pending_in()))
}

fn agree(sides: &[Side; 2], subscriber: usize) -> bool {
    let (subscriber, seen) = beliefs(sides, subscriber);
    subscriber == seen
}

/// The user sends a stanza, and all that follows arrives.
fn settle(sides: [Side; 2], user: usize, kind: Kind, rules: Rules) -> [Side; 2] {
    let mut world = World { sides, network: Ordered::NEW };
    let mut event = Some(Event::Send(user, kind));
    while let Some(due) = event {
        world = world.after(due, rules).expect("a reply takes the place of what it answers");
        event = world.events().find(|event| matches!(event, Event::Arrive(..)));
    }
    world.sides
}

/// Whatever the two sides hold, the subscriber's `subscribe` or `unsubscribe`, and the answer if there has to be one, has them agree on that
/// subscription again, and does not touch the other one.
fn heals(sides: &[Side; 2], rules: Rules) -> Result<(), String> {
    for user in [0, 1] {
        let check = |after: [Side; 2], did: &[Kind]| {
            if !agree(&after, user) {
                return Err(format!("{did:?} of {user} does not heal: {:?}", beliefs(&after, user)));
            }
            if beliefs(&after, 1 - user) != beliefs(sides, 1 - user) {
                return Err(format!("{did:?} of {user} changes the subscription of the other one"));
            }
            after.iter().try_for_each(Side::check)
        };
        check(settle(*sides, user, Kind::Unsubscribe, rules), &[Kind::Unsubscribe])?;
        let asked = settle(*sides, user, Kind::Subscribe, rules);
        if !asked[1 - user].state.is_pending_in() {
            check(asked, &[Kind::Subscribe])?;
            continue;
        }
        for answer in [Kind::Subscribed, Kind::Unsubscribed] {
            check(settle(asked, 1 - user, answer, rules), &[Kind::Subscribe, answer])?;
        }
    }
    Ok(())
}

const BOTH_RFCS: [(Rules, &str); 2] = [(Rules::rfc3921(), "RFC 3921"), (Rules::new(), "RFC 6121")];

/// Nothing lost, nothing out of order: as long as no request crosses a refusal, the servers agree whenever nothing is on its way.
#[test]
fn servers_agree_once_quiet() {
    for (rules, text) in BOTH_RFCS {
        let explored = Explored::<Ordered>::explore(rules, |network| !network.crosses());
        explored.figures(&format!("{text}, in order, nothing crosses"));
        explored.check(|world| {
            world.sides.iter().try_for_each(Side::check)?;
            let agree = !world.is_quiet() || [0, 1].iter().all(|user| agree(&world.sides, *user));
            agree.then_some(()).ok_or_else(|| "the servers disagree, and nothing is on its way".into())
        });
    }
}

/// Where a request crosses a refusal, the subscriber's server takes the refusal for the answer to the request. That is all that can go
/// wrong: the subscriber never believes in a subscription that is not there, and asking again heals it.
#[test]
fn what_crosses_costs_the_request_only() {
    for (rules, text) in BOTH_RFCS {
        let explored = Explored::<Ordered>::explore(rules, |_| true);
        explored.figures(&format!("{text}, in order"));
        let mut differences: BTreeSet<(Belief, Belief)> = BTreeSet::new();
        for world in explored.worlds.iter().filter(|world| world.is_quiet()) {
            let found = [0, 1].map(|user| beliefs(&world.sides, user));
            differences.extend(found.iter().filter(|(subscriber, seen)| subscriber != seen));
        }
        let expected = [(Belief::Nothing, Belief::Asked), (Belief::Nothing, Belief::Subscribed)];
        assert!(differences.iter().eq(&expected), "{differences:?}");
        explored.check(|world| {
            world.sides.iter().try_for_each(Side::check)?;
            if world.is_quiet() { heals(&world.sides, rules) } else { Ok(()) }
        });
    }
}

/// Lost, repeated, out of order, however late: presence goes to subscribers only, subscribers are whom the user has approved, and when the
/// network is sane again, one stanza and its answer mend each subscription.
#[test]
fn a_hostile_network_leaks_nothing_and_the_pair_heals() {
    for (rules, text) in BOTH_RFCS {
        let explored = Explored::<Hostile>::explore(rules, |_| true);
        explored.figures(&format!("{text}, lost, repeated and out of order"));
        explored.check(|world| {
            world.sides.iter().try_for_each(Side::check)?;
            heals(&world.sides, rules)
        });
    }
}
