//! SASL EXTERNAL for clients: RFC 4422 appendix A, RFC 6120 section 6.3.4, XEP-0178 section 2.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pair::sasl::*;
use pair::*;
use xmpp_core::conn::{AuthenticationFault, ClientConfig, CloseReason, ServerConfig, ServerConnection};
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::server::CredentialsAnswer;
use xmpp_core::sasl::{Mechanism, SaslCondition, ScramHash, Secret, Selection};
use xmpp_core::tls::{Chain, PresentedName, TlsInfo, TlsPolicy};

fn certificate(chain: Chain, addresses: &[&str]) -> TlsInfo {
    let names = addresses.iter().map(|address| PresentedName::XmppAddr((*address).to_owned()));
    TlsInfo::new(chain).with_names(names).with_name(PresentedName::Dns("example.com".into()))
}

fn config() -> ServerConfig {
    server_config().with_mechanisms(Selection::new().allow(Mechanism::External))
}

/// A server to which a client has shown a certificate, and what it offers then.
fn shown(info: TlsInfo, header: &str) -> (End<ServerConnection>, String) {
    let mut server = server(config());
    server.info = info;
    server.feed(CLIENT_HEADER);
    server.feed(STARTTLS);
    let said = server.feed(header);
    (server, said)
}

fn external(authzid: Option<&str>) -> String {
    auth("EXTERNAL", &authzid.map_or("=".to_owned(), |authzid| STANDARD.encode(authzid)))
}

#[test]
fn r3920_6_2_02_it_is_offered_to_who_can_use_it() {
    let offered = |info| shown(info, CLIENT_HEADER).1.contains("<mechanism>EXTERNAL</mechanism>");
    // covers 6120-6.3.4-01
    assert!(offered(certificate(Chain::Trusted, &["juliet@example.com"])));
    assert!(offered(certificate(Chain::Trusted, &["nurse@elsewhere.example", "Juliet@EXAMPLE.com"])));
    let (_, said) = shown(certificate(Chain::Trusted, &["juliet@example.com"]), CLIENT_HEADER);
    // covers 6120-6.3.4-02
    assert!(said.contains(&format!("<mechanisms xmlns='{NS}'><mechanism>EXTERNAL</mechanism>")), "{said}");
    for useless in [
        certificate(Chain::Untrusted, &["juliet@example.com"]),
        certificate(Chain::Trusted, &[]),
        certificate(Chain::Trusted, &["juliet@example.org", "example.com", "@", "juliet"]),
    ] {
        let (mut server, said) = shown(useless.clone(), CLIENT_HEADER);
        // covers 6120-13.7.2.2.1-04: nobody's address but one of ours counts
        assert!(!said.contains("EXTERNAL"), "{useless:?}");
        // Asked for all the same, it is one that is not there.
        for authzid in [None, Some("juliet@example.com")] {
            // covers 6120-13.7.2.2.2-01
            assert_eq!(server.feed(external(authzid)), failure("invalid-mechanism"), "{useless:?}");
        }
        assert!(server.online.is_none());
    }
    // Nor where it was not allowed, or there is no TLS that could have shown a certificate.
    let mut server = server(server_config());
    server.info = certificate(Chain::Trusted, &["juliet@example.com"]);
    server.feed(CLIENT_HEADER);
    server.feed(STARTTLS);
    assert!(!server.feed(CLIENT_HEADER).contains("EXTERNAL"));
    assert_eq!(server.feed(external(None)), failure("invalid-mechanism"));
    let mut server = self::server(config().with_tls(TlsPolicy::Disabled));
    assert!(!server.feed(CLIENT_HEADER).contains("EXTERNAL"));
    assert_eq!(server.feed(external(None)), failure("encryption-required"));
}

/// XEP-0178 section 2, rules 10 and 11.
#[test]
fn one_address_needs_no_name_and_several_need_one() {
    let logs_in = |addresses: &[&str], authzid| {
        let (mut server, _) = shown(certificate(Chain::Trusted, addresses), CLIENT_HEADER);
        let said = server.feed(external(authzid));
        if said == format!("<success xmlns='{NS}'/>") {
            server.feed(CLIENT_HEADER);
            server.feed(BIND);
            Ok(server.online().unwrap().to_owned())
        } else {
            assert!(server.online.is_none());
            Err(said)
        }
    };
    let juliet = Ok("juliet@example.com/balcony".to_owned());
    let refused = Err(failure("invalid-authzid"));
    // covers 6120-13.7.2.2.1-02
    assert_eq!(logs_in(&["juliet@example.com"], None), juliet);
    // covers 3920-14.7-03
    assert_eq!(logs_in(&["juliet@example.com"], Some("juliet@example.com")), juliet);
    // Twice the same, or another server's, is not several.
    assert_eq!(logs_in(&["juliet@example.com", "JULIET@example.com"], None), juliet);
    // covers 6120-13.7.2.2.1-01: all of them are looked at
    assert_eq!(logs_in(&["romeo@example.org", "juliet@example.com"], None), juliet);
    let both = ["juliet@example.com", "romeo@example.com"];
    // covers 6120-13.7.2.2.1-03: the client's word is the policy
    assert_eq!(logs_in(&both, Some("juliet@example.com")), juliet);
    assert_eq!(logs_in(&both, None), refused);
    for other in
        ["nurse@example.com", "romeo@example.org", "juliet", "example.com", "juliet@example.com/x", "@"]
    {
        assert_eq!(logs_in(&both, Some(other)), refused, "{other}");
    }
    assert_eq!(logs_in(&["juliet@example.com"], Some("romeo@example.com")), refused);
    // A certificate does not make an account.
    assert_eq!(logs_in(&["romeo@example.com"], None), Err(failure("not-authorized")));
    let malformed = Err(failure("malformed-request"));
    assert_eq!(logs_in(&["juliet@example.com"], Some("a\0b")), malformed);
}

#[test]
fn what_an_account_is_like_counts() {
    let said = |store: fn(&BareJid, Option<ScramHash>) -> CredentialsAnswer| {
        let (mut server, _) = shown(certificate(Chain::Trusted, &["juliet@example.com"]), CLIENT_HEADER);
        server.store = store;
        let said = server.feed(external(None));
        assert!(server.trace.contains(&"keys juliet@example.com None".to_owned()));
        said
    };
    assert!(said(|_, _| CredentialsAnswer::NoKeys).starts_with("<success "));
    assert_eq!(said(|_, _| CredentialsAnswer::Disabled(keys(ScramHash::Sha1))), failure("account-disabled"));
    assert_eq!(said(|_, _| CredentialsAnswer::TemporaryFailure), failure("temporary-auth-failure"));
}

#[test]
fn an_empty_message_is_one_and_none_is_asked_for() {
    let (mut server, _) = shown(certificate(Chain::Trusted, &["juliet@example.com"]), CLIENT_HEADER);
    assert_eq!(server.feed(auth("EXTERNAL", "")), format!("<challenge xmlns='{NS}'/>"));
    assert_eq!(server.feed(format!("<abort xmlns='{NS}'/>")), failure("aborted"));
    server.feed(auth("EXTERNAL", ""));
    assert!(server.feed(format!("<response xmlns='{NS}'/>")).starts_with("<success "));
}

#[test]
fn the_header_and_the_certificate_agree() {
    let header = CLIENT_HEADER.replace("to=", "from='romeo@example.com' to=");
    let (mut server, _) = shown(certificate(Chain::Trusted, &["juliet@example.com"]), &header);
    // covers 6120-6.4.6-01
    assert_eq!(server.feed(external(None)), stream_error("invalid-from"));
}

#[test]
fn a_client_with_a_certificate() {
    let account = || BareJid::new("juliet@example.com").unwrap();
    let both = ["juliet@example.com", "romeo@example.com"];
    for (addresses, config, message) in [
        (&both[..1], ClientConfig::external(account()), "="),
        (&both[..], ClientConfig::external(account()).with_authzid(account()), "anVsaWV0QGV4YW1wbGUuY29t"),
    ] {
        let mut pair = Pair::with(config.with_resource("balcony"), self::config());
        pair.server.info = certificate(Chain::Trusted, addresses);
        pair.run();
        assert_eq!(pair.client.online(), Some("juliet@example.com/balcony"));
        // covers 6120-6.3.4-03
        assert_eq!(pair.client.mechanism(), Some(Mechanism::External));
        let asked = format!("<auth xmlns='{NS}' mechanism='EXTERNAL'>{message}</auth>");
        assert!(pair.client.transcript.contains(&asked), "{}", pair.client.transcript);
    }
}

#[test]
fn a_password_helps_where_the_certificate_does_not() {
    let config = || client_config().with_mechanisms(Selection::new().allow(Mechanism::External));
    // Not offered.
    let mut pair = Pair::with(config(), self::config());
    pair.run();
    assert_eq!(pair.client.mechanism(), Some(Mechanism::ScramSha512Plus));
    // Offered and refused: for another account.
    let mut pair = Pair::with(config(), self::config());
    pair.server.info = certificate(Chain::Trusted, &["romeo@example.com"]);
    pair.run();
    assert!(pair.server.warnings.iter().any(|warning| warning.contains("NotAuthorized")));
    assert_eq!(pair.client.mechanism(), Some(Mechanism::ScramSha512));
    // Without a password that is the end.
    let external = ClientConfig::external(BareJid::new("juliet@example.com").unwrap());
    let mut pair = Pair::with(external, self::config());
    pair.server.info = certificate(Chain::Trusted, &["romeo@example.com"]);
    pair.run();
    let fault = AuthenticationFault::Refused(SaslCondition::NotAuthorized);
    assert_eq!(pair.client.reason, Some(CloseReason::Authentication(fault)));
    // A password that is none is not sent either.
    let empty = ClientConfig::new(BareJid::new("juliet@example.com").unwrap(), Secret::new([]));
    let mut pair = Pair::with(empty, self::config());
    pair.run();
    assert!(!pair.client.transcript.contains("<auth "));
}
