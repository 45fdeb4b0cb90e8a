//! Facts that matter for security, as values that nobody can make by hand.
//!
//! A connection can hand out stanzas only while it holds a [`BoundProof`]; that takes an [`AuthProof`], and each is made in
//! one place, here, from what proves it. Reviewing who may speak for an account means looking for the callers of two functions.
//!
//! Between servers it is a [`PeerProof`] that stanzas need, which only a certificate or a verdict of dialback can extend.

use alloc::string::String;
use alloc::vec::Vec;

use crate::dialback::Verdict;
use crate::jid::{BareJid, FullJid, Jid};
use crate::sasl::{Mechanism, SaslCondition};
use crate::stream::Condition;
use crate::tls::{Service, TlsInfo};

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

/// Pairs of domains, ours and the peer's, that a stream carries stanzas between.
#[derive(Debug, Default)]
pub(crate) struct DomainPairs(Vec<(BareJid, BareJid)>);

impl DomainPairs {
    pub(crate) const fn new() -> Self {
        DomainPairs(Vec::new())
    }

    fn find(&self, local: &str, remote: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|pair| (pair.0.as_str(), pair.1.as_str()).cmp(&(local, remote)))
    }

    pub(crate) fn insert(&mut self, local: BareJid, remote: BareJid) {
        if let Err(at) = self.find(local.as_str(), remote.as_str()) {
            self.0.insert(at, (local, remote));
        }
    }

    pub(crate) fn contains(&self, local: &str, remote: &str) -> bool {
        self.find(local, remote).is_ok()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn has_local(&self, domain: &str) -> bool {
        self.0.iter().any(|(local, _)| local.as_str() == domain)
    }

    pub(crate) fn has_remote(&self, domain: &str) -> bool {
        self.0.iter().any(|(_, remote)| remote.as_str() == domain)
    }
}

/// For which domains another server has proved to speak, on the stream that it opened.
#[derive(Debug, Default)]
pub(crate) struct PeerProof {
    /// By its certificate: to whichever domain of ours.
    external: Option<BareJid>,
    /// By dialback: to that domain of ours alone.
    dialback: DomainPairs,
}

impl PeerProof {
    /// From SASL EXTERNAL (XEP-0178 section 3): the certificate has to be that of the domain in the stream's `from`, and an authorization
    /// identity must not be another.
    pub(crate) fn by_external(
        &mut self,
        tls: &TlsInfo,
        from: &BareJid,
        authzid: Option<&str>,
    ) -> Result<(), SaslCondition> {
        if tls.verify(from.domain(), Service::Server).is_err() {
            return Err(SaslCondition::NotAuthorized);
        }
        match authzid.map(BareJid::new) {
            None => {}
            Some(Ok(authzid)) if authzid == *from => {}
            Some(_) => return Err(SaslCondition::InvalidAuthzid),
        }
        self.external = Some(from.clone());
        Ok(())
    }

    /// From what the authoritative server of `remote` said; whether that is a proof.
    pub(crate) fn by_dialback(&mut self, local: BareJid, remote: BareJid, verdict: Verdict) -> bool {
        let valid = verdict == Verdict::Valid;
        if valid {
            self.dialback.insert(local, remote);
        }
        valid
    }

    /// The domain that a certificate proved.
    pub(crate) const fn external(&self) -> Option<&BareJid> {
        self.external.as_ref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.external.is_none() && self.dialback.len() == 0
    }

    /// How many pairs dialback proved.
    pub(crate) fn pairs(&self) -> usize {
        self.dialback.len()
    }

    /// Whether the peer speaks for that domain, to whichever of ours.
    pub(crate) fn speaks_for(&self, remote: &str) -> bool {
        self.external.as_ref().is_some_and(|proved| proved.as_str() == remote)
            || self.dialback.has_remote(remote)
    }

    /// Whether a stanza may go from `remote` to `local`, of which it is known whether it is ours.
    ///
    /// # Errors
    /// `invalid-from` for a domain that the peer does not speak for (RFC 3920 section 8.3, RFC 6120 section 8.1.2.2), `host-unknown` for one
    /// that it may not speak to (RFC 6120 section 8.1.1.2).
    pub(crate) fn check(&self, local: &str, remote: &str, is_ours: bool) -> Result<(), Condition> {
        let external = || self.external.as_ref().is_some_and(|proved| proved.as_str() == remote);
        if self.dialback.contains(local, remote) || (is_ours && external()) {
            Ok(())
        } else if self.speaks_for(remote) {
            Err(Condition::HostUnknown)
        } else {
            Err(Condition::InvalidFrom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::{Chain, PresentedName};

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

    #[test]
    fn a_certificate_proves_its_own_domain_to_all_of_ours() {
        let name = || PresentedName::Dns("remote.example".into());
        let trusted = TlsInfo::new(Chain::Trusted).with_name(name());
        let proof = |tls: &TlsInfo, authzid| {
            let mut proof = PeerProof::default();
            let proved = proof.by_external(tls, &jid("remote.example"), authzid);
            assert_eq!(proof.is_empty(), proved.is_err());
            proved.map(|()| proof)
        };
        let proved = proof(&trusted, None).unwrap();
        assert_eq!(proved.check("a.example", "remote.example", true), Ok(()));
        assert_eq!(proved.check("a.example", "remote.example", false), Err(Condition::HostUnknown));
        assert_eq!(proved.check("a.example", "other.example", true), Err(Condition::InvalidFrom));
        assert!(proof(&trusted, Some("remote.example")).is_ok());
        for other in ["other.example", "x@remote.example", ""] {
            assert_eq!(proof(&trusted, Some(other)).err(), Some(SaslCondition::InvalidAuthzid));
        }
        let untrusted = TlsInfo::new(Chain::Untrusted).with_name(name());
        for tls in [untrusted, TlsInfo::new(Chain::Trusted)] {
            assert_eq!(proof(&tls, None).err(), Some(SaslCondition::NotAuthorized));
        }
    }

    #[test]
    fn a_domain_is_the_same_however_it_is_spelled_and_no_other() {
        let tls = TlsInfo::new(Chain::Trusted).with_name(PresentedName::Dns("XN--BCHER-KVA.example".into()));
        for from in ["b\u{fc}cher.example", "xn--bcher-kva.example", "B\u{dc}CHER.Example."] {
            for authzid in ["b\u{fc}cher.example", "xn--bcher-kva.EXAMPLE"] {
                let mut proof = PeerProof::default();
                assert_eq!(proof.by_external(&tls, &jid(from), Some(authzid)), Ok(()), "{from} as {authzid}");
                assert!(proof.speaks_for(jid("b\u{fc}cher.example").as_str()));
                // Neither those below it nor those that look like it.
                for other in ["im.b\u{fc}cher.example", "bucher.example", "example"] {
                    let refused = proof.check("a.example", jid(other).as_str(), true);
                    assert_eq!(refused, Err(Condition::InvalidFrom), "{other}");
                    let error = proof.by_external(&tls, &jid(from), Some(other));
                    assert_eq!(error, Err(SaslCondition::InvalidAuthzid), "{other}");
                }
            }
        }
    }

    #[test]
    fn only_a_valid_key_proves_and_only_its_pair() {
        let mut proof = PeerProof::default();
        for verdict in [Verdict::Invalid, Verdict::Failed(crate::dialback::Condition::NotAcceptable)] {
            assert!(!proof.by_dialback(jid("a.example"), jid("remote.example"), verdict));
            assert!(proof.is_empty());
        }
        assert!(proof.by_dialback(jid("a.example"), jid("remote.example"), Verdict::Valid));
        assert_eq!(proof.check("a.example", "remote.example", true), Ok(()));
        assert_eq!(proof.check("b.example", "remote.example", true), Err(Condition::HostUnknown));
        assert_eq!(proof.check("a.example", "other.example", true), Err(Condition::InvalidFrom));
    }
}
