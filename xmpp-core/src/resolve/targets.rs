//! The order of targets: by priority, then by chance in proportion to their weights (RFC 2782).

use alloc::sync::Arc;
use alloc::vec::Vec;

use super::{SrvRecord, TlsMode};
use crate::entropy::{Entropy, Label};

/// A host and port that may offer the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    pub(super) tls: TlsMode,
    priority: u16,
    weight: u16,
}

impl Target {
    pub(super) fn new(record: &SrvRecord, host: Arc<str>, tls: TlsMode) -> Self {
        let (priority, weight) = (record.priority(), record.weight());
        Target { host, port: record.port(), tls, priority, weight }
    }

    fn is_same_place(&self, other: &Target) -> bool {
        (&self.host, self.port, self.tls) == (&other.host, other.port, other.tls)
    }
}

/// Targets that have not been tried yet: the lowest priority first and, in it, those of weight 0 first.
#[derive(Debug, Default)]
pub(super) struct Targets(Vec<Target>);

impl Targets {
    /// At most `limit` of them, the best priorities first, each place once.
    pub(super) fn new(mut found: Vec<Target>, limit: usize) -> Self {
        found.sort_by_key(|target| (target.priority, target.weight > 0));
        let mut targets: Vec<Target> = Vec::new();
        for target in found {
            if targets.len() == limit {
                break;
            }
            if !targets.iter().any(|other| other.is_same_place(&target)) {
                targets.push(target);
            }
        }
        Targets(targets)
    }

    /// Takes out the one to try next: RFC 2782's algorithm, which it describes under "Weight".
    pub(super) fn next(&mut self, entropy: &mut Entropy) -> Option<Target> {
        let priority = self.0.first()?.priority;
        let peers = || self.0.iter().take_while(|target| target.priority == priority);
        let sum: u64 = peers().map(|target| u64::from(target.weight)).sum();
        // Of 2^64 numbers, the remainder favours some by less than one in 2^40.
        let chosen = entropy.number(Label::Weight) % (sum + 1);
        let running = peers().scan(0, |running, target| {
            *running += u64::from(target.weight);
            Some(*running)
        });
        let index = running.take_while(|running| *running < chosen).count();
        (index < self.0.len()).then(|| self.0.remove(index))
    }
}
