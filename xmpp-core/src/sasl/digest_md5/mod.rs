//! DIGEST-MD5 (RFC 2831), for peers that know nothing better: RFC 6331 tells what is wrong with it.
//!
//! Initial authentication with `qop=auth`; a client that tries a subsequent one is given a new challenge, as section 2.2.2 allows.

mod directives;
mod key;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use subtle::ConstantTimeEq as _;

use self::directives::{Directives, Malformed, write_quoted, write_token};
pub use self::key::DigestKey;
use super::client::ClientError;
use super::{MAX_AUTHZID, MAX_NONCE, Nonce, SaslCondition, Secret};

/// Section 2.1.1: a challenge is shorter than this.
const CHALLENGE_LIMIT: usize = 2048;
/// Section 2.1.2: and a response than this.
const RESPONSE_LIMIT: usize = 4096;
/// The count of an initial authentication.
const FIRST: &[u8] = b"00000001";

/// The service's name (RFC 3920 section 6.3) before the domain.
fn digest_uri(domain: &str) -> String {
    ["xmpp/", domain].concat()
}

/// What both responses are computed of, beside the key.
struct Exchange<'a> {
    nonce: &'a [u8],
    cnonce: &'a [u8],
    digest_uri: &'a [u8],
    authzid: Option<&'a [u8]>,
}

impl Exchange<'_> {
    /// `response-value` of section 2.1.2.1.
    fn client_response(&self, key: &DigestKey) -> [u8; 32] {
        self.response(key, b"AUTHENTICATE:")
    }

    /// That of the server, section 2.1.3.
    fn server_response(&self, key: &DigestKey) -> [u8; 32] {
        self.response(key, b":")
    }

    fn response(&self, key: &DigestKey, a2: &[u8]) -> [u8; 32] {
        let mut a1 = alloc::vec![key.as_bytes(), b":", self.nonce, b":", self.cnonce];
        if let Some(authzid) = self.authzid {
            a1.extend([&b":"[..], authzid]);
        }
        let a1 = key::hex(&a1);
        let a2 = key::hex(&[a2, self.digest_uri]);
        *key::hex(&[&a1[..], b":", self.nonce, b":", FIRST, b":", self.cnonce, b":auth:", &a2[..]])
    }
}

fn write_rspauth(response: &[u8; 32]) -> Vec<u8> {
    let mut message = Vec::new();
    write_token(&mut message, "rspauth", response);
    message
}

/// A client before the server's challenge.
pub(super) struct AwaitChallenge {
    pub(super) username: String,
    pub(super) password: Secret,
    pub(super) authzid: Option<String>,
    pub(super) nonce: Nonce,
    pub(super) domain: String,
}

impl AwaitChallenge {
    /// The response, and what the server has to say then.
    pub(super) fn receive(self, message: &[u8]) -> Result<(AwaitProof, Vec<u8>), ClientError> {
        let challenge = Directives::parse(message, CHALLENGE_LIMIT)?;
        for ignored in ["stale", "maxbuf"] {
            challenge.optional(ignored)?;
        }
        let nonce = challenge.required("nonce")?;
        let auth = challenge
            .optional("qop")?
            .is_none_or(|offered| offered.split(|byte| *byte == b',').any(|qop| qop.trim_ascii() == b"auth"));
        let algorithm = challenge.required("algorithm")?;
        if nonce.is_empty() || !auth || !algorithm.eq_ignore_ascii_case(b"md5-sess") {
            return Err(ClientError::Extension);
        }
        let charset = Charset::read(challenge.optional("charset")?)?;

        // RFC 6120 section 6.3.9: a realm that is not given is not made up, and it says nothing about the domain.
        let ours = challenge.all("realm").find(|realm| *realm == self.domain.as_bytes());
        let realm = ours.or_else(|| challenge.all("realm").next());

        let username = charset.encode(&self.username).ok_or(ClientError::Username)?;
        let password = core::str::from_utf8(self.password.as_bytes())
            .ok()
            .filter(|password| charset.encode(password).map(Secret::new).is_some())
            .ok_or(ClientError::Password)?;
        let key = DigestKey::of(&self.username, &charset.decode(realm.unwrap_or_default())?, password);
        let digest_uri = digest_uri(&self.domain);
        let exchange = Exchange {
            nonce,
            cnonce: self.nonce.as_str().as_bytes(),
            digest_uri: digest_uri.as_bytes(),
            authzid: self.authzid.as_deref().map(str::as_bytes),
        };

        let mut response = Vec::new();
        write_quoted(&mut response, "username", &username);
        if let Some(realm) = realm {
            write_quoted(&mut response, "realm", realm);
        }
        write_quoted(&mut response, "nonce", nonce);
        write_quoted(&mut response, "cnonce", exchange.cnonce);
        write_token(&mut response, "nc", FIRST);
        write_token(&mut response, "qop", b"auth");
        write_quoted(&mut response, "digest-uri", exchange.digest_uri);
        write_token(&mut response, "response", &exchange.client_response(&key));
        if let Charset::Utf8 = charset {
            write_token(&mut response, "charset", b"utf-8");
        }
        if let Some(authzid) = exchange.authzid {
            write_quoted(&mut response, "authzid", authzid);
        }
        if response.len() >= RESPONSE_LIMIT {
            return Err(ClientError::Malformed);
        }
        Ok((AwaitProof { expected: exchange.server_response(&key) }, response))
    }
}

/// A client that waits for the server to prove itself.
pub(super) struct AwaitProof {
    expected: [u8; 32],
}

impl AwaitProof {
    pub(super) fn verify(self, message: &[u8]) -> Result<(), ClientError> {
        let list = Directives::parse(message, CHALLENGE_LIMIT)?;
        let right = list.required("rspauth")?.ct_eq(&self.expected);
        if right.into() { Ok(()) } else { Err(ClientError::ServerSignature) }
    }
}

/// A server that has sent its challenge.
pub(super) struct AwaitResponse {
    pub(super) nonce: Nonce,
    pub(super) domain: String,
}

impl AwaitResponse {
    pub(super) fn challenge(&self) -> Vec<u8> {
        let mut challenge = Vec::new();
        write_quoted(&mut challenge, "realm", self.domain.as_bytes());
        write_quoted(&mut challenge, "nonce", self.nonce.as_str().as_bytes());
        write_quoted(&mut challenge, "qop", b"auth");
        write_token(&mut challenge, "charset", b"utf-8");
        write_token(&mut challenge, "algorithm", b"md5-sess");
        challenge
    }

    pub(super) fn receive(self, message: &[u8]) -> Result<Response, SaslCondition> {
        let list = Directives::parse(message, RESPONSE_LIMIT)?;
        list.optional("maxbuf")?;
        let charset = Charset::read(list.optional("charset")?)?;
        let username = charset.decode(list.required("username")?)?.into_owned();
        let realm = charset.decode(list.optional("realm")?.unwrap_or_default())?;
        let nonce = list.required("nonce")?;
        let cnonce = list.required("cnonce")?;
        let count = list.required("nc")?;
        let digest_uri = list.required("digest-uri")?;
        let response = <[u8; 32]>::try_from(list.required("response")?).map_err(|_| Malformed)?;
        let authzid = match list.optional("authzid")? {
            None | Some(b"") => None,
            Some(authzid) => Some(core::str::from_utf8(authzid).map_err(|_| Malformed)?),
        };
        let hexadecimal = |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if !(1..=MAX_NONCE).contains(&cnonce.len())
            || count.len() != FIRST.len()
            || !hexadecimal(count)
            || !hexadecimal(&response)
            || authzid.is_some_and(|authzid| authzid.len() > MAX_AUTHZID || authzid.contains('\0'))
        {
            return Err(SaslCondition::MalformedRequest);
        }
        // Section 2.1.2: a replay, what was meant for another service, and what was not offered.
        if nonce != self.nonce.as_str().as_bytes()
            || count != FIRST
            || !digest_uri.eq_ignore_ascii_case(self::digest_uri(&self.domain).as_bytes())
            || realm != self.domain.as_str()
            || list.optional("qop")?.is_some_and(|qop| qop != b"auth")
        {
            return Err(SaslCondition::NotAuthorized);
        }
        Ok(Response {
            username,
            authzid: authzid.map(String::from),
            nonce: self.nonce,
            cnonce: cnonce.to_vec(),
            digest_uri: digest_uri.to_vec(),
            response,
        })
    }
}

/// A client's response, still to be judged.
pub(super) struct Response {
    /// Not prepared.
    pub(super) username: String,
    pub(super) authzid: Option<String>,
    nonce: Nonce,
    cnonce: Vec<u8>,
    digest_uri: Vec<u8>,
    response: [u8; 32],
}

impl Response {
    /// What the server says to a client that knows the key; `None` for any other.
    pub(super) fn verify(&self, key: &DigestKey) -> Option<Vec<u8>> {
        let exchange = Exchange {
            nonce: self.nonce.as_str().as_bytes(),
            cnonce: &self.cnonce,
            digest_uri: &self.digest_uri,
            authzid: self.authzid.as_deref().map(str::as_bytes),
        };
        let right = exchange.client_response(key).ct_eq(&self.response);
        let proof = write_rspauth(&exchange.server_response(key));
        bool::from(right).then_some(proof)
    }
}

/// What names and passwords are encoded in.
#[derive(Clone, Copy)]
enum Charset {
    Latin1,
    Utf8,
}

impl Charset {
    fn read(directive: Option<&[u8]>) -> Result<Self, Malformed> {
        match directive {
            None => Ok(Self::Latin1),
            Some(name) if name.eq_ignore_ascii_case(b"utf-8") => Ok(Self::Utf8),
            Some(_) => Err(Malformed),
        }
    }

    fn encode(self, text: &str) -> Option<Vec<u8>> {
        match self {
            Self::Latin1 => key::latin1(text),
            Self::Utf8 => Some(text.as_bytes().to_vec()),
        }
    }

    fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, Malformed> {
        match self {
            Self::Latin1 => Ok(Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())),
            Self::Utf8 => core::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Malformed),
        }
    }
}

impl From<Malformed> for ClientError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<Malformed> for SaslCondition {
    fn from(_: Malformed) -> Self {
        Self::MalformedRequest
    }
}

#[cfg(test)]
mod tests;
