//! How sessions start: RFC 3920 section 7, RFC 6120 section 7.

use super::*;

const JULIET: &str = "juliet@example.com";

fn policy(policy: ConflictPolicy) -> Desk {
    Desk::configured(|config| config.with_conflict_policy(policy))
}

#[test]
fn r6120_7_6_2_2_01_what_cannot_be_bound() {
    let mut host = Desk::new().host;
    for stranger in ["romeo@example.net", "example.com", "romeo@im.example.com"] {
        let refused = host.bind(NOW, &bare(stranger), None).unwrap_err();
        // covers 3920-7-16
        assert_eq!(refused, StanzaError::new(Condition::NotAllowed).with_type(ErrorType::Cancel));
    }
    for resource in ["", "\u{fff9}", &"r".repeat(1024)] {
        let refused = host.bind(NOW, &bare(JULIET), Some(resource)).unwrap_err();
        // covers 3920-7-15
        assert_eq!(refused, StanzaError::new(Condition::BadRequest).with_type(ErrorType::Modify));
    }
    assert_eq!((host.sessions(), host.accounts.len()), (0, 0));
    assert!(host.poll().is_none());
}

#[test]
fn r6120_7_7_2_1_01_a_resource_is_prepared_before_it_is_judged() {
    let mut desk = Desk::new();
    let bound = desk.host.bind(NOW, &bare(JULIET), Some("\u{ff22}al\u{ad}cony")).unwrap();
    assert_eq!(bound.jid().resource(), "Balcony");
    // The same resource as it is compared, not as it is written.
    let other = desk.host.bind(NOW, &bare(JULIET), Some("Balcony")).unwrap();
    assert_ne!(other.jid().resource(), "Balcony");
}

#[test]
fn r3920_7_11_the_resource_that_was_asked_for() {
    let mut desk = Desk::new();
    let bound = desk.host.bind(NOW, &bare(JULIET), Some("balcony")).unwrap();
    assert_eq!(bound.jid().as_str(), "juliet@example.com/balcony");
    // Others of the account may have others at the same time.
    let other = desk.host.bind(NOW, &bare(JULIET), Some("chamber")).unwrap();
    desk.poll();
    desk.load_all();
    for (session, to) in [(bound.session(), "chamber"), (other.session(), "balcony")] {
        desk.send(session, &format!("<message to='juliet@example.com/{to}' id='m'/>"));
    }
    // covers 6120-7.1-02
    assert_eq!((desk.got(bound.session()).len(), desk.got(other.session()).len()), (1, 1));
}

#[test]
fn r6120_7_6_01_a_generated_resource_is_random() {
    let generated = |seed: u8| {
        let mut host =
            Host::new(HostConfig::new([bare("example.com")]), Seed::new([seed; 32]), UtcTime::UNIX_EPOCH);
        [(); 2].map(|()| host.bind(NOW, &bare(JULIET), None).unwrap().jid().resource().to_string())
    };
    let (first, second) = (generated(1), generated(2));
    // covers 3920-7-08
    assert_ne!(first[0], first[1]);
    // Nothing of it comes from the account or from how many there are: another seed, and all is different.
    assert!(first.iter().all(|resource| !second.contains(resource)), "{first:?} {second:?}");
    // 144 bits.
    assert!(first.iter().chain(&second).all(|resource| resource.len() == 24), "{first:?} {second:?}");
}

#[test]
fn r6120_7_7_2_2_01_a_resource_that_is_taken_is_replaced_by_another() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/balcony");
    // covers 3920-7-13: no error
    let second = desk.host.bind(NOW, &bare(JULIET), Some("balcony")).unwrap();
    let third = desk.host.bind(NOW, &bare(JULIET), None).unwrap();
    // covers 3920-7-12
    assert_ne!(second.jid().resource(), "balcony");
    // covers 6120-7.5-01
    assert_ne!(second.jid(), third.jid());
    // covers 3921-3-09: nobody has to give way
    assert_eq!(desk.host.sessions(), 3);
    // The name is free again when its session has ended.
    desk.detach(first);
    desk.login("juliet@example.com/balcony");
}

#[test]
fn r3920_7_17_or_the_newcomer_is_refused() {
    let mut desk = policy(ConflictPolicy::Refuse);
    let first = desk.online("juliet@example.com/balcony", 0);
    let refused = desk.host.bind(NOW, &bare(JULIET), Some("balcony")).unwrap_err();
    // The type is that of RFC 6120.
    // covers 3921-3-11
    assert_eq!(refused, StanzaError::new(Condition::Conflict).with_type(ErrorType::Modify));
    desk.poll();
    // covers 3921-3-08: one of both, and not the older
    assert_eq!((desk.host.sessions(), desk.closed.len()), (1, 0));
    // It may choose another, or leave the choice to the host; the resource of another account is no conflict.
    desk.bind("juliet@example.com/chamber");
    desk.host.bind(NOW, &bare(JULIET), None).unwrap();
    desk.bind("romeo@example.com/balcony");
    desk.send(first, "<message to='juliet@example.com/balcony' id='1'/>");
    desk.one(first);
}

#[test]
fn or_the_session_that_was_there_ends() {
    let mut desk = policy(ConflictPolicy::Terminate);
    let romeo = desk.online("romeo@example.com/orchard", 0);
    let other = desk.online("juliet@example.com/chamber", -1);
    let first = desk.online("juliet@example.com/balcony", 0);
    desk.got(other);
    desk.send(romeo, "<message to='juliet@example.com/balcony'><body>1</body></message>");
    let taken = desk.take(first);
    assert_eq!(bodies(&taken), ["1"]);
    desk.send(romeo, "<message to='juliet@example.com/balcony'><body>2</body></message>");

    let second = desk.bind("juliet@example.com/balcony");
    // covers 6120-7.7.2.2-01
    assert_eq!(desk.closed, [(first, stream::Condition::Conflict)]);
    // covers 3921-3-10
    assert_eq!(desk.host.receive(NOW, first, stanza("<presence/>")), Err(Misuse::Closed));
    // The resource has left; who has it now has not said that it is there.
    let unavailable =
        "<presence to='juliet@example.com' from='juliet@example.com/balcony' type='unavailable'/>";
    assert_eq!(desk.one(other), unavailable);
    // What the first had not taken, and what its connection had not sent, is for the second, of whom it has the address.
    assert_eq!(bodies(&desk.take(second)), ["2"]);
    desk.detach_unsent(first, taken);
    assert_eq!(bodies(&desk.take(second)), ["1"]);
    desk.send(romeo, "<message to='juliet@example.com/balcony'><body>3</body></message>");
    assert_eq!(bodies(&desk.take(second)), ["3"]);
    assert_eq!((desk.got(romeo), desk.loads.len()), (vec![], 0));
    [second, other, romeo].iter().for_each(|session| desk.detach(*session));
    desk.assert_empty();
}

#[test]
fn the_session_that_ends_may_be_one_that_nobody_has_seen_loaded() {
    let mut desk = policy(ConflictPolicy::Terminate);
    let romeo = desk.online("romeo@example.com/orchard", 0);
    let first = desk.bind("juliet@example.com/balcony");
    desk.send(first, "<presence/>");
    desk.send(first, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    desk.send(romeo, "<message to='juliet@example.com/balcony'><body>1</body></message>");
    let second = desk.bind("juliet@example.com/balcony");
    assert_eq!(desk.closed, [(first, stream::Condition::Conflict)]);
    desk.load_all();
    // What the first asked for itself is gone with it.
    assert_eq!(bodies(&desk.take(second)), ["1"]);
    desk.send(romeo, "<message to='juliet@example.com' type='chat'/>");
    assert_eq!(condition(&desk.one(romeo)), Condition::ServiceUnavailable, "the second is not available");
    [first, second, romeo].iter().for_each(|session| desk.detach(*session));
    desk.assert_empty();
}

#[test]
fn r6120_7_6_2_1_01_sessions_one_below_at_and_above_the_limit() {
    for (conflict, at_the_limit) in [
        (ConflictPolicy::Override, Err(Condition::ResourceConstraint)),
        (ConflictPolicy::Refuse, Err(Condition::ResourceConstraint)),
        // It is not one more.
        (ConflictPolicy::Terminate, Ok(())),
    ] {
        let limits = HostLimits::new().with_sessions(2);
        let mut desk = Desk::configured(|config| config.with_limits(limits).with_conflict_policy(conflict));
        let first = desk.login("juliet@example.com/a");
        desk.login("juliet@example.com/b");
        for resource in [None, Some("c")] {
            let refused = desk.host.bind(NOW, &bare(JULIET), resource).unwrap_err();
            // covers 6120-7.1-03
            assert_eq!(refused, StanzaError::new(Condition::ResourceConstraint).with_type(ErrorType::Wait));
        }
        let again = desk.host.bind(NOW, &bare(JULIET), Some("b"));
        assert_eq!(again.map(drop).map_err(|error| error.condition()), at_the_limit);
        // Others have their own.
        desk.login("romeo@example.com/c");
        desk.detach(first);
        desk.login("juliet@example.com/c");
    }
}
