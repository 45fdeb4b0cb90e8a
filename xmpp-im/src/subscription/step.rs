//! One stanza handled: the new state, and what to do in which order.

use super::{DELTA_6121, Direction, Kind, Row, State};

/// Which text a server follows where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    pre_approval: bool,
}

impl Rules {
    /// RFC 6121: approvals may be given in advance.
    #[must_use]
    pub const fn new() -> Self {
        Rules { pre_approval: true }
    }

    /// RFC 3921: nothing can be approved that was not asked for. The mark of pre-approval is kept as it is and means nothing.
    #[must_use]
    pub const fn rfc3921() -> Self {
        Rules { pre_approval: false }
    }
}

impl Default for Rules {
    fn default() -> Self {
        Rules::new()
    }
}

/// Which of the user's resources get something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Those that have sent initial presence: they get the requests (RFC 6121 section 3.1.3).
    Available,
    /// Those that have asked for the roster: they get the notices, and the pushes that explain them (RFC 6121 section 3.1.6).
    Interested,
}

/// Something to do, in the order given. The list is closed on purpose: whoever performs them has to perform each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// The user's stanza goes to the contact, stamped with the user's bare JID, as local delivery or over a stream between servers.
    Route,
    /// The contact's stanza goes to resources of the user. A notice that no resource could be told may be kept until one can; a
    /// request is kept anyway.
    Deliver(Audience),
    /// The roster item as it is now goes to the interested resources.
    Push,
    /// The server itself sends a stanza of this kind, from the user's bare JID to the contact's.
    Send(Kind),
    /// The current presence of each available resource of the user goes to the contact.
    SendPresence,
    /// Unavailable presence of each available resource of the user goes to the contact.
    SendUnavailable,
    /// The contact's request is kept, the whole stanza, and delivered to each resource that becomes available until it is answered.
    KeepRequest,
    /// The request that is kept has been answered or withdrawn.
    ForgetRequest,
}

/// What a stanza does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    next: State,
    approved: bool,
    effects: [Option<Effect>; 8],
}

impl Step {
    /// The state now.
    #[must_use]
    pub const fn next(&self) -> State {
        self.next
    }

    /// Whether the contact is pre-approved now.
    #[must_use]
    pub const fn approved(&self) -> bool {
        self.approved
    }

    /// What to do, in this order.
    pub fn effects(&self) -> impl Iterator<Item = Effect> + Clone + use<> {
        self.effects.into_iter().flatten()
    }
}

/// Handles a subscription stanza between a user and a contact between whom `state` holds; `approved` tells whether the user has approved
/// in advance what the contact has not asked for yet.
///
/// A stanza that changes nothing has no effects, except that outbound `subscribe` and `unsubscribe` are always routed, and that `subscribe`
/// from who is already subscribed is always answered: so does a pair find together again that differs in what it holds (RFC 3921 section 9.2
/// and 9.3). The answer is followed by the user's presence, which may have been lost as well.
///
/// The order is that of RFC 6121 sections 3.1.2 to 3.3.3:
///
/// - what is delivered comes before the push that it explains, what is routed goes before the push;
/// - presence goes out after the `subscribed` that entitles to it, `unavailable` before the `unsubscribed` that ends it;
/// - `unavailable` goes only to who was subscribed. Taken by the letter, section 3.2.2 rule 3 would also have it sent to whom a request is
///   refused, a stranger, who would learn from it which resources are online.
#[must_use]
pub fn step(state: State, approved: bool, direction: Direction, kind: Kind, rules: Rules) -> Step {
    let delta = DELTA_6121.iter().find(|delta| {
        rules.pre_approval
            && (delta.state(), delta.approved(), delta.direction(), delta.kind())
                == (state, approved, direction, kind)
    });
    let row = delta.map_or(Row::of(state, direction, kind), |delta| delta.row());
    let next = row.next();
    let audience = match kind {
        Kind::Subscribe => Audience::Available,
        Kind::Unsubscribe | Kind::Subscribed | Kind::Unsubscribed => Audience::Interested,
    };
    let replies = |kind| row.auto_reply() == Some(kind);
    let granted = !state.has_from() && next.has_from();
    let ended = state.has_from() && !next.has_from();
    let outbound = direction == Direction::Outbound;
    Step {
        next,
        approved: delta.map_or(approved, |delta| delta.approves()),
        effects: [
            request(state, next),
            (ended && outbound).then_some(Effect::SendUnavailable),
            if row.forward() {
                Some(Effect::Route)
            } else {
                row.deliver().then_some(Effect::Deliver(audience))
            },
            replies(Kind::Subscribed).then_some(Effect::Send(Kind::Subscribed)),
            row.push().then_some(Effect::Push),
            (granted || replies(Kind::Subscribed)).then_some(Effect::SendPresence),
            (ended && !outbound).then_some(Effect::SendUnavailable),
            replies(Kind::Unsubscribed).then_some(Effect::Send(Kind::Unsubscribed)),
        ],
    }
}

/// What the removal of the contact's roster item does beside the removal itself and the push of it (RFC 3921 section 8.6, RFC 6121
/// section 2.5.2): afterwards the state is [`State::None`], and a pre-approval is gone.
///
/// It is what `unsubscribe` and `unsubscribed` would do, as far as there is something to cancel: a request that waits for the contact's
/// answer is withdrawn, and one that waits for the user's is refused (RFC 3921 section 9.4).
///
/// ```
/// use xmpp_im::subscription::{self, Effect, Kind, State};
///
/// let effects: Vec<Effect> = subscription::removal(State::Both).collect();
/// assert_eq!(effects, [Effect::Send(Kind::Unsubscribe), Effect::SendUnavailable, Effect::Send(Kind::Unsubscribed)]);
/// assert_eq!(subscription::removal(State::None).count(), 0);
/// ```
pub fn removal(state: State) -> impl Iterator<Item = Effect> + Clone + use<> {
    let wanted = state.has_to() || state.is_pending_out();
    let owed = state.has_from() || state.is_pending_in();
    let effects = [
        request(state, State::None),
        wanted.then_some(Effect::Send(Kind::Unsubscribe)),
        state.has_from().then_some(Effect::SendUnavailable),
        owed.then_some(Effect::Send(Kind::Unsubscribed)),
    ];
    effects.into_iter().flatten()
}

/// What becomes of the contact's request between two states.
fn request(state: State, next: State) -> Option<Effect> {
    match (state.is_pending_in(), next.is_pending_in()) {
        (false, true) => Some(Effect::KeepRequest),
        (true, false) => Some(Effect::ForgetRequest),
        (false, false) | (true, true) => None,
    }
}
