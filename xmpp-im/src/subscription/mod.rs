//! Subscriptions to presence: who sees whom, and how the two servers of a pair keep knowing it (RFC 3921 sections 8 and 9, RFC 6121
//! section 3 and appendix A).
//!
//! - [`TABLE`] is RFC 3921 as printed, [`DELTA_6121`] what RFC 6121 changed: approvals given in advance, a mark beside the nine states. [`Rules`]
//!   says whether it counts.
//! - A server calls [`step`] for each subscription stanza that its user sends or gets, and [`removal`] when a roster item goes.
//! - A client reads a contact's stanza with [`Notice::of`], and offers the user [`Command::all`].
//!
//! It has no rosters, sessions or addresses: whoever has them checks that a stanza goes from one bare JID to another, and performs the
//! [`Effect`]s in their order. It keeps no requests and sends nothing again.
//!
//! ```
//! use xmpp_im::subscription::{Audience, Direction, Effect, Kind, Rules, State, step};
//!
//! // Romeo asks, and Juliet's server delivers his request.
//! let asked = step(State::None, false, Direction::Inbound, Kind::Subscribe, Rules::new());
//! assert_eq!(asked.next(), State::NonePendingIn);
//! assert!(asked.effects().eq([Effect::KeepRequest, Effect::Deliver(Audience::Available)]));
//!
//! // Juliet approves.
//! let approved = step(asked.next(), asked.approved(), Direction::Outbound, Kind::Subscribed, Rules::new());
//! assert_eq!(approved.next(), State::From);
//! assert!(approved.effects().eq([Effect::ForgetRequest, Effect::Route, Effect::Push, Effect::SendPresence]));
//! ```
//!
//! # The states
//!
//! `out` is what the user sends, `in` what the contact sends. What is not drawn changes nothing.
//!
//! ```dot
#![doc = include_str!("states.dot")]
//! ```
//!
//! # What holds between two servers
//!
//! `tests/subscription_model.rs` visits every state that two users and their servers can get into: in order with at most four stanzas on
//! their way, and out of order without such a bound.
//!
//! **Whatever the network does**, stanzas lost, repeated, late or out of order:
//! presence goes to nobody but who is subscribed, nobody is subscribed unless `subscribed` was the user's last word, and a user is subscribed
//! or asks only if `subscribe` was.
//!
//! **After any loss** the subscriber's own `subscribe` or `unsubscribe`, with the contact's answer where one is due, makes both servers agree
//! on that subscription, and leaves the one in the other direction alone. So it is because these two are always routed, and because `subscribe` is answered where the
//! subscription stands (RFC 3921 sections 9.2 and 9.3). The two other kinds mend nothing: they go nowhere where they change nothing.
//!
//! **Without loss**, and in order, both servers agree whenever nothing is on its way, *unless a `subscribe` and an
//! `unsubscribed` cross*. No stanza names the request that it answers, so the subscriber's server takes the refusal of what was asked
//! before, or the end of what was granted before, for the answer to the new request, and forgets that it asked. The contact's server has the request,
//! and if the contact approves, presence goes to a server that does not expect it. An `unsubscribe` with a `subscribe` right behind it does that, because
//! the RFC's tables have it answered with `unsubscribed`. To leave that answer out, as RFC 6121 section 3.3.3 does while its appendix A.3.2 does not, would be
//! worse: then a `subscribed` that crosses the `unsubscribe` makes a user believe in a subscription that is not there. As it is, once nothing
//! is on its way, whoever believes to be subscribed is, and what was lost is a request: to ask again mends it.
//!
//! # Where the texts contradict themselves
//!
//! - RFC 6121 sections 3.2.3 and 3.3.3 ignore `unsubscribed` that refuses a request, and `unsubscribe` that withdraws one; the tables of its
//!   appendix A and of RFC 3921 deliver both. The tables count: otherwise no user would ever hear of a refusal.
//! - RFC 6121 section 3.2.2 rule 3, by the letter, sends `unavailable` to whom a request is refused: see [`step`].
//! - The `unavailable` of a contact is a stanza of its own, delivered as any presence is; nothing here waits for it.

mod client;
mod event;
mod state;
mod step;
mod table;

pub use client::{Command, Notice};
pub use event::{Direction, Kind};
pub use state::State;
pub use step::{Audience, Effect, Rules, Step, removal, step};
pub use table::{DELTA_6121, Delta, Row, TABLE};

#[cfg(test)]
mod tests;
