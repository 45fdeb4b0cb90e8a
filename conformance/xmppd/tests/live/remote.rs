//! A foreign server that says whatever the test wants it to.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};
use xmppd::data_dir::DataDir;
use xmppd::tls::{Identity, Tls};

use super::{PATIENCE, Raw, STARTTLS, jid};

pub const REMOTE: &str = "remote.example";

/// It is there for [`REMOTE`], and proves that by dialback.
pub struct Remote {
    pub listener: TcpListener,
    tls: Tls,
}

impl Remote {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::create(&folder.path().join("data")).unwrap();
        let (identity, _) = Identity::self_made(&dir, &[jid(REMOTE)]).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, tls: Tls::new(identity).unwrap() }
    }

    pub fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    pub fn header(from: &str) -> String {
        format!(
            "<stream:stream from='{from}' to='localhost' id='remote-1' version='1.0' xmlns='jabber:server' \
             xmlns:db='jabber:server:dialback' xmlns:stream='http://etherx.jabber.org/streams'>"
        )
    }

    /// Takes a stream of the server, with TLS, and offers dialback.
    pub async fn accept(&self) -> Raw<TlsStream<TcpStream>> {
        let (stream, _) = timeout(PATIENCE, self.listener.accept()).await.expect("nobody connects").unwrap();
        let mut raw = Raw { stream, heard: String::new() };
        raw.until("<stream:stream").await;
        raw.until(">").await;
        let features = format!("<stream:features>{STARTTLS}</stream:features>");
        raw.say(Self::header(REMOTE) + &features).await;
        raw.until(STARTTLS).await;
        raw.say("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
        let acceptor = TlsAcceptor::from(Arc::clone(self.tls.peers()));
        let stream = acceptor.accept(raw.stream).await.unwrap().into();
        let mut raw = Raw { stream, heard: String::new() };
        raw.until("<stream:stream").await;
        raw.until(">").await;
        raw.say(Self::header(REMOTE)).await;
        raw.say("<stream:features><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>").await;
        raw
    }

    /// Takes a stream of the server, and its key.
    pub async fn take(&self) -> Raw<TlsStream<TcpStream>> {
        let mut raw = self.accept().await;
        raw.until("</db:result>").await;
        raw.say(format!("<db:result from='{REMOTE}' to='localhost' type='valid'/>")).await;
        raw
    }

    /// Connects to the server, up to its features behind TLS.
    pub async fn connect(&self, s2s: SocketAddr) -> Raw<TlsStream<TcpStream>> {
        let mut raw = Raw::connect(s2s).await;
        raw.say(Self::header(REMOTE)).await;
        raw.until("</stream:features>").await;
        raw.say(STARTTLS).await;
        raw.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await;
        let connector = TlsConnector::from(Arc::clone(self.tls.to_peers()));
        let name = ServerName::try_from("localhost").unwrap();
        let stream = connector.connect(name, raw.stream).await.unwrap().into();
        let mut raw = Raw { stream, heard: String::new() };
        raw.say(Self::header(REMOTE)).await;
        raw.until("</stream:features>").await;
        raw
    }

    /// Connects to the server and proves its domain; the streams to the server and the one by which it was asked.
    pub async fn proven(&self, s2s: SocketAddr) -> (Raw<TlsStream<TcpStream>>, Raw<TlsStream<TcpStream>>) {
        let mut raw = self.connect(s2s).await;
        raw.say(format!("<db:result from='{REMOTE}' to='localhost'>key</db:result>")).await;
        let mut asked = self.accept().await;
        let question = asked.until("</db:verify>").await;
        let id = question.split(" id='").nth(1).unwrap().split('\'').next().unwrap();
        asked.say(format!("<db:verify from='{REMOTE}' to='localhost' id='{id}' type='valid'/>")).await;
        raw.until("type='valid'").await;
        (raw, asked)
    }
}
