//! What waits for a link, in order: each stanza with the time when its sender hears that it was in vain.
//!
//! Presence is counted apart from the rest: one login sends a stanza to each contact, and none of them is worth more than the newest
//! for the same pair of addresses.

use alloc::collections::BTreeMap;

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, PresenceType, Stanza};
use xmpp_core::time::Instant;

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) stanza: Stanza,
    deadline: Instant,
    /// Whether a link had taken it and ended before it went out.
    pub(super) again: bool,
}

/// How much room a stanza may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Presence of any type but `error`.
    Presence,
    /// All else.
    Other,
}

impl Class {
    pub(super) fn of(stanza: &Stanza) -> Self {
        match stanza {
            Stanza::Presence(presence) if !presence.is_error() => Class::Presence,
            _ => Class::Other,
        }
    }
}

/// What the sender hears if there is no room for its stanza. Of momentary presence nothing: it would hear of each of its contacts, and
/// could do nothing about it.
pub(super) fn refusal(stanza: &Stanza) -> Option<Stanza> {
    let error = || stanza.error_reply(Condition::ResourceConstraint);
    Topic::of(stanza).is_none().then(error).flatten()
}

/// What presence tells at the moment, or asks for: the newest about it makes the older void.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Topic {
    from: Option<Jid>,
    to: Option<Jid>,
    is_probe: bool,
}

impl Topic {
    fn of(stanza: &Stanza) -> Option<Self> {
        let Stanza::Presence(presence) = stanza else { return None };
        let is_probe = match presence.type_() {
            PresenceType::Available | PresenceType::Unavailable => false,
            PresenceType::Probe => true,
            _ => return None,
        };
        Some(Topic { from: presence.from().cloned(), to: presence.to().cloned(), is_probe })
    }
}

/// The stanzas of one pair of domains. Deadlines never decrease from the front to the back.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By their place, which grows at the back and falls at the front.
    stanzas: BTreeMap<i64, Waiting>,
    /// The places of what a newer stanza may take the place of.
    momentary: BTreeMap<Topic, i64>,
    presence: usize,
    bytes: usize,
}

impl Queue {
    /// How many of that class wait.
    pub(super) fn len(&self, class: Class) -> usize {
        match class {
            Class::Presence => self.presence,
            Class::Other => self.stanzas.len() - self.presence,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stanzas.is_empty()
    }

    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest has waited long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.stanzas.first_key_value().map(|(_, waiting)| waiting.deadline)
    }

    /// Drops what this stanza makes void: older availability of the same sender for the same receiver, or an older probe.
    pub(super) fn supersede(&mut self, stanza: &Stanza) {
        if let Some(place) = Topic::of(stanza).and_then(|topic| self.momentary.get(&topic).copied()) {
            self.remove(place);
        }
    }

    /// Takes a stanza behind all others, and drops what it makes void.
    pub(super) fn push(&mut self, stanza: Stanza, deadline: Instant) {
        self.supersede(&stanza);
        let place = self.stanzas.last_key_value().map_or(0, |(last, _)| last + 1);
        self.insert(place, Waiting { stanza, deadline, again: false });
    }

    /// A stanza that had been taken comes back, before all others. It may wait no longer than the one behind it. If a newer one has
    /// made it void, it is dropped.
    pub(super) fn put_back(&mut self, stanza: Stanza, deadline: Instant) {
        if Topic::of(&stanza).is_some_and(|topic| self.momentary.contains_key(&topic)) {
            return;
        }
        let deadline = self.deadline().map_or(deadline, |next| next.min(deadline));
        let place = self.stanzas.first_key_value().map_or(0, |(first, _)| first - 1);
        self.insert(place, Waiting { stanza, deadline, again: true });
    }

    pub(super) fn pop(&mut self) -> Option<Waiting> {
        let (&place, _) = self.stanzas.first_key_value()?;
        self.remove(place)
    }

    /// Takes out the newest of that class.
    pub(super) fn pop_newest(&mut self, class: Class) -> Option<Waiting> {
        let mut newest = self.stanzas.iter().rev();
        let (&place, _) = newest.find(|(_, waiting)| Class::of(&waiting.stanza) == class)?;
        self.remove(place)
    }

    /// Takes out the oldest if it has waited long enough.
    pub(super) fn expire(&mut self, now: Instant) -> Option<Waiting> {
        self.deadline().filter(|deadline| *deadline <= now)?;
        self.pop()
    }

    fn insert(&mut self, place: i64, waiting: Waiting) {
        self.bytes += waiting.stanza.weight();
        self.presence += usize::from(Class::of(&waiting.stanza) == Class::Presence);
        if let Some(topic) = Topic::of(&waiting.stanza) {
            self.momentary.insert(topic, place);
        }
        self.stanzas.insert(place, waiting);
    }

    fn remove(&mut self, place: i64) -> Option<Waiting> {
        let waiting = self.stanzas.remove(&place)?;
        self.bytes = self.bytes.saturating_sub(waiting.stanza.weight());
        self.presence -= usize::from(Class::of(&waiting.stanza) == Class::Presence);
        if let Some(topic) = Topic::of(&waiting.stanza) {
            self.momentary.remove(&topic);
        }
        Some(waiting)
    }
}
