//! Domains in all their spellings, and what is none.

use std::format;
use std::string::String;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn becomes(domain: &str, expected: &str) {
    assert_eq!(prepare(domain).as_deref(), Ok(expected), "{domain:?}");
    assert_eq!(prepare(expected).as_deref(), Ok(expected), "again");
}

#[track_caller]
fn fails(domain: &str, fault: Fault) {
    assert_eq!(prepare(domain), Err(fault), "{domain:?}");
}

fn prohibited(c: char) -> Fault {
    Fault::Prep(PrepError::Prohibited(c))
}

#[test]
fn r3920_3_2_04_nameprep_maps_each_label() {
    becomes("example.com", "example.com");
    becomes("EXAMPLE.Com", "example.com");
    becomes("faß.de", "fass.de");
    becomes("BÜCHER.example", "bücher.example");
    becomes("bu\u{308}cher.example", "bücher.example");
    becomes("ｅｘａｍｐｌｅ.com", "example.com");
    becomes("exam\u{AD}ple.com", "example.com");
    becomes("localhost", "localhost");
    becomes("שלום.example", "שלום.example");
    becomes("3com.com", "3com.com");
    fails("a\u{1D2C}.example", Fault::Prep(PrepError::Unassigned('\u{1D2C}')));
    fails("😀.example", Fault::Prep(PrepError::Unassigned('😀')));
    fails("שa.example", Fault::Prep(PrepError::MixedDirection));
    fails("a\u{E000}.example", prohibited('\u{E000}'));
}

#[test]
fn r3920_3_2_05_encoded_labels_become_unicode() {
    becomes("xn--bcher-kva.example", "bücher.example");
    becomes("XN--BCHER-KVA.example", "bücher.example");
    becomes("ｘｎ－－bcher-kva.example", "bücher.example");
    becomes("a.xn--p1ai", "a.рф");
}

#[test]
fn r3490_4_2_encoded_labels_that_do_not_come_back_stay() {
    // They encode `faß` and `straße`, which map to `fass` and `strasse`: other names.
    becomes("xn--fa-hia.de", "xn--fa-hia.de");
    becomes("xn--strae-oqa.example", "xn--strae-oqa.example");
    // An emoji of Unicode 6.
    becomes("xn--e28h.example", "xn--e28h.example");
    // Not Punycode: beyond the last code point, cut short.
    becomes("xn--99999999.example", "xn--99999999.example");
    becomes("xn--0.example", "xn--0.example");
    // An ideographic full stop inside a label would be a dot the next time.
    let hidden = format!("xn--{}.example", punycode::encode_str("a\u{3002}b").unwrap());
    becomes(&hidden, &hidden);
    // A slash, encoded.
    let hidden = format!("xn--{}.example", punycode::encode_str("a\u{2100}b").unwrap());
    becomes(&hidden, &hidden);
    // The encoding of something encoded.
    let nested = format!("xn--{}.example", punycode::encode_str("xn--\u{FC}").unwrap());
    becomes(&nested, &nested);
    fails("xn--.example", Fault::Hyphen);
    fails("xn--abc-.example", Fault::Hyphen);
    fails("xn--\u{FC}.example", Fault::AcePrefix);
}

#[test]
fn r3490_3_1_four_dots_separate_labels() {
    becomes("a\u{3002}b\u{FF0E}c\u{FF61}d.e", "a.b.c.d.e");
    // These become dots only by normalisation, inside a label.
    fails("a\u{2024}b", prohibited('.'));
    fails("a\u{2488}b", prohibited('.'));
}

#[test]
fn r6122_2_2_one_final_dot_is_stripped() {
    becomes("example.com.", "example.com");
    becomes("example.com\u{3002}", "example.com");
    becomes("例え\u{FF61}", "例え");
    becomes("127.0.0.1.", "127.0.0.1");
    fails("example.com..", Fault::EmptyLabel);
    fails("example.com.\u{AD}", Fault::EmptyLabel);
    fails(".", Fault::Empty);
    fails("", Fault::Empty);
}

#[test]
fn r3490_4_1_labels_are_host_names() {
    fails(".example", Fault::EmptyLabel);
    fails("a..b", Fault::EmptyLabel);
    fails("a.\u{AD}.b", Fault::EmptyLabel);
    fails("-a.example", Fault::Hyphen);
    fails("a-.example", Fault::Hyphen);
    fails("é-.example", Fault::Hyphen);
    becomes("a-b--c.example", "a-b--c.example");
    for c in " !\"#$%&'()*+,/:;<=>?@\\]^_`{|}~\0\u{7F}".chars() {
        fails(&format!("a{c}b.example"), prohibited(c));
        fails(&format!("é{c}b.example"), prohibited(c));
    }
    // Again after mapping: it becomes `a/c`.
    fails("\u{2100}.example", prohibited('/'));
    fails("a\u{FF20}b", prohibited('@'));
    fails("a\u{FF0F}b", prohibited('/'));
}

#[test]
fn r3490_4_1_labels_have_at_most_63_octets_encoded() {
    for (size, fits) in [(62, true), (63, true), (64, false)] {
        let label = "a".repeat(size);
        assert_eq!(prepare(&label).is_ok(), fits, "{size}");
        assert_eq!(prepare(&label.to_uppercase()).is_ok(), fits, "{size}");
    }
    // `é` after so many `a`: four of prefix, the letters, a hyphen, and the encoded position.
    for letters in 50..70 {
        let label = format!("{}é", "a".repeat(letters));
        let octets = 4 + punycode::encode_str(&label).unwrap().len();
        if octets <= 63 {
            becomes(&label, &label);
            becomes(&to_ascii(&label), &label);
        } else {
            fails(&label, Fault::LabelTooLong);
        }
    }
    // In quadratic time these would take minutes.
    fails(&"é".repeat(300_000), Fault::LabelTooLong);
    fails(&format!("xn--{}", "a".repeat(300_000)), Fault::LabelTooLong);
}

#[test]
fn r3920_3_2_02_ipv4_addresses() {
    becomes("127.0.0.1", "127.0.0.1");
    becomes("１２７.0.0.1", "127.0.0.1");
    for bad in ["256.0.0.1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1", "example.1", "1.2.3.4444"] {
        fails(bad, Fault::IpAddress);
    }
    becomes("1.2.3.example", "1.2.3.example");
    becomes("1.2.3.4a", "1.2.3.4a");
}

#[test]
fn r3920_3_2_02_ipv6_addresses_stand_in_brackets() {
    becomes("[::1]", "[::1]");
    becomes("[2001:DB8:0:0:0:0:0:1]", "[2001:db8::1]");
    becomes("[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]");
    for bad in
        ["[]", "[", "[::1", "[::1]]", "[::1]x", "[fe80::1%25eth0]", "[fe80::1%eth0]", "[v1.a]", "[127.0.0.1]"]
    {
        fails(bad, Fault::IpAddress);
    }
    fails("::1", prohibited(':'));
    fails("a[::1]", prohibited('['));
}

#[test]
fn the_encoded_form_is_for_dns() {
    assert_eq!(to_ascii("bücher.example"), "xn--bcher-kva.example");
    assert_eq!(to_ascii("a.рф"), "a.xn--p1ai");
    assert_eq!(to_ascii("[::1]"), "[::1]");
    assert!(matches!(to_ascii("example.com"), Cow::Borrowed("example.com")));
}

#[test]
fn prepared_ascii_is_borrowed() {
    for domain in ["example.com", "example.com.", "127.0.0.1", "[::1]"] {
        assert!(matches!(prepare(domain), Ok(Cow::Borrowed(_))), "{domain}");
    }
}

#[test]
fn preparing_twice_is_preparing_once_for_every_code_point_that_nameprep_takes() {
    let mut domain = String::new();
    let mut encoded = String::new();
    // What Nameprep refuses, a million code points, it refuses in the same place: a sample of that is enough.
    let chosen = |c: &char| u32::from(*c) % 61 == 0 || nameprep(c.encode_utf8(&mut [0; 4])).is_ok();
    for c in ('\0'..=char::MAX).filter(chosen) {
        domain.clear();
        domain.extend(['a', c]);
        encoded.clear();
        encoded.push_str(ACE_PREFIX);
        encoded.push_str(&punycode::encode_str(&domain).unwrap());
        for text in [&domain, &encoded] {
            if let Some(once) = prepare(text).ok().filter(|once| once != text) {
                assert_eq!(prepare(&once).as_deref(), Ok(&*once), "{text:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn both_forms_of_a_domain_are_one_domain(
        domain in "([a-z0-9éüßÅжש例か\u{3099}\u{308}\u{AD}ﬃ。．-]{1,6}\\.){0,3}[a-zéж]{1,5}",
    ) {
        if let Ok(once) = prepare(&domain) {
            prop_assert_eq!(prepare(&once), Ok(Cow::Borrowed(&*once)));
            let ascii = to_ascii(&once);
            prop_assert!(ascii.is_ascii());
            prop_assert_eq!(prepare(&ascii), Ok(Cow::Borrowed(&*once)));
        }
    }

    #[test]
    fn any_text_is_prepared_once_or_refused(domain in any::<String>()) {
        if let Ok(once) = prepare(&domain) {
            prop_assert_eq!(prepare(&once), Ok(Cow::Borrowed(&*once)));
        }
    }
}
