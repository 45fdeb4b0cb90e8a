//! What an error stanza contains (RFC 3920 section 9.3.1, RFC 6120 section 8.3.1).

use super::StanzaError;
use super::payload::Payload;
use crate::xml::{Element, ElementRef};

/// Bytes of memory of a request that still comes back in the error that refuses it.
///
/// RFC 3920 sections 9.2.3 and 9.3.1 want the original back, RFC 6120 section 8.3.1 rule 6 allows it as a courtesy, unless it
/// does harm. It is given for the small requests that programs make; a large one would cost a copy, could be used to make us
/// send as much as we are sent, and could exceed the 10,000 bytes that are all a recipient has to take (section 13.12),
/// since what was one byte can be six when it is escaped.
pub(super) const ECHO_MAX: usize = 1024;

/// The request's element, if it may come back.
pub(super) fn echo(payload: Option<ElementRef<'_>>, weight: usize) -> Option<Element> {
    payload.filter(|_| weight <= ECHO_MAX).map(ElementRef::to_element)
}

/// The content of an error stanza.
pub(super) fn error(error: &StanzaError, echo: Option<Element>) -> Payload {
    Payload::of(echo.into_iter().chain([error.to_element()]))
}
