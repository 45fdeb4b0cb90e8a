//! Where the password of an account comes from, and the keys that are made of it.
//!
//! The password itself is never written anywhere; it is wiped when the keys are made.

use std::fmt;
use std::io::{self, BufRead, IsTerminal as _};

use xmpp_core::sasl::{KeyError, MAX_PASSWORD, ScramHash, ScramKeys, Secret};
use zeroize::Zeroizing;

/// Iterations for new keys.
///
/// Every login pays for them: the client always, phones and scripts among them, and the server too
/// with PLAIN. RFC 7677, section 4, asks for no less than 4096; 10,000 is some milliseconds on a small
/// machine. Against whoever steals the store, a longer password helps far more than any count that
/// people would wait for.
pub const ITERATIONS: u32 = 10_000;

/// Bytes of salt in new keys.
pub(crate) const SALT_LEN: usize = 16;

/// Reads a new password: one line of standard input, or twice from the terminal.
///
/// # Errors
/// [`PasswordError`], except [`PasswordError::Keys`].
pub fn read() -> Result<Secret, PasswordError> {
    if !io::stdin().is_terminal() {
        return first_line(io::stdin().lock());
    }
    let ask = |prompt| rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(PasswordError::Io);
    let first = ask("Password: ")?;
    if *first != *ask("Again: ")? {
        return Err(PasswordError::Different);
    }
    accept(first.as_bytes())
}

/// Makes the keys of every hash function for a password, each with a salt of its own. Slow on purpose.
///
/// # Errors
/// [`PasswordError::Keys`] when the password is none that SASLprep takes, [`PasswordError::Io`]
/// when there is no randomness.
pub fn keys(password: &Secret, iterations: u32) -> Result<Vec<ScramKeys>, PasswordError> {
    keys_of(ScramHash::ALL, password, iterations)
}

/// As [`keys`], of these hash functions alone.
pub(crate) fn keys_of(
    hashes: impl IntoIterator<Item = ScramHash>,
    password: &Secret,
    iterations: u32,
) -> Result<Vec<ScramKeys>, PasswordError> {
    hashes
        .into_iter()
        .map(|hash| {
            let mut salt = [0; SALT_LEN];
            getrandom::fill(&mut salt).map_err(|error| PasswordError::Io(error.into()))?;
            ScramKeys::for_password(hash, password, salt, iterations).map_err(PasswordError::Keys)
        })
        .collect()
}

/// The first line of some input, without its end. What follows it is not looked at.
fn first_line(input: impl BufRead) -> Result<Secret, PasswordError> {
    // The longest password and its line end fit at once, so that no copy is left behind by a growing buffer.
    const LONGEST: usize = MAX_PASSWORD + 2;
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    input.take(LONGEST as u64).read_until(b'\n', &mut line).map_err(PasswordError::Io)?;
    let line = line.strip_suffix(b"\n").unwrap_or(&line);
    accept(line.strip_suffix(b"\r").unwrap_or(line))
}

fn accept(password: &[u8]) -> Result<Secret, PasswordError> {
    match password.len() {
        0 => Err(PasswordError::Empty),
        len if len > MAX_PASSWORD => Err(PasswordError::TooLong),
        _ => Ok(Secret::new(password)),
    }
}

/// Why there is no password, or no keys.
#[derive(Debug)]
#[non_exhaustive]
pub enum PasswordError {
    /// It cannot be read, or there is no randomness for a salt.
    Io(io::Error),
    /// It is empty.
    Empty,
    /// It is longer than [`MAX_PASSWORD`].
    TooLong,
    /// The two that were typed differ.
    Different,
    /// No keys can be made of it.
    Keys(KeyError),
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot read the password: {error}"),
            Self::Empty => f.write_str("the password is empty"),
            Self::TooLong => write!(f, "the password is longer than {MAX_PASSWORD} bytes"),
            Self::Different => f.write_str("the passwords differ"),
            Self::Keys(KeyError::Password) => f.write_str(
                "the password cannot be used: it is not UTF-8, or has characters that SASLprep (RFC 4013) forbids",
            ),
            Self::Keys(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for PasswordError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Keys(error) => Some(error),
            Self::Empty | Self::TooLong | Self::Different => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(input: &[u8]) -> Result<Vec<u8>, String> {
        first_line(input).map(|secret| secret.as_bytes().to_vec()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_password_is_the_first_line() {
        for input in [&b"secret"[..], b"secret\n", b"secret\r\n", b"secret\nmore\n"] {
            assert_eq!(line(input).unwrap(), b"secret", "{input:?}");
        }
        assert_eq!(line(b" two words \n").unwrap(), b" two words ");
        assert_eq!(line(b"in\rside\n").unwrap(), b"in\rside");
    }

    #[test]
    fn an_empty_password_is_refused() {
        for input in [&b""[..], b"\n", b"\r\n", b"\nsecond line\n"] {
            assert_eq!(line(input).unwrap_err(), "the password is empty", "{input:?}");
        }
    }

    #[test]
    fn the_longest_password_is_taken_and_one_byte_more_refused() {
        let of = |len: usize, end: &str| line(&["x".repeat(len).as_bytes(), end.as_bytes()].concat());
        for end in ["", "\n", "\r\n"] {
            assert_eq!(of(MAX_PASSWORD - 1, end).unwrap().len(), MAX_PASSWORD - 1);
            assert_eq!(of(MAX_PASSWORD, end).unwrap().len(), MAX_PASSWORD);
            assert!(of(MAX_PASSWORD + 1, end).is_err());
        }
        assert!(line(&vec![b'x'; 1 << 20]).is_err());
    }

    #[test]
    fn keys_are_made_for_every_hash_with_salts_of_their_own() {
        let keys = keys(&Secret::new("secret"), 1).unwrap();
        assert_eq!(keys.iter().map(ScramKeys::hash).collect::<Vec<_>>(), ScramHash::ALL);
        assert_ne!(keys[0].salt(), keys[1].salt());
        assert_eq!(keys[0].salt().len(), SALT_LEN);
    }

    #[test]
    fn what_saslprep_forbids_is_refused_in_words() {
        for bad in [&b"\x07"[..], "\u{0221}".as_bytes(), b"\xff"] {
            let error = keys(&Secret::new(bad), 1).unwrap_err();
            assert!(error.to_string().contains("SASLprep"), "{error}");
        }
    }
}
