//! The command `xmppd serve`: sets everything up, says what it did, and runs the server until it is told to stop.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{info, warn};
use tracing_subscriber::EnvFilter;
use xmpp_core::dialback::DialbackPolicy;
use xmpp_core::jid::BareJid;
use xmpp_core::tls::TlsPolicy;
use xmpp_im::host::ConflictPolicy;
use xmpp_im::limits::HostLimits;

use crate::cli::{Conflict, Serve};
use crate::data_dir::DataDir;
use crate::server::{FederationOptions, Listeners, Options, Server, StartError};
use crate::store::{Store, StoreError};
use crate::tls::{Identity, Origin, Tls, TlsError, Trust};

/// Name of the file in the data folder that a running server holds locked.
const LOCK: &str = "serve.lock";

/// Connections that are taken at the most, descriptors permitting.
const CONNECTIONS: usize = 10_000;

/// Sessions of clients without an account that there are at the most, where they are let in.
const ANONYMOUS: usize = 1_000;

/// Descriptors for everything else: the store, the listener, standard streams.
const OTHER_FILES: u64 = 64;

/// Runs a server until SIGINT or SIGTERM comes, and ends its streams in order.
///
/// # Errors
/// [`ServeError`]; except for [`ServeError::Failed`] and [`ServeError::Hurried`] no client was served.
pub async fn run(data: &Path, arguments: Serve) -> Result<(), ServeError> {
    log();
    let mut stop = Signals::watch().map_err(ServeError::Signals)?;
    let dir = folder(data)?;
    let _lock = lock(&dir, data)?;
    let store = Store::open(data).await?;
    let domains = arguments.domains();
    let certificate = certificate(&dir, &arguments, domains.clone()).await?;
    let mut tls = Tls::new(certificate.identity)?;
    if let Some(path) = arguments.client_ca.clone() {
        tls = tls.with_client_trust(blocking(move || Trust::load(&path)).await?)?;
    }
    let policy = if arguments.insecure_plaintext { TlsPolicy::Optional } else { TlsPolicy::Required };
    let connections = connections();
    // Each way to other servers takes as many descriptors as a fifth of the connections.
    let peers = if arguments.s2s.is_empty() { 0 } else { connections / 5 };
    let clients = connections - 2 * peers;
    let anonymous = if arguments.anonymous { ANONYMOUS } else { 0 };
    let mut options = Options::new(domains.clone())
        .with_tls(policy)
        .with_host_limits(limits(&arguments))
        .with_conflict_policy(match arguments.conflict {
            Conflict::Override => ConflictPolicy::Override,
            Conflict::Refuse => ConflictPolicy::Refuse,
            Conflict::Terminate => ConflictPolicy::Terminate,
        })
        .with_connections(clients, clients / 5)
        .with_anonymous(anonymous);
    let mut listeners = Listeners::new(bind(arguments.c2s).await?);
    if let Some(address) = arguments.c2s_tls {
        listeners = listeners.with_clients_tls(bind(address).await?);
    }
    let mut servers = Vec::new();
    for &address in &arguments.s2s {
        let listener = bind(address).await?;
        servers.push(listener.local_addr().unwrap_or(address));
        listeners = listeners.with_peers(listener);
    }
    if !servers.is_empty() {
        let ca = arguments.ca.clone();
        let trust = blocking(move || match ca {
            Some(path) => Trust::load(&path),
            None => Ok(Trust::of_system()),
        });
        tls = tls.with_peer_trust(trust.await?);
        let dialback = match arguments.require_certificates {
            true => DialbackPolicy::Never,
            false => DialbackPolicy::Encrypted,
        };
        let mut federation = FederationOptions::new().with_dialback(dialback).with_connections(peers);
        for known in &arguments.resolve {
            federation = federation.with_known(known.domain.clone(), known.address);
        }
        options = options.with_federation(federation);
    }
    let mut component_listen = None;
    if let Some(address) = arguments.component_listen {
        let listener = bind(address).await?;
        component_listen = Some(listener.local_addr().unwrap_or(address));
        listeners = listeners.with_components(listener);
    }
    for component in &arguments.components {
        options = options.with_component(component.domain.clone(), component.secret.clone());
    }
    let accounts = store.list_accounts().await?;
    let mut server = Server::start(listeners, store.clone(), tls, options).await?;
    let served = accounts.iter().filter(|account| domains.contains(&account.domain_jid())).count();

    Greeting {
        program: std::env::args_os().next().unwrap_or_else(|| "xmppd".into()),
        domains: &domains,
        data,
        accounts: served,
        others: accounts.len().saturating_sub(served),
        certificate: &certificate.path,
        origin: certificate.origin,
        uncovered: &certificate.uncovered,
        address: server.address(),
        tls_address: server.tls_address(),
        anonymous,
        client_ca: arguments.client_ca.as_deref(),
        policy,
        servers: &servers,
        components: component_listen,
        arguments: &arguments,
    }
    .print();

    let signal = tokio::select! {
        signal = stop.next() => signal,
        () = server.failed() => return Err(ServeError::Failed),
    };
    info!(signal, "shutting down");
    tokio::select! {
        () = server.shutdown() => {
            store.close().await;
            info!("all streams are closed");
            Ok(())
        }
        _ = stop.next() => Err(ServeError::Hurried),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

/// Logs to standard error, as `RUST_LOG` says, or what a keeper of the server wants to know.
fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    // Somebody else may have set one up in this process.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let _ = log.with_ansi(io::stderr().is_terminal()).try_init();
}

fn folder(data: &Path) -> Result<DataDir, ServeError> {
    DataDir::create(data).map_err(|source| ServeError::Folder { path: data.to_owned(), source })
}

/// One server per folder: two would each hold rosters in memory that the other changes.
fn lock(dir: &DataDir, data: &Path) -> Result<File, ServeError> {
    match dir.try_lock(LOCK) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(ServeError::Running { path: data.to_owned() }),
        Err(source) => Err(ServeError::Folder { path: dir.join(LOCK), source }),
    }
}

/// As many connections as are wanted and there are descriptors for.
fn connections() -> usize {
    let wanted = CONNECTIONS as u64 + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    let mut current = limit.current.unwrap_or(u64::MAX);
    if current < wanted {
        let raised = wanted.min(limit.maximum.unwrap_or(u64::MAX));
        match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
            Ok(()) => current = raised,
            Err(error) => warn!(%error, "cannot raise the number of open files"),
        }
    }
    let connections = usize::try_from(current.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX);
    if connections < CONNECTIONS {
        warn!(connections, "the limit on open files allows no more connections");
    }
    connections.clamp(1, CONNECTIONS)
}

/// As many messages and contacts as are wanted, and bytes for them: no fewer than there are anyway, and no fewer for each.
fn limits(arguments: &Serve) -> HostLimits {
    let limits = HostLimits::new();
    let bytes = |wanted: usize, usual: usize, bytes: usize| {
        bytes.max(wanted.saturating_mul(bytes.checked_div(usual).unwrap_or(0)))
    };
    let [messages, contacts] = [arguments.offline_messages, arguments.roster_items]
        .map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    let message_bytes = bytes(messages, limits.offline_messages(), limits.offline_bytes());
    let contact_bytes = bytes(contacts, limits.roster_items(), limits.roster_bytes());
    limits.with_offline(messages, message_bytes).with_roster_items(contacts).with_roster_bytes(contact_bytes)
}

struct Certificate {
    identity: Identity,
    path: PathBuf,
    origin: Option<Origin>,
    /// Domains that it does not name.
    uncovered: Vec<String>,
}

/// The certificate that was given, or the folder's own.
async fn certificate(
    dir: &DataDir,
    arguments: &Serve,
    domains: Vec<BareJid>,
) -> Result<Certificate, ServeError> {
    let given = arguments.cert.clone().zip(arguments.key.clone());
    let dir = dir.clone();
    // A lock may be waited for.
    blocking(move || match given {
        Some((path, key)) => {
            let identity = Identity::load(&path, &key)?;
            let uncovered = identity.uncovered(&domains);
            Ok(Certificate { identity, path, origin: None, uncovered })
        }
        None => {
            let (identity, origin) = Identity::self_made(&dir, &domains)?;
            let path = Identity::certificate_path(&dir);
            Ok(Certificate { identity, path, origin: Some(origin), uncovered: Vec::new() })
        }
    })
    .await
}

/// Reads files away from the I/O threads.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, TlsError> + Send + 'static,
) -> Result<T, ServeError> {
    let done = tokio::task::spawn_blocking(read).await;
    done.map_err(|error| ServeError::Signals(io::Error::other(error)))?.map_err(ServeError::Tls)
}

/// The signals that end the server.
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    fn watch() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

/// What is said when the server runs: what it did, and how to connect.
struct Greeting<'a> {
    /// As it was called, which is how to call it again: it need not be on the path.
    program: OsString,
    domains: &'a [BareJid],
    data: &'a Path,
    accounts: usize,
    /// Accounts of domains that are not served: of a mistyped one, maybe.
    others: usize,
    certificate: &'a Path,
    origin: Option<Origin>,
    uncovered: &'a [String],
    address: SocketAddr,
    tls_address: Option<SocketAddr>,
    /// Sessions without an account that are let in.
    anonymous: usize,
    client_ca: Option<&'a Path>,
    policy: TlsPolicy,
    /// Where it listens for other servers.
    servers: &'a [SocketAddr],
    /// Where it listens for components.
    components: Option<SocketAddr>,
    arguments: &'a Serve,
}

impl Greeting<'_> {
    /// Nobody may be reading it, which is no reason to stop.
    fn print(&self) {
        let mut out = io::stdout().lock();
        let _ = write!(out, "{self}").and_then(|()| out.flush());
    }
}

impl fmt::Display for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domains: Vec<_> = self.domains.iter().map(BareJid::as_str).collect();
        writeln!(f, "xmppd {} serves {}", env!("CARGO_PKG_VERSION"), domains.join(", "))?;
        let accounts = match self.accounts {
            0 => "no account yet".to_owned(),
            1 => "1 account".to_owned(),
            accounts => format!("{accounts} accounts"),
        };
        let others = match self.others {
            0 => String::new(),
            others => format!(", {others} of other domains"),
        };
        writeln!(f, "  data         {} ({accounts}{others})", self.data.display())?;
        let origin = match self.origin {
            Some(Origin::Made) => " (self-signed, made just now: clients have to trust it)",
            Some(Origin::Found) => " (self-signed: clients have to trust it)",
            None => "",
        };
        writeln!(f, "  certificate  {}{origin}", self.certificate.display())?;
        if !self.uncovered.is_empty() {
            writeln!(f, "  warning      the certificate does not name {}", self.uncovered.join(", "))?;
        }
        let security = match self.policy {
            TlsPolicy::Required => "STARTTLS is required",
            TlsPolicy::Optional => "STARTTLS is offered, and nothing is encrypted without it",
            TlsPolicy::Disabled => "nothing is encrypted",
        };
        writeln!(f, "  clients      {} ({security})", self.address)?;
        if self.policy != TlsPolicy::Required && !self.address.ip().is_loopback() {
            writeln!(f, "  warning      others can reach this address, and read what is not encrypted")?;
        }
        if let Some(address) = self.tls_address {
            writeln!(f, "  direct TLS   {address} (XEP-0368)")?;
        }
        if let Some(path) = self.client_ca {
            let path = path.display();
            writeln!(f, "  logins       by client certificates that {path} vouches for (SASL EXTERNAL)")?;
        }
        if self.anonymous > 0 {
            let sessions = self.anonymous;
            writeln!(f, "  logins       without an account, {sessions} at once (SASL ANONYMOUS)")?;
        }
        for address in self.servers {
            let proof = match self.arguments.require_certificates {
                true => "by certificates",
                false => "by certificates, else by dialback",
            };
            writeln!(f, "  servers      {address} (STARTTLS is required; they prove their domains {proof})")?;
        }
        if let Some(address) = self.components {
            let names: Vec<_> = self.arguments.components.iter().map(|it| it.domain.as_str()).collect();
            writeln!(f, "  components   {address} ({}; nothing is encrypted)", names.join(", "))?;
            if !address.ip().is_loopback() {
                writeln!(f, "  warning      others can reach this address, and read what components send")?;
            }
        }
        if let (0, Some(domain)) = (self.accounts, domains.first()) {
            writeln!(f, "Add an account, then log in with it:")?;
            let (program, data) = (self.program.display(), self.data.display());
            writeln!(f, "  {program} --data {data} user add juliet@{domain}")?;
        }
        writeln!(f, "Stop it with Ctrl-C.")
    }
}

/// Why there is no server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServeError {
    /// The data folder cannot be used.
    Folder {
        /// The folder or the file in it.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Another server runs on the same folder.
    Running {
        /// The folder.
        path: PathBuf,
    },
    /// The store failed.
    Store(StoreError),
    /// There is no certificate to serve with.
    Tls(TlsError),
    /// The address cannot be listened on.
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The server did not start.
    Start(StartError),
    /// The operating system gives no signals, or no threads.
    Signals(io::Error),
    /// A part of the server has failed.
    Failed,
    /// A second signal came before all streams were closed.
    Hurried,
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Running { path } => write!(
                f,
                "another xmppd serves {} already: stop it first, or give --data another folder",
                path.display()
            ),
            Self::Store(error) => error.fmt(f),
            Self::Tls(error) => error.fmt(f),
            Self::Listen { address, source } => write!(f, "cannot listen on {address}: {source}"),
            Self::Start(error) => error.fmt(f),
            Self::Signals(source) => write!(f, "cannot set up the process: {source}"),
            Self::Failed => f.write_str("the server has failed; its log says where"),
            Self::Hurried => f.write_str("stopped before all streams were closed"),
        }
    }
}

impl std::error::Error for ServeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Folder { source, .. } | Self::Listen { source, .. } | Self::Signals(source) => Some(source),
            Self::Store(error) => Some(error),
            Self::Tls(error) => Some(error),
            Self::Start(error) => Some(error),
            Self::Running { .. } | Self::Failed | Self::Hurried => None,
        }
    }
}

impl From<StoreError> for ServeError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<TlsError> for ServeError {
    fn from(error: TlsError) -> Self {
        Self::Tls(error)
    }
}

impl From<StartError> for ServeError {
    fn from(error: StartError) -> Self {
        Self::Start(error)
    }
}
