//! Conditions, types, and what else an error says.

use std::collections::BTreeSet;
use std::string::ToString;

use super::*;

/// The conditions and their types as RFC 3920 section 9.3.3 lists them, with those of RFC 6120 section 8.3.3.
const BY_RFC: [(&str, &str, &str); 23] = [
    ("bad-request", "modify", "modify"),
    ("conflict", "cancel", "cancel"),
    ("feature-not-implemented", "cancel", "cancel"),
    ("forbidden", "auth", "auth"),
    ("gone", "modify", "cancel"),
    ("internal-server-error", "wait", "cancel"),
    ("item-not-found", "cancel", "cancel"),
    ("jid-malformed", "modify", "modify"),
    ("not-acceptable", "modify", "modify"),
    ("not-allowed", "cancel", "cancel"),
    ("not-authorized", "auth", "auth"),
    ("payment-required", "auth", "-"),
    ("policy-violation", "-", "modify"),
    ("recipient-unavailable", "wait", "wait"),
    ("redirect", "modify", "modify"),
    ("registration-required", "auth", "auth"),
    ("remote-server-not-found", "cancel", "cancel"),
    ("remote-server-timeout", "wait", "wait"),
    ("resource-constraint", "wait", "wait"),
    ("service-unavailable", "cancel", "cancel"),
    ("subscription-required", "auth", "auth"),
    ("undefined-condition", "cancel", "cancel"),
    ("unexpected-request", "wait", "wait"),
];

fn parse(text: &str) -> StanzaError {
    StanzaError::parse(read(text).as_ref())
}

#[test]
fn r3920_9_3_3_r6120_8_3_3_every_condition_is_known_and_sent_as_the_later_rfc_says() {
    assert_eq!(Condition::ALL.len(), BY_RFC.len());
    for (name, old, new) in BY_RFC {
        let condition = Condition::from_name(name).unwrap();
        let error = StanzaError::new(condition);
        let sent = if new == "-" { old } else { new };
        assert_eq!((condition.name(), error.type_().name()), (name, sent));
        assert_eq!(
            error.to_element().to_string(),
            format!(
                "<error xmlns='jabber:client' type='{sent}'><{name} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
            )
        );
        // What the other generation sends is understood, with its type.
        for type_ in [old, new].into_iter().filter(|type_| *type_ != "-") {
            let read =
                parse(&format!("<error type='{type_}'><{name} xmlns='{}'/></error>", ns::STANZA_ERRORS));
            assert_eq!((read.condition(), read.type_().name()), (condition, type_));
        }
    }
}

#[test]
fn conditions_name_the_section_that_defines_them() {
    let sections: BTreeSet<_> = Condition::ALL.iter().map(|condition| condition.rfc_section()).collect();
    assert_eq!(sections.len(), Condition::ALL.len());
    for (index, condition) in Condition::ALL.iter().take(22).enumerate() {
        assert_eq!(condition.rfc_section(), format!("RFC 6120 section 8.3.3.{}", index + 1));
    }
    assert_eq!(Condition::PaymentRequired.rfc_section(), "RFC 3920 section 9.3.3");
}

#[test]
fn r3920_9_3_2_02_error_types() {
    for name in ["cancel", "continue", "modify", "auth", "wait"] {
        let error = parse(&format!("<error type='{name}'><conflict xmlns='{}'/></error>", ns::STANZA_ERRORS));
        assert_eq!(error.type_().name(), name);
        assert_eq!(StanzaError::parse(error.to_element().as_ref()), error);
    }
    for text in ["<error><conflict xmlns='NS'/></error>", "<error type='Wait'><conflict xmlns='NS'/></error>"]
    {
        assert_eq!(parse(&text.replace("NS", ns::STANZA_ERRORS)), Condition::Conflict.into());
    }
}

#[test]
fn r6120_8_3_2_01_what_is_unknown_or_missing_is_an_undefined_condition() {
    for text in [
        "<error type='wait'/>",
        "<error type='wait'><invented xmlns='NS'/></error>",
        "<error type='wait'><conflict/></error>",
        "<error type='wait'><conflict xmlns=''/></error>",
        "<error type='wait' code='409'>409</error>",
    ] {
        let error = parse(&text.replace("NS", ns::STANZA_ERRORS));
        assert_eq!(
            error,
            StanzaError::new(Condition::UndefinedCondition).with_type(ErrorType::Wait),
            "{text}"
        );
    }
    for text in ["<iq id='1' type='error'/>", "<message type='error'><body>b</body></message>"] {
        assert_eq!(stanza(text).error(), Some(Condition::UndefinedCondition.into()));
    }
}

#[test]
fn r3920_9_3_1_04_an_error_element_counts_only_in_an_error_stanza() {
    let error = "<error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    assert_eq!(message(&format!("<message>{error}</message>")).error(), None);
    assert_eq!(
        message(&format!("<message type='error'>{error}</message>")).error(),
        Some(Condition::Conflict.into())
    );
    assert_eq!(
        presence(&format!("<presence type='error'>{error}</presence>")).error(),
        Some(Condition::Conflict.into())
    );
    let iq = iq(&format!("<iq type='error' id='1'><q xmlns='urn:x'/>{error}</iq>"));
    assert_eq!(iq.error(), Some(Condition::Conflict.into()));
    assert!(iq.payload().unwrap().is("urn:x", "q"));
}

#[test]
fn r3920_9_3_4_01_text_and_application_condition() {
    let error = parse(
        "<error type='modify' by='Example.com' code='400'>\
         <text xml:lang='en' xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>Too &lt; many</text>\
         <too-many xmlns='urn:app' n='3'><x/></too-many>\
         <later xmlns='urn:app'/>\
         <undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
    );
    assert_eq!((error.condition(), error.type_()), (Condition::UndefinedCondition, ErrorType::Modify));
    assert_eq!((error.text(), error.text_lang()), (Some("Too < many"), Some("en")));
    assert_eq!(error.by(), Some(&jid("example.com")));
    assert!(error.application().unwrap().is("urn:app", "too-many"));

    let built = StanzaError::new(Condition::UndefinedCondition)
        .with_type(ErrorType::Modify)
        .with_by(jid("example.com"))
        .with_text("en", "Too < many")
        .with_application(error.application().unwrap().clone());
    assert_eq!(built, error);
    assert_eq!(StanzaError::parse(built.to_element().as_ref()), built);
    assert_eq!(
        built.to_element().to_string(),
        "<error xmlns='jabber:client' by='example.com' type='modify'>\
         <undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>\
         <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>Too &lt; many</text>\
         <too-many xmlns='urn:app' n='3'><x/></too-many></error>"
    );
}

#[test]
fn r3920_9_3_2_07_a_condition_of_the_core_is_no_application_condition() {
    for namespace in ["", ns::CLIENT, ns::SERVER, ns::STREAMS, ns::STANZA_ERRORS] {
        let error =
            StanzaError::new(Condition::Gone).with_application(Element::builder(namespace, "x").build());
        assert_eq!(error, Condition::Gone.into());
    }
}

#[test]
fn r6120_8_3_3_5_02_r3920_9_3_3_16_the_address_to_use_instead() {
    for (condition, name) in [(Condition::Gone, "gone"), (Condition::Redirect, "redirect")] {
        for address in ["xmpp:romeo@afterlife.example.net", "characters@conference.example.org"] {
            let text = format!(
                "<error type='modify'><{name} xmlns='{}'>\n  {address}\n</{name}></error>",
                ns::STANZA_ERRORS
            );
            let error = parse(&text);
            assert_eq!(error.address(), Some(address));
            assert_eq!(StanzaError::parse(error.to_element().as_ref()), error);
        }
        // What is sent is a URI or an IRI; a bare address comes from peers of RFC 3920.
        for address in
            ["xmpp:romeo@afterlife.example.net", "xmpp:rómeo@example.net", "HTTPS://example.org/?a:b"]
        {
            // covers 6120-8.3.3.14-01
            assert_eq!(StanzaError::new(condition).with_address(address).address(), Some(address));
        }
        for address in ["", ":x", "xmpp:", "1a:b", "romeo@example.net", "romeo@[::1]", "xmpp:a b", "x_y:z"] {
            // covers 3920-9.3.3-16: the later text has a URI in its place
            assert_eq!(StanzaError::new(condition).with_address(address), condition.into(), "{address}");
        }
        assert_eq!(StanzaError::new(condition).with_address(" "), condition.into());
    }
    // Elsewhere text in the condition has no meaning.
    let error = parse("<error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>x</conflict></error>");
    assert_eq!(error, Condition::Conflict.into());
    assert_eq!(StanzaError::new(Condition::Conflict).with_address("xmpp:a"), Condition::Conflict.into());
}

#[test]
fn a_malformed_by_is_left_out() {
    let error =
        parse("<error by='@' type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>");
    assert_eq!(error, Condition::Gone.into());
}

#[test]
fn what_a_peer_says_stays_on_its_line() {
    let error = StanzaError::new(Condition::Gone).with_text("en", "I\r\nmoved");
    assert_eq!(error.to_string(), "gone (RFC 6120 section 8.3.3.5): I  moved");
}
