//! How streams end: the closing handshake (RFC 3920 section 4.4, RFC 6120 section 4.4), errors of our own, and deadlines.
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
use xmpp_core::conn::{Close, CloseReason, Drive as _, Retry, Timer};
use xmpp_core::error::Misuse;
use xmpp_core::limits::Limits;
use xmpp_core::stream::{Condition, StreamError};

const SECOND: Duration = Duration::from_secs(1);
const MICRO: Duration = Duration::from_micros(1);

#[test]
fn keepalive_and_the_dead_timer() {
    let mut server = online_server(open_server());
    assert_eq!(server.sleep(Duration::from_secs(150) - MICRO), "");
    assert_eq!(server.sleep(MICRO), " ");
    assert_eq!(server.sleep(59 * SECOND), "");
    // A single space keeps the stream alive (RFC 6120 section 4.6.1).
    assert_eq!(server.feed(" "), "");
    assert_eq!(server.sleep(Duration::from_secs(149)), "");
    assert_eq!(server.sleep(SECOND), " ");
    // A space has no answer, but a ping has: whoever only sleeps long between keepalives stays.
    let ping = server.sleep(60 * SECOND);
    assert_matches(
        &ping,
        "<iq to='juliet@example.com/balcony' from='example.com' id='{}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    let refused =
        "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    for pong in ["type='result'/>".to_owned(), format!("type='error'>{refused}</iq>")] {
        let mut server = online_server(open_server());
        let ping = server.sleep(210 * SECOND);
        let id = attribute(&ping, "iq", "id");
        assert_eq!(server.feed(format!("<iq id='{id}' {pong}")), "");
        assert_eq!(server.stanzas, Vec::<String>::new(), "nobody else has asked");
        // What was not asked is handed in like anything else, and so is the same answer again.
        assert_eq!(server.feed(format!("<iq id='{id}' type='result'/><iq id='x' type='result'/>")), "");
        assert_eq!(server.stanzas.len(), 2);
        assert_eq!(server.sleep(150 * SECOND), " ");
    }
    assert_eq!(server.sleep(60 * SECOND), stream_error("connection-timeout"));
    assert_eq!(server.reason, Some(CloseReason::Timeout(Timer::Dead)));

    let mut client = online_client(open_client());
    assert_eq!(client.sleep(150 * SECOND), " ");
    assert_matches(
        &client.sleep(60 * SECOND),
        "<iq to='example.com' id='{}' type='get'><ping xmlns='urn:xmpp:ping'/></iq>",
    );
    assert_eq!(client.sleep(60 * SECOND), stream_error("connection-timeout"));
}

#[test]
fn the_negotiation_has_a_deadline() {
    // Without a header ours comes first.
    let mut silent = server(server_config());
    assert_eq!(silent.sleep(60 * SECOND - MICRO), "");
    assert_matches(
        &silent.sleep(MICRO),
        &format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' from='example.com' id='{{}}' xml:lang='en' version='1.0'>{}",
            stream_error("policy-violation")
        ),
    );
    assert_eq!(silent.reason, Some(CloseReason::Timeout(Timer::Negotiation)));

    // Steps do not prolong it, and neither does a restart.
    let mut slow = server(open_server());
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
        slow.sleep(19 * SECOND);
        slow.feed(part);
    }
    assert_eq!(slow.sleep(3 * SECOND), stream_error("policy-violation"));
    assert_eq!(slow.close, Some(Close::Graceful));

    let mut client = client(open_client());
    client.said();
    assert_eq!(client.sleep(60 * SECOND), stream_error("policy-violation"));
}

#[test]
fn the_handshake_has_a_deadline_and_nothing_is_written_into_it() {
    let mut server = server(server_config());
    server.hold = true;
    server.feed(CLIENT_HEADER);
    assert_eq!(server.feed(STARTTLS), PROCEED);
    assert_eq!(server.sleep(30 * SECOND - MICRO), "");
    assert!(!server.over);
    assert_eq!(server.sleep(MICRO), "");
    assert_eq!(server.reason, Some(CloseReason::Timeout(Timer::Tls)));
    assert_eq!(server.close, Some(Close::Abort));
    assert_eq!(server.conn.tls_established(server.now, trusted()), Err(Misuse::NoTlsPending));

    // One that is reported too late does not count, even if nobody has looked at the clock.
    let mut server = self::server(server_config());
    server.hold = true;
    server.feed(CLIENT_HEADER);
    server.feed(STARTTLS);
    let late = server.now + 30 * SECOND;
    assert_eq!(server.conn.tls_established(late, trusted()), Err(Misuse::NoTlsPending));
    server.conn.handle_timeout(late);
    server.said();
    assert_eq!(server.reason, Some(CloseReason::Timeout(Timer::Tls)));

    // The negotiation's deadline in the middle of a handshake.
    let limits = Limits::client().with_negotiation(10 * SECOND);
    let mut server = self::server(server_config().with_limits(limits));
    server.hold = true;
    server.feed(CLIENT_HEADER);
    server.feed(STARTTLS);
    assert_eq!(server.sleep(10 * SECOND), "");
    assert_eq!(server.close, Some(Close::Abort));
    assert_eq!(server.reason, Some(CloseReason::Timeout(Timer::Negotiation)));

    for fail in [false, true] {
        let mut server = self::server(server_config());
        server.hold = true;
        server.feed(CLIENT_HEADER);
        server.feed(STARTTLS);
        if fail {
            server.conn.fail(server.now, Condition::SystemShutdown);
        } else {
            server.conn.close(server.now);
        }
        assert_eq!(server.said(), "");
        assert_eq!(server.close, Some(Close::Abort));
    }
}

#[test]
fn the_close_handshake_both_ways() {
    // Ours first: what the peer still sends counts, until it closes too (RFC 6120 section 4.4).
    let mut server = online_server(open_server());
    server.conn.close(server.now);
    assert_eq!(server.said(), FOOTER);
    assert!(server.conn.wants_input() && !server.over);
    assert_eq!(server.feed("<message><body>on its way</body></message>"), "");
    assert_eq!(server.stanzas.len(), 1);
    // Its mistakes are not answered: our direction is closed.
    assert_eq!(server.feed("<message to='@'/>"), "");
    assert_eq!(server.feed(FOOTER), "");
    assert_eq!((server.reason, server.close), (Some(CloseReason::Clean), Some(Close::Graceful)));

    // The peer's first.
    let mut server = online_server(open_server());
    assert_eq!(server.feed(FOOTER), FOOTER);
    assert_eq!((server.reason, server.close), (Some(CloseReason::PeerClosed), Some(Close::Graceful)));

    // Closing twice is closing once.
    let mut server = online_server(open_server());
    server.conn.close(server.now);
    server.conn.close(server.now);
    assert_eq!(server.said(), FOOTER);

    // A peer that does not close.
    assert_eq!(server.sleep(5 * SECOND - MICRO), "");
    assert!(!server.over);
    assert_eq!(server.sleep(MICRO), "");
    assert_eq!(server.reason, Some(CloseReason::Timeout(Timer::Close)));
    assert_eq!(server.close, Some(Close::Abort));

    // Traffic does not prolong it.
    let mut server = online_server(open_server());
    server.conn.close(server.now);
    server.said();
    for _ in 0..4 {
        server.sleep(SECOND);
        server.feed("<presence/>");
    }
    server.sleep(SECOND);
    assert!(server.over);

    // A transport that ends meanwhile was cut.
    let mut server = online_server(open_server());
    server.conn.close(server.now);
    server.said();
    server.cut();
    assert_eq!(server.reason, Some(CloseReason::Unanswered));

    // Bad XML while closing: no second closing tag.
    let mut server = online_server(open_server());
    server.conn.close(server.now);
    server.said();
    assert_eq!(server.feed("<a></b>"), "");
    assert_eq!(server.reason, Some(CloseReason::Local(Condition::NotWellFormed.into())));
}

#[test]
fn closing_in_the_middle_of_the_negotiation() {
    // Before any header there is nothing to close.
    let mut fresh = server(open_server());
    fresh.conn.close(fresh.now);
    assert_eq!(fresh.said(), "");
    assert!(fresh.over);

    // Afterwards steps of the negotiation are ignored, and nobody gets in.
    let mut server = server(open_server());
    server.feed(CLIENT_HEADER);
    server.conn.close(server.now);
    assert_eq!(server.said(), FOOTER);
    assert_eq!(server.feed(AUTH_PLAIN), "");
    assert!(server.questions.is_empty());
    assert_eq!(server.feed(FOOTER), "");
    assert_eq!(server.reason, Some(CloseReason::Clean));

    let mut client = client(open_client());
    client.conn.close(client.now);
    assert!(client.said().ends_with(FOOTER));
    assert_eq!(client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"]))), "");
    assert_eq!(client.feed(FOOTER), "");
    assert_eq!(client.reason, Some(CloseReason::Clean));
}

#[test]
fn the_embedder_ends_the_stream_with_an_error() {
    let mut server = online_server(open_server());
    let error = StreamError::new(Condition::Conflict).with_text("replaced");
    server.conn.fail(server.now, error.clone());
    assert_eq!(
        server.said(),
        "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>replaced</text></stream:error></stream:stream>"
    );
    assert_eq!(server.reason, Some(CloseReason::Local(error)));
    assert_eq!(server.conn.poll_timeout(), None);

    // Before the header there is one.
    let mut fresh = self::server(open_server());
    fresh.conn.fail(fresh.now, Condition::SystemShutdown);
    let said = fresh.said();
    assert!(said.starts_with("<?xml version='1.0'?><stream:stream "), "{said}");
    assert!(said.ends_with(&stream_error("system-shutdown")), "{said}");
}

#[test]
fn nothing_is_tried_again_when_we_closed_and_the_peer_did_not() {
    let mut client = online_client(open_client());
    client.conn.close(client.now);
    client.said();
    client.sleep(Duration::from_secs(5));
    assert_eq!(client.reason, Some(CloseReason::Timeout(Timer::Close)));
    assert_eq!(client.reason.map(|reason| reason.retry()), Some(Retry::Never));
}
