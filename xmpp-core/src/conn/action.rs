//! What comes out of a connection: actions, to be performed in order.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use bytes::Bytes;

use super::question::Question;
use super::timer::Timer;
use crate::dialback;
use crate::jid::{BareJid, FullJid};
use crate::sasl::{Mechanism, SaslCondition, Secret};
use crate::stanza::{Stanza, StanzaError};
use crate::stream::{Condition, Features, OtherHost, StreamError};
use crate::tls::{TlsError, TlsRequest};

/// Something the embedder has to do.
#[non_exhaustive]
pub enum Action {
    /// Write these bytes to the transport. `Debug` tells how many there are and nothing else: there may be a password among them.
    Transmit(Bytes),
    /// Write what was transmitted so far, then start a TLS handshake on the transport, and report `tls_established` or `tls_failed`.
    StartTls(TlsRequest),
    /// Find the answer, and give it back with the ticket.
    Ask(Question),
    /// Take note.
    Event(Event),
    /// End the transport. The last action of all.
    CloseTransport(Close),
}

impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Action::Transmit(bytes) => write!(f, "Transmit({} bytes)", bytes.len()),
            Action::StartTls(request) => f.debug_tuple("StartTls").field(request).finish(),
            Action::Ask(question) => f.debug_tuple("Ask").field(question).finish(),
            Action::Event(event) => f.debug_tuple("Event").field(event).finish(),
            Action::CloseTransport(close) => f.debug_tuple("CloseTransport").field(close).finish(),
        }
    }
}

/// How to end the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// Flush what was transmitted, end TLS with `close_notify` and the sending direction with a FIN, then let the peer end its own or a few seconds pass:
    /// closing with unread input makes some systems throw away what was sent last.
    Graceful,
    /// Nothing that was sent matters any more.
    Abort,
}

/// A stanza that was accepted for sending; later ones have greater ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SendId(pub(crate) u64);

impl SendId {
    /// The number, counting from 0 on each connection.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A resource was bound: stanzas may be sent from now on.
    Online(Box<Online>),
    /// Server: PLAIN has proved this password, and [`CredentialsAnswer::Outdated`](crate::sasl::server::CredentialsAnswer::Outdated) asked for
    /// it. Make the keys that the account lacks ([`ScramKeys::for_password`](crate::sasl::ScramKeys::for_password), away from the I/O), and drop it.
    PasswordVerified {
        /// The account.
        account: BareJid,
        /// Its password, prepared. `Debug` does not show it.
        password: Secret,
    },
    /// A stanza came. On a server its `from` is the sender's full JID, whatever the client wrote; from another server or a component it is
    /// an address of a domain that was proved.
    Stanza(Stanza),
    /// Between servers: the answer to a stanza that is not one. It has to reach its sender by another stream, since this one carries stanzas
    /// one way only.
    Reply(Stanza),
    /// The stream of the component of this domain is open: stanzas may be sent from now on (XEP-0114).
    Attached(BareJid),
    /// Between servers: from now on the stream carries stanzas between these domains, from the server that opened it to the other one.
    Authorized {
        /// Ours.
        local: BareJid,
        /// The peer's.
        remote: BareJid,
        /// What proved the domain of the server that opened the stream.
        method: Method,
    },
    /// Between servers: it does not. Other domains on the stream are not affected, unless it ends next.
    Refused {
        /// Ours.
        local: BareJid,
        /// The peer's.
        remote: BareJid,
        /// Why.
        refusal: Refusal,
    },
    /// What the authoritative server said of a key. Whatever was asked and has no verdict when the stream is over came to the
    /// [verdict of its end](CloseReason::verdict).
    Verdict(VerifyId, dialback::Verdict),
    /// The peer made a mistake that does not end the stream.
    Warning(Warning),
    /// The stream is over. Comes exactly once.
    Closed(Box<Closed>),
}

/// What proves a domain to the server that receives a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// SASL EXTERNAL: a certificate that is trusted (XEP-0178). The receiving server takes stanzas from that domain to all of its own.
    External,
    /// Server dialback (RFC 3920 section 8).
    Dialback,
}

/// Why a stream does not carry stanzas between two domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// The authoritative server does not know the key: somebody spoofs the domain, or servers that belong together do not share their
    /// secret.
    Invalid,
    /// A dialback error (XEP-0220 section 2.5).
    Failed(dialback::Condition),
    /// No answer came in time.
    Timeout,
    /// The peer did not say that it survives dialback errors, so it was not asked for a second domain of its own (XEP-0220 section 2.6.2).
    NotMultiplexed,
}

/// A question to an authoritative server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifyId(pub(crate) u64);

impl VerifyId {
    /// The number, growing on each connection.
    #[must_use]
    pub const fn as_u64(self) -> u64 {
        self.0
    }
}

/// How the negotiation went.
#[derive(Clone, Debug)]
pub struct Online {
    pub(crate) jid: FullJid,
    pub(crate) mechanism: Mechanism,
    pub(crate) encrypted: bool,
    pub(crate) features: Features,
}

impl Online {
    /// The address that was bound.
    #[must_use]
    pub const fn jid(&self) -> &FullJid {
        &self.jid
    }

    /// The SASL mechanism that authenticated.
    #[must_use]
    pub const fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Whether TLS protects the stream.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The features that were on offer together with resource binding.
    #[must_use]
    pub const fn features(&self) -> &Features {
        &self.features
    }
}

/// A mistake of the peer that it was told about and that the stream survives.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A stanza that is not one: the error it was answered with, or would have been if errors were ever answered.
    Stanza(StanzaError),
    /// An attempt of a client, or of a server by SASL, to authenticate failed.
    Authentication(SaslCondition),
    /// An attempt to bind a resource failed.
    Binding(StanzaError),
}

/// How a stream ended.
#[derive(Debug)]
pub struct Closed {
    pub(crate) reason: CloseReason,
    pub(crate) unsent: Vec<(SendId, Stanza)>,
}

impl Closed {
    /// Why.
    #[must_use]
    pub const fn reason(&self) -> &CloseReason {
        &self.reason
    }

    /// What was accepted for sending and never came out as [`Action::Transmit`], in order.
    #[must_use]
    pub fn unsent(&self) -> &[(SendId, Stanza)] {
        &self.unsent
    }

    /// Hands out both parts.
    #[must_use]
    pub fn into_parts(self) -> (CloseReason, Vec<(SendId, Stanza)>) {
        (self.reason, self.unsent)
    }
}

/// Why a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// We closed our stream, and the peer its own.
    Clean,
    /// The peer closed its stream first, without an error: a client that is done, or a server that goes down.
    PeerClosed,
    /// The peer ended it with an error.
    Peer(StreamError),
    /// Client: the server, whom TLS has proved to be the one asked for, sends us to another host (RFC 6120 section 4.9.3.19). A redirect that
    /// came before that, or in a wrong form, or after [too many others](super::ClientConfig::with_redirects), is not followed: it is one of
    /// the peer's errors. Whoever follows it makes a new connection [there](crate::resolve::Resolver::redirected), for the same account by the
    /// same policies.
    Redirected(OtherHost),
    /// We did, for something the peer sent or for what the embedder said.
    Local(StreamError),
    /// The transport ended before the peer had closed its stream.
    Truncated,
    /// We closed our stream, and the transport ended before the peer had closed its own.
    Unanswered,
    /// A deadline passed.
    Timeout(Timer),
    /// There is no TLS where there has to be.
    Tls(TlsFault),
    /// Client: the server did not let us in, or we did not trust it to.
    Authentication(AuthenticationFault),
    /// Client: the server bound no resource.
    Binding(Option<StanzaError>),
    /// Between servers: a dialback key was invalid. On the receiving side, only where the stream proved no other domain.
    Dialback,
    /// Initiating server: neither SASL EXTERNAL nor dialback may be used on this stream.
    NoMethod,
}

/// What went wrong about TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsFault {
    /// Receiving: the peer asked for TLS where it was not on offer.
    NotOffered,
    /// Receiving: the request had something in it.
    Malformed,
    /// Initiating: the server refused.
    Refused,
    /// The handshake failed, or the server's certificate did not do.
    Failed(TlsError),
    /// Plaintext stood behind the element after which TLS begins: somebody may have put it there (RFC 3920 section 5.2).
    Injection,
}

/// What went wrong about SASL, seen by the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuthenticationFault {
    /// The server offers no mechanism that we may use.
    NoMechanism(crate::sasl::PolicyError),
    /// The server said no.
    Refused(SaslCondition),
    /// The embedder did not derive the key.
    Derivation,
    /// The server did not follow the mechanism, or could not prove that it knows our password.
    Server(crate::sasl::client::ClientError),
}

/// Whether another connection may fare better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// No: something has to change first.
    Never,
    /// At once, at the host that the reason names.
    Now,
    /// Not before this long; embedders add jitter and back off.
    After(Duration),
    /// With other credentials only.
    NewCredentials,
}

impl CloseReason {
    /// Whether another connection may fare better.
    #[must_use]
    pub fn retry(&self) -> Retry {
        const SOON: Retry = Retry::After(Duration::from_secs(5));
        const LATER: Retry = Retry::After(Duration::from_secs(60));
        match self {
            // Who closes does not want another connection, whether the peer answers or not.
            CloseReason::Clean | CloseReason::Unanswered | CloseReason::Timeout(Timer::Close) => Retry::Never,
            CloseReason::PeerClosed | CloseReason::Truncated | CloseReason::Timeout(_) => SOON,
            CloseReason::Redirected(_) => Retry::Now,
            CloseReason::Peer(error) => match error.condition() {
                // Also a reset is no reason to hurry: it reaches all clients of a server together, and before TLS anyone can write one.
                Condition::Reset | Condition::ConnectionTimeout => SOON,
                // A redirect that is not followed, perhaps since it was forged.
                Condition::SeeOtherHost => LATER,
                Condition::SystemShutdown
                | Condition::InternalServerError
                | Condition::RemoteConnectionFailed
                | Condition::ResourceConstraint
                | Condition::PolicyViolation => LATER,
                // RFC 6120 section 4.9.3.3: after a conflict the same resource must not be claimed at once again.
                _ => Retry::Never,
            },
            CloseReason::Local(error) => match error.condition() {
                Condition::SystemShutdown | Condition::InternalServerError => LATER,
                _ => Retry::Never,
            },
            CloseReason::Tls(fault) => match fault {
                TlsFault::Failed(TlsError::Handshake) | TlsFault::Refused => LATER,
                _ => Retry::Never,
            },
            CloseReason::Authentication(AuthenticationFault::Refused(condition)) => match condition {
                SaslCondition::TemporaryAuthFailure => LATER,
                SaslCondition::NotAuthorized | SaslCondition::CredentialsExpired => Retry::NewCredentials,
                _ => Retry::Never,
            },
            CloseReason::Authentication(AuthenticationFault::Derivation) => SOON,
            CloseReason::Authentication(_) => Retry::Never,
            CloseReason::Binding(_) | CloseReason::Dialback | CloseReason::NoMethod => Retry::Never,
        }
    }

    /// What a key came to that the authoritative server at the other end was still to verify (XEP-0220 sections 2.1.2 and 2.5).
    #[must_use]
    pub fn verdict(&self) -> dialback::Verdict {
        dialback::Verdict::Failed(match self {
            CloseReason::Peer(error)
                if matches!(error.condition(), Condition::HostUnknown | Condition::HostGone) =>
            {
                dialback::Condition::RemoteServerNotFound
            }
            _ => dialback::Condition::RemoteServerTimeout,
        })
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloseReason::Clean => f.write_str("both sides closed the stream"),
            CloseReason::PeerClosed => f.write_str("the peer closed the stream"),
            CloseReason::Peer(error) => write!(f, "the peer ended the stream: {error}"),
            CloseReason::Redirected(host) => write!(f, "the server refers to {host}"),
            CloseReason::Local(error) => write!(f, "the stream was ended: {error}"),
            CloseReason::Unanswered => {
                f.write_str("the transport ended before the peer closed its stream too")
            }
            CloseReason::Truncated => f.write_str("the transport ended before the stream was closed"),
            CloseReason::Timeout(timer) => write!(f, "a deadline passed: {timer:?}"),
            CloseReason::Tls(fault) => write!(f, "no TLS: {fault:?}"),
            CloseReason::Authentication(AuthenticationFault::NoMechanism(error)) => {
                write!(f, "not authenticated: {error}")
            }
            CloseReason::Authentication(AuthenticationFault::Refused(condition)) => {
                write!(f, "not authenticated: {condition}")
            }
            CloseReason::Authentication(AuthenticationFault::Derivation) => {
                f.write_str("not authenticated: the key was not derived")
            }
            CloseReason::Authentication(AuthenticationFault::Server(error)) => {
                write!(f, "not authenticated: {error}")
            }
            CloseReason::Binding(Some(error)) => write!(f, "no resource was bound: {error}"),
            CloseReason::Dialback => f.write_str("dialback found the key invalid"),
            CloseReason::NoMethod => f.write_str("no way to prove our domain is open"),
            CloseReason::Binding(None) => f.write_str("no resource was bound: the answer makes no sense"),
        }
    }
}

impl core::error::Error for CloseReason {}
