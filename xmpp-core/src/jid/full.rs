//! The address of one connected resource, or of one occupant or device of a service.

use super::shape::shape;
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

    /// The part after the first '/'.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.0.resource().unwrap_or_default()
    }

    /// The address without its resource, see [`Jid::to_bare`].
    #[must_use]
    pub fn to_bare(&self) -> BareJid {
        self.0.to_bare()
    }
}

shape!(FullJid, is_full, MissingResource);
