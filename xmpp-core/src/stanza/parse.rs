//! From elements to stanzas.

use alloc::sync::Arc;

use super::header::Header;
use super::malformed::{Fault, Malformed};
use super::payload::Payload;
use super::{Iq, IqType, Kind, Message, MessageType, Presence, PresenceType, Stanza};
use crate::jid::Jid;
use crate::xml::{Attr, Element, ns};

pub(super) fn parse(element: &Element) -> Result<Stanza, Malformed> {
    let kind = match element.ns() {
        ns if ns::is_content(ns) => Kind::from_name(element.name()).ok_or(Malformed::NOT_A_STANZA)?,
        _ => return Err(Malformed::NOT_A_STANZA),
    };
    let mut header = Header::default();
    let mut type_ = None;
    let mut fault = None;
    for Attr { ns, name, value } in element.attrs() {
        match (ns, name) {
            ("", "to") => {
                header.to = Jid::new(value).ok();
                if header.to.is_none() {
                    fault = Some(Fault::To);
                }
            }
            ("", "from") => {
                header.from = Jid::new(value).ok();
                if header.from.is_none() {
                    // Behind `to`, whichever comes first: the order of attributes means nothing.
                    fault.get_or_insert(Fault::From);
                }
            }
            ("", "id") => header.id = Some(Arc::from(value)),
            ("", "type") => type_ = Some(value),
            (ns::XML, "lang") => header.lang = Some(Arc::from(value)),
            _ => {}
        }
    }

    // RFC 6120 section 8.3.1 rule 8 and section 8.2.3 rule 4.
    let answered = type_ != Some("error") && !(kind == Kind::Iq && type_ == Some("result"));
    let malformed = |fault, header: &Header| Malformed::new(fault, kind, header, answered);
    if let Some(fault) = fault {
        return Err(malformed(fault, &header));
    }
    // On a stream other than a client's the content changes its namespace, and is copied for it.
    let payload =
        Payload::new(if element.ns() == ns::CLIENT { element.clone() } else { element.to_counterpart() });
    Ok(match kind {
        Kind::Message => {
            let type_ = type_.and_then(MessageType::from_name);
            Message::from_parts(type_, header, payload).into()
        }
        Kind::Presence => match type_.map_or(Some(PresenceType::Available), PresenceType::from_name) {
            Some(type_) => Presence::from_parts(type_, header, payload).into(),
            None => return Err(malformed(Fault::Type, &header)),
        },
        Kind::Iq => {
            if header.id.is_none() {
                return Err(malformed(Fault::NoId, &header));
            }
            let Some(type_) = type_.and_then(IqType::from_name) else {
                return Err(malformed(Fault::Type, &header));
            };
            if type_.is_request() && !has_one_extension(&payload) {
                return Err(malformed(Fault::Children, &header));
            }
            Iq::from_parts(type_, header, payload).into()
        }
    })
}

/// RFC 6120 section 8.2.3 rule 5, and section 8.4, by which the one element is an extension's.
fn has_one_extension(payload: &Payload) -> bool {
    let mut children = payload.children();
    children.next().is_some_and(|child| !matches!(child.ns(), ns::CLIENT | ns::SERVER))
        && children.next().is_none()
}
