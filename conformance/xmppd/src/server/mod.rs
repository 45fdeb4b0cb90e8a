//! The server: listeners, a task per connection, one for the host with the federation, and one for the store.
//!
//! ```text
//! clients ─── connection ──commands──▶ host ──jobs──▶ storage ── SQLite
//!        ◀─── (each a task) ◀─mailbox─ (one) ◀replies─ (one)
//!
//! components ─ connection ──commands──▶ host
//!           ◀─ (each a task) ◀─mailbox─
//!
//! servers ──▶ connection ────commands─▶ host      stanzas, and keys to be verified
//!             (each a task) ◀─verdicts─
//!
//! servers ◀── link ◀─────────mailbox─── host      stanzas, and that it is to end
//!      DNS ── (each a task) ◀─orders───           what to ask the other server
//!                           ──facts───▶           how it fares
//! ```
//!
//! Stanzas go one way on a connection between servers: what others send comes by those that they open, and what goes to them leaves by
//! links, which the host opens as its federation says. The host's task owns that: no stanza changes tasks between the two.
//!
//! Every arrow is bounded: what does not fit stays where it comes from, down to the sender's own socket. The host's
//! module says why that cannot lock up. Keys are looked up and passwords hashed by the connections themselves, away from the
//! I/O threads; links look for their servers themselves.
//!
//! It prints nothing and handles no signals: that is [`serve`](crate::serve)'s part.

mod admission;
mod client;
mod clock;
mod component;
mod components;
mod driver;
mod handle;
mod held;
mod host;
mod listener;
mod mailbox;
mod offer;
mod options;
mod peer_in;
mod peer_out;
mod remotes;
mod resolver;
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
use xmpp_core::conn::{ComponentAcceptorConfig, PeerConfig};
use xmpp_core::dialback;
use xmpp_core::entropy::Seed;
use xmpp_core::jid::BareJid;
use xmpp_im::federation::{Federation, FederationConfig, Sharing};
use xmpp_im::host::{Host, HostConfig};

use self::admission::Admission;
use self::client::{Begins, Shared};
use self::clock::Clock;
use self::listener::listen;
use self::offer::Offers;
use self::remotes::Remotes;
use self::resolver::Finder;
use self::tally::Tally;
use self::upgrade::Upgrades;
use crate::hashing::HashingPool;
use crate::store::{Store, StoreError};
use crate::tls::Tls;

pub use self::options::{FederationOptions, Listeners, Options};

/// Connections of other servers from one address that have proved nothing yet.
const PEERS_PER_ADDRESS: usize = 64;

/// Connections to the components' listener that are taken.
const COMPONENTS: usize = 256;

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
        let Listeners { clients, clients_tls, peers, components } = listeners.into();
        let mut own = options.domains.clone();
        for (domain, _) in &options.components {
            if own.contains(domain) {
                return Err(StartError::Taken { component: domain.clone() });
            }
            own.push(domain.clone());
        }
        let address = clients.local_addr().map_err(StartError::Io)?;
        let tls_address = clients_tls.as_ref().map(TcpListener::local_addr);
        let tls_address = tls_address.transpose().map_err(StartError::Io)?;
        let (close, handshake) = (options.limits.close(), options.limits.tls());
        let mut host = HostConfig::new(options.domains.iter().cloned())
            .with_limits(options.host_limits.clone())
            .with_conflict_policy(options.conflict)
            .with_offline_storage();
        for (domain, _) in &options.components {
            host = host.with_component(domain.clone());
        }
        if options.federation.is_some() {
            host = host.with_federation();
        }
        let clock = Clock::start();
        let host = Host::new(host, seed().map_err(StartError::Io)?, clock.epoch());
        let features = host.stream_features().collect();
        let offers = Offers::new(options.clone(), tls.asks_clients(), features, &store).await;
        let offers = Arc::new(offers.map_err(StartError::Store)?);
        let secret =
            dialback::Secret::new(store.dialback_secret().await.map_err(StartError::Store)?.as_slice());
        let remotes = match &options.federation {
            Some(federation) => Some(remotes(federation, &tls, &secret, clock)?),
            None => None,
        };

        let (to_storage, jobs) = mpsc::channel(host::JOBS_SENT);
        let (replies, from_storage) = mpsc::channel(host::JOBS_SENT);
        let (task, handle) =
            host::new(host, clock, remotes, options.connections.saturating_add(COMPONENTS), from_storage);
        let sessions = task.count();
        let hashing = HashingPool::new();
        let (upgrades, outdated) = Upgrades::new();
        let shared = Arc::new(Shared {
            offers: Arc::clone(&offers),
            close,
            handshake,
            clock,
            store: store.clone(),
            tls: tls.clone(),
            hashing: hashing.clone(),
            upgrades,
            put_off: Tally::default(),
            refused: Tally::default(),
            host: handle.clone(),
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
        if let Some(federation) = &options.federation {
            let config = PeerConfig::new(own, secret)
                .with_dialback(federation.dialback)
                .with_limits(federation.limits.clone());
            let (config, close) = (Arc::new(config), federation.limits.close());
            let refused = Tally::default();
            let shared =
                Arc::new(peer_in::Shared { config, close, clock, tls, refused, host: handle.clone() });
            let admission = Admission::new(federation.connections, PEERS_PER_ADDRESS, 0);
            for listener in peers {
                let shared = Arc::clone(&shared);
                let serve = move |arrival| peer_in::serve(Arc::clone(&shared), arrival);
                listeners.spawn(listen(listener, admission.clone(), close, watching.clone(), serve));
            }
        }
        if let Some(listener) = components {
            let config = Arc::new(ComponentAcceptorConfig::new(options.components));
            let shared =
                Arc::new(component::Shared { config, close, clock, refused: Tally::default(), host: handle });
            let serve = move |arrival| component::serve(Arc::clone(&shared), arrival);
            let admission = Admission::new(COMPONENTS, COMPONENTS, 0);
            listeners.spawn(listen(listener, admission, close, watching, serve));
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

/// The federation, and the way to its links.
fn remotes(
    options: &FederationOptions,
    tls: &Tls,
    secret: &dialback::Secret,
    clock: Clock,
) -> Result<Remotes, StartError> {
    let (to_facts, facts) = mpsc::channel(remotes::FACTS);
    let shared = peer_out::Shared {
        finder: Finder::new(options.known.clone(), tls.clone()),
        tls: tls.clone(),
        secret: secret.clone(),
        dialback: options.dialback,
        close: options.limits.close(),
        limits: options.limits.clone(),
        clock,
        facts: to_facts,
    };
    let limits = options.waiting.clone().with_remotes(options.connections.max(1));
    let config = FederationConfig::new().with_limits(limits).with_sharing(Sharing::Senders);
    let federation = Federation::new(config, seed().map_err(StartError::Io)?);
    Ok(Remotes::new(federation, Arc::new(shared), facts))
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
    /// A component has the name of a domain of the server, or of another component.
    Taken {
        /// That name.
        component: BareJid,
    },
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot start: {error}"),
            Self::Store(error) => error.fmt(f),
            Self::Taken { component } => {
                write!(
                    f,
                    "{component} is taken: every component needs a domain of its own, beside the server's"
                )
            }
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Store(error) => Some(error),
            Self::Taken { .. } => None,
        }
    }
}
