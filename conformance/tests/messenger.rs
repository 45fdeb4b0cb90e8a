//! Two of our messengers, an example each, with a server that nobody here wrote: from strangers to friends who chat.
#![allow(clippy::unwrap_used)]

use std::thread;

use xmpp_conformance::peers::{self, Account, Example, Failure, JULIET, Prosody, ROMEO, Server, Xmppd};

/// Both at once, to their end; what each printed, sorted where the order is the server's.
fn meet(server: &Server, juliet: &[&str], romeo: &[&str]) -> Result<[Vec<String>; 2], Failure> {
    let example = Example::build("roster_tokio")?;
    let log_in = |account: Account, resource, options| example.log_in(server, account, resource, options);
    thread::scope(|scope| {
        let juliet = scope.spawn(|| log_in(JULIET, "balcony", juliet));
        let romeo = log_in(ROMEO, "orchard", romeo)?;
        Ok([juliet.join().unwrap()?, romeo])
    })
}

/// Whether these lines are there, in this order, whatever is between them.
fn assert_told(lines: &[String], expected: &[&str]) {
    let mut rest = lines.iter();
    for line in expected {
        assert!(rest.any(|told| told == line), "no {line:?}, or too early, in {lines:#?}");
    }
}

fn story(server: &Server) -> Result<(), Failure> {
    // Romeo asks, Juliet approves and asks in return.
    let [juliet, romeo] = meet(
        server,
        &["--approve", "--say", "Art thou not Romeo?"],
        &["--add", "juliet@localhost", "--approve", "--say", "Neither, <fair> saint"],
    )?;
    assert_told(&juliet, &["asked by romeo@localhost: May I?", "contact romeo@localhost from", "closed"]);
    assert_told(&juliet, &["contact romeo@localhost both", "there romeo@localhost/orchard"]);
    assert_told(&juliet, &["romeo@localhost/orchard: Neither, <fair> saint", "closed"]);
    assert_told(&romeo, &["contact juliet@localhost none", "contact juliet@localhost to", "closed"]);
    assert_told(&romeo, &["there juliet@localhost/balcony", "juliet@localhost/balcony: Art thou not Romeo?"]);

    // The next evening they know each other.
    let [juliet, romeo] = meet(server, &["--say", "Good night"], &["--say", "Good night"])?;
    assert_eq!(juliet.first().map(String::as_str), Some("contact romeo@localhost both"));
    assert_told(&juliet, &["there romeo@localhost/orchard", "closed"]);
    assert_told(&juliet, &["romeo@localhost/orchard: Good night", "closed"]);
    assert_eq!(romeo.first().map(String::as_str), Some("contact juliet@localhost both"));
    assert_told(&romeo, &["juliet@localhost/balcony: Good night", "closed"]);
    Ok(())
}

#[test]
fn messengers_meet_on_prosody() -> Result<(), Failure> {
    let Some(setup) = peers::wanted(Prosody::find())? else { return Ok(()) };
    story(setup.start()?.server())
}

#[test]
fn messengers_meet_on_xmppd() -> Result<(), Failure> {
    story(Xmppd::start()?.server())
}
