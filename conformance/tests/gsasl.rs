//! Our SASL machines against GNU SASL, each as client and as server.

#![allow(clippy::expect_used, clippy::panic)]

use xmpp_conformance::peers::{self, Exchange, Failure, Gsasl, Login, Role};
use xmpp_core::sasl::{
    Bindings, DigestKey, Mechanism, Nonce, Offer, SaslCondition, ScramKeys, Secret, Selection,
    client::{self, ClientError, ClientStep},
    server::{self, CredentialsAnswer, Decoy, ServerStep},
};

const DOMAIN: &str = "montague.example";
/// Awkward for SCRAM, which escapes, and for DIGEST-MD5, which quotes and hashes
/// what ISO 8859-1 has as such (RFC 2831 section 2.1.2.1). In names GNU SASL does
/// neither: what would tell is left to the password.
const ROMEO: Login<'static> =
    Login { name: "ro,meo=1", password: "wherefore, art=\"thou\"\\ r\u{f6}se", domain: DOMAIN };
/// With a name and a password that ISO 8859-1 has not.
const JULIET: Login<'static> = Login { name: "\u{436}\u{436}", password: "\u{2764} \u{416}", domain: DOMAIN };

const MECHANISMS: [Mechanism; 3] = [Mechanism::ScramSha1, Mechanism::ScramSha256, Mechanism::DigestMd5];

fn every_pair() -> impl Iterator<Item = (Mechanism, Login<'static>)> {
    MECHANISMS.into_iter().flat_map(|mechanism| [(mechanism, ROMEO), (mechanism, JULIET)])
}

fn nonce() -> Nonce {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    Nonce::from_random(bytes)
}

/// Why there was no success.
#[derive(Debug)]
#[expect(dead_code, reason = "an assertion that fails prints them")]
enum Refusal {
    /// GNU SASL went away, or does not believe us.
    Theirs(Failure),
    /// Our client does not believe the server.
    Client(ClientError),
    /// Our server does not believe the client.
    Server(SaslCondition),
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self::Theirs(failure)
    }
}

impl From<ClientError> for Refusal {
    fn from(error: ClientError) -> Self {
        Self::Client(error)
    }
}

/// Our client proves itself to `gsasl`, and `gsasl` to it.
fn as_client(mut gsasl: Exchange, mechanism: Mechanism, login: Login<'_>) -> Result<(), Refusal> {
    let selection = Selection::new().mechanisms(&[mechanism]);
    let offer = Offer::new([mechanism.name()]);
    let choice = selection.choose(&offer, &Bindings::new(), true).expect("it is offered");
    let start = client::Start::new(choice, login.name, Secret::new(login.password), nonce());
    let (mut client, mut first) = start.domain(login.domain).start()?;
    loop {
        let challenge = gsasl.says()?;
        let response = match first.take() {
            Some(first) => {
                assert!(challenge.is_empty(), "it is ours to start");
                first.as_bytes().to_vec()
            }
            None => match client.challenge(&challenge)? {
                ClientStep::Respond(response) => response,
                ClientStep::Derive(question) => client.derived(&question.run())?,
            },
        };
        gsasl.hears(&response)?;
        if response.is_empty() {
            client.success(None)?;
            return Ok(gsasl.finish()?);
        }
    }
}

/// `gsasl` proves itself to our server, and our server to it; the name it gave.
fn as_server(mut gsasl: Exchange, mechanism: Mechanism, login: Login<'_>) -> Result<String, Refusal> {
    let start = server::Start::new(mechanism, nonce(), Decoy::new([7; 32]));
    let mut server = start.domain(login.domain).start();
    let initial = gsasl.says()?;
    let mut step = server.auth((!initial.is_empty()).then_some(&initial));
    let password = Secret::new(login.password);
    loop {
        step = match step {
            ServerStep::Challenge(challenge) => {
                gsasl.hears(&challenge)?;
                server.step(&gsasl.says()?)
            }
            ServerStep::Credentials { hash, .. } => {
                let hash = hash.expect("SCRAM names its hash");
                let keys = ScramKeys::for_password(hash, &password, *b"some salt", 4096);
                server.credentials(CredentialsAnswer::Keys(keys.expect("a good password")))
            }
            ServerStep::DigestCredentials { username } => {
                let key = DigestKey::for_password(&username, login.domain, &password);
                server.credentials(CredentialsAnswer::Digest(key.expect("a good password")))
            }
            ServerStep::Success { username, data, .. } => {
                if let Some(data) = data {
                    gsasl.hears(&data)?;
                    assert!(gsasl.says()?.is_empty(), "nothing is left to say");
                }
                gsasl.hears(b"")?;
                gsasl.finish()?;
                return Ok(username);
            }
            ServerStep::Failure(condition) => return Err(Refusal::Server(condition)),
            other => panic!("{other:?}"),
        };
    }
}

#[test]
fn our_client_and_its_server() -> Result<(), Failure> {
    let Some(gsasl) = peers::wanted(Gsasl::find())? else { return Ok(()) };
    for (mechanism, login) in every_pair() {
        let exchange = gsasl.begin(Role::Server, mechanism.name(), login)?;
        let outcome = as_client(exchange, mechanism, login);
        assert!(outcome.is_ok(), "{mechanism:?} {login:?}: {outcome:?}");
    }
    Ok(())
}

#[test]
fn its_client_and_our_server() -> Result<(), Failure> {
    let Some(gsasl) = peers::wanted(Gsasl::find())? else { return Ok(()) };
    for (mechanism, login) in every_pair() {
        let exchange = gsasl.begin(Role::Client, mechanism.name(), login)?;
        let outcome = as_server(exchange, mechanism, login);
        assert!(matches!(&outcome, Ok(name) if name == login.name), "{mechanism:?} {login:?}: {outcome:?}");
    }
    Ok(())
}

#[test]
fn another_password_is_refused_by_whoever_serves() -> Result<(), Failure> {
    let Some(gsasl) = peers::wanted(Gsasl::find())? else { return Ok(()) };
    let tybalt = Login { password: "have at thee", ..ROMEO };
    for mechanism in MECHANISMS {
        let exchange = gsasl.begin(Role::Server, mechanism.name(), ROMEO)?;
        let outcome = as_client(exchange, mechanism, tybalt);
        assert!(matches!(outcome, Err(Refusal::Theirs(_))), "{mechanism:?}: {outcome:?}");

        let exchange = gsasl.begin(Role::Client, mechanism.name(), tybalt)?;
        let outcome = as_server(exchange, mechanism, ROMEO);
        let refused = matches!(outcome, Err(Refusal::Server(SaslCondition::NotAuthorized)));
        assert!(refused, "{mechanism:?}: {outcome:?}");
    }
    Ok(())
}
