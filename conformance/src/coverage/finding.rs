//! Something to be put right, and where.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::Serialize;

/// What is wrong with a file, or with a line of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    file: PathBuf,
    line: Option<usize>,
    message: String,
}

impl Finding {
    /// A finding about a whole file or folder.
    pub(super) fn in_file(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, message: message.into() }
    }

    /// A finding about a line, counted from 1.
    pub(super) fn at(file: &Path, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: Some(line), message: message.into() }
    }
}

/// `file:line: message`, as compilers say it and editors follow it.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        write!(f, " {}", self.message)
    }
}

impl std::error::Error for Finding {}
