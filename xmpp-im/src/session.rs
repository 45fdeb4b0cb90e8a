//! A session: one connected resource of an account, apart from the transport that carries it.

use alloc::collections::VecDeque;

use xmpp_core::jid::FullJid;
use xmpp_core::stanza::{Presence, Stanza};

/// Names a session of one host; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) u64);

impl SessionId {
    /// The number, counting from 0 on each host.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// What waits for a session to be taken.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) stanza: Stanza,
    /// Whether other resources got it too.
    pub(crate) shared: bool,
}

/// What a stanza did to an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Filled {
    /// It is the first one: whoever carries the session has to be told.
    First,
    /// Others wait already.
    More,
    /// Half of the room is taken, for the first time since it was empty.
    Congested,
    /// There was no room.
    Overflow,
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) jid: FullJid,
    /// The last presence that was broadcast, with its priority, while the resource is available.
    pub(crate) presence: Option<(Presence, i8)>,
    /// Whether it has asked for the roster, so that it gets pushes (RFC 6121 section 2.1.6).
    pub(crate) interested: bool,
    outbox: VecDeque<Waiting>,
    outbox_bytes: usize,
    congested: bool,
}

impl Session {
    pub(crate) const fn new(id: SessionId, jid: FullJid) -> Self {
        Session {
            id,
            jid,
            presence: None,
            interested: false,
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            congested: false,
        }
    }

    pub(crate) const fn is_available(&self) -> bool {
        self.presence.is_some()
    }

    /// Puts a stanza into the outbox. One stanza always fits an empty one, or it could never be delivered.
    pub(crate) fn fill(&mut self, waiting: Waiting, limit: usize) -> Filled {
        let bytes = self.outbox_bytes + waiting.stanza.weight();
        let first = self.outbox.is_empty();
        self.outbox_bytes = bytes;
        self.outbox.push_back(waiting);
        if first {
            Filled::First
        } else if bytes > limit {
            Filled::Overflow
        } else if bytes > limit / 2 && !self.congested {
            self.congested = true;
            Filled::Congested
        } else {
            Filled::More
        }
    }

    /// Takes the oldest stanza out of the outbox.
    pub(crate) fn take(&mut self) -> Option<Stanza> {
        let Waiting { stanza, .. } = self.outbox.pop_front()?;
        self.outbox_bytes = self.outbox_bytes.saturating_sub(stanza.weight());
        if self.outbox.is_empty() {
            self.congested = false;
            self.outbox.shrink_to_fit();
        }
        Some(stanza)
    }

    /// All that was not taken.
    pub(crate) fn into_outbox(self) -> VecDeque<Waiting> {
        self.outbox
    }
}
