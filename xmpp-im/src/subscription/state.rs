//! The nine states (RFC 3921 section 9.1, RFC 6121 appendix A.1).

use core::fmt;

use crate::store::Subscription;

/// What holds between a user and a contact, seen from the user's side; in the order of RFC 3921 section 9.1.
///
/// It is made of what a roster item shows, the attributes `subscription` and `ask`, and of whether a request of the contact
/// waits for the user's answer, which no roster item shows. That an address is not in the roster at all is
/// [`State::None`], or [`State::NonePendingIn`] if it has asked.
///
/// ```
/// use xmpp_im::store::Subscription;
/// use xmpp_im::subscription::State;
///
/// let state = State::from_parts(Subscription::From, true, false);
/// assert_eq!(state, State::FromPendingOut);
/// assert_eq!((state.subscription(), state.is_pending_out(), state.is_pending_in()), (Subscription::From, true, false));
/// assert_eq!(state.to_string(), "From + Pending Out");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Neither is subscribed to the other or has asked to be.
    #[default]
    None,
    /// The user has asked, and the contact has not answered yet.
    NonePendingOut,
    /// The contact has asked, and the user has not answered yet.
    NonePendingIn,
    /// Each has asked the other, and nobody has answered yet.
    NonePendingOutIn,
    /// The user is subscribed to the contact.
    To,
    /// The user is subscribed to the contact, who has asked for the same and has no answer yet.
    ToPendingIn,
    /// The contact is subscribed to the user.
    From,
    /// The contact is subscribed to the user, who has asked for the same and has no answer yet.
    FromPendingOut,
    /// Each is subscribed to the other.
    Both,
}

impl State {
    /// All of them, in the order of RFC 3921 section 9.1.
    pub const ALL: [State; 9] = [
        State::None,
        State::NonePendingOut,
        State::NonePendingIn,
        State::NonePendingOutIn,
        State::To,
        State::ToPendingIn,
        State::From,
        State::FromPendingOut,
        State::Both,
    ];

    /// The state that a roster item's `subscription` and `ask` make, together with whether a request of the contact is kept.
    ///
    /// What has been granted cannot be pending: an `ask` beside `to` or `both`, or a request kept beside `from` or `both`, does not count.
    #[must_use]
    pub const fn from_parts(subscription: Subscription, ask: bool, pending_in: bool) -> Self {
        match (subscription, ask, pending_in) {
            (Subscription::None, false, false) => State::None,
            (Subscription::None, true, false) => State::NonePendingOut,
            (Subscription::None, false, true) => State::NonePendingIn,
            (Subscription::None, true, true) => State::NonePendingOutIn,
            (Subscription::To, _, false) => State::To,
            (Subscription::To, _, true) => State::ToPendingIn,
            (Subscription::From, false, _) => State::From,
            (Subscription::From, true, _) => State::FromPendingOut,
            (Subscription::Both, _, _) => State::Both,
        }
    }

    /// What the attribute `subscription` of the roster item says.
    #[must_use]
    pub const fn subscription(self) -> Subscription {
        match self {
            State::None | State::NonePendingOut | State::NonePendingIn | State::NonePendingOutIn => {
                Subscription::None
            }
            State::To | State::ToPendingIn => Subscription::To,
            State::From | State::FromPendingOut => Subscription::From,
            State::Both => Subscription::Both,
        }
    }

    /// Whether the user has asked and waits for an answer: the item's `ask='subscribe'`.
    #[must_use]
    pub const fn is_pending_out(self) -> bool {
        matches!(self, State::NonePendingOut | State::NonePendingOutIn | State::FromPendingOut)
    }

    /// Whether the contact has asked and waits for an answer.
    #[must_use]
    pub const fn is_pending_in(self) -> bool {
        matches!(self, State::NonePendingIn | State::NonePendingOutIn | State::ToPendingIn)
    }

    /// Whether the user gets the contact's presence.
    #[must_use]
    pub const fn has_to(self) -> bool {
        self.subscription().has_to()
    }

    /// Whether the contact gets the user's presence.
    #[must_use]
    pub const fn has_from(self) -> bool {
        self.subscription().has_from()
    }

    /// What RFC 3921 calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            State::None => "None",
            State::NonePendingOut => "None + Pending Out",
            State::NonePendingIn => "None + Pending In",
            State::NonePendingOutIn => "None + Pending Out/In",
            State::To => "To",
            State::ToPendingIn => "To + Pending In",
            State::From => "From",
            State::FromPendingOut => "From + Pending Out",
            State::Both => "Both",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
