//! XML as streams use it: elements, a bounded reader, a writer (RFC 3920 section 11, RFC 6120 section 11).
//!
//! An [`Element`] is immutable and shares all below it with its clones. A [`Reader`] makes elements of bytes, however those are cut, and
//! refuses what streams must not contain; what is written is made anew from the element, never copied from what was read.
//!
//! ```
//! use xmpp_core::xml::{Element, ns};
//!
//! let body = Element::builder(ns::CLIENT, "body").text("Art thou not Romeo, & a <Montague>?").build();
//! let message = Element::builder(ns::CLIENT, "message").attr("id", "b1").child(body).build();
//! assert!(message.to_string().contains("Romeo, &amp; a &lt;Montague"));
//! ```
pub(crate) mod chars;
pub mod ns;

mod build;
mod content;
mod element;
mod lang;
mod reader;
mod writer;

pub use build::{BuildError, Builder};
pub use element::{Attr, Element, ElementRef, NodeRef, Nodes};
pub use lang::{Lang, LangError};
pub use reader::{Frame, Reader, StreamTag, XmlError};
pub use writer::Writer;
pub(crate) use writer::attribute;
