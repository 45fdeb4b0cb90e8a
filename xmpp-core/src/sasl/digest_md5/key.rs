//! The key of DIGEST-MD5, and the hash it is made with.

use alloc::vec::Vec;
use core::fmt;

use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

use crate::sasl::{KeyError, Secret, prepare};

/// What a server stores for DIGEST-MD5 instead of a password: the hash of name, realm and password (RFC 2831 section 3.9).
///
/// Whoever has it can log in, so it is as good as the password for this service, and no better guarded than by MD5.
#[derive(Clone)]
pub struct DigestKey(Zeroizing<[u8; 16]>);

impl DigestKey {
    /// Prepares name and password with SASLprep and makes the key. The realm is the domain of the account, as this engine's servers
    /// announce it.
    ///
    /// # Errors
    /// [`KeyError::Password`] when the password is not UTF-8, or SASLprep refuses it or leaves nothing, or it is too long; and
    /// the same of the name.
    pub fn for_password(username: &str, realm: &str, password: &Secret) -> Result<Self, KeyError> {
        let username = prepare::username(username).ok_or(KeyError::Password)?;
        let password = prepare::stored_password(password).ok_or(KeyError::Password)?;
        let password = core::str::from_utf8(password.as_bytes()).map_err(|_| KeyError::Password)?;
        Ok(Self::of(&username, realm, password))
    }

    /// Takes a key out of a store.
    #[must_use]
    pub fn new(bytes: [u8; 16]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for a store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_slice()
    }

    /// RFC 2831 section 2.1.2.1: what ISO 8859-1 can express is hashed as ISO 8859-1, whatever it was sent in.
    pub(super) fn of(username: &str, realm: &str, password: &str) -> Self {
        let mut hash = Md5::new();
        for (index, value) in [username, realm, password].into_iter().enumerate() {
            if index > 0 {
                hash.update(b":");
            }
            match latin1(value).map(Zeroizing::new) {
                Some(value) => hash.update(&value[..]),
                None => hash.update(value),
            }
        }
        Self(Zeroizing::new(hash.finalize().into()))
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(..)")
    }
}

/// The text in ISO 8859-1, if that has all its characters.
pub(super) fn latin1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(character).ok()).collect()
}

/// `HEX(H(parts...))` of RFC 2831 section 2.1.2.1.
pub(super) fn hex(parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut hash = Md5::new();
    for part in parts {
        hash.update(part);
    }
    let mut text = Zeroizing::new([0; 32]);
    for (pair, byte) in text.chunks_exact_mut(2).zip(hash.finalize()) {
        for (digit, nibble) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble };
        }
    }
    text
}
