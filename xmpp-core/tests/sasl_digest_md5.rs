//! DIGEST-MD5 on the wire: RFC 2831, RFC 3920 sections 6.5 and 6.6.
#![cfg(feature = "digest-md5")]
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
use xmpp_core::conn::{AuthenticationFault, ClientConnection, CloseReason, ServerConnection};
use xmpp_core::sasl::client::ClientError;
use xmpp_core::sasl::{Mechanism, Selection};

fn only() -> Selection {
    Selection::new().mechanisms(&[Mechanism::DigestMd5])
}

/// A server that has sent its challenge, and the challenge.
fn challenged() -> (End<ServerConnection>, String) {
    let mut server = server(open_server().with_mechanisms(only()));
    assert!(server.feed(CLIENT_HEADER).ends_with(&offer(&["DIGEST-MD5"])));
    let said = server.feed(auth("DIGEST-MD5", ""));
    let challenge = payload(&said, "challenge");
    (server, challenge)
}

/// A client that has asked for it.
fn asking() -> End<ClientConnection> {
    let mut client = client(open_client().with_mechanisms(only()));
    client.said();
    let said = client.feed(format!("{SERVER_HEADER}{}", offer(&["DIGEST-MD5"])));
    assert_eq!(said, format!("<auth xmlns='{NS}' mechanism='DIGEST-MD5'/>"));
    client
}

#[test]
fn a_whole_login() {
    let mut pair = Pair::with(open_client().with_mechanisms(only()), open_server().with_mechanisms(only()));
    pair.run();
    // covers 3920-14.7-01: by who is told to
    assert_eq!(pair.server.mechanism(), Some(Mechanism::DigestMd5));
    assert_eq!(pair.client.online(), Some("juliet@example.com/balcony"));
    let said = &pair.client.transcript;
    let request = format!("<auth xmlns='{NS}' mechanism='DIGEST-MD5'/><response xmlns='{NS}'>");
    assert!(said.contains(&request) && said.contains(&format!("<response xmlns='{NS}'/>")), "{said}");
    assert!(pair.server.transcript.contains(&format!("<success xmlns='{NS}'/>")));
    assert!(pair.server.trace.contains(&"digest key juliet@example.com".to_owned()));
    // Both are silent about it.
    let shown = [pair.client.debug, pair.server.debug].concat();
    assert!(!shown.contains("rspauth") && !shown.contains(PASSWORD));
}

/// RFC 3920 section 6.5, re-encoded: the base64 there is folded. The hash is not the one printed there, which is RFC 2831's, of another name.
#[test]
fn the_exchange_of_rfc_3920() {
    let mut client = asking();
    let text = "cmVhbG09InNvbWVyZWFsbSIsbm9uY2U9Ik9BNk1HOXRFUUdtMmhoIixxb3A9ImF1dGgiLGNoYXJzZXQ9dXRmLTgsYWxnb3JpdGhtPW1kNS1zZXNzCg==";
    let said = client.feed(format!("<challenge xmlns='{NS}'>{text}</challenge>"));
    let message = payload(&said, "response");
    assert!(
        message.starts_with("username=\"juliet\",realm=\"somerealm\",nonce=\"OA6MG9tEQGm2hh\",cnonce=\""),
        "{message}"
    );
    assert!(
        message.contains("\",nc=00000001,qop=auth,digest-uri=\"xmpp/example.com\",response="),
        "{message}"
    );
    let folded = format!("{}\n{}", &text[..64], &text[64..]);
    let mut client = asking();
    let said = client.feed(format!("<challenge xmlns='{NS}'>{folded}</challenge>"));
    assert_eq!(said, format!("<abort xmlns='{NS}'/>{FOOTER}"));
}

#[test]
fn r6120_6_3_9_02_a_realm_is_for_authentication_alone() {
    let (mut server, challenge) = challenged();
    assert!(challenge.starts_with("realm=\"example.com\",nonce=\""), "{challenge}");
    let nonce = challenge.split('"').nth(3).unwrap();
    let other = format!(
        "username=\"juliet\",realm=\"example.org\",nonce=\"{nonce}\",cnonce=\"c\",nc=00000001,\
         digest-uri=\"xmpp/example.com\",response=00000000000000000000000000000000"
    );
    // One of the client's own choice names no account of another domain, nor of this one.
    assert_eq!(server.feed(response(other)), failure("not-authorized"));
    assert!(!server.trace.iter().any(|line| line.starts_with("digest key")));
}

#[test]
fn every_failure_and_abort() {
    for message in ["", "nonsense", "username=\"juliet\""] {
        let (mut server, _) = challenged();
        assert_eq!(server.feed(response(message)), failure("malformed-request"), "{message}");
    }
    let (mut server, _) = challenged();
    assert_eq!(
        server.feed(format!("<response xmlns='{NS}'>dXNlcm5h\nbWU=</response>")),
        failure("incorrect-encoding")
    );
    let (mut server, _) = challenged();
    assert_eq!(server.feed(format!("<abort xmlns='{NS}'/>")), failure("aborted"));
    // RFC 3920 section 6.6 step 8: even when only the empty response is left.
    let mut pair = Pair::with(open_client().with_mechanisms(only()), open_server().with_mechanisms(only()));
    let mut proof = String::new();
    while proof.is_empty() {
        pair.client.drain(pair.now);
        let bytes: Vec<u8> = pair.client.sent.drain(..).collect();
        let said = pair.server.feed(bytes);
        pair.server.sent.clear();
        if said.contains("cnNwYXV0aD") {
            proof = said;
        } else {
            pair.client.feed(said);
        }
    }
    assert_eq!(pair.server.feed(format!("<abort xmlns='{NS}'/>")), failure("aborted"));
    // And a client that takes it in the success has logged in.
    let data = proof.replace("challenge", "success");
    assert!(pair.client.feed(data).starts_with("<?xml "));
}

#[test]
fn a_client_believes_no_server_without_proof() {
    let challenge_text = "realm=\"example.com\",nonce=\"n\",qop=\"auth\",charset=utf-8,algorithm=md5-sess";
    for (answer, error) in [
        (SUCCESS.to_owned(), ClientError::NotVerified),
        (success("rspauth=00000000000000000000000000000000"), ClientError::ServerSignature),
        (challenge("rspauth=00000000000000000000000000000000"), ClientError::ServerSignature),
        (challenge("nonsense"), ClientError::Malformed),
    ] {
        let mut client = asking();
        assert!(client.feed(challenge(challenge_text)).starts_with("<response "));
        client.feed(&answer);
        let fault = AuthenticationFault::Server(error);
        assert_eq!(client.reason, Some(CloseReason::Authentication(fault)), "{answer}");
    }
    let mut client = asking();
    client.feed(SUCCESS);
    let fault = AuthenticationFault::Server(ClientError::NotVerified);
    assert_eq!(client.reason, Some(CloseReason::Authentication(fault)));
}
