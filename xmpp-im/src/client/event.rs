//! What comes out of a client's session.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Iq, Message, Presence, RequestId, Stanza, StanzaError};

use super::NICK;
use super::config::CachedRoster;
use super::received::ReceivedId;
use crate::blocking;
use crate::privacy::List;
use crate::store::RosterItem;
use crate::subscription::Notice;

/// Something the embedder has to do.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum SessionAction {
    /// Send this stanza to the server.
    Send(Stanza),
    /// Take note.
    Event(ClientEvent),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// The server demands a session before anything else and did not give one (RFC 3921 section 3): nothing can be sent. Close the stream.
    Refused(Failure),
    /// The roster is there: [`ClientSession::roster`](super::ClientSession::roster).
    RosterReceived,
    /// The roster did not come. What a cache said of it may be outdated.
    RosterFailed(Failure),
    /// A contact was added or changed: this is its item now.
    ContactChanged(RosterItem),
    /// A contact was removed.
    ContactRemoved(Jid),
    /// Somebody became available, changed, or became unavailable; or, of type `error`, a presence of ours did not arrive. The
    /// [view](super::ClientSession::presences) has it already.
    Presence(Presence),
    /// We are no longer told whether they are there, so that they count as gone: the subscription ended.
    PresenceLost(BareJid),
    /// Somebody asks to see our presence. The user decides: [`approve`](super::ClientSession::approve) or [`deny`](super::ClientSession::deny).
    SubscriptionRequested(SubscriptionStanza),
    /// Somebody lets us see their presence.
    SubscriptionApproved(SubscriptionStanza),
    /// Somebody does not, or no longer, let us see their presence: the [notice](SubscriptionStanza::notice) says which.
    SubscriptionRefused(SubscriptionStanza),
    /// Somebody no longer wants to see our presence, or no longer asks for it.
    SubscriberLeft(SubscriptionStanza),
    /// A message came; of type `error`, one of ours did not arrive.
    Message(Message),
    /// The privacy list of that name is not what it was, or is gone. If it may apply to this session, it is asked for, and comes as
    /// [`PrivacyListReceived`](Self::PrivacyListReceived) (RFC 3921 section 10.2, rule 10); another one can be [asked](super::ClientSession::privacy)
    /// for.
    PrivacyListChanged(String),
    /// What a privacy list is after a change that was told: one that applies to this session, or of which that is not known.
    PrivacyListReceived(List),
    /// What somebody of this account did to the blocklist (XEP-0191 sections 3.3 to 3.5).
    BlocklistChanged(blocking::Command),
    /// Somebody makes a request of a namespace that the configuration names. It is answered by
    /// [`answer`](super::ClientSession::answer), once, or refused after a while.
    Request(ReceivedId, Iq),
    /// The end of a request of ours: the response, or why there is none.
    Answered {
        /// Which one.
        request: RequestId,
        /// The response of type `result`, or what went wrong.
        answer: Result<Iq, Failure>,
    },
}

/// Why a request of ours did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// Whoever was asked refused it.
    Error(Box<StanzaError>),
    /// No response came in time.
    Expired,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Error(error) => fmt::Display::fmt(error, f),
            Failure::Expired => f.write_str("no response came in time"),
        }
    }
}

impl core::error::Error for Failure {}

/// A presence stanza that is a step of a subscription (RFC 6121 section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionStanza {
    from: BareJid,
    notice: Notice,
    presence: Presence,
}

impl SubscriptionStanza {
    pub(super) const fn new(from: BareJid, notice: Notice, presence: Presence) -> Self {
        SubscriptionStanza { from, notice, presence }
    }

    /// Whose step it is. A subscription is always with an account, never with one of its resources.
    #[must_use]
    pub const fn from(&self) -> &BareJid {
        &self.from
    }

    /// What it tells the user, by what held when it came.
    #[must_use]
    pub const fn notice(&self) -> Notice {
        self.notice
    }

    /// What they would like to be called (XEP-0172 section 4.1): a claim that nobody has checked.
    #[must_use]
    pub fn nickname(&self) -> Option<Cow<'_, str>> {
        let nick = self.presence.child(NICK, "nick")?.text();
        Some(nick).filter(|nick| !nick.is_empty())
    }

    /// What they say about it (RFC 6121 section 4.7.2.2).
    #[must_use]
    pub fn status(&self) -> Option<Cow<'_, str>> {
        self.presence.status()
    }

    /// All of it.
    #[must_use]
    pub const fn presence(&self) -> &Presence {
        &self.presence
    }

    pub(super) fn weight(&self) -> usize {
        self.from.as_str().len() + self.presence.weight()
    }
}

/// What is left of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    pub(super) unanswered: Vec<RequestId>,
    pub(super) unsent: Vec<Stanza>,
    pub(super) roster: Option<CachedRoster>,
}

impl Ended {
    /// The embedder's requests that will never be answered, in the order in which they were made. They may have been carried out.
    #[must_use]
    pub fn unanswered(&self) -> &[RequestId] {
        &self.unanswered
    }

    /// What was to be sent and never left the session, in order, answers aside.
    #[must_use]
    pub fn unsent(&self) -> &[Stanza] {
        &self.unsent
    }

    /// The roster for the next session, if the server knows versions.
    #[must_use]
    pub const fn roster(&self) -> Option<&CachedRoster> {
        self.roster.as_ref()
    }
}
