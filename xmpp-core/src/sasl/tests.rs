//! Both ends against each other and against the RFCs' examples.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use proptest::prelude::*;

use super::client::{self, Client, ClientError, ClientStep};
use super::server::{self, CredentialsAnswer, Decoy, Server, ServerStep};
use super::*;

/// A choice by the public way only.
fn choice(mechanism: Mechanism, bindings: &Bindings) -> Choice {
    Selection::new().choose(&Offer::new([mechanism.name()]), bindings, true).unwrap()
}

fn nonce(text: &str) -> Nonce {
    Nonce::new(text).unwrap()
}

fn bindings() -> Bindings {
    Bindings::new().with_exporter([0xe5; 32]).with_end_point([0x5e; 32])
}

fn decoy() -> Decoy {
    Decoy::new([7; 32]).iterations(2)
}

fn server_for(mechanism: Mechanism) -> Server {
    server::Start::new(mechanism, nonce("server"), decoy())
        .channel_binding(bindings(), Offer::new([mechanism.name()]))
        .start()
}

fn keys(hash: ScramHash, password: &str) -> ScramKeys {
    ScramKeys::for_password(hash, &Secret::new(password), *b"salt", 2).unwrap()
}

/// Keys fit for the mechanism; PLAIN takes any.
fn keys_for(mechanism: Mechanism, password: &str) -> ScramKeys {
    keys(mechanism.hash().unwrap_or(ScramHash::Sha256), password)
}

fn client_for(mechanism: Mechanism, name: &str, password: &str) -> (Client, Option<Secret>) {
    let choice = choice(mechanism, &if mechanism.is_plus() { bindings() } else { Bindings::new() });
    client::Start::new(choice, name, Secret::new(password), nonce("client"))
        .iterations(1..=10)
        .start()
        .unwrap()
}

/// The server's messages are lists of comma separated texts.
fn text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap()
}

struct Vector {
    mechanism: Mechanism,
    user: &'static str,
    password: &'static str,
    salt: &'static [u8],
    client_nonce: &'static str,
    server_nonce: &'static str,
    first: &'static str,
    challenge: &'static str,
    response: &'static str,
    success: &'static str,
}

/// RFC 5802 section 5.
const RFC5802: Vector = Vector {
    mechanism: Mechanism::ScramSha1,
    user: "user",
    password: "pencil",
    salt: b"\x41\x25\xc2\x47\xe4\x3a\xb1\xe9\x3c\x6d\xff\x76",
    client_nonce: "fyko+d2lbbFgONRv9qkxdawL",
    server_nonce: "3rfcNHYJY1ZVvWVs7j",
    first: "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
    challenge: "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
    response: "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
    success: "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
};

/// RFC 7677 section 3.
const RFC7677: Vector = Vector {
    mechanism: Mechanism::ScramSha256,
    user: "user",
    password: "pencil",
    salt: b"\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81",
    client_nonce: "rOprNGfwEbeRWgbNEkqO",
    server_nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
    first: "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
    challenge: "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    response: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
               p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    success: "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
};

/// The exchange of RFC 7677 section 3 with SHA-512: no RFC has an example, so this was computed independently, with another implementation of
/// PBKDF2 and HMAC that gives the numbers of RFC 7677 for SHA-256.
const SHA512: Vector = Vector {
    mechanism: Mechanism::ScramSha512,
    response: "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
               p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ==",
    success: "v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
    ..RFC7677
};

#[test]
fn the_examples_of_rfc_5802_and_rfc_7677() {
    for vector in [RFC5802, RFC7677, SHA512] {
        let choice = choice(vector.mechanism, &Bindings::new());
        let start =
            client::Start::new(choice, vector.user, Secret::new(vector.password), nonce(vector.client_nonce));
        let (mut client, first) = start.start().unwrap();
        let first = first.unwrap();
        assert_eq!(text(first.as_bytes()), vector.first);

        let mut server =
            server::Start::new(vector.mechanism, nonce(vector.server_nonce), Decoy::new([0; 32])).start();
        let asked = server.step(first.as_bytes());
        let hash = vector.mechanism.hash();
        assert_eq!(asked, ServerStep::Credentials { username: vector.user.to_owned(), hash });
        let password = Secret::new(vector.password);
        let keys = ScramKeys::for_password(hash.unwrap(), &password, vector.salt, 4096).unwrap();
        let challenge = server.credentials(CredentialsAnswer::Keys(keys));
        // covers 3920-6.2-06
        assert_eq!(challenge, ServerStep::Challenge(vector.challenge.into()));

        let Ok(ClientStep::Derive(question)) = client.challenge(vector.challenge.as_bytes()) else {
            panic!()
        };
        assert_eq!(question.salt(), vector.salt);
        assert_eq!((Some(question.hash()), question.iterations()), (hash, 4096));
        assert_eq!(question.secret().as_bytes(), vector.password.as_bytes());
        // covers 3920-6.2-07
        assert_eq!(text(&client.derived(&question.run()).unwrap()), vector.response);

        let success = server.step(vector.response.as_bytes());
        let data = Some(vector.success.into());
        assert_eq!(success, ServerStep::Success { username: vector.user.to_owned(), authzid: None, data });
        assert_eq!(client.success(Some(vector.success.as_bytes())), Ok(()));
    }
}

/// RFC 6120 section 9.1.2, re-encoded: the line breaks of the text are not in the data.
#[test]
fn the_example_of_rfc_6120() {
    const CHALLENGE: &str = "cj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQWUxMjQ2OTViLTY5YTktNGRlNi05YzMwLWI1MWIz\
                             ODA4YzU5ZSxzPU5qaGtZVE0wTURndE5HWTBaaTAwTmpkbUxUa3hNbVV0TkRsbU5UTm1ORE5rTURNeixpPTQw\
                             OTY=";
    const RESPONSE: &str = "Yz1iaXdzLHI9b01zVEFBd0FBQUFNQUFBQU5QMFRBQUFBQUFCUFUwQUFlMTI0Njk1Yi02OWE5LTRkZTYtOWMz\
                            MC1iNTFiMzgwOGM1OWUscD1VQTU3dE0vU3ZwQVRCa0gyRlhzMFdEWHZKWXc9";
    const SUCCESS: &str = "dj1wTk5ERlZFUXh1WHhDb1NFaVc4R0VaKzFSU289";
    let decode = |payload| framing::decode(payload).unwrap().unwrap();
    let encode = |message: &[u8]| framing::encode(Some(message));

    let choice = choice(Mechanism::ScramSha1, &Bindings::new());
    let client_nonce = nonce("oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA");
    let password = || Secret::new("r0m30myr0m30");
    let (mut client, first) = client::Start::new(choice, "juliet", password(), client_nonce).start().unwrap();
    let first = first.unwrap();
    assert_eq!(encode(first.as_bytes()), "biwsbj1qdWxpZXQscj1vTXNUQUF3QUFBQU1BQUFBTlAwVEFBQUFBQUJQVTBBQQ==");

    let server_nonce = nonce("e124695b-69a9-4de6-9c30-b51b3808c59e");
    let mut server = server::Start::new(Mechanism::ScramSha1, server_nonce, decoy()).start();
    assert!(matches!(server.auth(Some(first.as_bytes())), ServerStep::Credentials { .. }));
    let salt = *b"68da3408-4f4f-467f-912e-49f53f43d033";
    let keys = ScramKeys::for_password(ScramHash::Sha1, &password(), salt, 4096).unwrap();
    let step = server.credentials(CredentialsAnswer::Keys(keys));
    assert_eq!(step, ServerStep::Challenge(decode(CHALLENGE).as_bytes().to_vec()));
    let step = client.challenge(decode(CHALLENGE).as_bytes());
    let Ok(ClientStep::Derive(question)) = step else { panic!("{step:?}") };
    assert_eq!(encode(&client.derived(&question.run()).unwrap()), RESPONSE);
    let step = server.step(decode(RESPONSE).as_bytes());
    assert!(matches!(step, ServerStep::Success { data: Some(data), .. } if encode(&data) == SUCCESS));
    assert_eq!(client.success(Some(decode(SUCCESS).as_bytes())), Ok(()));
}

/// How a login between our own ends went.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Success { username: String, authzid: Option<String> },
    ServerFailed(SaslCondition),
    ClientFailed(ClientError),
}

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToClient,
}

/// Runs a login to its end. `tamper` sees every message, numbered, on its way.
fn login(
    (mut client, first): (Client, Option<Secret>),
    server: &mut Server,
    lookup: impl FnOnce(&str) -> CredentialsAnswer,
    mut tamper: impl FnMut(usize, Direction, &mut Vec<u8>),
) -> Outcome {
    let mut lookup = Some(lookup);
    let mut message = first.unwrap().as_bytes().to_vec();
    for number in (0..8).step_by(2) {
        tamper(number, Direction::ToServer, &mut message);
        let mut step = server.step(&message);
        let (challenge, end) = loop {
            step = match step {
                ServerStep::Credentials { username, .. } => {
                    server.credentials(lookup.take().unwrap()(&username))
                }
                ServerStep::Derive(question) => server.derived(&question.run()),
                ServerStep::External { .. } => server.credentials(lookup.take().unwrap()("")),
                ServerStep::Failure(condition) => return Outcome::ServerFailed(condition),
                ServerStep::Challenge(challenge) => break (Some(challenge), None),
                ServerStep::Success { username, authzid, data } => break (data, Some((username, authzid))),
                other => panic!("{other:?}"),
            };
        };
        let received = challenge.map(|mut challenge| {
            tamper(number + 1, Direction::ToClient, &mut challenge);
            challenge
        });
        if let Some((username, authzid)) = end {
            return match client.success(received.as_deref()) {
                Ok(()) => Outcome::Success { username, authzid },
                Err(error) => Outcome::ClientFailed(error),
            };
        }
        message = match client.challenge(&received.unwrap()) {
            Ok(ClientStep::Respond(response)) => response,
            Ok(ClientStep::Derive(question)) => client.derived(&question.run()).unwrap(),
            Err(error) => return Outcome::ClientFailed(error),
        };
    }
    panic!("the exchange does not end");
}

fn untouched(_: usize, _: Direction, _: &mut Vec<u8>) {}

#[test]
fn every_mechanism_logs_in_and_refuses_a_wrong_password() {
    for mechanism in Mechanism::PASSWORD {
        let answer = || CredentialsAnswer::Keys(keys_for(mechanism, "pencil"));
        let right = login(
            client_for(mechanism, "user", "pencil"),
            &mut server_for(mechanism),
            |_| answer(),
            untouched,
        );
        assert_eq!(right, Outcome::Success { username: "user".to_owned(), authzid: None }, "{mechanism}");
        let wrong = login(
            client_for(mechanism, "user", "pencils"),
            &mut server_for(mechanism),
            |_| answer(),
            untouched,
        );
        assert_eq!(wrong, Outcome::ServerFailed(SaslCondition::NotAuthorized), "{mechanism}");
    }
}

/// RFC 6120 section 6.5.10: no telling an unknown user from a wrong password.
#[test]
fn r3920_6_4_06_an_unknown_user_takes_the_same_steps() {
    for mechanism in Mechanism::PASSWORD {
        // The lengths of all messages, and the end.
        let trace = |answer| {
            let mut lengths = vec![];
            let mut server = server_for(mechanism);
            let outcome = login(
                client_for(mechanism, "user", "guess"),
                &mut server,
                |_| answer,
                |_, _, message| {
                    lengths.push(message.len());
                },
            );
            (lengths, outcome)
        };
        let salt = [1; 16];
        let hash = mechanism.hash().unwrap_or(ScramHash::Sha256);
        let known = || ScramKeys::for_password(hash, &Secret::new("pencil"), salt, 2).unwrap();
        let wrong_password = trace(CredentialsAnswer::Keys(known()));
        assert_eq!(trace(CredentialsAnswer::Unknown), wrong_password, "{mechanism}");
        assert_eq!(trace(CredentialsAnswer::Disabled(known())), wrong_password, "{mechanism}");
    }
}

#[test]
fn r6120_6_5_2_01_a_disabled_account_is_told_to_its_owner_only() {
    for mechanism in Mechanism::PASSWORD {
        let answer = || CredentialsAnswer::Disabled(keys_for(mechanism, "pencil"));
        let owner = login(
            client_for(mechanism, "user", "pencil"),
            &mut server_for(mechanism),
            |_| answer(),
            untouched,
        );
        assert_eq!(owner, Outcome::ServerFailed(SaslCondition::AccountDisabled), "{mechanism}");
        let other = login(
            client_for(mechanism, "user", "guess"),
            &mut server_for(mechanism),
            |_| answer(),
            untouched,
        );
        assert_eq!(other, Outcome::ServerFailed(SaslCondition::NotAuthorized), "{mechanism}");
    }
}

#[test]
fn r3920_6_4_07_a_failed_lookup_is_temporary() {
    for mechanism in Mechanism::PASSWORD {
        let answer = CredentialsAnswer::TemporaryFailure;
        let outcome =
            login(client_for(mechanism, "user", "pencil"), &mut server_for(mechanism), |_| answer, untouched);
        assert_eq!(outcome, Outcome::ServerFailed(SaslCondition::TemporaryAuthFailure), "{mechanism}");
    }
}

#[test]
fn scram_with_keys_for_another_hash_is_an_unknown_user() {
    let mechanism = Mechanism::ScramSha1;
    let answer = CredentialsAnswer::Keys(keys(ScramHash::Sha256, "pencil"));
    let mut challenge = vec![];
    let mut server = server_for(mechanism);
    let outcome = login(
        client_for(mechanism, "user", "pencil"),
        &mut server,
        |_| answer,
        |number, _, message| {
            if number == 1 {
                challenge.clone_from(message);
            }
        },
    );
    assert_eq!(outcome, Outcome::ServerFailed(SaslCondition::NotAuthorized));
    let mut again = server_for(mechanism);
    let _ = again.step(b"n,,n=user,r=client");
    assert_eq!(again.credentials(CredentialsAnswer::Unknown), ServerStep::Challenge(challenge));
}

#[test]
fn plain_takes_keys_of_either_hash() {
    for hash in ScramHash::ALL {
        let answer = CredentialsAnswer::Keys(keys(hash, "pencil"));
        let client = client_for(Mechanism::Plain, "user", "pencil");
        let outcome = login(client, &mut server_for(Mechanism::Plain), |_| answer, untouched);
        assert_eq!(outcome, Outcome::Success { username: "user".to_owned(), authzid: None });
    }
}

/// RFC 5802 section 5.1, `n`, `a`: escaped on the wire, and the name as prepared at the end.
#[test]
fn names_are_escaped_and_prepared() {
    for mechanism in Mechanism::PASSWORD {
        let bindings = if mechanism.is_plus() { bindings() } else { Bindings::new() };
        let password = Secret::new("p,=\u{bd}");
        // U+00AD maps to nothing, U+00BD and U+2168 to several characters.
        let start = client::Start::new(
            choice(mechanism, &bindings),
            "a,b=\u{ad}\u{bd}\u{2168}",
            password,
            nonce("c"),
        )
        .authzid("x=2C,y@\u{2168}.example")
        .iterations(1..=10);
        let mut seen = vec![];
        let answer = CredentialsAnswer::Keys(keys_for(mechanism, "p,=1\u{2044}2"));
        let outcome = login(
            start.start().unwrap(),
            &mut server_for(mechanism),
            |_| answer,
            |number, _, message| {
                if number == 0 {
                    seen.clone_from(message);
                }
            },
        );
        let username = "a,b=1\u{2044}2IX".to_owned();
        let authzid = Some("x=2C,y@\u{2168}.example".to_owned());
        assert_eq!(outcome, Outcome::Success { username, authzid }, "{mechanism}");
        let escaped = text(&seen).contains("a=x=3D2C=2Cy@\u{2168}.example,n=a=2Cb=3D1\u{2044}2IX,");
        assert_eq!(escaped, mechanism != Mechanism::Plain);
    }
}

#[test]
fn a_client_that_prepares_nothing_is_served_all_the_same() {
    let mut server = server::Start::new(Mechanism::ScramSha1, nonce("server"), decoy()).start();
    let step = server.step("n,,n=\u{2168},r=client".as_bytes());
    let hash = Some(ScramHash::Sha1);
    assert_eq!(step, ServerStep::Credentials { username: "IX".to_owned(), hash });
    let _ = server.credentials(CredentialsAnswer::Keys(keys(ScramHash::Sha1, "pencil")));
    // RFC 5802 section 5.1, `n`: hashed as received.
    let without_proof = "c=biws,r=clientserver";
    let auth_message = format!("n=\u{2168},r=client,r=clientserver,s=c2FsdA==,i=2,{without_proof}");
    let salted = keys::DeriveKey {
        hash: ScramHash::Sha1,
        secret: Secret::new("pencil"),
        salt: b"salt".to_vec(),
        iterations: 2,
    };
    let client_key = keys::client_key(&salted.run());
    let proof = client_key.digest().hmac(&[auth_message.as_bytes()]).xor(&client_key);
    let last = scram::client_final(without_proof, proof.as_slice());
    assert!(matches!(server.step(last.as_bytes()), ServerStep::Success { username, .. } if username == "IX"));
}

/// One that may use nothing else.
fn only(mechanism: Mechanism) -> client::Start {
    let selection = Selection::new().mechanisms(&[mechanism]);
    let choice = selection.choose(&Offer::new([mechanism.name()]), &Bindings::new(), true).unwrap();
    client::Start::new(choice, "", Secret::new([]), nonce("unused"))
}

/// RFC 4422 appendix A: no password, no data, no second message.
#[test]
fn external_takes_the_word_of_whoever_looked_at_the_certificate() {
    let login = |answer| {
        login(
            only(Mechanism::External).start().unwrap(),
            &mut server_for(Mechanism::External),
            |_| answer,
            untouched,
        )
    };
    let succeeded = || Outcome::Success { username: String::new(), authzid: None };
    let keys = || keys(ScramHash::Sha1, "pencil");
    assert_eq!(login(CredentialsAnswer::Keys(keys())), succeeded());
    assert_eq!(login(CredentialsAnswer::Outdated(keys())), succeeded());
    assert_eq!(login(CredentialsAnswer::NoKeys), succeeded());
    assert_eq!(login(CredentialsAnswer::Expired(keys())), succeeded());
    let failed = Outcome::ServerFailed;
    assert_eq!(login(CredentialsAnswer::Unknown), failed(SaslCondition::NotAuthorized));
    assert_eq!(login(CredentialsAnswer::Disabled(keys())), failed(SaslCondition::AccountDisabled));
    assert_eq!(login(CredentialsAnswer::TemporaryFailure), failed(SaslCondition::TemporaryAuthFailure));

    let (_, first) = only(Mechanism::External).authzid("juliet@example.com").start().unwrap();
    assert_eq!(first.as_ref().map(Secret::as_bytes), Some(&b"juliet@example.com"[..]));
    let step = server_for(Mechanism::External).step(b"juliet@example.com");
    assert_eq!(step, ServerStep::External { authzid: Some("juliet@example.com".to_owned()) });
    // Not asked: nothing more is taken.
    let mut server = server_for(Mechanism::External);
    let _ = server.step(b"");
    assert_eq!(server.step(b""), ServerStep::Failure(SaslCondition::MalformedRequest));
    let mut server = server_for(Mechanism::External);
    assert_eq!(server.auth(None), ServerStep::Challenge(vec![]));
    assert_eq!(server.step(b""), ServerStep::External { authzid: None });
}

#[test]
fn anonymous_says_what_it_likes() {
    let traced = |trace: &str| {
        let choice = Selection::new()
            .allow(Mechanism::Anonymous)
            .choose(&Offer::new(["ANONYMOUS"]), &Bindings::new(), false)
            .unwrap();
        client::Start::new(choice, trace, Secret::new([]), nonce("unused"))
            .start()
            .map(|(_, first)| first.unwrap())
    };
    for (trace, heard) in [("", None), ("sirhc", Some("sirhc".to_owned()))] {
        let first = traced(trace).unwrap();
        let step = server_for(Mechanism::Anonymous).step(first.as_bytes());
        assert_eq!(step, ServerStep::Anonymous { trace: heard });
    }
    assert_eq!(traced("a\nb"), Err(ClientError::Username));
    let step = server_for(Mechanism::Anonymous).step(b"a\nb");
    assert_eq!(step, ServerStep::Failure(SaslCondition::MalformedRequest));
    let mut server = server_for(Mechanism::Anonymous);
    let _ = server.step(b"");
    assert_eq!(server.step(b""), ServerStep::Failure(SaslCondition::MalformedRequest));
}

#[test]
fn r6120_6_5_3_01_expired_credentials_are_told_to_their_owner_only() {
    for mechanism in Mechanism::PASSWORD {
        let login = |password: &str| {
            let answer = CredentialsAnswer::Expired(keys_for(mechanism, "pencil"));
            login(client_for(mechanism, "user", password), &mut server_for(mechanism), |_| answer, untouched)
        };
        assert_eq!(login("pencil"), Outcome::ServerFailed(SaslCondition::CredentialsExpired), "{mechanism}");
        assert_eq!(login("guess"), Outcome::ServerFailed(SaslCondition::NotAuthorized), "{mechanism}");
    }
}

#[test]
fn an_account_without_keys_is_an_unknown_user() {
    for mechanism in Mechanism::PASSWORD {
        let start = client_for(mechanism, "user", "pencil");
        let outcome = login(start, &mut server_for(mechanism), |_| CredentialsAnswer::NoKeys, untouched);
        assert_eq!(outcome, Outcome::ServerFailed(SaslCondition::NotAuthorized), "{mechanism}");
    }
}

/// So that keys which the account lacks can be made of it.
#[test]
fn a_password_is_handed_out_once_where_keys_are_missing_and_it_is_right() {
    let handed_out = |mechanism, password: &str, outdated| {
        let keys = keys_for(mechanism, "pencil");
        let answer = if outdated { CredentialsAnswer::Outdated(keys) } else { CredentialsAnswer::Keys(keys) };
        let mut server = server_for(mechanism);
        let outcome = login(client_for(mechanism, "user", password), &mut server, |_| answer, untouched);
        assert_eq!(matches!(outcome, Outcome::Success { .. }), password == "pencil");
        (server.take_password(), server.take_password())
    };
    let pencil = Some(Secret::new("pencil"));
    assert_eq!(handed_out(Mechanism::Plain, "pencil", true), (pencil, None));
    assert_eq!(handed_out(Mechanism::Plain, "guess", true), (None, None));
    assert_eq!(handed_out(Mechanism::Plain, "pencil", false), (None, None));
    assert_eq!(handed_out(Mechanism::ScramSha256, "pencil", true), (None, None));
}

/// XEP-0474: what was offered, what arrived, and what the server says of it.
#[test]
fn an_offer_that_was_changed_on_its_way_is_found_out() {
    let types = ["tls-exporter", "tls-server-end-point"];
    let offer = || Offer::new(["SCRAM-SHA-512", "SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"]).with_binding_types(types);
    let login = |arrived: &Offer, tamper: fn(usize, Direction, &mut Vec<u8>)| {
        let choice = Selection::new().choose(arrived, &Bindings::new(), true).unwrap();
        let mechanism = choice.mechanism();
        let start =
            client::Start::new(choice, "user", Secret::new("pencil"), nonce("client")).iterations(1..=10);
        let mut server = server::Start::new(mechanism, nonce("server"), decoy())
            .channel_binding(Bindings::new().with_exporter([1; 32]), offer())
            .start();
        let answer = CredentialsAnswer::Keys(keys_for(mechanism, "pencil"));
        super::tests::login(start.start().unwrap(), &mut server, |_| answer, tamper)
    };
    let succeeded = Outcome::Success { username: "user".to_owned(), authzid: None };
    assert_eq!(login(&offer(), untouched), succeeded);
    let plus = ["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"];
    for changed in [
        Offer::new(plus).with_binding_types(types),
        Offer::new(["SCRAM-SHA-512", plus[0], plus[1]]),
        Offer::new(["SCRAM-SHA-512", plus[0], plus[1]]).with_binding_types(["tls-unique"]),
        Offer::new(["SCRAM-SHA-512", plus[0], plus[1], "X"]).with_binding_types(types),
    ] {
        assert_eq!(
            login(&changed, untouched),
            Outcome::ClientFailed(ClientError::OfferChanged),
            "{changed:?}"
        );
    }
    // Taken out, the client cannot know; the proof is over another message then, and the server does.
    let without = |_: usize, direction: Direction, message: &mut Vec<u8>| {
        if let (Direction::ToClient, Some(at)) = (direction, text(message).find(",h=")) {
            message.truncate(at);
        }
    };
    let failed = Outcome::ServerFailed(SaslCondition::NotAuthorized);
    assert_eq!(login(&Offer::new(plus).with_binding_types(types), without), failed);
}

#[test]
fn an_offer_is_vouched_for_once_if_at_all() {
    let challenge = |offer: &Offer, message: &str| {
        let bindings = Bindings::new().with_exporter([1; 32]);
        let choice = Selection::new().choose(offer, &bindings, true).unwrap();
        let start = client::Start::new(choice, "user", Secret::new("pencil"), nonce("client"));
        let (mut client, _) = start.start().unwrap();
        client.challenge(format!("r=clientserver,s=c2FsdA==,i=4096{message}").as_bytes()).err()
    };
    let offer = Offer::new(["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"]).with_binding_types(["tls-exporter"]);
    let right = offer.protection(ScramHash::Sha1);
    assert_eq!(challenge(&offer, ""), None);
    assert_eq!(challenge(&offer, &format!(",h={right}")), None);
    assert_eq!(challenge(&offer, &format!(",x=y,h={right}")), None);
    assert_eq!(challenge(&offer, &format!(",h={right},h={right}")), Some(ClientError::Malformed));
    assert_eq!(challenge(&offer, ",h=AAAA"), Some(ClientError::OfferChanged));
    assert_eq!(challenge(&offer, ",h="), Some(ClientError::Malformed));
    // XEP-0474 section 7: a list without the type that every server has is believed only if it is vouched for.
    let odd = Offer::new(["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"]).with_binding_types(["tls-unique"]);
    assert_eq!(challenge(&odd, ""), Some(ClientError::OfferChanged));
    assert_eq!(challenge(&odd, &format!(",h={}", odd.protection(ScramHash::Sha1))), None);
}

#[cfg(feature = "digest-md5")]
#[test]
fn digest_md5_from_end_to_end() {
    let start = || {
        let only = Selection::new().mechanisms(&[Mechanism::DigestMd5]);
        let choice = only.choose(&Offer::new(["DIGEST-MD5"]), &Bindings::new(), false).unwrap();
        let start = client::Start::new(choice, "user", Secret::new("pencil"), nonce("client"));
        let (client, first) = start.domain("example.com").start().unwrap();
        assert_eq!(first, None);
        let server = server::Start::new(Mechanism::DigestMd5, nonce("server"), decoy());
        (client, server.domain("example.com").start())
    };
    let key = |password: &str| {
        let key = DigestKey::for_password("user", "example.com", &Secret::new(password)).unwrap();
        CredentialsAnswer::Digest(key)
    };
    // As far as the server's question; with an initial response, which asks for what is not supported, too.
    let asked = |initial: Option<&[u8]>| {
        let (mut client, mut server) = start();
        let ServerStep::Challenge(challenge) = server.auth(initial) else { panic!() };
        let Ok(ClientStep::Respond(response)) = client.challenge(&challenge) else { panic!() };
        assert_eq!(server.step(&response), ServerStep::DigestCredentials { username: "user".to_owned() });
        (client, server)
    };
    for initial in [None, Some(&b""[..]), Some(b"username=\"user\"")] {
        let (mut client, mut server) = asked(initial);
        let ServerStep::Challenge(proof) = server.credentials(key("pencil")) else { panic!() };
        assert_eq!(client.challenge(&proof), Ok(ClientStep::Respond(vec![])));
        let success = ServerStep::Success { username: "user".to_owned(), authzid: None, data: None };
        assert_eq!(server.step(b""), success);
        assert_eq!(client.success(None), Ok(()));
        // In a success the proof is as good.
        let (mut client, _) = asked(initial);
        assert_eq!(client.success(Some(&proof)), Ok(()));
        let (mut client, _) = asked(initial);
        assert_eq!(client.success(None), Err(ClientError::NotVerified));
    }
    assert_eq!(start().0.success(None), Err(ClientError::NotVerified));
    let scram = || keys(ScramHash::Sha256, "pencil");
    for (answer, condition) in [
        (key("guess"), SaslCondition::NotAuthorized),
        (CredentialsAnswer::Unknown, SaslCondition::NotAuthorized),
        (CredentialsAnswer::Keys(scram()), SaslCondition::NotAuthorized),
        (CredentialsAnswer::TemporaryFailure, SaslCondition::TemporaryAuthFailure),
    ] {
        assert_eq!(asked(None).1.credentials(answer), ServerStep::Failure(condition));
    }
    let (_, mut server) = asked(None);
    let _ = server.credentials(key("pencil"));
    assert_eq!(server.step(b"more"), ServerStep::Failure(SaslCondition::MalformedRequest));
}

fn mechanisms() -> impl Strategy<Value = Mechanism> {
    proptest::sample::select(&Mechanism::PASSWORD[..])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_name_and_password_agree(
        mechanism in mechanisms(),
        name in "\\PC{1,20}|[a-z,=]{1,9}",
        password in "\\PC{1,20}|[a-z,=]{1,9}",
        authzid in proptest::option::of("\\PC{1,20}|[a-z,=]{1,9}"),
    ) {
        let hash = mechanism.hash().unwrap_or(ScramHash::Sha1);
        let stored = ScramKeys::for_password(hash, &Secret::new(password.as_str()), *b"salt", 2);
        let bindings = if mechanism.is_plus() { bindings() } else { Bindings::new() };
        let secret = Secret::new(password.as_str());
        let mut start = client::Start::new(choice(mechanism, &bindings), name.as_str(), secret, nonce("c"));
        if let Some(authzid) = &authzid {
            start = start.authzid(authzid.as_str());
        }
        match (start.iterations(1..=10).start(), stored) {
            (Ok(started), Ok(keys)) => {
                let answer = CredentialsAnswer::Keys(keys);
                let outcome = login(started, &mut server_for(mechanism), |_| answer, untouched);
                let username = prepare::username(&name).unwrap();
                prop_assert_eq!(outcome, Outcome::Success { username, authzid });
            }
            (Err(error), _) => {
                prop_assert!(matches!(error, ClientError::Username | ClientError::Password));
            }
            // PLAIN presents as a query what may not be stored.
            (Ok(_), Err(error)) => prop_assert_eq!((error, mechanism), (KeyError::Password, Mechanism::Plain)),
        }
    }

    #[test]
    fn garbage_never_panics_nor_logs_in(
        mechanism in mechanisms(),
        messages in proptest::collection::vec(
            prop_oneof![
                any::<Vec<u8>>(),
                "[nyp]?,(a=[a-z=,]{0,4})?,(n=[a-z=23CD]{0,5})?,?(r=[a-z]{0,5})?(,[a-z]=[a-z]{0,2})?".prop_map(String::into_bytes),
                "[cpersivm]=[A-Za-z0-9+/=]{0,9}(,[cpersivm]=[A-Za-z0-9+/=]{0,9}){0,3}".prop_map(String::into_bytes),
            ],
            1..5,
        ),
    ) {
        let mut server = server_for(mechanism);
        let (mut client, _) = client_for(mechanism, "user", "pencil");
        for message in &messages {
            let mut step = server.step(message);
            loop {
                step = match step {
                    ServerStep::Credentials { .. } => {
                        server.credentials(CredentialsAnswer::Keys(keys_for(mechanism, "pencil")))
                    }
                    ServerStep::Derive(question) => server.derived(&question.run()),
                    ServerStep::Challenge(_) | ServerStep::Failure(_) => break,
                    other => panic!("logged in by garbage: {other:?}"),
                };
            }
            if let Ok(ClientStep::Derive(question)) = client.challenge(message) {
                client.derived(&question.run()).unwrap();
            }
        }
        if mechanism != Mechanism::Plain {
            prop_assert!(client.success(messages.last().map(Vec::as_slice)).is_err());
        }
    }
}

/// Every single byte of every message, replaced, inserted and deleted: nobody is taken for somebody
/// else, and in SCRAM nothing at all passes.
#[test]
fn no_tampered_message_logs_in() {
    for mechanism in Mechanism::PASSWORD {
        let start = || {
            let bindings = if mechanism.is_plus() { bindings() } else { Bindings::new() };
            client::Start::new(choice(mechanism, &bindings), "u,r", Secret::new("pencil"), nonce("client"))
                .authzid("other")
                .iterations(1..=10)
                .start()
                .unwrap()
        };
        let keys = keys_for(mechanism, "pencil");
        let answer = |username: &str| match username {
            "u,r" => CredentialsAnswer::Keys(keys.clone()),
            _ => CredentialsAnswer::Unknown,
        };
        let mut messages = vec![];
        let clean = login(start(), &mut server_for(mechanism), answer, |_, _, message| {
            messages.push(message.clone())
        });
        let genuine = Outcome::Success { username: "u,r".to_owned(), authzid: Some("other".to_owned()) };
        assert_eq!(clean, genuine);
        assert_eq!(messages.len(), if mechanism == Mechanism::Plain { 1 } else { 4 });
        let mut tried = 0;
        for (number, message) in messages.iter().enumerate() {
            for position in 0..=message.len() {
                for edit in 0..4 {
                    for byte in [b'A', b'B', b'=', b',', b'a', b'1', 0, 0x80] {
                        let outcome = login(start(), &mut server_for(mechanism), answer, |at, _, message| {
                            if at != number {
                                return;
                            }
                            match (edit, message.get_mut(position)) {
                                (0, Some(old)) => *old = byte,
                                (1, Some(old)) => *old ^= 1 << (byte % 8),
                                (2, Some(_)) => drop(message.remove(position)),
                                _ => message.insert(position, byte),
                            }
                        });
                        tried += 1;
                        let Outcome::Success { username, .. } = &outcome else { continue };
                        if outcome == genuine {
                            // The byte was the same already.
                            assert!(edit == 0 && message.get(position) == Some(&byte));
                        } else {
                            // PLAIN protects everything but the identity to act as.
                            assert_eq!((mechanism, username.as_str()), (Mechanism::Plain, "u,r"));
                            assert!(position <= "other".len(), "{position} {edit} {byte}");
                        }
                    }
                }
            }
        }
        assert!(tried > 500);
    }
}
