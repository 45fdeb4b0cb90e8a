//! RFC 6120 section 13: what strangers learn, and what one account can take; and that all kinds of stanza mean something (RFC 3920
//! section 12.1).

use super::*;

#[test]
fn r3920_12_1_03_each_kind_of_stanza_has_its_meaning() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    let balcony = desk.online("juliet@example.com/balcony", 0);
    let chamber = desk.online("juliet@example.com/chamber", 0);
    desk.got(balcony);
    // One is pushed to somebody, one is told to those who care, one is asked and answered.
    desk.send(romeo, "<message to='juliet@example.com/balcony'><body>hi</body></message>");
    assert_eq!((bodies(&desk.take(balcony)), desk.got(chamber)), (vec!["hi".into()], vec![]));
    desk.send(chamber, "<presence><show>away</show></presence>");
    assert!(desk.one(balcony).starts_with("<presence ") && desk.got(romeo).is_empty());
    desk.send(romeo, "<iq type='get' id='1' to='example.com'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert_eq!(
        desk.one(romeo),
        "<iq to='romeo@example.com/orchard' from='example.com' id='1' type='result'/>"
    );
}

#[test]
fn r6120_13_10_2_01_strangers_do_not_learn_who_is_there() {
    let mut desk = Desk::new();
    let romeo = desk.online("romeo@example.com/orchard", 0);
    let juliet = desk.login("juliet@example.com/balcony");
    for stanza in ["<presence/>", "<presence><show>away</show></presence>", "<presence type='unavailable'/>"]
    {
        desk.send(juliet, stanza);
        assert_eq!(desk.got(romeo), [""; 0], "{stanza}");
    }
    let asks = [
        "<presence type='probe' to='juliet@example.com'/>",
        "<presence type='subscribe' to='juliet@example.com'/>",
        "<presence to='juliet@example.com'/>",
        "<iq to='juliet@example.com' type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
        "<iq to='juliet@example.com' type='get' id='2'><query xmlns='jabber:iq:version'/></iq>",
    ];
    let answers = |desk: &mut Desk| {
        asks.map(|ask| {
            desk.send(romeo, ask);
            desk.got(romeo)
        })
    };
    let away = answers(&mut desk);
    desk.send(juliet, "<presence/>");
    assert_eq!(answers(&mut desk), away);
    assert!(away.iter().flatten().all(|answer| !answer.contains("balcony")), "{away:?}");
}

#[test]
fn r6120_13_10_2_02_an_error_is_the_same_for_the_account_and_for_a_resource() {
    let mut desk = Desk::new();
    let romeo = desk.login("romeo@example.com/orchard");
    desk.login("juliet@example.com/balcony");
    for ask in [
        "<iq to='WHO' type='get' id='1'><query xmlns='jabber:iq:version'/></iq>",
        "<iq to='WHO' type='set' id='1'><query xmlns='urn:example'/></iq>",
        "<message to='WHO' type='chat' id='1'><body>?</body></message>",
        "<message to='WHO' type='groupchat' id='1'/>",
        "<message to='WHO' id='1'/>",
    ] {
        let answers = ["juliet@example.com", "juliet@example.com/hall"].map(|who| {
            desk.send(romeo, &ask.replace("WHO", who));
            desk.one(romeo).replace(who, "WHO")
        });
        assert_eq!(answers[0], answers[1], "{ask}");
    }
}

#[test]
fn r6120_13_12_03_resources_one_below_at_and_above_the_limit() {
    let mut desk = Desk::limited(HostLimits::new().with_sessions(2));
    desk.login("juliet@example.com/a");
    desk.login("juliet@example.com/b");
    let refused = desk.host.bind(NOW, &bare("juliet@example.com"), Some("c")).unwrap_err();
    assert_eq!(refused.condition(), Condition::ResourceConstraint);
}
