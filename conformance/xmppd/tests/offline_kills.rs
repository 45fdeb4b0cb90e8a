//! Messages for somebody who is not there, and a server that is killed in the middle of them, again and again.
//!
//! Romeo sends a stream of numbered messages; after every few he asks the server something, and what was sent before a question that was answered
//! is *acknowledged*. Juliet comes now and then and reads. Whenever the server is killed, each message is in one of these
//! sets or in none: what Juliet has got, and what is in the store. Then:
//!
//! 1. What was acknowledged is in one of them, or was refused.
//! 2. What was in the store at the death before is still there, or Juliet has got it since.
//! 3. What is in both is in flight: Juliet got it in this very life of the server, and it was killed before it had let go of it; or it was so
//!    before, and she has not come again.
//! 4. In each of her sessions Juliet gets messages in their order.
//!
//! In the end Juliet has all that was in the store at any death, and nothing is left.
//!
//! `XMPPD_KILLS=200 XMPPD_MESSAGES=10000 cargo test -p xmppd --test offline_kills` is the long run; `XMPPD_SEED` repeats one, as far as the
//! scheduler lets it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    missing_docs
)]

mod live;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use live::*;
use rustix::process::Signal;
use tokio::time::{Instant, sleep_until};
use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Iq, Message, Presence, Stanza};
use xmpp_core::xml::Element;
use xmppd::store::Store;

/// Messages between two questions.
const BURST: u64 = 5;

/// Questions that wait for their answers.
const QUESTIONS: usize = 3;

/// The longest that a server lives.
const LONGEST: Duration = Duration::from_millis(150);

/// And one to which Juliet comes, every other time: that many are killed while she is being given what waits.
const SHORTEST: Duration = Duration::from_millis(25);

/// What is known of the messages.
#[derive(Default)]
struct Ledger {
    sent: u64,
    acknowledged: BTreeSet<u64>,
    refused: BTreeSet<u64>,
    got: BTreeSet<u64>,
    /// Got in this life of the server.
    got_now: BTreeSet<u64>,
    /// In the store at the last death.
    stored: BTreeSet<u64>,
    /// Got and in the store at the last death.
    in_flight: BTreeSet<u64>,
    twice: u64,
    most_in_flight: usize,
}

impl Ledger {
    fn receive(&mut self, number: u64) {
        self.twice += u64::from(!self.got.insert(number));
        self.got_now.insert(number);
    }

    /// The server has died, and this is in the store.
    fn check(&mut self, stored: BTreeSet<u64>, round: u64) {
        for number in &self.acknowledged {
            let is_known = [&self.got, &stored, &self.refused].iter().any(|set| set.contains(number));
            assert!(is_known, "round {round}: {number} was acknowledged and is lost");
        }
        for number in &self.stored {
            let is_known = self.got_now.contains(number) || stored.contains(number);
            assert!(is_known, "round {round}: {number} was in the store and is lost");
        }
        let both: BTreeSet<u64> = self.got.intersection(&stored).copied().collect();
        for number in &both {
            let is_in_flight = self.got_now.contains(number) || self.in_flight.contains(number);
            assert!(is_in_flight, "round {round}: {number} was let go and is in the store");
        }
        self.most_in_flight = self.most_in_flight.max(both.len());
        (self.in_flight, self.stored) = (both, stored);
        self.got_now.clear();
    }
}

/// What waits for Juliet in the store.
async fn stored(data: &Path) -> BTreeSet<u64> {
    let store = Store::open(data).await.unwrap();
    let page = store.offline_page(&jid("juliet@localhost"), 0, usize::MAX).await.unwrap();
    store.close().await;
    page.iter().map(|message| numbered(message.message())).collect()
}

fn numbered(message: &Message) -> u64 {
    message.id().unwrap().parse().unwrap()
}

fn message(number: u64) -> Message {
    let to = Jid::new("juliet@localhost").unwrap();
    Message::chat(to).with_id(&number.to_string()).with_body(&format!("{number:>200}"))
}

/// Whoever sends.
struct Romeo {
    client: Client,
    /// Open questions, and the last message before each.
    asked: BTreeMap<String, u64>,
    /// The first message whose fate is open.
    first: u64,
    /// Whether an answer says something: while Juliet is there, a message may be on its way to her when the server dies.
    counts: bool,
}

impl Romeo {
    async fn arrive(server: &Daemon, ledger: &Ledger, counts: bool) -> Self {
        let client = server.client("romeo", "orchard").await;
        Romeo { client, asked: BTreeMap::new(), first: ledger.sent + 1, counts }
    }

    /// Sends some more, if not too much waits for answers.
    async fn send(&mut self, ledger: &mut Ledger) {
        while self.asked.len() < QUESTIONS {
            for _ in 0..BURST {
                ledger.sent += 1;
                self.client.send(message(ledger.sent)).await;
            }
            let id = format!("q{}", ledger.sent);
            let ping = Element::builder("urn:xmpp:ping", "ping").build();
            self.client.send(Iq::get(&id, ping).with_to(Jid::new("localhost").unwrap())).await;
            self.asked.insert(id, ledger.sent);
        }
    }

    fn hear(&mut self, stanza: &Stanza, ledger: &mut Ledger) {
        match stanza {
            Stanza::Iq(iq) if !iq.is_request() => {
                if let Some(last) = self.asked.remove(iq.id())
                    && self.counts
                {
                    ledger.acknowledged.extend(self.first..=last);
                    self.first = last + 1;
                }
            }
            Stanza::Message(message) if message.is_error() => drop(ledger.refused.insert(numbered(message))),
            _ => {}
        }
    }
}

/// Whoever receives.
struct Juliet {
    client: Client,
    last: u64,
}

impl Juliet {
    async fn arrive(server: &Daemon) -> Self {
        let mut client = server.client("juliet", "balcony").await;
        client.send(Presence::available()).await;
        Juliet { client, last: 0 }
    }

    fn hear(&mut self, stanza: &Stanza, ledger: &mut Ledger) {
        if let Stanza::Message(message) = stanza {
            let number = numbered(message);
            assert!(number > self.last, "{number} came after {}", self.last);
            self.last = number;
            ledger.receive(number);
        }
    }
}

/// What happens to the server until it is killed.
async fn round(server: &Daemon, random: &mut Random, ledger: &mut Ledger, more: bool) {
    // A queue that is nearly full would refuse what is to be tested.
    let (sends, reads) = match random.below(8) {
        _ if ledger.stored.len() > 500 => (false, true),
        0..4 if more => (true, false),
        4 if more => (true, true),
        _ => (false, true),
    };
    let mut romeo = if sends { Some(Romeo::arrive(server, ledger, !reads).await) } else { None };
    let mut juliet = if reads { Some(Juliet::arrive(server).await) } else { None };
    let limit = if reads && random.below(2) == 0 { SHORTEST } else { LONGEST };
    let kill = random.soon(limit);
    let mut is_killed = false;
    // What was sent before the end still comes.
    while romeo.is_some() || juliet.is_some() {
        if let Some(romeo) = romeo.as_mut().filter(|_| !is_killed) {
            romeo.send(ledger).await;
        }
        tokio::select! {
            stanza = next(&mut romeo, |romeo| &mut romeo.client) => match (stanza, &mut romeo) {
                (Some(stanza), Some(romeo)) => romeo.hear(&stanza, ledger),
                _ => romeo = None,
            },
            stanza = next(&mut juliet, |juliet| &mut juliet.client) => match (stanza, &mut juliet) {
                (Some(stanza), Some(juliet)) => juliet.hear(&stanza, ledger),
                _ => juliet = None,
            },
            () = sleep_until(kill), if !is_killed => {
                server.signal(Signal::KILL);
                is_killed = true;
            }
        }
    }
    assert!(is_killed, "the server has ended a stream by itself: {}", server.log());
}

/// What somebody hears next, if they are there.
async fn next<T>(whom: &mut Option<T>, client: impl FnOnce(&mut T) -> &mut Client) -> Option<Stanza> {
    match whom {
        Some(whom) => client(whom).next().await,
        None => std::future::pending().await,
    }
}

#[tokio::test]
async fn no_message_is_lost_and_none_comes_again_but_those_in_flight() {
    let (kills, messages) = (number("XMPPD_KILLS", 40), number("XMPPD_MESSAGES", 2_000));
    let mut random = Random::new();
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    add_accounts(&data, ["romeo".to_owned(), "juliet".to_owned()]).await;
    let mut outer = Some(outer);
    let mut ledger = Ledger::default();
    let mut rounds = 0;
    // Of too few that were acknowledged nothing could be said.
    let wants_more =
        |ledger: &Ledger| ledger.sent < messages || ledger.acknowledged.len() as u64 <= ledger.sent / 4;
    while rounds < kills || wants_more(&ledger) {
        let server = Daemon::run(outer.take().unwrap(), &[]);
        let more = wants_more(&ledger);
        round(&server, &mut random, &mut ledger, more).await;
        outer = Some(server.kill());
        ledger.check(stored(&data).await, rounds);
        rounds += 1;
    }

    // Nobody is killed any more.
    let server = Daemon::run(outer.take().unwrap(), &[]);
    let mut juliet = Juliet::arrive(&server).await;
    let deadline = Instant::now() + PATIENCE;
    while !ledger.stored.is_subset(&ledger.got_now) {
        let stanza = juliet.client.next_by(deadline).await.expect("what is in the store does not come");
        juliet.hear(&stanza, &mut ledger);
    }
    while !stored(&data).await.is_empty() {
        assert!(Instant::now() < deadline, "what was read is not let go");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    ledger.check(BTreeSet::new(), rounds);
    let Ledger { sent, acknowledged, refused, got, twice, most_in_flight, .. } = &ledger;
    println!(
        "{rounds} kills, {sent} messages sent, {} acknowledged, {} refused, {} received, {twice} of them once more, \
         at most {most_in_flight} in flight at a death",
        acknowledged.len(),
        refused.len(),
        got.len(),
    );
}
