//! A running server, and clients of it that are built on the engine.
#![allow(dead_code, unused_imports, missing_docs, unreachable_pub)]

mod client;
mod daemon;
mod random;
mod raw;
mod remote;

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsConnector;
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::{ScramHash, ScramKeys, Secret};
use xmppd::store::Store;

pub use client::{Client, Login, contact_query};
pub use daemon::{Daemon, command};
pub use random::{Random, number};
pub use raw::{HEADER, Raw, STARTTLS};
pub use remote::{REMOTE, Remote};

/// How long anything may take that is expected to happen.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub const PASSWORD: &str = "r0m30myr0m30";

pub fn jid(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

/// Keys for the password; made once, with as few iterations as the engine's client takes.
pub fn keys() -> &'static [ScramKeys] {
    static KEYS: OnceLock<Vec<ScramKeys>> = OnceLock::new();
    KEYS.get_or_init(|| {
        ScramHash::ALL
            .map(|hash| ScramKeys::for_password(hash, &Secret::new(PASSWORD), [7; 16], 4096).unwrap())
            .into()
    })
}

/// Adds accounts to the store of a data folder.
pub async fn add_accounts(data: &Path, names: impl IntoIterator<Item = String>) {
    let store = Store::open(data).await.unwrap();
    for name in names {
        store.add_account(&jid(&format!("{name}@localhost")), keys()).await.unwrap();
    }
    store.close().await;
}

/// A certificate, and its key.
pub type Certified = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// What trusts the certificate of a data folder, and no other.
pub fn trust(data: &Path) -> TlsConnector {
    connector(data, None, &[])
}

/// As [`trust`], with a certificate of its own, and with these names of ALPN.
pub fn connector(data: &Path, own: Option<Certified>, alpn: &[&str]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(data.join("cert.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match own {
        Some((certificate, key)) => config.with_client_auth_cert(vec![certificate], key).unwrap(),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}
