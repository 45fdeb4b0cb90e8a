//! RFC 3920 section 9, RFC 6120 section 8: common attributes, iq semantics, extended content. Errors have a file of their own.
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
use xmpp_core::conn::{ClientConnection, ServerConnection};
use xmpp_core::entropy::Seed;
use xmpp_core::jid::Jid;
use xmpp_core::stanza::{
    Condition, Fault, Iq, IqType, Message, MessageType, Presence, Show, Stanza, Tracker,
};
use xmpp_core::time::Instant;
use xmpp_core::xml::{Element, ns};

fn stanza(text: &str) -> Stanza {
    Stanza::parse(&read(text)).unwrap()
}

fn message(text: &str) -> Message {
    let Stanza::Message(message) = stanza(text) else { panic!("{text}") };
    message
}

fn presence(text: &str) -> Presence {
    let Stanza::Presence(presence) = stanza(text) else { panic!("{text}") };
    presence
}

fn iq(text: &str) -> Iq {
    let Stanza::Iq(iq) = stanza(text) else { panic!("{text}") };
    iq
}

fn fault(text: &str) -> Fault {
    Stanza::parse(&read(text)).unwrap_err().fault()
}

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn ping() -> Element {
    Element::builder(ns::PING, "ping").build()
}

/// What a client that is online transmits for a stanza.
fn sent(client: &mut End<ClientConnection>, stanza: impl Into<Stanza>) -> String {
    client.conn.send(client.now, stanza.into()).unwrap();
    client.said()
}

#[test]
fn r3920_9_1_1_01_what_is_for_somebody_says_for_whom() {
    let mut client = online_client(open_client());
    let message = Message::chat(jid("romeo@example.net")).with_body("?");
    let said = sent(&mut client, message);
    // covers 6120-8.1.1.1-01
    assert!(said.contains(" to='romeo@example.net'"), "{said}");
    // covers 3920-9.2.1-01
    assert_eq!(said, "<message to='romeo@example.net' type='chat'><body>?</body></message>");
    let directed = Presence::available().with_to(jid("romeo@example.net/orchard"));
    // covers 3920-9.2.2-03
    assert_eq!(sent(&mut client, directed), "<presence to='romeo@example.net/orchard'/>");
}

#[test]
fn r3920_9_1_1_02_what_is_for_the_own_server_says_for_nobody() {
    let mut client = online_client(open_client());
    // covers 3920-9.2.2-01
    assert_eq!(sent(&mut client, Presence::available()), "<presence/>");
    let roster = Iq::get("r1", Element::builder(ns::ROSTER, "query").build());
    // covers 6120-8.1.1.1-02
    assert_eq!(sent(&mut client, roster), "<iq id='r1' type='get'><query xmlns='jabber:iq:roster'/></iq>");
}

#[test]
fn r3920_9_1_1_05_an_error_comes_from_whom_could_not_be_reached() {
    for text in [
        "<message from='juliet@example.com/x' to='romeo@unreachable.example' id='1'><body>b</body></message>",
        "<presence from='juliet@example.com/x' to='romeo@unreachable.example' id='1'/>",
        "<iq from='juliet@example.com/x' to='romeo@unreachable.example' id='1' type='get'><q xmlns='urn:q'/></iq>",
    ] {
        let reply = stanza(text).error_reply(Condition::RemoteServerNotFound).unwrap();
        assert_eq!(reply.from(), Some(&jid("romeo@unreachable.example")));
        // covers 6120-8.3.1-02
        assert_eq!(reply.to(), Some(&jid("juliet@example.com/x")));
        // covers 6120-8.1.3-02
        assert_eq!(reply.id(), Some("1"));
    }
    // What is no address cannot be repeated as one.
    let malformed = Stanza::parse(&read("<message from='a@b/c' to='@@' id='1'/>")).unwrap_err();
    let reply = malformed.reply().unwrap();
    assert_eq!((reply.to(), reply.from()), (Some(&jid("a@b/c")), None));
}

#[test]
fn r6120_8_1_1_1_03_nobody_changes_to_on_the_way_to_a_client() {
    for to in ["juliet@example.com", "juliet@example.com/chamber", "juliet@example.com/balcony"] {
        let mut server = online_server(open_server());
        let message = Message::chat(jid(to)).with_from(jid("romeo@example.net"));
        server.conn.send(server.now, message.into()).unwrap();
        // covers 6120-8.1.1.1-04: among them, its full JID
        assert_eq!(server.said(), format!("<message to='{to}' from='romeo@example.net' type='chat'/>"));
    }
}

#[test]
fn r6120_8_1_1_1_05_a_client_takes_what_is_for_nobody_as_its_own() {
    let mut client = online_client(open_client());
    client.feed("<message from='romeo@example.net' xml:lang='cs'><body>a</body></message>");
    assert_eq!(client.stanzas, ["<message from='romeo@example.net' xml:lang='cs'><body>a</body></message>"]);
    assert!(!client.over);
}

#[test]
fn r3920_9_1_2_01_a_server_says_who_its_client_is() {
    for from in
        ["", " from='juliet@example.com/balcony'", " from='juliet@example.com'", " from='JULIET@example.com'"]
    {
        let mut server = online_server(open_server());
        server.feed(format!("<message{from} xml:lang='en'/><presence{from} xml:lang='en'/>"));
        // covers 3920-9.1.2-06
        assert_eq!(
            server.stanzas,
            [
                "<message from='juliet@example.com/balcony' xml:lang='en'/>",
                "<presence from='juliet@example.com/balcony' xml:lang='en'/>"
            ]
        );
    }
}

#[test]
fn r3920_9_1_2_03_who_has_not_authenticated_sends_no_stanzas() {
    for stanza in ["<message/>", "<presence/>", "<iq type='get' id='1'><q xmlns='urn:q'/></iq>"] {
        let mut server = server(open_server());
        server.feed(CLIENT_HEADER);
        assert_eq!(server.feed(stanza), stream_error("not-authorized"));
        // covers 3920-9.1.2-04
        assert!(server.stanzas.is_empty() && is_closed(&mut server));
    }
    for from in ["romeo@example.com", "example.com", "juliet@example.com/chamber"] {
        let mut server = online_server(open_server());
        assert_eq!(server.feed(format!("<message from='{from}'/>")), stream_error("invalid-from"));
        assert!(server.stanzas.is_empty() && is_closed(&mut server));
    }
}

/// Whether the transport is closed, at the latest when the peer has had its time to close the stream.
fn is_closed(server: &mut End<ServerConnection>) -> bool {
    server.sleep(std::time::Duration::from_secs(5));
    server.over && server.close.is_some()
}

#[test]
fn r3920_9_1_2_05_what_a_server_says_for_the_account_is_from_nobody_or_the_account() {
    let mut server = server(open_server());
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
        server.feed(part);
    }
    // covers 6120-8.1.2.1-03
    assert!(server.feed(BIND).starts_with("<iq id='b1' type='result'>"));
    let own = iq(
        "<iq from='juliet@example.com/x' to='juliet@example.com' id='1' type='get'><q xmlns='urn:q'/></iq>",
    );
    assert_eq!(own.result_reply(None).from(), Some(&jid("juliet@example.com")));
    let unnamed = iq("<iq from='juliet@example.com/x' id='1' type='get'><q xmlns='urn:q'/></iq>");
    assert_eq!(unnamed.result_reply(None).from(), None);
    let domain =
        iq("<iq from='juliet@example.com/x' to='example.com' id='1' type='get'><q xmlns='urn:q'/></iq>");
    // covers 6120-8.1.2.1-02
    assert_eq!(domain.result_reply(None).from(), Some(&jid("example.com")));
}

#[test]
fn r3920_9_1_3_01_ids_are_for_the_sender() {
    for text in ["<message id='m 1'/>", "<presence id='m 1'/>"] {
        assert_eq!(stanza(text).id(), Some("m 1"));
        assert_eq!(stanza(text).to_string(), text);
    }
    let mut server = online_server(open_server());
    server.feed("<message id='1'/><message id='1'/><presence id='1'/>");
    // covers 3920-9.1.3-02
    assert_eq!(server.stanzas.len(), 3);
}

#[test]
fn r3920_9_1_5_02_a_texts_language_is_its_own_before_the_stanzas() {
    let both =
        message("<message xml:lang='en'><body xml:lang='cs'>Prosím</body><body>Please</body></message>");
    assert_eq!(both.body_for("cs").as_deref(), Some("Prosím"));
    assert_eq!(both.body_for("en").as_deref(), Some("Please"));
}

#[test]
fn r3920_9_1_5_01_what_people_read_says_its_language() {
    let message = Message::new(MessageType::Normal).with_lang("cs").with_body("Prosím");
    assert_eq!(message.to_string(), "<message xml:lang='cs' type='normal'><body>Prosím</body></message>");
    let message = Message::new(MessageType::Normal).with_body_in("cs", "Prosím");
    assert_eq!(message.to_string(), "<message type='normal'><body xml:lang='cs'>Prosím</body></message>");
}

#[test]
fn r3920_9_2_3_02_an_iq_without_a_type_is_refused() {
    for type_ in ["", " type='gets'", " type='GET'", " type=''"] {
        let mut server = online_server(open_server());
        // covers 6120-8.2.3-01
        assert_eq!(
            server.feed(format!("<iq id='1'{type_}><q xmlns='urn:q'/></iq>")),
            "<iq id='1' type='error'><error type='modify'>\
             <bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
        );
        assert!(server.stanzas.is_empty() && !server.over);
    }
}

#[test]
fn r6120_8_4_01_a_request_has_one_child_of_an_extension() {
    for children in [
        "",
        "text",
        "<q xmlns='urn:q'/><r xmlns='urn:q'/>",
        "<q/>",
        "<error/>",
        "<body>b</body>",
        "<q xmlns='jabber:server'/>",
        "<q xmlns='urn:q'/><body>b</body>",
    ] {
        for type_ in ["get", "set"] {
            assert_eq!(
                fault(&format!("<iq type='{type_}' id='1'>{children}</iq>")),
                Fault::Children,
                "{children}"
            );
        }
    }
    assert_eq!(iq("<iq type='get' id='1'> <q xmlns='urn:q'><q/></q>\n</iq>").type_(), IqType::Get);
    // No namespace is not the stream's.
    assert_eq!(iq("<iq type='get' id='1'><q xmlns=''/></iq>").type_(), IqType::Get);
}

#[test]
fn r3920_9_2_3_06_answers_are_not_answered() {
    for type_ in ["result", "error"] {
        let answer = iq(&format!("<iq type='{type_}' id='1'><q xmlns='urn:q'/></iq>"));
        assert_eq!(answer.error_reply(Condition::BadRequest), None);
        // Neither are those that break a rule.
        let mut server = online_server(open_server());
        assert_eq!(server.feed(format!("<iq type='{type_}' to='@'/><iq type='{type_}'/>")), "");
        assert!(server.stanzas.is_empty() && !server.over);
    }
}

#[test]
fn r3920_9_2_3_07_a_request_may_follow_an_answer() {
    let mut tracker = Tracker::new(&jid("juliet@example.com/balcony"), Seed::new([1; 32]));
    let (get, iq) = tracker.get(Instant::ZERO, Some(jid("example.net")), ping()).unwrap();
    assert_eq!(tracker.answer(&iq.result_reply(None)), Some(get));
    let (set, iq) = tracker.set(Instant::ZERO, Some(jid("example.net")), ping()).unwrap();
    let bare: Element =
        read(&format!("<iq from='example.net' id='{}' type='error'><error type='cancel'/></iq>", iq.id()));
    let Ok(Stanza::Iq(refusal)) = Stanza::parse(&bare) else { panic!("{bare:?}") };
    // covers 6120-8.3.1-05: an error that does not bring the request back ends it all the same
    assert_eq!(tracker.answer(&refusal), Some(set));
}

#[test]
fn r3920_9_2_3_11_an_error_has_an_error() {
    let request = iq("<iq type='get' id='1'><q xmlns='urn:q'/></iq>");
    let reply = request.error_reply(Condition::Forbidden).unwrap();
    assert!(reply.child(ns::CLIENT, "error").is_some());
    // covers 6120-8.2.3-02
    assert!(reply.payload().is_some());
    // covers 3920-9.3.1-02
    assert_eq!(reply.children().count(), 2);
    // covers 3920-9.3.2-01: of requests, not of what somebody wrote for somebody else
    assert_eq!(reply.payload().map(|payload| payload.to_element()), Some(read("<q xmlns='urn:q'/>")));
}

#[test]
fn r6120_8_01_a_stanza_counts_once_it_is_whole() {
    let text = "<message><body>Art thou not Romeo</body></message>";
    let mut server = online_server(open_server());
    for byte in text.as_bytes()[..text.len() - 1].iter() {
        server.feed([*byte]);
        assert!(server.stanzas.is_empty());
    }
    server.cut();
    assert!(server.stanzas.is_empty());

    let [mut slow, mut quick] = [(); 2].map(|()| online_server(open_server()));
    for part in text.as_bytes().chunks(7) {
        slow.sleep(std::time::Duration::from_secs(20));
        slow.feed(part);
    }
    quick.feed(text);
    // covers 6120-8-02: slowly, it is the same stanza
    assert_eq!(slow.stanzas, quick.stanzas);
    assert_eq!(quick.stanzas.len(), 1);
}

#[test]
fn r6120_8_4_02_own_stanzas_have_no_attributes_of_others() {
    let names = |stanza: &Stanza| {
        let element = read(&stanza.to_string());
        let names: Vec<String> = element.attrs().map(|attr| format!("{}{}", attr.ns, attr.name)).collect();
        assert!(
            element
                .children()
                .filter(|child| child.ns() == ns::CLIENT)
                .all(|child| child.attrs().count() == 0)
        );
        names
    };
    let to = jid("romeo@example.net");
    let message = Message::chat(to.clone()).with_id("1").with_body("a").with_subject("b").with_thread("c");
    assert_eq!(names(&message.into()), ["to", "id", "type"]);
    let away = Presence::available()
        .with_to(to.clone())
        .with_show(Some(Show::Away))
        .with_status("s")
        .with_priority(1);
    assert_eq!(names(&away.into()), ["to"]);
    assert_eq!(names(&Iq::get("1", ping()).with_to(to).into()), ["to", "id", "type"]);
}

#[test]
fn r6120_8_4_03_a_stanza_declares_what_it_uses() {
    let content = "<x:a><x:b xmlns:y='urn:y' y:l='w'/></x:a><body>b</body>";
    let element = read(&format!("<message xmlns:x='urn:x' x:k='v'>{content}</message>"));
    // What is written reads as the same on a stream that declares nothing of the kind.
    assert_eq!(read(&Stanza::parse(&element).unwrap().to_string()), element);
    // Whoever relies on the stream's header to declare it is refused.
    let mut server = server(open_server());
    let header = CLIENT_HEADER.replace(" xmlns=", " xmlns:x='urn:x' xmlns=");
    for part in [header.as_str(), AUTH_PLAIN, header.as_str(), BIND] {
        server.feed(part);
    }
    assert_eq!(server.feed(format!("<message>{content}</message>")), stream_error("invalid-namespace"));
    assert!(server.stanzas.is_empty());

    let content = "<a xmlns='urn:x'><b z:l='w' xmlns:z='urn:y'/></a><body>b</body>";
    let other = read(&format!("<message xmlns:q='urn:x' q:k='v'>{content}</message>"));
    // covers 6120-8.4-05
    assert_eq!(Stanza::parse(&other), Stanza::parse(&element));
}

#[test]
fn r6120_8_4_06_what_is_not_understood_means_nothing() {
    let unknown = message(
        "<message xmlns:u='urn:u' u:type='chat' u:to='a@b' new='1'>\
         <body xmlns='urn:u'>no</body><subject xmlns=''>no</subject><u:thread>no</u:thread></message>",
    );
    assert_eq!((unknown.type_(), unknown.to()), (MessageType::Normal, None));
    assert_eq!((unknown.body(), unknown.subject(), unknown.thread()), (None, None, None));
    let mixed = message("<message><u xmlns='urn:u'><body>no</body></u><body>yes</body></message>");
    // covers 6120-8.4-09
    assert_eq!(mixed.body().as_deref(), Some("yes"));
    let mixed = presence("<presence><show xmlns='urn:u'>dnd</show><show>away</show></presence>");
    assert_eq!(mixed.show(), Some(Show::Away));
}

#[test]
fn r6120_8_4_07_a_client_does_not_answer_a_message_that_it_does_not_understand() {
    let mut client = online_client(open_client());
    assert_eq!(client.feed("<message from='romeo@example.net'><u xmlns='urn:u'/></message>"), "");
    assert!(!client.over);
    let unknown = presence("<presence><show xmlns='urn:u'>dnd</show></presence>");
    let empty = presence("<presence/>");
    // covers 6120-8.4-08
    assert_eq!(
        (unknown.type_(), unknown.show(), unknown.priority()),
        (empty.type_(), empty.show(), empty.priority())
    );
    assert_eq!(unknown.status(), None);
}
