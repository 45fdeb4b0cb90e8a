//! Versions: whoever applies what it is told has the roster, whatever it had before and whatever version it names.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;
use xmpp_core::xml::Element;

use super::super::*;
use super::pushed;
use crate::store::Memory;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn limits() -> HostLimits {
    HostLimits::new().with_roster_removed(2)
}

/// A change to somebody's roster, with names long enough that changes are shorter than all of it.
fn set(roster: &mut Roster, contact: &str, name: &str) {
    let update = Update::Set { jid: jid(contact), name: Some(name.into()), groups: Default::default() };
    let change = roster.change(update, &limits()).unwrap();
    roster.apply(&change);
}

fn remove(roster: &mut Roster, contact: &str) {
    let change = roster.change(Update::Remove(jid(contact)), &limits()).unwrap();
    roster.apply(&change);
}

/// A roster that is long compared to one change.
fn long_roster() -> Roster {
    let items = (0..20)
        .map(|n| RosterItem::new(jid(&format!("contact{n}@example.net"))).with_name("a name of some length"));
    items.collect()
}

fn is_complete(answer: &Answer) -> bool {
    matches!(answer, Answer::Complete(_))
}

fn pushes(answer: Answer) -> Vec<String> {
    match answer {
        Answer::Changes(pushes) => pushes.iter().map(ToString::to_string).collect(),
        Answer::Complete(query) => panic!("{query}"),
    }
}

#[test]
fn r6121_2_6_3_03_what_changed_is_told_once_in_the_order_of_the_changes() {
    let mut roster = long_roster();
    let seen = roster.ver();
    set(&mut roster, "bill@example.org", "Bill");
    set(&mut roster, "tybalt@example.org", "Tybalt");
    remove(&mut roster, "contact3@example.net");
    set(&mut roster, "bill@example.org", "William");
    remove(&mut roster, "contact4@example.net");
    set(&mut roster, "contact4@example.net", "Back");
    remove(&mut roster, "tybalt@example.org");
    // covers 6121-2.6.3-07
    assert_eq!(
        pushes(roster.answer(Some(&seen), &limits())),
        [
            "<query xmlns='jabber:iq:roster' ver='0-3'><item jid='contact3@example.net' subscription='remove'/></query>",
            "<query xmlns='jabber:iq:roster' ver='0-4'>\
             <item jid='bill@example.org' name='William' subscription='none'/></query>",
            "<query xmlns='jabber:iq:roster' ver='0-6'>\
             <item jid='contact4@example.net' name='Back' subscription='none'/></query>",
            "<query xmlns='jabber:iq:roster' ver='0-7'><item jid='tybalt@example.org' subscription='remove'/></query>",
        ]
    );
    // Cut off after the first, it goes on with the second.
    assert_eq!(pushes(roster.answer(Some("0-3"), &limits())).len(), 3);
    assert_eq!(pushes(roster.answer(Some("0-7"), &limits())).len(), 0);
}

#[test]
fn r6121_2_6_3_01_the_whole_roster_for_whom_changes_cannot_be_told() {
    let mut roster = long_roster();
    for name in ["a", "b", "c"] {
        set(&mut roster, "nurse@example.com", name);
    }
    for unknown in [
        "",
        "0",
        "-",
        "0-",
        "-3",
        "0-4",
        "1-3",
        "00-3",
        "0-03",
        "0-+3",
        "0-3 ",
        "0-ffffffffffffffff",
        "0-1ffffffffffffffff",
        "ver3",
        "0-٣",
    ] {
        let answer = roster.answer(Some(unknown), &limits());
        let Answer::Complete(query) = answer else { panic!("{unknown:?} is no version of it") };
        assert_eq!((query.attr("ver"), query.children().count()), (Some("0-3"), 21));
    }
    let Answer::Complete(query) = roster.answer(None, &limits()) else { panic!("nothing is known") };
    // covers 6121-2.6.3-08
    assert_eq!((query.attr("ver"), query.children().count()), (Some("0-3"), 21));
    assert_eq!(pushes(roster.answer(Some("0-2"), &limits())).len(), 1);
}

#[test]
fn removals_that_are_remembered_one_below_at_and_above_the_limit() {
    let mut roster = long_roster();
    set(&mut roster, "nurse@example.com", "Nurse");
    for (removed, answers) in [(1, [true, true]), (2, [true, true]), (3, [false, true]), (4, [false, false])]
    {
        remove(&mut roster, &format!("contact{removed}@example.net"));
        for (ver, is_told) in ["0-1", "0-2"].into_iter().zip(answers) {
            assert_eq!(!is_complete(&roster.answer(Some(ver), &limits())), is_told, "{ver} after {removed}");
        }
    }
    // Even if nothing at all is remembered, the version never goes back.
    let limits = HostLimits::new().with_roster_removed(0);
    let change = roster.change(Update::Remove(jid("nurse@example.com")), &limits).unwrap();
    let before = roster.ver();
    roster.apply(&change);
    assert!(is_complete(&roster.answer(Some(&before), &limits)));
    assert_eq!(pushes(roster.answer(Some("0-6"), &limits)).len(), 0);
}

#[test]
fn r6121_2_6_3_02_changes_are_told_while_they_are_shorter_than_the_roster_and_few() {
    let mut roster = Roster::default();
    set(&mut roster, "nurse@example.com", "Nurse");
    let seen = roster.ver();
    set(&mut roster, "romeo@example.net", "Romeo");
    assert_eq!(
        pushes(roster.answer(Some(&seen), &limits())).len(),
        1,
        "as long as the roster is still short enough"
    );
    set(&mut roster, "nurse@example.com", "Angelica");
    assert!(is_complete(&roster.answer(Some(&seen), &limits())), "two pushes say less than one result");

    // What waits for a session has a limit, which the changes of one answer must not come near.
    let mut roster = long_roster();
    let seen = roster.ver();
    set(&mut roster, "nurse@example.com", "Nurse");
    for (room, is_told) in [(8 * 200, false), (8 * 300, true)] {
        let limits = HostLimits::new().with_outbox_bytes(room);
        assert_eq!(!is_complete(&roster.answer(Some(&seen), &limits)), is_told, "{room}");
    }
}

#[test]
fn an_account_made_anew_says_no_version_again() {
    let account = |incarnation| Roster::from(AccountData::new().with_incarnation(incarnation));
    let (mut old, mut new) = (account(0xa), account(0xb));
    set(&mut old, "nurse@example.com", "Nurse");
    set(&mut new, "romeo@example.net", "Romeo");
    assert_eq!((old.ver().as_str(), new.ver().as_str()), ("a-1", "b-1"));
    assert!(is_complete(&new.answer(Some(&old.ver()), &limits())));
}

/// What a client has: entries by address, and the version it names next time.
#[derive(Clone, Debug, Default)]
struct Client {
    entries: BTreeMap<Jid, RosterItem>,
    ver: Option<String>,
    is_connected: bool,
}

impl Client {
    fn read(&mut self, query: &Element) {
        for item in query.children() {
            match pushed(item).unwrap() {
                Entry::Present(item) => drop(self.entries.insert(item.jid().clone(), item)),
                Entry::Removed(jid) => drop(self.entries.remove(&jid)),
            }
        }
        self.ver = query.attr("ver").map(Into::into);
    }

    /// Asks for the roster, and is cut off after so many pushes.
    fn connect(&mut self, roster: &Roster, named: Option<&str>, pushes: usize) {
        self.is_connected = false;
        match roster.answer(named, &limits()) {
            Answer::Complete(query) => {
                self.entries.clear();
                self.read(&query);
                self.is_connected = true;
            }
            Answer::Changes(queries) => {
                queries.iter().take(pushes).for_each(|query| self.read(query));
                self.is_connected = pushes >= queries.len();
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Op {
    Set(usize, String),
    Remove(usize),
    State(usize, State, bool),
    /// Which client, and how many pushes reach it before it is cut off.
    Connect(usize, usize),
    Disconnect(usize),
    /// A client goes back to what it had some time ago: a backup, or a second device.
    GoBack(usize, usize),
    /// A client names a version that it did not get with what it has; it must not be one.
    Invent(usize, String),
    /// The account is evicted and loaded again.
    Reload,
    /// The next change cannot be stored.
    Fail,
    Recreate,
}

fn any_op() -> impl Strategy<Value = Op> {
    let contact = 0..5_usize;
    let client = 0..3_usize;
    prop_oneof![
        6 => (contact.clone(), "[a-c]{0,200}").prop_map(|(contact, name)| Op::Set(contact, name)),
        4 => contact.clone().prop_map(Op::Remove),
        3 => (contact, proptest::sample::select(State::ALL.to_vec()), any::<bool>())
            .prop_map(|(contact, state, approved)| Op::State(contact, state, approved)),
        6 => (client.clone(), prop_oneof![0..3_usize, Just(usize::MAX)]).prop_map(|(client, cut)| Op::Connect(client, cut)),
        2 => client.clone().prop_map(Op::Disconnect),
        2 => (client.clone(), 0..30_usize).prop_map(|(client, past)| Op::GoBack(client, past)),
        1 => (client, "[0-9a-f-]{0,3}").prop_map(|(client, ver)| Op::Invent(client, ver)),
        1 => Just(Op::Reload),
        1 => Just(Op::Fail),
        1 => Just(Op::Recreate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_client_that_applies_what_it_is_told_has_the_roster(ops in proptest::collection::vec(any_op(), 1..60)) {
        let owner = BareJid::new("juliet@example.com").unwrap();
        let contacts = ["a@x", "b@x", "c@x", "d@x", "e@x"].map(|contact| BareJid::new(contact).unwrap());
        let mut store = Memory::new();
        store.create(&owner);
        let mut roster = Roster::from(store.load(&owner).unwrap());
        let mut clients = [Client::default(), Client::default(), Client::default()];
        let mut past = Vec::new();
        let mut fails = false;
        for op in ops {
            let changes = match op {
                Op::Set(contact, name) => {
                    let contact = contacts[contact].clone().into();
                    let update = Update::Set { jid: contact, name: Some(name), groups: Default::default() };
                    roster.change(update, &limits()).into_iter().collect()
                }
                Op::Remove(contact) => {
                    let update = Update::Remove(contacts[contact].clone().into());
                    roster.change(update, &limits()).into_iter().collect()
                }
                Op::State(contact, state, approved) => {
                    roster.set_state(&contacts[contact], state, approved, &limits()).unwrap()
                }
                Op::Connect(client, cut) => {
                    let named = clients[client].ver.clone();
                    clients[client].connect(&roster, named.as_deref(), cut);
                    Vec::new()
                }
                Op::Disconnect(client) => {
                    clients[client].is_connected = false;
                    Vec::new()
                }
                Op::GoBack(client, when) => {
                    if let Some(then) = past.get(when) {
                        clients[client] = Client::clone(then);
                        clients[client].is_connected = false;
                    }
                    Vec::new()
                }
                Op::Invent(client, ver) => {
                    if !is_complete(&roster.answer(Some(&ver), &limits())) {
                        // It is a version that was said, so whoever names it has what was said.
                        continue;
                    }
                    clients[client].connect(&roster, Some(&ver), 0);
                    Vec::new()
                }
                Op::Reload => {
                    roster = Roster::from(store.load(&owner).unwrap());
                    Vec::new()
                }
                Op::Fail => {
                    fails = true;
                    Vec::new()
                }
                Op::Recreate => {
                    store.delete(&owner);
                    store.create(&owner);
                    roster = Roster::from(store.load(&owner).unwrap());
                    clients.iter_mut().for_each(|client| client.is_connected = false);
                    Vec::new()
                }
            };
            if core::mem::take(&mut fails) && !changes.is_empty() {
                // Nobody was told, and memory is thrown away.
                roster = Roster::from(store.load(&owner).unwrap());
            } else {
                fails = false;
                for change in &changes {
                    roster.apply(change);
                    roster.apply(change);
                    if let Some(query) = roster.push(change) {
                        clients.iter_mut().filter(|client| client.is_connected).for_each(|client| client.read(&query));
                    }
                }
                prop_assert!(store.apply(&owner, &changes));
                prop_assert!(store.apply(&owner, &changes));
                prop_assert_eq!(&Roster::from(store.load(&owner).unwrap()), &roster);
            }
            let roster: BTreeMap<_, _> =
                roster.items().map(|item| (item.jid().clone(), item.clone().with_version(0))).collect();
            for client in clients.iter().filter(|client| client.is_connected) {
                prop_assert_eq!(&client.entries, &roster);
            }
            past.extend(clients.iter().cloned());
        }
    }
}
