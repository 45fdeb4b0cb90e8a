//! How much a federation holds for other servers, and for how long.

use core::time::Duration;

use super::queue::Class;

/// The limits of a [`Federation`](super::Federation); the defaults are the project's.
///
/// ```
/// use core::time::Duration;
/// use xmpp_im::federation::FederationLimits;
///
/// let limits = FederationLimits::new().with_idle(Duration::from_secs(60));
/// assert_eq!((limits.waiting_stanzas(), limits.waiting_bytes()), (64, 1 << 20));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederationLimits {
    remotes: usize,
    waiting_stanzas: usize,
    waiting_presence: usize,
    waiting_bytes: usize,
    total_bytes: usize,
    wait: Duration,
    connect: Duration,
    idle: Duration,
    first_backoff: Duration,
    longest_backoff: Duration,
    verifications: usize,
    verification: Duration,
}

impl FederationLimits {
    /// 4,096 remote domains; 64 stanzas and 4,096 of presence or 1 MiB waiting for each, 64 MiB for all; 60 s for a stanza to wait and for a pair of domains to be
    /// authorized; links without traffic end after 10 minutes; who could not be reached is left alone for 5 s, and for 5 minutes at most; 256
    /// keys to be verified at a time, each in 30 s.
    #[must_use]
    pub const fn new() -> Self {
        FederationLimits {
            remotes: 4_096,
            waiting_stanzas: 64,
            waiting_presence: 4_096,
            waiting_bytes: 1 << 20,
            total_bytes: 64 << 20,
            wait: Duration::from_secs(60),
            connect: Duration::from_secs(60),
            idle: Duration::from_secs(600),
            first_backoff: Duration::from_secs(5),
            longest_backoff: Duration::from_secs(300),
            verifications: 256,
            verification: Duration::from_secs(30),
        }
    }

    /// Remote domains of which anything is known: those with links, and those that could not be reached lately.
    #[must_use]
    pub const fn remotes(&self) -> usize {
        self.remotes
    }

    /// Stanzas that may wait for one remote domain, presence apart.
    #[must_use]
    pub const fn waiting_stanzas(&self) -> usize {
        self.waiting_stanzas
    }

    /// Stanzas of presence that may wait for one remote domain: a login sends one or two to each contact there. What tells of
    /// availability, or asks for it, finds no room without a word, and makes room for what tells of it anew.
    #[must_use]
    pub const fn waiting_presence(&self) -> usize {
        self.waiting_presence
    }

    pub(super) const fn waiting(&self, class: Class) -> usize {
        match class {
            Class::Presence => self.waiting_presence,
            Class::Other => self.waiting_stanzas,
        }
    }

    /// Bytes of stanzas that may wait for one remote domain.
    #[must_use]
    pub const fn waiting_bytes(&self) -> usize {
        self.waiting_bytes
    }

    /// Bytes of stanzas that may wait for all remote domains together.
    #[must_use]
    pub const fn total_bytes(&self) -> usize {
        self.total_bytes
    }

    /// How long a stanza may wait for a link to take it.
    #[must_use]
    pub const fn wait(&self) -> Duration {
        self.wait
    }

    /// How long it may take until a remote server accepts stanzas of a pair of domains, from the look-up of its name on.
    #[must_use]
    pub const fn connect(&self) -> Duration {
        self.connect
    }

    /// After how long without traffic a link is closed.
    #[must_use]
    pub const fn idle(&self) -> Duration {
        self.idle
    }

    /// How long a remote domain is left alone after it could not be reached once.
    #[must_use]
    pub const fn first_backoff(&self) -> Duration {
        self.first_backoff
    }

    /// How long at most, however often it could not be reached.
    #[must_use]
    pub const fn longest_backoff(&self) -> Duration {
        self.longest_backoff
    }

    /// Dialback keys that may be under verification at a time. Strangers cause them: it bounds how many remote domains they can have us
    /// ask at once.
    #[must_use]
    pub const fn verifications(&self) -> usize {
        self.verifications
    }

    /// How long the verification of a key may take.
    #[must_use]
    pub const fn verification(&self) -> Duration {
        self.verification
    }

    /// Sets [`remotes`](Self::remotes).
    #[must_use]
    pub const fn with_remotes(mut self, remotes: usize) -> Self {
        self.remotes = remotes;
        self
    }

    /// Sets [`waiting_stanzas`](Self::waiting_stanzas) and [`waiting_bytes`](Self::waiting_bytes).
    #[must_use]
    pub const fn with_waiting(mut self, stanzas: usize, bytes: usize) -> Self {
        self.waiting_stanzas = stanzas;
        self.waiting_bytes = bytes;
        self
    }

    /// Sets [`waiting_presence`](Self::waiting_presence).
    #[must_use]
    pub const fn with_waiting_presence(mut self, stanzas: usize) -> Self {
        self.waiting_presence = stanzas;
        self
    }

    /// Sets [`total_bytes`](Self::total_bytes).
    #[must_use]
    pub const fn with_total_bytes(mut self, bytes: usize) -> Self {
        self.total_bytes = bytes;
        self
    }

    /// Sets [`wait`](Self::wait).
    #[must_use]
    pub const fn with_wait(mut self, limit: Duration) -> Self {
        self.wait = limit;
        self
    }

    /// Sets [`connect`](Self::connect).
    #[must_use]
    pub const fn with_connect(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// Sets [`idle`](Self::idle).
    #[must_use]
    pub const fn with_idle(mut self, limit: Duration) -> Self {
        self.idle = limit;
        self
    }

    /// Sets [`first_backoff`](Self::first_backoff) and [`longest_backoff`](Self::longest_backoff).
    #[must_use]
    pub const fn with_backoff(mut self, first: Duration, longest: Duration) -> Self {
        self.first_backoff = first;
        self.longest_backoff = longest;
        self
    }

    /// Sets [`verifications`](Self::verifications) and [`verification`](Self::verification).
    #[must_use]
    pub const fn with_verifications(mut self, count: usize, limit: Duration) -> Self {
        self.verifications = count;
        self.verification = limit;
        self
    }
}

impl Default for FederationLimits {
    fn default() -> Self {
        Self::new()
    }
}
