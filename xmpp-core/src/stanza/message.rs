//! Messages (RFC 3921 section 2.1, RFC 6121 section 5.2).

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use super::header::{Header, stanza_accessors};
use super::payload::Payload;
use super::{StanzaError, reply};
use crate::jid::Jid;
use crate::xml::{Element, ElementRef, attribute, ns};

/// What a message is for (RFC 6121 section 5.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum MessageType {
    /// Stands alone; a reply is expected. What a missing or unknown type counts as.
    #[default]
    Normal,
    /// Part of a conversation between two.
    Chat,
    /// Part of a conversation among many.
    Groupchat,
    /// A notice; no reply is expected.
    Headline,
    /// Says that an earlier message had an error.
    Error,
}

impl MessageType {
    /// The value of the attribute.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            MessageType::Normal => "normal",
            MessageType::Chat => "chat",
            MessageType::Groupchat => "groupchat",
            MessageType::Headline => "headline",
            MessageType::Error => "error",
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Normal, Self::Chat, Self::Groupchat, Self::Headline, Self::Error]
            .into_iter()
            .find(|type_| type_.name() == name)
    }
}

/// A message: a push of information to another entity (RFC 3920 section 9.2.1).
///
/// ```
/// use xmpp_core::jid::Jid;
/// use xmpp_core::stanza::Message;
///
/// let message = Message::chat(Jid::new("juliet@example.com")?).with_body("Art thou not Romeo?");
/// assert_eq!(message.body().as_deref(), Some("Art thou not Romeo?"));
/// assert_eq!(
///     message.to_string(),
///     "<message to='juliet@example.com' type='chat'><body>Art thou not Romeo?</body></message>"
/// );
/// # Ok::<(), xmpp_core::jid::JidError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Message {
    /// None if it came without a type that is known: it is then sent on without one.
    type_: Option<MessageType>,
    pub(super) header: Header,
    pub(super) payload: Payload,
}

stanza_accessors!(Message);

impl Message {
    /// An empty message of that type.
    #[must_use]
    pub fn new(type_: MessageType) -> Self {
        Message::from_parts(Some(type_), Header::default(), Payload::default())
    }

    /// An empty message of type `chat` for that address.
    #[must_use]
    pub fn chat(to: impl Into<Jid>) -> Self {
        Message::new(MessageType::Chat).with_to(to)
    }

    pub(super) fn from_parts(type_: Option<MessageType>, header: Header, payload: Payload) -> Self {
        Message { type_, header, payload }
    }

    /// What it is for; a missing or unknown type counts as `normal` (RFC 6121 section 5.2.2).
    #[must_use]
    pub fn type_(&self) -> MessageType {
        self.type_.unwrap_or_default()
    }

    /// Whether it says that an earlier message had an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.type_() == MessageType::Error
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

    /// What it says: the first body (RFC 6121 section 5.2.3).
    #[must_use]
    pub fn body(&self) -> Option<Cow<'_, str>> {
        self.payload.text("body")
    }

    /// What it says in that language, or in one near it, or the first body.
    #[must_use]
    pub fn body_for(&self, lang: &str) -> Option<Cow<'_, str>> {
        self.payload.text_for("body", lang, self.lang())
    }

    /// What it is about: the first subject (RFC 6121 section 5.2.4).
    #[must_use]
    pub fn subject(&self) -> Option<Cow<'_, str>> {
        self.payload.text("subject")
    }

    /// What it is about in that language, or in one near it, or the first subject.
    #[must_use]
    pub fn subject_for(&self, lang: &str) -> Option<Cow<'_, str>> {
        self.payload.text_for("subject", lang, self.lang())
    }

    /// The conversation it belongs to, to be compared and nothing else (RFC 6121 section 5.2.5).
    #[must_use]
    pub fn thread(&self) -> Option<Cow<'_, str>> {
        self.payload.text("thread")
    }

    /// The conversation of which its own is an offshoot (RFC 6121 section 5.2.5). None is its own parent.
    #[must_use]
    pub fn thread_parent(&self) -> Option<&str> {
        let thread = self.child(ns::CLIENT, "thread")?;
        thread.attr("parent").filter(|parent| *parent != thread.text())
    }

    /// The same message with that body in the message's language, in place of one it had.
    #[must_use]
    pub fn with_body(mut self, body: &str) -> Self {
        self.payload = self.payload.with_text("body", None, self.lang(), body);
        self
    }

    /// The same message with that body in that language, in place of one it had in it.
    #[must_use]
    pub fn with_body_in(mut self, lang: &str, body: &str) -> Self {
        self.payload = self.payload.with_text("body", Some(lang), self.lang(), body);
        self
    }

    /// The same message with that subject in the message's language, in place of one it had.
    #[must_use]
    pub fn with_subject(mut self, subject: &str) -> Self {
        self.payload = self.payload.with_text("subject", None, self.lang(), subject);
        self
    }

    /// The same message with that subject in that language, in place of one it had in it.
    #[must_use]
    pub fn with_subject_in(mut self, lang: &str, subject: &str) -> Self {
        self.payload = self.payload.with_text("subject", Some(lang), self.lang(), subject);
        self
    }

    /// The same message as part of that conversation, of which there is only one (RFC 6121 section 5.2.5).
    #[must_use]
    pub fn with_thread(self, thread: &str) -> Self {
        self.with_thread_of(None, thread)
    }

    /// The same message as part of that conversation, an offshoot of the one that is its `parent`. None is its own parent
    /// (RFC 6121 section 5.2.5): that one is left out.
    #[must_use]
    pub fn with_thread_of(mut self, parent: Option<&str>, thread: &str) -> Self {
        let mut element = Element::builder(ns::CLIENT, "thread").text(thread);
        if let Some(parent) = parent.filter(|parent| *parent != thread) {
            element = element.attr("parent", parent);
        }
        self.payload = self.payload.with(Some(element.build()), |old| old.is(ns::CLIENT, "thread"));
        self
    }

    /// The same message with one element more.
    #[must_use]
    pub fn with_child(mut self, child: Element) -> Self {
        self.payload = self.payload.with(Some(child), |_| false);
        self
    }

    /// The same message without the elements directly below it that fit.
    #[must_use]
    pub fn without_children(mut self, fits: impl Fn(ElementRef<'_>) -> bool) -> Self {
        if self.children().any(&fits) {
            self.payload = self.payload.with(None, fits);
        }
        self
    }

    /// The beginning of an answer: for who wrote this, of the same type, in the same conversation, and still without a body
    /// (RFC 3921 sections 2.1.1, 2.1.2.3 and 4.1). What is said in a room is answered to the room. None to an error, which is an answer
    /// itself, and to what has no sender.
    #[must_use]
    pub fn reply(&self) -> Option<Message> {
        let from = self.from().filter(|_| !self.is_error())?;
        let to = match self.type_() {
            MessageType::Groupchat => from.to_bare().into(),
            _ => from.clone(),
        };
        let thread = self.child(ns::CLIENT, "thread").map(ElementRef::to_element);
        Some(Message::from_parts(self.type_, Header::default(), Payload::of(thread)).with_to(to))
    }

    /// The message that tells its sender of that error; none if it is itself of type `error` (RFC 6120 section 8.3.1).
    #[must_use]
    pub fn error_reply(&self, error: impl Into<StanzaError>) -> Option<Message> {
        (!self.is_error()).then(|| {
            let payload = reply::error(&error.into(), None);
            Message::from_parts(Some(MessageType::Error), self.header.reply(), payload)
        })
    }

    /// Appends it as it stands on a stream whose content namespace is `content_ns`.
    pub fn write(&self, out: &mut String, content_ns: &'static str) {
        out.push_str("<message");
        self.header.write(out);
        if let Some(type_) = self.type_ {
            attribute(out, "type", type_.name());
        }
        self.payload.write(out, "message", content_ns);
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.type_() == other.type_() && self.header == other.header && self.payload == other.payload
    }
}

impl Eq for Message {}
