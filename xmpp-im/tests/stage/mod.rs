//! Servers with their accounts, storage and clients, in one thread: the RFC's stories are played on it in their own stanzas.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::string_slice,
    reason = "each story needs something else of it"
)]

pub mod script;
pub mod story;

use std::collections::{BTreeMap, VecDeque};

use xmpp_core::entropy::Seed;
use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::stanza::{Presence, Stanza};
use xmpp_core::time::{Instant, UtcTime};
use xmpp_im::host::{Host, HostAction, HostConfig, LoadTicket, SessionId};
use xmpp_im::limits::HostLimits;
use xmpp_im::store::{AccountData, Change, Memory, Persist, RosterItem, Subscription};

const NOW: Instant = Instant::ZERO;

/// One server for each domain, connected to all others.
#[derive(Debug)]
pub struct Stage {
    servers: BTreeMap<String, Server>,
    clients: BTreeMap<String, SessionId>,
    /// How many stanzas each session was given.
    taken: BTreeMap<SessionId, u64>,
    /// What was for a server that is not on the stage.
    gone: Vec<Stanza>,
    /// What went from one server to another.
    wire: Vec<Stanza>,
}

#[derive(Debug)]
struct Server {
    host: Host,
    store: Memory,
    /// Steps that storage has not reported yet.
    steps: VecDeque<Persist>,
    /// Loads that wait for those, which they have to see.
    loads: Vec<(LoadTicket, BareJid)>,
    is_slow: bool,
}

impl Server {
    fn load(&mut self) {
        if self.steps.is_empty() {
            for (ticket, account) in self.loads.drain(..) {
                // Nobody waits any more for one that a later failure has made useless.
                let _ = self.host.loaded(NOW, ticket, self.store.load(&account));
            }
        }
    }
}

impl Stage {
    /// Servers of these domains, with these accounts.
    pub fn new(domains: &[&str], accounts: &[&str]) -> Self {
        Stage::with(HostLimits::new(), domains, accounts)
    }

    pub fn with(limits: HostLimits, domains: &[&str], accounts: &[&str]) -> Self {
        Stage::configured(domains, accounts, |config| config.with_limits(limits.clone()))
    }

    /// Servers that are configured in another way; all of them can reach the others.
    pub fn configured(
        domains: &[&str],
        accounts: &[&str],
        configure: impl Fn(HostConfig) -> HostConfig,
    ) -> Self {
        let server = |(number, domain): (usize, &&str)| {
            let config = configure(HostConfig::new([bare(domain)]).with_federation());
            let host = Host::new(config, Seed::new([number as u8; 32]), UtcTime::from_micros(0));
            let server = Server {
                host,
                store: Memory::new(),
                steps: VecDeque::new(),
                loads: Vec::new(),
                is_slow: false,
            };
            (domain.to_string(), server)
        };
        let servers = domains.iter().enumerate().map(server).collect();
        let mut stage = Stage {
            servers,
            clients: BTreeMap::new(),
            taken: BTreeMap::new(),
            gone: Vec::new(),
            wire: Vec::new(),
        };
        for account in accounts {
            let account = bare(account);
            stage.server(account.as_jid()).store.create(&account);
        }
        stage
    }

    fn server(&mut self, of: &Jid) -> &mut Server {
        self.servers.get_mut(of.domain()).unwrap()
    }

    /// Writes a contact into a roster, before anybody looks.
    pub fn contact(&mut self, owner: &str, contact: &str, subscription: Subscription) {
        let version = self.stored(owner).roster().len() as u64 + 1;
        self.keep(owner, &[Change::SetRosterItem(item(contact, subscription).with_version(version))]);
    }

    /// Writes something into the store, before anybody looks.
    pub fn keep(&mut self, owner: &str, changes: &[Change]) {
        let owner = bare(owner);
        assert!(self.server(owner.as_jid()).store.apply(&owner, changes));
    }

    /// What the store has of an account.
    pub fn stored(&mut self, owner: &str) -> AccountData {
        let owner = bare(owner);
        self.server(owner.as_jid()).store.load(&owner).unwrap()
    }

    /// The items that the store has of a roster, as `address subscription`.
    pub fn roster(&mut self, owner: &str) -> Vec<String> {
        let data = self.stored(owner);
        let items = data.roster().iter().map(|item| format!("{} {}", item.jid(), item.subscription().name()));
        items.collect()
    }

    /// Starts a session. It is connected, but neither interested nor available.
    pub fn login(&mut self, client: &str) {
        let jid = FullJid::new(client).unwrap();
        let bound = self.server(jid.as_jid()).host.bind(NOW, &jid.to_bare(), Some(jid.resource())).unwrap();
        self.clients.insert(client.into(), bound.session());
        self.settle();
    }

    /// Starts a session that has asked for the roster.
    pub fn interested(&mut self, client: &str) {
        self.login(client);
        self.send(client, "<iq id='get' type='get'><query xmlns='jabber:iq:roster'/></iq>");
        self.told(client);
    }

    /// Starts a session that has asked for the roster and is available.
    pub fn online(&mut self, client: &str) {
        self.interested(client);
        self.send(client, "<presence/>");
        self.told(client);
    }

    pub fn logout(&mut self, client: &str) {
        let session = self.clients.remove(client).unwrap();
        self.server(&jid(client)).host.detach(NOW, session, []);
        self.settle();
    }

    /// A client sends a stanza.
    pub fn send(&mut self, client: &str, text: &str) {
        let session = self.clients[client];
        self.server(&jid(client)).host.receive(NOW, session, stanza(text)).unwrap();
        self.settle();
    }

    /// Sends a request and takes what comes before the answer, and the answer.
    pub fn ask(&mut self, client: &str, text: &str) -> (Vec<String>, String) {
        self.send(client, text);
        let mut told = self.told(client);
        let answer = told.pop().unwrap_or_else(|| panic!("no answer to {text}"));
        (told, answer)
    }

    /// What a client was told since the last time. What the server asks has the id `push`, and the subscription stanzas that it makes
    /// have none, since it is the server's to choose.
    pub fn told(&mut self, client: &str) -> Vec<String> {
        self.stanzas(client).into_iter().map(without_id).collect()
    }

    /// What a client was told, as it was told.
    pub fn stanzas(&mut self, client: &str) -> Vec<Stanza> {
        let session = self.clients[client];
        let mut told = Vec::new();
        loop {
            let host = &mut self.server(&jid(client)).host;
            let taken: Vec<_> = std::iter::from_fn(|| host.take(session)).collect();
            if taken.is_empty() {
                return told;
            }
            // What is written makes room for more.
            let count = self.taken.entry(session).or_default();
            *count += taken.len() as u64;
            let count = *count;
            self.server(&jid(client)).host.sent(NOW, session, count);
            self.settle();
            told.extend(taken);
        }
    }

    /// What left for servers that are not on the stage.
    pub fn gone(&mut self) -> Vec<String> {
        std::mem::take(&mut self.gone).into_iter().map(without_id).collect()
    }

    /// What left for servers that are not on the stage, as it left.
    pub fn gone_stanzas(&mut self) -> Vec<Stanza> {
        std::mem::take(&mut self.gone)
    }

    /// What went from one server to another since the last time.
    pub fn wire(&mut self) -> Vec<Stanza> {
        std::mem::take(&mut self.wire)
    }

    /// Whether that client is there.
    pub fn is_there(&self, client: &str) -> bool {
        self.clients.contains_key(client)
    }

    /// A stanza comes from a server that is not on the stage.
    pub fn arrives(&mut self, text: &str) {
        let stanza = stanza(text);
        self.server(&stanza.to().unwrap().clone()).host.deliver(NOW, stanza).unwrap();
        self.settle();
    }

    /// What a client of that domain is offered once it has authenticated, as far as modules offer it.
    pub fn stream_features(&self, domain: &str) -> Vec<String> {
        self.servers[domain].host.stream_features().map(|feature| feature.to_string()).collect()
    }

    /// What a kind of address at that domain can do, as service discovery tells it.
    pub fn features(&self, domain: &str, target: xmpp_im::module::Target) -> Vec<&'static str> {
        self.servers[domain].host.features(target).collect()
    }

    /// From now on the storage of that domain reports when it is told to.
    pub fn slow_storage(&mut self, domain: &str) {
        self.server(&jid(domain)).is_slow = true;
    }

    /// The storage of that domain has kept the oldest step.
    pub fn store(&mut self, domain: &str) {
        let server = self.server(&jid(domain));
        let step = server.steps.pop_front().unwrap();
        assert!(server.store.apply(step.owner(), step.changes()));
        server.host.persisted(NOW, step.owner(), step.seq());
        server.load();
        self.settle();
    }

    /// The storage of that domain could not keep the oldest step.
    pub fn fail(&mut self, domain: &str) {
        let server = self.server(&jid(domain));
        let step = server.steps.pop_front().unwrap();
        server.host.persist_failed(NOW, step.owner(), step.seq());
        server.load();
        self.settle();
    }

    /// Whether the storage of that domain has steps to report.
    pub fn is_storing(&mut self, domain: &str) -> bool {
        !self.server(&jid(domain)).steps.is_empty()
    }

    /// [`store`](Self::store), if there is anything to store.
    pub fn store_any(&mut self, domain: &str) {
        if self.is_storing(domain) {
            self.store(domain);
        }
    }

    /// [`fail`](Self::fail), if there is anything to store.
    pub fn fail_any(&mut self, domain: &str) {
        if self.is_storing(domain) {
            self.fail(domain);
        }
    }

    /// Performs all that the servers want done.
    fn settle(&mut self) {
        let domains: Vec<_> = self.servers.keys().cloned().collect();
        loop {
            let mut is_quiet = true;
            for domain in &domains {
                while let Some(action) = self.servers.get_mut(domain).unwrap().host.poll() {
                    is_quiet = false;
                    self.perform(domain, action);
                }
            }
            if is_quiet {
                return;
            }
        }
    }

    fn perform(&mut self, domain: &str, action: HostAction) {
        let server = self.servers.get_mut(domain).unwrap();
        match action {
            HostAction::Load { ticket, account } => {
                server.loads.push((ticket, account));
                server.load();
            }
            HostAction::Persist(step) => {
                server.steps.push_back(step);
                if !server.is_slow {
                    let step = server.steps.pop_front().unwrap();
                    assert!(server.store.apply(step.owner(), step.changes()));
                    server.host.persisted(NOW, step.owner(), step.seq());
                }
            }
            HostAction::LoadOffline { ticket, account, after, limit } => {
                let page = server.store.offline(&account, after, limit);
                let _ = server.host.offline_loaded(NOW, ticket, page);
            }
            HostAction::Foreign(stanza) => match self.servers.get_mut(stanza.to().unwrap().domain()) {
                Some(other) => {
                    self.wire.push(stanza.clone());
                    other.host.deliver(NOW, stanza).unwrap();
                }
                None => self.gone.push(stanza),
            },
            HostAction::Close(session, error) => panic!("{session:?}: {error:?}"),
            _ => {}
        }
    }
}

fn without_id(mut stanza: Stanza) -> String {
    match &mut stanza {
        Stanza::Iq(iq) if iq.is_request() => iq.set_id("push"),
        Stanza::Presence(presence) if presence.type_().is_subscription() => Presence::set_id(presence, None),
        _ => {}
    }
    stanza.to_string()
}

pub fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

pub fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

pub fn item(contact: &str, subscription: Subscription) -> RosterItem {
    RosterItem::new(jid(contact)).with_subscription(subscription)
}

/// Reads a stanza as it stands on a client's stream.
pub fn stanza(text: &str) -> Stanza {
    text.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// The empty result that answers a request.
pub fn result(to: &str, id: &str) -> String {
    format!("<iq to='{to}' id='{id}' type='result'/>")
}

/// The condition and type of an error that a client was told.
pub fn error(text: &str) -> (&'static str, &'static str) {
    let error = stanza(text).error().unwrap_or_else(|| panic!("no error: {text}"));
    (error.condition().name(), error.type_().name())
}
