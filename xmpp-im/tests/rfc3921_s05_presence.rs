//! RFC 3921 section 5: presence, with the romeo@example.net of section 5.5 and his contacts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod stage;

use stage::Stage;
use stage::script::{gone, got, line, lines};
use xmpp_core::stanza::PresenceType;
use xmpp_core::stanza::Stanza;
use xmpp_im::store::Subscription;

const ORCHARD: &str = "romeo@example.net/orchard";

/// Romeo's server, which is alone: his contacts are elsewhere, and what is for them can be looked at.
fn romeo() -> Stage {
    let mut stage = Stage::new(&["example.net"], &["romeo@example.net"]);
    stage.contact("romeo@example.net", "juliet@example.com", Subscription::Both);
    stage.contact("romeo@example.net", "benvolio@example.org", Subscription::To);
    stage.contact("romeo@example.net", "mercutio@example.org", Subscription::From);
    stage.contact("romeo@example.net", "tybalt@example.com", Subscription::None);
    stage
}

/// Romeo is there, and it is told what was said since.
fn orchard() -> Stage {
    let mut stage = romeo();
    stage.online(ORCHARD);
    stage.gone();
    stage
}

#[test]
fn r3921_5_1_1_04_initial_presence_is_broadcast_and_contacts_are_probed() {
    let mut stage = romeo();
    stage.login(ORCHARD);
    stage.send(ORCHARD, "<presence/>");
    // covers 6121-4.2.2-01
    // covers 6121-4.2.2-03
    // covers 6121-4.3-01
    // covers 6121-4.3-02
    gone(
        &mut stage,
        [
            "available romeo@example.net/orchard > juliet@example.com",
            "available romeo@example.net/orchard > mercutio@example.org",
            "probe romeo@example.net > benvolio@example.org",
            "probe romeo@example.net > juliet@example.com",
        ],
    );
    got(&mut stage, ORCHARD, ["available romeo@example.net/orchard > romeo@example.net"]);
}

#[test]
fn r3921_5_1_1_10_probes_are_from_the_account() {
    let mut stage = romeo();
    stage.login(ORCHARD);
    stage.send(ORCHARD, "<presence/>");
    let is_probe = |stanza: &Stanza| matches!(stanza, Stanza::Presence(presence) if presence.type_() == PresenceType::Probe);
    let probes: Vec<_> = stage.gone_stanzas().into_iter().filter(is_probe).collect();
    assert_eq!(probes.len(), 2);
    for probe in probes {
        assert_eq!(probe.from(), Some(&stage::jid("romeo@example.net")));
    }
}

#[test]
fn r3921_5_1_1_07_other_resources_hear_and_are_heard_of() {
    let mut stage = orchard();
    stage.login("romeo@example.net/chamber");
    stage.send("romeo@example.net/chamber", "<presence><show>dnd</show></presence>");
    // covers 6121-4.2.2-02
    got(&mut stage, ORCHARD, ["available romeo@example.net/chamber > romeo@example.net dnd"]);
    got(
        &mut stage,
        "romeo@example.net/chamber",
        [
            "available romeo@example.net/chamber > romeo@example.net dnd",
            "available romeo@example.net/orchard > romeo@example.net",
        ],
    );
}

#[test]
fn r3921_5_1_1_08_contacts_presence_goes_to_all_available_resources() {
    let mut stage = orchard();
    stage.online("romeo@example.net/chamber");
    stage.login("romeo@example.net/silent");
    stage.told(ORCHARD);
    stage.arrives("<presence from='juliet@example.com/balcony' to='romeo@example.net'/>");
    for there in [ORCHARD, "romeo@example.net/chamber"] {
        // covers 6121-4.2.3-01
        // covers 3921-11.1-18
        got(&mut stage, there, ["available juliet@example.com/balcony > romeo@example.net"]);
    }
    // covers 3921-5.1.6-06
    got(&mut stage, "romeo@example.net/silent", []);
}

#[test]
fn r3921_5_1_1_09_after_an_error_there_are_no_updates_until_the_contact_is_heard_of() {
    let mut stage = orchard();
    stage.arrives(
        "<presence type='error' from='mercutio@example.org' to='romeo@example.net/orchard'><error type='cancel'>\
         <gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
    );
    got(&mut stage, ORCHARD, ["error mercutio@example.org > romeo@example.net/orchard gone"]);
    stage.send(ORCHARD, "<presence><show>away</show></presence>");
    gone(&mut stage, ["available romeo@example.net/orchard > juliet@example.com away"]);
    stage.arrives("<presence type='probe' from='mercutio@example.org' to='romeo@example.net'/>");
    gone(&mut stage, ["available romeo@example.net/orchard > mercutio@example.org away"]);
    stage.send(ORCHARD, "<presence/>");
    gone(
        &mut stage,
        [
            "available romeo@example.net/orchard > juliet@example.com",
            "available romeo@example.net/orchard > mercutio@example.org",
        ],
    );
}

#[test]
fn r3921_5_1_2_03_updates_go_to_subscribers_in_full() {
    let mut stage = orchard();
    stage.send(
        ORCHARD,
        "<presence xml:lang='en' id='u'><show>away</show><status>I shall return!</status><priority>1</priority>\
         <x xmlns='urn:example:x'/></presence>",
    );
    let gone: Vec<_> = stage.gone_stanzas().iter().map(ToString::to_string).collect();
    let update = |to: &str| {
        format!(
            "<presence to='{to}' from='romeo@example.net/orchard' id='u' xml:lang='en'><show>away</show>\
             <status>I shall return!</status><priority>1</priority><x xmlns='urn:example:x'/></presence>"
        )
    };
    assert_eq!(gone, [update("juliet@example.com"), update("mercutio@example.org")]);
    // covers 6121-4.4.2-01
    assert_eq!(stage.told(ORCHARD), [update("romeo@example.net")]);
}

#[test]
fn r3921_5_1_2_04_unavailable_presence_goes_to_all_who_had_been_told() {
    let mut stage = orchard();
    stage.send(ORCHARD, "<presence to='nurse@example.com'/>");
    stage.send(ORCHARD, "<presence to='room@chat.example.org/romeo'/>");
    stage.send(ORCHARD, "<presence to='room@chat.example.org/romeo' type='unavailable'/>");
    stage.arrives(
        "<presence type='error' from='mercutio@example.org' to='romeo@example.net/orchard'><error type='cancel'>\
         <gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
    );
    stage.gone();
    stage.told(ORCHARD);
    stage.send(ORCHARD, "<presence type='unavailable' xml:lang='en'><status>gone home</status></presence>");
    // covers 6121-4.5.2-02
    // covers 3921-5.1.4-08
    // covers 6121-4.6.1-02
    gone(
        &mut stage,
        [
            "unavailable romeo@example.net/orchard > juliet@example.com 'gone home'",
            "unavailable romeo@example.net/orchard > mercutio@example.org 'gone home'",
            "unavailable romeo@example.net/orchard > nurse@example.com 'gone home'",
        ],
    );
    // covers 6121-4.5.2-01
    got(&mut stage, ORCHARD, ["unavailable romeo@example.net/orchard > romeo@example.net 'gone home'"]);
}

#[test]
fn r3921_5_1_5_04_so_it_does_when_the_connection_breaks() {
    let mut stage = orchard();
    stage.online("romeo@example.net/chamber");
    stage.send(ORCHARD, "<presence to='nurse@example.com'/>");
    stage.arrives(
        "<presence type='error' from='mercutio@example.org' to='romeo@example.net/orchard'><error type='cancel'>\
         <gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
    );
    stage.told("romeo@example.net/chamber");
    stage.gone();
    stage.logout(ORCHARD);
    // covers 6121-4.5.2-03
    // covers 3921-5.1.5-03
    gone(
        &mut stage,
        [
            "unavailable romeo@example.net/orchard > juliet@example.com",
            "unavailable romeo@example.net/orchard > mercutio@example.org",
            "unavailable romeo@example.net/orchard > nurse@example.com",
        ],
    );
    // covers 3921-5.1.5-05
    got(
        &mut stage,
        "romeo@example.net/chamber",
        ["unavailable romeo@example.net/orchard > romeo@example.net"],
    );
}

#[test]
fn r3921_5_1_5_06_presence_after_unavailable_is_initial_again() {
    let mut stage = orchard();
    stage.send(ORCHARD, "<presence type='unavailable'/>");
    stage.gone();
    stage.send(ORCHARD, "<presence/>");
    gone(
        &mut stage,
        [
            "available romeo@example.net/orchard > juliet@example.com",
            "available romeo@example.net/orchard > mercutio@example.org",
            "probe romeo@example.net > benvolio@example.org",
            "probe romeo@example.net > juliet@example.com",
        ],
    );
    // A second unavailable is news to nobody.
    stage.send(ORCHARD, "<presence type='unavailable'/>");
    stage.gone();
    stage.send(ORCHARD, "<presence type='unavailable'/>");
    gone(&mut stage, []);
}

fn asked(stage: &mut Stage, from: &str, to: &str) -> Vec<String> {
    stage.arrives(&format!("<presence type='probe' id='p' from='{from}' to='{to}'/>"));
    stage.gone_stanzas().iter().map(ToString::to_string).collect()
}

#[test]
fn r3921_5_1_3_01_probes_are_answered() {
    let mut stage = orchard();
    stage.send(ORCHARD, "<presence id='a'><show>away</show></presence>");
    stage.gone();
    // covers 3921-11.1-19
    assert_eq!(
        asked(&mut stage, "juliet@example.com", "romeo@example.net"),
        [
            "<presence to='juliet@example.com' from='romeo@example.net/orchard' id='a'><show>away</show></presence>"
        ]
    );
    assert_eq!(
        asked(&mut stage, "juliet@example.com", ORCHARD),
        ["<presence to='juliet@example.com' from='romeo@example.net/orchard' id='a'/>"]
    );
}

#[test]
fn r3921_14_02_strangers_learn_the_same_of_everybody() {
    let mut stage = orchard();
    for stranger in ["tybalt@example.com", "benvolio@example.org", "paris@example.com"] {
        for to in ["romeo@example.net", ORCHARD, "nobody@example.net", "nobody@example.net/orchard"] {
            let bare = to.split('/').next().unwrap();
            // covers 6121-8.5.1-04
            // covers 6121-11-01
            // covers 3921-5.1.3-02
            // covers 3921-5.1.3-04
            assert_eq!(
                asked(&mut stage, stranger, to),
                [format!("<presence to='{stranger}' from='{bare}' id='p' type='unsubscribed'/>")]
            );
        }
    }
}

#[test]
fn r3921_5_1_3_05_nor_does_a_request_open_the_door() {
    let mut stage = orchard();
    stage.arrives("<presence type='subscribe' from='paris@example.com' to='romeo@example.net'/>");
    assert_eq!(
        asked(&mut stage, "paris@example.com", "romeo@example.net"),
        ["<presence to='paris@example.com' from='romeo@example.net' id='p' type='unsubscribed'/>"]
    );
}

#[test]
fn r3921_5_1_3_08_what_was_said_to_one_is_not_told_to_another() {
    let mut stage = orchard();
    stage.online("romeo@example.net/chamber");
    stage.send(ORCHARD, "<presence><show>away</show></presence>");
    stage.send(ORCHARD, "<presence to='nurse@example.com'><show>dnd</show></presence>");
    stage.send(ORCHARD, "<presence to='juliet@example.com'><show>chat</show></presence>");
    stage.gone();
    assert_eq!(
        asked(&mut stage, "juliet@example.com", "romeo@example.net"),
        [
            "<presence to='juliet@example.com' from='romeo@example.net/orchard'><show>away</show></presence>",
            "<presence to='juliet@example.com' from='romeo@example.net/chamber'/>"
        ]
    );
}

#[test]
fn r3921_5_1_3_07_who_is_offline_is_told_with_the_last_word() {
    let mut stage = orchard();
    stage.send(ORCHARD, "<presence type='unavailable'><status>gone home</status></presence>");
    stage.gone();
    let last = "<presence to='juliet@example.com' from='romeo@example.net' id='p' type='unavailable'>\
                <status>gone home</status><delay xmlns='urn:xmpp:delay' stamp='1970-01-01T00:00:00Z'/></presence>";
    assert_eq!(asked(&mut stage, "juliet@example.com", "romeo@example.net"), [last]);
    // It is still known when the account has been forgotten and is loaded again.
    stage.logout(ORCHARD);
    assert_eq!(asked(&mut stage, "juliet@example.com", "romeo@example.net"), [last]);
}

#[test]
fn r3921_5_1_4_directed_presence_goes_out_in_full() {
    let mut stage = orchard();
    stage.send(ORCHARD, "<presence to='nurse@example.com' xml:lang='en'><show>dnd</show></presence>");
    stage.send(ORCHARD, "<presence to='juliet@example.com/balcony'><show>xa</show></presence>");
    stage.send(ORCHARD, "<presence to='juliet@example.com'><status>Wooing</status></presence>");
    let gone: Vec<_> = stage.gone_stanzas().iter().map(ToString::to_string).collect();
    // covers 3921-5.1.4-02
    assert_eq!(
        gone,
        [
            "<presence to='nurse@example.com' from='romeo@example.net/orchard' xml:lang='en'>\
             <show>dnd</show></presence>",
            "<presence to='juliet@example.com/balcony' from='romeo@example.net/orchard'><show>xa</show></presence>",
            "<presence to='juliet@example.com' from='romeo@example.net/orchard'><status>Wooing</status></presence>",
        ]
    );
    stage.send(ORCHARD, "<presence><show>chat</show></presence>");
    let gone = lines(&stage.gone_stanzas());
    // covers 3921-5.1.4-03
    // covers 3921-5.1.4-04
    assert!(gone.contains(&"available romeo@example.net/orchard > juliet@example.com chat".into()));
    // covers 3921-5.1.4-06
    // covers 3921-5.1.4-07
    assert!(!gone.iter().any(|line| line.contains("nurse")), "{gone:?}");
}

#[test]
fn r3921_5_1_4_09_without_initial_presence_a_contact_is_like_a_stranger() {
    for before in ["", "<presence/>"] {
        let mut stage = romeo();
        stage.login(ORCHARD);
        if !before.is_empty() {
            stage.send(ORCHARD, before);
            stage.send(ORCHARD, "<presence type='unavailable'/>");
        }
        stage.send(ORCHARD, "<presence to='juliet@example.com'/>");
        stage.gone();
        stage.logout(ORCHARD);
        gone(&mut stage, ["unavailable romeo@example.net/orchard > juliet@example.com"]);
    }
}

#[test]
fn r3921_5_1_6_05_a_request_goes_to_all_available_resources() {
    let mut stage = orchard();
    stage.login("romeo@example.net/chamber");
    stage.send("romeo@example.net/chamber", "<presence/>");
    stage.interested("romeo@example.net/silent");
    for client in [ORCHARD, "romeo@example.net/chamber"] {
        stage.told(client);
    }
    stage.gone();
    stage.arrives("<presence type='subscribe' from='tybalt@example.com/sword' to='romeo@example.net'/>");
    // covers 6121-3.1.3-05: whether they have asked for the roster or not
    for client in [ORCHARD, "romeo@example.net/chamber"] {
        // covers 3921-5.1.6-03
        got(&mut stage, client, ["subscribe tybalt@example.com > romeo@example.net"]);
    }
    got(&mut stage, "romeo@example.net/silent", []);
    // covers 3921-5.1.6-02
    // covers 6121-3.1.3-02
    gone(&mut stage, []);
}

#[test]
fn r3921_5_1_6_08_who_is_subscribed_already_is_told_so() {
    let mut stage = orchard();
    stage.arrives("<presence type='subscribe' id='again' from='juliet@example.com' to='romeo@example.net'/>");
    let gone = stage.gone_stanzas();
    // covers 6121-3.1.3-03
    assert_eq!(
        gone[0].to_string(),
        "<presence to='juliet@example.com' from='romeo@example.net' id='again' type='subscribed'/>"
    );
    assert_eq!(line(&gone[1]), "available romeo@example.net/orchard > juliet@example.com");
    got(&mut stage, ORCHARD, []);
}

#[test]
fn r3921_5_1_6_09_requests_without_an_answer_are_made_again() {
    let mut stage = orchard();
    stage.send(ORCHARD, "<presence type='subscribe' to='tybalt@example.com'/>");
    stage.send(ORCHARD, "<presence type='unavailable'/>");
    stage.gone();
    stage.send(ORCHARD, "<presence/>");
    let asked: Vec<_> = stage
        .gone_stanzas()
        .into_iter()
        .filter(|stanza| matches!(stanza, Stanza::Presence(presence) if presence.type_() == PresenceType::Subscribe))
        .collect();
    // covers 6121-3.1.2-06
    assert_eq!(lines(&asked), ["subscribe romeo@example.net > tybalt@example.com"]);
    assert!(asked[0].id().is_some());
    // Not for each resource.
    stage.login("romeo@example.net/chamber");
    stage.send("romeo@example.net/chamber", "<presence/>");
    assert!(!lines(&stage.gone_stanzas()).iter().any(|line| line.starts_with("subscribe")));
}

#[test]
fn what_is_not_well_said_is_not_passed_on() {
    let mut stage = orchard();
    for bad in [
        "<priority>128</priority>",
        "<priority>-129</priority>",
        "<show>here</show>",
        "<show>away</show><show>xa</show>",
        "<status>a</status><status>b</status>",
    ] {
        for to in ["", " to='nurse@example.com'"] {
            stage.send(ORCHARD, &format!("<presence{to}>{bad}</presence>"));
            let told = stage.told(ORCHARD);
            // covers 3921-2.2.2.3-02
            assert!(told.len() == 1 && told[0].contains("<bad-request "), "{told:?}");
            gone(&mut stage, []);
        }
    }
    stage.send(ORCHARD, "<presence type='unavailable'><show>here</show><priority>999</priority></presence>");
    assert_eq!(stage.gone().len(), 2, "what is to take effect does");
}

#[test]
fn presence_between_two_accounts_of_a_server_is_the_same() {
    let mut stage = Stage::new(&["example.net"], &["romeo@example.net", "benvolio@example.net"]);
    stage.contact("romeo@example.net", "benvolio@example.net", Subscription::Both);
    stage.contact("benvolio@example.net", "romeo@example.net", Subscription::Both);
    stage.online(ORCHARD);
    stage.login("benvolio@example.net/pda");
    stage.send("benvolio@example.net/pda", "<presence/>");
    // covers 3921-11.1-20
    // covers 3921-11.1-21
    got(&mut stage, ORCHARD, ["available benvolio@example.net/pda > romeo@example.net"]);
    got(
        &mut stage,
        "benvolio@example.net/pda",
        [
            "available benvolio@example.net/pda > benvolio@example.net",
            "available romeo@example.net/orchard > benvolio@example.net",
        ],
    );
    stage.logout(ORCHARD);
    got(
        &mut stage,
        "benvolio@example.net/pda",
        ["unavailable romeo@example.net/orchard > benvolio@example.net"],
    );
}
