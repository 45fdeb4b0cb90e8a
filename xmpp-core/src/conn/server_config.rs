//! What a server decides once for all its connections to clients.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::jid::BareJid;
use crate::limits::Limits;
use crate::profile::Profile;
use crate::sasl::Selection;
use crate::sasl::server::Decoy;
use crate::tls::TlsPolicy;
use crate::xml::{Element, Lang};

/// The configuration of [`ServerConnection`](super::ServerConnection)s, shared among them.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    domains: BTreeSet<BareJid>,
    default_domain: Option<BareJid>,
    decoy: Decoy,
    tls: TlsPolicy,
    mechanisms: Selection,
    limits: Limits,
    profile: Profile,
    lang: Option<Lang>,
    features: Vec<Element>,
}

impl ServerConfig {
    /// A server of these domains, of which the first answers those who ask for none that exists. TLS is required.
    ///
    /// `decoy` answers for accounts that do not exist; its key has to outlive the process, or a restart tells who they are.
    #[must_use]
    pub fn new(domains: impl IntoIterator<Item = BareJid>, decoy: Decoy) -> Self {
        let mut domains = domains.into_iter().peekable();
        let default_domain = domains.peek().cloned();
        ServerConfig {
            domains: domains.collect(),
            default_domain,
            decoy,
            tls: TlsPolicy::Required,
            mechanisms: Selection::new(),
            limits: Limits::client(),
            profile: Profile::RFC6120,
            lang: None,
            features: Vec::new(),
        }
    }

    /// Whether clients need TLS.
    #[must_use]
    pub const fn with_tls(mut self, policy: TlsPolicy) -> Self {
        self.tls = policy;
        self
    }

    /// Which SASL mechanisms clients may use.
    #[must_use]
    pub fn with_mechanisms(mut self, mechanisms: Selection) -> Self {
        self.mechanisms = mechanisms;
        self
    }

    /// How much of everything clients may use.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Which generation of the RFC to follow where they differ.
    #[must_use]
    pub const fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// The language of the server's own texts (RFC 6120 section 4.7.4), `en` unless set.
    #[must_use]
    pub fn with_lang(mut self, lang: Lang) -> Self {
        self.lang = Some(lang);
        self
    }

    /// A feature to offer together with resource binding.
    #[must_use]
    pub fn with_feature(mut self, feature: Element) -> Self {
        self.features.push(feature);
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

    pub(super) const fn decoy(&self) -> &Decoy {
        &self.decoy
    }

    pub(super) const fn tls(&self) -> TlsPolicy {
        self.tls
    }

    pub(super) const fn mechanisms(&self) -> &Selection {
        &self.mechanisms
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(super) const fn profile(&self) -> &Profile {
        &self.profile
    }

    pub(super) fn lang(&self) -> &str {
        self.lang.as_ref().map_or("en", Lang::as_str)
    }

    pub(super) fn features(&self) -> &[Element] {
        &self.features
    }
}
