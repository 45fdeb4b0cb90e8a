//! A thousand accounts log in over TCP with STARTTLS and SCRAM, are all held at once, and each exchanges one message.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    missing_docs
)]

mod live;

use std::time::Instant;

use live::*;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use xmpp_core::sasl::{Mechanism, ScramHash, ScramKeys, Secret};
use xmpp_core::stanza::IqType;
use xmpp_core::xml::{Element, ns};
use xmppd::store::Store;

const ACCOUNTS: usize = 1000;

/// Logins that this test makes at once; the server takes them as they come.
const AT_ONCE: usize = 100;

/// Memory of a process, in KiB.
fn resident(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clients_at_once() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();

    let outer = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let store = Store::open(&outer.path().join("data")).await.unwrap();
    for n in 0..ACCOUNTS {
        // A salt for each account: no client can use what another has derived.
        let salt = format!("salt of {n:08}");
        let keys =
            ScramKeys::for_password(ScramHash::Sha256, &Secret::new(PASSWORD), salt.into_bytes(), 4096);
        store.add_account(&jid(&format!("user{n}@localhost")), &[keys.unwrap()]).await.unwrap();
    }
    store.close().await;
    println!("{ACCOUNTS} accounts made in {:?}", start.elapsed());

    let server = Daemon::run(outer, &[]);
    let before = resident(server.id());
    let start = Instant::now();
    let turns = std::sync::Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let logins: Vec<_> = (0..ACCOUNTS)
        .map(|n| {
            let (login, turns) = (server.login(&format!("user{n}"), "x"), turns.clone());
            tokio::spawn(async move {
                let _turn = turns.acquire_owned().await.unwrap();
                let mut client = login.run().await.unwrap();
                client.available().await;
                client
            })
        })
        .collect();
    let mut clients = Vec::new();
    for login in logins {
        clients.push(login.await.unwrap());
    }
    let took = start.elapsed();
    println!("{ACCOUNTS} logins in {took:?}: {:.0}/s", ACCOUNTS as f64 / took.as_secs_f64());
    assert!(clients.iter().all(|client| client.mechanism == Some(Mechanism::ScramSha256Plus)));
    let each = (resident(server.id()) - before) as f64 / ACCOUNTS as f64;
    println!("{each:.1} KiB of memory per connection");

    let start = Instant::now();
    let last = clients.len() - 1;
    let talks: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(n, mut client)| {
            tokio::spawn(async move {
                // Everybody writes to the next, and hears of the one before.
                let next = if n == last { 0 } else { n + 1 };
                client.chat(&format!("user{next}@localhost"), &n.to_string()).await;
                let before = if n == 0 { last } else { n - 1 };
                let heard = (format!("user{before}@localhost/x"), before.to_string());
                assert_eq!(client.hear().await, heard);
                client
            })
        })
        .collect();
    let mut clients = Vec::new();
    for talk in talks {
        clients.push(talk.await.unwrap());
    }
    println!("{ACCOUNTS} messages in {:?}", start.elapsed());

    // All of them are still there.
    for client in &mut clients {
        let pong = client.ask(IqType::Get, Element::builder(ns::PING, "ping").build()).await;
        assert_eq!(pong.type_(), IqType::Result);
    }
    drop(clients);
}
