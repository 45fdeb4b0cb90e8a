//! What all roles share: the queue, the deadlines and the closing rules (RFC 3920 sections 4.4 and 4.7.1, RFC 6120 section 4.4).
//!
//! The only place with a queue. A role puts [output](Output) into the [`Core`]; the [machine](super::machine) takes it out.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::action::{Action, Close, CloseReason, Closed, Event, SendId, Warning};
use super::question::{Query, Question, Ticket};
use super::timer::{Deadlines, Timer};
use crate::entropy::{Entropy, Label, Seed};
use crate::error::Misuse;
use crate::limits::{Limits, XmlLimits};
use crate::stanza::{Iq, Malformed, Stanza, StanzaError};
use crate::stream::{Half, Halves, StreamError, StreamHeader};
use crate::time::Instant;
use crate::tls::TlsRequest;
use crate::xml::Element;

/// What a role puts out, in order.
#[derive(Debug)]
pub(super) enum Output {
    Header(Box<StreamHeader>),
    Element(Element),
    /// What the embedder sent: it is told if this never goes out.
    Stanza(SendId, Stanza),
    /// The engine's own: error replies, and what binds a resource.
    Reply(Stanza),
    Space,
    Footer,
    Action(Action),
}

/// Whether the connection still has a future.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Running,
    /// The last actions are in the queue.
    Over,
}

/// What all roles share.
pub(crate) struct Core {
    pub(super) queue: VecDeque<Output>,
    pub(super) waiting_bytes: usize,
    entropy: Entropy,
    pub(super) limits: Limits,
    pub(super) now: Instant,
    pub(super) deadlines: Deadlines,
    pub(super) halves: Halves,
    /// The header with which we open our direction the next time, ready in case an error comes first.
    header: Option<Box<StreamHeader>>,
    content_ns: &'static str,
    /// Tells our tickets from those of other machines.
    machine: u64,
    pub(super) asked: Option<u64>,
    /// What is under way beside the input, by number, with its deadline.
    deferred: Vec<(u64, Instant)>,
    tickets: u64,
    sends: u64,
    pub(super) tls_pending: bool,
    pub(super) redirects: bool,
    pub(super) online: bool,
    pub(super) restart: bool,
    pub(super) reader_limits: Option<XmlLimits>,
    /// The transport ended: nothing can be written any more.
    pub(super) eof: bool,
    /// What was to be written when the transport ended.
    stranded: Vec<(SendId, Stanza)>,
    pub(super) life: Life,
    pub(super) input_left: bool,
    /// The id of our ping, until it is answered.
    ping: Option<String>,
}

impl Core {
    pub(super) fn new(content_ns: &'static str, limits: Limits, seed: Seed, now: Instant) -> Self {
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
            header: None,
            content_ns,
            asked: None,
            deferred: Vec::new(),
            tickets: 0,
            sends: 0,
            tls_pending: false,
            redirects: false,
            online: false,
            restart: false,
            reader_limits: None,
            eof: false,
            stranded: Vec::new(),
            life: Life::Running,
            input_left: false,
            ping: None,
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The limits on what the peer may send now.
    pub(super) fn xml_limits(&self) -> &XmlLimits {
        if self.online { self.limits.online() } else { self.limits.before_login() }
    }

    pub(crate) fn token(&mut self, label: Label) -> String {
        self.entropy.token(label)
    }

    /// 24 random bytes for the nonce of a SASL mechanism.
    pub(crate) fn nonce(&mut self) -> [u8; 24] {
        let draw = self.entropy.draw(Label::Nonce);
        core::array::from_fn(|index| draw.get(index).copied().unwrap_or_default())
    }

    /// Whether anything that came with the current element is still unread. White space does not count: it means nothing, and though RFC 6120
    /// section 5.3.3 forbids it there, clients end lines behind `<starttls/>`.
    pub(crate) fn input_left(&self) -> bool {
        self.input_left
    }

    /// Whether elements can be written: our direction has not closed, and there is something to write to.
    pub(super) fn can_write(&self) -> bool {
        self.life == Life::Running && !self.eof && self.halves.ours() != Half::Closed
    }

    /// The header for the next time our direction opens.
    pub(crate) fn set_header(&mut self, header: StreamHeader) {
        self.header = Some(Box::new(header));
    }

    /// The peer speaks next: keeps our header ready, under a new stream id (RFC 6120 sections 4.7.3 and 4.3.3).
    pub(crate) fn await_header(&mut self, header: StreamHeader) {
        let id = self.token(Label::StreamId);
        self.set_header(header.with_id(&id));
    }

    /// Changes the header that was set.
    pub(crate) fn amend_header(&mut self, amend: impl FnOnce(StreamHeader) -> StreamHeader) {
        let header = self.header.take().unwrap_or_else(|| Box::new(StreamHeader::new(self.content_ns)));
        self.set_header(amend(*header));
    }

    /// Opens our direction.
    pub(crate) fn open(&mut self) {
        if self.halves.ours() == Half::Idle {
            self.halves.open_ours();
            if let Some(header) = self.header.take()
                && !self.eof
            {
                self.queue.push_back(Output::Header(header));
            }
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
            self.queue.push_back(Output::Reply(stanza));
        }
    }

    /// What should have been a stanza: its sender gets the error, and the stream lives.
    pub(crate) fn malformed(&mut self, malformed: &Malformed) {
        if let Some(reply) = malformed.reply() {
            self.reply(reply);
        }
        self.event(Event::Warning(Warning::Stanza(StanzaError::new(malformed.condition()))));
    }

    /// White space, to see whether the peer is there. In front of a header there is no room for it.
    pub(super) fn space(&mut self) {
        if self.can_write() && self.halves.ours() == Half::Open {
            self.queue.push_back(Output::Space);
        }
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.queue.push_back(Output::Action(Action::Event(event)));
    }

    /// The stream is replaced by a new one on the same transport (RFC 6120 section 4.3.3).
    pub(crate) fn restart(&mut self) {
        self.halves.restart();
        self.restart = true;
        if self.online {
            // Between servers dialback may have proved something already: the new stream is negotiated in time all the same.
            self.deadlines.set(Timer::Negotiation, self.now + self.limits.negotiation());
        }
    }

    /// `see-other-host` counts from now on: TLS protects the stream, so that it is the server's own word (RFC 6120 section 4.9.3.19).
    pub(crate) fn allow_redirects(&mut self) {
        self.redirects = true;
    }

    /// Negotiation is over: the peer is authenticated and has a resource.
    pub(crate) fn online(&mut self) {
        self.online = true;
        self.deadlines.clear(Timer::Negotiation);
        self.reader_limits = Some(self.limits.online().clone());
        self.heard();
    }

    /// The peer is alive.
    pub(super) fn heard(&mut self) {
        if self.online && self.life == Life::Running && self.halves.ours() != Half::Closed {
            self.deadlines.set(Timer::Idle, self.now + self.limits.idle());
            self.deadlines.clear(Timer::Ping);
            self.deadlines.clear(Timer::Dead);
        }
    }

    /// Asks whether the peer is there, by a request that it has to answer.
    pub(super) fn ping(&mut self, request: impl FnOnce(&str) -> Option<Iq>) {
        let id = self.token(Label::StanzaId);
        if let Some(iq) = request(&id) {
            self.ping = Some(id);
            self.reply(iq.into());
        }
    }

    /// Whether the stanza is the answer to our ping, which nobody else has asked for. An error is an answer too.
    pub(crate) fn is_pong(&mut self, stanza: &Stanza) -> bool {
        let Stanza::Iq(iq) = stanza else { return false };
        let is_pong = !iq.is_request() && self.ping.as_deref() == Some(iq.id());
        if is_pong {
            self.ping = None;
        }
        is_pong
    }

    fn number(&mut self) -> u64 {
        self.tickets += 1;
        self.tickets - 1
    }

    /// Asks; no input is read until the answer is there.
    pub(crate) fn ask<Q: Query>(&mut self, question: impl FnOnce(Ticket<Q>) -> Question) {
        let number = self.number();
        self.asked = Some(number);
        self.deadlines.set(Timer::Answer, self.now + self.limits.answer());
        self.request(Action::Ask(question(Ticket::new(self.machine, number))));
    }

    /// Asks beside the input, which goes on; how many may be open is the role's to bound. The answer comes under the number returned.
    pub(crate) fn ask_aside<Q: Query>(&mut self, question: impl FnOnce(Ticket<Q>) -> Question) -> u64 {
        let number = self.defer(self.limits.answer());
        self.request(Action::Ask(question(Ticket::new(self.machine, number))));
        number
    }

    /// Something is under way that may take so long.
    pub(crate) fn defer(&mut self, limit: Duration) -> u64 {
        let number = self.number();
        self.deferred.push((number, self.now + limit));
        self.watch();
        number
    }

    /// It came to its end; whether it was still awaited.
    pub(crate) fn settle(&mut self, number: u64) -> bool {
        let at = self.deferred.iter().position(|(known, until)| *known == number && *until > self.now);
        if let Some(at) = at {
            self.deferred.remove(at);
            self.watch();
        }
        at.is_some()
    }

    /// Takes what has not come to its end in time.
    pub(super) fn overdue(&mut self) -> Option<u64> {
        let at = self.deferred.iter().position(|(_, until)| *until <= self.now);
        let overdue = at.map(|at| self.deferred.remove(at).0);
        self.watch();
        overdue
    }

    /// Nothing that is under way matters any more.
    pub(crate) fn forget_deferred(&mut self) {
        self.deferred = Vec::new();
        self.watch();
    }

    fn watch(&mut self) {
        match self.deferred.iter().map(|(_, until)| *until).min() {
            Some(until) => self.deadlines.set(Timer::Dialback, until),
            None => self.deadlines.clear(Timer::Dialback),
        }
    }

    /// Takes a ticket back, and tells its number.
    pub(super) fn redeem<Q>(&mut self, ticket: &Ticket<Q>) -> Result<u64, Misuse> {
        let (machine, number) = ticket.key();
        if machine != self.machine || self.eof {
            return Err(Misuse::Stale);
        }
        // Late is late, even if nobody has looked at the clock or at what the end of the transport brought.
        let late = self.deadlines.get(Timer::Answer).is_some_and(|at| at <= self.now);
        if self.asked == Some(number) && !late {
            self.asked = None;
            self.deadlines.clear(Timer::Answer);
            return Ok(number);
        }
        if self.settle(number) { Ok(number) } else { Err(Misuse::Stale) }
    }

    /// Hands the transport to TLS; no input is read until the outcome is known.
    pub(crate) fn start_tls(&mut self, request: TlsRequest) {
        self.tls_pending = true;
        self.deadlines.set(Timer::Tls, self.now + self.limits.tls());
        self.request(Action::StartTls(request));
    }

    /// Wants something done that the connection then waits for. Without a transport there is nothing to wait for, and the end comes next.
    fn request(&mut self, action: Action) {
        if !self.eof {
            self.queue.push_back(Output::Action(action));
        }
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
        self.deferred = Vec::new();
        self.tls_pending = false;
        self.deadlines.clear_all();
        let unsent = core::mem::take(&mut self.stranded);
        self.event(Event::Closed(Box::new(Closed { reason, unsent })));
        self.queue.push_back(Output::Action(Action::CloseTransport(close)));
    }

    /// Closes our direction and waits for the peer to close its own (RFC 6120 section 4.4).
    pub(super) fn close(&mut self) {
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
        self.deferred = Vec::new();
        self.deadlines.clear_all();
        self.deadlines.set(Timer::Close, self.now + self.limits.close());
    }

    pub(super) fn send(&mut self, stanza: Stanza) -> Result<SendId, Misuse> {
        if !self.can_write() {
            return Err(Misuse::Closed);
        }
        if !self.online {
            return Err(Misuse::NotOnline);
        }
        let waiting = self.waiting_bytes.saturating_add(stanza.weight());
        if self.waiting_bytes > 0 && waiting > self.limits.outbox_bytes() {
            return Err(Misuse::OutboxFull);
        }
        let id = SendId(self.sends);
        self.sends += 1;
        self.waiting_bytes = waiting;
        self.queue.push_back(Output::Stanza(id, stanza));
        Ok(id)
    }

    /// The transport ended: takes out of the queue what cannot be written any more, and keeps the stanzas for the farewell.
    pub(super) fn strand(&mut self) {
        self.eof = true;
        self.deadlines.clear_all();
        let mut stranded = Vec::new();
        self.queue.retain_mut(|output| match output {
            Output::Action(_) => true,
            Output::Stanza(id, stanza) => {
                stranded.push((*id, stanza.clone()));
                false
            }
            Output::Header(_) | Output::Element(_) | Output::Reply(_) | Output::Space | Output::Footer => {
                false
            }
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
