//! What floods, and what comes at the wrong time.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::time::Duration;

use xmpp_core::entropy::Seed;
use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::stanza::{Iq, Message, MessageType, Presence, PresenceType};
use xmpp_core::stream::Features;
use xmpp_core::time::Instant;
use xmpp_core::xml::{Element, ns};

use super::*;

fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

/// Without a roster, and silent.
fn session(limits: ClientLimits) -> ClientSession {
    let config = SessionConfig::new().without_roster().with_presence(None).with_extension("urn:example");
    let jid = FullJid::new("juliet@example.com/balcony").unwrap();
    ClientSession::new(config.with_limits(limits), jid, &Features::new(), Seed::new([7; 32]), Instant::ZERO)
}

fn sent(session: &mut ClientSession) -> Vec<String> {
    let mut sent = Vec::new();
    while let Some(action) = session.poll() {
        if let SessionAction::Send(stanza) = action {
            sent.push(stanza.to_string());
        }
    }
    sent
}

fn request() -> Element {
    Element::builder("urn:example", "x").build()
}

#[test]
fn commands_end_where_nobody_polls() {
    let mut session = session(ClientLimits::new().with_queue(2));
    let romeo = bare("romeo@example.net");
    session.subscribe(&romeo, None).unwrap();
    session.message(Message::chat(romeo.clone())).unwrap();
    assert_eq!(session.deny(&romeo), Err(CommandError::QueueFull));
    assert_eq!(session.get(Instant::ZERO, None, request()), Err(CommandError::QueueFull));
    assert_eq!(sent(&mut session).len(), 2);
    session.deny(&romeo).unwrap();
}

#[test]
fn so_many_requests_of_ours() {
    let mut session = session(ClientLimits::new().with_requests(1).with_patience(Duration::from_secs(5)));
    let first = session.get(Instant::ZERO, None, request()).unwrap();
    assert_eq!(session.set(Instant::ZERO, None, request()), Err(CommandError::TooManyRequests));
    let later = Instant::after(Duration::from_secs(5));
    assert_eq!(session.poll_timeout(), Some(later));
    session.handle_timeout(later);
    assert_eq!(session.poll_timeout(), None);
    let second = session.set(later, None, request()).unwrap();
    assert_ne!(first, second);
    assert_eq!(session.end().unanswered(), [second]);
}

#[test]
fn so_many_requests_of_others() {
    let ask = |n: usize| Iq::get(&format!("{n}"), request()).with_from(jid("romeo@example.net/orchard"));
    let weight = ask(0).weight();
    for limits in [
        ClientLimits::new().with_received(2),
        ClientLimits::new().with_received_bytes(2 * weight),
        ClientLimits::new().with_received_bytes(3 * weight - 1),
    ] {
        let mut session = session(limits);
        for n in 0..4 {
            session.receive(Instant::ZERO, ask(n).into());
        }
        let refused = sent(&mut session);
        assert_eq!(refused.len(), 2);
        assert!(refused.iter().all(|refusal| refusal.contains("<resource-constraint ")), "{refused:?}");
        session.handle_timeout(Instant::after(Duration::from_secs(60)));
        assert_eq!(sent(&mut session).len(), 2);
        session.receive(Instant::ZERO, ask(4).into());
        assert_eq!(sent(&mut session), [""; 0]);
    }
}

#[test]
fn the_oldest_subscription_requests_give_way() {
    let ask = |n: usize| Presence::new(PresenceType::Subscribe).with_from(jid(&format!("{n}@example.net")));
    let weight = "0@example.net".len() + ask(0).weight();
    for limits in [
        ClientLimits::new().with_subscription_requests(3),
        ClientLimits::new().with_subscription_bytes(3 * weight),
        ClientLimits::new().with_subscription_bytes(4 * weight - 1),
    ] {
        let mut session = session(limits);
        for n in 0..3 {
            session.receive(Instant::ZERO, ask(n).into());
        }
        assert_eq!(session.approve(&bare("unasked@example.net")), Err(CommandError::NoRequest));
        for n in 3..6 {
            session.receive(Instant::ZERO, ask(n).into());
        }
        let kept: Vec<_> = session.subscription_requests().map(|request| request.from().as_str()).collect();
        assert_eq!(kept, ["3@example.net", "4@example.net", "5@example.net"]);
        // Each was shown, and the user may have made up her mind about one that is forgotten here.
        let shown = core::iter::from_fn(|| session.poll());
        assert_eq!(shown.count(), 6);
        session.approve(&bare("0@example.net")).unwrap();
        assert_eq!(sent(&mut session).len(), 1);
    }
}

#[test]
fn a_repeated_request_takes_no_more_room() {
    let mut session = session(ClientLimits::new());
    for n in 0..10_000_usize {
        let status = "x".repeat(n % 7);
        let ask =
            Presence::new(PresenceType::Subscribe).with_status(&status).with_from(jid("romeo@example.net"));
        session.receive(Instant::ZERO, ask.into());
    }
    assert_eq!(core::iter::from_fn(|| session.poll()).count(), 1);
    let latest = session.subscription_requests().next().and_then(SubscriptionStanza::status);
    assert_eq!(latest.as_deref(), Some("x".repeat(9_999 % 7).as_str()));
}

#[test]
fn the_chat_that_was_silent_for_longest_gives_way() {
    let mut session = session(ClientLimits::new().with_chats(2));
    session.set_presence(Presence::available()).unwrap();
    let at = |seconds| Instant::after(Duration::from_secs(seconds));
    let chat = |session: &mut ClientSession, seconds, name: &str| {
        session
            .chat(at(seconds), Message::chat(bare(&format!("{name}@example.net"))).with_body("O"))
            .unwrap();
    };
    chat(&mut session, 0, "romeo");
    chat(&mut session, 1, "paris");
    chat(&mut session, 2, "romeo");
    assert!(!sent(&mut session).iter().any(|sent| sent.contains("unavailable")));
    // Strangers who write take room too.
    let from = jid("tybalt@example.org/street");
    session.receive(at(3), Message::new(MessageType::Chat).with_from(from).with_body("!").into());
    assert_eq!(sent(&mut session), ["<presence to='paris@example.net' type='unavailable'/>"]);
    assert_eq!(session.poll_timeout(), Some(at(2 + 30 * 60)));
    // Whoever is gone is gone for all: nobody is told twice.
    session.set_presence(Presence::new(PresenceType::Unavailable)).unwrap();
    session.handle_timeout(at(4 + 30 * 60));
    assert_eq!(sent(&mut session), ["<presence type='unavailable'/>"]);
    assert_eq!(session.poll_timeout(), None);
}

#[test]
fn a_server_that_floods_gets_its_answers_and_nothing_else_is_kept() {
    let config = SessionConfig::new();
    let own = FullJid::new("juliet@example.com/balcony").unwrap();
    let session_feature = Element::builder(ns::SESSION, "session").build();
    let features = Features::new().with(session_feature);
    let mut session = ClientSession::new(config, own, &features, Seed::new([7; 32]), Instant::ZERO);
    for n in 0..1_000 {
        session.receive(Instant::ZERO, Iq::get(&format!("{n}"), request()).into());
        session.receive(Instant::ZERO, Iq::set("s", request()).result_reply(None).into());
    }
    // The request for a session, and an answer each, although there is no session yet.
    assert_eq!(sent(&mut session).len(), 1_001);
    assert!(session.end().unsent().is_empty());
}
