//! The elements of dialback (RFC 3920 section 8.3, XEP-0220 section 2).

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use super::{Condition, Verdict};
use crate::jid::BareJid;
use crate::stream;
use crate::xml::{Element, ElementRef, ns};

/// The longest key or stream id taken, in bytes.
const MOST_TEXT: usize = 1023;

/// A `<db:result/>` or `<db:verify/>`, between two domains.
///
/// ```
/// use xmpp_core::dialback::{Content, Packet, Verdict};
/// use xmpp_core::jid::BareJid;
///
/// let from = BareJid::new("montague.example")?;
/// let to = BareJid::new("capulet.example")?;
/// let packet = Packet::verify(from, to, "417GAF25", Content::Verdict(Verdict::Valid));
/// assert_eq!(
///     packet.to_element().to_string(),
///     "<verify xmlns='jabber:server:dialback' from='montague.example' to='capulet.example' id='417GAF25' type='valid'/>"
/// );
/// assert_eq!(Packet::parse(packet.to_element().as_ref()), Ok(packet));
/// # Ok::<(), xmpp_core::jid::JidError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Packet {
    from: BareJid,
    to: BareJid,
    /// Only `verify` has one.
    id: Option<String>,
    content: Content,
}

/// What a packet says.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// A request: the key.
    Key(String),
    /// The answer.
    Verdict(Verdict),
}

impl fmt::Debug for Content {
    /// Tells everything but the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Content::Key(_) => f.write_str("Key(..)"),
            Content::Verdict(verdict) => f.debug_tuple("Verdict").field(verdict).finish(),
        }
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(if self.id.is_some() { "Verify" } else { "Result" })
            .field("from", &self.from)
            .field("to", &self.to)
            .field("id", &self.id)
            .field("content", &self.content)
            .finish()
    }
}

impl Packet {
    /// A `<db:result/>`.
    #[must_use]
    pub const fn result(from: BareJid, to: BareJid, content: Content) -> Self {
        Packet { from, to, id: None, content }
    }

    /// A `<db:verify/>` about the stream of that id.
    #[must_use]
    pub fn verify(from: BareJid, to: BareJid, id: &str, content: Content) -> Self {
        Packet { from, to, id: Some(id.to_owned()), content }
    }

    /// The domain that sends it.
    #[must_use]
    pub const fn from(&self) -> &BareJid {
        &self.from
    }

    /// The domain it is for.
    #[must_use]
    pub const fn to(&self) -> &BareJid {
        &self.to
    }

    /// The id of the stream that is verified; none for a `<db:result/>`.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What it says.
    #[must_use]
    pub const fn content(&self) -> &Content {
        &self.content
    }

    /// The packet that answers this one: addresses swapped, the id copied.
    #[must_use]
    pub fn answer(&self, verdict: Verdict) -> Packet {
        Packet {
            from: self.to.clone(),
            to: self.from.clone(),
            id: self.id.clone(),
            content: Content::Verdict(verdict),
        }
    }

    /// The element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let name = if self.id.is_some() { "verify" } else { "result" };
        let element = Element::builder(ns::DIALBACK, name)
            .attr("from", self.from.as_str())
            .attr("to", self.to.as_str())
            .maybe_attr("id", self.id());
        match &self.content {
            Content::Key(key) => element.text(key),
            Content::Verdict(Verdict::Valid) => element.attr("type", "valid"),
            Content::Verdict(Verdict::Invalid) => element.attr("type", "invalid"),
            Content::Verdict(Verdict::Failed(condition)) => {
                let cause = Element::builder(ns::STANZA_ERRORS, condition.name()).build();
                let error =
                    Element::builder(ns::SERVER, "error").attr("type", condition.type_().name()).child(cause);
                element.attr("type", "error").child(error.build())
            }
        }
        .build()
    }

    /// Reads a `result` or `verify` of the dialback namespace. White space around a key does not count.
    ///
    /// # Errors
    /// The stream error it deserves: `improper-addressing` unless both addresses are domains, `invalid-id` for a `verify` without an id,
    /// `policy-violation` for a key or id of more than 1,023 bytes, `bad-format` for anything else that RFC 3920 section 8.3 does not know.
    pub fn parse(element: ElementRef<'_>) -> Result<Self, stream::Condition> {
        let domain = |name| {
            let jid = BareJid::new(element.attr(name)?).ok()?;
            jid.node().is_none().then_some(jid)
        };
        let (Some(from), Some(to)) = (domain("from"), domain("to")) else {
            return Err(stream::Condition::ImproperAddressing);
        };
        let id = match element.name() {
            "result" => None,
            "verify" => match element.attr("id") {
                None | Some("") => return Err(stream::Condition::InvalidId),
                Some(id) if id.len() > MOST_TEXT => return Err(stream::Condition::PolicyViolation),
                Some(id) => Some(id.to_owned()),
            },
            _ => return Err(stream::Condition::BadFormat),
        };
        let content = match element.attr("type") {
            None => {
                let text = element.text();
                match text.trim_matches([' ', '\t', '\r', '\n']) {
                    "" => return Err(stream::Condition::BadFormat),
                    key if key.len() > MOST_TEXT => return Err(stream::Condition::PolicyViolation),
                    key => Content::Key(key.to_owned()),
                }
            }
            Some("valid") => Content::Verdict(Verdict::Valid),
            Some("invalid") => Content::Verdict(Verdict::Invalid),
            Some("error") => {
                let error = element.children().find(|child| child.name() == "error");
                let mut causes = error.into_iter().flat_map(ElementRef::children);
                let cause = causes.find(|cause| cause.ns() == ns::STANZA_ERRORS && cause.name() != "text");
                let condition =
                    cause.map_or(Condition::UndefinedCondition, |cause| Condition::from_name(cause.name()));
                Content::Verdict(Verdict::Failed(condition))
            }
            Some(_) => return Err(stream::Condition::BadFormat),
        };
        Ok(Packet { from, to, id, content })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    fn packet(name: &str, attrs: &[(&str, &str)], text: &str) -> Result<Packet, stream::Condition> {
        let builder = Element::builder(ns::DIALBACK, name).text(text);
        let element = attrs.iter().fold(builder, |builder, (name, value)| builder.attr(name, value));
        Packet::parse(element.build().as_ref())
    }

    #[test]
    fn what_is_written_is_read_back() {
        let [from, to] = ["a.example", "b.example"].map(|domain| BareJid::new(domain).unwrap());
        let failures = Condition::ALL.map(|condition| Content::Verdict(Verdict::Failed(condition)));
        let contents = [Content::Key("k".into()), Content::Verdict(Verdict::Invalid)];
        for content in contents.into_iter().chain(failures) {
            let result = Packet::result(from.clone(), to.clone(), content.clone());
            assert_eq!(Packet::parse(result.to_element().as_ref()), Ok(result));
            let verify = Packet::verify(from.clone(), to.clone(), "1", content);
            assert_eq!(Packet::parse(verify.to_element().as_ref()), Ok(verify));
        }
    }

    #[test]
    fn an_error_is_told_as_xep_0220_tells_it() {
        let [from, to] = ["montague.example", "capulet.example"].map(|domain| BareJid::new(domain).unwrap());
        let verdict = Verdict::Failed(Condition::ItemNotFound);
        assert_eq!(
            Packet::result(from, to, Content::Verdict(verdict)).to_element().to_string(),
            "<result xmlns='jabber:server:dialback' from='montague.example' to='capulet.example' type='error'>\
             <error xmlns='jabber:server' type='cancel'>\
             <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></result>"
        );
    }

    #[test]
    fn only_what_makes_sense_is_read() {
        let pair = [("from", "a.example"), ("to", "b.example")];
        assert!(
            packet("result", &pair, "\n  key \n")
                .is_ok_and(|read| *read.content() == Content::Key("key".into()))
        );
        let long = |bytes| "k".repeat(bytes);
        assert!(packet("result", &pair, &long(1023)).is_ok());
        assert_eq!(packet("result", &pair, &long(1024)), Err(stream::Condition::PolicyViolation));
        assert_eq!(packet("result", &pair, " "), Err(stream::Condition::BadFormat));
        assert_eq!(packet("other", &pair, "key"), Err(stream::Condition::BadFormat));
        assert_eq!(packet("verify", &pair, "key"), Err(stream::Condition::InvalidId));
        for (id, expected) in [
            (long(1023), Ok(())),
            (long(1024), Err(stream::Condition::PolicyViolation)),
            (long(0), Err(stream::Condition::InvalidId)),
        ] {
            let verify = packet("verify", &[pair[0], pair[1], ("id", &id)], "key");
            assert_eq!(verify.map(|_| ()), expected);
        }
        let odd = packet("result", &[pair[0], pair[1], ("type", "perhaps")], "");
        assert_eq!(odd, Err(stream::Condition::BadFormat));
        for (name, bad) in [("from", "x@a.example"), ("from", "a.example/x"), ("to", ""), ("to", "a..b")] {
            let packet = packet("result", &[pair[0], pair[1], (name, bad)], "key");
            assert_eq!(packet, Err(stream::Condition::ImproperAddressing), "{bad}");
        }
        assert_eq!(packet("result", &pair[..1], "key"), Err(stream::Condition::ImproperAddressing));
    }

    #[test]
    fn keys_are_not_printed() {
        let read = packet("result", &[("from", "a.example"), ("to", "b.example")], "k3y").unwrap();
        assert!(!alloc::format!("{read:?}").contains("k3y"));
    }
}
