//! Other servers and components, good and bad, of a server that runs in this process.
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

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use live::*;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket};
use tokio::time::{sleep, timeout};
use xmpp_core::component::handshake;
use xmpp_core::limits::{Limits, XmlLimits};
use xmpp_core::sasl::Secret;
use xmpp_core::stanza::{Condition, ErrorType, IqType};
use xmpp_core::xml::{Element, ns};
use xmpp_im::federation::FederationLimits;
use xmppd::data_dir::DataDir;
use xmppd::server::{FederationOptions, Listeners, Options, Server, StartError};
use xmppd::store::Store;
use xmppd::tls::{Identity, Tls};

const PLAYS: &str = "plays.localhost";
const SECRET: &str = "to be";

/// How long servers wait for others to end a stream: clients and servers here often do not.
const CLOSE: Duration = Duration::from_secs(1);

struct Running {
    domain: &'static str,
    server: Server,
    data: TempDir,
    s2s: SocketAddr,
    components: SocketAddr,
}

impl Running {
    /// A server of a domain with these accounts, and a component.
    async fn with(
        domain: &'static str,
        names: &[&str],
        peers: TcpListener,
        federation: FederationOptions,
        options: impl FnOnce(Options) -> Options,
    ) -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = Store::open(data.path()).await.unwrap();
        for name in names {
            store.add_account(&jid(&format!("{name}@{domain}")), keys()).await.unwrap();
        }
        let dir = DataDir::create(data.path()).unwrap();
        let (identity, _) = Identity::self_made(&dir, &[jid(domain)]).unwrap();
        let clients = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let for_components = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (s2s, components) = (peers.local_addr().unwrap(), for_components.local_addr().unwrap());
        let listeners = Listeners::new(clients).with_peers(peers).with_components(for_components);
        let base = Options::new([jid(domain)])
            .with_limits(Limits::client().with_close(CLOSE))
            .with_federation(federation)
            .with_component(jid(PLAYS), Secret::new(SECRET));
        let server =
            Server::start(listeners, store, Tls::new(identity).unwrap(), options(base)).await.unwrap();
        Self { domain, server, data, s2s, components }
    }

    /// One of localhost that knows where [`REMOTE`] is.
    async fn beside(remote: &Remote, names: &[&str]) -> Self {
        Self::near(names, federation(remote)).await
    }

    async fn near(names: &[&str], federation: FederationOptions) -> Self {
        Self::with("localhost", names, free().await, federation, |options| options).await
    }

    /// Two that know each other, with an account each: romeo@localhost, juliet@capulet.example.
    async fn pair() -> (Self, Self) {
        let (one, other) = (free().await, free().await);
        let [to_one, to_other] = [("localhost", &one), ("capulet.example", &other)]
            .map(|(name, it)| FederationOptions::new().with_known(jid(name), it.local_addr().unwrap()));
        (
            Self::with("localhost", &["romeo"], one, to_other, |options| options).await,
            Self::with("capulet.example", &["juliet"], other, to_one, |options| options).await,
        )
    }

    async fn client(&self, name: &str) -> Client {
        let account = format!("{name}@{}", self.domain);
        let login = Login::of(self.server.address(), trust(self.data.path()), &account, "home");
        let mut client = login.run().await.unwrap();
        client.available().await;
        client
    }
}

async fn free() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

/// Where nobody listens.
async fn nowhere() -> SocketAddr {
    free().await.local_addr().unwrap()
}

/// What forgives and waits little.
fn federation(remote: &Remote) -> FederationOptions {
    let waiting = FederationLimits::new()
        .with_waiting(4096, 1 << 20)
        .with_wait(Duration::from_secs(8))
        .with_backoff(Duration::from_millis(20), Duration::from_millis(100));
    let limits = Limits::server_peer().with_close(CLOSE);
    FederationOptions::new()
        .with_known(jid(REMOTE), remote.address())
        .with_limits(limits)
        .with_waiting(waiting)
}

/// What soon has enough of a server.
fn strict(remote: &Remote) -> FederationOptions {
    let limits = Limits::server_peer()
        .with_online(XmlLimits::server_peer().with_stanza_bytes(20_000))
        .with_negotiation(Duration::from_millis(500))
        .with_tls(Duration::from_millis(500))
        .with_close(Duration::from_millis(300));
    federation(remote).with_limits(limits)
}

/// The next error: who it is from, and what it is.
async fn bounced(client: &mut Client) -> (String, Condition, ErrorType) {
    let error = client.find(|stanza| stanza.is_error()).await;
    let what = error.error().unwrap();
    (error.from().unwrap().to_string(), what.condition(), what.type_())
}

/// The server lives, and answers this client at once.
async fn ping(client: &mut Client) {
    let pong = client.ask(IqType::Get, Element::builder(ns::PING, "ping").build()).await;
    assert_eq!(pong.type_(), IqType::Result);
}

fn message(from: &str, to: &str, body: &str) -> String {
    format!("<message from='{from}' to='{to}' type='chat'><body>{body}</body></message>")
}

/// Says the numbers to somebody of the remote domain, at a pace that links come and go in the middle of.
async fn count(mut client: Client, numbers: usize) -> Client {
    for number in 0..numbers {
        client.chat("juliet@remote.example", &number.to_string()).await;
        sleep(Duration::from_micros(200)).await;
    }
    client
}

/// The numbers that the bodies of these stanzas are.
fn numbers(heard: &str) -> Vec<usize> {
    let bodies = heard.split("<body>").skip(1).filter_map(|rest| rest.split_once("</body>"));
    bodies.map(|(body, _)| body.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_stream_of_a_server_ends_with_its_error_and_costs_nobody_else_anything() {
    let remote = Remote::new().await;
    let running = Running::near(&["romeo"], strict(&remote)).await;
    let mut romeo = running.client("romeo").await;
    let header = Remote::header(REMOTE);
    for (said, error) in [
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "<not-well-formed "),
        ("\u{0}\u{1}".to_owned(), "<unsupported-encoding "),
        (header.replace("jabber:server'", "jabber:client'"), "<invalid-namespace "),
        (header.replace("'localhost'", "'elsewhere.example'"), "<host-unknown "),
        (header.clone() + &message("x@remote.example", "romeo@localhost", "unproved"), "<not-authorized "),
        (header.clone() + "<!DOCTYPE x>", "<restricted-xml "),
        (header.clone() + "<db:result from='" + &"x".repeat(11_000) + "'>", "<policy-violation "),
        // Silence.
        (header.clone(), "</stream:stream>"),
    ] {
        let mut raw = Raw::connect(running.s2s).await;
        raw.say(&said).await;
        let rest = raw.rest().await;
        assert!(rest.contains(error), "{said:.80}: {rest}");
    }
    // Nothing at all.
    let start = Instant::now();
    Raw::connect(running.s2s).await.rest().await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());

    // What came in the clear behind the request for TLS is no part of what is proved.
    let mut raw = Raw::connect(running.s2s).await;
    raw.say(&header).await;
    raw.until("</stream:features>").await;
    raw.say(format!("{STARTTLS}<db:result from='{REMOTE}' to='localhost'>key</db:result>")).await;
    let rest = raw.rest().await;
    assert!(!rest.contains("db:result"), "{rest}");
    ping(&mut romeo).await;
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_server_has_proved_comes_through() {
    let remote = Remote::new().await;
    let running = Running::near(&["romeo"], strict(&remote)).await;
    let mut romeo = running.client("romeo").await;
    for (stanza, error) in [
        (message("juliet@capulet.example", "romeo@localhost", "spoofed"), "<invalid-from "),
        (message("romeo@localhost", "romeo@localhost", "spoofed"), "<invalid-from "),
        ("<message to='romeo@localhost'><body>nobody's</body></message>".to_owned(), "<improper-addressing "),
        (message("juliet@remote.example", "romeo@localhost", &"x".repeat(20_000)), "<policy-violation "),
    ] {
        let (mut raw, _asked) = remote.proven(running.s2s).await;
        raw.say(&stanza).await;
        let rest = raw.rest().await;
        assert!(rest.contains(error), "{stanza:.80}: {rest}");
    }
    let (mut raw, _asked) = remote.proven(running.s2s).await;
    raw.say(message("juliet@remote.example/balcony", "romeo@localhost", "true")).await;
    assert_eq!(romeo.hear().await, ("juliet@remote.example/balcony".to_owned(), "true".to_owned()));
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_address_gets_so_many_places_and_they_come_back() {
    let remote = Remote::new().await;
    let running = Running::beside(&remote, &["romeo"]).await;
    let connect = async |count: usize| {
        let mut taken = Vec::new();
        for _ in 0..count {
            let mut raw = Raw::connect(running.s2s).await;
            // Whoever has no place may be gone by now.
            let _ = raw.stream.write_all(Remote::header(REMOTE).as_bytes()).await;
            let mut byte = [0];
            if raw.stream.read(&mut byte).await.is_ok_and(|read| read == 1) {
                taken.push(raw);
            }
        }
        taken
    };
    let taken = connect(80).await;
    assert_eq!(taken.len(), 64);
    // Others have theirs.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
    let mut other = Raw { stream: socket.connect(running.s2s).await.unwrap(), heard: String::new() };
    other.say(Remote::header(REMOTE)).await;
    other.until("</stream:features>").await;
    drop(taken);
    let start = Instant::now();
    while connect(64).await.len() < 64 {
        assert!(start.elapsed() < PATIENCE, "places are lost");
        sleep(Duration::from_millis(20)).await;
    }
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_domains_that_cannot_be_asked_are_answered_and_so_many_end_the_stream() {
    let remote = Remote::new().await;
    let mut options = strict(&remote);
    for number in 0..40 {
        options = options.with_known(jid(&format!("d{number}.example")), nowhere().await);
    }
    let running = Running::near(&["romeo"], options).await;
    let mut raw = remote.connect(running.s2s).await;
    for number in 0..40 {
        raw.say(format!("<db:result from='d{number}.example' to='localhost'>key</db:result>")).await;
    }
    let rest = raw.rest().await;
    let answers = rest.matches("<db:result ").count();
    assert!((1..=40).contains(&answers), "{rest}");
    assert_eq!(rest.matches("type='error'").count(), answers, "{rest}");
    ping(&mut running.client("romeo").await).await;
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_go_round_once() {
    let (one, other) = Running::pair().await;
    let mut romeo = one.client("romeo").await;
    romeo.chat("nobody@capulet.example", "?").await;
    let expected = ("nobody@capulet.example".to_owned(), Condition::ServiceUnavailable, ErrorType::Cancel);
    assert_eq!(bounced(&mut romeo).await, expected);
    let mut juliet = other.client("juliet").await;
    let to = juliet.jid.clone();
    romeo.chat(&to, "Art thou there?").await;
    assert_eq!(juliet.hear().await, ("romeo@localhost/home".to_owned(), "Art thou there?".to_owned()));
    one.server.shutdown().await;
    other.server.shutdown().await;

    // Nobody answers an error, nor what is for nobody and no request.
    let remote = Remote::new().await;
    let running = Running::beside(&remote, &["romeo"]).await;
    let (mut raw, mut asked) = remote.proven(running.s2s).await;
    let error = "<error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>";
    for to in ["nobody@localhost", "romeo@localhost", "romeo@localhost/gone"] {
        raw.say(format!("<message from='{REMOTE}' to='{to}' type='error'>{error}</message>")).await;
        raw.say(format!("<iq from='{REMOTE}' to='{to}' type='error' id='1'>{error}</iq>")).await;
        raw.say(format!("<iq from='{REMOTE}' to='{to}' type='result' id='1'/>")).await;
    }
    raw.say(format!(
        "<iq from='{REMOTE}' to='localhost' type='get' id='last'><ping xmlns='urn:xmpp:ping'/></iq>"
    ))
    .await;
    // The link by which it asked about the key is over.
    asked.until("</stream:stream>").await;
    let mut link = remote.take().await;
    // The first thing that it has for the domain is the answer to that.
    let first = link.until("id='last'").await;
    assert_eq!(first.matches("<iq ").count() + first.matches("<message ").count(), 1, "{first}");
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_there_is_told_by_an_error() {
    let remote = Remote::new().await;
    let options = federation(&remote).with_known(jid("down.example"), nowhere().await);
    let running = Running::near(&["romeo"], options).await;
    let mut romeo = running.client("romeo").await;
    romeo.chat("juliet@down.example", "?").await;
    let timeout = ("juliet@down.example".to_owned(), Condition::RemoteServerTimeout, ErrorType::Wait);
    assert_eq!(bounced(&mut romeo).await, timeout);
    // RFC 6761 section 6.4: a name that never exists.
    romeo.chat("juliet@nobody.invalid", "?").await;
    let unknown = ("juliet@nobody.invalid".to_owned(), Condition::RemoteServerNotFound, ErrorType::Cancel);
    assert_eq!(bounced(&mut romeo).await, unknown);
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_messages_to_one_come_in_order_and_none_is_lost() {
    const COUNT: usize = 5_000;
    let (one, other) = Running::pair().await;
    let (mut romeo, mut juliet) = (one.client("romeo").await, other.client("juliet").await);
    let (to, start) = (juliet.jid.clone(), Instant::now());
    let sender = tokio::spawn(async move {
        for number in 0..COUNT {
            romeo.chat(&to, &number.to_string()).await;
        }
        romeo
    });
    for number in 0..COUNT {
        assert_eq!(juliet.hear().await.1, number.to_string());
    }
    println!("{:.0} messages a second", COUNT as f64 / start.elapsed().as_secs_f64());
    let mut romeo = sender.await.unwrap();
    ping(&mut romeo).await;
    one.server.shutdown().await;
    other.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_faster_than_a_link_comes_to_be_waits_and_loses_nothing() {
    const COUNT: usize = 5_000;
    let remote = Remote::new().await;
    let running = Running::beside(&remote, &["romeo"]).await;
    let mut romeo = running.client("romeo").await;
    let sender = tokio::spawn(async move {
        for number in 0..COUNT {
            romeo.chat("juliet@remote.example", &number.to_string()).await;
        }
        romeo
    });
    // It takes its time.
    sleep(Duration::from_millis(1_500)).await;
    let mut link = remote.take().await;
    let mut heard = Vec::new();
    while heard.len() < COUNT {
        heard.extend(numbers(&link.until("</message>").await));
    }
    assert_eq!(heard, (0..COUNT).collect::<Vec<_>>());
    sender.await.unwrap();
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_delays_its_own_senders_and_nobody_else() {
    let remote = Remote::new().await;
    let running = Running::beside(&remote, &["romeo", "nurse"]).await;
    let (romeo, mut nurse) = (running.client("romeo").await, running.client("nurse").await);
    let (mut read, mut write) = tokio::io::split(Box::pin(romeo.into_stream()));
    let sender = tokio::spawn(async move {
        let stanza =
            format!("<message to='juliet@remote.example'><body>{}</body></message>", "x".repeat(2_000));
        // Much more than sockets hold, again and again.
        while write.write_all(stanza.as_bytes()).await.is_ok() {}
    });
    let reader = tokio::spawn(async move {
        let (mut heard, mut chunk) = (String::new(), [0; 4096]);
        while !heard.contains("</message>") {
            let read = read.read(&mut chunk).await.unwrap();
            heard.push_str(std::str::from_utf8(&chunk[..read]).unwrap());
        }
        heard
    });
    let link = remote.take().await;
    let mut longest = Duration::ZERO;
    let start = Instant::now();
    while !reader.is_finished() {
        assert!(start.elapsed() < Duration::from_secs(60));
        let asked = Instant::now();
        ping(&mut nurse).await;
        longest = longest.max(asked.elapsed());
        sleep(Duration::from_millis(50)).await;
    }
    let heard = reader.await.unwrap();
    println!("told after {:?}; others waited {longest:?} at the longest", start.elapsed());
    assert!(heard.contains("<remote-server-timeout "), "{heard:.500}");
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    sender.abort();
    drop(link);
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_link_did_not_send_goes_by_the_next_one_exactly_once() {
    const COUNT: usize = 2_000;
    let remote = Remote::new().await;
    let running = Running::beside(&remote, &["romeo"]).await;
    let sender = tokio::spawn(count(running.client("romeo").await, COUNT));
    let mut heard = Vec::new();
    for _ in 0..3 {
        let mut link = remote.take().await;
        for _ in 0..300 {
            heard.extend(numbers(&link.until("</message>").await));
        }
        link.say("</stream:stream>").await;
        heard.extend(numbers(&link.until("</stream:stream>").await));
    }
    let mut link = remote.take().await;
    while heard.len() < COUNT {
        heard.extend(numbers(&link.until("</message>").await));
    }
    assert_eq!(heard, (0..COUNT).collect::<Vec<_>>());
    sender.await.unwrap();
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_breaks_repeats_nothing_and_the_next_one_goes_on_in_order() {
    const COUNT: usize = 2_000;
    let remote = Remote::new().await;
    let running = Running::beside(&remote, &["romeo"]).await;
    let sender = tokio::spawn(count(running.client("romeo").await, COUNT));
    let mut heard = Vec::new();
    for _ in 0..3 {
        let mut link = remote.take().await;
        for _ in 0..300 {
            heard.extend(numbers(&link.until("</message>").await));
        }
    }
    let mut link = remote.take().await;
    while heard.last() != Some(&(COUNT - 1)) {
        heard.extend(numbers(&link.until("</message>").await));
    }
    assert!(heard.is_sorted_by(|one, next| one < next), "{heard:?}");
    println!("{} of {COUNT} are lost", COUNT - heard.len());
    sender.await.unwrap();
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_sends_what_was_said_before() {
    const COUNT: usize = 500;
    let remote = Remote::new().await;
    let running = Running::beside(&remote, &["romeo"]).await;
    let mut romeo = running.client("romeo").await;
    romeo.chat("juliet@remote.example", "0").await;
    let mut link = remote.take().await;
    let first = link.until("</message>").await;
    for number in 1..COUNT {
        romeo.chat("juliet@remote.example", &number.to_string()).await;
    }
    ping(&mut romeo).await;
    let down = tokio::spawn(running.server.shutdown());
    let rest = first + &link.until("</stream:stream>").await;
    link.say("</stream:stream>").await;
    assert_eq!(numbers(&rest), (0..COUNT).collect::<Vec<_>>());
    drop(link);
    timeout(PATIENCE, down).await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_does_not_wait_for_servers_that_do_not_answer() {
    let remote = Remote::new().await;
    let running = Running::with("localhost", &["romeo"], free().await, strict(&remote), |options| {
        options.with_limits(Limits::client().with_close(Duration::from_millis(300)))
    })
    .await;
    let mut romeo = running.client("romeo").await;
    // One link that is never told anything, while it begins.
    romeo.chat("juliet@remote.example", "?").await;
    let (_held, _) = remote.listener.accept().await.unwrap();
    let _silent = Raw::connect(running.s2s).await;
    ping(&mut romeo).await;
    let start = Instant::now();
    running.server.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());

    // And one that stops reading.
    let remote = Remote::new().await;
    let running = Running::with("localhost", &["romeo"], free().await, strict(&remote), |options| {
        options.with_limits(Limits::client().with_close(Duration::from_millis(300)))
    })
    .await;
    let mut romeo = running.client("romeo").await;
    romeo.chat("juliet@remote.example", "?").await;
    let _link = remote.take().await;
    let body = "x".repeat(15_000);
    let full = async {
        for _ in 0..1_000 {
            romeo.chat("juliet@remote.example", &body).await;
        }
    };
    let _ = timeout(Duration::from_secs(2), full).await;
    let start = Instant::now();
    running.server.shutdown().await;
    assert!(start.elapsed() < Duration::from_secs(8), "{:?}", start.elapsed());
}

/// A component that has begun its stream; the id of that.
async fn greet(running: &Running, domain: &str) -> (Raw, String) {
    let mut raw = Raw::connect(running.components).await;
    raw.say(format!(
        "<stream:stream to='{domain}' xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams'>"
    ))
    .await;
    raw.until("<stream:stream").await;
    let header = raw.until(">").await;
    let id = header.split("id='").nth(1).map(|rest| rest.split('\'').next().unwrap().to_owned());
    (raw, id.unwrap_or_default())
}

async fn component(running: &Running) -> Raw {
    let (mut raw, id) = greet(running, PLAYS).await;
    raw.say(format!("<handshake>{}</handshake>", handshake(&id, &Secret::new(SECRET)))).await;
    raw.until("<handshake/>").await;
    raw
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_is_there_once_and_only_with_its_secret() {
    let remote = Remote::new().await;
    let running = Running::beside(&remote, &["romeo"]).await;
    let (mut raw, id) = greet(&running, PLAYS).await;
    raw.say(format!("<handshake>{}</handshake>", handshake(&id, &Secret::new("not to be")))).await;
    assert!(raw.rest().await.contains("<not-authorized "));
    let (mut raw, _) = greet(&running, "other.localhost").await;
    assert!(raw.rest().await.contains("<host-unknown "));

    let mut first = component(&running).await;
    let mut second = component(&running).await;
    assert!(second.rest().await.contains("<conflict "));
    let mut romeo = running.client("romeo").await;
    first.say(message("hamlet@plays.localhost", "romeo@localhost", "alive")).await;
    assert_eq!(romeo.hear().await, ("hamlet@plays.localhost".to_owned(), "alive".to_owned()));

    first.say(message("juliet@localhost", "romeo@localhost", "spoofed")).await;
    assert!(first.rest().await.contains("<invalid-from "));
    // Its place is free as soon as the server knows.
    let start = Instant::now();
    loop {
        let mut again = component(&running).await;
        again.say(message(PLAYS, "romeo@localhost", "again")).await;
        let mut chunk = [0; 1024];
        match timeout(Duration::from_millis(300), again.stream.read(&mut chunk)).await {
            Err(_) => break,
            Ok(_) => assert!(start.elapsed() < PATIENCE, "the place is lost"),
        }
    }
    assert_eq!(romeo.hear().await.1, "again");
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_writes_to_everybody_and_is_written_to() {
    let remote = Remote::new().await;
    let running = Running::beside(&remote, &["romeo"]).await;
    let mut romeo = running.client("romeo").await;
    romeo.chat("hamlet@plays.localhost", "not there").await;
    let gone = ("hamlet@plays.localhost".to_owned(), Condition::RemoteServerTimeout, ErrorType::Wait);
    assert_eq!(bounced(&mut romeo).await, gone);

    let mut plays = component(&running).await;
    romeo.chat("hamlet@plays.localhost", "hello").await;
    assert!(plays.until("</message>").await.contains("from='romeo@localhost/home'"));
    plays.say(message("hamlet@plays.localhost", "nobody@localhost", "?")).await;
    let error = plays.until("</message>").await;
    assert!(error.contains("<service-unavailable ") && error.contains("from='nobody@localhost'"), "{error}");
    plays.say(message("hamlet@plays.localhost", "ophelia@plays.localhost", "to itself")).await;
    assert!(plays.until("</message>").await.contains("to itself"));

    // To another server, and back.
    plays.say(message("hamlet@plays.localhost", "juliet@remote.example", "hello")).await;
    let mut link = remote.accept().await;
    assert!(link.until("</db:result>").await.contains("from='plays.localhost'"));
    link.say(format!("<db:result from='{REMOTE}' to='{PLAYS}' type='valid'/>")).await;
    assert!(link.until("</message>").await.contains("from='hamlet@plays.localhost'"));

    // What it did not get comes back.
    drop(plays);
    let start = Instant::now();
    loop {
        romeo.chat("hamlet@plays.localhost", "?").await;
        let deadline = tokio::time::Instant::now() + Duration::from_millis(100);
        if romeo.next_by(deadline).await.is_some_and(|stanza| stanza.is_error()) {
            break;
        }
        assert!(start.elapsed() < PATIENCE, "it is not gone");
    }
    running.server.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_that_does_not_read_costs_only_those_who_write_to_it() {
    let remote = Remote::new().await;
    let running = Running::beside(&remote, &["romeo", "nurse"]).await;
    let plays = component(&running).await;
    let (mut romeo, mut nurse) = (running.client("romeo").await, running.client("nurse").await);
    let sender = tokio::spawn(async move {
        let body = "x".repeat(10_000);
        for _ in 0..20_000 {
            romeo.chat("hamlet@plays.localhost", &body).await;
            let deadline = tokio::time::Instant::now() + Duration::from_micros(10);
            if let Some(stanza) = romeo.next_by(deadline).await {
                return stanza.error().map(|error| error.condition());
            }
        }
        None
    });
    let mut longest = Duration::ZERO;
    while !sender.is_finished() {
        let asked = Instant::now();
        ping(&mut nurse).await;
        longest = longest.max(asked.elapsed());
        sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(sender.await.unwrap(), Some(Condition::ResourceConstraint));
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    drop(plays);
    running.server.shutdown().await;
}

#[tokio::test]
async fn a_component_needs_a_name_of_its_own() {
    for (name, twice) in [("localhost", false), (PLAYS, true)] {
        let data = tempfile::tempdir().unwrap();
        let dir = DataDir::create(data.path()).unwrap();
        let (identity, _) = Identity::self_made(&dir, &[jid("localhost")]).unwrap();
        let store = Store::open(data.path()).await.unwrap();
        let mut options = Options::new([jid("localhost")]).with_component(jid(name), Secret::new(SECRET));
        if twice {
            options = options.with_component(jid(name), Secret::new("another"));
        }
        let refused = Server::start(free().await, store, Tls::new(identity).unwrap(), options).await;
        assert!(matches!(refused, Err(StartError::Taken { component }) if component == jid(name)), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn domains_that_were_mentioned_once_cost_nothing_later() {
    const COUNT: usize = 3_000;
    let remote = Remote::new().await;
    let running = Running::near(&["romeo"], federation(&remote).with_connections(100)).await;
    let mut romeo = running.client("romeo").await;
    // None of them exists, and only a hundred are remembered.
    for number in 0..COUNT {
        romeo.chat(&format!("juliet@d{number}.invalid"), "?").await;
        if number % 50 == 49 {
            for _ in 0..50 {
                let (_, condition, _) = bounced(&mut romeo).await;
                assert_eq!(condition, Condition::RemoteServerNotFound);
            }
        }
    }
    romeo.chat("juliet@remote.example", "?").await;
    remote.take().await.until("</message>").await;
    running.server.shutdown().await;
}

/// Memory of a process, in KiB.
fn resident(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_silent_servers_cost_little() {
    const EACH: u8 = 50;
    let daemon = Daemon::with_arguments(&["--s2s=127.0.0.1:0"]);
    let line = daemon.greeting.lines().find_map(|line| line.trim().strip_prefix("servers")).unwrap();
    let s2s: SocketAddr = line.split_whitespace().next().unwrap().parse().unwrap();
    let connect = async |from: u8| {
        let mut connected = Vec::new();
        for _ in 0..EACH {
            let socket = TcpSocket::new_v4().unwrap();
            socket.bind(([127, 0, 1, from], 0).into()).unwrap();
            let mut raw = Raw { stream: socket.connect(s2s).await.unwrap(), heard: String::new() };
            raw.say(Remote::header(REMOTE)).await;
            raw.until("</stream:features>").await;
            connected.push(raw);
        }
        connected
    };
    let mut connected = vec![connect(1).await];
    let before = resident(daemon.id());
    for from in 2..=21 {
        connected.push(connect(from).await);
    }
    let each = (resident(daemon.id()).saturating_sub(before)) as f64 / 1_000.0;
    println!("{each:.1} KiB of memory per silent server");
    assert!(each < 32.0, "{each} KiB");
}
