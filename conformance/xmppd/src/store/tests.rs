mod deletions;
mod failures;
mod kept;
mod upgrade;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::sasl::{ScramHash, ScramKeys};
use xmpp_im::store::{AccountData, Change, RosterItem, Subscription};

use super::*;

async fn store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    (dir, store)
}

fn jid(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

/// Keys that differ for every `mark`.
fn keys(mark: u8) -> Vec<ScramKeys> {
    vec![
        ScramKeys::from_parts(ScramHash::Sha1, [mark; 16], 4096, &[mark; 20], &[!mark; 20]).unwrap(),
        ScramKeys::from_parts(ScramHash::Sha256, [mark; 16], u32::MAX, &[mark; 32], &[!mark; 32]).unwrap(),
    ]
}

fn item(contact: &str, name: &str, subscription: Subscription, groups: &[&str]) -> RosterItem {
    let item = RosterItem::new(Jid::new(contact).unwrap()).with_name(name).with_subscription(subscription);
    groups.iter().fold(item, |item, group| item.with_group(group))
}

/// Applies changes, each as a step of its own.
async fn apply(store: &Store, changes: &[(BareJid, Change)]) -> Vec<Applied> {
    let changes: Vec<_> = changes.iter().map(|(jid, change)| (jid, std::slice::from_ref(change))).collect();
    store.apply(&changes).await
}

async fn roster(store: &Store, account: &str) -> Vec<RosterItem> {
    store.load_account(&jid(account)).await.unwrap().unwrap().roster().to_vec()
}

/// Runs a statement that the store itself never does.
async fn tamper(dir: &TempDir, statement: &'static str) {
    let mut connection = SqliteConnectOptions::new().filename(dir.path().join(FILE)).connect().await.unwrap();
    sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn an_account_is_added_once_and_keeps_its_keys() {
    let (dir, store) = store().await;
    let juliet = jid("juliet@localhost");
    assert!(!store.account_exists(&juliet).await.unwrap());
    assert!(store.credentials(&juliet).await.unwrap().is_none());
    assert!(store.load_account(&juliet).await.unwrap().is_none());

    store.add_account(&juliet, &keys(1)).await.unwrap();
    assert!(matches!(store.add_account(&juliet, &keys(2)).await, Err(AccountError::Exists)));
    store.close().await;

    let store = Store::open(dir.path()).await.unwrap();
    assert!(store.account_exists(&juliet).await.unwrap());
    assert!(store.credentials(&juliet).await.unwrap() == Some(keys(1)));
    let data = store.load_account(&juliet).await.unwrap().unwrap();
    assert_ne!(data.incarnation(), 0);
    assert_eq!(data, AccountData::new().with_incarnation(data.incarnation()));
}

#[tokio::test]
async fn an_account_may_have_no_keys() {
    let (_dir, store) = store().await;
    store.add_account(&jid("juliet@localhost"), &[]).await.unwrap();
    assert_eq!(store.credentials(&jid("juliet@localhost")).await.unwrap(), Some(Vec::new()));
}

#[tokio::test]
async fn new_keys_take_the_place_of_all_old_ones() {
    let (_dir, store) = store().await;
    let juliet = jid("juliet@localhost");
    assert!(matches!(store.set_keys(&juliet, &keys(1)).await, Err(AccountError::Unknown)));
    store.add_account(&juliet, &keys(1)).await.unwrap();
    store.set_keys(&juliet, &keys(2)[..1]).await.unwrap();
    assert!(store.credentials(&juliet).await.unwrap().unwrap() == keys(2)[..1]);
}

#[tokio::test]
async fn keys_are_added_for_hashes_that_an_account_lacks_and_never_replaced() {
    let (_dir, store) = store().await;
    let juliet = jid("juliet@localhost");
    assert!(matches!(store.add_keys(&juliet, &keys(1)).await, Err(AccountError::Unknown)));
    store.add_account(&juliet, &keys(1)[..1]).await.unwrap();
    assert!(store.add_keys(&juliet, &keys(2)).await.unwrap());
    let kept = [keys(1).remove(0), keys(2).remove(1)];
    assert!(store.credentials(&juliet).await.unwrap().unwrap() == kept);
    assert!(!store.add_keys(&juliet, &keys(3)).await.unwrap());
    assert!(store.credentials(&juliet).await.unwrap().unwrap() == kept);
}

#[tokio::test]
async fn a_hash_is_common_when_no_account_with_keys_lacks_it() {
    let (_dir, store) = store().await;
    let common = async || store.common_hashes().await.unwrap();
    assert_eq!(common().await, ScramHash::ALL, "there is nobody who lacks any");
    store.add_account(&jid("tybalt@localhost"), &[]).await.unwrap();
    assert_eq!(common().await, ScramHash::ALL, "who has no password needs none");
    store.add_account(&jid("romeo@localhost"), &keys(1)[..1]).await.unwrap();
    assert_eq!(common().await, [keys(1)[0].hash()]);
    store.add_account(&jid("juliet@localhost"), &keys(1)[1..]).await.unwrap();
    assert_eq!(common().await, []);
    store.delete_account(&jid("romeo@localhost")).await.unwrap();
    assert_eq!(common().await, keys(1)[1..].iter().map(ScramKeys::hash).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_deleted_account_leaves_nothing_to_its_successor() {
    let (_dir, store) = store().await;
    let (juliet, nurse) = (jid("juliet@localhost"), jid("nurse@localhost"));
    for account in [&juliet, &nurse] {
        store.add_account(account, &keys(1)).await.unwrap();
        let romeo = item("romeo@localhost", "", Subscription::Both, &["Montague"]);
        apply(&store, &[(account.clone(), Change::SetRosterItem(romeo))]).await;
    }
    store.delete_account(&juliet).await.unwrap();
    assert!(matches!(store.delete_account(&juliet).await, Err(AccountError::Unknown)));
    assert!(store.credentials(&juliet).await.unwrap().is_none());

    store.add_account(&juliet, &[]).await.unwrap();
    assert!(roster(&store, "juliet@localhost").await.is_empty());
    assert_eq!(roster(&store, "nurse@localhost").await.len(), 1);
    let groups: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM roster_group").fetch_one(&store.readers).await.unwrap();
    assert_eq!(groups, 1);
}

#[tokio::test]
async fn accounts_are_listed_in_the_order_of_their_addresses() {
    let (_dir, store) = store().await;
    assert!(store.list_accounts().await.unwrap().is_empty());
    let mut expected: Vec<_> =
        ["romeo@localhost", "juliet@localhost", "ärzte@example.org", "a@b", "\u{1F600}@never"]
            .into_iter()
            .filter_map(|text| BareJid::new(text).ok())
            .collect();
    for account in &expected {
        store.add_account(account, &[]).await.unwrap();
    }
    expected.sort();
    assert_eq!(store.list_accounts().await.unwrap(), expected);
}

#[tokio::test]
async fn a_roster_comes_back_as_it_was_set() {
    let (dir, store) = store().await;
    let juliet = jid("juliet@localhost");
    store.add_account(&juliet, &[]).await.unwrap();
    let items = [
        item("benvolio@example.org", "Benvolio \u{1F4A9} 'quoted' --", Subscription::To, &[]),
        item("example.org", "", Subscription::None, &["", "Services", "services"]),
        item("romeo@localhost/orchard", "", Subscription::From, &["Friends", "Ärzte"]),
        item("romeo@localhost", "Romeo", Subscription::Both, &["Friends"]),
    ];
    let changes: Vec<_> =
        items.iter().rev().map(|item| (juliet.clone(), Change::SetRosterItem(item.clone()))).collect();
    assert_eq!(apply(&store, &changes).await, [Applied::Done; 4]);
    store.close().await;

    let store = Store::open(dir.path()).await.unwrap();
    let mut expected = items.to_vec();
    expected.sort_by(|a, b| a.jid().as_str().cmp(b.jid().as_str()));
    assert_eq!(roster(&store, "juliet@localhost").await, expected);
}

#[tokio::test]
async fn a_later_change_wins_within_a_batch_and_between_batches() {
    let (_dir, store) = store().await;
    let juliet = jid("juliet@localhost");
    store.add_account(&juliet, &[]).await.unwrap();
    let set = |name, groups: &[&str]| {
        let romeo = item("romeo@localhost", name, Subscription::None, groups);
        (juliet.clone(), Change::SetRosterItem(romeo))
    };
    let remove = || {
        let jid = Jid::new("romeo@localhost").unwrap();
        (juliet.clone(), Change::RemoveRosterItem { jid, version: 2, floor: 0 })
    };

    apply(&store, &[set("1", &["a", "b"]), remove(), set("2", &["b", "c"]), set("3", &["c"])]).await;
    let now = roster(&store, "juliet@localhost").await;
    assert_eq!(now, [item("romeo@localhost", "3", Subscription::None, &["c"])]);

    apply(&store, &[set("4", &[]), remove(), remove()]).await;
    assert!(roster(&store, "juliet@localhost").await.is_empty());
    assert!(apply(&store, &[]).await.is_empty());
}

#[tokio::test]
async fn a_change_to_a_deleted_account_fails_alone() {
    let (_dir, store) = store().await;
    store.add_account(&jid("juliet@localhost"), &[]).await.unwrap();
    let change = || Change::SetRosterItem(item("romeo@localhost", "", Subscription::None, &[]));
    let batch = [(jid("gone@localhost"), change()), (jid("juliet@localhost"), change())];
    assert_eq!(apply(&store, &batch).await, [Applied::NoAccount, Applied::Done]);
    assert_eq!(roster(&store, "juliet@localhost").await.len(), 1);
    assert!(store.load_account(&jid("gone@localhost")).await.unwrap().is_none());
}

#[tokio::test]
async fn the_decoy_key_is_made_once() {
    let (dir, store) = store().await;
    let key = store.decoy_key().await.unwrap();
    assert_ne!(*key, [0; 32]);
    assert_eq!(store.decoy_key().await.unwrap(), key);
    store.close().await;
    assert_eq!(Store::open(dir.path()).await.unwrap().decoy_key().await.unwrap(), key);

    let (_other, other) = self::store().await;
    assert_ne!(other.decoy_key().await.unwrap(), key);
    assert_ne!(other.dialback_secret().await.unwrap(), other.decoy_key().await.unwrap());
}

#[tokio::test]
async fn folder_and_files_are_their_owners() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("data");
    let store = Store::open(&dir).await.unwrap();
    store.add_account(&jid("juliet@localhost"), &keys(1)).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir), 0o700);
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    assert!(names.contains("xmppd.sqlite") && names.contains("xmppd.sqlite-wal"), "{names:?}");
}

#[tokio::test]
async fn an_empty_file_becomes_a_store() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), "").unwrap();
    let store = Store::open(dir.path()).await.unwrap();
    store.add_account(&jid("juliet@localhost"), &keys(1)).await.unwrap();
}

#[tokio::test]
async fn what_is_not_a_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let text = "this is a letter, not a database. ".repeat(100);
    fs::write(dir.path().join(FILE), &text).unwrap();
    let error = Store::open(dir.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains("not a database"), "{error}");
    assert_eq!(fs::read_to_string(dir.path().join(FILE)).unwrap(), text);
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_in_words() {
    let (dir, store) = store().await;
    store.close().await;
    tamper(&dir, "INSERT INTO _sqlx_migrations VALUES (999, 'later', CURRENT_TIMESTAMP, TRUE, x'00', 0)")
        .await;
    let error = Store::open(dir.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::TooNew { version: 999, .. }), "{error:?}");
    assert!(error.to_string().contains("newer version of xmppd"), "{error}");
}

#[tokio::test]
async fn damage_is_reported_and_not_guessed_around() {
    for damage in [
        "UPDATE scram_key SET stored_key = x'00'",
        "UPDATE scram_key SET salt = x''",
        "UPDATE scram_key SET iterations = 4294967296",
    ] {
        let (dir, store) = store().await;
        store.add_account(&jid("juliet@localhost"), &keys(1)).await.unwrap();
        tamper(&dir, damage).await;
        let error = store.credentials(&jid("juliet@localhost")).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{damage}: {error:?}");
    }

    let (dir, store) = store().await;
    store.add_account(&jid("juliet@localhost"), &[]).await.unwrap();
    store.decoy_key().await.unwrap();
    let romeo = item("romeo@localhost", "", Subscription::None, &[]);
    apply(&store, &[(jid("juliet@localhost"), Change::SetRosterItem(romeo))]).await;
    tamper(&dir, "UPDATE roster_item SET contact = '@'; UPDATE setting SET value = x'00'").await;
    let error = store.load_account(&jid("juliet@localhost")).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error:?}");
    assert!(matches!(store.decoy_key().await.unwrap_err(), StoreError::Corrupt(_)));
}

#[tokio::test]
async fn a_missing_store_is_not_made_by_looking() {
    let outer = tempfile::tempdir().unwrap();
    let dir = outer.path().join("data");
    assert!(Store::open_existing(&dir).await.unwrap().is_none());
    assert!(!dir.exists());
    Store::open(&dir).await.unwrap();
    assert!(Store::open_existing(&dir).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_open_a_new_store_at_once_and_write() {
    let dir = tempfile::tempdir().unwrap();
    let openers: Vec<_> = (0..8)
        .map(|n| {
            let path = dir.path().to_owned();
            tokio::spawn(async move {
                let store = Store::open(&path).await?;
                store.add_account(&jid(&format!("user{n}@localhost")), &keys(n)).await
            })
        })
        .collect();
    for opener in openers {
        opener.await.unwrap().unwrap();
    }
    let store = Store::open(dir.path()).await.unwrap();
    assert_eq!(store.list_accounts().await.unwrap().len(), 8);
}

#[tokio::test]
async fn every_commit_is_synced_and_accounts_are_enforced() {
    let (_dir, store) = store().await;
    for pool in [&store.writer, &store.readers] {
        let pragma = |statement| sqlx::query_scalar::<_, i64>(statement).fetch_one(pool);
        assert_eq!(pragma("PRAGMA synchronous").await.unwrap(), 2);
        assert_eq!(pragma("PRAGMA foreign_keys").await.unwrap(), 1);
        assert_eq!(pragma("PRAGMA busy_timeout").await.unwrap(), 10_000);
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(pool).await.unwrap();
        assert_eq!(mode, "wal");
    }
    let refused = sqlx::query("DELETE FROM account").execute(&store.readers).await;
    assert!(refused.is_err(), "readers do not write");
}

#[tokio::test]
async fn changes_of_other_processes_are_noticed_and_our_own_are_not() {
    let (dir, store) = store().await;
    let before = store.foreign_changes().await.unwrap();
    store.add_account(&jid("juliet@localhost"), &[]).await.unwrap();
    assert!(store.account_exists(&jid("juliet@localhost")).await.unwrap());
    assert_eq!(store.foreign_changes().await.unwrap(), before);
    Store::open(dir.path()).await.unwrap().delete_account(&jid("juliet@localhost")).await.unwrap();
    assert_ne!(store.foreign_changes().await.unwrap(), before);
}
