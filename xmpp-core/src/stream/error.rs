//! Stream errors: what ends a stream, on the wire (RFC 3920 section 4.7, RFC 6120 section 4.9).
//!
//! ```
//! use xmpp_core::stream::{Condition, StreamError};
//!
//! let error = StreamError::new(Condition::HostUnknown).with_text("no such host here");
//! let parsed = StreamError::parse(error.to_element().as_ref());
//! assert_eq!(parsed.condition(), Condition::HostUnknown);
//! assert_eq!(parsed.text(), Some("no such host here"));
//! ```

use alloc::boxed::Box;
use alloc::string::ToString;
use core::fmt;

use super::OtherHost;
use crate::xml::{Element, ElementRef, chars, ns};

macro_rules! conditions {
    ($($variant:ident $name:literal $section:literal $doc:literal)*) => {
        /// Why a stream ends: the defined conditions of RFC 6120 section 4.9.3, and what only RFC 3920 section 4.7.3 has.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Condition {
            $(#[doc = $doc] $variant,)*
        }

        impl Condition {
            /// All of them, in alphabetical order of their names.
            pub const ALL: &[Condition] = &[$(Condition::$variant),*];

            /// The name of its element.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Condition::$variant => $name,)* }
            }

            /// The section that defines it.
            #[must_use]
            pub const fn rfc_section(self) -> &'static str {
                match self { $(Condition::$variant => $section,)* }
            }
        }
    };
}

conditions! {
    BadFormat "bad-format" "RFC 6120 4.9.3.1" "XML that cannot be processed, where nothing more specific fits."
    BadNamespacePrefix "bad-namespace-prefix" "RFC 6120 4.9.3.2" "A prefix that is not supported, or missing where one is needed."
    Conflict "conflict" "RFC 6120 4.9.3.3" "Another stream takes this one's place, or refuses to yield it."
    ConnectionTimeout "connection-timeout" "RFC 6120 4.9.3.4" "The peer did not answer in time."
    HostGone "host-gone" "RFC 6120 4.9.3.5" "The domain in `to` is no longer served."
    HostUnknown "host-unknown" "RFC 6120 4.9.3.6" "The domain in `to` is not served."
    ImproperAddressing "improper-addressing" "RFC 6120 4.9.3.7" "An address that has to be there is missing or malformed."
    InternalServerError "internal-server-error" "RFC 6120 4.9.3.8" "The server cannot go on, through no fault of the peer."
    InvalidFrom "invalid-from" "RFC 6120 4.9.3.9" "A `from` that is not the peer's to use."
    InvalidId "invalid-id" "RFC 3920 4.7.3" "A stream or dialback id that is invalid; RFC 6120 dropped it."
    InvalidNamespace "invalid-namespace" "RFC 6120 4.9.3.10" "The streams namespace or the content namespace is not the right one."
    InvalidXml "invalid-xml" "RFC 6120 4.9.3.11" "XML that a schema forbids."
    NotAuthorized "not-authorized" "RFC 6120 4.9.3.12" "Data or a step of negotiation before it was allowed."
    NotWellFormed "not-well-formed" "RFC 6120 4.9.3.13" "XML that is not well-formed; `xml-not-well-formed` in RFC 3920."
    PolicyViolation "policy-violation" "RFC 6120 4.9.3.14" "A limit or another local policy was passed."
    RemoteConnectionFailed "remote-connection-failed" "RFC 6120 4.9.3.15" "An entity needed for authentication cannot be reached."
    Reset "reset" "RFC 6120 4.9.3.16" "The stream has to be negotiated anew."
    ResourceConstraint "resource-constraint" "RFC 6120 4.9.3.17" "The server lacks the resources to serve the stream."
    RestrictedXml "restricted-xml" "RFC 6120 4.9.3.18" "XML that streams may not hold: comments, PIs, DTDs, entities."
    SeeOtherHost "see-other-host" "RFC 6120 4.9.3.19" "The peer shall connect to another host."
    SystemShutdown "system-shutdown" "RFC 6120 4.9.3.20" "The server is going down."
    UndefinedCondition "undefined-condition" "RFC 6120 4.9.3.21" "What no other condition says; also stands for unknown names."
    UnsupportedEncoding "unsupported-encoding" "RFC 6120 4.9.3.22" "An encoding other than UTF-8."
    UnsupportedFeature "unsupported-feature" "RFC 6120 4.9.3.23" "A feature that has to be negotiated is not supported."
    UnsupportedStanzaType "unsupported-stanza-type" "RFC 6120 4.9.3.24" "A first-level element that is not understood."
    UnsupportedVersion "unsupported-version" "RFC 6120 4.9.3.25" "A version of XMPP that is not supported."
}

impl Condition {
    /// The condition of that name; RFC 3920's `xml-not-well-formed` is understood too.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == "xml-not-well-formed" { "not-well-formed" } else { name };
        Condition::ALL.iter().copied().find(|condition| condition.name() == name)
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A stream error: a condition, perhaps with text for people and a condition of the application's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    condition: Condition,
    /// Rare, so one pointer when there is nothing.
    details: Option<Box<Details>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Details {
    /// What stands inside the condition element: the other host of `see-other-host`.
    value: Option<Box<str>>,
    text: Option<Box<str>>,
    application: Option<Element>,
}

impl StreamError {
    /// A bare condition.
    #[must_use]
    pub const fn new(condition: Condition) -> Self {
        StreamError { condition, details: None }
    }

    /// `see-other-host`: the peer shall connect there. Not to be sent before TLS protects the stream (RFC 6120 section 4.9.3.19).
    #[must_use]
    pub fn see_other_host(host: &OtherHost) -> Self {
        let mut error = StreamError::new(Condition::SeeOtherHost);
        error.details().value = Some(host.to_string().into());
        error
    }

    fn details(&mut self) -> &mut Details {
        self.details.get_or_insert_default()
    }

    /// Adds text that tells a person more. It is written with `xml:lang='en'`.
    #[must_use]
    pub fn with_text(mut self, text: &str) -> Self {
        self.details().text = Some(text.into());
        self
    }

    /// Adds an application-specific condition (RFC 3920 section 4.7.4).
    #[must_use]
    pub fn with_application(mut self, element: Element) -> Self {
        self.details().application = Some(element);
        self
    }

    /// The defined condition.
    #[must_use]
    pub const fn condition(&self) -> Condition {
        self.condition
    }

    /// The text for people; never to be parsed (RFC 6120 section 4.9.2).
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.details.as_ref()?.text.as_deref()
    }

    /// Where `see-other-host` leads. None for another condition, and if the error does not say so in the form that it has to have.
    #[must_use]
    pub fn other_host(&self) -> Option<OtherHost> {
        let leads = self.condition == Condition::SeeOtherHost;
        self.value().filter(|_| leads).and_then(OtherHost::new)
    }

    /// The text inside the condition element, as it was written: for `see-other-host`, the [host](Self::other_host).
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.details.as_ref()?.value.as_deref()
    }

    /// The application-specific condition.
    #[must_use]
    pub fn application(&self) -> Option<&Element> {
        self.details.as_ref()?.application.as_ref()
    }

    /// The `<stream:error/>` element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let mut condition = Element::builder(ns::STREAM_ERRORS, self.condition.name());
        if let Some(value) = self.value() {
            condition = condition.text(value);
        }
        let mut error = Element::builder(ns::STREAMS, "error").child(condition.build());
        if let Some(text) = self.text() {
            // RFC 3920 section 4.7.2: the text SHOULD have an xml:lang.
            error = error.child(Element::builder(ns::STREAM_ERRORS, "text").lang("en").text(text).build());
        }
        error.children(self.application().cloned()).build()
    }

    /// Reads an `<error/>` of the streams namespace. What has no known condition is `undefined-condition`
    /// (RFC 6120 section 4.9.2).
    #[must_use]
    pub fn parse(element: ElementRef<'_>) -> Self {
        let mut error = StreamError::new(Condition::UndefinedCondition);
        let mut found = false;
        for child in element.children() {
            if child.ns() != ns::STREAM_ERRORS {
                error.details().application.get_or_insert_with(|| child.to_element());
            } else if child.name() == "text" {
                error.details().text = Some(child.text().into());
            } else if !found && let Some(condition) = Condition::from_name(child.name()) {
                found = true;
                error.condition = condition;
                let value = child.text();
                if !value.is_empty() {
                    error.details().value = Some(value.into());
                }
            }
        }
        error
    }
}

impl From<Condition> for StreamError {
    fn from(condition: Condition) -> Self {
        StreamError::new(condition)
    }
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.condition.name())?;
        match self.text() {
            Some(text) => write!(f, " ({})", chars::to_line(text)),
            None => Ok(()),
        }
    }
}

impl core::error::Error for StreamError {}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn r3920_4_7_2_03_every_condition_survives_the_wire() {
        for &condition in Condition::ALL {
            let error = StreamError::new(condition);
            assert_eq!(StreamError::parse(error.to_element().as_ref()), error);
            assert!(condition.rfc_section().starts_with("RFC "));
        }
        assert!(Condition::ALL.is_sorted_by_key(|condition| condition.name()));
    }

    #[test]
    fn r3920_4_7_2_06_text_has_a_language_and_application_conditions_follow() {
        let error = StreamError::new(Condition::PolicyViolation)
            .with_text("too big")
            .with_application(Element::builder("urn:example:limits", "stanza").build());
        assert_eq!(
            error.to_element().to_string(),
            "<error xmlns='http://etherx.jabber.org/streams'>\
             <policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>\
             <text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>too big</text>\
             <stanza xmlns='urn:example:limits'/></error>"
        );
        assert_eq!(StreamError::parse(error.to_element().as_ref()), error);
    }

    #[test]
    fn r6120_4_9_2_01_unknown_conditions_are_undefined() {
        let build = |ns: &str, name: &str| {
            let condition = Element::builder(ns, name).build();
            StreamError::parse(Element::builder(ns::STREAMS, "error").child(condition).build().as_ref())
        };
        assert_eq!(build(ns::STREAM_ERRORS, "brand-new").condition(), Condition::UndefinedCondition);
        assert_eq!(build("urn:other", "conflict").condition(), Condition::UndefinedCondition);
        assert_eq!(build(ns::STREAM_ERRORS, "xml-not-well-formed").condition(), Condition::NotWellFormed);
        assert_eq!(
            StreamError::parse(Element::builder(ns::STREAMS, "error").build().as_ref()),
            StreamError::new(Condition::UndefinedCondition)
        );
    }

    #[test]
    fn what_a_peer_says_stays_on_its_line() {
        let error = StreamError::new(Condition::Reset).with_text("a\nb\u{1B}[2J\u{9B}\u{2028}c 'd'");
        assert_eq!(error.to_string(), "reset (a b [2J  c 'd')");
    }

    #[test]
    fn r3920_4_7_3_18_see_other_host_names_the_host() {
        let host = Element::builder(ns::STREAM_ERRORS, "see-other-host").text("[2001:db8::7]:5222").build();
        let error = StreamError::parse(Element::builder(ns::STREAMS, "error").child(host).build().as_ref());
        assert_eq!(error.value(), Some("[2001:db8::7]:5222"));
        assert_eq!(StreamError::parse(error.to_element().as_ref()), error);
        let host = OtherHost::new("[2001:db8::7]:5222").unwrap();
        assert_eq!(error, StreamError::see_other_host(&host));
        assert_eq!(error.other_host(), Some(host));
        // A host in another condition, or one that is none, leads nowhere.
        for (condition, value) in
            [("gone", "example.com"), ("reset", "example.com"), ("see-other-host", "no host")]
        {
            let cause = Element::builder(ns::STREAM_ERRORS, condition).text(value).build();
            let error = Element::builder(ns::STREAMS, "error").child(cause).build();
            assert_eq!(StreamError::parse(error.as_ref()).other_host(), None, "{condition}");
        }
    }
}
