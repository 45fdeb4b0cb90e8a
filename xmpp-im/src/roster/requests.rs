//! Subscription stanzas that are kept for the user: requests until they are answered, notices until somebody was told
//! (RFC 3921 section 9.4, RFC 6121 section 3.1.3).
//!
//! Strangers make them, so there is a limit to their number and to their bytes, for each of the two kinds on its own (RFC 6121 section
//! 3.1.3 warns of it): what would be past it is not kept, and what is there stays. Their senders had better not hear of it, since of an
//! account that does not exist they would hear nothing (RFC 6121 section 8.5.1).

use alloc::collections::BTreeMap;
use core::ops::Bound;

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::{Condition, Presence, StanzaError};

use super::Roster;
use crate::limits::HostLimits;
use crate::store::{Change, Pending, PendingKind};

/// Stanzas of one kind, one of each contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct KeptStanzas {
    stanzas: BTreeMap<BareJid, Presence>,
    /// Bytes of all of them.
    bytes: usize,
}

impl KeptStanzas {
    pub(super) fn get(&self, from: &BareJid) -> Option<&Presence> {
        self.stanzas.get(from)
    }

    pub(super) fn insert(&mut self, from: BareJid, presence: Presence) {
        self.bytes += presence.weight();
        let replaced = self.stanzas.insert(from, presence);
        self.bytes -= replaced.as_ref().map_or(0, Presence::weight);
    }

    pub(super) fn remove(&mut self, from: &BareJid) {
        let removed = self.stanzas.remove(from);
        self.bytes -= removed.as_ref().map_or(0, Presence::weight);
    }

    fn has_room(&self, from: &BareJid, presence: &Presence, limits: &HostLimits) -> bool {
        let replaced = self.get(from);
        let count = self.stanzas.len() + usize::from(replaced.is_none());
        let bytes = self.bytes - replaced.map_or(0, Presence::weight) + presence.weight();
        count <= limits.roster_pending() && bytes <= limits.roster_pending_bytes()
    }
}

impl Roster {
    /// The contact's request that waits for the user's answer.
    #[must_use]
    pub fn request(&self, from: &BareJid) -> Option<&Presence> {
        self.requests.get(from)
    }

    /// The requests that wait for the user's answer, in the order of their addresses (RFC 6121 section 3.1.3).
    pub fn requests(&self) -> impl Iterator<Item = &Presence> + Clone {
        self.requests.stanzas.values()
    }

    /// Those of [`requests`](Self::requests) whose senders come after that one.
    pub(crate) fn requests_after(
        &self,
        from: Option<&BareJid>,
    ) -> impl Iterator<Item = (&BareJid, &Presence)> {
        let after = from.map_or(Bound::Unbounded, Bound::Excluded);
        self.requests.stanzas.range::<BareJid, _>((after, Bound::Unbounded))
    }

    /// What the contact answered or cancelled and nobody was told yet.
    #[must_use]
    pub fn notice(&self, from: &BareJid) -> Option<&Presence> {
        self.notices.get(from)
    }

    /// What contacts answered or cancelled and nobody was told yet, in the order of their addresses (RFC 3921 section 9.4).
    pub fn notices(&self) -> impl Iterator<Item = &Presence> + Clone {
        self.notices.stanzas.values()
    }

    /// The change that keeps a stanza; `None` if it is a request of somebody whose request is kept already. Nothing is changed yet.
    ///
    /// Of a contact's requests the first is kept (RFC 6121 section 3.1.3 wants one and leaves it open which), so that asking again costs
    /// nothing; of its notices the last, which says what holds.
    ///
    /// # Errors
    /// `resource-constraint` when there is [no room](HostLimits::roster_pending) for it.
    pub fn keep(&self, pending: Pending, limits: &HostLimits) -> Result<Option<Change>, StanzaError> {
        if pending.kind() == PendingKind::Request && self.request(pending.from()).is_some() {
            Ok(None)
        } else if self.kept(pending.kind()).has_room(pending.from(), pending.presence(), limits) {
            Ok(Some(Change::KeepPending(pending)))
        } else {
            Err(StanzaError::new(Condition::ResourceConstraint))
        }
    }

    /// The change that forgets a stanza; `None` if there is none. Nothing is changed yet.
    #[must_use]
    pub fn forget(&self, from: &BareJid, kind: PendingKind) -> Option<Change> {
        self.kept(kind).get(from).map(|_| Change::RemovePending { from: from.clone(), kind })
    }

    const fn kept(&self, kind: PendingKind) -> &KeptStanzas {
        match kind {
            PendingKind::Request => &self.requests,
            PendingKind::Notice => &self.notices,
        }
    }

    pub(super) const fn kept_mut(&mut self, kind: PendingKind) -> &mut KeptStanzas {
        match kind {
            PendingKind::Request => &mut self.requests,
            PendingKind::Notice => &mut self.notices,
        }
    }
}
