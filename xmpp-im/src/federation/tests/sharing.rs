//! Several domains of ours on one link.

use super::*;

/// A link of our first domain that takes others, and the second domain asking.
fn asked() -> (Office, LinkId) {
    let mut office = Office::with(FederationConfig::new().with_sharing(Sharing::Senders));
    office.send("a");
    let link = office.connect();
    office.authorize_as(link, LOCAL, Method::Dialback);
    office.ready(link);
    assert_eq!(office.drain(link), "a");
    office.send_as(OTHER, REMOTE, "b");
    match office.action() {
        Some(FederationAction::Authorize { link: asked, local, remote }) => {
            assert_eq!((asked, local.as_str(), remote.as_str()), (link, OTHER, REMOTE));
        }
        other => panic!("{other:?}"),
    }
    (office, link)
}

fn refuse(office: &mut Office, link: LinkId, refusal: Refusal) {
    let (local, remote) = (domain(OTHER), domain(REMOTE));
    office.federation.refused(office.now, link, &local, &remote, refusal).unwrap();
}

#[test]
fn a_link_takes_what_it_is_authorized_for() {
    let (mut office, link) = asked();
    office.send("c");
    office.ready(link);
    assert_eq!(office.drain(link), "c", "only the domain that it took");
    office.authorize_as(link, OTHER, Method::Dialback);
    office.ready(link);
    office.pass(Duration::from_secs(1));
    office.send("d");
    assert_eq!(office.drain(link), "b d", "the oldest first");
}

#[test]
fn a_domain_that_is_refused_there_gets_its_own_link() {
    let (mut office, link) = asked();
    refuse(&mut office, link, Refusal::Failed(dialback::Condition::ResourceConstraint));
    let own = office.connect_as(OTHER, REMOTE);
    office.authorize_as(own, OTHER, Method::Dialback);
    office.ready(own);
    assert_eq!(office.drain(own), "b");
    office.send("c");
    office.ready(link);
    // Its own one ends: the other is not asked a second time.
    office.end(own, Ending::Over, Vec::new());
    assert!(office.is_quiet());
}

#[test]
fn refused_on_both_it_is_given_up() {
    let (mut office, link) = asked();
    refuse(&mut office, link, Refusal::Failed(dialback::Condition::ResourceConstraint));
    let own = office.connect_as(OTHER, REMOTE);
    refuse(&mut office, own, Refusal::Failed(dialback::Condition::ResourceConstraint));
    assert_eq!(office.bounces(Condition::RemoteServerTimeout, ErrorType::Wait), "b");
    office.close(own);
}

#[test]
fn silence_is_a_refusal_too() {
    let (mut office, _) = asked();
    office.pass(Duration::from_secs(59));
    office.send_as(OTHER, REMOTE, "c");
    office.pass(Duration::from_secs(1));
    assert_eq!(office.bounces(Condition::RemoteServerTimeout, ErrorType::Wait), "b");
    let own = office.connect_as(OTHER, REMOTE);
    office.authorize_as(own, OTHER, Method::External);
    office.ready(own);
    assert_eq!(office.drain(own), "c");
}

#[test]
fn a_remote_server_that_hangs_up_instead_of_answering_loses_nothing() {
    let (mut office, link) = asked();
    office.end(link, Ending::Over, Vec::new());
    let own = office.connect_as(OTHER, REMOTE);
    assert!(office.is_quiet());
    office.authorize_as(own, OTHER, Method::External);
    office.ready(own);
    assert_eq!(office.drain(own), "b");
}

#[test]
fn a_key_called_invalid_ends_the_link_and_others_move() {
    let (mut office, link) = asked();
    office.send("c");
    office.ready(link);
    refuse(&mut office, link, Refusal::Invalid);
    assert_eq!(office.bounced(), ("b".into(), Condition::InternalServerError, ErrorType::Cancel));
    office.close(link);
    assert_eq!(office.drain(link), "");
    office.end(link, Ending::Over, Vec::new());
    let next = office.connect();
    office.authorize(next);
    office.ready(next);
    assert_eq!(office.drain(next), "c");
}

#[test]
fn a_link_by_certificate_is_not_shared() {
    let mut office = Office::with(FederationConfig::new().with_sharing(Sharing::Senders));
    office.online();
    office.send_as(OTHER, REMOTE, "b");
    office.connect_as(OTHER, REMOTE);
}
