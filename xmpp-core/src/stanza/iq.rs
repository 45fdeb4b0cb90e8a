//! Requests and their responses (RFC 3920 section 9.2.3, RFC 6120 section 8.2.3).

use alloc::string::String;
use core::fmt;

use super::header::{Header, stanza_accessors};
use super::payload::Payload;
use super::{StanzaError, reply};
use crate::jid::Jid;
use crate::xml::{Element, ElementRef, attribute, ns};

/// Which part of a request and its response an iq is (RFC 6120 section 8.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IqType {
    /// Asks for information.
    Get,
    /// Provides or replaces information.
    Set,
    /// Answers a request that succeeded.
    Result,
    /// Answers a request that failed.
    Error,
}

impl IqType {
    /// The value of the attribute.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            IqType::Get => "get",
            IqType::Set => "set",
            IqType::Result => "result",
            IqType::Error => "error",
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Get, Self::Set, Self::Result, Self::Error].into_iter().find(|type_| type_.name() == name)
    }

    /// Whether it must be answered.
    #[must_use]
    pub const fn is_request(self) -> bool {
        matches!(self, Self::Get | Self::Set)
    }
}

/// A request or the response to one.
///
/// ```
/// use xmpp_core::stanza::{Condition, Iq};
/// use xmpp_core::xml::{Element, ns};
///
/// let ping = Iq::get("p1", Element::builder(ns::PING, "ping").build());
/// assert_eq!(ping.to_string(), "<iq id='p1' type='get'><ping xmlns='urn:xmpp:ping'/></iq>");
///
/// let pong = ping.result_reply(None);
/// assert_eq!(pong.to_string(), "<iq id='p1' type='result'/>");
/// assert_eq!(pong.error_reply(Condition::BadRequest), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iq {
    type_: IqType,
    pub(super) header: Header,
    pub(super) payload: Payload,
}

stanza_accessors!(Iq);

impl Iq {
    /// A request for information, which the payload, an element of some extension, specifies. The id has to tell it from the sender's
    /// other requests.
    #[must_use]
    pub fn get(id: &str, payload: Element) -> Self {
        Iq::request(IqType::Get, id, payload)
    }

    /// A request that provides or replaces information.
    #[must_use]
    pub fn set(id: &str, payload: Element) -> Self {
        Iq::request(IqType::Set, id, payload)
    }

    pub(super) fn request(type_: IqType, id: &str, payload: Element) -> Self {
        Iq::from_parts(type_, Header::default(), Payload::of([payload])).with_id(id)
    }

    pub(super) fn from_parts(type_: IqType, header: Header, payload: Payload) -> Self {
        Iq { type_, header, payload }
    }

    /// Whether it asks or answers.
    #[must_use]
    pub fn type_(&self) -> IqType {
        self.type_
    }

    /// Whether it must be answered.
    #[must_use]
    pub fn is_request(&self) -> bool {
        self.type_.is_request()
    }

    /// Whether it answers a request that failed.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.type_ == IqType::Error
    }

    /// The id, which a response repeats (RFC 6120 section 8.1.3).
    #[must_use]
    pub fn id(&self) -> &str {
        self.header.id.as_deref().unwrap_or_default()
    }

    /// Sets the id. Characters that XML cannot carry become U+FFFD.
    pub fn set_id(&mut self, id: &str) {
        self.header.set_id(Some(id));
    }

    /// What it is about: the one element of a request, the first of a result, the request's of an error if it came back.
    #[must_use]
    pub fn payload(&self) -> Option<ElementRef<'_>> {
        self.children().find(|child| !(self.is_error() && child.is(ns::CLIENT, "error")))
    }

    /// The response to this request: addresses swapped, the same id. Only requests have one (RFC 6120 section 8.2.3 rule 4).
    #[must_use]
    pub fn result_reply(&self, payload: Option<Element>) -> Iq {
        Iq::from_parts(IqType::Result, self.header.reply(), Payload::of(payload))
    }

    /// The response that refuses this request, with the request's element if it is small; none if this is itself a response
    /// (RFC 6120 sections 8.2.3 rule 4 and 8.3.1 rule 6).
    #[must_use]
    pub fn error_reply(&self, error: impl Into<StanzaError>) -> Option<Iq> {
        self.is_request().then(|| {
            let payload = reply::error(&error.into(), reply::echo(self.payload(), self.payload.weight()));
            Iq::from_parts(IqType::Error, self.header.reply(), payload)
        })
    }

    /// Appends it as it stands on a stream whose content namespace is `content_ns`.
    pub fn write(&self, out: &mut String, content_ns: &'static str) {
        out.push_str("<iq");
        self.header.write(out);
        attribute(out, "type", self.type_.name());
        self.payload.write(out, "iq", content_ns);
    }
}
