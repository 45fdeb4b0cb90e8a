mod decide;
mod lists;

use alloc::format;
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, ErrorType, Stanza, StanzaError};
use xmpp_core::xml::{Builder, Element, ns};

use super::*;
use crate::limits::HostLimits;
use crate::store::Subscription;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn element(name: &str) -> Builder {
    Element::builder(ns::PRIVACY, name)
}

fn item() -> Builder {
    element("item").attr("action", "deny").attr("order", "1")
}

/// A set of a list with these items.
fn set(items: impl IntoIterator<Item = Element>) -> Element {
    element("query").child(element("list").attr("name", "public").children(items).build()).build()
}

fn update(query: &Element) -> Result<Update, Condition> {
    Update::parse(query.as_ref(), &HostLimits::new()).map_err(|error| error.condition())
}

fn fault(query: Element) -> Condition {
    update(&query).unwrap_err()
}

fn query(children: impl IntoIterator<Item = Builder>) -> Element {
    element("query").children(children.into_iter().map(Builder::build)).build()
}

fn stanza(element: Builder) -> Stanza {
    let stanza =
        element.attr("from", "tybalt@example.com/pda").attr("to", "romeo@example.net").attr("id", "1");
    Stanza::parse(&stanza.build()).unwrap()
}

#[test]
fn r3921_10_1_11_items_that_are_refused() {
    assert!(update(&set([item().build()])).is_ok());
    let again = item().attr("type", "subscription").attr("value", "both");
    assert_eq!(fault(set([item().build(), again.build()])), Condition::BadRequest, "the same order twice");
    let written_otherwise = element("item").attr("action", "allow").attr("order", "01");
    assert_eq!(fault(set([item().build(), written_otherwise.build()])), Condition::BadRequest);

    for order in [None, Some(""), Some("-1"), Some("one"), Some("1.5"), Some("4294967296")] {
        let item = element("item").attr("action", "deny").maybe_attr("order", order);
        // covers 3921-10.1-09
        assert_eq!(fault(set([item.build()])), Condition::BadRequest, "{order:?}");
    }
    for action in [None, Some(""), Some("Deny"), Some("block")] {
        let item = element("item").attr("order", "1").maybe_attr("action", action);
        // covers 3921-10.1-08
        assert_eq!(fault(set([item.build()])), Condition::BadRequest, "{action:?}");
    }
    for (type_, value) in [
        (Some("jid"), None),
        (Some("group"), None),
        (Some("group"), Some("")),
        (Some("subscription"), None),
        (Some("subscription"), Some("Both")),
        (Some("subscription"), Some("remove")),
        (Some(""), Some("a@example.com")),
        (Some("nick"), Some("a")),
        (None, Some("tybalt@example.com")),
    ] {
        let item = item().maybe_attr("type", type_).maybe_attr("value", value);
        assert_eq!(fault(set([item.build()])), Condition::BadRequest, "{type_:?} {value:?}");
    }
    for value in ["", "@example.com", "a b@example.com", "a@example.com/"] {
        let item = item().attr("type", "jid").attr("value", value);
        assert_eq!(fault(set([item.build()])), Condition::JidMalformed, "{value:?}");
    }
}

#[test]
fn what_is_not_understood_does_not_widen_an_item() {
    let kinds = ["iq", "message", "presence-in", "presence-out"];
    let all = item().children(kinds.map(|kind| element(kind).build())).build();
    assert!(update(&set([all])).is_ok());
    let twice = item().children(["iq", "iq"].map(|kind| element(kind).build())).build();
    let Ok(Update::Set(list)) = update(&set([twice])) else { panic!() };
    assert_eq!(list.items()[0].kinds(), Kinds::IQ);
    for child in [element("presence"), Element::builder(ns::CLIENT, "message"), element("item")] {
        assert_eq!(fault(set([item().child(child.build()).build()])), Condition::BadRequest);
    }
    assert_eq!(fault(set([Element::builder("urn:example", "item").build()])), Condition::BadRequest);
}

#[test]
fn r3921_10_1_15_one_child_and_no_other() {
    let list = || element("list").attr("name", "public").child(item().build());
    let named = |name| element(name).attr("name", "public");
    for children in [
        Vec::new(),
        [list(), list()].into(),
        [named("active"), named("default")].into(),
        [named("active"), Element::builder("urn:example", "active")].into(),
        [named("item")].into(),
        [Element::builder("urn:example", "list").attr("name", "public")].into(),
        // What says whose list it is has nothing in it.
        [named("active").child(item().build())].into(),
        [named("default").child(item().build())].into(),
        // Names are there, and not empty.
        [element("list")].into(),
        [element("list").child(item().build())].into(),
        [element("list").attr("name", "")].into(),
        [element("list").attr("name", "").child(item().build())].into(),
        [element("active").attr("name", "")].into(),
    ] {
        let query = query(children);
        assert_eq!(fault(query.clone()), Condition::BadRequest, "{query}");
    }
    assert_eq!(update(&query([named("list")])), Ok(Update::Remove("public".into())));
    assert_eq!(update(&query([element("active")])), Ok(Update::Active(None)));
    assert_eq!(update(&query([named("default")])), Ok(Update::Default(Some("public".into()))));
}

#[test]
fn r3921_10_3_02_one_list_at_a_time() {
    let named = |name| element("list").attr("name", name);
    let get =
        |children: Vec<Builder>| Query::parse(query(children).as_ref()).map_err(|error| error.condition());
    assert_eq!(get([].into()), Ok(Query::Names));
    assert_eq!(get([named("public")].into()), Ok(Query::List("public".into())));
    assert_eq!(get([named("public"), named("private")].into()), Err(Condition::BadRequest));
    assert_eq!(get([element("list")].into()), Err(Condition::BadRequest));
    assert_eq!(get([element("active").attr("name", "public")].into()), Err(Condition::BadRequest));
    assert_eq!(
        get([Element::builder("urn:example", "list").attr("name", "a")].into()),
        Err(Condition::BadRequest)
    );
}

#[test]
fn items_and_names_one_below_at_and_above_the_limit() {
    let limits = HostLimits::new().with_privacy_items(3).with_privacy_text(4);
    for count in 2..=4 {
        let items =
            (0..count).map(|order| element("item").attr("action", "allow").attr("order", &order.to_string()));
        let parsed =
            Update::parse(set(items.map(Builder::build)).as_ref(), &HostLimits::new().with_privacy_items(3));
        assert_eq!(
            parsed.map_err(|error| error.condition()).err(),
            (count == 4).then_some(Condition::NotAcceptable)
        );
    }
    for name in ["abc", "abcd", "abcde", "ää", "ääa"] {
        let list = element("list").attr("name", name).child(item().build());
        let parsed = Update::parse(query([list]).as_ref(), &limits);
        let condition = (name.len() > 4).then_some(Condition::NotAcceptable);
        assert_eq!(parsed.map_err(|error| error.condition()).err(), condition, "{name}");
    }
}

#[test]
fn what_clients_write_servers_read_and_the_other_way_round() {
    let strangers = Item::new(4, Action::Deny, Subject::Subscription(Subscription::None));
    let list = List::new("private", [strangers.with_kinds(Kinds::IQ | Kinds::MESSAGE)]).unwrap();
    for update in [
        Update::Active(None),
        Update::Active(Some("a".into())),
        Update::Default(None),
        Update::Default(Some("b".into())),
        Update::Set(list.clone()),
        Update::Remove("c <&' d".into()),
    ] {
        assert_eq!(Update::parse(update.to_element().as_ref(), &HostLimits::new()), Ok(update));
    }
    for query in [Query::Names, Query::List("a".into())] {
        assert_eq!(Query::parse(query.to_element().as_ref()), Ok(query));
    }
    assert_eq!(List::parse_answer(list.to_answer().as_ref()), Some(list.clone()));
    assert_eq!(parse_push(push("private").as_ref()).as_deref(), Some("private"));

    let names = Names::new(["a", "b"]).with_active(Some("b")).with_default(Some("a"));
    assert_eq!(Names::parse(names.to_element().as_ref()), Some(names));
}

#[test]
fn r3921_10_4_01_requests_as_clients_write_them() {
    let written = |update: Update| {
        let written = update.to_element().to_string();
        let content = written.strip_prefix("<query xmlns='jabber:iq:privacy'>").unwrap();
        content.strip_suffix("</query>").unwrap().to_string()
    };
    let special = || Some("special".to_string());
    assert_eq!(written(Update::Active(special())), "<active name='special'/>");
    // covers 3921-10.4-04
    assert_eq!(written(Update::Active(None)), "<active/>");
    // covers 3921-10.5-01
    assert_eq!(written(Update::Default(special())), "<default name='special'/>");
    // covers 3921-10.5-04
    assert_eq!(written(Update::Default(None)), "<default/>");
    // covers 3921-10.8-01
    assert_eq!(written(Update::Remove("private".into())), "<list name='private'/>");
}

#[test]
fn r3921_10_6_01_lists_as_clients_write_them() {
    let tybalt = Item::new(3, Action::Deny, Subject::Jid(jid("tybalt@example.com")));
    let enemies = Item::new(5, Action::Deny, Subject::Group("Enemies".into()));
    let strangers = Item::new(7, Action::Deny, Subject::Subscription(Subscription::None));
    let everybody = Item::new(68, Action::Allow, Subject::Anyone);
    let some = Kinds::PRESENCE_OUT | Kinds::MESSAGE | Kinds::PRESENCE_IN | Kinds::IQ;
    let list = List::new("public", [tybalt, enemies, strangers.with_kinds(some), everybody]).unwrap();
    // covers 3921-10.1-07
    // covers 3921-10.1-09
    // covers 3921-10.1-12
    // covers 3921-10.1-14
    assert_eq!(
        Update::Set(list).to_element().to_string(),
        "<query xmlns='jabber:iq:privacy'><list name='public'>\
         <item type='jid' value='tybalt@example.com' action='deny' order='3'/>\
         <item type='group' value='Enemies' action='deny' order='5'/>\
         <item type='subscription' value='none' action='deny' order='7'>\
         <iq/><message/><presence-in/><presence-out/></item>\
         <item action='allow' order='68'/></list></query>"
    );
}

#[test]
fn answers_and_pushes_that_make_no_sense() {
    let named = |name| element(name).attr("name", "a");
    assert_eq!(Names::parse(query([element("list")]).as_ref()), None, "a list without name");
    assert_eq!(Names::parse(query([named("item")]).as_ref()), None);
    assert_eq!(Names::parse(Element::builder(ns::ROSTER, "query").build().as_ref()), None);
    let foreign = Element::builder("urn:example", "list");
    assert_eq!(
        Names::parse(query([named("list"), foreign]).as_ref()),
        Some(Names::new(["a"])),
        "no business of ours"
    );
    assert_eq!(List::parse_answer(query([named("list")]).as_ref()), None, "a list without items");
    assert_eq!(List::parse_answer(query([]).as_ref()), None);
    assert_eq!(parse_push(query([named("list"), named("list")]).as_ref()), None);
    assert_eq!(parse_push(query([element("list")]).as_ref()), None);
    assert_eq!(parse_push(query([named("active")]).as_ref()), None);
    let query = Element::builder("urn:example", "query").child(named("list").build()).build();
    assert_eq!(parse_push(query.as_ref()), None);
}

#[test]
fn lists_that_are_none() {
    let allow = Item::new(1, Action::Allow, Subject::Anyone);
    assert_eq!(List::new("", [allow.clone()]), None);
    // covers 3921-10.6-02
    assert_eq!(List::new("public", []), None);
    // covers 3921-10.1-10
    assert_eq!(List::new("public", [allow.clone(), allow.clone()]), None);
    assert!(List::new("public", [allow]).is_some());
}

#[test]
fn an_item_finds_room_wherever_it_is_put() {
    let deny = |order, who: &str| Item::new(order, Action::Deny, Subject::Group(who.into()));
    let with = |orders: &[u32], at| {
        let items = orders.iter().map(|order| deny(*order, "old"));
        let list = List::new("l", items).unwrap().with_item(at, deny(7, "new"));
        let place = list.items().iter().position(|item| *item.subject() == Subject::Group("new".into()));
        let orders: Vec<_> = list.items().iter().map(Item::order).collect();
        (place.unwrap(), orders)
    };
    assert_eq!(with(&[3, 5], 0), (0, vec![0, 3, 5]));
    assert_eq!(with(&[0, 1, 9], 0), (0, vec![0, 1, 2, 9]));
    assert_eq!(with(&[3, 5], 1), (1, vec![3, 4, 5]));
    for at in [2, 3, usize::MAX] {
        assert_eq!(with(&[3, 5], at), (2, vec![3, 5, 6]));
    }
    // One below the greatest number there is room; at it, all of them move.
    assert_eq!(with(&[3, u32::MAX - 1], 2), (2, vec![3, u32::MAX - 1, u32::MAX]));
    assert_eq!(with(&[3, u32::MAX], 2), (2, vec![0, 1, 2]));
    assert_eq!(with(&[u32::MAX - 1, u32::MAX], 1), (1, vec![0, 1, 2]));
}

#[test]
fn r3921_10_14_01_what_others_are_told() {
    let message = |type_| stanza(Element::builder(ns::CLIENT, "message").attr("type", type_));
    let presence = |type_| stanza(Element::builder(ns::CLIENT, "presence").maybe_attr("type", type_));
    let iq = |type_| {
        let payload = Element::builder("jabber:iq:version", "query").build();
        stanza(Element::builder(ns::CLIENT, "iq").attr("type", type_).child(payload))
    };
    let condition =
        |answer: Option<Stanza>| answer.and_then(|answer| answer.error()).map(|error| error.condition());
    let unavailable = Some(Condition::ServiceUnavailable);

    // covers 3921-10.14-02
    assert_eq!(condition(Denial::List.inbound(&message("chat"))), None);
    assert_eq!(condition(Denial::Blocklist.inbound(&message("chat"))), unavailable);
    assert_eq!(condition(Denial::Blocklist.inbound(&message("error"))), None);
    for denial in [Denial::List, Denial::Blocklist] {
        for type_ in [None, Some("unavailable"), Some("subscribe"), Some("probe"), Some("error")] {
            assert_eq!(condition(denial.inbound(&presence(type_))), None, "{type_:?}");
        }
        // covers 3921-10.14-03
        assert_eq!(condition(denial.inbound(&iq("get"))), unavailable);
        assert_eq!(condition(denial.inbound(&iq("set"))), unavailable);
        // covers 3921-10.14-04
        assert_eq!(condition(denial.inbound(&iq("result"))), None);
        assert_eq!(condition(denial.inbound(&iq("error"))), None);
    }
}

#[test]
fn what_the_user_is_told() {
    let message = stanza(Element::builder(ns::CLIENT, "message"));
    let error = |denial: Denial| denial.outbound(&message).and_then(|answer| answer.error()).unwrap();
    for denial in [Denial::List, Denial::Blocklist] {
        assert_eq!(error(denial).condition(), Condition::NotAcceptable);
        assert_eq!(error(denial).type_(), ErrorType::Cancel);
        assert_eq!(crate::blocking::is_blocked(&error(denial)), denial == Denial::Blocklist);
    }
    assert!(!crate::blocking::is_blocked(&StanzaError::new(Condition::NotAcceptable)));
    let text = format!("{:?}", error(Denial::Blocklist).to_element());
    assert!(text.contains("<blocked xmlns='urn:xmpp:blocking:errors'/>"), "{text}");
}
