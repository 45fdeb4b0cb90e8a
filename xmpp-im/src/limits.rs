//! How much a host gives to each account.

/// The limits of a [`Host`](crate::host::Host); the defaults are the project's.
///
/// ```
/// use xmpp_im::limits::HostLimits;
///
/// assert_eq!(HostLimits::new().with_sessions(2).sessions(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostLimits {
    sessions: usize,
    roster_items: usize,
    roster_bytes: usize,
    roster_text: usize,
    roster_groups: usize,
    roster_removed: usize,
    roster_pending: usize,
    roster_pending_bytes: usize,
    outbox_bytes: usize,
    parked_stanzas: usize,
    parked_bytes: usize,
    directed: usize,
    module_stanzas: usize,
    background_loads: usize,
    idle_accounts: usize,
    privacy_lists: usize,
    privacy_items: usize,
    privacy_bytes: usize,
    privacy_text: usize,
    offline_messages: usize,
    offline_bytes: usize,
}

impl HostLimits {
    /// Per account 16 sessions, 10,000 roster items of 4 MiB, 1,000 subscription requests of 4 MiB, 32 privacy lists of 256 items and 1 MiB in
    /// all, 1,000 offline messages of 4 MiB, texts of 1,023 bytes; per session 1 MiB of waiting stanzas and 256 receivers of directed presence; 64 stanzas or 1 MiB for an
    /// account that is being loaded.
    #[must_use]
    pub const fn new() -> Self {
        HostLimits {
            sessions: 16,
            roster_items: 10_000,
            roster_bytes: 4 << 20,
            roster_text: 1_023,
            roster_groups: 100,
            roster_removed: 1_000,
            roster_pending: 1_000,
            roster_pending_bytes: 4 << 20,
            outbox_bytes: 1 << 20,
            parked_stanzas: 64,
            parked_bytes: 1 << 20,
            directed: 256,
            module_stanzas: 20_000,
            background_loads: 256,
            idle_accounts: 64,
            privacy_lists: 32,
            privacy_items: 256,
            privacy_bytes: 1 << 20,
            privacy_text: 1_023,
            offline_messages: 1_000,
            offline_bytes: 4 << 20,
        }
    }

    /// Sessions per account.
    #[must_use]
    pub const fn sessions(&self) -> usize {
        self.sessions
    }

    /// Items per roster.
    #[must_use]
    pub const fn roster_items(&self) -> usize {
        self.roster_items
    }

    /// Bytes of addresses, names and groups in a roster.
    #[must_use]
    pub const fn roster_bytes(&self) -> usize {
        self.roster_bytes
    }

    /// Bytes in the name of a contact, and in the name of a group.
    #[must_use]
    pub const fn roster_text(&self) -> usize {
        self.roster_text
    }

    /// Groups per roster item.
    #[must_use]
    pub const fn roster_groups(&self) -> usize {
        self.roster_groups
    }

    /// Contacts that were removed and are remembered, so that clients which missed it can be told (RFC 6121 section 2.6.3).
    #[must_use]
    pub const fn roster_removed(&self) -> usize {
        self.roster_removed
    }

    /// Requests for a subscription that wait for the user's answer, and likewise notices that nobody was told yet. Strangers make them,
    /// and they are stored whole (RFC 6121 section 3.1.3).
    #[must_use]
    pub const fn roster_pending(&self) -> usize {
        self.roster_pending
    }

    /// Bytes of those requests together, and likewise of those notices.
    #[must_use]
    pub const fn roster_pending_bytes(&self) -> usize {
        self.roster_pending_bytes
    }

    /// Bytes of stanzas that may wait for a session whose client does not read.
    #[must_use]
    pub const fn outbox_bytes(&self) -> usize {
        self.outbox_bytes
    }

    /// Stanzas that may wait for an account to be loaded.
    #[must_use]
    pub const fn parked_stanzas(&self) -> usize {
        self.parked_stanzas
    }

    /// Bytes of stanzas that may wait for an account to be loaded.
    #[must_use]
    pub const fn parked_bytes(&self) -> usize {
        self.parked_bytes
    }

    /// Addresses that a session may have told that it is available, and that are told when it no longer is (RFC 6121 section 4.6).
    #[must_use]
    pub const fn directed(&self) -> usize {
        self.directed
    }

    /// Stanzas that [modules](crate::module) may send because of one stanza, and because of what they send.
    #[must_use]
    pub const fn module_stanzas(&self) -> usize {
        self.module_stanzas
    }

    /// Accounts without session that are in memory because somebody writes to them.
    #[must_use]
    pub const fn background_loads(&self) -> usize {
        self.background_loads
    }

    /// Accounts without session that stay in memory although nothing has to be done for them, so that a burst does not load them anew.
    #[must_use]
    pub const fn idle_accounts(&self) -> usize {
        self.idle_accounts
    }

    /// Messages that may wait for an account until somebody is there (XEP-0160).
    #[must_use]
    pub const fn offline_messages(&self) -> usize {
        self.offline_messages
    }

    /// Bytes of the messages that may wait for an account.
    #[must_use]
    pub const fn offline_bytes(&self) -> usize {
        self.offline_bytes
    }

    /// Bytes of waiting messages that are in memory at once, on their way to a session: little enough to leave room in its outbox.
    pub(crate) const fn offline_page(&self) -> usize {
        self.outbox_bytes / 8
    }

    /// Sets [`offline_messages`](Self::offline_messages) and [`offline_bytes`](Self::offline_bytes).
    #[must_use]
    pub const fn with_offline(mut self, messages: usize, bytes: usize) -> Self {
        self.offline_messages = messages;
        self.offline_bytes = bytes;
        self
    }

    /// Sets [`module_stanzas`](Self::module_stanzas).
    #[must_use]
    pub const fn with_module_stanzas(mut self, stanzas: usize) -> Self {
        self.module_stanzas = stanzas;
        self
    }

    /// Sets [`background_loads`](Self::background_loads).
    #[must_use]
    pub const fn with_background_loads(mut self, accounts: usize) -> Self {
        self.background_loads = accounts;
        self
    }

    /// Sets [`idle_accounts`](Self::idle_accounts).
    #[must_use]
    pub const fn with_idle_accounts(mut self, accounts: usize) -> Self {
        self.idle_accounts = accounts;
        self
    }

    /// Privacy lists per account.
    #[must_use]
    pub const fn privacy_lists(&self) -> usize {
        self.privacy_lists
    }

    /// Items per privacy list, and addresses in one blocking command.
    #[must_use]
    pub const fn privacy_items(&self) -> usize {
        self.privacy_items
    }

    /// Bytes of names and values in the privacy lists of an account.
    #[must_use]
    pub const fn privacy_bytes(&self) -> usize {
        self.privacy_bytes
    }

    /// Bytes in the name of a privacy list.
    #[must_use]
    pub const fn privacy_text(&self) -> usize {
        self.privacy_text
    }

    /// Sets [`sessions`](Self::sessions).
    #[must_use]
    pub const fn with_sessions(mut self, sessions: usize) -> Self {
        self.sessions = sessions;
        self
    }

    /// Sets [`directed`](Self::directed).
    #[must_use]
    pub const fn with_directed(mut self, addresses: usize) -> Self {
        self.directed = addresses;
        self
    }

    /// Sets [`privacy_lists`](Self::privacy_lists).
    #[must_use]
    pub const fn with_privacy_lists(mut self, lists: usize) -> Self {
        self.privacy_lists = lists;
        self
    }

    /// Sets [`privacy_items`](Self::privacy_items).
    #[must_use]
    pub const fn with_privacy_items(mut self, items: usize) -> Self {
        self.privacy_items = items;
        self
    }

    /// Sets [`privacy_bytes`](Self::privacy_bytes).
    #[must_use]
    pub const fn with_privacy_bytes(mut self, bytes: usize) -> Self {
        self.privacy_bytes = bytes;
        self
    }

    /// Sets [`privacy_text`](Self::privacy_text).
    #[must_use]
    pub const fn with_privacy_text(mut self, bytes: usize) -> Self {
        self.privacy_text = bytes;
        self
    }

    /// Sets [`roster_items`](Self::roster_items).
    #[must_use]
    pub const fn with_roster_items(mut self, items: usize) -> Self {
        self.roster_items = items;
        self
    }

    /// Sets [`roster_bytes`](Self::roster_bytes).
    #[must_use]
    pub const fn with_roster_bytes(mut self, bytes: usize) -> Self {
        self.roster_bytes = bytes;
        self
    }

    /// Sets [`roster_text`](Self::roster_text).
    #[must_use]
    pub const fn with_roster_text(mut self, bytes: usize) -> Self {
        self.roster_text = bytes;
        self
    }

    /// Sets [`roster_groups`](Self::roster_groups).
    #[must_use]
    pub const fn with_roster_groups(mut self, groups: usize) -> Self {
        self.roster_groups = groups;
        self
    }

    /// Sets [`roster_removed`](Self::roster_removed).
    #[must_use]
    pub const fn with_roster_removed(mut self, contacts: usize) -> Self {
        self.roster_removed = contacts;
        self
    }

    /// Sets [`roster_pending`](Self::roster_pending) and [`roster_pending_bytes`](Self::roster_pending_bytes).
    #[must_use]
    pub const fn with_roster_pending(mut self, stanzas: usize, bytes: usize) -> Self {
        self.roster_pending = stanzas;
        self.roster_pending_bytes = bytes;
        self
    }

    /// Sets [`outbox_bytes`](Self::outbox_bytes).
    #[must_use]
    pub const fn with_outbox_bytes(mut self, bytes: usize) -> Self {
        self.outbox_bytes = bytes;
        self
    }

    /// Sets [`parked_stanzas`](Self::parked_stanzas) and [`parked_bytes`](Self::parked_bytes).
    #[must_use]
    pub const fn with_parked(mut self, stanzas: usize, bytes: usize) -> Self {
        self.parked_stanzas = stanzas;
        self.parked_bytes = bytes;
        self
    }
}

impl Default for HostLimits {
    fn default() -> Self {
        Self::new()
    }
}
