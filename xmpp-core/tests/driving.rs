//! The ten rules of the driving contract.
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
use xmpp_core::conn::{
    Action, AuthenticationFault, BindAnswer, CloseReason, DerivationAnswer, Drive, Event, Question, Timer,
};
use xmpp_core::error::Misuse;
use xmpp_core::jid::FullJid;
use xmpp_core::limits::{Limits, XmlLimits};
use xmpp_core::sasl::server::CredentialsAnswer;
use xmpp_core::stanza::{Condition as StanzaCondition, StanzaError};
use xmpp_core::stream::Condition;
use xmpp_core::time::Instant;
use xmpp_core::tls::TlsError;

const SECOND: Duration = Duration::from_secs(1);
const MICRO: Duration = Duration::from_micros(1);

#[test]
fn rule_2_one_element_of_the_first_level_per_step() {
    let mut server = online_server(open_server());
    server.conn.receive(server.now, b"<presence/><message><body>1</body></message><presence/>").unwrap();
    for name in ["presence", "message", "presence"] {
        let Some(Action::Event(Event::Stanza(stanza))) = server.conn.poll() else { panic!() };
        assert_eq!(stanza.kind().name(), name);
        // What the embedder says meanwhile comes before what is read next.
        server.conn.send(server.now, message("between")).unwrap();
        let Some(Action::Transmit(_)) = server.conn.poll() else { panic!() };
    }
    assert!(server.conn.poll().is_none());
}

#[test]
fn rule_4_neighbouring_transmissions_merge() {
    let mut server = server(open_server());
    server.conn.receive(server.now, CLIENT_HEADER.as_bytes()).unwrap();
    // The header and the features are one block.
    let Some(Action::Transmit(bytes)) = server.conn.poll() else { panic!() };
    assert!(bytes.starts_with(b"<?xml") && bytes.ends_with(b"</stream:features>"));
    assert!(server.conn.poll().is_none());

    let mut server = online_server(open_server());
    for text in ["1", "2", "3"] {
        server.conn.send(server.now, message(text)).unwrap();
    }
    server.conn.close(server.now);
    let Some(Action::Transmit(bytes)) = server.conn.poll() else { panic!() };
    let text = std::str::from_utf8(&bytes).unwrap();
    assert_eq!(text.matches("<message").count(), 3);
    assert!(text.ends_with(FOOTER));
    assert!(server.conn.poll().is_none());
}

#[test]
fn rule_4_nothing_comes_after_the_last_action() {
    let mut server = online_server(open_server());
    server.feed("</wrong>");
    assert!(server.over);
    let now = server.now + SECOND;
    assert!(!server.conn.wants_input());
    assert_eq!(server.conn.receive(now, b"<presence/>"), Err(Misuse::Closed));
    assert_eq!(server.conn.send(now, message("late")), Err(Misuse::Closed));
    assert_eq!(server.conn.tls_established(now, trusted()), Err(Misuse::NoTlsPending));
    assert_eq!(server.conn.tls_failed(now, TlsError::Handshake), Err(Misuse::NoTlsPending));
    server.conn.close(now);
    server.conn.fail(now, Condition::SystemShutdown);
    server.conn.transport_closed(now);
    server.conn.handle_timeout(now + 1000 * SECOND);
    assert_eq!(server.conn.poll_timeout(), None);
    assert!(server.conn.poll().is_none());
    assert!(server.conn.jid().is_none());
}

#[test]
fn rule_5_deadlines_are_strictly_ahead_and_time_never_runs_back() {
    let mut server = online_server(open_server());
    let idle = Limits::client().idle();
    let due = server.conn.poll_timeout().unwrap();
    assert_eq!(due, server.now + idle);
    // Early, even by one microsecond: nothing.
    server.conn.handle_timeout(Instant::from_micros(due.as_micros() - 1));
    assert!(server.conn.poll().is_none());
    assert_eq!(server.conn.poll_timeout(), Some(due));
    // On the dot.
    server.conn.handle_timeout(due);
    assert!(server.conn.poll_timeout().unwrap() > due);
    let Some(Action::Transmit(bytes)) = server.conn.poll() else { panic!() };
    assert_eq!(&bytes[..], b" ");
    // An earlier `now` counts as the last one: what is heard now is heard at `due`.
    server.conn.receive(Instant::ZERO, b" ").unwrap();
    assert_eq!(server.conn.poll_timeout(), Some(due + idle));
    // Very late: all deadlines have passed, and each has its turn.
    for late in [10_000, 20_000] {
        server.conn.handle_timeout(due + late * SECOND);
        assert!(server.conn.poll_timeout().is_none_or(|at| at > due + late * SECOND));
        server.drain(server.now);
        assert!(!server.over, "the ping comes after the space, and the end after the ping");
    }
    server.conn.handle_timeout(due + 30_000 * SECOND);
    server.drain(server.now);
    assert!(server.over);
}

#[test]
fn rule_7_an_unanswered_question_expires_closed() {
    // Credentials and derivation: the attempt fails, the stream lives.
    for steps in [1, 2] {
        let mut server = server(open_server());
        server.hold = true;
        server.feed(CLIENT_HEADER);
        server.feed(AUTH_PLAIN);
        for _ in 1..steps {
            let question = server.questions.pop_front().unwrap();
            server.answer(server.now, question);
            server.said();
        }
        assert_eq!(server.sleep(30 * SECOND - MICRO), "");
        let refusal = "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><temporary-auth-failure/></failure>";
        assert_eq!(server.sleep(MICRO), refusal);
        assert!(server.conn.wants_input());
        // The answer that comes now is stale and harmless.
        match server.questions.pop_front().unwrap() {
            Question::Credentials { ticket, .. } => {
                let late = server.conn.answer(server.now, ticket, CredentialsAnswer::Unknown);
                assert_eq!(late, Err(Misuse::Stale));
            }
            Question::Derivation { ticket, request } => {
                assert_eq!(server.conn.answer(server.now, ticket, request.run()), Err(Misuse::Stale));
            }
            _ => panic!(),
        }
        assert_eq!(server.said(), "");
        server.hold = false;
        assert!(server.feed(AUTH_PLAIN).starts_with("<success"));
    }

    let mut server = server(open_server());
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
        server.feed(part);
    }
    server.hold = true;
    server.feed(BIND);
    assert!(server.sleep(30 * SECOND).contains("<internal-server-error "));
    server.hold = false;
    server.feed(BIND);
    assert!(server.online.is_some());
}

#[test]
fn rule_7_the_deadline_holds_even_if_nobody_looked_at_the_clock() {
    let mut server = server(open_server());
    server.hold = true;
    server.feed(CLIENT_HEADER);
    server.feed(AUTH_PLAIN);
    let Some(Question::Credentials { ticket, .. }) = server.questions.pop_front() else { panic!() };
    let late = server.now + 30 * SECOND;
    assert_eq!(server.conn.answer(late, ticket, CredentialsAnswer::Unknown), Err(Misuse::Stale));
    server.conn.handle_timeout(late);
    assert!(server.said().contains("<temporary-auth-failure"));
}

#[test]
fn rule_7_a_key_that_cannot_be_derived_is_a_passing_fault() {
    let mut server = server(open_server());
    server.hold = true;
    server.feed(CLIENT_HEADER);
    server.feed(AUTH_PLAIN);
    let keys = server.questions.pop_front().unwrap();
    server.answer(server.now, keys);
    server.said();
    let Some(Question::Derivation { ticket, .. }) = server.questions.pop_front() else { panic!() };
    server.conn.answer(server.now, ticket, DerivationAnswer::Failed).unwrap();
    assert!(server.said().contains("<temporary-auth-failure/>"));
    assert!(server.conn.wants_input());

    // An answer that fails outright does the same.
    server.feed(AUTH_PLAIN);
    let Some(Question::Credentials { ticket, .. }) = server.questions.pop_front() else { panic!() };
    server.conn.answer(server.now, ticket, CredentialsAnswer::TemporaryFailure).unwrap();
    assert!(server.said().contains("<temporary-auth-failure/>"));
}

#[test]
fn rule_7_a_client_gives_up_on_a_key_that_is_not_derived() {
    let mut pair = Pair::with(open_client(), open_server());
    pair.client.hold = true;
    pair.run();
    assert_eq!(pair.client.questions.len(), 1);
    let abort = "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/></stream:stream>";
    assert_eq!(pair.client.sleep(30 * SECOND), abort);
    assert_eq!(pair.client.reason, Some(CloseReason::Timeout(Timer::Answer)));

    // Told at once that there will be no key, it does not wait for the deadline.
    let mut pair = Pair::with(open_client(), open_server());
    pair.client.hold = true;
    pair.run();
    let Some(Question::Derivation { ticket, .. }) = pair.client.questions.pop_front() else { panic!() };
    pair.client.conn.answer(pair.now, ticket, DerivationAnswer::Failed).unwrap();
    assert_eq!(pair.client.said(), abort);
    let fault = AuthenticationFault::Derivation;
    assert_eq!(pair.client.reason, Some(CloseReason::Authentication(fault)));
}

#[test]
fn rule_7_tickets_of_other_machines_are_stale() {
    let asking = |seed: u8| {
        let seed = xmpp_core::entropy::Seed::new([seed; 32]);
        let conn =
            xmpp_core::conn::ServerConnection::new(open_server().into(), seed, Instant::from_micros(1));
        let mut server = End::new(conn);
        server.hold = true;
        server.feed(CLIENT_HEADER);
        server.feed(AUTH_PLAIN);
        server
    };
    let (mut one, mut other) = (asking(1), asking(2));
    let Some(Question::Credentials { ticket, .. }) = one.questions.pop_front() else { panic!() };
    assert_eq!(other.conn.answer(other.now, ticket, CredentialsAnswer::Unknown), Err(Misuse::Stale));
    assert!(!other.conn.wants_input(), "its own question is still open");
    let Some(Question::Credentials { ticket, .. }) = other.questions.pop_front() else { panic!() };
    assert_eq!(other.conn.answer(other.now, ticket, CredentialsAnswer::Unknown), Ok(()));
    // After the end.
    let mut gone = asking(3);
    gone.cut();
    let Some(Question::Credentials { ticket, .. }) = gone.questions.pop_front() else { panic!() };
    assert_eq!(gone.conn.answer(gone.now, ticket, CredentialsAnswer::Unknown), Err(Misuse::Stale));
    assert_eq!(gone.reason, Some(CloseReason::Truncated));
    // After the embedder itself closed.
    let mut closing = asking(4);
    closing.conn.close(closing.now);
    let Some(Question::Credentials { ticket, .. }) = closing.questions.pop_front() else { panic!() };
    assert_eq!(closing.conn.answer(closing.now, ticket, CredentialsAnswer::Unknown), Err(Misuse::Stale));
}

#[test]
fn rule_8_no_input_while_something_is_open() {
    let mut server = server(server_config());
    server.hold = true;
    server.feed(CLIENT_HEADER);
    server.feed(STARTTLS);
    assert!(!server.conn.wants_input());
    assert_eq!(server.conn.receive(server.now, CLIENT_HEADER.as_bytes()), Err(Misuse::NotWantingInput));
    server.conn.tls_established(server.now, trusted()).unwrap();
    assert!(server.conn.wants_input());
    // What was refused was not taken: the stream starts with what comes now.
    server.feed(CLIENT_HEADER);
    server.feed(AUTH_PLAIN);
    assert!(!server.conn.wants_input());
    assert_eq!(server.conn.receive(server.now, b"<abort/>"), Err(Misuse::NotWantingInput));
    server.hold = false;
    let question = server.questions.pop_front().unwrap();
    server.answer(server.now, question);
    assert!(server.said().starts_with("<success"));
    server.hold = true;
    server.feed(CLIENT_HEADER);
    server.feed(BIND);
    assert!(!server.conn.wants_input());
    assert_eq!(server.conn.receive(server.now, b"<presence/>"), Err(Misuse::NotWantingInput));
    let question = server.questions.pop_front().unwrap();
    server.answer(server.now, question);
    server.said();
    assert!(server.online.is_some() && server.stanzas.is_empty());
}

#[test]
fn rule_8_input_is_buffered_up_to_one_limit_and_one_chunk() {
    let limits = Limits::client().with_before_login(XmlLimits::before_login().with_stanza_bytes(1000));
    let mut server = server(open_server().with_limits(limits));
    // Nobody polls: input is taken until a limit's worth waits.
    let mut taken = 0;
    while server.conn.wants_input() {
        server.conn.receive(server.now, &[b' '; 300]).unwrap();
        taken += 300;
        assert!(taken < 10_000);
    }
    assert_eq!(taken, 1200);
    assert_eq!(server.conn.receive(server.now, b" "), Err(Misuse::NotWantingInput));
}

#[test]
fn tls_is_reported_only_when_asked_for() {
    let mut server = server(server_config());
    assert_eq!(server.conn.tls_established(server.now, trusted()), Err(Misuse::NoTlsPending));
    assert_eq!(server.conn.tls_failed(server.now, TlsError::Handshake), Err(Misuse::NoTlsPending));
    server.feed(CLIENT_HEADER);
    assert_eq!(server.conn.tls_established(server.now, trusted()), Err(Misuse::NoTlsPending));
    assert_eq!(server.feed(STARTTLS), PROCEED);
    assert_eq!(server.conn.tls_established(server.now, trusted()), Err(Misuse::NoTlsPending));
    assert!(!server.over);
}

#[test]
fn rule_9_sending_before_online_and_after_close() {
    let mut server = server(open_server());
    assert_eq!(server.conn.send(server.now, message("early")), Err(Misuse::NotOnline));
    server.feed(CLIENT_HEADER);
    assert_eq!(server.conn.send(server.now, message("early")), Err(Misuse::NotOnline));
    for part in [AUTH_PLAIN, CLIENT_HEADER, BIND] {
        server.feed(part);
    }
    for id in 0..3 {
        assert_eq!(server.conn.send(server.now, message("now")).unwrap().as_u64(), id);
    }
    server.conn.close(server.now);
    assert_eq!(server.conn.send(server.now, message("late")), Err(Misuse::Closed));

    let mut client = online_client(open_client());
    assert_eq!(client.conn.send(client.now, message("now")).unwrap().as_u64(), 0);
}

#[test]
fn rule_9_the_outbox_is_bounded() {
    let weight = message("12345678").weight();
    for (limit, fit) in [(3 * weight - 1, 2), (3 * weight, 3), (3 * weight + 1, 3)] {
        let limits = Limits::client().with_outbox_bytes(limit);
        let mut server = online_server(open_server().with_limits(limits));
        for id in 0..fit {
            assert_eq!(server.conn.send(server.now, message("12345678")).unwrap().as_u64(), id);
        }
        assert_eq!(server.conn.send(server.now, message("12345678")), Err(Misuse::OutboxFull));
        // Polling makes room, and no id is lost.
        assert_eq!(server.said().matches("12345678").count() as u64, fit);
        assert_eq!(server.conn.send(server.now, message("12345678")).unwrap().as_u64(), fit);
    }
    // One stanza goes through whatever its size, or it never would.
    let limits = Limits::client().with_outbox_bytes(1);
    let mut server = online_server(open_server().with_limits(limits));
    assert!(server.conn.send(server.now, message("12345678")).is_ok());
    assert_eq!(server.conn.send(server.now, message("")), Err(Misuse::OutboxFull));
}

#[test]
fn rule_9_every_stanza_has_one_visible_fate() {
    for transmitted in 0..3 {
        let mut server = online_server(open_server());
        for id in 0..3 {
            server.conn.send(server.now, message(&format!("m{id}"))).unwrap();
            if id < transmitted {
                server.said();
            }
        }
        server.cut();
        let unsent: Vec<_> = server.unsent.iter().map(|(id, _)| *id).collect();
        assert_eq!(unsent, (transmitted..3).collect::<Vec<_>>());
        for id in 0..3 {
            let body = format!("<body>m{id}</body>");
            let fates = usize::from(server.transcript.contains(&body))
                + server.unsent.iter().filter(|(_, stanza)| stanza.contains(&body)).count();
            assert_eq!(fates, 1, "{id} of {transmitted}");
        }
    }
}

#[test]
fn rule_9_what_waits_goes_out_before_an_end_of_our_own() {
    for end in ["close", "fail", "peer", "dead"] {
        let mut server = online_server(open_server());
        server.sleep(Duration::from_secs(210));
        server.conn.send(server.now, message("last words")).unwrap();
        match end {
            "close" => server.conn.close(server.now),
            "fail" => server.conn.fail(server.now, Condition::SystemShutdown),
            "dead" => server.conn.handle_timeout(server.now + 60 * SECOND),
            _ => drop(server.feed(FOOTER)),
        }
        server.said();
        assert!(server.transcript.contains("last words"), "{end}");
        assert!(server.transcript.ends_with(FOOTER), "{end}");
        assert!(server.unsent.is_empty(), "{end}");
        // The transport breaks before anyone polled.
        let mut server = online_server(open_server());
        server.conn.send(server.now, message("last words")).unwrap();
        match end {
            "close" => server.conn.close(server.now),
            "fail" => server.conn.fail(server.now, Condition::SystemShutdown),
            _ => {}
        }
        server.cut();
        assert!(!server.transcript.contains("last words"), "{end}");
        assert_eq!(server.unsent.len(), 1, "{end}");
    }
}

#[test]
fn rule_9_the_engines_own_replies_are_not_handed_back() {
    let mut server = server(open_server());
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
        server.feed(part);
    }
    server.hold = true;
    server.feed(BIND);
    let question = server.questions.pop_front().unwrap();
    server.answer(server.now, question);
    // The result of the binding waits in the queue, and then this.
    assert_eq!(server.conn.send(server.now, message("mine")).unwrap().as_u64(), 0);
    let before = server.transcript.len();
    server.cut();
    assert_eq!(server.transcript.len(), before);
    assert_eq!(server.unsent.len(), 1);
    assert_eq!(server.unsent[0].0, 0);
}

#[test]
fn rule_10_what_came_before_the_end_is_delivered() {
    let mut server = online_server(open_server());
    server.conn.receive(server.now, b"<presence/><message/><mess").unwrap();
    server.cut();
    assert_eq!(server.stanzas.len(), 2);
    assert_eq!(server.reason, Some(CloseReason::Truncated));
    assert_eq!(server.transcript.matches(FOOTER).count(), 0);

    let mut server = online_server(open_server());
    server.conn.receive(server.now, b"<presence/></stream:stream>").unwrap();
    server.cut();
    assert_eq!(server.stanzas.len(), 1);
    assert_eq!(server.reason, Some(CloseReason::PeerClosed));

    // A stanza is never cut short, and nothing is written any more.
    let mut server = online_server(open_server());
    let before = server.transcript.len();
    server.conn.receive(server.now, b"<message to='@'/><message><body>x</body>").unwrap();
    server.cut();
    assert!(server.stanzas.is_empty());
    assert_eq!(server.transcript.len(), before);
    assert_eq!(server.conn.receive(server.now, b"x"), Err(Misuse::Closed));
}

#[test]
fn after_the_transport_ended_nothing_is_asked_or_written() {
    let mut server = server(open_server());
    server.conn.receive(server.now, format!("{CLIENT_HEADER}{AUTH_PLAIN}").as_bytes()).unwrap();
    server.cut();
    assert_eq!(server.trace, ["closed the transport ended before the stream was closed", "end Abort"]);

    let mut server = self::server(server_config());
    server.conn.receive(server.now, format!("{CLIENT_HEADER}{STARTTLS}").as_bytes()).unwrap();
    server.cut();
    assert_eq!(server.trace, ["closed the transport ended before the stream was closed", "end Abort"]);
}

#[test]
fn answers_after_the_transport_ended_let_nobody_in() {
    let mut server = server(open_server());
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
        server.feed(part);
    }
    server.hold = true;
    server.feed(BIND);
    server.conn.transport_closed(server.now);
    // Before anyone polled.
    let Some(Question::Binding { ticket, identity, .. }) = server.questions.pop_front() else { panic!() };
    let jid = identity.account().with_resource("balcony").unwrap();
    assert_eq!(server.conn.answer(server.now, ticket, BindAnswer::Bound(jid)), Err(Misuse::Stale));
    server.said();
    assert!(server.over && server.online.is_none());

    let mut server = self::server(server_config());
    server.hold = true;
    server.feed(CLIENT_HEADER);
    server.feed(STARTTLS);
    server.conn.transport_closed(server.now);
    assert_eq!(server.conn.tls_established(server.now, trusted()), Err(Misuse::NoTlsPending));
    server.said();
    assert_eq!(server.reason, Some(CloseReason::Truncated));
}

#[test]
fn a_resource_of_another_account_is_refused_to_the_embedder() {
    let mut server = server(open_server());
    for part in [CLIENT_HEADER, AUTH_PLAIN, CLIENT_HEADER] {
        server.feed(part);
    }
    server.hold = true;
    server.feed(BIND);
    let Some(Question::Binding { ticket, .. }) = server.questions.pop_front() else { panic!() };
    let foreign = FullJid::new("romeo@example.com/orchard").unwrap();
    server.conn.answer(server.now, ticket, BindAnswer::Bound(foreign)).unwrap();
    assert!(server.said().contains("<internal-server-error "));
    assert!(server.online.is_none() && server.conn.jid().is_none());
    server.feed(BIND);
    let Some(Question::Binding { ticket, .. }) = server.questions.pop_front() else { panic!() };
    let error = StanzaError::new(StanzaCondition::Conflict);
    server.conn.answer(server.now, ticket, BindAnswer::Refused(error)).unwrap();
    assert!(server.said().contains("<conflict "));
    assert_eq!(server.warnings.len(), 2);
}

#[test]
fn rule_3_a_client_answers_a_malformed_request_and_tells_strangers_no_more() {
    let mut client = online_client(open_client());
    let said = client.feed("<iq type='get' from='romeo@example.net/orchard' id='1'/>");
    assert!(said.contains("to='romeo@example.net/orchard'") && said.contains("<bad-request"), "{said}");
    assert_eq!(client.feed("<presence type='near' from='romeo@example.net/orchard'/>"), "");
    assert_eq!(client.feed("<message from='romeo@example.net/orchard' to='@'/>"), "");
    assert!(client.stanzas.is_empty() && client.conn.wants_input());
}
