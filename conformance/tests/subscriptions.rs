//! The life of a subscription: asked for, approved, seen, cancelled, denied, removed, with the rosters of both sides compared
//! after every step. Prosody is the control: what it refuses is the story's fault.

use xmpp_conformance::peers::{self, Failure, Hash, Network, Prosody, Story};

const MONTAGUE: &str = "montague.example";
const CAPULET: &str = "capulet.example";

fn at_one_prosody(story: &Story, hash: Hash) -> Result<(), Failure> {
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let prosody = setup.hash(hash).keeping_messages().start()?;
    story.subscribe(prosody.server(), prosody.server())?;
    Ok(())
}

fn between_two_prosodies(story: &Story, hash: Hash) -> Result<(), Failure> {
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let setup = setup.hash(hash).keeping_messages();
    let network = Network::start()?;
    let montague = setup.federate(&network.site(MONTAGUE)?)?;
    let capulet = setup.federate(&network.site(CAPULET)?)?;
    story.subscribe(montague.server(), capulet.server())?;
    Ok(())
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
fn xmpp_client_at_one_prosody() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::xmpp_client())? else { return Ok(()) };
    at_one_prosody(&story, Hash::Sha1)
}

#[test]
fn xmpp_client_between_two_prosodies() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::xmpp_client())? else { return Ok(()) };
    between_two_prosodies(&story, Hash::Sha1)
}
