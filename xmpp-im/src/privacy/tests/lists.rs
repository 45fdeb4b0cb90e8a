//! All lists of an account: what may be done to them, and which of them apply.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use xmpp_core::jid::{BareJid, FullJid};
use xmpp_core::stanza::{Condition, StanzaError};

use super::super::*;
use super::jid;
use crate::blocking::Command;
use crate::limits::HostLimits;
use crate::roster::Roster;
use crate::store::RosterItem;

const ORCHARD: &str = "romeo@example.net/orchard";
const HOME: &str = "romeo@example.net/home";
const BOTH: [&str; 2] = [ORCHARD, HOME];

/// Romeo's lists, what was kept of them, and his two resources.
struct Romeo {
    lists: Lists,
    kept: std::collections::BTreeMap<String, Vec<u8>>,
    roster: Roster,
    limits: HostLimits,
}

fn full(session: &str) -> FullJid {
    FullJid::new(session).unwrap()
}

fn owner() -> BareJid {
    BareJid::new("romeo@example.net").unwrap()
}

impl Romeo {
    fn new() -> Self {
        let enemy = RosterItem::new(jid("tybalt@example.com")).with_group("Enemies");
        Romeo {
            lists: Lists::new(owner()),
            kept: std::collections::BTreeMap::new(),
            roster: [enemy].into_iter().collect(),
            limits: HostLimits::new(),
        }
    }

    /// What is modified, or the condition of the error, by which nothing is changed.
    fn edit(
        &mut self,
        edited: Result<Edit, StanzaError>,
        before: &Lists,
    ) -> Result<Option<String>, Condition> {
        let edit =
            edited.map_err(|error| error.condition()).inspect_err(|_| assert_eq!(self.lists, *before))?;
        let modified = edit.modified().map(ToString::to_string);
        for (key, value) in edit.into_kept() {
            match value {
                Some(value) => self.kept.insert(key, value),
                None => self.kept.remove(&key),
            };
        }
        // What is kept is what there is, but for what lasts as long as a session.
        let kept = self.kept.iter().map(|(key, value)| (key.as_str(), value.as_slice()));
        let mut lasting = self.lists.clone();
        lasting.retain_sessions(|_| false);
        assert_eq!(Lists::open(owner(), kept), lasting);
        Ok(modified)
    }

    fn update(&mut self, session: &str, update: Update) -> Result<Option<String>, Condition> {
        let before = self.lists.clone();
        let others: Vec<_> = BOTH.into_iter().filter(|other| *other != session).map(full).collect();
        let edited = self.lists.update(&full(session), &others, update, &self.roster, &self.limits);
        self.edit(edited, &before)
    }

    fn command(&mut self, command: &Command) -> Result<Option<String>, Condition> {
        let before = self.lists.clone();
        let edited = self.lists.command(command, &self.limits);
        self.edit(edited, &before)
    }

    fn set(&mut self, name: &str, items: &[&str]) -> Result<Option<String>, Condition> {
        self.update(ORCHARD, Update::Set(list(name, items)))
    }

    fn applied(&self, session: &str) -> Option<&str> {
        self.lists.applied(&jid(session)).map(|list| list.name())
    }

    fn blocked(&self) -> Vec<String> {
        self.lists.blocked().map(ToString::to_string).collect()
    }

    fn denies(&self, peer: &str) -> Option<Denial> {
        self.lists.denies(owner().as_jid(), Traffic::Message, &jid(peer), || None)
    }
}

/// A list that denies these and allows everybody else.
fn list(name: &str, denied: &[&str]) -> List {
    let deny = (1..).zip(denied).map(|(order, peer)| Item::new(order, Action::Deny, Subject::Jid(jid(peer))));
    List::new(name, deny.chain([Item::new(1_000, Action::Allow, Subject::Anyone)])).unwrap()
}

fn active(name: &str) -> Update {
    Update::Active(Some(name.to_string()))
}

fn default(name: &str) -> Update {
    Update::Default(Some(name.to_string()))
}

fn block(peers: &[&str]) -> Command {
    Command::Block(peers.iter().map(|peer| jid(peer)).collect())
}

fn unblock(peers: &[&str]) -> Command {
    Command::Unblock(peers.iter().map(|peer| jid(peer)).collect())
}

#[test]
fn r3921_10_2_02_an_active_list_is_the_only_one() {
    let mut romeo = Romeo::new();
    romeo.set("public", &["tybalt@example.com"]).unwrap();
    romeo.set("special", &["paris@example.org"]).unwrap();
    romeo.update(ORCHARD, default("public")).unwrap();
    assert_eq!((romeo.applied(ORCHARD), romeo.applied(HOME)), (Some("public"), Some("public")));
    romeo.update(HOME, active("special")).unwrap();
    // covers 3921-10.2-01
    assert_eq!((romeo.applied(ORCHARD), romeo.applied(HOME)), (Some("public"), Some("special")));
    let tybalt = jid("tybalt@example.com");
    let denies = |session| romeo.lists.denies(&jid(session), Traffic::Message, &tybalt, || None).is_some();
    assert!(denies(ORCHARD));
    assert!(!denies(HOME), "no layering");
    // covers 3921-10.2-03
    assert!(denies("romeo@example.net"), "without session the default list applies");
    romeo.update(HOME, Update::Active(None)).unwrap();
    assert_eq!(romeo.applied(HOME), Some("public"));
    let names = romeo.lists.names(&full(ORCHARD));
    assert_eq!((names.active(), names.default_list()), (None, Some("public")));
}

#[test]
fn r3921_10_2_13_lists_in_use_by_another_resource_stay() {
    let mut romeo = Romeo::new();
    for name in ["public", "private", "special"] {
        romeo.set(name, &[]).unwrap();
    }
    assert_eq!(romeo.update(ORCHARD, default("public")), Ok(None), "there was none that anybody could use");
    // covers 3921-10.5-02
    assert_eq!(romeo.update(ORCHARD, default("special")), Err(Condition::Conflict));
    // covers 3921-10.5-05
    assert_eq!(romeo.update(ORCHARD, Update::Default(None)), Err(Condition::Conflict));
    // covers 3921-10.8-02
    assert_eq!(romeo.update(ORCHARD, Update::Remove("public".into())), Err(Condition::Conflict));
    assert_eq!(romeo.update(ORCHARD, default("public")), Ok(None), "as it was");

    romeo.update(HOME, active("private")).unwrap();
    assert_eq!(romeo.update(ORCHARD, Update::Remove("private".into())), Err(Condition::Conflict));
    assert_eq!(romeo.update(ORCHARD, default("special")), Ok(None), "only orchard uses the default list");
    assert_eq!(romeo.update(HOME, Update::Remove("private".into())), Ok(Some("private".into())), "its own");
    assert_eq!(romeo.applied(HOME), Some("special"));
    assert_eq!(romeo.update(HOME, active("public")), Ok(None));
    assert_eq!(romeo.update(ORCHARD, Update::Remove("special".into())), Ok(Some("special".into())));
    assert_eq!(romeo.applied(ORCHARD), None, "with the list goes that it is the default one");
}

#[test]
fn r3921_10_4_03_lists_that_there_are_none_of() {
    let mut romeo = Romeo::new();
    let empty_set = || "The Empty Set".to_string();
    assert_eq!(romeo.update(ORCHARD, active("The Empty Set")), Err(Condition::ItemNotFound));
    // covers 3921-10.5-03
    assert_eq!(romeo.update(ORCHARD, default("The Empty Set")), Err(Condition::ItemNotFound));
    // covers 3921-10.8-04
    assert_eq!(romeo.update(ORCHARD, Update::Remove(empty_set())), Err(Condition::ItemNotFound));
    assert_eq!(romeo.update(ORCHARD, Update::Active(None)), Ok(None));
    assert_eq!(romeo.update(ORCHARD, Update::Default(None)), Ok(None));
    assert_eq!(romeo.lists.get("The Empty Set"), None);
}

#[test]
fn r3921_10_1_05_groups_that_there_are_none_of() {
    let mut romeo = Romeo::new();
    let items = |groups: &[&str]| {
        let items = (1..).zip(groups);
        let items =
            items.map(|(order, group)| Item::new(order, Action::Deny, Subject::Group((*group).into())));
        Update::Set(List::new("groups", items).unwrap())
    };
    assert_eq!(romeo.update(ORCHARD, items(&["Enemies", "Friends"])), Err(Condition::ItemNotFound));
    assert_eq!(romeo.update(ORCHARD, items(&["enemies"])), Err(Condition::ItemNotFound));
    assert_eq!(romeo.update(ORCHARD, items(&["Enemies"])), Ok(Some("groups".into())));
}

#[test]
fn an_updated_list_is_what_applies() {
    let mut romeo = Romeo::new();
    romeo.set("public", &["tybalt@example.com"]).unwrap();
    romeo.update(ORCHARD, default("public")).unwrap();
    assert!(romeo.denies("tybalt@example.com").is_some());
    assert_eq!(romeo.set("public", &["paris@example.org"]), Ok(Some("public".into())));
    assert_eq!(romeo.denies("tybalt@example.com"), None);
    assert!(romeo.denies("paris@example.org").is_some());
}

#[test]
fn lists_and_bytes_one_below_at_and_above_the_limit() {
    let mut romeo = Romeo::new();
    romeo.limits = HostLimits::new().with_privacy_lists(2);
    assert!(romeo.set("a", &[]).is_ok());
    assert!(romeo.set("b", &[]).is_ok());
    assert_eq!(romeo.set("c", &[]), Err(Condition::NotAllowed));
    assert!(romeo.set("b", &["tybalt@example.com"]).is_ok(), "it is there already");
    assert_eq!(
        romeo.command(&block(&["paris@example.org"])),
        Err(Condition::NotAllowed),
        "which needs a list"
    );

    // One byte each for the names, 18 for Tybalt.
    romeo.limits = HostLimits::new().with_privacy_bytes(21);
    assert!(romeo.set("a", &["x"]).is_ok());
    assert_eq!(romeo.set("a", &["xy"]), Err(Condition::NotAllowed));
    romeo.limits = HostLimits::new().with_privacy_bytes(5);
    assert_eq!(romeo.set("c", &[]), Err(Condition::NotAllowed));
    assert!(romeo.set("b", &["paris@example.or"]).is_ok(), "less than it was, if too much");
}

#[test]
fn nobody_is_kept_from_himself_or_his_server() {
    let mut romeo = Romeo::new();
    let everybody = List::new("nobody", [Item::new(1, Action::Deny, Subject::Anyone)]).unwrap();
    romeo.update(ORCHARD, Update::Set(everybody)).unwrap();
    romeo.update(ORCHARD, default("nobody")).unwrap();
    romeo.command(&block(&["romeo@example.net", "example.net", "romeo@example.net/home"])).unwrap();
    for own in ["romeo@example.net", "romeo@example.net/home", "example.net"] {
        assert_eq!(romeo.denies(own), None, "{own}");
    }
    for other in [
        "romeo@example.net.example",
        "romeo@example.com",
        "juliet@example.net",
        "example.net/x",
        "a.example.net",
    ] {
        assert!(romeo.denies(other).is_some(), "{other}");
    }
}

#[test]
fn what_cannot_be_read_denies_everybody() {
    let wholly = |kept: &[(&str, &[u8])]| Lists::open(owner(), kept.iter().copied());
    let deny =
        |lists: &Lists| lists.denies(owner().as_jid(), Traffic::Message, &jid("juliet@example.com"), || None);
    let sound = list("public", &[]);
    let sound = sound.to_element().to_string();
    assert_eq!(deny(&wholly(&[("list:public", sound.as_bytes()), ("default", b"public")])), None);
    for kept in [
        // Cut short, of another name, with more behind it, and no list at all.
        (&sound.as_bytes()[..sound.len() - 2], "public"),
        (sound.as_bytes(), "private"),
        (format!("{sound}<list/>").as_bytes(), "public"),
        (b"".as_slice(), "public"),
        (b"<query xmlns='jabber:iq:privacy'/>", "public"),
        (b"\xff\xfe", "public"),
    ] {
        let lists = wholly(&[(&format!("list:{}", kept.1), kept.0), ("default", kept.1.as_bytes())]);
        assert_eq!(deny(&lists), Some(Denial::List), "{kept:?}");
        assert!(lists.get(kept.1).is_some(), "its owner sees it and can set it anew");
    }
    for default in [b"public".as_slice(), b"", b"\xff"] {
        assert_eq!(deny(&wholly(&[("default", default)])), Some(Denial::List), "{default:?}");
    }
    assert_eq!(wholly(&[("list:", b"x"), ("else", b"x")]), Lists::new(owner()));
}

#[test]
fn blocking_makes_a_default_list_and_takes_it_away() {
    let mut romeo = Romeo::new();
    assert_eq!(romeo.command(&block(&["b@example.com", "a@example.com"])), Ok(Some("blocklist".into())));
    assert_eq!(romeo.blocked(), ["b@example.com", "a@example.com"]);
    assert_eq!(romeo.denies("a@example.com/x"), Some(Denial::Blocklist));
    assert_eq!(romeo.command(&block(&["a@example.com"])), Ok(None), "as it was");
    assert_eq!(romeo.command(&unblock(&["b@example.com", "c@example.com"])), Ok(Some("blocklist".into())));
    assert_eq!(romeo.blocked(), ["a@example.com"]);
    assert_eq!(romeo.command(&unblock(&["c@example.com"])), Ok(None));
    assert_eq!(romeo.command(&Command::UnblockAll), Ok(Some("blocklist".into())));
    assert_eq!(romeo.lists, Lists::new(owner()));
    assert_eq!(romeo.command(&Command::UnblockAll), Ok(None));
}

#[test]
fn blocking_does_not_take_the_name_of_another_list() {
    let mut romeo = Romeo::new();
    romeo.set("blocklist", &["paris@example.org"]).unwrap();
    romeo.set("blocklist 2", &[]).unwrap();
    assert_eq!(romeo.command(&block(&["a@example.com"])), Ok(Some("blocklist 3".into())));
    assert_eq!(romeo.blocked(), ["a@example.com"]);
}

#[test]
fn blocking_comes_before_what_else_the_default_list_says() {
    let mut romeo = Romeo::new();
    let allow = Item::new(1, Action::Allow, Subject::Jid(jid("example.com")));
    let messages =
        Item::new(3, Action::Deny, Subject::Jid(jid("paris@example.org"))).with_kinds(Kinds::MESSAGE);
    let late = Item::new(5, Action::Deny, Subject::Jid(jid("tybalt@example.com")));
    let list = List::new("public", [allow.clone(), messages.clone(), late]).unwrap();
    romeo.update(ORCHARD, Update::Set(list)).unwrap();
    romeo.update(ORCHARD, default("public")).unwrap();
    // The list blocks Tybalt and yet lets him through: blocking him now means it.
    assert_eq!(
        (romeo.blocked(), romeo.denies("tybalt@example.com")),
        (vec!["tybalt@example.com".into()], None)
    );
    romeo.command(&block(&["tybalt@example.com", "nurse@example.com"])).unwrap();
    assert_eq!(romeo.blocked(), ["tybalt@example.com", "nurse@example.com"]);
    assert_eq!(romeo.denies("tybalt@example.com"), Some(Denial::Blocklist));
    // Paris is denied, but not blocked.
    assert_eq!(romeo.denies("paris@example.org"), Some(Denial::List));
    romeo.command(&Command::UnblockAll).unwrap();
    let subjects: Vec<_> = romeo.lists.get("public").unwrap().items().iter().map(Item::subject).collect();
    assert_eq!(subjects, [allow.subject(), messages.subject()]);
}

#[test]
fn unblocking_the_last_leaves_no_active_list_behind() {
    let mut romeo = Romeo::new();
    romeo.command(&block(&["a@example.com"])).unwrap();
    romeo.update(HOME, active("blocklist")).unwrap();
    romeo.command(&Command::UnblockAll).unwrap();
    assert_eq!(romeo.lists, Lists::new(owner()));
}

#[test]
fn blocked_addresses_one_below_at_and_above_the_limit() {
    let mut romeo = Romeo::new();
    romeo.limits = HostLimits::new().with_privacy_items(3);
    assert!(romeo.command(&block(&["a", "b"])).is_ok());
    assert!(romeo.command(&block(&["c"])).is_ok());
    assert_eq!(romeo.command(&block(&["d"])), Err(Condition::NotAllowed));
    assert!(romeo.command(&block(&["a", "c"])).is_ok(), "they are there already");
    romeo.limits = HostLimits::new().with_privacy_items(1);
    assert!(romeo.command(&unblock(&["a"])).is_ok(), "too many, but fewer");
}

#[test]
fn an_ended_session_uses_nothing() {
    let mut romeo = Romeo::new();
    romeo.set("special", &[]).unwrap();
    romeo.update(HOME, active("special")).unwrap();
    romeo.lists.retain_sessions(|session| *session == full(ORCHARD));
    assert_eq!(romeo.applied(HOME), None);
}

fn commands() -> impl Strategy<Value = Command> {
    let jids = proptest::collection::vec("[a-e]".prop_map(|domain| jid(&domain)), 1..4);
    prop_oneof![
        3 => jids.clone().prop_map(Command::Block),
        2 => jids.prop_map(Command::Unblock),
        1 => Just(Command::UnblockAll),
    ]
}

fn updates() -> impl Strategy<Value = Update> {
    let name = || "[pq]";
    let denied = proptest::collection::vec("[a-e]", 0..3).prop_filter("once each", |denied| {
        denied.iter().collect::<std::collections::BTreeSet<_>>().len() == denied.len()
    });
    prop_oneof![
        4 => (name(), denied).prop_map(|(name, denied)| {
            Update::Set(list(&name, &denied.iter().map(String::as_str).collect::<Vec<_>>()))
        }),
        1 => name().prop_map(Update::Remove),
        1 => proptest::option::of(name()).prop_map(Update::Default),
        1 => proptest::option::of(name()).prop_map(Update::Active),
    ]
}

proptest! {
    /// Memory and what is kept agree after each step, and errors change nothing: `edit` looks after both.
    #[test]
    fn whatever_is_asked_for(
        steps in proptest::collection::vec((any::<bool>(), prop_oneof![commands().prop_map(Ok), updates().prop_map(Err)]), 0..24),
    ) {
        let mut romeo = Romeo::new();
        romeo.limits = HostLimits::new().with_privacy_lists(2).with_privacy_items(4);
        for (first, step) in steps {
            let session = if first { ORCHARD } else { HOME };
            match step {
                Ok(command) => {
                    let done = romeo.command(&command).is_ok();
                    let blocked = romeo.blocked();
                    match command {
                        Command::Block(jids) if done => {
                            prop_assert!(jids.iter().all(|jid| blocked.contains(&jid.to_string())));
                            prop_assert!(jids.iter().all(|jid| romeo.denies(jid.as_str()) == Some(Denial::Blocklist)));
                        }
                        Command::Unblock(jids) => {
                            prop_assert!(jids.iter().all(|jid| !blocked.contains(&jid.to_string())));
                        }
                        Command::UnblockAll => prop_assert_eq!(blocked, Vec::<String>::new()),
                        Command::Block(_) => {}
                    }
                }
                Err(update) => {
                    let _ = romeo.update(session, update);
                }
            }
        }
    }
}
