//! The persistence contract: all that a host wants of storage, and what it relies on.
//!
//! What is kept belongs to an **owner**: an account, or one of the host's own domains (a bare JID without node), which always exists and of which
//! only the [state](Change::SetState) of modules is kept.
//!
//! - **Load.** [`HostAction::Load`](crate::host::HostAction::Load) asks for the [`AccountData`] of an owner, once; from then on the rules run in
//!   memory. A load sees every change that was handed out before it. Offline messages are not part of it: of those only
//!   [how many](OfflineSummary) there are; the messages come by the page.
//! - **Persist.** Whatever changes comes out as a [`Persist`]: one step of an owner, which is kept as a whole or not at all. Storage applies those
//!   of one owner in the order of their `seq`, and reports each with `persisted` once it would survive a crash, or with `persist_failed`. After one
//!   has failed, those of the same owner that were handed out before its next load fail too, whatever they are: they were made on top of it, and what
//!   they say of a contact may contain it. Changes are absolute: applying a step twice in a row is applying it once.
//! - **Nothing leaves early.** Whatever a step makes the host say, to whomever, leaves it only after `persisted`: what somebody was told is in the
//!   store. Reports may come in any order.
//! - **Failure.** After `persist_failed` nothing that depended on the step is said. Who asked for it is answered with `internal-server-error`, and
//!   the owner is loaded again, so that memory says what the store says.
//! - **Offline messages** are appended under numbers that grow and are never used again, paged in the order of those, and removed from
//!   the front, once the bytes of those [were sent](crate::host::Host). What was removed twice, or sent twice after a crash, is nobody's
//!   loss: what was appended and not removed is there.
//! - **Deletion.** With an account goes all that is kept of it. One that is made anew under its address is another one: it has another
//!   [incarnation](AccountData::incarnation), and nothing that was handed out for the old one may be applied to it.
//!
//! [`Memory`] is storage by this contract, without a disk.
//!
//! ```
//! use xmpp_core::jid::{BareJid, Jid};
//! use xmpp_im::store::{Change, Memory, RosterItem};
//!
//! let juliet = BareJid::new("juliet@example.com")?;
//! let mut memory = Memory::new();
//! memory.create(&juliet);
//! memory.apply(&juliet, &[Change::SetRosterItem(RosterItem::new(Jid::new("romeo@example.net")?).with_version(1))]);
//! assert_eq!(memory.load(&juliet).map(|data| data.roster().len()), Some(1));
//! # Ok::<(), xmpp_core::jid::JidError>(())
//! ```

mod memory;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;
use alloc::vec::Vec;

use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Message, Presence, PresenceType};
use xmpp_core::time::UtcTime;

pub use self::memory::Memory;

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

    /// Whether the user gets the contact's presence.
    #[must_use]
    pub const fn has_to(self) -> bool {
        matches!(self, Subscription::To | Subscription::Both)
    }

    /// Whether the contact gets the user's presence.
    #[must_use]
    pub const fn has_from(self) -> bool {
        matches!(self, Subscription::From | Subscription::Both)
    }
}

/// A contact in a roster (RFC 3921 section 7.1, RFC 6121 section 2.1.2).
///
/// That the contact waits for the user's answer is not in it: that is a [`Pending`] request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterItem {
    jid: Jid,
    name: Option<String>,
    subscription: Subscription,
    ask: bool,
    approved: bool,
    groups: BTreeSet<String>,
    version: u64,
}

impl RosterItem {
    /// A contact without name, groups or subscription.
    #[must_use]
    pub const fn new(jid: Jid) -> Self {
        RosterItem {
            jid,
            name: None,
            subscription: Subscription::None,
            ask: false,
            approved: false,
            groups: BTreeSet::new(),
            version: 0,
        }
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

    /// Sets whether the user waits for the contact's answer to a request ("Pending Out").
    #[must_use]
    pub const fn with_ask(mut self, ask: bool) -> Self {
        self.ask = ask;
        self
    }

    /// Sets whether the user has approved a request that the contact has not made yet (RFC 6121 section 3.4).
    #[must_use]
    pub const fn with_approved(mut self, approved: bool) -> Self {
        self.approved = approved;
        self
    }

    /// Puts the contact into a group.
    #[must_use]
    pub fn with_group(mut self, group: &str) -> Self {
        self.groups.insert(group.into());
        self
    }

    /// Sets the version of the roster in which it became what it is.
    #[must_use]
    pub const fn with_version(mut self, version: u64) -> Self {
        self.version = version;
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

    /// Whether the user waits for the contact's answer to a request ("Pending Out", RFC 3921 section 9.1).
    #[must_use]
    pub const fn ask(&self) -> bool {
        self.ask
    }

    /// Whether the user has approved a request that the contact has not made yet (RFC 6121 section 3.4).
    #[must_use]
    pub const fn approved(&self) -> bool {
        self.approved
    }

    /// The version of the roster in which it became what it is (RFC 6121 section 2.6): a count of the account's roster changes.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// Whether the contact is in that group.
    #[must_use]
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.contains(group)
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

/// Which of a contact's kept subscription stanzas it is: there is at most one of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PendingKind {
    /// `subscribe`, kept until the user answers: this is what "Pending In" means (RFC 3921 section 9.1, RFC 6121 section 3.1.3).
    Request,
    /// The latest of `subscribed`, `unsubscribe` and `unsubscribed`, kept until the first resource was told (RFC 3921 section 9.4).
    Notice,
}

/// A subscription stanza that came for an account and is kept, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    from: BareJid,
    kind: PendingKind,
    presence: Presence,
}

impl Pending {
    /// Keeps a stanza, from the bare address of whoever sent it (RFC 6121 section 3.1.3). `None` if it is of another type, or from nobody.
    #[must_use]
    pub fn new(mut presence: Presence) -> Option<Self> {
        let kind = match presence.type_() {
            PresenceType::Subscribe => PendingKind::Request,
            PresenceType::Subscribed | PresenceType::Unsubscribe | PresenceType::Unsubscribed => {
                PendingKind::Notice
            }
            _ => return None,
        };
        let from = presence.from()?.to_bare();
        presence.set_from(Some(from.clone().into()));
        Some(Pending { from, kind, presence })
    }

    /// The contact that sent it.
    #[must_use]
    pub const fn from(&self) -> &BareJid {
        &self.from
    }

    /// Which of the contact's it is.
    #[must_use]
    pub const fn kind(&self) -> PendingKind {
        self.kind
    }

    /// The stanza.
    #[must_use]
    pub const fn presence(&self) -> &Presence {
        &self.presence
    }

    /// The stanza.
    #[must_use]
    pub fn into_presence(self) -> Presence {
        self.presence
    }
}

/// A message that waits for its receiver to come online (RFC 3921 section 11.1, XEP-0160).
#[derive(Clone, Debug, PartialEq)]
pub struct OfflineMessage {
    number: u64,
    at: UtcTime,
    message: Message,
}

impl OfflineMessage {
    /// A message that came at that time, under its number among those of the account.
    #[must_use]
    pub const fn new(number: u64, at: UtcTime, message: Message) -> Self {
        OfflineMessage { number, at, message }
    }

    /// Its number: later messages have higher ones.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// When it came.
    #[must_use]
    pub const fn at(&self) -> UtcTime {
        self.at
    }

    /// The message, as it came.
    #[must_use]
    pub const fn message(&self) -> &Message {
        &self.message
    }

    /// The message, as it came.
    #[must_use]
    pub fn into_message(self) -> Message {
        self.message
    }

    /// What it counts for, in bytes: in the limit of an account, and in that of a page.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.message.weight()
    }
}

/// How much waits for an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OfflineSummary {
    count: usize,
    bytes: usize,
    last: u64,
}

impl OfflineSummary {
    /// That many messages, of that many [bytes](OfflineMessage::bytes) together, after `last` numbers were given.
    #[must_use]
    pub const fn new(count: usize, bytes: usize, last: u64) -> Self {
        OfflineSummary { count, bytes, last }
    }

    /// How many messages wait.
    #[must_use]
    pub const fn count(self) -> usize {
        self.count
    }

    /// Their [bytes](OfflineMessage::bytes) together.
    #[must_use]
    pub const fn bytes(self) -> usize {
        self.bytes
    }

    /// The highest number that was ever given to a message, waiting or not; 0 if there was none.
    #[must_use]
    pub const fn last(self) -> u64 {
        self.last
    }
}

/// All that the rules need in memory of an owner: an account, or one of the host's own domains.
///
/// The version of its roster is not told apart: it is the highest among those of its items, of its removed contacts, and the floor.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountData {
    pub(crate) incarnation: u64,
    pub(crate) roster: Vec<RosterItem>,
    pub(crate) removed: BTreeMap<Jid, u64>,
    pub(crate) floor: u64,
    pub(crate) pending: Vec<Pending>,
    pub(crate) last_presence: Option<(UtcTime, Presence)>,
    pub(crate) offline: OfflineSummary,
    pub(crate) state: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
}

impl AccountData {
    /// An account of which nothing is kept yet.
    #[must_use]
    pub const fn new() -> Self {
        AccountData {
            incarnation: 0,
            roster: Vec::new(),
            removed: BTreeMap::new(),
            floor: 0,
            pending: Vec::new(),
            last_presence: None,
            offline: OfflineSummary::new(0, 0, 0),
            state: BTreeMap::new(),
        }
    }

    /// Sets what tells it from every other account that was or will be of this address: drawn at random when it is made.
    #[must_use]
    pub const fn with_incarnation(mut self, incarnation: u64) -> Self {
        self.incarnation = incarnation;
        self
    }

    /// Sets the roster; of two items with one address the later one counts.
    #[must_use]
    pub fn with_roster(mut self, roster: impl IntoIterator<Item = RosterItem>) -> Self {
        self.roster = roster.into_iter().collect();
        self
    }

    /// Sets the contacts that were removed, each with the version of the roster in which it was.
    #[must_use]
    pub fn with_removed(mut self, removed: impl IntoIterator<Item = (Jid, u64)>) -> Self {
        self.removed = removed.into_iter().collect();
        self
    }

    /// Sets the version up to which removed contacts were forgotten.
    #[must_use]
    pub const fn with_floor(mut self, floor: u64) -> Self {
        self.floor = floor;
        self
    }

    /// Sets the kept subscription stanzas; of two of one contact and kind the later one counts.
    #[must_use]
    pub fn with_pending(mut self, pending: impl IntoIterator<Item = Pending>) -> Self {
        self.pending = pending.into_iter().collect();
        self
    }

    /// Sets the last unavailable presence, and when it was sent.
    #[must_use]
    pub fn with_last_presence(mut self, at: UtcTime, presence: Presence) -> Self {
        self.last_presence = Some((at, presence));
        self
    }

    /// Sets how many offline messages there are.
    #[must_use]
    pub const fn with_offline(mut self, offline: OfflineSummary) -> Self {
        self.offline = offline;
        self
    }

    /// Sets a value of a module's state.
    #[must_use]
    pub fn with_state(mut self, module: &str, key: &str, value: Vec<u8>) -> Self {
        self.state.entry(module.into()).or_default().insert(key.into(), value);
        self
    }

    /// What tells it from every other account that was or will be of this address.
    #[must_use]
    pub const fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The contacts.
    #[must_use]
    pub fn roster(&self) -> &[RosterItem] {
        &self.roster
    }

    /// The contacts that were removed, each with the version of the roster in which it was (RFC 6121 section 2.6.3), in the order of
    /// their addresses.
    pub fn removed(&self) -> impl Iterator<Item = (&Jid, u64)> + Clone {
        self.removed.iter().map(|(jid, version)| (jid, *version))
    }

    /// The version up to which removed contacts were forgotten: what a client knows of an older roster cannot be brought up to date.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        self.floor
    }

    /// The kept subscription stanzas.
    #[must_use]
    pub fn pending(&self) -> &[Pending] {
        &self.pending
    }

    /// The last unavailable presence, and when it was sent (RFC 3921 section 5.1.3).
    #[must_use]
    pub const fn last_presence(&self) -> Option<(UtcTime, &Presence)> {
        match &self.last_presence {
            Some((at, presence)) => Some((*at, presence)),
            None => None,
        }
    }

    /// How many offline messages there are.
    #[must_use]
    pub const fn offline(&self) -> OfflineSummary {
        self.offline
    }

    /// What a module has kept, in the order of the keys.
    pub fn state<'a>(&'a self, module: &str) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone + use<'a> {
        self.state.get(module).into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_slice()))
    }

    /// The modules that have kept something, by name.
    pub fn modules(&self) -> impl Iterator<Item = &str> + Clone {
        self.state.keys().map(String::as_str)
    }
}

/// A change to what is kept of an owner. Applying one twice in a row is applying it once.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Change {
    /// The roster has this item now, instead of what it had under that address, removed or not.
    SetRosterItem(RosterItem),
    /// The roster has no item under this address.
    RemoveRosterItem {
        /// The contact's address.
        jid: Jid,
        /// The version of the roster without it, to be kept with the address.
        version: u64,
        /// Contacts that were removed in this version or before are forgotten now; never lower than it was.
        floor: u64,
    },
    /// This stanza is kept now, instead of the contact's one of its kind.
    KeepPending(Pending),
    /// The contact's stanza of that kind is no longer kept.
    RemovePending {
        /// The contact.
        from: BareJid,
        /// Which one.
        kind: PendingKind,
    },
    /// This is the last unavailable presence now.
    SetLastPresence {
        /// When it was sent.
        at: UtcTime,
        /// The stanza.
        presence: Presence,
    },
    /// This message waits now, under its number.
    AppendOffline(OfflineMessage),
    /// The messages with numbers up to this one no longer wait.
    RemoveOffline {
        /// The last one.
        through: u64,
    },
    /// A module has kept this value under its key now.
    SetState {
        /// The module's name.
        module: String,
        /// Of the module's choice.
        key: String,
        /// `None`: there is none any more.
        value: Option<Vec<u8>>,
    },
}

impl Change {
    /// The contact whose roster item it changes.
    pub(crate) const fn contact(&self) -> Option<&Jid> {
        match self {
            Change::SetRosterItem(item) => Some(item.jid()),
            Change::RemoveRosterItem { jid, .. } => Some(jid),
            _ => None,
        }
    }
}

/// One step of an owner that storage has to keep, as a whole, and to report.
#[derive(Clone, Debug, PartialEq)]
pub struct Persist {
    pub(crate) owner: BareJid,
    pub(crate) seq: u64,
    pub(crate) changes: Vec<Change>,
}

impl Persist {
    /// Whose step it is.
    #[must_use]
    pub const fn owner(&self) -> &BareJid {
        &self.owner
    }

    /// Its number, growing over all owners of the host.
    #[must_use]
    pub const fn seq(&self) -> u64 {
        self.seq
    }

    /// What changes, in order.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }
}
