//! Channel bindings: values by which both ends of a TLS connection know that it is the same one.

use rustls::{ConnectionCommon, ProtocolVersion};
use sha2::{Digest as _, Sha224, Sha256, Sha384, Sha512};
use x509_parser::certificate::X509Certificate;
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// `tls-exporter` (RFC 9266, section 2); `None` before the handshake is complete, and with TLS 1.2:
/// there it needs the extended master secret, and rustls does not tell whether that is in use.
pub fn exporter<Data>(connection: &ConnectionCommon<Data>) -> Option<[u8; 32]> {
    if connection.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
        return None;
    }
    connection.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(&[])).ok()
}

/// `tls-server-end-point` (RFC 5929, section 4.1) of the server's certificate, in DER as in its
/// Certificate message; `None` when the signature of the certificate has no hash function, several,
/// or an unknown one.
pub fn end_point(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(match hash_of_signature(&parsed)? {
        Hash::Sha224 => Sha224::digest(certificate).to_vec(),
        // RFC 5929, section 4.1: SHA-256 in the place of MD5 and SHA-1.
        Hash::Md5 | Hash::Sha1 | Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
}

fn hash_of_signature(certificate: &X509Certificate<'_>) -> Option<Hash> {
    let algorithm = &certificate.signature_algorithm;
    Some(match algorithm.algorithm.to_id_string().as_str() {
        // RSASSA-PKCS1-v1_5: RFC 8017, appendix A.2.4.
        "1.2.840.113549.1.1.4" => Hash::Md5,
        "1.2.840.113549.1.1.5" => Hash::Sha1,
        "1.2.840.113549.1.1.14" => Hash::Sha224,
        "1.2.840.113549.1.1.11" => Hash::Sha256,
        "1.2.840.113549.1.1.12" => Hash::Sha384,
        "1.2.840.113549.1.1.13" => Hash::Sha512,
        // ECDSA: RFC 5758, section 3.2; RFC 3279, section 2.2.3 for SHA-1.
        "1.2.840.10045.4.1" => Hash::Sha1,
        "1.2.840.10045.4.3.1" => Hash::Sha224,
        "1.2.840.10045.4.3.2" => Hash::Sha256,
        "1.2.840.10045.4.3.3" => Hash::Sha384,
        "1.2.840.10045.4.3.4" => Hash::Sha512,
        // RSASSA-PSS names its hash functions in the parameters: RFC 4055, section 3.1.
        "1.2.840.113549.1.1.10" => {
            let Ok(SignatureAlgorithm::RSASSA_PSS(parameters)) = SignatureAlgorithm::try_from(algorithm)
            else {
                return None;
            };
            let message = hash_of_oid(&parameters.hash_algorithm_oid().to_id_string())?;
            let mask = hash_of_oid(&parameters.mask_gen_algorithm().ok()?.hash.to_id_string())?;
            // Two hash functions are too many.
            return (message == mask).then_some(message);
        }
        // Ed25519 and Ed448 among them: they are given the message itself.
        _ => return None,
    })
}

fn hash_of_oid(oid: &str) -> Option<Hash> {
    Some(match oid {
        "1.3.14.3.2.26" => Hash::Sha1,
        "2.16.840.1.101.3.4.2.4" => Hash::Sha224,
        "2.16.840.1.101.3.4.2.1" => Hash::Sha256,
        "2.16.840.1.101.3.4.2.2" => Hash::Sha384,
        "2.16.840.1.101.3.4.2.3" => Hash::Sha512,
        _ => return None,
    })
}
