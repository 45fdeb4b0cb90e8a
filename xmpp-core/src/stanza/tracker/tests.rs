//! Whose response is taken for whose, and that every request ends once.

use alloc::vec::Vec;

use super::*;
use crate::stanza::Condition;
use crate::xml::ns;

const OWN: &str = "juliet@example.com/balcony";

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn tracker() -> Tracker {
    Tracker::new(&jid(OWN), Seed::new([1; 32]))
}

fn ping() -> Element {
    Element::builder(ns::PING, "ping").build()
}

fn at(seconds: u64) -> Instant {
    Instant::after(Duration::from_secs(seconds))
}

/// Whether a response to a request for `to` counts when it comes from there.
fn takes(to: Option<&str>, from: Option<&str>) -> bool {
    let mut tracker = tracker();
    let (sent, iq) = tracker.get(at(0), to.map(jid), ping()).unwrap();
    let mut response = iq.result_reply(None);
    response.set_from(from.map(jid));
    let answered = tracker.answer(&response);
    assert_eq!(tracker.open(), usize::from(answered.is_none()));
    assert!(answered.is_none_or(|request| request == sent));
    answered.is_some()
}

#[test]
fn a_response_counts_only_from_whom_was_asked() {
    let entities = [
        None,
        Some("juliet@example.com"),
        Some(OWN),
        Some("juliet@example.com/chamber"),
        Some("example.com"),
        Some("example.com/x"),
        Some("nurse@example.com"),
        Some("romeo@example.net"),
        Some("romeo@example.net/orchard"),
        Some("romeo@example.net/garden"),
        Some("example.net"),
        Some("juliet@example.net"),
    ];
    for asked in entities {
        for from in entities {
            let expected = match (asked, from) {
                // Nobody but the server speaks for the account, with or without its name.
                (None | Some("juliet@example.com"), None | Some("juliet@example.com" | "example.com")) => {
                    true
                }
                (Some("example.com"), None) => true,
                _ => asked.is_some() && asked == from,
            };
            assert_eq!(takes(asked, from), expected, "asked {asked:?}, answered by {from:?}");
        }
    }
    // covers 6120-8.1.2.1-04
    assert!(takes(Some("juliet@example.com"), None));
    // covers 3920-9.1.2-07
    assert!(takes(None, None) && takes(Some("example.com"), None));
    // Two spellings of one address are one.
    assert!(takes(Some("Romeo@EXAMPLE.net./orchard"), Some("romeo@example.net/orchard")));
    assert!(!takes(Some("romeo@example.net/orchard"), Some("romeo@example.net/Orchard")));
}

#[test]
fn servers_and_components_track_by_their_own_name() {
    let mut tracker = Tracker::new(&jid("plays.example.com"), Seed::new([1; 32]));
    let (sent, iq) = tracker.get(at(0), Some(jid("romeo@example.net")), ping()).unwrap();
    let response = |from| {
        let mut response = iq.result_reply(None);
        response.set_from(from);
        response
    };
    for stranger in [None, Some(jid("plays.example.com")), Some(jid("example.net"))] {
        assert_eq!(tracker.answer(&response(stranger)), None);
    }
    assert_eq!(tracker.answer(&response(Some(jid("romeo@example.net")))), Some(sent));
}

#[test]
fn only_a_response_with_the_id_of_a_request_answers_it() {
    let mut tracker = tracker();
    let romeo = || Some(jid("romeo@example.net"));
    let (first, get) = tracker.get(at(0), romeo(), ping()).unwrap();
    let (second, set) = tracker.set(at(0), romeo(), ping()).unwrap();
    assert_ne!(get.id(), set.id());
    assert_eq!((get.type_(), set.type_()), (IqType::Get, IqType::Set));
    assert_eq!(get.to(), romeo().as_ref());

    // A request of theirs may have the same id.
    for request in [Iq::get(get.id(), ping()), Iq::set(get.id(), ping())] {
        assert_eq!(tracker.answer(&request.with_from(jid("romeo@example.net"))), None);
    }
    for id in ["", "1", get.id().get(1..).unwrap(), &get.id().to_ascii_lowercase()] {
        assert_eq!(tracker.answer(&get.result_reply(None).with_id(id)), None);
    }
    // An error is an answer too.
    assert_eq!(tracker.answer(&set.error_reply(Condition::ServiceUnavailable).unwrap()), Some(second));
    assert_eq!(tracker.answer(&set.error_reply(Condition::ServiceUnavailable).unwrap()), None);
    assert_eq!(tracker.answer(&get.result_reply(Some(ping()))), Some(first));
    // Repeated, and with a different outcome.
    assert_eq!(tracker.answer(&get.result_reply(None)), None);
    assert_eq!(tracker.answer(&get.error_reply(Condition::ServiceUnavailable).unwrap()), None);
    assert_eq!((tracker.open(), tracker.poll_timeout()), (0, None));
}

#[test]
fn ids_are_not_to_be_guessed() {
    let ids = |seed| {
        let mut tracker = Tracker::new(&jid(OWN), Seed::new([seed; 32]));
        [(); 3].map(|()| tracker.get(at(0), None, ping()).unwrap().1)
    };
    let (some, others) = (ids(1), ids(2));
    for (index, iq) in some.iter().enumerate() {
        assert_eq!(iq.id().len(), 24); // 144 bits
        assert!(some[..index].iter().chain(&others).all(|other| other.id() != iq.id()));
    }
}

#[test]
fn requests_expire_in_the_order_of_their_deadlines() {
    let mut tracker = tracker().with_patience(Duration::from_secs(10));
    let (first, iq) = tracker.get(at(0), None, ping()).unwrap();
    tracker = tracker.with_patience(Duration::from_secs(5));
    let (second, _) = tracker.get(at(1), None, ping()).unwrap();
    let (third, answered) = tracker.get(at(1), None, ping()).unwrap();
    let (fourth, _) = tracker.get(at(1), None, ping()).unwrap();
    assert_eq!(tracker.poll_timeout(), Some(at(6)));
    assert_eq!(tracker.expire(Instant::from_micros(at(6).as_micros() - 1)), None);
    assert_eq!(tracker.answer(&answered.result_reply(None)), Some(third));
    assert_eq!(tracker.expire(at(6)), Some(second));
    assert_eq!(tracker.expire(at(6)), Some(fourth));
    assert_eq!(tracker.expire(at(6)), None);
    assert_eq!(tracker.poll_timeout(), Some(at(10)));
    // What comes late is for nobody.
    assert_eq!(tracker.expire(at(600)), Some(first));
    assert_eq!(tracker.answer(&iq.result_reply(None)), None);
    assert_eq!((tracker.open(), tracker.poll_timeout()), (0, None));
}

#[test]
fn patience_without_end_has_its_deadline_at_the_end_of_time() {
    let mut tracker = tracker().with_patience(Duration::MAX);
    let _ = tracker.get(at(5), None, ping()).unwrap();
    assert_eq!(tracker.poll_timeout(), Some(Instant::from_micros(u64::MAX)));
    assert_eq!(tracker.expire(at(1 << 40)), None);
}

#[test]
fn the_number_of_open_requests_is_bounded() {
    let mut tracker = tracker().with_limit(2);
    let (_, iq) = tracker.get(at(0), None, ping()).unwrap();
    tracker.get(at(0), None, ping()).unwrap();
    assert_eq!(tracker.get(at(0), None, ping()).unwrap_err(), Misuse::TooManyRequests);
    assert_eq!(tracker.set(at(0), None, ping()).unwrap_err(), Misuse::TooManyRequests);
    assert_eq!(tracker.open(), 2);
    tracker.answer(&iq.result_reply(None)).unwrap();
    assert!(tracker.set(at(0), None, ping()).is_ok());
}

#[test]
fn the_end_of_the_connection_ends_what_is_left_once() {
    let mut tracker = tracker();
    let mut sent: Vec<_> = (0..5).map(|_| tracker.get(at(0), None, ping()).unwrap()).collect();
    let (answered, iq) = sent.remove(2);
    assert_eq!(tracker.answer(&iq.result_reply(None)), Some(answered));
    assert_eq!(tracker.expire(at(60)), Some(sent.remove(0).0));
    let left: Vec<_> = sent.into_iter().map(|(request, _)| request).collect();
    assert_eq!(tracker.end().collect::<Vec<_>>(), left);
}
