//! The session itself: its start, what arrives, its end.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

use xmpp_core::entropy::{Entropy, Label, Seed};
use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::profile::RosterPushOrigin;
use xmpp_core::stanza::{
    Condition, Iq, IqType, Message, MessageType, Presence, PresenceType, RequestId, Stanza, StanzaError,
    Tracker,
};
use xmpp_core::stream::Features;
use xmpp_core::time::Instant;
use xmpp_core::xml::{Element, ElementRef, ns};

use super::applied::AppliedLists;
use super::chats::Chats;
use super::config::SessionConfig;
use super::event::{ClientEvent, Ended, Failure, SessionAction, SubscriptionStanza};
use super::presences::Presences;
use super::received::Received;
use super::requests::SubscriptionRequests;
use super::roster::RosterMirror;
use super::{PRE_APPROVAL, ROSTER_VERSIONS, is_response};
use crate::blocking::Command;
use crate::establish;
use crate::limits::HostLimits;
use crate::privacy::{self, List, Query};
use crate::roster::Entry;
use crate::store::RosterItem;
use crate::subscription::{self, Kind, Notice, Rules, State};

/// What a client does on a bound stream.
///
/// It takes the stanzas that come, and the time; what has to be done comes out of [`poll`](Self::poll), to be drained to `None` after every
/// call. It is all that [`Client`](super::Client) has above its connection, for those who have another kind of stream.
#[derive(Debug)]
pub struct ClientSession {
    pub(super) account: BareJid,
    jid: FullJid,
    pub(super) config: SessionConfig,
    stage: Stage,
    versions: bool,
    pub(super) pre_approval: bool,
    pub(super) entropy: Entropy,
    pub(super) tracker: Tracker,
    /// Requests of the session's own; all others are the embedder's.
    own: BTreeMap<RequestId, Purpose>,
    pub(super) roster: RosterMirror,
    pub(super) presences: Presences,
    pub(super) requests: SubscriptionRequests,
    pub(super) chats: Chats,
    pub(super) received: Received,
    pub(super) applied: AppliedLists,
    /// What we last told everybody; none while we are unavailable.
    pub(super) presence: Option<Presence>,
    pub(super) queue: VecDeque<SessionAction>,
    /// What waits until there is a session.
    held: Vec<Stanza>,
}

/// How far the start has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The server demands a session.
    Establishing,
    /// The roster was asked for; the initial presence comes behind it.
    Loading,
    Running,
    /// The server gave no session.
    Refused,
}

/// What a request of the session's own is for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Purpose {
    Session,
    Roster,
    /// The list of that name, which has changed.
    PrivacyList(String),
}

impl ClientSession {
    /// A resource was bound: `jid`, with these features on offer. Its first stanzas are in the queue. `seed` must be fresh for every session.
    #[must_use]
    pub fn new(
        mut config: SessionConfig,
        jid: FullJid,
        features: &Features,
        seed: Seed,
        now: Instant,
    ) -> Self {
        let account = jid.to_bare();
        let mut entropy = Entropy::new(seed);
        let tracker = Tracker::new(jid.as_jid(), Seed::new(entropy.draw(Label::Nonce)))
            .with_limit(config.limits.requests())
            .with_patience(config.limits.patience());
        let versions = features.other(ROSTER_VERSIONS, "ver").is_some();
        // Without versions nobody says whether the cache is outdated.
        let cache = config.cache.take().filter(|_| versions && config.roster);
        let roster = cache.map(|cache| RosterMirror::from_cache(cache, &config.limits)).unwrap_or_default();
        let mut session = ClientSession {
            account,
            jid,
            config,
            stage: Stage::Establishing,
            versions,
            pre_approval: features.other(PRE_APPROVAL, "sub").is_some(),
            entropy,
            tracker,
            own: BTreeMap::new(),
            roster,
            presences: Presences::default(),
            requests: SubscriptionRequests::default(),
            chats: Chats::default(),
            received: Received::default(),
            applied: AppliedLists::default(),
            presence: None,
            queue: VecDeque::new(),
            held: Vec::new(),
        };
        if establish::is_required(features) {
            session.ask(now, Purpose::Session);
        } else {
            session.established(now);
        }
        session
    }

    /// The address that was bound.
    #[must_use]
    pub const fn jid(&self) -> &FullJid {
        &self.jid
    }

    /// The contacts.
    #[must_use]
    pub const fn roster(&self) -> &RosterMirror {
        &self.roster
    }

    /// Who is there.
    #[must_use]
    pub const fn presences(&self) -> &Presences {
        &self.presences
    }

    /// What we last told everybody; none while we are unavailable.
    #[must_use]
    pub const fn presence(&self) -> Option<&Presence> {
        self.presence.as_ref()
    }

    /// Who asked to see our presence and has no answer yet, the first one first.
    pub fn subscription_requests(&self) -> impl Iterator<Item = &SubscriptionStanza> {
        self.requests.iter()
    }

    /// What holds between the user and that contact, and whether the user has approved in advance what the contact has not asked for yet.
    #[must_use]
    pub fn subscription(&self, contact: &BareJid) -> (State, bool) {
        let item = self.roster.get(contact.as_jid());
        let subscription = item.map(RosterItem::subscription).unwrap_or_default();
        let ask = item.is_some_and(RosterItem::ask);
        let state = State::from_parts(subscription, ask, self.requests.has(contact));
        (state, item.is_some_and(RosterItem::approved))
    }

    /// What the user can do about the subscriptions with that contact: by [`subscribe`](Self::subscribe) what goes out as `subscribe`, by
    /// [`unsubscribe`](Self::unsubscribe) what does as `unsubscribe`, by [`approve`](Self::approve) or [`pre_approve`](Self::pre_approve) what does as
    /// `subscribed`, by [`deny`](Self::deny) the rest.
    pub fn subscription_commands(
        &self,
        contact: &BareJid,
    ) -> impl Iterator<Item = subscription::Command> + Clone + use<> {
        let (state, approved) = self.subscription(contact);
        let rules = if self.pre_approval { Rules::new() } else { Rules::rfc3921() };
        subscription::Command::all(state, approved, rules)
    }

    /// Whether the server approves in advance (RFC 6121 section 3.4).
    #[must_use]
    pub const fn can_pre_approve(&self) -> bool {
        self.pre_approval
    }

    /// What has to be done next.
    pub fn poll(&mut self) -> Option<SessionAction> {
        self.queue.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let chats = self.chats.poll_timeout(&self.config.limits);
        [self.tracker.poll_timeout(), self.received.poll_timeout(), chats].into_iter().flatten().min()
    }

    /// Ends what has taken too long: requests of either side, chat sessions.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(request) = self.tracker.expire(now) {
            self.answered(now, request, Err(Failure::Expired));
        }
        while let Some(iq) = self.received.expire(now) {
            self.refuse(&iq, Condition::ServiceUnavailable);
        }
        while let Some(shared) = self.chats.expire(now, &self.config.limits) {
            self.unshare(shared);
        }
    }

    /// Takes a stanza that came from the server.
    pub fn receive(&mut self, now: Instant, stanza: Stanza) {
        match stanza {
            Stanza::Iq(iq) if iq.is_request() => self.on_request(now, iq),
            Stanza::Iq(iq) => self.on_response(now, iq),
            Stanza::Presence(presence) => self.on_presence(presence),
            Stanza::Message(message) => self.on_message(now, message),
        }
    }

    /// The stream is over: what is left of the session.
    #[must_use]
    pub fn end(self) -> Ended {
        let own = self.own;
        let queued = self.queue.into_iter().filter_map(|action| match action {
            SessionAction::Send(stanza) => Some(stanza),
            SessionAction::Event(_) => None,
        });
        Ended {
            unanswered: self.tracker.end().filter(|request| !own.contains_key(request)).collect(),
            unsent: queued.chain(self.held).filter(|stanza| !is_response(stanza)).collect(),
            roster: self.roster.to_cache().filter(|_| self.versions),
        }
    }

    /// Sends a stanza, or keeps it until there is a session.
    pub(super) fn send(&mut self, stanza: impl Into<Stanza>) {
        match self.stage {
            Stage::Establishing | Stage::Refused => self.held.push(stanza.into()),
            Stage::Loading | Stage::Running => self.queue.push_back(SessionAction::Send(stanza.into())),
        }
    }

    pub(super) fn event(&mut self, event: ClientEvent) {
        self.queue.push_back(SessionAction::Event(event));
    }

    pub(super) const fn stage(&self) -> Stage {
        self.stage
    }

    /// How much waits to leave.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len() + self.held.len()
    }

    fn ask(&mut self, now: Instant, purpose: Purpose) {
        let asked = match &purpose {
            Purpose::Session => self.tracker.set(now, None, Element::builder(ns::SESSION, "session").build()),
            Purpose::Roster => {
                let version = self.versions.then(|| self.roster.version());
                let query = Element::builder(ns::ROSTER, "query").maybe_attr("ver", version).build();
                self.tracker.get(now, None, query)
            }
            Purpose::PrivacyList(name) => self.tracker.get(now, None, Query::List(name.clone()).to_element()),
        };
        match asked {
            Ok((request, iq)) => {
                self.own.insert(request, purpose);
                self.queue.push_back(SessionAction::Send(iq.into()));
            }
            // The embedder has used all there are.
            Err(_) => self.own_answered(now, purpose, Err(Failure::Expired)),
        }
    }

    fn established(&mut self, now: Instant) {
        if self.config.roster {
            // RFC 6121 section 2.2: before the initial presence, so that contacts are known when theirs comes.
            self.stage = Stage::Loading;
            self.ask(now, Purpose::Roster);
        } else {
            self.run();
        }
        let held = core::mem::take(&mut self.held);
        self.queue.extend(held.into_iter().map(SessionAction::Send));
    }

    fn run(&mut self) {
        self.stage = Stage::Running;
        if let Some(presence) = self.config.presence.take() {
            self.broadcast(presence);
        }
    }

    fn on_response(&mut self, now: Instant, iq: Iq) {
        // What is late, repeated, or from somebody else is for nobody.
        let Some(request) = self.tracker.answer(&iq) else { return };
        let answer = match iq.error() {
            Some(error) => Err(Failure::Error(Box::new(error))),
            None => Ok(iq),
        };
        self.answered(now, request, answer);
    }

    fn answered(&mut self, now: Instant, request: RequestId, answer: Result<Iq, Failure>) {
        match self.own.remove(&request) {
            Some(purpose) => self.own_answered(now, purpose, answer),
            None => {
                self.applied.answered(request, answer.as_ref().ok());
                self.event(ClientEvent::Answered { request, answer });
            }
        }
    }

    fn own_answered(&mut self, now: Instant, purpose: Purpose, answer: Result<Iq, Failure>) {
        match (purpose, answer) {
            (Purpose::Session, Ok(_)) => self.established(now),
            (Purpose::Session, Err(failure)) => {
                self.stage = Stage::Refused;
                self.event(ClientEvent::Refused(failure));
            }
            (Purpose::Roster, answer) => {
                match answer {
                    Ok(iq) => {
                        let query = iq.payload().filter(|payload| payload.is(ns::ROSTER, "query"));
                        self.roster.answered(query, &self.config.limits);
                        for account in self.presences.accounts().cloned().collect::<Vec<_>>() {
                            self.on_subscription_state(&account);
                        }
                        self.event(ClientEvent::RosterReceived);
                    }
                    Err(failure) => self.event(ClientEvent::RosterFailed(failure)),
                }
                self.run();
            }
            (Purpose::PrivacyList(_), Ok(iq)) => {
                if let Some(list) = iq.payload().and_then(List::parse_answer) {
                    self.event(ClientEvent::PrivacyListReceived(list));
                }
            }
            (Purpose::PrivacyList(name), Err(Failure::Error(error)))
                if error.condition() == Condition::ItemNotFound =>
            {
                self.applied.removed(&name);
            }
            (Purpose::PrivacyList(_), Err(_)) => {}
        }
    }

    fn on_request(&mut self, now: Instant, iq: Iq) {
        let Some(payload) = iq.payload() else { return self.refuse(&iq, Condition::BadRequest) };
        match iq.type_() {
            IqType::Set if payload.is(ns::ROSTER, "query") => self.on_roster_push(&iq, payload),
            IqType::Set if payload.is(ns::PRIVACY, "query") => self.on_privacy_push(now, &iq, payload),
            IqType::Set if payload.ns() == ns::BLOCKING => {
                let limits = HostLimits::new().with_privacy_items(self.config.limits.blocked());
                let event = Command::parse(payload, &limits).map(ClientEvent::BlocklistChanged);
                self.on_push(&iq, event);
            }
            IqType::Get if payload.is(ns::PING, "ping") => self.reply(iq.result_reply(None)),
            _ if self.config.extensions.contains(payload.ns()) => {
                match self.received.keep(now, iq.clone(), &self.config.limits) {
                    Some(id) => self.event(ClientEvent::Request(id, iq)),
                    None => self.refuse(&iq, Condition::ResourceConstraint),
                }
            }
            // RFC 6120 section 8.4.
            _ => self.refuse(&iq, Condition::ServiceUnavailable),
        }
    }

    fn on_roster_push(&mut self, iq: &Iq, query: ElementRef<'_>) {
        if !self.is_own(iq.from()) {
            // RFC 6121 section 2.1.6: the same answer as for any request that we do not know, so that it tells nothing.
            return self.refuse(iq, Condition::ServiceUnavailable);
        }
        let pushed = self.roster.pushed(query, &self.config.limits);
        let contact = pushed.as_ref().ok().map(Entry::jid).filter(|jid| jid.is_bare()).map(Jid::to_bare);
        self.on_push(
            iq,
            pushed.map(|change| match change {
                Entry::Present(item) => ClientEvent::ContactChanged(item),
                Entry::Removed(jid) => ClientEvent::ContactRemoved(jid),
            }),
        );
        if let Some(contact) = contact {
            self.on_subscription_state(&contact);
        }
    }

    fn on_privacy_push(&mut self, now: Instant, iq: &Iq, query: ElementRef<'_>) {
        let name = privacy::parse_push(query);
        let event = name.clone().map(ClientEvent::PrivacyListChanged);
        self.on_push(iq, event.ok_or_else(|| Condition::BadRequest.into()));
        // RFC 3921 section 10.2, rule 10: a list that applies is fetched.
        if let Some(name) = name.filter(|name| self.is_own(iq.from()) && self.applied.may_apply(name)) {
            self.ask(now, Purpose::PrivacyList(name));
        }
    }

    /// Acknowledges a push and tells of it, if it comes from our own account and makes sense.
    fn on_push(&mut self, iq: &Iq, event: Result<ClientEvent, StanzaError>) {
        match event {
            _ if !self.is_own(iq.from()) => self.refuse(iq, Condition::ServiceUnavailable),
            Ok(event) => {
                self.reply(iq.result_reply(None));
                self.event(event);
            }
            Err(error) => self.refuse(iq, error),
        }
    }

    /// What the roster now says of a contact decides what is still known about it.
    fn on_subscription_state(&mut self, contact: &BareJid) {
        if self.roster.is_shown_to(contact) {
            self.requests.remove(contact);
        }
        // RFC 6121 section 3.3: nobody waits for the unavailable presence of those who no longer have to tell us.
        let shows = self.is_contact(contact);
        if self.presences.classify(contact, shows) && !shows {
            self.lose_presence(contact);
        }
    }

    /// Nobody there counts as available any more.
    pub(super) fn lose_presence(&mut self, contact: &BareJid) {
        if self.presences.clear(contact) {
            self.event(ClientEvent::PresenceLost(contact.clone()));
        }
    }

    /// Whether the roster is the business of whoever sent this (RFC 6121 section 2.1.6 rule 2, RFC 3921 section 7.2).
    fn is_own(&self, from: Option<&Jid>) -> bool {
        from.is_none_or(|from| {
            from == self.account.as_jid()
                || self.config.profile.roster_push_origin() == RosterPushOrigin::Session
                    && from == self.jid.as_jid()
        })
    }

    /// Whether presence from there is expected, so that room is kept for it.
    fn is_contact(&self, account: &BareJid) -> bool {
        *account == self.account || self.roster.shows(account)
    }

    fn on_presence(&mut self, presence: Presence) {
        let from = presence.from().unwrap_or(self.account.as_jid()).clone();
        let bare = from.to_bare();
        if let Some(kind) = Kind::of(presence.type_()) {
            return self.on_subscription(bare, kind, presence);
        }
        match presence.type_() {
            // Clients are not asked (RFC 6121 section 4.3).
            PresenceType::Probe => {}
            // RFC 6121 section 3.1.3: a server confirms with it that it has our subscription request, and says nothing about presence.
            PresenceType::Unavailable
                if from.is_bare() && !self.is_contact(&bare) && !self.presences.is_available(&bare) => {}
            // An error from our own server is about our presence, not about that of our other resources.
            PresenceType::Error if bare == self.account => self.event(ClientEvent::Presence(presence)),
            _ => {
                let contact = self.is_contact(&bare);
                self.presences.apply(&from, contact, &presence, &self.config.limits);
                self.chats.unlock(&bare);
                self.event(ClientEvent::Presence(presence));
            }
        }
    }

    fn on_subscription(&mut self, from: BareJid, kind: Kind, presence: Presence) {
        if from == self.account {
            return;
        }
        let (state, _) = self.subscription(&from);
        let notice = Notice::of(state, kind);
        let stanza = SubscriptionStanza::new(from, notice, presence);
        match notice {
            Notice::Request => {
                if self.requests.keep(stanza.clone(), &self.config.limits) {
                    self.event(ClientEvent::SubscriptionRequested(stanza));
                }
            }
            Notice::Approval => self.event(ClientEvent::SubscriptionApproved(stanza)),
            Notice::Refusal | Notice::Cancellation => self.event(ClientEvent::SubscriptionRefused(stanza)),
            Notice::Unsubscription | Notice::Withdrawal => {
                self.requests.remove(stanza.from());
                self.event(ClientEvent::SubscriberLeft(stanza));
            }
        }
    }

    fn on_message(&mut self, now: Instant, message: Message) {
        if !self.understands(&message) {
            return;
        }
        if let Some(from) = message.from().filter(|from| from.to_bare() != self.account) {
            match message.type_() {
                MessageType::Chat => {
                    let thread = message.thread();
                    let freed = self.chats.received(now, from, thread.as_deref(), &self.config.limits);
                    self.unshare(freed);
                }
                MessageType::Error => self.chats.unlock(&from.to_bare()),
                _ => {}
            }
        }
        self.event(ClientEvent::Message(message));
    }

    /// RFC 3921 section 2.4: a message whose only content nobody understands is ignored.
    fn understands(&self, message: &Message) -> bool {
        let mut children = message.children().peekable();
        children.peek().is_none()
            || children.any(|child| child.ns() == ns::CLIENT || self.config.extensions.contains(child.ns()))
    }

    /// A chat has ended: its partner no longer needs to know whether we are there (RFC 6121 section 5.1).
    pub(super) fn unshare(&mut self, partner: Option<Jid>) {
        // Who has subscribed meanwhile is told of our presence anyway, and would be told wrong.
        if let Some(partner) = partner.filter(|partner| !self.roster.is_shown_to(&partner.to_bare())) {
            self.send(Presence::new(PresenceType::Unavailable).with_to(partner));
        }
    }

    /// Tells everybody who may know, and remembers it.
    pub(super) fn broadcast(&mut self, mut presence: Presence) {
        presence.set_to(None);
        presence.set_from(None);
        self.presence = Some(presence.clone()).filter(|presence| presence.type_() == PresenceType::Available);
        if self.presence.is_none() {
            self.chats.unshare();
        }
        self.send(presence);
    }

    /// Answers a request, which does not wait for a session. The server knows who we are better than whoever wrote `to`.
    pub(super) fn reply(&mut self, mut response: Iq) {
        response.set_from(None);
        self.queue.push_back(SessionAction::Send(response.into()));
    }

    pub(super) fn refuse(&mut self, iq: &Iq, error: impl Into<StanzaError>) {
        if let Some(response) = iq.error_reply(error) {
            self.reply(response);
        }
    }
}
