//! The queue of an account: what waits, and what of it is on its way to a session.

use alloc::vec::Vec;

use xmpp_core::stanza::Message;
use xmpp_core::time::UtcTime;

use crate::limits::HostLimits;
use crate::session::SessionId;
use crate::store::{OfflineMessage, OfflineSummary};

/// What waits for an account. The messages themselves are in the store; a page of them at most is on its way.
///
/// Numbers grow, not always by one: of several messages that were handed to the store at once, one may have failed.
#[derive(Debug)]
pub(super) struct Queue {
    /// The highest number that was given.
    last: u64,
    /// Nothing with a number up to this one waits.
    removed: u64,
    /// How many wait, and their bytes. After the account was loaded anew these may be too high until nothing waits.
    count: usize,
    bytes: usize,
    flood: Option<Flood>,
}

/// The way of the messages to the session that was there first, page by page: the next one when all of the last one is written.
#[derive(Debug)]
struct Flood {
    session: SessionId,
    /// The last message that the session was given.
    given: u64,
    /// Of those that it was given, what is not written yet: number and bytes.
    unwritten: Vec<(u64, usize)>,
    is_loading: bool,
}

/// What is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The page behind this number is to be loaded.
    Load(u64),
    /// The session has all there is, or cannot be given more: another may begin.
    Idle,
    /// Something is under way.
    Wait,
}

impl Queue {
    pub(super) const fn new(summary: OfflineSummary) -> Self {
        let (last, count, bytes) = (summary.last(), summary.count(), summary.bytes());
        Queue { last, removed: 0, count, bytes, flood: None }
    }

    /// Puts a message behind the others, if there is room for it.
    pub(super) fn push(
        &mut self,
        at: UtcTime,
        message: Message,
        limits: &HostLimits,
    ) -> Option<OfflineMessage> {
        let message = OfflineMessage::new(self.last + 1, at, message);
        let bytes = self.bytes + message.bytes();
        if self.count >= limits.offline_messages() || bytes > limits.offline_bytes() {
            return None;
        }
        self.bytes = bytes;
        self.count += 1;
        self.last += 1;
        Some(message)
    }

    /// Whether messages wait that a session is being given, so that a later one has to wait behind them.
    pub(super) fn is_flooding(&self) -> bool {
        self.flood.as_ref().is_some_and(|flood| flood.given < self.last)
    }

    /// Begins to give what waits to a session: the number behind which the first page is, unless nothing waits or it goes elsewhere already.
    pub(super) fn begin(&mut self, session: SessionId) -> Option<u64> {
        if self.flood.is_some() || self.count == 0 {
            return None;
        }
        let given = self.removed;
        self.flood = Some(Flood { session, given, unwritten: Vec::new(), is_loading: true });
        Some(given)
    }

    /// The session that was given these messages before the account was loaded anew, and has not written them, goes on behind them.
    pub(super) fn resume(&mut self, session: SessionId, unwritten: impl Iterator<Item = u64>) {
        let unwritten: Vec<_> = unwritten.map(|number| (number, 0)).collect();
        if let (None, Some((given, _))) = (&self.flood, unwritten.last()) {
            self.flood = Some(Flood { session, given: *given, unwritten, is_loading: false });
        }
    }

    /// The page behind that number has come: who gets which messages of it, if anybody still waits for it.
    pub(super) fn page(
        &mut self,
        after: u64,
        messages: Vec<OfflineMessage>,
    ) -> Option<(SessionId, Vec<OfflineMessage>)> {
        let flood = self.flood.as_mut().filter(|flood| flood.is_loading && flood.given == after)?;
        flood.is_loading = false;
        let page: Vec<_> = messages.into_iter().filter(|message| message.number() > after).collect();
        match page.last() {
            Some(last) => {
                flood.given = last.number();
                flood.unwritten = page.iter().map(|message| (message.number(), message.bytes())).collect();
                Some((flood.session, page))
            }
            None => {
                // The store has less than it said: there is nothing to wait for.
                self.flood = None;
                (self.count, self.bytes) = (0, 0);
                None
            }
        }
    }

    /// The page could not be loaded: what waits stays where it is, until a session comes next.
    pub(super) fn page_failed(&mut self, after: u64) {
        self.flood.take_if(|flood| flood.is_loading && flood.given == after);
    }

    /// A session has everything up to that number: whether that can be removed now.
    pub(super) fn written(&mut self, session: SessionId, number: u64) -> bool {
        if let Some(flood) = self.flood.as_mut().filter(|flood| flood.session == session) {
            let written = flood.unwritten.iter().take_while(|(unwritten, _)| *unwritten <= number).count();
            let bytes: usize = flood.unwritten.drain(..written).map(|(_, bytes)| bytes).sum();
            self.count = self.count.saturating_sub(written);
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        let is_new = number > self.removed && number <= self.last;
        if is_new {
            self.removed = number;
        }
        if self.removed == self.last {
            (self.count, self.bytes) = (0, 0);
        }
        is_new
    }

    /// What is to be done next; `takes` says whether a session may be given more.
    pub(super) fn next(&mut self, takes: impl FnOnce(SessionId) -> bool) -> Next {
        let Some(flood) = &mut self.flood else { return Next::Idle };
        if flood.is_loading || !flood.unwritten.is_empty() {
            return Next::Wait;
        }
        if flood.given < self.last && takes(flood.session) {
            flood.is_loading = true;
            return Next::Load(flood.given);
        }
        self.flood = None;
        Next::Idle
    }

    /// A session has ended: what it was given and did not get is still there.
    pub(super) fn ended(&mut self, session: SessionId) {
        self.flood.take_if(|flood| flood.session == session);
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use xmpp_core::jid::Jid;

    use super::*;

    const A: SessionId = SessionId(1);
    const B: SessionId = SessionId(2);

    fn message() -> Message {
        Message::chat(Jid::new("juliet@capulet.com").unwrap()).with_body("O blessed, blessed night!")
    }

    fn stored(numbers: core::ops::RangeInclusive<u64>) -> Vec<OfflineMessage> {
        numbers.map(|number| OfflineMessage::new(number, UtcTime::UNIX_EPOCH, message())).collect()
    }

    fn queue(count: usize, last: u64) -> Queue {
        Queue::new(OfflineSummary::new(count, count * stored(1..=1)[0].bytes(), last))
    }

    fn push(queue: &mut Queue) -> Option<u64> {
        let pushed = queue.push(UtcTime::UNIX_EPOCH, message(), &HostLimits::new().with_offline(5, 1 << 20));
        pushed.map(|message| message.number())
    }

    fn numbers(page: Option<(SessionId, Vec<OfflineMessage>)>) -> Vec<u64> {
        page.map(|(_, page)| page.iter().map(OfflineMessage::number).collect()).unwrap_or_default()
    }

    #[test]
    fn there_is_room_for_so_many_and_so_much() {
        let mut full = queue(4, 9);
        assert_eq!((push(&mut full), push(&mut full)), (Some(10), None));

        let one = stored(1..=1)[0].bytes();
        for (limit, fits) in [(2 * one - 1, false), (2 * one, true), (2 * one + 1, true)] {
            let limits = HostLimits::new().with_offline(5, limit);
            let mut queue = queue(1, 1);
            assert_eq!(queue.push(UtcTime::UNIX_EPOCH, message(), &limits).is_some(), fits, "{limit}");
        }
    }

    #[test]
    fn pages_follow_what_was_written() {
        let mut queue = queue(4, 7);
        assert_eq!(queue.begin(A), Some(0));
        assert_eq!(queue.begin(B), None, "one at a time");
        assert!(queue.is_flooding());
        assert_eq!(numbers(queue.page(0, stored(4..=5))), [4, 5]);
        assert_eq!(queue.next(|_| true), Next::Wait);
        assert!(queue.written(A, 4));
        assert!(!queue.written(A, 4), "it is removed once");
        assert_eq!(queue.next(|_| true), Next::Wait);
        assert!(queue.written(A, 5));
        assert_eq!(queue.next(|_| true), Next::Load(5));
        // What comes meanwhile stands behind.
        assert_eq!(push(&mut queue), Some(8));
        assert_eq!(numbers(queue.page(5, stored(6..=8))), [6, 7, 8]);
        assert!(!queue.is_flooding(), "what comes now stands behind it in the outbox");
        assert!(queue.written(A, 8));
        assert_eq!(queue.next(|_| true), Next::Idle);
        assert_eq!((queue.count, queue.bytes, queue.begin(A)), (0, 0, None));
    }

    #[test]
    fn a_session_that_ends_leaves_the_rest() {
        let mut queue = queue(4, 4);
        assert_eq!(queue.begin(A), Some(0));
        assert_eq!(numbers(queue.page(0, stored(1..=3))), [1, 2, 3]);
        assert!(queue.written(A, 2));
        queue.ended(B);
        assert_eq!(queue.begin(B), None);
        queue.ended(A);
        assert_eq!(queue.begin(B), Some(2));
        assert_eq!(numbers(queue.page(0, stored(1..=3))), [0; 0], "nobody waits for that one any more");
        assert_eq!(numbers(queue.page(2, stored(3..=4))), [3, 4]);
        assert_eq!(numbers(queue.page(2, stored(3..=4))), [0; 0], "it has come");
    }

    #[test]
    fn a_session_that_takes_no_more_is_given_no_more() {
        let mut queue = queue(4, 4);
        queue.begin(A);
        queue.page(0, stored(1..=2));
        assert!(queue.written(A, 2));
        assert_eq!(queue.next(|session| session != A), Next::Idle);
        assert!(!queue.is_flooding(), "nobody is being given anything");
        assert_eq!(queue.begin(B), Some(2));
        queue.page_failed(1);
        assert_eq!(queue.next(|_| true), Next::Wait);
        queue.page_failed(2);
        assert_eq!(queue.next(|_| true), Next::Idle);
    }

    #[test]
    fn what_was_given_before_a_load_is_not_given_again() {
        let mut queue = queue(4, 4);
        queue.resume(A, [2, 3].into_iter());
        assert_eq!((queue.begin(B), queue.is_flooding()), (None, true));
        assert!(queue.written(A, 2));
        assert_eq!(queue.next(|_| true), Next::Wait);
        assert!(queue.written(A, 3));
        assert_eq!((queue.count, queue.next(|_| true)), (2, Next::Load(3)));

        // Marks of what is not there change nothing.
        let mut queue = self::queue(2, 4);
        queue.resume(A, core::iter::empty());
        assert_eq!(queue.begin(B), Some(0));
        assert!(!queue.written(A, 0) && !queue.written(A, 5));
    }

    #[test]
    fn numbers_may_have_gaps() {
        let mut queue = queue(2, 9);
        assert_eq!(queue.begin(A), Some(0));
        let page = [stored(4..=4), stored(9..=9)].concat();
        assert_eq!(numbers(queue.page(0, page)), [4, 9]);
        assert!(queue.written(A, 4));
        assert_eq!(queue.count, 1);
        assert!(queue.written(A, 9));
        assert_eq!((queue.count, queue.bytes, queue.next(|_| true)), (0, 0, Next::Idle));
    }

    #[test]
    fn a_store_that_has_less_than_it_said_ends_the_flood() {
        let mut queue = queue(3, 3);
        queue.begin(A);
        assert_eq!(numbers(queue.page(0, vec![])), [0; 0]);
        assert_eq!((queue.count, queue.next(|_| true)), (0, Next::Idle));
    }
}
