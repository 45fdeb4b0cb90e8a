//! Who the server is to its clients: a certificate chain and the key of its first certificate.

use std::fmt;
use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose,
    OtherNameValue, SanType,
};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::extensions::GeneralName;
use xmpp_core::jid::BareJid;
use xmpp_core::tls::{Chain, Service, TlsInfo};
use zeroize::Zeroizing;

use super::TlsError;
use super::trust::{XMPP_ADDR, names};
use crate::data_dir::DataDir;

/// Name of the self-made certificate in the data folder.
const CERTIFICATE: &str = "cert.pem";

/// Name of its key.
const KEY: &str = "key.pem";

/// How long a self-made certificate is good for: nobody renews it.
const VALIDITY: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How far a client's clock may be behind ours.
const CLOCK_SKEW: Duration = Duration::from_secs(24 * 60 * 60);

/// A certificate chain and the key of its first certificate.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    names: Names,
}

/// Where a self-made identity comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was made by this call.
    Made,
    /// It was in the data folder.
    Found,
}

impl Identity {
    /// Loads a chain and a key from PEM files; the server's certificate comes first.
    ///
    /// # Errors
    /// [`TlsError::File`], [`TlsError::Pem`] and [`TlsError::Malformed`].
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let chain = CertificateDer::pem_slice_iter(&read(certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| pem_error(certificate, "certificate", source))?;
        let first =
            chain.first().ok_or_else(|| pem_error(certificate, "certificate", pem::Error::NoItemsFound))?;
        let names = Names::of(first).ok_or_else(|| TlsError::Malformed { path: certificate.to_owned() })?;
        let key = PrivateKeyDer::from_pem_slice(&read(key)?)
            .map_err(|source| pem_error(key, "unencrypted private key", source))?;
        Ok(Self { chain, key, names })
    }

    /// The self-made identity of a data folder; made for these domains if there is none yet. No file is ever
    /// replaced.
    ///
    /// It waits for the folder's lock and for the disk: not for an I/O thread.
    ///
    /// # Errors
    /// [`TlsError::KeyMissing`], [`TlsError::NotCovered`], [`TlsError::Make`], and those of
    /// [`Identity::load`].
    pub fn self_made(dir: &DataDir, domains: &[BareJid]) -> Result<(Self, Origin), TlsError> {
        let (certificate, key) = (dir.join(CERTIFICATE), dir.join(KEY));
        let setup = dir.lock().map_err(at(&key))?;
        let key_exists = key.try_exists().map_err(at(&key))?;
        let origin = match certificate.try_exists().map_err(at(&certificate))? {
            true if key_exists => Origin::Found,
            true => return Err(TlsError::KeyMissing { certificate, key }),
            false => {
                // The key comes first: one without a certificate is what a crash in between leaves.
                if !key_exists {
                    let made = KeyPair::generate().map_err(TlsError::Make)?;
                    let pem = Zeroizing::new(made.serialize_pem());
                    setup.publish(KEY, 0o600, pem.as_bytes()).map_err(at(&key))?;
                }
                let made = make_certificate(&key, domains)?;
                setup.publish(CERTIFICATE, 0o644, made.as_bytes()).map_err(at(&certificate))?;
                Origin::Made
            }
        };
        let identity = Self::load(&certificate, &key)?;
        match identity.uncovered(domains) {
            domains if domains.is_empty() => Ok((identity, origin)),
            domains => Err(TlsError::NotCovered { certificate, domains }),
        }
    }

    /// Where the self-made certificate of a data folder is.
    pub fn certificate_path(dir: &DataDir) -> PathBuf {
        dir.join(CERTIFICATE)
    }

    /// Those of the domains that the certificate does not name; clients that verify it refuse to
    /// connect to them.
    pub fn uncovered(&self, domains: &[BareJid]) -> Vec<String> {
        domains
            .iter()
            .filter(|domain| !self.names.cover(domain))
            .map(|domain| domain.as_str().to_owned())
            .collect()
    }

    /// The server's own certificate, in DER.
    pub fn certificate(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    pub(super) fn into_parts(self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain, self.key)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("names", &self.names).finish_non_exhaustive()
    }
}

/// A certificate for these domains, signed by its own key, in PEM.
fn make_certificate(key: &Path, domains: &[BareJid]) -> Result<String, TlsError> {
    let pem = Zeroizing::new(fs::read_to_string(key).map_err(at(key))?);
    let pair = KeyPair::from_pem(&pem).map_err(TlsError::Make)?;
    let mut parameters = CertificateParams::default();
    for domain in domains {
        // RFC 6120, section 13.7.1.2: a DNS name, and what only XMPP knows, which may be in Unicode.
        parameters.subject_alt_names.push(match ip_address(domain) {
            Some(address) => SanType::IpAddress(address),
            None => SanType::DnsName(
                domain.as_jid().ascii_domain().into_owned().try_into().map_err(TlsError::Make)?,
            ),
        });
        let address = OtherNameValue::Utf8String(domain.domain().to_owned());
        parameters.subject_alt_names.push(SanType::OtherName((XMPP_ADDR.to_vec(), address)));
    }
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "xmppd");
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let now = SystemTime::now();
    parameters.not_before = (now - CLOCK_SKEW).into();
    parameters.not_after = (now + VALIDITY).into();
    Ok(parameters.self_signed(&pair).map_err(TlsError::Make)?.pem())
}

pub(super) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    fs::read(path).map(Zeroizing::new).map_err(at(path))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> TlsError + use<> {
    let path = path.to_owned();
    |source| TlsError::File { path, source }
}

pub(super) fn pem_error(path: &Path, wanted: &'static str, source: pem::Error) -> TlsError {
    TlsError::Pem { path: path.to_owned(), wanted, source }
}

/// The names for which a certificate is good.
#[derive(Debug)]
struct Names {
    dns: TlsInfo,
    addresses: Vec<IpAddr>,
}

impl Names {
    /// `None` when the certificate is malformed.
    fn of(certificate: &[u8]) -> Option<Self> {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        let extension = parsed.subject_alternative_name().ok()?;
        let others = extension.iter().flat_map(|extension| &extension.value.general_names);
        let addresses = others.filter_map(|name| match name {
            GeneralName::IPAddress(octets) => <[u8; 4]>::try_from(*octets)
                .map(IpAddr::from)
                .or_else(|_| <[u8; 16]>::try_from(*octets).map(IpAddr::from))
                .ok(),
            _ => None,
        });
        let addresses = addresses.collect();
        // What is asked of it are the names alone.
        Some(Self { dns: TlsInfo::new(Chain::Untrusted).with_names(names(certificate)), addresses })
    }

    fn cover(&self, domain: &BareJid) -> bool {
        match ip_address(domain) {
            Some(address) => self.addresses.contains(&address),
            None => self.dns.matches(domain.domain(), Service::Client),
        }
    }
}

/// The address that a domain is, if it is one.
fn ip_address(domain: &BareJid) -> Option<IpAddr> {
    let text = domain.domain();
    text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text).parse().ok()
}
