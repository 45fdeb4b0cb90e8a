//! The stream header: the opening tag of each direction (RFC 3920 sections 4.4 and 4.5, RFC 6120 sections 4.7 and 4.8).
//!
//! ```
//! use xmpp_core::stream::StreamHeader;
//! use xmpp_core::xml::ns;
//!
//! let header = StreamHeader::new(ns::CLIENT).with_to("example.com");
//! assert_eq!(
//!     header.to_xml(),
//!     "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' \
//!      to='example.com' version='1.0'>"
//! );
//! ```

use alloc::string::{String, ToString};
use core::fmt;

use super::Condition;
use crate::xml::{Element, StreamTag, attribute, chars, ns};

/// A version of XMPP: two numbers (RFC 3920 section 4.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Incompatible when greater.
    pub major: u32,
    /// Compatible when greater.
    pub minor: u32,
}

impl Version {
    /// What this engine speaks.
    pub const V1_0: Version = Version { major: 1, minor: 0 };

    /// Reads `major.minor`; leading zeros do not count (RFC 3920 section 4.4.1).
    #[must_use]
    pub fn parse(text: &str) -> Option<Version> {
        let number = |digits: &str| -> Option<u32> {
            let valid = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
            valid.then(|| digits.parse().ok()).flatten()
        };
        let (major, minor) = text.split_once('.')?;
        Some(Version { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// What an opening tag says. Addresses are as written: whether they are acceptable depends on the role. Of what is set, characters that
/// XML cannot carry become U+FFFD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamHeader {
    content_ns: String,
    to: Option<String>,
    from: Option<String>,
    id: Option<String>,
    lang: Option<String>,
    version: Option<Version>,
    dialback: bool,
}

impl StreamHeader {
    /// A header of version 1.0 for content of that namespace.
    #[must_use]
    pub fn new(content_ns: &str) -> Self {
        StreamHeader {
            content_ns: text(content_ns),
            to: None,
            from: None,
            id: None,
            lang: None,
            version: Some(Version::V1_0),
            dialback: false,
        }
    }

    /// Sets `to`.
    #[must_use]
    pub fn with_to(mut self, to: &str) -> Self {
        self.to = Some(text(to));
        self
    }

    /// Sets `from`.
    #[must_use]
    pub fn with_from(mut self, from: &str) -> Self {
        self.from = Some(text(from));
        self
    }

    /// Sets `id`.
    #[must_use]
    pub fn with_id(mut self, id: &str) -> Self {
        self.id = Some(text(id));
        self
    }

    /// Sets `xml:lang`.
    #[must_use]
    pub fn with_lang(mut self, lang: &str) -> Self {
        self.lang = Some(text(lang));
        self
    }

    /// Leaves `version` out, as in the answer to a header that has none (RFC 6120 section 4.7.5).
    #[must_use]
    pub fn without_version(mut self) -> Self {
        self.version = None;
        self
    }

    /// Declares the prefix `db` for dialback, which tells the peer that it is understood (RFC 3920 section 8.3 steps 2 and 3).
    #[must_use]
    pub const fn with_dialback(mut self) -> Self {
        self.dialback = true;
        self
    }

    /// The namespace declared as default, for what the stream carries.
    #[must_use]
    pub fn content_ns(&self) -> &str {
        &self.content_ns
    }

    /// Whether the stream is one for content of that namespace: declared as default, or left to be declared by each element (RFC 6120
    /// section 4.8.2, prefix-free canonicalization).
    #[must_use]
    pub fn carries(&self, content_ns: &str) -> bool {
        self.content_ns == content_ns || matches!(&*self.content_ns, ns::STREAMS | "")
    }

    /// The domain the stream is for, or in an answer the address of the peer.
    #[must_use]
    pub fn to(&self) -> Option<&str> {
        self.to.as_deref()
    }

    /// The address of the sender.
    #[must_use]
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref()
    }

    /// The id that the receiving entity gave the stream.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The default language of what the stream carries.
    #[must_use]
    pub fn lang(&self) -> Option<&str> {
        self.lang.as_deref()
    }

    /// The version; `None` when there was none or it cannot be read.
    #[must_use]
    pub const fn version(&self) -> Option<Version> {
        self.version
    }

    /// Whether a prefix is declared for dialback.
    #[must_use]
    pub const fn dialback(&self) -> bool {
        self.dialback
    }

    /// Reads the opening tag with what it declares.
    ///
    /// # Errors
    /// As [`parse`](Self::parse); `invalid-namespace` too when, between servers, the prefix `db` stands for something else than
    /// dialback (RFC 3920 section 8.3 steps 2, 3, 6 and 7).
    pub fn read(tag: &StreamTag) -> Result<Self, Condition> {
        let mut header = Self::parse(tag.element(), tag.default_ns())?;
        let wrong = |(prefix, ns): (&str, &str)| prefix == "db" && ns != ns::DIALBACK;
        if header.content_ns == ns::SERVER && tag.prefixes().any(wrong) {
            return Err(Condition::InvalidNamespace);
        }
        header.dialback = tag.prefixes().any(|(_, ns)| ns == ns::DIALBACK);
        Ok(header)
    }

    /// Reads the opening tag; `content_ns` is what it declares as default namespace. [`read`](Self::read) sees the prefixes too.
    ///
    /// # Errors
    /// `invalid-namespace` when it is not of the streams namespace (RFC 6120 section 4.8.1), `bad-format` when it is no `stream` at all.
    pub fn parse(tag: &Element, content_ns: &str) -> Result<Self, Condition> {
        if tag.ns() != ns::STREAMS {
            return Err(Condition::InvalidNamespace);
        }
        if tag.name() != "stream" {
            return Err(Condition::BadFormat);
        }
        let attr = |name| tag.attr(name).map(ToString::to_string);
        Ok(StreamHeader {
            content_ns: content_ns.to_string(),
            to: attr("to"),
            from: attr("from"),
            id: attr("id"),
            lang: tag.lang().map(ToString::to_string),
            version: tag.attr("version").and_then(Version::parse),
            dialback: false,
        })
    }

    /// The XML declaration and the opening tag (RFC 6120 section 4.3.3 wants the declaration on restarts too).
    #[must_use]
    pub fn to_xml(&self) -> String {
        let mut out = String::from("<?xml version='1.0'?><stream:stream");
        attribute(&mut out, "xmlns", &self.content_ns);
        attribute(&mut out, "xmlns:stream", ns::STREAMS);
        if self.dialback {
            attribute(&mut out, "xmlns:db", ns::DIALBACK);
        }
        let version = self.version.map(|version| version.to_string());
        for (name, value) in [
            ("to", &self.to),
            ("from", &self.from),
            ("id", &self.id),
            ("xml:lang", &self.lang),
            ("version", &version),
        ] {
            if let Some(value) = value {
                attribute(&mut out, name, value);
            }
        }
        out.push('>');
        out
    }
}

/// What the tag can hold: characters that XML cannot carry become U+FFFD.
fn text(given: &str) -> String {
    chars::to_text(given).into_owned()
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;
    use crate::limits::XmlLimits;
    use crate::xml::{Frame, Reader};

    fn tag() -> crate::xml::Builder {
        Element::builder(ns::STREAMS, "stream")
    }

    #[test]
    fn r3920_4_4_1_03_versions_are_numbers() {
        assert_eq!(Version::parse("1.0"), Some(Version::V1_0));
        // covers 3920-4.4.1-03
        assert_eq!(Version::parse("01.00"), Some(Version::V1_0));
        // covers 3920-4.4.1-01
        assert_eq!(Version::parse("12.34"), Some(Version { major: 12, minor: 34 }));
        // covers 3920-4.4.1-02: and never as a fraction
        assert!(Version::parse("1.10") > Version::parse("1.9"));
        // covers 3920-4.4.1-09
        assert!(
            Version::parse("12.3") > Version::parse("2.13") && Version::parse("2.13") > Version::parse("2.4")
        );
        for bad in ["", "1", ".", "1.", ".0", "1.0.0", "+1.0", "1.-0", " 1.0", "1.99999999999"] {
            assert_eq!(Version::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn reads_all_attributes() {
        let tag = tag()
            .attr("to", "example.com")
            .attr("from", "juliet@example.com")
            .attr("id", "++7")
            .attr("version", "1.0")
            .lang("en")
            .build();
        let header = StreamHeader::parse(&tag, ns::CLIENT).unwrap();
        let expected = StreamHeader::new(ns::CLIENT)
            .with_to("example.com")
            .with_from("juliet@example.com")
            .with_id("++7")
            .with_lang("en");
        assert_eq!(header, expected);
    }

    #[test]
    fn r6120_4_8_1_01_another_namespace_is_refused() {
        let foreign = Element::builder("urn:other", "stream").build();
        assert_eq!(StreamHeader::parse(&foreign, ns::CLIENT), Err(Condition::InvalidNamespace));
        let features = Element::builder(ns::STREAMS, "features").build();
        assert_eq!(StreamHeader::parse(&features, ns::CLIENT), Err(Condition::BadFormat));
    }

    #[test]
    fn r3920_11_2_3_02_dialback_is_declared_by_its_name() {
        let read = |declarations: &str| {
            let mut reader = Reader::new(XmlLimits::before_login());
            let tag = format!("<s:stream xmlns:s='{}' {declarations}>", ns::STREAMS);
            reader.push(tag.as_bytes());
            let Ok(Some(Frame::Header(tag))) = reader.next() else { panic!() };
            StreamHeader::read(&tag).map(|header| header.dialback())
        };
        assert_eq!(read("xmlns='jabber:server' xmlns:db='jabber:server:dialback'"), Ok(true));
        assert_eq!(read("xmlns='jabber:server' xmlns:back='jabber:server:dialback'"), Ok(true));
        assert_eq!(read("xmlns='jabber:server'"), Ok(false));
        assert_eq!(read("xmlns='jabber:server' xmlns:db='urn:other'"), Err(Condition::InvalidNamespace));
        assert_eq!(read("xmlns='jabber:client' xmlns:db='urn:other'"), Ok(false));
        // covers 3920-11.2.3-01
        assert!(
            StreamHeader::new(ns::SERVER)
                .with_dialback()
                .to_xml()
                .contains(" xmlns:db='jabber:server:dialback'")
        );
    }

    #[test]
    fn values_are_escaped() {
        let header = StreamHeader::new(ns::CLIENT).with_to("a'b<c");
        assert!(header.to_xml().contains(" to='a&apos;b&lt;c'"));
        let header = StreamHeader::new("a\0").with_to("b\0").with_from("c\0").with_id("d\0").with_lang("e\0");
        assert_eq!(header.to_xml().matches('\u{FFFD}').count(), 5);
        assert!(!header.to_xml().contains('\0'));
    }
}
