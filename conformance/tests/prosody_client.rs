//! Our client examples with Prosody: the engine's own side of every SCRAM that
//! it speaks, checked by somebody else's server.

use xmpp_conformance::peers::{
    self, Account, Bindings, Example, Failure, Hash, JULIET, Prosody, ROMEO, Setup, Tls,
};

const MESSAGE: &str = "<&>'\" \u{1F937}\u{1F3FD}\u{200D}\u{2642}\u{FE0F} \u{05E9}\u{05DC}\u{05D5}\u{05DD}";

/// Logs in, writes to itself, closes; the mechanism has to be this one.
fn session(
    setup: Setup,
    example: &Example,
    account: Account,
    mechanism: &str,
    options: &[&str],
) -> Result<(), Failure> {
    let prosody = setup.start()?;
    let lines = example.write_to_itself(prosody.server(), account, "balcony", MESSAGE, options)?;
    let jid = format!("{}@localhost/balcony", account.name);
    let expected = [
        format!("online {jid} mechanism={mechanism}"),
        "sent".to_owned(),
        format!("received {jid}: {MESSAGE}"),
        "closed".to_owned(),
    ];
    assert_eq!(lines, expected);
    Ok(())
}

fn every_session(name: &'static str) -> Result<(), Failure> {
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let example = Example::build(name)?;
    for (hash, mechanism) in [(Hash::Sha1, "SCRAM-SHA-1"), (Hash::Sha256, "SCRAM-SHA-256")] {
        let setup = setup.hash(hash);
        // What Debian's Prosody offers by itself.
        session(setup, &example, ROMEO, mechanism, &[])?;
        session(setup, &example, JULIET, mechanism, &["--mechanism", mechanism])?;
        // It offers -PLUS for tls-unique only, which this client has not: it says
        // `n`, for Prosody refuses `y` where it offered -PLUS (RFC 5802 section 6).
        session(setup.tls(Tls::V1_2), &example, ROMEO, mechanism, &["--mechanism", mechanism])?;

        // With TLS 1.3 the binding is tls-exporter (RFC 9266), once Prosody is taught it.
        let plus = format!("{mechanism}-PLUS");
        session(setup.tls(Tls::V1_3).bindings(Bindings::Added), &example, JULIET, &plus, &[])?;
    }
    Ok(())
}

/// What is offered is weaker than what was asked for: there is no session.
fn no_session(name: &'static str, hash: Hash, at_least: &str) -> Result<(), Failure> {
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    let prosody = setup.hash(hash).start()?;
    let options = ["--mechanism", at_least];
    let lines = Example::build(name)?.write_to_itself(prosody.server(), ROMEO, "balcony", MESSAGE, &options);
    assert!(lines.is_err(), "{lines:?}");
    Ok(())
}

#[test]
fn client_tokio_by_every_scram() -> Result<(), Failure> {
    every_session("client_tokio")
}

#[test]
fn client_threads_by_every_scram() -> Result<(), Failure> {
    every_session("client_threads")
}

#[test]
fn client_tokio_refuses_a_weaker_hash() -> Result<(), Failure> {
    no_session("client_tokio", Hash::Sha1, "SCRAM-SHA-256")
}

#[test]
fn client_threads_refuses_a_missing_binding() -> Result<(), Failure> {
    no_session("client_threads", Hash::Sha256, "SCRAM-SHA-256-PLUS")
}
