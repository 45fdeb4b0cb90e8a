//! RFC 6121 section 4: what it has changed about presence, with its juliet@example.com, who has the resources "balcony" and "chamber".
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod stage;

use stage::Stage;
use stage::script::{gone, got, lines};
use xmpp_core::stanza::Stanza;
use xmpp_im::limits::HostLimits;
use xmpp_im::store::{Change, RosterItem, Subscription};

const BALCONY: &str = "juliet@example.com/balcony";
const CHAMBER: &str = "juliet@example.com/chamber";

fn juliet() -> Stage {
    let mut stage = Stage::new(&["example.com"], &["juliet@example.com", "mercutio@example.com"]);
    for contact in ["romeo@example.net", "mercutio@example.com", "benvolio@example.net"] {
        stage.contact("juliet@example.com", contact, Subscription::Both);
    }
    stage.contact("mercutio@example.com", "juliet@example.com", Subscription::Both);
    stage
}

fn balcony() -> Stage {
    let mut stage = juliet();
    stage.online(BALCONY);
    stage.gone();
    stage
}

#[test]
fn r6121_4_3_1_01_each_presence_session_asks_anew() {
    let mut stage = balcony();
    stage.login(CHAMBER);
    stage.send(CHAMBER, "<presence/>");
    gone(
        &mut stage,
        [
            "available juliet@example.com/chamber > benvolio@example.net",
            "available juliet@example.com/chamber > romeo@example.net",
            "probe juliet@example.com > benvolio@example.net",
            "probe juliet@example.com > romeo@example.net",
        ],
    );
}

#[test]
fn a_contact_on_the_same_server_who_is_offline_is_told_so() {
    let mut stage = juliet();
    stage.login(BALCONY);
    stage.send(BALCONY, "<presence/>");
    got(
        &mut stage,
        BALCONY,
        [
            "available juliet@example.com/balcony > juliet@example.com",
            "unavailable mercutio@example.com > juliet@example.com",
        ],
    );
}

#[test]
fn r6121_4_3_04_a_probe_of_a_client_is_answered_like_any_other() {
    let mut stage = balcony();
    stage.send(BALCONY, "<presence type='probe' to='mercutio@example.com' id='p'/>");
    // covers 6121-4.3-05
    got(&mut stage, BALCONY, ["unavailable mercutio@example.com > juliet@example.com/balcony"]);
    stage.send(BALCONY, "<presence type='probe' to='romeo@example.net' id='p'/>");
    gone(&mut stage, ["probe juliet@example.com/balcony > romeo@example.net"]);
    stage.send(BALCONY, "<presence type='probe'/>");
    got(&mut stage, BALCONY, ["available juliet@example.com/balcony > juliet@example.com"]);
}

#[test]
fn r6121_4_6_1_03_who_leaves_need_not_be_told_of_leaving() {
    let mut stage = balcony();
    for room in ["a@chat.example.net/j", "b@chat.example.net/j"] {
        stage.send(BALCONY, &format!("<presence to='{room}'/>"));
    }
    stage.gone();
    stage.arrives(
        "<presence type='unavailable' from='a@chat.example.net/j' to='juliet@example.com/balcony'/>",
    );
    stage.send(BALCONY, "<presence type='unavailable'/>");
    let told = lines(&stage.gone_stanzas());
    let rooms: Vec<_> = told.iter().filter(|line| line.contains("chat")).collect();
    assert_eq!(rooms, ["unavailable juliet@example.com/balcony > b@chat.example.net/j"]);
}

#[test]
fn r6121_4_6_6_01_who_got_directed_presence_asks_for_that_resource_alone() {
    let mut stage = balcony();
    stage.arrives("<presence from='nurse@example.net/kitchen' to='juliet@example.com/balcony'/>");
    stage.stanzas(BALCONY);
    stage.send(BALCONY, "<presence type='probe' to='nurse@example.net/kitchen' id='p'/>");
    gone(&mut stage, ["probe juliet@example.com/balcony > nurse@example.net/kitchen"]);
}

#[test]
fn r6121_4_6_6_03_a_room_may_ask_after_its_occupant() {
    let mut stage = balcony();
    stage.send(BALCONY, "<presence to='a@chat.example.net/j'><show>xa</show></presence>");
    stage.gone();
    let asks = "<presence type='probe' id='p' from='a@chat.example.net/j' to='juliet@example.com/balcony'/>";
    stage.arrives(asks);
    gone(&mut stage, ["available juliet@example.com/balcony > a@chat.example.net/j"]);
    stage.send(BALCONY, "<presence to='a@chat.example.net/j' type='unavailable'/>");
    stage.gone();
    stage.arrives(asks);
    gone(&mut stage, ["unsubscribed juliet@example.com > a@chat.example.net"]);
}

#[test]
fn r6121_8_5_3_1_04_presence_to_a_resource_is_for_that_one() {
    let mut stage = balcony();
    stage.online(CHAMBER);
    stage.stanzas(BALCONY);
    stage.arrives("<presence from='romeo@example.net/o' to='juliet@example.com/chamber'/>");
    got(&mut stage, CHAMBER, ["available romeo@example.net/o > juliet@example.com/chamber"]);
    got(&mut stage, BALCONY, []);
    // covers 6121-8.5.3.2.2-01
    // covers 3921-11.1-06
    stage.arrives("<presence from='romeo@example.net/o' to='juliet@example.com/garden'/>");
    got(&mut stage, CHAMBER, []);
    got(&mut stage, BALCONY, []);
}

#[test]
fn a_session_that_ends_while_its_account_is_loaded_again_says_goodbye() {
    let mut stage = balcony();
    stage.slow_storage("example.com");
    for contact in ["nurse", "tybalt"] {
        stage.send(
            BALCONY,
            &format!(
                "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='{contact}@example.com'/></query></iq>"
            ),
        );
    }
    // The load has to see the second change, so it waits.
    stage.fail("example.com");
    stage.logout(BALCONY);
    gone(&mut stage, []);
    stage.store("example.com");
    gone(
        &mut stage,
        [
            "unavailable juliet@example.com/balcony > benvolio@example.net",
            "unavailable juliet@example.com/balcony > romeo@example.net",
        ],
    );
}

#[test]
fn presence_told_many_times_while_storage_is_slow_is_told_once() {
    let mut stage = balcony();
    stage.slow_storage("example.com");
    stage.send(
        BALCONY,
        "<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query></iq>",
    );
    for show in ["away", "chat", "dnd"].repeat(100) {
        stage.send(BALCONY, &format!("<presence><show>{show}</show></presence>"));
        stage.arrives("<presence type='probe' from='romeo@example.net' to='juliet@example.com'/>");
    }
    gone(&mut stage, []);
    stage.store("example.com");
    gone(
        &mut stage,
        [
            "available juliet@example.com/balcony > benvolio@example.net dnd",
            "available juliet@example.com/balcony > romeo@example.net dnd",
        ],
    );
}

/// Every copy shares what it says with all others, so the cost of a contact is that of its addresses.
#[test]
fn a_login_with_ten_thousand_contacts_costs_what_it_says() {
    let status = "x".repeat(10_000);
    let told = |contacts: usize| {
        let limits = HostLimits::new();
        let mut stage = Stage::with(limits, &["example.com"], &["juliet@example.com"]);
        let items = (0..contacts).map(|number| {
            let contact = stage::jid(&format!("c{number}@d{}.example.net", number % 7));
            let item = RosterItem::new(contact).with_subscription(Subscription::Both);
            Change::SetRosterItem(item.with_version(number as u64 + 1))
        });
        stage.keep("juliet@example.com", &items.collect::<Vec<_>>());
        stage.login(BALCONY);
        let begun = std::time::Instant::now();
        stage.send(BALCONY, &format!("<presence><status>{status}</status></presence>"));
        let spent = begun.elapsed();
        let gone = stage.gone_stanzas();
        assert_eq!(gone.len(), 2 * contacts);
        // The text is the same one, not as many.
        let texts = gone.iter().filter_map(|stanza| match stanza {
            Stanza::Presence(presence) => presence.children().next().map(|status| status.text().as_ptr()),
            _ => None,
        });
        assert_eq!(texts.collect::<std::collections::BTreeSet<_>>().len(), 1);
        spent
    };
    told(1_000);
    let (small, large) = (told(1_000), told(10_000));
    println!("{small:?} for 1,000 contacts, {large:?} for 10,000");
    assert!(large < small * 40, "{small:?} for 1,000 contacts, {large:?} for 10,000");
}
