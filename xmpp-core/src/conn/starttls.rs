//! STARTTLS at the receiving end, of a client's stream or another server's (RFC 3920 section 5.2, RFC 6120 section 5.4.2).

use super::action::{Close, CloseReason, TlsFault};
use super::core::Core;
use crate::tls::TlsRequest;
use crate::xml::{Element, ns};

impl Core {
    /// Answers `<starttls/>`; whether the handshake comes next. Otherwise the stream is over.
    pub(super) fn answer_starttls(
        &mut self,
        request: &Element,
        offered: bool,
        handshake: TlsRequest,
    ) -> bool {
        let fault = if !offered {
            Some(TlsFault::NotOffered)
        } else if request.children().next().is_some() || !request.text().trim().is_empty() {
            Some(TlsFault::Malformed)
        } else {
            None
        };
        if let Some(fault) = fault {
            // RFC 6120 section 5.4.2.2: the request fails, and the stream closes.
            self.element(Element::builder(ns::TLS, "failure").build());
            self.finish(CloseReason::Tls(fault), Close::Graceful);
            return false;
        }
        if self.input_left() {
            // Whoever put bytes behind `<starttls/>` hopes that we take them for what came through TLS.
            self.finish(CloseReason::Tls(TlsFault::Injection), Close::Abort);
            return false;
        }
        self.element(Element::builder(ns::TLS, "proceed").build());
        self.start_tls(handshake);
        true
    }
}
