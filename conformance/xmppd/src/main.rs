//! The reference server around the engine.
#![forbid(unsafe_code)]

fn main() {}
