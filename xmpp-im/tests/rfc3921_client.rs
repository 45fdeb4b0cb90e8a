//! RFC 3921 sections 2 to 8, seen by a client. Where RFC 6121 has another rule, that one holds.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod client;

use std::collections::BTreeSet;
use std::time::Duration;

use client::*;
use xmpp_core::profile::Profile;
use xmpp_core::stanza::{Condition, Message, MessageType, Presence, PresenceType, Show, StanzaError};
use xmpp_core::xml::Element;
use xmpp_im::client::{ClientEvent, CommandError, Contact, Failure, SessionConfig};
use xmpp_im::store::Subscription;

const ESTABLISH: &str = "<iq id='ID' type='set'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>";

fn message(juliet: &mut Juliet) -> Message {
    match juliet.event() {
        ClientEvent::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

#[test]
fn r3921_2_1_1_08_message_types() {
    let mut juliet = Juliet::and_romeo();
    for (type_, read) in [
        (" type='chat'", MessageType::Chat),
        (" type='groupchat'", MessageType::Groupchat),
        (" type='headline'", MessageType::Headline),
        (" type='normal'", MessageType::Normal),
        (" type='error'", MessageType::Error),
    ] {
        juliet.hears(&format!("<message from='romeo@example.net/orchard'{type_}><body>.</body></message>"));
        assert_eq!(message(&mut juliet).type_(), read, "{type_}");
    }
    for unknown in ["", " type='sonnet'"] {
        juliet.hears(&format!("<message from='romeo@example.net/orchard'{unknown}><body>.</body></message>"));
        // covers 3921-2.1.1-09
        assert_eq!(message(&mut juliet).type_(), MessageType::Normal, "{unknown}");
    }
}

#[test]
fn r3921_2_1_2_3_01_threads() {
    let mut juliet = Juliet::and_romeo();
    let hears = |juliet: &mut Juliet, thread: &str| {
        juliet.hears(&format!(
            "<message from='romeo@example.net/orchard' type='chat'><body>.</body><thread>{thread}</thread></message>"
        ));
    };
    let says = |juliet: &mut Juliet, to: &str| {
        let now = juliet.now;
        juliet.session().chat(now, Message::chat(bare(to)).with_body("Ay")).unwrap();
        let said = juliet.says();
        said.split_once("<thread>").and_then(|(_, rest)| rest.split_once("</thread>")).unwrap().0.to_owned()
    };
    hears(&mut juliet, "e0ffe42b");
    assert_eq!(says(&mut juliet, "romeo@example.net"), "e0ffe42b");
    // covers 3921-2.1.2.3-03: as long as it lasts
    assert_eq!(says(&mut juliet, "romeo@example.net"), "e0ffe42b");
    // covers 3921-2.1.2.3-08: another spelling is another thread
    hears(&mut juliet, "E0FFE42B");
    assert_eq!(says(&mut juliet, "romeo@example.net"), "E0FFE42B");

    // covers 3921-2.1.2.3-02
    let own: BTreeSet<_> = (0..20).map(|n| says(&mut juliet, &format!("friend{n}@example.net"))).collect();
    assert_eq!(own.len(), 20);
}

#[test]
fn r3921_2_4_07_what_nobody_understands() {
    let mut juliet = Juliet::online(SessionConfig::new().with_extension("urn:example:known"), "", "");
    juliet.hears("<message from='romeo@example.net/orchard'><x xmlns='urn:example:unknown'/></message>");
    assert_eq!((juliet.events(), juliet.says().as_str()), (vec![], ""));
    // covers 3921-2.4-06: what else is in it does not make a message unreadable
    juliet.hears(
        "<message from='romeo@example.net/orchard'><x xmlns='urn:example:unknown'/><body>Ay</body></message>",
    );
    assert_eq!(message(&mut juliet).body().as_deref(), Some("Ay"));
    juliet.hears("<message from='romeo@example.net/orchard'><x xmlns='urn:example:known'/></message>");
    message(&mut juliet);

    // covers 3921-2.4-08
    let request = "<x xmlns='urn:example:unknown'/>";
    juliet.hears(&format!("<iq from='romeo@example.net/orchard' id='u1' type='get'>{request}</iq>"));
    assert_eq!(juliet.says(), unavailable("to='romeo@example.net/orchard' id='u1'", request));
    // covers 3921-2.4-04: of a roster item too
    juliet.hears(&push(
        "id='p1'",
        "><item jid='romeo@example.net' hat='red'><x xmlns='urn:example:unknown'/></item>",
    ));
    assert!(juliet.session().roster().get(&jid("romeo@example.net")).is_some());
}

#[test]
fn r3921_3_05_a_session_where_one_is_demanded() {
    let mut juliet = Juliet::bound(SessionConfig::new(), SESSION);
    let now = juliet.now;
    juliet.session().chat(now, Message::chat(bare("romeo@example.net")).with_body("O")).unwrap();
    assert_eq!(juliet.says(), ESTABLISH);
    // A ping is answered all the same.
    juliet.hears("<iq from='example.com' id='p1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(juliet.says(), "<iq to='example.com' id='p1' type='result'/>");
    juliet.answers("");
    let said = juliet.says();
    assert!(said.starts_with(ROSTER_GET) && said.contains("<body>O</body>"), "{said}");
    let get = juliet.ids[juliet.ids.len() - 2].clone();
    juliet.hears(&format!("<iq id='{get}' type='result'><query xmlns='jabber:iq:roster'/></iq>"));
    // covers 3921-3-12
    // covers 3921-5.1.1-01
    assert_eq!(juliet.says(), "<presence/>");

    // The later text made it a formality.
    let mut juliet = Juliet::bound(SessionConfig::new(), &SESSION.replace("/>", "><optional/></session>"));
    assert_eq!(juliet.says(), ROSTER_GET);
}

#[test]
fn no_session_no_stanzas() {
    for refuse in [(|juliet| juliet.refuses("forbidden")) as fn(&mut Juliet), |juliet| {
        juliet.waits(Duration::from_secs(60))
    }] {
        let mut juliet = Juliet::bound(SessionConfig::new(), SESSION);
        let now = juliet.now;
        juliet.session().message(Message::chat(bare("romeo@example.net"))).unwrap();
        juliet.says();
        refuse(&mut juliet);
        assert!(matches!(juliet.event(), ClientEvent::Refused(_)));
        let chat = juliet.session().chat(now, Message::chat(bare("romeo@example.net")));
        assert_eq!((chat, juliet.says().as_str()), (Err(CommandError::NoSession), ""));
        juliet.hears("</stream:stream>");
        assert_eq!(juliet.ended.unwrap().unsent().len(), 1);
    }
}

#[test]
fn r3921_3_13_neither_roster_nor_presence() {
    let mut juliet = Juliet::bound(SessionConfig::new().without_roster().with_presence(None), "");
    // covers 3921-7.3-02
    assert_eq!(juliet.says(), "");
    let mut juliet = Juliet::bound(SessionConfig::new().without_roster(), "");
    assert_eq!(juliet.says(), "<presence/>");
}

#[test]
fn r3921_4_1_03_whom_a_message_is_for() {
    let mut juliet = Juliet::and_romeo();
    let now = juliet.now;
    let chat = |to| Message::chat(jid(to)).with_body("O").with_thread("t").with_id("m");
    let said =
        |to| format!("<message to='{to}' id='m' type='chat'><body>O</body><thread>t</thread></message>");
    juliet.session().chat(now, chat("romeo@example.net")).unwrap();
    assert_eq!(juliet.says(), said("romeo@example.net"));
    // covers 3921-4.1-02: unless she has another one in mind
    juliet.hears("<message from='romeo@example.net/orchard' type='chat'><body>Ay</body></message>");
    juliet.session().chat(now, chat("romeo@example.net")).unwrap();
    assert_eq!(juliet.says(), said("romeo@example.net/orchard"));
    juliet.session().chat(now, chat("romeo@example.net/cell")).unwrap();
    assert_eq!(juliet.says(), said("romeo@example.net/cell"));
    // covers 3921-4.1-01
    for own in ["juliet@example.com", "juliet@example.com/balcony"] {
        assert_eq!(juliet.session().chat(now, chat(own)), Err(CommandError::Recipient));
    }
    let nobody = juliet.session().chat(now, Message::new(MessageType::Chat));
    assert_eq!(nobody, Err(CommandError::Recipient));
    // covers 3921-4.2-01
    let untyped =
        juliet.session().chat(now, Message::new(MessageType::Normal).with_to(bare("romeo@example.net")));
    assert_eq!((untyped, juliet.says().as_str()), (Err(CommandError::Type), ""));
}

#[test]
fn r3921_5_1_1_02_presence_without_addresses() {
    let addressed = Presence::available().with_to(jid("romeo@example.net")).with_from(jid("a@b"));
    let mut initial = Juliet::bound(SessionConfig::new().with_presence(Some(addressed)), "");
    initial.says();
    initial.answers("<query xmlns='jabber:iq:roster'/>");
    // covers 3921-5.1.1-03
    assert_eq!(initial.says(), "<presence/>");
}

#[test]
fn r3921_5_1_2_01_updates() {
    let mut juliet = Juliet::and_romeo();
    // covers 3921-5.2-01
    // covers 3921-5.3-01
    // covers 3921-5.4-01
    let away =
        Presence::available().with_show(Some(Show::Xa)).with_status("On the balcony").with_priority(-3);
    juliet.session().set_presence(away.clone().with_to(jid("romeo@example.net"))).unwrap();
    assert_eq!(
        juliet.says(),
        "<presence><show>xa</show><status>On the balcony</status><priority>-3</priority></presence>"
    );
    assert_eq!(juliet.session().presence(), Some(&away));
}

#[test]
fn r3921_5_1_4_01_directed_presence() {
    let mut juliet = Juliet::and_romeo();
    juliet.session().direct_presence(&jid("nurse@example.com"), Presence::available()).unwrap();
    let gone = Presence::new(PresenceType::Unavailable);
    juliet.session().direct_presence(&jid("nurse@example.com"), gone).unwrap();
    // covers 3921-5-01
    assert_eq!(
        juliet.says(),
        "<presence to='nurse@example.com'/><presence to='nurse@example.com' type='unavailable'/>"
    );
    // Everybody else is told nothing.
    assert_eq!(juliet.session().presence(), Some(&Presence::available()));
}

#[test]
fn r3921_5_1_5_01_good_bye() {
    let mut juliet = Juliet::and_romeo();
    let now = juliet.now;
    juliet.session().message(Message::chat(bare("romeo@example.net"))).unwrap();
    juliet.client.close(now);
    assert_eq!(
        juliet.says(),
        "<message to='romeo@example.net' type='chat'/><presence type='unavailable'/></stream:stream>"
    );
    // What comes until the server closes too is still told, but not answered.
    juliet.hears("<message from='romeo@example.net'><body>.</body></message>");
    juliet.hears("<iq from='example.com' id='p1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>");
    message(&mut juliet);
    juliet.session().message(Message::chat(bare("romeo@example.net"))).unwrap();
    juliet.hears("</stream:stream>");
    assert_eq!((juliet.says().as_str(), juliet.ended.unwrap().unsent().len()), ("", 1));

    // Who was not there does not go.
    let mut juliet = Juliet::bound(SessionConfig::new().without_roster().with_presence(None), "");
    juliet.client.close(now);
    assert_eq!(juliet.says(), "</stream:stream>");
}

#[test]
fn r3921_7_1_01_what_a_roster_says() {
    let items = "<item jid='romeo@example.net' name='Roméo &amp;' subscription='both'>\
                 <group>Friends</group><group> </group></item>\
                 <item jid='example.org' subscription='from' ask='subscribe'/>";
    let mut juliet = Juliet::online(SessionConfig::new(), "", items);
    let roster = juliet.session().roster();
    // covers 3921-7.1-03
    assert_eq!(roster.len(), 2);
    let romeo = roster.get(&jid("romeo@example.net")).unwrap();
    // covers 3921-7.1-04
    assert_eq!((romeo.name(), romeo.ask()), (Some("Roméo &"), false));
    // covers 3921-7.1-05
    assert_eq!(romeo.groups().collect::<Vec<_>>(), [" ", "Friends"]);
    let gateway = roster.get(&jid("example.org")).unwrap();
    assert_eq!((gateway.subscription(), gateway.ask()), (Subscription::From, true));
}

#[test]
fn r3921_7_2_04_pushes_in_the_name_of_the_session() {
    let hears = |profile, from: &str| {
        let mut juliet = Juliet::online(SessionConfig::new().with_profile(profile), "", "");
        juliet.hears(&push(&format!("id='p1'{from}"), "><item jid='romeo@example.net'/>"));
        juliet.session().roster().len() == 1
    };
    for from in ["", " from='juliet@example.com'", " from='juliet@example.com/balcony'"] {
        assert!(hears(Profile::RFC3920, from), "{from}");
    }
    // covers 3921-7.2-03
    // covers 3921-7.2-05
    for from in
        [" from='juliet@example.com/chamber'", " from='example.com'", " from='romeo@example.net/orchard'"]
    {
        assert!(!hears(Profile::RFC3920, from), "{from}");
    }
    // RFC 6121 is the default.
    assert!(!hears(Profile::default(), " from='juliet@example.com/balcony'"));
}

#[test]
fn r3921_7_4_03_every_push_is_acknowledged() {
    let mut juliet = Juliet::and_romeo();
    let now = juliet.now;
    let nurse = Contact::new(jid("nurse@example.com")).with_name("Nurse").with_group("Servants");
    let asked = juliet.session().put_contact(now, &nurse).unwrap();
    // covers 3921-7.4-01
    assert_eq!(
        juliet.says(),
        "<iq id='ID' type='set'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com' name='Nurse'>\
         <group>Servants</group></item></query></iq>"
    );
    let item =
        "><item jid='nurse@example.com' name='Nurse' subscription='none'><group>Servants</group></item>";
    juliet.hears(&push("from='juliet@example.com' id='a78b4q6ha463' to='juliet@example.com/balcony'", item));
    // covers 3921-8.1-05
    assert_eq!(juliet.says(), "<iq to='juliet@example.com' id='a78b4q6ha463' type='result'/>");
    let ClientEvent::ContactChanged(item) = juliet.event() else { panic!("no change") };
    assert_eq!((item.jid(), item.name()), (&jid("nurse@example.com"), Some("Nurse")));
    juliet.answers("");
    assert!(matches!(juliet.event(), ClientEvent::Answered { request, answer: Ok(_) } if request == asked));

    juliet.session().remove_contact(now, &jid("nurse@example.com")).unwrap();
    // covers 3921-7.6-01
    // covers 3921-8.4.2-14
    assert_eq!(
        juliet.says(),
        "<iq id='ID' type='set'><query xmlns='jabber:iq:roster'>\
         <item jid='nurse@example.com' subscription='remove'/></query></iq>"
    );
    juliet.refuses("item-not-found");
    let ClientEvent::Answered { answer: Err(Failure::Error(error)), .. } = juliet.event() else {
        panic!("no error")
    };
    assert_eq!(error.condition(), Condition::ItemNotFound);
}

#[test]
fn r3921_8_2_02_contact_before_subscription() {
    let mut juliet = Juliet::online(SessionConfig::new(), "", "");
    let (now, romeo) = (juliet.now, bare("romeo@example.net"));
    let contact = Contact::new(romeo.into()).with_name("Romeo").with_group("MyBuddies");
    juliet.session().put_contact(now, &contact).unwrap();
    // covers 3921-8.2-03: without a subscription
    // covers 3921-8.2-04: a name and groups if she likes
    assert_eq!(
        juliet.says(),
        "<iq id='ID' type='set'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' name='Romeo'>\
         <group>MyBuddies</group></item></query></iq>"
    );
}

#[test]
fn r3921_8_2_07_user_subscribes_to_contact() {
    let mut juliet = Juliet::online(SessionConfig::new(), "", "");
    let romeo = bare("romeo@example.net");
    juliet.session().subscribe(&romeo, None).unwrap();
    // covers 3921-5.1.6-01
    assert_eq!(juliet.says(), "<presence to='romeo@example.net' id='ID' type='subscribe'/>");
    juliet.hears(&push("id='p1'", "><item jid='romeo@example.net' subscription='none' ask='subscribe'/>"));
    assert!(juliet.session().roster().get(romeo.as_jid()).unwrap().ask());
    juliet.hears("<presence from='romeo@example.net' type='subscribed'><status>Ay</status></presence>");
    // covers 3921-8.2-35: RFC 6121 has no acknowledgement
    assert_eq!(juliet.says(), "<iq id='p1' type='result'/>");
    let events = juliet.events();
    let [_, ClientEvent::SubscriptionApproved(approved)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((approved.from(), approved.status().as_deref()), (&romeo, Some("Ay")));
    // The stanza alone changes nothing, since nobody may have asked; the roster does.
    assert_eq!(juliet.session().roster().get(romeo.as_jid()).unwrap().subscription(), Subscription::None);
    juliet.hears(&push("id='p2'", "><item jid='romeo@example.net' subscription='to'/>"));
    juliet.hears("<presence from='romeo@example.net/orchard'/>");
    assert!(juliet.session().presences().is_available(&romeo));
    assert_eq!(juliet.says(), "<iq id='p2' type='result'/>");
}

#[test]
fn r3921_8_2_1_01_contact_declines() {
    let mut juliet = Juliet::online(SessionConfig::new(), "", "");
    let romeo = bare("romeo@example.net");
    juliet.hears("<presence from='romeo@example.net' type='subscribe'/>");
    juliet.session().deny(&romeo).unwrap();
    // covers 3921-6.2-01
    // covers 3921-8.3.1-01
    assert_eq!(juliet.says(), "<presence to='romeo@example.net' id='ID' type='unsubscribed'/>");
    assert_eq!(juliet.session().subscription_requests().count(), 0);

    // The other way round: the user is told, and nothing is acknowledged.
    juliet.events();
    juliet.hears("<presence from='romeo@example.net' type='unsubscribed'/>");
    // covers 3921-8.2.1-06
    assert!(matches!(juliet.event(), ClientEvent::SubscriptionRefused(refused) if *refused.from() == romeo));
    assert_eq!(juliet.says(), "");
}

#[test]
fn r3921_8_3_10_mutual_subscription() {
    let mut juliet = Juliet::online(SessionConfig::new(), "", "");
    let romeo = bare("romeo@example.net");
    juliet.hears("<presence from='romeo@example.net' type='subscribe'/>");
    juliet.session().approve(&romeo).unwrap();
    juliet.session().subscribe(&romeo, None).unwrap();
    // covers 3921-8.2-21
    // covers 3921-8.3-01
    assert_eq!(
        juliet.says(),
        "<presence to='romeo@example.net' id='ID' type='subscribed'/>\
         <presence to='romeo@example.net' id='ID' type='subscribe'/>"
    );
    // covers 3921-8.2-14: or not after all
    juliet.session().unsubscribe(&romeo).unwrap();
    assert_eq!(juliet.says(), "<presence to='romeo@example.net' id='ID' type='unsubscribe'/>");
    // covers 3921-8.2-28
    juliet.session().deny(&romeo).unwrap();
    assert_eq!(juliet.says(), "<presence to='romeo@example.net' id='ID' type='unsubscribed'/>");
}

#[test]
fn r3921_8_4_2_01_unsubscribing() {
    let mut juliet = Juliet::and_romeo();
    let romeo = bare("romeo@example.net");
    juliet.session().unsubscribe(&romeo).unwrap();
    // covers 3921-8.4.1-01
    assert_eq!(juliet.says(), "<presence to='romeo@example.net' id='ID' type='unsubscribe'/>");
    // The contact does the same.
    juliet.hears("<presence from='romeo@example.net' type='unsubscribe'/>");
    // covers 3921-8.4.1-07: told, and not acknowledged
    // covers 3921-8.4.2-07
    assert!(matches!(juliet.event(), ClientEvent::SubscriberLeft(left) if *left.from() == romeo));
    assert_eq!(juliet.says(), "");
}

#[test]
fn r3921_8_5_2_01_cancelling() {
    let mut juliet = Juliet::and_romeo();
    let romeo = bare("romeo@example.net");
    juliet.session().deny(&romeo).unwrap();
    // covers 3921-8.5.1-01
    assert_eq!(juliet.says(), "<presence to='romeo@example.net' id='ID' type='unsubscribed'/>");
    juliet.hears("<presence from='romeo@example.net/orchard'/>");
    juliet.events();
    juliet.hears("<presence from='romeo@example.net' type='unsubscribed'/>");
    juliet.hears(&push("id='p1'", "><item jid='romeo@example.net' subscription='none'/>"));
    // covers 3921-8.5.1-09: told, and not acknowledged
    // covers 3921-8.5.2-09
    assert_eq!(juliet.says(), "<iq id='p1' type='result'/>");
    let events = juliet.events();
    assert!(matches!(&events[0], ClientEvent::SubscriptionRefused(refused) if *refused.from() == romeo));
    assert_eq!(events[2], ClientEvent::PresenceLost(romeo));
}

#[test]
fn every_request_is_answered_once() {
    let config = SessionConfig::new().with_extension("jabber:iq:version");
    let mut juliet = Juliet::online(config, "", "");
    let version = || Element::builder("jabber:iq:version", "query").build();
    let ask = |id: &str| {
        format!(
            "<iq from='romeo@example.net/orchard' to='juliet@example.com/balcony' id='{id}' type='get'>\
             <query xmlns='jabber:iq:version'/></iq>"
        )
    };
    let received = |juliet: &mut Juliet| match juliet.event() {
        ClientEvent::Request(id, iq) if iq.payload().unwrap().is("jabber:iq:version", "query") => id,
        other => panic!("{other:?}"),
    };
    juliet.hears(&ask("v1"));
    let first = received(&mut juliet);
    assert_eq!(juliet.says(), "");
    juliet.session().answer(first, Ok(Some(version()))).unwrap();
    assert_eq!(
        juliet.says(),
        "<iq to='romeo@example.net/orchard' id='v1' type='result'><query xmlns='jabber:iq:version'/></iq>"
    );
    assert_eq!(juliet.session().answer(first, Ok(None)), Err(CommandError::Answered));

    juliet.hears(&ask("v2"));
    let second = received(&mut juliet);
    juliet.session().answer(second, Err(StanzaError::new(Condition::Forbidden))).unwrap();
    assert!(juliet.says().contains("<forbidden "));

    // Whoever forgets it has refused it.
    juliet.hears(&ask("v3"));
    let third = received(&mut juliet);
    juliet.waits(Duration::from_secs(60));
    assert!(juliet.says().contains("<service-unavailable "));
    assert_eq!(juliet.session().answer(third, Ok(None)), Err(CommandError::Answered));
    assert_eq!(juliet.says(), "");

    // A roster is not what a client is asked for.
    juliet.hears("<iq id='g1' type='get'><query xmlns='jabber:iq:roster'/></iq>");
    assert!(juliet.says().contains("<service-unavailable "));
}
