//! The way from connections to the host: what they want of it, and the budgets within which they may.
//!
//! The [host's module](super::host) says what is bounded, and why nothing waits for ever.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{OwnedPermit, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use xmpp_core::conn::Identity;
use xmpp_core::dialback::{Verdict, Verification};
use xmpp_core::jid::{BareJid, FullJid};
use xmpp_core::stanza::{Condition, ErrorType, Stanza, StanzaError};
use xmpp_core::stream;
use xmpp_im::host::SessionId;

use super::mailbox::Mailbox;

/// Bytes of stanzas that may be under way from all connections to the host.
const BUDGET: usize = 4 << 20;

/// Bytes of stanzas that may be under way from one connection: much less than a session's outbox, so that who reads slowly what it
/// asked for is made to wait before its outbox overflows.
const OWN_BUDGET: usize = 64 << 10;

/// What every stanza counts at least.
const LEAST: usize = 256;

/// A session, or what the client is told instead.
pub(super) type Bound = Result<Attached, StanzaError>;

/// What a connection wants of the host.
#[derive(Debug)]
pub(super) enum Command {
    /// Start a session. Its end goes into the room that is reserved for it.
    Bind {
        identity: Identity,
        resource: Option<String>,
        room: OwnedPermit<Command>,
        reply: oneshot::Sender<Bound>,
    },
    /// A stanza, with its share of the budget.
    Stanza { origin: Origin, stanza: Stanza, share: Share },
    /// A session's transport has ended.
    Detach { session: SessionId, unsent: Vec<Stanza> },
    /// A component has proved its domain. Its end goes into the room that is reserved for it.
    Attach {
        domain: BareJid,
        room: OwnedPermit<Command>,
        reply: oneshot::Sender<Result<AttachedComponent, stream::Condition>>,
    },
    /// A component's transport has ended.
    DetachComponent { domain: BareJid, unsent: Vec<Stanza> },
    /// Find out whether a key is that of its domain.
    Verify { verification: Verification, reply: oneshot::Sender<Verdict> },
}

/// Where a stanza comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Origin {
    /// A client.
    Session(SessionId),
    /// A component, or another server.
    Outside,
    /// The server itself, which answers another server's stanza that was none.
    Ours,
}

/// What a reader of a mailbox has done.
#[derive(Debug)]
pub(super) enum Reader {
    /// The session's mailbox was full, and is empty.
    Session(SessionId),
    /// The component's mailbox was full, and is empty.
    Component(BareJid),
    /// The session has written what somebody waits for: how much, its mailbox says.
    Sent(SessionId),
}

/// The way in for what comes from outside, with its share of what may be under way.
#[derive(Debug)]
pub(super) struct Inlet {
    budget: Arc<Semaphore>,
}

impl Inlet {
    fn new() -> Self {
        Self { budget: Arc::new(Semaphore::new(OWN_BUDGET)) }
    }
}

/// A component that a connection carries; is gone when this is dropped, wherever that happens.
#[derive(Debug)]
pub(super) struct AttachedComponent {
    domain: BareJid,
    mailbox: Arc<Mailbox>,
    inlet: Inlet,
    /// What was taken out of the mailbox and never sent.
    pub(super) unsent: Vec<Stanza>,
    room: Option<OwnedPermit<Command>>,
}

impl AttachedComponent {
    pub(super) fn new(domain: BareJid, mailbox: Arc<Mailbox>, room: OwnedPermit<Command>) -> Self {
        Self { domain, mailbox, inlet: Inlet::new(), unsent: Vec::new(), room: Some(room) }
    }

    pub(super) const fn domain(&self) -> &BareJid {
        &self.domain
    }

    pub(super) const fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    pub(super) const fn inlet(&self) -> &Inlet {
        &self.inlet
    }
}

impl Drop for AttachedComponent {
    fn drop(&mut self) {
        if let Some(room) = self.room.take() {
            let unsent = std::mem::take(&mut self.unsent);
            room.send(Command::DetachComponent { domain: self.domain.clone(), unsent });
        }
    }
}

/// A stanza's share of the budgets of its connection and of all.
#[derive(Debug)]
pub(super) struct Share {
    own: OwnedSemaphorePermit,
    _common: OwnedSemaphorePermit,
}

impl Share {
    /// Gives back the share of what may be under way from all; the connection's own is to be given back later.
    pub(super) fn into_own(self) -> OwnedSemaphorePermit {
        self.own
    }
}

/// A session that a connection carries; ends when this is dropped, wherever that happens.
#[derive(Debug)]
pub(super) struct Attached {
    session: SessionId,
    jid: FullJid,
    mailbox: Arc<Mailbox>,
    budget: Arc<Semaphore>,
    /// How many stanzas out of the mailbox the stream has taken.
    pub(super) given: u64,
    /// What was taken out of the mailbox and never sent.
    pub(super) unsent: Vec<Stanza>,
    room: Option<OwnedPermit<Command>>,
}

impl Attached {
    pub(super) fn new(
        session: SessionId,
        jid: FullJid,
        mailbox: Arc<Mailbox>,
        room: OwnedPermit<Command>,
    ) -> Self {
        let budget = Arc::new(Semaphore::new(OWN_BUDGET));
        Self { session, jid, mailbox, budget, given: 0, unsent: Vec::new(), room: Some(room) }
    }

    pub(super) const fn jid(&self) -> &FullJid {
        &self.jid
    }

    pub(super) const fn mailbox(&self) -> &Arc<Mailbox> {
        &self.mailbox
    }

    pub(super) const fn session(&self) -> SessionId {
        self.session
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        if let Some(room) = self.room.take() {
            let unsent = std::mem::take(&mut self.unsent);
            room.send(Command::Detach { session: self.session, unsent });
        }
    }
}

/// The way from connections to the host.
#[derive(Clone, Debug)]
pub(super) struct HostHandle {
    commands: Sender<Command>,
    drained: Sender<Reader>,
    budget: Arc<Semaphore>,
}

impl HostHandle {
    pub(super) fn new(commands: Sender<Command>, drained: Sender<Reader>) -> Self {
        Self { commands, drained, budget: Arc::new(Semaphore::new(BUDGET)) }
    }

    /// Asks for a session.
    ///
    /// # Errors
    /// What the client is to be told.
    pub(super) async fn bind(
        &self,
        identity: Identity,
        resource: Option<String>,
    ) -> Result<Attached, StanzaError> {
        // The host ends only after all connections have.
        let gone = || StanzaError::new(Condition::InternalServerError).with_type(ErrorType::Wait);
        let room = self.commands.clone().reserve_owned().await.map_err(|_| gone())?;
        let (reply, outcome) = oneshot::channel();
        let bind = Command::Bind { identity, resource, room, reply };
        self.commands.send(bind).await.map_err(|_| gone())?;
        outcome.await.map_err(|_| gone())?
    }

    /// Hands a client's stanza over: at once if there is room, else by what is returned, which waits for it.
    pub(super) fn hand(
        &self,
        from: &Attached,
        stanza: Stanza,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        self.pass(Origin::Session(from.session), &from.budget, stanza)
    }

    /// A way in for stanzas from outside.
    pub(super) fn inlet(&self) -> Inlet {
        Inlet::new()
    }

    /// Hands a stanza from outside over, as [`hand`](Self::hand) does.
    pub(super) fn hand_in(
        &self,
        inlet: &Inlet,
        stanza: Stanza,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        self.pass(Origin::Outside, &inlet.budget, stanza)
    }

    /// Hands over the answer to something that came by the same inlet, as [`hand`](Self::hand) does.
    pub(super) fn hand_out(
        &self,
        inlet: &Inlet,
        stanza: Stanza,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        self.pass(Origin::Ours, &inlet.budget, stanza)
    }

    fn pass(
        &self,
        origin: Origin,
        budget: &Arc<Semaphore>,
        stanza: Stanza,
    ) -> Option<impl Future<Output = ()> + Send + use<>> {
        let own = Arc::clone(budget).try_acquire_many_owned(share_of(&stanza, OWN_BUDGET));
        let common = Arc::clone(&self.budget).try_acquire_many_owned(share_of(&stanza, BUDGET));
        let stanza = match (own, common) {
            (Ok(own), Ok(common)) => {
                let share = Share { own, _common: common };
                match self.commands.try_send(Command::Stanza { origin, stanza, share }) {
                    Err(TrySendError::Full(Command::Stanza { stanza, .. })) => stanza,
                    // The host ends only after all connections have.
                    Ok(()) | Err(_) => return None,
                }
            }
            _ => stanza,
        };
        let (host, budget) = (self.clone(), Arc::clone(budget));
        Some(async move {
            // None is ever closed while a connection is there. Nobody waits for its own budget with a share of the common one.
            let Ok(own) = budget.acquire_many_owned(share_of(&stanza, OWN_BUDGET)).await else { return };
            let common = host.budget.acquire_many_owned(share_of(&stanza, BUDGET)).await;
            let Ok(common) = common else { return };
            let share = Share { own, _common: common };
            let _ = host.commands.send(Command::Stanza { origin, stanza, share }).await;
        })
    }

    /// Says that a component is connected.
    ///
    /// # Errors
    /// What its stream has to end with.
    pub(super) async fn attach(&self, domain: BareJid) -> Result<AttachedComponent, stream::Condition> {
        // The host ends only after all connections have.
        const GONE: stream::Condition = stream::Condition::InternalServerError;
        let room = self.commands.clone().reserve_owned().await.map_err(|_| GONE)?;
        let (reply, outcome) = oneshot::channel();
        self.commands.send(Command::Attach { domain, room, reply }).await.map_err(|_| GONE)?;
        outcome.await.map_err(|_| GONE)?
    }

    /// Finds out whether a key is that of its domain; `None` if there is no host any more.
    pub(super) async fn verify(&self, verification: Verification) -> Option<Verdict> {
        let (reply, verdict) = oneshot::channel();
        self.commands.send(Command::Verify { verification, reply }).await.ok()?;
        verdict.await.ok()
    }

    /// Says that the mailbox is empty, after it said that there was more.
    pub(super) fn drained(&self, session: SessionId) {
        // A reader says so once for each time that its mailbox was filled, and there is room for two of each.
        let _ = self.drained.try_send(Reader::Session(session));
    }

    /// Says that the session has written something, after its mailbox said that this is to be told.
    pub(super) fn sent(&self, session: SessionId) {
        // It is told once until the host has looked, and there is room for that.
        let _ = self.drained.try_send(Reader::Sent(session));
    }

    /// As [`drained`](Self::drained), for a component.
    pub(super) fn component_drained(&self, domain: BareJid) {
        let _ = self.drained.try_send(Reader::Component(domain));
    }
}

fn share_of(stanza: &Stanza, budget: usize) -> u32 {
    u32::try_from(stanza.weight().clamp(LEAST, budget)).unwrap_or(u32::MAX)
}
