//! Random stanzas, facts and times, against a model that knows only the fate of each stanza and of each question.

use alloc::vec;

use proptest::prelude::*;

use super::queue::Class;
use super::*;

const LOCALS: [&str; 2] = [LOCAL, OTHER];
const REMOTES: [&str; 4] = [REMOTE, "verona.example", "mantua.example", "venice.example"];
/// Small, so that every one of them is met.
const STANZAS: usize = 5;
const PRESENCE: usize = 7;
const KNOWN: usize = 3;
const ASKED: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Message,
    Error,
    Availability,
    Probe,
    Subscription,
}

#[derive(Clone, Debug)]
enum Op {
    Submit {
        local: usize,
        remote: usize,
        sender: usize,
        sort: Sort,
    },
    Connected(usize),
    Authorized(usize, Method),
    Refused(usize, Refusal),
    Take(usize, usize),
    /// The connection writes out so many of the stanzas that it has taken.
    Transmit(usize, usize),
    Closed(usize, Ending),
    Verify(usize, usize),
    Verdict(usize, Verdict),
    /// Facts about things that were never asked.
    Spoof(u64),
    Pass(u64),
}

fn any_op() -> impl Strategy<Value = Op> {
    use proptest::sample::select;
    let link = 0..6_usize;
    let sort = prop_oneof![
        5 => Just(Sort::Message),
        1 => Just(Sort::Error),
        3 => Just(Sort::Availability),
        1 => Just(Sort::Probe),
        1 => Just(Sort::Subscription),
    ];
    let remote = select(vec![0_usize, 0, 0, 0, 1, 2, 3]);
    let method = select(vec![Method::Dialback, Method::External]);
    let refusal = select(vec![
        Refusal::Invalid,
        Refusal::Failed(dialback::Condition::ItemNotFound),
        Refusal::Failed(dialback::Condition::ResourceConstraint),
    ]);
    let ending = select(vec![Ending::Over, Ending::Over, Ending::NotFound, Ending::Unreachable]);
    let verdict =
        select(vec![Verdict::Valid, Verdict::Invalid, Verdict::Failed(dialback::Condition::ItemNotFound)]);
    prop_oneof![
        12 => (0..2_usize, remote.clone(), 0..2_usize, sort).prop_map(
            |(local, remote, sender, sort)| Op::Submit { local, remote, sender, sort }
        ),
        2 => link.clone().prop_map(Op::Connected),
        6 => (link.clone(), method).prop_map(|(link, method)| Op::Authorized(link, method)),
        1 => (link.clone(), refusal).prop_map(|(link, refusal)| Op::Refused(link, refusal)),
        6 => (link.clone(), 1..4_usize).prop_map(|(link, count)| Op::Take(link, count)),
        4 => (link.clone(), 1..3_usize).prop_map(|(link, count)| Op::Transmit(link, count)),
        3 => (link.clone(), ending).prop_map(|(link, ending)| Op::Closed(link, ending)),
        3 => (0..2_usize, remote).prop_map(|(local, remote)| Op::Verify(local, remote)),
        3 => (0..4_usize, verdict).prop_map(|(question, verdict)| Op::Verdict(question, verdict)),
        1 => (0..40_u64).prop_map(Op::Spoof),
        4 => (0..12_u64).prop_map(Op::Pass),
    ]
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waiting,
    Taken,
    Sent,
    Bounced,
}

/// A stanza as its sender knows it.
#[derive(Debug)]
struct Sent {
    pair: String,
    sort: Sort,
    fate: Fate,
    taken: usize,
}

/// A connection of the embedder's.
#[derive(Debug)]
struct Connection {
    id: LinkId,
    remote: BareJid,
    /// The domains that wait to hear whether it takes their stanzas.
    asking: BTreeSet<BareJid>,
    authorized: BTreeSet<BareJid>,
    /// What it has taken and not written.
    held: VecDeque<Stanza>,
    is_closing: bool,
}

#[derive(Debug)]
struct World {
    federation: Federation,
    now: Instant,
    stanzas: Vec<Sent>,
    connections: Vec<Connection>,
    /// What has been written, by pair of addresses.
    written: BTreeMap<String, usize>,
    asked: Vec<(VerificationId, LinkId)>,
    unanswered: BTreeSet<VerificationId>,
}

impl World {
    fn new(sharing: Sharing) -> Self {
        let secs = Duration::from_secs;
        let limits = FederationLimits::new()
            .with_waiting(STANZAS, 4_000)
            .with_waiting_presence(PRESENCE)
            .with_total_bytes(6_000)
            .with_remotes(KNOWN)
            .with_wait(secs(10))
            .with_connect(secs(8))
            .with_idle(secs(20))
            .with_backoff(secs(2), secs(10))
            .with_verifications(ASKED, secs(6));
        let config = FederationConfig::new().with_limits(limits).with_sharing(sharing);
        World {
            federation: Federation::new(config, Seed::new([3; 32])),
            now: Instant::ZERO,
            stanzas: Vec::new(),
            connections: Vec::new(),
            written: BTreeMap::new(),
            asked: Vec::new(),
            unanswered: BTreeSet::new(),
        }
    }

    fn number(stanza: &Stanza) -> usize {
        stanza.id().unwrap().parse().unwrap()
    }

    fn connection(&mut self, index: usize) -> Option<&mut Connection> {
        let count = self.connections.len().max(1);
        self.connections.get_mut(index % count)
    }

    fn by_id(&mut self, id: LinkId) -> &mut Connection {
        let connection = self.connections.iter_mut().find(|connection| connection.id == id);
        connection.unwrap_or_else(|| panic!("{id:?} is not there"))
    }

    fn submit(&mut self, local: &str, remote: &str, sender: usize, sort: Sort) {
        let number = self.stanzas.len();
        let (from, to) = (format!("s{sender}@{local}/r"), format!("romeo@{remote}"));
        let id = number.to_string();
        let told = |type_| presence(type_, &from, &to, &id);
        let stanza = match sort {
            Sort::Message => message(&from, &to, &id),
            Sort::Error => message(&to, &from, &id).error_reply(Condition::ServiceUnavailable).unwrap(),
            Sort::Availability if number.is_multiple_of(2) => told(PresenceType::Available),
            Sort::Availability => told(PresenceType::Unavailable),
            Sort::Probe => told(PresenceType::Probe),
            Sort::Subscription => told(PresenceType::Subscribe),
        };
        self.stanzas.push(Sent { pair: format!("{from} {to}"), sort, fate: Fate::Waiting, taken: 0 });
        self.federation.submit(self.now, stanza).unwrap();
    }

    fn closed(&mut self, index: usize, ending: Ending) {
        let index = index % self.connections.len();
        let connection = self.connections.remove(index);
        for stanza in &connection.held {
            self.stanzas[Self::number(stanza)].fate = Fate::Waiting;
        }
        self.asked.retain(|(_, link)| *link != connection.id);
        self.federation.closed(self.now, connection.id, ending, connection.held).unwrap();
    }

    fn run(&mut self, op: Op) {
        match op {
            Op::Submit { local, remote, sender, sort } => {
                self.submit(LOCALS[local], REMOTES[remote], sender, sort);
            }
            Op::Connected(index) => {
                let now = self.now;
                let Some(connection) = self.connection(index) else { return };
                let id = connection.id;
                self.federation.connected(now, id).unwrap();
            }
            Op::Authorized(index, method) => {
                let now = self.now;
                let Some(connection) = self.connection(index) else { return };
                let Some(local) = connection.asking.pop_first() else { return };
                let (id, remote) = (connection.id, connection.remote.clone());
                if self.federation.authorized(now, id, &local, &remote, method).is_ok() {
                    self.by_id(id).authorized.insert(local);
                }
            }
            Op::Refused(index, refusal) => {
                let now = self.now;
                let Some(connection) = self.connection(index) else { return };
                let Some(local) = connection.asking.pop_first() else { return };
                let (id, remote) = (connection.id, connection.remote.clone());
                // Too late is fine.
                let _ = self.federation.refused(now, id, &local, &remote, refusal);
            }
            Op::Take(index, count) => {
                let Some(id) = self.connection(index).map(|connection| connection.id) else { return };
                for _ in 0..count {
                    let Some(stanza) = self.federation.take(id) else { return };
                    let sent = &mut self.stanzas[Self::number(&stanza)];
                    assert_eq!(sent.fate, Fate::Waiting, "{stanza}");
                    sent.fate = Fate::Taken;
                    sent.taken += 1;
                    assert!(sent.taken <= 2, "sent again more than once: {stanza}");
                    let local = stanza.from().unwrap().domain_jid();
                    let connection = self.by_id(id);
                    assert!(!connection.is_closing);
                    assert!(connection.authorized.contains(&local), "{stanza}");
                    assert_eq!(stanza.to().unwrap().domain_jid(), connection.remote);
                    connection.held.push_back(stanza);
                }
            }
            Op::Transmit(index, count) => {
                let Some(connection) = self.connection(index) else { return };
                let count = count.min(connection.held.len());
                for stanza in connection.held.drain(..count).collect::<Vec<_>>() {
                    let number = Self::number(&stanza);
                    let sent = &mut self.stanzas[number];
                    assert_eq!(sent.fate, Fate::Taken);
                    sent.fate = Fate::Sent;
                    let last = self.written.insert(sent.pair.clone(), number);
                    assert!(last.is_none_or(|last| last < number), "out of order: {stanza}");
                }
            }
            Op::Closed(index, ending) => {
                if !self.connections.is_empty() {
                    self.closed(index, ending);
                }
            }
            Op::Verify(local, remote) => {
                let (local, remote) = (domain(LOCALS[local]), domain(REMOTES[remote]));
                let id = self.federation.verify(self.now, Verification::new(local, remote, "s", "k"));
                assert!(self.unanswered.insert(id));
            }
            Op::Verdict(index, verdict) => {
                if self.asked.is_empty() {
                    return;
                }
                let (id, link) = self.asked.remove(index % self.asked.len());
                let known = self.unanswered.contains(&id);
                let taken = self.federation.verdict(self.now, link, id, verdict);
                assert_eq!(taken.is_ok(), known);
            }
            Op::Spoof(number) => self.spoof(number),
            Op::Pass(seconds) => {
                self.now = self.now + Duration::from_secs(seconds);
                self.federation.handle_timeout(self.now);
                assert!(self.federation.poll_timeout().is_none_or(|at| at > self.now));
            }
        }
    }

    fn spoof(&mut self, number: u64) {
        let (link, now) = (LinkId(number), self.now);
        let known = self.connections.iter().any(|connection| connection.id == link);
        let (foreign, remote) = (domain("mercutio.example"), domain(REMOTE));
        let stale = Err(Misuse::Stale);
        let federation = &mut self.federation;
        assert_eq!(federation.authorized(now, link, &foreign, &remote, Method::Dialback), stale);
        assert_eq!(federation.refused(now, link, &foreign, &remote, Refusal::Invalid), stale);
        let asked = self.asked.iter().any(|(id, by)| *by == link && id.as_u64() == number);
        if !asked {
            assert_eq!(federation.verdict(now, link, VerificationId(number), Verdict::Valid), stale);
        }
        if !known {
            assert_eq!(federation.take(link), None);
            assert_eq!(federation.connected(now, link), stale);
            assert_eq!(federation.closed(now, link, Ending::Over, []), stale);
        }
        assert!(federation.actions.is_empty());
    }

    /// Performs what there is to do.
    fn settle(&mut self) {
        for count in 0.. {
            assert!(count < 100, "it does not come to rest");
            let Some(action) = self.federation.poll() else { return };
            match action {
                FederationAction::Connect { link, local, remote, purpose } => {
                    let asking = (purpose == Purpose::Stanzas).then_some(local).into_iter().collect();
                    let known = self.connections.iter().any(|connection| connection.id == link);
                    assert!(!known);
                    self.connections.push(Connection {
                        id: link,
                        remote,
                        asking,
                        authorized: BTreeSet::new(),
                        held: VecDeque::new(),
                        is_closing: false,
                    });
                }
                FederationAction::Authorize { link, local, remote } => {
                    let connection = self.by_id(link);
                    assert_eq!(connection.remote, remote);
                    assert!(!connection.is_closing && !connection.authorized.contains(&local));
                    connection.asking.insert(local);
                }
                FederationAction::Verify { link, id, verification } => {
                    let connection = self.by_id(link);
                    assert!(!connection.is_closing && connection.remote == *verification.remote());
                    assert!(self.unanswered.contains(&id));
                    self.asked.push((id, link));
                }
                FederationAction::Ready(link) => assert!(!self.by_id(link).is_closing),
                FederationAction::Bounce(error) => {
                    let sent = &mut self.stanzas[Self::number(&error)];
                    assert_ne!(sent.sort, Sort::Error);
                    assert_eq!(sent.fate, Fate::Waiting, "{error}");
                    sent.fate = Fate::Bounced;
                }
                FederationAction::Verified { id, .. } => {
                    assert!(self.unanswered.remove(&id), "{id:?} has been answered");
                }
                FederationAction::Close(link) => {
                    let connection = self.by_id(link);
                    assert!(!connection.is_closing);
                    connection.is_closing = true;
                }
            }
        }
    }

    /// What has to hold at any time.
    fn check(&self) {
        let federation = &self.federation;
        assert!(federation.remotes.len() <= KNOWN);
        assert!(federation.verifications.len() <= ASKED);
        assert_eq!(federation.verifications.len(), self.unanswered.len());
        assert_eq!(federation.links.len(), self.connections.len());
        let bytes: usize = federation.remotes.values().map(|known| known.remote.bytes()).sum();
        assert_eq!(federation.bytes, bytes);
        let (mut deadlines, mut unreachable, mut idle) = (0, 0, 0);
        for (domain, known) in &federation.remotes {
            assert!(!known.remote.is_blank());
            assert!(known.remote.stanzas(Class::Other) <= STANZAS);
            assert!(known.remote.stanzas(Class::Presence) <= PRESENCE);
            let deadline = known.remote.deadline(&federation.config);
            assert_eq!(known.index, Index { deadline, spare: known.remote.spare() });
            let filed = |at: Instant| (at, domain.clone());
            deadlines += usize::from(deadline.is_some_and(|at| federation.deadlines.contains(&filed(at))));
            match known.index.spare {
                Some((Spare::Unreachable, at)) => {
                    unreachable += usize::from(federation.unreachable.contains(&filed(at)))
                }
                Some((Spare::Idle, at)) => idle += usize::from(federation.idle.contains(&filed(at))),
                None => {}
            }
        }
        assert_eq!(federation.deadlines.len(), deadlines);
        assert_eq!(federation.unreachable.len(), unreachable);
        assert_eq!(federation.idle.len(), idle);
    }

    /// All links end, and then nothing happens any more.
    fn finish(&mut self) {
        for _ in 0..3 {
            while !self.connections.is_empty() {
                self.closed(0, Ending::NotFound);
                self.settle();
                self.check();
            }
            self.run(Op::Pass(60));
            self.settle();
            self.check();
        }
        assert!(self.connections.is_empty());
        assert!(self.unanswered.is_empty());
        assert_eq!(self.federation.remotes(), 0);
        assert_eq!(self.federation.poll_timeout(), None);
        for sent in &self.stanzas {
            // An error that did not reach its recipient is gone: it is never answered. So is presence that a newer one made void, or that
            // there was no room for.
            let may_go = matches!(sent.sort, Sort::Error | Sort::Availability | Sort::Probe);
            let is_gone = may_go && sent.fate == Fate::Waiting;
            assert!(is_gone || matches!(sent.fate, Fate::Sent | Fate::Bounced), "{sent:?}");
        }
    }
}

proptest! {
    #[test]
    fn every_stanza_has_one_fate_and_every_question_one_answer(
        is_shared: bool,
        ops in proptest::collection::vec(any_op(), 0..120),
    ) {
        let mut world = World::new(if is_shared { Sharing::Senders } else { Sharing::None });
        for op in ops {
            world.run(op);
            world.settle();
            world.check();
        }
        world.finish();
    }
}
