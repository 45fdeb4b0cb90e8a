//! Streams between servers: both ends joined, and each alone with a peer that does as it likes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod peer;

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use peer::*;
use xmpp_core::conn::{Close, CloseReason, Drive as _, PeerInbound, PeerOutbound, Timer, TlsFault};
use xmpp_core::dialback::{DialbackPolicy, Secret, Verdict};
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::limits::{Limits, XmlLimits};
use xmpp_core::stream::{FirstLevel, Phase, Verdict as Judgement};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, PresentedName, TlsError, TlsPolicy};

const SECOND: Duration = Duration::from_secs(1);

/// Both ends over TLS; the chain is what the receiving server thinks of the other's.
fn pair(chain: Chain) -> (End<PeerOutbound>, End<PeerInbound>) {
    let client = outbound(outbound_config()).with_certificate(certificate(Chain::Trusted, &[MONTAGUE]));
    let server = inbound(inbound_config()).with_certificate(certificate(chain, &[CAPULET]));
    (client, server)
}

#[test]
fn tls_and_external() {
    let mut traces = Vec::new();
    for chunk in [usize::MAX, 1, 7] {
        let (mut client, mut server) = pair(Chain::Trusted);
        exchange(&mut client, &mut server, chunk);
        let id =
            client.conn.send(client.now, stanza("juliet@capulet.example", "romeo@montague.example")).unwrap();
        assert_eq!(id.as_u64(), 0);
        // A certificate is for all domains of the server that checked it, but asked for one of them on this stream.
        assert_eq!(client.conn.send(client.now, stanza(CAPULET, CHAT)), Err(Misuse::NotAuthorized));
        client.conn.authorize(client.now, &domain(CAPULET), &domain(CHAT)).unwrap();
        exchange(&mut client, &mut server, chunk);
        client.conn.send(client.now, stanza(CAPULET, CHAT)).unwrap();
        client.conn.close(client.now);
        exchange(&mut client, &mut server, chunk);
        assert!(!server.transcript.contains("<stream:error>"), "{}", server.transcript);
        let last =
            |transcript: &str| transcript.rsplit("<stream:stream ").next().map(ToOwned::to_owned).unwrap();
        // covers 6120-4.7.1-02
        assert!(last(&client.transcript).contains(" from='capulet.example'"));
        // covers 6120-4.7.2-04
        assert!(last(&server.transcript).contains(" to='capulet.example'"));
        let events = (client.events(), server.events());
        // covers 3920-14.4-01
        assert_eq!(
            events.0,
            [
                "tls Some(\"montague.example\") Server",
                "authorized capulet.example montague.example External",
                "authorized capulet.example chat.montague.example Dialback",
                "closed both sides closed the stream",
                "end Graceful"
            ]
        );
        // covers 6120-4.3.6-07
        assert_eq!(
            events.1,
            [
                "tls Some(\"montague.example\") Server",
                "authorized montague.example capulet.example External",
                "stanza <message to='romeo@montague.example' from='juliet@capulet.example' id='m1' type='normal'/>",
                "stanza <message to='chat.montague.example' from='capulet.example' id='m1' type='normal'/>",
                "closed the peer closed the stream",
                "end Graceful"
            ]
        );
        traces.push((client.transcript, server.transcript));
    }
    assert!(traces.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn direct_tls() {
    let info = |name| certificate(Chain::Trusted, &[name]);
    let now = Instant::from_micros(1);
    let config = outbound_config();
    let client = PeerOutbound::over_tls(config, info(MONTAGUE), Seed::new([1; 32]), now);
    let server = PeerInbound::over_tls(inbound_config().into(), info(CAPULET), Seed::new([2; 32]), now);
    let (mut client, mut server) = (End::new(client), End::new(server));
    exchange(&mut client, &mut server, usize::MAX);
    assert_eq!(client.events(), ["authorized capulet.example montague.example External"]);
    assert_eq!(server.events(), ["authorized montague.example capulet.example External"]);
    assert!(!server.transcript.contains("starttls"));
    // A strict policy says no word to anybody else.
    let config = outbound_config().with_dialback(DialbackPolicy::Never);
    let client = PeerOutbound::over_tls(config, info("verona.example"), Seed::new([1; 32]), now);
    let mut client = End::new(client);
    assert_eq!(client.said(), "");
    assert_eq!(client.reason, Some(CloseReason::Tls(TlsFault::Failed(TlsError::WrongName))));
}

/// Dialback of the pair over the stream that `client` opened, with `authority` asking a third machine: capulet.example's end of a stream that
/// montague.example opened.
fn dial_back(client: &mut End<PeerOutbound>, server: &mut End<PeerInbound>, secret: &str) {
    let (_, request) = server.questions.front().expect("a question");
    let config = xmpp_core::conn::PeerOutboundConfig::new(
        request.local(),
        request.remote(),
        Secret::new(MONTAGUES_SECRET),
    );
    let mut asking = outbound(config.for_verification()).with_certificate(certificate(Chain::Untrusted, &[]));
    let config = xmpp_core::conn::PeerConfig::new([CAPULET, ROOMS].map(domain), Secret::new(secret));
    let mut authority = inbound(config).with_certificate(certificate(Chain::Untrusted, &[]));
    asking.conn.verify(asking.now, request.clone()).unwrap();
    exchange(&mut asking, &mut authority, usize::MAX);
    let events = asking.events();
    let verdict = events.last().unwrap();
    server.judge(if verdict.ends_with(" Valid") { Verdict::Valid } else { Verdict::Invalid });
    // Nothing but the key passed, and nobody is authorized by it.
    assert!(authority.events().iter().all(|event| event.starts_with("tls")));
    exchange(client, server, usize::MAX);
}

#[test]
fn tls_and_dialback_with_a_third_machine() {
    let (mut client, mut server) = pair(Chain::Untrusted);
    exchange(&mut client, &mut server, usize::MAX);
    assert!(!server.transcript.contains("EXTERNAL"));
    dial_back(&mut client, &mut server, CAPULETS_SECRET);
    // covers 3920-14.4-02
    assert_eq!(client.events().last().unwrap(), "authorized capulet.example montague.example Dialback");
    client.conn.send(client.now, stanza(CAPULET, MONTAGUE)).unwrap();
    exchange(&mut client, &mut server, usize::MAX);
    // covers 6120-4.3.6-08
    assert!(server.events().last().unwrap().starts_with("stanza "));

    // Somebody else with a key of its own.
    let (mut client, mut server) = pair(Chain::Untrusted);
    exchange(&mut client, &mut server, usize::MAX);
    dial_back(&mut client, &mut server, "another secret");
    assert_eq!((client.reason, server.reason), (Some(CloseReason::Dialback), Some(CloseReason::Dialback)));
}

#[test]
fn plaintext_dialback_byte_by_byte_and_multiplexed() {
    let mut traces = Vec::new();
    for chunk in [usize::MAX, 1, 5] {
        let mut client = outbound(open_outbound_config());
        let mut server = inbound(open_inbound_config());
        for (local, remote) in [(CAPULET, MONTAGUE), (ROOMS, MONTAGUE), (ROOMS, CHAT)] {
            client.conn.authorize(client.now, &domain(local), &domain(remote)).unwrap();
        }
        exchange(&mut client, &mut server, chunk);
        assert_eq!(server.questions.len(), 3);
        server.judge(Verdict::Valid);
        server.judge(Verdict::Invalid);
        server.judge(Verdict::Valid);
        exchange(&mut client, &mut server, chunk);
        client.conn.send(client.now, stanza("a@rooms.capulet.example", "b@chat.montague.example")).unwrap();
        exchange(&mut client, &mut server, chunk);
        assert_eq!(
            client.events(),
            [
                "authorized capulet.example montague.example Dialback",
                "refused rooms.capulet.example montague.example Failed(Forbidden)",
                "authorized rooms.capulet.example chat.montague.example Dialback"
            ]
        );
        let events = server.events();
        assert!(events.last().unwrap().starts_with("stanza "), "{events:?}");
        traces.push((events, client.transcript, server.transcript));
    }
    assert!(traces.windows(2).all(|pair| pair[0] == pair[1]));
}

/// What one end has sent, over a socket to the other.
fn carry<C: Peer>(
    bytes: &mut VecDeque<u8>,
    from: &mut TcpStream,
    at: &mut TcpStream,
    to: &mut End<C>,
) -> bool {
    let mut bytes: Vec<u8> = bytes.drain(..).collect();
    from.write_all(&bytes).unwrap();
    at.read_exact(&mut bytes).unwrap();
    if !bytes.is_empty() {
        to.feed(&bytes);
    }
    !bytes.is_empty()
}

#[test]
fn r3920_2_5_02_streams_between_servers_run_over_tcp() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut theirs = listener.accept().unwrap().0;
    let (mut client, mut server) = pair(Chain::Trusted);
    while carry(&mut client.sent, &mut ours, &mut theirs, &mut server)
        | carry(&mut server.sent, &mut theirs, &mut ours, &mut client)
    {}
    client.conn.send(client.now, stanza(CAPULET, MONTAGUE)).unwrap();
    client.said();
    carry(&mut client.sent, &mut ours, &mut theirs, &mut server);
    assert!(server.events().last().unwrap().starts_with("stanza <message "));
}

#[test]
fn r6120_8_2_3_what_is_no_stanza_is_answered_by_another_stream() {
    let mut end = proved();
    assert_eq!(
        end.feed("<iq type='get' from='a@capulet.example' to='montague.example'><q xmlns='u'/></iq>"),
        ""
    );
    let events = end.events();
    assert!(events[0].starts_with("warning Stanza"), "{events:?}");
    assert!(
        events[1].starts_with("reply <iq to='a@capulet.example' from='montague.example' id='' type='error'>"),
        "{events:?}"
    );
    // Not for somebody else's.
    end.feed("<iq type='get' from='a@verona.example' to='montague.example'/>");
    assert!(end.events().iter().all(|event| !event.starts_with("reply")));
}

#[test]
fn external_is_offered_to_whom_it_fits() {
    let srv = PresentedName::srv("_xmpp-server.capulet.example").unwrap();
    for (info, offered) in [
        (certificate(Chain::Trusted, &[CAPULET]), true),
        (certificate(Chain::Trusted, &[]).with_name(srv), true),
        (certificate(Chain::Trusted, &["*.capulet.example"]), false),
        (certificate(Chain::Trusted, &[ROOMS]), false),
        (certificate(Chain::Untrusted, &[CAPULET]), false),
    ] {
        let mut end = secured(inbound_config(), info);
        assert_eq!(end.transcript.contains("EXTERNAL"), offered);
        let answer = end.feed(AUTH);
        assert_eq!(answer, if offered { SUCCESS.to_owned() } else { failure("not-authorized") });
        // XEP-0178 section 3 step 11: dialback is left.
        if !offered {
            end.feed(result(CAPULET, MONTAGUE, "key"));
            assert_eq!(end.questions.len(), 1);
        }
    }
    // A certificate that is good for one of our own domains too, as those with an asterisk are, makes nobody us.
    let as_us = HEADER.replace("from='capulet.example'", "from='chat.montague.example'");
    let mut end = inbound(inbound_config())
        .with_certificate(certificate(Chain::Trusted, &["*.montague.example", "montague.example"]));
    end.feed(HEADER);
    end.feed(STARTTLS);
    end.feed(as_us);
    assert!(!end.transcript.contains("EXTERNAL"), "{}", end.transcript);
    assert_eq!(end.feed(AUTH), failure("not-authorized"));

    let mut end = inbound(inbound_config()).with_certificate(certificate(Chain::Trusted, &[CAPULET]));
    end.feed(OLD_HEADER.replace("<stream:stream ", "<stream:stream version='1.0' "));
    end.feed(STARTTLS);
    end.feed(OLD_HEADER.replace("<stream:stream ", "<stream:stream version='1.0' "));
    assert!(!end.transcript.contains("EXTERNAL"), "who does not say who it is");
    assert_eq!(end.feed(AUTH_AS), failure("not-authorized"));
}

#[test]
fn starttls_that_will_not_do_fails() {
    let failed = format!("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>{FOOTER}");
    for (config, inside, fault) in [
        (inbound_config(), "<x xmlns='urn:x'/>", TlsFault::Malformed),
        (inbound_config(), "x", TlsFault::Malformed),
        (open_inbound_config(), "", TlsFault::NotOffered),
    ] {
        let mut end = inbound(config);
        end.feed(HEADER);
        let request = format!("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>{inside}</starttls>");
        // RFC 6120 section 5.4.2.2.
        assert_eq!(end.feed(request), failed, "{inside}");
        assert_eq!((end.reason, end.handshakes), (Some(CloseReason::Tls(fault)), 0));
    }
}

fn failure(condition: &str) -> String {
    format!("<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><{condition}/></failure>")
}

fn auth(payload: &str) -> String {
    AUTH.replace(">=<", &format!(">{payload}<"))
}

#[test]
fn external_and_its_payloads() {
    let fresh = || secured(inbound_config(), certificate(Chain::Trusted, &[CAPULET]));
    for payload in ["=", "Y2FwdWxldC5leGFtcGxl", "Q2FwdWxldC5FWEFNUExF"] {
        let mut end = fresh();
        assert_eq!(end.feed(auth(payload)), SUCCESS, "{payload}");
        end.feed(HEADER);
        // covers 3920-3.5-02: without an identity it is the domain that the stream is from.
        assert_eq!(end.events().last().unwrap(), "authorized montague.example capulet.example External");
    }
    for (payload, condition) in [
        // verona.example, x@capulet.example, a byte that is no UTF-8, no base64
        ("dmVyb25hLmV4YW1wbGU=", "invalid-authzid"),
        ("eEBjYXB1bGV0LmV4YW1wbGU=", "invalid-authzid"),
        ("/w==", "malformed-request"),
        ("====", "incorrect-encoding"),
    ] {
        let mut end = fresh();
        // covers 6120-6.3.8-03
        assert_eq!(end.feed(auth(payload)), failure(condition), "{payload}");
        assert_eq!(end.feed(AUTH), SUCCESS);
    }
    // Without an initial response there is a challenge, and what can be said to it.
    let none = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'/>";
    for (said, answer) in [
        ("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", SUCCESS.to_owned()),
        (
            "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>Y2FwdWxldC5leGFtcGxl</response>",
            SUCCESS.to_owned(),
        ),
        ("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>", failure("aborted")),
        (AUTH, SUCCESS.to_owned()),
    ] {
        let mut end = fresh();
        assert_eq!(end.feed(none), "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
        assert_eq!(end.feed(said), answer, "{said}");
    }
    // Nothing succeeds without `<auth/>`, nor with another mechanism, nor for ever.
    let mut end = fresh();
    let response = "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>";
    assert_eq!(end.feed(response), failure("malformed-request"));
    assert_eq!(end.feed(AUTH.replace("EXTERNAL", "PLAIN")), failure("invalid-mechanism"));
    assert!(end.feed(auth("====")).contains(&stream_error("policy-violation")));
    assert!(end.over);
    let mut end = greeted();
    assert_eq!(end.feed(AUTH), failure("encryption-required"));
}

#[test]
fn the_proved_domain_cannot_become_another() {
    for from in ["from='verona.example' ", "from='x@capulet.example' "] {
        let mut end = secured(inbound_config(), certificate(Chain::Trusted, &[CAPULET, "verona.example"]));
        end.feed(AUTH);
        end.feed(HEADER.replace("from='capulet.example' ", from));
        assert!(end.over, "{}", end.transcript);
        assert!(end.events().iter().all(|event| !event.starts_with("authorized")));
    }
    let mut end = secured(inbound_config(), certificate(Chain::Trusted, &[CAPULET]));
    end.feed(AUTH);
    end.feed(HEADER.replace("from='capulet.example' ", ""));
    assert_eq!(end.events().last().unwrap(), "authorized montague.example capulet.example External");
    // To all of our domains, and to nobody else's.
    end.feed("<message from='capulet.example' to='chat.montague.example'/>");
    assert!(end.events()[0].starts_with("stanza"));
    end.feed("<message from='capulet.example' to='verona.example'/>");
    assert!(end.transcript.contains(&stream_error("host-unknown")));
}

#[test]
fn our_certificate_is_refused() {
    let client = |policy| {
        let config = outbound_config().with_dialback(policy);
        let mut end = outbound(config).with_certificate(certificate(Chain::Trusted, &[MONTAGUE]));
        end.feed(format!("{ANSWER}{OFFER_TLS}"));
        end.feed(PROCEED);
        // covers 6120-6.3.8-02
        assert_eq!(end.feed(format!("{ANSWER}{OFFER_EXTERNAL}")), AUTH_AS);
        end
    };
    let mut end = client(DialbackPolicy::Encrypted);
    assert_eq!(end.feed(failure("not-authorized")), result(CAPULET, MONTAGUE, KEY));
    let mut end = client(DialbackPolicy::Never);
    assert_eq!(end.feed(failure("not-authorized")), FOOTER);
    assert!(matches!(end.reason, Some(CloseReason::Authentication(_))), "{:?}", end.reason);
    // A peer that looks at nothing but responses.
    let mut end = client(DialbackPolicy::Never);
    assert_eq!(
        end.feed("<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"),
        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>Y2FwdWxldC5leGFtcGxl</response>"
    );
    assert!(end.feed(SUCCESS).starts_with("<?xml"));
    // Nothing that we may use is on offer.
    let config = outbound_config().with_dialback(DialbackPolicy::Never);
    let mut end = outbound(config).with_certificate(certificate(Chain::Trusted, &[MONTAGUE]));
    end.feed(format!("{ANSWER}{OFFER_TLS}"));
    end.feed(PROCEED);
    assert_eq!(end.feed(format!("{ANSWER}{OFFER_DIALBACK}")), FOOTER);
    // covers 3920-14.4-06: it can be required.
    assert_eq!(end.reason, Some(CloseReason::NoMethod));
}

#[test]
fn a_stream_without_tls_goes_nowhere_unless_it_may() {
    // Whoever needs TLS asks for it, offered or not.
    let mut end = outbound(outbound_config());
    assert_eq!(end.feed(format!("{ANSWER}{OFFER_DIALBACK}")), STARTTLS);
    let refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    assert_eq!(end.feed(refusal), FOOTER);
    assert_eq!(end.reason, Some(CloseReason::Tls(TlsFault::Refused)));
    let mut end = outbound(outbound_config());
    let said = end.feed(OLD_ANSWER);
    assert!(said.starts_with(&stream_error("unsupported-version")), "{said}");
    // EXTERNAL means nothing in plaintext.
    let mut end = outbound(open_outbound_config());
    assert_eq!(end.feed(format!("{ANSWER}{OFFER_EXTERNAL}")), result(CAPULET, MONTAGUE, KEY));
    let config = outbound_config().with_tls(TlsPolicy::Optional);
    let mut end = outbound(config);
    assert_eq!(end.feed(format!("{ANSWER}{OFFER_EXTERNAL}")), FOOTER);
    assert_eq!(end.reason, Some(CloseReason::NoMethod));
    // Somebody else's certificate.
    let config = outbound_config().with_dialback(DialbackPolicy::Never);
    let mut end = outbound(config).with_certificate(certificate(Chain::Trusted, &["verona.example"]));
    end.feed(format!("{ANSWER}{OFFER_TLS}"));
    end.feed(PROCEED);
    assert_eq!(end.reason, Some(CloseReason::Tls(TlsFault::Failed(TlsError::WrongName))));
    // EXTERNAL is only for a peer that has proved itself.
    let mut end =
        outbound(outbound_config()).with_certificate(certificate(Chain::Trusted, &["verona.example"]));
    end.feed(format!("{ANSWER}{OFFER_TLS}"));
    end.feed(PROCEED);
    assert_eq!(end.feed(format!("{ANSWER}{OFFER_EXTERNAL}")), result(CAPULET, MONTAGUE, KEY));
}

#[test]
fn r3920_5_2_plaintext_behind_the_start_of_tls_is_fatal() {
    let mut end = inbound(inbound_config()).with_certificate(certificate(Chain::Trusted, &[CAPULET]));
    end.feed(HEADER);
    end.feed(format!("{STARTTLS}{HEADER}"));
    assert_eq!(end.reason, Some(CloseReason::Tls(TlsFault::Injection)));
    let mut end = outbound(outbound_config()).with_certificate(certificate(Chain::Trusted, &[MONTAGUE]));
    end.feed(format!("{ANSWER}{OFFER_TLS}"));
    end.feed(format!("{PROCEED}{ANSWER}"));
    assert_eq!(end.reason, Some(CloseReason::Tls(TlsFault::Injection)));
    assert_eq!((end.handshakes, end.close), (0, Some(Close::Abort)));
}

#[test]
fn headers_that_will_not_do() {
    for (header, condition) in [
        (HEADER.replace("xmlns='jabber:server'", "xmlns='jabber:client'"), "invalid-namespace"),
        (HEADER.replace("montague.example", "verona.example"), "host-unknown"),
        (HEADER.replace("montague.example", "x@montague.example"), "improper-addressing"),
        (HEADER.replace("from='capulet.example'", "from='a..b'"), "improper-addressing"),
        (HEADER.replace("from='capulet.example'", "from='x@capulet.example'"), "improper-addressing"),
        (HEADER.replace("etherx.jabber.org", "example.org"), "invalid-namespace"),
    ] {
        let mut end = inbound(open_inbound_config());
        end.feed(&header);
        assert!(end.transcript.contains(&stream_error(condition)), "{header}: {}", end.transcript);
        assert!(end.over && end.transcript.starts_with("<?xml"));
    }
    for (header, condition) in [
        (ANSWER.replace("xmlns='jabber:server'", "xmlns='jabber:client'"), "invalid-namespace"),
        (ANSWER.replace(" id='D60000229F'", ""), "invalid-id"),
        (ANSWER.replace("D60000229F", ""), "invalid-id"),
        (
            ANSWER
                .replace("version='1.0' xmlns=", "version='0.9' xmlns=")
                .replace(" xmlns:db='jabber:server:dialback'", ""),
            "unsupported-version",
        ),
    ] {
        let mut end = outbound(open_outbound_config());
        let said = end.feed(&header);
        assert!(said.starts_with(&stream_error(condition)), "{header}: {said}");
    }
}

fn element(kind: FirstLevel) -> &'static str {
    match kind {
        FirstLevel::Features => OFFER_NOTHING,
        FirstLevel::Error => "<stream:error/>",
        FirstLevel::StartTls => STARTTLS,
        FirstLevel::Proceed => PROCEED,
        FirstLevel::TlsFailure => "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        FirstLevel::Auth => AUTH,
        FirstLevel::Challenge => "<challenge xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Response => "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Abort => "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Success => SUCCESS,
        FirstLevel::SaslFailure => "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
        FirstLevel::Iq => {
            "<iq type='get' id='1' from='capulet.example' to='montague.example'><x xmlns='urn:x'/></iq>"
        }
        FirstLevel::Message => "<message from='capulet.example' to='montague.example'/>",
        FirstLevel::Presence => "<presence from='capulet.example' to='montague.example'/>",
        FirstLevel::DialbackResult => {
            "<db:result from='rooms.capulet.example' to='montague.example'>key</db:result>"
        }
        FirstLevel::DialbackVerify => {
            "<db:verify from='capulet.example' to='montague.example' id='1'>key</db:verify>"
        }
        FirstLevel::Handshake => "<handshake xmlns='jabber:component:accept'/>",
        FirstLevel::WrongContent => "<message xmlns='jabber:client'/>",
        FirstLevel::Foreign => "<x xmlns='urn:x'/>",
    }
}

/// Feeds every element, and compares with the table; `special` has elements that the machine itself judges.
fn judge_all<C: Peer>(phase: Phase, fresh: impl Fn() -> End<C>, special: &[FirstLevel]) {
    for kind in FirstLevel::ALL {
        let mut end = fresh();
        end.events();
        let said = end.feed(element(kind));
        let events = end.events();
        let refused = said.contains("<stream:error>");
        match phase.verdict(kind) {
            Judgement::Refuse(condition) => {
                let expected = format!("{}</stream:error>{FOOTER}", stream_error(condition.name()));
                assert_eq!(said, expected, "{kind:?} in {phase:?}");
                assert!(end.over, "{kind:?} in {phase:?}");
            }
            Judgement::Accept => {
                assert_eq!(refused, special.contains(&kind), "{kind:?} in {phase:?}: {said}")
            }
        }
        let heard = events.iter().any(|event| event.starts_with("stanza"));
        let stanza = matches!(kind, FirstLevel::Iq | FirstLevel::Message | FirstLevel::Presence);
        assert_eq!(heard, stanza && phase == Phase::PeerOnline, "{kind:?} in {phase:?}");
        assert!(events.iter().all(|event| !event.starts_with("authorized")), "{kind:?} in {phase:?}");
    }
}

#[test]
fn every_element_in_every_phase_is_judged_by_the_table() {
    judge_all(Phase::PeerNegotiation, greeted, &[]);
    judge_all(Phase::PeerOnline, proved, &[]);
    judge_all(
        Phase::Exchange,
        || {
            let mut end = secured(inbound_config(), certificate(Chain::Trusted, &[CAPULET]));
            end.feed("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'/>");
            end
        },
        &[],
    );
    // Keys on the stream that we opened: taken by the table, refused for what they say.
    let dialback = [FirstLevel::DialbackResult, FirstLevel::DialbackVerify];
    judge_all(Phase::PeerOpen, asked, &dialback);
    judge_all(Phase::PeerOpen, authorized, &dialback);
    judge_all(
        Phase::AwaitFeatures,
        || {
            let mut end = outbound(outbound_config());
            end.feed(ANSWER);
            end
        },
        &[],
    );
    judge_all(
        Phase::AwaitProceed,
        || {
            let mut end = outbound(outbound_config());
            end.feed(format!("{ANSWER}{OFFER_TLS}"));
            end
        },
        &[],
    );
    judge_all(
        Phase::AwaitSasl,
        || {
            let mut end =
                outbound(outbound_config()).with_certificate(certificate(Chain::Trusted, &[MONTAGUE]));
            end.feed(format!("{ANSWER}{OFFER_TLS}"));
            end.feed(PROCEED);
            end.feed(format!("{ANSWER}{OFFER_EXTERNAL}"));
            end
        },
        &[],
    );
}

#[test]
fn stanzas_one_below_at_and_one_above_the_limit() {
    let limits = Limits::server_peer().with_online(XmlLimits::server_peer().with_stanza_bytes(600));
    let frame = "<message from='capulet.example' to='montague.example'></message>";
    for (bytes, taken) in [(599, true), (600, true), (601, false)] {
        for chunk in [usize::MAX, 1] {
            let mut end = inbound(open_inbound_config().with_limits(limits.clone()));
            end.feed(HEADER);
            end.feed(result(CAPULET, MONTAGUE, "key"));
            end.judge(Verdict::Valid);
            end.events();
            let stanza = frame.replace("></", &format!(">{}</", "x".repeat(bytes - frame.len())));
            end.trickle(stanza.as_bytes(), chunk);
            assert_eq!(end.events()[0].starts_with("stanza"), taken);
            assert_eq!(end.transcript.contains(&stream_error("policy-violation")), !taken);
        }
    }
    // Before a domain is proved there is no need for much.
    let mut end = greeted();
    end.feed(result(CAPULET, MONTAGUE, &"k".repeat(10_000)));
    assert!(end.transcript.contains(&stream_error("policy-violation")));
    assert!(end.questions.is_empty());
}

#[test]
fn pairs_one_below_at_and_one_above_the_limit() {
    let limits = || Limits::server_peer().with_domain_pairs(3).with_dialbacks(2);
    let mut end = inbound(open_inbound_config().with_limits(limits()));
    end.feed(HEADER);
    for index in 0..3 {
        end.feed(result(&format!("d{index}.example"), MONTAGUE, "key"));
        end.judge(Verdict::Valid);
    }
    assert!(end.feed(result("d3.example", MONTAGUE, "key")).contains(&cause("resource-constraint")));
    // What is on it already stays.
    assert_eq!(end.feed(result("d2.example", MONTAGUE, "key")), result_is(MONTAGUE, "d2.example", "valid"));

    let mut end = outbound(open_outbound_config().with_limits(limits()));
    end.feed(format!("{ANSWER}{OFFER_DIALBACK}"));
    let ask = |end: &mut End<PeerOutbound>, name: &str| {
        end.conn.authorize(end.now, &domain(name), &domain(MONTAGUE))
    };
    assert_eq!(ask(&mut end, "d1.example"), Ok(()));
    assert_eq!(ask(&mut end, "d2.example"), Err(Misuse::TooManyDialbacks));
    end.said();
    for (name, next) in [(CAPULET, "d2.example"), ("d1.example", "d3.example")] {
        end.feed(result_is(MONTAGUE, name, "valid"));
        assert_eq!(ask(&mut end, next), Ok(()));
    }
    end.said();
    end.feed(result_is(MONTAGUE, "d2.example", "valid"));
    assert_eq!(ask(&mut end, "d4.example"), Err(Misuse::TooManyDialbacks));
}

#[test]
fn silence_ends_what_is_not_negotiated() {
    let ended = |condition| format!("{}</stream:error>{FOOTER}", stream_error(condition));
    let mut end = greeted();
    assert_eq!(end.sleep(Duration::from_secs(59)), "");
    // covers 6120-6.4.5-06: who proves no domain
    assert_eq!(end.sleep(Duration::from_secs(1)), ended("policy-violation"));
    assert_eq!(end.reason, Some(CloseReason::Timeout(Timer::Negotiation)));
    let mut end = outbound(open_outbound_config());
    end.feed(ANSWER);
    assert_eq!(end.sleep(Duration::from_secs(60)), ended("policy-violation"));
    // A handshake that never ends.
    let mut end = inbound(inbound_config());
    end.feed(HEADER);
    end.feed(STARTTLS);
    assert!(!end.conn.wants_input());
    end.sleep(Duration::from_secs(30));
    assert_eq!(end.reason, Some(CloseReason::Timeout(Timer::Tls)));
}

/// RFC 6120 sections 4.6.1 and 4.6.3: a space has no answer, and whoever receives a stream of one direction has nothing to say on it.
#[test]
fn silence_does_not_end_a_stream_that_carries_stanzas() {
    let (mut one, mut other) = (authorized(), proved());
    assert_eq!(
        (one.sleep(Duration::from_secs(149)), other.sleep(Duration::from_secs(149))),
        Default::default()
    );
    for _ in 0..30 {
        assert_eq!((one.sleep(SECOND), other.sleep(SECOND)), (" ".into(), " ".into()));
        assert_eq!(one.sleep(Duration::from_secs(149)), "");
        assert_eq!(other.sleep(Duration::from_secs(149)), "");
        one.conn.send(one.now, stanza(CAPULET, MONTAGUE)).unwrap();
        assert!(one.said().starts_with("<message "));
    }
    // What does come still is a sign of life.
    other.feed(" ");
    assert_eq!(other.sleep(Duration::from_secs(149)), "");
    assert_eq!((one.reason, other.reason), (None, None));
    // Without a pause in between there is a space at a time, not no end of them.
    let limits = Limits::server_peer().with_idle(Duration::ZERO, Duration::ZERO);
    let mut end = inbound(open_inbound_config().with_limits(limits));
    end.feed(HEADER);
    end.feed(result(CAPULET, MONTAGUE, "key"));
    end.judge(Verdict::Valid);
    end.conn.handle_timeout(end.now);
    assert_eq!(end.said(), " ");
}

/// Dialback proves a pair while EXTERNAL is under way, which replaces the stream.
#[test]
fn a_stream_that_is_replaced_is_negotiated_like_the_first() {
    let replaced = || {
        let limits = Limits::server_peer().with_idle(SECOND, SECOND);
        let info = certificate(Chain::Trusted, &[CAPULET]);
        let mut end = secured(inbound_config().with_limits(limits), info);
        end.feed(result(ROOMS, MONTAGUE, "key"));
        end.feed("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'/>");
        assert!(end.judge(Verdict::Valid).contains("type='valid'"));
        assert_eq!(end.feed("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"), SUCCESS);
        end
    };
    let mut end = replaced();
    // In front of a header there is no room for white space.
    assert_eq!(end.sleep(Duration::from_secs(59)), "");
    assert!(end.feed(HEADER).starts_with("<?xml "));
    assert_eq!(end.sleep(SECOND), " ");
    let mut end = replaced();
    assert!(end.sleep(Duration::from_secs(60)).starts_with("<?xml "));
    assert_eq!(end.reason, Some(CloseReason::Timeout(Timer::Negotiation)));
}

#[test]
fn a_lost_connection_hands_back_what_was_not_sent() {
    let mut end = authorized();
    for _ in 0..3 {
        end.conn.send(end.now, stanza(CAPULET, MONTAGUE)).unwrap();
    }
    end.cut();
    assert_eq!(end.unsent.len(), 3);
    assert_eq!(end.reason, Some(CloseReason::Truncated));
    assert_eq!(end.conn.send(end.now, stanza(CAPULET, MONTAGUE)), Err(Misuse::Closed));
    assert_eq!(end.conn.authorize(end.now, &domain(ROOMS), &domain(MONTAGUE)), Err(Misuse::Closed));
    // What came before the cut still counts.
    let mut end = proved();
    end.conn.receive(end.now, b"<message from='capulet.example' to='montague.example'/><mess").unwrap();
    end.cut();
    assert!(end.events()[0].starts_with("stanza"));
}

#[test]
fn any_state_can_end_at_any_byte() {
    let script = format!(
        "{HEADER}{}{}<message from='capulet.example' to='montague.example'/>{FOOTER}",
        result(CAPULET, MONTAGUE, "key"),
        verify(CAPULET, MONTAGUE, "1", "key")
    );
    for at in 0..=script.len() {
        let mut end = inbound(open_inbound_config());
        for byte in script.as_bytes()[..at].chunks(1) {
            if !end.conn.wants_input() {
                break;
            }
            end.feed(byte);
            if !end.questions.is_empty() {
                end.judge(Verdict::Valid);
            }
        }
        end.cut();
        assert!(end.over && !end.conn.wants_input() && end.conn.poll_timeout().is_none());
    }
    let script = format!("{ANSWER}{OFFER_DIALBACK}{}{FOOTER}", result_is(MONTAGUE, CAPULET, "valid"));
    for at in 0..=script.len() {
        let mut end = outbound(open_outbound_config());
        end.trickle(&script.as_bytes()[..at], 1);
        end.cut();
        assert!(end.over && !end.conn.wants_input() && end.conn.poll_timeout().is_none());
    }
}

#[test]
fn closing_goes_both_ways() {
    let mut end = proved();
    end.conn.close(end.now);
    assert_eq!(end.said(), FOOTER);
    // RFC 6120 section 4.4: what the peer still sends is heard.
    end.feed("<message from='capulet.example' to='montague.example'/>");
    assert!(end.events()[0].starts_with("stanza"));
    // But there is nothing to be negotiated any more: no answer could be given.
    end.feed(result("rooms.capulet.example", MONTAGUE, "key"));
    end.feed(verify(CAPULET, MONTAGUE, "1", "key"));
    assert!(end.questions.is_empty() && end.events().is_empty());
    end.feed(FOOTER);
    assert_eq!(end.reason, Some(CloseReason::Clean));
    let mut end = authorized();
    end.conn.close(end.now);
    assert_eq!(end.said(), FOOTER);
    assert_eq!(end.conn.send(end.now, stanza(CAPULET, MONTAGUE)), Err(Misuse::Closed));
    end.sleep(Duration::from_secs(5));
    assert_eq!(end.reason, Some(CloseReason::Timeout(Timer::Close)));
}
