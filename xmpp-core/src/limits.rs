//! How much of everything a machine accepts. All of it can be set; the defaults are the project's.
//!
//! ```
//! use core::time::Duration;
//! use xmpp_core::limits::{Limits, XmlLimits};
//!
//! let limits = Limits::client().with_idle(Duration::from_secs(300), Duration::from_secs(30));
//! assert_eq!(limits.online().stanza_bytes(), 262_144);
//! assert_eq!(limits.before_login(), &XmlLimits::before_login());
//! assert_eq!(Limits::server_peer().online().stanza_bytes(), 524_288);
//! ```

use core::time::Duration;

/// Limits on one element of the first level: a stanza, a step of negotiation, or the stream header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct XmlLimits {
    stanza_bytes: usize,
    depth: usize,
    attributes: usize,
    elements: usize,
}

impl XmlLimits {
    /// What a peer that has not authenticated may send: 10,000 bytes, depth 20, 50 attributes, 200 elements.
    #[must_use]
    pub const fn before_login() -> Self {
        XmlLimits { stanza_bytes: 10_000, depth: 20, attributes: 50, elements: 200 }
    }

    /// What an authenticated client may send: 262,144 bytes, depth 100, 200 attributes, 10,000 elements.
    #[must_use]
    pub const fn client() -> Self {
        XmlLimits { stanza_bytes: 262_144, depth: 100, attributes: 200, elements: 10_000 }
    }

    /// What a client's own server may send it: 8 MiB and 200,000 elements, since a roster comes in one stanza; the rest as for clients.
    #[must_use]
    pub const fn own_server() -> Self {
        Self::client().with_stanza_bytes(8 << 20).with_elements(200_000)
    }

    /// What another server may send once a domain of it is proved: 524,288 bytes, the rest as for clients.
    #[must_use]
    pub const fn server_peer() -> Self {
        Self::client().with_stanza_bytes(524_288)
    }

    /// Bytes on the wire from the `<` that opens the element to the `>` that ends it.
    #[must_use]
    pub const fn stanza_bytes(&self) -> usize {
        self.stanza_bytes
    }

    /// How deep elements may nest; the stanza itself is at depth 1.
    #[must_use]
    pub const fn depth(&self) -> usize {
        self.depth
    }

    /// Attributes on one element, namespace declarations included; also namespace prefixes in scope at one place.
    #[must_use]
    pub const fn attributes(&self) -> usize {
        self.attributes
    }

    /// Elements in one stanza, itself included.
    #[must_use]
    pub const fn elements(&self) -> usize {
        self.elements
    }

    /// Sets [`stanza_bytes`](Self::stanza_bytes). RFC 6120 section 13.12 forbids less than 10,000 for stanzas.
    #[must_use]
    pub const fn with_stanza_bytes(mut self, bytes: usize) -> Self {
        self.stanza_bytes = bytes;
        self
    }

    /// Sets [`depth`](Self::depth).
    #[must_use]
    pub const fn with_depth(mut self, depth: usize) -> Self {
        self.depth = depth;
        self
    }

    /// Sets [`attributes`](Self::attributes).
    #[must_use]
    pub const fn with_attributes(mut self, attributes: usize) -> Self {
        self.attributes = attributes;
        self
    }

    /// Sets [`elements`](Self::elements).
    #[must_use]
    pub const fn with_elements(mut self, elements: usize) -> Self {
        self.elements = elements;
        self
    }
}

/// Limits on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    before_login: XmlLimits,
    online: XmlLimits,
    negotiation: Duration,
    answer: Duration,
    tls: Duration,
    idle: Duration,
    dead: Duration,
    close: Duration,
    sasl_attempts: u32,
    outbox_bytes: usize,
    dialbacks: usize,
    domain_pairs: usize,
}

impl Limits {
    /// The defaults for both ends of a stream between a client and its server: 60 s to negotiate, 30 s for an answer and for TLS; a space
    /// after 150 s of silence, a ping 60 s later, and the end 60 s after that; 5 s to close; 3 attempts to authenticate, 1 MiB that may wait to
    /// be transmitted. What elements may be like is that of [`XmlLimits::before_login`] and [`XmlLimits::client`].
    #[must_use]
    pub const fn client() -> Self {
        Limits {
            before_login: XmlLimits::before_login(),
            online: XmlLimits::client(),
            negotiation: Duration::from_secs(60),
            answer: Duration::from_secs(30),
            tls: Duration::from_secs(30),
            idle: Duration::from_secs(150),
            dead: Duration::from_secs(60),
            close: Duration::from_secs(5),
            sasl_attempts: 3,
            outbox_bytes: 1 << 20,
            dialbacks: 16,
            domain_pairs: 256,
        }
    }

    /// The defaults for both ends of a stream between servers, or with a component: the same but for [`XmlLimits::server_peer`], and that
    /// silence ends none of these streams: a space follows every 150 s. 16 dialbacks may be under way on a stream, and 256 pairs of domains share it.
    #[must_use]
    pub const fn server_peer() -> Self {
        Self::client().with_online(XmlLimits::server_peer())
    }

    /// What the peer may send until it has authenticated.
    #[must_use]
    pub const fn before_login(&self) -> &XmlLimits {
        &self.before_login
    }

    /// What the peer may send from then on.
    #[must_use]
    pub const fn online(&self) -> &XmlLimits {
        &self.online
    }

    /// How long it may take from the start to a bound resource, or to a component's proof; between servers to the first domain that is
    /// proved, and how long our server waits for that of each pair of domains.
    #[must_use]
    pub const fn negotiation(&self) -> Duration {
        self.negotiation
    }

    /// How long the embedder may take to answer a question, and an authoritative server to verify a key.
    #[must_use]
    pub const fn answer(&self) -> Duration {
        self.answer
    }

    /// How long the TLS handshake may take.
    #[must_use]
    pub const fn tls(&self) -> Duration {
        self.tls
    }

    /// After how long without a byte from the peer a space is sent to see whether it is there (RFC 6120 section 4.6.1).
    #[must_use]
    pub const fn idle(&self) -> Duration {
        self.idle
    }

    /// How long after that a client, or a client's server, from which still nothing came is asked by a ping (XEP-0199), which it has to
    /// answer, and how long after the ping it is taken for dead. Between servers and with components nobody has to say anything, so another
    /// space follows instead.
    #[must_use]
    pub const fn dead(&self) -> Duration {
        self.dead
    }

    /// How long the peer may take to close its stream after we have closed ours.
    #[must_use]
    pub const fn close(&self) -> Duration {
        self.close
    }

    /// How many times a client may try to authenticate on one stream.
    #[must_use]
    pub const fn sasl_attempts(&self) -> u32 {
        self.sasl_attempts
    }

    /// Bytes of stanzas that may wait to be transmitted.
    #[must_use]
    pub const fn outbox_bytes(&self) -> usize {
        self.outbox_bytes
    }

    /// How many dialbacks may be under way on one stream between servers, and how many may fail before the receiving server ends it.
    #[must_use]
    pub const fn dialbacks(&self) -> usize {
        self.dialbacks
    }

    /// How many pairs of domains may exchange stanzas on one stream between servers.
    #[must_use]
    pub const fn domain_pairs(&self) -> usize {
        self.domain_pairs
    }

    /// Sets [`before_login`](Self::before_login).
    #[must_use]
    pub const fn with_before_login(mut self, limits: XmlLimits) -> Self {
        self.before_login = limits;
        self
    }

    /// Sets [`online`](Self::online).
    #[must_use]
    pub const fn with_online(mut self, limits: XmlLimits) -> Self {
        self.online = limits;
        self
    }

    /// Sets [`negotiation`](Self::negotiation).
    #[must_use]
    pub const fn with_negotiation(mut self, limit: Duration) -> Self {
        self.negotiation = limit;
        self
    }

    /// Sets [`answer`](Self::answer).
    #[must_use]
    pub const fn with_answer(mut self, limit: Duration) -> Self {
        self.answer = limit;
        self
    }

    /// Sets [`tls`](Self::tls).
    #[must_use]
    pub const fn with_tls(mut self, limit: Duration) -> Self {
        self.tls = limit;
        self
    }

    /// Sets [`idle`](Self::idle) and [`dead`](Self::dead).
    #[must_use]
    pub const fn with_idle(mut self, idle: Duration, dead: Duration) -> Self {
        self.idle = idle;
        self.dead = dead;
        self
    }

    /// Sets [`close`](Self::close).
    #[must_use]
    pub const fn with_close(mut self, limit: Duration) -> Self {
        self.close = limit;
        self
    }

    /// Sets [`sasl_attempts`](Self::sasl_attempts).
    #[must_use]
    pub const fn with_sasl_attempts(mut self, attempts: u32) -> Self {
        self.sasl_attempts = attempts;
        self
    }

    /// Sets [`outbox_bytes`](Self::outbox_bytes).
    #[must_use]
    pub const fn with_outbox_bytes(mut self, bytes: usize) -> Self {
        self.outbox_bytes = bytes;
        self
    }

    /// Sets [`dialbacks`](Self::dialbacks).
    #[must_use]
    pub const fn with_dialbacks(mut self, dialbacks: usize) -> Self {
        self.dialbacks = dialbacks;
        self
    }

    /// Sets [`domain_pairs`](Self::domain_pairs).
    #[must_use]
    pub const fn with_domain_pairs(mut self, pairs: usize) -> Self {
        self.domain_pairs = pairs;
        self
    }
}
