//! A connection and the session above it, driven as one.

use alloc::boxed::Box;
use alloc::vec::Vec;

use xmpp_core::conn::{Action, ClientConnection, Drive, Event};
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::stanza::Stanza;
use xmpp_core::time::Instant;

use super::config::SessionConfig;
use super::event::{ClientEvent, Ended, SessionAction};
use super::is_response;
use super::session::ClientSession;

/// Something the embedder of a [`Client`] has to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum ClientAction {
    /// The connection's: performed as for a connection alone. Its stanzas are not among them, since the session has them.
    Connection(Action),
    /// Take note.
    Event(ClientEvent),
    /// The session is over; the connection's [`Event::Closed`] comes next, with what was not transmitted.
    Ended(Box<Ended>),
}

/// A whole client: [`ClientConnection`] below, [`ClientSession`] above, from bytes to contacts.
///
/// It is driven as [a connection is](Drive), and its actions are performed in order. Questions are answered, and TLS is reported, to its
/// [`connection`](Self::connection); what the user wants goes to its [`session`](Self::session), once there is one.
#[derive(Debug)]
pub struct Client {
    conn: ClientConnection,
    /// For the session to come.
    start: Option<(SessionConfig, Seed)>,
    session: Option<ClientSession>,
    /// What the connection has no room for until what it has is transmitted.
    waiting: Option<Stanza>,
    /// What came too late for the connection.
    unsent: Vec<Stanza>,
    /// The end of the connection, behind that of the session.
    closed: Option<Action>,
    closing: bool,
    now: Instant,
}

impl Client {
    /// Over a connection that has just been made. `seed` must be fresh, and not the connection's.
    #[must_use]
    pub fn new(conn: ClientConnection, config: SessionConfig, seed: Seed, now: Instant) -> Self {
        Client {
            conn,
            start: Some((config, seed)),
            session: None,
            waiting: None,
            unsent: Vec::new(),
            closed: None,
            closing: false,
            now,
        }
    }

    /// The connection, to answer its questions and report TLS. Stanzas are the session's to send, and [`close`](Self::close) says good-bye first.
    pub const fn connection(&mut self) -> &mut ClientConnection {
        &mut self.conn
    }

    /// The session: none before a resource is bound, and after the end.
    pub const fn session(&mut self) -> Option<&mut ClientSession> {
        self.session.as_mut()
    }

    /// Bytes came, as [`Drive::receive`].
    ///
    /// # Errors
    /// As there.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Misuse> {
        self.now = now;
        self.conn.receive(now, bytes)
    }

    /// Time has passed, as [`Drive::handle_timeout`].
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        self.conn.handle_timeout(now);
        if let Some(session) = &mut self.session {
            session.handle_timeout(now);
        }
    }

    /// The transport has ended, as [`Drive::transport_closed`].
    pub fn transport_closed(&mut self, now: Instant) {
        self.now = now;
        self.conn.transport_closed(now);
    }

    /// Says good-bye (RFC 3921 section 5.1.5) and closes the stream, behind all that was to be sent.
    pub fn close(&mut self, now: Instant) {
        self.now = now;
        self.closing = true;
        if let Some(session) = &mut self.session {
            session.leave();
        }
    }

    /// What has to be done next, as [`Drive::poll`].
    pub fn poll(&mut self) -> Option<ClientAction> {
        loop {
            if let Some(event) = self.poll_session() {
                return Some(ClientAction::Event(event));
            }
            if self.closing && self.waiting.is_none() {
                self.closing = false;
                self.conn.close(self.now);
            }
            if let Some(closed) = self.closed.take() {
                return Some(ClientAction::Connection(closed));
            }
            match self.conn.poll()? {
                Action::Event(Event::Online(online)) => {
                    self.session = self.start.take().map(|(config, seed)| {
                        ClientSession::new(config, online.jid().clone(), online.features(), seed, self.now)
                    });
                    return Some(ClientAction::Connection(Action::Event(Event::Online(online))));
                }
                Action::Event(Event::Stanza(stanza)) => {
                    if let Some(session) = &mut self.session {
                        session.receive(self.now, stanza);
                    }
                }
                closed @ Action::Event(Event::Closed(_)) => {
                    let Some(session) = self.session.take() else {
                        return Some(ClientAction::Connection(closed));
                    };
                    let mut ended = session.end();
                    let unsent = self.waiting.take().into_iter().chain(core::mem::take(&mut self.unsent));
                    ended.unsent = unsent.chain(ended.unsent).collect();
                    self.closed = Some(closed);
                    return Some(ClientAction::Ended(Box::new(ended)));
                }
                action => return Some(ClientAction::Connection(action)),
            }
        }
    }

    /// The session's next event; what it sends goes to the connection.
    fn poll_session(&mut self) -> Option<ClientEvent> {
        loop {
            let stanza = match self.waiting.take() {
                Some(stanza) => stanza,
                None => match self.session.as_mut()?.poll()? {
                    SessionAction::Event(event) => return Some(event),
                    SessionAction::Send(stanza) => stanza,
                },
            };
            match self.conn.send(self.now, stanza.clone()) {
                Ok(_) => {}
                // Never while nothing waits: it goes once the connection was polled.
                Err(Misuse::OutboxFull) => {
                    self.waiting = Some(stanza);
                    return None;
                }
                Err(_) if is_response(&stanza) => {}
                Err(_) => self.unsent.push(stanza),
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do, as [`Drive::poll_timeout`].
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let session = self.session.as_ref().and_then(ClientSession::poll_timeout);
        [self.conn.poll_timeout(), session].into_iter().flatten().min()
    }

    /// Whether bytes are welcome, as [`Drive::wants_input`].
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.conn.wants_input()
    }
}
