//! How a component proves that it knows its secret (XEP-0114 section 3).
//!
//! The streams are those of [`conn::ComponentConnection`](crate::conn::ComponentConnection) and
//! [`conn::ComponentAcceptor`](crate::conn::ComponentAcceptor). The hash of a stream id and a secret is all that protects them: they belong on
//! one machine, or inside something that encrypts.
//!
//! ```
//! use xmpp_core::component::handshake;
//! use xmpp_core::sasl::Secret;
//!
//! assert_eq!(handshake("3BF96D32", &Secret::new("test")), "aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e");
//! ```

use alloc::string::String;
use core::fmt::Write as _;

use sha1::{Digest as _, Sha1};
use subtle::ConstantTimeEq as _;

use crate::sasl::Secret;

/// What proves the knowledge of `secret` on the stream of that id: their SHA-1 hash in lower-case hexadecimal digits.
#[must_use]
pub fn handshake(stream_id: &str, secret: &Secret) -> String {
    let digest = Sha1::new().chain_update(stream_id).chain_update(secret.as_bytes()).finalize();
    let mut hex = String::with_capacity(40);
    for byte in digest {
        // Writing into a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Whether that is what proves it, in a time that does not tell how much of it is right.
pub(crate) fn proves(proof: &str, stream_id: &str, secret: &Secret) -> bool {
    handshake(stream_id, secret).as_bytes().ct_eq(proof.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_hash_in_lower_case_proves_anything() {
        let secret = Secret::new("test");
        let right = handshake("3BF96D32", &secret);
        assert!(proves(&right, "3BF96D32", &secret));
        assert!(!proves(&right.to_uppercase(), "3BF96D32", &secret));
        assert!(!proves(right.get(..39).unwrap(), "3BF96D32", &secret));
        assert!(!proves("", "3BF96D32", &secret));
        assert!(!proves(&right, "3BF96D33", &secret));
        assert!(!proves(&right, "3BF96D32", &Secret::new("tesu")));
    }
}
