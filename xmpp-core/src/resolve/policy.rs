//! What a resolver looks for, and how much of what it is told it takes.

use super::TlsMode;

/// Which ways of securing a connection to look for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsModes {
    /// Both, in the order that the domain's records give (XEP-0368 section 3 rule 1).
    #[default]
    Both,
    /// Direct TLS alone. There is no port to fall back to: without records, there is no candidate.
    Direct,
    /// STARTTLS alone, which is also for streams that are to do without TLS.
    StartTls,
}

impl TlsModes {
    pub(super) fn has(self, mode: TlsMode) -> bool {
        match self {
            TlsModes::Both => true,
            TlsModes::Direct => mode == TlsMode::Direct,
            TlsModes::StartTls => mode == TlsMode::StartTls,
        }
    }
}

/// What to look for, and how much of it: whoever runs a domain decides what its records say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    modes: TlsModes,
    records: usize,
    addresses: usize,
    candidates: usize,
}

impl Policy {
    /// Both modes; 32 SRV records, 16 addresses of a host, 32 candidates.
    #[must_use]
    pub const fn new() -> Self {
        Policy { modes: TlsModes::Both, records: 32, addresses: 16, candidates: 32 }
    }

    /// Which ways of securing a connection to look for.
    #[must_use]
    pub const fn modes(&self) -> TlsModes {
        self.modes
    }

    /// How many SRV records count, those of the best priorities; also how many hosts are looked up.
    #[must_use]
    pub const fn records(&self) -> usize {
        self.records
    }

    /// How many addresses of a host count.
    #[must_use]
    pub const fn addresses(&self) -> usize {
        self.addresses
    }

    /// How many candidates there are at most.
    #[must_use]
    pub const fn candidates(&self) -> usize {
        self.candidates
    }

    /// Sets [`modes`](Self::modes).
    #[must_use]
    pub const fn with_modes(mut self, modes: TlsModes) -> Self {
        self.modes = modes;
        self
    }

    /// Sets [`records`](Self::records).
    #[must_use]
    pub const fn with_records(mut self, records: usize) -> Self {
        self.records = records;
        self
    }

    /// Sets [`addresses`](Self::addresses).
    #[must_use]
    pub const fn with_addresses(mut self, addresses: usize) -> Self {
        self.addresses = addresses;
        self
    }

    /// Sets [`candidates`](Self::candidates).
    #[must_use]
    pub const fn with_candidates(mut self, candidates: usize) -> Self {
        self.candidates = candidates;
        self
    }
}

impl Default for Policy {
    fn default() -> Self {
        Policy::new()
    }
}
