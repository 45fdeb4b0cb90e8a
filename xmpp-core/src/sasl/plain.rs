//! The one message of PLAIN (RFC 4616 section 2).

use super::{MAX_AUTHZID, MAX_PASSWORD, MAX_USERNAME, Secret};

/// `[authzid] NUL authcid NUL passwd`, nothing prepared.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) struct Message<'a> {
    pub(super) authzid: Option<&'a str>,
    pub(super) authcid: &'a str,
    pub(super) password: &'a str,
}

impl<'a> Message<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut fields = core::str::from_utf8(bytes).ok()?.split('\0');
        let (authzid, authcid, password) = (fields.next()?, fields.next()?, fields.next()?);
        let whole = fields.next().is_none()
            && authzid.len() <= MAX_AUTHZID
            && (1..=MAX_USERNAME).contains(&authcid.len())
            && (1..=MAX_PASSWORD).contains(&password.len());
        whole.then_some(Self {
            authzid: Some(authzid).filter(|authzid| !authzid.is_empty()),
            authcid,
            password,
        })
    }
}

/// Writes the message. The parts hold no NUL: SASLprep prohibits it in two, the caller in the third.
pub(super) fn write(authzid: Option<&str>, authcid: &str, password: &Secret) -> Secret {
    let parts =
        [authzid.unwrap_or_default().as_bytes(), b"\0", authcid.as_bytes(), b"\0", password.as_bytes()];
    Secret::new(parts.concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn parse(bytes: &[u8]) -> Option<(Option<&str>, &str, &str)> {
        Message::parse(bytes).map(|message| (message.authzid, message.authcid, message.password))
    }

    /// RFC 4616 section 4.
    #[test]
    fn the_examples_of_rfc_4616() {
        assert_eq!(parse(b"\0tim\0tanstaaftanstaaf"), Some((None, "tim", "tanstaaftanstaaf")));
        assert_eq!(parse(b"Ursel\0Kurt\0xipj3plmq"), Some((Some("Ursel"), "Kurt", "xipj3plmq")));
        assert_eq!(
            write(None, "tim", &Secret::new("tanstaaftanstaaf")).as_bytes(),
            b"\0tim\0tanstaaftanstaaf"
        );
        assert_eq!(
            write(Some("Ursel"), "Kurt", &Secret::new("xipj3plmq")).as_bytes(),
            b"Ursel\0Kurt\0xipj3plmq"
        );
    }

    #[test]
    fn refuses_what_the_grammar_does_not_have() {
        let bad: [&[u8]; 9] =
            [b"", b"\0", b"\0\0", b"\0a\0", b"\0\0b", b"a\0b", b"\0a\0b\0", b"\0a\0b\0c", b"\0\xff\0b"];
        for bytes in bad {
            assert_eq!(parse(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn limits_one_below_at_and_above() {
        let of = |z: usize, c: usize, p: usize| {
            format!("{}\0{}\0{}", "z".repeat(z), "c".repeat(c), "p".repeat(p)).into_bytes()
        };
        for (over, taken) in [(0, true), (1, true), (2, false)] {
            assert_eq!(Message::parse(&of(MAX_AUTHZID - 1 + over, 1, 1)).is_some(), taken);
            assert_eq!(Message::parse(&of(0, MAX_USERNAME - 1 + over, 1)).is_some(), taken);
            assert_eq!(Message::parse(&of(0, 1, MAX_PASSWORD - 1 + over)).is_some(), taken);
        }
    }
}
