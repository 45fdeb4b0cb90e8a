//! Foreign domains: the federation, which the host's task owns beside the host, and the tasks of its links.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant as Moment, sleep_until, timeout};
use tracing::{debug, error};
use xmpp_core::conn::Refusal;
use xmpp_core::dialback::{Condition, Verdict, Verification};
use xmpp_core::jid::BareJid;
use xmpp_core::stanza::Stanza;
use xmpp_im::federation::{Ending, Federation, FederationAction, LinkId, VerificationId};

use super::held::Held;
use super::mailbox::{End, Mailbox};
use super::peer_out::{self, Fact, Mission, Order, Shared};
use super::seed;

/// Orders that may wait for one link. Beyond that its server is slower than it is asked.
const ORDERS: usize = 256;

/// Stanzas waiting for one domain from which on it is behind, and bytes of them. What its senders may have under way by then has room
/// beside that.
const BEHIND: (usize, usize) = (64, 128 << 10);

/// Facts that may wait for the host.
pub(super) const FACTS: usize = 256;

/// The federation with its links.
#[derive(Debug)]
pub(super) struct Remotes {
    federation: Federation,
    links: HashMap<LinkId, Carried>,
    /// Links with full mailboxes.
    full: HashSet<LinkId>,
    tasks: JoinSet<()>,
    /// Which task is which link's.
    names: HashMap<Id, LinkId>,
    shared: Arc<Shared>,
    facts: mpsc::Receiver<(LinkId, Fact)>,
    /// What senders to domains that are behind wait for.
    held: Held,
    /// Who waits for verdicts.
    asking: HashMap<VerificationId, oneshot::Sender<Verdict>>,
}

/// A link that a task carries.
#[derive(Debug)]
struct Carried {
    remote: BareJid,
    mailbox: Arc<Mailbox>,
    orders: mpsc::Sender<Order>,
}

impl Remotes {
    pub(super) fn new(
        federation: Federation,
        shared: Arc<Shared>,
        facts: mpsc::Receiver<(LinkId, Fact)>,
    ) -> Self {
        Self {
            federation,
            links: HashMap::new(),
            full: HashSet::new(),
            tasks: JoinSet::new(),
            names: HashMap::new(),
            shared,
            facts,
            held: Held::default(),
            asking: HashMap::new(),
        }
    }

    /// Takes a stanza for a foreign domain.
    pub(super) fn submit(&mut self, stanza: Stanza) {
        if self.federation.submit(self.shared.clock.now(), stanza).is_err() {
            // The host stamps what its clients send, and the streams of others carry nothing without addresses.
            debug!("a stanza without addresses");
        }
    }

    /// Finds out whether a key is that of its domain.
    pub(super) fn verify(&mut self, verification: Verification, reply: oneshot::Sender<Verdict>) {
        let id = self.federation.verify(self.shared.clock.now(), verification);
        self.asking.insert(id, reply);
    }

    /// Whether more waits for that domain than its link can be expected to take at once.
    pub(super) fn is_behind(&self, remote: &BareJid) -> bool {
        let (stanzas, bytes) = self.federation.waiting(remote);
        stanzas >= BEHIND.0 || bytes >= BEHIND.1
    }

    /// Keeps a sender's share of its budget until that domain has caught up.
    pub(super) fn hold(&mut self, remote: BareJid, share: OwnedSemaphorePermit) {
        self.held.hold(remote, share, Moment::now());
    }

    /// Lets the senders to that domain go on, if it has caught up.
    fn relieve(&mut self, remote: &BareJid) {
        if self.held.look().is_some() && !self.is_behind(remote) {
            self.held.release(remote);
        }
    }

    /// Does what the federation wants done, until an error comes of it for somebody here.
    pub(super) fn perform(&mut self) -> Option<Stanza> {
        while let Some(action) = self.federation.poll() {
            match action {
                FederationAction::Connect { link, local, remote, purpose } => match (seed(), seed()) {
                    (Ok(search), Ok(seed)) => {
                        let (orders, received) = mpsc::channel(ORDERS);
                        let mailbox = Arc::<Mailbox>::default();
                        let carried =
                            Carried { remote: remote.clone(), mailbox: Arc::clone(&mailbox), orders };
                        let seeds = [search, seed];
                        let orders = received;
                        let mission = Mission { link, local, remote, purpose, seeds, mailbox, orders };
                        let task = self.tasks.spawn(peer_out::run(Arc::clone(&self.shared), mission));
                        self.names.insert(task.id(), link);
                        self.links.insert(link, carried);
                    }
                    (Err(error), _) | (_, Err(error)) => {
                        error!(%error, "no randomness for a connection");
                        self.closed(link, Ending::Unreachable, Vec::new());
                    }
                },
                FederationAction::Authorize { link, local, remote } => {
                    let order = Order::Authorize { local: local.clone(), remote: remote.clone() };
                    if !self.order(link, order) {
                        let refusal = Refusal::Failed(Condition::ResourceConstraint);
                        self.on_fact(link, Fact::Refused { local, remote, refusal });
                    }
                }
                FederationAction::Verify { link, id, verification } => {
                    if !self.order(link, Order::Verify(id, verification)) {
                        let verdict = Verdict::Failed(Condition::ResourceConstraint);
                        self.on_fact(link, Fact::Verdict(id, verdict));
                    }
                }
                FederationAction::Ready(link) => self.fill(link),
                FederationAction::Bounce(stanza) => return Some(stanza),
                FederationAction::Verified { id, verdict } => {
                    if let Some(asking) = self.asking.remove(&id) {
                        // Whoever asked may be gone.
                        let _ = asking.send(verdict);
                    }
                }
                FederationAction::Close(link) => {
                    if let Some(carried) = self.links.get(&link) {
                        carried.mailbox.end(End::Close);
                    }
                }
                _ => debug!("an unknown action"),
            }
        }
        None
    }

    fn order(&self, link: LinkId, order: Order) -> bool {
        self.links.get(&link).is_some_and(|carried| carried.orders.try_send(order).is_ok())
    }

    /// Moves what a link is to send into its mailbox.
    fn fill(&mut self, link: LinkId) {
        let Self { federation, links, full, .. } = self;
        let Some(carried) = links.get(&link) else { return };
        if carried.mailbox.fill(|| federation.take(link)) {
            full.remove(&link);
        } else {
            full.insert(link);
        }
        let remote = carried.remote.clone();
        self.relieve(&remote);
    }

    /// Waits for whatever happens next, and takes note of it. To drop the future before its end loses nothing.
    pub(super) async fn turn(&mut self) {
        let deadline = self.federation.poll_timeout().map(|at| self.shared.clock.moment(at));
        let (now, look) = (Moment::now(), self.held.look());
        tokio::select! {
            Some((link, fact)) = self.facts.recv() => self.on_fact(link, fact),
            Some(ended) = self.tasks.join_next_with_id() => {
                let id = ended.as_ref().map_or_else(tokio::task::JoinError::id, |(id, ())| *id);
                let link = self.names.remove(&id);
                if let (Err(error), Some(link)) = (ended, link) {
                    error!(%error, "a link failed");
                    self.closed(link, Ending::Over, Vec::new());
                }
            }
            () = sleep_until(deadline.unwrap_or(now)), if deadline.is_some() => {
                self.federation.handle_timeout(self.shared.clock.now());
            }
            () = sleep_until(look.unwrap_or(now)), if look.is_some() => {
                let mut held = std::mem::take(&mut self.held);
                held.expire(Moment::now(), |remote| !self.is_behind(remote));
                self.held = held;
            }
        }
    }

    fn on_fact(&mut self, link: LinkId, fact: Fact) {
        let now = self.shared.clock.now();
        let known = match fact {
            Fact::Connected => self.federation.connected(now, link),
            Fact::Authorized { local, remote, method } => {
                self.federation.authorized(now, link, &local, &remote, method)
            }
            Fact::Refused { local, remote, refusal } => {
                self.federation.refused(now, link, &local, &remote, refusal)
            }
            Fact::Verdict(id, verdict) => self.federation.verdict(now, link, id, verdict),
            Fact::Drained => return self.fill(link),
            Fact::Closed(ending, unsent) => return self.closed(link, ending, unsent),
        };
        if known.is_err() {
            debug!(link = link.as_u64(), "news that nobody waits for any more");
        }
    }

    fn closed(&mut self, link: LinkId, ending: Ending, mut unsent: Vec<Stanza>) {
        let carried = self.links.remove(&link);
        if let Some(carried) = &carried {
            unsent.extend(carried.mailbox.take().stanzas);
        }
        self.full.remove(&link);
        if self.federation.closed(self.shared.clock.now(), link, ending, unsent).is_err() {
            debug!(link = link.as_u64(), "a link ended twice");
        }
        if let Some(carried) = carried {
            self.relieve(&carried.remote);
        }
    }

    /// Nothing comes any more: lets the links send what they have, and ends them.
    pub(super) async fn end(mut self) {
        let patience = 3 * self.shared.close + Duration::from_secs(1);
        let sent = async {
            while !self.full.is_empty() {
                self.turn().await;
                while self.perform().is_some() {}
            }
            for carried in self.links.values() {
                carried.mailbox.end(End::Close);
            }
            while !self.links.is_empty() {
                // What cannot be sent now has nobody left to be told.
                self.turn().await;
            }
        };
        if timeout(patience, sent).await.is_err() {
            debug!(links = self.links.len(), "links are cut off");
        }
        self.tasks.shutdown().await;
    }
}
