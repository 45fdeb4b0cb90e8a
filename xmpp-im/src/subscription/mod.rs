//! Subscriptions to presence: who sees whom, and how the two servers of a pair keep knowing it (RFC 3921 sections 8 and 9, RFC 6121
//! section 3 and appendix A).
//!
//! [`TABLE`] is the RFC's tables as data; [`step`] reads it for one stanza and says what follows, in order. It knows no
//! rosters, sessions or addresses: whoever has them performs the [`Effect`]s. It stands alone, for a server as for a client.
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

mod event;
mod state;
mod step;
mod table;

pub use event::{Direction, Kind};
pub use state::State;
pub use step::{Audience, Effect, Rules, Step, removal, step};
pub use table::{DELTA_6121, Delta, Row, TABLE};
