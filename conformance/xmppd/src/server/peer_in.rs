//! The connection of another server that connected to this one: it brings stanzas, which go to the host as clients' do, and
//! questions about keys, which the federation asks other servers.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tracing::{Instrument as _, debug, info, info_span, warn};
use xmpp_core::conn::{Dialback, Event, Method, PeerConfig, PeerInbound, Question, Ticket};
use xmpp_core::dialback::{Condition, Verdict};
use xmpp_core::time::Instant;
use xmpp_core::tls::{TlsInfo, TlsRequest};

use super::admission::Place;
use super::clock::Clock;
use super::driver::{Driver, Role, Waiting, resolved};
use super::handle::{HostHandle, Inlet};
use super::listener::Arrival;
use super::tally::Tally;
use super::transport::{Handshake, Secured, Transport};
use crate::tls::Tls;

/// What the connections of all servers that connect share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Arc<PeerConfig>,
    pub(super) close: Duration,
    pub(super) clock: Clock,
    pub(super) tls: Tls,
    /// Servers that could not prove a domain.
    pub(super) refused: Tally,
    pub(super) host: HostHandle,
}

struct Peer {
    shared: Arc<Shared>,
    machine: PeerInbound,
    place: Place,
    inlet: Inlet,
    /// Keys that are being verified; the machine bounds how many.
    verifications: JoinSet<(Ticket<Dialback>, Verdict)>,
    /// A stanza on its way to the host, which the next ones stand behind.
    handing: Waiting<()>,
}

/// Serves another server until its connection ends or this server does.
pub(super) async fn serve(shared: Arc<Shared>, arrival: Arrival) {
    let Arrival { stream, peer, place, seed, shutdown } = arrival;
    let machine = PeerInbound::new(Arc::clone(&shared.config), seed, shared.clock.now());
    let (clock, close) = (shared.clock, shared.close);
    let inlet = shared.host.inlet();
    let verifications = JoinSet::new();
    let role = Peer { shared, machine, place, inlet, verifications, handing: None };
    let driver = Driver::new(role, Transport::new(stream), clock, close);
    driver.run(shutdown).instrument(info_span!("server", %peer)).await;
}

impl Role for Peer {
    type Machine = PeerInbound;

    fn machine(&mut self) -> &mut PeerInbound {
        &mut self.machine
    }

    fn is_ready(&self) -> bool {
        self.handing.is_none()
    }

    fn handshake(&self, _: &TlsRequest) -> Option<Handshake> {
        let config = Arc::clone(self.shared.tls.peers());
        Some(Handshake::Accept(TlsAcceptor::from(config)))
    }

    fn tls_info(&self, tls: Secured<'_>) -> Option<TlsInfo> {
        match tls {
            Secured::Server(tls) => Some(self.shared.tls.peer_info(tls.peer_certificates())),
            Secured::Client(_) => None,
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Authorized { local, remote, method } => {
                self.place.known();
                info!(%remote, %local, proof = proof(method), "a server has proved its domain");
            }
            Event::Refused { local, remote, refusal } => match self.shared.refused.count() {
                Some(count) => {
                    warn!(count, %remote, %local, ?refusal, "servers could not prove their domains")
                }
                None => debug!(%remote, %local, ?refusal, "a server could not prove its domain"),
            },
            Event::Stanza(stanza) => {
                if let Some(handing) = self.shared.host.hand_in(&self.inlet, stanza) {
                    self.handing = Some(Box::pin(handing));
                }
            }
            Event::Reply(stanza) => {
                if let Some(handing) = self.shared.host.hand_out(&self.inlet, stanza) {
                    self.handing = Some(Box::pin(handing));
                }
            }
            Event::Warning(warning) => debug!(?warning, "the server made a mistake"),
            Event::Closed(closed) => debug!(reason = %closed.reason(), "the server's stream ended"),
            _ => debug!("an unknown event"),
        }
    }

    fn ask(&mut self, question: Question) {
        if let Question::Verification { ticket, request } = question {
            let host = self.shared.host.clone();
            self.verifications.spawn(async move {
                let verdict = host.verify(request).await;
                // The host ends only after all connections have.
                (ticket, verdict.unwrap_or(Verdict::Failed(Condition::RemoteServerTimeout)))
            });
        }
    }

    fn deliver(&mut self, _: Instant, _: bool) -> bool {
        // Streams between servers go one way.
        false
    }

    async fn turn(&mut self) {
        tokio::select! {
            Some(verified) = self.verifications.join_next() => {
                if let Ok((ticket, verdict)) = verified
                    && self.machine.answer(self.shared.clock.now(), ticket, verdict).is_err()
                {
                    debug!("a verdict came too late");
                }
            }
            () = resolved(&mut self.handing) => {}
        }
    }
}

/// What a log says of a proof.
pub(super) const fn proof(method: Method) -> &'static str {
    match method {
        Method::External => "certificate",
        Method::Dialback => "dialback",
    }
}
