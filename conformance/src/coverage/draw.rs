//! The rows whose rules are broken by hand, to see their tests turn red: which they are, and `broken-by-hand.tsv`.
//!
//! They are drawn so that nobody chooses them, and so that the draw hardly moves while rows are being covered: of
//! the rows of a [`Part`](super::table::Part) that have to be covered and are not excepted, those with the smallest
//! SHA-256 of `SEED:ID`. Each part is drawn from by itself, so that neither moves the draw of the other.

use std::{collections::HashSet, fmt::Write, path::Path};

use sha2::{Digest, Sha256};

use super::{
    Finding,
    report::{Coverage, Entry, State},
    sheet::Sheet,
};

const SEED: &str = "broken by hand";
/// How many rows of each part are broken by hand.
pub(super) const DRAWN: usize = 40;
const COLUMNS: [&str; 3] = ["id", "test", "change"];

/// The first `count` rows of the draw from each part.
pub(super) fn draw<'c, 'a>(coverage: &'c Coverage<'a>, count: usize) -> Vec<&'c Entry<'a>> {
    let rows = coverage.entries().iter().filter(|row| matches!(row.state, State::Covered | State::Open));
    let mut rows: Vec<_> = rows.filter(|row| row.required).collect();
    rows.sort_by_cached_key(|row| (row.part, Sha256::digest(format!("{SEED}:{}", row.id))));
    let parts = rows.chunk_by(|one, next| one.part == next.part);
    parts.flat_map(|rows| rows.iter().take(count)).copied().collect()
}

/// The draw as lines: each row with the tests that cite it.
pub(super) fn list(drawn: &[&Entry<'_>]) -> String {
    let mut text = String::new();
    for row in drawn {
        text += row.id;
        if row.tests.is_empty() {
            text += "\topen";
        }
        for test in &row.tests {
            // Writing to a string does not fail.
            let _ = write!(text, "\t{}:{} {}", test.file.display(), test.line, test.name);
        }
        text.push('\n');
    }
    text
}

/// Compares the file with the draw: only rows that are drawn, each with a test that cites it; and, when it is to be
/// `complete`, all of them.
pub(super) fn compare(
    root: &Path,
    path: &Path,
    drawn: &[&Entry<'_>],
    complete: bool,
) -> Result<Vec<Finding>, Finding> {
    let sheet = Sheet::read(root, path)?;
    let mut findings = Vec::new();
    let mut broken = HashSet::new();
    for line in sheet.lines(COLUMNS)? {
        let [id, test, change] = line.fields;
        if !broken.insert(id.to_owned()) {
            return Err(line.finding(format!("{id} is there twice")));
        }
        match drawn.iter().find(|row| row.id == id) {
            None => findings.push(line.finding(format!("{id} is not among the rows that are drawn"))),
            Some(row) if !row.tests.iter().any(|citing| citing.name == test) => {
                findings.push(line.finding(format!("{id} is not covered by a test `{test}`")));
            }
            Some(_) if change.is_empty() => {
                findings.push(line.finding(format!("there is no change that breaks {id}")));
            }
            Some(_) => {}
        }
    }
    let missing = drawn.iter().filter(|row| !broken.contains(row.id)).count();
    if complete && missing > 0 {
        findings.push(Finding::in_file(path, format!("{missing} of the rows drawn are yet to be broken")));
    }
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::{
        super::{exceptions::Exceptions, scan::Test, table::sample},
        *,
    };

    const IDS: [&str; 7] =
        ["3920-4-01", "3920-4-02", "3920-4-03", "3920-4-04", "3920-4-05", "3921-8-01", "6121-8-01"];

    /// `for n in 1 2 3 4 5; do id=3920-4-0$n; echo $(printf 'broken by hand:%s' $id | sha256sum) $id; done | sort`
    const CORE: [&str; 5] = ["3920-4-05", "3920-4-04", "3920-4-01", "3920-4-02", "3920-4-03"];
    /// As [`CORE`], of the other part.
    const IM: [&str; 2] = ["6121-8-01", "3921-8-01"];

    /// Runs `then` on a coverage in which a test `shows` cites the first row, and `excepted` rows are exceptions.
    fn with<T>(excepted: &[&str], then: impl FnOnce(&Coverage<'_>) -> T) -> T {
        let requirements = sample(&IDS);
        let folder = tempfile::tempdir().unwrap();
        let lines: String = excepted.iter().map(|id| format!("{id}\texception\tx\n")).collect();
        fs::write(folder.path().join("e.tsv"), format!("id\tclass\treason\n{lines}")).unwrap();
        let exceptions = Exceptions::read(folder.path(), Path::new("e.tsv"), &requirements).unwrap();
        let cites = BTreeSet::from([IDS[0].to_owned()]);
        let tests = [Test { name: "shows".to_owned(), file: "a.rs".into(), line: 7, cites }];
        then(&Coverage::new(&requirements, &tests, &exceptions))
    }

    fn drawn(excepted: &[&str], count: usize) -> Vec<String> {
        with(excepted, |coverage| draw(coverage, count).iter().map(|row| row.id.to_owned()).collect())
    }

    #[test]
    fn the_draw_is_the_order_of_the_hashes_in_each_part() {
        assert_eq!(drawn(&[], 40), [&CORE[..], &IM].concat());
        assert_eq!(drawn(&[], 2), [&CORE[..2], &IM].concat());
        assert_eq!(drawn(&[], 1), [CORE[0], IM[0]]);
        assert_eq!(drawn(&[], 0), [""; 0]);
    }

    #[test]
    fn an_exception_is_not_drawn_and_moves_no_other() {
        assert_eq!(drawn(&[CORE[1]], 3), [CORE[0], CORE[2], CORE[3], IM[0], IM[1]]);
    }

    #[test]
    fn the_list_says_which_tests_to_see_red() {
        with(&[], |coverage| {
            let list = list(&draw(coverage, 40));
            assert!(list.contains("3920-4-01\ta.rs:7 shows\n"), "{list}");
            assert!(list.contains("3920-4-02\topen\n"), "{list}");
        });
    }

    fn compared(lines: &str, complete: bool) -> Result<Vec<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("b.tsv"), format!("id\ttest\tchange\n{lines}")).unwrap();
        with(&["3920-4-05"], |coverage| {
            let findings = compare(folder.path(), Path::new("b.tsv"), &draw(coverage, 40), complete);
            let findings = findings.map_err(|finding| finding.to_string())?;
            Ok(findings.iter().map(ToString::to_string).collect())
        })
    }

    #[test]
    fn what_was_broken_is_drawn_and_turned_a_citing_test_red() {
        assert_eq!(compared("", false).unwrap(), [""; 0]);
        assert_eq!(compared("3920-4-01\tshows\tno check\n", false).unwrap(), [""; 0]);
        for (line, told) in [
            ("3920-4-05\tshows\tx", "b.tsv:2: 3920-4-05 is not among the rows that are drawn"),
            ("3920-4-09\tshows\tx", "b.tsv:2: 3920-4-09 is not among the rows that are drawn"),
            ("3920-4-01\tother\tx", "b.tsv:2: 3920-4-01 is not covered by a test `other`"),
            ("3920-4-02\tshows\tx", "b.tsv:2: 3920-4-02 is not covered by a test `shows`"),
            ("3920-4-01\tshows\t", "b.tsv:2: there is no change that breaks 3920-4-01"),
        ] {
            assert_eq!(compared(&format!("{line}\n"), false).unwrap(), [told]);
        }
        let twice = compared("3920-4-01\tshows\tx\n3920-4-01\tshows\ty\n", false);
        assert_eq!(twice.unwrap_err(), "b.tsv:3: 3920-4-01 is there twice");
    }

    #[test]
    fn in_the_end_all_that_was_drawn_was_broken() {
        let missing = compared("3920-4-01\tshows\tx\n", true).unwrap();
        assert_eq!(missing, ["b.tsv: 5 of the rows drawn are yet to be broken"]);
    }
}
