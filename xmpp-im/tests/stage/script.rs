//! Stanzas in a line each, as a story tells them.

use xmpp_core::stanza::{Iq, IqType, Presence, PresenceType, Stanza};
use xmpp_core::xml::ns;

use super::Stage;

/// `subscribe user@example.com > contact@example.org`, `push contact@example.org none ask name=MyContact group=MyBuddies`, `result set1`.
pub fn line(stanza: &Stanza) -> String {
    match stanza {
        Stanza::Presence(presence) => told(presence),
        Stanza::Iq(iq) => answered(iq),
        Stanza::Message(message) => format!("message {}", message.body().unwrap_or_default()),
    }
}

pub fn lines<'a>(stanzas: impl IntoIterator<Item = &'a Stanza>) -> Vec<String> {
    stanzas.into_iter().map(line).collect()
}

/// Asserts what a client was told since the last time.
#[track_caller]
pub fn got<const N: usize>(stage: &mut Stage, client: &str, expected: [&str; N]) {
    assert_eq!(lines(&stage.stanzas(client)), expected);
}

/// Asserts what left for servers that are not on the stage since the last time.
#[track_caller]
pub fn gone<const N: usize>(stage: &mut Stage, expected: [&str; N]) {
    assert_eq!(lines(&stage.gone_stanzas()), expected);
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
