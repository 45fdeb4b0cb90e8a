//! The two forms in which a test cites a requirement: the beginning of its name, and a comment.

use super::table::{Requirements, split};

/// What a name or a comment cites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Citation {
    /// A row of the tables.
    Of(String),
    /// It looks like a citation and is none; the text says why.
    Faulty(String),
}

/// The row that a function's name begins with, if it does: `r3920_4_4_06_...` is `3920-4.4-06`.
///
/// The running number is what has two digits. A name without one is about a section as a whole, and one of an
/// RFC that has no table is about that RFC: neither is a citation.
pub(super) fn in_name(name: &str, requirements: &Requirements) -> Option<Citation> {
    let mut words = name.split('_');
    let rfc = words.next()?.strip_prefix('r').filter(|rfc| Requirements::knows_rfc(rfc))?;
    let mut section = words.next()?.to_ascii_uppercase();
    let mut candidate = None;
    for word in words {
        if !word.bytes().all(|byte| byte.is_ascii_digit()) {
            break;
        }
        let id = format!("{rfc}-{section}-{word}");
        // Sections have two digits too, as 4.9.3.19 does: the longest id that exists is meant.
        if split(&id).is_some() && (candidate.is_none() || requirements.get(&id).is_some()) {
            candidate = Some(id);
        }
        section = format!("{section}.{word}");
    }
    candidate.map(|id| known(id, requirements))
}

/// The row that a comment cites: `// covers 3920-4.4-07`, or the same with `: ` and text behind.
pub(super) fn in_comment(comment: &str, requirements: &Requirements) -> Option<Citation> {
    let text = comment.trim_start_matches(['/', '!']).trim();
    let (verb, rest) = text.split_once([' ', ':'])?;
    let begins_like_an_id = rest
        .trim_start_matches([' ', ':', '`'])
        .split('-')
        .next()
        .is_some_and(|rfc| rfc.len() == 4 && rfc.bytes().all(|byte| byte.is_ascii_digit()));
    if !verb.eq_ignore_ascii_case("covers") || !begins_like_an_id {
        return None;
    }
    let id = comment.strip_prefix("// covers ").map(|cited| match cited.split_once(": ") {
        Some((id, _)) => id,
        None => cited,
    });
    Some(match id {
        Some(id) if split(id).is_some() => known(id.to_owned(), requirements),
        _ => Citation::Faulty("a citation has the form `// covers ID` or `// covers ID: text`".to_owned()),
    })
}

fn known(id: String, requirements: &Requirements) -> Citation {
    match requirements.get(&id) {
        Some(_) => Citation::Of(id),
        None => Citation::Faulty(format!("no table has {id}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::table::sample, *};

    fn requirements() -> Requirements {
        sample(&["3920-4.4-06", "3920-7-01", "3920-A-01", "6120-4.9.3.19-01", "6120-4.9-03", "6121-A.2.1-01"])
    }

    fn of(id: &str) -> Option<Citation> {
        Some(Citation::Of(id.to_owned()))
    }

    #[test]
    fn a_name_begins_with_the_id() {
        let requirements = requirements();
        for (name, id) in [
            ("r3920_4_4_06_only_there", "3920-4.4-06"),
            ("r3920_4_4_06", "3920-4.4-06"),
            ("r3920_4_4_06_2_of_3", "3920-4.4-06"),
            ("r3920_4_4_06_99_bottles", "3920-4.4-06"),
            ("r3920_4_4_06_r3920_7_01_both", "3920-4.4-06"),
            ("r3920_7_01_x", "3920-7-01"),
            ("r3920_a_01_x", "3920-A-01"),
            ("r6121_a_2_1_01_x", "6121-A.2.1-01"),
            ("r6120_4_9_3_19_01_x", "6120-4.9.3.19-01"),
            ("r6120_4_9_03_19_01_x", "6120-4.9-03"),
        ] {
            assert_eq!(in_name(name, &requirements), of(id), "{name}");
        }
    }

    #[test]
    fn a_name_without_a_running_number_cites_nothing() {
        let requirements = requirements();
        for name in [
            "",
            "r3920",
            "r3920_4_4_1_a_version",
            "r3920_6_a_restart",
            "r3920_a_word",
            "r3920_4_4_006_x",
            "r3454_5_01_x",
            "r4013_2_1_01",
            "resource_4_4_06",
            "restart",
            "x3920_4_4_06",
        ] {
            assert_eq!(in_name(name, &requirements), None, "{name}");
        }
    }

    #[test]
    fn a_name_with_an_unknown_id_is_faulty() {
        let requirements = requirements();
        for (name, id) in [("r3920_4_4_07_x", "3920-4.4-07"), ("r3920_4_10_bytes", "3920-4-10")] {
            let faulty = Some(Citation::Faulty(format!("no table has {id}")));
            assert_eq!(in_name(name, &requirements), faulty);
        }
    }

    #[test]
    fn a_comment_names_one_id() {
        let requirements = requirements();
        for comment in ["// covers 3920-A-01", "// covers 3920-A-01: and says why"] {
            assert_eq!(in_comment(comment, &requirements), of("3920-A-01"), "{comment}");
        }
        let unknown = Some(Citation::Faulty("no table has 3920-A-02".to_owned()));
        assert_eq!(in_comment("// covers 3920-A-02", &requirements), unknown);
    }

    #[test]
    fn what_looks_like_a_citation_has_to_be_one() {
        let requirements = requirements();
        for comment in [
            "//covers 3920-A-01",
            "// Covers 3920-A-01",
            "// covers: 3920-A-01",
            "// covers  3920-A-01",
            "// covers 3920-A-01 ",
            "// covers 3920-A-01, 3920-7-01",
            "// covers 3920-A-01 and 3920-7-01",
            "// covers 3920-A-01 - why",
            "// covers 3920-A-1",
            "// covers `3920-A-01`",
            "/// covers 3920-A-01",
            "//! covers 3920-A-01",
        ] {
            let found = in_comment(comment, &requirements);
            assert!(matches!(found, Some(Citation::Faulty(_))), "{comment}: {found:?}");
        }
    }

    #[test]
    fn other_comments_are_prose() {
        let requirements = requirements();
        for comment in ["//", "// covers", "// covers all of it", "// what 3920-A-01 covers", "// 3920-A-01"]
        {
            assert_eq!(in_comment(comment, &requirements), None, "{comment}");
        }
    }
}
