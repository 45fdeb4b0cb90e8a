//! What the host has for one connection, a session's or another server's, on its way there.
//!
//! The host fills it up to a mark and keeps the rest in its own bounded outbox; the connection empties it
//! and, if there was more, says so once. Nobody waits for anybody here, and nothing is lost between the two: after a
//! connection has ended, the host takes back what the connection left.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use xmpp_core::stanza::Stanza;
use xmpp_core::stream::StreamError;

/// Bytes of stanzas that end the filling; the one that passes the mark is in.
const MARK: usize = 64 * 1024;

/// The mailbox of a connection.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    mail: Mutex<Mail>,
    changed: Notify,
    receipt: Mutex<Receipt>,
}

/// How many stanzas out of a mailbox are written, for a host that waits for it.
#[derive(Debug, Default)]
struct Receipt {
    written: u64,
    /// Whether the host waits to be told of more.
    is_awaited: bool,
    /// Whether it was told since it looked last.
    is_told: bool,
}

/// How a connection is to end.
#[derive(Debug)]
pub(super) enum End {
    /// In order.
    Close,
    /// With this error.
    Fail(StreamError),
}

/// What came of [handing over](Mailbox::hand_over) what was in a mailbox.
#[derive(Debug)]
pub(super) struct Handed {
    /// Whether there was anything.
    pub(super) any: bool,
    /// The host may have more, and waits to be told that these are out.
    pub(super) more: bool,
    /// The connection is to end, behind those stanzas.
    pub(super) end: Option<End>,
}

/// What is in a mailbox.
#[derive(Debug, Default)]
pub(super) struct Mail {
    /// Stanzas to be sent, in order.
    pub(super) stanzas: VecDeque<Stanza>,
    bytes: usize,
    /// The host may have more, and waits to be told that these are out.
    pub(super) more: bool,
    /// The connection is to end, behind those stanzas.
    pub(super) end: Option<End>,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Mail> {
        // No code that holds the lock can panic halfway through a change.
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host's: puts stanzas in until the mark is reached or `next` has no more. Whether it had no more.
    pub(super) fn fill(&self, mut next: impl FnMut() -> Option<Stanza>) -> bool {
        let mut mail = self.lock();
        let mut any = false;
        while mail.bytes < MARK {
            let Some(stanza) = next() else { break };
            mail.bytes += stanza.weight();
            mail.stanzas.push_back(stanza);
            any = true;
        }
        mail.more = mail.bytes >= MARK;
        let all = !mail.more;
        drop(mail);
        if any {
            self.changed.notify_one();
        }
        all
    }

    /// The host's: it waits, or does not, to be told what is written. To be said before what it is about is put in.
    pub(super) fn await_receipt(&self, is_awaited: bool) {
        self.receipt().is_awaited = is_awaited;
    }

    /// The host's: how many of all stanzas that were put in are written.
    pub(super) fn take_receipt(&self) -> u64 {
        let mut receipt = self.receipt();
        receipt.is_told = false;
        receipt.written
    }

    /// The connection's: so many of all stanzas that were taken out are written. Whether the host is to be told.
    pub(super) fn written(&self, count: u64) -> bool {
        let mut receipt = self.receipt();
        let is_news = receipt.is_awaited && !receipt.is_told && count > receipt.written;
        receipt.written = count;
        receipt.is_told |= is_news;
        is_news
    }

    fn receipt(&self) -> MutexGuard<'_, Receipt> {
        self.receipt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host's: the connection is to end.
    pub(super) fn end(&self, end: End) {
        self.lock().end = Some(end);
        self.changed.notify_one();
    }

    /// Takes all that is in it.
    pub(super) fn take(&self) -> Mail {
        std::mem::take(&mut *self.lock())
    }

    /// The connection's: gives all that is in it to `send`, if there is `room` or the connection is to end. What `send` refuses, since the
    /// stream is about to end, joins `unsent`: it finds another way, or its sender is told.
    pub(super) fn hand_over(
        &self,
        room: bool,
        unsent: &mut Vec<Stanza>,
        mut send: impl FnMut(Stanza) -> bool,
    ) -> Option<Handed> {
        let closed = self.is_closed();
        if !room && !closed {
            return None;
        }
        let Mail { stanzas, more, end, .. } = self.take();
        let any = closed || !stanzas.is_empty();
        for stanza in stanzas {
            if !send(stanza.clone()) {
                unsent.push(stanza);
            }
        }
        Some(Handed { any, more, end })
    }

    /// The connection's: whether it is to end.
    pub(super) fn is_closed(&self) -> bool {
        self.lock().end.is_some()
    }

    /// The connection's: waits until it is to end, however long that takes.
    pub(super) async fn ended(&self) {
        while !self.is_closed() {
            self.changed().await;
        }
        // Whoever waits next is to see it too.
        self.changed.notify_one();
    }

    /// The connection's: waits until the host has done something.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use xmpp_core::jid::Jid;
    use xmpp_core::stanza::Message;

    use super::*;

    fn stanzas(count: usize, bytes: usize) -> impl FnMut() -> Option<Stanza> {
        let mut left = count;
        move || {
            left = left.checked_sub(1)?;
            let to = Jid::new("juliet@localhost").unwrap();
            Some(Message::chat(to).with_body(&"x".repeat(bytes)).into())
        }
    }

    #[test]
    fn it_fills_to_the_mark_and_tells_whether_there_may_be_more() {
        let mailbox = Mailbox::default();
        assert!(mailbox.fill(stanzas(3, 10)));
        let mail = mailbox.take();
        assert_eq!((mail.stanzas.len(), mail.more), (3, false));

        assert!(!mailbox.fill(stanzas(5, MARK)));
        assert!(!mailbox.fill(stanzas(5, MARK)), "it is full");
        let mail = mailbox.take();
        assert_eq!((mail.stanzas.len(), mail.more), (1, true), "one passes the mark");
        assert!(mailbox.take().stanzas.is_empty());
    }

    #[test]
    fn what_is_written_is_told_once_if_anybody_waits_for_it() {
        let mailbox = Mailbox::default();
        assert!(!mailbox.written(1), "nobody waits");
        mailbox.await_receipt(true);
        assert!(!mailbox.written(1), "that is nothing new");
        assert!(mailbox.written(2));
        assert!(!mailbox.written(3), "the host has not looked yet");
        assert_eq!(mailbox.take_receipt(), 3);
        assert!(mailbox.written(4));
        mailbox.await_receipt(false);
        assert_eq!(mailbox.take_receipt(), 4);
        assert!(!mailbox.written(5));
    }

    #[tokio::test]
    async fn the_connection_is_woken() {
        let mailbox = Mailbox::default();
        mailbox.fill(stanzas(1, 1));
        mailbox.changed().await;
        assert!(!mailbox.is_closed());
        mailbox.end(End::Fail(StreamError::new(xmpp_core::stream::Condition::Conflict)));
        mailbox.changed().await;
        assert!(mailbox.is_closed());
    }
}
