//! A connection that says whatever the test wants it to.

use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::PATIENCE;

pub const HEADER: &str = "<stream:stream to='localhost' version='1.0' xmlns='jabber:client' \
                          xmlns:stream='http://etherx.jabber.org/streams'>";
pub const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";

pub struct Raw<S = TcpStream> {
    pub stream: S,
    pub heard: String,
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), heard: String::new() }
    }

    /// Does as clients do up to the handshake, and that too.
    pub async fn tls(
        address: SocketAddr,
        trust: &TlsConnector,
    ) -> Raw<tokio_rustls::client::TlsStream<TcpStream>> {
        let mut raw = Self::connect(address).await;
        raw.say(HEADER).await;
        raw.until("</stream:features>").await;
        raw.say(STARTTLS).await;
        raw.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
        let name = ServerName::try_from("localhost").unwrap();
        Raw { stream: trust.connect(name, raw.stream).await.unwrap(), heard: String::new() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub async fn say(&mut self, text: impl AsRef<[u8]>) {
        self.stream.write_all(text.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    /// Reads until it has heard this; what it heard up to there.
    pub async fn until(&mut self, end: &str) -> String {
        loop {
            if let Some(at) = self.heard.find(end) {
                let rest = self.heard.split_off(at + end.len());
                return std::mem::replace(&mut self.heard, rest);
            }
            assert!(self.read(PATIENCE).await, "{end} did not come: {}", self.heard);
        }
    }

    /// Reads until the server ends the connection; all that it still said.
    pub async fn rest(&mut self) -> String {
        while self.read(PATIENCE).await {}
        std::mem::take(&mut self.heard)
    }

    async fn read(&mut self, patience: Duration) -> bool {
        let mut buffer = [0; 4096];
        let read = timeout(patience, self.stream.read(&mut buffer)).await.expect("nothing comes");
        // A server that has no more to say may also reset.
        let read = read.unwrap_or(0);
        self.heard.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        read > 0
    }
}
