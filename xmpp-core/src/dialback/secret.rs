//! Keys by the recommended algorithm (XEP-0185 section 2).

use alloc::string::String;
use core::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, Zeroizing};

/// What only the servers of one network know: it makes the keys of the domains they serve, and verifies them.
///
/// It is kept as its digest, wiped when dropped, and never printed.
///
/// ```
/// use xmpp_core::dialback::Secret;
///
/// let secret = Secret::new("s3cr3tf0rd14lb4ck");
/// let key = secret.key("xmpp.example.com", "example.org", "D60000229F");
/// assert_eq!(key, "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643");
/// assert!(secret.verifies(&key, "xmpp.example.com", "example.org", "D60000229F"));
/// assert!(!secret.verifies(&key, "xmpp.example.com", "example.net", "D60000229F"));
/// ```
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 64]>);

impl Secret {
    /// From what the network shares; a server on its own takes random bytes, which may change when it starts anew.
    #[must_use]
    pub fn new(secret: impl AsRef<[u8]>) -> Self {
        let mut digest: [u8; 32] = Sha256::digest(secret.as_ref()).into();
        let hex = hex(&digest);
        digest.zeroize();
        Secret(Zeroizing::new(hex))
    }

    /// The key with which `originating` proves itself to `receiving` on the stream to which that one gave the id (RFC 3920 section 8.3
    /// step 4). Both domains are in their prepared form.
    #[must_use]
    pub fn key(&self, receiving: &str, originating: &str, stream_id: &str) -> String {
        self.digits(receiving, originating, stream_id).iter().copied().map(char::from).collect()
    }

    /// Whether [`key`](Self::key) makes that key, told in constant time (RFC 3920 section 8.3 step 9).
    #[must_use]
    pub fn verifies(&self, key: &str, receiving: &str, originating: &str, stream_id: &str) -> bool {
        self.digits(receiving, originating, stream_id).as_slice().ct_eq(key.as_bytes()).into()
    }

    fn digits(&self, receiving: &str, originating: &str, stream_id: &str) -> [u8; 64] {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.0.as_slice()) else {
            return [0; 64]; // HMAC takes keys of every length.
        };
        for part in [receiving, " ", originating, " ", stream_id] {
            mac.update(part.as_bytes());
        }
        hex(&mac.finalize().into_bytes().into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Hexadecimal digits, in lower case (XEP-0185 section 2 note 4).
fn hex(bytes: &[u8; 32]) -> [u8; 64] {
    core::array::from_fn(|index| {
        let byte = bytes.get(index / 2).copied().unwrap_or_default();
        let digit = if index % 2 == 0 { byte >> 4 } else { byte & 15 };
        if digit < 10 { b'0' + digit } else { b'a' + digit - 10 }
    })
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn r3920_8_1_05_keys_are_made_of_domains_stream_and_secret() {
        // The examples of XEP-0185 section 3, and of XEP-0220 sections 2.1.1 and 2.2.2.
        for (secret, receiving, originating, id, key) in [
            (
                "s3cr3tf0rd14lb4ck",
                "xmpp.example.com",
                "example.org",
                "D60000229F",
                "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643",
            ),
            (
                "s3cr3tf0rd14lb4ck",
                "montague.example",
                "capulet.example",
                "D60000229F",
                "b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3",
            ),
            (
                "d14lb4ck43v3r",
                "capulet.example",
                "montague.example",
                "417GAF25",
                "225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d",
            ),
        ] {
            assert_eq!(Secret::new(secret).key(receiving, originating, id), key);
            assert!(Secret::new(secret).verifies(key, receiving, originating, id));
        }
    }

    #[test]
    fn r3920_8_3_08_another_stream_or_secret_has_another_key() {
        let secret = Secret::new("secret");
        let key = secret.key("a.example", "b.example", "1");
        assert!(!secret.verifies(&key, "a.example", "b.example", "2"));
        // covers 3920-8.3-09
        assert!(!Secret::new("Secret").verifies(&key, "a.example", "b.example", "1"));
        assert!(!secret.verifies(&key, "b.example", "a.example", "1"));
        assert!(!secret.verifies(&key, "a.example b.example", "", "1"));
        assert!(!secret.verifies("", "a.example", "b.example", "1"));
        assert!(!secret.verifies(&format!("{key}0"), "a.example", "b.example", "1"));
    }

    #[test]
    fn nothing_is_printed() {
        assert_eq!(format!("{:?}", Secret::new("A")), "Secret(..)");
    }
}
