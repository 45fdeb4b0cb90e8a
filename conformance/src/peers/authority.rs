//! Certificates of the tests' own: a private authority, and what nobody trusts.

use super::Failure;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose,
};
use std::{
    fmt,
    time::{Duration, SystemTime},
};
use yasna::{DERWriterSeq, Tag, models::ObjectIdentifier};

const SUBJECT_ALT_NAME: [u64; 4] = [2, 5, 29, 17];
/// `id-on-dnsSRV` (RFC 4985 section 2).
const SRV_NAME: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 7];
/// `id-on-xmppAddr` (RFC 6120 section 13.7.1.4).
const XMPP_ADDR: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 8, 5];

/// How long a certificate is good for, and how long it has been. Not for ever:
/// ejabberd sets a timer to its end, and Erlang's timers are short.
const VALIDITY: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// An identifier in a certificate, as RFC 6120 section 13.7.1.2 lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Name<'a> {
    /// A dNSName: `montague.example`, `*.montague.example`.
    Dns(&'a str),
    /// An SRVName: `_xmpp-server.montague.example`.
    Srv(&'a str),
    /// An XmppAddr: `montague.example`.
    XmppAddr(&'a str),
}

impl Name<'_> {
    /// As a GeneralName (RFC 5280 section 4.2.1.6).
    fn write(self, names: &mut DERWriterSeq<'_>) {
        match self {
            Self::Dns(name) => {
                names.next().write_tagged_implicit(Tag::context(2), |name_of| name_of.write_ia5_string(name));
            }
            // RFC 4985 makes it an IA5String, which rcgen cannot write by itself.
            Self::Srv(name) => other_name(names, &SRV_NAME, |value| value.write_ia5_string(name)),
            Self::XmppAddr(name) => other_name(names, &XMPP_ADDR, |value| value.write_utf8_string(name)),
        }
    }
}

fn other_name(names: &mut DERWriterSeq<'_>, kind: &[u64], value: impl FnOnce(yasna::DERWriter<'_>)) {
    names.next().write_tagged_implicit(Tag::context(0), |name| {
        name.write_sequence(|name| {
            name.next().write_oid(&ObjectIdentifier::from_slice(kind));
            name.next().write_tagged(Tag::context(0), value);
        });
    });
}

/// A certificate with its key.
#[derive(Clone)]
pub struct Certificate {
    chain: String,
    key: String,
    issuer: String,
}

impl Certificate {
    /// One that leads to nobody but itself.
    ///
    /// # Errors
    /// A name has characters that such names cannot have.
    pub fn self_signed(names: &[Name<'_>]) -> Result<Self, Failure> {
        let key = KeyPair::generate()?;
        let chain = server(names)?.self_signed(&key)?.pem();
        Ok(Self { issuer: chain.clone(), chain, key: key.serialize_pem() })
    }

    /// The certificate, in PEM.
    #[must_use]
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// Its private key, in PEM.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What to trust in order to trust it, in PEM.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }
}

/// Without the key, although it is worth nothing outside its test.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate").field("chain", &self.chain).finish_non_exhaustive()
    }
}

/// A private certificate authority, new with every value.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// Makes its key and its certificate.
    ///
    /// # Errors
    /// The system gives no random numbers.
    pub fn new() -> Result<Self, Failure> {
        let mut params = named("An authority of the tests' own");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate()?)? })
    }

    /// What trusts it has in its list, in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Issues a server's certificate, which between servers is a client's too.
    ///
    /// # Errors
    /// A name has characters that such names cannot have.
    pub fn issue(&self, names: &[Name<'_>]) -> Result<Certificate, Failure> {
        let key = KeyPair::generate()?;
        let chain = server(names)?.signed_by(&key, &self.issuer)?.pem();
        Ok(Certificate { chain, key: key.serialize_pem(), issuer: self.pem() })
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("certificate", &self.pem()).finish_non_exhaustive()
    }
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    let now = SystemTime::now();
    params.not_before = (now - VALIDITY).into();
    params.not_after = (now + VALIDITY).into();
    params
}

fn server(names: &[Name<'_>]) -> Result<CertificateParams, Failure> {
    for name in names {
        if let Name::Dns(text) | Name::Srv(text) = name
            && !text.is_ascii()
        {
            return Err(Failure::new(format!("{name:?} is not in ASCII")));
        }
    }
    // The subject is for people: names are matched on the extension alone.
    let mut params = named("A server of the tests' own");
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let names = yasna::construct_der(|writer| {
        writer.write_sequence(|sequence| names.iter().for_each(|name| name.write(sequence)));
    });
    params.custom_extensions = vec![CustomExtension::from_oid_content(&SUBJECT_ALT_NAME, names)];
    Ok(params)
}

impl From<rcgen::Error> for Failure {
    fn from(error: rcgen::Error) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::{extensions::GeneralName, pem::parse_x509_pem};

    #[test]
    fn a_certificate_has_every_kind_of_name() {
        let names = [
            Name::Dns("capulet.example"),
            Name::Srv("_xmpp-server.capulet.example"),
            Name::XmppAddr("capulét.example"),
        ];
        let authority = Authority::new().unwrap();
        let (_, issuer) = parse_x509_pem(authority.pem().as_bytes()).unwrap();
        let issuer = issuer.parse_x509().unwrap();
        for certificate in [authority.issue(&names).unwrap(), Certificate::self_signed(&names).unwrap()] {
            let (_, pem) = parse_x509_pem(certificate.chain().as_bytes()).unwrap();
            let parsed = pem.parse_x509().unwrap();
            let found = &parsed.subject_alternative_name().unwrap().unwrap().value.general_names;
            let [GeneralName::DNSName("capulet.example"), srv, addr] = found.as_slice() else {
                panic!("{found:?}");
            };
            for (name, kind, tag, text) in [
                (srv, &SRV_NAME, 22, "_xmpp-server.capulet.example"),
                (addr, &XMPP_ADDR, 12, "capulét.example"),
            ] {
                let GeneralName::OtherName(oid, value) = name else { panic!("{name:?}") };
                assert_eq!(oid.to_id_string(), kind.map(|arc| arc.to_string()).join("."));
                assert!(value.ends_with(text.as_bytes()));
                assert_eq!(value[value.len() - text.len() - 2..][..2], [tag, text.len() as u8]);
            }
            let trusted = parsed.verify_signature(Some(issuer.public_key())).is_ok();
            assert_eq!(trusted, certificate.issuer() == authority.pem());
        }
    }

    #[test]
    fn a_name_that_cannot_be_written_is_refused() {
        for name in [Name::Dns("capulét.example"), Name::Srv("_xmpp-server.capulét.example")] {
            assert!(Certificate::self_signed(&[name]).is_err());
        }
    }
}
