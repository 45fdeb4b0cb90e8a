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
mod mailbox;
mod storage;
mod tally;
mod transport;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tracing::{error, warn};
use xmpp_core::conn::ServerConfig;
use xmpp_core::entropy::Seed;
use xmpp_core::jid::BareJid;
use xmpp_core::limits::Limits;
use xmpp_core::sasl::ScramHash;
use xmpp_core::sasl::server::Decoy;
use xmpp_core::tls::TlsPolicy;
use xmpp_im::establish;
use xmpp_im::host::{Host, HostConfig};
use xmpp_im::limits::HostLimits;

use self::admission::Admission;
use self::client::Shared;
use self::clock::Clock;
use self::tally::Tally;
use crate::hashing::HashingPool;
use crate::password;
use crate::store::{Store, StoreError};
use crate::tls::Tls;

/// How long to wait after connections could not be accepted: what is lacking has to be given back first.
const BACKOFF: Duration = Duration::from_millis(100);

/// What a server decides once.
#[derive(Clone, Debug)]
pub struct Options {
    domains: Vec<BareJid>,
    tls: TlsPolicy,
    limits: Limits,
    host_limits: HostLimits,
    connections: usize,
    strangers: usize,
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
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shutdown: watch::Sender<bool>,
    admission: Admission,
    sessions: Arc<AtomicUsize>,
    listener: JoinHandle<()>,
    host: JoinHandle<()>,
    storage: JoinHandle<()>,
}

impl Server {
    /// Serves clients on this listener from now on, on the current runtime.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub async fn start(
        listener: TcpListener,
        store: Store,
        tls: Tls,
        options: Options,
    ) -> Result<Self, StartError> {
        let address = listener.local_addr().map_err(StartError::Io)?;
        let decoy = Decoy::new(*store.decoy_key().await.map_err(StartError::Store)?)
            .hash(ScramHash::Sha256)
            .iterations(password::ITERATIONS)
            .salt_len(password::SALT_LEN);
        // There is no session that they could end.
        store.take_deletions().await.map_err(StartError::Store)?;
        let close = options.limits.close();
        let config = ServerConfig::new(options.domains.iter().cloned(), decoy)
            .with_tls(options.tls)
            .with_limits(options.limits)
            .with_feature(establish::feature());
        let host = HostConfig::new(options.domains).with_limits(options.host_limits);
        let host = Host::new(host, seed().map_err(StartError::Io)?);

        let (to_storage, jobs) = mpsc::channel(host::JOBS_SENT);
        let (replies, from_storage) = mpsc::channel(host::JOBS_SENT);
        let (task, handle) = host::new(host, options.connections, from_storage);
        let shared = Shared {
            config: Arc::new(config),
            close,
            clock: Clock::start(),
            store: store.clone(),
            tls,
            hashing: HashingPool::new(),
            put_off: Tally::default(),
            refused: Tally::default(),
            host: handle,
        };
        let admission = Admission::new(options.connections, options.strangers.max(1));
        let (shutdown, watching) = watch::channel(false);
        Ok(Self {
            address,
            shutdown,
            admission: admission.clone(),
            sessions: task.count(),
            storage: tokio::spawn(storage::run(store, jobs, replies)),
            host: tokio::spawn(task.run(to_storage)),
            listener: tokio::spawn(listen(listener, Arc::new(shared), admission, watching)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
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
            ended = &mut self.listener => (ended, "listener"),
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
    pub async fn shutdown(self) {
        self.shutdown.send_replace(true);
        for (task, name) in [(self.listener, "listener"), (self.host, "host"), (self.storage, "storage")] {
            if let Err(error) = task.await {
                error!(%error, "the {name} failed");
            }
        }
    }
}

/// Takes connections until the server is shut down, then waits for them to end.
async fn listen(
    listener: TcpListener,
    shared: Arc<Shared>,
    admission: Admission,
    mut shutdown: watch::Receiver<bool>,
) {
    let watching = shutdown.clone();
    let mut connections = JoinSet::new();
    let turned_away = Tally::default();
    let mut pause = None;
    loop {
        let accept = async {
            if let Some(pause) = pause {
                sleep(pause).await;
            }
            listener.accept().await
        };
        tokio::select! {
            _ = shutdown.wait_for(|down| *down) => break,
            Some(ended) = connections.join_next() => report(ended),
            accepted = accept => match accepted {
                Ok((stream, peer)) => {
                    pause = None;
                    let Some(place) = admission.admit(peer.ip()) else {
                        if let Some(connections) = turned_away.count() {
                            warn!(%peer, connections, "there is no place for more connections");
                        }
                        continue;
                    };
                    match prepare(&stream) {
                        Ok(seed) => {
                            let (shared, watching) = (Arc::clone(&shared), watching.clone());
                            connections.spawn(client::serve(shared, stream, peer, place, seed, watching));
                        }
                        Err(error) => warn!(%peer, %error, "cannot serve a connection"),
                    }
                }
                Err(error) => {
                    // Out of descriptors or memory, or a connection that ended before it was taken.
                    warn!(%error, "cannot accept a connection");
                    pause = Some(BACKOFF);
                }
            },
        }
    }
    drop(listener);
    // Flushing, closing TLS and the client's own end, each with its limit, and a little for the host to take what was sent.
    let patience = 3 * shared.close + Duration::from_secs(1);
    drop(shared);
    let all = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if timeout(patience, all).await.is_err() {
        warn!(connections = connections.len(), "connections are cut off");
        connections.shutdown().await;
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        error!(%error, "a connection failed");
    }
}

/// Makes a connection ready for the engine.
fn prepare(stream: &TcpStream) -> io::Result<Seed> {
    // What is written belongs together, and an answer must not wait for more of it.
    stream.set_nodelay(true)?;
    seed()
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
