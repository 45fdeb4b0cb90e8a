//! The three shapes: parsing, sizes, sharing, comparison.

use std::collections::{BTreeMap, HashSet};
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::jid::prep::PrepError;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn parts(jid: &Jid) -> (Option<&str>, &str, Option<&str>) {
    (jid.node(), jid.domain(), jid.resource())
}

#[test]
fn r3920_3_2_01_the_domain_is_the_only_mandatory_part() {
    assert_eq!(parts(&jid("example.com")), (None, "example.com", None));
    assert_eq!(parts(&jid("juliet@example.com")), (Some("juliet"), "example.com", None));
    assert_eq!(parts(&jid("example.com/pda")), (None, "example.com", Some("pda")));
    assert_eq!(parts(&jid("juliet@example.com/pda")), (Some("juliet"), "example.com", Some("pda")));
}

#[test]
fn r3920_3_1_01_empty_parts_are_refused() {
    for (text, error) in [
        ("", JidError::Domain(Fault::Empty)),
        ("@", JidError::Node(Fault::Empty)),
        ("/", JidError::Domain(Fault::Empty)),
        ("@example.com", JidError::Node(Fault::Empty)),
        ("juliet@", JidError::Domain(Fault::Empty)),
        ("juliet@/pda", JidError::Domain(Fault::Empty)),
        ("juliet@./pda", JidError::Domain(Fault::Empty)),
        ("example.com/", JidError::Resource(Fault::Empty)),
        ("juliet@example.com/", JidError::Resource(Fault::Empty)),
        // Nothing is left after mapping.
        ("\u{AD}@example.com", JidError::Node(Fault::Empty)),
        ("example.com/\u{AD}", JidError::Resource(Fault::Empty)),
        ("\u{AD}", JidError::Domain(Fault::EmptyLabel)),
    ] {
        assert_eq!(Jid::new(text), Err(error), "{text:?}");
    }
}

#[test]
fn r6122_2_1_the_first_separators_split_before_mapping() {
    assert_eq!(parts(&jid("a@b/c@d/e")), (Some("a"), "b", Some("c@d/e")));
    assert_eq!(parts(&jid("b/c@d")), (None, "b", Some("c@d")));
    assert_eq!(parts(&jid("b//")), (None, "b", Some("/")));
    let prohibited = |c| Fault::Prep(PrepError::Prohibited(c));
    assert_eq!(Jid::new("a@b@c"), Err(JidError::Domain(prohibited('@'))));
    assert_eq!(Jid::new("a\u{FF20}b"), Err(JidError::Domain(prohibited('@'))));
    assert_eq!(Jid::new("a\u{FE6B}b@c"), Err(JidError::Node(prohibited('@'))));
    assert_eq!(Jid::from_parts(Some("a@b"), "c", None), Err(JidError::Node(prohibited('@'))));
    assert_eq!(Jid::from_parts(None, "b/c", None), Err(JidError::Domain(prohibited('/'))));
    assert_eq!(Jid::from_parts(None, "a@b", None), Err(JidError::Domain(prohibited('@'))));
}

/// A domain of exactly so many bytes, which begins with labels of 63.
fn domain_of(size: usize) -> String {
    let labels = format!("{}.", "a".repeat(63));
    let rest = size - 15 * labels.len();
    if rest > 63 {
        labels.repeat(15) + &"b".repeat(rest - 2) + ".c"
    } else {
        labels.repeat(15) + &"b".repeat(rest)
    }
}

#[test]
fn r3920_3_1_01_each_part_has_at_most_1023_bytes_after_preparation() {
    for (size, fits) in [(1022, true), (1023, true), (1024, false)] {
        let long = "n".repeat(size);
        let expect = |jid: Result<Jid, JidError>, part: fn(Fault) -> JidError| match jid {
            Ok(jid) => assert!(fits && jid.as_str().len() > size, "{size}"),
            Err(error) => assert_eq!((fits, error), (false, part(Fault::TooLong)), "{size}"),
        };
        expect(Jid::new(&format!("{long}@b")), JidError::Node);
        expect(Jid::new(&format!("{}@b", long.to_uppercase())), JidError::Node);
        expect(Jid::new(&format!("b/{long}")), JidError::Resource);
        expect(BareJid::new("b").unwrap().with_resource(&long).map(Jid::from), JidError::Resource);
        let domain = domain_of(size);
        assert_eq!(domain.len(), size);
        expect(Jid::new(&format!("n@{domain}")), JidError::Domain);

        // What mapping takes away does not count; what it makes shorter counts as short.
        assert_eq!(Jid::new(&format!("{}{long}@b", "\u{AD}".repeat(5000))).is_ok(), fits);
        assert_eq!(Jid::new(&format!("b/{}", "\u{FF41}".repeat(size))).is_ok(), fits);
    }
    // U+FDFA, three bytes, becomes 33.
    assert_eq!(Jid::new(&format!("b/{}", "\u{FDFA}".repeat(31))).unwrap().as_str().len(), 2 + 1023);
    assert_eq!(Jid::new(&format!("b/{}", "\u{FDFA}".repeat(32))), Err(JidError::Resource(Fault::TooLong)));

    let longest = format!("{}@{}/{}", "n".repeat(1023), domain_of(1023), "r".repeat(1023));
    let jid = jid(&longest);
    assert_eq!(jid.as_str().len(), 3071);
    assert_eq!(jid.resource().map(str::len), Some(1023));
    assert_eq!(jid.to_bare().with_resource(&"R".repeat(1023)).unwrap().as_str().len(), 3071);
}

#[test]
fn r3920_3_3_02_and_3_4_03_comparison_is_on_prepared_text() {
    assert_eq!(jid("Juliet@EXAMPLE.com/Pda"), jid("juliet@example.com./Pda"));
    assert_ne!(jid("juliet@example.com/Pda"), jid("juliet@example.com/pda"));
    assert_eq!(jid("straße@faß.example"), jid("STRASSE@fass.example"));
    assert_eq!(jid("juliet@xn--bcher-kva.example"), jid("juliet@bücher.example"));
    assert_eq!(jid("x@[2001:DB8::0:1]"), jid("x@[2001:db8::1]"));

    let set: HashSet<Jid> = ["A@b/c", "a@B/c", "a@b", "b/c"].into_iter().map(jid).collect();
    assert_eq!(set.len(), 3);
}

#[test]
fn shapes_are_views_of_one_text() {
    let full = jid("juliet@example.com/pda");
    let bare = full.to_bare();
    let domain = bare.domain_jid();
    for view in [bare.as_jid(), domain.as_jid(), full.to_full().unwrap().as_jid()] {
        assert!(Arc::ptr_eq(&view.text, &full.text));
    }
    assert_eq!(parts(bare.as_jid()), (Some("juliet"), "example.com", None));
    assert_eq!(parts(domain.as_jid()), (None, "example.com", None));
    assert_eq!(domain.as_str(), "example.com");
    assert_eq!(domain.domain_jid(), domain);
    assert_eq!(domain, jid("example.com"));

    // A view behaves as the address parsed from its text, also as a start for more.
    let joined = domain.with_resource("Roster 😀").unwrap();
    assert_eq!(parts(joined.as_jid()), (None, "example.com", Some("Roster 😀")));
    assert_eq!(joined, jid("example.com/Roster 😀"));
    assert_eq!(bare.with_resource("x@y/z").unwrap(), jid("juliet@example.com/x@y/z"));
    assert_eq!(bare.with_resource(""), Err(JidError::Resource(Fault::Empty)));
}

#[test]
fn shapes_are_promises() {
    let full = FullJid::new("juliet@example.com/pda").unwrap();
    assert_eq!(full.resource(), "pda");
    assert_eq!(full.node(), Some("juliet"));
    assert_eq!(full.domain(), "example.com");
    assert_eq!(full.to_bare(), BareJid::new("juliet@example.com").unwrap());
    assert_eq!(full.domain_jid(), BareJid::new("example.com").unwrap());
    assert_eq!(FullJid::new("juliet@example.com"), Err(JidError::MissingResource));
    assert_eq!(BareJid::new("juliet@example.com/pda"), Err(JidError::UnexpectedResource));
    assert_eq!(BareJid::try_from(Jid::from(full.clone())), Err(JidError::UnexpectedResource));
    assert_eq!(FullJid::try_from(Jid::from(full.to_bare())), Err(JidError::MissingResource));
    assert_eq!(full.to_bare().as_jid().to_full(), None);
    assert_eq!("a@b".parse::<BareJid>().unwrap(), "a@b".parse::<Jid>().unwrap());
    assert_eq!("a@b/c".parse::<FullJid>().unwrap(), "a@b/c".parse::<Jid>().unwrap());
}

#[test]
fn maps_are_searched_with_any_shape() {
    let mut accounts = BTreeMap::new();
    accounts.insert(BareJid::new("juliet@example.com").unwrap(), 1);
    accounts.insert(BareJid::new("example.com").unwrap(), 2);
    let from = jid("Juliet@example.com/pda");
    assert_eq!(accounts.get(&from.to_bare()), Some(&1));
    assert_eq!(accounts.get(&from.domain_jid()), Some(&2));
    assert_eq!(accounts.get(&jid("juliet@example.com")), Some(&1));
    assert_eq!(accounts.get(&from), None);

    let hash: HashSet<BareJid> = accounts.into_keys().collect();
    assert!(hash.contains(&from.to_bare()));
    assert!(hash.contains(from.to_bare().as_jid()));
}

#[test]
fn r3920_3_2_04_the_domain_has_an_encoded_form() {
    assert_eq!(jid("a@bücher.example/x").ascii_domain(), "xn--bcher-kva.example");
}

#[test]
fn texts_for_people() {
    let full = FullJid::new("A@b/c").unwrap();
    assert_eq!(format!("{full}|{:>6}", full.to_bare()), "a@b/c|   a@b");
    assert_eq!(
        format!("{:?} {:?} {:?}", full, full.to_bare(), full.as_jid()),
        r#"FullJid("a@b/c") BareJid("a@b") Jid("a@b/c")"#
    );
    for (text, message) in [
        ("a b@c", "node: U+0020 is not allowed"),
        ("😀@c", "node: U+1F600 is not assigned in Unicode 3.2"),
        ("שa@c", "node: right-to-left text is mixed with other text"),
        ("a@b..c", "domain: has an empty label"),
        ("a@-b", "domain: has a label that begins or ends with a hyphen"),
        ("a@1.2.3", "domain: is not a valid IP address"),
        ("a@b/\u{1}", "resource: U+0001 is not allowed"),
    ] {
        assert_eq!(Jid::new(text).unwrap_err().to_string(), message, "{text:?}");
    }
    assert_eq!(FullJid::new("a@b").unwrap_err().to_string(), "resource: is missing");
}

#[test]
fn the_types_are_small() {
    assert_eq!(size_of::<Option<FullJid>>(), 24);
    assert!(size_of::<JidError>() <= 16);
}

fn part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9._-]{1,8}",
        "[a-zé ßΣİㅏ각か\u{3099}\u{308}\u{AD}😀ﬃ@/.שם1-]{0,8}",
        any::<String>(),
    ]
}

proptest! {
    #[test]
    fn parsing_what_was_displayed_gives_the_same_address(text in part(), domain in part(), resource in part()) {
        for text in [&text, &format!("{text}@{domain}"), &format!("{text}@{domain}/{resource}"), &format!("{domain}/{resource}")] {
            if let Ok(jid) = Jid::new(text) {
                let again = Jid::new(&format!("{jid}")).unwrap();
                prop_assert_eq!(&again, &jid);
                prop_assert_eq!(parts(&again), parts(&jid));
                prop_assert_eq!(Jid::new(jid.to_bare().as_str()).unwrap(), jid.to_bare());
                prop_assert_eq!(Jid::new(jid.domain_jid().as_str()).unwrap(), jid.domain_jid());
                prop_assert_eq!(jid.is_full(), jid.to_full().is_some());
            }
        }
    }

    #[test]
    fn parts_and_text_agree(node in prop::option::of(part()), domain in part(), resource in prop::option::of(part())) {
        let joined = Jid::from_parts(node.as_deref(), &domain, resource.as_deref());
        let mut text = String::new();
        if let Some(node) = &node {
            text.push_str(node);
            text.push('@');
        }
        text.push_str(&domain);
        if let Some(resource) = &resource {
            text.push('/');
            text.push_str(resource);
        }
        let node_splits = node.as_deref().is_some_and(|node| node.contains(['@', '/']));
        if node_splits || domain.contains(['@', '/']) {
            prop_assert!(joined.is_err());
        } else {
            prop_assert_eq!(Jid::new(&text), joined);
        }
    }

    #[test]
    fn order_is_that_of_the_text(texts in prop::collection::vec("[a-c]{1,2}(@[a-c])?(/[a-c]{1,2})?", 2)) {
        let jids: Vec<Jid> = texts.iter().map(|text| jid(text)).collect();
        prop_assert_eq!(jids[0].cmp(&jids[1]), texts[0].cmp(&texts[1]));
        prop_assert_eq!(jids[0] == jids[1], texts[0] == texts[1]);
    }
}
