//! What a client's session is to do.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use xmpp_core::profile::Profile;
use xmpp_core::stanza::{Presence, PresenceType};

use super::limits::ClientLimits;
use crate::store::RosterItem;

/// A roster as an earlier session left it, with the version the server gave it (RFC 6121 section 2.6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CachedRoster {
    pub(super) version: String,
    pub(super) items: Vec<RosterItem>,
}

impl CachedRoster {
    /// Those items, which are complete at that version. It means nothing to a client (RFC 6121 section 2.1.1).
    #[must_use]
    pub fn new(version: &str, items: impl IntoIterator<Item = RosterItem>) -> Self {
        CachedRoster { version: version.into(), items: items.into_iter().collect() }
    }

    /// The version, to be stored as it is.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The contacts.
    #[must_use]
    pub fn items(&self) -> &[RosterItem] {
        &self.items
    }
}

/// Whom chat partners that are not subscribed to our presence get it from (RFC 6121 section 5.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PresenceSharing {
    /// Whom we write to in a chat session sees whether we are there, until the session ends.
    #[default]
    Chats,
    /// Nobody, unless [directed presence](super::ClientSession::direct_presence) tells them.
    Never,
}

/// What a [`ClientSession`](super::ClientSession) does by itself, and how much it keeps.
///
/// ```
/// use xmpp_core::stanza::{Presence, Show};
/// use xmpp_im::client::SessionConfig;
///
/// // A bot: no roster, and there for whoever writes.
/// let config = SessionConfig::new().without_roster().with_presence(Some(Presence::available().with_priority(-1)));
/// # let _ = config;
/// ```
#[derive(Clone, Debug)]
pub struct SessionConfig {
    pub(super) roster: bool,
    pub(super) cache: Option<CachedRoster>,
    pub(super) presence: Option<Presence>,
    pub(super) nickname: Option<String>,
    pub(super) sharing: PresenceSharing,
    pub(super) extensions: BTreeSet<String>,
    pub(super) profile: Profile,
    pub(super) limits: ClientLimits,
}

impl SessionConfig {
    /// Asks for the roster, then says that it is available.
    #[must_use]
    pub fn new() -> Self {
        SessionConfig {
            roster: true,
            cache: None,
            presence: Some(Presence::available()),
            nickname: None,
            sharing: PresenceSharing::default(),
            extensions: BTreeSet::new(),
            profile: Profile::default(),
            limits: ClientLimits::new(),
        }
    }

    /// The roster is not asked for, and no push of it comes.
    #[must_use]
    pub const fn without_roster(mut self) -> Self {
        self.roster = false;
        self
    }

    /// The roster as it was: if the server knows versions, only what changed since then has to come.
    #[must_use]
    pub fn with_cached_roster(mut self, cache: CachedRoster) -> Self {
        self.cache = Some(cache);
        self
    }

    /// The initial presence, or none: the client then gets neither messages to its account nor presence. Addresses are left out; what is
    /// not available presence counts as none.
    #[must_use]
    pub fn with_presence(mut self, presence: Option<Presence>) -> Self {
        self.presence = presence.filter(|presence| presence.type_() == PresenceType::Available);
        self
    }

    /// What the user would like to be called by those who are asked for a subscription (XEP-0172 section 4.1).
    #[must_use]
    pub fn with_nickname(mut self, nickname: &str) -> Self {
        self.nickname = Some(nickname.into());
        self
    }

    /// Who sees our presence because we chat.
    #[must_use]
    pub const fn with_presence_sharing(mut self, sharing: PresenceSharing) -> Self {
        self.sharing = sharing;
        self
    }

    /// The embedder understands elements of this namespace: requests with one are handed out instead of being refused, and messages with
    /// nothing else in them instead of being ignored (RFC 6120 section 8.4).
    #[must_use]
    pub fn with_extension(mut self, ns: &str) -> Self {
        self.extensions.insert(ns.into());
        self
    }

    /// Which generation of the RFC to follow where they differ.
    #[must_use]
    pub const fn with_profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// How much to keep.
    #[must_use]
    pub fn with_limits(mut self, limits: ClientLimits) -> Self {
        self.limits = limits;
        self
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self::new()
    }
}
