//! Delayed delivery (XEP-0203): when a stanza was sent that comes later than it should, and who held it up.
//!
//! It reads and writes the element. That a notation may be forged, by whoever passed the stanza on, it cannot tell.
//!
//! ```
//! use xmpp_core::jid::Jid;
//! use xmpp_im::delay::Delay;
//!
//! let delay = Delay::new("2002-09-10T23:08:25Z".parse()?)
//!     .with_from(Jid::new("capulet.com")?)
//!     .with_reason("Offline Storage");
//! assert_eq!(
//!     delay.to_element().to_string(),
//!     "<delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'>Offline Storage</delay>"
//! );
//! assert_eq!(Delay::parse(delay.to_element().as_ref()), Some(delay));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use alloc::string::String;

use xmpp_core::jid::Jid;
use xmpp_core::time::UtcTime;
use xmpp_core::xml::{Element, ElementRef};

/// The namespace of the element.
pub const NS: &str = "urn:xmpp:delay";

/// When a stanza was sent, who delayed it, and why (XEP-0203 section 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    stamp: UtcTime,
    from: Option<Jid>,
    reason: Option<String>,
}

impl Delay {
    /// Of a stanza that was sent at that time.
    #[must_use]
    pub const fn new(stamp: UtcTime) -> Self {
        Delay { stamp, from: None, reason: None }
    }

    /// Sets who sent the stanza, or delayed it.
    #[must_use]
    pub fn with_from(mut self, from: impl Into<Jid>) -> Self {
        self.from = Some(from.into());
        self
    }

    /// Sets why, in natural language; an empty reason is none.
    #[must_use]
    pub fn with_reason(mut self, reason: &str) -> Self {
        self.reason = Some(reason.into()).filter(|reason: &String| !reason.is_empty());
        self
    }

    /// When the stanza was sent.
    #[must_use]
    pub const fn stamp(&self) -> UtcTime {
        self.stamp
    }

    /// Who sent the stanza, or delayed it.
    #[must_use]
    pub const fn from(&self) -> Option<&Jid> {
        self.from.as_ref()
    }

    /// Why, in natural language.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Reads a `<delay/>`; `None` if it is something else, has no time or one that is none, or an address that is none.
    ///
    /// A time with an offset is taken, although it has to be in UTC.
    #[must_use]
    pub fn parse(element: ElementRef<'_>) -> Option<Self> {
        let stamp = element.attr("stamp").filter(|_| element.is(NS, "delay"))?.parse().ok()?;
        let from = element.attr("from").map(Jid::new).transpose().ok()?;
        Some(Delay { from, ..Delay::new(stamp) }.with_reason(&element.text()))
    }

    /// The notation among the children of a stanza; of several, as a stanza has that was delayed more than once, the one that tells when it
    /// was sent: the earliest.
    #[must_use]
    pub fn find<'a>(children: impl IntoIterator<Item = ElementRef<'a>>) -> Option<Self> {
        children.into_iter().filter_map(Delay::parse).min_by_key(Delay::stamp)
    }

    /// The `<delay/>` to go into the stanza.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::builder(NS, "delay")
            .maybe_attr("from", self.from.as_ref().map(Jid::as_str))
            .attr("stamp", &alloc::format!("{}", self.stamp))
            .text(self.reason().unwrap_or_default())
            .build()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use xmpp_core::stanza::{Presence, Stanza};

    use super::*;

    fn stanza(text: &str) -> Stanza {
        text.parse().unwrap()
    }

    fn jid(text: &str) -> Jid {
        Jid::new(text).unwrap()
    }

    #[test]
    fn the_examples_of_the_xep() {
        let message = stanza(
            "<message from='romeo@montague.net/orchard' to='juliet@capulet.com' type='chat'>\
             <body>O blessed, blessed night!</body>\
             <delay xmlns='urn:xmpp:delay' from='capulet.com' stamp='2002-09-10T23:08:25Z'>Offline Storage</delay></message>",
        );
        let delay = Delay::find(message.children()).unwrap();
        assert_eq!(delay.stamp(), "2002-09-10T23:08:25Z".parse().unwrap());
        assert_eq!((delay.from(), delay.reason()), (Some(&jid("capulet.com")), Some("Offline Storage")));

        // Example 2: presence, without a reason.
        let told =
            Delay::new("2002-09-10T23:41:07Z".parse().unwrap()).with_from(jid("juliet@capulet.com/balcony"));
        let presence = Stanza::Presence(Presence::available().with_child(told.to_element()));
        assert_eq!(
            presence.to_string(),
            "<presence><delay xmlns='urn:xmpp:delay' from='juliet@capulet.com/balcony' \
             stamp='2002-09-10T23:41:07Z'/></presence>"
        );
        assert_eq!(Delay::find(presence.children()), Some(told));
    }

    #[test]
    fn of_several_the_earliest_counts_and_of_broken_ones_none() {
        let message = stanza(
            "<message><delay xmlns='urn:xmpp:delay' stamp='2002-09-10T23:08:25Z'/>\
             <delay xmlns='urn:xmpp:delay' stamp='2002-09-11T00:08:24+01:00'/>\
             <delay xmlns='urn:xmpp:delay' stamp='20020910T23:08:25'/>\
             <delay xmlns='urn:xmpp:delay' stamp='2001-09-10T23:08:25Z' from='@'/>\
             <delay xmlns='jabber:x:delay' stamp='2001-09-10T23:08:25Z'/>\
             <late xmlns='urn:xmpp:delay' stamp='2001-09-10T23:08:25Z'/>\
             <delay xmlns='urn:xmpp:delay'/></message>",
        );
        let delay = Delay::find(message.children()).unwrap();
        assert_eq!(delay, Delay::new("2002-09-10T23:08:24Z".parse().unwrap()));
        assert_eq!(Delay::find(stanza("<message/>").children()), None);
    }
}
