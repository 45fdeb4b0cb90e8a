//! A small internet: domains that can find each other, and whom they trust.

use super::{Authority, Certificate, Dns, Failure, Name, process};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// How one server shows another which domain it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// SASL EXTERNAL with a certificate (XEP-0178).
    External,
    /// Server Dialback (XEP-0220).
    Dialback,
}

/// Who opened the stream that a proof was given on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The other server: it proved its domain to this one.
    Incoming,
    /// This server: it proved its domain to the other one.
    Outgoing,
}

/// A name server and an authority that every [`Site`] knows.
#[derive(Debug)]
pub struct Network {
    dns: Dns,
    authority: Authority,
}

impl Network {
    /// Starts one without any domain.
    ///
    /// # Errors
    /// There is no free port.
    pub fn start() -> Result<Self, Failure> {
        Ok(Self { dns: Dns::start()?, authority: Authority::new()? })
    }

    /// Where its names are told.
    #[must_use]
    pub fn dns(&self) -> &Dns {
        &self.dns
    }

    /// Whom its servers trust.
    #[must_use]
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A domain with a certificate of the authority, where others have to have
    /// one too. Its address is chosen and told to the name server at once, so that
    /// servers can be started in any order.
    ///
    /// # Errors
    /// `domain` cannot be in a certificate.
    pub fn site(&self, domain: &str) -> Result<Site<'_>, Failure> {
        let certificate = self.authority.issue(&[Name::Dns(domain)])?;
        self.shown(domain, certificate, Proof::External)
    }

    /// A domain with a certificate that nobody trusts, where others may have such
    /// a one too.
    ///
    /// # Errors
    /// `domain` cannot be in a certificate.
    pub fn stranger(&self, domain: &str) -> Result<Site<'_>, Failure> {
        self.shown(domain, Certificate::self_signed(&[Name::Dns(domain)])?, Proof::Dialback)
    }

    fn shown(&self, domain: &str, certificate: Certificate, least: Proof) -> Result<Site<'_>, Failure> {
        let s2s = process::free_address()?;
        self.dns.announce(domain, s2s.port())?;
        Ok(Site { network: self, domain: domain.into(), s2s, certificate, least })
    }
}

/// What a server is told that serves one domain of a [`Network`].
#[derive(Debug, Clone)]
pub struct Site<'a> {
    network: &'a Network,
    domain: String,
    s2s: SocketAddr,
    certificate: Certificate,
    least: Proof,
}

impl<'a> Site<'a> {
    /// With another certificate.
    #[must_use]
    pub fn showing(self, certificate: Certificate) -> Self {
        Self { certificate, ..self }
    }

    /// With other servers having to give this proof at least: dialback means that
    /// their certificates need not be trusted.
    #[must_use]
    pub fn accepting(self, least: Proof) -> Self {
        Self { least, ..self }
    }

    /// The network it is in.
    #[must_use]
    pub fn network(&self) -> &'a Network {
        self.network
    }

    /// The domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Where it accepts other servers.
    #[must_use]
    pub fn s2s(&self) -> SocketAddr {
        self.s2s
    }

    /// What others have to give.
    #[must_use]
    pub fn least(&self) -> Proof {
        self.least
    }

    /// Puts what a server reads at its start into `folder`.
    pub(super) fn write(&self, folder: &Path) -> Result<Files, Failure> {
        let file = |name: &str, text: &str| -> Result<PathBuf, Failure> {
            let path = folder.join(name);
            std::fs::write(&path, text)?;
            Ok(path)
        };
        Ok(Files {
            certificate: file("cert.pem", self.certificate.chain())?,
            key: file("key.pem", self.certificate.key())?,
            trusted: file("ca.pem", &self.network.authority.pem())?,
            issuer: file("issuer.pem", self.certificate.issuer())?,
        })
    }
}

/// Where [`Site::write`] put what.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    /// Whom the server trusts.
    pub(super) trusted: PathBuf,
    /// Whom its clients have to trust.
    pub(super) issuer: PathBuf,
}
