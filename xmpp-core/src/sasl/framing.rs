//! The text that carries a SASL message inside `<auth/>`, `<challenge/>`, `<response/>` and
//! `<success/>` (RFC 6120 sections 6.3.5, 6.3.10, 6.4.2 and 6.4.6).
//!
//! It is base64 (RFC 4648 section 4). In `<auth/>` and `<success/>` data may be absent, so an empty
//! message is told from none by a single `=`: [`encode`] and [`decode`]. A `<challenge/>` or
//! `<response/>` always is a message, and has no text when it is empty: [`encode_exchange`] and
//! [`decode_exchange`]. Decoding is strict: no whitespace, full padding, padding bits zero. It does
//! not touch XML.
//!
//! ```
//! use xmpp_core::sasl::framing::{decode, encode};
//!
//! assert_eq!(encode(Some(b"\0tim\0tanstaaftanstaaf")), "AHRpbQB0YW5zdGFhZnRhbnN0YWFm");
//! assert_eq!(encode(Some(b"")), "=");
//! assert_eq!(encode(None), "");
//! assert_eq!(decode("AHRpbQ==")?.unwrap().as_bytes(), b"\0tim");
//! assert!(decode("AHRpbQ").is_err());
//! # Ok::<(), xmpp_core::sasl::framing::DecodeError>(())
//! ```

use alloc::string::String;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{MAX_MESSAGE, SaslCondition, Secret};

/// [`MAX_MESSAGE`] bytes as text: exact, because they divide into groups of three.
const MAX_TEXT: usize = MAX_MESSAGE / 3 * 4;
const _: () = assert!(MAX_MESSAGE.is_multiple_of(3));

/// Writes the data of `<auth/>` or `<success/>`: `None` is no data at all, `Some(&[])` an empty message.
#[must_use]
pub fn encode(message: Option<&[u8]>) -> String {
    match message {
        None => String::new(),
        Some([]) => String::from("="),
        Some(bytes) => STANDARD.encode(bytes),
    }
}

/// Reads the data of `<auth/>` or `<success/>`. It may hold a password, hence a [`Secret`].
///
/// # Errors
/// [`DecodeError::Encoding`] for anything but canonical base64, [`DecodeError::TooLong`] for a
/// message of more than [`MAX_MESSAGE`] bytes.
pub fn decode(text: &str) -> Result<Option<Secret>, DecodeError> {
    match text {
        "" => Ok(None),
        "=" => Ok(Some(Secret::new([]))),
        // Looked at before anything is allocated.
        _ if text.len() > MAX_TEXT => Err(DecodeError::TooLong),
        _ => STANDARD.decode(text).map(|bytes| Some(Secret::new(bytes))).map_err(|_| DecodeError::Encoding),
    }
}

/// Writes the data of `<challenge/>` or `<response/>`.
#[must_use]
pub fn encode_exchange(message: &[u8]) -> String {
    STANDARD.encode(message)
}

/// Reads the data of `<challenge/>` or `<response/>`. The `=` of an empty message is understood here
/// too: RFC 6120 section 6.4.3 leaves open how to write one.
///
/// # Errors
/// As [`decode`].
pub fn decode_exchange(text: &str) -> Result<Secret, DecodeError> {
    decode(text).map(|message| message.unwrap_or_else(|| Secret::new([])))
}

/// Why a text is not taken as a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DecodeError {
    /// It is not canonical base64.
    Encoding,
    /// It holds more than [`MAX_MESSAGE`] bytes.
    TooLong,
}

impl DecodeError {
    /// What a receiving entity answers.
    #[must_use]
    pub const fn condition(self) -> SaslCondition {
        match self {
            Self::Encoding => SaslCondition::IncorrectEncoding,
            Self::TooLong => SaslCondition::MalformedRequest,
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "the SASL payload is not canonical base64",
            Self::TooLong => "the SASL payload is too long",
        })
    }
}

impl core::error::Error for DecodeError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn r3920_6_2_05_an_empty_message_is_one_equals_sign() {
        // covers 6120-6.4.6-03
        assert_eq!(encode(Some(b"")), "=");
        assert_eq!(decode("="), Ok(Some(Secret::new([]))));
        assert_eq!(encode(None), "");
        assert_eq!(decode(""), Ok(None));
    }

    #[test]
    fn an_empty_challenge_has_no_text() {
        assert_eq!(encode_exchange(b""), "");
        assert_eq!(encode_exchange(b"v="), "dj0=");
        assert_eq!(decode_exchange(""), Ok(Secret::new([])));
        assert_eq!(decode_exchange("="), Ok(Secret::new([])));
        assert_eq!(decode_exchange("dj0="), Ok(Secret::new("v=")));
        assert_eq!(decode_exchange("dj0"), Err(DecodeError::Encoding));
    }

    #[test]
    fn r6120_6_3_5_02_only_canonical_base64() {
        let bad = [
            "==",
            "===",
            "====",
            "A",
            "AA",
            "AAA",
            "AA=",
            "A===",
            "AA===",
            "AAAA=",
            "AAAA====",
            "=AAA",
            "AA=A",
            // Bits set under the padding.
            "AB==",
            "AAB=",
            // RFC 4648 section 4 has no line breaks, no other alphabet.
            " AAAA",
            "AAAA\n",
            "AA\r\nAA",
            "AA AA",
            "AA-_",
            "\u{c4}AAA",
            "AAAA\0",
        ];
        for text in bad {
            assert_eq!(decode(text), Err(DecodeError::Encoding), "{text:?}");
        }
        assert_eq!(DecodeError::Encoding.condition(), SaslCondition::IncorrectEncoding);
    }

    #[test]
    fn limits_one_below_at_and_above() {
        for (len, taken) in [(MAX_MESSAGE - 1, true), (MAX_MESSAGE, true), (MAX_MESSAGE + 1, false)] {
            let message = vec![b'x'; len];
            let read = decode(&encode(Some(&message)));
            assert_eq!(read, if taken { Ok(Some(Secret::new(message))) } else { Err(DecodeError::TooLong) });
        }
        assert_eq!(DecodeError::TooLong.condition(), SaslCondition::MalformedRequest);
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(message: Option<vec::Vec<u8>>) {
            let read = decode(&encode(message.as_deref())).unwrap();
            prop_assert_eq!(read.as_ref().map(Secret::as_bytes), message.as_deref());
        }

        #[test]
        fn takes_one_text_per_message(text in "[A-D+/=]{0,9}") {
            if let Ok(message) = decode(&text) {
                prop_assert_eq!(encode(message.as_ref().map(Secret::as_bytes)), text);
            }
        }
    }
}
