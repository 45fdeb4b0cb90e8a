//! Who gets a stanza, who gets an answer, and what the answer gives away.

use super::*;

#[test]
fn r3920_3_4_01_the_resources_of_an_account_are_reached_each_by_its_name() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    let names = ["balcony", "chamber", "Balcony"];
    let sessions = names.map(|name| desk.login(&format!("juliet@example.com/{name}")));
    for name in names {
        desk.send(romeo, &format!("<message to='juliet@example.com/{name}'><body>{name}</body></message>"));
    }
    for (name, session) in names.into_iter().zip(sessions) {
        // covers 3920-9.2.1-02
        assert_eq!(bodies(&desk.take(session)), [name]);
    }
}

#[test]
fn r3920_9_2_3_04_every_request_is_answered_once() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    desk.online("juliet@example.com/balcony", 0);
    let payloads =
        ["<query xmlns='jabber:iq:roster'/>", "<ping xmlns='urn:xmpp:ping'/>", "<q xmlns='urn:unknown'/>"];
    for to in [
        "",
        " to='romeo@example.com'",
        " to='example.com'",
        " to='example.com/x'",
        " to='juliet@example.com'",
        " to='juliet@example.com/chamber'",
        " to='nobody@example.com'",
        " to='nobody@example.com/x'",
        " to='example.net'",
    ] {
        for payload in payloads {
            desk.send(romeo, &format!("<iq{to} type='get' id='1'>{payload}</iq>"));
            let answers = desk.take(romeo);
            assert_eq!(answers.len(), 1, "{to} {payload}");
            assert!(
                matches!(&answers[0], Stanza::Iq(iq) if !iq.is_request() && iq.id() == "1"),
                "{to} {payload}"
            );
        }
    }
}

#[test]
fn r3920_9_3_3_14_no_error_tells_who_is_there() {
    let mut desk = Desk::new();
    let stranger = desk.login("romeo@example.com/orchard");
    desk.online("juliet@example.com/balcony", 0);
    let gone = desk.online("nurse@example.com/kitchen", 0);
    desk.detach(gone);
    for text in ["<message to='TO' id='1'/>", "<iq to='TO' type='get' id='1'><q xmlns='urn:q'/></iq>"] {
        // Somebody who is there at another resource, somebody who has left, and nobody.
        for account in ["juliet@example.com", "nurse@example.com", "nobody@example.com"] {
            desk.send(stranger, &text.replace("TO", &format!("{account}/chamber")));
            let answer = desk.one(stranger);
            // covers 6120-8.3.3.7-01
            assert_ne!(condition(&answer), Condition::ItemNotFound, "{answer}");
            // covers 6120-8.3.3.13-01
            assert_ne!(condition(&answer), Condition::RecipientUnavailable, "{answer}");
            // covers 6120-8.3.3.7-02
            assert_eq!(condition(&answer), Condition::ServiceUnavailable, "{answer}");
        }
    }
}
