//! A client that logs in and exchanges stanzas.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant as Moment, sleep_until, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use xmpp_core::conn::{Action, ClientConfig, ClientConnection, CloseReason, Drive as _, Event, Question};
use xmpp_core::entropy::Seed;
use xmpp_core::sasl::{Bindings, DeriveKey, Mechanism, SaltedPassword, Secret};
use xmpp_core::stanza::{Iq, IqType, Message, Presence, Stanza};
use xmpp_core::time::Instant;
use xmpp_core::tls::{Chain, PresentedName, TlsError, TlsInfo};
use xmpp_core::xml::{Element, ns};

use super::{PASSWORD, PATIENCE, jid};

/// A socket that breaks after so many bytes have been sent.
pub struct Cut {
    stream: TcpStream,
    left: usize,
    sent: Arc<AtomicUsize>,
}

impl AsyncRead for Cut {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Cut {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let some = &buf[..buf.len().min(self.left)];
        if some.is_empty() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let written = ready!(Pin::new(&mut self.stream).poll_write(cx, some))?;
        self.left -= written;
        self.sent.fetch_add(written, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// Keys that were derived before: accounts that share a salt share the work.
fn derive(request: &DeriveKey) -> SaltedPassword {
    static DERIVED: Mutex<Vec<(Vec<u8>, SaltedPassword)>> = Mutex::new(Vec::new());
    let of = [request.hash().name().as_bytes(), request.secret().as_bytes(), request.salt()].concat();
    let known = DERIVED.lock().unwrap().iter().find(|(known, _)| *known == of).map(|(_, key)| key.clone());
    known.unwrap_or_else(|| {
        let key = request.run();
        DERIVED.lock().unwrap().push((of, key.clone()));
        key
    })
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// What to log in with.
pub struct Login {
    address: SocketAddr,
    trust: TlsConnector,
    domain: String,
    config: ClientConfig,
    direct: bool,
    cut: usize,
    sent: Arc<AtomicUsize>,
}

pub struct Client {
    machine: ClientConnection,
    stream: Option<Box<dyn Stream>>,
    epoch: Moment,
    domain: String,
    pub jid: String,
    pub mechanism: Option<Mechanism>,
    received: std::collections::VecDeque<Stanza>,
    closed: Option<CloseReason>,
    ids: u32,
}

impl Login {
    pub fn new(address: SocketAddr, trust: TlsConnector, name: &str, resource: &str) -> Self {
        Self::of(address, trust, &format!("{name}@localhost"), resource)
    }

    /// For an account of any domain.
    pub fn of(address: SocketAddr, trust: TlsConnector, account: &str, resource: &str) -> Self {
        let account = jid(account);
        let domain = account.domain().to_owned();
        let config = ClientConfig::new(account, Secret::new(PASSWORD)).with_resource(resource);
        Self { address, trust, domain, config, direct: false, cut: usize::MAX, sent: Arc::default() }
    }

    /// Breaks the connection after so many bytes have been sent.
    pub fn cut(mut self, bytes: usize) -> Self {
        self.cut = bytes;
        self
    }

    /// Begins with TLS.
    pub fn direct(mut self) -> Self {
        self.direct = true;
        self
    }

    /// Counts the bytes that are sent.
    pub fn sent(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.sent)
    }

    pub fn with(mut self, change: impl FnOnce(ClientConfig) -> ClientConfig) -> Self {
        self.config = change(self.config);
        self
    }

    /// Connects and logs in.
    pub async fn run(self) -> Result<Client, CloseReason> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).unwrap();
        let seed = Seed::new(seed);
        let mut plain = Some(Cut { stream, left: self.cut, sent: self.sent });
        let (machine, stream) = if self.direct {
            let stream = self.trust.connect(server_name(&self.domain), plain.take().unwrap()).await.unwrap();
            let machine =
                ClientConnection::over_tls(self.config, tls_info(&stream, &self.domain), seed, Instant::ZERO);
            (machine, Some(Box::new(stream) as Box<dyn Stream>))
        } else {
            (ClientConnection::new(self.config, seed, Instant::ZERO), None)
        };
        let mut client = Client {
            machine,
            stream,
            epoch: Moment::now(),
            domain: self.domain,
            jid: String::new(),
            mechanism: None,
            received: std::collections::VecDeque::new(),
            closed: None,
            ids: 0,
        };
        while client.jid.is_empty() {
            if let Some(reason) = client.closed.take() {
                return Err(reason);
            }
            client.turn(&mut plain, &self.trust).await;
        }
        client.stream = match client.stream.take() {
            Some(stream) => Some(stream),
            None => plain.map(|stream| Box::new(stream) as Box<dyn Stream>),
        };
        Ok(client)
    }
}

fn server_name(domain: &str) -> ServerName<'static> {
    ServerName::try_from(domain.to_owned()).unwrap()
}

fn tls_info(stream: &TlsStream<Cut>, domain: &str) -> TlsInfo {
    let exporter = xmppd::tls::exporter(stream.get_ref().1).unwrap();
    TlsInfo::new(Chain::Trusted)
        .with_name(PresentedName::Dns(domain.to_owned()))
        .with_bindings(Bindings::new().with_exporter(exporter))
}

impl Client {
    fn now(&self) -> Instant {
        Instant::after(self.epoch.elapsed())
    }

    /// Performs all actions.
    async fn perform(&mut self, plain: &mut Option<Cut>, trust: Option<&TlsConnector>) {
        while let Some(action) = self.machine.poll() {
            match action {
                Action::Transmit(bytes) => match (&mut self.stream, &mut *plain) {
                    (Some(stream), _) => {
                        // It fails when the server has ended the connection, which is found out by reading.
                        let _ = stream.write_all(&bytes).await;
                        let _ = stream.flush().await;
                    }
                    (None, Some(stream)) => {
                        let _ = stream.write_all(&bytes).await;
                    }
                    (None, None) => {}
                },
                Action::StartTls(_) => {
                    let Ok(stream) =
                        trust.unwrap().connect(server_name(&self.domain), plain.take().unwrap()).await
                    else {
                        self.machine.tls_failed(self.now(), TlsError::Handshake).unwrap();
                        continue;
                    };
                    self.machine.tls_established(self.now(), tls_info(&stream, &self.domain)).unwrap();
                    self.stream = Some(Box::new(stream));
                }
                Action::Ask(Question::Derivation { ticket, request }) => {
                    let key = tokio::task::spawn_blocking(move || derive(&request)).await.unwrap();
                    self.machine.answer(self.now(), ticket, key).unwrap();
                }
                Action::Event(Event::Online(online)) => {
                    self.jid = online.jid().to_string();
                    self.mechanism = Some(online.mechanism());
                }
                Action::Event(Event::Stanza(stanza)) => self.received.push_back(stanza),
                Action::Event(Event::Closed(closed)) => self.closed = Some(closed.reason().clone()),
                Action::CloseTransport(_) => {
                    if let Some(stream) = &mut self.stream {
                        let _ = stream.shutdown().await;
                    }
                    self.stream = None;
                }
                _ => {}
            }
        }
    }

    /// Performs all actions, then waits for bytes or a deadline.
    async fn turn(&mut self, plain: &mut Option<Cut>, trust: &TlsConnector) {
        self.perform(plain, Some(trust)).await;
        if self.closed.is_none() && self.jid.is_empty() {
            let mut buffer = [0; 4096];
            let read = match (&mut self.stream, plain) {
                (Some(stream), _) => timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap(),
                (None, Some(stream)) => timeout(PATIENCE, stream.read(&mut buffer)).await.unwrap(),
                (None, None) => Ok(0),
            };
            self.take(&buffer[..read.unwrap_or(0)]);
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let now = self.now();
        if bytes.is_empty() {
            self.machine.transport_closed(now);
        } else {
            self.machine.receive(now, bytes).unwrap();
        }
    }

    /// The next stanza, unless the stream ends before one comes, or the time is over.
    pub async fn next_by(&mut self, deadline: Moment) -> Option<Stanza> {
        loop {
            self.perform(&mut None, None).await;
            if let Some(stanza) = self.received.pop_front() {
                return Some(stanza);
            }
            let stream = self.stream.as_mut()?;
            let mut buffer = [0; 4096];
            tokio::select! {
                read = stream.read(&mut buffer) => {
                    let read = read.unwrap_or(0);
                    self.take(&buffer[..read]);
                }
                () = sleep_until(deadline) => return None,
            }
        }
    }

    /// The next stanza.
    pub async fn next(&mut self) -> Option<Stanza> {
        self.next_by(Moment::now() + PATIENCE).await
    }

    /// The next stanza that fits; others are thrown away.
    pub async fn find(&mut self, mut fits: impl FnMut(&Stanza) -> bool) -> Stanza {
        let deadline = Moment::now() + PATIENCE;
        loop {
            match self.next_by(deadline).await {
                Some(stanza) if fits(&stanza) => return stanza,
                Some(_) => {}
                None => panic!("{}: what was waited for did not come: {:?}", self.jid, self.closed),
            }
        }
    }

    /// How the stream ended, which it has to.
    pub async fn ended(&mut self) -> CloseReason {
        let deadline = Moment::now() + PATIENCE;
        while self.next_by(deadline).await.is_some() {}
        self.closed.clone().expect("the stream goes on")
    }

    pub async fn send(&mut self, stanza: impl Into<Stanza>) {
        let now = self.now();
        self.machine.send(now, stanza.into()).unwrap();
        self.perform(&mut None, None).await;
    }

    pub async fn chat(&mut self, to: &str, body: &str) {
        self.send(Message::chat(xmpp_core::jid::Jid::new(to).unwrap()).with_body(body)).await;
    }

    /// The body of the next message, and who sent it.
    pub async fn hear(&mut self) -> (String, String) {
        let message = self.find(|stanza| matches!(stanza, Stanza::Message(_))).await;
        let Stanza::Message(message) = message else { unreachable!() };
        (message.from().unwrap().to_string(), message.body().unwrap_or_default().into_owned())
    }

    /// Becomes available, and waits until it is.
    pub async fn available(&mut self) {
        self.send(Presence::available()).await;
        let me = self.jid.clone();
        self.find(|stanza| matches!(stanza, Stanza::Presence(_)) && stanza.from().unwrap().as_str() == me)
            .await;
    }

    /// Asks the server; the answer.
    pub async fn ask(&mut self, type_: IqType, payload: Element) -> Iq {
        let id = self.request(type_, payload).await;
        let answer =
            self.find(|stanza| matches!(stanza, Stanza::Iq(iq) if iq.id() == id && !iq.is_request())).await;
        let Stanza::Iq(answer) = answer else { unreachable!() };
        answer
    }

    /// Asks the server and does not wait; the id of the request.
    pub async fn request(&mut self, type_: IqType, payload: Element) -> String {
        self.ids += 1;
        let id = format!("ask{}", self.ids);
        self.send(match type_ {
            IqType::Get => Iq::get(&id, payload),
            _ => Iq::set(&id, payload),
        })
        .await;
        id
    }

    /// Puts a contact into the roster.
    pub async fn set_contact(&mut self, contact: &str, name: &str) -> Iq {
        self.ask(IqType::Set, contact_query(contact, name)).await
    }

    /// The addresses in the roster.
    pub async fn roster(&mut self) -> Vec<String> {
        let answer = self.ask(IqType::Get, Element::builder(ns::ROSTER, "query").build()).await;
        let items = answer.payload().unwrap();
        items.children().map(|item| item.attr("jid").unwrap().to_owned()).collect()
    }

    /// Closes the stream in order.
    pub async fn close(mut self) -> CloseReason {
        self.machine.close(self.now());
        self.ended().await
    }

    /// The bytes of the stream, to go on by hand.
    pub fn into_stream(self) -> impl AsyncRead + AsyncWrite + Send {
        self.stream.unwrap()
    }

    /// Stops reading without ending anything.
    pub fn hold(self) -> impl Sized {
        self
    }
}

/// The request that puts a contact into a roster.
pub fn contact_query(contact: &str, name: &str) -> Element {
    let item = Element::builder(ns::ROSTER, "item").attr("jid", contact).attr("name", name).build();
    Element::builder(ns::ROSTER, "query").child(item).build()
}
