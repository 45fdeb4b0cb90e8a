//! The session story of `@xmpp/client`. Prosody is the control: what it refuses
//! is the story's fault.

use xmpp_conformance::peers::{self, Failure, Hash, Prosody, Story, Xmppd};

#[test]
fn with_xmppd_by_scram_sha_1() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::xmpp_client())? else { return Ok(()) };
    let xmppd = Xmppd::start()?;
    let told = story.tell(xmppd.server(), &[])?;
    let how = "jid=romeo@localhost/story mechanism=SCRAM-SHA-1 tls=TLSv1.3";
    assert_eq!(told.step("login romeo"), Some(how));
    Ok(())
}

#[test]
fn with_prosody_by_scram_sha_1() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::xmpp_client())? else { return Ok(()) };
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let prosody = setup.hash(Hash::Sha1).start()?;
    let told = story.tell(prosody.server(), &[])?;
    let how = "jid=romeo@localhost/story mechanism=SCRAM-SHA-1 tls=TLSv1.3";
    assert_eq!(told.step("login romeo"), Some(how));
    Ok(())
}

#[test]
fn a_story_can_fail() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::xmpp_client())? else { return Ok(()) };
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    // The library knows SCRAM-SHA-1 and PLAIN, and neither is offered.
    let prosody = setup.hash(Hash::Sha256).start()?;
    let told = story.tell(prosody.server(), &[]);
    let failure = told.map(|told| format!("{told:?}")).unwrap_or_else(|failure| failure.to_string());
    assert!(failure.contains("FAILED login romeo: SASLError"), "{failure}");
    Ok(())
}
