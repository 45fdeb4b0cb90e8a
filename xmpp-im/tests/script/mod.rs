//! Stanzas in a line each, as a story tells them.
#![allow(dead_code, reason = "each story needs something else of it")]

use xmpp_core::stanza::{Iq, IqType, Presence, PresenceType, Stanza};
use xmpp_core::xml::ns;

/// `subscribe user@example.com > contact@example.org`, `push contact@example.org none ask name=MyContact group=MyBuddies`, `result set1`.
pub(crate) fn line(stanza: &Stanza) -> String {
    match stanza {
        Stanza::Presence(presence) => told(presence),
        Stanza::Iq(iq) => answered(iq),
        Stanza::Message(message) => format!("message {}", message.body().unwrap_or_default()),
    }
}

pub(crate) fn lines<'a>(stanzas: impl IntoIterator<Item = &'a Stanza>) -> Vec<String> {
    stanzas.into_iter().map(line).collect()
}

fn told(presence: &Presence) -> String {
    let what = match presence.type_() {
        PresenceType::Available => "available",
        other => other.name().unwrap(),
    };
    let address = |jid: Option<&xmpp_core::jid::Jid>| jid.map_or("-".into(), ToString::to_string);
    let mut line = format!("{what} {} > {}", address(presence.from()), address(presence.to()));
    if let Some(error) = presence.error() {
        line += &format!(" {}", error.condition().name());
    }
    if let Some(show) = presence.show() {
        line += &format!(" {}", show.name());
    }
    if let Some(status) = presence.status() {
        line += &format!(" '{status}'");
    }
    line
}

fn answered(iq: &Iq) -> String {
    let id = iq.id();
    match (iq.type_(), iq.payload()) {
        (IqType::Set, Some(query)) if query.is(ns::ROSTER, "query") => {
            let item = query.child(ns::ROSTER, "item").unwrap();
            let mut line =
                format!("push {} {}", item.attr("jid").unwrap(), item.attr("subscription").unwrap());
            if item.attr("ask") == Some("subscribe") {
                line += " ask";
            }
            if item.attr("approved") == Some("true") {
                line += " approved";
            }
            if let Some(name) = item.attr("name") {
                line += &format!(" name={name}");
            }
            for group in item.children() {
                line += &format!(" group={}", group.text());
            }
            line
        }
        (IqType::Error, _) => {
            let error = Stanza::Iq(iq.clone()).error().unwrap();
            format!("error {id} {}", error.condition().name())
        }
        (IqType::Result, None) => format!("result {id}"),
        (type_, payload) => {
            format!("{} {id} {:?}", type_.name(), payload.map(|payload| payload.name().to_string()))
        }
    }
}
