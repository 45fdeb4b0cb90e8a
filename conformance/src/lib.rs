//! The conformance suite: the engine against peers that nobody here wrote, and its tests against the
//! requirements of the specifications.

pub mod coverage;
pub mod peers;
