//! How elements become bytes and bytes elements, one file per transport.
//!
//! [The connections](crate::conn) speak elements; what stands between those and a transport is here. TCP is the binding of
//! RFC 3920: one XML document each way.

pub(crate) mod tcp;
