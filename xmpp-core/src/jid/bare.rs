//! The address of an account or of a whole domain: no resource.

use super::shape::shape;
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
}

shape!(BareJid, is_bare, UnexpectedResource);
