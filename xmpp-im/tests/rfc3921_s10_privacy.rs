//! RFC 3921 section 10: privacy lists, in the RFC's own stanzas. Romeo has two resources, `orchard` and `home`; Tybalt is the enemy.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod stage;

use stage::script::lines;
use stage::{Stage, error, item, result};
use xmpp_im::limits::HostLimits;
use xmpp_im::store::{Change, Subscription};

const ORCHARD: &str = "romeo@example.net/orchard";
const HOME: &str = "romeo@example.net/home";
const PDA: &str = "tybalt@example.com/pda";
const BALCONY: &str = "juliet@example.com/balcony";

const PUBLIC: &str = "<list name='public'><item type='jid' value='tybalt@example.com' action='deny' order='1'/>\
                      <item action='allow' order='2'/></list>";
const PRIVATE: &str = "<list name='private'><item type='subscription' value='both' action='allow' order='10'/>\
                       <item action='deny' order='15'/></list>";
const SPECIAL: &str = "<list name='special'><item type='jid' value='juliet@example.com' action='allow' order='6'/>\
                       <item type='jid' value='benvolio@example.org' action='allow' order='7'/>\
                       <item type='jid' value='mercutio@example.org' action='allow' order='42'/>\
                       <item action='deny' order='666'/></list>";

/// Romeo, who loves Juliet and has Tybalt among his enemies, and those two.
fn verona() -> Stage {
    verona_with(HostLimits::new())
}

fn verona_with(limits: HostLimits) -> Stage {
    let accounts = ["romeo@example.net", "tybalt@example.com", "juliet@example.com"];
    let mut stage = Stage::with(limits, &["example.net", "example.com"], &accounts);
    let enemy = item("tybalt@example.com", Subscription::None).with_group("Enemies").with_version(1);
    let love = item("juliet@example.com", Subscription::Both).with_group("Friends").with_version(2);
    stage.keep("romeo@example.net", &[Change::SetRosterItem(enemy), Change::SetRosterItem(love)]);
    stage.contact("juliet@example.com", "romeo@example.net", Subscription::Both);
    stage
}

/// Romeo at one place or both, Tybalt and Juliet, all of them available.
fn all_online(romeo: &[&str]) -> Stage {
    let mut stage = verona();
    for client in [PDA, BALCONY].iter().chain(romeo) {
        stage.online(client);
    }
    for client in [PDA, BALCONY].iter().chain(romeo) {
        stage.told(client);
    }
    stage
}

fn set(id: &str, child: &str) -> String {
    format!("<iq type='set' id='{id}'><query xmlns='jabber:iq:privacy'>{child}</query></iq>")
}

fn get(id: &str, child: &str) -> String {
    format!("<iq type='get' id='{id}'><query xmlns='jabber:iq:privacy'>{child}</query></iq>")
}

fn push(to: &str, name: &str) -> String {
    format!(
        "<iq to='{to}' id='push' type='set'><query xmlns='jabber:iq:privacy'><list name='{name}'/></query></iq>"
    )
}

/// Sends a set that succeeds; the pushes are nobody's concern here.
fn done(stage: &mut Stage, client: &str, child: &str) {
    stage.send(client, &set("set", child));
    let told = stage.told(client);
    assert!(told.contains(&result(client, "set")), "{child}: {told:?}");
}

/// Sends a set that does not: the condition and type of the error.
fn refused(stage: &mut Stage, client: &str, child: &str) -> (&'static str, &'static str) {
    stage.send(client, &set("refused", child));
    let told = stage.told(client);
    assert_eq!(told.len(), 1, "{child}: {told:?}");
    error(&told[0])
}

/// Makes a list with this one item and applies it to Romeo as a whole.
fn apply(stage: &mut Stage, item: &str) {
    done(stage, ORCHARD, &format!("<list name='example'>{item}</list>"));
    done(stage, ORCHARD, "<default name='example'/>");
    stage.told(ORCHARD);
}

/// What one client is told of a message that another sends.
fn message(stage: &mut Stage, from: &str, to: &str, client: &str) -> usize {
    stage.send(from, &format!("<message to='{to}' type='chat'><body>Thou art a villain.</body></message>"));
    stage.told(client).len()
}

#[test]
fn retrieving_ones_privacy_lists() {
    let mut stage = verona();
    stage.login(ORCHARD);
    for list in [PUBLIC, PRIVATE, SPECIAL, "<default name='public'/>", "<active name='private'/>"] {
        done(&mut stage, ORCHARD, list);
    }
    let answer = |id: &str, content: &str| {
        format!(
            "<iq to='{ORCHARD}' id='{id}' type='result'><query xmlns='jabber:iq:privacy'>{content}</query></iq>"
        )
    };
    let names = "<active name='private'/><default name='public'/>\
                 <list name='private'/><list name='public'/><list name='special'/>";
    assert_eq!(stage.ask(ORCHARD, &get("getlist1", "")).1, answer("getlist1", names));
    for (id, name, list) in
        [("getlist2", "public", PUBLIC), ("getlist3", "private", PRIVATE), ("getlist4", "special", SPECIAL)]
    {
        assert_eq!(stage.ask(ORCHARD, &get(id, &format!("<list name='{name}'/>"))).1, answer(id, list));
    }
    let (_, missing) = stage.ask(ORCHARD, &get("getlist5", "<list name='The Empty Set'/>"));
    // covers 3921-10.3-01
    assert_eq!(error(&missing), ("item-not-found", "cancel"));
    let (_, several) = stage.ask(ORCHARD, &get("getlist6", "<list name='public'/><list name='private'/>"));
    // covers 3921-10.3-02
    assert_eq!(error(&several), ("bad-request", "modify"));
}

#[test]
fn managing_active_lists() {
    let mut stage = all_online(&[ORCHARD, HOME]);
    done(&mut stage, ORCHARD, SPECIAL);
    stage.told(HOME);
    stage.send(ORCHARD, &set("active1", "<active name='special'/>"));
    assert_eq!(stage.told(ORCHARD), [result(ORCHARD, "active1")]);
    // covers 3921-10.4-02
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 0);
    // covers 3921-10.2-01
    assert_eq!(message(&mut stage, PDA, HOME, HOME), 1, "it is active at one place only");
    assert_eq!(message(&mut stage, BALCONY, ORCHARD, ORCHARD), 1);

    // covers 3921-10.4-03
    assert_eq!(refused(&mut stage, ORCHARD, "<active name='The Empty Set'/>"), ("item-not-found", "cancel"));
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 0, "as it was");
    stage.send(ORCHARD, &set("active3", "<active/>"));
    assert_eq!(stage.told(ORCHARD), [result(ORCHARD, "active3")]);
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 1);
}

#[test]
fn an_active_list_ends_with_its_session() {
    let mut stage = all_online(&[ORCHARD]);
    done(&mut stage, ORCHARD, "<list name='nobody'><item action='deny' order='1'/></list>");
    done(&mut stage, ORCHARD, "<active name='nobody'/>");
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 0);
    stage.logout(ORCHARD);
    stage.online(ORCHARD);
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 1);
}

#[test]
fn managing_the_default_list() {
    let mut stage = all_online(&[ORCHARD, HOME]);
    for list in [PUBLIC, SPECIAL] {
        done(&mut stage, HOME, list);
    }
    stage.told(ORCHARD);
    stage.send(ORCHARD, &set("default1", "<default name='special'/>"));
    assert_eq!(stage.told(ORCHARD), [result(ORCHARD, "default1")]);
    assert_eq!(message(&mut stage, PDA, HOME, HOME), 0, "it is the user's, not the resource's");

    // covers 3921-10.5-03
    assert_eq!(refused(&mut stage, ORCHARD, "<default name='The Empty Set'/>"), ("item-not-found", "cancel"));
    // covers 3921-10.5-02
    assert_eq!(refused(&mut stage, ORCHARD, "<default name='public'/>"), ("conflict", "cancel"));
    // covers 3921-10.5-05
    assert_eq!(refused(&mut stage, ORCHARD, "<default/>"), ("conflict", "cancel"));
    let (_, names) = stage.ask(HOME, &get("names", ""));
    // covers 3921-10.2-14
    assert!(names.contains("<default name='special'/>"), "{names}");

    stage.logout(HOME);
    stage.told(ORCHARD);
    stage.send(ORCHARD, &set("default2", "<default/>"));
    assert_eq!(stage.told(ORCHARD), [result(ORCHARD, "default2")]);
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 1);
}

#[test]
fn r3921_10_6_04_editing_a_list_is_pushed_to_all_resources() {
    let mut stage = verona();
    for client in [ORCHARD, HOME] {
        // Connected is enough: neither has asked for anything.
        stage.login(client);
    }
    let edit = "<list name='public'><item type='jid' value='tybalt@example.com' action='deny' order='3'/>\
                <item type='jid' value='paris@example.org' action='deny' order='5'/>\
                <item action='allow' order='68'/></list>";
    stage.send(ORCHARD, &set("new1", PUBLIC));
    // covers 3921-10.7-01
    assert_eq!(stage.told(HOME), [push(HOME, "public")], "a new list");
    assert_eq!(stage.told(ORCHARD), [result(ORCHARD, "new1"), push(ORCHARD, "public")]);
    stage.send(ORCHARD, &set("edit1", edit));
    assert_eq!(stage.told(ORCHARD), [result(ORCHARD, "edit1"), push(ORCHARD, "public")]);
    // covers 3921-10.2-11
    assert_eq!(stage.told(HOME), [push(HOME, "public")]);
    for client in [ORCHARD, HOME] {
        stage.send(client, "<iq type='result' id='push1'/>");
        assert_eq!(stage.told(client), Vec::<String>::new());
    }
    assert!(stage.ask(HOME, &get("get", "<list name='public'/>")).1.contains(edit));
}

#[test]
fn r3921_10_8_02_removing_a_list() {
    let mut stage = all_online(&[ORCHARD, HOME]);
    for list in [PUBLIC, PRIVATE, SPECIAL, "<default name='public'/>"] {
        done(&mut stage, ORCHARD, list);
    }
    done(&mut stage, HOME, "<active name='private'/>");
    stage.told(HOME);
    assert_eq!(refused(&mut stage, ORCHARD, "<list name='private'/>"), ("conflict", "cancel"));
    assert_eq!(
        refused(&mut stage, HOME, "<list name='public'/>"),
        ("conflict", "cancel"),
        "it applies to orchard"
    );
    // covers 3921-10.8-04
    assert_eq!(refused(&mut stage, ORCHARD, "<list name='The Empty Set'/>"), ("item-not-found", "cancel"));
    let several = "<list name='special'/><list name='private'/>";
    // covers 3921-10.8-05
    assert_eq!(refused(&mut stage, ORCHARD, several), ("bad-request", "modify"));
    let (_, names) = stage.ask(ORCHARD, &get("names", ""));
    // covers 3921-10.2-14
    assert!(names.contains("<list name='private'/><list name='public'/><list name='special'/>"), "{names}");

    stage.send(HOME, &set("remove1", "<list name='private'/>"));
    assert_eq!(stage.told(HOME), [result(HOME, "remove1"), push(HOME, "private")]);
    assert_eq!(stage.told(ORCHARD), [push(ORCHARD, "private")]);
    assert_eq!(message(&mut stage, PDA, HOME, HOME), 0, "now the default list applies");
}

#[test]
fn r3921_10_1_15_requests_that_are_refused() {
    let mut stage = verona();
    stage.login(ORCHARD);
    for child in ["", &format!("{PUBLIC}{PRIVATE}"), "<active/><default/>", "<list/>", "<block/>"] {
        assert_eq!(refused(&mut stage, ORCHARD, child), ("bad-request", "modify"), "{child}");
    }
    let twice = PUBLIC.replace("order='2'", "order='1'");
    // covers 3921-10.1-11
    assert_eq!(refused(&mut stage, ORCHARD, &twice), ("bad-request", "modify"));
    let group = "<list name='l'><item type='group' value='Nobody' action='deny' order='1'/></list>";
    // covers 3921-10.1-05
    assert_eq!(refused(&mut stage, ORCHARD, group), ("item-not-found", "cancel"));
    assert_eq!(
        stage.ask(ORCHARD, &get("names", "")).1,
        format!("<iq to='{ORCHARD}' id='names' type='result'><query xmlns='jabber:iq:privacy'/></iq>")
    );
}

#[test]
fn nobody_elses_lists() {
    let mut stage = all_online(&[ORCHARD]);
    for request in [
        get("1", "").replace("<iq ", "<iq to='romeo@example.net' "),
        set("2", "<active/>").replace("<iq ", "<iq to='romeo@example.net' "),
    ] {
        stage.send(PDA, &request);
        assert_eq!(error(&stage.told(PDA)[0]), ("forbidden", "auth"));
    }
}

/// The ways of section 10.9 to say "Tybalt", and everybody.
const WAYS: [&str; 4] = [
    "type='jid' value='tybalt@example.com'",
    "type='group' value='Enemies'",
    "type='subscription' value='none'",
    "",
];

#[test]
fn r3921_10_9_01_blocking_messages() {
    for way in WAYS {
        let mut stage = all_online(&[ORCHARD]);
        apply(&mut stage, &format!("<item {way} action='deny' order='3'><message/></item>"));
        for to in [ORCHARD, "romeo@example.net"] {
            assert_eq!(message(&mut stage, PDA, to, ORCHARD), 0, "{way}");
            // covers 3921-10.14-02
            assert_eq!(stage.told(PDA), Vec::<String>::new(), "{way}");
        }
        assert_eq!(message(&mut stage, BALCONY, ORCHARD, ORCHARD), usize::from(!way.is_empty()), "{way}");
        // Only messages, and only inbound ones.
        stage.send(
            PDA,
            &format!("<iq to='{ORCHARD}' type='get' id='v'><query xmlns='jabber:iq:version'/></iq>"),
        );
        assert_eq!(message(&mut stage, ORCHARD, PDA, PDA).min(1), 1, "{way}");
    }
}

#[test]
fn r3921_10_10_01_blocking_inbound_presence() {
    for way in WAYS {
        let mut stage = all_online(&[ORCHARD]);
        apply(&mut stage, &format!("<item {way} action='deny' order='7'><presence-in/></item>"));
        stage.send(PDA, &format!("<presence to='{ORCHARD}'/>"));
        stage.send(PDA, &format!("<presence to='{ORCHARD}' type='unavailable'/>"));
        assert_eq!(stage.told(ORCHARD), Vec::<String>::new(), "{way}");
        assert_eq!(stage.told(PDA), Vec::<String>::new(), "{way}");
        stage.send(PDA, "<presence to='romeo@example.net' type='subscribe'/>");
        let told = stage.told(ORCHARD);
        assert!(told.iter().any(|told| told.contains("type='subscribe'")), "{way}: {told:?}");
        assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 1, "{way}");
    }
}

#[test]
fn r3921_10_11_01_blocking_outbound_presence() {
    let ways = [
        "type='jid' value='juliet@example.com'",
        "type='group' value='Friends'",
        "type='subscription' value='both'",
        "",
    ];
    for way in ways {
        let mut stage = all_online(&[ORCHARD]);
        apply(&mut stage, &format!("<item {way} action='deny' order='13'><presence-out/></item>"));
        // She knew him to be there, and is told that he is gone (XEP-0016 section 2.11).
        let gone = format!("<presence to='juliet@example.com' from='{ORCHARD}' type='unavailable'/>");
        assert_eq!(stage.told(BALCONY), [gone], "{way}");
        stage.send(ORCHARD, "<presence><show>away</show></presence>");
        assert_eq!(stage.told(BALCONY), Vec::<String>::new(), "{way}");
        stage.told(ORCHARD);
        // What he sends her himself he hears of.
        stage.send(ORCHARD, &format!("<presence to='{BALCONY}'/>"));
        assert_eq!(error(&stage.told(ORCHARD)[0]), ("not-acceptable", "cancel"), "{way}");
        assert_eq!(stage.told(BALCONY), Vec::<String>::new(), "{way}");
        assert_eq!(message(&mut stage, ORCHARD, BALCONY, BALCONY), 1, "{way}");
        // She hears of him again, as he is now.
        done(&mut stage, ORCHARD, "<default/>");
        let told = stage.told(BALCONY);
        assert_eq!(told.len(), 1, "{way}: {told:?}");
        assert!(told[0].contains("<show>away</show>"), "{way}: {told:?}");
    }
}

#[test]
fn who_hides_is_not_seen_to_come_or_go() {
    let mut stage = all_online(&[ORCHARD]);
    apply(&mut stage, "<item type='group' value='Friends' action='deny' order='13'><presence-out/></item>");
    stage.told(BALCONY);
    stage.send(ORCHARD, "<presence type='unavailable'/>");
    stage.send(ORCHARD, "<presence/>");
    stage.logout(ORCHARD);
    stage.online(ORCHARD);
    assert_eq!(stage.told(BALCONY), Vec::<String>::new());
    // The probe that goes out as Juliet comes back.
    stage.logout(BALCONY);
    stage.interested(BALCONY);
    stage.send(BALCONY, "<presence/>");
    let told = stage.told(BALCONY);
    assert!(!told.iter().any(|told| told.contains("romeo@example.net")), "{told:?}");
    // He still hears of her.
    let told = stage.told(ORCHARD);
    assert!(told.iter().any(|told| told.contains(BALCONY)), "{told:?}");
    // A session that may be seen shows itself and no other.
    done(&mut stage, ORCHARD, "<list name='all'><item action='allow' order='1'/></list>");
    stage.online(HOME);
    done(&mut stage, HOME, "<active name='all'/>");
    assert_eq!(stage.told(BALCONY), [format!("<presence to='juliet@example.com' from='{HOME}'/>")]);
    stage.logout(ORCHARD);
    stage.logout(HOME);
    let gone = format!("<presence to='juliet@example.com' from='{HOME}' type='unavailable'/>");
    assert_eq!(stage.told(BALCONY), [gone]);
}

#[test]
fn r3921_5_1_1_05_nobody_is_asked_for_what_would_not_be_heard() {
    let ways = [
        "type='jid' value='juliet@example.com'",
        "type='group' value='Friends'",
        "type='subscription' value='both'",
        "",
    ];
    let goes_out = |item: &str| {
        let mut stage = all_online(&[ORCHARD]);
        apply(&mut stage, item);
        stage.logout(ORCHARD);
        stage.login(ORCHARD);
        stage.wire();
        stage.send(ORCHARD, "<presence/>");
        lines(
            &stage
                .wire()
                .into_iter()
                .filter(|stanza| stanza.to() == Some(&stage::jid("juliet@example.com")))
                .collect::<Vec<_>>(),
        )
    };
    let available = format!("available {ORCHARD} > juliet@example.com");
    let probe = "probe romeo@example.net > juliet@example.com".to_owned();
    let other = "<item type='jid' value='tybalt@example.com' action='deny' order='1'/>";
    assert_eq!(goes_out(other), [available.as_str(), probe.as_str()]);
    for way in ways {
        let deny = |kind: &str| goes_out(&format!("<item {way} action='deny' order='7'><{kind}/></item>"));
        assert_eq!(deny("presence-in"), [available.as_str()], "{way}");
        // covers 3921-5.1.1-06
        assert_eq!(deny("presence-out"), [probe.as_str()], "{way}");
    }
}

#[test]
fn r3921_5_1_3_06_who_is_kept_from_ones_presence_gets_no_answer() {
    let mut stage = all_online(&[ORCHARD, HOME]);
    apply(&mut stage, "<item type='group' value='Friends' action='deny' order='13'><presence-out/></item>");
    for resource in ["", "/orchard", "/home", "/nowhere"] {
        let probe = format!("<presence type='probe' to='romeo@example.net{resource}' id='p'/>");
        stage.told(BALCONY);
        stage.send(BALCONY, &probe);
        assert_eq!(stage.told(BALCONY), Vec::<String>::new(), "{resource}");
    }
    for client in [ORCHARD, HOME] {
        stage.logout(client);
    }
    stage.send(BALCONY, "<presence type='probe' to='romeo@example.net' id='p'/>");
    assert_eq!(stage.told(BALCONY), Vec::<String>::new(), "nor when nobody is there");
}

#[test]
fn who_is_blocked_learns_nothing_by_asking() {
    let mut stage = all_online(&[ORCHARD]);
    apply(&mut stage, "<item type='jid' value='juliet@example.com' action='deny' order='1'/>");
    stage.logout(BALCONY);
    stage.interested(BALCONY);
    stage.send(BALCONY, "<presence/>");
    let told = stage.told(BALCONY);
    assert!(!told.iter().any(|told| told.contains("romeo@example.net")), "{told:?}");
    stage.told(ORCHARD);
    stage.send(BALCONY, "<presence to='romeo@example.net' type='unsubscribe'/>");
    assert_eq!(stage.told(ORCHARD), Vec::<String>::new());
    let roster = stage.roster("romeo@example.net");
    assert_eq!(roster, ["juliet@example.com both", "tybalt@example.com none"]);
}

#[test]
fn r3921_10_12_01_blocking_iqs() {
    for way in WAYS {
        let mut stage = all_online(&[ORCHARD]);
        apply(&mut stage, &format!("<item {way} action='deny' order='29'><iq/></item>"));
        for type_ in ["get", "set"] {
            stage.send(
                PDA,
                &format!("<iq to='{ORCHARD}' type='{type_}' id='i'><query xmlns='jabber:iq:version'/></iq>"),
            );
            // covers 3921-10.14-03
            assert_eq!(error(&stage.told(PDA)[0]), ("service-unavailable", "cancel"), "{way}");
        }
        for type_ in ["result", "error"] {
            stage.send(PDA, &format!("<iq to='{ORCHARD}' type='{type_}' id='i'/>"));
            // covers 3921-10.14-04
            assert_eq!(stage.told(PDA), Vec::<String>::new(), "{way}");
        }
        assert_eq!(stage.told(ORCHARD), Vec::<String>::new(), "{way}");
        assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 1, "{way}");
    }
}

#[test]
fn r3921_10_13_01_blocking_all_communication() {
    for way in &WAYS[1..] {
        let mut stage = all_online(&[ORCHARD]);
        apply(&mut stage, &format!("<item {way} action='deny' order='13'/>"));
        stage.told(BALCONY);
        for type_ in ["subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe", "unavailable"] {
            stage.send(PDA, &format!("<presence to='romeo@example.net' type='{type_}'/>"));
        }
        stage.told(PDA);
        assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 0, "{way}");
        assert_eq!(stage.told(PDA), Vec::<String>::new(), "{way}");
        let before = stage.roster("romeo@example.net");
        for stanza in [
            format!("<message to='{PDA}'><body>Villain am I none.</body></message>"),
            "<presence to='tybalt@example.com' type='subscribe'/>".into(),
            format!("<presence to='{PDA}'/>"),
            format!("<iq to='{PDA}' type='get' id='q'><query xmlns='jabber:iq:version'/></iq>"),
        ] {
            stage.send(ORCHARD, &stanza);
            let told = stage.told(ORCHARD);
            assert_eq!(told.len(), 1, "{way} {stanza}: {told:?}");
            assert_eq!(error(&told[0]), ("not-acceptable", "cancel"), "{way} {stanza}");
        }
        stage.send(ORCHARD, &format!("<iq to='{PDA}' type='result' id='r'/>"));
        assert_eq!(stage.told(ORCHARD), Vec::<String>::new(), "nobody answers answers");
        assert_eq!(stage.told(PDA), Vec::<String>::new(), "{way}");
        assert_eq!(stage.roster("romeo@example.net"), before, "{way}");
    }
}

#[test]
fn r3921_10_14_03_a_blocked_entity_sends_an_iq_get() {
    let mut stage = all_online(&[ORCHARD]);
    apply(&mut stage, "<item type='jid' value='tybalt@example.com' action='deny' order='1'/>");
    let payload = "<query xmlns='jabber:iq:version'/>";
    stage.send(PDA, &format!("<iq type='get' to='romeo@example.net' id='probing1'>{payload}</iq>"));
    assert_eq!(
        stage.told(PDA),
        [format!(
            "<iq to='{PDA}' from='romeo@example.net' id='probing1' type='error'>{payload}<error type='cancel'>\
             <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        )]
    );
}

#[test]
fn r3921_10_2_02_no_layering() {
    let mut stage = all_online(&[ORCHARD]);
    apply(&mut stage, "<item type='group' value='Enemies' action='deny' order='1'/>");
    done(&mut stage, ORCHARD, "<list name='all'><item action='allow' order='1'/></list>");
    done(&mut stage, ORCHARD, "<active name='all'/>");
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 1);
}

#[test]
fn r3921_10_2_03_the_default_list_applies_without_session() {
    let mut stage = all_online(&[ORCHARD]);
    apply(&mut stage, "<item type='group' value='Enemies' action='deny' order='1'/>");
    stage.logout(ORCHARD);
    stage.told(BALCONY);
    assert_eq!(message(&mut stage, PDA, "romeo@example.net", PDA), 0);
    stage.send(PDA, "<presence to='romeo@example.net' type='subscribe'/>");
    stage.told(PDA);
    assert_eq!(
        message(&mut stage, BALCONY, "romeo@example.net", BALCONY),
        1,
        "who is not denied is answered"
    );
    stage.online(ORCHARD);
    stage.told(ORCHARD);
    let data = stage.stored("romeo@example.net");
    // covers 3921-11.1-01
    // covers 3921-10.2-05
    assert!(data.pending().is_empty(), "the request never came to the subscription rules");
    // covers 3921-14-01
    assert_eq!(stage.roster("romeo@example.net"), ["juliet@example.com both", "tybalt@example.com none"]);
}

#[test]
fn r3921_10_2_04_without_lists_everything_goes_its_way() {
    let mut stage = all_online(&[ORCHARD]);
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 1);
    done(&mut stage, ORCHARD, "<list name='nobody'><item action='deny' order='1'/></list>");
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 1, "a list that nobody uses");
    assert_eq!(message(&mut stage, ORCHARD, PDA, PDA), 1);
}

#[test]
fn r3921_10_2_09_an_updated_list_takes_effect_at_once() {
    let mut stage = all_online(&[ORCHARD, HOME]);
    done(&mut stage, ORCHARD, "<list name='l'><item action='allow' order='1'/></list>");
    for client in [ORCHARD, HOME] {
        done(&mut stage, client, "<active name='l'/>");
    }
    done(
        &mut stage,
        ORCHARD,
        "<list name='l'><item type='group' value='Enemies' action='deny' order='1'/></list>",
    );
    for client in [ORCHARD, HOME] {
        stage.told(client);
        assert_eq!(message(&mut stage, PDA, client, client), 0, "{client}");
    }
}

#[test]
fn r3921_10_2_10_a_changed_group_takes_effect_at_once() {
    let mut stage = all_online(&[ORCHARD]);
    apply(&mut stage, "<item type='group' value='Enemies' action='deny' order='1'/>");
    let move_to = |jid: &str, group: &str| {
        format!(
            "<iq type='set' id='m'><query xmlns='jabber:iq:roster'><item jid='{jid}'><group>{group}</group></item></query></iq>"
        )
    };
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 0);
    stage.send(ORCHARD, &move_to("tybalt@example.com", "Friends"));
    stage.told(ORCHARD);
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 1);
    // Who becomes an enemy sees him leave, and who is one no longer sees him again.
    stage.send(ORCHARD, &move_to("juliet@example.com", "Enemies"));
    assert_eq!(
        stage.told(BALCONY),
        [format!("<presence to='juliet@example.com' from='{ORCHARD}' type='unavailable'/>")]
    );
    stage.send(ORCHARD, &move_to("juliet@example.com", "Love"));
    assert_eq!(stage.told(BALCONY), [format!("<presence to='juliet@example.com' from='{ORCHARD}'/>")]);
    stage.send(ORCHARD, &move_to("juliet@example.com", "Wife"));
    assert_eq!(stage.told(BALCONY), Vec::<String>::new(), "nothing that concerns her presence");
}

#[test]
fn a_message_for_all_goes_to_those_whose_lists_admit_it() {
    let mut stage = all_online(&[ORCHARD, HOME]);
    done(&mut stage, ORCHARD, "<list name='nobody'><item action='deny' order='1'/></list>");
    done(&mut stage, ORCHARD, "<active name='nobody'/>");
    stage.told(HOME);
    stage.send(PDA, "<message to='romeo@example.net' type='headline'><body>News</body></message>");
    assert_eq!((stage.told(ORCHARD).len(), stage.told(HOME).len()), (0, 1));
    done(&mut stage, HOME, "<active name='nobody'/>");
    stage.send(PDA, "<message to='romeo@example.net' type='chat'><body>Villain</body></message>");
    assert_eq!((stage.told(ORCHARD).len(), stage.told(HOME).len()), (0, 0));
    stage.send(PDA, "<iq to='romeo@example.net' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(error(&stage.told(PDA)[0]), ("service-unavailable", "cancel"));
}

#[test]
fn nobody_is_kept_from_his_own_resources_and_lists() {
    let mut stage = all_online(&[ORCHARD, HOME]);
    for client in [ORCHARD, HOME] {
        done(&mut stage, client, "<list name='nobody'><item action='deny' order='1'/></list>");
        done(&mut stage, client, "<active name='nobody'/>");
    }
    stage.told(ORCHARD);
    stage.told(HOME);
    assert_eq!(message(&mut stage, ORCHARD, HOME, HOME), 1);
    stage.send(ORCHARD, "<presence><show>dnd</show></presence>");
    assert_eq!(stage.told(HOME).len(), 1);
    stage.send(ORCHARD, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    assert!(stage.told(ORCHARD).iter().any(|told| told.contains("tybalt@example.com")));
    done(&mut stage, ORCHARD, "<active/>");
}

#[test]
fn what_could_not_be_stored_is_not_so() {
    let mut stage = all_online(&[ORCHARD, HOME]);
    done(&mut stage, ORCHARD, "<list name='nobody'><item action='deny' order='1'/></list>");
    done(&mut stage, ORCHARD, "<active name='nobody'/>");
    stage.told(HOME);
    stage.slow_storage("example.net");
    stage.send(HOME, &set("slow", PUBLIC));
    assert_eq!(stage.told(HOME), Vec::<String>::new(), "nothing is said before it is true");
    stage.fail("example.net");
    assert_eq!(error(&stage.told(HOME)[0]), ("internal-server-error", "cancel"));
    assert_eq!(stage.told(ORCHARD), Vec::<String>::new());
    let (_, names) = stage.ask(ORCHARD, &get("names", ""));
    assert!(names.contains("<active name='nobody'/><list name='nobody'/></query>"), "{names}");
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 0, "what a session uses outlives the failure");

    stage.send(ORCHARD, &set("remove", "<list name='nobody'/>"));
    stage.fail("example.net");
    stage.told(ORCHARD);
    assert_eq!(message(&mut stage, PDA, ORCHARD, ORCHARD), 0, "it is still there, and still in use");
}

#[test]
fn lists_outlive_their_sessions() {
    let mut stage = verona();
    stage.login(ORCHARD);
    for list in [PUBLIC, PRIVATE, "<default name='public'/>"] {
        done(&mut stage, ORCHARD, list);
    }
    stage.logout(ORCHARD);
    stage.login(ORCHARD);
    let (_, names) = stage.ask(ORCHARD, &get("names", ""));
    assert!(
        names.contains("<default name='public'/><list name='private'/><list name='public'/></query>"),
        "{names}"
    );
    assert!(stage.ask(ORCHARD, &get("get", "<list name='public'/>")).1.contains(PUBLIC));
}

#[test]
fn there_is_an_end_to_lists() {
    let mut stage = verona_with(HostLimits::new().with_privacy_lists(2).with_privacy_items(2));
    stage.login(ORCHARD);
    done(&mut stage, ORCHARD, PUBLIC);
    done(&mut stage, ORCHARD, PRIVATE);
    assert_eq!(refused(&mut stage, ORCHARD, &PRIVATE.replace("private", "third")), ("not-allowed", "cancel"));
    assert_eq!(
        refused(&mut stage, ORCHARD, &SPECIAL.replace("special", "public")),
        ("not-acceptable", "modify")
    );
}
