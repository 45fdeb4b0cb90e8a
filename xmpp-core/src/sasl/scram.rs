//! The messages of SCRAM (RFC 5802 section 7), read strictly and written.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::nonce::is_nonce;
use super::{MAX_AUTHZID, MAX_MESSAGE, MAX_NONCE, MAX_SALT, MAX_USERNAME};

/// Why a message was not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It violates the grammar or a limit.
    Malformed,
    /// It holds the reserved `m`: a mandatory extension, and none is known (section 5.1).
    Extension,
}

/// `gs2-cbind-flag`, with the binding type's name as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flag<'a> {
    NotSupported,
    ServerLacks,
    Bound(&'a str),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFirst<'a> {
    /// `gs2-header`, as it came.
    pub(super) gs2_header: &'a str,
    pub(super) flag: Flag<'a>,
    /// Unescaped, not prepared.
    pub(super) authzid: Option<Cow<'a, str>>,
    /// `client-first-message-bare`, as it came.
    pub(super) bare: &'a str,
    /// Unescaped, not prepared.
    pub(super) username: Cow<'a, str>,
    pub(super) nonce: &'a str,
}

impl<'a> ClientFirst<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let message = text(bytes)?;
        let (flag_text, rest) = message.split_once(',').ok_or(Fault::Malformed)?;
        let (authzid_text, bare) = rest.split_once(',').ok_or(Fault::Malformed)?;
        let gs2_len = message.len() - bare.len();
        let (gs2_header, _) = message.split_at_checked(gs2_len).ok_or(Fault::Malformed)?;

        let flag = match flag_text {
            "n" => Flag::NotSupported,
            "y" => Flag::ServerLacks,
            _ => Flag::Bound(
                flag_text.strip_prefix("p=").filter(|kind| is_cb_name(kind)).ok_or(Fault::Malformed)?,
            ),
        };
        let authzid = match authzid_text {
            "" => None,
            _ => Some(unescape(attribute(authzid_text, "a=")?, MAX_AUTHZID)?),
        };
        let mut attributes = bare.split(',');
        let username = unescape(next(&mut attributes, "n=")?, MAX_USERNAME)?;
        let nonce = next(&mut attributes, "r=")?;
        if !is_nonce(nonce, MAX_NONCE) {
            return Err(Fault::Malformed);
        }
        extensions(attributes)?;
        Ok(Self { gs2_header, flag, authzid, bare, username, nonce })
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ServerFirst<'a> {
    /// The whole message, as it came.
    pub(super) message: &'a str,
    /// Both parts of it.
    pub(super) nonce: &'a str,
    pub(super) salt: Vec<u8>,
    /// `None` when the number is too large to hold.
    pub(super) iterations: Option<u32>,
    /// The value of `h`: what the server says of its offer (XEP-0474 section 6.1).
    pub(super) protection: Option<&'a str>,
}

impl<'a> ServerFirst<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let message = text(bytes)?;
        let mut attributes = message.split(',');
        let nonce = next(&mut attributes, "r=")?;
        let salt = base64(next(&mut attributes, "s=")?)?;
        let iterations = next(&mut attributes, "i=")?;
        let is_number = !iterations.starts_with('0')
            && !iterations.is_empty()
            && iterations.bytes().all(|byte| byte.is_ascii_digit());
        if !is_nonce(nonce, MAX_NONCE * 2) || salt.len() > MAX_SALT || !is_number {
            return Err(Fault::Malformed);
        }
        extensions(attributes.clone())?;
        let mut protections = attributes.filter_map(|attribute| attribute.strip_prefix("h="));
        let protection = protections.next();
        if protections.next().is_some() {
            return Err(Fault::Malformed);
        }
        Ok(Self { message, nonce, salt, iterations: iterations.parse().ok(), protection })
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFinal<'a> {
    /// `client-final-message-without-proof`, as it came.
    pub(super) without_proof: &'a str,
    /// The value of `c`, still base64.
    pub(super) channel_binding: &'a str,
    pub(super) nonce: &'a str,
    pub(super) proof: Vec<u8>,
}

impl<'a> ClientFinal<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        // Extensions may stand before the proof, which is always last.
        let (without_proof, proof) = text(bytes)?.rsplit_once(',').ok_or(Fault::Malformed)?;
        let mut attributes = without_proof.split(',');
        let channel_binding = next(&mut attributes, "c=")?;
        let nonce = next(&mut attributes, "r=")?;
        extensions(attributes)?;
        let proof = base64(attribute(proof, "p=")?)?;
        Ok(Self { without_proof, channel_binding, nonce, proof })
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum ServerFinal {
    Verifier(Vec<u8>),
    Error(ServerError),
}

impl ServerFinal {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, Fault> {
        let mut attributes = text(bytes)?.split(',');
        let first = attributes.next().unwrap_or_default();
        let outcome = match first.strip_prefix("e=") {
            Some(error) if is_value(error) => Self::Error(ServerError::from_name(error)),
            Some(_) => return Err(Fault::Malformed),
            None => Self::Verifier(base64(attribute(first, "v=")?)?),
        };
        extensions(attributes)?;
        Ok(outcome)
    }
}

/// `gs2-header` for these identities.
pub(super) fn gs2_header(flag: Flag<'_>, authzid: Option<&str>) -> String {
    let mut header = String::new();
    match flag {
        Flag::NotSupported => header.push('n'),
        Flag::ServerLacks => header.push('y'),
        Flag::Bound(kind) => header.extend(["p=", kind]),
    }
    header.push(',');
    if let Some(authzid) = authzid {
        header.push_str("a=");
        escape_into(&mut header, authzid);
    }
    header.push(',');
    header
}

/// `client-first-message-bare`.
pub(super) fn client_first_bare(username: &str, nonce: &str) -> String {
    let mut bare = String::from("n=");
    escape_into(&mut bare, username);
    bare.extend([",r=", nonce]);
    bare
}

/// `server-first-message`, with what protects the offer, if there is an offer to protect (XEP-0474 section 6.1).
pub(super) fn server_first(nonce: &str, salt: &[u8], iterations: u32, protection: Option<&str>) -> String {
    let mut message = alloc::format!("r={nonce},s={},i={iterations}", STANDARD.encode(salt));
    if let Some(protection) = protection {
        message.extend([",h=", protection]);
    }
    message
}

/// The value of `c`: the header, followed by the binding's data when there is one.
pub(super) fn channel_binding(gs2_header: &str, data: &[u8]) -> String {
    STANDARD.encode([gs2_header.as_bytes(), data].concat())
}

/// `client-final-message-without-proof`.
pub(super) fn without_proof(channel_binding: &str, nonce: &str) -> String {
    alloc::format!("c={channel_binding},r={nonce}")
}

/// `client-final-message`.
pub(super) fn client_final(without_proof: &str, proof: &[u8]) -> String {
    alloc::format!("{without_proof},p={}", STANDARD.encode(proof))
}

/// `server-final-message` of a success.
pub(super) fn server_final(signature: &[u8]) -> String {
    alloc::format!("v={}", STANDARD.encode(signature))
}

/// The message as text within its limit. No production of the grammar has a NUL.
fn text(bytes: &[u8]) -> Result<&str, Fault> {
    if bytes.len() > MAX_MESSAGE || bytes.contains(&0) {
        return Err(Fault::Malformed);
    }
    core::str::from_utf8(bytes).map_err(|_| Fault::Malformed)
}

/// The value of the next attribute, which has to be this one.
fn next<'a>(attributes: &mut core::str::Split<'a, char>, name: &str) -> Result<&'a str, Fault> {
    attribute(attributes.next().ok_or(Fault::Malformed)?, name)
}

fn attribute<'a>(attribute: &'a str, name: &str) -> Result<&'a str, Fault> {
    match attribute.strip_prefix(name) {
        Some(value) => Ok(value),
        None if attribute.starts_with("m=") => Err(Fault::Extension),
        None => Err(Fault::Malformed),
    }
}

/// Optional extensions: unknown attributes are ignored (section 7). Those the RFC defines have their
/// places elsewhere, and `m` is understood nowhere.
fn extensions<'a>(attributes: impl Iterator<Item = &'a str>) -> Result<(), Fault> {
    for attribute in attributes {
        let (name, value) = attribute.split_once('=').ok_or(Fault::Malformed)?;
        match name.as_bytes() {
            b"m" => return Err(Fault::Extension),
            b"a" | b"c" | b"e" | b"i" | b"n" | b"p" | b"r" | b"s" | b"v" => return Err(Fault::Malformed),
            [letter] if letter.is_ascii_alphabetic() && is_value(value) => {}
            _ => return Err(Fault::Malformed),
        }
    }
    Ok(())
}

/// `value`. Commas and NUL are gone before.
fn is_value(value: &str) -> bool {
    !value.is_empty()
}

/// `cb-name`.
fn is_cb_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
}

fn base64(value: &str) -> Result<Vec<u8>, Fault> {
    STANDARD.decode(value).map_err(|_| Fault::Malformed)
}

/// Writes a `saslname` (section 5.1, `n`).
fn escape_into(out: &mut String, name: &str) {
    for character in name.chars() {
        match character {
            ',' => out.push_str("=2C"),
            '=' => out.push_str("=3D"),
            _ => out.push(character),
        }
    }
}

/// Reads a `saslname`: an `=` that starts neither escape is an error (section 5.1, `n`).
fn unescape(name: &str, max: usize) -> Result<Cow<'_, str>, Fault> {
    let mut parts = name.split('=');
    let mut plain = Cow::Borrowed(parts.next().unwrap_or_default());
    for part in parts {
        let (character, rest) = match (part.strip_prefix("2C"), part.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(Fault::Malformed),
        };
        let plain = plain.to_mut();
        plain.push(character);
        plain.push_str(rest);
    }
    if (1..=max).contains(&plain.len()) { Ok(plain) } else { Err(Fault::Malformed) }
}

/// An error a server reports inside its final message, `server-error-value` in RFC 5802 section 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ServerError {
    /// `invalid-encoding`
    InvalidEncoding,
    /// `extensions-not-supported`
    ExtensionsNotSupported,
    /// `invalid-proof`: most often a wrong password.
    InvalidProof,
    /// `channel-bindings-dont-match`: somebody sits between the two TLS ends.
    ChannelBindingsDontMatch,
    /// `server-does-support-channel-binding`: somebody took the `-PLUS` mechanisms off the list.
    ServerDoesSupportChannelBinding,
    /// `channel-binding-not-supported`
    ChannelBindingNotSupported,
    /// `unsupported-channel-binding-type`
    UnsupportedChannelBindingType,
    /// `unknown-user`
    UnknownUser,
    /// `invalid-username-encoding`
    InvalidUsernameEncoding,
    /// `no-resources`
    NoResources,
    /// `other-error`, and every value that the RFC does not define.
    OtherError,
}

impl ServerError {
    const ALL: [Self; 11] = [
        Self::InvalidEncoding,
        Self::ExtensionsNotSupported,
        Self::InvalidProof,
        Self::ChannelBindingsDontMatch,
        Self::ServerDoesSupportChannelBinding,
        Self::ChannelBindingNotSupported,
        Self::UnsupportedChannelBindingType,
        Self::UnknownUser,
        Self::InvalidUsernameEncoding,
        Self::NoResources,
        Self::OtherError,
    ];

    /// The value on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidEncoding => "invalid-encoding",
            Self::ExtensionsNotSupported => "extensions-not-supported",
            Self::InvalidProof => "invalid-proof",
            Self::ChannelBindingsDontMatch => "channel-bindings-dont-match",
            Self::ServerDoesSupportChannelBinding => "server-does-support-channel-binding",
            Self::ChannelBindingNotSupported => "channel-binding-not-supported",
            Self::UnsupportedChannelBindingType => "unsupported-channel-binding-type",
            Self::UnknownUser => "unknown-user",
            Self::InvalidUsernameEncoding => "invalid-username-encoding",
            Self::NoResources => "no-resources",
            Self::OtherError => "other-error",
        }
    }

    fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|error| error.name() == name).unwrap_or(Self::OtherError)
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
