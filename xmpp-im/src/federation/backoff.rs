//! After a failure: how long not to try again, and what to tell senders meanwhile.

use core::time::Duration;

use xmpp_core::entropy::{Entropy, Label};
use xmpp_core::time::Instant;

use super::limits::FederationLimits;
use super::link::Fault;

/// Failures in a row to get stanzas across between two domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
    until: Instant,
    forget: Instant,
    fault: Fault,
}

impl Backoff {
    /// One failure more. Each doubles the time, up to the longest; up to half of it is left out at random, so that servers that lost
    /// each other at once do not return at once (RFC 6120 section 3.3).
    pub(super) fn after(
        previous: Option<Backoff>,
        fault: Fault,
        now: Instant,
        limits: &FederationLimits,
        entropy: &mut Entropy,
    ) -> Self {
        let failures = previous.map_or(0, |previous| previous.failures).saturating_add(1);
        let doubled = 2_u32.saturating_pow(failures - 1);
        let whole = limits.first_backoff().saturating_mul(doubled).min(limits.longest_backoff());
        let micros = u64::try_from(whole.as_micros()).unwrap_or(u64::MAX);
        let left_out = entropy.number(Label::Jitter) % (micros / 2 + 1);
        let until = now + Duration::from_micros(micros - left_out);
        // Who fails again soon after has failed in a row.
        Backoff { failures, until, forget: until + limits.longest_backoff(), fault }
    }

    /// Why not to try now.
    pub(super) fn blocked(&self, now: Instant) -> Option<Fault> {
        (now < self.until).then_some(self.fault)
    }

    /// Until when not to try.
    pub(super) const fn until(&self) -> Instant {
        self.until
    }

    /// From when on the failures no longer count.
    pub(super) const fn forget(&self) -> Instant {
        self.forget
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::Ending;
    use xmpp_core::entropy::Seed;

    fn fail(previous: Option<Backoff>, seed: u8) -> Backoff {
        let limits = FederationLimits::new().with_backoff(Duration::from_secs(4), Duration::from_secs(60));
        let mut entropy = Entropy::new(Seed::new([seed; 32]));
        Backoff::after(previous, Fault::Ending(Ending::Unreachable), Instant::ZERO, &limits, &mut entropy)
    }

    #[test]
    fn the_time_doubles_up_to_its_limit_and_varies() {
        for seed in 0..50 {
            let mut backoff = None;
            for whole in [4, 8, 16, 32, 60, 60] {
                let next = fail(backoff, seed);
                let time = next.until().since(Instant::ZERO);
                assert!(
                    time <= Duration::from_secs(whole) && time >= Duration::from_secs(whole) / 2,
                    "{time:?}"
                );
                backoff = Some(next);
            }
        }
        assert_ne!(fail(None, 1).until(), fail(None, 2).until());
    }

    #[test]
    fn countless_failures_do_not_overflow() {
        let mut backoff = fail(None, 1);
        backoff.failures = u32::MAX;
        assert!(fail(Some(backoff), 1).until() <= Instant::ZERO + Duration::from_secs(60));
    }

    #[test]
    fn it_blocks_until_its_time() {
        let backoff = fail(None, 1);
        let before = Instant::from_micros(backoff.until().as_micros() - 1);
        assert_eq!(backoff.blocked(before), Some(Fault::Ending(Ending::Unreachable)));
        assert_eq!(backoff.blocked(backoff.until()), None);
        assert!(backoff.forget() > backoff.until());
    }
}
