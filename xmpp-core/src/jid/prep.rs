//! String preparation: the stringprep profiles that make two spellings of one name equal.
//! Nodeprep and Resourceprep for addresses, Nameprep for domain labels, SASLprep for names and passwords, and trace.
//!
//! - RFC 3454: the algorithm and its tables; section 6 the bidirectional rule, section 7 unassigned code points
//! - RFC 3920 appendix A (Nodeprep) and appendix B (Resourceprep)
//! - RFC 3491 (Nameprep), RFC 4013 (SASLprep), RFC 4505 section 3 (trace)
//!
//! Every profile here is idempotent: a prepared string prepares to itself. Two things make it so.
//! The repertoire is Unicode 3.2, and code points unassigned there never meet today's normalisation: the
//! profiles of stored identifiers refuse them before any mapping, the others carry them through unchanged.
//! And the normalisation is the one of Unicode 3.2: nothing assigned then has changed since, except five
//! ideographs whose decomposition was corrected later (Unicode corrigendum 4), for which the old value is kept,
//! and the order of composition across a blocking mark (corrigendum 5), where the corrected algorithm is
//! followed because the older text is not idempotent.
//!
//! It does not judge length or emptiness (an address does, see [`Jid`](super::Jid)), and Nameprep works on one
//! label, not on a whole domain.
//!
//! ```
//! use xmpp_core::jid::prep::{PrepError, nameprep, nodeprep, resourceprep, saslprep};
//!
//! assert_eq!(nodeprep("Ⅳan")?, "ivan");
//! assert_eq!(nodeprep("a b"), Err(PrepError::Prohibited(' ')));
//! assert_eq!(nameprep("faß")?, "fass");
//! assert_eq!(resourceprep("Ⅳ 😀")?, "IV 😀");
//! assert_eq!(saslprep("I\u{AD}X")?, "IX");
//! # Ok::<(), PrepError>(())
//! ```

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use stringprep::tables;
use unicode_normalization::UnicodeNormalization;

/// Why a string cannot be prepared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PrepError {
    /// The code point is not assigned in Unicode 3.2 (RFC 3454 section 7, table A.1).
    Unassigned(char),
    /// The profile forbids the code point (RFC 3454 section 5).
    Prohibited(char),
    /// Right-to-left text is mixed with left-to-right text, or does not both begin and end the string
    /// (RFC 3454 section 6).
    MixedDirection,
}

impl fmt::Display for PrepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Unassigned(c) => write!(f, "U+{:04X} is not assigned in Unicode 3.2", u32::from(c)),
            Self::Prohibited(c) => write!(f, "U+{:04X} is not allowed", u32::from(c)),
            Self::MixedDirection => f.write_str("right-to-left text is mixed with other text"),
        }
    }
}

impl core::error::Error for PrepError {}

/// Prepares a node identifier (RFC 3920 appendix A): case is folded, spaces and `"&'/:<>@` are refused.
///
/// Borrows when ASCII text is prepared already.
///
/// # Errors
/// The first offending code point, or mixed direction.
pub fn nodeprep(text: &str) -> Result<Cow<'_, str>, PrepError> {
    if text.is_ascii() {
        let prohibited = |c: &char| tables::ascii_space_character(*c) || prohibited_in_node(*c);
        return text.chars().find(prohibited).map_or_else(|| Ok(lowercase(text)), prohibit);
    }
    let fold = |c| visible(c).into_iter().flat_map(tables::case_fold_for_nfkc);
    prepare(text, Repertoire::Unicode32, fold, prohibited_in_node).map(Cow::Owned)
}

/// Prepares a resource identifier (RFC 3920 appendix B): case and ASCII spaces are kept.
///
/// Code points that Unicode 3.2 does not know pass unchanged, as RFC 3454 section 7 allows, because people use
/// emoji in nicknames; they take no part in the bidirectional rule. Borrows when the text is ASCII.
///
/// # Errors
/// The first offending code point, or mixed direction.
pub fn resourceprep(text: &str) -> Result<Cow<'_, str>, PrepError> {
    if text.is_ascii() {
        return printable_ascii(text);
    }
    prepare(text, Repertoire::Open, visible, prohibited_in_text).map(Cow::Owned)
}

/// Prepares one label of a domain name (RFC 3491): case is folded, `ß` becomes `ss`.
///
/// ASCII code points are judged by the host name rules that an address applies to its domain, not here.
/// Borrows when ASCII text is prepared already.
///
/// # Errors
/// The first offending code point, or mixed direction.
pub fn nameprep(label: &str) -> Result<Cow<'_, str>, PrepError> {
    if label.is_ascii() {
        return Ok(lowercase(label));
    }
    let fold = |c| visible(c).into_iter().flat_map(tables::case_fold_for_nfkc);
    prepare(label, Repertoire::Unicode32, fold, prohibited_in_label).map(Cow::Owned)
}

/// Prepares a name or password as a stored string (RFC 4013): unassigned code points are refused.
///
/// The result can be empty. Borrows when the text is ASCII.
///
/// # Errors
/// The first offending code point, or mixed direction.
pub fn saslprep(text: &str) -> Result<Cow<'_, str>, PrepError> {
    saslprep_in(text, Repertoire::Unicode32)
}

/// Prepares a name or password as a query (RFC 4013 section 2.5): unassigned code points pass unchanged.
///
/// The result can be empty. Borrows when the text is ASCII.
///
/// # Errors
/// The first offending code point, or mixed direction.
pub fn saslprep_query(text: &str) -> Result<Cow<'_, str>, PrepError> {
    saslprep_in(text, Repertoire::Open)
}

/// Checks the trace information of an anonymous login (RFC 4505 section 3). This profile maps nothing and normalises nothing.
///
/// # Errors
/// The first offending code point, or mixed direction.
pub fn trace(text: &str) -> Result<(), PrepError> {
    text.chars().find(|c| prohibited_in_trace(*c)).map_or_else(|| check_direction(text), prohibit)
}

fn saslprep_in(text: &str, repertoire: Repertoire) -> Result<Cow<'_, str>, PrepError> {
    if text.is_ascii() {
        return printable_ascii(text);
    }
    // U+200B is in both tables of RFC 4013 section 2.1; the one named first decides, so it becomes a space.
    let map = |c| if tables::non_ascii_space_character(c) { Some(' ') } else { visible(c) };
    prepare(text, repertoire, map, prohibited_in_text).map(Cow::Owned)
}

/// Which code points may enter a profile.
#[derive(Clone, Copy)]
enum Repertoire {
    /// Only what Unicode 3.2 assigns: stored strings.
    Unicode32,
    /// Everything; what Unicode 3.2 does not assign passes untouched.
    Open,
}

/// The steps of RFC 3454 section 3 for text that is not plain ASCII.
fn prepare<M: IntoIterator<Item = char>>(
    text: &str,
    repertoire: Repertoire,
    map: impl Fn(char) -> M,
    prohibited: impl Fn(char) -> bool,
) -> Result<String, PrepError> {
    // Before mapping: today's normalisation knows code points that the mapping tables do not, and could turn
    // them into something that a second pass would map again.
    if let (Repertoire::Unicode32, Some(c)) = (repertoire, text.chars().find(|c| unassigned(*c))) {
        return Err(PrepError::Unassigned(c));
    }

    let mut prepared = String::with_capacity(text.len());
    for piece in text.split_inclusive(unassigned) {
        // For Unicode 3.2 an unassigned code point neither decomposes nor combines, so cutting there changes
        // nothing for the text on both sides.
        let known = piece.strip_suffix(unassigned).unwrap_or(piece);
        prepared.extend(known.chars().flat_map(&map).map(decompose_as_in_3_2).nfkc());
        prepared.extend(piece.chars().next_back().filter(|c| unassigned(*c)));
    }

    if let Some(c) = prepared.chars().find(|c| prohibited(*c)) {
        return prohibit(c);
    }
    check_direction(&prepared)?;
    Ok(prepared)
}

fn prohibit<T>(c: char) -> Result<T, PrepError> {
    Err(PrepError::Prohibited(c))
}

/// Table B.2 for ASCII.
fn lowercase(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

fn printable_ascii(text: &str) -> Result<Cow<'_, str>, PrepError> {
    let control = text.chars().find(|c| tables::ascii_control_character(*c));
    control.map_or(Ok(Cow::Borrowed(text)), prohibit)
}

/// Table A.1.
fn unassigned(c: char) -> bool {
    // The gaps begin at U+0221.
    !c.is_ascii() && tables::unassigned_code_point(c)
}

/// Table B.1: `None` for what maps to nothing.
fn visible(c: char) -> Option<char> {
    (!tables::commonly_mapped_to_nothing(c)).then_some(c)
}

/// The five compatibility ideographs whose decomposition Unicode corrected after 3.2 (corrigendum 4).
fn decompose_as_in_3_2(c: char) -> char {
    match c {
        '\u{2F868}' => '\u{2136A}',
        '\u{2F874}' => '\u{5F33}',
        '\u{2F91F}' => '\u{43AB}',
        '\u{2F95F}' => '\u{7AAE}',
        '\u{2F9BF}' => '\u{4D57}',
        c => c,
    }
}

/// RFC 3920 appendix A section 5. (An ASCII space is refused as well: table C.1.1.)
fn prohibited_in_node(c: char) -> bool {
    matches!(c, ' ' | '"' | '&' | '\'' | '/' | ':' | '<' | '>' | '@') || prohibited_in_text(c)
}

/// RFC 3920 appendix B section 5 and RFC 4013 section 2.3.
fn prohibited_in_text(c: char) -> bool {
    tables::ascii_control_character(c) || prohibited_in_label(c)
}

/// RFC 3491 section 5.
fn prohibited_in_label(c: char) -> bool {
    // C.5, the surrogates, are no `char`.
    !c.is_ascii()
        && (tables::non_ascii_space_character(c)
            || tables::non_ascii_control_character(c)
            || tables::private_use(c)
            || tables::non_character_code_point(c)
            || tables::inappropriate_for_plain_text(c)
            || tables::inappropriate_for_canonical_representation(c)
            || tables::change_display_properties_or_deprecated(c)
            || tables::tagging_character(c))
}

/// RFC 4505 section 3: spaces may stand there, and what is no canonical representation.
fn prohibited_in_trace(c: char) -> bool {
    tables::ascii_control_character(c)
        || tables::non_ascii_control_character(c)
        || tables::private_use(c)
        || tables::non_character_code_point(c)
        || tables::inappropriate_for_plain_text(c)
        || tables::change_display_properties_or_deprecated(c)
        || tables::tagging_character(c)
}

/// Table D.1, as far as its code points can stand in prepared text.
fn right_to_left(c: char) -> bool {
    tables::bidi_r_or_al(c) && !unassigned(c)
}

/// Table D.2, as far as its code points can stand in prepared text. The library answers for today's Unicode, so what
/// was another class in 3.2 is put right here.
fn left_to_right(c: char) -> bool {
    match c {
        '\u{17B4}' | '\u{17B5}' | '\u{1885}' | '\u{1886}' => true,
        '\u{0CBF}'
        | '\u{0CC6}'
        | '\u{1734}'
        | '\u{2132}'
        | '\u{2800}'..='\u{28FF}'
        | '\u{302E}'
        | '\u{302F}' => false,
        c => tables::bidi_l(c) && !unassigned(c),
    }
}

/// RFC 3454 section 6, over the code points that Unicode 3.2 knows.
fn check_direction(text: &str) -> Result<(), PrepError> {
    if !text.chars().any(right_to_left) {
        return Ok(());
    }
    let mut known = text.chars().filter(|c| !unassigned(*c));
    let first = known.clone().next();
    let last = known.clone().next_back();
    if first.is_some_and(right_to_left) && last.is_some_and(right_to_left) && !known.any(left_to_right) {
        Ok(())
    } else {
        Err(PrepError::MixedDirection)
    }
}

#[cfg(test)]
mod tests;
