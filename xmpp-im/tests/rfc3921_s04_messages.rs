//! RFC 3921 section 4, RFC 6121 section 5.1: messages of a conversation between two.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

use xmpp_core::entropy::{Entropy, Seed};
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Condition, Message, MessageType, Presence, PresenceType};
use xmpp_im::conversation::Conversation;
use xmpp_im::store::Subscription;

const ROMEO: &str = "romeo@example.net";
const ORCHARD: &str = "romeo@example.net/orchard";
const HALL: &str = "romeo@example.net/hall";

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn entropy() -> Entropy {
    Entropy::new(Seed::new([7; 32]))
}

/// Juliet begins to talk with Romeo.
fn begin() -> Conversation {
    Conversation::begin(BareJid::new(ROMEO).unwrap(), &mut entropy())
}

/// What Romeo writes there.
fn from(sender: &str, conversation: &Conversation) -> Message {
    let message = Message::new(MessageType::Chat).with_from(jid(sender)).with_body("Neither, fair saint");
    match conversation.thread() {
        Some(thread) => message.with_thread(thread),
        None => message,
    }
}

fn presence(type_: PresenceType, sender: &str) -> Presence {
    Presence::new(type_).with_from(jid(sender))
}

#[test]
fn r3921_4_1_01_a_message_is_for_the_other_side() {
    let conversation = begin();
    let message = conversation.message("Wherefore art thou, Romeo?");
    assert_eq!(message.to(), Some(&jid(ROMEO)));
    // covers 3921-4.2-01
    assert_eq!(message.type_(), MessageType::Chat);
    assert_eq!(message.body().as_deref(), Some("Wherefore art thou, Romeo?"));
}

#[test]
fn r3921_4_1_03_a_conversation_begins_at_the_bare_address() {
    let mut conversation = begin();
    assert_eq!(conversation.to(), jid(ROMEO));
    // Nor does presence that was seen tempt it elsewhere, nor a message of another conversation.
    conversation.presence_received(&presence(PresenceType::Available, ORCHARD));
    let other = Message::new(MessageType::Chat).with_from(jid(ORCHARD)).with_thread("another");
    assert!(!conversation.message_received(&other));
    assert!(!conversation.message_received(&Message::new(MessageType::Normal).with_from(jid(ORCHARD))));
    assert!(!conversation.message_received(&from("tybalt@example.com/street", &conversation)));
    assert!(!conversation.message_received(&Message::new(MessageType::Chat)));
    assert_eq!(conversation.to(), jid(ROMEO));
}

#[test]
fn r3921_4_1_02_answers_go_to_who_wrote_while_it_is_there() {
    let mut conversation = begin();
    let locked = |conversation: &mut Conversation| {
        assert!(conversation.message_received(&from(ORCHARD, &conversation.clone())));
        // covers 6121-5.1-01: locked
        assert_eq!(conversation.to(), jid(ORCHARD));
    };
    locked(&mut conversation);
    for seen in [ORCHARD, HALL] {
        for type_ in [PresenceType::Available, PresenceType::Unavailable] {
            conversation.presence_received(&presence(type_, seen));
            assert_eq!(conversation.to(), jid(ROMEO), "{type_:?} of {seen}");
            locked(&mut conversation);
        }
    }
    // Others say nothing of Romeo, and a subscription nothing of his resources.
    conversation.presence_received(&presence(PresenceType::Available, "tybalt@example.com/street"));
    conversation.presence_received(&presence(PresenceType::Subscribe, ROMEO));
    assert_eq!(conversation.to(), jid(ORCHARD));

    // Another resource of his unlocks it, and the next message locks it again.
    assert!(conversation.message_received(&from(HALL, &conversation.clone())));
    assert_eq!(conversation.to(), jid(ROMEO));
    assert!(conversation.message_received(&from(HALL, &conversation.clone())));
    assert_eq!(conversation.to(), jid(HALL));

    let error = conversation.message("?").with_from(jid("juliet@example.com/balcony"));
    let error = error.error_reply(Condition::ServiceUnavailable).unwrap();
    assert!(!conversation.message_received(&error));
    assert_eq!(conversation.to(), jid(ROMEO));
}

#[test]
fn r3921_2_1_2_3_02_a_thread_is_no_other_conversations() {
    let mut entropy = entropy();
    let partner = BareJid::new(ROMEO).unwrap();
    let threads: Vec<String> = (0..100)
        .map(|_| Conversation::begin(partner.clone(), &mut entropy).thread().unwrap().to_owned())
        .collect();
    let distinct: std::collections::BTreeSet<_> = threads.iter().collect();
    assert_eq!(distinct.len(), 100);
    // Whoever it is with, and whatever was said, the same draw names it.
    let other = Conversation::begin(BareJid::new("nurse@example.com").unwrap(), &mut self::entropy());
    // covers 6121-5.2.5-03
    assert_eq!(other.thread(), begin().thread());
}

#[test]
fn r3921_2_1_2_3_03_a_thread_lasts_as_long_as_its_conversation() {
    let mut conversation = begin();
    let thread = conversation.thread().unwrap().to_owned();
    for sender in [ORCHARD, HALL, HALL] {
        assert_eq!(conversation.message("!").thread().as_deref(), Some(&*thread));
        // A client that knows no threads belongs to it as well.
        let plain = Message::new(MessageType::Chat).with_from(jid(sender)).with_body("?");
        assert!(conversation.message_received(&plain));
    }
    let branch = conversation.branch(&mut Entropy::new(Seed::new([8; 32])));
    assert_ne!(branch.thread(), Some(&*thread));
    assert_eq!(branch.message("!").thread_parent(), Some(&*thread));
    assert_eq!((branch.to(), branch.partner()), (jid(HALL), conversation.partner()));
}

#[test]
fn r6121_5_1_who_is_written_to_keeps_thread_and_type() {
    let first =
        Message::chat(jid("juliet@example.com")).with_from(jid(ORCHARD)).with_thread_of(Some("p"), "t");
    let conversation = Conversation::join(&first).unwrap();
    assert_eq!(
        conversation.message("Ay me!").to_string(),
        "<message to='romeo@example.net/orchard' type='chat'><body>Ay me!</body><thread parent='p'>t</thread></message>"
    );
    let plain = Conversation::join(&Message::new(MessageType::Chat).with_from(jid(ORCHARD))).unwrap();
    assert_eq!(plain.message("!").thread(), None);
    assert_eq!(Conversation::join(&Message::new(MessageType::Chat)), None);
    assert_eq!(Conversation::join(&Message::new(MessageType::Headline).with_from(jid(ORCHARD))), None);
}

#[test]
fn r6121_5_1_02_who_does_not_see_presence_is_told() {
    let conversation = begin();
    let own = Presence::available().with_status("On the balcony");
    for subscription in [Subscription::None, Subscription::To] {
        let told = conversation.presence(&own, subscription).unwrap();
        assert_eq!(
            told.to_string(),
            "<presence to='romeo@example.net'><status>On the balcony</status></presence>"
        );
    }
    for subscription in [Subscription::From, Subscription::Both] {
        assert_eq!(conversation.presence(&own, subscription), None);
    }
    let over = conversation.presence(&Presence::new(PresenceType::Unavailable), Subscription::None).unwrap();
    assert_eq!(over.to_string(), "<presence to='romeo@example.net' type='unavailable'/>");
}
