//! RFC 3921 section 10 as a client plays it: lists made, edited, selected and removed, and those that have changed fetched.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod client;

use client::*;
use xmpp_im::blocking::{self, Command};
use xmpp_im::client::{ClientEvent, CommandError, SessionConfig};
use xmpp_im::privacy::{Action, Item, List, Names, Query, Subject, Update};

fn privacy_set(update: &Update) -> String {
    let mut juliet = Juliet::and_romeo();
    let now = juliet.now;
    juliet.session().change_privacy(now, update).unwrap();
    let said = juliet.says();
    let content = said.strip_prefix("<iq id='ID' type='set'><query xmlns='jabber:iq:privacy'>");
    content.and_then(|content| content.strip_suffix("</query></iq>")).expect(&said).to_owned()
}

#[test]
fn r3921_10_4_01_which_list_is_used() {
    // covers 3921-10.1-14
    assert_eq!(privacy_set(&Update::Active(Some("special".into()))), "<active name='special'/>");
    // covers 3921-10.4-04
    assert_eq!(privacy_set(&Update::Active(None)), "<active/>");
    // covers 3921-10.5-01
    assert_eq!(privacy_set(&Update::Default(Some("special".into()))), "<default name='special'/>");
    // covers 3921-10.5-04
    assert_eq!(privacy_set(&Update::Default(None)), "<default/>");
}

#[test]
fn r3921_10_6_01_editing_a_list() {
    let tybalt = Item::new(3, Action::Deny, Subject::Jid(jid("tybalt@example.com")));
    let paris = Item::new(5, Action::Deny, Subject::Jid(jid("paris@example.org")));
    let list = List::new("public", [paris, tybalt]).unwrap();
    // covers 3921-10.1-18: complete
    // covers 3921-10.6-02
    // covers 3921-10.1-01
    assert_eq!(
        privacy_set(&Update::Set(list)),
        "<list name='public'><item type='jid' value='tybalt@example.com' action='deny' order='3'/>\
         <item type='jid' value='paris@example.org' action='deny' order='5'/></list>"
    );
    // covers 3921-10.1-16: a list without items would remove it
    assert_eq!(List::new("public", []), None);
}

#[test]
fn r3921_10_8_01_removing_a_list() {
    // covers 3921-10.1-17
    // covers 3921-10.1-13: one child
    assert_eq!(privacy_set(&Update::Remove("private".into())), "<list name='private'/>");
}

/// A client that has this roster, and no answer to anything else yet.
fn with_group(group: &str) -> Juliet {
    let item = format!("<item jid='romeo@example.net'><group>{group}</group></item>");
    Juliet::online(SessionConfig::new(), "", &item)
}

fn list(name: &str, subject: Subject) -> Update {
    Update::Set(List::new(name, [Item::new(1, Action::Deny, subject)]).unwrap())
}

#[test]
fn r3921_10_1_02_an_address_is_written_as_it_is_prepared() {
    assert_eq!(
        privacy_set(&list("public", Subject::Jid(jid("Tybalt@EXAMPLE.com/Pda")))),
        "<list name='public'><item type='jid' value='tybalt@example.com/Pda' action='deny' order='1'/></list>"
    );
}

#[test]
fn r3921_10_1_04_a_group_is_one_of_the_rosters() {
    let enemies = list("public", Subject::Group("Enemies".into()));
    let mut juliet = with_group("Friends");
    let now = juliet.now;
    assert_eq!(juliet.session().change_privacy(now, &enemies), Err(CommandError::NoGroup));
    assert_eq!(juliet.says(), "");
    juliet.hears(&push("id='p1'", "><item jid='tybalt@example.net'><group>Enemies</group></item>"));
    juliet.says();
    juliet.session().change_privacy(now, &enemies).unwrap();
    let said = "<iq id='ID' type='set'><query xmlns='jabber:iq:privacy'><list name='public'>\
                <item type='group' value='Enemies' action='deny' order='1'/></list></query></iq>";
    assert_eq!(juliet.says(), said);
    // Who does not have the roster leaves it to the server.
    let mut juliet = Juliet::bound(SessionConfig::new().without_roster().with_presence(None), "");
    juliet.session().change_privacy(now, &enemies).unwrap();
    assert_eq!(juliet.says(), said);
}

#[test]
fn r3921_10_6_03_items_make_room_for_others() {
    let deny = |order, who: &str| Item::new(order, Action::Deny, Subject::Jid(jid(who)));
    let all = Item::new(68, Action::Allow, Subject::Anyone);
    let mut list =
        List::new("public", [deny(3, "tybalt@example.com"), deny(5, "paris@example.org"), all]).unwrap();
    for (at, who) in (1..).zip(["a@example.com", "b@example.com", "c@example.com", "d@example.com"]) {
        list = list.with_item(at, deny(1, who));
    }
    assert_eq!(
        privacy_set(&Update::Set(list)),
        "<list name='public'><item type='jid' value='tybalt@example.com' action='deny' order='3'/>\
         <item type='jid' value='a@example.com' action='deny' order='4'/>\
         <item type='jid' value='b@example.com' action='deny' order='5'/>\
         <item type='jid' value='c@example.com' action='deny' order='6'/>\
         <item type='jid' value='d@example.com' action='deny' order='7'/>\
         <item type='jid' value='paris@example.org' action='deny' order='8'/>\
         <item action='allow' order='68'/></list>"
    );
}

/// Asks for a change that succeeds.
fn done(juliet: &mut Juliet, update: &Update) {
    let now = juliet.now;
    juliet.session().change_privacy(now, update).unwrap();
    juliet.says();
    juliet.answers("");
    juliet.events();
}

#[test]
fn r3921_10_8_03_a_list_in_use_is_not_removed() {
    let mut juliet = Juliet::and_romeo();
    let now = juliet.now;
    for (select, deselect) in [
        (Update::Active(Some("special".into())), Update::Active(None)),
        (Update::Default(Some("special".into())), Update::Default(Some("public".into()))),
        (Update::Default(Some("special".into())), Update::Active(Some("public".into()))),
    ] {
        let remove = Update::Remove("special".into());
        done(&mut juliet, &select);
        assert_eq!(juliet.session().change_privacy(now, &remove), Err(CommandError::ListInUse));
        assert_eq!(juliet.says(), "");
        // An answer that is an error deselects nothing.
        juliet.session().change_privacy(now, &deselect).unwrap();
        juliet.says();
        juliet.refuses("item-not-found");
        assert_eq!(juliet.session().change_privacy(now, &remove), Err(CommandError::ListInUse));
        done(&mut juliet, &deselect);
        done(&mut juliet, &remove);
    }
}

#[test]
fn r3921_10_2_12_a_list_that_applies_is_fetched_when_it_has_changed() {
    let pushed = |juliet: &mut Juliet, name: &str| {
        juliet.hears(&format!(
            "<iq id='push1' type='set'><query xmlns='jabber:iq:privacy'><list name='{name}'/></query></iq>"
        ));
        assert_eq!(juliet.event(), ClientEvent::PrivacyListChanged(name.into()));
        juliet.says()
    };
    let heard = "<iq id='push1' type='result'/>";
    let fetched = |name: &str| {
        format!(
            "{heard}<iq id='ID' type='get'><query xmlns='jabber:iq:privacy'><list name='{name}'/></query></iq>"
        )
    };
    let mut juliet = Juliet::and_romeo();
    let now = juliet.now;
    // Which one is the default nobody knows yet.
    assert_eq!(pushed(&mut juliet, "public"), fetched("public"));
    let items = "<item type='jid' value='tybalt@example.com' action='deny' order='1'/>";
    juliet.answers(&format!("<query xmlns='jabber:iq:privacy'><list name='public'>{items}</list></query>"));
    let ClientEvent::PrivacyListReceived(list) = juliet.event() else { panic!("no list") };
    assert_eq!(list.blocked().collect::<Vec<_>>(), [&jid("tybalt@example.com")]);

    juliet.session().privacy(now, &Query::Names).unwrap();
    juliet.says();
    juliet.answers(
        "<query xmlns='jabber:iq:privacy'><default name='public'/><list name='public'/><list name='special'/></query>",
    );
    juliet.events();
    assert_eq!(pushed(&mut juliet, "special"), heard);
    assert_eq!(pushed(&mut juliet, "public"), fetched("public"));
    // An active list leaves the default one without effect.
    done(&mut juliet, &Update::Active(Some("special".into())));
    assert_eq!(pushed(&mut juliet, "public"), heard);
    assert_eq!(pushed(&mut juliet, "special"), fetched("special"));
    // It is gone, so that the default one applies, whichever that is by now.
    juliet.refuses("item-not-found");
    assert_eq!(juliet.events(), []);
    assert_eq!(pushed(&mut juliet, "public"), fetched("public"));
}

#[test]
fn r3921_10_6_05_pushes_of_lists() {
    let mut juliet = Juliet::and_romeo();
    let push = |from: &str, content: &str| {
        format!("<iq{from} id='push1' type='set'><query xmlns='jabber:iq:privacy'>{content}</query></iq>")
    };
    done(&mut juliet, &Update::Active(Some("special".into())));
    juliet.hears(&push("", "<list name='public'/>"));
    assert_eq!(juliet.says(), "<iq id='push1' type='result'/>");
    assert_eq!(juliet.event(), ClientEvent::PrivacyListChanged("public".into()));
    // It does not apply, but she wants to see it.
    let now = juliet.now;
    juliet.session().privacy(now, &Query::List("public".into())).unwrap();
    assert_eq!(
        juliet.says(),
        "<iq id='ID' type='get'><query xmlns='jabber:iq:privacy'><list name='public'/></query></iq>"
    );
    juliet.answers(
        "<query xmlns='jabber:iq:privacy'><list name='public'>\
         <item type='jid' value='tybalt@example.com' action='deny' order='1'/></list></query>",
    );
    let ClientEvent::Answered { answer: Ok(iq), .. } = juliet.event() else { panic!("no answer") };
    assert_eq!(List::parse_answer(iq.payload().unwrap()).unwrap().items().len(), 1);
    juliet.session().privacy(now, &Query::Names).unwrap();
    juliet.says();
    juliet.answers("<query xmlns='jabber:iq:privacy'><default name='public'/><list name='public'/></query>");
    let ClientEvent::Answered { answer: Ok(iq), .. } = juliet.event() else { panic!("no answer") };
    assert_eq!(Names::parse(iq.payload().unwrap()).unwrap().default_list(), Some("public"));

    // Nobody else pushes lists, nor is anything but one list a push.
    for (from, content) in
        [(" from='romeo@example.net/orchard'", "<list name='public'/>"), ("", ""), ("", "<list/>")]
    {
        juliet.hears(&push(from, content));
        assert!(juliet.says().contains(" type='error'"), "{from} {content}");
        assert_eq!(juliet.events(), []);
    }
}

#[test]
fn blocking() {
    let mut juliet = Juliet::and_romeo();
    let now = juliet.now;
    juliet.session().blocklist(now).unwrap();
    juliet.session().change_blocklist(now, &Command::Block(vec![jid("tybalt@example.org")])).unwrap();
    assert_eq!(
        juliet.says(),
        "<iq id='ID' type='get'><blocklist xmlns='urn:xmpp:blocking'/></iq>\
         <iq id='ID' type='set'><block xmlns='urn:xmpp:blocking'><item jid='tybalt@example.org'/></block></iq>"
    );
    let get = juliet.ids[juliet.ids.len() - 2].clone();
    juliet.hears(&format!(
        "<iq id='{get}' type='result'><blocklist xmlns='urn:xmpp:blocking'><item jid='paris@example.org'/></blocklist></iq>"
    ));
    let ClientEvent::Answered { answer: Ok(iq), .. } = juliet.event() else { panic!("no answer") };
    assert_eq!(blocking::parse_blocklist(iq.payload().unwrap()), Some(vec![jid("paris@example.org")]));

    let push = |from: &str, content: &str| format!("<iq{from} id='push1' type='set'>{content}</iq>");
    juliet.hears(&push("", "<unblock xmlns='urn:xmpp:blocking'/>"));
    assert_eq!(juliet.event(), ClientEvent::BlocklistChanged(Command::UnblockAll));
    assert_eq!(juliet.says(), "<iq id='push1' type='result'/>");
    let unblock = "<unblock xmlns='urn:xmpp:blocking'><item jid='paris@example.org'/></unblock>";
    for (from, content) in
        [(" from='paris@example.org'", unblock), ("", "<block xmlns='urn:xmpp:blocking'/>")]
    {
        juliet.hears(&push(from, content));
        assert_eq!(juliet.events(), []);
        assert!(juliet.says().contains(" type='error'"));
    }
}
