//! The rules that lists are made of (RFC 3921 section 10.1).

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::ops::BitOr;

use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, PresenceType, Stanza, StanzaError};
use xmpp_core::xml::{Element, ElementRef, ns};

use crate::store::Subscription;

/// What happens to a stanza that an item is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// It goes on, whatever the items behind this one say.
    Allow,
    /// It does not.
    Deny,
}

impl Action {
    /// The value of the attribute `action`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Action::Allow => "allow",
            Action::Deny => "deny",
        }
    }

    /// The action of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Action::Allow, Action::Deny].into_iter().find(|action| action.name() == name)
    }
}

/// The attributes `type` and `value` of an item.
pub(super) type Key<'a> = (Option<&'static str>, &'a str);

/// Whom an item is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An address: of one resource, of all resources of an account, or of a domain with all that belongs to it and to its subdomains.
    Jid(Jid),
    /// The contacts in a group of the roster.
    Group(String),
    /// The contacts with exactly this subscription; strangers have [`Subscription::None`].
    Subscription(Subscription),
    /// Everybody: the fall-through case.
    Anyone,
}

impl Subject {
    /// What lists are searched by.
    pub(super) fn key(&self) -> Key<'_> {
        match self {
            Subject::Jid(jid) => (Some("jid"), jid.as_str()),
            Subject::Group(group) => (Some("group"), group),
            Subject::Subscription(subscription) => (Some("subscription"), subscription.name()),
            Subject::Anyone => (None, ""),
        }
    }

    fn parse(item: ElementRef<'_>) -> Result<Self, Condition> {
        match (item.attr("type"), item.attr("value")) {
            (Some("jid"), Some(jid)) => Jid::new(jid).map(Subject::Jid).map_err(|_| Condition::JidMalformed),
            (Some("group"), Some(group)) if !group.is_empty() => Ok(Subject::Group(group.to_owned())),
            (Some("subscription"), Some(name)) => {
                Subscription::from_name(name).map(Subject::Subscription).ok_or(Condition::BadRequest)
            }
            // A value of no type was meant for someone, so it is not for everybody.
            (None, None) => Ok(Subject::Anyone),
            _ => Err(Condition::BadRequest),
        }
    }
}

/// What a stanza is to privacy lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Traffic {
    /// A message to the user.
    Message,
    /// An iq to the user, request or response.
    Iq,
    /// Presence that tells the user who is available: neither subscriptions nor probes (RFC 3921 section 10.10).
    PresenceIn,
    /// Presence that tells others that the user is available (section 10.11).
    PresenceOut,
    /// Everything else: only items for all stanzas are about it (section 10.13).
    Other,
}

impl Traffic {
    /// A stanza to the user.
    #[must_use]
    pub fn inbound(stanza: &Stanza) -> Self {
        match stanza {
            Stanza::Message(_) => Traffic::Message,
            Stanza::Iq(_) => Traffic::Iq,
            Stanza::Presence(presence) if is_notification(presence.type_()) => Traffic::PresenceIn,
            Stanza::Presence(_) => Traffic::Other,
        }
    }

    /// A stanza from the user.
    #[must_use]
    pub fn outbound(stanza: &Stanza) -> Self {
        match stanza {
            Stanza::Presence(presence) if is_notification(presence.type_()) => Traffic::PresenceOut,
            _ => Traffic::Other,
        }
    }
}

const fn is_notification(type_: PresenceType) -> bool {
    matches!(type_, PresenceType::Available | PresenceType::Unavailable)
}

/// Which stanzas an item is about.
///
/// ```
/// use xmpp_im::privacy::{Kinds, Traffic};
///
/// let presence = Kinds::PRESENCE_IN | Kinds::PRESENCE_OUT;
/// assert!(presence.contains(Traffic::PresenceIn) && !presence.contains(Traffic::Message));
/// assert!(Kinds::ALL.contains(Traffic::Other) && !presence.contains(Traffic::Other));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kinds(u8);

impl Kinds {
    /// Messages to the user.
    pub const MESSAGE: Kinds = Kinds::only(Traffic::Message);
    /// Iqs to the user.
    pub const IQ: Kinds = Kinds::only(Traffic::Iq);
    /// Presence notifications to the user.
    pub const PRESENCE_IN: Kinds = Kinds::only(Traffic::PresenceIn);
    /// Presence notifications from the user.
    pub const PRESENCE_OUT: Kinds = Kinds::only(Traffic::PresenceOut);
    /// All stanzas to and from the user, more than the four together.
    pub const ALL: Kinds = Kinds(u8::MAX);

    /// The kinds that have an element, in the order of the schema.
    const NAMED: [(&'static str, Kinds); 4] = [
        ("iq", Kinds::IQ),
        ("message", Kinds::MESSAGE),
        ("presence-in", Kinds::PRESENCE_IN),
        ("presence-out", Kinds::PRESENCE_OUT),
    ];

    const fn only(traffic: Traffic) -> Self {
        Kinds(1 << traffic as u8)
    }

    /// Whether such stanzas are among them.
    #[must_use]
    pub const fn contains(self, traffic: Traffic) -> bool {
        self.0 & Kinds::only(traffic).0 != 0
    }

    fn parse(item: ElementRef<'_>) -> Result<Self, Condition> {
        let mut kinds = None;
        for child in item.children() {
            // Without an element that is not understood, the item would be about more than was asked for.
            let named = Kinds::NAMED.into_iter().find(|(name, _)| child.is(ns::PRIVACY, name));
            let (_, kind) = named.ok_or(Condition::BadRequest)?;
            kinds = Some(kinds.map_or(kind, |kinds| kinds | kind));
        }
        Ok(kinds.unwrap_or(Kinds::ALL))
    }

    fn elements(self) -> impl Iterator<Item = Element> {
        let named =
            Kinds::NAMED.into_iter().filter(move |(_, kind)| self != Kinds::ALL && self.0 & kind.0 != 0);
        named.map(|(name, _)| Element::builder(ns::PRIVACY, name).build())
    }
}

impl BitOr for Kinds {
    type Output = Kinds;

    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

/// A rule of a privacy list: which stanzas, of whom, are to be allowed or denied, and at which place among the others.
///
/// ```
/// use xmpp_core::jid::Jid;
/// use xmpp_im::privacy::{Action, Item, Kinds, Subject};
///
/// let tybalt = Subject::Jid(Jid::new("tybalt@example.com")?);
/// let item = Item::new(3, Action::Deny, tybalt).with_kinds(Kinds::MESSAGE);
/// assert_eq!(Item::parse(item.to_element().as_ref()), Ok(item));
/// # Ok::<(), xmpp_core::jid::JidError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    order: u32,
    action: Action,
    subject: Subject,
    kinds: Kinds,
}

impl Item {
    /// A rule for all stanzas.
    #[must_use]
    pub const fn new(order: u32, action: Action, subject: Subject) -> Self {
        Item { order, action, subject, kinds: Kinds::ALL }
    }

    /// The same rule for some stanzas.
    #[must_use]
    pub const fn with_kinds(mut self, kinds: Kinds) -> Self {
        self.kinds = kinds;
        self
    }

    pub(super) const fn with_order(mut self, order: u32) -> Self {
        self.order = order;
        self
    }

    /// Its place: the item with the smallest number is looked at first.
    #[must_use]
    pub const fn order(&self) -> u32 {
        self.order
    }

    /// What is done.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// To whose stanzas.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// To which stanzas.
    #[must_use]
    pub const fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// The address that it blocks wholly, as the blocking command does (XEP-0191 section 5).
    #[must_use]
    pub fn blocked(&self) -> Option<&Jid> {
        match &self.subject {
            Subject::Jid(jid) if self.action == Action::Deny && self.kinds == Kinds::ALL => Some(jid),
            _ => None,
        }
    }

    /// Reads an `<item/>`. Neither that its group exists is checked here, nor that its order is its own.
    ///
    /// # Errors
    /// `bad-request` for an order or action that is missing or none, an unknown type, a value that is missing, not of the type or without one, and
    /// for children other than the four kinds; `jid-malformed` for an address that is none.
    pub fn parse(item: ElementRef<'_>) -> Result<Self, StanzaError> {
        let read = || {
            let order = item.attr("order").and_then(|order| order.trim().parse().ok());
            Ok(Item {
                order: order.ok_or(Condition::BadRequest)?,
                action: item.attr("action").and_then(Action::from_name).ok_or(Condition::BadRequest)?,
                subject: Subject::parse(item)?,
                kinds: Kinds::parse(item)?,
            })
        };
        read().map_err(StanzaError::new)
    }

    /// The `<item/>`.
    #[must_use]
    pub fn to_element(&self) -> Element {
        let (type_, value) = self.subject.key();
        Element::builder(ns::PRIVACY, "item")
            .maybe_attr("type", type_)
            .maybe_attr("value", type_.map(|_| value))
            .attr("action", self.action.name())
            .attr("order", &alloc::format!("{}", self.order))
            .children(self.kinds.elements())
            .build()
    }
}
