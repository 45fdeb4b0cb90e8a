//! Facts that matter for security, as values that nobody can make by hand.
//!
//! A connection can hand out stanzas only while it holds a [`BoundProof`]; that takes an [`AuthProof`], and each is made in
//! one place, here, from what proves it. Reviewing who may speak for an account means looking for the callers of two functions.

use alloc::string::String;

use crate::jid::{BareJid, FullJid, Jid};
use crate::sasl::{Mechanism, SaslCondition};

/// Whom the peer may act as.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Identity {
    /// An account of the server's.
    Account(BareJid),
    /// Nobody in particular, under an address that is good for this stream only. What such a client may do is the embedder's to
    /// limit (RFC 3920 section 6.1, RFC 4505 section 5): it may be anyone, and anyone's number of clients.
    Anonymous {
        /// The address, under a node that nobody else has.
        account: BareJid,
        /// What the client said of itself: unverified, for a log.
        trace: Option<String>,
    },
}

impl Identity {
    /// The bare address of the session.
    #[must_use]
    pub const fn account(&self) -> &BareJid {
        match self {
            Identity::Account(account) | Identity::Anonymous { account, .. } => account,
        }
    }

    /// Whether nobody knows who it is.
    #[must_use]
    pub const fn is_anonymous(&self) -> bool {
        matches!(self, Identity::Anonymous { .. })
    }
}

/// The peer has proved to a SASL mechanism that it may act as this.
#[derive(Clone, Debug)]
pub(crate) struct AuthProof {
    identity: Identity,
    mechanism: Mechanism,
}

impl AuthProof {
    /// From the outcome of a SASL exchange: who authenticated, and as whom it wants to act.
    ///
    /// # Errors
    /// `invalid-authzid` unless it wants to act as itself (RFC 6120 sections 6.3.8 and 6.5.6).
    pub(crate) fn by_sasl(
        account: BareJid,
        authzid: Option<&str>,
        mechanism: Mechanism,
    ) -> Result<Self, SaslCondition> {
        match authzid.map(BareJid::new) {
            Some(Ok(authzid)) if authzid != account => Err(SaslCondition::InvalidAuthzid),
            Some(Err(_)) => Err(SaslCondition::InvalidAuthzid),
            None | Some(Ok(_)) => Ok(AuthProof { identity: Identity::Account(account), mechanism }),
        }
    }

    /// From an anonymous login, for which an address was made up.
    pub(crate) const fn anonymous(account: BareJid, trace: Option<String>) -> Self {
        AuthProof { identity: Identity::Anonymous { account, trace }, mechanism: Mechanism::Anonymous }
    }

    pub(crate) const fn identity(&self) -> &Identity {
        &self.identity
    }

    pub(crate) const fn account(&self) -> &BareJid {
        self.identity.account()
    }

    pub(crate) const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }
}

/// The peer is authenticated and has a resource.
#[derive(Clone, Debug)]
pub(crate) struct BoundProof {
    jid: FullJid,
}

impl BoundProof {
    /// From the proof of authentication and the address that was bound, which must be one of the account's.
    pub(crate) fn new(auth: &AuthProof, jid: FullJid) -> Option<Self> {
        (jid.to_bare() == *auth.account()).then_some(BoundProof { jid })
    }

    pub(crate) const fn jid(&self) -> &FullJid {
        &self.jid
    }

    /// Whether a stanza with this `from` can be the peer's own (RFC 3920 section 9.1.2).
    pub(crate) fn covers(&self, from: &Jid) -> bool {
        from == self.jid.as_jid() || from == self.jid.to_bare().as_jid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jid(text: &str) -> BareJid {
        BareJid::new(text).unwrap()
    }

    #[test]
    fn r6120_6_3_8_03_nobody_acts_for_another() {
        let proof = |authzid| AuthProof::by_sasl(jid("juliet@example.com"), authzid, Mechanism::Plain);
        assert!(proof(None).is_ok());
        assert!(proof(Some("juliet@example.com")).is_ok());
        assert!(proof(Some("Juliet@EXAMPLE.com")).is_ok());
        for other in ["romeo@example.com", "example.com", "juliet", "juliet@example.com/balcony", "", "@"] {
            assert_eq!(proof(Some(other)).err(), Some(SaslCondition::InvalidAuthzid), "{other}");
        }
    }

    #[test]
    fn a_resource_of_another_account_is_no_proof() {
        let auth = AuthProof::by_sasl(jid("juliet@example.com"), None, Mechanism::Plain).unwrap();
        assert!(BoundProof::new(&auth, FullJid::new("romeo@example.com/orchard").unwrap()).is_none());
        let bound = BoundProof::new(&auth, FullJid::new("juliet@example.com/balcony").unwrap()).unwrap();
        assert!(bound.covers(&Jid::new("juliet@example.com").unwrap()));
        assert!(bound.covers(&Jid::new("juliet@example.com/balcony").unwrap()));
        assert!(!bound.covers(&Jid::new("juliet@example.com/chamber").unwrap()));
    }
}
