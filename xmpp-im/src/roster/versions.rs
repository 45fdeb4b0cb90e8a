//! Roster versions: what a `ver` names, and what changed since (RFC 6121 section 2.6).

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use xmpp_core::jid::Jid;
use xmpp_core::xml::Element;

use super::Roster;
use super::query::{Modification, TAGS};
use crate::limits::HostLimits;
use crate::store::{Change, RosterItem};

/// Bytes of a push around its item, about.
const PUSH: usize = 160;

/// How a roster get is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The result has this `<query/>`: all of the roster.
    Complete(Element),
    /// The result is empty, and these `<query/>`s are pushed after it, in this order: what changed since the version that the client has.
    Changes(Vec<Element>),
}

/// The version of a roster, and how far back it can be told what changed.
///
/// Each change of an item takes the next number, and the item bears it. Of items that are gone the latest are remembered; whoever has a
/// version from before the oldest of them gets the whole roster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Versions {
    /// Which of the accounts that had this address one after the other.
    incarnation: u64,
    latest: u64,
    /// From this version on it is known what was removed.
    floor: u64,
    /// What was removed since, in the order of the versions.
    removed: VecDeque<(u64, Jid)>,
}

impl Versions {
    /// Of an account of that incarnation, of which nothing is known that was removed up to the floor.
    pub(super) const fn new(incarnation: u64, floor: u64) -> Self {
        Versions { incarnation, latest: floor, floor, removed: VecDeque::new() }
    }

    /// These contacts were removed, each in that version.
    pub(super) fn remember(&mut self, removed: impl Iterator<Item = (Jid, u64)>) {
        let mut removed: Vec<_> = removed.map(|(jid, version)| (version, jid)).collect();
        removed.sort_unstable();
        self.latest = removed.last().map_or(self.latest, |(version, _)| self.latest.max(*version));
        self.removed = removed.into();
    }

    pub(super) const fn latest(&self) -> u64 {
        self.latest
    }

    /// The version of the next change.
    pub(super) const fn next(&self) -> u64 {
        self.latest.saturating_add(1)
    }

    /// What a `ver` says of this version.
    pub(super) fn name(&self, version: u64) -> String {
        format!("{:x}-{version:x}", self.incarnation)
    }

    /// The version of that name, if it is known what changed since.
    fn known(&self, name: &str) -> Option<u64> {
        let version = u64::from_str_radix(name.rsplit('-').next()?, 16).ok()?;
        // What this roster never said is not a version of it.
        ((self.floor..=self.latest).contains(&version) && self.name(version) == name).then_some(version)
    }

    /// The change that removes this item, and what it makes forgotten.
    pub(super) fn remove(&self, jid: Jid, limits: &HostLimits) -> Change {
        let version = self.next();
        let forgotten = (self.removed.len() + 1).checked_sub(limits.roster_removed() + 1);
        let floor = match forgotten {
            None => self.floor,
            Some(index) => self.removed.get(index).map_or(version, |(version, _)| *version),
        };
        Change::RemoveRosterItem { jid, version, floor }
    }

    /// An item is there as it is now, where none was if it is new.
    pub(super) fn set(&mut self, item: &RosterItem, is_new: bool) {
        self.latest = self.latest.max(item.version());
        if is_new {
            self.removed.retain(|(_, removed)| removed != item.jid());
        }
    }

    /// An item is gone with this version.
    pub(super) fn removed(&mut self, jid: &Jid, version: u64, floor: u64) {
        self.latest = self.latest.max(version);
        self.floor = self.floor.max(floor);
        let floor = self.floor;
        self.removed.retain(|(removed, other)| *removed > floor && other != jid);
        if version > floor {
            self.removed.push_back((version, jid.clone()));
        }
    }
}

impl Roster {
    /// What a `ver` says of the roster as it is.
    #[must_use]
    pub fn ver(&self) -> String {
        self.versions.name(self.versions.latest())
    }

    /// How a roster get with that `ver`, or without one, is answered.
    ///
    /// Changes are told one by one unless the whole roster is shorter (RFC 6121 section 2.6.3), or so many of them would crowd an outbox.
    #[must_use]
    pub fn answer(&self, ver: Option<&str>, limits: &HostLimits) -> Answer {
        match ver.and_then(|ver| self.versions.known(ver)).and_then(|since| self.changes(since, limits)) {
            Some(pushes) => Answer::Changes(pushes),
            None => Answer::Complete(self.query()),
        }
    }

    fn changes(&self, since: u64, limits: &HostLimits) -> Option<Vec<Element>> {
        let set = self.items.values().filter(|item| item.version() > since).map(Modification::Set);
        let removed = self.versions.removed.iter().filter(|(version, _)| *version > since);
        let removed = removed.map(|(version, jid)| Modification::Removed { jid, version: *version });
        let mut modified: Vec<_> = set.chain(removed).collect();
        let pushes: usize = modified.iter().map(|modification| PUSH + modification.size()).sum();
        let complete = PUSH + self.bytes + self.items.len() * TAGS;
        if pushes > complete.min(limits.outbox_bytes() / 8) {
            return None;
        }
        // RFC 6121 section 2.6.3: in the order of modification.
        modified.sort_unstable_by_key(|modification| modification.version());
        Some(modified.into_iter().map(|modification| self.push_of(modification)).collect())
    }
}
