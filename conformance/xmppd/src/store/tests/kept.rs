//! Whatever the engine keeps comes back as it was.

use xmpp_core::stanza::{Message, Presence, PresenceType, Show, Stanza};
use xmpp_core::time::UtcTime;
use xmpp_im::store::{Memory, OfflineMessage, Pending, PendingKind};

use super::*;

fn pending(type_: PresenceType, from: &str, status: &str) -> Pending {
    let presence = Presence::new(type_).with_from(Jid::new(from).unwrap()).with_to(jid("juliet@localhost"));
    Pending::new(presence.with_status(status)).unwrap()
}

fn message(number: u64, body: &str) -> OfflineMessage {
    let at = UtcTime::from_micros(1_000_000 * number as i64 + 1);
    let from = Jid::new("romeo@example.net/orchard").unwrap();
    OfflineMessage::new(number, at, Message::chat(jid("juliet@localhost")).with_from(from).with_body(body))
}

fn keep(key: &str, value: Option<&[u8]>) -> Change {
    Change::SetState { module: "privacy".into(), key: key.into(), value: value.map(<[u8]>::to_vec) }
}

fn removal(contact: &str, version: u64, floor: u64) -> Change {
    Change::RemoveRosterItem { jid: Jid::new(contact).unwrap(), version, floor }
}

/// One change of every kind, and then each again with something else.
fn story() -> Vec<Change> {
    let contact = |jid, version| item(jid, "", Subscription::None, &["Friends"]).with_version(version);
    let at = UtcTime::from_micros(-1);
    vec![
        Change::SetRosterItem(contact("a@localhost", 1).with_ask(true)),
        Change::SetRosterItem(
            contact("b@localhost", 2).with_approved(true).with_subscription(Subscription::Both),
        ),
        Change::SetRosterItem(contact("a@localhost", 3).with_name("A")),
        removal("b@localhost", 4, 0),
        removal("c@localhost", 5, 0),
        Change::SetRosterItem(contact("c@localhost", 6)),
        removal("a@localhost", 7, 4),
        Change::KeepPending(pending(PresenceType::Subscribe, "nurse@localhost/x", "I'm the <nurse>")),
        Change::KeepPending(pending(PresenceType::Unsubscribe, "nurse@localhost", "")),
        Change::KeepPending(pending(PresenceType::Subscribe, "paris@example.net", "1")),
        Change::KeepPending(pending(PresenceType::Subscribed, "nurse@localhost", "later")),
        Change::RemovePending { from: jid("paris@example.net"), kind: PendingKind::Notice },
        Change::KeepPending(pending(PresenceType::Subscribed, "paris@example.net", "")),
        Change::RemovePending { from: jid("paris@example.net"), kind: PendingKind::Request },
        Change::SetLastPresence {
            at,
            presence: Presence::new(PresenceType::Unavailable).with_status("bye \u{1f339}"),
        },
        Change::SetLastPresence {
            at: UtcTime::MAX,
            presence: Presence::available().with_show(Some(Show::Xa)),
        },
        Change::AppendOffline(message(1, "&amp; <1>")),
        Change::AppendOffline(message(2, "2")),
        Change::AppendOffline(message(7, "7")),
        Change::RemoveOffline { through: 1 },
        keep("list", Some(b"\0\xff")),
        keep("list", Some(b"")),
        keep("other", Some(b"1")),
        keep("other", None),
        Change::RemoveOffline { through: 7 },
        Change::AppendOffline(message(8, "8")),
        removal("c@localhost", 8, 7),
    ]
}

/// What both say of an account, and of its messages.
async fn assert_same(store: &Store, memory: &Memory, account: &BareJid, at: &str) {
    let kept = store.load_account(account).await.unwrap().unwrap();
    let expected = memory.load(account).unwrap().with_incarnation(kept.incarnation());
    assert_eq!(kept, expected, "{at}");
    let page = store.offline_page(account, 0, usize::MAX).await.unwrap();
    assert_eq!(page, memory.offline(account, 0, usize::MAX), "{at}");
}

#[tokio::test]
async fn every_change_does_what_it_does_in_memory_once_or_twice() {
    let (dir, store) = store().await;
    let (juliet, nurse) = (jid("juliet@localhost"), jid("nurse@localhost"));
    let mut memory = Memory::new();
    for account in [&juliet, &nurse] {
        store.add_account(account, &[]).await.unwrap();
        memory.create(account);
    }
    // The nurse has all of it, and nothing of hers changes.
    assert_eq!(store.apply(&[(&nurse, &story())]).await, [Applied::Done]);
    memory.apply(&nurse, &story());
    for change in story() {
        for _ in 0..2 {
            assert_eq!(store.apply(&[(&juliet, std::slice::from_ref(&change))]).await, [Applied::Done]);
            memory.apply(&juliet, std::slice::from_ref(&change));
            assert_same(&store, &memory, &juliet, &format!("{change:?}")).await;
        }
    }
    store.close().await;
    let store = Store::open(dir.path()).await.unwrap();
    for account in [&juliet, &nurse] {
        assert_same(&store, &memory, account, "after a restart").await;
    }
}

#[tokio::test]
async fn a_domain_keeps_the_state_of_modules_and_nothing_else() {
    let (_dir, store) = store().await;
    let domain = jid("localhost");
    let empty = store.load_account(&domain).await.unwrap();
    assert_eq!(empty, Some(AccountData::new()), "it always exists");
    assert_eq!(store.apply(&[(&domain, &[keep("motd", Some(b"hi"))])]).await, [Applied::Done]);
    let kept = store.load_account(&domain).await.unwrap().unwrap();
    assert_eq!(kept, AccountData::new().with_state("privacy", "motd", b"hi".to_vec()));
    let contact = Change::SetRosterItem(item("a@localhost", "", Subscription::None, &[]));
    assert_eq!(store.apply(&[(&domain, &[keep("motd", None), contact])]).await, [Applied::Failed]);
    assert_eq!(
        store.load_account(&domain).await.unwrap(),
        Some(kept),
        "a step is kept as a whole or not at all"
    );
    assert!(store.list_accounts().await.unwrap().is_empty());
}

#[tokio::test]
async fn messages_come_by_the_page() {
    let (_dir, store) = store().await;
    let juliet = jid("juliet@localhost");
    store.add_account(&juliet, &[]).await.unwrap();
    assert!(store.offline_page(&juliet, 0, 1_000).await.unwrap().is_empty());
    assert!(store.offline_page(&jid("nobody@localhost"), 0, 1_000).await.unwrap().is_empty());
    let messages: Vec<_> = (1..=9).map(|number| message(number, &"x".repeat(number as usize * 10))).collect();
    let changes: Vec<_> = messages.iter().rev().cloned().map(Change::AppendOffline).collect();
    assert_eq!(store.apply(&[(&juliet, &changes)]).await, [Applied::Done]);

    let three: usize = messages[..3].iter().map(OfflineMessage::bytes).sum();
    for (after, bytes, expected) in [
        (0, usize::MAX, 0..9),
        (0, three, 0..3),
        (0, three + 1, 0..3),
        (0, three - 1, 0..2),
        // One at least, whatever it weighs.
        (0, 0, 0..1),
        (4, 1, 4..5),
        (8, three, 8..9),
        (9, three, 9..9),
        (u64::MAX, three, 9..9),
    ] {
        let page = store.offline_page(&juliet, after, bytes).await.unwrap();
        assert_eq!(page, messages[expected], "{after} {bytes}");
    }
    let data = store.load_account(&juliet).await.unwrap().unwrap();
    let bytes = messages.iter().map(OfflineMessage::bytes).sum();
    assert_eq!((data.offline().count(), data.offline().bytes(), data.offline().last()), (9, bytes, 9));
}

#[tokio::test]
async fn stanzas_that_make_no_sense_are_damage() {
    let stanza = |stanza: Stanza| stanza.to_string();
    let message = stanza(Message::chat(jid("juliet@localhost")).into());
    let presence = stanza(Presence::available().into());
    for text in [
        "",
        "<",
        "<presence/><presence/>",
        "<presence type='subscribe'/>",
        "<presence to='@'/>",
        &message,
        &presence,
    ] {
        let (_dir, store) = store().await;
        let juliet = jid("juliet@localhost");
        store.add_account(&juliet, &[]).await.unwrap();
        assert_eq!(store.apply(&[(&juliet, &story())]).await, [Applied::Done]);
        sqlx::query("UPDATE pending SET stanza = ?").bind(text).execute(&store.writer).await.unwrap();
        let error = store.load_account(&juliet).await.unwrap_err();
        assert!(matches!(error, StoreError::Corrupt(_)), "{text}: {error:?}");
        sqlx::query("DELETE FROM pending").execute(&store.writer).await.unwrap();
        store.load_account(&juliet).await.unwrap();

        if text != message {
            sqlx::query("UPDATE offline_message SET stanza = ?")
                .bind(text)
                .execute(&store.writer)
                .await
                .unwrap();
            assert_eq!(store.offline_page(&juliet, 0, 1).await.unwrap(), [], "{text}");
        }
        if text.parse::<Stanza>().is_err() || text == message {
            sqlx::query("UPDATE account SET last_presence = ?")
                .bind(text)
                .execute(&store.writer)
                .await
                .unwrap();
            let error = store.load_account(&juliet).await.unwrap_err();
            assert!(matches!(error, StoreError::Corrupt(_)), "{text}: {error:?}");
        }
    }
}

#[tokio::test]
async fn a_damaged_message_stays_and_is_in_nobodys_way() {
    let (_dir, store) = store().await;
    let juliet = jid("juliet@localhost");
    store.add_account(&juliet, &[]).await.unwrap();
    let messages: Vec<_> = (1..=6).map(|number| message(number, "?")).collect();
    let changes: Vec<_> = messages.iter().cloned().map(Change::AppendOffline).collect();
    assert_eq!(store.apply(&[(&juliet, &changes)]).await, [Applied::Done]);
    sqlx::query("UPDATE offline_message SET stanza = '<message' WHERE number IN (1, 2, 4, 6)")
        .execute(&store.writer)
        .await
        .unwrap();

    let numbers = async |after, bytes| {
        let page = store.offline_page(&juliet, after, bytes).await.unwrap();
        page.iter().map(OfflineMessage::number).collect::<Vec<_>>()
    };
    // A page that has only damage is not the last.
    assert_eq!(numbers(0, 1).await, [3]);
    assert_eq!(numbers(3, usize::MAX).await, [5]);
    assert_eq!(numbers(5, usize::MAX).await, [0; 0]);
    assert_eq!(numbers(0, usize::MAX).await, [3, 5]);
    let offline = store.load_account(&juliet).await.unwrap().unwrap().offline();
    assert_eq!((offline.count(), offline.last()), (2, 6), "they do not count, and their numbers are taken");

    // What is let go around them leaves them there, until the account goes.
    let through = [Change::RemoveOffline { through: 6 }];
    assert_eq!(store.apply(&[(&juliet, &through)]).await, [Applied::Done]);
    let left = async || {
        sqlx::query_scalar::<_, i64>("SELECT number FROM offline_message ORDER BY number")
            .fetch_all(&store.readers)
            .await
            .unwrap()
    };
    assert_eq!(left().await, [1, 2, 4, 6]);
    store.delete_account(&juliet).await.unwrap();
    assert_eq!(left().await, [0; 0]);
}
