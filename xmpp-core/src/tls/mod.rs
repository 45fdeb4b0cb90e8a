//! What the engine has to say about TLS: when it is wanted, and whether the certificate is the one that was expected.
//!
//! - RFC 3920 sections 5 and 14.2, RFC 6120 sections 5 and 13.7: when to use it, what to check
//! - RFC 6125 section 6.4: how names match; RFC 4985: names for a service; XEP-0178: addresses in the certificates of clients
//! - RFC 7590: TLS in XMPP today
//!
//! There is no TLS code here. The embedder makes the handshake, has its library judge the chain of certificates, and reports the
//! verdict with the names that the peer presented; whether one of them is the peer's is decided here.
//!
//! ```
//! use xmpp_core::tls::{Chain, PresentedName, Service, TlsError, TlsInfo};
//!
//! let info = TlsInfo::new(Chain::Trusted)
//!     .with_name(PresentedName::Dns("*.example.com".into()))
//!     .with_name(PresentedName::srv("_xmpp-client.example.com").unwrap());
//! assert!(info.matches("im.example.com", Service::Client));
//! assert!(info.matches("example.com", Service::Client));
//! assert_eq!(info.verify("example.com", Service::Server), Err(TlsError::WrongName));
//! ```

mod info;
mod names;

use alloc::borrow::Cow;
use core::fmt;

pub use info::{Chain, TlsInfo};
pub use names::PresentedName;

use crate::jid::{BareJid, Jid};

/// Whether a stream has to be encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum TlsPolicy {
    /// Nothing but the negotiation of TLS happens without it. The receiving entity says `<required/>`; the initiating entity
    /// asks for TLS even if it is not offered, since an attacker may have removed the offer (RFC 7590 section 3.1).
    #[default]
    Required,
    /// TLS is offered or used where it is offered, and a stream goes on without it. For loopback and closed networks: whoever
    /// can change the traffic can have it go on without TLS (RFC 3920 section 14.2 is then void).
    Optional,
    /// TLS is neither offered nor asked for: something else protects the connection, or nothing.
    Disabled,
}

/// The service that a certificate is for, by which streams it secures (RFC 6120 section 13.7.1.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Streams between clients and servers: `_xmpp-client`.
    Client,
    /// Streams between servers: `_xmpp-server`.
    Server,
}

impl Service {
    /// The name of the service in SRV records and certificates, without the underscore. Where TLS comes before the stream it is
    /// the protocol to name by ALPN (XEP-0368).
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Service::Client => "xmpp-client",
            Service::Server => "xmpp-server",
        }
    }
}

/// Which end of the handshake to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TlsRole {
    /// The initiating entity's: sends the first message and verifies the server.
    Client,
    /// The receiving entity's: presents a certificate.
    Server,
}

/// A handshake that the embedder is to make over the bytes of the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsRequest {
    role: TlsRole,
    service: Service,
    domain: Option<BareJid>,
}

impl TlsRequest {
    /// The initiating entity's end, to a server that is expected to be `domain`'s.
    #[must_use]
    pub fn initiating(domain: &Jid, service: Service) -> Self {
        TlsRequest { role: TlsRole::Client, service, domain: Some(domain.domain_jid()) }
    }

    /// The receiving entity's end, as `domain` if the stream header said who is asked for.
    #[must_use]
    pub fn receiving(domain: Option<&Jid>, service: Service) -> Self {
        TlsRequest { role: TlsRole::Server, service, domain: domain.map(Jid::domain_jid) }
    }

    /// Which end of the handshake to take.
    #[must_use]
    pub const fn role(&self) -> TlsRole {
        self.role
    }

    /// Which streams it is for. A receiving entity asks servers, and may ask clients, for a certificate of theirs.
    #[must_use]
    pub const fn service(&self) -> Service {
        self.service
    }

    /// The initiating entity's: the domain to verify, which is what the user gave and not where the SRV records led (RFC 3920
    /// section 5.1). The receiving entity's: the domain whose certificate to present; none if the peer did not say.
    #[must_use]
    pub fn domain(&self) -> Option<&str> {
        self.domain.as_ref().map(BareJid::domain)
    }

    /// The domain as DNS and certificates write it, for the server name indication and for picking a certificate. None
    /// for an IP address, which no such name may be (RFC 6066 section 3).
    #[must_use]
    pub fn server_name(&self) -> Option<Cow<'_, str>> {
        let domain = self.domain.as_ref().map(BareJid::as_jid)?;
        (!names::is_address(domain.domain())).then(|| domain.ascii_domain())
    }
}

/// Why a connection cannot be secured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TlsError {
    /// The handshake failed for another reason than a certificate: versions, cipher suites, broken messages.
    Handshake,
    /// A certificate was refused, or nobody trusted vouches for it: RFC 3920 section 14.2, cases 2 and 3.
    Untrusted,
    /// The certificate is somebody else's (RFC 6125 section 6.6.3).
    WrongName,
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TlsError::Handshake => "the TLS handshake failed",
            TlsError::Untrusted => "the certificate is not trusted",
            TlsError::WrongName => "the certificate is not for the expected domain",
        })
    }
}

impl core::error::Error for TlsError {}

#[cfg(test)]
mod tests;
