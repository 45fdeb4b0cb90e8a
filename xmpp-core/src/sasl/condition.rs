//! The failure conditions of RFC 6120 section 6.5.

use core::fmt;

/// Why an authentication attempt failed, as `<failure/>` says it (RFC 6120 section 6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SaslCondition {
    /// The initiating entity aborted the handshake (6.5.1).
    Aborted,
    /// The account is disabled for now (6.5.2).
    AccountDisabled,
    /// The credentials have expired (6.5.3).
    CredentialsExpired,
    /// The mechanism needs a protected stream (6.5.4).
    EncryptionRequired,
    /// The payload is not base64 as RFC 4648 section 4 defines it (6.5.5).
    IncorrectEncoding,
    /// The authorization identity is malformed or not permitted (6.5.6).
    InvalidAuthzid,
    /// No mechanism was named, or one that the receiving entity does not offer (6.5.7).
    InvalidMechanism,
    /// The data violates the mechanism's syntax (6.5.8).
    MalformedRequest,
    /// Policy asks for a stronger mechanism (6.5.9).
    MechanismTooWeak,
    /// Wrong credentials, or a cause that is not disclosed (6.5.10).
    NotAuthorized,
    /// A passing fault at the receiving entity (6.5.11).
    TemporaryAuthFailure,
}

impl SaslCondition {
    /// Every condition, in the order of the RFC.
    pub const ALL: [Self; 11] = [
        Self::Aborted,
        Self::AccountDisabled,
        Self::CredentialsExpired,
        Self::EncryptionRequired,
        Self::IncorrectEncoding,
        Self::InvalidAuthzid,
        Self::InvalidMechanism,
        Self::MalformedRequest,
        Self::MechanismTooWeak,
        Self::NotAuthorized,
        Self::TemporaryAuthFailure,
    ];

    /// The name of the element that stands for this condition.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aborted => "aborted",
            Self::AccountDisabled => "account-disabled",
            Self::CredentialsExpired => "credentials-expired",
            Self::EncryptionRequired => "encryption-required",
            Self::IncorrectEncoding => "incorrect-encoding",
            Self::InvalidAuthzid => "invalid-authzid",
            Self::InvalidMechanism => "invalid-mechanism",
            Self::MalformedRequest => "malformed-request",
            Self::MechanismTooWeak => "mechanism-too-weak",
            Self::NotAuthorized => "not-authorized",
            Self::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }

    /// The condition an element of this name stands for. A name that no RFC of ours defines counts
    /// as `not-authorized` (RFC 6120 section 6.5).
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|condition| condition.name() == name).unwrap_or(Self::NotAuthorized)
    }
}

impl fmt::Display for SaslCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6120_6_5_01_an_unknown_condition_is_not_authorized() {
        for condition in SaslCondition::ALL {
            assert_eq!(SaslCondition::from_name(condition.name()), condition);
        }
        assert_eq!(SaslCondition::from_name("Aborted"), SaslCondition::NotAuthorized);
        assert_eq!(SaslCondition::from_name("password-reset-required"), SaslCondition::NotAuthorized);
    }
}
