//! SASLprep (RFC 4013) as the mechanisms ask for it: with the limits, and nothing left is a failure.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::jid::prep::{saslprep, saslprep_query};

use super::{MAX_PASSWORD, MAX_USERNAME, Secret};

/// A user name. RFC 5802 section 5.1, `n`: a query string, so unassigned code points pass.
pub(super) fn username(name: &str) -> Option<String> {
    bounded(saslprep_query(name).ok()?, MAX_USERNAME)
}

/// A password that keys are made of. RFC 5802 section 2.2, `Normalize`: a stored string, so
/// unassigned code points are prohibited.
pub(super) fn stored_password(password: &Secret) -> Option<Secret> {
    let password = core::str::from_utf8(password.as_bytes()).ok()?;
    bounded(saslprep(password).ok()?, MAX_PASSWORD).map(Secret::new)
}

/// A password as PLAIN presents it. RFC 4616 section 2: a query string.
pub(super) fn presented_password(password: &str) -> Option<Secret> {
    bounded(saslprep_query(password).ok()?, MAX_PASSWORD).map(Secret::new)
}

fn bounded(prepared: Cow<'_, str>, max: usize) -> Option<String> {
    (1..=max).contains(&prepared.len()).then(|| prepared.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Assigned after Unicode 3.2.
    const UNASSIGNED: &str = "\u{221}";

    fn stored(password: &str) -> Option<Secret> {
        stored_password(&Secret::new(password))
    }

    /// RFC 4013 section 3.
    #[test]
    fn the_examples_of_rfc_4013() {
        for (given, prepared) in
            [("I\u{ad}X", "IX"), ("user", "user"), ("USER", "USER"), ("\u{aa}", "a"), ("\u{2168}", "IX")]
        {
            assert_eq!(username(given).as_deref(), Some(prepared));
            assert_eq!(stored(given), Some(Secret::new(prepared)));
            assert_eq!(presented_password(given), Some(Secret::new(prepared)));
        }
        for refused in ["\u{7}", "\u{627}1", "", "\u{ad}", "a\0"] {
            assert_eq!(username(refused), None, "{refused:?}");
            assert_eq!(stored(refused), None, "{refused:?}");
            assert_eq!(presented_password(refused), None, "{refused:?}");
        }
    }

    #[test]
    fn only_queries_may_hold_unassigned_code_points() {
        assert_eq!(username(UNASSIGNED).as_deref(), Some(UNASSIGNED));
        assert_eq!(presented_password(UNASSIGNED), Some(Secret::new(UNASSIGNED)));
        assert_eq!(stored(UNASSIGNED), None);
    }

    #[test]
    fn a_password_is_utf_8() {
        assert_eq!(stored_password(&Secret::new(*b"pa\xff")), None);
    }

    #[test]
    fn limits_one_below_at_and_above() {
        for (over, taken) in [(0, true), (1, true), (2, false)] {
            assert_eq!(username(&"x".repeat(MAX_USERNAME - 1 + over)).is_some(), taken);
            assert_eq!(stored(&"x".repeat(MAX_PASSWORD - 1 + over)).is_some(), taken);
            assert_eq!(presented_password(&"x".repeat(MAX_PASSWORD - 1 + over)).is_some(), taken);
        }
    }
}
