//! The account commands, as their users run them: the program, its input, its output, its exit status.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

/// What a run of the program left behind.
struct Outcome {
    status: i32,
    out: String,
    err: String,
}

impl Outcome {
    fn succeeded(self) -> String {
        assert_eq!((self.status, self.err.as_str()), (0, ""), "stdout: {}", self.out);
        self.out
    }

    /// Failed with this status and these words, and printed nothing else.
    fn failed(self, status: i32, words: &str) {
        assert_eq!((self.status, self.out.as_str()), (status, ""), "stderr: {}", self.err);
        assert!(self.err.contains(words), "{:?} does not contain {words:?}", self.err);
    }
}

struct Server {
    _outer: TempDir,
    data: PathBuf,
}

impl Server {
    /// A data folder that does not exist yet.
    fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        let data = outer.path().join("data");
        Self { _outer: outer, data }
    }

    fn spawn(&self, args: &[&str], input: &[u8]) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_xmppd"))
            .arg("--data")
            .arg(&self.data)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A program that fails early does not read it.
        let _ = child.stdin.take().unwrap().write_all(input);
        child
    }

    fn run(&self, args: &[&str], input: impl AsRef<[u8]>) -> Outcome {
        outcome(self.spawn(args, input.as_ref()))
    }

    fn add(&self, jid: &str, input: impl AsRef<[u8]>) -> Outcome {
        self.run(&["user", "add", jid], input)
    }

    fn list(&self) -> Vec<String> {
        self.run(&["user", "list"], "").succeeded().lines().map(str::to_owned).collect()
    }

    /// The bytes of every file in the data folder.
    fn bytes_on_disk(&self) -> Vec<u8> {
        fs::read_dir(&self.data).unwrap().flat_map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
    }
}

fn outcome(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    Outcome {
        status: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_first_account_makes_the_store() {
    let server = Server::new();
    assert_eq!(server.add("juliet@localhost", "s3cret\n").succeeded(), "");
    assert_eq!(server.list(), ["juliet@localhost"]);
    assert_eq!(mode(&server.data), 0o700);
    assert_eq!(mode(&server.data.join("xmppd.sqlite")), 0o600);
}

#[test]
fn the_data_folder_is_in_the_current_one_by_default() {
    let outer = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_xmppd"))
        .args(["user", "add", "juliet@localhost"])
        .current_dir(outer.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"s3cret").unwrap();
    assert!(child.wait().unwrap().success());
    assert!(outer.path().join("xmppd-data/xmppd.sqlite").exists());
}

#[test]
fn accounts_are_listed_sorted() {
    let server = Server::new();
    for jid in ["romeo@localhost", "juliet@example.org", "juliet@localhost", "nurse@localhost"] {
        server.add(jid, "x").succeeded();
    }
    assert_eq!(
        server.list(),
        ["juliet@example.org", "juliet@localhost", "nurse@localhost", "romeo@localhost"]
    );
}

#[test]
fn addresses_are_prepared() {
    let server = Server::new();
    for (given, prepared) in [
        ("JULIET@LocalHost", "juliet@localhost"),
        ("\u{FF32}omeo@localhost", "romeo@localhost"),
        ("STRASSE@B\u{dc}CHER.example", "strasse@b\u{fc}cher.example"),
        ("stra\u{df}e2@localhost", "strasse2@localhost"),
        ("\u{430}\u{43d}\u{43d}\u{430}@localhost", "\u{430}\u{43d}\u{43d}\u{430}@localhost"),
        ("o'hara-not.quoted+tag@xn--bcher-kva.example", ""),
    ] {
        if prepared.is_empty() {
            // An apostrophe is not allowed in a node (RFC 3920, appendix A.5).
            server.add(given, "x").failed(2, "invalid value");
            continue;
        }
        server.add(given, "x").succeeded();
        assert!(server.list().contains(&prepared.to_owned()), "{given}");
        server.add(prepared, "x").failed(1, "there is an account of that address already");
    }
    server.run(&["user", "delete", "strasse@XN--BCHER-KVA.example"], "").succeeded();
}

#[test]
fn an_account_is_added_once() {
    let server = Server::new();
    server.add("juliet@localhost", "first").succeeded();
    server
        .add("Juliet@localhost", "second")
        .failed(1, "juliet@localhost: there is an account of that address already");
    assert_eq!(server.list(), ["juliet@localhost"]);
}

#[test]
fn what_is_no_account_address_is_a_usage_error() {
    let server = Server::new();
    let too_long = format!("{}@localhost", "x".repeat(1024));
    for command in ["add", "delete", "passwd"] {
        for bad in
            ["localhost", "juliet@localhost/balcony", "@localhost", "juliet@", "a b@localhost", "", &too_long]
        {
            server.run(&["user", command, bad], "x").failed(2, "invalid value");
        }
        server.run(&["user", command], "x").failed(2, "<JID>");
    }
    assert!(!server.data.exists(), "nothing was made");
}

#[test]
fn a_password_that_cannot_be_used_adds_no_account() {
    let server = Server::new();
    for (input, words) in [
        (&b""[..], "the password is empty"),
        (b"\n", "the password is empty"),
        (b"\r\nsecond line", "the password is empty"),
        (b"\xff\xfe", "SASLprep"),
        (b"bell\x07", "SASLprep"),
        ("\u{0221}".as_bytes(), "SASLprep"),
        (&[b'x'; 1024], "longer than 1023 bytes"),
    ] {
        server.add("juliet@localhost", input).failed(1, words);
    }
    assert!(server.list().is_empty());
    server.add("juliet@localhost", [b'x'; 1023]).succeeded();
}

#[test]
fn a_missing_store_has_no_accounts_and_is_not_made_by_looking() {
    let server = Server::new();
    let listed = server.run(&["user", "list"], "");
    assert_eq!((listed.status, listed.out.as_str()), (0, ""));
    assert!(listed.err.contains("there is no store in"), "{}", listed.err);
    server.run(&["user", "delete", "juliet@localhost"], "").failed(1, "there is no account");
    server.run(&["user", "passwd", "juliet@localhost"], "x").failed(1, "there is no account");
    assert!(!server.data.exists());
}

#[test]
fn a_deleted_account_is_gone_and_can_be_added_again() {
    let server = Server::new();
    server.add("juliet@localhost", "x").succeeded();
    server.add("romeo@localhost", "x").succeeded();
    server.run(&["user", "delete", "JULIET@localhost"], "").succeeded();
    assert_eq!(server.list(), ["romeo@localhost"]);
    server
        .run(&["user", "delete", "juliet@localhost"], "")
        .failed(1, "juliet@localhost: there is no account of that address");
    server.run(&["user", "passwd", "juliet@localhost"], "x").failed(1, "there is no account");
    server.add("juliet@localhost", "x").succeeded();
}

#[test]
fn a_new_password_replaces_the_keys_beside_an_open_store() {
    let server = Server::new();
    server.add("juliet@localhost", "old").succeeded();
    // As a running server has it: open all the time.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let store = runtime.block_on(xmppd::store::Store::open(&server.data)).unwrap();
    let juliet = xmpp_core::jid::BareJid::new("juliet@localhost").unwrap();
    let keys = || runtime.block_on(store.credentials(&juliet)).unwrap().unwrap();

    let before = keys();
    server.run(&["user", "passwd", "juliet@localhost"], "").failed(1, "the password is empty");
    assert!(keys() == before);
    server.run(&["user", "passwd", "juliet@localhost"], "new").succeeded();
    let after = keys();
    assert_eq!(after.len(), 3, "SHA-1, SHA-256 and SHA-512");
    let new = xmpp_core::sasl::Secret::new("new");
    for (before, after) in before.iter().zip(&after) {
        assert_ne!(before.salt(), after.salt());
        let derived = xmpp_core::sasl::ScramKeys::for_password(
            after.hash(),
            &new,
            after.salt(),
            xmppd::password::ITERATIONS,
        )
        .unwrap();
        assert!(derived == *after);
    }
}

#[test]
fn nothing_secret_is_on_the_disk() {
    let server = Server::new();
    let (first, second) = ("correct horse battery staple", "another long pass phrase");
    server.add("juliet@localhost", first).succeeded();
    server.run(&["user", "passwd", "juliet@localhost"], second).succeeded();
    let bytes = server.bytes_on_disk();
    let contains = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    assert!(contains(b"juliet@localhost"), "the search works");
    assert!(!contains(first.as_bytes()) && !contains(second.as_bytes()));
}

#[test]
fn commands_run_at_once() {
    let server = Server::new();
    let children: Vec<_> = (0..8)
        .map(|n| {
            server.spawn(&["user", "add", &format!("user{n}@localhost")], format!("password {n}").as_bytes())
        })
        .collect();
    for child in children {
        outcome(child).succeeded();
    }
    assert_eq!(server.list().len(), 8);
}

#[test]
fn of_many_that_add_one_account_one_succeeds() {
    let server = Server::new();
    let children: Vec<_> =
        (0..4).map(|_| server.spawn(&["user", "add", "juliet@localhost"], b"password")).collect();
    let mut statuses: Vec<_> = children.into_iter().map(|child| outcome(child).status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [0, 1, 1, 1]);
}

#[test]
fn a_data_folder_that_cannot_be_one_is_named() {
    let outer = tempfile::tempdir().unwrap();
    let server = Server { data: outer.path().join("file"), _outer: outer };
    fs::write(&server.data, "").unwrap();
    server.add("juliet@localhost", "x").failed(1, "data folder");
}
