//! Subscription requests that wait for the user's answer (RFC 6121 section 3.1.4).

use alloc::collections::VecDeque;

use xmpp_core::jid::BareJid;

use super::event::SubscriptionStanza;
use super::limits::ClientLimits;

/// The unanswered requests, the oldest one first; one per contact.
#[derive(Debug, Default)]
pub(super) struct SubscriptionRequests {
    kept: VecDeque<SubscriptionStanza>,
    bytes: usize,
    /// Some gave way to others, so that a contact who is not among these may have asked all the same.
    forgot: bool,
}

impl SubscriptionRequests {
    pub(super) fn iter(&self) -> impl Iterator<Item = &SubscriptionStanza> {
        self.kept.iter()
    }

    /// Whether that contact has asked, or may have.
    pub(super) fn may_have(&self, contact: &BareJid) -> bool {
        self.forgot || self.has(contact)
    }

    /// Whether the request of that contact is here.
    pub(super) fn has(&self, contact: &BareJid) -> bool {
        self.position(contact).is_some()
    }

    /// Keeps a request; whether it is news. A server repeats them (RFC 6121 section 3.1.3), and contacts may.
    pub(super) fn keep(&mut self, request: SubscriptionStanza, limits: &ClientLimits) -> bool {
        if let Some(known) = self.position(request.from()).and_then(|at| self.kept.get_mut(at)) {
            self.bytes = self.bytes - known.weight() + request.weight();
            *known = request;
            self.give_way(limits);
            return false;
        }
        self.bytes += request.weight();
        self.kept.push_back(request);
        self.give_way(limits);
        true
    }

    fn give_way(&mut self, limits: &ClientLimits) {
        while self.kept.len() > limits.subscription_requests() || self.bytes > limits.subscription_bytes() {
            let Some(oldest) = self.kept.pop_front() else { return };
            self.bytes -= oldest.weight();
            self.forgot = true;
        }
    }

    /// The request of that contact is answered or void.
    pub(super) fn remove(&mut self, contact: &BareJid) {
        if let Some(request) = self.position(contact).and_then(|at| self.kept.remove(at)) {
            self.bytes -= request.weight();
        }
    }

    fn position(&self, contact: &BareJid) -> Option<usize> {
        self.kept.iter().position(|request| request.from() == contact)
    }
}
