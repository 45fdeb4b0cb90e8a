//! RFC 3921 section 9 and RFC 6121 appendix A: the subscription states, what each stanza does in each of them, and in which order (RFC
//! 6121 section 3).

#![allow(missing_docs)]

use xmpp_im::store::Subscription;
use xmpp_im::subscription::Audience::{Available, Interested};
use xmpp_im::subscription::Direction::{self, Inbound, Outbound};
use xmpp_im::subscription::Effect::{
    self, Deliver, ForgetRequest, KeepRequest, Push, Route, Send, SendPresence, SendUnavailable,
};
use xmpp_im::subscription::Kind::{self, Subscribe, Subscribed, Unsubscribe, Unsubscribed};
use xmpp_im::subscription::State::{
    self, Both, From, FromPendingOut, None, NonePendingIn, NonePendingOut, NonePendingOutIn, To, ToPendingIn,
};
use xmpp_im::subscription::{Rules, Step, removal};

/// Who is subscribed to the user.
const SUBSCRIBED: [State; 3] = [From, FromPendingOut, Both];
/// Whose request waits for the user.
const ASKING: [State; 3] = [NonePendingIn, NonePendingOutIn, ToPendingIn];
/// Neither: where an approval can only be given in advance.
const STRANGERS: [State; 3] = [None, NonePendingOut, To];

/// The user's request or subscription ends, whichever of the two ends it.
const SEES_NO_MORE: [(State, State); 6] = [
    (NonePendingOut, None),
    (NonePendingOutIn, NonePendingIn),
    (To, None),
    (ToPendingIn, NonePendingIn),
    (FromPendingOut, From),
    (Both, From),
];
/// The contact's does.
const SEEN_NO_MORE: [(State, State); 6] = [
    (NonePendingIn, None),
    (NonePendingOutIn, NonePendingOut),
    (ToPendingIn, To),
    (From, None),
    (FromPendingOut, NonePendingOut),
    (Both, To),
];

/// A stanza as RFC 3921 handles it.
fn step(state: State, direction: Direction, kind: Kind) -> Step {
    xmpp_im::subscription::step(state, false, direction, kind, Rules::rfc3921())
}

/// A stanza as RFC 6121 handles it, for a contact who may be pre-approved.
fn modern(state: State, approved: bool, direction: Direction, kind: Kind) -> Step {
    xmpp_im::subscription::step(state, approved, direction, kind, Rules::new())
}

fn effects(step: Step) -> Vec<Effect> {
    step.effects().collect()
}

fn has(step: Step, effect: Effect) -> bool {
    step.effects().any(|found| found == effect)
}

/// Whether it is routed or delivered.
fn passes(step: Step) -> bool {
    step.effects().any(|effect| matches!(effect, Route | Deliver(_)))
}

/// The states in which something is so.
fn states(is_so: impl Fn(State) -> bool) -> Vec<State> {
    State::ALL.into_iter().filter(|state| is_so(*state)).collect()
}

/// A column of the RFC's tables: the states that a stanza changes, and into what.
fn changes(direction: Direction, kind: Kind) -> Vec<(State, State)> {
    let pairs = State::ALL.into_iter().map(|state| (state, step(state, direction, kind).next()));
    pairs.filter(|(state, next)| state != next).collect()
}

// 9.1. Defined States

#[test]
fn r3921_9_1_03_nine_states() {
    let seen = State::ALL.map(|state| {
        (state.name(), state.subscription().name(), state.is_pending_out(), state.is_pending_in())
    });
    assert_eq!(
        seen,
        [
            ("None", "none", false, false),
            ("None + Pending Out", "none", true, false),
            ("None + Pending In", "none", false, true),
            ("None + Pending Out/In", "none", true, true),
            ("To", "to", false, false),
            ("To + Pending In", "to", false, true),
            ("From", "from", false, false),
            ("From + Pending Out", "from", true, false),
            ("Both", "both", false, false),
        ]
    );
}

#[test]
fn r3921_9_1_01_a_request_shows_in_no_roster() {
    let asked = step(None, Inbound, Subscribe);
    assert_eq!(asked.next(), NonePendingIn);
    assert!(!has(asked, Push));
    // covers 3921-9.1-02: the push comes with the approval
    assert!(has(step(NonePendingIn, Outbound, Subscribed), Push));
}

// 9.2. Server Handling of Outbound Presence Subscription Stanzas

#[test]
fn r3921_9_2_01_subscribe_and_unsubscribe_always_leave() {
    for state in State::ALL {
        assert!(has(step(state, Outbound, Subscribe), Route), "{state}");
        assert!(has(step(state, Outbound, Unsubscribe), Route), "{state}");
    }
    let changed = [(None, NonePendingOut), (NonePendingIn, NonePendingOutIn), (From, FromPendingOut)];
    // covers 6121-A.2.1-01
    assert_eq!(changes(Outbound, Subscribe), changed);
    // covers 6121-A.2.2-01
    assert_eq!(changes(Outbound, Unsubscribe), SEES_NO_MORE);
}

#[test]
fn r3921_9_2_06_table_1() {
    let changed = [(NonePendingIn, From), (NonePendingOutIn, FromPendingOut), (ToPendingIn, Both)];
    assert_eq!(changes(Outbound, Subscribed), changed);
    assert_eq!(states(|state| passes(step(state, Outbound, Subscribed))), ASKING);
}

#[test]
fn r3921_9_2_07_table_2() {
    assert_eq!(changes(Outbound, Unsubscribed), SEEN_NO_MORE);
    let changed = SEEN_NO_MORE.map(|(state, _)| state);
    assert_eq!(states(|state| passes(step(state, Outbound, Unsubscribed))), changed);
}

#[test]
fn r3921_9_2_02_answers_that_change_nothing_stay() {
    for (state, kind) in State::ALL.into_iter().flat_map(|state| [(state, Subscribed), (state, Unsubscribed)])
    {
        let step = step(state, Outbound, kind);
        let asks = state.is_pending_in();
        let matters = asks || kind == Unsubscribed && state.has_from();
        if !matters {
            assert!(!has(step, Route), "{state} {kind}");
            // covers 3921-9.2-03
            assert_eq!(step.next(), state, "{state} {kind}");
            continue;
        }
        // covers 3921-9.2-04
        assert!(has(step, Route), "{state} {kind}");
        // covers 3921-9.2-05
        assert_eq!(
            (step.next().has_from(), step.next().is_pending_in()),
            (kind == Subscribed, false),
            "{state}"
        );
    }
}

#[test]
fn r6121_a_2_3_01_an_approval_in_advance_stays_home() {
    for state in STRANGERS {
        assert!(!has(modern(state, false, Outbound, Subscribed), Route), "{state}");
    }
}

// 9.3. Server Handling of Inbound Presence Subscription Stanzas

#[test]
fn r3921_9_3_01_a_request_is_delivered_once() {
    for state in STRANGERS {
        assert!(has(step(state, Inbound, Subscribe), Deliver(Available)), "{state}");
    }
    for state in ASKING {
        // covers 3921-9.3-02
        assert_eq!(effects(step(state, Inbound, Subscribe)), [], "{state}");
    }
}

#[test]
fn r3921_9_3_03_who_is_subscribed_is_told_so() {
    for state in State::ALL {
        let replies = has(step(state, Inbound, Subscribe), Send(Subscribed));
        // covers 3921-9.3-04
        assert_eq!(replies, SUBSCRIBED.contains(&state), "{state}");
        if state.has_from() {
            assert_eq!(effects(modern(state, false, Inbound, Subscribe)), [Send(Subscribed), SendPresence]);
        }
    }
}

#[test]
fn r3921_9_3_05_unsubscribe_that_changes_something() {
    for state in states(|state| state.has_from() || state.is_pending_in()) {
        let step = step(state, Inbound, Unsubscribe);
        // covers 3921-9.3-10
        assert!(has(step, Send(Unsubscribed)), "{state}");
        // covers 3921-9.3-06
        assert!(has(step, Deliver(Interested)), "{state}");
        // covers 3921-9.3-07
        assert_eq!((step.next().has_from(), step.next().is_pending_in()), (false, false), "{state}");
    }
}

#[test]
fn r3921_9_3_08_unsubscribe_that_changes_nothing() {
    for state in STRANGERS {
        assert_eq!(effects(step(state, Inbound, Unsubscribe)), [], "{state}");
        // covers 3921-9.3-09
        assert_eq!(step(state, Inbound, Unsubscribe).next(), state);
    }
}

#[test]
fn r3921_9_3_13_an_approval_that_was_asked_for() {
    for state in [NonePendingOut, NonePendingOutIn, FromPendingOut] {
        let step = step(state, Inbound, Subscribed);
        assert!(has(step, Deliver(Interested)), "{state}");
        // covers 3921-9.3-14
        assert_eq!((step.next().has_to(), step.next().is_pending_out()), (true, false), "{state}");
    }
}

#[test]
fn r3921_9_3_11_an_approval_that_nobody_asked_for() {
    for state in [None, NonePendingIn, From] {
        assert_eq!(effects(step(state, Inbound, Subscribed)), [], "{state}");
        // covers 3921-9.3-12
        assert_eq!(step(state, Inbound, Subscribed).next(), state);
    }
    for state in [To, ToPendingIn, Both] {
        // covers 3921-9.3-15
        assert_eq!(effects(step(state, Inbound, Subscribed)), [], "{state}");
        // covers 3921-9.3-16
        assert_eq!(step(state, Inbound, Subscribed).next(), state);
    }
}

#[test]
fn r3921_9_3_17_a_refusal_or_cancellation() {
    for state in State::ALL {
        let step = step(state, Inbound, Unsubscribed);
        if state.has_to() || state.is_pending_out() {
            assert!(has(step, Deliver(Interested)), "{state}");
            // covers 3921-9.3-18
            assert_eq!((step.next().has_to(), step.next().is_pending_out()), (false, false), "{state}");
        } else {
            // covers 3921-9.3-19
            assert_eq!(effects(step), [], "{state}");
            // covers 3921-9.3-20
            assert_eq!(step.next(), state);
        }
    }
}

#[test]
fn r3921_9_3_21_tables_3_to_6() {
    let changed = [(None, NonePendingIn), (NonePendingOut, NonePendingOutIn), (To, ToPendingIn)];
    assert_eq!(changes(Inbound, Subscribe), changed);
    assert_eq!(changes(Inbound, Unsubscribe), SEEN_NO_MORE);
    let changed = [(NonePendingOut, To), (NonePendingOutIn, ToPendingIn), (FromPendingOut, Both)];
    assert_eq!(changes(Inbound, Subscribed), changed);
    assert_eq!(changes(Inbound, Unsubscribed), SEES_NO_MORE);
    for kind in Kind::ALL {
        let delivered = states(|state| passes(step(state, Inbound, kind)));
        assert!(
            delivered.into_iter().eq(changes(Inbound, kind).into_iter().map(|(state, _)| state)),
            "{kind}"
        );
    }
}

#[test]
fn r6121_a_3_1_01_a_request_that_was_approved_in_advance() {
    let next = STRANGERS.map(|state| modern(state, true, Inbound, Subscribe).next());
    assert_eq!(next, [From, FromPendingOut, Both]);
    for state in STRANGERS {
        // covers 6121-3.1.3-04
        assert!(has(modern(state, true, Inbound, Subscribe), Send(Subscribed)), "{state}");
    }
}

// 9.4. Server Delivery and Client Acknowledgement

#[test]
fn r3921_9_4_05_an_answer_ends_the_resending() {
    for state in ASKING {
        for answer in [Subscribed, Unsubscribed] {
            assert!(Subscribe.is_answered_by(answer));
            assert!(has(step(state, Outbound, answer), ForgetRequest), "{state} {answer}");
        }
        for other in [Subscribe, Unsubscribe] {
            assert!(!Subscribe.is_answered_by(other));
            assert!(!has(step(state, Outbound, other), ForgetRequest), "{state} {other}");
        }
    }
    let notices = [(Subscribed, [Subscribe, Unsubscribe]), (Unsubscribed, [Unsubscribe, Subscribe])];
    for (notice, answers) in notices.into_iter().chain([(Unsubscribe, [Unsubscribed, Subscribed])]) {
        // covers 3921-9.4-05: table 7
        assert!(
            Kind::ALL.iter().all(|kind| notice.is_answered_by(*kind) == answers.contains(kind)),
            "{notice}"
        );
    }
}

#[test]
fn r3921_9_4_06_a_removal_cancels_both_ways() {
    let both = [Send(Unsubscribe), SendUnavailable, Send(Unsubscribed)];
    assert!(removal(Both).eq(both));
    assert!(removal(To).eq([Send(Unsubscribe)]));
    assert!(removal(From).eq([SendUnavailable, Send(Unsubscribed)]));
    assert!(removal(NonePendingOut).eq([Send(Unsubscribe)]));
    for state in ASKING {
        // covers 3921-9.4-07: a request that waits is refused, and not delivered again
        assert_eq!(removal(state).next(), Some(ForgetRequest), "{state}");
    }
}

// RFC 6121 section 3: what comes before what

#[test]
fn r6121_3_1_2_05_a_request_leaves_before_the_push() {
    assert_eq!(effects(modern(None, false, Outbound, Subscribe)), [Route, Push]);
    let next = modern(None, false, Outbound, Subscribe).next();
    // covers 6121-3.1.2-05: `none`, and `ask`
    assert_eq!((next.subscription(), next.is_pending_out()), (Subscription::None, true));
}

#[test]
fn an_approval_goes_out_then_the_push_then_presence() {
    for state in ASKING {
        let approval = modern(state, false, Outbound, Subscribed);
        assert_eq!(effects(approval), [ForgetRequest, Route, Push, SendPresence], "{state}");
        assert!(approval.next().has_from());
    }
}

#[test]
fn r6121_3_1_6_01_a_notice_comes_before_its_push() {
    for state in [NonePendingOut, NonePendingOutIn, FromPendingOut] {
        assert_eq!(
            effects(modern(state, false, Inbound, Subscribed)),
            [Deliver(Interested), Push],
            "{state}"
        );
    }
    for state in [To, ToPendingIn, Both] {
        assert_eq!(
            effects(modern(state, false, Inbound, Unsubscribed)),
            [Deliver(Interested), Push],
            "{state}"
        );
    }
    for state in [None, NonePendingIn, From] {
        // covers 6121-3.1.6-04
        assert_eq!(effects(modern(state, false, Inbound, Subscribed)), [], "{state}");
        // covers 6121-3.2.3-02
        assert_eq!(effects(modern(state, false, Inbound, Unsubscribed)), [], "{state}");
    }
}

#[test]
fn r6121_3_2_2_05_unavailable_before_the_cancellation() {
    for state in SUBSCRIBED {
        assert_eq!(
            effects(modern(state, false, Outbound, Unsubscribed)),
            [SendUnavailable, Route, Push],
            "{state}"
        );
    }
    for (state, approved) in STRANGERS.into_iter().flat_map(|state| [(state, false), (state, true)]) {
        let cancellation = modern(state, approved, Outbound, Unsubscribed);
        // covers 6121-3.2.2-01
        assert!(!has(cancellation, Route), "{state}");
        // covers 6121-3.2.2-02
        assert!(!has(cancellation, SendUnavailable), "{state}");
        // covers 6121-3.2.2-03
        assert!(!cancellation.approved(), "{state}");
        // covers 6121-3.2.2-04
        assert_eq!(effects(cancellation), if approved { vec![Push] } else { vec![] }, "{state}");
    }
}

#[test]
fn a_refusal_tells_a_stranger_nothing_of_who_is_online() {
    for state in ASKING {
        assert_eq!(effects(modern(state, false, Outbound, Unsubscribed)), [ForgetRequest, Route], "{state}");
    }
}

#[test]
fn r6121_3_3_3_01_unsubscribe_then_the_push_then_unavailable() {
    let expected = [Deliver(Interested), Push, SendUnavailable, Send(Unsubscribed)];
    for state in SUBSCRIBED {
        assert_eq!(effects(modern(state, false, Inbound, Unsubscribe)), expected, "{state}");
    }
    for state in STRANGERS {
        // covers 6121-3.3.3-02
        assert_eq!(effects(modern(state, false, Inbound, Unsubscribe)), [], "{state}");
    }
    for state in ASKING {
        // covers 6121-3.3.3-02: a request that waits is dropped
        assert_eq!(
            effects(modern(state, false, Inbound, Unsubscribe)).first(),
            Some(&ForgetRequest),
            "{state}"
        );
    }
}

#[test]
fn r6121_3_4_2_01_an_approval_of_who_is_subscribed() {
    for state in SUBSCRIBED {
        let approval = modern(state, false, Outbound, Subscribed);
        assert_eq!(
            (effects(approval), approval.next(), approval.approved()),
            (vec![], state, false),
            "{state}"
        );
    }
    for state in ASKING {
        let approval = modern(state, false, Outbound, Subscribed);
        // covers 6121-3.4.2-02
        assert_eq!((has(approval, Route), approval.approved()), (true, false), "{state}");
    }
}

#[test]
fn r6121_3_4_2_03_an_approval_in_advance_is_noted() {
    for state in STRANGERS {
        let approval = modern(state, false, Outbound, Subscribed);
        assert_eq!(
            (approval.next(), approval.approved(), has(approval, Push)),
            (state, true, true),
            "{state}"
        );
        // covers 6121-3.4.2-04
        assert!(!has(approval, Route), "{state}");
        let request = modern(state, true, Inbound, Subscribe);
        // covers 6121-3.4.2-06
        assert_eq!(effects(request), [Send(Subscribed), Push, SendPresence], "{state}");
        // covers 6121-3.4.2-07
        assert!(!has(request, Deliver(Available)) && !has(request, KeepRequest), "{state}");
        assert!(request.approved(), "the user's word stands until the user takes it back");
    }
}
