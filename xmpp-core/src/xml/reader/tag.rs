//! Start tags: the one being read, and the header of a stream.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use rxml::NcName;

use super::XmlError;
use super::scope::{Scope, Uri};
use crate::xml::build::Assembler;
use crate::xml::chars;
use crate::xml::element::Element;

/// Up to how many attributes are compared each with each.
const FEW: usize = 16;

/// A start tag as far as it has been read. What its names mean is known when it is complete.
#[derive(Debug, Default)]
pub(super) struct Tag {
    prefix: Option<NcName>,
    name: Option<NcName>,
    attributes: Vec<Attribute>,
    /// Attributes and declarations.
    count: usize,
}

#[derive(Debug)]
struct Attribute {
    ns: Uri,
    prefix: Option<NcName>,
    name: NcName,
    value: String,
}

impl Tag {
    pub(super) fn open(&mut self, prefix: Option<NcName>, name: NcName) -> Result<(), XmlError> {
        check(&name)?;
        self.prefix = prefix;
        self.name = Some(name);
        self.count = 0;
        Ok(())
    }

    pub(super) fn prefix(&self) -> Option<&str> {
        self.prefix.as_ref().map(|prefix| prefix.as_str())
    }

    /// The prefixes that are used, on the tag itself and on its attributes.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &str> {
        let attributes = self.attributes.iter().filter_map(|attribute| attribute.prefix.as_ref());
        self.prefix.iter().chain(attributes).map(|prefix| prefix.as_str())
    }

    pub(super) fn name(&self) -> &str {
        self.name.as_ref().map_or("", |name| name.as_str())
    }

    /// Takes an attribute or a declaration.
    pub(super) fn attribute(
        &mut self,
        scope: &mut Scope,
        (prefix, name): (Option<NcName>, NcName),
        value: String,
        most: usize,
    ) -> Result<(), XmlError> {
        self.count += 1;
        if self.count > most {
            return Err(XmlError::TooManyAttributes);
        }
        match prefix.as_ref().map(|prefix| prefix.as_str()) {
            None if name.as_str() == "xmlns" => scope.declare(None, value, most),
            Some("xmlns") => scope.declare(Some(name.as_str()), value, most),
            _ => {
                check(&name)?;
                self.attributes.push(Attribute { ns: Uri::NONE, prefix, name, value });
                Ok(())
            }
        }
    }

    /// Resolves the names of the attributes, and returns how long those of their namespaces are.
    pub(super) fn resolve(&mut self, scope: &Scope) -> Result<usize, XmlError> {
        let mut spelled = 0;
        for attribute in &mut self.attributes {
            attribute.ns = scope.attribute(attribute.prefix.as_ref().map(|prefix| prefix.as_str()))?;
            spelled += scope.text(attribute.ns).len();
        }
        if self.has_duplicates() { Err(XmlError::DuplicateAttribute) } else { Ok(spelled) }
    }

    fn has_duplicates(&self) -> bool {
        let mut names = self.attributes.iter().map(|attribute| (attribute.ns, attribute.name.as_str()));
        if self.attributes.len() > FEW {
            let mut seen = BTreeSet::new();
            return !names.all(|name| seen.insert(name));
        }
        while let Some(name) = names.next() {
            if names.clone().any(|other| other == name) {
                return true;
            }
        }
        false
    }

    /// Moves the tag, resolved, into `tree`.
    pub(super) fn build(&mut self, ns: Uri, scope: &mut Scope, tree: &mut Assembler) {
        let ns = scope.span(ns, tree);
        tree.open_in(ns, self.name());
        for attribute in self.attributes.drain(..) {
            let ns = scope.span(attribute.ns, tree);
            tree.attr_in(ns, attribute.name.as_str(), &attribute.value);
        }
    }

    /// Gives back memory that only a rich tag needed.
    pub(super) fn release(&mut self) {
        *self = Tag::default();
    }
}

/// Whether the name can be handed on: the parser follows the fifth edition of XML 1.0 alone. Prefixes are never handed on.
fn check(name: &NcName) -> Result<(), XmlError> {
    match name.as_str() {
        name if name.len() > chars::MOST_NAME => Err(XmlError::TooLarge),
        name if name.is_ascii() || chars::is_ncname(name) => Ok(()),
        _ => Err(XmlError::NotWellFormed),
    }
}

/// The start tag of a stream (RFC 3920 section 4.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamTag {
    element: Element,
    prefix: Box<str>,
    default_ns: Box<str>,
    prefixes: Box<[(Box<str>, Box<str>)]>,
}

impl StreamTag {
    pub(super) fn new(element: Element, prefix: Option<&str>, scope: &Scope) -> Self {
        StreamTag {
            element,
            prefix: prefix.unwrap_or_default().into(),
            default_ns: scope.text(scope.default_ns()).into(),
            prefixes: scope.prefixes().map(|(prefix, ns)| (prefix.into(), ns.into())).collect(),
        }
    }

    /// The tag as an element without content: its namespace, name and attributes.
    #[must_use]
    pub fn element(&self) -> &Element {
        &self.element
    }

    /// The prefix of the tag's own name; `""` for none (RFC 6120 section 4.8.5).
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The namespace that it declares as default, which is that of the stream's content unless it is that of the tag itself;
    /// `""` for none (RFC 6120 section 4.8.2).
    #[must_use]
    pub fn default_ns(&self) -> &str {
        &self.default_ns
    }

    /// The prefixes that it declares, with their namespaces.
    pub fn prefixes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.prefixes.iter().map(|(prefix, ns)| (&**prefix, &**ns))
    }
}
