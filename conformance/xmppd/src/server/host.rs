//! The task that owns the [`Host`]: accounts, sessions and routes, one step at a time.
//!
//! # Bounds
//! - Connections send [commands](Command) through a bounded channel, stanzas only within two budgets of
//!   bytes, the session's own and all sessions'. A connection that is faster than the host waits, and stops reading its socket.
//! - What a session is to get goes into its [`Mailbox`] up to a mark, and stays in the host's own bounded outbox beyond it. So it is
//!   with links to other servers and the federation's queues, and with [components](Components).
//! - While as many jobs as allowed wait for the store, no command is taken.
//! - What goes to an account with a congested session costs its sender its own budget for a moment longer, so that a fast sender does
//!   not cost a reader its session that is only a little slower. Nobody else waits, and a reader that has stopped is given up soon.
//!   The same goes for a component that is slower than its senders. What goes to a foreign domain that is behind costs its sender that
//!   budget until the domain has caught up, or for some seconds: see [`Held`](super::held).
//!
//! # Why it cannot lock up
//! This task waits for nobody in particular: each turn takes whatever is there of replies, emptied mailboxes, room for jobs
//! and commands. Connections wait for it (budget, room for commands), never it for them: a mailbox is filled without
//! waiting, and the end of a session or a component has its room in the channel reserved since that began. Links wait for it to take
//! their facts, never it for them: an order that a link has no room for is refused at once. It does leave commands
//! untaken for the store's sake; but then jobs wait, the store task works on them, and it waits only for the disk and for room for
//! replies, which are taken in every turn. The moments that senders wait end by the clock. A connection that waits for a verdict reads
//! on, and the federation gives one in time, whatever the other server does.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc::{self, OwnedPermit, Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::{Instant as Moment, Interval, interval, sleep_until};
use tracing::debug;
use xmpp_core::conn::Identity;
use xmpp_core::dialback::{self, Verdict};
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::Stanza;
use xmpp_im::host::{Host, HostAction, SessionId};

use super::Clock;
use super::components::Components;
use super::handle::{Attached, AttachedComponent, Bound, Command, HostHandle, Origin, Reader, Share};
use super::mailbox::{End, Mailbox};
use super::remotes::Remotes;
use super::storage::{Job, Reply};
use crate::store::Deletion;

/// Commands that may wait beside the reserved ends of sessions.
const COMMANDS: usize = 1024;

/// Jobs that may wait for the store before commands are left to wait.
const JOBS: usize = 1024;

/// Jobs on their way to the store task.
pub(super) const JOBS_SENT: usize = 256;

/// How long a stanza to a congested session keeps its share of its sender's budget: 64 KiB a turn make 640 KiB a second.
const GRACE: Duration = Duration::from_millis(100);

/// How often to look whether the system's clock was put right.
const CLOCK: Duration = Duration::from_secs(60);

/// The host and what it has to do.
#[derive(Debug)]
pub(super) struct HostTask {
    host: Host,
    clock: Clock,
    clock_looks: Interval,
    sessions: HashMap<SessionId, Carried>,
    components: Components,
    /// None without federation.
    remotes: Option<Remotes>,
    commands: Receiver<Command>,
    drained: Receiver<Reader>,
    replies: Receiver<Reply>,
    /// Jobs that the store task has no room for yet.
    waiting: VecDeque<Job>,
    /// Jobs that are not answered yet, waiting ones included.
    unanswered: usize,
    /// Accounts that are being loaded, with the clients who are told of their sessions after that: what they send then never has
    /// to be parked, where there is little room.
    loading: HashMap<BareJid, Vec<(oneshot::Sender<Bound>, Attached)>>,
    /// Accounts with sessions whose clients read too slowly, and which those are.
    congested: HashMap<BareJid, HashSet<SessionId>>,
    /// What senders to those wait for, and until when; the oldest first.
    slowed: VecDeque<(Moment, OwnedSemaphorePermit)>,
    /// The last deletion of which others are being told.
    deletion: Option<i64>,
    /// How many sessions there are, for others to see.
    count: Arc<AtomicUsize>,
}

/// A session that a connection carries.
#[derive(Debug)]
struct Carried {
    account: BareJid,
    mailbox: Arc<Mailbox>,
}

/// The task, and the way to it, for at most so many connections that read mailboxes.
pub(super) fn new(
    host: Host,
    clock: Clock,
    remotes: Option<Remotes>,
    connections: usize,
    replies: Receiver<Reply>,
) -> (HostTask, HostHandle) {
    let (to_commands, commands) = mpsc::channel(connections.saturating_add(COMMANDS));
    let (to_drained, drained) = mpsc::channel(connections.saturating_mul(3).max(3));
    let task = HostTask {
        host,
        clock,
        clock_looks: interval(CLOCK),
        sessions: HashMap::new(),
        components: Components::default(),
        remotes,
        commands,
        drained,
        replies,
        waiting: VecDeque::new(),
        unanswered: 0,
        loading: HashMap::new(),
        congested: HashMap::new(),
        slowed: VecDeque::new(),
        deletion: None,
        count: Arc::default(),
    };
    (task, HostHandle::new(to_commands, to_drained))
}

impl HostTask {
    /// Runs until no connection is left and the store has answered everything.
    pub(super) async fn run(mut self, jobs: Sender<Job>) {
        let mut open = true;
        while open || self.unanswered > 0 {
            let grace = self.slowed.front().map(|(until, _)| *until);
            tokio::select! {
                biased;
                reply = self.replies.recv() => match reply {
                    Some(reply) => self.on_reply(reply),
                    // The store task is gone, which only a fault in it explains: nothing can be kept any more.
                    None => return,
                },
                Some(reader) = self.drained.recv() => match reader {
                    Reader::Session(session) => self.fill(session),
                    Reader::Component(domain) => self.components.fill(&domain),
                    Reader::Sent(session) => self.sent(session),
                },
                Ok(room) = jobs.reserve(), if !self.waiting.is_empty() => {
                    if let Some(job) = self.waiting.pop_front() {
                        room.send(job);
                    }
                }
                () = sleep_until(grace.unwrap_or_else(Moment::now)), if grace.is_some() => {
                    let now = Moment::now();
                    let due = self.slowed.iter().take_while(|(until, _)| *until <= now).count();
                    self.slowed.drain(..due);
                }
                () = turn(self.remotes.as_mut()) => {}
                _ = self.clock_looks.tick() => self.host.wall_clock(self.clock.epoch()),
                // Last, because there may be more of them at any time, which is true of nothing else.
                command = self.commands.recv(),
                    if open && self.waiting.len() < JOBS => match command {
                    Some(command) => self.on_command(command),
                    None => open = false,
                },
            }
            self.perform();
            self.count.store(self.host.sessions(), Ordering::Relaxed);
        }
        if let Some(remotes) = self.remotes {
            remotes.end().await;
        }
    }

    /// Shows how many sessions there are.
    pub(super) fn count(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.count)
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Bind { identity, resource, room, reply } => self.bind(&identity, resource, room, reply),
            Command::Stanza { origin, stanza, share } => self.stanza(origin, stanza, share),
            Command::Detach { session, mut unsent } => {
                self.relieved(session);
                if let Some(carried) = self.sessions.remove(&session) {
                    unsent.extend(carried.mailbox.take().stanzas);
                    self.host.sent(self.clock.now(), session, carried.mailbox.take_receipt());
                }
                self.host.detach(self.clock.now(), session, unsent);
            }
            Command::Attach { domain, room, reply } => {
                let attached = self.host.attach_component(&domain).map(|()| {
                    let mailbox = Arc::<Mailbox>::default();
                    self.components.attach(domain.clone(), Arc::clone(&mailbox));
                    AttachedComponent::new(domain, mailbox, room)
                });
                // If the connection is gone by now, dropping the component ends it.
                let _ = reply.send(attached);
            }
            Command::DetachComponent { domain, unsent } => {
                self.host.detach_component(&domain);
                for error in self.components.detach(&domain, unsent) {
                    self.deliver(error);
                }
            }
            Command::Verify { verification, reply } => match &mut self.remotes {
                Some(remotes) => remotes.verify(verification, reply),
                None => drop(reply.send(Verdict::Failed(dialback::Condition::RemoteServerNotFound))),
            },
        }
    }

    /// Takes a stanza that is not a client's.
    fn deliver(&mut self, stanza: Stanza) {
        if let Err(condition) = self.host.deliver(self.clock.now(), stanza) {
            // The streams have the same rules, and end by themselves.
            debug!(%condition, "a stanza from outside goes nowhere");
        }
    }

    fn bind(
        &mut self,
        identity: &Identity,
        resource: Option<String>,
        room: OwnedPermit<Command>,
        reply: oneshot::Sender<Bound>,
    ) {
        let (account, resource) = (identity.account(), resource.as_deref());
        let bound = match identity.is_anonymous() {
            true => self.host.bind_anonymous(self.clock.now(), account, resource),
            false => self.host.bind(self.clock.now(), account, resource),
        };
        let bound = match bound {
            Ok(bound) => bound,
            Err(error) => return drop(reply.send(Err(error))),
        };
        let mailbox = Arc::<Mailbox>::default();
        let carried = Carried { account: account.clone(), mailbox: Arc::clone(&mailbox) };
        self.sessions.insert(bound.session(), carried);
        let attached = Attached::new(bound.session(), bound.jid().clone(), mailbox, room);
        // This may be what the account is loaded for.
        self.perform();
        match self.loading.get_mut(account) {
            Some(waiting) => waiting.push((reply, attached)),
            // If the connection is gone by now, dropping the session ends it.
            None => drop(reply.send(Ok(attached))),
        }
    }

    /// An account is loaded, or will not be: its sessions learn that from their mailboxes.
    fn is_loaded(&mut self, account: &BareJid) {
        for (reply, attached) in self.loading.remove(account).unwrap_or_default() {
            let _ = reply.send(Ok(attached));
        }
    }

    fn on_reply(&mut self, reply: Reply) {
        if !matches!(reply, Reply::Deleted(_)) {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        match reply {
            // A stale ticket is one whose sessions have ended meanwhile.
            Reply::Loaded(ticket, account, data) => {
                let _ = self.host.loaded(self.clock.now(), ticket, data.map(|data| *data));
                self.is_loaded(&account);
            }
            Reply::LoadFailed(ticket, account) => {
                let _ = self.host.load_failed(self.clock.now(), ticket);
                self.is_loaded(&account);
            }
            // A stale ticket is one of a session that has ended, or of an account that was loaded anew.
            Reply::OfflineLoaded(ticket, messages) => {
                let _ = self.host.offline_loaded(self.clock.now(), ticket, messages);
            }
            Reply::OfflineFailed(ticket) => {
                let _ = self.host.offline_failed(self.clock.now(), ticket);
            }
            Reply::Persisted(account, seq) => self.host.persisted(self.clock.now(), &account, seq),
            Reply::PersistFailed(account, seq) => self.host.persist_failed(self.clock.now(), &account, seq),
            Reply::DeletionsNoted => {}
            Reply::Deleted(deletions) => self.deleted(deletions),
        }
    }

    /// Accounts were deleted: their sessions end, and those whom they had to do with are told.
    fn deleted(&mut self, deletions: Vec<Deletion>) {
        for Deletion { number, account, data } in deletions {
            self.host.deleted(self.clock.now(), &account, Some(data));
            self.deletion = self.deletion.max(Some(number));
        }
    }

    /// All that came of the deletions so far is stored, or it has to be tried again. The word of that comes behind what the host has wanted
    /// stored before, which may be of the old accounts.
    fn deletions_done(&mut self, is_complete: bool) {
        match self.deletion.take() {
            Some(last) if is_complete => self.job(Job::ForgetDeletions(last)),
            Some(_) => self.job(Job::RepeatDeletions),
            None => {}
        }
    }

    fn job(&mut self, job: Job) {
        self.waiting.push_back(job);
        self.unanswered += 1;
    }

    /// Does what the host and the federation want done.
    fn perform(&mut self) {
        loop {
            self.perform_host();
            match self.remotes.as_mut().and_then(Remotes::perform) {
                Some(error) => self.deliver(error),
                None => return,
            }
        }
    }

    fn perform_host(&mut self) {
        while let Some(action) = self.host.poll() {
            match action {
                HostAction::Load { ticket, account } => {
                    self.loading.entry(account.clone()).or_default();
                    self.job(Job::Load(ticket, account));
                }
                HostAction::Persist(persist) => self.job(Job::Persist(persist)),
                HostAction::LoadOffline { ticket, account, after, limit } => {
                    self.job(Job::LoadOffline { ticket, account, after, limit });
                }
                HostAction::Ready(session) => self.fill(session),
                HostAction::Congested(session) => {
                    if let Some(carried) = self.sessions.get(&session) {
                        self.congested.entry(carried.account.clone()).or_default().insert(session);
                    }
                }
                HostAction::Close(session, error) => {
                    self.relieved(session);
                    if let Some(carried) = self.sessions.get(&session) {
                        carried.mailbox.end(End::Fail(error));
                    }
                }
                HostAction::Foreign(stanza) => {
                    if let Some(remotes) = &mut self.remotes {
                        remotes.submit(stanza);
                    }
                }
                HostAction::Component(domain, stanza) => {
                    if let Some(error) = self.components.push(&domain, stanza) {
                        self.deliver(error);
                    }
                }
                HostAction::DeletionsDone { is_complete } => self.deletions_done(is_complete),
                // An action of a newer engine that this server does not know, which the dependency's version rules out.
                _ => debug!("an unknown action"),
            }
        }
    }

    /// A session has written something that its account waits for.
    fn sent(&mut self, session: SessionId) {
        let Some(carried) = self.sessions.get(&session) else { return };
        self.host.sent(self.clock.now(), session, carried.mailbox.take_receipt());
        carried.mailbox.await_receipt(self.host.awaits_sent(session));
    }

    /// Moves what a session is to get into its mailbox.
    fn fill(&mut self, session: SessionId) {
        let Self { host, sessions, .. } = self;
        let Some(carried) = sessions.get(&session) else { return };
        carried.mailbox.await_receipt(host.awaits_sent(session));
        if carried.mailbox.fill(|| host.take(session)) {
            self.relieved(session);
        }
    }

    /// Hands a stanza to the host. If its receiver is congested, its sender gets its share of the budget back a little later.
    fn stanza(&mut self, origin: Origin, stanza: Stanza, share: Share) {
        let to = stanza.to().map(Jid::to_bare);
        match origin {
            Origin::Session(session) => {
                if self.host.receive(self.clock.now(), session, stanza).is_err() {
                    debug!(session = session.as_u64(), "a stanza came after the end of its session");
                }
            }
            Origin::Outside => self.deliver(stanza),
            Origin::Ours => {
                if let Some(remotes) = &mut self.remotes {
                    remotes.submit(stanza);
                }
            }
        }
        self.perform();
        let domain = to.as_ref().map(BareJid::domain_jid);
        if let (Some(domain), Some(remotes)) = (domain, &mut self.remotes)
            && remotes.is_behind(&domain)
        {
            return remotes.hold(domain, share.into_own());
        }
        let congested = match (&to, origin) {
            (Some(to), _) => self.is_congested(to),
            (None, Origin::Session(session)) => {
                self.sessions.get(&session).is_some_and(|carried| self.is_congested(&carried.account))
            }
            (None, Origin::Outside | Origin::Ours) => false,
        };
        if congested {
            self.slowed.push_back((Moment::now() + GRACE, share.into_own()));
        }
    }

    fn is_congested(&self, to: &BareJid) -> bool {
        self.congested.contains_key(to) || self.components.is_congested(&to.domain_jid())
    }

    /// The session is not congested any more; others of its account may be.
    fn relieved(&mut self, session: SessionId) {
        if !self.congested.is_empty()
            && let Some(carried) = self.sessions.get(&session)
            && let Some(sessions) = self.congested.get_mut(&carried.account)
        {
            sessions.remove(&session);
            if sessions.is_empty() {
                self.congested.remove(&carried.account);
            }
        }
    }
}

#[cfg(test)]
mod tests;

/// Waits until something happens to a link.
async fn turn(remotes: Option<&mut Remotes>) {
    match remotes {
        Some(remotes) => remotes.turn().await,
        None => std::future::pending().await,
    }
}
