//! Random sessions, messages and storage: every message has one fate.
//!
//! A message is delivered to a client that took it and was told so, or waits in the store until it is, or comes back as an error, or is dropped
//! where RFC 6121 section 8 says so. Storage is slow and fails, connections break with stanzas unsent, outboxes overflow, accounts
//! are deleted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use xmpp_core::entropy::Seed;
use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::stanza::{Message, MessageType, Stanza};
use xmpp_core::time::{Instant, UtcTime};
use xmpp_im::host::{ConflictPolicy, Host, HostAction, HostConfig, LoadTicket, OfflineTicket, SessionId};
use xmpp_im::limits::HostLimits;
use xmpp_im::store::{Change, Memory, Persist};

const NOW: Instant = Instant::ZERO;
const ACCOUNTS: [&str; 3] = ["juliet@example.com", "romeo@example.com", "nurse@example.org"];
const RESOURCES: [&str; 2] = ["a", "b"];
/// Who writes from another server.
const STRANGER: &str = "stranger@example.net/x";
const ADDRESSES: [&str; 8] = [
    "juliet@example.com",
    "juliet@example.com",
    "juliet@example.com/a",
    "romeo@example.com",
    "romeo@example.com/b",
    "nurse@example.org",
    "nobody@example.com",
    "stranger@example.net/x",
];
const TYPES: [MessageType; 6] = [
    MessageType::Normal,
    MessageType::Chat,
    MessageType::Chat,
    MessageType::Headline,
    MessageType::Groupchat,
    MessageType::Error,
];

#[derive(Clone, Debug)]
enum Op {
    Bind(usize, usize),
    Presence(usize, Option<i8>),
    /// From a session, or from the other server.
    Message(Option<usize>, usize, usize),
    Roster(usize, bool),
    /// Storage does the next thing that it was asked for, or fails.
    Work(bool),
    /// The connection of a session takes so many stanzas.
    Take(usize, usize),
    /// It has written so many; whether the host is told at once.
    Write(usize, usize, bool),
    Cut(usize),
    Delete(usize),
}

fn any_op() -> impl Strategy<Value = Op> {
    let session = || 0..8usize;
    let from = proptest::option::weighted(0.8, session());
    prop_oneof![
        4 => (0..ACCOUNTS.len(), 0..RESOURCES.len()).prop_map(|(account, resource)| Op::Bind(account, resource)),
        4 => (session(), proptest::option::weighted(0.8, -1..3i8)).prop_map(|(session, said)| Op::Presence(session, said)),
        10 => (from, 0..ADDRESSES.len(), 0..TYPES.len()).prop_map(|(from, to, type_)| Op::Message(from, to, type_)),
        1 => (session(), any::<bool>()).prop_map(|(session, set)| Op::Roster(session, set)),
        9 => proptest::bool::weighted(0.8).prop_map(Op::Work),
        5 => (session(), 0..4usize).prop_map(|(session, count)| Op::Take(session, count)),
        4 => (session(), 0..4usize, any::<bool>()).prop_map(|(session, count, told)| Op::Write(session, count, told)),
        2 => session().prop_map(Op::Cut),
        1 => (0..ACCOUNTS.len()).prop_map(Op::Delete),
    ]
}

/// What storage was asked for, in order.
#[derive(Debug)]
enum Work {
    Load(LoadTicket, BareJid),
    Page(OfflineTicket, BareJid, u64, usize),
    Keep(Persist),
}

impl Work {
    fn owner(&self) -> &BareJid {
        match self {
            Work::Load(_, owner) | Work::Page(_, owner, ..) => owner,
            Work::Keep(step) => step.owner(),
        }
    }
}

#[derive(Debug)]
struct Client {
    id: SessionId,
    jid: FullJid,
    /// What its connection has taken and not written.
    taken: VecDeque<Stanza>,
    written: u64,
    /// Messages from the store that were written, of which the host was not told.
    untold: Vec<u64>,
}

#[derive(Debug)]
struct Sent {
    from: FullJid,
    to: Jid,
    type_: MessageType,
    /// How often the receiver's order had been disturbed.
    disturbed: usize,
}

#[derive(Debug)]
struct World {
    host: Host,
    store: Memory,
    works: VecDeque<Work>,
    clients: Vec<Client>,
    sent: Vec<Sent>,
    /// Who has read a message, and how often it came back.
    read: BTreeMap<u64, Vec<FullJid>>,
    refused: BTreeMap<u64, usize>,
    /// What a reader has read last of what somebody sent to an address.
    last: BTreeMap<(FullJid, FullJid, Jid), u64>,
    overtaken: Vec<String>,
    /// What may come once more: it was written, and nobody had been told when the connection broke, or storage failed to remove it.
    again: BTreeSet<u64>,
    /// What was in the store of an account that was deleted.
    buried: BTreeSet<u64>,
    /// The sessions of each account that have ended: errors for them go nowhere.
    ended: BTreeSet<FullJid>,
    /// How often a session of an account has ended, or a page of its messages could not be loaded.
    disturbed: BTreeMap<BareJid, usize>,
    is_roomy: bool,
}

fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

fn number(message: &Message) -> u64 {
    message.id().unwrap().parse().unwrap()
}

impl World {
    fn new(outbox_bytes: usize, policy: ConflictPolicy) -> Self {
        let limits = HostLimits::new()
            .with_parked(12, 1 << 20)
            .with_outbox_bytes(outbox_bytes)
            .with_offline(6, 1 << 20)
            .with_background_loads(2)
            .with_idle_accounts(1);
        let config = HostConfig::new([bare("example.com"), bare("example.org")])
            .with_federation()
            .with_limits(limits)
            .with_conflict_policy(policy)
            .with_offline_storage();
        let mut store = Memory::new();
        ACCOUNTS.iter().for_each(|account| store.create(&bare(account)));
        World {
            host: Host::new(config, Seed::new([7; 32]), UtcTime::UNIX_EPOCH),
            store,
            works: VecDeque::new(),
            clients: Vec::new(),
            sent: Vec::new(),
            read: BTreeMap::new(),
            refused: BTreeMap::new(),
            last: BTreeMap::new(),
            overtaken: Vec::new(),
            again: BTreeSet::new(),
            buried: BTreeSet::new(),
            ended: BTreeSet::new(),
            disturbed: BTreeMap::new(),
            is_roomy: outbox_bytes > 1 << 16,
        }
    }

    fn poll(&mut self) {
        while let Some(action) = self.host.poll() {
            match action {
                HostAction::Load { ticket, account } => self.works.push_back(Work::Load(ticket, account)),
                HostAction::LoadOffline { ticket, account, after, limit } => {
                    self.works.push_back(Work::Page(ticket, account, after, limit));
                }
                HostAction::Persist(step) => self.works.push_back(Work::Keep(step)),
                HostAction::Foreign(Stanza::Message(message)) => {
                    self.reads(&FullJid::new(STRANGER).unwrap(), &message);
                }
                HostAction::Close(session, _) => {
                    let ended = self.clients.iter().position(|client| client.id == session);
                    self.cut(ended.unwrap());
                }
                _ => {}
            }
        }
    }

    /// A message has reached somebody.
    fn reads(&mut self, reader: &FullJid, message: &Message) {
        let number = number(message);
        let sent = &self.sent[usize::try_from(number).unwrap()];
        let is_refusal = message.is_error()
            && (sent.type_ != MessageType::Error || message.from() != Some(sent.from.as_jid()));
        if is_refusal {
            assert_eq!(*reader, sent.from, "{number}");
            *self.refused.entry(number).or_default() += 1;
        } else {
            assert_eq!(message.to(), Some(&sent.to), "nobody rewrites an address");
            assert_eq!(reader.to_bare(), sent.to.to_bare());
            self.read.entry(number).or_default().push(reader.clone());
            // What a session leaves behind finds its way behind what came later, what cannot be loaded stays behind, and neither a headline nor what
            // is for a resource that has come waits for what is in the store.
            let is_on_its_way = sent.disturbed == self.disturbed(&sent.to) && !self.again.contains(&number);
            let is_on_its_way = is_on_its_way && sent.to.is_bare();
            if is_on_its_way && matches!(sent.type_, MessageType::Normal | MessageType::Chat) {
                let pair = (reader.clone(), sent.from.clone(), sent.to.clone());
                let before = self.last.insert(pair, number);
                if before > Some(number) {
                    self.overtaken.push(format!("{reader} gets {number} after {before:?}"));
                }
            }
        }
    }

    fn disturbed(&self, account: &Jid) -> usize {
        self.disturbed.get(&account.to_bare()).copied().unwrap_or_default()
    }

    fn work(&mut self, succeeds: bool) {
        let Some(work) = self.works.pop_front() else { return };
        match (work, succeeds) {
            // Who waited for it may have ended.
            (Work::Load(ticket, account), true) => {
                let _ = self.host.loaded(NOW, ticket, self.store.load(&account));
            }
            (Work::Load(ticket, _), false) => {
                let _ = self.host.load_failed(NOW, ticket);
            }
            (Work::Page(ticket, account, after, limit), true) => {
                let page = self.store.offline(&account, after, limit);
                let _ = self.host.offline_loaded(NOW, ticket, page);
            }
            (Work::Page(ticket, account, ..), false) => {
                *self.disturbed.entry(account).or_default() += 1;
                let _ = self.host.offline_failed(NOW, ticket);
            }
            (Work::Keep(step), true) => {
                assert!(self.store.apply(step.owner(), step.changes()));
                self.host.persisted(NOW, step.owner(), step.seq());
            }
            (Work::Keep(step), false) => {
                // What was to be removed is still there, and comes again.
                let removed = step.changes().iter().filter_map(|change| match change {
                    Change::RemoveOffline { through } => Some(*through),
                    _ => None,
                });
                let through = removed.max().unwrap_or_default();
                let kept = self.store.offline(step.owner(), 0, usize::MAX).into_iter();
                let kept = kept.filter(|message| message.number() <= through);
                self.again.extend(kept.map(|message| number(&message.into_message())));
                self.host.persist_failed(NOW, step.owner(), step.seq());
            }
        }
    }

    fn client(&mut self, index: usize) -> Option<&mut Client> {
        let count = self.clients.len();
        self.clients.get_mut(index % count.max(1))
    }

    fn take(&mut self, index: usize, count: usize) {
        let Some(client) = self.clients.get_mut(index) else { return };
        client.taken.extend(std::iter::from_fn(|| self.host.take(client.id)).take(count));
    }

    fn write(&mut self, index: usize, count: usize, is_told: bool) {
        let Some(client) = self.clients.get_mut(index) else { return };
        let written: Vec<_> = client.taken.drain(..count.min(client.taken.len())).collect();
        client.written += written.len() as u64;
        let (id, jid, total) = (client.id, client.jid.clone(), client.written);
        for stanza in written {
            let Stanza::Message(message) = stanza else { continue };
            if message.child("urn:xmpp:delay", "delay").is_some() {
                self.clients[index].untold.push(number(&message));
            }
            self.reads(&jid, &message);
        }
        if is_told {
            self.clients[index].untold.clear();
            self.host.sent(NOW, id, total);
        }
    }

    /// A connection breaks: what it had not written is known.
    fn cut(&mut self, index: usize) {
        let client = self.clients.remove(index);
        self.again.extend(client.untold);
        *self.disturbed.entry(client.jid.to_bare()).or_default() += 1;
        self.ended.insert(client.jid);
        self.host.detach(NOW, client.id, client.taken);
    }

    fn delete(&mut self, account: &BareJid) {
        // What storage had not done for it, it will not do.
        self.works.retain(|work| work.owner() != account);
        let waiting = self.store.offline(account, 0, usize::MAX);
        self.buried.extend(waiting.into_iter().map(|message| number(&message.into_message())));
        let data = self.store.delete(account);
        self.host.deleted(NOW, account, data);
        self.poll();
        self.store.create(account);
    }

    fn message(&mut self, from: Option<usize>, to: &str, type_: MessageType) {
        let id = self.sent.len().to_string();
        let to = Jid::new(to).unwrap();
        let disturbed = self.disturbed(&to);
        let message = Message::new(type_).with_to(to.clone()).with_id(&id).with_body("?");
        let session = from.and_then(|index| Some((self.client(index)?.id, self.client(index)?.jid.clone())));
        match session {
            Some((session, from)) => {
                self.sent.push(Sent { from, to, type_, disturbed });
                self.host.receive(NOW, session, message.into()).unwrap();
            }
            None if to.as_str() != STRANGER => {
                let from = FullJid::new(STRANGER).unwrap();
                self.sent.push(Sent { from: from.clone(), to, type_, disturbed });
                self.host.deliver(NOW, message.with_from(from).into()).unwrap();
            }
            None => {}
        }
    }

    fn send(&mut self, index: usize, text: &str) {
        let Some(session) = self.client(index).map(|client| client.id) else { return };
        self.host.receive(NOW, session, text.parse().unwrap()).unwrap();
    }

    fn bind(&mut self, account: &str, resource: &str) {
        if let Ok(bound) = self.host.bind(NOW, &bare(account), Some(resource)) {
            let (id, jid) = (bound.session(), bound.jid().clone());
            self.clients.push(Client { id, jid, taken: VecDeque::new(), written: 0, untold: Vec::new() });
        }
    }

    fn step(&mut self, op: &Op) {
        let count = self.clients.len().max(1);
        match *op {
            Op::Bind(account, resource) => self.bind(ACCOUNTS[account], RESOURCES[resource]),
            Op::Presence(session, Some(priority)) => {
                self.send(session, &format!("<presence><priority>{priority}</priority></presence>"));
            }
            Op::Presence(session, None) => self.send(session, "<presence type='unavailable'/>"),
            Op::Message(from, to, type_) => self.message(from, ADDRESSES[to], TYPES[type_]),
            Op::Roster(session, set) => {
                let remove = if set { "" } else { " subscription='remove'" };
                self.send(session, &format!("<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='x@y'{remove}/></query></iq>"));
            }
            Op::Work(succeeds) => self.work(succeeds),
            Op::Take(session, count_) => self.take(session % count, count_),
            Op::Write(session, count_, is_told) => self.write(session % count, count_, is_told),
            Op::Cut(session) if !self.clients.is_empty() => self.cut(session % count),
            Op::Cut(_) => {}
            Op::Delete(account) => self.delete(&bare(ACCOUNTS[account])),
        }
        self.poll();
    }

    /// Storage and connections catch up.
    fn rest(&mut self) {
        for _ in 0..1_000 {
            while !self.works.is_empty() {
                self.work(true);
                self.poll();
            }
            for index in 0..self.clients.len() {
                self.take(index, usize::MAX);
                self.write(index, usize::MAX, true);
                self.poll();
            }
            let is_quiet = self.works.is_empty();
            if is_quiet && self.clients.iter().all(|client| client.taken.is_empty()) {
                return;
            }
        }
        panic!("it goes on for ever");
    }

    fn check(&self) {
        assert!(self.overtaken.is_empty(), "{:?}", self.overtaken);
        for (number, sent) in (0..).zip(&self.sent) {
            let Sent { from, to, type_, .. } = sent;
            let refused = self.refused.get(&number).copied().unwrap_or_default();
            let readers = self.read.get(&number).cloned().unwrap_or_default();
            let told = format!("{number} {type_:?} {from} > {to}: {readers:?}, refused {refused}");
            assert!(refused <= 1, "{told}");
            assert!(refused == 0 || readers.is_empty(), "{told}");
            let distinct = readers.iter().collect::<BTreeSet<_>>().len();
            assert!(distinct == readers.len() || self.again.contains(&number), "{told}");
            assert!(*type_ != MessageType::Error || refused == 0, "{told}");
            let is_dropped = match type_ {
                MessageType::Error => true,
                MessageType::Headline => to.is_bare(),
                _ => false,
            };
            let is_silent = is_dropped || self.ended.contains(from) || self.buried.contains(&number);
            if self.is_roomy && !is_silent {
                assert!(refused + readers.len() > 0, "lost: {told}");
            }
        }
    }
}

fn run(ops: &[Op], outbox_bytes: usize, policy: ConflictPolicy) {
    let mut world = World::new(outbox_bytes, policy);
    for op in ops {
        world.step(op);
    }
    world.rest();
    // Whoever is still there comes again, and finds what waits.
    while !world.clients.is_empty() {
        world.cut(0);
        world.poll();
    }
    world.rest();
    for account in ACCOUNTS {
        world.bind(account, "z");
        let index = world.clients.len() - 1;
        world.send(index, "<presence/>");
        world.poll();
        world.rest();
        assert!(world.store.offline(&bare(account), 0, usize::MAX).is_empty(), "{account}");
        assert_eq!(world.store.load(&bare(account)).unwrap().offline().count(), 0);
    }
    world.check();
}

fn any_policy() -> impl Strategy<Value = ConflictPolicy> {
    use ConflictPolicy::{Override, Refuse, Terminate};
    proptest::sample::select(vec![Override, Refuse, Terminate])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn every_message_has_one_fate(ops in proptest::collection::vec(any_op(), 1..150), policy in any_policy()) {
        run(&ops, 1 << 20, policy);
    }

    #[test]
    fn no_message_has_two_where_there_is_no_room(ops in proptest::collection::vec(any_op(), 1..150), policy in any_policy()) {
        run(&ops, 1_500, policy);
    }
}
