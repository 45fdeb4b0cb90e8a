//! The address of an account or of a whole domain: no resource.

use core::borrow::Borrow;
use core::fmt;
use core::str::FromStr;

use super::{FullJid, Jid, JidError};

/// An address without a resource: `domain` or `node@domain` (RFC 3920 section 3).
///
/// A map keyed by it can be searched with any [`Jid`].
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BareJid(Jid);

impl BareJid {
    /// Parses and prepares an address that must have no resource.
    ///
    /// # Errors
    /// As [`Jid::new`]; [`JidError::UnexpectedResource`].
    pub fn new(text: &str) -> Result<Self, JidError> {
        Jid::new(text)?.try_into()
    }

    /// Takes an address that is known to be bare.
    pub(super) fn from_bare(jid: Jid) -> Self {
        Self(jid)
    }

    /// This address with a resource, which alone is prepared here.
    ///
    /// # Errors
    /// [`JidError::Resource`].
    pub fn with_resource(&self, resource: &str) -> Result<FullJid, JidError> {
        self.0.with_resource(resource)?.try_into()
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

    /// The domain alone, see [`Jid::domain_jid`].
    #[must_use]
    pub fn domain_jid(&self) -> Self {
        self.0.domain_jid()
    }
}

impl fmt::Display for BareJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for BareJid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BareJid").field(&self.as_str()).finish()
    }
}

impl FromStr for BareJid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, JidError> {
        Self::new(text)
    }
}

impl AsRef<str> for BareJid {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl Borrow<Jid> for BareJid {
    fn borrow(&self) -> &Jid {
        &self.0
    }
}

impl From<BareJid> for Jid {
    fn from(jid: BareJid) -> Self {
        jid.0
    }
}

impl TryFrom<Jid> for BareJid {
    type Error = JidError;

    fn try_from(jid: Jid) -> Result<Self, JidError> {
        if jid.is_bare() { Ok(Self(jid)) } else { Err(JidError::UnexpectedResource) }
    }
}

impl PartialEq<Jid> for BareJid {
    fn eq(&self, other: &Jid) -> bool {
        self.0 == *other
    }
}

impl PartialEq<BareJid> for Jid {
    fn eq(&self, other: &BareJid) -> bool {
        *self == other.0
    }
}
