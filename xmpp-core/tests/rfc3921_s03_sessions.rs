//! RFC 3921 section 3: what comes before a session.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod pair;

use pair::*;
use xmpp_core::error::Misuse;
use xmpp_core::stanza::{Iq, Presence, Stanza};
use xmpp_core::xml::{Element, ns};

fn session() -> Stanza {
    Iq::set("sess_1", Element::builder(ns::SESSION, "session").build()).into()
}

#[test]
fn r3921_3_nobody_asks_for_a_session_before_authentication_and_binding() {
    let mut client = client(open_client());
    assert_eq!(client.conn.send(client.now, session()), Err(Misuse::NotOnline));
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    // covers 3921-3-02
    assert_eq!(client.conn.send(client.now, session()), Err(Misuse::NotOnline));
    client.feed(SUCCESS);
    let request = client.feed(format!("{SERVER_HEADER}{OFFER_BIND}"));
    // covers 3921-3-03
    assert_eq!(client.conn.send(client.now, session()), Err(Misuse::NotOnline));
    client.feed(bound(&request, "juliet@example.com/balcony"));
    // covers 3921-3-01: no session has to be asked for first
    client.conn.send(client.now, Presence::available().into()).unwrap();
    assert_eq!(client.said(), "<presence/>");
}
