//! The defined conditions of stanza errors and their types (RFC 3920 section 9.3, RFC 6120 section 8.3).

use core::fmt;

/// What the sender of the stanza can do about the error (RFC 6120 section 8.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorType {
    /// Nothing: it cannot be remedied.
    Cancel,
    /// Go on: it was only a warning.
    Continue,
    /// Change the stanza and send it again.
    Modify,
    /// Provide credentials and send it again.
    Auth,
    /// Wait and send it again.
    Wait,
}

impl ErrorType {
    /// The value of the attribute.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            ErrorType::Cancel => "cancel",
            ErrorType::Continue => "continue",
            ErrorType::Modify => "modify",
            ErrorType::Auth => "auth",
            ErrorType::Wait => "wait",
        }
    }

    /// The type of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Cancel, Self::Continue, Self::Modify, Self::Auth, Self::Wait]
            .into_iter()
            .find(|type_| type_.name() == name)
    }
}

/// One row per condition: what it means, its name, its usual type in RFC 6120, the section that defines it.
macro_rules! conditions {
    ($($(#[$doc:meta])* $variant:ident, $name:literal, $type_:ident, $section:literal;)*) => {
        /// What went wrong with a stanza.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Condition {
            $($(#[$doc])* $variant,)*
        }

        impl Condition {
            /// All of them, those of RFC 6120 in its order.
            pub const ALL: &'static [Condition] = &[$(Condition::$variant),*];

            /// The name of the element.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Condition::$variant => $name,)*
                }
            }

            /// The condition of that name.
            #[must_use]
            pub fn from_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Condition::$variant),)*
                    _ => None,
                }
            }

            /// The type that usually goes with it (RFC 6120 section 8.3.3).
            #[must_use]
            pub const fn default_type(self) -> ErrorType {
                match self {
                    $(Condition::$variant => ErrorType::$type_,)*
                }
            }

            /// The section that defines it.
            #[must_use]
            pub const fn rfc_section(self) -> &'static str {
                match self {
                    $(Condition::$variant => $section,)*
                }
            }
        }
    };
}

conditions! {
    /// The stanza does not follow its schema or cannot be processed.
    BadRequest, "bad-request", Modify, "RFC 6120 section 8.3.3.1";
    /// The name or address is taken.
    Conflict, "conflict", Cancel, "RFC 6120 section 8.3.3.2";
    /// The recipient does not implement what was asked.
    FeatureNotImplemented, "feature-not-implemented", Cancel, "RFC 6120 section 8.3.3.3";
    /// The sender lacks the permission.
    Forbidden, "forbidden", Auth, "RFC 6120 section 8.3.3.4";
    /// The recipient has left this address for good; there may be a new one. RFC 3920 had the type `modify`.
    Gone, "gone", Cancel, "RFC 6120 section 8.3.3.5";
    /// The server is misconfigured or failed. RFC 3920 had the type `wait`.
    InternalServerError, "internal-server-error", Cancel, "RFC 6120 section 8.3.3.6";
    /// The address or item does not exist. Where that would tell a stranger who is online,
    /// [`ServiceUnavailable`](Self::ServiceUnavailable) is to be used.
    ItemNotFound, "item-not-found", Cancel, "RFC 6120 section 8.3.3.7";
    /// An address breaks the rules for addresses.
    JidMalformed, "jid-malformed", Modify, "RFC 6120 section 8.3.3.8";
    /// The request is understood, but does not meet the recipient's criteria.
    NotAcceptable, "not-acceptable", Modify, "RFC 6120 section 8.3.3.9";
    /// Nobody may do this.
    NotAllowed, "not-allowed", Cancel, "RFC 6120 section 8.3.3.10";
    /// Credentials are missing or wrong.
    NotAuthorized, "not-authorized", Auth, "RFC 6120 section 8.3.3.11";
    /// A policy of the service was broken. RFC 3920 does not know it.
    PolicyViolation, "policy-violation", Modify, "RFC 6120 section 8.3.3.12";
    /// The recipient cannot be reached for now. Where that would tell a stranger who is online,
    /// [`ServiceUnavailable`](Self::ServiceUnavailable) is to be used.
    RecipientUnavailable, "recipient-unavailable", Wait, "RFC 6120 section 8.3.3.13";
    /// Another address takes such requests for now.
    Redirect, "redirect", Modify, "RFC 6120 section 8.3.3.14";
    /// The service is for those who have registered.
    RegistrationRequired, "registration-required", Auth, "RFC 6120 section 8.3.3.15";
    /// The recipient's server does not exist or cannot be resolved.
    RemoteServerNotFound, "remote-server-not-found", Cancel, "RFC 6120 section 8.3.3.16";
    /// The recipient's server did not answer in time.
    RemoteServerTimeout, "remote-server-timeout", Wait, "RFC 6120 section 8.3.3.17";
    /// The recipient is too busy.
    ResourceConstraint, "resource-constraint", Wait, "RFC 6120 section 8.3.3.18";
    /// The recipient does not provide this service.
    ServiceUnavailable, "service-unavailable", Cancel, "RFC 6120 section 8.3.3.19";
    /// The service is for those who have subscribed.
    SubscriptionRequired, "subscription-required", Auth, "RFC 6120 section 8.3.3.20";
    /// None of the others; an application's own condition should say which. Any type can go with it.
    UndefinedCondition, "undefined-condition", Cancel, "RFC 6120 section 8.3.3.21";
    /// The request came at the wrong time.
    UnexpectedRequest, "unexpected-request", Wait, "RFC 6120 section 8.3.3.22";
    /// The service is for those who have paid. RFC 6120 no longer defines it, so that its followers read
    /// [`UndefinedCondition`](Self::UndefinedCondition).
    PaymentRequired, "payment-required", Auth, "RFC 3920 section 9.3.3";
}

impl Condition {
    /// Whether its element can hold the address to use instead.
    pub(super) const fn has_address(self) -> bool {
        matches!(self, Condition::Gone | Condition::Redirect)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
