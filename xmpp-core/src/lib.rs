//! RFC 3920 / 6120 without I/O.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod bind;
pub mod conn;
pub mod entropy;
pub mod error;
mod framing;
pub mod jid;
pub mod limits;
pub mod profile;
pub mod sasl;
pub mod stanza;
pub mod stream;
pub mod time;
pub mod tls;
pub mod xml;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
