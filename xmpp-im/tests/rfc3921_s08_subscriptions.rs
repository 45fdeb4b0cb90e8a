//! RFC 3921 section 8: rosters and subscriptions together, as the RFC tells it of <user@example.com> and <contact@example.org>, each
//! on a server of their own. Where RFC 6121 has another order, it is the one shown: what is delivered or routed comes before the push, and
//! unavailable presence before the cancellation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod stage;

use stage::script::{got, lines};
use stage::{Stage, item};
use xmpp_im::store::{Change, Subscription};

const USER: &str = "user@example.com/resource";
const CONTACT: &str = "contact@example.org/resource";
/// Others of theirs, which ask for the roster and never become available.
const USER_DESK: &str = "user@example.com/desk";
const CONTACT_DESK: &str = "contact@example.org/desk";
/// And others that are as available as the first.
const USER_OTHER: &str = "user@example.com/other";
const CONTACT_OTHER: &str = "contact@example.org/other";

const ADD_CONTACT: &str = "<iq type='set' id='set1'><query xmlns='jabber:iq:roster'>\
    <item jid='contact@example.org' name='MyContact'><group>MyBuddies</group></item></query></iq>";
const ADD_USER: &str = "<iq type='set' id='set2'><query xmlns='jabber:iq:roster'>\
    <item jid='user@example.com' name='SomeUser'><group>SomeGroup</group></item></query></iq>";

/// The two servers, and what went between them and to the clients since the last look.
struct Story(Stage);

impl Story {
    fn new() -> Self {
        Story(Stage::new(&["example.com", "example.org"], &["user@example.com", "contact@example.org"]))
    }

    /// Both are there, and have their rosters.
    fn begins() -> Self {
        let mut story = Story::new();
        story.0.online(USER);
        story.0.online(CONTACT);
        story
    }

    /// Each has the other in the roster, with the names of the RFC, and is there.
    fn between(user: Subscription, contact: Subscription) -> Self {
        let mut story = Story::new();
        story.0.contact("user@example.com", "contact@example.org", user);
        story.0.contact("contact@example.org", "user@example.com", contact);
        for (client, set) in [(USER, ADD_CONTACT), (CONTACT, ADD_USER)] {
            story.0.interested(client);
            story.0.send(client, set);
            story.0.send(client, "<presence/>");
        }
        story.forget();
        story
    }

    /// [`between`](Self::between), with two resources each.
    fn crowded(user: Subscription, contact: Subscription) -> Self {
        let mut story = Story::between(user, contact);
        for client in [USER_OTHER, CONTACT_OTHER] {
            story.0.online(client);
        }
        story.forget();
        story.0.stanzas(USER_OTHER);
        story
    }

    fn forget(&mut self) {
        self.0.wire();
        for client in [USER, CONTACT] {
            if self.0.is_there(client) {
                self.0.stanzas(client);
            }
        }
    }

    fn user(&mut self, text: &str) {
        self.0.send(USER, text);
    }

    fn contact(&mut self, text: &str) {
        self.0.send(CONTACT, text);
    }

    #[track_caller]
    fn other_got<const N: usize>(&mut self, other: &str, expected: [&str; N]) {
        assert_eq!(lines(&self.0.stanzas(other)), expected);
    }

    #[track_caller]
    fn user_got<const N: usize>(&mut self, expected: [&str; N]) {
        got(&mut self.0, USER, expected);
    }

    #[track_caller]
    fn contact_got<const N: usize>(&mut self, expected: [&str; N]) {
        got(&mut self.0, CONTACT, expected);
    }

    /// What went over the wire, in order, in both directions.
    #[track_caller]
    fn wire<const N: usize>(&mut self, expected: [&str; N]) {
        assert_eq!(lines(&self.0.wire()), expected);
    }

    #[track_caller]
    fn rosters(&mut self, user: &[&str], contact: &[&str]) {
        assert_eq!(self.0.roster("user@example.com"), user);
        assert_eq!(self.0.roster("contact@example.org"), contact);
    }
}

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

/// Where section 8.3 begins: the user is subscribed, and the contact has the user in the roster.
fn one_way() -> Story {
    Story::between(Subscription::To, Subscription::From)
}

#[test]
fn r3921_8_3_03_the_contact_asks_back() {
    let mut story = one_way();
    story.contact("<presence to='user@example.com' type='subscribe'/>");
    story.contact_got(["push user@example.com from ask name=SomeUser group=SomeGroup"]);
    // covers 3921-8.3-04
    story.wire(["subscribe contact@example.org > user@example.com"]);
    // covers 3921-8.3-07
    story.user_got(["subscribe contact@example.org > user@example.com"]);
}

#[test]
fn r3921_8_3_11_the_user_approves_and_both_see_each_other() {
    let mut story = one_way();
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
    let mut story = one_way();
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
    let mut story = one_way();
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
    let mut story = one_way();
    story.0.arrives("<presence from='user@example.com' to='contact@example.org' type='subscribed'/>");
    // covers 3921-8.3-16
    // covers 3921-8.3-17
    story.contact_got([]);
    story.rosters(&["contact@example.org to"], &["user@example.com from"]);
}

#[test]
fn r3921_8_3_1_02_the_user_declines() {
    let mut story = one_way();
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

#[test]
fn r3921_8_4_1_02_the_user_unsubscribes() {
    let mut story = one_way();
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
    let mut story = one_way();
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
    let mut story = one_way();
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
    let mut story = one_way();
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
