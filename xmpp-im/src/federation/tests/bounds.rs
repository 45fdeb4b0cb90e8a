//! How much waits, for how many.

use super::*;

fn long(id: &str, to: &str, bytes: usize) -> Stanza {
    let to = Jid::new(&format!("romeo@{to}")).unwrap();
    let mut stanza = Stanza::Message(Message::chat(to).with_body(&"x".repeat(bytes)));
    stanza.set_from(Some(Jid::new("juliet@capulet.example").unwrap()));
    stanza.set_id(Some(id));
    stanza
}

const REFUSED: (Condition, ErrorType) = (Condition::ResourceConstraint, ErrorType::Wait);

#[test]
fn sixty_four_stanzas_wait_for_a_remote_domain() {
    let mut office = Office::new();
    for count in 0..63 {
        office.send_as(LOCAL, REMOTE, &count.to_string());
    }
    let link = office.connect();
    office.send_as(OTHER, REMOTE, "63");
    office.connect_as(OTHER, REMOTE);
    assert!(office.is_quiet());
    office.send("64");
    // covers 3920-9.3.3-21: what is short is told with `wait`
    assert_eq!(office.bounces(REFUSED.0, REFUSED.1), "64");
    // Others are not touched.
    office.send_as(LOCAL, "verona.example", "a");
    office.connect_as(LOCAL, "verona.example");
    // What is taken makes room.
    office.authorize(link);
    office.ready(link);
    assert!(office.federation.take(link).is_some());
    office.send("65");
    assert!(office.is_quiet());
}

#[test]
fn bytes_count_to_the_last_one() {
    let first = long("a", REMOTE, 1_000);
    let second = long("b", REMOTE, 1_000);
    let both = first.weight() + second.weight();
    for (limit, fits) in [(both - 1, false), (both, true), (both + 1, true)] {
        let mut office = Office::limited(FederationLimits::new().with_waiting(64, limit));
        office.federation.submit(office.now, first.clone()).unwrap();
        office.connect();
        office.federation.submit(office.now, second.clone()).unwrap();
        assert_eq!(office.bounces(REFUSED.0, REFUSED.1), if fits { "" } else { "b" });
    }
}

#[test]
fn one_stanza_always_fits_where_nothing_waits() {
    let mut office = Office::limited(FederationLimits::new().with_waiting(64, 10).with_total_bytes(10));
    office.federation.submit(office.now, long("a", REMOTE, 1_000)).unwrap();
    let link = office.connect();
    office.federation.submit(office.now, long("b", REMOTE, 1)).unwrap();
    assert_eq!(office.bounces(REFUSED.0, REFUSED.1), "b");
    office.authorize(link);
    office.ready(link);
    assert_eq!(office.drain(link), "a");
    assert_eq!(office.federation.bytes, 0);
}

#[test]
fn all_remote_domains_together_have_a_limit() {
    let weight = long("a", REMOTE, 1_000).weight() + long("b", "verona.example", 1_000).weight();
    for (limit, fits) in [(weight - 1, false), (weight, true), (weight + 1, true)] {
        let mut office = Office::limited(FederationLimits::new().with_total_bytes(limit));
        office.federation.submit(office.now, long("a", REMOTE, 1_000)).unwrap();
        office.connect();
        office.federation.submit(office.now, long("b", "verona.example", 1_000)).unwrap();
        if fits {
            office.connect_as(LOCAL, "verona.example");
            assert_eq!(office.federation.bytes, weight);
        } else {
            assert_eq!(office.bounces(REFUSED.0, REFUSED.1), "b");
            assert_eq!(office.federation.remotes(), 1, "nothing is kept for who did not get in");
        }
    }
}

#[test]
fn what_comes_back_displaces_the_newest() {
    let mut office = Office::limited(FederationLimits::new().with_waiting(3, 1 << 20));
    let link = office.online();
    for id in ["a", "b"] {
        office.send(id);
    }
    office.ready(link);
    let taken = office.taken(link);
    for id in ["c", "d", "e"] {
        office.send(id);
    }
    office.ready(link);
    office.end(link, Ending::Over, taken);
    assert_eq!(office.bounces(REFUSED.0, REFUSED.1), "d e");
    let link = office.connect();
    office.authorize(link);
    office.ready(link);
    assert_eq!(office.drain(link), "a b c");
}

#[test]
fn remote_domains_that_are_busy_keep_others_out() {
    let mut office = Office::limited(FederationLimits::new().with_remotes(2));
    office.send_as(LOCAL, "a.example", "a");
    office.connect_as(LOCAL, "a.example");
    office.send_as(LOCAL, "b.example", "b");
    office.connect_as(LOCAL, "b.example");
    office.send_as(LOCAL, "c.example", "c");
    assert_eq!(office.bounces(REFUSED.0, REFUSED.1), "c");
    assert_eq!(office.federation.remotes(), 2);
    // Those that are known are served.
    office.send_as(LOCAL, "a.example", "d");
    assert!(office.is_quiet());
}

#[test]
fn a_million_domains_leave_no_trace() {
    let mut office = Office::limited(FederationLimits::new().with_remotes(16));
    for count in 0..1_000 {
        let remote = format!("d{count}.example");
        office.send_as(LOCAL, &remote, "a");
        let link = office.connect_as(LOCAL, &remote);
        office.end(link, Ending::NotFound, Vec::new());
        assert_eq!(office.bounced().1, Condition::RemoteServerNotFound);
        assert!(office.federation.remotes() <= 16);
    }
    assert_eq!(office.federation.deadlines.len(), office.federation.remotes());
    assert_eq!(office.federation.unreachable.len(), 16);
    assert!(office.federation.links.is_empty());
}

#[test]
fn the_link_that_was_idle_for_longest_makes_room_ahead() {
    let mut office = Office::limited(FederationLimits::new().with_remotes(2));
    let link = office.online();
    office.pass(Duration::from_secs(1));
    office.send_as(LOCAL, "b.example", "b");
    let busy = office.connect_as(LOCAL, "b.example");
    office.send_as(LOCAL, "c.example", "c");
    office.close(link);
    assert_eq!(office.bounces(REFUSED.0, REFUSED.1), "c");
    office.end(link, Ending::Over, Vec::new());
    office.send_as(LOCAL, "c.example", "d");
    office.connect_as(LOCAL, "c.example");
    assert!(office.is_quiet(), "{busy:?} is not touched");
}

#[test]
fn deadlines_of_no_time_at_all_do_not_spin() {
    let none = Duration::ZERO;
    let limits = FederationLimits::new().with_wait(none).with_connect(none).with_idle(none);
    let limits =
        limits.with_backoff(none, none).with_verifications(1, none).with_waiting(0, 0).with_remotes(0);
    let mut office = Office::limited(limits.clone());
    office.send("a");
    assert_eq!(office.bounces(REFUSED.0, REFUSED.1), "a");
    let mut office = Office::limited(limits.with_waiting(1, 0).with_remotes(1));
    office.send("a");
    let link = office.connect();
    office.pass(none);
    assert_eq!(office.bounces(Condition::RemoteServerTimeout, ErrorType::Wait), "a");
    office.close(link);
    office.end(link, Ending::Over, Vec::new());
    assert_eq!(office.federation.poll_timeout(), None);
    assert_eq!(office.federation.remotes(), 0);
}
