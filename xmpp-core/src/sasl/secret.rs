//! Values that must not outlive their use nor show up in a log.

use alloc::vec::Vec;
use core::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::keys::Digest;
use super::{KeyError, ScramHash};

/// Bytes that are wiped when dropped, never printed, and compared in constant time: a password, or
/// a message that may carry one.
///
/// Clones are for an embedder that keeps a password for its next attempt.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over, without copying a vector or string that is given up.
    #[must_use]
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What PBKDF2 makes of a password, `SaltedPassword` in RFC 5802 section 3: as good as the password
/// to whoever holds it, for one salt and iteration count.
#[derive(Clone, PartialEq, Eq)]
pub struct SaltedPassword(pub(super) Digest);

impl SaltedPassword {
    /// Takes bytes that were derived elsewhere, or earlier and kept (RFC 5802 section 5.1, `i`).
    ///
    /// # Errors
    /// [`KeyError::Length`] when they are not as long as the output of `hash`.
    pub fn new(hash: ScramHash, bytes: &[u8]) -> Result<Self, KeyError> {
        Digest::from_slice(hash, bytes).map(Self).ok_or(KeyError::Length)
    }

    /// The hash function it was derived with.
    #[must_use]
    pub fn hash(&self) -> ScramHash {
        self.0.hash()
    }

    /// The bytes, to keep for a later login to the same service.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl fmt::Debug for SaltedPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SaltedPassword(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    #[test]
    fn debug_shows_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(..)");
        let salted = SaltedPassword::new(ScramHash::Sha1, &[b'A'; 20]).unwrap();
        assert_eq!(format!("{salted:?}"), "SaltedPassword(..)");
    }

    #[test]
    fn a_salted_password_is_as_long_as_its_hash() {
        for hash in ScramHash::ALL {
            let len = hash.output_len();
            assert_eq!(SaltedPassword::new(hash, &[1; 65][..len - 1]).unwrap_err(), KeyError::Length);
            assert_eq!(SaltedPassword::new(hash, &[1; 65][..len + 1]).unwrap_err(), KeyError::Length);
            let salted = SaltedPassword::new(hash, &[1; 65][..len]).unwrap();
            assert_eq!((salted.hash(), salted.as_bytes()), (hash, &[1; 65][..len]));
        }
    }

    #[test]
    fn equality_is_by_content() {
        assert_eq!(Secret::new("a"), Secret::new(*b"a"));
        assert_ne!(Secret::new("a"), Secret::new("b"));
        assert_ne!(Secret::new("a"), Secret::new("aa"));
    }
}
