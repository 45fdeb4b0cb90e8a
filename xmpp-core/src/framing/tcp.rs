//! The TCP binding: an XML document each way (RFC 3920 section 4, RFC 6120 section 3).
//!
//! Output that stands side by side is written into one block, since some peers want a stream header and what follows in one
//! packet, and every write costs a system call and, under TLS, a record.

use alloc::string::String;

use bytes::Bytes;

use crate::limits::XmlLimits;
use crate::stanza::Stanza;
use crate::stream::StreamHeader;
use crate::xml::{Element, Frame, Reader, Writer, XmlError};

/// Reads frames from bytes and writes them into bytes, for one connection.
#[derive(Debug)]
pub(crate) struct Tcp {
    reader: Reader,
    out: String,
    content_ns: &'static str,
}

impl Tcp {
    /// A stream whose content is of that namespace.
    pub(crate) fn new(content_ns: &'static str, limits: XmlLimits) -> Self {
        Tcp { reader: Reader::new(limits), out: String::new(), content_ns }
    }

    /// The namespace of what the stream carries.
    pub(crate) const fn content_ns(&self) -> &'static str {
        self.content_ns
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.reader.push(bytes);
    }

    /// Bytes that were pushed and not parsed yet.
    pub(crate) fn buffered(&self) -> usize {
        self.reader.buffered()
    }

    /// Whether anything but white space was pushed and not parsed yet.
    pub(crate) fn has_unread(&self) -> bool {
        self.reader.has_unread()
    }

    /// The next complete frame.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, XmlError> {
        self.reader.next()
    }

    /// A new header is awaited, perhaps among the bytes that were pushed already.
    pub(crate) fn restart(&mut self) {
        self.reader.restart();
    }

    pub(crate) fn set_limits(&mut self, limits: XmlLimits) {
        self.reader.set_limits(limits);
    }

    pub(crate) fn write_header(&mut self, header: &StreamHeader) {
        self.out.push_str(&header.to_xml());
    }

    pub(crate) fn write_element(&mut self, element: &Element) {
        Writer::stream(self.content_ns).element(&mut self.out, element.as_ref());
    }

    pub(crate) fn write_stanza(&mut self, stanza: &Stanza) {
        stanza.write(&mut self.out, self.content_ns);
    }

    /// White space between elements, which says no more than that we are here (RFC 6120 section 4.6.1).
    pub(crate) fn write_space(&mut self) {
        self.out.push(' ');
    }

    pub(crate) fn write_footer(&mut self) {
        self.out.push_str("</stream:stream>");
    }

    /// What was written since the last call.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        if self.out.is_empty() {
            return None;
        }
        // The block moves into the action: an idle connection keeps no output buffer.
        Some(Bytes::from(core::mem::take(&mut self.out)))
    }
}
