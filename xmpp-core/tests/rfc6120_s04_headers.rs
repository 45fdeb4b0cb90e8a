//! RFC 6120 sections 4.7 and 4.8 with RFC 3920 sections 4.4 and 4.5: what stands in a stream header, and its namespaces.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use std::collections::BTreeSet;

use pair::*;
use xmpp_core::conn::{CloseReason, ServerConnection};
use xmpp_core::entropy::Seed;
use xmpp_core::stream::Condition;
use xmpp_core::time::Instant;
use xmpp_core::xml::Lang;

const STREAMS: &str = "http://etherx.jabber.org/streams";

fn header(attributes: &str) -> String {
    format!("<stream:stream {attributes} xmlns='jabber:client' xmlns:stream='{STREAMS}'>")
}

/// What a server answers to a header with these attributes.
fn answer(attributes: &str) -> String {
    server(open_server()).feed(header(attributes))
}

/// The opening tags of all streams that one side began.
fn headers(transcript: &str) -> Vec<&str> {
    transcript.split("<stream:stream ").skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
}

fn lang(tag: &str) -> Lang {
    Lang::new(tag).unwrap()
}

#[test]
fn r3920_4_4_02_a_stream_is_addressed_to_a_domain_of_the_server() {
    let mut client = client(open_client());
    let said = client.said();
    // covers 6120-4.7.2-01
    assert_eq!(attribute(&said, "stream:stream", "to"), "example.com");
    // covers 3920-4.4-02
    assert!(answer("to='elsewhere.example' version='1.0'").ends_with(&stream_error("host-unknown")));
    assert!(answer("to='EXAMPLE.com' version='1.0'").contains("<stream:features>"));
}

#[test]
fn r6120_4_7_2_02_the_answer_is_addressed_to_who_said_who_it_is() {
    for (from, to) in
        [("juliet@example.com", "juliet@example.com"), ("juliet@example.com/balcony", "juliet@example.com")]
    {
        let said = answer(&format!("to='example.com' from='{from}' version='1.0'"));
        // covers 6120-4.7.2-02
        assert_eq!(attribute(&said, "stream:stream", "to"), to);
        // covers 3920-4.4-01: the rule that RFC 6120 turned round
        assert!(said.contains("<stream:features>"));
    }
    let said = answer("to='example.com' version='1.0'");
    // covers 6120-4.7.2-03
    assert!(!headers(&said)[0].contains(" to="));
    // covers 3920-4.4-03
    assert_eq!(said.matches("'example.com'").count(), 1, "{said}");
}

#[test]
fn r6120_4_7_1_01_a_client_says_who_it_is_only_under_tls() {
    let mut pair = Pair::new();
    pair.run();
    let headers = headers(&pair.client.transcript);
    // covers 3920-4.4-07: what RFC 6120 kept of it
    assert!(!headers[0].contains(" from="));
    for header in &headers[1..] {
        // covers 6120-4.7.1-01
        assert!(header.contains(" from='juliet@example.com'"), "{header}");
    }
    assert_eq!(headers.len(), 3);
}

#[test]
fn r6120_4_7_1_03_the_answer_says_who_answers() {
    let said = answer("to='example.com' version='1.0'");
    // covers 6120-4.7.1-03
    assert_eq!(attribute(&said, "stream:stream", "from"), "example.com");
    // covers 3920-4.4-05
    assert!(!headers(&client(open_client()).said())[0].contains(" from="));

    // What a header claims without TLS is not held against anybody, nor believed.
    let mut server = server(open_server());
    server.feed(header("to='example.com' from='romeo@example.com' version='1.0'"));
    // covers 3920-4.4-08
    assert!(server.feed(AUTH_PLAIN).starts_with("<success"));
}

#[test]
fn r6120_4_7_1_05_peers_that_leave_addresses_out_are_served() {
    // covers 6120-4.7.1-05: `from` of a client
    assert!(answer("to='example.com' version='1.0'").contains("<stream:features>"));
    for (attributes, clause) in
        [("", "from and to"), ("to='elsewhere'", "another to"), ("to='example.com'", "no from")]
    {
        let mut client = client(open_client());
        client.said();
        let said = client.feed(format!(
            "{}{}",
            header(&format!("id='1' version='1.0' {attributes}")),
            offer(&["PLAIN"])
        ));
        // covers 6120-4.7.2-05
        assert!(said.starts_with("<auth "), "{clause}: {said}");
        // covers 3920-4.4-04
        assert!(!client.over, "{clause}");
    }
}

#[test]
fn r6120_4_7_1_04_identities_are_verified_before_stanzas() {
    let features = offer(&["PLAIN"]);
    let greet = |from: &str| {
        let mut client = client_over_tls(client_config(), trusted());
        client.said();
        let said = client.feed(format!("{}{features}", header(&format!("{from} id='1' version='1.0'"))));
        (said, client.reason)
    };
    // Under TLS the name in the certificate and the one in the header are one.
    for from in ["from='example.net'", "from='im.example.com'", "from='juliet@example.com'", "from=''"] {
        let (said, reason) = greet(from);
        // covers 6120-13.7.2-03
        assert_eq!(said, stream_error("invalid-from"), "{from}");
        assert_eq!(reason, Some(CloseReason::Local(Condition::InvalidFrom.into())));
    }
    for from in ["from='example.com'", "from='EXAMPLE.com.'", ""] {
        assert!(greet(from).1.is_none(), "{from}");
    }
    // A server knows who its client is before it takes a stanza, and the client has to stay the same.
    let mut server = server_over_tls(open_server());
    server.feed(header("to='example.com' from='romeo@example.com' version='1.0'"));
    // covers 6120-4.7.1-04
    assert_eq!(server.feed(AUTH_PLAIN), stream_error("invalid-from"));
}

#[test]
fn r6120_4_7_3_01_only_the_receiving_entity_gives_ids() {
    let mut pair = Pair::new();
    pair.run();
    for header in headers(&pair.server.transcript) {
        // covers 6120-4.7.3-01
        assert!(header.contains(" id='"), "{header}");
    }
    for header in headers(&pair.client.transcript) {
        // covers 6120-4.7.3-02
        assert!(!header.contains(" id="), "{header}");
    }
    let said = answer("to='example.com' id='mine' version='1.0'");
    // covers 6120-4.7.3-03
    assert!(said.contains("<stream:features>") && !said.contains("mine"));
    // covers 3920-4.4-13
    assert_ne!(attribute(&said, "stream:stream", "id"), "mine");
}

#[test]
fn r3920_4_4_11_ids_are_unpredictable_and_do_not_repeat() {
    let mut ids = BTreeSet::new();
    let count = 500;
    for number in 0..count {
        // Seeds that differ by one bit.
        let mut seed = [0; 32];
        seed[number / 8 % 32] = 1 << (number % 8);
        seed[31] ^= (number / 256) as u8;
        let config = open_server();
        let conn = ServerConnection::new(config.into(), Seed::new(seed), Instant::from_micros(1));
        let said = End::new(conn).feed(CLIENT_HEADER);
        let id = attribute(&said, "stream:stream", "id").to_owned();
        // 18 bytes of a keyed stream: nothing in it says when, or which one before.
        // covers 3920-4.4-11
        assert!(id.len() == 24 && ids.insert(id));
    }
    // covers 3920-4.4-09
    assert_eq!(ids.len(), count);
    let mut pair = Pair::new();
    pair.run();
    let streams: BTreeSet<_> = headers(&pair.server.transcript)
        .iter()
        .map(|header| attribute(&format!("<stream:stream {header}>"), "stream:stream", "id").to_owned())
        .collect();
    // covers 3920-4.4-10: before TLS, under TLS, after SASL
    assert_eq!(streams.len(), 3);
}

#[test]
fn r6120_4_7_4_01_the_answer_has_a_language() {
    let answer = |ours: &str, theirs: &str| {
        let mut server = server(open_server().with_lang(lang(ours)));
        let said = server.feed(header(&format!("to='example.com' {theirs} version='1.0'")));
        attribute(&said, "stream:stream", "xml:lang").to_owned()
    };
    // covers 6120-4.7.4-01
    assert_eq!(answer("en", ""), "en");
    // covers 6120-4.7.4-02
    assert_eq!(answer("de", "xml:lang='de'"), "de");
    // covers 6120-4.7.4-03
    assert_eq!(answer("de", "xml:lang='de-CH'"), "de");
    // covers 6120-4.7.4-04
    assert_eq!(answer("de", "xml:lang='fr'"), "de");
}

#[test]
fn r3920_4_4_17_the_language_of_a_stream() {
    let mut client = client(open_client().with_lang(lang("de-AT")));
    // covers 3920-4.4-14
    assert_eq!(attribute(&client.said(), "stream:stream", "xml:lang"), "de-AT");

    let mut server = server(open_server().with_lang(lang("cs")));
    let said = server.feed(header("to='example.com' version='1.0'"));
    // covers 3920-4.4-16
    assert_eq!(attribute(&said, "stream:stream", "xml:lang"), "cs");
    // Errors before the header too.
    let mut server = self::server(open_server().with_lang(lang("cs")));
    // covers 3920-4.4-17
    assert_eq!(attribute(&server.feed("<!DOCTYPE"), "stream:stream", "xml:lang"), "cs");
}

#[test]
fn r3920_4_4_18_stanzas_get_the_language_of_their_stream() {
    let stanzas = |theirs: &str| {
        let mut server = server(open_server());
        let opening = CLIENT_HEADER.replace(" xml:lang='en'", theirs);
        for part in [&opening, AUTH_PLAIN, &opening, BIND] {
            server.feed(part);
        }
        server.feed("<message id='1'/><message id='2' xml:lang='de'/><message id='3' xml:lang=''/>");
        server.stanzas
    };
    // A language that the server itself does not speak.
    let french = stanzas(" xml:lang='fr-CA'");
    // covers 3920-4.4-15
    assert!(french[0].contains(" xml:lang='fr-CA'"));
    // covers 6120-4.7.4-05
    assert_eq!(french[0].matches("xml:lang").count(), 1);
    // covers 6120-4.7.4-06
    assert!(!french[0].contains("'en'"));
    // covers 3920-4.4-19
    assert!(french[1].contains(" xml:lang='de'") && french[2].contains(" xml:lang=''"), "{french:?}");
    // What is no language, or none, is not made one.
    for none in ["", " xml:lang='not a tag'", " xml:lang=''"] {
        assert!(!stanzas(none)[0].contains("xml:lang"), "{none}");
    }
}

#[test]
fn r3920_4_4_1_07_versions_are_named_and_compared() {
    let mut client = client(open_client());
    let said = client.said();
    // covers 3920-4.4.1-07
    assert_eq!(attribute(&said, "stream:stream", "version"), "1.0");
    for theirs in ["1.0", "1.1", "1.10", "2.0", "10.7", "01.0", "1.000"] {
        let said = answer(&format!("to='example.com' version='{theirs}'"));
        // covers 3920-4.4.1-08
        assert_eq!(attribute(&said, "stream:stream", "version"), "1.0", "{theirs}");
        // covers 3920-4.4.1-04
        assert!(!said.contains(" version='0") && !said.contains(".00"));
        // covers 3920-4.4.1-05
        assert!(said.ends_with("</stream:features>"), "{theirs}");
    }
    // covers 3920-4.4.1-06: the highest version there is
    assert_eq!(said.matches(" version='1.0'>").count(), 1);
}

#[test]
fn r3920_4_4_1_10_a_peer_of_before_1_0_is_left() {
    for version in ["", "version='0.9'", "version='0.0'", "version='00.9'", "version='x'"] {
        let mut client = client(open_client());
        client.said();
        // covers 3920-4.4.1-10
        assert_eq!(client.feed(header(&format!("id='1' {version}"))), stream_error("unsupported-version"));
    }
    let said = answer("to='example.com'");
    // covers 6120-4.7.5-01: as 0.9
    assert!(said.ends_with(&stream_error("unsupported-version")), "{said}");
    // covers 3920-4.4.1-11: RFC 3920 took it for 0.0, which is refused alike
    assert!(answer("to='example.com' version='0.0'").ends_with(&stream_error("unsupported-version")));
    // covers 3920-4.4.1-12
    assert!(!headers(&said)[0].contains("version="));
}

#[test]
fn r3920_4_5_01_both_namespaces_are_declared() {
    for said in [client(open_client()).said(), answer("to='example.com' version='1.0'")] {
        // covers 3920-4.5-01
        assert!(
            said.contains(" xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'"),
            "{said}"
        );
    }
    for root in [
        "<stream:stream xmlns='jabber:client' xmlns:stream='urn:other' to='example.com' version='1.0'>",
        "<stream to='example.com' version='1.0'>",
        "<stream xmlns='jabber:client' to='example.com' version='1.0'>",
    ] {
        let mut server = server(open_server());
        // covers 6120-4.8.1-01
        assert!(server.feed(root).ends_with(&stream_error("invalid-namespace")), "{root}");
    }
}

/// Headers that say the same in other words (RFC 6120 sections 4.8.2 and 4.8.5).
fn other_headers(attributes: &str) -> [String; 3] {
    [
        format!("<stream {attributes} xmlns='{STREAMS}'>"),
        format!("<s:stream {attributes} xmlns='jabber:client' xmlns:s='{STREAMS}'>"),
        format!("<stream:stream {attributes} xmlns:stream='{STREAMS}'>"),
    ]
}

#[test]
fn r6120_4_8_2_01_the_content_namespace_may_be_left_to_the_elements() {
    let own = |element: &str, rest: &str| format!("<{element} xmlns='jabber:client'{rest}");
    let bind = BIND.replacen("<iq", "<iq xmlns='jabber:client'", 1);
    for header in other_headers("to='example.com' version='1.0'") {
        let mut server = server(open_server());
        for part in [&header, AUTH_PLAIN, &header, &bind] {
            server.feed(part);
        }
        assert!(server.online.is_some(), "{header}: {}", server.transcript);
        server.feed(own("message", "><body>free</body></message>"));
        // covers 6120-4.8.2-01
        assert_eq!(server.stanzas.len(), 1, "{header}");
        assert!(server.stanzas[0].contains("<body>free</body>"));
    }
    // The answer to any of them is in the style that everybody understands.
    let said = self::server(open_server()).feed(&other_headers("to='example.com' version='1.0'")[0]);
    assert!(said.contains("<stream:stream xmlns='jabber:client'"));
    // Without a namespace of its own an element has none, or that of streams.
    for header in [
        &other_headers("to='example.com' version='1.0'")[0],
        &other_headers("to='example.com' version='1.0'")[2],
    ] {
        let mut server = self::server(open_server());
        for part in [header, AUTH_PLAIN, header, &bind] {
            server.feed(part);
        }
        assert_eq!(server.feed("<message/>"), stream_error("unsupported-stanza-type"));
        assert!(server.stanzas.is_empty());
    }
    // A client takes such a server.
    for header in other_headers("from='example.com' id='1' version='1.0'") {
        let mut client = client(open_client());
        client.said();
        let features =
            offer(&["PLAIN"]).replace("<stream:features>", &format!("<f:features xmlns:f='{STREAMS}'>"));
        let said =
            client.feed(format!("{header}{}", features.replace("</stream:features>", "</f:features>")));
        assert!(said.starts_with("<auth "), "{header}: {said}");
    }
}

#[test]
fn r6120_4_8_2_02_a_content_namespace_is_another_than_that_of_streams() {
    let mut client = client(open_client());
    let tag = client.said();
    // covers 6120-4.8.2-02
    assert_ne!(attribute(&tag, "stream:stream", "xmlns"), STREAMS);
    for content in ["jabber:server", "urn:other", "jabber:component:accept"] {
        let header = format!(
            "<stream:stream to='example.com' version='1.0' xmlns='{content}' xmlns:stream='{STREAMS}'>"
        );
        let mut server = server(open_server());
        assert!(server.feed(header).ends_with(&stream_error("invalid-namespace")), "{content}");
    }
}

#[test]
fn r6120_4_8_3_01_a_stanza_of_the_other_content_namespace_ends_the_stream() {
    let mut server = online_server(open_server());
    // covers 6120-4.8.3-01
    assert_eq!(server.feed("<message xmlns='jabber:server'/>"), stream_error("invalid-namespace"));
    let mut client = online_client(open_client());
    assert_eq!(client.feed("<presence xmlns='jabber:server'/>"), stream_error("invalid-namespace"));

    // What we write is of the stream's namespace, whatever it was made of.
    let mut pair = Pair::new();
    pair.run();
    pair.client.conn.send(pair.now, message("x")).unwrap();
    pair.server.conn.send(pair.now, message("x")).unwrap();
    pair.run();
    // covers 6120-4.8.3-02
    assert!(!pair.client.transcript.contains("jabber:server"));
    // covers 6120-4.8.3-03
    assert!(!pair.server.transcript.contains("jabber:server") && pair.client.stanzas.len() == 1);
}

#[test]
fn r6120_4_8_4_02_what_is_no_stanza_ends_the_stream() {
    for element in [
        "<ns1:foo xmlns:ns1='urn:x' from='juliet@example.com' to='romeo@example.com'><ns1:bar/></ns1:foo>",
        "<ns2:message xmlns:ns2='urn:x' to='romeo@example.com'><body>hi</body></ns2:message>",
        "<message xmlns='' to='romeo@example.com'/>",
        "<body/>",
    ] {
        let mut server = online_server(open_server());
        // covers 6120-4.8.4-02
        assert_eq!(server.feed(element), stream_error("unsupported-stanza-type"), "{element}");
        // covers 6120-4.8.4-01
        assert!(server.stanzas.is_empty());
    }
}

#[test]
fn r6120_4_8_5_01_any_prefix_may_stand_for_the_streams() {
    // We accept them all, as long as they stand for the streams.
    let said = server(open_server()).feed(&other_headers("to='example.com' version='1.0'")[1]);
    assert!(said.ends_with("</stream:features>"), "{said}");
    for (prefix, declared, condition) in [
        ("stream", "xmlns:stream='jabber:client'", "invalid-namespace"),
        ("foo", "xmlns:stream='http://etherx.jabber.org/streams'", "not-well-formed"),
    ] {
        let odd =
            format!("<{prefix}:stream xmlns='jabber:client' {declared} to='example.com' version='1.0'>");
        // covers 6120-4.8.5-01
        assert!(server(open_server()).feed(&odd).ends_with(&stream_error(condition)), "{odd}");
    }
}

#[test]
fn r6120_4_8_5_02_stanzas_have_no_prefix() {
    let elements = [
        "<foo:message xmlns:foo='jabber:client'><foo:body>foo</foo:body></foo:message>",
        "<message><foo:body xmlns:foo='jabber:client'>foo</foo:body></message>",
        "<iq type='get' id='1'><x xmlns='urn:x'><foo:y xmlns:foo='jabber:client'/></x></iq>",
    ];
    for element in elements {
        let mut server = online_server(open_server());
        // covers 6120-4.8.5-02
        assert_eq!(server.feed(element), stream_error("bad-namespace-prefix"), "{element}");
        // covers 6120-4.8.5-03
        assert!(server.stanzas.is_empty());
        // covers 3920-4.7.3-02
        assert_eq!(server.reason, Some(CloseReason::Local(Condition::BadNamespacePrefix.into())));
    }
    // Nor where the header leaves the namespace to the elements.
    for header in other_headers("to='example.com' version='1.0'") {
        let mut server = server(open_server());
        for part in [&header, AUTH_PLAIN, &header] {
            server.feed(part);
        }
        assert_eq!(server.feed(elements[0]), stream_error("bad-namespace-prefix"), "{header}");
    }
}

#[test]
fn r6120_4_8_5_06_a_header_declares_nothing_for_stanzas() {
    let online = || {
        let header = header("xmlns:p='urn:p' xmlns:q='jabber:client' to='example.com' version='1.0'");
        let mut server = server(open_server());
        for part in [&header, AUTH_PLAIN, &header, BIND] {
            server.feed(part);
        }
        assert!(server.online.is_some(), "to declare them does no harm");
        server
    };
    for stanza in [
        "<message><p:x/></message>",
        "<message p:a='1'/>",
        "<message><x xmlns='urn:x' p:a='1'/></message>",
        "<message><x xmlns='urn:x'><p:y/></x></message>",
    ] {
        let mut server = online();
        // covers 6120-4.8.5-06
        assert_eq!(server.feed(stanza), stream_error("invalid-namespace"), "{stanza}");
        // covers 6120-4.8.5-05
        assert!(server.stanzas.is_empty());
    }
    // Those of the stanza's own, `xml`, and that of the streams are fine, and so is a prefix that is declared anew.
    let mut server = online();
    server.feed(
        "<message><p:x xmlns:p='urn:p'/></message><message xml:lang='en'/><message><stream:x/></message>",
    );
    assert_eq!(server.stanzas.len(), 3);
    // What goes on to others declares all that it uses.
    // covers 6120-4.8.5-07
    assert!(server.stanzas[0].contains("<x xmlns='urn:p'/>"), "{:?}", server.stanzas);
    // A prefix of a header that a restart replaced is unknown.
    let mut server = self::server(open_server());
    server.feed(header("xmlns:p='urn:p' to='example.com' version='1.0'"));
    for part in [AUTH_PLAIN, CLIENT_HEADER, BIND] {
        server.feed(part);
    }
    // covers 6120-4.8.5-04
    assert_eq!(server.feed("<p:x/>"), stream_error("not-well-formed"));
}
