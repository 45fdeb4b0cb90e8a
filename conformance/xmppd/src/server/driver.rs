//! What all connections have in common: the task that moves things between a machine of the engine and its transport.
//!
//! The task performs what the machine puts out, in order, then waits for whatever comes first: bytes, room to write, a deadline,
//! or something of the connection's [`Role`]. What it does not take stays where it is: while much waits to be written, or
//! the role has no room, the socket is not read, and the peer's own TCP makes it wait.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Sleep, sleep_until};
use tracing::{debug, warn};
use xmpp_core::conn::{
    Action, Close, ComponentAcceptor, Drive, Event, PeerInbound, PeerOutbound, Question, ServerConnection,
};
use xmpp_core::error::Misuse;
use xmpp_core::stream::{Condition, StreamError};
use xmpp_core::time::Instant;
use xmpp_core::tls::{TlsError, TlsInfo, TlsRequest};

use super::clock::Clock;
use super::mailbox::End;
use super::transport::{Handshake, Secured, Transport, Turn};

/// Bytes waiting to be written beyond which nothing more is taken in.
const MARK: usize = 64 * 1024;

/// Something that a connection waits for, if it does.
pub(super) type Waiting<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

/// A machine of the engine, of whatever role.
pub(super) trait Machine: Drive {
    fn tls_established(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse>;
    fn tls_failed(&mut self, now: Instant, error: TlsError) -> Result<(), Misuse>;
    fn close(&mut self, now: Instant);
    fn fail(&mut self, now: Instant, error: StreamError);

    /// Ends the stream as the host wants it, if it does.
    fn end(&mut self, now: Instant, end: Option<End>) {
        match end {
            Some(End::Close) => self.close(now),
            Some(End::Fail(error)) => self.fail(now, error),
            None => {}
        }
    }
}

/// Every connection of the engine has these methods; they are no part of [`Drive`].
macro_rules! machine {
    ($($connection:ty),*) => {$(
        impl Machine for $connection {
            fn tls_established(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse> {
                self.tls_established(now, info)
            }

            fn tls_failed(&mut self, now: Instant, error: TlsError) -> Result<(), Misuse> {
                self.tls_failed(now, error)
            }

            fn close(&mut self, now: Instant) {
                self.close(now);
            }

            fn fail(&mut self, now: Instant, error: StreamError) {
                self.fail(now, error);
            }
        }
    )*};
}
machine!(ServerConnection, PeerInbound, PeerOutbound, ComponentAcceptor);

/// What a connection is for: the machine, and what happens with that which comes out of it.
pub(super) trait Role: Send {
    type Machine: Machine + Send;

    fn machine(&mut self) -> &mut Self::Machine;

    /// Whether more may be taken out of the machine now; when it may again, [`turn`](Self::turn) returns.
    fn is_ready(&self) -> bool;

    /// How to secure the transport; `None` if that cannot be.
    fn handshake(&self, request: &TlsRequest) -> Option<Handshake>;

    /// What the engine is to know of a handshake; `None` if it is not of the kind that was asked for.
    fn tls_info(&self, tls: Secured<'_>) -> Option<TlsInfo>;

    fn on_event(&mut self, event: Event);

    /// Looks for the answer. A question that nobody answers ends by the machine's patience.
    fn ask(&mut self, question: Question);

    /// Everything that the machine was given so far is written.
    fn on_flushed(&mut self) {}

    /// Gives the machine what there is to send: all of it if there is `room`, else only what cannot wait. Whether there was anything.
    fn deliver(&mut self, now: Instant, room: bool) -> bool;

    /// Waits for something of its own, and handles it. To drop the future before its end loses nothing.
    fn turn(&mut self) -> impl Future<Output = ()> + Send;
}

/// A connection and its transport.
pub(super) struct Driver<R> {
    role: R,
    transport: Transport,
    clock: Clock,
    /// How long the end of the transport may take.
    close: Duration,
}

impl<R: Role> Driver<R> {
    pub(super) const fn new(role: R, transport: Transport, clock: Clock, close: Duration) -> Self {
        Self { role, transport, clock, close }
    }

    /// Runs until the connection is over, and gives the role back; tells the peer when the server shuts down.
    pub(super) async fn run(mut self, mut shutdown: watch::Receiver<bool>) -> R {
        debug!("connected");
        let mut alarm = Alarm::new(self.clock);
        let mut running = true;
        loop {
            if let Some(close) = self.perform() {
                return self.end(close).await;
            }
            // A role that is not ready may have left something in the machine.
            if self.role.is_ready() && self.transport.is_flushed() {
                self.role.on_flushed();
            }
            let now = self.clock.now();
            if self.role.deliver(now, self.transport.waiting() < MARK) {
                continue;
            }
            alarm.set(self.role.machine().poll_timeout());
            let ready = self.role.is_ready();
            let read = self.role.machine().wants_input() && ready && self.transport.waiting() < MARK;
            tokio::select! {
                turn = self.transport.turn(read) => self.on_turn(turn),
                () = self.role.turn() => {}
                () = alarm.rings() => {
                    let now = self.clock.now();
                    self.role.machine().handle_timeout(now);
                }
                _ = shutdown.wait_for(|down| *down), if running => {
                    running = false;
                    let now = self.clock.now();
                    self.role.machine().fail(now, StreamError::new(Condition::SystemShutdown));
                }
            }
        }
    }

    /// Performs what the machine puts out, until there is nothing or something has to be waited for. How to end, if it is over.
    fn perform(&mut self) -> Option<Close> {
        while self.role.is_ready() {
            match self.role.machine().poll()? {
                Action::Transmit(bytes) => self.transport.write(&bytes),
                Action::StartTls(request) => match self.role.handshake(&request) {
                    Some(handshake) => self.transport.start_tls(handshake),
                    None => self.on_turn(Turn::Insecure),
                },
                Action::Ask(question) => self.role.ask(question),
                Action::Event(event) => self.role.on_event(event),
                Action::CloseTransport(close) => return Some(close),
                _ => debug!("an unknown action"),
            }
        }
        None
    }

    fn on_turn(&mut self, turn: Turn) {
        let now = self.clock.now();
        let outcome = match turn {
            Turn::Wrote => Ok(()),
            Turn::Read(bytes) => self.role.machine().receive(now, &bytes),
            Turn::End => {
                self.role.machine().transport_closed(now);
                Ok(())
            }
            Turn::Secured => match self.transport.tls().and_then(|tls| self.role.tls_info(tls)) {
                Some(info) => self.role.machine().tls_established(now, info),
                None => self.role.machine().tls_failed(now, TlsError::Handshake),
            },
            Turn::Insecure => self.role.machine().tls_failed(now, TlsError::Handshake),
        };
        if let Err(misuse) = outcome {
            // Input is read only while it is wanted, so this is a fault of ours.
            warn!(?misuse, "the connection was driven wrongly");
            self.role.machine().fail(now, StreamError::new(Condition::InternalServerError));
        }
    }

    async fn end(self, close: Close) -> R {
        let Self { role, transport, close: limit, .. } = self;
        if close == Close::Graceful {
            transport.close(limit).await;
        }
        role
    }
}

/// Waits for the outcome and removes the future; for ever when there is none.
pub(super) async fn resolved<T>(waiting: &mut Waiting<T>) -> T {
    match waiting {
        Some(future) => {
            let outcome = future.as_mut().await;
            *waiting = None;
            outcome
        }
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
