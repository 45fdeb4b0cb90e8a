//! RFC 3921 sections 8.4 to 8.6 and 9.4: how subscriptions end, and what is told until it was heard. Where RFC 6121 has another order, it is the one shown: what is delivered or routed comes before the push, and
//! unavailable presence before the cancellation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod stage;

use stage::script::lines;
use stage::story::{ADD_USER, CONTACT, CONTACT_DESK, Story, USER, USER_OTHER};
use stage::{Stage, item};
use xmpp_im::store::{Change, Subscription};

#[test]
fn r3921_8_4_1_02_the_user_unsubscribes() {
    let mut story = Story::one_way();
    story.user("<presence to='contact@example.org' type='unsubscribe'/>");
    // covers 3921-8.4.1-03
    // covers 3921-8.4.1-09
    // covers 3921-8.4.1-10
    story.wire([
        "unsubscribe user@example.com > contact@example.org",
        "unavailable contact@example.org/resource > user@example.com",
        "unsubscribed contact@example.org > user@example.com",
    ]);
    // covers 3921-8.4.1-11: told is the presence, not the answer to what is no news any more
    story.user_got([
        "push contact@example.org none name=MyContact group=MyBuddies",
        "unavailable contact@example.org/resource > user@example.com",
    ]);
}

#[test]
fn r3921_8_4_1_04_the_contact_learns_of_it() {
    let mut story = Story::one_way();
    story.0.interested(CONTACT_DESK);
    story.user("<presence to='contact@example.org' type='unsubscribe'/>");
    // covers 3921-8.4.1-06
    // covers 6121-3.3.3-01
    story.other_got(
        CONTACT_DESK,
        [
            "unsubscribe user@example.com > contact@example.org",
            "push user@example.com none name=SomeUser group=SomeGroup",
        ],
    );
    story.contact_got([
        "unsubscribe user@example.com > contact@example.org",
        "push user@example.com none name=SomeUser group=SomeGroup",
    ]);
    story.rosters(&["contact@example.org none"], &["user@example.com none"]);
}

#[test]
fn r3921_8_4_2_02_the_user_unsubscribes_from_a_mutual_subscription() {
    let mut story = Story::between(Subscription::Both, Subscription::Both);
    story.user("<presence to='contact@example.org' type='unsubscribe'/>");
    // covers 3921-8.4.2-03
    // covers 3921-8.4.2-09
    // covers 3921-8.4.2-10
    story.wire([
        "unsubscribe user@example.com > contact@example.org",
        "unavailable contact@example.org/resource > user@example.com",
        "unsubscribed contact@example.org > user@example.com",
    ]);
    // covers 3921-8.4.2-11: as above
    story.user_got([
        "push contact@example.org from name=MyContact group=MyBuddies",
        "unavailable contact@example.org/resource > user@example.com",
    ]);
}

#[test]
fn r3921_8_4_2_04_the_contact_keeps_its_own_subscription() {
    let mut story = Story::between(Subscription::Both, Subscription::Both);
    story.user("<presence to='contact@example.org' type='unsubscribe'/>");
    // covers 3921-8.4.2-06
    story.contact_got([
        "unsubscribe user@example.com > contact@example.org",
        "push user@example.com to name=SomeUser group=SomeGroup",
    ]);
    story.rosters(&["contact@example.org from"], &["user@example.com to"]);
}

#[test]
fn r3921_8_5_1_02_the_contact_cancels() {
    let mut story = Story::one_way();
    story.contact("<presence to='user@example.com' type='unsubscribed'/>");
    story.contact_got(["push user@example.com none name=SomeUser group=SomeGroup"]);
    // covers 3921-8.5.1-03
    // covers 3921-8.5.1-04
    // covers 6121-3.2.2-05
    story.wire([
        "unavailable contact@example.org/resource > user@example.com",
        "unsubscribed contact@example.org > user@example.com",
    ]);
}

#[test]
fn r3921_8_5_1_05_the_user_learns_of_it() {
    let mut story = Story::one_way();
    story.contact("<presence to='user@example.com' type='unsubscribed'/>");
    // covers 3921-8.5.1-07
    // covers 3921-8.5.1-08
    // covers 6121-3.2.3-01
    story.user_got([
        "unavailable contact@example.org/resource > user@example.com",
        "unsubscribed contact@example.org > user@example.com",
        "push contact@example.org none name=MyContact group=MyBuddies",
    ]);
    story.rosters(&["contact@example.org none"], &["user@example.com none"]);
}

#[test]
fn r3921_8_5_2_02_the_contact_cancels_a_mutual_subscription() {
    let mut story = Story::between(Subscription::Both, Subscription::Both);
    story.contact("<presence to='user@example.com' type='unsubscribed'/>");
    story.contact_got(["push user@example.com to name=SomeUser group=SomeGroup"]);
    // covers 3921-8.5.2-03
    // covers 3921-8.5.2-04
    story.wire([
        "unavailable contact@example.org/resource > user@example.com",
        "unsubscribed contact@example.org > user@example.com",
    ]);
}

#[test]
fn r3921_8_5_2_05_the_user_stays_seen() {
    let mut story = Story::between(Subscription::Both, Subscription::Both);
    story.contact("<presence to='user@example.com' type='unsubscribed'/>");
    // covers 3921-8.5.2-07
    // covers 3921-8.5.2-08
    story.user_got([
        "unavailable contact@example.org/resource > user@example.com",
        "unsubscribed contact@example.org > user@example.com",
        "push contact@example.org from name=MyContact group=MyBuddies",
    ]);
    story.user("<presence><show>xa</show></presence>");
    story.contact_got([
        "push user@example.com to name=SomeUser group=SomeGroup",
        "available user@example.com/resource > contact@example.org xa",
    ]);
}

/// The side that learns of a change while it is away: what the roster says when it comes back, and what it is told once.
#[test]
fn changes_wait_for_who_is_away() {
    let get = "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>";
    let (none, to, from, both) =
        (Subscription::None, Subscription::To, Subscription::From, Subscription::Both);
    let waits = |before, type_, after: Subscription| {
        let mut story = Story::new();
        story.0.contact("user@example.com", "contact@example.org", before);
        let stanza = format!("<presence from='contact@example.org' to='user@example.com' type='{type_}'/>");
        story.0.arrives(&stanza);
        story.0.login(USER);
        let (pushes, roster) = story.0.ask(USER, get);
        assert!(pushes.is_empty());
        assert!(roster.contains(&format!("subscription='{}'", after.name())), "{roster}");
        story.user("<presence/>");
        let notice = format!("{type_} contact@example.org > user@example.com");
        // covers 3921-9.4-01
        assert!(lines(&story.0.stanzas(USER)).contains(&notice));
        story.user("<presence type='unavailable'/>");
        story.forget();
        story.user("<presence/>");
        assert!(!lines(&story.0.stanzas(USER)).contains(&notice), "once");
    };
    // covers 3921-8.4.1-05
    waits(from, "unsubscribe", none);
    // covers 3921-8.4.2-05
    waits(both, "unsubscribe", to);
    // covers 3921-8.5.1-06
    waits(to, "unsubscribed", none);
    // covers 3921-8.5.2-06
    waits(both, "unsubscribed", from);
}

/// How often the user hears of a change at it and at the logins behind it: there when it comes or away, without an answer or with that one.
fn times_told(before: Subscription, ask: bool, type_: &str, answer: &str) -> [usize; 4] {
    let notice = format!("{type_} contact@example.org > user@example.com");
    [(true, false), (true, true), (false, false), (false, true)].map(|(is_there, answers)| {
        let mut alone = Stage::new(&["example.com"], &["user@example.com"]);
        let contact = item("contact@example.org", before).with_ask(ask).with_version(1);
        alone.keep("user@example.com", &[Change::SetRosterItem(contact)]);
        if is_there {
            alone.online(USER);
        }
        alone
            .arrives(&format!("<presence from='contact@example.org' to='user@example.com' type='{type_}'/>"));
        let mut heard = Vec::new();
        if !is_there {
            alone.login(USER);
            alone.send(USER, "<presence/>");
        }
        heard.extend(lines(&alone.stanzas(USER)));
        if answers {
            alone.send(USER, &format!("<presence to='contact@example.org' type='{answer}'/>"));
        }
        for client in ["user@example.com/second", "user@example.com/third"] {
            alone.login(client);
            alone.send(client, "<presence/>");
            heard.extend(lines(&alone.stanzas(client)));
            heard.extend(lines(&alone.stanzas(USER)));
            alone.send(USER, "<presence type='unavailable'/>");
            alone.send(USER, "<presence/>");
            heard.extend(lines(&alone.stanzas(USER)));
            alone.logout(client);
        }
        heard.iter().filter(|line| **line == notice).count()
    })
}

#[test]
fn r3921_8_2_36_an_answer_to_a_request_is_told_once() {
    let (none, from) = (Subscription::None, Subscription::From);
    assert_eq!(times_told(none, true, "subscribed", "subscribe"), [1; 4]);
    // covers 3921-8.2.1-07
    assert_eq!(times_told(none, true, "unsubscribed", "unsubscribe"), [1; 4]);
    // covers 3921-8.3-23
    assert_eq!(times_told(from, true, "subscribed", "subscribe"), [1; 4]);
    // covers 3921-8.3.1-06
    assert_eq!(times_told(from, true, "unsubscribed", "unsubscribe"), [1; 4]);
}

#[test]
fn r3921_8_4_1_08_the_end_of_a_subscription_is_told_once() {
    let (to, from, both) = (Subscription::To, Subscription::From, Subscription::Both);
    assert_eq!(times_told(from, false, "unsubscribe", "unsubscribed"), [1; 4]);
    // covers 3921-8.4.2-08
    assert_eq!(times_told(both, false, "unsubscribe", "unsubscribed"), [1; 4]);
    // covers 3921-8.5.1-10
    assert_eq!(times_told(to, false, "unsubscribed", "unsubscribe"), [1; 4]);
    // covers 3921-8.5.2-10
    assert_eq!(times_told(both, false, "unsubscribed", "unsubscribe"), [1; 4]);
}

#[test]
fn r3921_8_4_1_13_the_answer_to_an_unsubscribe_is_not_told_at_all() {
    assert_eq!(times_told(Subscription::None, false, "unsubscribed", "unsubscribe"), [0; 4]);
    // covers 3921-8.4.2-13
    assert_eq!(times_told(Subscription::From, false, "unsubscribed", "unsubscribe"), [0; 4]);
}

#[test]
fn r3921_8_4_1_10_who_unsubscribes_hears_that_every_resource_is_gone() {
    for (user, contact) in [(Subscription::To, Subscription::From), (Subscription::Both, Subscription::Both)]
    {
        let mut story = Story::crowded(user, contact);
        story.user("<presence to='contact@example.org' type='unsubscribe'/>");
        // covers 3921-8.4.2-10
        story.wire([
            "unsubscribe user@example.com > contact@example.org",
            "unavailable contact@example.org/resource > user@example.com",
            "unavailable contact@example.org/other > user@example.com",
            "unsubscribed contact@example.org > user@example.com",
        ]);
    }
}

#[test]
fn r3921_8_5_1_04_who_is_cancelled_hears_that_every_resource_is_gone() {
    for (user, contact) in [(Subscription::To, Subscription::From), (Subscription::Both, Subscription::Both)]
    {
        let mut story = Story::crowded(user, contact);
        story.contact("<presence to='user@example.com' type='unsubscribed'/>");
        // covers 3921-8.5.2-04
        story.wire([
            "unavailable contact@example.org/resource > user@example.com",
            "unavailable contact@example.org/other > user@example.com",
            "unsubscribed contact@example.org > user@example.com",
        ]);
    }
}

#[test]
fn r3921_8_5_1_07_every_resource_hears_of_a_cancellation() {
    for (user, contact, left) in
        [(Subscription::To, Subscription::From, "none"), (Subscription::Both, Subscription::Both, "from")]
    {
        let mut story = Story::crowded(user, contact);
        story.contact("<presence to='user@example.com' type='unsubscribed'/>");
        for client in [USER, USER_OTHER] {
            // covers 3921-8.5.1-08
            // covers 3921-8.5.2-07
            // covers 3921-8.5.2-08
            story.other_got(
                client,
                [
                    "unavailable contact@example.org/resource > user@example.com",
                    "unavailable contact@example.org/other > user@example.com",
                    "unsubscribed contact@example.org > user@example.com",
                    &format!("push contact@example.org {left} name=MyContact group=MyBuddies"),
                ],
            );
        }
    }
}

#[test]
fn r3921_8_6_01_a_removal_cancels_both_ways() {
    let mut story = Story::between(Subscription::Both, Subscription::Both);
    story.user(
        "<iq type='set' id='remove1'><query xmlns='jabber:iq:roster'>\
         <item jid='contact@example.org' subscription='remove'/></query></iq>",
    );
    let wire = lines(&story.0.wire());
    // covers 3921-8.6-04
    // covers 3921-9.4-06
    assert_eq!(
        wire[..3],
        [
            "unsubscribe user@example.com > contact@example.org",
            "unavailable user@example.com/resource > contact@example.org",
            "unsubscribed user@example.com > contact@example.org",
        ]
    );
    let mut got = lines(&story.0.stanzas(USER));
    got.retain(|line| !line.starts_with("unavailable contact@example.org"));
    got.sort();
    // covers 3921-8.6-02
    // covers 3921-8.6-03
    assert_eq!(got, ["push contact@example.org remove", "result remove1"]);
    story.rosters(&[], &["user@example.com none"]);
}

#[test]
fn r3921_8_6_05_the_other_side_of_a_removal() {
    let mut story = Story::between(Subscription::Both, Subscription::Both);
    story.0.interested(CONTACT_DESK);
    story.user(
        "<iq type='set' id='remove1'><query xmlns='jabber:iq:roster'>\
         <item jid='contact@example.org' subscription='remove'/></query></iq>",
    );
    // covers 3921-8.6-07: to all that have asked for the roster
    // covers 3921-8.6-10
    story.other_got(
        CONTACT_DESK,
        [
            "unsubscribe user@example.com > contact@example.org",
            "push user@example.com to name=SomeUser group=SomeGroup",
            "unsubscribed user@example.com > contact@example.org",
            "push user@example.com none name=SomeUser group=SomeGroup",
        ],
    );
    // covers 3921-8.6-08
    // covers 3921-8.6-11
    story.contact_got([
        "unsubscribe user@example.com > contact@example.org",
        "push user@example.com to name=SomeUser group=SomeGroup",
        "unavailable user@example.com/resource > contact@example.org",
        "unsubscribed user@example.com > contact@example.org",
        "push user@example.com none name=SomeUser group=SomeGroup",
    ]);
}

#[test]
fn r3921_8_6_06_the_other_side_of_a_removal_while_it_is_away() {
    let mut story = Story::between(Subscription::Both, Subscription::Both);
    story.0.logout(CONTACT);
    story.user(
        "<iq type='set' id='remove1'><query xmlns='jabber:iq:roster'>\
         <item jid='contact@example.org' subscription='remove'/></query></iq>",
    );
    // covers 3921-8.6-09
    story.rosters(&[], &["user@example.com none"]);
}

#[test]
fn r3921_9_4_05_any_answer_ends_the_asking() {
    for answer in ["subscribed", "unsubscribed"] {
        let mut story = Story::new();
        story.0.arrives("<presence from='user@example.com' to='contact@example.org' type='subscribe'/>");
        story.0.online(CONTACT);
        story.forget();
        story.contact("<presence type='unavailable'/>");
        story.contact("<presence/>");
        // covers 3921-9.4-03
        // covers 3921-9.4-04
        assert!(
            lines(&story.0.stanzas(CONTACT))
                .contains(&"subscribe user@example.com > contact@example.org".into())
        );
        story.contact(&format!("<presence to='user@example.com' type='{answer}'/>"));
        story.contact("<presence type='unavailable'/>");
        story.forget();
        story.contact("<presence/>");
        story.contact_got(["available contact@example.org/resource > contact@example.org"]);
    }
}

#[test]
fn r3921_9_4_07_a_removal_is_an_answer() {
    let mut story = Story::new();
    story.0.arrives("<presence from='user@example.com' to='contact@example.org' type='subscribe'/>");
    story.0.online(CONTACT);
    story.contact(ADD_USER);
    story.contact(
        "<iq type='set' id='remove1'><query xmlns='jabber:iq:roster'>\
         <item jid='user@example.com' subscription='remove'/></query></iq>",
    );
    story.contact("<presence type='unavailable'/>");
    story.forget();
    story.contact("<presence/>");
    story.contact_got(["available contact@example.org/resource > contact@example.org"]);
}
