//! What clients that misbehave cost the server, which runs in this process with limits that are soon reached.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    missing_docs
)]

mod live;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use live::*;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use xmpp_core::conn::{ClientConfig, CloseReason};
use xmpp_core::limits::Limits;
use xmpp_core::stanza::{Condition, IqType, Stanza};
use xmpp_core::xml::{Element, ns};
use xmpp_im::limits::HostLimits;
use xmppd::data_dir::DataDir;
use xmppd::server::{Listeners, Options, Server};
use xmppd::store::Store;
use xmppd::tls::{Identity, Tls};

struct Running {
    server: Server,
    data: TempDir,
}

impl Running {
    async fn with(names: &[&str], change: impl FnOnce(Options) -> Options) -> Self {
        let data = tempfile::tempdir().unwrap();
        add_accounts(data.path(), names.iter().map(|name| (*name).to_owned())).await;
        let dir = DataDir::create(data.path()).unwrap();
        let domains = [jid("localhost")];
        let (identity, _) = Identity::self_made(&dir, &domains).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let store = Store::open(data.path()).await.unwrap();
        let tls = Tls::new(identity).unwrap();
        let direct = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let listeners = Listeners::new(listener).with_clients_tls(direct);
        let server = Server::start(listeners, store, tls, change(Options::new(domains))).await.unwrap();
        Self { server, data }
    }

    fn login(&self, name: &str, resource: &str) -> Login {
        Login::new(self.server.address(), trust(self.data.path()), name, resource)
    }

    async fn client(&self, name: &str, resource: &str) -> Client {
        self.login(name, resource).run().await.unwrap()
    }

    /// Waits until there are this many connections and sessions.
    async fn settle(&self, connections: usize, sessions: usize) {
        let start = Instant::now();
        while (self.server.connections(), self.server.sessions()) != (connections, sessions) {
            let now = (self.server.connections(), self.server.sessions());
            assert!(start.elapsed() < PATIENCE, "{now:?} remain");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

async fn ping(client: &mut Client) {
    let pong = client.ask(IqType::Get, Element::builder(ns::PING, "ping").build()).await;
    assert_eq!(pong.type_(), IqType::Result);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_at_any_byte_of_a_login_leaves_no_session() {
    let running =
        Running::with(&["romeo"], |options| options.with_host_limits(HostLimits::new().with_sessions(1000)))
            .await;
    let whole = running.login("romeo", "whole");
    let sent = whole.sent();
    drop(whole.run().await.unwrap());
    let whole = sent.load(Ordering::Relaxed);
    assert!(whole > 1000, "{whole}");
    let turns = Arc::new(Semaphore::new(32));
    let cuts: Vec<_> = (0..whole + 64)
        .map(|bytes| {
            let (login, turns) = (running.login("romeo", "cut").cut(bytes), Arc::clone(&turns));
            tokio::spawn(async move {
                let _turn = turns.acquire_owned().await.unwrap();
                login.run().await.is_ok()
            })
        })
        .collect();
    let mut through = 0;
    for cut in cuts {
        through += usize::from(cut.await.unwrap());
    }
    assert!((1..whole).contains(&through), "{through} of {whole} came through");
    running.settle(0, 0).await;
    // And nothing is in the way of the next one.
    assert_eq!(running.client("romeo", "cut").await.jid, "romeo@localhost/cut");
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_for_ever_to_log_in_is_turned_away() {
    let limits = Limits::client()
        .with_negotiation(Duration::from_millis(500))
        .with_tls(Duration::from_millis(500))
        .with_close(Duration::from_millis(300));
    let running = Running::with(&["romeo"], |options| options.with_limits(limits)).await;
    let start = Instant::now();
    let silent = Raw::connect(running.server.address()).await;
    let mut drip = Raw::connect(running.server.address()).await;
    let mut stuck = Raw::connect(running.server.address()).await;
    stuck.say(HEADER).await;
    stuck.until("</stream:features>").await;
    stuck.say(STARTTLS).await;
    stuck.until("<proceed").await;
    let mut idle = Raw::tls(running.server.address(), &trust(running.data.path())).await;
    running.settle(4, 0).await;
    for byte in HEADER.bytes().take(8) {
        drip.say([byte]).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(drip.rest().await.contains("<policy-violation "));
    assert!(idle.rest().await.contains("<policy-violation "));
    // They keep their sockets, and yet the server is rid of them.
    running.settle(0, 0).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    drop((silent, drip, stuck, idle));
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_read_loses_the_session_and_costs_nobody_else_anything() {
    let limits = Limits::client().with_close(Duration::from_millis(300));
    let running = Running::with(&["romeo", "juliet", "nurse"], |options| {
        // What she does not read comes back to its sender.
        let host = HostLimits::new().with_outbox_bytes(256 * 1024).with_offline(0, 0);
        options.with_limits(limits).with_host_limits(host)
    })
    .await;
    let mut juliet = running.client("juliet", "balcony").await;
    juliet.available().await;
    let juliet = juliet.hold();
    let mut romeo = running.client("romeo", "orchard").await;
    let mut nurse = running.client("nurse", "kitchen").await;
    running.settle(3, 3).await;

    // Much more than sockets and the server hold.
    let body = "x".repeat(10_000);
    let (mut sent, mut slowest) = (0, Duration::ZERO);
    while running.server.sessions() == 3 {
        assert!(sent < 5_000, "what nobody reads is held without end");
        for _ in 0..20 {
            romeo.chat("juliet@localhost/balcony", &body).await;
            sent += 1;
        }
        let start = Instant::now();
        ping(&mut nurse).await;
        slowest = slowest.max(start.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "others wait for {slowest:?}");
    let bounced = romeo.find(Stanza::is_error).await;
    assert_eq!(bounced.error().unwrap().condition(), Condition::ServiceUnavailable);
    running.settle(2, 2).await;
    ping(&mut romeo).await;
    drop(juliet);
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_only_slower_than_its_senders_keeps_its_session_and_loses_nothing() {
    let running = Running::with(&["romeo", "juliet"], |options| options).await;
    let mut juliet = running.client("juliet", "balcony").await;
    let mut romeo = running.client("romeo", "orchard").await;
    let body = "x".repeat(10_000);
    const COUNT: usize = 1_000;
    let writer = tokio::spawn(async move {
        for n in 0..COUNT {
            romeo.chat("juliet@localhost/balcony", &format!("{n} {body}")).await;
        }
        romeo
    });
    for n in 0..COUNT {
        let (_, heard) = juliet.hear().await;
        assert_eq!(heard.split(' ').next(), Some(n.to_string().as_str()));
    }
    drop(writer.await.unwrap());
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_keeps_its_session_beside_a_quick_one_of_the_same_account() {
    let running = Running::with(&["romeo", "juliet"], |options| options).await;
    let mut slow = running.client("juliet", "balcony").await;
    let mut quick = running.client("juliet", "kitchen").await;
    let mut romeo = running.client("romeo", "orchard").await;
    let body = "x".repeat(10_000);
    // Much more than sockets hold.
    const COUNT: usize = 2_000;
    let writer = tokio::spawn(async move {
        for n in 0..COUNT {
            romeo.chat("juliet@localhost/balcony", &format!("{n} {body}")).await;
            romeo.chat("juliet@localhost/kitchen", "?").await;
        }
        romeo
    });
    let reader = tokio::spawn(async move {
        for _ in 0..COUNT {
            quick.hear().await;
        }
        quick
    });
    for n in 0..COUNT {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let (_, heard) = slow.hear().await;
        assert_eq!(heard.split(' ').next(), Some(n.to_string().as_str()));
    }
    drop((writer.await.unwrap(), reader.await.unwrap()));
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_without_reading_is_made_to_wait_and_gets_every_answer_in_order() {
    const COUNT: usize = 20_000;
    let running = Running::with(&["romeo", "nurse"], |options| options).await;
    let mut nurse = running.client("nurse", "kitchen").await;
    let (mut reading, mut writing) = tokio::io::split(running.client("romeo", "orchard").await.into_stream());
    let asked = Arc::new(AtomicUsize::new(0));
    let writer = tokio::spawn({
        let asked = Arc::clone(&asked);
        async move {
            let padding = "x".repeat(1000);
            for n in 0..COUNT {
                let ping = format!("<iq type='get' id='{n}-{padding}'><ping xmlns='urn:xmpp:ping'/></iq>");
                writing.write_all(ping.as_bytes()).await.unwrap();
                asked.store(n, Ordering::Relaxed);
            }
            writing.flush().await.unwrap();
            writing
        }
    });
    // It comes to a halt, and costs nobody anything.
    let mut before = usize::MAX;
    while std::mem::replace(&mut before, asked.load(Ordering::Relaxed)) != asked.load(Ordering::Relaxed) {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(before < COUNT - 1, "everything was taken in");
    ping(&mut nurse).await;
    running.settle(2, 2).await;

    let (mut heard, mut answers) = (Vec::new(), 0);
    while answers < COUNT {
        let mut buffer = [0; 16 * 1024];
        let read = tokio::time::timeout(PATIENCE, reading.read(&mut buffer)).await;
        let read = read.expect("answers are missing").unwrap();
        assert_ne!(read, 0, "the stream has ended after {answers} answers");
        heard.extend_from_slice(&buffer[..read]);
        let text = std::str::from_utf8(&heard).unwrap();
        let mut done = 0;
        while let Some(end) = text[done..].find("/>") {
            assert!(text[done..].contains(&format!(" id='{answers}-")), "{answers} is missing");
            (done, answers) = (done + end + 2, answers + 1);
        }
        heard.drain(..done);
    }
    drop(writer.await.unwrap());
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_places_for_so_many_and_no_more() {
    let running = Running::with(&["romeo"], |options| options.with_connections(4, 2)).await;
    let first = Raw::connect(running.server.address()).await;
    let second = Raw::connect(running.server.address()).await;
    running.settle(2, 0).await;
    // covers 6120-13.12-02
    assert_eq!(Raw::connect(running.server.address()).await.rest().await, "");
    drop((first, second));
    running.settle(0, 0).await;
    let mut clients = Vec::new();
    for n in 0..4 {
        clients.push(running.client("romeo", &n.to_string()).await);
    }
    running.settle(4, 4).await;
    assert_eq!(Raw::connect(running.server.address()).await.rest().await, "");
    clients.pop();
    running.settle(3, 3).await;
    clients.push(running.client("romeo", "3").await);
    ping(clients.last_mut().unwrap()).await;
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_are_few_places_one_can_still_log_in() {
    let running = Running::with(&["romeo"], |options| options.with_connections(2, 0)).await;
    let _romeo = running.client("romeo", "orchard").await;
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_does_not_wait_for_those_who_do_not_answer() {
    let limits = Limits::client().with_close(Duration::from_millis(200));
    let running = Running::with(&["romeo"], |options| options.with_limits(limits)).await;
    let romeo = running.client("romeo", "orchard").await.hold();
    let stranger = Raw::connect(running.server.address()).await;
    running.settle(2, 1).await;
    let start = Instant::now();
    running.server.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    drop((romeo, stranger));
}

#[tokio::test]
async fn guests_are_so_many_and_no_more() {
    let running = Running::with(&["romeo"], |options| options.with_anonymous(2)).await;
    let guest = || {
        running
            .login("any", "any")
            .with(|_| ClientConfig::anonymous(jid("localhost")).with_resource("guest"))
            .run()
    };
    let first = guest().await.unwrap();
    let _second = guest().await.unwrap();
    match guest().await.map(|client| client.jid) {
        Err(CloseReason::Binding(Some(error))) => {
            assert_eq!(error.condition(), Condition::ResourceConstraint)
        }
        other => panic!("{other:?}"),
    }
    running.client("romeo", "orchard").await;
    first.close().await;
    running.settle(1, 1).await;
    guest().await.unwrap();
}

#[tokio::test]
async fn who_says_nothing_to_the_tls_port_is_cut_off() {
    let limits = Limits::client().with_tls(Duration::from_millis(300));
    let running = Running::with(&[], |options| options.with_limits(limits)).await;
    let mut silent = Raw::connect(running.server.tls_address().unwrap()).await;
    let start = Instant::now();
    assert_eq!(silent.rest().await, "");
    assert!(start.elapsed() >= Duration::from_millis(250), "{:?}", start.elapsed());
    running.settle(0, 0).await;
}
