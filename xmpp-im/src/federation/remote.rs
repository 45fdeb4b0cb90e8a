//! One remote domain: what waits for it from each of our domains, the links to it, and the keys its server is asked about.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use xmpp_core::conn::{Method, Refusal};
use xmpp_core::dialback::{self, Verdict, Verification};
use xmpp_core::entropy::Entropy;
use xmpp_core::error::Misuse;
use xmpp_core::jid::{BareJid, Jid};
use xmpp_core::stanza::{Condition, Stanza, StanzaError};
use xmpp_core::time::Instant;

use super::backoff::Backoff;
use super::link::{Ending, Fault, Link, LinkId, Phase, Purpose};
use super::queue::{self, Class, Queue};
use super::verify::{Pending, VerificationId};
use super::{FederationAction, FederationConfig, Sharing};

/// What a step may use of the federation.
pub(super) struct Cx<'a> {
    pub(super) now: Instant,
    pub(super) config: &'a FederationConfig,
    pub(super) entropy: &'a mut Entropy,
    pub(super) actions: &'a mut VecDeque<FederationAction>,
    /// The remote domain of each link.
    pub(super) links: &'a mut BTreeMap<LinkId, BareJid>,
    /// The remote domain of each verification without a verdict.
    pub(super) verifications: &'a mut BTreeMap<VerificationId, BareJid>,
    pub(super) next_link: &'a mut u64,
    /// Bytes of stanzas that wait for other remote domains.
    pub(super) elsewhere: usize,
}

impl Cx<'_> {
    /// Tells the sender, if it is one that is told.
    fn bounce(&mut self, stanza: &Stanza, error: StanzaError) {
        self.actions.extend(stanza.error_reply(error).map(FederationAction::Bounce));
    }

    /// There is no room for the stanza.
    fn refuse(&mut self, stanza: &Stanza) {
        self.actions.extend(queue::refusal(stanza).map(FederationAction::Bounce));
    }

    fn answer(&mut self, id: VerificationId, verdict: Verdict) {
        self.verifications.remove(&id);
        self.actions.push_back(FederationAction::Verified { id, verdict });
    }
}

/// Which link carries the stanzas of a pair of domains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Via {
    /// None.
    #[default]
    None,
    /// None yet: this one will, if the remote server agrees in time.
    Asked { link: LinkId, deadline: Instant },
    /// This one, also while it closes: the next link must not overtake what it may hand back.
    Authorized(LinkId),
}

impl Via {
    const fn link(self) -> Option<LinkId> {
        match self {
            Via::None => None,
            Via::Asked { link, .. } | Via::Authorized(link) => Some(link),
        }
    }
}

/// What goes from one of our domains to the remote one.
#[derive(Debug, Default)]
struct Route {
    queue: Queue,
    via: Via,
    backoff: Option<Backoff>,
    /// Whether the last link ended with stanzas waiting, and no other has taken one since.
    lost: bool,
    /// Whether the remote server has refused to take this pair on the link of another.
    alone: bool,
}

impl Route {
    fn is_over(&self) -> bool {
        self.queue.is_empty() && self.via == Via::None && self.backoff.is_none()
    }
}

/// Why a remote domain may be forgotten when others need the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spare {
    /// All that is known is that it could not be reached.
    Unreachable,
    /// Its links have nothing to do.
    Idle,
}

/// One remote domain.
#[derive(Debug)]
pub(super) struct Remote {
    domain: BareJid,
    /// By our own domain.
    routes: BTreeMap<BareJid, Route>,
    links: BTreeMap<LinkId, Link>,
    verifications: BTreeMap<VerificationId, Pending>,
}

/// A name that is kept for long must not keep the whole address alive that it was cut out of.
fn own(domain: &BareJid) -> BareJid {
    BareJid::new(domain.as_str()).unwrap_or_else(|_| domain.clone())
}

impl Remote {
    pub(super) fn new(domain: &BareJid) -> Self {
        Remote {
            domain: own(domain),
            routes: BTreeMap::new(),
            links: BTreeMap::new(),
            verifications: BTreeMap::new(),
        }
    }

    pub(super) const fn domain(&self) -> &BareJid {
        &self.domain
    }

    /// Whether nothing is known of it.
    pub(super) fn is_blank(&self) -> bool {
        self.routes.is_empty() && self.links.is_empty() && self.verifications.is_empty()
    }

    /// Stanzas of that class that wait for it.
    pub(super) fn stanzas(&self, class: Class) -> usize {
        self.routes.values().map(|route| route.queue.len(class)).sum()
    }

    /// Stanzas that wait for it.
    pub(super) fn len(&self) -> usize {
        self.stanzas(Class::Presence) + self.stanzas(Class::Other)
    }

    /// Bytes of stanzas that wait for it.
    pub(super) fn bytes(&self) -> usize {
        self.routes.values().map(|route| route.queue.bytes()).sum()
    }

    /// Takes out the newest of that class, of the domain of ours of which most wait.
    fn pop_newest(&mut self, class: Class) -> Option<Stanza> {
        let longest = self.routes.values_mut().max_by_key(|route| route.queue.len(class))?;
        longest.queue.pop_newest(class).map(|waiting| waiting.stanza)
    }

    fn route(&mut self, local: &BareJid) -> &mut Route {
        if !self.routes.contains_key(local) {
            self.routes.insert(own(local), Route::default());
        }
        self.routes.entry(local.clone()).or_default()
    }

    /// Takes a stanza from one of our domains.
    pub(super) fn submit(&mut self, local: &BareJid, stanza: Stanza, cx: &mut Cx<'_>) {
        let idle = self.routes.get(local).filter(|route| route.via == Via::None);
        if let Some(fault) = idle.and_then(|route| route.backoff?.blocked(cx.now)) {
            return cx.bounce(&stanza, fault.error());
        }
        if !self.make_room(local, &stanza, cx) {
            cx.refuse(&stanza);
            // What was to be taken may have gone.
            return self.settle(cx);
        }
        let deadline = cx.now + cx.config.limits().wait();
        let route = self.route(local);
        route.queue.push(stanza, deadline);
        match route.via {
            Via::None => self.settle(cx),
            Via::Asked { .. } => {}
            Via::Authorized(link) => self.announce(link, cx),
        }
    }

    /// Drops what the stanza makes void, and presence that it is worth more than: whether there is room for it then.
    fn make_room(&mut self, local: &BareJid, stanza: &Stanza, cx: &mut Cx<'_>) -> bool {
        if let Some(route) = self.routes.get_mut(local) {
            route.queue.supersede(stanza);
        }
        let limits = cx.config.limits();
        let class = Class::of(stanza);
        if self.stanzas(class) >= limits.waiting(class) {
            return false;
        }
        loop {
            let waiting = self.bytes();
            // One stanza always fits where nothing waits, or it could never be sent.
            let exceeds = |waiting: usize, limit: usize| waiting > 0 && waiting + stanza.weight() > limit;
            if !exceeds(waiting, limits.waiting_bytes())
                && !exceeds(cx.elsewhere + waiting, limits.total_bytes())
            {
                return true;
            }
            let presence = (class == Class::Other).then(|| self.pop_newest(Class::Presence));
            let Some(displaced) = presence.flatten() else { return false };
            cx.refuse(&displaced);
        }
    }

    /// Takes the oldest stanza that may go by this link.
    pub(super) fn take(&mut self, id: LinkId, cx: &mut Cx<'_>) -> Option<Stanza> {
        let link = self.links.get_mut(&id).filter(|link| link.phase == Phase::Up)?;
        let carried = self.routes.values_mut().filter(|route| route.via == Via::Authorized(id));
        let waiting = carried.filter_map(|route| Some((route.queue.deadline()?, route)));
        let (_, route) = waiting.min_by_key(|(deadline, _)| *deadline)?;
        let waiting = route.queue.pop()?;
        route.backoff = None;
        route.lost = false;
        link.note(waiting.again, cx.now);
        self.announce(id, cx);
        Some(waiting.stanza)
    }

    /// Takes a key to be shown to its server.
    pub(super) fn verify(&mut self, id: VerificationId, verification: Verification, cx: &mut Cx<'_>) {
        let reachable = self.links.values().any(|link| link.phase != Phase::Closing);
        let backoff = self.routes.get(verification.local()).and_then(|route| route.backoff);
        // That it has refused our stanzas does not keep it from answering questions.
        if let Some(Fault::Ending(ending)) = backoff.and_then(|backoff| backoff.blocked(cx.now))
            && !reachable
        {
            return cx.answer(id, ending.verdict());
        }
        let deadline = cx.now + cx.config.limits().verification();
        self.verifications.insert(id, Pending { via: None, verification, deadline });
        self.settle(cx);
    }

    /// The link has a stream: questions may be asked.
    pub(super) fn connected(&mut self, id: LinkId, cx: &mut Cx<'_>) -> Result<(), Misuse> {
        self.up(id, cx)?;
        self.settle(cx);
        Ok(())
    }

    fn up(&mut self, id: LinkId, cx: &Cx<'_>) -> Result<&mut Link, Misuse> {
        let link = self.links.get_mut(&id).ok_or(Misuse::Stale)?;
        if link.phase == Phase::Opening {
            link.phase = Phase::Up;
        }
        link.used = cx.now;
        Ok(link)
    }

    /// The route that has asked for this link, and has no answer yet.
    fn asking(&mut self, id: LinkId, local: &BareJid) -> Result<&mut Route, Misuse> {
        let asking = |route: &&mut Route| matches!(route.via, Via::Asked { link, .. } if link == id);
        self.routes.get_mut(local).filter(asking).ok_or(Misuse::Stale)
    }

    /// The link takes the stanzas of that domain of ours.
    pub(super) fn authorized(
        &mut self,
        id: LinkId,
        local: &BareJid,
        method: Method,
        cx: &mut Cx<'_>,
    ) -> Result<(), Misuse> {
        self.asking(id, local)?.via = Via::Authorized(id);
        self.up(id, cx)?.shareable |= method == Method::Dialback;
        self.settle(cx);
        Ok(())
    }

    /// It does not.
    pub(super) fn refused(
        &mut self,
        id: LinkId,
        local: &BareJid,
        refusal: Refusal,
        cx: &mut Cx<'_>,
    ) -> Result<(), Misuse> {
        self.asking(id, local)?;
        self.up(id, cx)?;
        let fault = Fault::Refusal(refusal);
        if refusal == Refusal::Invalid {
            self.fail(local, fault, cx);
            // XEP-0220 section 2.1.1: other pairs of domains should not go on using it.
            self.close(id, cx);
        } else {
            self.turned_away(id, local, fault, cx);
        }
        self.settle(cx);
        Ok(())
    }

    /// The server has said whether a key is its own.
    pub(super) fn verdict(
        &mut self,
        link: LinkId,
        id: VerificationId,
        verdict: Verdict,
        cx: &mut Cx<'_>,
    ) -> Result<(), Misuse> {
        // XEP-0220 section 3.1: only what was asked on the same stream.
        self.verifications.get(&id).filter(|pending| pending.via == Some(link)).ok_or(Misuse::Stale)?;
        self.verifications.remove(&id);
        self.up(link, cx)?;
        cx.answer(id, verdict);
        self.settle(cx);
        Ok(())
    }

    /// The link has ended, and hands back what it took last and never sent.
    pub(super) fn closed(
        &mut self,
        id: LinkId,
        ending: Ending,
        unsent: Vec<Stanza>,
        cx: &mut Cx<'_>,
    ) -> Result<(), Misuse> {
        let link = self.links.get(&id).ok_or(Misuse::Stale)?;
        let (phase, local) = (link.phase, link.local.clone());
        let fault = Fault::Ending(ending);
        let unanswered = self.verifications.values().any(|pending| pending.via == Some(id));
        self.leave_unanswered(id, ending, cx);
        self.put_back(id, unsent, cx);
        let carried = self.routes.iter().filter(|(_, route)| route.via.link() == Some(id));
        let carried: Vec<_> = carried.map(|(local, route)| (local.clone(), route.via)).collect();
        let in_vain = phase == Phase::Opening || unanswered;
        if in_vain && carried.is_empty() && self.route(&local).via == Via::None {
            // It was to ask about keys. The next one does not have us knock again at once: whoever sends them could have us knock at any
            // door as often as they like.
            self.fail(&local, fault, cx);
        }
        for (local, via) in carried {
            match via {
                Via::Authorized(_) => self.lose(&local, phase, fault, cx),
                Via::Asked { .. } | Via::None => self.turned_away(id, &local, fault, cx),
            }
        }
        self.links.remove(&id);
        cx.links.remove(&id);
        self.settle(cx);
        Ok(())
    }

    /// The link that carried that domain's stanzas is gone. Those that wait get another at once; if that is lost too before it takes one,
    /// the remote server cannot be reached, whatever it says.
    fn lose(&mut self, local: &BareJid, phase: Phase, fault: Fault, cx: &mut Cx<'_>) {
        let Some(route) = self.routes.get_mut(local) else { return };
        route.via = Via::None;
        if route.lost && !route.queue.is_empty() {
            self.fail(local, fault, cx);
        } else {
            // A link that we have closed ourselves says nothing about the next one.
            route.lost = phase != Phase::Closing;
        }
    }

    /// The link does not carry that domain's stanzas. If it was another's, this one gets its own: the remote server may refuse more than
    /// one pair of domains on a stream (XEP-0220 section 2.5, `resource-constraint`), or end the stream rather than answer (RFC 3920
    /// section 8.3).
    fn turned_away(&mut self, id: LinkId, local: &BareJid, fault: Fault, cx: &mut Cx<'_>) {
        let is_shared = self.links.get(&id).is_some_and(|link| link.local != *local);
        match self.routes.get_mut(local) {
            Some(route) if is_shared => {
                route.via = Via::None;
                route.alone = true;
            }
            _ => self.fail(local, fault, cx),
        }
    }

    /// There is no way for that domain's stanzas for now.
    fn fail(&mut self, local: &BareJid, fault: Fault, cx: &mut Cx<'_>) {
        let Some(route) = self.routes.get_mut(local) else { return };
        route.via = Via::None;
        route.lost = false;
        let limits = cx.config.limits();
        route.backoff = Some(Backoff::after(route.backoff, fault, cx.now, limits, cx.entropy));
        while let Some(waiting) = route.queue.pop() {
            cx.bounce(&waiting.stanza, fault.error());
        }
    }

    /// Puts stanzas back in front of those that wait, each once. They are older: if there are too many now, the newest have to go.
    fn put_back(&mut self, id: LinkId, unsent: Vec<Stanza>, cx: &mut Cx<'_>) {
        let Some(link) = self.links.get(&id) else { return };
        let mut returning = Vec::new();
        for (again, stanza) in link.taken_before(unsent.len()).zip(unsent) {
            let local = stanza.from().map(Jid::domain_jid);
            let route = local.and_then(|local| Some((self.routes.get(&local)?, local)));
            match route.filter(|(route, _)| route.via == Via::Authorized(id) && !again) {
                Some((_, local)) => returning.push((local, stanza)),
                None => cx.bounce(&stanza, Condition::RemoteServerTimeout.into()),
            }
        }
        let limits = cx.config.limits();
        let deadline = cx.now + limits.wait();
        for (local, stanza) in returning.into_iter().rev() {
            self.route(&local).queue.put_back(stanza, deadline);
        }
        let mut displaced = Vec::new();
        loop {
            let (presence, other, bytes) =
                (self.stanzas(Class::Presence), self.stanzas(Class::Other), self.bytes());
            let is_heavy = presence + other > 1
                && (bytes > limits.waiting_bytes() || cx.elsewhere + bytes > limits.total_bytes());
            // Where it is only bytes that are short, presence makes room.
            let class = if other > limits.waiting(Class::Other) || is_heavy && presence == 0 {
                Class::Other
            } else if presence > limits.waiting(Class::Presence) || is_heavy {
                Class::Presence
            } else {
                break;
            };
            let Some(stanza) = self.pop_newest(class) else { break };
            displaced.push(stanza);
        }
        for stanza in displaced.iter().rev() {
            cx.refuse(stanza);
        }
    }

    /// Nobody will answer what was asked by this link; nor what waits for it, if it never had a stream and there is no other.
    fn leave_unanswered(&mut self, id: LinkId, ending: Ending, cx: &mut Cx<'_>) {
        let is_alive = |link: &Link| link.phase != Phase::Closing;
        let others = self.links.iter().any(|(other, link)| *other != id && is_alive(link));
        let is_first = self.links.get(&id).is_some_and(|link| link.phase == Phase::Opening) && !others;
        let verdict = ending.verdict();
        self.verifications.retain(|pending_id, pending| {
            let fails = pending.via.map_or(is_first, |via| via == id);
            if fails {
                cx.answer(*pending_id, verdict);
            }
            !fails
        });
    }

    /// Lets deadlines pass.
    pub(super) fn expire(&mut self, cx: &mut Cx<'_>) {
        let now = cx.now;
        let asked = self.routes.iter().filter_map(|(local, route)| match route.via {
            Via::Asked { link, deadline } if deadline <= now => Some((link, local.clone())),
            _ => None,
        });
        for (link, local) in asked.collect::<Vec<_>>() {
            self.turned_away(link, &local, Fault::Ending(Ending::Unreachable), cx);
        }
        for route in self.routes.values_mut() {
            while let Some(waiting) = route.queue.expire(now) {
                cx.bounce(&waiting.stanza, Condition::RemoteServerTimeout.into());
            }
            route.backoff = route.backoff.filter(|backoff| backoff.forget() > now);
        }
        self.verifications.retain(|id, pending| {
            let is_late = pending.deadline <= now;
            if is_late {
                cx.answer(*id, Verdict::Failed(dialback::Condition::RemoteServerTimeout));
            }
            !is_late
        });
        self.settle(cx);
        let idle = self
            .links
            .iter()
            .filter(|(id, link)| self.is_idle(**id, link) && link.used + cx.config.limits().idle() <= now);
        for id in idle.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.close(id, cx);
        }
    }

    fn is_idle(&self, id: LinkId, link: &Link) -> bool {
        link.phase == Phase::Up
            && !link.ready
            && !self.verifications.values().any(|pending| pending.via == Some(id))
    }

    /// When something has to happen.
    pub(super) fn deadline(&self, config: &FederationConfig) -> Option<Instant> {
        let routes = self.routes.values().flat_map(|route| {
            let asked = match route.via {
                Via::Asked { deadline, .. } => Some(deadline),
                Via::None | Via::Authorized(_) => None,
            };
            [route.queue.deadline(), asked, route.backoff.map(|backoff| backoff.forget())]
        });
        let verifications = self.verifications.values().map(|pending| Some(pending.deadline));
        let links = self
            .links
            .iter()
            .map(|(id, link)| self.is_idle(*id, link).then(|| link.used + config.limits().idle()));
        routes.chain(verifications).chain(links).flatten().min()
    }

    /// Whether it may be forgotten in favour of others; the earlier, the sooner.
    pub(super) fn spare(&self) -> Option<(Spare, Instant)> {
        if self.links.is_empty() {
            let until = self.routes.values().filter_map(|route| Some(route.backoff?.until()));
            return Some((Spare::Unreachable, until.max()?)).filter(|_| self.verifications.is_empty());
        }
        let is_waiting = self.routes.values().any(|route| matches!(route.via, Via::Asked { .. }));
        let is_idle = self.links.iter().all(|(id, link)| self.is_idle(*id, link)) && !is_waiting;
        let used = self.links.values().map(|link| link.used).max()?;
        is_idle.then_some((Spare::Idle, used))
    }

    /// Closes its links.
    pub(super) fn retire(&mut self, cx: &mut Cx<'_>) {
        for id in self.links.keys().copied().collect::<Vec<_>>() {
            self.close(id, cx);
        }
    }

    fn close(&mut self, id: LinkId, cx: &mut Cx<'_>) {
        if let Some(link) = self.links.get_mut(&id).filter(|link| link.phase != Phase::Closing) {
            link.phase = Phase::Closing;
            link.ready = false;
            cx.actions.push_back(FederationAction::Close(id));
        }
    }

    /// Brings the links in line with what there is to carry.
    fn settle(&mut self, cx: &mut Cx<'_>) {
        let stranded =
            self.routes.iter().filter(|(_, route)| route.via == Via::None && !route.queue.is_empty());
        for local in stranded.map(|(local, _)| local.clone()).collect::<Vec<_>>() {
            self.seek(&local, cx);
        }
        self.ask(cx);
        self.close_unused(cx);
        for id in self.links.keys().copied().collect::<Vec<_>>() {
            self.announce(id, cx);
        }
        self.routes.retain(|_, route| !route.is_over());
    }

    /// Finds a link for that domain's stanzas: one that was opened to ask about keys, that of another domain, or a new one.
    fn seek(&mut self, local: &BareJid, cx: &mut Cx<'_>) {
        let deadline = cx.now + cx.config.limits().connect();
        let is_alone = self.routes.get(local).is_some_and(|route| route.alone);
        let shares = cx.config.sharing() == Sharing::Senders && !is_alone;
        let takes = |link: &Link| link.local == *local || (shares && link.shareable);
        let found = self.links.iter_mut().find(|(_, link)| link.phase == Phase::Up && takes(link));
        let link = match found {
            Some((&link, found)) => {
                found.used = cx.now;
                let remote = self.domain.clone();
                cx.actions.push_back(FederationAction::Authorize { link, local: local.clone(), remote });
                link
            }
            None => self.open(local, Purpose::Stanzas, cx),
        };
        self.route(local).via = Via::Asked { link, deadline };
    }

    fn open(&mut self, local: &BareJid, purpose: Purpose, cx: &mut Cx<'_>) -> LinkId {
        let link = LinkId(*cx.next_link);
        *cx.next_link += 1;
        let (local, remote) = (own(local), self.domain.clone());
        cx.links.insert(link, remote.clone());
        self.links.insert(link, Link::new(local.clone(), cx.now));
        cx.actions.push_back(FederationAction::Connect { link, local, remote, purpose });
        link
    }

    /// Asks by any link that has a stream (XEP-0220 section 2.1.2); if none is about to, one is opened.
    fn ask(&mut self, cx: &mut Cx<'_>) {
        let mut open = self.verifications.iter_mut().filter(|(_, pending)| pending.via.is_none()).peekable();
        let Some((_, first)) = open.peek() else { return };
        if let Some((&link, carrier)) = self.links.iter_mut().find(|(_, link)| link.phase == Phase::Up) {
            carrier.used = cx.now;
            for (&id, pending) in open {
                pending.via = Some(link);
                let verification = pending.verification.clone();
                cx.actions.push_back(FederationAction::Verify { link, id, verification });
            }
        } else if !self.links.values().any(|link| link.phase == Phase::Opening) {
            let local = first.verification.local().clone();
            self.open(&local, Purpose::Verification, cx);
        }
    }

    /// Links have no end in themselves: one that was opened to ask about keys is closed as soon as all are answered (XEP-0220 section
    /// 2.1.2).
    fn close_unused(&mut self, cx: &mut Cx<'_>) {
        let awaited = self.verifications.values().any(|pending| pending.via.is_none());
        let carrying = self.routes.values().filter_map(|route| route.via.link());
        let asked = self.verifications.values().filter_map(|pending| pending.via);
        let used: BTreeSet<_> = carrying.chain(asked).collect();
        let unused = self
            .links
            .iter()
            .filter(|(id, link)| !used.contains(*id) && (!awaited || link.phase != Phase::Opening));
        for id in unused.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.close(id, cx);
        }
    }

    /// Tells the embedder when there is something to take after there was nothing.
    fn announce(&mut self, id: LinkId, cx: &mut Cx<'_>) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.phase == Phase::Up) else { return };
        let mut carried = self.routes.values().filter(|route| route.via == Via::Authorized(id));
        let is_ready = carried.any(|route| !route.queue.is_empty());
        if is_ready && !link.ready {
            cx.actions.push_back(FederationAction::Ready(id));
        }
        link.ready = is_ready;
    }
}
