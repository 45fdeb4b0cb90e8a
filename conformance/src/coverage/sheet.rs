//! A file of tab-separated values with a header line: no quoting, no empty lines.

use std::{fs, path::Path};

use super::Finding;

/// A file below the workspace, read whole.
#[derive(Debug)]
pub(super) struct Sheet<'a> {
    path: &'a Path,
    text: String,
}

/// A line of a [`Sheet`], split into as many fields as there are columns.
#[derive(Debug)]
pub(super) struct Line<'a, const N: usize> {
    path: &'a Path,
    number: usize,
    pub(super) fields: [&'a str; N],
}

impl<'a> Sheet<'a> {
    /// Reads `path` below `root`; findings name it as it is given.
    pub(super) fn read(root: &Path, path: &'a Path) -> Result<Self, Finding> {
        match fs::read_to_string(root.join(path)) {
            Ok(text) => Ok(Self { path, text }),
            Err(error) => Err(Finding::in_file(path, error.to_string())),
        }
    }

    /// The lines below a header that names exactly these columns.
    pub(super) fn lines<const N: usize>(&self, columns: [&str; N]) -> Result<Vec<Line<'_, N>>, Finding> {
        let mut lines = self.text.lines().enumerate().map(|(index, line)| (index + 1, line));
        let header = lines.next().map(|(_, line)| line).unwrap_or_default();
        if !header.split('\t').eq(columns) {
            let message = format!("the columns are not {}", columns.join(", "));
            return Err(Finding::at(self.path, 1, message));
        }
        lines
            .map(|(number, line)| {
                let fields: Vec<&str> = line.split('\t').collect();
                let found = fields.len();
                let fields = <[&str; N]>::try_from(fields)
                    .map_err(|_| Finding::at(self.path, number, format!("{found} fields instead of {N}")))?;
                Ok(Line { path: self.path, number, fields })
            })
            .collect()
    }
}

impl<const N: usize> Line<'_, N> {
    /// The line's number, from 1, for findings that come up later.
    pub(super) fn number(&self) -> usize {
        self.number
    }

    /// A finding about this line.
    pub(super) fn finding(&self, message: impl Into<String>) -> Finding {
        Finding::at(self.path, self.number, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Result<Vec<(usize, [String; 2])>, String> {
        let sheet = Sheet { path: Path::new("a.tsv"), text: text.to_owned() };
        let lines = sheet.lines(["id", "reason"]).map_err(|finding| finding.to_string())?;
        Ok(lines.iter().map(|line| (line.number, line.fields.map(str::to_owned))).collect())
    }

    #[test]
    fn a_line_has_as_many_fields_as_columns_and_knows_its_number() {
        let read = lines("id\treason\n1\ta \"quoted\" word\n2\t\n").unwrap();
        assert_eq!(
            read,
            [(2, ["1", "a \"quoted\" word"].map(str::to_owned)), (3, ["2", ""].map(str::to_owned))]
        );
        assert_eq!(lines("id\treason\n").unwrap(), []);
    }

    #[test]
    fn what_is_malformed_is_told_by_line() {
        assert_eq!(lines("").unwrap_err(), "a.tsv:1: the columns are not id, reason");
        assert_eq!(lines("id\n1\t2\n").unwrap_err(), "a.tsv:1: the columns are not id, reason");
        assert_eq!(lines("id\treason\n1\t2\n\n").unwrap_err(), "a.tsv:3: 1 fields instead of 2");
        assert_eq!(lines("id\treason\n1\t2\t3\n").unwrap_err(), "a.tsv:2: 3 fields instead of 2");
    }

    #[test]
    fn a_missing_file_is_named() {
        let missing = Sheet::read(Path::new("/nowhere"), Path::new("a.tsv")).unwrap_err();
        assert!(missing.to_string().starts_with("a.tsv: "), "{missing}");
    }
}
