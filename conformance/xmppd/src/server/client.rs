//! A client's connection: what it asks is answered by the store, the hashing threads and the host, and what it sends goes to
//! the host.
//!
//! While the host has no room for a stanza, nothing more is taken out of the machine, so the socket is not read, and the
//! client's own TCP makes it wait.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::{Instrument as _, debug, info, info_span, warn};
use xmpp_core::conn::{
    BindAnswer, Binding, Credentials, Derivation, DerivationAnswer, Event, Question, ServerConnection,
    Ticket, Warning,
};
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::server::CredentialsAnswer;
use xmpp_core::sasl::{Mechanism, ScramHash, ScramKeys};
use xmpp_core::stanza::{Condition, ErrorType, StanzaError};
use xmpp_core::time::Instant;
use xmpp_core::tls::{TlsInfo, TlsRequest};

use super::admission::Place;
use super::clock::Clock;
use super::driver::{Driver, Machine as _, Role, Waiting, resolved};
use super::handle::{Attached, HostHandle};
use super::listener::Arrival;
use super::mailbox::Handed;
use super::offer::{Offer, Offers};
use super::tally::Tally;
use super::transport::{Handshake, Secured, Transport};
use super::upgrade::Upgrades;
use crate::hashing::HashingPool;
use crate::store::Store;
use crate::tls::Tls;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) offers: Arc<Offers>,
    /// How long the end of a transport may take.
    pub(super) close: Duration,
    /// How long a handshake that comes first may take.
    pub(super) handshake: Duration,
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) tls: Tls,
    pub(super) hashing: HashingPool,
    pub(super) upgrades: Upgrades,
    /// Logins whose passwords could not be hashed.
    pub(super) put_off: Tally,
    /// Logins that failed, for whatever reason: the span of the line tells the last one's address.
    pub(super) refused: Tally,
    pub(super) host: HostHandle,
}

/// The answer to a question.
enum Answer {
    Credentials(Ticket<Credentials>, CredentialsAnswer),
    Derivation(Ticket<Derivation>, DerivationAnswer),
    Binding(Ticket<Binding>, Result<Attached, StanzaError>),
}

/// What comes first on a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begins {
    /// The stream, which may ask for TLS.
    Plain,
    /// TLS (XEP-0368).
    Tls,
}

struct Client {
    shared: Arc<Shared>,
    /// What it was offered.
    offer: Arc<Offer>,
    machine: ServerConnection,
    place: Place,
    session: Option<Attached>,
    /// The answer to the open question.
    answer: Waiting<Answer>,
    /// A stanza on its way to the host, which the next ones stand behind.
    handing: Waiting<()>,
}

/// Serves a client, which `begins` in the clear or with TLS, until its connection ends or the server does.
pub(super) async fn serve(shared: Arc<Shared>, begins: Begins, arrival: Arrival) {
    let span = info_span!("client", peer = %arrival.peer);
    connect(shared, begins, arrival).instrument(span).await;
}

async fn connect(shared: Arc<Shared>, begins: Begins, arrival: Arrival) {
    let Arrival { stream, place, seed, shutdown, .. } = arrival;
    let offer = shared.offers.current();
    let config = Arc::clone(offer.config());
    let (machine, transport) = match begins {
        Begins::Plain => (ServerConnection::new(config, seed, shared.clock.now()), Transport::new(stream)),
        Begins::Tls => {
            let acceptor = TlsAcceptor::from(Arc::clone(shared.tls.clients_direct()));
            let secured = Transport::secured(stream, Handshake::Accept(acceptor));
            let transport = match timeout(shared.handshake, secured).await {
                Ok(Ok(transport)) => transport,
                Ok(Err(error)) => return debug!(%error, "the TLS handshake failed"),
                Err(_) => return debug!("the TLS handshake took too long"),
            };
            let Some(Secured::Server(tls)) = transport.tls() else { return };
            let info = shared.tls.client_info(tls);
            (ServerConnection::over_tls(config, info, seed, shared.clock.now()), transport)
        }
    };
    let (clock, close) = (shared.clock, shared.close);
    let client = Client { shared, offer, machine, place, session: None, answer: None, handing: None };
    Driver::new(client, transport, clock, close).run(shutdown).await;
}

impl Role for Client {
    type Machine = ServerConnection;

    fn machine(&mut self) -> &mut ServerConnection {
        &mut self.machine
    }

    fn is_ready(&self) -> bool {
        self.handing.is_none()
    }

    fn handshake(&self, _: &TlsRequest) -> Option<Handshake> {
        let config = Arc::clone(self.shared.tls.clients());
        Some(Handshake::Accept(TlsAcceptor::from(config)))
    }

    fn tls_info(&self, tls: Secured<'_>) -> Option<TlsInfo> {
        match tls {
            Secured::Server(tls) => Some(self.shared.tls.client_info(tls)),
            Secured::Client(_) => None,
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Online(online) => {
                if online.mechanism() != Mechanism::Anonymous {
                    self.place.known();
                }
                info!(
                    jid = %online.jid(),
                    mechanism = online.mechanism().name(),
                    encrypted = online.is_encrypted(),
                    "session started"
                );
            }
            Event::Stanza(stanza) => {
                let Some(session) = &self.session else { return };
                if let Some(handing) = self.shared.host.hand(session, stanza) {
                    self.handing = Some(Box::pin(handing));
                }
            }
            Event::PasswordVerified { account, password } => self.shared.upgrades.request(account, password),
            Event::Warning(Warning::Authentication(condition)) => match self.shared.refused.count() {
                Some(count) => warn!(count, %condition, "logins failed"),
                None => debug!(%condition, "a login failed"),
            },
            Event::Warning(warning) => debug!(?warning, "the client made a mistake"),
            Event::Closed(closed) => {
                let (reason, unsent) = closed.into_parts();
                match self.session.take() {
                    Some(mut session) => {
                        info!(jid = %session.jid(), %reason, "session ended");
                        let unsent = unsent.into_iter().map(|(_, stanza)| stanza);
                        session.unsent.splice(0..0, unsent);
                    }
                    None => debug!(%reason, "ended before login"),
                }
            }
            _ => debug!("an unknown event"),
        }
    }

    /// Looks for the answer. Were an older question still open, its time would be over, and so is the search.
    fn ask(&mut self, question: Question) {
        let shared = Arc::clone(&self.shared);
        self.answer = match question {
            Question::Credentials { ticket, account, hash } => {
                let plain = self.offer.plain_hash();
                Some(Box::pin(async move {
                    Answer::Credentials(ticket, credentials(&shared.store, &account, hash, plain).await)
                }))
            }
            Question::Derivation { ticket, request } => Some(Box::pin(async move {
                let derived = shared.hashing.run(move || request.run()).await;
                let answer = derived.map(DerivationAnswer::Key).unwrap_or_else(|error| {
                    if let Some(logins) = shared.put_off.count() {
                        warn!(%error, logins, "logins were put off");
                    }
                    DerivationAnswer::Failed
                });
                Answer::Derivation(ticket, answer)
            })),
            Question::Binding { ticket, identity, resource } => {
                let admitted = !identity.is_anonymous() || self.place.guest();
                Some(Box::pin(async move {
                    let bound = match admitted {
                        true => shared.host.bind(identity, resource).await,
                        false => {
                            Err(StanzaError::new(Condition::ResourceConstraint).with_type(ErrorType::Wait))
                        }
                    };
                    Answer::Binding(ticket, bound)
                }))
            }
            // The machine's patience ends it.
            _ => None,
        };
    }

    fn on_flushed(&mut self) {
        if let Some(session) = &self.session
            && session.mailbox().written(session.given)
        {
            self.shared.host.sent(session.session());
        }
    }

    fn deliver(&mut self, now: Instant, room: bool) -> bool {
        let Self { machine, session: Some(session), .. } = self else { return false };
        let mailbox = Arc::clone(session.mailbox());
        let given = &mut session.given;
        let handed = mailbox.hand_over(room, &mut session.unsent, |stanza| {
            let is_given = machine.send(now, stanza).is_ok();
            *given += u64::from(is_given);
            is_given
        });
        let Some(Handed { any, more, end }) = handed else { return false };
        if more {
            self.shared.host.drained(session.session());
        }
        machine.end(now, end);
        any
    }

    async fn turn(&mut self) {
        tokio::select! {
            answer = resolved(&mut self.answer) => self.on_answer(answer),
            () = resolved(&mut self.handing) => {}
            () = mail(self.session.as_ref()) => {}
        }
    }
}

impl Client {
    fn on_answer(&mut self, answer: Answer) {
        let now = self.shared.clock.now();
        let outcome = match answer {
            Answer::Credentials(ticket, answer) => self.machine.answer(now, ticket, answer),
            Answer::Derivation(ticket, answer) => self.machine.answer(now, ticket, answer),
            Answer::Binding(ticket, Ok(session)) => {
                let jid = session.jid().clone();
                let outcome = self.machine.answer(now, ticket, BindAnswer::Bound(jid));
                // Dropping the session instead ends it.
                self.session = outcome.is_ok().then_some(session);
                outcome
            }
            Answer::Binding(ticket, Err(error)) => {
                self.machine.answer(now, ticket, BindAnswer::Refused(error))
            }
        };
        if outcome.is_err() {
            debug!("an answer came too late");
        }
    }
}

/// Which keys answer the question: those of the hash function that SCRAM asks for, for PLAIN those of `plain`, or else the strongest.
/// EXTERNAL asks only whether there is such an account.
async fn credentials(
    store: &Store,
    account: &BareJid,
    asked: Option<ScramHash>,
    plain: ScramHash,
) -> CredentialsAnswer {
    let all = match store.credentials(account).await {
        Ok(Some(all)) => all,
        Ok(None) => return CredentialsAnswer::Unknown,
        Err(error) => {
            warn!(%account, %error, "cannot look up keys");
            return CredentialsAnswer::TemporaryFailure;
        }
    };
    let outdated = all.len() < ScramHash::ALL.len();
    let best = |keys: &ScramKeys| (keys.hash() == asked.unwrap_or(plain), keys.hash());
    let best = all.into_iter().max_by_key(best);
    match best.filter(|keys| asked.is_none_or(|asked| asked == keys.hash())) {
        Some(keys) if outdated => CredentialsAnswer::Outdated(keys),
        Some(keys) => CredentialsAnswer::Keys(keys),
        None => CredentialsAnswer::NoKeys,
    }
}

/// Waits until the host has something for the session.
async fn mail(session: Option<&Attached>) {
    match session {
        Some(session) => session.mailbox().changed().await,
        None => std::future::pending().await,
    }
}
