use alloc::format;
use alloc::vec;

use proptest::prelude::*;

use super::*;

const CHAT: Traffic = Traffic::Message(MessageType::Chat);
const NORMAL: Traffic = Traffic::Message(MessageType::Normal);
const GROUPCHAT: Traffic = Traffic::Message(MessageType::Groupchat);
const HEADLINE: Traffic = Traffic::Message(MessageType::Headline);
const ERROR: Traffic = Traffic::Message(MessageType::Error);

const SUBSCRIPTIONS: [PresenceType; 4] = [
    PresenceType::Subscribe,
    PresenceType::Subscribed,
    PresenceType::Unsubscribe,
    PresenceType::Unsubscribed,
];

const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Resources named a, b, c... of these priorities; `None` is connected and not available.
fn resources(priorities: &[Option<i8>]) -> Vec<Resource<'static>> {
    let named = NAMES.into_iter().zip(priorities);
    named.map(|(name, priority)| Resource::new(name).with_availability(*priority)).collect()
}

fn modern(traffic: Traffic, resource: Option<&str>, priorities: &[Option<i8>]) -> Decision {
    route(traffic, resource, &resources(priorities), UnmatchedResource::Rfc6121)
}

fn old(traffic: Traffic, resource: Option<&str>, priorities: &[Option<i8>]) -> Decision {
    route(traffic, resource, &resources(priorities), UnmatchedResource::Rfc3921)
}

/// The priorities of the resources there are, the resource that is addressed, and what the columns allow.
type Row = (&'static [Option<i8>], Option<&'static str>, [&'static str; 4]);

/// RFC 6121 section 8.5.4, Table 1, as it is printed: where the message is addressed, and for normal, chat, groupchat and headline
/// what is allowed. The resource that matches is `a`.
#[rustfmt::skip]
const TABLE: [Row; 14] = [
    // ACCOUNT DOES NOT EXIST
    (&[],                       None,      ["S/E", "S/E", "E",   "S"  ]),
    (&[],                       Some("x"), ["S/E", "S/E", "S/E", "S/E"]),
    // ACCOUNT EXISTS, BUT NO ACTIVE RESOURCES
    (&[None],                   None,      ["O/E", "O/E", "E",   "S"  ]),
    (&[None],                   Some("x"), ["S/E", "O/E", "S/E", "S/E"]),
    // 1+ NEGATIVE RESOURCES BUT ZERO NON-NEGATIVE RESOURCES
    (&[Some(-1), Some(-128)],   None,      ["O/E", "O/E", "E",   "S"  ]),
    (&[Some(-1), Some(-128)],   Some("a"), ["D",   "D",   "D",   "D"  ]),
    (&[Some(-1), Some(-128)],   Some("x"), ["S/E", "O/E", "S/E", "S/E"]),
    // 1 NON-NEGATIVE RESOURCE
    (&[Some(0), Some(-1)],      None,      ["D",   "D",   "E",   "D"  ]),
    (&[Some(0), Some(-1)],      Some("a"), ["D",   "D",   "D",   "D"  ]),
    (&[Some(0), Some(-1)],      Some("x"), ["S/E", "D",   "S/E", "S/E"]),
    // 1+ NON-NEGATIVE RESOURCES
    (&[Some(1), Some(5), None], None,      ["M/A", "M/A", "E",   "A"  ]),
    (&[Some(1), Some(5), None], Some("a"), ["D",   "D/A", "D",   "D"  ]),
    (&[Some(1), Some(5), None], Some("x"), ["S/E", "M/A", "S/E", "S/E"]),
    // The same, but what matches is connected and not available.
    (&[None, Some(5)],          Some("a"), ["D",   "D",   "D",   "D"  ]),
];

/// What this server chooses among what a cell allows: to store where that is allowed, else to tell the sender, and the most available resource.
fn choice(cell: &str) -> &str {
    match cell {
        "S/E" => "E",
        "O/E" => "O",
        "M/A" => "M",
        "D/A" => "D",
        only => only,
    }
}

fn letter(decision: &Decision, priorities: &[Option<i8>], resource: Option<&str>) -> &'static str {
    let willing: Vec<usize> = (0..priorities.len()).filter(|index| priorities[*index] >= Some(0)).collect();
    let most = priorities.iter().flatten().max();
    match decision {
        Decision::Unavailable => "E",
        // Of an account that does not exist nothing is stored.
        Decision::Undeliverable if priorities.is_empty() => "E",
        Decision::Undeliverable => "O",
        Decision::Drop => "S",
        Decision::Deliver(to) if resource == Some("a") && *to == [0] => "D",
        Decision::Deliver(to) if willing.len() == 1 && *to == willing => "D",
        Decision::Deliver(to) if willing.len() > 1 && *to == willing => "A",
        Decision::Deliver(to) if to.iter().all(|to| priorities[*to].as_ref() == most) => "M",
        other => panic!("{other:?} is in no cell"),
    }
}

#[test]
fn r6121_8_5_4_01_every_cell_of_table_1() {
    for (priorities, resource, cells) in TABLE {
        for (traffic, cell) in [NORMAL, CHAT, GROUPCHAT, HEADLINE].into_iter().zip(cells) {
            let decision = modern(traffic, resource, priorities);
            let got = letter(&decision, priorities, resource);
            assert!(cell.split('/').any(|allowed| allowed == got), "{traffic:?} {resource:?} {priorities:?}");
            assert_eq!(got, choice(cell), "{traffic:?} {resource:?} {priorities:?}");
        }
    }
}

#[test]
fn r6121_8_5_2_1_1_02_messages_to_the_account() {
    let several = [Some(3), Some(3), Some(0), Some(-1), None];
    // 6121-8.5.2.1.1-02
    assert_eq!(modern(NORMAL, None, &[None, Some(0)]), Decision::Deliver(vec![1]));
    // 6121-8.5.2.1.1-03: all of those that share the highest priority.
    assert_eq!(modern(NORMAL, None, &several), Decision::Deliver(vec![0, 1]));
    // 6121-8.5.2.1.1-04
    assert_eq!(modern(CHAT, None, &several), Decision::Deliver(vec![0, 1]));
    // 6121-8.5.2.1.1-05: not even where somebody is most available.
    assert_eq!(modern(GROUPCHAT, None, &several), Decision::Unavailable);
    // 6121-8.5.2.1.1-08
    assert_eq!(modern(HEADLINE, None, &several), Decision::Deliver(vec![0, 1, 2]));
}

#[test]
fn r6121_8_5_2_1_1_01_nobody_takes_it() {
    let negative = [Some(-1), Some(-128), None];
    // 6121-8.5.2.1.1-01
    for type_ in [NORMAL, CHAT] {
        assert_eq!(modern(type_, None, &negative), Decision::Undeliverable, "{type_:?}");
    }
    // 6121-8.5.2.1.1-07
    assert_eq!(modern(HEADLINE, None, &negative), Decision::Drop);
    // 6121-8.5.2.1.1-09
    assert_eq!(modern(ERROR, None, &[Some(5)]), Decision::Drop);
    // 6121-8.5.2.2.1-02
    assert_eq!(modern(GROUPCHAT, None, &[]), Decision::Unavailable);
    // 6121-8.5.2.2.1-03
    assert_eq!((modern(HEADLINE, None, &[]), modern(ERROR, None, &[])), (Decision::Drop, Decision::Drop));
}

#[test]
fn r6121_8_5_2_1_2_01_presence() {
    let mixed = [Some(-128), None, Some(127)];
    // 6121-8.5.2.1.2-01: negative ones too, they are available.
    assert_eq!(modern(Traffic::Availability, None, &mixed), Decision::Deliver(vec![0, 2]));
    assert_eq!(modern(Traffic::Availability, None, &[None]), Decision::Drop);
    // 6121-8.5.3.1-04
    assert_eq!(modern(Traffic::Availability, Some("b"), &mixed), Decision::Deliver(vec![1]));
    // 6121-8.5.3.2.2-01
    assert_eq!(modern(Traffic::Availability, Some("x"), &mixed), Decision::Drop);
    // 6121-8.5.3.2.2-03: and nothing of a subscription reaches a resource by its name.
    for type_ in SUBSCRIPTIONS.into_iter().chain([PresenceType::Probe]) {
        for resource in [None, Some("a"), Some("x")] {
            assert_eq!(modern(Traffic::OtherPresence(type_), resource, &mixed), Decision::Drop, "{type_:?}");
        }
    }
    let error = Traffic::OtherPresence(PresenceType::Error);
    assert_eq!(modern(error, Some("a"), &mixed), Decision::Deliver(vec![0]));
    assert_eq!(
        (modern(error, None, &mixed), modern(error, Some("x"), &mixed)),
        (Decision::Drop, Decision::Drop)
    );
}

#[test]
fn r6121_8_5_2_1_3_01_requests_and_responses() {
    let mixed = [Some(-1), None, Some(5)];
    // 6121-8.5.2.1.3-01, 3921-11.1-23
    assert_eq!(modern(Traffic::Request, None, &mixed), Decision::Answer);
    assert_eq!(modern(Traffic::Request, None, &[]), Decision::Answer);
    // 6121-8.5.3.1-02
    for (index, name) in ["a", "b", "c"].into_iter().enumerate() {
        assert_eq!(modern(Traffic::Response, Some(name), &mixed), Decision::Deliver(vec![index]));
        assert_eq!(modern(Traffic::Request, Some(name), &mixed), Decision::Deliver(vec![index]));
    }
    // 6121-8.5.3.2.3-01
    assert_eq!(modern(Traffic::Request, Some("x"), &mixed), Decision::Unavailable);
    assert_eq!(modern(Traffic::Response, Some("x"), &mixed), Decision::Drop);
    assert_eq!(modern(Traffic::Response, None, &mixed), Decision::Drop);
}

#[test]
fn r6121_8_5_3_2_1_01_messages_to_a_resource_that_is_gone() {
    let one = [Some(-3), Some(0)];
    // 6121-8.5.3.2.1-01
    for traffic in [NORMAL, GROUPCHAT, HEADLINE] {
        assert_eq!(modern(traffic, Some("x"), &one), Decision::Unavailable);
    }
    // 6121-8.5.3.2.1-02
    assert_eq!(modern(CHAT, Some("x"), &one), Decision::Deliver(vec![1]));
    // 6121-8.5.3.2.1-03
    assert_eq!(modern(ERROR, Some("x"), &one), Decision::Drop);
}

#[test]
fn r3921_11_1_08_the_older_rule_treats_every_message_as_to_the_account() {
    let two = [Some(2), Some(9), Some(-4)];
    for traffic in [NORMAL, CHAT, GROUPCHAT, HEADLINE, ERROR] {
        for priorities in [&two[..], &two[2..], &[]] {
            assert_eq!(old(traffic, Some("x"), priorities), modern(traffic, None, priorities), "{traffic:?}");
        }
    }
    // 3921-11.1-06, 3921-11.1-07
    assert_eq!(old(Traffic::Availability, Some("x"), &two), Decision::Drop);
    assert_eq!(old(Traffic::Request, Some("x"), &two), Decision::Unavailable);
    assert_eq!(old(Traffic::Response, Some("x"), &two), Decision::Drop);
    // 3921-11.1-02: what matches is not touched by it.
    assert_eq!(old(CHAT, Some("c"), &two), Decision::Deliver(vec![2]));
}

#[test]
fn what_decides_is_read_off_the_stanza() {
    for (type_, traffic) in [
        (PresenceType::Available, Traffic::Availability),
        (PresenceType::Unavailable, Traffic::Availability),
        (PresenceType::Probe, Traffic::OtherPresence(PresenceType::Probe)),
        (PresenceType::Error, Traffic::OtherPresence(PresenceType::Error)),
    ] {
        assert_eq!(Traffic::of(&Presence::new(type_).into()), traffic);
    }
    let ping = xmpp_core::xml::Element::builder(xmpp_core::xml::ns::PING, "ping").build();
    let get = xmpp_core::stanza::Iq::get("1", ping);
    assert_eq!(Traffic::of(&get.result_reply(None).into()), Traffic::Response);
    assert_eq!(Traffic::of(&get.into()), Traffic::Request);
    assert_eq!(Traffic::of(&xmpp_core::stanza::Message::new(MessageType::Headline).into()), HEADLINE);
}

fn any_traffic() -> impl Strategy<Value = Traffic> {
    let presence = SUBSCRIPTIONS.into_iter().chain([PresenceType::Probe, PresenceType::Error]);
    let mut all = vec![NORMAL, CHAT, GROUPCHAT, HEADLINE, ERROR];
    all.extend([Traffic::Availability, Traffic::Request, Traffic::Response]);
    all.extend(presence.map(Traffic::OtherPresence));
    proptest::sample::select(all)
}

fn any_priorities() -> impl Strategy<Value = Vec<Option<i8>>> {
    let priority = prop_oneof![Just(-128i8), Just(-1), Just(0), Just(1), Just(127), any::<i8>()];
    proptest::collection::vec(proptest::option::of(priority), 0..=NAMES.len())
}

proptest! {
    #[test]
    fn decisions_make_sense(
        traffic in any_traffic(),
        to in proptest::option::of(proptest::sample::select(vec!["a", "c", "e", "x"])),
        priorities in any_priorities(),
        older in any::<bool>(),
    ) {
        let rule = if older { UnmatchedResource::Rfc3921 } else { UnmatchedResource::Rfc6121 };
        let resources = resources(&priorities);
        let matched = to.and_then(|to| resources.iter().position(|resource| resource.name == to));
        let decision = route(traffic, to, &resources, rule);
        if let Decision::Deliver(indices) = &decision {
            prop_assert!(!indices.is_empty());
            prop_assert!(indices.is_sorted_by(|a, b| a < b));
            for index in indices {
                let priority = priorities[*index];
                // 6121-8.5.2.1.1-10, 3921-11.1-14
                if matched.is_none() && matches!(traffic, Traffic::Message(_)) {
                    prop_assert!(priority >= Some(0));
                }
                prop_assert!(matched.is_none_or(|matched| matched == *index));
                prop_assert!(matched.is_some() || priority.is_some());
            }
            // 3921-11.1-23
            prop_assert!(matched.is_some() || !matches!(traffic, Traffic::Request | Traffic::Response));
        }
        // A response and an error are answered by nobody.
        if matches!(traffic, Traffic::Response | ERROR | Traffic::OtherPresence(_) | Traffic::Availability) {
            prop_assert!(!matches!(decision, Decision::Unavailable | Decision::Undeliverable | Decision::Answer), "{}", format!("{decision:?}"));
        }
    }
}
