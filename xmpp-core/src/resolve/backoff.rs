//! How long to wait before connecting again (RFC 6120 section 3.3).

use core::time::Duration;

use crate::entropy::{Entropy, Label, Seed};

/// The waits of one entity that connects again and again.
///
/// Each is an unpredictable time, so that those who lost their server together do not come back together. At first it is up to 60
/// seconds, and with every attempt that fails up to twice as long as before, up to 32 minutes. A
/// [`Retry::After`](crate::conn::Retry::After) comes on top.
///
/// ```
/// use core::time::Duration;
/// use xmpp_core::entropy::Seed;
/// use xmpp_core::resolve::Backoff;
///
/// let mut backoff = Backoff::new(Seed::new([7; 32]));
/// assert!(backoff.wait() <= Duration::from_secs(60)); // the connection was lost
/// assert!(backoff.wait() <= Duration::from_secs(120)); // the next one failed
/// backoff.connected();
/// assert!(backoff.wait() <= Duration::from_secs(60));
/// ```
#[derive(Debug)]
pub struct Backoff {
    entropy: Entropy,
    first: Duration,
    longest: Duration,
    /// How long the next wait may be.
    window: Duration,
}

impl Backoff {
    /// The waits that RFC 6120 describes.
    #[must_use]
    pub const fn new(seed: Seed) -> Self {
        Backoff::within(Duration::from_secs(60), Duration::from_secs(32 * 60), seed)
    }

    /// Waits of up to `first`, doubled with every attempt until they are of up to `longest`.
    #[must_use]
    pub const fn within(first: Duration, longest: Duration, seed: Seed) -> Self {
        Backoff { entropy: Entropy::new(seed), first, longest, window: first }
    }

    /// How long to wait before the next attempt.
    pub fn wait(&mut self) -> Duration {
        let window = self.window.min(self.longest);
        self.window = window.saturating_mul(2);
        let micros = u64::try_from(window.as_micros()).unwrap_or(u64::MAX);
        let drawn = self.entropy.number(Label::Jitter);
        Duration::from_micros(micros.checked_add(1).map_or(drawn, |waits| drawn % waits))
    }

    /// There is a connection: if it is lost, waits begin anew.
    pub const fn connected(&mut self) {
        self.window = self.first;
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn backoff(seed: u8) -> Backoff {
        Backoff::new(Seed::new([seed; 32]))
    }

    #[test]
    fn r6120_3_3_01_the_first_wait_is_unpredictable_and_takes_up_to_a_minute() {
        let waits: Vec<Duration> = (0..=255).map(|seed| backoff(seed).wait()).collect();
        assert!(waits.iter().all(|wait| *wait <= MINUTE));
        // From end to end of it, and no two alike.
        for tenth in 0..10 {
            let part = MINUTE * tenth / 10..MINUTE * (tenth + 1) / 10;
            assert!(waits.iter().filter(|wait| part.contains(wait)).count() > 10, "{tenth}");
        }
        let mut sorted = waits.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), waits.len());
    }

    #[test]
    fn r6120_3_3_02_waits_get_longer_up_to_a_limit() {
        let rounds: Vec<Vec<Duration>> = (0..=255)
            .map(|seed| {
                let mut backoff = backoff(seed);
                (0..12).map(|_| backoff.wait()).collect()
            })
            .collect();
        for attempt in 0..12 {
            let longest = rounds.iter().map(|waits| waits[attempt]).max().unwrap();
            let window = MINUTE * (1 << attempt.min(5));
            assert!(longest <= window && longest > window / 2, "attempt {attempt}: {longest:?}");
        }
        // A connection makes good for all.
        let mut again = backoff(1);
        assert!((0..12).map(|_| again.wait()).max() > Some(MINUTE * 2));
        again.connected();
        assert!((0..2).all(|_| again.wait() <= MINUTE * 2));
    }

    #[test]
    fn extreme_windows_are_taken() {
        let mut none = Backoff::within(Duration::ZERO, Duration::ZERO, Seed::new([1; 32]));
        assert_eq!((none.wait(), none.wait()), (Duration::ZERO, Duration::ZERO));
        let mut endless = Backoff::within(Duration::MAX, Duration::MAX, Seed::new([1; 32]));
        assert!((0..3).all(|_| endless.wait() > MINUTE));
        // The limit holds for the first wait too.
        let mut short = Backoff::within(MINUTE, Duration::from_secs(1), Seed::new([1; 32]));
        assert!((0..9).all(|_| short.wait() <= Duration::from_secs(1)));
    }
}
