//! What a probe is answered (RFC 3921 section 5.1.3, RFC 6121 sections 4.3.2 and 4.6.6).

use alloc::vec::Vec;

use xmpp_core::jid::{FullJid, Jid};
use xmpp_core::profile::RefusedProbe;
use xmpp_core::stanza::{Condition, Presence, PresenceType};
use xmpp_core::time::UtcTime;

use crate::delay::Delay;
use crate::subscription::State;

/// A connected resource of the account that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    jid: &'a FullJid,
    presence: Option<&'a Presence>,
    has_told: bool,
}

impl<'a> Resource<'a> {
    /// A resource that has told nobody anything.
    #[must_use]
    pub const fn new(jid: &'a FullJid) -> Self {
        Resource { jid, presence: None, has_told: false }
    }

    /// Sets what it broadcast last, while it is available: with its address as `from`.
    #[must_use]
    pub const fn with_presence(mut self, presence: Option<&'a Presence>) -> Self {
        self.presence = presence;
        self
    }

    /// Sets whether who asks has got directed presence of it, and nothing else since.
    #[must_use]
    pub const fn with_directed(mut self, has_told: bool) -> Self {
        self.has_told = has_told;
        self
    }

    const fn is_seen(&self) -> bool {
        self.presence.is_some() || self.has_told
    }
}

/// What an account knows of itself and of who asks.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    state: State,
    resources: &'a [Resource<'a>],
    last: Option<(UtcTime, &'a Presence)>,
}

impl<'a> Known<'a> {
    /// `state` holds between the account and the bare JID that asks: [`State::None`] also for an account that does not exist.
    #[must_use]
    pub const fn new(state: State, resources: &'a [Resource<'a>]) -> Self {
        Known { state, resources, last: None }
    }

    /// Sets the last unavailable presence that the account sent, and when.
    #[must_use]
    pub const fn with_last(mut self, last: Option<(UtcTime, &'a Presence)>) -> Self {
        self.last = last;
        self
    }
}

/// Answers a probe, which says from whom and to whom it is; otherwise there is no answer.
///
/// Subscriptions come first. A subscriber gets what each available resource has broadcast; or, of the resource that it asks about by full JID,
/// merely whether it is available; or, if there is none, what was said last, with the time. Somebody else who got directed presence is told merely
/// that those resources are available. All others are refused, alike whether there is such an account or not.
///
/// What a resource has said keeps its own id, every other answer has that of the probe (RFC 6121 section 4.3.2.1).
#[must_use]
pub fn answer(probe: &Presence, known: &Known<'_>, refused: RefusedProbe) -> Vec<Presence> {
    let (Some(prober), Some(to)) = (probe.from(), probe.to()) else { return Vec::new() };
    let is_asked =
        |resource: &&Resource<'_>| to.resource().is_none_or(|name| resource.jid.resource() == name);
    let asked = known.resources.iter().filter(is_asked);
    let told = asked.clone().filter(|resource| resource.has_told);
    let is_subscriber = known.state.has_from();
    if is_subscriber && to.is_full() {
        let seen = asked.clone().any(Resource::is_seen);
        let type_ = if seen { PresenceType::Available } else { PresenceType::Unavailable };
        let id = asked.filter_map(|resource| resource.presence).map(Presence::id).next();
        return [mere(type_, to, prober, id.unwrap_or_else(|| probe.id()))].into();
    }
    let broadcast: Vec<_> = asked
        .filter(|_| is_subscriber)
        .filter_map(|resource| resource.presence)
        .map(|presence| presence.clone().with_to(prober.clone()))
        .collect();
    if !broadcast.is_empty() {
        return broadcast;
    }
    let told: Vec<_> = told
        .map(|resource| mere(PresenceType::Available, resource.jid.as_jid(), prober, probe.id()))
        .collect();
    if !told.is_empty() {
        return told;
    }
    if is_subscriber {
        return [absent(known.last, to, prober, probe.id())].into();
    }
    match (refused, known.state.is_pending_in()) {
        (RefusedProbe::Unsubscribed, _) => {
            let (account, prober) = (to.to_bare(), prober.to_bare());
            [mere(PresenceType::Unsubscribed, account.as_jid(), prober.as_jid(), probe.id())].into()
        }
        (RefusedProbe::Error, true) => probe.error_reply(Condition::NotAuthorized).into_iter().collect(),
        (RefusedProbe::Error, false) => probe.error_reply(Condition::Forbidden).into_iter().collect(),
    }
}

fn mere(type_: PresenceType, from: &Jid, to: &Jid, id: Option<&str>) -> Presence {
    let mut presence = Presence::new(type_).with_from(from.clone()).with_to(to.clone());
    presence.set_id(id);
    presence
}

/// Nobody is there: RFC 6121 section 4.3.2 rule 3 leaves it open whether what was said last is told, RFC 3921 does not. It is, to subscribers: they
/// have heard it already.
fn absent(last: Option<(UtcTime, &Presence)>, account: &Jid, prober: &Jid, id: Option<&str>) -> Presence {
    let Some((at, last)) = last else { return mere(PresenceType::Unavailable, account, prober, id) };
    let mut presence = last.clone().with_from(account.clone()).with_to(prober.clone());
    presence.set_id(id);
    presence.with_child(Delay::new(at).to_element())
}
