//! Writes elements as XML: the only place that escapes and the only place that invents prefixes.
//!
//! What is written always comes from the parsed form: names and characters were checked when the [`Element`] was built, so
//! the output is well-formed and namespace-well-formed whatever the input was. Elements carry their namespace as a default
//! declaration, as RFC 3920 section 11.2.1 prefers; only the names that a stream header binds have a prefix.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write as _;

use super::content::Counterpart;
use super::element::{Attr, Element, ElementRef, NodeRef, Step};
use super::ns;

/// Writes elements into a context: what the enclosing stream element has declared.
///
/// ```
/// use xmpp_core::xml::{Element, Writer, ns};
///
/// let body = Element::builder(ns::CLIENT, "body").text("1 < 2").build();
/// let mut out = String::new();
/// Writer::stream(ns::CLIENT).element(&mut out, body.as_ref());
/// assert_eq!(out, "<body>1 &lt; 2</body>");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Writer {
    default_ns: &'static str,
    stream_prefix: bool,
}

impl Writer {
    /// Inside a stream whose header declared `content_ns` as default, the prefix `stream` and, between servers, the prefix `db`.
    #[must_use]
    pub const fn stream(content_ns: &'static str) -> Self {
        Writer { default_ns: content_ns, stream_prefix: true }
    }

    /// Outside of any stream: every namespace is declared.
    #[must_use]
    pub const fn document() -> Self {
        Writer { default_ns: "", stream_prefix: false }
    }

    /// Appends the element and everything below it to `out`.
    pub fn element(&self, out: &mut String, element: ElementRef<'_>) {
        self.tree(out, element, Counterpart::none());
    }

    fn tree(&self, out: &mut String, element: ElementRef<'_>, mut namespaces: Counterpart) {
        let mut scopes: Vec<&str> = Vec::new();
        for step in element.walk() {
            let outer = scopes.last().copied().unwrap_or(self.default_ns);
            match step {
                Step::Open(element) => {
                    let ns = namespaces.open(element.ns());
                    let prefix = self.open(out, element, ns, outer);
                    // An element with a prefix leaves the default declaration as it was.
                    scopes.push(if prefix.is_empty() { ns } else { outer });
                    if element.nodes().next().is_some() {
                        out.push('>');
                    }
                }
                Step::Text(text) => escape_text(out, text),
                Step::Close(element) => {
                    namespaces.close();
                    scopes.pop();
                    if element.nodes().next().is_some() {
                        self.end_tag(out, element);
                    } else {
                        out.push_str("/>");
                    }
                }
            }
        }
    }

    /// Appends what is below the element, as it would stand inside it.
    pub fn content(&self, out: &mut String, element: &Element) {
        for node in element.nodes() {
            match node {
                NodeRef::Element(child) => self.element(out, child),
                NodeRef::Text(text) => escape_text(out, text),
            }
        }
    }

    /// Appends what is below the root of a stanza whose namespace is `jabber:client`, as it would stand inside the stanza on
    /// this stream.
    pub(crate) fn stanza_content(&self, out: &mut String, root: &Element) {
        for node in root.nodes() {
            match node {
                NodeRef::Element(child) => {
                    self.tree(out, child, Counterpart::of(self.default_ns));
                }
                NodeRef::Text(text) => escape_text(out, text),
            }
        }
    }

    fn prefix(&self, ns: &str) -> &'static str {
        match ns {
            ns::STREAMS if self.stream_prefix => "stream:",
            // RFC 3920 section 11.2.3: dialback has a prefix, and some know it by no other.
            ns::DIALBACK if self.stream_prefix && self.default_ns == ns::SERVER => "db:",
            ns::XML => "xml:",
            _ => "",
        }
    }

    /// Writes a start tag without its end, and returns the prefix it used.
    fn open(&self, out: &mut String, element: ElementRef<'_>, ns: &str, outer: &str) -> &'static str {
        let prefix = self.prefix(ns);
        out.push('<');
        out.push_str(prefix);
        out.push_str(element.name());
        if prefix.is_empty() && ns != outer {
            attribute(out, "xmlns", ns);
        }
        self.attributes(out, element.attrs());
        prefix
    }

    /// Appends attributes, with declarations of their namespaces.
    pub(crate) fn attributes<'a>(&self, out: &mut String, attrs: impl Iterator<Item = Attr<'a>>) {
        let mut declared: Vec<&str> = Vec::new();
        for attr in attrs {
            let prefix = self.prefix(attr.ns);
            if attr.ns.is_empty() || !prefix.is_empty() {
                out.push(' ');
                out.push_str(prefix);
            } else {
                let known = declared.iter().position(|known| *known == attr.ns);
                let number = known.unwrap_or(declared.len());
                if known.is_none() {
                    declared.push(attr.ns);
                    // Writing into a String cannot fail.
                    let _ = write!(out, " xmlns:ns{number}='");
                    escape_value(out, attr.ns);
                    out.push('\'');
                }
                let _ = write!(out, " ns{number}:");
            }
            out.push_str(attr.name);
            value(out, attr.value);
        }
    }

    fn end_tag(&self, out: &mut String, element: ElementRef<'_>) {
        out.push_str("</");
        out.push_str(self.prefix(element.ns()));
        out.push_str(element.name());
        out.push('>');
    }
}

/// Appends ` name='value'`.
pub(crate) fn attribute(out: &mut String, name: &str, text: &str) {
    out.push(' ');
    out.push_str(name);
    value(out, text);
}

fn value(out: &mut String, text: &str) {
    out.push_str("='");
    escape_value(out, text);
    out.push('\'');
}

/// Text: a carriage return would be read back as a line feed (XML 1.0 section 2.11).
fn escape_text(out: &mut String, text: &str) {
    escape(out, text, |byte| match byte {
        b'\r' => Some("&#xD;"),
        other => predefined(other),
    });
}

/// A value: white space other than the space would be normalised (XML 1.0 section 3.3.3).
fn escape_value(out: &mut String, text: &str) {
    escape(out, text, |byte| match byte {
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        other => predefined(other),
    });
}

/// The entity that a character maps to: all five are escaped everywhere, though XML would let some stand (RFC 3920 section 11.1).
const fn predefined(byte: u8) -> Option<&'static str> {
    match byte {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\'' => Some("&apos;"),
        b'"' => Some("&quot;"),
        _ => None,
    }
}

fn escape(out: &mut String, text: &str, reference: impl Fn(u8) -> Option<&'static str>) {
    out.reserve(text.len());
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if let Some(reference) = reference(byte) {
            out.push_str(text.get(plain..at).unwrap_or_default());
            out.push_str(reference);
            plain = at + 1;
        }
    }
    out.push_str(text.get(plain..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn on_stream(element: &Element) -> String {
        let mut out = String::new();
        Writer::stream(ns::CLIENT).element(&mut out, element.as_ref());
        out
    }

    #[test]
    fn declares_only_what_the_stream_did_not() {
        let features = Element::builder(ns::STREAMS, "features")
            .child(
                Element::builder(ns::BIND, "bind")
                    .child(Element::builder(ns::BIND, "required").build())
                    .build(),
            )
            .child(Element::builder(ns::CLIENT, "iq").build())
            .build();
        assert_eq!(
            on_stream(&features),
            "<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><required/></bind><iq/></stream:features>"
        );
        assert!(features.to_string().starts_with("<features xmlns='http://etherx.jabber.org/streams'>"));
    }

    #[test]
    fn r3920_11_2_3_03_dialback_has_a_prefix_on_streams_between_servers() {
        let error = Element::builder(ns::SERVER, "error").build();
        let result = Element::builder(ns::DIALBACK, "result").child(error).build();
        let mut out = String::new();
        Writer::stream(ns::SERVER).element(&mut out, result.as_ref());
        assert_eq!(out, "<db:result><error/></db:result>");
        assert!(on_stream(&result).starts_with("<result xmlns='jabber:server:dialback'>"));
    }

    #[test]
    fn a_child_without_namespace_undeclares() {
        let iq = Element::builder(ns::CLIENT, "iq").child(Element::builder("", "q").build()).build();
        assert_eq!(on_stream(&iq), "<iq><q xmlns=''/></iq>");
    }

    #[test]
    fn attributes_in_namespaces_get_prefixes() {
        let element = Element::builder("", "a")
            .attr_ns("urn:1", "k", "1")
            .attr_ns("urn:2", "k", "2")
            .attr_ns("urn:1", "l", "3")
            .lang("de")
            .build();
        assert_eq!(
            element.to_string(),
            "<a xmlns:ns0='urn:1' ns0:k='1' xmlns:ns1='urn:2' ns1:k='2' ns0:l='3' xml:lang='de'/>"
        );
    }

    #[test]
    fn escapes_what_would_be_read_as_markup_or_normalised() {
        let element = Element::builder("", "a").attr("k", "<'\"&>\t\r\n").text("]]>&<\"'\r\n\t").build();
        assert_eq!(
            element.to_string(),
            "<a k='&lt;&apos;&quot;&amp;&gt;&#x9;&#xD;&#xA;'>]]&gt;&amp;&lt;&quot;&apos;&#xD;\n\t</a>"
        );
    }
}
