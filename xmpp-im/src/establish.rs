//! Session establishment (RFC 3921 section 3), which RFC 6121 made a formality: clients of the older text ask for a
//! session after binding, and those of the newer see that they need not.
//!
//! ```
//! use xmpp_core::stanza::Iq;
//! use xmpp_im::establish;
//!
//! assert_eq!(
//!     establish::feature().to_string(),
//!     "<session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session>"
//! );
//! assert!(establish::is_request(&establish::request("sess_1")));
//! ```

use alloc::boxed::Box;

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::{Condition, Iq, IqType, Stanza};
use xmpp_core::stream::Features;
use xmpp_core::xml::{Element, ns};

use crate::module::{Advertised, BadState, Context, Kept, Match, Module, Part, Target, Verdict};

/// What a server offers beside resource binding.
#[must_use]
pub fn feature() -> Element {
    Element::builder(ns::SESSION, "session").child(Element::builder(ns::SESSION, "optional").build()).build()
}

/// Whether a server that offers these features demands a session before anything else.
#[must_use]
pub fn is_required(features: &Features) -> bool {
    let session = features.other(ns::SESSION, "session");
    session.is_some_and(|session| session.child(ns::SESSION, "optional").is_none())
}

/// What a client sends to a server that demands a session.
#[must_use]
pub fn request(id: &str) -> Iq {
    Iq::set(id, Element::builder(ns::SESSION, "session").build())
}

/// Whether a client asks for a session.
#[must_use]
pub fn is_request(iq: &Iq) -> bool {
    iq.type_() == IqType::Set && iq.payload().is_some_and(|payload| payload.is(ns::SESSION, "session"))
}

/// The module that answers requests that ask for nothing but to be told that they were heard: session establishment, and pings (XEP-0199).
#[derive(Debug)]
pub(crate) struct Formalities;

const MATCHES: [Match; 4] = [
    Match::set(Target::Account, ns::SESSION, "session").for_owner(Condition::ServiceUnavailable),
    Match::get(Target::Account, ns::PING, "ping").for_owner(Condition::ServiceUnavailable),
    Match::set(Target::Server, ns::SESSION, "session"),
    Match::get(Target::Server, ns::PING, "ping"),
];

impl Module for Formalities {
    fn name(&self) -> &'static str {
        "formalities"
    }

    fn matches(&self) -> &[Match] {
        &MATCHES
    }

    fn advertises(&self) -> Advertised {
        Advertised::default().with_stream_feature(feature()).with_feature(Target::Server, ns::PING)
    }

    fn open(&self, _: &BareJid, _: Kept<'_>) -> Result<Box<dyn Part>, BadState> {
        Ok(Box::new(Heard))
    }
}

#[derive(Debug)]
struct Heard;

impl Part for Heard {
    fn handle(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        if let Stanza::Iq(iq) = stanza {
            cx.reply(iq.result_reply(None));
        }
        Verdict::Handled
    }
}
