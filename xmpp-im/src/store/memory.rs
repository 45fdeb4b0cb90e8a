//! Storage that lasts as long as the process: for tests, examples and servers that keep nothing.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use xmpp_core::jid::BareJid;

use super::{AccountData, Change, OfflineMessage, OfflineSummary, Pending, RosterItem};

/// Storage by the [contract](super), without a disk.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    owners: BTreeMap<BareJid, Kept>,
    incarnations: u64,
}

#[derive(Clone, Debug)]
struct Kept {
    data: AccountData,
    messages: BTreeMap<u64, OfflineMessage>,
}

impl Memory {
    /// Storage without accounts.
    #[must_use]
    pub const fn new() -> Self {
        Memory { owners: BTreeMap::new(), incarnations: 0 }
    }

    /// Makes an account, or lets an own domain keep something; nothing changes if that is so already.
    pub fn create(&mut self, owner: &BareJid) {
        if !self.owners.contains_key(owner) {
            self.incarnations += 1;
            let data = AccountData::new().with_incarnation(self.incarnations);
            self.owners.insert(owner.clone(), Kept { data, messages: BTreeMap::new() });
        }
    }

    /// Deletes an owner; what was kept of it.
    pub fn delete(&mut self, owner: &BareJid) -> Option<AccountData> {
        self.owners.remove(owner).map(|kept| kept.data)
    }

    /// What is kept of an owner, for [`loaded`](crate::host::Host::loaded); `None` if there is no such owner.
    #[must_use]
    pub fn load(&self, owner: &BareJid) -> Option<AccountData> {
        self.owners.get(owner).map(|kept| kept.data.clone())
    }

    /// Offline messages with numbers after that one, in their order: as many as weigh `bytes` together, but at least one if there is any.
    #[must_use]
    pub fn offline(&self, owner: &BareJid, after: u64, bytes: usize) -> Vec<OfflineMessage> {
        let mut page = Vec::new();
        let mut weight = 0;
        let waiting = self.owners.get(owner).into_iter().flat_map(|kept| kept.messages.values());
        for message in waiting.filter(|message| message.number() > after) {
            weight += message.bytes();
            if weight > bytes && !page.is_empty() {
                break;
            }
            page.push(message.clone());
        }
        page
    }

    /// Keeps a step. Whether there is such an owner: if not, the step has [failed](crate::host::Host::persist_failed).
    pub fn apply(&mut self, owner: &BareJid, changes: &[Change]) -> bool {
        let Some(kept) = self.owners.get_mut(owner) else { return false };
        for change in changes {
            kept.apply(change);
        }
        true
    }
}

impl Kept {
    fn apply(&mut self, change: &Change) {
        let data = &mut self.data;
        match change {
            Change::SetRosterItem(item) => {
                data.removed.remove(item.jid());
                match data.roster.binary_search_by(|known| known.jid().cmp(item.jid())) {
                    Ok(at) => {
                        data.roster.iter_mut().skip(at).take(1).for_each(|known| known.clone_from(item))
                    }
                    Err(at) => data.roster.insert(at, item.clone()),
                }
            }
            Change::RemoveRosterItem { jid, version, floor } => {
                data.roster.retain(|item: &RosterItem| item.jid() != jid);
                data.removed.insert(jid.clone(), *version);
                data.removed.retain(|_, removed| *removed > *floor);
                data.floor = *floor;
            }
            Change::KeepPending(pending) => {
                data.pending.retain(|kept| !is_same(kept, pending));
                data.pending.push(pending.clone());
            }
            Change::RemovePending { from, kind } => {
                data.pending.retain(|kept| (kept.from(), kept.kind()) != (from, *kind));
            }
            Change::SetLastPresence { at, presence } => data.last_presence = Some((*at, presence.clone())),
            Change::AppendOffline(message) => {
                self.messages.insert(message.number(), message.clone());
                self.count(message.number());
            }
            Change::RemoveOffline { through } => {
                self.messages.retain(|number, _| number > through);
                self.count(0);
            }
            Change::SetState { module, key, value } => {
                let state = data.state.entry(module.clone()).or_default();
                match value {
                    Some(value) => drop(state.insert(key.clone(), value.clone())),
                    None => drop(state.remove(key)),
                }
                if state.is_empty() {
                    data.state.remove(module);
                }
            }
        }
    }

    fn count(&mut self, number: u64) {
        let bytes = self.messages.values().map(OfflineMessage::bytes).sum();
        let last = self.data.offline.last().max(number);
        self.data.offline = OfflineSummary::new(self.messages.len(), bytes, last);
    }
}

fn is_same(one: &Pending, other: &Pending) -> bool {
    (one.from(), one.kind()) == (other.from(), other.kind())
}
