//! The running program, as its clients see it.
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

use std::io::{BufRead as _, Write as _};

use live::*;
use rustix::process::Signal;
use xmpp_core::conn::{AuthenticationFault, ClientConfig, CloseReason};
use xmpp_core::jid::Jid;
use xmpp_core::sasl::{Mechanism, SaslCondition, Secret, Selection};
use xmpp_core::stanza::{Condition, Iq, IqType, Presence, Stanza};
use xmpp_core::stream;
use xmpp_core::xml::{Element, ns};
use xmpp_im::delay::Delay;

fn condition(stanza: &Stanza) -> Condition {
    stanza.error().unwrap().condition()
}

#[tokio::test]
async fn two_accounts_talk_both_ways() {
    let server = Daemon::with(&["romeo", "juliet"]).await;
    let mut romeo = server.client("romeo", "orchard").await;
    let mut juliet = server.client("juliet", "balcony").await;
    assert_eq!(romeo.jid, "romeo@localhost/orchard");
    assert_eq!(romeo.mechanism, Some(Mechanism::ScramSha512Plus));
    juliet.available().await;
    romeo.chat("juliet@localhost", "Art thou not Romeo?").await;
    let (from, body) = juliet.hear().await;
    assert_eq!((from.as_str(), body.as_str()), ("romeo@localhost/orchard", "Art thou not Romeo?"));
    for n in 0..200 {
        juliet.chat(&from, &n.to_string()).await;
    }
    for n in 0..200 {
        assert_eq!(romeo.hear().await, ("juliet@localhost/balcony".to_owned(), n.to_string()));
    }
    assert_eq!(romeo.close().await, CloseReason::Clean);
    assert_eq!(juliet.close().await, CloseReason::Clean);
}

#[tokio::test]
async fn a_roster_is_changed_pushed_and_kept() {
    let server = Daemon::with(&["romeo"]).await;
    let mut orchard = server.client("romeo", "orchard").await;
    let mut tomb = server.client("romeo", "tomb").await;
    assert!(tomb.roster().await.is_empty());
    assert_eq!(orchard.set_contact("juliet@localhost", "Juliet").await.type_(), IqType::Result);
    let push = tomb.find(|stanza| matches!(stanza, Stanza::Iq(iq) if iq.type_() == IqType::Set)).await;
    let query = push.child(ns::ROSTER, "query").unwrap();
    assert_eq!(query.children().next().unwrap().attr("jid"), Some("juliet@localhost"));
    assert_eq!(orchard.roster().await, ["juliet@localhost"]);

    let server = Daemon::run(server.kill(), &[]);
    assert_eq!(server.client("romeo", "orchard").await.roster().await, ["juliet@localhost"]);
}

#[tokio::test]
async fn the_server_answers_pings_and_for_those_who_are_not_there() {
    let server = Daemon::with(&["romeo", "juliet"]).await;
    let mut romeo = server.client("romeo", "orchard").await;
    let pong = romeo.ask(IqType::Get, Element::builder(ns::PING, "ping").build()).await;
    assert_eq!(pong.type_(), IqType::Result);
    // Juliet is not connected, nobody is not there: the same answer.
    for to in ["juliet@localhost", "nobody@localhost", "juliet@localhost/balcony"] {
        let query = Element::builder("urn:example:unheard-of", "query").build();
        romeo.send(Iq::get("q", query).with_to(Jid::new(to).unwrap())).await;
        let error = romeo.find(|stanza| stanza.is_error()).await;
        assert_eq!(condition(&error), Condition::ServiceUnavailable, "{to}");
        assert_eq!(error.from().unwrap().as_str(), to);
    }
}

#[tokio::test]
async fn a_message_waits_for_who_is_not_there_and_comes_once() {
    let server = Daemon::with(&["romeo", "juliet"]).await;
    let mut romeo = server.client("romeo", "orchard").await;
    romeo.chat("juliet@localhost", "1").await;
    romeo.chat("juliet@localhost/balcony", "2").await;
    romeo.ask(IqType::Get, Element::builder(ns::PING, "ping").build()).await;
    // Another life of the server.
    let server = Daemon::run(server.kill(), &[]);
    let mut juliet = server.client("juliet", "balcony").await;
    juliet.available().await;
    for body in ["1", "2"] {
        let message = juliet.find(|stanza| matches!(stanza, Stanza::Message(_))).await;
        assert!(Delay::find(message.children()).is_some());
        let Stanza::Message(message) = message else { unreachable!() };
        assert_eq!(message.body().as_deref(), Some(body));
    }
    juliet.ask(IqType::Get, Element::builder(ns::PING, "ping").build()).await;
    juliet.close().await;
    let mut juliet = server.client("juliet", "chamber").await;
    juliet.available().await;
    let mut romeo = server.client("romeo", "orchard").await;
    romeo.chat("juliet@localhost", "3").await;
    assert_eq!(juliet.hear().await.1, "3", "the others were let go");
}

#[tokio::test]
async fn resources_of_an_account_see_each_other_and_never_share_a_name() {
    let server = Daemon::with(&["romeo"]).await;
    let mut first = server.client("romeo", "orchard").await;
    first.available().await;
    let mut second = server.client("romeo", "orchard").await;
    assert!(second.jid.starts_with("romeo@localhost/"));
    assert_ne!(second.jid, first.jid);
    second.available().await;
    let from = |jid: &str| {
        let jid = jid.to_owned();
        move |stanza: &Stanza| matches!(stanza, Stanza::Presence(_)) && stanza.from().unwrap().as_str() == jid
    };
    first.find(from(&second.jid)).await;
    second.find(from(&first.jid)).await;
    // Without a word: the server says it for her.
    let gone = second.jid.clone();
    drop(second);
    let unavailable = first.find(from(&gone)).await;
    assert!(matches!(unavailable, Stanza::Presence(presence)
        if presence.type_() == xmpp_core::stanza::PresenceType::Unavailable));
    first.send(Presence::available()).await;
}

#[tokio::test]
async fn r3920_14_3_04_nobody_learns_where_others_connect_from() {
    let server = Daemon::with(&["romeo", "juliet"]).await;
    let mut juliet = server.client("juliet", "balcony").await;
    juliet.available().await;
    let mut chamber = server.client("juliet", "chamber").await;
    chamber.available().await;
    let mut romeo = server.client("romeo", "orchard").await;
    romeo.chat("juliet@localhost/balcony", "Art thou not Romeo?").await;
    let from =
        |jid: &'static str| move |stanza: &Stanza| stanza.from().is_some_and(|from| from.as_str() == jid);
    let presence = juliet.find(from("juliet@localhost/chamber")).await;
    assert_eq!(
        presence.to_string(),
        "<presence to='juliet@localhost' from='juliet@localhost/chamber' xml:lang='en'/>"
    );
    let message = juliet.find(from("romeo@localhost/orchard")).await.to_string();
    assert!(!message.contains(&server.address.ip().to_string()), "{message}");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_fail_alike() {
    let server = Daemon::with(&["romeo"]).await;
    let mut failures = Vec::new();
    for login in [
        server.login("romeo", "x").with(|_| ClientConfig::new(jid("romeo@localhost"), Secret::new("wrong"))),
        server.login("nobody", "x"),
    ] {
        failures.push(login.run().await.map(|_| ()).unwrap_err());
    }
    let refused = AuthenticationFault::Refused(SaslCondition::NotAuthorized);
    assert_eq!(failures, [CloseReason::Authentication(refused), CloseReason::Authentication(refused)]);
}

#[tokio::test]
async fn every_mechanism_logs_in() {
    let server = Daemon::with(&["romeo"]).await;
    for mechanism in Mechanism::PASSWORD {
        let only = |config: ClientConfig| config.with_mechanisms(Selection::new().mechanisms(&[mechanism]));
        let romeo = server.login("romeo", "orchard").with(only).run().await.unwrap();
        assert_eq!(romeo.mechanism, Some(mechanism));
        romeo.close().await;
    }
}

#[tokio::test]
async fn a_new_password_counts_from_the_next_login() {
    let server = Daemon::with(&["romeo"]).await;
    let mut romeo = server.client("romeo", "orchard").await;
    let mut passwd = std::process::Command::new(env!("CARGO_BIN_EXE_xmppd"))
        .arg("--data")
        .arg(&server.data)
        .args(["user", "passwd", "romeo@localhost"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    passwd.stdin.take().unwrap().write_all(b"a new one").unwrap();
    assert!(passwd.wait().unwrap().success());
    assert!(server.login("romeo", "orchard").run().await.is_err());
    let new = |_| ClientConfig::new(jid("romeo@localhost"), Secret::new("a new one"));
    server.login("romeo", "orchard").with(new).run().await.unwrap();
    assert!(romeo.roster().await.is_empty(), "who is in stays in");
}

#[tokio::test]
async fn it_says_how_to_begin_and_what_to_mind() {
    let server = Daemon::run(tempfile::tempdir().unwrap(), &[]);
    assert!(server.greeting.contains("serves localhost\n"), "{}", server.greeting);
    assert!(server.greeting.contains("made just now"), "{}", server.greeting);
    let add = format!("xmppd --data {} user add juliet@localhost\n", server.data.display());
    assert!(server.greeting.contains(&add), "{}", server.greeting);

    let outer = server.kill();
    let of = |name| outer.path().join("data").join(name).to_str().unwrap().to_owned();
    let (cert, key) = (of("cert.pem"), of("key.pem"));
    let given = ["--domain", "im.example", "--domain", "IM.example", "--cert", &cert, "--key", &key];
    let server = Daemon::run(outer, &given);
    assert!(server.greeting.contains("serves im.example\n"), "{}", server.greeting);
    assert!(server.greeting.contains("does not name im.example"), "{}", server.greeting);
}

#[tokio::test]
async fn it_says_where_servers_and_components_connect() {
    let server = Daemon::with_arguments(&[
        "--s2s=127.0.0.1:0",
        "--s2s=[::1]:0",
        "--component-listen=127.0.0.1:0",
        "--component=plays.localhost:secret",
    ]);
    let lines: Vec<_> = server.greeting.lines().map(str::trim).collect();
    let address =
        |line: &str| line.split_whitespace().nth(1).unwrap().parse::<std::net::SocketAddr>().unwrap();
    let servers: Vec<_> = lines.iter().filter(|line| line.starts_with("servers")).collect();
    assert_eq!(servers.len(), 2, "{lines:?}");
    for line in servers {
        assert!(
            line.ends_with(
                "(STARTTLS is required; they prove their domains by certificates, else by dialback)"
            )
        );
        drop(std::net::TcpStream::connect(address(line)).unwrap());
    }
    let components = lines.iter().find(|line| line.starts_with("components")).unwrap();
    assert!(components.ends_with("(plays.localhost; nothing is encrypted)"), "{components}");
    drop(std::net::TcpStream::connect(address(components)).unwrap());
    assert!(!server.greeting.contains("secret"));
}

#[tokio::test]
async fn what_cannot_be_served_is_said_in_a_word() {
    let outer = tempfile::tempdir().unwrap();
    let data = outer.path().join("data");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let no_pem = outer.path().join("ca.pem");
    std::fs::write(&no_pem, "no certificate").unwrap();
    let (no_pem, missing) = (no_pem.to_str().unwrap(), outer.path().join("missing.pem"));
    let s2s = "--s2s=127.0.0.1:0";
    for (arguments, code, expected) in [
        (vec!["--s2s", &address], 1, format!("cannot listen on {address}")),
        (vec![s2s, "--ca", no_pem], 1, no_pem.to_owned()),
        (vec![s2s, "--ca", missing.to_str().unwrap()], 1, missing.to_str().unwrap().to_owned()),
        (vec!["--ca", no_pem], 2, "--s2s <ADDR>".to_owned()),
        (vec!["--component=a.localhost:b"], 2, "--component-listen <ADDR>".to_owned()),
        (
            vec!["--component-listen=127.0.0.1:0", "--component=localhost:b"],
            1,
            "localhost is taken: every component needs a domain of its own".to_owned(),
        ),
    ] {
        let output = command(&data, &arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(&expected), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn a_machine_that_trusts_nobody_serves_and_says_so() {
    let outer = tempfile::tempdir().unwrap();
    let empty = outer.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let mut command = command(&outer.path().join("data"), &["--s2s=127.0.0.1:0"]);
    let log = std::fs::File::create(outer.path().join("log")).unwrap();
    let mut child =
        command.env("SSL_CERT_FILE", &empty).env_remove("SSL_CERT_DIR").stderr(log).spawn().unwrap();
    let mut greeting = String::new();
    let mut out = std::io::BufReader::new(child.stdout.take().unwrap());
    while !greeting.ends_with("Ctrl-C.\n") && out.read_line(&mut greeting).unwrap() > 0 {}
    child.kill().unwrap();
    child.wait().unwrap();
    let log = std::fs::read_to_string(outer.path().join("log")).unwrap();
    assert!(greeting.contains("  servers      127.0.0.1:"), "{greeting}{log}");
    assert!(log.contains("this machine trusts no authority"), "{log}");
}

#[tokio::test]
async fn it_says_that_accounts_are_of_domains_that_it_does_not_serve() {
    let outer = tempfile::tempdir().unwrap();
    add_accounts(&outer.path().join("data"), ["romeo".to_owned()]).await;
    let server = Daemon::run(outer, &["--domain", "im.example"]);
    assert!(server.greeting.contains("no account yet, 1 of other domains"), "{}", server.greeting);
}

#[tokio::test]
async fn without_tls_there_is_no_login() {
    let server = Daemon::with(&["romeo"]).await;
    let mut raw = Raw::connect(server.address).await;
    raw.say(HEADER).await;
    let features = raw.until("</stream:features>").await;
    assert!(features.contains("<required/>") && !features.contains("mechanism"), "{features}");
    raw.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHJvbWVvAHM=</auth>").await;
    assert!(raw.until("</failure>").await.contains("<encryption-required/>"));
    // With TLS it goes on.
    raw.say(STARTTLS).await;
    raw.until("<proceed").await;
}

#[tokio::test]
async fn plaintext_is_enough_where_that_was_asked_for_but_never_for_a_password() {
    let outer = tempfile::tempdir().unwrap();
    add_accounts(&outer.path().join("data"), ["romeo".to_owned()]).await;
    let server = Daemon::run(outer, &["--insecure-plaintext"]);
    let mut raw = Raw::connect(server.address).await;
    raw.say(HEADER).await;
    let features = raw.until("</stream:features>").await;
    assert!(features.contains("SCRAM-SHA-256<") && !features.contains("PLAIN"), "{features}");
    raw.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AHJvbWVvAHM=</auth>").await;
    let refused = raw.until("</failure>").await;
    assert!(!refused.contains("not-authorized"), "{refused}");

    let plain = |config: ClientConfig| config.with_tls(xmpp_core::tls::TlsPolicy::Disabled);
    let romeo = server.login("romeo", "orchard").with(plain).run().await.unwrap();
    assert_eq!(romeo.mechanism, Some(Mechanism::ScramSha512));
}

#[tokio::test]
async fn plaintext_behind_starttls_is_fatal() {
    let server = Daemon::with(&[]).await;
    let mut raw = Raw::connect(server.address).await;
    raw.say(HEADER).await;
    raw.until("</stream:features>").await;
    raw.say(format!("{STARTTLS}{HEADER}")).await;
    let rest = raw.rest().await;
    assert!(!rest.contains("proceed"), "{rest}");
}

#[tokio::test]
async fn garbage_and_too_much_end_the_stream_with_its_error_and_nobody_elses() {
    let server = Daemon::with(&["romeo"]).await;
    let mut romeo = server.client("romeo", "orchard").await;
    let attribute = "x".repeat(10_001);
    let oversized =
        format!("{HEADER}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{attribute}'/>");
    for (said, error) in [
        ("GET / HTTP/1.1\r\n\r\n".as_bytes().to_vec(), "<stream:error>"),
        (vec![0xff; 100], "<stream:error>"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".to_vec(), "<stream:error>"),
        (format!("{HEADER}<message/>").into_bytes(), "<not-authorized "),
        (format!("{HEADER}<!-- -->").into_bytes(), "<restricted-xml "),
        (HEADER.replace("localhost", "nowhere.example").into_bytes(), "<host-unknown "),
        (oversized.into_bytes(), "<policy-violation "),
    ] {
        let mut raw = Raw::connect(server.address).await;
        raw.say(&said).await;
        let rest = raw.rest().await;
        assert!(rest.contains(error), "{error} is not in {rest}");
        assert!(rest.ends_with("</stream:stream>"), "{rest}");
    }
    let pong = romeo.ask(IqType::Get, Element::builder(ns::PING, "ping").build()).await;
    assert_eq!(pong.type_(), IqType::Result);
}

#[tokio::test]
async fn sigterm_closes_streams_in_order_and_keeps_what_was_acknowledged() {
    let mut server = Daemon::with(&["romeo", "juliet"]).await;
    let mut romeo = server.client("romeo", "orchard").await;
    let mut juliet = server.client("juliet", "balcony").await;
    for n in 0..20 {
        assert_eq!(romeo.set_contact(&format!("c{n}@localhost"), "c").await.type_(), IqType::Result);
    }
    let mut early = Raw::tls(server.address, &trust(&server.data)).await;
    early.say(HEADER).await;
    early.until("</stream:features>").await;
    server.signal(Signal::TERM);
    for client in [&mut romeo, &mut juliet] {
        match client.ended().await {
            CloseReason::Peer(error) => assert_eq!(error.condition(), stream::Condition::SystemShutdown),
            other => panic!("{other:?}"),
        }
    }
    let rest = early.rest().await;
    assert!(
        rest.contains("<system-shutdown ") && rest.ends_with("</stream:error></stream:stream>"),
        "{rest}"
    );
    drop((romeo, juliet, early));
    assert!(server.wait().success(), "{}", server.log());

    let server = Daemon::run(server.kill(), &[]);
    assert_eq!(server.client("romeo", "orchard").await.roster().await.len(), 20);
}

#[tokio::test]
async fn one_folder_has_one_server() {
    let server = Daemon::with(&[]).await;
    let output = live::command(&server.data, &[]).output().unwrap();
    assert!(!output.status.success());
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("another xmppd serves"), "{error}");
    let outer = server.kill();
    drop(Daemon::run(outer, &[]));
}

#[tokio::test]
async fn a_deleted_account_loses_its_sessions_and_others_keep_theirs() {
    let server = Daemon::with(&["romeo", "juliet"]).await;
    let mut romeo = server.client("romeo", "orchard").await;
    let mut juliet = server.client("juliet", "balcony").await;
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_xmppd"))
        .arg("--data")
        .arg(&server.data)
        .args(["user", "delete", "romeo@localhost"])
        .status();
    assert!(status.unwrap().success());
    assert!(matches!(romeo.ended().await, CloseReason::Peer(error)
        if error.condition() == stream::Condition::NotAuthorized));
    assert!(server.login("romeo", "orchard").run().await.is_err());
    assert!(juliet.roster().await.is_empty());
}

#[tokio::test]
async fn an_account_that_is_deleted_and_added_again_at_once_is_another_one() {
    let server = Daemon::with(&["romeo"]).await;
    let mut romeo = server.client("romeo", "orchard").await;
    romeo.set_contact("juliet@localhost", "Juliet").await;
    let store = xmppd::store::Store::open(&server.data).await.unwrap();
    store.delete_account(&jid("romeo@localhost")).await.unwrap();
    store.add_account(&jid("romeo@localhost"), keys()).await.unwrap();
    assert!(matches!(romeo.ended().await, CloseReason::Peer(error)
        if error.condition() == stream::Condition::NotAuthorized));
    assert!(server.client("romeo", "orchard").await.roster().await.is_empty());
}

#[tokio::test]
async fn the_log_tells_who_came_and_nothing_of_what_was_said() {
    let mut server = Daemon::with(&["romeo"]).await;
    let mut romeo = server.client("romeo", "orchard").await;
    romeo.chat("romeo@localhost/orchard", "a secret").await;
    assert_eq!(romeo.hear().await.1, "a secret");
    romeo.close().await;
    server.signal(Signal::INT);
    assert!(server.wait().success());
    let log = server.log();
    assert!(log.contains("romeo@localhost/orchard") && log.contains("SCRAM-SHA-512-PLUS"), "{log}");
    assert!(!log.contains("a secret") && !log.contains(PASSWORD), "{log}");
}
