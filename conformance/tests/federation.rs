//! `xmppd` federates: with servers that nobody here wrote, and with itself.

use xmpp_conformance::peers::{
    self, Account, Direction, Ejabberd, Failure, Network, Proof, Prosody, Slixmpp, Xmppd,
};

const MONTAGUE: &str = "montague.example";
const CAPULET: &str = "capulet.example";
/// A domain whose server is not there.
const NOWHERE: &str = "nowhere.example";
/// How to find that out at once: nothing listens on the port of `tcpmux`.
const NOWHERE_IS: &str = "nowhere.example=127.0.0.1:1";

/// What `xmppd` is told of a component.
const ECHO: Account = Account { name: "echo", password: "sweet sorrow" };

/// One stream each way, each with this proof.
fn proven(proof: Proof, proofs: impl Fn(Direction) -> Vec<Proof>) {
    for direction in [Direction::Outgoing, Direction::Incoming] {
        assert_eq!(proofs(direction), [proof], "{direction:?}");
    }
}

#[test]
fn xmppd_and_prosody_by_external() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(prosody) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let network = Network::start()?;
    let (montague, capulet) = (network.site(MONTAGUE)?, network.site(CAPULET)?);
    let prosody = prosody.federate(&montague)?;
    let xmppd = Xmppd::federate(&capulet, &[&montague], &["--resolve", NOWHERE_IS])?;
    slixmpp.federate(xmppd.server(), prosody.server(), &["--unreachable", NOWHERE])?;
    proven(Proof::External, |direction| prosody.proofs(direction, CAPULET));
    proven(Proof::External, |direction| xmppd.proofs(direction, MONTAGUE));
    Ok(())
}

#[test]
fn xmppd_and_prosody_by_dialback() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(prosody) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let network = Network::start()?;
    let (montague, capulet) = (network.stranger(MONTAGUE)?, network.stranger(CAPULET)?);
    let prosody = prosody.federate(&montague)?;
    let xmppd = Xmppd::federate(&capulet, &[&montague], &[])?;
    slixmpp.federate(prosody.server(), xmppd.server(), &[])?;
    proven(Proof::Dialback, |direction| prosody.proofs(direction, CAPULET));
    proven(Proof::Dialback, |direction| xmppd.proofs(direction, MONTAGUE));
    Ok(())
}

#[test]
fn xmppd_and_ejabberd_by_external() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(ejabberd) = peers::wanted(Ejabberd::find())? else { return Ok(()) };
    let network = Network::start()?;
    let (montague, capulet) = (network.site(MONTAGUE)?, network.site(CAPULET)?);
    let ejabberd = ejabberd.federate(&montague)?;
    let xmppd = Xmppd::federate(&capulet, &[&montague], &[])?;
    slixmpp.federate(xmppd.server(), ejabberd.server(), &[])?;
    proven(Proof::External, |direction| ejabberd.proofs(direction, CAPULET));
    proven(Proof::External, |direction| xmppd.proofs(direction, MONTAGUE));
    Ok(())
}

#[test]
fn xmppd_and_xmppd() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let network = Network::start()?;
    for proof in [Proof::External, Proof::Dialback] {
        let (montague, capulet) = match proof {
            Proof::External => (network.site(MONTAGUE)?, network.site(CAPULET)?),
            Proof::Dialback => (network.stranger(MONTAGUE)?, network.stranger(CAPULET)?),
        };
        let one = Xmppd::federate(&montague, &[&capulet], &[])?;
        let other = Xmppd::federate(&capulet, &[&montague], &[])?;
        slixmpp.federate(one.server(), other.server(), &[])?;
        proven(proof, |direction| one.proofs(direction, CAPULET));
        proven(proof, |direction| other.proofs(direction, MONTAGUE));
    }
    Ok(())
}

#[test]
fn who_demands_a_certificate_is_not_reached_without() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let network = Network::start()?;
    let (montague, capulet) = (network.stranger(MONTAGUE)?, network.site(CAPULET)?);
    let stranger = Xmppd::federate(&montague, &[&capulet], &[])?;
    let strict = Xmppd::federate(&capulet, &[&montague], &[])?;
    slixmpp.federate(stranger.server(), strict.server(), &["--refused"])?;
    slixmpp.federate(strict.server(), stranger.server(), &["--refused"])?;
    assert_eq!(strict.proofs(Direction::Incoming, MONTAGUE), []);
    Ok(())
}

#[test]
fn a_component_of_xmppd_answers_here_and_there() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(prosody) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let network = Network::start()?;
    let (montague, capulet) = (network.site(MONTAGUE)?, network.site(CAPULET)?);
    let name = format!("{}.{CAPULET}", ECHO.name);
    network.dns().announce(&name, capulet.s2s().port())?;
    let prosody = prosody.federate(&montague)?;
    let address = peers::free_address()?;
    let listen = address.to_string();
    let component = format!("{name}:{}", ECHO.password);
    let options = ["--component-listen", &listen, "--component", &component];
    let xmppd = Xmppd::federate(&capulet, &[&montague], &options)?;

    let refused = slixmpp.component(address, &name, "another secret").map(drop);
    let refused = refused.err().map(|failure| failure.to_string()).unwrap_or_default();
    assert!(refused.contains("refused: not-authorized"), "{refused}");

    let echo = slixmpp.component(address, &name, ECHO.password)?;
    slixmpp.federate(xmppd.server(), prosody.server(), &["--echo", echo.name()])?;
    Ok(())
}
