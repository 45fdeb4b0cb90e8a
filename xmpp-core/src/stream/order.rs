//! What may come when: first-level elements against phases of the stream.
//!
//! A row is an element, a column what the stream is in the middle of. A cell says whether the element is taken, or which stream
//! error ends the stream. The clauses behind the cells:
//!
//! - Data before authentication, or a step of negotiation that is not due, is `not-authorized` (RFC 3920 section 4.3, RFC 6120
//!   sections 4.3.5 and 4.9.3.12).
//! - What only the other side may send, and what nobody knows, is `unsupported-stanza-type` (RFC 6120 section 4.9.3.24), but
//!   before authentication it is data like any other.
//! - A stanza of the content namespace that the stream does not have is `invalid-namespace` (RFC 6120 section 4.8.3).
//! - A second `<auth/>` during an exchange replaces it (RFC 6120 section 6.4.2), so it is taken.
//! - `<starttls/>` that was not offered, and `<response/>` or `<abort/>` without an exchange, have failures of their own (RFC 6120
//!   sections 5.4.2.2 and 6.5), so they are taken, and the machine answers.
//! - A stream error is always taken.
//! - Once negotiation is over, an empty `<features/>` may still come (RFC 6120 section 4.3.5); nobody negotiates by it any more.
//! - Between servers, dialback elements are taken in either direction once there is something they can mean, since what they say decides
//!   (RFC 3920 section 8.3); stanzas go from the initiating server to the receiving one only (RFC 3920 section 8.1).
//!
//! ```
//! use xmpp_core::stream::{Condition, FirstLevel, Phase, Verdict};
//!
//! let verdict = Phase::Authentication.verdict(FirstLevel::Message);
//! assert_eq!(verdict, Verdict::Refuse(Condition::NotAuthorized));
//! ```

use super::Condition;
use crate::xml::{ElementRef, ns};

/// The kinds of first-level element, as rows of [`TABLE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstLevel {
    /// `<stream:features/>`.
    Features,
    /// `<stream:error/>`.
    Error,
    /// `<starttls/>`.
    StartTls,
    /// `<proceed/>`.
    Proceed,
    /// `<failure/>` of STARTTLS.
    TlsFailure,
    /// `<auth/>`.
    Auth,
    /// `<challenge/>`.
    Challenge,
    /// `<response/>`.
    Response,
    /// `<abort/>`.
    Abort,
    /// `<success/>`.
    Success,
    /// `<failure/>` of SASL.
    SaslFailure,
    /// `<iq/>` of the content namespace.
    Iq,
    /// `<message/>` of the content namespace.
    Message,
    /// `<presence/>` of the content namespace.
    Presence,
    /// `<db:result/>`.
    DialbackResult,
    /// `<db:verify/>`.
    DialbackVerify,
    /// `<handshake/>` on a component's stream.
    Handshake,
    /// A stanza of the other content namespace.
    WrongContent,
    /// Anything else.
    Foreign,
}

impl FirstLevel {
    /// All of them, in the order of the rows.
    pub const ALL: [FirstLevel; 19] = [
        FirstLevel::Features,
        FirstLevel::Error,
        FirstLevel::StartTls,
        FirstLevel::Proceed,
        FirstLevel::TlsFailure,
        FirstLevel::Auth,
        FirstLevel::Challenge,
        FirstLevel::Response,
        FirstLevel::Abort,
        FirstLevel::Success,
        FirstLevel::SaslFailure,
        FirstLevel::Iq,
        FirstLevel::Message,
        FirstLevel::Presence,
        FirstLevel::DialbackResult,
        FirstLevel::DialbackVerify,
        FirstLevel::Handshake,
        FirstLevel::WrongContent,
        FirstLevel::Foreign,
    ];

    /// What the element is on a stream whose content namespace is `content_ns`.
    #[must_use]
    pub fn of(element: ElementRef<'_>, content_ns: &str) -> Self {
        match (element.ns(), element.name()) {
            (ns::STREAMS, "features") => FirstLevel::Features,
            (ns::STREAMS, "error") => FirstLevel::Error,
            (ns::TLS, "starttls") => FirstLevel::StartTls,
            (ns::TLS, "proceed") => FirstLevel::Proceed,
            (ns::TLS, "failure") => FirstLevel::TlsFailure,
            (ns::SASL, "auth") => FirstLevel::Auth,
            (ns::SASL, "challenge") => FirstLevel::Challenge,
            (ns::SASL, "response") => FirstLevel::Response,
            (ns::SASL, "abort") => FirstLevel::Abort,
            (ns::SASL, "success") => FirstLevel::Success,
            (ns::SASL, "failure") => FirstLevel::SaslFailure,
            (ns::DIALBACK, "result") => FirstLevel::DialbackResult,
            (ns::DIALBACK, "verify") => FirstLevel::DialbackVerify,
            (ns::COMPONENT, "handshake") if content_ns == ns::COMPONENT => FirstLevel::Handshake,
            (ns, "iq") if ns == content_ns => FirstLevel::Iq,
            (ns, "message") if ns == content_ns => FirstLevel::Message,
            (ns, "presence") if ns == content_ns => FirstLevel::Presence,
            (ns, "iq" | "message" | "presence") if ns::is_content(ns) => FirstLevel::WrongContent,
            _ => FirstLevel::Foreign,
        }
    }
}

/// What a stream is in the middle of, as columns of [`TABLE`]: first as the receiving entity sees it, then as the initiating one, then both
/// between servers, and at last those of a component's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Receiving: TLS or SASL was offered and nothing is under way.
    Authentication,
    /// Receiving: a SASL exchange is under way.
    Exchange,
    /// Receiving: authenticated; a resource has to be bound.
    Binding,
    /// Receiving: a resource is bound.
    Online,
    /// Initiating: the features are awaited.
    AwaitFeatures,
    /// Initiating: the answer to `<starttls/>` is awaited.
    AwaitProceed,
    /// Initiating: the next step of the SASL exchange is awaited.
    AwaitSasl,
    /// Initiating: the result of resource binding is awaited.
    AwaitBind,
    /// Initiating: a resource is bound.
    ClientOnline,
    /// Receiving, between servers: nothing is proved yet; TLS, SASL or dialback may do it.
    PeerNegotiation,
    /// Receiving, between servers: at least one domain of the peer is proved.
    PeerOnline,
    /// Initiating, between servers: the stream is negotiated, and dialback may be under way. Stanzas go one way only.
    PeerOpen,
    /// Of a component, either side: the handshake, or the word that it was right, is awaited.
    ComponentHandshake,
    /// Of a component, either side: stanzas.
    ComponentOnline,
}

impl Phase {
    /// All of them, in the order of the columns.
    pub const ALL: [Phase; 14] = [
        Phase::Authentication,
        Phase::Exchange,
        Phase::Binding,
        Phase::Online,
        Phase::AwaitFeatures,
        Phase::AwaitProceed,
        Phase::AwaitSasl,
        Phase::AwaitBind,
        Phase::ClientOnline,
        Phase::PeerNegotiation,
        Phase::PeerOnline,
        Phase::PeerOpen,
        Phase::ComponentHandshake,
        Phase::ComponentOnline,
    ];

    /// The cell of [`TABLE`] for that element in this phase.
    #[must_use]
    pub fn verdict(self, element: FirstLevel) -> Verdict {
        let row = TABLE.get(element as usize);
        row.and_then(|row| row.get(self as usize)).copied().unwrap_or(UNKNOWN)
    }
}

/// What becomes of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is taken.
    Accept,
    /// The stream ends with this error.
    Refuse(Condition),
}

const ACCEPT: Verdict = Verdict::Accept;
const EARLY: Verdict = Verdict::Refuse(Condition::NotAuthorized);
const UNKNOWN: Verdict = Verdict::Refuse(Condition::UnsupportedStanzaType);
const WRONG: Verdict = Verdict::Refuse(Condition::InvalidNamespace);

/// Elements × phases.
#[rustfmt::skip]
pub const TABLE: [[Verdict; 14]; 19] = [
    //                   Authentication Exchange Binding  Online   | AwaitFeatures AwaitProceed AwaitSasl AwaitBind ClientOnline | PeerNegotiation PeerOnline PeerOpen | ComponentHandshake ComponentOnline
    /* Features      */ [UNKNOWN,      UNKNOWN, UNKNOWN, UNKNOWN,   ACCEPT,       EARLY,       EARLY,    EARLY,    ACCEPT,           UNKNOWN,        UNKNOWN,   EARLY,     EARLY,             UNKNOWN],
    /* Error         */ [ACCEPT,       ACCEPT,  ACCEPT,  ACCEPT,    ACCEPT,       ACCEPT,      ACCEPT,   ACCEPT,   ACCEPT,           ACCEPT,         ACCEPT,    ACCEPT,    ACCEPT,            ACCEPT],
    /* StartTls      */ [ACCEPT,       EARLY,   EARLY,   EARLY,     UNKNOWN,      UNKNOWN,     UNKNOWN,  UNKNOWN,  UNKNOWN,          ACCEPT,         EARLY,     UNKNOWN,   EARLY,             UNKNOWN],
    /* Proceed       */ [UNKNOWN,      UNKNOWN, UNKNOWN, UNKNOWN,   EARLY,        ACCEPT,      EARLY,    EARLY,    EARLY,            UNKNOWN,        UNKNOWN,   EARLY,     EARLY,             UNKNOWN],
    /* TlsFailure    */ [UNKNOWN,      UNKNOWN, UNKNOWN, UNKNOWN,   EARLY,        ACCEPT,      EARLY,    EARLY,    EARLY,            UNKNOWN,        UNKNOWN,   EARLY,     EARLY,             UNKNOWN],
    /* Auth          */ [ACCEPT,       ACCEPT,  EARLY,   EARLY,     UNKNOWN,      UNKNOWN,     UNKNOWN,  UNKNOWN,  UNKNOWN,          ACCEPT,         EARLY,     UNKNOWN,   EARLY,             UNKNOWN],
    /* Challenge     */ [UNKNOWN,      UNKNOWN, UNKNOWN, UNKNOWN,   EARLY,        EARLY,       ACCEPT,   EARLY,    EARLY,            UNKNOWN,        UNKNOWN,   EARLY,     EARLY,             UNKNOWN],
    /* Response      */ [ACCEPT,       ACCEPT,  EARLY,   EARLY,     UNKNOWN,      UNKNOWN,     UNKNOWN,  UNKNOWN,  UNKNOWN,          ACCEPT,         EARLY,     UNKNOWN,   EARLY,             UNKNOWN],
    /* Abort         */ [ACCEPT,       ACCEPT,  EARLY,   EARLY,     UNKNOWN,      UNKNOWN,     UNKNOWN,  UNKNOWN,  UNKNOWN,          ACCEPT,         EARLY,     UNKNOWN,   EARLY,             UNKNOWN],
    /* Success       */ [UNKNOWN,      UNKNOWN, UNKNOWN, UNKNOWN,   EARLY,        EARLY,       ACCEPT,   EARLY,    EARLY,            UNKNOWN,        UNKNOWN,   EARLY,     EARLY,             UNKNOWN],
    /* SaslFailure   */ [UNKNOWN,      UNKNOWN, UNKNOWN, UNKNOWN,   EARLY,        EARLY,       ACCEPT,   EARLY,    EARLY,            UNKNOWN,        UNKNOWN,   EARLY,     EARLY,             UNKNOWN],
    /* Iq            */ [EARLY,        EARLY,   ACCEPT,  ACCEPT,    EARLY,        EARLY,       EARLY,    ACCEPT,   ACCEPT,           EARLY,          ACCEPT,    EARLY,     EARLY,             ACCEPT],
    /* Message       */ [EARLY,        EARLY,   ACCEPT,  ACCEPT,    EARLY,        EARLY,       EARLY,    EARLY,    ACCEPT,           EARLY,          ACCEPT,    EARLY,     EARLY,             ACCEPT],
    /* Presence      */ [EARLY,        EARLY,   ACCEPT,  ACCEPT,    EARLY,        EARLY,       EARLY,    EARLY,    ACCEPT,           EARLY,          ACCEPT,    EARLY,     EARLY,             ACCEPT],
    /* DialbackResult*/ [EARLY,        EARLY,   UNKNOWN, UNKNOWN,   EARLY,        EARLY,       EARLY,    UNKNOWN,  UNKNOWN,          ACCEPT,         ACCEPT,    ACCEPT,    EARLY,             UNKNOWN],
    /* DialbackVerify*/ [EARLY,        EARLY,   UNKNOWN, UNKNOWN,   EARLY,        EARLY,       EARLY,    UNKNOWN,  UNKNOWN,          ACCEPT,         ACCEPT,    ACCEPT,    EARLY,             UNKNOWN],
    /* Handshake     */ [EARLY,        EARLY,   UNKNOWN, UNKNOWN,   EARLY,        EARLY,       EARLY,    UNKNOWN,  UNKNOWN,          EARLY,          UNKNOWN,   UNKNOWN,   ACCEPT,            EARLY],
    /* WrongContent  */ [EARLY,        EARLY,   WRONG,   WRONG,     EARLY,        EARLY,       EARLY,    WRONG,    WRONG,            EARLY,          WRONG,     WRONG,     EARLY,             WRONG],
    /* Foreign       */ [EARLY,        EARLY,   UNKNOWN, UNKNOWN,   EARLY,        EARLY,       EARLY,    UNKNOWN,  UNKNOWN,          EARLY,          UNKNOWN,   UNKNOWN,   EARLY,             UNKNOWN],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::Element;

    #[test]
    fn rows_and_columns_stand_in_the_order_of_their_enums() {
        for (row, element) in FirstLevel::ALL.into_iter().enumerate() {
            assert_eq!(element as usize, row);
            for (column, phase) in Phase::ALL.into_iter().enumerate() {
                assert_eq!(phase as usize, column);
                assert_eq!(phase.verdict(element), TABLE[row][column]);
            }
        }
    }

    #[test]
    fn r3920_4_3_05_no_stanza_is_taken_before_authentication() {
        for stanza in [FirstLevel::Iq, FirstLevel::Message, FirstLevel::Presence] {
            for phase in [Phase::Authentication, Phase::Exchange, Phase::AwaitFeatures, Phase::AwaitSasl] {
                assert_eq!(phase.verdict(stanza), EARLY);
            }
        }
    }

    #[test]
    fn stream_errors_are_always_taken() {
        assert!(Phase::ALL.iter().all(|phase| phase.verdict(FirstLevel::Error) == Verdict::Accept));
    }

    #[test]
    fn stanzas_belong_to_the_content_namespace() {
        let iq = |ns: &str| FirstLevel::of(Element::builder(ns, "iq").build().as_ref(), ns::CLIENT);
        assert_eq!(iq(ns::CLIENT), FirstLevel::Iq);
        assert_eq!(iq(ns::SERVER), FirstLevel::WrongContent);
        assert_eq!(iq(""), FirstLevel::Foreign);
    }
}
