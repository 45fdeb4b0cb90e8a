//! RFC 6120 sections 5 and 13.7 with RFC 3920 section 5, and XEP-0368: where TLS begins, and what it has to prove.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use std::time::Duration;

use pair::*;
use xmpp_core::conn::{Close, CloseReason, Drive as _, ServerConnection, TlsFault};
use xmpp_core::error::Misuse;
use xmpp_core::sasl::{PlainPolicy, Selection};
use xmpp_core::stream::Condition;
use xmpp_core::tls::{Chain, PresentedName, Service, TlsError, TlsInfo, TlsPolicy};

const FAILURE: &str = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

/// A server that is asked for TLS and waits for the handshake.
fn in_handshake() -> End<ServerConnection> {
    let mut server = server(server_config());
    server.hold = true;
    server.feed(CLIENT_HEADER);
    server.feed(STARTTLS);
    server
}

/// A client that has sent `<starttls/>`.
fn asking() -> End<xmpp_core::conn::ClientConnection> {
    let mut client = client(client_config());
    client.said();
    assert_eq!(client.feed(format!("{SERVER_HEADER}{OFFER_TLS}")), STARTTLS);
    client
}

fn dns(name: &str) -> TlsInfo {
    TlsInfo::new(Chain::Trusted).with_name(PresentedName::Dns(name.into()))
}

#[test]
fn r3920_5_1_06_starttls_is_offered_and_answered() {
    let mut server = server(server_config().with_tls(TlsPolicy::Optional));
    let said = server.feed(CLIENT_HEADER);
    // covers 3920-5.1-06
    assert!(said.contains(&format!("<stream:features>{STARTTLS}<mechanisms ")), "{said}");
    // covers 3920-5.2-02
    assert_eq!(server.feed(STARTTLS), PROCEED);
    assert!(client(client_config()).said().contains(" version='1.0'>"));
    let mut server = self::server(open_server());
    server.feed(CLIENT_HEADER);
    // covers 3920-5.2-03
    assert_eq!(server.feed(STARTTLS), format!("{FAILURE}{FOOTER}"));
    assert_eq!(server.close, Some(Close::Graceful));
}

#[test]
fn r3920_5_1_04_a_client_speaks_1_0() {
    let said = client(client_config()).said();
    // covers 3920-5.1-04
    assert_eq!(attribute(&said, "stream:stream", "version"), "1.0");
}

#[test]
fn r6120_5_4_2_2_01_a_request_is_empty() {
    for inside in ["text", "<required/>", "<x xmlns='urn:x'/>"] {
        let mut server = server(server_config());
        server.feed(CLIENT_HEADER);
        let malformed = format!("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>{inside}</starttls>");
        // covers 6120-5.4.2.2-01
        assert_eq!(server.feed(malformed), format!("{FAILURE}{FOOTER}"), "{inside}");
        assert_eq!((server.reason, server.handshakes), (Some(CloseReason::Tls(TlsFault::Malformed)), 0));
    }
    for blank in ["", "\n "] {
        let mut server = server(server_config());
        server.feed(CLIENT_HEADER);
        let request = format!("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>{blank}</starttls>");
        assert_eq!(server.feed(request), PROCEED);
    }
}

#[test]
fn r3920_5_1_08_the_elements_stand_alone() {
    let mut client = asking();
    let mut server = server(server_config());
    server.feed(CLIENT_HEADER);
    let before = client.transcript.clone();
    // covers 3920-5.1-08
    assert!(before.ends_with(&format!(">{STARTTLS}")));
    let said = server.feed(STARTTLS);
    // covers 6120-5.3.3-01
    assert_eq!(said, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    client.hold = true;
    assert_eq!(client.feed(said), "");
}

#[test]
fn r3920_5_1_09_tls_begins_behind_proceed() {
    let server = in_handshake();
    // covers 3920-5.1-09
    assert!(
        server.trace[server.trace.len() - 2].ends_with(PROCEED)
            && server.trace.last().unwrap().starts_with("tls")
    );
    let mut client = asking();
    client.hold = true;
    client.feed(&PROCEED[..PROCEED.len() - 1]);
    assert_eq!(client.handshakes, 0);
    client.feed(">");
    // covers 3920-5.1-10
    assert_eq!(client.handshakes, 1);
    // covers 3920-5.2-04: on that connection
    assert!(!client.over && client.trace.last().unwrap() == "tls Some(\"example.com\")");
}

#[test]
fn nothing_is_said_or_heard_in_a_handshake() {
    let mut server = in_handshake();
    assert_eq!(server.conn.receive(server.now, b"<"), Err(Misuse::NotWantingInput));
    assert_eq!(server.conn.send(server.now, message("x")), Err(Misuse::NotOnline));
    assert_eq!(server.sleep(Duration::from_secs(29)), "");
    server.conn.fail(server.now, Condition::SystemShutdown);
    assert_eq!(server.said(), "");
}

#[test]
fn r3920_5_1_07_tls_that_was_chosen_comes_before_sasl() {
    // What the server says instead of `<proceed/>` is no way on.
    for other in [
        SUCCESS.to_owned(),
        offer(&["PLAIN"]),
        "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>".into(),
    ] {
        let mut client = asking();
        // covers 3920-5.1-07
        assert_eq!(client.feed(other), stream_error("not-authorized"));
    }
    let mut client = client(client_config().with_tls(TlsPolicy::Optional));
    client.said();
    let both = offer(&["SCRAM-SHA-256"]).replace("<mechanisms", &format!("{STARTTLS}<mechanisms"));
    // covers 6120-5.2-02
    assert_eq!(client.feed(format!("{SERVER_HEADER}{both}")), STARTTLS);
}

#[test]
fn r6120_5_3_1_01_tls_is_mandatory_if_it_is_alone_or_marked() {
    let mut server = server(server_config());
    let said = server.feed(CLIENT_HEADER);
    // covers 6120-5.4.1-01
    assert!(said.contains("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls>"));
    // covers 6120-5.3.1-02
    assert!(said.ends_with(&format!(
        "id='{}' xml:lang='en' version='1.0'>{OFFER_TLS}",
        attribute(&said, "stream:stream", "id")
    )));
    // covers 3920-4.6-03
    assert!(!said.contains("mechanism") && !said.contains("bind"));
    // A client that would do without knows that it must not.
    let alone = format!("<stream:features>{STARTTLS}</stream:features>");
    let beside = OFFER_TLS.replace("</stream:features>", "<x xmlns='urn:x'/></stream:features>");
    for features in [alone.as_str(), OFFER_TLS, &beside] {
        let mut client = client(open_client().with_tls(TlsPolicy::Optional));
        client.said();
        // covers 6120-5.3.1-01
        assert_eq!(client.feed(format!("{SERVER_HEADER}{features}")), STARTTLS);
    }
}

#[test]
fn r6120_5_3_2_01_after_tls_everything_begins_anew() {
    let mut client = asking();
    let said = client.feed(PROCEED);
    // covers 6120-5.3.2-01
    assert!(said.starts_with("<?xml version='1.0'?><stream:stream "), "{said}");
    // covers 3920-5.2-07
    assert!(!client.transcript.contains(FOOTER));
    let mut server = server(server_config());
    server.feed(CLIENT_HEADER);
    server.feed(STARTTLS);
    // The old stream is closed: an element of it is no header.
    // covers 3920-5.2-08
    assert!(server.feed(AUTH_PLAIN).ends_with(&stream_error("invalid-namespace")));
    let said = client.feed(format!("{SERVER_HEADER}{}", offer(&["SCRAM-SHA-256"])));
    // covers 3920-5.1-18
    assert!(said.starts_with("<auth "), "{said}");
}

#[test]
fn r3920_5_1_16_a_client_forgets_what_a_server_said_before_tls() {
    let mut client = client(client_config());
    client.said();
    let forged = offer(&["SCRAM-SHA-1", "PLAIN"]).replace("<mechanisms", &format!("{STARTTLS}<mechanisms"));
    client.feed(format!("{}{forged}", SERVER_HEADER.replace("'s1'", "'forged'")));
    client.feed(PROCEED);
    let said = client.feed(format!("{SERVER_HEADER}{}", offer(&["SCRAM-SHA-256"])));
    // covers 3920-5.1-16
    assert!(said.contains(" mechanism='SCRAM-SHA-256'"), "{said}");
}

#[test]
fn r3920_5_1_19_a_handshake_that_fails_ends_the_transport() {
    let mut server = in_handshake();
    server.conn.tls_failed(server.now, TlsError::Handshake).unwrap();
    // covers 3920-5.1-19: RFC 6120 wants no closing tag
    assert_eq!((server.said(), server.close), (String::new(), Some(Close::Abort)));
}

#[test]
fn r6120_5_2_01_logins_under_tls() {
    let mut pair = Pair::new();
    pair.run();
    // covers 6120-5.2-01
    assert_eq!((pair.client.handshakes, pair.server.handshakes), (1, 1));
    assert!(pair.client.encrypted && pair.server.encrypted);
    // covers 3920-4.3-01
    assert!(pair.client.online.is_some() && pair.server.online.is_some());
}

#[test]
fn r6120_5_4_3_1_06_there_is_no_way_back_to_plaintext() {
    let mut pair = Pair::new();
    pair.run();
    // All that was written after the handshake came behind it in order: that is where the transport encrypts.
    let tls = pair.server.trace.iter().position(|line| line.starts_with("tls")).unwrap();
    // covers 6120-5.4.3.1-06
    assert!(
        pair.server.trace[tls..].iter().all(|line| !line.contains("starttls") && !line.contains("<proceed"))
    );
    assert!(
        pair.server.trace[..tls].iter().all(|line| !line.contains("mechanism") && !line.contains("success"))
    );
}

#[test]
fn the_names_in_a_certificate_decide() {
    let srv = |text| PresentedName::srv(text).unwrap();
    let with = |name| TlsInfo::new(Chain::Trusted).with_name(name);
    for (info, fault) in [
        (dns("example.com"), None),
        (with(srv("_xmpp-client.example.com")), None),
        (with(PresentedName::XmppAddr("example.com".into())), None),
        (with(srv("_xmpp-server.example.com")), Some(TlsError::WrongName)),
        (dns("im.example.com"), Some(TlsError::WrongName)),
        (dns("*.example.com"), Some(TlsError::WrongName)),
        (
            TlsInfo::new(Chain::Untrusted).with_name(PresentedName::Dns("example.com".into())),
            Some(TlsError::Untrusted),
        ),
    ] {
        let mut client = asking();
        client.info = info;
        let said = client.feed(PROCEED);
        assert_eq!(said.is_empty(), fault.is_some());
        assert_eq!(client.reason, fault.map(|error| CloseReason::Tls(TlsFault::Failed(error))));
    }
}

/// TLS before the stream: XEP-0368.
#[test]
fn direct_tls_logs_in_with_one_restart_less() {
    for tls in [TlsPolicy::Required, TlsPolicy::Optional, TlsPolicy::Disabled] {
        let mut pair = Pair::of(
            client_over_tls(client_config().with_tls(tls), trusted()),
            server_over_tls(server_config().with_tls(tls)),
        );
        pair.run();
        assert_eq!(pair.client.online(), Some("juliet@example.com/balcony"), "{tls:?}");
        assert!(pair.client.encrypted && pair.server.encrypted);
        assert_eq!((pair.client.handshakes, pair.server.handshakes), (0, 0));
        // Rule 5: STARTTLS is not used over direct TLS.
        assert!(!pair.server.transcript.contains("starttls") && !pair.client.transcript.contains("starttls"));
        assert_eq!(pair.client.transcript.matches("<stream:stream ").count(), 2);
        // Bound to the channel, as after STARTTLS, and the client says at once who it is.
        assert!(pair.client.mechanism().unwrap().is_plus());
        assert!(pair.client.transcript.starts_with("<?xml"));
        assert_eq!(attribute(&pair.client.transcript, "stream:stream", "from"), "juliet@example.com");
    }
}

#[test]
fn direct_tls_is_judged_before_a_byte_is_said() {
    for (info, error) in [
        (dns("example.net"), TlsError::WrongName),
        (TlsInfo::new(Chain::Trusted), TlsError::WrongName),
        (
            TlsInfo::new(Chain::Untrusted).with_name(PresentedName::Dns("example.com".into())),
            TlsError::Untrusted,
        ),
    ] {
        let mut client = client_over_tls(client_config(), info);
        assert!(!client.conn.wants_input());
        assert_eq!(client.said(), "");
        assert_eq!(client.reason, Some(CloseReason::Tls(TlsFault::Failed(error))));
        assert!(client.over && client.conn.poll_timeout().is_none());
    }
}

#[test]
fn direct_tls_offers_and_takes_no_starttls() {
    let mut server = server_over_tls(server_config());
    let said = server.feed(CLIENT_HEADER);
    assert!(said.contains("<mechanisms ") && !said.contains("starttls"), "{said}");
    assert_eq!(server.feed(STARTTLS), format!("{FAILURE}{FOOTER}"));
    assert_eq!(server.reason, Some(CloseReason::Tls(TlsFault::NotOffered)));
    // A client does not take an offer of it.
    let mut client = client_over_tls(client_config(), trusted());
    client.said();
    let both = offer(&["SCRAM-SHA-256"]).replace("<mechanisms", &format!("{STARTTLS}<mechanisms"));
    assert!(client.feed(format!("{SERVER_HEADER}{both}")).starts_with("<auth "));
    // No handshake is awaited.
    assert_eq!(client.conn.tls_established(client.now, trusted()), Err(Misuse::NoTlsPending));
    assert_eq!(Service::Client.name(), "xmpp-client");
}

#[test]
fn direct_tls_has_the_deadlines_of_any_stream() {
    let mut server = server_over_tls(server_config());
    assert!(server.sleep(Duration::from_secs(60)).ends_with(&stream_error("policy-violation")));
    let mut client = client_over_tls(client_config(), trusted());
    client.said();
    assert_eq!(client.sleep(Duration::from_secs(60)), stream_error("policy-violation"));
}

#[test]
fn r6120_13_8_3_05_no_password_goes_unprotected() {
    let everything = Selection::new().plain(PlainPolicy::OverTls);
    let mut server =
        server(server_config().with_tls(TlsPolicy::Optional).with_mechanisms(everything.clone()));
    // covers 6120-13.8.3-05
    assert!(!server.feed(CLIENT_HEADER).contains("<mechanism>PLAIN</mechanism>"));
    let mut client = client(client_config().with_tls(TlsPolicy::Optional).with_mechanisms(everything));
    client.said();
    // covers 6120-13.8.3-04
    assert_eq!(client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"]))), FOOTER);
}
