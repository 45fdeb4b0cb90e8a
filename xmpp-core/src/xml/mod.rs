//! XML as streams use it: elements, a bounded reader, a writer (RFC 3920 section 11).
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
