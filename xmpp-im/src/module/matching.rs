//! What modules match.

use xmpp_core::stanza::{Condition, IqType, Stanza};

/// Whom a stanza is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Target {
    /// One of the host's own domains.
    Server,
    /// An account: its bare JID, or no address at all, from one of its sessions.
    Account,
    /// A connected resource of an account, by its full JID.
    Session,
    /// One of the host's own [services](crate::host::HostConfig::with_service), or an address within its domain.
    Service,
}

/// The stanzas that a module handles.
///
/// ```
/// use xmpp_core::stanza::Condition;
/// use xmpp_im::module::{Match, Target};
///
/// const MATCHES: [Match; 2] = [
///     Match::get(Target::Account, "urn:example:notes", "notes"),
///     Match::set(Target::Account, "urn:example:notes", "notes").for_owner(Condition::Forbidden),
/// ];
/// assert_eq!(MATCHES[1].target(), Target::Account);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    what: What,
    target: Target,
    payload: Option<(&'static str, &'static str)>,
    refusal: Option<Condition>,
}

/// What kind of stanza it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Get,
    Set,
    Message,
    Presence,
}

impl What {
    pub(super) fn of(stanza: &Stanza) -> Option<Self> {
        match stanza {
            Stanza::Iq(iq) => match iq.type_() {
                IqType::Get => Some(What::Get),
                IqType::Set => Some(What::Set),
                IqType::Result | IqType::Error => None,
            },
            Stanza::Message(_) => Some(What::Message),
            Stanza::Presence(_) => Some(What::Presence),
        }
    }
}

impl Match {
    const fn new(what: What, target: Target, payload: Option<(&'static str, &'static str)>) -> Self {
        Match { what, target, payload, refusal: None }
    }

    /// An iq of type get with this payload.
    #[must_use]
    pub const fn get(target: Target, ns: &'static str, name: &'static str) -> Self {
        Match::new(What::Get, target, Some((ns, name)))
    }

    /// An iq of type set with this payload.
    #[must_use]
    pub const fn set(target: Target, ns: &'static str, name: &'static str) -> Self {
        Match::new(What::Set, target, Some((ns, name)))
    }

    /// A message, errors included.
    #[must_use]
    pub const fn message(target: Target) -> Self {
        Match::new(What::Message, target, None)
    }

    /// Presence of any type.
    #[must_use]
    pub const fn presence(target: Target) -> Self {
        Match::new(What::Presence, target, None)
    }

    /// Only a stanza that has a child of this name.
    #[must_use]
    pub const fn with_payload(mut self, ns: &'static str, name: &'static str) -> Self {
        self.payload = Some((ns, name));
        self
    }

    /// Only from the account's own sessions: a request of anybody else is refused with this condition, whether the account exists or not.
    #[must_use]
    pub const fn for_owner(mut self, others: Condition) -> Self {
        self.refusal = Some(others);
        self
    }

    /// Whom the stanza is for.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.target
    }

    pub(super) const fn what(&self) -> What {
        self.what
    }

    /// What those are told who are not the owner, if it is for the owner alone.
    pub(super) const fn refusal(&self) -> Option<Condition> {
        self.refusal
    }

    /// Whether a stanza of its kind has the payload.
    pub(super) fn fits(&self, stanza: &Stanza) -> bool {
        match (self.payload, stanza) {
            (None, _) => true,
            (Some((ns, name)), Stanza::Iq(iq)) => iq.payload().is_some_and(|payload| payload.is(ns, name)),
            (Some((ns, name)), _) => stanza.child(ns, name).is_some(),
        }
    }
}
