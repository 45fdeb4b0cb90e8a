//! Which characters XML 1.0 and Namespaces in XML 1.0 allow where.

use alloc::borrow::Cow;
use alloc::string::String;

/// What stands for a character that XML cannot carry.
const REPLACEMENT: char = '\u{FFFD}';

/// The production `Char` of XML 1.0: what text and attribute values may hold.
pub(crate) const fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// `NameStartChar` of XML 1.0 without the colon, which Namespaces in XML reserves, and without U+FDF0 to U+FFFD, which the
/// parser does not read in names: we write no name that we would refuse.
const fn is_name_start(c: char) -> bool {
    matches!(c, 'A'..='Z' | '_' | 'a'..='z' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{10000}'..='\u{EFFFF}')
}

/// `NameChar` of XML 1.0 without the colon.
const fn is_name(c: char) -> bool {
    is_name_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// Whether `name` is an `NCName`: a name without a prefix.
pub(crate) fn is_ncname(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(is_name_start) && chars.all(is_name)
}

/// `name` itself, or the nearest `NCName`: every other character becomes `_`.
pub(crate) fn to_ncname(name: &str) -> Cow<'_, str> {
    if is_ncname(name) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 1);
    if !name.starts_with(is_name_start) {
        out.push('_');
    }
    out.extend(name.chars().map(|c| if is_name(c) { c } else { '_' }));
    Cow::Owned(out)
}

/// `text` itself, or a copy in which U+FFFD stands for what XML cannot carry.
pub(crate) fn to_text(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_char) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(|c| if is_char(c) { c } else { REPLACEMENT }).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_or_mended() {
        assert_eq!(to_ncname("body"), "body");
        assert_eq!(to_ncname("élan-1.x"), "élan-1.x");
        for (bad, good) in [
            ("", "_"),
            ("1a", "_1a"),
            ("a b", "a_b"),
            ("a:b", "a_b"),
            ("-", "_-"),
            ("<", "__"),
            ("a\u{FDF0}", "a_"),
        ] {
            assert_eq!(to_ncname(bad), good);
            assert!(is_ncname(good) && !is_ncname(bad));
        }
    }

    #[test]
    fn text_keeps_what_xml_can_carry() {
        assert_eq!(to_text("a\t\r\n\u{D7FF}\u{E000}\u{10FFFF}"), "a\t\r\n\u{D7FF}\u{E000}\u{10FFFF}");
        assert_eq!(to_text("\0a\u{1F}\u{FFFE}\u{FFFF}"), "\u{FFFD}a\u{FFFD}\u{FFFD}\u{FFFD}");
    }
}
