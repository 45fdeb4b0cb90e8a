//! Rosters: who is in them and how, what changes them, and what their owner's resources are told (RFC 3921 section 7, RFC 6121 section 2).
//!
//! A [`Roster`] is a value: it says which [`Change`] something asks for, and [applies](Roster::apply) it when it is told to. Nothing is
//! stored or sent here; [`host`](crate::host) does that, with a [`module`](crate::module).
//!
//! - RFC 3921 section 7, RFC 6121 sections 2.1 to 2.5: reading and judging a roster set ([`Update`]), results and pushes
//! - RFC 6121 section 2.6: versions ([`Answer`])
//! - RFC 3921 sections 8.6 and 9.4: what a removal cancels; requests that are kept until they are answered
//!
//! It does not decide what a subscription stanza does: [`subscription`](crate::subscription) does, and the outcome comes to [`Roster::set_state`].
//!
//! ```
//! use xmpp_core::jid::Jid;
//! use xmpp_core::xml::{Element, ns};
//! use xmpp_im::limits::HostLimits;
//! use xmpp_im::roster::{Answer, Roster, Update};
//!
//! let limits = HostLimits::new();
//! let item = Element::builder(ns::ROSTER, "item").attr("jid", "nurse@example.com").attr("name", "Nurse").build();
//! let query = Element::builder(ns::ROSTER, "query").child(item).build();
//! let update = Update::parse(query.as_ref(), &limits)?;
//!
//! let mut roster = Roster::default();
//! let before = roster.ver();
//! let change = roster.change(update, &limits)?;
//! roster.apply(&change);
//! assert_eq!(roster.get(&Jid::new("nurse@example.com")?).and_then(|item| item.name()), Some("Nurse"));
//!
//! // Whoever has the roster as it was is told what has changed since; who has none gets all of it.
//! assert!(matches!(roster.answer(Some(&before), &limits), Answer::Changes(pushes) if pushes.len() == 1));
//! assert!(matches!(roster.answer(None, &limits), Answer::Complete(query) if query.attr("ver") == Some(&roster.ver())));
//! assert_eq!(roster.answer(Some(&roster.ver()), &limits), Answer::Changes(Vec::new()));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod part;
mod push;
mod query;
mod requests;
mod update;
mod versions;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Bound;

use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::StanzaError;

use self::requests::KeptStanzas;
use self::versions::Versions;
use crate::limits::HostLimits;
use crate::store::{AccountData, Change, PendingKind, RosterItem, Subscription};
use crate::subscription::State;

pub(crate) use self::part::Rosters;
pub(crate) use self::push::push;
pub use self::query::Entry;
pub use self::update::Update;
pub use self::versions::Answer;

/// The contacts of one account, and the subscription stanzas that are kept for it.
///
/// What it may hold is limited: see [`change`](Roster::change), [`set_state`](Roster::set_state) and [`keep`](Roster::keep).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    items: BTreeMap<Jid, RosterItem>,
    /// Bytes of text in all of them.
    bytes: usize,
    versions: Versions,
    requests: KeptStanzas,
    notices: KeptStanzas,
}

impl Roster {
    /// The item under that address.
    #[must_use]
    pub fn get(&self, jid: &Jid) -> Option<&RosterItem> {
        self.items.get(jid)
    }

    /// The items, in the order of their addresses.
    pub fn items(&self) -> impl Iterator<Item = &RosterItem> + Clone {
        self.items.values()
    }

    /// How many items there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Makes a change. One that is not about rosters changes nothing.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::SetRosterItem(item) => {
                self.bytes += item.text_bytes();
                let replaced = self.items.insert(item.jid().clone(), item.clone());
                self.bytes -= replaced.as_ref().map_or(0, RosterItem::text_bytes);
                self.versions.set(item, replaced.is_none());
            }
            Change::RemoveRosterItem { jid, version, floor } => {
                let removed = self.items.remove(jid);
                self.bytes -= removed.as_ref().map_or(0, RosterItem::text_bytes);
                self.versions.removed(jid, *version, *floor);
            }
            Change::KeepPending(pending) => {
                self.kept_mut(pending.kind()).insert(pending.from().clone(), pending.presence().clone());
            }
            Change::RemovePending { from, kind } => self.kept_mut(*kind).remove(from),
            _ => {}
        }
    }

    /// What holds between the user and that contact, and whether the user has approved a request in advance (RFC 3921 section 9.1,
    /// RFC 6121 section 3.4).
    #[must_use]
    pub fn state(&self, contact: &BareJid) -> (State, bool) {
        let item = self.items.get(contact.as_jid());
        let subscription = item.map(RosterItem::subscription).unwrap_or_default();
        let ask = item.is_some_and(RosterItem::ask);
        let state = State::from_parts(subscription, ask, self.request(contact).is_some());
        (state, item.is_some_and(RosterItem::approved))
    }

    /// What has to change so that this holds between the user and that contact. Nothing is changed yet.
    ///
    /// An item is made where the user has to see one: for a contact whose request waits, and for nobody else, there is none until the user
    /// says something (RFC 3921 section 9.1, RFC 6121 section 3.1.3). That a request waits is said by [keeping](Self::keep) it; it is
    /// forgotten here once it waits no longer.
    ///
    /// # Errors
    /// `not-allowed` when there is no room for a new item: only what the user sends can ask for one.
    pub fn set_state(
        &self,
        contact: &BareJid,
        state: State,
        approved: bool,
        limits: &HostLimits,
    ) -> Result<Vec<Change>, StanzaError> {
        let mut changes = Vec::new();
        let known = self.items.get(contact.as_jid());
        let item = known.cloned().unwrap_or_else(|| RosterItem::new(contact.clone().into()));
        let item = item
            .with_subscription(state.subscription())
            .with_ask(state.is_pending_out())
            .with_approved(approved);
        let shows_something = item.subscription() != Subscription::None || item.ask() || item.approved();
        if known.map_or(shows_something, |known| *known != item) {
            self.check_room(&item, limits)?;
            changes.push(Change::SetRosterItem(item.with_version(self.versions.next())));
        }
        if !state.is_pending_in() {
            changes.extend(self.forget(contact, PendingKind::Request));
        }
        Ok(changes)
    }

    /// What the roster says of the subscription between the user and that contact; `None` for who is not in it.
    #[must_use]
    pub fn subscription(&self, contact: &BareJid) -> Subscription {
        self.items.get(contact.as_jid()).map(RosterItem::subscription).unwrap_or_default()
    }

    /// The contacts that get the user's presence, in the order of their addresses (RFC 6121 section 4.2.2).
    pub fn subscribers(&self) -> impl Iterator<Item = &Jid> + Clone {
        self.with_subscription(Subscription::has_from)
    }

    /// The contacts whose presence the user gets, in the order of their addresses (RFC 6121 section 4.3.1).
    pub fn subscribed_to(&self) -> impl Iterator<Item = &Jid> + Clone {
        self.with_subscription(Subscription::has_to)
    }

    /// Those of [`subscribed_to`](Self::subscribed_to) whose addresses come after that one.
    pub(crate) fn subscribed_to_after(&self, contact: Option<&Jid>) -> impl Iterator<Item = &Jid> {
        let after = contact.map_or(Bound::Unbounded, Bound::Excluded);
        let items = self.items.range::<Jid, _>((after, Bound::Unbounded)).map(|(_, item)| item);
        items
            .filter(|item| matches!(item.subscription(), Subscription::To | Subscription::Both))
            .map(RosterItem::jid)
    }

    fn with_subscription(&self, matches: fn(Subscription) -> bool) -> impl Iterator<Item = &Jid> + Clone {
        self.items().filter(move |item| matches(item.subscription())).map(RosterItem::jid)
    }

    /// Whether some contact is in that group.
    #[must_use]
    pub fn has_group(&self, group: &str) -> bool {
        self.items().any(|item| item.is_in(group))
    }

    /// Whether that contact is in that group.
    #[must_use]
    pub fn is_in_group(&self, contact: &BareJid, group: &str) -> bool {
        self.items.get(contact.as_jid()).is_some_and(|item| item.is_in(group))
    }
}

/// What was stored of an account, as far as it is roster.
impl From<AccountData> for Roster {
    fn from(data: AccountData) -> Self {
        let versions = Versions::new(data.incarnation, data.floor);
        let mut roster = Roster { versions, ..Roster::default() };
        for item in data.roster {
            roster.apply(&Change::SetRosterItem(item));
        }
        // Not before: each new item looks for itself among what was removed.
        let is_gone = |(jid, _): &(Jid, u64)| !roster.items.contains_key(jid);
        roster.versions.remember(data.removed.into_iter().filter(is_gone));
        for pending in data.pending {
            roster.apply(&Change::KeepPending(pending));
        }
        roster
    }
}

impl FromIterator<RosterItem> for Roster {
    fn from_iter<T: IntoIterator<Item = RosterItem>>(items: T) -> Self {
        AccountData::new().with_roster(items).into()
    }
}

#[cfg(test)]
mod tests;
