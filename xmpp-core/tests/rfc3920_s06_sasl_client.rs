//! RFC 3920 section 6 and RFC 6120 section 6: authentication, and what a client believes.
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
use xmpp_core::conn::{AuthenticationFault, ClientConfig, ClientConnection, CloseReason};
use xmpp_core::jid::BareJid;
use xmpp_core::sasl::client::ClientError;
use xmpp_core::sasl::{Mechanism, PolicyError, SaslCondition, Secret, Selection};

#[test]
fn a_client_uses_no_mechanism_that_will_not_do() {
    let choose = |config: ClientConfig, features: &str| {
        let mut client = client(config);
        client.said();
        assert_eq!(client.feed(format!("{SERVER_HEADER}{features}")), FOOTER);
        let Some(CloseReason::Authentication(AuthenticationFault::NoMechanism(error))) = client.reason else {
            panic!("{:?}", client.reason)
        };
        error
    };
    for features in
        ["<stream:features/>".to_owned(), offer(&[]), offer(&["DIGEST-MD5"]), offer(&["SCRAM-SHA-1-PLUS"])]
    {
        assert_eq!(choose(open_client(), &features), PolicyError::NoneUsable, "{features}");
    }
    // A list that has become weaker since the last time.
    let config = open_client().with_mechanisms(Selection::new().minimum(Mechanism::ScramSha256));
    let downgraded = PolicyError::TooWeak(Mechanism::ScramSha1);
    assert_eq!(choose(config, &offer(&["SCRAM-SHA-1", "PLAIN"])), downgraded);
    let config = open_client().with_mechanisms(Selection::new());
    assert_eq!(choose(config, &offer(&["PLAIN"])), PolicyError::PlainUnprotected);
}

/// A client in a SCRAM exchange, with its nonce.
fn exchanging() -> (End<ClientConnection>, String) {
    let mut client = client(open_client());
    client.said();
    let said = client.feed(format!("{SERVER_HEADER}{}", offer(&["SCRAM-SHA-1"])));
    let nonce = payload(&said, "auth").split_once("r=").unwrap().1.to_owned();
    (client, nonce)
}

fn server_first(nonce: &str) -> String {
    challenge(format!("r={nonce}more,s={},i=8", STANDARD.encode([3; 16])))
}

#[track_caller]
fn distrusted(client: &End<ClientConnection>, error: ClientError) {
    let fault = AuthenticationFault::Server(error);
    assert_eq!(client.reason, Some(CloseReason::Authentication(fault)));
    assert!(client.transcript.ends_with(FOOTER) && client.online.is_none());
}

#[test]
fn a_client_believes_no_server_that_does_not_know_the_password() {
    let cases = [
        (success(format!("v={}", STANDARD.encode([1; 20]))), ClientError::ServerSignature),
        (format!("<success xmlns='{NS}'/>"), ClientError::NotVerified),
        (format!("<success xmlns='{NS}'>=</success>"), ClientError::Malformed),
        (success("v="), ClientError::Malformed),
        (format!("<success xmlns='{NS}'>!</success>"), ClientError::Malformed),
        (challenge(format!("v={}", STANDARD.encode([1; 20]))), ClientError::ServerSignature),
    ];
    for (bytes, error) in cases {
        let (mut client, nonce) = exchanging();
        assert!(client.feed(server_first(&nonce)).starts_with("<response "));
        client.feed(&bytes);
        let Some(CloseReason::Authentication(AuthenticationFault::Server(found))) = &client.reason else {
            panic!("{bytes}: {:?}", client.reason)
        };
        assert!(
            *found == error || matches!(found, ClientError::Malformed | ClientError::ServerSignature),
            "{bytes}: {found:?}"
        );
        assert!(client.online.is_none() && client.transcript.ends_with(FOOTER));
    }
    // Success before anything was proved, at both places.
    let (mut client, _) = exchanging();
    client.feed(SUCCESS);
    distrusted(&client, ClientError::NotVerified);
    let (mut client, _) = exchanging();
    client.feed(success("v=AAAA"));
    distrusted(&client, ClientError::NotVerified);
    // The password is not sent to a server that repeats the nonce, shortens the work, or asks for more than we know.
    let salt = STANDARD.encode([3; 16]);
    for (message, error) in [
        (format!("r=other,s={salt},i=8"), ClientError::ServerNonce),
        (format!("r=NONCE,s={salt},i=8"), ClientError::ServerNonce),
        ("r=NONCEx,s=,i=8".to_owned(), ClientError::Salt),
        (format!("r=NONCEx,s={salt},i=0"), ClientError::Malformed),
        (format!("r=NONCEx,s={salt},i=1000001"), ClientError::Iterations),
        (format!("m=ext,r=NONCEx,s={salt},i=8"), ClientError::Extension),
        ("nonsense".to_owned(), ClientError::Malformed),
        (String::new(), ClientError::Malformed),
    ] {
        let (mut client, nonce) = exchanging();
        let said = client.feed(challenge(message.replace("NONCE", &nonce)));
        assert_eq!(said, format!("<abort xmlns='{NS}'/>{FOOTER}"), "{message}");
        distrusted(&client, error);
    }
    let (mut client, _) = exchanging();
    client.feed(format!("<challenge xmlns='{NS}'>not base64</challenge>"));
    distrusted(&client, ClientError::Malformed);
    // PLAIN has no challenge.
    let mut client = self::client(open_client());
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    client.feed(challenge("more"));
    distrusted(&client, ClientError::OutOfOrder);
}

#[test]
fn a_challenge_after_success_is_out_of_order() {
    let mut client = client(open_client());
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    client.feed(SUCCESS);
    client.feed(SERVER_HEADER);
    assert_eq!(client.feed(challenge("more")), stream_error("not-authorized"));
    // Before the header there is no stream that it could be on.
    let mut client = self::client(open_client());
    client.said();
    client.feed(format!("{SERVER_HEADER}{}", offer(&["PLAIN"])));
    client.feed(SUCCESS);
    assert!(client.feed(challenge("more")).contains("<invalid-namespace "));
}

#[test]
fn a_signature_may_come_in_a_last_challenge() {
    // RFC 5802 section 5 by way of a server that sends no data with success.
    let mut pair = Pair::with(
        open_client().with_mechanisms(Selection::new().mechanisms(&[Mechanism::ScramSha1])),
        open_server(),
    );
    loop {
        pair.client.drain(pair.now);
        pair.server.drain(pair.now);
        let out: Vec<u8> = pair.client.sent.drain(..).collect();
        if !out.is_empty() {
            pair.server.feed(out);
        }
        let back = String::from_utf8(pair.server.sent.drain(..).collect()).unwrap();
        if back.contains("<success ") {
            let signature = payload(&back, "success");
            assert_eq!(pair.client.feed(challenge(&signature)), format!("<response xmlns='{NS}'/>"));
            // covers 6120-6.3.10-03: the longer exchange works too
            assert!(pair.client.feed(SUCCESS).starts_with("<?xml "));
            return;
        }
        pair.client.feed(back);
    }
}

#[test]
fn a_refused_client_knows_why() {
    for condition in SaslCondition::ALL {
        let (mut client, _) = exchanging();
        assert_eq!(client.feed(failure(condition.name())), FOOTER);
        let fault = AuthenticationFault::Refused(condition);
        assert_eq!(client.reason, Some(CloseReason::Authentication(fault)));
    }
    for inside in ["<brand-new/>", "", "<text>no</text>", "<x xmlns='urn:x'/>"] {
        let (mut client, _) = exchanging();
        client.feed(format!("<failure xmlns='{NS}'>{inside}</failure>"));
        let fault = AuthenticationFault::Refused(SaslCondition::NotAuthorized);
        // covers 6120-6.5-01
        assert_eq!(client.reason, Some(CloseReason::Authentication(fault)), "{inside}");
    }
    let (mut client, _) = exchanging();
    client.feed(format!("<failure xmlns='{NS}'><text xml:lang='en'>no</text><account-disabled/></failure>"));
    let fault = AuthenticationFault::Refused(SaslCondition::AccountDisabled);
    // covers 6120-6.5-02
    assert_eq!(client.reason, Some(CloseReason::Authentication(fault)));
}

#[test]
fn an_account_without_a_name_cannot_log_in() {
    let config = ClientConfig::new(BareJid::new("example.com").unwrap(), Secret::new(PASSWORD));
    let mut client = client(config.with_tls(xmpp_core::tls::TlsPolicy::Disabled));
    client.said();
    assert_eq!(client.feed(format!("{SERVER_HEADER}{}", offer(&["SCRAM-SHA-1"]))), FOOTER);
    distrusted(&client, ClientError::Username);
    assert_eq!(
        client.closed.as_deref(),
        Some("not authenticated: the user name cannot be prepared with SASLprep")
    );
}

/// A client at its first request, of the mechanisms that are offered.
fn asking(config: ClientConfig, mechanisms: &[&str]) -> (End<ClientConnection>, String) {
    let mut client = client(config);
    client.said();
    let said = client.feed(format!("{SERVER_HEADER}{}", offer(mechanisms)));
    (client, said)
}

#[test]
fn the_next_mechanism_is_tried_when_one_is_refused() {
    // The server's order does not count, and what is on no list of ours is never tried.
    let offered = ["PLAIN", "X", "SCRAM-SHA-1", "ANONYMOUS", "SCRAM-SHA-512", "SCRAM-SHA-256"];
    let mechanism = |said: &str| attribute(said, "auth", "mechanism").to_owned();
    let (mut client, said) = asking(open_client(), &offered);
    // covers 6120-6.3.3-04
    assert_eq!(mechanism(&said), "SCRAM-SHA-512");
    let said = client.feed(failure("not-authorized"));
    // covers 6120-6.4.5-03
    assert_eq!(mechanism(&said), "SCRAM-SHA-256");
    let nonce = payload(&said, "auth");
    let said = client.feed(failure("not-authorized"));
    assert_eq!(mechanism(&said), "SCRAM-SHA-1");
    // Each with a nonce of its own.
    assert_ne!(payload(&said, "auth"), nonce);
    // covers 6120-6.4.5-04: no more attempts than a server allows, and the password itself is not shown to who did not know it
    assert_eq!(client.feed(failure("not-authorized")), FOOTER);
    let fault = AuthenticationFault::Refused(SaslCondition::NotAuthorized);
    assert_eq!(client.reason, Some(CloseReason::Authentication(fault)));

    let (mut client, _) = asking(open_client(), &["PLAIN", "SCRAM-SHA-1"]);
    // covers 6120-6.3.3-05: nor does a list of two make PLAIN the next
    assert_eq!(client.feed(failure("not-authorized")), FOOTER);
    // An attempt may succeed after another.
    let (mut client, _) = asking(open_client(), &["SCRAM-SHA-256", "SCRAM-SHA-1"]);
    let nonce =
        payload(&client.feed(failure("invalid-mechanism")), "auth").split_once("r=").unwrap().1.to_owned();
    assert!(client.feed(server_first(&nonce)).starts_with("<response "));
    // What has nothing to do with the mechanism ends it at once.
    for condition in ["account-disabled", "credentials-expired", "temporary-auth-failure", "aborted"] {
        let (mut client, _) = asking(open_client(), &["SCRAM-SHA-256", "SCRAM-SHA-1"]);
        assert_eq!(client.feed(failure(condition)), FOOTER, "{condition}");
    }
}

#[test]
fn an_authorization_identity_is_sent_only_where_it_says_something() {
    let plain = |authzid: &str| {
        let config = open_client().with_authzid(BareJid::new(authzid).unwrap());
        payload(&asking(config, &["PLAIN"]).1, "auth")
    };
    let said = plain("Romeo@example.com");
    // covers 3920-6.1-07
    assert!(!said.starts_with('\0'), "{said}");
    // covers 6120-6.3.8-01
    assert_eq!(said, format!("romeo@example.com\0juliet\0{PASSWORD}"));
    // covers 3920-6.1-09: not what follows from the name
    assert_eq!(plain("juliet@example.com"), format!("\0juliet\0{PASSWORD}"));
    let config = open_client().with_authzid(BareJid::new("romeo@example.com").unwrap());
    let first = payload(&asking(config, &["SCRAM-SHA-1"]).1, "auth");
    // covers 3920-6.1-10: a bare address
    assert!(first.starts_with("n,a=romeo@example.com,n=juliet,r="), "{first}");
}

#[test]
fn r6120_6_3_5_03_other_children_of_the_list_are_ignored() {
    let mut client = client(open_client());
    // covers 3920-6.1-02
    assert!(client.said().contains(" version='1.0'>"));
    let list = "<hostname xmlns='urn:xmpp:domain-based-name:1'>auth.example.com</hostname><mechanism>PLAIN</mechanism>";
    let offer = offer(&["PLAIN"]).replace("<mechanism>PLAIN</mechanism>", list);
    assert!(client.feed(format!("{SERVER_HEADER}{offer}")).contains(" mechanism='PLAIN'>"));
}

/// RFC 6120 section 9.1, as far as nonces allow: laid out over many lines, with other quotes and base64 on a line of its own
/// there; strict base64 here.
#[test]
fn the_login_of_rfc_6120_section_9_1_laid_out_over_many_lines() {
    let header = "<stream:stream\n    from='juliet@im.example.com'\n    to='im.example.com'\n    version='1.0'\n    \
         xml:lang='en'\n    xmlns='jabber:client'\n    xmlns:stream='http://etherx.jabber.org/streams'>\n";
    let decoy = xmpp_core::sasl::server::Decoy::new([7; 32]).iterations(ITERATIONS);
    let config = xmpp_core::conn::ServerConfig::new([BareJid::new("im.example.com").unwrap()], decoy);
    let mut server = server(config);
    let said = server.feed(header);
    assert!(said.contains(" to='juliet@im.example.com'") && said.ends_with(OFFER_TLS), "{said}");
    assert_eq!(server.feed(STARTTLS), PROCEED);
    assert!(server.feed(header).contains("<mechanism>SCRAM-SHA-1-PLUS</mechanism>"));
    let spaced = "<auth xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"\n      mechanism=\"SCRAM-SHA-1\">\n  \
         biwsbj1qdWxpZXQscj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQQ==\n</auth>";
    assert_eq!(server.feed(spaced), failure("incorrect-encoding"));
    let said = server.feed(spaced.replace("\n  ", "").replace("\n<", "<").replace("\n      ", " "));
    let first = payload(&said, "challenge");
    assert!(first.starts_with("r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA"), "{first}");
    assert!(server.trace.contains(&"keys juliet@im.example.com Some(Sha1)".into()));
    // The answer to another server's nonce.
    let answer = "c=biws,r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AAe124695b-69a9-4de6-9c30-b51b3808c59e,\
                  p=UA57tM/SvpATBkH2FXs0WDXvJYw=";
    assert_eq!(server.feed(response(answer)), failure("not-authorized"));

    // The server's side of it.
    let header = header
        .replace("from='juliet@im.example.com'\n    to=", "id='t7AMCin9zjMNwQKDnplntZPIDEI='\n    from=");
    let header = header.replace("version", "to='juliet@im.example.com' version");
    let account = BareJid::new("juliet@im.example.com").unwrap();
    let mut client = client(ClientConfig::new(account, Secret::new(PASSWORD)));
    client.info = xmpp_core::tls::TlsInfo::new(xmpp_core::tls::Chain::Trusted)
        .with_name(xmpp_core::tls::PresentedName::Dns("im.example.com".into()));
    client.said();
    let offer = "<stream:features>\n  <starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'>\n    <required/>\n  </starttls>\n</stream:features>\n";
    assert_eq!(client.feed(format!("{header}{offer}")), STARTTLS);
    assert!(client.feed(PROCEED).contains(" from='juliet@im.example.com'"));
    let offer = "<stream:features>\n  <mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\n    \
         <mechanism>\nSCRAM-SHA-1-PLUS\n</mechanism>\n    <mechanism> SCRAM-SHA-1 </mechanism>\n    <mechanism>PLAIN</mechanism>\n  \
         </mechanisms>\n</stream:features>";
    assert!(client.feed(format!("{header}{offer}")).contains(" mechanism='SCRAM-SHA-1'>"));
    let theirs = "r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AAe124695b-69a9-4de6-9c30-b51b3808c59e,\
                  s=NjhkYTM0MDgtNGY0Zi00NjdmLTkxMmUtNDlmNTNmNDNkMDMz,i=4096";
    assert!(client.feed(challenge(theirs)).starts_with("<abort "));
    distrusted(&client, ClientError::ServerNonce);
}
