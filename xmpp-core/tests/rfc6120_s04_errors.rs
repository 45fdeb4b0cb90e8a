//! RFC 6120 section 4.9 with RFC 3920 section 4.7: stream errors, provoked, sent and understood.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use std::time::Duration;

use pair::*;
use xmpp_core::conn::{ClientConfig, Close, CloseReason, Drive as _, Retry};
use xmpp_core::error::Misuse;
use xmpp_core::stream::{Condition, OtherHost, StreamError};
use xmpp_core::tls::{Chain, PresentedName, TlsError, TlsInfo};
use xmpp_core::xml::Element;

const STREAMS: &str = "http://etherx.jabber.org/streams";
const ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";

fn header(attributes: &str) -> String {
    format!("<stream:stream {attributes} xmlns='jabber:client' xmlns:stream='{STREAMS}'>")
}

/// What a server says to these first bytes, once it has ended the stream for them.
#[track_caller]
fn refused(bytes: impl AsRef<[u8]>) -> String {
    let mut server = server(open_server());
    let said = server.feed(bytes);
    assert!(server.over, "{said}");
    said
}

/// What an online server says to these bytes, once it has ended the stream for them.
#[track_caller]
fn ended(bytes: impl AsRef<[u8]>) -> String {
    let mut server = online_server(open_server());
    let said = server.feed(bytes);
    assert!(server.over, "{said}");
    said
}

/// A client that got this error: what it said to it, and why its stream ended.
fn told(error: &str) -> (String, CloseReason) {
    let mut client = online_client(open_client());
    let said = client.feed(error);
    assert!(client.over && client.conn.poll().is_none());
    (said, client.reason.unwrap())
}

/// A server ends a stream with an error, and its client understands: whether what goes over the wire is that condition, and nothing else.
fn is_sent_and_understood(condition: Condition, name: &str) -> bool {
    let mut server = online_server(open_server());
    server.conn.fail(server.now, condition);
    let said = server.said();
    said == stream_error(name) && told(&said) == (FOOTER.to_owned(), CloseReason::Peer(condition.into()))
}

#[test]
fn r3920_4_7_02_what_is_wrong_is_told() {
    let said = ended("<message></wrong>");
    // covers 3920-4.7-02
    assert!(said.starts_with("<stream:error>"));
    // covers 6120-4.9.1.1-01
    assert!(said.ends_with("</stream:error></stream:stream>"));
    // covers 3920-4.7-01: as a child of the root, in its namespace
    assert_eq!(told(&said).1, CloseReason::Peer(Condition::NotWellFormed.into()));
    // covers 6120-4.9.1.1-02
    assert_eq!(told(&said).0, FOOTER);

    let mut server = online_server(open_server());
    server.feed("<a></b><presence/>");
    // covers 3920-4.7.1-01: nothing goes on behind it, and the transport ends
    assert_eq!((server.close, server.stanzas.len()), (Some(Close::Graceful), 0));
}

#[test]
fn r3920_4_7_1_02_an_error_during_setup_comes_in_a_stream() {
    for bytes in ["<!DOCTYPE x>", "<stream:stream>", "\u{feff}\u{0}", "GET / HTTP/1.1"] {
        let said = refused(bytes);
        // covers 3920-4.7.1-02
        assert!(said.starts_with("<?xml version='1.0'?><stream:stream ") && said.ends_with(FOOTER), "{said}");
        assert_eq!(said.matches("<stream:error>").count(), 1);
    }
    for attributes in ["version='1.0'", "to='unknown.example' version='1.0'", "to='@' version='1.0'"] {
        let said = refused(header(attributes));
        // covers 3920-4.7.1-03
        assert_eq!(attribute(&said, "stream:stream", "from"), "example.com");
        // covers 6120-4.9.1.3-01
        assert!(!said.contains("unknown.example"), "{said}");
    }
}

#[test]
fn r3920_4_7_2_01_an_error_may_say_more() {
    let application = Element::builder("urn:example:app", "too-parameterized").text("very").build();
    let error = StreamError::new(Condition::UndefinedCondition)
        .with_text("Which is <odd>")
        .with_application(application.clone());
    let mut server = online_server(open_server());
    server.conn.fail(server.now, error.clone());
    let said = server.said();
    // covers 3920-4.7.2-01
    assert!(
        said.contains(&format!("<text xmlns='{ERRORS}' xml:lang='en'>Which is &lt;odd&gt;</text>")),
        "{said}"
    );
    // covers 3920-4.7.2-02
    assert!(said.contains("<too-parameterized xmlns='urn:example:app'>very</too-parameterized>"), "{said}");
    let CloseReason::Peer(received) = told(&said).1 else { panic!() };
    // covers 3920-4.7.4-01
    assert_eq!(received.application(), Some(&application));
    // covers 3920-4.7.4-02: beside a defined condition, never in its place
    assert!(said.contains(&format!("<undefined-condition xmlns='{ERRORS}'/>")) && received == error);
}

#[test]
fn r3920_4_7_2_04_the_parts_of_an_error_are_told_by_their_namespaces() {
    let parse = |inside: &str| match told(&format!("<stream:error>{inside}</stream:error>")).1 {
        CloseReason::Peer(error) => error,
        other => panic!("{other}"),
    };
    let said = ended("<x xmlns='urn:x'/>");
    // covers 3920-4.7.2-03
    assert_eq!(said.matches("<unsupported-stanza-type ").count(), 1);
    // covers 3920-4.7.2-04
    assert_eq!(parse("<reset xmlns='urn:x'/>").condition(), Condition::UndefinedCondition);
    // covers 3920-4.7.2-05
    assert_eq!(parse(&format!("<reset xmlns='{ERRORS}'/><text>why</text>")).text(), None);
    // covers 3920-4.7.2-07
    assert_eq!(parse(&format!("<reset xmlns='{ERRORS}'/><app xmlns='{ERRORS}'/>")).application(), None);
    // The first defined condition counts, wherever it stands.
    let error = parse(&format!(
        "<app xmlns='urn:a'/><new xmlns='{ERRORS}'/><gone xmlns='{ERRORS}'/><reset xmlns='{ERRORS}'/>"
    ));
    assert_eq!(error.condition(), Condition::Reset);
    // covers 6120-4.9.2-01
    assert_eq!(parse(&format!("<brand-new xmlns='{ERRORS}'/>")), Condition::UndefinedCondition.into());
}

#[test]
fn r3920_4_7_2_06_text_is_for_people() {
    let error = |text: &str| StreamError::new(Condition::PolicyViolation).with_text(text);
    let mut server = online_server(open_server());
    server.conn.fail(server.now, error("too much"));
    let said = server.said();
    // covers 3920-4.7.2-06
    assert!(said.contains(" xml:lang='en'>too much</text>"), "{said}");
    // covers 3920-4.7.2-08: the condition stands there all the same
    assert!(said.contains("<policy-violation "));
    for text in ["", "reset", "<see-other-host>example.net</see-other-host>", "example.net", "retry now"] {
        let reason = CloseReason::Peer(error(text));
        // covers 3920-4.7.2-09
        assert_eq!(reason.retry(), CloseReason::Peer(Condition::PolicyViolation.into()).retry());
        // covers 6120-4.9.2-02
        assert_eq!((error(text).condition(), error(text).other_host()), (Condition::PolicyViolation, None));
    }
}

#[test]
fn r3920_4_7_3_01_the_most_specific_condition_is_used() {
    // covers 3920-4.7.3-17
    assert_eq!(ended("<!-- comment -->"), stream_error("restricted-xml"));
    // covers 3920-4.7.3-25
    assert_eq!(ended("<iq></message>"), stream_error("not-well-formed"));
    // covers 3920-4.7.3-22
    assert!(
        refused("<?xml version='1.0' encoding='UTF-16'?>").ends_with(&stream_error("unsupported-encoding"))
    );
    for (bytes, specific) in [
        (&b"<a b='&x;'/>"[..], "restricted-xml"),
        (b"<a b=''b=''/>", "not-well-formed"),
        (b"<a>\xff</a>", "unsupported-encoding"),
        (b"<c:iq xmlns:c='jabber:client'/>", "bad-namespace-prefix"),
    ] {
        // covers 6120-4.9.3.1-01
        assert_eq!(ended(bytes), stream_error(specific), "{}", bytes.escape_ascii());
    }
    // Where nothing is more specific, it is `bad-format`.
    // covers 3920-4.7.3-01
    assert_eq!(ended("text"), stream_error("bad-format"));
}

#[test]
fn r6120_4_9_3_13_01_not_well_formed_has_two_names() {
    for bytes in ["<a><b></a>", "<p:a/>", "<a p:b='1'/>", "<a xmlns:p=''/>", "</stream:stream><a/>"] {
        let mut server = online_server(open_server());
        let said = server.feed(bytes);
        let closed = bytes.starts_with("</");
        // covers 6120-4.9.3.13-01: also for what breaks the rules of namespaces
        assert_eq!(said, if closed { FOOTER.to_owned() } else { stream_error("not-well-formed") }, "{bytes}");
    }
    let older = format!("<stream:error><xml-not-well-formed xmlns='{ERRORS}'/></stream:error>");
    assert_eq!(told(&older).1, CloseReason::Peer(Condition::NotWellFormed.into()));
}

#[test]
fn r3920_4_7_3_06_errors_about_headers() {
    // covers 3920-4.7.3-06
    assert!(refused(header("to='unknown.example' version='1.0'")).ends_with(&stream_error("host-unknown")));
    let wrong = "<stream:stream xmlns='jabber:client' xmlns:stream='urn:x' to='example.com' version='1.0'>";
    // covers 3920-4.7.3-11
    assert!(refused(wrong).ends_with(&stream_error("invalid-namespace")));
    for to in ["@example.com", "exa mple.com", "", "example.com/", "juliet@"] {
        // covers 6120-4.9.3.7-01
        assert!(
            refused(header(&format!("to='{to}' version='1.0'")))
                .ends_with(&stream_error("improper-addressing")),
            "{to}"
        );
    }
    // Which versions there are may be told.
    let mut server = online_server(open_server());
    server.conn.fail(server.now, StreamError::new(Condition::UnsupportedVersion).with_text("1.0"));
    // covers 3920-4.7.3-24
    assert!(server.said().contains(&format!(
        "<unsupported-version xmlns='{ERRORS}'/><text xmlns='{ERRORS}' xml:lang='en'>1.0<"
    )));
}

#[test]
fn r3920_4_7_3_09_errors_about_stanzas() {
    // covers 3920-4.7.3-09
    assert_eq!(ended("<message from='romeo@example.com'/>"), stream_error("invalid-from"));
    // covers 3920-4.7.3-23
    assert_eq!(ended("<x xmlns='urn:x'/>"), stream_error("unsupported-stanza-type"));
    let mut server = server(open_server());
    server.feed(CLIENT_HEADER);
    assert_eq!(
        server.feed("<message to='romeo@example.com'><body>x</body></message>"),
        stream_error("not-authorized")
    );
    // covers 3920-4.7.3-13
    assert!(server.stanzas.is_empty());
    // A stanza of 262,145 bytes.
    let big = format!("<message><body>{}</body></message>", "x".repeat(262_145 - 32));
    // covers 6120-4.9.3.14-01
    assert_eq!(ended(big), stream_error("policy-violation"));
}

#[test]
fn r3920_4_7_3_14_a_policy_may_be_named() {
    let mut server = server(open_server());
    server.feed(CLIENT_HEADER);
    let said: String = (0..3).map(|_| server.feed(sasl::plain("", "juliet", "wrong"))).collect();
    // covers 3920-4.7.3-14
    assert!(
        said.contains(&format!(
            "<policy-violation xmlns='{ERRORS}'/><text xmlns='{ERRORS}' xml:lang='en'>too many failed"
        )),
        "{said}"
    );
}

#[test]
fn r3920_4_7_3_04_silence() {
    let mut client = online_client(open_client());
    client.sleep(Duration::from_secs(210));
    // covers 3920-4.7.3-04
    assert_eq!(client.sleep(Duration::from_secs(60)), stream_error("connection-timeout"));
}

#[test]
fn r3920_4_7_3_03_conditions_that_the_embedder_finds() {
    // covers 3920-4.7.3-03
    assert!(is_sent_and_understood(Condition::Conflict, "conflict"));
    // covers 3920-4.7.3-05
    assert!(is_sent_and_understood(Condition::HostGone, "host-gone"));
    // covers 3920-4.7.3-08
    assert!(is_sent_and_understood(Condition::InternalServerError, "internal-server-error"));
    // covers 3920-4.7.3-10: only RFC 3920 has it
    assert!(is_sent_and_understood(Condition::InvalidId, "invalid-id"));
}

#[test]
fn r3920_4_7_3_12_more_conditions_that_the_embedder_finds() {
    // covers 3920-4.7.3-12
    assert!(is_sent_and_understood(Condition::InvalidXml, "invalid-xml"));
    // covers 3920-4.7.3-15
    assert!(is_sent_and_understood(Condition::RemoteConnectionFailed, "remote-connection-failed"));
    // covers 3920-4.7.3-16
    assert!(is_sent_and_understood(Condition::ResourceConstraint, "resource-constraint"));
    // covers 3920-4.7.3-20
    assert!(is_sent_and_understood(Condition::SystemShutdown, "system-shutdown"));
    // covers 6120-4.9.3.16-01
    assert!(is_sent_and_understood(Condition::Reset, "reset"));
}

#[test]
fn every_condition_is_understood_before_login_too() {
    for &condition in Condition::ALL {
        let error =
            format!("{SERVER_HEADER}<stream:error><{} xmlns='{ERRORS}'/></stream:error>", condition.name());
        let mut client = client(client_config());
        client.said();
        assert_eq!(client.feed(error), FOOTER, "{condition}");
        assert_eq!(client.reason, Some(CloseReason::Peer(condition.into())));
    }
}

#[test]
fn r6120_4_9_3_3_01_a_conflict_refuses_a_new_stream_too() {
    // A server that keeps the older session ends the stream instead of binding.
    let mut server = server(open_server());
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
        server.feed(part);
    }
    server.hold = true;
    server.feed(BIND);
    server.conn.fail(server.now, Condition::Conflict);
    // covers 6120-4.9.3.3-01
    assert_eq!(server.said(), stream_error("conflict"));
    // A client that comes back by itself would only throw out the other one, for ever.
    let (_, reason) = told(&stream_error("conflict"));
    // covers 6120-4.9.3.3-02
    assert_eq!(reason.retry(), Retry::Never);
}

#[test]
fn r6120_4_9_3_3_03_a_resource_that_was_taken_over_is_not_claimed_again() {
    let mut pair = Pair::new();
    pair.run();
    pair.server.conn.fail(pair.now, Condition::Conflict);
    pair.run();
    assert_eq!(pair.client.reason.unwrap().retry(), Retry::Never);
}

#[test]
fn nobody_hurries_back_after_a_reset() {
    let mut pair = Pair::new();
    pair.run();
    pair.server.conn.fail(pair.now, Condition::Reset);
    pair.run();
    let reason = pair.client.reason.unwrap();
    assert_eq!(reason, CloseReason::Peer(Condition::Reset.into()));
    // Before TLS anybody could write it, and a server that resets one stream resets many.
    assert_eq!(reason.retry(), Retry::After(Duration::from_secs(5)));
}

/// A server's redirect to a client whose stream TLS protects, and why the client's stream ended.
fn redirected(config: ClientConfig, host: &str) -> CloseReason {
    let mut client = client_over_tls(config, trusted());
    client.said();
    let error =
        format!("<stream:error><see-other-host xmlns='{ERRORS}'>{host}</see-other-host></stream:error>");
    assert_eq!(client.feed(format!("{SERVER_HEADER}{error}")), FOOTER);
    client.reason.unwrap()
}

fn other_host(text: &str) -> OtherHost {
    OtherHost::new(text).unwrap()
}

#[test]
fn r6120_4_9_3_19_01_a_redirect_names_the_host() {
    for host in ["im.example.net", "im.example.net:9222", "[2001:db8::1]:9222"] {
        let mut server = server_over_tls(open_server());
        server.feed(CLIENT_HEADER);
        server.conn.redirect(server.now, &other_host(host)).unwrap();
        // covers 6120-4.9.3.19-01
        assert_eq!(
            server.said(),
            format!(
                "<stream:error><see-other-host xmlns='{ERRORS}'>{host}</see-other-host></stream:error>{FOOTER}"
            )
        );
        let reason = redirected(client_config(), host);
        // covers 3920-4.7.3-18
        assert_eq!(reason, CloseReason::Redirected(other_host(host)));
        assert_eq!(reason.retry(), Retry::Now);
    }
    // The example of the RFC has white space around it.
    assert_eq!(
        redirected(client_config(), "\n [2001:41D0:1:A49b::1]:9222\n "),
        CloseReason::Redirected(other_host("[2001:41d0:1:a49b::1]:9222"))
    );
    for host in ["", "not a host", "example.net:", "2001:db8::1", "juliet@example.net", "example.net:99999"] {
        let reason = redirected(client_config(), host);
        // covers 3920-4.7.3-19
        let CloseReason::Peer(error) = &reason else { panic!("{host} is followed") };
        assert_eq!(error.condition(), Condition::SeeOtherHost);
        assert_eq!(reason.retry(), Retry::After(Duration::from_secs(60)));
    }
}

#[test]
fn r6120_4_9_3_19_09_nobody_redirects_or_is_redirected_before_tls() {
    let host = other_host("im.example.net");
    let mut server = server(server_config());
    // covers 6120-4.9.3.19-09
    assert_eq!(server.conn.redirect(server.now, &host), Err(Misuse::Unprotected));
    server.feed(CLIENT_HEADER);
    assert_eq!(server.conn.redirect(server.now, &host), Err(Misuse::Unprotected));
    assert!(server.said().is_empty() && !server.over);
    server.feed(STARTTLS);
    server.feed(CLIENT_HEADER);
    server.conn.redirect(server.now, &host).unwrap();
    assert!(server.said().contains(">im.example.net</see-other-host>"));

    // Whoever can write into a stream that is not protected could send its client away, again and again.
    let error = StreamError::see_other_host(&host);
    let wire = format!(
        "{SERVER_HEADER}<stream:error><see-other-host xmlns='{ERRORS}'>{host}</see-other-host></stream:error>"
    );
    for config in [client_config(), open_client()] {
        let mut client = client(config);
        client.said();
        client.feed(&wire);
        assert_eq!(client.reason, Some(CloseReason::Peer(error.clone())));
    }
    // A client sends nobody anywhere.
    let mut server = server_over_tls(open_server());
    server.feed(CLIENT_HEADER);
    server.feed(wire.strip_prefix(SERVER_HEADER).unwrap());
    assert!(server.over && server.online.is_none());
}

#[test]
fn r6120_4_9_3_19_07_the_other_host_is_asked_for_the_same_domain() {
    let there = |info: TlsInfo| client_over_tls(client_config().with_redirects(1), info);
    let mut client = there(trusted());
    // covers 6120-4.9.3.19-07
    assert_eq!(attribute(&client.said(), "stream:stream", "to"), "example.com");
    // The certificate is that of the domain, not of the host.
    let mut client =
        there(TlsInfo::new(Chain::Trusted).with_name(PresentedName::Dns("im.example.net".into())));
    client.said();
    // covers 6120-4.9.3.19-08
    assert_eq!(client.closed.as_deref(), Some(format!("no TLS: Failed({:?})", TlsError::WrongName).as_str()));
    // And TLS is still required.
    let mut client = self::client(client_config().with_redirects(1));
    client.said();
    // covers 6120-4.9.3.19-06
    assert_eq!(client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"]))), STARTTLS);
}

#[test]
fn r6120_4_9_3_19_10_after_three_redirects_it_is_enough() {
    for (before, followed) in [(0, true), (1, true), (2, true), (3, false), (4, false), (u32::MAX, false)] {
        let reason = redirected(client_config().with_redirects(before), "im.example.net");
        // covers 6120-4.9.3.19-10
        assert_eq!(matches!(reason, CloseReason::Redirected(_)), followed, "{before}");
    }
}

#[test]
fn a_port_of_the_same_host_is_told_from_another_host() {
    let host = |text| match redirected(client_config(), text) {
        CloseReason::Redirected(host) => host,
        other => panic!("{other}"),
    };
    let same = host("im.EXAMPLE.com.:9222");
    // Where it connected is the embedder's to know: it compares the domain, and goes there.
    assert_eq!((same.domain(), same.port()), ("im.example.com", Some(9222)));
    let other = host("b\u{fc}cher.example");
    // Without a port there is a domain to resolve.
    assert_eq!((other.ascii_domain().as_ref(), other.port()), ("xn--bcher-kva.example", None));
}
