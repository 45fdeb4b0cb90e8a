//! Stanzas as they come and go on streams.

mod errors;
mod kinds;
mod replies;
mod round_trip;

use std::format;
use std::string::String;

use super::*;
use crate::limits::XmlLimits;
use crate::xml::{Frame, Reader};

/// Reads the element that `text` is on a stream of that content namespace.
fn read_on(content_ns: &str, text: &str) -> Element {
    let mut reader = Reader::new(XmlLimits::client());
    let streams = ns::STREAMS;
    reader.push(format!("<stream:stream xmlns='{content_ns}' xmlns:stream='{streams}'>").as_bytes());
    assert!(matches!(reader.next(), Ok(Some(Frame::Header(_)))));
    reader.push(text.as_bytes());
    match reader.next() {
        Ok(Some(Frame::Element(element))) => element,
        other => panic!("{other:?}: {text}"),
    }
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
