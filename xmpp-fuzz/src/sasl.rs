//! Both ends of every SASL mechanism, fed with messages that the other end may never have sent.

use xmpp_core::sasl::client::{self, ClientStep};
use xmpp_core::sasl::server::{self, CredentialsAnswer, Decoy, ServerStep};
use xmpp_core::sasl::{
    Bindings, DigestKey, Mechanism, Nonce, Offer, PlainPolicy, ScramHash, ScramKeys, Secret, Selection,
};

/// Of no text that a fuzzer is likely to come by.
const PASSWORD: &str = "\u{16a0}uncommon\u{16a0}";

/// The first line names the mechanism, and each line after it is a message: to a server, and to a client as challenge, the last one as success
/// too. Nobody who does not know the password logs in or is believed.
pub(crate) fn sasl(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let name = lines.next().and_then(|line| core::str::from_utf8(line).ok()).unwrap_or_default();
    let Some(mechanism) = Mechanism::from_name(name) else { return };
    let messages: Vec<&[u8]> = lines.collect();
    serve(mechanism, &messages);
    ask(mechanism, &messages);
}

fn bindings() -> Bindings {
    Bindings::new().with_exporter([1; 32])
}

fn offer(mechanism: Mechanism) -> Offer {
    Offer::new([mechanism.name()])
}

fn nonce() -> Nonce {
    Nonce::from_random([7; 24])
}

fn keys(hash: ScramHash) -> ScramKeys {
    ScramKeys::for_password(hash, &Secret::new(PASSWORD), [3; 16], 1)
        .unwrap_or_else(|error| panic!("{error}"))
}

fn serve(mechanism: Mechanism, messages: &[&[u8]]) {
    let start = server::Start::new(mechanism, nonce(), Decoy::new([7; 32]).iterations(1));
    let mut server = start.channel_binding(bindings(), offer(mechanism)).domain("example.com").start();
    for (index, message) in messages.iter().enumerate() {
        let mut step = if index == 0 { server.auth(Some(message)) } else { server.step(message) };
        loop {
            step = match step {
                ServerStep::Credentials { hash, .. } => {
                    server.credentials(CredentialsAnswer::Outdated(keys(hash.unwrap_or(ScramHash::Sha1))))
                }
                ServerStep::DigestCredentials { username } => {
                    let key = DigestKey::for_password(&username, "example.com", &Secret::new(PASSWORD));
                    server.credentials(key.map_or(CredentialsAnswer::Unknown, CredentialsAnswer::Digest))
                }
                ServerStep::Derive(question) => server.derived(&question.run()),
                ServerStep::Challenge(_) => break,
                ServerStep::External { .. } | ServerStep::Anonymous { .. } => {
                    assert!(matches!(mechanism, Mechanism::External | Mechanism::Anonymous));
                    return;
                }
                ServerStep::Failure(_) => {
                    assert!(matches!(server.step(message), ServerStep::Failure(_)), "a second life");
                    return;
                }
                ServerStep::Success { username, .. } => panic!("{username} logged in by {mechanism}"),
            };
        }
    }
}

fn ask(mechanism: Mechanism, messages: &[&[u8]]) {
    let only = Selection::new().mechanisms(&[mechanism]).plain(PlainPolicy::Always);
    let Ok(choice) = only.choose(&offer(mechanism), &bindings(), true) else {
        panic!("{mechanism} is not chosen")
    };
    let start =
        || client::Start::new(choice.clone(), "juliet", Secret::new(PASSWORD), nonce()).domain("example.com");
    let Ok((mut client, _)) = start().iterations(1..=10).start() else {
        panic!("{mechanism} does not start")
    };
    for message in messages {
        match client.challenge(message) {
            Ok(ClientStep::Respond(_)) => {}
            Ok(ClientStep::Derive(question)) => {
                assert!(client.derived(&question.run()).is_ok());
            }
            Err(_) => break,
        }
    }
    let believed = client.success(messages.last().copied()).is_ok();
    let proves_nothing = matches!(mechanism, Mechanism::Plain | Mechanism::External | Mechanism::Anonymous);
    assert!(!believed || proves_nothing, "{mechanism} believed {messages:?}");
}
