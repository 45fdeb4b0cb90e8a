//! Who is there: the presence of each resource that told us (RFC 6121 sections 4.4.3, 4.5.4 and 4.7).

use alloc::collections::BTreeMap;

use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Presence, PresenceType};

use super::limits::ClientLimits;

/// The presence of contacts, of our own other resources, and of whoever else sends us theirs.
#[derive(Debug, Default)]
pub struct Presences {
    accounts: BTreeMap<BareJid, Account>,
    /// What is kept of all that are no contacts.
    strangers: usize,
    stranger_bytes: usize,
    arrivals: u64,
}

#[derive(Debug)]
struct Account {
    contact: bool,
    bytes: usize,
    /// By the addresses it came from: full JIDs, or the bare one of an entity without resources.
    available: BTreeMap<Jid, Entry>,
}

#[derive(Debug)]
struct Entry {
    arrival: u64,
    presence: Presence,
}

impl Entry {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.presence.weight()
    }
}

impl Presences {
    /// The presence of that very address, if it is available.
    #[must_use]
    pub fn get(&self, jid: &Jid) -> Option<&Presence> {
        self.accounts.get(&jid.to_bare())?.available.get(jid).map(|entry| &entry.presence)
    }

    /// The presence of each available resource, in the order of the addresses they have in `from`.
    pub fn of(&self, account: &BareJid) -> impl Iterator<Item = &Presence> {
        let resources = self.accounts.get(account).into_iter().flat_map(|account| account.available.values());
        resources.map(|entry| &entry.presence)
    }

    /// The presence that stands for the account: that of the greatest priority, of several the latest. None if nobody is available.
    ///
    /// A priority that is none counts as 0, as a missing one does (RFC 6121 section 4.7.2.3).
    #[must_use]
    pub fn best(&self, account: &BareJid) -> Option<&Presence> {
        let entries = self.accounts.get(account)?.available.values();
        entries
            .max_by_key(|entry| (entry.presence.priority().unwrap_or(0), entry.arrival))
            .map(|entry| &entry.presence)
    }

    /// Whether any resource is available.
    #[must_use]
    pub fn is_available(&self, account: &BareJid) -> bool {
        self.accounts.contains_key(account)
    }

    /// The accounts with available resources, in the order of their addresses.
    pub fn accounts(&self) -> impl Iterator<Item = &BareJid> {
        self.accounts.keys()
    }

    /// Takes in what came: available, unavailable or an error. Presence beyond the limits is not kept, and what was known of the same
    /// address neither, since it is outdated.
    pub(super) fn apply(&mut self, from: &Jid, contact: bool, presence: &Presence, limits: &ClientLimits) {
        let bare = from.to_bare();
        if from.is_bare() && presence.type_() != PresenceType::Available {
            // RFC 6121 section 4.5.4: it is about all resources.
            self.clear(&bare);
            return;
        }
        self.remove(&bare, from);
        if presence.type_() != PresenceType::Available {
            return;
        }
        let entry = Entry { arrival: self.arrivals, presence: presence.clone() };
        self.arrivals += 1;
        self.classify(&bare, contact);
        let (count, bytes, most, most_bytes) = if contact {
            let account = self.accounts.get(&bare);
            let (count, bytes) = account.map_or((0, 0), |account| (account.available.len(), account.bytes));
            (count, bytes, limits.resources(), limits.presence_bytes())
        } else {
            (self.strangers, self.stranger_bytes, limits.strangers(), limits.stranger_bytes())
        };
        if count >= most || bytes + entry.weight() > most_bytes {
            return;
        }
        let account = self.accounts.entry(bare).or_insert_with(|| Account {
            contact,
            bytes: 0,
            available: BTreeMap::new(),
        });
        account.bytes += entry.weight();
        if !contact {
            self.strangers += 1;
            self.stranger_bytes += entry.weight();
        }
        account.available.insert(from.clone(), entry);
    }

    /// What is known of that account counts for its own bound from now on, or for the strangers'; whether that is a change.
    pub(super) fn classify(&mut self, bare: &BareJid, contact: bool) -> bool {
        let Some(account) = self.accounts.get_mut(bare).filter(|account| account.contact != contact) else {
            return false;
        };
        account.contact = contact;
        if contact {
            self.strangers -= account.available.len();
            self.stranger_bytes -= account.bytes;
        } else {
            self.strangers += account.available.len();
            self.stranger_bytes += account.bytes;
        }
        true
    }

    fn remove(&mut self, bare: &BareJid, jid: &Jid) {
        let Some(account) = self.accounts.get_mut(bare) else { return };
        let Some(entry) = account.available.remove(jid) else { return };
        account.bytes -= entry.weight();
        if !account.contact {
            self.strangers -= 1;
            self.stranger_bytes -= entry.weight();
        }
        if account.available.is_empty() {
            self.accounts.remove(bare);
        }
    }

    /// Nobody is known to be there any more; whether anybody was.
    pub(super) fn clear(&mut self, bare: &BareJid) -> bool {
        let Some(account) = self.accounts.remove(bare) else { return false };
        if !account.contact {
            self.strangers -= account.available.len();
            self.stranger_bytes -= account.bytes;
        }
        true
    }
}

#[cfg(test)]
mod tests;
