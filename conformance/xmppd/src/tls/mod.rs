//! TLS: the certificate, the configurations of rustls, the channel bindings of a connection, and what a peer's certificates prove.
//!
//! * [`Identity`] is the certificate chain with its key, loaded from files or made on the first start
//! * [`Tls`] is what makes handshakes with it, as the server of clients and of peers, and as the client of peers: TLS 1.3 and 1.2
//! * [`Trust`] is whose word on a peer's names is believed
//! * [`exporter`] and [`end_point`] compute channel bindings (RFC 9266, RFC 5929 section 4)

mod binding;
mod error;
mod identity;
#[cfg(test)]
mod tests;
mod trust;

use std::fmt;
use std::sync::Arc;

use rustls::ProtocolVersion;
use rustls::client::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::server::{ServerConfig, ServerConnection};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use xmpp_core::sasl::Bindings;
use xmpp_core::tls::TlsInfo;

use self::trust::Anybody;

pub use self::binding::{end_point, exporter};
pub use self::error::TlsError;
pub use self::identity::{Identity, Origin};
pub use self::trust::Trust;

/// The ALPN names of XEP-0368, section 3.
const ALPN_CLIENT: &[u8] = b"xmpp-client";
const ALPN_SERVER: &[u8] = b"xmpp-server";

/// All handshakes of a server: one identity, for all its domains.
#[derive(Clone)]
pub struct Tls {
    key: Arc<SingleCertAndKey>,
    provider: Arc<CryptoProvider>,
    end_point: Option<Vec<u8>>,
    clients: Arc<ServerConfig>,
    /// As `clients`, for those that begin with TLS.
    clients_direct: Arc<ServerConfig>,
    peers: Arc<ServerConfig>,
    to_peers: Arc<ClientConfig>,
    to_peers_direct: Arc<ClientConfig>,
    client_trust: Option<Trust>,
    peer_trust: Trust,
}

impl Tls {
    /// Makes handshakes as this identity. Clients are not asked for certificates, and no peer's certificate is believed.
    ///
    /// # Errors
    /// [`TlsError::Config`] when the key is not that of the certificate or of a kind that rustls
    /// does not sign with.
    pub fn new(identity: Identity) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let (chain, key) = identity.into_parts();
        let end_point = chain.first().and_then(|certificate| end_point(certificate));
        let key = CertifiedKey::from_der(chain, key, &provider).map_err(TlsError::Config)?;
        let key = Arc::new(SingleCertAndKey::from(key));
        let clients = accepting(&key, &provider, Ask::Nobody)?;
        let clients_direct = with_alpn(&clients, ALPN_CLIENT);
        let to_peers = connecting(&key, &provider)?;
        let mut to_peers_direct = ClientConfig::clone(&to_peers);
        to_peers_direct.alpn_protocols = vec![ALPN_SERVER.to_vec()];
        Ok(Self {
            peers: accepting(&key, &provider, Ask::Everybody)?,
            key,
            provider,
            end_point,
            clients,
            clients_direct,
            to_peers,
            to_peers_direct: Arc::new(to_peers_direct),
            client_trust: None,
            peer_trust: Trust::nobody(),
        })
    }

    /// Asks clients for certificates, and believes those that `trust` vouches for.
    ///
    /// # Errors
    /// [`TlsError::Config`].
    pub fn with_client_trust(mut self, trust: Trust) -> Result<Self, TlsError> {
        self.clients = accepting(&self.key, &self.provider, Ask::Everybody)?;
        self.clients_direct = with_alpn(&self.clients, ALPN_CLIENT);
        self.client_trust = Some(trust);
        Ok(self)
    }

    /// Believes the certificates of peers that `trust` vouches for.
    #[must_use]
    pub fn with_peer_trust(mut self, trust: Trust) -> Self {
        self.peer_trust = trust;
        self
    }

    /// For clients that ask for TLS.
    pub fn clients(&self) -> &Arc<ServerConfig> {
        &self.clients
    }

    /// For clients that begin with it (XEP-0368).
    pub fn clients_direct(&self) -> &Arc<ServerConfig> {
        &self.clients_direct
    }

    /// For servers that connect to this one.
    pub fn peers(&self) -> &Arc<ServerConfig> {
        &self.peers
    }

    /// For servers that this one connects to.
    pub fn to_peers(&self) -> &Arc<ClientConfig> {
        &self.to_peers
    }

    /// For those of them where TLS comes first (XEP-0368).
    pub fn to_peers_direct(&self) -> &Arc<ClientConfig> {
        &self.to_peers_direct
    }

    /// Whether clients are asked for certificates.
    pub const fn asks_clients(&self) -> bool {
        self.client_trust.is_some()
    }

    /// What the engine is to know of a client's handshake.
    pub fn client_info(&self, connection: &ServerConnection) -> TlsInfo {
        let certificates = connection.peer_certificates();
        let judged = self.client_trust.as_ref().map(|trust| trust.judge(certificates));
        judged.unwrap_or_else(|| Trust::nobody().judge(None)).with_bindings(self.bindings(connection))
    }

    /// What the engine is to know of a handshake with a peer that presented these certificates.
    pub fn peer_info(&self, certificates: Option<&[CertificateDer<'_>]>) -> TlsInfo {
        self.peer_trust.judge(certificates)
    }

    /// The channel bindings of a connection that was accepted; none before the handshake is complete, and none with TLS 1.2.
    ///
    /// There SCRAM's default is `tls-unique` (RFC 9266, section 3), which rustls does not give.
    /// Clients that see a -PLUS mechanism over TLS 1.2 use it unasked, and would fail to log in.
    pub fn bindings(&self, connection: &ServerConnection) -> Bindings {
        if connection.is_handshaking() || connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return Bindings::new();
        }
        let mut bindings = Bindings::new();
        if let Some(data) = exporter(connection) {
            bindings = bindings.with_exporter(data);
        }
        if let Some(data) = &self.end_point {
            bindings = bindings.with_end_point(data.as_slice());
        }
        bindings
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("end_point", &self.end_point.is_some())
            .field("client_trust", &self.client_trust)
            .field("peer_trust", &self.peer_trust)
            .finish_non_exhaustive()
    }
}

/// Who is asked for a certificate. Nobody has to have one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ask {
    Nobody,
    Everybody,
}

fn accepting(
    key: &Arc<SingleCertAndKey>,
    provider: &Arc<CryptoProvider>,
    ask: Ask,
) -> Result<Arc<ServerConfig>, TlsError> {
    let config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Config)?;
    let config = match ask {
        Ask::Nobody => config.with_no_client_auth(),
        Ask::Everybody => config.with_client_cert_verifier(Anybody::new(Arc::clone(provider))),
    };
    Ok(Arc::new(config.with_cert_resolver(Arc::<SingleCertAndKey>::clone(key))))
}

fn with_alpn(config: &ServerConfig, name: &[u8]) -> Arc<ServerConfig> {
    let mut config = config.clone();
    config.alpn_protocols = vec![name.to_vec()];
    Arc::new(config)
}

fn connecting(
    key: &Arc<SingleCertAndKey>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<ClientConfig>, TlsError> {
    let config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Config)?
        .dangerous()
        .with_custom_certificate_verifier(Anybody::new(Arc::clone(provider)))
        .with_client_cert_resolver(Arc::<SingleCertAndKey>::clone(key));
    Ok(Arc::new(config))
}
