//! Presence that waits: what a newer one makes void, and how much there may be.

use super::*;

const ROMEO: &str = "romeo@montague.example";
const JULIET: &str = "juliet@capulet.example/balcony";

impl Office {
    fn tell(&mut self, type_: PresenceType, to: &str, id: &str) {
        let stanza = presence(type_, JULIET, to, id);
        self.federation.submit(self.now, stanza).unwrap();
    }

    fn contacts(&mut self, type_: PresenceType, ids: core::ops::Range<usize>) {
        for id in ids {
            self.tell(type_, &format!("c{id}@{REMOTE}"), &id.to_string());
        }
    }

    /// What goes out once there is a link, which is awaited.
    fn all_out(&mut self, link: LinkId) -> String {
        self.authorize(link);
        self.ready(link);
        self.drain(link)
    }
}

#[test]
fn the_newest_of_a_pair_is_what_goes_out() {
    let mut office = Office::new();
    office.tell(PresenceType::Available, ROMEO, "1");
    let link = office.connect();
    office.tell(PresenceType::Probe, ROMEO, "2");
    office.send("3");
    office.tell(PresenceType::Available, ROMEO, "4");
    office.tell(PresenceType::Unavailable, "romeo@montague.example/orchard", "5");
    office.tell(PresenceType::Unavailable, ROMEO, "6");
    office.tell(PresenceType::Probe, ROMEO, "7");
    assert!(office.is_quiet());
    assert_eq!(office.all_out(link), "3 5 6 7");
    assert_eq!(office.federation.bytes, 0);
}

#[test]
fn steps_of_subscriptions_and_errors_are_never_void() {
    let mut office = Office::new();
    office.tell(PresenceType::Subscribe, ROMEO, "1");
    let link = office.connect();
    office.tell(PresenceType::Unsubscribe, ROMEO, "2");
    office.tell(PresenceType::Subscribe, ROMEO, "3");
    office.tell(PresenceType::Available, ROMEO, "4");
    office.tell(PresenceType::Error, ROMEO, "5");
    office.tell(PresenceType::Error, ROMEO, "6");
    assert_eq!(office.all_out(link), "1 2 3 4 5 6");
}

#[test]
fn what_comes_back_is_void_if_there_is_news() {
    let mut office = Office::new();
    office.tell(PresenceType::Available, ROMEO, "1");
    let link = office.connect();
    office.tell(PresenceType::Available, "nurse@montague.example", "2");
    office.authorize(link);
    office.ready(link);
    let taken = office.taken(link);
    assert_eq!(ids(&taken), "1 2");
    office.tell(PresenceType::Unavailable, ROMEO, "3");
    office.ready(link);
    office.end(link, Ending::Over, taken);
    let link = office.connect();
    assert_eq!(office.all_out(link), "2 3");
}

#[test]
fn a_login_with_hundreds_of_contacts_at_one_cold_domain_gets_through() {
    let mut office = Office::new();
    office.contacts(PresenceType::Available, 0..1_000);
    let link = office.connect();
    office.contacts(PresenceType::Probe, 0..1_000);
    for id in 0..64 {
        office.send(&format!("m{id}"));
    }
    assert!(office.is_quiet());
    assert_eq!(office.federation.waiting(&domain(REMOTE)).0, 2_064);
    assert_eq!(office.all_out(link).split(' ').count(), 2_064);
}

#[test]
fn presence_has_a_count_of_its_own_and_overflows_without_a_word() {
    let mut office = Office::limited(FederationLimits::new().with_waiting_presence(3));
    office.contacts(PresenceType::Available, 0..2);
    let link = office.connect();
    office.send("a");
    office.contacts(PresenceType::Available, 2..4);
    office.contacts(PresenceType::Probe, 4..5);
    assert!(office.is_quiet(), "nobody can do anything about it");
    // What only takes another's place fits.
    office.tell(PresenceType::Unavailable, &format!("c1@{REMOTE}"), "new");
    // A step of a subscription is not lost without a word.
    office.tell(PresenceType::Subscribe, ROMEO, "step");
    assert_eq!(office.bounces(Condition::ResourceConstraint, ErrorType::Wait), "step");
    assert_eq!(office.all_out(link), "0 a 2 new");
}

#[test]
fn a_message_finds_room_where_presence_waits() {
    let weight = |stanza: Stanza| stanza.weight();
    let one = weight(presence(PresenceType::Available, JULIET, &format!("c0@{REMOTE}"), "0"));
    let step = weight(presence(PresenceType::Subscribe, JULIET, &format!("c2@{REMOTE}"), "2"));
    let text = weight(message(JULIET, ROMEO, "a"));
    for (limit, rest, told) in [
        (2 * one + step + text, "0 1 2 a", ""),
        (2 * one + step + text - 1, "0 1 a", "2"),
        (one + text, "0 a", "2"),
        (text, "a", "2"),
    ] {
        let mut office = Office::limited(FederationLimits::new().with_waiting(64, 2 * one + step + text));
        office.contacts(PresenceType::Available, 0..2);
        let link = office.connect();
        office.contacts(PresenceType::Subscribe, 2..3);
        office.federation.config =
            FederationConfig::new().with_limits(FederationLimits::new().with_waiting(64, limit));
        office.send("a");
        assert_eq!(office.bounces(Condition::ResourceConstraint, ErrorType::Wait), told);
        assert_eq!(office.all_out(link), rest);
    }
}

#[test]
fn a_link_whose_presence_made_room_is_told_of_the_next() {
    let mut office =
        Office::limited(FederationLimits::new().with_waiting(0, 1 << 20).with_waiting_presence(1));
    office.tell(PresenceType::Available, ROMEO, "1");
    let link = office.connect();
    office.authorize(link);
    office.ready(link);
    // Void, and nothing in its place.
    office.federation.config =
        FederationConfig::new().with_limits(FederationLimits::new().with_waiting_presence(0));
    office.tell(PresenceType::Unavailable, ROMEO, "2");
    assert_eq!(office.drain(link), "");
    office.federation.config = FederationConfig::new();
    office.tell(PresenceType::Available, ROMEO, "3");
    office.ready(link);
    assert_eq!(office.drain(link), "3");
}
