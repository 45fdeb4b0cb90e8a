//! How much a client's session keeps of what others send.

use core::time::Duration;

/// The limits of a [`ClientSession`](super::ClientSession). Nothing that a server, a contact or a stranger sends makes it keep more.
///
/// Presence of contacts is bounded by contact, so that one who floods only displaces itself: all of them together can fill
/// `roster_items` × `presence_bytes`. Presence of everybody else, such as the occupants of rooms, has one common bound.
///
/// ```
/// use xmpp_im::client::ClientLimits;
///
/// assert_eq!(ClientLimits::new().with_resources(2).resources(), 2);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    requests: usize,
    patience: Duration,
    received: usize,
    received_bytes: usize,
    queue: usize,
    roster_items: usize,
    roster_bytes: usize,
    resources: usize,
    presence_bytes: usize,
    strangers: usize,
    stranger_bytes: usize,
    subscription_requests: usize,
    subscription_bytes: usize,
    blocked: usize,
    chats: usize,
    chat_idle: Duration,
}

impl ClientLimits {
    /// 1,000 requests of ours and 100 of others (1 MiB) for 60 seconds each, 1,000 actions that wait to be polled, 10,000 roster items of
    /// 4 MiB, 64 resources and 64 KiB of presence per contact, 4,096 presences of 4 MiB from everybody else, 1,000 subscription requests of
    /// 1 MiB, 10,000 addresses in one change of the blocklist, 1,000 chat sessions that end after 30 minutes of silence.
    #[must_use]
    pub const fn new() -> Self {
        ClientLimits {
            requests: 1_000,
            patience: Duration::from_secs(60),
            received: 100,
            received_bytes: 1 << 20,
            queue: 1_000,
            roster_items: 10_000,
            roster_bytes: 4 << 20,
            resources: 64,
            presence_bytes: 64 << 10,
            strangers: 4_096,
            stranger_bytes: 4 << 20,
            subscription_requests: 1_000,
            subscription_bytes: 1 << 20,
            blocked: 10_000,
            chats: 1_000,
            chat_idle: Duration::from_secs(30 * 60),
        }
    }
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self::new()
    }
}

/// Writes getter and setter of each limit.
macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident, $with:ident: $type_:ty;)*) => {
        impl ClientLimits {
            $(
                $(#[$doc])*
                #[must_use]
                pub const fn $name(&self) -> $type_ {
                    self.$name
                }

                #[doc = concat!("Sets [`", stringify!($name), "`](Self::", stringify!($name), ").")]
                #[must_use]
                pub const fn $with(mut self, $name: $type_) -> Self {
                    self.$name = $name;
                    self
                }
            )*
        }
    };
}

limits! {
    /// Requests of ours that may wait for their responses.
    requests, with_requests: usize;
    /// How long a request may take, ours or another's.
    patience, with_patience: Duration;
    /// Requests of others that may wait for the embedder's answer.
    received, with_received: usize;
    /// Bytes of memory in them.
    received_bytes, with_received_bytes: usize;
    /// Actions that may wait to be polled before commands are refused.
    queue, with_queue: usize;
    /// Items of the roster.
    roster_items, with_roster_items: usize;
    /// Bytes of addresses, names and groups in the roster.
    roster_bytes, with_roster_bytes: usize;
    /// Resources of one contact whose presence is kept.
    resources, with_resources: usize;
    /// Bytes of memory in the presence of one contact.
    presence_bytes, with_presence_bytes: usize;
    /// Presences that are kept of all those who are no contacts.
    strangers, with_strangers: usize;
    /// Bytes of memory in them.
    stranger_bytes, with_stranger_bytes: usize;
    /// Subscription requests that are kept until they are answered; the oldest ones give way.
    subscription_requests, with_subscription_requests: usize;
    /// Bytes of memory in them.
    subscription_bytes, with_subscription_bytes: usize;
    /// Addresses in one change of the blocklist.
    blocked, with_blocked: usize;
    /// Chat sessions; the one that was silent for longest gives way.
    chats, with_chats: usize;
    /// The silence that ends a chat session (RFC 6121 section 5.1).
    chat_idle, with_chat_idle: Duration;
}
