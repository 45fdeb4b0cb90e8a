//! The rules on which the generations of the RFC differ, one named switch each.
//!
//! RFC 6120 and 6121 are the default, since today's peers follow them; the older rule can be selected where it is still safe.
//!
//! ```
//! use xmpp_core::profile::{Profile, StanzaBeforeBinding};
//!
//! let profile = Profile::RFC6120.with_stanza_before_binding(StanzaBeforeBinding::StanzaError);
//! assert_eq!(profile.unmatched_resource(), Profile::RFC6120.unmatched_resource());
//! ```

/// What a client gets for a stanza that it sends before it has bound a resource.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StanzaBeforeBinding {
    /// The stream error `not-authorized` (RFC 6120 section 7.1).
    #[default]
    StreamError,
    /// The stanza error `not-authorized` (RFC 3920 section 7).
    StanzaError,
}

/// What becomes of a stanza to a full JID that has no session, while other resources of the account may have one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnmatchedResource {
    /// By kind and type: RFC 6121 section 8.5.4, Table 1.
    #[default]
    Rfc6121,
    /// Every message as if it had been sent to the bare JID, presence dropped (RFC 3921 section 11.1 rule 3).
    Rfc3921,
}

/// What becomes of a stanza to a subdomain of one of the server's domains that nobody was configured to serve.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnconfiguredSubdomain {
    /// It is a foreign domain like any other: another server may serve it (RFC 6120 section 10.4).
    #[default]
    Remote,
    /// The sender gets an error (RFC 3920 section 10.3).
    Refused,
}

/// What a server answers to a presence probe of somebody who is not subscribed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RefusedProbe {
    /// Presence of type `unsubscribed`, which heals a subscription that only the other side believes in (RFC 6121 section 4.3.2).
    #[default]
    Unsubscribed,
    /// The stanza error `not-authorized` while the account has not answered the request of who asks, `forbidden` else (RFC 3921 section 5.1.3).
    Error,
}

/// Whose roster pushes a client takes, beside those without a sender and those of its own account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RosterPushOrigin {
    /// Nobody's (RFC 6121 section 2.1.6 rule 2).
    #[default]
    Account,
    /// Those in the name of the very session that gets them too (RFC 3921 section 7.2).
    Session,
}

/// What becomes of an iq request to a connected resource, by its full JID, from somebody with whom that resource does not share its presence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnsharedPresence {
    /// It is answered as if nobody were there, so that it tells nobody who is (RFC 6121 section 8.5.3.1).
    #[default]
    Refused,
    /// It is delivered like any other stanza (RFC 3921 section 11.1 rule 2).
    Delivered,
}

/// The choices of one server or client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    stanza_before_binding: StanzaBeforeBinding,
    unmatched_resource: UnmatchedResource,
    unconfigured_subdomain: UnconfiguredSubdomain,
    refused_probe: RefusedProbe,
    roster_push_origin: RosterPushOrigin,
    unshared_presence: UnsharedPresence,
}

impl Profile {
    /// RFC 6120 and 6121 throughout.
    pub const RFC6120: Profile = Profile {
        stanza_before_binding: StanzaBeforeBinding::StreamError,
        unmatched_resource: UnmatchedResource::Rfc6121,
        unconfigured_subdomain: UnconfiguredSubdomain::Remote,
        refused_probe: RefusedProbe::Unsubscribed,
        roster_push_origin: RosterPushOrigin::Account,
        unshared_presence: UnsharedPresence::Refused,
    };
    /// RFC 3920 and 3921 wherever that is still safe.
    pub const RFC3920: Profile = Profile {
        stanza_before_binding: StanzaBeforeBinding::StanzaError,
        unmatched_resource: UnmatchedResource::Rfc3921,
        unconfigured_subdomain: UnconfiguredSubdomain::Refused,
        refused_probe: RefusedProbe::Error,
        roster_push_origin: RosterPushOrigin::Session,
        unshared_presence: UnsharedPresence::Delivered,
    };

    /// What a stanza before binding gets.
    #[must_use]
    pub const fn stanza_before_binding(&self) -> StanzaBeforeBinding {
        self.stanza_before_binding
    }

    /// What becomes of a stanza to a full JID without a session.
    #[must_use]
    pub const fn unmatched_resource(&self) -> UnmatchedResource {
        self.unmatched_resource
    }

    /// What becomes of a stanza to a subdomain that nobody serves.
    #[must_use]
    pub const fn unconfigured_subdomain(&self) -> UnconfiguredSubdomain {
        self.unconfigured_subdomain
    }

    /// What a probe of somebody who is not subscribed gets.
    #[must_use]
    pub const fn refused_probe(&self) -> RefusedProbe {
        self.refused_probe
    }

    /// Whose roster pushes a client takes.
    #[must_use]
    pub const fn roster_push_origin(&self) -> RosterPushOrigin {
        self.roster_push_origin
    }

    /// What becomes of a request from somebody with whom the resource does not share its presence.
    #[must_use]
    pub const fn unshared_presence(&self) -> UnsharedPresence {
        self.unshared_presence
    }

    /// Selects what a stanza before binding gets.
    #[must_use]
    pub const fn with_stanza_before_binding(mut self, rule: StanzaBeforeBinding) -> Self {
        self.stanza_before_binding = rule;
        self
    }

    /// Selects what becomes of a stanza to a full JID without a session.
    #[must_use]
    pub const fn with_unmatched_resource(mut self, rule: UnmatchedResource) -> Self {
        self.unmatched_resource = rule;
        self
    }

    /// Selects what becomes of a stanza to a subdomain that nobody serves.
    #[must_use]
    pub const fn with_unconfigured_subdomain(mut self, rule: UnconfiguredSubdomain) -> Self {
        self.unconfigured_subdomain = rule;
        self
    }

    /// Selects what a probe of somebody who is not subscribed gets.
    #[must_use]
    pub const fn with_refused_probe(mut self, rule: RefusedProbe) -> Self {
        self.refused_probe = rule;
        self
    }

    /// Selects whose roster pushes a client takes.
    #[must_use]
    pub const fn with_roster_push_origin(mut self, rule: RosterPushOrigin) -> Self {
        self.roster_push_origin = rule;
        self
    }

    /// Selects what becomes of a request from somebody with whom the resource does not share its presence.
    #[must_use]
    pub const fn with_unshared_presence(mut self, rule: UnsharedPresence) -> Self {
        self.unshared_presence = rule;
        self
    }
}
