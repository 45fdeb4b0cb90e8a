//! Which messages are kept for later, and what they look like then (XEP-0160 section 3).

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Message, MessageType};
use xmpp_core::xml::{ElementRef, ns};

use crate::delay::{self, Delay};
use crate::store::OfflineMessage;

/// XEP-0085.
const CHAT_STATES: &str = "http://jabber.org/protocol/chatstates";
/// XEP-0334.
const HINTS: &str = "urn:xmpp:hints";

/// Whether a message that nobody is there for is kept until somebody is.
///
/// Those of type `normal` and `chat` are, if there is anything in them that will still be worth something: chat states (XEP-0085) are of the
/// moment, and neither a thread nor a notation of delay says anything alone. The sender can ask for the one or the other (XEP-0334
/// sections 4.2 and 4.4).
///
/// ```
/// use xmpp_core::jid::Jid;
/// use xmpp_core::stanza::Message;
/// use xmpp_core::xml::Element;
/// use xmpp_im::offline;
///
/// let message = Message::chat(Jid::new("juliet@capulet.com")?);
/// let composing = Element::builder("http://jabber.org/protocol/chatstates", "composing").build();
/// assert!(!offline::is_storable(&message.clone().with_child(composing.clone())));
/// assert!(offline::is_storable(&message.with_child(composing).with_body("O blessed, blessed night!")));
/// # Ok::<(), xmpp_core::jid::JidError>(())
/// ```
#[must_use]
pub fn is_storable(message: &Message) -> bool {
    match message.type_() {
        MessageType::Normal | MessageType::Chat => {}
        MessageType::Groupchat | MessageType::Headline | MessageType::Error => return false,
    }
    if message.child(HINTS, "no-store").is_some() {
        return false;
    }
    message.child(HINTS, "store").is_some() || message.children().any(is_lasting)
}

fn is_lasting(child: ElementRef<'_>) -> bool {
    let is_beside = [CHAT_STATES, HINTS, delay::NS].contains(&child.ns()) || child.is(ns::CLIENT, "thread");
    !is_beside
}

/// The message as it is delivered late: stamped with when it came, by the account's own domain (XEP-0160 section 2, XEP-0203).
///
/// What claims to be such a stamp of the domain already was forged, and is taken out (XEP-0203 section 5).
pub(super) fn stamped(message: OfflineMessage, domain: &Jid) -> Message {
    let stamp = Delay::new(message.at()).with_from(domain.clone());
    let is_forged = |child: ElementRef<'_>| {
        child.is(delay::NS, "delay")
            && child.attr("from").and_then(|from| Jid::new(from).ok()).as_ref() == Some(domain)
    };
    message.into_message().without_children(is_forged).with_child(stamp.to_element())
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString;

    use xmpp_core::stanza::Stanza;

    use super::*;

    fn message(attributes: &str, content: &str) -> Message {
        let text = format!(
            "<message from='romeo@montague.net/orchard' to='juliet@capulet.com'{attributes}>{content}</message>"
        );
        let Ok(Stanza::Message(message)) = text.parse() else { panic!("{text}") };
        message
    }

    #[test]
    fn the_types_of_messages() {
        let body = "<body>O blessed, blessed night!</body>";
        for (type_, is_kept) in [
            ("", true),
            (" type='normal'", true),
            (" type='chat'", true),
            (" type='unheard-of'", true),
            (" type='groupchat'", false),
            (" type='headline'", false),
            (" type='error'", false),
        ] {
            assert_eq!(is_storable(&message(type_, body)), is_kept, "{type_}");
        }
    }

    #[test]
    fn what_is_in_them() {
        const STATE: &str = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
        const THREAD: &str = "<thread>t</thread>";
        let hint = |name: &str| format!("<{name} xmlns='urn:xmpp:hints'/>");
        for (content, is_kept) in [
            ("".to_string(), false),
            ("white space".to_string(), false),
            (STATE.to_string(), false),
            (format!("{STATE}{THREAD}"), false),
            (format!("{STATE}<delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>"), false),
            (format!("{STATE}<body>x</body>"), true),
            ("<body/>".to_string(), true),
            ("<subject>x</subject>".to_string(), true),
            ("<received xmlns='urn:xmpp:receipts' id='1'/>".to_string(), true),
            (format!("<body>x</body>{}", hint("no-store")), false),
            (format!("<body>x</body>{}", hint("no-permanent-store")), true),
            (format!("<body>x</body>{}{}", hint("store"), hint("no-store")), false),
            (format!("{STATE}{}", hint("store")), true),
            (format!("{STATE}{}", hint("no-copy")), false),
        ] {
            for type_ in ["", " type='chat'"] {
                assert_eq!(is_storable(&message(type_, &content)), is_kept, "{content}");
            }
        }
        assert!(!is_storable(&message(" type='headline'", &hint("store"))));
    }

    #[test]
    fn the_example_of_the_xep() {
        let kept = message(
            " type='chat'",
            "<body>O blessed, blessed night!</body>\
             <delay xmlns='urn:xmpp:delay' from='CAPULET.com' stamp='1999-09-10T23:08:25Z'/>\
             <delay xmlns='urn:xmpp:delay' from='coven.example' stamp='2001-09-10T23:08:25Z'/>",
        );
        let late = OfflineMessage::new(1, "2002-09-10T23:08:25Z".parse().unwrap(), kept);
        assert_eq!(
            stamped(late, &Jid::new("capulet.com").unwrap()).to_string(),
            "<message to='juliet@capulet.com' from='romeo@montague.net/orchard' type='chat'>\
             <body>O blessed, blessed night!</body>\
             <delay xmlns='urn:xmpp:delay' from='coven.example' stamp='2001-09-10T23:08:25Z'/>\
             <delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'/></message>"
        );
    }
}
