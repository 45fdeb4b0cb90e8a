//! RFC 3920 section 13, RFC 6120 sections 4.7.4 and 8.1.5: encoding and languages.
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
use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Message, Stanza};

#[test]
fn r3920_13_01_streams_are_utf_8() {
    let mut client = online_client(open_client());
    let message = Message::chat(Jid::new("bücher.example").unwrap()).with_body("Ж 😀");
    client.conn.send(client.now, Stanza::Message(message)).unwrap();
    client.said();
    let sent: Vec<u8> = client.sent.drain(..).collect();
    let written =
        b"<message to='b\xC3\xBCcher.example' type='chat'><body>\xD0\x96 \xF0\x9F\x98\x80</body></message>";
    assert!(sent.ends_with(written));
    // What is not is refused: Latin-1, an overlong form, half of a pair.
    for bytes in [&b"b\xFCcher"[..], b"\xC0\xAF", b"\xED\xA0\xBD"] {
        let mut server = online_server(open_server());
        let text = [b"<message><body>", bytes, b"</body></message>"].concat();
        assert_eq!(server.feed(text), stream_error("unsupported-encoding"));
    }
}

#[test]
fn r3920_13_02_streams_say_their_language() {
    let mut server = server(open_server());
    assert_eq!(attribute(&server.feed(CLIENT_HEADER), "stream:stream", "xml:lang"), "en");
    let mut client = client(open_client().with_lang("cs".parse().unwrap()));
    assert_eq!(attribute(&client.said(), "stream:stream", "xml:lang"), "cs");
}

#[test]
fn r3920_13_04_a_stanza_without_a_language_gets_that_of_its_stream() {
    let mut server = server(open_server());
    let header = CLIENT_HEADER.replace("'en'", "'cs'");
    for part in [header.as_str(), AUTH_PLAIN, header.as_str(), BIND] {
        server.feed(part);
    }
    server.feed("<message><body>Prosím</body></message>");
    // covers 6120-8.1.5-01
    assert!(server.stanzas[0].contains(" xml:lang='cs'"));
    // covers 3920-13-03
    assert_eq!(
        server.stanzas,
        ["<message from='juliet@example.com/balcony' xml:lang='cs'><body>Prosím</body></message>"]
    );
}

#[test]
fn r3920_9_1_5_03_the_receiver_takes_a_stanza_to_be_in_the_language_of_its_stream() {
    let mut client = online_client(open_client());
    client.feed("<message from='romeo@example.net'><body>Please</body></message>");
    assert_eq!(
        client.stanzas,
        ["<message from='romeo@example.net' xml:lang='en'><body>Please</body></message>"]
    );
}

#[test]
fn r3920_13_05_a_language_that_is_given_stays() {
    let mut server = online_server(open_server());
    for text in [
        "<message xml:lang='de'><body>Bitte</body></message>",
        "<message xml:lang=''><body>?</body></message>",
        "<message xml:lang='no tag'><body xml:lang='cs'>Prosím</body></message>",
    ] {
        server.feed(text);
        let handed = server.stanzas.pop().unwrap();
        assert_eq!(handed.replace(" from='juliet@example.com/balcony'", ""), text);
        // On the way to a client.
        let stanza = text.replace("<message ", "<message from='romeo@example.net' ");
        let mut client = online_client(open_client());
        client.feed(&stanza);
        assert_eq!(client.stanzas, [stanza]);
    }
}
