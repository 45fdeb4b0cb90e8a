//! What waits for a session, and what becomes of it.

use super::*;

/// What `text` weighs when `from` sends it.
fn weight(text: &str, from: &str) -> usize {
    let mut stanza = stanza(text);
    stanza.set_from(Some(Jid::new(from).unwrap()));
    stanza.weight()
}

fn chat(to: &str, body: &str) -> String {
    format!("<message to='{to}' type='chat'><body>{body}</body></message>")
}

const ROMEO: &str = "romeo@example.com/orchard";

#[test]
fn ready_once_until_it_was_emptied() {
    let mut desk = Desk::new();
    let romeo = desk.login(ROMEO);
    let juliet = desk.login("juliet@example.com/a");
    for round in 0..2 {
        for body in ["1", "2"] {
            desk.send(romeo, &chat("juliet@example.com/a", body));
        }
        assert_eq!(core::mem::take(&mut desk.ready), [juliet], "{round}");
        assert_eq!(bodies(&[desk.host.take(juliet).unwrap()]), ["1"]);
        desk.send(romeo, &chat("juliet@example.com/a", "3"));
        assert_eq!(desk.ready, [], "it was not empty");
        assert_eq!(bodies(&desk.take(juliet)), ["2", "3"]);
    }
}

#[test]
fn congestion_one_below_at_and_above_half() {
    let message = chat("juliet@example.com/a", "m");
    let weight = weight(&message, ROMEO);
    for (limit, after) in [(6 * weight - 1, 3), (6 * weight, 4), (6 * weight + 1, 4)] {
        let mut desk = Desk::limited(HostLimits::new().with_outbox_bytes(limit));
        let romeo = desk.login(ROMEO);
        let juliet = desk.login("juliet@example.com/a");
        for round in 0..2 {
            for sent in 1..=5 {
                desk.send(romeo, &message);
                assert_eq!(desk.congested.len(), usize::from(sent >= after), "{limit} {round} {sent}");
            }
            assert_eq!(core::mem::take(&mut desk.congested), [juliet]);
            assert_eq!(desk.take(juliet).len(), 5);
        }
    }
}

#[test]
fn overflow_one_below_at_and_above_the_limit() {
    let message = chat("juliet@example.com/a", "m");
    let weight = weight(&message, ROMEO);
    for (limit, fit) in [(3 * weight - 1, 2), (3 * weight, 3), (3 * weight + 1, 3), (1, 1)] {
        let mut desk = Desk::limited(HostLimits::new().with_outbox_bytes(limit));
        let romeo = desk.login(ROMEO);
        let juliet = desk.login("juliet@example.com/a");
        for _ in 0..fit {
            desk.send(romeo, &message);
        }
        assert_eq!((desk.closed.len(), desk.host.sessions()), (0, 2));
        // The romeo who is told has no more room than the juliet who was to be.
        desk.send(romeo, &message);
        assert_eq!(desk.closed, [(juliet, stream::Condition::ResourceConstraint)]);
        assert_eq!(desk.host.sessions(), 1);
        assert!(!desk.take(romeo).is_empty());
        assert_eq!(desk.host.receive(NOW, juliet, stanza("<presence/>")), Err(Misuse::Closed));
        desk.detach(juliet);
        desk.detach(romeo);
        desk.assert_empty();
    }
}

#[test]
fn what_waited_for_a_client_that_does_not_read_goes_to_another_resource() {
    let weight = weight(&chat("juliet@example.com", "0"), ROMEO);
    let mut desk = Desk::limited(HostLimits::new().with_outbox_bytes(3 * weight));
    let romeo = desk.login(ROMEO);
    let other = desk.online("juliet@example.com/b", 0);
    let slow = desk.online("juliet@example.com/a", 5);
    desk.got(other);
    for body in ["0", "1"] {
        desk.send(romeo, &chat("juliet@example.com", body));
    }
    let long = "x".repeat(3 * weight);
    desk.send(
        romeo,
        &format!("<iq to='juliet@example.com/a' type='get' id='q'><q xmlns='urn:q'>{long}</q></iq>"),
    );
    assert_eq!(desk.closed, [(slow, stream::Condition::ResourceConstraint)]);
    let mut got = desk.take(other);
    assert!(matches!(got.remove(0), Stanza::Presence(_)), "it was told who has left");
    desk.send(romeo, &chat("juliet@example.com", "2"));
    got.extend(desk.take(other));
    assert_eq!(bodies(&got), ["0", "1", "2"]);
    assert_eq!(condition(&desk.one(romeo)), Condition::ServiceUnavailable);
}

#[test]
fn what_another_resource_has_no_room_for_is_refused() {
    let weight = weight(&chat("juliet@example.com", "0"), ROMEO);
    let mut desk = Desk::limited(HostLimits::new().with_outbox_bytes(3 * weight));
    let romeo = desk.login(ROMEO);
    let other = desk.online("juliet@example.com/b", 0);
    let slow = desk.online("juliet@example.com/a", 5);
    desk.got(other);
    for body in ["0", "1", "2", "3"] {
        desk.send(romeo, &chat("juliet@example.com", body));
    }
    // The first three did not fit twice, since the other resource was also told that this one has left.
    assert_eq!(desk.closed, [(slow, stream::Condition::ResourceConstraint)]);
    let got = desk.take(other);
    assert_eq!(bodies(&got[1..]), ["0", "1"]);
    assert_eq!(bodies(&desk.take(romeo)), ["resource-constraint!"; 2]);
}

#[test]
fn what_was_taken_and_not_sent_is_not_lost() {
    let mut desk = Desk::new();
    let romeo = desk.login(ROMEO);
    let other = desk.login("juliet@example.com/b");
    let juliet = desk.online("juliet@example.com/a", 0);
    desk.send(romeo, &chat("juliet@example.com", "sent"));
    desk.got(juliet);
    for body in ["1", "2", "3"] {
        desk.send(romeo, &chat("juliet@example.com/a", body));
    }
    desk.send(romeo, "<iq to='juliet@example.com/a' type='get' id='q'><query xmlns='urn:q'/></iq>");
    desk.send(romeo, "<message to='juliet@example.com/a' id='normal'/>");
    desk.send(romeo, "<message to='juliet@example.com/a' type='error'/>");
    desk.send(romeo, "<iq to='juliet@example.com/a' type='result' id='r'/>");
    desk.send(other, "<presence/>");
    desk.got(other);
    let unsent = vec![desk.host.take(juliet).unwrap(), desk.host.take(juliet).unwrap()];
    desk.detach_unsent(juliet, unsent);
    // Chats go on with the resource that is left, in order; requests and other messages were for the one that is gone.
    let mut got = desk.take(other);
    assert!(matches!(got.remove(0), Stanza::Presence(_)));
    assert_eq!(bodies(&got), ["1", "2", "3"]);
    let told: Vec<_> = desk.take(romeo).iter().map(|error| error.id().unwrap().to_string()).collect();
    assert_eq!(told, ["q", "normal"]);
}

#[test]
fn what_the_server_said_itself_is_gone_with_the_session() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    let second = desk.online("juliet@example.com/b", 0);
    desk.send(first, "<presence/>");
    desk.send(first, "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>");
    desk.send(first, "<iq to='juliet@example.com' type='get' id='2'><ping xmlns='urn:xmpp:ping'/></iq>");
    desk.got(second);
    let unsent = desk.take(first);
    assert_eq!(unsent.len(), 4);
    desk.detach_unsent(first, unsent);
    assert_eq!(
        desk.one(second),
        "<presence to='juliet@example.com' from='juliet@example.com/a' type='unavailable'/>"
    );
}

#[test]
fn of_several_copies_the_last_one_lost_finds_another_way() {
    // Two resources got the message. Each has not taken it, has taken and not sent it, or has sent it.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Fate {
        Left,
        Unsent,
        Sent,
    }
    let fates = [Fate::Left, Fate::Unsent, Fate::Sent];
    for (a, b) in fates.into_iter().flat_map(|a| fates.map(|b| (a, b))) {
        for other in [None, Some("juliet@example.com/c")] {
            let mut desk = Desk::new();
            let romeo = desk.login(ROMEO);
            let both = [desk.online("juliet@example.com/a", 1), desk.online("juliet@example.com/b", 1)];
            let other = other.map(|other| desk.online(other, 0));
            both.iter().for_each(|session| drop(desk.got(*session)));
            desk.send(romeo, &chat("juliet@example.com/a", "before"));
            desk.got(both[0]);
            desk.send(romeo, &chat("juliet@example.com", "shared"));
            for (session, fate) in both.into_iter().zip([a, b]) {
                let taken = if fate == Fate::Left { vec![] } else { vec![desk.host.take(session).unwrap()] };
                desk.detach_unsent(session, if fate == Fate::Unsent { taken } else { vec![] });
            }
            let lost = a != Fate::Sent && b != Fate::Sent;
            let told = desk.take(romeo);
            let got = other.map_or(vec![], |other| desk.take(other));
            let got: Vec<_> = got.into_iter().filter(|got| matches!(got, Stanza::Message(_))).collect();
            let (expected_got, expected_told) = match (lost, other) {
                (true, Some(_)) => (1, 0),
                (true, None) => (0, 1),
                (false, _) => (0, 0),
            };
            assert_eq!((got.len(), told.len()), (expected_got, expected_told), "{a:?} {b:?}");
            other.into_iter().chain([romeo]).for_each(|session| desk.detach(session));
            desk.assert_empty();
        }
    }
}

#[test]
fn sessions_that_the_host_ended_hand_back_what_was_not_sent() {
    let mut desk = Desk::new();
    let romeo = desk.login(ROMEO);
    let both = [desk.online("juliet@example.com/a", 1), desk.online("juliet@example.com/b", 1)];
    both.iter().for_each(|session| drop(desk.got(*session)));
    desk.send(romeo, &chat("juliet@example.com/a", "alone"));
    desk.send(romeo, &chat("juliet@example.com", "shared"));
    let taken = both.map(|session| desk.take(session));
    desk.host.deleted(NOW, &bare("juliet@example.com"), None);
    desk.poll();
    assert_eq!((desk.closed.len(), desk.got(romeo).len()), (2, 0));
    let [first, second] = taken;
    desk.detach_unsent(both[0], first);
    assert_eq!(desk.got(romeo).len(), 1, "the one that nobody else got");
    desk.detach_unsent(both[1], second);
    assert_eq!(desk.got(romeo).len(), 1, "and now the other");
    desk.detach(romeo);
    desk.assert_empty();
}

#[test]
fn errors_that_come_back_all_at_once_do_not_end_the_session_that_they_are_for() {
    let message = "<message to='juliet@example.com/a'/>";
    let limit = 8 * weight(message, ROMEO);
    let mut desk = Desk::limited(HostLimits::new().with_outbox_bytes(limit));
    let romeo = desk.login(ROMEO);
    let juliet = desk.login("juliet@example.com/a");
    while desk.closed.is_empty() {
        desk.send(romeo, message);
    }
    assert_eq!(desk.closed, [(juliet, stream::Condition::ResourceConstraint)]);
    let told = desk.take(romeo);
    assert!(!told.is_empty() && told.iter().all(Stanza::is_error));
    desk.send(romeo, message);
    assert_eq!(condition(&desk.one(romeo)), Condition::ServiceUnavailable);
}

#[test]
fn the_last_session_may_end_in_the_middle_of_a_step() {
    let message = chat("juliet@example.com/a", &"m".repeat(2000));
    let mut desk = Desk::limited(HostLimits::new().with_outbox_bytes(3 * weight(&message, ROMEO)));
    let romeo = desk.login(ROMEO);
    let juliet = desk.bind("juliet@example.com/a");
    for _ in 0..6 {
        desk.send(romeo, &message);
    }
    desk.load_all();
    assert_eq!(desk.closed, [(juliet, stream::Condition::ResourceConstraint)]);
    assert_eq!(bodies(&desk.take(romeo)), ["service-unavailable!"; 6]);
    assert_eq!(desk.host.accounts.len(), 1);
}

#[test]
fn resources_that_overflow_one_after_the_other_end_all_and_nothing_turns_in_circles() {
    let message = chat("juliet@example.com", "m");
    let limit = 4 * weight(&message, ROMEO);
    let mut desk = Desk::limited(HostLimits::new().with_outbox_bytes(limit));
    let romeo = desk.login(ROMEO);
    let names = ["a", "b", "c", "d"].map(|name| format!("juliet@example.com/{name}"));
    let juliets = names.map(|name| desk.online(&name, 0));
    for _ in 0..100 {
        desk.send(romeo, &message);
        desk.take(romeo);
    }
    let mut closed: Vec<_> = desk.closed.iter().map(|(session, _)| *session).collect();
    closed.sort_unstable();
    assert_eq!(closed, juliets);
    juliets.iter().chain([&romeo]).for_each(|session| desk.detach(*session));
    desk.assert_empty();
}
