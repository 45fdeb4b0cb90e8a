//! What a resource learns that has become available, where that is more than its outbox holds.

use super::*;
use crate::store::{Pending, Subscription};

const JULIET: &str = "juliet@example.com/balcony";
const CONTACTS: usize = 20;
/// Room for the presence of a few contacts.
const ROOM: usize = 8_000;

fn romeo(number: usize) -> String {
    format!("romeo{number:02}@example.com")
}

/// Presence that takes its room.
fn wordy(number: usize) -> String {
    format!("<presence><status>{number:02}{}</status></presence>", "x".repeat(1_000))
}

/// A host where Juliet's contacts are online, and she is connected. What was kept of her account.
fn verona(requests: usize) -> (Desk, SessionId, AccountData) {
    let mut desk = Desk::limited(HostLimits::new().with_outbox_bytes(ROOM));
    let item = |jid: &str, subscription| {
        RosterItem::new(Jid::new(jid).unwrap()).with_subscription(subscription).with_version(1)
    };
    for number in 0..CONTACTS {
        let romeo = desk.bind(&format!("{}/orchard", romeo(number)));
        let (ticket, _) = desk.loads.pop_front().unwrap();
        let data = AccountData::new().with_roster([item("juliet@example.com", Subscription::From)]);
        desk.host.loaded(NOW, ticket, Some(data)).unwrap();
        desk.send(romeo, &wordy(number));
        desk.take(romeo);
    }
    let pending = (0..requests).map(|number| {
        let text = format!(
            "<presence type='subscribe' from='{}'>{}",
            romeo(number),
            wordy(number).strip_prefix("<presence>").unwrap()
        );
        let Stanza::Presence(request) = stanza(&text.replace("romeo", "paris")) else { panic!("{text}") };
        Pending::new(request).unwrap()
    });
    let roster = (0..CONTACTS).map(|number| item(&romeo(number), Subscription::To));
    let data = AccountData::new().with_roster(roster).with_pending(pending);
    let juliet = desk.bind(JULIET);
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.loaded(NOW, ticket, Some(data.clone())).unwrap();
    desk.poll();
    (desk, juliet, data)
}

/// Whom the next so many stanzas are from, taken one by one.
fn heard(desk: &mut Desk, juliet: SessionId, count: usize) -> Vec<String> {
    let mut heard = Vec::new();
    while heard.len() < count
        && let Some(stanza) = desk.host.take(juliet)
    {
        desk.poll();
        heard.push(stanza.from().map(|from| from.to_bare().to_string()).unwrap_or_default());
    }
    heard
}

fn everybody() -> Vec<String> {
    (0..CONTACTS).map(romeo).collect()
}

#[test]
fn contacts_are_asked_as_there_is_room_for_their_answers() {
    let (mut desk, juliet, _) = verona(0);
    desk.send(juliet, "<presence/>");
    assert_eq!(desk.closed, [], "so far she has read nothing");
    assert_eq!(heard(&mut desk, juliet, 1), ["juliet@example.com"]);
    assert_eq!(heard(&mut desk, juliet, usize::MAX), everybody());
    assert_eq!(desk.closed, []);
}

#[test]
fn requests_are_shown_as_there_is_room_for_them() {
    let (mut desk, juliet, _) = verona(CONTACTS);
    desk.send(juliet, "<presence/>");
    assert_eq!(heard(&mut desk, juliet, 1 + CONTACTS)[1..], everybody());
    let requests: Vec<_> = everybody().iter().map(|romeo| romeo.replace("romeo", "paris")).collect();
    assert_eq!(heard(&mut desk, juliet, usize::MAX), requests);
    assert_eq!(desk.closed, []);
}

#[test]
fn who_leaves_asks_nobody_and_begins_anew_when_back() {
    let (mut desk, juliet, _) = verona(0);
    desk.send(juliet, "<presence/>");
    desk.send(juliet, "<presence type='unavailable'/>");
    let before = heard(&mut desk, juliet, usize::MAX);
    assert!(before.len() < CONTACTS, "nobody was asked after that: {before:?}");
    desk.send(juliet, "<presence/>");
    assert_eq!(heard(&mut desk, juliet, usize::MAX)[1..], everybody());
}

#[test]
fn an_update_asks_nobody_again() {
    let (mut desk, juliet, _) = verona(0);
    desk.send(juliet, "<presence/>");
    desk.send(juliet, "<presence><show>away</show></presence>");
    let mut heard = heard(&mut desk, juliet, usize::MAX);
    heard.retain(|from| from != "juliet@example.com");
    assert_eq!(heard, everybody());
}

#[test]
fn it_goes_on_when_the_account_was_loaded_again() {
    let (mut desk, juliet, data) = verona(0);
    desk.send(juliet, "<presence/>");
    let set =
        "<iq id='s' type='set'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query></iq>";
    desk.send(juliet, set);
    desk.failed();
    // Memory is gone, and what is taken meanwhile cannot make room for more.
    let before = heard(&mut desk, juliet, usize::MAX);
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.loaded(NOW, ticket, Some(data)).unwrap();
    desk.poll();
    let after = heard(&mut desk, juliet, usize::MAX);
    let mut all = [before, after].concat();
    all.retain(|from| from.starts_with("romeo"));
    assert_eq!(all, everybody());
}
