//! The tables: RFC 3921 section 9 as it is printed, and the cells in which RFC 6121 differs.

use super::{Direction, Kind, State};

use Direction::{Inbound, Outbound};
use Kind::{Subscribe, Subscribed, Unsubscribe, Unsubscribed};
use State::{
    Both, From, FromPendingOut, None, NonePendingIn, NonePendingOut, NonePendingOutIn, To, ToPendingIn,
};

/// What a server does with a subscription stanza in one of the states: a line of one of the RFC's tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    next: State,
    forward: bool,
    deliver: bool,
    auto_reply: Option<Kind>,
    push: bool,
}

impl Row {
    /// The line that [`TABLE`] has for this state and stanza.
    #[must_use]
    pub const fn of(state: State, direction: Direction, kind: Kind) -> Row {
        let [out_subscribe, out_unsubscribe, out_subscribed, out_unsubscribed, ..] = &TABLE;
        let [.., in_subscribe, in_unsubscribe, in_subscribed, in_unsubscribed] = &TABLE;
        let [none, none_po, none_pi, none_poi, to, to_pi, from, from_po, both] = match (direction, kind) {
            (Outbound, Subscribe) => out_subscribe,
            (Outbound, Unsubscribe) => out_unsubscribe,
            (Outbound, Subscribed) => out_subscribed,
            (Outbound, Unsubscribed) => out_unsubscribed,
            (Inbound, Subscribe) => in_subscribe,
            (Inbound, Unsubscribe) => in_unsubscribe,
            (Inbound, Subscribed) => in_subscribed,
            (Inbound, Unsubscribed) => in_unsubscribed,
        };
        *match state {
            None => none,
            NonePendingOut => none_po,
            NonePendingIn => none_pi,
            NonePendingOutIn => none_poi,
            To => to,
            ToPendingIn => to_pi,
            From => from,
            FromPendingOut => from_po,
            Both => both,
        }
    }

    /// The new state.
    #[must_use]
    pub const fn next(self) -> State {
        self.next
    }

    /// Whether an outbound stanza is routed to the contact.
    #[must_use]
    pub const fn forward(self) -> bool {
        self.forward
    }

    /// Whether an inbound stanza is delivered to the user.
    #[must_use]
    pub const fn deliver(self) -> bool {
        self.deliver
    }

    /// What the server answers on behalf of the user.
    #[must_use]
    pub const fn auto_reply(self) -> Option<Kind> {
        self.auto_reply
    }

    /// Whether the roster item changes as clients see it, so that a push tells them.
    #[must_use]
    pub const fn push(self) -> bool {
        self.push
    }
}

/// A line as the RFC prints it: whether the stanza goes on, the new state, and the auto-reply that an asterisk stands for.
#[derive(Clone, Copy)]
struct Line {
    passes: bool,
    next: Option<State>,
    auto_reply: Option<Kind>,
}

/// "no", "no state change".
const NO: Line = Line { passes: false, next: Option::None, auto_reply: Option::None };
/// "yes", "no state change".
const YES: Line = Line { passes: true, next: Option::None, auto_reply: Option::None };

/// "yes", and the new state.
const fn yes(next: State) -> Line {
    Line { passes: true, next: Some(next), auto_reply: Option::None }
}

impl Line {
    /// "*".
    const fn replies(self, kind: Kind) -> Self {
        Line { auto_reply: Some(kind), ..self }
    }

    const fn row(self, direction: Direction, state: State) -> Row {
        let next = match self.next {
            Some(next) => next,
            Option::None => state,
        };
        Row {
            next,
            forward: self.passes && matches!(direction, Outbound),
            deliver: self.passes && matches!(direction, Inbound),
            auto_reply: self.auto_reply,
            // Of a state, clients see `subscription` and `ask`. That a request waits is not in the item.
            push: state.subscription() as u8 != next.subscription() as u8
                || state.is_pending_out() != next.is_pending_out(),
        }
    }
}

const fn rows(direction: Direction, lines: [Line; 9]) -> [Row; 9] {
    let [none, none_po, none_pi, none_poi, to, to_pi, from, from_po, both] = lines;
    [
        none.row(direction, None),
        none_po.row(direction, NonePendingOut),
        none_pi.row(direction, NonePendingIn),
        none_poi.row(direction, NonePendingOutIn),
        to.row(direction, To),
        to_pi.row(direction, ToPendingIn),
        from.row(direction, From),
        from_po.row(direction, FromPendingOut),
        both.row(direction, Both),
    ]
}

/// The 72 cells: a block is a stanza in a direction, as the RFC's tables are, and a line a state, in the order of [`State::ALL`].
///
/// Outbound come first, then inbound, each in the order of [`Kind::ALL`]. For the outbound `subscribe` and `unsubscribe` RFC 3921 has
/// only the prose of section 9.2, always to route them; their states are those of sections 8.2 to 8.4, which RFC 6121 sums up in the tables 2 and 3 of its
/// appendix A.
#[rustfmt::skip]
pub const TABLE: [[Row; 9]; 8] = [
    // RFC 3921 section 9.2: outbound "subscribe".
    //  EXISTING STATE                            ROUTE?, NEW STATE
    rows(Outbound, [
        /* "None"                 */              yes(NonePendingOut),
        /* "None + Pending Out"   */              YES,
        /* "None + Pending In"    */              yes(NonePendingOutIn),
        /* "None + Pending Out/In"*/              YES,
        /* "To"                   */              YES,
        /* "To + Pending In"      */              YES,
        /* "From"                 */              yes(FromPendingOut),
        /* "From + Pending Out"   */              YES,
        /* "Both"                 */              YES,
    ]),
    // RFC 3921 section 9.2: outbound "unsubscribe".
    //  EXISTING STATE                            ROUTE?, NEW STATE
    rows(Outbound, [
        /* "None"                 */              YES,
        /* "None + Pending Out"   */              yes(None),
        /* "None + Pending In"    */              YES,
        /* "None + Pending Out/In"*/              yes(NonePendingIn),
        /* "To"                   */              yes(None),
        /* "To + Pending In"      */              yes(NonePendingIn),
        /* "From"                 */              YES,
        /* "From + Pending Out"   */              yes(From),
        /* "Both"                 */              yes(From),
    ]),
    // RFC 3921 section 9.2, table 1: outbound "subscribed".
    //  EXISTING STATE                            ROUTE?, NEW STATE
    rows(Outbound, [
        /* "None"                 */              NO,
        /* "None + Pending Out"   */              NO,
        /* "None + Pending In"    */              yes(From),
        /* "None + Pending Out/In"*/              yes(FromPendingOut),
        /* "To"                   */              NO,
        /* "To + Pending In"      */              yes(Both),
        /* "From"                 */              NO,
        /* "From + Pending Out"   */              NO,
        /* "Both"                 */              NO,
    ]),
    // RFC 3921 section 9.2, table 2: outbound "unsubscribed".
    //  EXISTING STATE                            ROUTE?, NEW STATE
    rows(Outbound, [
        /* "None"                 */              NO,
        /* "None + Pending Out"   */              NO,
        /* "None + Pending In"    */              yes(None),
        /* "None + Pending Out/In"*/              yes(NonePendingOut),
        /* "To"                   */              NO,
        /* "To + Pending In"      */              yes(To),
        /* "From"                 */              yes(None),
        /* "From + Pending Out"   */              yes(NonePendingOut),
        /* "Both"                 */              yes(To),
    ]),
    // RFC 3921 section 9.3, table 3: inbound "subscribe".
    //  EXISTING STATE                            DELIVER?, NEW STATE
    rows(Inbound, [
        /* "None"                 */              yes(NonePendingIn),
        /* "None + Pending Out"   */              yes(NonePendingOutIn),
        /* "None + Pending In"    */              NO,
        /* "None + Pending Out/In"*/              NO,
        /* "To"                   */              yes(ToPendingIn),
        /* "To + Pending In"      */              NO,
        /* "From"                 */              NO.replies(Subscribed),
        /* "From + Pending Out"   */              NO.replies(Subscribed),
        /* "Both"                 */              NO.replies(Subscribed),
    ]),
    // RFC 3921 section 9.3, table 4: inbound "unsubscribe".
    //  EXISTING STATE                            DELIVER?, NEW STATE
    rows(Inbound, [
        /* "None"                 */              NO,
        /* "None + Pending Out"   */              NO,
        /* "None + Pending In"    */              yes(None).replies(Unsubscribed),
        /* "None + Pending Out/In"*/              yes(NonePendingOut).replies(Unsubscribed),
        /* "To"                   */              NO,
        /* "To + Pending In"      */              yes(To).replies(Unsubscribed),
        /* "From"                 */              yes(None).replies(Unsubscribed),
        /* "From + Pending Out"   */              yes(NonePendingOut).replies(Unsubscribed),
        /* "Both"                 */              yes(To).replies(Unsubscribed),
    ]),
    // RFC 3921 section 9.3, table 5: inbound "subscribed".
    //  EXISTING STATE                            DELIVER?, NEW STATE
    rows(Inbound, [
        /* "None"                 */              NO,
        /* "None + Pending Out"   */              yes(To),
        /* "None + Pending In"    */              NO,
        /* "None + Pending Out/In"*/              yes(ToPendingIn),
        /* "To"                   */              NO,
        /* "To + Pending In"      */              NO,
        /* "From"                 */              NO,
        /* "From + Pending Out"   */              yes(Both),
        /* "Both"                 */              NO,
    ]),
    // RFC 3921 section 9.3, table 6: inbound "unsubscribed".
    //  EXISTING STATE                            DELIVER?, NEW STATE
    rows(Inbound, [
        /* "None"                 */              NO,
        /* "None + Pending Out"   */              yes(None),
        /* "None + Pending In"    */              NO,
        /* "None + Pending Out/In"*/              yes(NonePendingIn),
        /* "To"                   */              yes(None),
        /* "To + Pending In"      */              yes(NonePendingIn),
        /* "From"                 */              NO,
        /* "From + Pending Out"   */              yes(From),
        /* "Both"                 */              yes(From),
    ]),
];

/// A cell in which RFC 6121 differs from [`TABLE`], all of them for the sake of pre-approval (its section 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delta {
    state: State,
    approved: bool,
    direction: Direction,
    kind: Kind,
    row: Row,
    approves: bool,
}

impl Delta {
    /// The state before.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether the contact is pre-approved before: each cell differs with the mark or without it, never both.
    #[must_use]
    pub const fn approved(&self) -> bool {
        self.approved
    }

    /// Which way the stanza goes.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// What the stanza is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What stands in place of the cell.
    #[must_use]
    pub const fn row(&self) -> Row {
        self.row
    }

    /// Whether the contact is pre-approved afterwards.
    #[must_use]
    pub const fn approves(&self) -> bool {
        self.approves
    }

    /// `subscribed` that nobody asked for: the approval is noted and shown, and not routed.
    const fn notes(state: State) -> Self {
        let row = Row { push: true, ..NO.row(Outbound, state) };
        Delta { state, approved: false, direction: Outbound, kind: Subscribed, row, approves: true }
    }

    /// `unsubscribed`: the approval is taken back, whatever else the stanza does.
    const fn takes_back(state: State) -> Self {
        let row = Row { push: true, ..Row::of(state, Outbound, Unsubscribed) };
        Delta { state, approved: true, direction: Outbound, kind: Unsubscribed, row, approves: false }
    }

    /// A request that was approved before it came: answered, and not delivered.
    const fn answers(state: State, next: State) -> Self {
        let row = Line { passes: false, next: Some(next), auto_reply: Some(Subscribed) }.row(Inbound, state);
        Delta { state, approved: true, direction: Inbound, kind: Subscribe, row, approves: true }
    }
}

/// The cells that RFC 6121 changed, beside the mark of pre-approval that it added to the nine states.
///
/// The mark is the user's own word: only the user's `subscribed` sets it, only the user's `unsubscribed` takes it away, or the
/// removal of the roster item, and no stanza of the contact touches it (RFC 6121 section 3.4.2 leaves open whether it outlives the request
/// that it answers).
pub const DELTA_6121: [Delta; 18] = [
    // Section 3.4.2 rules 3 and 4, appendix A.2.3 note 1.
    Delta::notes(None),
    Delta::notes(NonePendingOut),
    Delta::notes(To),
    // Section 3.2.2 rule 2, appendix A.2.4 note 1.
    Delta::takes_back(None),
    Delta::takes_back(NonePendingOut),
    Delta::takes_back(NonePendingIn),
    Delta::takes_back(NonePendingOutIn),
    Delta::takes_back(To),
    Delta::takes_back(ToPendingIn),
    Delta::takes_back(From),
    Delta::takes_back(FromPendingOut),
    Delta::takes_back(Both),
    // Section 3.4.2 after rule 4, appendix A.3.1 note 1. Beside a request that waits, the mark comes only from data that was stored while
    // approvals in advance were not supported; it means the same.
    Delta::answers(None, From),
    Delta::answers(NonePendingOut, FromPendingOut),
    Delta::answers(NonePendingIn, From),
    Delta::answers(NonePendingOutIn, FromPendingOut),
    Delta::answers(To, Both),
    Delta::answers(ToPendingIn, Both),
];
