//! As much of Rust's lexical grammar as it takes to tell code from comments and literals.
//!
//! It reads sources that the compiler has accepted: what does not end, ends with the file.

/// What a [`Token`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// An identifier or keyword, without the `r#` of a raw one.
    Word(&'a str),
    /// `// ...`, with its slashes.
    LineComment(&'a str),
    /// `/* ... */`, nested or not.
    BlockComment,
    /// A string, character or number.
    Literal,
    Lifetime,
    Punctuation(char),
}

/// A piece of source with the lines it stands on, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) line: usize,
    pub(super) last_line: usize,
}

impl Token<'_> {
    pub(super) fn is_comment(&self) -> bool {
        matches!(self.kind, Kind::LineComment(_) | Kind::BlockComment)
    }
}

/// The tokens of a source file, in order.
pub(super) fn tokens(source: &str) -> impl Iterator<Item = Token<'_>> {
    Lexer { rest: source, line: 1 }
}

struct Lexer<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        self.take_while(char::is_whitespace);
        let line = self.line;
        let kind = self.token()?;
        Some(Token { kind, line, last_line: self.line })
    }
}

impl<'a> Lexer<'a> {
    fn token(&mut self) -> Option<Kind<'a>> {
        let first = self.rest.chars().next()?;
        if self.rest.starts_with("//") {
            return Some(Kind::LineComment(self.take_while(|next| next != '\n')));
        }
        if self.rest.starts_with("/*") {
            self.block_comment();
            return Some(Kind::BlockComment);
        }
        if is_word(first) {
            return Some(self.word());
        }
        self.advance(first.len_utf8());
        Some(match first {
            '"' => {
                self.until_quote('"');
                Kind::Literal
            }
            '\'' => self.after_apostrophe(),
            other => Kind::Punctuation(other),
        })
    }

    /// An identifier, a number, or a literal that has a prefix.
    fn word(&mut self) -> Kind<'a> {
        let word = self.take_while(is_word);
        match word {
            "r" | "br" | "cr" if self.rest.starts_with(['"', '#']) => {
                let hashes = self.take_while(|next| next == '#');
                if self.eat("\"") {
                    self.past(&format!("\"{hashes}"));
                    Kind::Literal
                } else {
                    Kind::Word(self.take_while(is_word))
                }
            }
            "b" | "c" if self.eat("\"") => {
                self.until_quote('"');
                Kind::Literal
            }
            "b" if self.eat("'") => {
                self.until_quote('\'');
                Kind::Literal
            }
            _ if word.starts_with(|first: char| first.is_ascii_digit()) => Kind::Literal,
            _ => Kind::Word(word),
        }
    }

    /// A lifetime has no apostrophe at its end: `'a`, but `'a'`.
    fn after_apostrophe(&mut self) -> Kind<'a> {
        let mut ahead = self.rest.chars();
        let first = ahead.next();
        if first != Some('\\') && ahead.next() != Some('\'') {
            self.take_while(is_word);
            return Kind::Lifetime;
        }
        self.until_quote('\'');
        Kind::Literal
    }

    /// Past the next such quote that no backslash stands before.
    fn until_quote(&mut self, quote: char) {
        let mut escaped = false;
        self.take_while(|next| {
            let ends = next == quote && !escaped;
            escaped = next == '\\' && !escaped;
            !ends
        });
        self.advance(quote.len_utf8());
    }

    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        while !self.rest.is_empty() {
            if self.eat("/*") {
                depth += 1;
            } else if self.eat("*/") {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            } else {
                let next = self.rest.chars().next().map_or(0, char::len_utf8);
                self.advance(next);
            }
        }
    }

    fn past(&mut self, end: &str) {
        let length = self.rest.find(end).map_or(self.rest.len(), |at| at + end.len());
        self.advance(length);
    }

    fn eat(&mut self, text: &str) -> bool {
        let there = self.rest.starts_with(text);
        if there {
            self.advance(text.len());
        }
        there
    }

    fn take_while(&mut self, mut belongs: impl FnMut(char) -> bool) -> &'a str {
        let length = self.rest.find(|next| !belongs(next)).unwrap_or(self.rest.len());
        self.advance(length)
    }

    fn advance(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }
}

fn is_word(next: char) -> bool {
    next == '_' || next.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<&str> {
        let kinds = tokens(source).map(|token| token.kind);
        kinds.filter_map(|kind| if let Kind::Word(word) = kind { Some(word) } else { None }).collect()
    }

    #[test]
    fn literals_hide_what_is_in_them() {
        for literal in [
            r#""no // code""#,
            r#""an \" and a \\""#,
            r##"r"no \""##,
            r###"r#"no " code"#"###,
            r####"br##"no "# code"##"####,
            r##"b"no \" code""##,
            r##"c"no""##,
            "'\"'",
            r"'\''",
            r"'\\'",
            r"b'\''",
            "b'x'",
            "'é'",
            "0xff_u8",
            "1.5e3",
        ] {
            assert_eq!(words(&format!("before {literal} after")), ["before", "after"], "{literal}");
        }
    }

    #[test]
    fn lifetimes_are_no_characters() {
        assert_eq!(words("fn f<'a>(x: &'a str, y: &'static u8) {}"), ["fn", "f", "x", "str", "y", "u8"]);
        assert_eq!(words("'outer: loop { break 'outer; }"), ["loop", "break"]);
    }

    #[test]
    fn raw_words_are_words() {
        assert_eq!(words("let r#fn = r;"), ["let", "fn", "r"]);
    }

    #[test]
    fn comments_are_whole_and_know_their_lines() {
        let found: Vec<_> = tokens("a // b \"\n/* c\n /* d */ */ e\n'\\n'").collect();
        assert_eq!(
            found,
            [
                Token { kind: Kind::Word("a"), line: 1, last_line: 1 },
                Token { kind: Kind::LineComment("// b \""), line: 1, last_line: 1 },
                Token { kind: Kind::BlockComment, line: 2, last_line: 3 },
                Token { kind: Kind::Word("e"), line: 3, last_line: 3 },
                Token { kind: Kind::Literal, line: 4, last_line: 4 },
            ]
        );
    }

    #[test]
    fn what_does_not_end_ends_with_the_file() {
        for cut in ["\"", "r#\"", "'", "'\\", "/*", "/* /* */", "b'", "//", "r#"] {
            assert!(tokens(cut).count() <= 2, "{cut}");
        }
    }
}
