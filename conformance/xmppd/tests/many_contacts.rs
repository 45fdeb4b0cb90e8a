//! Somebody with ten thousand contacts logs in, some of them online and the others not, and nobody else has to wait for it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    missing_docs
)]

mod live;

use std::collections::HashSet;
use std::time::{Duration, Instant};

use live::*;
use tokio::sync::oneshot;
use tokio::time::sleep;
use xmpp_core::stanza::{IqType, Presence, PresenceType, Stanza};
use xmpp_core::xml::{Element, ns};
use xmpp_im::store::{Change, RosterItem, Subscription};
use xmppd::store::{Applied, Store};

const CONTACTS: usize = 10_000;
const ONLINE: usize = 200;

/// How long others may wait for an answer meanwhile, on a machine that has other things to do.
const WAIT: Duration = Duration::from_secs(2);

fn name(number: usize) -> String {
    format!("romeo{number:05}")
}

/// Memory of a process, in KiB.
fn resident(id: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn both(contact: &str, version: usize) -> Change {
    let item = RosterItem::new(jid(contact).into()).with_subscription(Subscription::Both);
    Change::SetRosterItem(item.with_version(version as u64))
}

/// Pings the server until it is told to stop: the longest that an answer took, and how many came.
async fn ping(mut client: Client, mut stop: oneshot::Receiver<()>) -> (Duration, usize) {
    let (mut longest, mut count) = (Duration::ZERO, 0);
    while stop.try_recv().is_err() {
        let start = Instant::now();
        client.ask(IqType::Get, Element::builder(ns::PING, "ping").build()).await;
        longest = longest.max(start.elapsed());
        count += 1;
        sleep(Duration::from_millis(2)).await;
    }
    (longest, count)
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_contacts() {
    let outer = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let data = outer.path().join("data");
    add_accounts(&data, (0..CONTACTS).map(name).chain(["juliet", "nurse"].map(String::from))).await;
    let store = Store::open(&data).await.unwrap();
    let juliet = jid("juliet@localhost");
    let contacts: Vec<_> = (0..CONTACTS).map(|number| jid(&format!("{}@localhost", name(number)))).collect();
    let roster: Vec<_> =
        contacts.iter().enumerate().map(|(number, contact)| both(contact.as_str(), number + 1)).collect();
    let in_return = [both("juliet@localhost", 1)];
    let mut steps = vec![(&juliet, &roster[..])];
    steps.extend(contacts.iter().map(|contact| (contact, &in_return[..])));
    assert!(store.apply(&steps).await.iter().all(|outcome| matches!(outcome, Applied::Done)));
    store.close().await;
    println!("{CONTACTS} contacts made in {:?}", start.elapsed());

    let server = Daemon::run(outer, &[]);
    let mut online = Vec::new();
    // Every fiftieth, so that the last to be asked is among them.
    for number in (0..CONTACTS).rev().step_by(CONTACTS / ONLINE) {
        let mut contact = server.client(&name(number), "orchard").await;
        contact.available().await;
        online.push(contact);
    }
    let (stop, stopped) = oneshot::channel();
    let others = tokio::spawn(ping(server.client("nurse", "hall").await, stopped));
    let before = resident(server.id());

    let start = Instant::now();
    // The whole roster comes in one stanza, which a client takes as it is made.
    let mut juliet = server.client("juliet", "balcony").await;
    println!("logged in after {:?}", start.elapsed());
    assert_eq!(juliet.roster().await.len(), CONTACTS);
    println!("has the roster after {:?}", start.elapsed());
    juliet.send(Presence::available()).await;
    let mut awaited: HashSet<_> = online.iter().map(|contact| contact.jid.clone()).collect();
    while !awaited.is_empty() {
        let seen = juliet.find(|stanza| matches!(stanza, Stanza::Presence(_))).await;
        awaited.remove(seen.from().unwrap().as_str());
    }
    println!("sees {ONLINE} contacts after {:?}", start.elapsed());
    let from_juliet = |type_| {
        move |stanza: &Stanza| {
            let from = stanza.from().map(|from| from.to_bare());
            from == Some(jid("juliet@localhost"))
                && matches!(stanza, Stanza::Presence(presence) if presence.type_() == type_)
        }
    };
    for contact in &mut online {
        contact.find(from_juliet(PresenceType::Available)).await;
    }
    println!("is seen by them after {:?}", start.elapsed());
    let grown = resident(server.id()).saturating_sub(before);
    println!("{grown} KiB of memory more, {:.2} per contact", grown as f64 / CONTACTS as f64);

    let start = Instant::now();
    juliet.close().await;
    for contact in &mut online {
        contact.find(from_juliet(PresenceType::Unavailable)).await;
    }
    println!("is gone for them after {:?}", start.elapsed());
    stop.send(()).unwrap();
    let (longest, count) = others.await.unwrap();
    println!("meanwhile others waited {longest:?} at most for one of {count} answers");
    assert!(longest < WAIT, "{longest:?}");
}
