//! Time as an argument: the engine never looks at a clock, it is told.
//!
//! An [`Instant`] counts microseconds from an epoch of the embedder's choosing, for instance the start of the process: deadlines are made of
//! it. A [`UtcTime`] is what clocks and calendars show: it goes into stanzas, and into storage.

mod utc;

use core::fmt;
use core::time::Duration;

pub use utc::{InvalidTime, UtcTime};

/// A point in time: microseconds since the embedder's own epoch.
///
/// ```
/// use core::time::Duration;
/// use xmpp_core::time::Instant;
///
/// let start = Instant::from_micros(5);
/// assert_eq!((start + Duration::from_millis(1)).as_micros(), 1_005);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The epoch itself.
    pub const ZERO: Instant = Instant(0);

    /// That many microseconds after the epoch.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Instant(micros)
    }

    /// That long after the epoch; more than 580,000 years count as the end of time.
    #[must_use]
    pub fn after(elapsed: Duration) -> Self {
        Instant::ZERO + elapsed
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is not.
    #[must_use]
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl core::ops::Add<Duration> for Instant {
    type Output = Instant;

    /// Saturates: a deadline beyond the end of time never comes.
    fn add(self, duration: Duration) -> Instant {
        Instant(self.0.saturating_add(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)))
    }
}

impl fmt::Display for Instant {
    /// Seconds with six decimals, as in a trace.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates() {
        let end = Instant::from_micros(u64::MAX);
        assert_eq!(end + Duration::from_secs(1), end);
        assert_eq!(Instant::ZERO + Duration::MAX, end);
        assert_eq!(Instant::ZERO.since(end), Duration::ZERO);
        assert_eq!(end.since(Instant::from_micros(u64::MAX - 7)), Duration::from_micros(7));
    }
}
