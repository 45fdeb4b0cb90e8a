//! Whom the server believes: trust anchors, and what a peer's certificates prove under them.
//!
//! The engine matches names and decides what becomes of a peer that nothing vouches for (dialback, or the end), so no
//! handshake fails because of a certificate here: it ends with a verdict. A peer always has to hold the key of the certificate
//! that it presents.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};
use x509_parser::asn1_rs::{Any, FromDer as _};
use x509_parser::extensions::GeneralName;
use xmpp_core::tls::{Chain, PresentedName, TlsInfo};

use super::TlsError;
use super::identity::{pem_error, read};

/// `id-on-xmppAddr` (RFC 6120, section 13.7.1.4).
pub(super) const XMPP_ADDR: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 5];

/// `id-on-dnsSRV` (RFC 4985, section 2).
const DNS_SRV: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 7];

/// The authorities, and single certificates, that are believed.
#[derive(Clone)]
pub struct Trust {
    anchors: Vec<TrustAnchor<'static>>,
    /// These very certificates are good, whoever signed them: a peer's self-signed one.
    approved: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// What the certificates of a PEM file vouch for, and these themselves.
    ///
    /// # Errors
    /// [`TlsError::File`], [`TlsError::Pem`] and [`TlsError::Malformed`].
    pub fn load(path: &Path) -> Result<Self, TlsError> {
        let approved = CertificateDer::pem_slice_iter(&read(path)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|source| pem_error(path, "certificate", source))?;
        if approved.is_empty() {
            return Err(pem_error(path, "certificate", pem::Error::NoItemsFound));
        }
        let anchors =
            approved.iter().map(|certificate| Ok(anchor_from_trusted_cert(certificate)?.to_owned()));
        let anchors = anchors.collect::<Result<_, webpki::Error>>();
        let anchors = anchors.map_err(|_| TlsError::Malformed { path: path.to_owned() })?;
        Ok(Self { anchors, approved })
    }

    /// What this machine trusts. Reads files: not for an I/O thread.
    pub fn of_system() -> Self {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "cannot load a certificate that this machine trusts");
        }
        // Those that cannot be parsed vouch for nobody.
        let anchors = found.certs.iter().filter_map(|certificate| anchor_from_trusted_cert(certificate).ok());
        let anchors: Vec<_> = anchors.map(|anchor| anchor.to_owned()).collect();
        if anchors.is_empty() {
            tracing::warn!(
                "this machine trusts no authority: no certificate of another server will be believed"
            );
        }
        Self { anchors, approved: Vec::new() }
    }

    /// Nobody.
    pub const fn nobody() -> Self {
        Self { anchors: Vec::new(), approved: Vec::new() }
    }

    /// How many authorities there are.
    pub fn authorities(&self) -> usize {
        self.anchors.len()
    }

    /// What the certificates that a peer presented, its own first, say of it.
    pub fn judge(&self, certificates: Option<&[CertificateDer<'_>]>) -> TlsInfo {
        let Some((own, others)) = certificates.and_then(<[_]>::split_first) else {
            return TlsInfo::new(Chain::Untrusted);
        };
        let chain = if self.vouches(own, others) { Chain::Trusted } else { Chain::Untrusted };
        TlsInfo::new(chain).with_names(names(own))
    }

    fn vouches(&self, own: &CertificateDer<'_>, others: &[CertificateDer<'_>]) -> bool {
        let now = UnixTime::now();
        if self.approved.iter().any(|approved| **approved == **own) {
            return is_current(own, now);
        }
        let Ok(certificate) = EndEntityCert::try_from(own) else { return false };
        let algorithms = ring::default_provider().signature_verification_algorithms.all;
        // A server is the TLS client of its peers with the very certificate that it has as their server, and authorities issue
        // it for either use.
        [KeyUsage::server_auth(), KeyUsage::client_auth()].into_iter().any(|usage| {
            let path =
                certificate.verify_for_usage(algorithms, &self.anchors, others, now, usage, None, None);
            path.is_ok()
        })
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust").field("authorities", &self.anchors.len()).finish_non_exhaustive()
    }
}

/// Whether a certificate is good at that time, by its own dates.
fn is_current(certificate: &[u8], now: UnixTime) -> bool {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else { return false };
    let validity = parsed.validity();
    i64::try_from(now.as_secs())
        .is_ok_and(|now| validity.not_before.timestamp() <= now && now <= validity.not_after.timestamp())
}

/// The names that a certificate presents; none if it is malformed.
pub(super) fn names(certificate: &[u8]) -> Vec<PresentedName> {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else { return Vec::new() };
    let Ok(extension) = parsed.subject_alternative_name() else { return Vec::new() };
    let names = extension.iter().flat_map(|extension| &extension.value.general_names);
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(PresentedName::Dns((*name).to_owned())),
            GeneralName::OtherName(kind, value) => {
                let kind: Vec<u64> = kind.iter()?.collect();
                let text = other_name(value)?;
                match kind.as_slice() {
                    kind if kind == XMPP_ADDR => Some(PresentedName::XmppAddr(text)),
                    kind if kind == DNS_SRV => PresentedName::srv(&text),
                    _ => None,
                }
            }
            _ => None,
        })
        .collect()
}

/// The text of an `otherName`: `[0] EXPLICIT` around a string.
fn other_name(value: &[u8]) -> Option<String> {
    let (_, explicit) = Any::from_der(value).ok()?;
    let (_, text) = Any::from_der(explicit.data).ok()?;
    text.as_str().ok().map(str::to_owned)
}

/// Lets every certificate pass whose key the peer holds: what it proves is judged after the handshake.
#[derive(Debug)]
pub(super) struct Anybody(Arc<CryptoProvider>);

impl Anybody {
    pub(super) fn new(provider: Arc<CryptoProvider>) -> Arc<Self> {
        Arc::new(Self(provider))
    }
}

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for Anybody {
    /// Who connects sends what it has, not what our authorities signed.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        ServerCertVerifier::verify_tls12_signature(self, message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        ServerCertVerifier::verify_tls13_signature(self, message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ServerCertVerifier::supported_verify_schemes(self)
    }
}

#[cfg(test)]
mod tests;
