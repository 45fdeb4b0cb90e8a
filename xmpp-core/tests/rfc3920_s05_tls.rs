//! RFC 3920 section 5 and RFC 6120 section 5: STARTTLS.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use pair::*;
use xmpp_core::conn::{Close, CloseReason, Drive as _, TlsFault};
use xmpp_core::sasl::{Mechanism, PlainPolicy, Selection};
use xmpp_core::tls::{Chain, PresentedName, TlsError, TlsInfo, TlsPolicy};

#[test]
fn r3920_5_2_01_required_tls_is_offered_alone_and_marked() {
    let mut server = server(server_config());
    let said = server.feed(CLIENT_HEADER);
    assert!(said.ends_with(OFFER_TLS), "{said}");
    assert_eq!(server.feed(STARTTLS), PROCEED);
    let said = server.feed(CLIENT_HEADER);
    // covers 3920-5.2-09
    assert!(said.starts_with("<?xml version='1.0'?><stream:stream "));
    // covers 3920-5.1-17
    assert!(!said.contains("starttls"), "{said}");
    // covers 6120-5.4.3.3-02
    assert!(said.contains("<mechanism>SCRAM-SHA-256-PLUS</mechanism>"), "{said}");
}

#[test]
fn optional_tls_is_offered_beside_sasl() {
    let mut server = server(server_config().with_tls(TlsPolicy::Optional));
    let said = server.feed(CLIENT_HEADER);
    assert!(said.contains("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><mechanisms "), "{said}");
    // covers 3920-6.2-01
    assert!(!said.contains("PLAIN") && !said.contains("PLUS"), "{said}");
    // After a failed attempt it may still be negotiated.
    assert!(server.feed(AUTH_PLAIN).contains("<encryption-required/>"));
    assert_eq!(server.feed(STARTTLS), PROCEED);
}

#[test]
fn r6120_5_4_2_2_01_starttls_that_was_not_offered_fails() {
    let failure = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>";
    let mut server = server(open_server());
    server.feed(CLIENT_HEADER);
    assert_eq!(server.feed(STARTTLS), failure);
    assert_eq!(server.reason, Some(CloseReason::Tls(TlsFault::NotOffered)));
    assert_eq!(server.handshakes, 0);

    let mut server = self::server(server_config());
    for part in [CLIENT_HEADER, STARTTLS, CLIENT_HEADER] {
        server.feed(part);
    }
    assert_eq!(server.feed(STARTTLS), failure);
    assert_eq!(server.handshakes, 1);
}

#[test]
fn r3920_5_2_05_plaintext_behind_starttls_is_fatal() {
    for behind in [CLIENT_HEADER, "<", "\n<", AUTH_PLAIN, "\u{16}\u{3}\u{1}", "\n\0", "\u{a0}"] {
        let mut server = server(server_config());
        server.feed(CLIENT_HEADER);
        assert_eq!(server.feed(format!("{STARTTLS}{behind}")), FOOTER, "{behind:?}");
        assert_eq!(server.reason, Some(CloseReason::Tls(TlsFault::Injection)), "{behind:?}");
        assert_eq!((server.handshakes, server.close), (0, Some(Close::Abort)), "{behind:?}");

        let mut client = client(client_config());
        client.said();
        assert_eq!(client.feed(format!("{SERVER_HEADER}{OFFER_TLS}")), STARTTLS);
        assert_eq!(client.feed(format!("{PROCEED}{behind}")), "", "{behind:?}");
        assert_eq!(client.reason, Some(CloseReason::Tls(TlsFault::Injection)), "{behind:?}");
        assert_eq!((client.handshakes, client.close), (0, Some(Close::Abort)), "{behind:?}");
    }
    // In two reads before anyone polled.
    let mut server = server(server_config());
    server.feed(CLIENT_HEADER);
    server.conn.receive(server.now, STARTTLS.as_bytes()).unwrap();
    server.conn.receive(server.now, b" \xff").unwrap();
    server.said();
    assert_eq!(server.reason, Some(CloseReason::Tls(TlsFault::Injection)));
}

/// Some clients end the line there, which RFC 6120 section 5.3.3 forbids them; nobody can smuggle anything in by it.
#[test]
fn white_space_behind_starttls_says_nothing() {
    for behind in ["\n", " \r\n\t", "\r"] {
        let mut server = server(server_config());
        server.feed(CLIENT_HEADER);
        assert_eq!(server.feed(format!("{STARTTLS}{behind}")), PROCEED, "{behind:?}");
        assert_eq!(server.handshakes, 1);
        assert!(server.feed(CLIENT_HEADER).ends_with("</stream:features>"), "{behind:?}");

        let mut client = client(client_config());
        client.said();
        assert_eq!(client.feed(format!("{SERVER_HEADER}{OFFER_TLS}")), STARTTLS);
        assert!(client.feed(format!("{PROCEED}{behind}")).starts_with("<?xml"), "{behind:?}");
        assert_eq!(client.handshakes, 1);
    }
}

#[test]
fn r3920_5_1_15_what_came_before_is_forgotten() {
    // A claim to be somebody, made in plaintext, is neither held against the client nor repeated.
    let mut server = server(server_config());
    server.feed(CLIENT_HEADER.replace("to=", "from='romeo@example.com' to="));
    server.feed(STARTTLS);
    let said = server.feed(CLIENT_HEADER);
    assert!(!said.contains("romeo"), "{said}");
    assert!(server.feed(AUTH_PLAIN).starts_with("<success"));
    // Nor in an error that comes before the new header.
    let mut server = self::server(server_config());
    let first = server.feed(CLIENT_HEADER.replace("to=", "from='romeo@example.com' to="));
    server.feed(STARTTLS);
    let said = server.feed("<!DOCTYPE x>");
    assert!(said.ends_with(&stream_error("restricted-xml")) && !said.contains("romeo"), "{said}");
    // covers 6120-5.4.3.3-01
    assert_ne!(attribute(&said, "stream:stream", "id"), attribute(&first, "stream:stream", "id"));
}

#[test]
fn r3920_5_2_06_a_failed_handshake_ends_the_transport_without_a_byte() {
    for role in ["server", "client"] {
        let (said, reason, close) = if role == "server" {
            let mut server = server(server_config());
            server.hold = true;
            server.feed(CLIENT_HEADER);
            server.feed(STARTTLS);
            server.conn.tls_failed(server.now, TlsError::Handshake).unwrap();
            (server.said(), server.reason, server.close)
        } else {
            let mut client = client(client_config());
            client.hold = true;
            client.said();
            client.feed(format!("{SERVER_HEADER}{OFFER_TLS}"));
            client.feed(PROCEED);
            assert_eq!(client.trace.last().map(String::as_str), Some("tls Some(\"example.com\")"));
            client.conn.tls_failed(client.now, TlsError::Handshake).unwrap();
            (client.said(), client.reason, client.close)
        };
        // covers 6120-5.4.3.2-01
        assert_eq!(said, "", "{role}");
        assert_eq!(reason, Some(CloseReason::Tls(TlsFault::Failed(TlsError::Handshake))), "{role}");
        assert_eq!(close, Some(Close::Abort), "{role}");
    }
}

#[test]
fn r3920_5_1_11_the_certificate_is_judged_by_the_name_the_user_gave() {
    let name = |name: &str| PresentedName::Dns(name.into());
    let cases = [
        (TlsInfo::new(Chain::Untrusted).with_name(name("example.com")), Some(TlsError::Untrusted)),
        (TlsInfo::new(Chain::Trusted), Some(TlsError::WrongName)),
        // RFC 3920 section 5.1: where SRV records lead is not who was asked for.
        (TlsInfo::new(Chain::Trusted).with_name(name("im.example.com")), Some(TlsError::WrongName)),
        (TlsInfo::new(Chain::Trusted).with_name(name("*.example.com")), Some(TlsError::WrongName)),
        (TlsInfo::new(Chain::Trusted).with_name(name("other")).with_name(name("EXAMPLE.com")), None),
    ];
    for (info, fault) in cases {
        let mut client = client(client_config());
        client.info = info;
        client.said();
        client.feed(format!("{SERVER_HEADER}{OFFER_TLS}"));
        let said = client.feed(PROCEED);
        match fault {
            Some(error) => {
                // Not a byte goes to a server that is not known.
                // covers 6120-13.7.2-02
                assert_eq!(said, "");
                // covers 3920-5.1-13
                assert_eq!(client.reason, Some(CloseReason::Tls(TlsFault::Failed(error))));
            }
            None => assert!(said.contains(" from='juliet@example.com'"), "{said}"),
        }
    }
}

#[test]
fn a_client_that_needs_tls_asks_for_it_even_if_it_is_not_offered() {
    for features in [offer(&["PLAIN", "SCRAM-SHA-256"]), "<stream:features/>".into(), OFFER_BIND.into()] {
        let mut client = client(client_config());
        client.said();
        assert_eq!(client.feed(format!("{SERVER_HEADER}{features}")), STARTTLS);
        assert_eq!(client.feed("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"), FOOTER);
        assert_eq!(client.reason, Some(CloseReason::Tls(TlsFault::Refused)));
    }
    // Who does not need it goes on without; who may use it does.
    let optional = || {
        let mut client = client(client_config().with_tls(TlsPolicy::Optional));
        client.said();
        client
    };
    let plain_text = optional().feed(format!("{SERVER_HEADER}{}", offer(&["SCRAM-SHA-256"])));
    assert!(plain_text.contains(" mechanism='SCRAM-SHA-256'"), "{plain_text}");
    assert_eq!(optional().feed(format!("{SERVER_HEADER}{OFFER_TLS}")), STARTTLS);
    // covers 3920-6.2-01: never the password itself
    let mut client = optional();
    assert_eq!(client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"]))), FOOTER);
}

#[test]
fn r3920_5_1_02_nothing_but_starttls_before_tls() {
    let mut server = server(server_config());
    server.feed(CLIENT_HEADER);
    for auth in [AUTH_PLAIN, AUTH_SCRAM] {
        let refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><encryption-required/></failure>";
        assert_eq!(server.feed(auth), refusal);
        assert!(server.questions.is_empty() && !server.over);
    }
    assert_eq!(server.feed(STARTTLS), PROCEED);
}

#[test]
fn every_policy_and_mechanism_logs_in() {
    let mut logins = 0;
    for tls in [TlsPolicy::Required, TlsPolicy::Optional, TlsPolicy::Disabled] {
        for mechanism in Mechanism::PASSWORD {
            let only = Selection::new().mechanisms(&[mechanism]).plain(PlainPolicy::Always);
            let mut pair = Pair::with(
                client_config().with_tls(tls).with_mechanisms(only.clone()),
                server_config().with_tls(tls).with_mechanisms(only),
            );
            pair.run();
            if mechanism.is_plus() && tls == TlsPolicy::Disabled {
                assert!(pair.client.over && pair.server.over && pair.server.online.is_none());
                continue;
            }
            assert_eq!(pair.client.online(), Some("juliet@example.com/balcony"), "{tls:?} {mechanism}");
            assert_eq!(pair.server.mechanism(), Some(mechanism));
            let encrypted = tls != TlsPolicy::Disabled;
            assert_eq!((pair.client.encrypted, pair.server.encrypted), (encrypted, encrypted));
            assert_eq!(pair.client.handshakes, usize::from(encrypted));
            logins += 1;
        }
    }
    assert_eq!(logins, 18);
}
