//! Rosters: reading requests, changing, answering and pushing (RFC 3921 section 7, RFC 6121 section 2).
//!
//! ```
//! use xmpp_core::jid::Jid;
//! use xmpp_core::xml::{Element, ns};
//! use xmpp_im::limits::HostLimits;
//! use xmpp_im::roster::{Roster, Update};
//!
//! let item = Element::builder(ns::ROSTER, "item").attr("jid", "nurse@example.com").attr("name", "Nurse").build();
//! let query = Element::builder(ns::ROSTER, "query").child(item).build();
//! let update = Update::parse(query.as_ref(), &HostLimits::new())?;
//!
//! let mut roster = Roster::default();
//! let change = roster.change(update, &HostLimits::new())?;
//! roster.apply(&change);
//! assert_eq!(roster.get(&Jid::new("nurse@example.com")?).and_then(|item| item.name()), Some("Nurse"));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::{String, ToString};

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, StanzaError};
use xmpp_core::xml::{Element, ElementRef, ns};

use crate::limits::HostLimits;
use crate::store::{Change, RosterItem, Subscription};

/// The contacts of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roster {
    items: BTreeMap<Jid, RosterItem>,
    /// Bytes of text in all of them.
    bytes: usize,
}

/// What a client wants changed: the content of a roster set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// The contact is to have this name and these groups.
    Set {
        /// The contact's address.
        jid: Jid,
        /// What the user calls the contact.
        name: Option<String>,
        /// The groups to be in; those it was in before do not count.
        groups: BTreeSet<String>,
    },
    /// The contact is to go.
    Remove(Jid),
}

impl Update {
    /// Reads the `<query/>` of a roster set.
    ///
    /// What only a server may set, `subscription` other than `remove` and `ask`, is ignored (RFC 6121 section 2.1.2).
    ///
    /// # Errors
    /// RFC 6121 section 2.3.3: `bad-request` unless there is exactly one item with an address and no group twice,
    /// `not-acceptable` for an empty group, too many groups, or a name or group that is longer than the limits allow;
    /// `jid-malformed` for an address that is none.
    pub fn parse(query: ElementRef<'_>, limits: &HostLimits) -> Result<Self, StanzaError> {
        let bad_request = || StanzaError::new(Condition::BadRequest);
        let not_acceptable = || StanzaError::new(Condition::NotAcceptable);
        let mut items = query.children().filter(|child| child.is(ns::ROSTER, "item"));
        let (Some(item), None) = (items.next(), items.next()) else {
            return Err(bad_request());
        };
        let jid = item.attr("jid").ok_or_else(bad_request)?;
        let jid = Jid::new(jid).map_err(|_| StanzaError::new(Condition::JidMalformed))?;
        if item.attr("subscription") == Some("remove") {
            return Ok(Update::Remove(jid));
        }
        let name = item.attr("name").filter(|name| !name.is_empty());
        if name.is_some_and(|name| name.len() > limits.roster_text()) {
            return Err(not_acceptable());
        }
        let mut groups = BTreeSet::new();
        for group in item.children().filter(|child| child.is(ns::ROSTER, "group")) {
            let group = group.text();
            if group.is_empty() || group.len() > limits.roster_text() {
                return Err(not_acceptable());
            }
            if !groups.insert(group.into_owned()) {
                return Err(bad_request());
            }
            if groups.len() > limits.roster_groups() {
                return Err(not_acceptable());
            }
        }
        Ok(Update::Set { jid, name: name.map(ToString::to_string), groups })
    }
}

impl Roster {
    /// The contact under that address.
    #[must_use]
    pub fn get(&self, jid: &Jid) -> Option<&RosterItem> {
        self.items.get(jid)
    }

    /// The contacts, in the order of their addresses.
    pub fn items(&self) -> impl Iterator<Item = &RosterItem> + Clone {
        self.items.values()
    }

    /// How many contacts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What an update means for this roster. Nothing is changed yet.
    ///
    /// # Errors
    /// `item-not-found` when there is nothing to remove (RFC 6121 section 2.5.3), `not-allowed` when the roster is full.
    pub fn change(&self, update: Update, limits: &HostLimits) -> Result<Change, StanzaError> {
        match update {
            Update::Remove(jid) if self.items.contains_key(&jid) => Ok(removal(jid)),
            Update::Remove(_) => Err(StanzaError::new(Condition::ItemNotFound)),
            Update::Set { jid, name, groups } => {
                let known = self.items.get(&jid);
                let item = RosterItem::new(jid)
                    .with_name(name.as_deref().unwrap_or_default())
                    .with_subscription(known.map(RosterItem::subscription).unwrap_or_default());
                let item = groups.iter().fold(item, |item, group| item.with_group(group));
                let bytes = self.bytes - known.map_or(0, RosterItem::text_bytes) + item.text_bytes();
                let too_many = known.is_none() && self.items.len() >= limits.roster_items();
                // A roster that shrinks is never refused, even if the limit was lowered.
                if too_many || bytes > limits.roster_bytes() && bytes > self.bytes {
                    return Err(StanzaError::new(Condition::NotAllowed).with_text("en", "the roster is full"));
                }
                Ok(Change::SetRosterItem(item))
            }
        }
    }

    /// Makes a change.
    pub fn apply(&mut self, change: &Change) {
        let replaced = match change {
            Change::SetRosterItem(item) => {
                self.bytes += item.text_bytes();
                self.items.insert(item.jid().clone(), item.clone())
            }
            Change::RemoveRosterItem { jid, .. } => self.items.remove(jid),
            _ => None,
        };
        self.bytes -= replaced.as_ref().map_or(0, RosterItem::text_bytes);
    }

    /// The `<query/>` that answers a roster get, contacts in the order of their addresses.
    #[must_use]
    pub fn query(&self) -> Element {
        Element::builder(ns::ROSTER, "query").children(self.items.values().map(item)).build()
    }
}

impl FromIterator<RosterItem> for Roster {
    fn from_iter<T: IntoIterator<Item = RosterItem>>(items: T) -> Self {
        let mut roster = Roster::default();
        for item in items {
            roster.apply(&Change::SetRosterItem(item));
        }
        roster
    }
}

/// The `<query/>` of the push that tells of a change (RFC 6121 section 2.1.6).
#[must_use]
pub fn push(change: &Change) -> Element {
    let changed = match change {
        Change::SetRosterItem(changed) => item(changed),
        Change::RemoveRosterItem { jid, .. } => Element::builder(ns::ROSTER, "item")
            .attr("jid", jid.as_str())
            .attr("subscription", "remove")
            .build(),
        _ => return Element::builder(ns::ROSTER, "query").build(),
    };
    Element::builder(ns::ROSTER, "query").child(changed).build()
}

const fn removal(jid: Jid) -> Change {
    Change::RemoveRosterItem { jid, version: 0, floor: 0 }
}

fn item(item: &RosterItem) -> Element {
    let groups = item.groups().map(|group| Element::builder(ns::ROSTER, "group").text(group).build());
    Element::builder(ns::ROSTER, "item")
        .attr("jid", item.jid().as_str())
        .maybe_attr("name", item.name())
        .attr("subscription", item.subscription().name())
        .children(groups)
        .build()
}

/// Reads an `<item/>` of an answer or a push, as a client gets it: `None` unless it has an address that is one, and says `remove` or
/// a state there is.
#[must_use]
pub fn parse_item(element: ElementRef<'_>) -> Option<Change> {
    let jid = Jid::new(element.attr("jid").filter(|_| element.is(ns::ROSTER, "item"))?).ok()?;
    let subscription = match element.attr("subscription") {
        Some("remove") => return Some(removal(jid)),
        Some(name) => Subscription::from_name(name)?,
        None => Subscription::None,
    };
    let parsed = RosterItem::new(jid)
        .with_name(element.attr("name").unwrap_or_default())
        .with_subscription(subscription);
    let groups = element.children().filter(|child| child.is(ns::ROSTER, "group"));
    Some(Change::SetRosterItem(groups.fold(parsed, |parsed, group| parsed.with_group(&group.text()))))
}

#[cfg(test)]
mod tests;
