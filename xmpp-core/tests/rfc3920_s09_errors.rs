//! RFC 3920 section 9.3, RFC 6120 section 8.3: what an error says, and the type that goes with each condition.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

use xmpp_core::jid::Jid;
use xmpp_core::limits::XmlLimits;
use xmpp_core::stanza::{Condition, ErrorType, StanzaError};
use xmpp_core::stanza::{Kind, Stanza};
use xmpp_core::xml::{Element, Frame, Reader, ns};

const ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";

fn read(text: &str) -> Element {
    let mut reader = Reader::new(XmlLimits::client());
    reader.push(format!("<s:stream xmlns='jabber:client' xmlns:s='{}'>", ns::STREAMS).as_bytes());
    assert!(matches!(reader.next(), Ok(Some(Frame::Header(_)))));
    reader.push(text.replace("ERRORS", ERRORS).as_bytes());
    match reader.next() {
        Ok(Some(Frame::Element(element))) => element,
        other => panic!("{other:?}: {text}"),
    }
}

fn parse(text: &str) -> StanzaError {
    StanzaError::parse(read(text).as_ref())
}

/// The type that an error of that condition has when it is sent.
fn sent(condition: &str) -> String {
    let condition = Condition::from_name(condition).unwrap();
    StanzaError::new(condition).to_element().attr("type").unwrap().to_owned()
}

#[test]
fn r3920_9_3_1_03_every_error_stanza_has_one_error() {
    for kind in [Kind::Message, Kind::Presence, Kind::Iq] {
        let type_ = if kind == Kind::Iq { " type='get'" } else { "" };
        let text = format!("<{0} id='1' from='a@b/c' to='d'{type_}><q xmlns='urn:q'/></{0}>", kind.name());
        let reply = Stanza::parse(&read(&text)).unwrap().error_reply(Condition::NotAllowed).unwrap();
        // covers 6120-8.3.1-01
        assert_eq!((reply.kind(), reply.is_error(), reply.id()), (kind, true, Some("1")));
        assert_eq!(reply.children().filter(|child| child.is(ns::CLIENT, "error")).count(), 1);
    }
}

#[test]
fn r3920_9_3_2_03_every_error_has_one_condition() {
    for condition in Condition::ALL {
        let error = StanzaError::new(*condition)
            .with_text("en", "words")
            .with_application(Element::builder("urn:app", "own").build())
            .to_element();
        let defined: Vec<_> =
            error.children().filter(|child| child.name() != "text" && child.ns() != "urn:app").collect();
        assert_eq!(defined.len(), 1);
        // covers 3920-9.3.2-04
        assert!(defined[0].is(ERRORS, condition.name()));
        // covers 3920-9.3.2-05
        assert!(error.child(ERRORS, "text").is_some());
        // covers 3920-9.3.2-06
        assert_eq!(error.child(ERRORS, "text").and_then(|text| text.lang()), Some("en"));
        // covers 3920-9.3.4-02
        assert!(error.child("urn:app", "own").is_some());
    }
}

#[test]
fn r3920_9_3_2_08_words_are_there_or_not() {
    assert_eq!(StanzaError::new(Condition::Conflict).to_element().children().count(), 1);
    let with = parse(
        "<error type='cancel'><conflict xmlns='ERRORS'/><text xmlns='ERRORS'>service-unavailable</text></error>",
    );
    assert_eq!(with.text(), Some("service-unavailable"));
    // covers 3920-9.3.2-09
    assert_eq!(with.condition(), Condition::Conflict);
    // covers 3920-9.3.2-10
    assert_eq!(with.type_(), ErrorType::Cancel);
    // Words alone say nothing to a program.
    let alone = parse("<error type='wait'><text xmlns='ERRORS'>conflict</text></error>");
    // covers 6120-8.3.2-02
    assert_eq!(alone.condition(), Condition::UndefinedCondition);
}

#[test]
fn r3920_9_3_2_12_the_old_codes_do_no_harm() {
    let error = parse("<error code='404' type='wait'><recipient-unavailable xmlns='ERRORS'/></error>");
    assert_eq!(error, Condition::RecipientUnavailable.into());
}

#[test]
fn r6120_8_3_1_03_an_error_may_say_who_found_it() {
    let error = StanzaError::new(Condition::Gone).with_by(Jid::new("example.net").unwrap());
    assert_eq!(error.to_element().attr("by"), Some("example.net"));
    assert_eq!(StanzaError::parse(error.to_element().as_ref()).by().map(Jid::as_str), Some("example.net"));
}

#[test]
fn r6120_8_3_4_01_an_unknown_condition_of_an_application_changes_nothing() {
    let plain =
        parse("<error type='modify'><bad-request xmlns='ERRORS'/><text xmlns='ERRORS'>t</text></error>");
    let more = parse(
        "<error type='modify'><own xmlns='urn:app'><bad-request xmlns='ERRORS'/></own><bad-request xmlns='ERRORS'/>\
         <text xmlns='ERRORS'>t</text></error>",
    );
    assert_eq!(
        (more.condition(), more.type_(), more.text()),
        (plain.condition(), plain.type_(), plain.text())
    );
}

#[test]
fn r3920_9_3_3_01_what_the_sender_can_mend_is_modify() {
    assert_eq!(sent("bad-request"), "modify");
    // covers 3920-9.3.3-08
    assert_eq!(sent("jid-malformed"), "modify");
    // covers 3920-9.3.3-09
    assert_eq!(sent("not-acceptable"), "modify");
    // covers 3920-9.3.3-17
    assert_eq!(sent("redirect"), "modify");
    // covers 6120-8.3.3.12-01
    assert_eq!(sent("policy-violation"), "modify");
}

#[test]
fn r3920_9_3_3_02_what_nobody_can_mend_is_cancel() {
    assert_eq!(sent("conflict"), "cancel");
    // covers 3920-9.3.3-07
    assert_eq!(sent("item-not-found"), "cancel");
    // covers 3920-9.3.3-10
    assert_eq!(sent("not-allowed"), "cancel");
    // covers 3920-9.3.3-19
    assert_eq!(sent("remote-server-not-found"), "cancel");
    // covers 3920-9.3.3-22
    assert_eq!(sent("service-unavailable"), "cancel");
}

#[test]
fn r3920_9_3_3_03_what_is_not_implemented_is_cancel() {
    // covers 6120-8.3.3.3-01
    assert_eq!(sent("feature-not-implemented"), "cancel");
    // The other type that goes with it is taken too.
    let other = parse("<error type='modify'><feature-not-implemented xmlns='ERRORS'/></error>");
    assert_eq!(other.type_(), ErrorType::Modify);
}

#[test]
fn r3920_9_3_3_04_what_credentials_can_mend_is_auth() {
    assert_eq!(sent("forbidden"), "auth");
    // covers 3920-9.3.3-11
    assert_eq!(sent("not-authorized"), "auth");
    // covers 3920-9.3.3-12
    assert_eq!(sent("payment-required"), "auth");
    // covers 3920-9.3.3-18
    assert_eq!(sent("registration-required"), "auth");
    // covers 3920-9.3.3-23
    assert_eq!(sent("subscription-required"), "auth");
}

#[test]
fn r3920_9_3_3_13_what_time_can_mend_is_wait() {
    assert_eq!(sent("recipient-unavailable"), "wait");
    // covers 3920-9.3.3-20
    assert_eq!(sent("remote-server-timeout"), "wait");
    // covers 3920-9.3.3-21
    assert_eq!(sent("resource-constraint"), "wait");
    // covers 3920-9.3.3-25
    assert_eq!(sent("unexpected-request"), "wait");
    let other = parse("<error type='modify'><unexpected-request xmlns='ERRORS'/></error>");
    // covers 6120-8.3.3.22-01: or the other type that the later text allows
    assert_eq!((other.condition(), other.type_()), (Condition::UnexpectedRequest, ErrorType::Modify));
}

#[test]
fn r3920_9_3_3_05_gone_is_cancel_by_the_later_text_and_says_where_to() {
    let address = "xmpp:romeo@afterlife.example.net";
    let error = StanzaError::new(Condition::Gone).with_address(address).to_element();
    // covers 6120-8.3.3.5-01
    assert_eq!(error, read(&format!("<error type='cancel'><gone xmlns='ERRORS'>{address}</gone></error>")));
    let older = parse("<error type='modify'><gone xmlns='ERRORS'>romeo@afterlife.example.net</gone></error>");
    assert_eq!((older.type_(), older.address()), (ErrorType::Modify, Some("romeo@afterlife.example.net")));
}

#[test]
fn r3920_9_3_3_06_an_internal_error_is_cancel_by_the_later_text() {
    // covers 6120-8.3.3.6-01
    assert_eq!(sent("internal-server-error"), "cancel");
    let older = parse("<error type='wait'><internal-server-error xmlns='ERRORS'/></error>");
    assert_eq!(older.type_(), ErrorType::Wait);
}

#[test]
fn r3920_9_3_3_15_redirect_says_where_to() {
    let error = StanzaError::new(Condition::Redirect).with_address("xmpp:characters@conference.example.org");
    let condition = error.to_element();
    let condition = condition.child(ERRORS, "redirect").unwrap();
    assert_eq!(condition.text(), "xmpp:characters@conference.example.org");
}

#[test]
fn r3920_9_3_3_24_an_undefined_condition_goes_with_any_type_and_an_applications_own() {
    for type_ in [ErrorType::Cancel, ErrorType::Continue, ErrorType::Modify, ErrorType::Auth, ErrorType::Wait]
    {
        let error = StanzaError::new(Condition::UndefinedCondition)
            .with_type(type_)
            .with_application(Element::builder("urn:app", "own").build());
        assert_eq!(
            error.to_element().to_string(),
            format!(
                "<error xmlns='jabber:client' type='{}'><undefined-condition xmlns='{ERRORS}'/><own xmlns='urn:app'/></error>",
                type_.name()
            )
        );
        assert_eq!(StanzaError::parse(error.to_element().as_ref()), error);
    }
}
