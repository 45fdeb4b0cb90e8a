//! The user's view: what a contact's stanza tells, and what the user can do.

use super::{Direction, Kind, Rules, State, step};

/// What a contact's subscription stanza tells the user (RFC 6121 sections 3.1 to 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// The contact asks to see the user's presence: to be approved or refused.
    Request,
    /// The contact has approved the user's request.
    Approval,
    /// The contact has refused the user's request.
    Refusal,
    /// The contact no longer lets the user see its presence.
    Cancellation,
    /// The contact no longer wants to see the user's presence.
    Unsubscription,
    /// The contact no longer asks for what it had asked for.
    Withdrawal,
}

impl Notice {
    /// What a stanza of this kind tells, where `state` held before: servers deliver it ahead of the push of the changed roster item (RFC 6121 section 3.1.6),
    /// so a client's roster still shows that state. A notice kept from before the user was online comes after the roster; it tells the same, but a refusal reads as a
    /// cancellation then, and a withdrawal as an unsubscription.
    ///
    /// ```
    /// use xmpp_im::subscription::{Kind, Notice, State};
    ///
    /// assert_eq!(Notice::of(State::NonePendingOut, Kind::Unsubscribed), Notice::Refusal);
    /// assert_eq!(Notice::of(State::To, Kind::Unsubscribed), Notice::Cancellation);
    /// ```
    #[must_use]
    pub const fn of(state: State, kind: Kind) -> Self {
        match kind {
            Kind::Subscribe => Notice::Request,
            Kind::Subscribed => Notice::Approval,
            Kind::Unsubscribed if state.is_pending_out() => Notice::Refusal,
            Kind::Unsubscribed => Notice::Cancellation,
            Kind::Unsubscribe if state.is_pending_in() => Notice::Withdrawal,
            Kind::Unsubscribe => Notice::Unsubscription,
        }
    }
}

/// What a user can do about a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Ask to see the contact's presence.
    Request,
    /// Take back a request that has no answer yet.
    Withdraw,
    /// No longer see the contact's presence.
    Unsubscribe,
    /// Approve the contact's request.
    Approve,
    /// Refuse the contact's request.
    Refuse,
    /// No longer let the contact see the user's presence.
    Cancel,
    /// Approve a request that the contact has not made yet (RFC 6121 section 3.4).
    PreApprove,
    /// Take back an approval that was given in advance and not used.
    CancelPreApproval,
}

impl Command {
    /// What a stanza of this kind from the user means where `state` holds; none if it would change nothing.
    ///
    /// A `subscribe` or `unsubscribe` that changes nothing is still routed, and mends what the two servers hold differently (RFC 3921 section 9.2): a user who
    /// should see the contact and does not may send it at any time.
    ///
    /// ```
    /// use xmpp_im::subscription::{Command, Kind, Rules, State};
    ///
    /// assert_eq!(Command::of(State::ToPendingIn, false, Kind::Subscribed, Rules::new()), Some(Command::Approve));
    /// assert_eq!(Command::of(State::To, false, Kind::Subscribed, Rules::new()), Some(Command::PreApprove));
    /// assert_eq!(Command::of(State::To, false, Kind::Subscribed, Rules::rfc3921()), None);
    /// ```
    #[must_use]
    pub fn of(state: State, approved: bool, kind: Kind, rules: Rules) -> Option<Self> {
        let step = step(state, approved, Direction::Outbound, kind, rules);
        if (step.next(), step.approved()) == (state, approved) {
            return None;
        }
        Some(match kind {
            Kind::Subscribe => Command::Request,
            Kind::Unsubscribe if state.has_to() => Command::Unsubscribe,
            Kind::Unsubscribe => Command::Withdraw,
            Kind::Subscribed if state.is_pending_in() => Command::Approve,
            Kind::Subscribed => Command::PreApprove,
            Kind::Unsubscribed if state.has_from() => Command::Cancel,
            Kind::Unsubscribed if state.is_pending_in() => Command::Refuse,
            Kind::Unsubscribed => Command::CancelPreApproval,
        })
    }

    /// What the user can do where `state` holds; the rules are RFC 6121's if the server advertises pre-approval (its section 3.4.1).
    ///
    /// ```
    /// use xmpp_im::subscription::{Command, Rules, State};
    ///
    /// assert!(Command::all(State::FromPendingOut, false, Rules::new()).eq([Command::Withdraw, Command::Cancel]));
    /// ```
    pub fn all(state: State, approved: bool, rules: Rules) -> impl Iterator<Item = Command> + Clone + use<> {
        Kind::ALL.into_iter().filter_map(move |kind| Command::of(state, approved, kind, rules))
    }

    /// What the user's client sends for it.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Command::Request => Kind::Subscribe,
            Command::Withdraw | Command::Unsubscribe => Kind::Unsubscribe,
            Command::Approve | Command::PreApprove => Kind::Subscribed,
            Command::Refuse | Command::Cancel | Command::CancelPreApproval => Kind::Unsubscribed,
        }
    }
}
