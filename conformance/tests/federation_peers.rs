//! Servers that nobody here wrote federate with each other: the control of the
//! name server, of the authority, and of how the peers are set up: what fails here
//! is no fault of `xmppd`.

use xmpp_conformance::peers::{
    self, Account, Direction, Ejabberd, Failure, Network, Proof, Prosody, Slixmpp,
};

const MONTAGUE: &str = "montague.example";
const CAPULET: &str = "capulet.example";
/// A domain that no name server knows.
const NOWHERE: &str = "nowhere.example";

/// The component of some servers.
const ECHO: Account = Account { name: "echo", password: "sweet & sorrow" };

/// One stream each way, each with this proof.
fn proven(proof: Proof, proofs: impl Fn(Direction) -> Vec<Proof>) {
    for direction in [Direction::Outgoing, Direction::Incoming] {
        assert_eq!(proofs(direction), [proof], "{direction:?}");
    }
}

#[test]
fn prosody_and_prosody_by_external() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(prosody) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let network = Network::start()?;
    let montague = prosody.federate(&network.site(MONTAGUE)?)?;
    let capulet = prosody.federate(&network.site(CAPULET)?)?;
    slixmpp.federate(montague.server(), capulet.server(), &["--unreachable", NOWHERE])?;
    proven(Proof::External, |direction| montague.proofs(direction, CAPULET));
    Ok(())
}

#[test]
fn prosody_and_prosody_by_dialback() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(prosody) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let network = Network::start()?;
    let montague = prosody.federate(&network.stranger(MONTAGUE)?)?;
    let capulet = prosody.federate(&network.stranger(CAPULET)?)?;
    slixmpp.federate(montague.server(), capulet.server(), &[])?;
    proven(Proof::Dialback, |direction| montague.proofs(direction, CAPULET));
    Ok(())
}

#[test]
fn prosody_and_ejabberd_by_external() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(prosody) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let Some(ejabberd) = peers::wanted(Ejabberd::find())? else { return Ok(()) };
    let network = Network::start()?;
    let montague = prosody.federate(&network.site(MONTAGUE)?)?;
    let capulet = ejabberd.federate(&network.site(CAPULET)?)?;
    slixmpp.federate(montague.server(), capulet.server(), &[])?;
    proven(Proof::External, |direction| montague.proofs(direction, CAPULET));
    proven(Proof::External, |direction| capulet.proofs(direction, MONTAGUE));
    Ok(())
}

#[test]
fn who_demands_a_certificate_is_not_reached_without() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(prosody) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let network = Network::start()?;
    let montague = prosody.federate(&network.stranger(MONTAGUE)?)?;
    let capulet = prosody.federate(&network.site(CAPULET)?)?;
    slixmpp.federate(montague.server(), capulet.server(), &["--refused"])?;
    assert_eq!(montague.proofs(Direction::Outgoing, CAPULET), []);
    Ok(())
}

#[test]
fn a_component_answers_here_and_there() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let Some(prosody) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let network = Network::start()?;
    let montague = prosody.federate(&network.site(MONTAGUE)?)?;
    let capulet = prosody.component(ECHO).federate(&network.site(CAPULET)?)?;
    let address = capulet.components().expect("it was set up with one");
    let name = format!("{}.{CAPULET}", ECHO.name);

    let refused = slixmpp.component(address, &name, "another secret").map(drop);
    let refused = refused.err().map(|failure| failure.to_string()).unwrap_or_default();
    assert!(refused.contains("refused: not-authorized"), "{refused}");

    let echo = slixmpp.component(address, &name, ECHO.password)?;
    slixmpp.federate(capulet.server(), montague.server(), &["--echo", echo.name()])?;
    Ok(())
}
