//! RFC 3920 section 7 and RFC 6120 section 7: resource binding.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use pair::*;
use xmpp_core::conn::{BindAnswer, CloseReason, Question, ServerConnection};
use xmpp_core::jid::FullJid;
use xmpp_core::profile::Profile;
use xmpp_core::stanza::{Condition, StanzaError};
use xmpp_core::stream;

fn authenticated() -> End<ServerConnection> {
    let mut server = server(open_server());
    server.feed(CLIENT_HEADER);
    server.feed(AUTH_PLAIN);
    server.feed(CLIENT_HEADER);
    server
}

#[test]
fn r3920_7_05_binding_is_offered_after_authentication_and_not_before() {
    let mut server = server(open_server());
    let said = server.feed(CLIENT_HEADER);
    // covers 6120-7.4-02
    assert!(said.contains("<stream:features>") && !said.contains("<bind "), "{said}");
    server.feed(AUTH_PLAIN);
    let said = server.feed(CLIENT_HEADER);
    // covers 3920-7-04
    assert!(said.starts_with("<?xml version='1.0'?><stream:stream "), "{said}");
    // covers 6120-7.4-01
    assert!(said.contains("<bind "), "{said}");
    // covers 3920-6.2-16: neither TLS nor SASL again
    assert!(said.ends_with(OFFER_BIND), "{said}");
}

#[test]
fn r3920_7_09_the_resource_is_bound_and_told() {
    let mut server = authenticated();
    // covers 3920-7-10
    assert_eq!(
        server.feed(BIND),
        "<iq id='b1' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
         <jid>juliet@example.com/balcony</jid></bind></iq>"
    );
    assert_eq!(server.conn.jid().map(|jid| jid.as_str()), Some("juliet@example.com/balcony"));
    // The result goes out before the event says so.
    let online = server.trace.iter().position(|line| line.starts_with("online")).unwrap();
    assert!(server.trace[online - 1].starts_with("send <iq"));
}

#[test]
fn r3920_7_14_the_servers_word_counts_for_the_resource() {
    let mut server = authenticated();
    server.hold = true;
    server.feed(BIND);
    let Some(Question::Binding { ticket, .. }) = server.questions.pop_front() else { panic!() };
    let other = BindAnswer::Bound(FullJid::new("juliet@example.com/other").unwrap());
    server.conn.answer(server.now, ticket, other).unwrap();
    let said = server.said();
    // covers 3920-7-13
    assert!(said.starts_with("<iq id='b1' type='result'>"), "{said}");
    assert!(said.contains("<jid>juliet@example.com/other</jid>"), "{said}");
}

#[test]
fn r6120_7_6_2_2_01_a_stream_keeps_its_resource() {
    let mut server = authenticated();
    server.feed(BIND);
    let other = BIND.replace("balcony", "chamber");
    for to in ["", "to='example.com'", "to='juliet@example.com'"] {
        let said = server.feed(other.replace("id='b1'", &format!("id='b2' {to}")));
        assert!(said.contains("id='b2'") && said.contains("<not-allowed "), "{said}");
    }
    assert!(server.stanzas.is_empty() && !server.over);
    assert_eq!(server.warnings.len(), 3);
    assert_eq!(server.conn.jid().map(|jid| jid.as_str()), Some("juliet@example.com/balcony"));
    // What goes to somebody else is a stanza like any other, and so is what asks for nothing.
    for to in ["romeo@example.com", "example.org", "juliet@example.com/balcony"] {
        server.feed(other.replace("id='b1'", &format!("id='b3' to='{to}'")));
    }
    server.feed(other.replace("'set'", "'get'"));
    assert_eq!(server.stanzas.len(), 4);
}

#[test]
fn r6120_7_3_2_01_the_stream_is_not_restarted_after_binding() {
    let mut server = authenticated();
    let said = server.feed(BIND);
    assert!(!said.contains("<stream:stream") && !said.contains("<stream:features"), "{said}");
    server.feed("<presence/>");
    assert_eq!(server.stanzas.len(), 1);
    let said = server.feed(CLIENT_HEADER);
    assert!(server.over && said.contains("<stream:error>") && !said.contains("<stream:stream"), "{said}");
}

#[test]
fn r6120_10_1_01_everything_on_a_stream_is_worked_off_in_order() {
    let pipelined = format!(
        "{CLIENT_HEADER}{AUTH_PLAIN}{CLIENT_HEADER}{BIND}<presence id='1'/><message id='2'/><presence id='3'/>"
    );
    let mut server = server(open_server());
    server.feed(pipelined);
    let said = &server.transcript;
    let places =
        ["<mechanisms ", "<success ", "<bind ", "<iq id='b1' type='result'>"].map(|part| said.find(part));
    assert!(places.is_sorted() && places[0].is_some(), "{said}");
    let ids: Vec<_> = server.stanzas.iter().map(|stanza| attribute(stanza, "", "id")).collect();
    assert_eq!(ids, ["1", "2", "3"]);
}

#[test]
fn r3920_7_07_without_a_wish_the_server_chooses() {
    for bind in [
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>",
        "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource/></bind>",
    ] {
        let mut server = authenticated();
        let said = server.feed(format!("<iq type='set' id='b1'>{bind}</iq>"));
        assert!(said.contains("<jid>juliet@example.com/generated</jid>"), "{said}");
        assert!(server.trace.contains(&"bind juliet@example.com None".into()));
    }
    // What was wished for is handed on as it was written.
    let mut server = authenticated();
    server.hold = true;
    server.feed(BIND.replace("balcony", " \u{ff22}alcony&lt;"));
    assert!(
        server.trace.contains(&"bind juliet@example.com Some(\" \u{ff22}alcony<\")".into()),
        "{:?}",
        server.trace
    );
}

#[test]
fn r3920_7_18_a_stanza_before_binding_ends_the_stream() {
    for stanza in [
        "<message to='romeo@example.com'/>",
        "<presence/>",
        "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>",
        "<iq type='get' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
        "<iq type='result' id='1'/>",
    ] {
        let mut server = authenticated();
        let said = server.feed(stanza);
        assert!(server.stanzas.is_empty());
        // covers 6120-7.1-05
        assert_eq!(said, stream_error("not-authorized"), "{stanza}");
    }
    // For who chooses RFC 3920.
    let mut server = server(open_server().with_profile(Profile::RFC3920));
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
        server.feed(part);
    }
    let said = server.feed("<message to='romeo@example.com' id='m1'/>");
    // covers 3920-7-19
    assert!(said.contains("<not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"), "{said}");
    assert!(!server.over && server.stanzas.is_empty());
    assert!(server.feed(BIND).contains("<jid>"));
}

#[test]
fn a_bind_request_to_somebody_else_is_none() {
    let to = |address: &str| BIND.replace("id='b1'", &format!("id='b1' {address}"));
    for address in ["to='example.com'", "to='juliet@example.com'", "from='juliet@example.com'"] {
        assert!(authenticated().feed(to(address)).contains("<jid>"), "{address}");
    }
    for address in ["to='romeo@example.com'", "to='example.org'", "to='juliet@example.com/balcony'"] {
        let mut server = authenticated();
        // covers 6120-7.1-04
        assert_eq!(server.feed(to(address)), stream_error("not-authorized"), "{address}");
    }
    let mut server = authenticated();
    assert_eq!(server.feed(to("from='romeo@example.com'")), stream_error("invalid-from"));
    assert!(server.online.is_none());
}

#[test]
fn r3920_7_16_a_refusal_is_told_and_may_be_followed_by_another_try() {
    let mut server = authenticated();
    server.hold = true;
    for condition in
        [Condition::ResourceConstraint, Condition::NotAllowed, Condition::Conflict, Condition::BadRequest]
    {
        server.feed(BIND);
        let Some(Question::Binding { ticket, .. }) = server.questions.pop_front() else { panic!() };
        let answer = BindAnswer::Refused(StanzaError::new(condition));
        server.conn.answer(server.now, ticket, answer).unwrap();
        let said = server.said();
        assert!(said.starts_with("<iq id='b1' type='error'>") && said.contains(condition.name()), "{said}");
        assert!(!server.over && server.online.is_none());
    }
}

#[test]
fn r6120_7_7_3_02_after_ten_refusals_the_stream_ends() {
    let mut server = authenticated();
    server.hold = true;
    for attempt in 1..=10 {
        server.feed(BIND);
        let Some(Question::Binding { ticket, .. }) = server.questions.pop_front() else { panic!() };
        let answer = BindAnswer::Refused(StanzaError::new(Condition::Conflict));
        server.conn.answer(server.now, ticket, answer).unwrap();
        let said = server.said();
        assert!(said.contains("<conflict "));
        assert_eq!(said.contains("<policy-violation "), attempt == 10, "{attempt}: {said}");
        assert_eq!(server.over, attempt == 10);
    }
    // Nine do no harm; requests that are malformed count too.
    let mut server = authenticated();
    for _ in 0..9 {
        assert!(server.feed("<iq type='set' id='1'/>").contains("<bad-request "));
    }
    // covers 6120-7.7.3-01
    assert!(server.feed(BIND).contains("<jid>"));
}

fn binding_client() -> (End<xmpp_core::conn::ClientConnection>, String) {
    let mut client = client(open_client());
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    client.feed(SUCCESS);
    let request = client.feed(format!("{SERVER_HEADER}{OFFER_BIND}"));
    (client, request)
}

#[test]
fn r3920_7_06_a_client_binds() {
    let (mut client, request) = binding_client();
    // covers 3920-7-01: it has to, by RFC 6120 section 7.3.1
    assert!(request.contains("<bind "), "{request}");
    // covers 6120-7.1-01
    assert_matches(
        &request,
        "<iq id='{}' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>balcony</resource></bind></iq>",
    );
    // covers 6120-4.3.6-04: the server's word counts
    client.feed(bound(&request, "juliet@example.com/other"));
    assert_eq!(client.online(), Some("juliet@example.com/other"));
    assert_eq!(client.conn.jid().map(|jid| jid.as_str()), Some("juliet@example.com/other"));
}

#[test]
fn a_client_refuses_an_address_that_is_none_of_the_servers() {
    for jid in
        ["juliet@example.org/balcony", "juliet@example.com", "example.com", "@/", "", "juliet@example.com/"]
    {
        let (mut client, request) = binding_client();
        assert_eq!(client.feed(bound(&request, jid)), FOOTER, "{jid}");
        assert_eq!(client.reason, Some(CloseReason::Binding(None)), "{jid}");
        assert!(client.online.is_none());
    }
    let (mut client, request) = binding_client();
    let id = attribute(&request, "iq", "id");
    assert_eq!(client.feed(format!("<iq type='result' id='{id}'/>")), FOOTER);
    assert_eq!(client.reason, Some(CloseReason::Binding(None)));
}

#[test]
fn a_client_takes_only_the_answer_to_its_request() {
    let (mut client, request) = binding_client();
    client.feed(bound(&request, "juliet@example.com/x").replace(" id='", " id='not"));
    client.feed(bound(&request, "juliet@example.com/x").replace("'result'", "'set'"));
    assert!(client.online.is_none() && !client.over);
    client.feed(bound(&request, "juliet@example.com/x"));
    assert!(client.online.is_some());
}

#[test]
fn a_refused_client_says_why() {
    let (mut client, request) = binding_client();
    let id = attribute(&request, "iq", "id");
    let refusal = format!(
        "<iq type='error' id='{id}'><error type='cancel'>\
         <not-allowed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>"
    );
    assert_eq!(client.feed(refusal), FOOTER);
    let Some(CloseReason::Binding(Some(error))) = client.reason else { panic!() };
    assert_eq!(error.condition(), Condition::NotAllowed);
}

#[test]
fn r6120_7_3_1_01_without_binding_there_is_no_client() {
    let mut client = client(open_client());
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    let header = client.feed(SUCCESS);
    // covers 3920-7-03
    assert!(header.starts_with("<?xml version='1.0'?><stream:stream "), "{header}");
    // covers 3920-7-02
    assert_eq!(
        client.feed(format!("{SERVER_HEADER}<stream:features/>")),
        stream_error("unsupported-feature")
    );
    assert_eq!(client.reason, Some(CloseReason::Local(stream::Condition::UnsupportedFeature.into())));
}
