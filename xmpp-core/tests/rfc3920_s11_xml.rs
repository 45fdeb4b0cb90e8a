//! RFC 3920 section 11 and RFC 6120 section 11: what may stand on a stream, and how it is written.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;
mod peer;

use pair::*;
use xmpp_core::conn::CloseReason;

use xmpp_core::stanza::{Message, MessageType, Stanza};
use xmpp_core::stream::Condition;
use xmpp_core::xml::{Element, Writer, ns};

const STREAMS: &str = "http://etherx.jabber.org/streams";

/// A header for a client's stream to `example.com` with these declarations.
fn header(prefix: &str, declarations: &str) -> String {
    format!("<{prefix}:stream to='example.com' version='1.0' {declarations}>")
}

/// What a server says to this header, and why it is over if it is.
fn server_about(header: &str) -> (String, Option<CloseReason>) {
    let mut server = server(open_server());
    (server.feed(header), server.reason)
}

/// What a client says to this header of its server's, and why it is over if it is.
fn client_about(header: &str) -> (String, Option<CloseReason>) {
    let mut client = client(open_client());
    client.said();
    (client.feed(header), client.reason)
}

/// The start tags of the streams in a transcript.
fn headers(transcript: &str) -> Vec<&str> {
    transcript.split("<stream:stream ").skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
}

/// A whole session with TLS, a message and an error each way, and an end; what each side has said.
fn session() -> (String, String) {
    let mut pair = Pair::new();
    pair.run();
    let malformed = "<message to='@' id='m'/>";
    for text in ["one", "<!--two-->"] {
        pair.client.conn.send(pair.now, message(text)).unwrap();
        pair.server.conn.send(pair.now, message(text)).unwrap();
        pair.run();
    }
    pair.server.feed(malformed);
    pair.client.conn.close(pair.now);
    pair.run();
    assert!(pair.client.over && pair.server.over);
    (pair.client.transcript, pair.server.transcript)
}

fn markup() -> Stanza {
    let text = "<!-- c --><?pi?><!DOCTYPE d>&nbsp;<![CDATA[x]]>'\"";
    let child = Element::builder("urn:x?&'#", "x").attr("k", text).text(text).build();
    Stanza::Message(Message::new(MessageType::Normal).with_child(child))
}

#[test]
fn r3920_11_1_01_what_is_restricted_is_never_sent() {
    let mut client = online_client(open_client());
    client.conn.send(client.now, markup()).unwrap();
    let said = client.said();
    let escaped = "&lt;!-- c --&gt;&lt;?pi?&gt;&lt;!DOCTYPE d&gt;&amp;nbsp;&lt;![CDATA[x]]&gt;&apos;&quot;";
    // covers 3920-11.1-02
    assert_eq!(
        said,
        format!("<message type='normal'><x xmlns='urn:x?&amp;&apos;#' k='{escaped}'>{escaped}</x></message>")
    );
    let (client, server) = session();
    for transcript in [client, server] {
        let content = transcript.replace("<?xml version='1.0'?>", "");
        assert!(!content.contains("<!") && !content.contains("<?"), "{content}");
    }
}

#[test]
fn r3920_11_1_03_restricted_xml_ends_the_stream() {
    for restricted in
        ["<!-- c -->", "<?pi?>", "<!DOCTYPE stream [<!ENTITY e 'x'>]>", "<message>&e;</message>"]
    {
        let error = stream_error("restricted-xml");
        let mut awaiting = server(open_server());
        assert!(awaiting.feed(format!("<?xml version='1.0'?>{}", "<!-- -->")).ends_with(&error));
        let mut new = server(open_server());
        new.feed(CLIENT_HEADER);
        assert_eq!(new.feed(restricted), error, "{restricted}");
        let mut server = online_server(open_server());
        // covers 6120-11.1-01
        assert_eq!(server.feed(restricted), error, "{restricted}");
        assert!(server.over && server.stanzas.is_empty());
        let mut client = online_client(open_client());
        assert_eq!(client.feed(restricted), error, "{restricted}");
        assert!(client.over && client.stanzas.is_empty());
    }
}

#[test]
fn r3920_11_2_1_01_every_header_declares_the_namespace_of_streams() {
    let (client, server) = session();
    for transcript in [&client, &server] {
        let headers = headers(transcript);
        assert_eq!(headers.len(), 3);
        assert!(headers.iter().all(|tag| tag.contains(&format!(" xmlns:stream='{STREAMS}'"))), "{headers:?}");
    }
    // The header before an error too.
    let (said, _) = server_about("<!DOCTYPE x>");
    assert!(headers(&said)[0].contains(&format!(" xmlns:stream='{STREAMS}'")), "{said}");
}

#[test]
fn r3920_11_2_1_02_no_other_namespace_is_that_of_streams() {
    for other in ["urn:other", "http://etherx.jabber.org/streams/", "HTTP://etherx.jabber.org/streams"] {
        let header = header("stream", &format!("xmlns='jabber:client' xmlns:stream='{other}'"));
        let (said, reason) = server_about(&header);
        assert!(said.ends_with(&stream_error("invalid-namespace")), "{said}");
        assert_eq!(reason, Some(CloseReason::Local(Condition::InvalidNamespace.into())));
        assert_eq!(client_about(&header).0, stream_error("invalid-namespace"));
    }
}

#[test]
fn r3920_11_2_1_03_what_is_of_streams_has_the_prefix() {
    let (client, server) = session();
    let error = server_about("<!DOCTYPE x>").0;
    for (transcript, pieces) in [
        (&client, &["<stream:stream ", "</stream:stream>"][..]),
        (&server, &["<stream:stream ", "<stream:features>", "</stream:features>", "</stream:stream>"]),
        (&error, &["<stream:stream ", "<stream:error>", "</stream:error>", "</stream:stream>"]),
    ] {
        for piece in pieces {
            assert!(transcript.contains(piece), "{piece} in {transcript}");
        }
        for bare in ["<stream ", "<features", "<error xmlns='http://etherx"] {
            assert!(!transcript.contains(bare), "{bare} in {transcript}");
        }
    }
}

#[test]
fn r3920_11_2_1_04_only_the_prefix_stream_is_written() {
    // Whatever the peer calls it.
    let (said, _) = server_about(&header("s", &format!("xmlns='jabber:client' xmlns:s='{STREAMS}'")));
    assert!(said.contains("<stream:stream ") && said.contains("<stream:features>"), "{said}");
    assert!(!said.contains("<s:") && !said.contains("xmlns:s="), "{said}");
    let mut out = String::new();
    let features = Element::builder(ns::STREAMS, "features").build();
    Writer::stream(ns::SERVER).element(&mut out, features.as_ref());
    assert_eq!(out, "<stream:features/>");
}

#[test]
fn r3920_11_2_1_05_another_prefix_is_taken() {
    let mut server = server(open_server());
    let said = server.feed(header("s", &format!("xmlns='jabber:client' xmlns:s='{STREAMS}'")));
    assert!(said.ends_with("</stream:features>"), "{said}");
    assert_eq!(server.feed("</s:stream>"), FOOTER);
    assert_eq!(server.reason, Some(CloseReason::PeerClosed));
    let mut client = client(open_client());
    client.said();
    let answer = header("s", &format!("id='1' from='example.com' xmlns='jabber:client' xmlns:s='{STREAMS}'"));
    let said = client.feed(format!("{answer}{}", offer(&["PLAIN"]).replace("stream:", "s:")));
    assert!(said.starts_with("<auth "), "{said}");
}

#[test]
fn r3920_11_2_2_01_every_header_declares_the_namespace_of_its_content() {
    let (client, server) = session();
    let own = headers(&client);
    assert!(own.iter().all(|tag| tag.starts_with("xmlns='jabber:client' ")), "{own:?}");
    let answers = headers(&server);
    // covers 3920-11.2.2-02
    assert!(answers.iter().all(|tag| tag.starts_with("xmlns='jabber:client' ")), "{answers:?}");
}

#[test]
fn r3920_11_2_2_03_a_server_speaks_jabber_client_and_jabber_server() {
    let (said, _) = server_about(CLIENT_HEADER);
    assert_eq!(attribute(&said, "stream:stream", "xmlns"), "jabber:client");
    assert!(said.ends_with("</stream:features>"), "{said}");
    let said = peer::inbound(peer::open_inbound_config()).feed(peer::HEADER);
    assert_eq!(attribute(&said, "stream:stream", "xmlns"), "jabber:server");
    let mut end = peer::proved();
    end.feed("<message from='capulet.example' to='montague.example'/>");
    assert!(end.events()[0].starts_with("stanza <message "));
}

#[test]
fn r3920_11_2_2_04_other_content_namespaces_are_refused() {
    for other in ["urn:other", "jabber:server", "jabber:client:", "jabber:component:accept"] {
        let header = header("stream", &format!("xmlns='{other}' xmlns:stream='{STREAMS}'"));
        let (said, _) = server_about(&header);
        assert!(said.ends_with(&stream_error("invalid-namespace")), "{other}: {said}");
        // covers 3920-11.2.2-06
        assert_eq!(client_about(&header).0, stream_error("invalid-namespace"), "{other}");
    }
}

#[test]
fn r3920_11_2_2_05_a_client_speaks_jabber_client() {
    let mut client = client(open_client());
    let said = client.said();
    assert_eq!(attribute(&said, "stream:stream", "xmlns"), "jabber:client");
    let mut client = online_client(open_client());
    client.feed("<message from='romeo@example.com'><body>hi</body></message>");
    // In the language of the server's stream, and in no namespace that would have to be said.
    assert_eq!(client.stanzas, ["<message from='romeo@example.com' xml:lang='en'><body>hi</body></message>"]);
}

#[test]
fn r3920_11_2_2_07_content_has_no_prefix() {
    for stanza in
        ["<c:message xmlns:c='jabber:client'/>", "<message><c:body xmlns:c='jabber:client'/></message>"]
    {
        let mut server = online_server(open_server());
        assert_eq!(server.feed(stanza), stream_error("bad-namespace-prefix"), "{stanza}");
    }
    let (client, server) = session();
    for transcript in [client, server] {
        let names = transcript.split('<').skip(1).map(|tag| tag.split([' ', '>', '/']).next().unwrap());
        let mut prefixed = names.filter(|name| name.contains(':'));
        assert!(prefixed.all(|name| name.starts_with("stream:")), "{transcript}");
    }
}

#[test]
fn r3920_11_2_2_08_other_content_is_declared_as_default() {
    let mut server = online_server(open_server());
    server.feed(
        "<message to='romeo@example.com'><p:x xmlns:p='urn:x'><p:y/><q:z xmlns:q='urn:z'/></p:x></message>",
    );
    let written = server.stanzas[0].split_once("><").unwrap().1;
    assert_eq!(written, "x xmlns='urn:x'><y/><z xmlns='urn:z'/></x></message>");
}

#[test]
fn r3920_11_2_2_09_a_client_need_not_say_to_or_from() {
    let mut server = online_server(open_server());
    assert_eq!(server.feed("<presence/><message/><iq type='get' id='1'><x xmlns='urn:x'/></iq>"), "");
    assert_eq!(server.stanzas.len(), 3);
    assert!(!server.over);
}

#[test]
fn r3920_11_2_2_10_between_servers_both_are_needed() {
    for stanza in ["<message from='capulet.example'/>", "<presence to='montague.example'/>", "<message/>"] {
        let mut end = peer::proved();
        let said = end.feed(stanza);
        assert!(said.contains("<improper-addressing "), "{stanza}: {said}");
        assert!(end.events().iter().all(|event| !event.starts_with("stanza")), "{stanza}");
    }
}

#[test]
fn r3920_11_2_2_11_all_three_kinds_have_the_common_attributes() {
    let attributes = "to='romeo@example.com/o' id='1' xml:lang='de'";
    for (kind, type_, content) in
        [("message", "chat", ""), ("presence", "subscribe", ""), ("iq", "set", "<x xmlns='urn:x'/>")]
    {
        let mut server = online_server(open_server());
        assert_eq!(server.feed(format!("<{kind} {attributes} type='{type_}'>{content}</{kind}>")), "");
        let taken = &server.stanzas[0];
        assert!(taken.starts_with(&format!("<{kind} ")), "{taken}");
        for (name, value) in [
            ("to", "romeo@example.com/o"),
            ("from", "juliet@example.com/balcony"),
            ("id", "1"),
            ("type", type_),
            ("xml:lang", "de"),
        ] {
            assert!(taken.contains(&format!(" {name}='{value}'")), "{taken}");
        }
    }
}

#[test]
fn r3920_11_2_3_04_dialback_is_written_with_its_own_prefix_only() {
    for name in ["result", "verify"] {
        let element = Element::builder(ns::DIALBACK, name).attr("from", "a").text("key").build();
        let mut out = String::new();
        Writer::stream(ns::SERVER).element(&mut out, element.as_ref());
        assert_eq!(out, format!("<db:{name} from='a'>key</db:{name}>"));
    }
}

#[test]
fn r3920_11_2_3_05_another_prefix_of_dialback_is_taken() {
    let mut end = peer::inbound(peer::open_inbound_config());
    end.feed(peer::HEADER.replace("xmlns:db=", "xmlns:back="));
    end.feed(peer::result(peer::CAPULET, peer::MONTAGUE, "key").replace("db:", "back:"));
    assert_eq!(end.questions.len(), 1);
}

#[test]
fn r3920_11_3_02_xml_that_is_not_well_formed_is_not_taken() {
    for bad in
        ["<message></iq>", "<message a='1' a='2'/>", "<message a=1/>", "<message>\u{1}</message>", "<>"]
    {
        let mut server = online_server(open_server());
        // covers 6120-11.3-02
        assert_eq!(server.feed(bad), stream_error("not-well-formed"), "{bad}");
        assert!(server.over && server.stanzas.is_empty(), "{bad}");
        let mut client = online_client(open_client());
        assert_eq!(client.feed(bad), stream_error("not-well-formed"), "{bad}");
        assert!(client.over && client.stanzas.is_empty(), "{bad}");
    }
}

#[test]
fn r6120_11_3_04_what_breaks_the_rules_of_namespaces_goes_nowhere() {
    for bad in [
        "<message><p:x/></message>",
        "<message p:a='1'/>",
        "<message><x xmlns:p=''/></message>",
        "<message><x xmlns:a='u' xmlns:b='u' a:k='1' b:k='2'/></message>",
        "<message><x xmlns='http://www.w3.org/2000/xmlns/'/></message>",
        "<message><a:b:c xmlns:a='u'/></message>",
    ] {
        let mut server = online_server(open_server());
        let said = server.feed(bad);
        assert!(server.stanzas.is_empty(), "{bad}");
        // covers 6120-11.3-03
        assert_eq!(said, stream_error("not-well-formed"), "{bad}");
    }
}

/// Element by element, with the attributes and children that the schemas of RFC 3920 appendix C give it.
#[test]
fn r3920_11_3_03_what_a_client_says_by_itself_is_as_the_schemas_have_it() {
    let known: [(&str, &[&str], &[&str]); 8] = [
        ("stream:stream", &["to", "from", "version", "xml:lang", "xmlns", "xmlns:stream"], &[]),
        ("starttls", &["xmlns"], &[]),
        ("auth", &["xmlns", "mechanism"], &[]),
        ("response", &["xmlns"], &[]),
        ("iq", &["type", "id"], &["bind"]),
        ("bind", &["xmlns"], &["resource"]),
        ("resource", &[], &[]),
        ("?xml", &["version"], &[]),
    ];
    let mut pair = Pair::new();
    pair.run();
    let said = &pair.client.transcript;
    let mut parents: Vec<&str> = Vec::new();
    for tag in said.split('<').skip(1).map(|rest| rest.split('>').next().unwrap()) {
        if tag.starts_with('/') {
            parents.pop();
            continue;
        }
        let name = tag.split([' ', '/', '?']).find(|name| !name.is_empty()).unwrap();
        let name = if tag.starts_with('?') { "?xml" } else { name };
        let (_, attributes, _) =
            known.iter().find(|(known, ..)| *known == name).unwrap_or_else(|| panic!("<{name}> in {said}"));
        for attribute in tag.split("='").filter_map(|part| part.rsplit_once(' ')).map(|(_, name)| name) {
            assert!(attributes.contains(&attribute) || attribute == "/", "{attribute} in {tag}");
        }
        if let Some(parent) = parents.last().filter(|parent| **parent != "stream:stream") {
            let (_, _, children) = known.iter().find(|(known, ..)| known == parent).unwrap();
            assert!(children.contains(&name), "<{name}> in <{parent}>");
        }
        if !tag.ends_with(['/', '?']) && name != "stream:stream" {
            parents.push(name);
        }
    }
    assert_eq!(pair.client.online(), Some("juliet@example.com/balcony"));
}

#[test]
fn r3920_11_3_04_a_client_passes_over_what_the_schemas_do_not_have() {
    let mut client = client(open_client());
    client.said();
    let said = client.feed(format!(
        "{}{}",
        SERVER_HEADER.replace(" id=", " other='1' id="),
        offer(&["PLAIN"]).replace("<mechanism>", "<other xmlns='urn:o'/><mechanism other='1'>")
    ));
    assert!(said.starts_with("<auth "), "{said}");
    client.feed("<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl' other='1'/>");
    let request =
        client.feed(format!("{SERVER_HEADER}{}", OFFER_BIND.replace("<bind ", "<other/><bind other='1' ")));
    client.feed(bound(&request, "juliet@example.com/balcony").replace("<bind ", "<bind other='1' "));
    assert_eq!(client.online(), Some("juliet@example.com/balcony"));
    assert_eq!(client.feed("<message other='1'><other/><body other='1'>hi</body></message>"), "");
    assert_eq!((client.stanzas.len(), client.over), (1, false));
}

#[test]
fn r3920_11_4_01_a_declaration_stands_before_every_header() {
    let (client, server) = session();
    for transcript in [&client, &server] {
        assert_eq!(transcript.matches("<?xml version='1.0'?><stream:stream ").count(), 3);
        // covers 3920-11.4-02: first of all, or not at all
        assert!(transcript.starts_with("<?xml ") && transcript.matches("<?xml").count() == 3, "{transcript}");
        // covers 6120-11.5-01
        assert!(!transcript.contains("standalone"), "{transcript}");
        // covers 6120-11.6-02
        assert!(!transcript.contains('\u{FEFF}'), "{transcript}");
    }
}

#[test]
fn r6120_11_5_02_a_document_that_does_not_stand_alone_is_restricted() {
    let header = header("stream", &format!("xmlns='jabber:client' xmlns:stream='{STREAMS}'"));
    let (said, _) = server_about(&format!("<?xml version='1.0' standalone='no'?>{header}"));
    assert!(said.ends_with(&stream_error("restricted-xml")), "{said}");
    let (said, _) = server_about(&format!("<?xml version='1.0' standalone='yes'?>{header}"));
    assert!(said.ends_with("</stream:features>"), "{said}");
}

#[test]
fn r3920_11_5_01_all_of_unicode_goes_through() {
    let text = "a\u{e4}\u{20ac}\u{d7ff}\u{e000}\u{fffd}\u{1f600}\u{10ffff} \u{5d0}\u{301}";
    let mut pair = Pair::new();
    pair.chunk = 1;
    pair.run();
    pair.client.conn.send(pair.now, message(text)).unwrap();
    pair.server.conn.send(pair.now, message(text)).unwrap();
    pair.run();
    for stanzas in [&pair.client.stanzas, &pair.server.stanzas] {
        assert!(stanzas[0].ends_with(&format!("<body>{text}</body></message>")), "{stanzas:?}");
    }
}

#[test]
fn r6120_11_6_01_bytes_of_another_encoding_end_the_stream() {
    let utf16: Vec<u8> = CLIENT_HEADER.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let latin1 = CLIENT_HEADER.replace("version='1.0'?", "version='1.0' encoding='ISO-8859-1'?").into_bytes();
    for (bytes, at) in [(utf16, "UTF-16"), (latin1, "Latin-1")] {
        let mut server = server(open_server());
        assert!(server.feed(bytes).ends_with(&stream_error("unsupported-encoding")), "{at}");
    }
    let mut server = online_server(open_server());
    assert_eq!(server.feed(b"<message><body>\xe4</body></message>"), stream_error("unsupported-encoding"));
    assert!(server.stanzas.is_empty());
}

#[test]
fn r6120_11_6_03_no_byte_order_mark_is_looked_for() {
    // Before the declaration it is text like any other, which may not stand there.
    let mut server = server(open_server());
    assert!(server.feed(format!("\u{FEFF}{CLIENT_HEADER}")).ends_with(&stream_error("not-well-formed")));
    // In a text it is a space of no width, which is kept.
    let mut server = online_server(open_server());
    server.feed("<message><body>\u{FEFF}a</body></message>");
    assert!(server.stanzas[0].contains("<body>\u{FEFF}a</body>"), "{}", server.stanzas[0]);
}

#[test]
fn r6120_11_7_01_white_space_between_elements_says_nothing() {
    let mut server = online_server(open_server());
    assert_eq!(server.feed(" \t\r\n<presence/>\n \n"), "");
    assert_eq!((server.stanzas.len(), server.warnings.len(), server.over), (1, 0, false));
}
