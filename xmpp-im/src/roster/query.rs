//! The `<query/>` of rosters, written as a server sends it and read as a client gets it (RFC 6121 section 2.1).

use xmpp_core::jid::Jid;
use xmpp_core::xml::{Builder, Element, ElementRef, ns};

use super::Roster;
use crate::store::{Change, RosterItem, Subscription};

/// What an item of a roster says, as a client gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The contact is in the roster like this.
    Present(RosterItem),
    /// The contact is no longer in it.
    Removed(Jid),
}

impl Entry {
    /// Reads an `<item/>` of a result: `None` unless it has an address that is one. A `subscription` that is not one of the four states is ignored, `remove`
    /// as well (RFC 6121 section 2.1.2.5).
    #[must_use]
    pub fn listed(item: ElementRef<'_>) -> Option<RosterItem> {
        let subscription = item.attr("subscription").and_then(Subscription::from_name);
        Some(read(item)?.with_subscription(subscription.unwrap_or_default()))
    }

    /// Reads the `<item/>` of a push: `None` unless it has an address that is one. A `subscription` that is neither one of the four states nor `remove` is
    /// ignored (RFC 6121 section 2.1.2.5): what is `known` of that contact's stays.
    #[must_use]
    pub fn pushed(item: ElementRef<'_>, known: impl FnOnce(&Jid) -> Subscription) -> Option<Self> {
        let entry = read(item)?;
        let subscription = match item.attr("subscription") {
            Some("remove") => return Some(Entry::Removed(entry.jid().clone())),
            Some(name) => Subscription::from_name(name).unwrap_or_else(|| known(entry.jid())),
            None => Subscription::None,
        };
        Some(Entry::Present(entry.with_subscription(subscription)))
    }

    /// The contact's address.
    #[must_use]
    pub const fn jid(&self) -> &Jid {
        match self {
            Entry::Present(item) => item.jid(),
            Entry::Removed(jid) => jid,
        }
    }
}

/// An item without its subscription.
fn read(item: ElementRef<'_>) -> Option<RosterItem> {
    let jid = Jid::new(item.attr("jid").filter(|_| item.is(ns::ROSTER, "item"))?).ok()?;
    let entry = RosterItem::new(jid)
        .with_name(item.attr("name").unwrap_or_default())
        .with_ask(item.attr("ask") == Some("subscribe"))
        .with_approved(matches!(item.attr("approved"), Some("true" | "1")));
    let groups = item.children().filter(|child| child.is(ns::ROSTER, "group"));
    Some(groups.fold(entry, |entry, group| entry.with_group(&group.text())))
}

/// What is pushed about one contact: as it is now, or that it is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Modification<'a> {
    Set(&'a RosterItem),
    Removed { jid: &'a Jid, version: u64 },
}

impl<'a> Modification<'a> {
    /// What a change modifies; nothing that a client would be told of, if it is about something else than the items (RFC 6121 section 2.6.3).
    pub(super) fn of(change: &'a Change) -> Option<Self> {
        match change {
            Change::SetRosterItem(item) => Some(Modification::Set(item)),
            Change::RemoveRosterItem { jid, version, .. } => {
                Some(Modification::Removed { jid, version: *version })
            }
            _ => None,
        }
    }

    pub(super) const fn version(self) -> u64 {
        match self {
            Modification::Set(item) => item.version(),
            Modification::Removed { version, .. } => version,
        }
    }

    /// Bytes it has on the wire as an `<item/>`, about.
    pub(super) fn size(self) -> usize {
        let text = match self {
            Modification::Set(item) => item.text_bytes(),
            Modification::Removed { jid, .. } => jid.as_str().len(),
        };
        TAGS + text
    }

    fn to_element(self) -> Element {
        match self {
            Modification::Set(item) => element(item),
            Modification::Removed { jid, .. } => Element::builder(ns::ROSTER, "item")
                .attr("jid", jid.as_str())
                .attr("subscription", "remove")
                .build(),
        }
    }
}

/// Bytes of the tags and attributes of an item, about.
pub(super) const TAGS: usize = 48;

impl Roster {
    /// The `<query/>` that answers a roster get: all of it, contacts in the order of their addresses.
    #[must_use]
    pub fn query(&self) -> Element {
        self.versioned(self.versions.latest()).children(self.items.values().map(element)).build()
    }

    /// The `<query/>` of the push that tells of a change (RFC 6121 section 2.1.6); `None` if it changes nothing that clients are told of.
    #[must_use]
    pub fn push(&self, change: &Change) -> Option<Element> {
        Modification::of(change).map(|modification| self.push_of(modification))
    }

    /// RFC 6121 section 2.6.3: a push says which version the roster has with it.
    pub(super) fn push_of(&self, modification: Modification<'_>) -> Element {
        self.versioned(modification.version()).child(modification.to_element()).build()
    }

    fn versioned(&self, version: u64) -> Builder {
        Element::builder(ns::ROSTER, "query").attr("ver", &self.versions.name(version))
    }
}

fn element(item: &RosterItem) -> Element {
    let groups = item.groups().map(|group| Element::builder(ns::ROSTER, "group").text(group).build());
    Element::builder(ns::ROSTER, "item")
        .maybe_attr("approved", item.approved().then_some("true"))
        .maybe_attr("ask", item.ask().then_some("subscribe"))
        .attr("jid", item.jid().as_str())
        .maybe_attr("name", item.name())
        .attr("subscription", item.subscription().name())
        .children(groups)
        .build()
}
