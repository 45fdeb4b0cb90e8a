//! What the three kinds say.

use std::string::ToString;
use std::vec::Vec;

use super::*;

#[test]
fn the_three_names_in_either_content_namespace_are_stanzas() {
    for name in ["message", "presence", "iq"] {
        assert!(Stanza::is_stanza(&Element::builder(ns::CLIENT, name).build()));
        assert!(Stanza::is_stanza(&Element::builder(ns::SERVER, name).build()));
        assert!(!Stanza::is_stanza(&Element::builder(ns::STREAMS, name).build()));
        assert!(!Stanza::is_stanza(&Element::builder("", name).build()));
    }
    let other = Element::builder(ns::CLIENT, "Message").build();
    assert!(!Stanza::is_stanza(&other));
    let malformed = Stanza::parse(&other).unwrap_err();
    assert_eq!((malformed.fault(), malformed.reply()), (Fault::NotAStanza, None));
    assert!(Stanza::parse(&Element::builder("urn:example", "iq").build()).is_err());
}

#[test]
fn r3920_9_1_the_header_is_read_and_changed_without_the_payload() {
    let text = "<message to='Juliet@Example.com/balcony' from='romeo@example.net' id='7' type='chat' \
                xml:lang='en'><body>a</body></message>";
    let mut stanza = stanza(text);
    assert_eq!(stanza.kind(), Kind::Message);
    assert_eq!(stanza.to(), Some(&jid("juliet@example.com/balcony")));
    assert_eq!(stanza.from(), Some(&jid("romeo@example.net")));
    assert_eq!((stanza.id(), stanza.lang()), (Some("7"), Some("en")));

    stanza.set_from(Some(jid("romeo@example.net/orchard")));
    stanza.set_to(None);
    stanza.set_id(Some("a'b"));
    stanza.set_lang(None);
    assert_eq!(
        stanza.to_string(),
        "<message from='romeo@example.net/orchard' id='a&apos;b' type='chat'><body>a</body></message>"
    );
}

#[test]
fn clones_share_the_payload() {
    let body = "x".repeat(10_000);
    let original = Message::chat(jid("a@example.com")).with_body(&body);
    let copy = original.clone().with_to(jid("b@example.com")).with_id("1");
    let text = |message: &Message| message.child(ns::CLIENT, "body").unwrap().text().as_ptr();
    assert_eq!(text(&original), text(&copy));
    assert!(original.weight() > 10_000);
    assert!(Presence::available().weight() < 256);
}

#[test]
fn equality_is_by_meaning() {
    let parsed = stanza("<message to='a@example.com' type='chat' id='1'><body>hi</body></message>");
    let built = Message::chat(jid("a@example.com")).with_id("1").with_body("hi");
    assert_eq!(parsed, built.clone().into());
    for other in [
        built.clone().with_id("2"),
        built.clone().with_to(jid("b@example.com")),
        built.clone().with_from(jid("b@example.com")),
        built.clone().with_lang("en"),
        built.clone().with_body("ho"),
        built.with_child(Element::builder("urn:x", "x").build()),
    ] {
        assert_ne!(parsed, other.into());
    }
    assert_eq!(stanza("<presence></presence>"), Presence::available().into());
}

#[test]
fn r3921_2_1_1_02_message_types() {
    for (name, type_) in [
        ("chat", MessageType::Chat),
        ("error", MessageType::Error),
        ("groupchat", MessageType::Groupchat),
        ("headline", MessageType::Headline),
        ("normal", MessageType::Normal),
    ] {
        let message = message(&format!("<message type='{name}'/>"));
        assert_eq!((message.type_(), type_.name()), (type_, name));
        assert_eq!(message.to_string(), format!("<message type='{name}'/>"));
        assert_eq!(Message::new(type_).to_string(), message.to_string());
    }
}

#[test]
fn r3921_2_1_1_09_a_missing_or_unknown_message_type_is_normal() {
    for text in ["<message/>", "<message type='Chat'/>", "<message type=''/>", "<message type='get'/>"] {
        let message = message(text);
        assert_eq!(message.type_(), MessageType::Normal);
        assert_eq!(message, Message::new(MessageType::Normal));
        assert_eq!(message.to_string(), "<message/>");
    }
}

#[test]
fn r6121_5_2_texts_of_a_message() {
    let message = message(
        "<message type='chat' xml:lang='en'>\
         <subject>Ask</subject><subject xml:lang='cs'>Prosím</subject>\
         <body>Where</body><body xml:lang='de-CH'>Wo</body>\
         <body xmlns='urn:other'>no</body>\
         <thread parent='p'>t 1</thread></message>",
    );
    assert_eq!(message.subject().as_deref(), Some("Ask"));
    assert_eq!(message.subject_for("CS").as_deref(), Some("Prosím"));
    assert_eq!(message.body().as_deref(), Some("Where"));
    assert_eq!(message.thread().as_deref(), Some("t 1"));
    assert_eq!(message.thread_parent(), Some("p"));
    for (lang, body) in [
        ("en", "Where"),
        ("EN-us", "Where"),
        ("de-ch", "Wo"),
        ("de-CH-1996", "Wo"),
        ("de-CH-x-private", "Wo"),
        ("de", "Where"),
        ("fr", "Where"),
        ("", "Where"),
        ("-", "Where"),
    ] {
        assert_eq!(message.body_for(lang).as_deref(), Some(body), "{lang}");
    }
    let empty = Message::new(MessageType::Normal);
    assert_eq!((empty.body(), empty.body_for("en"), empty.thread()), (None, None, None));
}

#[test]
fn r3921_2_1_2_2_03_a_body_replaces_the_one_in_its_language() {
    let message = Message::new(MessageType::Chat)
        .with_lang("en")
        .with_body("one")
        .with_body_in("de", "zwei")
        .with_body_in("EN", "three")
        .with_body_in("de", "vier")
        .with_thread("a")
        .with_thread("b")
        .with_subject("s");
    assert_eq!(
        message.to_string(),
        "<message xml:lang='en' type='chat'><body xml:lang='EN'>three</body><body xml:lang='de'>vier</body>\
         <thread>b</thread><subject>s</subject></message>"
    );
}

#[test]
fn r3921_2_2_1_02_presence_types() {
    for (name, type_) in [
        ("unavailable", PresenceType::Unavailable),
        ("subscribe", PresenceType::Subscribe),
        ("subscribed", PresenceType::Subscribed),
        ("unsubscribe", PresenceType::Unsubscribe),
        ("unsubscribed", PresenceType::Unsubscribed),
        ("probe", PresenceType::Probe),
        ("error", PresenceType::Error),
    ] {
        let presence = presence(&format!("<presence type='{name}'/>"));
        assert_eq!(presence.type_(), type_);
        assert_eq!(presence.to_string(), format!("<presence type='{name}'/>"));
        assert_eq!(type_.is_subscription(), name.contains("subscribe"));
    }
    assert_eq!(presence("<presence/>").type_(), PresenceType::Available);
}

#[test]
fn r6121_4_7_1_01_an_unknown_presence_type_is_a_bad_request() {
    for name in ["available", "", "Probe", "invisible"] {
        let malformed = malformed(&format!("<presence type='{name}' id='1' from='a@example.com/x'/>"));
        assert_eq!((malformed.fault(), malformed.condition()), (Fault::Type, Condition::BadRequest));
        assert_eq!(
            malformed.reply().unwrap().to_string(),
            "<presence to='a@example.com/x' id='1' type='error'><error type='modify'>\
             <bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>"
        );
    }
}

#[test]
fn r3921_2_2_2_1_04_show() {
    for (name, show) in [("away", Show::Away), ("chat", Show::Chat), ("dnd", Show::Dnd), ("xa", Show::Xa)] {
        assert_eq!(presence(&format!("<presence><show> {name}\n</show></presence>")).show(), Some(show));
        let built = Presence::available().with_show(Some(Show::Away)).with_show(Some(show));
        assert_eq!(built.to_string(), format!("<presence><show>{name}</show></presence>"));
        assert_eq!(built.with_show(None), Presence::available());
    }
    for text in ["<presence/>", "<presence><show/></presence>", "<presence><show>DND</show></presence>"] {
        assert_eq!(presence(text).show(), None);
    }
}

#[test]
fn r3921_2_2_2_2_03_status_by_language() {
    let presence = Presence::available().with_lang("en").with_status("Out").with_status_in("cs", "Venku");
    assert_eq!(presence.status().as_deref(), Some("Out"));
    assert_eq!(presence.status_for("cs").as_deref(), Some("Venku"));
    assert_eq!(presence.with_status("In").status_for("en-GB").as_deref(), Some("In"));
}

#[test]
fn r3921_2_2_2_3_02_priority_is_one_integer_from_minus_128_to_127() {
    for (text, priority) in [
        ("0", Ok(0)),
        ("-128", Ok(-128)),
        ("-129", Err(InvalidPriority)),
        ("127", Ok(127)),
        ("128", Err(InvalidPriority)),
        ("+5", Ok(5)),
        ("\n 007\t", Ok(7)),
        ("-0", Ok(0)),
        ("", Err(InvalidPriority)),
        ("+", Err(InvalidPriority)),
        ("1 2", Err(InvalidPriority)),
        ("1.0", Err(InvalidPriority)),
        ("\u{A0}1", Err(InvalidPriority)),
        ("\u{661}", Err(InvalidPriority)),
        ("99999999999999999999", Err(InvalidPriority)),
    ] {
        let presence = presence(&format!("<presence><priority>{text}</priority></presence>"));
        assert_eq!(presence.priority(), priority, "{text:?}");
    }
    let condition = StanzaError::from(InvalidPriority).condition();
    assert_eq!(condition, Condition::BadRequest);
}

#[test]
fn r3921_2_2_2_3_03_two_priorities_are_refused_and_never_made() {
    let two = presence("<presence><priority>1</priority><priority>1</priority></presence>");
    assert_eq!(two.priority(), Err(InvalidPriority));
    assert_eq!(two.with_priority(3).to_string(), "<presence><priority>3</priority></presence>");
}

#[test]
fn r6121_4_7_2_3_01_a_missing_priority_is_zero() {
    assert_eq!(presence("<presence/>").priority(), Ok(0));
    let other = "<presence><priority xmlns='urn:x'>9</priority></presence>";
    assert_eq!(presence(other).priority(), Ok(0));
    assert_eq!(Presence::available().with_priority(9).with_priority(0), Presence::available());
}

#[test]
fn r3920_9_2_3_01_an_iq_needs_an_id() {
    let malformed = malformed("<iq type='get' to='example.com'><q xmlns='urn:x'/></iq>");
    assert_eq!((malformed.fault(), malformed.condition()), (Fault::NoId, Condition::BadRequest));
    // RFC 6120 section 8.2.3 rule 3: the id of the answer is empty then.
    assert_eq!(
        malformed.reply().unwrap().to_string(),
        "<iq from='example.com' id='' type='error'><error type='modify'>\
         <bad-request xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    assert_eq!(iq("<iq type='get' id=''><q xmlns='urn:x'/></iq>").id(), "");
}

#[test]
fn r3920_9_2_3_03_an_iq_is_a_get_set_result_or_error() {
    let child = "<q xmlns='urn:x'/>";
    for (name, type_) in
        [("get", IqType::Get), ("set", IqType::Set), ("result", IqType::Result), ("error", IqType::Error)]
    {
        let text = format!("<iq id='1' type='{name}'>{child}</iq>");
        assert_eq!((iq(&text).type_(), iq(&text).to_string()), (type_, text));
    }
    for text in [
        format!("<iq id='1'>{child}</iq>"),
        format!("<iq id='1' type='Get'>{child}</iq>"),
        "<iq id='1' type='probe'/>".into(),
    ] {
        let malformed = malformed(&text);
        assert_eq!((malformed.fault(), malformed.condition()), (Fault::Type, Condition::BadRequest));
        assert_eq!(malformed.reply().unwrap().id(), Some("1"));
    }
}

#[test]
fn r3920_9_2_3_08_a_request_has_exactly_one_child() {
    let (a, b) = ("<a xmlns='urn:x'/>", "<b xmlns='urn:x'/>");
    for type_ in ["get", "set"] {
        for (content, good) in [
            ("", false),
            ("text", false),
            (a, true),
            (&*format!("\n {a} \n"), true),
            (&*format!("{a}{b}"), false),
            (&*format!("{a}<error/>"), false),
        ] {
            let parsed = Stanza::parse(&read(&format!("<iq id='1' type='{type_}'>{content}</iq>")));
            assert_eq!(parsed.is_ok(), good, "{content}");
            if let Err(malformed) = parsed {
                assert_eq!(malformed.fault(), Fault::Children);
                assert_eq!(malformed.reply().unwrap().error().unwrap().condition(), Condition::BadRequest);
            }
        }
    }
}

#[test]
fn r3920_9_2_3_09_a_result_has_at_most_one_child_and_more_are_not_looked_at() {
    assert!(iq("<iq id='1' type='result'/>").payload().is_none());
    let two = iq("<iq id='1' type='result'><a xmlns='urn:x'/><b xmlns='urn:x'/></iq>");
    assert!(two.payload().unwrap().is("urn:x", "a"));
}

#[test]
fn r6120_8_3_3_8_01_a_malformed_address_is_answered_without_it() {
    for (attributes, fault, reply) in [
        ("to='a@b@c' from='romeo@example.net/x'", Fault::To, "to='romeo@example.net/x' "),
        ("to='' from='romeo@example.net/x'", Fault::To, "to='romeo@example.net/x' "),
        ("to='example.com' from='@example.net'", Fault::From, "from='example.com' "),
        ("from='/' to='/'", Fault::To, ""),
        ("to='/' from='/'", Fault::To, ""),
    ] {
        for kind in ["message", "presence", "iq"] {
            // An address comes before other faults: the iq has no type and no child.
            let malformed = malformed(&format!("<{kind} {attributes} id='1'/>"));
            assert_eq!((malformed.fault(), malformed.condition()), (fault, Condition::JidMalformed));
            assert_eq!(
                malformed.reply().unwrap().to_string(),
                format!(
                    "<{kind} {reply}id='1' type='error'><error type='modify'>\
                     <jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></{kind}>"
                )
            );
        }
    }
}

#[test]
fn r6120_8_4_11_attributes_that_are_not_understood_are_passed_on() {
    let text = "<message to='a@example.com' xmlns:x='urn:x' x:a='1' x:to='2' later='3' xml:space='preserve' \
                xmlns:y='urn:y' y:a='4'><body>b</body></message>";
    let parsed = message(text);
    let built = message("<message to='a@example.com'><body>b</body></message>");
    assert_ne!(parsed, built);
    for changed in [parsed.clone(), parsed.clone().with_body("b"), parsed.clone().with_thread("t")] {
        let written = changed.to_string();
        let again = read(&written);
        for (ns, name, value) in [
            ("urn:x", "a", "1"),
            ("urn:x", "to", "2"),
            ("", "later", "3"),
            (ns::XML, "space", "preserve"),
            ("urn:y", "a", "4"),
        ] {
            assert_eq!(again.as_ref().attr_ns(ns, name), Some(value), "{written}");
        }
    }
    assert_eq!(message(&parsed.to_string()), parsed);
    let reply = parsed.error_reply(Condition::Gone).unwrap();
    assert!(!reply.to_string().contains("later"));
}

#[test]
fn r6120_8_4_11_content_is_passed_on_as_it_is() {
    let text = "<message type='normal'> <a xmlns='urn:x'><b xmlns=''>1</b></a>two<body/></message>";
    // covers 3921-2.4-09
    assert_eq!(stanza(text).to_string(), text);
    let children: Vec<_> = stanza(text).children().map(|child| child.name().to_string()).collect();
    assert_eq!(children, ["a", "body"]);
}

#[test]
fn a_stanza_changes_its_namespace_between_streams() {
    // What an extension quotes keeps its namespace.
    let forwarded =
        "<f xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>in</body></message></f>";
    let on_client = format!("<message type='chat'><body>out</body>{forwarded}</message>");
    let on_server = on_client.clone();
    let parsed = stanza(&on_client);
    assert_eq!(written_on(ns::CLIENT, &parsed), on_client);
    assert_eq!(written_on(ns::SERVER, &parsed), on_server);

    let from_server = Stanza::parse(&read_on(ns::SERVER, &on_server)).unwrap();
    assert_eq!(from_server, parsed);
    assert!(from_server.child(ns::CLIENT, "body").is_some());
}

#[test]
fn an_element_in_the_other_content_namespace_means_nothing_on_either_stream() {
    let disguised = "<message><body xmlns='jabber:server'>x</body></message>";
    let parsed = message(disguised);
    assert_eq!(parsed.body(), None);
    assert_eq!(parsed.to_string(), disguised);
    let on_server = written_on(ns::SERVER, &parsed.clone().into());
    assert_eq!(on_server, "<message><body xmlns='jabber:client'>x</body></message>");
    assert_eq!(Stanza::parse(&read_on(ns::SERVER, &on_server)), Ok(parsed.into()));
}

#[test]
fn ids_and_languages_can_always_be_written() {
    let mut stanza =
        Stanza::Message(Message::new(MessageType::Normal).with_id("a\0<\u{FFFF}'").with_lang("\u{1}"));
    assert_eq!(
        stanza.to_string(),
        "<message id='a\u{FFFD}&lt;\u{FFFD}&apos;' xml:lang='\u{FFFD}' type='normal'/>"
    );
    stanza.set_id(None);
    assert_eq!(stanza.id(), None);
    let mut iq = Stanza::Iq(Iq::get("1", Element::builder("urn:x", "x").build()));
    iq.set_id(None);
    assert_eq!(iq.id(), Some(""));
}

#[test]
fn sizes_stay_small() {
    // A server holds many of these at once.
    assert!(size_of::<Stanza>() <= 128, "{}", size_of::<Stanza>());
    assert!(size_of::<Malformed>() <= 16, "{}", size_of::<Malformed>());
    assert!(size_of::<StanzaError>() <= 16, "{}", size_of::<StanzaError>());
}
