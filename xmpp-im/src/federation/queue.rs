//! What waits for a link, in order: each stanza with the time when its sender hears that it was in vain.

use alloc::collections::VecDeque;

use xmpp_core::stanza::Stanza;
use xmpp_core::time::Instant;

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) stanza: Stanza,
    deadline: Instant,
    /// Whether a link had taken it and ended before it went out.
    pub(super) again: bool,
}

/// The stanzas of one pair of domains. Deadlines never decrease from the front to the back.
#[derive(Debug, Default)]
pub(super) struct Queue {
    stanzas: VecDeque<Waiting>,
    bytes: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.stanzas.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stanzas.is_empty()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest has waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.stanzas.front().map(|waiting| waiting.deadline)
    }

    pub(super) fn push(&mut self, stanza: Stanza, deadline: Instant) {
        self.bytes += stanza.weight();
        self.stanzas.push_back(Waiting { stanza, deadline, again: false });
    }

    /// A stanza that had been taken comes back, before all others. It may wait no longer than the one behind it.
    pub(super) fn put_back(&mut self, stanza: Stanza, deadline: Instant) {
        self.bytes += stanza.weight();
        let deadline = self.deadline().map_or(deadline, |next| next.min(deadline));
        self.stanzas.push_front(Waiting { stanza, deadline, again: true });
    }

    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let waiting = self.stanzas.pop_front()?;
        self.popped(&waiting);
        Some(waiting)
    }

    /// Takes out the newest.
    pub(super) fn pop_newest(&mut self) -> Option<Waiting> {
        let waiting = self.stanzas.pop_back()?;
        self.popped(&waiting);
        Some(waiting)
    }

    /// Takes out the oldest if it has waited long enough.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Waiting> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.pop()
    }

    fn popped(&mut self, waiting: &Waiting) {
        self.bytes = self.bytes.saturating_sub(waiting.stanza.weight());
        if self.stanzas.is_empty() {
            self.stanzas.shrink_to_fit();
        }
    }
}
