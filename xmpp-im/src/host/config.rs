//! What a host decides once.

use alloc::collections::BTreeSet;
use alloc::sync::Arc;

use xmpp_core::jid::BareJid;
use xmpp_core::profile::Profile;
use xmpp_core::route::Domains;

use crate::establish::Formalities;
use crate::limits::HostLimits;
use crate::module::{Module, Modules};
use crate::offline::OfflineStorage;
use crate::privacy::Privacy;
use crate::roster::Rosters;

/// What becomes of a session whose client asks for a resource that another session of its account has (RFC 6120 section 7.7.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConflictPolicy {
    /// It gets a resource of the host's choice instead, which the RFC encourages.
    #[default]
    Override,
    /// It is refused with the stanza error `conflict`, and its client may ask for another resource.
    Refuse,
    /// It gets the resource, and the session that had it ends with the stream error `conflict`. Two clients that are both set to come
    /// back go on ending each other, so the RFC discourages this.
    Terminate,
}

/// Whom anonymous accounts can exchange stanzas with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AnonymousReach {
    /// Everybody on this host and its components, but nobody of a foreign domain (XEP-0175 section 3).
    #[default]
    Local,
    /// Everybody.
    Everywhere,
}

/// The configuration of a [`Host`](super::Host).
#[derive(Clone, Debug)]
pub struct HostConfig {
    pub(super) domains: Domains,
    pub(super) limits: HostLimits,
    pub(super) profile: Profile,
    pub(super) conflict: ConflictPolicy,
    pub(super) anonymous_reach: AnonymousReach,
    pub(super) federates: bool,
    pub(super) modules: Modules,
    pub(super) services: BTreeSet<BareJid>,
}

impl HostConfig {
    /// A host of these domains, on its own: without components, and foreign domains are not found.
    #[must_use]
    pub fn new(domains: impl IntoIterator<Item = BareJid>) -> Self {
        let mut modules = Modules::default();
        modules.push(Arc::new(Privacy), None);
        modules.push(Arc::new(Rosters), None);
        modules.push(Arc::new(Formalities), None);
        HostConfig {
            domains: Domains::new(domains),
            limits: HostLimits::new(),
            profile: Profile::RFC6120,
            conflict: ConflictPolicy::Override,
            anonymous_reach: AnonymousReach::Local,
            federates: false,
            modules,
            services: BTreeSet::new(),
        }
    }

    /// A domain that a component serves: it is this host's too, so that nothing for it leaves, whether the component is
    /// [attached](super::Host::attach_component) or not (RFC 6120 section 10.5).
    #[must_use]
    pub fn with_component(mut self, domain: BareJid) -> Self {
        self.domains = self.domains.with_component(domain);
        self
    }

    /// Messages that nobody is there for wait in the store until somebody is (see [`offline`](crate::offline)), instead of being refused. Whoever
    /// wants that has to report what is [sent](super::Host::sent): it is what removes them. To be asked for before other
    /// [modules](Self::with_module) are given.
    #[must_use]
    pub fn with_offline_storage(mut self) -> Self {
        self.modules.push(Arc::new(OfflineStorage), None);
        self
    }

    /// An extension, asked after the built-in ones and those that were given before.
    #[must_use]
    pub fn with_module(mut self, module: Arc<dyn Module>) -> Self {
        self.modules.push(module, None);
        self
    }

    /// A domain of this host's own that has no accounts: what is for it, and for any address within it, goes to these modules, which
    /// see nothing else. A domain that was given before gets them in addition.
    #[must_use]
    pub fn with_service(
        mut self,
        domain: BareJid,
        modules: impl IntoIterator<Item = Arc<dyn Module>>,
    ) -> Self {
        for module in modules {
            self.modules.push(module, Some(domain.clone()));
        }
        self.domains = self.domains.with_component(domain.clone());
        self.services.insert(domain);
        self
    }

    /// Foreign domains can be reached: what is for them comes out as [`HostAction::Foreign`](super::HostAction::Foreign).
    #[must_use]
    pub const fn with_federation(mut self) -> Self {
        self.federates = true;
        self
    }

    /// How much each account gets.
    #[must_use]
    pub fn with_limits(mut self, limits: HostLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Which generation of the RFC to follow where they differ.
    #[must_use]
    pub const fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Who gives way when two sessions want the same resource.
    #[must_use]
    pub const fn with_conflict_policy(mut self, policy: ConflictPolicy) -> Self {
        self.conflict = policy;
        self
    }

    /// Whom anonymous accounts can exchange stanzas with.
    #[must_use]
    pub const fn with_anonymous_reach(mut self, reach: AnonymousReach) -> Self {
        self.anonymous_reach = reach;
        self
    }
}
