//! SASL as XMPP uses it, both ends, as machines that take bytes and give bytes.
//!
//! * RFC 5802, RFC 7677: SCRAM with SHA-1, SHA-256 and SHA-512, with and without `-PLUS`
//! * RFC 4616: PLAIN
//! * RFC 4422 appendix A: EXTERNAL; RFC 4505: ANONYMOUS
//! * RFC 2831: DIGEST-MD5, with the feature `digest-md5`, which is off
//! * XEP-0440: the list of channel binding types; XEP-0474: the hash that protects what was offered
//! * RFC 9266, RFC 5929: the channel bindings `tls-exporter` and `tls-server-end-point`
//! * RFC 6120 section 6 (RFC 3920 section 6): the XMPP profile, its payload framing and conditions
//!
//! What it does not do: it knows no XML and no addresses, counts no attempts, compares no authzid
//! with an account, stores no credentials, and never derives a key on its own. PBKDF2 is slow by
//! design, so it leaves as a [`DeriveKey`] for the embedder to run where it may block.
//!
//! # Example
//!
//! The exchange of RFC 5802 section 5, both ends:
//!
//! ```
//! use xmpp_core::sasl::{client, server, Bindings, Mechanism, Nonce, Offer, ScramHash, ScramKeys, Secret, Selection};
//!
//! // What the server has stored.
//! let salt = [0x41, 0x25, 0xc2, 0x47, 0xe4, 0x3a, 0xb1, 0xe9, 0x3c, 0x6d, 0xff, 0x76];
//! let keys = ScramKeys::for_password(ScramHash::Sha1, &Secret::new("pencil"), salt, 4096)?;
//! let decoy = server::Decoy::new([7; 32]);
//!
//! // The client picks the best mechanism both know, and speaks first.
//! let offer = Offer::new(["PLAIN", "SCRAM-SHA-1"]);
//! let choice = Selection::new().choose(&offer, &Bindings::new(), false)?;
//! let nonce = Nonce::new("fyko+d2lbbFgONRv9qkxdawL")?;
//! let (mut client, first) = client::Start::new(choice, "user", Secret::new("pencil"), nonce).start()?;
//! let first = first.expect("SCRAM is the client's to start");
//! assert_eq!(first.as_bytes(), b"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
//!
//! let nonce = Nonce::new("3rfcNHYJY1ZVvWVs7j")?;
//! let mut server = server::Start::new(Mechanism::ScramSha1, nonce, decoy).start();
//! let server::ServerStep::Credentials { username, .. } = server.step(first.as_bytes()) else { panic!() };
//! assert_eq!(username, "user");
//! let answer = server::CredentialsAnswer::Keys(keys);
//! let server::ServerStep::Challenge(challenge) = server.credentials(answer) else { panic!() };
//! assert_eq!(challenge, b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
//!
//! let client::ClientStep::Derive(question) = client.challenge(&challenge)? else { panic!() };
//! let response = client.derived(&question.run())?; // `run` belongs on a thread that may block
//! assert!(response.ends_with(b",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="));
//!
//! let server::ServerStep::Success { data, .. } = server.step(&response) else { panic!() };
//! assert_eq!(data.as_deref(), Some(&b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ="[..]));
//! client.success(data.as_deref())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod anonymous;
mod binding;
pub mod client;
mod condition;
#[cfg(feature = "digest-md5")]
mod digest_md5;
pub(crate) mod external;
pub mod framing;
mod keys;
mod mechanism;
mod nonce;
mod offer;
mod plain;
mod policy;
mod prepare;
mod scram;
mod secret;
pub mod server;
#[cfg(test)]
mod tests;

pub use binding::{BindingKind, Bindings, ChannelBinding};
pub use condition::SaslCondition;
#[cfg(feature = "digest-md5")]
pub use digest_md5::DigestKey;
pub use keys::{DeriveKey, KeyError, ScramKeys};
pub use mechanism::{Mechanism, ScramHash};
pub use nonce::{InvalidNonce, Nonce};
pub use offer::Offer;
pub use policy::{Choice, PlainPolicy, PolicyError, Selection};
pub use scram::ServerError;
pub use secret::{SaltedPassword, Secret};

/// The longest authentication identity taken or sent, in bytes once unescaped: the longest
/// localpart an address can have (RFC 6122 section 2.3).
pub const MAX_USERNAME: usize = 1023;
/// The longest authorization identity taken or sent, in bytes once unescaped: the longest bare
/// address, two parts and an `@` (RFC 6122 section 2.1).
pub const MAX_AUTHZID: usize = 2047;
/// The longest password taken or sent, in bytes once prepared. RFC 4616 section 2 asks for 255.
pub const MAX_PASSWORD: usize = 1023;
/// The longest part that one side adds to a SCRAM nonce, in bytes.
pub const MAX_NONCE: usize = 256;
/// The longest SCRAM salt taken or stored, in bytes.
pub const MAX_SALT: usize = 256;
/// The longest SASL message taken, in bytes before base64. Both identities at their limits and
/// fully escaped still fit.
pub const MAX_MESSAGE: usize = 12_288;
