//! Accounts that are in memory for nobody, the one that was needed last the last to go.

use alloc::collections::BTreeMap;

use xmpp_core::jid::BareJid;

/// Accounts by when they were needed last.
#[derive(Debug, Default)]
pub(super) struct Idle {
    since: BTreeMap<BareJid, u64>,
    order: BTreeMap<u64, BareJid>,
    next: u64,
}

impl Idle {
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// It was needed just now.
    pub(super) fn touch(&mut self, account: &BareJid) {
        self.remove(account);
        self.since.insert(account.clone(), self.next);
        self.order.insert(self.next, account.clone());
        self.next += 1;
    }

    pub(super) fn remove(&mut self, account: &BareJid) {
        if let Some(number) = self.since.remove(account) {
            self.order.remove(&number);
        }
    }

    /// Takes out the one that was not needed for the longest time.
    pub(super) fn pop_oldest(&mut self) -> Option<BareJid> {
        let (_, account) = self.order.pop_first()?;
        self.since.remove(&account);
        Some(account)
    }
}
