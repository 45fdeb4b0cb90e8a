//! RFC 6120 sections 4 and 5 with RFC 3920 sections 4 and 5 on streams between servers, and XEP-0368 for them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod peer;

use std::time::Duration;

use peer::*;
use xmpp_core::conn::{CloseReason, PeerInbound, PeerOutbound, TlsFault};
use xmpp_core::dialback::DialbackPolicy;
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::stream::Condition;
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, TlsError, TlsInfo};

/// The opening tags of all streams that one side began.
fn headers(transcript: &str) -> Vec<&str> {
    transcript.split("<stream:stream ").skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
}

/// Both ends of a stream that TLS and EXTERNAL secured.
fn in_session() -> (End<PeerOutbound>, End<PeerInbound>) {
    let mut one = outbound(outbound_config()).with_certificate(certificate(Chain::Trusted, &[MONTAGUE]));
    let mut other = inbound(inbound_config()).with_certificate(certificate(Chain::Trusted, &[CAPULET]));
    exchange(&mut one, &mut other, usize::MAX);
    assert!(one.trace.last().unwrap().starts_with("authorized"), "{:?}", one.trace);
    (one, other)
}

#[test]
fn r6120_4_7_1_02_servers_say_who_they_are() {
    let (one, other) = in_session();
    for header in headers(&one.transcript) {
        // covers 6120-4.7.1-02
        assert!(header.contains(" from='capulet.example'"), "{header}");
    }
    for header in headers(&other.transcript) {
        // covers 6120-4.7.2-04
        assert!(header.contains(" to='capulet.example'"), "{header}");
        assert!(header.contains(" from='montague.example'"), "{header}");
    }
    // covers 3920-5.1-03
    assert_eq!((one.handshakes, other.handshakes), (1, 1));
    // covers 6120-4.3.6-07
    assert!(other.trace.iter().any(|entry| entry == "authorized montague.example capulet.example External"));
}

#[test]
fn r6120_4_3_6_08_dialback_names_a_peer_too() {
    let mut other = proved();
    other.feed("<message from='juliet@capulet.example' to='romeo@montague.example'/>");
    // covers 6120-4.3.6-08
    assert!(
        other.events()[0]
            .starts_with("stanza <message to='romeo@montague.example' from='juliet@capulet.example'")
    );
}

#[test]
fn r3920_4_2_02_stanzas_go_one_way() {
    let (mut one, mut other) = in_session();
    one.conn.send(one.now, stanza("juliet@capulet.example", "romeo@montague.example")).unwrap();
    exchange(&mut one, &mut other, usize::MAX);
    // covers 6120-4.8.3-04
    assert!(!one.transcript.contains("jabber:client") && one.transcript.contains("<message "));
    assert!(other.trace.last().unwrap().starts_with("stanza "));
    // What comes back on the stream that we opened is nobody's: answers have a connection of their own.
    one.feed("<message from='romeo@montague.example' to='juliet@capulet.example'/>");
    // covers 3920-4.2-02
    assert!(one.over && !one.trace.iter().any(|entry| entry.starts_with("stanza ")), "{:?}", one.trace);
}

#[test]
fn r3920_4_7_3_07_stanzas_between_servers_have_both_addresses() {
    for stanza in [
        "<message from='capulet.example'/>",
        "<message to='montague.example'/>",
        "<message from='' to='montague.example'/>",
    ] {
        let mut other = proved();
        // covers 3920-4.7.3-07
        assert!(other.feed(stanza).starts_with(&stream_error("improper-addressing")), "{stanza}");
    }
}

#[test]
fn r6120_4_5_01_another_stream_of_the_same_server_may_be_refused() {
    let mut other = greeted();
    other.conn.fail(other.now, Condition::Conflict);
    // covers 6120-4.5-01
    assert!(other.said().starts_with(&stream_error("conflict")));
    assert!(other.over);
}

#[test]
fn the_content_namespace_may_be_left_to_the_elements_here_too() {
    let free = "<stream xmlns='http://etherx.jabber.org/streams' to='montague.example' from='capulet.example' version='1.0'>";
    let mut other = inbound(open_inbound_config());
    assert!(other.feed(free).contains("<stream:features>"));
    let prefixed = "<s:message xmlns:s='jabber:server' from='capulet.example' to='montague.example'/>";
    assert!(other.feed(prefixed).starts_with(&stream_error("bad-namespace-prefix")));
}

#[test]
fn a_peer_is_not_sent_elsewhere() {
    // Only clients are redirected: what a server says of another host is its error.
    let mut one = outbound(outbound_config()).with_certificate(certificate(Chain::Trusted, &[MONTAGUE]));
    for part in [ANSWER, OFFER_TLS, PROCEED, ANSWER] {
        one.feed(part);
    }
    let text = "<see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>verona.example</see-other-host>";
    one.feed(format!("<stream:error>{text}</stream:error>"));
    let Some(CloseReason::Peer(error)) = &one.reason else { panic!("{:?}", one.reason) };
    assert_eq!(error.condition(), Condition::SeeOtherHost);
}

fn outbound_over_tls(info: TlsInfo) -> End<PeerOutbound> {
    End::new(PeerOutbound::over_tls(outbound_config(), info, Seed::new([1; 32]), Instant::from_micros(1)))
}

fn inbound_over_tls(info: TlsInfo) -> End<PeerInbound> {
    let config = inbound_config().into();
    End::new(PeerInbound::over_tls(config, info, Seed::new([2; 32]), Instant::from_micros(1)))
}

#[test]
fn direct_tls_between_servers() {
    let mut transcripts = Vec::new();
    for chunk in [usize::MAX, 1, 7] {
        let mut one = outbound_over_tls(certificate(Chain::Trusted, &[MONTAGUE]));
        let mut other = inbound_over_tls(certificate(Chain::Trusted, &[CAPULET]));
        exchange(&mut one, &mut other, chunk);
        assert_eq!(one.events(), ["authorized capulet.example montague.example External"]);
        assert_eq!(other.events(), ["authorized montague.example capulet.example External"]);
        assert!(!one.transcript.contains("starttls") && !other.transcript.contains("starttls"));
        transcripts.push((one.transcript, other.transcript));
    }
    assert!(transcripts.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn direct_tls_is_judged_as_any() {
    for (chain, name, error) in [
        (Chain::Untrusted, MONTAGUE, TlsError::Untrusted),
        (Chain::Trusted, "verona.example", TlsError::WrongName),
    ] {
        let config = outbound_config().with_dialback(DialbackPolicy::Never);
        let info = certificate(chain, &[name]);
        let mut one =
            End::new(PeerOutbound::over_tls(config, info, Seed::new([1; 32]), Instant::from_micros(1)));
        assert_eq!(one.said(), "");
        assert_eq!(one.reason, Some(CloseReason::Tls(TlsFault::Failed(error))));
    }
    let mut other = inbound_over_tls(certificate(Chain::Untrusted, &[CAPULET]));
    let said = other.feed(HEADER);
    assert!(!said.contains("starttls") && !said.contains("EXTERNAL"), "{said}");
    assert!(other.feed(STARTTLS).contains("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"));
    assert_eq!(
        other.conn.tls_established(other.now, certificate(Chain::Trusted, &[CAPULET])),
        Err(Misuse::NoTlsPending)
    );
    assert!(other.sleep(Duration::from_secs(120)).is_empty() && other.over);
}
