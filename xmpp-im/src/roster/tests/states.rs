//! What a roster says of subscriptions, and what changes when it is to say something else.

use alloc::vec::Vec;

use proptest::prelude::*;
use xmpp_core::stanza::{Condition, Presence, PresenceType};

use super::super::*;
use crate::store::Pending;

fn romeo() -> BareJid {
    BareJid::new("romeo@example.net").unwrap()
}

/// Sets a state as the subscription rules do: a request is kept when it comes, and the rest is derived.
fn enter(roster: &mut Roster, state: State, approved: bool) -> Vec<Change> {
    let limits = HostLimits::new();
    let mut changes = Vec::new();
    if state.is_pending_in() {
        let request = Presence::new(PresenceType::Subscribe).with_from(romeo());
        changes.extend(roster.keep(Pending::new(request).unwrap(), &limits).unwrap());
    }
    changes.extend(roster.set_state(&romeo(), state, approved, &limits).unwrap());
    changes.iter().for_each(|change| roster.apply(change));
    changes
}

#[test]
fn a_stranger_whose_request_waits_is_in_no_roster() {
    let mut roster = Roster::default();
    enter(&mut roster, State::NonePendingIn, false);
    assert_eq!(roster.state(&romeo()), (State::NonePendingIn, false));
    // covers 6121-3.1.3-11
    assert!(roster.is_empty());
    assert!(!alloc::string::ToString::to_string(&roster.query()).contains("romeo"));
    assert_eq!(roster.ver(), Roster::default().ver(), "clients see nothing of it, so nothing is new to them");

    // The request is refused: there is still nobody.
    let changes = enter(&mut roster, State::None, false);
    assert_eq!(changes, [Change::RemovePending { from: romeo(), kind: PendingKind::Request }]);
    assert_eq!(roster, Roster::default());
}

#[test]
fn items_are_made_where_the_user_has_said_something() {
    for (state, approved, is_listed) in [
        (State::None, false, false),
        (State::None, true, true),
        (State::NonePendingIn, false, false),
        (State::NonePendingOut, false, true),
        (State::NonePendingOutIn, false, true),
        (State::To, false, true),
        (State::ToPendingIn, false, true),
        (State::From, false, true),
        (State::FromPendingOut, false, true),
        (State::Both, false, true),
    ] {
        let mut roster = Roster::default();
        enter(&mut roster, state, approved);
        assert_eq!(roster.state(&romeo()), (state, approved));
        assert_eq!(roster.len() == 1, is_listed, "{state}");
    }
}

#[test]
fn an_item_outlives_its_subscription_with_name_and_groups() {
    let item = RosterItem::new(romeo().into()).with_name("Romeo").with_group("Friends");
    let mut roster: Roster = [item.clone()].into_iter().collect();
    enter(&mut roster, State::Both, false);
    enter(&mut roster, State::None, false);
    assert_eq!(roster.get(romeo().as_jid()), Some(&item.with_version(2)));
}

#[test]
fn a_full_roster_takes_no_new_item() {
    let limits = HostLimits::new().with_roster_items(1);
    let mut roster: Roster = [RosterItem::new(Jid::new("nurse@example.com").unwrap())].into_iter().collect();
    let refused = roster.set_state(&romeo(), State::NonePendingOut, false, &limits).unwrap_err();
    assert_eq!(refused.condition(), Condition::NotAllowed);
    // What needs no item has room, and so has the contact who is there.
    let request = Presence::new(PresenceType::Subscribe).with_from(romeo());
    let kept = roster.keep(Pending::new(request).unwrap(), &limits).unwrap().unwrap();
    roster.apply(&kept);
    assert_eq!(roster.set_state(&romeo(), State::NonePendingIn, false, &limits), Ok(Vec::new()));
    let nurse = BareJid::new("nurse@example.com").unwrap();
    assert_eq!(roster.set_state(&nurse, State::Both, false, &limits).unwrap().len(), 1);
}

#[test]
fn contacts_by_subscription_and_group() {
    let contact = |node: &str, subscription| {
        RosterItem::new(Jid::from_parts(Some(node), "example.net", None).unwrap())
            .with_subscription(subscription)
    };
    let roster: Roster = [
        contact("both", Subscription::Both).with_group("Friends"),
        contact("from", Subscription::From),
        contact("none", Subscription::None),
        contact("to", Subscription::To).with_group("Foes"),
    ]
    .into_iter()
    .collect();
    let nodes =
        |contacts: Vec<&Jid>| contacts.into_iter().filter_map(|jid| jid.node()).collect::<Vec<_>>().join(" ");
    assert_eq!(nodes(roster.subscribers().collect()), "both from");
    assert_eq!(nodes(roster.subscribed_to().collect()), "both to");

    let both = BareJid::new("both@example.net").unwrap();
    assert_eq!(roster.subscription(&both), Subscription::Both);
    assert_eq!(roster.subscription(&romeo()), Subscription::None);
    assert!(roster.has_group("Foes") && !roster.has_group("foes"));
    assert!(roster.is_in_group(&both, "Friends"));
    assert!(!roster.is_in_group(&both, "Foes") && !roster.is_in_group(&romeo(), "Friends"));
}

#[test]
fn an_item_of_a_full_address_is_another_contact() {
    let orchard = Jid::new("romeo@example.net/orchard").unwrap();
    let mut roster: Roster =
        [RosterItem::new(orchard.clone()).with_subscription(Subscription::None)].into_iter().collect();
    enter(&mut roster, State::Both, false);
    assert_eq!(roster.len(), 2);
    assert_eq!(roster.get(&orchard).map(RosterItem::subscription), Some(Subscription::None));
}

proptest! {
    /// Any way through the states: the roster says the last one, and each change that clients see has the next version.
    #[test]
    fn the_last_state_holds(
        path in proptest::collection::vec((proptest::sample::select(State::ALL.to_vec()), any::<bool>()), 1..12),
    ) {
        let mut roster = Roster::default();
        let mut version = 0;
        for (state, approved) in path {
            let before = roster.get(romeo().as_jid()).cloned();
            let changes = enter(&mut roster, state, approved);
            prop_assert_eq!(roster.state(&romeo()), (state, approved));
            let items = changes.iter().filter(|change| matches!(change, Change::SetRosterItem(_))).count();
            let after = roster.get(romeo().as_jid()).cloned();
            prop_assert_eq!(items, usize::from(before != after));
            version += items as u64;
            prop_assert_eq!(after.map_or(0, |item| item.version()), version);
            prop_assert!(enter(&mut roster, state, approved).is_empty(), "nothing has to change twice");
        }
    }
}
