//! What strangers can make happen as often as they like is counted, and told once in a while: a line for each time would let
//! them fill the disk.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing is told after it was.
const PAUSE: Duration = Duration::from_secs(10);

/// Counts one kind of event.
#[derive(Debug, Default)]
pub(super) struct Tally {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    told: Option<Instant>,
    untold: u64,
}

impl Tally {
    /// Counts one more. If it is time to tell, how many there were since the last time, this one included.
    pub(super) fn count(&self) -> Option<u64> {
        self.count_at(Instant::now())
    }

    fn count_at(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.untold += 1;
        if state.told.is_some_and(|told| now.saturating_duration_since(told) < PAUSE) {
            return None;
        }
        state.told = Some(now);
        Some(std::mem::take(&mut state.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_and_others_together_a_while_later() {
        let tally = Tally::default();
        let start = Instant::now();
        assert_eq!(tally.count_at(start), Some(1));
        assert_eq!(tally.count_at(start), None);
        assert_eq!(tally.count_at(start + PAUSE - Duration::from_millis(1)), None);
        assert_eq!(tally.count_at(start + PAUSE), Some(3));
        assert_eq!(tally.count_at(start + PAUSE), None);
    }
}
