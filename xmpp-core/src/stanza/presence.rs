//! Presence (RFC 3921 section 2.2, RFC 6121 section 4.7).

use alloc::borrow::Cow;
use alloc::string::{String, ToString};
use core::fmt;

use super::header::{Header, stanza_accessors};
use super::payload::Payload;
use super::{Condition, StanzaError, reply};
use crate::jid::Jid;
use crate::xml::{Element, ElementRef, attribute, ns};

/// What a presence stanza says or asks (RFC 6121 section 4.7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PresenceType {
    /// The sender can be reached; on the wire this is the absence of a type.
    Available,
    /// The sender can no longer be reached.
    Unavailable,
    /// The sender asks to see the recipient's presence.
    Subscribe,
    /// The sender lets the recipient see its presence.
    Subscribed,
    /// The sender no longer wants to see the recipient's presence.
    Unsubscribe,
    /// The sender does not, or no longer, let the recipient see its presence.
    Unsubscribed,
    /// A server asks for the presence of an entity.
    Probe,
    /// Says that an earlier presence stanza had an error.
    Error,
}

impl PresenceType {
    /// The value of the attribute; none for [`Available`](Self::Available).
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            PresenceType::Available => None,
            PresenceType::Unavailable => Some("unavailable"),
            PresenceType::Subscribe => Some("subscribe"),
            PresenceType::Subscribed => Some("subscribed"),
            PresenceType::Unsubscribe => Some("unsubscribe"),
            PresenceType::Unsubscribed => Some("unsubscribed"),
            PresenceType::Probe => Some("probe"),
            PresenceType::Error => Some("error"),
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Unavailable,
            Self::Subscribe,
            Self::Subscribed,
            Self::Unsubscribe,
            Self::Unsubscribed,
            Self::Probe,
            Self::Error,
        ]
        .into_iter()
        .find(|type_| type_.name() == Some(name))
    }

    /// Whether it asks for, grants, ends or denies a subscription (RFC 6121 section 3).
    #[must_use]
    pub const fn is_subscription(self) -> bool {
        matches!(self, Self::Subscribe | Self::Subscribed | Self::Unsubscribe | Self::Unsubscribed)
    }
}

/// How available an available entity is (RFC 6121 section 4.7.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Show {
    /// Away for a while.
    Away,
    /// Keen to chat.
    Chat,
    /// Busy: do not disturb.
    Dnd,
    /// Away for long.
    Xa,
}

impl Show {
    /// The text of the element.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Show::Away => "away",
            Show::Chat => "chat",
            Show::Dnd => "dnd",
            Show::Xa => "xa",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Away, Self::Chat, Self::Dnd, Self::Xa].into_iter().find(|show| show.name() == name)
    }
}

/// A priority that is not one integer from -128 to 127 (RFC 6121 section 4.7.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidPriority;

impl fmt::Display for InvalidPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the priority is not one integer from -128 to 127")
    }
}

impl core::error::Error for InvalidPriority {}

impl From<InvalidPriority> for StanzaError {
    fn from(_: InvalidPriority) -> Self {
        Condition::BadRequest.into()
    }
}

/// Presence: a broadcast of availability, or a step of a subscription (RFC 3920 section 9.2.2).
///
/// ```
/// use xmpp_core::stanza::{Presence, Show};
///
/// let presence = Presence::available().with_show(Some(Show::Dnd)).with_priority(5);
/// assert_eq!(presence.priority(), Ok(5));
/// assert_eq!(presence.to_string(), "<presence><show>dnd</show><priority>5</priority></presence>");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    type_: PresenceType,
    pub(super) header: Header,
    pub(super) payload: Payload,
}

stanza_accessors!(Presence);

impl Presence {
    /// Presence of an entity that can be reached.
    #[must_use]
    pub fn available() -> Self {
        Presence::new(PresenceType::Available)
    }

    /// Empty presence of that type.
    #[must_use]
    pub fn new(type_: PresenceType) -> Self {
        Presence::from_parts(type_, Header::default(), Payload::default())
    }

    pub(super) fn from_parts(type_: PresenceType, header: Header, payload: Payload) -> Self {
        Presence { type_, header, payload }
    }

    /// What it says or asks.
    #[must_use]
    pub fn type_(&self) -> PresenceType {
        self.type_
    }

    /// Whether it says that an earlier presence stanza had an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.type_ == PresenceType::Error
    }

    /// The id, for the sender's own use (RFC 6120 section 8.1.3).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.header.id.as_deref()
    }

    /// Sets or removes the id. Characters that XML cannot carry become U+FFFD.
    pub fn set_id(&mut self, id: Option<&str>) {
        self.header.set_id(id);
    }

    /// How available the sender is; none for simply available, which a state that is not defined, or with elements among its
    /// text, counts as.
    #[must_use]
    pub fn show(&self) -> Option<Show> {
        let show = self.child(ns::CLIENT, "show").filter(|show| show.children().next().is_none())?;
        Show::from_name(show.text().trim_matches(is_space))
    }

    /// The availability in words: the first status (RFC 6121 section 4.7.2.2).
    #[must_use]
    pub fn status(&self) -> Option<Cow<'_, str>> {
        self.payload.text("status")
    }

    /// The availability in words in that language, or in one near it, or the first status.
    #[must_use]
    pub fn status_for(&self, lang: &str) -> Option<Cow<'_, str>> {
        self.payload.text_for("status", lang, self.lang())
    }

    /// The priority of the resource; 0 if none is given (RFC 6121 section 4.7.2.3).
    ///
    /// # Errors
    /// [`InvalidPriority`] if there are two, or one that is not an integer from -128 to 127.
    pub fn priority(&self) -> Result<i8, InvalidPriority> {
        let mut given = self.children().filter(|child| child.is(ns::CLIENT, "priority"));
        match (given.next(), given.next()) {
            (None, _) => Ok(0),
            // The `xs:byte` of the schema: spaces around it and a plus sign are allowed, as `parse` allows the sign.
            (Some(one), None) => one.text().trim_matches(is_space).parse().map_err(|_| InvalidPriority),
            (Some(_), Some(_)) => Err(InvalidPriority),
        }
    }

    /// The same presence with that state, or without one; only what is available has one (RFC 6121 section 4.7.2.1).
    #[must_use]
    pub fn with_show(mut self, show: Option<Show>) -> Self {
        let show = show.filter(|_| self.type_ == PresenceType::Available);
        let show = show.map(|show| Element::builder(ns::CLIENT, "show").text(show.name()).build());
        self.payload = self.payload.with(show, |old| old.is(ns::CLIENT, "show"));
        self
    }

    /// The same presence with that status in the stanza's language, in place of one it had.
    #[must_use]
    pub fn with_status(mut self, status: &str) -> Self {
        self.payload = self.payload.with_text("status", None, self.lang(), status);
        self
    }

    /// The same presence with that status in that language, in place of one it had in it.
    #[must_use]
    pub fn with_status_in(mut self, lang: &str, status: &str) -> Self {
        self.payload = self.payload.with_text("status", Some(lang), self.lang(), status);
        self
    }

    /// The same presence with that priority, of which only what is available has one (RFC 6121 section 4.7.2.3); 0 is said by
    /// leaving it out.
    #[must_use]
    pub fn with_priority(mut self, priority: i8) -> Self {
        let priority = (priority != 0 && self.type_ == PresenceType::Available)
            .then(|| Element::builder(ns::CLIENT, "priority").text(&priority.to_string()).build());
        self.payload = self.payload.with(priority, |old| old.is(ns::CLIENT, "priority"));
        self
    }

    /// The same presence with one element more.
    #[must_use]
    pub fn with_child(mut self, child: Element) -> Self {
        self.payload = self.payload.with(Some(child), |_| false);
        self
    }

    /// The presence that tells its sender of that error; none if it is itself of type `error` (RFC 6120 section 8.3.1).
    #[must_use]
    pub fn error_reply(&self, error: impl Into<StanzaError>) -> Option<Presence> {
        (!self.is_error()).then(|| {
            Presence::from_parts(PresenceType::Error, self.header.reply(), reply::error(&error.into(), None))
        })
    }

    /// Appends it as it stands on a stream whose content namespace is `content_ns`.
    pub fn write(&self, out: &mut String, content_ns: &'static str) {
        out.push_str("<presence");
        self.header.write(out);
        if let Some(name) = self.type_.name() {
            attribute(out, "type", name);
        }
        self.payload.write(out, "presence", content_ns);
    }
}

/// What XML calls white space.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}
