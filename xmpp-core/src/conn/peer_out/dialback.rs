//! Dialback as originating server, and as receiving server towards the authoritative one (RFC 3920 section 8.3, XEP-0220 section 2.1).

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;

use super::{Link, State, refuse};
use crate::conn::Close;
use crate::conn::action::{CloseReason, Event, Method, Refusal, VerifyId};
use crate::conn::core::Core;
use crate::dialback::{Condition, Content, Packet, Verdict, Verification};
use crate::error::Misuse;
use crate::jid::BareJid;
use crate::stream;
use crate::xml::Element;

/// A dialback that is under way.
pub(super) struct Open {
    /// What its deadline is known by, and for a verification its id.
    number: u64,
    local: BareJid,
    remote: BareJid,
    subject: Subject,
    progress: Progress,
}

/// What it is about.
enum Subject {
    /// Our right to send.
    Authorization,
    /// The key that came on a stream to us, and the id of that stream. The key goes when it was sent.
    Verification { stream_id: String, key: String },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// It waits for the stream to be negotiated.
    Waiting,
    /// The answer is awaited.
    Sent,
    /// Nobody awaits the answer any more; should it come, it is none that nobody asked for.
    GivenUp,
}

impl Link {
    fn room(&self, core: &Core) -> Result<(), Misuse> {
        let live = self.open.iter().filter(|open| open.progress != Progress::GivenUp).count();
        if live < core.limits().dialbacks() { Ok(()) } else { Err(Misuse::TooManyDialbacks) }
    }

    /// Asks for a pair; before the stream is `open` the question waits.
    pub(super) fn authorize(
        &mut self,
        core: &mut Core,
        local: BareJid,
        remote: BareJid,
        open: bool,
    ) -> Result<(), Misuse> {
        let asked = |open: &Open| {
            matches!(open.subject, Subject::Authorization)
                && open.progress != Progress::GivenUp
                && open.local == local
                && open.remote == remote
        };
        let first = local == self.config.local && remote == self.config.remote;
        // The first pair is asked for as soon as the stream is negotiated, whether it was asked for here or not.
        let coming = first && !open && !self.config.verification_only;
        if coming || self.pairs.contains(local.as_str(), remote.as_str()) || self.open.iter().any(asked) {
            return Ok(());
        }
        self.room(core)?;
        if self.pairs.len() >= core.limits().domain_pairs() {
            return Err(Misuse::TooManyDialbacks);
        }
        self.push(core, local, remote, Subject::Authorization);
        if open {
            self.flush(core);
        }
        Ok(())
    }

    /// Asks for the pair that the stream was opened for.
    pub(super) fn ask_first(&mut self, core: &mut Core, local: BareJid, remote: BareJid) {
        self.push(core, local, remote, Subject::Authorization);
        // It goes out before what was asked meanwhile.
        self.open.rotate_right(1);
    }

    /// Asks about a key; before the stream is `open` the question waits.
    pub(super) fn verify(
        &mut self,
        core: &mut Core,
        verification: Verification,
        open: bool,
    ) -> Result<VerifyId, Misuse> {
        self.room(core)?;
        let subject = Subject::Verification {
            stream_id: verification.stream_id().to_owned(),
            key: verification.key().to_owned(),
        };
        let number = self.push(core, verification.local().clone(), verification.remote().clone(), subject);
        if open {
            self.flush(core);
        }
        Ok(VerifyId(number))
    }

    fn push(&mut self, core: &mut Core, local: BareJid, remote: BareJid, subject: Subject) -> u64 {
        // The peer has to ask in its turn, which may take as long as a question.
        let limit = match subject {
            Subject::Authorization => core.limits().negotiation(),
            Subject::Verification { .. } => core.limits().answer(),
        };
        let number = core.defer(limit);
        self.open.push(Open { number, local, remote, subject, progress: Progress::Waiting });
        number
    }

    /// Sends what waits, now that the stream is negotiated.
    pub(super) fn flush(&mut self, core: &mut Core) {
        let mut index = 0;
        while let Some(open) = self.open.get(index) {
            let refusal = match open.subject {
                Subject::Authorization if open.progress == Progress::Waiting => self.refusal(&open.remote),
                _ => None,
            };
            if let Some(refusal) = refusal {
                let Open { number, local, remote, .. } = self.open.remove(index);
                core.settle(number);
                core.event(Event::Refused { local, remote, refusal });
                continue;
            }
            index += 1;
        }
        for open in self.open.iter_mut().filter(|open| open.progress == Progress::Waiting) {
            open.progress = Progress::Sent;
            let (local, remote) = (open.local.clone(), open.remote.clone());
            let packet = match &mut open.subject {
                Subject::Authorization => {
                    let key = self.config.secret.key(remote.as_str(), local.as_str(), &self.stream_id);
                    Packet::result(local, remote, Content::Key(key))
                }
                Subject::Verification { stream_id, key } => {
                    Packet::verify(local, remote, stream_id, Content::Key(core::mem::take(key)))
                }
            };
            core.element(packet.to_element());
        }
    }

    /// Why a domain of the peer's cannot be asked for on this stream.
    fn refusal(&self, remote: &BareJid) -> Option<Refusal> {
        if !self.may_dialback(remote.as_str()) {
            Some(Refusal::Failed(Condition::NotAuthorized))
        } else if *remote != self.config.remote && !self.errors {
            Some(Refusal::NotMultiplexed)
        } else {
            None
        }
    }

    /// No answer came in time.
    pub(super) fn give_up(&mut self, core: &mut Core, number: u64) {
        let Some(at) = self.open.iter().position(|open| open.number == number) else { return };
        let Some(open) = self.open.get_mut(at) else { return };
        let sent = core::mem::replace(&mut open.progress, Progress::GivenUp) == Progress::Sent;
        core.event(match open.subject {
            Subject::Authorization => Event::Refused {
                local: open.local.clone(),
                remote: open.remote.clone(),
                refusal: Refusal::Timeout,
            },
            Subject::Verification { .. } => {
                Event::Verdict(VerifyId(number), Verdict::Failed(Condition::RemoteServerTimeout))
            }
        });
        if !sent {
            self.open.remove(at);
        }
        // A peer that never answers is not remembered for ever.
        let late = |open: &Open| open.progress == Progress::GivenUp;
        if self.open.iter().filter(|open| late(open)).count() > core.limits().dialbacks()
            && let Some(oldest) = self.open.iter().position(late)
        {
            self.open.remove(oldest);
        }
    }

    /// A dialback element of the peer's.
    pub(super) fn on_packet(mut self: Box<Self>, core: &mut Core, element: &Element) -> State {
        let packet = match Packet::parse(element.as_ref()) {
            Ok(packet) => packet,
            Err(condition) => return refuse(core, condition),
        };
        let &Content::Verdict(verdict) = packet.content() else {
            // Nobody proves anything on the stream that we opened (RFC 3920 section 8.1).
            return refuse(core, stream::Condition::NotAuthorized);
        };
        // XEP-0220 section 3.1: only what was asked on this stream can be answered.
        let is_answered = |open: &Open| {
            let subject = match &open.subject {
                Subject::Authorization => packet.id().is_none(),
                Subject::Verification { stream_id, .. } => packet.id() == Some(stream_id),
            };
            subject
                && open.progress != Progress::Waiting
                && open.local == *packet.to()
                && open.remote == *packet.from()
        };
        // Our key for a pair is always the same, so a late answer will do when it was asked for again. Keys to be verified may differ:
        // their answers come in the order of the questions.
        let is_awaited =
            |open: &Open| is_answered(open) && (packet.id().is_some() || open.progress == Progress::Sent);
        let all = || self.open.iter();
        let answered = all().position(is_awaited).or_else(|| all().position(is_answered));
        let Some(at) = answered else {
            let condition = self.unsolicited(&packet);
            return refuse(core, condition);
        };
        let Open { number, local, remote, subject, .. } = self.open.remove(at);
        if !core.settle(number) {
            return State::Open(self);
        }
        match (subject, verdict) {
            // XEP-0220 section 2.5: whatever goes wrong in step 3 comes to this in step 4.
            (Subject::Verification { .. }, Verdict::Failed(_)) => {
                let verdict = Verdict::Failed(Condition::RemoteServerNotFound);
                core.event(Event::Verdict(VerifyId(number), verdict));
            }
            (Subject::Verification { .. }, verdict) => {
                core.event(Event::Verdict(VerifyId(number), verdict));
            }
            (Subject::Authorization, Verdict::Valid) => {
                self.pairs.insert(local.clone(), remote.clone());
                core.event(Event::Authorized { local, remote, method: Method::Dialback });
            }
            (Subject::Authorization, Verdict::Failed(condition)) => {
                core.event(Event::Refused { local, remote, refusal: Refusal::Failed(condition) });
            }
            (Subject::Authorization, Verdict::Invalid) => {
                // XEP-0220 section 2.1.1: nothing more is sent to a peer that takes us for somebody else.
                core.event(Event::Refused { local, remote, refusal: Refusal::Invalid });
                core.finish(CloseReason::Dialback, Close::Graceful);
                return State::Over;
            }
        }
        State::Open(self)
    }

    /// What is wrong with an answer that nobody asked for (RFC 3920 section 8.3 step 9).
    fn unsolicited(&self, packet: &Packet) -> stream::Condition {
        let (local, remote) = (packet.to(), packet.from());
        let asked = |is: &dyn Fn(&Open) -> bool| self.open.iter().any(is);
        if *local != self.config.local
            && !self.pairs.has_local(local.as_str())
            && !asked(&|open| open.local == *local)
        {
            stream::Condition::HostUnknown
        } else if *remote != self.config.remote
            && !self.pairs.has_remote(remote.as_str())
            && !asked(&|open| open.remote == *remote)
        {
            stream::Condition::InvalidFrom
        } else if packet.id().is_some() {
            stream::Condition::InvalidId
        } else {
            stream::Condition::NotAuthorized
        }
    }
}
