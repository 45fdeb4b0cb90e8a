//! RFC 6121 section 3: what it has changed about subscriptions, with its juliet@example.com and romeo@example.net.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod stage;

use stage::Stage;
use stage::script::{gone, got, lines};
use xmpp_im::limits::HostLimits;
use xmpp_im::store::{Change, RosterItem, Subscription};

const BALCONY: &str = "juliet@example.com/balcony";
const CHAMBER: &str = "juliet@example.com/chamber";
const ROMEO: &str = "romeo@example.net";

/// Juliet's server; Romeo's is elsewhere.
fn juliet() -> Stage {
    let mut stage = Stage::new(&["example.com"], &["juliet@example.com"]);
    stage.online(BALCONY);
    stage.gone();
    stage
}

/// Juliet, between whom and Romeo this holds.
fn with(subscription: Subscription) -> Stage {
    let mut stage = Stage::new(&["example.com"], &["juliet@example.com"]);
    stage.contact("juliet@example.com", ROMEO, subscription);
    stage.online(BALCONY);
    stage.gone();
    stage
}

fn from_romeo(stage: &mut Stage, type_: &str) {
    stage.arrives(&format!("<presence type='{type_}' id='r' from='{ROMEO}' to='juliet@example.com'/>"));
}

fn to_romeo(stage: &mut Stage, type_: &str) {
    stage.send(BALCONY, &format!("<presence type='{type_}' to='{ROMEO}'/>"));
}

#[test]
fn r6121_3_1_2_05_pushes_go_to_interested_resources_only() {
    let mut stage = juliet();
    stage.interested(CHAMBER);
    stage.login("juliet@example.com/silent");
    stage.send("juliet@example.com/silent", "<presence/>");
    for client in [BALCONY, CHAMBER, "juliet@example.com/silent"] {
        stage.stanzas(client);
    }
    to_romeo(&mut stage, "subscribe");
    for client in [BALCONY, CHAMBER] {
        got(&mut stage, client, ["push romeo@example.net none ask"]);
    }
    // covers 3921-8.1-02
    got(&mut stage, "juliet@example.com/silent", []);
}

#[test]
fn r6121_3_1_1_03_roster_set_and_request_come_in_any_order() {
    let set = "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='romeo@example.net' name='Romeo'/></query></iq>";
    let mut stage = juliet();
    to_romeo(&mut stage, "subscribe");
    stage.stanzas(BALCONY);
    stage.send(BALCONY, set);
    got(&mut stage, BALCONY, ["push romeo@example.net none ask name=Romeo", "result s"]);
    let mut stage = juliet();
    stage.send(BALCONY, set);
    stage.stanzas(BALCONY);
    to_romeo(&mut stage, "subscribe");
    got(&mut stage, BALCONY, ["push romeo@example.net none ask name=Romeo"]);
}

#[test]
fn r6121_3_1_3_01_a_request_to_a_full_jid_is_for_the_account() {
    for resource in ["balcony", "nowhere"] {
        let mut stage = juliet();
        stage.arrives(&format!(
            "<presence type='subscribe' from='{ROMEO}/orchard' to='juliet@example.com/{resource}'/>"
        ));
        // covers 6121-8.5.3.2.2-02
        got(&mut stage, BALCONY, ["subscribe romeo@example.net > juliet@example.com"]);
    }
}

#[test]
fn r6121_8_5_3_2_2_03_other_steps_to_a_resource_that_is_not_there_are_nothing() {
    for (state, type_) in [(Subscription::Both, "unsubscribe"), (Subscription::Both, "unsubscribed")] {
        let mut stage = with(state);
        stage.arrives(&format!("<presence type='{type_}' from='{ROMEO}' to='juliet@example.com/nowhere'/>"));
        got(&mut stage, BALCONY, []);
        assert_eq!(stage.roster("juliet@example.com"), ["romeo@example.net both"]);
    }
}

#[test]
fn r6121_3_1_3_10_one_request_of_each_is_kept() {
    let mut stage = Stage::new(&["example.com"], &["juliet@example.com"]);
    for text in ["first", "second"] {
        stage.arrives(&format!(
            "<presence type='subscribe' from='{ROMEO}/{text}' to='juliet@example.com'><status>{text}</status></presence>"
        ));
    }
    stage.login(BALCONY);
    stage.send(BALCONY, "<presence/>");
    // covers 6121-3.1.3-09
    got(
        &mut stage,
        BALCONY,
        [
            "available juliet@example.com/balcony > juliet@example.com",
            "subscribe romeo@example.net > juliet@example.com 'first'",
        ],
    );
    stage.login(CHAMBER);
    stage.send(CHAMBER, "<presence/>");
    assert!(
        lines(&stage.stanzas(CHAMBER))
            .contains(&"subscribe romeo@example.net > juliet@example.com 'first'".into())
    );
    // Nor is a resource told twice that is there.
    stage.send(CHAMBER, "<presence><show>away</show></presence>");
    from_romeo(&mut stage, "subscribe");
    assert!(!lines(&stage.stanzas(CHAMBER)).iter().any(|line| line.starts_with("subscribe")));
}

#[test]
fn r6121_a_1_01_a_request_leaves_an_item_of_the_users_own_as_it_is() {
    let mut stage = Stage::new(&["example.com"], &["juliet@example.com"]);
    let own = stage::item(ROMEO, Subscription::None).with_name("Romeo").with_version(1);
    stage.keep("juliet@example.com", &[Change::SetRosterItem(own.clone())]);
    from_romeo(&mut stage, "subscribe");
    let data = stage.stored("juliet@example.com");
    assert_eq!(data.roster(), [own]);
    assert_eq!(data.pending().len(), 1);
}

#[test]
fn there_is_a_limit_to_the_requests_that_are_kept() {
    let limits = HostLimits::new().with_roster_pending(2, 1 << 20);
    let mut stage = Stage::with(limits, &["example.com"], &["juliet@example.com"]);
    stage.online(BALCONY);
    stage.stanzas(BALCONY);
    for stranger in ["a", "b", "c"] {
        stage.arrives(&format!(
            "<presence type='subscribe' from='{stranger}@example.net' to='juliet@example.com'/>"
        ));
    }
    got(
        &mut stage,
        BALCONY,
        ["subscribe a@example.net > juliet@example.com", "subscribe b@example.net > juliet@example.com"],
    );
    stage.send(BALCONY, "<presence type='unsubscribed' to='a@example.net'/>");
    stage.arrives("<presence type='subscribe' from='c@example.net' to='juliet@example.com'/>");
    got(&mut stage, BALCONY, ["subscribe c@example.net > juliet@example.com"]);
}

#[test]
fn r6121_3_1_6_01_notices_are_for_interested_resources_before_the_push() {
    let mut stage = juliet();
    to_romeo(&mut stage, "subscribe");
    stage.interested(CHAMBER);
    stage.login("juliet@example.com/silent");
    for client in [BALCONY, CHAMBER] {
        stage.stanzas(client);
    }
    from_romeo(&mut stage, "subscribed");
    for client in [BALCONY, CHAMBER] {
        got(
            &mut stage,
            client,
            ["subscribed romeo@example.net > juliet@example.com", "push romeo@example.net to"],
        );
    }
    got(&mut stage, "juliet@example.com/silent", []);
}

#[test]
fn a_notice_that_no_resource_is_interested_in_is_for_those_that_are_there() {
    let mut stage = Stage::new(&["example.com"], &["juliet@example.com"]);
    stage.contact("juliet@example.com", ROMEO, Subscription::To);
    stage.login(BALCONY);
    stage.send(BALCONY, "<presence/>");
    stage.stanzas(BALCONY);
    from_romeo(&mut stage, "unsubscribed");
    got(&mut stage, BALCONY, ["unsubscribed romeo@example.net > juliet@example.com"]);
    assert_eq!(stage.stored("juliet@example.com").pending().len(), 0);
}

#[test]
fn r6121_3_1_6_03_a_notice_waits_while_nobody_is_there() {
    let mut stage = Stage::new(&["example.com"], &["juliet@example.com"]);
    let asked = RosterItem::new(stage::jid(ROMEO)).with_ask(true).with_version(1);
    stage.keep("juliet@example.com", &[Change::SetRosterItem(asked)]);
    from_romeo(&mut stage, "subscribed");
    assert_eq!(stage.stored("juliet@example.com").pending().len(), 1);
    stage.login(BALCONY);
    stage.send(BALCONY, "<presence/>");
    assert!(
        lines(&stage.stanzas(BALCONY)).contains(&"subscribed romeo@example.net > juliet@example.com".into())
    );
    // covers 3921-9.4-02: nobody had to answer
    assert_eq!(stage.stored("juliet@example.com").pending().len(), 0, "told once");
}

#[test]
fn an_answer_ends_a_notice_that_has_not_come_through() {
    let mut stage = Stage::new(&["example.com"], &["juliet@example.com"]);
    stage.contact("juliet@example.com", ROMEO, Subscription::To);
    from_romeo(&mut stage, "unsubscribed");
    assert_eq!(stage.stored("juliet@example.com").pending().len(), 1);
    stage.login(BALCONY);
    to_romeo(&mut stage, "unsubscribe");
    assert_eq!(stage.stored("juliet@example.com").pending().len(), 0);
}

#[test]
fn r6121_3_2_2_01_a_cancellation_without_a_subscriber_goes_nowhere() {
    for state in [Subscription::None, Subscription::To] {
        let mut stage = with(state);
        stage.stanzas(BALCONY);
        to_romeo(&mut stage, "unsubscribed");
        // covers 6121-3.2.2-02
        gone(&mut stage, []);
        got(&mut stage, BALCONY, []);
    }
    let mut stage = juliet();
    stage.stanzas(BALCONY);
    to_romeo(&mut stage, "unsubscribed");
    gone(&mut stage, []);
    assert!(stage.roster("juliet@example.com").is_empty());
}

#[test]
fn r6121_3_4_2_03_a_request_can_be_approved_in_advance() {
    let mut stage = with(Subscription::To);
    stage.stanzas(BALCONY);
    to_romeo(&mut stage, "subscribed");
    got(&mut stage, BALCONY, ["push romeo@example.net to approved"]);
    // covers 6121-3.4.2-04
    gone(&mut stage, []);
}

#[test]
fn r6121_3_4_2_05_also_of_somebody_unknown() {
    let mut stage = juliet();
    stage.stanzas(BALCONY);
    to_romeo(&mut stage, "subscribed");
    got(&mut stage, BALCONY, ["push romeo@example.net none approved"]);
    gone(&mut stage, []);
    from_romeo(&mut stage, "subscribe");
    // covers 6121-3.4.2-06
    // covers 6121-3.1.3-04
    gone(
        &mut stage,
        [
            "subscribed juliet@example.com > romeo@example.net",
            "available juliet@example.com/balcony > romeo@example.net",
        ],
    );
    // covers 6121-3.4.2-07
    assert!(!lines(&stage.stanzas(BALCONY)).iter().any(|line| line.starts_with("subscribe ")));
    assert_eq!(stage.roster("juliet@example.com"), ["romeo@example.net from"]);
}

#[test]
fn r6121_3_2_2_03_and_that_can_be_taken_back() {
    let mut stage = juliet();
    to_romeo(&mut stage, "subscribed");
    stage.stanzas(BALCONY);
    to_romeo(&mut stage, "unsubscribed");
    got(&mut stage, BALCONY, ["push romeo@example.net none"]);
    // covers 6121-3.2.2-04
    gone(&mut stage, []);
    from_romeo(&mut stage, "subscribe");
    got(&mut stage, BALCONY, ["subscribe romeo@example.net > juliet@example.com"]);
}

#[test]
fn r6121_4_3_2_02_a_refused_probe_leaves_an_approval_as_it_is() {
    let mut stage = juliet();
    to_romeo(&mut stage, "subscribed");
    from_romeo(&mut stage, "probe");
    gone(&mut stage, ["unsubscribed juliet@example.com > romeo@example.net"]);
    assert!(stage.stored("juliet@example.com").roster()[0].approved());
}

#[test]
fn r6121_3_4_2_01_who_is_subscribed_need_not_be_approved() {
    for state in [Subscription::From, Subscription::Both] {
        let mut stage = with(state);
        stage.stanzas(BALCONY);
        to_romeo(&mut stage, "subscribed");
        got(&mut stage, BALCONY, []);
        gone(&mut stage, []);
    }
}

#[test]
fn r6121_3_4_2_02_whose_request_waits_is_approved_as_usual() {
    let mut stage = juliet();
    from_romeo(&mut stage, "subscribe");
    stage.stanzas(BALCONY);
    to_romeo(&mut stage, "subscribed");
    got(&mut stage, BALCONY, ["push romeo@example.net from"]);
    assert!(
        lines(&stage.gone_stanzas()).contains(&"subscribed juliet@example.com > romeo@example.net".into())
    );
}

#[test]
fn r6121_3_3_3_02_who_was_never_approved_can_withdraw() {
    let mut stage = Stage::new(&["example.com"], &["juliet@example.com"]);
    from_romeo(&mut stage, "subscribe");
    from_romeo(&mut stage, "unsubscribe");
    stage.gone();
    assert!(
        !stage.stored("juliet@example.com").pending().iter().any(|kept| kept.presence().id() == Some("s"))
    );
    stage.login(BALCONY);
    stage.send(BALCONY, "<presence/>");
    assert!(!lines(&stage.stanzas(BALCONY)).iter().any(|line| line.starts_with("subscribe ")));
    // And who never asked is not heard at all.
    let mut stage = with(Subscription::To);
    stage.stanzas(BALCONY);
    from_romeo(&mut stage, "unsubscribe");
    got(&mut stage, BALCONY, []);
    gone(&mut stage, []);
}

#[test]
fn r6121_3_2_3_02_a_cancellation_of_nothing_is_nothing() {
    for state in [Subscription::None, Subscription::From] {
        let mut stage = with(state);
        stage.stanzas(BALCONY);
        from_romeo(&mut stage, "unsubscribed");
        got(&mut stage, BALCONY, []);
        assert_eq!(stage.roster("juliet@example.com"), [format!("romeo@example.net {}", state.name())]);
    }
}

#[test]
fn nobody_learns_whether_there_is_such_an_account() {
    let mut stage = juliet();
    for type_ in ["subscribe", "subscribed", "unsubscribe", "unsubscribed"] {
        stage.arrives(&format!("<presence type='{type_}' from='{ROMEO}' to='nobody@example.com'/>"));
        // covers 6121-8.5.1-03
        // covers 3921-11.1-03
        gone(&mut stage, []);
    }
}

#[test]
fn a_step_that_cannot_be_stored_has_not_happened() {
    let mut stage = juliet();
    stage.slow_storage("example.com");
    stage.stanzas(BALCONY);
    to_romeo(&mut stage, "subscribe");
    got(&mut stage, BALCONY, []);
    gone(&mut stage, []);
    stage.fail("example.com");
    got(&mut stage, BALCONY, ["error romeo@example.net > juliet@example.com/balcony internal-server-error"]);
    gone(&mut stage, []);
    // A later one is as if there had been none before.
    to_romeo(&mut stage, "subscribe");
    stage.store("example.com");
    got(&mut stage, BALCONY, ["push romeo@example.net none ask"]);
    gone(&mut stage, ["subscribe juliet@example.com > romeo@example.net"]);
}

#[test]
fn presence_is_told_again_after_a_failure_that_may_have_swallowed_it() {
    let mut stage = with(Subscription::From);
    from_romeo(&mut stage, "unsubscribe");
    stage.gone();
    to_romeo(&mut stage, "subscribed");
    let mut stage = with(Subscription::From);
    stage.slow_storage("example.com");
    stage.send(
        BALCONY,
        "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query></iq>",
    );
    stage.send(BALCONY, "<presence><show>away</show></presence>");
    gone(&mut stage, []);
    stage.fail("example.com");
    gone(&mut stage, ["available juliet@example.com/balcony > romeo@example.net away"]);
}

#[test]
fn directed_presence_ends_with_the_subscription() {
    // covers 6121-4.6.1-01
    let mut stage = with(Subscription::From);
    stage.login(CHAMBER);
    stage.send(CHAMBER, "<presence to='romeo@example.net/orchard'/>");
    stage.gone();
    to_romeo(&mut stage, "unsubscribed");
    gone(
        &mut stage,
        [
            "unavailable juliet@example.com/balcony > romeo@example.net",
            "unavailable juliet@example.com/chamber > romeo@example.net/orchard",
            "unsubscribed juliet@example.com > romeo@example.net",
        ],
    );
    stage.logout(CHAMBER);
    gone(&mut stage, []);
}
