//! A link: the connection to another server that this one opens, from the search for it to its end.
//!
//! What the federation wants of it comes by its mailbox (stanzas, and that it is to end) and as [orders](Order); how it fares goes
//! back as [facts](Fact).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsConnector;
use tracing::{Instrument as _, debug, info, info_span};
use xmpp_core::conn::{
    CloseReason, Event, Method, PeerOutbound, PeerOutboundConfig, Question, Refusal, VerifyId,
};
use xmpp_core::dialback::{self, DialbackPolicy, Secret, Verdict, Verification};
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::jid::BareJid;
use xmpp_core::limits::Limits;
use xmpp_core::resolve::TlsMode;
use xmpp_core::stanza::Stanza;
use xmpp_core::time::Instant;
use xmpp_core::tls::{TlsInfo, TlsRequest};
use xmpp_im::federation::{Ending, LinkId, Purpose, VerificationId};

use super::clock::Clock;
use super::driver::{Driver, Machine as _, Role, Waiting, resolved};
use super::mailbox::{Handed, Mailbox};
use super::peer_in::proof;
use super::resolver::{Finder, server_name};
use super::transport::{Handshake, Secured};
use crate::tls::Tls;

/// What all links share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) finder: Finder,
    pub(super) tls: Tls,
    pub(super) secret: Secret,
    pub(super) dialback: DialbackPolicy,
    pub(super) limits: Limits,
    pub(super) close: Duration,
    pub(super) clock: Clock,
    /// The way to the host.
    pub(super) facts: mpsc::Sender<(LinkId, Fact)>,
}

/// What a link is for.
#[derive(Debug)]
pub(super) struct Mission {
    pub(super) link: LinkId,
    pub(super) local: BareJid,
    pub(super) remote: BareJid,
    pub(super) purpose: Purpose,
    /// For the search, and for the connection.
    pub(super) seeds: [Seed; 2],
    pub(super) mailbox: Arc<Mailbox>,
    pub(super) orders: mpsc::Receiver<Order>,
}

/// Something that a link is to ask.
#[derive(Debug)]
pub(super) enum Order {
    /// Whether stanzas of another domain are taken.
    Authorize { local: BareJid, remote: BareJid },
    /// Whether a key is the other server's own.
    Verify(VerificationId, Verification),
}

/// How a link fares.
#[derive(Debug)]
pub(super) enum Fact {
    Connected,
    Authorized {
        local: BareJid,
        remote: BareJid,
        method: Method,
    },
    Refused {
        local: BareJid,
        remote: BareJid,
        refusal: Refusal,
    },
    Verdict(VerificationId, Verdict),
    /// The mailbox is empty, after it said that there was more.
    Drained,
    /// It is over. These stanzas were taken out of the mailbox and never sent.
    Closed(Ending, Vec<Stanza>),
}

/// Runs a link until its end, of which the host learns in any case.
pub(super) async fn run(shared: Arc<Shared>, mission: Mission) {
    let span = info_span!("link", local = %mission.local, remote = %mission.remote);
    let (facts, link) = (shared.facts.clone(), mission.link);
    let (ending, unsent) = open(shared, mission).instrument(span).await;
    // The host outlives all links.
    let _ = facts.send((link, Fact::Closed(ending, unsent))).await;
}

async fn open(shared: Arc<Shared>, mission: Mission) -> (Ending, Vec<Stanza>) {
    let Mission { link, local, remote, purpose, seeds: [search, seed], mailbox, orders } = mission;
    let found = tokio::select! {
        found = shared.finder.connect(&remote, search) => found,
        () = mailbox.ended() => return (Ending::Unreachable, Vec::new()),
    };
    let (transport, mode) = match found {
        Ok(found) => found,
        Err(reason) => {
            info!(%reason, "cannot connect");
            return (reason.into(), Vec::new());
        }
    };
    let mut config = PeerOutboundConfig::new(&local, &remote, shared.secret.clone())
        .with_dialback(shared.dialback)
        .with_limits(shared.limits.clone());
    if purpose == Purpose::Verification {
        config = config.for_verification();
    }
    let now = shared.clock.now();
    let machine = match (mode, transport.tls()) {
        (TlsMode::Direct, Some(tls)) => PeerOutbound::over_tls(config, shared.info(tls), seed, now),
        _ => PeerOutbound::new(config, seed, now),
    };
    let (clock, close) = (shared.clock, shared.close);
    let mut role = Link {
        shared,
        link,
        machine,
        mailbox,
        orders,
        asked: BTreeMap::new(),
        telling: None,
        unsent: Vec::new(),
        ending: Ending::Over,
    };
    role.tell(Fact::Connected);
    // The host ends links, when everybody else has ended: `never` is its word on that.
    let (_keep, never) = watch::channel(false);
    let role = Driver::new(role, transport, clock, close).run(never).await;
    (role.ending, role.unsent)
}

impl Shared {
    fn info(&self, tls: Secured<'_>) -> TlsInfo {
        self.tls.peer_info(match tls {
            Secured::Client(tls) => tls.peer_certificates(),
            Secured::Server(tls) => tls.peer_certificates(),
        })
    }
}

struct Link {
    shared: Arc<Shared>,
    link: LinkId,
    machine: PeerOutbound,
    mailbox: Arc<Mailbox>,
    orders: mpsc::Receiver<Order>,
    /// Keys that the other server is asked about.
    asked: BTreeMap<VerifyId, VerificationId>,
    /// A fact on its way to the host, which everything else stands behind.
    telling: Waiting<()>,
    /// What was taken out of the mailbox and never sent.
    unsent: Vec<Stanza>,
    ending: Ending,
}

impl Link {
    fn tell(&mut self, fact: Fact) {
        let fact = (self.link, fact);
        match self.shared.facts.try_send(fact) {
            // The host outlives all links.
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => {}
            Err(mpsc::error::TrySendError::Full(fact)) => {
                let facts = self.shared.facts.clone();
                self.telling = Some(Box::pin(async move {
                    let _ = facts.send(fact).await;
                }));
            }
        }
    }

    fn obey(&mut self, order: Order) {
        let now = self.shared.clock.now();
        match order {
            Order::Authorize { local, remote } => {
                if let Err(misuse) = self.machine.authorize(now, &local, &remote) {
                    let refusal = Refusal::Failed(condition(misuse));
                    self.tell(Fact::Refused { local, remote, refusal });
                }
            }
            Order::Verify(id, verification) => match self.machine.verify(now, verification) {
                Ok(asked) => drop(self.asked.insert(asked, id)),
                Err(misuse) => self.tell(Fact::Verdict(id, Verdict::Failed(condition(misuse)))),
            },
        }
    }
}

/// What it means that a link cannot ask.
const fn condition(misuse: Misuse) -> dialback::Condition {
    match misuse {
        Misuse::TooManyDialbacks => dialback::Condition::ResourceConstraint,
        _ => dialback::Condition::RemoteServerTimeout,
    }
}

impl Role for Link {
    type Machine = PeerOutbound;

    fn machine(&mut self) -> &mut PeerOutbound {
        &mut self.machine
    }

    fn is_ready(&self) -> bool {
        self.telling.is_none()
    }

    fn handshake(&self, request: &TlsRequest) -> Option<Handshake> {
        // A domain that is an address was connected to as such; which one does not matter to a name that is not sent.
        let name = server_name(request, ([127, 0, 0, 1], 0).into()).ok()?;
        let connector = TlsConnector::from(Arc::clone(self.shared.tls.to_peers()));
        Some(Handshake::Connect(connector, name))
    }

    fn tls_info(&self, tls: Secured<'_>) -> Option<TlsInfo> {
        Some(self.shared.info(tls))
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Authorized { local, remote, method } => {
                info!(%local, %remote, proof = proof(method), "the server takes our stanzas");
                self.tell(Fact::Authorized { local, remote, method });
            }
            Event::Refused { local, remote, refusal } => {
                info!(%local, %remote, ?refusal, "the server does not take our stanzas");
                self.tell(Fact::Refused { local, remote, refusal });
            }
            Event::Verdict(asked, verdict) => {
                if let Some(id) = self.asked.remove(&asked) {
                    self.tell(Fact::Verdict(id, verdict));
                }
            }
            Event::Warning(warning) => debug!(?warning, "the server made a mistake"),
            Event::Closed(closed) => {
                let (reason, unsent) = closed.into_parts();
                match &reason {
                    CloseReason::Clean | CloseReason::PeerClosed => debug!(%reason, "the link ended"),
                    reason => info!(%reason, "the link ended"),
                }
                self.ending = Ending::from(&reason);
                self.unsent.splice(0..0, unsent.into_iter().map(|(_, stanza)| stanza));
            }
            _ => debug!("an unknown event"),
        }
    }

    fn ask(&mut self, _: Question) {}

    fn deliver(&mut self, now: Instant, room: bool) -> bool {
        // Nothing is taken that could not be told.
        if self.telling.is_some() {
            return false;
        }
        let Self { machine, mailbox, unsent, .. } = self;
        let handed = mailbox.hand_over(room, unsent, |stanza| machine.send(now, stanza).is_ok());
        let Some(Handed { any, more, end }) = handed else { return false };
        machine.end(now, end);
        if more {
            self.tell(Fact::Drained);
        }
        any
    }

    async fn turn(&mut self) {
        // Nothing is taken that could not be told.
        if self.telling.is_some() {
            return resolved(&mut self.telling).await;
        }
        tokio::select! {
            Some(order) = self.orders.recv() => self.obey(order),
            () = self.mailbox.changed() => {}
        }
    }
}
