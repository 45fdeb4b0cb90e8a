//! The rows that are known to be open, in a file that only shrinks: `open.tsv`.

use std::{collections::BTreeMap, fs, path::Path};

use super::{Finding, sheet::Sheet, table::Requirements};

const COLUMNS: [&str; 1] = ["id"];

/// The lines of `open.tsv`, by position in the tables.
#[derive(Debug)]
pub(super) struct Ratchet<'a> {
    root: &'a Path,
    path: &'a Path,
    requirements: &'a Requirements,
    listed: BTreeMap<usize, usize>,
}

impl<'a> Ratchet<'a> {
    /// Reads the file.
    pub(super) fn read(
        root: &'a Path,
        path: &'a Path,
        requirements: &'a Requirements,
    ) -> Result<Self, Finding> {
        let mut listed = BTreeMap::new();
        for line in Sheet::read(root, path)?.lines(COLUMNS)? {
            let [id] = line.fields;
            let Some(position) = requirements.position(id) else {
                return Err(line.finding(format!("no table has {id}")));
            };
            if listed.insert(position, line.number()).is_some() {
                return Err(line.finding(format!("{id} is there twice")));
            }
        }
        Ok(Self { root, path, requirements, listed })
    }

    /// Compares the file with the rows that are open: each must be listed, and nothing else.
    pub(super) fn compare(&self, open: &[usize]) -> Vec<Finding> {
        let unlisted = open.iter().filter(|position| !self.listed.contains_key(position)).map(|position| {
            let message = format!("{} was covered and is open again: cover it", self.id(*position));
            Finding::in_file(self.path, message)
        });
        let closed =
            self.listed.iter().filter(|(position, _)| !open.contains(position)).map(|(position, line)| {
                let message = format!("{} is not open any more: `--write` removes it", self.id(*position));
                Finding::at(self.path, *line, message)
            });
        unlisted.chain(closed).collect()
    }

    /// Removes the rows that are not open any more, from the file too. Never adds one.
    pub(super) fn shrink(&mut self, open: &[usize]) -> Result<(), Finding> {
        self.listed.retain(|position, _| open.contains(position));
        let ids = self.listed.keys().map(|position| format!("{}\n", self.id(*position)));
        let text: String = [format!("{}\n", COLUMNS.join("\t"))].into_iter().chain(ids).collect();
        fs::write(self.root.join(self.path), text)
            .map_err(|error| Finding::in_file(self.path, error.to_string()))
    }

    fn id(&self, position: usize) -> &str {
        self.requirements.rows().get(position).map_or("", |row| &row.id)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::table::sample, *};

    const PATH: &str = "open.tsv";

    fn with<T>(file: &str, test: impl FnOnce(Result<Ratchet<'_>, Finding>) -> T) -> (T, String) {
        let folder = tempfile::tempdir().unwrap();
        let requirements = sample(&["3920-4-01", "3920-4-02", "3920-4-03"]);
        fs::write(folder.path().join(PATH), file).unwrap();
        let result = test(Ratchet::read(folder.path(), Path::new(PATH), &requirements));
        (result, fs::read_to_string(folder.path().join(PATH)).unwrap())
    }

    fn told(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_listed_and_open_is_no_news() {
        with("id\n3920-4-02\n3920-4-01\n", |ratchet| assert_eq!(ratchet.unwrap().compare(&[0, 1]), []));
        with("id\n", |ratchet| assert_eq!(ratchet.unwrap().compare(&[]), []));
    }

    #[test]
    fn a_row_that_opens_is_a_regression_and_cannot_be_written_away() {
        let again = ["open.tsv: 3920-4-03 was covered and is open again: cover it"];
        let ((), file) = with("id\n3920-4-01\n", |ratchet| {
            let mut ratchet = ratchet.unwrap();
            assert_eq!(told(&ratchet.compare(&[0, 2])), again);
            ratchet.shrink(&[0, 2]).unwrap();
            assert_eq!(told(&ratchet.compare(&[0, 2])), again);
        });
        assert_eq!(file, "id\n3920-4-01\n");
    }

    #[test]
    fn a_row_that_closes_has_to_go() {
        let ((), file) = with("id\n3920-4-03\n3920-4-02\n3920-4-01\n", |ratchet| {
            let mut ratchet = ratchet.unwrap();
            let closed = "open.tsv:3: 3920-4-02 is not open any more: `--write` removes it";
            assert_eq!(told(&ratchet.compare(&[0, 2])), [closed]);
            ratchet.shrink(&[0, 2]).unwrap();
            assert_eq!(ratchet.compare(&[0, 2]), []);
        });
        assert_eq!(file, "id\n3920-4-01\n3920-4-03\n");
    }

    #[test]
    fn a_malformed_file_is_told_by_line() {
        for (file, told) in [
            ("3920-4-01\n", "open.tsv:1: the columns are not id"),
            ("id\n3920-4-09\n", "open.tsv:2: no table has 3920-4-09"),
            ("id\n3920-4-01\n3920-4-01\n", "open.tsv:3: 3920-4-01 is there twice"),
            ("id\n<<<<<<< main\n", "open.tsv:2: no table has <<<<<<< main"),
        ] {
            with(file, |ratchet| assert_eq!(ratchet.unwrap_err().to_string(), told));
        }
    }
}
