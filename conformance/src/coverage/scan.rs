//! The tests in a source file, and what each of them cites.
//!
//! A test is a function with a `#[test]` attribute, be it of the standard library or of a runtime, also within a
//! macro such as `proptest!`. Its citations are its name, and the comments in its body that stand above a statement.

use std::{
    collections::BTreeSet,
    ops::Range,
    path::{Path, PathBuf},
};

use serde::Serialize;

use super::{
    Finding,
    citation::{self, Citation},
    lexer::{self, Kind, Token},
    table::Requirements,
};

/// How many rows a test may cite.
const MOST_CITED: usize = 5;

/// A test that cites something and is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Test {
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) line: usize,
    #[serde(skip)]
    pub(super) cites: BTreeSet<String>,
}

/// What sources hold: the tests that count, and the citations that are wrong.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) tests: Vec<Test>,
    pub(super) findings: Vec<Finding>,
}

impl Scan {
    /// Takes up what one source file holds.
    pub(super) fn source(&mut self, file: &Path, text: &str, requirements: &Requirements) {
        let tokens: Vec<Token<'_>> = lexer::tokens(text).collect();
        Source { file, tokens: &tokens, requirements, scan: self }.read();
    }
}

struct Source<'a> {
    file: &'a Path,
    tokens: &'a [Token<'a>],
    requirements: &'a Requirements,
    scan: &'a mut Scan,
}

impl<'a> Source<'a> {
    fn read(mut self) {
        // What the attributes in front of an item have said about it.
        let (mut is_test, mut is_ignored) = (false, false);
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            match token.kind {
                Kind::Punctuation('#') => {
                    let (path, end) = self.attribute(at);
                    is_test |= path.last() == Some(&"test");
                    is_ignored |= path == ["ignore"];
                    at = end;
                    continue;
                }
                Kind::Word("fn") if is_test => {
                    at = self.test(at, is_ignored);
                    (is_test, is_ignored) = (false, false);
                    continue;
                }
                Kind::Punctuation(';' | '{' | '}') => (is_test, is_ignored) = (false, false),
                _ => {}
            }
            match self.citation(at) {
                Some(Citation::Of(id)) => self.find(token, format!("{id} is cited outside of a test")),
                Some(Citation::Faulty(why)) => self.find(token, why),
                None => {}
            }
            at += 1;
        }
    }

    /// The path of the attribute that begins at `at`, and where the attribute ends.
    fn attribute(&self, at: usize) -> (Vec<&'a str>, usize) {
        let mut path = Vec::new();
        let mut in_path = true;
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(at + 1) {
            match token.kind {
                Kind::Punctuation('!' | ':') => continue,
                Kind::Punctuation('[') => depth += 1,
                Kind::Punctuation(']') => depth = depth.saturating_sub(1),
                Kind::Word(word) if in_path => path.push(word),
                _ => in_path = false,
            }
            if depth == 0 {
                return (path, index + 1);
            }
        }
        (path, self.tokens.len())
    }

    /// The tokens between the braces of the function whose `fn` is at `at`.
    fn body(&self, at: usize) -> Range<usize> {
        let mut start = None;
        let mut depth = 0_usize;
        for (index, token) in self.tokens.iter().enumerate().skip(at) {
            match token.kind {
                Kind::Punctuation('{') if depth == 0 => {
                    start = Some(index + 1);
                    depth = 1;
                }
                Kind::Punctuation('(' | '[' | '{') => depth += 1,
                Kind::Punctuation(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            if let Some(start) = start.filter(|_| depth == 0) {
                return start..index;
            }
        }
        self.tokens.len()..self.tokens.len()
    }

    /// Takes up the test whose `fn` is at `at`, and says where it ends. One that is never run covers nothing.
    fn test(&mut self, at: usize, is_ignored: bool) -> usize {
        let (Some(keyword), Some(name)) = (self.tokens.get(at), self.name(at)) else { return at + 1 };
        let body = self.body(at);
        let mut cites = BTreeSet::new();
        for inner in [at].into_iter().chain(body.clone()) {
            let Some(token) = self.tokens.get(inner) else { break };
            match self.citation(inner) {
                Some(Citation::Of(_)) if inner != at && matches!(token.kind, Kind::Word(_)) => {
                    self.find(token, "a function within a test cites nothing");
                }
                Some(Citation::Of(id)) => {
                    if let Some(why) = self.misplaced(inner) {
                        self.find(token, why);
                    }
                    cites.insert(id);
                }
                Some(Citation::Faulty(why)) => self.find(token, why),
                None => {}
            }
        }
        if cites.len() > MOST_CITED {
            self.find(keyword, format!("{name} cites {} rows; {MOST_CITED} is the most", cites.len()));
        }
        if !is_ignored && !cites.is_empty() {
            let (name, file) = (name.to_owned(), self.file.to_owned());
            self.scan.tests.push(Test { name, file, line: keyword.line, cites });
        }
        body.end
    }

    /// Why the comment at `at` does not stand directly above a statement, if it does not.
    fn misplaced(&self, at: usize) -> Option<&'static str> {
        let (before, rest) = self.tokens.split_at_checked(at)?;
        let (comment, after) = rest.split_first()?;
        if !matches!(comment.kind, Kind::LineComment(_)) {
            return None;
        }
        if before.last().is_some_and(|last| last.last_line == comment.line) {
            return Some("a citation stands above its assertion, not behind it");
        }
        let code = before.iter().rev().find(|token| !token.is_comment());
        if !code.is_some_and(|code| matches!(code.kind, Kind::Punctuation(';' | '{' | '}'))) {
            return Some("a citation stands above a statement, not within one");
        }
        let mut line = comment.line;
        for token in after {
            if token.line > line + 1 {
                return Some("a citation stands directly above its assertion, without an empty line");
            }
            match token.kind {
                Kind::Punctuation('}') => return Some("there is no statement below this citation"),
                _ if !token.is_comment() => return None,
                _ => line = token.last_line,
            }
        }
        None
    }

    /// What the token at `at` cites, as the name of a function or as a comment.
    fn citation(&self, at: usize) -> Option<Citation> {
        match self.tokens.get(at)?.kind {
            Kind::LineComment(text) => citation::in_comment(text, self.requirements),
            Kind::Word("fn") => citation::in_name(self.name(at)?, self.requirements),
            _ => None,
        }
    }

    /// The name of the function whose `fn` is at `at`; the type of a function has none.
    fn name(&self, at: usize) -> Option<&'a str> {
        match self.tokens.get(at + 1)?.kind {
            Kind::Word(name) => Some(name),
            _ => None,
        }
    }

    fn find(&mut self, token: &Token<'_>, message: impl Into<String>) {
        self.scan.findings.push(Finding::at(self.file, token.line, message));
    }
}

#[cfg(test)]
mod tests;
