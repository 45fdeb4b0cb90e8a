//! The tables of requirements, one per RFC.

use std::{collections::HashMap, path::Path};

use super::{Finding, sheet::Sheet};

/// Which rows of a table have to be covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// What can be seen on a stream or of a function: `wire` and `unit`.
    Observable,
    Everything,
}

/// A base with what later RFCs make of it: the rows that are broken by hand are drawn from each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Streams, stanzas, addresses: RFC 3920.
    Core,
    /// Rosters, presence, delivery: RFC 3921.
    Im,
}

/// The tables, in the order in which they are reported.
const TABLES: [(&str, Part, Scope); 5] = [
    ("3920", Part::Core, Scope::Observable),
    ("6120", Part::Core, Scope::Everything),
    ("7622", Part::Core, Scope::Everything),
    ("3921", Part::Im, Scope::Observable),
    ("6121", Part::Im, Scope::Everything),
];
const COLUMNS: [&str; 8] = ["id", "level", "actor", "testable", "superseded", "delta", "decision", "summary"];
const LEVELS: [&str; 10] = [
    "MUST",
    "MUST NOT",
    "SHOULD",
    "SHOULD NOT",
    "MAY",
    "REQUIRED",
    "RECOMMENDED",
    "OPTIONAL",
    "(defines)",
    "(note)",
];
const ACTORS: [&str; 7] = ["any", "server", "client", "initiating", "receiving", "admin", "ui"];
const TESTABLE: [&str; 4] = ["wire", "unit", "ui", "deployment"];

/// One normative statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) id: String,
    pub(super) part: Part,
    pub(super) level: String,
    pub(super) testable: String,
    /// Whether it has to be covered or excepted.
    pub(super) required: bool,
}

impl Requirement {
    /// The number of the RFC.
    pub(super) fn rfc(&self) -> &str {
        self.parts().0
    }

    /// The section within the RFC: `4.4.1`, `A`.
    pub(super) fn section(&self) -> &str {
        self.parts().1
    }

    /// The running number within the section.
    pub(super) fn number(&self) -> &str {
        self.parts().2
    }

    fn parts(&self) -> (&str, &str, &str) {
        split(&self.id).unwrap_or_default()
    }
}

/// All rows of all tables, in their order.
#[derive(Debug, Default)]
pub(super) struct Requirements {
    rows: Vec<Requirement>,
    index: HashMap<String, usize>,
}

impl Requirements {
    /// Reads the tables in `folder` below `root`.
    pub(super) fn read(root: &Path, folder: &Path) -> Result<Self, Finding> {
        let mut requirements = Self::default();
        for (rfc, part, scope) in TABLES {
            let path = folder.join(format!("rfc{rfc}.tsv"));
            let sheet = Sheet::read(root, &path)?;
            for line in sheet.lines(COLUMNS)? {
                let [id, level, actor, testable, _, _, _, summary] = line.fields;
                let problem = if split(id).is_none_or(|(of, _, _)| of != rfc) {
                    format!("`{id}` is not {rfc}-SECTION-NN")
                } else if !LEVELS.contains(&level) {
                    format!("`{level}` is no level")
                } else if !ACTORS.contains(&actor) {
                    format!("`{actor}` is no actor")
                } else if !TESTABLE.contains(&testable) {
                    format!("`{testable}` is no way to test")
                } else if summary.is_empty() {
                    "there is no summary".to_owned()
                } else if requirements.position(id).is_some() {
                    format!("{id} is there twice")
                } else {
                    let required = match scope {
                        Scope::Everything => true,
                        Scope::Observable => matches!(testable, "wire" | "unit"),
                    };
                    requirements.push(Requirement {
                        id: id.to_owned(),
                        part,
                        level: level.to_owned(),
                        testable: testable.to_owned(),
                        required,
                    });
                    continue;
                };
                return Err(line.finding(problem));
            }
        }
        Ok(requirements)
    }

    pub(super) fn push(&mut self, row: Requirement) {
        self.index.insert(row.id.clone(), self.rows.len());
        self.rows.push(row);
    }

    /// The rows, by table and section.
    pub(super) fn rows(&self) -> &[Requirement] {
        &self.rows
    }

    /// Where the row with this id is among [`rows`](Self::rows).
    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.index.get(id).copied()
    }

    /// The row with this id.
    pub(super) fn get(&self, id: &str) -> Option<&Requirement> {
        self.rows.get(self.position(id)?)
    }

    /// Whether there is a table of this RFC.
    pub(super) fn knows_rfc(rfc: &str) -> bool {
        TABLES.iter().any(|(known, ..)| *known == rfc)
    }
}

/// RFC, section and running number of an id, if it has the form of one.
pub(super) fn split(id: &str) -> Option<(&str, &str, &str)> {
    let (rfc, rest) = id.split_once('-')?;
    let (section, number) = rest.split_once('-')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let appendix = |text: &str| text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_uppercase());
    let mut parts = section.split('.');
    let first = parts.next()?;
    let well_formed = rfc.len() == 4
        && digits(rfc)
        && (digits(first) || appendix(first))
        && parts.all(digits)
        && number.len() == 2
        && digits(number);
    well_formed.then_some((rfc, section, number))
}

#[cfg(test)]
pub(super) fn sample(ids: &[&str]) -> Requirements {
    let mut requirements = Requirements::default();
    for id in ids {
        let table = TABLES.iter().find(|(rfc, ..)| id.starts_with(rfc));
        requirements.push(Requirement {
            id: (*id).to_owned(),
            part: table.map(|(_, part, _)| *part).unwrap(),
            level: "MUST".to_owned(),
            testable: "wire".to_owned(),
            required: true,
        });
    }
    requirements
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_id_is_rfc_section_and_two_digits() {
        assert_eq!(split("3920-4.4.1-11"), Some(("3920", "4.4.1", "11")));
        assert_eq!(split("6121-A.2.1-01"), Some(("6121", "A.2.1", "01")));
        assert_eq!(split("6120-8-02"), Some(("6120", "8", "02")));
        for bad in ["", "3920", "3920-4", "3920-4-1", "3920-4-011", "392-4-01", "3920-4..1-01", "3920--01"] {
            assert_eq!(split(bad), None, "{bad}");
        }
        for bad in ["3920-a-01", "3920-AB-01", "3920-4.A-01", "3920-4-01-02", "3920-4-0x", "x920-4-01"] {
            assert_eq!(split(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_committed_tables_are_well_formed() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let requirements = Requirements::read(root, Path::new("requirements")).unwrap();
        let required = requirements.rows().iter().filter(|row| row.required).count();
        assert_eq!((requirements.rows().len(), required), (1_417, 1_365));
        let appendix = requirements.get("6121-A.2.1-01").unwrap();
        assert_eq!((appendix.rfc(), appendix.section(), appendix.number()), ("6121", "A.2.1", "01"));

        let features = Sheet::read(root, Path::new("requirements/features.tsv")).unwrap();
        let features = features.lines(["rfc", "feature", "section", "client", "server"]).unwrap();
        assert!(features.iter().all(|line| line.fields.iter().all(|field| !field.is_empty())));
    }

    #[test]
    fn a_malformed_row_is_told_by_line() {
        let folder = tempfile::tempdir().unwrap();
        let header = COLUMNS.join("\t");
        let good = "3920-2.3-01\tMAY\tserver\twire\t\t\t\tSeveral resources";
        for (row, told) in [
            ("3920-2.3-1\tMAY\tserver\twire\t\t\t\tx", "`3920-2.3-1` is not 3920-SECTION-NN"),
            ("6120-2.3-01\tMAY\tserver\twire\t\t\t\tx", "`6120-2.3-01` is not 3920-SECTION-NN"),
            ("3920-2.3-02\tmay\tserver\twire\t\t\t\tx", "`may` is no level"),
            ("3920-2.3-02\tMAY\tpeer\twire\t\t\t\tx", "`peer` is no actor"),
            ("3920-2.3-02\tMAY\tserver\twired\t\t\t\tx", "`wired` is no way to test"),
            ("3920-2.3-02\tMAY\tserver\twire\t\t\t\t", "there is no summary"),
            (good, "3920-2.3-01 is there twice"),
        ] {
            fs::write(folder.path().join("rfc3920.tsv"), format!("{header}\n{good}\n{row}\n")).unwrap();
            let finding = Requirements::read(folder.path(), Path::new("")).unwrap_err();
            assert_eq!(finding.to_string(), format!("rfc3920.tsv:3: {told}"));
        }
        fs::write(folder.path().join("rfc3920.tsv"), format!("{header}\n{good}\n")).unwrap();
        let finding = Requirements::read(folder.path(), Path::new("")).unwrap_err();
        assert!(finding.to_string().starts_with("rfc6120.tsv: "), "{finding}");
    }
}
