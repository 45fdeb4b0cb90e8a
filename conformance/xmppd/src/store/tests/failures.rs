//! Writes that fail, one at a time or all at once.

use xmpp_core::stanza::Message;
use xmpp_core::time::UtcTime;
use xmpp_im::store::OfflineMessage;

use super::*;

fn set(contact: &str, name: &str) -> Change {
    Change::SetRosterItem(item(contact, name, Subscription::None, &["Friends"]))
}

fn append(number: u64, bytes: usize) -> Change {
    let message = Message::chat(jid("juliet@localhost")).with_body(&"x".repeat(bytes));
    Change::AppendOffline(OfflineMessage::new(number, UtcTime::UNIX_EPOCH, message))
}

/// What fails for that name does so after the item itself was written.
async fn refuse_bad(dir: &TempDir, how: &'static str) {
    let statement = match how {
        "FAIL" => {
            "CREATE TRIGGER t BEFORE INSERT ON roster_group WHEN new.name = 'bad' BEGIN SELECT RAISE(FAIL, 'no'); END"
        }
        _ => {
            "CREATE TRIGGER t BEFORE INSERT ON roster_group WHEN new.name = 'bad' BEGIN SELECT RAISE(ROLLBACK, 'no'); END"
        }
    };
    tamper(dir, statement).await;
}

#[tokio::test]
async fn a_step_that_fails_leaves_nothing_and_costs_other_owners_nothing() {
    // Either way of failing: with the statement alone, and with the whole transaction.
    for how in ["FAIL", "ROLLBACK"] {
        let (dir, store) = store().await;
        let juliet = jid("juliet@localhost");
        let nurse = jid("nurse@localhost");
        for account in [&juliet, &nurse] {
            store.add_account(account, &[]).await.unwrap();
        }
        refuse_bad(&dir, how).await;
        let bad = Change::SetRosterItem(item("bad@localhost", "", Subscription::None, &["bad"]));
        let steps = [
            vec![set("a@localhost", "1")],
            vec![set("b@localhost", "2"), bad.clone()],
            vec![set("c@localhost", "3")],
            vec![set("d@localhost", "4")],
        ];
        let owners = [&juliet, &juliet, &juliet, &nurse];
        let steps: Vec<_> =
            owners.into_iter().zip(&steps).map(|(owner, changes)| (owner, changes.as_slice())).collect();
        // The third was made on top of the second.
        let expected = [Applied::Done, Applied::Failed, Applied::Failed, Applied::Done];
        for _ in 0..3 {
            assert_eq!(store.apply(&steps).await, expected, "{how}");
            for (account, kept) in [("juliet@localhost", "a@localhost"), ("nurse@localhost", "d@localhost")] {
                let items: Vec<_> =
                    roster(&store, account).await.iter().map(|item| item.jid().to_string()).collect();
                assert_eq!(items, [kept], "{how}");
            }
        }
        // Alone it fails too, and whoever writes next can.
        assert_eq!(store.apply(&[(&juliet, &[bad])]).await, [Applied::Failed]);
        assert_eq!(store.apply(&steps[..1]).await, [Applied::Done]);
    }
}

#[tokio::test]
async fn a_full_disk_fails_what_needs_room_and_is_over_when_there_is_room() {
    let (_dir, store) = store().await;
    let juliet = jid("juliet@localhost");
    store.add_account(&juliet, &[]).await.unwrap();
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&store.writer).await.unwrap();
    let most = format!("PRAGMA max_page_count = {}", pages + 40);
    sqlx::raw_sql(sqlx::AssertSqlSafe(most)).execute(&store.writer).await.unwrap();

    // Until nothing more goes in.
    let mut number = 0;
    loop {
        number += 1;
        match store.apply(&[(&juliet, &[append(number, 10_000)])]).await[0] {
            Applied::Done => assert!(number < 100, "there is no limit"),
            outcome => break assert_eq!(outcome, Applied::Failed),
        }
    }
    assert!(number > 2, "there was no room at all");
    let kept = |store: &Store| {
        let (store, juliet) = (store.clone(), juliet.clone());
        async move {
            let page = store.offline_page(&juliet, 0, usize::MAX).await.unwrap();
            page.iter().map(OfflineMessage::number).collect::<Vec<_>>()
        }
    };
    assert_eq!(kept(&store).await, (1..number).collect::<Vec<_>>());
    assert_eq!(store.load_account(&juliet).await.unwrap().unwrap().offline().last(), number - 1);

    // What needs no room goes on, in one batch with what does.
    let nurse = jid("nurse@localhost");
    store.add_account(&nurse, &[]).await.unwrap();
    let steps = [[append(number, 100_000)], [set("romeo@localhost", "Romeo")]];
    let [large, small] = &steps;
    assert_eq!(store.apply(&[(&juliet, large), (&nurse, small)]).await, [Applied::Failed, Applied::Done]);
    assert_eq!(roster(&store, "nurse@localhost").await.len(), 1);

    // And when something is gone, there is room again.
    let free = [Change::RemoveOffline { through: 2 }];
    assert_eq!(store.apply(&[(&juliet, &free)]).await, [Applied::Done]);
    assert_eq!(store.apply(&[(&juliet, &[append(number, 10_000)])]).await, [Applied::Done]);
    assert_eq!(kept(&store).await, (3..=number).collect::<Vec<_>>());
}

#[tokio::test]
async fn two_processes_write_in_turns() {
    let (dir, store) = store().await;
    let other = Store::open(dir.path()).await.unwrap();
    let (juliet, nurse) = (jid("juliet@localhost"), jid("nurse@localhost"));
    store.add_account(&juliet, &[]).await.unwrap();
    other.add_account(&nurse, &[]).await.unwrap();
    let write = |store: Store, account: BareJid| async move {
        for number in 1..=50 {
            assert_eq!(store.apply(&[(&account, &[append(number, 10)])]).await, [Applied::Done]);
        }
    };
    tokio::join!(write(store.clone(), juliet.clone()), write(other.clone(), nurse.clone()));
    for (account, reader) in [(&juliet, &other), (&nurse, &store)] {
        assert_eq!(reader.load_account(account).await.unwrap().unwrap().offline().count(), 50);
    }
}
