//! RFC 3921 / 6121 as pure state machines.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;
