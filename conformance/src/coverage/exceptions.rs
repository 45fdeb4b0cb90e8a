//! The rows that are not covered, and why: `exceptions.tsv`.

use std::path::Path;

use super::{
    Finding,
    sheet::{Line, Sheet},
    table::Requirements,
};

const COLUMNS: [&str; 3] = ["id", "class", "reason"];
/// At most one row of this many is an exception.
const ONE_OF: usize = 20;
/// The only RFC of which rows may wait: it is about another way to prepare addresses, as a whole.
const LATER_RFC: &str = "7622";

/// Why a row is not covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// For good: the reason says what a peer sees instead.
    Exception,
    /// Until addresses are prepared by PRECIS and IDNA2008; does not count against the share of exceptions.
    Later,
}

/// A row that is excepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Exception {
    pub(super) class: Class,
    pub(super) reason: String,
    pub(super) line: usize,
}

/// The exceptions, by position in the tables.
#[derive(Debug)]
pub(super) struct Exceptions(Vec<Option<Exception>>);

impl Exceptions {
    /// Reads the file.
    pub(super) fn read(root: &Path, path: &Path, requirements: &Requirements) -> Result<Self, Finding> {
        let sheet = Sheet::read(root, path)?;
        let mut exceptions = Self(vec![None; requirements.rows().len()]);
        for line in sheet.lines(COLUMNS)? {
            exceptions.take(&line, requirements).map_err(|problem| line.finding(problem))?;
        }
        Ok(exceptions)
    }

    fn take(&mut self, line: &Line<'_, 3>, requirements: &Requirements) -> Result<(), String> {
        let [id, class, reason] = line.fields;
        let position = requirements.position(id);
        let row = position.and_then(|position| requirements.rows().get(position));
        let class = match class {
            "exception" => Class::Exception,
            "later" => Class::Later,
            other => return Err(format!("`{other}` is neither `exception` nor `later`")),
        };
        match row {
            None => return Err(format!("no table has {id}")),
            Some(row) if !row.required => return Err(format!("{id} need not be covered")),
            Some(row) if class == Class::Later && row.rfc() != LATER_RFC => {
                return Err(format!("only rows of RFC {LATER_RFC} may be `later`"));
            }
            _ if reason.is_empty() => return Err(format!("there is no reason why {id} is not covered")),
            _ => {}
        }
        match position.and_then(|position| self.0.get_mut(position)) {
            Some(entry) if entry.is_none() => {
                *entry = Some(Exception { class, reason: reason.to_owned(), line: line.number() });
                Ok(())
            }
            _ => Err(format!("{id} is there twice")),
        }
    }

    /// What is said of the row at this position.
    pub(super) fn at(&self, position: usize) -> Option<&Exception> {
        self.0.get(position)?.as_ref()
    }
}

/// Whether that many exceptions are too many for that many rows.
pub(super) fn too_many(exceptions: usize, rows: usize) -> bool {
    exceptions * ONE_OF > rows
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{super::table::sample, *};

    fn read(lines: &str) -> Result<Exceptions, String> {
        let requirements = {
            let mut requirements = sample(&["3920-4-01", "7622-4-01"]);
            let mut free = sample(&["3920-4-02"]).rows().first().cloned().unwrap();
            free.required = false;
            requirements.push(free);
            requirements
        };
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("e.tsv"), format!("id\tclass\treason\n{lines}")).unwrap();
        Exceptions::read(folder.path(), Path::new("e.tsv"), &requirements).map_err(|found| found.to_string())
    }

    #[test]
    fn each_row_has_its_class_and_reason() {
        let exceptions = read("7622-4-01\tlater\tPRECIS\n3920-4-01\texception\ta peer sees\n").unwrap();
        let reason = "a peer sees".to_owned();
        assert_eq!(exceptions.at(0), Some(&Exception { class: Class::Exception, reason, line: 3 }));
        assert_eq!(exceptions.at(1).unwrap().class, Class::Later);
        assert_eq!(exceptions.at(2), None);
    }

    #[test]
    fn what_cannot_be_an_exception_is_told() {
        for (line, told) in [
            ("3920-4-09\texception\tx", "no table has 3920-4-09"),
            ("3920-4-02\texception\tx", "3920-4-02 need not be covered"),
            ("3920-4-01\tsometime\tx", "`sometime` is neither `exception` nor `later`"),
            ("3920-4-01\tlater\tx", "only rows of RFC 7622 may be `later`"),
            ("3920-4-01\texception\t", "there is no reason why 3920-4-01 is not covered"),
            ("7622-4-01\texception\tx", "7622-4-01 is there twice"),
        ] {
            let told_so = read(&format!("7622-4-01\tlater\tx\n{line}\n")).unwrap_err();
            assert_eq!(told_so, format!("e.tsv:3: {told}"));
        }
    }

    #[test]
    fn one_row_of_twenty_may_be_an_exception() {
        assert!(!too_many(0, 0) && !too_many(0, 19) && !too_many(1, 20) && !too_many(37, 759));
        assert!(too_many(1, 19) && too_many(2, 39) && too_many(38, 759));
    }
}
