//! A server and those who know each other on it, in one thread: what the host wants done is done at once, out of memory.

use std::collections::VecDeque;
use std::error::Error;

use xmpp_core::entropy::Seed;
use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::stanza::{Presence, PresenceType, Stanza};
use xmpp_core::time::{Instant, UtcTime};
use xmpp_im::host::{Host, HostAction, HostConfig, SessionId};
use xmpp_im::store::{Change, Memory, RosterItem, Subscription};

/// Anything that goes wrong is a fault of the benchmark.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const NOW: Instant = Instant::ZERO;

/// Where the contacts are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contacts {
    /// On the same server, each with a resource that is available.
    Online,
    /// On the same server, and nobody has needed them for a while.
    Cold,
    /// On another server, each with a resource that is available.
    Foreign,
}

impl Contacts {
    pub(crate) const ALL: [Self; 3] = [Contacts::Online, Contacts::Cold, Contacts::Foreign];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Contacts::Online => "local, online",
            Contacts::Cold => "local, cold",
            Contacts::Foreign => "foreign, online",
        }
    }

    const fn domain(self) -> &'static str {
        match self {
            Contacts::Online | Contacts::Cold => "example.com",
            Contacts::Foreign => "example.net",
        }
    }
}

/// The server, and a user with many contacts.
#[derive(Debug)]
pub(crate) struct Village {
    host: Host,
    store: Memory,
    pub(crate) user: BareJid,
    pub(crate) contacts: Vec<FullJid>,
    kind: Contacts,
    /// The sessions of the contacts, as far as they are on this server.
    sessions: Vec<SessionId>,
    /// What other servers say.
    foreign: VecDeque<Stanza>,
}

impl Village {
    /// A user with that many contacts, all subscribed both ways, and nobody of them logged in.
    pub(crate) fn new(kind: Contacts, contacts: usize) -> Outcome<Self> {
        let user = BareJid::new("juliet@example.com")?;
        let name = |number: usize| FullJid::new(&format!("romeo{number:05}@{}/orchard", kind.domain()));
        let contacts = (0..contacts).map(name).collect::<Result<Vec<_>, _>>()?;
        let mut store = Memory::new();
        store.create(&user);
        for (number, contact) in contacts.iter().enumerate() {
            let item = RosterItem::new(contact.to_bare().into())
                .with_name("Romeo")
                .with_group("Lovers")
                .with_subscription(Subscription::Both)
                .with_version(number as u64 + 1);
            store.apply(&user, &[Change::SetRosterItem(item)]);
            if kind != Contacts::Foreign {
                let contact = contact.to_bare();
                let item = RosterItem::new(user.clone().into()).with_subscription(Subscription::Both);
                store.create(&contact);
                store.apply(&contact, &[Change::SetRosterItem(item.with_version(1))]);
            }
        }
        let config = HostConfig::new([BareJid::new("example.com")?]).with_federation();
        let host = Host::new(config, Seed::new([1; 32]), UtcTime::UNIX_EPOCH);
        let (sessions, foreign) = (Vec::new(), VecDeque::new());
        Ok(Village { host, store, user, contacts, kind, sessions, foreign })
    }

    /// The contacts come online, if they are such.
    pub(crate) fn wake(&mut self) -> Outcome {
        if self.kind == Contacts::Online {
            for contact in self.contacts.clone() {
                let session = self.bind(&contact.to_bare(), contact.resource())?;
                self.send(session, Presence::available())?;
                self.sessions.push(session);
            }
        }
        Ok(())
    }

    /// Starts a session; the account is loaded.
    pub(crate) fn bind(&mut self, account: &BareJid, resource: &str) -> Outcome<SessionId> {
        let session = self.host.bind(NOW, account, Some(resource))?.session();
        self.settle()?;
        Ok(session)
    }

    /// A session's client sends something.
    pub(crate) fn send(&mut self, session: SessionId, stanza: impl Into<Stanza>) -> Outcome {
        self.host.receive(NOW, session, stanza.into())?;
        self.settle()
    }

    /// A contact comes online that may be the only one.
    pub(crate) fn meet(&mut self, contact: &FullJid) -> Outcome {
        if self.kind != Contacts::Foreign && self.sessions.is_empty() {
            let session = self.bind(&contact.to_bare(), contact.resource())?;
            self.sessions.push(session);
        }
        Ok(())
    }

    /// A contact sends something that has been met, from wherever it is.
    pub(crate) fn says(&mut self, contact: &FullJid, stanza: impl Into<Stanza>) -> Outcome {
        if let Some(session) = self.sessions.last() {
            return self.send(*session, stanza);
        }
        let mut stanza = stanza.into();
        stanza.set_from(Some(contact.clone().into()));
        self.foreign.push_back(stanza);
        self.settle()
    }

    /// A session ends.
    pub(crate) fn detach(&mut self, session: SessionId) -> Outcome {
        self.host.detach(NOW, session, []);
        self.settle()
    }

    /// Does what the host wants done, and lets other servers answer.
    fn settle(&mut self) -> Outcome {
        loop {
            while let Some(action) = self.host.poll() {
                self.perform(action)?;
            }
            let Some(stanza) = self.foreign.pop_front() else { return Ok(()) };
            let fault = |condition| format!("it is refused: {condition}");
            self.host.deliver(NOW, stanza).map_err(fault)?;
        }
    }

    fn perform(&mut self, action: HostAction) -> Outcome {
        match action {
            HostAction::Load { ticket, account } => {
                let data = self.store.load(&account);
                self.host.loaded(NOW, ticket, data)?;
            }
            HostAction::LoadOffline { ticket, account, after, limit } => {
                let page = self.store.offline(&account, after, limit);
                self.host.offline_loaded(NOW, ticket, page)?;
            }
            HostAction::Persist(step) => {
                self.store.apply(step.owner(), step.changes());
                self.host.persisted(NOW, step.owner(), step.seq());
            }
            HostAction::Ready(session) => {
                while let Some(stanza) = self.host.take(session) {
                    if stanza.is_error() {
                        return Err(format!("{session:?} was told: {stanza}").into());
                    }
                }
            }
            HostAction::Foreign(stanza) => self.foreign.extend(answer(&stanza)?),
            HostAction::Close(session, error) => {
                return Err(format!("{session:?} was ended: {error}").into());
            }
            _ => {}
        }
        Ok(())
    }
}

/// What another server says to that.
fn answer(stanza: &Stanza) -> Outcome<Option<Stanza>> {
    let Stanza::Presence(probe) = stanza else { return Ok(None) };
    let (PresenceType::Probe, Some(from), Some(to)) = (probe.type_(), probe.from(), probe.to()) else {
        return Ok(None);
    };
    let from: Jid = from.clone();
    let presence = Presence::available().with_from(to.to_bare().with_resource("orchard")?);
    Ok(Some(presence.with_to(from).into()))
}
