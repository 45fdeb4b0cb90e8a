//! SASL ANONYMOUS: RFC 4505.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use pair::sasl::*;
use pair::*;
use xmpp_core::conn::{
    AuthenticationFault, BindAnswer, ClientConfig, CloseReason, Identity, Question, ServerConfig,
};
use xmpp_core::jid::{BareJid, FullJid};
use xmpp_core::sasl::client::ClientError;
use xmpp_core::sasl::{Mechanism, PlainPolicy, PolicyError, Selection};
use xmpp_core::tls::TlsPolicy;

fn domain() -> BareJid {
    BareJid::new("example.com").unwrap()
}

fn config() -> ServerConfig {
    open_server().with_mechanisms(Selection::new().plain(PlainPolicy::Always).allow(Mechanism::Anonymous))
}

/// The identity that a resource is asked for, after this request.
fn identity(auth: &str) -> Identity {
    let mut server = server(config());
    server.feed(CLIENT_HEADER);
    assert_eq!(server.feed(auth), format!("<success xmlns='{NS}'/>"));
    server.feed(CLIENT_HEADER);
    server.hold = true;
    server.feed(BIND);
    match server.questions.pop_front() {
        Some(Question::Binding { identity, .. }) => identity,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_client_comes_and_goes_under_an_address_of_the_servers() {
    for tls in [TlsPolicy::Required, TlsPolicy::Disabled] {
        let client = ClientConfig::anonymous(domain()).with_tls(tls).with_trace("sirhc");
        let mut pair = Pair::with(client, config().with_tls(tls));
        pair.run();
        let jid = FullJid::new(pair.client.online().unwrap()).unwrap();
        assert_eq!(pair.server.online(), Some(jid.as_str()));
        assert_eq!((jid.domain(), jid.resource()), ("example.com", "generated"));
        assert!(jid.node().unwrap().len() == 24, "{jid}");
        assert_eq!(pair.client.mechanism(), Some(Mechanism::Anonymous));
        // Nobody claims to be anybody.
        assert!(!pair.client.transcript.contains(" from="), "{}", pair.client.transcript);
        assert_eq!(payload(&pair.client.transcript, "auth"), "sirhc");
    }
}

#[test]
fn the_question_for_a_resource_says_that_nobody_knows_who_it_is() {
    let silent = identity(&auth("ANONYMOUS", "="));
    let Identity::Anonymous { account, trace: None } = &silent else { panic!("{silent:?}") };
    assert!(silent.is_anonymous() && silent.account() == account);
    let traced = identity(&auth("ANONYMOUS", "c2lyaGM="));
    assert!(
        matches!(&traced, Identity::Anonymous { trace: Some(trace), .. } if trace == "sirhc"),
        "{traced:?}"
    );
    let named = identity(AUTH_PLAIN);
    assert_eq!(named, Identity::Account(BareJid::new("juliet@example.com").unwrap()));
    assert!(!named.is_anonymous());
}

#[test]
fn a_session_is_the_made_up_accounts_and_no_others() {
    let mut server = server(config());
    for part in [CLIENT_HEADER, &auth("ANONYMOUS", "="), CLIENT_HEADER] {
        server.feed(part);
    }
    server.hold = true;
    server.feed(BIND);
    let Some(Question::Binding { ticket, .. }) = server.questions.pop_front() else { panic!() };
    let juliet = FullJid::new("juliet@example.com/balcony").unwrap();
    server.conn.answer(server.now, ticket, BindAnswer::Bound(juliet)).unwrap();
    assert!(server.said().contains("<internal-server-error "));
    assert!(server.online.is_none());
}

#[test]
fn an_empty_message_is_asked_for_and_nonsense_refused() {
    let mut server = server(config());
    server.feed(CLIENT_HEADER);
    assert_eq!(server.feed(auth("ANONYMOUS", "")), format!("<challenge xmlns='{NS}'/>"));
    assert_eq!(server.feed(response("a\nb")), failure("malformed-request"));
    assert_eq!(server.feed(auth("ANONYMOUS", "/w==")), failure("malformed-request"));
    let mut server = self::server(config());
    server.feed(CLIENT_HEADER);
    server.feed(auth("ANONYMOUS", ""));
    assert!(server.feed(format!("<response xmlns='{NS}'/>")).starts_with("<success "));
}

#[test]
fn whoever_claims_an_address_is_not_anonymous() {
    let claim = CLIENT_HEADER.replace("to=", "from='juliet@example.com' to=");
    let mut server = server(config().with_tls(TlsPolicy::Required));
    for part in [CLIENT_HEADER, STARTTLS, &claim] {
        server.feed(part);
    }
    assert_eq!(server.feed(auth("ANONYMOUS", "=")), stream_error("invalid-from"));
}

#[test]
fn it_is_only_for_who_asked_for_it() {
    // A server that was not told to.
    let mut server = server(open_server());
    assert!(!server.feed(CLIENT_HEADER).contains("ANONYMOUS"));
    assert_eq!(server.feed(auth("ANONYMOUS", "=")), failure("invalid-mechanism"));
    // A client with an account does not give it up because the server offers nothing else.
    let reason = |config: ClientConfig, mechanisms: &[&str]| {
        let mut client = client(config.with_tls(TlsPolicy::Disabled));
        client.said();
        assert_eq!(client.feed(format!("{SERVER_HEADER}{}", offer(mechanisms))), FOOTER);
        client.reason
    };
    let none = AuthenticationFault::NoMechanism(PolicyError::NoneUsable);
    assert_eq!(reason(client_config(), &["ANONYMOUS"]), Some(CloseReason::Authentication(none)));
    assert_eq!(
        reason(ClientConfig::anonymous(domain()), &["PLAIN", "SCRAM-SHA-1"]),
        Some(CloseReason::Authentication(none))
    );
    let bad = ClientConfig::anonymous(domain()).with_trace("a\u{7}");
    let fault = AuthenticationFault::Server(ClientError::Username);
    assert_eq!(reason(bad, &["ANONYMOUS"]), Some(CloseReason::Authentication(fault)));
}
