//! How elements are put together: by hand with [`Builder`], or event by event with [`Assembler`].

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::{fmt, mem};

use super::chars;
use super::content::Counterpart;
use super::element::{AttrSpans, Block, Element, ElementRef, Node, Span, Step};
use super::ns;

/// Up to how many bytes a buffer is copied from and kept.
const KEPT: usize = 4096;

/// Builds the block of an element from events in document order.
///
/// It trusts its caller for names and characters: the reader has them from the parser, [`Builder`] checks.
#[derive(Debug, Default)]
pub(crate) struct Assembler {
    text: String,
    nodes: Vec<Node>,
    attrs: Vec<AttrSpans>,
    /// The open elements, outermost first.
    open: Vec<u32>,
    /// The namespaces in use, newest last: most elements share their neighbour's.
    namespaces: Vec<Span>,
    /// Whether the last thing in the innermost element is text, which more text continues.
    in_text: bool,
}

impl Assembler {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Makes room for an ordinary element whose text is that long.
    pub(super) fn reserve(&mut self, text: usize) {
        self.text.reserve(text);
        self.nodes.reserve(8);
        self.attrs.reserve(8);
        self.open.reserve(4);
    }

    /// Puts text into the block that no node refers to yet.
    pub(super) fn push(&mut self, text: &str) -> Span {
        // Blocks stay far below 4 GiB: the reader bounds stanzas, and a builder that passes it holds a 4 GiB string.
        let start = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        self.text.push_str(text);
        Span { start, len: u32::try_from(text.len()).unwrap_or(0) }
    }

    fn namespace(&mut self, ns: &str) -> Span {
        if ns.is_empty() {
            return Span::default();
        }
        // Only the last few are searched, so that a thousand namespaces in a stanza do not cost a million comparisons.
        let known = self.namespaces.iter().rev().take(8).copied().find(|span| {
            let start = span.start as usize;
            self.text.get(start..start + span.len as usize) == Some(ns)
        });
        known.unwrap_or_else(|| {
            let span = self.push(ns);
            self.namespaces.push(span);
            span
        })
    }

    /// Opens an element below the innermost open one.
    pub(crate) fn open(&mut self, ns: &str, name: &str) {
        let ns = self.namespace(ns);
        self.open_in(ns, name);
    }

    /// Like [`open`](Self::open), in a namespace that was [pushed](Self::push) before.
    pub(super) fn open_in(&mut self, ns: Span, name: &str) {
        let name = self.push(name);
        self.in_text = false;
        self.open.push(self.nodes.len() as u32);
        self.nodes.push(Node::Element { ns, name, attrs: (self.attrs.len() as u32, 0), end: 0 });
    }

    /// Gives the innermost element an attribute in a namespace that was [pushed](Self::push) before; only before it gets a
    /// child.
    pub(super) fn attr_in(&mut self, ns: Span, name: &str, value: &str) {
        let attr = AttrSpans { ns, name: self.push(name), value: self.push(value) };
        self.attrs.push(attr);
        if let Some(Node::Element { attrs, .. }) = self.nodes.last_mut() {
            attrs.1 += 1;
        }
    }

    /// Appends text to the innermost element, joining it with text just before.
    pub(crate) fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        let span = self.push(text);
        if let Some(Node::Text(last)) = self.nodes.last_mut()
            && self.in_text
        {
            last.len += span.len;
        } else {
            self.nodes.push(Node::Text(span));
        }
        self.in_text = true;
    }

    /// How many elements are open.
    pub(super) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Closes the innermost element; whether it was the outermost.
    pub(crate) fn close(&mut self) -> bool {
        self.in_text = false;
        let end = self.nodes.len() as u32;
        if let Some(Node::Element { end: at, .. }) =
            self.open.pop().and_then(|index| self.nodes.get_mut(index as usize))
        {
            *at = end;
        }
        self.open.is_empty()
    }

    /// Appends a whole element, its namespaces as `content` has them.
    pub(super) fn append(&mut self, element: ElementRef<'_>, mut content: Counterpart) {
        // A namespace that the element's block holds once is held once here: a peer may have sent a thousand elements that
        // take turns with long namespaces. Their addresses tell them apart.
        let mut known = BTreeMap::new();
        let mut span = |tree: &mut Self, ns: &str| match ns {
            "" => Span::default(),
            ns => *known.entry(ns.as_ptr()).or_insert_with(|| tree.namespace(ns)),
        };
        for step in element.walk() {
            match step {
                Step::Open(element) => {
                    let ns = span(self, content.open(element.ns()));
                    self.open_in(ns, element.name());
                    for attr in element.attrs() {
                        let ns = span(self, attr.ns);
                        self.attr_in(ns, attr.name, attr.value);
                    }
                }
                Step::Text(text) => self.text(text),
                Step::Close(_) => {
                    content.close();
                    self.close();
                }
            }
        }
    }

    /// Closes what is open and hands out the element.
    pub(crate) fn finish(mut self) -> Element {
        self.take()
    }

    /// Like [`finish`](Self::finish), keeping small buffers for the next element.
    pub(crate) fn take(&mut self) -> Element {
        while !self.open.is_empty() {
            self.close();
        }
        let text = if self.text.len() > KEPT {
            mem::take(&mut self.text).into_boxed_str()
        } else {
            let text = self.text.as_str().into();
            self.text.clear();
            text
        };
        let block = Block { text, nodes: hand_out(&mut self.nodes), attrs: hand_out(&mut self.attrs) };
        self.namespaces.clear();
        self.in_text = false;
        Element { block: Arc::new(block), root: 0 }
    }

    /// Gives the buffers' memory back, when no element is open.
    pub(super) fn release(&mut self) {
        if self.open.is_empty() {
            *self = Self::new();
        }
    }
}

/// The items in a block of their own: small buffers stay for the next element, large ones are given away.
fn hand_out<T: Clone>(buffer: &mut Vec<T>) -> Box<[T]> {
    if size_of_val(buffer.as_slice()) > KEPT {
        return mem::take(buffer).into_boxed_slice();
    }
    let items = buffer.as_slice().into();
    buffer.clear();
    items
}

/// Why [`Builder::try_build`] refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A name of an element or attribute is not an `NCName`, is the reserved `xmlns`, or has more than 1,023 bytes.
    Name,
    /// A text or value holds a character that XML 1.0 cannot carry.
    Character,
    /// A namespace holds a character that neither a URI nor an IRI can hold, or is the one that only declarations may use.
    Namespace,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BuildError::Name => "a name is not an XML name without a prefix",
            BuildError::Character => "a text holds a character that XML cannot carry",
            BuildError::Namespace => "a namespace is no URI or IRI, or that of namespace declarations",
        })
    }
}

impl core::error::Error for BuildError {}

/// Builds an [`Element`]. What it makes can always be written as well-formed XML.
///
/// What XML cannot carry is mended: a character outside XML's set, or that a namespace cannot have, becomes U+FFFD, one that a name cannot
/// have becomes `_`.
/// [`try_build`](Self::try_build) refuses instead.
///
/// ```
/// use xmpp_core::xml::{BuildError, Element};
///
/// let beep = || Element::builder("urn:example", "sound").text("\u{7}");
/// assert_eq!(beep().build().text(), "\u{FFFD}");
/// assert_eq!(beep().try_build(), Err(BuildError::Character));
/// ```
#[derive(Debug)]
#[must_use]
pub struct Builder {
    tree: Assembler,
    /// Attributes wait here, since they may be given after children.
    attrs: Vec<(String, String, String)>,
    fault: Option<BuildError>,
}

impl Builder {
    pub(super) fn new(ns: &str, name: &str) -> Self {
        let mut builder = Builder { tree: Assembler::new(), attrs: Vec::new(), fault: None };
        let ns = builder.namespace(ns);
        let name = builder.name(name);
        builder.tree.open(&ns, &name);
        builder
    }

    fn note(&mut self, fault: bool, kind: BuildError) {
        if fault {
            self.fault.get_or_insert(kind);
        }
    }

    fn name(&mut self, name: &str) -> String {
        self.note(!chars::is_ncname(name), BuildError::Name);
        chars::to_ncname(name).into_owned()
    }

    fn value(&mut self, text: &str) -> String {
        let kept = chars::to_text(text);
        self.note(kept != text, BuildError::Character);
        kept.into_owned()
    }

    fn namespace(&mut self, ns: &str) -> String {
        self.note(ns == ns::XMLNS || !chars::is_namespace(ns), BuildError::Namespace);
        if ns == ns::XMLNS { String::new() } else { chars::to_namespace(ns).into_owned() }
    }

    /// Sets an attribute without namespace, replacing one of the same name.
    pub fn attr(self, name: &str, value: &str) -> Self {
        self.attr_ns("", name, value)
    }

    /// Sets an attribute without namespace if there is a value.
    pub fn maybe_attr(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.attr(name, value),
            None => self,
        }
    }

    /// Sets an attribute, replacing one of the same namespace and name.
    pub fn attr_ns(mut self, ns: &str, name: &str, value: &str) -> Self {
        let ns = self.namespace(ns);
        let mut name = self.name(name);
        if ns.is_empty() && name == "xmlns" {
            // Written, it would be a declaration of the default namespace.
            self.note(true, BuildError::Name);
            name.push('_');
        }
        let value = self.value(value);
        match self.attrs.iter_mut().find(|(known_ns, known, _)| *known == name && *known_ns == ns) {
            Some(attr) => attr.2 = value,
            None => self.attrs.push((ns, name, value)),
        }
        self
    }

    /// Sets `xml:lang`.
    pub fn lang(self, lang: &str) -> Self {
        self.attr_ns(ns::XML, "lang", lang)
    }

    /// Appends text.
    pub fn text(mut self, text: &str) -> Self {
        let text = self.value(text);
        self.tree.text(&text);
        self
    }

    /// Appends an element.
    pub fn child(mut self, child: Element) -> Self {
        self.tree.append(child.as_ref(), Counterpart::none());
        self
    }

    /// Appends elements.
    pub fn children(self, children: impl IntoIterator<Item = Element>) -> Self {
        children.into_iter().fold(self, Builder::child)
    }

    /// The element, mended where XML cannot carry what was given.
    #[must_use]
    pub fn build(mut self) -> Element {
        let from = self.tree.attrs.len() as u32;
        for (ns, name, value) in &self.attrs {
            let attr = AttrSpans {
                ns: self.tree.namespace(ns),
                name: self.tree.push(name),
                value: self.tree.push(value),
            };
            self.tree.attrs.push(attr);
        }
        if let Some(Node::Element { attrs, .. }) = self.tree.nodes.first_mut() {
            *attrs = (from, self.attrs.len() as u32);
        }
        self.tree.finish()
    }

    /// The element as given.
    ///
    /// # Errors
    /// [`BuildError`] says what XML cannot carry.
    pub fn try_build(self) -> Result<Element, BuildError> {
        match self.fault {
            Some(fault) => Err(fault),
            None => Ok(self.build()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn attributes_may_come_late_and_twice() {
        let child = Element::builder("", "b").attr("k", "v").build();
        let built = Element::builder("", "a").child(child).attr("k", "1").attr("k", "2").build();
        assert_eq!(built.to_string(), "<a k='2'><b k='v'/></a>");
    }

    #[test]
    fn a_namespace_is_held_once_however_elements_take_turns() {
        let long = |n: usize| alloc::format!("urn:{n}:{}", "x".repeat(1000));
        let child = |n: usize| Element::builder(&long(n % 10), "a").build();
        let mut tree = Assembler::new();
        tree.open("", "r");
        let spans: Vec<Span> = (0..10).map(|n| tree.push(&long(n))).collect();
        for n in 0..1000 {
            tree.open_in(*spans.get(n % 10).unwrap(), "a");
            tree.close();
        }
        let parsed = tree.finish();
        assert_eq!(parsed, Element::builder("", "r").children((0..1000).map(child)).build());
        let appended = Element::builder("", "outer").child(parsed.clone()).build();
        assert_eq!(appended.children().next(), Some(parsed.as_ref()));
        assert!(appended.weight() < parsed.weight() + 100, "{} {}", appended.weight(), parsed.weight());
    }

    #[test]
    fn large_buffers_are_not_kept() {
        let mut tree = Assembler::new();
        for (count, kept) in [(10, true), (10_000, false), (10, true)] {
            tree.open("", "r");
            for _ in 0..count {
                tree.open("", "a");
                tree.attr_in(Span::default(), "k", "v");
                tree.close();
            }
            assert_eq!(tree.take().children().count(), count);
            for capacity in [tree.text.capacity(), tree.nodes.capacity(), tree.attrs.capacity()] {
                assert_eq!(capacity > 0, kept);
            }
        }
    }

    #[test]
    fn nothing_ill_formed_can_be_built() {
        for (builder, fault, written) in [
            (Element::builder("", "a b"), BuildError::Name, "<a_b/>"),
            (Element::builder("", "a").attr("x:y", "1"), BuildError::Name, "<a x_y='1'/>"),
            (Element::builder("", "a").attr("xmlns", "urn:evil"), BuildError::Name, "<a xmlns_='urn:evil'/>"),
            (Element::builder("", "a").attr("k", "\u{0}"), BuildError::Character, "<a k='\u{FFFD}'/>"),
            (Element::builder("\u{1}", "a"), BuildError::Namespace, "<a xmlns='\u{FFFD}'/>"),
            (Element::builder(ns::XMLNS, "a"), BuildError::Namespace, "<a/>"),
            (Element::builder("", "a").attr_ns(ns::XMLNS, "p", "u"), BuildError::Namespace, "<a p='u'/>"),
        ] {
            assert_eq!(builder.fault, Some(fault), "{written}");
            assert_eq!(builder.build().to_string(), written);
        }
    }
}
