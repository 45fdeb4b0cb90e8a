//! The `coverage` command, on a workspace of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use tempfile::TempDir;

const COVERED: &str = "#[test]\nfn r3920_4_01_holds() {}\n";

/// A workspace in which the only row that has to be covered is 3920-4-01.
fn workspace(source: &str, open: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let requirements = folder.path().join("conformance/requirements");
    fs::create_dir_all(&requirements).unwrap();
    let header = "id\tlevel\tactor\ttestable\tsuperseded\tdelta\tdecision\tsummary\n";
    for rfc in ["3920", "6120", "7622", "3921", "6121"] {
        let row = if rfc == "3920" { "3920-4-01\tMUST\tany\twire\t\t\t\tIt holds\n" } else { "" };
        fs::write(requirements.join(format!("rfc{rfc}.tsv")), format!("{header}{row}")).unwrap();
    }
    fs::write(requirements.join("exceptions.tsv"), "id\tclass\treason\n").unwrap();
    fs::write(requirements.join("broken-by-hand.tsv"), "id\ttest\tchange\n").unwrap();
    fs::write(requirements.join("open.tsv"), format!("id\n{open}")).unwrap();
    fs::create_dir_all(folder.path().join("part/tests")).unwrap();
    fs::write(folder.path().join("part/tests/some.rs"), source).unwrap();
    for unread in ["target", "node_modules", ".hidden"] {
        fs::create_dir(folder.path().join(unread)).unwrap();
        fs::write(folder.path().join(unread).join("x.rs"), "fn r3920_4_99_x() {}").unwrap();
    }
    folder
}

fn coverage(current: &Path, arguments: &[&str]) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xmpp-conformance"));
    let Output { status, stdout, stderr } =
        command.arg("coverage").args(arguments).current_dir(current).output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[test]
fn it_fails_while_a_row_is_open() {
    let folder = workspace("", "3920-4-01\n");
    let (code, report, told) = coverage(folder.path(), &[]);
    assert_eq!(code, 1);
    assert!(report.contains("3920 4              1        0         0      0     1 01\n"), "{report}");
    assert!(told.contains("conformance/requirements: 1 rows are neither covered nor excepted\n"), "{told}");
}

#[test]
fn it_holds_when_all_is_covered_and_what_was_drawn_was_broken() {
    let folder = workspace(COVERED, "");
    let (code, _, told) = coverage(folder.path(), &[]);
    let file = "conformance/requirements/broken-by-hand.tsv";
    assert_eq!((code, told), (1, format!("{file}: 1 of the rows drawn are yet to be broken\n")));
    assert_eq!(
        coverage(folder.path(), &["--draw"]),
        (0, "3920-4-01\tpart/tests/some.rs:2 r3920_4_01_holds\n".to_owned(), String::new())
    );
    assert_eq!(coverage(folder.path(), &["--draw", "0"]), (0, String::new(), String::new()));
    fs::write(folder.path().join(file), "id\ttest\tchange\n3920-4-01\tr3920_4_01_holds\tno check\n").unwrap();
    let (code, _, told) = coverage(folder.path(), &[]);
    assert_eq!((code, told.as_str()), (0, ""));
}

#[test]
fn the_ratchet_lets_known_rows_be_open_and_turns_one_way() {
    let folder = workspace("", "3920-4-01\n");
    let source = folder.path().join("part/tests/some.rs");
    let file = folder.path().join("conformance/requirements/open.tsv");
    assert_eq!(coverage(folder.path(), &["--ratchet"]).0, 0);

    fs::write(&source, COVERED).unwrap();
    let (code, _, told) = coverage(folder.path(), &["--ratchet"]);
    assert_eq!(code, 1);
    assert!(told.contains("open.tsv:2: 3920-4-01 is not open any more"), "{told}");
    assert_eq!(coverage(folder.path(), &["--ratchet", "--write"]).0, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), "id\n");

    fs::write(&source, "").unwrap();
    let (code, _, told) = coverage(folder.path(), &["--ratchet", "--write"]);
    assert_eq!(code, 1);
    assert!(told.contains("open.tsv: 3920-4-01 was covered and is open again"), "{told}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "id\n");
}

#[test]
fn a_wrong_citation_is_told_with_its_place_and_in_the_data() {
    let folder = workspace(&format!("{COVERED}\nfn helper() {{\n    // covers 3920-4-01\n}}\n"), "");
    let (code, data, told) = coverage(folder.path(), &["--ratchet", "--json"]);
    assert_eq!(code, 1);
    assert_eq!(told, "part/tests/some.rs:5: 3920-4-01 is cited outside of a test\n");
    let data: serde_json::Value = serde_json::from_str(&data).unwrap();
    assert_eq!(data["rows"][0]["state"], "covered");
    assert_eq!(data["findings"][0]["line"], 5);
}

#[test]
fn the_workspace_is_the_one_around_or_the_one_given() {
    let folder = workspace("", "3920-4-01\n");
    assert_eq!(coverage(&folder.path().join("part/tests"), &["--ratchet"]).0, 0);
    let elsewhere = tempfile::tempdir().unwrap();
    let (code, _, told) = coverage(elsewhere.path(), &["--ratchet"]);
    assert_eq!(code, 2);
    assert!(told.contains("there is no folder conformance/requirements"), "{told}");
    let root = folder.path().to_str().unwrap();
    assert_eq!(coverage(elsewhere.path(), &["--ratchet", "--root", root]).0, 0);
    assert_eq!(coverage(folder.path(), &["--ratchet", "--root", "part"]).0, 2);
}

#[test]
fn what_cannot_be_read_is_told_apart_from_what_does_not_hold() {
    for file in ["rfc3920.tsv", "rfc6121.tsv", "exceptions.tsv", "broken-by-hand.tsv", "open.tsv"] {
        let folder = workspace(COVERED, "");
        let path = folder.path().join("conformance/requirements").join(file);
        fs::write(&path, "nothing\n").unwrap();
        let (code, report, told) = coverage(folder.path(), &["--ratchet"]);
        assert_eq!((code, report.as_str()), (2, ""));
        let place = format!("xmpp-conformance: conformance/requirements/{file}:1: the columns are not ");
        assert!(told.starts_with(&place), "{told}");
        fs::remove_file(&path).unwrap();
        let (code, _, told) = coverage(folder.path(), &["--ratchet"]);
        assert_eq!(code, 2, "{told}");
        assert!(told.starts_with(&format!("xmpp-conformance: conformance/requirements/{file}: ")), "{told}");
    }
    let folder = workspace(COVERED, "");
    fs::write(folder.path().join("part/latin1.rs"), b"// \xe9\n").unwrap();
    let (code, _, told) = coverage(folder.path(), &["--ratchet"]);
    assert_eq!(code, 2);
    assert!(told.starts_with("xmpp-conformance: part/latin1.rs: "), "{told}");
    assert_eq!(coverage(folder.path(), &["--write"]).0, 2);
    assert_eq!(coverage(folder.path(), &["--unheard-of"]).0, 2);
}
