//! The driving loop: frames in, actions out, one step at a time.
//!
//! A [`Role`] gets frames, one at a time and only when everything before was taken out, and puts its output into the
//! [`Core`]; [`Machine`] stands between them and the bytes.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::action::{Action, Close, CloseReason, SendId, TlsFault};
use super::core::{Core, Life, Output};
use super::question::{Answer, Query, Ticket};
use super::timer::Timer;
use crate::dialback;
use crate::entropy::Seed;
use crate::error::Misuse;
use crate::framing::tcp::Tcp;
use crate::limits::Limits;
use crate::stanza::{Iq, Stanza};
use crate::stream::{Condition, FirstLevel, Half, OtherHost, Phase, StreamError, StreamHeader, Verdict};
use crate::time::Instant;
use crate::tls::{TlsError, TlsInfo};
use crate::xml::{Element, Frame, StreamTag, ns};

/// For how many outputs an empty queue keeps room: a burst of stanzas shall not stay with a connection that is idle again.
const KEPT: usize = 8;

/// The least that time goes on by: a deadline that sets itself anew lies ahead, whatever the limits say.
const TICK: Duration = Duration::from_micros(1);

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
    fn on_answer(self, _core: &mut Core, _answer: Answer) -> Self {
        self
    }
    /// The question was not answered in time.
    fn on_unanswered(self, _core: &mut Core) -> Self {
        self
    }
    /// What to ask a silent peer, which has to answer.
    fn ping(&self, _id: &str) -> Option<Iq> {
        None
    }
    /// TLS protects the transport.
    fn on_tls(self, _core: &mut Core, _info: TlsInfo) -> Self {
        self
    }
    /// What was [deferred](Core::defer) under this number has its outcome; none when the deadline passed.
    fn on_dialback(self, _core: &mut Core, _number: u64, _verdict: Option<dialback::Verdict>) -> Self {
        self
    }
}

/// A role over the TCP framing.
pub(crate) struct Machine<R> {
    core: Core,
    framing: Tcp,
    role: R,
}

impl<R: Role> Machine<R> {
    /// A machine for streams whose content is of that namespace.
    pub(crate) fn new(role: R, content_ns: &'static str, limits: Limits, seed: Seed, now: Instant) -> Self {
        let framing = Tcp::new(content_ns, limits.before_login().clone());
        Machine { core: Core::new(content_ns, limits, seed, now), framing, role }
    }

    pub(crate) fn core(&mut self) -> &mut Core {
        &mut self.core
    }

    pub(crate) fn role(&self) -> &R {
        &self.role
    }

    /// The role, to be asked for something.
    pub(crate) fn parts(&mut self, now: Instant) -> (&mut R, &mut Core) {
        self.advance(now);
        (&mut self.role, &mut self.core)
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
            && self.framing.buffered() < core.xml_limits().stanza_bytes()
    }

    pub(crate) fn receive(&mut self, now: Instant, bytes: &[u8]) -> Result<(), Misuse> {
        self.advance(now);
        if !self.wants_input() {
            let closed = self.core.life == Life::Over || self.core.eof;
            return Err(if closed { Misuse::Closed } else { Misuse::NotWantingInput });
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
                Timer::Dialback => {
                    while let Some(number) = self.core.overdue() {
                        self.step(|role, core| role.on_dialback(core, number, None));
                    }
                }
                Timer::Idle => {
                    self.core.space();
                    // The space finds out about a dead transport, but has no answer (RFC 6120 section 4.6.1). Between servers and with
                    // components who is silent has nothing to say, often for long: streams of one direction never have (section 4.6.3).
                    let (next, wait) = match self.framing.content_ns() {
                        ns::CLIENT => (Timer::Ping, self.core.limits.dead()),
                        _ => (Timer::Idle, self.core.limits.idle().max(TICK)),
                    };
                    self.core.deadlines.set(next, self.core.now + wait);
                }
                Timer::Ping => {
                    let role = &self.role;
                    self.core.ping(|id| role.ping(id));
                    self.core.deadlines.set(Timer::Dead, self.core.now + self.core.limits.dead());
                }
                Timer::Tls | Timer::Close => self.core.end(CloseReason::Timeout(timer), Close::Abort),
                Timer::Negotiation | Timer::Dead => {
                    if self.core.tls_pending {
                        // Nothing can be said in the middle of a handshake.
                        self.core.end(CloseReason::Timeout(timer), Close::Abort);
                        continue;
                    }
                    if self.core.can_write() {
                        self.core.open();
                        // RFC 6120 section 4.9.3.4: `connection-timeout` is for who does not answer; who is only slow passes a policy of
                        // ours (section 4.6.3).
                        let condition = match timer {
                            Timer::Dead => Condition::ConnectionTimeout,
                            _ => Condition::PolicyViolation,
                        };
                        self.core.element(StreamError::new(condition).to_element());
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
                Ok(None) if self.core.eof => {
                    let closed = self.core.halves.ours() == Half::Closed;
                    let reason = if closed { CloseReason::Unanswered } else { CloseReason::Truncated };
                    self.core.end(reason, Close::Abort);
                }
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
                Output::Reply(stanza) => self.framing.write_stanza(&stanza),
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
        if core.queue.capacity() > KEPT {
            core.queue = VecDeque::new();
        }
        self.framing.take().map(Action::Transmit)
    }

    fn take(&mut self, frame: Frame) {
        self.core.input_left = self.framing.has_unread();
        match frame {
            Frame::Header(tag) => self.header(&tag),
            Frame::Element(element) => self.element(element),
            Frame::Footer => {
                self.core.halves.close_theirs();
                let first = self.core.halves.ours() != Half::Closed;
                let reason = if first { CloseReason::PeerClosed } else { CloseReason::Clean };
                self.core.finish(reason, Close::Graceful);
            }
        }
    }

    fn header(&mut self, tag: &StreamTag) {
        self.core.halves.open_theirs();
        let header = StreamHeader::read(tag);
        self.step(|role, core| role.on_header(core, header));
    }

    fn element(&mut self, element: Element) {
        let kind = FirstLevel::of(element.as_ref(), self.framing.content_ns());
        if kind == FirstLevel::Error {
            let error = StreamError::parse(element.as_ref());
            let reason = match error.other_host().filter(|_| self.core.redirects) {
                Some(host) => CloseReason::Redirected(host),
                None => CloseReason::Peer(error),
            };
            return self.core.finish(reason, Close::Graceful);
        }
        // After our closing tag nothing can be negotiated any more, but stanzas still count (RFC 6120 section 4.4).
        let closed = self.core.halves.ours() == Half::Closed;
        if closed && !self.core.online {
            return;
        }
        match self.role.phase().map(|phase| phase.verdict(kind)) {
            Some(Verdict::Accept) if closed && !Stanza::is_stanza(&element) => {}
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
        let number = self.core.redeem(&ticket)?;
        match answer.into() {
            Answer::Dialback(verdict) => {
                self.step(|role, core| role.on_dialback(core, number, Some(verdict)));
            }
            answer => self.step(|role, core| role.on_answer(core, answer)),
        }
        Ok(())
    }

    pub(crate) fn tls_established(&mut self, now: Instant, info: TlsInfo) -> Result<(), Misuse> {
        self.advance(now);
        self.end_tls()?;
        self.core.restart();
        self.over_tls(info);
        Ok(())
    }

    /// TLS was there before the stream (XEP-0368).
    pub(crate) fn over_tls(&mut self, info: TlsInfo) {
        self.step(|role, core| role.on_tls(core, info));
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
        // Late is late, even if nobody has looked at the clock: the deadline ends the connection.
        let late = self.core.deadlines.get(Timer::Tls).is_some_and(|at| at <= self.core.now);
        if self.core.eof || late || !core::mem::take(&mut self.core.tls_pending) {
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

    /// Sends the peer to another host.
    pub(crate) fn redirect(&mut self, now: Instant, host: &OtherHost) -> Result<(), Misuse> {
        if !self.core.redirects {
            return Err(Misuse::Unprotected);
        }
        self.fail(now, StreamError::see_other_host(host));
        Ok(())
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
