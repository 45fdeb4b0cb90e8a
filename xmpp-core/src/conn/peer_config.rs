//! What a server decides for its streams with other servers.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;

use crate::dialback::{DialbackPolicy, Secret};
use crate::jid::BareJid;
use crate::limits::Limits;
use crate::tls::TlsPolicy;

/// The configuration of [`PeerInbound`](super::PeerInbound)s, shared among them.
#[derive(Clone, Debug)]
pub struct PeerConfig {
    domains: BTreeSet<BareJid>,
    default_domain: Option<BareJid>,
    secret: Secret,
    tls: TlsPolicy,
    dialback: DialbackPolicy,
    limits: Limits,
    lang: String,
}

impl PeerConfig {
    /// A server of these domains, of which the first answers those who ask for none that exists. TLS is required, and dialback goes over it.
    /// Domains that components serve are among them: they are to be reached, and no other server may speak for them.
    ///
    /// `secret` is the one with which the [`PeerOutbound`](super::PeerOutbound)s of these domains make their keys.
    #[must_use]
    pub fn new(domains: impl IntoIterator<Item = BareJid>, secret: Secret) -> Self {
        let mut domains = domains.into_iter().peekable();
        let default_domain = domains.peek().cloned();
        PeerConfig {
            domains: domains.collect(),
            default_domain,
            secret,
            tls: TlsPolicy::Required,
            dialback: DialbackPolicy::Encrypted,
            limits: Limits::server_peer(),
            lang: "en".to_owned(),
        }
    }

    /// Whether other servers need TLS.
    #[must_use]
    pub const fn with_tls(mut self, policy: TlsPolicy) -> Self {
        self.tls = policy;
        self
    }

    /// Where other servers may prove themselves by dialback.
    #[must_use]
    pub const fn with_dialback(mut self, policy: DialbackPolicy) -> Self {
        self.dialback = policy;
        self
    }

    /// How much of everything other servers may use.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The language of the server's own texts (RFC 6120 section 4.7.4), `en` unless set.
    #[must_use]
    pub fn with_lang(mut self, lang: &str) -> Self {
        self.lang = lang.to_owned();
        self
    }

    /// Whether this is a domain of the server.
    #[must_use]
    pub fn serves(&self, domain: &BareJid) -> bool {
        self.domains.contains(domain)
    }

    pub(super) const fn default_domain(&self) -> Option<&BareJid> {
        self.default_domain.as_ref()
    }

    pub(super) const fn secret(&self) -> &Secret {
        &self.secret
    }

    pub(super) const fn tls(&self) -> TlsPolicy {
        self.tls
    }

    pub(super) const fn dialback(&self) -> DialbackPolicy {
        self.dialback
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) fn lang(&self) -> &str {
        &self.lang
    }
}

/// The configuration of one [`PeerOutbound`](super::PeerOutbound).
#[derive(Clone, Debug)]
pub struct PeerOutboundConfig {
    pub(super) local: BareJid,
    pub(super) remote: BareJid,
    pub(super) secret: Box<Secret>,
    pub(super) tls: TlsPolicy,
    pub(super) dialback: DialbackPolicy,
    pub(super) limits: Limits,
    pub(super) verification_only: bool,
}

impl PeerOutboundConfig {
    /// A stream from our domain `local` to the server of the domain `remote`. TLS is required, and dialback goes over it.
    ///
    /// `secret` is the one with which the [`PeerInbound`](super::PeerInbound)s of the domain verify its keys.
    #[must_use]
    pub fn new(local: &BareJid, remote: &BareJid, secret: Secret) -> Self {
        PeerOutboundConfig {
            local: local.domain_jid(),
            remote: remote.domain_jid(),
            secret: Box::new(secret),
            tls: TlsPolicy::Required,
            dialback: DialbackPolicy::Encrypted,
            limits: Limits::server_peer(),
            verification_only: false,
        }
    }

    /// Whether to do without TLS if need be.
    #[must_use]
    pub const fn with_tls(mut self, policy: TlsPolicy) -> Self {
        self.tls = policy;
        self
    }

    /// Where to prove ourselves by dialback. [`Never`](DialbackPolicy::Never) and [`Certified`](DialbackPolicy::Certified) end the stream
    /// unless the peer's certificate is trusted and names `remote`; the others go on, as RFC 6120 section 13.14 would rather have TLS without
    /// trust than none.
    #[must_use]
    pub const fn with_dialback(mut self, policy: DialbackPolicy) -> Self {
        self.dialback = policy;
        self
    }

    /// How much of everything the peer may use.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// A stream that is only to [verify](super::PeerOutbound::verify) keys: it authenticates nobody, unless asked to later on.
    #[must_use]
    pub const fn for_verification(mut self) -> Self {
        self.verification_only = true;
        self
    }
}
