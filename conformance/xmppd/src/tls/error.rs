//! Why there is no TLS to offer.

use std::fmt;
use std::io;
use std::path::PathBuf;

use rustls::pki_types::pem;

/// The certificate cannot be loaded, made or used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read or made.
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// A file is not PEM, or what is needed is not in it.
    Pem {
        /// The file.
        path: PathBuf,
        /// What is needed.
        wanted: &'static str,
        /// What the reader says.
        source: pem::Error,
    },
    /// A certificate cannot be parsed.
    Malformed {
        /// The file.
        path: PathBuf,
    },
    /// The self-made certificate is there, and its key is not.
    KeyMissing {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The file in which the key was.
        key: PathBuf,
    },
    /// The self-made certificate does not name all domains of the server.
    NotCovered {
        /// The file of the certificate.
        certificate: PathBuf,
        /// The domains that it does not name.
        domains: Vec<String>,
    },
    /// A certificate cannot be made for these domains.
    Make(rcgen::Error),
    /// rustls does not take the certificate and the key.
    Config(rustls::Error),
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Pem { path, wanted, source: pem::Error::NoItemsFound } => {
                write!(f, "{}: there is no {wanted} in it", path.display())
            }
            Self::Pem { path, source, .. } => write!(f, "{}: not PEM: {source}", path.display()),
            Self::Malformed { path } => write!(f, "{}: the certificate is malformed", path.display()),
            Self::KeyMissing { certificate, key } => write!(
                f,
                "{} is there, and its key {} is not: put it back, or remove the certificate to have both made anew",
                certificate.display(),
                key.display()
            ),
            Self::NotCovered { certificate, domains } => write!(
                f,
                "{} does not name {}: remove it to have it made anew, or give --cert and --key",
                certificate.display(),
                domains.join(", ")
            ),
            Self::Make(source) => write!(f, "cannot make a certificate: {source}"),
            Self::Config(source) => write!(f, "cannot use the certificate and the key: {source}"),
        }
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Pem { source, .. } => Some(source),
            Self::Make(source) => Some(source),
            Self::Config(source) => Some(source),
            Self::Malformed { .. } | Self::KeyMissing { .. } | Self::NotCovered { .. } => None,
        }
    }
}
