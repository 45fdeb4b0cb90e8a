//! RFC 3921 section 11.1: what a server does with what comes in for an account.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod stage;

use stage::{Stage, error};
use xmpp_core::profile::{Profile, UnsharedPresence};
use xmpp_im::host::HostConfig;

const BALCONY: &str = "juliet@example.com/balcony";
const CHAMBER: &str = "juliet@example.com/chamber";
const GARDEN: &str = "juliet@example.com/garden";
const PING: &str = "<ping xmlns='urn:xmpp:ping'/>";

/// A server with Juliet's account.
fn verona() -> Stage {
    Stage::new(&["example.com"], &["juliet@example.com"])
}

/// One that keeps messages for whoever is not there.
fn patient_verona() -> Stage {
    Stage::configured(&["example.com"], &["juliet@example.com"], HostConfig::with_offline_storage)
}

/// One of Juliet's clients comes online with this priority.
fn online(stage: &mut Stage, client: &str, priority: i8) {
    stage.login(client);
    stage.send(client, &format!("<presence><priority>{priority}</priority></presence>"));
}

/// Juliet is there three times: most available, less so, and not for messages to her account.
fn three(stage: &mut Stage) {
    for (client, priority) in [(BALCONY, 5), (CHAMBER, 0), (GARDEN, -1)] {
        online(stage, client, priority);
    }
    heard(stage);
}

/// How much each of the three has heard.
fn heard(stage: &mut Stage) -> [usize; 3] {
    [BALCONY, CHAMBER, GARDEN].map(|client| stage.told(client).len())
}

/// Romeo, of another server, sends something.
fn romeo(stage: &mut Stage, stanza: &str) {
    stage.arrives(&stanza.replacen(' ', " from='romeo@example.net/orchard' ", 1));
}

/// Romeo asks, and what he is told.
fn asks(stage: &mut Stage, to: &str, payload: &str) -> String {
    romeo(stage, &format!("<iq to='{to}' type='get' id='q'>{payload}</iq>"));
    let mut told = stage.gone();
    assert_eq!(told.len(), 1, "one answer: {told:?}");
    told.remove(0)
}

#[test]
fn r3921_11_1_02_to_a_resource_that_is_there() {
    let older = Profile::RFC6120.with_unshared_presence(UnsharedPresence::Delivered);
    let mut stage =
        Stage::configured(&["example.com"], &["juliet@example.com"], |config| config.with_profile(older));
    three(&mut stage);
    for stanza in
        ["<message to='@'/>", "<presence to='@'/>", "<iq to='@' type='get' id='q'><q xmlns='urn:q'/></iq>"]
    {
        romeo(&mut stage, &stanza.replace('@', CHAMBER));
        assert_eq!(heard(&mut stage), [0, 1, 0], "{stanza}");
    }
    assert_eq!(stage.gone(), [""; 0]);
}

#[test]
fn r3921_11_1_07_a_request_to_a_resource_that_is_not_there() {
    let mut stage = verona();
    three(&mut stage);
    for payload in [PING, "<query xmlns='jabber:iq:roster'/>", "<q xmlns='urn:q'/>"] {
        let told = asks(&mut stage, "juliet@example.com/tomb", payload);
        // covers 6121-8.5.3.2.3-01
        assert_eq!(error(&told), ("service-unavailable", "cancel"));
        assert!(told.contains(" from='juliet@example.com/tomb' "), "{told}");
    }
    assert_eq!(heard(&mut stage), [0, 0, 0]);
}

#[test]
fn r3921_11_1_09_to_an_account_of_which_somebody_is_there() {
    let mut stage = verona();
    three(&mut stage);
    for (stanza, whom) in [
        ("<message to='juliet@example.com'><body>?</body></message>", [1, 0, 0]),
        ("<presence to='juliet@example.com'/>", [1, 1, 1]),
        ("<iq to='juliet@example.com' type='get' id='q'><q xmlns='urn:q'/></iq>", [0, 0, 0]),
    ] {
        romeo(&mut stage, stanza);
        assert_eq!(heard(&mut stage), whom, "{stanza}");
    }
}

#[test]
fn r3921_11_1_13_those_that_are_equally_available_get_it_all() {
    let mut stage = verona();
    three(&mut stage);
    stage.send(CHAMBER, "<presence><priority>5</priority></presence>");
    heard(&mut stage);
    for stanza in ["<message to='juliet@example.com'/>", "<message type='chat' to='juliet@example.com'/>"] {
        romeo(&mut stage, stanza);
        // covers 3921-11.1-12
        assert_eq!(heard(&mut stage), [1, 1, 0]);
    }
    assert_eq!(stage.gone(), [""; 0], "and nobody is told that one of them did not");
}

#[test]
fn r3921_11_1_14_a_negative_priority_is_for_what_is_addressed_to_it() {
    let messages = ["", "type='chat' ", "type='headline' ", "type='groupchat' ", "type='error' "]
        .map(|type_| format!("<message {type_}to='juliet@example.com' id='m'><body>?</body></message>"));
    let fates = |stage: &mut Stage| {
        let fates = messages.clone().map(|message| {
            romeo(stage, &message);
            stage.gone()
        });
        fates.concat()
    };
    let mut nobody = verona();
    let told = fates(&mut nobody);
    let mut stage = verona();
    online(&mut stage, GARDEN, -1);
    stage.told(GARDEN);
    // covers 3921-11.1-15
    assert_eq!(fates(&mut stage), told);
    assert_eq!(stage.told(GARDEN), [""; 0]);
    assert_eq!(told.len(), 3, "{told:?}");
    // At the bound, and on the other side of it.
    stage.send(GARDEN, "<presence><priority>0</priority></presence>");
    stage.told(GARDEN);
    romeo(&mut stage, &messages[0]);
    assert_eq!(stage.told(GARDEN).len(), 1);
}

#[test]
fn r3921_11_1_16_the_address_stays_what_the_sender_wrote() {
    let mut stage = verona();
    three(&mut stage);
    for (type_, to) in [("", "juliet@example.com"), (" type='chat'", "juliet@example.com/tomb")] {
        romeo(&mut stage, &format!("<message to='{to}'{type_}/>"));
        assert_eq!(
            stage.told(BALCONY),
            [format!("<message to='{to}' from='romeo@example.net/orchard'{type_}/>")]
        );
    }
}

#[test]
fn r3921_11_1_22_requests_to_the_account_are_the_servers_to_answer() {
    let mut stage = verona();
    three(&mut stage);
    for (payload, condition) in [
        // A namespace that the server knows: the reply is the one that it defines for somebody else's account.
        ("<query xmlns='jabber:iq:roster'/>", "forbidden"),
        ("<query xmlns='jabber:iq:privacy'/>", "forbidden"),
        ("<q xmlns='urn:q'/>", "service-unavailable"),
    ] {
        let told = asks(&mut stage, "juliet@example.com", payload);
        // covers 3921-11.1-24
        // covers 3921-11.1-25
        assert_eq!(error(&told).0, condition);
        assert!(told.contains(" from='juliet@example.com' id='q' "), "{told}");
    }
    // covers 3921-11.1-24: the owner, whom it has something to tell
    let (_, roster) = stage.ask(
        GARDEN,
        "<iq to='juliet@example.com' type='get' id='r'><query xmlns='jabber:iq:roster' ver='no'/></iq>",
    );
    assert!(roster.contains(" id='r' type='result'><query xmlns='jabber:iq:roster' ver="), "{roster}");
    // covers 3921-11.1-23
    assert_eq!(heard(&mut stage), [0, 0, 0]);
}

#[test]
fn r3921_11_1_31_also_while_nobody_is_there() {
    for is_connected in [false, true] {
        let mut stage = verona();
        if is_connected {
            stage.login(GARDEN);
        }
        for (payload, condition) in [
            ("<query xmlns='jabber:iq:roster'/>", "forbidden"),
            ("<query xmlns='jabber:iq:privacy'/>", "forbidden"),
            ("<q xmlns='urn:q'/>", "service-unavailable"),
            (PING, "service-unavailable"),
        ] {
            let told = asks(&mut stage, "juliet@example.com", payload);
            // covers 3921-11.1-32
            // covers 3921-11.1-33
            assert_eq!(error(&told).0, condition);
        }
        if is_connected {
            // covers 3921-11.1-32: its own request is answered with a result
            let (_, told) =
                stage.ask(GARDEN, &format!("<iq to='juliet@example.com' type='get' id='p'>{PING}</iq>"));
            assert_eq!(
                told,
                "<iq to='juliet@example.com/garden' from='juliet@example.com' id='p' type='result'/>"
            );
        }
    }
}

#[test]
fn r3921_11_1_26_what_is_said_of_subscriptions_waits_for_somebody() {
    let mut stage = verona();
    stage.contact("juliet@example.com", "nurse@example.net", xmpp_im::store::Subscription::Both);
    for (from, type_) in [("romeo", "subscribe"), ("nurse", "unsubscribed")] {
        stage.arrives(&format!(
            "<presence from='{from}@example.net' to='juliet@example.com' type='{type_}'/>"
        ));
    }
    let told = |stage: &mut Stage| {
        online(stage, BALCONY, 0);
        let told = stage.told(BALCONY);
        stage.logout(BALCONY);
        let count =
            |type_: &str| told.iter().filter(|told| told.contains(&format!(" type='{type_}'"))).count();
        [count("subscribe"), count("unsubscribed")]
    };
    assert_eq!(told(&mut stage), [1, 1]);
    // covers 3921-11.1-27
    assert_eq!(told(&mut stage), [1, 0]);
    online(&mut stage, BALCONY, 0);
    stage.send(BALCONY, "<presence to='romeo@example.net' type='unsubscribed'/>");
    stage.logout(BALCONY);
    assert_eq!(told(&mut stage), [0, 0]);
}

#[test]
fn r3921_11_1_28_other_presence_does_not_wait() {
    let mut stage = verona();
    for presence in
        ["<presence to='juliet@example.com'/>", "<presence type='unavailable' to='juliet@example.com'/>"]
    {
        romeo(&mut stage, presence);
        assert_eq!(stage.gone(), [""; 0]);
    }
    online(&mut stage, BALCONY, 0);
    let told = stage.told(BALCONY);
    assert!(told.len() == 1 && !told[0].contains("romeo"), "{told:?}");
}

#[test]
fn r3921_11_1_29_a_message_waits_for_somebody() {
    let mut stage = patient_verona();
    for number in 1..=3 {
        romeo(
            &mut stage,
            &format!("<message to='juliet@example.com' id='m{number}'><body>?</body></message>"),
        );
    }
    assert_eq!(stage.gone(), [""; 0]);
    online(&mut stage, GARDEN, -1);
    assert_eq!(stage.told(GARDEN).len(), 1, "its own presence");
    online(&mut stage, BALCONY, 0);
    let told = stage.told(BALCONY);
    let late: Vec<_> = told.iter().filter(|told| told.starts_with("<message ")).collect();
    assert_eq!(late.len(), 3, "{told:?}");
    for (number, message) in late.into_iter().enumerate() {
        let number = number + 1;
        assert_eq!(
            *message,
            format!(
                "<message to='juliet@example.com' from='romeo@example.net/orchard' id='m{number}'><body>?</body>\
                 <delay xmlns='urn:xmpp:delay' from='example.com' stamp='1970-01-01T00:00:00Z'/></message>"
            )
        );
    }
    // Once.
    stage.logout(BALCONY);
    online(&mut stage, BALCONY, 0);
    assert!(!stage.told(BALCONY).concat().contains("<message "));
}

#[test]
fn r3921_11_1_30_or_is_refused() {
    let mut stage = verona();
    for (type_, condition) in [
        ("", Some("service-unavailable")),
        (" type='chat'", Some("service-unavailable")),
        (" type='groupchat'", Some("service-unavailable")),
        (" type='headline'", None),
        (" type='error'", None),
    ] {
        romeo(&mut stage, &format!("<message to='juliet@example.com'{type_}><body>?</body></message>"));
        let told = stage.gone();
        let conditions: Vec<_> = told.iter().map(|told| error(told).0).collect();
        assert_eq!(conditions, condition.into_iter().collect::<Vec<_>>(), "{type_}");
    }
}

/// Section 12.1: presence, subscriptions, rosters, privacy lists and routing, in one story of two servers.
#[test]
fn r3921_12_1_01_all_that_a_server_does() {
    const ORCHARD: &str = "romeo@example.net/orchard";
    let mut stage = Stage::new(&["example.com", "example.net"], &["juliet@example.com", "romeo@example.net"]);
    let texts = |told: Vec<String>| told.concat();
    stage.online(BALCONY);
    stage.online(ORCHARD);
    stage.send(ORCHARD, "<presence to='juliet@example.com' type='subscribe'/>");
    assert!(texts(stage.told(ORCHARD)).contains(" ask='subscribe'"));
    assert!(texts(stage.told(BALCONY)).contains(" type='subscribe'"));
    stage.send(BALCONY, "<presence to='romeo@example.net' type='subscribed'/>");
    assert_eq!(stage.roster("juliet@example.com"), ["romeo@example.net from"]);
    assert_eq!(stage.roster("romeo@example.net"), ["juliet@example.com to"]);
    stage.told(ORCHARD);
    stage.send(BALCONY, "<presence><show>away</show></presence>");
    assert!(texts(stage.told(ORCHARD)).contains(" from='juliet@example.com/balcony'><show>away</show>"));
    stage.send(ORCHARD, "<message to='juliet@example.com'><body>Ay</body></message>");
    assert!(texts(stage.told(BALCONY)).contains("<body>Ay</body>"));
    for query in [
        "<list name='l'><item type='jid' value='romeo@example.net' action='deny' order='1'/></list>",
        "<default name='l'/>",
    ] {
        stage.send(
            BALCONY,
            &format!("<iq type='set' id='l'><query xmlns='jabber:iq:privacy'>{query}</query></iq>"),
        );
    }
    stage.told(ORCHARD);
    stage.told(BALCONY);
    stage.send(ORCHARD, "<message to='juliet@example.com'><body>Ay</body></message>");
    stage.send(BALCONY, "<presence><show>dnd</show></presence>");
    assert!(!texts(stage.told(BALCONY)).contains("<body>"));
    assert!(!texts(stage.told(ORCHARD)).contains("<show>dnd"));
}
