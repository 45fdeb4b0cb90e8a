//! What all roles share: the queue, the deadlines, the closing rules, and the driving loop.
//!
//! The only place with a queue. A [`Role`] gets frames, one at a time and only when everything before was taken out, and puts [output](Output)
//! into the [`Core`]; [`Machine`] stands between them and the bytes.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use super::action::{Action, Close, CloseReason, Closed, Event, SendId, TlsFault};
use super::question::{Answer, Query, Question, Ticket};
use super::timer::{Deadlines, Timer};
use crate::entropy::{Entropy, Label, Seed};
use crate::error::Misuse;
use crate::framing::tcp::Tcp;
use crate::limits::{Limits, XmlLimits};
use crate::stanza::Stanza;
use crate::stream::{Condition, FirstLevel, Half, Halves, Phase, StreamError, StreamHeader, Verdict};
use crate::time::Instant;
use crate::tls::{TlsError, TlsInfo, TlsRequest};
use crate::xml::{Element, Frame, StreamTag, ns};

/// What a role puts out, in order.
#[derive(Debug)]
enum Output {
    Header(StreamHeader),
    Element(Element),
    Stanza(SendId, Stanza),
    Space,
    Footer,
    Action(Action),
}

/// Whether the connection still has a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Running,
    /// The last actions are in the queue.
    Over,
}

/// What all roles share.
pub(crate) struct Core {
    queue: VecDeque<Output>,
    waiting_bytes: usize,
    entropy: Entropy,
    limits: Limits,
    now: Instant,
    deadlines: Deadlines,
    halves: Halves,
    /// The header with which we open our direction, ready in case an error comes first.
    header: StreamHeader,
    /// Tells our tickets from those of other machines.
    machine: u64,
    asked: Option<u64>,
    tickets: u64,
    sends: u64,
    tls_pending: bool,
    online: bool,
    restart: bool,
    reader_limits: Option<XmlLimits>,
    /// The transport ended: nothing can be written any more.
    eof: bool,
    /// What was to be written when the transport ended.
    stranded: Vec<(SendId, Stanza)>,
    life: Life,
    input_left: bool,
}

impl Core {
    fn new(limits: Limits, seed: Seed, now: Instant) -> Self {
        let mut entropy = Entropy::new(seed);
        let mut deadlines = Deadlines::default();
        deadlines.set(Timer::Negotiation, now + limits.negotiation());
        Core {
            queue: VecDeque::new(),
            waiting_bytes: 0,
            machine: entropy.number(Label::Ticket),
            entropy,
            limits,
            now,
            deadlines,
            halves: Halves::new(),
            header: StreamHeader::new(ns::CLIENT),
            asked: None,
            tickets: 0,
            sends: 0,
            tls_pending: false,
            online: false,
            restart: false,
            reader_limits: None,
            eof: false,
            stranded: Vec::new(),
            life: Life::Running,
            input_left: false,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn token(&mut self, label: Label) -> String {
        self.entropy.token(label)
    }

    /// 24 random bytes for the nonce of a SASL mechanism.
    pub(crate) fn nonce(&mut self) -> [u8; 24] {
        let draw = self.entropy.draw(Label::Nonce);
        core::array::from_fn(|index| draw.get(index).copied().unwrap_or_default())
    }

    /// Whether bytes that came with the current element are still unread.
    pub(crate) fn input_left(&self) -> bool {
        self.input_left
    }

    /// Whether elements can be written: our direction has not closed, and there is something to write to.
    fn can_write(&self) -> bool {
        self.life == Life::Running && !self.eof && self.halves.ours() != Half::Closed
    }

    /// The header for the next time our direction opens.
    pub(crate) fn set_header(&mut self, header: StreamHeader) {
        self.header = header;
    }

    /// Opens our direction.
    pub(crate) fn open(&mut self) {
        if self.halves.ours() == Half::Idle {
            self.halves.open_ours();
            self.queue.push_back(Output::Header(self.header.clone()));
        }
    }

    pub(crate) fn element(&mut self, element: Element) {
        if self.can_write() {
            self.queue.push_back(Output::Element(element));
        }
    }

    /// A stanza of the engine's own: an error reply.
    pub(crate) fn reply(&mut self, stanza: Stanza) {
        if self.can_write() {
            self.queue_stanza(stanza);
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.queue.push_back(Output::Action(Action::Event(event)));
    }

    /// The stream is replaced by a new one on the same transport (RFC 6120 section 4.3.3).
    pub(crate) fn restart(&mut self) {
        self.halves.restart();
        self.restart = true;
    }

    /// Negotiation is over: the peer is authenticated and has a resource.
    pub(crate) fn online(&mut self) {
        self.online = true;
        self.deadlines.clear(Timer::Negotiation);
        self.reader_limits = Some(self.limits.online().clone());
        self.heard();
    }

    /// The peer is alive.
    fn heard(&mut self) {
        if self.online && self.life == Life::Running && self.halves.ours() != Half::Closed {
            self.deadlines.set(Timer::Idle, self.now + self.limits.idle());
            self.deadlines.clear(Timer::Dead);
        }
    }

    fn issue<Q>(&mut self) -> Ticket<Q> {
        let number = self.tickets;
        self.tickets += 1;
        self.asked = Some(number);
        self.deadlines.set(Timer::Answer, self.now + self.limits.answer());
        Ticket::new(self.machine, number)
    }

    /// Asks; no input is read until the answer is there.
    pub(crate) fn ask<Q: Query>(&mut self, question: impl FnOnce(Ticket<Q>) -> Question) {
        let ticket = self.issue();
        self.queue.push_back(Output::Action(Action::Ask(question(ticket))));
    }

    /// Takes a ticket back.
    fn redeem<Q>(&mut self, ticket: &Ticket<Q>) -> Result<(), Misuse> {
        match self.asked {
            Some(number) if ticket.key() == (self.machine, number) => {
                self.asked = None;
                self.deadlines.clear(Timer::Answer);
                Ok(())
            }
            _ => Err(Misuse::Stale),
        }
    }

    /// Hands the transport to TLS; no input is read until the outcome is known.
    pub(crate) fn start_tls(&mut self, request: TlsRequest) {
        self.tls_pending = true;
        self.deadlines.set(Timer::Tls, self.now + self.limits.tls());
        self.queue.push_back(Output::Action(Action::StartTls(request)));
    }

    /// Ends the stream with an error (RFC 3920 section 4.7.1: header if there was none, error, closing tag, end of the transport).
    pub(crate) fn fail(&mut self, error: impl Into<StreamError>) {
        let error = error.into();
        if self.can_write() {
            self.open();
            self.element(error.to_element());
        }
        self.finish(CloseReason::Local(error), Close::Graceful);
    }

    /// The stream is over: closes our direction if it is open, and ends the transport.
    pub(crate) fn finish(&mut self, reason: CloseReason, close: Close) {
        if self.life == Life::Over {
            return;
        }
        if self.can_write() && self.halves.ours() == Half::Open && !self.tls_pending {
            self.queue.push_back(Output::Footer);
        }
        self.end(reason, close);
    }

    /// The stream is over and its transport with it: nothing more is written, not even a closing tag.
    pub(crate) fn end(&mut self, reason: CloseReason, close: Close) {
        if self.life == Life::Over {
            return;
        }
        self.halves.close_ours();
        self.life = Life::Over;
        self.asked = None;
        self.tls_pending = false;
        self.deadlines.clear_all();
        let unsent = core::mem::take(&mut self.stranded);
        self.event(Event::Closed(Box::new(Closed { reason, unsent })));
        self.queue.push_back(Output::Action(Action::CloseTransport(close)));
    }

    /// Closes our direction and waits for the peer to close its own (RFC 6120 section 4.4).
    fn close(&mut self) {
        if !self.can_write() {
            return;
        }
        if self.tls_pending || self.halves.ours() == Half::Idle {
            // There is no stream that could be closed in an orderly way.
            return self.end(CloseReason::Clean, Close::Abort);
        }
        self.queue.push_back(Output::Footer);
        self.halves.close_ours();
        self.asked = None;
        self.deadlines.clear_all();
        self.deadlines.set(Timer::Close, self.now + self.limits.close());
        if self.halves.is_over() {
            self.end(CloseReason::Clean, Close::Graceful);
        }
    }

    fn queue_stanza(&mut self, stanza: Stanza) -> SendId {
        let id = SendId(self.sends);
        self.sends += 1;
        self.waiting_bytes += stanza.weight();
        self.queue.push_back(Output::Stanza(id, stanza));
        id
    }

    fn send(&mut self, stanza: Stanza) -> Result<SendId, Misuse> {
        if !self.can_write() {
            return Err(Misuse::Closed);
        }
        if !self.online {
            return Err(Misuse::NotOnline);
        }
        if self.waiting_bytes > 0 && self.waiting_bytes + stanza.weight() > self.limits.outbox_bytes() {
            return Err(Misuse::OutboxFull);
        }
        Ok(self.queue_stanza(stanza))
    }

    /// The transport ended: takes out of the queue what cannot be written any more, and keeps the stanzas for the farewell.
    fn strand(&mut self) {
        self.eof = true;
        self.deadlines.clear_all();
        let mut stranded = Vec::new();
        self.queue.retain_mut(|output| match output {
            Output::Action(_) => true,
            Output::Stanza(id, stanza) => {
                stranded.push((*id, stanza.clone()));
                false
            }
            Output::Header(_) | Output::Element(_) | Output::Space | Output::Footer => false,
        });
        let farewell = self.queue.iter_mut().find_map(|output| match output {
            Output::Action(Action::Event(Event::Closed(closed))) => Some(closed),
            _ => None,
        });
        match farewell {
            Some(closed) => closed.unsent.append(&mut stranded),
            None => self.stranded = stranded,
        }
    }
}

/// What makes a connection of a machine: the states of a role, each holding what that state needs.
pub(crate) trait Role: Sized {
    /// The state after the end.
    fn over() -> Self;
    /// What the stream is in the middle of, for the table of [`order`](crate::stream::TABLE).
    fn phase(&self) -> Option<Phase>;
    /// The peer opened its direction.
    fn on_header(self, core: &mut Core, header: Result<StreamHeader, Condition>) -> Self;
    /// An element that the table let pass.
    fn on_element(self, core: &mut Core, kind: FirstLevel, element: Element) -> Self;
    /// The answer to the open question.
    fn on_answer(self, core: &mut Core, answer: Answer) -> Self;
    /// The question was not answered in time.
    fn on_unanswered(self, core: &mut Core) -> Self;
    /// TLS protects the transport.
    fn on_tls(self, core: &mut Core, info: TlsInfo) -> Self;
}

/// A role over the TCP framing.
pub(crate) struct Machine<R> {
    core: Core,
    framing: Tcp,
    role: R,
}

impl<R: Role> Machine<R> {
    pub(crate) fn new(role: R, limits: Limits, seed: Seed, now: Instant) -> Self {
        let framing = Tcp::client(limits.before_login().clone());
        Machine { core: Core::new(limits, seed, now), framing, role }
    }

    pub(crate) fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    pub(crate) fn role(&self) -> &R {
        &self.role
    }

    /// Steps the role: the state is consumed, and what it returns is the next one.
    fn step(&mut self, step: impl FnOnce(R, &mut Core) -> R) {
        let role = core::mem::replace(&mut self.role, R::over());
        self.role = step(role, &mut self.core);
        if core::mem::take(&mut self.core.restart) {
            self.framing.restart();
        }
        if let Some(limits) = self.core.reader_limits.take() {
            self.framing.set_limits(limits);
        }
        if self.core.life == Life::Over {
            self.role = R::over();
        }
    }

    fn advance(&mut self, now: Instant) {
        self.core.now = self.core.now.max(now);
    }

    pub(crate) fn wants_input(&self) -> bool {
        let core = &self.core;
        core.life == Life::Running
            && !core.eof
            && !core.tls_pending
            && core.asked.is_none()
            && self.framing.buffered() < core.limits.online().stanza_bytes()
    }

    pub(crate) fn receive(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Misuse> {
        self.advance(now);
        if !self.wants_input() {
            return Err(if self.core.life == Life::Over { Misuse::Closed } else { Misuse::NotWantingInput });
        }
        self.core.heard();
        self.framing.push(bytes);
        Ok(())
    }

    pub(crate) fn transport_closed(&mut self, now: Instant) {
        self.advance(now);
        if !self.core.eof {
            self.core.strand();
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        self.advance(now);
        while let Some(timer) = self.core.deadlines.expire(self.core.now) {
            match timer {
                Timer::Answer => {
                    self.core.asked = None;
                    self.step(Role::on_unanswered);
                }
                Timer::Idle => {
                    self.core.queue.push_back(Output::Space);
                    self.core.deadlines.set(Timer::Dead, self.core.now + self.core.limits.dead());
                }
                Timer::Tls | Timer::Close => self.core.end(CloseReason::Timeout(timer), Close::Abort),
                Timer::Negotiation | Timer::Dead => {
                    if !self.core.tls_pending && self.core.can_write() {
                        self.core.open();
                        // RFC 6120 section 4.9.3.4.
                        self.core.element(StreamError::new(Condition::ConnectionTimeout).to_element());
                    }
                    self.core.finish(CloseReason::Timeout(timer), Close::Graceful);
                }
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.core.deadlines.next()
    }

    pub(crate) fn poll(&mut self) -> Option<Action> {
        loop {
            if let Some(action) = self.pop() {
                return Some(action);
            }
            if self.core.life == Life::Over {
                self.role = R::over();
                return None;
            }
            let blocked = self.core.tls_pending || self.core.asked.is_some();
            let frame = if blocked { Ok(None) } else { self.framing.next() };
            match frame {
                Ok(Some(frame)) => self.take(frame),
                Ok(None) if self.core.eof => self.core.end(CloseReason::Truncated, Close::Abort),
                Ok(None) => return None,
                Err(error) => self.core.fail(error.condition()),
            }
        }
    }

    /// The next action of the queue, written output merged.
    fn pop(&mut self) -> Option<Action> {
        let core = &mut self.core;
        while let Some(output) = core.queue.pop_front() {
            match output {
                Output::Header(header) => self.framing.write_header(&header),
                Output::Element(element) => self.framing.write_element(&element),
                Output::Stanza(_, stanza) => {
                    core.waiting_bytes -= stanza.weight().min(core.waiting_bytes);
                    self.framing.write_stanza(&stanza);
                }
                Output::Space => self.framing.write_space(),
                Output::Footer => self.framing.write_footer(),
                Output::Action(action) => match self.framing.take() {
                    Some(bytes) => {
                        core.queue.push_front(Output::Action(action));
                        return Some(Action::Transmit(bytes));
                    }
                    None => return Some(action),
                },
            }
        }
        self.framing.take().map(Action::Transmit)
    }

    fn take(&mut self, frame: Frame) {
        self.core.input_left = self.framing.buffered() > 0;
        match frame {
            Frame::Header(tag) => self.header(&tag),
            Frame::Element(element) => self.element(element),
            Frame::Footer => {
                self.core.halves.close_theirs();
                self.core.finish(CloseReason::Clean, Close::Graceful);
            }
        }
    }

    fn header(&mut self, tag: &StreamTag) {
        self.core.halves.open_theirs();
        let header = StreamHeader::parse(tag.element(), tag.default_ns());
        self.step(|role, core| role.on_header(core, header));
    }

    fn element(&mut self, element: Element) {
        let kind = FirstLevel::of(element.as_ref(), ns::CLIENT);
        if kind == FirstLevel::Error {
            let error = StreamError::parse(element.as_ref());
            return self.core.finish(CloseReason::Peer(error), Close::Graceful);
        }
        // After our closing tag nothing can be negotiated any more, but stanzas still count (RFC 6120 section 4.4).
        if self.core.halves.ours() == Half::Closed && !self.core.online {
            return;
        }
        match self.role.phase().map(|phase| phase.verdict(kind)) {
            Some(Verdict::Accept) => self.step(|role, core| role.on_element(core, kind, element)),
            Some(Verdict::Refuse(condition)) => self.core.fail(condition),
            None => {}
        }
    }

    pub(crate) fn answer<Q: Query>(
        &mut self,
        now: Instant,
        ticket: Ticket<Q>,
        answer: Q::Answer,
    ) -> Result<(), Misuse> {
        self.advance(now);
        self.core.redeem(&ticket)?;
        self.step(|role, core| role.on_answer(core, answer.into()));
        Ok(())
    }

    pub(crate) fn tls_established(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse> {
        self.advance(now);
        self.end_tls()?;
        self.core.restart();
        self.step(|role, core| role.on_tls(core, info));
        Ok(())
    }

    pub(crate) fn tls_failed(&mut self, now: Instant, error: TlsError) -> Result<(), Misuse> {
        self.advance(now);
        self.end_tls()?;
        // RFC 6120 section 5.4.3.2: no closing tag, the transport just ends.
        self.core.end(CloseReason::Tls(TlsFault::Failed(error)), Close::Abort);
        self.role = R::over();
        Ok(())
    }

    fn end_tls(&mut self) -> Result<(), Misuse> {
        if !core::mem::take(&mut self.core.tls_pending) {
            return Err(Misuse::NoTlsPending);
        }
        self.core.deadlines.clear(Timer::Tls);
        Ok(())
    }

    pub(crate) fn send(&mut self, now: Instant, stanza: Stanza) -> Result<SendId, Misuse> {
        self.advance(now);
        self.core.send(stanza)
    }

    pub(crate) fn close(&mut self, now: Instant) {
        self.advance(now);
        self.core.close();
    }

    pub(crate) fn fail(&mut self, now: Instant, error: StreamError) {
        self.advance(now);
        if self.core.tls_pending {
            self.core.end(CloseReason::Local(error), Close::Abort);
        } else {
            self.core.fail(error);
        }
        self.role = R::over();
    }
}
