//! Keys of others, shown to the servers that are said to have made them.

use super::*;

fn verify(office: &mut Office, key: &str) -> VerificationId {
    let verification = Verification::new(domain(LOCAL), domain(REMOTE), "s1", key);
    office.federation.verify(office.now, verification)
}

/// The next action asks by that link.
fn asks(office: &mut Office, by: LinkId) -> VerificationId {
    match office.action() {
        Some(FederationAction::Verify { link, id, verification }) => {
            assert_eq!((link, verification.stream_id()), (by, "s1"));
            id
        }
        other => panic!("{other:?}"),
    }
}

fn verified(office: &mut Office) -> (VerificationId, Verdict) {
    match office.action() {
        Some(FederationAction::Verified { id, verdict }) => (id, verdict),
        other => panic!("{other:?}"),
    }
}

const TIMEOUT: Verdict = Verdict::Failed(dialback::Condition::RemoteServerTimeout);

/// The next action opens a link to ask by.
fn connects(office: &mut Office) -> LinkId {
    match office.action() {
        Some(FederationAction::Connect { link, local, remote, purpose }) => {
            assert_eq!((local.as_str(), remote.as_str(), purpose), (LOCAL, REMOTE, Purpose::Verification));
            link
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_link_is_opened_to_ask_and_closed_when_all_are_answered() {
    let mut office = Office::new();
    let one = verify(&mut office, "k1");
    let link = connects(&mut office);
    let two = verify(&mut office, "k2");
    assert!(office.is_quiet(), "no second link");
    office.federation.connected(office.now, link).unwrap();
    assert_eq!(asks(&mut office, link), one);
    assert_eq!(asks(&mut office, link), two);
    office.federation.verdict(office.now, link, two, Verdict::Invalid).unwrap();
    assert_eq!(verified(&mut office), (two, Verdict::Invalid));
    assert!(office.is_quiet());
    office.federation.verdict(office.now, link, one, Verdict::Valid).unwrap();
    assert_eq!(verified(&mut office), (one, Verdict::Valid));
    office.close(link);
    office.end(link, Ending::Over, Vec::new());
    assert_eq!(office.federation.remotes(), 0);
}

#[test]
fn a_link_that_asks_may_carry_stanzas_too() {
    let mut office = Office::new();
    let id = verify(&mut office, "k");
    let link = connects(&mut office);
    office.federation.connected(office.now, link).unwrap();
    assert_eq!(asks(&mut office, link), id);
    office.send("a");
    match office.action() {
        Some(FederationAction::Authorize { link: asked, local, .. }) => {
            assert_eq!((asked, local.as_str()), (link, LOCAL));
        }
        other => panic!("{other:?}"),
    }
    office.federation.verdict(office.now, link, id, Verdict::Valid).unwrap();
    assert_eq!(verified(&mut office), (id, Verdict::Valid));
    assert!(office.is_quiet(), "it stays for the stanzas");
    office.authorize_as(link, LOCAL, Method::Dialback);
    office.ready(link);
    assert_eq!(office.drain(link), "a");
}

#[test]
fn a_link_that_opens_for_stanzas_asks_before_it_carries_them() {
    let mut office = Office::new();
    office.send("a");
    let link = office.connect();
    let id = verify(&mut office, "k");
    assert!(office.is_quiet(), "no second link");
    office.federation.connected(office.now, link).unwrap();
    assert_eq!(asks(&mut office, link), id);
    assert_eq!(office.drain(link), "");
}

#[test]
fn a_link_that_is_there_is_used() {
    let mut office = Office::new();
    let link = office.online();
    let id = verify(&mut office, "k");
    assert_eq!(asks(&mut office, link), id);
    assert!(office.is_quiet());
}

#[test]
fn nothing_is_taken_that_was_not_asked() {
    let mut office = Office::new();
    let link = office.online();
    office.send_as(OTHER, REMOTE, "b");
    let other = office.connect_as(OTHER, REMOTE);
    let id = verify(&mut office, "k");
    assert_eq!(asks(&mut office, link), id);
    let unknown = VerificationId(id.as_u64() + 1);
    for (by, id) in [(other, id), (link, unknown), (LinkId(77), id)] {
        let verdict = office.federation.verdict(office.now, by, id, Verdict::Valid);
        assert_eq!(verdict, Err(Misuse::Stale));
    }
    assert!(office.is_quiet());
    office.federation.verdict(office.now, link, id, Verdict::Valid).unwrap();
    let again = office.federation.verdict(office.now, link, id, Verdict::Invalid);
    assert_eq!(again, Err(Misuse::Stale));
    assert_eq!(verified(&mut office), (id, Verdict::Valid));
    assert!(office.is_quiet());
}

#[test]
fn a_link_that_ends_answers_for_the_remote_server() {
    for (ending, condition) in [
        (Ending::Over, dialback::Condition::RemoteServerTimeout),
        (Ending::Untrusted, dialback::Condition::RemoteServerTimeout),
        (Ending::Unreachable, dialback::Condition::RemoteConnectionFailed),
        (Ending::NotFound, dialback::Condition::RemoteServerNotFound),
        (Ending::NotServed, dialback::Condition::RemoteServerNotFound),
    ] {
        let mut office = Office::new();
        let one = verify(&mut office, "k");
        let link = connects(&mut office);
        office.end(link, ending, Vec::new());
        assert_eq!(verified(&mut office), (one, Verdict::Failed(condition)));
        // And so does what is known of it.
        let two = verify(&mut office, "k");
        assert_eq!(verified(&mut office), (two, Verdict::Failed(condition)));
        office.send("a");
        assert_eq!(office.bounced().0, "a");
        assert!(office.is_quiet());
    }
}

#[test]
fn the_end_of_one_link_leaves_the_questions_of_another() {
    let mut office = Office::new();
    let link = office.online();
    office.send_as(OTHER, REMOTE, "b");
    let other = office.connect_as(OTHER, REMOTE);
    let id = verify(&mut office, "k");
    assert_eq!(asks(&mut office, link), id);
    office.end(other, Ending::Unreachable, Vec::new());
    assert_eq!(office.bounced().0, "b");
    assert!(office.is_quiet());
    office.end(link, Ending::Over, Vec::new());
    assert_eq!(verified(&mut office), (id, TIMEOUT));
}

#[test]
fn who_refuses_our_stanzas_is_asked_all_the_same() {
    let mut office = Office::new();
    office.send("a");
    let link = office.connect();
    let id = verify(&mut office, "k");
    office.refuse(link, Refusal::Failed(dialback::Condition::ItemNotFound));
    assert_eq!(office.bounced().0, "a");
    assert_eq!(asks(&mut office, link), id);
    office.federation.verdict(office.now, link, id, Verdict::Valid).unwrap();
    assert_eq!(verified(&mut office), (id, Verdict::Valid));
    office.close(link);
    office.end(link, Ending::Over, Vec::new());
    verify(&mut office, "k");
    connects(&mut office);
}

#[test]
fn silence_has_an_end() {
    let mut office = Office::new();
    let link = office.online();
    let id = verify(&mut office, "k");
    asks(&mut office, link);
    office.pass(Duration::from_secs(30) - Duration::from_micros(1));
    assert!(office.is_quiet());
    office.pass(Duration::from_micros(1));
    assert_eq!(verified(&mut office), (id, TIMEOUT));
    let late = office.federation.verdict(office.now, link, id, Verdict::Valid);
    assert_eq!(late, Err(Misuse::Stale));
    assert!(office.is_quiet());
}

#[test]
fn strangers_can_only_have_so_many_asked() {
    let limits = FederationLimits::new().with_verifications(2, Duration::from_secs(30));
    let mut office = Office::limited(limits);
    let link = office.online();
    for _ in 0..2 {
        verify(&mut office, "k");
        asks(&mut office, link);
    }
    let third = verify(&mut office, "k");
    assert_eq!(verified(&mut office), (third, Verdict::Failed(dialback::Condition::ResourceConstraint)));
    office.federation.verdict(office.now, link, VerificationId(0), Verdict::Valid).unwrap();
    verified(&mut office);
    let fourth = verify(&mut office, "k");
    assert_eq!(asks(&mut office, link), fourth);
}

#[test]
fn a_question_that_comes_while_a_link_closes_goes_by_another() {
    let mut office = Office::new();
    let closing = office.online();
    office.pass(Duration::from_secs(600));
    office.close(closing);
    let id = verify(&mut office, "k");
    let link = connects(&mut office);
    office.end(closing, Ending::Over, Vec::new());
    assert!(office.is_quiet());
    office.federation.connected(office.now, link).unwrap();
    assert_eq!(asks(&mut office, link), id);
}

#[test]
fn a_link_on_which_nobody_waits_any_more_is_given_up() {
    let mut office = Office::new();
    let id = verify(&mut office, "k");
    let link = connects(&mut office);
    office.pass(Duration::from_secs(30));
    assert_eq!(verified(&mut office), (id, TIMEOUT));
    office.close(link);
    office.end(link, Ending::Unreachable, Vec::new());
    assert_eq!(office.federation.remotes(), 0);
}

#[test]
fn who_does_not_answer_is_not_asked_again_at_once() {
    let mut office = Office::new();
    let id = verify(&mut office, "k1");
    let link = connects(&mut office);
    // The transport is there, and then nothing good comes of it.
    office.federation.connected(office.now, link).unwrap();
    assert_eq!(asks(&mut office, link), id);
    office.end(link, Ending::Untrusted, Vec::new());
    assert_eq!(verified(&mut office), (id, TIMEOUT));
    assert!(office.is_quiet());
    let again = verify(&mut office, "k2");
    assert_eq!(verified(&mut office), (again, TIMEOUT));
    assert!(office.is_quiet(), "nobody knocks");
    office.now = office.now + FederationLimits::new().longest_backoff();
    verify(&mut office, "k3");
    connects(&mut office);
}
