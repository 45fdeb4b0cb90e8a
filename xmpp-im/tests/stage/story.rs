//! The two of RFC 3921 section 8, <user@example.com> and <contact@example.org>, each on a server of their own.

use xmpp_im::store::Subscription;

use super::Stage;
use super::script::{got, lines};

pub const USER: &str = "user@example.com/resource";
pub const CONTACT: &str = "contact@example.org/resource";
/// Others of theirs, which ask for the roster and never become available.
pub const USER_DESK: &str = "user@example.com/desk";
pub const CONTACT_DESK: &str = "contact@example.org/desk";
/// And others that are as available as the first.
pub const USER_OTHER: &str = "user@example.com/other";
pub const CONTACT_OTHER: &str = "contact@example.org/other";

pub const ADD_CONTACT: &str = "<iq type='set' id='set1'><query xmlns='jabber:iq:roster'>\
    <item jid='contact@example.org' name='MyContact'><group>MyBuddies</group></item></query></iq>";
pub const ADD_USER: &str = "<iq type='set' id='set2'><query xmlns='jabber:iq:roster'>\
    <item jid='user@example.com' name='SomeUser'><group>SomeGroup</group></item></query></iq>";

/// The two servers, and what went between them and to the clients since the last look.
#[derive(Debug)]
pub struct Story(pub Stage);

impl Story {
    pub fn new() -> Self {
        Story(Stage::new(&["example.com", "example.org"], &["user@example.com", "contact@example.org"]))
    }

    /// Both are there, and have their rosters.
    pub fn begins() -> Self {
        let mut story = Story::new();
        story.0.online(USER);
        story.0.online(CONTACT);
        story
    }

    /// Each has the other in the roster, with the names of the RFC, and is there.
    pub fn between(user: Subscription, contact: Subscription) -> Self {
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

    /// Where section 8.3 begins: the user is subscribed, and the contact has the user in the roster.
    pub fn one_way() -> Self {
        Story::between(Subscription::To, Subscription::From)
    }

    /// [`between`](Self::between), with two resources each.
    pub fn crowded(user: Subscription, contact: Subscription) -> Self {
        let mut story = Story::between(user, contact);
        for client in [USER_OTHER, CONTACT_OTHER] {
            story.0.online(client);
        }
        story.forget();
        story.0.stanzas(USER_OTHER);
        story
    }

    pub fn forget(&mut self) {
        self.0.wire();
        for client in [USER, CONTACT] {
            if self.0.is_there(client) {
                self.0.stanzas(client);
            }
        }
    }

    pub fn user(&mut self, text: &str) {
        self.0.send(USER, text);
    }

    pub fn contact(&mut self, text: &str) {
        self.0.send(CONTACT, text);
    }

    #[track_caller]
    pub fn other_got<const N: usize>(&mut self, other: &str, expected: [&str; N]) {
        assert_eq!(lines(&self.0.stanzas(other)), expected);
    }

    #[track_caller]
    pub fn user_got<const N: usize>(&mut self, expected: [&str; N]) {
        got(&mut self.0, USER, expected);
    }

    #[track_caller]
    pub fn contact_got<const N: usize>(&mut self, expected: [&str; N]) {
        got(&mut self.0, CONTACT, expected);
    }

    /// What went over the wire, in order, in both directions.
    #[track_caller]
    pub fn wire<const N: usize>(&mut self, expected: [&str; N]) {
        assert_eq!(lines(&self.0.wire()), expected);
    }

    #[track_caller]
    pub fn rosters(&mut self, user: &[&str], contact: &[&str]) {
        assert_eq!(self.0.roster("user@example.com"), user);
        assert_eq!(self.0.roster("contact@example.org"), contact);
    }
}
