//! The mechanisms by name and strength, and the hash functions SCRAM runs on.

use core::fmt;

/// A hash function of the SCRAM family (RFC 5802 section 4, RFC 7677 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ScramHash {
    /// SHA-1, 20 bytes.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
    /// SHA-512, 64 bytes.
    Sha512,
}

impl ScramHash {
    /// Every hash function, from the weakest to the strongest.
    pub const ALL: [Self; 3] = [Self::Sha1, Self::Sha256, Self::Sha512];

    /// The textual name of the IANA registry, as it stands in the mechanism's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA-1",
            Self::Sha256 => "SHA-256",
            Self::Sha512 => "SHA-512",
        }
    }

    /// The hash function with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hash| hash.name() == name)
    }

    /// The length of its output and of every key made with it, in bytes.
    #[must_use]
    pub const fn output_len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for ScramHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A SASL mechanism, ordered from the weakest to the strongest.
///
/// Every `-PLUS` mechanism stands above every one without. The binding defends against an attacker
/// in the middle of TLS, the better hash only slows down guessing from a stolen database; and RFC
/// 5802 section 6 wants channel binding used wherever both ends can. A certificate stands above all
/// passwords (RFC 6120 section 6.3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// `ANONYMOUS` (RFC 4505).
    Anonymous,
    /// `PLAIN` (RFC 4616).
    Plain,
    /// `DIGEST-MD5` (RFC 2831), which RFC 6331 has declared historic.
    #[cfg(feature = "digest-md5")]
    DigestMd5,
    /// `SCRAM-SHA-1` (RFC 5802).
    ScramSha1,
    /// `SCRAM-SHA-256` (RFC 7677).
    ScramSha256,
    /// `SCRAM-SHA-512`.
    ScramSha512,
    /// `SCRAM-SHA-1-PLUS` (RFC 5802).
    ScramSha1Plus,
    /// `SCRAM-SHA-256-PLUS` (RFC 7677).
    ScramSha256Plus,
    /// `SCRAM-SHA-512-PLUS`.
    ScramSha512Plus,
    /// `EXTERNAL` (RFC 4422 appendix A): by TLS certificate.
    External,
}

impl Mechanism {
    /// Every mechanism, from the weakest to the strongest.
    pub const ALL: &'static [Self] = &[
        Self::Anonymous,
        Self::Plain,
        #[cfg(feature = "digest-md5")]
        Self::DigestMd5,
        Self::ScramSha1,
        Self::ScramSha256,
        Self::ScramSha512,
        Self::ScramSha1Plus,
        Self::ScramSha256Plus,
        Self::ScramSha512Plus,
        Self::External,
    ];

    /// Those that prove a password and are fit for use: SCRAM and, under TLS, PLAIN, from the weakest to the strongest.
    pub const PASSWORD: [Self; 7] = [
        Self::Plain,
        Self::ScramSha1,
        Self::ScramSha256,
        Self::ScramSha512,
        Self::ScramSha1Plus,
        Self::ScramSha256Plus,
        Self::ScramSha512Plus,
    ];

    /// The registered name, as `<mechanism/>` carries it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anonymous => "ANONYMOUS",
            Self::Plain => "PLAIN",
            #[cfg(feature = "digest-md5")]
            Self::DigestMd5 => "DIGEST-MD5",
            Self::ScramSha1 => "SCRAM-SHA-1",
            Self::ScramSha1Plus => "SCRAM-SHA-1-PLUS",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
            Self::ScramSha512 => "SCRAM-SHA-512",
            Self::ScramSha512Plus => "SCRAM-SHA-512-PLUS",
            Self::External => "EXTERNAL",
        }
    }

    /// The mechanism with this name. Names are upper case (RFC 4422 section 3.1); others match nothing.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|mechanism| mechanism.name() == name)
    }

    /// The hash function, for SCRAM.
    #[must_use]
    pub const fn hash(self) -> Option<ScramHash> {
        match self {
            Self::ScramSha1 | Self::ScramSha1Plus => Some(ScramHash::Sha1),
            Self::ScramSha256 | Self::ScramSha256Plus => Some(ScramHash::Sha256),
            Self::ScramSha512 | Self::ScramSha512Plus => Some(ScramHash::Sha512),
            _ => None,
        }
    }

    /// Whether it binds to the channel.
    #[must_use]
    pub const fn is_plus(self) -> bool {
        matches!(self, Self::ScramSha1Plus | Self::ScramSha256Plus | Self::ScramSha512Plus)
    }

    /// The `-PLUS` sibling, for SCRAM.
    #[must_use]
    pub const fn plus(self) -> Option<Self> {
        match self.hash() {
            None => None,
            Some(ScramHash::Sha1) => Some(Self::ScramSha1Plus),
            Some(ScramHash::Sha256) => Some(Self::ScramSha256Plus),
            Some(ScramHash::Sha512) => Some(Self::ScramSha512Plus),
        }
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_go_both_ways_and_only_exactly() {
        for mechanism in Mechanism::ALL.iter().copied() {
            assert_eq!(Mechanism::from_name(mechanism.name()), Some(mechanism));
            assert_eq!(mechanism.is_plus(), mechanism.name().ends_with("-PLUS"));
            assert!(mechanism.hash().is_none_or(|hash| mechanism.name().contains(hash.name())));
        }
        for other in ["", "plain", "SCRAM-SHA-1 ", "SCRAM-SHA-384", "SCRAM-SHA-1-plus"] {
            assert_eq!(Mechanism::from_name(other), None, "{other:?}");
        }
        assert_eq!(ScramHash::from_name("SHA-256"), Some(ScramHash::Sha256));
        assert_eq!(ScramHash::from_name("SHA256"), None);
    }

    #[test]
    fn r6120_6_3_3_02_the_order_is_by_strength() {
        assert!(Mechanism::ALL.is_sorted());
        assert!(Mechanism::ScramSha256 < Mechanism::ScramSha1Plus);
        assert_eq!(Mechanism::Plain.plus(), None);
        assert_eq!(Mechanism::ScramSha1.plus(), Some(Mechanism::ScramSha1Plus));
    }
}
