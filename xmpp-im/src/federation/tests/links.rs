//! What becomes of links, and what senders are told.

use super::*;

/// What the sender of a stanza is told when its link ends like that, before it was authorized.
fn told(ending: Ending) -> (Condition, ErrorType) {
    let mut office = Office::new();
    office.send("a");
    let link = office.connect();
    office.end(link, ending, Vec::new());
    let (id, condition, type_) = office.bounced();
    assert_eq!(id, "a");
    assert!(office.is_quiet());
    (condition, type_)
}

#[test]
fn r3920_10_2_02_a_sender_hears_that_the_remote_server_was_not_reached() {
    let (condition, type_) = told(Ending::NotFound);
    // covers 6120-10.4.3-01
    assert_eq!(condition, Condition::RemoteServerNotFound);
    // covers 3920-9.3.3-19
    assert_eq!(type_, ErrorType::Cancel);
    let (condition, type_) = told(Ending::Unreachable);
    // covers 6120-10.4.3-02
    assert_eq!(condition, Condition::RemoteServerTimeout);
    // covers 3920-9.3.3-20
    assert_eq!(type_, ErrorType::Wait);
    assert_eq!(told(Ending::Over), (Condition::RemoteServerTimeout, ErrorType::Wait));
    assert_eq!(told(Ending::Untrusted), (Condition::RemoteServerTimeout, ErrorType::Cancel));
    assert_eq!(told(Ending::NotServed), (Condition::RemoteServerTimeout, ErrorType::Cancel));
}

#[test]
fn a_refused_dialback_is_told_by_its_kind() {
    for (refusal, condition, type_) in [
        (Refusal::Invalid, Condition::InternalServerError, ErrorType::Cancel),
        (
            Refusal::Failed(dialback::Condition::ItemNotFound),
            Condition::RemoteServerTimeout,
            ErrorType::Cancel,
        ),
        (
            Refusal::Failed(dialback::Condition::NotAuthorized),
            Condition::RemoteServerTimeout,
            ErrorType::Cancel,
        ),
        (
            Refusal::Failed(dialback::Condition::ResourceConstraint),
            Condition::RemoteServerTimeout,
            ErrorType::Wait,
        ),
        (
            Refusal::Failed(dialback::Condition::RemoteServerNotFound),
            Condition::RemoteServerTimeout,
            ErrorType::Wait,
        ),
        (
            Refusal::Failed(dialback::Condition::UndefinedCondition),
            Condition::RemoteServerTimeout,
            ErrorType::Wait,
        ),
        (Refusal::Timeout, Condition::RemoteServerTimeout, ErrorType::Wait),
    ] {
        let mut office = Office::new();
        office.send("a");
        let link = office.connect();
        office.refuse(link, refusal);
        assert_eq!(office.bounced(), ("a".into(), condition, type_));
        office.close(link);
        office.send("b");
        assert_eq!(office.bounced(), ("b".into(), condition, type_), "the same for a while");
        office.end(link, Ending::Over, Vec::new());
        assert!(office.is_quiet());
    }
}

#[test]
fn errors_and_results_are_not_answered() {
    let mut office = Office::new();
    let request = Iq::get("1", Element::builder("jabber:iq:version", "query").build());
    let mut result = Stanza::Iq(request.result_reply(None));
    result.set_from(Some(Jid::new("juliet@capulet.example").unwrap()));
    result.set_to(Some(Jid::new("romeo@montague.example").unwrap()));
    let error = message("romeo@montague.example", "juliet@capulet.example", "2");
    let error = error.error_reply(Condition::ServiceUnavailable).unwrap();
    office.federation.submit(office.now, result).unwrap();
    office.federation.submit(office.now, error).unwrap();
    let link = office.connect();
    office.end(link, Ending::NotFound, Vec::new());
    assert!(office.is_quiet());
}

#[test]
fn both_addresses_are_needed() {
    let mut office = Office::new();
    for (from, to) in [(true, false), (false, true), (false, false)] {
        let mut stanza = message("juliet@capulet.example", "romeo@montague.example", "a");
        if !from {
            stanza.set_from(None);
        }
        if !to {
            stanza.set_to(None);
        }
        assert_eq!(office.federation.submit(office.now, stanza), Err(Misuse::Unaddressed));
    }
    assert!(office.is_quiet());
    assert_eq!(office.federation.remotes(), 0);
}

#[test]
fn a_remote_domain_is_left_alone_after_failures_and_for_longer_each_time() {
    let limits = FederationLimits::new().with_backoff(Duration::from_secs(4), Duration::from_secs(16));
    let mut office = Office::limited(limits);
    for whole in [4, 8, 16, 16] {
        office.send("a");
        let link = office.connect();
        office.end(link, Ending::NotFound, Vec::new());
        assert_eq!(office.bounced().0, "a");
        office.pass(Duration::from_secs(whole / 2) - Duration::from_micros(1));
        office.send("b");
        assert_eq!(office.bounced(), ("b".into(), Condition::RemoteServerNotFound, ErrorType::Cancel));
        assert!(office.is_quiet());
        office.pass(Duration::from_secs(whole / 2) + Duration::from_micros(1));
    }
    // A link that takes stanzas makes up for it all.
    let link = office.online();
    office.end(link, Ending::Over, Vec::new());
    assert_eq!(office.federation.remotes(), 0);
    assert_eq!(office.federation.poll_timeout(), None);
}

#[test]
fn failures_of_long_ago_are_forgotten() {
    let mut office = Office::new();
    office.send("a");
    let link = office.connect();
    office.end(link, Ending::NotFound, Vec::new());
    assert_eq!(office.bounced().0, "a");
    assert_eq!(office.federation.remotes(), 1);
    office.pass(Duration::from_secs(305));
    assert_eq!(office.federation.remotes(), 0);
    assert_eq!(office.federation.poll_timeout(), None);
}

#[test]
fn nobody_waits_longer_than_allowed() {
    let limits = FederationLimits::new().with_wait(Duration::from_secs(10));
    let mut office = Office::limited(limits);
    office.send("a");
    let link = office.connect();
    office.pass(Duration::from_secs(4));
    office.send("b");
    office.pass(Duration::from_micros(5_999_999));
    assert!(office.is_quiet());
    office.pass(Duration::from_micros(1));
    assert_eq!(office.bounces(Condition::RemoteServerTimeout, ErrorType::Wait), "a");
    // A link that does not take what is there for it makes no difference.
    office.authorize(link);
    office.ready(link);
    office.pass(Duration::from_secs(4));
    assert_eq!(office.bounces(Condition::RemoteServerTimeout, ErrorType::Wait), "b");
    assert_eq!(office.drain(link), "");
    office.send("c");
    office.ready(link);
}

#[test]
fn a_link_that_comes_to_nothing_in_time_is_given_up() {
    let mut office = Office::new();
    office.send("a");
    let link = office.connect();
    office.pass(Duration::from_secs(60));
    assert_eq!(office.bounces(Condition::RemoteServerTimeout, ErrorType::Wait), "a");
    office.close(link);
    // What is reported about it now is of no use, and does no harm.
    let (local, remote) = (domain(LOCAL), domain(REMOTE));
    let late = office.federation.authorized(office.now, link, &local, &remote, Method::External);
    assert_eq!(late, Err(Misuse::Stale));
    assert_eq!(office.federation.take(link), None);
    office.end(link, Ending::Unreachable, Vec::new());
    let again = office.federation.closed(office.now, link, Ending::Unreachable, []);
    assert_eq!(again, Err(Misuse::Stale));
    assert_eq!(office.federation.connected(office.now, link), Err(Misuse::Stale));
    assert!(office.is_quiet());
}

#[test]
fn an_idle_link_is_closed_and_the_next_waits_for_what_it_hands_back() {
    let mut office = Office::new();
    office.send("a");
    let link = office.connect();
    office.authorize(link);
    office.ready(link);
    let taken = office.taken(link);
    office.pass(Duration::from_secs(600) - Duration::from_micros(1));
    assert!(office.is_quiet());
    office.pass(Duration::from_micros(1));
    office.close(link);
    office.send("b");
    assert_eq!(office.drain(link), "", "nothing goes out behind the end of a stream");
    assert!(office.is_quiet());
    office.end(link, Ending::Over, taken);
    let link = office.connect();
    office.authorize(link);
    office.ready(link);
    assert_eq!(office.drain(link), "a b");
}

#[test]
fn traffic_keeps_a_link() {
    let mut office = Office::new();
    let link = office.online();
    for _ in 0..3 {
        office.pass(Duration::from_secs(599));
        office.send("a");
        office.ready(link);
        assert_eq!(office.drain(link), "a");
    }
    office.pass(Duration::from_secs(600));
    office.close(link);
}

#[test]
fn facts_are_about_what_was_asked_only_once() {
    let mut office = Office::new();
    let link = office.online();
    let (local, remote) = (domain(LOCAL), domain(REMOTE));
    let again = office.federation.authorized(office.now, link, &local, &remote, Method::External);
    assert_eq!(again, Err(Misuse::Stale));
    let late = office.federation.refused(office.now, link, &local, &remote, Refusal::Invalid);
    assert_eq!(late, Err(Misuse::Stale));
    let other = office.federation.refused(office.now, link, &domain(OTHER), &remote, Refusal::Invalid);
    assert_eq!(other, Err(Misuse::Stale));
    assert_eq!(office.federation.connected(office.now, link), Ok(()));
    assert!(office.is_quiet());
    office.send("b");
    office.ready(link);
    assert_eq!(office.drain(link), "b");
}

#[test]
fn time_does_not_run_back() {
    let mut office = Office::new();
    office.pass(Duration::from_secs(100));
    office.federation.handle_timeout(Instant::ZERO);
    office.now = Instant::ZERO;
    office.send("a");
    let at = office.federation.poll_timeout().unwrap();
    assert_eq!(at, Instant::after(Duration::from_secs(160)));
}
