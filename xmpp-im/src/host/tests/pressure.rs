//! What strangers, slow storage and large rosters must not bring about.

use super::*;
use crate::store::{OfflineSummary, Pending, Subscription};

const PING: &str = "<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>";
const SET: &str =
    "<iq type='set' id='set'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query></iq>";

fn open(limits: HostLimits) -> Desk {
    Desk::configured(|config| config.with_federation().with_offline_storage().with_limits(limits))
}

fn chat(to: &str) -> String {
    format!("<message to='{to}' type='chat' id='m'><body>?</body></message>")
}

fn subscribed(contacts: impl IntoIterator<Item = String>, subscription: Subscription) -> AccountData {
    let items = contacts
        .into_iter()
        .map(|contact| RosterItem::new(Jid::new(&contact).unwrap()).with_subscription(subscription));
    AccountData::new().with_roster(items)
}

impl Desk {
    fn load(&mut self, data: AccountData) {
        let (ticket, _) = self.loads.pop_front().unwrap();
        self.host.loaded(NOW, ticket, Some(data)).unwrap();
        self.poll();
    }
}

#[test]
fn an_account_that_is_given_up_keeps_nobody_waiting() {
    let mut desk = open(HostLimits::new());
    let romeo = desk.login("romeo@example.com/orchard");
    desk.send(romeo, &chat("juliet@example.com"));
    desk.load_all();
    desk.send(romeo, PING);
    assert_eq!(desk.got(romeo), [""; 0]);
    // The message was on its way into the store, and goes with the account.
    desk.host.deleted(NOW, &bare("juliet@example.com"), None);
    desk.poll();
    let got = desk.got(romeo);
    assert_eq!(condition(&got[0]), Condition::InternalServerError);
    assert!(got.len() == 2 && got[1].contains("id='ping'"), "{got:?}");
    desk.changes.clear();
    desk.detach(romeo);
    desk.assert_empty();
}

#[test]
fn an_account_is_loaded_again_whatever_else_it_wants() {
    // Pages of one message.
    let mut desk = open(HostLimits::new().with_outbox_bytes(2_000));
    let first = desk.bind("juliet@example.com/a");
    desk.load(AccountData::new().with_offline(OfflineSummary::new(3, 600, 3)));
    let second = desk.login("juliet@example.com/b");
    for session in [first, second] {
        desk.send(session, "<presence/>");
        desk.got(session);
    }
    let (ticket, ..) = desk.pages.pop_front().unwrap();
    let Stanza::Message(message) = stanza(&chat("juliet@example.com")) else { panic!("a message") };
    let page = vec![OfflineMessage::new(1, UtcTime::UNIX_EPOCH, message)];
    desk.host.offline_loaded(NOW, ticket, page).unwrap();
    let taken = desk.got(first).len() as u64 + 3;
    // What was written is to be removed, and the next page is to come behind that; then the other session wants it.
    desk.host.sent(NOW, first, taken);
    desk.poll();
    desk.detach(first);
    assert_eq!((desk.changes.len(), desk.pages.len()), (1, 0));
    desk.failed();
    desk.load(AccountData::new());
    desk.send(second, PING);
    assert!(desk.got(second).iter().any(|answer| answer.contains("id='ping'")));
}

#[test]
fn an_answer_that_has_to_wait_is_no_reason_to_end_a_session_however_large_it_is() {
    let mut desk = open(HostLimits::new().with_outbox_bytes(2_000));
    let romeo = desk.bind("romeo@example.com/orchard");
    desk.load(subscribed((0..40).map(|number| format!("c{number}@example.net")), Subscription::None));
    desk.send(romeo, &chat("juliet@example.com"));
    desk.send(romeo, "<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>");
    assert_eq!((desk.got(romeo), desk.closed.len()), (vec![], 0));
    desk.load_all();
    desk.stored();
    assert!(desk.one(romeo).contains("c39@example.net"));
}

#[test]
fn probes_that_cannot_be_answered_yet_do_not_pile_up() {
    let limits = HostLimits::new().with_outbox_bytes(20_000);
    let mut desk = open(limits);
    let romeo = desk.bind("romeo@example.com/orchard");
    desk.load(subscribed(["nurse@example.net".into()], Subscription::From));
    desk.send(romeo, "<presence><show>away</show></presence>");
    desk.send(romeo, SET);
    desk.gone();
    for number in 0..1_000 {
        desk.deliver(&format!(
            "<presence from='nurse@example.net' to='romeo@example.com' type='probe' id='n{number}'/>"
        ));
        desk.deliver(&format!(
            "<presence from='s{number}@example.net' to='romeo@example.com' type='probe' id='s{number}'/>"
        ));
    }
    desk.stored();
    let gone = desk.gone();
    let (told, refused): (Vec<_>, Vec<_>) = gone.iter().partition(|(_, stanza)| stanza.contains("away"));
    // A subscriber hears once what was asked a thousand times, and of strangers as many are answered as there was room for.
    assert_eq!(told.len(), 1);
    assert!(!refused.is_empty() && refused.len() < 100, "{}", refused.len());
    // The room is there again.
    desk.send(romeo, &SET.replace("nurse", "friar"));
    desk.deliver("<presence from='tybalt@example.net' to='romeo@example.com' type='probe' id='t'/>");
    desk.stored();
    assert_eq!(desk.gone().len(), 1);
}

#[test]
fn of_presence_that_waits_the_newest_counts_and_all_hear_of_the_end() {
    const CONTACTS: usize = 50;
    let mut desk = open(HostLimits::new().with_outbox_bytes(2_000));
    let romeo = desk.bind("romeo@example.com/orchard");
    desk.load(subscribed((0..CONTACTS).map(|number| format!("c{number}@example.net")), Subscription::From));
    desk.send(romeo, SET);
    for status in 0..3 {
        desk.send(romeo, &format!("<presence><status>{status}</status></presence>"));
    }
    assert_eq!(desk.gone(), []);
    desk.stored();
    let gone = desk.gone();
    assert_eq!(gone.len(), CONTACTS);
    assert!(gone.iter().all(|(_, presence)| presence.contains("<status>2</status>")));

    desk.send(romeo, &SET.replace("nurse", "friar"));
    desk.send(romeo, "<presence><status>3</status></presence>");
    desk.send(romeo, "<presence type='unavailable'/>");
    while !desk.changes.is_empty() {
        desk.stored();
    }
    let gone = desk.gone();
    assert_eq!(gone.len(), CONTACTS);
    assert!(gone.iter().all(|(_, presence)| presence.contains("type='unavailable'")));
}

#[test]
fn a_login_leaves_room_for_those_who_write() {
    let mut desk = open(HostLimits::new().with_background_loads(4));
    let romeo = desk.bind("romeo@example.com/orchard");
    desk.load(subscribed((0..10).map(|number| format!("c{number}@example.com")), Subscription::To));
    let tybalt = desk.bind("tybalt@example.com/hall");
    desk.load(AccountData::new());
    desk.send(romeo, "<presence/>");
    assert_eq!(desk.loads.len(), 2);
    desk.send(tybalt, &chat("mercutio@example.com"));
    assert_eq!((desk.got(tybalt), desk.loads.len()), (vec![], 3));
}

#[test]
fn what_is_kept_of_others_keeps_nobody_from_coming_online() {
    let mut desk = open(HostLimits::new().with_outbox_bytes(8_000));
    let juliet = desk.bind("juliet@example.com/balcony");
    let kept = |type_: &str, number: usize| {
        let told = format!(
            "<presence from='s{number}@example.net' to='juliet@example.com' type='{type_}'><status>{}</status></presence>",
            "x".repeat(500)
        );
        let Stanza::Presence(presence) = stanza(&told) else { panic!("{told}") };
        Pending::new(presence)
    };
    let pending =
        (0..200).filter_map(|number| kept(if number < 100 { "subscribe" } else { "unsubscribed" }, number));
    desk.load(AccountData::new().with_pending(pending));
    let mut told = 0;
    // Notices come as there is room for them, each time that somebody comes online.
    for _ in 0..100 {
        desk.send(juliet, "<presence/>");
        let got = desk.got(juliet);
        assert_eq!(got.iter().filter(|presence| presence.contains("type='subscribe'")).count(), 100);
        told += got.iter().filter(|presence| presence.contains("type='unsubscribed'")).count();
        while !desk.changes.is_empty() {
            desk.stored();
        }
        desk.send(juliet, "<presence type='unavailable'/>");
    }
    assert_eq!((told, desk.closed.len()), (100, 0));
}

#[test]
fn what_only_the_owner_may_ask_does_not_tell_who_is_there_and_whom_they_block() {
    let ask = "<iq from='tybalt@example.net/pda' to='romeo@example.com' type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>";
    let news = "<message from='tybalt@example.net/pda' to='romeo@example.com' type='headline'><body>!</body></message>";
    let mut desk = open(HostLimits::new());
    for text in [ask, news] {
        desk.deliver(text);
    }
    let absent = desk.gone();
    let romeo = desk.login("romeo@example.com/orchard");
    desk.send(
        romeo,
        "<iq type='set' id='b'><block xmlns='urn:xmpp:blocking'><item jid='tybalt@example.net'/></block></iq>",
    );
    desk.stored();
    desk.send(romeo, "<presence/>");
    for text in [ask, news] {
        desk.deliver(text);
    }
    assert_eq!(desk.gone(), absent);
}

#[test]
fn what_others_do_leaves_room_for_what_the_owner_does() {
    let mut desk = open(HostLimits::new().with_parked(2, 1 << 20));
    // Nobody takes messages.
    let romeo = desk.login("romeo@example.com/orchard");
    for _ in 0..3 {
        desk.deliver(
            &chat("romeo@example.com").replace("<message", "<message from='tybalt@example.net/pda'"),
        );
    }
    for name in ["a", "b", "c"] {
        desk.deliver(&format!(
            "<presence from='{name}@example.net' to='romeo@example.com' type='subscribe'/>"
        ));
    }
    let refused = desk.gone();
    assert!(refused.len() == 1 && refused[0].1.contains("c@example.net"), "{refused:?}");
    desk.send(romeo, SET);
    while !desk.changes.is_empty() {
        desk.stored();
    }
    assert_eq!(desk.one(romeo), "<iq to='romeo@example.com/orchard' id='set' type='result'/>");
}

#[test]
fn what_a_session_did_not_get_waits_for_an_account_that_is_loaded_again() {
    let mut desk = open(HostLimits::new());
    let juliet = desk.online("juliet@example.com/balcony", 0);
    desk.deliver(
        &chat("juliet@example.com").replace("<message", "<message from='romeo@example.net/orchard'"),
    );
    desk.send(juliet, SET);
    desk.failed();
    desk.detach(juliet);
    assert_eq!(desk.gone(), []);
    desk.load(AccountData::new());
    assert_eq!(desk.gone(), []);
    let kept: Vec<_> = desk.changes.iter().flat_map(Persist::changes).collect();
    assert!(matches!(kept[..], [Change::AppendOffline(_)]), "{kept:?}");
    desk.stored();
    desk.assert_empty();
}

#[test]
fn what_is_written_while_the_account_is_loaded_again_is_not_given_twice() {
    let mut desk = open(HostLimits::new());
    let juliet = desk.bind("juliet@example.com/balcony");
    let waits = || AccountData::new().with_offline(OfflineSummary::new(1, 300, 1));
    desk.load(waits());
    desk.send(juliet, "<presence/>");
    let (ticket, ..) = desk.pages.pop_front().unwrap();
    let Stanza::Message(message) = stanza(&chat("juliet@example.com")) else { panic!("a message") };
    let page = vec![OfflineMessage::new(1, UtcTime::UNIX_EPOCH, message)];
    desk.host.offline_loaded(NOW, ticket, page).unwrap();
    desk.poll();
    let taken = desk.got(juliet).len() as u64;
    desk.send(juliet, SET);
    desk.failed();
    desk.host.sent(NOW, juliet, taken);
    desk.poll();
    desk.load(waits());
    let kept: Vec<_> = desk.changes.iter().flat_map(Persist::changes).collect();
    assert!(matches!(kept[..], [Change::RemoveOffline { through: 1 }]), "{kept:?}");
    assert!(desk.pages.is_empty());
}
