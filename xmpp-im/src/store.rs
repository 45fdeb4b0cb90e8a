//! The persistence contract: all that a host wants of storage, and what it relies on.
//!
//! - **Load.** [`HostAction::Load`](crate::host::HostAction::Load) asks for all of an [`AccountData`], once; from then on the rules run in memory. A load sees
//!   every change that was handed out before it.
//! - **Persist.** Every change comes out as a [`Persist`]. Storage applies the changes of one account in the order of their `seq`, each as a whole,
//!   and reports each with `persisted` once it would survive a crash, or with `persist_failed`. Changes are absolute: applying one does not need
//!   the one before, and applying it twice is applying it once.
//! - **Nothing leaves early.** The answer to a request that changes something, what others learn of the change, and a roster that
//!   already contains it leave the host only after `persisted`: what a client was told is in the store. Reports may come in any order.
//! - **Failure.** After `persist_failed` the requests that depend on the change are answered with `internal-server-error`, and the account is
//!   loaded again, so that memory says what the store says.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use xmpp_core::jid::{BareJid, Jid};

/// The state of a subscription, as a roster tells it (RFC 3921 section 7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subscription {
    /// Neither gets the other's presence.
    #[default]
    None,
    /// The user gets the contact's presence.
    To,
    /// The contact gets the user's presence.
    From,
    /// Each gets the other's presence.
    Both,
}

impl Subscription {
    /// All of them.
    pub const ALL: [Subscription; 4] =
        [Subscription::None, Subscription::To, Subscription::From, Subscription::Both];

    /// The value of the attribute `subscription`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Subscription::None => "none",
            Subscription::To => "to",
            Subscription::From => "from",
            Subscription::Both => "both",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Subscription::ALL.into_iter().find(|subscription| subscription.name() == name)
    }
}

/// A contact in a roster (RFC 3921 section 7.1, RFC 6121 section 2.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterItem {
    jid: Jid,
    name: Option<String>,
    subscription: Subscription,
    groups: BTreeSet<String>,
}

impl RosterItem {
    /// A contact without name, groups or subscription.
    #[must_use]
    pub const fn new(jid: Jid) -> Self {
        RosterItem { jid, name: None, subscription: Subscription::None, groups: BTreeSet::new() }
    }

    /// Sets the name; an empty one is none.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        self.name = Some(name.into()).filter(|name: &String| !name.is_empty());
        self
    }

    /// Sets the state of the subscription.
    #[must_use]
    pub const fn with_subscription(mut self, subscription: Subscription) -> Self {
        self.subscription = subscription;
        self
    }

    /// Puts the contact into a group.
    #[must_use]
    pub fn with_group(mut self, group: &str) -> Self {
        self.groups.insert(group.into());
        self
    }

    /// The contact's address.
    #[must_use]
    pub const fn jid(&self) -> &Jid {
        &self.jid
    }

    /// What the user calls the contact.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The state of the subscription.
    #[must_use]
    pub const fn subscription(&self) -> Subscription {
        self.subscription
    }

    /// Bytes of text in it.
    pub(crate) fn text_bytes(&self) -> usize {
        let groups: usize = self.groups.iter().map(String::len).sum();
        self.jid.as_str().len() + self.name.as_ref().map_or(0, String::len) + groups
    }

    /// The groups the contact is in, in alphabetical order.
    pub fn groups(&self) -> impl Iterator<Item = &str> + Clone {
        self.groups.iter().map(String::as_str)
    }
}

/// All of an account that the rules need in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountData {
    roster: Vec<RosterItem>,
}

impl AccountData {
    /// An account whose roster is empty.
    #[must_use]
    pub const fn new() -> Self {
        AccountData { roster: Vec::new() }
    }

    /// Sets the roster; of two items with one address the later one counts.
    #[must_use]
    pub fn with_roster(mut self, roster: impl IntoIterator<Item = RosterItem>) -> Self {
        self.roster = roster.into_iter().collect();
        self
    }

    /// The contacts.
    #[must_use]
    pub fn roster(&self) -> &[RosterItem] {
        &self.roster
    }

    pub(crate) fn into_roster(self) -> Vec<RosterItem> {
        self.roster
    }
}

/// A change to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The roster has this item now, instead of what it had under that address.
    SetRosterItem(RosterItem),
    /// The roster has no item under this address.
    RemoveRosterItem(Jid),
}

/// A change that storage has to apply and report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Persist {
    pub(crate) account: BareJid,
    pub(crate) seq: u64,
    pub(crate) change: Change,
}

impl Persist {
    /// Whose change it is.
    #[must_use]
    pub const fn account(&self) -> &BareJid {
        &self.account
    }

    /// Its number, growing over all accounts of the host.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// What changes.
    #[must_use]
    pub const fn change(&self) -> &Change {
        &self.change
    }
}
