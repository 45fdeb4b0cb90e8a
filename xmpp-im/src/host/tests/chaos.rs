//! Everything at once, with storage that is slow, out of order and fails: in the end nobody waits for anything.

use alloc::collections::BTreeMap;

use super::*;
use crate::store::Memory;

const ACCOUNTS: [&str; 3] = ["juliet@example.com", "romeo@example.com", "nurse@example.org"];
const OTHERS: [&str; 4] = ["nobody@example.com", "tybalt@example.net", "example.com", "friar@example.net"];

/// A small generator, so that a seed is a whole story.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())]
    }

    /// An address: bare or with a resource, of anybody.
    fn anybody(&mut self) -> String {
        let all = [ACCOUNTS.as_slice(), OTHERS.as_slice()].concat();
        let bare = self.pick(&all);
        match self.roll(3) {
            0 => format!("{bare}/{}", self.pick(&["a", "b"])),
            _ => bare.to_string(),
        }
    }

    fn stanza(&mut self, number: usize) -> String {
        let to = self.anybody();
        match self.roll(14) {
            0..=2 => {
                let type_ = self.pick(&["chat", "normal", "headline", "error"]);
                format!("<message to='{to}' type='{type_}' id='m{number}'><body>?</body></message>")
            }
            3..=4 => format!("<presence><priority>{}</priority></presence>", self.pick(&["-1", "0", "5"])),
            5 => "<presence type='unavailable'/>".to_string(),
            6..=8 => {
                let type_ =
                    self.pick(&["subscribe", "subscribed", "unsubscribe", "unsubscribed", "probe", "error"]);
                format!("<presence to='{to}' type='{type_}'/>")
            }
            9 => format!("<presence to='{to}'/>"),
            10 => {
                let subscription = self.pick(&["", " subscription='remove'"]);
                format!(
                    "<iq type='set' id='i{number}'><query xmlns='jabber:iq:roster'><item jid='{to}'{subscription}/></query></iq>"
                )
            }
            11 => format!("<iq type='get' id='i{number}'><query xmlns='jabber:iq:roster'/></iq>"),
            12 => {
                let command = self.pick(&["block", "unblock"]);
                // Whoever blocks a server hears no answer of it.
                let to = if to.contains('@') { to } else { "tybalt@example.net".into() };
                format!(
                    "<iq type='set' id='i{number}'><{command} xmlns='urn:xmpp:blocking'><item jid='{to}'/></{command}></iq>"
                )
            }
            _ => format!("<iq to='example.com' type='get' id='i{number}'><ping xmlns='urn:xmpp:ping'/></iq>"),
        }
    }
}

struct World {
    dice: Dice,
    desk: Desk,
    memory: Memory,
    /// The requests of each session that have no answer.
    open: BTreeMap<SessionId, BTreeSet<String>>,
    taken: BTreeMap<SessionId, u64>,
    /// What storage has done, or not, and not said.
    reports: Vec<(BareJid, u64, bool)>,
}

impl World {
    fn new(seed: u64) -> Self {
        let limits =
            HostLimits::new().with_outbox_bytes(20_000).with_background_loads(3).with_offline(20, 1 << 16);
        let mut memory = Memory::new();
        ACCOUNTS.iter().for_each(|account| memory.create(&bare(account)));
        World {
            dice: Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
            desk: open(limits),
            memory,
            open: BTreeMap::new(),
            taken: BTreeMap::new(),
            reports: Vec::new(),
        }
    }

    /// Storage works on what it was given, in order, and says so later, in any order.
    fn store(&mut self, fails: bool) {
        while let Some(step) = self.desk.changes.pop_front() {
            let kept = !(fails && self.dice.roll(8) == 0) && self.memory.apply(step.owner(), step.changes());
            self.reports.push((step.owner().clone(), step.seq(), kept));
        }
    }

    fn report(&mut self) {
        if self.reports.is_empty() {
            return;
        }
        let at = self.dice.roll(self.reports.len());
        let (owner, seq, kept) = self.reports.remove(at);
        match kept {
            true => self.desk.host.persisted(NOW, &owner, seq),
            false => self.desk.host.persist_failed(NOW, &owner, seq),
        }
        self.desk.poll();
    }

    fn load(&mut self) {
        // A load sees what was handed out before it.
        self.store(true);
        if let Some((ticket, account)) = self.desk.loads.pop_front() {
            let data = self.memory.load(&account);
            let _ = self.desk.host.loaded(NOW, ticket, data);
            self.desk.poll();
        }
        if let Some((ticket, after, limit)) = self.desk.pages.pop_front() {
            let messages = self.memory.offline(&ticket.account, after, limit);
            let _ = self.desk.host.offline_loaded(NOW, ticket, messages);
            self.desk.poll();
        }
    }

    fn take(&mut self, session: SessionId) {
        while let Some(stanza) = self.desk.host.take(session) {
            *self.taken.entry(session).or_default() += 1;
            if let Stanza::Iq(iq) = &stanza
                && !iq.is_request()
            {
                let is_open = self.open.get_mut(&session).is_some_and(|open| open.remove(iq.id()));
                // One that came over the domain may be for who had the resource before.
                assert!(is_open || iq.from().is_some(), "nobody asked: {stanza}");
            }
        }
        self.desk.poll();
        if self.dice.roll(2) == 0 {
            let taken = self.taken.get(&session).copied().unwrap_or_default();
            self.desk.host.sent(NOW, session, taken);
            self.desk.poll();
        }
    }

    fn forget(&mut self) {
        for (session, _) in core::mem::take(&mut self.desk.closed) {
            self.open.remove(&session);
            self.desk.detach(session);
        }
    }

    fn turn(&mut self, number: usize) {
        let sessions: Vec<_> = self.open.keys().copied().collect();
        match self.dice.roll(20) {
            0 if sessions.len() < 5 => {
                let account = bare(self.dice.pick(&ACCOUNTS));
                let resource = self.dice.pick(&["a", "b"]);
                if let Ok(bound) = self.desk.host.bind(NOW, &account, Some(resource)) {
                    self.open.insert(bound.session(), BTreeSet::new());
                }
                self.desk.poll();
            }
            1..=9 if !sessions.is_empty() => {
                let session = self.dice.pick(&sessions);
                let text = self.dice.stanza(number);
                if text.starts_with("<iq") {
                    self.open.entry(session).or_default().insert(format!("i{number}"));
                }
                self.desk.send(session, &text);
            }
            10..=11 => {
                let from = self.dice.pick(&["tybalt@example.net/pda", "friar@example.net"]);
                let text = self.dice.stanza(number);
                if text.contains(" to='") && !text.contains("example.net'") {
                    let text = text.replacen(" to='", &format!(" from='{from}' to='"), 1);
                    let _ = self.desk.host.deliver(NOW, stanza(&text));
                    self.desk.poll();
                }
            }
            12 => self.store(true),
            13..=14 => self.report(),
            15..=16 => self.load(),
            17..=18 if !sessions.is_empty() => {
                let session = self.dice.pick(&sessions);
                self.take(session);
            }
            19 if !sessions.is_empty() && self.dice.roll(4) == 0 => {
                let session = self.dice.pick(&sessions);
                self.open.remove(&session);
                self.desk.detach(session);
            }
            19 if self.dice.roll(8) == 0 => {
                let account = bare(self.dice.pick(&ACCOUNTS));
                let data = self.memory.delete(&account);
                self.desk.host.deleted(NOW, &account, data);
                self.desk.poll();
                self.memory.create(&account);
                // What was handed out for the old one is not for the new one.
                self.desk.changes.retain(|step| *step.owner() != account);
                self.reports.retain(|(owner, ..)| *owner != account);
            }
            _ => {}
        }
        self.forget();
    }

    /// Nothing comes any more: all that was begun ends.
    fn end(&mut self) {
        for _ in 0..2_000 {
            self.store(false);
            self.load();
            self.report();
            for session in self.open.keys().copied().collect::<Vec<_>>() {
                self.take(session);
            }
            self.forget();
        }
        assert!(self.open.values().all(BTreeSet::is_empty), "{:?}", self.open);
        assert!(self.reports.is_empty() && self.desk.loads.is_empty());
        for (session, _) in core::mem::take(&mut self.open) {
            self.desk.detach(session);
        }
        for _ in 0..200 {
            self.store(false);
            self.load();
            self.report();
        }
        self.desk.assert_empty();
    }
}

fn open(limits: HostLimits) -> Desk {
    Desk::configured(|config| config.with_federation().with_offline_storage().with_limits(limits))
}

#[test]
fn in_the_end_nobody_waits() {
    for seed in 1..=40 {
        let mut world = World::new(seed);
        for number in 0..400 {
            world.turn(number);
        }
        world.end();
    }
}
