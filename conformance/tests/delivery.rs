//! Who gets what: by priorities, by privacy lists, and of who is gone. Prosody is the control, and ejabberd is it for the
//! lists, which Prosody has not: what they refuse is the story's fault.

use xmpp_conformance::peers::{self, Ejabberd, Failure, Network, Prosody, Slixmpp, Told, Xmppd};

const MONTAGUE: &str = "montague.example";
const CAPULET: &str = "capulet.example";

/// The account's last word comes back, with the time at which it was said.
fn assert_last_word(told: &Told, domain: &str) {
    let last = format!("from=juliet@{domain} status='good night' delayed=True");
    for step in ["who asks is told it again", "who comes later is told it"] {
        assert_eq!(told.step(step), Some(last.as_str()), "{step}");
    }
}

/// It has privacy lists, and gives away none that somebody uses.
fn assert_lists(told: &Told) {
    assert_eq!(told.step("each resource has its own"), Some("condition=conflict"), "{told:?}");
}

#[test]
fn at_xmppd() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let xmppd = Xmppd::start()?;
    let told = slixmpp.deliver(xmppd.server(), xmppd.server(), &[])?;
    assert_last_word(&told, "localhost");
    assert_lists(&told);
    Ok(())
}

#[test]
fn between_two_xmppds() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let network = Network::start()?;
    let (montague, capulet) = (network.site(MONTAGUE)?, network.site(CAPULET)?);
    let one = Xmppd::federate(&montague, &[&capulet], &[])?;
    let other = Xmppd::federate(&capulet, &[&montague], &[])?;
    let told = slixmpp.deliver(one.server(), other.server(), &[])?;
    assert_last_word(&told, CAPULET);
    assert_lists(&told);
    Ok(())
}

/// First Juliet is at xmppd and Romeo at Prosody, then the other way round.
#[test]
fn between_xmppd_and_prosody() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let network = Network::start()?;
    let (montague, capulet) = (network.site(MONTAGUE)?, network.site(CAPULET)?);
    let prosody = setup.keeping_messages().federate(&montague)?;
    let xmppd = Xmppd::federate(&capulet, &[&montague], &[])?;
    let told = slixmpp.deliver(prosody.server(), xmppd.server(), &[])?;
    assert_last_word(&told, CAPULET);
    assert_lists(&told);
    slixmpp.deliver(xmppd.server(), prosody.server(), &[]).map(drop)
}

#[test]
fn at_one_prosody() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let prosody = setup.keeping_messages().start()?;
    slixmpp.deliver(prosody.server(), prosody.server(), &[]).map(drop)
}

#[test]
fn at_one_ejabberd() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(ejabberd) = peers::wanted(Ejabberd::find())? else { return Ok(()) };
    let network = Network::start()?;
    let ejabberd = ejabberd.federate(&network.site(MONTAGUE)?)?;
    let told = slixmpp.deliver(ejabberd.server(), ejabberd.server(), &["--no-last-word"])?;
    assert!(told.step("the lists go").is_some(), "{told:?}");
    Ok(())
}
