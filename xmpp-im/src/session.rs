//! A session: one connected resource of an account, apart from the transport that carries it.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::stanza::{Presence, PresenceType, Stanza};

use crate::presence::Directed;

/// Names a session of one host; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) u64);

impl SessionId {
    /// The number, counting from 0 on each host.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// A stanza on its way to one session.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) stanza: Stanza,
    /// Set if other resources get it too.
    pub(crate) copies: Option<Copies>,
    /// Whether it was for another session, which ended before its client got it.
    pub(crate) rerouted: bool,
    /// Of a module that keeps it until it was written: which one, and what it calls it.
    pub(crate) mark: Option<Mark>,
}

impl Waiting {
    pub(crate) const fn new(stanza: Stanza) -> Self {
        Waiting { stanza, copies: None, rerouted: false, mark: None }
    }

    /// It did not reach its client: the stanza, if it has to find another way or its sender has to be told.
    ///
    /// What is the server's own, or was only of the moment, is gone with the session; of what several resources got, another has a
    /// copy, unless this was the last.
    pub(crate) fn undelivered(self) -> Option<Stanza> {
        let last = self.copies.is_none_or(|copies| copies.lose());
        let lasting = self.stanza.from().is_some() && !matches!(self.stanza, Stanza::Presence(_));
        (last && lasting && self.mark.is_none()).then_some(self.stanza)
    }
}

/// How many resources got the same stanza and have not lost it.
#[derive(Clone, Debug)]
pub(crate) struct Copies(Arc<AtomicUsize>);

impl Copies {
    pub(crate) fn new(count: usize) -> Self {
        Copies(Arc::new(AtomicUsize::new(count)))
    }

    /// One of them is lost: whether it was the last.
    fn lose(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

/// Which of the stanzas taken last others got too, in case they come back unsent.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    count: u64,
    /// How many of them are written.
    sent: u64,
    copies: VecDeque<(u64, Copies)>,
    /// What modules wait for to be written, under their marks.
    marks: VecDeque<(u64, Mark)>,
}

/// What a module calls a stanza that it keeps until it was written: the module, and the mark.
pub(crate) type Mark = (usize, u64);

impl Taken {
    /// Older ones are taken for sent long ago: a connection seldom holds more, and if it does the worst is a stanza that comes twice.
    const REMEMBERED: usize = 1_024;

    fn note(&mut self, copies: Option<Copies>, mark: Option<Mark>) {
        self.marks.extend(mark.map(|mark| (self.count, mark)));
        if let Some(copies) = copies {
            if self.copies.len() == Self::REMEMBERED {
                self.copies.pop_front();
            }
            self.copies.push_back((self.count, copies));
        }
        self.count += 1;
    }

    /// Whether nothing is known that `unsent` would need.
    pub(crate) fn is_empty(&self) -> bool {
        self.copies.is_empty() && self.marks.is_empty()
    }

    /// Of those that were taken the first `count` are written.
    pub(crate) fn sent(&mut self, count: u64) {
        self.sent = self.sent.max(count);
    }

    /// What modules wait for among those that are written.
    pub(crate) fn written(&mut self) -> Vec<Mark> {
        let mut written = Vec::new();
        while let Some((_, mark)) = self.marks.pop_front_if(|(number, _)| *number < self.sent) {
            written.push(mark);
        }
        written
    }

    /// The last ones that were taken come back.
    pub(crate) fn unsent(mut self, stanzas: Vec<Stanza>) -> impl Iterator<Item = Waiting> {
        let first = self.count.saturating_sub(stanzas.len() as u64);
        stanzas.into_iter().zip(first..).map(move |(stanza, number)| {
            while self.copies.front().is_some_and(|(noted, _)| *noted < number) {
                self.copies.pop_front();
            }
            let copies = self.copies.pop_front_if(|(noted, _)| *noted == number).map(|(_, copies)| copies);
            while self.marks.front().is_some_and(|(noted, _)| *noted < number) {
                self.marks.pop_front();
            }
            let mark = self.marks.pop_front_if(|(noted, _)| *noted == number).map(|(_, mark)| mark);
            Waiting { copies, mark, ..Waiting::new(stanza) }
        })
    }
}

/// What a stanza did to an outbox.
#[derive(Debug)]
pub(crate) enum Filled {
    /// It is the first one: whoever carries the session has to be told.
    First,
    /// Others wait already.
    More,
    /// Half of the room is taken, for the first time since it was empty.
    Congested,
    /// There was no room, so it was not taken.
    Overflow(Waiting),
}

/// How far a resource that became available has come with what it is to learn. It goes on while there is room in the outbox, since thousands may
/// have something to say.
#[derive(Clone, Debug)]
pub(crate) enum Greeting {
    /// It asks the contacts after that one for their presence, and all that follows is to come.
    Probes { after: Option<Jid> },
    /// It is shown the requests of those after that one.
    Requests { after: Option<BareJid> },
}

impl Greeting {
    /// Nothing has been done.
    pub(crate) const START: Self = Greeting::Probes { after: None };
}

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) jid: FullJid,
    /// The last presence that was broadcast, with its priority, while the resource is available.
    pub(crate) presence: Option<(Presence, i8)>,
    /// Whether it has asked for the roster, so that it gets pushes (RFC 6121 section 2.1.6).
    pub(crate) interested: bool,
    /// Who has been told by directed presence that the resource is available, and nothing else since.
    pub(crate) directed: Directed,
    /// Subscribers from whom an error came since the resource is available, and nothing else since (RFC 3921 section 5.1.1).
    pub(crate) errors: BTreeSet<BareJid>,
    /// What it is to learn since it became available, and has not yet.
    pub(crate) greeting: Option<Greeting>,
    outbox: VecDeque<Waiting>,
    outbox_bytes: usize,
    congested: bool,
    taken: Taken,
    /// What modules have noted, each under keys of its own.
    notes: BTreeMap<(usize, &'static str), String>,
}

impl Session {
    pub(crate) const fn new(id: SessionId, jid: FullJid) -> Self {
        Session {
            id,
            jid,
            presence: None,
            interested: false,
            directed: Directed::new(),
            errors: BTreeSet::new(),
            greeting: None,
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            congested: false,
            taken: Taken { count: 0, sent: 0, copies: VecDeque::new(), marks: VecDeque::new() },
            notes: BTreeMap::new(),
        }
    }

    /// What a module has noted under that key.
    pub(crate) fn note(&self, module: usize, key: &'static str) -> Option<&str> {
        self.notes.get(&(module, key)).map(String::as_str)
    }

    /// Notes something for a module, or nothing any more.
    pub(crate) fn set_note(&mut self, module: usize, key: &'static str, note: Option<&str>) {
        match note {
            Some(note) => drop(self.notes.insert((module, key), note.into())),
            None => drop(self.notes.remove(&(module, key))),
        }
    }

    pub(crate) const fn is_available(&self) -> bool {
        self.presence.is_some()
    }

    /// What a contact gets of it who may not see any more who is available: the end of the subscription has precedence over directed
    /// presence (RFC 6121 sections 3.2.2 and 4.6.1).
    pub(crate) fn unavailable_to(&mut self, contact: &BareJid) -> Vec<Presence> {
        let presence = Presence::new(PresenceType::Unavailable).with_from(self.jid.clone());
        let told = self.directed.remove_account(contact);
        if self.is_available() {
            Vec::from([presence.with_to(contact.clone())])
        } else {
            told.map(|to| presence.clone().with_to(to)).collect()
        }
    }

    /// Puts a stanza into the outbox. One stanza always fits an empty one, or it could never be delivered.
    pub(crate) fn fill(&mut self, waiting: Waiting, limit: usize) -> Filled {
        let bytes = self.outbox_bytes + waiting.stanza.weight();
        let first = self.outbox.is_empty();
        if !first && bytes > limit {
            return Filled::Overflow(waiting);
        }
        self.outbox_bytes = bytes;
        self.outbox.push_back(waiting);
        if first {
            Filled::First
        } else if bytes > limit / 2 && !self.congested {
            self.congested = true;
            Filled::Congested
        } else {
            Filled::More
        }
    }

    /// Whether there is room for what can also come later.
    pub(crate) fn has_room(&self, limit: usize) -> bool {
        self.outbox.is_empty() || self.outbox_bytes <= limit / 2
    }

    /// Takes the oldest stanza out of the outbox.
    pub(crate) fn take(&mut self) -> Option<Stanza> {
        let Waiting { stanza, copies, mark, .. } = self.outbox.pop_front()?;
        self.taken.note(copies, mark);
        self.outbox_bytes = self.outbox_bytes.saturating_sub(stanza.weight());
        if self.outbox.is_empty() {
            self.congested = false;
            self.outbox.shrink_to_fit();
        }
        Some(stanza)
    }

    /// What modules wait for to be written, taken or not, in order.
    pub(crate) fn unwritten(&self) -> impl Iterator<Item = Mark> {
        let taken = self.taken.marks.iter().map(|(_, mark)| *mark);
        taken.chain(self.outbox.iter().filter_map(|waiting| waiting.mark))
    }

    #[cfg(test)]
    pub(crate) fn newest(&self) -> Option<&Stanza> {
        self.outbox.back().map(|waiting| &waiting.stanza)
    }

    /// What was taken of it.
    pub(crate) const fn taken_mut(&mut self) -> &mut Taken {
        &mut self.taken
    }

    /// What was taken, and all that was not.
    pub(crate) fn into_parts(self) -> (Taken, VecDeque<Waiting>) {
        (self.taken, self.outbox)
    }
}
