//! The engine against peers that nobody here wrote.
