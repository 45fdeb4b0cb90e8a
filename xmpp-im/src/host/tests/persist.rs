//! Nothing is told before it is stored, and what cannot be stored has never been.

use super::*;

const GET: &str = "<iq type='get' id='get'><query xmlns='jabber:iq:roster'/></iq>";
const EMPTY: &str =
    "<iq to='juliet@example.com/a' id='get' type='result'><query xmlns='jabber:iq:roster' ver='0-0'/></iq>";

fn set(contact: &str, id: &str) -> String {
    format!("<iq type='set' id='{id}'><query xmlns='jabber:iq:roster'><item jid='{contact}'/></query></iq>")
}

fn result(id: &str) -> String {
    format!("<iq to='juliet@example.com/a' id='{id}' type='result'/>")
}

/// The contacts that the answer to a roster get tells of.
fn contacts(answer: &str) -> Vec<String> {
    let answer = stanza(answer);
    let query = answer.child(xmpp_core::xml::ns::ROSTER, "query").unwrap();
    query.children().map(|item| item.attr("jid").unwrap().to_string()).collect()
}

/// Loads an account of these contacts, the oldest load.
fn load(desk: &mut Desk, contacts: &[&str]) {
    let (ticket, _) = desk.loads.pop_front().unwrap();
    let items = contacts.iter().map(|contact| RosterItem::new(Jid::new(contact).unwrap()));
    desk.host.loaded(NOW, ticket, Some(AccountData::new().with_roster(items))).unwrap();
    desk.poll();
}

#[test]
fn r6121_2_3_2_01_results_and_pushes_leave_when_the_change_is_stored() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    let second = desk.login("juliet@example.com/b");
    let silent = desk.online("juliet@example.com/c", 0);
    desk.send(first, GET);
    assert_eq!(desk.one(first), EMPTY);
    desk.send(second, GET);
    desk.got(second);
    desk.send(first, &set("nurse@example.com", "set"));
    assert_eq!((desk.got(first), desk.got(second)), (vec![], vec![]));
    let change = desk.changes.front().unwrap();
    assert_eq!(*change.owner(), bare("juliet@example.com"));
    let item = RosterItem::new(Jid::new("nurse@example.com").unwrap()).with_version(1);
    assert_eq!(change.changes(), [Change::SetRosterItem(item)]);
    desk.stored();
    // The sender is told as well, and is answered.
    let told = desk.take(first);
    assert_eq!(told.len(), 2);
    let (Some(Stanza::Iq(push)), Some(answer)) = (told.first(), told.get(1)) else { panic!("{told:?}") };
    // covers 6120-8.1.2.1-03
    assert_eq!(push.from(), None);
    // covers 6120-8.1.1.1-04
    assert_eq!(
        push.to_string().replace(push.id(), "ID"),
        "<iq to='juliet@example.com/a' id='ID' type='set'><query xmlns='jabber:iq:roster' ver='0-1'>\
         <item jid='nurse@example.com' subscription='none'/></query></iq>"
    );
    assert_eq!(answer.to_string(), result("set"));
    // 6121-2.2-02: available or not.
    let other = desk.take(second);
    assert_eq!(other.len(), 1);
    assert_ne!(other.first().and_then(Stanza::id), Some(push.id()));
    // 3921-7.3-03
    assert_eq!(desk.got(silent), [""; 0]);
    // 6121-2.1.6-04
    desk.send(first, &format!("<iq type='error' id='{}'/>", push.id()));
    assert_eq!(desk.got(first), [""; 0]);
}

#[test]
fn r6120_10_1_06_a_request_is_done_before_what_follows_it() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    // Nothing comes in between: neither an answer nor a report of storage.
    desk.send(first, &set("nurse@example.com", "set"));
    desk.send(first, GET);
    desk.stored();
    let told = desk.got(first);
    assert_eq!(told[0], result("set"));
    assert_eq!(contacts(&told[1]), ["nurse@example.com"]);
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut desk = Desk::new();
    let session = desk.login("juliet@example.com/a");
    for (content, expected) in [
        ("", Condition::BadRequest),
        ("<item jid='@'/>", Condition::JidMalformed),
        ("<item jid='a@b' subscription='remove'/>", Condition::ItemNotFound),
    ] {
        desk.send(
            session,
            &format!("<iq type='set' id='1'><query xmlns='jabber:iq:roster'>{content}</query></iq>"),
        );
        assert_eq!(condition(&desk.one(session)), expected);
    }
    assert!(desk.changes.is_empty());
}

#[test]
fn changes_that_may_wait_one_below_at_and_above_the_limit() {
    let mut desk = Desk::limited(HostLimits::new().with_parked(2, 1 << 20));
    let session = desk.login("juliet@example.com/a");
    for contact in ["a@example.com", "b@example.com"] {
        desk.send(session, &set(contact, contact));
    }
    desk.send(session, &set("c@example.com", "c"));
    // Its refusal keeps its place behind the answers to the others.
    assert_eq!(desk.got(session), [""; 0]);
    desk.stored();
    assert_eq!(desk.got(session), [result("a@example.com")]);
    desk.stored();
    let got = desk.got(session);
    assert_eq!(got[0], result("b@example.com"));
    assert_eq!(condition(&got[1]), Condition::ResourceConstraint);
    desk.send(session, &set("c@example.com", "c"));
    assert_eq!(desk.changes.len(), 1);
}

#[test]
fn a_change_that_cannot_be_stored_has_never_been() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    let second = desk.login("juliet@example.com/b");
    desk.send(second, GET);
    desk.got(second);
    desk.send(first, &set("nurse@example.com", "set"));
    desk.failed();
    assert_eq!(condition(&desk.one(first)), Condition::InternalServerError);
    assert_eq!(desk.got(second), [""; 0]);
    // The account is asked for again, and what comes meanwhile waits.
    assert_eq!(desk.loads.len(), 1);
    desk.send(first, GET);
    assert_eq!(desk.got(first), [""; 0]);
    load(&mut desk, &["romeo@example.com"]);
    assert_eq!(contacts(&desk.one(first)), ["romeo@example.com"]);
}

#[test]
fn changes_succeed_and_fail_in_any_order() {
    // Two changes, each of which is stored or not, reported in either order.
    for (turn, outcomes) in [[true, true], [true, false], [false, true], [false, false]]
        .into_iter()
        .flat_map(|outcomes| [([0, 1], outcomes), ([1, 0], outcomes)])
    {
        let mut desk = Desk::new();
        let first = desk.login("juliet@example.com/a");
        let second = desk.login("juliet@example.com/b");
        desk.send(first, &set("a@example.com", "0"));
        desk.send(first, &set("b@example.com", "1"));
        let changes = core::mem::take(&mut desk.changes);
        let mut answers = Vec::new();
        for index in turn {
            let Persist { owner: account, seq, .. } = &changes[index];
            if outcomes[index] {
                desk.host.persisted(NOW, account, *seq);
            } else {
                desk.host.persist_failed(NOW, account, *seq);
            }
            desk.poll();
            answers.extend(desk.take(first));
        }
        // Each is answered as it went, in the order of the requests.
        let told: Vec<_> = answers.iter().map(|answer| (answer.id().unwrap(), !answer.is_error())).collect();
        assert_eq!(told, [("0", outcomes[0]), ("1", outcomes[1])], "{turn:?}");
        // Of several loads only the last counts.
        let failures = outcomes.iter().filter(|stored| !**stored).count();
        assert_eq!(desk.loads.len(), failures);
        if failures > 1 {
            let (stale, _) = desk.loads.pop_front().unwrap();
            assert_eq!(desk.host.loaded(NOW, stale, Some(AccountData::new())), Err(Misuse::Stale));
        }
        let stored: Vec<_> = ["a@example.com", "b@example.com"]
            .into_iter()
            .zip(outcomes)
            .filter_map(|(contact, stored)| stored.then_some(contact))
            .collect();
        if failures > 0 {
            load(&mut desk, &stored);
        }
        desk.send(second, GET);
        assert_eq!(contacts(&desk.one(second)), stored);
        // Reports that were made already change nothing.
        for change in &changes {
            desk.host.persist_failed(NOW, change.owner(), change.seq());
            desk.host.persisted(NOW, change.owner(), change.seq());
        }
        desk.poll();
        assert!(desk.loads.is_empty());
    }
}

#[test]
fn a_roster_is_not_told_while_it_may_still_fail() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    let second = desk.login("juliet@example.com/b");
    desk.send(first, &set("a@example.com", "1"));
    desk.send(second, GET);
    desk.send(first, &set("b@example.com", "2"));
    assert_eq!(desk.got(second), [""; 0]);
    // It tells of the first change, and waits for no later one.
    desk.stored();
    assert_eq!(contacts(&desk.one(second)), ["a@example.com"]);
    desk.stored();
    assert_eq!(contacts(&desk.one(second)), ["b@example.com"], "the push");
    desk.got(first);

    desk.send(first, &set("c@example.com", "3"));
    desk.send(first, &set("d@example.com", "4"));
    desk.send(second, GET);
    // The later one is stored first: the answer would still tell of the earlier one.
    let earlier = desk.changes.pop_front().unwrap();
    desk.stored();
    assert_eq!(desk.got(second), [""; 0], "pushes keep their order");
    desk.changes.push_front(earlier);
    desk.failed();
    let got = desk.got(second);
    assert_eq!(contacts(&got[0]), ["d@example.com"], "the push");
    assert_eq!(condition(&got[1]), Condition::InternalServerError);
    assert_eq!(got.len(), 2);
}

#[test]
fn a_roster_that_was_asked_for_in_vain_can_be_asked_for_again() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    let second = desk.login("juliet@example.com/b");
    desk.send(first, &set("a@example.com", "1"));
    desk.send(second, GET);
    desk.failed();
    assert_eq!(condition(&desk.one(second)), Condition::InternalServerError);
    load(&mut desk, &[]);
    desk.send(second, GET);
    assert_eq!(contacts(&desk.one(second)), [""; 0]);
}

#[test]
fn of_answers_that_may_be_large_one_waits_for_each_session() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    let second = desk.login("juliet@example.com/b");
    desk.send(first, &set("a@example.com", "1"));
    for session in [first, second, second] {
        desk.send(session, GET);
    }
    desk.stored();
    assert_eq!(desk.got(first).len(), 2);
    let got = desk.got(second);
    assert_eq!(contacts(&got[0]), ["a@example.com"]);
    assert_eq!(condition(&got[1]), Condition::ResourceConstraint);
}

#[test]
fn r6120_10_1_02_order_is_kept_per_pair_and_nobody_else_waits() {
    let mut desk = Desk::new();
    let first = desk.online("juliet@example.com/a", 0);
    let second = desk.login("juliet@example.com/b");
    desk.send(first, &set("nurse@example.com", "set"));
    desk.send(first, "<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>");
    desk.send(first, "<iq to='juliet@example.com' type='get' id='own'><ping xmlns='urn:xmpp:ping'/></iq>");
    desk.send(second, "<iq type='get' id='other'><ping xmlns='urn:xmpp:ping'/></iq>");
    desk.send(second, "<message to='juliet@example.com'><body>hello</body></message>");
    // What comes from the same, to the same, waits behind; from another address and to another session it does not.
    let ids =
        |got: Vec<Stanza>| got.iter().map(|got| got.id().unwrap_or("-").to_string()).collect::<Vec<_>>();
    let (got_first, got_second) = (desk.take(first), desk.take(second));
    assert_eq!((ids(got_first), ids(got_second)), (vec!["-".into()], vec!["other".into()]));
    desk.stored();
    let got_first = desk.take(first);
    // The account is one sender, whether it was asked by its address or without.
    assert_eq!(ids(got_first), ["set", "ping", "own"]);
}

#[test]
fn a_roster_asked_for_by_address_is_not_overtaken_by_a_newer_push() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    let second = desk.login("juliet@example.com/b");
    desk.send(second, &set("one@example.com", "1"));
    desk.send(first, &GET.replace("<iq ", "<iq to='juliet@example.com' "));
    desk.send(second, &set("two@example.com", "2"));
    // The later change is reported first.
    desk.changes.swap(0, 1);
    desk.stored();
    assert_eq!(desk.got(first), [""; 0]);
    desk.stored();
    let got = desk.got(first);
    assert_eq!(got.len(), 2);
    assert_eq!(contacts(&got[0]), ["one@example.com"]);
    assert!(got[1].contains("type='set'") && got[1].contains("two@example.com"), "{}", got[1]);
}

#[test]
fn an_account_stays_until_its_changes_are_reported() {
    for stored in [true, false] {
        let mut desk = Desk::new();
        let session = desk.login("juliet@example.com/a");
        desk.send(session, GET);
        desk.got(session);
        desk.send(session, &set("nurse@example.com", "set"));
        desk.detach(session);
        assert_eq!(desk.host.accounts.len(), 1);
        if stored {
            desk.stored()
        } else {
            desk.failed()
        }
        assert!(desk.loads.is_empty(), "nobody is left who would need it");
        desk.assert_empty();
    }
}

#[test]
fn a_session_that_comes_while_a_change_is_on_its_way_sees_it() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    desk.send(first, &set("nurse@example.com", "set"));
    desk.detach(first);
    let again = desk.bind("juliet@example.com/a");
    assert!(desk.loads.is_empty(), "it is still there");
    desk.send(again, GET);
    desk.stored();
    assert_eq!(contacts(&desk.one(again)), ["nurse@example.com"]);
}

#[test]
fn messages_that_wait_for_an_account_without_sessions_are_answered() {
    let mut desk = Desk::new();
    let romeo = desk.online("romeo@example.com/orchard", 0);
    let juliet = desk.login("juliet@example.com/a");
    desk.send(juliet, &set("a@example.com", "1"));
    desk.send(juliet, &set("b@example.com", "2"));
    desk.detach(juliet);
    desk.failed();
    desk.send(romeo, "<message to='juliet@example.com' type='chat'/>");
    assert_eq!(desk.got(romeo), [""; 0]);
    desk.stored();
    assert_eq!(desk.got(romeo), [""; 0]);
    desk.load_all();
    assert_eq!(condition(&desk.one(romeo)), Condition::ServiceUnavailable);
    desk.detach(romeo);
    desk.assert_empty();
}

#[test]
fn reports_on_what_nobody_knows_change_nothing() {
    let mut desk = Desk::new();
    let session = desk.login("juliet@example.com/a");
    desk.send(session, &set("nurse@example.com", "set"));
    for (account, seq) in [("juliet@example.com", 99), ("romeo@example.com", 1)] {
        desk.host.persisted(NOW, &bare(account), seq);
        desk.host.persist_failed(NOW, &bare(account), seq);
    }
    desk.poll();
    assert_eq!((desk.got(session), desk.loads.len()), (vec![], 0));
    // An account that was deleted and came again is not confused by what the old one had on its way.
    desk.host.deleted(NOW, &bare("juliet@example.com"), None);
    desk.detach(session);
    let again = desk.login("juliet@example.com/a");
    desk.failed();
    assert!(desk.loads.is_empty());
    desk.send(again, GET);
    assert_eq!(desk.one(again), EMPTY);
}

#[test]
fn answers_that_wait_for_storage_are_bounded() {
    let mut desk = Desk::limited(HostLimits::new().with_outbox_bytes(2000));
    let session = desk.login("juliet@example.com/a");
    desk.send(session, &set("nurse@example.com", "set"));
    let ping = "<iq type='get' id='ping'><ping xmlns='urn:xmpp:ping'/></iq>";
    let mut pings = 0;
    while desk.closed.is_empty() {
        desk.send(session, ping);
        pings += 1;
        assert!(pings < 100);
    }
    assert!(pings > 5);
    assert_eq!(desk.closed, [(session, stream::Condition::ResourceConstraint)]);
    assert_eq!(desk.host.receive(NOW, session, stanza(ping)), Err(Misuse::Closed));
    desk.detach(session);
    desk.stored();
    desk.assert_empty();
}
