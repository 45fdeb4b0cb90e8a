//! Requests that wait for their responses (RFC 3920 section 9.2.3, RFC 6120 sections 8.1.3 and 8.2.3).

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use core::time::Duration;

use super::{Iq, IqType};
use crate::entropy::{Entropy, Label, Seed};
use crate::error::Misuse;
use crate::jid::{BareJid, Jid};
use crate::time::Instant;
use crate::xml::Element;

/// A request that was made, to whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u64);

/// The requests of one entity that have not been answered yet.
///
/// Each ends exactly once: [answered](Self::answer), [expired](Self::expire), or [left](Self::end) when the connection ends. A response
/// belongs to a request only if it is an iq of type result or error with its id *and* comes from whom was asked: ids are drawn so that
/// nobody can guess them, and still are no proof, since everybody who is asked something learns one.
///
/// ```
/// use core::time::Duration;
/// use xmpp_core::entropy::Seed;
/// use xmpp_core::jid::{BareJid, FullJid};
/// use xmpp_core::stanza::Tracker;
/// use xmpp_core::time::Instant;
/// use xmpp_core::xml::{Element, ns};
///
/// let juliet = FullJid::new("juliet@example.com/balcony")?;
/// let mut tracker = Tracker::new(juliet.as_jid(), Seed::new([7; 32]));
/// let ping = Element::builder(ns::PING, "ping").build();
/// let (sent, iq) = tracker.get(Instant::ZERO, Some(BareJid::new("example.net")?.into()), ping)?;
///
/// // The answer comes, and does not come again.
/// let pong = iq.result_reply(None);
/// assert_eq!(tracker.answer(&pong), Some(sent));
/// assert_eq!(tracker.answer(&pong), None);
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Tracker {
    own: BareJid,
    entropy: Entropy,
    patience: Duration,
    limit: usize,
    /// By their ids.
    open: BTreeMap<Arc<str>, Request>,
    deadlines: BTreeMap<(Instant, RequestId), Arc<str>>,
    next: u64,
}

#[derive(Debug)]
struct Request {
    number: RequestId,
    /// Whom it is for; none: our own account, as if it had been named.
    to: Option<Jid>,
    deadline: Instant,
}

impl Tracker {
    /// For the requests of the entity with that address. Each may take 60 seconds, and 1,000 may be open at once.
    #[must_use]
    pub fn new(own: &Jid, seed: Seed) -> Self {
        Tracker {
            own: own.to_bare(),
            entropy: Entropy::new(seed),
            patience: Duration::from_secs(60),
            limit: 1_000,
            open: BTreeMap::new(),
            deadlines: BTreeMap::new(),
            next: 0,
        }
    }

    /// Sets how long requests that are made from now on may take.
    #[must_use]
    pub const fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sets how many requests may be open at once.
    #[must_use]
    pub const fn with_limit(mut self, requests: usize) -> Self {
        self.limit = requests;
        self
    }

    /// How many requests are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.len()
    }

    /// Makes a request for information. It is for `to`, or for our own account on its server; send it as it is.
    ///
    /// # Errors
    /// [`Misuse::TooManyRequests`] when as many are open as may be.
    pub fn get(
        &mut self,
        now: Instant,
        to: Option<Jid>,
        payload: Element,
    ) -> Result<(RequestId, Iq), Misuse> {
        self.request(now, IqType::Get, to, payload)
    }

    /// Makes a request that provides or replaces information, otherwise as [`get`](Self::get).
    ///
    /// # Errors
    /// [`Misuse::TooManyRequests`] when as many are open as may be.
    pub fn set(
        &mut self,
        now: Instant,
        to: Option<Jid>,
        payload: Element,
    ) -> Result<(RequestId, Iq), Misuse> {
        self.request(now, IqType::Set, to, payload)
    }

    fn request(
        &mut self,
        now: Instant,
        type_: IqType,
        to: Option<Jid>,
        payload: Element,
    ) -> Result<(RequestId, Iq), Misuse> {
        if self.open.len() >= self.limit {
            return Err(Misuse::TooManyRequests);
        }
        let number = RequestId(self.next);
        self.next += 1;
        let id: Arc<str> = self.entropy.token(Label::StanzaId).into();
        let mut iq = Iq::request(type_, &id, payload);
        iq.set_to(to.clone());
        let deadline = now + self.patience;
        self.deadlines.insert((deadline, number), id.clone());
        self.open.insert(id, Request { number, to, deadline });
        Ok((number, iq))
    }

    /// The request that an iq answers, which ends by it; none if it is late, repeated, from somebody else, or itself a request.
    pub fn answer(&mut self, iq: &Iq) -> Option<RequestId> {
        let request = self.open.get(iq.id()).filter(|_| !iq.is_request())?;
        if !self.is_from(iq.from(), request.to.as_ref()) {
            return None;
        }
        let Request { number, deadline, .. } = self.open.remove(iq.id())?;
        self.deadlines.remove(&(deadline, number));
        Some(number)
    }

    /// Whether a response from there comes from whom was asked. Compared is the whole address: a resource does not answer for its
    /// account, nor one of its neighbours for it.
    fn is_from(&self, from: Option<&Jid>, asked: Option<&Jid>) -> bool {
        let own = self.own.as_jid();
        let is_server = |jid: &Jid| *jid == self.own.domain_jid();
        let asked = asked.unwrap_or(own);
        match from {
            Some(from) if from == asked => true,
            // RFC 3920 left open how a server signs what it says on behalf of an account. Nobody else speaks as the server.
            Some(from) => asked == own && is_server(from),
            // RFC 6120 section 8.1.2.1 rule 4: it is from our own account, or from a server that leaves out its name.
            None => asked == own || is_server(asked),
        }
    }

    /// When the next request expires.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first_key_value().map(|((at, _), _)| *at)
    }

    /// Ends one request whose time is over, the one that was due first; none if there is none. A response that comes later is for nobody.
    pub fn expire(&mut self, now: Instant) -> Option<RequestId> {
        let due = self.deadlines.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((_, number), id) = due.remove_entry();
        self.open.remove(&id);
        Some(number)
    }

    /// The connection has ended: the requests that will never be answered, in the order in which they were made.
    pub fn end(self) -> impl Iterator<Item = RequestId> {
        let mut left: alloc::vec::Vec<_> = self.open.into_values().map(|request| request.number).collect();
        left.sort_unstable();
        left.into_iter()
    }
}

#[cfg(test)]
mod tests;
