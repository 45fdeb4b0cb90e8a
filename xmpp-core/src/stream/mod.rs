//! XML streams without bytes: headers, features, errors, and what may come when (RFC 3920 section 4, RFC 6120 section 4).
//!
//! Everything here is data and tables that know no connection; [the connections](crate::conn) put them in motion.
//!
//! ```
//! use xmpp_core::stream::{Condition, StreamError};
//!
//! let error = StreamError::new(Condition::SystemShutdown).with_text("back at noon");
//! assert_eq!(StreamError::parse(error.to_element().as_ref()), error);
//! ```

mod error;
mod features;
mod half;
mod header;
mod order;
mod other_host;

pub use error::{Condition, StreamError};
pub use features::{Features, Requirement};
pub use half::{Half, Halves};
pub use header::{StreamHeader, Version};
pub use order::{FirstLevel, Phase, TABLE, Verdict};
pub use other_host::OtherHost;
