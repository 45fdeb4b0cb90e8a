//! A client and a server joined by two queues of bytes, on virtual time.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::collections::VecDeque;

use xmpp_core::conn::{
    Action, BindAnswer, ClientConfig, ClientConnection, Drive, Event, Query, Question, ServerConfig,
    ServerConnection, Ticket,
};
use xmpp_core::entropy::Seed;
use xmpp_core::error::Misuse;
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::server::{CredentialsAnswer, Decoy};
use xmpp_core::sasl::{Bindings, Mechanism, ScramHash, ScramKeys, Secret};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, PresentedName, TlsInfo};

/// A connection of either role, as far as the pair needs to know.
pub trait Conn: Drive {
    fn answer<Q: Query>(&mut self, now: Instant, ticket: Ticket<Q>, answer: Q::Answer) -> Result<(), Misuse>;
    fn tls_established(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse>;
}

macro_rules! conn {
    ($type:ty) => {
        impl Conn for $type {
            fn answer<Q: Query>(
                &mut self,
                now: Instant,
                ticket: Ticket<Q>,
                answer: Q::Answer,
            ) -> Result<(), Misuse> {
                <$type>::answer(self, now, ticket, answer)
            }
            fn tls_established(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse> {
                <$type>::tls_established(self, now, info)
            }
        }
    };
}
conn!(ClientConnection);
conn!(ServerConnection);

/// One end with all that came out of it.
pub struct End<C> {
    pub conn: C,
    pub sent: VecDeque<u8>,
    pub transcript: String,
    pub stanzas: Vec<String>,
    pub online: Option<(String, Mechanism)>,
    pub closed: Option<String>,
    pub over: bool,
}

impl<C: Conn> End<C> {
    pub fn new(conn: C) -> Self {
        End {
            conn,
            sent: VecDeque::new(),
            transcript: String::new(),
            stanzas: Vec::new(),
            online: None,
            closed: None,
            over: false,
        }
    }

    pub fn online(&self) -> Option<&str> {
        self.online.as_ref().map(|(jid, _)| jid.as_str())
    }

    pub fn mechanism(&self) -> Option<Mechanism> {
        self.online.as_ref().map(|(_, mechanism)| *mechanism)
    }

    /// Performs actions until there are none; whether there were any.
    pub fn drain(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some(action) = self.conn.poll() {
            any = true;
            match action {
                Action::Transmit(bytes) => {
                    self.transcript.push_str(std::str::from_utf8(&bytes).unwrap());
                    self.sent.extend(&bytes);
                }
                Action::StartTls(_) => {
                    let bindings = Bindings::new().with_exporter([9; 32]);
                    let info = TlsInfo::new(Chain::Trusted)
                        .with_name(PresentedName::Dns("example.com".into()))
                        .with_bindings(bindings);
                    self.conn.tls_established(now, info).unwrap();
                }
                Action::Ask(question) => self.answer(now, question),
                Action::Event(Event::Online(online)) => {
                    self.online = Some((online.jid().to_string(), online.mechanism()));
                }
                Action::Event(Event::Stanza(stanza)) => self.stanzas.push(stanza.to_string()),
                Action::Event(Event::Closed(closed)) => self.closed = Some(closed.reason().to_string()),
                Action::CloseTransport(_) => self.over = true,
                _ => {}
            }
        }
        any
    }

    fn answer(&mut self, now: Instant, question: Question) {
        match question {
            Question::Credentials { ticket, account, hash } => {
                let answer = if account == BareJid::new("juliet@example.com").unwrap() {
                    let hash = hash.unwrap_or(ScramHash::Sha256);
                    let keys =
                        ScramKeys::for_password(hash, &Secret::new("r0m30myr0m30"), [3; 16], 4096).unwrap();
                    CredentialsAnswer::Keys(keys)
                } else {
                    CredentialsAnswer::Unknown
                };
                self.conn.answer(now, ticket, answer).unwrap();
            }
            Question::Derivation { ticket, request } => self.conn.answer(now, ticket, request.run()).unwrap(),
            Question::Binding { ticket, account, resource } => {
                let jid = account.with_resource(&resource.unwrap_or_else(|| "generated".into())).unwrap();
                self.conn.answer(now, ticket, BindAnswer::Bound(jid)).unwrap();
            }
            _ => panic!("an unknown question"),
        }
    }
}

pub struct Pair {
    pub client: End<ClientConnection>,
    pub server: End<ServerConnection>,
    pub now: Instant,
    /// How many bytes a read brings at the most.
    pub chunk: usize,
}

pub fn client_config() -> ClientConfig {
    ClientConfig::new(BareJid::new("juliet@example.com").unwrap(), Secret::new("r0m30myr0m30"))
        .with_resource("balcony")
}

pub fn server_config() -> ServerConfig {
    ServerConfig::new([BareJid::new("example.com").unwrap()], Decoy::new([7; 32]))
}

impl Pair {
    pub fn new() -> Self {
        Pair::with(client_config(), server_config())
    }

    pub fn with(client: ClientConfig, server: ServerConfig) -> Self {
        let now = Instant::from_micros(1);
        Pair {
            client: End::new(ClientConnection::new(client, Seed::new([1; 32]), now)),
            server: End::new(ServerConnection::new(server.into(), Seed::new([2; 32]), now)),
            now,
            chunk: usize::MAX,
        }
    }

    /// Carries bytes both ways until nobody has anything to say.
    pub fn run(&mut self) {
        loop {
            let mut any = self.client.drain(self.now) | self.server.drain(self.now);
            any |= carry(&mut self.client.sent, &mut self.server, self.chunk, self.now);
            any |= carry(&mut self.server.sent, &mut self.client, self.chunk, self.now);
            if !any {
                return;
            }
        }
    }
}

fn carry<C: Conn>(from: &mut VecDeque<u8>, to: &mut End<C>, chunk: usize, now: Instant) -> bool {
    if from.is_empty() || !to.conn.wants_input() {
        return false;
    }
    let bytes: Vec<u8> = from.drain(..from.len().min(chunk)).collect();
    to.conn.receive(now, &bytes).unwrap();
    to.drain(now);
    true
}
