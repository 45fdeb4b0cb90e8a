//! Stanzas as they come and go on streams.

mod errors;
mod kinds;
mod replies;
mod round_trip;

use std::format;
use std::string::String;

use rxml::{Event, Parse};

use super::*;
use crate::xml::Builder;

/// Reads the element that `text` is on a stream of that content namespace.
fn read_on(content_ns: &str, text: &str) -> Element {
    let stream = format!(
        "<?xml version='1.0'?><stream:stream xmlns='{content_ns}' xmlns:stream='{}'>{text}</stream:stream>",
        ns::STREAMS
    );
    let mut bytes = stream.as_bytes();
    let mut parser = rxml::Parser::new();
    let mut open: std::vec::Vec<Builder> = std::vec::Vec::new();
    while let Some(event) = parser.parse(&mut bytes, true).unwrap() {
        match event {
            Event::XmlDeclaration(..) => {}
            Event::StartElement(_, (ns, name), attrs) => {
                let element = Element::builder(ns.as_str(), name.as_str());
                open.push(attrs.iter().fold(element, |element, ((ns, name), value)| {
                    element.attr_ns(ns.as_str(), name.as_str(), value.as_str())
                }));
            }
            Event::Text(_, text) => {
                let element = open.pop().unwrap();
                open.push(element.text(text.as_str()));
            }
            Event::EndElement(_) => {
                let element = open.pop().unwrap().try_build().unwrap();
                match open.pop() {
                    Some(parent) => open.push(parent.child(element)),
                    None => return element.children().next().unwrap().to_element(),
                }
            }
        }
    }
    panic!("not one element: {text}")
}

fn read(text: &str) -> Element {
    read_on(ns::CLIENT, text)
}

fn stanza(text: &str) -> Stanza {
    Stanza::parse(&read(text)).unwrap()
}

fn message(text: &str) -> Message {
    match stanza(text) {
        Stanza::Message(message) => message,
        other => panic!("{other}"),
    }
}

fn presence(text: &str) -> Presence {
    match stanza(text) {
        Stanza::Presence(presence) => presence,
        other => panic!("{other}"),
    }
}

fn iq(text: &str) -> Iq {
    match stanza(text) {
        Stanza::Iq(iq) => iq,
        other => panic!("{other}"),
    }
}

fn malformed(text: &str) -> Malformed {
    Stanza::parse(&read(text)).unwrap_err()
}

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn written_on(content_ns: &'static str, stanza: &Stanza) -> String {
    let mut out = String::new();
    stanza.write(&mut out, content_ns);
    out
}
