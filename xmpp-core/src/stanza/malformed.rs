//! Stanzas that break the rules for stanzas: each is answered or dropped, and the stream lives.

use alloc::boxed::Box;
use core::fmt;

use super::condition::Condition;
use super::header::Header;
use super::payload::Payload;
use super::{Iq, IqType, Kind, Message, MessageType, Presence, PresenceType, Stanza, StanzaError, reply};

/// The rule that a stanza breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The element is none of the three stanzas.
    NotAStanza,
    /// `to` is not an address (RFC 6120 section 8.3.3.8).
    To,
    /// `from` is not an address (RFC 6120 section 8.3.3.8).
    From,
    /// An iq without an id (RFC 6120 section 8.2.3 rule 1).
    NoId,
    /// An iq without a type or of one that does not exist (RFC 6120 section 8.2.3 rule 2), or presence of a type that does
    /// not exist (RFC 6121 section 4.7.1).
    Type,
    /// A request that does not have exactly one element, or none of an extension (RFC 6120 sections 8.2.3 rule 5 and 8.4).
    Children,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Fault::NotAStanza => "not a message, presence or iq",
            Fault::To => "the address in 'to' is malformed",
            Fault::From => "the address in 'from' is malformed",
            Fault::NoId => "an iq without an id",
            Fault::Type => "the type does not exist",
            Fault::Children => "a request without exactly one element of an extension",
        })
    }
}

/// A stanza that breaks the rules for stanzas.
///
/// ```
/// use xmpp_core::stanza::{Condition, Stanza};
/// use xmpp_core::xml::{Element, ns};
///
/// let element = Element::builder(ns::CLIENT, "message").attr("to", "@example.com").attr("id", "1").build();
/// let malformed = Stanza::parse(&element).unwrap_err();
/// assert_eq!(malformed.condition(), Condition::JidMalformed);
/// assert_eq!(
///     malformed.reply().unwrap().to_string(),
///     "<message id='1' type='error'><error type='modify'>\
///      <jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    fault: Fault,
    reply: Option<Box<Stanza>>,
}

impl Malformed {
    pub(super) const NOT_A_STANZA: Malformed = Malformed { fault: Fault::NotAStanza, reply: None };

    /// `header` is that of the stanza, without the addresses that are none. Nothing of the content goes back: RFC 6120
    /// section 8.3.1 rule 6 keeps what is malformed from being repeated.
    pub(super) fn new(fault: Fault, kind: Kind, header: &Header, answered: bool) -> Self {
        let mut malformed = Malformed { fault, reply: None };
        if answered {
            let payload: Payload = reply::error(&StanzaError::new(malformed.condition()), None);
            let mut header = header.reply();
            if kind == Kind::Iq && header.id.is_none() {
                // RFC 6120 section 8.2.3 rule 3: empty if the request had none.
                header.set_id(Some(""));
            }
            malformed.reply = Some(Box::new(match kind {
                Kind::Message => Message::from_parts(Some(MessageType::Error), header, payload).into(),
                Kind::Presence => Presence::from_parts(PresenceType::Error, header, payload).into(),
                Kind::Iq => Iq::from_parts(IqType::Error, header, payload).into(),
            }));
        }
        malformed
    }

    /// The rule it breaks.
    #[must_use]
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// The condition its sender is told.
    #[must_use]
    pub const fn condition(&self) -> Condition {
        match self.fault {
            Fault::To | Fault::From => Condition::JidMalformed,
            _ => Condition::BadRequest,
        }
    }

    /// The error stanza for its sender, whose addresses are those of the malformed one as far as they are addresses. None if
    /// it must not be answered, since it is itself an error or a result (RFC 6120 section 8.3.1 rule 8): it is dropped.
    ///
    /// It belongs on the stream that the malformed one came by, and is not to be routed: nobody has checked its addresses.
    #[must_use]
    pub fn reply(&self) -> Option<Stanza> {
        self.reply.as_deref().cloned()
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.fault, f)
    }
}

impl core::error::Error for Malformed {}
