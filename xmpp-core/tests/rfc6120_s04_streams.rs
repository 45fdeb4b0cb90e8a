//! RFC 6120 sections 4.1 to 4.6 with RFC 3920 sections 4.1 to 4.4: how streams open, are negotiated, restart and close.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use std::time::Duration;

use pair::sasl::success;
use pair::*;
use xmpp_core::conn::{AuthenticationFault, Close, CloseReason, Drive as _, Timer};
use xmpp_core::conn::{ServerConfig, ServerConnection};
use xmpp_core::error::Misuse;
use xmpp_core::jid::BareJid;
use xmpp_core::limits::Limits;
use xmpp_core::profile::Profile;
use xmpp_core::sasl::Selection;
use xmpp_core::sasl::server::Decoy;
use xmpp_core::stream::Condition;
use xmpp_core::tls::TlsPolicy;
use xmpp_core::xml::{Element, Lang};

const SECOND: Duration = Duration::from_secs(1);

/// The opening tags of all streams that one side began.
fn headers(transcript: &str) -> Vec<&str> {
    transcript.split("<stream:stream ").skip(1).map(|rest| rest.split('>').next().unwrap()).collect()
}

fn in_session() -> Pair {
    let mut pair = Pair::new();
    pair.run();
    assert!(pair.client.online.is_some() && pair.server.online.is_some());
    pair
}

#[test]
fn r3920_4_1_03_a_stream_opens_in_both_directions() {
    let mut client = client(open_client());
    // covers 3920-4.1-03
    assert!(client.said().starts_with("<?xml version='1.0'?><stream:stream "));
    let mut server = server(open_server());
    let said = server.feed(CLIENT_HEADER);
    // covers 3920-4.1-01
    assert_eq!(headers(&said).len(), 1);
    // covers 3920-4.1-04: at once, and with the features behind it
    assert!(said.starts_with("<?xml version='1.0'?><stream:stream ") && said.ends_with("</stream:features>"));
    // The declaration is optional.
    let tag = CLIENT_HEADER.strip_prefix("<?xml version='1.0'?>").unwrap();
    assert!(self::server(open_server()).feed(tag).contains("<stream:features>"));
}

#[test]
fn r3920_4_1_05_stanzas_of_any_content_flow_both_ways_on_one_connection() {
    let mut server = online_server(open_server());
    for to in ["romeo@example.com", "elsewhere.example", "juliet@example.com/balcony"] {
        server.feed(format!("<message to='{to}'/>"));
    }
    // covers 3920-4.1-05
    assert_eq!(server.stanzas.len(), 3);
    let inside = "<x xmlns='urn:x' a='1' p:b='2' xmlns:p='urn:p'><y/>text<p:z>more</p:z></x>";
    server.feed(format!("<message>{inside}</message>"));
    // covers 3920-4.1-02
    assert!(server.stanzas[3].contains("<x xmlns='urn:x' a='1'") && server.stanzas[3].contains("text<"));
    server.conn.send(server.now, message("back")).unwrap();
    // covers 3920-4.2-01
    assert!(server.said().contains("<body>back</body>"));
}

#[test]
fn r3920_4_3_02_there_is_no_way_around_authentication() {
    let mut server = server(open_server());
    server.feed(CLIENT_HEADER);
    // covers 3920-4.3-02
    assert_eq!(server.feed(BIND), stream_error("not-authorized"));

    // A server that wants none is left.
    let mut client = client(open_client());
    client.said();
    assert_eq!(client.feed(format!("{SERVER_HEADER}{OFFER_BIND}")), FOOTER);
    assert!(matches!(client.reason, Some(CloseReason::Authentication(AuthenticationFault::NoMechanism(_)))));

    // The stream back is as much in need of proof: a server that skips its own is not believed.
    for proof in [SUCCESS.to_owned(), success("v=AAAA")] {
        let mut client = self::client(open_client());
        client.said();
        client.feed(format!("{SERVER_HEADER}{}", offer(&["SCRAM-SHA-1"])));
        client.feed(proof);
        // covers 3920-4.3-03
        assert!(matches!(client.reason, Some(CloseReason::Authentication(AuthenticationFault::Server(_)))));
    }
}

#[test]
fn r6120_4_3_5_02_a_client_sends_nothing_before_it_may() {
    let mut pair = Pair::new();
    loop {
        let before = pair.client.online.is_some();
        let sent = pair.client.conn.send(pair.now, message("early"));
        // covers 6120-4.3.5-02
        assert_eq!(sent.is_err(), !before);
        if before {
            break;
        }
        // covers 3920-4.3-04
        assert_eq!(sent, Err(Misuse::NotOnline));
        pair.client.drain(pair.now);
        pair.server.drain(pair.now);
        let bytes: Vec<u8> = pair.client.sent.drain(..).collect();
        if !bytes.is_empty() {
            pair.server.feed(bytes);
        }
        let bytes: Vec<u8> = pair.server.sent.drain(..).collect();
        if !bytes.is_empty() {
            pair.client.feed(bytes);
        }
    }
    assert!(!pair.client.transcript.contains("early"));
}

#[test]
fn r6120_4_3_5_04_an_early_stanza_ends_the_stream() {
    for stanza in
        ["<message to='romeo@example.com'/>", "<presence/>", "<iq type='get' id='1'><x xmlns='urn:x'/></iq>"]
    {
        for steps in [1, 3] {
            let mut server = server(open_server());
            for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER].into_iter().take(steps) {
                server.feed(part);
            }
            // covers 6120-4.3.5-04
            assert_eq!(server.feed(stanza), stream_error("not-authorized"), "{stanza} after {steps}");
            // covers 6120-4.3.5-03
            assert!(server.stanzas.is_empty());
            // covers 6120-4.9.3.12-01
            assert!(!server.transcript.contains("<iq") && server.over);
        }
    }
    // Where RFC 3920's answer is chosen, a stanza before binding is refused and not handed in either.
    let profile = Profile::RFC3920;
    let mut server = server(open_server().with_profile(profile));
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER, "<message id='1'/>"] {
        server.feed(part);
    }
    assert!(server.stanzas.is_empty() && server.transcript.contains("<not-authorized "));
}

#[test]
fn r6120_4_3_2_01_features_follow_the_header() {
    for header in [CLIENT_HEADER.to_owned(), CLIENT_HEADER.replace("'1.0' xml:lang", "'1.7' xml:lang")] {
        let mut server = server(open_server());
        // covers 6120-4.3.2-01
        assert!(server.feed(header).contains("><stream:features>"));
    }
    // Without a version, none.
    let mut server = server(open_server());
    assert!(
        !server.feed(CLIENT_HEADER.replacen(" version='1.0' xml:lang", " xml:lang", 1)).contains("features")
    );

    let feature = Element::builder("urn:example:feature", "rebind").build();
    let mut server = self::server(open_server().with_feature(feature));
    let all = [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER].map(|part| server.feed(part)).concat();
    // covers 6120-4.3.2-02: in both, whatever is offered has a namespace of its own
    for (inside, expected) in all.split("<stream:features>").skip(1).zip([1, 2]) {
        let inside = inside.split("</stream:features>").next().unwrap();
        assert_eq!(inside.matches(" xmlns='").count(), expected, "{inside}");
        assert!(!inside.contains("jabber:client") && !inside.contains("etherx"), "{inside}");
    }
}

#[test]
fn r6120_4_3_2_04_negotiation_goes_on_while_something_mandatory_is_offered() {
    let mut client = client(open_client());
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    client.feed(SUCCESS);
    let beside = "<stream:features><compression xmlns='http://jabber.org/features/compress'><method>zlib</method>\
                  </compression><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/><x xmlns='urn:x'/></stream:features>";
    let request = client.feed(format!("{SERVER_HEADER}{beside}"));
    // covers 6120-4.3.2-04
    assert!(client.online.is_none() && client.conn.send(client.now, message("x")) == Err(Misuse::NotOnline));
    // covers 3920-4.6-02: what is not understood is passed over
    assert!(request.starts_with("<iq ") && request.contains("<bind "), "{request}");
    client.feed(bound(&request, "juliet@example.com/balcony"));
    assert!(client.online.is_some());

    // Two features that a client may begin with: it picks one.
    let both = offer(&["SCRAM-SHA-1"]).replace("<stream:features>", &format!("<stream:features>{STARTTLS}"));
    let mut client = self::client(client_config().with_tls(TlsPolicy::Optional));
    client.said();
    // covers 6120-4.3.2-05
    assert_eq!(client.feed(format!("{SERVER_HEADER}{both}")), STARTTLS);
}

#[test]
fn r6120_4_3_2_06_a_client_may_try_what_is_voluntary_first() {
    // STARTTLS beside SASL: either may come first, and the other is still there.
    let mut server = server(server_config().with_tls(TlsPolicy::Optional));
    server.feed(CLIENT_HEADER);
    // covers 6120-4.3.2-06
    assert_eq!(server.feed(STARTTLS), PROCEED);
    assert!(server.feed(CLIENT_HEADER).contains("<mechanism>SCRAM-SHA-256</mechanism>"));
}

#[test]
fn r6120_4_3_2_07_features_that_name_nothing_mandatory_end_the_negotiation() {
    // For a client binding is always mandatory, so a server that offers nothing more has ended too early.
    for features in ["<stream:features/>", "<stream:features><x xmlns='urn:x'/></stream:features>"] {
        let mut client = client(open_client());
        client.said();
        client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
        client.feed(SUCCESS);
        // covers 6120-4.3.2-07
        assert_eq!(client.feed(format!("{SERVER_HEADER}{features}")), stream_error("unsupported-feature"));
        // covers 6120-4.9.3.23-01
        assert_eq!(client.reason, Some(CloseReason::Local(Condition::UnsupportedFeature.into())));
    }
}

#[test]
fn r6120_4_3_5_01_features_come_once_per_stream() {
    let mut pair = in_session();
    let features = pair.server.transcript.matches("<stream:features>").count();
    assert_eq!(features, 3);
    pair.client.conn.send(pair.now, message("x")).unwrap();
    pair.run();
    // covers 6120-4.3.5-01
    assert_eq!(pair.server.transcript.matches("<stream:features>").count(), features);
    // An empty element may come after all; it changes nothing.
    for late in ["<stream:features/>", OFFER_TLS] {
        assert_eq!(pair.client.feed(late), "");
        assert!(!pair.client.over && pair.client.stanzas.is_empty());
    }
}

#[test]
fn r6120_4_3_3_02_a_restart_keeps_the_connection() {
    let pair = in_session();
    for end in [&pair.client.transcript, &pair.server.transcript] {
        // covers 6120-4.3.3-02
        assert!(!end.contains(FOOTER), "{end}");
    }
    for over in [pair.client.over, pair.server.over] {
        // covers 6120-4.3.3-03
        assert!(!over);
    }
    // Three streams, one after the other, over one pair of queues.
    // covers 6120-4.3.3-04
    assert_eq!((headers(&pair.client.transcript).len(), headers(&pair.server.transcript).len()), (3, 3));
    let declared = "<?xml version='1.0'?><stream:stream ";
    for end in [&pair.client.transcript, &pair.server.transcript] {
        // covers 6120-4.3.3-06
        assert_eq!(end.matches(declared).count(), 3);
    }
}

#[test]
fn r6120_4_3_3_05_after_a_restart_everything_begins_anew() {
    let mut client = client(open_client());
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    let said = client.feed(SUCCESS);
    // covers 6120-4.3.3-05
    assert_eq!(headers(&said).len(), 1);

    let mut server = server(open_server());
    let first = server.feed(CLIENT_HEADER);
    server.feed(AUTH_PLAIN);
    // Nothing of the old stream is valid in the new one: this is no header.
    // covers 6120-4.3.3-01
    assert!(server.feed("<presence/>").ends_with(&stream_error("invalid-namespace")));

    let mut server = self::server(open_server());
    server.feed(CLIENT_HEADER);
    server.feed(AUTH_PLAIN);
    let second = server.feed(CLIENT_HEADER);
    // covers 6120-4.3.3-07
    assert_ne!(attribute(&first, "stream:stream", "id"), attribute(&second, "stream:stream", "id"));
    // covers 6120-4.3.4-01
    assert!(second.ends_with(OFFER_BIND) && !first.contains("<bind "));
}

#[test]
fn r6120_4_3_6_01_the_address_is_what_was_proved_and_bound() {
    let mut server = online_server(open_server());
    server.feed("<message/>");
    // covers 6120-4.3.6-01
    assert!(server.stanzas[0].contains(" from='juliet@example.com/balcony'"));

    // The server's choice of a resource counts, for both.
    let mut server = self::server(open_server());
    server.hold = true;
    for part in [CLIENT_HEADER, AUTH_PLAIN] {
        server.feed(part);
    }
    while let Some(question) = server.questions.pop_front() {
        server.answer(server.now, question);
        server.said();
    }
    server.feed(CLIENT_HEADER);
    server.feed(BIND);
    let Some(xmpp_core::conn::Question::Binding { ticket, .. }) = server.questions.pop_front() else {
        panic!("a resource is asked for")
    };
    let jid = BareJid::new("juliet@example.com").unwrap().with_resource("B\u{e4}lcony").unwrap();
    server.conn.answer(server.now, ticket, xmpp_core::conn::BindAnswer::Bound(jid)).unwrap();
    // covers 6120-4.3.6-06
    assert!(server.said().contains("<jid>juliet@example.com/B\u{e4}lcony</jid>"));
    server.feed("<message/>");
    // covers 6120-4.3.6-02
    assert!(server.stanzas[0].contains(" from='juliet@example.com/B\u{e4}lcony'"));

    // An address in another spelling is made canonical before anybody sees it.
    let mut server = self::server(open_server());
    server.feed(CLIENT_HEADER);
    server.feed(sasl::plain("", "JULIET", PASSWORD));
    server.feed(CLIENT_HEADER);
    // covers 6120-4.3.6-05
    assert!(server.feed(BIND).contains("<jid>juliet@example.com/balcony</jid>"));
}

#[test]
fn r6120_4_3_6_04_a_client_is_who_the_server_says() {
    let mut client = client(open_client());
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    client.feed(SUCCESS);
    let request = client.feed(format!("{SERVER_HEADER}{OFFER_BIND}"));
    // covers 6120-4.3.6-03: not even the resource that it asked for is taken for granted
    assert!(client.conn.jid().is_none() && request.contains("<resource>balcony</resource>"));
    client.feed(bound(&request, "julia@example.com/elsewhere"));
    // covers 6120-4.3.6-04
    assert_eq!(client.conn.jid().map(|jid| jid.as_str()), Some("julia@example.com/elsewhere"));
}

#[test]
fn r6120_4_4_01_who_closes_waits_and_listens() {
    let mut server = online_server(open_server());
    server.conn.close(server.now);
    assert_eq!(server.said(), FOOTER);
    // covers 6120-4.4-01
    assert!(!server.over && server.conn.wants_input());
    assert_eq!(server.conn.send(server.now, message("late")), Err(Misuse::Closed));
    // Not even an answer that is due.
    // covers 6120-4.4-02
    assert_eq!(server.feed("<iq type='get'/><message><body>on its way</body></message>"), "");
    assert_eq!(server.stanzas.len(), 1);
    assert_eq!(server.feed(FOOTER), "");
    // covers 3920-4.1-06
    assert_eq!(server.close, Some(Close::Graceful));

    let mut server = online_server(open_server());
    server.conn.close(server.now);
    server.said();
    server.sleep(4 * SECOND);
    assert!(!server.over);
    server.sleep(SECOND);
    // covers 6120-4.4-03
    assert_eq!(server.reason, Some(CloseReason::Timeout(Timer::Close)));
    // covers 6120-4.4-04
    assert_eq!(server.close, Some(Close::Abort));
}

#[test]
fn r6120_4_4_05_closing_is_told_to_the_layer_below() {
    // What a graceful end is, with `close_notify` in both directions, is the transport's part.
    let mut pair = in_session();
    pair.client.conn.close(pair.now);
    pair.run();
    // covers 6120-4.4-05
    assert_eq!((pair.client.close, pair.server.close), (Some(Close::Graceful), Some(Close::Graceful)));
    assert_eq!(
        (pair.client.reason, pair.server.reason),
        (Some(CloseReason::Clean), Some(CloseReason::PeerClosed))
    );
}

#[test]
fn r6120_4_6_3_01_an_idle_peer_is_asked_before_it_is_given_up() {
    let mut server = online_server(open_server());
    // White space finds out whether the transport lives (section 4.6.1), and a ping whether somebody is there; any byte is an answer.
    assert_eq!(server.sleep(Limits::client().idle()), " ");
    server.feed(" ");
    assert_eq!(server.sleep(Limits::client().idle()), " ");
    assert!(server.sleep(Limits::client().dead()).contains("<ping xmlns='urn:xmpp:ping'/>"));
    // covers 6120-4.9.3.4-01: only who does not answer is told so
    assert_eq!(server.sleep(Limits::client().dead()), stream_error("connection-timeout"));

    // Who answers and yet says nothing may still be sent away, as the embedder likes.
    let mut server = online_server(open_server());
    server.conn.fail(server.now, Condition::PolicyViolation);
    // covers 6120-4.6.3-01
    assert_eq!(server.said(), stream_error("policy-violation"));
    // A client that is slow before it is in has passed such a policy too: it did answer.
    let mut slow = self::server(open_server());
    slow.feed(CLIENT_HEADER);
    assert_eq!(slow.sleep(60 * SECOND), stream_error("policy-violation"));
}

#[test]
fn r6120_4_6_4_01_keepalive_is_no_more_often_than_needed() {
    let idle = Duration::from_secs(300);
    let limits = Limits::client().with_idle(idle, Duration::from_secs(60));
    let mut client = online_client(open_client().with_limits(limits));
    assert_eq!(client.sleep(idle - SECOND), "");
    // A stream on which the other side speaks is alive without being asked.
    client.feed("<presence/>");
    assert_eq!(client.sleep(idle - SECOND), "");
    // covers 6120-4.6.4-01: as seldom as that, if so configured
    assert_eq!(client.sleep(SECOND), " ");
}

fn two_hosts() -> ServerConfig {
    let domains = ["example.com", "example.net"].map(|domain| BareJid::new(domain).unwrap());
    ServerConfig::new(domains, Decoy::new([7; 32]).iterations(ITERATIONS))
}

#[test]
fn r3920_4_4_06_each_virtual_host_answers_under_its_own_name() {
    let header = |domain: &str| CLIENT_HEADER.replace("example.com", domain);
    for domain in ["example.com", "example.net"] {
        let mut server = server(two_hosts());
        let said = server.feed(header(domain));
        // covers 3920-4.4-06
        assert_eq!(attribute(&said, "stream:stream", "from"), domain);
        server.feed(STARTTLS);
        // The certificate to present is that of the domain asked for.
        // covers 6120-5.4.3.1-04
        assert_eq!(server.trace.last().unwrap(), &format!("tls Some({domain:?})"));
        // Its accounts are its own.
        server.feed(header(domain));
        let auth = sasl::plain("", "juliet", PASSWORD);
        server.hold = true;
        server.feed(auth);
        assert!(server.trace.contains(&format!("keys juliet@{domain} None")), "{:?}", server.trace);
    }
    // Who authenticated to one of them does not go on with the other.
    let open = two_hosts()
        .with_tls(TlsPolicy::Disabled)
        .with_mechanisms(Selection::new().plain(xmpp_core::sasl::PlainPolicy::Always));
    let mut server = server(open);
    server.feed(CLIENT_HEADER);
    server.feed(AUTH_PLAIN);
    assert!(server.feed(header("example.net")).ends_with(&stream_error("not-authorized")));
}

#[test]
fn languages_of_configurations_are_checked_once() {
    let lang: Lang = "de-CH".parse().unwrap();
    let mut client = client(open_client().with_lang(lang.clone()));
    assert!(client.said().contains(" xml:lang='de-CH'"));
    let mut server: End<ServerConnection> = server(open_server().with_lang(lang));
    assert!(server.feed(CLIENT_HEADER).contains(" xml:lang='de-CH'"));
}
