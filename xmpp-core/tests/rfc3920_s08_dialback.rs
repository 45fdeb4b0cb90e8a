//! RFC 3920 section 8: server dialback, in its originating, receiving and authoritative roles (XEP-0220, keys by XEP-0185).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod peer;

use std::collections::BTreeSet;
use std::time::Duration;

use peer::*;
use xmpp_core::conn::{Close, CloseReason, Drive as _, PeerInbound, Retry};
use xmpp_core::dialback::{Condition, DialbackPolicy, Verdict, Verification};
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, TlsPolicy};

/// A server of before XMPP 1.0 at the other end, in plaintext.
fn old() -> End<PeerInbound> {
    let mut end = inbound(open_inbound_config());
    end.feed(OLD_HEADER);
    end.events();
    end
}

fn ends_with(end: &End<PeerInbound>, condition: &str) -> bool {
    let error = format!("{}</stream:error>{FOOTER}", stream_error(condition));
    end.transcript.ends_with(&error) && end.over && end.close == Some(Close::Graceful)
}

#[test]
fn r3920_8_1_02_no_dialback_where_sasl_will_do() {
    let mut end = outbound(outbound_config()).with_certificate(certificate(Chain::Trusted, &[MONTAGUE]));
    assert_eq!(end.feed(format!("{ANSWER}{OFFER_TLS}")), STARTTLS);
    end.feed(PROCEED);
    let auth = end.feed(format!("{ANSWER}{OFFER_EXTERNAL}"));
    assert_eq!(auth, AUTH_AS);
    end.feed(SUCCESS);
    end.events();
    end.feed(format!("{ANSWER}{OFFER_DIALBACK}"));
    assert_eq!(end.events(), ["authorized capulet.example montague.example External"]);
    // covers 3920-14.4-10
    assert!(!end.transcript.contains("<db:"), "{}", end.transcript);
}

#[test]
fn r3920_8_1_04_each_direction_has_a_dialback_of_its_own() {
    // What the peer is proved for does not let us send on its stream, and what we are authorized for does not let it send on ours.
    let mut end = authorized();
    let answer = end.feed("<message from='montague.example' to='capulet.example'/>");
    // covers 3920-8.3-26
    assert!(answer.starts_with(&stream_error("not-authorized")), "{answer}");
    // covers 3920-4.2-02: each direction has a connection of its own.
    assert!(end.events().iter().all(|event| !event.starts_with("stanza")));
}

#[test]
fn r3920_8_1_06_ids_of_streams_are_unpredictable() {
    let ids = |seed: u8| -> Vec<String> {
        let conn = PeerInbound::new(inbound_config().into(), Seed::new([seed; 32]), Instant::from_micros(1));
        let mut end = End::new(conn).with_certificate(certificate(Chain::Trusted, &[CAPULET]));
        for part in [HEADER, STARTTLS, HEADER, AUTH, HEADER] {
            end.feed(part);
        }
        end.transcript.split(" id='").skip(1).map(|rest| rest[..24].to_owned()).collect()
    };
    let known = ids(2);
    let distinct: BTreeSet<&String> = known.iter().collect();
    // covers 3920-8.3-03: none comes twice.
    assert_eq!((known.len(), distinct.len()), (3, 3), "{known:?}");
    // Neither the one before it nor those of another connection tell anything of an id.
    let alike = |a: &str, b: &str| a.bytes().zip(b.bytes()).filter(|(a, b)| a == b).count();
    for id in known[1..].iter().chain(&ids(3)) {
        assert!(alike(id, &known[0]) < 6, "{id} after {known:?}");
    }
}

#[test]
fn r3920_8_1_07_errors_end_the_stream_of_an_old_server_and_no_other() {
    let unknown = result(CAPULET, "verona.example", "key");
    let mut end = old();
    end.feed(&unknown);
    // covers 3920-8.3-10
    assert!(ends_with(&end, "host-unknown"), "{}", end.transcript);
    let mut end = old();
    end.feed(result(CAPULET, MONTAGUE, "key"));
    end.judge(Verdict::Failed(Condition::UndefinedCondition));
    // covers 3920-4.7.3-21: which says nothing without an application's own
    assert!(ends_with(&end, "remote-connection-failed"), "{}", end.transcript);
    // XEP-0220 section 2.5 leaves the stream to other domains.
    let mut end = greeted();
    let answer = end.feed(&unknown);
    assert_eq!(
        answer,
        format!(
            "<db:result from='verona.example' to='capulet.example' type='error'><error type='cancel'>{}</db:result>",
            cause("item-not-found")
        )
    );
    assert_eq!(end.events(), ["refused verona.example capulet.example Failed(ItemNotFound)"]);
    assert!(!end.over && end.conn.wants_input());
}

#[test]
fn r3920_8_3_01_addresses_are_optional_in_headers() {
    let mut end = old();
    // covers 3920-8.3-05
    assert!(end.transcript.contains("<stream:stream "), "{}", end.transcript);
    // covers 3920-8.3-07
    assert!(end.transcript.contains(" xmlns:db='jabber:server:dialback'"));
    assert!(!end.transcript.contains("version='1.0' ") && !end.transcript.contains("features"));
    end.feed(result(CAPULET, MONTAGUE, "key"));
    // covers 6120-4.7.1-05
    assert_eq!(end.judge(Verdict::Valid), result_is(MONTAGUE, CAPULET, "valid"));
    let mut end = outbound(open_outbound_config());
    assert_eq!(end.feed(OLD_ANSWER), result(CAPULET, MONTAGUE, KEY));
}

#[test]
fn r3920_8_3_02_another_namespace_is_not_dialback() {
    let wrong = |header: &str| header.replace("jabber:server:dialback", "jabber:server:callback");
    let mut end = inbound(open_inbound_config());
    end.feed(wrong(HEADER));
    // covers 3920-4.7.3-11
    assert!(ends_with(&end, "invalid-namespace"), "{}", end.transcript);
    let mut end = inbound(open_inbound_config());
    end.feed(wrong(OLD_HEADER));
    // covers 3920-8.3-14: an old server that comes to verify finds the same machine.
    assert!(ends_with(&end, "invalid-namespace"), "{}", end.transcript);
    let mut end = outbound(open_outbound_config());
    let answer = end.feed(wrong(ANSWER));
    // covers 3920-8.3-04
    assert!(answer.starts_with(&stream_error("invalid-namespace")), "{answer}");
    assert!(end.over);
    let mut end = outbound(open_outbound_config().for_verification());
    let answer = end.feed(wrong(ANSWER));
    // covers 3920-8.3-15
    assert!(answer.starts_with(&stream_error("invalid-namespace")), "{answer}");
}

#[test]
fn r3920_8_3_11_a_connection_is_kept_while_another_is_judged() {
    let mut established = proved();
    let mut other = greeted();
    other.feed(result(CAPULET, MONTAGUE, "spoofed"));
    established.feed("<message from='capulet.example' to='montague.example' id='1'/>");
    other.judge(Verdict::Invalid);
    established.feed("<message from='capulet.example' to='montague.example' id='2'/>");
    assert!(other.over && !established.over);
    assert_eq!(established.events().len(), 2);
}

#[test]
fn r3920_8_3_13_one_stream_serves_authorization_and_verification() {
    let mut end = asked();
    let question = Verification::new(domain(CAPULET), domain(MONTAGUE), "417GAF25", "key");
    let id = end.conn.verify(end.now, question).unwrap();
    assert_eq!(end.said(), verify(CAPULET, MONTAGUE, "417GAF25", "key"));
    end.feed(verify_is(MONTAGUE, CAPULET, "417GAF25", "valid"));
    assert_eq!(end.events(), [format!("verdict {} Valid", id.as_u64())]);
    end.feed(result_is(MONTAGUE, CAPULET, "valid"));
    assert_eq!(end.events(), ["authorized capulet.example montague.example Dialback"]);
}

#[test]
fn r3920_8_3_16_no_word_from_the_authoritative_server() {
    let failed = Verdict::Failed(Condition::RemoteConnectionFailed);
    let mut end = old();
    end.feed(result(CAPULET, MONTAGUE, "key"));
    end.judge(failed);
    // covers 3920-4.7.3-15
    assert!(ends_with(&end, "remote-connection-failed"), "{}", end.transcript);
    let mut end = greeted();
    end.feed(result(CAPULET, MONTAGUE, "key"));
    let answer = end.judge(failed);
    assert!(answer.ends_with(&format!("{}</db:result>", cause("remote-connection-failed"))), "{answer}");
    assert!(!end.over);
}

#[test]
fn r3920_8_3_17_a_key_is_verified_by_making_it_again() {
    let key = "225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d";
    let mut end = greeted();
    // The example of XEP-0220 section 2.2.2, white space and all.
    let answer = end.feed(verify(CAPULET, MONTAGUE, "417GAF25", &format!("\n  {key}\n")));
    // covers 3920-11.2.3-04: the prefix is `db`.
    assert_eq!(answer, verify_is(MONTAGUE, CAPULET, "417GAF25", "valid"));
    for (from, to, id, key) in [
        (CAPULET, MONTAGUE, "417GAF25", &key[1..]),
        (CAPULET, MONTAGUE, "417GAF26", key),
        (CAPULET, CHAT, "417GAF25", key),
        (ROOMS, MONTAGUE, "417GAF25", key),
    ] {
        assert_eq!(end.feed(verify(from, to, id, key)), verify_is(to, from, id, "invalid"));
    }
    assert!(end.events().is_empty());
}

#[test]
fn r3920_8_3_18_verification_for_a_domain_that_is_not_served() {
    let mut end = old();
    end.feed(verify(CAPULET, "verona.example", "1", "key"));
    assert!(ends_with(&end, "host-unknown"), "{}", end.transcript);
    let mut end = greeted();
    let answer = end.feed(verify(CAPULET, "verona.example", "1", "key"));
    assert!(
        answer.starts_with("<db:verify from='verona.example' to='capulet.example' id='1' type='error'>"),
        "{answer}"
    );
    assert!(answer.contains(&cause("item-not-found")) && !end.over);
}

#[test]
fn r3920_8_3_19_an_old_server_asks_for_itself_only() {
    let header = OLD_HEADER.replace("<stream:stream ", "<stream:stream from='capulet.example' ");
    let mut end = inbound(open_inbound_config());
    end.feed(&header);
    end.feed(verify(ROOMS, MONTAGUE, "1", "key"));
    assert!(ends_with(&end, "invalid-from"), "{}", end.transcript);
    // Unless the other domain is proved too.
    let mut end = inbound(open_inbound_config());
    end.feed(&header);
    end.feed(result(ROOMS, MONTAGUE, "key"));
    end.judge(Verdict::Valid);
    assert_eq!(end.feed(verify(ROOMS, MONTAGUE, "1", "key")), verify_is(MONTAGUE, ROOMS, "1", "invalid"));
}

#[test]
fn r3920_8_3_20_verdicts_belong_to_questions() {
    let told = |answer: String| {
        let mut end = asked();
        let question = Verification::new(domain(CAPULET), domain(MONTAGUE), "1", "key");
        end.conn.verify(end.now, question).unwrap();
        end.said();
        let said = end.feed(&answer);
        assert!(end.events().iter().all(|event| !event.starts_with("verdict")), "{answer}");
        said
    };
    let ended = |condition| format!("{}</stream:error>{FOOTER}", stream_error(condition));
    // covers 3920-4.7.3-10: between servers it is sent.
    assert_eq!(told(verify_is(MONTAGUE, CAPULET, "2", "valid")), ended("invalid-id"));
    // covers 3920-8.3-21
    assert_eq!(told(verify_is(MONTAGUE, "verona.example", "1", "valid")), ended("host-unknown"));
    // covers 3920-8.3-22
    assert_eq!(told(verify_is("verona.example", CAPULET, "1", "valid")), ended("invalid-from"));
}

#[test]
fn r3920_8_3_23_an_old_servers_stream_ends_with_the_verdict() {
    let mut end = old();
    let answer = end.feed(verify(CAPULET, MONTAGUE, "1", "key"));
    assert_eq!(answer, format!("{}{FOOTER}", verify_is(MONTAGUE, CAPULET, "1", "invalid")));
    end.feed(FOOTER);
    assert_eq!(end.reason, Some(CloseReason::Clean));
}

#[test]
fn r3920_8_3_24_an_invalid_key_ends_the_stream() {
    for mut end in [old(), greeted()] {
        end.feed(result(CAPULET, MONTAGUE, "key"));
        let answer = end.judge(Verdict::Invalid);
        assert_eq!(answer, format!("{}{FOOTER}", result_is(MONTAGUE, CAPULET, "invalid")));
        assert_eq!((end.reason, end.close), (Some(CloseReason::Dialback), Some(Close::Graceful)));
    }
    // XEP-0220 section 2.2.1: not if other domains are on it, and the peer can be told.
    let mut end = proved();
    end.feed(result(ROOMS, MONTAGUE, "key"));
    let answer = end.judge(Verdict::Invalid);
    assert!(answer.contains(&cause("forbidden")), "{answer}");
    assert_eq!(end.events().last().unwrap(), "refused montague.example rooms.capulet.example Invalid");
    end.feed("<message from='capulet.example' to='montague.example'/>");
    assert_eq!(end.events().len(), 1);
}

#[test]
fn r3920_8_3_25_no_stanza_before_validation() {
    // RFC 6120 section 4.3.5 in place of silence.
    for mut end in [old(), greeted()] {
        end.feed(result(CAPULET, MONTAGUE, "key"));
        end.feed("<message from='capulet.example' to='montague.example'/>");
        assert!(ends_with(&end, "not-authorized"), "{}", end.transcript);
        // covers 3920-8.1-03: the server that DNS names has not been found, or has not answered.
        assert!(end.events().iter().all(|event| !event.starts_with("stanza")));
    }
}

#[test]
fn r3920_8_3_27_further_domains_share_the_stream() {
    let mut end = proved();
    for (from, to) in [(ROOMS, MONTAGUE), (CAPULET, CHAT)] {
        end.feed(result(from, to, "key"));
        assert_eq!(end.judge(Verdict::Valid), result_is(to, from, "valid"));
        end.events();
        end.feed(format!("<message from='{from}' to='{to}'/>"));
        assert!(end.events()[0].starts_with("stanza"));
    }
    // One pair at a time: that the other two domains are proved to others says nothing of them together.
    end.feed(format!("<message from='{ROOMS}' to='{CHAT}'/>"));
    assert!(ends_with(&end, "host-unknown"), "{}", end.transcript);
}

#[test]
fn r3920_8_3_28_every_stanza_says_from_whom_and_to_whom() {
    for stanza in [
        "<message from='capulet.example'/>",
        "<message to='montague.example'/>",
        "<iq type='get' id='1'><query xmlns='urn:example'/></iq>",
        "<presence from='@' to='montague.example'/>",
        "<presence from='capulet.example' to=''/>",
    ] {
        let mut end = proved();
        end.feed(stanza);
        // covers 3920-8.3-29
        assert!(ends_with(&end, "improper-addressing"), "{stanza}");
        assert!(end.events().iter().all(|event| !event.starts_with("stanza")));
    }
}

#[test]
fn r3920_8_3_30_only_validated_domains_are_heard() {
    let mut end = proved();
    end.feed("<message from='juliet@capulet.example/balcony' to='romeo@montague.example'/>");
    assert_eq!(
        end.events(),
        ["stanza <message to='romeo@montague.example' from='juliet@capulet.example/balcony' xml:lang='en'/>"]
    );
    for from in ["verona.example", ROOMS, "capulet.example@verona.example", "capulet.example.verona.example"]
    {
        let mut end = proved();
        end.feed(format!("<message from='{from}' to='montague.example'/>"));
        // covers 3920-8.3-31
        assert!(ends_with(&end, "invalid-from"), "{from}");
        assert!(end.events().iter().all(|event| !event.starts_with("stanza")));
    }
}

#[test]
fn r6120_8_1_1_2_01_stanzas_are_for_validated_domains() {
    for to in ["verona.example", CHAT] {
        let mut end = proved();
        end.feed(format!("<message from='capulet.example' to='{to}'/>"));
        assert!(ends_with(&end, "host-unknown"), "{to}");
    }
}

#[test]
fn r6120_13_14_01_tls_without_trust_before_dialback() {
    let mut end = outbound(outbound_config()).with_certificate(certificate(Chain::Untrusted, &[]));
    end.feed(format!("{ANSWER}{OFFER_TLS}"));
    end.feed(PROCEED);
    assert_eq!(end.feed(format!("{ANSWER}{OFFER_DIALBACK}")), result(CAPULET, MONTAGUE, KEY));
    // A strict policy has none of it.
    for policy in [DialbackPolicy::Never, DialbackPolicy::Certified] {
        let config = outbound_config().with_dialback(policy);
        let mut end = outbound(config).with_certificate(certificate(Chain::Untrusted, &[MONTAGUE]));
        end.feed(format!("{ANSWER}{OFFER_TLS}"));
        end.feed(PROCEED);
        assert!(matches!(end.reason, Some(CloseReason::Tls(_))), "{:?}", end.reason);
    }
}

#[test]
fn policy_says_where_dialback_will_do() {
    let key = result(CAPULET, MONTAGUE, "key");
    // TLS first.
    for config in [
        inbound_config(),
        inbound_config().with_tls(TlsPolicy::Optional),
        inbound_config().with_dialback(DialbackPolicy::Always),
    ] {
        let mut end = inbound(config);
        assert!(!end.feed(HEADER).contains("features:dialback"));
        assert!(end.feed(&key).contains(&cause("policy-violation")));
        assert!(end.questions.is_empty());
    }
    // A certificate beside it.
    for (chain, name, asked) in [
        (Chain::Trusted, CAPULET, true),
        (Chain::Trusted, "verona.example", false),
        (Chain::Untrusted, CAPULET, false),
    ] {
        let config = inbound_config().with_dialback(DialbackPolicy::Certified);
        let mut end = secured(config, certificate(chain, &[name]));
        let answer = end.feed(&key);
        assert_eq!(answer.contains(&cause("not-authorized")), !asked, "{answer}");
        assert_eq!(end.questions.len(), usize::from(asked));
    }
    // Not at all.
    let never = || inbound_config().with_dialback(DialbackPolicy::Never);
    let mut end = secured(never(), certificate(Chain::Trusted, &[CAPULET]));
    assert!(end.feed(&key).contains(&cause("not-authorized")));
    let end = secured(never(), certificate(Chain::Untrusted, &[CAPULET]));
    assert!(end.transcript.contains(&stream_error("not-authorized")), "{}", end.transcript);
    // And an old server can do nothing else.
    for config in [inbound_config(), inbound_config().with_tls(TlsPolicy::Optional), never()] {
        let mut end = inbound(config);
        end.feed(OLD_HEADER);
        assert!(ends_with(&end, "unsupported-version"));
    }
    let mut end = inbound(open_inbound_config());
    end.feed(OLD_HEADER.replace(" xmlns:db='jabber:server:dialback'", ""));
    assert!(ends_with(&end, "unsupported-version"));
}

#[test]
fn nothing_that_was_not_asked_for_is_believed() {
    // XEP-0220 section 3.1: on the stream that the peer opened.
    for spoofed in [
        result_is(CAPULET, MONTAGUE, "valid"),
        verify_is(CAPULET, MONTAGUE, "1", "valid"),
        result_is(CAPULET, MONTAGUE, "error"),
    ] {
        for mut end in [greeted(), proved()] {
            end.feed(result(ROOMS, MONTAGUE, "key"));
            end.feed(&spoofed);
            assert!(ends_with(&end, "not-authorized"), "{spoofed}");
            assert!(end.events().iter().all(|event| !event.starts_with("authorized")));
        }
    }
    // On the stream that we opened: the wrong way round, the wrong pair, once too often, a key.
    for (spoofed, condition) in [
        (result_is(CAPULET, MONTAGUE, "valid"), "host-unknown"),
        (result_is(MONTAGUE, ROOMS, "valid"), "host-unknown"),
        (result_is(CHAT, CAPULET, "valid"), "invalid-from"),
        (verify_is(MONTAGUE, CAPULET, "D60000229F", "valid"), "invalid-id"),
        (result(MONTAGUE, CAPULET, "key"), "not-authorized"),
        (verify(MONTAGUE, CAPULET, "1", "key"), "not-authorized"),
    ] {
        for mut end in [asked(), authorized()] {
            let said = end.feed(&spoofed);
            assert!(said.starts_with(&stream_error(condition)), "{spoofed}: {said}");
            assert!(end.events().iter().all(|event| event.starts_with("closed") || event.starts_with("end")));
        }
    }
    let mut end = authorized();
    let said = end.feed(result_is(MONTAGUE, CAPULET, "valid"));
    assert!(said.starts_with(&stream_error("not-authorized")), "{said}");
}

#[test]
fn a_peer_is_none_of_our_own_domains() {
    let mut end = greeted();
    assert!(end.feed(result(CHAT, MONTAGUE, "key")).contains(&cause("not-acceptable")));
    let mut end = old();
    end.feed(result(CHAT, MONTAGUE, "key"));
    assert!(ends_with(&end, "invalid-from"));
}

#[test]
fn keys_repeated_ask_once() {
    let mut end = greeted();
    end.feed(format!("{0}{0}", result(CAPULET, MONTAGUE, "key")));
    assert_eq!(end.questions.len(), 1);
    assert_eq!(end.judge(Verdict::Valid), result_is(MONTAGUE, CAPULET, "valid"));
    // What is proved stays proved.
    assert_eq!(end.feed(result(CAPULET, MONTAGUE, "other")), result_is(MONTAGUE, CAPULET, "valid"));
    assert!(end.questions.is_empty());
}

#[test]
fn questions_are_bounded_and_expire_alone() {
    let mut end = greeted();
    let limit = 16;
    for index in 0..limit {
        end.feed(result(&format!("d{index}.example"), MONTAGUE, "key"));
    }
    assert_eq!(end.questions.len(), limit);
    assert!(end.conn.wants_input());
    let answer = end.feed(result(CAPULET, MONTAGUE, "key"));
    assert!(answer.contains(&cause("resource-constraint")), "{answer}");
    // In any order; each is good once.
    let (ticket, request) = end.questions.pop_back().unwrap();
    assert_eq!(request.remote().as_str(), "d15.example");
    end.conn.answer(end.now, ticket, Verdict::Valid).unwrap();
    assert_eq!(end.said(), result_is(MONTAGUE, "d15.example", "valid"));
    end.sleep(Duration::from_secs(29));
    end.judge(Verdict::Valid);
    let timeouts = end.sleep(Duration::from_secs(2));
    assert_eq!(timeouts.matches(&cause("remote-server-timeout")).count(), limit - 2);
    let (ticket, _) = end.questions.pop_front().unwrap();
    assert_eq!(end.conn.answer(end.now, ticket, Verdict::Valid), Err(Misuse::Stale));
    assert!(!end.over);
    // Two of the sixteen failures that a stream survives less than that remain.
    end.feed(result(CAPULET, "verona.example", "key"));
    assert!(end.over, "{}", end.transcript);
    assert!(end.transcript.contains(&stream_error("policy-violation")));
}

#[test]
fn a_ticket_outlives_neither_tls_nor_the_stream() {
    let config = || inbound_config().with_tls(TlsPolicy::Optional).with_dialback(DialbackPolicy::Always);
    let mut end = inbound(config()).with_certificate(certificate(Chain::Trusted, &[CAPULET]));
    end.feed(HEADER);
    end.feed(result(CAPULET, MONTAGUE, "key"));
    end.feed(STARTTLS);
    end.feed(HEADER);
    let (ticket, _) = end.questions.pop_front().unwrap();
    assert_eq!(end.conn.answer(end.now, ticket, Verdict::Valid), Err(Misuse::Stale));
    let mut end = greeted();
    end.feed(result(CAPULET, MONTAGUE, "key"));
    end.cut();
    let (ticket, _) = end.questions.pop_front().unwrap();
    assert_eq!(end.conn.answer(end.now, ticket, Verdict::Valid), Err(Misuse::Stale));
}

#[test]
fn what_the_peer_says_of_our_request() {
    let mut end = asked();
    let error = format!(
        "<db:result from='montague.example' to='capulet.example' type='error'><error type='cancel'>{}</db:result>",
        cause("item-not-found")
    );
    end.feed(error);
    assert_eq!(end.events(), ["refused capulet.example montague.example Failed(ItemNotFound)"]);
    assert!(!end.over);
    // It can be asked for again.
    end.conn.authorize(end.now, &domain(CAPULET), &domain(MONTAGUE)).unwrap();
    assert_eq!(end.said(), result(CAPULET, MONTAGUE, KEY));
    let said = end.feed(result_is(MONTAGUE, CAPULET, "invalid"));
    assert_eq!(said, FOOTER);
    assert_eq!(end.reason, Some(CloseReason::Dialback));
    assert_eq!(end.reason.map(|reason| reason.retry()), Some(Retry::Never));
}

#[test]
fn verification_errors_and_silence() {
    let ask = |end: &mut End<xmpp_core::conn::PeerOutbound>, id| {
        let question = Verification::new(domain(CAPULET), domain(MONTAGUE), id, "key");
        end.conn.verify(end.now, question).unwrap().as_u64()
    };
    let mut end = asked();
    let one = ask(&mut end, "1");
    end.said();
    end.feed(verify_is(MONTAGUE, CAPULET, "1", "error"));
    assert_eq!(end.events(), [format!("verdict {one} Failed(RemoteServerNotFound)")]);
    let two = ask(&mut end, "2");
    end.sleep(Duration::from_secs(31));
    assert_eq!(end.events(), [format!("verdict {two} Failed(RemoteServerTimeout)")]);
    // Late, but not unsolicited.
    assert_eq!(end.feed(verify_is(MONTAGUE, CAPULET, "2", "valid")), "");
    assert!(end.events().is_empty() && !end.over);
    end.sleep(Duration::from_secs(30));
    assert_eq!(end.events(), ["refused capulet.example montague.example Timeout"]);
    end.feed(result_is(MONTAGUE, CAPULET, "valid"));
    assert!(end.events().is_empty());
    assert_eq!(end.conn.send(end.now, stanza(CAPULET, MONTAGUE)), Err(Misuse::NotAuthorized));
    // What the end of the stream means for a question that is open.
    ask(&mut end, "3");
    end.feed(format!("{}</stream:error>", stream_error("host-unknown")));
    let reason = end.reason.unwrap();
    assert_eq!(reason.verdict(), Verdict::Failed(Condition::RemoteServerNotFound));
    assert_eq!(CloseReason::Truncated.verdict(), Verdict::Failed(Condition::RemoteServerTimeout));
}

/// The key of a pair is the same as long as the stream lasts, so whatever verdict comes is on every time that it was asked for.
#[test]
fn a_pair_asked_for_again_takes_the_late_answer() {
    let mut end = asked();
    end.sleep(Duration::from_secs(60));
    assert_eq!(end.events(), ["refused capulet.example montague.example Timeout"]);
    end.conn.authorize(end.now, &domain(CAPULET), &domain(MONTAGUE)).unwrap();
    assert_eq!(end.said(), result(CAPULET, MONTAGUE, KEY));
    // A peer that is still about the first answers once, another twice.
    end.feed(result_is(MONTAGUE, CAPULET, "valid"));
    assert_eq!(end.events(), ["authorized capulet.example montague.example Dialback"]);
    end.feed(result_is(MONTAGUE, CAPULET, "valid"));
    assert!(!end.over && end.events().is_empty());
}

#[test]
fn target_domains_are_multiplexed_where_errors_are_survived() {
    let mut end = authorized();
    end.conn.authorize(end.now, &domain(ROOMS), &domain(MONTAGUE)).unwrap();
    end.conn.authorize(end.now, &domain(ROOMS), &domain(MONTAGUE)).unwrap();
    end.conn.authorize(end.now, &domain(CAPULET), &domain(CHAT)).unwrap();
    assert_eq!(end.said().matches("<db:result").count(), 2);
    end.feed(result_is(CHAT, CAPULET, "valid"));
    end.feed(result_is(MONTAGUE, ROOMS, "valid"));
    assert_eq!(
        end.events(),
        [
            "authorized capulet.example chat.montague.example Dialback",
            "authorized rooms.capulet.example montague.example Dialback"
        ]
    );
    assert!(end.conn.send(end.now, stanza("room@rooms.capulet.example", MONTAGUE)).is_ok());
    assert_eq!(end.conn.send(end.now, stanza(ROOMS, CHAT)), Err(Misuse::NotAuthorized));
    // XEP-0220 section 2.6.2.
    let mut end = outbound(open_outbound_config());
    end.feed(format!("{ANSWER}{OFFER_NOTHING}"));
    end.events();
    end.conn.authorize(end.now, &domain(CAPULET), &domain(CHAT)).unwrap();
    end.conn.authorize(end.now, &domain(ROOMS), &domain(MONTAGUE)).unwrap();
    assert_eq!(end.said().matches("<db:result").count(), 1);
    assert_eq!(end.events(), ["refused capulet.example chat.montague.example NotMultiplexed"]);
}

#[test]
fn keys_stay_out_of_logs() {
    let mut end = asked();
    end.conn.verify(end.now, Verification::new(domain(CAPULET), domain(MONTAGUE), "1", "s3cr3tkey")).unwrap();
    end.said();
    let mut other = greeted();
    other.feed(result(CAPULET, MONTAGUE, "s3cr3tkey"));
    for debug in [end.debug, other.debug] {
        assert!(!debug.contains("s3cr3tkey") && !debug.contains(KEY), "{debug}");
    }
}
