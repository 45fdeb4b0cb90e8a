//! The life of a subscription: asked for, approved, seen, cancelled, denied, removed, with the rosters of both sides compared
//! after every step. Prosody is the control: what it refuses is the story's fault.

use xmpp_conformance::peers::{self, Ejabberd, Failure, Hash, Network, Prosody, Story, Told, Xmppd};

const MONTAGUE: &str = "montague.example";
const CAPULET: &str = "capulet.example";

fn at_one_prosody(story: &Story, hash: Hash) -> Result<(), Failure> {
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let prosody = setup.hash(hash).keeping_messages().start()?;
    story.subscribe(prosody.server(), prosody.server()).map(drop)
}

fn between_two_prosodies(story: &Story, hash: Hash) -> Result<(), Failure> {
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let setup = setup.hash(hash).keeping_messages();
    let network = Network::start()?;
    let montague = setup.federate(&network.site(MONTAGUE)?)?;
    let capulet = setup.federate(&network.site(CAPULET)?)?;
    story.subscribe(montague.server(), capulet.server()).map(drop)
}

fn at_one_xmppd(story: &Story) -> Result<Told, Failure> {
    let xmppd = Xmppd::start()?;
    story.subscribe(xmppd.server(), xmppd.server())
}

/// First Romeo is at Prosody and Juliet at xmppd, then the other way round.
fn between_xmppd_and_prosody(story: &Story, hash: Hash) -> Result<(), Failure> {
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let network = Network::start()?;
    let (montague, capulet) = (network.site(MONTAGUE)?, network.site(CAPULET)?);
    let prosody = setup.hash(hash).keeping_messages().federate(&montague)?;
    let xmppd = Xmppd::federate(&capulet, &[&montague], &[])?;
    story.subscribe(prosody.server(), xmppd.server())?;
    story.subscribe(xmppd.server(), prosody.server()).map(drop)
}

fn between_two_xmppds(story: &Story) -> Result<(), Failure> {
    let network = Network::start()?;
    let (montague, capulet) = (network.site(MONTAGUE)?, network.site(CAPULET)?);
    let one = Xmppd::federate(&montague, &[&capulet], &[])?;
    let other = Xmppd::federate(&capulet, &[&montague], &[])?;
    story.subscribe(one.server(), other.server()).map(drop)
}

#[test]
fn slixmpp_at_xmppd() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    // covers 3921-8.1-01: subscriptions and roster, as a client that nobody here wrote knows them
    // covers 3921-12.1-01: and with presence, blocking and delivery
    let told = at_one_xmppd(&story)?;
    // What the story would leave out with a server that has it not.
    for step in ["a roster that has changed", "juliet unblocks romeo"] {
        assert!(told.step(step).is_some(), "{step}: {told:?}");
    }
    assert_eq!(told.step("who is gone is removed"), Some("condition=item-not-found"));
    Ok(())
}

#[test]
fn slixmpp_between_xmppd_and_prosody() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    between_xmppd_and_prosody(&story, Hash::Sha256)
}

#[test]
fn slixmpp_between_xmppd_and_ejabberd() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    let Some(ejabberd) = peers::wanted(Ejabberd::find())? else { return Ok(()) };
    let network = Network::start()?;
    let (montague, capulet) = (network.site(MONTAGUE)?, network.site(CAPULET)?);
    let ejabberd = ejabberd.federate(&montague)?;
    let xmppd = Xmppd::federate(&capulet, &[&montague], &[])?;
    story.subscribe(ejabberd.server(), xmppd.server())?;
    story.subscribe(xmppd.server(), ejabberd.server()).map(drop)
}

#[test]
fn slixmpp_between_two_xmppds() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    between_two_xmppds(&story)
}

#[test]
fn xmpp_client_at_xmppd() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::xmpp_client())? else { return Ok(()) };
    at_one_xmppd(&story).map(drop)
}

#[test]
fn xmpp_client_between_xmppd_and_prosody() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::xmpp_client())? else { return Ok(()) };
    between_xmppd_and_prosody(&story, Hash::Sha1)
}

#[test]
fn slixmpp_at_one_prosody() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    at_one_prosody(&story, Hash::Sha256)
}

#[test]
fn slixmpp_between_two_prosodies() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    between_two_prosodies(&story, Hash::Sha256)
}

#[test]
fn slixmpp_at_one_ejabberd() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    let Some(ejabberd) = peers::wanted(Ejabberd::find())? else { return Ok(()) };
    let network = Network::start()?;
    let ejabberd = ejabberd.federate(&network.site(MONTAGUE)?)?;
    story.subscribe(ejabberd.server(), ejabberd.server()).map(drop)
}

#[test]
fn xmpp_client_at_one_prosody() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::xmpp_client())? else { return Ok(()) };
    at_one_prosody(&story, Hash::Sha1)
}

#[test]
fn xmpp_client_between_two_prosodies() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::xmpp_client())? else { return Ok(()) };
    between_two_prosodies(&story, Hash::Sha1)
}
