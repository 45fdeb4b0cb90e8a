//! What a client may conclude from an answer: that whatever it sent before was delivered, stored or bounced.
//!
//! The server's own answers to a session wait until nothing that the session sent earlier is still on its way into the store of another account, or
//! waits for such an account to be loaded.

use alloc::collections::{BTreeMap, BTreeSet};

use crate::session::SessionId;

/// Which stanza of which session something is due to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    pub(crate) session: SessionId,
    pub(crate) number: u64,
}

impl Cause {
    /// That accounts were deleted. Sessions are counted, and never come to be so many.
    const DELETION: Cause = Cause { session: SessionId(u64::MAX), number: 0 };
}

/// Who has made a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A client of this host.
    Client(Cause),
    /// The host itself.
    Server,
    /// The host, for an account that was deleted.
    Goodbye,
    /// Another server, or a component.
    Outside,
}

impl Source {
    pub(super) const fn cause(self) -> Option<Cause> {
        match self {
            Source::Client(cause) => Some(cause),
            Source::Goodbye => Some(Cause::DELETION),
            Source::Server | Source::Outside => None,
        }
    }
}

/// The stanzas of all sessions whose fate is open, and the goodbyes of deleted accounts.
#[derive(Debug)]
pub(crate) struct Barriers {
    /// By session, of those that have not ended, and number: how many things are open.
    open: BTreeMap<SessionId, BTreeMap<u64, usize>>,
    /// Sessions for which something may have changed.
    moved: BTreeSet<SessionId>,
    /// Whether a goodbye was refused, or what it did could not be stored.
    has_lost_goodbye: bool,
}

impl Barriers {
    pub(crate) fn new() -> Self {
        let open = BTreeMap::from([(Cause::DELETION.session, BTreeMap::new())]);
        Barriers { open, moved: BTreeSet::new(), has_lost_goodbye: false }
    }

    /// A session starts.
    pub(super) fn start(&mut self, session: SessionId) {
        self.open.insert(session, BTreeMap::new());
    }

    /// A session has ended: nobody waits for the fate of what it sent.
    pub(super) fn forget(&mut self, session: SessionId) {
        self.open.remove(&session);
        self.moved.remove(&session);
    }

    /// The fate of a stanza is open.
    pub(super) fn begin(&mut self, cause: Option<Cause>) {
        if let Some(Cause { session, number }) = cause
            && let Some(numbers) = self.open.get_mut(&session)
        {
            *numbers.entry(number).or_default() += 1;
        }
    }

    /// One thing that was open is decided.
    pub(super) fn end(&mut self, cause: Option<Cause>) {
        let Some(Cause { session, number }) = cause else { return };
        let Some(numbers) = self.open.get_mut(&session) else { return };
        if let Some(count) = numbers.get_mut(&number) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                numbers.remove(&number);
            }
        }
        self.moved.insert(session);
    }

    /// What it was for was not done.
    pub(super) fn lose(&mut self, cause: Option<Cause>) {
        self.has_lost_goodbye |= cause == Some(Cause::DELETION);
    }

    /// Whether the fate of a goodbye is open.
    pub(crate) fn has_goodbyes(&self) -> bool {
        self.last(Cause::DELETION.session).is_some()
    }

    /// Whether one was lost since this was asked last.
    pub(crate) fn take_lost_goodbye(&mut self) -> bool {
        core::mem::take(&mut self.has_lost_goodbye)
    }

    /// What an answer to this session has to wait for.
    pub(super) fn last(&self, session: SessionId) -> Option<u64> {
        self.open.get(&session)?.last_key_value().map(|(number, _)| *number)
    }

    /// Whether anything up to that is still open.
    pub(super) fn bars(&self, session: SessionId, last: u64) -> bool {
        let first = self.open.get(&session).and_then(|numbers| numbers.first_key_value());
        first.is_some_and(|(number, _)| *number <= last)
    }

    /// The next session for which something may have changed.
    pub(crate) fn next_moved(&mut self) -> Option<SessionId> {
        self.moved.pop_first()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.open.values().all(BTreeMap::is_empty) && self.moved.is_empty()
    }
}
