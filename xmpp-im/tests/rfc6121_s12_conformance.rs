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
mod stage;

use client::{Juliet, PRE_APPROVAL, VERSIONS};
use stage::Stage;
use stage::script::lines;
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
fn r3921_12_1_01_a_server_does_all_that_is_instant_messaging() {
    let (romeo, juliet) = ("romeo@example.net/orchard", "juliet@example.com/balcony");
    let mut stage = Stage::new(&["example.net", "example.com"], &["romeo@example.net", "juliet@example.com"]);
    stage.online(romeo);
    stage.online(juliet);
    let set = |namespace: &str, content: &str| {
        format!("<iq type='set' id='s'><query xmlns='jabber:iq:{namespace}'>{content}</query></iq>")
    };
    stage.send(romeo, &set("roster", "<item jid='juliet@example.com' name='Juliet'/>"));
    assert_eq!(lines(&stage.stanzas(romeo)), ["push juliet@example.com none name=Juliet", "result s"]);
    stage.send(romeo, "<presence to='juliet@example.com' type='subscribe'/>");
    stage.send(juliet, "<presence to='romeo@example.net' type='subscribed'/>");
    let told = [
        "push juliet@example.com none ask name=Juliet",
        "subscribed juliet@example.com > romeo@example.net",
        "push juliet@example.com to name=Juliet",
        "available juliet@example.com/balcony > romeo@example.net",
    ];
    assert_eq!(lines(&stage.stanzas(romeo)), told);
    stage.send(juliet, "<presence><show>away</show></presence>");
    assert_eq!(
        lines(&stage.stanzas(romeo)),
        ["available juliet@example.com/balcony > romeo@example.net away"]
    );
    stage.stanzas(juliet);
    let message = "<message to='juliet@example.com'><body>O</body></message>";
    stage.send(romeo, message);
    assert_eq!(lines(&stage.stanzas(juliet)), ["message O"]);
    let deny = "<item type='jid' value='romeo@example.net' action='deny' order='1'><message/></item>";
    stage.send(juliet, &set("privacy", &format!("<list name='l'>{deny}</list>")));
    stage.send(juliet, &set("privacy", "<active name='l'/>"));
    stage.stanzas(juliet);
    stage.send(romeo, message);
    assert_eq!(lines(&stage.stanzas(juliet)), [""; 0]);
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
        // covers 6121-3.4-01
        assert!(features.iter().any(|offered| offered == feature), "{features:?}");
    }
    let mut juliet = Juliet::bound(SessionConfig::new(), &features.concat());
    // covers 6121-12-01: of the client
    assert_eq!(juliet.says(), "<iq id='ID' type='get'><query xmlns='jabber:iq:roster' ver=''/></iq>");
}
