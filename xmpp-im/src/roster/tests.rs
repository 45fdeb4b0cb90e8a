mod requests;
mod states;
mod versions;

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec;

use proptest::prelude::*;
use xmpp_core::stanza::{Condition, ErrorType};
use xmpp_core::xml::{Builder, Element, ElementRef, ns};

use super::*;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn element(name: &str) -> Builder {
    Element::builder(ns::ROSTER, name)
}

fn nurse() -> Builder {
    element("item").attr("jid", "nurse@example.com")
}

fn in_groups(groups: &[&str]) -> Element {
    nurse().children(groups.iter().map(|group| element("group").text(group).build())).build()
}

fn parse(items: impl IntoIterator<Item = Element>, limits: &HostLimits) -> Result<Update, StanzaError> {
    Update::parse(element("query").children(items).build().as_ref(), limits)
}

/// What is wrong with a set of these items.
fn fault(items: impl IntoIterator<Item = Element>) -> Condition {
    parse(items, &HostLimits::new()).unwrap_err().condition()
}

fn set(jid: &str, name: Option<&str>, groups: &[&str]) -> Update {
    let jid = Jid::new(jid).unwrap();
    Update::Set { jid, name: name.map(Into::into), groups: groups.iter().map(ToString::to_string).collect() }
}

#[test]
fn r6121_2_3_3_02_sets_that_are_refused() {
    // 6121-2.1.5-01
    assert_eq!(fault([]), Condition::BadRequest);
    // 6121-2.3.3-02
    assert_eq!(fault([nurse().build(), nurse().build()]), Condition::BadRequest);
    assert_eq!(fault([in_groups(&["a", "b", "a"])]), Condition::BadRequest);
    // 3921-7.1-01
    assert_eq!(fault([element("item").attr("name", "Nurse").build()]), Condition::BadRequest);
    for address in ["", "@", "nurse@", "a b@example.com", "nurse@example.com/"] {
        assert_eq!(
            fault([element("item").attr("jid", address).build()]),
            Condition::JidMalformed,
            "{address}"
        );
    }
    // 6121-2.3.3-03
    assert_eq!(fault([in_groups(&["a", ""])]), Condition::NotAcceptable);
    let error = parse([in_groups(&[""])], &HostLimits::new()).unwrap_err();
    assert_eq!(error.type_(), ErrorType::Modify);
}

#[test]
fn items_of_another_namespace_are_none_and_do_no_harm() {
    let foreign = || Element::builder("urn:example", "item").attr("jid", "a@example.com").build();
    assert_eq!(fault([foreign()]), Condition::BadRequest);
    assert_eq!(
        parse([foreign(), nurse().build()], &HostLimits::new()),
        Ok(set("nurse@example.com", None, &[]))
    );
    let group = Element::builder("urn:example", "group").text("").build();
    let item = nurse().child(group).build();
    assert_eq!(parse([item], &HostLimits::new()), Ok(set("nurse@example.com", None, &[])));
}

#[test]
fn r6121_2_3_3_03_texts_one_below_at_and_above_the_limit() {
    let limits = HostLimits::new().with_roster_text(4).with_roster_groups(2);
    for (text, fits) in [("abc", true), ("abcd", true), ("abcde", false), ("ää", true), ("ääa", false)] {
        let name = parse([nurse().attr("name", text).build()], &limits);
        let group = parse([in_groups(&[text])], &limits);
        if fits {
            assert_eq!(name, Ok(set("nurse@example.com", Some(text), &[])));
            assert_eq!(group, Ok(set("nurse@example.com", None, &[text])));
        } else {
            assert_eq!(name.unwrap_err().condition(), Condition::NotAcceptable);
            assert_eq!(group.unwrap_err().condition(), Condition::NotAcceptable);
        }
    }
    assert!(parse([in_groups(&["a"])], &limits).is_ok());
    assert!(parse([in_groups(&["a", "b"])], &limits).is_ok());
    let above = parse([in_groups(&["a", "b", "c"])], &limits);
    assert_eq!(above.unwrap_err().condition(), Condition::NotAcceptable);
}

#[test]
fn r6121_2_1_5_02_a_client_sets_no_subscription() {
    for value in ["both", "to", "from", "none", "REMOVE", "", "nonsense"] {
        let item =
            nurse().attr("subscription", value).attr("ask", "subscribe").attr("approved", "true").build();
        assert_eq!(parse([item], &HostLimits::new()), Ok(set("nurse@example.com", None, &[])), "{value}");
    }
    let remove = nurse().attr("subscription", "remove").attr("name", "Nurse").build();
    assert_eq!(parse([remove], &HostLimits::new()), Ok(Update::Remove(jid("nurse@example.com"))));
}

#[test]
fn r6121_2_4_1_01_an_item_is_replaced_as_given_and_keeps_its_subscription() {
    let old = RosterItem::new(jid("nurse@example.com")).with_name("Nurse").with_group("staff");
    let mut roster: Roster = [old.with_subscription(Subscription::Both)].into_iter().collect();
    let change = roster.change(set("nurse@example.com", None, &["b", "a"]), &HostLimits::new()).unwrap();
    assert_eq!(
        roster.get(&jid("nurse@example.com")).unwrap().name(),
        Some("Nurse"),
        "nothing has changed yet"
    );
    roster.apply(&change);
    let item = roster.get(&jid("nurse@example.com")).unwrap();
    assert_eq!((item.name(), item.subscription()), (None, Subscription::Both));
    assert_eq!(item.groups().collect::<Vec<_>>(), ["a", "b"]);
}

#[test]
fn names_that_are_empty_are_none() {
    let update = parse([nurse().attr("name", "").build()], &HostLimits::new());
    assert_eq!(update, Ok(set("nurse@example.com", None, &[])));
}

#[test]
fn addresses_are_one_contact_however_they_are_written() {
    let mut roster = Roster::default();
    for written in ["Nurse@Example.COM", "nurse@example.com"] {
        let item = element("item").attr("jid", written).build();
        let update = parse([item], &HostLimits::new()).unwrap();
        let change = roster.change(update, &HostLimits::new()).unwrap();
        roster.apply(&change);
    }
    assert_eq!(roster.len(), 1);
}

#[test]
fn items_one_below_at_and_above_the_limit() {
    let limits = HostLimits::new().with_roster_items(2);
    let mut roster = Roster::default();
    for contact in ["a@example.com", "b@example.com"] {
        let change = roster.change(set(contact, None, &[]), &limits).unwrap();
        roster.apply(&change);
    }
    let full = roster.change(set("c@example.com", None, &[]), &limits).unwrap_err();
    assert_eq!(full.condition(), Condition::NotAllowed);
    // Those who are there can still be changed, and make room.
    assert!(roster.change(set("a@example.com", Some("A"), &[]), &limits).is_ok());
    let change = roster.change(Update::Remove(jid("b@example.com")), &limits).unwrap();
    roster.apply(&change);
    assert!(roster.change(set("c@example.com", None, &[]), &limits).is_ok());
}

#[test]
fn r6121_2_5_3_01_who_is_not_there_cannot_be_removed() {
    let mut roster: Roster = [RosterItem::new(jid("nurse@example.com"))].into_iter().collect();
    let stranger = roster.change(Update::Remove(jid("romeo@example.net")), &HostLimits::new()).unwrap_err();
    assert_eq!((stranger.condition(), stranger.type_()), (Condition::ItemNotFound, ErrorType::Modify));
    let change = roster.change(Update::Remove(jid("nurse@example.com")), &HostLimits::new()).unwrap();
    roster.apply(&change);
    roster.apply(&change);
    assert!(roster.is_empty());
}

#[test]
fn r6121_2_1_4_01_the_answer_to_a_get() {
    assert_eq!(Roster::default().query().to_string(), "<query xmlns='jabber:iq:roster' ver='0-0'/>");
    let roster: Roster = [
        RosterItem::new(jid("romeo@example.net"))
            .with_name("R & <J>")
            .with_subscription(Subscription::Both)
            .with_group("Z")
            .with_group("Friends")
            .with_version(0x1f),
        RosterItem::new(jid("benvolio@example.org")).with_ask(true).with_approved(true),
    ]
    .into_iter()
    .collect();
    assert_eq!(
        roster.query().to_string(),
        "<query xmlns='jabber:iq:roster' ver='0-1f'>\
         <item approved='true' ask='subscribe' jid='benvolio@example.org' subscription='none'/>\
         <item jid='romeo@example.net' name='R &amp; &lt;J&gt;' subscription='both'><group>Friends</group>\
         <group>Z</group></item></query>"
    );
}

#[test]
fn r6121_2_1_6_01_a_push_has_the_item_that_changed_and_the_version() {
    let mut roster = Roster::default();
    let change =
        roster.change(set("nurse@example.com", Some("Nurse"), &["Servants"]), &HostLimits::new()).unwrap();
    roster.apply(&change);
    assert_eq!(
        roster.push(&change).unwrap().to_string(),
        "<query xmlns='jabber:iq:roster' ver='0-1'><item jid='nurse@example.com' name='Nurse' subscription='none'>\
         <group>Servants</group></item></query>"
    );
    let change = roster.change(Update::Remove(jid("nurse@example.com")), &HostLimits::new()).unwrap();
    roster.apply(&change);
    assert_eq!(
        roster.push(&change).unwrap().to_string(),
        "<query xmlns='jabber:iq:roster' ver='0-2'><item jid='nurse@example.com' subscription='remove'/></query>"
    );
}

/// What a client that knows nobody reads in a push.
fn pushed(item: ElementRef<'_>) -> Option<Entry> {
    Entry::pushed(item, |_| Subscription::None)
}

#[test]
fn what_a_client_cannot_read_is_no_item() {
    for element in [
        element("item").build(),
        element("item").attr("jid", "@").build(),
        Element::builder("urn:example", "item").attr("jid", "nurse@example.com").build(),
        element("group").attr("jid", "nurse@example.com").build(),
    ] {
        assert_eq!(Entry::listed(element.as_ref()), None, "{element}");
        assert_eq!(pushed(element.as_ref()), None, "{element}");
    }
    let item = RosterItem::new(jid("nurse@example.com"));
    assert_eq!(pushed(nurse().build().as_ref()), Some(Entry::Present(item.clone())));
    for (value, approved) in [("true", true), ("1", true), ("false", false), ("0", false), ("TRUE", false)] {
        let read = pushed(nurse().attr("approved", value).build().as_ref());
        assert_eq!(read, Some(Entry::Present(item.clone().with_approved(approved))), "{value}");
    }
    for (value, ask) in [("subscribe", true), ("unsubscribe", false)] {
        let read = pushed(nurse().attr("ask", value).build().as_ref());
        assert_eq!(read, Some(Entry::Present(item.clone().with_ask(ask))), "{value}");
    }
}

/// The contacts as a client would keep them: name and groups under the address.
type Model = BTreeMap<String, (Option<String>, BTreeSet<String>)>;

#[derive(Clone, Debug)]
struct Op {
    jid: &'static str,
    set: Option<(String, BTreeSet<String>)>,
}

fn any_op() -> impl Strategy<Value = Op> {
    let jid = proptest::sample::select(vec!["a@x", "b@x", "c@x", "d@x/r", "x"]);
    let groups = proptest::collection::btree_set("[a-c<&']{1,2}", 0..3);
    let set = proptest::option::weighted(0.7, ("[a-c<&'\" ]{0,3}", groups));
    (jid, set).prop_map(|(jid, set)| Op { jid, set })
}

proptest! {
    #[test]
    fn a_roster_is_what_the_sets_made_of_it(ops in proptest::collection::vec(any_op(), 0..40)) {
        let limits = HostLimits::new().with_roster_items(3);
        let mut roster = Roster::default();
        let mut model = Model::new();
        for Op { jid, set } in ops {
            let item = element("item").attr("jid", jid);
            let item = match &set {
                None => item.attr("subscription", "remove"),
                Some((name, groups)) => item
                    .attr("name", name)
                    .children(groups.iter().map(|group| element("group").text(group).build())),
            };
            let update = parse([item.build()], &limits).unwrap();
            // What a client writes reads back as what it wants.
            let read = Update::parse(update.to_element().as_ref(), &limits);
            prop_assert_eq!(read.as_ref(), Ok(&update));
            let changed = roster.change(update, &limits);
            let expected = match set {
                None => model.remove(jid).map(|_| ()).ok_or(Condition::ItemNotFound),
                Some(_) if model.len() == 3 && !model.contains_key(jid) => Err(Condition::NotAllowed),
                Some((name, groups)) => {
                    model.insert(jid.into(), (Some(name).filter(|name| !name.is_empty()), groups));
                    Ok(())
                }
            };
            match changed {
                Ok(change) => {
                    prop_assert_eq!(expected, Ok(()));
                    // What is pushed reads back as the change.
                    let push = roster.push(&change).unwrap();
                    let entry = match &change {
                        Change::SetRosterItem(item) => Entry::Present(item.clone().with_version(0)),
                        _ => Entry::Removed(Jid::new(jid).unwrap()),
                    };
                    prop_assert_eq!(Entry::pushed(push.children().next().unwrap(), |_| Subscription::None), Some(entry));
                    roster.apply(&change);
                }
                Err(error) => prop_assert_eq!(expected, Err(error.condition())),
            }
            let told = roster.query();
            let read: Option<Vec<_>> = told.children().map(Entry::listed).collect();
            let read: Model = read.unwrap().into_iter().map(|item| {
                let groups = item.groups().map(Into::into).collect();
                (item.jid().to_string(), (item.name().map(Into::into), groups))
            }).collect();
            prop_assert_eq!(&read, &model);
        }
    }
}

#[test]
fn a_roster_has_room_for_so_much_text() {
    // 19 bytes of address each, and 6 of text.
    let (a, b) = (
        set("a@aaa.example.com.x", Some("n"), &["group"]),
        set("b@bbb.example.com.x", Some("n"), &["group"]),
    );
    for (room, refused) in [(49, true), (50, false), (51, false)] {
        let limits = HostLimits::new().with_roster_bytes(room);
        let mut roster = Roster::default();
        roster.apply(&roster.change(a.clone(), &limits).unwrap());
        let second = roster.change(b.clone(), &limits);
        assert_eq!(
            second.as_ref().err().map(StanzaError::condition),
            refused.then_some(Condition::NotAllowed),
            "{room}"
        );
    }
    // What is there may shrink and go whatever the limit has become, but not grow.
    let (roomy, tight) = (HostLimits::new(), HostLimits::new().with_roster_bytes(10));
    let mut roster = Roster::default();
    roster.apply(&roster.change(a, &roomy).unwrap());
    assert!(roster.change(set("a@aaa.example.com.x", Some("longer"), &["group"]), &tight).is_err());
    roster.apply(&roster.change(set("a@aaa.example.com.x", None, &[]), &tight).unwrap());
    roster.apply(&roster.change(Update::Remove(jid("a@aaa.example.com.x")), &tight).unwrap());
    assert_eq!((roster.len(), roster.bytes), (0, 0));
}
