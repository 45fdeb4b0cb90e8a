//! Streams between servers: every state of both ends against whatever does not fit any of them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod peer;

use std::time::Duration;

use peer::*;
use xmpp_core::conn::{CloseReason, Drive as _, PeerInbound, PeerOutbound, Timer};
use xmpp_core::dialback::Verification;
use xmpp_core::error::Misuse;
use xmpp_core::limits::XmlLimits;
use xmpp_core::tls::Chain;

/// What a state has to do with silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    /// It ends for that reason.
    Until(Timer),
    /// It goes on: stanzas may come, or go.
    Endless,
}
use Patience::{Endless, Until};

const CHALLENGED: &str = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'/>";

/// A state: its name, an end in it, and how it takes silence.
type State<C> = (&'static str, fn() -> End<C>, Patience);

fn fed<C: Peer>(mut end: End<C>, bytes: &str) -> End<C> {
    end.feed(bytes);
    end
}

fn trusted() -> End<PeerInbound> {
    secured(inbound_config(), certificate(Chain::Trusted, &[CAPULET]))
}

const INBOUND: [State<PeerInbound>; 12] = [
    ("await header", || inbound(open_inbound_config()), Until(Timer::Negotiation)),
    ("negotiating", greeted, Until(Timer::Negotiation)),
    ("of old", || fed(inbound(open_inbound_config()), OLD_HEADER), Until(Timer::Negotiation)),
    // The question goes unanswered first, which leaves time to ask again.
    ("key asked about", || fed(greeted(), &result(CAPULET, MONTAGUE, "key")), Until(Timer::Negotiation)),
    ("handshake", || fed(fed(inbound(inbound_config()), HEADER), STARTTLS), Until(Timer::Tls)),
    (
        "await header over TLS",
        || {
            let info = certificate(Chain::Trusted, &[CAPULET]);
            fed(fed(inbound(inbound_config()).with_certificate(info), HEADER), STARTTLS)
        },
        Until(Timer::Negotiation),
    ),
    ("negotiating over TLS", trusted, Until(Timer::Negotiation)),
    ("await response", || fed(trusted(), CHALLENGED), Until(Timer::Negotiation)),
    ("await header after SASL", || fed(trusted(), AUTH), Until(Timer::Negotiation)),
    ("proved by a certificate", || fed(fed(trusted(), AUTH), HEADER), Endless),
    ("proved by dialback", proved, Endless),
    (
        "closing",
        || {
            let mut end = proved();
            end.conn.close(end.now);
            end.drain();
            end
        },
        Until(Timer::Close),
    ),
];

fn started() -> End<PeerOutbound> {
    let end = outbound(outbound_config()).with_certificate(certificate(Chain::Trusted, &[MONTAGUE]));
    fed(fed(end, ANSWER), OFFER_TLS)
}

fn authenticating() -> End<PeerOutbound> {
    fed(fed(fed(started(), PROCEED), ANSWER), OFFER_EXTERNAL)
}

const OUTBOUND: [State<PeerOutbound>; 12] = [
    ("await header", || outbound(open_outbound_config()), Until(Timer::Negotiation)),
    ("await features", || fed(outbound(outbound_config()), ANSWER), Until(Timer::Negotiation)),
    ("await proceed", started, Until(Timer::Negotiation)),
    (
        "handshake",
        || fed(fed(fed(outbound(outbound_config()), ANSWER), OFFER_TLS), PROCEED),
        Until(Timer::Tls),
    ),
    ("await header over TLS", || fed(started(), PROCEED), Until(Timer::Negotiation)),
    ("await SASL", authenticating, Until(Timer::Negotiation)),
    ("await header after SASL", || fed(authenticating(), SUCCESS), Until(Timer::Negotiation)),
    ("await features after SASL", || fed(fed(authenticating(), SUCCESS), ANSWER), Until(Timer::Negotiation)),
    // Refused in the end, but others may be asked for.
    ("key sent", asked, Endless),
    ("authorized", authorized, Endless),
    (
        "verifying",
        || {
            let mut end = authorized();
            let verification = Verification::new(domain(CAPULET), domain(MONTAGUE), "1", "key");
            end.conn.verify(end.now, verification).unwrap();
            end.drain();
            end
        },
        Endless,
    ),
    (
        "closing",
        || {
            let mut end = authorized();
            end.conn.close(end.now);
            end.drain();
            end
        },
        Until(Timer::Close),
    ),
];

fn is_over<C: Peer>(end: &mut End<C>) -> bool {
    let refused = end.conn.receive(end.now, b" ") == Err(Misuse::Closed);
    end.over && refused && !end.conn.wants_input() && end.conn.poll_timeout().is_none() && !end.drain()
}

/// Nothing was proved and nothing came in: the rest of what may be said of bad input is the error.
fn is_clean<C: Peer>(end: &mut End<C>) -> bool {
    end.events().iter().all(|event| !event.starts_with("authorized") && !event.starts_with("stanza"))
}

fn silence<C: Peer>(states: &[State<C>]) {
    for (name, fresh, patience) in states {
        let mut end = fresh();
        end.events();
        end.sleep(Duration::from_secs(3600));
        match patience {
            Until(timer) => {
                assert_eq!(end.reason, Some(CloseReason::Timeout(*timer)), "{name}");
                assert!(is_over(&mut end), "{name}");
            }
            Endless => {
                assert!(end.reason.is_none() && end.conn.wants_input(), "{name}: {:?}", end.reason);
                assert!(end.conn.poll_timeout().is_some(), "{name} waits for ever");
            }
        }
        assert!(is_clean(&mut end), "{name}: {:?}", end.trace);
    }
}

#[test]
fn silence_has_an_end_wherever_something_is_awaited() {
    silence(&INBOUND);
    silence(&OUTBOUND);
}

fn disconnect<C: Peer>(states: &[State<C>]) {
    for (name, fresh, _) in states {
        let mut end = fresh();
        end.events();
        end.cut();
        assert!(is_over(&mut end) && end.reason.is_some() && is_clean(&mut end), "{name}: {:?}", end.trace);
    }
}

#[test]
fn the_transport_may_end_in_every_state() {
    disconnect(&INBOUND);
    disconnect(&OUTBOUND);
}

/// The stream ends at once, whatever the chunking, and nothing comes of it.
fn garbage<C: Peer>(states: &[State<C>], bytes: &[u8]) {
    for (name, fresh, _) in states {
        for chunk in [usize::MAX, 1] {
            let mut end = fresh();
            if !end.conn.wants_input() {
                assert_eq!(end.conn.receive(end.now, bytes), Err(Misuse::NotWantingInput), "{name}");
                continue;
            }
            end.events();
            end.trickle(bytes, chunk);
            let text = String::from_utf8_lossy(bytes);
            assert!(is_over(&mut end), "{name} survives {text}: {:?}", end.trace);
            assert!(is_clean(&mut end), "{name}, {text}: {:?}", end.trace);
        }
    }
}

#[test]
fn garbage_ends_the_stream_in_every_state() {
    let garbage_of = [
        &b"\0"[..],
        b"\xff\xfe<\0",
        b"\xc0\xaf",
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0\x01",
        b"<a></b>",
        b"<a b='1' b='2'/>",
        b"<a:b/>",
        b"&lt;",
        b"</x>",
        b"<!-- -->",
        b"<?pi x?>",
        b"<!DOCTYPE x [<!ENTITY a 'b'>]><x/>",
        b"<![CDATA[x]]>",
        b"<message from='capulet.example' to='montague.example'>&x;</message>",
    ];
    for bytes in garbage_of {
        garbage(&INBOUND, bytes);
        garbage(&OUTBOUND, bytes);
    }
}

/// Elements that never end are given up at the limit, and no more than that is kept.
fn oversize<C: Peer>(states: &[State<C>], start: &str, filling: &str) {
    let limit = XmlLimits::server_peer().stanza_bytes();
    for (name, fresh, _) in states {
        let mut end = fresh();
        if !end.conn.wants_input() {
            continue;
        }
        end.events();
        end.feed(start);
        let part = filling.repeat(4096 / filling.len());
        let mut taken = 0;
        while end.conn.wants_input() {
            assert!(taken <= limit + part.len(), "{name} takes {taken} bytes of {start}{filling}");
            end.feed(&part);
            taken += part.len();
        }
        assert!(is_over(&mut end) && is_clean(&mut end), "{name}, {start}: {:?}", end.trace);
    }
}

#[test]
fn elements_without_end_are_given_up_in_every_state() {
    for (start, filling) in [
        ("<a b='", "xxxxxxxx"),
        ("<a", "aaaaaaaa"),
        ("<message from='capulet.example' to='montague.example'>", "xxxxxxxx"),
        ("<message from='capulet.example' to='montague.example'>", "<a><b/></a>"),
        ("", "<a>"),
    ] {
        oversize(&INBOUND, start, filling);
        oversize(&OUTBOUND, start, filling);
    }
}

#[test]
fn a_second_header_ends_the_stream_where_none_is_awaited() {
    fn again<C: Peer>(states: &[State<C>], header: &str) {
        for (name, fresh, _) in states.iter().filter(|(name, ..)| !name.contains("await header")) {
            let mut end = fresh();
            if end.conn.wants_input() {
                end.events();
                // Inside a stream it is an element like any other, and judged when it is whole.
                let element = format!("{}{FOOTER}", header.trim_start_matches("<?xml version='1.0'?>"));
                end.feed(element);
                assert!(is_over(&mut end) && is_clean(&mut end), "{name}: {:?}", end.trace);
            }
        }
    }
    again(&INBOUND, HEADER);
    again(&OUTBOUND, ANSWER);
}

/// Keys, verdicts and questions in any order and number: what is not an answer to a question of this stream proves nothing.
#[test]
fn dialback_repeated_reordered_and_from_elsewhere_proves_nothing() {
    let elements = [
        result(CAPULET, MONTAGUE, "key"),
        result(MONTAGUE, CAPULET, "key"),
        result(CAPULET, CHAT, "key"),
        result_is(CAPULET, MONTAGUE, "valid"),
        result_is(MONTAGUE, CAPULET, "valid"),
        verify(CAPULET, MONTAGUE, "D60000229F", KEY),
        verify_is(CAPULET, MONTAGUE, "D60000229F", "valid"),
        verify_is(MONTAGUE, CAPULET, "1", "valid"),
    ];
    for (name, fresh, _) in INBOUND {
        for first in &elements {
            for second in &elements {
                let mut end = fresh();
                if !end.conn.wants_input() {
                    continue;
                }
                end.events();
                for element in [first, second, second] {
                    if end.conn.wants_input() {
                        end.feed(element);
                    }
                }
                assert!(is_clean(&mut end), "{name}: {first} {second}: {:?}", end.trace);
                assert!(end.questions.len() <= 3, "{name}");
            }
        }
    }
    for (name, fresh, _) in OUTBOUND {
        for first in &elements {
            let mut end = fresh();
            if !end.conn.wants_input() {
                continue;
            }
            end.events();
            end.feed(first);
            // The one word that is awaited, in the one state that awaits it.
            let awaited = name == "key sent" && *first == result_is(MONTAGUE, CAPULET, "valid");
            assert_eq!(is_clean(&mut end), !awaited, "{name}: {first}");
        }
    }
}
