//! A session: one connected resource of an account, apart from the transport that carries it.

use alloc::collections::{BTreeSet, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};

use xmpp_core::jid::{FullJid, Jid};
use xmpp_core::stanza::{Presence, PresenceType, Stanza};

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
    pub(crate) mark: Option<(usize, u64)>,
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

/// What has to be known of the stanzas taken last, in case they come back unsent, and for those who keep them until they are written.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    count: u64,
    noted: VecDeque<(u64, Noted)>,
}

/// What has to be known of a stanza that was taken.
#[derive(Debug)]
struct Noted {
    /// Set if others got it too.
    copies: Option<Copies>,
    mark: Option<(usize, u64)>,
}

impl Taken {
    /// Older ones are taken for sent long ago: a connection seldom holds more, and if it does the worst is a stanza that comes twice.
    const REMEMBERED: usize = 1_024;

    fn note(&mut self, noted: Noted) {
        if noted.copies.is_some() || noted.mark.is_some() {
            if self.noted.len() == Self::REMEMBERED {
                self.noted.pop_front();
            }
            self.noted.push_back((self.count, noted));
        }
        self.count += 1;
    }

    /// The first `count` of all that were taken are written: the marks of those of them that have any.
    fn written(&mut self, count: u64) -> Vec<(usize, u64)> {
        let written = self.noted.iter().take_while(|(number, _)| *number < count).count();
        self.noted.drain(..written).filter_map(|(_, noted)| noted.mark).collect()
    }

    /// Whether nothing is known that `unsent` would need.
    pub(crate) fn is_empty(&self) -> bool {
        self.noted.is_empty()
    }

    /// The last ones that were taken come back.
    pub(crate) fn unsent(mut self, stanzas: Vec<Stanza>) -> impl Iterator<Item = Waiting> {
        let first = self.count.saturating_sub(stanzas.len() as u64);
        stanzas.into_iter().zip(first..).map(move |(stanza, number)| {
            while self.noted.front().is_some_and(|(noted, _)| *noted < number) {
                self.noted.pop_front();
            }
            let noted = self.noted.pop_front_if(|(noted, _)| *noted == number).map(|(_, noted)| noted);
            let (copies, mark) = noted.map_or((None, None), |noted| (noted.copies, noted.mark));
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

#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) jid: FullJid,
    /// The last presence that was broadcast, with its priority, while the resource is available.
    pub(crate) presence: Option<(Presence, i8)>,
    /// Whether it has asked for the roster, so that it gets pushes (RFC 6121 section 2.1.6).
    pub(crate) interested: bool,
    /// Who has been told by directed presence that the resource is available, and nothing else since.
    directed: BTreeSet<Jid>,
    outbox: VecDeque<Waiting>,
    outbox_bytes: usize,
    congested: bool,
    taken: Taken,
}

impl Session {
    pub(crate) const fn new(id: SessionId, jid: FullJid) -> Self {
        Session {
            id,
            jid,
            presence: None,
            interested: false,
            directed: BTreeSet::new(),
            outbox: VecDeque::new(),
            outbox_bytes: 0,
            congested: false,
            taken: Taken { count: 0, noted: VecDeque::new() },
        }
    }

    pub(crate) const fn is_available(&self) -> bool {
        self.presence.is_some()
    }

    /// Keeps in mind who gets directed presence (RFC 6121 section 4.6.3): whether there is room for one more.
    pub(crate) fn direct(&mut self, presence: &Presence, limit: usize) -> bool {
        let Some(to) = presence.to() else { return false };
        if presence.type_() == PresenceType::Unavailable {
            self.directed.remove(to);
            return true;
        }
        let has_room = self.directed.contains(to) || self.directed.len() < limit;
        if has_room {
            self.directed.insert(to.clone());
        }
        has_room
    }

    /// The resource is no longer available, for which it said or is said to say this: what those get who had directed presence of it.
    pub(crate) fn farewells(&mut self, presence: Option<&Presence>) -> Vec<Stanza> {
        let plain = Presence::new(PresenceType::Unavailable).with_from(self.jid.clone());
        let presence = presence.unwrap_or(&plain);
        let told = core::mem::take(&mut self.directed).into_iter();
        told.map(|to| {
            let mut farewell = presence.clone();
            farewell.set_to(Some(to));
            farewell.into()
        })
        .collect()
    }

    /// Who has been told by directed presence that the resource is available, and nothing else since.
    pub(crate) fn directed(&self) -> impl Iterator<Item = &Jid> {
        self.directed.iter()
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

    /// Takes the oldest stanza out of the outbox.
    pub(crate) fn take(&mut self) -> Option<Stanza> {
        let Waiting { stanza, copies, mark, .. } = self.outbox.pop_front()?;
        self.taken.note(Noted { copies, mark });
        self.outbox_bytes = self.outbox_bytes.saturating_sub(stanza.weight());
        if self.outbox.is_empty() {
            self.congested = false;
            self.outbox.shrink_to_fit();
        }
        Some(stanza)
    }

    /// The first `count` of all that were taken are written: the marks of those of them that have any.
    pub(crate) fn written(&mut self, count: u64) -> Vec<(usize, u64)> {
        self.taken.written(count)
    }

    /// The last mark of that module that is not written yet.
    pub(crate) fn unwritten(&self, module: usize) -> Option<u64> {
        let taken = self.taken.noted.iter().filter_map(|(_, noted)| noted.mark);
        let waiting = self.outbox.iter().filter_map(|waiting| waiting.mark);
        let marks = taken.chain(waiting).filter(|(of, _)| *of == module);
        marks.map(|(_, mark)| mark).last()
    }

    #[cfg(test)]
    pub(crate) fn newest(&self) -> Option<&Stanza> {
        self.outbox.back().map(|waiting| &waiting.stanza)
    }

    /// What was taken, and all that was not.
    pub(crate) fn into_parts(self) -> (Taken, VecDeque<Waiting>) {
        (self.taken, self.outbox)
    }
}
