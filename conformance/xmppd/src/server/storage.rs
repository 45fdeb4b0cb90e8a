//! The task between the host and the store.
//!
//! It takes the host's jobs in their order, many at once: all changes of a batch are one transaction, so that a thousand clients
//! who change their rosters at once share one wait for the disk. Every job is answered, in whatever way it ends. Loads come
//! after the changes of their batch, which is what the persistence contract asks of them: a load sees what was handed out
//! before it, and nothing is handed out for an account while it is being loaded. After a step that failed, those of the same owner fail
//! too until it is loaded: they were made on top of it.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender};
use tokio::time::{Instant as Moment, MissedTickBehavior, interval};
use tracing::error;
use xmpp_core::jid::BareJid;
use xmpp_im::host::{LoadTicket, OfflineTicket};
use xmpp_im::store::{AccountData, OfflineMessage, Persist};

use crate::store::{Applied, Deletion, Store, StoreError};

/// Jobs that are taken at once.
const BATCH: usize = 256;

/// How often to look whether another process has changed the store.
const LOOK: Duration = Duration::from_secs(1);

/// How long to wait before those are told again whom a deletion has not reached, since something could not be stored.
const REPEAT: Duration = Duration::from_secs(10);

/// What the host wants of the store.
#[derive(Debug)]
pub(super) enum Job {
    /// All of an account.
    Load(LoadTicket, BareJid),
    /// Offline messages of an account.
    LoadOffline { ticket: OfflineTicket, account: BareJid, after: u64, limit: usize },
    /// A step.
    Persist(Persist),
    /// All that had to be stored because of the deletions up to this number is, and what the host wants stored from now on is not of those
    /// accounts.
    ForgetDeletions(i64),
    /// Something of that could not be stored: the host is to be told of the deletions once more, later.
    RepeatDeletions,
}

/// What became of it, and what others did.
#[derive(Debug)]
pub(super) enum Reply {
    Loaded(LoadTicket, BareJid, Option<Box<AccountData>>),
    LoadFailed(LoadTicket, BareJid),
    OfflineLoaded(OfflineTicket, Vec<OfflineMessage>),
    OfflineFailed(OfflineTicket),
    Persisted(BareJid, u64),
    PersistFailed(BareJid, u64),
    /// The deletions are forgotten, or will be told again.
    DeletionsNoted,
    /// Not an answer: another process has deleted these accounts.
    Deleted(Vec<Deletion>),
}

/// Does the jobs until there will be no more.
pub(super) async fn run(store: Store, mut jobs: Receiver<Job>, replies: Sender<Reply>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = Seen::default();
    let mut stale = Stale::new();
    // Of deletions while no server ran, the host learns before it loads anything.
    if tell_deletions(&store, &mut seen, &replies).await.is_err() {
        return;
    }
    loop {
        let outcome = tokio::select! {
            taken = jobs.recv_many(&mut batch, BATCH) => {
                if taken == 0 {
                    return;
                }
                work(&store, &mut batch, &mut seen, &mut stale, &replies).await
            }
            _ = look.tick() => tell_deletions(&store, &mut seen, &replies).await,
        };
        // The host is gone: nobody waits for answers.
        if outcome.is_err() {
            return;
        }
    }
}

/// What another process may have done.
#[derive(Debug, Default)]
struct Seen {
    /// The state of the store when it was looked at last.
    state: Option<i64>,
    /// The last deletion that the host was told of.
    deletion: i64,
    /// When to tell it of all of them again.
    repeat: Option<Moment>,
}

/// Owners of which a step has failed and who have not been loaded since.
type Stale = HashSet<BareJid>;

async fn tell_deletions(store: &Store, seen: &mut Seen, replies: &Sender<Reply>) -> Result<(), ()> {
    match deletions(store, seen).await {
        Ok(deleted) if deleted.is_empty() => Ok(()),
        Ok(deleted) => replies.send(Reply::Deleted(deleted)).await.map_err(drop),
        Err(error) => {
            error!(%error, "cannot look for deleted accounts");
            Ok(())
        }
    }
}

/// The accounts that were deleted since the last time, if another process has changed the store.
async fn deletions(store: &Store, seen: &mut Seen) -> Result<Vec<Deletion>, StoreError> {
    if seen.repeat.is_some_and(|at| at <= Moment::now()) {
        *seen = Seen::default();
    }
    let state = store.foreign_changes().await?;
    if seen.state == Some(state) {
        return Ok(Vec::new());
    }
    let deletions = store.deletions(seen.deletion).await?;
    // Only now: what failed is tried again.
    seen.state = Some(state);
    seen.deletion = deletions.last().map_or(seen.deletion, |last| last.number);
    Ok(deletions)
}

/// Does a batch of jobs. Reading ones come after all changes, but a deletion is forgotten in its place: what the host handed out
/// before may be of the old account.
async fn work(
    store: &Store,
    batch: &mut Vec<Job>,
    seen: &mut Seen,
    stale: &mut Stale,
    replies: &Sender<Reply>,
) -> Result<(), ()> {
    let mut changes = Vec::new();
    let mut others = Vec::new();
    for job in batch.drain(..) {
        match job {
            Job::Persist(persist) => changes.push(persist),
            Job::ForgetDeletions(through) => {
                keep(store, std::mem::take(&mut changes), stale, replies).await?;
                if let Err(error) = store.forget_deletions(through).await {
                    error!(%error, "cannot forget deleted accounts");
                    seen.repeat = Some(Moment::now() + REPEAT);
                }
                replies.send(Reply::DeletionsNoted).await.map_err(drop)?;
            }
            Job::RepeatDeletions => {
                seen.repeat = Some(Moment::now() + REPEAT);
                replies.send(Reply::DeletionsNoted).await.map_err(drop)?;
            }
            other => others.push(other),
        }
    }
    keep(store, changes, stale, replies).await?;
    for job in others {
        let reply = match job {
            Job::Load(ticket, account) => {
                stale.remove(&account);
                match store.load_account(&account).await {
                    Ok(data) => Reply::Loaded(ticket, account, data.map(Box::new)),
                    Err(error) => {
                        error!(%account, %error, "cannot load an account");
                        Reply::LoadFailed(ticket, account)
                    }
                }
            }
            Job::LoadOffline { ticket, account, after, limit } => {
                match store.offline_page(&account, after, limit).await {
                    Ok(messages) => Reply::OfflineLoaded(ticket, messages),
                    Err(error) => {
                        error!(%account, %error, "cannot load offline messages");
                        Reply::OfflineFailed(ticket)
                    }
                }
            }
            Job::Persist(_) | Job::ForgetDeletions(_) | Job::RepeatDeletions => continue,
        };
        replies.send(reply).await.map_err(drop)?;
    }
    Ok(())
}

/// Keeps steps, and says which of them are.
async fn keep(
    store: &Store,
    steps: Vec<Persist>,
    stale: &mut Stale,
    replies: &Sender<Reply>,
) -> Result<(), ()> {
    let (lost, steps): (Vec<_>, Vec<_>) = steps.into_iter().partition(|step| stale.contains(step.owner()));
    for step in lost {
        replies.send(Reply::PersistFailed(step.owner().clone(), step.seq())).await.map_err(drop)?;
    }
    if steps.is_empty() {
        return Ok(());
    }
    let borrowed: Vec<_> = steps.iter().map(|step| (step.owner(), step.changes())).collect();
    let outcomes = store.apply(&borrowed).await;
    for (step, outcome) in steps.into_iter().zip(outcomes) {
        let (owner, seq) = (step.owner().clone(), step.seq());
        if outcome == Applied::Failed {
            stale.insert(owner.clone());
        }
        let reply = match outcome {
            Applied::Done => Reply::Persisted(owner, seq),
            Applied::NoAccount | Applied::Failed => Reply::PersistFailed(owner, seq),
        };
        replies.send(reply).await.map_err(drop)?;
    }
    Ok(())
}
