//! RFC 3920 sections 3.5 and 9.1, RFC 6120 section 8.1: the addresses of stanzas between servers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod peer;

use peer::*;
use xmpp_core::conn::{Close, PeerInbound, PeerOutbound};
use xmpp_core::error::Misuse;
use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Message, MessageType, Stanza};
use xmpp_core::tls::Chain;

/// capulet.example's end, which has proved itself, and montague.example's.
fn in_session() -> (End<PeerOutbound>, End<PeerInbound>) {
    let mut one = outbound(outbound_config()).with_certificate(certificate(Chain::Trusted, &[MONTAGUE]));
    let mut other = inbound(inbound_config()).with_certificate(certificate(Chain::Trusted, &[CAPULET]));
    exchange(&mut one, &mut other, usize::MAX);
    assert!(one.trace.last().unwrap().starts_with("authorized"), "{:?}", one.trace);
    (one, other)
}

fn message(from: Option<&str>, to: Option<&str>) -> Stanza {
    let mut stanza = Stanza::Message(Message::new(MessageType::Normal));
    stanza.set_from(from.map(|from| Jid::new(from).unwrap()));
    stanza.set_to(to.map(|to| Jid::new(to).unwrap()));
    stanza
}

/// Whether the peer was told this and both stream and transport are closed, without anything handed on.
fn is_refused(end: &mut End<PeerInbound>, stanza: &str, condition: &str) -> bool {
    end.trace.clear();
    let said = end.feed(stanza);
    said == format!("{}</stream:error>{FOOTER}", stream_error(condition))
        && end.over
        && end.close == Some(Close::Graceful)
        && end.events().iter().all(|event| !event.starts_with("stanza"))
}

const FROM: &str = "juliet@capulet.example/balcony";
const TO: &str = "romeo@montague.example";

#[test]
fn r3920_9_1_1_03_nothing_is_sent_to_a_server_without_addresses() {
    let (mut one, mut other) = in_session();
    let sent = one.transcript.len();
    assert_eq!(one.conn.send(one.now, message(Some(FROM), None)), Err(Misuse::NotAuthorized));
    // covers 3920-9.1.2-08
    assert_eq!(one.conn.send(one.now, message(None, Some(TO))), Err(Misuse::NotAuthorized));
    // covers 3920-9.1.2-10: nor as somebody else
    let strangers = message(Some("juliet@verona.example"), Some(TO));
    assert_eq!(one.conn.send(one.now, strangers), Err(Misuse::NotAuthorized));
    one.drain();
    assert_eq!(one.transcript.len(), sent);

    one.conn.send(one.now, message(Some(FROM), Some(TO))).unwrap();
    exchange(&mut one, &mut other, usize::MAX);
    assert!(one.transcript.ends_with(&format!("<message to='{TO}' from='{FROM}' type='normal'/>")));
    assert!(other.events().last().unwrap().starts_with("stanza <message "));
}

#[test]
fn r3920_9_1_1_04_a_stanza_for_nobody_ends_the_stream() {
    for stanza in [
        format!("<message from='{FROM}'/>"),
        format!("<presence from='{FROM}'/>"),
        format!("<iq from='{FROM}' type='get' id='1'><q xmlns='urn:q'/></iq>"),
        format!("<message from='{FROM}' to=''/>"),
        format!("<message from='{FROM}' to='@'/>"),
    ] {
        assert!(is_refused(&mut in_session().1, &stanza, "improper-addressing"), "{stanza}");
    }
}

#[test]
fn r3920_9_1_2_09_a_stanza_from_nobody_ends_the_stream() {
    for stanza in [
        format!("<message to='{TO}'/>"),
        format!("<presence to='{TO}'/>"),
        format!("<iq to='{TO}' type='result' id='1'/>"),
        format!("<message to='{TO}' from='a@b@c'/>"),
    ] {
        // covers 3920-9.1.2-12
        assert!(is_refused(&mut in_session().1, &stanza, "improper-addressing"), "{stanza}");
    }
}

#[test]
fn r3920_9_1_2_11_a_stanza_from_a_domain_that_is_not_the_peers_ends_the_stream() {
    for from in
        ["verona.example", ROOMS, "juliet@verona.example/x", "capulet.example.verona.example", MONTAGUE]
    {
        let stanza = format!("<message from='{from}' to='{TO}'/>");
        assert!(is_refused(&mut in_session().1, &stanza, "invalid-from"), "{from}");
    }
}

#[test]
fn r3920_3_5_02_a_server_is_who_it_authenticated_as() {
    // Both with the identity that it asks to act as, and without.
    for auth in [AUTH, AUTH_AS] {
        let mut end = secured(inbound_config(), certificate(Chain::Trusted, &[CAPULET, ROOMS]));
        assert!(end.feed(auth).starts_with(SUCCESS), "{auth}");
        end.feed(HEADER);
        end.feed(format!("<message from='{FROM}' to='{TO}'/>"));
        assert!(end.events().last().unwrap().starts_with("stanza <message "), "{auth}");
        // What its certificate names beside is not what it authenticated as.
        let other = format!("<message from='{ROOMS}' to='{TO}'/>");
        assert!(is_refused(&mut end, &other, "invalid-from"), "{auth}");
    }
}
