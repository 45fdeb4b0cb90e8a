//! RFC 6121 section 2: rosters, what is refused, and versions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod stage;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use stage::{Stage, error, item, stanza};
use xmpp_core::jid::Jid;
use xmpp_core::stanza::Stanza;
use xmpp_core::xml::ns;
use xmpp_im::roster::Entry;
use xmpp_im::store::{Change, RosterItem, Subscription};

const JULIET: &str = "juliet@example.com";
const BALCONY: &str = "juliet@example.com/balcony";
const CHAMBER: &str = "juliet@example.com/chamber";
const HOME: &str = "romeo@example.net/home";

fn verona() -> Stage {
    Stage::new(
        &["example.com", "example.net"],
        &["juliet@example.com", "nurse@example.com", "romeo@example.net"],
    )
}

fn get(to: &str, ver: &str) -> String {
    format!("<iq{to} id='g' type='get'><query xmlns='jabber:iq:roster'{ver}/></iq>")
}

fn set_to(to: &str, items: &str) -> String {
    format!("<iq{to} id='s' type='set'><query xmlns='jabber:iq:roster'>{items}</query></iq>")
}

fn set(items: &str) -> String {
    set_to("", items)
}

const NURSE: &str = "<item jid='nurse@example.com' name='Nurse'><group>Servants</group></item>";

/// How a set is refused, after which nothing has changed.
fn refused(items: &str) -> (&'static str, &'static str) {
    let mut stage = verona();
    stage.contact(JULIET, "romeo@example.net", Subscription::Both);
    stage.interested(BALCONY);
    let before = stage.stored(JULIET);
    let (pushes, answer) = stage.ask(BALCONY, &set(items));
    assert_eq!(pushes, [""; 0]);
    assert_eq!(stage.stored(JULIET), before);
    assert_eq!(stage.gone(), [""; 0]);
    error(&answer)
}

#[test]
fn r6121_2_1_4_01_an_empty_roster_is_an_empty_query() {
    let mut stage = verona();
    stage.login(CHAMBER);
    stage.send(CHAMBER, &get("", ""));
    // covers 6121-2.1.1-03
    assert_eq!(
        stage.told(CHAMBER),
        [format!("<iq to='{CHAMBER}' id='g' type='result'><query xmlns='jabber:iq:roster' ver='1-0'/></iq>")]
    );
}

#[test]
fn r6121_2_1_4_02_where_there_is_no_roster() {
    let mut stage = verona();
    stage.login(BALCONY);
    let (_, answer) = stage.ask(BALCONY, &get(" to='example.com'", ""));
    assert_eq!(error(&answer), ("item-not-found", "cancel"));
    let (_, answer) = stage.ask(BALCONY, &set_to(" to='example.com'", NURSE));
    assert_eq!(error(&answer), ("forbidden", "auth"));
}

#[test]
fn r6121_2_1_2_1_01_pre_approvals_and_open_requests_are_shown() {
    let mut stage = verona();
    let romeo = item("romeo@example.net", Subscription::None).with_approved(true).with_version(1);
    let benvolio = item("benvolio@example.net", Subscription::From).with_ask(true).with_version(2);
    stage.keep(JULIET, &[Change::SetRosterItem(romeo), Change::SetRosterItem(benvolio)]);
    stage.login(BALCONY);
    let (_, answer) = stage.ask(BALCONY, &get("", ""));
    assert!(
        answer.contains("<item approved='true' jid='romeo@example.net' subscription='none'/>"),
        "{answer}"
    );
    // covers 6121-2.1.2.2-01
    assert!(
        answer.contains("<item ask='subscribe' jid='benvolio@example.net' subscription='from'/>"),
        "{answer}"
    );

    // A client that writes them itself changes neither.
    stage.send(BALCONY, &set("<item jid='romeo@example.net' ask='subscribe'/>"));
    stage.send(BALCONY, &set("<item jid='benvolio@example.net' approved='true'/>"));
    let bits: Vec<_> =
        stage.stored(JULIET).roster().iter().map(|item| (item.ask(), item.approved())).collect();
    assert_eq!(bits, [(true, false), (false, true)]);
}

#[test]
fn r6121_2_1_5_02_only_remove_is_heeded() {
    let mut stage = verona();
    stage.interested(BALCONY);
    stage.send(
        BALCONY,
        &set("<item jid='nurse@example.com' subscription='both' ask='subscribe' approved='true'/>"),
    );
    assert_eq!(stage.roster(JULIET), ["nurse@example.com none"]);
}

#[test]
fn r6121_2_01_a_roster_is_its_owners() {
    let mut stage = verona();
    stage.contact("nurse@example.com", "romeo@example.net", Subscription::None);
    stage.online(BALCONY);
    stage.online("nurse@example.com/kitchen");
    stage.interested(HOME);
    let before = stage.stored("nurse@example.com");
    for (thief, to) in
        [(BALCONY, "nurse@example.com"), (HOME, "nurse@example.com"), (BALCONY, "tybalt@example.com")]
    {
        let to = format!(" to='{to}'");
        let (_, answer) = stage.ask(thief, &get(&to, ""));
        assert_eq!(error(&answer), ("forbidden", "auth"));
        let (_, answer) = stage.ask(thief, &set_to(&to, "<item jid='tybalt@example.com'/>"));
        // covers 6121-2.3.3-01
        // covers 3921-7.2-01: it is not taken for a set of the sender's own roster, as RFC 3921 had it
        assert_eq!(error(&answer), ("forbidden", "auth"));
        let (_, answer) =
            stage.ask(thief, &set_to(&to, "<item jid='romeo@example.net' subscription='remove'/>"));
        // covers 6121-2.1.5-03
        assert_eq!(error(&answer), ("forbidden", "auth"));
    }
    assert_eq!(stage.stored("nurse@example.com"), before);
    assert_eq!(stage.told("nurse@example.com/kitchen"), [""; 0]);
}

#[test]
fn the_own_address_in_all_its_forms() {
    let mut stage = verona();
    stage.interested(BALCONY);
    stage.interested(CHAMBER);
    for (number, to) in ["", " to='juliet@example.com'", " to='Juliet@EXAMPLE.com'"].into_iter().enumerate() {
        let (_, answer) = stage.ask(BALCONY, &set_to(to, &format!("<item jid='n{number}@example.com'/>")));
        assert!(answer.contains("type='result'"), "{to}: {answer}");
        assert_eq!(stage.stored(JULIET).roster().len(), number + 1);
        let (_, answer) = stage.ask(BALCONY, &get(to, ""));
        assert_eq!(answer.matches("<item ").count(), number + 1);
    }
    stage.told(CHAMBER);
    // A full address is a resource of hers, not her roster: that client is asked, and answers.
    let spoof = set_to(&format!(" to='{CHAMBER}'"), "<item jid='tybalt@example.com'/>");
    stage.send(BALCONY, &spoof);
    assert_eq!(stage.stanzas(CHAMBER)[0].from().unwrap().as_str(), BALCONY);
    assert_eq!(stage.stored(JULIET).roster().len(), 3);
}

#[test]
fn r6121_2_2_02_pushes_go_to_interested_resources() {
    let mut stage = verona();
    // Connected only, interested only, available only, both.
    stage.login("juliet@example.com/connected");
    stage.interested("juliet@example.com/interested");
    stage.login("juliet@example.com/available");
    stage.send("juliet@example.com/available", "<presence/>");
    stage.online(BALCONY);
    let resources =
        ["connected", "interested", "available", "balcony"].map(|resource| format!("{JULIET}/{resource}"));
    for resource in &resources {
        stage.told(resource);
    }
    let (pushes, answer) = stage.ask(BALCONY, &set(NURSE));
    // covers 6121-2.3.2-01: the resource that set it is told like the others
    assert_eq!(pushes.len(), 1);
    assert_eq!(answer, format!("<iq to='{BALCONY}' id='s' type='result'/>"));
    assert_eq!(resources.each_ref().map(|resource| stage.told(resource).len()), [0, 1, 0, 0]);
}

#[test]
fn r6121_2_1_6_01_a_push_has_one_item_and_an_id_of_its_own() {
    let mut stage = verona();
    stage.interested(BALCONY);
    stage.interested(CHAMBER);
    let mut ids = BTreeSet::new();
    for contact in ["nurse@example.com", "romeo@example.net"] {
        stage.send(BALCONY, &set(&format!("<item jid='{contact}'/>")));
        for resource in [BALCONY, CHAMBER] {
            for stanza in stage.stanzas(resource) {
                let Stanza::Iq(iq) = stanza else { panic!("{stanza}") };
                if !iq.is_request() {
                    continue;
                }
                let items: Vec<_> = iq.payload().unwrap().children().map(|item| item.attr("jid")).collect();
                assert_eq!(items, [Some(contact)]);
                assert!(ids.insert(iq.id().to_string()));
                assert_eq!(iq.from(), None);
            }
        }
    }
    assert_eq!(ids.len(), 4);
}

#[test]
fn r6121_2_1_6_04_what_a_client_answers_to_a_push_is_heard_by_nobody() {
    let mut stage = verona();
    stage.interested(BALCONY);
    stage.interested(CHAMBER);
    stage.send(BALCONY, &set(NURSE));
    stage.told(BALCONY);
    let id = stage.stanzas(CHAMBER)[0].id().unwrap().to_string();
    let before = stage.stored(JULIET);
    for answer in [
        "type='result'/>",
        "type='error'/>",
        "type='error' to='juliet@example.com'/>",
        "type='result' to='example.com'/>",
    ] {
        stage.send(CHAMBER, &format!("<iq id='{id}' {answer}"));
    }
    assert_eq!((stage.told(CHAMBER), stage.told(BALCONY)), (vec![], vec![]));
    assert_eq!(stage.stored(JULIET), before);
}

#[test]
fn r6121_2_2_03_a_get_that_makes_no_sense() {
    let mut stage = verona();
    stage.login(BALCONY);
    let contradiction =
        "<iq id='g' type='get'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query></iq>";
    let (_, answer) = stage.ask(BALCONY, contradiction);
    assert_eq!(error(&answer), ("bad-request", "modify"));
    let (_, answer) = stage.ask(BALCONY, "<iq id='g' type='get'><roster xmlns='jabber:iq:roster'/></iq>");
    assert_eq!(error(&answer), ("service-unavailable", "cancel"));
}

#[test]
fn a_get_fails_with_the_changes_that_it_shows() {
    let mut stage = romeo();
    stage.interested("romeo@example.net/orchard");
    stage.login(HOME);
    stage.slow_storage("example.net");
    for ver in ["", " ver='1-e'"] {
        // What fails, and what comes after it and is kept.
        stage.send("romeo@example.net/orchard", &set("<item jid='bill@example.org' name='Bill'/>"));
        stage.send(HOME, &get("", ver));
        stage.send("romeo@example.net/orchard", &set(NURSE));
        assert_eq!(stage.told(HOME), [""; 0], "{ver}");
        stage.fail("example.net");
        stage.store("example.net");
        // It has not got the roster, so it is told nothing that it would take for all of the news.
        let told = stage.told(HOME);
        assert_eq!((told.len(), error(&told[0]).0), (1, "internal-server-error"), "{ver}: {told:?}");
        stage.send("romeo@example.net/orchard", &set(NURSE));
        stage.store("example.net");
        assert_eq!(stage.told(HOME), [""; 0], "{ver}");
        assert_eq!(error(&stage.told("romeo@example.net/orchard")[0]).0, "internal-server-error");
    }
}

#[test]
fn gets_that_wait_for_storage_are_bounded() {
    let mut stage = romeo();
    stage.interested("romeo@example.net/orchard");
    stage.login(HOME);
    stage.slow_storage("example.net");
    stage.send("romeo@example.net/orchard", &set("<item jid='bill@example.org' name='Bill'/>"));
    for _ in 0..50 {
        stage.send(HOME, &get("", " ver='1-e'"));
    }
    assert_eq!(stage.told(HOME), [""; 0]);
    stage.store("example.net");
    let told = stage.told(HOME);
    assert_eq!((told.len(), told.iter().filter(|told| told.contains("name='Bill'")).count()), (51, 1));
    assert!(told[0].contains("type='result'") && told[1].contains("'push'"));
    assert!(told[2..].iter().all(|told| error(told) == ("resource-constraint", "wait")));
}

#[test]
fn r6121_2_3_3_02_sets_of_no_or_several_items_or_with_a_group_twice() {
    let two = format!("{NURSE}<item jid='mother@example.com' name='Mom'><group>Family</group></item>");
    assert_eq!(refused(&two), ("bad-request", "modify"));
    assert_eq!(refused(""), ("bad-request", "modify"));
    assert_eq!(refused("<item xmlns='urn:example' jid='nurse@example.com'/>"), ("bad-request", "modify"));
    let twice =
        "<item jid='nurse@example.com' name='Nurse'><group>Servants</group><group>Servants</group></item>";
    assert_eq!(refused(twice), ("bad-request", "modify"));
    let removals = "<item jid='romeo@example.net' subscription='remove'/>".repeat(2);
    assert_eq!(refused(&removals), ("bad-request", "modify"));
}

#[test]
fn r6121_2_3_3_03_names_and_groups_that_are_too_long_or_empty() {
    let long = "x".repeat(1_024);
    let name = format!("<item jid='nurse@example.com' name='{long}'><group>Servants</group></item>");
    assert_eq!(refused(&name), ("not-acceptable", "modify"));
    assert_eq!(refused("<item jid='nurse@example.com'><group></group></item>"), ("not-acceptable", "modify"));
    let group = format!("<item jid='nurse@example.com' name='Nurse'><group>{long}</group></item>");
    assert_eq!(refused(&group), ("not-acceptable", "modify"));
    let groups: String = (0..101).map(|group| format!("<group>{group}</group>")).collect();
    assert_eq!(
        refused(&format!("<item jid='nurse@example.com'>{groups}</item>")),
        ("not-acceptable", "modify")
    );
}

#[test]
fn nobody_is_in_their_own_roster() {
    assert_eq!(refused("<item jid='juliet@example.com'/>"), ("not-allowed", "cancel"));
    assert_eq!(refused("<item jid='juliet@example.com/chamber'/>"), ("not-allowed", "cancel"));
    assert_eq!(
        refused("<item jid='juliet@example.com' subscription='remove'/>"),
        ("item-not-found", "modify")
    );
}

#[test]
fn r6121_2_4_1_01_an_item_becomes_what_the_set_says() {
    let mut stage = verona();
    stage.contact(JULIET, "romeo@example.net", Subscription::Both);
    stage.interested(BALCONY);
    for (name, groups) in [
        (" name='Romeo'", "<group>Friends</group>"),
        (" name='Romeo'", "<group>Friends</group><group>Lovers</group>"),
        (" name='Romeo'", "<group>Lovers</group>"),
        (" name='Romeo'", ""),
        (" name='MyRomeo'", ""),
        (" name=''", ""),
        ("", "<group>Lovers</group>"),
    ] {
        let (pushes, _) =
            stage.ask(BALCONY, &set(&format!("<item jid='romeo@example.net'{name}>{groups}</item>")));
        let name = if name == " name=''" { "" } else { name };
        let inside = if groups.is_empty() { "/>".into() } else { format!(">{groups}</item>") };
        let item = format!("<item jid='romeo@example.net'{name} subscription='both'{inside}");
        assert!(pushes[0].contains(&item), "{} is not {item}", pushes[0]);
    }
}

#[test]
fn r6121_2_5_3_01_who_is_not_in_the_roster_cannot_be_removed() {
    let mut stage = verona();
    stage.interested(BALCONY);
    let remove = set("<item jid='nurse@example.com' subscription='remove'/>");
    let (_, answer) = stage.ask(BALCONY, &remove);
    assert_eq!(error(&answer), ("item-not-found", "modify"));
    stage.send(BALCONY, &set(NURSE));
    stage.send(BALCONY, &remove);
    stage.told(BALCONY);
    let (pushes, answer) = stage.ask(BALCONY, &remove);
    assert_eq!((pushes.len(), error(&answer)), (0, ("item-not-found", "modify")));
}

/// The types of the subscription stanzas that the removal of a contact sends.
fn cancellations(subscription: Subscription) -> Vec<&'static str> {
    let mut stage = Stage::new(&["example.com"], &[JULIET]);
    stage.contact(JULIET, "romeo@example.net", subscription);
    stage.interested(BALCONY);
    stage.send(BALCONY, &set("<item jid='romeo@example.net' subscription='remove'/>"));
    assert_eq!(stage.told(BALCONY).len(), 2);
    stage
        .gone()
        .iter()
        .map(|gone| {
            let Stanza::Presence(presence) = stanza(gone) else { panic!("{gone}") };
            assert_eq!(presence.from().unwrap().as_str(), JULIET);
            assert_eq!(presence.to().unwrap().as_str(), "romeo@example.net");
            presence.type_().name().unwrap()
        })
        .collect()
}

#[test]
fn r6121_2_5_2_01_a_removal_cancels_the_subscriptions() {
    assert_eq!(cancellations(Subscription::To), ["unsubscribe"]);
    // covers 6121-2.5.2-02
    assert_eq!(cancellations(Subscription::From), ["unsubscribed"]);
    // covers 6121-2.5.2-03
    assert_eq!(cancellations(Subscription::Both), ["unsubscribe", "unsubscribed"]);
    assert_eq!(cancellations(Subscription::None), [""; 0]);
}

#[test]
fn r6121_2_6_1_01_versioning_is_advertised() {
    let stage = verona();
    let features = stage.stream_features("example.com");
    assert!(features.contains(&"<ver xmlns='urn:xmpp:features:rosterver'/>".to_string()), "{features:?}");
}

/// Romeo's roster, long enough that a change is shorter than all of it, at version 14.
fn romeo() -> Stage {
    let mut stage = verona();
    for number in 1..=12 {
        stage.contact("romeo@example.net", &format!("montague{number}@example.net"), Subscription::Both);
    }
    stage.contact("romeo@example.net", "tybalt@example.org", Subscription::None);
    stage.contact("romeo@example.net", "bill@example.org", Subscription::None);
    stage
}

#[test]
fn r6121_2_6_3_02_what_changed_comes_as_pushes() {
    let mut stage = romeo();
    stage.interested("romeo@example.net/orchard");
    for change in [
        "<item jid='tybalt@example.org' subscription='remove'/>",
        "<item jid='bill@example.org' name='Bill'/>",
        "<item jid='nurse@example.org' name='Nurse'><group>Servants</group></item>",
        "<item jid='bill@example.org' name='William'/>",
    ] {
        stage.send("romeo@example.net/orchard", &set(change));
    }
    stage.login(HOME);
    stage.send(HOME, &get(" to='romeo@example.net'", " ver='1-e'"));
    let push = |ver: &str, item: &str| {
        format!(
            "<iq to='{HOME}' id='push' type='set'><query xmlns='jabber:iq:roster' ver='{ver}'>{item}</query></iq>"
        )
    };
    // covers 6121-2.6.3-03: once for each item
    // covers 6121-2.6.3-06
    // covers 6121-2.6.3-07
    assert_eq!(
        stage.told(HOME),
        [
            format!("<iq to='{HOME}' from='romeo@example.net' id='g' type='result'/>"),
            push("1-f", "<item jid='tybalt@example.org' subscription='remove'/>"),
            push(
                "1-11",
                "<item jid='nurse@example.org' name='Nurse' subscription='none'><group>Servants</group></item>"
            ),
            push("1-12", "<item jid='bill@example.org' name='William' subscription='none'/>"),
        ]
    );
    // From now on it is interested like any other.
    stage.send("romeo@example.net/orchard", &set("<item jid='bill@example.org'/>"));
    assert_eq!(stage.told(HOME), [push("1-13", "<item jid='bill@example.org' subscription='none'/>")]);
}

#[test]
fn r6121_2_6_3_01_nothing_new_or_all_of_it() {
    let mut stage = romeo();
    stage.login(HOME);
    let (pushes, answer) = stage.ask(HOME, &get("", " ver='1-e'"));
    assert_eq!((pushes, answer), (vec![], format!("<iq to='{HOME}' id='g' type='result'/>")));
    for ver in ["", " ver=''", " ver='ver14'", " ver='1-f'", " ver='2-e'", " ver='1-\u{a0}e'"] {
        let (pushes, answer) = stage.ask(HOME, &get("", ver));
        assert_eq!((pushes.len(), answer.matches("<item ").count()), (0, 14), "{ver}");
        // covers 6121-2.6.3-08
        assert!(answer.contains("<query xmlns='jabber:iq:roster' ver='1-e'>"), "{ver}: {answer}");
    }
}

#[test]
fn r6121_2_1_1_01_a_client_makes_no_versions() {
    let mut stage = verona();
    stage.interested(BALCONY);
    let set = "<iq id='s' type='set'><query xmlns='jabber:iq:roster' ver='9-99'><item jid='nurse@example.com'/></query></iq>";
    let (pushes, _) = stage.ask(BALCONY, set);
    assert!(pushes[0].contains("ver='1-1'"), "{}", pushes[0]);
}

/// What a client has of its roster, by the rules of section 2.6.
#[derive(Debug, Default)]
struct Mirror {
    items: BTreeMap<Jid, RosterItem>,
    ver: String,
    has_roster: bool,
    /// Whether it waits for its roster.
    waits: bool,
}

impl Mirror {
    fn read(&mut self, stanzas: Vec<Stanza>) {
        for stanza in stanzas {
            let Stanza::Iq(iq) = stanza else { panic!("{stanza}") };
            if iq.id() == "g" {
                self.waits = false;
                self.has_roster |= !iq.is_error();
                if iq.payload().is_some() && !iq.is_error() {
                    self.items.clear();
                }
            }
            let query = iq.payload().filter(|query| query.is(ns::ROSTER, "query") && !iq.is_error());
            if let Some(query) = query.filter(|_| iq.id() == "g" || iq.is_request()) {
                assert!(self.has_roster, "{iq} to who has not got the roster");
                for entry in query.children().filter_map(|item| Entry::pushed(item, |_| Subscription::None)) {
                    match entry {
                        Entry::Present(item) => drop(self.items.insert(item.jid().clone(), item)),
                        Entry::Removed(jid) => drop(self.items.remove(&jid)),
                    }
                }
                self.ver = query.attr("ver").unwrap().to_string();
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Set(usize, usize, String),
    Remove(usize, usize),
    Get(usize),
    Reconnect(usize),
    Store,
    Fail,
}

fn any_op() -> impl Strategy<Value = Op> {
    let (client, contact) = (0..2_usize, 0..4_usize);
    prop_oneof![
        4 => (client.clone(), contact.clone(), "[ab]{0,120}").prop_map(|(client, contact, name)| Op::Set(client, contact, name)),
        2 => (client.clone(), contact).prop_map(|(client, contact)| Op::Remove(client, contact)),
        3 => client.clone().prop_map(Op::Get),
        2 => client.prop_map(Op::Reconnect),
        6 => Just(Op::Store),
        1 => Just(Op::Fail),
    ]
}

proptest! {
    /// Two resources change, ask, come and go, while storage is slow and fails: each has the roster in the end.
    #[test]
    fn mirrors_agree_with_the_store(ops in proptest::collection::vec(any_op(), 1..50)) {
        let clients = [BALCONY, CHAMBER];
        let mut mirrors = [Mirror::default(), Mirror::default()];
        let mut stage = verona();
        clients.iter().for_each(|client| stage.login(client));
        stage.slow_storage("example.com");
        let ask = |stage: &mut Stage, client: usize, mirrors: &mut [Mirror; 2]| {
            mirrors[client].waits = true;
            stage.send(clients[client], &get("", &format!(" ver='{}'", mirrors[client].ver)));
        };
        for op in ops {
            match op {
                Op::Set(client, contact, name) => {
                    stage.send(clients[client], &set(&format!("<item jid='c{contact}@example.net' name='{name}'/>")));
                }
                Op::Remove(client, contact) => {
                    stage.send(clients[client], &set(&format!("<item jid='c{contact}@example.net' subscription='remove'/>")));
                }
                Op::Get(client) => {
                    // A client asks once and waits.
                    if !mirrors[client].waits && !mirrors[client].has_roster {
                        ask(&mut stage, client, &mut mirrors);
                    }
                }
                Op::Reconnect(client) => {
                    stage.logout(clients[client]);
                    stage.login(clients[client]);
                    mirrors[client].has_roster = false;
                    mirrors[client].waits = false;
                }
                Op::Store => stage.store_any("example.com"),
                Op::Fail => stage.fail_any("example.com"),
            }
            for (client, mirror) in clients.iter().zip(&mut mirrors) {
                mirror.read(stage.stanzas(client));
            }
        }
        while stage.is_storing("example.com") {
            stage.store("example.com");
        }
        for (client, mirror) in clients.iter().zip(&mut mirrors) {
            mirror.read(stage.stanzas(client));
        }
        for client in 0..2 {
            if !mirrors[client].has_roster {
                ask(&mut stage, client, &mut mirrors);
                mirrors[client].read(stage.stanzas(clients[client]));
            }
            let stored = stage.stored(JULIET);
            let stored: BTreeMap<_, _> =
                stored.roster().iter().map(|item| (item.jid().clone(), item.clone().with_version(0))).collect();
            prop_assert!(mirrors[client].has_roster);
            prop_assert_eq!(&mirrors[client].items, &stored);
        }
    }
}
