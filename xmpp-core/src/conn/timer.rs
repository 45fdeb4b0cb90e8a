//! Deadlines: one slot per kind, the next one is the smallest.

use crate::time::Instant;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// From the start to a bound resource.
    Negotiation,
    /// The TLS handshake.
    Tls,
    /// An open question.
    Answer,
    /// Nothing came for a while: a space is sent to see whether the peer is there.
    Idle,
    /// On a client's stream: nothing came after that either. A space has no answer, so a request is sent that has one (XEP-0199).
    Ping,
    /// On a client's stream: it had none.
    Dead,
    /// The peer's closing tag.
    Close,
    /// The first of the dialbacks that are under way.
    Dialback,
}

impl Timer {
    const ALL: [Timer; 8] = [
        Timer::Negotiation,
        Timer::Tls,
        Timer::Answer,
        Timer::Idle,
        Timer::Ping,
        Timer::Dead,
        Timer::Close,
        Timer::Dialback,
    ];
}

/// The deadlines of one connection.
#[derive(Debug, Default)]
pub(crate) struct Deadlines([Option<Instant>; Timer::ALL.len()]);

impl Deadlines {
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        if let Some(slot) = self.0.get_mut(timer as usize) {
            *slot = Some(at);
        }
    }

    pub(crate) fn get(&self, timer: Timer) -> Option<Instant> {
        self.0.get(timer as usize).copied().flatten()
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        if let Some(slot) = self.0.get_mut(timer as usize) {
            *slot = None;
        }
    }

    pub(crate) fn clear_all(&mut self) {
        *self = Deadlines::default();
    }

    /// The next deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.0.iter().flatten().min().copied()
    }

    /// Takes one deadline that has passed, the earliest first.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Timer> {
        let due = Timer::ALL.into_iter().zip(self.0);
        let (_, timer) = due.filter_map(|(timer, at)| at.map(|at| (at, timer))).min()?;
        let at = self.0.get_mut(timer as usize)?;
        if at.is_some_and(|at| at <= now) {
            *at = None;
            return Some(timer);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_expires_first_and_only_when_due() {
        let mut deadlines = Deadlines::default();
        let at = Instant::from_micros;
        deadlines.set(Timer::Close, at(5));
        deadlines.set(Timer::Idle, at(3));
        assert_eq!(deadlines.next(), Some(at(3)));
        assert_eq!(deadlines.expire(at(2)), None);
        assert_eq!(deadlines.expire(at(9)), Some(Timer::Idle));
        assert_eq!(deadlines.expire(at(9)), Some(Timer::Close));
        assert_eq!(deadlines.expire(at(9)), None);
        assert_eq!(deadlines.next(), None);
    }

    #[test]
    fn every_timer_has_its_slot() {
        for (index, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, index);
        }
    }
}
