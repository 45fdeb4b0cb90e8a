//! A list: items in their order, and what they decide (RFC 3921 sections 10.1 and 10.2).

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, StanzaError};
use xmpp_core::xml::{Element, ElementRef, ns};

use super::item::{Item, Key, Subject, Traffic};
use crate::store::{RosterItem, Subscription};

/// A privacy list: at least one item, no two with the same order.
///
/// ```
/// use xmpp_core::jid::Jid;
/// use xmpp_im::privacy::{Action, Item, List, Subject, Traffic};
///
/// let tybalt = Jid::new("tybalt@example.com")?;
/// let deny = Item::new(1, Action::Deny, Subject::Jid(tybalt.clone()));
/// let list = List::new("public", [Item::new(2, Action::Allow, Subject::Anyone), deny.clone()]).expect("two orders");
///
/// // Tybalt is not in the roster.
/// assert_eq!(list.decide(Traffic::Message, &tybalt, || None), Some(&deny));
/// # Ok::<(), xmpp_core::jid::JidError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    name: String,
    /// By ascending order.
    items: Vec<Item>,
    /// Where the items about a subject are, by its [hash] and then by order: a broadcast asks for every contact, so that not every item is
    /// looked at.
    by_subject: Vec<(u64, usize)>,
    /// Whether there are items for domains.
    has_domains: bool,
    /// Whether there are items for groups or subscriptions.
    reads_roster: bool,
}

impl List {
    /// A list of that name: none without a name or items, or if two of these have the same order.
    #[must_use]
    pub fn new(name: &str, items: impl IntoIterator<Item = Item>) -> Option<Self> {
        let mut items: Vec<Item> = items.into_iter().collect();
        items.sort_by_key(Item::order);
        let repeats = items.iter().zip(items.iter().skip(1)).any(|(item, next)| item.order() == next.order());
        let is_list = !name.is_empty() && !items.is_empty() && !repeats;
        is_list.then(|| List::sorted(name, items))
    }

    fn sorted(name: &str, items: Vec<Item>) -> Self {
        let mut by_subject: Vec<_> =
            items.iter().enumerate().map(|(at, item)| (hash(item.subject().key()), at)).collect();
        by_subject.sort_unstable();
        let subjects = || items.iter().map(Item::subject);
        let has_domains =
            subjects().any(|subject| matches!(subject, Subject::Jid(jid) if jid.node().is_none()));
        let reads_roster =
            subjects().any(|subject| matches!(subject, Subject::Group(_) | Subject::Subscription(_)));
        List { name: name.to_owned(), items, by_subject, has_domains, reads_roster }
    }

    /// The list with one more item, in front of the one at the index `at`, or as the last one. Its order is the first that is free there; the items
    /// behind it get others as far as it needs room (RFC 3921 section 10.6).
    ///
    /// ```
    /// use xmpp_im::privacy::{Action, Item, List, Subject};
    ///
    /// let deny = |group: &str| Item::new(0, Action::Deny, Subject::Group(group.into()));
    /// let list = List::new("public", [Item::new(3, Action::Allow, Subject::Anyone)]).expect("a name and an item");
    /// let list = list.with_item(0, deny("Enemies")).with_item(1, deny("Rivals"));
    /// let orders: Vec<u32> = list.items().iter().map(Item::order).collect();
    /// assert_eq!(orders, [0, 1, 3]);
    /// ```
    #[must_use]
    pub fn with_item(&self, at: usize, item: Item) -> Self {
        let (before, behind) = self.items.split_at_checked(at).unwrap_or((&self.items, &[]));
        let items = before.iter().cloned().chain([item.with_order(0)]).chain(behind.iter().cloned());
        let mut free = Some(0_u32);
        let moved = items.clone().map(|item| {
            let order = item.order().max(free?);
            free = order.checked_add(1);
            Some(item.with_order(order))
        });
        // No room is left up to the greatest number: all of them move.
        let moved = moved.collect::<Option<Vec<_>>>();
        let moved =
            moved.unwrap_or_else(|| (0..).zip(items).map(|(order, item)| item.with_order(order)).collect());
        List::sorted(&self.name, moved)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its items, by ascending order.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The addresses that it blocks wholly, as the blocking command shows them (XEP-0191 section 5).
    pub fn blocked(&self) -> impl Iterator<Item = &Jid> {
        self.items.iter().filter_map(Item::blocked)
    }

    /// The groups that it is about.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(|item| match item.subject() {
            Subject::Group(group) => Some(group.as_str()),
            _ => None,
        })
    }

    /// The item that decides about a stanza from or to `peer`: the first one that is about it. Without one, it is allowed (RFC 3921 section 10.2,
    /// rules 5 to 7).
    ///
    /// `contact` looks up what the roster has of the peer; it is called only by lists that need it.
    pub fn decide<'r>(
        &self,
        traffic: Traffic,
        peer: &Jid,
        contact: impl FnOnce() -> Option<&'r RosterItem>,
    ) -> Option<&Item> {
        let find = |type_, value| self.first((type_, value), traffic);
        let mut first = find(None, "");
        let mut consider = |found: Option<usize>| first = [first, found].into_iter().flatten().min();

        // RFC 3921 section 10.1: an address stands for itself, without resource for every resource, and a domain for all in it and below it.
        let address = Some("jid");
        consider(find(address, peer.as_str()));
        if peer.is_full() {
            consider(find(address, bare(peer)));
        }
        let mut domain = Some(peer.domain()).filter(|_| self.has_domains);
        while let Some(name) = domain {
            consider(find(address, name));
            domain = name.split_once('.').map(|(_, parent)| parent);
        }

        if self.reads_roster {
            let contact = contact();
            let subscription = contact.map_or(Subscription::None, RosterItem::subscription);
            consider(find(Some("subscription"), subscription.name()));
            for group in contact.into_iter().flat_map(RosterItem::groups) {
                consider(find(Some("group"), group));
            }
        }
        self.items.get(first?)
    }

    /// Where the first item for this subject and such stanzas is.
    fn first(&self, subject: Key<'_>, traffic: Traffic) -> Option<usize> {
        let hash = hash(subject);
        let start = self.by_subject.partition_point(|(other, _)| *other < hash);
        let same = self.by_subject.iter().skip(start).take_while(|(other, _)| *other == hash);
        let is_about = |item: &Item| item.subject().key() == subject && item.kinds().contains(traffic);
        same.map(|(_, at)| *at).find(|at| self.items.get(*at).is_some_and(is_about))
    }

    /// Bytes of text in it.
    pub(super) fn text_bytes(&self) -> usize {
        let values: usize = self.items.iter().map(|item| item.subject().key().1.len()).sum();
        self.name.len() + values
    }

    /// Reads a `<list/>` with its items.
    ///
    /// # Errors
    /// `bad-request` without name or items, for an order that comes twice and for children that are no items; and what [`Item::parse`] finds.
    pub fn parse(list: ElementRef<'_>) -> Result<Self, StanzaError> {
        let bad_request = || StanzaError::new(Condition::BadRequest);
        let name = list.attr("name").ok_or_else(bad_request)?;
        let items = list.children().map(|item| match item.is(ns::PRIVACY, "item") {
            true => Item::parse(item),
            false => Err(bad_request()),
        });
        List::new(name, items.collect::<Result<Vec<_>, _>>()?).ok_or_else(bad_request)
    }

    /// The `<list/>` with its items.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let items = self.items.iter().map(Item::to_element);
        Element::builder(ns::PRIVACY, "list").attr("name", &self.name).children(items).build()
    }
}

/// An address without its resource, as text: neither node nor domain has a '/' in it.
fn bare(jid: &Jid) -> &str {
    jid.as_str().split_once('/').map_or(jid.as_str(), |(bare, _)| bare)
}

/// FNV-1a. Who makes subjects collide does so in a list of their own, and it is short.
fn hash((type_, value): Key<'_>) -> u64 {
    let bytes = type_.unwrap_or_default().bytes().chain(value.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
