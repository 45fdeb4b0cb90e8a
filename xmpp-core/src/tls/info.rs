//! What the embedder reports of a finished handshake.

use alloc::vec::Vec;

use super::names::{PresentedName, Reference};
use super::{Service, TlsError};
use crate::jid::BareJid;
use crate::sasl::Bindings;

/// What the embedder's library says of the peer's chain of certificates: signatures, dates, revocation, and whether it
/// ends in a trust anchor. The names in it are no part of the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Chain {
    /// It is valid, or the very certificate was approved before (RFC 3920 section 14.2).
    Trusted,
    /// It is not, or the peer presented none.
    Untrusted,
}

/// A finished handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsInfo {
    chain: Chain,
    names: Vec<PresentedName>,
    bindings: Bindings,
}

impl TlsInfo {
    /// A handshake in which the peer presented no names and that has no channel bindings.
    #[must_use]
    pub const fn new(chain: Chain) -> Self {
        TlsInfo { chain, names: Vec::new(), bindings: Bindings::new() }
    }

    /// Adds a name from the `subjectAltName` of the peer's own certificate.
    #[must_use]
    pub fn with_name(mut self, name: PresentedName) -> Self {
        self.names.push(name);
        self
    }

    /// Adds names from the `subjectAltName` of the peer's own certificate.
    #[must_use]
    pub fn with_names(mut self, names: impl IntoIterator<Item = PresentedName>) -> Self {
        self.names.extend(names);
        self
    }

    /// Sets what authentication can be tied to.
    #[must_use]
    pub fn with_bindings(mut self, bindings: Bindings) -> Self {
        self.bindings = bindings;
        self
    }

    /// The verdict on the chain.
    #[must_use]
    pub const fn chain(&self) -> Chain {
        self.chain
    }

    /// Whether the chain is trusted.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.chain == Chain::Trusted
    }

    /// The names that the peer presented.
    #[must_use]
    pub fn names(&self) -> &[PresentedName] {
        &self.names
    }

    /// What authentication can be tied to.
    #[must_use]
    pub const fn bindings(&self) -> &Bindings {
        &self.bindings
    }

    /// Whether one of the presented names is that of `domain` for that service, trusted or not.
    ///
    /// Any of the three kinds of names will do (RFC 6125 section 6.6.1); RFC 3920 section 14.2 had an `XmppAddr` exclude the
    /// others, which RFC 6120 section 13.7.1.2.1 no longer says. The common name is not looked at, as RFC 6125 section
    /// 6.4.4 allows. A `domain` that is none matches nothing.
    #[must_use]
    pub fn matches(&self, domain: &str, service: Service) -> bool {
        Reference::new(domain, service)
            .is_some_and(|reference| self.names.iter().any(|name| reference.is(name)))
    }

    /// The accounts of `domain` that a client's certificate is for, each once: its `XmppAddr` names with a node (XEP-0178 section 2). None
    /// unless the chain is trusted.
    #[must_use]
    pub fn accounts(&self, domain: &str) -> Vec<BareJid> {
        let mut accounts = Vec::new();
        for name in self.names.iter().filter(|_| self.is_trusted()) {
            if let PresentedName::XmppAddr(address) = name
                && let Ok(account) = BareJid::new(address)
                && account.node().is_some()
                && account.domain() == domain
                && !accounts.contains(&account)
            {
                accounts.push(account);
            }
        }
        accounts
    }

    /// Whether the peer has proved to be `domain`'s server for that service (RFC 6120 section 13.7.2).
    ///
    /// # Errors
    /// [`TlsError::Untrusted`] before [`TlsError::WrongName`].
    pub fn verify(&self, domain: &str, service: Service) -> Result<(), TlsError> {
        if !self.is_trusted() {
            Err(TlsError::Untrusted)
        } else if !self.matches(domain, service) {
            Err(TlsError::WrongName)
        } else {
            Ok(())
        }
    }
}
