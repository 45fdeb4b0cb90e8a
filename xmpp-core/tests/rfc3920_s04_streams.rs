//! RFC 3920 section 4 and RFC 6120 section 4: headers, stream errors, and what may come when.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use pair::*;
use xmpp_core::conn::{CloseReason, Drive as _};
use xmpp_core::profile::{Profile, StanzaBeforeBinding};
use xmpp_core::stream::{Condition, FirstLevel, Phase, Verdict};

const STREAMS: &str = "http://etherx.jabber.org/streams";

fn header(attributes: &str) -> String {
    format!("<stream:stream {attributes} xmlns='jabber:client' xmlns:stream='{STREAMS}'>")
}

/// What a server answers to these first bytes; it always opens with a header of its own.
#[track_caller]
fn refused(bytes: impl AsRef<[u8]>) -> String {
    let mut server = server(open_server());
    let said = server.feed(&bytes);
    let shown = String::from_utf8_lossy(bytes.as_ref()).into_owned();
    assert!(server.over, "{shown} was taken: {said}");
    let (head, error) = said.split_once("><stream:error>").unwrap_or_else(|| panic!("{shown}: {said}"));
    assert!(head.starts_with("<?xml version='1.0'?><stream:stream "), "{head}");
    assert!(head.contains(" from='example.com'"), "{head}");
    assert!(head.contains(" id='") && head.contains(" xml:lang='en'"), "{head}");
    let condition = error.split_once(' ').unwrap().0.trim_start_matches('<').to_owned();
    assert_eq!(format!("<stream:error>{error}"), stream_error(&condition), "{shown}");
    assert_eq!(
        server.reason,
        Some(CloseReason::Local(Condition::from_name(&condition).unwrap().into())),
        "{shown}"
    );
    condition
}

#[test]
fn r3920_4_6_01_a_header_is_answered_with_a_header_and_features() {
    let mut server = server(open_server());
    assert_matches(
        &server.feed(CLIENT_HEADER),
        "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
         from='example.com' id='{}' xml:lang='en' version='1.0'><stream:features>\
         <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-512</mechanism><mechanism>SCRAM-SHA-256</mechanism>\
         <mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms></stream:features>",
    );
}

#[test]
fn r3920_4_7_1_02_a_fault_in_the_header_is_answered_with_a_header_first() {
    // RFC 6120 section 4.9.1.3
    assert_eq!(refused(header("version='1.0'")), "improper-addressing");
    assert_eq!(refused(header("to='' version='1.0'")), "improper-addressing");
    assert_eq!(refused(header("to='@' version='1.0'")), "improper-addressing");
    assert_eq!(refused(header("to='example.com/x' version='1.0'")), "improper-addressing");
    assert_eq!(refused(header("to='example.com' from='@' version='1.0'")), "improper-addressing");
    assert_eq!(refused(header("to='elsewhere.example' version='1.0'")), "host-unknown");
    assert_eq!(refused(header("to='juliet@example.com' version='1.0'")), "host-unknown");
    assert_eq!(refused(header("to='example.com'")), "unsupported-version");
    for version in ["0.9", "0.0", "", "1", "one"] {
        assert_eq!(refused(header(&format!("to='example.com' version='{version}'"))), "unsupported-version");
    }
    let root = |ns: &str, content: &str| {
        format!("<stream:stream to='example.com' version='1.0' {content} xmlns:stream='{ns}'>")
    };
    assert_eq!(refused(root("urn:other", "xmlns='jabber:client'")), "invalid-namespace");
    assert_eq!(refused(root(STREAMS, "xmlns='jabber:server'")), "invalid-namespace");
    assert_eq!(refused(format!("<s:features xmlns:s='{STREAMS}'>")), "bad-format");
    assert_eq!(refused("<stream>"), "invalid-namespace");
}

#[test]
fn r3920_4_4_1_12_no_version_in_the_answer_to_a_header_without() {
    let answer = |attributes: &str| server(open_server()).feed(header(attributes));
    assert!(!answer("to='example.com'").split("<stream:error>").next().unwrap().contains(" version='1.0'>"));
    assert!(answer("to='example.com' version='0.9'").contains(" version='1.0'>"));
}

#[test]
fn r3920_4_4_1_08_the_answer_names_the_lower_version() {
    for version in ["1.0", "1.1", "01.0", "1.000", "2.0", "10.7"] {
        let mut server = server(open_server());
        let said = server.feed(header(&format!("to='example.com' version='{version}'")));
        assert!(said.contains(" version='1.0'>") && said.contains("<stream:features>"), "{version}: {said}");
    }
}

#[test]
fn r3920_4_4_10_stream_ids_differ_on_every_header() {
    let mut pair = Pair::new();
    pair.run();
    let text = &pair.server.transcript;
    let ids: Vec<&str> = text.split(" id='").skip(1).map(|rest| rest.split('\'').next().unwrap()).collect();
    // Before TLS, after TLS, after SASL.
    // covers 6120-4.7.3-01
    let streams: Vec<_> = ids.iter().filter(|id| id.len() == 24).take(3).collect();
    assert_eq!(streams.len(), 3, "{text}");
    assert!(streams[0] != streams[1] && streams[1] != streams[2] && streams[0] != streams[2]);
    // covers 3920-4.4-12: the initiating entity gives none
    let client = &pair.client.transcript;
    assert!(
        client.split("<stream:stream").skip(1).all(|tag| !tag.split('>').next().unwrap().contains(" id="))
    );
    // covers 6120-4.3.3-06: each has its declaration
    assert_eq!(client.matches("<?xml version='1.0'?><stream:stream").count(), 3);
    assert_eq!(text.matches("<?xml version='1.0'?><stream:stream").count(), 3);
    // covers 6120-4.3.3-02: none is closed on a restart
    assert!(!client.contains(FOOTER) && !text.contains(FOOTER));
}

#[test]
fn r6120_4_7_3_01_an_error_after_a_restart_comes_under_a_new_id() {
    let mut server = server(open_server());
    let first = server.feed(CLIENT_HEADER);
    server.feed(AUTH_PLAIN);
    let said = server.feed("<?xml version='1.0'?><!DOCTYPE x>");
    assert!(said.ends_with(&stream_error("restricted-xml")), "{said}");
    assert_ne!(attribute(&said, "stream:stream", "id"), attribute(&first, "stream:stream", "id"));
}

#[test]
fn r6120_4_7_2_02_the_answer_is_addressed_to_who_asked() {
    let answer = |from: &str| {
        let mut server = server(open_server());
        server.feed(header(&format!("to='example.com' {from} version='1.0'")))
    };
    assert!(answer("from='juliet@example.com'").contains(" to='juliet@example.com'"));
    assert!(answer("from='juliet@example.com/balcony'").contains(" to='juliet@example.com' "));
    // covers 6120-4.7.2-03
    assert!(!answer("").contains(" to="));
    // covers 6120-4.7.3-03
    assert!(answer("id='mine'").contains("<stream:features>"));
}

#[test]
fn r6120_4_7_1_01_a_client_says_who_it_is_only_under_tls() {
    let mut pair = Pair::new();
    pair.run();
    let headers: Vec<&str> = pair
        .client
        .transcript
        .split("<stream:stream")
        .skip(1)
        .map(|tag| tag.split('>').next().unwrap())
        .collect();
    assert_eq!(headers.len(), 3);
    assert!(!headers[0].contains(" from="));
    assert!(
        headers[1].contains(" from='juliet@example.com'")
            && headers[2].contains(" from='juliet@example.com'")
    );
}

#[test]
fn r3920_4_4_18_stanzas_get_the_language_of_their_stream() {
    let mut server = online_server(open_server());
    server.feed("<message><body>1</body></message><message xml:lang='de'><body>2</body></message>");
    assert!(server.stanzas[0].contains(" xml:lang='en'"));
    // covers 3920-4.4-19
    assert!(server.stanzas[1].contains(" xml:lang='de'"));
}

#[test]
fn r3920_4_7_3_17_what_no_stream_may_hold_ends_it_in_every_phase() {
    let cases: [(&[u8], &str); 14] = [
        (b"<!-- comment -->", "restricted-xml"),
        (b"<?target data?>", "restricted-xml"),
        (b"<!DOCTYPE stream>", "restricted-xml"),
        (b"<iq type='get' id='1'><a>&entity;</a></iq>", "restricted-xml"),
        (b"<iq type='get' id='1'><!-- --></iq>", "restricted-xml"),
        (b"<p:iq/>", "not-well-formed"),
        (b"<iq p:a='1'/>", "not-well-formed"),
        (b"<iq a='1' a='2'/>", "not-well-formed"),
        (b"<iq></message>", "not-well-formed"),
        (b"<iq a=1/>", "not-well-formed"),
        (b"text", "bad-format"),
        (b"<![CDATA[text]]>", "bad-format"),
        (b"<iq id='\xff'/>", "unsupported-encoding"),
        (b"<c:iq xmlns:c='jabber:client'/>", "bad-namespace-prefix"),
    ];
    for (bytes, condition) in cases {
        for steps in 1..=4 {
            let mut server = server(open_server());
            for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER, BIND].into_iter().take(steps) {
                server.feed(part);
            }
            if steps == 2 {
                // After a restart a header is awaited.
                continue;
            }
            assert_eq!(server.feed(bytes), stream_error(condition), "{}", bytes.escape_ascii());
            assert!(server.over);
        }
        let mut client = online_client(open_client());
        assert_eq!(client.feed(bytes), stream_error(condition), "{}", bytes.escape_ascii());
    }
}

#[test]
fn r3920_11_5_02_invalid_utf_8_is_found_however_it_is_cut() {
    // Two halves of one character in two reads, then a character that never ends.
    let mut server = online_server(open_server());
    assert_eq!(server.feed(b"<message><body>\xc3"), "");
    assert_eq!(server.feed(b"\xa4</body></message>"), "");
    assert!(server.stanzas[0].contains("<body>\u{e4}</body>"));
    assert_eq!(server.feed(b"<message><body>\xe2\x82"), "");
    assert_eq!(server.feed(b"</body></message>"), stream_error("unsupported-encoding"));
    assert_eq!(server.stanzas.len(), 1);
}

#[test]
fn r3920_9_1_2_02_a_stanza_from_another_ends_the_stream() {
    for from in ["romeo@example.com", "juliet@example.com/chamber", "example.com", "juliet@example.org"] {
        let mut server = online_server(open_server());
        assert_eq!(server.feed(format!("<message from='{from}'/>")), stream_error("invalid-from"), "{from}");
        assert!(server.stanzas.is_empty());
    }
    // The bare and the full address are the client's own; the receiver learns the full one.
    for from in ["juliet@example.com", "juliet@example.com/balcony", "JULIET@example.com"] {
        let mut server = online_server(open_server());
        server.feed(format!("<message from='{from}'/>"));
        assert!(server.stanzas[0].contains(" from='juliet@example.com/balcony'"), "{from}");
    }
}

#[test]
fn a_malformed_address_is_answered_and_the_stream_lives() {
    let mut server = online_server(open_server());
    let said = server.feed("<message to='@example.com' id='m1'><body>x</body></message>");
    assert_eq!(
        said,
        "<message id='m1' type='error'><error type='modify'>\
         <jid-malformed xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
    );
    assert_eq!(server.warnings.len(), 1);
    // An error is not answered with an error.
    assert_eq!(server.feed("<message to='@example.com' type='error'/>"), "");
    assert!(server.feed("<iq type='get'><a xmlns='urn:x'/></iq>").contains("<bad-request "));
    assert_eq!(server.feed("<presence/>"), "");
    assert_eq!(server.stanzas.len(), 1);
}

#[test]
fn r6120_4_9_1_1_02_the_peers_error_ends_both_directions() {
    let error = "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    for steps in [1, 3, 4] {
        let mut server = server(open_server());
        for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER, BIND].into_iter().take(steps) {
            server.feed(part);
        }
        assert_eq!(server.feed(error), FOOTER);
        assert_eq!(server.reason, Some(CloseReason::Peer(Condition::Conflict.into())));
    }
    let mut client = online_client(open_client());
    assert_eq!(client.feed(error), FOOTER);
    assert_eq!(client.reason, Some(CloseReason::Peer(Condition::Conflict.into())));
    let mut client = online_client(open_client());
    client.feed("<stream:error><brand-new xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>");
    assert_eq!(client.reason, Some(CloseReason::Peer(Condition::UndefinedCondition.into())));
}

#[test]
fn a_client_judges_the_servers_header() {
    let answer = |header: &str| {
        let mut client = client(open_client());
        client.said();
        let said = client.feed(header);
        (said, client.over)
    };
    let with = |attributes: &str| header(attributes);
    assert_eq!(answer(&with("id='1'")).0, stream_error("unsupported-version"));
    assert_eq!(answer(&with("id='1' version='0.9'")).0, stream_error("unsupported-version"));
    assert_eq!(answer(&with("id='1' version='1.0' from='example.com'")), (String::new(), false));
    // covers 3920-4.4-04
    assert_eq!(answer(&with("id='1' version='1.0' to='elsewhere'")), (String::new(), false));
    assert_eq!(
        answer(&format!("<stream:stream version='1.0' xmlns='jabber:server' xmlns:stream='{STREAMS}'>")).0,
        stream_error("invalid-namespace")
    );
    assert_eq!(answer("<html>").0, stream_error("invalid-namespace"));
    assert_eq!(answer("HTTP/1.1 400 Bad Request").0, stream_error("not-well-formed"));
}

/// An element of each kind, as it stands on the wire.
fn element(kind: FirstLevel) -> &'static str {
    match kind {
        FirstLevel::Features => "<stream:features/>",
        FirstLevel::Error => "<stream:error/>",
        FirstLevel::StartTls => STARTTLS,
        FirstLevel::Proceed => PROCEED,
        FirstLevel::TlsFailure => "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        FirstLevel::Auth => AUTH_PLAIN,
        FirstLevel::Challenge => "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Response => "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Abort => "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Success => SUCCESS,
        FirstLevel::SaslFailure => "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Iq => "<iq type='get' id='1'><x xmlns='urn:x'/></iq>",
        FirstLevel::Message => "<message/>",
        FirstLevel::Presence => "<presence/>",
        FirstLevel::DialbackResult => {
            "<result xmlns='jabber:server:dialback' from='a.example' to='b.example'/>"
        }
        FirstLevel::DialbackVerify => {
            "<verify xmlns='jabber:server:dialback' from='a.example' to='b.example'/>"
        }
        FirstLevel::Handshake => "<handshake xmlns='jabber:component:accept'/>",
        FirstLevel::WrongContent => "<message xmlns='jabber:server'/>",
        FirstLevel::Foreign => "<x xmlns='urn:x'/>",
    }
}

fn server_in(phase: Phase) -> End<xmpp_core::conn::ServerConnection> {
    // 3920's answer to a stanza before binding is one of the table's acceptances.
    let profile = Profile::RFC6120.with_stanza_before_binding(StanzaBeforeBinding::StanzaError);
    let mut server = server(open_server().with_profile(profile));
    let steps: &[&str] = match phase {
        Phase::Authentication => &[CLIENT_HEADER],
        Phase::Exchange => &[CLIENT_HEADER, AUTH_SCRAM],
        Phase::Binding => &[CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER],
        _ => &[CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER, BIND],
    };
    steps.iter().for_each(|step| drop(server.feed(step)));
    server
}

fn client_in(phase: Phase) -> End<xmpp_core::conn::ClientConnection> {
    let mut client = client(if phase == Phase::AwaitProceed { client_config() } else { open_client() });
    client.said();
    client.feed(SERVER_HEADER);
    match phase {
        Phase::AwaitFeatures => {}
        Phase::AwaitProceed => drop(client.feed(OFFER_TLS)),
        Phase::AwaitSasl => drop(client.feed(offer(&["SCRAM-SHA-1"]))),
        Phase::AwaitBind => {
            client.feed(offer(&["PLAIN"]));
            client.feed(SUCCESS);
            client.feed(format!("{SERVER_HEADER}{OFFER_BIND}"));
        }
        _ => return online_client(open_client()),
    }
    client
}

#[test]
fn r3920_4_3_06_every_element_in_every_phase_is_judged_by_the_table() {
    // The phases of streams between servers, which come last, have machines of their own.
    let phases = &Phase::ALL[..=Phase::ClientOnline as usize];
    let mut judged = 0;
    for &phase in phases {
        for kind in FirstLevel::ALL {
            let initiating = phase as usize >= Phase::AwaitFeatures as usize;
            let (said, over, stanzas, online) = if initiating {
                let mut client = client_in(phase);
                let said = client.feed(element(kind));
                (said, client.over, client.stanzas.len(), client.online.is_some())
            } else {
                let mut server = server_in(phase);
                let said = server.feed(element(kind));
                (said, server.over, server.stanzas.len(), server.online.is_some())
            };
            match phase.verdict(kind) {
                Verdict::Refuse(condition) => {
                    assert_eq!(said, stream_error(condition.name()), "{kind:?} in {phase:?}");
                    // covers 3920-4.7.3-13: it is not processed
                    assert!(over && stanzas == 0, "{kind:?} in {phase:?}");
                }
                Verdict::Accept => {
                    assert!(!said.contains("<stream:error>"), "{kind:?} in {phase:?}: {said}");
                    let is_online = matches!(phase, Phase::Online | Phase::ClientOnline);
                    assert_eq!(online, is_online, "{kind:?} in {phase:?}");
                    assert!(stanzas == 0 || is_online, "{kind:?} in {phase:?}");
                }
            }
            judged += 1;
        }
    }
    assert_eq!(judged, 9 * FirstLevel::ALL.len());
}

#[test]
fn r6120_4_8_3_01_a_stanza_of_the_other_content_namespace_ends_the_stream() {
    let mut server = online_server(open_server());
    assert_eq!(server.feed("<message xmlns='jabber:server'/>"), stream_error("invalid-namespace"));
}

#[test]
fn an_empty_stream_is_closed_at_once() {
    let mut server = server(open_server());
    let said = server.feed(format!(
        "<stream:stream to='example.com' version='1.0' xmlns='jabber:client' xmlns:stream='{STREAMS}'/>"
    ));
    assert!(said.ends_with("</stream:features></stream:stream>"), "{said}");
    assert_eq!(server.reason, Some(CloseReason::PeerClosed));
    assert!(!server.conn.wants_input());
}
