//! Messages that wait until somebody is there (RFC 6121 section 8.5.2.2, XEP-0160).

use alloc::collections::BTreeMap;
use core::time::Duration;

use super::*;
use crate::store::{Memory, OfflineMessage};

/// 2002-09-10T23:08:25Z.
const NIGHT: i64 = 1_031_699_305_000_000;

/// A host with storage that answers at once, unless it is told to wait, and clients that read when they are told to.
struct Service {
    host: Host,
    memory: Memory,
    now: Instant,
    /// How many stanzas each session was given.
    taken: BTreeMap<SessionId, u64>,
    /// Pages are not answered while this is set.
    holds_pages: bool,
    pages: Vec<(OfflineTicket, BareJid, u64, usize)>,
    /// Of the next changes, so many fail.
    failing: usize,
    /// How many pages were loaded.
    loaded: usize,
}

impl Service {
    fn new(limits: HostLimits) -> Self {
        let config = HostConfig::new([bare("capulet.com"), bare("montague.net")])
            .with_limits(limits)
            .with_offline_storage();
        let mut memory = Memory::new();
        for account in ["juliet@capulet.com", "romeo@montague.net"] {
            memory.create(&bare(account));
        }
        Service {
            host: Host::new(config, Seed::new([7; 32]), UtcTime::from_micros(NIGHT)),
            memory,
            now: Instant::ZERO,
            taken: BTreeMap::new(),
            holds_pages: false,
            pages: Vec::new(),
            failing: 0,
            loaded: 0,
        }
    }

    /// A small outbox, and so small pages: of two messages.
    fn paged() -> Self {
        Service::new(HostLimits::new().with_outbox_bytes(15_000))
    }

    fn settle(&mut self) {
        while let Some(action) = self.host.poll() {
            match action {
                HostAction::Load { ticket, account } => {
                    let data = self.memory.load(&account);
                    self.host.loaded(self.now, ticket, data).unwrap();
                }
                HostAction::Persist(step) if self.failing > 0 => {
                    self.failing -= 1;
                    self.host.persist_failed(self.now, step.owner(), step.seq());
                }
                HostAction::Persist(step) => {
                    assert!(self.memory.apply(step.owner(), step.changes()));
                    self.host.persisted(self.now, step.owner(), step.seq());
                }
                HostAction::LoadOffline { ticket, account, after, limit } => {
                    self.pages.push((ticket, account, after, limit));
                    if !self.holds_pages {
                        self.answer_pages();
                    }
                }
                _ => {}
            }
        }
    }

    fn answer_pages(&mut self) {
        for (ticket, account, after, limit) in core::mem::take(&mut self.pages) {
            let page = self.memory.offline(&account, after, limit);
            self.loaded += 1;
            let _ = self.host.offline_loaded(self.now, ticket, page);
        }
        self.settle();
    }

    fn bind(&mut self, jid: &str) -> SessionId {
        let jid = FullJid::new(jid).unwrap();
        let bound = self.host.bind(self.now, &jid.to_bare(), Some(jid.resource())).unwrap();
        self.settle();
        bound.session()
    }

    fn send(&mut self, session: SessionId, text: &str) {
        self.host.receive(self.now, session, stanza(text)).unwrap();
        self.settle();
    }

    /// Romeo says something to Juliet.
    fn say(&mut self, session: SessionId, body: &str) {
        self.send(
            session,
            &format!("<message to='juliet@capulet.com' type='chat'><body>{body}</body></message>"),
        );
    }

    /// What a session's client was given; whether it is written to its transport is another thing.
    fn take(&mut self, session: SessionId) -> Vec<Stanza> {
        let taken: Vec<_> = core::iter::from_fn(|| self.host.take(session)).collect();
        *self.taken.entry(session).or_default() += taken.len() as u64;
        taken
    }

    /// All that was given to the session is written.
    fn sent(&mut self, session: SessionId) {
        let count = self.taken.get(&session).copied().unwrap_or_default();
        self.host.sent(self.now, session, count);
        self.settle();
    }

    /// Reads until there is no more; the bodies of the messages.
    fn read(&mut self, session: SessionId) -> Vec<String> {
        let mut read = Vec::new();
        loop {
            let taken = self.take(session);
            if taken.is_empty() {
                return read;
            }
            let messages: Vec<_> =
                taken.into_iter().filter(|stanza| matches!(stanza, Stanza::Message(_))).collect();
            read.extend(bodies(&messages));
            self.sent(session);
        }
    }

    /// The numbers of what waits for Juliet in the store.
    fn waiting(&self) -> Vec<u64> {
        let waiting = self.memory.offline(&bare("juliet@capulet.com"), 0, usize::MAX);
        waiting.iter().map(OfflineMessage::number).collect()
    }

    fn available(&mut self, session: SessionId, priority: i8) {
        self.send(session, &format!("<presence><priority>{priority}</priority></presence>"));
    }

    /// Romeo, and Juliet who is connected and not there.
    fn lovers(&mut self) -> (SessionId, SessionId) {
        let romeo = self.bind("romeo@montague.net/orchard");
        (romeo, self.bind("juliet@capulet.com/balcony"))
    }
}

fn long(text: &str) -> String {
    format!("{text:<400}")
}

fn shorten(bodies: Vec<String>) -> Vec<String> {
    bodies.iter().map(|body| body.trim_end().to_string()).collect()
}

#[test]
fn a_message_waits_for_presence_that_is_not_negative_and_is_stamped() {
    let mut service = Service::new(HostLimits::new());
    let (romeo, juliet) = service.lovers();
    service.say(romeo, "O blessed, blessed night!");
    assert_eq!(service.read(romeo), [""; 0], "nobody is told that it could not be delivered");
    assert_eq!(service.waiting(), [1]);

    service.now = service.now + Duration::from_secs(60);
    service.available(juliet, -1);
    assert_eq!(service.read(juliet), [""; 0]);
    service.available(juliet, 0);
    let told = service.take(juliet);
    let message = told.iter().find(|stanza| matches!(stanza, Stanza::Message(_))).unwrap();
    assert_eq!(
        message.to_string(),
        "<message to='juliet@capulet.com' from='romeo@montague.net/orchard' type='chat'>\
         <body>O blessed, blessed night!</body>\
         <delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'/></message>"
    );
    assert_eq!(service.waiting(), [1], "it is not written yet");
    service.sent(juliet);
    assert_eq!(service.waiting(), [0; 0]);
    service.available(juliet, 5);
    assert_eq!(service.read(juliet), [""; 0], "it comes once");
}

#[test]
fn what_is_not_kept_is_answered_or_dropped_as_without_storage() {
    let mut service = Service::new(HostLimits::new());
    let (romeo, _juliet) = service.lovers();
    let mut answer = |type_: &str, content: &str| {
        service.send(romeo, &format!("<message to='juliet@capulet.com'{type_}>{content}</message>"));
        service.read(romeo)
    };
    assert_eq!(answer(" type='groupchat'", "<body>x</body>"), ["service-unavailable!"]);
    assert_eq!(answer(" type='headline'", "<body>x</body>"), [""; 0]);
    assert_eq!(answer(" type='error'", "<error type='cancel'/>"), [""; 0]);
    let typing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
    assert_eq!(answer(" type='chat'", typing), ["service-unavailable!"]);
    assert_eq!(answer("", "<body>x</body><no-store xmlns='urn:xmpp:hints'/>"), ["service-unavailable!"]);
    assert_eq!(service.waiting(), [0; 0]);
}

#[test]
fn a_queue_that_is_full_refuses() {
    let mut service = Service::new(HostLimits::new().with_offline(2, 1 << 20));
    let (romeo, juliet) = service.lovers();
    for body in ["1", "2", "3"] {
        service.say(romeo, body);
    }
    assert_eq!(service.read(romeo), ["service-unavailable!"]);
    service.available(juliet, 0);
    assert_eq!(service.read(juliet), ["1", "2"]);
    service.send(juliet, "<presence type='unavailable'/>");
    service.say(romeo, "4");
    assert_eq!((service.waiting(), service.read(romeo)), (vec![3], vec![]), "there is room again");
}

#[test]
fn pages_come_one_after_the_other_and_nothing_overtakes() {
    let mut service = Service::paged();
    let (romeo, juliet) = service.lovers();
    for number in 1..=9 {
        service.say(romeo, &long(&number.to_string()));
    }
    service.holds_pages = true;
    service.available(juliet, 0);
    service.say(romeo, "10");
    assert!(service.read(juliet).is_empty(), "it waits behind the others");
    service.holds_pages = false;
    service.answer_pages();
    let first = service.take(juliet).len();
    assert_eq!(first, 2);
    service.say(romeo, "11");
    assert!(service.take(juliet).is_empty(), "one page at a time");
    service.sent(juliet);
    let expected: Vec<_> = (first + 1..=11).map(|number| number.to_string()).collect();
    assert_eq!(shorten(service.read(juliet)), expected);
    assert_eq!(service.waiting(), [0; 0]);
    assert!(service.loaded > 3);
    service.say(romeo, "now");
    assert_eq!(service.take(juliet).len(), 1, "it goes straight there");
}

#[test]
fn what_a_session_did_not_get_is_there_for_the_next() {
    let mut service = Service::paged();
    let (romeo, juliet) = service.lovers();
    for number in 1..=5 {
        service.say(romeo, &long(&number.to_string()));
    }
    service.available(juliet, 0);
    let given = service.take(juliet);
    assert_eq!(given.len(), 3, "presence and two messages");
    // The presence and one message are written when the connection breaks; the other comes back.
    service.host.sent(service.now, juliet, 2);
    service.settle();
    assert_eq!(service.waiting(), [2, 3, 4, 5]);
    service.host.detach(service.now, juliet, given[2..].to_vec());
    service.settle();
    assert_eq!(service.waiting(), [2, 3, 4, 5], "it is not kept twice");
    assert!(service.read(romeo).is_empty(), "and is not refused");

    let next = service.bind("juliet@capulet.com/chamber");
    service.available(next, 0);
    assert_eq!(shorten(service.read(next)), ["2", "3", "4", "5"]);
    assert_eq!(service.waiting(), [0; 0]);
}

#[test]
fn another_session_goes_on_where_the_first_ended() {
    let mut service = Service::paged();
    let (romeo, juliet) = service.lovers();
    let chamber = service.bind("juliet@capulet.com/chamber");
    for number in 1..=6 {
        service.say(romeo, &long(&number.to_string()));
    }
    service.available(juliet, 0);
    service.available(chamber, 0);
    let is_message = |stanza: &Stanza| matches!(stanza, Stanza::Message(_));
    assert!(!service.take(chamber).iter().any(is_message), "they go to whoever was first");
    service.take(juliet);
    service.sent(juliet);
    let left = service.waiting();
    assert!(!left.is_empty() && left.len() < 6);
    service.host.detach(service.now, juliet, []);
    service.settle();
    let expected: Vec<_> = left.iter().map(ToString::to_string).collect();
    assert_eq!(shorten(service.read(chamber)), expected);
}

#[test]
fn a_session_that_goes_away_keeps_what_it_has_and_gets_no_more() {
    let mut service = Service::paged();
    let (romeo, juliet) = service.lovers();
    for number in 1..=6 {
        service.say(romeo, &long(&number.to_string()));
    }
    service.available(juliet, 0);
    service.available(juliet, -1);
    let got = shorten(service.read(juliet));
    assert!(!got.is_empty() && got.len() < 6);
    assert_eq!(service.waiting().len(), 6 - got.len());
    service.available(juliet, 1);
    assert_eq!(got.len() + service.read(juliet).len(), 6);
}

#[test]
fn a_message_that_cannot_be_stored_is_refused() {
    let mut service = Service::new(HostLimits::new());
    let (romeo, juliet) = service.lovers();
    service.failing = 1;
    service.say(romeo, "lost");
    assert_eq!(service.read(romeo), ["internal-server-error!"]);
    service.say(romeo, "kept");
    service.available(juliet, 0);
    assert_eq!(service.read(juliet), ["kept"]);
}

#[test]
fn a_removal_that_cannot_be_stored_loses_nothing_and_repeats_nothing_of_this_session() {
    let mut service = Service::paged();
    let (romeo, juliet) = service.lovers();
    for number in 1..=6 {
        service.say(romeo, &long(&number.to_string()));
    }
    service.available(juliet, 0);
    let mut got = Vec::new();
    let given = service.take(juliet);
    got.extend(bodies(&given[1..]));
    service.failing = 1;
    // Of two messages one is written; the account is loaded anew while it has the other.
    service.host.sent(service.now, juliet, 2);
    service.settle();
    assert_eq!(service.waiting().len(), 6);
    service.sent(juliet);
    got.extend(service.read(juliet));
    assert_eq!(shorten(got), ["1", "2", "3", "4", "5", "6"]);
    assert_eq!(service.waiting(), [0; 0]);
}

#[test]
fn a_page_that_cannot_be_loaded_waits_for_the_next_presence() {
    let mut service = Service::new(HostLimits::new());
    let (romeo, juliet) = service.lovers();
    service.say(romeo, "1");
    service.holds_pages = true;
    service.available(juliet, 0);
    let (ticket, ..) = service.pages.pop().unwrap();
    service.host.offline_failed(service.now, ticket).unwrap();
    service.settle();
    assert!(service.pages.is_empty(), "it is not tried for ever");
    service.say(romeo, "2");
    assert_eq!(service.read(juliet), ["2"], "what can be delivered is");
    service.holds_pages = false;
    service.available(juliet, 0);
    assert_eq!(service.read(juliet), ["1"]);
}

#[test]
fn a_page_of_an_account_that_is_gone_is_nobodys() {
    let mut service = Service::new(HostLimits::new());
    let (romeo, juliet) = service.lovers();
    service.say(romeo, "1");
    service.holds_pages = true;
    service.available(juliet, 0);
    let (ticket, account, after, limit) = service.pages.pop().unwrap();
    let page = service.memory.offline(&account, after, limit);
    let data = service.memory.delete(&account);
    service.host.deleted(service.now, &account, data);
    service.settle();
    // A new account of that address is there.
    service.memory.create(&account);
    let next = service.bind("juliet@capulet.com/balcony");
    service.available(next, 0);
    assert_eq!(service.host.offline_loaded(service.now, ticket, page), Err(Misuse::Stale));
    service.settle();
    assert!(service.read(next).is_empty());
}

#[test]
fn r6121_8_5_2_2_1_01_a_message_waits_for_an_account_without_sessions() {
    let mut service = Service::new(HostLimits::new());
    let romeo = service.bind("romeo@montague.net/orchard");
    for number in 1..=3 {
        service.say(romeo, &number.to_string());
    }
    assert_eq!(service.read(romeo), [""; 0]);
    assert_eq!(service.waiting(), [1, 2, 3]);
    // An account that does not exist keeps nothing, and says what it said before.
    service.send(romeo, "<message to='nobody@capulet.com' type='chat'><body>x</body></message>");
    assert_eq!(service.read(romeo), ["service-unavailable!"]);

    let juliet = service.bind("juliet@capulet.com/balcony");
    service.say(romeo, "4");
    service.available(juliet, 0);
    assert_eq!(service.read(juliet), ["1", "2", "3", "4"]);
}

#[test]
fn what_a_session_leaves_behind_waits_for_the_next() {
    let mut service = Service::new(HostLimits::new());
    let (romeo, juliet) = service.lovers();
    service.available(juliet, 0);
    service.take(juliet);
    service.say(romeo, "1");
    service.say(romeo, "2");
    let unsent = service.take(juliet);
    service.host.detach(service.now, juliet, unsent);
    service.settle();
    service.say(romeo, "3");
    assert_eq!(service.read(romeo), [""; 0]);
    let next = service.bind("juliet@capulet.com/chamber");
    service.available(next, 0);
    assert_eq!(service.read(next), ["1", "2", "3"]);
}

#[test]
fn what_finds_no_room_behind_the_others_does_not_overtake_them() {
    let mut service = Service::new(HostLimits::new().with_offline(2, 1 << 20));
    let (romeo, juliet) = service.lovers();
    service.say(romeo, "1");
    service.say(romeo, "2");
    service.holds_pages = true;
    service.available(juliet, 0);
    service.say(romeo, "3");
    assert_eq!(service.read(romeo), ["resource-constraint!"]);
    service.holds_pages = false;
    service.answer_pages();
    assert_eq!(service.read(juliet), ["1", "2"]);
    service.say(romeo, "4");
    assert_eq!(service.read(juliet), ["4"]);
}

#[test]
fn a_chat_with_a_resource_that_is_gone_does_not_overtake_what_waits() {
    let mut service = Service::new(HostLimits::new());
    let (romeo, juliet) = service.lovers();
    let chat =
        |body| format!("<message to='juliet@capulet.com/tomb' type='chat'><body>{body}</body></message>");
    service.send(romeo, &chat("1"));
    service.holds_pages = true;
    service.available(juliet, 0);
    service.send(romeo, &chat("2"));
    // A resource that is there gets what is for it at once.
    service.send(romeo, "<message to='juliet@capulet.com/balcony' type='chat'><body>3</body></message>");
    service.holds_pages = false;
    service.answer_pages();
    assert_eq!(service.read(juliet), ["3", "1", "2"]);
}

#[test]
fn an_account_that_is_loaded_anew_knows_which_session_has_what() {
    let mut service = Service::new(HostLimits::new());
    let (romeo, idle) = service.lovers();
    let juliet = service.bind("juliet@capulet.com/chamber");
    service.say(romeo, "1");
    service.available(juliet, 0);
    service.failing = 1;
    service
        .send(juliet, "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='x@y'/></query></iq>");
    let read = service.read(juliet);
    assert_eq!(read.iter().filter(|read| *read == "1").count(), 1, "{read:?}");
    assert!(service.waiting().is_empty() && service.read(idle).is_empty());
}
