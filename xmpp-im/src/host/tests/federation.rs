//! Stanzas from and for other domains: of other servers, and of components.

use super::*;

const PLAYS: &str = "plays.example.com";

/// A host that other servers reach, with two components, of which one is connected.
fn open() -> Desk {
    let mut desk = Desk::configured(|config| {
        config.with_federation().with_component(bare(PLAYS)).with_component(bare("down.example.com"))
    });
    desk.host.attach_component(&bare(PLAYS)).unwrap();
    desk
}

#[test]
fn r3920_10_2_01_what_is_for_a_foreign_domain_leaves() {
    let mut desk = open();
    let juliet = desk.login("juliet@example.com/balcony");
    for to in ["romeo@example.net", "romeo@example.net/orchard", "example.net", "im.example.com"] {
        let domain = to.split(['@', '/']).find(|part| part.contains('.')).unwrap();
        desk.send(
            juliet,
            &format!("<message to='{to}' from='juliet@example.com' id='1'><body>!</body></message>"),
        );
        // covers 6120-8.1.2.1-01: with the sender's full address, whatever it wrote
        // covers 3921-11.2-02
        assert_eq!(
            desk.went(domain),
            format!("<message to='{to}' from='juliet@example.com/balcony' id='1'><body>!</body></message>")
        );
        desk.send(juliet, &format!("<iq to='{to}' type='result' id='2'/>"));
        desk.went(domain);
        assert_eq!(desk.got(juliet), [""; 0]);
    }
}

#[test]
fn the_older_profile_knows_its_subdomains() {
    let mut desk = Desk::configured(|config| config.with_federation().with_profile(Profile::RFC3920));
    let juliet = desk.login("juliet@example.com/balcony");
    desk.send(juliet, "<message to='im.example.com'/>");
    // covers 3920-10.3-01
    assert_eq!(condition(&desk.one(juliet)), Condition::RemoteServerNotFound);
    assert_eq!(desk.gone(), []);
}

#[test]
fn r6120_10_1_03_stanzas_leave_in_the_order_they_were_sent() {
    let mut desk = open();
    let juliet = desk.login("juliet@example.com/balcony");
    for number in 0..6 {
        let resource = if number % 2 == 0 { "" } else { "/orchard" };
        desk.send(juliet, &format!("<message to='romeo@example.net{resource}' id='{number}'/>"));
    }
    let ids: Vec<_> = desk.gone().iter().map(|(_, sent)| stanza(sent).id().unwrap().to_string()).collect();
    assert_eq!(ids, ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn r6120_10_1_05_stanzas_arrive_in_the_order_they_came() {
    let mut desk = open();
    let juliet = desk.online("juliet@example.com/balcony", 0);
    let nurse = desk.bind("nurse@example.com/kitchen");
    for number in 0..6 {
        let resource = if number % 2 == 0 { "" } else { "/balcony" };
        desk.deliver(&format!("<message from='romeo@example.net/orchard' to='juliet@example.com{resource}' type='chat'><body>{number}</body></message>"));
        // Nobody waits for an account that is being loaded.
        desk.deliver(&format!("<message from='romeo@example.net/orchard' to='nurse@example.com/kitchen'><body>{number}</body></message>"));
    }
    assert_eq!(bodies(&desk.take(juliet)), ["0", "1", "2", "3", "4", "5"]);
    desk.load_all();
    assert_eq!(bodies(&desk.take(nurse)), ["0", "1", "2", "3", "4", "5"]);
}

#[test]
fn r6120_10_5_4_02_a_foreign_stanza_goes_where_a_local_one_would() {
    let mut desk = open();
    let balcony = desk.online("juliet@example.com/balcony", 5);
    let tablet = desk.login("juliet@example.com/tablet");
    desk.got(balcony);
    let romeo = "romeo@example.net/orchard";
    desk.deliver(&format!("<message from='{romeo}' to='juliet@example.com/tablet' id='1'/>"));
    assert_eq!(desk.one(tablet), format!("<message to='juliet@example.com/tablet' from='{romeo}' id='1'/>"));
    desk.deliver(&format!("<message from='{romeo}' to='juliet@example.com'><body>?</body></message>"));
    // covers 3920-10.5-04
    assert_eq!((desk.got(balcony).len(), desk.got(tablet).len()), (1, 0));
    desk.deliver(&format!(
        "<iq from='{romeo}' to='juliet@example.com/balcony' type='get' id='2'><query xmlns='urn:q'/></iq>"
    ));
    desk.one(balcony);
    desk.send(balcony, &format!("<iq to='{romeo}' type='result' id='2'/>"));
    assert_eq!(
        desk.went("example.net"),
        format!("<iq to='{romeo}' from='juliet@example.com/balcony' id='2' type='result'/>")
    );
    // covers 6120-10.5.3.2-03: the server answers for the account
    desk.deliver(&format!(
        "<iq from='{romeo}' to='juliet@example.com' type='get' id='3'><query xmlns='urn:q'/></iq>"
    ));
    assert_eq!(condition(&desk.went("example.net")), Condition::ServiceUnavailable);
    assert_eq!((desk.got(balcony), desk.got(tablet)), (vec![], vec![]));
}

/// What is answered to a stanza for somebody, with the domain that it goes to.
fn answers(desk: &mut Desk, stanza: &str, who: &str) -> Vec<(String, String)> {
    desk.deliver(&stanza.replace("WHO", who));
    desk.gone()
}

#[test]
fn r3920_10_2_03_what_cannot_be_delivered_goes_back_as_an_error() {
    let mut desk = open();
    desk.login("juliet@example.com/balcony");
    for who in ["juliet@example.com", "nobody@example.com"] {
        for (stanza, told) in [
            (
                "<message from='romeo@example.net/o' to='WHO' id='1' type='chat'/>",
                Some(Condition::ServiceUnavailable),
            ),
            ("<message from='romeo@example.net/o' to='WHO/x' id='1'/>", Some(Condition::ServiceUnavailable)),
            ("<message from='romeo@example.net/o' to='WHO' id='1' type='headline'/>", None),
            ("<message from='romeo@example.net/o' to='WHO' id='1' type='error'/>", None),
            (
                "<iq from='romeo@example.net/o' to='WHO' id='1' type='get'><query xmlns='urn:q'/></iq>",
                Some(Condition::ServiceUnavailable),
            ),
            (
                "<iq from='romeo@example.net/o' to='WHO/x' id='1' type='set'><query xmlns='urn:q'/></iq>",
                Some(Condition::ServiceUnavailable),
            ),
            ("<iq from='romeo@example.net/o' to='WHO/x' id='1' type='result'/>", None),
            ("<presence from='romeo@example.net/o' to='WHO'/>", None),
            ("<presence from='romeo@example.net/o' to='WHO/x' type='unavailable'/>", None),
            ("<presence from='romeo@example.net/o' to='WHO' type='subscribe'/>", None),
            ("<presence from='romeo@example.net/o' to='WHO' type='probe'/>", None),
        ] {
            let answers = answers(&mut desk, stanza, who);
            let conditions: Vec<_> = answers.iter().map(|(_, answer)| condition(answer)).collect();
            assert_eq!(conditions, told.into_iter().collect::<Vec<_>>(), "{stanza}");
            assert!(answers.iter().all(|(domain, _)| domain == "example.net"));
        }
    }
    // Only what an account keeps in mind is a reason to load it: who wants to see its presence.
    let (ticket, account) = desk.loads.pop_front().unwrap();
    assert_eq!((account, desk.loads.len()), (bare("nobody@example.com"), 0));
    desk.host.loaded(NOW, ticket, None).unwrap();
    desk.poll();
    // covers 6121-8.5.1-04
    assert_eq!(
        desk.went("example.net"),
        "<presence to='romeo@example.net' from='nobody@example.com' type='unsubscribed'/>"
    );
    assert_eq!(desk.host.accounts.len(), 1);
}

#[test]
fn r6120_10_5_3_1_01_for_nobody_and_for_who_is_not_there() {
    let mut desk = open();
    desk.login("juliet@example.com/balcony");
    let mut told = |stanza: &str, who: &str| {
        let answers = answers(&mut desk, stanza, who);
        answers.iter().map(|(_, answer)| condition(answer)).collect::<Vec<_>>()
    };
    let message = "<message from='romeo@example.net/o' to='WHO' id='1' type='chat'/>";
    assert_eq!(told(message, "nobody@example.com"), [Condition::ServiceUnavailable]);
    // covers 6120-10.5.3.2-01: of no resource that is available
    assert_eq!(told(message, "juliet@example.com"), [Condition::ServiceUnavailable]);
    // covers 6120-10.5.3.1-02
    assert!(told("<presence from='romeo@example.net/o' to='WHO'/>", "nobody@example.com").is_empty());
    let iq = "<iq from='romeo@example.net/o' to='WHO' id='1' type='get'><query xmlns='urn:q'/></iq>";
    // covers 6120-10.5.3.1-03
    assert_eq!(told(iq, "nobody@example.com"), [Condition::ServiceUnavailable]);
}

#[test]
fn r6120_10_5_3_2_02_foreign_presence_reaches_who_is_available() {
    let mut desk = open();
    let balcony = desk.online("juliet@example.com/balcony", -1);
    let tablet = desk.login("juliet@example.com/tablet");
    desk.got(balcony);
    let presence = "<presence to='juliet@example.com' from='romeo@example.net/orchard'/>";
    desk.deliver(presence);
    assert_eq!((desk.one(balcony), desk.got(tablet)), (presence.to_string(), vec![]));
    // Requests for subscriptions are not understood, and are no reason for an error either.
    for type_ in ["subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe"] {
        for to in ["juliet@example.com", "juliet@example.com/balcony"] {
            desk.deliver(&format!("<presence to='{to}' from='romeo@example.net' type='{type_}'/>"));
        }
    }
    assert_eq!((desk.got(balcony), desk.got(tablet), desk.gone()), (vec![], vec![], vec![]));
}

#[test]
fn r3920_10_4_01_foreign_requests_to_the_server() {
    let mut desk = open();
    for to in ["example.com", "example.org/resource"] {
        desk.deliver(&format!(
            "<iq from='example.net' to='{to}' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>"
        ));
        assert_eq!(
            desk.went("example.net"),
            format!("<iq to='example.net' from='{to}' id='1' type='result'/>")
        );
        for unknown in [
            "<iq from='example.net' to='@' type='set' id='1'><query xmlns='urn:q'/></iq>",
            "<message from='example.net' to='@'/>",
        ] {
            desk.deliver(&unknown.replace('@', to));
            assert_eq!(condition(&desk.went("example.net")), Condition::ServiceUnavailable);
        }
        for quiet in [
            "<iq from='example.net' to='@' type='result' id='1'/>",
            "<iq from='example.net' to='@' type='error' id='1'/>",
            "<message from='example.net' to='@' type='error'/>",
            "<presence from='example.net' to='@'/>",
        ] {
            desk.deliver(&quiet.replace('@', to));
            assert_eq!(desk.gone(), []);
        }
    }
}

#[test]
fn r6120_10_4_01_nothing_is_relayed() {
    let mut desk = open();
    let juliet = desk.online("juliet@example.com/balcony", 0);
    for (text, fault) in [
        ("<message from='romeo@example.net' to='tybalt@example.edu'/>", stream::Condition::HostUnknown),
        ("<message from='romeo@example.net' to='romeo@example.net'/>", stream::Condition::HostUnknown),
        ("<message from='romeo@example.net' to='im.example.com'/>", stream::Condition::HostUnknown),
        ("<message from='romeo@example.net'/>", stream::Condition::ImproperAddressing),
        ("<message to='juliet@example.com'/>", stream::Condition::ImproperAddressing),
        ("<message from='plays.example.com'/>", stream::Condition::ImproperAddressing),
        // Nobody else speaks for this host.
        ("<message from='nurse@example.com' to='juliet@example.com'/>", stream::Condition::InvalidFrom),
        ("<message from='example.org' to='juliet@example.com'/>", stream::Condition::InvalidFrom),
    ] {
        // covers 6120-8.1.1.2-01
        assert_eq!(desk.host.deliver(NOW, stanza(text)), Err(fault), "{text}");
        desk.poll();
        assert_eq!((desk.gone(), desk.got(juliet)), (vec![], vec![]), "{text}");
    }
}

#[test]
fn a_host_that_does_not_federate_finds_and_hears_nobody() {
    let mut desk = Desk::configured(|config| config.with_component(bare(PLAYS)));
    desk.host.attach_component(&bare(PLAYS)).unwrap();
    let juliet = desk.online("juliet@example.com/balcony", 0);
    desk.send(juliet, "<message to='romeo@example.net' id='1'/>");
    assert_eq!(condition(&desk.one(juliet)), Condition::RemoteServerNotFound);
    desk.deliver("<message from='plays.example.com' to='romeo@example.net' id='1'/>");
    assert_eq!(condition(&desk.went(PLAYS)), Condition::RemoteServerNotFound);
    let foreign = stanza("<message from='romeo@example.net' to='juliet@example.com'/>");
    assert_eq!(desk.host.deliver(NOW, foreign), Err(stream::Condition::PolicyViolation));
    assert_eq!(desk.got(juliet), [""; 0]);
    desk.deliver("<message from='plays.example.com' to='juliet@example.com'/>");
    desk.one(juliet);
}

#[test]
fn r6120_10_5_02_components() {
    let mut desk = open();
    let juliet = desk.online("juliet@example.com/balcony", 0);
    for to in ["plays.example.com", "romeo@plays.example.com/orchard"] {
        desk.send(juliet, &format!("<message to='{to}' id='1'/>"));
        assert_eq!(
            desk.went(PLAYS),
            format!("<message to='{to}' from='juliet@example.com/balcony' id='1'/>")
        );
        desk.deliver(&format!("<message from='romeo@example.net' to='{to}' id='2'/>"));
        assert_eq!(desk.went(PLAYS), format!("<message to='{to}' from='romeo@example.net' id='2'/>"));
    }
    // It reaches everybody, and whoever it reaches answers.
    desk.deliver("<iq from='hamlet@plays.example.com' to='example.com' type='get' id='3'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert!(desk.went(PLAYS).contains("type='result'"));
    desk.deliver("<message from='plays.example.com' to='nobody@example.com' id='4'/>");
    assert_eq!(condition(&desk.went(PLAYS)), Condition::ServiceUnavailable);
    desk.deliver("<message from='plays.example.com' to='juliet@example.com'/>");
    desk.one(juliet);
    desk.deliver("<message from='plays.example.com' to='romeo@example.net'/>");
    desk.went("example.net");
    desk.deliver("<message from='plays.example.com' to='hamlet@plays.example.com'/>");
    desk.went(PLAYS);
}

#[test]
fn r6120_10_5_03_what_is_for_a_component_goes_nowhere_else() {
    let mut desk = open();
    let juliet = desk.login("juliet@example.com/balcony");
    desk.send(juliet, "<message to='down.example.com' id='1'/>");
    assert_eq!(desk.gone(), []);
    let error = desk.one(juliet);
    assert_eq!(stanza(&error).error().unwrap().type_(), ErrorType::Wait);
    // covers 3920-10.3-01
    assert_eq!(condition(&error), Condition::RemoteServerTimeout);
    desk.deliver(
        "<iq from='romeo@example.net' to='down.example.com' type='get' id='2'><q xmlns='urn:q'/></iq>",
    );
    assert_eq!(condition(&desk.went("example.net")), Condition::RemoteServerTimeout);
    // It comes, and goes.
    let down = bare("down.example.com");
    assert_eq!(desk.host.attach_component(&down), Ok(()));
    desk.send(juliet, "<message to='down.example.com' id='1'/>");
    desk.went("down.example.com");
    desk.host.detach_component(&down);
    desk.host.detach_component(&down);
    desk.send(juliet, "<message to='down.example.com' id='1'/>");
    assert_eq!(condition(&desk.one(juliet)), Condition::RemoteServerTimeout);
    assert_eq!(desk.host.attach_component(&down), Ok(()));
}

#[test]
fn a_component_is_attached_once_and_under_its_own_domain() {
    let mut desk = open();
    for (domain, told) in [
        (PLAYS, stream::Condition::Conflict),
        ("example.com", stream::Condition::HostUnknown),
        ("other.example.com", stream::Condition::HostUnknown),
        ("example.net", stream::Condition::HostUnknown),
        ("hamlet@plays.example.com", stream::Condition::HostUnknown),
    ] {
        assert_eq!(desk.host.attach_component(&bare(domain)), Err(told), "{domain}");
    }
}

#[test]
fn errors_that_come_back_from_outside_find_their_sender() {
    let mut desk = open();
    let juliet = desk.login("juliet@example.com/balcony");
    for far in ["romeo@example.net", "plays.example.com"] {
        let error = format!(
            "<message to='juliet@example.com/balcony' from='{far}' id='1' type='error'><error type='wait'><remote-server-timeout xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
        );
        desk.deliver(&error);
        assert_eq!(desk.one(juliet), error);
        // And if it is gone, nobody hears of that.
        desk.deliver(&error.replace("balcony", "hall"));
        assert_eq!((desk.gone(), desk.got(juliet)), (vec![], vec![]));
    }
}

#[test]
fn what_waited_for_a_session_that_ends_goes_back_where_it_came_from() {
    let mut desk = open();
    let juliet = desk.login("juliet@example.com/balcony");
    for far in ["romeo@example.net/orchard", "plays.example.com"] {
        desk.deliver(&format!("<message from='{far}' to='juliet@example.com/balcony' id='{far}'/>"));
    }
    let taken = desk.take(juliet).split_off(1);
    desk.detach_unsent(juliet, taken);
    assert_eq!(condition(&desk.went(PLAYS)), Condition::ServiceUnavailable);
    desk.assert_empty();
}

#[test]
fn who_does_not_read_sends_back_what_came_from_outside() {
    let message = "<message from='romeo@example.net/o' to='juliet@example.com/balcony' id='1'/>";
    let limits = HostLimits::new().with_outbox_bytes(3 * stanza(message).weight());
    let mut desk = Desk::configured(|config| config.with_federation().with_limits(limits));
    let juliet = desk.login("juliet@example.com/balcony");
    for _ in 0..3 {
        desk.deliver(message);
    }
    assert_eq!(desk.gone(), []);
    desk.deliver(message);
    assert_eq!(desk.closed, [(juliet, stream::Condition::ResourceConstraint)]);
    let told: Vec<_> = desk.gone().iter().map(|(_, error)| condition(error)).collect();
    assert_eq!(told, [Condition::ServiceUnavailable; 4]);
}

#[test]
fn an_account_that_is_being_loaded_takes_no_more_from_outside_than_from_inside() {
    let mut desk = Desk::configured(|config| {
        config.with_federation().with_limits(HostLimits::new().with_parked(3, usize::MAX))
    });
    let juliet = desk.bind("juliet@example.com/balcony");
    for _ in 0..3 {
        desk.deliver("<message from='romeo@example.net/o' to='juliet@example.com/balcony' id='1'/>");
        assert_eq!(desk.gone(), []);
    }
    desk.deliver("<message from='romeo@example.net/o' to='juliet@example.com/balcony' id='1'/>");
    assert_eq!(condition(&desk.went("example.net")), Condition::ResourceConstraint);
    desk.load_all();
    assert_eq!(desk.got(juliet).len(), 3);
}
