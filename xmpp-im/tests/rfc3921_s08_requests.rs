//! RFC 3921 sections 8.1 to 8.3: rosters and subscriptions together, as somebody asks for one, and gets it or not. Where RFC 6121 has another order, it is the one shown: what is delivered or routed comes before the push, and
//! unavailable presence before the cancellation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod stage;

use stage::Stage;
use stage::script::lines;
use stage::story::{ADD_CONTACT, ADD_USER, CONTACT, CONTACT_DESK, Story, USER, USER_DESK, USER_OTHER};
use xmpp_im::store::Subscription;

#[test]
fn r3921_8_2_08_a_user_asks_and_the_contact_hears() {
    let mut story = Story::begins();
    story.user(ADD_CONTACT);
    // covers 3921-8.2-05
    // covers 3921-8.2-06
    story.user_got(["push contact@example.org none name=MyContact group=MyBuddies", "result set1"]);
    story.user("<presence to='contact@example.org' type='subscribe'/>");
    story.user_got(["push contact@example.org none ask name=MyContact group=MyBuddies"]);
    // covers 3921-8.2-10
    // covers 3921-8.2-12
    story.wire(["subscribe user@example.com > contact@example.org"]);
}

#[test]
fn r3921_8_2_16_the_request_comes_through_and_shows_in_no_roster() {
    let mut story = Story::begins();
    story.user("<presence to='contact@example.org' type='subscribe'/>");
    // covers 3921-8.2-09
    story.user_got(["push contact@example.org none ask"]);
    // covers 6121-3.1.3-11
    // covers 6121-A.1-01
    story.rosters(&["contact@example.org none"], &[]);
    // covers 3921-8.2-18
    story.contact_got(["subscribe user@example.com > contact@example.org"]);
    let (before, roster) =
        story.0.ask(CONTACT, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>");
    assert!(before.is_empty() && !roster.contains("<item"), "{roster}");
}

#[test]
fn r3921_8_2_11_a_full_jid_is_stripped() {
    let mut story = Story::begins();
    story.user(&format!("<presence to='{CONTACT}' from='{USER}' type='subscribe'/>"));
    // covers 6121-3-01
    // covers 6121-3.1.2-02
    story.wire(["subscribe user@example.com > contact@example.org"]);
    story.contact_got(["subscribe user@example.com > contact@example.org"]);
    // covers 3921-7.1-02: nor is it in the roster
    story.user_got(["push contact@example.org none ask"]);
}

#[test]
fn r3921_8_2_22_the_contact_approves() {
    let mut story = Story::begins();
    story.user(ADD_CONTACT);
    story.user("<presence to='contact@example.org' type='subscribe'/>");
    story.forget();
    story.contact(ADD_USER);
    // covers 3921-8.2-24
    story.contact_got(["push user@example.com none name=SomeUser group=SomeGroup", "result set2"]);
    story.contact("<presence to='user@example.com' type='subscribed'/>");
    story.contact_got(["push user@example.com from name=SomeUser group=SomeGroup"]);
    // covers 3921-8.2-25
    // covers 3921-8.2-26
    // covers 6121-3.1.5-01
    story.wire([
        "subscribed contact@example.org > user@example.com",
        "available contact@example.org/resource > user@example.com",
    ]);
    story.rosters(&["contact@example.org to"], &["user@example.com from"]);
}

#[test]
fn r3921_8_2_23_approval_needs_no_roster_set() {
    let mut story = Story::begins();
    story.user("<presence to='contact@example.org' type='subscribe'/>");
    story.0.interested(USER_DESK);
    story.forget();
    story.contact("<presence to='user@example.com' type='subscribed'/>");
    story.contact_got(["push user@example.com from"]);
    // covers 3921-8.2-32: to all that have asked for the roster
    story.other_got(
        USER_DESK,
        ["subscribed contact@example.org > user@example.com", "push contact@example.org to"],
    );
    // covers 3921-8.2-33
    // covers 3921-8.2-34
    // covers 6121-3.1.6-02
    story.user_got([
        "subscribed contact@example.org > user@example.com",
        "push contact@example.org to",
        "available contact@example.org/resource > user@example.com",
    ]);
}

#[test]
fn r3921_8_2_31_an_approval_that_nobody_asked_for_is_nothing() {
    for state in [Subscription::None, Subscription::To, Subscription::From, Subscription::Both] {
        let mut alone = Stage::new(&["example.com"], &["user@example.com"]);
        alone.contact("user@example.com", "contact@example.org", state);
        alone.online(USER);
        alone.arrives("<presence from='contact@example.org' to='user@example.com' type='subscribed'/>");
        // covers 3921-8.2-29
        assert_eq!(alone.roster("user@example.com"), [format!("contact@example.org {}", state.name())]);
        // covers 3921-8.2-30
        // covers 6121-3.1.6-04
        assert!(alone.stanzas(USER).is_empty());
    }
    let mut story = Story::begins();
    story.0.arrives("<presence from='contact@example.org' to='user@example.com' type='subscribed'/>");
    story.rosters(&[], &[]);
    story.user_got([]);
}

#[test]
fn r3921_8_2_13_errors_about_a_step_reach_the_client() {
    let told = |before, asks: bool, type_: &str| {
        let mut alone = Stage::new(&["example.com"], &["user@example.com"]);
        alone.contact("user@example.com", "contact@example.net", before);
        alone.online(USER);
        if asks {
            alone.arrives("<presence from='contact@example.net' to='user@example.com' type='subscribe'/>");
        }
        alone.send(USER, &format!("<presence to='contact@example.net' type='{type_}' id='s'/>"));
        alone.stanzas(USER);
        alone.arrives(
            "<presence from='contact@example.net' to='user@example.com' type='error' id='s'><error type='cancel'>\
             <remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></presence>",
        );
        lines(&alone.stanzas(USER))
    };
    let error = ["error contact@example.net > user@example.com remote-server-not-found"];
    // covers 6121-3.1.2-04
    assert_eq!(told(Subscription::None, false, "subscribe"), error);
    // covers 3921-8.2-27
    assert_eq!(told(Subscription::None, true, "subscribed"), error);
    // covers 3921-8.3-05
    assert_eq!(told(Subscription::From, false, "subscribe"), error);
    // covers 3921-8.3-14
    assert_eq!(told(Subscription::To, true, "subscribed"), error);
}

#[test]
fn r3921_8_2_15_a_request_is_for_who_is_there_whether_with_the_roster_or_not() {
    let mut story = Story::new();
    story.0.online(USER);
    story.0.login(CONTACT);
    story.contact("<presence/>");
    story.0.interested("contact@example.org/roster");
    story.forget();
    story.user("<presence to='contact@example.org' type='subscribe'/>");
    story.contact_got(["subscribe user@example.com > contact@example.org"]);
    assert_eq!(lines(&story.0.stanzas("contact@example.org/roster")), [""; 0]);
}

#[test]
fn r3921_8_1_04_each_push_is_for_the_session_that_gets_it() {
    let mut story = Story::begins();
    let pda = "user@example.com/pda";
    story.0.interested(pda);
    story.user("<presence to='contact@example.org' type='subscribe'/>");
    for client in [USER, pda] {
        let push = story.0.stanzas(client).pop().unwrap();
        // covers 3921-8.1-03: of the two, `to` is there
        assert_eq!(push.to().map(ToString::to_string).as_deref(), Some(client));
        assert_eq!(push.from(), None);
    }
}

#[test]
fn r3921_8_2_17_a_request_waits_for_a_resource() {
    let mut story = Story::new();
    story.0.online(USER);
    story.0.interested(CONTACT_DESK);
    story.user("<presence to='contact@example.org' type='subscribe'><status>Hi</status><x xmlns='urn:example:x'/></presence>");
    story.user("<presence to='contact@example.org' type='subscribe'/>");
    story.0.interested(CONTACT);
    story.contact_got([]);
    // covers 3921-5.1.6-07: connected or not when the request came
    // covers 3921-8.1-02
    story.other_got(CONTACT_DESK, []);
    for _ in 0..2 {
        story.contact("<presence/>");
        let got: Vec<_> = story.0.stanzas(CONTACT).iter().map(ToString::to_string).collect();
        // covers 3921-5.1.6-04
        // covers 6121-3.1.3-08
        assert_eq!(
            got[1..],
            ["<presence to='contact@example.org' from='user@example.com' type='subscribe'>\
              <status>Hi</status><x xmlns='urn:example:x'/></presence>"]
        );
        story.contact("<presence type='unavailable'/>");
        story.forget();
    }
    story.contact("<presence to='user@example.com' type='unsubscribed'/>");
    story.contact("<presence/>");
    story.contact_got(["available contact@example.org/resource > contact@example.org"]);
}

#[test]
fn r3921_8_2_1_02_the_contact_declines() {
    let mut story = Story::begins();
    story.user(ADD_CONTACT);
    story.user("<presence to='contact@example.org' type='subscribe'/>");
    story.forget();
    story.contact("<presence to='user@example.com' type='unsubscribed'/>");
    story.wire(["unsubscribed contact@example.org > user@example.com"]);
    // covers 3921-8.2.1-04
    // covers 3921-8.2.1-05
    story.user_got([
        "unsubscribed contact@example.org > user@example.com",
        "push contact@example.org none name=MyContact group=MyBuddies",
    ]);
    story.contact_got([]);
    story.rosters(&["contact@example.org none"], &[]);
    // covers 3921-8.2.1-03
    assert!(story.0.stored("contact@example.org").pending().is_empty());
}

#[test]
fn r3921_8_3_03_the_contact_asks_back() {
    let mut story = Story::one_way();
    story.contact("<presence to='user@example.com' type='subscribe'/>");
    story.contact_got(["push user@example.com from ask name=SomeUser group=SomeGroup"]);
    // covers 3921-8.3-04
    story.wire(["subscribe contact@example.org > user@example.com"]);
    // covers 3921-8.3-07
    story.user_got(["subscribe contact@example.org > user@example.com"]);
}

#[test]
fn r3921_8_3_11_the_user_approves_and_both_see_each_other() {
    let mut story = Story::one_way();
    story.contact("<presence to='user@example.com' type='subscribe'/>");
    story.user("<presence><show>away</show></presence>");
    story.forget();
    story.user("<presence to='contact@example.org' type='subscribed'/>");
    story.user_got(["push contact@example.org both name=MyContact group=MyBuddies"]);
    // covers 3921-8.3-12
    // covers 3921-8.3-13
    story.wire([
        "subscribed user@example.com > contact@example.org",
        "available user@example.com/resource > contact@example.org away",
    ]);
    // covers 3921-8.3-19
    // covers 3921-8.3-20
    story.contact_got([
        "subscribed user@example.com > contact@example.org",
        "push user@example.com both name=SomeUser group=SomeGroup",
        "available user@example.com/resource > contact@example.org away",
    ]);
    story.rosters(&["contact@example.org both"], &["user@example.com both"]);
}

#[test]
fn r3921_8_3_21_all_that_the_contact_has_there_see_the_user() {
    let mut story = Story::one_way();
    story.contact("<presence to='user@example.com' type='subscribe'/>");
    let pda = "contact@example.org/pda";
    story.0.login(pda);
    story.0.send(pda, "<presence/>");
    story.0.stanzas(pda);
    story.user("<presence><show>away</show></presence>");
    story.forget();
    story.user("<presence to='contact@example.org' type='subscribed'/>");
    for client in [CONTACT, pda] {
        let got = lines(&story.0.stanzas(client));
        let seen = "available user@example.com/resource > contact@example.org away";
        assert_eq!(got.last().map(String::as_str), Some(seen), "{client}: {got:?}");
    }
}

#[test]
fn r3921_8_3_08_the_request_waits_for_the_user() {
    let mut story = Story::one_way();
    story.user("<presence type='unavailable'/>");
    story.forget();
    story.contact("<presence to='user@example.com' type='subscribe'/>");
    story.user_got([]);
    story.user("<presence/>");
    story.user_got([
        "available user@example.com/resource > user@example.com",
        "subscribe contact@example.org > user@example.com",
        "available contact@example.org/resource > user@example.com",
    ]);
}

#[test]
fn r3921_8_3_18_an_approval_without_a_request_is_nothing() {
    let mut story = Story::one_way();
    story.0.arrives("<presence from='user@example.com' to='contact@example.org' type='subscribed'/>");
    // covers 3921-8.3-16
    // covers 3921-8.3-17
    story.contact_got([]);
    story.rosters(&["contact@example.org to"], &["user@example.com from"]);
}

#[test]
fn r3921_8_3_1_02_the_user_declines() {
    let mut story = Story::one_way();
    story.contact("<presence to='user@example.com' type='subscribe'/>");
    story.forget();
    story.user("<presence to='contact@example.org' type='unsubscribed'/>");
    story.wire(["unsubscribed user@example.com > contact@example.org"]);
    // covers 3921-8.3.1-03
    // covers 3921-8.3.1-04
    story.contact_got([
        "unsubscribed user@example.com > contact@example.org",
        "push user@example.com from name=SomeUser group=SomeGroup",
    ]);
    story.rosters(&["contact@example.org to"], &["user@example.com from"]);
}

/// Both ask, both are approved, one side unsubscribes, the other cancels, and each removes the other: what the rosters say after each step.
#[test]
fn r3921_8_1_01_rosters_follow_every_step() {
    let mut story = Story::begins();
    let remove = |jid: &str| {
        format!(
            "<iq type='set' id='remove1'><query xmlns='jabber:iq:roster'>\
             <item jid='{jid}' subscription='remove'/></query></iq>"
        )
    };
    let to = |jid: &str, type_: &str| format!("<presence to='{jid}' type='{type_}'/>");
    let (user, contact) = ("user@example.com", "contact@example.org");
    let steps = [
        (true, ADD_CONTACT.to_owned(), "none", ""),
        (true, to(contact, "subscribe"), "none", ""),
        (false, to(user, "subscribed"), "to", "from"),
        (false, to(user, "subscribe"), "to", "from"),
        (true, to(contact, "subscribed"), "both", "both"),
        (true, to(contact, "unsubscribe"), "from", "to"),
        (true, to(contact, "unsubscribed"), "none", "none"),
        (false, to(user, "subscribe"), "none", "none"),
        (true, to(contact, "unsubscribed"), "none", "none"),
        (true, to(contact, "subscribe"), "none", "none"),
        (false, to(user, "subscribed"), "to", "from"),
        (true, remove(contact), "", "none"),
        (false, remove(user), "", ""),
    ];
    for (is_users, stanza, users, contacts) in steps {
        if is_users {
            story.user(&stanza)
        } else {
            story.contact(&stanza)
        }
        let roster = |jid: &str, state: &str| match state {
            "" => Vec::new(),
            _ => vec![format!("{jid} {state}")],
        };
        assert_eq!(story.0.roster(user), roster(contact, users), "{stanza}");
        assert_eq!(story.0.roster(contact), roster(user, contacts), "{stanza}");
    }
}

#[test]
fn r3921_8_2_26_an_approval_shows_every_resource_to_every_resource() {
    let mut story = Story::crowded(Subscription::None, Subscription::None);
    story.user("<presence to='contact@example.org' type='subscribe'/>");
    story.forget();
    story.0.stanzas(USER_OTHER);
    story.contact("<presence to='user@example.com' type='subscribed'/>");
    story.wire([
        "subscribed contact@example.org > user@example.com",
        "available contact@example.org/resource > user@example.com",
        "available contact@example.org/other > user@example.com",
    ]);
    // covers 3921-8.2-34
    story.other_got(
        USER_OTHER,
        [
            "subscribed contact@example.org > user@example.com",
            "push contact@example.org to name=MyContact group=MyBuddies",
            "available contact@example.org/resource > user@example.com",
            "available contact@example.org/other > user@example.com",
        ],
    );
    story.contact("<presence to='user@example.com' type='subscribe'/>");
    story.forget();
    story.user("<presence to='contact@example.org' type='subscribed'/>");
    // covers 3921-8.3-13
    story.wire([
        "subscribed user@example.com > contact@example.org",
        "available user@example.com/resource > contact@example.org",
        "available user@example.com/other > contact@example.org",
    ]);
}
