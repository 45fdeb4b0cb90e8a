//! What becomes of each row, counted by section: as a table to read, and as data.

use std::{fmt, path::Path};

use serde::Serialize;

use super::{
    Finding,
    exceptions::{Class, Exceptions, too_many},
    scan::Test,
    table::{Part, Requirements},
};

/// What becomes of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    /// At least one test cites it.
    Covered,
    /// An exception says why no test does.
    Excepted,
    /// As [`Excepted`](Self::Excepted), for a while.
    Later,
    /// It has to be covered, and nothing does.
    Open,
    /// Nothing covers it, and nothing has to.
    Free,
}

/// A row with what becomes of it.
#[derive(Debug, Serialize)]
pub(super) struct Entry<'a> {
    pub(super) id: &'a str,
    rfc: &'a str,
    section: &'a str,
    level: &'a str,
    testable: &'a str,
    pub(super) required: bool,
    pub(super) state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    pub(super) tests: Vec<&'a Test>,
    #[serde(skip)]
    pub(super) part: Part,
    #[serde(skip)]
    number: &'a str,
}

/// How many rows there are of each state.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Tally {
    rows: usize,
    covered: usize,
    excepted: usize,
    later: usize,
    open: usize,
}

/// The rows of one section.
#[derive(Debug, Serialize)]
struct Section<'a> {
    rfc: &'a str,
    section: &'a str,
    #[serde(flatten)]
    tally: Tally,
}

/// All rows with what becomes of them, in the order of the tables.
#[derive(Debug)]
pub(super) struct Coverage<'a> {
    entries: Vec<Entry<'a>>,
}

impl<'a> Coverage<'a> {
    /// Brings together what is demanded, what is tested and what is excepted.
    pub(super) fn new(requirements: &'a Requirements, tests: &'a [Test], exceptions: &'a Exceptions) -> Self {
        let mut cited: Vec<Vec<&Test>> = vec![Vec::new(); requirements.rows().len()];
        for test in tests {
            for id in &test.cites {
                if let Some(row) = requirements.position(id).and_then(|position| cited.get_mut(position)) {
                    row.push(test);
                }
            }
        }
        let rows = requirements.rows().iter().zip(cited).enumerate();
        let entries = rows.map(|(position, (row, tests))| {
            let exception = exceptions.at(position);
            let state = match exception {
                _ if !tests.is_empty() => State::Covered,
                Some(exception) if exception.class == Class::Later => State::Later,
                Some(_) => State::Excepted,
                None if row.required => State::Open,
                None => State::Free,
            };
            Entry {
                id: &row.id,
                rfc: row.rfc(),
                section: row.section(),
                level: &row.level,
                testable: &row.testable,
                required: row.required,
                state,
                reason: exception.map(|exception| exception.reason.as_str()),
                tests,
                part: row.part,
                number: row.number(),
            }
        });
        Self { entries: entries.collect() }
    }

    pub(super) fn entries(&self) -> &[Entry<'a>] {
        &self.entries
    }

    /// The positions of the rows that are open.
    pub(super) fn open(&self) -> Vec<usize> {
        let entries = self.entries.iter().enumerate();
        entries.filter(|(_, entry)| entry.state == State::Open).map(|(position, _)| position).collect()
    }

    /// What is wrong with the exceptions: rows that are covered all the same, and too many of them.
    pub(super) fn judge(&self, exceptions: &Exceptions, path: &Path) -> Vec<Finding> {
        let covered = self.entries.iter().enumerate().filter(|(_, entry)| entry.state == State::Covered);
        let mut findings: Vec<Finding> = covered
            .filter_map(|(position, entry)| {
                let exception = exceptions.at(position)?;
                let message = format!("{} is covered: it is no exception", entry.id);
                Some(Finding::at(path, exception.line, message))
            })
            .collect();
        let Tally { rows, excepted, later, .. } = Tally::of(&self.entries);
        if too_many(excepted, rows - later) {
            let message = format!("{excepted} exceptions of {} rows are more than 5 %", rows - later);
            findings.push(Finding::in_file(path, message));
        }
        findings
    }

    /// The entries of each RFC.
    fn rfcs(&self) -> impl Iterator<Item = (&'a str, &[Entry<'a>])> {
        let rfcs = self.entries.chunk_by(|one, next| one.rfc == next.rfc);
        rfcs.filter_map(|entries| Some((entries.first()?.rfc, entries)))
    }

    /// The report as JSON: totals, sections, rows and findings.
    pub(super) fn json(&self, findings: &[Finding]) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Report<'a> {
            totals: Tally,
            sections: Vec<Section<'a>>,
            rows: &'a [Entry<'a>],
            findings: &'a [Finding],
        }
        let sections = self.rfcs().flat_map(|(_, entries)| sections(entries));
        let sections = sections.map(|(section, _)| section).collect();
        let totals = Tally::of(&self.entries);
        let report = Report { totals, sections, rows: &self.entries, findings };
        Ok(serde_json::to_string_pretty(&report)? + "\n")
    }
}

/// The sections of one RFC that have rows to be covered, each with its entries.
fn sections<'a, 'b>(entries: &'b [Entry<'a>]) -> impl Iterator<Item = (Section<'a>, &'b [Entry<'a>])> {
    entries.chunk_by(|one, next| one.section == next.section).filter_map(|entries| {
        let Entry { rfc, section, .. } = *entries.first()?;
        let tally = Tally::of(entries);
        (tally.rows > 0).then_some((Section { rfc, section, tally }, entries))
    })
}

impl Tally {
    /// Counts the rows that have to be covered.
    fn of(entries: &[Entry<'_>]) -> Self {
        let mut tally = Self::default();
        for entry in entries.iter().filter(|entry| entry.required) {
            tally.rows += 1;
            match entry.state {
                State::Covered => tally.covered += 1,
                State::Excepted => tally.excepted += 1,
                State::Later => tally.later += 1,
                State::Open => tally.open += 1,
                State::Free => {}
            }
        }
        tally
    }
}

/// A table by section; behind each, the running numbers of the rows that are open.
impl fmt::Display for Coverage<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<16} rows  covered  excepted  later  open", "")?;
        for (rfc, entries) in self.rfcs() {
            for (Section { section, tally, .. }, entries) in sections(entries) {
                write!(f, "{:<16}{tally}", format!("{rfc} {section}"))?;
                for open in entries.iter().filter(|entry| entry.state == State::Open) {
                    write!(f, " {}", open.number)?;
                }
                writeln!(f)?;
            }
            writeln!(f, "{:<16}{}\n", format!("RFC {rfc}"), Tally::of(entries))?;
        }
        writeln!(f, "{:<16}{}", "all", Tally::of(&self.entries))
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rows, covered, excepted, later, open } = self;
        write!(f, "{rows:>5}{covered:>9}{excepted:>10}{later:>7}{open:>6}")
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use super::{
        super::table::{Requirement, sample},
        *,
    };

    /// Runs `then` on four rows: covered by two tests, open, excepted, and later; `excepted` adds an exception.
    fn with<T>(excepted: &str, then: impl FnOnce(&Coverage<'_>, &Exceptions) -> T) -> T {
        let mut requirements = sample(&["3920-4-01", "3920-4-02", "3920-A-01", "7622-4-01"]);
        for row in sample(&["3921-8-01", "3921-8-02"]).rows() {
            requirements.push(Requirement { required: false, ..row.clone() });
        }
        let folder = tempfile::tempdir().unwrap();
        let file =
            format!("id\tclass\treason\n3920-A-01\texception\twhy\n7622-4-01\tlater\twhen\n{excepted}");
        fs::write(folder.path().join("e.tsv"), file).unwrap();
        let exceptions = Exceptions::read(folder.path(), Path::new("e.tsv"), &requirements).unwrap();
        let test = |name: &str, cites: &[&str]| Test {
            name: name.to_owned(),
            file: "a.rs".into(),
            line: 7,
            cites: cites.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>(),
        };
        let tests = [test("one", &["3920-4-01", "3921-8-01"]), test("two", &["3920-4-01"])];
        then(&Coverage::new(&requirements, &tests, &exceptions), &exceptions)
    }

    #[test]
    fn each_row_is_of_one_state() {
        with("", |coverage, _| {
            let states: Vec<State> = coverage.entries().iter().map(|entry| entry.state).collect();
            let [covered, free] = [State::Covered, State::Free];
            assert_eq!(states, [covered, State::Open, State::Excepted, State::Later, covered, free]);
            assert_eq!(coverage.open(), [1]);
        });
    }

    #[test]
    fn the_table_counts_what_has_to_be_covered() {
        with("", |coverage, _| {
            let lines: Vec<String> = coverage.to_string().lines().map(str::to_owned).collect();
            assert_eq!(
                lines,
                [
                    "                 rows  covered  excepted  later  open",
                    "3920 4              2        1         0      0     1 02",
                    "3920 A              1        0         1      0     0",
                    "RFC 3920            3        1         1      0     1",
                    "",
                    "7622 4              1        0         0      1     0",
                    "RFC 7622            1        0         0      1     0",
                    "",
                    "RFC 3921            0        0         0      0     0",
                    "",
                    "all                 4        1         1      1     1",
                ]
            );
        });
    }

    #[test]
    fn the_data_say_what_the_table_says_and_where_the_tests_are() {
        with("", |coverage, _| {
            let finding = Finding::at(Path::new("b.rs"), 3, "why");
            let data: serde_json::Value = serde_json::from_str(&coverage.json(&[finding]).unwrap()).unwrap();
            let tally = |rows, covered, excepted, later, open| {
                serde_json::json!({
                    "rows": rows, "covered": covered, "excepted": excepted, "later": later, "open": open,
                })
            };
            assert_eq!(data["totals"], tally(4, 1, 1, 1, 1));
            assert_eq!(data["sections"].as_array().unwrap().len(), 3);
            assert_eq!(data["sections"][0]["section"], "4");
            assert_eq!(data["sections"][0]["covered"], 1);
            assert_eq!(data["rows"].as_array().unwrap().len(), 6);
            let row = &data["rows"][0];
            assert_eq!((&row["id"], &row["state"]), (&"3920-4-01".into(), &"covered".into()));
            assert_eq!(row["tests"][1], serde_json::json!({ "name": "two", "file": "a.rs", "line": 7 }));
            assert_eq!(data["rows"][2]["reason"], "why");
            assert_eq!(
                data["findings"],
                serde_json::json!([{ "file": "b.rs", "line": 3, "message": "why" }])
            );
        });
    }

    #[test]
    fn exceptions_are_few_and_not_covered() {
        with("3920-4-01\texception\tx\n", |coverage, exceptions| {
            let told: Vec<String> =
                coverage.judge(exceptions, Path::new("e.tsv")).iter().map(ToString::to_string).collect();
            assert_eq!(
                told,
                [
                    "e.tsv:4: 3920-4-01 is covered: it is no exception",
                    "e.tsv: 1 exceptions of 3 rows are more than 5 %",
                ]
            );
        });
    }
}
