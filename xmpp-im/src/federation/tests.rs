//! A federation as its embedder sees it.
