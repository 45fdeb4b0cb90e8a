use alloc::format;
use alloc::string::ToString as _;

use super::*;

const EXPORTER: &[u8] = b"ekm";

fn bindings() -> Bindings {
    Bindings::new().with_exporter(EXPORTER)
}

fn start(mechanism: Mechanism) -> Start {
    Start::new(mechanism, Nonce::new("server").unwrap(), Decoy::new([7; 32]).iterations(2))
}

fn everything() -> Offer {
    Offer::new(Mechanism::ALL.iter().map(|mechanism| mechanism.name())).with_binding_types(["tls-exporter"])
}

fn bound(mechanism: Mechanism) -> Server {
    start(mechanism).channel_binding(bindings(), everything()).start()
}

fn unbound(mechanism: Mechanism) -> Server {
    start(mechanism).start()
}

fn keys() -> ScramKeys {
    ScramKeys::for_password(ScramHash::Sha1, &Secret::new("pencil"), *b"salt", 2).unwrap()
}

fn failure(step: ServerStep) -> Option<SaslCondition> {
    match step {
        ServerStep::Failure(condition) => Some(condition),
        _ => None,
    }
}

/// How a client that knows the password answers, with this value of `c` and this nonce.
fn response(first_bare: &str, server_first: &str, channel_binding: &str, nonce: &str) -> String {
    let without_proof = scram::without_proof(channel_binding, nonce);
    let auth_message = format!("{first_bare},{server_first},{without_proof}");
    let client_key = super::super::keys::client_key(&keys().question(Secret::new("pencil")).run());
    let proof = client_key.digest().hmac(&[auth_message.as_bytes()]).xor(&client_key);
    scram::client_final(&without_proof, proof.as_slice())
}

/// Runs a whole exchange that starts with this header.
fn exchange(mut server: Server, gs2_header: &str, channel_binding: &str, nonce: &str) -> ServerStep {
    let first_bare = "n=user,r=client";
    match server.step(format!("{gs2_header}{first_bare}").as_bytes()) {
        ServerStep::Credentials { .. } => {}
        other => return other,
    }
    let step = server.credentials(CredentialsAnswer::Keys(keys()));
    let ServerStep::Challenge(server_first) = step else { panic!() };
    let server_first = core::str::from_utf8(&server_first).unwrap();
    assert!(server_first.starts_with("r=clientserver,s=c2FsdA==,i=2"), "{server_first}");
    server.step(response(first_bare, server_first, channel_binding, nonce).as_bytes())
}

fn accepted(step: ServerStep) -> bool {
    matches!(step, ServerStep::Success { .. })
}

/// RFC 5802 section 6, every flag with and without `-PLUS`, offered or not.
#[test]
fn channel_binding_flags_are_read_to_the_letter() {
    use Mechanism::{ScramSha1, ScramSha1Plus};
    let c = |header: &str, data: &[u8]| scram::channel_binding(header, data);
    let run = |server, header: &str, data: &[u8]| exchange(server, header, &c(header, data), "clientserver");

    assert!(accepted(run(unbound(ScramSha1), "n,,", b"")));
    assert!(accepted(run(bound(ScramSha1), "n,,", b"")));
    assert!(accepted(run(unbound(ScramSha1), "y,,", b"")));
    // The client was shown a list without -PLUS, and that was not the server's.
    assert_eq!(failure(run(bound(ScramSha1), "y,,", b"")), Some(SaslCondition::NotAuthorized));
    assert!(accepted(run(bound(ScramSha1Plus), "p=tls-exporter,,", EXPORTER)));

    for header in ["n,,", "y,,"] {
        assert_eq!(failure(run(bound(ScramSha1Plus), header, b"")), Some(SaslCondition::MalformedRequest));
    }
    for server in [bound(ScramSha1), unbound(ScramSha1)] {
        let step = run(server, "p=tls-exporter,,", EXPORTER);
        assert_eq!(failure(step), Some(SaslCondition::MalformedRequest));
    }
    for kind in ["tls-server-end-point", "tls-unique", "TLS-EXPORTER", "x"] {
        let step = run(bound(ScramSha1Plus), &format!("p={kind},,"), EXPORTER);
        assert_eq!(failure(step), Some(SaslCondition::NotAuthorized), "{kind}");
    }
    let step = run(unbound(ScramSha1Plus), "p=tls-exporter,,", EXPORTER);
    assert_eq!(failure(step), Some(SaslCondition::NotAuthorized));
}

#[test]
fn the_binding_is_verified_even_with_the_right_proof() {
    let c = |header: &str, data: &[u8]| scram::channel_binding(header, data);
    let plus =
        |value: &str| exchange(bound(Mechanism::ScramSha1Plus), "p=tls-exporter,,", value, "clientserver");
    assert!(accepted(plus(&c("p=tls-exporter,,", EXPORTER))));
    let wrong = [
        c("p=tls-exporter,,", b"another connection"),
        c("p=tls-exporter,,", b""),
        c("p=tls-server-end-point,,", EXPORTER),
        c("n,,", b""),
        c("p=tls-exporter,a=x,", EXPORTER),
        String::new(),
    ];
    for value in wrong {
        assert_eq!(failure(plus(&value)), Some(SaslCondition::NotAuthorized), "{value}");
    }
    // Without -PLUS, the header is protected the same way.
    let value = c("y,,", b"");
    let step = exchange(unbound(Mechanism::ScramSha1), "n,,", &value, "clientserver");
    assert_eq!(failure(step), Some(SaslCondition::NotAuthorized));
    let step = exchange(unbound(Mechanism::ScramSha1), "n,a=x,", "biws", "clientserver");
    assert_eq!(failure(step), Some(SaslCondition::NotAuthorized));
}

#[test]
fn the_nonce_is_verified_even_with_the_right_proof() {
    for nonce in ["client", "clientserve", "clientserver2", "Clientserver", "server"] {
        let step = exchange(unbound(Mechanism::ScramSha1), "n,,", "biws", nonce);
        assert_eq!(failure(step), Some(SaslCondition::NotAuthorized), "{nonce}");
    }
}

#[test]
fn a_proof_of_another_length_is_malformed() {
    for proof in ["", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="] {
        let mut server = unbound(Mechanism::ScramSha1);
        let _ = server.step(b"n,,n=user,r=client");
        let _ = server.credentials(CredentialsAnswer::Keys(keys()));
        let step = server.step(format!("c=biws,r=clientserver,p={proof}").as_bytes());
        assert_eq!(failure(step), Some(SaslCondition::MalformedRequest), "{proof}");
    }
}

#[test]
fn r6120_6_5_8_01_what_breaks_the_grammar_is_malformed() {
    for message in
        [&b""[..], b"n,,n=user", b"n,,n=us=er,r=c", b"m=x,n,,n=user,r=c", b"n,,m=x,n=user,r=c", b"\xff"]
    {
        let step = unbound(Mechanism::ScramSha256).step(message);
        assert_eq!(failure(step), Some(SaslCondition::MalformedRequest), "{message:?}");
    }
    for message in
        [&b""[..], b"user\0pencil", b"\0user\0pencil\0", b"\0\0pencil", b"\0user\0", b"\0\xff\0pencil"]
    {
        let step = unbound(Mechanism::Plain).step(message);
        assert_eq!(failure(step), Some(SaslCondition::MalformedRequest), "{message:?}");
    }
}

#[test]
fn names_and_passwords_that_cannot_be_prepared_are_nobody() {
    for name in ["\u{ad}", "a\u{7}", "\u{627}1"] {
        let scram = unbound(Mechanism::ScramSha1).step(format!("n,,n={name},r=c").as_bytes());
        assert_eq!(failure(scram), Some(SaslCondition::NotAuthorized), "{name:?}");
        let plain = unbound(Mechanism::Plain).step(format!("\0{name}\0pencil").as_bytes());
        assert_eq!(failure(plain), Some(SaslCondition::NotAuthorized), "{name:?}");
        let plain = unbound(Mechanism::Plain).step(format!("\0user\0{name}").as_bytes());
        assert_eq!(failure(plain), Some(SaslCondition::NotAuthorized), "{name:?}");
    }
}

#[test]
fn r6120_6_3_10_03_a_missing_initial_response_is_asked_for() {
    for (mechanism, first) in
        [(Mechanism::Plain, "\0user\0pencil"), (Mechanism::ScramSha1, "n,,n=user,r=client")]
    {
        let mut server = unbound(mechanism);
        assert_eq!(server.auth(None), ServerStep::Challenge(Vec::new()));
        assert!(matches!(server.step(first.as_bytes()), ServerStep::Credentials { .. }));
        let mut server = unbound(mechanism);
        assert!(matches!(server.auth(Some(first.as_bytes())), ServerStep::Credentials { .. }));
        // An empty initial response is one, and not a good one.
        assert_eq!(failure(unbound(mechanism).auth(Some(b""))), Some(SaslCondition::MalformedRequest));
    }
}

/// RFC 4616 section 4: who may act for whom is not the mechanism's to say.
#[test]
fn plain_hands_out_the_authorization_identity() {
    let mut server = unbound(Mechanism::Plain);
    let step = server.step(b"Ursel\0Kurt\0xipj3plmq");
    assert_eq!(step, ServerStep::Credentials { username: "Kurt".to_string(), hash: None });
    let keys = ScramKeys::for_password(ScramHash::Sha1, &Secret::new("xipj3plmq"), *b"salt", 2).unwrap();
    let ServerStep::Derive(question) = server.credentials(CredentialsAnswer::Keys(keys)) else { panic!() };
    assert_eq!((question.hash(), question.salt(), question.iterations()), (ScramHash::Sha1, &b"salt"[..], 2));
    assert_eq!(question.secret(), &Secret::new("xipj3plmq"));
    let success =
        ServerStep::Success { username: "Kurt".to_string(), authzid: Some("Ursel".to_string()), data: None };
    assert_eq!(server.derived(&question.run()), success);
}

#[test]
fn the_fake_salt_is_stable_and_fits_in() {
    let decoy = Decoy::new([7; 32]).iterations(9000).salt_len(12);
    let salt = |decoy: &Decoy, hash, name| decoy.keys(hash, name).salt().to_vec();
    let of_nobody = salt(&decoy, ScramHash::Sha1, "nobody");
    assert_eq!(of_nobody, salt(&decoy.clone(), ScramHash::Sha1, "nobody"));
    assert_eq!(of_nobody.len(), 12);
    assert_eq!(decoy.keys(ScramHash::Sha1, "nobody").iterations(), 9000);
    assert_ne!(of_nobody, salt(&decoy, ScramHash::Sha1, "nobody2"));
    assert_ne!(of_nobody, salt(&decoy, ScramHash::Sha256, "nobody"));
    assert_ne!(of_nobody, salt(&Decoy::new([8; 32]).salt_len(12), ScramHash::Sha1, "nobody"));
    for (asked, given) in [(0, 1), (1, 1), (2, 2), (31, 31), (32, 32), (33, 32)] {
        assert_eq!(salt(&decoy.clone().salt_len(asked), ScramHash::Sha256, "x").len(), given);
    }
    assert_eq!(decoy.clone().iterations(0).keys(ScramHash::Sha1, "x").iterations(), 1);
}

#[test]
fn plain_of_an_unknown_user_derives_like_the_accounts() {
    let decoy = Decoy::new([7; 32]).hash(ScramHash::Sha1).iterations(3);
    let mut server = Start::new(Mechanism::Plain, Nonce::new("n").unwrap(), decoy).start();
    let _ = server.step(b"\0nobody\0pencil");
    let ServerStep::Derive(question) = server.credentials(CredentialsAnswer::Unknown) else { panic!() };
    assert_eq!((question.hash(), question.iterations(), question.salt().len()), (ScramHash::Sha1, 3, 16));
    assert_eq!(failure(server.derived(&question.run())), Some(SaslCondition::NotAuthorized));
}

#[test]
fn nobody_has_a_password() {
    // Even the key that a decoy is made of would not do.
    let account = Account::nobody(Decoy::new([7; 32]).keys(ScramHash::Sha1, "nobody"));
    assert_eq!(account.judge(&account.keys.stored_key), Err(SaslCondition::NotAuthorized));
}

#[test]
fn what_is_not_awaited_fails_and_ends_it() {
    let salted = keys().question(Secret::new("pencil")).run();
    let first = b"n,,n=user,r=client";

    let mut early = unbound(Mechanism::ScramSha1);
    let _ = early.step(first);
    assert_eq!(failure(early.step(b"c=biws,r=client,p=AA==")), Some(SaslCondition::MalformedRequest));
    assert_eq!(
        failure(early.credentials(CredentialsAnswer::Keys(keys()))),
        Some(SaslCondition::TemporaryAuthFailure)
    );

    let mut unasked = unbound(Mechanism::ScramSha1);
    let step = unasked.credentials(CredentialsAnswer::Keys(keys()));
    assert_eq!(failure(step), Some(SaslCondition::TemporaryAuthFailure));
    assert_eq!(failure(unasked.step(first)), Some(SaslCondition::MalformedRequest));
    assert_eq!(failure(unasked.auth(None)), Some(SaslCondition::MalformedRequest));

    let mut underived = unbound(Mechanism::ScramSha1);
    assert_eq!(failure(underived.derived(&salted)), Some(SaslCondition::TemporaryAuthFailure));

    let mut plain = unbound(Mechanism::Plain);
    let _ = plain.step(b"\0user\0pencil");
    let _ = plain.credentials(CredentialsAnswer::Keys(keys()));
    let other = SaltedPassword::new(ScramHash::Sha256, &[1; 32]).unwrap();
    assert_eq!(failure(plain.derived(&other)), Some(SaslCondition::TemporaryAuthFailure));
    assert_eq!(failure(plain.derived(&salted)), Some(SaslCondition::TemporaryAuthFailure));

    let mut done = unbound(Mechanism::ScramSha1);
    let _ = done.step(first);
    let _ = done.credentials(CredentialsAnswer::Keys(keys()));
    let last = response("n=user,r=client", "r=clientserver,s=c2FsdA==,i=2", "biws", "clientserver");
    assert!(accepted(done.step(last.as_bytes())));
    assert_eq!(failure(done.step(last.as_bytes())), Some(SaslCondition::MalformedRequest));
}

#[test]
fn debug_shows_no_secret() {
    let shown = format!("{:?}", start(Mechanism::Plain).channel_binding(bindings(), everything()));
    assert!(shown.contains("exporter: true") && !shown.contains("107"), "{shown}");
    assert_eq!(
        format!("{:?}", Decoy::new([7; 32])),
        "Decoy { hash: Sha256, iterations: 4096, salt_len: 16, .. }"
    );
    let mut server = unbound(Mechanism::Plain);
    assert_eq!(format!("{server:?}"), "Server(\"AwaitFirst\")");
    let _ = server.step(b"\0user\0pencil");
    assert_eq!(format!("{server:?}"), "Server(\"AwaitPlainKeys\")");
    let step = server.credentials(CredentialsAnswer::Keys(keys()));
    assert_eq!(format!("{server:?}"), "Server(\"AwaitDerived\")");
    assert!(!format!("{step:?} {:?}", CredentialsAnswer::Keys(keys())).contains("pencil"));
}
