//! What can be wrong with the XML on a stream, and which stream error says so.

use core::fmt;

use rxml::Error;

use crate::stream::Condition;

/// Why a stream cannot be read any further (RFC 6120 sections 4.9.3 and 11).
///
/// ```
/// use xmpp_core::stream::Condition;
/// use xmpp_core::xml::XmlError;
///
/// assert_eq!(XmlError::Restricted.condition(), Condition::RestrictedXml);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum XmlError {
    /// The bytes are not well-formed XML, in its fifth edition or in those before.
    NotWellFormed,
    /// A comment, a processing instruction, a document type declaration, a reference to an entity other than the five
    /// predefined ones, or a document that says it does not stand alone.
    Restricted,
    /// The bytes are not UTF-8, or say that they are not.
    Encoding,
    /// The XML declaration names another version than 1.0.
    Version,
    /// A prefix is used that was not declared.
    UndeclaredPrefix,
    /// A declaration binds a reserved prefix or namespace, takes a prefix back, or names a namespace that is no URI or IRI.
    Declaration,
    /// An element has two attributes of the same name.
    DuplicateAttribute,
    /// An element of the stream's content namespace, `jabber:client` or `jabber:server`, is written with a prefix.
    ContentPrefix,
    /// A stanza uses a prefix that was declared in the header, where only those of the stream itself may be.
    HeaderPrefix,
    /// There is text between the elements of the first level.
    Text,
    /// The stream goes on behind its end tag.
    AfterFooter,
    /// An element of the first level, or the header, is longer than allowed, or a name has more than 1,023 bytes.
    TooLarge,
    /// Elements nest deeper than allowed.
    TooDeep,
    /// An element has more attributes, declarations included, than allowed, or more prefixes are declared at one place.
    TooManyAttributes,
    /// An element of the first level holds more elements than allowed.
    TooManyElements,
}

impl XmlError {
    /// The stream error that answers it (RFC 6120 section 4.9.3).
    #[must_use]
    pub const fn condition(self) -> Condition {
        match self {
            // Section 11.3: also for what only breaks the rules of namespaces.
            XmlError::NotWellFormed
            | XmlError::UndeclaredPrefix
            | XmlError::Declaration
            | XmlError::DuplicateAttribute
            | XmlError::AfterFooter => Condition::NotWellFormed,
            // Section 11.1.
            XmlError::Restricted => Condition::RestrictedXml,
            // Section 11.6.
            XmlError::Encoding => Condition::UnsupportedEncoding,
            // Section 4.8.5.
            XmlError::ContentPrefix => Condition::BadNamespacePrefix,
            XmlError::HeaderPrefix => Condition::InvalidNamespace,
            // Section 4.9.3.1, for well-formed XML that is no stream: no condition is more specific.
            XmlError::Version | XmlError::Text => Condition::BadFormat,
            // Section 4.9.3.14.
            XmlError::TooLarge
            | XmlError::TooDeep
            | XmlError::TooManyAttributes
            | XmlError::TooManyElements => Condition::PolicyViolation,
        }
    }
}

impl fmt::Display for XmlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            XmlError::NotWellFormed => "the XML is not well-formed",
            XmlError::Restricted => "comments, processing instructions, DTDs and entities are not allowed",
            XmlError::Encoding => "the stream is not encoded in UTF-8",
            XmlError::Version => "the version of XML is not 1.0",
            XmlError::UndeclaredPrefix => "a namespace prefix was not declared",
            XmlError::Declaration => "a namespace declaration is not allowed",
            XmlError::DuplicateAttribute => "an element has two attributes of the same name",
            XmlError::ContentPrefix => "an element of the content namespace has a prefix",
            XmlError::HeaderPrefix => "a stanza uses a prefix that the stream header declares",
            XmlError::Text => "there is text between the elements of the stream",
            XmlError::AfterFooter => "the stream goes on behind its end tag",
            XmlError::TooLarge => "an element is too large",
            XmlError::TooDeep => "elements nest too deep",
            XmlError::TooManyAttributes => "an element has too many attributes or declarations",
            XmlError::TooManyElements => "an element holds too many elements",
        })
    }
}

impl core::error::Error for XmlError {}

/// The last bytes that the parser took: what it names too coarsely is told apart by them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tail(u64);

impl Tail {
    pub(super) fn record(&mut self, bytes: &[u8]) {
        let last = bytes.get(bytes.len().saturating_sub(size_of::<u64>())..).unwrap_or_default();
        self.0 = last.iter().fold(self.0, |tail, &byte| tail << 8 | u64::from(byte));
    }

    pub(super) fn ends_with(self, bytes: &[u8]) -> bool {
        let start = size_of::<u64>().checked_sub(bytes.len());
        start.and_then(|start| self.0.to_be_bytes().get(start..).map(|tail| tail == bytes)).unwrap_or(false)
    }

    /// The tail without its last byte, and that byte.
    fn split_last(self) -> (Tail, u8) {
        (Tail(self.0 >> 8), self.0 as u8)
    }
}

/// What the parser found. `tail` ends with the byte at which it found it.
pub(super) fn of_parser(error: Error, tail: Tail) -> XmlError {
    let (before, byte) = tail.split_last();
    match error {
        Error::InvalidUtf8Byte(_) => XmlError::Encoding,
        Error::UndeclaredEntity | Error::RestrictedXml(_) => XmlError::Restricted,
        // `<!DOCTYPE`, and the declarations of an internal subset.
        _ if before.ends_with(b"<!") && byte.is_ascii_alphabetic() => XmlError::Restricted,
        // `<?xml-stylesheet`: a processing instruction whose target only begins like the XML declaration.
        _ if before.ends_with(b"<?xml") && byte != b'>' && byte != b'?' => XmlError::Restricted,
        Error::DuplicateAttribute => XmlError::DuplicateAttribute,
        Error::UndeclaredNamespacePrefix(_) => XmlError::UndeclaredPrefix,
        Error::ReservedNamespacePrefix | Error::ReservedNamespaceName | Error::EmptyNamespaceUri => {
            XmlError::Declaration
        }
        _ => XmlError::NotWellFormed,
    }
}
