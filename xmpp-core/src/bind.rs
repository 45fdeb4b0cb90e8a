//! Resource binding: the request and its answers (RFC 3920 section 7, RFC 6120 section 7).
//!
//! ```
//! use xmpp_core::bind;
//!
//! let request = bind::request("bind-1", Some("balcony"));
//! assert_eq!(bind::requested(&request), Some(Some("balcony".into())));
//! ```

use alloc::string::String;

use crate::jid::FullJid;
use crate::stanza::Iq;
use crate::xml::{Element, ns};

/// The iq that asks for a resource, or for one of the server's choice.
#[must_use]
pub fn request(id: &str, resource: Option<&str>) -> Iq {
    let mut bind = Element::builder(ns::BIND, "bind");
    if let Some(resource) = resource {
        bind = bind.child(Element::builder(ns::BIND, "resource").text(resource).build());
    }
    Iq::set(id, bind.build())
}

/// Whether the iq asks for a resource, and for which: `Some(None)` leaves the choice to the server. An empty resource is
/// no wish (RFC 6120 section 7.6.1).
#[must_use]
pub fn requested(iq: &Iq) -> Option<Option<String>> {
    if iq.type_() != crate::stanza::IqType::Set {
        return None;
    }
    let bind = iq.payload().filter(|payload| payload.is(ns::BIND, "bind"))?;
    let resource = bind.child(ns::BIND, "resource").map(|resource| resource.text().into_owned());
    Some(resource.filter(|resource| !resource.is_empty()))
}

/// The payload of the result: the address that was bound.
#[must_use]
pub fn bound(jid: &FullJid) -> Element {
    let jid = Element::builder(ns::BIND, "jid").text(jid.as_str()).build();
    Element::builder(ns::BIND, "bind").child(jid).build()
}

/// The address in the result.
#[must_use]
pub fn result(iq: &Iq) -> Option<FullJid> {
    let bind = iq.payload().filter(|payload| payload.is(ns::BIND, "bind"))?;
    FullJid::new(bind.child(ns::BIND, "jid")?.text().trim()).ok()
}
