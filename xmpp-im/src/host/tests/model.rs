//! Random sessions, stanzas and storage, against a model that knows only who is available and what is stored.

use alloc::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::routing::{Resource, Traffic};

const ACCOUNTS: [&str; 3] = ["juliet@example.com", "romeo@example.com", "nurse@example.org"];
/// An outbox that no run fills.
const ROOM: usize = 1 << 20;
const RESOURCES: [&str; 3] = ["a", "b", "c"];
/// Who writes from another server.
const STRANGER: &str = "stranger@example.net/x";

#[derive(Clone, Debug)]
enum Op {
    Bind(usize, usize),
    Load(bool),
    Presence(usize, Option<i8>),
    Message(usize, &'static str, &'static str),
    Request(usize, &'static str),
    Deliver(&'static str, &'static str),
    Roster(usize, &'static str, bool),
    RosterGet(usize),
    Report(usize),
    Take(usize, usize),
    Detach(usize, usize),
}

fn any_to() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "juliet@example.com",
        "juliet@example.com/a",
        "juliet@example.com/b",
        "romeo@example.com",
        "romeo@example.com/a",
        "nurse@example.org",
        "nurse@example.org/c",
        "nobody@example.com",
        "somebody@example.net",
        "example.com",
    ])
}

fn any_op() -> impl Strategy<Value = Op> {
    let session = 0..8usize;
    let kind = proptest::sample::select(vec!["normal", "chat", "headline", "groupchat", "error"]);
    let contact = proptest::sample::select(vec!["x@y", "y@y", "z@y"]);
    prop_oneof![
        4 => (0..ACCOUNTS.len(), 0..RESOURCES.len()).prop_map(|(account, resource)| Op::Bind(account, resource)),
        4 => proptest::bool::weighted(0.9).prop_map(Op::Load),
        4 => (session.clone(), proptest::option::weighted(0.8, -1..3i8)).prop_map(|(session, priority)| Op::Presence(session, priority)),
        9 => (session.clone(), any_to(), kind.clone()).prop_map(|(session, to, kind)| Op::Message(session, to, kind)),
        4 => (session.clone(), any_to()).prop_map(|(session, to)| Op::Request(session, to)),
        3 => (any_to(), kind).prop_map(|(to, kind)| Op::Deliver(to, kind)),
        3 => (session.clone(), contact, any::<bool>()).prop_map(|(session, contact, set)| Op::Roster(session, contact, set)),
        2 => session.clone().prop_map(Op::RosterGet),
        3 => (0..3usize).prop_map(Op::Report),
        5 => (session.clone(), 0..4usize).prop_map(|(session, count)| Op::Take(session, count)),
        1 => (session, 0..4usize).prop_map(|(session, unsent)| Op::Detach(session, unsent)),
    ]
}

/// A session as its client knows it.
#[derive(Debug)]
struct Client {
    id: SessionId,
    jid: FullJid,
    /// What its connection has taken, not sent before it ends.
    taken: Vec<Stanza>,
}

/// What a run did, so that two runs can be compared.
type Trace = Vec<String>;

#[derive(Debug)]
struct World {
    desk: Desk,
    roomy: bool,
    clients: Vec<Client>,
    /// What storage holds: the contacts of each account.
    stored: BTreeMap<BareJid, BTreeSet<String>>,
    /// What storage has done and not reported.
    reports: VecDeque<(BareJid, u64, bool)>,
    sent: u64,
    /// Who got the message or request of that number: the resources, and whether the answer is one of the server.
    seen: BTreeMap<u64, Vec<(FullJid, bool)>>,
    /// Requests and messages that demand an answer or a receiver, and who sent them.
    demanding: BTreeMap<u64, FullJid>,
    /// Who has ended: what was for them, or from them, may be gone.
    ended: BTreeSet<FullJid>,
    trace: Trace,
}

impl World {
    fn new(outbox_bytes: usize, conflict: ConflictPolicy) -> Self {
        let limits =
            HostLimits::new().with_sessions(2).with_parked(200, 1 << 20).with_outbox_bytes(outbox_bytes);
        World {
            desk: Desk::configured(|config| {
                config.with_limits(limits).with_conflict_policy(conflict).with_federation()
            }),
            roomy: outbox_bytes == ROOM,
            clients: Vec::new(),
            stored: BTreeMap::new(),
            reports: VecDeque::new(),
            sent: 0,
            seen: BTreeMap::new(),
            demanding: BTreeMap::new(),
            ended: BTreeSet::new(),
            trace: Trace::new(),
        }
    }

    fn number(stanza: &Stanza) -> Option<u64> {
        stanza.id()?.strip_prefix('n')?.parse().ok()
    }

    fn client(&self, index: usize) -> Option<(SessionId, FullJid)> {
        let client = self.clients.get(index % self.clients.len().max(1))?;
        Some((client.id, client.jid.clone()))
    }

    fn send(&mut self, session: SessionId, text: &str) {
        let sent = self.desk.host.receive(NOW, session, stanza(text));
        sent.unwrap();
        self.sent += 1;
    }

    /// The resources that a message of that type to an address must reach now, if the account is loaded and no answer waits.
    fn expected(&self, to: &Jid, kind: &str) -> Option<BTreeSet<FullJid>> {
        let account = self.desk.host.accounts.get(&to.to_bare())?;
        let sessions = account.sessions();
        let views: Vec<_> = sessions
            .iter()
            .map(|session| {
                let priority = session.presence.as_ref().map(|(_, priority)| *priority);
                Resource::new(session.jid.resource()).with_availability(priority)
            })
            .collect();
        let traffic = Traffic::Message(xmpp_core::stanza::MessageType::from_name(kind).unwrap());
        match route(traffic, to.resource(), &views, Default::default()) {
            Decision::Deliver(to) => Some(to.iter().map(|index| sessions[*index].jid.clone()).collect()),
            _ => Some(BTreeSet::new()),
        }
    }

    fn is_loading(&self, account: &BareJid) -> bool {
        self.desk.loads.iter().any(|(_, loading)| loading == account)
    }

    fn take(&mut self, index: usize, count: usize) {
        for _ in 0..count {
            let Some(client) = self.clients.get_mut(index) else { return };
            let Some(stanza) = self.desk.host.take(client.id) else { return };
            client.taken.push(stanza);
        }
    }

    /// What a client has read is gone from its connection, and counts.
    fn read(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else { return };
        for stanza in core::mem::take(&mut client.taken) {
            let own = stanza.to().is_some_and(|to| to.to_bare() == client.jid.to_bare());
            assert!(own, "{stanza} for {}", client.jid);
            let answer = stanza.is_error() || matches!(&stanza, Stanza::Iq(iq) if !iq.is_request());
            if let Some(number) = Self::number(&stanza) {
                self.seen.entry(number).or_default().push((client.jid.clone(), answer));
            }
            self.trace.push(format!("{} < {stanza}", client.jid));
        }
    }

    fn end(&mut self, index: usize, unsent: usize) {
        if self.clients.is_empty() {
            return;
        }
        let index = index % self.clients.len();
        let keep = self.clients[index].taken.len().saturating_sub(unsent);
        let unsent = self.clients[index].taken.split_off(keep);
        self.read(index);
        let client = self.clients.remove(index);
        self.ended.insert(client.jid);
        self.desk.host.detach(NOW, client.id, unsent);
    }

    /// What another server gets counts as soon as it leaves.
    fn federate(&mut self) {
        for (domain, text) in self.desk.gone() {
            let stanza = stanza(&text);
            assert_eq!(domain, "example.net");
            let receiver = stanza.to().unwrap().to_bare().with_resource("x").unwrap();
            if let Some(number) = Self::number(&stanza) {
                self.seen.entry(number).or_default().push((receiver, stanza.is_error()));
            }
            self.trace.push(format!("{domain} < {stanza}"));
        }
    }

    fn poll(&mut self) {
        self.desk.poll();
        self.store();
        self.federate();
        // What one that ends has not got goes to others, and may be too much for them.
        while !self.desk.closed.is_empty() {
            for (id, _) in core::mem::take(&mut self.desk.closed) {
                let index = self.clients.iter().position(|client| client.id == id).unwrap();
                let taken = self.clients[index].taken.len();
                self.end(index, taken);
                self.desk.poll();
            }
        }
    }

    fn step(&mut self, op: &Op) {
        self.trace.push(format!("{op:?}"));
        match *op {
            Op::Bind(account, resource) => {
                let account = bare(ACCOUNTS[account]);
                if let Ok(bound) = self.desk.host.bind(NOW, &account, Some(RESOURCES[resource])) {
                    self.trace.push(bound.jid().to_string());
                    let jid = bound.jid().clone();
                    self.clients.push(Client { id: bound.session(), jid, taken: Vec::new() });
                }
            }
            Op::Load(found) => {
                let Some((ticket, account)) = self.desk.loads.pop_front() else { return };
                let items = self.stored.get(&account).into_iter().flatten();
                let items = items.map(|contact| RosterItem::new(Jid::new(contact).unwrap()));
                let data = AccountData::new().with_roster(items);
                let _: Result<(), Misuse> = if found {
                    self.desk.host.loaded(NOW, ticket, Some(data))
                } else {
                    self.desk.host.load_failed(NOW, ticket)
                };
            }
            Op::Presence(session, priority) => {
                let Some((id, _)) = self.client(session) else { return };
                match priority {
                    Some(priority) => {
                        self.send(id, &format!("<presence><priority>{priority}</priority></presence>"))
                    }
                    None => self.send(id, "<presence type='unavailable'/>"),
                }
            }
            Op::Message(session, to, kind) => {
                let Some((id, from)) = self.client(session) else { return };
                let number = self.sent;
                if !matches!(kind, "headline" | "error") {
                    self.demanding.insert(number, from.clone());
                }
                let to_jid = Jid::new(to).unwrap();
                // What is to be answered after it may keep a place before it.
                let waits = self.is_loading(&to_jid.to_bare())
                    || self.is_loading(&from.to_bare())
                    || !self.desk.host.barriers.is_empty();
                let expected = self.expected(&to_jid, kind).filter(|_| !waits);
                self.send(id, &format!("<message to='{to}' type='{kind}' id='n{number}'/>"));
                if let Some(expected) = expected.filter(|_| self.roomy) {
                    // It waits in exactly those outboxes now, as their newest.
                    let tail = format!(" id='n{number}'");
                    for client in &self.clients {
                        let account = self.desk.host.accounts.get_mut(&client.jid.to_bare()).unwrap();
                        let waits = account.session_mut(client.id).unwrap().newest();
                        let waits = waits.is_some_and(|stanza| {
                            stanza.to_string().contains(&tail) && !(kind != "error" && stanza.is_error())
                        });
                        assert_eq!(waits, expected.contains(&client.jid), "{number} for {}", client.jid);
                    }
                }
            }
            Op::Request(session, to) => {
                let Some((id, from)) = self.client(session) else { return };
                let number = self.sent;
                self.demanding.insert(number, from);
                self.send(
                    id,
                    &format!("<iq to='{to}' type='get' id='n{number}'><ping xmlns='urn:xmpp:ping'/></iq>"),
                );
            }
            Op::Deliver(to, kind) => {
                let number = self.sent;
                self.sent += 1;
                let text = format!("<message from='{STRANGER}' to='{to}' type='{kind}' id='n{number}'/>");
                let relayed = to.ends_with("example.net");
                if !relayed && !matches!(kind, "headline" | "error") {
                    self.demanding.insert(number, FullJid::new(STRANGER).unwrap());
                }
                assert_eq!(self.desk.host.deliver(NOW, stanza(&text)).is_err(), relayed, "{text}");
            }
            Op::Roster(session, contact, set) => {
                let Some((id, from)) = self.client(session) else { return };
                let number = self.sent;
                self.demanding.insert(number, from);
                let remove = if set { "" } else { " subscription='remove'" };
                self.send(id, &format!("<iq type='set' id='n{number}'><query xmlns='jabber:iq:roster'><item jid='{contact}'{remove}/></query></iq>"));
            }
            Op::RosterGet(session) => {
                let Some((id, from)) = self.client(session) else { return };
                let number = self.sent;
                self.demanding.insert(number, from);
                self.send(
                    id,
                    &format!("<iq type='get' id='n{number}'><query xmlns='jabber:iq:roster'/></iq>"),
                );
            }
            Op::Report(change) => {
                let index = change % self.reports.len().max(1);
                match self.reports.remove(index) {
                    Some((account, seq, true)) => self.desk.host.persisted(NOW, &account, seq),
                    Some((account, seq, false)) => self.desk.host.persist_failed(NOW, &account, seq),
                    None => {}
                }
            }
            Op::Take(session, count) => {
                let index = session % self.clients.len().max(1);
                self.read(index);
                self.take(index, count);
            }
            Op::Detach(session, unsent) => self.end(session, unsent),
        }
    }

    /// Storage works in order, and one change in four fails; the reports come when they come.
    fn store(&mut self) {
        for change in core::mem::take(&mut self.desk.changes) {
            let stored = change.seq() % 4 != 0;
            if stored {
                let contacts = self.stored.entry(change.owner().clone()).or_default();
                match &change.changes()[0] {
                    Change::SetRosterItem(item) => contacts.insert(item.jid().to_string()),
                    Change::RemoveRosterItem { jid, .. } => contacts.remove(jid.as_str()),
                    other => panic!("{other:?}"),
                };
            }
            self.reports.push_back((change.owner().clone(), change.seq(), stored));
        }
    }

    /// Lets everything that is under way come to rest.
    fn rest(&mut self) {
        for _ in 0..100 {
            let (loads, changes) = (self.desk.loads.len(), self.reports.len());
            self.step(&Op::Report(0));
            self.poll();
            self.step(&Op::Load(true));
            self.poll();
            if (loads, changes) == (0, 0) {
                break;
            }
        }
        for index in 0..self.clients.len() {
            self.take(index, usize::MAX);
            self.read(index);
        }
    }

    fn check(&self) {
        for (number, from) in &self.demanding {
            let seen = self.seen.get(number).map(Vec::as_slice).unwrap_or_default();
            let answers = seen.iter().filter(|(_, answer)| *answer).count();
            let receivers: Vec<_> = seen.iter().filter(|(_, answer)| !answer).map(|(jid, _)| jid).collect();
            let distinct: BTreeSet<_> = receivers.iter().collect();
            assert!(answers <= 1, "answered twice: n{number} {seen:?}");
            assert_eq!(distinct.len(), receivers.len(), "delivered twice: n{number} {seen:?}");
            assert!(answers == 0 || receivers.is_empty(), "delivered and refused: n{number} {seen:?}");
            // Who has ended gets no answer any more, and where there is no room errors are dropped.
            if self.roomy && !self.ended.contains(from) {
                assert!(!seen.is_empty(), "lost: n{number} of {from}");
            }
        }
        // Memory says what storage says.
        for (jid, account) in &self.desk.host.accounts {
            let stored = self.stored.get(jid).cloned().unwrap_or_default();
            assert_eq!(account.contacts(), Some(stored), "{jid}");
        }
    }
}

fn run(ops: &[Op], outbox_bytes: usize, conflict: ConflictPolicy) -> Trace {
    let mut world = World::new(outbox_bytes, conflict);
    for op in ops {
        world.step(op);
        world.poll();
    }
    world.rest();
    world.check();
    // Each receiver sees what one sender sent to one address in the order it was sent.
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    for line in world.trace.iter().filter(|line| line.contains("<message") && !line.contains("type='error'"))
    {
        let message = stanza(line.split_once(" < ").unwrap().1);
        let number = World::number(&message).unwrap();
        let receiver = line.split_once(" < ").unwrap().0;
        let pair = format!("{receiver} {} {}", message.from().unwrap(), message.to().unwrap());
        let before = last.insert(pair, number);
        if !world.ended.iter().any(|ended| ended.to_bare() == message.to().unwrap().to_bare()) {
            assert!(before < Some(number), "{line} after n{before:?}");
        }
    }
    while !world.clients.is_empty() {
        world.end(0, 0);
        world.poll();
    }
    world.rest();
    world.desk.assert_empty();
    world.trace
}

fn any_policy() -> impl Strategy<Value = ConflictPolicy> {
    use ConflictPolicy::{Override, Refuse, Terminate};
    proptest::sample::select(vec![Override, Refuse, Terminate])
}

proptest! {
    #[test]
    fn every_stanza_has_one_fate(ops in proptest::collection::vec(any_op(), 1..120), policy in any_policy()) {
        let trace = run(&ops, ROOM, policy);
        prop_assert_eq!(trace, run(&ops, ROOM, policy), "the same inputs, the same outputs");
    }

    #[test]
    fn every_stanza_has_at_most_one_fate_where_there_is_no_room(
        ops in proptest::collection::vec(any_op(), 1..120),
        policy in any_policy(),
    ) {
        run(&ops, 1500, policy);
    }
}
