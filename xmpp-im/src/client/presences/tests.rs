use alloc::format;

use super::*;

fn limits() -> ClientLimits {
    ClientLimits::new().with_resources(3).with_strangers(3)
}

fn says(presences: &mut Presences, contact: bool, from: &str, presence: Presence) {
    let from = Jid::new(from).unwrap();
    presences.apply(&from, contact, &presence.with_from(from.clone()), &limits());
}

fn available(presences: &mut Presences, contact: bool, from: &str) {
    says(presences, contact, from, Presence::available());
}

fn gone(presences: &mut Presences, from: &str) {
    says(presences, false, from, Presence::new(PresenceType::Unavailable));
}

fn count(presences: &Presences, account: &str) -> usize {
    presences.of(&BareJid::new(account).unwrap()).count()
}

/// What is counted is what is there.
fn check(presences: &Presences) {
    let of_strangers = || presences.accounts.values().filter(|account| !account.contact);
    assert_eq!(presences.strangers, of_strangers().map(|account| account.available.len()).sum::<usize>());
    assert_eq!(presences.stranger_bytes, of_strangers().map(|account| account.bytes).sum::<usize>());
    for account in presences.accounts.values() {
        assert_eq!(account.bytes, account.available.values().map(Entry::weight).sum::<usize>());
        assert!(!account.available.is_empty());
    }
}

#[test]
fn a_contact_has_so_many_resources() {
    let mut presences = Presences::default();
    for n in 0..5 {
        available(&mut presences, true, &format!("romeo@example.net/{n}"));
        assert_eq!(count(&presences, "romeo@example.net"), 3.min(n + 1));
    }
    // Another contact has a bound of its own; what is known changes; who goes makes room.
    available(&mut presences, true, "nurse@example.com/kitchen");
    available(&mut presences, true, "romeo@example.net/2");
    gone(&mut presences, "romeo@example.net/0");
    available(&mut presences, true, "romeo@example.net/4");
    assert!(presences.get(&Jid::new("romeo@example.net/4").unwrap()).is_some());
    assert_eq!((count(&presences, "romeo@example.net"), count(&presences, "nurse@example.com")), (3, 1));
    check(&presences);
}

#[test]
fn strangers_share_one_bound() {
    let mut presences = Presences::default();
    for n in 0..10 {
        available(&mut presences, false, &format!("room{n}@muc.example.com/nick"));
    }
    assert_eq!(presences.accounts().count(), 3);
    // Contacts are not displaced by them.
    available(&mut presences, true, "romeo@example.net/orchard");
    assert_eq!(count(&presences, "romeo@example.net"), 1);
    check(&presences);
}

#[test]
fn bytes_are_bounded_too() {
    let mut presences = Presences::default();
    let long = |bytes| Presence::available().with_status(&"x".repeat(bytes)).with_from(jid());
    fn jid() -> Jid {
        Jid::new("romeo@example.net/orchard").unwrap()
    }
    let weight = Entry { arrival: 0, presence: long(100) }.weight();
    for (room, kept) in [(weight - 1, 0), (weight, 1), (weight + 1, 1)] {
        for contact in [true, false] {
            let limits = ClientLimits::new().with_presence_bytes(room).with_stranger_bytes(room);
            presences.apply(&jid(), contact, &long(100), &limits);
            assert_eq!(count(&presences, "romeo@example.net"), kept, "{room}");
            check(&presences);
            presences.clear(&jid().to_bare());
        }
    }
    // What is too much is not kept, and what was known before is outdated.
    available(&mut presences, true, "romeo@example.net/orchard");
    presences.apply(&jid(), true, &long(100), &ClientLimits::new().with_presence_bytes(weight - 1));
    assert_eq!(count(&presences, "romeo@example.net"), 0);
    check(&presences);
}

#[test]
fn strangers_become_contacts_and_contacts_strangers() {
    let mut presences = Presences::default();
    let romeo = BareJid::new("romeo@example.net").unwrap();
    available(&mut presences, false, "romeo@example.net/orchard");
    available(&mut presences, false, "romeo@example.net/cell");
    assert!(presences.classify(&romeo, true));
    assert!(!presences.classify(&romeo, true));
    check(&presences);
    assert_eq!(presences.strangers, 0);
    // Presence that comes under another class takes the account along.
    available(&mut presences, false, "romeo@example.net/ball");
    check(&presences);
    assert_eq!(presences.strangers, 3);
    gone(&mut presences, "romeo@example.net/ball");
    check(&presences);
    assert!(presences.clear(&romeo) && !presences.clear(&romeo));
    check(&presences);
}

#[test]
fn an_entity_without_resources() {
    let mut presences = Presences::default();
    available(&mut presences, true, "gateway.example.com");
    let gateway = BareJid::new("gateway.example.com").unwrap();
    assert!(presences.is_available(&gateway));
    assert_eq!(presences.best(&gateway).and_then(Presence::from), Some(gateway.as_jid()));
    gone(&mut presences, "gateway.example.com");
    assert!(!presences.is_available(&gateway));
    gone(&mut presences, "gateway.example.com/nobody");
    assert_eq!(presences.best(&gateway), None);
    check(&presences);
}
