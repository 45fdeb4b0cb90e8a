//! The connection of a component (XEP-0114): what it sends goes to the host as clients' stanzas do.

use std::sync::Arc;
use std::time::Duration;

use tracing::{Instrument as _, debug, info, info_span, warn};
use xmpp_core::conn::{ComponentAcceptor, ComponentAcceptorConfig, Event, Question};
use xmpp_core::stream::{Condition, StreamError};
use xmpp_core::time::Instant;
use xmpp_core::tls::{TlsInfo, TlsRequest};

use super::admission::Place;
use super::clock::Clock;
use super::driver::{Driver, Machine as _, Role, Waiting, resolved};
use super::handle::{AttachedComponent, HostHandle};
use super::listener::Arrival;
use super::mailbox::Handed;
use super::tally::Tally;
use super::transport::{Handshake, Secured, Transport};

/// What the connections of all components share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Arc<ComponentAcceptorConfig>,
    pub(super) close: Duration,
    pub(super) clock: Clock,
    /// Connections that did not prove to be a component's.
    pub(super) refused: Tally,
    pub(super) host: HostHandle,
}

struct Component {
    shared: Arc<Shared>,
    machine: ComponentAcceptor,
    place: Place,
    attached: Option<AttachedComponent>,
    /// The host's word on the component, before which nothing more is taken out of the machine.
    attaching: Waiting<Result<AttachedComponent, Condition>>,
    /// A stanza on its way to the host, which the next ones stand behind.
    handing: Waiting<()>,
}

/// Serves a component until its connection ends or the server does.
pub(super) async fn serve(shared: Arc<Shared>, arrival: Arrival) {
    let Arrival { stream, peer, place, seed, shutdown } = arrival;
    let machine = ComponentAcceptor::new(Arc::clone(&shared.config), seed, shared.clock.now());
    let (clock, close) = (shared.clock, shared.close);
    let role = Component { shared, machine, place, attached: None, attaching: None, handing: None };
    let driver = Driver::new(role, Transport::new(stream), clock, close);
    driver.run(shutdown).instrument(info_span!("component", %peer)).await;
}

impl Role for Component {
    type Machine = ComponentAcceptor;

    fn machine(&mut self) -> &mut ComponentAcceptor {
        &mut self.machine
    }

    fn is_ready(&self) -> bool {
        self.handing.is_none() && self.attaching.is_none()
    }

    fn handshake(&self, _: &TlsRequest) -> Option<Handshake> {
        None
    }

    fn tls_info(&self, _: Secured<'_>) -> Option<TlsInfo> {
        None
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Attached(domain) => {
                self.place.known();
                let host = self.shared.host.clone();
                self.attaching = Some(Box::pin(async move { host.attach(domain).await }));
            }
            Event::Stanza(stanza) => {
                let Some(attached) = &self.attached else { return };
                if let Some(handing) = self.shared.host.hand_in(attached.inlet(), stanza) {
                    self.handing = Some(Box::pin(handing));
                }
            }
            Event::Warning(warning) => debug!(?warning, "the component made a mistake"),
            Event::Closed(closed) => {
                let (reason, unsent) = closed.into_parts();
                match self.attached.take() {
                    Some(mut attached) => {
                        info!(domain = %attached.domain(), %reason, "the component is gone");
                        attached.unsent.splice(0..0, unsent.into_iter().map(|(_, stanza)| stanza));
                    }
                    None => match self.shared.refused.count() {
                        Some(count) => warn!(count, %reason, "connections that were no component's"),
                        None => debug!(%reason, "no component's"),
                    },
                }
            }
            _ => debug!("an unknown event"),
        }
    }

    fn ask(&mut self, _: Question) {}

    fn deliver(&mut self, now: Instant, room: bool) -> bool {
        let Self { machine, attached: Some(attached), .. } = self else { return false };
        let mailbox = Arc::clone(attached.mailbox());
        let handed =
            mailbox.hand_over(room, &mut attached.unsent, |stanza| machine.send(now, stanza).is_ok());
        let Some(Handed { any, more, end }) = handed else { return false };
        if more {
            self.shared.host.component_drained(attached.domain().clone());
        }
        machine.end(now, end);
        any
    }

    async fn turn(&mut self) {
        tokio::select! {
            attached = resolved(&mut self.attaching) => match attached {
                Ok(attached) => {
                    info!(domain = %attached.domain(), "a component is connected");
                    self.attached = Some(attached);
                }
                Err(condition) => {
                    warn!(%condition, "a component was turned away");
                    self.machine.fail(self.shared.clock.now(), StreamError::new(condition));
                }
            },
            () = resolved(&mut self.handing) => {}
            () = mail(self.attached.as_ref()) => {}
        }
    }
}

/// Waits until the host has something for the component.
async fn mail(attached: Option<&AttachedComponent>) {
    match attached {
        Some(attached) => attached.mailbox().changed().await,
        None => std::future::pending().await,
    }
}
