//! Addresses: `node@domain/resource`, prepared once, cheap to copy and to compare ever after.
//! A [`Jid`] can have any of the shapes; [`BareJid`] and [`FullJid`] promise the absence or presence of a resource.
//!
//! - RFC 3920 section 3 (addressing), appendices A and B; RFC 6122 section 2 where it is stricter
//! - [`prep`]: the stringprep profiles of the parts
//!
//! It does not speak RFC 7622 (PRECIS), does not unescape XEP-0106, and asks no DNS.
//!
//! ```
//! use xmpp_core::jid::{BareJid, Fault, Jid, JidError};
//!
//! // Two spellings of one address become equal; the resource keeps its case and may contain '@' and '/'.
//! let jid = Jid::new("Juliet@XN--BCHER-KVA.example./Balcony/@night")?;
//! assert_eq!(jid.as_str(), "juliet@bücher.example/Balcony/@night");
//! assert_eq!(jid.node(), Some("juliet"));
//! assert_eq!(jid.domain(), "bücher.example");
//! assert_eq!(jid.resource(), Some("Balcony/@night"));
//!
//! // Shapes share the text: no allocation here.
//! let bare: BareJid = jid.to_bare();
//! assert_eq!(bare, Jid::new("juliet@bücher.example")?);
//! assert_eq!(jid.domain_jid().as_str(), "bücher.example");
//! assert_eq!(bare.with_resource("Balcony/@night")?, jid);
//!
//! // An error names the part and the fault.
//! let error = Jid::new("juliet@/balcony").unwrap_err();
//! assert_eq!(error, JidError::Domain(Fault::Empty));
//! assert_eq!(error.to_string(), "domain: is empty");
//! # Ok::<(), JidError>(())
//! ```

mod bare;
mod domain;
mod error;
mod full;
pub mod prep;
mod shape;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use core::cmp::Ordering;
use core::fmt;
use core::hash::{Hash, Hasher};
use core::ops::Range;
use core::str::FromStr;

pub use bare::BareJid;
pub use error::{Fault, JidError};
pub use full::FullJid;

/// The largest size of each part, in bytes of UTF-8 after preparation (RFC 3920 section 3.1).
const MAX_PART: usize = 1023;

/// An address of any shape: `domain`, `node@domain`, either with `/resource`.
///
/// Equality, order and hash are those of the prepared text. Clones, [`to_bare`](Self::to_bare),
/// [`to_full`](Self::to_full) and [`domain_jid`](Self::domain_jid) share that text by reference count, so a view
/// keeps the whole text in memory, at most 3071 bytes.
#[derive(Clone)]
pub struct Jid {
    /// What the address was made from, at most three prepared parts and two separators.
    text: Arc<str>,
    /// Where this address begins in `text`.
    start: u16,
    /// Where the domain begins: at `start`, or after the node and its '@'.
    domain_start: u16,
    /// Where the domain ends: at `end`, or before the '/' of the resource.
    domain_end: u16,
    /// Where this address ends.
    end: u16,
}

impl Jid {
    /// Parses and prepares an address.
    ///
    /// The resource is what follows the first '/', the node what stands before the first '@' in the rest
    /// (RFC 6122 section 2.1: separators are found before any mapping).
    ///
    /// # Errors
    /// The first faulty part, in the order node, domain, resource.
    pub fn new(text: &str) -> Result<Self, JidError> {
        let (address, resource) = match text.split_once('/') {
            Some((address, resource)) => (address, Some(resource)),
            None => (text, None),
        };
        let (node, domain) = match address.split_once('@') {
            Some((node, domain)) => (Some(node), domain),
            None => (None, address),
        };
        Self::prepare(node, domain, resource, Some(text))
    }

    /// Prepares an address from its parts, none of which is searched for separators.
    ///
    /// # Errors
    /// The first faulty part, in the order node, domain, resource; an '@' in the node, an '@' or '/' in the domain
    /// are such faults.
    pub fn from_parts(node: Option<&str>, domain: &str, resource: Option<&str>) -> Result<Self, JidError> {
        Self::prepare(node, domain, resource, None)
    }

    /// `text` is the joined address where it is at hand, to copy it whole when nothing had to be changed.
    fn prepare(
        node: Option<&str>,
        domain: &str,
        resource: Option<&str>,
        text: Option<&str>,
    ) -> Result<Self, JidError> {
        let node = node.map(prepare_node).transpose().map_err(JidError::Node)?;
        let domain = domain::prepare(domain).and_then(check_size).map_err(JidError::Domain)?;
        let resource = resource.map(prepare_resource).transpose().map_err(JidError::Resource)?;

        let domain_start = node.as_ref().map_or(0, |node| node.len() + 1);
        let domain_end = domain_start + domain.len();
        let end = resource.as_ref().map_or(domain_end, |resource| domain_end + 1 + resource.len());

        let parts = [node.as_ref(), Some(&domain), resource.as_ref()];
        let unchanged = parts.iter().flatten().all(|part| matches!(part, Cow::Borrowed(_)));
        // A borrowed domain can have lost its final dot: then the sizes differ.
        let text = match text.filter(|text| unchanged && text.len() == end) {
            Some(text) => Arc::from(text),
            None => join(end, node.as_deref(), &domain, resource.as_deref()),
        };
        Ok(Self {
            text,
            start: 0,
            domain_start: offset(domain_start),
            domain_end: offset(domain_end),
            end: offset(end),
        })
    }

    /// The part before the '@'.
    #[must_use]
    pub fn node(&self) -> Option<&str> {
        // The '@' lies between the two, so an absent node is the empty range.
        let end = self.domain_start.checked_sub(1).filter(|end| *end > self.start)?;
        Some(self.slice(self.start..end))
    }

    /// The domain: a name with its labels in Unicode, an IPv4 address or an IPv6 address in brackets.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.slice(self.domain_start..self.domain_end)
    }

    /// The domain as DNS and certificates write it: labels beyond ASCII in their `xn--` form (RFC 3490 section 4.1).
    #[must_use]
    pub fn ascii_domain(&self) -> Cow<'_, str> {
        domain::to_ascii(self.domain())
    }

    /// The part after the first '/'.
    #[must_use]
    pub fn resource(&self) -> Option<&str> {
        let start = self.domain_end.checked_add(1).filter(|start| *start < self.end)?;
        Some(self.slice(start..self.end))
    }

    /// The whole prepared address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.slice(self.start..self.end)
    }

    /// Whether there is no resource.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.domain_end == self.end
    }

    /// Whether there is a resource.
    #[must_use]
    pub fn is_full(&self) -> bool {
        !self.is_bare()
    }

    /// The address without its resource. Shares the text.
    #[must_use]
    pub fn to_bare(&self) -> BareJid {
        BareJid::from_bare(Self { end: self.domain_end, ..self.clone() })
    }

    /// The address itself, if it has a resource. Shares the text.
    #[must_use]
    pub fn to_full(&self) -> Option<FullJid> {
        FullJid::try_from(self.clone()).ok()
    }

    /// The domain alone as an address, which is the server's own. Shares the text.
    #[must_use]
    pub fn domain_jid(&self) -> BareJid {
        BareJid::from_bare(Self { start: self.domain_start, end: self.domain_end, ..self.clone() })
    }

    /// This bare address with a resource. The parts it has are prepared already.
    fn with_resource(&self, resource: &str) -> Result<Self, JidError> {
        let resource = prepare_resource(resource).map_err(JidError::Resource)?;
        let domain_end = self.as_str().len();
        let end = domain_end + 1 + resource.len();
        Ok(Self {
            text: join(end, self.node(), self.domain(), Some(&resource)),
            start: 0,
            domain_start: self.domain_start - self.start,
            domain_end: offset(domain_end),
            end: offset(end),
        })
    }

    fn slice(&self, range: Range<u16>) -> &str {
        // The offsets are boundaries of the parts that `text` was joined from.
        self.text.get(usize::from(range.start)..usize::from(range.end)).unwrap_or_default()
    }
}

fn prepare_node(node: &str) -> Result<Cow<'_, str>, Fault> {
    check_size(prep::nodeprep(node)?)
}

fn prepare_resource(resource: &str) -> Result<Cow<'_, str>, Fault> {
    check_size(prep::resourceprep(resource)?)
}

/// RFC 6122 section 2: after preparation, which can both empty a part and make it grow.
fn check_size(part: Cow<'_, str>) -> Result<Cow<'_, str>, Fault> {
    match part.len() {
        0 => Err(Fault::Empty),
        1..=MAX_PART => Ok(part),
        _ => Err(Fault::TooLong),
    }
}

/// An offset into an address: at most 3071.
fn offset(at: usize) -> u16 {
    u16::try_from(at).unwrap_or(u16::MAX)
}

fn join(size: usize, node: Option<&str>, domain: &str, resource: Option<&str>) -> Arc<str> {
    let mut text = String::with_capacity(size);
    if let Some(node) = node {
        text.push_str(node);
        text.push('@');
    }
    text.push_str(domain);
    if let Some(resource) = resource {
        text.push('/');
        text.push_str(resource);
    }
    Arc::from(text)
}

impl PartialEq for Jid {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Jid {}

impl PartialOrd for Jid {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Jid {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Jid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Display for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Jid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Jid").field(&self.as_str()).finish()
    }
}

impl FromStr for Jid {
    type Err = JidError;

    fn from_str(text: &str) -> Result<Self, JidError> {
        Self::new(text)
    }
}

impl AsRef<str> for Jid {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests;
