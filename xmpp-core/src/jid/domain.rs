//! Domain identifiers: internationalised names, IPv4 addresses and bracketed IPv6 addresses in one canonical form.
//!
//! - RFC 3920 section 3.2, RFC 6122 section 2.2 (final dot, host name rules, address literals)
//! - RFC 3490 sections 3.1 (dots), 4.1 (ToASCII), 4.2 (ToUnicode); RFC 3492 (Punycode)

use alloc::borrow::Cow;
use alloc::string::String;
use core::net::{Ipv4Addr, Ipv6Addr};

use idna::punycode;

use super::Fault;
use super::prep::{PrepError, nameprep};

/// What an encoded label begins with (RFC 3490 section 5).
const ACE_PREFIX: &str = "xn--";
/// Octets of a label in its encoded form (RFC 3490 section 4.1 step 8).
const MAX_LABEL: usize = 63;

/// Prepares a domain: each label by Nameprep, encoded labels decoded, addresses in their canonical text.
pub(super) fn prepare(domain: &str) -> Result<Cow<'_, str>, Fault> {
    // RFC 6122 section 2.2: one final dot goes, and before anything else is done.
    let domain = domain.strip_suffix(is_dot).unwrap_or(domain);
    if domain.is_empty() {
        return Err(Fault::Empty);
    }
    if let Some(literal) = domain.strip_prefix('[') {
        return prepare_ipv6(domain, literal);
    }
    let name = if is_plain(domain) {
        domain.split('.').try_for_each(check_label)?;
        Cow::Borrowed(domain)
    } else {
        Cow::Owned(prepare_name(domain)?)
    };
    check_ipv4(&name)?;
    Ok(name)
}

/// The form for DNS and certificates of a prepared domain (RFC 3490 section 4.1).
pub(super) fn to_ascii(domain: &str) -> Cow<'_, str> {
    if domain.is_ascii() {
        return Cow::Borrowed(domain);
    }
    let mut ascii = String::with_capacity(domain.len());
    for label in domain.split('.') {
        if !ascii.is_empty() {
            ascii.push('.');
        }
        match encode(label) {
            Some(encoded) if !label.is_ascii() => {
                ascii.push_str(ACE_PREFIX);
                ascii.push_str(&encoded);
            }
            // A prepared label that is not ASCII always encodes: `check_label` did it before.
            _ => ascii.push_str(label),
        }
    }
    Cow::Owned(ascii)
}

/// RFC 3490 section 3.1, requirement 1.
fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{FF0E}' | '\u{FF61}')
}

/// Whether nothing has to be mapped or decoded.
fn is_plain(domain: &str) -> bool {
    domain.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
        && !domain.contains(ACE_PREFIX)
}

fn prepare_name(domain: &str) -> Result<String, Fault> {
    let mut name = String::with_capacity(domain.len());
    for (index, label) in domain.split(is_dot).enumerate() {
        if index > 0 {
            name.push('.');
        }
        let mapped = nameprep(label)?;
        let label = to_unicode(&mapped).map_or(mapped, Cow::Owned);
        // Again after mapping: compatibility forms hide dots, slashes and at signs (`℀` is `a/c`).
        check_label(&label)?;
        name.push_str(&label);
    }
    Ok(name)
}

/// ToUnicode (RFC 3490 section 4.2) of a prepared label: `None` leaves the label as it is, which is what the RFC
/// says of encoded labels that no name of Unicode 3.2 encodes to.
fn to_unicode(label: &str) -> Option<String> {
    // What is too long is refused later; to decode it would take quadratic time.
    let encoded = label.strip_prefix(ACE_PREFIX).filter(|_| label.len() <= MAX_LABEL)?;
    let decoded = punycode::decode_to_string(encoded)?;
    // ToASCII gives the same label back exactly when it has to encode, preparation changes nothing and the encoding
    // is the only one.
    // A dot cannot be part of a label: read again, it would separate two.
    let same = !decoded.is_ascii()
        && nameprep(&decoded).is_ok_and(|prepared| prepared == decoded)
        && encode(&decoded).is_some_and(|again| again == encoded)
        && check_label(&decoded).is_ok()
        && !decoded.contains(is_dot);
    same.then_some(decoded)
}

/// Punycode of a label, unless it is so long that its encoded form cannot fit.
fn encode(label: &str) -> Option<String> {
    // Each code point takes at least one octet; this also bounds the quadratic encoder.
    if label.chars().take(MAX_LABEL + 1).count() > MAX_LABEL {
        return None;
    }
    punycode::encode_str(label)
}

/// ToASCII with UseSTD3ASCIIRules, steps 3 to 8 (RFC 3490 section 4.1), for a label that Nameprep made.
fn check_label(label: &str) -> Result<(), Fault> {
    if label.is_empty() {
        return Err(Fault::EmptyLabel);
    }
    if let Some(c) = label.chars().find(|c| c.is_ascii() && !c.is_ascii_alphanumeric() && *c != '-') {
        return Err(PrepError::Prohibited(c).into());
    }
    if label.starts_with('-') || label.ends_with('-') {
        return Err(Fault::Hyphen);
    }
    let octets = if label.is_ascii() {
        label.len()
    } else if label.starts_with(ACE_PREFIX) {
        return Err(Fault::AcePrefix);
    } else {
        encode(label).map_or(usize::MAX, |encoded| encoded.len().saturating_add(ACE_PREFIX.len()))
    };
    if octets > MAX_LABEL { Err(Fault::LabelTooLong) } else { Ok(()) }
}

/// A name whose last label is a number is an IPv4 address or nothing: the highest label of a host name is
/// alphabetic (RFC 1123 section 2.1), and resolvers read `127.1` or `0177.0.0.1` as addresses.
fn check_ipv4(name: &str) -> Result<(), Fault> {
    let numeric = name.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if numeric && name.parse::<Ipv4Addr>().is_err() { Err(Fault::IpAddress) } else { Ok(()) }
}

/// `literal` is `domain` after its opening bracket.
fn prepare_ipv6<'a>(domain: &'a str, literal: &str) -> Result<Cow<'a, str>, Fault> {
    let address = literal.strip_suffix(']').ok_or(Fault::IpAddress)?;
    let address: Ipv6Addr = address.parse().map_err(|_| Fault::IpAddress)?;
    // The text of RFC 5952: one address, one name.
    let canonical = alloc::format!("[{address}]");
    Ok(if canonical == domain { Cow::Borrowed(domain) } else { Cow::Owned(canonical) })
}

#[cfg(test)]
mod tests;
