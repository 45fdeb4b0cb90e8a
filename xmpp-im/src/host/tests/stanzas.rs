//! Messages and requests on their way.

use super::*;

#[test]
fn r6120_8_1_2_1_01_the_sender_is_whom_the_session_belongs_to() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    let juliet = desk.online("juliet@example.com/balcony", 0);
    for from in ["", "from='juliet@example.com'", "from='romeo@example.com/hall'", "from='example.com'"] {
        desk.send(romeo, &format!("<message to='juliet@example.com/balcony' {from}/>"));
        let got = desk.one(juliet);
        // covers 6120-8.1.1.1-03
        assert!(got.contains(" to='juliet@example.com/balcony'"), "{got}");
        // covers 3920-9.1.2-01
        assert!(got.contains(" from='romeo@example.com/orchard'"), "{got}");
        // covers 6120-8.4-11: nothing else changes
        // covers 3921-11.2-01
        assert_eq!(got, "<message to='juliet@example.com/balcony' from='romeo@example.com/orchard'/>");
    }
}

#[test]
fn r3921_11_1_10_messages_to_an_account_go_where_it_is_most_available() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    let balcony = desk.online("juliet@example.com/balcony", 5);
    let chamber = desk.online("juliet@example.com/chamber", 1);
    let tablet = desk.login("juliet@example.com/tablet");
    desk.got(balcony);
    desk.send(
        romeo,
        "<message to='juliet@example.com' type='chat' id='c' xml:lang='en'><body>Art thou?</body></message>",
    );
    // covers 3921-11.1-17
    assert_eq!(
        desk.one(balcony),
        "<message to='juliet@example.com' from='romeo@example.com/orchard' id='c' xml:lang='en' type='chat'>\
         <body>Art thou?</body></message>"
    );
    assert_eq!((desk.got(chamber), desk.got(tablet)), (vec![], vec![]));
    // 6121-8.5.2.1.1-08
    desk.send(romeo, "<message to='juliet@example.com' type='headline'/>");
    assert_eq!((desk.got(balcony).len(), desk.got(chamber).len(), desk.got(tablet).len()), (1, 1, 0));
    // By its name even who has sent no presence.
    desk.send(romeo, "<message to='juliet@example.com/tablet'/>");
    // covers 3920-10.5-02
    assert_eq!((desk.got(balcony).len(), desk.got(chamber).len(), desk.got(tablet).len()), (0, 0, 1));
    // 6121-8.5.3.2.1-02: a chat outlives the resource it was with.
    desk.detach(balcony);
    desk.got(chamber);
    desk.send(romeo, "<message to='juliet@example.com/balcony' type='chat'/>");
    // covers 6120-10.5.4-01
    assert!(desk.one(chamber).contains("to='juliet@example.com/balcony'"));
    // 6121-8.5.3.2.1-01
    desk.send(romeo, "<message to='juliet@example.com/balcony'/>");
    // covers 3920-10.5-03
    assert_eq!(condition(&desk.one(romeo)), Condition::ServiceUnavailable);
}

#[test]
fn r3921_2_1_1_10_an_error_answers_a_message() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    let juliet = desk.online("juliet@example.com/balcony", 0);
    desk.send(romeo, "<message to='juliet@example.com' type='chat' id='1'/>");
    assert_eq!((desk.got(romeo), desk.got(juliet).len()), (vec![], 1));
    desk.send(romeo, "<message to='nobody@example.com' type='chat' id='2'/>");
    let error = desk.one(romeo);
    assert!(error.contains(" from='nobody@example.com' id='2' type='error'"), "{error}");
}

#[test]
fn r3921_11_1_08_the_older_profile_delivers_to_another_resource() {
    let mut desk = Desk::with(HostLimits::new(), Profile::RFC3920);
    let romeo = desk.login("romeo@example.com/orchard");
    let chamber = desk.online("juliet@example.com/chamber", 0);
    desk.send(romeo, "<message to='juliet@example.com/balcony'/>");
    assert!(desk.one(chamber).contains("to='juliet@example.com/balcony'"));
}

#[test]
fn r6120_10_3_1_01_a_message_without_address_is_one_to_oneself() {
    let mut desk = Desk::new();
    let first = desk.online("juliet@example.com/a", 1);
    let second = desk.online("juliet@example.com/b", 2);
    desk.got(first);
    for to in ["", " to='juliet@example.com'"] {
        desk.send(first, &format!("<message{to} id='1'/>"));
        // covers 6120-10.3-01
        assert_eq!(desk.one(second), "<message to='juliet@example.com' from='juliet@example.com/a' id='1'/>");
    }
    desk.send(first, "<message to='juliet@example.com/a' id='2'/>");
    assert_eq!(desk.one(first), "<message to='juliet@example.com/a' from='juliet@example.com/a' id='2'/>");
    desk.send(first, "<message id='3' type='groupchat'/>");
    let error = desk.one(first);
    assert!(
        error
            .starts_with("<message to='juliet@example.com/a' from='juliet@example.com' id='3' type='error'>")
    );
}

#[test]
fn r3920_10_01_order_is_kept_from_one_sender_to_one_receiver() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    let nurse = desk.login("nurse@example.com/kitchen");
    let juliet = desk.online("juliet@example.com/balcony", 0);
    for number in 0..6 {
        let to = if number % 2 == 0 { "juliet@example.com" } else { "juliet@example.com/balcony" };
        desk.send(romeo, &format!("<message to='{to}' type='chat'><body>{number}</body></message>"));
        desk.send(nurse, "<message to='juliet@example.com/balcony'><body>!</body></message>");
    }
    let got = bodies(&desk.take(juliet));
    let from_romeo: Vec<_> = got.iter().filter(|body| *body != "!").collect();
    // covers 6120-10.1-02: by bare and by full address alike
    assert_eq!(from_romeo, ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn r6121_8_5_3_1_02_a_request_and_its_answer_between_resources() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    let juliet = desk.login("juliet@example.org/balcony");
    desk.send(
        romeo,
        "<iq to='juliet@example.org/balcony' type='get' id='v'><query xmlns='jabber:iq:version'/></iq>",
    );
    assert_eq!(
        desk.one(juliet),
        "<iq to='juliet@example.org/balcony' from='romeo@example.com/orchard' id='v' type='get'>\
         <query xmlns='jabber:iq:version'/></iq>"
    );
    // 6121-8.5.3.1-02
    desk.send(juliet, "<iq to='romeo@example.com/orchard' type='result' id='v'/>");
    assert_eq!(
        desk.one(romeo),
        "<iq to='romeo@example.com/orchard' from='juliet@example.org/balcony' id='v' type='result'/>"
    );
    // 6121-8.5.3.2.3-01
    desk.send(
        romeo,
        "<iq to='juliet@example.org/hall' type='get' id='w'><query xmlns='jabber:iq:version'/></iq>",
    );
    assert_eq!(condition(&desk.one(romeo)), Condition::ServiceUnavailable);
    // Responses to nobody vanish, whether to an account, to a resource or to the server.
    for to in [
        "juliet@example.org",
        "juliet@example.org/hall",
        "example.com",
        "nobody@example.com",
        "romeo@example.com",
    ] {
        for type_ in ["result", "error"] {
            desk.send(romeo, &format!("<iq to='{to}' type='{type_}' id='x'/>"));
        }
    }
    assert_eq!((desk.got(romeo), desk.got(juliet)), (vec![], vec![]));
}

#[test]
fn r6120_10_3_3_01_requests_to_the_own_account() {
    let mut desk = Desk::new();
    let juliet = desk.login("juliet@example.com/balcony");
    for to in ["", " to='juliet@example.com'"] {
        let from = to.replace("to=", "from=");
        // covers 3920-10.1-04
        desk.send(juliet, &format!("<iq{to} type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"));
        assert_eq!(
            desk.one(juliet),
            format!("<iq to='juliet@example.com/balcony'{from} id='1' type='result'/>")
        );
        desk.send(juliet, &format!("<iq{to} type='get' id='2'><query xmlns='urn:example'/></iq>"));
        // covers 6120-8.4-10
        assert_eq!(condition(&desk.one(juliet)), Condition::ServiceUnavailable);
        desk.send(juliet, &format!("<iq{to} type='set' id='6'><query xmlns='urn:example'/></iq>"));
        // covers 6120-10.3.3-02
        assert_eq!(condition(&desk.one(juliet)), Condition::ServiceUnavailable);
        desk.send(juliet, &format!("<iq{to} type='set' id='3'><ping xmlns='urn:xmpp:ping'/></iq>"));
        assert_eq!(condition(&desk.one(juliet)), Condition::ServiceUnavailable);
        desk.send(juliet, &format!("<iq{to} type='result' id='4'/>"));
        desk.send(juliet, &format!("<iq{to} type='error' id='5'/>"));
        // covers 6120-10.3.3-03
        assert_eq!(desk.got(juliet), [""; 0]);
    }
}

#[test]
fn r6120_8_1_2_1_02_stanzas_to_the_server() {
    let mut desk = Desk::new();
    let juliet = desk.login("juliet@example.com/balcony");
    for to in ["example.com", "example.org", "example.com/resource"] {
        desk.send(juliet, &format!("<iq to='{to}' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"));
        assert_eq!(
            desk.one(juliet),
            format!("<iq to='juliet@example.com/balcony' from='{to}' id='1' type='result'/>")
        );
        for unknown in [
            "<iq to='@' type='set' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
            "<iq to='@' type='get' id='1'><query xmlns='jabber:iq:version'/></iq>",
            "<message to='@'/>",
        ] {
            desk.send(juliet, &unknown.replace('@', to));
            // covers 3920-10.4-01
            assert_eq!(condition(&desk.one(juliet)), Condition::ServiceUnavailable);
        }
        desk.send(juliet, &format!("<message to='{to}' type='error'/>"));
        assert_eq!(desk.got(juliet), [""; 0]);
    }
}

#[test]
fn r6121_8_5_1_01_nobody_learns_who_has_an_account() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    // One account that exists and is connected, with nobody available; one that may exist and is not connected.
    desk.login("juliet@example.com/balcony");
    for (request, answer) in [
        // 6121-8.5.1-01
        (
            "<iq to='WHO' type='get' id='1'><query xmlns='urn:example'/></iq>",
            Some(Condition::ServiceUnavailable),
        ),
        (
            "<iq to='WHO/x' type='set' id='1'><query xmlns='urn:example'/></iq>",
            Some(Condition::ServiceUnavailable),
        ),
        (
            "<iq to='WHO' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
            Some(Condition::ServiceUnavailable),
        ),
        // 6121-2.1.5-03
        ("<iq to='WHO' type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>", Some(Condition::Forbidden)),
        (
            "<iq to='WHO' type='set' id='1'><query xmlns='jabber:iq:roster'><item jid='a@b'/></query></iq>",
            Some(Condition::Forbidden),
        ),
        // 6121-8.5.1-02
        ("<message to='WHO' type='chat'><body>?</body></message>", Some(Condition::ServiceUnavailable)),
        ("<message to='WHO/x' type='chat'/>", Some(Condition::ServiceUnavailable)),
        ("<message to='WHO'/>", Some(Condition::ServiceUnavailable)),
        ("<message to='WHO' type='groupchat'/>", Some(Condition::ServiceUnavailable)),
        ("<message to='WHO/x' type='headline'/>", Some(Condition::ServiceUnavailable)),
        ("<message to='WHO' type='headline'/>", None),
        ("<message to='WHO' type='error'/>", None),
        ("<presence to='WHO' type='error'/>", None),
        ("<presence to='WHO/x'/>", None),
        ("<presence to='WHO' type='unavailable'/>", None),
    ] {
        let answers = ["juliet@example.com", "nobody@example.com"].map(|account| {
            desk.send(romeo, &request.replace("WHO", account));
            desk.got(romeo).iter().map(|answer| answer.replace(account, "who@x")).collect::<Vec<_>>()
        });
        for answers in &answers {
            let conditions: Vec<_> = answers.iter().map(|answer| condition(answer)).collect();
            // covers 3921-11.1-04
            // covers 3921-11.1-05
            // covers 6121-8.5.1-02
            // covers 3921-14-04
            assert_eq!(conditions, answer.into_iter().collect::<Vec<_>>(), "{request}");
        }
        assert_eq!(answers[0], answers[1], "not even the words differ");
    }
}

#[test]
fn on_its_own_a_host_finds_no_other_server() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    for to in ["juliet@example.net", "juliet@example.net/balcony", "example.net", "im.example.com"] {
        desk.send(romeo, &format!("<message to='{to}' id='m'/>"));
        let error = desk.one(romeo);
        assert!(error.starts_with(&format!(
            "<message to='romeo@example.com/orchard' from='{to}' id='m' type='error'>"
        )));
        assert_eq!(condition(&error), Condition::RemoteServerNotFound);
        desk.send(romeo, &format!("<iq to='{to}' type='get' id='q'><ping xmlns='urn:xmpp:ping'/></iq>"));
        assert_eq!(condition(&desk.one(romeo)), Condition::RemoteServerNotFound);
        for quiet in [
            "<message to='@' type='error'/>",
            "<iq to='@' type='result' id='1'/>",
            "<iq to='@' type='error' id='1'/>",
        ] {
            desk.send(romeo, &quiet.replace('@', to));
            assert_eq!(desk.got(romeo), [""; 0]);
        }
    }
}
