//! Who is answered, and with what.

use std::string::ToString;

use super::*;

const GET: &str = "<iq from='juliet@example.com/balcony' to='example.com' id='zj3' type='get'><ping xmlns='urn:xmpp:ping'/></iq>";

#[test]
fn r3920_9_2_3_05_a_response_keeps_the_id_and_swaps_the_addresses() {
    let query = Element::builder(ns::ROSTER, "query").build();
    assert_eq!(
        iq(GET).result_reply(Some(query)).to_string(),
        "<iq to='juliet@example.com/balcony' from='example.com' id='zj3' type='result'><query xmlns='jabber:iq:roster'/></iq>"
    );
    assert_eq!(
        iq(GET).result_reply(None).to_string(),
        "<iq to='juliet@example.com/balcony' from='example.com' id='zj3' type='result'/>"
    );
}

#[test]
fn r3920_9_2_3_10_an_error_brings_the_request_back() {
    let reply = stanza(GET).error_reply(Condition::ServiceUnavailable).unwrap();
    assert_eq!(
        reply.to_string(),
        "<iq to='juliet@example.com/balcony' from='example.com' id='zj3' type='error'><ping xmlns='urn:xmpp:ping'/>\
         <error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    assert_eq!(Stanza::parse(&read(&reply.to_string())), Ok(reply));
}

#[test]
fn r6120_8_3_1_04_a_large_request_does_not_come_back() {
    let request =
        |size: usize| Iq::get("1", Element::builder("urn:x", "x").attr("k", &"'".repeat(size)).build());
    // What a request weighs beside its text.
    let overhead = request(1_000).payload.weight() - 1_000;
    for (size, comes_back) in [
        (reply::ECHO_MAX - overhead - 1, true),
        (reply::ECHO_MAX - overhead, true),
        (reply::ECHO_MAX - overhead + 1, false),
        (250_000, false),
    ] {
        let request = request(size);
        let reply = request.error_reply(Condition::BadRequest).unwrap();
        assert_eq!(reply.payload().is_some(), comes_back, "{size}");
        assert_eq!(reply.error(), Some(Condition::BadRequest.into()));
        assert!(reply.to_string().len() < 10_000);
    }
}

#[test]
fn r6120_8_3_1_06_a_request_cannot_pass_its_error_off_as_ours() {
    let error = "<error type='wait'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:evil@example</gone></error>";
    let malformed = malformed(&format!("<iq type='get' id='1'>{error}</iq>"));
    assert_eq!(malformed.reply().unwrap().error(), Some(Condition::BadRequest.into()));
    let reply = Iq::get("1", read(error)).error_reply(Condition::Forbidden).unwrap();
    assert_eq!(reply.children().count(), 1);
    assert_eq!(reply.error(), Some(Condition::Forbidden.into()));
}

#[test]
fn r3920_9_3_1_01_an_error_is_of_the_same_kind() {
    for kind in [Kind::Message, Kind::Presence, Kind::Iq] {
        let name = kind.name();
        let type_ = if kind == Kind::Iq { " type='set'" } else { "" };
        let request = stanza(&format!(
            "<{name} from='a@example.com/x' to='b@example.com' id='7' xml:lang='de'{type_}><q xmlns='urn:q'/></{name}>"
        ));
        let reply = request.error_reply(Condition::RecipientUnavailable).unwrap();
        assert_eq!((reply.kind(), reply.is_error(), reply.id()), (kind, true, Some("7")));
        assert_eq!((reply.to(), reply.from()), (request.from(), request.to()));
        assert_eq!(reply.lang(), None);
        assert_eq!(reply.error(), Some(Condition::RecipientUnavailable.into()));
        // Only requests bring back what they were about.
        assert_eq!(reply.child("urn:q", "q").is_some(), kind == Kind::Iq);
    }
}

#[test]
fn r6120_8_3_1_an_error_has_an_id_only_if_the_stanza_had() {
    let reply = stanza("<message><body>b</body></message>").error_reply(Condition::Gone).unwrap();
    assert_eq!((reply.id(), reply.to(), reply.from()), (None, None, None));
}

#[test]
fn r3920_9_3_1_05_r3920_9_2_3_06_errors_and_results_are_never_answered() {
    for text in [
        "<message type='error' id='1'/>",
        "<presence type='error' id='1'/>",
        "<iq type='error' id='1'/>",
        "<iq type='result' id='1'/>",
    ] {
        assert_eq!(stanza(text).error_reply(Condition::BadRequest), None, "{text}");
    }
    for text in [GET, "<message/>", "<message type='headline'/>", "<presence/>", "<presence type='probe'/>"] {
        let reply = stanza(text).error_reply(Condition::BadRequest).unwrap();
        assert_eq!(reply.error_reply(Condition::BadRequest), None, "{text}");
    }
}

#[test]
fn r3920_9_3_1_05_malformed_errors_and_results_are_dropped() {
    for text in [
        "<message type='error' to='@'/>",
        "<message type='error' from='@'/>",
        "<presence type='error' to='@'/>",
        "<iq type='error' to='@' id='1'/>",
        "<iq type='result' from='@' id='1'/>",
        "<iq type='result'/>",
        "<iq type='error'/>",
    ] {
        assert_eq!(malformed(text).reply(), None, "{text}");
    }
    // Only an iq has results.
    for text in ["<presence type='result'/>", "<message type='result' to='@'/>", "<iq type='gets' id='1'/>"] {
        let reply = malformed(text).reply().unwrap();
        assert_eq!(reply.error_reply(Condition::BadRequest), None, "{text}");
    }
}

#[test]
fn r6120_8_3_1_06_nothing_of_a_malformed_stanza_goes_back() {
    let text = "<iq type='get' id='1' from='a@example.com/x' to='a@@b' xml:lang='de' k='v'><secret xmlns='urn:x'/></iq>";
    let reply = malformed(text).reply().unwrap();
    assert_eq!(
        reply.to_string(),
        "<iq to='a@example.com/x' id='1' type='error'><error type='modify'>\
         <jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
}
