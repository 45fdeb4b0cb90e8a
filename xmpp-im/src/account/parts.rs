//! The modules' parts of an account, and when they are called.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::ControlFlow;

use xmpp_core::jid::BareJid;
use xmpp_core::stanza::{Condition, IqType, Message, Stanza};

use super::barrier::Source;
use super::effect::Effect;
use super::step::Notice;
use super::{Account, Cx, Kind, State};
use crate::module::{BadState, Context, Found, Hooks, Kept, Modules, Part, SessionView, Target, Verdict};
use crate::roster::Roster;
use crate::session::{Mark, Session, SessionId};
use crate::store::{AccountData, OfflineMessage};

/// The parts of one owner, in the order of the modules.
#[derive(Debug, Default)]
pub(super) struct Parts(Vec<Opened>);

#[derive(Debug)]
struct Opened {
    module: usize,
    name: &'static str,
    hooks: Hooks,
    part: Result<Box<dyn Part>, BadState>,
}

impl Parts {
    /// Opens the parts that an owner of this kind has.
    pub(super) fn open(owner: &BareJid, kind: Kind, data: &AccountData, modules: &Modules) -> Self {
        let target = match kind {
            Kind::Account | Kind::Anonymous => Target::Account,
            Kind::Domain(target) => target,
        };
        let opened = modules.serving(target, owner).map(|(module, made)| Opened {
            module,
            name: made.name(),
            hooks: made.hooks(),
            part: made.open(owner, Kept::new(data, made.name())),
        });
        Parts(opened.collect())
    }

    fn get_mut(&mut self, module: usize) -> Option<&mut Opened> {
        let index = self.0.binary_search_by_key(&module, |opened| opened.module).ok()?;
        self.0.get_mut(index)
    }
}

impl Opened {
    fn call<T>(
        &mut self,
        (owner, kind): (&BareJid, Kind),
        roster: &mut Roster,
        sessions: &mut [Session],
        cx: &mut Cx<'_>,
        call: impl FnOnce(&mut dyn Part, &mut Context<'_>) -> T,
    ) -> Result<T, BadState> {
        let part = self.part.as_mut().map_err(|error| *error)?;
        let mut context = Context {
            owner,
            is_anonymous: kind == Kind::Anonymous,
            module: self.module,
            name: self.name,
            origin: cx.step.origin(),
            now: cx.now,
            limits: cx.limits,
            entropy: cx.entropy,
            roster,
            sessions,
            step: &mut cx.step,
            room: cx.room,
        };
        Ok(call(&mut **part, &mut context))
    }
}

impl Account {
    /// Calls the parts with that hook, in order, until one has handled it.
    fn each(
        &mut self,
        hook: Hooks,
        cx: &mut Cx<'_>,
        mut call: impl FnMut(&mut dyn Part, &mut Context<'_>) -> Verdict,
    ) -> ControlFlow<()> {
        let State::Ready(ready) = &mut self.state else { return ControlFlow::Continue(()) };
        if !cx.modules.has(hook) {
            return ControlFlow::Continue(());
        }
        let owner = (&self.jid, self.kind);
        for opened in ready.parts.0.iter_mut().filter(|opened| opened.hooks.has(hook)) {
            let verdict = opened.call(owner, &mut ready.roster, &mut self.sessions, cx, &mut call);
            if verdict == Ok(Verdict::Handled) {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Calls the part of one module, if it has one here.
    fn one<T>(
        &mut self,
        module: usize,
        cx: &mut Cx<'_>,
        call: impl FnOnce(&mut dyn Part, &mut Context<'_>) -> T,
    ) -> Option<Result<T, BadState>> {
        let State::Ready(ready) = &mut self.state else { return None };
        let opened = ready.parts.get_mut(module)?;
        Some(opened.call((&self.jid, self.kind), &mut ready.roster, &mut self.sessions, cx, call))
    }

    /// Lets the modules that match a request or another stanza handle it.
    pub(super) fn handle(&mut self, stanza: &Stanza, target: Target, cx: &mut Cx<'_>) -> ControlFlow<()> {
        let from_owner = stanza.from().is_some_and(|from| from.to_bare() == self.jid);
        for found in cx.modules.find(stanza, target, from_owner) {
            let module = match found {
                Found::Refused(condition) => {
                    cx.refuse(condition);
                    return ControlFlow::Break(());
                }
                Found::Module(module) => module,
            };
            // The changes that are not stored yet are kept in memory, so there is a limit to them.
            let is_set = matches!(stanza, Stanza::Iq(iq) if iq.type_() == IqType::Set);
            if is_set && !self.order.has_room(&cx.step, cx.limits) {
                cx.refuse(Condition::ResourceConstraint);
                return ControlFlow::Break(());
            }
            let verdict = match self.one(module, cx, |part, context| part.handle(stanza, context)) {
                None => continue,
                Some(Ok(verdict)) => verdict,
                Some(Err(BadState)) => {
                    cx.refuse(Condition::InternalServerError);
                    return ControlFlow::Break(());
                }
            };
            self.settle(cx);
            if verdict == Verdict::Handled || cx.step.is_answered() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }

    /// Tells parts what others of them have done, and lets what they have sent leave.
    fn settle(&mut self, cx: &mut Cx<'_>) {
        loop {
            if let Some(stanza) = cx.step.sent.pop_front() {
                let passes = self.each(Hooks::OUTGOING, cx, |part, context| part.outgoing(&stanza, context));
                if passes.is_continue() {
                    cx.step.route(stanza);
                }
            } else if let Some(notice) = cx.step.notices.pop_front() {
                // What parts do about a notice may cause others; that has to end.
                let Some(room) = cx.room.checked_sub(1) else { continue };
                *cx.room = room;
                let (hook, told) = match &notice {
                    Notice::Roster { .. } => (Hooks::ROSTER, notice),
                    Notice::Presence(_) => (Hooks::PRESENCE, notice),
                };
                let _ = self.each(hook, cx, |part, context| {
                    match &told {
                        Notice::Roster { contact, before } => {
                            part.roster_changed(contact, before.as_ref(), context);
                        }
                        Notice::Presence(session) => part.presence_changed(*session, context),
                    }
                    Verdict::Continue
                });
            } else {
                return;
            }
        }
    }

    /// A stanza leaves an account's session, or the account itself: whether it may.
    pub(super) fn outgoing(&mut self, stanza: &Stanza, cx: &mut Cx<'_>) -> ControlFlow<()> {
        let passes = self.each(Hooks::OUTGOING, cx, |part, context| part.outgoing(stanza, context));
        self.settle(cx);
        passes
    }

    /// A stanza comes in: whether it may.
    pub(super) fn incoming(&mut self, stanza: &Stanza, cx: &mut Cx<'_>) -> ControlFlow<()> {
        let passes = self.each(Hooks::INCOMING, cx, |part, context| part.incoming(stanza, context));
        self.settle(cx);
        passes
    }

    /// Whether a session may get a stanza.
    pub(super) fn admits(&self, session: &Session, stanza: &Stanza, modules: &Modules) -> bool {
        let State::Ready(ready) = &self.state else { return true };
        if !modules.has(Hooks::ADMITS) {
            return true;
        }
        let mut asked = ready.parts.0.iter().filter(|opened| opened.hooks.has(Hooks::ADMITS));
        asked.all(|opened| {
            opened.part.as_ref().is_ok_and(|part| part.admits(SessionView(session), stanza, &ready.roster))
        })
    }

    /// No resource takes a message: whether anybody else does.
    pub(super) fn undeliverable(&mut self, message: &Message, cx: &mut Cx<'_>) -> ControlFlow<()> {
        let taken = self.each(Hooks::UNDELIVERABLE, cx, |part, context| part.undeliverable(message, context));
        self.settle(cx);
        taken
    }

    /// What modules have waited for is written.
    pub(crate) fn written(&mut self, session: SessionId, marks: Vec<Mark>, cx: &mut Cx<'_>) {
        for (module, mark) in marks {
            let _ = self.one(module, cx, |part, context| part.written(session, mark, context));
        }
        self.settle(cx);
    }

    /// A page of offline messages has come for a module, or will not.
    pub(super) fn page(
        &mut self,
        module: usize,
        after: u64,
        messages: Option<Vec<OfflineMessage>>,
        cx: &mut Cx<'_>,
    ) {
        let _ = self.one(module, cx, |part, context| part.messages_loaded(after, messages, context));
        self.settle(cx);
    }

    /// A session has started, and the account is loaded.
    pub(super) fn session_started(&mut self, session: SessionId, cx: &mut Cx<'_>) {
        let _ = self.each(Hooks::SESSIONS, cx, |part, context| {
            part.session_started(session, context);
            Verdict::Continue
        });
        self.settle(cx);
    }

    /// A session has ended.
    pub(super) fn session_ended(&mut self, session: SessionId, cx: &mut Cx<'_>) {
        let _ = self.each(Hooks::SESSIONS, cx, |part, context| {
            part.session_ended(session, context);
            Verdict::Continue
        });
        self.settle(cx);
    }

    /// A session has told its presence, or is not available any more.
    pub(super) fn presence_changed(&mut self, session: SessionId, cx: &mut Cx<'_>) {
        cx.step.notices.push_back(Notice::Presence(session));
        self.settle(cx);
    }

    /// Sends a stanza in the account's name, if the hooks let it.
    pub(super) fn send(&mut self, stanza: Stanza, cx: &mut Cx<'_>) {
        if self.outgoing(&stanza, cx).is_continue() {
            cx.step.route(stanza);
        }
    }

    /// Sends a stanza that shows what the account is now: not before all of that is stored.
    pub(super) fn show(&mut self, stanza: Stanza, cx: &mut Cx<'_>) {
        if self.outgoing(&stanza, cx).is_continue() {
            cx.step.push_showing(Effect::Route(stanza, Source::Server), super::step::State::ALL);
        }
    }
}
