//! Whether what a client says of itself is well said (RFC 3921 section 2.2.2, RFC 6121 section 4.7.2).

use alloc::collections::BTreeSet;
use core::fmt;

use xmpp_core::stanza::{Condition, Presence, StanzaError};
use xmpp_core::xml::{ElementRef, NodeRef, ns};

/// What is wrong with presence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// More than one `<show/>`, or one that is not `away`, `chat`, `dnd` or `xa`.
    Show,
    /// Two `<status/>` in one language, or one with elements inside.
    Status,
    /// More than one `<priority/>`, or one that is not an integer from -128 to 127.
    Priority,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::Show => "the show is not one of away, chat, dnd and xa",
            Fault::Status => "there is more than one status in a language, or one that is not text",
            Fault::Priority => "the priority is not one integer from -128 to 127",
        })
    }
}

impl core::error::Error for Fault {}

impl From<Fault> for StanzaError {
    fn from(_: Fault) -> Self {
        Condition::BadRequest.into()
    }
}

/// Reads the available presence of a client, which goes to all of its contacts: the priority of the resource.
///
/// A server need not pass on what nobody may send, and those who get it need not find out what it means. Of unavailable presence nothing is asked:
/// it has to take effect.
///
/// # Errors
/// What is wrong with it: its sender gets `bad-request`.
pub fn check(presence: &Presence) -> Result<i8, Fault> {
    let own = |name| presence.children().filter(move |child| child.is(ns::CLIENT, name));
    let mut shows = own("show");
    match (shows.next(), shows.next()) {
        (None, _) => {}
        // An empty one, which some clients send, says as little as none.
        (Some(show), None)
            if is_text(show) && (show.text().bytes().all(is_space) || presence.show().is_some()) => {}
        (Some(_), _) => return Err(Fault::Show),
    }
    let mut languages = BTreeSet::new();
    for status in own("status") {
        let language = status.lang().or(presence.lang()).map(str::to_ascii_lowercase);
        if !is_text(status) || !languages.insert(language) {
            return Err(Fault::Status);
        }
    }
    if !own("priority").all(is_text) {
        return Err(Fault::Priority);
    }
    presence.priority().map_err(|_| Fault::Priority)
}

fn is_text(element: ElementRef<'_>) -> bool {
    element.nodes().all(|node| matches!(node, NodeRef::Text(_)))
}

/// What XML calls white space.
const fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}
