//! What can happen to a subscription: the four presence types, each in either direction.

use core::fmt;

use xmpp_core::stanza::PresenceType;

/// Which way a subscription stanza goes, seen from the user whose server handles it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// From the user to the contact.
    Outbound,
    /// From the contact to the user.
    Inbound,
}

impl Direction {
    /// Both of them.
    pub const ALL: [Direction; 2] = [Direction::Outbound, Direction::Inbound];
}

/// What a subscription stanza asks or says (RFC 3921 section 2.2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The sender asks to see the recipient's presence.
    Subscribe,
    /// The sender no longer wants to see the recipient's presence.
    Unsubscribe,
    /// The sender lets the recipient see its presence.
    Subscribed,
    /// The sender refuses, or no longer lets the recipient see its presence.
    Unsubscribed,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 4] = [Kind::Subscribe, Kind::Unsubscribe, Kind::Subscribed, Kind::Unsubscribed];

    /// What presence of this type is to a subscription, if anything.
    #[must_use]
    pub const fn of(type_: PresenceType) -> Option<Self> {
        match type_ {
            PresenceType::Subscribe => Some(Kind::Subscribe),
            PresenceType::Unsubscribe => Some(Kind::Unsubscribe),
            PresenceType::Subscribed => Some(Kind::Subscribed),
            PresenceType::Unsubscribed => Some(Kind::Unsubscribed),
            _ => None,
        }
    }

    /// The type of the presence stanza.
    #[must_use]
    pub const fn presence_type(self) -> PresenceType {
        match self {
            Kind::Subscribe => PresenceType::Subscribe,
            Kind::Unsubscribe => PresenceType::Unsubscribe,
            Kind::Subscribed => PresenceType::Subscribed,
            Kind::Unsubscribed => PresenceType::Unsubscribed,
        }
    }

    /// The value of the stanza's attribute `type`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Subscribe => "subscribe",
            Kind::Unsubscribe => "unsubscribe",
            Kind::Subscribed => "subscribed",
            Kind::Unsubscribed => "unsubscribed",
        }
    }

    /// Whether a stanza of the kind `answer`, from the one who got this one, affirms or denies it (RFC 3921 section 9.4, table 7).
    ///
    /// A request is answered by the words of whom it asks, a notice about a subscription by the words of whoever has it.
    #[must_use]
    pub const fn is_answered_by(self, answer: Kind) -> bool {
        let by_granter = matches!(answer, Kind::Subscribed | Kind::Unsubscribed);
        match self {
            Kind::Subscribe | Kind::Unsubscribe => by_granter,
            Kind::Subscribed | Kind::Unsubscribed => !by_granter,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
