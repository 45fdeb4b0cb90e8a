//! A client and a server of the engine log in to each other.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod pair;

use pair::Pair;
use xmpp_core::sasl::Mechanism;
use xmpp_core::stanza::{Message, Stanza};

#[test]
fn a_client_logs_in_and_talks() {
    let mut pair = Pair::new();
    pair.run();
    assert_eq!(pair.client.online(), Some("juliet@example.com/balcony"));
    assert_eq!(pair.server.online(), Some("juliet@example.com/balcony"));
    assert_eq!(pair.client.mechanism(), Some(Mechanism::ScramSha512Plus));

    let to = xmpp_core::jid::Jid::new("romeo@example.com").unwrap();
    pair.client
        .conn
        .send(pair.now, Stanza::Message(Message::chat(to).with_body("Art thou not Romeo?")))
        .unwrap();
    pair.run();
    assert_eq!(
        pair.server.stanzas,
        ["<message to='romeo@example.com' from='juliet@example.com/balcony' type='chat'>\
          <body>Art thou not Romeo?</body></message>"]
    );

    pair.client.conn.close(pair.now);
    pair.run();
    assert_eq!(pair.client.closed.as_deref(), Some("both sides closed the stream"));
    assert_eq!(pair.server.closed.as_deref(), Some("the peer closed the stream"));
}
