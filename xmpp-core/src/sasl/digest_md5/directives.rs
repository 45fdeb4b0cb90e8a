//! The directive lists of DIGEST-MD5 (RFC 2831 section 7), read strictly and written.

use alloc::borrow::Cow;
use alloc::vec::Vec;

/// The most directives in a list: more than all that the RFC defines, so that a few unknown ones pass.
const MAX_DIRECTIVES: usize = 32;

/// A list of `name=value`. Values are bytes: what they are encoded in, one of them tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Directives<'a>(Vec<(&'a [u8], Cow<'a, [u8]>)>);

/// The list violates the grammar, or holds twice what may be there once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl<'a> Directives<'a> {
    /// Reads a list of fewer than `limit` bytes.
    pub(super) fn parse(bytes: &'a [u8], limit: usize) -> Result<Self, Malformed> {
        if bytes.len() >= limit {
            return Err(Malformed);
        }
        let mut list = Vec::new();
        let mut rest = bytes;
        loop {
            // RFC 2831 section 7.1, `#rule`: null elements are allowed, but do not count.
            rest = take_while(rest, |byte| is_space(byte) || byte == b',').1;
            if rest.is_empty() {
                return if list.is_empty() { Err(Malformed) } else { Ok(Self(list)) };
            }
            let (name, after) = token(rest)?;
            let after = take_while(after, is_space).1.strip_prefix(b"=").ok_or(Malformed)?;
            let after = take_while(after, is_space).1;
            let (value, after) = match after.strip_prefix(b"\"") {
                Some(quoted) => unquote(quoted)?,
                None => token(after).map(|(value, after)| (Cow::Borrowed(value), after))?,
            };
            rest = take_while(after, is_space).1;
            if list.len() == MAX_DIRECTIVES || !matches!(rest.first(), None | Some(b',')) {
                return Err(Malformed);
            }
            list.push((name, value));
        }
    }

    /// All values of a directive. Names are case-insensitive (RFC 2831 section 7.1, `"literal"`).
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = move |found: &[u8]| found.eq_ignore_ascii_case(name.as_bytes());
        self.0.iter().filter(move |(found, _)| named(found)).map(|(_, value)| value.as_ref())
    }

    /// The value of a directive that may be there once.
    pub(super) fn optional(&self, name: &str) -> Result<Option<&[u8]>, Malformed> {
        let mut all = self.all(name);
        let first = all.next();
        if all.next().is_some() { Err(Malformed) } else { Ok(first) }
    }

    /// The value of a directive that has to be there, once.
    pub(super) fn required(&self, name: &str) -> Result<&[u8], Malformed> {
        self.optional(name)?.ok_or(Malformed)
    }
}

/// Writes `name="value"`, with a comma before it unless it is the first.
pub(super) fn write_quoted(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    write_name(out, name);
    out.push(b'"');
    for byte in value {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

/// Writes `name=value`, with a comma before it unless it is the first.
pub(super) fn write_token(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    write_name(out, name);
    out.extend(value);
}

fn write_name(out: &mut Vec<u8>, name: &str) {
    if !out.is_empty() {
        out.push(b',');
    }
    out.extend(name.as_bytes());
    out.push(b'=');
}

fn take_while(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !wanted(*byte)).unwrap_or(bytes.len());
    bytes.split_at_checked(end).unwrap_or((bytes, &[]))
}

/// `LWS`. Its line breaks count as space wherever they stand.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// `1*<any CHAR except CTLs or separators>`.
fn token(bytes: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let in_token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
    match take_while(bytes, in_token) {
        ([], _) => Err(Malformed),
        taken => Ok(taken),
    }
}

/// `qdstr-val` and the quote behind it.
fn unquote(bytes: &[u8]) -> Result<(Cow<'_, [u8]>, &[u8]), Malformed> {
    let (plain, rest) = take_while(bytes, |byte| is_text(byte) && !matches!(byte, b'"' | b'\\'));
    let mut value = Cow::Borrowed(plain);
    let mut rest = rest;
    loop {
        rest = match rest {
            [b'"', rest @ ..] => return Ok((value, rest)),
            [b'\\', escaped, rest @ ..] if escaped.is_ascii() => {
                value.to_mut().push(*escaped);
                rest
            }
            [byte, rest @ ..] if is_text(*byte) && *byte != b'\\' => {
                value.to_mut().push(*byte);
                rest
            }
            _ => return Err(Malformed),
        };
    }
}

/// `<any OCTET except CTLs, but including LWS>`.
fn is_text(byte: u8) -> bool {
    !byte.is_ascii_control() || is_space(byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, vec};
    use proptest::prelude::*;

    const LIMIT: usize = 4096;

    fn parse(text: &str) -> Result<Directives<'_>, Malformed> {
        Directives::parse(text.as_bytes(), LIMIT)
    }

    #[test]
    fn tokens_quoted_strings_and_null_elements() {
        let text = " ,a=b , C = \"d\\\"e\\\\, =\t\u{e9}\" ,,a=\"\",\r\n nc=00000001,";
        let list = parse(text).unwrap();
        assert_eq!(list.required("c"), Ok("d\"e\\, =\t\u{e9}".as_bytes()));
        assert_eq!(list.all("A").collect::<vec::Vec<_>>(), [&b"b"[..], b""]);
        assert_eq!(list.optional("a"), Err(Malformed));
        assert_eq!((list.optional("x"), list.required("x")), (Ok(None), Err(Malformed)));
        assert_eq!(list.required("NC"), Ok(&b"00000001"[..]));
    }

    #[test]
    fn refuses_what_the_grammar_does_not_have() {
        for bad in [
            "",
            ",",
            " ",
            "a",
            "a=",
            "=b",
            "a=b c=d",
            "a=b;c=d",
            "a=\"b",
            "a=\"b\\",
            "a=\"b\"c",
            "a=b\"c\"",
            "a==b",
            "a=b=c",
            "a=\"\0\"",
            "a=\"\u{7f}\"",
            "a=\"\\\u{e9}\"",
            "a=\u{e9}",
            "\u{e9}=a",
            "a=b,c",
            "\"a\"=b",
            "a=b\0",
        ] {
            assert_eq!(parse(bad), Err(Malformed), "{bad:?}");
        }
    }

    #[test]
    fn limits_one_below_at_and_above() {
        for (over, taken) in [(0, true), (1, true), (2, false)] {
            assert_eq!(parse(&"a=b,".repeat(MAX_DIRECTIVES - 1 + over)).is_ok(), taken);
        }
        for (len, taken) in [(LIMIT - 2, true), (LIMIT - 1, true), (LIMIT, false)] {
            let text = format!("a={}", "b".repeat(len - 2));
            assert_eq!(parse(&text).is_ok(), taken, "{len}");
        }
    }

    proptest! {
        #[test]
        fn reads_back_what_it_writes(
            list in prop::collection::vec(
                ("[a-z]{1,5}", prop::collection::vec((0x20_u8..=0xff).prop_filter("DEL", |byte| *byte != 0x7f), 0..9)),
                1..9,
            ),
        ) {
            let mut text = vec::Vec::new();
            for (name, value) in &list {
                write_quoted(&mut text, name, value);
            }
            let read = Directives::parse(&text, LIMIT).unwrap();
            let read: vec::Vec<_> =
                read.0.iter().map(|(name, value)| (core::str::from_utf8(name).unwrap(), value.as_ref())).collect();
            let written: vec::Vec<_> = list.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
            prop_assert_eq!(read, written);
        }

        #[test]
        fn garbage_never_panics(text in "[a-c=\",\\\\ \u{e9}]{0,20}", bytes: vec::Vec<u8>) {
            let _ = parse(&text);
            let _ = Directives::parse(&bytes, LIMIT);
        }
    }
}
