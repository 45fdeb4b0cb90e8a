//! The blocking command: addresses to hear nothing from and say nothing to (XEP-0191), as a face of [privacy lists](crate::privacy).
//!
//! - sections 3.2 to 3.5: [`Command`], [`query`] and [`blocklist`], for clients and servers
//! - section 3.3: [`error`], what a user gets who writes to somebody blocked
//! - section 5: the blocklist is what the default privacy list denies wholly; see [`List::blocked`](crate::privacy::List::blocked)
//!
//! It does not cancel subscriptions, which section 4 calls polite.
//!
//! ```
//! use xmpp_core::jid::Jid;
//! use xmpp_im::blocking::Command;
//! use xmpp_im::limits::HostLimits;
//!
//! let command = Command::Block(vec![Jid::new("romeo@montague.net")?]);
//! let element = command.to_element();
//! assert_eq!(element.to_string(), "<block xmlns='urn:xmpp:blocking'><item jid='romeo@montague.net'/></block>");
//! assert_eq!(Command::parse(element.as_ref(), &HostLimits::new()), Ok(command));
//! # Ok::<(), xmpp_core::jid::JidError>(())
//! ```

use alloc::vec::Vec;

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, ErrorType, StanzaError};
use xmpp_core::xml::{Element, ElementRef, ns};

use crate::limits::HostLimits;

/// What a client wants changed, and what the others are told by a push: the content of an iq set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// These are to be blocked, at least one.
    Block(Vec<Jid>),
    /// These are no longer to be blocked, at least one.
    Unblock(Vec<Jid>),
    /// Nobody is to be blocked any more.
    UnblockAll,
}

impl Command {
    /// Reads a `<block/>` or an `<unblock/>`.
    ///
    /// # Errors
    /// `bad-request` for a block without items (XEP-0191 section 3.3), an unblock that has children and no items, an item without address, and any
    /// other element; `jid-malformed` for an address that is none; `not-acceptable` for more items than a privacy list may have.
    pub fn parse(payload: ElementRef<'_>, limits: &HostLimits) -> Result<Self, StanzaError> {
        let error = |condition| Err(StanzaError::new(condition));
        let items = || payload.children().filter(|child| child.is(ns::BLOCKING, "item"));
        let command = match payload.name() {
            "block" if payload.ns() == ns::BLOCKING => Command::Block,
            "unblock" if payload.ns() == ns::BLOCKING => Command::Unblock,
            _ => return error(Condition::BadRequest),
        };
        let count = items().count();
        match payload.name() {
            // What is not understood is not "all".
            "unblock" if payload.children().next().is_none() => Ok(Command::UnblockAll),
            _ if count == 0 => error(Condition::BadRequest),
            _ if count > limits.privacy_items() => error(Condition::NotAcceptable),
            _ => items().map(address).collect::<Result<_, _>>().map(command).map_err(StanzaError::new),
        }
    }

    /// The `<block/>` or `<unblock/>`.
    #[must_use]
    pub fn to_element(&self) -> Element {
        match self {
            Command::Block(jids) => element("block", jids),
            Command::Unblock(jids) => element("unblock", jids),
            Command::UnblockAll => element("unblock", []),
        }
    }
}

/// What asks for the blocklist: the content of an iq get.
#[must_use]
pub fn query() -> Element {
    blocklist([])
}

/// The `<blocklist/>` that answers it.
#[must_use]
pub fn blocklist<'a>(jids: impl IntoIterator<Item = &'a Jid>) -> Element {
    element("blocklist", jids)
}

/// Reads a `<blocklist/>`: none if it is another element or an item has no address.
#[must_use]
pub fn parse_blocklist(answer: ElementRef<'_>) -> Option<Vec<Jid>> {
    let items = answer.children().filter(|child| child.is(ns::BLOCKING, "item"));
    answer.is(ns::BLOCKING, "blocklist").then(|| items.map(|item| address(item).ok()).collect())?
}

/// What a user gets who writes to somebody blocked (XEP-0191 section 3.3).
#[must_use]
pub fn error() -> StanzaError {
    // The type is the text's: nothing about the stanza could be changed to make it acceptable.
    StanzaError::new(Condition::NotAcceptable)
        .with_type(ErrorType::Cancel)
        .with_application(Element::builder(ns::BLOCKING_ERRORS, "blocked").build())
}

/// Whether an error says that the user has blocked whom the stanza was for.
#[must_use]
pub fn is_blocked(error: &StanzaError) -> bool {
    error.application().is_some_and(|condition| condition.is(ns::BLOCKING_ERRORS, "blocked"))
}

fn address(item: ElementRef<'_>) -> Result<Jid, Condition> {
    let jid = item.attr("jid").ok_or(Condition::BadRequest)?;
    Jid::new(jid).map_err(|_| Condition::JidMalformed)
}

fn element<'a>(name: &str, jids: impl IntoIterator<Item = &'a Jid>) -> Element {
    let items =
        jids.into_iter().map(|jid| Element::builder(ns::BLOCKING, "item").attr("jid", jid.as_str()).build());
    Element::builder(ns::BLOCKING, name).children(items).build()
}

#[cfg(test)]
mod tests;
