//! Stream features: what the receiving entity offers next (RFC 3920 section 4.6, RFC 6120 section 4.3).
//!
//! ```
//! use xmpp_core::stream::{Features, Requirement};
//!
//! let features = Features::new().with_starttls(Requirement::Mandatory);
//! let parsed = Features::parse(features.to_element().as_ref());
//! assert_eq!(parsed.starttls(), Some(Requirement::Mandatory));
//! assert!(parsed.mechanisms().is_empty());
//! ```

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::xml::{Element, ElementRef, ns};

/// Whether a feature has to be negotiated before stanzas flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// It must be negotiated now.
    Mandatory,
    /// It may be.
    Voluntary,
}

/// The content of `<stream:features/>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    starttls: Option<Requirement>,
    mechanisms: Vec<String>,
    binding_types: Option<Vec<String>>,
    bind: bool,
    others: Vec<Element>,
}

impl Features {
    /// No features: negotiation is over.
    #[must_use]
    pub const fn new() -> Self {
        Features {
            starttls: None,
            mechanisms: Vec::new(),
            binding_types: None,
            bind: false,
            others: Vec::new(),
        }
    }

    /// Offers STARTTLS.
    #[must_use]
    pub const fn with_starttls(mut self, requirement: Requirement) -> Self {
        self.starttls = Some(requirement);
        self
    }

    /// Offers SASL with these mechanisms, the preferred one first (RFC 6120 section 6.4.1).
    #[must_use]
    pub fn with_mechanisms<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.mechanisms.extend(names.into_iter().map(ToString::to_string));
        self
    }

    /// Tells which channel binding types there are for those mechanisms that bind (XEP-0440).
    #[must_use]
    pub fn with_binding_types<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.binding_types.get_or_insert_default().extend(names.into_iter().map(ToString::to_string));
        self
    }

    /// Offers resource binding.
    #[must_use]
    pub const fn with_bind(mut self) -> Self {
        self.bind = true;
        self
    }

    /// Offers a feature of an extension's own.
    #[must_use]
    pub fn with(mut self, feature: Element) -> Self {
        self.others.push(feature);
        self
    }

    /// Whether STARTTLS is offered, and how. Alone, or marked `<required/>`, it is mandatory (RFC 6120 section 5.3.1).
    #[must_use]
    pub fn starttls(&self) -> Option<Requirement> {
        let alone = self.mechanisms.is_empty() && !self.bind && self.others.is_empty();
        self.starttls.map(|requirement| if alone { Requirement::Mandatory } else { requirement })
    }

    /// The names of the SASL mechanisms offered, in the offered order.
    #[must_use]
    pub fn mechanisms(&self) -> &[String] {
        &self.mechanisms
    }

    /// The names of the channel binding types; `None` when nothing was said about them.
    #[must_use]
    pub fn binding_types(&self) -> Option<&[String]> {
        self.binding_types.as_deref()
    }

    /// Whether resource binding is offered.
    #[must_use]
    pub const fn bind(&self) -> bool {
        self.bind
    }

    /// The features of extensions.
    #[must_use]
    pub fn others(&self) -> &[Element] {
        &self.others
    }

    /// The feature of that namespace and name.
    #[must_use]
    pub fn other(&self, ns: &str, name: &str) -> Option<&Element> {
        self.others.iter().find(|feature| feature.is(ns, name))
    }

    /// The `<stream:features/>` element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let mut features = Element::builder(ns::STREAMS, "features");
        if let Some(requirement) = self.starttls {
            let mut starttls = Element::builder(ns::TLS, "starttls");
            if requirement == Requirement::Mandatory {
                starttls = starttls.child(Element::builder(ns::TLS, "required").build());
            }
            features = features.child(starttls.build());
        }
        if !self.mechanisms.is_empty() {
            let names = self.mechanisms.iter();
            let names = names.map(|name| Element::builder(ns::SASL, "mechanism").text(name).build());
            features = features.child(Element::builder(ns::SASL, "mechanisms").children(names).build());
        }
        if let Some(types) = &self.binding_types {
            let types = types.iter();
            let types =
                types.map(|name| Element::builder(ns::SASL_CB, "channel-binding").attr("type", name).build());
            features =
                features.child(Element::builder(ns::SASL_CB, "sasl-channel-binding").children(types).build());
        }
        if self.bind {
            features = features.child(Element::builder(ns::BIND, "bind").build());
        }
        features.children(self.others.iter().cloned()).build()
    }

    /// Reads a `<features/>` of the streams namespace. What is not understood is kept among
    /// [`others`](Self::others) (RFC 3920 section 4.6).
    #[must_use]
    pub fn parse(element: ElementRef<'_>) -> Self {
        let mut features = Features::new();
        for child in element.children() {
            match (child.ns(), child.name()) {
                (ns::TLS, "starttls") => {
                    let required = child.child(ns::TLS, "required").is_some();
                    features.starttls =
                        Some(if required { Requirement::Mandatory } else { Requirement::Voluntary });
                }
                (ns::SASL, "mechanisms") => {
                    let names = child.children().filter(|name| name.is(ns::SASL, "mechanism"));
                    features.mechanisms.extend(names.map(|name| name.text().trim().to_string()));
                }
                (ns::SASL_CB, "sasl-channel-binding") => {
                    let types = child.children().filter(|kind| kind.is(ns::SASL_CB, "channel-binding"));
                    features = features.with_binding_types(types.filter_map(|kind| kind.attr("type")));
                }
                (ns::BIND, "bind") => features.bind = true,
                _ => features.others.push(child.to_element()),
            }
        }
        features
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_survive_the_wire() {
        let features = Features::new()
            .with_starttls(Requirement::Voluntary)
            .with_mechanisms(["SCRAM-SHA-1", "PLAIN"])
            .with_binding_types(["tls-exporter", "tls-unique"])
            .with_bind()
            .with(Element::builder(ns::SESSION, "session").build());
        let parsed = Features::parse(features.to_element().as_ref());
        assert_eq!(parsed, features);
        assert_eq!(parsed.starttls(), Some(Requirement::Voluntary));
        // covers 3920-6.2-17: what belongs to extensions is kept for them
        assert!(parsed.other(ns::SESSION, "session").is_some());
        assert_eq!(parsed.binding_types().map(<[String]>::len), Some(2));
        assert_eq!(Features::parse(Features::new().to_element().as_ref()), Features::new());
    }

    #[test]
    fn r6120_5_3_1_01_starttls_alone_is_mandatory() {
        let alone = Features::new().with_starttls(Requirement::Voluntary);
        assert_eq!(alone.starttls(), Some(Requirement::Mandatory));
        let beside = alone.with_mechanisms(["SCRAM-SHA-1"]);
        assert_eq!(beside.starttls(), Some(Requirement::Voluntary));
    }
}
