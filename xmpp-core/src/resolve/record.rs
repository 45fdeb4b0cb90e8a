//! SRV records as they come from DNS (RFC 2782), and whether their targets are names of hosts.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;

use super::MAX_NAME;

/// Octets of a label in DNS (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;

/// One SRV record, as it is: what its target says is not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SrvRecord {
    priority: u16,
    weight: u16,
    port: u16,
    target: String,
}

impl SrvRecord {
    /// A record; the final dot of the target may be missing.
    #[must_use]
    pub fn new(priority: u16, weight: u16, port: u16, target: &str) -> Self {
        SrvRecord { priority, weight, port, target: target.to_owned() }
    }

    pub(super) const fn priority(&self) -> u16 {
        self.priority
    }

    pub(super) const fn weight(&self) -> u16 {
        self.weight
    }

    pub(super) const fn port(&self) -> u16 {
        self.port
    }

    /// Whether its target is the root: the service is decidedly not available (RFC 2782, "Target").
    pub(super) fn is_refusal(&self) -> bool {
        self.name().is_empty()
    }

    fn name(&self) -> &str {
        self.target.strip_suffix('.').unwrap_or(&self.target)
    }
}

/// The host that a record is for; none if no connection can be opened to it: a port of 0, or a target that is no name of a host.
pub(super) fn host_name(record: &SrvRecord) -> Option<Arc<str>> {
    let name = record.name();
    let is_label = |label: &str| {
        // An underscore is against RFC 952 and yet found.
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(is_allowed)
    };
    // What ends in a number would be taken for an address, which a target cannot be.
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = name.len() <= MAX_NAME
        && name.split('.').all(is_label)
        && name.rsplit('.').next().is_some_and(|last| !is_number(last));
    (record.port != 0 && is_host).then(|| name.to_ascii_lowercase().into())
}
