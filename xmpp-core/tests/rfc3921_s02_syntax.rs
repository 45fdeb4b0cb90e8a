//! RFC 3921 section 2, RFC 6121 sections 4.7, 5.2 and 9: what messages, presence and requests may hold.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod pair;

use pair::*;
use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, Fault, Iq, Message, MessageType, Presence, PresenceType, Show, Stanza};
use xmpp_core::xml::{Element, ns};

fn message(text: &str) -> Message {
    let Ok(Stanza::Message(message)) = Stanza::parse(&read(text)) else { panic!("{text}") };
    message
}

fn presence(text: &str) -> Presence {
    let Ok(Stanza::Presence(presence)) = Stanza::parse(&read(text)) else { panic!("{text}") };
    presence
}

fn fault(text: &str) -> Fault {
    Stanza::parse(&read(text)).unwrap_err().fault()
}

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn tune() -> Element {
    Element::builder("http://jabber.org/protocol/tune", "tune").text("Nightingale").build()
}

#[test]
fn r3921_2_1_1_01_a_message_says_of_what_type_it_is() {
    for type_ in [MessageType::Chat, MessageType::Groupchat, MessageType::Headline, MessageType::Normal] {
        let message = Message::new(type_).with_to(jid("romeo@example.net"));
        assert_eq!(message.to_string(), format!("<message to='romeo@example.net' type='{}'/>", type_.name()));
    }
}

#[test]
fn r3921_2_1_1_08_a_client_tells_the_five_types_apart() {
    let mut client = online_client(open_client());
    for name in ["chat", "error", "groupchat", "headline", "normal"] {
        client.feed(format!("<message from='romeo@example.net/orchard' type='{name}'/>"));
    }
    let types: Vec<_> = client.stanzas.iter().map(|stanza| message(stanza).type_()).collect();
    assert_eq!(
        types,
        [
            MessageType::Chat,
            MessageType::Error,
            MessageType::Groupchat,
            MessageType::Headline,
            MessageType::Normal
        ]
    );
}

#[test]
fn r3921_2_1_1_11_an_answer_is_of_the_type_of_what_it_answers() {
    for (type_, mirrored) in [
        ("", ""),
        (" type='chat'", " type='chat'"),
        (" type='headline'", " type='headline'"),
        (" type='normal'", " type='normal'"),
        (" type='unheard-of'", ""),
    ] {
        let asked = message(&format!(
            "<message from='romeo@example.net/orchard' to='juliet@example.com'{type_} id='1'><body>?</body></message>"
        ));
        let reply = asked.reply().unwrap().with_body("!");
        assert_eq!(
            reply.to_string(),
            format!("<message to='romeo@example.net/orchard'{mirrored}><body>!</body></message>")
        );
    }
    // What is said in a room is answered to the room, not to who said it.
    let said = message("<message from='garden@rooms.example.net/romeo' type='groupchat'/>");
    assert_eq!(
        said.reply().unwrap().to_string(),
        "<message to='garden@rooms.example.net' type='groupchat'/>"
    );
    assert_eq!(message("<message from='romeo@example.net' type='error'/>").reply(), None);
    assert_eq!(message("<message type='chat'/>").reply(), None);
}

#[test]
fn r3921_2_1_2_01_a_message_holds_what_extensions_define() {
    let text = "<message type='chat'><x xmlns='urn:x'><y/></x><body>b</body><z xmlns='urn:z'/></message>";
    let several = message(text);
    assert_eq!(several.to_string(), text);
    // covers 3921-2.4-01
    assert_eq!(several.children().filter(|child| child.ns() != ns::CLIENT).count(), 2);
    // covers 3921-2.2.2-01
    assert_eq!(
        Presence::available().with_child(tune()).to_string(),
        "<presence><tune xmlns='http://jabber.org/protocol/tune'>Nightingale</tune></presence>"
    );
}

#[test]
fn r3921_2_1_2_02_an_error_says_what_went_wrong() {
    let wrong =
        "<error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    let asked = message("<message from='romeo@example.net/orchard' type='chat' id='1'/>");
    assert_eq!(
        asked.error_reply(Condition::ServiceUnavailable).unwrap().to_string(),
        format!("<message to='romeo@example.net/orchard' id='1' type='error'>{wrong}</message>")
    );
    let told = presence("<presence from='romeo@example.net/orchard'/>");
    // covers 3921-2.2.2-02
    assert_eq!(
        told.error_reply(Condition::ServiceUnavailable).unwrap().to_string(),
        format!("<presence to='romeo@example.net/orchard' type='error'>{wrong}</presence>")
    );
    // Whoever sends one that does not say has not broken more than that.
    let bare = message("<message from='romeo@example.net' type='error'/>");
    assert_eq!(bare.error().unwrap().condition(), Condition::UndefinedCondition);
}

#[test]
fn r3921_2_1_2_03_subject_body_and_thread_need_no_namespace_of_their_own() {
    let built = Message::chat(jid("romeo@example.net")).with_subject("s").with_body("b").with_thread("t");
    let text = "<message to='romeo@example.net' type='chat'>\
                <subject>s</subject><body>b</body><thread>t</thread></message>";
    assert_eq!(built.to_string(), text);
    let read = message(text);
    // covers 3921-4.3-01
    assert_eq!(read.body().as_deref(), Some("b"));
    // covers 3921-4.4-01
    assert_eq!(read.subject().as_deref(), Some("s"));
    // covers 3921-4.5-01
    assert_eq!(read.thread().as_deref(), Some("t"));
}

#[test]
fn r3921_2_1_2_1_01_other_attributes_of_a_subject_mean_nothing() {
    let text = "<message type='chat'><subject x='1'>s</subject><body x='1'>b</body></message>";
    let read = message(text);
    assert_eq!(read.subject().as_deref(), Some("s"));
    // covers 3921-2.1.2.2-02
    assert_eq!(read.body().as_deref(), Some("b"));
    assert_eq!(read.to_string(), text);
    let own = Message::new(MessageType::Chat).with_subject_in("cs", "s").with_body_in("cs", "b");
    assert_eq!(
        own.to_string(),
        "<message type='chat'><subject xml:lang='cs'>s</subject><body xml:lang='cs'>b</body></message>"
    );
}

#[test]
fn r3921_2_1_2_1_02_a_subject_for_each_language() {
    let message = Message::new(MessageType::Chat)
        .with_lang("en")
        .with_subject("I implore you!")
        .with_subject_in("cs", "Úpěnlivě prosím!")
        .with_subject_in("en", "I beg you!");
    assert_eq!(
        message.to_string(),
        "<message xml:lang='en' type='chat'><subject xml:lang='cs'>Úpěnlivě prosím!</subject>\
         <subject xml:lang='en'>I beg you!</subject></message>"
    );
    assert_eq!(message.subject_for("cs").as_deref(), Some("Úpěnlivě prosím!"));
}

#[test]
fn r3921_2_1_2_1_03_texts_hold_no_elements() {
    let message = Message::new(MessageType::Chat)
        .with_subject("<b>s</b>")
        .with_body("<b>b</b>")
        .with_thread("<b>t</b>");
    let element = read(&message.to_string());
    let inner = |name| element.children().find(|child| child.name() == name).unwrap().children().count();
    assert_eq!(inner("subject"), 0);
    // covers 3921-2.1.2.2-04
    assert_eq!(inner("body"), 0);
    // covers 3921-2.1.2.3-09
    assert_eq!(inner("thread"), 0);
    assert_eq!(message.body().as_deref(), Some("<b>b</b>"));
}

#[test]
fn r3921_2_1_2_2_01_a_message_may_say_nothing() {
    let silent = message("<message to='romeo@example.net' type='chat'><active xmlns='urn:x'/></message>");
    assert_eq!(silent.body(), None);
    // covers 3921-2.1.2.3-05
    assert_eq!(silent.thread(), None);
}

#[test]
fn r3921_2_1_2_3_01_an_answer_stays_in_the_conversation() {
    let asked = message(
        "<message from='romeo@example.net/orchard' type='chat'><body>?</body><thread parent='p'>e0ffe4</thread></message>",
    );
    let reply = asked.reply().unwrap();
    assert_eq!(reply.thread().as_deref(), Some("e0ffe4"));
    assert_eq!(reply.thread_parent(), Some("p"));
    let without = message("<message from='romeo@example.net/orchard' type='chat'/>");
    assert_eq!(without.reply().unwrap().thread(), None);
}

#[test]
fn r3921_2_1_2_3_06_a_message_is_of_one_conversation() {
    let two = message("<message type='chat'><thread>a</thread><thread>b</thread></message>");
    assert_eq!(two.thread().as_deref(), Some("a"));
    assert_eq!(two.with_thread("c").to_string(), "<message type='chat'><thread>c</thread></message>");
}

#[test]
fn r3921_2_1_2_3_07_a_thread_may_branch_off_from_another() {
    let branch = Message::new(MessageType::Chat).with_thread_of(Some("e0ffe4"), "0e3141");
    let text = "<message type='chat'><thread parent='e0ffe4'>0e3141</thread></message>";
    // covers 6121-5.2.5-01
    assert_eq!(branch.to_string(), text);
    assert_eq!(message(text).thread_parent(), Some("e0ffe4"));
    // None branches off from itself, whoever says so.
    let own = Message::new(MessageType::Chat).with_thread_of(Some("0e3141"), "0e3141");
    // covers 6121-5.2.5-02
    assert_eq!(own.to_string(), "<message type='chat'><thread>0e3141</thread></message>");
    let theirs = message("<message type='chat'><thread parent='0e3141'>0e3141</thread></message>");
    assert_eq!(theirs.thread_parent(), None);
    let more = message("<message type='chat'><thread x='1'>0e3141</thread></message>");
    assert_eq!((more.thread().as_deref(), more.thread_parent()), (Some("0e3141"), None));
}

#[test]
fn r3921_2_1_2_3_08_a_thread_is_compared_as_it_is() {
    for thread in ["a", "A", " a", "a ", "à", "a\u{300}"] {
        let message = message(&format!("<message type='chat'><thread>{thread}</thread></message>"));
        assert_eq!(message.thread().as_deref(), Some(thread));
    }
}

#[test]
fn r3921_2_2_1_01_presence_without_a_type_is_available() {
    let empty = presence("<presence/>");
    assert_eq!(empty.type_(), PresenceType::Available);
    // covers 3921-2.2.2.1-01
    assert_eq!(empty.show(), None);
    // covers 3921-2.2.2.2-01
    assert_eq!(empty.status(), None);
    // covers 3921-2.2.2.3-01
    assert_eq!(empty.priority(), Ok(0));
    assert_eq!(Presence::available().to_string(), "<presence/>");
}

#[test]
fn r3921_2_2_2_03_presence_tells_state_words_and_priority() {
    let own = Presence::available().with_show(Some(Show::Dnd)).with_status("Wooing Juliet").with_priority(1);
    let text = "<presence><show>dnd</show><status>Wooing Juliet</status><priority>1</priority></presence>";
    assert_eq!(own.to_string(), text);
    let read = presence(text);
    assert_eq!(
        (read.show(), read.status().as_deref(), read.priority()),
        (Some(Show::Dnd), Some("Wooing Juliet"), Ok(1))
    );
}

#[test]
fn r3921_2_2_2_04_who_leaves_may_say_why_and_nothing_else() {
    let leaving = |type_| {
        let presence = Presence::new(type_).with_status("gone").with_show(Some(Show::Xa)).with_priority(1);
        presence.to_string()
    };
    for type_ in [PresenceType::Unavailable, PresenceType::Subscribe] {
        let name = type_.name().unwrap();
        // covers 6121-4.5.1-01: neither show nor priority
        // covers 3921-5.1.5-02
        assert_eq!(leaving(type_), format!("<presence type='{name}'><status>gone</status></presence>"));
    }
    let told = presence("<presence type='unavailable'><status>gone</status></presence>");
    assert_eq!(told.status().as_deref(), Some("gone"));
}

#[test]
fn r3921_2_2_2_1_02_presence_is_of_one_state() {
    let two = presence("<presence><show>away</show><show>dnd</show></presence>");
    assert_eq!(two.show(), Some(Show::Away));
    assert_eq!(two.with_show(Some(Show::Chat)).to_string(), "<presence><show>chat</show></presence>");
}

#[test]
fn r3921_2_2_2_1_03_other_attributes_of_presence_mean_nothing() {
    let text =
        "<presence><show x='1'>dnd</show><status x='1'>s</status><priority x='1'>7</priority></presence>";
    let read = presence(text);
    assert_eq!(read.show(), Some(Show::Dnd));
    // covers 3921-2.2.2.2-02
    assert_eq!(read.status().as_deref(), Some("s"));
    // covers 3921-2.2.2.3-04
    assert_eq!(read.priority(), Ok(7));
    assert_eq!(read.to_string(), text);
}

#[test]
fn r6121_4_7_2_1_01_a_state_holds_no_elements() {
    let mixed = presence("<presence><show><x xmlns='urn:x'/>dnd</show></presence>");
    assert_eq!(mixed.show(), None);
}

#[test]
fn r3921_2_3_01_an_iq_has_an_id() {
    assert_eq!(fault("<iq type='get'><q xmlns='urn:q'/></iq>"), Fault::NoId);
    let request = Iq::get("1", Element::builder("urn:q", "q").child(tune()).build());
    // covers 3921-2.3-02
    assert_eq!(
        request.to_string(),
        "<iq id='1' type='get'><q xmlns='urn:q'>\
         <tune xmlns='http://jabber.org/protocol/tune'>Nightingale</tune></q></iq>"
    );
}

#[test]
fn r3921_2_4_02_what_extends_a_stanza_has_a_namespace_of_its_own() {
    assert_eq!(fault("<iq id='1' type='get'><query/></iq>"), Fault::Children);
    assert_eq!(fault("<iq id='1' type='get'><query xmlns='jabber:server'/></iq>"), Fault::Children);
}

#[test]
fn r3921_2_4_07_a_message_that_is_not_understood_is_ignored() {
    let mut client = online_client(open_client());
    let unknown =
        "<message from='romeo@example.net/orchard' id='1'><u xmlns='urn:u'><body>no</body></u></message>";
    assert_eq!(client.feed(unknown), "");
    // covers 3921-2.4-05
    assert_eq!(message(unknown).body(), None);
    let partly = message("<message><u xmlns='urn:u'>1</u><body>b</body></message>");
    // covers 3921-2.4-04
    assert_eq!((partly.type_(), partly.body().as_deref()), (MessageType::Normal, Some("b")));
    let partly = presence("<presence><show xmlns='urn:u'>xa</show><show>away</show></presence>");
    // covers 3921-2.4-06
    assert_eq!(partly.show(), Some(Show::Away));
}

#[test]
fn r6121_9_01_an_address_has_no_scheme() {
    for scheme in ["xmpp:", "im:", "pres:"] {
        assert!(Jid::new(&format!("{scheme}romeo@example.net")).is_err());
        assert!(Jid::new(&format!("{scheme}example.net")).is_err());
        assert_eq!(fault(&format!("<message to='{scheme}romeo@example.net'/>")), Fault::To);
    }
}
