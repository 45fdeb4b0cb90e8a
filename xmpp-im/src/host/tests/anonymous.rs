//! Accounts that live only as long as their session (XEP-0175).

use super::*;

const GUEST: &str = "59bec12a@example.com";

fn open(reach: AnonymousReach) -> Desk {
    Desk::configured(|config| {
        config.with_federation().with_component(bare("plays.example.com")).with_anonymous_reach(reach)
    })
}

fn guest(desk: &mut Desk) -> SessionId {
    let bound = desk.host.bind_anonymous(NOW, &bare(GUEST), Some("web")).unwrap();
    assert_eq!(bound.jid().as_str(), "59bec12a@example.com/web");
    desk.poll();
    bound.session()
}

#[test]
fn nothing_is_loaded_or_stored_for_it() {
    let mut desk = Desk::new();
    let guest = guest(&mut desk);
    let query = "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>";
    desk.send(guest, query);
    let empty = "<iq to='59bec12a@example.com/web' id='1' type='result'><query xmlns='jabber:iq:roster' ver='0-0'/></iq>";
    assert_eq!(desk.one(guest), empty);
    desk.send(
        guest,
        "<iq type='set' id='2'><query xmlns='jabber:iq:roster'><item jid='juliet@example.com'/></query></iq>",
    );
    assert_eq!(condition(&desk.one(guest)), Condition::NotAllowed);
    desk.send(guest, query);
    assert_eq!(desk.one(guest), empty);
    desk.detach(guest);
    assert_eq!((desk.loads.len(), desk.changes.len()), (0, 0));
    desk.assert_empty();
}

#[test]
fn it_has_one_session_and_nobody_else_gets_one() {
    let mut desk = Desk::new();
    let guest = guest(&mut desk);
    desk.login("juliet@example.com/balcony");
    let not_allowed = Err(Condition::NotAllowed);
    let told = |bound: Result<BoundSession, StanzaError>| bound.map(drop).map_err(|error| error.condition());
    assert_eq!(told(desk.host.bind_anonymous(NOW, &bare(GUEST), None)), not_allowed);
    assert_eq!(told(desk.host.bind(NOW, &bare(GUEST), None)), not_allowed);
    assert_eq!(told(desk.host.bind_anonymous(NOW, &bare("juliet@example.com"), None)), not_allowed);
    for stranger in ["59bec12a@example.net", "example.com"] {
        assert_eq!(told(desk.host.bind_anonymous(NOW, &bare(stranger), None)), not_allowed);
    }
    assert_eq!(
        told(desk.host.bind_anonymous(NOW, &bare("other@example.com"), Some(""))),
        Err(Condition::BadRequest)
    );
    assert_eq!(desk.host.sessions(), 2);
    // Without a wish the host chooses.
    let other = desk.host.bind_anonymous(NOW, &bare("other@example.com"), None).unwrap();
    assert_eq!(other.jid().resource().len(), 24);
    // An account that is forgotten leaves nothing behind.
    desk.detach(guest);
    desk.host.bind(NOW, &bare(GUEST), None).unwrap();
}

#[test]
fn it_reaches_everybody_of_this_host() {
    let mut desk = open(AnonymousReach::Local);
    desk.host.attach_component(&bare("plays.example.com")).unwrap();
    let guest = guest(&mut desk);
    let juliet = desk.online("juliet@example.com/balcony", 0);
    desk.send(guest, "<presence/>");
    desk.one(guest);
    desk.send(guest, "<message to='juliet@example.com'><body>Help!</body></message>");
    assert_eq!(
        desk.one(juliet),
        "<message to='juliet@example.com' from='59bec12a@example.com/web'><body>Help!</body></message>"
    );
    desk.send(juliet, "<message to='59bec12a@example.com'><body>What?</body></message>");
    assert_eq!(bodies(&desk.take(guest)), ["What?"]);
    desk.send(guest, "<message to='plays.example.com'/>");
    desk.went("plays.example.com");
    desk.deliver("<message from='plays.example.com' to='59bec12a@example.com/web'/>");
    desk.one(guest);
}

#[test]
fn it_has_nothing_to_do_with_foreign_domains() {
    let mut desk = open(AnonymousReach::Local);
    let guest = guest(&mut desk);
    desk.send(guest, "<presence/>");
    desk.one(guest);
    for to in ["romeo@example.net", "romeo@example.net/orchard", "example.net", "im.example.com"] {
        desk.send(guest, &format!("<message to='{to}' id='1'/>"));
        assert_eq!(condition(&desk.one(guest)), Condition::Forbidden, "{to}");
        desk.send(guest, &format!("<iq to='{to}' type='get' id='1'><q xmlns='urn:q'/></iq>"));
        assert_eq!(condition(&desk.one(guest)), Condition::Forbidden, "{to}");
        desk.send(guest, &format!("<iq to='{to}' type='result' id='1'/>"));
        desk.send(guest, &format!("<message to='{to}' type='error'/>"));
        assert_eq!((desk.got(guest), desk.gone()), (vec![], vec![]));
    }
    // Whoever writes from there gets the same answer as if there were nobody.
    for text in [
        "<message from='romeo@example.net/o' to='WHO' type='chat'/>",
        "<message from='romeo@example.net/o' to='WHO/web'/>",
        "<iq from='romeo@example.net/o' to='WHO/web' type='get' id='1'><q xmlns='urn:q'/></iq>",
        "<iq from='romeo@example.net/o' to='WHO' type='get' id='1'><q xmlns='urn:q'/></iq>",
        "<presence from='romeo@example.net/o' to='WHO'/>",
        "<message from='romeo@example.net/o' to='WHO/web' type='error'/>",
    ] {
        let answers = [GUEST, "nobody@example.com"].map(|who| {
            desk.deliver(&text.replace("WHO", who));
            desk.gone().iter().map(|(_, answer)| answer.replace(who, "WHO")).collect::<Vec<_>>()
        });
        assert_eq!(answers[0], answers[1], "{text}");
        assert_eq!(desk.got(guest), [""; 0]);
    }
    // Others are as free as ever.
    let juliet = desk.online("juliet@example.com/balcony", 0);
    desk.send(juliet, "<message to='romeo@example.net'/>");
    desk.went("example.net");
}

#[test]
fn unless_it_may() {
    let mut desk = open(AnonymousReach::Everywhere);
    let guest = guest(&mut desk);
    desk.send(guest, "<message to='romeo@example.net' id='1'/>");
    desk.went("example.net");
    desk.deliver("<message from='romeo@example.net' to='59bec12a@example.com/web' id='2'/>");
    desk.one(guest);
}
