//! What an account wants done, and between whom order is kept for it.

use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{PresenceType, Stanza};
use xmpp_core::stream::StreamError;
use xmpp_core::xml::ns;

use super::barrier::{Cause, Source};
use crate::session::{SessionId, Waiting};

/// What an account wants done.
#[derive(Debug)]
pub(crate) enum Effect {
    /// A stanza for one of its sessions.
    Deliver(Delivery),
    /// One that there is no room to hold back for its session, which has to end.
    Overflow(Delivery),
    /// A stanza for whomever its `to` names.
    Route(Stanza, Source),
    /// A session has to end.
    Close(SessionId, StreamError),
    /// A session is yet to learn something, once there is room.
    Greet(SessionId),
    /// Offline messages with numbers above one have to be loaded, so many at most, for the module of that number.
    Page { module: usize, after: u64, limit: usize },
}

/// A stanza for one of an account's sessions.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) session: SessionId,
    pub(crate) waiting: Waiting,
    /// Whether it is the server's own answer to a request of the session.
    pub(crate) is_answer: bool,
}

impl Delivery {
    pub(crate) const fn new(session: SessionId, stanza: Stanza) -> Self {
        Delivery { session, waiting: Waiting::new(stanza), is_answer: false }
    }

    /// Who the client takes for the sender. What the server says on behalf of the account has no `from`, or the account's own bare JID
    /// where that was asked (RFC 6120 section 8.1.2.1).
    fn sender(&self) -> Option<&Jid> {
        let stanza = &self.waiting.stanza;
        stanza.from().filter(|from| from.is_full() || stanza.to().is_none_or(|to| to.to_bare() != **from))
    }
}

/// What order is kept for: a stanza's sender, and where it goes. Both by their bare JIDs, since what an account says of a subscription, which
/// is from its bare JID, has to keep its place among the presence of its resources (RFC 6121 sections 3.1.6 and 3.2.2).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    from: Option<BareJid>,
    to: Receiver,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Receiver {
    Session(SessionId),
    Entity(Option<BareJid>),
}

impl Effect {
    pub(super) fn pair(&self) -> Pair {
        match self {
            Effect::Deliver(delivery) | Effect::Overflow(delivery) => {
                Pair { from: delivery.sender().map(Jid::to_bare), to: Receiver::Session(delivery.session) }
            }
            Effect::Route(stanza, _) => {
                let [from, to] = [stanza.from(), stanza.to()].map(|address| address.map(Jid::to_bare));
                Pair { from, to: Receiver::Entity(to) }
            }
            Effect::Close(session, _) | Effect::Greet(session) => {
                Pair { from: None, to: Receiver::Session(*session) }
            }
            Effect::Page { .. } => Pair { from: None, to: Receiver::Entity(None) },
        }
    }

    pub(super) fn stanza(&self) -> Option<&Stanza> {
        match self {
            Effect::Deliver(delivery) | Effect::Overflow(delivery) => Some(&delivery.waiting.stanza),
            Effect::Route(stanza, _) => Some(stanza),
            Effect::Close(..) | Effect::Greet(_) | Effect::Page { .. } => None,
        }
    }

    pub(super) fn is_response(&self) -> bool {
        matches!(self.stanza(), Some(Stanza::Iq(iq)) if !iq.is_request())
    }

    /// Whether it is a roster push, if it is the account that sends it.
    pub(super) fn is_push(&self) -> bool {
        let Effect::Deliver(delivery) = self else { return false };
        let Stanza::Iq(iq) = &delivery.waiting.stanza else { return false };
        iq.is_request() && iq.payload().is_some_and(|payload| payload.is(ns::ROSTER, "query"))
    }

    /// What presence is about that is sent on; none for all else.
    pub(super) fn topic(&self) -> Option<Topic<'_>> {
        let Effect::Route(Stanza::Presence(presence), _) = self else { return None };
        let type_ = match presence.type_() {
            PresenceType::Unavailable => PresenceType::Available,
            type_ => type_,
        };
        (!presence.is_error()).then_some(Topic { from: presence.from(), to: presence.to(), type_ })
    }

    pub(super) fn weight(&self) -> usize {
        self.stanza().map_or(0, Stanza::weight)
    }

    /// Whose fate is open while it is held back.
    pub(super) fn cause(&self) -> Option<Cause> {
        match self {
            Effect::Route(_, source) => source.cause(),
            _ => None,
        }
    }
}

/// What presence is about: the newest about it makes the older void.
#[derive(PartialEq)]
pub(super) struct Topic<'a> {
    from: Option<&'a Jid>,
    to: Option<&'a Jid>,
    /// Whether somebody is available or not is the same question.
    type_: PresenceType,
}
