//! RFC 3921 section 12, RFC 6121 section 12: what a client and a server have to be able to do, all of it in one session.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod client;

use client::{Juliet, PRE_APPROVAL, VERSIONS};
use xmpp_core::entropy::Seed;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Message, Presence, Show};
use xmpp_core::time::UtcTime;
use xmpp_im::client::{ClientEvent, Contact, SessionConfig};
use xmpp_im::host::{Host, HostConfig};
use xmpp_im::privacy::Update;

fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

#[test]
fn r3921_12_2_01_a_client_speaks_and_understands_the_stanzas() {
    let mut juliet = Juliet::online(SessionConfig::new(), "", "");
    let romeo = Jid::new("romeo@example.net").unwrap();
    let letter = Message::chat(romeo).with_subject("Imploring").with_body("Wherefore art thou, Romeo?");
    juliet.session().message(letter.with_thread("e0ffe42b").with_id("m1")).unwrap();
    let away = Presence::available().with_show(Some(Show::Away)).with_status("Asleep").with_priority(1);
    juliet.session().set_presence(away).unwrap();
    juliet.hears("<message from='romeo@example.net/orchard' type='headline'><body>Ay</body></message>");
    juliet
        .hears("<iq from='romeo@example.net/orchard' id='v1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>");
    let said = juliet.says();
    assert_eq!(
        said,
        "<message to='romeo@example.net' id='m1' type='chat'><subject>Imploring</subject>\
         <body>Wherefore art thou, Romeo?</body><thread>e0ffe42b</thread></message>\
         <presence><show>away</show><status>Asleep</status><priority>1</priority></presence>\
         <iq to='romeo@example.net/orchard' id='v1' type='result'/>"
    );
    let ClientEvent::Message(heard) = juliet.event() else { panic!("no message") };
    assert_eq!(heard.body().as_deref(), Some("Ay"));
}

#[test]
fn r3921_12_2_02_a_client_keeps_roster_subscriptions_and_privacy() {
    let mut juliet = Juliet::online(SessionConfig::new(), "", "");
    let (now, romeo) = (juliet.now, bare("romeo@example.net"));
    juliet.session().put_contact(now, &Contact::new(romeo.clone().into()).with_name("Romeo")).unwrap();
    juliet.session().subscribe(&romeo, None).unwrap();
    juliet.session().change_privacy(now, &Update::Active(Some("special".into()))).unwrap();
    juliet.hears("<presence from='romeo@example.net' type='subscribe'/>");
    juliet.session().approve(&romeo).unwrap();
    assert_eq!(
        juliet.says(),
        "<iq id='ID' type='set'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' name='Romeo'/></query></iq>\
         <presence to='romeo@example.net' id='ID' type='subscribe'/>\
         <iq id='ID' type='set'><query xmlns='jabber:iq:privacy'><active name='special'/></query></iq>\
         <presence to='romeo@example.net' id='ID' type='subscribed'/>"
    );
}

#[test]
fn r6121_12_server_and_client_have_versions_and_approval_in_advance() {
    let host = Host::new(HostConfig::new([bare("example.com")]), Seed::new([7; 32]), UtcTime::UNIX_EPOCH);
    let features: Vec<String> = host.stream_features().map(|feature| feature.to_string()).collect();
    for feature in [VERSIONS, PRE_APPROVAL] {
        // covers 6121-12-01: of the server
        assert!(features.iter().any(|offered| offered == feature), "{features:?}");
    }
    let mut juliet = Juliet::bound(SessionConfig::new(), &features.concat());
    // covers 6121-12-01: of the client
    assert_eq!(juliet.says(), "<iq id='ID' type='get'><query xmlns='jabber:iq:roster' ver=''/></iq>");
}
