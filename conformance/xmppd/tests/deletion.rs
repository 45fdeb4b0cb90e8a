//! Accounts that are deleted, and what becomes of those who had to do with them (RFC 3921 section 8.6).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    missing_docs
)]

mod live;

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use live::*;
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::sleep;
use xmpp_core::conn::CloseReason;
use xmpp_core::jid::Jid;
use xmpp_core::limits::Limits;
use xmpp_core::stanza::{IqType, Presence, PresenceType, Stanza};
use xmpp_core::stream;
use xmpp_core::xml::{Element, ns};
use xmpp_im::store::{Change, RosterItem, Subscription};
use xmppd::data_dir::DataDir;
use xmppd::server::{FederationOptions, Listeners, Options, Server};
use xmppd::store::Store;
use xmppd::tls::{Identity, Tls};

/// A server in this process, which knows where another is.
struct Running {
    domain: &'static str,
    server: Server,
    data: TempDir,
}

impl Running {
    async fn start(
        domain: &'static str,
        data: TempDir,
        peers: TcpListener,
        other: (&str, SocketAddr),
    ) -> Self {
        let store = Store::open(data.path()).await.unwrap();
        let dir = DataDir::create(data.path()).unwrap();
        let (identity, _) = Identity::self_made(&dir, &[jid(domain)]).unwrap();
        let listeners = Listeners::new(free().await).with_peers(peers);
        let federation = FederationOptions::new().with_known(jid(other.0), other.1);
        let options = Options::new([jid(domain)])
            .with_limits(Limits::client().with_close(Duration::from_secs(1)))
            .with_federation(federation);
        let server = Server::start(listeners, store, Tls::new(identity).unwrap(), options).await.unwrap();
        Self { domain, server, data }
    }

    async fn client(&self, name: &str, resource: &str) -> Client {
        let account = format!("{name}@{}", self.domain);
        let login = Login::of(self.server.address(), trust(self.data.path()), &account, resource);
        arrive(login).await
    }

    async fn stop(self) -> TempDir {
        self.server.shutdown().await;
        self.data
    }
}

async fn free() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

async fn folder(domain: &str, names: &[&str]) -> TempDir {
    let data = tempfile::tempdir().unwrap();
    let store = Store::open(data.path()).await.unwrap();
    for name in names {
        store.add_account(&jid(&format!("{name}@{domain}")), keys()).await.unwrap();
    }
    store.close().await;
    data
}

/// Logs in as somebody who sees the roster, and is there.
async fn arrive(login: Login) -> Client {
    let mut client = login.run().await.unwrap();
    client.roster().await;
    client.available().await;
    client
}

/// Runs `xmppd user`, with a password if it wants one.
fn user(data: &Path, command: &str, account: &str) {
    use std::io::Write as _;
    let mut child = Command::new(env!("CARGO_BIN_EXE_xmppd"))
        .arg("--data")
        .arg(data)
        .args(["user", command, account])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    // It may not want to know.
    let _ = child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes());
    assert!(child.wait().unwrap().success(), "user {command} {account}");
}

fn presence(type_: PresenceType, to: &str) -> Presence {
    Presence::new(type_).with_to(Jid::new(to).unwrap())
}

fn is_presence(stanza: &Stanza, type_: PresenceType, from: &str) -> bool {
    matches!(stanza, Stanza::Presence(presence) if presence.type_() == type_)
        && stanza.from().is_some_and(|address| address.to_bare().as_str() == from)
}

fn bare(client: &Client) -> String {
    Jid::new(&client.jid).unwrap().to_bare().to_string()
}

/// The first asks to see the other, who allows it.
async fn follow(one: &mut Client, other: &mut Client) {
    let (me, them) = (bare(one), bare(other));
    one.send(presence(PresenceType::Subscribe, &them)).await;
    other.find(|stanza| is_presence(stanza, PresenceType::Subscribe, &me)).await;
    other.send(presence(PresenceType::Subscribed, &me)).await;
    one.find(|stanza| is_presence(stanza, PresenceType::Available, &them)).await;
}

async fn befriend(one: &mut Client, other: &mut Client) {
    follow(one, other).await;
    follow(other, one).await;
}

/// The contacts that a client sees in its roster: who, and `subscription`, with `?` if it is asked for.
async fn contacts(client: &mut Client) -> Vec<String> {
    let answer = client.ask(IqType::Get, Element::builder(ns::ROSTER, "query").build()).await;
    let mut contacts: Vec<_> = answer
        .payload()
        .unwrap()
        .children()
        .map(|item| {
            let ask = item.attr("ask").map_or("", |_| "?");
            format!("{} {}{ask}", item.attr("jid").unwrap(), item.attr("subscription").unwrap_or("none"))
        })
        .collect();
    contacts.sort();
    contacts
}

/// Hears all that a friend hears of somebody who is deleted while `resources` of them are there.
async fn hear_of_the_end(client: &mut Client, of: &str, resources: usize) {
    let mut told = Vec::new();
    while told.len() < resources + 2 {
        let stanza = client
            .find(|stanza| {
                matches!(stanza, Stanza::Presence(presence) if presence.type_() != PresenceType::Available)
                    && stanza.from().is_some_and(|from| from.to_bare().as_str() == of)
            })
            .await;
        let Stanza::Presence(presence) = stanza else { unreachable!() };
        told.push(presence.type_());
    }
    told.sort_by_key(|type_| format!("{type_:?}"));
    let mut expected = vec![PresenceType::Unavailable; resources];
    expected.extend([PresenceType::Unsubscribe, PresenceType::Unsubscribed]);
    expected.sort_by_key(|type_| format!("{type_:?}"));
    assert_eq!(told, expected, "{}", client.jid);
}

fn is_unauthorized(reason: &CloseReason) -> bool {
    matches!(reason, CloseReason::Peer(error) if error.condition() == stream::Condition::NotAuthorized)
}

/// Waits until a server has done what a deletion asks for.
async fn forgotten(data: &Path) {
    let store = Store::open(data).await.unwrap();
    let start = Instant::now();
    while !store.deletions(0).await.unwrap().is_empty() {
        assert!(start.elapsed() < PATIENCE, "it is not done");
        sleep(Duration::from_millis(10)).await;
    }
    store.close().await;
}

const ROMEO: &str = "romeo@localhost";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_had_to_do_with_a_deleted_account_is_told_whether_they_are_there_or_not() {
    let (one, other) = (free().await, free().await);
    let [to_one, to_other] = [&one, &other].map(|it| it.local_addr().unwrap());
    let home = folder("localhost", &["romeo", "juliet", "nurse", "paris", "mercutio"]).await;
    let home = Running::start("localhost", home, one, ("capulet.example", to_other)).await;
    let away = folder("capulet.example", &["tybalt"]).await;
    let away = Running::start("capulet.example", away, other, ("localhost", to_one)).await;

    let mut romeo = home.client("romeo", "orchard").await;
    let mut tybalt = away.client("tybalt", "street").await;
    let mut juliet = home.client("juliet", "balcony").await;
    let mut nurse = home.client("nurse", "kitchen").await;
    for friend in [&mut juliet, &mut nurse, &mut tybalt] {
        befriend(&mut romeo, friend).await;
    }
    nurse.close().await;
    // One request each way stays without an answer.
    romeo.send(presence(PresenceType::Subscribe, "paris@localhost")).await;
    let mut mercutio = home.client("mercutio", "square").await;
    mercutio.send(presence(PresenceType::Subscribe, ROMEO)).await;
    romeo.find(|stanza| is_presence(stanza, PresenceType::Subscribe, "mercutio@localhost")).await;
    assert_eq!(contacts(&mut romeo).await.len(), 4);
    let mut second = home.client("romeo", "hall").await;

    user(home.data.path(), "delete", ROMEO);
    assert!(is_unauthorized(&romeo.ended().await) && is_unauthorized(&second.ended().await));
    for friend in [&mut juliet, &mut tybalt] {
        hear_of_the_end(friend, ROMEO, 2).await;
        assert_eq!(contacts(friend).await, [format!("{ROMEO} none")]);
    }
    mercutio.find(|stanza| is_presence(stanza, PresenceType::Unsubscribed, ROMEO)).await;
    assert_eq!(contacts(&mut mercutio).await, [format!("{ROMEO} none")]);
    forgotten(home.data.path()).await;

    // Those who were not there see it when they come, and nothing of him waits for an answer.
    let mut nurse = home.client("nurse", "kitchen").await;
    assert_eq!(contacts(&mut nurse).await, [format!("{ROMEO} none")]);
    let mut paris = home.client("paris", "church").await;
    paris.chat("paris@localhost/church", "?").await;
    let next = paris.find(|stanza| !matches!(stanza, Stanza::Iq(_))).await;
    assert!(matches!(next, Stanza::Message(_)), "{next:?}");

    home.stop().await;
    away.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_deletion_without_a_server_asks_for_is_done_when_one_starts() {
    let (one, other) = (free().await, free().await);
    let [to_one, to_other] = [&one, &other].map(|it| it.local_addr().unwrap());
    let home = folder("localhost", &["romeo", "juliet"]).await;
    let home = Running::start("localhost", home, one, ("capulet.example", to_other)).await;
    let away = folder("capulet.example", &["tybalt"]).await;
    let away = Running::start("capulet.example", away, other, ("localhost", to_one)).await;
    let mut romeo = home.client("romeo", "orchard").await;
    let mut tybalt = away.client("tybalt", "street").await;
    let mut juliet = home.client("juliet", "balcony").await;
    for friend in [&mut juliet, &mut tybalt] {
        befriend(&mut romeo, friend).await;
    }
    let data = home.stop().await;
    user(data.path(), "delete", ROMEO);

    let one = TcpListener::bind(to_one).await.unwrap();
    let home = Running::start("localhost", data, one, ("capulet.example", to_other)).await;
    // He had left when the server did.
    hear_of_the_end(&mut tybalt, ROMEO, 1).await;
    assert_eq!(contacts(&mut tybalt).await, [format!("{ROMEO} none")]);
    forgotten(home.data.path()).await;
    let mut juliet = home.client("juliet", "balcony").await;
    assert_eq!(contacts(&mut juliet).await, [format!("{ROMEO} none")]);
    home.stop().await;
    away.stop().await;
}

#[tokio::test]
async fn an_account_that_is_made_anew_at_once_has_nothing_of_the_old_one() {
    let server = Daemon::with(&["romeo", "juliet"]).await;
    let mut romeo = arrive(server.login("romeo", "orchard")).await;
    let mut juliet = arrive(server.login("juliet", "balcony")).await;
    befriend(&mut romeo, &mut juliet).await;
    let versioned = |ver: &str| Element::builder(ns::ROSTER, "query").attr("ver", ver).build();
    let whole = romeo.ask(IqType::Get, versioned("")).await;
    let ver = whole.payload().unwrap().attr("ver").unwrap().to_owned();
    let unchanged = romeo.ask(IqType::Get, versioned(&ver)).await;
    assert!(unchanged.payload().is_none(), "that is the version that is there");
    romeo.close().await;
    for body in ["1", "2"] {
        juliet.chat(ROMEO, body).await;
    }
    juliet.roster().await;

    let store = Store::open(&server.data).await.unwrap();
    assert_eq!(store.load_account(&jid(ROMEO)).await.unwrap().unwrap().offline().count(), 2);
    store.delete_account(&jid(ROMEO)).await.unwrap();
    store.add_account(&jid(ROMEO), keys()).await.unwrap();
    juliet.find(|stanza| is_presence(stanza, PresenceType::Unsubscribed, ROMEO)).await;
    forgotten(&server.data).await;

    let mut romeo = server.client("romeo", "orchard").await;
    let answer = romeo.ask(IqType::Get, versioned(&ver)).await;
    let roster = answer.payload().expect("that is no version of this roster");
    assert_eq!(roster.children().count(), 0);
    assert_ne!(roster.attr("ver").unwrap(), ver);
    romeo.available().await;
    romeo.chat(&romeo.jid.clone(), "me").await;
    assert_eq!(romeo.hear().await.1, "me", "nothing waits");
    assert_eq!(contacts(&mut juliet).await, [format!("{ROMEO} none")]);
    befriend(&mut romeo, &mut juliet).await;
    assert_eq!(contacts(&mut juliet).await, [format!("{ROMEO} both")]);
    assert_eq!(contacts(&mut romeo).await, ["juliet@localhost both"]);
}

/// How many of these accounts still see somebody.
async fn friends_left(store: &Store, friends: &[String], of: &str) -> usize {
    let mut left = 0;
    for friend in friends {
        let data = store.load_account(&jid(friend)).await.unwrap().unwrap();
        let sees = data
            .roster()
            .iter()
            .any(|item| item.jid().as_str() == of && item.subscription() != Subscription::None);
        left += usize::from(sees);
    }
    left
}

#[tokio::test]
async fn a_server_that_is_killed_while_it_tells_many_goes_on_when_it_starts_again() {
    const FRIENDS: usize = 700;
    let friend = |number: usize| format!("friend{number}@localhost");
    let friends: Vec<_> = (0..FRIENDS).map(friend).collect();
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let store = Store::open(&data).await.unwrap();
    store.add_account(&jid(ROMEO), &[]).await.unwrap();
    let item = |of: &str| {
        let item = RosterItem::new(Jid::new(of).unwrap());
        Change::SetRosterItem(item.with_subscription(Subscription::Both).with_version(1))
    };
    let all: Vec<_> = friends.iter().map(|friend| item(friend)).collect();
    store.apply(&[(&jid(ROMEO), &all)]).await;
    for friend in &friends {
        store.add_account(&jid(friend), &[]).await.unwrap();
    }
    let addresses: Vec<_> = friends.iter().map(|friend| jid(friend)).collect();
    let his = [item(ROMEO)];
    let steps: Vec<_> = addresses.iter().map(|friend| (friend, &his[..])).collect();
    store.apply(&steps).await;
    assert_eq!(friends_left(&store, &friends, ROMEO).await, FRIENDS);
    store.delete_account(&jid(ROMEO)).await.unwrap();
    // Whoever is made anew does not get in the way, and what he wants is not kept yet.
    store.add_account(&jid(ROMEO), &[]).await.unwrap();

    let mut outer = Some(outer);
    let mut seen = vec![FRIENDS];
    while let Some(before) = seen.last().copied().filter(|left| *left > 0) {
        let server = Daemon::run(outer.take().unwrap(), &[]);
        let start = Instant::now();
        // As soon as anybody has heard.
        while friends_left(&store, &friends, ROMEO).await == before {
            assert!(start.elapsed() < PATIENCE, "nobody is told");
        }
        server.signal(Signal::KILL);
        outer = Some(server.kill());
        seen.push(friends_left(&store, &friends, ROMEO).await);
    }
    println!("friends who had not heard at each death: {seen:?}");
    assert!(seen[1] > 0, "the first kill came too late to show anything");
    let _server = Daemon::run(outer.take().unwrap(), &[]);
    forgotten(&data).await;
    assert_eq!(friends_left(&store, &friends, ROMEO).await, 0);
}
