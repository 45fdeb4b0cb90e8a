//! The namespaces of RFC 3920 and its extensions, each written down once.

/// Stanzas between a client and its server (RFC 3920 section 11.2).
pub const CLIENT: &str = "jabber:client";
/// Stanzas between servers (RFC 3920 section 11.2).
pub const SERVER: &str = "jabber:server";
/// Stanzas between a component and its server, when the component connects (XEP-0114 section 3).
pub const COMPONENT: &str = "jabber:component:accept";
/// The stream element, its features and errors (RFC 3920 section 11.2).
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// Conditions of stream errors (RFC 3920 section 4.7.2).
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// Conditions of stanza errors (RFC 3920 section 9.3.2).
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// STARTTLS negotiation (RFC 3920 section 5).
pub const TLS: &str = "urn:ietf:params:xml:ns:xmpp-tls";
/// SASL negotiation (RFC 3920 section 6).
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// The list of channel binding types among the stream features (XEP-0440).
pub const SASL_CB: &str = "urn:xmpp:sasl-cb:0";
/// Resource binding (RFC 3920 section 7).
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// Session establishment (RFC 3921 section 3).
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// Rosters (RFC 3921 section 7).
pub const ROSTER: &str = "jabber:iq:roster";
/// Privacy lists (RFC 3921 section 10).
pub const PRIVACY: &str = "jabber:iq:privacy";
/// The blocking command (XEP-0191).
pub const BLOCKING: &str = "urn:xmpp:blocking";
/// The condition of errors for what was sent to somebody blocked (XEP-0191 section 3.3).
pub const BLOCKING_ERRORS: &str = "urn:xmpp:blocking:errors";
/// The stream feature of roster versioning (RFC 6121 section 2.6.1).
pub const ROSTER_VERSIONING: &str = "urn:xmpp:features:rosterver";
/// The stream feature of approvals in advance (RFC 6121 section 3.4).
pub const PRE_APPROVAL: &str = "urn:xmpp:features:pre-approval";
/// Server dialback (RFC 3920 section 8).
pub const DIALBACK: &str = "jabber:server:dialback";
/// The stream feature of server dialback (XEP-0220 section 2.4.2).
pub const DIALBACK_FEATURE: &str = "urn:xmpp:features:dialback";
/// XMPP ping (XEP-0199).
pub const PING: &str = "urn:xmpp:ping";
/// What the prefix `xml` is bound to (Namespaces in XML 1.0 section 3).
pub const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// What the prefix `xmlns` is bound to (Namespaces in XML 1.0 section 3).
pub const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// Whether stanzas of streams are in that namespace: those of clients, of servers, or of components.
pub(crate) fn is_content(ns: &str) -> bool {
    matches!(ns, CLIENT | SERVER | COMPONENT)
}
