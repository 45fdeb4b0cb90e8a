//! What the engine keeps of an account, as the store reads and writes it.

use std::collections::BTreeSet;

use xmpp_core::jid::Jid;

/// Everything of an account that the engine loads at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountData {
    /// The roster, in the order of the contacts' addresses.
    pub roster: Vec<RosterItem>,
}

/// One change to an account.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// The item is in the roster from now on, in place of any with the same address.
    RosterSet(RosterItem),
    /// The item is no longer in the roster.
    RosterRemove(Jid),
}

/// A roster item (RFC 3921, section 7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RosterItem {
    /// Address of the contact.
    pub jid: Jid,
    /// The user's name for the contact.
    pub name: Option<String>,
    /// Who is told of whose presence.
    pub subscription: Subscription,
    /// Whether a request to the contact waits for an answer.
    pub ask: bool,
    /// The user's groups for the contact.
    pub groups: BTreeSet<String>,
}

/// The `subscription` attribute of a roster item (RFC 3921, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscription {
    /// Neither.
    None,
    /// The user is told of the contact's presence.
    To,
    /// The contact is told of the user's presence.
    From,
    /// Both.
    Both,
}
