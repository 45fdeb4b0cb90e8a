//! Two servers that federate by dialback, in one thread on virtual time: their federations, the ends of their streams, and a network that
//! loses, delays and swallows. A failing seed replays exactly.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use xmpp_core::conn::{
    Action, Dialback, Drive, Event, PeerConfig, PeerInbound, PeerOutbound, PeerOutboundConfig, Question,
    Ticket, VerifyId,
};
use xmpp_core::dialback::{Condition, DialbackPolicy, Secret, Verdict};
use xmpp_core::entropy::Seed;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Message, Stanza};
use xmpp_core::time::Instant;
use xmpp_core::tls::TlsPolicy;
use xmpp_im::federation::{
    Ending, Federation, FederationAction, FederationConfig, LinkId, Purpose, Sharing, VerificationId,
};

const DOMAINS: [[&str; 2]; 2] =
    [["capulet.example", "rooms.capulet.example"], ["montague.example", "chat.montague.example"]];

/// A generator of dice: one seed, one run.
#[derive(Debug)]
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % sides
    }
}

#[derive(Debug)]
struct Server {
    federation: Federation,
    /// Where the answers about keys are awaited: on which wire.
    keys: BTreeMap<VerificationId, (usize, Ticket<Dialback>)>,
    delivered: Vec<Stanza>,
    bounced: Vec<Stanza>,
}

/// A stream: the end of the server that opened it, the other one's, and what is between them.
#[derive(Debug)]
struct Wire {
    client: usize,
    link: LinkId,
    out: PeerOutbound,
    inn: PeerInbound,
    up: VecDeque<u8>,
    down: VecDeque<u8>,
    ready: bool,
    is_swallowing: bool,
    out_over: bool,
    inn_over: bool,
    questions: BTreeMap<VerifyId, VerificationId>,
}

#[derive(Debug)]
struct World {
    now: Instant,
    dice: Dice,
    seeds: u8,
    servers: Vec<Server>,
    wires: Vec<Wire>,
    /// Whether the network refuses connections.
    is_down: bool,
    sent: usize,
    /// What was given to a stream and not handed back.
    given: BTreeSet<usize>,
    /// Whether what was on its way may be lost, because a wire was cut.
    has_lost: bool,
}

fn domain(name: &str) -> BareJid {
    BareJid::new(name).unwrap()
}

fn secret(server: usize) -> Secret {
    Secret::new(["s3cr3tf0rd14lb4ck", "d14lb4ck43v3r"][server])
}

fn number(stanza: &Stanza) -> usize {
    stanza.id().unwrap().parse().unwrap()
}

impl World {
    fn new(seed: u64, sharing: Sharing) -> Self {
        let server = |number: u8| Server {
            federation: Federation::new(
                FederationConfig::new().with_sharing(sharing),
                Seed::new([number; 32]),
            ),
            keys: BTreeMap::new(),
            delivered: Vec::new(),
            bounced: Vec::new(),
        };
        World {
            now: Instant::ZERO,
            dice: Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1),
            seeds: 10,
            servers: vec![server(1), server(2)],
            wires: Vec::new(),
            is_down: false,
            sent: 0,
            given: BTreeSet::new(),
            has_lost: false,
        }
    }

    fn seed(&mut self) -> Seed {
        self.seeds = self.seeds.wrapping_add(1);
        Seed::new([self.seeds; 32])
    }

    fn submit(&mut self, from: usize, local: usize, remote: &str) {
        let to = Jid::new(&format!("romeo@{remote}")).unwrap();
        let mut stanza = Stanza::Message(Message::chat(to).with_body("?"));
        stanza.set_from(Some(Jid::new(&format!("juliet@{}", DOMAINS[from][local])).unwrap()));
        stanza.set_id(Some(&self.sent.to_string()));
        self.sent += 1;
        self.servers[from].federation.submit(self.now, stanza).unwrap();
    }

    fn wire(&mut self, client: usize, link: LinkId) -> &mut Wire {
        self.wires.iter_mut().find(|wire| wire.client == client && wire.link == link).unwrap()
    }

    fn connect(&mut self, client: usize, link: LinkId, local: &BareJid, remote: &BareJid, purpose: Purpose) {
        let found = DOMAINS.iter().position(|domains| domains.contains(&remote.as_str()));
        let fault = match found {
            None => Some(Ending::NotFound),
            Some(_) if self.is_down => Some(Ending::Unreachable),
            Some(_) => None,
        };
        let now = self.now;
        if let Some(fault) = fault {
            self.servers[client].federation.closed(now, link, fault, []).unwrap();
            return;
        }
        let config = PeerOutboundConfig::new(local, remote, secret(client))
            .with_tls(TlsPolicy::Disabled)
            .with_dialback(DialbackPolicy::Always);
        let config = if purpose == Purpose::Verification { config.for_verification() } else { config };
        let inbound = PeerConfig::new(DOMAINS[1 - client].map(domain), secret(1 - client))
            .with_tls(TlsPolicy::Disabled)
            .with_dialback(DialbackPolicy::Always);
        let (one, other) = (self.seed(), self.seed());
        self.wires.push(Wire {
            client,
            link,
            out: PeerOutbound::new(config, one, now),
            inn: PeerInbound::new(Arc::new(inbound), other, now),
            up: VecDeque::new(),
            down: VecDeque::new(),
            ready: false,
            is_swallowing: false,
            out_over: false,
            inn_over: false,
            questions: BTreeMap::new(),
        });
        self.servers[client].federation.connected(now, link).unwrap();
    }

    /// Performs what the federations ask for.
    fn perform(&mut self) -> bool {
        let (mut moved, now) = (false, self.now);
        for server in 0..2 {
            while let Some(action) = self.servers[server].federation.poll() {
                moved = true;
                match action {
                    FederationAction::Connect { link, local, remote, purpose } => {
                        self.connect(server, link, &local, &remote, purpose);
                    }
                    FederationAction::Authorize { link, local, remote } => {
                        // The end of the stream is reported in any case.
                        let _ = self.wire(server, link).out.authorize(now, &local, &remote);
                    }
                    FederationAction::Verify { link, id, verification } => {
                        let wire = self.wire(server, link);
                        match wire.out.verify(now, verification) {
                            Ok(question) => drop(wire.questions.insert(question, id)),
                            Err(_) => {
                                let verdict = Verdict::Failed(Condition::ResourceConstraint);
                                self.servers[server].federation.verdict(now, link, id, verdict).unwrap();
                            }
                        }
                    }
                    FederationAction::Ready(link) => self.wire(server, link).ready = true,
                    FederationAction::Bounce(error) => self.servers[server].bounced.push(error),
                    FederationAction::Verified { id, verdict } => {
                        let (wire, ticket) = self.servers[server].keys.remove(&id).unwrap();
                        // The stream may have ended meanwhile.
                        let _ = self.wires[wire].inn.answer(now, ticket, verdict);
                    }
                    FederationAction::Close(link) => self.wire(server, link).out.close(now),
                    other => panic!("{other:?}"),
                }
            }
        }
        moved
    }

    /// Gives a stream up to so many stanzas without letting it write them.
    fn pull(&mut self, index: usize, count: usize) -> bool {
        let wire = &mut self.wires[index];
        for _ in 0..count {
            if !wire.ready || wire.out_over {
                return false;
            }
            match self.servers[wire.client].federation.take(wire.link) {
                Some(stanza) => {
                    self.given.insert(number(&stanza));
                    wire.out.send(self.now, stanza).unwrap();
                }
                None => wire.ready = false,
            }
        }
        true
    }

    /// Performs what the ends of a stream ask for.
    fn drain(&mut self, index: usize) -> bool {
        let (mut moved, now) = (false, self.now);
        let wire = &mut self.wires[index];
        let client = &mut self.servers[wire.client];
        while let Some(action) = wire.out.poll() {
            moved = true;
            let federation = &mut client.federation;
            match action {
                Action::Transmit(bytes) => wire.up.extend(&bytes),
                Action::Event(Event::Authorized { local, remote, method }) => {
                    let _ = federation.authorized(now, wire.link, &local, &remote, method);
                }
                Action::Event(Event::Refused { local, remote, refusal }) => {
                    let _ = federation.refused(now, wire.link, &local, &remote, refusal);
                }
                Action::Event(Event::Verdict(question, verdict)) => {
                    let id = wire.questions.remove(&question).unwrap();
                    let _ = federation.verdict(now, wire.link, id, verdict);
                }
                Action::Event(Event::Closed(closed)) => {
                    let (reason, unsent) = closed.into_parts();
                    let unsent: Vec<_> = unsent.into_iter().map(|(_, stanza)| stanza).collect();
                    self.given.retain(|given| unsent.iter().all(|stanza| number(stanza) != *given));
                    federation.closed(now, wire.link, Ending::from(&reason), unsent).unwrap();
                }
                Action::CloseTransport(_) => wire.out_over = true,
                other => panic!("{other:?}"),
            }
        }
        let server = &mut self.servers[1 - wire.client];
        while let Some(action) = wire.inn.poll() {
            moved = true;
            match action {
                Action::Transmit(bytes) => wire.down.extend(&bytes),
                Action::Ask(Question::Verification { ticket, request }) => {
                    let id = server.federation.verify(now, request);
                    server.keys.insert(id, (index, ticket));
                }
                Action::Event(Event::Stanza(stanza)) => server.delivered.push(stanza),
                Action::Event(_) => {}
                Action::CloseTransport(_) => wire.inn_over = true,
                other => panic!("{other:?}"),
            }
        }
        moved
    }

    /// Moves bytes both ways, at most so many.
    fn carry(&mut self, index: usize, chunk: usize) -> bool {
        let now = self.now;
        let wire = &mut self.wires[index];
        if wire.is_swallowing {
            return false;
        }
        let mut moved = false;
        if !wire.up.is_empty() && wire.inn.wants_input() {
            let part: Vec<u8> = wire.up.drain(..chunk.min(wire.up.len())).collect();
            wire.inn.receive(now, &part).unwrap();
            moved = true;
        } else if wire.up.is_empty() && wire.out_over && !wire.inn_over {
            wire.inn.transport_closed(now);
            moved = true;
        }
        if !wire.down.is_empty() && wire.out.wants_input() {
            let part: Vec<u8> = wire.down.drain(..chunk.min(wire.down.len())).collect();
            wire.out.receive(now, &part).unwrap();
            moved = true;
        } else if wire.down.is_empty() && wire.inn_over && !wire.out_over {
            wire.out.transport_closed(now);
            moved = true;
        }
        moved
    }

    fn cut(&mut self, index: usize) {
        let now = self.now;
        let wire = &mut self.wires[index];
        self.has_lost |= !wire.out_over;
        wire.up.clear();
        wire.down.clear();
        wire.out.transport_closed(now);
        wire.inn.transport_closed(now);
        self.drain(index);
    }

    /// Until nothing moves any more.
    fn settle(&mut self) {
        for round in 0.. {
            assert!(round < 100_000, "it does not come to rest");
            let mut moved = self.perform();
            for index in 0..self.wires.len() {
                moved |= self.pull(index, 1);
                moved |= self.drain(index) | self.carry(index, usize::MAX) | self.drain(index);
            }
            if !moved {
                return;
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        loop {
            self.settle();
            let federations = self.servers.iter().filter_map(|server| server.federation.poll_timeout());
            let outs =
                self.wires.iter().filter(|wire| !wire.out_over).filter_map(|wire| wire.out.poll_timeout());
            let inns =
                self.wires.iter().filter(|wire| !wire.inn_over).filter_map(|wire| wire.inn.poll_timeout());
            let Some(next) = federations.chain(outs).chain(inns).min().filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            for server in &mut self.servers {
                server.federation.handle_timeout(self.now);
            }
            for wire in &mut self.wires {
                wire.out.handle_timeout(self.now);
                wire.inn.handle_timeout(self.now);
            }
        }
        self.now = end;
    }

    fn step(&mut self, has_faults: bool) {
        let sides = if has_faults { 16 } else { 13 };
        let (from, local, remote) = (self.dice.roll(2), self.dice.roll(2), self.dice.roll(2));
        let index = self.dice.roll(self.wires.len().max(1));
        let is_wire = index < self.wires.len();
        match self.dice.roll(sides) {
            0..=4 => self.submit(from, local, DOMAINS[1 - from][remote]),
            5 => self.submit(from, local, "nowhere.example"),
            6 | 7 => {
                self.perform();
            }
            8 if is_wire => {
                let count = self.dice.roll(4);
                self.pull(index, count);
            }
            9 if is_wire => {
                self.drain(index);
            }
            10 | 11 if is_wire => {
                let chunk = 1 + self.dice.roll(300);
                self.carry(index, chunk);
            }
            12 => {
                let millis = self.dice.roll(3_000);
                self.pass(Duration::from_millis(millis as u64));
            }
            13 if is_wire => self.cut(index),
            14 if is_wire && self.dice.roll(4) == 0 => {
                self.wires[index].is_swallowing = true;
                self.has_lost = true;
            }
            15 => self.is_down = self.dice.roll(3) == 0,
            _ => {}
        }
    }

    /// No stanza twice, none out of order, none both delivered and refused.
    fn check(&self) {
        let mut fates = vec![0; self.sent];
        for server in &self.servers {
            let mut last = BTreeMap::new();
            for stanza in &server.delivered {
                let pair = (stanza.from().unwrap().clone(), stanza.to().unwrap().clone());
                let before = last.insert(pair, number(stanza));
                assert!(before.is_none_or(|before| before < number(stanza)), "out of order: {stanza}");
                fates[number(stanza)] += 1;
            }
            for error in &server.bounced {
                fates[number(error)] += 1;
            }
        }
        for (number, fate) in fates.into_iter().enumerate() {
            assert!(fate <= 1, "{number} has {fate} fates");
            let may_be_lost = self.has_lost && self.given.contains(&number);
            assert!(fate == 1 || may_be_lost, "{number} was lost");
        }
    }
}

fn run(seed: u64, sharing: Sharing, has_faults: bool) -> (usize, usize) {
    let mut world = World::new(seed, sharing);
    for _ in 0..300 {
        world.step(has_faults);
    }
    // The network heals; when nobody is left alone any more, everything arrives.
    world.is_down = false;
    world.pass(Duration::from_secs(1_200));
    world.check();
    for server in 0..2 {
        let delivered = world.servers[1 - server].delivered.len();
        for (local, remote) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            world.submit(server, local, DOMAINS[1 - server][remote]);
        }
        world.pass(Duration::from_secs(1));
        assert_eq!(world.servers[1 - server].delivered.len(), delivered + 4, "seed {seed}");
    }
    world.check();
    // Idle links end on both sides, and nothing is remembered of anybody.
    world.pass(Duration::from_secs(2_000));
    for server in &world.servers {
        assert_eq!((server.federation.remotes(), server.federation.poll_timeout()), (0, None), "seed {seed}");
        assert!(server.keys.is_empty());
    }
    assert!(world.wires.iter().all(|wire| wire.out_over), "seed {seed}");
    (world.sent, world.servers.iter().map(|server| server.delivered.len()).sum())
}

#[test]
fn everything_arrives_in_order_where_nothing_fails() {
    for sharing in [Sharing::None, Sharing::Senders] {
        for seed in 0..10 {
            let (sent, delivered) = run(seed, sharing, false);
            assert!(delivered > sent / 2, "seed {seed}: {delivered} of {sent}");
        }
    }
}

#[test]
fn faults_cost_no_order_and_repeat_nothing() {
    for sharing in [Sharing::None, Sharing::Senders] {
        for seed in 100..120 {
            run(seed, sharing, true);
        }
    }
}
