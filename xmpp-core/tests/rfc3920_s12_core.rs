//! RFC 3920 section 12: what every server and every client has, as RFC 6120 section 15 lists it anew.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use pair::*;
use xmpp_core::conn::{Action, AuthenticationFault, CloseReason, Drive, Event, TlsFault};
use xmpp_core::jid::Jid;
use xmpp_core::sasl::{Mechanism, SaslCondition};
use xmpp_core::stanza::{self, Message, MessageType, Stanza};
use xmpp_core::stream::Condition;
use xmpp_core::time::Instant;
use xmpp_core::tls::TlsError;

const STANZAS: &str = "<message from='romeo@example.com' id='1' type='chat'><body>hi</body></message>\
     <presence from='romeo@example.com'/><iq from='romeo@example.com' id='2' type='get'><x xmlns='urn:x'/></iq>";
const ERROR: &str = "<message from='romeo@example.com' type='error'><error type='wait'>\
     <resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>";

/// The conditions of the errors among the stanzas that are handed in.
fn understood(conn: &mut impl Drive, now: Instant, bytes: &str) -> Vec<stanza::Condition> {
    conn.receive(now, bytes.as_bytes()).unwrap();
    let actions = std::iter::from_fn(|| conn.poll());
    let errors = actions.filter_map(|action| match action {
        Action::Event(Event::Stanza(stanza)) => stanza.error(),
        _ => None,
    });
    errors.map(|error| error.condition()).collect()
}

fn kinds(stanzas: &[String]) -> Vec<&str> {
    stanzas.iter().map(|stanza| stanza.split(['<', ' ', '/']).nth(1).unwrap()).collect()
}

#[test]
fn r3920_12_1_01_a_server_prepares_every_address() {
    let mut server = online_server(open_server());
    server.feed("<message to='ROMEO@B\u{fc}cher.EXAMPLE/\u{aa} B'/>");
    assert!(server.stanzas[0].contains(" to='romeo@b\u{fc}cher.example/a B'"), "{}", server.stanzas[0]);
    for bad in ["ro meo@example.com", "romeo@-.example", "romeo@example.com/\u{e000}", "\u{378}@example.com"]
    {
        let said = server.feed(format!("<message to='{bad}'/>"));
        assert!(said.contains("<jid-malformed "), "{bad}: {said}");
    }
    assert_eq!((server.stanzas.len(), server.over), (1, false));
}

#[test]
fn r3920_12_1_02_a_server_has_streams_tls_sasl_and_binding() {
    let mut pair = Pair::new();
    pair.run();
    let server = &pair.server;
    assert_eq!(server.transcript.matches("<stream:stream ").count(), 3);
    assert!(server.encrypted && server.handshakes == 1);
    assert!(server.mechanism().is_some_and(Mechanism::is_plus));
    assert_eq!(server.online(), Some("juliet@example.com/balcony"));
}

#[test]
fn r3920_12_1_04_a_server_makes_and_understands_every_kind_of_error() {
    let mut server = online_server(open_server());
    assert!(server.feed("<message to='@'/>").contains("<error type='modify'><jid-malformed "));
    let error = ERROR.replace(" from='romeo@example.com'", " to='romeo@example.com'");
    assert_eq!(understood(&mut server.conn, server.now, &error), [stanza::Condition::ResourceConstraint]);
    server.feed(stream_error("reset").replace(FOOTER, ""));
    assert_eq!(server.reason, Some(CloseReason::Peer(Condition::Reset.into())));

    let mut server = self::server(open_server());
    server.feed(CLIENT_HEADER);
    // `\0romeo\0x`
    let wrong = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHJvbWVvAHg=</auth>";
    assert!(server.feed(wrong).contains("<not-authorized/></failure>"));
    assert!(server.feed(STARTTLS).starts_with("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));

    let mut server = self::server(server_config());
    server.hold = true;
    server.feed(CLIENT_HEADER);
    server.feed(STARTTLS);
    server.conn.tls_failed(server.now, TlsError::Handshake).unwrap();
    server.said();
    assert_eq!(server.reason, Some(CloseReason::Tls(TlsFault::Failed(TlsError::Handshake))));

    let mut server = self::server(open_server());
    assert!(server.feed("<wrong>").ends_with(&stream_error("invalid-namespace")));
}

#[test]
fn r3920_12_2_01_a_client_has_streams_tls_sasl_and_binding() {
    let mut pair = Pair::new();
    pair.run();
    let client = &pair.client;
    assert_eq!(client.transcript.matches("<stream:stream ").count(), 3);
    // covers 3920-14.3-01
    assert!(client.encrypted && client.mechanism().is_some_and(Mechanism::is_plus));
    assert_eq!(client.online(), Some("juliet@example.com/balcony"));
}

#[test]
fn r3920_12_2_02_a_client_has_all_three_kinds_of_stanza() {
    let mut client = online_client(open_client());
    assert_eq!(client.feed(STANZAS), "");
    assert_eq!(kinds(&client.stanzas), ["message", "presence", "iq"]);
    // What a request needs to be one is seen to: it is answered, and not handed in.
    let said = client.feed("<iq from='romeo@example.com' id='3' type='get'/>");
    assert!(said.starts_with("<iq to='romeo@example.com' id='3' type='error'>"), "{said}");
    assert!(said.contains("<bad-request ") && client.stanzas.len() == 3, "{said}");
}

#[test]
fn r3920_12_2_03_a_client_makes_and_understands_every_kind_of_error() {
    let mut client = online_client(open_client());
    assert!(client.feed("<iq id='1' type='wrong'/>").contains("<error type='modify'><bad-request "));
    assert_eq!(understood(&mut client.conn, client.now, ERROR), [stanza::Condition::ResourceConstraint]);
    client.feed(stream_error("reset").replace(FOOTER, ""));
    assert_eq!(client.reason, Some(CloseReason::Peer(Condition::Reset.into())));
    let mut client = online_client(open_client());
    assert_eq!(client.feed("<wrong>text</wronger>"), stream_error("not-well-formed"));

    let mut client = self::client(open_client());
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    client.feed("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><account-disabled/></failure>");
    let refused = AuthenticationFault::Refused(SaslCondition::AccountDisabled);
    assert_eq!(client.reason, Some(CloseReason::Authentication(refused)));

    let mut client = self::client(client_config());
    client.said();
    client.feed(format!("{SERVER_HEADER}{OFFER_TLS}"));
    client.feed("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    assert_eq!(client.reason, Some(CloseReason::Tls(TlsFault::Refused)));
}

#[test]
fn r3920_12_2_04_a_client_writes_prepared_addresses_only() {
    let mut client = online_client(open_client());
    let to = Jid::new("ROMEO@B\u{fc}cher.EXAMPLE/\u{aa}").unwrap();
    client.conn.send(client.now, Stanza::Message(Message::new(MessageType::Normal).with_to(to))).unwrap();
    assert!(client.said().starts_with("<message to='romeo@b\u{fc}cher.example/a'"));
    assert!(Jid::new("ro meo@example.com").is_err());
}
