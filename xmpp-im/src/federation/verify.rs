//! The receiving server's side of dialback: asking the authoritative server whether a key is its own (XEP-0220 section 2.1.2).

use alloc::string::String;

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::Condition;
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

/// A key that came on an inbound stream, to be shown to the server that is said to have made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    local: BareJid,
    remote: BareJid,
    stream_id: String,
    key: String,
}

impl Verification {
    /// The key with which somebody claims to speak for `remote` to our domain `local`, on the stream to which we gave that id.
    #[must_use]
    pub fn new(
        local: BareJid,
        remote: BareJid,
        stream_id: impl Into<String>,
        key: impl Into<String>,
    ) -> Self {
        Verification { local, remote, stream_id: stream_id.into(), key: key.into() }
    }

    /// Our domain.
    #[must_use]
    pub const fn local(&self) -> &BareJid {
        &self.local
    }

    /// The domain that is claimed, whose server is asked.
    #[must_use]
    pub const fn remote(&self) -> &BareJid {
        &self.remote
    }

    /// The id of the inbound stream.
    #[must_use]
    pub fn stream_id(&self) -> &str {
        &self.stream_id
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }
}

/// What is known about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The authoritative server made it.
    Valid,
    /// It did not.
    Invalid,
    /// Nobody knows. From a link: the condition of the dialback error with which the authoritative server answered. From a federation: the
    /// condition of the dialback error for the initiating server (XEP-0220 section 2.5).
    Failed(Condition),
}

impl Verdict {
    /// What the initiating server is told.
    pub(super) const fn relayed(self) -> Self {
        match self {
            // XEP-0220 section 2.5: whatever error the authoritative server answered with.
            Verdict::Failed(_) => Verdict::Failed(Condition::RemoteServerNotFound),
            known => known,
        }
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
