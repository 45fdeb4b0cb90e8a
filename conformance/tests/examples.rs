//! The examples, run as their readers run them: the clients against the server, and the transcript of a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use xmpp_conformance::peers::Example;

const MESSAGE: &str = "Art thou not Romeo, & a <Montague>?";

fn program(example: &'static str) -> PathBuf {
    Example::build(example).unwrap().program().to_owned()
}

/// The server example with the accounts romeo and juliet, ended with its test.
struct Server {
    child: Child,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        let mut child = Command::new(program("server_threads"))
            .env("XMPP_PASSWORD", "secret")
            .args(["--domain", "localhost", "--listen", "127.0.0.1:0"])
            .arg("--cert")
            .arg(cert)
            .arg("--key")
            .arg(key)
            .args(["romeo", "juliet"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        Server { child, address, folder }
    }

    fn client(&self, example: &'static str, password: &str) -> (bool, String) {
        let output = Command::new(program(example))
            .env("XMPP_PASSWORD", password)
            .args(["romeo@localhost/orchard", "--to", "romeo@localhost/orchard", "--message", MESSAGE])
            .args(["--connect", &self.address.to_string(), "--ca"])
            .arg(self.folder.path().join("cert.pem"))
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn clients_talk_through_the_server() {
    let server = Server::start();
    for example in ["client_threads", "client_tokio"] {
        let (success, printed) = server.client(example, "secret");
        let expected = format!(
            "online romeo@localhost/orchard mechanism=SCRAM-SHA-256\nsent\n\
             received romeo@localhost/orchard: {MESSAGE}\nclosed\n"
        );
        assert_eq!((success, printed), (true, expected), "{example}");
        assert_eq!(server.client(example, "guess"), (false, String::new()), "{example}");
    }
}

#[test]
fn transcript_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("stream.xml");
    let header = "<stream:stream to='example.com' version='1.0' xmlns='jabber:client' \
                  xmlns:stream='http://etherx.jabber.org/streams'>";
    let auth = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAByMG0zMG15cjBtMzA=</auth>";
    let bind = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>balcony</resource></bind></iq>";
    let starttls = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
    let lines = [
        header,
        starttls,
        header,
        auth,
        header,
        bind,
        "<message to='romeo@example.com'/>",
        "</stream:stream>",
    ];
    std::fs::write(&file, lines.join("\n")).unwrap();
    let output = Command::new(program("transcript")).arg(&file).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{printed}");
    let kinds: String = printed.lines().filter_map(|line| line.chars().next()).collect();
    assert_eq!(kinds, "><><=><>??<><>?<!>!><!=", "{printed}");
    assert!(
        printed.contains("\n! <message to='romeo@example.com' from='juliet@example.com/balcony'"),
        "{printed}"
    );
    assert!(
        printed.ends_with("! closed: the peer closed the stream\n= transport closed: Graceful\n"),
        "{printed}"
    );
}
