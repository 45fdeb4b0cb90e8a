//! The task that gives accounts the SCRAM keys that they lack, of passwords that PLAIN has just proved, and keeps the [offer](Offers)
//! up to date.
//!
//! No login waits for it. It makes the keys of one account at a time, so that it has one of the hashing threads at the most, and
//! few may wait: what there is no room for is made at the next login.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, info, warn};
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::{ScramHash, ScramKeys, Secret};

use super::offer::Offers;
use super::tally::Tally;
use crate::hashing::HashingPool;
use crate::password;
use crate::store::{Store, StoreError};

/// Accounts that may wait for their keys.
const WAITING: usize = 64;

/// How often to look what all accounts have keys for, if anything has changed.
const LOOK: Duration = Duration::from_secs(1);

/// An account that lacks keys, and its password.
type Outdated = (BareJid, Secret);

/// The way to the task.
#[derive(Clone, Debug)]
pub(super) struct Upgrades(Sender<Outdated>);

impl Upgrades {
    /// The way, and its end.
    pub(super) fn new() -> (Self, Receiver<Outdated>) {
        let (sender, receiver) = mpsc::channel(WAITING);
        (Self(sender), receiver)
    }

    /// Has keys made of this password, if there is room.
    pub(super) fn request(&self, account: BareJid, password: Secret) {
        if self.0.try_send((account, password)).is_err() {
            debug!("no room for more keys to be made");
        }
    }
}

/// Makes keys until no connection is left.
pub(super) async fn run(
    store: Store,
    hashing: HashingPool,
    offers: Arc<Offers>,
    mut accounts: Receiver<Outdated>,
) {
    let failed = Tally::default();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    // Ours do not count as changes of the store.
    let mut changed = false;
    loop {
        tokio::select! {
            outdated = accounts.recv() => {
                let Some((account, password)) = outdated else { return };
                match upgrade(&store, &hashing, &account, password).await {
                    Ok(added) => changed |= added,
                    Err(error) => if let Some(accounts) = failed.count() {
                        warn!(%account, %error, accounts, "keys could not be made");
                    },
                }
            }
            _ = look.tick() => match refresh(&store, &offers, seen, changed).await {
                Ok(now) => (seen, changed) = (Some(now), false),
                // What failed is tried again.
                Err(error) => if let Some(times) = failed.count() {
                    warn!(%error, times, "cannot look which keys there are");
                },
            },
        }
    }
}

/// Looks again if the store has changed since it was `seen` in this state; its state.
async fn refresh(
    store: &Store,
    offers: &Offers,
    seen: Option<i64>,
    changed: bool,
) -> Result<i64, StoreError> {
    let now = store.foreign_changes().await?;
    if changed || seen != Some(now) {
        offers.refresh(store).await?;
    }
    Ok(now)
}

/// Gives an account the keys that it lacks; whether it lacked any.
async fn upgrade(
    store: &Store,
    hashing: &HashingPool,
    account: &BareJid,
    password: Secret,
) -> Result<bool, Box<dyn Error + Send + Sync>> {
    // Gone meanwhile, or done: somebody may log in often.
    let Some(kept) = store.credentials(account).await? else { return Ok(false) };
    let kept: Vec<_> = kept.iter().map(ScramKeys::hash).collect();
    let lacking: Vec<_> = ScramHash::ALL.into_iter().filter(|hash| !kept.contains(hash)).collect();
    if lacking.is_empty() {
        return Ok(false);
    }
    let make = move || password::keys_of(lacking, &password, password::ITERATIONS);
    let added = store.add_keys(account, &hashing.run(make).await??).await?;
    if added {
        info!(%account, "keys were made");
    }
    Ok(added)
}
