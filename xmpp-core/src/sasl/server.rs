//! The receiving entity's side of an authentication.
//!
//! RFC 5802 and RFC 7677 (SCRAM), RFC 4616 (PLAIN), RFC 6120 sections 6.4 and 6.5. It looks up no
//! accounts, counts no attempts, and does not judge authorization identities: it asks, and hands
//! out. [The module's example](super) shows both sides.
//!
//! An unknown user, a wrong password and a disabled account take the same steps; the first two end
//! the same, and the third is told only to who knows the password.
//!
//! ```
//! use xmpp_core::sasl::server::{CredentialsAnswer, Decoy, ServerStep, Start};
//! use xmpp_core::sasl::{Mechanism, Nonce, SaslCondition};
//!
//! let decoy = Decoy::new([7; 32]);
//! let mut server = Start::new(Mechanism::Plain, Nonce::from_random([0; 24]), decoy).start();
//! let ServerStep::Credentials { username, hash } = server.step(b"\0nobody\0guess") else { panic!() };
//! assert_eq!((username.as_str(), hash), ("nobody", None));
//! let ServerStep::Derive(question) = server.credentials(CredentialsAnswer::Unknown) else { panic!() };
//! let end = server.derived(&question.run());
//! assert_eq!(end, ServerStep::Failure(SaslCondition::NotAuthorized));
//! ```

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::mem;

use subtle::ConstantTimeEq as _;

use crate::jid::prep::nodeprep;

use super::keys::Digest;
use super::scram::{self, ClientFinal, ClientFirst, Flag};
use super::{
    BindingKind, Bindings, DeriveKey, Mechanism, Nonce, SaltedPassword, SaslCondition, ScramHash, ScramKeys,
    Secret, plain, prepare,
};

/// What unknown users are met with: keys that no password makes, with the same salt each time, so
/// that asking twice tells nothing.
#[derive(Clone)]
pub struct Decoy {
    key: Digest,
    hash: ScramHash,
    iterations: u32,
    salt_len: usize,
}

impl Decoy {
    /// `key` is a long-lived secret of the service: were it new after a restart, salts that change
    /// would be those of unknown users.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        Self {
            key: Digest::Sha256(zeroize::Zeroizing::new(key)),
            hash: ScramHash::Sha256,
            iterations: 4096,
            salt_len: 16,
        }
    }

    /// The hash function that real accounts' keys are made with. PLAIN, where the account decides,
    /// then derives as long for unknown users.
    #[must_use]
    pub fn hash(mut self, hash: ScramHash) -> Self {
        self.hash = hash;
        self
    }

    /// The iteration count of real accounts, 4096 unless set. Zero counts as one.
    #[must_use]
    pub fn iterations(mut self, iterations: u32) -> Self {
        self.iterations = iterations.max(1);
        self
    }

    /// The length of real accounts' salts in bytes: 16 unless set, 1 to 32.
    #[must_use]
    pub fn salt_len(mut self, bytes: usize) -> Self {
        self.salt_len = bytes.clamp(1, 32);
        self
    }

    /// The decoy of one domain among those the service serves: accounts of one name on two domains have salts of
    /// their own, so the same salt on both would say that there is neither.
    #[must_use]
    pub fn domain(mut self, domain: &str) -> Self {
        self.key = self.key.hmac(&[domain.as_bytes()]);
        self
    }

    /// The same for the same name, and like an account's in all a client gets to see.
    fn keys(&self, hash: ScramHash, username: &str) -> ScramKeys {
        // However it is spelled: an account has one salt, so two salts for two spellings would say that there is none.
        let username = nodeprep(username).unwrap_or(Cow::Borrowed(username));
        let salt = self.key.hmac(&[hash.name().as_bytes(), b"|", username.as_bytes()]);
        let salt = salt.as_slice().iter().copied().take(self.salt_len).collect();
        ScramKeys::of_nobody(hash, salt, self.iterations)
    }
}

impl fmt::Debug for Decoy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoy")
            .field("hash", &self.hash)
            .field("iterations", &self.iterations)
            .field("salt_len", &self.salt_len)
            .finish_non_exhaustive()
    }
}

/// What an authentication starts from.
#[derive(Debug)]
pub struct Start {
    mechanism: Mechanism,
    nonce: Nonce,
    decoy: Decoy,
    bindings: Bindings,
    plus_offered: bool,
}

impl Start {
    /// A client asks for `mechanism`, which [`Selection::permit`](super::Selection::permit) has let
    /// pass. `nonce` is new for every authentication.
    #[must_use]
    pub fn new(mechanism: Mechanism, nonce: Nonce, decoy: Decoy) -> Self {
        Self { mechanism, nonce, decoy, bindings: Bindings::new(), plus_offered: false }
    }

    /// The channel bindings of the TLS connection, and the mechanisms that were offered on it: if a
    /// `-PLUS` is among them, a client that says it saw none was lied to (RFC 5802 section 6).
    #[must_use]
    pub fn channel_binding(mut self, bindings: Bindings, offered: &[Mechanism]) -> Self {
        self.bindings = bindings;
        self.plus_offered = offered.iter().any(|mechanism| mechanism.is_plus());
        self
    }

    /// Starts.
    #[must_use]
    pub fn start(self) -> Server {
        Server { state: State::AwaitFirst(self) }
    }
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum ServerStep {
    /// Send this challenge and hand the response to [`Server::step`].
    Challenge(Vec<u8>),
    /// Look up an account, then call [`Server::credentials`].
    Credentials {
        /// The authentication identity, prepared with SASLprep.
        username: String,
        /// The hash function the keys have to be for; `None`: any will do.
        hash: Option<ScramHash>,
    },
    /// Derive this, then call [`Server::derived`].
    Derive(DeriveKey),
    /// The client is who it says it is.
    Success {
        /// The authentication identity, prepared with SASLprep.
        username: String,
        /// The authorization identity it asks for, unescaped but not prepared: that is up to the
        /// address it is meant as. Refuse with `invalid-authzid` unless `username` may act for it.
        authzid: Option<String>,
        /// Additional data to send with the success (RFC 6120 section 6.4.6).
        data: Option<Vec<u8>>,
    },
    /// Authentication failed.
    Failure(SaslCondition),
}

/// The answer to [`ServerStep::Credentials`].
#[derive(Debug)]
#[non_exhaustive]
pub enum CredentialsAnswer {
    /// The account's keys. For SCRAM, keys of another hash function than asked for are as good as
    /// none.
    Keys(ScramKeys),
    /// No such account, or no keys for this hash function.
    Unknown,
    /// The account is disabled. Its keys are still asked for, because only its owner gets to know.
    Disabled(ScramKeys),
    /// The lookup failed.
    TemporaryFailure,
}

/// A running authentication. Once it has failed or succeeded it only fails.
pub struct Server {
    state: State,
}

enum State {
    AwaitFirst(Start),
    AwaitScramKeys(Exchange),
    AwaitClientFinal(AwaitClientFinal),
    AwaitPlainKeys(AwaitPlainKeys),
    AwaitDerived(AwaitDerived),
    Done,
}

/// What a client's first SCRAM message has settled.
struct Exchange {
    hash: ScramHash,
    identity: Identity,
    decoy: Decoy,
    /// Both parts of it.
    nonce: String,
    first_bare: String,
    /// The value of `c` that has to come.
    channel_binding: String,
}

struct Identity {
    username: String,
    authzid: Option<String>,
}

struct AwaitClientFinal {
    exchange: Exchange,
    server_first: String,
    account: Account,
}

struct AwaitPlainKeys {
    identity: Identity,
    decoy: Decoy,
    password: Secret,
}

struct AwaitDerived {
    identity: Identity,
    account: Account,
}

/// The keys to compare with, and how it ends when they match.
struct Account {
    keys: ScramKeys,
    verdict: Result<(), SaslCondition>,
}

impl Account {
    fn new(
        answer: CredentialsAnswer,
        hash: Option<ScramHash>,
        decoy: &Decoy,
        username: &str,
    ) -> Result<Self, SaslCondition> {
        // Made in every case, for the time it takes.
        let decoy = decoy.keys(hash.unwrap_or(decoy.hash), username);
        let (keys, verdict) = match answer {
            CredentialsAnswer::Keys(keys) => (keys, Ok(())),
            CredentialsAnswer::Disabled(keys) => (keys, Err(SaslCondition::AccountDisabled)),
            CredentialsAnswer::Unknown => return Ok(Self::nobody(decoy)),
            CredentialsAnswer::TemporaryFailure => return Err(SaslCondition::TemporaryAuthFailure),
        };
        let usable = hash.is_none_or(|hash| keys.hash() == hash);
        Ok(if usable { Self { keys, verdict } } else { Self::nobody(decoy) })
    }

    fn nobody(decoy: ScramKeys) -> Self {
        Self { keys: decoy, verdict: Err(SaslCondition::NotAuthorized) }
    }

    /// How it ends for a client that has shown `stored_key`. A hash is compared, in constant time.
    fn judge(&self, stored_key: &Digest) -> Result<(), SaslCondition> {
        if *stored_key == self.keys.stored_key { self.verdict } else { Err(SaslCondition::NotAuthorized) }
    }
}

impl Server {
    /// Takes what came with `<auth/>`. Both mechanisms are the client's to start, so without an
    /// initial response it is asked for (RFC 6120 section 6.4.2).
    pub fn auth(&mut self, initial_response: Option<&[u8]>) -> ServerStep {
        match initial_response {
            Some(message) => self.step(message),
            None => self.advance(|state| match state {
                State::AwaitFirst(_) => Ok((state, ServerStep::Challenge(Vec::new()))),
                _ => Err(SaslCondition::MalformedRequest),
            }),
        }
    }

    /// Takes a message from the client; a response without data is an empty one.
    pub fn step(&mut self, message: &[u8]) -> ServerStep {
        self.advance(|state| match state {
            State::AwaitFirst(start) => match start.mechanism.hash() {
                Some(hash) => first_of_scram(start, hash, message),
                None => first_of_plain(start, message),
            },
            State::AwaitClientFinal(state) => state.receive(message),
            // RFC 6120 section 6.5.8: nothing is awaited from the client.
            State::AwaitScramKeys(_) | State::AwaitPlainKeys(_) | State::AwaitDerived(_) | State::Done => {
                Err(SaslCondition::MalformedRequest)
            }
        })
    }

    /// Takes the answer to [`ServerStep::Credentials`]. Unasked, authentication fails.
    pub fn credentials(&mut self, answer: CredentialsAnswer) -> ServerStep {
        self.advance(|state| match state {
            State::AwaitScramKeys(exchange) => exchange.challenge(answer),
            State::AwaitPlainKeys(state) => state.derive(answer),
            _ => Err(SaslCondition::TemporaryAuthFailure),
        })
    }

    /// Takes the answer to [`ServerStep::Derive`]. Unasked, or with the answer to another question,
    /// authentication fails.
    pub fn derived(&mut self, salted_password: &SaltedPassword) -> ServerStep {
        self.advance(|state| match state {
            State::AwaitDerived(state) => state.finish(salted_password),
            _ => Err(SaslCondition::TemporaryAuthFailure),
        })
    }

    /// Every way out but a next state ends the authentication.
    fn advance(
        &mut self,
        step: impl FnOnce(State) -> Result<(State, ServerStep), SaslCondition>,
    ) -> ServerStep {
        match step(mem::replace(&mut self.state, State::Done)) {
            Ok((state, step)) => {
                self.state = state;
                step
            }
            Err(condition) => ServerStep::Failure(condition),
        }
    }
}

type Next = Result<(State, ServerStep), SaslCondition>;

fn first_of_plain(start: Start, message: &[u8]) -> Next {
    let message = plain::Message::parse(message).ok_or(SaslCondition::MalformedRequest)?;
    // RFC 4616 section 2: preparation that fails is verification that fails.
    let username = prepare::username(message.authcid).ok_or(SaslCondition::NotAuthorized)?;
    let password = prepare::presented_password(message.password).ok_or(SaslCondition::NotAuthorized)?;
    let step = ServerStep::Credentials { username: username.clone(), hash: None };
    let identity = Identity { username, authzid: message.authzid.map(String::from) };
    Ok((State::AwaitPlainKeys(AwaitPlainKeys { identity, decoy: start.decoy, password }), step))
}

fn first_of_scram(start: Start, hash: ScramHash, message: &[u8]) -> Next {
    let first = ClientFirst::parse(message).map_err(|_| SaslCondition::MalformedRequest)?;
    let binding = binding_data(&start, first.flag)?;
    let username = prepare::username(&first.username).ok_or(SaslCondition::NotAuthorized)?;
    let step = ServerStep::Credentials { username: username.clone(), hash: Some(hash) };
    let exchange = Exchange {
        hash,
        identity: Identity { username, authzid: first.authzid.map(Cow::into_owned) },
        nonce: [first.nonce, start.nonce.as_str()].concat(),
        first_bare: String::from(first.bare),
        channel_binding: scram::channel_binding(first.gs2_header, binding),
        decoy: start.decoy,
    };
    Ok((State::AwaitScramKeys(exchange), step))
}

/// What the client has to bind to, by RFC 5802 section 6.
fn binding_data<'a>(start: &'a Start, flag: Flag<'_>) -> Result<&'a [u8], SaslCondition> {
    match (flag, start.mechanism.is_plus()) {
        (Flag::Bound(kind), true) => BindingKind::from_name(kind)
            .and_then(|kind| start.bindings.get(kind))
            .ok_or(SaslCondition::NotAuthorized),
        (Flag::ServerLacks, false) if start.plus_offered => Err(SaslCondition::NotAuthorized),
        (Flag::NotSupported | Flag::ServerLacks, false) => Ok(&[]),
        (Flag::Bound(_), false) | (Flag::NotSupported | Flag::ServerLacks, true) => {
            Err(SaslCondition::MalformedRequest)
        }
    }
}

impl Exchange {
    fn challenge(self, answer: CredentialsAnswer) -> Next {
        let account = Account::new(answer, Some(self.hash), &self.decoy, &self.identity.username)?;
        let server_first = scram::server_first(&self.nonce, account.keys.salt(), account.keys.iterations());
        let step = ServerStep::Challenge(server_first.clone().into_bytes());
        Ok((State::AwaitClientFinal(AwaitClientFinal { exchange: self, server_first, account }), step))
    }
}

impl AwaitClientFinal {
    fn receive(self, message: &[u8]) -> Next {
        let Self { exchange, server_first, account } = self;
        let last = ClientFinal::parse(message).map_err(|_| SaslCondition::MalformedRequest)?;
        // RFC 5802 sections 5.1 and 6: both are verified in every case.
        let same_nonce = last.nonce.as_bytes().ct_eq(exchange.nonce.as_bytes());
        let same_binding = last.channel_binding.as_bytes().ct_eq(exchange.channel_binding.as_bytes());
        if !bool::from(same_nonce & same_binding) {
            return Err(SaslCondition::NotAuthorized);
        }
        let proof = Digest::from_slice(exchange.hash, &last.proof).ok_or(SaslCondition::MalformedRequest)?;
        let auth_message =
            [&exchange.first_bare, &server_first, last.without_proof].map(str::as_bytes).join(&b","[..]);
        let client_key = account.keys.stored_key.hmac(&[&auth_message]).xor(&proof);
        let signature = account.keys.server_key.hmac(&[&auth_message]);
        account.judge(&client_key.digest())?;
        let data = scram::server_final(signature.as_slice()).into_bytes();
        Ok(exchange.identity.succeed(Some(data)))
    }
}

impl AwaitPlainKeys {
    fn derive(self, answer: CredentialsAnswer) -> Next {
        let account = Account::new(answer, None, &self.decoy, &self.identity.username)?;
        let step = ServerStep::Derive(account.keys.question(self.password));
        Ok((State::AwaitDerived(AwaitDerived { identity: self.identity, account }), step))
    }
}

impl AwaitDerived {
    fn finish(self, salted_password: &SaltedPassword) -> Next {
        if salted_password.hash() != self.account.keys.hash() {
            return Err(SaslCondition::TemporaryAuthFailure);
        }
        self.account.judge(&super::keys::client_key(salted_password).digest())?;
        Ok(self.identity.succeed(None))
    }
}

impl Identity {
    fn succeed(self, data: Option<Vec<u8>>) -> (State, ServerStep) {
        (State::Done, ServerStep::Success { username: self.username, authzid: self.authzid, data })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server")
            .field(&match self.state {
                State::AwaitFirst(_) => "AwaitFirst",
                State::AwaitScramKeys(_) => "AwaitScramKeys",
                State::AwaitClientFinal(_) => "AwaitClientFinal",
                State::AwaitPlainKeys(_) => "AwaitPlainKeys",
                State::AwaitDerived(_) => "AwaitDerived",
                State::Done => "Done",
            })
            .finish()
    }
}

#[cfg(test)]
mod tests;
