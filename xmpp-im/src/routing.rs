//! Which resources of a local account get a stanza: the decision alone (RFC 3921 section 11.1, RFC 6121 section 8.5).
//!
//! A function of the stanza's kind and type, of its address, and of the resources there are. It sends nothing.
//!
//! ```
//! use xmpp_core::profile::UnmatchedResource;
//! use xmpp_core::stanza::MessageType;
//! use xmpp_im::routing::{Decision, Resource, route};
//!
//! let resources = [
//!     Resource::new("balcony").with_priority(5),
//!     Resource::new("chamber").with_priority(1),
//!     Resource::new("tablet"), // connected, but it has not sent presence
//! ];
//! let chat = route(MessageType::Chat.into(), None, &resources, UnmatchedResource::Rfc6121);
//! assert_eq!(chat, Decision::Deliver(vec![0]));
//! ```

use alloc::vec::Vec;

use xmpp_core::profile::UnmatchedResource;
use xmpp_core::stanza::{IqType, MessageType, Presence, PresenceType, Stanza};

/// What decides about a stanza, beside its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// A message of that type.
    Message(MessageType),
    /// Presence that says whether somebody is available.
    Availability,
    /// Presence of another type: subscriptions, probes and errors.
    OtherPresence(PresenceType),
    /// An iq of type get or set.
    Request,
    /// An iq of type result or error.
    Response,
}

impl Traffic {
    /// What the stanza is.
    #[must_use]
    pub fn of(stanza: &Stanza) -> Self {
        match stanza {
            Stanza::Message(message) => Traffic::Message(message.type_()),
            Stanza::Presence(presence) => Traffic::of_presence(presence),
            Stanza::Iq(iq) => match iq.type_() {
                IqType::Get | IqType::Set => Traffic::Request,
                IqType::Result | IqType::Error => Traffic::Response,
            },
        }
    }

    fn of_presence(presence: &Presence) -> Self {
        match presence.type_() {
            PresenceType::Available | PresenceType::Unavailable => Traffic::Availability,
            other => Traffic::OtherPresence(other),
        }
    }
}

impl From<MessageType> for Traffic {
    fn from(type_: MessageType) -> Self {
        Traffic::Message(type_)
    }
}

/// A connected resource, as far as routing cares.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    name: &'a str,
    priority: Option<i8>,
}

impl<'a> Resource<'a> {
    /// A resource that has sent no presence.
    #[must_use]
    pub const fn new(name: &'a str) -> Self {
        Resource { name, priority: None }
    }

    /// The resource is available, with this priority.
    #[must_use]
    pub const fn with_priority(mut self, priority: i8) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Sets the priority if the resource is available.
    #[must_use]
    pub const fn with_availability(mut self, priority: Option<i8>) -> Self {
        self.priority = priority;
        self
    }
}

/// What becomes of a stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It goes to these resources, by index.
    Deliver(Vec<usize>),
    /// The server answers on behalf of the account.
    Answer,
    /// No resource takes this message: it is stored until one does, or its sender is told `service-unavailable`.
    Undeliverable,
    /// The sender is told `service-unavailable`.
    Unavailable,
    /// Nothing happens.
    Drop,
}

/// Decides about a stanza to an account: to its bare JID, or to `resource` of it.
///
/// `resources` are the account's connected resources. An account without any, and one that does not exist, are decided
/// alike, so that nobody learns which is which.
#[must_use]
pub fn route(
    traffic: Traffic,
    resource: Option<&str>,
    resources: &[Resource<'_>],
    unmatched: UnmatchedResource,
) -> Decision {
    let Some(name) = resource else {
        return to_bare(traffic, resources);
    };
    // RFC 6121 section 8.5.3.1: a resource that is connected gets what is sent to it, available or not.
    if let Some(index) = resources.iter().position(|resource| resource.name == name) {
        return match traffic {
            Traffic::OtherPresence(type_) if type_ != PresenceType::Error => Decision::Drop,
            _ => Decision::Deliver(alloc::vec![index]),
        };
    }
    match (traffic, unmatched) {
        // RFC 6121 section 8.5.3.2.1: a chat goes on with another resource.
        (Traffic::Message(MessageType::Chat), UnmatchedResource::Rfc6121)
        // RFC 3921 section 11.1 rule 3: so does every message.
        | (Traffic::Message(_), UnmatchedResource::Rfc3921) => to_bare(traffic, resources),
        (Traffic::Message(MessageType::Error), _) | (Traffic::Response, _) => Decision::Drop,
        (Traffic::Message(_) | Traffic::Request, _) => Decision::Unavailable,
        (Traffic::Availability | Traffic::OtherPresence(_), _) => Decision::Drop,
    }
}

/// RFC 6121 sections 8.5.2.1 and 8.5.2.2.
fn to_bare(traffic: Traffic, resources: &[Resource<'_>]) -> Decision {
    let available =
        || resources.iter().enumerate().filter_map(|(index, resource)| Some((index, resource.priority?)));
    let willing = || available().filter(|(_, priority)| *priority >= 0);
    let deliver_or = |indices: Vec<usize>, otherwise| {
        if indices.is_empty() { otherwise } else { Decision::Deliver(indices) }
    };
    match traffic {
        Traffic::Message(MessageType::Normal | MessageType::Chat) => {
            // Of those that are most available, all: RFC 3921 section 11.1 leaves the choice among equals to us.
            let highest = willing().map(|(_, priority)| priority).max();
            let most = willing().filter(|(_, priority)| Some(*priority) == highest);
            deliver_or(most.map(|(index, _)| index).collect(), Decision::Undeliverable)
        }
        Traffic::Message(MessageType::Headline) => {
            deliver_or(willing().map(|(index, _)| index).collect(), Decision::Drop)
        }
        Traffic::Message(MessageType::Groupchat) => Decision::Unavailable,
        Traffic::Availability => deliver_or(available().map(|(index, _)| index).collect(), Decision::Drop),
        Traffic::Message(_) | Traffic::OtherPresence(_) | Traffic::Response => Decision::Drop,
        Traffic::Request => Decision::Answer,
    }
}

#[cfg(test)]
mod tests;
