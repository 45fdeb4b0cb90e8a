//! Languages of human-readable text (RFC 3920 sections 4.2 and 9.1.5, RFC 6120 sections 4.7.4 and 8.1.5).
//!
//! Tags are compared and handed on, not looked up: whether a language of that name exists is not checked.
//!
//! ```
//! use xmpp_core::xml::{Element, Lang, ns};
//!
//! let stream: Lang = "de-AT".parse()?;
//! let message = Element::builder(ns::CLIENT, "message").build();
//! assert_eq!(Lang::of(&message, Some(&stream)), Some(stream.clone()));
//! let message = Element::builder(ns::CLIENT, "message").lang("en").build();
//! assert_eq!(Lang::of(&message, Some(&stream)).as_deref(), Some("en"));
//! # Ok::<(), xmpp_core::xml::LangError>(())
//! ```

use alloc::sync::Arc;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Deref;
use core::str::FromStr;

use super::element::Element;

/// The longest tag taken. RFC 5646 section 4.4.1 asks for at least 35.
const MOST_BYTES: usize = 64;

/// A language tag of the form that RFC 5646 section 2.1 describes: subtags of one to eight letters and digits, joined by `-`.
///
/// Two tags are equal whatever the case of their letters; it is kept as it was written. A clone shares the text.
#[derive(Clone)]
pub struct Lang(Arc<str>);

impl Lang {
    /// Checks a language tag.
    ///
    /// # Errors
    /// [`LangError`] if it does not look like one, or is longer than 64 bytes.
    pub fn new(tag: &str) -> Result<Self, LangError> {
        let mut subtags = tag.split('-');
        // Only the first subtag names a language, or is `x` or `i`: it has no digits.
        let letters = |subtag: &str| subtag.bytes().all(|byte| byte.is_ascii_alphabetic());
        let fits = |subtag: &str| {
            (1..=8).contains(&subtag.len()) && subtag.bytes().all(|byte| byte.is_ascii_alphanumeric())
        };
        let valid = tag.len() <= MOST_BYTES
            && subtags.next().is_some_and(|first| letters(first) && fits(first))
            && subtags.all(fits);
        if valid { Ok(Lang(tag.into())) } else { Err(LangError) }
    }

    /// The language of an element's text: its own, else that of what it stands in, for a stanza its stream.
    ///
    /// An empty `xml:lang` says that there is none (XML 1.0 section 2.12). One that is no tag is taken for none given.
    #[must_use]
    pub fn of(element: &Element, inherited: Option<&Lang>) -> Option<Lang> {
        match element.lang() {
            Some("") => None,
            Some(tag) => Lang::new(tag).ok().or_else(|| inherited.cloned()),
            None => inherited.cloned(),
        }
    }

    /// The tag as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Deref for Lang {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Lang {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl FromStr for Lang {
    type Err = LangError;

    fn from_str(tag: &str) -> Result<Self, LangError> {
        Lang::new(tag)
    }
}

impl PartialEq for Lang {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Lang {}

impl Hash for Lang {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for byte in self.0.bytes() {
            state.write_u8(byte.to_ascii_lowercase());
        }
        state.write_u8(0xFF);
    }
}

impl fmt::Display for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Lang {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// A text that is no language tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LangError;

impl fmt::Display for LangError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a language tag")
    }
}

impl core::error::Error for LangError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn lang(tag: &str) -> Lang {
        Lang::new(tag).unwrap()
    }

    #[test]
    fn tags_have_the_form_of_rfc_5646() {
        for tag in ["en", "de-AT", "zh-Hant-TW", "x-klingon", "i-default", "sl-rozaj-biske-1994", "de-1901"] {
            assert_eq!(lang(tag).as_str(), tag);
        }
        for tag in ["", "e n", " en", "en ", "en,de", "en;q=1", "e\u{a0}n", "en/de"] {
            // covers 3920-9.1.5-04
            assert_eq!(Lang::new(tag), Err(LangError), "no NMTOKEN: {tag}");
        }
        for tag in ["-", "en-", "-en", "en--us", "1a", "en_US", "abcdefghi", "en-abcdefghi", "d\u{e9}"] {
            // covers 3920-9.1.5-05
            assert_eq!(Lang::new(tag), Err(LangError), "{tag}");
        }
    }

    #[test]
    fn r3920_4_4_20_a_language_is_a_name_token_and_a_tag() {
        for tag in ["e n", "en\u{0}", "en,de", "\u{20ac}", ""] {
            // covers 3920-4.4-20
            assert_eq!(Lang::new(tag), Err(LangError), "{tag:?}");
        }
        // Name tokens that are no language tags (RFC 5646, for RFC 3066).
        for tag in ["en:us", "en_US", "en.us", "12", "englishlanguage"] {
            // covers 3920-4.4-21
            assert_eq!(Lang::new(tag), Err(LangError), "{tag:?}");
        }
        // Extended and private subtags came with RFC 5646.
        assert!(Lang::new("de-Latn-DE-1996-x-a").is_ok());
    }

    #[test]
    fn a_tag_has_at_most_64_bytes() {
        let of = |last: &str| ["en", &"-a".repeat(30), last].concat();
        assert_eq!((of("b").len(), of("bc").len(), of("bcd").len()), (63, 64, 65));
        assert!(Lang::new(&of("b")).is_ok() && Lang::new(&of("bc")).is_ok());
        assert_eq!(Lang::new(&of("bcd")), Err(LangError));
    }

    #[test]
    fn case_is_kept_and_does_not_matter() {
        assert_eq!(lang("de-AT"), lang("DE-at"));
        assert_ne!(lang("de-AT"), lang("de"));
        assert_eq!(lang("De-at").as_str(), "De-at");
    }

    #[test]
    fn r3920_9_1_5_a_stanza_inherits_the_language_of_its_stream() {
        let message = |tag: Option<&str>| {
            let builder = Element::builder("jabber:client", "message");
            match tag {
                Some(tag) => builder.lang(tag).build(),
                None => builder.build(),
            }
        };
        let stream = lang("fr");
        for (own, expected) in
            [(None, Some("fr")), (Some("en"), Some("en")), (Some(""), None), (Some("not a tag"), Some("fr"))]
        {
            assert_eq!(Lang::of(&message(own), Some(&stream)).as_deref(), expected, "{own:?}");
        }
        assert_eq!(Lang::of(&message(None), None), None);
    }
}
