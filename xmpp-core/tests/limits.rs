//! Every limit one below, at and one above, through the connections.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use pair::*;
use xmpp_core::conn::{ClientConnection, ServerConnection};
use xmpp_core::limits::{Limits, XmlLimits};

/// A stanza of exactly that many bytes.
fn of_bytes(bytes: usize) -> String {
    let frame = "<message><body></body></message>";
    frame.replace("</body>", &format!("{}</body>", "x".repeat(bytes - frame.len())))
}

fn of_depth(depth: usize) -> String {
    format!("<message>{}{}</message>", "<a>".repeat(depth - 1), "</a>".repeat(depth - 1))
}

fn of_elements(elements: usize) -> String {
    format!("<message>{}</message>", "<a/>".repeat(elements - 1))
}

fn of_attributes(attributes: usize) -> String {
    let attributes: String = (0..attributes).map(|index| format!(" a{index}=''")).collect();
    format!("<message{attributes}/>")
}

/// The limits on XML, with what makes a stanza of that much.
type Maker = fn(usize) -> String;

fn xml_limits() -> [(Maker, usize, XmlLimits); 4] {
    let limits = XmlLimits::before_login();
    [
        (of_bytes, 600, limits.clone().with_stanza_bytes(600)),
        (of_depth, 7, limits.clone().with_depth(7)),
        (of_elements, 30, limits.clone().with_elements(30)),
        (of_attributes, 12, limits.with_attributes(12)),
    ]
}

const POLICY: &str = "policy-violation";

#[test]
fn what_a_client_may_send_once_it_is_online() {
    for (index, (make, limit, limits)) in xml_limits().into_iter().enumerate() {
        for (amount, taken) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            for chunk in [usize::MAX, 1] {
                let limits = Limits::client().with_online(limits.clone());
                let mut server: End<ServerConnection> =
                    online_server(open_server().with_limits(limits.clone()));
                server.trickle(make(amount).as_bytes(), chunk);
                assert_eq!(server.stanzas.len(), usize::from(taken), "limit {index}: {amount}");
                assert_eq!(
                    server.transcript.ends_with(&stream_error(POLICY)),
                    !taken,
                    "limit {index}: {amount}"
                );

                let mut client: End<ClientConnection> = online_client(open_client().with_limits(limits));
                client.trickle(make(amount).as_bytes(), chunk);
                assert_eq!(client.stanzas.len(), usize::from(taken), "limit {index}: {amount}");
                assert_eq!(
                    client.transcript.ends_with(&stream_error(POLICY)),
                    !taken,
                    "limit {index}: {amount}"
                );
            }
        }
    }
}

#[test]
fn what_a_client_may_send_before_it_is() {
    for (index, (make, limit, limits)) in xml_limits().into_iter().enumerate() {
        for (amount, taken) in [(limit - 1, true), (limit, true), (limit + 1, false)] {
            let limits = Limits::client().with_before_login(limits.clone());
            // What is within the limit is no longer a matter of limits: a stanza before login is not authorized.
            let condition = if taken { "not-authorized" } else { POLICY };
            let mut server = server(open_server().with_limits(limits.clone()));
            server.feed(CLIENT_HEADER);
            server.feed(make(amount));
            assert!(server.transcript.ends_with(&stream_error(condition)), "limit {index}: {amount}");

            // Authenticated, but without a resource: the same limits.
            let mut server = self::server(open_server().with_limits(limits.clone()));
            for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
                server.feed(part);
            }
            server.feed(make(amount));
            assert!(server.transcript.ends_with(&stream_error(condition)), "limit {index}: {amount}");

            let mut client = client(open_client().with_limits(limits));
            client.said();
            client.feed(SERVER_HEADER);
            client.feed(make(amount));
            assert!(client.transcript.ends_with(&stream_error(condition)), "limit {index}: {amount}");
        }
    }
}

#[test]
fn limits_change_with_the_resource_and_not_before() {
    let online = XmlLimits::client().with_stanza_bytes(2000);
    let limits = Limits::client()
        .with_before_login(XmlLimits::before_login().with_stanza_bytes(500))
        .with_online(online);
    // In one chunk: what is behind the request is read under the new limits.
    let mut server = server(open_server().with_limits(limits));
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
        server.feed(part);
    }
    server.feed(format!("{BIND}{}{}", of_bytes(2000), of_bytes(501)));
    assert_eq!(server.stanzas.len(), 2);
    server.feed(of_bytes(2001));
    assert!(server.over);
}

#[test]
fn a_header_has_the_limits_of_an_element() {
    let header = |bytes: usize| {
        let frame = CLIENT_HEADER.replace("to=", "a='' to=");
        frame.replace("a=''", &format!("a='{}'", "x".repeat(bytes - frame.len())))
    };
    for (bytes, taken) in [(499, true), (500, true), (501, false)] {
        let limits = Limits::client().with_before_login(XmlLimits::before_login().with_stanza_bytes(500));
        let mut server = server(open_server().with_limits(limits));
        let said = server.feed(header(bytes));
        assert_eq!(said.contains("<stream:features>"), taken, "{bytes}: {said}");
        assert_eq!(said.ends_with(&stream_error(POLICY)), !taken, "{bytes}: {said}");
        // A header comes first even so.
        assert!(said.starts_with("<?xml version='1.0'?><stream:stream "));
    }
}

#[test]
fn a_flood_that_never_ends_is_stopped_at_the_limit() {
    let mut server = server(open_server());
    server.feed(CLIENT_HEADER);
    server.feed("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>");
    let mut sent = 0;
    while !server.over {
        sent += 100;
        server.feed([b'A'; 100]);
        assert!(sent <= 10_000);
    }
    assert!(server.transcript.ends_with(&stream_error(POLICY)));
}
