//! Requests of others that wait for the embedder's answer (RFC 6120 section 8.2.3 rule 3).

use alloc::collections::BTreeMap;

use xmpp_core::stanza::Iq;
use xmpp_core::time::Instant;

use super::limits::ClientLimits;

/// A request that somebody made of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceivedId(u64);

/// The requests that were handed to the embedder. Each leaves once: answered, or expired.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// In the order in which they came, which is that of their deadlines: patience does not change.
    open: BTreeMap<ReceivedId, (Instant, Iq)>,
    bytes: usize,
    next: u64,
}

impl Received {
    /// Keeps a request until the deadline; none if there are too many.
    pub(super) fn keep(&mut self, now: Instant, iq: Iq, limits: &ClientLimits) -> Option<ReceivedId> {
        let bytes = self.bytes + iq.weight();
        if self.open.len() >= limits.received() || bytes > limits.received_bytes() {
            return None;
        }
        self.bytes = bytes;
        let id = ReceivedId(self.next);
        self.next += 1;
        self.open.insert(id, (now + limits.patience(), iq));
        Some(id)
    }

    pub(super) fn take(&mut self, id: ReceivedId) -> Option<Iq> {
        let (_, iq) = self.open.remove(&id)?;
        self.bytes -= iq.weight();
        Some(iq)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.open.first_key_value().map(|(_, (deadline, _))| *deadline)
    }

    pub(super) fn expire(&mut self, now: Instant) -> Option<Iq> {
        let (id, _) = self.open.first_key_value().filter(|(_, (deadline, _))| *deadline <= now)?;
        self.take(*id)
    }
}
