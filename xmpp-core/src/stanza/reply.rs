//! What an error stanza contains (RFC 3920 section 9.3.1, RFC 6120 section 8.3.1).

use super::StanzaError;
use super::payload::Payload;
use crate::xml::{Element, ElementRef, ns};

/// Bytes of memory of a request that still comes back in the error that refuses it.
///
/// RFC 3920 sections 9.2.3 and 9.3.1 want the original back; RFC 6120 section 8.3.1 rule 6 allows it as a courtesy on which
/// nobody may depend, unless it does harm. Requests that programs make are small, and go back. A large one would cost a copy,
/// would let a sender without an address have us send as much as it sends, and could exceed the 10,000 bytes that are all a
/// recipient has to take (section 13.12), since one byte can become six when it is escaped. Messages and presence do not go
/// back: what they said is for their recipient, and who is not to be reached should not cost twice.
pub(super) const ECHO_MAX: usize = 1024;

/// The request's element, if it may come back. Only an extension may (RFC 6120 section 8.4 has requests hold nothing else):
/// an `<error/>` of the requester's would stand before ours and be taken for it.
pub(super) fn echo(payload: Option<ElementRef<'_>>, weight: usize) -> Option<Element> {
    payload.filter(|child| weight <= ECHO_MAX && !ns::is_content(child.ns())).map(ElementRef::to_element)
}

/// The content of an error stanza.
pub(super) fn error(error: &StanzaError, echo: Option<Element>) -> Payload {
    Payload::of(echo.into_iter().chain([error.to_element()]))
}
