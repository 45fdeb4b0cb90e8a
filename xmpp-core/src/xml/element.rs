//! An XML element with everything below it: immutable, compact, shared by reference count.
//!
//! One element is one block: all its nodes in document order and all its text in one string. A clone, and taking a child out
//! with [`ElementRef::to_element`], only count a reference, so that a stanza that goes to a thousand resources has one body.
//! Nothing here recurses: deep input costs memory that the [reader](crate::xml::Reader) bounds, never stack.
//!
//! ```
//! use xmpp_core::xml::{Element, ns};
//!
//! let query = Element::builder(ns::ROSTER, "query").attr("ver", "7").build();
//! assert_eq!(query.attr("ver"), Some("7"));
//! assert_eq!(query.to_string(), "<query xmlns='jabber:iq:roster' ver='7'/>");
//! ```

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use super::writer::Writer;

/// A run of bytes in the text of a block.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

/// A node; nodes stand in document order, so that a subtree is a run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Node {
    /// `end` is the index behind the last node of the subtree; `attrs` of the block's attributes, from and count, are its own.
    Element {
        ns: Span,
        name: Span,
        attrs: (u32, u32),
        end: u32,
    },
    Text(Span),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct AttrSpans {
    pub(super) ns: Span,
    pub(super) name: Span,
    pub(super) value: Span,
}

/// The storage of a whole element.
#[derive(Debug)]
pub(super) struct Block {
    pub(super) text: Box<str>,
    pub(super) nodes: Box<[Node]>,
    pub(super) attrs: Box<[AttrSpans]>,
}

impl Block {
    fn str(&self, span: Span) -> &str {
        let start = span.start as usize;
        self.text.get(start..start + span.len as usize).unwrap_or_default()
    }
}

/// An XML element: name, attributes, and the elements and text below it.
///
/// Made by the [reader](crate::xml::Reader) or by [`Element::builder`]. Two elements are equal when they mean the same: the order
/// of attributes and the prefixes they were written with do not matter.
#[derive(Clone)]
pub struct Element {
    pub(super) block: Arc<Block>,
    pub(super) root: u32,
}

impl Element {
    /// Starts an element of that namespace (`""` for none) and local name.
    pub fn builder(ns: &str, name: &str) -> super::Builder {
        super::Builder::new(ns, name)
    }

    /// The same element as a reference that can be copied.
    #[must_use]
    pub fn as_ref(&self) -> ElementRef<'_> {
        ElementRef { element: self, index: self.root }
    }

    /// The local name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.as_ref().name()
    }

    /// The namespace; `""` for none.
    #[must_use]
    pub fn ns(&self) -> &str {
        self.as_ref().ns()
    }

    /// Whether it has this namespace and local name.
    #[must_use]
    pub fn is(&self, ns: &str, name: &str) -> bool {
        self.as_ref().is(ns, name)
    }

    /// The value of the attribute of that name and no namespace.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.as_ref().attr(name)
    }

    /// All attributes, in document order; namespace declarations are not among them.
    pub fn attrs(&self) -> impl Iterator<Item = Attr<'_>> + Clone {
        self.as_ref().attrs()
    }

    /// The value of `xml:lang` on this very element.
    #[must_use]
    pub fn lang(&self) -> Option<&str> {
        self.as_ref().lang()
    }

    /// The elements and runs of text directly below, in document order.
    #[must_use]
    pub fn nodes(&self) -> Nodes<'_> {
        self.as_ref().nodes()
    }

    /// The elements directly below, in document order.
    pub fn children(&self) -> impl Iterator<Item = ElementRef<'_>> + Clone {
        self.as_ref().children()
    }

    /// The first element directly below of that namespace and name.
    #[must_use]
    pub fn child(&self, ns: &str, name: &str) -> Option<ElementRef<'_>> {
        self.as_ref().child(ns, name)
    }

    /// The text directly below, joined.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.as_ref().text()
    }

    /// Bytes of memory that the element's block takes, shared or not.
    #[must_use]
    pub fn weight(&self) -> usize {
        size_of::<Block>()
            + self.block.text.len()
            + size_of_val(&*self.block.nodes)
            + size_of_val(&*self.block.attrs)
    }
}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

impl Eq for Element {}

impl fmt::Display for Element {
    /// Writes the element as a document of its own: every namespace declared.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_ref(), f)
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_ref(), f)
    }
}

/// An element inside an [`Element`]; cheap to copy.
#[derive(Clone, Copy)]
pub struct ElementRef<'a> {
    element: &'a Element,
    index: u32,
}

impl<'a> ElementRef<'a> {
    fn block(self) -> &'a Block {
        &self.element.block
    }

    /// Namespace, name, attributes and end: the builders make no other root or child than an element.
    fn spans(self) -> (Span, Span, (u32, u32), u32) {
        match self.block().nodes.get(self.index as usize) {
            Some(&Node::Element { ns, name, attrs, end }) => (ns, name, attrs, end),
            _ => Default::default(),
        }
    }

    /// The local name.
    #[must_use]
    pub fn name(self) -> &'a str {
        self.block().str(self.spans().1)
    }

    /// The namespace; `""` for none.
    #[must_use]
    pub fn ns(self) -> &'a str {
        self.block().str(self.spans().0)
    }

    /// Whether it has this namespace and local name.
    #[must_use]
    pub fn is(self, ns: &str, name: &str) -> bool {
        self.name() == name && self.ns() == ns
    }

    /// The value of the attribute of that name and no namespace.
    #[must_use]
    pub fn attr(self, name: &str) -> Option<&'a str> {
        self.attr_ns("", name)
    }

    /// The value of the attribute of that namespace and name.
    #[must_use]
    pub fn attr_ns(self, ns: &str, name: &str) -> Option<&'a str> {
        self.attrs().find(|attr| attr.name == name && attr.ns == ns).map(|attr| attr.value)
    }

    /// All attributes, in document order; namespace declarations are not among them.
    pub fn attrs(self) -> impl Iterator<Item = Attr<'a>> + Clone {
        let (from, count) = self.spans().2;
        let (from, block) = (from as usize, self.block());
        block.attrs.get(from..from + count as usize).unwrap_or_default().iter().map(move |attr| Attr {
            ns: block.str(attr.ns),
            name: block.str(attr.name),
            value: block.str(attr.value),
        })
    }

    /// The value of `xml:lang` on this very element.
    #[must_use]
    pub fn lang(self) -> Option<&'a str> {
        self.attr_ns(super::ns::XML, "lang")
    }

    /// The elements and runs of text directly below, in document order.
    #[must_use]
    pub fn nodes(self) -> Nodes<'a> {
        Nodes { element: self.element, next: self.index + 1, end: self.spans().3 }
    }

    /// The elements directly below, in document order.
    pub fn children(self) -> impl Iterator<Item = ElementRef<'a>> + Clone {
        self.nodes().filter_map(|node| match node {
            NodeRef::Element(child) => Some(child),
            NodeRef::Text(_) => None,
        })
    }

    /// The first element directly below of that namespace and name.
    #[must_use]
    pub fn child(self, ns: &str, name: &str) -> Option<ElementRef<'a>> {
        self.children().find(|child| child.is(ns, name))
    }

    /// The text directly below, joined.
    #[must_use]
    pub fn text(self) -> Cow<'a, str> {
        let mut runs = self.nodes().filter_map(|node| match node {
            NodeRef::Text(text) => Some(text),
            NodeRef::Element(_) => None,
        });
        let first = runs.next().unwrap_or_default();
        let mut text = Cow::Borrowed(first);
        for run in runs {
            text.to_mut().push_str(run);
        }
        text
    }

    /// The same element as a value of its own, sharing the storage.
    #[must_use]
    pub fn to_element(self) -> Element {
        Element { block: Arc::clone(&self.element.block), root: self.index }
    }

    /// The nodes of the whole subtree with their depth below this element, this element first at depth 0.
    pub(super) fn walk(self) -> impl Iterator<Item = Step<'a>> {
        Walk { element: self.element, next: self.index, end: self.spans().3, open: alloc::vec::Vec::new() }
    }
}

impl PartialEq for ElementRef<'_> {
    fn eq(&self, other: &Self) -> bool {
        let (mut left, mut right) = (self.walk(), other.walk());
        loop {
            match (left.next(), right.next()) {
                (None, None) => return true,
                (Some(Step::Text(a)), Some(Step::Text(b))) if a == b => {}
                (Some(Step::Close(_)), Some(Step::Close(_))) => {}
                (Some(Step::Open(a)), Some(Step::Open(b)))
                    if a.is(b.ns(), b.name())
                        && a.attrs().count() == b.attrs().count()
                        && a.attrs().all(|attr| b.attr_ns(attr.ns, attr.name) == Some(attr.value)) => {}
                _ => return false,
            }
        }
    }
}

impl Eq for ElementRef<'_> {}

impl fmt::Display for ElementRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = String::new();
        Writer::document().element(&mut out, *self);
        f.write_str(&out)
    }
}

impl fmt::Debug for ElementRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// An attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attr<'a> {
    /// The namespace; `""` for none.
    pub ns: &'a str,
    /// The local name.
    pub name: &'a str,
    /// The value, references resolved.
    pub value: &'a str,
}

/// What stands directly below an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeRef<'a> {
    /// An element.
    Element(ElementRef<'a>),
    /// A run of text, references resolved; two runs never stand side by side.
    Text(&'a str),
}

/// The nodes directly below an element, in document order.
#[derive(Clone, Debug)]
pub struct Nodes<'a> {
    element: &'a Element,
    next: u32,
    end: u32,
}

impl<'a> Iterator for Nodes<'a> {
    type Item = NodeRef<'a>;

    fn next(&mut self) -> Option<NodeRef<'a>> {
        if self.next >= self.end {
            return None;
        }
        let index = self.next;
        match *self.element.block.nodes.get(index as usize)? {
            Node::Text(span) => {
                self.next += 1;
                Some(NodeRef::Text(self.element.block.str(span)))
            }
            Node::Element { end, .. } => {
                self.next = end;
                Some(NodeRef::Element(ElementRef { element: self.element, index }))
            }
        }
    }
}

/// One step of a walk through a subtree.
pub(super) enum Step<'a> {
    Open(ElementRef<'a>),
    Text(&'a str),
    Close(ElementRef<'a>),
}

struct Walk<'a> {
    element: &'a Element,
    next: u32,
    end: u32,
    open: alloc::vec::Vec<(u32, u32)>,
}

impl<'a> Iterator for Walk<'a> {
    type Item = Step<'a>;

    fn next(&mut self) -> Option<Step<'a>> {
        if let Some(&(index, end)) = self.open.last()
            && self.next >= end
        {
            self.open.pop();
            return Some(Step::Close(ElementRef { element: self.element, index }));
        }
        if self.next >= self.end {
            return None;
        }
        let index = self.next;
        self.next += 1;
        match *self.element.block.nodes.get(index as usize)? {
            Node::Text(span) => Some(Step::Text(self.element.block.str(span))),
            Node::Element { end, .. } => {
                self.open.push((index, end));
                Some(Step::Open(ElementRef { element: self.element, index }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn message() -> Element {
        Element::builder("jabber:client", "message")
            .attr("to", "juliet@example.com")
            .lang("en")
            .child(Element::builder("jabber:client", "body").text("Art thou not ").text("Romeo?").build())
            .text(" ")
            .child(Element::builder("urn:x", "x").child(Element::builder("urn:x", "y").build()).build())
            .build()
    }

    #[test]
    fn reads_back_what_was_built() {
        let message = message();
        assert!(message.is("jabber:client", "message"));
        assert_eq!(message.attr("to"), Some("juliet@example.com"));
        assert_eq!(message.attr("lang"), None);
        assert_eq!(message.lang(), Some("en"));
        assert_eq!(message.child("jabber:client", "body").unwrap().text(), "Art thou not Romeo?");
        assert_eq!(message.text(), " ");
        assert_eq!(message.children().map(ElementRef::name).collect::<Vec<_>>(), ["body", "x"]);
        assert_eq!(message.nodes().count(), 3);
    }

    #[test]
    fn a_child_taken_out_shares_the_block() {
        let message = message();
        let x = message.child("urn:x", "x").unwrap().to_element();
        assert!(Arc::ptr_eq(&x.block, &message.block));
        assert_eq!(x.to_string(), "<x xmlns='urn:x'><y/></x>");
        assert_eq!(x.child("urn:x", "y").unwrap().nodes().count(), 0);
    }

    #[test]
    fn equality_is_of_meaning() {
        let build = |a: &str, b: &str| Element::builder("", "e").attr(a, "1").attr(b, "2").build();
        assert_eq!(build("a", "b"), Element::builder("", "e").attr("b", "2").attr("a", "1").build());
        assert_ne!(build("a", "b"), build("b", "a"));
        assert_eq!(message(), message());
        assert_ne!(message(), message().child("urn:x", "x").unwrap().to_element());
        let flat = Element::builder("", "e").child(Element::builder("", "a").build());
        let nested = Element::builder("", "a").child(Element::builder("", "b").build()).build();
        assert_ne!(
            flat.child(Element::builder("", "b").build()).build(),
            Element::builder("", "e").child(nested).build()
        );
    }

    #[test]
    fn deep_elements_cost_no_stack() {
        let mut deep = super::super::build::Assembler::new();
        for _ in 0..200_000 {
            deep.open("", "d");
        }
        let deep = deep.finish();
        assert_eq!(deep, deep.clone());
        assert_eq!(deep.to_string().len(), 199_999 * 7 + 4);
    }
}
