//! An account that is given up: it was deleted, it does not exist, or it cannot be loaded.
//!
//! Its sessions end and say farewell to whoever may see them; what others sent, and nobody got, is handed back. What waits for storage goes on waiting,
//! unless the account was deleted: then nothing of it will be stored.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use xmpp_core::stanza::Stanza;

use super::presence::Departure;
use super::subscription::goodbyes;
use super::{Account, Cx, Input, Parked, Ready, State};
use crate::session::{SessionId, Taken, Waiting};
use crate::store::AccountData;

/// What is left of an account that is given up.
#[derive(Debug, Default)]
pub(crate) struct Remains {
    /// What its contacts are told of their subscriptions.
    pub(crate) goodbyes: Vec<Stanza>,
    /// What others sent and nobody got.
    pub(crate) stranded: Vec<Stanza>,
    /// What its sessions had taken.
    pub(crate) taken: Vec<(SessionId, Taken)>,
}

impl Account {
    /// The account is not there, or cannot be had.
    pub(crate) fn give_up(&mut self, cx: &mut Cx<'_>) -> Remains {
        let (parked, known) = self.take_apart();
        self.end_all(parked, known, cx)
    }

    /// The account is deleted, `data` being what was kept of it, if that is known. Its contacts hear that their subscriptions are cancelled, as far as
    /// they may hear from it (RFC 3921 section 8.6).
    pub(crate) fn delete(&mut self, data: Option<AccountData>, cx: &mut Cx<'_>) -> Remains {
        self.order.fail_all(&mut cx.outlet());
        // What is in memory may be of an account that was made anew under that address, and says only what is hidden from whom.
        let told = data.as_ref().map(|data| goodbyes(&self.jid, &data.clone().into()));
        let is_loaded = matches!(self.state, State::Ready(_));
        let (parked, mut known) = self.take_apart();
        if let Some(data) = data.filter(|_| !is_loaded) {
            self.state = State::Ready(Box::new(Ready::new(&self.jid, self.kind, data, cx.modules)));
            for session in self.sessions.iter().map(|session| session.id).collect::<Vec<_>>() {
                self.session_started(session, cx);
            }
            (_, known) = self.take_apart();
        }
        let mut cancels = Vec::new();
        if let Some(ready) = known.take() {
            cancels = told.unwrap_or_else(|| goodbyes(&self.jid, &ready.roster));
            self.state = State::Ready(ready);
            cancels.retain(|cancel| self.outgoing(cancel, cx).is_continue());
            (_, known) = self.take_apart();
        }
        Remains { goodbyes: cancels, ..self.end_all(parked, known, cx) }
    }

    /// What is parked, and what is known of the account.
    fn take_apart(&mut self) -> (VecDeque<Parked>, Option<Box<Ready>>) {
        match core::mem::replace(&mut self.state, State::Cold) {
            State::Cold => (VecDeque::new(), None),
            State::Loading { parked, stale, .. } => (parked, stale),
            State::Ready(ready) => (VecDeque::new(), Some(ready)),
        }
    }

    /// Ends all sessions. `known` is who may see them, and what hides them from whom.
    fn end_all(&mut self, parked: VecDeque<Parked>, known: Option<Box<Ready>>, cx: &mut Cx<'_>) -> Remains {
        let mut remains = Remains::default();
        let mut departures: Vec<_> = self.sessions.iter_mut().map(Departure::of).collect();
        for parked in parked {
            match parked {
                Parked::Input(input) => {
                    cx.barriers.end(input.cause());
                    match input {
                        Input::Inbound(stanza, _) | Input::Undelivered(stanza) => {
                            remains.stranded.push(stanza)
                        }
                        // Its sender has ended.
                        Input::Own(..) => {}
                    }
                }
                Parked::Gone(_, departure) => departures.push(departure),
            }
        }
        if let Some(ready) = known {
            self.state = State::Ready(ready);
        }
        for departure in &departures {
            self.farewell(departure, cx);
        }
        self.state = State::Cold;
        // What parts had to keep or to load they have no owner for any more.
        cx.step.disown();
        for session in core::mem::take(&mut self.sessions) {
            let id = session.id;
            self.order.forget(id, &mut cx.outlet());
            let (taken, outbox) = session.into_parts();
            remains.stranded.extend(outbox.into_iter().filter_map(Waiting::undelivered));
            remains.taken.push((id, taken));
        }
        remains
    }
}
