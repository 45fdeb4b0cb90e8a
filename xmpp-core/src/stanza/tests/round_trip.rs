//! What is written reads back as the same stanza, and so does every error.

use std::string::ToString;
use std::vec;
use std::vec::Vec;

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{Select, select};

use super::*;

/// [`select`] with its element type spelt out.
fn among<T: Clone + core::fmt::Debug + 'static>(values: Vec<T>) -> Select<T> {
    select(values)
}

/// Text with what XML escapes, normalises or cannot carry.
fn text() -> impl Strategy<Value = String> {
    proptest::collection::vec(
        among(vec![
            "<",
            ">",
            "&",
            "'",
            "\"",
            "]]>",
            "\r",
            "\n",
            "\t",
            " ",
            "a",
            "é",
            "\u{1F600}",
            "\0",
            "xmlns",
        ]),
        0..8,
    )
    .prop_map(|parts| parts.concat())
}

fn address() -> impl Strategy<Value = Jid> {
    among(vec!["example.com", "romeo@example.net", "bücher.example/'&<", "ж@example.org/😀 x", "[::1]"])
        .prop_map(jid)
}

fn namespace() -> impl Strategy<Value = &'static str> {
    among(vec!["", ns::CLIENT, ns::SERVER, ns::STREAMS, ns::STANZA_ERRORS, "urn:a", "urn:'<&"])
}

fn element() -> impl Strategy<Value = Element> {
    let leaf = (namespace(), among(vec!["a", "body", "error", "priority"]), text(), of(text())).prop_map(
        |(ns, name, text, attr)| {
            Element::builder(ns, name).text(&text).maybe_attr("k", attr.as_deref()).build()
        },
    );
    leaf.prop_recursive(3, 12, 3, |inner| {
        (namespace(), proptest::collection::vec(inner, 0..3), of(text())).prop_map(|(ns, children, lang)| {
            // In the order in which the parser gives attributes, so that the text can be compared too.
            let builder = Element::builder(ns, "x").children(children);
            let builder = match lang {
                Some(lang) => builder.lang(&lang),
                None => builder,
            };
            builder.attr_ns("urn:k", "k", "1").build()
        })
    })
}

/// What a request can be about.
fn extension() -> impl Strategy<Value = Element> {
    element().prop_filter("of an extension", |element| !matches!(element.ns(), ns::CLIENT | ns::SERVER))
}

fn error() -> impl Strategy<Value = StanzaError> {
    (
        among(Condition::ALL.to_vec()),
        of(among(vec![ErrorType::Cancel, ErrorType::Continue, ErrorType::Wait])),
        of(address()),
        of("[ -~]{0,9}"),
        of("[ -~]{0,9}"),
        of(element()),
    )
        .prop_map(|(condition, type_, by, address, text, application)| {
            let mut error = StanzaError::new(condition);
            if let Some(type_) = type_ {
                error = error.with_type(type_);
            }
            if let Some(by) = by {
                error = error.with_by(by);
            }
            if let Some(address) = address {
                error = error.with_address(&address);
            }
            if let Some(text) = text {
                error = error.with_text("en", &text);
            }
            if let Some(application) = application {
                error = error.with_application(application);
            }
            error
        })
}

fn bare() -> impl Strategy<Value = Stanza> {
    let show = among(vec![None, Some(Show::Away), Some(Show::Chat), Some(Show::Dnd), Some(Show::Xa)]);
    prop_oneof![
        (among(vec!["normal", "chat", "groupchat", "headline", "error"]), of(text()), of(text()), of(text()))
            .prop_map(|(type_, body, subject, thread)| {
                let mut message = Message::new(MessageType::from_name(type_).unwrap());
                if let Some(body) = body {
                    message = message.with_body(&body).with_body_in("de", &body);
                }
                if let Some(subject) = subject {
                    message = message.with_subject(&subject);
                }
                if let Some(thread) = thread {
                    message = message.with_thread(&thread);
                }
                message.into()
            }),
        (among(vec!["unavailable", "subscribe", "probe", "error", "-"]), show, any::<i8>(), text()).prop_map(
            |(type_, show, priority, status)| {
                let type_ = PresenceType::from_name(type_).unwrap_or(PresenceType::Available);
                Presence::new(type_).with_show(show).with_priority(priority).with_status(&status).into()
            }
        ),
        (extension(), text(), any::<bool>()).prop_map(|(payload, id, get)| {
            if get { Iq::get(&id, payload) } else { Iq::set(&id, payload) }.into()
        }),
        (element(), error(), 0..3).prop_map(|(payload, error, what)| {
            let request = Iq::get("1", payload.clone());
            match what {
                0 => request.result_reply(Some(payload)),
                1 => request.result_reply(None),
                _ => request.error_reply(error).unwrap(),
            }
            .into()
        }),
    ]
}

fn any_stanza() -> impl Strategy<Value = Stanza> {
    (bare(), of(address()), of(address()), of(text()), of(text()), proptest::collection::vec(element(), 0..3))
        .prop_map(|(mut stanza, to, from, id, lang, children)| {
            stanza.set_to(to);
            stanza.set_from(from);
            if id.is_some() {
                stanza.set_id(id.as_deref());
            }
            stanza.set_lang(lang.as_deref());
            children.into_iter().fold(stanza, |stanza, child| match stanza {
                Stanza::Message(message) => message.with_child(child).into(),
                Stanza::Presence(presence) => presence.with_child(child).into(),
                iq @ Stanza::Iq(_) => iq,
            })
        })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(stanza in any_stanza()) {
        for content_ns in [ns::CLIENT, ns::SERVER] {
            let written = written_on(content_ns, &stanza);
            let read = Stanza::parse(&read_on(content_ns, &written));
            prop_assert_eq!(read.as_ref(), Ok(&stanza), "{}", written);
            // Written again it is the same text: nothing is left out or added on the way.
            prop_assert_eq!(written_on(content_ns, &read.unwrap()), written);
        }
    }

    #[test]
    fn errors_read_back(error in error()) {
        prop_assert_eq!(StanzaError::parse(error.to_element().as_ref()), error);
    }

    #[test]
    fn replies_are_never_answered(stanza in any_stanza(), error in error()) {
        if let Some(reply) = stanza.error_reply(error.clone()) {
            prop_assert!(!stanza.is_error());
            prop_assert_eq!(reply.error(), Some(error.clone()));
            prop_assert_eq!(reply.error_reply(error), None);
            let read = Stanza::parse(&read(&reply.to_string()));
            prop_assert_eq!(read, Ok(reply));
        }
    }

    /// Whatever element comes: a stanza that reads back, or a fault whose answer is a stanza that reads back.
    #[test]
    fn any_element_is_a_stanza_or_a_fault(
        name in among(vec!["message", "presence", "iq", "other"]),
        content_ns in among(vec![ns::CLIENT, ns::SERVER, ""]),
        attrs in proptest::collection::vec(
            (among(vec!["to", "from", "id", "type", "lang"]),
             among(vec!["", "a@b", "@", "get", "set", "result", "error", "chat", "probe", "1"])), 0..5),
        children in proptest::collection::vec(element(), 0..3),
    ) {
        let element = attrs
            .iter()
            .fold(Element::builder(content_ns, name), |element, (name, value)| element.attr(name, value))
            .children(children)
            .build();
        let type_ = element.attr("type").unwrap_or_default();
        match Stanza::parse(&element) {
            Ok(stanza) => {
                prop_assert!(Stanza::is_stanza(&element));
                prop_assert_eq!(Stanza::parse(&read(&stanza.to_string())), Ok(stanza));
            }
            Err(malformed) => {
                let dropped = !Stanza::is_stanza(&element) || type_ == "error" || (name == "iq" && type_ == "result");
                prop_assert_eq!(malformed.reply().is_none(), dropped);
                if let Some(reply) = malformed.reply() {
                    prop_assert_eq!(reply.error().map(|error| error.condition()), Some(malformed.condition()));
                    let read = Stanza::parse(&read(&reply.to_string()));
                    prop_assert_eq!(read, Ok(reply));
                }
            }
        }
    }
}

#[test]
fn strategies_reach_every_kind() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let kinds: Vec<Kind> = (0..64)
        .map(|_| {
            use proptest::strategy::ValueTree;
            any_stanza().new_tree(&mut runner).unwrap().current().kind()
        })
        .collect();
    for kind in [Kind::Message, Kind::Presence, Kind::Iq] {
        assert!(kinds.contains(&kind));
    }
}
