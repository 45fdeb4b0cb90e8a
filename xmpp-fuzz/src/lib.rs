//! Fuzz targets as plain functions: bytes in, a panic when an invariant breaks.
//!
//! Every function of [`TARGETS`] takes any input at all. A fuzzer calls one with what it makes up; `cargo test` calls all of them
//! with the files of `corpus/` and with random input. What they check is what the engine promises whatever a peer sends:
//!
//! - nothing panics;
//! - the outcome does not depend on how the input is cut into chunks;
//! - what is written can be read back, and means the same;
//! - no stanza comes out before authentication, and nothing at all after the end;
//! - a deadline is always ahead.
//!
//! ```
//! xmpp_fuzz::run("address", b"Juliet@Example.COM/balcony");
//! ```
#![forbid(unsafe_code)]
// An invariant that breaks is told by a panic: that is what a fuzzer looks for.
#![allow(clippy::panic)]

mod connection;
mod framing;
mod sasl;

use xmpp_core::jid::Jid;

/// A target: its name, which is that of its folder below `corpus/`, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 10] = [
    ("address", address),
    ("client", connection::client),
    ("component", connection::component),
    ("component-acceptor", connection::component_acceptor),
    ("element", framing::element),
    ("framing", framing::framing),
    ("peer-inbound", connection::peer_inbound),
    ("peer-outbound", connection::peer_outbound),
    ("sasl", sasl::sasl),
    ("server", connection::server),
];

/// Runs the target of that name on one input.
///
/// # Panics
/// When an invariant breaks, or there is no such target.
pub fn run(name: &str, input: &[u8]) {
    match TARGETS.iter().find(|(known, _)| *known == name) {
        Some((_, target)) => target(input),
        None => panic!("no target {name}"),
    }
}

/// An address that was prepared is prepared: reading what was written gives the same parts.
fn address(input: &[u8]) {
    let Ok(text) = core::str::from_utf8(input) else { return };
    if let Ok(jid) = Jid::new(text) {
        let again = Jid::new(jid.as_str());
        assert_eq!(again.as_ref(), Ok(&jid), "{text:?}");
        assert_eq!(Jid::from_parts(jid.node(), jid.domain(), jid.resource()).as_ref(), Ok(&jid), "{text:?}");
    }
}
