//! Stanzas keep their order, whatever happens to links, and go out once.

use super::*;

#[test]
fn r3920_10_01_one_link_takes_what_was_submitted_in_order() {
    let mut office = Office::new();
    office.send("a");
    let link = office.connect();
    office.send("b");
    assert!(office.is_quiet(), "no second link");
    assert_eq!(office.drain(link), "", "nothing before it is authorized");
    office.authorize(link);
    office.ready(link);
    // covers 3920-10.2-01
    assert_eq!(office.drain(link), "a b");
    office.send("c");
    // covers 6120-10.4.1-01: the stream that exists is used, and no other is opened
    office.ready(link);
    office.send("d");
    assert!(office.is_quiet(), "told once while there is something to take");
    // covers 6120-10.1-03
    assert_eq!(office.drain(link), "c d");
}

#[test]
fn r6120_10_1_04_bare_and_full_addresses_of_a_domain_share_its_link() {
    let mut office = Office::new();
    for (from, to, id) in [
        ("juliet@capulet.example/a", "romeo@montague.example/x", "1"),
        ("juliet@capulet.example/a", "romeo@montague.example", "2"),
        ("nurse@capulet.example/b", "montague.example", "3"),
        ("capulet.example", "romeo@montague.example/y", "4"),
    ] {
        office.federation.submit(office.now, message(from, to, id)).unwrap();
    }
    let link = office.connect();
    assert!(office.is_quiet());
    office.authorize(link);
    office.ready(link);
    assert_eq!(office.drain(link), "1 2 3 4");
}

#[test]
fn each_pair_of_domains_has_its_own_link() {
    let mut office = Office::new();
    office.send_as(LOCAL, REMOTE, "a");
    office.send_as(OTHER, REMOTE, "b");
    office.send_as(LOCAL, "verona.example", "c");
    let links = [
        office.connect_as(LOCAL, REMOTE),
        office.connect_as(OTHER, REMOTE),
        office.connect_as(LOCAL, "verona.example"),
    ];
    assert_eq!(links.map(LinkId::as_u64), [0, 1, 2]);
    let (local, remote) = (domain(LOCAL), domain(REMOTE));
    let mut authorized = |local: &BareJid, remote: &BareJid| {
        office.federation.authorized(office.now, links[1], local, remote, Method::External)
    };
    assert_eq!(authorized(&local, &remote), Err(Misuse::Stale), "of another pair");
    assert_eq!(authorized(&domain(OTHER), &domain("verona.example")), Err(Misuse::Stale));
    assert_eq!(authorized(&domain(OTHER), &remote), Ok(()));
    office.ready(links[1]);
    assert_eq!(office.drain(links[1]), "b");
}

#[test]
fn what_a_closed_link_did_not_send_goes_first_by_the_next_one() {
    let mut office = Office::new();
    for id in ["a", "b", "c", "d"] {
        office.send(id);
    }
    let link = office.connect();
    office.authorize(link);
    office.ready(link);
    let taken: Vec<_> = (0..3).map(|_| office.federation.take(link).unwrap()).collect();
    office.send("e");
    // The first was transmitted.
    office.end(link, Ending::Over, taken[1..].to_vec());
    office.send("f");
    let next = office.connect();
    assert_ne!(next, link);
    office.authorize(next);
    office.ready(next);
    assert_eq!(office.drain(next), "b c d e f");
    assert!(office.is_quiet());
}

#[test]
fn a_stanza_is_sent_again_only_once() {
    let mut office = Office::new();
    office.send("a");
    let link = office.connect();
    office.authorize(link);
    office.ready(link);
    let taken = office.taken(link);
    office.end(link, Ending::Over, taken);
    let link = office.connect();
    office.authorize(link);
    office.ready(link);
    office.send("b");
    let taken = office.taken(link);
    assert_eq!(ids(&taken), "a b");
    office.end(link, Ending::Over, taken);
    assert_eq!(office.bounced(), ("a".into(), Condition::RemoteServerTimeout, ErrorType::Wait));
    // The other one has not been sent again yet.
    let link = office.connect();
    office.authorize(link);
    office.ready(link);
    assert_eq!(office.drain(link), "b");
}

#[test]
fn what_never_was_for_a_link_is_not_sent_by_another() {
    let mut office = Office::new();
    let link = office.online();
    let strange = message("juliet@shakespeare.example", "romeo@montague.example", "x");
    let mut nobodys = message("juliet@capulet.example", "romeo@montague.example", "y");
    nobodys.set_from(None);
    office.end(link, Ending::Over, alloc::vec![strange, nobodys]);
    assert_eq!(office.bounced().0, "x");
    assert_eq!(office.bounced().0, "y");
    assert!(office.is_quiet());
    assert_eq!(office.federation.remotes(), 0);
}

#[test]
fn a_remote_server_that_accepts_and_hangs_up_is_tried_twice() {
    let mut office = Office::new();
    office.send("a");
    for _ in 0..2 {
        let link = office.connect();
        office.authorize(link);
        office.ready(link);
        office.end(link, Ending::Over, Vec::new());
    }
    assert_eq!(office.bounced(), ("a".into(), Condition::RemoteServerTimeout, ErrorType::Wait));
    office.send("b");
    assert_eq!(office.bounced().0, "b", "and then left alone");
    assert!(office.is_quiet());
}
