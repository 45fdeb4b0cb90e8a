//! Directed presence: RFC 3921 section 5.1.4, RFC 6121 section 4.6.

use super::*;

fn open() -> Desk {
    Desk::configured(|config| config.with_federation())
}

#[test]
fn r3920_9_2_2_04_directed_presence_is_routed() {
    let mut desk = open();
    let romeo = desk.login("romeo@example.com/orchard");
    let juliet = desk.online("juliet@example.com/balcony", 0);
    desk.send(romeo, "<presence to='juliet@example.com/balcony'><show>chat</show></presence>");
    assert_eq!(
        desk.one(juliet),
        "<presence to='juliet@example.com/balcony' from='romeo@example.com/orchard'><show>chat</show></presence>"
    );
    desk.send(romeo, "<presence to='juliet@example.com'/>");
    assert_eq!(desk.one(juliet), "<presence to='juliet@example.com' from='romeo@example.com/orchard'/>");
    desk.send(romeo, "<presence to='nurse@example.net'/>");
    assert_eq!(
        desk.went("example.net"),
        "<presence to='nurse@example.net' from='romeo@example.com/orchard'/>"
    );
    // Nobody else hears of it, and it makes the resource available to nobody else.
    desk.send(juliet, "<presence to='romeo@example.com'/>");
    assert_eq!(desk.got(romeo), [""; 0]);
}

/// What romeo's farewell is, with what is inside.
fn farewell(to: &str, inside: &str) -> String {
    let head = format!("<presence to='{to}' from='romeo@example.com/orchard' type='unavailable'");
    if inside.is_empty() { format!("{head}/>") } else { format!("{head}>{inside}</presence>") }
}

#[test]
fn r6121_4_6_3_who_had_directed_presence_is_told_when_it_ends() {
    let mut desk = open();
    let juliet = desk.online("juliet@example.com/balcony", 0);
    for (is_available, says_so) in [(false, true), (true, true), (false, false), (true, false)] {
        let romeo = desk.login("romeo@example.com/orchard");
        if is_available {
            desk.send(romeo, "<presence/>");
        }
        for to in ["juliet@example.com/balcony", "nurse@example.net", "tybalt@example.net"] {
            // However often.
            desk.send(romeo, &format!("<presence to='{to}'/>"));
            desk.send(romeo, &format!("<presence to='{to}'><show>away</show></presence>"));
        }
        desk.send(romeo, "<presence to='tybalt@example.net' type='unavailable'/>");
        desk.gone();
        desk.got(juliet);
        desk.got(romeo);
        let status = if says_so { "<status>gone</status>" } else { "" };
        if says_so {
            desk.send(romeo, "<presence type='unavailable'><status>gone</status></presence>");
        } else {
            desk.detach(romeo);
        }
        // Whoever was told already is not told again.
        assert_eq!(desk.went("example.net"), farewell("nurse@example.net", status));
        assert_eq!(desk.one(juliet), farewell("juliet@example.com/balcony", status));
        if says_so {
            desk.detach(romeo);
        }
        assert!(desk.gone().is_empty() && desk.got(juliet).is_empty(), "once is enough");
    }
    desk.detach(juliet);
    desk.assert_empty();
}

#[test]
fn a_session_that_is_ended_says_farewell_too() {
    let mut desk = open();
    let romeo = desk.login("romeo@example.com/orchard");
    desk.send(romeo, "<presence to='nurse@example.net'/>");
    desk.gone();
    desk.host.deleted(NOW, &bare("romeo@example.com"), None);
    desk.poll();
    assert_eq!(desk.went("example.net"), farewell("nurse@example.net", ""));
    desk.detach(romeo);
    assert!(desk.gone().is_empty());
    desk.assert_empty();
}

#[test]
fn receivers_one_below_at_and_one_above_the_limit() {
    let limits = HostLimits::new().with_directed(3);
    let mut desk = Desk::configured(|config| config.with_federation().with_limits(limits.clone()));
    let romeo = desk.login("romeo@example.com/orchard");
    let mut told = |count: usize, type_: &str| {
        desk.send(romeo, &format!("<presence to='n{count}@example.net'{type_}/>"));
        let refused = desk.got(romeo).iter().map(|answer| condition(answer)).next();
        assert_eq!(desk.gone().is_empty(), refused.is_some());
        refused
    };
    for count in 0..3 {
        assert_eq!(told(count, ""), None, "{count}");
    }
    assert_eq!(told(3, ""), Some(Condition::ResourceConstraint));
    // Those that are there may be told more, and one that goes makes room.
    assert_eq!(told(2, ""), None);
    assert_eq!(told(3, " type='unavailable'"), None);
    assert_eq!(told(0, " type='unavailable'"), None);
    assert_eq!(told(3, ""), None);
    desk.detach(romeo);
    assert_eq!(desk.gone().len(), 3);
}

#[test]
fn presence_that_tells_no_availability_goes_where_it_is_for() {
    let mut desk = open();
    let romeo = desk.login("romeo@example.com/orchard");
    for type_ in ["probe", "error"] {
        desk.send(romeo, &format!("<presence to='nurse@example.net' type='{type_}'/>"));
        // covers 6121-4.3-04
        // covers 6121-4.3-05
        assert_eq!(
            desk.went("example.net"),
            format!("<presence to='nurse@example.net' from='romeo@example.com/orchard' type='{type_}'/>")
        );
        assert!(desk.got(romeo).is_empty());
    }
}
