//! RFC 3920 section 3 and appendices A and B, RFC 7622: addresses, and what the parties to a stream make of them.
//!
//! The profiles are those of stringprep; what RFC 7622 says of PRECIS and IDNA2008 comes later. Code point by code point the tables are
//! compared where the profiles are.
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
use xmpp_core::entropy::Seed;
use xmpp_core::jid::{BareJid, Fault, FullJid, Jid, JidError};
use xmpp_core::stanza::{Message, Stanza, Tracker};
use xmpp_core::time::Instant;
use xmpp_core::xml::{Element, ns};

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn parts(text: &str) -> (Option<String>, String, Option<String>) {
    let jid = jid(text);
    (jid.node().map(String::from), jid.domain().into(), jid.resource().map(String::from))
}

fn of(node: Option<&str>, domain: &str, resource: Option<&str>) -> (Option<String>, String, Option<String>) {
    (node.map(String::from), domain.into(), resource.map(String::from))
}

fn is_node_fault(text: &str) -> bool {
    matches!(Jid::new(text), Err(JidError::Node(_)))
}

fn is_domain_fault(text: &str) -> bool {
    matches!(Jid::new(text), Err(JidError::Domain(_)))
}

fn is_resource_fault(text: &str) -> bool {
    matches!(Jid::new(text), Err(JidError::Resource(_)))
}

#[test]
fn r7622_3_1_01_the_first_separators_split() {
    assert_eq!(parts("a@b.example/c"), of(Some("a"), "b.example", Some("c")));
    assert_eq!(parts("b.example/c@d.example"), of(None, "b.example", Some("c@d.example")));
    assert_eq!(parts("a@b.example/c/d@e/f"), of(Some("a"), "b.example", Some("c/d@e/f")));
    // covers 7622-3.1-02: fullwidth forms become '@' and '/' when they are mapped, too late to separate anything
    assert!(is_domain_fault("a\u{FF20}b.example"));
    assert!(is_domain_fault("b.example\u{FF0F}c"));
    assert!(is_node_fault("a\u{FF20}x@b.example"));
    assert_eq!(parts("b.example/c\u{FF0F}d"), of(None, "b.example", Some("c/d")));
    // covers 7622-3.2-01
    assert_eq!(parts("b.example"), of(None, "b.example", None));
    assert!(is_domain_fault("a@/c") && is_domain_fault("/c") && is_domain_fault("a@"));
}

#[test]
fn r7622_3_2_02_a_domain_is_a_name_or_an_address() {
    for (text, domain) in [
        ("example.com", "example.com"),
        ("im.bücher.example", "im.bücher.example"),
        ("localhost", "localhost"),
        ("192.0.2.1", "192.0.2.1"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
    ] {
        assert_eq!(jid(text).domain(), domain);
    }
    for text in
        ["2001:db8::1", "[192.0.2.1]", "192.0.2.256", "192.0.2", "exa mple", "a_b", "-a", "a..b", "a:5222"]
    {
        assert!(is_domain_fault(text), "{text}");
    }
    // covers 7622-3.2-04
    assert_eq!(Jid::new(""), Err(JidError::Domain(Fault::Empty)));
    assert_eq!(Jid::new("a@."), Err(JidError::Domain(Fault::Empty)));
}

#[test]
fn r7622_3_2_03_one_final_dot_goes_first() {
    for dot in [".", "\u{3002}", "\u{FF0E}", "\u{FF61}"] {
        assert_eq!(jid(&format!("a@b.example{dot}/c")).as_str(), "a@b.example/c");
    }
    assert!(is_domain_fault("b.example.."));
    assert_eq!(jid("[::1].").domain(), "[::1]");
}

/// Labels of 63, as many as fit, to a domain of that size.
fn domain_of(size: usize) -> String {
    let labels = format!("{}.", "a".repeat(63)).repeat(15);
    match size - labels.len() {
        rest @ ..=63 => labels + &"b".repeat(rest),
        rest => labels + &"b".repeat(rest - 2) + ".c",
    }
}

#[test]
fn r7622_3_2_05_no_part_is_longer_than_1023_octets() {
    for (size, fits) in [(1022, true), (1023, true), (1024, false)] {
        let text = "é".repeat(size / 2) + if size % 2 == 0 { "" } else { "e" };
        assert_eq!(text.len(), size);
        let domain = domain_of(size);
        assert_eq!(domain.len(), size);
        assert_eq!(Jid::new(&domain) != Err(JidError::Domain(Fault::TooLong)), fits);
        assert_eq!(Jid::new(&domain).is_ok(), fits);
        // covers 7622-3.3-02
        assert_eq!(Jid::new(&format!("{text}@b")).is_ok(), fits);
        // covers 7622-3.4-04
        assert_eq!(Jid::new(&format!("b/{text}")).is_ok(), fits);
    }
    // After processing: one code point of three octets becomes 33, one of two becomes nothing.
    assert!(is_resource_fault(&format!("b/{}", "\u{FDFA}".repeat(32))));
    assert!(Jid::new(&format!("{}{}@b", "\u{AD}".repeat(600), "n".repeat(1023))).is_ok());
}

#[test]
fn r7622_3_2_1_03_encoded_labels_are_decoded() {
    assert_eq!(jid("juliet@xn--bcher-kva.example").domain(), "bücher.example");
    assert_eq!(jid("juliet@XN--BCHER-KVA.example"), jid("juliet@bücher.example"));
    let sent = Message::chat(jid("xn--bcher-kva.example")).to_string().into_bytes();
    // covers 7622-3.2.1-04: what is sent has the name itself, in UTF-8
    assert!(sent.windows(10).any(|window| window == b"b\xC3\xBCcher.ex"));
}

#[test]
fn r7622_3_2_3_01_addresses_compare_as_they_are_prepared() {
    assert_eq!(jid("Juliet@EXAMPLE.com/Balcony"), jid("juliet@example.com./Balcony"));
    for (one, other) in [
        ("BÜCHER.example", "bu\u{308}cher.example"),
        ("ｂücher.example", "bücher.example"),
        ("bücher\u{3002}example", "bücher.example"),
    ] {
        // covers 3920-3.2-06: one type on both sides
        assert_eq!(jid(one), jid(other));
    }
    assert_ne!(jid("bucher.example"), jid("bücher.example"));
    // covers 3920-3.3-03
    assert_eq!(jid("ΣίΣυφοσ@b"), jid("σίσυφοΣ@b"));
    assert_ne!(jid("a@b"), jid("á@b"));
    // covers 3920-3.4-03
    assert_eq!(jid("a@b/Ⅳ e\u{301}\u{AD}"), jid("a@b/IV é"));
    assert_ne!(jid("a@b/iv"), jid("a@b/IV"));
}

#[test]
fn r3920_3_4_04_a_client_compares_prepared_resources() {
    let own = FullJid::new("juliet@example.com/balcony").unwrap();
    let mut tracker = Tracker::new(own.as_jid(), Seed::new([1; 32]));
    for (asked, from, same) in [
        ("Romeo@Example.NET/Ⅳ", "romeo@example.net./IV", true),
        ("romeo@example.net/orchard", "romeo@example.net/Orchard", false),
    ] {
        let ping = Element::builder(ns::PING, "ping").build();
        let (request, iq) = tracker.get(Instant::ZERO, Some(jid(asked)), ping).unwrap();
        let mut response = iq.result_reply(None);
        response.set_from(Some(jid(from)));
        assert_eq!(tracker.answer(&response) == Some(request), same, "{asked} {from}");
    }
}

#[test]
fn r3920_3_3_01_what_nodeprep_refuses_is_no_node() {
    assert_eq!(jid("Ⅳan\u{AD}@b").node(), Some("ivan"));
    for text in
        ["a b@c", "a\u{A0}b@c", "a\tb@c", "a\u{7F}@c", "\u{E000}@c", "\u{1F600}@c", "שa@c", "\u{FFFD}@c"]
    {
        assert!(is_node_fault(text), "{text:?}");
    }
    for c in ['"', '&', '\'', ':', '<', '>'] {
        // covers 7622-3.3.1-01
        assert!(is_node_fault(&format!("a{c}b@example.com")), "{c}");
    }
    for c in ['/', '@'] {
        assert!(matches!(Jid::from_parts(Some(&format!("a{c}b")), "c", None), Err(JidError::Node(_))), "{c}");
    }
    // covers 7622-3.3-01
    assert_eq!(Jid::new("@example.com"), Err(JidError::Node(Fault::Empty)));
    assert_eq!(Jid::new("\u{AD}@example.com"), Err(JidError::Node(Fault::Empty)));
    assert_eq!(jid("example.com").as_str(), "example.com");
}

#[test]
fn r3920_3_4_02_what_resourceprep_refuses_is_no_resource() {
    assert_eq!(jid("a@b/Ⅳ 😀").resource(), Some("IV 😀"));
    for text in ["b/a\tb", "b/\u{7F}", "b/\u{1680}", "b/\u{E000}", "b/שa", "b/\u{FFFD}"] {
        assert!(is_resource_fault(text), "{text:?}");
    }
    // covers 7622-3.4-03
    assert_eq!(Jid::new("a@example.com/"), Err(JidError::Resource(Fault::Empty)));
    assert_eq!(Jid::new("a@example.com/\u{AD}"), Err(JidError::Resource(Fault::Empty)));
    // covers 7622-3.4-01: an address in it is text like any other
    assert_eq!(jid("room@chat.example/User@HOST./X").resource(), Some("User@HOST./X"));
    // covers 7622-3.4-02: no path, of which one end would be below another
    assert_eq!(jid("a@b/foo/bar").to_bare().with_resource("foo/../bar").unwrap().resource(), "foo/../bar");
}

/// The examples of RFC 7622 section 3.5, as stringprep has them.
#[test]
fn r7622_3_5_examples() {
    for legal in [
        "juliet@example.com",
        "juliet@example.com/foo",
        "juliet@example.com/foo bar",
        "juliet@example.com/foo@bar",
        "foo\\20bar@example.com",
        "fussball@example.com",
        "\u{3C0}@example.com",
        "\u{3C3}@example.com/foo",
        "king@example.com/\u{265A}",
        "example.com",
        "example.com/foobar",
        "a.example.com/b@example.net",
    ] {
        assert_eq!(jid(legal).as_str(), legal);
    }
    assert_eq!(jid("\u{3A3}@example.com/foo"), jid("\u{3C3}@example.com/foo"));
    for illegal in ["\"juliet\"@example.com", "foo bar@example.com", "@example.com/", "juliet@", "/foobar"] {
        assert!(Jid::new(illegal).is_err(), "{illegal}");
    }
    // Where PRECIS differs: what it keeps apart is one name here, and what it refuses is mapped or kept.
    assert_eq!(jid("fu\u{DF}ball@example.com"), jid("fussball@example.com"));
    assert_eq!(jid("\u{3C2}@example.com/foo"), jid("\u{3C3}@example.com/foo"));
    assert_eq!(jid("henry\u{2163}@example.com"), jid("henryiv@example.com"));
    assert_eq!(jid("\u{265A}@example.com").node(), Some("\u{265A}"));
    assert_eq!(jid("juliet@example.com/ foo").resource(), Some(" foo"));
}

#[test]
fn r3920_3_5_01_the_server_works_out_its_clients_address() {
    let mut server = server(open_server());
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
        server.feed(part);
    }
    assert_eq!(server.online(), None);
    server.feed(BIND);
    // covers 3920-3.5-03: no authorization identity was sent, so it is whoever authenticated
    assert_eq!(server.conn.jid().map(FullJid::to_bare), Some(BareJid::new("juliet@example.com").unwrap()));
    // covers 3920-3.5-04
    assert_eq!(server.conn.jid().map(FullJid::resource), Some("balcony"));
    server.feed("<message to='romeo@example.com'/>");
    assert_eq!(
        server.stanzas,
        ["<message to='romeo@example.com' from='juliet@example.com/balcony' xml:lang='en'/>"]
    );
}

#[test]
fn r3920_3_5_05_the_servers_canonical_form_replaces_the_clients() {
    let mut server = server(open_server());
    server.feed(CLIENT_HEADER);
    // As `Juliet`, and for a resource in fullwidth letters.
    let said =
        server.feed(AUTH_PLAIN.replace("AGp1bGlldAByMG0zMG15cjBtMzA=", "AEp1bGlldAByMG0zMG15cjBtMzA="));
    assert_eq!(said, SUCCESS);
    server.feed(CLIENT_HEADER);
    let said = server.feed(BIND.replace("balcony", "\u{FF22}alcony"));
    assert!(said.contains("<jid>juliet@example.com/Balcony</jid>"), "{said}");
    assert_eq!(server.online(), Some("juliet@example.com/Balcony"));
}

#[test]
fn r7622_4_01_a_client_prepares_addresses_before_it_sends_them() {
    let mut client = online_client(open_client());
    let to = jid("Romeo@EXAMPLE.com./Ⅳ");
    client.conn.send(client.now, Stanza::Message(Message::chat(to))).unwrap();
    assert_eq!(client.said(), "<message to='romeo@example.com/IV' type='chat'/>");
}

#[test]
fn r6121_3_1_2_03_a_request_to_an_address_that_is_none() {
    let mut server = online_server(open_server());
    assert_eq!(
        server.feed("<presence to='romeo@@example.net' type='subscribe' id='s'/>"),
        "<presence id='s' type='error'><error type='modify'>\
         <jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
    );
    // covers 6121-3.1.2-01: it goes no further
    assert_eq!((server.stanzas.len(), server.over), (0, false));
}

#[test]
fn r7622_4_02_a_server_enforces_the_rules_for_addresses() {
    for to in ["@example.com", "a@", "a@b@c", "a b@example.com", "example.com/", "exa mple"] {
        let mut server = online_server(open_server());
        let error =
            "<error type='modify'><jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
        assert_eq!(
            server.feed(format!("<message to='{to}' id='1'><body>b</body></message>")),
            format!("<message id='1' type='error'>{error}</message>")
        );
        assert!(server.stanzas.is_empty() && !server.over);
    }
    let mut server = online_server(open_server());
    server.feed("<message to='Romeo@EXAMPLE.com./Ⅳ'/>");
    assert_eq!(
        server.stanzas,
        ["<message to='romeo@example.com/IV' from='juliet@example.com/balcony' xml:lang='en'/>"]
    );
}

#[test]
fn r7622_4_03_addresses_inside_are_for_those_who_read_them() {
    let mut server = online_server(open_server());
    let payload = "<jingle xmlns='urn:xmpp:jingle:1' initiator='A@@b'/>";
    server.feed(format!("<iq to='romeo@example.com/x' type='set' id='1'>{payload}</iq>"));
    assert!(server.stanzas[0].contains(payload), "{:?}", server.stanzas);
    assert!(Jid::new("A@@b").is_err());
}
