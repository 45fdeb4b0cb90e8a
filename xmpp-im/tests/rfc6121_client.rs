//! RFC 6121 sections 2 to 5, seen by a client.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;

use std::collections::BTreeSet;
use std::time::Duration;

use client::*;
use xmpp_core::stanza::{Message, Presence, PresenceType, Show};
use xmpp_im::client::{
    CachedRoster, ClientEvent, CommandError, Contact, Failure, PresenceSharing, SessionConfig,
};
use xmpp_im::store::{RosterItem, Subscription};
use xmpp_im::subscription::{Command, Notice, State};

fn subscription(juliet: &mut Juliet, contact: &str) -> Option<Subscription> {
    juliet.session().roster().get(&jid(contact)).map(RosterItem::subscription)
}

#[test]
fn r6121_2_2_01_roster_before_presence() {
    let mut juliet = Juliet::bound(SessionConfig::new(), "");
    // covers 6121-2.1.3-01: the get has no items
    // covers 3921-7.3-01: nor is there presence before it
    assert_eq!(juliet.says(), ROSTER_GET);
    juliet.answers("<query xmlns='jabber:iq:roster'/>");
    // covers 6121-3.1-01: with both, requests and pushes will come
    assert_eq!(juliet.says(), "<presence/>");
    assert_eq!(juliet.events(), [ClientEvent::RosterReceived]);
}

#[test]
fn the_roster_is_waited_for_but_not_for_ever() {
    for give_up in [(|juliet| juliet.refuses("internal-server-error")) as fn(&mut Juliet), |juliet| {
        juliet.waits(Duration::from_secs(60))
    }] {
        let mut juliet = Juliet::bound(SessionConfig::new(), "");
        juliet.says();
        juliet.waits(Duration::from_secs(59));
        assert_eq!(juliet.says(), "");
        give_up(&mut juliet);
        assert!(matches!(juliet.event(), ClientEvent::RosterFailed(_)));
        assert_eq!(juliet.says(), "<presence/>");
        assert!(!juliet.session().roster().is_current());
    }
}

#[test]
fn what_a_client_may_say_of_a_contact() {
    let item = "<item jid='romeo@example.net' name='Romeo' subscription='to' ask='subscribe' approved='true'>\
                <group>Friends</group></item>";
    let mut juliet = Juliet::online(SessionConfig::new(), "", item);
    let (romeo, now) = (jid("romeo@example.net"), juliet.now);
    let told = juliet.session().roster().get(&romeo).unwrap().clone();
    assert!(told.ask() && told.approved());

    juliet.session().rename_contact(now, &romeo, "Montague").unwrap();
    // covers 6121-2.1.2.1-02: no `approved`
    // covers 6121-2.1.2.2-02: no `ask`
    // covers 6121-2.1.5-01: exactly one item
    assert_eq!(
        juliet.says(),
        "<iq id='ID' type='set'><query xmlns='jabber:iq:roster'>\
         <item jid='romeo@example.net' name='Montague'><group>Friends</group></item></query></iq>"
    );
    juliet.session().regroup_contact(now, &romeo, ["Lovers", "Montagues", "Lovers", ""]).unwrap();
    assert_eq!(
        juliet.says(),
        "<iq id='ID' type='set'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' name='Romeo'>\
         <group>Lovers</group><group>Montagues</group></item></query></iq>"
    );
    // Nothing has changed until the server says so.
    assert_eq!(juliet.session().roster().get(&romeo), Some(&told));
    let unknown = juliet.session().rename_contact(now, &jid("tybalt@example.org"), "T");
    assert_eq!(unknown, Err(CommandError::NotInRoster));
}

#[test]
fn r6121_2_1_2_5_01_values_in_results() {
    let items = "<item jid='a@example.net' subscription='remove'/><item jid='b@example.net' subscription='friend'/>\
                 <item jid='c@example.net' subscription='both'/><item jid='@'/><item/>";
    let mut juliet = Juliet::online(SessionConfig::new(), "", items);
    let roster = juliet.session().roster();
    let told: Vec<_> = roster.items().map(|item| (item.jid().as_str(), item.subscription())).collect();
    assert_eq!(
        told,
        [
            ("a@example.net", Subscription::None),
            ("b@example.net", Subscription::None),
            ("c@example.net", Subscription::Both)
        ]
    );
}

#[test]
fn r6121_2_1_2_5_02_values_in_pushes() {
    let mut juliet = Juliet::and_romeo();
    juliet.hears(&push("id='p1'", "><item jid='romeo@example.net' subscription='enemy' name='R'/>"));
    assert_eq!(subscription(&mut juliet, "romeo@example.net"), Some(Subscription::Both));
    juliet.hears(&push("id='p2'", "><item jid='romeo@example.net' subscription='remove'/>"));
    assert_eq!(subscription(&mut juliet, "romeo@example.net"), None);
    assert_eq!(juliet.says(), "<iq id='p1' type='result'/><iq id='p2' type='result'/>");
}

#[test]
fn r6121_2_1_6_02_who_may_push() {
    let query =
        "<query xmlns='jabber:iq:roster'><item jid='tybalt@example.org' subscription='both'/></query>";
    let item = "><item jid='tybalt@example.org' subscription='both'/>";
    for from in [
        "romeo@example.net",
        "juliet@example.com/balcony",
        "juliet@example.com/chamber",
        "example.com",
        "juliet@example.net",
    ] {
        let mut juliet = Juliet::and_romeo();
        juliet.hears(&push(&format!("from='{from}' id='p1'"), item));
        // covers 6121-2.1.6-03: and the answer tells nothing of it
        assert_eq!(
            (subscription(&mut juliet, "tybalt@example.org"), juliet.events()),
            (None, vec![]),
            "{from}"
        );
        assert_eq!(juliet.says(), unavailable(&format!("to='{from}' id='p1'"), query));
    }
    for from in ["", " from='juliet@example.com'", " from='JULIET@example.com'"] {
        let mut juliet = Juliet::and_romeo();
        juliet.hears(&push(&format!("id='p1'{from}"), item));
        assert_eq!(subscription(&mut juliet, "tybalt@example.org"), Some(Subscription::Both), "{from}");
    }
}

#[test]
fn a_push_has_one_item_with_an_address() {
    for content in [">", "><item jid='a@b'/><item jid='c@d'/>", "><item/>", "><item jid='@b'/>", "><other/>"]
    {
        let mut juliet = Juliet::and_romeo();
        let before: Vec<_> = juliet.session().roster().items().cloned().collect();
        juliet.hears(&push("id='p1'", content));
        let said = juliet.says();
        assert!(said.starts_with("<iq id='p1' type='error'>") && said.contains("<bad-request"), "{said}");
        assert_eq!((juliet.session().roster().items().cloned().collect(), juliet.events()), (before, vec![]));
    }
}

#[test]
fn r6121_2_6_2_01_versions() {
    let mut juliet = Juliet::bound(SessionConfig::new(), VERSIONS);
    // covers 6121-2.6.2-03: nothing is known yet
    // covers 6121-2.1.1-03
    assert_eq!(juliet.says(), ROSTER_GET.replace("'/>", "' ver=''/>"));

    let cache = || {
        let romeo = RosterItem::new(jid("romeo@example.net")).with_subscription(Subscription::Both);
        SessionConfig::new().with_cached_roster(CachedRoster::new(" ver\"14\" & <ë>", [romeo]))
    };
    let mut juliet = Juliet::bound(cache(), VERSIONS);
    assert_eq!(juliet.session().roster().len(), 1);
    // covers 6121-2.1.1-02: whatever it looks like
    assert!(juliet.says().contains(" ver=' ver&quot;14&quot; &amp; &lt;ë&gt;'/>"), "{:?}", juliet.ids);

    let mut juliet = Juliet::bound(cache(), "");
    // covers 6121-2.6.2-02: and what nobody can say is outdated is not shown
    assert_eq!((juliet.says().as_str(), juliet.session().roster().len()), (ROSTER_GET, 0));
}

#[test]
fn r6121_2_6_3_04_interim_pushes() {
    let bill = RosterItem::new(jid("bill@example.org"));
    let tybalt = RosterItem::new(jid("tybalt@example.org"));
    let cache = CachedRoster::new("ver14", [bill, tybalt]);
    let mut juliet = Juliet::bound(SessionConfig::new().with_cached_roster(cache), VERSIONS);
    juliet.says();
    juliet.answers("");
    assert_eq!(juliet.events(), [ClientEvent::RosterReceived]);
    assert!(juliet.session().roster().is_current() && juliet.session().roster().len() == 2);
    juliet.hears(&push("id='p1'", " ver='ver34'><item jid='tybalt@example.org' subscription='remove'/>"));
    juliet.hears(&push("id='p2'", " ver='ver42'><item jid='bill@example.org' subscription='both'/>"));
    assert_eq!(subscription(&mut juliet, "tybalt@example.org"), None);
    assert_eq!(subscription(&mut juliet, "bill@example.org"), Some(Subscription::Both));

    juliet.hears("</stream:stream>");
    let ended = juliet.ended.take().unwrap();
    let left = ended.roster().unwrap();
    assert_eq!(left.items().len(), 1);
    let mut juliet = Juliet::bound(SessionConfig::new().with_cached_roster(left.clone()), VERSIONS);
    // covers 6121-2.6.3-05: that of the last push
    assert!(juliet.says().contains(" ver='ver42'/>"));
}

#[test]
fn r6121_3_1_1_01_asking_for_a_subscription() {
    let config = SessionConfig::new().with_nickname("Juliet");
    let mut juliet = Juliet::online(config, "", "");
    juliet.session().subscribe(&bare("romeo@example.net"), Some("It is I")).unwrap();
    juliet.session().subscribe(&bare("nurse@example.com"), None).unwrap();
    let nick = "<nick xmlns='http://jabber.org/protocol/nick'>Juliet</nick>";
    // covers 6121-3.1.1-02: with ids
    assert_eq!(
        juliet.says(),
        format!(
            "<presence to='romeo@example.net' id='ID' type='subscribe'><status>It is I</status>{nick}</presence>\
             <presence to='nurse@example.com' id='ID' type='subscribe'>{nick}</presence>"
        )
    );
    let ids: BTreeSet<_> = juliet.ids.iter().collect();
    assert_eq!(ids.len(), juliet.ids.len());
}

#[test]
fn r6121_3_1_3_07_a_receipt_is_no_presence() {
    let asked = "<item jid='romeo@example.net' subscription='none' ask='subscribe'/>";
    let mut juliet = Juliet::online(SessionConfig::new(), "", asked);
    juliet.hears("<presence from='romeo@example.net' to='juliet@example.com' type='unavailable'/>");
    assert_eq!(juliet.events(), []);
}

#[test]
fn r6121_3_1_4_01_a_request_is_shown() {
    let mut juliet = Juliet::and_romeo();
    juliet.hears(
        "<presence from='nurse@example.com' to='juliet@example.com' id='xk3h1v69' type='subscribe'>\
         <status>Madam!</status><nick xmlns='http://jabber.org/protocol/nick'>Nurse</nick></presence>",
    );
    let ClientEvent::SubscriptionRequested(request) = juliet.event() else { panic!("no request") };
    assert_eq!(request.from(), &bare("nurse@example.com"));
    assert_eq!((request.nickname().as_deref(), request.status().as_deref()), (Some("Nurse"), Some("Madam!")));
    // Nobody has decided yet, and she is not asked twice.
    juliet.hears("<presence from='nurse@example.com/kitchen' type='subscribe'/>");
    assert_eq!((juliet.says().as_str(), juliet.events()), ("", vec![]));
    assert_eq!(juliet.session().subscription_requests().count(), 1);

    juliet.session().approve(&bare("nurse@example.com")).unwrap();
    // covers 6121-3.1.4-02
    assert_eq!(juliet.says(), "<presence to='nurse@example.com' id='ID' type='subscribed'/>");
    // covers 6121-3.1.4-03
    assert_ne!(juliet.last_id(), "xk3h1v69");
    assert_eq!(juliet.session().subscription_requests().count(), 0);
    assert_eq!(juliet.session().approve(&bare("nurse@example.com")), Err(CommandError::NoRequest));
}

#[test]
fn requests_end_without_an_answer_too() {
    let request = "<presence from='nurse@example.com' type='subscribe'/>";
    // Taken back; answered by another resource of ours.
    for end in [
        "<presence from='nurse@example.com' type='unsubscribe'/>".to_owned(),
        push("id='p1'", "><item jid='nurse@example.com' subscription='from'/>"),
    ] {
        let mut juliet = Juliet::and_romeo();
        juliet.hears(request);
        juliet.hears(&end);
        assert_eq!(juliet.session().subscription_requests().count(), 0, "{end}");
    }
    // Nobody asks for a subscription to herself, whoever says so.
    let mut juliet = Juliet::and_romeo();
    juliet.hears("<presence type='subscribe'/><presence from='juliet@example.com' type='subscribe'/>");
    assert_eq!((juliet.session().subscription_requests().count(), juliet.events()), (0, vec![]));
}

#[test]
fn a_client_says_what_a_stanza_tells_and_what_can_be_done() {
    let nurse = bare("nurse@example.com");
    let hears = |juliet: &mut Juliet, type_: &str| {
        juliet.hears(&format!("<presence from='nurse@example.com' type='{type_}'/>"));
        match juliet.event() {
            ClientEvent::SubscriptionRequested(stanza)
            | ClientEvent::SubscriptionApproved(stanza)
            | ClientEvent::SubscriptionRefused(stanza)
            | ClientEvent::SubscriberLeft(stanza) => stanza.notice(),
            other => panic!("{other:?}"),
        }
    };
    let can =
        |juliet: &mut Juliet| juliet.session().subscription_commands(&bare("nurse@example.com")).collect();
    for (item, refusal, ask) in [
        ("subscription='none' ask='subscribe'", Notice::Refusal, Command::Withdraw),
        ("subscription='to'", Notice::Cancellation, Command::Unsubscribe),
    ] {
        let item = format!("<item jid='nurse@example.com' {item}/>");
        let mut juliet = Juliet::online(SessionConfig::new(), "", &item);
        assert_eq!(hears(&mut juliet, "unsubscribed"), refusal);
        assert_eq!(hears(&mut juliet, "subscribed"), Notice::Approval);
        assert_eq!(hears(&mut juliet, "unsubscribe"), Notice::Unsubscription);
        assert_eq!(hears(&mut juliet, "subscribe"), Notice::Request);
        let commands: Vec<Command> = can(&mut juliet);
        assert_eq!(commands, [ask, Command::Approve, Command::Refuse]);
        assert_eq!(hears(&mut juliet, "unsubscribe"), Notice::Withdrawal);
        // Where the server does not approve in advance, nor can she.
        let commands: Vec<Command> = can(&mut juliet);
        assert_eq!(commands, [ask]);
    }
    let mut juliet = Juliet::online(SessionConfig::new(), PRE_APPROVAL, "");
    let commands: Vec<Command> = can(&mut juliet);
    assert_eq!(commands, [Command::Request, Command::PreApprove]);
    juliet.hears(&push("id='p1'", "><item jid='nurse@example.com' subscription='to' approved='true'/>"));
    assert_eq!(juliet.session().subscription(&nurse), (State::To, true));
    let commands: Vec<Command> = can(&mut juliet);
    assert_eq!(commands, [Command::Unsubscribe, Command::CancelPreApproval]);
}

#[test]
fn r6121_3_3_3_03_nobody_waits_for_unavailable() {
    let mut juliet = Juliet::and_romeo();
    juliet.hears("<presence from='romeo@example.net/orchard'/>");
    juliet.events();
    juliet.session().unsubscribe(&bare("romeo@example.net")).unwrap();
    assert!(!juliet.session().presences().is_available(&bare("romeo@example.net")));
    assert_eq!(juliet.event(), ClientEvent::PresenceLost(bare("romeo@example.net")));
    assert_eq!(juliet.says(), "<presence to='romeo@example.net' id='ID' type='unsubscribe'/>");

    // What was still under way counts until the server says what we are to him now.
    juliet.hears("<presence from='romeo@example.net/orchard'/>");
    juliet.hears(&push("id='p1'", "><item jid='romeo@example.net' subscription='from'/>"));
    assert!(!juliet.session().presences().is_available(&bare("romeo@example.net")));
}

#[test]
fn r6121_3_4_1_01_approval_in_advance() {
    let romeo = bare("romeo@example.net");
    let mut juliet = Juliet::online(SessionConfig::new(), "", "");
    assert_eq!(juliet.session().pre_approve(&romeo), Err(CommandError::NotOffered));
    assert_eq!(juliet.session().approve(&romeo), Err(CommandError::NoRequest));
    assert_eq!(juliet.says(), "");
    let mut juliet = Juliet::online(SessionConfig::new(), PRE_APPROVAL, "");
    juliet.session().pre_approve(&romeo).unwrap();
    assert_eq!(juliet.says(), "<presence to='romeo@example.net' id='ID' type='subscribed'/>");
}

#[test]
fn r6121_4_3_03_no_probes() {
    let mut juliet = Juliet::and_romeo();
    let probe = || Presence::new(PresenceType::Probe);
    assert_eq!(juliet.session().set_presence(probe()), Err(CommandError::Type));
    let directed = juliet.session().direct_presence(&jid("romeo@example.net"), probe());
    assert_eq!((directed, juliet.says().as_str()), (Err(CommandError::Type), ""));
    // Nor do we answer one.
    juliet.hears("<presence from='romeo@example.net' type='probe'/>");
    assert_eq!((juliet.says().as_str(), juliet.events()), ("", vec![]));
}

#[test]
fn r6121_4_5_1_01_unavailable_has_no_state() {
    let mut juliet = Juliet::and_romeo();
    let gone = || {
        let gone = Presence::new(PresenceType::Unavailable).with_show(Some(Show::Away)).with_priority(5);
        gone.with_status("Gone")
    };
    juliet.session().direct_presence(&jid("nurse@example.com"), gone()).unwrap();
    juliet.session().set_presence(gone()).unwrap();
    assert_eq!(
        juliet.says(),
        "<presence to='nurse@example.com' type='unavailable'><status>Gone</status></presence>\
         <presence type='unavailable'><status>Gone</status></presence>"
    );
}

#[test]
fn r6121_4_5_4_01_unavailable_from_a_bare_address() {
    let mut juliet = Juliet::and_romeo();
    let romeo = bare("romeo@example.net");
    juliet.hears("<presence from='romeo@example.net/orchard'/><presence from='romeo@example.net/cell'/>");
    assert_eq!(juliet.session().presences().of(&romeo).count(), 2);
    juliet.hears("<presence from='romeo@example.net/cell' type='unavailable'/>");
    assert_eq!(juliet.session().presences().of(&romeo).count(), 1);
    juliet.hears("<presence from='romeo@example.net/cell'/>");
    juliet.hears("<presence from='romeo@example.net' type='unavailable'/>");
    assert!(!juliet.session().presences().is_available(&romeo));
    assert_eq!(juliet.events().len(), 5);
}

#[test]
fn r6121_4_7_2_3_01_no_priority_is_zero() {
    let mut juliet = Juliet::and_romeo();
    juliet.hears(
        "<presence from='romeo@example.net/b'/>\
         <presence from='romeo@example.net/a'><priority>-1</priority></presence>\
         <presence from='romeo@example.net/c'><priority>many</priority></presence>\
         <presence from='romeo@example.net/d'><priority>-128</priority></presence>",
    );
    let best = |juliet: &mut Juliet| {
        let best = juliet.session().presences().best(&bare("romeo@example.net"))?;
        best.from().map(ToString::to_string)
    };
    // Of two with the same one, the latest: what is no priority counts as none.
    assert_eq!(best(&mut juliet).as_deref(), Some("romeo@example.net/c"));
    juliet.hears("<presence from='romeo@example.net/c' type='unavailable'/>");
    assert_eq!(best(&mut juliet).as_deref(), Some("romeo@example.net/b"));
}

#[test]
fn errors_say_that_nobody_is_there() {
    let mut juliet = Juliet::and_romeo();
    let romeo = bare("romeo@example.net");
    juliet.hears("<presence from='romeo@example.net/orchard'/>");
    juliet.events();
    juliet.hears(
        "<presence from='romeo@example.net' type='error'><error type='cancel'>\
         <remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
    );
    assert!(!juliet.session().presences().is_available(&romeo));
    let ClientEvent::Presence(error) = juliet.event() else { panic!("no presence") };
    assert!(error.is_error());

    // Our own server's complaint about our presence is not about our other resources.
    juliet.hears("<presence from='juliet@example.com/chamber'/>");
    juliet.hears(
        "<presence from='juliet@example.com' type='error'><error type='modify'>\
         <bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
    );
    assert!(juliet.session().presences().is_available(&bare("juliet@example.com")));
}

/// The body of a chat message to Romeo, with the thread as `T`.
fn chats(juliet: &mut Juliet, body: &str) -> (String, String) {
    let now = juliet.now;
    juliet.session().chat(now, Message::chat(bare("romeo@example.net")).with_body(body)).unwrap();
    let said = juliet.says();
    let (before, rest) = said.split_once("<thread>").expect("a thread");
    let (thread, after) = rest.split_once("</thread>").unwrap();
    (format!("{before}<thread>T</thread>{after}"), thread.to_owned())
}

fn to(address: &str, body: &str) -> String {
    format!("<message to='{address}' id='ID' type='chat'><body>{body}</body><thread>T</thread></message>")
}

#[test]
fn r6121_5_1_01_chat_sessions() {
    let mut juliet = Juliet::and_romeo();
    let (first, thread) = chats(&mut juliet, "O Romeo");
    assert_eq!(first, to("romeo@example.net", "O Romeo"));
    // Until he answers, to all of him.
    assert_eq!(chats(&mut juliet, "Romeo"), (to("romeo@example.net", "Romeo"), thread.clone()));

    let answer = |resource: &str, thread: &str| {
        format!(
            "<message from='romeo@example.net/{resource}' type='chat'><body>.</body><thread>{thread}</thread></message>"
        )
    };
    juliet.hears(&answer("orchard", &thread));
    let locked = (to("romeo@example.net/orchard", "Deny"), thread.clone());
    assert_eq!(chats(&mut juliet, "Deny"), locked);
    // What is no chat does not count.
    juliet.hears("<message from='romeo@example.net/cell' type='headline'><body>News</body></message>");
    assert_eq!(chats(&mut juliet, "Deny"), locked);

    // Another resource speaks: his server decides again, until one answers.
    juliet.hears(&answer("cell", &thread));
    assert_eq!(chats(&mut juliet, "Who"), (to("romeo@example.net", "Who"), thread.clone()));
    juliet.hears(&answer("cell", &thread));
    assert_eq!(chats(&mut juliet, "Ah"), (to("romeo@example.net/cell", "Ah"), thread.clone()));

    for presence in [
        "<presence from='romeo@example.net/cell'><show>away</show></presence>",
        "<presence from='romeo@example.net/orchard'/>",
        "<presence from='romeo@example.net/cell' type='unavailable'/>",
        "<message from='romeo@example.net/cell' type='error'><error type='cancel'>\
         <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
    ] {
        juliet.hears(&answer("cell", &thread));
        assert_eq!(chats(&mut juliet, "A").0, to("romeo@example.net/cell", "A"), "{presence}");
        juliet.hears(presence);
        assert_eq!(chats(&mut juliet, "B").0, to("romeo@example.net", "B"), "{presence}");
    }
    // A new session is another one.
    juliet.session().end_chat(&bare("romeo@example.net"));
    assert_ne!(chats(&mut juliet, "Again").1, thread);
}

#[test]
fn r6121_5_1_02_presence_for_the_time_of_a_chat() {
    let mut juliet = Juliet::online(SessionConfig::new(), "", "");
    juliet.session().set_presence(Presence::available().with_status("Here")).unwrap();
    juliet.says();
    let now = juliet.now;
    let message =
        || Message::chat(bare("romeo@example.net")).with_body("Ay me").with_thread("t").with_id("m");
    juliet.session().chat(now, message()).unwrap();
    juliet.session().chat(now, message()).unwrap();
    let said =
        "<message to='romeo@example.net' id='m' type='chat'><body>Ay me</body><thread>t</thread></message>";
    let shared = "<presence to='romeo@example.net'><status>Here</status></presence>";
    assert_eq!(juliet.says(), format!("{shared}{said}{said}"));

    // The silence ends it.
    juliet.waits(Duration::from_secs(30 * 60 - 1));
    assert!(!juliet.says().contains("unavailable"));
    juliet.waits(Duration::from_secs(1));
    assert!(juliet.says().ends_with("<presence to='romeo@example.net' type='unavailable'/>"));

    // Who has subscribed meanwhile would be told wrong.
    juliet.session().chat(now, message()).unwrap();
    juliet.hears(&push("id='p1'", "><item jid='romeo@example.net' subscription='from'/>"));
    juliet.says();
    juliet.session().end_chat(&bare("romeo@example.net"));
    assert_eq!(juliet.says(), "");

    // covers 6121-5.1-03: nobody has to
    juliet.hears(&push("id='p2'", "><item jid='romeo@example.net' subscription='to'/>"));
    juliet.says();
    juliet.session().set_presence_sharing(PresenceSharing::Never);
    juliet.session().chat(now, message()).unwrap();
    assert_eq!(juliet.says(), said);
}

#[test]
fn r6121_5_2_5_03_threads_tell_nothing() {
    let mut juliet = Juliet::and_romeo();
    let (_, thread) = chats(&mut juliet, "O");
    for part in ["juliet", "romeo", "example", "balcony"] {
        assert!(!thread.to_lowercase().contains(part), "{thread}");
    }
    assert_eq!(thread.len(), 24);
}

#[test]
fn every_request_ends_once() {
    let mut juliet = Juliet::and_romeo();
    let now = juliet.now;
    let ping = || xmpp_core::xml::Element::builder("urn:xmpp:ping", "ping").build();
    let asked = juliet.session().get(now, Some(jid("romeo@example.net/orchard")), ping()).unwrap();
    juliet.says();
    let id = juliet.last_id();
    for from in ["", "from='romeo@example.net'", "from='tybalt@example.org'", "from='romeo@example.net/cell'"]
    {
        juliet.hears(&format!("<iq {from} id='{id}' type='result'/>"));
        assert_eq!(juliet.events(), [], "{from}");
    }
    let answer = format!("<iq from='romeo@example.net/orchard' id='{id}' type='result'/>");
    juliet.hears(&answer);
    let ClientEvent::Answered { request, answer: Ok(_) } = juliet.event() else { panic!("no answer") };
    assert_eq!(request, asked);
    juliet.hears(&answer);
    assert_eq!(juliet.events(), []);

    // The second one expires, and its answer comes late.
    let asked = juliet.session().get(now, None, ping()).unwrap();
    juliet.says();
    juliet.waits(Duration::from_secs(60));
    assert_eq!(juliet.event(), ClientEvent::Answered { request: asked, answer: Err(Failure::Expired) });
    juliet.answers("");
    assert_eq!(juliet.events(), []);

    // The third is still open at the end.
    let contact = Contact::new(jid("nurse@example.com")).with_name("Nurse").with_group("Servants");
    let open = juliet.session().put_contact(now, &contact).unwrap();
    juliet.hears("</stream:stream>");
    let ended = juliet.ended.take().unwrap();
    assert_eq!((ended.unanswered(), ended.unsent().len()), (&[open][..], 0));
    assert!(juliet.closed && juliet.client.session().is_none());
}
