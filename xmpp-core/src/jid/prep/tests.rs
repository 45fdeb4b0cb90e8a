//! The profiles against the tables of RFC 3454 (`testdata/rfc3454.tsv`), and their properties over every code point.

use std::collections::{BTreeMap, BTreeSet};
use std::format;
use std::string::String;
use std::vec::Vec;

use proptest::prelude::*;
use sha2::{Digest, Sha256};
use unicode_normalization::char::canonical_combining_class;

use super::*;

const FACTS: &str = include_str!("../testdata/rfc3454.tsv");

type Profile = fn(&str) -> Result<Cow<'_, str>, PrepError>;
const PROFILES: [(&str, Profile); 5] = [
    ("nodeprep", nodeprep),
    ("nameprep", nameprep),
    ("resourceprep", resourceprep),
    ("saslprep", saslprep),
    ("saslprep_query", saslprep_query),
];

fn every_char() -> impl Iterator<Item = char> {
    '\0'..=char::MAX
}

fn hex(digits: &str) -> u32 {
    u32::from_str_radix(digits, 16).unwrap()
}

fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    FACTS.lines().map(|line| line.split('\t').collect::<Vec<_>>()).filter(move |row| row[0] == table)
}

/// The code points of a table in order; `char` has no surrogates, which are what C.5 lists.
fn table(name: &'static str) -> Vec<char> {
    let code_points: Vec<char> = rows(name)
        .flat_map(|row| {
            let (first, last) = row[1].split_once('-').unwrap_or((row[1], row[1]));
            (hex(first)..=hex(last)).filter_map(char::from_u32)
        })
        .collect();
    assert!(!code_points.is_empty() || name == "C.5", "{name}");
    code_points
}

/// The union of tables.
fn tables_of(names: &[&'static str]) -> BTreeSet<char> {
    names.iter().flat_map(|name| table(name)).collect()
}

fn case_folding() -> BTreeMap<char, String> {
    let text = |codes: &str| codes.split(' ').map(|code| char::from_u32(hex(code)).unwrap()).collect();
    rows("B.2").map(|row| (char::from_u32(hex(row[1])).unwrap(), text(row[2]))).collect()
}

/// Over every code point: the predicate holds for these and for no other.
fn holds_for_exactly(expected: impl IntoIterator<Item = char>, predicate: impl Fn(char) -> bool) {
    let mut expected = expected.into_iter();
    for c in every_char().filter(|c| predicate(*c)) {
        assert_eq!(Some(c), expected.next());
    }
    assert_eq!(expected.next(), None);
}

#[test]
fn r3920_a_01_repertoire_is_table_a_1() {
    holds_for_exactly(table("A.1"), unassigned);
}

#[test]
fn r3920_b_02_mapped_to_nothing_is_table_b_1() {
    holds_for_exactly(table("B.1"), |c| visible(c).is_none());
}

#[test]
fn r3920_a_02_case_folding_is_table_b_2() {
    let expected = case_folding();
    assert_eq!(expected.len(), 1371);
    for c in every_char() {
        let folded: String = tables::case_fold_for_nfkc(c).collect();
        let expected = expected.get(&c).cloned().unwrap_or_else(|| String::from(c));
        assert_eq!(folded, expected, "U+{:04X}", u32::from(c));
    }
    // Capitals that have had a lower case only since later versions of Unicode.
    for c in ['\u{10A0}', '\u{13A0}', '\u{4C0}', '\u{2132}', '\u{2183}'] {
        assert_eq!(nodeprep(&String::from(c)).as_deref(), Ok(&*String::from(c)));
    }
}

const C_1_2_TO_9: [&str; 9] = ["C.1.2", "C.2.2", "C.3", "C.4", "C.5", "C.6", "C.7", "C.8", "C.9"];

#[test]
fn r3920_a_04_and_05_nodeprep_prohibits_its_tables_and_eight_more() {
    let mut expected = tables_of(&C_1_2_TO_9);
    expected.extend(tables_of(&["C.1.1", "C.2.1"]));
    expected.extend("\"&'/:<>@".chars());
    holds_for_exactly(expected, prohibited_in_node);

    for c in "\"&'/:<>@ \u{7F}\0".chars() {
        // covers 3920-A-05
        assert_eq!(nodeprep(&format!("a{c}")), Err(PrepError::Prohibited(c)));
        assert_eq!(nodeprep(&format!("é{c}")), Err(PrepError::Prohibited(c)));
    }
    // Compatibility forms become what is prohibited.
    assert_eq!(nodeprep("a\u{FF20}b"), Err(PrepError::Prohibited('@')));
    assert_eq!(nodeprep("a\u{2100}"), Err(PrepError::Prohibited('/')));
    assert_eq!(nodeprep("a\u{A0}b"), Err(PrepError::Prohibited(' ')));
}

#[test]
fn r3920_b_04_resourceprep_prohibits_its_tables() {
    let mut expected = tables_of(&C_1_2_TO_9);
    expected.extend(table("C.2.1"));
    holds_for_exactly(expected, prohibited_in_text);

    assert_eq!(resourceprep("a b").as_deref(), Ok("a b"));
    assert_eq!(resourceprep("a\tb"), Err(PrepError::Prohibited('\t')));
    assert_eq!(resourceprep("é\u{1680}"), Err(PrepError::Prohibited('\u{1680}')));
    assert_eq!(resourceprep("😀\u{E000}"), Err(PrepError::Prohibited('\u{E000}')));
}

#[test]
fn r3491_5_nameprep_prohibits_its_tables() {
    holds_for_exactly(tables_of(&C_1_2_TO_9), prohibited_in_label);
}

#[test]
fn r3454_5_no_table_of_prohibitions_lists_unassigned_code_points() {
    for name in C_1_2_TO_9.iter().chain(&["C.2.1", "D.1", "D.2"]) {
        assert!(!table(name).into_iter().any(unassigned), "{name}");
    }
}

/// The library knows today's directions. They matter where a code point can stand in prepared text.
#[test]
fn r3454_6_directions_are_tables_d_1_and_d_2() {
    let stands = |c: &char| !prohibited_in_text(*c) && normalized(&String::from(*c)).chars().eq([*c]);
    let d_1 = table("D.1").into_iter().filter(stands);
    holds_for_exactly(d_1, |c| right_to_left(c) && stands(&c));
    let d_2 = table("D.2").into_iter().filter(stands);
    holds_for_exactly(d_2, |c| left_to_right(c) && stands(&c));
}

fn normalized(text: &str) -> String {
    text.chars().map(decompose_as_in_3_2).nfkc().collect()
}

/// The digest stands for all 4238 code points that NFKC of Unicode 3.2 changes. Each is a line of hexadecimal
/// code points, `FROM:TO TO...`; the value was computed from the tables of another implementation of Unicode 3.2.
#[test]
fn r3920_a_03_normalization_is_that_of_unicode_3_2() {
    let mut digest = Sha256::new();
    let mut lines = 0;
    for c in every_char().filter(|c| !unassigned(*c)) {
        let to = normalized(&String::from(c));
        if !to.chars().eq([c]) {
            let to: Vec<String> = to.chars().map(|c| format!("{:X}", u32::from(c))).collect();
            digest.update(format!("{:X}:{}\n", u32::from(c), to.join(" ")));
            lines += 1;
        }
    }
    assert_eq!(lines, 4238);
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, "30ed3a2273648c1a485022076e7899b6841326a8316c7394721ac4a8a11f7edf");
}

#[test]
fn r3920_a_03_normalization_makes_nothing_younger_than_unicode_3_2() {
    for c in every_char().filter(|c| unassigned(*c)) {
        let parts: String = [c].into_iter().nfd().collect();
        if !parts.chars().any(unassigned) {
            assert_ne!(parts.nfc().collect::<String>(), String::from(c), "U+{:04X}", u32::from(c));
        }
    }
}

/// What every output promises, whatever the input was.
fn check(name: &str, profile: Profile, text: &str) {
    // An unchanged text is its own proof: the same call would give the same answer.
    if let Some(once) = profile(text).ok().filter(|once| once != text) {
        assert_eq!(profile(&once).as_deref(), Ok(&*once), "{name} of {text:?}");
    }
}

#[test]
fn preparing_twice_is_preparing_once_for_every_code_point() {
    for c in every_char() {
        let mut buffer = [0; 4];
        let text = c.encode_utf8(&mut buffer);
        for (name, profile) in PROFILES {
            check(name, profile, text);
        }
    }
}

/// Letters that fold, compose, decompose, or change direction.
fn bases() -> BTreeSet<char> {
    let mut bases: BTreeSet<char> = case_folding().into_keys().collect();
    bases.extend("aAiIıjJnsſßΣσς〇0 -@/.".chars());
    bases.extend(['\u{1100}', '\u{1112}', '\u{AC00}', '\u{AC01}', '\u{3131}', '\u{FFA1}', '\u{FFC2}']);
    bases.extend('\u{3042}'..='\u{304F}');
    bases.extend('\u{FF71}'..='\u{FF7F}');
    bases.extend([
        '\u{5D0}',
        '\u{627}',
        '\u{FB1D}',
        '\u{FEFB}',
        '\u{0DD9}',
        '\u{1025}',
        '\u{0B47}',
        '\u{2F868}',
    ]);
    bases
}

/// What can follow a letter and change it: marks, vowels, joiners, code points of later versions.
fn followers() -> Vec<char> {
    let mut followers: Vec<char> = ('\u{300}'..='\u{362}').collect();
    followers
        .extend(['\u{5B4}', '\u{5BC}', '\u{653}', '\u{654}', '\u{93C}', '\u{B3E}', '\u{DCF}', '\u{102E}']);
    followers.extend(['\u{1161}', '\u{1175}', '\u{11A8}', '\u{11C2}', '\u{314F}', '\u{FFC3}', '\u{FFDC}']);
    followers.extend(['\u{3099}', '\u{309A}', '\u{309B}', '\u{FF9E}', '\u{FF9F}', '\u{338}', '\u{20D2}']);
    followers.extend(['\u{AD}', '\u{34F}', '\u{200B}', '\u{200D}', '\u{FE0F}', '\u{FEFF}', '\u{A0}']);
    followers.extend([
        '\u{358}',
        '\u{1DC4}',
        '\u{1F600}',
        '\u{1F3FB}',
        '\u{1D2C}',
        '\u{A64B}',
        '\u{1E9E}',
        'A',
        'İ',
    ]);
    followers
}

#[test]
fn preparing_twice_is_preparing_once_for_interesting_pairs() {
    let followers = followers();
    let mut text = String::new();
    for base in bases() {
        for follower in &followers {
            text.clear();
            text.extend([base, *follower]);
            // The other profiles map and normalise as one of these does.
            check("nodeprep", nodeprep, &text);
            check("saslprep_query", saslprep_query, &text);
        }
    }
}

proptest! {
    #[test]
    fn preparing_twice_is_preparing_once(
        text in prop::collection::vec(
            prop_oneof![
                prop::sample::select(bases().into_iter().collect::<Vec<_>>()),
                prop::sample::select(followers()),
                any::<char>(),
            ],
            0..8,
        ).prop_map(String::from_iter),
    ) {
        for (name, profile) in PROFILES {
            check(name, profile, &text);
        }
    }

    /// The short cut for ASCII gives what the steps of RFC 3454 give.
    #[test]
    fn ascii_takes_the_same_steps(text in "[\\x00-\\x7F]{0,12}") {
        let fold = |c| visible(c).into_iter().flat_map(tables::case_fold_for_nfkc);
        let steps = |text| prepare(text, Repertoire::Unicode32, fold, prohibited_in_node);
        // Which of two faults is named may differ: the short cut looks before it folds.
        prop_assert_eq!(nodeprep(&text).ok().map(String::from), steps(&text).ok());
        let steps = prepare(&text, Repertoire::Unicode32, fold, prohibited_in_label);
        prop_assert_eq!(nameprep(&text).map(String::from), steps);
        let steps = prepare(&text, Repertoire::Open, visible, prohibited_in_text);
        prop_assert_eq!(resourceprep(&text).map(String::from), steps.clone());
        prop_assert_eq!(saslprep(&text).map(String::from), steps);
    }
}

#[test]
fn r3920_a_01_unassigned_code_points_are_refused_before_mapping() {
    // MODIFIER LETTER CAPITAL A came after 3.2; today's NFKC makes it `A`, which a second pass would fold.
    assert_eq!(nodeprep("\u{1D2C}dmin"), Err(PrepError::Unassigned('\u{1D2C}')));
    assert_eq!(nameprep("\u{1D2C}dmin"), Err(PrepError::Unassigned('\u{1D2C}')));
    assert_eq!(saslprep("\u{1D2C}dmin"), Err(PrepError::Unassigned('\u{1D2C}')));
    // Unassigned comes before prohibited.
    assert_eq!(nodeprep("@é😀"), Err(PrepError::Unassigned('😀')));
}

#[test]
fn r3920_b_01_unassigned_code_points_pass_a_resource_unchanged() {
    assert_eq!(resourceprep("\u{1D2C}dmin").as_deref(), Ok("\u{1D2C}dmin"));
    assert_eq!(resourceprep("Ｐhone 😀").as_deref(), Ok("Phone 😀"));
    // U+0358 is a mark of Unicode 4.1. To 3.2 it is a base, across which an accent is neither ordered nor composed.
    assert_eq!(resourceprep("e\u{358}\u{301}").as_deref(), Ok("e\u{358}\u{301}"));
    assert_eq!(canonical_combining_class('\u{358}'), 232);
    assert_eq!(resourceprep("e\u{301}\u{358}").as_deref(), Ok("é\u{358}"));
}

#[test]
fn r3920_a_02_nodeprep_folds_case() {
    for (input, expected) in [
        ("JULIET", "juliet"),
        ("Ⅳan", "ivan"),
        ("straße", "strasse"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("İ", "i\u{307}"),
        ("\u{1E96}", "\u{1E96}"),
        ("ju\u{AD}li\u{200D}et\u{FE0F}", "juliet"),
        ("㎐", "hz"),
        ("ﬃ", "ffi"),
    ] {
        assert_eq!(nodeprep(input).as_deref(), Ok(expected), "{input:?}");
    }
    assert_eq!(nodeprep("\u{AD}").as_deref(), Ok(""));
}

#[test]
fn r3920_b_02_resourceprep_keeps_case() {
    assert_eq!(resourceprep("Juliet ß Σ").as_deref(), Ok("Juliet ß Σ"));
    // covers 3920-B-03
    assert_eq!(resourceprep("ﬃ\u{AD}").as_deref(), Ok("ffi"));
    assert_eq!(resourceprep("a\u{A0}b").as_deref(), Ok("a b"));
}

#[test]
fn r3920_a_03_normalization_composes_after_mapping() {
    assert_eq!(nodeprep("e\u{AD}\u{301}").as_deref(), Ok("é"));
    assert_eq!(nodeprep("か\u{3099}").as_deref(), Ok("が"));
    assert_eq!(nodeprep("ｶﾞ").as_deref(), Ok("ガ"));
    assert_eq!(nodeprep("\u{1100}\u{1161}\u{11A8}").as_deref(), Ok("각"));
    // A mark between the halves of a vowel blocks them, as Unicode corrigendum 5 says and the text of 3.2 does not.
    assert_eq!(nodeprep("\u{B47}\u{300}\u{B3E}").as_deref(), Ok("\u{B47}\u{300}\u{B3E}"));
    // Unicode corrigendum 4 came later than 3.2.
    assert_eq!(nodeprep("\u{2F868}").as_deref(), Ok("\u{2136A}"));
}

#[test]
fn r3920_a_06_and_b_05_direction_is_checked() {
    for profile in [nodeprep, nameprep, resourceprep, saslprep, saslprep_query] {
        assert_eq!(profile("שלום").as_deref(), Ok("שלום"));
        assert_eq!(profile("ש1ם").as_deref(), Ok("ש1ם"));
        // covers 3920-B-05
        assert_eq!(profile("שaם"), Err(PrepError::MixedDirection));
        assert_eq!(profile("1שם"), Err(PrepError::MixedDirection));
        assert_eq!(profile("שם1"), Err(PrepError::MixedDirection));
        assert_eq!(profile("\u{627}\u{31}"), Err(PrepError::MixedDirection));
        assert_eq!(profile("\u{627}\u{31}\u{628}").as_deref(), Ok("\u{627}\u{31}\u{628}"));
    }
    assert_eq!(resourceprep("😀שלום😀").as_deref(), Ok("😀שלום😀"));
    assert_eq!(resourceprep("a😀שלום"), Err(PrepError::MixedDirection));
}

#[test]
fn r4013_3_examples() {
    assert_eq!(saslprep("I\u{AD}X").as_deref(), Ok("IX"));
    assert_eq!(saslprep("user").as_deref(), Ok("user"));
    assert_eq!(saslprep("USER").as_deref(), Ok("USER"));
    assert_eq!(saslprep("\u{AA}").as_deref(), Ok("a"));
    assert_eq!(saslprep("\u{2168}").as_deref(), Ok("IX"));
    assert_eq!(saslprep("\u{7}"), Err(PrepError::Prohibited('\u{7}')));
    assert_eq!(saslprep("\u{627}1"), Err(PrepError::MixedDirection));
}

#[test]
fn r4013_2_1_spaces_become_ascii_spaces() {
    for c in table("C.1.2") {
        assert_eq!(saslprep(&format!("a{c}b")).as_deref(), Ok("a b"), "U+{:04X}", u32::from(c));
    }
}

#[test]
fn r4013_2_5_a_query_lets_unassigned_code_points_pass() {
    assert_eq!(saslprep("pässword😀"), Err(PrepError::Unassigned('😀')));
    assert_eq!(saslprep_query("pässword\u{A0}😀").as_deref(), Ok("pässword 😀"));
}

#[test]
fn prepared_ascii_is_borrowed() {
    for (name, profile) in PROFILES {
        assert!(matches!(profile("juliet-1"), Ok(Cow::Borrowed("juliet-1"))), "{name}");
    }
}

#[test]
fn hostile_lengths_end() {
    let marks: String = ["\u{315}", "\u{300}", "\u{5B0}"].iter().cycle().take(30_000).copied().collect();
    let once = resourceprep(&marks).unwrap().into_owned();
    assert_eq!(resourceprep(&once).as_deref(), Ok(&*once));
    assert_eq!(resourceprep(&"\u{FDFA}".repeat(1000)).unwrap().len(), 33_000);
}

#[test]
fn errors_say_which_code_point() {
    assert_eq!(format!("{}", PrepError::Prohibited(' ')), "U+0020 is not allowed");
    assert_eq!(format!("{}", PrepError::Unassigned('😀')), "U+1F600 is not assigned in Unicode 3.2");
}
