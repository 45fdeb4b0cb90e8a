//! SASLprep (RFC 4013) as the mechanisms ask for it: with the limits, and nothing left is a failure.

use alloc::string::String;

use super::{MAX_PASSWORD, MAX_USERNAME, Secret};

/// A user name. RFC 5802 section 5.1, `n`: a query string, so unassigned code points pass.
pub(super) fn username(name: &str) -> Option<String> {
    bounded(query(name)?, MAX_USERNAME)
}

/// A password that keys are made of. RFC 5802 section 2.2, `Normalize`: a stored string, so
/// unassigned code points are prohibited.
pub(super) fn stored_password(password: &Secret) -> Option<Secret> {
    let password = core::str::from_utf8(password.as_bytes()).ok()?;
    bounded(stored(password)?, MAX_PASSWORD).map(Secret::new)
}

/// A password as PLAIN presents it. RFC 4616 section 2: a query string.
pub(super) fn presented_password(password: &str) -> Option<Secret> {
    bounded(query(password)?, MAX_PASSWORD).map(Secret::new)
}

fn bounded(prepared: String, max: usize) -> Option<String> {
    (1..=max).contains(&prepared.len()).then_some(prepared)
}

fn query(text: &str) -> Option<String> {
    stringprep::saslprep(text).ok().map(|prepared| prepared.into_owned())
}

fn stored(text: &str) -> Option<String> {
    stringprep::saslprep(text).ok().map(|prepared| prepared.into_owned())
}
