//! Links: streams that we open to remote servers, how they end, and what that means to those whose stanzas they do not carry.

use xmpp_core::conn::{CloseReason, Refusal, Retry, Timer};
use xmpp_core::dialback::{self, Verdict};
use xmpp_core::jid::BareJid;
use xmpp_core::resolve::Exhausted;
use xmpp_core::stanza::{Condition, ErrorType, StanzaError};
use xmpp_core::stream;
use xmpp_core::time::Instant;

/// Names a link of one federation; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub(super) u64);

impl LinkId {
    /// The number, counting from 0 on each federation.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// What a link is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To carry stanzas: the remote server is asked to take them as soon as there is a stream.
    Stanzas,
    /// To ask about keys: our domain need not be proved, unless [that](super::FederationAction::Authorize) follows.
    Verification,
}

/// How a link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// There was a stream, and it was closed or cut. While the remote server had not accepted our stanzas yet, this is a refusal for
    /// now (XEP-0220 section 2.1.1).
    Over,
    /// The remote domain does not exist, or says that it has no such service.
    NotFound,
    /// There is a server, which says that it does not serve the domain: `host-unknown` or `host-gone`.
    NotServed,
    /// The domain resolves, but there was no connection, or no agreement about a stream in time.
    Unreachable,
    /// The two servers do not trust each other: no TLS where one of them wants it, a certificate that does not do, no way to authenticate.
    /// It takes an administrator to change that.
    Untrusted,
}

impl Ending {
    /// What senders are told.
    pub(super) fn error(self) -> StanzaError {
        match self {
            // RFC 6120 section 10.4.3: by whether the domain was resolved.
            Ending::NotFound => Condition::RemoteServerNotFound.into(),
            Ending::Over | Ending::Unreachable => Condition::RemoteServerTimeout.into(),
            // Section 8.3.3.17 has the same condition for failures of TLS and authentication, but no `wait` where waiting does not help. So
            // it is for a name that leads to somebody else's server: it was resolved.
            Ending::NotServed | Ending::Untrusted => {
                StanzaError::new(Condition::RemoteServerTimeout).with_type(ErrorType::Cancel)
            }
        }
    }

    /// What a server is told whose key was to be verified by the link.
    pub(super) const fn verdict(self) -> Verdict {
        Verdict::Failed(match self {
            Ending::NotFound | Ending::NotServed => dialback::Condition::RemoteServerNotFound,
            Ending::Unreachable => dialback::Condition::RemoteConnectionFailed,
            Ending::Over | Ending::Untrusted => dialback::Condition::RemoteServerTimeout,
        })
    }
}

impl From<&CloseReason> for Ending {
    fn from(reason: &CloseReason) -> Self {
        match reason {
            CloseReason::Clean
            | CloseReason::PeerClosed
            | CloseReason::Local(_)
            | CloseReason::Truncated
            | CloseReason::Unanswered
            | CloseReason::Timeout(Timer::Idle | Timer::Dead | Timer::Close) => Ending::Over,
            CloseReason::Peer(error) => match error.condition() {
                stream::Condition::HostUnknown | stream::Condition::HostGone => Ending::NotServed,
                stream::Condition::NotAuthorized | stream::Condition::PolicyViolation => Ending::Untrusted,
                _ => Ending::Over,
            },
            CloseReason::Timeout(_) => Ending::Unreachable,
            // What is left is about TLS and authentication.
            other if other.retry() == Retry::Never => Ending::Untrusted,
            _ => Ending::Unreachable,
        }
    }
}

impl From<Exhausted> for Ending {
    fn from(exhausted: Exhausted) -> Self {
        match exhausted.condition() {
            Condition::RemoteServerNotFound => Ending::NotFound,
            _ => Ending::Unreachable,
        }
    }
}

/// Why no stanzas go from one domain to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Ending(Ending),
    Refusal(Refusal),
}

impl Fault {
    /// What senders are told.
    pub(super) fn error(self) -> StanzaError {
        match self {
            Fault::Ending(ending) => ending.error(),
            // XEP-0220 section 2.1.1.
            Fault::Refusal(Refusal::Invalid) => Condition::InternalServerError.into(),
            // XEP-0220 section 2.5 has one condition for all errors; RFC 6120 section 8.3.3.17 lets the type tell those that time does not heal.
            Fault::Refusal(Refusal::Failed(
                dialback::Condition::ItemNotFound
                | dialback::Condition::PolicyViolation
                | dialback::Condition::NotAuthorized
                | dialback::Condition::Forbidden
                | dialback::Condition::NotAcceptable,
            )) => StanzaError::new(Condition::RemoteServerTimeout).with_type(ErrorType::Cancel),
            Fault::Refusal(_) => Condition::RemoteServerTimeout.into(),
        }
    }
}

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Nothing can be asked of the remote server yet.
    Opening,
    /// There is a stream.
    Up,
    /// We have closed it: nothing goes out any more (XEP-0190 section 2.1, RFC 6120 section 4.4).
    Closing,
}

/// A stream to a remote server.
#[derive(Debug)]
pub(super) struct Link {
    /// The domain of ours that it was opened for.
    pub(super) local: BareJid,
    pub(super) phase: Phase,
    /// Whether other pairs of domains may be asked for on it.
    pub(super) shareable: bool,
    /// When it last did something.
    pub(super) used: Instant,
    /// Whether the embedder knows that there is something to take.
    pub(super) ready: bool,
    taken: u64,
    /// How many of those are taken for having been taken before: all up to the last one that was.
    again: u64,
}

impl Link {
    pub(super) const fn new(local: BareJid, now: Instant) -> Self {
        Link { local, phase: Phase::Opening, shareable: false, used: now, ready: false, taken: 0, again: 0 }
    }

    /// A stanza is taken.
    pub(super) fn note(&mut self, again: bool, now: Instant) {
        self.used = now;
        self.taken += 1;
        if again {
            self.again = self.taken;
        }
    }

    /// Of each of the last ones that were taken, whether it had been taken for another link before.
    pub(super) fn taken_before(&self, last: usize) -> impl Iterator<Item = bool> {
        let first = self.taken.saturating_sub(last as u64);
        let again = self.again;
        (first..).map(move |number| number < again)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use xmpp_core::conn::{AuthenticationFault, TlsFault};
    use xmpp_core::sasl::SaslCondition;
    use xmpp_core::stream::StreamError;
    use xmpp_core::tls::TlsError;

    #[test]
    fn a_stanza_counts_as_taken_before_if_it_or_a_later_one_was() {
        let mut link = Link::new(BareJid::new("example.com").unwrap(), Instant::ZERO);
        for again in [true, false, true, false, false] {
            link.note(again, Instant::ZERO);
        }
        let last = |count| link.taken_before(count).take(count).collect::<Vec<_>>();
        assert_eq!(last(2), [false, false]);
        assert_eq!(last(5), [true, true, true, false, false]);
        // More than were taken: nothing was known of those.
        assert_eq!(last(6).len(), 6);
    }
    #[test]
    fn streams_end_for_reasons_that_matter_to_senders() {
        let peer = |condition| CloseReason::Peer(StreamError::new(condition));
        for (reason, ending) in [
            (CloseReason::Clean, Ending::Over),
            (CloseReason::PeerClosed, Ending::Over),
            (CloseReason::Truncated, Ending::Over),
            (CloseReason::Unanswered, Ending::Over),
            (CloseReason::Timeout(Timer::Dead), Ending::Over),
            (CloseReason::Timeout(Timer::Negotiation), Ending::Unreachable),
            (CloseReason::Timeout(Timer::Tls), Ending::Unreachable),
            (peer(stream::Condition::SystemShutdown), Ending::Over),
            (peer(stream::Condition::HostUnknown), Ending::NotServed),
            (peer(stream::Condition::HostGone), Ending::NotServed),
            (peer(stream::Condition::PolicyViolation), Ending::Untrusted),
            (CloseReason::Local(StreamError::new(stream::Condition::InvalidXml)), Ending::Over),
            (CloseReason::Dialback, Ending::Untrusted),
            (CloseReason::NoMethod, Ending::Untrusted),
            (CloseReason::Tls(TlsFault::Refused), Ending::Unreachable),
            (CloseReason::Tls(TlsFault::Failed(TlsError::Handshake)), Ending::Unreachable),
            (CloseReason::Tls(TlsFault::NotOffered), Ending::Untrusted),
            (
                CloseReason::Authentication(AuthenticationFault::Refused(
                    SaslCondition::TemporaryAuthFailure,
                )),
                Ending::Unreachable,
            ),
            (
                CloseReason::Authentication(AuthenticationFault::Refused(SaslCondition::InvalidAuthzid)),
                Ending::Untrusted,
            ),
        ] {
            assert_eq!(Ending::from(&reason), ending, "{reason}");
        }
        assert_eq!(Ending::from(Exhausted::NoService), Ending::NotFound);
        assert_eq!(Ending::from(Exhausted::LookupFailed), Ending::NotFound);
        assert_eq!(Ending::from(Exhausted::Unreachable), Ending::Unreachable);
    }
}
