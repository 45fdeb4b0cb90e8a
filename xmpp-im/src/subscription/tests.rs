use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::store::Subscription;

const EVERY_RULES: [Rules; 2] = [Rules::new(), Rules::rfc3921()];

/// Every stanza in every direction, in the order of the blocks of [`TABLE`].
fn stanzas() -> impl Iterator<Item = (Direction, Kind)> {
    Direction::ALL.into_iter().flat_map(|direction| Kind::ALL.map(|kind| (direction, kind)))
}

/// A subscription as four bits and the mark of pre-approval, with rules that follow the prose of RFC 3921 section 9 and know no table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Bits {
    to: bool,
    from: bool,
    pending_out: bool,
    pending_in: bool,
    approved: bool,
}

impl Bits {
    fn of(state: State, approved: bool) -> Self {
        let name = state.name();
        Bits {
            to: name.starts_with("To") || name == "Both",
            from: name.starts_with("From") || name == "Both",
            pending_out: name.contains("Out"),
            pending_in: name.ends_with("In"),
            approved,
        }
    }

    /// What a client sees of them.
    fn shown(self) -> [bool; 4] {
        [self.to, self.from, self.pending_out, self.approved]
    }

    fn outbound(&mut self, kind: Kind, pre_approval: bool) -> Vec<Effect> {
        let before = *self;
        let mut effects = Vec::new();
        match kind {
            Kind::Subscribe => {
                self.pending_out |= !self.to;
                effects.push(Effect::Route);
            }
            Kind::Unsubscribe => {
                self.to = false;
                self.pending_out = false;
                effects.push(Effect::Route);
            }
            Kind::Subscribed if before.pending_in => {
                self.pending_in = false;
                self.from = true;
                effects.extend([Effect::ForgetRequest, Effect::Route]);
            }
            Kind::Subscribed => self.approved |= pre_approval && !before.from,
            Kind::Unsubscribed => {
                self.pending_in = false;
                self.from = false;
                self.approved &= !pre_approval;
                effects.extend(before.pending_in.then_some(Effect::ForgetRequest));
                effects.extend(before.from.then_some(Effect::SendUnavailable));
                effects.extend((before.from || before.pending_in).then_some(Effect::Route));
            }
        }
        effects.extend((before.shown() != self.shown()).then_some(Effect::Push));
        effects.extend((self.from && !before.from).then_some(Effect::SendPresence));
        effects
    }

    fn inbound(&mut self, kind: Kind, pre_approval: bool) -> Vec<Effect> {
        let before = *self;
        let mut effects = Vec::new();
        match kind {
            Kind::Subscribe if before.from || before.approved && pre_approval => {
                self.from = true;
                self.pending_in = false;
                effects.extend(before.pending_in.then_some(Effect::ForgetRequest));
                effects.push(Effect::Send(Kind::Subscribed));
            }
            Kind::Subscribe if !before.pending_in => {
                self.pending_in = true;
                effects.extend([Effect::KeepRequest, Effect::Deliver(Audience::Available)]);
            }
            Kind::Subscribe => {}
            Kind::Unsubscribe => {
                self.from = false;
                self.pending_in = false;
                effects.extend(before.pending_in.then_some(Effect::ForgetRequest));
                effects.extend(
                    (before.from || before.pending_in).then_some(Effect::Deliver(Audience::Interested)),
                );
            }
            Kind::Subscribed if before.pending_out => {
                self.pending_out = false;
                self.to = true;
                effects.push(Effect::Deliver(Audience::Interested));
            }
            Kind::Subscribed => {}
            Kind::Unsubscribed => {
                self.to = false;
                self.pending_out = false;
                effects.extend(
                    (before.to || before.pending_out).then_some(Effect::Deliver(Audience::Interested)),
                );
            }
        }
        effects.extend((before.shown() != self.shown()).then_some(Effect::Push));
        if kind == Kind::Subscribe && self.from {
            effects.push(Effect::SendPresence);
        }
        if kind == Kind::Unsubscribe {
            effects.extend(before.from.then_some(Effect::SendUnavailable));
            effects.extend((before.from || before.pending_in).then_some(Effect::Send(Kind::Unsubscribed)));
        }
        effects
    }

    fn handle(&mut self, direction: Direction, kind: Kind, pre_approval: bool) -> Vec<Effect> {
        match direction {
            Direction::Outbound => self.outbound(kind, pre_approval),
            Direction::Inbound => self.inbound(kind, pre_approval),
        }
    }

    fn remove(&mut self) -> Vec<Effect> {
        let before = core::mem::take(self);
        let mut effects = Vec::new();
        effects.extend(before.pending_in.then_some(Effect::ForgetRequest));
        effects.extend((before.to || before.pending_out).then_some(Effect::Send(Kind::Unsubscribe)));
        effects.extend(before.from.then_some(Effect::SendUnavailable));
        effects.extend((before.from || before.pending_in).then_some(Effect::Send(Kind::Unsubscribed)));
        effects
    }
}

#[test]
fn every_cell_is_what_the_bits_say() {
    for (state, (direction, kind)) in
        State::ALL.into_iter().flat_map(|state| stanzas().map(move |s| (state, s)))
    {
        for approved in [false, true] {
            for (rules, pre_approval) in [(Rules::new(), true), (Rules::rfc3921(), false)] {
                let mut bits = Bits::of(state, approved);
                let effects = bits.handle(direction, kind, pre_approval);
                let step = step(state, approved, direction, kind, rules);
                let what = format!("{state}, approved {approved}, {direction:?} {kind}, {rules:?}");
                assert_eq!(Bits::of(step.next(), step.approved()), bits, "{what}");
                assert_eq!(step.effects().collect::<Vec<_>>(), effects, "{what}");
            }
        }
        let effects: Vec<Effect> = removal(state).collect();
        assert_eq!(effects, Bits::of(state, false).remove(), "{state}");
    }
}

/// Something a user, a contact or the user's roster does.
#[derive(Clone, Copy, Debug)]
enum Act {
    Stanza(Direction, Kind),
    Remove,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let stanza = (0..2_usize, 0..4_usize).prop_map(|(d, k)| Act::Stanza(Direction::ALL[d], Kind::ALL[k]));
    proptest::collection::vec(prop_oneof![12 => stanza, 1 => Just(Act::Remove)], 0..64)
}

proptest! {
    #[test]
    fn a_life_of_stanzas_leads_where_the_bits_lead(acts in acts(), pre_approval: bool) {
        let rules = if pre_approval { Rules::new() } else { Rules::rfc3921() };
        let (mut state, mut approved, mut bits) = (State::None, false, Bits::default());
        for act in acts {
            let (effects, expected): (Vec<Effect>, _) = match act {
                Act::Stanza(direction, kind) => {
                    let step = step(state, approved, direction, kind, rules);
                    (state, approved) = (step.next(), step.approved());
                    (step.effects().collect(), bits.handle(direction, kind, pre_approval))
                }
                Act::Remove => {
                    let effects = removal(state).collect();
                    (state, approved) = (State::None, false);
                    (effects, bits.remove())
                }
            };
            prop_assert_eq!(effects, expected);
            prop_assert_eq!(Bits::of(state, approved), bits);
        }
    }
}

#[test]
fn a_state_is_its_parts() {
    for state in State::ALL {
        let parts = (state.subscription(), state.is_pending_out(), state.is_pending_in());
        assert_eq!(State::from_parts(parts.0, parts.1, parts.2), state);
        let bits = Bits::of(state, false);
        assert_eq!((state.has_to(), state.has_from()), (bits.to, bits.from), "{state}");
    }
    let (to, from, both) = (Subscription::To, Subscription::From, Subscription::Both);
    assert_eq!(State::from_parts(to, true, true), State::ToPendingIn, "what is granted is not pending");
    assert_eq!(State::from_parts(from, true, true), State::FromPendingOut);
    assert_eq!(State::from_parts(both, true, true), State::Both);
}

#[test]
fn the_blocks_of_the_table_are_in_order() {
    for ((direction, kind), block) in stanzas().zip(TABLE) {
        for (state, row) in State::ALL.into_iter().zip(block) {
            assert_eq!(Row::of(state, direction, kind), row, "{state}, {direction:?} {kind}");
            let by_direction = [row.forward(), row.deliver()];
            assert!(by_direction != [true, true] && !by_direction[1 - direction as usize], "{state} {kind}");
        }
    }
}

#[test]
fn the_delta_has_only_cells_that_differ_and_each_once() {
    let mut cells = BTreeSet::new();
    for delta in DELTA_6121 {
        let cell = (delta.state(), delta.approved(), delta.direction(), delta.kind());
        assert!(cells.insert(cell), "{cell:?} stands twice");
        let same = Row::of(delta.state(), delta.direction(), delta.kind());
        assert!((delta.row(), delta.approves()) != (same, delta.approved()), "{cell:?} does not differ");
        let sides =
            if delta.direction() == Direction::Inbound { delta.approved() } else { !delta.approved() };
        assert_eq!(delta.approves(), sides, "{cell:?}: the mark is the user's own word");
    }
}

#[test]
fn a_presence_type_is_a_kind_or_none() {
    use xmpp_core::stanza::PresenceType;

    for kind in Kind::ALL {
        assert_eq!(Kind::of(kind.presence_type()), Some(kind));
        assert_eq!(kind.presence_type().name(), Some(kind.name()));
    }
    for type_ in
        [PresenceType::Available, PresenceType::Unavailable, PresenceType::Probe, PresenceType::Error]
    {
        assert_eq!(Kind::of(type_), None);
    }
}

#[test]
fn a_command_is_a_stanza_that_changes_something() {
    for state in State::ALL {
        for (approved, rules) in
            [false, true].into_iter().flat_map(|approved| EVERY_RULES.map(|r| (approved, r)))
        {
            for kind in Kind::ALL {
                let command = Command::of(state, approved, kind, rules);
                let step = step(state, approved, Direction::Outbound, kind, rules);
                assert_eq!(
                    command.is_some(),
                    (step.next(), step.approved()) != (state, approved),
                    "{state} {kind}"
                );
                assert_eq!(
                    command.unwrap_or(Command::Request).kind(),
                    command.map_or(Kind::Subscribe, |_| kind)
                );
            }
        }
    }
    let all = |state, approved| Command::all(state, approved, Rules::new()).collect::<Vec<_>>();
    use Command::{Approve, Cancel, CancelPreApproval, PreApprove, Refuse, Request, Unsubscribe, Withdraw};
    assert_eq!(all(State::None, false), [Request, PreApprove]);
    assert_eq!(all(State::None, true), [Request, CancelPreApproval]);
    assert_eq!(all(State::NonePendingOutIn, false), [Withdraw, Approve, Refuse]);
    assert_eq!(all(State::Both, false), [Unsubscribe, Cancel]);
}

#[test]
fn a_notice_tells_what_was_before() {
    use Notice::{Approval, Cancellation, Refusal, Request, Unsubscription, Withdrawal};

    for (state, kind, notice) in [
        (State::None, Kind::Subscribe, Request),
        (State::FromPendingOut, Kind::Subscribed, Approval),
        (State::FromPendingOut, Kind::Unsubscribed, Refusal),
        (State::Both, Kind::Unsubscribed, Cancellation),
        (State::FromPendingOut, Kind::Unsubscribe, Unsubscription),
        (State::ToPendingIn, Kind::Unsubscribe, Withdrawal),
    ] {
        assert_eq!(Notice::of(state, kind), notice);
    }
}

/// The table as a graph: what changes nothing is left out, stanzas that lead the same way share an edge.
fn dot() -> String {
    let mut edges: BTreeMap<(State, State), Vec<String>> = BTreeMap::new();
    for ((direction, kind), block) in stanzas().zip(TABLE) {
        for (state, row) in State::ALL.into_iter().zip(block).filter(|(state, row)| row.next() != *state) {
            let way = match direction {
                Direction::Outbound => "out",
                Direction::Inbound => "in",
            };
            edges.entry((state, row.next())).or_default().push(format!("{way} {kind}"));
        }
    }
    let edges = edges.iter().map(|((state, next), labels)| {
        format!("    \"{state}\" -> \"{next}\" [label=\"{}\"];\n", labels.join("\\n"))
    });
    ["digraph subscription {\n".to_string(), edges.collect(), "}\n".to_string()].concat()
}

#[test]
fn the_diagram_is_the_table() {
    let dot = dot();
    assert!(include_str!("states.dot") == dot, "states.dot ought to be:\n{dot}");
}
