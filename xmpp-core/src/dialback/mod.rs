//! Server dialback without connections: keys, elements, and what may be believed of them.
//!
//! - RFC 3920 section 8, XEP-0220: the protocol; XEP-0185: how keys are made
//!
//! A server that opens a stream says for which domain it speaks, and hands over a key; the server that got the key asks the one that DNS
//! names for that domain whether the key is its own. The machines of [`conn`](crate::conn) put this in motion; finding and connecting to
//! the server that is asked is the embedder's.
//!
//! ```
//! use xmpp_core::dialback::Secret;
//!
//! // The originating server proves `capulet.example` on the stream to which `montague.example` gave an id.
//! let secret = Secret::new("s3cr3tf0rd14lb4ck");
//! let key = secret.key("montague.example", "capulet.example", "D60000229F");
//! // The authoritative server, which shares the secret, needs to remember nothing.
//! assert!(secret.verifies(&key, "montague.example", "capulet.example", "D60000229F"));
//! ```

mod condition;
mod packet;
mod secret;

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

pub use condition::Condition;
pub use packet::{Content, Packet};
pub use secret::Secret;

use crate::jid::BareJid;

/// Where dialback may identify a domain. Whatever the choice, SASL EXTERNAL is preferred where it is possible (RFC 3920 section 8.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum DialbackPolicy {
    /// Nowhere: both servers need certificates that are trusted.
    Never,
    /// Over TLS, and where the peer's certificate is trusted and names the domain too.
    Certified,
    /// Over TLS, whatever the certificate: that DNS leads to whoever made the key is what identifies the domain. Eavesdroppers are kept
    /// out, but who controls DNS or the network can be anybody.
    #[default]
    Encrypted,
    /// In plaintext too, unless [`TlsPolicy::Required`](crate::tls::TlsPolicy::Required) forbids that. The only way for servers of before
    /// XMPP 1.0.
    Always,
}

/// What became of a dialback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The key is that of the domain.
    Valid,
    /// It is not.
    Invalid,
    /// Nobody could tell.
    Failed(Condition),
}

/// What the receiving server asks the authoritative one (RFC 3920 section 8.3 step 8): is this key, which came on the stream of that id, the one
/// with which `remote` speaks to `local`?
#[derive(Clone, PartialEq, Eq)]
pub struct Verification {
    local: BareJid,
    remote: BareJid,
    stream_id: String,
    key: String,
}

impl Verification {
    /// From what came with the key.
    #[must_use]
    pub fn new(local: BareJid, remote: BareJid, stream_id: &str, key: &str) -> Self {
        Verification { local, remote, stream_id: stream_id.to_owned(), key: key.to_owned() }
    }

    /// Our domain, which was spoken to.
    #[must_use]
    pub const fn local(&self) -> &BareJid {
        &self.local
    }

    /// The domain that is to be proved: its server is asked.
    #[must_use]
    pub const fn remote(&self) -> &BareJid {
        &self.remote
    }

    /// The id that we gave the stream on which the key came.
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

impl fmt::Debug for Verification {
    /// Tells everything but the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verification")
            .field("local", &self.local)
            .field("remote", &self.remote)
            .field("stream_id", &self.stream_id)
            .finish_non_exhaustive()
    }
}
