//! The receiving entity's side of an authentication.
//!
//! RFC 5802 and RFC 7677 (SCRAM), RFC 4616 (PLAIN), RFC 4422 appendix A (EXTERNAL), RFC 4505 (ANONYMOUS), RFC 2831
//! (DIGEST-MD5, with that feature), RFC 6120 sections 6.4 and 6.5. It looks up no
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
    BindingKind, Bindings, DeriveKey, Mechanism, Nonce, Offer, SaltedPassword, SaslCondition, ScramHash,
    ScramKeys, Secret, anonymous, external, plain, prepare,
};
#[cfg(feature = "digest-md5")]
use super::{DigestKey, digest_md5};

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

    /// A key for DIGEST-MD5 that no password makes.
    #[cfg(feature = "digest-md5")]
    fn digest_key(&self, username: &str) -> DigestKey {
        let key = self.key.hmac(&[b"DIGEST-MD5|", username.as_bytes()]);
        let key = key.as_slice();
        DigestKey::new(core::array::from_fn(|index| key.get(index).copied().unwrap_or_default()))
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
    offer: Option<Offer>,
    #[cfg(feature = "digest-md5")]
    domain: String,
}

impl Start {
    /// A client asks for `mechanism`, which [`Selection::permit`](super::Selection::permit) has let
    /// pass. `nonce` is new for every authentication.
    #[must_use]
    pub fn new(mechanism: Mechanism, nonce: Nonce, decoy: Decoy) -> Self {
        Self {
            mechanism,
            nonce,
            decoy,
            bindings: Bindings::new(),
            offer: None,
            #[cfg(feature = "digest-md5")]
            domain: String::new(),
        }
    }

    /// The channel bindings of the TLS connection, and what was offered on it. If a `-PLUS` mechanism
    /// is in the offer, a client that says it saw none was lied to (RFC 5802 section 6); and SCRAM
    /// vouches for the offer, so that a client finds out about other changes too (XEP-0474).
    #[must_use]
    pub fn channel_binding(mut self, bindings: Bindings, offer: Offer) -> Self {
        self.bindings = bindings;
        self.offer = Some(offer);
        self
    }

    /// The domain of the accounts: the realm of DIGEST-MD5 and part of its `digest-uri`.
    #[cfg(feature = "digest-md5")]
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = domain.into();
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
    /// Look up the DIGEST-MD5 key of an account, then call [`Server::credentials`] with [`CredentialsAnswer::Digest`].
    #[cfg(feature = "digest-md5")]
    DigestCredentials {
        /// The authentication identity, prepared with SASLprep.
        username: String,
    },
    /// EXTERNAL: find out which account the client's certificate is for, then whether there is one, and call
    /// [`Server::credentials`].
    External {
        /// The authorization identity it asks for; `None` leaves it to the certificate.
        authzid: Option<String>,
    },
    /// ANONYMOUS: the client wants to be nobody in particular.
    Anonymous {
        /// What it says of itself, unverified (RFC 4505 section 2).
        trace: Option<String>,
    },
    /// Derive this, then call [`Server::derived`].
    Derive(DeriveKey),
    /// The client is who it says it is.
    Success {
        /// The authentication identity, prepared with SASLprep; empty after [`External`](Self::External).
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

/// What there is of an account.
#[derive(Debug)]
#[non_exhaustive]
pub enum CredentialsAnswer {
    /// The account's keys. For SCRAM, keys of another hash function than asked for are as good as
    /// none.
    Keys(ScramKeys),
    /// The account's keys, while others that it should have are missing: if PLAIN proves the password right, it is handed out
    /// once, so that they can be made. Otherwise like [`Keys`](Self::Keys).
    Outdated(ScramKeys),
    /// The account exists, but has no keys: that will do for EXTERNAL, where a certificate stands for the password.
    NoKeys,
    /// The account's key for DIGEST-MD5.
    #[cfg(feature = "digest-md5")]
    Digest(DigestKey),
    /// No such account, or no keys for this hash function.
    Unknown,
    /// The account is disabled. Its keys are still asked for, because only its owner gets to know.
    Disabled(ScramKeys),
    /// The password has to be changed first, by other means. Only its owner gets to know.
    Expired(ScramKeys),
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
    AwaitAccount,
    #[cfg(feature = "digest-md5")]
    AwaitDigestResponse(digest_md5::AwaitResponse, Decoy),
    #[cfg(feature = "digest-md5")]
    AwaitDigestKey(Identity, digest_md5::Response, Decoy),
    #[cfg(feature = "digest-md5")]
    AwaitDigestEnd(Identity),
    /// With the password, if it is to be handed out.
    Done(Option<Secret>),
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
    /// The value of `h` to send.
    protection: Option<String>,
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
    /// Kept only for an account that lacks keys.
    password: Option<Secret>,
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
            CredentialsAnswer::Keys(keys) | CredentialsAnswer::Outdated(keys) => (keys, Ok(())),
            CredentialsAnswer::Disabled(keys) => (keys, Err(SaslCondition::AccountDisabled)),
            CredentialsAnswer::Expired(keys) => (keys, Err(SaslCondition::CredentialsExpired)),
            CredentialsAnswer::NoKeys | CredentialsAnswer::Unknown => return Ok(Self::nobody(decoy)),
            #[cfg(feature = "digest-md5")]
            CredentialsAnswer::Digest(_) => return Ok(Self::nobody(decoy)),
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
    /// Takes what came with `<auth/>`. Most mechanisms are the client's to start, so without an
    /// initial response it is asked for (RFC 6120 section 6.4.2). DIGEST-MD5 is the server's: an initial response
    /// asks to go on from an earlier authentication, and gets a new challenge like none (RFC 2831 section 2.2.2).
    pub fn auth(&mut self, initial_response: Option<&[u8]>) -> ServerStep {
        #[cfg(feature = "digest-md5")]
        if matches!(&self.state, State::AwaitFirst(start) if start.mechanism == Mechanism::DigestMd5) {
            return self.advance(|state| match state {
                State::AwaitFirst(Start { nonce, domain, decoy, .. }) => {
                    let digest = digest_md5::AwaitResponse { nonce, domain };
                    let step = ServerStep::Challenge(digest.challenge());
                    Ok((State::AwaitDigestResponse(digest, decoy), step))
                }
                _ => Err(SaslCondition::MalformedRequest),
            });
        }
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
            State::AwaitFirst(start) => match (start.mechanism, start.mechanism.hash()) {
                (_, Some(hash)) => first_of_scram(start, hash, message),
                (Mechanism::Plain, _) => first_of_plain(start, message),
                (Mechanism::External, _) => {
                    let authzid = external::read(message)?.map(String::from);
                    Ok((State::AwaitAccount, ServerStep::External { authzid }))
                }
                (Mechanism::Anonymous, _) => {
                    Ok((State::Done(None), ServerStep::Anonymous { trace: anonymous::read(message)? }))
                }
                _ => Err(SaslCondition::MalformedRequest),
            },
            State::AwaitClientFinal(state) => state.receive(message),
            #[cfg(feature = "digest-md5")]
            State::AwaitDigestResponse(state, decoy) => first_of_digest(state.receive(message)?, decoy),
            #[cfg(feature = "digest-md5")]
            State::AwaitDigestEnd(identity) if message.is_empty() => Ok(identity.succeed(None, None)),
            // RFC 6120 section 6.5.8: nothing is awaited from the client.
            _ => Err(SaslCondition::MalformedRequest),
        })
    }

    /// Takes what there is of the account that was asked for. Unasked, authentication fails.
    pub fn credentials(&mut self, answer: CredentialsAnswer) -> ServerStep {
        self.advance(|state| match state {
            State::AwaitScramKeys(exchange) => exchange.challenge(answer),
            State::AwaitPlainKeys(state) => state.derive(answer),
            State::AwaitAccount => admit(&answer)
                .map(|()| Identity { username: String::new(), authzid: None }.succeed(None, None)),
            #[cfg(feature = "digest-md5")]
            State::AwaitDigestKey(identity, response, decoy) => {
                judge_digest(identity, &response, &decoy, answer)
            }
            _ => Err(SaslCondition::TemporaryAuthFailure),
        })
    }

    /// After a success: the password, where [`CredentialsAnswer::Outdated`] asked for it and PLAIN has proved it right. It
    /// is given away once.
    pub fn take_password(&mut self) -> Option<Secret> {
        match &mut self.state {
            State::Done(password) => password.take(),
            _ => None,
        }
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
        match step(mem::replace(&mut self.state, State::Done(None))) {
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
        protection: start.offer.as_ref().map(|offer| offer.protection(hash)),
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
        (Flag::ServerLacks, false) if start.offer.as_ref().is_some_and(Offer::has_plus) => {
            Err(SaslCondition::NotAuthorized)
        }
        (Flag::NotSupported | Flag::ServerLacks, false) => Ok(&[]),
        (Flag::Bound(_), false) | (Flag::NotSupported | Flag::ServerLacks, true) => {
            Err(SaslCondition::MalformedRequest)
        }
    }
}

impl Exchange {
    fn challenge(self, answer: CredentialsAnswer) -> Next {
        let account = Account::new(answer, Some(self.hash), &self.decoy, &self.identity.username)?;
        let (salt, iterations) = (account.keys.salt(), account.keys.iterations());
        let server_first = scram::server_first(&self.nonce, salt, iterations, self.protection.as_deref());
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
        Ok(exchange.identity.succeed(Some(data), None))
    }
}

impl AwaitPlainKeys {
    fn derive(self, answer: CredentialsAnswer) -> Next {
        let kept = matches!(answer, CredentialsAnswer::Outdated(_)).then(|| self.password.clone());
        let account = Account::new(answer, None, &self.decoy, &self.identity.username)?;
        let step = ServerStep::Derive(account.keys.question(self.password));
        Ok((State::AwaitDerived(AwaitDerived { identity: self.identity, account, password: kept }), step))
    }
}

impl AwaitDerived {
    fn finish(self, salted_password: &SaltedPassword) -> Next {
        if salted_password.hash() != self.account.keys.hash() {
            return Err(SaslCondition::TemporaryAuthFailure);
        }
        self.account.judge(&super::keys::client_key(salted_password).digest())?;
        Ok(self.identity.succeed(None, self.password))
    }
}

/// Whether the account that a certificate is for may be used.
fn admit(answer: &CredentialsAnswer) -> Result<(), SaslCondition> {
    match answer {
        CredentialsAnswer::Unknown => Err(SaslCondition::NotAuthorized),
        CredentialsAnswer::Disabled(_) => Err(SaslCondition::AccountDisabled),
        CredentialsAnswer::TemporaryFailure => Err(SaslCondition::TemporaryAuthFailure),
        // A password that has expired is none that was used.
        _ => Ok(()),
    }
}

#[cfg(feature = "digest-md5")]
fn first_of_digest(response: digest_md5::Response, decoy: Decoy) -> Next {
    let username = prepare::username(&response.username).ok_or(SaslCondition::NotAuthorized)?;
    let identity = Identity { username: username.clone(), authzid: response.authzid.clone() };
    Ok((State::AwaitDigestKey(identity, response, decoy), ServerStep::DigestCredentials { username }))
}

#[cfg(feature = "digest-md5")]
fn judge_digest(
    identity: Identity,
    response: &digest_md5::Response,
    decoy: &Decoy,
    answer: CredentialsAnswer,
) -> Next {
    let decoy = decoy.digest_key(&identity.username);
    let (key, verdict) = match answer {
        CredentialsAnswer::Digest(key) => (key, Ok(())),
        CredentialsAnswer::TemporaryFailure => return Err(SaslCondition::TemporaryAuthFailure),
        _ => (decoy, Err(SaslCondition::NotAuthorized)),
    };
    let proof = response.verify(&key).ok_or(SaslCondition::NotAuthorized)?;
    // In a challenge, as RFC 3920 section 6.5 has it: who still speaks this mechanism may know no data in a success.
    verdict.map(|()| (State::AwaitDigestEnd(identity), ServerStep::Challenge(proof)))
}

impl Identity {
    fn succeed(self, data: Option<Vec<u8>>, password: Option<Secret>) -> (State, ServerStep) {
        (State::Done(password), ServerStep::Success { username: self.username, authzid: self.authzid, data })
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
                State::AwaitAccount => "AwaitAccount",
                #[cfg(feature = "digest-md5")]
                State::AwaitDigestResponse(..) => "AwaitDigestResponse",
                #[cfg(feature = "digest-md5")]
                State::AwaitDigestKey(..) => "AwaitDigestKey",
                #[cfg(feature = "digest-md5")]
                State::AwaitDigestEnd(_) => "AwaitDigestEnd",
                State::Done(_) => "Done",
            })
            .finish()
    }
}

#[cfg(test)]
mod tests;
