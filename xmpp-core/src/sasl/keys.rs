//! The keys of RFC 5802 section 3 and how they come from a password.

use alloc::vec::Vec;
use core::fmt;

use hmac::{EagerHash, Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{MAX_SALT, SaltedPassword, ScramHash, Secret, prepare};

/// One output of a [`ScramHash`], wiped when dropped.
#[derive(Clone)]
pub(super) enum Digest {
    Sha1(Zeroizing<[u8; 20]>),
    Sha256(Zeroizing<[u8; 32]>),
    Sha512(Zeroizing<[u8; 64]>),
}

impl Digest {
    pub(super) fn zero(hash: ScramHash) -> Self {
        match hash {
            ScramHash::Sha1 => Self::Sha1(Zeroizing::default()),
            ScramHash::Sha256 => Self::Sha256(Zeroizing::default()),
            ScramHash::Sha512 => Self::Sha512(Zeroizing::new([0; 64])),
        }
    }

    /// `H(str)` of RFC 5802 section 2.2.
    pub(super) fn of(hash: ScramHash, text: &[u8]) -> Self {
        match hash {
            ScramHash::Sha1 => Self::Sha1(Zeroizing::new(Sha1::digest(text).into())),
            ScramHash::Sha256 => Self::Sha256(Zeroizing::new(Sha256::digest(text).into())),
            ScramHash::Sha512 => Self::Sha512(Zeroizing::new(Sha512::digest(text).into())),
        }
    }

    /// `None` when `bytes` has another length than the hash function's output.
    pub(super) fn from_slice(hash: ScramHash, bytes: &[u8]) -> Option<Self> {
        match hash {
            ScramHash::Sha1 => bytes.try_into().ok().map(|bytes| Self::Sha1(Zeroizing::new(bytes))),
            ScramHash::Sha256 => bytes.try_into().ok().map(|bytes| Self::Sha256(Zeroizing::new(bytes))),
            ScramHash::Sha512 => bytes.try_into().ok().map(|bytes| Self::Sha512(Zeroizing::new(bytes))),
        }
    }

    /// `HMAC(key, parts...)` of RFC 5802 section 2.2.
    pub(super) fn hmac(&self, parts: &[&[u8]]) -> Self {
        match self {
            Self::Sha1(key) => Self::Sha1(Zeroizing::new(mac::<Sha1>(&key[..], parts).into_bytes().into())),
            Self::Sha256(key) => {
                Self::Sha256(Zeroizing::new(mac::<Sha256>(&key[..], parts).into_bytes().into()))
            }
            Self::Sha512(key) => {
                Self::Sha512(Zeroizing::new(mac::<Sha512>(&key[..], parts).into_bytes().into()))
            }
        }
    }

    /// The same hash function of this output.
    pub(super) fn digest(&self) -> Self {
        Self::of(self.hash(), self.as_slice())
    }

    /// `self XOR other`; both come from the same hash function.
    pub(super) fn xor(mut self, other: &Self) -> Self {
        let bytes = match &mut self {
            Self::Sha1(bytes) => bytes.as_mut_slice(),
            Self::Sha256(bytes) => bytes.as_mut_slice(),
            Self::Sha512(bytes) => bytes.as_mut_slice(),
        };
        for (byte, other) in bytes.iter_mut().zip(other.as_slice()) {
            *byte ^= other;
        }
        self
    }

    pub(super) fn hash(&self) -> ScramHash {
        match self {
            Self::Sha1(_) => ScramHash::Sha1,
            Self::Sha256(_) => ScramHash::Sha256,
            Self::Sha512(_) => ScramHash::Sha512,
        }
    }

    pub(super) fn as_slice(&self) -> &[u8] {
        match self {
            Self::Sha1(bytes) => bytes.as_slice(),
            Self::Sha256(bytes) => bytes.as_slice(),
            Self::Sha512(bytes) => bytes.as_slice(),
        }
    }
}

/// Constant in time for the same hash function.
impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice().ct_eq(other.as_slice()).into()
    }
}

impl Eq for Digest {}

/// The key is one output of a hash function of ours, so it always fits the block and needs no
/// hashing of its own (RFC 2104 section 2).
fn mac<D: EagerHash>(key: &[u8], parts: &[&[u8]]) -> hmac::digest::CtOutput<Hmac<D>> {
    let mut block = hmac::digest::Key::<Hmac<D>>::default();
    for (padded, byte) in block.iter_mut().zip(key) {
        *padded = *byte;
    }
    let mut mac = Hmac::<D>::new(&block);
    zeroize::Zeroize::zeroize(block.as_mut_slice());
    for part in parts {
        mac.update(part);
    }
    mac.finalize()
}

/// A question to the embedder: derive a [`SaltedPassword`].
///
/// It takes thousands of hash rounds on purpose, so [`run`](Self::run) belongs on a thread that may
/// block. An embedder that keeps salted passwords may answer from its cache instead, when hash,
/// salt and iterations are the ones it derived with (RFC 5802 section 5.1, `i`).
#[derive(PartialEq, Eq)]
pub struct DeriveKey {
    pub(super) hash: ScramHash,
    pub(super) secret: Secret,
    pub(super) salt: Vec<u8>,
    pub(super) iterations: u32,
}

impl DeriveKey {
    /// The hash function.
    #[must_use]
    pub fn hash(&self) -> ScramHash {
        self.hash
    }

    /// The password, prepared.
    #[must_use]
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The number of rounds.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Derives it: `Hi` of RFC 5802 section 2.2. Slow (0.1 to 1 ms per thousand iterations):
    /// call it off the threads that do I/O.
    #[must_use]
    pub fn run(&self) -> SaltedPassword {
        SaltedPassword(salted_password(self.hash, &self.secret, &self.salt, self.iterations))
    }
}

impl fmt::Debug for DeriveKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeriveKey")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

fn salted_password(hash: ScramHash, password: &Secret, salt: &[u8], iterations: u32) -> Digest {
    match hash {
        ScramHash::Sha1 => {
            let mut out = Zeroizing::new([0; 20]);
            pbkdf2::pbkdf2_hmac::<Sha1>(password.as_bytes(), salt, iterations, out.as_mut_slice());
            Digest::Sha1(out)
        }
        ScramHash::Sha256 => {
            let mut out = Zeroizing::new([0; 32]);
            pbkdf2::pbkdf2_hmac::<Sha256>(password.as_bytes(), salt, iterations, out.as_mut_slice());
            Digest::Sha256(out)
        }
        ScramHash::Sha512 => {
            let mut out = Zeroizing::new([0; 64]);
            pbkdf2::pbkdf2_hmac::<Sha512>(password.as_bytes(), salt, iterations, out.as_mut_slice());
            Digest::Sha512(out)
        }
    }
}

/// What a server stores instead of a password (RFC 5802 section 3): it verifies a client and proves
/// the server, and does not let its thief log in.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    salt: Vec<u8>,
    iterations: u32,
    pub(super) stored_key: Digest,
    pub(super) server_key: Digest,
}

impl ScramKeys {
    /// Makes the keys from an already salted password.
    ///
    /// # Errors
    /// [`KeyError::Salt`] and [`KeyError::Iterations`] as in [`from_parts`](Self::from_parts).
    pub fn new(
        salt: impl Into<Vec<u8>>,
        iterations: u32,
        salted_password: &SaltedPassword,
    ) -> Result<Self, KeyError> {
        let salt = check(salt.into(), iterations)?;
        let stored_key = client_key(salted_password).digest();
        let server_key = server_key(salted_password);
        Ok(Self { salt, iterations, stored_key, server_key })
    }

    /// Prepares a password that is to be stored, derives, and makes the keys. As slow as
    /// [`DeriveKey::run`]. RFC 7677 section 3 asks for at least 4096 iterations.
    ///
    /// # Errors
    /// [`KeyError::Password`] when SASLprep refuses the password (unassigned code points are
    /// prohibited: RFC 5802 section 2.2), leaves nothing of it, or when it is longer than
    /// [`MAX_PASSWORD`](super::MAX_PASSWORD); otherwise as in [`from_parts`](Self::from_parts).
    pub fn for_password(
        hash: ScramHash,
        password: &Secret,
        salt: impl Into<Vec<u8>>,
        iterations: u32,
    ) -> Result<Self, KeyError> {
        let salt = check(salt.into(), iterations)?;
        let secret = prepare::stored_password(password).ok_or(KeyError::Password)?;
        let salted = SaltedPassword(salted_password(hash, &secret, &salt, iterations));
        Self::new(salt, iterations, &salted)
    }

    /// Takes keys out of a store.
    ///
    /// # Errors
    /// [`KeyError::Salt`] when the salt is empty or longer than [`MAX_SALT`],
    /// [`KeyError::Iterations`] when there are none, [`KeyError::Length`] when a key is not as long
    /// as the output of `hash`.
    pub fn from_parts(
        hash: ScramHash,
        salt: impl Into<Vec<u8>>,
        iterations: u32,
        stored_key: &[u8],
        server_key: &[u8],
    ) -> Result<Self, KeyError> {
        let salt = check(salt.into(), iterations)?;
        let stored_key = Digest::from_slice(hash, stored_key).ok_or(KeyError::Length)?;
        let server_key = Digest::from_slice(hash, server_key).ok_or(KeyError::Length)?;
        Ok(Self { salt, iterations, stored_key, server_key })
    }

    /// The hash function.
    #[must_use]
    pub fn hash(&self) -> ScramHash {
        self.stored_key.hash()
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &[u8] {
        &self.salt
    }

    /// The number of rounds.
    #[must_use]
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// `StoredKey`, for a store.
    #[must_use]
    pub fn stored_key(&self) -> &[u8] {
        self.stored_key.as_slice()
    }

    /// `ServerKey`, for a store.
    #[must_use]
    pub fn server_key(&self) -> &[u8] {
        self.server_key.as_slice()
    }

    /// Keys that no password is known for.
    pub(super) fn of_nobody(hash: ScramHash, salt: Vec<u8>, iterations: u32) -> Self {
        Self { salt, iterations, stored_key: Digest::zero(hash), server_key: Digest::zero(hash) }
    }

    /// The question whose answer tells whether `secret` is the password of these keys.
    pub(super) fn question(&self, secret: Secret) -> DeriveKey {
        DeriveKey { hash: self.hash(), secret, salt: self.salt.clone(), iterations: self.iterations }
    }
}

impl fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScramKeys")
            .field("hash", &self.hash())
            .field("iterations", &self.iterations)
            .finish_non_exhaustive()
    }
}

fn check(salt: Vec<u8>, iterations: u32) -> Result<Vec<u8>, KeyError> {
    match (salt.len(), iterations) {
        (0, _) => Err(KeyError::Salt),
        (len, _) if len > MAX_SALT => Err(KeyError::Salt),
        (_, 0) => Err(KeyError::Iterations),
        _ => Ok(salt),
    }
}

pub(super) fn client_key(salted_password: &SaltedPassword) -> Digest {
    salted_password.0.hmac(&[b"Client Key"])
}

pub(super) fn server_key(salted_password: &SaltedPassword) -> Digest {
    salted_password.0.hmac(&[b"Server Key"])
}

/// Why keys cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyError {
    /// The salt is empty or longer than [`MAX_SALT`].
    Salt,
    /// The number of iterations is zero.
    Iterations,
    /// A key or salted password is not as long as the hash function's output.
    Length,
    /// The password is not UTF-8, or SASLprep refuses it or leaves nothing, or it is too long.
    Password,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Salt => "the salt is empty or too long",
            Self::Iterations => "the iteration count is zero",
            Self::Length => "a key has another length than the hash function's output",
            Self::Password => "the password cannot be prepared with SASLprep",
        })
    }
}

impl core::error::Error for KeyError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::vec;

    #[test]
    fn debug_shows_no_key() {
        let keys = ScramKeys::from_parts(ScramHash::Sha1, [b'S'; 3], 4096, &[b'K'; 20], &[b'V'; 20]).unwrap();
        assert_eq!(format!("{keys:?}"), "ScramKeys { hash: Sha1, iterations: 4096, .. }");
        let question = keys.question(Secret::new("pencil"));
        assert_eq!(format!("{question:?}"), "DeriveKey { hash: Sha1, iterations: 4096, .. }");
    }

    #[test]
    fn keys_survive_a_store() {
        for hash in ScramHash::ALL {
            let keys = ScramKeys::for_password(hash, &Secret::new("pencil"), *b"salt", 3).unwrap();
            let (salt, stored_key, server_key) = (keys.salt(), keys.stored_key(), keys.server_key());
            assert_eq!((keys.hash(), keys.iterations(), salt), (hash, 3, &b"salt"[..]));
            let read = ScramKeys::from_parts(hash, salt, keys.iterations(), stored_key, server_key);
            assert_eq!(read.as_ref(), Ok(&keys));
            let salted = keys.question(Secret::new("pencil")).run();
            assert_eq!(ScramKeys::new(*b"salt", 3, &salted).as_ref(), Ok(&keys));
            let other = ScramKeys::for_password(hash, &Secret::new("Pencil"), *b"salt", 3).unwrap();
            assert_ne!(other, keys);
        }
    }

    #[test]
    fn limits_one_below_at_and_above() {
        let make = |salt: usize, iterations, stored: usize, server: usize| {
            let (stored, server) = (vec![1; stored], vec![1; server]);
            ScramKeys::from_parts(ScramHash::Sha256, vec![1; salt], iterations, &stored, &server).err()
        };
        assert_eq!(make(0, 1, 32, 32), Some(KeyError::Salt));
        assert_eq!(make(1, 1, 32, 32), None);
        assert_eq!(make(MAX_SALT - 1, 1, 32, 32), None);
        assert_eq!(make(MAX_SALT, 1, 32, 32), None);
        assert_eq!(make(MAX_SALT + 1, 1, 32, 32), Some(KeyError::Salt));
        assert_eq!(make(1, 0, 32, 32), Some(KeyError::Iterations));
        assert_eq!(make(1, u32::MAX, 32, 32), None);
        for length in [0, 20, 31, 33] {
            assert_eq!(make(1, 1, length, 32), Some(KeyError::Length));
            assert_eq!(make(1, 1, 32, length), Some(KeyError::Length));
        }
    }

    #[test]
    fn passwords_are_prepared_before_they_are_stored() {
        let keys =
            |password: &str| ScramKeys::for_password(ScramHash::Sha1, &Secret::new(password), *b"s", 1);
        assert_eq!(keys("\u{2168}"), keys("IX"));
        // Empty, prepared to nothing, prohibited, unassigned in Unicode 3.2.
        for refused in ["", "\u{ad}", "a\u{7}", "\u{221}"] {
            assert_eq!(keys(refused), Err(KeyError::Password), "{refused:?}");
        }
        let password = Secret::new("x".repeat(super::super::MAX_PASSWORD + 1));
        assert_eq!(ScramKeys::for_password(ScramHash::Sha1, &password, *b"s", 1), Err(KeyError::Password));
    }
}
