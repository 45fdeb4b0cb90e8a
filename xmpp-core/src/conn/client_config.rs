//! What a client decides before it connects.

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::ops::RangeInclusive;

use crate::jid::BareJid;
use crate::limits::{Limits, XmlLimits};
use crate::sasl::client::ITERATIONS;
use crate::sasl::{Mechanism, Secret, Selection};
use crate::tls::TlsPolicy;
use crate::xml::Lang;

/// How many redirects in a row are followed.
pub(super) const MOST_REDIRECTS: u32 = 3;

/// The configuration of one [`ClientConnection`](super::ClientConnection).
#[derive(Debug)]
pub struct ClientConfig {
    pub(super) account: BareJid,
    pub(super) password: Secret,
    pub(super) authzid: Option<BareJid>,
    pub(super) trace: Option<String>,
    pub(super) resource: Option<String>,
    pub(super) tls: TlsPolicy,
    pub(super) mechanisms: Selection,
    pub(super) iterations: RangeInclusive<u32>,
    pub(super) limits: Limits,
    pub(super) lang: Option<Lang>,
    pub(super) redirects: u32,
}

impl ClientConfig {
    /// To log in to that account. TLS is required, and the resource is the server's choice.
    #[must_use]
    pub fn new(account: BareJid, password: Secret) -> Self {
        ClientConfig {
            account,
            password,
            authzid: None,
            trace: None,
            resource: None,
            tls: TlsPolicy::Required,
            mechanisms: Selection::new(),
            iterations: ITERATIONS,
            limits: Limits::client().with_online(XmlLimits::own_server()),
            lang: None,
            redirects: 0,
        }
    }

    /// To log in to that account with the TLS certificate that the embedder presents, by EXTERNAL and nothing else (XEP-0178 section 2). To
    /// fall back on a password, give one to [`new`](Self::new) and [allow](Selection::allow) EXTERNAL.
    #[must_use]
    pub fn external(account: BareJid) -> Self {
        let only = Selection::new().mechanisms(&[Mechanism::External]);
        ClientConfig::new(account, Secret::new([])).with_mechanisms(only)
    }

    /// To log in to that domain as nobody in particular, by ANONYMOUS: the server gives an address for as long as the stream lasts.
    #[must_use]
    pub fn anonymous(domain: BareJid) -> Self {
        let only = Selection::new().mechanisms(&[Mechanism::Anonymous]);
        ClientConfig::new(domain, Secret::new([])).with_mechanisms(only)
    }

    /// Tells an anonymous login's server something for its log: an e-mail address, or an opaque text without `@` (RFC 4505 section 2). Not
    /// without asking whom it is about.
    #[must_use]
    pub fn with_trace(mut self, trace: &str) -> Self {
        self.trace = Some(trace.to_owned());
        self
    }

    /// Asks to act as this account: another one than the password is for, or the one of several that the certificate is for
    /// (RFC 6120 section 6.3.8, XEP-0178 section 2). Leave it out otherwise.
    #[must_use]
    pub fn with_authzid(mut self, account: BareJid) -> Self {
        self.authzid = Some(account);
        self
    }

    /// Asks for this resource; the server may choose another.
    #[must_use]
    pub fn with_resource(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned());
        self
    }

    /// Whether to do without TLS if need be.
    #[must_use]
    pub const fn with_tls(mut self, policy: TlsPolicy) -> Self {
        self.tls = policy;
        self
    }

    /// Which SASL mechanisms to use, and the weakest that will do: what was used with this server before.
    #[must_use]
    pub fn with_mechanisms(mut self, mechanisms: Selection) -> Self {
        self.mechanisms = mechanisms;
        self
    }

    /// How many iterations of its key derivation a server may ask for, 4,096 to 1,000,000 unless set.
    #[must_use]
    pub const fn with_iterations(mut self, accepted: RangeInclusive<u32>) -> Self {
        self.iterations = accepted;
        self
    }

    /// How much of everything the server may use.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How many [redirects](super::CloseReason::Redirected) in a row led to this connection. After three of them, none is followed any more
    /// (RFC 6120 section 4.9.3.19: two to five).
    #[must_use]
    pub const fn with_redirects(mut self, redirects: u32) -> Self {
        self.redirects = redirects;
        self
    }

    /// The language of what the user writes (RFC 6120 section 4.7.4).
    #[must_use]
    pub fn with_lang(mut self, lang: Lang) -> Self {
        self.lang = Some(lang);
        self
    }
}
