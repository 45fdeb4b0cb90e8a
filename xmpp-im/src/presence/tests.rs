use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::profile::RefusedProbe;
use xmpp_core::stanza::{Condition, Presence, PresenceType, Stanza, StanzaError};
use xmpp_core::time::UtcTime;

use super::*;
use crate::subscription::State;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn full(text: &str) -> FullJid {
    FullJid::new(text).unwrap()
}

fn presence(text: &str) -> Presence {
    match text.parse() {
        Ok(Stanza::Presence(presence)) => presence,
        other => panic!("{other:?}: {text}"),
    }
}

const STRANGERS: [State; 6] = [
    State::None,
    State::NonePendingOut,
    State::NonePendingIn,
    State::NonePendingOutIn,
    State::To,
    State::ToPendingIn,
];
const SUBSCRIBERS: [State; 3] = [State::From, State::FromPendingOut, State::Both];

/// Juliet of RFC 6121 section 4.3.2.1: two resources are available, one is connected, and the nurse has directed presence of it.
struct Juliet {
    jids: [FullJid; 3],
    presence: [Option<Presence>; 2],
    told: Directed,
}

impl Juliet {
    fn new() -> Self {
        let jids = ["chamber", "balcony", "tablet"].map(|name| full(&format!("juliet@example.com/{name}")));
        let said = [
            "<presence id='pres1'><show>dnd</show><status>busy!</status></presence>",
            "<presence id='pres2'><show>away</show></presence>",
        ];
        let [chamber, balcony] = said.map(presence);
        let presence = [Some(chamber.with_from(jids[0].clone())), Some(balcony.with_from(jids[1].clone()))];
        let mut told = Directed::new();
        assert!(told.add(&jid("nurse@example.com"), 2));
        assert!(told.add(&jid("lobby@chat.example.com/juliet"), 2));
        Juliet { jids, presence, told }
    }

    fn offline() -> Self {
        Juliet { presence: [None, None], told: Directed::new(), ..Juliet::new() }
    }

    fn asked(&self, state: State, from: &str, to: &str, rule: RefusedProbe) -> Vec<String> {
        let last = presence("<presence type='unavailable' id='gone'><status>gone home</status></presence>");
        let at = UtcTime::from_micros(1_031_701_267_000_000);
        let resources = [
            Resource::new(&self.jids[0]).with_presence(self.presence[0].as_ref()),
            Resource::new(&self.jids[1]).with_presence(self.presence[1].as_ref()),
            Resource::new(&self.jids[2]).with_directed(self.told.has_told(&jid(from))),
        ];
        let known = Known::new(state, &resources).with_last(Some((at, &last)));
        let probe = Presence::new(PresenceType::Probe).with_id("p").with_from(jid(from)).with_to(jid(to));
        answer(&probe, &known, rule).iter().map(ToString::to_string).collect()
    }

    fn answers(&self, state: State, from: &str, to: &str) -> Vec<String> {
        self.asked(state, from, to, RefusedProbe::Unsubscribed)
    }
}

#[test]
fn r6121_4_3_2_07_subscribers_see_what_each_available_resource_has_said() {
    for state in SUBSCRIBERS {
        for from in ["romeo@example.net", "romeo@example.net/orchard"] {
            let seen = Juliet::new().answers(state, from, "juliet@example.com");
            // covers 6121-4.3.2.1-01
            // covers 3921-5.1.3-08
            assert_eq!(
                seen,
                [
                    format!(
                        "<presence to='{from}' from='juliet@example.com/chamber' id='pres1'>\
                         <show>dnd</show><status>busy!</status></presence>"
                    ),
                    format!(
                        "<presence to='{from}' from='juliet@example.com/balcony' id='pres2'>\
                         <show>away</show></presence>"
                    ),
                ]
            );
        }
    }
}

#[test]
fn r6121_4_3_2_01_others_are_refused_and_learn_nothing() {
    for state in STRANGERS {
        for to in ["juliet@example.com", "juliet@example.com/chamber", "juliet@example.com/nowhere"] {
            for juliet in [Juliet::new(), Juliet::offline()] {
                // covers 6121-4.3.2-03
                // covers 6121-4.3.2.1-02
                // covers 3921-14-02
                assert_eq!(
                    juliet.answers(state, "romeo@example.net/orchard", to),
                    [
                        "<presence to='romeo@example.net' from='juliet@example.com' id='p' type='unsubscribed'/>"
                    ]
                );
            }
        }
    }
}

#[test]
fn r3921_5_1_3_02_the_older_rule_refuses_with_errors() {
    for state in STRANGERS {
        let probe = Presence::new(PresenceType::Probe)
            .with_from(jid("romeo@example.net/orchard"))
            .with_to(jid("juliet@example.com"));
        let answers = answer(&probe, &Known::new(state, &[]), RefusedProbe::Error);
        let conditions: Vec<_> = answers.iter().map(|answer| answer.error().unwrap().condition()).collect();
        if state.is_pending_in() {
            // covers 3921-5.1.3-05
            assert_eq!(conditions, [Condition::NotAuthorized]);
        } else {
            // covers 3921-5.1.3-04
            assert_eq!(conditions, [Condition::Forbidden]);
        }
        assert_eq!(answers[0].to(), probe.from());
    }
    let seen =
        Juliet::new().asked(State::From, "romeo@example.net", "juliet@example.com", RefusedProbe::Error);
    assert_eq!(seen.len(), 2, "it is only about refusals");
}

#[test]
fn r6121_4_3_2_05_of_who_is_offline_the_last_word_is_told_with_its_time() {
    let told = Juliet::offline().answers(State::Both, "romeo@example.net", "juliet@example.com");
    // covers 6121-4.3.2-06
    // covers 3921-5.1.3-07
    assert_eq!(
        told,
        ["<presence to='romeo@example.net' from='juliet@example.com' id='p' type='unavailable'>\
          <status>gone home</status><delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:41:07Z'/></presence>"]
    );
    let probe = Presence::new(PresenceType::Probe)
        .with_from(jid("romeo@example.net"))
        .with_to(jid("juliet@example.com"));
    let never = answer(&probe, &Known::new(State::Both, &[]), RefusedProbe::Unsubscribed);
    assert_eq!(
        never.iter().map(ToString::to_string).collect::<String>(),
        "<presence to='romeo@example.net' from='juliet@example.com' type='unavailable'/>"
    );
}

#[test]
fn r6121_4_3_2_08_a_probe_to_a_full_jid_is_about_that_resource_alone() {
    let juliet = Juliet::new();
    for state in SUBSCRIBERS {
        // covers 6121-4.3.2-09: and without what it has said
        assert_eq!(
            juliet.answers(state, "romeo@example.net", "juliet@example.com/balcony"),
            ["<presence to='romeo@example.net' from='juliet@example.com/balcony' id='pres2'/>"]
        );
        for other in ["tablet", "nowhere"] {
            assert_eq!(
                juliet.answers(state, "romeo@example.net", &format!("juliet@example.com/{other}")),
                [format!(
                    "<presence to='romeo@example.net' from='juliet@example.com/{other}' id='p' type='unavailable'/>"
                )]
            );
        }
    }
}

#[test]
fn r6121_4_6_6_02_subscriptions_come_before_directed_presence() {
    let juliet = Juliet::new();
    let told = |from: &str| format!("<presence to='{from}' from='juliet@example.com/tablet' id='p'/>");
    for state in STRANGERS {
        for from in ["nurse@example.com", "nurse@example.com/kitchen", "lobby@chat.example.com/juliet"] {
            for to in ["juliet@example.com", "juliet@example.com/tablet"] {
                // covers 6121-4.6.6-03
                assert_eq!(juliet.answers(state, from, to), [told(from)]);
            }
            let others = juliet.answers(state, from, "juliet@example.com/chamber");
            assert!(others[0].contains("unsubscribed"), "{others:?}");
        }
        let room = juliet.answers(state, "lobby@chat.example.com", "juliet@example.com/tablet");
        assert!(room[0].contains("unsubscribed"), "only its occupant was told: {room:?}");
    }
    for state in SUBSCRIBERS {
        let nurse = "nurse@example.com";
        assert_eq!(juliet.answers(state, nurse, "juliet@example.com").len(), 2, "what is broadcast");
        assert_eq!(juliet.answers(state, nurse, "juliet@example.com/tablet"), [told(nurse)]);
        let alone = Juliet { presence: [None, None], ..Juliet::new() };
        assert_eq!(alone.answers(state, nurse, "juliet@example.com"), [told(nurse)]);
    }
}

#[test]
fn a_probe_of_nobody_has_no_answer() {
    let known = Known::new(State::Both, &[]);
    let probe = Presence::new(PresenceType::Probe);
    assert_eq!(answer(&probe, &known, RefusedProbe::Unsubscribed), []);
    let probe = probe.with_from(jid("romeo@example.net"));
    assert_eq!(answer(&probe, &known, RefusedProbe::Unsubscribed), []);
}

#[test]
fn directed_presence_has_a_limit() {
    let mut directed = Directed::new();
    assert!(directed.is_empty());
    assert!(!directed.add(&jid("a@example.com"), 0));
    assert!(directed.add(&jid("a@example.com"), 2));
    assert!(directed.add(&jid("b@example.com/x"), 2));
    assert!(directed.add(&jid("a@example.com"), 2), "it is there already");
    assert!(!directed.add(&jid("c@example.com"), 2));
    assert_eq!(directed.len(), 2);
    assert!(directed.remove(&jid("a@example.com")));
    assert!(!directed.remove(&jid("a@example.com")));
    assert!(!directed.remove(&jid("b@example.com")), "only its resource was told");
    assert!(directed.add(&jid("c@example.com"), 2));
}

#[test]
fn an_account_is_taken_out_with_its_resources() {
    let mut directed = Directed::new();
    let told = ["a@example.com", "a@example.com.org", "a@example.com/x", "a@example.com/y", "b@example.com"];
    for told in told {
        assert!(directed.add(&jid(told), 9));
    }
    let theirs: Vec<_> = directed.remove_account(&BareJid::new("a@example.com").unwrap()).collect();
    assert_eq!(theirs, ["a@example.com", "a@example.com/x", "a@example.com/y"].map(jid));
    assert_eq!(directed.take().collect::<Vec<_>>(), ["a@example.com.org", "b@example.com"].map(jid));
    assert!(directed.is_empty());
}

#[test]
fn r3921_2_2_2_1_04_show_is_one_of_four() {
    for show in ["away", "chat", "dnd", "xa", " xa\n", ""] {
        assert_eq!(check(&presence(&format!("<presence><show>{show}</show></presence>"))), Ok(0));
    }
    for show in ["online", "Away", "away xa", "<b>away</b>", "away<b xmlns='urn:example:b'/>", "\u{a0}"] {
        let found = check(&presence(&format!("<presence><show>{show}</show></presence>")));
        // covers 6121-4.7.2.1-01
        assert_eq!(found, Err(Fault::Show), "{show}");
    }
    // covers 3921-2.2.2.1-02
    assert_eq!(check(&presence("<presence><show>xa</show><show>xa</show></presence>")), Err(Fault::Show));
    assert_eq!(check(&presence("<presence><show xmlns='urn:example:x'>online</show></presence>")), Ok(0));
}

#[test]
fn r3921_2_2_2_2_03_each_status_has_a_language_of_its_own() {
    let distinct = "<status>a</status><status xml:lang='cs'>b</status><status xml:lang='en-GB'>c</status>";
    assert_eq!(check(&presence(&format!("<presence xml:lang='en'>{distinct}</presence>"))), Ok(0));
    for twice in [
        "<presence><status>a</status><status>b</status></presence>",
        "<presence xml:lang='en'><status>a</status><status xml:lang='EN'>b</status></presence>",
        "<presence><status xml:lang='en'>a</status><status xml:lang='en'>b</status></presence>",
        "<presence><status><b xmlns='urn:example:b'/></status></presence>",
    ] {
        assert_eq!(check(&presence(twice)), Err(Fault::Status), "{twice}");
    }
}

#[test]
fn r3921_2_2_2_3_02_the_priority_is_one_small_integer() {
    for (text, priority) in [("-128", -128), ("127", 127), ("0", 0), (" 5 ", 5)] {
        let said = presence(&format!("<presence><priority>{text}</priority></presence>"));
        assert_eq!(check(&said), Ok(priority));
    }
    for text in ["-129", "128", "", "1.0", "one", "1<b xmlns='urn:example:b'/>"] {
        let said = presence(&format!("<presence><priority>{text}</priority></presence>"));
        assert_eq!(check(&said), Err(Fault::Priority), "{text}");
    }
    let twice = presence("<presence><priority>1</priority><priority>1</priority></presence>");
    // covers 3921-2.2.2.3-03
    assert_eq!(check(&twice), Err(Fault::Priority));
    // covers 6121-4.7.2.3-01
    assert_eq!(check(&presence("<presence/>")), Ok(0));
    assert_eq!(StanzaError::from(Fault::Priority).condition(), Condition::BadRequest);
    for (fault, word) in [(Fault::Show, "show"), (Fault::Status, "status"), (Fault::Priority, "priority")] {
        assert!(fault.to_string().contains(word));
    }
}
