//! One side's part of a SCRAM nonce (RFC 5802 section 5.1, `r`).

use alloc::string::String;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::MAX_NONCE;

/// What one side adds to the nonce of an exchange: printable ASCII without commas, and different
/// every time. The machines own no randomness, so it comes from the embedder's entropy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Takes a text over.
    ///
    /// # Errors
    /// [`InvalidNonce`] when it is empty, longer than [`MAX_NONCE`], or holds anything but printable
    /// ASCII without commas.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidNonce> {
        let text = text.into();
        if is_nonce(&text, MAX_NONCE) { Ok(Self(text)) } else { Err(InvalidNonce) }
    }

    /// Writes random bytes as a nonce.
    #[must_use]
    pub fn from_random(bytes: [u8; 24]) -> Self {
        Self(STANDARD.encode(bytes))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// `1*printable` of RFC 5802 section 7, no longer than `max`.
pub(super) fn is_nonce(text: &str, max: usize) -> bool {
    (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',')
}

/// The text is no nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InvalidNonce;

impl fmt::Display for InvalidNonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a nonce is printable ASCII without commas, neither empty nor too long")
    }
}

impl core::error::Error for InvalidNonce {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_printable_ascii_within_the_limit() {
        for bad in ["", "a,b", "a b", "a\u{7f}", "\u{e9}", "\n"] {
            assert_eq!(Nonce::new(bad), Err(InvalidNonce), "{bad:?}");
        }
        assert!(Nonce::new("a".repeat(MAX_NONCE - 1)).is_ok());
        assert!(Nonce::new("a".repeat(MAX_NONCE)).is_ok());
        assert!(Nonce::new("a".repeat(MAX_NONCE + 1)).is_err());
        assert!(Nonce::new("!+-=~").is_ok());
    }

    #[test]
    fn random_bytes_make_a_nonce() {
        for byte in 0..=255 {
            let nonce = Nonce::from_random([byte; 24]);
            assert_eq!(Nonce::new(nonce.as_str()), Ok(nonce));
        }
    }
}
