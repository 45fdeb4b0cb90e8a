use alloc::format;
use alloc::string::ToString;
use alloc::vec::Vec;

use xmpp_core::xml::Element;

use super::*;

fn item(jid: &str) -> Element {
    Element::builder(ns::ROSTER, "item").attr("jid", jid).build()
}

fn query(version: Option<&str>, items: impl IntoIterator<Item = Element>) -> Element {
    Element::builder(ns::ROSTER, "query").maybe_attr("ver", version).children(items).build()
}

fn bytes(mirror: &RosterMirror) -> usize {
    mirror.items().map(RosterItem::text_bytes).sum()
}

#[test]
fn so_many_contacts() {
    let limits = ClientLimits::new().with_roster_items(3);
    for (count, kept) in [(2, 2), (3, 3), (4, 3)] {
        let mut mirror = RosterMirror::default();
        let items = (0..count).map(|n| item(&format!("{n}@example.com")));
        mirror.answered(Some(query(Some("v1"), items).as_ref()), &limits);
        assert_eq!((mirror.len(), mirror.is_truncated()), (kept, count > 3));
        // What is not complete is no cache: the next session asks for all of it.
        assert_eq!(mirror.to_cache().is_some(), count <= 3);
        assert_eq!(mirror.version(), if count <= 3 { "v1" } else { "" });
        assert_eq!(mirror.bytes, bytes(&mirror));

        // An item that is there changes; one more does not fit.
        mirror.pushed(query(Some("v2"), [item("0@example.com")]).as_ref(), &limits).unwrap();
        mirror.pushed(query(Some("v3"), [item("new@example.com")]).as_ref(), &limits).unwrap();
        assert_eq!((mirror.len(), mirror.is_truncated()), (3, count > 2));
        assert_eq!(mirror.bytes, bytes(&mirror));
    }
}

#[test]
fn so_many_bytes() {
    let names = ["a@example.com", "b@example.com"];
    let total: usize = names.iter().map(|name| name.len()).sum();
    for (room, kept) in [(total - 1, 1), (total, 2), (total + 1, 2)] {
        let mut mirror = RosterMirror::default();
        let limits = ClientLimits::new().with_roster_bytes(room);
        mirror.answered(Some(query(None, names.map(item)).as_ref()), &limits);
        assert_eq!((mirror.len(), mirror.is_truncated()), (kept, kept < 2));
    }
}

#[test]
fn of_two_items_with_one_address_the_later_one_counts() {
    let mut mirror = RosterMirror::default();
    let named = Element::builder(ns::ROSTER, "item").attr("jid", "A@example.com").attr("name", "A").build();
    mirror.answered(Some(query(None, [item("a@example.com"), named]).as_ref()), &ClientLimits::new());
    let names: Vec<_> = mirror.items().map(RosterItem::name).collect();
    assert_eq!((names, mirror.bytes), (alloc::vec![Some("A")], bytes(&mirror)));
    assert_eq!(mirror.to_cache(), None);
}

#[test]
fn a_push_that_is_none_leaves_all_as_it_was() {
    let mut mirror = RosterMirror::default();
    mirror.answered(Some(query(Some("v1"), [item("a@example.com")]).as_ref()), &ClientLimits::new());
    let before = mirror.to_cache();
    for items in
        [alloc::vec![], alloc::vec![item("b@example.com"), item("c@example.com")], alloc::vec![item("@")]]
    {
        assert!(mirror.pushed(query(Some("v2"), items).as_ref(), &ClientLimits::new()).is_err());
        assert_eq!(mirror.to_cache(), before);
    }
    // Removing somebody who is not there is no mistake: the push may come twice.
    let remove =
        Element::builder(ns::ROSTER, "item").attr("jid", "b@example.com").attr("subscription", "remove");
    let pushed = mirror.pushed(query(Some("v2"), [remove.build()]).as_ref(), &ClientLimits::new());
    assert!(matches!(pushed, Ok(Entry::Removed(jid)) if jid.as_str() == "b@example.com"));
    assert_eq!((mirror.len(), mirror.version()), (1, "v2"));
}

#[test]
fn a_contact_is_written_as_the_schema_has_it() {
    let contact = Contact::new(Jid::new("romeo@example.net").unwrap())
        .with_name("R & J")
        .with_group("A")
        .with_group("");
    assert_eq!(
        contact.update().to_element().to_string(),
        "<query xmlns='jabber:iq:roster'><item jid='romeo@example.net' name='R &amp; J'><group>A</group></item></query>"
    );
    assert_eq!(
        contact.with_name("").without_groups().update().to_element().to_string().matches("name").count(),
        0
    );
}
