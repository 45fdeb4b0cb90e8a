//! The session story of slixmpp. Prosody is the control: what it refuses is the
//! story's fault.

use xmpp_conformance::peers::{self, Failure, Hash, Prosody, Story, Tls, Xmppd};

#[test]
fn with_xmppd_by_every_scram() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    let xmppd = Xmppd::start()?;
    for (mechanism, version) in [
        ("SCRAM-SHA-1", "1.2"),
        ("SCRAM-SHA-256", "1.2"),
        ("SCRAM-SHA-256", "1.3"),
        ("SCRAM-SHA-512", "1.2"),
        ("SCRAM-SHA-512", "1.3"),
    ] {
        let told = story.tell(xmppd.server(), &["--mechanism", mechanism, "--tls", version])?;
        let login = told.step("login romeo").unwrap_or_default();
        assert!(login.starts_with(&format!("jid=romeo@localhost/story mechanism={mechanism} ")), "{login}");
        assert!(login.ends_with(&format!(" tls=TLSv{version}")), "{login}");
    }
    Ok(())
}

#[test]
fn with_xmppd_as_slixmpp_does_by_itself() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    let xmppd = Xmppd::start()?;
    // A TLS hello where a stream header belongs ends that connection, no more.
    story.tell(xmppd.server(), &["--direct-tls-first"])?;
    // With TLS 1.2 it could bind by tls-unique only, which xmppd has not and so
    // offers no -PLUS for.
    let told = story.tell(xmppd.server(), &["--tls", "1.2"])?;
    let login = told.step("login romeo").unwrap_or_default();
    assert!(login.starts_with("jid=romeo@localhost/story mechanism=SCRAM-SHA-512 "), "{login}");
    Ok(())
}

#[test]
fn with_prosody_by_scram_sha_1_and_sha_256() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    for (hash, mechanism) in [(Hash::Sha1, "SCRAM-SHA-1"), (Hash::Sha256, "SCRAM-SHA-256")] {
        let prosody = setup.hash(hash).start()?;
        let told = story.tell(prosody.server(), &["--mechanism", mechanism, "--tls", "1.3"])?;
        // Gs2 flag y: the client could bind, and this server offers no -PLUS.
        let how = format!("jid=romeo@localhost/story mechanism={mechanism} gs2=y,, tls=TLSv1.3");
        assert_eq!(told.step("login romeo"), Some(how.as_str()));
    }
    Ok(())
}

#[test]
fn with_prosody_by_channel_binding() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let prosody = setup.tls(Tls::V1_2).start()?;
    let told = story.tell(prosody.server(), &[])?;
    let how = "jid=romeo@localhost/story mechanism=SCRAM-SHA-256-PLUS gs2=p=tls-unique,, tls=TLSv1.2";
    assert_eq!(told.step("login romeo"), Some(how));
    Ok(())
}

#[test]
fn a_story_can_fail() -> Result<(), Failure> {
    let Some(story) = peers::wanted(Story::slixmpp())? else { return Ok(()) };
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let prosody = setup.start()?;
    let told = story.tell(prosody.server(), &["--mechanism", "SCRAM-SHA-1"]);
    let failure = told.map(|told| format!("{told:?}")).unwrap_or_else(|failure| failure.to_string());
    assert!(failure.contains("FAILED login romeo: failed_all_auth"), "{failure}");
    Ok(())
}
