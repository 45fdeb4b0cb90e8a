//! The address of one connected resource, or of one occupant or device of a service.

use core::borrow::Borrow;
use core::fmt;
use core::str::FromStr;

use super::{BareJid, Jid, JidError};

/// An address with a resource: `node@domain/resource` or `domain/resource` (RFC 3920 section 3).
///
/// A map keyed by it can be searched with any [`Jid`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FullJid(Jid);

impl FullJid {
    /// Parses and prepares an address that must have a resource.
    ///
    /// # Errors
    /// As [`Jid::new`]; [`JidError::MissingResource`].
    pub fn new(text: &str) -> Result<Self, JidError> {
        Jid::new(text)?.try_into()
    }

    /// The part before the '@'.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        self.0.node()
    }

    /// The domain, see [`Jid::domain`].
    #[must_use]
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    /// The part after the first '/'.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.0.resource().unwrap_or_default()
    }

    /// The whole prepared address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The address as the type of any shape.
    #[must_use]
    pub fn as_jid(&self) -> &Jid {
        &self.0
    }

    /// The address without its resource, see [`Jid::to_bare`].
    #[must_use]
    pub fn to_bare(&self) -> BareJid {
        self.0.to_bare()
    }

    /// The domain alone, see [`Jid::domain_jid`].
    #[must_use]
    pub fn domain_jid(&self) -> BareJid {
        self.0.domain_jid()
    }
}

impl fmt::Display for FullJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for FullJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FullJid").field(&self.as_str()).finish()
    }
}

impl FromStr for FullJid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, JidError> {
        Self::new(text)
    }
}

impl AsRef<str> for FullJid {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<Jid> for FullJid {
    fn borrow(&self) -> &Jid {
        &self.0
    }
}

impl From<FullJid> for Jid {
    fn from(jid: FullJid) -> Self {
        jid.0
    }
}

impl TryFrom<Jid> for FullJid {
    type Error = JidError;

    fn try_from(jid: Jid) -> Result<Self, JidError> {
        if jid.is_full() { Ok(Self(jid)) } else { Err(JidError::MissingResource) }
    }
}

impl PartialEq<Jid> for FullJid {
    fn eq(&self, other: &Jid) -> bool {
        self.0 == *other
    }
}

impl PartialEq<FullJid> for Jid {
    fn eq(&self, other: &FullJid) -> bool {
        *self == other.0
    }
}
