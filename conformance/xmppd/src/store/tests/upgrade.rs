//! Stores of earlier versions, with what was in them.

use sqlx::migrate::Migrator;

use super::*;

/// Makes a store as it was up to that migration.
async fn old_store(version: i64, content: &'static str) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteConnectOptions::new().filename(dir.path().join(FILE)).create_if_missing(true);
    let mut connection = options.connect().await.unwrap();
    let until = MIGRATIONS.iter().filter(|migration| migration.version <= version).cloned().collect();
    Migrator::with_migrations(until).run(&mut connection).await.unwrap();
    sqlx::raw_sql(content).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    dir
}

#[tokio::test]
async fn a_store_without_subscriptions_keeps_its_rosters() {
    let dir = old_store(
        3,
        "INSERT INTO account VALUES (1, 'juliet@localhost', 0), (2, 'nurse@localhost', 0);
         INSERT INTO scram_key VALUES (1, 'SHA-512', x'01', 4096, x'02', x'03');
         INSERT INTO roster_item VALUES (7, 1, 'romeo@localhost', 'Romeo', 'none');
         INSERT INTO roster_group VALUES (7, 'Friends');
         INSERT INTO deletion VALUES ('tybalt@localhost'), ('nurse@localhost');",
    )
    .await;
    let store = Store::open(dir.path()).await.unwrap();
    let juliet = store.load_account(&jid("juliet@localhost")).await.unwrap().unwrap();
    assert_eq!(juliet.roster(), [item("romeo@localhost", "Romeo", Subscription::None, &["Friends"])]);
    assert_eq!((juliet.floor(), juliet.offline().last(), juliet.last_presence()), (0, 0, None));
    let nurse = store.load_account(&jid("nurse@localhost")).await.unwrap().unwrap();
    assert!(juliet.incarnation() != 0 && juliet.incarnation() != nurse.incarnation());

    // Deletions that no server has seen yet are still to be told.
    let change =
        [(jid("nurse@localhost"), Change::SetRosterItem(juliet.roster()[0].clone().with_version(1)))];
    assert_eq!(apply(&store, &change).await, [Applied::NoAccount]);
    let deletions = store.deletions(0).await.unwrap();
    let accounts: Vec<_> = deletions.iter().map(|deletion| deletion.account.as_str()).collect();
    assert_eq!(accounts, ["nurse@localhost", "tybalt@localhost"]);
    store.forget_deletions(deletions[1].number).await.unwrap();
    assert_eq!(apply(&store, &change).await, [Applied::Done]);
}

#[tokio::test]
async fn an_upgrade_that_was_interrupted_has_not_begun() {
    let dir =
        old_store(3, "CREATE TABLE pending (in_the_way INTEGER); INSERT INTO account VALUES (1, 'a@b', 0);")
            .await;
    assert!(matches!(Store::open(dir.path()).await, Err(StoreError::Open { .. })));
    tamper(&dir, "DROP TABLE pending").await;
    let store = Store::open(dir.path()).await.unwrap();
    assert_eq!(store.list_accounts().await.unwrap().len(), 1);
}
