//! The initiating entity's side of an authentication.
//!
//! RFC 5802 and RFC 7677 (SCRAM), RFC 4616 (PLAIN), RFC 4422 appendix A (EXTERNAL), RFC 4505 (ANONYMOUS), RFC 2831
//! (DIGEST-MD5, with that feature), RFC 6120 section 6.4. It does not choose the
//! mechanism ([`Selection`](super::Selection) does), and it ends with the connection's verdict:
//! hand it `<success/>` before believing it. [The module's example](super) shows both sides.
//!
//! ```
//! use xmpp_core::sasl::{Bindings, Nonce, Offer, Secret, Selection, client};
//!
//! let choice = Selection::new().choose(&Offer::new(["PLAIN"]), &Bindings::new(), true)?;
//! let nonce = Nonce::from_random([0; 24]); // unused by PLAIN
//! let (mut client, first) = client::Start::new(choice, "tim", Secret::new("tanstaaf"), nonce).start()?;
//! assert_eq!(first.unwrap().as_bytes(), b"\0tim\0tanstaaf");
//! client.success(None)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::ops::RangeInclusive;

#[cfg(feature = "digest-md5")]
use super::digest_md5;
use super::keys::{Digest, client_key, server_key};
use super::policy::Protection;
use super::scram::{self, Fault, Flag, ServerFinal, ServerFirst};
use super::{
    ChannelBinding, Choice, DeriveKey, MAX_AUTHZID, Mechanism, Nonce, SaltedPassword, ScramHash, Secret,
    ServerError, anonymous, external, plain, prepare,
};

/// The iteration counts a client accepts unless told otherwise: RFC 7677 section 3 wants no fewer, and
/// more than the upper bound keeps a hostile server's client busy (RFC 5802 section 9).
pub const ITERATIONS: RangeInclusive<u32> = 4096..=1_000_000;

/// What an authentication starts from.
#[derive(Debug)]
pub struct Start {
    choice: Choice,
    authcid: String,
    authzid: Option<String>,
    password: Secret,
    nonce: Nonce,
    iterations: RangeInclusive<u32>,
    #[cfg(feature = "digest-md5")]
    domain: String,
}

impl Start {
    /// Authenticates as `authcid`, by default the localpart of the account (RFC 6120 section 6.3.7).
    /// The name and the password are prepared here. `nonce` is new for every authentication.
    ///
    /// EXTERNAL uses neither name nor password. ANONYMOUS sends the name as its trace, or nothing when it is empty.
    #[must_use]
    pub fn new(choice: Choice, authcid: impl Into<String>, password: Secret, nonce: Nonce) -> Self {
        Self {
            choice,
            authcid: authcid.into(),
            authzid: None,
            password,
            nonce,
            iterations: ITERATIONS,
            #[cfg(feature = "digest-md5")]
            domain: String::new(),
        }
    }

    /// The domain of the server, which is part of what DIGEST-MD5 proves (its `digest-uri`).
    #[cfg(feature = "digest-md5")]
    #[must_use]
    pub fn domain(mut self, domain: impl Into<String>) -> Self {
        self.domain = domain.into();
        self
    }

    /// Asks to act as another identity: for a client a bare address, sent as it stands (RFC 6120
    /// section 6.3.8). Leave it out when it is the one derived from `authcid`.
    #[must_use]
    pub fn authzid(mut self, authzid: impl Into<String>) -> Self {
        self.authzid = Some(authzid.into());
        self
    }

    /// The iteration counts to accept instead of [`ITERATIONS`].
    #[must_use]
    pub fn iterations(mut self, accepted: RangeInclusive<u32>) -> Self {
        self.iterations = accepted;
        self
    }

    /// Starts. The message goes out with `<auth/>`, as initial response; DIGEST-MD5 has none.
    ///
    /// # Errors
    /// [`ClientError::Username`], [`ClientError::Password`] or [`ClientError::Authzid`] when what was
    /// given cannot be sent.
    pub fn start(self) -> Result<(Client, Option<Secret>), ClientError> {
        if let Some(authzid) = &self.authzid
            && (authzid.is_empty() || authzid.len() > MAX_AUTHZID || authzid.contains('\0'))
        {
            return Err(ClientError::Authzid);
        }
        let (state, message) = match (self.choice.mechanism(), self.choice.mechanism().hash()) {
            (_, Some(hash)) => self.scram(hash).map(|(state, message)| (state, Some(message)))?,
            (Mechanism::External, _) => {
                (State::Said, Some(Secret::new(external::write(self.authzid.as_deref()))))
            }
            (Mechanism::Anonymous, _) if anonymous::is_trace(&self.authcid) => {
                (State::Said, Some(Secret::new(self.authcid)))
            }
            (Mechanism::Anonymous, _) => return Err(ClientError::Username),
            #[cfg(feature = "digest-md5")]
            (Mechanism::DigestMd5, _) => (State::AwaitDigestChallenge(self.digest()?), None),
            _ => (State::Said, Some(self.plain()?)),
        };
        Ok((Client { state }, message))
    }

    fn username(&self) -> Result<String, ClientError> {
        prepare::username(&self.authcid).ok_or(ClientError::Username)
    }

    /// RFC 4616 section 2: the server's preparation of what is presented rules; preparing it here gives the same text.
    fn plain(&self) -> Result<Secret, ClientError> {
        let username = self.username()?;
        let password = core::str::from_utf8(self.password.as_bytes()).map_err(|_| ClientError::Password)?;
        let password = prepare::presented_password(password).ok_or(ClientError::Password)?;
        Ok(plain::write(self.authzid.as_deref(), &username, &password))
    }

    /// RFC 5802 section 2.2, `Normalize`.
    fn scram(self, hash: ScramHash) -> Result<(State, Secret), ClientError> {
        let username = self.username()?;
        let password = prepare::stored_password(&self.password).ok_or(ClientError::Password)?;
        let (binding, protection) = self.choice.into_parts();
        let (flag, binding) = match binding {
            ChannelBinding::NotSupported => (Flag::NotSupported, Vec::new()),
            ChannelBinding::ServerLacks => (Flag::ServerLacks, Vec::new()),
            ChannelBinding::Bound(kind, data) => (Flag::Bound(kind.name()), data),
        };
        let gs2_header = scram::gs2_header(flag, self.authzid.as_deref());
        let first_bare = scram::client_first_bare(&username, self.nonce.as_str());
        let message = [gs2_header.as_str(), first_bare.as_str()].concat();
        let channel_binding = scram::channel_binding(&gs2_header, &binding);
        let state = State::AwaitServerFirst(AwaitServerFirst {
            hash,
            password,
            nonce: self.nonce,
            first_bare,
            channel_binding,
            protection,
            iterations: self.iterations,
        });
        Ok((state, Secret::new(message)))
    }

    #[cfg(feature = "digest-md5")]
    fn digest(self) -> Result<digest_md5::AwaitChallenge, ClientError> {
        let username = self.username()?;
        let password = prepare::stored_password(&self.password).ok_or(ClientError::Password)?;
        let Self { authzid, nonce, domain, .. } = self;
        Ok(digest_md5::AwaitChallenge { username, password, authzid, nonce, domain })
    }
}

/// What to do about a challenge.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum ClientStep {
    /// Send this as response.
    Respond(Vec<u8>),
    /// Derive this, then call [`Client::derived`].
    Derive(DeriveKey),
}

/// A running authentication. After an error it takes nothing more.
pub struct Client {
    state: State,
}

enum State {
    /// PLAIN, EXTERNAL and ANONYMOUS: everything is said.
    Said,
    AwaitServerFirst(AwaitServerFirst),
    AwaitDerived(AwaitDerived),
    AwaitServerFinal(Digest),
    #[cfg(feature = "digest-md5")]
    AwaitDigestChallenge(digest_md5::AwaitChallenge),
    #[cfg(feature = "digest-md5")]
    AwaitDigestProof(digest_md5::AwaitProof),
    /// The server proved itself in a challenge; its success is still to come.
    Verified,
    Succeeded,
    Failed,
}

struct AwaitServerFirst {
    hash: ScramHash,
    password: Secret,
    nonce: Nonce,
    first_bare: String,
    channel_binding: String,
    protection: Protection,
    iterations: RangeInclusive<u32>,
}

struct AwaitDerived {
    hash: ScramHash,
    without_proof: String,
    auth_message: String,
}

impl Client {
    /// Takes a challenge.
    ///
    /// # Errors
    /// The server broke the protocol or failed to prove itself: abort.
    pub fn challenge(&mut self, message: &[u8]) -> Result<ClientStep, ClientError> {
        // An early return leaves `Failed` behind.
        match mem::replace(&mut self.state, State::Failed) {
            State::AwaitServerFirst(state) => {
                let (state, question) = state.receive(message)?;
                self.state = State::AwaitDerived(state);
                Ok(ClientStep::Derive(question))
            }
            State::AwaitServerFinal(signature) => {
                verify(&signature, message)?;
                self.state = State::Verified;
                Ok(ClientStep::Respond(Vec::new()))
            }
            #[cfg(feature = "digest-md5")]
            State::AwaitDigestChallenge(state) => {
                let (state, response) = state.receive(message)?;
                self.state = State::AwaitDigestProof(state);
                Ok(ClientStep::Respond(response))
            }
            #[cfg(feature = "digest-md5")]
            State::AwaitDigestProof(state) => {
                state.verify(message)?;
                self.state = State::Verified;
                Ok(ClientStep::Respond(Vec::new()))
            }
            State::Said | State::AwaitDerived(_) | State::Verified | State::Succeeded | State::Failed => {
                Err(ClientError::OutOfOrder)
            }
        }
    }

    /// Takes the answer to [`ClientStep::Derive`] and gives the response to send.
    ///
    /// # Errors
    /// [`ClientError::NotAsked`] when nothing was asked or the answer is to another question; the
    /// authentication stands as it was.
    pub fn derived(&mut self, salted_password: &SaltedPassword) -> Result<Vec<u8>, ClientError> {
        let State::AwaitDerived(state) = &self.state else { return Err(ClientError::NotAsked) };
        if state.hash != salted_password.hash() {
            return Err(ClientError::NotAsked);
        }
        let auth_message = state.auth_message.as_bytes();
        let client_key = client_key(salted_password);
        let proof = client_key.digest().hmac(&[auth_message]).xor(&client_key);
        let signature = server_key(salted_password).hmac(&[auth_message]);
        let response = scram::client_final(&state.without_proof, proof.as_slice()).into_bytes();
        self.state = State::AwaitServerFinal(signature);
        Ok(response)
    }

    /// Takes the server's success with the additional data it came with. Only `Ok` is a success.
    ///
    /// # Errors
    /// The server has not proved that it knows the password, or succeeds too early: close the
    /// connection, it is not who it says it is.
    pub fn success(&mut self, data: Option<&[u8]>) -> Result<(), ClientError> {
        match (mem::replace(&mut self.state, State::Failed), data) {
            // RFC 5802 section 5: the signature comes with the success, or came before it.
            (State::AwaitServerFinal(signature), Some(data)) => verify(&signature, data)?,
            #[cfg(feature = "digest-md5")]
            (State::AwaitDigestProof(state), Some(data)) => state.verify(data)?,
            (State::Said | State::Verified, None | Some([])) => {}
            (State::AwaitServerFirst(_) | State::AwaitDerived(_) | State::AwaitServerFinal(_), _) => {
                return Err(ClientError::NotVerified);
            }
            #[cfg(feature = "digest-md5")]
            (State::AwaitDigestChallenge(_) | State::AwaitDigestProof(_), _) => {
                return Err(ClientError::NotVerified);
            }
            (State::Said | State::Verified | State::Succeeded | State::Failed, _) => {
                return Err(ClientError::OutOfOrder);
            }
        }
        self.state = State::Succeeded;
        Ok(())
    }
}

impl AwaitServerFirst {
    fn receive(self, message: &[u8]) -> Result<(AwaitDerived, DeriveKey), ClientError> {
        let server_first = ServerFirst::parse(message)?;
        // RFC 5802 section 5.1, `r`: it starts with ours, and a server adds its own.
        match server_first.nonce.strip_prefix(self.nonce.as_str()) {
            None | Some("") => return Err(ClientError::ServerNonce),
            Some(_) => {}
        }
        if !self.protection.accepts(server_first.protection) {
            return Err(ClientError::OfferChanged);
        }
        if server_first.salt.is_empty() {
            return Err(ClientError::Salt);
        }
        let iterations = server_first
            .iterations
            .filter(|iterations| self.iterations.contains(iterations))
            .ok_or(ClientError::Iterations)?;
        let without_proof = scram::without_proof(&self.channel_binding, server_first.nonce);
        let auth_message = [self.first_bare.as_str(), server_first.message, without_proof.as_str()].join(",");
        let question =
            DeriveKey { hash: self.hash, secret: self.password, salt: server_first.salt, iterations };
        Ok((AwaitDerived { hash: self.hash, without_proof, auth_message }, question))
    }
}

fn verify(expected: &Digest, server_final: &[u8]) -> Result<(), ClientError> {
    match ServerFinal::parse(server_final)? {
        ServerFinal::Error(error) => Err(ClientError::Server(error)),
        ServerFinal::Verifier(signature) => {
            let signature = Digest::from_slice(expected.hash(), &signature);
            if signature.is_some_and(|signature| signature == *expected) {
                Ok(())
            } else {
                Err(ClientError::ServerSignature)
            }
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client")
            .field(&match self.state {
                State::Said => "Said",
                #[cfg(feature = "digest-md5")]
                State::AwaitDigestChallenge(_) => "AwaitDigestChallenge",
                #[cfg(feature = "digest-md5")]
                State::AwaitDigestProof(_) => "AwaitDigestProof",
                State::AwaitServerFirst(_) => "AwaitServerFirst",
                State::AwaitDerived(_) => "AwaitDerived",
                State::AwaitServerFinal(_) => "AwaitServerFinal",
                State::Verified => "Verified",
                State::Succeeded => "Succeeded",
                State::Failed => "Failed",
            })
            .finish()
    }
}

/// Why a client's authentication cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ClientError {
    /// Given: the user name fails SASLprep, is empty or too long; or a trace is none (RFC 4505 section 2).
    Username,
    /// Given: the password fails SASLprep, is empty or too long.
    Password,
    /// Given: the authorization identity is empty, too long, or holds a NUL.
    Authzid,
    /// Misuse: no key was asked for, or a key of another hash function.
    NotAsked,
    /// The server's message breaks the grammar or a limit.
    Malformed,
    /// The server's message is not one that can come now.
    OutOfOrder,
    /// The server's mechanisms or channel binding types are not those that arrived here: somebody has changed the list (XEP-0474).
    OfferChanged,
    /// The server wants what this client does not have: an extension (`m`), or another quality of protection than `auth`.
    Extension,
    /// The server's nonce does not extend ours.
    ServerNonce,
    /// The server's salt is empty.
    Salt,
    /// The server's iteration count is not one to accept.
    Iterations,
    /// The server reports an error (`e`).
    Server(ServerError),
    /// The server's signature is wrong: it does not know the password.
    ServerSignature,
    /// The server claims success without a signature.
    NotVerified,
}

impl From<Fault> for ClientError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Malformed => Self::Malformed,
            Fault::Extension => Self::Extension,
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Username => "the user name cannot be prepared with SASLprep",
            Self::Password => "the password cannot be prepared with SASLprep",
            Self::Authzid => "the authorization identity is empty, too long, or holds a NUL",
            Self::NotAsked => "no key of this kind was asked for",
            Self::Malformed => "the server's message is malformed",
            Self::OutOfOrder => "the server's message is out of order",
            Self::OfferChanged => "the server has offered something else than what arrived",
            Self::Extension => "the server requires an unknown extension",
            Self::ServerNonce => "the server's nonce does not extend the client's",
            Self::Salt => "the server's salt is empty",
            Self::Iterations => "the server's iteration count is out of bounds",
            Self::Server(error) => return write!(f, "the server reports {error}"),
            Self::ServerSignature => "the server's signature is wrong",
            Self::NotVerified => "the server has not proved that it knows the password",
        })
    }
}

impl core::error::Error for ClientError {}

#[cfg(test)]
mod tests;
