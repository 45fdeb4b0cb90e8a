//! RFC 3920 section 14 and RFC 6120 section 13: what keeps streams and their ends safe.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;
mod peer;

use pair::*;
use xmpp_core::conn::{CloseReason, PeerConfig, PeerInbound, PeerOutbound, ServerConnection, TlsFault};
use xmpp_core::dialback::{DialbackPolicy, Verdict};
use xmpp_core::limits::{Limits, XmlLimits};
use xmpp_core::tls::{Chain, PresentedName, Service, TlsError, TlsInfo};

/// What a client does about a server that presents this.
fn client_about(info: TlsInfo) -> (String, Option<CloseReason>) {
    let mut client = client(client_config());
    client.info = info;
    client.said();
    client.feed(format!("{SERVER_HEADER}{OFFER_TLS}"));
    (client.feed(PROCEED), client.reason)
}

fn dns(name: &str) -> PresentedName {
    PresentedName::Dns(name.into())
}

#[test]
fn r3920_14_2_01_a_certificate_that_is_not_valid_is_the_end() {
    let (said, reason) = client_about(TlsInfo::new(Chain::Untrusted).with_name(dns("example.com")));
    assert_eq!(reason, Some(CloseReason::Tls(TlsFault::Failed(TlsError::Untrusted))));
    // covers 3920-14.2-02: there is no other verdict than that of the chain
    assert_eq!(said, "");
    let (said, reason) = client_about(TlsInfo::new(Chain::Trusted).with_name(dns("example.com")));
    assert!(said.starts_with("<?xml version='1.0'?><stream:stream ") && reason.is_none(), "{said}");
}

#[test]
fn r3920_14_2_03_a_certificate_is_for_who_was_expected() {
    for name in ["example.org", "example.com.example.org", "im.example.com", "*.com", "*"] {
        let (said, reason) = client_about(TlsInfo::new(Chain::Trusted).with_name(dns(name)));
        assert_eq!(reason, Some(CloseReason::Tls(TlsFault::Failed(TlsError::WrongName))), "{name}");
        // covers 6120-13.9.4-01: who has not proved itself hears nothing of SASL
        assert_eq!(said, "", "{name}");
    }
}

#[test]
fn r3920_14_2_04_an_xmpp_address_in_a_certificate_is_an_identity() {
    let address =
        |address: &str| TlsInfo::new(Chain::Trusted).with_name(PresentedName::XmppAddr(address.into()));
    assert!(address("example.com").matches("example.com", Service::Client));
    assert!(!address("juliet@example.com").matches("example.com", Service::Client));
    // RFC 6120 section 13.7.1.2.1: one among others, which it does not rule out.
    assert!(address("example.org").with_name(dns("example.com")).matches("example.com", Service::Client));
}

/// Two servers, both with certificates; the receiving one trusts that of the other as it is told.
fn servers(chain: Chain, config: PeerConfig) -> (peer::End<PeerOutbound>, peer::End<PeerInbound>) {
    let own = peer::certificate(Chain::Trusted, &[peer::MONTAGUE]);
    let mut initiating = peer::outbound(peer::outbound_config()).with_certificate(own);
    let mut receiving = peer::inbound(config).with_certificate(peer::certificate(chain, &[peer::CAPULET]));
    peer::exchange(&mut initiating, &mut receiving, usize::MAX);
    (initiating, receiving)
}

#[test]
fn r3920_14_4_01_servers_have_tls_and_sasl() {
    let (mut initiating, mut receiving) = servers(Chain::Trusted, peer::inbound_config());
    let authorized = "authorized capulet.example montague.example External";
    // covers 6120-13.8.4-01
    assert_eq!(initiating.events(), ["tls Some(\"montague.example\") Server", authorized]);
    let authorized = "authorized montague.example capulet.example External";
    // covers 6120-13.6-01: each has proved itself to the other
    assert_eq!(receiving.events(), ["tls Some(\"montague.example\") Server", authorized]);
}

#[test]
fn r3920_14_4_02_servers_have_dialback_as_well() {
    let (initiating, mut receiving) = servers(Chain::Untrusted, peer::inbound_config());
    assert!(initiating.transcript.contains("<db:result "), "{}", initiating.transcript);
    let said = receiving.judge(Verdict::Valid);
    assert_eq!(said, peer::result_is(peer::MONTAGUE, peer::CAPULET, "valid"));
    // covers 3920-12.1-05
    assert!(receiving.events().contains(&"authorized montague.example capulet.example Dialback".to_owned()));
}

#[test]
fn r3920_14_4_06_sasl_can_be_required_of_servers() {
    let config = || peer::inbound_config().with_dialback(DialbackPolicy::Never);
    let (_, mut trusted) = servers(Chain::Trusted, config());
    assert!(trusted.events().contains(&"authorized montague.example capulet.example External".to_owned()));
    let (_, mut other) = servers(Chain::Untrusted, config());
    assert!(other.events().iter().all(|event| !event.starts_with("authorized")));
    assert!(other.questions.is_empty());
}

#[test]
fn r3920_14_5_01_tcp_then_tls_then_sasl_then_stanzas() {
    let mut pair = Pair::new();
    pair.run();
    pair.client.conn.send(pair.now, message("hi")).unwrap();
    pair.run();
    for trace in [&pair.client.trace, &pair.server.trace] {
        let at = |what: &str| trace.iter().position(|entry| entry.contains(what)).unwrap_or(usize::MAX);
        let order = [
            at("<starttls "),
            at("tls Some"),
            at("xmpp-sasl"),
            at("xmpp-bind"),
            at("online "),
            at("<message "),
        ];
        assert!(order.is_sorted(), "{order:?}: {trace:#?}");
    }
    assert_eq!(pair.server.stanzas.len(), 1);
}

fn plain(text: &str) -> String {
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{text}</auth>")
}

const NOT_BASE64: &str = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><incorrect-encoding/></failure>";

/// A server that awaits the first step of authentication.
fn fresh() -> End<ServerConnection> {
    let mut server = server(open_server());
    server.feed(CLIENT_HEADER);
    server
}

#[test]
fn r3920_14_9_01_what_claims_to_be_base64_is_checked() {
    // `AGp1bGlldAByMG0zMG15cjBtMzA=` would log in: a character more or less, or another alphabet, and it is none.
    for bad in ["AGp1bGlldAByMG0zMG15cjBtMzA", "AGp1bGlldAByMG0zMG15cjBtMz=", "AGp1bGlldAByMG0zMG15cjBtMzA_"]
    {
        let mut server = fresh();
        assert_eq!(server.feed(plain(bad)), NOT_BASE64, "{bad}");
        // covers 3920-14.9-03: and it may try again
        assert!(server.feed(AUTH_PLAIN).starts_with("<success "), "{bad}");
    }
}

#[test]
fn r3920_14_9_04_padding_stands_at_the_end_only() {
    for bad in ["=AAA", "A=AA", "AA=A", "AGp1=GlldAByMG0zMG15cjBtMzA=", "=", "==", "===", "====", "AGp1===="]
    {
        // One `=` alone is what an empty message looks like.
        let told = if bad == "=" {
            NOT_BASE64.replace("incorrect-encoding", "malformed-request")
        } else {
            NOT_BASE64.into()
        };
        assert_eq!(fresh().feed(plain(bad)), told, "{bad}");
    }
}

#[test]
fn r3920_14_9_05_there_is_one_way_to_write_each_text() {
    assert!(fresh().feed(plain("AGp1bGlldAByMG0zMG15cjBtMzA=")).starts_with("<success "));
    for bad in
        ["AGp1bGlldAByMG0zMG15cjBtMzB=", "AGp1bGlldAByMG0zMG15cjBtMzA==", "AGp1bGlldAByMG0zMG15cjBtMz-="]
    {
        // covers 6120-13.9.1-01
        assert_eq!(fresh().feed(plain(bad)), NOT_BASE64, "{bad}");
    }
}

/// A message of that many bytes.
fn message_of(bytes: usize) -> String {
    let (head, tail) = ("<message to='romeo@example.com'><body>", "</body></message>");
    format!("{head}{}{tail}", "a".repeat(bytes - head.len() - tail.len()))
}

#[test]
fn r6120_13_12_04_ten_thousand_bytes_always_fit() {
    let mut server = online_server(open_server());
    server.feed(message_of(10_000));
    assert_eq!((server.stanzas.len(), server.over), (1, false));
    assert!(XmlLimits::before_login().stanza_bytes() >= 10_000);
}

#[test]
fn r6120_13_12_05_the_largest_size_is_a_setting() {
    for limit in [10_000, 20_000] {
        let limits = Limits::client().with_online(XmlLimits::client().with_stanza_bytes(limit));
        let mut server = online_server(open_server().with_limits(limits));
        server.feed(message_of(limit));
        assert_eq!((server.stanzas.len(), server.over), (1, false), "{limit}");
        // covers 6120-13.12-06
        assert_eq!(server.feed(message_of(limit + 1)), stream_error("policy-violation"), "{limit}");
        // covers 6120-13.12-08: what is too large is dropped
        assert_eq!(server.stanzas.len(), 1);
    }
}
