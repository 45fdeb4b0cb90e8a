//! The task between the host and the store.
//!
//! It takes the host's jobs in their order, many at once: all changes of a batch are one transaction, so that a thousand clients
//! who change their rosters at once share one wait for the disk. Every job is answered, in whatever way it ends. Loads come
//! after the changes of their batch, which is what the persistence contract asks of them: a load sees what was handed out
//! before it, and nothing is handed out for an account while it is being loaded.

use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{MissedTickBehavior, interval};
use tracing::error;
use xmpp_core::jid::BareJid;
use xmpp_im::host::LoadTicket;
use xmpp_im::store::{AccountData, Persist};

use crate::store::{Applied, Store, StoreError};

/// Jobs that are taken at once.
const BATCH: usize = 256;

/// How often to look whether another process has changed the store.
const LOOK: Duration = Duration::from_secs(1);

/// What the host wants of the store.
#[derive(Debug)]
pub(super) enum Job {
    /// All of an account.
    Load(LoadTicket, BareJid),
    /// A change.
    Persist(Persist),
}

/// What became of it, and what others did.
#[derive(Debug)]
pub(super) enum Reply {
    Loaded(LoadTicket, BareJid, Option<AccountData>),
    LoadFailed(LoadTicket, BareJid),
    Persisted(BareJid, u64),
    PersistFailed(BareJid, u64),
    /// Not an answer: another process has deleted these accounts.
    Deleted(Vec<BareJid>),
}

/// Does the jobs until there will be no more.
pub(super) async fn run(store: Store, mut jobs: Receiver<Job>, replies: Sender<Reply>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = None;
    loop {
        let outcome = tokio::select! {
            taken = jobs.recv_many(&mut batch, BATCH) => {
                if taken == 0 {
                    return;
                }
                work(&store, &mut batch, &replies).await
            }
            _ = look.tick() => match deletions(&store, &mut seen).await {
                Ok(deleted) if deleted.is_empty() => Ok(()),
                Ok(deleted) => replies.send(Reply::Deleted(deleted)).await.map_err(drop),
                Err(error) => {
                    error!(%error, "cannot look for deleted accounts");
                    Ok(())
                }
            },
        };
        // The host is gone: nobody waits for answers.
        if outcome.is_err() {
            return;
        }
    }
}

/// The accounts that were deleted, if another process has changed the store since it was `seen` in this state.
async fn deletions(store: &Store, seen: &mut Option<i64>) -> Result<Vec<BareJid>, StoreError> {
    let now = store.foreign_changes().await?;
    if *seen == Some(now) {
        return Ok(Vec::new());
    }
    let deleted = store.take_deletions().await?;
    // Only now: what failed is tried again.
    *seen = Some(now);
    Ok(deleted)
}

async fn work(store: &Store, batch: &mut Vec<Job>, replies: &Sender<Reply>) -> Result<(), ()> {
    let mut changes = Vec::new();
    let mut others = Vec::new();
    for job in batch.drain(..) {
        match job {
            Job::Persist(persist) => changes.push(persist),
            other => others.push(other),
        }
    }
    if !changes.is_empty() {
        let outcomes = apply(store, &changes).await;
        for (index, persist) in changes.into_iter().enumerate() {
            let (account, seq) = (persist.owner().clone(), persist.seq());
            let applied = outcomes.as_ref().is_ok_and(|all| all.get(index) == Some(&Applied::Done));
            let reply =
                if applied { Reply::Persisted(account, seq) } else { Reply::PersistFailed(account, seq) };
            replies.send(reply).await.map_err(drop)?;
        }
    }
    for job in others {
        let reply = match job {
            Job::Load(ticket, account) => match store.load_account(&account).await {
                Ok(data) => Reply::Loaded(ticket, account, data),
                Err(error) => {
                    error!(%account, %error, "cannot load an account");
                    Reply::LoadFailed(ticket, account)
                }
            },
            Job::Persist(_) => continue,
        };
        replies.send(reply).await.map_err(drop)?;
    }
    Ok(())
}

async fn apply(store: &Store, changes: &[Persist]) -> Result<Vec<Applied>, StoreError> {
    let changes: Vec<_> = changes.iter().map(|persist| (persist.owner(), persist.changes())).collect();
    let outcome = store.apply(&changes).await;
    if let Err(error) = &outcome {
        error!(%error, changes = changes.len(), "cannot keep changes");
    }
    outcome
}
