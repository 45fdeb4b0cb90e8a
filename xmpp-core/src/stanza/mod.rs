//! Stanzas: messages, presence and requests as typed values, their errors, and the rules for answering.
//!
//! A stanza is a small header and a payload that its clones share: sending one to many resources changes headers only. What
//! is written comes from these two, never from the bytes that were read.
//!
//! - RFC 3920 section 9, RFC 6120 section 8: kinds, common attributes, iq semantics, errors
//! - RFC 3921 section 2, RFC 6121 sections 4.7 and 5.2: the content of messages and presence
//!
//! It does not route, stamp `from` or judge content: those are the rules of connections and of `xmpp-im`.
//!
//! ```
//! use xmpp_core::stanza::{Condition, Kind, Stanza};
//! use xmpp_core::xml::{Element, ns};
//!
//! let element = Element::builder(ns::CLIENT, "iq")
//!     .attr("type", "get")
//!     .attr("id", "v1")
//!     .attr("to", "example.com")
//!     .child(Element::builder("jabber:iq:version", "query").build())
//!     .build();
//! let stanza = Stanza::parse(&element)?;
//! assert_eq!((stanza.kind(), stanza.id()), (Kind::Iq, Some("v1")));
//!
//! let refusal = stanza.error_reply(Condition::ServiceUnavailable).unwrap();
//! assert_eq!(
//!     refusal.to_string(),
//!     "<iq from='example.com' id='v1' type='error'><query xmlns='jabber:iq:version'/>\
//!      <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
//! );
//! // An error is never answered with an error.
//! assert_eq!(refusal.error_reply(Condition::BadRequest), None);
//! # Ok::<(), xmpp_core::stanza::Malformed>(())
//! ```

mod condition;
mod error;
mod header;
mod iq;
mod malformed;
mod message;
mod parse;
mod payload;
mod presence;
mod reply;
mod text;
mod tracker;

use alloc::string::String;
use core::fmt;

pub use condition::{Condition, ErrorType};
pub use error::StanzaError;
pub use iq::{Iq, IqType};
pub use malformed::{Fault, Malformed};
pub use message::{Message, MessageType};
pub use presence::{InvalidPriority, Presence, PresenceType, Show};
pub use text::TextError;
pub use tracker::{RequestId, Tracker};

use header::Header;
use payload::Payload;

use crate::jid::Jid;
use crate::xml::{Element, ElementRef, Lang, ns};

/// The kinds of stanzas (RFC 6120 section 8.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Pushes information to an entity.
    Message,
    /// Broadcasts availability, or negotiates who sees it.
    Presence,
    /// A request or its response.
    Iq,
}

impl Kind {
    /// The name of the element.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Message => "message",
            Kind::Presence => "presence",
            Kind::Iq => "iq",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Message, Self::Presence, Self::Iq].into_iter().find(|kind| kind.name() == name)
    }
}

/// A stanza of any kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stanza {
    /// A push of information.
    Message(Message),
    /// Availability or a subscription.
    Presence(Presence),
    /// A request or its response.
    Iq(Iq),
}

impl Stanza {
    /// Whether the element is a stanza of a content namespace.
    #[must_use]
    pub fn is_stanza(element: &Element) -> bool {
        ns::is_content(element.ns()) && Kind::from_name(element.name()).is_some()
    }

    /// Reads a stanza of a content namespace; that it is the stream's has been checked before.
    ///
    /// # Errors
    /// [`Malformed`] says which rule it breaks and has the reply; the stream goes on.
    pub fn parse(element: &Element) -> Result<Self, Malformed> {
        parse::parse(element)
    }

    fn header(&self) -> &Header {
        match self {
            Stanza::Message(message) => &message.header,
            Stanza::Presence(presence) => &presence.header,
            Stanza::Iq(iq) => &iq.header,
        }
    }

    fn header_mut(&mut self) -> &mut Header {
        match self {
            Stanza::Message(message) => &mut message.header,
            Stanza::Presence(presence) => &mut presence.header,
            Stanza::Iq(iq) => &mut iq.header,
        }
    }

    fn payload(&self) -> &Payload {
        match self {
            Stanza::Message(message) => &message.payload,
            Stanza::Presence(presence) => &presence.payload,
            Stanza::Iq(iq) => &iq.payload,
        }
    }

    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Stanza::Message(_) => Kind::Message,
            Stanza::Presence(_) => Kind::Presence,
            Stanza::Iq(_) => Kind::Iq,
        }
    }

    /// Whom it is for (RFC 6120 section 8.1.1).
    #[must_use]
    pub fn to(&self) -> Option<&Jid> {
        self.header().to.as_ref()
    }

    /// Whom it is from (RFC 6120 section 8.1.2).
    #[must_use]
    pub fn from(&self) -> Option<&Jid> {
        self.header().from.as_ref()
    }

    /// The id (RFC 6120 section 8.1.3); an iq always has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.header().id.as_deref()
    }

    /// The language of its texts, unless they say otherwise (RFC 6120 section 8.1.5).
    #[must_use]
    pub fn lang(&self) -> Option<&str> {
        self.header().lang.as_deref()
    }

    /// Sets or removes the address it is for.
    pub fn set_to(&mut self, to: Option<Jid>) {
        self.header_mut().to = to;
    }

    /// Sets or removes the address it is from.
    pub fn set_from(&mut self, from: Option<Jid>) {
        self.header_mut().from = from;
    }

    /// Sets or removes the id, which for an iq becomes empty. Characters that XML cannot carry become U+FFFD.
    pub fn set_id(&mut self, id: Option<&str>) {
        let id = if self.kind() == Kind::Iq { Some(id.unwrap_or_default()) } else { id };
        self.header_mut().set_id(id);
    }

    /// Sets or removes the language, a tag of BCP 47 that is not checked here.
    pub fn set_lang(&mut self, lang: Option<&str>) {
        self.header_mut().set_lang(lang);
    }

    /// Without a language of its own it is in that of the stream it came by (RFC 6120 section 4.7.4), which would be lost on the next one.
    pub(crate) fn inherit_lang(&mut self, stream: Option<&Lang>) {
        if let Some(lang) = stream
            && self.lang().is_none()
        {
            self.set_lang(Some(lang.as_str()));
        }
    }

    /// Whether it is of type `error`.
    #[must_use]
    pub fn is_error(&self) -> bool {
        match self {
            Stanza::Message(message) => message.is_error(),
            Stanza::Presence(presence) => presence.is_error(),
            Stanza::Iq(iq) => iq.is_error(),
        }
    }

    /// What went wrong, if it is of type `error`; `undefined-condition` if it does not say.
    #[must_use]
    pub fn error(&self) -> Option<StanzaError> {
        self.is_error().then(|| self.payload().error())
    }

    /// The elements below it, in document order.
    pub fn children(&self) -> impl Iterator<Item = ElementRef<'_>> + Clone {
        self.payload().children()
    }

    /// The first element directly below it of that namespace and name. The namespace of the stanza's own elements is
    /// [`ns::CLIENT`], on a stream between servers too.
    #[must_use]
    pub fn child(&self, ns: &str, name: &str) -> Option<ElementRef<'_>> {
        self.payload().child(ns, name)
    }

    /// Bytes of memory it takes, shared or not.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.header().weight() + self.payload().weight()
    }

    /// The stanza that tells its sender of that error: addresses swapped, the same id (RFC 6120 section 8.3.1).
    ///
    /// None for errors and iq results, which are never answered. A small request goes back with the error; other content
    /// does not.
    #[must_use]
    pub fn error_reply(&self, error: impl Into<StanzaError>) -> Option<Stanza> {
        match self {
            Stanza::Message(message) => message.error_reply(error).map(Stanza::Message),
            Stanza::Presence(presence) => presence.error_reply(error).map(Stanza::Presence),
            Stanza::Iq(iq) => iq.error_reply(error).map(Stanza::Iq),
        }
    }

    /// Appends it as it stands on a stream whose content namespace is `content_ns`.
    pub fn write(&self, out: &mut String, content_ns: &'static str) {
        match self {
            Stanza::Message(message) => message.write(out, content_ns),
            Stanza::Presence(presence) => presence.write(out, content_ns),
            Stanza::Iq(iq) => iq.write(out, content_ns),
        }
    }
}

impl fmt::Display for Stanza {
    /// Writes it as it would stand on a stream between a client and its server.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        self.write(&mut out, ns::CLIENT);
        f.write_str(&out)
    }
}

impl From<Message> for Stanza {
    fn from(message: Message) -> Self {
        Stanza::Message(message)
    }
}

impl From<Presence> for Stanza {
    fn from(presence: Presence) -> Self {
        Stanza::Presence(presence)
    }
}

impl From<Iq> for Stanza {
    fn from(iq: Iq) -> Self {
        Stanza::Iq(iq)
    }
}

#[cfg(test)]
mod tests;
