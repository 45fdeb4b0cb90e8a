//! What can be wrong with an address, and in which part.

use core::fmt;

use super::prep::PrepError;

/// Why text is not an address: the part, and what is wrong with it (RFC 3920 section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JidError {
    /// The part before the '@'.
    Node(Fault),
    /// The domain.
    Domain(Fault),
    /// The part after the '/'.
    Resource(Fault),
    /// A full address was asked for, and there is no resource.
    MissingResource,
    /// A bare address was asked for, and there is a resource.
    UnexpectedResource,
}

/// What is wrong with one part of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing is there, or nothing is left after preparation.
    Empty,
    /// More than 1023 bytes after preparation (RFC 3920 section 3.1).
    TooLong,
    /// The profile of the part, or the host name rules of a domain, do not take it.
    Prep(PrepError),
    /// A domain has two dots in a row, or one in front.
    EmptyLabel,
    /// A label of the domain has more than 63 octets in its encoded form (RFC 3490 section 4.1).
    LabelTooLong,
    /// A label of the domain begins or ends with a hyphen (RFC 3490 section 4.1).
    Hyphen,
    /// A label of the domain begins with `xn--` and yet is not ASCII (RFC 3490 section 4.1).
    AcePrefix,
    /// What has the form of an IP address is none.
    IpAddress,
}

impl From<PrepError> for Fault {
    fn from(error: PrepError) -> Self {
        Self::Prep(error)
    }
}

impl fmt::Display for JidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(fault) => write!(f, "node: {fault}"),
            Self::Domain(fault) => write!(f, "domain: {fault}"),
            Self::Resource(fault) => write!(f, "resource: {fault}"),
            Self::MissingResource => f.write_str("resource: is missing"),
            Self::UnexpectedResource => f.write_str("resource: is not wanted in a bare address"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::TooLong => f.write_str("is longer than 1023 bytes"),
            Self::Prep(error) => error.fmt(f),
            Self::EmptyLabel => f.write_str("has an empty label"),
            Self::LabelTooLong => f.write_str("has a label longer than 63 octets"),
            Self::Hyphen => f.write_str("has a label that begins or ends with a hyphen"),
            Self::AcePrefix => f.write_str("has a label that begins with xn-- and is not ASCII"),
            Self::IpAddress => f.write_str("is not a valid IP address"),
        }
    }
}

impl core::error::Error for JidError {}

impl core::error::Error for Fault {}
