use std::net::Ipv4Addr;
use std::time::Instant as Moment;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use xmpp_conformance::peers::{Dns, Entry};

use super::*;
use crate::data_dir::DataDir;
use crate::tls::Identity;

const REMOTE: &str = "remote.example";
const STARTTLS: &str = "_xmpp-server._tcp.remote.example";
const DIRECT: &str = "_xmpps-server._tcp.remote.example";

fn tls() -> Tls {
    let outer = tempfile::tempdir().unwrap();
    let dir = DataDir::create(&outer.path().join("data")).unwrap();
    Tls::new(Identity::self_made(&dir, &[BareJid::new(REMOTE).unwrap()]).unwrap().0).unwrap()
}

/// One that asks the name server at this address and no other.
fn finder(dns: SocketAddr, known: &[(&str, SocketAddr)]) -> Finder {
    let mut udp = ConnectionConfig::udp();
    udp.port = dns.port();
    let server = NameServerConfig::new(dns.ip(), true, vec![udp]);
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let resolver = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let known = known.iter().map(|(name, address)| (BareJid::new(name).unwrap(), *address));
    Finder::asking(Some(resolver.build().unwrap()), known.collect(), tls())
}

async fn connect(finder: &Finder, domain: &str) -> Result<TlsMode, Exhausted> {
    let found = finder.connect(&BareJid::new(domain).unwrap(), Seed::new([7; 32])).await;
    found.map(|(transport, mode)| {
        assert_eq!(transport.tls().is_some(), mode == TlsMode::Direct);
        mode
    })
}

async fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// A port where nobody listens.
async fn closed() -> u16 {
    listener().await.1
}

fn service(priority: u16, port: u16) -> Entry {
    Entry::Service { priority, weight: 0, port, target: "localhost".into() }
}

#[tokio::test]
async fn the_server_of_the_best_priority_that_answers_is_taken() {
    let dns = Dns::start().unwrap();
    let ((first, port), (second, other)) = (listener().await, listener().await);
    dns.add(STARTTLS, &service(20, other)).unwrap();
    dns.add(STARTTLS, &service(10, port)).unwrap();
    dns.add(STARTTLS, &service(5, closed().await)).unwrap();
    let finder = finder(dns.address(), &[]);
    assert_eq!(connect(&finder, REMOTE).await, Ok(TlsMode::StartTls));
    first.accept().await.unwrap();

    drop(first);
    assert_eq!(connect(&finder, REMOTE).await, Ok(TlsMode::StartTls));
    second.accept().await.unwrap();
}

#[tokio::test]
async fn direct_tls_is_told_by_its_records_and_says_so_in_the_handshake() {
    let dns = Dns::start().unwrap();
    let (listener, port) = listener().await;
    dns.add(DIRECT, &service(0, port)).unwrap();
    let mut config = rustls::ServerConfig::clone(tls().peers());
    config.alpn_protocols = vec![b"xmpp-client".to_vec(), b"xmpp-server".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let server = tokio::spawn(async move {
        let stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let (_, tls) = stream.get_ref();
        (tls.alpn_protocol().map(<[u8]>::to_vec), tls.server_name().map(str::to_owned))
    });
    assert_eq!(connect(&finder(dns.address(), &[]), REMOTE).await, Ok(TlsMode::Direct));
    assert_eq!(server.await.unwrap(), (Some(b"xmpp-server".to_vec()), Some(REMOTE.to_owned())));
}

#[tokio::test]
async fn who_promises_tls_and_does_not_speak_it_is_passed_over() {
    let dns = Dns::start().unwrap();
    let ((liar, port), (_second, other)) = (listener().await, listener().await);
    dns.add(DIRECT, &service(0, port)).unwrap();
    dns.add(STARTTLS, &service(1, other)).unwrap();
    let liar = tokio::spawn(async move {
        let (mut stream, _) = liar.accept().await.unwrap();
        let mut hello = [0; 5];
        stream.read_exact(&mut hello).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"<stream:stream>").await.unwrap();
        hello[0]
    });
    assert_eq!(connect(&finder(dns.address(), &[]), REMOTE).await, Ok(TlsMode::StartTls));
    assert_eq!(liar.await.unwrap(), 0x16, "a ClientHello");
}

#[tokio::test]
async fn what_dns_says_decides_why_there_is_no_server() {
    let dns = Dns::start().unwrap();
    let finder = finder(dns.address(), &[]);
    assert_eq!(connect(&finder, "nobody.example").await, Err(Exhausted::NotFound));
    let none = Entry::Service { priority: 0, weight: 0, port: 0, target: ".".into() };
    dns.add("_xmpp-server._tcp.none.example", &none).unwrap();
    assert_eq!(connect(&finder, "none.example").await, Err(Exhausted::NoService));
    dns.add("_xmpp-server._tcp.down.example", &service(0, closed().await)).unwrap();
    assert_eq!(connect(&finder, "down.example").await, Err(Exhausted::Unreachable));
    // It leads to a host that is not there.
    let lost = Entry::Service { priority: 0, weight: 0, port: 5269, target: "lost.example".into() };
    dns.add("_xmpp-server._tcp.astray.example", &lost).unwrap();
    assert_eq!(connect(&finder, "astray.example").await, Err(Exhausted::NotFound));
}

#[tokio::test]
async fn a_name_server_that_never_answers_is_given_up() {
    let silent = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let start = Moment::now();
    let finder = finder(silent.local_addr().unwrap(), &[]);
    assert_eq!(connect(&finder, REMOTE).await, Err(Exhausted::LookupFailed));
    assert!(start.elapsed() < Duration::from_secs(50), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_domain_that_is_known_is_not_looked_up() {
    let dns = Dns::start().unwrap();
    let ((elsewhere, port), (here, _)) = (listener().await, listener().await);
    dns.add(STARTTLS, &service(0, port)).unwrap();
    let known =
        [(REMOTE, here.local_addr().unwrap()), ("down.example", ([127, 0, 0, 1], closed().await).into())];
    let finder = finder(dns.address(), &known);
    assert_eq!(connect(&finder, REMOTE).await, Ok(TlsMode::StartTls));
    here.accept().await.unwrap();
    assert!(timeout(Duration::from_millis(50), elsewhere.accept()).await.is_err());
    assert_eq!(connect(&finder, "down.example").await, Err(Exhausted::Unreachable));
}

#[tokio::test]
async fn a_domain_that_is_an_address_is_not_looked_up_either() {
    // The port is the registered one, where nobody listens on this address.
    let silent = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let finder = finder(silent.local_addr().unwrap(), &[]);
    let start = Moment::now();
    assert_eq!(connect(&finder, "127.3.5.7").await, Err(Exhausted::Unreachable));
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    let request = TlsRequest::initiating(BareJid::new("127.3.5.7").unwrap().as_jid(), Service::Server);
    let name = server_name(&request, ([127, 3, 5, 7], 5269).into()).unwrap();
    assert_eq!(name, ServerName::from(IpAddr::from([127, 3, 5, 7])));
}
