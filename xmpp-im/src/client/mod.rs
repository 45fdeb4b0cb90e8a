//! The client's side: what an instant messaging client does on its stream, above [`xmpp_core::conn::ClientConnection`].
//!
//! [`Client`] is a whole client, driven with bytes. [`ClientSession`] is its upper half alone: stanzas and time in, stanzas and events out.
//!
//! - RFC 3921 section 3: a session where the server demands one
//! - RFC 3921 section 7, RFC 6121 section 2: the roster, asked for at the start, by version if the server knows those; pushes from our own account only
//! - RFC 3921 section 8, RFC 6121 section 3: subscriptions, which a user asks for and answers; approval in advance where it is offered
//! - RFC 3921 section 5, RFC 6121 section 4: presence of ours, and a view of everybody else's
//! - RFC 6121 section 5: chat sessions, with threads, that follow the partner's resource
//! - RFC 3921 section 10, XEP-0191: privacy lists and the blocking command
//! - RFC 6120 section 8.2.3: requests of ours, each of which ends once; requests of others, each of which is answered once (XEP-0199 by itself)
//!
//! It does not reconnect, store, or decide for the user: no request is approved by itself. It acknowledges no `subscribed` or `unsubscribed` with
//! presence of its own, as RFC 3921 section 8 wants and RFC 6121 no longer does.
//!
//! ```
//! use xmpp_core::entropy::Seed;
//! use xmpp_core::jid::FullJid;
//! use xmpp_core::stanza::Stanza;
//! use xmpp_core::stream::Features;
//! use xmpp_core::time::Instant;
//! use xmpp_im::client::{ClientSession, SessionAction, SessionConfig};
//!
//! let juliet = FullJid::new("juliet@example.com/balcony")?;
//! let features = Features::new().with_bind();
//! let mut session = ClientSession::new(SessionConfig::new(), juliet, &features, Seed::new([1; 32]), Instant::ZERO);
//! let Some(SessionAction::Send(Stanza::Iq(get))) = session.poll() else { panic!("it asks for the roster") };
//! assert!(get.to_string().ends_with(" type='get'><query xmlns='jabber:iq:roster'/></iq>"));
//!
//! // No contacts yet; now that this is known, everybody may know that we are here.
//! session.receive(Instant::ZERO, get.result_reply(None).into());
//! let actions: Vec<_> = core::iter::from_fn(|| session.poll()).collect();
//! assert!(matches!(&actions[..], [SessionAction::Event(_), SessionAction::Send(Stanza::Presence(_))]));
//! assert!(session.roster().is_empty());
//! # Ok::<(), xmpp_core::jid::JidError>(())
//! ```

mod applied;
mod chats;
mod command;
mod config;
mod drive;
mod event;
mod limits;
mod presences;
mod received;
mod requests;
mod roster;
mod session;

pub use command::CommandError;
pub use config::{CachedRoster, PresenceSharing, SessionConfig};
pub use drive::{Client, ClientAction};
pub use event::{ClientEvent, Ended, Failure, SessionAction, SubscriptionStanza};
pub use limits::ClientLimits;
pub use presences::Presences;
pub use received::ReceivedId;
pub use roster::{Contact, RosterMirror};
pub use session::ClientSession;

use xmpp_core::stanza::Stanza;

/// The stream feature of roster versions (RFC 6121 section 2.6.1).
const ROSTER_VERSIONS: &str = "urn:xmpp:features:rosterver";
/// The stream feature of approval in advance (RFC 6121 section 3.4).
const PRE_APPROVAL: &str = "urn:xmpp:features:pre-approval";
/// Nicknames (XEP-0172).
const NICK: &str = "http://jabber.org/protocol/nick";

/// Whether nobody waits for the fate of that stanza: it answers a request.
fn is_response(stanza: &Stanza) -> bool {
    matches!(stanza, Stanza::Iq(iq) if !iq.is_request())
}

#[cfg(test)]
mod tests;
