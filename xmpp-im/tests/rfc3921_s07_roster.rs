//! RFC 3921 section 7: rosters, and section 8.6: what the removal of a contact ends. Where RFC 6121 changes a rule, its story is in
//! `rfc6121_s02_roster.rs`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod stage;

use stage::{Stage, error, item, result, stanza};
use xmpp_core::stanza::Stanza;
use xmpp_im::limits::HostLimits;
use xmpp_im::store::{Change, Pending, Subscription};

const BALCONY: &str = "juliet@example.com/balcony";
const CHAMBER: &str = "juliet@example.com/chamber";

fn verona() -> Stage {
    Stage::new(&["example.com", "example.net"], &["juliet@example.com", "romeo@example.net"])
}

fn set(id: &str, item: &str) -> String {
    format!("<iq type='set' id='{id}'><query xmlns='jabber:iq:roster'>{item}</query></iq>")
}

fn push(to: &str, ver: &str, item: &str) -> String {
    format!(
        "<iq to='{to}' id='push' type='set'><query xmlns='jabber:iq:roster' ver='{ver}'>{item}</query></iq>"
    )
}

#[test]
fn r3921_7_1_03_the_roster_on_login() {
    let mut stage = verona();
    stage.keep(
        "juliet@example.com",
        &[
            Change::SetRosterItem(
                item("romeo@example.net", Subscription::Both)
                    .with_name("Romeo")
                    .with_group("Friends")
                    .with_version(1),
            ),
            Change::SetRosterItem(
                item("mercutio@example.org", Subscription::From).with_name("Mercutio").with_version(2),
            ),
            Change::SetRosterItem(
                item("benvolio@example.org", Subscription::Both).with_name("Benvolio").with_version(3),
            ),
        ],
    );
    stage.login(BALCONY);
    let get = format!("<iq from='{BALCONY}' type='get' id='roster_1'><query xmlns='jabber:iq:roster'/></iq>");
    stage.send(BALCONY, &get);
    assert_eq!(
        stage.told(BALCONY),
        [format!(
            "<iq to='{BALCONY}' id='roster_1' type='result'><query xmlns='jabber:iq:roster' ver='1-3'>\
             <item jid='benvolio@example.org' name='Benvolio' subscription='both'/>\
             <item jid='mercutio@example.org' name='Mercutio' subscription='from'/>\
             <item jid='romeo@example.net' name='Romeo' subscription='both'><group>Friends</group></item>\
             </query></iq>"
        )]
    );
}

#[test]
fn r3921_7_4_02_a_new_item_is_stored_and_pushed() {
    let mut stage = verona();
    stage.interested(BALCONY);
    stage.interested(CHAMBER);
    let nurse = "<item jid='nurse@example.com' name='Nurse'><group>Servants</group></item>";
    stage.send(BALCONY, &set("roster_2", nurse));
    let pushed =
        "<item jid='nurse@example.com' name='Nurse' subscription='none'><group>Servants</group></item>";
    // covers 3921-7.2-02: no address is needed, it is the sender's roster
    assert_eq!(stage.told(BALCONY), [push(BALCONY, "1-1", pushed), result(BALCONY, "roster_2")]);
    assert_eq!(stage.told(CHAMBER), [push(CHAMBER, "1-1", pushed)]);
    let stored = item("nurse@example.com", Subscription::None).with_name("Nurse").with_group("Servants");
    assert_eq!(stage.stored("juliet@example.com").roster(), [stored.with_version(1)]);
}

#[test]
fn r3921_7_3_03_who_has_not_asked_for_the_roster_gets_no_pushes() {
    let mut stage = verona();
    stage.interested(BALCONY);
    stage.login(CHAMBER);
    stage.send(CHAMBER, "<presence/>");
    stage.told(CHAMBER);
    stage.send(BALCONY, &set("roster_2", "<item jid='nurse@example.com'/>"));
    assert_eq!(stage.told(CHAMBER), [""; 0]);
}

#[test]
fn r3921_7_1_01_an_item_has_an_address() {
    let mut stage = verona();
    stage.interested(BALCONY);
    let (_, answer) = stage.ask(BALCONY, &set("1", "<item name='Nurse'/>"));
    assert_eq!(error(&answer), ("bad-request", "modify"));
    let (_, answer) = stage.ask(BALCONY, &set("2", "<item jid='nurse@'/>"));
    assert_eq!(error(&answer), ("jid-malformed", "modify"));
    assert!(stage.roster("juliet@example.com").is_empty());
}

#[test]
fn r3921_7_1_04_names_and_groups_are_the_users_own() {
    let mut stage = verona();
    stage.interested(BALCONY);
    let odd = "<item jid='nurse@example.com' name=' N\u{fc}rse &amp; &lt;co> '><group> My::Gr\u{f6}up </group></item>";
    stage.send(BALCONY, &set("1", odd));
    let stored = stage.stored("juliet@example.com");
    assert_eq!(stored.roster()[0].name(), Some(" N\u{fc}rse & <co> "));
    // covers 3921-7.1-05
    assert_eq!(stored.roster()[0].groups().collect::<Vec<_>>(), [" My::Gr\u{f6}up "]);
}

#[test]
fn r3921_7_5_01_an_item_is_updated() {
    let mut stage = verona();
    stage.contact("juliet@example.com", "romeo@example.net", Subscription::Both);
    stage.interested(BALCONY);
    stage.interested(CHAMBER);
    let romeo = |subscription: &str| {
        format!(
            "<item jid='romeo@example.net' name='Romeo'{subscription}><group>Friends</group><group>Lovers</group></item>"
        )
    };
    stage.send(CHAMBER, &set("roster_3", &romeo(" subscription='both'")));
    let pushed = push(BALCONY, "1-2", &romeo(" subscription='both'"));
    assert_eq!(stage.told(BALCONY), [pushed]);
    assert_eq!(stage.told(CHAMBER).len(), 2);
    let stored = item("romeo@example.net", Subscription::Both).with_name("Romeo");
    let stored = stored.with_group("Friends").with_group("Lovers").with_version(2);
    assert_eq!(stage.stored("juliet@example.com").roster(), [stored]);
}

#[test]
fn r3921_7_6_02_a_client_sets_no_subscription() {
    let mut stage = verona();
    stage.contact("juliet@example.com", "romeo@example.net", Subscription::From);
    stage.interested(BALCONY);
    for subscription in ["both", "to", "none", "Remove", "removed", ""] {
        let romeo = format!("<item jid='romeo@example.net' subscription='{subscription}'/>");
        stage.send(BALCONY, &set("1", &romeo));
        assert_eq!(stage.roster("juliet@example.com"), ["romeo@example.net from"], "{subscription}");
    }
    assert_eq!(stage.gone(), [""; 0]);
}

#[test]
fn r3921_7_6_03_an_item_is_deleted() {
    let mut stage = verona();
    stage.contact("juliet@example.com", "nurse@example.com", Subscription::None);
    stage.interested(BALCONY);
    stage.interested(CHAMBER);
    stage.send(BALCONY, &set("roster_4", "<item jid='nurse@example.com' subscription='remove'/>"));
    let removed = "<item jid='nurse@example.com' subscription='remove'/>";
    // covers 3921-8.6-03
    assert_eq!(stage.told(BALCONY), [push(BALCONY, "1-2", removed), result(BALCONY, "roster_4")]);
    // covers 3921-8.6-02
    assert_eq!(stage.told(CHAMBER), [push(CHAMBER, "1-2", removed)]);
    assert!(stage.roster("juliet@example.com").is_empty());
}

/// What the removal of a contact at another server sends there, while the user has two available resources.
fn removal(subscription: Subscription, ask: bool) -> Vec<String> {
    let mut stage = Stage::new(&["example.com"], &["user@example.com"]);
    let contact = item("contact@example.org", subscription).with_ask(ask).with_version(1);
    stage.keep("user@example.com", &[Change::SetRosterItem(contact)]);
    stage.online("user@example.com/resource");
    stage.online("user@example.com/other");
    stage.login("user@example.com/silent");
    stage.gone();
    stage.send(
        "user@example.com/resource",
        &set("remove1", "<item jid='contact@example.org' subscription='remove'/>"),
    );
    assert_eq!(
        stage.told("user@example.com/resource").last().unwrap(),
        &result("user@example.com/resource", "remove1")
    );
    stage.gone()
}

#[test]
fn r3921_8_6_01_a_removal_cancels_what_there_is() {
    let presence = |from: &str, type_: &str| {
        format!("<presence to='contact@example.org' from='user@example.com{from}' type='{type_}'/>")
    };
    let unsubscribe = || presence("", "unsubscribe");
    let end = || {
        vec![
            presence("/resource", "unavailable"),
            presence("/other", "unavailable"),
            presence("", "unsubscribed"),
        ]
    };
    assert_eq!(removal(Subscription::None, false), [""; 0]);
    assert_eq!(removal(Subscription::None, true), [unsubscribe()]);
    assert_eq!(removal(Subscription::To, false), [unsubscribe()]);
    assert_eq!(removal(Subscription::From, false), end());
    // covers 3921-8.6-04
    assert_eq!(removal(Subscription::Both, false), [vec![unsubscribe()], end()].concat());
}

#[test]
fn a_removal_ends_directed_presence_too() {
    let mut stage = Stage::new(&["example.com"], &["user@example.com"]);
    stage.contact("user@example.com", "contact@example.org", Subscription::From);
    stage.online("user@example.com/resource");
    stage.interested("user@example.com/silent");
    for client in ["user@example.com/resource", "user@example.com/silent"] {
        stage.send(client, "<presence to='contact@example.org/desk'/>");
    }
    stage.gone();
    let remove = set("1", "<item jid='contact@example.org' subscription='remove'/>");
    stage.send("user@example.com/resource", &remove);
    let unavailable = |to: &str, from: &str| {
        format!("<presence to='contact@example.org{to}' from='user@example.com/{from}' type='unavailable'/>")
    };
    let told = stage.gone();
    assert_eq!(told[..2], [unavailable("", "resource"), unavailable("/desk", "silent")]);
    assert_eq!(told.len(), 3);
    // They have been told, so nobody is told again.
    stage.logout("user@example.com/resource");
    stage.logout("user@example.com/silent");
    assert_eq!(stage.gone(), [""; 0]);
}

#[test]
fn a_removal_answers_what_was_kept_of_the_contact() {
    let mut stage = Stage::new(&["example.com"], &["user@example.com"]);
    let kept = |type_: &str| {
        let text = format!("<presence from='contact@example.org' to='user@example.com' type='{type_}'/>");
        let Stanza::Presence(presence) = stanza(&text) else { panic!("{text}") };
        Change::KeepPending(Pending::new(presence).unwrap())
    };
    let contact = item("contact@example.org", Subscription::None).with_version(1);
    stage
        .keep("user@example.com", &[Change::SetRosterItem(contact), kept("subscribe"), kept("unsubscribed")]);
    stage.interested("user@example.com/resource");
    stage.send(
        "user@example.com/resource",
        &set("1", "<item jid='contact@example.org' subscription='remove'/>"),
    );
    // The request is refused (section 9.4), and nothing is left of either.
    assert_eq!(
        stage.gone(),
        ["<presence to='contact@example.org' from='user@example.com' type='unsubscribed'/>"]
    );
    assert!(stage.stored("user@example.com").pending().is_empty());
}

#[test]
fn a_removal_that_cannot_be_stored_has_not_happened() {
    let mut stage = Stage::new(&["example.com"], &["user@example.com"]);
    stage.contact("user@example.com", "contact@example.org", Subscription::Both);
    stage.online("user@example.com/resource");
    stage.gone();
    stage.slow_storage("example.com");
    let remove = set("1", "<item jid='contact@example.org' subscription='remove'/>");
    stage.send("user@example.com/resource", &remove);
    assert_eq!((stage.told("user@example.com/resource"), stage.gone()), (vec![], vec![]));
    stage.fail("example.com");
    let told = stage.told("user@example.com/resource");
    assert_eq!(error(&told[0]).0, "internal-server-error");
    assert!(!told.iter().any(|told| told.contains("'push'")), "{told:?}");
    assert!(!stage.gone().iter().any(|gone| gone.contains("unsubscribe")));
    assert_eq!(stage.roster("user@example.com"), ["contact@example.org both"]);

    // Once more, and it has.
    stage.send("user@example.com/resource", &remove);
    stage.store("example.com");
    assert_eq!(stage.told("user@example.com/resource").len(), 2);
    assert_eq!(stage.gone().len(), 3);
}

#[test]
fn two_resources_race_for_the_same_item() {
    let mut stage = verona();
    stage.interested(BALCONY);
    stage.interested(CHAMBER);
    stage.slow_storage("example.com");
    stage.send(BALCONY, &set("b", "<item jid='nurse@example.com' name='Nurse'/>"));
    stage.send(CHAMBER, &set("c", "<item jid='nurse@example.com' name='Angelica'/>"));
    stage.send(BALCONY, &set("b2", "<item jid='nurse@example.com' subscription='remove'/>"));
    for _ in 0..3 {
        stage.store("example.com");
    }
    // Both see the same changes in the same order, and each its own answers.
    let names = |told: Vec<String>| -> Vec<String> {
        told.iter().map(|told| told.replace(BALCONY, CHAMBER)).collect()
    };
    let (balcony, chamber) = (names(stage.told(BALCONY)), names(stage.told(CHAMBER)));
    let (pushes, answers): (Vec<_>, Vec<_>) = balcony.into_iter().partition(|told| told.contains("'push'"));
    assert_eq!(answers, [result(CHAMBER, "b"), result(CHAMBER, "b2")]);
    let (pushed, answers): (Vec<_>, Vec<_>) = chamber.into_iter().partition(|told| told.contains("'push'"));
    assert_eq!(answers, [result(CHAMBER, "c")]);
    assert_eq!((pushes.len(), pushes), (3, pushed));
    assert!(stage.roster("juliet@example.com").is_empty());
}

#[test]
fn a_full_roster_one_below_at_and_above_the_limit() {
    let limits = HostLimits::new().with_roster_items(2);
    let mut stage = Stage::with(limits, &["example.com"], &["juliet@example.com"]);
    stage.interested(BALCONY);
    for (contact, fits) in [("a", true), ("b", true), ("c", false), ("a", true)] {
        let (pushes, answer) = stage.ask(BALCONY, &set("1", &format!("<item jid='{contact}@example.net'/>")));
        assert_eq!(pushes.len(), usize::from(fits));
        match fits {
            true => assert_eq!(answer, result(BALCONY, "1")),
            false => {
                assert_eq!(error(&answer), ("not-allowed", "cancel"));
                assert!(answer.contains("the roster is full"));
            }
        }
    }
}
