//! What a client wants changed: a roster set, written, read and judged (RFC 6121 sections 2.1.5 and 2.3 to 2.5).

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, ErrorType, StanzaError};
use xmpp_core::xml::{Element, ElementRef, ns};

use super::Roster;
use crate::limits::HostLimits;
use crate::store::{Change, RosterItem};

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
    /// What only a server may set, `subscription` other than `remove`, `ask` and `approved`, is ignored (RFC 6121 section 2.1.2).
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

    /// The `<query/>` of the roster set that asks for it.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let item = Element::builder(ns::ROSTER, "item").attr("jid", self.jid().as_str());
        let item = match self {
            Update::Set { name, groups, .. } => item.maybe_attr("name", name.as_deref()).children(
                groups.iter().map(|group| Element::builder(ns::ROSTER, "group").text(group).build()),
            ),
            Update::Remove(_) => item.attr("subscription", "remove"),
        };
        Element::builder(ns::ROSTER, "query").child(item.build()).build()
    }

    /// The contact's address.
    #[must_use]
    pub const fn jid(&self) -> &Jid {
        match self {
            Update::Set { jid, .. } | Update::Remove(jid) => jid,
        }
    }
}

impl Roster {
    /// What an update means for the items of this roster. Nothing is changed yet.
    ///
    /// # Errors
    /// `item-not-found` when there is nothing to remove (RFC 6121 section 2.5.3), `not-allowed` when the roster is full.
    pub fn change(&self, update: Update, limits: &HostLimits) -> Result<Change, StanzaError> {
        match update {
            Update::Remove(jid) if self.items.contains_key(&jid) => Ok(self.versions.remove(jid, limits)),
            Update::Remove(_) => Err(StanzaError::new(Condition::ItemNotFound).with_type(ErrorType::Modify)),
            Update::Set { jid, name, groups } => {
                let known = self.items.get(&jid);
                let item = RosterItem::new(jid)
                    .with_name(name.as_deref().unwrap_or_default())
                    .with_subscription(known.map(RosterItem::subscription).unwrap_or_default())
                    .with_ask(known.is_some_and(RosterItem::ask))
                    .with_approved(known.is_some_and(RosterItem::approved))
                    .with_version(self.versions.next());
                let item = groups.iter().fold(item, |item, group| item.with_group(group));
                self.check_room(&item, limits)?;
                Ok(Change::SetRosterItem(item))
            }
        }
    }

    /// Whether there is room for that item, in place of the one under its address if there is one.
    pub(super) fn check_room(&self, item: &RosterItem, limits: &HostLimits) -> Result<(), StanzaError> {
        let known = self.items.get(item.jid());
        let bytes = self.bytes - known.map_or(0, RosterItem::text_bytes) + item.text_bytes();
        let too_many = known.is_none() && self.items.len() >= limits.roster_items();
        // A roster that shrinks is never refused, even if the limit was lowered.
        if too_many || bytes > limits.roster_bytes() && bytes > self.bytes {
            return Err(StanzaError::new(Condition::NotAllowed).with_text("en", "the roster is full"));
        }
        Ok(())
    }
}
