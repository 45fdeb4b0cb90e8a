//! Sessions begin and end; accounts are loaded and forgotten.

use super::*;

#[test]
fn r3921_3_04_a_login_as_the_older_text_has_it() {
    let mut desk = Desk::new();
    let session = desk.login("juliet@example.com/balcony");
    let request = "<iq to='example.com' type='set' id='sess_1'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>";
    desk.send(session, request);
    assert_eq!(
        desk.one(session),
        "<iq to='juliet@example.com/balcony' from='example.com' id='sess_1' type='result'/>"
    );
    desk.send(session, &request.replace("to='example.com' ", ""));
    assert_eq!(desk.one(session), "<iq to='juliet@example.com/balcony' id='sess_1' type='result'/>");
    desk.detach(session);
    desk.assert_empty();
}

#[test]
fn an_account_is_loaded_once_and_forgotten_with_its_last_session() {
    let mut desk = Desk::new();
    let first = desk.bind("juliet@example.com/a");
    let second = desk.bind("juliet@example.com/b");
    assert_eq!(desk.loads.len(), 1);
    desk.load_all();
    desk.detach(first);
    desk.detach(first);
    desk.detach(second);
    desk.assert_empty();
    assert_eq!(desk.host.receive(NOW, first, stanza("<presence/>")), Err(Misuse::Closed));
    assert_eq!(desk.host.take(first), None);
    desk.bind("juliet@example.com/a");
    assert_eq!(desk.loads.len(), 1);
}

#[test]
fn loads_that_nobody_waits_for_are_stale() {
    let mut desk = Desk::new();
    let early = desk.bind("juliet@example.com/a");
    desk.detach(early);
    let late = desk.bind("juliet@example.com/b");
    let (stale, account) = desk.loads.pop_front().unwrap();
    assert_eq!(account, bare("juliet@example.com"));
    assert_eq!(desk.host.loaded(NOW, stale, Some(AccountData::new())), Err(Misuse::Stale));
    let (ticket, _) = desk.loads.pop_front().unwrap();
    assert_eq!(desk.host.loaded(NOW, ticket, Some(AccountData::new())), Ok(()));
    desk.detach(late);

    desk.bind("juliet@example.com/c");
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.deleted(NOW, &account, None);
    assert_eq!(desk.host.load_failed(NOW, ticket), Err(Misuse::Stale));
}

#[test]
fn r3921_3_a_session_that_cannot_be_had_ends() {
    let mut desk = Desk::new();
    let juliet = desk.bind("juliet@example.com/balcony");
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.load_failed(NOW, ticket).unwrap();
    desk.poll();
    // covers 3921-3-06
    assert_eq!(desk.closed.pop(), Some((juliet, stream::Condition::InternalServerError)));
    let nobody = desk.bind("nobody@example.com/balcony");
    let (ticket, _) = desk.loads.pop_front().unwrap();
    desk.host.loaded(NOW, ticket, None).unwrap();
    desk.poll();
    // covers 3921-3-07
    assert_eq!(desk.closed.pop(), Some((nobody, stream::Condition::NotAuthorized)));
}

#[test]
fn accounts_that_are_not_there_or_cannot_be_loaded_end_their_sessions() {
    let mut desk = Desk::new();
    let romeo = desk.online("romeo@example.com/orchard", 0);
    let end = |host: &mut Host, ticket: LoadTicket, how: usize| match how {
        0 => host.loaded(NOW, ticket, None).unwrap(),
        1 => host.load_failed(NOW, ticket).unwrap(),
        _ => host.deleted(NOW, &bare("juliet@example.com"), None),
    };
    for (how, why) in [
        (0, stream::Condition::NotAuthorized),
        (1, stream::Condition::InternalServerError),
        (2, stream::Condition::NotAuthorized),
    ] {
        let juliet = [desk.bind("juliet@example.com/a"), desk.bind("juliet@example.com/b")];
        desk.send(juliet[0], "<presence/>");
        desk.send(romeo, "<message to='juliet@example.com' type='chat' id='m'><body>?</body></message>");
        assert_eq!(desk.got(romeo), [""; 0]);
        let (ticket, _) = desk.loads.pop_front().unwrap();
        end(&mut desk.host, ticket, how);
        desk.poll();
        assert_eq!(core::mem::take(&mut desk.closed), juliet.map(|session| (session, why)));
        // What was parked for it is answered.
        assert_eq!(condition(&desk.one(romeo)), Condition::ServiceUnavailable);
        assert_eq!(desk.host.receive(NOW, juliet[0], stanza("<presence/>")), Err(Misuse::Closed));
        juliet.iter().for_each(|session| desk.detach(*session));
    }
    desk.detach(romeo);
    desk.assert_empty();
}

#[test]
fn an_account_that_is_deleted_hands_back_what_its_sessions_had_not_taken() {
    let mut desk = Desk::new();
    let romeo = desk.online("romeo@example.com/orchard", 0);
    let juliet = [desk.online("juliet@example.com/a", 1), desk.online("juliet@example.com/b", 1)];
    juliet.iter().for_each(|session| drop(desk.got(*session)));
    desk.send(romeo, "<message to='juliet@example.com' type='chat' id='both'/>");
    desk.send(romeo, "<message to='juliet@example.com/a' type='chat' id='one'/>");
    desk.send(romeo, "<iq to='juliet@example.com/b' type='get' id='q'><q xmlns='urn:q'/></iq>");
    desk.host.deleted(NOW, &bare("juliet@example.com"), None);
    let ids: Vec<_> = desk.take(romeo).iter().map(|error| error.id().unwrap().to_string()).collect();
    assert_eq!(ids, ["one", "both", "q"], "one answer for each");
    juliet.iter().for_each(|session| desk.detach(*session));
    desk.detach(romeo);
    desk.poll();
    desk.assert_empty();
}

#[test]
fn sessions_that_end_before_their_account_is_loaded_leave_nothing_unanswered() {
    let mut desk = Desk::new();
    let romeo = desk.online("romeo@example.com/orchard", 0);
    let juliet = desk.bind("juliet@example.com/a");
    desk.send(juliet, "<message to='juliet@example.com'/>");
    desk.send(romeo, "<message to='juliet@example.com' type='chat'/>");
    desk.detach(juliet);
    assert_eq!(desk.got(romeo), [""; 0]);
    desk.load_all();
    assert_eq!(condition(&desk.one(romeo)), Condition::ServiceUnavailable);
    desk.detach(romeo);
    desk.assert_empty();
}

#[test]
fn parked_stanzas_one_below_at_and_above_the_limit() {
    let message = "<message to='juliet@example.com' type='chat'><body>m</body></message>";
    let weight = {
        let mut message = stanza(message);
        message.set_from(Some(Jid::new("romeo@example.com/orchard").unwrap()));
        message.weight()
    };
    for limits in
        [HostLimits::new().with_parked(3, usize::MAX), HostLimits::new().with_parked(64, 3 * weight)]
    {
        let mut desk = Desk::limited(limits);
        let romeo = desk.online("romeo@example.com/orchard", 0);
        let juliet = desk.bind("juliet@example.com/a");
        for _ in 0..3 {
            desk.send(romeo, message);
            assert_eq!(desk.got(romeo), [""; 0]);
        }
        desk.send(romeo, message);
        assert_eq!(condition(&desk.one(romeo)), Condition::ResourceConstraint);
        // The account's own clients are told as well, at once; and errors are nobody's to answer.
        desk.send(juliet, "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>");
        assert_eq!(condition(&desk.one(juliet)), Condition::ResourceConstraint);
        desk.send(romeo, "<message to='juliet@example.com' type='error'/>");
        assert_eq!(desk.got(romeo), [""; 0]);
        desk.load_all();
        // It is loaded and nobody is available: they come back, each once.
        assert_eq!(bodies(&desk.take(romeo)), ["service-unavailable!"; 3]);
    }
}

#[test]
fn what_was_parked_is_worked_off_in_order() {
    let mut desk = Desk::new();
    let romeo = desk.online("romeo@example.com/orchard", 0);
    let juliet = desk.bind("juliet@example.com/a");
    desk.send(juliet, "<presence/>");
    desk.send(romeo, "<message to='juliet@example.com' type='chat'><body>1</body></message>");
    desk.send(romeo, "<message to='juliet@example.com/a' type='chat'><body>2</body></message>");
    desk.send(juliet, "<presence type='unavailable'/>");
    desk.send(romeo, "<message to='juliet@example.com' type='chat'><body>3</body></message>");
    assert_eq!(desk.got(juliet), [""; 0]);
    desk.load_all();
    let got = desk.take(juliet);
    assert_eq!(bodies(&got[1..3]), ["1", "2"]);
    assert_eq!(got.len(), 4, "its own presence around them");
    assert_eq!(bodies(&desk.take(romeo)), ["service-unavailable!"]);
}
