//! Which prefix means which namespace at each place of a stream (Namespaces in XML 1.0).

use alloc::string::String;
use alloc::vec::Vec;

use super::XmlError;
use crate::xml::build::Assembler;
use crate::xml::chars;
use crate::xml::element::Span;
use crate::xml::ns;

/// A namespace in scope. Equal namespaces that are in scope together are one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Uri(u32);

impl Uri {
    /// No namespace.
    pub(super) const NONE: Uri = Uri(0);
    const XML: Uri = Uri(1);
    /// Those that were declared follow.
    const DECLARED: u32 = 2;
}

#[derive(Debug)]
struct Name {
    text: String,
    /// Where the element being built holds it, so that it holds it once.
    span: Option<Span>,
}

#[derive(Debug)]
struct Binding {
    prefix: String,
    uri: Uri,
}

/// What held before an element was entered.
#[derive(Debug)]
struct Level {
    default: Uri,
    element: Uri,
    names: u32,
    bindings: u32,
}

/// The declarations in force, innermost last.
#[derive(Debug, Default)]
pub(super) struct Scope {
    names: Vec<Name>,
    bindings: Vec<Binding>,
    levels: Vec<Level>,
    default: Uri,
    default_declared: bool,
    /// The namespace of the innermost element.
    element: Uri,
    /// Where the element being built holds the namespace of `xml:`.
    xml: Option<Span>,
}

impl Scope {
    /// Enters a start tag: declarations from now on are its own.
    pub(super) fn enter(&mut self) {
        self.default_declared = false;
        self.levels.push(Level {
            default: self.default,
            element: self.element,
            names: self.names.len() as u32,
            bindings: self.bindings.len() as u32,
        });
    }

    /// Leaves the element entered last.
    pub(super) fn leave(&mut self) {
        if let Some(level) = self.levels.pop() {
            self.default = level.default;
            self.element = level.element;
            self.names.truncate(level.names as usize);
            self.bindings.truncate(level.bindings as usize);
        }
    }

    /// Takes a declaration in the start tag entered last; `prefix` is `None` for the default namespace.
    pub(super) fn declare(&mut self, prefix: Option<&str>, uri: String, most: usize) -> Result<(), XmlError> {
        // Section 3: `xmlns` is never declared and never meant; `xml` may be, but only as what it is.
        if uri == ns::XMLNS || prefix == Some("xmlns") || (prefix == Some("xml")) != (uri == ns::XML) {
            return Err(XmlError::Declaration);
        }
        if !chars::is_namespace(&uri) {
            return Err(XmlError::Declaration);
        }
        let Some(prefix) = prefix else {
            if core::mem::replace(&mut self.default_declared, true) {
                return Err(XmlError::DuplicateAttribute);
            }
            self.default = self.intern(uri);
            return Ok(());
        };
        // Section 5: a prefix cannot be undeclared.
        if uri.is_empty() {
            return Err(XmlError::Declaration);
        }
        let own = self.levels.last().map_or(0, |level| level.bindings as usize);
        if self.bindings.get(own..).unwrap_or_default().iter().any(|binding| binding.prefix == prefix) {
            return Err(XmlError::DuplicateAttribute);
        }
        // A lookup passes all prefixes in scope, so their number is bounded like that of attributes.
        if self.bindings.len() >= most {
            return Err(XmlError::TooManyAttributes);
        }
        if prefix != "xml" {
            let uri = self.intern(uri);
            self.bindings.push(Binding { prefix: prefix.into(), uri });
        }
        Ok(())
    }

    fn intern(&mut self, text: String) -> Uri {
        if text.is_empty() {
            return Uri::NONE;
        }
        let known = self.names.iter().position(|name| name.text == text);
        let index = known.unwrap_or(self.names.len()) as u32;
        if known.is_none() {
            self.names.push(Name { text, span: None });
        }
        Uri(Uri::DECLARED + index)
    }

    /// What the prefix of an element means; that element is then the innermost.
    pub(super) fn element(&mut self, prefix: Option<&str>) -> Result<Uri, XmlError> {
        self.element = match prefix {
            None => self.default,
            Some(prefix) => self.prefixed(prefix)?,
        };
        Ok(self.element)
    }

    /// What the prefix of an attribute means: without one it has no namespace, whatever the default is.
    pub(super) fn attribute(&self, prefix: Option<&str>) -> Result<Uri, XmlError> {
        prefix.map_or(Ok(Uri::NONE), |prefix| self.prefixed(prefix))
    }

    fn prefixed(&self, prefix: &str) -> Result<Uri, XmlError> {
        if prefix == "xml" {
            return Ok(Uri::XML);
        }
        let binding = self.bindings.iter().rev().find(|binding| binding.prefix == prefix);
        binding.map(|binding| binding.uri).ok_or(XmlError::UndeclaredPrefix)
    }

    /// The namespace of the element around the innermost.
    pub(super) fn parent(&self) -> Uri {
        self.levels.last().map_or(Uri::NONE, |level| level.element)
    }

    /// The default namespace in force.
    pub(super) fn default_ns(&self) -> Uri {
        self.default
    }

    /// The default namespace that the root declared.
    pub(super) fn content(&self) -> Uri {
        self.levels.get(1).map_or(self.default, |level| level.default)
    }

    /// Whether the prefix means what the header of the stream declared, for another namespace than that of streams.
    pub(super) fn is_of_header(&self, prefix: &str) -> bool {
        let declared = self.levels.get(1).map_or(0, |level| level.bindings as usize);
        let place = self.bindings.iter().rposition(|binding| binding.prefix == prefix);
        let binding = place.filter(|place| *place < declared).and_then(|place| self.bindings.get(place));
        binding.is_some_and(|binding| self.text(binding.uri) != ns::STREAMS)
    }

    /// Whether the innermost element is a stanza or stands in one.
    pub(super) fn in_stanza(&self) -> bool {
        let stanza = self.levels.get(2).map_or(self.element, |level| level.element);
        ns::is_content(self.text(stanza))
    }

    /// The prefixes in scope with what they mean, outermost first.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.bindings.iter().map(|binding| (binding.prefix.as_str(), self.text(binding.uri)))
    }

    fn name(&self, uri: Uri) -> Option<&Name> {
        self.names.get(uri.0.checked_sub(Uri::DECLARED)? as usize)
    }

    /// The name of the namespace.
    pub(super) fn text(&self, uri: Uri) -> &str {
        match uri {
            Uri::XML => ns::XML,
            uri => self.name(uri).map_or("", |name| &name.text),
        }
    }

    /// Where `tree` holds the namespace's name, put there when it is first needed.
    pub(super) fn span(&mut self, uri: Uri, tree: &mut Assembler) -> Span {
        if uri == Uri::XML {
            return *self.xml.get_or_insert_with(|| tree.push(ns::XML));
        }
        let index = uri.0.checked_sub(Uri::DECLARED).map(|index| index as usize);
        match index.and_then(|index| self.names.get_mut(index)) {
            Some(name) => *name.span.get_or_insert_with(|| tree.push(&name.text)),
            None => Span::default(),
        }
    }

    /// Forgets the spans: the tree they point into is finished.
    pub(super) fn finish_tree(&mut self) {
        self.xml = None;
        for name in &mut self.names {
            name.span = None;
        }
    }

    /// Gives back memory that only a deep or richly declared element needed.
    pub(super) fn release(&mut self) {
        self.names.shrink_to_fit();
        self.bindings.shrink_to_fit();
        self.levels.shrink_to_fit();
    }
}
