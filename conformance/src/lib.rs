//! The engine against peers that nobody here wrote.

pub mod peers;
