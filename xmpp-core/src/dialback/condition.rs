//! Why a dialback came to no verdict (XEP-0220 section 2.5).

use core::fmt;

use crate::stanza::ErrorType;

/// What went wrong, apart from the key. A dialback error leaves the stream as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The domain in `to` is not served where it was asked for.
    ItemNotFound,
    /// The authoritative server could not be connected to.
    RemoteConnectionFailed,
    /// The authoritative server does not serve the domain, or could not be found.
    RemoteServerNotFound,
    /// The authoritative server was lost or silent before it said a verdict.
    RemoteServerTimeout,
    /// Policy wants TLS before dialback.
    PolicyViolation,
    /// Policy wants a certificate that proves the domain.
    NotAuthorized,
    /// The authoritative server said that the key is invalid, and the stream lives on for other domains.
    Forbidden,
    /// The domain could not be established for another reason.
    NotAcceptable,
    /// There are too many domains on the stream, or too many dialbacks under way: another stream may do.
    ResourceConstraint,
    /// What no other condition says; also stands for unknown names.
    UndefinedCondition,
}

impl Condition {
    /// All of them.
    pub const ALL: [Condition; 10] = [
        Condition::ItemNotFound,
        Condition::RemoteConnectionFailed,
        Condition::RemoteServerNotFound,
        Condition::RemoteServerTimeout,
        Condition::PolicyViolation,
        Condition::NotAuthorized,
        Condition::Forbidden,
        Condition::NotAcceptable,
        Condition::ResourceConstraint,
        Condition::UndefinedCondition,
    ];

    /// The name of its element.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Condition::ItemNotFound => "item-not-found",
            Condition::RemoteConnectionFailed => "remote-connection-failed",
            Condition::RemoteServerNotFound => "remote-server-not-found",
            Condition::RemoteServerTimeout => "remote-server-timeout",
            Condition::PolicyViolation => "policy-violation",
            Condition::NotAuthorized => "not-authorized",
            Condition::Forbidden => "forbidden",
            Condition::NotAcceptable => "not-acceptable",
            Condition::ResourceConstraint => "resource-constraint",
            Condition::UndefinedCondition => "undefined-condition",
        }
    }

    /// The condition of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|known| known.name() == name).unwrap_or(Condition::UndefinedCondition)
    }

    /// What the asking server can do about it.
    #[must_use]
    pub const fn type_(self) -> ErrorType {
        match self {
            Condition::RemoteConnectionFailed
            | Condition::RemoteServerTimeout
            | Condition::ResourceConstraint => ErrorType::Wait,
            Condition::PolicyViolation | Condition::NotAcceptable => ErrorType::Modify,
            Condition::NotAuthorized | Condition::Forbidden => ErrorType::Auth,
            Condition::ItemNotFound | Condition::RemoteServerNotFound | Condition::UndefinedCondition => {
                ErrorType::Cancel
            }
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
