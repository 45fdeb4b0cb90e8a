//! Stanza errors: what went wrong and what the sender can do (RFC 3920 section 9.3, RFC 6120 section 8.3).

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;

use super::condition::{Condition, ErrorType};
use crate::jid::Jid;
use crate::xml::{Element, ElementRef, chars, ns};

/// The content of an error stanza.
///
/// ```
/// use xmpp_core::stanza::{Condition, ErrorType, StanzaError};
///
/// let error = StanzaError::new(Condition::Gone).with_address("xmpp:romeo@example.org").with_text("en", "I moved");
/// assert_eq!(error.type_(), ErrorType::Cancel);
/// assert_eq!(StanzaError::parse(error.to_element().as_ref()), error);
/// assert_eq!(error.to_string(), "gone (RFC 6120 section 8.3.3.5): I moved");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaError {
    type_: ErrorType,
    condition: Condition,
    /// Most errors are only a condition.
    detail: Option<Box<Detail>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Detail {
    by: Option<Jid>,
    address: Option<String>,
    text: Option<Text>,
    application: Option<Element>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Text {
    lang: Option<String>,
    text: String,
}

impl StanzaError {
    /// An error of that condition and the type that usually goes with it.
    #[must_use]
    pub const fn new(condition: Condition) -> Self {
        StanzaError { type_: condition.default_type(), condition, detail: None }
    }

    fn detail_mut(&mut self) -> &mut Detail {
        self.detail.get_or_insert_default()
    }

    /// The same error with another hint to the sender.
    #[must_use]
    pub fn with_type(mut self, type_: ErrorType) -> Self {
        self.type_ = type_;
        self
    }

    /// The same error with the JID of the entity that found it (RFC 6120 section 8.3.1 rule 5).
    #[must_use]
    pub fn with_by(mut self, by: impl Into<Jid>) -> Self {
        self.detail_mut().by = Some(by.into());
        self
    }

    /// The same error with the address to use instead, a URI or IRI (RFC 6120 sections 8.3.3.5 and 8.3.3.14). Only
    /// [`Condition::Gone`] and [`Condition::Redirect`] have one; others stay as they are, and so do these with what has no scheme.
    #[must_use]
    pub fn with_address(mut self, address: &str) -> Self {
        if let Some(address) = own_address(self.condition, address).filter(|address| is_iri(address)) {
            self.detail_mut().address = Some(address);
        }
        self
    }

    /// The same error with words for the people who look into it, in the language `lang` (a tag of BCP 47).
    #[must_use]
    pub fn with_text(mut self, lang: &str, text: &str) -> Self {
        self.detail_mut().text = Some(Text { lang: Some(lang.to_owned()), text: text.to_owned() });
        self
    }

    /// The same error with a condition of the application's own namespace (RFC 3920 section 9.3.4). An element without
    /// namespace or in one of XMPP's core is no such condition: with it, the error stays as it is.
    #[must_use]
    pub fn with_application(mut self, condition: Element) -> Self {
        if is_application(condition.ns()) {
            self.detail_mut().application = Some(condition);
        }
        self
    }

    /// What the sender can do.
    #[must_use]
    pub const fn type_(&self) -> ErrorType {
        self.type_
    }

    /// What went wrong.
    #[must_use]
    pub const fn condition(&self) -> Condition {
        self.condition
    }

    /// The entity that found the error, as the error says.
    #[must_use]
    pub fn by(&self) -> Option<&Jid> {
        self.detail.as_ref()?.by.as_ref()
    }

    /// The address to use instead, for `gone` and `redirect`: a URI or IRI, from RFC 3920 peers a bare address.
    ///
    /// Whoever follows one should ask the user and stop after a few (RFC 6120 section 8.3.3.14).
    #[must_use]
    pub fn address(&self) -> Option<&str> {
        self.detail.as_ref()?.address.as_deref()
    }

    /// Words for people; not to be interpreted by programs (RFC 6120 section 8.3.2).
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.detail.as_ref()?.text.as_ref().map(|text| text.text.as_str())
    }

    /// The language of the words, if they say.
    #[must_use]
    pub fn text_lang(&self) -> Option<&str> {
        self.detail.as_ref()?.text.as_ref()?.lang.as_deref()
    }

    /// The application's own condition. One that is not understood is to be ignored (RFC 6120 section 8.3.4).
    #[must_use]
    pub fn application(&self) -> Option<&Element> {
        self.detail.as_ref()?.application.as_ref()
    }

    /// Reads the `<error/>` of an error stanza.
    ///
    /// Every element means some error: a condition that is missing or unknown is `undefined-condition` (RFC 6120 section
    /// 8.3.2), a type that is missing or unknown is the condition's usual one, what else is not understood is left out.
    #[must_use]
    pub fn parse(element: ElementRef<'_>) -> Self {
        let defined = || element.children().filter(|child| child.ns() == ns::STANZA_ERRORS);
        let condition_element = defined().find(|child| child.name() != "text");
        let condition = condition_element
            .and_then(|child| Condition::from_name(child.name()))
            .unwrap_or(Condition::UndefinedCondition);
        let type_ = element.attr("type").and_then(ErrorType::from_name).unwrap_or(condition.default_type());

        let detail = Detail {
            by: element.attr("by").and_then(|by| Jid::new(by).ok()),
            address: condition_element.and_then(|child| own_address(condition, &child.text())),
            text: defined().find(|child| child.name() == "text").map(|text| Text {
                lang: text.lang().map(ToOwned::to_owned),
                text: text.text().into_owned(),
            }),
            application: element
                .children()
                .find(|child| is_application(child.ns()))
                .map(ElementRef::to_element),
        };
        let detail = (detail != Detail::default()).then(|| Box::new(detail));
        StanzaError { type_, condition, detail }
    }

    /// The `<error/>` of an error stanza.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let mut condition = Element::builder(ns::STANZA_ERRORS, self.condition.name());
        if let Some(address) = self.address() {
            condition = condition.text(address);
        }
        let text = self.text().map(|text| {
            let builder = Element::builder(ns::STANZA_ERRORS, "text");
            match self.text_lang() {
                Some(lang) => builder.lang(lang),
                None => builder,
            }
            .text(text)
            .build()
        });
        Element::builder(ns::CLIENT, "error")
            .maybe_attr("by", self.by().map(Jid::as_str))
            .attr("type", self.type_.name())
            .child(condition.build())
            .children(text)
            .children(self.application().cloned())
            .build()
    }
}

/// The address that the element of that condition holds; the white space around it in the RFCs' examples is no part of it.
fn own_address(condition: Condition, text: &str) -> Option<String> {
    let address = text.trim();
    (condition.has_address() && !address.is_empty()).then(|| address.to_owned())
}

/// Whether it begins as URIs and IRIs do (RFC 3986 section 3.1, RFC 3987 section 2.2), and has no white space in it.
fn is_iri(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
            && !rest.is_empty()
            && !rest.contains(char::is_whitespace)
    })
}

/// Whether conditions in that namespace are an application's (RFC 3920 section 9.3.2).
fn is_application(ns: &str) -> bool {
    !matches!(ns, "" | ns::STANZA_ERRORS | ns::STREAMS) && !ns::is_content(ns)
}

impl From<Condition> for StanzaError {
    fn from(condition: Condition) -> Self {
        StanzaError::new(condition)
    }
}

impl fmt::Display for StanzaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.condition.name(), self.condition.rfc_section())?;
        match self.text() {
            Some(text) => write!(f, ": {}", chars::to_line(text)),
            None => Ok(()),
        }
    }
}

impl core::error::Error for StanzaError {}
