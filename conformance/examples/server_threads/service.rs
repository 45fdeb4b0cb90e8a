//! The host and its accounts, in memory: what the threads of all connections share.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant as Clock, SystemTime};

use xmpp_core::entropy::Seed;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::sasl::{ScramHash, ScramKeys, Secret};
use xmpp_core::stream::StreamError;
use xmpp_core::time::{Instant, UtcTime};
use xmpp_im::host::{Host, HostAction, HostConfig, SessionId};
use xmpp_im::roster::Roster;
use xmpp_im::store::AccountData;

pub(crate) struct Service {
    host: Host,
    start: Clock,
    /// What another server would keep in a database.
    accounts: BTreeMap<BareJid, (ScramKeys, Roster)>,
    /// The sessions that the host has ended, for their threads to find.
    pub(crate) closing: BTreeMap<SessionId, StreamError>,
}

impl Service {
    /// A service with these accounts, which share a password.
    pub(crate) fn new(domain: &BareJid, names: &[String], password: &Secret) -> Result<Self, Box<dyn Error>> {
        let mut accounts = BTreeMap::new();
        for name in names {
            let account = Jid::from_parts(Some(name), domain.domain(), None)?.to_bare();
            let keys = ScramKeys::for_password(ScramHash::Sha256, password, random()?, 4096)?;
            accounts.insert(account, (keys, Roster::default()));
        }
        let start = Clock::now();
        let epoch = UtcTime::UNIX_EPOCH + SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let host = Host::new(HostConfig::new([domain.clone()]), Seed::new(random()?), epoch);
        Ok(Service { host, start, accounts, closing: BTreeMap::new() })
    }

    pub(crate) fn keys(&self, account: &BareJid) -> Option<ScramKeys> {
        self.accounts.get(account).map(|(keys, _)| keys.clone())
    }

    /// Calls the host, and does what it wants done.
    pub(crate) fn call<T>(&mut self, call: impl FnOnce(&mut Host, Instant) -> T) -> T {
        let now = Instant::after(self.start.elapsed());
        let result = call(&mut self.host, now);
        while let Some(action) = self.host.poll() {
            match action {
                HostAction::Load { ticket, account } => {
                    let account = self.accounts.get(&account);
                    let data =
                        account.map(|(_, roster)| AccountData::new().with_roster(roster.items().cloned()));
                    let _ = self.host.loaded(now, ticket, data); // stale: nobody waits for it any more
                }
                HostAction::Persist(persist) => {
                    if let Some((_, roster)) = self.accounts.get_mut(persist.owner()) {
                        persist.changes().iter().for_each(|change| roster.apply(change));
                    }
                    self.host.persisted(now, persist.owner(), persist.seq());
                }
                HostAction::Close(session, error) => drop(self.closing.insert(session, error)),
                _ => {} // every thread looks after its own session
            }
        }
        result
    }
}

pub(crate) fn random() -> Result<[u8; 32], getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map(|()| bytes)
}

pub(crate) fn lock(service: &Mutex<Service>) -> MutexGuard<'_, Service> {
    service.lock().unwrap_or_else(PoisonError::into_inner)
}
