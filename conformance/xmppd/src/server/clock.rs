//! The engine's time, counted from the start of the server.

use std::time::{Duration, SystemTime};

use tokio::time::Instant as Moment;
use xmpp_core::time::{Instant, UtcTime};

/// Translates between the runtime's clock and the engine's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    epoch: Moment,
}

impl Clock {
    /// A clock whose epoch is now.
    pub(super) fn start() -> Self {
        Self { epoch: Moment::now() }
    }

    /// The time of day when it is [`Instant::ZERO`] on this clock, as far as the system knows now.
    pub(super) fn epoch(&self) -> UtcTime {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UtcTime::UNIX_EPOCH + now.saturating_sub(self.epoch.elapsed())
    }

    pub(super) fn now(&self) -> Instant {
        Instant::after(self.epoch.elapsed())
    }

    /// When that is on the runtime's clock; a time that it cannot tell is a year ahead.
    pub(super) fn moment(&self, at: Instant) -> Moment {
        const FAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);
        self.epoch.checked_add(Duration::from_micros(at.as_micros())).unwrap_or_else(|| Moment::now() + FAR)
    }
}
