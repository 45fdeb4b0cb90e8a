//! Numbers that no RFC gives were computed independently, with another implementation of MD5.

use alloc::format;
use alloc::string::{String, ToString as _};

use super::*;

const CHALLENGE: &str =
    "realm=\"example.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",charset=utf-8,algorithm=md5-sess";
const RESPONSE: &str = "username=\"juliet\",realm=\"example.com\",nonce=\"OA6MG9tEQGm2hh\",cnonce=\"OA6MHXh6VqTrRk\",\
     nc=00000001,qop=auth,digest-uri=\"xmpp/example.com\",response=5cc872398995b036be6ae019c831a1c2,charset=utf-8";
const PROOF: &str = "rspauth=c67de6e25d38245bdda6e2094ca0cebf";

fn client(username: &str, password: &str, authzid: Option<&str>) -> AwaitChallenge {
    AwaitChallenge {
        username: username.to_string(),
        password: Secret::new(password),
        authzid: authzid.map(String::from),
        nonce: Nonce::new("OA6MHXh6VqTrRk").unwrap(),
        domain: "example.com".to_string(),
    }
}

fn juliet() -> AwaitChallenge {
    client("juliet", "r0m30myr0m30", None)
}

/// The response and what is expected then.
fn respond(client: AwaitChallenge, challenge: &str) -> Result<(String, String), ClientError> {
    client.receive(challenge.as_bytes()).map(|(proof, response)| {
        (String::from_utf8(response).unwrap(), String::from_utf8(proof.expected.to_vec()).unwrap())
    })
}

fn server() -> AwaitResponse {
    AwaitResponse { nonce: Nonce::new("OA6MG9tEQGm2hh").unwrap(), domain: "example.com".to_string() }
}

fn key() -> DigestKey {
    DigestKey::for_password("juliet", "example.com", &Secret::new("r0m30myr0m30")).unwrap()
}

fn verdict(response: &str) -> Result<Option<String>, SaslCondition> {
    let response = server().receive(response.as_bytes())?;
    Ok(response.verify(&key()).map(|proof| String::from_utf8(proof).unwrap()))
}

/// RFC 2831 section 4, both.
#[test]
fn the_examples_of_rfc_2831() {
    let key = DigestKey::for_password("chris", "elwood.innosoft.com", &Secret::new("secret")).unwrap();
    for (nonce, cnonce, digest_uri, response, proof) in [
        (
            "OA6MG9tEQGm2hh",
            "OA6MHXh6VqTrRk",
            "imap/elwood.innosoft.com",
            "d388dad90d4bbd760a152321f2143af7",
            "ea40f60335c427b5527b84dbabcdfffd",
        ),
        (
            "OA9BSXrbuRhWay",
            "OA9BSuZWMSpW8m",
            "acap/elwood.innosoft.com",
            "6084c6db3fede7352c551284490fd0fc",
            "2f0b3d7c3c2e486600ef710726aa2eae",
        ),
    ] {
        let exchange = Exchange {
            nonce: nonce.as_bytes(),
            cnonce: cnonce.as_bytes(),
            digest_uri: digest_uri.as_bytes(),
            authzid: None,
        };
        assert_eq!(exchange.client_response(&key), response.as_bytes());
        assert_eq!(exchange.server_response(&key), proof.as_bytes());
    }
}

/// RFC 3920 sections 6.5 and 6.6: the challenge with its line break at the end. The hashes printed there are those of RFC 2831 and belong to
/// another name and service, so the ones here are computed.
#[test]
fn the_example_of_rfc_3920() {
    let challenge =
        "realm=\"somerealm\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",charset=utf-8,algorithm=md5-sess\n";
    let (response, proof) = respond(client("somenode", "secret", None), challenge).unwrap();
    assert_eq!(
        response,
        "username=\"somenode\",realm=\"somerealm\",nonce=\"OA6MG9tEQGm2hh\",cnonce=\"OA6MHXh6VqTrRk\",nc=00000001,\
         qop=auth,digest-uri=\"xmpp/example.com\",response=bcd3bf09ea08e8eac894e126fe733713,charset=utf-8"
    );
    assert_eq!(proof, "562f859abce5b7d9b3fba16b45be1c56");
}

#[test]
fn both_ends_agree() {
    assert_eq!(server().challenge(), CHALLENGE.as_bytes());
    let (proof, response) = juliet().receive(CHALLENGE.as_bytes()).unwrap();
    // covers 3920-6.3-01
    assert_eq!(core::str::from_utf8(&response), Ok(RESPONSE));
    assert_eq!(verdict(RESPONSE), Ok(Some(PROOF.to_string())));
    assert_eq!(proof.verify(PROOF.as_bytes()), Ok(()));

    let (response, proof) =
        respond(client("juliet", "r0m30myr0m30", Some("romeo@example.com")), CHALLENGE).unwrap();
    assert!(
        response.contains(
            "response=8568b1b4aec968ee8801808d0dc484a0,charset=utf-8,authzid=\"romeo@example.com\""
        )
    );
    assert_eq!(proof, "467cac7efeca07962b5ae60c25f84893");
    assert_eq!(server().receive(response.as_bytes()).unwrap().authzid.as_deref(), Some("romeo@example.com"));
    assert_eq!(verdict(&response), Ok(Some(format!("rspauth={proof}"))));
}

/// RFC 2831 section 2.1.2.1.
#[test]
fn what_latin_1_has_is_hashed_as_latin_1() {
    let quoted = |bytes: &[u8]| [b"username=\"", bytes, b"\""].concat();
    // Whether it is sent in UTF-8 or not.
    let latin1 = CHALLENGE.replace("charset=utf-8,", "");
    for (challenge, name) in [(CHALLENGE, "j\u{fc}rgen".as_bytes()), (latin1.as_str(), b"j\xfcrgen")] {
        let (proof, response) =
            client("j\u{fc}rgen", "p\u{e4}ss", None).receive(challenge.as_bytes()).unwrap();
        assert!(response.starts_with(&quoted(name)));
        assert_eq!(proof.expected, *b"24d3b4cf3e6c20596c81265afeec2bdb");
        let response = server().receive(&response).unwrap();
        assert_eq!(response.username, "j\u{fc}rgen");
        let key = DigestKey::for_password("j\u{fc}rgen", "example.com", &Secret::new("p\u{e4}ss")).unwrap();
        assert!(response.verify(&key).is_some());
    }
    let (_, proof) = respond(client("ji\u{159}\u{ed}", "\u{159}\u{ed}", None), CHALLENGE).unwrap();
    assert_eq!(proof, "aa7da1c72938c96f0155e41e7a0d6e40");
    // Sent as Latin-1 they cannot be.
    let latin1 = |name: &str, password: &str| respond(client(name, password, None), &latin1);
    assert_eq!(latin1("ji\u{159}\u{ed}", "x"), Err(ClientError::Username));
    assert_eq!(latin1("x", "\u{159}\u{ed}"), Err(ClientError::Password));
}

#[test]
fn r6120_6_3_9_01_a_realm_is_taken_as_it_comes() {
    // None is none.
    let none = CHALLENGE.replace("realm=\"example.com\",", "");
    let (response, proof) = respond(juliet(), &none).unwrap();
    assert!(!response.contains("realm="));
    assert_eq!(proof, "105317fa4ccb1baf7e852b0545698752");
    // Of several the one that is the domain, else the first.
    let several = |realms: &str| respond(juliet(), &format!("{realms},{none}")).unwrap().0;
    assert!(several("realm=\"a\",realm=\"example.com\"").contains("realm=\"example.com\""));
    let response = several("realm=\"a\\\"b\",realm=\"c\"");
    // covers 6120-6.3.9-03: the realm says nothing about the domain.
    assert!(response.contains("realm=\"a\\\"b\"") && response.contains("digest-uri=\"xmpp/example.com\""));
}

#[test]
fn a_challenge_that_will_not_do_is_refused() {
    let change = |from: &str, to: &str| respond(juliet(), &CHALLENGE.replace(from, to)).err();
    assert_eq!(change("qop=\"auth\",", ""), None);
    assert_eq!(change("qop=\"auth\"", "qop=\"auth-int, auth\""), None);
    assert_eq!(change("charset=utf-8", "charset=UTF-8,stale=true,maxbuf=1,cipher=\"3des\",x=y,x=z"), None);
    for (from, to) in [
        ("qop=\"auth\"", "qop=\"auth-int,auth-conf\""),
        ("qop=\"auth\"", "qop=\"\""),
        ("md5-sess", "sha-256-sess"),
        ("nonce=\"OA6MG9tEQGm2hh\"", "nonce=\"\""),
    ] {
        assert_eq!(change(from, to), Some(ClientError::Extension), "{to}");
    }
    for (from, to) in [
        ("nonce=\"OA6MG9tEQGm2hh\",", ""),
        (",algorithm=md5-sess", ""),
        ("algorithm=md5-sess", "algorithm=md5-sess,algorithm=md5-sess"),
        ("qop=\"auth\"", "qop=\"auth\",nonce=\"b\""),
        ("qop=\"auth\"", "qop=\"auth\",qop=\"auth\""),
        ("charset=utf-8", "charset=utf-8,charset=utf-8"),
        ("charset=utf-8", "charset=utf-16"),
        ("charset=utf-8", "stale=true,stale=true"),
        ("charset=utf-8", "maxbuf=1,maxbuf=1"),
        (CHALLENGE, ""),
        (CHALLENGE, "nonsense"),
    ] {
        assert_eq!(change(from, to), Some(ClientError::Malformed), "{to}");
    }
    for (len, taken) in [(CHALLENGE_LIMIT - 1, true), (CHALLENGE_LIMIT, false)] {
        let padding = "x".repeat(len - CHALLENGE.len() - 3);
        assert_eq!(respond(juliet(), &format!("{CHALLENGE},x={padding}")).is_ok(), taken);
    }
    // Nor is a response sent that is too long.
    let (name, password) = ("\"".repeat(1023), "x".repeat(1023));
    assert!(respond(client(&name, &password, Some(&"x".repeat(1000))), CHALLENGE).is_ok());
    let error = respond(client(&name, &password, Some(&"x".repeat(2047))), CHALLENGE).err();
    assert_eq!(error, Some(ClientError::Malformed));
}

#[test]
fn a_server_that_proves_nothing_is_not_believed() {
    for (proof, error) in [
        ("rspauth=c67de6e25d38245bdda6e2094ca0cebe", ClientError::ServerSignature),
        ("rspauth=C67DE6E25D38245BDDA6E2094CA0CEBF", ClientError::ServerSignature),
        // What the client sent itself.
        ("rspauth=5cc872398995b036be6ae019c831a1c2", ClientError::ServerSignature),
        ("rspauth=", ClientError::Malformed),
        ("rspauth=\"\"", ClientError::ServerSignature),
        ("x=y", ClientError::Malformed),
        ("", ClientError::Malformed),
    ] {
        let (awaited, _) = juliet().receive(CHALLENGE.as_bytes()).unwrap();
        assert_eq!(awaited.verify(proof.as_bytes()), Err(error), "{proof}");
    }
}

#[test]
fn a_response_is_read_to_the_letter() {
    let change = |from: &str, to: &str| {
        let changed = RESPONSE.replace(from, to);
        assert_ne!(changed, RESPONSE);
        verdict(&changed)
    };
    // Spelled otherwise; the case of a digest-uri counts in the hash as it was sent.
    assert_eq!(change(",qop=auth", ""), Ok(Some(PROOF.to_string())));
    assert_eq!(change("charset=utf-8", "maxbuf=1,authzid=\"\",x=y"), Ok(Some(PROOF.to_string())));
    assert_eq!(change("digest-uri=\"xmpp", "digest-uri=\"XMPP"), Ok(None));
    // Well-formed, of somebody who knows nothing.
    assert_eq!(change("response=5", "response=6"), Ok(None));
    assert_eq!(change("username=\"juliet\"", "username=\"romeo\"").map(|proof| proof.is_some()), Ok(true));
    for (from, to) in [
        ("OA6MG9tEQGm2hh", "OA6MG9tEQGm2hg"),
        ("00000001", "00000002"),
        ("qop=auth", "qop=auth-int"),
        ("xmpp/example.com", "imap/example.com"),
        ("xmpp/example.com", "xmpp/example.org"),
        ("xmpp/example.com", "xmpp/example.com/example.com"),
        ("realm=\"example.com\"", "realm=\"example.org\""),
        ("realm=\"example.com\",", ""),
    ] {
        assert_eq!(change(from, to), Err(SaslCondition::NotAuthorized), "{to}");
    }
    for (from, to) in [
        ("username=\"juliet\",", ""),
        ("nonce=\"OA6MG9tEQGm2hh\",", ""),
        ("cnonce=\"OA6MHXh6VqTrRk\",", ""),
        ("OA6MHXh6VqTrRk", ""),
        ("nc=00000001,", ""),
        ("00000001", "1"),
        ("00000001", "0000000G"),
        ("digest-uri=\"xmpp/example.com\",", ""),
        ("5cc872398995b036be6ae019c831a1c2", "5CC872398995B036BE6AE019C831A1C2"),
        ("5cc872398995b036be6ae019c831a1c2", "5cc872398995b036be6ae019c831a1"),
        ("charset=utf-8", "charset=latin1"),
        ("charset=utf-8", "charset=utf-8,username=\"romeo\""),
        ("charset=utf-8", "realm=\"example.com\""),
        ("charset=utf-8", "maxbuf=1,maxbuf=1"),
        ("charset=utf-8", "authzid=\"a\",authzid=\"a\""),
        (RESPONSE, "nonsense"),
        (RESPONSE, ""),
    ] {
        assert_eq!(change(from, to), Err(SaslCondition::MalformedRequest), "{to}");
    }
    for (over, taken) in [(0, true), (1, true), (2, false)] {
        let cnonce = "x".repeat(MAX_NONCE - 1 + over);
        assert_eq!(change("OA6MHXh6VqTrRk", &cnonce).is_ok(), taken);
        let authzid = format!("authzid=\"{}\"", "x".repeat(MAX_AUTHZID - 1 + over));
        assert_eq!(change("charset=utf-8", &authzid).is_ok(), taken);
    }
    let mut bytes = RESPONSE.as_bytes().to_vec();
    bytes[12] = 0xff;
    assert_eq!(server().receive(&bytes).err(), Some(SaslCondition::MalformedRequest));
}

#[test]
fn keys_are_stored_and_not_shown() {
    let key = key();
    let hex: String = key.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "aa882646ba52e4126a39105e2e18a67b");
    let read = DigestKey::new(key.as_bytes().try_into().unwrap());
    assert!(server().receive(RESPONSE.as_bytes()).unwrap().verify(&read).is_some());
    assert_eq!(format!("{key:?}"), "DigestKey(..)");
    for (name, password) in [("", "x"), ("x", ""), ("x", "\u{7}")] {
        assert!(DigestKey::for_password(name, "example.com", &Secret::new(password)).is_err());
    }
}
