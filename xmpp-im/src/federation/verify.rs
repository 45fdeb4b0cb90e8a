//! The receiving server's side of dialback: asking the authoritative server whether a key is its own (XEP-0220 section 2.1.2).

use xmpp_core::dialback::Verification;
use xmpp_core::time::Instant;

use super::link::LinkId;

/// Names a verification of one federation; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerificationId(pub(super) u64);

impl VerificationId {
    /// The number, counting from 0 on each federation.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// A verification without a verdict.
#[derive(Debug)]
pub(super) struct Pending {
    /// Who is asked, once there is a link to ask by.
    pub(super) via: Option<LinkId>,
    pub(super) verification: Verification,
    pub(super) deadline: Instant,
}
