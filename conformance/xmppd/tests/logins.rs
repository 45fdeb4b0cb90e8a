//! Every way to log in but the usual one: TLS from the beginning, without an account, by certificate, and with keys that are lacking.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    missing_docs
)]

mod live;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use live::*;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, OtherNameValue,
    PKCS_ECDSA_P256_SHA256, SanType,
};
use rustls::pki_types::{PrivatePkcs8KeyDer, ServerName};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use xmpp_core::conn::{AuthenticationFault, ClientConfig, CloseReason};
use xmpp_core::sasl::{Mechanism, SaslCondition, ScramHash, ScramKeys, Secret, Selection};
use xmpp_core::stanza::{Condition, Stanza};
use xmppd::store::Store;

const DIRECT: [&str; 2] = ["--c2s-tls", "127.0.0.1:0"];

fn refused(condition: SaslCondition) -> CloseReason {
    CloseReason::Authentication(AuthenticationFault::Refused(condition))
}

/// A running server with these accounts, and these arguments.
async fn daemon(names: &[&str], arguments: &[&str]) -> Daemon {
    let outer = tempfile::tempdir().unwrap();
    add_accounts(&outer.path().join("data"), names.iter().map(|name| (*name).to_owned())).await;
    Daemon::run(outer, arguments)
}

fn only(mechanism: Mechanism) -> impl Fn(ClientConfig) -> ClientConfig {
    move |config| config.with_mechanisms(Selection::new().mechanisms(&[mechanism]))
}

/// What is offered under TLS.
async fn features(server: &Daemon) -> String {
    let mut raw = Raw::tls(server.address, &trust(&server.data)).await;
    raw.say(HEADER).await;
    raw.until("</stream:features>").await
}

#[tokio::test]
async fn tls_may_come_first_and_its_names_have_to_agree() {
    let server = daemon(&["romeo"], &DIRECT).await;
    let address = server.tls_address();
    for alpn in [&[][..], &["xmpp-client"], &["h2", "xmpp-client"]] {
        let connector = connector(&server.data, None, alpn);
        let romeo = Login::new(address, connector, "romeo", "orchard").direct().run().await.unwrap();
        assert_eq!(romeo.mechanism, Some(Mechanism::ScramSha512Plus), "{alpn:?}");
        assert_eq!(romeo.close().await, CloseReason::Clean);
    }
    for alpn in [&["h2"][..], &["xmpp-server"]] {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let refused = connector(&server.data, None, alpn).connect(name, stream).await.unwrap_err();
        assert!(refused.to_string().to_lowercase().contains("noapplicationprotocol"), "{refused}");
    }
}

#[tokio::test]
async fn there_is_no_starttls_under_tls() {
    let server = daemon(&[], &DIRECT).await;
    let stream = TcpStream::connect(server.tls_address()).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = trust(&server.data).connect(name, stream).await.unwrap();
    let mut raw = Raw { stream, heard: String::new() };
    raw.say(HEADER).await;
    let features = raw.until("</stream:features>").await;
    assert!(!features.contains("starttls") && features.contains("SCRAM-SHA-512-PLUS"), "{features}");
}

#[tokio::test]
async fn who_does_not_begin_with_tls_there_gets_no_stream() {
    let server = daemon(&["romeo"], &DIRECT).await;
    for said in [HEADER.as_bytes(), &[0xff; 100]] {
        let mut raw = Raw::connect(server.tls_address()).await;
        raw.say(said).await;
        let mut heard = Vec::new();
        let _ = tokio::time::timeout(PATIENCE, raw.stream.read_to_end(&mut heard)).await.unwrap();
        // A TLS alert at the most.
        assert!(heard.len() <= 7 && !heard.starts_with(b"<"), "{heard:?}");
    }
    server.client("romeo", "orchard").await;
}

fn guest(config: ClientConfig) -> ClientConfig {
    drop(config);
    ClientConfig::anonymous(jid("localhost")).with_trace("romeo@example.net")
}

#[tokio::test]
async fn nobody_in_particular_may_come_and_talk_to_who_is_here() {
    let server = daemon(&["juliet"], &["--anonymous"]).await;
    assert!(server.greeting.contains("without an account, 1000 at once"), "{}", server.greeting);
    let mut juliet = server.client("juliet", "balcony").await;
    juliet.available().await;
    let mut guest = server.login("any", "any").with(self::guest).run().await.unwrap();
    let other = server.login("any", "any").with(self::guest).run().await.unwrap();
    assert_eq!(guest.mechanism, Some(Mechanism::Anonymous));
    assert_ne!(jid(guest.jid.split('/').next().unwrap()), jid(other.jid.split('/').next().unwrap()));

    assert!(guest.roster().await.is_empty());
    guest.chat("juliet@localhost", "Who am I?").await;
    assert_eq!(juliet.hear().await, (guest.jid.clone(), "Who am I?".to_owned()));
    let address = guest.jid.clone();
    juliet.chat(&address, "Thou art nobody").await;
    assert_eq!(guest.hear().await.1, "Thou art nobody");

    guest.chat("romeo@example.net", "?").await;
    let error = guest.find(Stanza::is_error).await;
    assert_eq!(error.error().unwrap().condition(), Condition::Forbidden);
    // Nothing is kept, nor left when it goes.
    assert_eq!(guest.close().await, CloseReason::Clean);
    juliet.chat(&address, "Gone?").await;
    let error = juliet.find(Stanza::is_error).await;
    assert_eq!(error.error().unwrap().condition(), Condition::ServiceUnavailable);
    let store = Store::open(&server.data).await.unwrap();
    assert_eq!(store.list_accounts().await.unwrap(), [jid("juliet@localhost")]);
}

#[tokio::test]
async fn nobody_in_particular_is_not_let_in_unasked() {
    let server = daemon(&["romeo"], &[]).await;
    assert!(!features(&server).await.contains("ANONYMOUS"));
    let mut raw = Raw::tls(server.address, &trust(&server.data)).await;
    raw.say(HEADER).await;
    raw.until("</stream:features>").await;
    raw.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'>=</auth>").await;
    assert!(raw.until("</failure>").await.contains("<invalid-mechanism/>"));
}

/// Who certifies clients.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut parameters = CertificateParams::default();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(parameters, KeyPair::generate().unwrap()).unwrap())
    }

    fn write(&self, path: &Path) {
        fs::write(path, self.0.pem()).unwrap();
    }

    /// A certificate for accounts.
    fn certify(&self, accounts: &[&str]) -> Certified {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut parameters = CertificateParams::default();
        for account in accounts {
            let address = OtherNameValue::Utf8String((*account).to_owned());
            // id-on-xmppAddr
            parameters.subject_alt_names.push(SanType::OtherName((vec![1, 3, 6, 1, 5, 5, 7, 8, 5], address)));
        }
        let certificate = parameters.signed_by(&key, &self.0).unwrap();
        (certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into())
    }
}

#[tokio::test]
async fn a_certificate_stands_for_a_password() {
    let outer = tempfile::tempdir().unwrap();
    let (data, ca) = (outer.path().join("data"), outer.path().join("ca.pem"));
    add_accounts(&data, ["romeo".to_owned()]).await;
    let store = Store::open(&data).await.unwrap();
    // Who logs in by certificate only needs no keys.
    store.add_account(&jid("juliet@localhost"), &[]).await.unwrap();
    store.close().await;
    let authority = Authority::new();
    authority.write(&ca);
    let server = Daemon::run(outer, &["--client-ca", ca.to_str().unwrap(), DIRECT[0], DIRECT[1]]);
    assert!(server.greeting.contains("EXTERNAL"), "{}", server.greeting);
    let external = |account: &str, own: Certified| {
        let account = jid(account);
        let connector = connector(&server.data, Some(own), &[]);
        Login::new(server.address, connector, "any", "any").with(|_| ClientConfig::external(account))
    };

    for account in ["romeo@localhost", "juliet@localhost"] {
        let mut client = external(account, authority.certify(&[account])).run().await.unwrap();
        assert_eq!(client.mechanism, Some(Mechanism::External));
        assert!(client.jid.starts_with(account), "{}", client.jid);
        assert!(client.roster().await.is_empty());
        client.close().await;
    }
    // TLS first, and one certificate for two accounts: the client says which.
    let two = authority.certify(&["romeo@localhost", "juliet@localhost"]);
    let login =
        Login::new(server.tls_address(), connector(&server.data, Some(two), &["xmpp-client"]), "any", "any");
    let juliet = |_| ClientConfig::external(jid("juliet@localhost")).with_authzid(jid("juliet@localhost"));
    let client = login.with(juliet).direct().run().await.unwrap();
    assert!(client.jid.starts_with("juliet@localhost/"), "{}", client.jid);

    // The account has to exist.
    let gone = external("nobody@localhost", authority.certify(&["nobody@localhost"])).run().await;
    assert_eq!(gone.map(|client| client.jid), Err(refused(SaslCondition::NotAuthorized)));
    // Of another domain, of another authority, or none: it is not offered.
    for own in [
        authority.certify(&["romeo@example.net"]),
        authority.certify(&[]),
        Authority::new().certify(&["romeo@localhost"]),
    ] {
        let outcome = external("romeo@localhost", own).run().await.map(|client| client.jid);
        assert!(matches!(outcome, Err(CloseReason::Authentication(_))), "{outcome:?}");
    }
    assert!(!features(&server).await.contains("EXTERNAL"));
    // Nobody is somebody else.
    let other = |config: ClientConfig| config.with_authzid(jid("juliet@localhost"));
    let outcome =
        external("romeo@localhost", authority.certify(&["romeo@localhost"])).with(other).run().await;
    assert_eq!(outcome.map(|client| client.jid), Err(refused(SaslCondition::InvalidAuthzid)));
    // Passwords are as good as ever, also for who has a certificate that nobody vouches for.
    let own = Authority::new().certify(&["romeo@localhost"]);
    let login = Login::new(server.address, connector(&server.data, Some(own), &[]), "romeo", "orchard");
    assert_eq!(login.run().await.unwrap().mechanism, Some(Mechanism::ScramSha512Plus));
}

#[tokio::test]
async fn clients_are_not_asked_for_certificates_without_need() {
    let server = daemon(&["romeo"], &[]).await;
    let connector = connector(&server.data, Some(Authority::new().certify(&["romeo@localhost"])), &[]);
    let login = Login::new(server.address, connector, "any", "any")
        .with(|_| ClientConfig::external(jid("romeo@localhost")));
    let outcome = login.run().await.map(|client| client.jid);
    assert!(matches!(outcome, Err(CloseReason::Authentication(_))), "{outcome:?}");
}

#[test]
fn a_file_without_authorities_stops_the_start() {
    let outer = tempfile::tempdir().unwrap();
    let ca = outer.path().join("ca.pem");
    fs::write(&ca, "nothing").unwrap();
    let output =
        command(&outer.path().join("data"), &["--client-ca", ca.to_str().unwrap()]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("ca.pem"), "{error}");
}

async fn hashes(data: &Path, account: &str) -> Vec<ScramHash> {
    let store = Store::open(data).await.unwrap();
    let keys = store.credentials(&jid(account)).await.unwrap().unwrap();
    store.close().await;
    keys.iter().map(ScramKeys::hash).collect()
}

#[tokio::test]
async fn keys_that_an_account_lacks_are_made_when_its_password_is_shown() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    add_accounts(&data, ["juliet".to_owned()]).await;
    let store = Store::open(&data).await.unwrap();
    store.add_account(&jid("romeo@localhost"), &keys()[..1]).await.unwrap();
    store.close().await;
    let server = Daemon::run(outer, &[]);

    // Nobody is offered what somebody would fail by.
    let offered = features(&server).await;
    assert!(
        offered.contains(">SCRAM-SHA-1<") && !offered.contains("SHA-256") && !offered.contains("SHA-512"),
        "{offered}"
    );
    for name in ["romeo", "juliet"] {
        let client = server.client(name, "x").await;
        assert_eq!(client.mechanism, Some(Mechanism::ScramSha1Plus));
    }
    let wrong = |_| only(Mechanism::Plain)(ClientConfig::new(jid("romeo@localhost"), Secret::new("wrong")));
    let outcome = server.login("romeo", "x").with(wrong).run().await;
    assert_eq!(outcome.map(|client| client.jid), Err(refused(SaslCondition::NotAuthorized)));
    assert_eq!(hashes(&server.data, "romeo@localhost").await, [ScramHash::Sha1]);

    server.login("romeo", "x").with(only(Mechanism::Plain)).run().await.unwrap();
    let start = Instant::now();
    while hashes(&server.data, "romeo@localhost").await != ScramHash::ALL
        || !features(&server).await.contains("SCRAM-SHA-512")
    {
        assert!(start.elapsed() < PATIENCE, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for mechanism in
        [Mechanism::ScramSha512Plus, Mechanism::ScramSha512, Mechanism::ScramSha256, Mechanism::Plain]
    {
        for name in ["romeo", "juliet"] {
            let client = server.login(name, "x").with(only(mechanism)).run().await.unwrap();
            assert_eq!(client.mechanism, Some(mechanism));
        }
    }
    assert!(!server.log().contains(PASSWORD));
}

#[tokio::test]
async fn keys_that_another_process_makes_count_too() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let store = Store::open(&data).await.unwrap();
    store.add_account(&jid("romeo@localhost"), &keys()[..2]).await.unwrap();
    let server = Daemon::run(outer, &[]);
    assert!(!features(&server).await.contains("SHA-512"));
    store.set_keys(&jid("romeo@localhost"), keys()).await.unwrap();
    let start = Instant::now();
    while !features(&server).await.contains("SHA-512") {
        assert!(start.elapsed() < PATIENCE, "{}", server.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(server.client("romeo", "x").await.mechanism, Some(Mechanism::ScramSha512Plus));
}
