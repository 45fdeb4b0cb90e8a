//! RFC 3921 / 6121 as pure state machines: sessions, presence, rosters and delivery, for servers.
//!
//! It stands on [`xmpp_core`] and shares its way: no socket, clock, thread or storage inside. A [`host::Host`] takes the stanzas
//! of its sessions as values and hands out what has to be done: stanzas for sessions, components and foreign domains, accounts to load and
//! changes to store. A [`federation::Federation`] stands beside it where there are foreign domains, and says which streams to open to them.
//!
//! A client has the same rules from the other side: [`client::ClientSession`] above any bound stream, [`client::Client`] with the stream below it. Each
//! part can be had alone: the [tables of subscriptions](subscription), a [privacy list](privacy::List), the [table of deliveries](routing).
//! What extends a server stands outside, behind the [door for modules](module).
//!
//! # By section
//!
//! | RFC 3921 | RFC 6121 | what | where |
//! |---|---|---|---|
//! | 2 | 4.7, 5.2 | what is in messages and presence | [`xmpp_core::stanza`]; what a client may say of itself: [`presence::check`] |
//! | 3 | - | session establishment | [`establish`], [`client`] |
//! | 4 | 5 | messages: whom they are for, threads, chat sessions | [`client`] |
//! | 5.1.1 to 5.1.5 | 4.2, 4.4 to 4.6 | presence: broadcast, updates, errors, directed presence, the end | [`host`], by [`presence::Directed`] |
//! | 5.1.3 | 4.3 | probes and their answers | [`presence::answer`], [`host`] |
//! | 5.1.6, 6 | 3.1 to 3.4 | asking for a subscription, answering, cancelling, approving in advance | [`host`], [`client`] |
//! | 5.2, 5.3, 5.4 | 4.7 | type, show, status, priority | [`xmpp_core::stanza::Presence`], [`presence::check`] |
//! | 7 | 2 | rosters: get, set, remove, pushes, versions | [`roster`], [`client::RosterMirror`] |
//! | 8 | 3, 2.5 | rosters and subscriptions together, in which order | [`subscription::Step::effects`], [`subscription::removal`], done by [`host`] |
//! | 9 | appendix A | the nine states, and what each stanza does in them | [`subscription::State`], [`subscription::TABLE`], [`subscription::DELTA_6121`] |
//! | 9.4 | - | requests that wait for an answer, notices that nobody has heard | [`roster::Roster::keep`], [`store::Pending`] |
//! | 10 | - | privacy lists (XEP-0016), the blocking command (XEP-0191) | [`privacy`], [`blocking`], [`client`] |
//! | 11 | 8 | which resources get a stanza, and what its sender is told if none does | [`routing`], [`host`] |
//! | 11.1 | 8.5.2.2 | messages for accounts of which nobody is there (XEP-0160, XEP-0203) | [`offline`], [`delay`] |
//! | 12 | 12 | what a server and a client have to be able to do | `tests/rfc6121_s12_conformance.rs` |
//! | 13, 14 | 10, 11 | internationalisation, security | [`xmpp_core::jid`], [`xmpp_core::xml`]; [`presence::answer`] and [`routing`], which tell strangers nothing |
//!
//! # Around it
//!
//! | what | where |
//! |---|---|
//! | resource binding, RFC 6120 section 7, who gives way at a conflict, accounts without a password (XEP-0175) | [`host`] |
//! | where stanzas go: accounts, components, foreign domains, RFC 3920 section 10, RFC 6120 section 10 | [`host`] |
//! | other servers: what waits for them, and which streams carry it, RFC 3920 section 10, RFC 6120 section 10.4 | [`federation`] |
//! | extensions that are not here | [`module`] |
//! | what storage has to do | [`store`] |
//! | how much of everything | [`limits`], [`client::ClientLimits`], [`federation::FederationLimits`] |
//! | which generation of the RFCs, where both are safe | [`xmpp_core::profile`] |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod account;
pub mod blocking;
pub mod client;
pub mod delay;
pub mod establish;
pub mod federation;
pub mod host;
pub mod limits;
pub mod module;
pub mod offline;
pub mod presence;
pub mod privacy;
pub mod roster;
pub mod routing;
mod session;
pub mod store;
pub mod subscription;
