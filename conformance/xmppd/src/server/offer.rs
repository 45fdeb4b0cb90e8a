//! Which mechanisms clients are offered: those by which everybody can log in.
//!
//! A client picks a SCRAM by what is offered, before it says who it is, and gives up when that fails: there is no falling back to
//! another hash function (RFC 5802 section 5). So a SCRAM is offered while every account that has keys has one for it. Accounts made
//! before the server knew SCRAM-SHA-512 lack that key; they get it when their owners log in by PLAIN, or from `xmppd user passwd`, and
//! the last one to get it brings the mechanism in for all.
//!
//! It also means that unknown users answer as known ones do, by whatever mechanism.

use std::sync::Arc;

use tokio::sync::watch;
use tracing::{info, warn};
use xmpp_core::conn::ServerConfig;
use xmpp_core::sasl::server::Decoy;
use xmpp_core::sasl::{Mechanism, ScramHash, Selection};
use xmpp_core::xml::Element;

use super::Options;
use crate::password;
use crate::store::{Store, StoreError};

/// What a connection is offered.
#[derive(Debug)]
pub(super) struct Offer {
    config: Arc<ServerConfig>,
    /// Those of which every account has keys, if it has any.
    hashes: Vec<ScramHash>,
}

impl Offer {
    fn new(
        options: &Options,
        certificates: bool,
        features: &[Element],
        decoy: &Decoy,
        hashes: Vec<ScramHash>,
    ) -> Self {
        let mut mechanisms: Vec<_> = Mechanism::PASSWORD
            .into_iter()
            .filter(|mechanism| mechanism.hash().is_none_or(|hash| hashes.contains(&hash)))
            .collect();
        if certificates {
            mechanisms.push(Mechanism::External);
        }
        if options.anonymous > 0 {
            mechanisms.push(Mechanism::Anonymous);
        }
        let decoy = decoy.clone().hash(strongest(&hashes));
        let config = ServerConfig::new(options.domains.iter().cloned(), decoy)
            .with_tls(options.tls)
            .with_limits(options.limits.clone())
            .with_mechanisms(Selection::new().mechanisms(&mechanisms));
        let config = features.iter().cloned().fold(config, ServerConfig::with_feature);
        Self { config: Arc::new(config), hashes }
    }

    /// What the engine is to offer.
    pub(super) const fn config(&self) -> &Arc<ServerConfig> {
        &self.config
    }

    /// The hash function to verify PLAIN with, as far as an account has keys for it: one for all, so that the time that it takes does
    /// not tell users from each other, nor from nobody.
    pub(super) fn plain_hash(&self) -> ScramHash {
        strongest(&self.hashes)
    }
}

fn strongest(hashes: &[ScramHash]) -> ScramHash {
    hashes.iter().copied().max().unwrap_or(ScramHash::Sha256)
}

/// The offer as it follows the store.
#[derive(Debug)]
pub(super) struct Offers {
    options: Options,
    /// Whether a client's certificate may stand for a password.
    certificates: bool,
    /// What is offered beside authentication and binding.
    features: Vec<Element>,
    decoy: Decoy,
    current: watch::Sender<Arc<Offer>>,
}

impl Offers {
    /// Those of a server with these options.
    pub(super) async fn new(
        options: Options,
        certificates: bool,
        features: Vec<Element>,
        store: &Store,
    ) -> Result<Self, StoreError> {
        let decoy = Decoy::new(*store.decoy_key().await?)
            .iterations(password::ITERATIONS)
            .salt_len(password::SALT_LEN);
        let hashes = store.common_hashes().await?;
        if hashes.len() < ScramHash::ALL.len() {
            warn!(?hashes, "not every account has keys for all SCRAM mechanisms: only these are offered");
        }
        let current =
            watch::Sender::new(Arc::new(Offer::new(&options, certificates, &features, &decoy, hashes)));
        Ok(Self { options, certificates, features, decoy, current })
    }

    /// For a new connection.
    pub(super) fn current(&self) -> Arc<Offer> {
        Arc::clone(&self.current.borrow())
    }

    /// Looks what accounts have keys for by now.
    pub(super) async fn refresh(&self, store: &Store) -> Result<(), StoreError> {
        let hashes = store.common_hashes().await?;
        if self.current().hashes != hashes {
            info!(?hashes, "these SCRAM mechanisms are offered from now on");
            let offer = Offer::new(&self.options, self.certificates, &self.features, &self.decoy, hashes);
            self.current.send_replace(Arc::new(offer));
        }
        Ok(())
    }
}
