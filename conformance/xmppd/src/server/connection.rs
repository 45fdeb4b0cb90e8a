//! One connection: the engine's machine for it, its transport, and the task that moves things between them.
//!
//! The task performs what the machine puts out, in order, then waits for whatever comes first: bytes, room to write, a deadline,
//! an answer, mail from the host. What it does not take stays where it is: while much waits to be written, or the host has no
//! room for a stanza, the socket is not read, and the client's own TCP makes it wait.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};
use tokio_rustls::TlsAcceptor;
use tracing::{Instrument as _, debug, info, info_span, warn};
use xmpp_core::conn::{
    Action, BindAnswer, Binding, Close, Credentials, Derivation, DerivationAnswer, Drive as _, Event,
    Question, ServerConfig, ServerConnection, Ticket, Warning,
};
use xmpp_core::entropy::Seed;
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::ScramHash;
use xmpp_core::sasl::server::CredentialsAnswer;
use xmpp_core::stanza::StanzaError;
use xmpp_core::stream::{Condition, StreamError};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, TlsError, TlsInfo};

use super::admission::Place;
use super::clock::Clock;
use super::host::{Attached, HostHandle};
use super::tally::Tally;
use super::transport::{Transport, Turn};
use crate::hashing::HashingPool;
use crate::store::Store;
use crate::tls::ServerTls;

/// Bytes waiting to be written beyond which nothing more is taken in.
const MARK: usize = 64 * 1024;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Arc<ServerConfig>,
    /// How long the end of a transport may take.
    pub(super) close: std::time::Duration,
    pub(super) clock: Clock,
    pub(super) store: Store,
    pub(super) tls: ServerTls,
    pub(super) hashing: HashingPool,
    /// Logins whose passwords could not be hashed.
    pub(super) put_off: Tally,
    /// Logins that failed, for whatever reason: the span of the line tells the last one's address.
    pub(super) refused: Tally,
    pub(super) host: HostHandle,
}

type Waiting<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

/// The answer to a question.
enum Answer {
    Credentials(Ticket<Credentials>, CredentialsAnswer),
    Derivation(Ticket<Derivation>, DerivationAnswer),
    Binding(Ticket<Binding>, Result<Attached, StanzaError>),
}

struct Connection {
    shared: Arc<Shared>,
    machine: ServerConnection,
    transport: Transport,
    place: Place,
    session: Option<Attached>,
    /// The answer to the open question.
    answer: Waiting<Answer>,
    /// A stanza on its way to the host, which the next ones stand behind.
    handing: Waiting<()>,
}

/// Serves a client until its connection ends or the server does.
pub(super) async fn serve(
    shared: Arc<Shared>,
    stream: tokio::net::TcpStream,
    peer: SocketAddr,
    place: Place,
    seed: Seed,
    shutdown: watch::Receiver<bool>,
) {
    let machine = ServerConnection::new(Arc::clone(&shared.config), seed, shared.clock.now());
    let connection = Connection {
        shared,
        machine,
        transport: Transport::new(stream),
        place,
        session: None,
        answer: None,
        handing: None,
    };
    connection.run(shutdown).instrument(info_span!("client", %peer)).await;
}

impl Connection {
    async fn run(mut self, mut shutdown: watch::Receiver<bool>) {
        debug!("connected");
        let mut alarm = Alarm::new(self.shared.clock);
        let mut running = true;
        loop {
            let close = self.perform();
            if let Some(close) = close {
                return self.end(close).await;
            }
            if self.take_mail() {
                continue;
            }
            alarm.set(self.machine.poll_timeout());
            let read =
                self.machine.wants_input() && self.handing.is_none() && self.transport.waiting() < MARK;
            tokio::select! {
                turn = self.transport.turn(read) => self.on_turn(turn),
                answer = resolved(&mut self.answer) => self.on_answer(answer),
                () = resolved(&mut self.handing) => {}
                () = mail(self.session.as_ref()) => {}
                () = alarm.rings() => self.machine.handle_timeout(self.now()),
                _ = shutdown.wait_for(|down| *down), if running => {
                    running = false;
                    self.machine.fail(self.now(), Condition::SystemShutdown);
                }
            }
        }
    }

    fn now(&self) -> Instant {
        self.shared.clock.now()
    }

    /// Performs what the machine puts out, until there is nothing or something has to be waited for. How to end, if it is over.
    fn perform(&mut self) -> Option<Close> {
        while self.handing.is_none() {
            match self.machine.poll()? {
                Action::Transmit(bytes) => self.transport.write(&bytes),
                Action::StartTls(_) => {
                    let config = Arc::clone(self.shared.tls.config());
                    self.transport.start_tls(TlsAcceptor::from(config));
                }
                Action::Ask(question) => self.ask(question),
                Action::Event(event) => self.on_event(event),
                Action::CloseTransport(close) => return Some(close),
                _ => debug!("an unknown action"),
            }
        }
        None
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Online(online) => {
                self.place.known();
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

    fn on_turn(&mut self, turn: Turn) {
        let now = self.now();
        let outcome = match turn {
            Turn::Wrote => Ok(()),
            Turn::Read(bytes) => self.machine.receive(now, &bytes),
            Turn::End => {
                self.machine.transport_closed(now);
                Ok(())
            }
            Turn::Secured => {
                let bindings = self.transport.tls().map(|tls| self.shared.tls.bindings(tls));
                // Clients are not asked for certificates.
                let info = TlsInfo::new(Chain::Untrusted).with_bindings(bindings.unwrap_or_default());
                self.machine.tls_established(now, info)
            }
            Turn::Insecure => self.machine.tls_failed(now, TlsError::Handshake),
        };
        if let Err(misuse) = outcome {
            // Input is read only while it is wanted, so this is a fault of ours.
            warn!(?misuse, "the connection was driven wrongly");
            self.machine.fail(now, Condition::InternalServerError);
        }
    }

    /// Looks for the answer. Were an older question still open, its time would be over, and so is the search.
    fn ask(&mut self, question: Question) {
        let shared = Arc::clone(&self.shared);
        self.answer =
            match question {
                Question::Credentials { ticket, account, hash } => Some(Box::pin(async move {
                    Answer::Credentials(ticket, credentials(&shared.store, &account, hash).await)
                })),
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
                Question::Binding { ticket, account, resource } => Some(Box::pin(async move {
                    Answer::Binding(ticket, shared.host.bind(account, resource).await)
                })),
                // The machine's patience ends it.
                _ => None,
            };
    }

    fn on_answer(&mut self, answer: Answer) {
        let now = self.now();
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

    /// Gives the machine what the host has for the client, if there is room. Whether there was anything.
    fn take_mail(&mut self) -> bool {
        let now = self.now();
        let Some(session) = &mut self.session else { return false };
        let closed = session.mailbox().is_closed();
        if self.transport.waiting() >= MARK && !closed {
            return false;
        }
        let mail = session.mailbox().take();
        let any = !mail.stanzas.is_empty();
        for stanza in mail.stanzas {
            // Refused only when the stream is about to end; then it finds another way.
            if self.machine.send(now, stanza.clone()).is_err() {
                session.unsent.push(stanza);
            }
        }
        if mail.more {
            self.shared.host.drained(session.session());
        }
        if let Some(error) = mail.close {
            self.close(error);
        }
        any || closed
    }

    fn close(&mut self, error: StreamError) {
        self.machine.fail(self.now(), error);
    }

    async fn end(self, close: Close) {
        let Self { transport, place, shared, .. } = self;
        if close == Close::Graceful {
            transport.close(shared.close).await;
        }
        drop(place);
    }
}

/// Which keys answer the question; for PLAIN those of the strongest hash.
async fn credentials(store: &Store, account: &BareJid, hash: Option<ScramHash>) -> CredentialsAnswer {
    let hash = hash.unwrap_or(ScramHash::Sha256);
    match store.credentials(account).await {
        Ok(keys) => match keys.unwrap_or_default().into_iter().find(|keys| keys.hash() == hash) {
            Some(keys) => CredentialsAnswer::Keys(keys),
            None => CredentialsAnswer::Unknown,
        },
        Err(error) => {
            warn!(%account, %error, "cannot look up keys");
            CredentialsAnswer::TemporaryFailure
        }
    }
}

/// Waits for the outcome and removes the future; for ever when there is none.
async fn resolved<T>(waiting: &mut Waiting<T>) -> T {
    match waiting {
        Some(future) => {
            let outcome = future.as_mut().await;
            *waiting = None;
            outcome
        }
        None => std::future::pending().await,
    }
}

/// Waits until the host has something for the session.
async fn mail(session: Option<&Attached>) {
    match session {
        Some(session) => session.mailbox().changed().await,
        None => std::future::pending().await,
    }
}

/// The timer of a connection. It may ring early, which is harmless, and so is seldom touched: a deadline that moves away with every
/// byte that comes is looked at only when it would have been due.
struct Alarm {
    clock: Clock,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Alarm {
    const fn new(clock: Clock) -> Self {
        Self { clock, timer: None }
    }

    /// Rings at that time at the latest.
    fn set(&mut self, at: Option<Instant>) {
        let Some(at) = at.map(|at| self.clock.moment(at)) else { return };
        match &mut self.timer {
            Some(timer) if timer.deadline() <= at && !timer.is_elapsed() => {}
            Some(timer) => timer.as_mut().reset(at),
            None => self.timer = Some(Box::pin(sleep_until(at))),
        }
    }

    async fn rings(&mut self) {
        match &mut self.timer {
            Some(timer) if !timer.is_elapsed() => timer.as_mut().await,
            _ => std::future::pending().await,
        }
    }
}
