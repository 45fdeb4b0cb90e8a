//! The client's copy of its roster (RFC 3921 section 7, RFC 6121 section 2).

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::String;

use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Condition, StanzaError};
use xmpp_core::xml::{ElementRef, ns};

use super::config::CachedRoster;
use super::limits::ClientLimits;
use crate::roster::{Entry, Update};
use crate::store::{RosterItem, Subscription};

/// The roster as the server last told it.
///
/// It changes by what the server says, never by what it was asked to do: a contact that was added is in it once the push has come.
#[derive(Debug, Default)]
pub struct RosterMirror {
    items: BTreeMap<Jid, RosterItem>,
    bytes: usize,
    version: Option<String>,
    current: bool,
    truncated: bool,
}

impl RosterMirror {
    /// What a cache holds, not confirmed yet.
    pub(super) fn from_cache(cache: CachedRoster, limits: &ClientLimits) -> Self {
        let mut mirror = RosterMirror { version: Some(cache.version), ..RosterMirror::default() };
        for item in cache.items {
            mirror.set(item, limits);
        }
        mirror
    }

    /// The item of that address.
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

    /// Whether the server has confirmed it in this session.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        self.current
    }

    /// Whether the server's roster exceeds the limits, so that contacts are missing here.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// What the next session can begin with: none if the server gave no version, or contacts are missing.
    #[must_use]
    pub fn to_cache(&self) -> Option<CachedRoster> {
        let version = self.version.as_ref().filter(|_| !self.truncated)?;
        Some(CachedRoster::new(version, self.items().cloned()))
    }

    /// Whether we are subscribed to their presence.
    pub(super) fn shows(&self, contact: &BareJid) -> bool {
        self.subscription(contact).has_to()
    }

    /// Whether they are subscribed to our presence.
    pub(super) fn is_shown_to(&self, contact: &BareJid) -> bool {
        self.subscription(contact).has_from()
    }

    /// Whether there is a contact in each of these groups, unless we do not have all contacts.
    pub(super) fn has_groups<'a>(&self, groups: impl Iterator<Item = &'a str>) -> bool {
        let mut missing: BTreeSet<&str> = groups.collect();
        for group in self.items().flat_map(RosterItem::groups) {
            missing.remove(group);
        }
        missing.is_empty() || !self.current || self.truncated
    }

    fn subscription(&self, contact: &BareJid) -> Subscription {
        self.items.get(contact.as_jid()).map(RosterItem::subscription).unwrap_or_default()
    }

    /// The version to ask with: empty to begin with versions (RFC 6121 section 2.6.2).
    pub(super) fn version(&self) -> &str {
        self.version.as_deref().filter(|_| !self.truncated).unwrap_or_default()
    }

    /// Takes in the answer to a roster get. Without a roster in it, what we have is right up to the pushes that follow (section 2.6.3).
    pub(super) fn answered(&mut self, query: Option<ElementRef<'_>>, limits: &ClientLimits) {
        if let Some(query) = query {
            *self = RosterMirror { version: query.attr("ver").map(Into::into), ..RosterMirror::default() };
            for item in query.children().filter_map(Entry::listed) {
                self.set(item, limits);
            }
        }
        self.current = true;
    }

    /// Takes in a push from our own account.
    ///
    /// # Errors
    /// `bad-request` unless there is exactly one item with an address (RFC 6121 section 2.1.6 rule 1). Nothing has changed.
    pub(super) fn pushed(
        &mut self,
        query: ElementRef<'_>,
        limits: &ClientLimits,
    ) -> Result<Entry, StanzaError> {
        let known = |jid: &Jid| self.items.get(jid).map(RosterItem::subscription).unwrap_or_default();
        let mut items = query.children().filter(|child| child.is(ns::ROSTER, "item"));
        let entry = match (items.next().and_then(|item| Entry::pushed(item, known)), items.next()) {
            (Some(entry), None) => entry,
            _ => return Err(Condition::BadRequest.into()),
        };
        if let Some(version) = query.attr("ver") {
            self.version = Some(version.into());
        }
        match &entry {
            Entry::Present(item) => self.set(item.clone(), limits),
            Entry::Removed(jid) => self.remove(jid),
        }
        Ok(entry)
    }

    fn set(&mut self, item: RosterItem, limits: &ClientLimits) {
        self.remove(item.jid());
        let bytes = self.bytes + item.text_bytes();
        if self.items.len() >= limits.roster_items() || bytes > limits.roster_bytes() {
            self.truncated = true;
            return;
        }
        self.bytes = bytes;
        self.items.insert(item.jid().clone(), item);
    }

    fn remove(&mut self, jid: &Jid) {
        if let Some(item) = self.items.remove(jid) {
            self.bytes -= item.text_bytes();
        }
    }
}

/// What a client may say of a contact: an address, a name and groups. The rest of an item is the server's (RFC 6121 sections 2.1.2.1,
/// 2.1.2.2 and 2.3.1).
///
/// ```
/// use xmpp_core::jid::Jid;
/// use xmpp_im::client::Contact;
///
/// let romeo = Contact::new(Jid::new("romeo@example.net")?).with_name("Romeo").with_group("Friends");
/// # let _ = romeo;
/// # Ok::<(), xmpp_core::jid::JidError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact(RosterItem);

impl Contact {
    /// A contact without name or groups. People have bare JIDs (RFC 3921 section 7.1).
    #[must_use]
    pub const fn new(jid: Jid) -> Self {
        Contact(RosterItem::new(jid))
    }

    /// What the user calls the contact; an empty name is none.
    #[must_use]
    pub fn with_name(self, name: &str) -> Self {
        Contact(self.0.with_name(name))
    }

    /// Puts the contact into a group; no contact is in the same one twice, or in one without a name.
    #[must_use]
    pub fn with_group(self, group: &str) -> Self {
        if group.is_empty() { self } else { Contact(self.0.with_group(group)) }
    }

    /// What an item says that a client may say too.
    pub(super) fn of(item: &RosterItem) -> Self {
        let contact = Contact::new(item.jid().clone()).with_name(item.name().unwrap_or_default());
        item.groups().fold(contact, Contact::with_group)
    }

    /// In no group.
    pub(super) fn without_groups(self) -> Self {
        Contact::new(self.0.jid().clone()).with_name(self.0.name().unwrap_or_default())
    }

    /// The roster set that says so.
    pub(super) fn update(&self) -> Update {
        Update::Set {
            jid: self.0.jid().clone(),
            name: self.0.name().map(Into::into),
            groups: self.0.groups().map(Into::into).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
