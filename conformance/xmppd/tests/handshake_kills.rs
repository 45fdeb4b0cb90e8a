//! Two accounts that subscribe to each other and cancel it, and a server that is killed in the middle of that, again and again.
//!
//! What one side has stored the other may never have heard of, since the server was killed in between. So after each kill the two rosters
//! have to be a pair that the tables of RFC 3921 section 9 lead to, from the pair that was there before, by stanzas that both users may have
//! sent, each of which came through or was lost. And as section 9.2 intends, the user's own unsubscribe and subscribe with the contact's answer bring both
//! sides together again.
//!
//! `XMPPD_KILLS` is how many kills; `XMPPD_SEED` repeats a run, as far as the scheduler lets it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    missing_docs
)]

mod live;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use live::*;
use rustix::process::Signal;
use tokio::time::{Instant, sleep_until};
use xmpp_core::jid::Jid;
use xmpp_core::stanza::{Presence, Stanza};
use xmpp_im::store::PendingKind;
use xmpp_im::subscription::{Direction, Effect, Kind, Rules, State, step};
use xmppd::store::Store;

const NAMES: [&str; 2] = ["romeo", "juliet"];
const KINDS: [Kind; 4] = [Kind::Subscribe, Kind::Subscribed, Kind::Unsubscribe, Kind::Unsubscribed];

/// The longest that a server lives once both are there.
const LONGEST: Duration = Duration::from_millis(60);

/// After that long, nothing of what somebody has said is under way any more, or nearly never.
const SETTLED: Duration = Duration::from_millis(200);

/// What one has of the other: the state, and whether a request is approved before it comes.
type Side = (State, bool);

fn address(name: &str) -> String {
    format!("{name}@localhost")
}

/// What a side has stored of the other.
async fn side(store: &Store, own: &str, other: &str) -> Side {
    let data = store.load_account(&jid(&address(own))).await.unwrap().unwrap();
    let other = address(other);
    let asks = data
        .pending()
        .iter()
        .any(|kept| kept.kind() == PendingKind::Request && kept.from().as_str() == other);
    match data.roster().iter().find(|item| item.jid().as_str() == other) {
        Some(item) => (State::from_parts(item.subscription(), item.ask(), asks), item.approved()),
        None => (State::from_parts(xmpp_im::store::Subscription::None, false, asks), false),
    }
}

async fn pair(data: &Path) -> [Side; 2] {
    let store = Store::open(data).await.unwrap();
    let pair = [side(&store, NAMES[0], NAMES[1]).await, side(&store, NAMES[1], NAMES[0]).await];
    store.close().await;
    pair
}

/// All pairs that follow when one side sees a stanza, and what it says to the other comes through or does not.
fn after(pair: [Side; 2], which: usize, direction: Direction, kind: Kind, found: &mut Vec<[Side; 2]>) {
    let (state, approved) = pair[which];
    let done = step(state, approved, direction, kind, Rules::new());
    let mut next = pair;
    next[which] = (done.next(), done.approved());
    found.push(next);
    for effect in done.effects() {
        match effect {
            Effect::Route => after(next, 1 - which, Direction::Inbound, kind, found),
            Effect::Send(answer) => after(next, 1 - which, Direction::Inbound, answer, found),
            _ => {}
        }
    }
}

/// Where any number of stanzas of both users can lead.
fn reachable(from: [Side; 2]) -> BTreeSet<String> {
    let mut seen = BTreeSet::from([format!("{from:?}")]);
    let mut open = vec![from];
    while let Some(pair) = open.pop() {
        let mut found = Vec::new();
        for which in 0..2 {
            for kind in KINDS {
                after(pair, which, Direction::Outbound, kind, &mut found);
            }
        }
        open.extend(found.into_iter().filter(|pair| seen.insert(format!("{pair:?}"))));
    }
    seen
}

struct User {
    client: Client,
    other: String,
}

impl User {
    async fn arrive(server: &Daemon, which: usize) -> Self {
        let mut client = server.client(NAMES[which], "x").await;
        client.roster().await;
        client.available().await;
        Self { client, other: address(NAMES[1 - which]) }
    }

    async fn say(&mut self, kind: Kind) {
        let to = Jid::new(&self.other).unwrap();
        self.client.send(Presence::new(kind.presence_type()).with_to(to)).await;
    }
}

/// Both say whatever comes to their minds, and mostly answer, until the server is killed.
async fn round(server: &Daemon, random: &mut Random) -> usize {
    let (mut romeo, mut juliet) = tokio::join!(User::arrive(server, 0), User::arrive(server, 1));
    let kill = random.soon(LONGEST);
    let mut said = 0;
    loop {
        let (which, stanza) = tokio::select! {
            biased;
            () = sleep_until(kill) => {
                server.signal(Signal::KILL);
                return said;
            }
            stanza = romeo.client.next() => (0, stanza),
            stanza = juliet.client.next() => (1, stanza),
            () = tokio::time::sleep(Duration::from_millis(2)) => (random.below(2) as usize, None),
        };
        let heard = match &stanza {
            Some(Stanza::Presence(presence)) => Kind::of(presence.type_()),
            Some(_) => continue,
            None => None,
        };
        let kind = match heard {
            Some(Kind::Subscribe) if random.below(4) > 0 => Kind::Subscribed,
            Some(_) => continue,
            None if stanza.is_some() => continue,
            None => KINDS[[0, 0, 0, 1, 2, 3][random.below(6) as usize]],
        };
        let user = if which == 0 { &mut romeo } else { &mut juliet };
        user.say(kind).await;
        said += 1;
    }
}

/// One begins anew with the other, who allows it if asked: how often one had to ask.
async fn heal(users: &mut [User; 2], which: usize, data: &Path) -> usize {
    let store = Store::open(data).await.unwrap();
    let deadline = Instant::now() + PATIENCE;
    let (left, right) = users.split_at_mut(1);
    let (one, other) = if which == 0 { (&mut left[0], &mut right[0]) } else { (&mut right[0], &mut left[0]) };
    one.say(Kind::Unsubscribe).await;
    // A request that crosses the confirmation of the end would be ended by that, so it comes later, and once more if that was too soon.
    let (mut next, mut asked) = (Instant::now() + SETTLED, 0);
    loop {
        if next <= Instant::now() {
            one.say(Kind::Subscribe).await;
            (next, asked) = (next + SETTLED, asked + 1);
        }
        let heard = other.client.next_by(Instant::now() + Duration::from_millis(5)).await;
        if matches!(heard, Some(Stanza::Presence(presence)) if Kind::of(presence.type_()) == Some(Kind::Subscribe))
        {
            other.say(Kind::Subscribed).await;
        }
        let (to, _) = side(&store, NAMES[which], NAMES[1 - which]).await;
        let (from, _) = side(&store, NAMES[1 - which], NAMES[which]).await;
        if asked > 0 && to.has_to() && from.has_from() {
            store.close().await;
            return asked;
        }
        assert!(Instant::now() < deadline, "{to:?} {from:?} are not healed");
    }
}

#[tokio::test]
async fn what_a_kill_leaves_is_a_pair_of_the_tables_and_can_be_healed() {
    let kills = number("XMPPD_KILLS", 30);
    let mut random = Random::new();
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    add_accounts(&data, NAMES.map(str::to_owned)).await;
    let mut outer = Some(outer);
    let mut before = pair(&data).await;
    let (mut said, mut parted, mut most_asked, mut seen) = (0, 0, 0, BTreeSet::new());
    for number in 0..kills {
        let server = Daemon::run(outer.take().unwrap(), &[]);
        said += round(&server, &mut random).await;
        outer = Some(server.kill());
        let now = pair(&data).await;
        assert!(reachable(before).contains(&format!("{now:?}")), "kill {number}: {before:?} became {now:?}");
        let [(romeo, _), (juliet, _)] = now;
        parted += u64::from(romeo.has_to() != juliet.has_from() || romeo.has_from() != juliet.has_to());
        seen.insert(format!("{now:?}"));
        before = now;

        // Every other time they go on with what was left.
        if random.below(2) == 0 {
            let server = Daemon::run(outer.take().unwrap(), &[]);
            let mut users: [User; 2] =
                tokio::join!(User::arrive(&server, 0), User::arrive(&server, 1)).into();
            for which in 0..2 {
                most_asked = most_asked.max(heal(&mut users, which, &data).await);
            }
            for user in &mut users {
                user.client.roster().await;
            }
            outer = Some(server.kill());
            before = pair(&data).await;
            let states = before.map(|(state, _)| state);
            assert_eq!(states, [State::Both; 2], "kill {number}: {now:?} was not healed");
        }
    }
    let all = reachable(before).len();
    println!(
        "{kills} kills amid {said} stanzas: {} pairs of {all}, {parted} times one side was ahead, \
         healed by asking {most_asked} times at most",
        seen.len()
    );
    assert!(seen.len() > 3, "nothing has happened");
}
