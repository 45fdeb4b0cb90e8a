//! The door for extensions, server side: what one matches, what it advertises, and what it does with what it gets.
//!
//! A [`Module`] is data, one value per host: which stanzas it wants ([`Match`]), which [`Hooks`] it has, what it [advertises](Advertised), and
//! the name under which it keeps state. For each owner that is in memory it opens a [`Part`], which handles stanzas and
//! puts out what is to be done through its [`Context`]. An owner is an account, one of the host's own domains ([`Target::Server`]), or one of
//! its own services ([`Target::Service`]). Parts see one owner, never another; nothing in them waits, blocks or looks at a clock.
//!
//! # One input is one step
//! All that the parts do about one stanza is one step: the changes are stored as one unit, and what is sent leaves after that, in order for each pair
//! of sender and receiver. If the store fails, none of it has happened: whoever sent the stanza gets `internal-server-error`, and the owner is loaded
//! again, with parts opened anew from what is stored. A part can therefore change its memory at once.
//!
//! An answer that a step without changes gives waits too, if what it may show is not stored yet: the part's own state, or the roster if
//! the part looked at it.
//!
//! # The order of hooks
//! Modules are asked in the order in which they were [given](crate::host::HostConfig::with_module), the built-in ones first. The first that says
//! [`Verdict::Handled`] ends the stanza's way.
//!
//! 1. A stanza that one of the account's sessions sends: [`Part::outgoing`], before any rule; what the account itself sends to others, presence to
//!    its contacts above all, passes there too.
//! 2. A stanza for the account or a resource of it: [`Part::incoming`], before any rule.
//! 3. If one of its matches fits, [`Part::handle`]. For [`Target::Session`] the resource has to be connected.
//! 4. The rules of RFC 3921: presence, subscriptions, and the table that says which resources get it; [`Part::admits`] is asked
//!    about each resource.
//! 5. [`Part::undeliverable`], for a message that no resource takes.
//!
//! [`Part::session_started`], [`Part::presence_changed`], [`Part::roster_changed`] and [`Part::session_ended`] come after what they tell of, within the same step.
//!
//! # What is not behind the door
//! Presence, subscriptions and the choice of resources are the order in which everything else happens: who is available decides who gets a stanza,
//! and a subscription stanza changes roster, presence and route in one step. They are the account itself. Roster requests, privacy
//! lists, blocking, offline messages and the formalities of a session are modules.
//!
//! # An example
//! A motto for each account, which everybody may read and its owner may change:
//!
//! ```
//! use std::sync::Arc;
//!
//! use xmpp_core::jid::BareJid;
//! use xmpp_core::stanza::{Condition, IqType, Stanza};
//! use xmpp_core::xml::Element;
//! use xmpp_im::module::{Advertised, BadState, Context, Kept, Match, Module, Part, Target, Verdict};
//!
//! const NS: &str = "urn:example:motto";
//! const MATCHES: [Match; 2] = [
//!     Match::get(Target::Account, NS, "motto"),
//!     Match::set(Target::Account, NS, "motto").for_owner(Condition::Forbidden),
//! ];
//!
//! #[derive(Debug)]
//! struct Mottos;
//!
//! impl Module for Mottos {
//!     fn name(&self) -> &'static str {
//!         "example-motto"
//!     }
//!
//!     fn matches(&self) -> &[Match] {
//!         &MATCHES
//!     }
//!
//!     fn keeps_state(&self) -> bool {
//!         true
//!     }
//!
//!     fn advertises(&self) -> Advertised {
//!         Advertised::default().with_feature(Target::Account, NS)
//!     }
//!
//!     fn open(&self, _: &BareJid, kept: Kept<'_>) -> Result<Box<dyn Part>, BadState> {
//!         let kept = kept.get("motto").unwrap_or_default();
//!         Ok(Box::new(Motto(String::from_utf8(kept.to_vec()).map_err(|_| BadState)?)))
//!     }
//! }
//!
//! /// The motto of one account.
//! #[derive(Debug)]
//! struct Motto(String);
//!
//! impl Part for Motto {
//!     fn handle(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
//!         let Stanza::Iq(iq) = stanza else { return Verdict::Continue };
//!         let motto = iq.payload().map(|payload| payload.text().into_owned()).unwrap_or_default();
//!         let answer = match iq.type_() {
//!             IqType::Set => {
//!                 self.0 = motto;
//!                 cx.keep("motto", Some(self.0.clone().into_bytes()));
//!                 iq.result_reply(None)
//!             }
//!             _ => iq.result_reply(Some(Element::builder(NS, "motto").text(&self.0).build())),
//!         };
//!         cx.reply(answer); // once what it tells of is stored
//!         Verdict::Handled
//!     }
//! }
//!
//! # use xmpp_core::entropy::Seed;
//! # use xmpp_core::time::{Instant, UtcTime};
//! # use xmpp_im::host::{Host, HostAction, HostConfig};
//! # use xmpp_im::store::Memory;
//! # let perform = |host: &mut Host, memory: &mut Memory| {
//! #     while let Some(action) = host.poll() {
//! #         match action {
//! #             HostAction::Load { ticket, account } => {
//! #                 host.loaded(Instant::ZERO, ticket, memory.load(&account)).expect("it was asked for");
//! #             }
//! #             HostAction::Persist(step) => {
//! #                 memory.apply(step.owner(), step.changes());
//! #                 host.persisted(Instant::ZERO, step.owner(), step.seq());
//! #             }
//! #             _ => {}
//! #         }
//! #     }
//! # };
//! let config = HostConfig::new([BareJid::new("example.com")?]).with_module(Arc::new(Mottos));
//! # let mut memory = Memory::new();
//! # let juliet = BareJid::new("juliet@example.com")?;
//! # memory.create(&juliet);
//! # let mut host = Host::new(config, Seed::new([1; 32]), UtcTime::UNIX_EPOCH);
//! # let session = host.bind(Instant::ZERO, &juliet, Some("balcony"))?.session();
//! // Bound, loaded and driven as the host's page shows it:
//! let set = "<iq type='set' id='s'><motto xmlns='urn:example:motto'>Parting is such sweet sorrow</motto></iq>";
//! host.receive(Instant::ZERO, session, set.parse()?)?;
//! # perform(&mut host, &mut memory);
//! let answer = host.take(session).expect("it is stored");
//! assert_eq!(answer.to_string(), "<iq to='juliet@example.com/balcony' id='s' type='result'/>");
//! assert_eq!(memory.load(&juliet).map(|data| data.state("example-motto").count()), Some(1));
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! `tests/module.rs` has one that uses all of the door, and does what a module should not do.

mod context;
mod hooks;
mod matching;
mod registry;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt::Debug;

use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Message, Stanza};
use xmpp_core::xml::Element;

use crate::roster::Roster;
use crate::session::SessionId;
use crate::store::{AccountData, OfflineMessage, OfflineSummary, RosterItem};

pub use self::context::{Context, Origin, SessionView};
pub use self::hooks::Hooks;
pub use self::matching::{Match, Target};
pub(crate) use self::registry::{Found, Modules};

/// An extension: one value per host.
pub trait Module: Debug + Send + Sync {
    /// Names the module and the state that it keeps; no two modules of a host have the same.
    fn name(&self) -> &'static str;

    /// The stanzas that it handles.
    fn matches(&self) -> &[Match] {
        &[]
    }

    /// The hooks that its parts have. Others are not called.
    fn hooks(&self) -> Hooks {
        Hooks::new()
    }

    /// Whether it keeps state, so that its owner has to be loaded before it can do anything.
    fn keeps_state(&self) -> bool {
        false
    }

    /// What clients are told of it.
    fn advertises(&self) -> Advertised {
        Advertised::default()
    }

    /// Opens its part for an owner, from what it kept.
    ///
    /// # Errors
    /// [`BadState`] if what it kept makes no sense. It stays as it is, requests for the module get `internal-server-error`, and its hooks are not
    /// called, until the owner is loaded again.
    fn open(&self, owner: &BareJid, kept: Kept<'_>) -> Result<Box<dyn Part>, BadState>;
}

/// What a module does for one owner, and what it has in memory for it.
pub trait Part: Debug + Send {
    /// A stanza that fits one of the module's matches. A request that is handled has to be answered once, now or in a later step.
    fn handle(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        let _ = (stanza, cx);
        Verdict::Continue
    }

    /// A stanza for the account or one of its resources, from whomever, before any rule.
    fn incoming(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        let _ = (stanza, cx);
        Verdict::Continue
    }

    /// A stanza that a session of the account sends, or that leaves in the account's name, before any rule.
    fn outgoing(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        let _ = (stanza, cx);
        Verdict::Continue
    }

    /// Whether this session may get this stanza, which came in. If not, it is routed as if the resource were not there.
    fn admits(&self, session: SessionView<'_>, stanza: &Stanza, roster: &Roster) -> bool {
        let _ = (session, stanza, roster);
        true
    }

    /// A message that no resource takes, before its sender is told.
    fn undeliverable(&mut self, message: &Message, cx: &mut Context<'_>) -> Verdict {
        let _ = (message, cx);
        Verdict::Continue
    }

    /// A session has started, or was there when the owner was loaded again: then what was [noted](Context::note) about it is still there.
    fn session_started(&mut self, session: SessionId, cx: &mut Context<'_>) {
        let _ = (session, cx);
    }

    /// A session has ended; it is not among the [sessions](Context::sessions) any more.
    fn session_ended(&mut self, session: SessionId, cx: &mut Context<'_>) {
        let _ = (session, cx);
    }

    /// A session has told its presence, or is no longer available.
    fn presence_changed(&mut self, session: SessionId, cx: &mut Context<'_>) {
        let _ = (session, cx);
    }

    /// The roster has something else under this address than `before`, or nothing any more.
    fn roster_changed(&mut self, contact: &Jid, before: Option<&RosterItem>, cx: &mut Context<'_>) {
        let _ = (contact, before, cx);
    }

    /// What was delivered under this [mark](Context::deliver_marked) is written to the session's transport.
    fn written(&mut self, session: SessionId, mark: u64, cx: &mut Context<'_>) {
        let _ = (session, mark, cx);
    }

    /// The offline messages behind that number that it [asked for](Context::load_messages) are there, in the order of their numbers;
    /// `None`: they could not be loaded.
    fn messages_loaded(&mut self, after: u64, messages: Option<Vec<OfflineMessage>>, cx: &mut Context<'_>) {
        let _ = (after, messages, cx);
    }
}

/// What a part says about a stanza.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Verdict {
    /// It goes on its way.
    Continue,
    /// It is done with.
    Handled,
}

/// What a module kept makes no sense to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BadState;

impl core::fmt::Display for BadState {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the state that was kept makes no sense")
    }
}

impl core::error::Error for BadState {}

/// What a module has kept for an owner: values under keys.
#[derive(Clone, Copy, Debug)]
pub struct Kept<'a> {
    data: &'a AccountData,
    module: &'a str,
}

impl<'a> Kept<'a> {
    /// What this module has kept among all that is kept of an owner.
    #[must_use]
    pub const fn new(data: &'a AccountData, module: &'a str) -> Self {
        Kept { data, module }
    }

    /// The value under that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&'a [u8]> {
        self.data.state.get(self.module)?.get(key).map(Vec::as_slice)
    }

    /// All of it, in the order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> + Clone + use<'a> {
        self.data.state(self.module)
    }

    /// How many offline messages there are.
    #[must_use]
    pub const fn offline(&self) -> OfflineSummary {
        self.data.offline()
    }
}

/// What clients are told of a module.
#[derive(Clone, Debug, Default)]
pub struct Advertised {
    stream: Vec<Element>,
    features: Vec<(Target, &'static str)>,
}

impl Advertised {
    /// A stream feature, told to clients that have authenticated (RFC 6120 section 4.3.2).
    #[must_use]
    pub fn with_stream_feature(mut self, feature: Element) -> Self {
        self.stream.push(feature);
        self
    }

    /// A feature of that kind of address, as service discovery tells it.
    #[must_use]
    pub fn with_feature(mut self, target: Target, feature: &'static str) -> Self {
        self.features.push((target, feature));
        self
    }

    /// The stream features.
    #[must_use]
    pub fn stream_features(&self) -> &[Element] {
        &self.stream
    }

    pub(crate) fn into_stream_features(self) -> Vec<Element> {
        self.stream
    }

    pub(crate) fn into_features(self, target: Target) -> impl Iterator<Item = &'static str> {
        self.features.into_iter().filter(move |(of, _)| *of == target).map(|(_, feature)| feature)
    }

    /// The features of one kind of address.
    pub fn features(&self, target: Target) -> impl Iterator<Item = &'static str> {
        self.features.iter().filter(move |(of, _)| *of == target).map(|(_, feature)| *feature)
    }
}
