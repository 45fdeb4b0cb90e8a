//! What a server decides once, and where it listens.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use xmpp_core::dialback::DialbackPolicy;
use xmpp_core::jid::BareJid;
use xmpp_core::limits::Limits;
use xmpp_core::sasl::Secret;
use xmpp_core::tls::TlsPolicy;
use xmpp_im::federation::FederationLimits;
use xmpp_im::host::ConflictPolicy;
use xmpp_im::limits::HostLimits;

/// Stanzas that may wait for one foreign domain, and bytes of them. It is [behind](super::remotes) long before: its senders are made to wait
/// then, and no single one of them can send so much in the time that a stanza waits at the longest.
const WAITING: (usize, usize) = (4_096, 1 << 20);

/// Keys of other servers that may be under verification, and for how long each: many times more than one address can ask for, which
/// has [so many](super::PEERS_PER_ADDRESS) connections, each with as many keys as [`Limits::dialbacks`] allows.
const VERIFICATIONS: (usize, Duration) = (8_192, Duration::from_secs(30));

/// What a server decides once.
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) domains: Vec<BareJid>,
    pub(super) tls: TlsPolicy,
    pub(super) limits: Limits,
    pub(super) host_limits: HostLimits,
    pub(super) conflict: ConflictPolicy,
    pub(super) connections: usize,
    pub(super) strangers: usize,
    pub(super) anonymous: usize,
    pub(super) federation: Option<FederationOptions>,
    pub(super) components: Vec<(BareJid, Secret)>,
}

/// What a server that federates decides once.
#[derive(Clone, Debug)]
pub struct FederationOptions {
    pub(super) dialback: DialbackPolicy,
    pub(super) known: BTreeMap<BareJid, SocketAddr>,
    pub(super) connections: usize,
    pub(super) limits: Limits,
    pub(super) waiting: FederationLimits,
}

impl Default for FederationOptions {
    fn default() -> Self {
        Self {
            dialback: DialbackPolicy::default(),
            known: BTreeMap::new(),
            connections: 2_000,
            limits: Limits::server_peer(),
            waiting: FederationLimits::new()
                .with_waiting(WAITING.0, WAITING.1)
                .with_verifications(VERIFICATIONS.0, VERIFICATIONS.1),
        }
    }
}

impl FederationOptions {
    /// Other servers prove their domains by certificates that are believed, or by dialback over TLS. They are found by DNS. There is room
    /// for 2,000 connections each way.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// So many connections of other servers, and as many foreign domains that this one connects to.
    #[must_use]
    pub const fn with_connections(mut self, each_way: usize) -> Self {
        self.connections = each_way;
        self
    }

    /// How much of everything a connection with another server may use.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How much may wait for other servers, and for how long. How many there may be is [said elsewhere](Self::with_connections).
    #[must_use]
    pub const fn with_waiting(mut self, limits: FederationLimits) -> Self {
        self.waiting = limits;
        self
    }

    /// Where dialback will do.
    #[must_use]
    pub const fn with_dialback(mut self, policy: DialbackPolicy) -> Self {
        self.dialback = policy;
        self
    }

    /// The server of this domain is there: DNS is not asked.
    #[must_use]
    pub fn with_known(mut self, domain: BareJid, address: SocketAddr) -> Self {
        self.known.insert(domain, address);
        self
    }
}

impl Options {
    /// A server of these domains, with the engine's limits, TLS required, and room for 10,000 connections, 2,000 per address
    /// among them that have not logged in yet.
    pub fn new(domains: impl IntoIterator<Item = BareJid>) -> Self {
        Self {
            domains: domains.into_iter().collect(),
            tls: TlsPolicy::Required,
            limits: Limits::client(),
            host_limits: HostLimits::new(),
            conflict: ConflictPolicy::default(),
            connections: 10_000,
            strangers: 2_000,
            anonymous: 0,
            federation: None,
            components: Vec::new(),
        }
    }

    /// Exchanges stanzas with other servers. Without [a listener](Listeners::with_peers) for them, nothing comes from there.
    #[must_use]
    pub fn with_federation(mut self, federation: FederationOptions) -> Self {
        self.federation = Some(federation);
        self
    }

    /// Lets the component of this domain connect, by that secret.
    #[must_use]
    pub fn with_component(mut self, domain: BareJid, secret: Secret) -> Self {
        self.components.push((domain, secret));
        self
    }

    /// Whether clients need TLS.
    #[must_use]
    pub const fn with_tls(mut self, policy: TlsPolicy) -> Self {
        self.tls = policy;
        self
    }

    /// How much of everything a connection may use.
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// How much of everything an account may use.
    #[must_use]
    pub const fn with_host_limits(mut self, limits: HostLimits) -> Self {
        self.host_limits = limits;
        self
    }

    /// Who gives way when two clients of an account want the same resource.
    #[must_use]
    pub const fn with_conflict_policy(mut self, policy: ConflictPolicy) -> Self {
        self.conflict = policy;
        self
    }

    /// So many connections, and so many, but one at least, from one address that have not logged in yet.
    #[must_use]
    pub const fn with_connections(mut self, all: usize, strangers_per_address: usize) -> Self {
        self.connections = all;
        self.strangers = strangers_per_address;
        self
    }

    /// Lets clients log in without an account (SASL ANONYMOUS), so many of them at once. They reach only who is on this server.
    #[must_use]
    pub const fn with_anonymous(mut self, sessions: usize) -> Self {
        self.anonymous = sessions;
        self
    }
}

/// Where a server listens.
#[derive(Debug)]
pub struct Listeners {
    pub(super) clients: TcpListener,
    pub(super) clients_tls: Option<TcpListener>,
    pub(super) peers: Vec<TcpListener>,
    pub(super) components: Option<TcpListener>,
}

impl Listeners {
    /// For clients.
    #[must_use]
    pub const fn new(clients: TcpListener) -> Self {
        Self { clients, clients_tls: None, peers: Vec::new(), components: None }
    }

    /// For clients that begin with TLS (XEP-0368).
    #[must_use]
    pub fn with_clients_tls(mut self, listener: TcpListener) -> Self {
        self.clients_tls = Some(listener);
        self
    }

    /// For other servers, one more.
    #[must_use]
    pub fn with_peers(mut self, listener: TcpListener) -> Self {
        self.peers.push(listener);
        self
    }

    /// For components (XEP-0114).
    #[must_use]
    pub fn with_components(mut self, listener: TcpListener) -> Self {
        self.components = Some(listener);
        self
    }
}

impl From<TcpListener> for Listeners {
    fn from(clients: TcpListener) -> Self {
        Self::new(clients)
    }
}
