//! RFC 3920 / 6120 as pure state machines: streams, TLS and SASL negotiation, stanzas and addresses, without I/O.
//!
//! Bytes and time go in, owned actions come out, in order. There is no socket, thread, clock, random source, global or callback inside:
//! those belong to whoever embeds this, a server, a client, a gateway or a test. **Begin with [`conn`]**, which tells the contract that
//! connections are driven by; the rest is what connections are made of, and of use on its own:
//!
//! | module | what | RFC 3920 |
//! |---|---|---|
//! | [`time`], [`entropy`], [`limits`], [`profile`], [`error`] | what goes into a machine beside bytes | |
//! | [`jid`] | addresses, prepared | section 3, appendices A and B |
//! | [`xml`] | elements, a bounded reader, a writer | section 11 |
//! | [`stanza`] | message, presence, iq, their errors, and which answer is to which request | section 9 |
//! | [`stream`] | headers, features, errors, and what may come when | section 4 |
//! | [`tls`] | when it is wanted, and whose certificate will do | sections 5 and 14.2 |
//! | [`sasl`] | mechanisms as machines of both sides | section 6 |
//! | [`bind`] | resource binding | section 7 |
//! | [`dialback`] | keys and elements of server dialback | section 8 |
//! | [`component`] | how a component proves itself | (XEP-0114) |
//! | [`conn`] | all of it put in motion, one type per role | |
//! | [`resolve`] | which hosts to connect to for a domain | sections 14.3 and 14.4 |
//! | [`route`] | where a server sends a stanza | section 10 |
//!
//! A module uses only those above it, but for two types: [`stream::Condition`], which says what is wrong with XML, and
//! [`sasl::Bindings`], which the outcome of TLS brings. Where RFC 6120 and RFC 3920 differ, the later text is the default, and [`profile`] has a switch
//! for each rule where the older one is still safe.
//!
//! Everything a peer can make grow is bounded by [`limits`], no input panics, and what comes out is a function of configuration, seed and
//! timed input alone, however the bytes are cut into chunks.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod bind;
pub mod component;
pub mod conn;
pub mod dialback;
pub mod entropy;
pub mod error;
mod framing;
pub mod jid;
pub mod limits;
pub mod profile;
pub mod resolve;
pub mod route;
pub mod sasl;
pub mod stanza;
pub mod stream;
pub mod time;
pub mod tls;
pub mod xml;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
