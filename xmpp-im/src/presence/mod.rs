//! Presence: who may ask for it and what they are told, who was told by address, and what a client may say (RFC 3921 section 5, RFC 6121
//! section 4).
//!
//! The rules alone, as functions of values: they know no sessions, send nothing and keep nothing. What an account does by them, and
//! in which order, is told under [`host`](crate::host).
//!
//! - RFC 3921 section 5.1.3, RFC 6121 sections 4.3.2 and 4.6.6: the answers to [probes](answer)
//! - RFC 3921 section 5.1.4, RFC 6121 section 4.6: the [list](Directed) of those who got directed presence
//! - RFC 6121 section 4.7.2: whether what a client says of itself is [well said](check)
//!
//! ```
//! use xmpp_core::jid::{FullJid, Jid};
//! use xmpp_core::profile::RefusedProbe;
//! use xmpp_core::stanza::{Presence, PresenceType, Show};
//! use xmpp_im::presence::{Known, Resource, answer};
//! use xmpp_im::subscription::State;
//!
//! let probe = Presence::new(PresenceType::Probe)
//!     .with_from(Jid::new("juliet@example.com")?)
//!     .with_to(Jid::new("romeo@example.net")?)
//!     .with_id("ign291v5");
//! let orchard = FullJid::new("romeo@example.net/orchard")?;
//! let busy = Presence::available().with_from(orchard.clone()).with_show(Some(Show::Dnd));
//! let resources = [Resource::new(&orchard).with_presence(Some(&busy))];
//!
//! // She is subscribed, so she sees what he said.
//! let known = Known::new(State::From, &resources);
//! assert_eq!(answer(&probe, &known, RefusedProbe::default()), [busy.clone().with_to(Jid::new("juliet@example.com")?)]);
//!
//! // A stranger learns nothing.
//! let refused = answer(&probe, &Known::new(State::None, &resources), RefusedProbe::default());
//! assert_eq!(refused[0].to_string(), "<presence to='juliet@example.com' from='romeo@example.net' id='ign291v5' type='unsubscribed'/>");
//! # Ok::<(), xmpp_core::jid::JidError>(())
//! ```

mod directed;
mod probe;
mod syntax;

pub use directed::Directed;
pub use probe::{Known, Resource, answer};
pub use syntax::{Fault, check};

#[cfg(test)]
mod tests;
