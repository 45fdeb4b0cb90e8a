//! The one message of EXTERNAL (RFC 4422 appendix A.1): whom the client wants to act as.
//!
//! Who the client is has been settled elsewhere, by its TLS certificate; whether that lets it act as the identity it names is for whoever
//! knows both.

use super::{MAX_AUTHZID, SaslCondition};

/// Reads it: `None` is whoever the certificate names, otherwise the authorization identity as it was written.
///
/// # Errors
/// `malformed-request` for what the grammar does not have, or an identity longer than [`MAX_AUTHZID`].
pub(crate) fn read(message: &[u8]) -> Result<Option<&str>, SaslCondition> {
    match core::str::from_utf8(message) {
        Ok("") => Ok(None),
        Ok(authzid) if authzid.len() <= MAX_AUTHZID && !authzid.contains('\0') => Ok(Some(authzid)),
        _ => Err(SaslCondition::MalformedRequest),
    }
}

/// Writes it. An identity of ours holds no NUL.
pub(crate) fn write(authzid: Option<&str>) -> &[u8] {
    authzid.unwrap_or_default().as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4422 appendix A.2.
    #[test]
    fn an_identity_or_none() {
        assert_eq!(read(b""), Ok(None));
        assert_eq!(read(b"fred@example.com"), Ok(Some("fred@example.com")));
        assert_eq!(read("J\u{fc}rgen".as_bytes()), Ok(Some("J\u{fc}rgen")));
        assert_eq!((write(None), write(Some("fred@example.com"))), (&b""[..], &b"fred@example.com"[..]));
    }

    #[test]
    fn refuses_what_the_grammar_does_not_have() {
        for bytes in [&b"\0"[..], b"a\0", b"a\0b", b"\xff", b"\xc0\x80"] {
            assert_eq!(read(bytes), Err(SaslCondition::MalformedRequest), "{bytes:?}");
        }
        for (over, taken) in [(0, true), (1, true), (2, false)] {
            assert_eq!(read(&alloc::vec![b'x'; MAX_AUTHZID - 1 + over]).is_ok(), taken);
        }
    }
}
