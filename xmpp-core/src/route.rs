//! Where a stanza goes: the decision alone, from its destination and from what this server is responsible for.
//! A function of both; it sends nothing and remembers nothing.
//!
//! - RFC 3920 section 10, RFC 6120 section 10: no `to`, foreign domain, own domain, component, account
//! - RFC 6120 section 8.1.1: what a stanza's `to` has to be on a stream between servers; XEP-0114 section 4 on one of a component
//!
//! Which of an account's resources gets a stanza is not decided here: `xmpp-im` does that. Neither is whether an account exists, or a
//! component is connected, or a foreign domain can be reached.
//!
//! ```
//! use xmpp_core::jid::{BareJid, FullJid, Jid};
//! use xmpp_core::profile::Profile;
//! use xmpp_core::route::{Decision, Destination, Domains, Origin, route};
//! use xmpp_core::stanza::Kind;
//!
//! let domains = Domains::new([BareJid::new("im.example.com")?])
//!     .with_component(BareJid::new("plays.im.example.com")?);
//! let juliet = FullJid::new("juliet@im.example.com/balcony")?;
//! let profile = Profile::RFC6120;
//!
//! let romeo = Jid::new("romeo@example.net/orchard")?;
//! let decision = route(Kind::Message, Some(&romeo), Origin::Client(&juliet), &domains, &profile);
//! assert_eq!(decision, Decision::Forward(Destination::Remote(BareJid::new("example.net")?)));
//!
//! // Presence without address is for those who are subscribed to it.
//! let decision = route(Kind::Presence, None, Origin::Client(&juliet), &domains, &profile);
//! assert_eq!(decision, Decision::Broadcast);
//! # Ok::<(), xmpp_core::jid::JidError>(())
//! ```

use alloc::collections::BTreeMap;

use crate::jid::{BareJid, FullJid, Jid};
use crate::profile::{Profile, UnconfiguredSubdomain};
use crate::stanza::Kind;
use crate::stream::Condition;

/// Who serves a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    /// The server itself.
    Server,
    /// A component of the server (XEP-0114).
    Component,
}

/// The domains a server is responsible for: those it serves itself, and those that its components serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domains(BTreeMap<BareJid, Service>);

impl Domains {
    /// These domains, served by the server itself. Of an address with a node, its domain counts.
    #[must_use]
    pub fn new(served: impl IntoIterator<Item = BareJid>) -> Self {
        Domains(served.into_iter().map(|domain| (domain.domain_jid(), Service::Server)).collect())
    }

    /// The same domains and this one, which a component serves (RFC 6120 section 10.5).
    #[must_use]
    pub fn with_component(mut self, domain: BareJid) -> Self {
        self.0.insert(domain.domain_jid(), Service::Component);
        self
    }

    /// Whether the server itself serves the domain of that address: accounts can be there.
    #[must_use]
    pub fn serves(&self, address: &Jid) -> bool {
        self.0.get(&address.domain_jid()) == Some(&Service::Server)
    }

    /// Whether the domain of that address is served by a component.
    #[must_use]
    pub fn is_component(&self, address: &Jid) -> bool {
        self.0.get(&address.domain_jid()) == Some(&Service::Component)
    }

    /// The domains that the server itself serves, in order.
    pub fn served(&self) -> impl Iterator<Item = &BareJid> + Clone {
        self.0.iter().filter(|(_, service)| **service == Service::Server).map(|(domain, _)| domain)
    }

    /// Where an address lies (RFC 3920 sections 10.2 to 10.5, RFC 6120 sections 10.4 and 10.5).
    #[must_use]
    pub fn locate(&self, address: &Jid, profile: &Profile) -> Destination {
        let domain = address.domain_jid();
        match self.0.get(&domain) {
            Some(Service::Component) => Destination::Component(domain),
            Some(Service::Server) if address.node().is_none() => Destination::Server(domain),
            Some(Service::Server) => Destination::Account(address.to_bare()),
            None => match profile.unconfigured_subdomain() {
                UnconfiguredSubdomain::Refused if self.is_subdomain(domain.domain()) => Destination::Nowhere,
                UnconfiguredSubdomain::Refused | UnconfiguredSubdomain::Remote => Destination::Remote(domain),
            },
        }
    }

    fn is_subdomain(&self, domain: &str) -> bool {
        let below = |own: &BareJid| domain.strip_suffix(own.domain()).is_some_and(|sub| sub.ends_with('.'));
        self.0.keys().any(below)
    }
}

/// Where an address lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// It is this domain of the server, or a resource of it: the server handles the stanza itself or returns an error
    /// (RFC 6120 sections 10.5.1 and 10.5.2).
    Server(BareJid),
    /// It is this account, which need not exist, or a resource of it (RFC 6120 sections 10.5.3 and 10.5.4).
    Account(BareJid),
    /// It is at this domain, which a component serves: the stanza goes there, whatever its node (RFC 6120 section 10.5).
    Component(BareJid),
    /// It is at this foreign domain: the stanza goes there on a stream between servers (RFC 6120 section 10.4).
    Remote(BareJid),
    /// It is at a subdomain of the server's that nobody serves, and [`UnconfiguredSubdomain::Refused`] is chosen: the sender is told
    /// `remote-server-not-found`.
    Nowhere,
}

/// By what kind of stream a stanza came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// By that of a client, which is bound to this address.
    Client(&'a FullJid),
    /// By that of a component.
    Component,
    /// By that of another server.
    Server,
}

/// What becomes of a stanza that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes there.
    Forward(Destination),
    /// Presence without address goes to those who are subscribed to its sender's (RFC 6120 section 10.3.2).
    Broadcast,
    /// An iq without address is handled on behalf of its sender's account, as if it were its bare JID that was asked (RFC 6120
    /// section 10.3.3).
    OnBehalf,
    /// The stream that it came by ends with this error (RFC 6120 section 8.1.1.2): the stanza goes nowhere.
    Fault(Condition),
}

/// Decides about a stanza of that kind for `to`.
#[must_use]
pub fn route(
    kind: Kind,
    to: Option<&Jid>,
    origin: Origin<'_>,
    domains: &Domains,
    profile: &Profile,
) -> Decision {
    match (to.map(|to| domains.locate(to, profile)), origin) {
        // RFC 6120 section 10.4: no relaying between foreign domains.
        (Some(Destination::Remote(_) | Destination::Nowhere), Origin::Server) => {
            Decision::Fault(Condition::HostUnknown)
        }
        (Some(destination), _) => Decision::Forward(destination),
        (None, Origin::Server | Origin::Component) => Decision::Fault(Condition::ImproperAddressing),
        (None, Origin::Client(sender)) => match kind {
            // RFC 6120 section 10.3.1.
            Kind::Message => Decision::Forward(Destination::Account(sender.to_bare())),
            Kind::Presence => Decision::Broadcast,
            Kind::Iq => Decision::OnBehalf,
        },
    }
}
