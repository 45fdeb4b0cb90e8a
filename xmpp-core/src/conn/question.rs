//! What a connection asks its embedder, and the tickets that answers come back with.
//!
//! A question goes out as `Action::Ask`; nothing inside waits for the answer. The ticket is good for one answer, to the machine that
//! issued it, until its deadline: an answer that comes later is refused as stale and does no harm.

use alloc::string::String;
use core::fmt;
use core::marker::PhantomData;

use super::proof::Identity;
use crate::dialback::{Verdict, Verification};
use crate::jid::{BareJid, FullJid};
use crate::sasl::server::CredentialsAnswer;
use crate::sasl::{DeriveKey, SaltedPassword, ScramHash};
use crate::stanza::StanzaError;

/// The right to answer one question of one machine once.
#[must_use = "a question that is not answered expires, and the peer is turned away"]
pub struct Ticket<Q> {
    machine: u64,
    number: u64,
    question: PhantomData<fn(Q)>,
}

impl<Q> Ticket<Q> {
    pub(crate) const fn new(machine: u64, number: u64) -> Self {
        Ticket { machine, number, question: PhantomData }
    }

    pub(crate) const fn key(&self) -> (u64, u64) {
        (self.machine, self.number)
    }
}

impl<Q> fmt::Debug for Ticket<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The machine's own number would differ from run to run for nothing.
        write!(f, "Ticket({})", self.number)
    }
}

impl<Q> PartialEq for Ticket<Q> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A kind of question, as the type parameter of its [`Ticket`].
pub trait Query: sealed::Sealed {
    /// What answers it.
    type Answer: Into<Answer>;
}

/// Asks what there is of an account; answered with [`CredentialsAnswer`].
#[derive(Debug)]
pub enum Credentials {}
/// Asks for a key to be derived from a password; answered with the [`SaltedPassword`] or [`DerivationAnswer`].
#[derive(Debug)]
pub enum Derivation {}
/// Asks for a resource to be bound; answered with [`BindAnswer`].
#[derive(Debug)]
pub enum Binding {}
/// Asks for a dialback key to be verified; answered with [`Verdict`].
#[derive(Debug)]
pub enum Dialback {}

impl sealed::Sealed for Credentials {}
impl sealed::Sealed for Derivation {}
impl sealed::Sealed for Binding {}
impl sealed::Sealed for Dialback {}

impl Query for Credentials {
    type Answer = CredentialsAnswer;
}
impl Query for Derivation {
    type Answer = DerivationAnswer;
}
impl Query for Binding {
    type Answer = BindAnswer;
}
impl Query for Dialback {
    type Answer = Verdict;
}

/// What became of a derivation.
#[derive(Debug)]
pub enum DerivationAnswer {
    /// The key.
    Key(SaltedPassword),
    /// It was not derived, for instance because too many others are: the peer may try again later.
    Failed,
}

impl From<SaltedPassword> for DerivationAnswer {
    fn from(key: SaltedPassword) -> Self {
        DerivationAnswer::Key(key)
    }
}

/// What a server says to a client that wants a resource.
#[derive(Clone, Debug)]
pub enum BindAnswer {
    /// The session exists under this address, which has to be one of the account's that asked. If the answer turns out to be
    /// [stale](crate::error::Misuse::Stale), nobody uses the session: end it.
    Bound(FullJid),
    /// It may not, for instance `conflict`, `not-allowed` or `resource-constraint` (RFC 6120 sections 7.6.2 and 7.7.2).
    Refused(StanzaError),
}

/// An answer of whatever kind.
#[derive(Debug)]
#[non_exhaustive]
pub enum Answer {
    /// To [`Credentials`].
    Credentials(CredentialsAnswer),
    /// To [`Derivation`].
    Derivation(DerivationAnswer),
    /// To [`Binding`].
    Binding(BindAnswer),
    /// To [`Dialback`].
    Dialback(Verdict),
}

impl From<CredentialsAnswer> for Answer {
    fn from(answer: CredentialsAnswer) -> Self {
        Answer::Credentials(answer)
    }
}

impl From<DerivationAnswer> for Answer {
    fn from(answer: DerivationAnswer) -> Self {
        Answer::Derivation(answer)
    }
}

impl From<BindAnswer> for Answer {
    fn from(answer: BindAnswer) -> Self {
        Answer::Binding(answer)
    }
}

impl From<Verdict> for Answer {
    fn from(verdict: Verdict) -> Self {
        Answer::Dialback(verdict)
    }
}

/// A question with the ticket to answer it.
#[derive(Debug)]
#[non_exhaustive]
pub enum Question {
    /// Server: is there this account, and which keys does it have?
    Credentials {
        /// Answers with [`CredentialsAnswer`].
        ticket: Ticket<Credentials>,
        /// The account that the client claims to be.
        account: BareJid,
        /// The hash whose keys are needed; `None` when any will do (PLAIN), or none are needed (EXTERNAL).
        hash: Option<ScramHash>,
    },
    /// Server: which key for DIGEST-MD5 does this account have?
    #[cfg(feature = "digest-md5")]
    DigestCredentials {
        /// Answers with [`CredentialsAnswer::Digest`], or why not.
        ticket: Ticket<Credentials>,
        /// The account that the client claims to be.
        account: BareJid,
    },
    /// Either side: [run](DeriveKey::run) this derivation, away from the I/O since it is slow by design.
    Derivation {
        /// Answers with the [`SaltedPassword`] or [`DerivationAnswer::Failed`].
        ticket: Ticket<Derivation>,
        /// What to derive.
        request: DeriveKey,
    },
    /// Server: may this account have a session, and under which resource?
    Binding {
        /// Answers with [`BindAnswer`].
        ticket: Ticket<Binding>,
        /// Who it is, authenticated.
        identity: Identity,
        /// The resource the client would like, as it wrote it; `None` leaves the choice to the server.
        resource: Option<String>,
    },
    /// Receiving server: does the authoritative server know this key? [`PeerOutbound::verify`](super::PeerOutbound::verify) asks it.
    ///
    /// Input goes on meanwhile, and several of these may be open at a time, each with a deadline of its own.
    Verification {
        /// Answers with the [`Verdict`].
        ticket: Ticket<Dialback>,
        /// What to ask.
        request: Verification,
    },
}
