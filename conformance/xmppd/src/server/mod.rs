//! The server: a listener, a task per connection, one for the host and one for the store.
//!
//! ```text
//! socket ── connection ──commands──▶ host ──jobs──▶ storage ── SQLite
//!    ◀───── (one task) ◀──mailbox─── (one) ◀─replies─ (one)
//! ```
//!
//! Every arrow is bounded: what does not fit stays where it comes from, down to the client's own socket. The host's
//! module says why that cannot lock up. Keys are looked up and passwords hashed by the connections themselves, away from the
//! I/O threads.
//!
//! It prints nothing and handles no signals: that is [`serve`](crate::serve)'s part.

mod admission;
mod client;
mod clock;
mod driver;
mod host;
mod listener;
mod mailbox;
mod offer;
mod storage;
mod tally;
mod transport;
mod upgrade;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tracing::error;
use xmpp_core::entropy::Seed;
use xmpp_core::jid::BareJid;
use xmpp_core::limits::Limits;
use xmpp_core::tls::TlsPolicy;
use xmpp_im::host::{Host, HostConfig};
use xmpp_im::limits::HostLimits;

use self::admission::Admission;
use self::client::{Begins, Shared};
use self::clock::Clock;
use self::listener::listen;
use self::offer::Offers;
use self::tally::Tally;
use self::upgrade::Upgrades;
use crate::hashing::HashingPool;
use crate::store::{Store, StoreError};
use crate::tls::Tls;

/// What a server decides once.
#[derive(Clone, Debug)]
pub struct Options {
    domains: Vec<BareJid>,
    tls: TlsPolicy,
    limits: Limits,
    host_limits: HostLimits,
    connections: usize,
    strangers: usize,
    anonymous: usize,
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
            connections: 10_000,
            strangers: 2_000,
            anonymous: 0,
        }
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
    clients: TcpListener,
    clients_tls: Option<TcpListener>,
}

impl Listeners {
    /// For clients.
    #[must_use]
    pub const fn new(clients: TcpListener) -> Self {
        Self { clients, clients_tls: None }
    }

    /// For clients that begin with TLS (XEP-0368).
    #[must_use]
    pub fn with_clients_tls(mut self, listener: TcpListener) -> Self {
        self.clients_tls = Some(listener);
        self
    }
}

impl From<TcpListener> for Listeners {
    fn from(clients: TcpListener) -> Self {
        Self::new(clients)
    }
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    shutdown: watch::Sender<bool>,
    admission: Admission,
    sessions: Arc<AtomicUsize>,
    listeners: JoinSet<()>,
    upgrades: JoinHandle<()>,
    host: JoinHandle<()>,
    storage: JoinHandle<()>,
}

impl Server {
    /// Serves on these listeners from now on, on the current runtime.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(
        listeners: impl Into<Listeners>,
        store: Store,
        tls: Tls,
        options: Options,
    ) -> Result<Self, StartError> {
        let Listeners { clients, clients_tls } = listeners.into();
        let address = clients.local_addr().map_err(StartError::Io)?;
        let tls_address = clients_tls.as_ref().map(TcpListener::local_addr);
        let tls_address = tls_address.transpose().map_err(StartError::Io)?;
        // There is no session that they could end.
        store.take_deletions().await.map_err(StartError::Store)?;
        let (close, handshake) = (options.limits.close(), options.limits.tls());
        let offers = Offers::new(options.clone(), tls.asks_clients(), &store).await;
        let offers = Arc::new(offers.map_err(StartError::Store)?);
        let host = HostConfig::new(options.domains).with_limits(options.host_limits);
        let host = Host::new(host, seed().map_err(StartError::Io)?);

        let (to_storage, jobs) = mpsc::channel(host::JOBS_SENT);
        let (replies, from_storage) = mpsc::channel(host::JOBS_SENT);
        let (task, handle) = host::new(host, options.connections, from_storage);
        let sessions = task.count();
        let hashing = HashingPool::new();
        let (upgrades, outdated) = Upgrades::new();
        let shared = Arc::new(Shared {
            offers: Arc::clone(&offers),
            close,
            handshake,
            clock: Clock::start(),
            store: store.clone(),
            tls,
            hashing: hashing.clone(),
            upgrades,
            put_off: Tally::default(),
            refused: Tally::default(),
            host: handle,
        });
        let admission = Admission::new(options.connections, options.strangers.max(1), options.anonymous);
        let (shutdown, watching) = watch::channel(false);
        let mut listeners = JoinSet::new();
        let doors = [(Some(clients), Begins::Plain), (clients_tls, Begins::Tls)];
        for (listener, begins) in doors {
            let Some(listener) = listener else { continue };
            let shared = Arc::clone(&shared);
            let serve = move |arrival| client::serve(Arc::clone(&shared), begins, arrival);
            listeners.spawn(listen(listener, admission.clone(), close, watching.clone(), serve));
        }
        Ok(Self {
            address,
            tls_address,
            shutdown,
            admission,
            sessions,
            listeners,
            upgrades: tokio::spawn(upgrade::run(store.clone(), hashing, offers, outdated)),
            storage: tokio::spawn(storage::run(store, jobs, replies)),
            host: tokio::spawn(task.run(to_storage)),
        })
    }

    /// Where it listens for clients.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens for clients that begin with TLS.
    #[must_use]
    pub const fn tls_address(&self) -> Option<SocketAddr> {
        self.tls_address
    }

    /// How many connections there are, those that have not logged in among them.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.admission.admitted()
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.load(Ordering::Relaxed)
    }

    /// Waits until a part of the server has ended by itself, which only a fault in this program explains. Nothing can be relied
    /// on then: what clients were told is in the store, and the process had better end.
    pub async fn failed(&mut self) {
        let (ended, name) = tokio::select! {
            Some(ended) = self.listeners.join_next() => (ended, "listener"),
            ended = &mut self.upgrades => (ended, "maker of keys"),
            ended = &mut self.host => (ended, "host"),
            ended = &mut self.storage => (ended, "storage"),
        };
        match ended {
            Ok(()) => error!("the {name} has ended"),
            Err(error) => error!(%error, "the {name} failed"),
        }
    }

    /// Takes no more connections, ends all streams with `system-shutdown`, and returns when everything that clients sent before is
    /// done and, as far as it is to be kept, in the store.
    pub async fn shutdown(mut self) {
        self.shutdown.send_replace(true);
        while let Some(ended) = self.listeners.join_next().await {
            if let Err(error) = ended {
                error!(%error, "a listener failed");
            }
        }
        for (task, name) in [(self.upgrades, "maker of keys"), (self.host, "host"), (self.storage, "storage")]
        {
            if let Err(error) = task.await {
                error!(%error, "the {name} failed");
            }
        }
    }
}

fn seed() -> io::Result<Seed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(io::Error::from)?;
    Ok(Seed::new(bytes))
}

/// Why a server did not start.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The operating system gives no address or no randomness.
    Io(io::Error),
    /// The store failed.
    Store(StoreError),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot start: {error}"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Store(error) => Some(error),
        }
    }
}
