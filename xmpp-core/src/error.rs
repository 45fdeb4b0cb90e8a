//! What the embedder did wrong. What a peer does wrong is never an `Err` of the driving calls: it comes out as actions.

use core::fmt;

/// A call that the machine could not take. Its state is as before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Misuse {
    /// Bytes were offered while `wants_input` was false. Perform the pending actions, answer what was asked, and offer them again.
    NotWantingInput,
    /// The ticket belongs to another machine, was used, or has expired. Drop the answer.
    Stale,
    /// No TLS handshake is awaited: none was asked for, or it took too long. Report one only after an `Action::StartTls`, and in time.
    NoTlsPending,
    /// A stanza was given before the resource was bound. Wait for `Event::Online`.
    NotOnline,
    /// The stream between servers does not carry stanzas from that domain to that one, or the stanza has no addresses. Wait for
    /// `Event::Authorized`.
    NotAuthorized,
    /// As many dialbacks as the limits allow are under way. Wait for the outcome of one.
    TooManyDialbacks,
    /// The stream is closing or closed. Open a new connection.
    Closed,
    /// The stream is not protected by TLS yet. Redirect a client only once it is (RFC 6120 section 4.9.3.19).
    Unprotected,
    /// More stanzas wait to be transmitted than the limits allow. Poll, transmit, and send again.
    OutboxFull,
    /// More requests wait for their responses than the limit allows. Wait until some have ended.
    TooManyRequests,
    /// A stanza between servers does not say from whom and to whom it is. Give it both addresses (RFC 6120 section 8.1).
    Unaddressed,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Misuse::NotWantingInput => {
                "bytes offered while no input is wanted: perform actions and answer questions first"
            }
            Misuse::Stale => "the ticket was used, has expired or belongs to another machine",
            Misuse::NoTlsPending => "no TLS handshake is awaited",
            Misuse::NotOnline => "stanzas can be sent only after a resource was bound",
            Misuse::NotAuthorized => "the stream does not carry stanzas between these domains",
            Misuse::TooManyDialbacks => "too many dialbacks are under way on the stream",
            Misuse::Closed => "the stream is closing or closed",
            Misuse::Unprotected => "a client can be redirected only once TLS protects the stream",
            Misuse::OutboxFull => "too much waits to be transmitted: poll first",
            Misuse::TooManyRequests => "too many requests wait for their responses",
            Misuse::Unaddressed => "a stanza between servers needs both addresses",
        })
    }
}

impl core::error::Error for Misuse {}
