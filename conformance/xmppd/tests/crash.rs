//! What a client was told is in the store, whenever the server is killed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    missing_docs
)]

mod live;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use live::*;
use rustix::process::Signal;
use tokio::time::{Instant, sleep_until};
use xmpp_core::stanza::{IqType, Stanza};
use xmppd::store::Store;

const ROUNDS: usize = 50;

/// Contacts that the writes take turns with.
const CONTACTS: usize = 100;

/// Writes that wait for their results.
const PIPELINE: usize = 16;

/// The longest a round writes.
const LONGEST: Duration = Duration::from_millis(80);

fn random(below: u64) -> u64 {
    getrandom::u64().unwrap() % below
}

#[tokio::test]
async fn every_roster_result_that_was_received_is_in_the_store_after_a_kill() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    add_accounts(&data, ["romeo".to_owned()]).await;
    let mut outer = Some(outer);
    // By contact: the last name whose write was acknowledged. Names grow.
    let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
    let (mut written, mut results) = (0u64, 0);

    for round in 0..ROUNDS {
        let server = Daemon::run(outer.take().unwrap(), &[]);
        let mut client = server.client("romeo", "orchard").await;
        let kill = Instant::now() + Duration::from_micros(random(LONGEST.as_micros() as u64));
        let mut asked: HashMap<String, (String, u64)> = HashMap::new();
        let mut killed = false;
        loop {
            while !killed && asked.len() < PIPELINE {
                written += 1;
                let contact = format!("c{}@localhost", written as usize % CONTACTS);
                let id = client.request(IqType::Set, contact_query(&contact, &format!("{written:09}"))).await;
                asked.insert(id, (contact, written));
            }
            let stanza = if killed {
                // What was sent before the end still counts.
                match client.next().await {
                    Some(stanza) => Some(stanza),
                    None => break,
                }
            } else {
                tokio::select! {
                    stanza = client.next() => stanza,
                    () = sleep_until(kill) => None,
                }
            };
            match stanza {
                Some(Stanza::Iq(iq)) if iq.type_() == IqType::Result => {
                    if let Some((contact, name)) = asked.remove(iq.id()) {
                        results += 1;
                        acknowledged.insert(contact, name);
                    }
                }
                Some(_) => {}
                None => {
                    server.signal(Signal::KILL);
                    killed = true;
                }
            }
        }
        outer = Some(server.kill());

        let store = Store::open(&data).await.unwrap();
        let account = store.load_account(&jid("romeo@localhost")).await.unwrap().unwrap();
        store.close().await;
        let kept: BTreeMap<_, u64> = account
            .roster()
            .iter()
            .map(|item| (item.jid().as_str(), item.name().unwrap().parse().unwrap()))
            .collect();
        for (contact, name) in &acknowledged {
            assert!(kept.get(contact.as_str()) >= Some(name), "round {round}: {contact} has lost {name}");
        }
    }
    println!("{written} writes, {results} results");
    assert!(results > ROUNDS as u64, "the writes were too slow to test anything");
}
