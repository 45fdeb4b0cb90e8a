use alloc::format;
use alloc::string::ToString as _;
use alloc::vec;

use super::super::{BindingKind, Bindings, MAX_USERNAME, Mechanism, Offer, Selection};
use super::*;

fn choice(mechanism: Mechanism) -> Choice {
    Selection::new().choose(&Offer::new([mechanism.name()]), &Bindings::new(), true).unwrap()
}

fn start(mechanism: Mechanism) -> Start {
    Start::new(choice(mechanism), "user", Secret::new("pencil"), Nonce::new("client").unwrap())
}

fn scram() -> Client {
    start(Mechanism::ScramSha1).start().unwrap().0
}

/// Takes a well-formed challenge as far as the derivation.
fn asked() -> (Client, DeriveKey) {
    let mut client = scram();
    match client.challenge(b"r=clientserver,s=c2FsdA==,i=4096") {
        Ok(ClientStep::Derive(question)) => (client, question),
        other => panic!("{other:?}"),
    }
}

/// Takes it as far as the response, and knows what the server has to say.
fn responded() -> (Client, Vec<u8>) {
    let (mut client, question) = asked();
    client.derived(&question.run()).unwrap();
    let State::AwaitServerFinal(signature) = &client.state else { panic!("{client:?}") };
    let server_final = scram::server_final(signature.as_slice()).into_bytes();
    (client, server_final)
}

#[test]
fn a_nonce_that_does_not_extend_its_own_is_refused() {
    for nonce in ["client", "clien", "Clientserver", "server", "serverclient", "c"] {
        let message = format!("r={nonce},s=c2FsdA==,i=4096");
        assert_eq!(scram().challenge(message.as_bytes()), Err(ClientError::ServerNonce), "{nonce}");
    }
    assert!(scram().challenge(b"r=clientX,s=c2FsdA==,i=4096").is_ok());
}

#[test]
fn an_empty_salt_is_refused() {
    assert_eq!(scram().challenge(b"r=clientserver,s=,i=4096"), Err(ClientError::Salt));
    assert!(scram().challenge(b"r=clientserver,s=AA==,i=4096").is_ok());
}

#[test]
fn iterations_outside_the_limits_are_refused() {
    let cases = [
        (1, false),
        (4095, false),
        (4096, true),
        (4097, true),
        (999_999, true),
        (1_000_000, true),
        (1_000_001, false),
    ];
    for (iterations, taken) in cases {
        let step = scram().challenge(format!("r=clientserver,s=c2FsdA==,i={iterations}").as_bytes());
        match step {
            Ok(ClientStep::Derive(question)) if taken => assert_eq!(question.iterations(), iterations),
            other => assert_eq!((other, taken), (Err(ClientError::Iterations), false), "{iterations}"),
        }
    }
    for iterations in ["4294967296", "99999999999999999999999"] {
        let message = format!("r=clientserver,s=c2FsdA==,i={iterations}");
        assert_eq!(scram().challenge(message.as_bytes()), Err(ClientError::Iterations));
    }
    let (mut client, _) = start(Mechanism::ScramSha1).iterations(5..=5).start().unwrap();
    assert!(client.challenge(b"r=clientserver,s=c2FsdA==,i=5").is_ok());
}

#[test]
fn mandatory_extensions_are_refused() {
    assert_eq!(scram().challenge(b"m=x,r=clientserver,s=c2FsdA==,i=4096"), Err(ClientError::Extension));
    assert_eq!(scram().challenge(b"r=clientserver,s=c2FsdA==,i=4096,m=x"), Err(ClientError::Extension));
    let (mut client, mut server_final) = responded();
    server_final.extend(b",m=x");
    assert_eq!(client.success(Some(&server_final)), Err(ClientError::Extension));
    // RFC 5802 section 5.1: optional ones are ignored.
    assert!(scram().challenge(b"r=clientserver,s=c2FsdA==,i=4096,x=y").is_ok());
}

#[test]
fn r6120_6_3_10_03_the_signature_comes_with_the_success_or_before() {
    let (mut client, server_final) = responded();
    assert_eq!(client.success(Some(&server_final)), Ok(()));

    for empty in [None, Some(&b""[..])] {
        let (mut client, server_final) = responded();
        assert_eq!(client.challenge(&server_final), Ok(ClientStep::Respond(vec![])));
        assert_eq!(client.success(empty), Ok(()));
    }
    // Said twice is not what the mechanism has.
    let (mut client, server_final) = responded();
    assert!(client.challenge(&server_final).is_ok());
    assert_eq!(client.success(Some(&server_final)), Err(ClientError::OutOfOrder));
}

#[test]
fn a_missing_signature_is_refused() {
    let (mut client, _) = responded();
    assert_eq!(client.success(None), Err(ClientError::NotVerified));
    let (mut client, _) = responded();
    assert_eq!(client.success(Some(b"")), Err(ClientError::Malformed));
    // Too early altogether.
    assert_eq!(scram().success(None), Err(ClientError::NotVerified));
    assert_eq!(scram().success(Some(b"v=AA==")), Err(ClientError::NotVerified));
    assert_eq!(asked().0.success(None), Err(ClientError::NotVerified));
}

#[test]
fn a_wrong_signature_is_refused_in_success_and_in_challenge() {
    let (_, right) = responded();
    let wrong = |position: usize| {
        let mut wrong = right.clone();
        wrong[position] = if wrong[position] == b'A' { b'B' } else { b'A' };
        wrong
    };
    // The last character but the padding carries two bits of nothing.
    for position in 2..right.len() - 2 {
        for (mut client, challenge) in [(responded().0, false), (responded().0, true)] {
            let wrong = wrong(position);
            let result =
                if challenge { client.challenge(&wrong).map(|_| ()) } else { client.success(Some(&wrong)) };
            assert_eq!(result, Err(ClientError::ServerSignature), "{position}");
        }
    }
    // Empty, shorter, and longer ones.
    for wrong in ["v=", "v=AAAA", "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        assert_eq!(responded().0.success(Some(wrong.as_bytes())), Err(ClientError::ServerSignature));
    }
}

#[test]
fn an_error_of_the_server_is_reported_as_such() {
    let error = ClientError::Server(ServerError::InvalidProof);
    assert_eq!(responded().0.success(Some(b"e=invalid-proof")), Err(error));
    assert_eq!(responded().0.challenge(b"e=invalid-proof"), Err(error));
    let other = ClientError::Server(ServerError::OtherError);
    assert_eq!(responded().0.challenge(b"e=tea-time,x=y"), Err(other));
    assert_eq!(other.to_string(), "the server reports other-error");
}

#[test]
fn messages_out_of_order_are_refused() {
    let first = b"r=clientserver,s=c2FsdA==,i=4096";
    assert_eq!(asked().0.challenge(first), Err(ClientError::OutOfOrder));
    // A second first message is no final one.
    assert_eq!(responded().0.challenge(first), Err(ClientError::Malformed));
    assert_eq!(scram().challenge(b""), Err(ClientError::Malformed));
    assert_eq!(scram().challenge(b"v=AA=="), Err(ClientError::Malformed));

    let (mut client, server_final) = responded();
    assert!(client.challenge(&server_final).is_ok());
    assert_eq!(client.challenge(&server_final), Err(ClientError::OutOfOrder));

    let (mut client, server_final) = responded();
    assert_eq!(client.success(Some(&server_final)), Ok(()));
    assert_eq!(client.success(Some(&server_final)), Err(ClientError::OutOfOrder));
}

#[test]
fn after_an_error_nothing_is_taken() {
    let mut client = scram();
    assert_eq!(client.challenge(b"r=clientserver,s=,i=4096"), Err(ClientError::Salt));
    assert_eq!(client.challenge(b"r=clientserver,s=c2FsdA==,i=4096"), Err(ClientError::OutOfOrder));
    assert_eq!(client.success(None), Err(ClientError::OutOfOrder));

    let (mut client, server_final) = responded();
    assert_eq!(client.challenge(b"v=AAAA"), Err(ClientError::ServerSignature));
    assert_eq!(client.success(Some(&server_final)), Err(ClientError::OutOfOrder));
}

#[test]
fn an_unasked_key_changes_nothing() {
    let sha1 = SaltedPassword::new(ScramHash::Sha1, &[1; 20]).unwrap();
    let mut client = scram();
    assert_eq!(client.derived(&sha1), Err(ClientError::NotAsked));
    assert!(client.challenge(b"r=clientserver,s=c2FsdA==,i=4096").is_ok());
    let sha256 = SaltedPassword::new(ScramHash::Sha256, &[1; 32]).unwrap();
    assert_eq!(client.derived(&sha256), Err(ClientError::NotAsked));
    assert!(client.derived(&sha1).is_ok());
    assert_eq!(client.derived(&sha1), Err(ClientError::NotAsked));
}

#[test]
fn a_kept_salted_password_answers_as_well() {
    let (mut client, question) = asked();
    let kept = SaltedPassword::new(ScramHash::Sha1, question.run().as_bytes()).unwrap();
    let (mut other, question) = asked();
    assert_eq!(client.derived(&kept), other.derived(&question.run()));
}

/// RFC 4616 has one message; nothing may come back but the outcome.
#[test]
fn plain_takes_no_challenge_and_no_data() {
    let plain = || start(Mechanism::Plain).start().unwrap().0;
    assert_eq!(plain().challenge(b""), Err(ClientError::OutOfOrder));
    assert_eq!(plain().success(Some(b"x")), Err(ClientError::OutOfOrder));
    assert_eq!(plain().success(Some(b"")), Ok(()));
    let mut client = plain();
    assert_eq!(client.success(None), Ok(()));
    assert_eq!(client.success(None), Err(ClientError::OutOfOrder));
}

/// RFC 4616 section 4.
#[test]
fn the_examples_of_rfc_4616() {
    let nonce = || Nonce::new("unused").unwrap();
    let start = Start::new(choice(Mechanism::Plain), "tim", Secret::new("tanstaaftanstaaf"), nonce());
    assert_eq!(start.start().unwrap().1.unwrap().as_bytes(), b"\0tim\0tanstaaftanstaaf");
    let start =
        Start::new(choice(Mechanism::Plain), "Kurt", Secret::new("xipj3plmq"), nonce()).authzid("Ursel");
    assert_eq!(start.start().unwrap().1.unwrap().as_bytes(), b"Ursel\0Kurt\0xipj3plmq");
}

#[test]
fn the_first_message_says_what_was_chosen() {
    let bindings = Bindings::new().with_end_point(*b"cert");
    let first = |offered: &[&str], bindings: &Bindings, tls| {
        let choice = Selection::new().choose(&Offer::new(offered.iter().copied()), bindings, tls).unwrap();
        let start = Start::new(choice, "u", Secret::new("p"), Nonce::new("c").unwrap());
        start.start().unwrap().1.unwrap()
    };
    let plain = ["SCRAM-SHA-1"];
    let plus = ["SCRAM-SHA-1", "SCRAM-SHA-1-PLUS"];
    assert_eq!(first(&plain, &Bindings::new(), true).as_bytes(), b"n,,n=u,r=c");
    assert_eq!(first(&plain, &bindings, true).as_bytes(), b"y,,n=u,r=c");
    assert_eq!(first(&plus, &bindings, true).as_bytes(), b"p=tls-server-end-point,,n=u,r=c");
    let exporter = bindings.clone().with_exporter(*b"ekm");
    assert_eq!(first(&plus, &exporter, true).as_bytes(), b"p=tls-exporter,,n=u,r=c");
    assert_eq!(first(&plus, &Bindings::new(), true).as_bytes(), b"n,,n=u,r=c");
    assert_eq!(exporter.get(BindingKind::TlsServerEndPoint), Some(&b"cert"[..]));
}

/// RFC 5802 section 5.1, `c`: the header and the data, in base64.
#[test]
fn the_second_message_holds_the_binding() {
    let bindings = Bindings::new().with_exporter(*b"ekm");
    let choice = Selection::new().choose(&Offer::new(["SCRAM-SHA-1-PLUS"]), &bindings, true).unwrap();
    let nonce = Nonce::new("client").unwrap();
    let (mut client, _) = Start::new(choice, "u", Secret::new("p"), nonce).authzid("a,b").start().unwrap();
    let Ok(ClientStep::Derive(question)) = client.challenge(b"r=clientserver,s=c2FsdA==,i=4096") else {
        panic!()
    };
    let response = client.derived(&question.run()).unwrap();
    // p=tls-exporter,a=a=2Cb,ekm
    let expected = b"c=cD10bHMtZXhwb3J0ZXIsYT1hPTJDYixla20=,r=clientserver,p=";
    assert!(response.starts_with(expected), "{}", std::string::String::from_utf8_lossy(&response));
}

#[test]
fn what_cannot_be_sent_is_refused_at_the_start() {
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha256] {
        let refused = |name: &str, password: &[u8], authzid: Option<&str>| {
            let secret = Secret::new(password);
            let mut start = Start::new(choice(mechanism), name, secret, Nonce::new("c").unwrap());
            if let Some(authzid) = authzid {
                start = start.authzid(authzid);
            }
            start.start().err()
        };
        assert_eq!(refused("u", b"p", Some("a")), None);
        for name in ["", "\u{ad}", "a\0b", "a\u{7}", &"x".repeat(MAX_USERNAME + 1)] {
            assert_eq!(refused(name, b"p", None), Some(ClientError::Username), "{name:?}");
        }
        for password in [&b""[..], b"\xff", b"a\0b", "\u{ad}".as_bytes()] {
            assert_eq!(refused("u", password, None), Some(ClientError::Password), "{password:?}");
        }
        for (over, taken) in [(0, true), (1, true), (2, false)] {
            let authzid = "x".repeat(MAX_AUTHZID - 1 + over);
            assert_eq!(refused("u", b"p", Some(&authzid)).is_none(), taken);
        }
        for authzid in ["", "a\0b"] {
            assert_eq!(refused("u", b"p", Some(authzid)), Some(ClientError::Authzid), "{authzid:?}");
        }
    }
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", start(Mechanism::ScramSha1));
    assert!(shown.contains("user") && !shown.contains("pencil"), "{shown}");
    let (client, first) = start(Mechanism::Plain).start().unwrap();
    assert_eq!(format!("{client:?} {first:?}"), "Client(\"Said\") Some(Secret(..))");
    assert_eq!(format!("{:?}", scram()), "Client(\"AwaitServerFirst\")");
    let (client, question) = asked();
    assert_eq!(format!("{client:?}"), "Client(\"AwaitDerived\")");
    assert!(!format!("{:?}", ClientStep::Derive(question)).contains("pencil"));
    assert_eq!(format!("{:?}", responded().0), "Client(\"AwaitServerFinal\")");
}
