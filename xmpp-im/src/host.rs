//! A host: one server's accounts and sessions, taking and giving stanzas as values, never bytes.
//!
//! A connection lives with its transport, a host with the accounts. Between them travel owned values: a stanza that came in
//! goes to [`Host::receive`]; what a session is to get waits in its outbox until [`Host::take`] asks for it. What has to be done
//! comes out of [`Host::poll`], in order.
//!
//! What is for a foreign domain or for a component comes out of it too, as [`HostAction::Foreign`] if the host
//! [federates](HostConfig::with_federation), and as [`HostAction::Component`] while that component is [attached](Host::attach_component);
//! what comes from there goes to [`Host::deliver`]. How a domain is reached, and what waits for it until then, [`federation`](crate::federation) knows.
//!
//! - RFC 6120 section 7: sessions under resources, and who gives way at a conflict
//! - RFC 6120 section 10: where stanzas go, in order for each pair of sender and receiver
//! - RFC 6121 sections 2 to 4 and 8.5: rosters, subscriptions, presence, and which resources get a stanza
//! - XEP-0175: accounts that live only as long as their session
//!
//! An account is in memory while it has a session, and for whoever writes to it as far as what it has kept makes a difference: messages that may
//! be stored, subscriptions, probes, and requests that a [module](crate::module) handles. How many are there for that alone is
//! [bounded](crate::limits::HostLimits::background_loads). Anything else to an account without sessions is answered at once, as if there
//! were no such account. What one stanza makes an account do is one step, stored as one [`Persist`](crate::store::Persist); nothing that it says
//! leaves before. The host's own answers to a session leave only when what the session sent before them was delivered, stored or refused.
//!
//! ```
//! use xmpp_core::entropy::Seed;
//! use xmpp_core::jid::BareJid;
//! use xmpp_core::stanza::{PresenceType, Stanza};
//! use xmpp_core::time::{Instant, UtcTime};
//! use xmpp_im::host::{Host, HostAction, HostConfig, SessionId};
//! use xmpp_im::store::{Memory, Subscription};
//!
//! /// Performs what the host wants done. Whether a session has something in its outbox is looked up below.
//! fn perform(host: &mut Host, memory: &mut Memory) {
//!     while let Some(action) = host.poll() {
//!         match action {
//!             HostAction::Load { ticket, account } => {
//!                 host.loaded(Instant::ZERO, ticket, memory.load(&account)).expect("it was asked for");
//!             }
//!             HostAction::Persist(step) => {
//!                 memory.apply(step.owner(), step.changes());
//!                 host.persisted(Instant::ZERO, step.owner(), step.seq());
//!             }
//!             _ => {}
//!         }
//!     }
//! }
//!
//! /// The presence that waits for a session: of which type, and from whom.
//! fn presence(host: &mut Host, session: SessionId) -> Vec<(PresenceType, String)> {
//!     let taken = core::iter::from_fn(|| host.take(session));
//!     taken.filter_map(|stanza| match stanza {
//!         Stanza::Presence(presence) => Some((presence.type_(), presence.from()?.to_string())),
//!         _ => None,
//!     }).collect()
//! }
//!
//! let mut memory = Memory::new();
//! let [juliet, romeo] = [BareJid::new("juliet@example.com")?, BareJid::new("romeo@example.com")?];
//! memory.create(&juliet);
//! memory.create(&romeo);
//! let config = HostConfig::new([BareJid::new("example.com")?]);
//! let mut host = Host::new(config, Seed::new([1; 32]), UtcTime::UNIX_EPOCH);
//!
//! // Both bind a resource, are available, and hear that they are.
//! let balcony = host.bind(Instant::ZERO, &juliet, Some("balcony"))?.session();
//! let orchard = host.bind(Instant::ZERO, &romeo, Some("orchard"))?.session();
//! for session in [balcony, orchard] {
//!     host.receive(Instant::ZERO, session, "<presence/>".parse()?)?;
//!     perform(&mut host, &mut memory);
//!     assert_eq!(presence(&mut host, session).len(), 1);
//! }
//!
//! // Romeo asks to see Juliet, and she lets him: he is told so, and then sees her.
//! host.receive(Instant::ZERO, orchard, "<presence to='juliet@example.com' type='subscribe'/>".parse()?)?;
//! perform(&mut host, &mut memory);
//! assert_eq!(presence(&mut host, balcony), [(PresenceType::Subscribe, romeo.to_string())]);
//! host.receive(Instant::ZERO, balcony, "<presence to='romeo@example.com' type='subscribed'/>".parse()?)?;
//! perform(&mut host, &mut memory);
//! assert_eq!(
//!     presence(&mut host, orchard),
//!     [
//!         (PresenceType::Subscribed, juliet.to_string()),
//!         (PresenceType::Available, "juliet@example.com/balcony".to_string()),
//!     ]
//! );
//!
//! // All of it was stored before anybody was told.
//! let roster = memory.load(&romeo).expect("the account is there");
//! assert_eq!(roster.roster()[0].subscription(), Subscription::To);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod action;
mod binding;
mod config;
mod idle;
mod route;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use xmpp_core::entropy::{Entropy, Seed};
use xmpp_core::error::Misuse;
use xmpp_core::jid::{BareJid, FullJid};
use xmpp_core::stanza::{Condition, Stanza, StanzaError};
use xmpp_core::stream::{self, StreamError};
use xmpp_core::time::{Instant, UtcTime};
use xmpp_core::xml::Element;

use crate::account::barrier::{Barriers, Cause, Source};
use crate::account::effect::{Delivery, Effect};
use crate::account::step::Step;
use crate::account::{Account, Cx, Input, Kind, Remains, Stay};
use crate::module::Target;
use crate::session::{Filled, Taken, Waiting};
use crate::store::{AccountData, OfflineMessage};

use self::idle::Idle;

pub use self::action::{HostAction, LoadTicket, OfflineTicket};
pub use self::binding::BoundSession;
pub use self::config::{AnonymousReach, ConflictPolicy, HostConfig};
pub use crate::session::SessionId;

/// One server: accounts, their sessions, and the routes between them.
#[derive(Debug)]
pub struct Host {
    config: HostConfig,
    entropy: Entropy,
    /// The time of day at [`Instant::ZERO`].
    epoch: UtcTime,
    /// The latest time that the host was told.
    now: Instant,
    /// How many stanzas modules may still send because of what came in.
    room: usize,
    /// Accounts that are loaded or being loaded.
    accounts: BTreeMap<BareJid, Account>,
    /// The components that are connected.
    components: BTreeSet<BareJid>,
    sessions: BTreeMap<SessionId, FullJid>,
    /// Of sessions that the host has ended and that have not been detached yet.
    ended: BTreeMap<SessionId, (BareJid, Taken)>,
    /// Stanzas between accounts, in order: even where both ends are here, they travel as values.
    routed: VecDeque<(Stanza, Source)>,
    /// Sessions that are to learn more if they have room.
    greeted: VecDeque<SessionId>,
    barriers: Barriers,
    /// Accounts without session in memory because something is under way.
    busy: BTreeSet<BareJid>,
    /// Accounts that stay only because they are loaded, by when something happened to them last.
    idle: Idle,
    /// What the contacts of deleted accounts are told, as far as there was no room for them in memory yet.
    goodbyes: VecDeque<Stanza>,
    /// Whether it is yet to be said that they all came through.
    is_deleting: bool,
    actions: VecDeque<HostAction>,
    next_session: u64,
    next_stanza: u64,
    next_ticket: u64,
    next_seq: u64,
}

impl Host {
    /// A host without sessions. `epoch` is the time of day at [`Instant::ZERO`].
    #[must_use]
    pub fn new(config: HostConfig, seed: Seed, epoch: UtcTime) -> Self {
        Host {
            room: config.limits.module_stanzas(),
            config,
            entropy: Entropy::new(seed),
            epoch,
            now: Instant::ZERO,
            accounts: BTreeMap::new(),
            components: BTreeSet::new(),
            sessions: BTreeMap::new(),
            ended: BTreeMap::new(),
            routed: VecDeque::new(),
            greeted: VecDeque::new(),
            barriers: Barriers::new(),
            busy: BTreeSet::new(),
            idle: Idle::default(),
            goodbyes: VecDeque::new(),
            is_deleting: false,
            next_stanza: 0,
            actions: VecDeque::new(),
            next_session: 0,
            next_ticket: 0,
            next_seq: 1,
        }
    }

    /// The time of day at [`Instant::ZERO`] is another than was said: clocks are put right, and leap.
    pub const fn wall_clock(&mut self, epoch: UtcTime) {
        self.epoch = epoch;
    }

    /// The stream features that modules offer to clients that have authenticated.
    pub fn stream_features(&self) -> impl Iterator<Item = Element> {
        self.config.modules.iter().flat_map(|module| module.advertises().into_stream_features())
    }

    /// The features of that kind of address, as service discovery tells them.
    pub fn features(&self, target: Target) -> impl Iterator<Item = &'static str> {
        self.config.modules.iter().flat_map(move |module| module.advertises().into_features(target))
    }

    /// Something comes in.
    fn tick(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.room = self.config.limits.module_stanzas();
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<HostAction> {
        self.actions.pop_front()
    }

    /// How many sessions there are.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    /// Whether nothing of that account is in memory, or about to be.
    fn is_cold(&self, account: &BareJid) -> bool {
        self.accounts.get(account).is_none_or(Account::is_cold)
    }

    /// Has a cold account loaded.
    fn wake(&mut self, account: &BareJid, kind: Kind) {
        let ticket = self.ticket();
        self.load(account, ticket);
        let cold = || Account::cold(account.clone(), kind);
        self.accounts.entry(account.clone()).or_insert_with(cold).load(ticket);
    }

    const fn ticket(&mut self) -> u64 {
        let number = self.next_ticket;
        self.next_ticket += 1;
        number
    }

    /// Asks for an account, under that number.
    fn load(&mut self, account: &BareJid, number: u64) {
        let ticket = LoadTicket { number, account: account.clone() };
        self.actions.push_back(HostAction::Load { ticket, account: account.clone() });
    }

    /// Takes a stanza from a session's client. Its `from` becomes the session's address.
    ///
    /// # Errors
    /// [`Misuse::Closed`] when the session has ended.
    pub fn receive(&mut self, now: Instant, session: SessionId, mut stanza: Stanza) -> Result<(), Misuse> {
        self.tick(now);
        let own = self.sessions.get(&session).ok_or(Misuse::Closed)?;
        let account = own.to_bare();
        stanza.set_from(Some(own.clone().into()));
        let is_foreign = stanza.to().is_some_and(|to| self.is_foreign(to));
        if is_foreign && self.is_confined(&account) {
            self.refuse(&stanza, Condition::Forbidden);
        } else {
            let cause = Cause { session, number: self.next_stanza };
            self.next_stanza += 1;
            self.with_account(&account, |owner, cx| owner.input(Input::Own(cause, stanza), cx));
        }
        self.settle();
        Ok(())
    }

    /// The next stanza for a session's client; `None` when there is none, or no such session. That there is room for more may be what the host
    /// has waited for: [poll](Self::poll) it afterwards.
    pub fn take(&mut self, session: SessionId) -> Option<Stanza> {
        let account = self.sessions.get(&session)?.to_bare();
        let taker = self.accounts.get_mut(&account)?.session_mut(session)?;
        let stanza = taker.take()?;
        if taker.greeting.is_some() {
            self.tick(self.now);
            self.greeted.push_back(session);
            self.settle();
        }
        Some(stanza)
    }

    /// Lets a session that became available learn more, if it has room. Otherwise that is for when something is taken out of its outbox.
    fn greet(&mut self, session: SessionId) {
        let limit = self.config.limits.outbox_bytes();
        let Some(account) = self.sessions.get(&session).map(FullJid::to_bare) else { return };
        self.with_account(&account, |owner, cx| {
            if owner.session_mut(session).is_some_and(|session| session.has_room(limit)) {
                owner.greet(session, cx);
            }
        });
    }

    /// Ends a session whose connection has ended, or ends now because of [`HostAction::Close`]: every session that was bound has to be
    /// detached once.
    ///
    /// `unsent` are the last stanzas that were taken for it, in order, if they were never sent: they go to another resource or
    /// back to their senders, like what was not taken. Nobody knows what became of the others that were not reported to be [sent](Self::sent):
    /// offline messages among them stay where they are.
    pub fn detach(&mut self, now: Instant, session: SessionId, unsent: impl IntoIterator<Item = Stanza>) {
        self.tick(now);
        let unsent: Vec<_> = unsent.into_iter().collect();
        match self.sessions.remove(&session) {
            Some(jid) => {
                self.with_account(&jid.to_bare(), |owner, cx| owner.detach(session, unsent, cx));
            }
            None => {
                let taken = self.ended.remove(&session).map(|(_, taken)| taken).unwrap_or_default();
                let lost = taken.unsent(unsent).filter_map(Waiting::undelivered);
                self.routed.extend(lost.map(|stanza| (stanza, Source::Outside)));
            }
        }
        self.settle();
    }

    /// The account was loaded; `None`: there is no such account, and its sessions end.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when nobody waits for this load any more.
    pub fn loaded(
        &mut self,
        now: Instant,
        ticket: LoadTicket,
        data: Option<AccountData>,
    ) -> Result<(), Misuse> {
        self.tick(now);
        let account = self.awaiting(ticket)?;
        // A domain always exists, whether anything was kept of it or not.
        let data = data.or_else(|| account.node().is_none().then(AccountData::new));
        match data {
            Some(data) => {
                self.with_account(&account, |owner, cx| owner.loaded(data, cx));
            }
            None => self.evict(&account, stream::Condition::NotAuthorized),
        }
        self.settle();
        Ok(())
    }

    /// The account could not be loaded: its sessions end.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when nobody waits for this load any more.
    pub fn load_failed(&mut self, now: Instant, ticket: LoadTicket) -> Result<(), Misuse> {
        self.tick(now);
        let account = self.awaiting(ticket)?;
        self.evict(&account, stream::Condition::InternalServerError);
        self.settle();
        Ok(())
    }

    /// An account was deleted: its sessions end, whoever saw them sees them leave, and every subscription to it and of it is cancelled
    /// (RFC 3921 section 8.6). `data` is what was kept of it; without that, it is what is in memory of it, if it is.
    ///
    /// An embedder that is to keep its word through a crash remembers the deletion, with the data, until [`HostAction::DeletionsDone`]. Until
    /// then it refuses to store steps of an account that is made anew under that address, since a later goodbye would be meant for the old
    /// one and cost the new one its subscriptions.
    pub fn deleted(&mut self, now: Instant, account: &BareJid, data: Option<AccountData>) {
        self.tick(now);
        self.is_deleting = true;
        if data.is_some() && !self.accounts.contains_key(account) {
            self.accounts.insert(account.clone(), Account::cold(account.clone(), Kind::Account));
        }
        let remains = self.with_account(account, |owner, cx| owner.delete(data, cx));
        self.part_with(remains.unwrap_or_default(), stream::Condition::NotAuthorized);
        self.settle();
    }

    /// The change with this number is stored.
    pub fn persisted(&mut self, now: Instant, account: &BareJid, seq: u64) {
        self.tick(now);
        self.with_account(account, |owner, cx| owner.persisted(seq, cx));
        self.settle();
    }

    /// The change with this number could not be stored: who asked for it is told, and the account is loaded again.
    pub fn persist_failed(&mut self, now: Instant, account: &BareJid, seq: u64) {
        self.tick(now);
        let ticket = self.ticket();
        let lost = self.with_account(account, |owner, cx| owner.persist_failed(seq, ticket, cx));
        if lost == Some(true) && self.accounts.contains_key(account) {
            self.load(account, ticket);
        }
        self.settle();
    }

    fn awaiting(&self, ticket: LoadTicket) -> Result<BareJid, Misuse> {
        let account = self.accounts.get(&ticket.account);
        account.filter(|account| account.awaits(ticket.number)).ok_or(Misuse::Stale)?;
        Ok(ticket.account)
    }

    /// Gives an account up and ends its sessions.
    fn evict(&mut self, jid: &BareJid, condition: stream::Condition) {
        let remains = self.with_account(jid, |owner, cx| owner.give_up(cx));
        self.part_with(remains.unwrap_or_default(), condition);
    }

    fn part_with(&mut self, remains: Remains, condition: stream::Condition) {
        let Remains { goodbyes, stranded, taken } = remains;
        self.goodbyes.extend(goodbyes);
        for (session, taken) in taken {
            self.close(session, taken, StreamError::new(condition));
        }
        for stanza in stranded {
            // Of an account that could not be loaded nobody knows who is subscribed: the answer to a probe could end a subscription.
            if condition == stream::Condition::NotAuthorized || !route::is_probe(&stanza) {
                self.unattended(&stanza);
            }
        }
    }

    /// Ends a session from this side.
    fn close(&mut self, session: SessionId, taken: Taken, error: StreamError) {
        if let Some(jid) = self.sessions.remove(&session)
            && !taken.is_empty()
        {
            self.ended.insert(session, (jid.to_bare(), taken));
        }
        self.actions.push_back(HostAction::Close(session, error));
    }

    /// Runs one step of an account and performs what comes out of it.
    fn with_account<T>(
        &mut self,
        jid: &BareJid,
        step: impl FnOnce(&mut Account, &mut Cx<'_>) -> T,
    ) -> Option<T> {
        let account = self.accounts.get_mut(jid)?;
        let mut cx = Cx {
            limits: &self.config.limits,
            profile: &self.config.profile,
            modules: &self.config.modules,
            entropy: &mut self.entropy,
            now: self.epoch.at(self.now),
            next_seq: &mut self.next_seq,
            room: &mut self.room,
            barriers: &mut self.barriers,
            step: Step::default(),
            effects: Vec::new(),
            persists: Vec::new(),
        };
        let outcome = step(account, &mut cx);
        account.commit(&mut cx);
        let Cx { effects, persists, .. } = cx;
        self.actions.extend(persists.into_iter().map(HostAction::Persist));
        for effect in effects {
            match effect {
                Effect::Deliver(delivery) => self.fill(jid, delivery),
                Effect::Overflow(Delivery { session, waiting, .. }) => self.overflow(jid, session, waiting),
                Effect::Route(stanza, source) => self.routed.push_back((stanza, source)),
                Effect::Close(session, error) => self.end(jid, session, error),
                Effect::Greet(session) => self.greeted.push_back(session),
                Effect::Page { module, after, limit } => self.page(jid, module, after, limit),
            }
        }
        self.keep(jid);
        Some(outcome)
    }

    /// Keeps an account in memory if there is a reason.
    fn keep(&mut self, jid: &BareJid) {
        let Some(stay) = self.accounts.get(jid).map(Account::stay) else { return };
        if stay == Stay::Busy {
            self.busy.insert(jid.clone());
        } else if !self.busy.is_empty() {
            self.busy.remove(jid);
        }
        if stay == Stay::Idle {
            self.idle.touch(jid);
        } else {
            self.idle.remove(jid);
        }
        if stay == Stay::Nothing {
            self.accounts.remove(jid);
        }
        while self.idle.len() > self.config.limits.idle_accounts()
            && let Some(oldest) = self.idle.pop_oldest()
        {
            self.accounts.remove(&oldest);
        }
    }

    /// Puts a stanza into a session's outbox.
    fn fill(&mut self, jid: &BareJid, Delivery { session: id, waiting, .. }: Delivery) {
        let limit = self.config.limits.outbox_bytes();
        let Some(account) = self.accounts.get_mut(jid) else {
            // Its last session has just ended.
            self.routed.extend(waiting.undelivered().map(|stanza| (stanza, Source::Outside)));
            return;
        };
        let Some(session) = account.session_mut(id) else {
            self.with_account(jid, |account, cx| account.undelivered(waiting, cx));
            return;
        };
        match session.fill(waiting, limit) {
            Filled::First => self.actions.push_back(HostAction::Ready(id)),
            Filled::More => {}
            Filled::Congested => self.actions.push_back(HostAction::Congested(id)),
            // A session that is given up hands back all that waited for it at once. That must not end those who get it: what they have
            // no room for is refused.
            Filled::Overflow(waiting) if waiting.rerouted || waiting.stanza.is_error() => {
                let refused = waiting.undelivered();
                let error = StanzaError::new(Condition::ResourceConstraint);
                let refused = refused.and_then(|stanza| stanza.error_reply(error));
                self.routed.extend(refused.map(|stanza| (stanza, Source::Server)));
            }
            Filled::Overflow(waiting) => self.overflow(jid, id, waiting),
        }
    }

    /// A module wants offline messages.
    fn page(&mut self, jid: &BareJid, module: usize, after: u64, limit: usize) {
        let number = self.ticket();
        let Some(account) = self.accounts.get_mut(jid) else { return };
        account.pages(module, after, number);
        let ticket = OfflineTicket { number, account: jid.clone() };
        self.actions.push_back(HostAction::LoadOffline { ticket, account: jid.clone(), after, limit });
    }

    /// Offline messages of an account were loaded, in the order of their numbers: those that were asked for, none if there are no more.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when nobody waits for them any more.
    pub fn offline_loaded(
        &mut self,
        now: Instant,
        ticket: OfflineTicket,
        messages: Vec<OfflineMessage>,
    ) -> Result<(), Misuse> {
        self.paged(now, &ticket, Some(messages))
    }

    /// Offline messages of an account could not be loaded.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when nobody waits for them any more.
    pub fn offline_failed(&mut self, now: Instant, ticket: OfflineTicket) -> Result<(), Misuse> {
        self.paged(now, &ticket, None)
    }

    fn paged(
        &mut self,
        now: Instant,
        ticket: &OfflineTicket,
        messages: Option<Vec<OfflineMessage>>,
    ) -> Result<(), Misuse> {
        self.tick(now);
        let awaited =
            self.with_account(&ticket.account, |owner, cx| owner.paged(ticket.number, messages, cx));
        self.settle();
        if awaited == Some(true) { Ok(()) } else { Err(Misuse::Stale) }
    }

    /// Of the stanzas that were taken for a session, the first `count`, since it began, are written to its transport: what is kept until then
    /// is let go. It may be said seldom, and of a session that the host has ended.
    pub fn sent(&mut self, now: Instant, session: SessionId, count: u64) {
        self.tick(now);
        if let Some(account) = self.sessions.get(&session).map(FullJid::to_bare) {
            self.with_account(&account, |owner, cx| owner.sent(session, count, cx));
        } else if let Some((account, taken)) = self.ended.get_mut(&session) {
            taken.sent(count);
            let (account, written) = (account.clone(), taken.written());
            self.with_account(&account, |owner, cx| owner.written(session, written, cx));
        }
        self.settle();
    }

    /// Whether anybody waits to be told what is [sent](Self::sent) of what this session was given, or is about to be.
    #[must_use]
    pub fn awaits_sent(&self, session: SessionId) -> bool {
        let account = self.sessions.get(&session).and_then(|jid| self.accounts.get(&jid.to_bare()));
        let mut sessions = account.into_iter().flat_map(Account::sessions);
        sessions.find(|own| own.id == session).is_some_and(|own| own.unwritten().next().is_some())
    }

    /// A module ends a session.
    fn end(&mut self, jid: &BareJid, id: SessionId, error: StreamError) {
        if let Some(taken) = self.with_account(jid, |account, cx| account.end(id, cx)).flatten() {
            self.close(id, taken, error);
        }
    }

    /// The client has not read for so long that going on would cost others: what waits finds another way.
    fn overflow(&mut self, jid: &BareJid, id: SessionId, waiting: Waiting) {
        let taken = self.with_account(jid, |account, cx| account.overflow(id, waiting, cx));
        if let Some(taken) = taken.flatten() {
            let error = StreamError::new(stream::Condition::ResourceConstraint)
                .with_text("the client does not read what it is sent");
            self.close(id, taken, error);
        }
    }
}

#[cfg(test)]
mod tests;
