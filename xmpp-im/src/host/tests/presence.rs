//! Presence among the resources of one account.

use super::*;

#[test]
fn r6121_4_2_2_02_initial_presence_reaches_all_own_resources() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    let silent = desk.login("juliet@example.com/silent");
    desk.send(first, "<presence id='1'><show>away</show><x xmlns='urn:x'/></presence>");
    let away = "<presence to='juliet@example.com' from='juliet@example.com/a' id='1'><show>away</show><x xmlns='urn:x'/></presence>";
    // 6121-4.2.2-02: the sender included.
    // covers 6120-10.3.2-01: everybody is subscribed to their own
    assert_eq!(desk.one(first), away);
    let second = desk.login("juliet@example.com/b");
    desk.send(second, "<presence><priority>-1</priority></presence>");
    let negative =
        "<presence to='juliet@example.com' from='juliet@example.com/b'><priority>-1</priority></presence>";
    // covers 3920-10.1-03
    assert_eq!(desk.one(first), negative);
    // 6121-4.3.2-07: as it was sent.
    // covers 3920-2.3-01: of each resource, by its own name
    assert_eq!(desk.got(second), [negative, away]);
    // 6121-4.4.2-01: an update is not another introduction.
    desk.send(second, "<presence/>");
    // covers 3920-9.2.2-02
    assert_eq!(desk.got(second), ["<presence to='juliet@example.com' from='juliet@example.com/b'/>"]);
    desk.one(first);
    assert_eq!(desk.got(silent), [""; 0]);
}

#[test]
fn r6121_4_5_2_01_leaving() {
    let mut desk = Desk::new();
    let first = desk.online("juliet@example.com/a", 0);
    let second = desk.online("juliet@example.com/b", 0);
    desk.got(first);
    desk.send(first, "<presence type='unavailable'><status>Good night</status></presence>");
    let gone = "<presence to='juliet@example.com' from='juliet@example.com/a' type='unavailable'><status>Good night</status></presence>";
    // 6121-4.5.2-01, 6121-4.5.2-02
    assert_eq!((desk.one(first), desk.one(second)), (gone.into(), gone.into()));
    // Once.
    desk.send(first, "<presence type='unavailable'/>");
    assert_eq!((desk.got(first), desk.got(second)), (vec![], vec![]));
    // 3921-5.1.5-06
    desk.send(first, "<presence/>");
    assert_eq!((desk.got(first).len(), desk.got(second).len()), (2, 1));
    // 6121-4.5.2-03
    desk.detach(first);
    assert_eq!(
        desk.one(second),
        "<presence to='juliet@example.com' from='juliet@example.com/a' type='unavailable'/>"
    );
    // Who was not available does not leave.
    let silent = desk.login("juliet@example.com/c");
    desk.detach(silent);
    assert_eq!(desk.got(second), [""; 0]);
}

#[test]
fn r6121_4_7_2_3_01_priorities() {
    let mut desk = Desk::new();
    let session = desk.login("juliet@example.com/a");
    for wrong in ["128", "-129", "high", "", "1.0"] {
        desk.send(session, &format!("<presence id='p'><priority>{wrong}</priority></presence>"));
        let error = desk.one(session);
        assert_eq!(condition(&error), Condition::BadRequest, "{wrong}");
        assert!(error.starts_with("<presence to='juliet@example.com/a' id='p' type='error'>"), "{error}");
    }
    // It has not become available by that.
    desk.send(session, "<message type='chat'/>");
    assert_eq!(condition(&desk.one(session)), Condition::ServiceUnavailable);
    for right in ["127", "-128", "0"] {
        desk.send(session, &format!("<presence><priority>{right}</priority></presence>"));
        assert!(!desk.one(session).contains("error"), "{right}");
    }
    desk.send(session, "<presence/>");
    let equal = desk.login("juliet@example.com/b");
    desk.send(equal, "<presence><priority>0</priority></presence>");
    desk.got(session);
    desk.got(equal);
    desk.send(session, "<message type='chat'/>");
    // covers 3921-2.2.2.3-05
    // covers 3921-11.1-11: of two with the same priority both get it
    assert_eq!((desk.got(session).len(), desk.got(equal).len()), (1, 1));
    // What was wrong leaves the last presence as it was.
    desk.send(session, "<presence><priority>1000</priority></presence>");
    desk.got(session);
    desk.send(session, "<message type='chat'/>");
    assert!(!desk.one(session).contains("error"));
}

#[test]
fn r3921_5_1_4_05_directed_presence_says_nothing_to_others() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    let second = desk.online("juliet@example.com/b", 0);
    // 3921-5.1.4-05: as it is, to whom it names, who need not be available.
    desk.send(second, "<presence to='juliet@example.com/a'><show>dnd</show></presence>");
    assert_eq!(
        desk.one(first),
        "<presence to='juliet@example.com/a' from='juliet@example.com/b'><show>dnd</show></presence>"
    );
    // To one's account: to those who are available. Whoever sends it does not become so.
    desk.send(first, "<presence to='juliet@example.com'/>");
    assert_eq!(desk.one(second), "<presence to='juliet@example.com' from='juliet@example.com/a'/>");
    desk.send(second, "<presence type='unavailable'/>");
    desk.got(second);
    assert_eq!(desk.got(first), [""; 0]);
    // Nor does directed unavailability make anybody leave.
    desk.send(second, "<presence/>");
    desk.send(second, "<presence to='juliet@example.com' type='unavailable'/>");
    desk.got(second);
    desk.send(first, "<message to='juliet@example.com'/>");
    desk.one(second);
}

#[test]
fn r6121_4_3_05_a_probe_is_no_reason_for_an_error() {
    let mut desk = Desk::new();
    let first = desk.login("juliet@example.com/a");
    desk.online("juliet@example.com/b", 1);
    desk.send(first, "<presence type='probe' to='juliet@example.com'/>");
    // covers 3921-2.2.1-03
    // covers 6121-4.3-04
    assert_eq!(
        desk.one(first),
        "<presence to='juliet@example.com' from='juliet@example.com/b'><priority>1</priority></presence>"
    );
}

#[test]
fn presence_that_only_goes_to_others_needs_an_address() {
    let mut desk = Desk::new();
    let session = desk.login("juliet@example.com/a");
    for type_ in ["subscribe", "subscribed", "unsubscribe", "unsubscribed"] {
        for to in ["", " to='juliet@example.com'"] {
            desk.send(session, &format!("<presence{to} type='{type_}'/>"));
            assert_eq!(condition(&desk.one(session)), Condition::BadRequest);
        }
    }
    desk.send(session, "<presence type='error'/>");
    assert_eq!(desk.got(session), [""; 0]);
}
