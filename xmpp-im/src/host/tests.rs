//! A host as its embedder sees it.

mod anonymous;
mod answers;
mod background;
mod binding;
mod chaos;
mod directed;
mod federation;
mod greeting;
mod model;
mod offline;
mod outbox;
mod persist;
mod presence;
mod pressure;
mod security;
mod sessions;
mod stanzas;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;

use xmpp_core::jid::Jid;
use xmpp_core::profile::{Profile, UnsharedPresence};
use xmpp_core::stanza::ErrorType;

use super::*;
use crate::limits::HostLimits;
use crate::routing::{Decision, route};
use crate::store::{Change, Persist, RosterItem};

/// Nothing here depends on the time.
pub(super) const NOW: Instant = Instant::ZERO;

pub(super) fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

/// Reads a stanza as it stands on a client's stream.
pub(super) fn stanza(text: &str) -> Stanza {
    text.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The host of example.com with storage that answers when it is told to.
#[derive(Debug)]
pub(super) struct Desk {
    host: Host,
    loads: VecDeque<(LoadTicket, BareJid)>,
    /// Offline messages that are wanted: above which number, and how many.
    pages: VecDeque<(OfflineTicket, u64, usize)>,
    changes: VecDeque<Persist>,
    ready: Vec<SessionId>,
    congested: Vec<SessionId>,
    closed: Vec<(SessionId, stream::Condition)>,
    /// What left the host: where to, and what.
    left: Vec<(String, String)>,
    /// Each time that all goodbyes came through: whether all did what they were for.
    deletions: Vec<bool>,
}

impl Desk {
    pub(super) fn new() -> Self {
        Desk::with(HostLimits::new(), Profile::RFC6120)
    }

    pub(super) fn limited(limits: HostLimits) -> Self {
        Desk::with(limits, Profile::RFC6120)
    }

    pub(super) fn with(limits: HostLimits, profile: Profile) -> Self {
        Desk::configured(|config| config.with_limits(limits).with_profile(profile))
    }

    pub(super) fn configured(configure: impl FnOnce(HostConfig) -> HostConfig) -> Self {
        let config = configure(HostConfig::new([bare("example.com"), bare("example.org")]));
        let limits = config.limits.clone().with_idle_accounts(0);
        // Who may ask whom has tests of its own.
        let profile = config.profile.with_unshared_presence(UnsharedPresence::Delivered);
        Desk::idling(config.with_limits(limits).with_profile(profile))
    }

    /// A host that keeps accounts in memory for a while; elsewhere they are forgotten as soon as they may be.
    pub(super) fn idling(config: HostConfig) -> Self {
        Desk {
            host: Host::new(config, Seed::new([7; 32]), UtcTime::UNIX_EPOCH),
            loads: VecDeque::new(),
            pages: VecDeque::new(),
            changes: VecDeque::new(),
            ready: Vec::new(),
            congested: Vec::new(),
            closed: Vec::new(),
            left: Vec::new(),
            deletions: Vec::new(),
        }
    }

    /// Takes note of all that the host wants done.
    pub(super) fn poll(&mut self) {
        while let Some(action) = self.host.poll() {
            match action {
                HostAction::Load { ticket, account } => self.loads.push_back((ticket, account)),
                HostAction::LoadOffline { ticket, after, limit, .. } => {
                    self.pages.push_back((ticket, after, limit));
                }
                // What somebody said last is stored at once: it is nothing that anybody waits for.
                HostAction::Persist(step) if is_last_presence(&step) => {
                    self.host.persisted(NOW, step.owner(), step.seq());
                }
                HostAction::Persist(change) => self.changes.push_back(change),
                HostAction::Ready(session) => self.ready.push(session),
                HostAction::Congested(session) => self.congested.push(session),
                HostAction::Close(session, error) => self.closed.push((session, error.condition())),
                HostAction::Foreign(stanza) => {
                    let domain = stanza.to().unwrap().domain_jid();
                    self.left.push((domain.to_string(), stanza.to_string()));
                }
                HostAction::Component(domain, stanza) => {
                    self.left.push((domain.to_string(), stanza.to_string()));
                }
                HostAction::DeletionsDone { is_complete } => self.deletions.push(is_complete),
            }
        }
    }

    /// Starts a session; its account stays as it is.
    pub(super) fn bind(&mut self, jid: &str) -> SessionId {
        let jid = FullJid::new(jid).unwrap();
        let bound = self.host.bind(NOW, &jid.to_bare(), Some(jid.resource())).unwrap();
        assert_eq!(*bound.jid(), jid);
        self.poll();
        bound.session()
    }

    /// Starts a session and loads what has to be loaded, as nothing.
    pub(super) fn login(&mut self, jid: &str) -> SessionId {
        let session = self.bind(jid);
        self.load_all();
        session
    }

    /// Starts a session that is available with this priority.
    pub(super) fn online(&mut self, jid: &str, priority: i8) -> SessionId {
        let session = self.login(jid);
        self.send(session, &format!("<presence><priority>{priority}</priority></presence>"));
        self.got(session);
        session
    }

    pub(super) fn load_all(&mut self) {
        while let Some((ticket, _)) = self.loads.pop_front() {
            self.host.loaded(NOW, ticket, Some(AccountData::new())).unwrap();
            self.poll();
        }
    }

    pub(super) fn send(&mut self, session: SessionId, text: &str) {
        self.host.receive(NOW, session, stanza(text)).unwrap();
        self.poll();
    }

    /// A stanza comes from another server or from a component.
    pub(super) fn deliver(&mut self, text: &str) {
        self.host.deliver(NOW, stanza(text)).unwrap();
        self.poll();
    }

    /// What left the host since the last time, with where to.
    pub(super) fn gone(&mut self) -> Vec<(String, String)> {
        core::mem::take(&mut self.left)
    }

    /// The only stanza that left, if it went to that domain.
    pub(super) fn went(&mut self, domain: &str) -> String {
        let mut left = self.gone();
        assert!(left.len() == 1 && left[0].0 == domain, "{left:?}");
        left.remove(0).1
    }

    /// Takes all that waits for a session.
    pub(super) fn take(&mut self, session: SessionId) -> Vec<Stanza> {
        core::iter::from_fn(|| self.host.take(session)).collect()
    }

    /// Takes all that waits for a session, as text.
    pub(super) fn got(&mut self, session: SessionId) -> Vec<String> {
        self.take(session).iter().map(ToString::to_string).collect()
    }

    /// The only stanza that waits for a session.
    pub(super) fn one(&mut self, session: SessionId) -> String {
        let mut got = self.got(session);
        assert_eq!(got.len(), 1, "{got:?}");
        got.remove(0)
    }

    pub(super) fn detach(&mut self, session: SessionId) {
        self.detach_unsent(session, vec![]);
    }

    pub(super) fn detach_unsent(&mut self, session: SessionId, unsent: Vec<Stanza>) {
        self.host.detach(NOW, session, unsent);
        self.poll();
    }

    /// Answers the oldest change.
    pub(super) fn stored(&mut self) {
        let change = self.changes.pop_front().unwrap();
        self.host.persisted(NOW, change.owner(), change.seq());
        self.poll();
    }

    /// Fails the oldest change.
    pub(super) fn failed(&mut self) {
        let change = self.changes.pop_front().unwrap();
        self.host.persist_failed(NOW, change.owner(), change.seq());
        self.poll();
    }

    /// Nothing is left of anybody.
    pub(super) fn assert_empty(&self) {
        let Host { accounts, sessions, ended, routed, actions, .. } = &self.host;
        // Domains stay.
        let accounts = accounts.keys().filter(|jid| jid.node().is_some());
        let left = (accounts.count(), sessions.len(), ended.len(), routed.len(), actions.len());
        assert_eq!(left, (0, 0, 0, 0, 0));
        assert!(self.host.barriers.is_empty() && self.host.busy.is_empty());
    }
}

/// Whether a step is only about what somebody said last.
pub(super) fn is_last_presence(step: &Persist) -> bool {
    step.changes().iter().all(|change| matches!(change, Change::SetLastPresence { .. }))
}

/// The condition of an error stanza that was written.
pub(super) fn condition(text: &str) -> Condition {
    stanza(text).error().unwrap_or_else(|| panic!("{text}")).condition()
}

/// The bodies of messages that were written, and of errors their condition.
pub(super) fn bodies(stanzas: &[Stanza]) -> Vec<String> {
    let told = stanzas.iter().map(|stanza| match (stanza, stanza.error()) {
        (_, Some(error)) => format!("{}!", error.condition().name()),
        (Stanza::Message(message), None) => message.body().unwrap_or_default().into_owned(),
        (other, None) => other.to_string(),
    });
    told.collect()
}
