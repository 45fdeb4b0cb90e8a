//! Accounts that are in memory for those who write to them, and what becomes of those that are deleted.

use super::*;
use crate::store::Subscription;

fn open(limits: HostLimits) -> Desk {
    let limits = limits.with_offline(10, 1 << 20);
    Desk::configured(|config| config.with_federation().with_offline_storage().with_limits(limits))
}

fn chat(to: &str) -> String {
    format!("<message to='{to}' type='chat' id='m'><body>?</body></message>")
}

/// The names of the accounts that are in memory, domains aside.
fn in_memory(desk: &Desk) -> Vec<&str> {
    desk.host.accounts.keys().filter_map(|jid| jid.node()).collect()
}

#[test]
fn only_what_an_account_has_kept_makes_a_difference_to_is_a_reason_to_load_it() {
    for (text, wakes) in [
        ("<message to='WHO' type='chat'><body>?</body></message>", true),
        ("<message to='WHO'><body>?</body></message>", true),
        ("<message to='WHO/x' type='chat'><body>?</body></message>", true),
        ("<message to='WHO/x'><body>?</body></message>", false),
        ("<message to='WHO' type='groupchat'/>", false),
        ("<message to='WHO' type='headline'/>", false),
        ("<message to='WHO' type='error'/>", false),
        ("<presence to='WHO' type='subscribe'/>", true),
        ("<presence to='WHO' type='probe'/>", true),
        ("<presence to='WHO'/>", false),
        ("<presence to='WHO' type='unavailable'/>", false),
        ("<presence to='WHO' type='error'/>", false),
        ("<iq to='WHO' type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>", false),
        ("<iq to='WHO' type='get' id='1'><query xmlns='urn:example'/></iq>", false),
        ("<iq to='WHO' type='result' id='1'/>", false),
    ] {
        let mut desk = open(HostLimits::new());
        desk.deliver(&text.replace("to='WHO", "from='romeo@example.net/o' to='juliet@example.com"));
        assert_eq!(desk.loads.len(), usize::from(wakes), "{text}");
        assert_eq!(in_memory(&desk).len(), usize::from(wakes), "{text}");
    }
}

#[test]
fn accounts_that_are_loaded_for_others_one_below_at_and_above_the_limit() {
    let mut desk = open(HostLimits::new().with_background_loads(2));
    let romeo = desk.login("romeo@example.com/orchard");
    for (name, loads) in [("a", 1), ("b", 2), ("c", 2)] {
        desk.send(romeo, &chat(&format!("{name}@example.com")));
        assert_eq!(desk.loads.len(), loads);
    }
    assert_eq!(condition(&desk.one(romeo)), Condition::ResourceConstraint);
    // RFC 3921 section 5.1.3 allows silence.
    desk.send(romeo, "<presence to='d@example.com' type='probe'/>");
    assert_eq!((desk.got(romeo), desk.loads.len()), (vec![], 2));
    // Those that are there already take more, and whoever logs in is no part of it.
    desk.send(romeo, &chat("a@example.com"));
    assert_eq!(desk.got(romeo), [""; 0]);
    desk.bind("e@example.com/x");
    assert_eq!(desk.loads.len(), 3);
    // One that there is no account for makes room.
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.loaded(NOW, ticket, None).unwrap();
    desk.poll();
    assert_eq!(
        desk.got(romeo).iter().map(|error| condition(error)).collect::<Vec<_>>(),
        [Condition::ServiceUnavailable; 2]
    );
    desk.send(romeo, &chat("c@example.com"));
    assert_eq!((desk.got(romeo), desk.loads.len()), (vec![], 3));
}

#[test]
fn accounts_that_nobody_needs_stay_for_a_while_one_below_at_and_above_the_limit() {
    let limits = HostLimits::new().with_idle_accounts(2).with_offline(10, 1 << 20);
    let mut desk =
        Desk::idling(HostConfig::new([bare("example.com")]).with_offline_storage().with_limits(limits));
    let romeo = desk.login("romeo@example.com/hall");
    let write = |desk: &mut Desk, name: &str| {
        desk.send(romeo, &chat(&format!("{name}@example.com")));
        let loaded = !desk.loads.is_empty();
        desk.load_all();
        while !desk.changes.is_empty() {
            desk.stored();
        }
        loaded
    };
    assert!(write(&mut desk, "a"));
    assert!(write(&mut desk, "b"));
    assert_eq!(in_memory(&desk), ["a", "b", "romeo"]);
    // The one that was needed last stays longest.
    assert!(!write(&mut desk, "a"));
    assert!(write(&mut desk, "c"));
    assert_eq!(in_memory(&desk), ["a", "c", "romeo"]);
    assert!(write(&mut desk, "b"));
}

#[test]
fn a_ping_that_was_answered_covers_what_was_sent_before_it() {
    let ping = "<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>";
    for to in ["", "to='example.com' ", "to='romeo@example.com' "] {
        let ping = ping.replace("<iq ", &format!("<iq {to}"));
        let mut desk = open(HostLimits::new());
        let romeo = desk.login("romeo@example.com/orchard");
        let other = desk.login("romeo@example.com/hall");
        desk.send(romeo, &chat("juliet@example.com"));
        desk.send(romeo, &ping);
        desk.send(other, &ping);
        // The account is loaded, and the message is stored: both have to be.
        assert_eq!((desk.got(romeo), desk.got(other).len()), (vec![], 1), "nobody else waits");
        desk.load_all();
        assert_eq!(desk.got(romeo), [""; 0]);
        // What is sent later does not hold it back any longer.
        desk.send(romeo, &chat("nurse@example.com"));
        desk.stored();
        assert!(desk.one(romeo).contains("id='ping' type='result'"));
        desk.send(romeo, &ping);
        assert_eq!(desk.got(romeo), [""; 0]);
        desk.load_all();
        // A store that fails is no fate to be silent about: the error comes first.
        desk.failed();
        let got = desk.got(romeo);
        assert_eq!(condition(&got[0]), Condition::InternalServerError);
        assert!(got[1].contains("id='ping'") && got.len() == 2, "{got:?}");
        desk.detach(romeo);
        desk.detach(other);
        desk.assert_empty();
    }
}

#[test]
fn answers_of_others_do_not_wait_for_the_store() {
    let mut desk = open(HostLimits::new());
    let romeo = desk.login("romeo@example.com/orchard");
    let nurse = desk.login("nurse@example.com/kitchen");
    desk.send(romeo, &chat("juliet@example.com"));
    desk.send(nurse, "<iq to='romeo@example.com/orchard' type='result' id='r'/>");
    assert_eq!(desk.got(romeo).len(), 1);
    // A session that ends waits for nothing.
    desk.send(romeo, "<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>");
    desk.detach(romeo);
    desk.detach(nurse);
    desk.load_all();
    desk.stored();
    desk.assert_empty();
}

/// An account with one contact of each state of subscription.
fn befriended() -> AccountData {
    let item = |name: &str, subscription| {
        let contact = Jid::new(&format!("{name}@example.net")).unwrap();
        RosterItem::new(contact).with_subscription(subscription)
    };
    AccountData::new().with_roster([
        item("none", Subscription::None),
        item("to", Subscription::To),
        item("from", Subscription::From),
        item("both", Subscription::Both),
        item("asked", Subscription::None).with_ask(true),
    ])
}

#[test]
fn r3921_8_6_an_account_that_is_deleted_cancels_its_subscriptions() {
    for in_memory in [true, false] {
        let mut desk = open(HostLimits::new());
        let account = bare("juliet@example.com");
        if in_memory {
            let session = desk.bind("juliet@example.com/balcony");
            let (ticket, _) = desk.loads.pop_front().unwrap();
            desk.host.loaded(NOW, ticket, Some(befriended())).unwrap();
            desk.send(session, "<presence/>");
            desk.gone();
        }
        desk.host.deleted(NOW, &account, (!in_memory).then(befriended));
        desk.poll();
        let mut told: Vec<_> = desk.gone().into_iter().map(|(_, text)| text).collect();
        told.sort();
        let is = |told: &String, to: &str, type_: &str| {
            told.contains(&format!("to='{to}@example.net'")) && told.contains(&format!("type='{type_}'"))
        };
        let count = |to, type_| told.iter().filter(|told| is(told, to, type_)).count();
        for (contact, expected) in [
            ("none", [0, 0, 0]),
            ("to", [1, 0, 0]),
            ("from", [0, 1, 1]),
            ("both", [1, 1, 1]),
            ("asked", [1, 0, 0]),
        ] {
            let [unsubscribe, unsubscribed, unavailable] = expected;
            assert_eq!(count(contact, "unsubscribe"), unsubscribe, "{contact}: {told:?}");
            assert_eq!(count(contact, "unsubscribed"), unsubscribed, "{contact}: {told:?}");
            let leaves = if in_memory { unavailable } else { 0 };
            assert_eq!(count(contact, "unavailable"), leaves, "{contact}: {told:?}");
        }
        let cancels = told.iter().filter(|told| told.contains("subscribe"));
        assert!(cancels.into_iter().all(|told| told.contains("from='juliet@example.com'")));
    }
}

#[test]
fn what_the_contacts_of_a_deleted_account_are_told_waits_for_room() {
    let mut desk = open(HostLimits::new().with_background_loads(2));
    let contacts = (0..7).map(|number| {
        let contact = Jid::new(&format!("c{number}@example.org")).unwrap();
        RosterItem::new(contact).with_subscription(Subscription::To)
    });
    desk.host.deleted(NOW, &bare("juliet@example.com"), Some(AccountData::new().with_roster(contacts)));
    desk.poll();
    let mut told = 0;
    while let Some((ticket, account)) = desk.loads.pop_front() {
        assert!(desk.loads.len() < 2 && account.to_string() == format!("c{told}@example.org"));
        desk.host.loaded(NOW, ticket, Some(AccountData::new())).unwrap();
        desk.poll();
        told += 1;
    }
    assert_eq!(told, 7);
    desk.assert_empty();
}

/// Somebody whom Juliet sees.
fn friend_of_juliet() -> AccountData {
    let juliet = RosterItem::new(Jid::new("juliet@example.com").unwrap());
    AccountData::new().with_roster([juliet.with_subscription(Subscription::Both)])
}

/// Deletes Juliet, who has these contacts.
fn delete_juliet(desk: &mut Desk, contacts: &[&str]) {
    let contacts = contacts
        .iter()
        .map(|contact| RosterItem::new(Jid::new(contact).unwrap()).with_subscription(Subscription::Both));
    desk.host.deleted(NOW, &bare("juliet@example.com"), Some(AccountData::new().with_roster(contacts)));
    desk.poll();
}

#[test]
fn a_deletion_is_done_when_all_that_came_of_it_is_stored() {
    let mut desk = open(HostLimits::new());
    // Nobody had to do with her, or nobody of this host.
    delete_juliet(&mut desk, &[]);
    assert_eq!(core::mem::take(&mut desk.deletions), [true]);
    delete_juliet(&mut desk, &["romeo@example.net"]);
    assert_eq!(core::mem::take(&mut desk.deletions), [true]);
    assert_eq!(desk.gone().len(), 2);

    delete_juliet(&mut desk, &["nobody@example.org", "nurse@example.org", "romeo@example.org"]);
    let mut steps = 0;
    while let Some((ticket, account)) = desk.loads.pop_front() {
        // What her contacts answer finds nobody.
        let is_there = matches!(account.node(), Some("nurse" | "romeo"));
        desk.host.loaded(NOW, ticket, is_there.then(friend_of_juliet)).unwrap();
        desk.poll();
        while !desk.changes.is_empty() {
            assert_eq!(desk.deletions, [false; 0], "{account} has something to store");
            desk.stored();
            steps += 1;
        }
    }
    assert_eq!((steps, core::mem::take(&mut desk.deletions)), (4, vec![true]));
    // Once more: there is nothing left to do.
    delete_juliet(&mut desk, &["romeo@example.org"]);
    desk.load_all();
    assert_eq!((desk.changes.len(), core::mem::take(&mut desk.deletions)), (0, vec![true]));
    desk.assert_empty();
}

#[test]
fn a_deletion_is_not_complete_when_what_came_of_it_could_not_be_stored() {
    let mut desk = open(HostLimits::new().with_parked(2, 1 << 20));
    delete_juliet(&mut desk, &["romeo@example.org"]);
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.loaded(NOW, ticket, Some(friend_of_juliet())).unwrap();
    desk.poll();
    desk.failed();
    while !desk.changes.is_empty() {
        desk.failed();
    }
    assert_eq!(core::mem::take(&mut desk.deletions), [false]);
    while let Some((ticket, _)) = desk.loads.pop_front() {
        // Two changes have failed, and only what was loaded after both counts.
        let _ = desk.host.loaded(NOW, ticket, Some(friend_of_juliet()));
    }
    desk.poll();

    // Or when there was no room for it, which is so for whoever is being loaded for others.
    for _ in 0..2 {
        desk.deliver(&chat("romeo@example.org").replacen("<message", "<message from='a@example.net/b'", 1));
    }
    delete_juliet(&mut desk, &["romeo@example.org"]);
    assert_eq!(core::mem::take(&mut desk.deletions), [false]);
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.loaded(NOW, ticket, Some(friend_of_juliet())).unwrap();
    desk.poll();
    while !desk.changes.is_empty() {
        desk.stored();
    }
    assert_eq!(desk.deletions, [false; 0], "it was said");
    // The next time is another one, whoever ends while it is under way.
    delete_juliet(&mut desk, &["romeo@example.org"]);
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.loaded(NOW, ticket, Some(friend_of_juliet())).unwrap();
    desk.poll();
    desk.host.deleted(NOW, &bare("romeo@example.org"), Some(AccountData::new()));
    desk.poll();
    // What was for somebody who is gone as well is tried again, and finds nobody.
    assert_eq!(core::mem::take(&mut desk.deletions), [false]);
    delete_juliet(&mut desk, &["romeo@example.org"]);
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.loaded(NOW, ticket, None).unwrap();
    desk.poll();
    assert_eq!(core::mem::take(&mut desk.deletions), [true]);
    desk.assert_empty();
}

#[test]
fn whoever_wrote_to_an_account_that_is_deleted_meanwhile_is_answered_again() {
    let mut desk = open(HostLimits::new());
    let romeo = desk.login("romeo@example.com/orchard");
    desk.send(romeo, &chat("juliet@example.com"));
    desk.load_all();
    desk.send(romeo, "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!((desk.changes.len(), desk.got(romeo)), (1, vec![]));
    desk.host.deleted(NOW, &bare("juliet@example.com"), None);
    desk.poll();
    let told = desk.got(romeo);
    assert!(told[0].contains("<internal-server-error "), "{told:?}");
    assert!(told[1].contains("id='1'") && told.len() == 2, "{told:?}");
    desk.failed();
    desk.detach(romeo);
    desk.assert_empty();
}

#[test]
fn a_request_to_a_resource_that_does_not_show_itself_is_answered_as_if_it_were_not_there() {
    let config = HostConfig::new([bare("example.com")]).with_federation();
    let mut desk = Desk::idling(config);
    let juliet = desk.bind("juliet@example.com/balcony");
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.loaded(NOW, ticket, Some(befriended())).unwrap();
    let ask = |desk: &mut Desk, from: &str, resource: &str| {
        desk.deliver(&format!(
            "<iq from='{from}' to='juliet@example.com/{resource}' type='get' id='1'><q xmlns='urn:q'/></iq>"
        ));
        let answer = desk.gone().into_iter().map(|(_, text)| text.replace(resource, "RESOURCE")).next();
        (desk.got(juliet).len(), answer)
    };
    for (name, is_shown) in
        [("stranger", false), ("none", false), ("to", false), ("from", true), ("both", true)]
    {
        let from = format!("{name}@example.net/x");
        let (got, answer) = ask(&mut desk, &from, "balcony");
        // covers 6121-8.5.3.1-01
        assert_eq!(got, usize::from(is_shown), "{name}");
        if !is_shown {
            assert_eq!(answer, ask(&mut desk, &from, "nowhere").1, "{name}");
        }
    }
    // Directed presence shows it, until it says goodbye.
    for (presence, got) in [("", 1), ("type='unavailable' ", 0)] {
        desk.send(juliet, &format!("<presence {presence}to='stranger@example.net/x'/>"));
        desk.gone();
        assert_eq!(ask(&mut desk, "stranger@example.net/x", "balcony").0, got);
    }
    // Among one's own resources nothing is hidden, and answers are no requests.
    let other = desk.login("juliet@example.com/chamber");
    desk.send(other, "<iq to='juliet@example.com/balcony' type='get' id='1'><q xmlns='urn:q'/></iq>");
    assert_eq!(desk.got(juliet).len(), 1);
    desk.deliver("<iq from='stranger@example.net/x' to='juliet@example.com/balcony' type='result' id='1'/>");
    assert_eq!(desk.got(juliet).len(), 1);
}

/// Juliet, with `befriended` contacts, online; one of them must not see it.
fn hidden_from(desk: &mut Desk, contact: &str, denied: &str) -> SessionId {
    let session = desk.bind("juliet@example.com/balcony");
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.loaded(NOW, ticket, Some(befriended())).unwrap();
    for query in [
        format!(
            "<list name='l'><item type='jid' value='{contact}' action='deny' order='1'>{denied}</item></list>"
        ),
        "<default name='l'/>".into(),
    ] {
        desk.send(
            session,
            &format!("<iq type='set' id='l'><query xmlns='jabber:iq:privacy'>{query}</query></iq>"),
        );
        desk.stored();
    }
    desk.send(session, "<presence/>");
    desk.gone();
    session
}

fn told<'a>(gone: &'a [(String, String)], contact: &str) -> Vec<&'a str> {
    let to = format!(" to='{contact}'");
    let told = gone.iter().map(|(_, text)| text.as_str()).filter(|text| text.contains(&to));
    told.map(|text| text.split(" type='").nth(1).unwrap().split('\'').next().unwrap()).collect()
}

#[test]
fn an_account_that_is_deleted_says_farewell_to_those_who_may_see_it() {
    for (denied, cancels) in [("<presence-out/>", &["unsubscribe", "unsubscribed"][..]), ("", &[])] {
        let mut desk = open(HostLimits::new());
        let session = hidden_from(&mut desk, "both@example.net", denied);
        desk.host.deleted(NOW, &bare("juliet@example.com"), None);
        desk.poll();
        let gone = desk.gone();
        assert_eq!(told(&gone, "both@example.net"), cancels, "{gone:?}");
        assert_eq!(told(&gone, "from@example.net"), ["unavailable", "unsubscribed"], "{gone:?}");
        assert_eq!(told(&gone, "to@example.net"), ["unsubscribe"], "{gone:?}");
        desk.detach(session);
        desk.assert_empty();
    }
}

#[test]
fn an_account_that_is_deleted_while_it_is_loaded_again_says_farewell_too() {
    // Its data is known, or only what it was before the change that failed.
    for data in [Some(befriended()), None] {
        let mut desk = open(HostLimits::new());
        let session = hidden_from(&mut desk, "both@example.net", "<presence-out/>");
        desk.send(
            session,
            "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='a@b'/></query></iq>",
        );
        desk.failed();
        let is_known = data.is_some();
        desk.host.deleted(NOW, &bare("juliet@example.com"), data);
        desk.poll();
        let gone = desk.gone();
        assert_eq!(told(&gone, "from@example.net"), ["unavailable", "unsubscribed"], "{gone:?}");
        // This data has no lists.
        let is_hidden = !told(&gone, "both@example.net").contains(&"unavailable");
        assert_eq!(is_hidden, !is_known, "{gone:?}");
        desk.detach(session);
        desk.assert_empty();
    }
}

#[test]
fn what_was_on_its_way_into_the_store_of_a_deleted_account_is_refused() {
    let mut desk = open(HostLimits::new());
    let romeo = desk.login("romeo@example.com/orchard");
    for _ in 0..2 {
        desk.send(romeo, &chat("juliet@example.com"));
        desk.load_all();
    }
    desk.send(romeo, "<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!((desk.changes.len(), desk.got(romeo).len()), (2, 0));
    desk.host.deleted(NOW, &bare("juliet@example.com"), None);
    desk.poll();
    let got = desk.got(romeo);
    assert_eq!(got.len(), 3, "{got:?}");
    assert!(got[..2].iter().all(|error| condition(error) == Condition::InternalServerError));
    assert!(got[2].contains("id='ping' type='result'"));
    // What the store says of it then is not heard.
    desk.failed();
    desk.stored();
    assert_eq!(desk.got(romeo), [""; 0]);
    desk.detach(romeo);
    desk.assert_empty();
}

#[test]
fn what_is_on_its_way_into_the_store_of_an_account_that_cannot_be_loaded_has_its_fate() {
    for is_stored in [true, false] {
        let mut desk = open(HostLimits::new());
        let romeo = desk.login("romeo@example.com/orchard");
        let juliet = desk.login("juliet@example.com/balcony");
        for _ in 0..2 {
            desk.send(romeo, &chat("juliet@example.com"));
        }
        desk.send(romeo, "<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>");
        desk.failed();
        assert_eq!(condition(&desk.one(romeo)), Condition::InternalServerError);
        let (ticket, _) = desk.loads.pop_front().unwrap();
        desk.host.load_failed(NOW, ticket).unwrap();
        desk.poll();
        assert_eq!(desk.closed, [(juliet, stream::Condition::InternalServerError)]);
        desk.detach(juliet);
        assert_eq!(desk.got(romeo), [""; 0], "the other message may still be stored");
        // Whoever writes to it has it loaded again.
        desk.send(romeo, &chat("juliet@example.com"));
        assert_eq!((desk.loads.len(), desk.changes.len()), (1, 1));
        if is_stored {
            desk.stored();
        } else {
            desk.failed();
            // What was asked for before the failure may have missed it.
            let (stale, _) = desk.loads.pop_front().unwrap();
            assert_eq!(desk.host.loaded(NOW, stale, Some(AccountData::new())), Err(Misuse::Stale));
        }
        let told = desk.got(romeo);
        let refused = told.iter().filter(|told| told.contains("type='error'")).count();
        assert_eq!((told.len(), refused), (1 + refused, usize::from(!is_stored)), "{told:?}");
        assert!(told[refused].contains("id='ping' type='result'"));
        desk.load_all();
        desk.stored();
        assert_eq!(desk.got(romeo), [""; 0]);
        desk.detach(romeo);
        desk.assert_empty();
    }
}

#[test]
fn that_there_is_no_room_is_said_whether_what_takes_it_is_stored_or_not() {
    let limits = HostLimits::new().with_offline(1, 1 << 20);
    let mut desk = Desk::configured(|config| config.with_offline_storage().with_limits(limits));
    let romeo = desk.login("romeo@example.com/orchard");
    let juliet = desk.login("juliet@example.com/balcony");
    desk.send(romeo, &chat("juliet@example.com"));
    desk.send(juliet, "<presence/>");
    let nurse = desk.login("nurse@example.com/kitchen");
    desk.send(nurse, &chat("juliet@example.com"));
    assert_eq!(condition(&desk.one(nurse)), Condition::ResourceConstraint);
    desk.failed();
    assert_eq!(condition(&desk.one(romeo)), Condition::InternalServerError);
}
