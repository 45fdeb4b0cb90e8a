//! Two resources that want the same, a store that fails, and a reader who stops: what the real program makes of it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    missing_docs
)]

mod live;

use std::path::Path;
use std::time::{Duration, Instant};

use live::*;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::SqliteConnectOptions;
use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Condition, Iq, IqType, Message, Presence, PresenceType, Stanza};
use xmpp_core::time::UtcTime;
use xmpp_core::xml::{Element, ns};
use xmpp_im::store::{Change, OfflineMessage, Subscription};
use xmppd::store::{Applied, FILE, Store};

async fn ping(client: &mut Client) {
    let pong = client.ask(IqType::Get, Element::builder(ns::PING, "ping").build()).await;
    assert_eq!(pong.type_(), IqType::Result);
}

/// Changes the database as nothing of ours does.
async fn tamper(data: &Path, statement: &'static str) {
    let options = SqliteConnectOptions::new().filename(data.join(FILE)).busy_timeout(PATIENCE);
    let mut connection = options.connect().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
}

/// The item of a push, or of a whole roster with one item: version and name.
fn told(iq: &Iq) -> (u64, String) {
    let query = iq.payload().unwrap();
    let counter = query.attr("ver").unwrap().rsplit(|c: char| !c.is_ascii_alphanumeric()).next().unwrap();
    let item = query.children().next().unwrap();
    (u64::from_str_radix(counter, 16).unwrap(), item.attr("name").unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_resources_that_change_the_same_contact_each_sees_every_change_in_the_same_order() {
    // No more changes than may be under way to the store.
    const COUNT: usize = 30;
    let server = Daemon::with(&["romeo"]).await;
    let race = async |resource: &'static str| {
        let mut client = server.client("romeo", resource).await;
        client.roster().await;
        client
    };
    let (one, other) = (race("orchard").await, race("hall").await);
    let run = |mut client: Client, mark: &'static str| {
        tokio::spawn(async move {
            for n in 0..COUNT {
                client.request(IqType::Set, contact_query("juliet@localhost", &format!("{mark}{n}"))).await;
            }
            let (mut names, mut answers) = (Vec::new(), 0);
            while names.len() < 2 * COUNT || answers < COUNT {
                let Some(Stanza::Iq(iq)) = client.next().await else { panic!("{} {answers}", names.len()) };
                match iq.type_() {
                    IqType::Set => names.push(told(&iq)),
                    IqType::Result => answers += 1,
                    _ => panic!("{iq:?}"),
                }
            }
            (client, names)
        })
    };
    let (one, other) = (run(one, "a"), run(other, "b"));
    let (mut one, first) = one.await.unwrap();
    let (_other, second) = other.await.unwrap();
    assert_eq!(first, second, "both are told the same");
    assert!(first.windows(2).all(|pair| pair[0].0 < pair[1].0), "versions grow");
    let whole = one.ask(IqType::Get, Element::builder(ns::ROSTER, "query").attr("ver", "").build()).await;
    assert_eq!(Some(&told(&whole)), first.last());
    let store = Store::open(&server.data).await.unwrap();
    let kept = store.load_account(&jid("romeo@localhost")).await.unwrap().unwrap();
    assert_eq!(kept.roster()[0].name(), Some(first.last().unwrap().1.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_resources_that_answer_a_request_differently_one_is_later() {
    let server = Daemon::with(&["romeo", "juliet"]).await;
    let store = Store::open(&server.data).await.unwrap();
    let to = |type_, to: &str| Presence::new(type_).with_to(Jid::new(to).unwrap());
    let mut romeo = server.client("romeo", "orchard").await;
    romeo.roster().await;
    romeo.available().await;
    let mut hers = Vec::new();
    for resource in ["balcony", "chamber"] {
        let mut client = server.client("juliet", resource).await;
        client.roster().await;
        client.available().await;
        hers.push(client);
    }
    let [balcony, chamber] = &mut hers[..] else { unreachable!() };
    for _ in 0..20 {
        romeo.send(to(PresenceType::Subscribe, "juliet@localhost")).await;
        for client in [&mut *balcony, &mut *chamber] {
            client
                .find(|stanza| matches!(stanza, Stanza::Presence(p) if p.type_() == PresenceType::Subscribe))
                .await;
        }
        tokio::join!(
            balcony.send(to(PresenceType::Subscribed, "romeo@localhost")),
            chamber.send(to(PresenceType::Unsubscribed, "romeo@localhost")),
        );
        for client in [&mut *balcony, &mut *chamber, &mut romeo] {
            ping(client).await;
        }
        let of = async |own: &str, other: &str| {
            let data = store.load_account(&jid(own)).await.unwrap().unwrap();
            let item = data.roster().iter().find(|item| item.jid().as_str() == other).cloned();
            item.map_or((Subscription::None, false), |item| (item.subscription(), item.ask()))
        };
        let (him, her) = (
            of("romeo@localhost", "juliet@localhost").await,
            of("juliet@localhost", "romeo@localhost").await,
        );
        let is_pair = matches!(
            (him, her),
            ((Subscription::To, false), (Subscription::From, false))
                | ((Subscription::None, false), (Subscription::None, false))
        );
        assert!(is_pair, "{him:?} {her:?}");
        // What allows it may have come last, and counts for the next time (RFC 6121 section 3.4).
        romeo.send(to(PresenceType::Unsubscribe, "juliet@localhost")).await;
        balcony.send(to(PresenceType::Unsubscribed, "romeo@localhost")).await;
        for client in [&mut romeo, &mut *balcony] {
            ping(client).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_stored_is_said_to_have_failed_and_is_not_there_afterwards() {
    let server = Daemon::with(&["romeo", "juliet"]).await;
    let mut romeo = server.client("romeo", "orchard").await;
    romeo.roster().await;
    romeo.available().await;
    assert_eq!(romeo.set_contact("nurse@localhost", "Nurse").await.type_(), IqType::Result);

    let condition = |stanza: &Stanza| stanza.error().unwrap().condition();
    for how in ["ABORT", "ROLLBACK"] {
        tamper(
            &server.data,
            match how {
                "ABORT" => {
                    "CREATE TRIGGER contacts BEFORE INSERT ON roster_item BEGIN SELECT RAISE(ABORT, 'no'); END;
                     CREATE TRIGGER messages BEFORE INSERT ON offline_message BEGIN SELECT RAISE(ABORT, 'no'); END;"
                }
                _ => {
                    "CREATE TRIGGER contacts BEFORE INSERT ON roster_item BEGIN SELECT RAISE(ROLLBACK, 'no'); END;
                     CREATE TRIGGER messages BEFORE INSERT ON offline_message BEGIN SELECT RAISE(ROLLBACK, 'no'); END;"
                }
            },
        )
        .await;
        let refused = romeo.set_contact("tybalt@localhost", "Tybalt").await;
        assert_eq!(condition(&refused.into()), Condition::InternalServerError, "{how}");
        romeo
            .send(Presence::new(PresenceType::Subscribe).with_to(Jid::new("juliet@localhost").unwrap()))
            .await;
        let refused = romeo.find(Stanza::is_error).await;
        assert_eq!(condition(&refused), Condition::InternalServerError, "{how}");
        romeo.chat("juliet@localhost", "?").await;
        let refused = romeo.find(Stanza::is_error).await;
        assert_eq!(condition(&refused), Condition::InternalServerError, "{how}");
        // Memory is as the disk is, and nobody has heard of any of it.
        assert_eq!(romeo.roster().await, ["nurse@localhost"], "{how}");
        ping(&mut romeo).await;
        tamper(&server.data, "DROP TRIGGER contacts; DROP TRIGGER messages;").await;
        let store = Store::open(&server.data).await.unwrap();
        let kept = store.load_account(&jid("romeo@localhost")).await.unwrap().unwrap();
        assert_eq!(
            kept.roster().iter().map(|item| item.jid().to_string()).collect::<Vec<_>>(),
            ["nurse@localhost"]
        );
        let hers = store.load_account(&jid("juliet@localhost")).await.unwrap().unwrap();
        assert_eq!((hers.pending().len(), hers.offline().count()), (0, 0), "{how}");
        store.close().await;
    }

    // And it is over when the store is well again.
    assert_eq!(romeo.set_contact("tybalt@localhost", "Tybalt").await.type_(), IqType::Result);
    assert_eq!(romeo.roster().await.len(), 2);
    romeo.chat("juliet@localhost", "!").await;
    ping(&mut romeo).await;
    let mut juliet = server.client("juliet", "balcony").await;
    juliet.available().await;
    assert_eq!(juliet.hear().await.1, "!");
}

/// Kilobytes of memory.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_wait_for_who_does_not_read_stay_in_the_store_and_cost_nobody_anything() {
    const COUNT: u64 = 1_000;
    const WATCHERS: usize = 3;
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let names: Vec<_> = (0..WATCHERS).map(|number| format!("juliet{number}")).collect();
    add_accounts(&data, names.iter().cloned().chain(["romeo".to_owned()])).await;
    let store = Store::open(&data).await.unwrap();
    // Much more than sockets hold.
    let body = "x".repeat(20_000);
    for name in &names {
        let to = jid(&format!("{name}@localhost"));
        let messages: Vec<_> = (1..=COUNT)
            .map(|number| {
                let message = Message::chat(to.clone()).with_id(&number.to_string()).with_body(&body);
                let message = message.with_from(Jid::new("romeo@localhost/orchard").unwrap());
                Change::AppendOffline(OfflineMessage::new(number, UtcTime::UNIX_EPOCH, message))
            })
            .collect();
        assert_eq!(store.apply(&[(&to, &messages)]).await, [Applied::Done]);
    }
    let waiting = async |name: &str| {
        let data = store.load_account(&jid(&format!("{name}@localhost"))).await.unwrap().unwrap();
        data.offline().count() as u64
    };
    let server = Daemon::run(outer, &[]);
    let mut romeo = server.client("romeo", "orchard").await;
    let mut readers = Vec::new();
    for name in &names {
        readers.push(server.client(name, "balcony").await);
    }
    let before = resident(server.id());
    for reader in &mut readers {
        reader.send(Presence::available()).await;
    }
    let (start, mut slowest) = (Instant::now(), Duration::ZERO);
    while start.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        ping(&mut romeo).await;
        slowest = slowest.max(asked.elapsed());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let grown = resident(server.id()).saturating_sub(before);
    let mut left = Vec::new();
    for name in &names {
        left.push(waiting(name).await);
    }
    println!("{grown} KiB more, {slowest:?} at most for others, in the store: {left:?}");
    assert!(left.iter().all(|left| *left > 0), "all of it has gone somewhere: {left:?}");
    // All of what waits is 60 MB.
    assert!(grown < 20 * 1024, "{grown} KiB");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");

    // Whoever goes on reading gets all of it; whoever comes again gets what was not read, in order.
    let mut first = readers.remove(0);
    for number in 1..=COUNT {
        let message = first.find(|stanza| matches!(stanza, Stanza::Message(_))).await;
        assert_eq!(message.id(), Some(number.to_string().as_str()));
    }
    drop(readers);
    let mut again = server.client(&names[1], "chamber").await;
    again.send(Presence::available()).await;
    let mut last = 0;
    while last < COUNT {
        let message = again.find(|stanza| matches!(stanza, Stanza::Message(_))).await;
        let number = message.id().unwrap().parse().unwrap();
        assert!(
            if last == 0 { number <= COUNT - left[1] + 1 } else { number == last + 1 },
            "{last} {number}"
        );
        last = number;
    }
    let start = Instant::now();
    while waiting(&names[0]).await + waiting(&names[1]).await > 0 {
        assert!(start.elapsed() < PATIENCE, "what was read is not let go");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn flags_say_what_an_account_may_have_and_who_gives_way() {
    let outer = tempfile::tempdir().unwrap();
    add_accounts(&outer.path().join("data"), ["romeo".to_owned(), "juliet".to_owned()]).await;
    let flags = ["--conflict", "terminate", "--offline-messages", "0", "--roster-items", "1"];
    let server = Daemon::run(outer, &flags);
    let mut first = server.client("romeo", "orchard").await;
    let mut romeo = server.client("romeo", "orchard").await;
    assert_eq!(romeo.jid, "romeo@localhost/orchard");
    assert!(format!("{:?}", first.ended().await).contains("Conflict"));
    romeo.chat("juliet@localhost", "?").await;
    let refused = romeo.find(Stanza::is_error).await;
    assert_eq!(refused.error().unwrap().condition(), Condition::ServiceUnavailable);
    assert_eq!(romeo.set_contact("nurse@localhost", "").await.type_(), IqType::Result);
    assert_eq!(romeo.set_contact("tybalt@localhost", "").await.type_(), IqType::Error);
}
