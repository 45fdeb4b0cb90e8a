//! The bytes of one connection: the socket, TLS around it once negotiated, and what waits to be written.
//!
//! An idle connection holds no buffers of its own here: reading goes through one per thread, and the output's is given back
//! when it is empty.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

/// Bytes that are read at once.
const CHUNK: usize = 16 * 1024;

thread_local! {
    /// Where bytes are read into before their number is known.
    static SCRATCH: RefCell<Box<[u8]>> = RefCell::new(vec![0; CHUNK].into_boxed_slice());
}

/// How to secure a transport.
pub(super) enum Handshake {
    /// As the TLS server.
    Accept(TlsAcceptor),
    /// As the TLS client, towards a server of that name.
    Connect(TlsConnector, ServerName<'static>),
}

impl Handshake {
    async fn make(self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        Ok(match self {
            Self::Accept(acceptor) => acceptor.accept(stream).await?.into(),
            Self::Connect(connector, name) => connector.connect(name, stream).await?.into(),
        })
    }
}

/// The TLS of a transport.
#[derive(Clone, Copy)]
pub(super) enum Secured<'a> {
    /// We accepted it.
    Server(&'a rustls::ServerConnection),
    /// We asked for it.
    Client(&'a rustls::ClientConnection),
}

type Securing = Pin<Box<dyn Future<Output = io::Result<TlsStream<TcpStream>>> + Send>>;

/// The transport of a connection.
pub(super) struct Transport {
    wire: Wire,
    out: BytesMut,
    /// Something was written that may still be in a buffer below.
    unflushed: bool,
}

enum Wire {
    Plain(TcpStream),
    Handshake(Securing),
    Tls(Box<TlsStream<TcpStream>>),
    /// It has failed, or the peer has ended it.
    Over,
}

/// What came of a turn.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Something was written.
    Wrote,
    /// These bytes came.
    Read(Bytes),
    /// The peer has ended its direction, or the transport failed.
    End,
    /// TLS protects the transport now.
    Secured,
    /// It does not, and never will.
    Insecure,
}

impl Transport {
    pub(super) fn new(stream: TcpStream) -> Self {
        Self { wire: Wire::Plain(stream), out: BytesMut::new(), unflushed: false }
    }

    /// A transport that begins with TLS, once that protects it (XEP-0368).
    ///
    /// # Errors
    /// Whatever ended the handshake.
    pub(super) async fn secured(stream: TcpStream, handshake: Handshake) -> io::Result<Self> {
        let stream = handshake.make(stream).await?;
        Ok(Self { wire: Wire::Tls(Box::new(stream)), out: BytesMut::new(), unflushed: false })
    }

    /// Puts bytes behind those that wait to be written.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// How many bytes wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.out.len()
    }

    /// Whether the operating system has taken everything that was to be written.
    pub(super) fn is_flushed(&self) -> bool {
        matches!(self.wire, Wire::Plain(_) | Wire::Tls(_)) && self.out.is_empty() && !self.unflushed
    }

    /// Writes what waits, then makes the handshake; its outcome comes out of [`turn`](Self::turn).
    pub(super) fn start_tls(&mut self, handshake: Handshake) {
        if let Wire::Plain(mut stream) = std::mem::replace(&mut self.wire, Wire::Over) {
            let out = std::mem::take(&mut self.out);
            self.wire = Wire::Handshake(Box::pin(async move {
                stream.write_all(&out).await?;
                handshake.make(stream).await
            }));
        }
    }

    /// TLS, once it is there.
    pub(super) fn tls(&self) -> Option<Secured<'_>> {
        match &self.wire {
            Wire::Tls(stream) => Some(match stream.as_ref() {
                TlsStream::Server(stream) => Secured::Server(stream.get_ref().1),
                TlsStream::Client(stream) => Secured::Client(stream.get_ref().1),
            }),
            _ => None,
        }
    }

    /// Moves bytes: writes what waits, and reads if `read` says so. Without either, and when the transport is over, it waits for
    /// ever. To drop it before its end loses nothing.
    pub(super) async fn turn(&mut self, read: bool) -> Turn {
        let turn = poll_fn(|cx| self.poll_turn(cx, read)).await;
        if turn == Turn::End || turn == Turn::Insecure {
            self.wire = Wire::Over;
        }
        turn
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>, read: bool) -> Poll<Turn> {
        if let Wire::Handshake(handshake) = &mut self.wire {
            return Poll::Ready(match ready!(handshake.as_mut().poll(cx)) {
                Ok(stream) => {
                    self.wire = Wire::Tls(Box::new(stream));
                    Turn::Secured
                }
                Err(error) => {
                    tracing::debug!(%error, "the TLS handshake failed");
                    Turn::Insecure
                }
            });
        }
        if read {
            match self.poll_read(cx) {
                Poll::Ready(Ok(bytes)) if bytes.is_empty() => return Poll::Ready(Turn::End),
                Poll::Ready(Ok(bytes)) => return Poll::Ready(Turn::Read(bytes)),
                Poll::Ready(Err(_)) => return Poll::Ready(Turn::End),
                Poll::Pending => {}
            }
        }
        match ready!(self.poll_write(cx)) {
            Ok(()) => Poll::Ready(Turn::Wrote),
            Err(_) => Poll::Ready(Turn::End),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        let Some(mut stream) = self.stream() else { return Poll::Pending };
        SCRATCH.with_borrow_mut(|scratch| {
            let mut buffer = ReadBuf::new(scratch);
            ready!(stream.as_mut().poll_read(cx, &mut buffer))?;
            Poll::Ready(Ok(Bytes::copy_from_slice(buffer.filled())))
        })
    }

    /// Writes until nothing waits or nothing more is taken; ready when something was written.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut out = std::mem::take(&mut self.out);
        let mut unflushed = self.unflushed;
        let outcome = self
            .stream()
            .map_or(Poll::Pending, |stream| poll_write_some(stream, cx, &mut out, &mut unflushed));
        // An idle connection keeps no buffer.
        self.out = if out.is_empty() { BytesMut::new() } else { out };
        self.unflushed = unflushed;
        outcome
    }

    fn stream(&mut self) -> Option<Pin<&mut dyn Stream>> {
        match &mut self.wire {
            Wire::Plain(stream) => Some(Pin::new(stream)),
            Wire::Tls(stream) => Some(Pin::new(stream.as_mut())),
            Wire::Handshake(_) | Wire::Over => None,
        }
    }

    /// Writes what waits, ends TLS and the sending direction, and lets the peer end its own: closing with
    /// unread input may throw away what was sent last. Each takes `limit` at the longest.
    pub(super) async fn close(mut self, limit: Duration) {
        let flushed = timeout(limit, poll_fn(|cx| self.poll_shutdown(cx))).await;
        if matches!(flushed, Ok(Ok(()))) {
            let _ = timeout(limit, async { while let Turn::Read(_) = self.turn(true).await {} }).await;
        }
    }

    fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.stream().is_some() && (!self.out.is_empty() || self.unflushed) {
            ready!(self.poll_write(cx))?;
        }
        match self.stream() {
            Some(stream) => stream.poll_shutdown(cx),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

/// What a transport runs over.
trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

fn poll_write_some(
    mut stream: Pin<&mut dyn Stream>,
    cx: &mut Context<'_>,
    out: &mut BytesMut,
    unflushed: &mut bool,
) -> Poll<io::Result<()>> {
    let mut wrote = false;
    while !out.is_empty() {
        match stream.as_mut().poll_write(cx, out) {
            Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
            Poll::Ready(Ok(written)) => {
                out.advance(written);
                (wrote, *unflushed) = (true, true);
            }
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => break,
        }
    }
    if out.is_empty() && *unflushed {
        match stream.as_mut().poll_flush(cx) {
            Poll::Ready(Ok(())) => (wrote, *unflushed) = (true, false),
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => {}
        }
    }
    if wrote { Poll::Ready(Ok(())) } else { Poll::Pending }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("waiting", &self.out.len()).finish_non_exhaustive()
    }
}
