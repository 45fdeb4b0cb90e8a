//! What stands below a stanza's start tag, shared by its clones, and the attributes that the header does not own.

use alloc::borrow::Cow;
use alloc::string::String;

use super::{Condition, StanzaError};
use crate::xml::{Attr, Element, ElementRef, NodeRef, Writer, ns};

/// The content of a stanza: the root it was read with, of which the header's attributes no longer count; none if nothing
/// but those was there.
///
/// Attributes that RFC 6120 does not define are kept, in a namespace or not: section 8.4 lets a stanza have them, has
/// recipients ignore what they do not understand, and has servers pass stanzas on unmodified.
#[derive(Clone, Debug, Default)]
pub(super) struct Payload(Option<Element>);

impl Payload {
    /// `root` is in `jabber:client`.
    pub(super) fn new(root: Element) -> Self {
        let empty = root.nodes().next().is_none() && root.attrs().all(|attr| is_header(&attr));
        Payload((!empty).then_some(root))
    }

    pub(super) fn of(children: impl IntoIterator<Item = Element>) -> Self {
        Payload::new(root().children(children).build())
    }

    pub(super) fn children(&self) -> impl Iterator<Item = ElementRef<'_>> + Clone {
        self.0.iter().flat_map(Element::children)
    }

    pub(super) fn child(&self, ns: &str, name: &str) -> Option<ElementRef<'_>> {
        self.0.as_ref()?.child(ns, name)
    }

    fn attrs(&self) -> impl Iterator<Item = Attr<'_>> + Clone {
        self.0.iter().flat_map(Element::attrs).filter(|attr| !is_header(attr))
    }

    fn nodes(&self) -> impl Iterator<Item = NodeRef<'_>> {
        self.0.iter().flat_map(Element::nodes)
    }

    /// The same content with one element more, which replaces those that `old` is true of.
    pub(super) fn with(&self, child: Option<Element>, old: impl Fn(ElementRef<'_>) -> bool) -> Self {
        let mut builder = root();
        for attr in self.attrs() {
            builder = builder.attr_ns(attr.ns, attr.name, attr.value);
        }
        for node in self.nodes() {
            builder = match node {
                NodeRef::Element(element) if old(element) => builder,
                NodeRef::Element(element) => builder.child(element.to_element()),
                NodeRef::Text(text) => builder.text(text),
            };
        }
        Payload::new(builder.children(child).build())
    }

    /// The text of the stanza's own element of that name: the first one.
    pub(super) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.child(ns::CLIENT, name).map(ElementRef::text)
    }

    /// The text of that name for readers of the language `wanted`, where `inherited` is the stanza's own: the text in that
    /// language, in what remains when subtags are cut off its end (the lookup of RFC 4647 section 3.4), or the first one.
    pub(super) fn text_for(&self, name: &str, wanted: &str, inherited: Option<&str>) -> Option<Cow<'_, str>> {
        let texts = || self.children().filter(|child| child.is(ns::CLIENT, name));
        let mut range = wanted;
        loop {
            let found = texts()
                .find(|text| text.lang().or(inherited).is_some_and(|lang| lang.eq_ignore_ascii_case(range)));
            if let Some(text) = found {
                return Some(text.text());
            }
            match range.rsplit_once('-') {
                // A subtag of one letter introduces those behind it and goes with them.
                Some((shorter, _)) => {
                    range = shorter
                        .rsplit_once('-')
                        .filter(|(_, last)| last.len() == 1)
                        .map_or(shorter, |(shorter, _)| shorter);
                }
                None => return texts().next().map(ElementRef::text),
            }
        }
    }

    /// Sets the text of that name and language (none: the one it would inherit), in place of one in the same language: no two
    /// may share one (RFC 6121 sections 4.7.2.2, 5.2.3, 5.2.4).
    pub(super) fn with_text(
        &self,
        name: &str,
        lang: Option<&str>,
        inherited: Option<&str>,
        text: &str,
    ) -> Self {
        let language = |own: Option<&str>| own.or(inherited).map(str::to_ascii_lowercase);
        let mut builder = Element::builder(ns::CLIENT, name).text(text);
        if let Some(lang) = lang {
            builder = builder.lang(lang);
        }
        self.with(Some(builder.build()), |old| {
            old.is(ns::CLIENT, name) && language(old.lang()) == language(lang)
        })
    }

    /// What went wrong, for a stanza of type `error`.
    pub(super) fn error(&self) -> StanzaError {
        // RFC 6120 section 8.3.2 has what is not understood count as this condition; so does what is missing.
        self.child(ns::CLIENT, "error")
            .map_or_else(|| Condition::UndefinedCondition.into(), StanzaError::parse)
    }

    pub(super) fn weight(&self) -> usize {
        self.0.as_ref().map_or(0, Element::weight)
    }

    /// Ends the start tag of the stanza `name` and writes the rest.
    pub(super) fn write(&self, out: &mut String, name: &str, content_ns: &'static str) {
        let writer = Writer::stream(content_ns);
        writer.attributes(out, self.attrs());
        match &self.0 {
            Some(root) if root.nodes().next().is_some() => {
                out.push('>');
                writer.stanza_content(out, root);
                out.push_str("</");
                out.push_str(name);
                out.push('>');
            }
            _ => out.push_str("/>"),
        }
    }
}

impl PartialEq for Payload {
    fn eq(&self, other: &Self) -> bool {
        self.nodes().eq(other.nodes())
            && self.attrs().count() == other.attrs().count()
            && self.attrs().all(|attr| other.attrs().any(|own| own == attr))
    }
}

impl Eq for Payload {}

fn root() -> crate::xml::Builder {
    Element::builder(ns::CLIENT, "stanza")
}

/// Whether the header has the attribute's value.
fn is_header(attr: &Attr<'_>) -> bool {
    match attr.ns {
        "" => matches!(attr.name, "to" | "from" | "id" | "type"),
        ns::XML => attr.name == "lang",
        _ => false,
    }
}
