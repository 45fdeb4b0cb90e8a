//! A conversation between two, as the client of one of them holds it: which messages belong to it, and where the next one goes.
//!
//! RFC 6121 sections 5.1 and 5.2.5, RFC 3921 sections 2.1.2.3 and 4.1. It starts at the bare address of the other side, follows to the
//! resource that answers, and goes back to the bare address when that resource may no longer be the one to write to. It keeps no
//! messages, asks for no subscription, and sends nothing by itself. It is not for occupants of rooms, whose bare address is the room's.
//!
//! ```
//! use xmpp_core::entropy::{Entropy, Seed};
//! use xmpp_core::jid::{BareJid, Jid};
//! use xmpp_core::stanza::Message;
//! use xmpp_im::conversation::Conversation;
//!
//! let mut entropy = Entropy::new(Seed::new([7; 32]));
//! let mut conversation = Conversation::begin(BareJid::new("romeo@example.net")?, &mut entropy);
//! let first = conversation.message("Wherefore art thou, Romeo?");
//! assert_eq!(first.to(), Some(&Jid::new("romeo@example.net")?));
//!
//! let answer = first.clone().with_from(Jid::new("romeo@example.net/orchard")?).with_body("Call me but love.");
//! assert!(conversation.message_received(&answer));
//! assert_eq!(conversation.message("What man art thou?").to(), Some(&Jid::new("romeo@example.net/orchard")?));
//! # Ok::<(), xmpp_core::jid::JidError>(())
//! ```

use alloc::string::{String, ToString};

use xmpp_core::entropy::{Entropy, Label};
use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::stanza::{Message, MessageType, Presence, PresenceType};

use crate::store::Subscription;

/// A conversation with one other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    partner: BareJid,
    /// Where its messages go while that is known.
    locked: Option<FullJid>,
    /// None if the other side began it without one.
    thread: Option<String>,
    parent: Option<String>,
}

impl Conversation {
    /// A conversation that this side begins. The thread is drawn, so that it is no other's and tells nothing (RFC 6121 section 5.2.5).
    #[must_use]
    pub fn begin(partner: BareJid, entropy: &mut Entropy) -> Self {
        Conversation { partner, locked: None, thread: Some(entropy.token(Label::Thread)), parent: None }
    }

    /// The conversation that the other side began with this message, whose thread it keeps. None if the message is not of type
    /// `chat`, or has no sender.
    #[must_use]
    pub fn join(message: &Message) -> Option<Self> {
        let from = message.from()?;
        (message.type_() == MessageType::Chat).then(|| Conversation {
            partner: from.to_bare(),
            locked: from.to_full(),
            thread: message.thread().map(|thread| thread.to_string()),
            parent: message.thread_parent().map(str::to_string),
        })
    }

    /// A conversation with the same partner that branches off from this one.
    #[must_use]
    pub fn branch(&self, entropy: &mut Entropy) -> Self {
        Conversation {
            thread: Some(entropy.token(Label::Thread)),
            parent: self.thread.clone(),
            ..self.clone()
        }
    }

    /// Who the other side is.
    #[must_use]
    pub fn partner(&self) -> &BareJid {
        &self.partner
    }

    /// What names it, to be compared and nothing else.
    #[must_use]
    pub fn thread(&self) -> Option<&str> {
        self.thread.as_deref()
    }

    /// Where the next message goes: the resource that answered, or the bare address.
    #[must_use]
    pub fn to(&self) -> Jid {
        self.locked.clone().map_or_else(|| self.partner.clone().into(), Into::into)
    }

    /// The next message of this side.
    #[must_use]
    pub fn message(&self, body: &str) -> Message {
        let message = Message::chat(self.to()).with_body(body);
        match &self.thread {
            Some(thread) => message.with_thread_of(self.parent.as_deref(), thread),
            None => message,
        }
    }

    /// Takes note of a message, and tells whether it belongs here: one of type `chat` from the other side, of the same thread or of
    /// none. What belongs here locks the conversation to the resource it is from; what comes from another resource unlocks it.
    pub fn message_received(&mut self, message: &Message) -> bool {
        let Some(from) = message.from().filter(|from| from.to_bare() == self.partner) else { return false };
        let belongs = message.type_() == MessageType::Chat
            && message.thread().is_none_or(|thread| Some(&*thread) == self.thread.as_deref());
        let elsewhere = self.locked.as_ref().is_some_and(|locked| locked.as_str() != from.as_str());
        if elsewhere || message.is_error() {
            // The next one of theirs decides: RFC 6121 section 5.1. An error says that the resource is not there.
            self.locked = None;
        } else if belongs {
            self.locked = from.to_full();
        }
        belongs
    }

    /// Takes note of presence: availability of any resource of the other side unlocks the conversation.
    pub fn presence_received(&mut self, presence: &Presence) {
        let availability = matches!(presence.type_(), PresenceType::Available | PresenceType::Unavailable);
        if availability && presence.from().is_some_and(|from| from.to_bare() == self.partner) {
            self.locked = None;
        }
    }

    /// This side's presence for the other side, which learns by it when this side goes; none if its subscription tells it anyway.
    ///
    /// Whether to share it at all is the user's choice (RFC 6121 section 5.1). When the conversation is over, presence of type
    /// `unavailable` takes it back, from all whom it reached: it is for the bare address, wherever messages go.
    #[must_use]
    pub fn presence(&self, own: &Presence, subscription: Subscription) -> Option<Presence> {
        let shared = matches!(subscription, Subscription::From | Subscription::Both);
        (!shared).then(|| own.clone().with_to(self.partner.clone()))
    }
}
