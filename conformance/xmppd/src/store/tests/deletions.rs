//! Deleted accounts, and those whom they had to do with.

use xmpp_core::stanza::{Presence, PresenceType};
use xmpp_im::store::Pending;

use super::*;

fn request(from: &str) -> Change {
    let presence = Presence::new(PresenceType::Subscribe).with_from(Jid::new(from).unwrap());
    Change::KeepPending(Pending::new(presence).unwrap())
}

fn notice(from: &str) -> Change {
    let presence = Presence::new(PresenceType::Unsubscribed).with_from(Jid::new(from).unwrap());
    Change::KeepPending(Pending::new(presence).unwrap())
}

fn state() -> Change {
    Change::SetState { module: "privacy".into(), key: "list".into(), value: Some(b"x".to_vec()) }
}

#[tokio::test]
async fn a_deletion_tells_whom_the_account_had_to_do_with() {
    let (_dir, store) = store().await;
    let juliet = jid("juliet@localhost");
    store.add_account(&juliet, &[]).await.unwrap();
    let contact = |jid, subscription| item(jid, "Name", subscription, &["Friends"]).with_version(9);
    let changes = [
        Change::SetRosterItem(contact("both@localhost", Subscription::Both)),
        Change::SetRosterItem(contact("from@localhost", Subscription::From).with_ask(true)),
        Change::SetRosterItem(contact("asked@localhost", Subscription::None).with_ask(true)),
        Change::SetRosterItem(contact("stranger@localhost", Subscription::None)),
        request("asks@localhost"),
        notice("both@localhost"),
        state(),
    ];
    assert_eq!(store.apply(&[(&juliet, &changes)]).await, [Applied::Done]);
    store.delete_account(&juliet).await.unwrap();
    assert!(store.load_account(&juliet).await.unwrap().is_none());

    let [deletion] = store.deletions(0).await.unwrap().try_into().unwrap();
    assert_eq!(deletion.account, juliet);
    let told: Vec<_> = deletion
        .data
        .roster()
        .iter()
        .map(|item| (item.jid().as_str(), item.subscription(), item.ask()))
        .collect();
    assert_eq!(
        told,
        [
            ("asked@localhost", Subscription::None, true),
            ("both@localhost", Subscription::Both, false),
            ("from@localhost", Subscription::From, true),
        ]
    );
    let asking: Vec<_> = deletion.data.pending().iter().map(|pending| pending.from().as_str()).collect();
    assert_eq!(asking, ["asks@localhost"]);

    // Whoever has the address next begins anew.
    store.add_account(&juliet, &[]).await.unwrap();
    let data = store.load_account(&juliet).await.unwrap().unwrap();
    assert_eq!(data, AccountData::new().with_incarnation(data.incarnation()));
    store.forget_deletions(deletion.number).await.unwrap();
    for table in ["deletion", "deleted_contact", "deleted_request", "module_state", "pending", "roster_item"]
    {
        let count = format!("SELECT count(*) FROM {table}");
        let left: i64 =
            sqlx::query_scalar(sqlx::AssertSqlSafe(count)).fetch_one(&store.readers).await.unwrap();
        assert_eq!(left, 0, "{table}");
    }
}

#[tokio::test]
async fn nothing_is_kept_of_the_old_account_until_its_deletion_is_forgotten() {
    let (_dir, store) = store().await;
    let (juliet, nurse) = (jid("juliet@localhost"), jid("nurse@localhost"));
    let mut incarnations = BTreeSet::new();
    for account in [&juliet, &nurse, &juliet] {
        store.add_account(account, &[]).await.unwrap();
        incarnations.insert(store.load_account(account).await.unwrap().unwrap().incarnation());
        store.delete_account(account).await.unwrap();
    }
    store.add_account(&juliet, &[]).await.unwrap();
    incarnations.insert(store.load_account(&juliet).await.unwrap().unwrap().incarnation());
    assert_eq!(incarnations.len(), 4, "no two accounts are one");
    let change = [(juliet.clone(), state())];
    assert_eq!(apply(&store, &change).await, [Applied::NoAccount]);

    let deletions = store.deletions(0).await.unwrap();
    let accounts: Vec<_> = deletions.iter().map(|deletion| &deletion.account).collect();
    assert_eq!(accounts, [&juliet, &nurse, &juliet]);
    assert_eq!(store.deletions(deletions[0].number).await.unwrap(), deletions[1..]);
    assert_eq!(store.deletions(deletions[2].number).await.unwrap(), []);
    assert_eq!(apply(&store, &change).await, [Applied::NoAccount], "who was told has not done it yet");

    store.forget_deletions(deletions[1].number).await.unwrap();
    assert_eq!(apply(&store, &change).await, [Applied::NoAccount], "it was deleted again");
    store.forget_deletions(deletions[2].number).await.unwrap();
    assert_eq!(apply(&store, &change).await, [Applied::Done]);

    // Numbers are never used again.
    store.delete_account(&juliet).await.unwrap();
    assert!(store.deletions(deletions[2].number).await.unwrap().len() == 1);
}
