//! Dialback as receiving and as authoritative server (RFC 3920 section 8.3, XEP-0220 section 2.2).

use alloc::boxed::Box;

use super::{Asked, Peer, State, refuse};
use crate::conn::Close;
use crate::conn::action::{CloseReason, Event, Method, Refusal};
use crate::conn::core::Core;
use crate::conn::question::Question;
use crate::dialback::{Condition, Content, DialbackPolicy, Packet, Verdict, Verification};
use crate::jid::BareJid;
use crate::stream::{self, StreamError};
use crate::tls::{Service, TlsPolicy};
use crate::xml::Element;

impl Peer {
    /// Receiving server, step 4: the peer hands over a key.
    pub(super) fn on_result(self: Box<Self>, core: &mut Core, element: &Element) -> State {
        let packet = match Packet::parse(element.as_ref()) {
            Ok(packet) => packet,
            Err(condition) => return refuse(core, condition),
        };
        let Content::Key(key) = packet.content() else {
            // XEP-0220 section 3.1: we asked nothing on this stream, so nothing can be an answer.
            return refuse(core, stream::Condition::NotAuthorized);
        };
        let (local, remote) = (packet.to().clone(), packet.from().clone());
        if let Err(condition) = self.permit(core, &local, &remote) {
            return self.fail_dialback(core, &packet, condition);
        }
        if self.proof.check(local.as_str(), remote.as_str(), true).is_ok() {
            core.element(packet.answer(Verdict::Valid).to_element());
            return self.settled();
        }
        if self.asked.iter().any(|asked| asked.local == local && asked.remote == remote) {
            // The verdict that is awaited answers this one too.
            return self.settled();
        }
        let request = Verification::new(local.clone(), remote.clone(), &self.stream_id, key);
        let number = core.ask_aside(|ticket| Question::Verification { ticket, request });
        let mut peer = self;
        peer.asked.push(Asked { number, local, remote });
        peer.settled()
    }

    /// Whether dialback can prove that pair on this stream.
    fn permit(&self, core: &Core, local: &BareJid, remote: &BareJid) -> Result<(), Condition> {
        if !self.config.serves(local) {
            return Err(Condition::ItemNotFound);
        }
        if self.config.dialback() == DialbackPolicy::Never {
            return Err(Condition::NotAuthorized);
        }
        if !super::may_dialback(&self.config, self.tls.is_some()) {
            return Err(Condition::PolicyViolation);
        }
        let certified =
            || self.tls.as_ref().is_some_and(|tls| tls.verify(remote.domain(), Service::Server).is_ok());
        if self.config.dialback() == DialbackPolicy::Certified && !certified() {
            return Err(Condition::NotAuthorized);
        }
        if self.config.serves(remote) {
            // Nobody else is one of our own domains.
            return Err(Condition::NotAcceptable);
        }
        let known = self.asked.iter().any(|asked| asked.local == *local && asked.remote == *remote)
            || self.proof.check(local.as_str(), remote.as_str(), true).is_ok();
        let full = self.asked.len() >= core.limits().dialbacks()
            || self.proof.pairs() + self.asked.len() >= core.limits().domain_pairs();
        if full && !known { Err(Condition::ResourceConstraint) } else { Ok(()) }
    }

    /// Receiving server, step 10: what the authoritative server said, or nothing in time.
    pub(super) fn on_verdict(
        mut self: Box<Self>,
        core: &mut Core,
        number: u64,
        verdict: Option<Verdict>,
    ) -> State {
        let Some(at) = self.asked.iter().position(|asked| asked.number == number) else {
            return self.settled();
        };
        let Asked { local, remote, .. } = self.asked.remove(at);
        let verdict = verdict.unwrap_or(Verdict::Failed(Condition::RemoteServerTimeout));
        let first = self.proof.is_empty();
        let request = Packet::result(remote.clone(), local.clone(), Content::Verdict(verdict));
        match verdict {
            Verdict::Failed(condition) => self.fail_dialback(core, &request, condition),
            // XEP-0220 section 2.2.1: the other domains need not suffer for it, if the peer can be told so.
            Verdict::Invalid if !first && !self.legacy => {
                self.fail_dialback(core, &request, Condition::Forbidden)
            }
            Verdict::Invalid => {
                core.element(request.answer(verdict).to_element());
                core.event(Event::Refused { local, remote, refusal: Refusal::Invalid });
                core.finish(CloseReason::Dialback, Close::Graceful);
                State::Over
            }
            Verdict::Valid => {
                core.element(request.answer(verdict).to_element());
                self.proof.by_dialback(local.clone(), remote.clone(), verdict);
                if first {
                    core.online();
                }
                core.event(Event::Authorized { local, remote, method: Method::Dialback });
                self.settled()
            }
        }
    }

    /// No verdict on a domain. The stream goes on (XEP-0220 section 2.5), unless the peer is so old that it would not understand.
    fn fail_dialback(mut self: Box<Self>, core: &mut Core, request: &Packet, condition: Condition) -> State {
        let (local, remote) = (request.to().clone(), request.from().clone());
        if !self.legacy {
            core.element(request.answer(Verdict::Failed(condition)).to_element());
        }
        let refusal =
            if condition == Condition::Forbidden { Refusal::Invalid } else { Refusal::Failed(condition) };
        core.event(Event::Refused { local, remote, refusal });
        if self.legacy {
            return refuse(core, fatal(condition));
        }
        self.failed_dialbacks += 1;
        if self.failed_dialbacks >= core.limits().dialbacks() {
            let error = StreamError::new(stream::Condition::PolicyViolation);
            core.fail(error.with_text("too many dialbacks failed"));
            return State::Over;
        }
        self.settled()
    }

    /// Authoritative server, step 8: another server got a key of ours.
    pub(super) fn on_verify(self: Box<Self>, core: &mut Core, element: &Element) -> State {
        let packet = match Packet::parse(element.as_ref()) {
            Ok(packet) => packet,
            Err(condition) => return refuse(core, condition),
        };
        let Content::Key(key) = packet.content() else {
            // XEP-0220 section 3.1, as above.
            return refuse(core, stream::Condition::NotAuthorized);
        };
        let (receiving, originating) = (packet.from(), packet.to());
        let verdict = if !self.config.serves(originating) {
            Verdict::Failed(Condition::ItemNotFound)
        } else if self.tls.is_none() && self.config.tls() == TlsPolicy::Required {
            Verdict::Failed(Condition::PolicyViolation)
        } else {
            let id = packet.id().unwrap_or_default();
            let secret = self.config.secret();
            if secret.verifies(key, receiving.as_str(), originating.as_str(), id) {
                Verdict::Valid
            } else {
                Verdict::Invalid
            }
        };
        if self.legacy {
            if let Verdict::Failed(condition) = verdict {
                return refuse(core, fatal(condition));
            }
            // RFC 3920 section 8.3 step 8. Today servers ask for all their domains on one stream (XEP-0220 section 2.1.2).
            let stranger = self.claimed.as_ref().is_some_and(|claimed| claimed != receiving);
            if stranger && !self.proof.speaks_for(receiving.as_str()) {
                return refuse(core, stream::Condition::InvalidFrom);
            }
        }
        core.element(packet.answer(verdict).to_element());
        if self.legacy && self.proof.is_empty() && self.asked.is_empty() {
            // RFC 3920 section 8.3 step 9: the stream has served its purpose.
            core.close();
        }
        self.settled()
    }
}

/// The stream error that RFC 3920 section 8.3 has in place of a dialback error.
fn fatal(condition: Condition) -> stream::Condition {
    match condition {
        Condition::ItemNotFound => stream::Condition::HostUnknown,
        Condition::RemoteConnectionFailed
        | Condition::RemoteServerNotFound
        | Condition::RemoteServerTimeout
        // RFC 3920 section 4.7.3: `undefined-condition` says nothing by itself.
        | Condition::UndefinedCondition => stream::Condition::RemoteConnectionFailed,
        Condition::PolicyViolation => stream::Condition::PolicyViolation,
        Condition::NotAuthorized => stream::Condition::NotAuthorized,
        Condition::Forbidden | Condition::NotAcceptable => stream::Condition::InvalidFrom,
        Condition::ResourceConstraint => stream::Condition::ResourceConstraint,
    }
}
