//! TLS as a server: the certificate, the configuration of rustls, and the channel bindings of a connection.
//!
//! * [`Identity`] is the certificate chain with its key, loaded from files or made on the first start
//! * [`ServerTls`] is what accepts handshakes with it: TLS 1.3 and 1.2
//! * [`exporter`] and [`end_point`] compute channel bindings (RFC 9266, RFC 5929 section 4)
//!
//! Clients are not asked for certificates here.

mod binding;
mod error;
mod identity;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use rustls::ProtocolVersion;
use rustls::crypto::ring;
use rustls::server::{ServerConfig, ServerConnection};
use xmpp_core::sasl::Bindings;

pub use self::binding::{end_point, exporter};
pub use self::error::TlsError;
pub use self::identity::{Identity, Origin};

/// The TLS side of a server: one identity, for all its domains.
#[derive(Clone)]
pub struct ServerTls {
    config: Arc<ServerConfig>,
    end_point: Option<Vec<u8>>,
}

impl ServerTls {
    /// Accepts handshakes as this identity.
    ///
    /// # Errors
    /// [`TlsError::Config`] when the key is not that of the certificate or of a kind that rustls
    /// does not sign with.
    pub fn new(identity: Identity) -> Result<Self, TlsError> {
        let (chain, key) = identity.into_parts();
        let end_point = chain.first().and_then(|certificate| end_point(certificate));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Config)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(TlsError::Config)?;
        Ok(Self { config: Arc::new(config), end_point })
    }

    /// The configuration for rustls.
    pub fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The channel bindings of a connection that was accepted with this configuration; none before
    /// the handshake is complete, and none with TLS 1.2.
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

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTls").field("end_point", &self.end_point.is_some()).finish_non_exhaustive()
    }
}
