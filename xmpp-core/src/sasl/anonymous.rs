//! The one message of ANONYMOUS (RFC 4505 section 2): a trace, or nothing.

use alloc::string::String;

use super::SaslCondition;
use crate::jid::prep::trace;

/// The longest trace in characters (RFC 4505 section 2). The grammar gives e-mail addresses no limit of their own.
pub(super) const MAX_TRACE: usize = 255;

/// Reads what somebody says of himself: an address or an opaque text, or nothing. It proves nothing.
pub(super) fn read(message: &[u8]) -> Result<Option<String>, SaslCondition> {
    let text = core::str::from_utf8(message).map_err(|_| SaslCondition::MalformedRequest)?;
    match text {
        "" => Ok(None),
        text if is_trace(text) => Ok(Some(String::from(text))),
        _ => Err(SaslCondition::MalformedRequest),
    }
}

pub(super) fn is_trace(text: &str) -> bool {
    text.chars().nth(MAX_TRACE).is_none() && trace(text).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    /// RFC 4505 section 4.
    #[test]
    fn the_example_of_rfc_4505() {
        assert_eq!(read(b"sirhc"), Ok(Some("sirhc".to_string())));
        assert_eq!(read(b""), Ok(None));
    }

    #[test]
    fn spaces_and_unassigned_code_points_pass() {
        for text in ["a b", "\u{a0}", "romeo@example.com", "\u{221}", "\u{1f600}", "\u{2f868}"] {
            assert_eq!(read(text.as_bytes()), Ok(Some(text.to_string())), "{text:?}");
        }
    }

    #[test]
    fn what_the_profile_prohibits_is_malformed() {
        let tables = [
            "\0",
            "\n",
            "\u{7f}",
            "\u{85}",
            "\u{e000}",
            "\u{fffe}",
            "\u{fffd}",
            "\u{200e}",
            "\u{e0041}",
            "\u{627}1",
        ];
        for text in tables {
            assert_eq!(read(text.as_bytes()), Err(SaslCondition::MalformedRequest), "{text:?}");
        }
        assert_eq!(read(b"\xff"), Err(SaslCondition::MalformedRequest));
    }

    #[test]
    fn limits_one_below_at_and_above() {
        for (over, taken) in [(0, true), (1, true), (2, false)] {
            assert_eq!(read("\u{e9}".repeat(MAX_TRACE - 1 + over).as_bytes()).is_ok(), taken);
        }
    }
}
