//! What every role's connection type can do, written once: each is a [machine](super::machine) with a face of its own.

/// Gives a connection type the methods that all roles have, and [`Drive`](super::Drive).
macro_rules! connection {
    ($connection:ident) => {
        impl $connection {
            /// Answers a question.
            ///
            /// # Errors
            /// [`Misuse::Stale`](crate::error::Misuse::Stale) when the ticket is another connection's, was used, or has expired: the answer is dropped.
            pub fn answer<Q: $crate::conn::Query>(
                &mut self,
                now: $crate::time::Instant,
                ticket: $crate::conn::Ticket<Q>,
                answer: impl Into<Q::Answer>,
            ) -> Result<(), $crate::error::Misuse> {
                self.machine.answer(now, ticket, answer.into())
            }

            /// The TLS handshake succeeded. Bytes received from now on come out of TLS. Whether a server's certificate will do is judged here, from
            /// what `info` says of it.
            ///
            /// # Errors
            /// [`Misuse::NoTlsPending`](crate::error::Misuse::NoTlsPending) unless [`Action::StartTls`](crate::conn::Action::StartTls) asked for one, and
            /// once the transport has ended or the handshake took too long.
            pub fn tls_established(
                &mut self,
                now: $crate::time::Instant,
                info: $crate::tls::TlsInfo,
            ) -> Result<(), $crate::error::Misuse> {
                self.machine.tls_established(now, info)
            }

            /// The TLS handshake failed: the connection ends without another byte (RFC 6120 section 5.4.3.2).
            ///
            /// # Errors
            /// [`Misuse::NoTlsPending`](crate::error::Misuse::NoTlsPending) unless [`Action::StartTls`](crate::conn::Action::StartTls) asked for one, and
            /// once the transport has ended or the handshake took too long.
            pub fn tls_failed(
                &mut self,
                now: $crate::time::Instant,
                error: $crate::tls::TlsError,
            ) -> Result<(), $crate::error::Misuse> {
                self.machine.tls_failed(now, error)
            }

            /// Closes the stream: the closing tag goes out, and what the peer still sends is handed in until it closes too.
            pub fn close(&mut self, now: $crate::time::Instant) {
                self.machine.close(now);
            }

            /// Ends the stream with an error, for instance `system-shutdown` or `conflict`.
            pub fn fail(
                &mut self,
                now: $crate::time::Instant,
                error: impl Into<$crate::stream::StreamError>,
            ) {
                self.machine.fail(now, error.into());
            }
        }

        impl $crate::conn::Drive for $connection {
            fn receive(
                &mut self,
                now: $crate::time::Instant,
                bytes: &[u8],
            ) -> Result<(), $crate::error::Misuse> {
                self.machine.receive(now, bytes)
            }

            fn handle_timeout(&mut self, now: $crate::time::Instant) {
                self.machine.handle_timeout(now);
            }

            fn transport_closed(&mut self, now: $crate::time::Instant) {
                self.machine.transport_closed(now);
            }

            fn poll(&mut self) -> Option<$crate::conn::Action> {
                self.machine.poll()
            }

            fn poll_timeout(&self) -> Option<$crate::time::Instant> {
                self.machine.poll_timeout()
            }

            fn wants_input(&self) -> bool {
                self.machine.wants_input()
            }
        }
    };
}
pub(super) use connection;

/// Gives a connection type of a client's stream, either end, what only those have.
macro_rules! session {
    ($connection:ident) => {
        impl $connection {
            /// Sends a stanza to the peer.
            ///
            /// # Errors
            /// [`Misuse::NotOnline`](crate::error::Misuse::NotOnline) before a resource is bound, [`Misuse::Closed`](crate::error::Misuse::Closed) once
            /// the stream closes, [`Misuse::OutboxFull`](crate::error::Misuse::OutboxFull) when more waits than
            /// [`Limits::outbox_bytes`](crate::limits::Limits::outbox_bytes) allows.
            pub fn send(
                &mut self,
                now: $crate::time::Instant,
                stanza: $crate::stanza::Stanza,
            ) -> Result<$crate::conn::SendId, $crate::error::Misuse> {
                self.machine.send(now, stanza)
            }
        }

        impl core::fmt::Debug for $connection {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.debug_struct(stringify!($connection)).field("jid", &self.jid()).finish_non_exhaustive()
            }
        }
    };
}
pub(super) use session;
