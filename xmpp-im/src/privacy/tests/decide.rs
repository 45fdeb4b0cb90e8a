//! What lists decide, beside a model that was written from the text.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use xmpp_core::jid::Jid;

use super::super::*;
use super::jid;
use crate::store::{RosterItem, Subscription};

const TRAFFIC: [Traffic; 5] =
    [Traffic::Message, Traffic::Iq, Traffic::PresenceIn, Traffic::PresenceOut, Traffic::Other];

fn list(items: impl IntoIterator<Item = Item>) -> List {
    List::new("list", items).unwrap()
}

fn deny(order: u32, value: &str) -> Item {
    Item::new(order, Action::Deny, Subject::Jid(jid(value)))
}

fn matches(value: &str, peer: &str) -> bool {
    list([deny(1, value)]).decide(Traffic::Message, &jid(peer), || None).is_some()
}

#[test]
fn r3921_10_1_03_addresses_stand_for_what_is_below_them() {
    let peers = [
        "a@b.example/c",
        "a@b.example",
        "b.example/c",
        "b.example",
        "a@x.b.example/c",
        "x.b.example",
        "xb.example",
        "example",
    ];
    for (value, expected) in [
        ("a@b.example/c", vec!["a@b.example/c"]),
        ("a@b.example", vec!["a@b.example/c", "a@b.example"]),
        ("b.example/c", vec!["b.example/c"]),
        (
            "b.example",
            vec![
                "a@b.example/c",
                "a@b.example",
                "b.example/c",
                "b.example",
                "a@x.b.example/c",
                "x.b.example",
            ],
        ),
    ] {
        let matched: Vec<_> = peers.into_iter().filter(|peer| matches(value, peer)).collect();
        assert_eq!(matched, expected, "{value}");
    }
    assert!(!matches("a@b.example/c", "a@b.example/C"), "resources keep their case");
    assert!(matches("A@B.example", "a@b.example/c"), "nodes and domains do not");
}

#[test]
fn r3921_10_2_07_the_first_item_decides() {
    let allow = Item::new(2, Action::Allow, Subject::Jid(jid("tybalt@example.com/pda")));
    let other = Item::new(1, Action::Deny, Subject::Jid(jid("example.com"))).with_kinds(Kinds::IQ);
    // However they were sent, the domain is asked first where it says anything, and the more special item where it does not.
    // covers 3921-10.2-06
    for items in [[allow.clone(), other.clone()], [other.clone(), allow.clone()]] {
        let list = list(items);
        let decide = |traffic| list.decide(traffic, &jid("tybalt@example.com/pda"), || None);
        assert_eq!(decide(Traffic::Iq), Some(&other));
        assert_eq!(decide(Traffic::Message), Some(&allow));
    }
}

#[test]
fn r3921_10_2_08_nothing_matches_and_nothing_is_denied() {
    let list = list([deny(1, "tybalt@example.com")]);
    assert_eq!(list.decide(Traffic::Message, &jid("juliet@example.com"), || None), None);
}

#[test]
fn r3921_10_1_06_strangers_have_no_subscription() {
    let item = |subscription| Item::new(1, Action::Deny, Subject::Subscription(subscription));
    let nurse = jid("nurse@example.com");
    for contact in [None].into_iter().chain(Subscription::ALL.map(Some)) {
        let known =
            contact.map(|subscription| RosterItem::new(nurse.clone()).with_subscription(subscription));
        for asked in Subscription::ALL {
            let list = list([item(asked)]);
            let found = list.decide(Traffic::Message, &nurse, || known.as_ref()).is_some();
            assert_eq!(found, contact.unwrap_or_default() == asked, "{contact:?} {asked:?}");
        }
    }
}

#[test]
fn the_roster_is_not_asked_without_need() {
    let list = list([deny(1, "tybalt@example.com"), Item::new(2, Action::Allow, Subject::Anyone)]);
    assert!(list.decide(Traffic::Message, &jid("juliet@example.com"), || panic!()).is_some());
}

#[test]
fn what_stanzas_are_to_lists() {
    use xmpp_core::stanza::{Presence, PresenceType};
    let traffic = |type_| {
        let stanza = Presence::new(type_).into();
        (Traffic::inbound(&stanza), Traffic::outbound(&stanza))
    };
    for type_ in [PresenceType::Available, PresenceType::Unavailable] {
        assert_eq!(traffic(type_), (Traffic::PresenceIn, Traffic::PresenceOut));
    }
    for type_ in [
        PresenceType::Subscribe,
        PresenceType::Subscribed,
        PresenceType::Unsubscribe,
        PresenceType::Unsubscribed,
        PresenceType::Probe,
        PresenceType::Error,
    ] {
        assert_eq!(traffic(type_), (Traffic::Other, Traffic::Other), "{type_:?}");
    }
}

/// What RFC 3921 sections 10.1 and 10.2 say, read as they stand: every item in its order, with every form of address spelled out.
fn model<'a>(
    items: &'a [Item],
    traffic: Traffic,
    peer: &Jid,
    contact: Option<&RosterItem>,
) -> Option<&'a Item> {
    let mut sorted: Vec<&Item> = items.iter().collect();
    sorted.sort_by_key(|item| item.order());
    sorted.into_iter().find(|item| {
        let about = match item.subject() {
            Subject::Jid(jid) => match (jid.node(), jid.resource()) {
                (Some(_), Some(_)) => jid == peer,
                (Some(node), None) => peer.node() == Some(node) && peer.domain() == jid.domain(),
                (None, Some(_)) => peer == jid,
                (None, None) => {
                    peer.domain() == jid.domain() || peer.domain().ends_with(&format!(".{}", jid.domain()))
                }
            },
            Subject::Group(group) => contact.is_some_and(|contact| contact.groups().any(|own| own == group)),
            Subject::Subscription(subscription) => {
                contact.map_or(Subscription::None, RosterItem::subscription) == *subscription
            }
            Subject::Anyone => true,
        };
        about && item.kinds().contains(traffic)
    })
}

fn addresses() -> impl Strategy<Value = Jid> {
    (proptest::option::of("[ab]"), "([ab]\\.){0,2}[ab]", proptest::option::of("[ab/.]{1,2}"))
        .prop_filter_map("an address", |(node, domain, resource)| {
            Jid::from_parts(node.as_deref(), &domain, resource.as_deref()).ok()
        })
}

fn groups() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("[xyz]", 0..3)
}

fn subscriptions() -> impl Strategy<Value = Subscription> {
    proptest::sample::select(Subscription::ALL.as_slice())
}

fn subjects() -> impl Strategy<Value = Subject> {
    prop_oneof![
        8 => addresses().prop_map(Subject::Jid),
        3 => "[xyz]".prop_map(Subject::Group),
        3 => subscriptions().prop_map(Subject::Subscription),
        1 => Just(Subject::Anyone),
    ]
}

fn kinds() -> impl Strategy<Value = Kinds> {
    let some = [Kinds::MESSAGE, Kinds::IQ, Kinds::PRESENCE_IN, Kinds::PRESENCE_OUT];
    let some = proptest::sample::subsequence(some.to_vec(), 1..=4);
    let some = some.prop_map(|kinds| kinds.into_iter().reduce(|all, kind| all | kind).unwrap());
    prop_oneof![Just(Kinds::ALL), some]
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let actions = proptest::sample::select(vec![Action::Allow, Action::Deny]);
    let items = proptest::collection::vec((actions, subjects(), kinds()), 1..24);
    let orders = proptest::sample::subsequence((0..64).collect::<Vec<u32>>(), 24).prop_shuffle();
    (orders, items).prop_map(|(orders, items)| {
        let item = |(order, (action, subject, kinds))| Item::new(order, action, subject).with_kinds(kinds);
        orders.into_iter().zip(items).map(item).collect()
    })
}

proptest! {
    #[test]
    fn lists_decide_as_the_text_does(
        items in items(),
        peers in proptest::collection::vec(addresses(), 8),
        contact in proptest::option::of((subscriptions(), groups())),
    ) {
        let list = list(items.clone());
        for peer in peers {
            let contact = contact.as_ref().map(|(subscription, groups)| {
                let contact = RosterItem::new(peer.to_bare().into()).with_subscription(*subscription);
                groups.iter().fold(contact, |contact, group| contact.with_group(group))
            });
            for traffic in TRAFFIC {
                let decided = list.decide(traffic, &peer, || contact.as_ref());
                prop_assert_eq!(decided, model(&items, traffic, &peer, contact.as_ref()), "{:?} {}", traffic, peer);
            }
        }
    }

    #[test]
    fn what_is_written_is_read(name in "\\PC{1,8}", items in items()) {
        let list = List::new(&name, items).unwrap();
        prop_assert_eq!(List::parse(list.to_element().as_ref()), Ok(list.clone()));
        let kept = super::super::kept::write(&list);
        prop_assert_eq!(super::super::kept::read(list.name(), &kept), Some(list));
    }

    #[test]
    fn what_was_kept_can_be_anything(name in "\\PC{1,8}", value in proptest::collection::vec(any::<u8>(), 0..64)) {
        let list = super::super::kept::read(&name, &value).unwrap();
        prop_assert_eq!(list.name(), name.as_str());
        prop_assert_eq!(list.items()[0].action(), Action::Deny);
        prop_assert!(list.items()[0].subject() == &Subject::Anyone, "{}", list.to_element().to_string());
    }
}
