//! What a host has its embedder do.

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::Stanza;
use xmpp_core::stream::StreamError;

use crate::session::SessionId;
use crate::store::Persist;

/// The right to answer one [`HostAction::Load`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an account that is never loaded parks what comes for it until its sessions end"]
pub struct LoadTicket {
    pub(super) number: u64,
    pub(super) account: BareJid,
}

/// The right to answer one [`HostAction::LoadOffline`].
#[derive(Debug, PartialEq, Eq)]
#[must_use = "messages that are never loaded are never delivered"]
pub struct OfflineTicket {
    pub(super) number: u64,
    pub(super) account: BareJid,
}

/// Something the embedder has to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum HostAction {
    /// Load the account and report [`loaded`](super::Host::loaded) or [`load_failed`](super::Host::load_failed).
    Load {
        /// Comes back with the report.
        ticket: LoadTicket,
        /// Which account.
        account: BareJid,
    },
    /// Load the account's offline messages with numbers above `after`, as many as [count](crate::store::OfflineMessage::bytes) for `limit` bytes
    /// together but one at least if there is any, and report
    /// [`offline_loaded`](super::Host::offline_loaded) or [`offline_failed`](super::Host::offline_failed). What was handed out to be stored or
    /// removed before counts as done.
    LoadOffline {
        /// Comes back with the report.
        ticket: OfflineTicket,
        /// Which account.
        account: BareJid,
        /// The number that comes before the first.
        after: u64,
        /// How many bytes at most, if that is one message or more.
        limit: usize,
    },
    /// Store the step and report [`persisted`](super::Host::persisted) or [`persist_failed`](super::Host::persist_failed).
    Persist(Persist),
    /// The session's outbox is no longer empty: [`take`](super::Host::take) from it until it is.
    Ready(SessionId),
    /// Half of the session's outbox is full: its client reads too slowly.
    Congested(SessionId),
    /// The session has ended: end its connection with this error.
    Close(SessionId, StreamError),
    /// A stanza for a foreign domain, from an address of this host. What cannot be sent there comes [back](super::Host::deliver) as the error
    /// that its sender is to get.
    Foreign(Stanza),
    /// A stanza for the component that is attached under this domain.
    Component(BareJid, Stanza),
    /// Whoever had to do with the accounts that were [deleted](super::Host::deleted) so far is told: what contacts on this host had to store because of it
    /// is stored, and what is for others has come out as [`Foreign`](Self::Foreign) or [`Component`](Self::Component).
    DeletionsDone {
        /// False if a contact's change could not be stored, so that all of it is to be tried again some time: a deletion that is reported once more
        /// does only what is left to do.
        is_complete: bool,
    },
}
