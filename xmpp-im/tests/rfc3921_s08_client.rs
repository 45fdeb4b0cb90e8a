//! RFC 3921 section 8 as a client plays it: requests that come to nothing, answers that nobody acknowledges, and changes of mind.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod client;

use client::Juliet;
use xmpp_core::jid::BareJid;
use xmpp_im::client::{ClientEvent, Contact, SessionConfig};

fn romeo() -> BareJid {
    BareJid::new("romeo@example.net").unwrap()
}

/// Juliet is online, and her roster has this state of her subscription with Romeo.
fn with(subscription: &str) -> Juliet {
    let item = format!("<item jid='romeo@example.net' {subscription}/>");
    Juliet::online(SessionConfig::new(), "", &item)
}

fn said(type_: &str) -> String {
    format!("<presence to='romeo@example.net' id='ID' type='{type_}'/>")
}

#[test]
fn r3921_8_2_20_an_approval_with_a_name() {
    let mut juliet = Juliet::online(SessionConfig::new(), "", "");
    juliet.hears("<presence from='romeo@example.net' type='subscribe'/>");
    let contact = Contact::new(romeo().into()).with_name("Romeo").with_group("Montague");
    let now = juliet.now;
    juliet.session().put_contact(now, &contact).unwrap();
    juliet.session().approve(&romeo()).unwrap();
    // covers 3921-6.2-01
    // covers 3921-8.2-20
    assert_eq!(
        juliet.says(),
        format!(
            "<iq id='ID' type='set'><query xmlns='jabber:iq:roster'>\
             <item jid='romeo@example.net' name='Romeo'><group>Montague</group></item></query></iq>{}",
            said("subscribed")
        )
    );
}

#[test]
fn r3921_8_2_01_contact_and_request_in_either_order() {
    let mut juliet = Juliet::online(SessionConfig::new(), "", "");
    let now = juliet.now;
    let set =
        "<iq id='ID' type='set'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net'/></query></iq>";
    juliet.session().put_contact(now, &Contact::new(romeo().into())).unwrap();
    juliet.session().subscribe(&romeo(), None).unwrap();
    assert_eq!(juliet.says(), format!("{set}{}", said("subscribe")));
    juliet.session().subscribe(&romeo(), None).unwrap();
    juliet.session().put_contact(now, &Contact::new(romeo().into())).unwrap();
    assert_eq!(juliet.says(), format!("{}{set}", said("subscribe")));
}

#[test]
fn r3921_8_3_06_who_was_not_reached_is_asked_again_or_not_at_all() {
    let error = "<presence from='romeo@example.net' type='error'><error type='cancel'>\
                 <remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>";
    let mut juliet = with("subscription='from' ask='subscribe'");
    juliet.hears(error);
    assert!(matches!(juliet.event(), ClientEvent::Presence(presence) if presence.is_error()));
    juliet.session().subscribe(&romeo(), None).unwrap();
    juliet.session().unsubscribe(&romeo()).unwrap();
    // covers 3921-8.3-06
    assert_eq!(juliet.says(), format!("{}{}", said("subscribe"), said("unsubscribe")));

    juliet.hears("<presence from='romeo@example.net' type='subscribe'/>");
    juliet.session().approve(&romeo()).unwrap();
    juliet.says();
    juliet.hears(error);
    juliet.session().deny(&romeo()).unwrap();
    // covers 3921-8.3-15
    assert_eq!(juliet.says(), said("unsubscribed"));
}

#[test]
fn r3921_8_3_22_no_answer_is_acknowledged() {
    let mut juliet = with("subscription='from' ask='subscribe'");
    juliet.hears("<presence from='romeo@example.net' type='subscribed'/>");
    assert_eq!(juliet.says(), "");
    juliet.hears("<presence from='romeo@example.net' type='unsubscribed'/>");
    // covers 3921-8.3.1-05
    // covers 3921-8.4.1-12
    // covers 3921-8.4.2-12
    assert_eq!(juliet.says(), "");
    assert_eq!(juliet.events().len(), 2);
}

#[test]
fn r3921_8_4_01_a_subscription_ends_whenever_one_side_wants() {
    for subscription in
        ["subscription='none'", "subscription='to'", "subscription='from'", "subscription='both'"]
    {
        let mut juliet = with(subscription);
        juliet.session().unsubscribe(&romeo()).unwrap();
        assert_eq!(juliet.says(), said("unsubscribe"), "{subscription}");
        juliet.session().deny(&romeo()).unwrap();
        // covers 3921-8.5-01
        assert_eq!(juliet.says(), said("unsubscribed"), "{subscription}");
    }
}
