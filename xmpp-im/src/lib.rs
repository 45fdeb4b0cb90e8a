//! RFC 3921 / 6121 as pure state machines: sessions, presence, rosters and delivery, for servers.
//!
//! It stands on [`xmpp_core`] and shares its way: no socket, clock, thread or storage inside. A [`host::Host`] takes the stanzas
//! of its sessions as values and hands out what has to be done: stanzas for sessions, components and foreign domains, accounts to load and
//! changes to store. A [`federation::Federation`] stands beside it where there are foreign domains, and says which streams to open to them.
//!
//! | rule | place |
//! |---|---|
//! | resource binding, RFC 6120 section 7, who gives way at a conflict, accounts without a password (XEP-0175) | [`host`] |
//! | where stanzas go: accounts, components, foreign domains, RFC 3920 section 10, RFC 6120 section 10 | [`host`] |
//! | session establishment, RFC 3921 section 3 | [`establish`] |
//! | presence and subscriptions of an account, RFC 3921 sections 5 and 8, RFC 6121 sections 3 and 4 | [`host`] |
//! | the door for extensions, which the parts below use as well | [`module`] |
//! | who may ask for presence, and what they are told, RFC 3921 section 5, RFC 6121 section 4 | [`presence`] |
//! | rosters, RFC 3921 section 7, RFC 6121 section 2 | [`roster`] |
//! | whom an account does not want to hear from, RFC 3921 section 10, XEP-0191 | [`privacy`], [`blocking`] |
//! | delivery to resources, RFC 3921 section 11, RFC 6121 section 8.5 | [`routing`] |
//! | other servers: what waits for them, and which streams carry it, RFC 3920 section 10, RFC 6120 section 10.4 | [`federation`] |
//! | messages for accounts of which nobody is there, XEP-0160 | [`offline`] |
//! | delayed delivery, XEP-0203 | [`delay`] |
//! | what a subscription is in, and what each stanza of one does, RFC 3921 section 9, RFC 6121 section 3 | [`subscription`] |
//! | all of it from the other side: sessions, rosters, presence, chats of a client | [`client`] |
//! | what storage has to do | [`store`] |
//! | how much of everything | [`limits`], [`federation::FederationLimits`] |
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
