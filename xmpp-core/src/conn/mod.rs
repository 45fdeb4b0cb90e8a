//! Connections: one end of a stream as a machine that bytes and time go into, and owned actions come out of.
//!
//! There is one type per role, so that a connection can only be asked what its role can do. All are driven alike, through [`Drive`].
//!
//! | to be | take | stanzas flow from | it asks |
//! |---|---|---|---|
//! | a client, a bot | [`ClientConnection`] | [`Event::Online`] | derivations |
//! | a server, towards its clients | [`ServerConnection`] | [`Event::Online`] | credentials, derivations, bindings |
//! | a server that sends stanzas to another one, or asks it about keys | [`PeerOutbound`] | [`Event::Authorized`], out only | nothing |
//! | a server that gets them from another one | [`PeerInbound`] | [`Event::Authorized`], in only | verifications |
//! | a component, such as a gateway | [`ComponentConnection`] | [`Event::Attached`] | nothing |
//! | a server, towards its components | [`ComponentAcceptor`] | [`Event::Attached`] | nothing |
//!
//! A server that federates has a stream each way with every other one: `xmpp_im::federation` says when to open which. Where to connect
//! to is what [`resolve`](crate::resolve) finds out. Where TLS comes before the stream (XEP-0368), `over_tls` makes the connection.
//!
//! # The driving contract
//!
//! 1. What the peer does wrong comes out as actions. An `Err` is the embedder's own [`Misuse`], and changes nothing.
//! 2. [`poll`](Drive::poll) until `None`, and perform each action before the next. One element of the first level is taken per step, so the
//!    machine never runs ahead of what the embedder has seen.
//! 3. A bad stanza gets a stanza error, and the stream lives; a bad stream ends with a stream error.
//! 4. Neighbouring [`Action::Transmit`]s come as one. After [`Action::CloseTransport`] there is nothing more.
//! 5. Call [`handle_timeout`](Drive::handle_timeout) at [`poll_timeout`](Drive::poll_timeout); early calls do nothing. After it, the next
//!    deadline is later. Time never runs back.
//! 6. What comes out depends only on the configuration, the seed and the timed input, however that input is cut into chunks.
//! 7. Answer a [`Question`] with its [`Ticket`]; an answer that comes too late, or after the transport ended, is
//!    [`Misuse::Stale`] and harmless; what was made for it, such as the session of a [`BindAnswer`], is the embedder's to undo.
//! 8. Offer bytes only while [`wants_input`](Drive::wants_input): while TLS or a question is open, what the peer sends stays in the socket.
//!    There is one such question at a time, and the negotiation waits for its answer. A [verification](Question::Verification) alone does not
//!    stop the input: [several](crate::limits::Limits::dialbacks) may be open, to be answered in any order.
//! 9. Each stanza that `send` takes goes out, or [`Event::Closed`] hands it back. [`CloseReason::retry`] says whether another connection may
//!    fare better.
//! 10. [`transport_closed`](Drive::transport_closed) still has the elements handed in that came whole, and tells a clean end from a cut.
//!
//! An idle connection holds no buffer. Measured by `tests/memory.rs` with a counting allocator on a 64-bit machine: a
//! `ServerConnection` is 1,784 bytes; once its client is online and silent, 813 bytes on the heap belong to it, and 301 after it has carried
//! large stanzas and fallen silent again. A `PeerInbound` with one domain proved is 1,648 bytes and 1,757 on the heap, a `PeerOutbound` 1,528
//! and 2,031.
//!
//! ```
//! use xmpp_core::conn::{Action, Drive};
//! use xmpp_core::time::Instant;
//!
//! /// Moves bytes until the machine has had enough; `read` and `write` are whatever the embedder has.
//! fn run(conn: &mut impl Drive, mut read: impl FnMut() -> Vec<u8>, mut write: impl FnMut(&[u8])) {
//!     let now = Instant::ZERO; // the embedder's clock
//!     loop {
//!         while let Some(action) = conn.poll() {
//!             match action {
//!                 Action::Transmit(bytes) => write(&bytes),
//!                 Action::CloseTransport(_) => return,
//!                 _ => {} // TLS, questions, events
//!             }
//!         }
//!         if conn.poll_timeout().is_some_and(|at| at <= now) {
//!             conn.handle_timeout(now);
//!         } else if conn.wants_input() {
//!             match read() {
//!                 bytes if bytes.is_empty() => conn.transport_closed(now),
//!                 bytes => conn.receive(now, &bytes).expect("input was wanted"),
//!             }
//!         } else {
//!             return; // something else has to happen first
//!         }
//!     }
//! }
//! ```

mod action;
mod client;
mod client_config;
mod component;
mod component_acceptor;
mod connection;
mod core;
mod machine;
mod peer_config;
mod peer_in;
mod peer_out;
mod proof;
mod question;
mod server;
mod server_config;
mod starttls;
mod timer;

pub use action::{
    Action, AuthenticationFault, Close, CloseReason, Closed, Event, Method, Online, Refusal, Retry, SendId,
    TlsFault, VerifyId, Warning,
};
pub use client::ClientConnection;
pub use client_config::ClientConfig;
pub use component::{ComponentConfig, ComponentConnection};
pub use component_acceptor::{ComponentAcceptor, ComponentAcceptorConfig};
pub use peer_config::{PeerConfig, PeerOutboundConfig};
pub use peer_in::PeerInbound;
pub use peer_out::PeerOutbound;
pub use proof::Identity;
pub use question::{
    Answer, BindAnswer, Binding, Credentials, Derivation, DerivationAnswer, Dialback, Query, Question, Ticket,
};
pub use server::ServerConnection;
pub use server_config::ServerConfig;
pub use timer::Timer;

use crate::error::Misuse;
use crate::time::Instant;

/// The face of a connection over a byte stream. [The module](self) tells the rules.
pub trait Drive {
    /// Takes bytes that came from the transport, through TLS once there is TLS.
    ///
    /// # Errors
    /// [`Misuse::NotWantingInput`] or [`Misuse::Closed`]: nothing was taken.
    fn receive(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Misuse>;

    /// Lets deadlines pass.
    fn handle_timeout(&mut self, now: Instant);

    /// The transport ended, in whatever way. What came before is still handed in.
    fn transport_closed(&mut self, now: Instant);

    /// The next action; `None` when there is nothing to do until something comes in.
    fn poll(&mut self) -> Option<Action>;

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; `None` when there is no deadline.
    fn poll_timeout(&self) -> Option<Instant>;

    /// Whether [`receive`](Self::receive) takes bytes now.
    fn wants_input(&self) -> bool;
}
