//! The host's task, with storage that a test answers for.

use std::time::SystemTime;

use tokio::time::{interval_at, timeout};
use xmpp_core::entropy::Seed;
use xmpp_core::stanza::Message;
use xmpp_core::time::UtcTime;
use xmpp_im::host::HostConfig;
use xmpp_im::store::{AccountData, Change};

use super::*;

fn jid(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

#[tokio::test]
async fn the_system_clock_is_followed_when_it_is_put_right() {
    let config =
        HostConfig::new([jid("localhost")]).with_component(jid("plays.localhost")).with_offline_storage();
    // It was at its beginning when the server started.
    let host = Host::new(config, Seed::new([1; 32]), UtcTime::UNIX_EPOCH);
    let (to_replies, replies) = mpsc::channel(8);
    let (mut task, handle) = new(host, Clock::start(), None, 8, replies);
    let after_start = Duration::from_millis(500);
    task.clock_looks = interval_at(Moment::now() + after_start, Duration::from_millis(10));
    let (to_jobs, mut jobs) = mpsc::channel(8);
    let running = tokio::spawn(task.run(to_jobs));

    // When a message that waits has come, as the store is told.
    let inlet = handle.inlet();
    let mut stamp = async || {
        let message = Message::chat(jid("juliet@localhost")).with_body("?");
        let message = message.with_from(jid("romeo@plays.localhost"));
        assert!(handle.hand_in(&inlet, message.into()).is_none(), "there is room");
        loop {
            match timeout(Duration::from_secs(20), jobs.recv()).await.unwrap().unwrap() {
                Job::Load(ticket, account) => {
                    let data = Some(Box::new(AccountData::new()));
                    to_replies.send(Reply::Loaded(ticket, account, data)).await.unwrap();
                }
                Job::Persist(step) => {
                    let done = Reply::Persisted(step.owner().clone(), step.seq());
                    to_replies.send(done).await.unwrap();
                    let [Change::AppendOffline(message)] = step.changes() else { panic!("{step:?}") };
                    return Duration::from_micros(message.at().as_micros().try_into().unwrap());
                }
                other => panic!("{other:?}"),
            }
        }
    };
    let hour = Duration::from_secs(3_600);
    assert!(stamp().await < hour);
    tokio::time::sleep(2 * after_start).await;
    let right = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let stamped = stamp().await;
    assert!(stamped >= right && stamped - right < hour, "{stamped:?} {right:?}");

    drop((handle, inlet));
    running.await.unwrap();
}
