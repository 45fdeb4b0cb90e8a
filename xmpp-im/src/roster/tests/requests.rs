//! Subscription stanzas that are kept: which, how many, and for how long.

use alloc::format;
use alloc::vec::Vec;

use xmpp_core::stanza::{Condition, Presence, PresenceType};

use super::super::*;
use crate::store::Pending;

fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

fn stanza(from: &str, type_: PresenceType, status: &str) -> Presence {
    Presence::new(type_).with_from(Jid::new(from).unwrap()).with_status(status)
}

fn pending(from: &str, type_: PresenceType, status: &str) -> Pending {
    Pending::new(stanza(from, type_, status)).unwrap()
}

fn request(from: &str) -> Pending {
    pending(from, PresenceType::Subscribe, "?")
}

/// Keeps a stanza, if there is room: whether there was.
fn keep(roster: &mut Roster, pending: Pending, limits: &HostLimits) -> bool {
    let change = roster.keep(pending, limits);
    if let Ok(Some(change)) = &change {
        roster.apply(change);
    }
    change.is_ok()
}

#[test]
fn r6121_3_1_3_10_of_several_requests_the_first_is_kept_whole() {
    let limits = HostLimits::new();
    let mut roster = Roster::default();
    for status in ["It is the east", "and Juliet is the sun"] {
        assert!(keep(
            &mut roster,
            pending("romeo@example.net/orchard", PresenceType::Subscribe, status),
            &limits
        ));
    }
    let kept: Vec<_> = roster.requests().cloned().collect();
    // covers 6121-3.1.3-08
    assert_eq!(kept, [stanza("romeo@example.net", PresenceType::Subscribe, "It is the east")]);
    assert_eq!(roster.keep(request("romeo@example.net"), &limits), Ok(None), "nothing has to be stored anew");
}

#[test]
fn of_several_notices_the_last_is_kept_beside_a_request() {
    let limits = HostLimits::new();
    let mut roster = Roster::default();
    let types = [
        PresenceType::Subscribed,
        PresenceType::Subscribe,
        PresenceType::Unsubscribe,
        PresenceType::Unsubscribed,
    ];
    for type_ in types {
        assert!(keep(&mut roster, pending("romeo@example.net", type_, ""), &limits));
    }
    assert_eq!(roster.requests().map(Presence::type_).collect::<Vec<_>>(), [PresenceType::Subscribe]);
    assert_eq!(roster.notices().map(Presence::type_).collect::<Vec<_>>(), [PresenceType::Unsubscribed]);

    let forgotten = roster.forget(&bare("romeo@example.net"), PendingKind::Notice).unwrap();
    roster.apply(&forgotten);
    assert_eq!((roster.requests().count(), roster.notices().count()), (1, 0));
    assert_eq!(roster.forget(&bare("romeo@example.net"), PendingKind::Notice), None);
}

#[test]
fn strangers_one_below_at_and_above_the_limit() {
    let limits = HostLimits::new().with_roster_pending(2, 1 << 20);
    let mut roster = Roster::default();
    assert!(keep(&mut roster, request("a@example.net"), &limits));
    assert!(keep(&mut roster, request("b@example.net"), &limits));
    let before = roster.clone();
    let refused = roster.keep(request("c@example.net"), &limits).unwrap_err();
    assert_eq!(refused.condition(), Condition::ResourceConstraint);
    // Those who are there may ask again, and notices have room of their own.
    assert_eq!(roster.keep(request("a@example.net"), &limits), Ok(None));
    assert_eq!(roster, before);
    assert!(keep(&mut roster, pending("c@example.net", PresenceType::Subscribed, ""), &limits));

    let answered = roster.set_state(&bare("b@example.net"), State::From, false, &limits).unwrap();
    answered.iter().for_each(|change| roster.apply(change));
    assert!(keep(&mut roster, request("c@example.net"), &limits));
}

#[test]
fn bytes_one_below_at_and_above_the_limit() {
    let (one, two) = (request("a@example.net"), request("b@example.net"));
    let room = one.presence().weight() + two.presence().weight();
    for (room, fits) in [(room - 1, false), (room, true), (room + 1, true)] {
        let limits = HostLimits::new().with_roster_pending(10, room);
        let mut roster = Roster::default();
        assert!(keep(&mut roster, one.clone(), &limits));
        assert_eq!(keep(&mut roster, two.clone(), &limits), fits, "{room}");
    }
}

#[test]
fn a_flood_of_strangers_does_not_fill_the_memory() {
    let limits = HostLimits::new();
    let mut roster = Roster::default();
    let (mut kept, mut stored) = (0, 0);
    for stranger in 0..5_000 {
        let from = format!("stranger{stranger}@example.net");
        kept += usize::from(keep(&mut roster, request(&from), &limits));
        // Whoever takes it back leaves at most a notice, and those have a limit too.
        if stranger % 2 == 0 {
            let withdrawn = roster.forget(&bare(&from), PendingKind::Request);
            withdrawn.iter().for_each(|change| roster.apply(change));
            stored += usize::from(keep(&mut roster, pending(&from, PresenceType::Unsubscribe, ""), &limits));
        }
    }
    assert!(kept > stored);
    assert_eq!((roster.requests().count(), roster.notices().count()), (1_000, 1_000));
}

#[test]
fn what_was_kept_is_there_after_loading_even_past_the_limit() {
    let data = AccountData::new().with_pending([request("a@example.net"), request("b@example.net")]);
    let limits = HostLimits::new().with_roster_pending(1, 1);
    let mut roster = Roster::from(data);
    assert_eq!(roster.requests().count(), 2);
    assert!(!keep(&mut roster, request("c@example.net"), &limits));
    assert_eq!(roster.state(&bare("a@example.net")), (State::NonePendingIn, false));
}
