//! A federation: all remote domains of one server, the links to them, and the stanzas that wait for those.
//!
//! What goes to foreign domains comes in by [`Federation::submit`], stanza by stanza. What has to be done comes out of
//! [`Federation::poll`], in order: links to open, which are streams in one direction, each a connection of the embedder's; stanzas for them,
//! which wait until [`Federation::take`] asks; errors for senders. What happens to links is reported as facts, under the link's id.
//!
//! - RFC 3920 section 10, RFC 6120 sections 10.1 and 10.4: one link per pair of domains, so that order is kept; errors when there is none
//! - RFC 6120 sections 8.3.3.16 and 8.3.3.17: which error
//! - XEP-0220: what a refused dialback means, sender domains that share a link, keys to be verified
//! - XEP-0190: idle links are closed, and nothing is sent behind that
//!
//! It resolves no name, opens no connection, makes no key, and does not judge what arrives: a stream that a remote server opened is
//! the embedder's, and its stanzas are the host's. Which domains are foreign is known to whoever submits.
//!
//! | what keeps a stanza from its link | what its sender gets |
//! |---|---|
//! | the domain does not resolve | `remote-server-not-found`, cancel |
//! | no connection, no stream in time, a stream that ends before it takes stanzas | `remote-server-timeout`, wait |
//! | no TLS, no trust, or a server that does not serve the domain | `remote-server-timeout`, cancel |
//! | a dialback error | `remote-server-timeout`, wait or cancel by its condition |
//! | a key that was called invalid | `internal-server-error` |
//! | too much waits already, or too many domains are known | `resource-constraint`, wait |
//!
//! Every stanza goes to a link once, or its sender is told; errors and results of requests are dropped instead, because they are never
//! answered. What a link hands back as never sent goes to the next link, once. After a failure the same error meets what follows at
//! once for a while, which doubles with each failure. [`FederationLimits`] bound all of it.
//!
//! Between it and the connections of [`xmpp_core::conn`] stands little more than a map from links to connections:
//!
//! | what it wants | what to do |
//! |---|---|
//! | [`Connect`](FederationAction::Connect) | [find](xmpp_core::resolve) and connect to the server of `remote`; a [`PeerOutbound`], [`for_verification`] if that is the [`Purpose`]; [`connected`](Federation::connected) |
//! | [`Authorize`](FederationAction::Authorize) | [`PeerOutbound::authorize`]; an `Err` is a [`refused`](Federation::refused) with [`Refusal::Failed`] |
//! | [`Verify`](FederationAction::Verify) | [`PeerOutbound::verify`], whose id of its own has to be remembered with this one; an `Err` is a [`verdict`](Federation::verdict) of [`Verdict::Failed`] |
//! | [`Ready`](FederationAction::Ready) | [`take`](Federation::take), [`PeerOutbound::send`]; what was taken and it refuses goes into [`closed`](Federation::closed), behind what it hands back itself |
//! | [`Bounce`](FederationAction::Bounce) | [`Host::deliver`](crate::host::Host::deliver) |
//! | [`Verified`](FederationAction::Verified) | `answer` of the [`PeerInbound`] that asked, with its ticket |
//! | [`Close`](FederationAction::Close) | the connection's `close` |
//!
//! | what happens | what to call |
//! |---|---|
//! | [`HostAction::Foreign`](crate::host::HostAction::Foreign) | [`submit`](Federation::submit) |
//! | no host can be [found or reached](xmpp_core::resolve::Exhausted) | [`closed`](Federation::closed), [`Ending::from`] why |
//! | [`Event::Authorized`], [`Event::Refused`] of a [`PeerOutbound`] | [`authorized`](Federation::authorized), [`refused`](Federation::refused) |
//! | [`Event::Verdict`] | [`verdict`](Federation::verdict), under the id that was remembered |
//! | [`Event::Closed`] of a [`PeerOutbound`] | [`closed`](Federation::closed), [`Ending::from`] its reason, with what it hands back; keys without a verdict need none |
//! | [`Question::Verification`] of a [`PeerInbound`] | [`verify`](Federation::verify), and the ticket is kept under the id |
//! | [`Event::Stanza`] of a [`PeerInbound`] | [`Host::deliver`](crate::host::Host::deliver); an `Err` ends that stream by its `fail` |
//! | [`Event::Reply`] of a [`PeerInbound`] | [`submit`](Federation::submit) |
//!
//! What comes as [`Misuse::Stale`] is news that nobody waits for any more. `tests/federation.rs` has all of this in one thread.
//!
//! [`Event::Authorized`]: xmpp_core::conn::Event::Authorized
//! [`Event::Closed`]: xmpp_core::conn::Event::Closed
//! [`Event::Refused`]: xmpp_core::conn::Event::Refused
//! [`Event::Reply`]: xmpp_core::conn::Event::Reply
//! [`Event::Stanza`]: xmpp_core::conn::Event::Stanza
//! [`Event::Verdict`]: xmpp_core::conn::Event::Verdict
//! [`PeerInbound`]: xmpp_core::conn::PeerInbound
//! [`PeerOutbound`]: xmpp_core::conn::PeerOutbound
//! [`PeerOutbound::authorize`]: xmpp_core::conn::PeerOutbound::authorize
//! [`PeerOutbound::send`]: xmpp_core::conn::PeerOutbound::send
//! [`PeerOutbound::verify`]: xmpp_core::conn::PeerOutbound::verify
//! [`Question::Verification`]: xmpp_core::conn::Question::Verification
//! [`for_verification`]: xmpp_core::conn::PeerOutboundConfig::for_verification
//!
//! ```
//! use xmpp_core::conn::Method;
//! use xmpp_core::entropy::Seed;
//! use xmpp_core::jid::{BareJid, Jid};
//! use xmpp_core::stanza::{Message, Stanza};
//! use xmpp_core::time::Instant;
//! use xmpp_im::federation::{Ending, Federation, FederationAction, FederationConfig};
//!
//! let now = Instant::ZERO;
//! let mut federation = Federation::new(FederationConfig::new(), Seed::new([1; 32]));
//! let mut stanza = Stanza::Message(Message::chat(Jid::new("romeo@montague.example")?).with_body("?"));
//! stanza.set_from(Some(Jid::new("juliet@capulet.example/balcony")?));
//! federation.submit(now, stanza.clone())?;
//!
//! let Some(FederationAction::Connect { link, local, remote, .. }) = federation.poll() else { panic!("no link yet") };
//! assert_eq!((local.as_str(), remote.as_str()), ("capulet.example", "montague.example"));
//! assert_eq!(federation.take(link), None);
//!
//! // The embedder has connected, and the remote server takes stanzas of these domains.
//! federation.authorized(now, link, &local, &remote, Method::External)?;
//! assert!(matches!(federation.poll(), Some(FederationAction::Ready(ready)) if ready == link));
//! assert_eq!(federation.take(link), Some(stanza.clone()));
//!
//! // The stream was closed before that stanza was written: it goes by another one.
//! federation.closed(now, link, Ending::Over, [stanza])?;
//! let Some(FederationAction::Connect { link, .. }) = federation.poll() else { panic!("no link any more") };
//!
//! // There is no such server any more.
//! federation.closed(now, link, Ending::NotFound, [])?;
//! let Some(FederationAction::Bounce(error)) = federation.poll() else { panic!("nobody is told") };
//! assert_eq!(
//!     error.to_string(),
//!     "<message to='juliet@capulet.example/balcony' from='romeo@montague.example' type='error'><error type='cancel'>\
//!      <remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>"
//! );
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

mod backoff;
mod limits;
mod link;
mod queue;
mod remote;
mod verify;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use xmpp_core::conn::{Method, Refusal};
use xmpp_core::dialback::{self, Verdict, Verification};
use xmpp_core::entropy::{Entropy, Seed};
use xmpp_core::error::Misuse;
use xmpp_core::jid::BareJid;
use xmpp_core::stanza::Stanza;
use xmpp_core::time::Instant;

pub use limits::FederationLimits;
pub use link::{Ending, LinkId, Purpose};
pub use verify::VerificationId;

use remote::{Cx, Remote, Spare};

/// Which pairs of domains may go by one link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sharing {
    /// Each has its own.
    #[default]
    None,
    /// Several of our domains share a link to a remote domain that took the first by dialback (XEP-0220 section 2.6.1); one that is refused
    /// there gets its own.
    Senders,
}

/// What a federation decides once.
#[derive(Clone, Debug, Default)]
pub struct FederationConfig {
    limits: FederationLimits,
    sharing: Sharing,
}

impl FederationConfig {
    /// The default limits, and a link for each pair of domains.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How much is held for remote domains, and for how long.
    #[must_use]
    pub const fn limits(&self) -> &FederationLimits {
        &self.limits
    }

    /// Which pairs of domains may go by one link.
    #[must_use]
    pub const fn sharing(&self) -> Sharing {
        self.sharing
    }

    /// Sets [`limits`](Self::limits).
    #[must_use]
    pub const fn with_limits(mut self, limits: FederationLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`sharing`](Self::sharing).
    #[must_use]
    pub const fn with_sharing(mut self, sharing: Sharing) -> Self {
        self.sharing = sharing;
        self
    }
}

/// Something the embedder has to do.
#[derive(Debug)]
#[non_exhaustive]
pub enum FederationAction {
    /// Open a stream to a remote domain on behalf of one of ours. Report how that goes, and at the end, whatever happened,
    /// [`closed`](Federation::closed) exactly once.
    Connect {
        /// What it is called from now on.
        link: LinkId,
        /// Our domain.
        local: BareJid,
        /// The remote domain.
        remote: BareJid,
        /// What for.
        purpose: Purpose,
    },
    /// Ask by dialback whether the link takes the stanzas of one of our domains, and report [`authorized`](Federation::authorized) or
    /// [`refused`](Federation::refused).
    Authorize {
        /// Which link.
        link: LinkId,
        /// Our domain.
        local: BareJid,
        /// The remote domain, the same as before.
        remote: BareJid,
    },
    /// Ask whether a key is the remote server's own, and report the [`verdict`](Federation::verdict).
    Verify {
        /// By which link.
        link: LinkId,
        /// Comes back with the verdict.
        id: VerificationId,
        /// What to ask.
        verification: Verification,
    },
    /// There is something for the link: [`take`](Federation::take) until there is not, no faster than the connection gets rid of it.
    Ready(LinkId),
    /// An error for a sender of ours.
    Bounce(Stanza),
    /// What became of a [`verify`](Federation::verify).
    Verified {
        /// Which one.
        id: VerificationId,
        /// What is known of the key.
        verdict: Verdict,
    },
    /// End the link in an orderly way, and report that it is [`closed`](Federation::closed).
    Close(LinkId),
}

/// All remote domains of one server.
#[derive(Debug)]
pub struct Federation {
    config: FederationConfig,
    entropy: Entropy,
    now: Instant,
    remotes: BTreeMap<BareJid, Known>,
    /// The remote domain of each link.
    links: BTreeMap<LinkId, BareJid>,
    /// The remote domain of each verification without a verdict.
    verifications: BTreeMap<VerificationId, BareJid>,
    /// Which remote domains have something to do, and when.
    deadlines: BTreeSet<(Instant, BareJid)>,
    /// Which may be forgotten at once, in this order.
    unreachable: BTreeSet<(Instant, BareJid)>,
    /// Whose links have nothing to do, and since when.
    idle: BTreeSet<(Instant, BareJid)>,
    /// Bytes of stanzas that wait.
    bytes: usize,
    actions: VecDeque<FederationAction>,
    next_link: u64,
    next_verification: u64,
}

impl Federation {
    /// A federation without links.
    #[must_use]
    pub fn new(config: FederationConfig, seed: Seed) -> Self {
        Federation {
            config,
            entropy: Entropy::new(seed),
            now: Instant::ZERO,
            remotes: BTreeMap::new(),
            links: BTreeMap::new(),
            verifications: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            idle: BTreeSet::new(),
            bytes: 0,
            actions: VecDeque::new(),
            next_link: 0,
            next_verification: 0,
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<FederationAction> {
        self.actions.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) at the latest; `None` when there is no deadline.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// How many remote domains there is anything known of.
    #[must_use]
    pub fn remotes(&self) -> usize {
        self.remotes.len()
    }

    /// How many stanzas wait for a remote domain, presence among them, and how many bytes of them: what
    /// [`FederationLimits::waiting_stanzas`], [`FederationLimits::waiting_presence`] and [`FederationLimits::waiting_bytes`] limit.
    #[must_use]
    pub fn waiting(&self, remote: &BareJid) -> (usize, usize) {
        self.remotes.get(remote).map_or((0, 0), |known| (known.remote.len(), known.remote.bytes()))
    }

    /// Takes a stanza from one of our domains, or a component's, to a foreign one.
    ///
    /// # Errors
    /// [`Misuse::Unaddressed`] when it does not say from whom and to whom it is.
    pub fn submit(&mut self, now: Instant, stanza: Stanza) -> Result<(), Misuse> {
        let (Some(from), Some(to)) = (stanza.from(), stanza.to()) else { return Err(Misuse::Unaddressed) };
        let (local, remote) = (from.domain_jid(), to.domain_jid());
        self.at(now);
        if self.admit(&remote) {
            self.with_remote(&remote, |remote, cx| remote.submit(&local, stanza, cx));
        } else {
            self.actions.extend(queue::refusal(&stanza).map(FederationAction::Bounce));
        }
        Ok(())
    }

    /// The next stanza for a link; `None` when there is none, or no such link.
    pub fn take(&mut self, link: LinkId) -> Option<Stanza> {
        let remote = self.links.get(&link)?.clone();
        self.with_remote(&remote, |remote, cx| remote.take(link, cx))?
    }

    /// Has the server of a remote domain asked whether a key is its own. [`FederationAction::Verified`] comes exactly once, in
    /// time.
    pub fn verify(&mut self, now: Instant, verification: Verification) -> VerificationId {
        self.at(now);
        let id = VerificationId(self.next_verification);
        self.next_verification += 1;
        let remote = verification.remote().domain_jid();
        let has_room = self.verifications.len() < self.config.limits.verifications();
        if has_room && self.admit(&remote) {
            self.verifications.insert(id, remote.clone());
            self.with_remote(&remote, |remote, cx| remote.verify(id, verification, cx));
        } else {
            let verdict = Verdict::Failed(dialback::Condition::ResourceConstraint);
            self.actions.push_back(FederationAction::Verified { id, verdict });
        }
        id
    }

    /// The link has a connection that can be asked questions, whether or not it takes stanzas. It need not be reported before
    /// [`authorized`](Self::authorized), but two servers that verify each other's keys get on faster if it is.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when there is no such link.
    pub fn connected(&mut self, now: Instant, link: LinkId) -> Result<(), Misuse> {
        self.with_link(now, link, |remote, cx| remote.connected(link, cx))
    }

    /// The link takes stanzas from `local` to `remote`.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when there is no such link, or nobody waits for this any more.
    pub fn authorized(
        &mut self,
        now: Instant,
        link: LinkId,
        local: &BareJid,
        remote: &BareJid,
        method: Method,
    ) -> Result<(), Misuse> {
        self.with_link(now, link, |own, cx| match own.domain() == remote {
            true => own.authorized(link, local, method, cx),
            false => Err(Misuse::Stale),
        })
    }

    /// The link does not take stanzas from `local` to `remote`; there still is a stream.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when there is no such link, or nobody waits for this any more.
    pub fn refused(
        &mut self,
        now: Instant,
        link: LinkId,
        local: &BareJid,
        remote: &BareJid,
        refusal: Refusal,
    ) -> Result<(), Misuse> {
        self.with_link(now, link, |own, cx| match own.domain() == remote {
            true => own.refused(link, local, refusal, cx),
            false => Err(Misuse::Stale),
        })
    }

    /// The remote server has answered what it was asked by this link.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when it was not asked that by this link, or the answer comes too late.
    pub fn verdict(
        &mut self,
        now: Instant,
        link: LinkId,
        id: VerificationId,
        verdict: Verdict,
    ) -> Result<(), Misuse> {
        self.with_link(now, link, |remote, cx| remote.verdict(link, id, verdict, cx))
    }

    /// The link has ended, or never came to be. `unsent` are the last stanzas that were taken for it, in order, if they were never sent:
    /// they go by another link, or back to their senders if they have been through this before.
    ///
    /// # Errors
    /// [`Misuse::Stale`] when there is no such link.
    pub fn closed(
        &mut self,
        now: Instant,
        link: LinkId,
        ending: Ending,
        unsent: impl IntoIterator<Item = Stanza>,
    ) -> Result<(), Misuse> {
        let unsent = unsent.into_iter().collect();
        self.with_link(now, link, |remote, cx| remote.closed(link, ending, unsent, cx))
    }

    /// Lets deadlines pass.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.at(now);
        while let Some((_, remote)) = self.deadlines.first().filter(|(deadline, _)| *deadline <= self.now) {
            let remote = remote.clone();
            self.with_remote(&remote, Remote::expire);
        }
    }

    /// Time never runs back.
    fn at(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Makes room for a remote domain, if it is not known: whether there is.
    fn admit(&mut self, remote: &BareJid) -> bool {
        if self.remotes.contains_key(remote) {
            return true;
        }
        let limit = self.config.limits.remotes();
        if self.remotes.len() >= limit
            && let Some((_, unreachable)) = self.unreachable.first().cloned()
        {
            self.index(&unreachable, Index::default());
            self.remotes.remove(&unreachable);
        }
        // Links take their time to close: those that have had nothing to do for longest begin before the last place is taken.
        if self.remotes.len() >= limit - limit / 16
            && self.unreachable.is_empty()
            && let Some((_, idle)) = self.idle.first().cloned()
        {
            self.with_remote(&idle, Remote::retire);
        }
        let has_room = self.remotes.len() < limit;
        if has_room {
            let remote = Remote::new(remote);
            let known = Known { index: Index::default(), remote };
            self.remotes.insert(known.remote.domain().clone(), known);
        }
        has_room
    }

    /// Runs one step of the remote domain of a link.
    fn with_link(
        &mut self,
        now: Instant,
        link: LinkId,
        step: impl FnOnce(&mut Remote, &mut Cx<'_>) -> Result<(), Misuse>,
    ) -> Result<(), Misuse> {
        let remote = self.links.get(&link).ok_or(Misuse::Stale)?.clone();
        self.at(now);
        self.with_remote(&remote, step).ok_or(Misuse::Stale)?
    }

    /// Runs one step of a remote domain, and keeps account of it.
    fn with_remote<T>(
        &mut self,
        domain: &BareJid,
        step: impl FnOnce(&mut Remote, &mut Cx<'_>) -> T,
    ) -> Option<T> {
        let remote = &mut self.remotes.get_mut(domain)?.remote;
        let elsewhere = self.bytes.saturating_sub(remote.bytes());
        let mut cx = Cx {
            now: self.now,
            config: &self.config,
            entropy: &mut self.entropy,
            actions: &mut self.actions,
            links: &mut self.links,
            verifications: &mut self.verifications,
            next_link: &mut self.next_link,
            elsewhere,
        };
        let outcome = step(remote, &mut cx);
        self.bytes = elsewhere + remote.bytes();
        let index = Index { deadline: remote.deadline(&self.config), spare: remote.spare() };
        let is_blank = remote.is_blank();
        self.index(domain, index);
        if is_blank {
            self.remotes.remove(domain);
        }
        Some(outcome)
    }

    /// Files a remote domain under what has changed about it.
    fn index(&mut self, domain: &BareJid, new: Index) {
        let Some(known) = self.remotes.get_mut(domain) else { return };
        let old = core::mem::replace(&mut known.index, new);
        let domain = known.remote.domain();
        refile(&mut self.deadlines, domain, old.deadline, new.deadline);
        for (set, kind) in [(&mut self.unreachable, Spare::Unreachable), (&mut self.idle, Spare::Idle)] {
            let since =
                |index: Index| index.spare.filter(|(spare, _)| *spare == kind).map(|(_, since)| since);
            refile(set, domain, since(old), since(new));
        }
    }
}

/// A remote domain, and where it is filed.
#[derive(Debug)]
struct Known {
    index: Index,
    remote: Remote,
}

/// Under what a remote domain is filed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Index {
    deadline: Option<Instant>,
    spare: Option<(Spare, Instant)>,
}

fn refile(
    set: &mut BTreeSet<(Instant, BareJid)>,
    domain: &BareJid,
    old: Option<Instant>,
    new: Option<Instant>,
) {
    if old != new {
        if let Some(old) = old {
            set.remove(&(old, domain.clone()));
        }
        set.extend(new.map(|new| (new, domain.clone())));
    }
}

#[cfg(test)]
mod tests;
