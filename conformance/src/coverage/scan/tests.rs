use super::{super::table::sample, *};

/// What a source of these lines holds: its tests with what they cite, and what is wrong with it by line.
fn scan(source: &str) -> (Vec<(String, Vec<String>)>, Vec<String>) {
    let requirements =
        sample(&["3920-4-01", "3920-4-02", "3920-4-03", "3920-4-04", "3920-4-05", "3920-4-06", "3920-A-01"]);
    let mut scan = Scan::default();
    scan.source(Path::new("a.rs"), source, &requirements);
    let tests = scan.tests.into_iter().map(|test| (test.name, test.cites.into_iter().collect()));
    (tests.collect(), scan.findings.iter().map(ToString::to_string).collect())
}

fn cited(source: &str) -> Vec<String> {
    let (tests, findings) = scan(source);
    assert_eq!(findings, [""; 0], "{source}");
    tests.into_iter().flat_map(|(_, cites)| cites).collect()
}

fn found(source: &str) -> Vec<String> {
    scan(source).1
}

#[test]
fn name_and_comments_are_citations_of_the_test_they_are_in() {
    let (tests, findings) = scan(
        "
mod tests {
    #[test]
    fn r3920_4_01_first() {
        assert!(true);
        // covers 3920-4-02: since
        // it is so
        assert!(true);
    }

    #[test]
    fn second() -> Result<(), [u8; 2]> {
        if true {
            // covers 3920-A-01
            assert_eq!(\"// covers 3920-4-03\", r#\"// covers 3920-4-04\"#);
        }
        // covers 3920-A-01
        assert!(true);
        Ok(())
    }

    #[test]
    fn third() {}
}",
    );
    assert_eq!(findings, [""; 0]);
    let first = ("r3920_4_01_first".to_owned(), ["3920-4-01", "3920-4-02"].map(str::to_owned).to_vec());
    let second = ("second".to_owned(), vec!["3920-A-01".to_owned()]);
    assert_eq!(tests, [first, second]);
}

#[test]
fn tests_are_known_by_their_attribute() {
    for head in [
        "#[test] fn",
        "#[test]\n#[should_panic(expected = \"}\")]\npub fn",
        "#[tokio::test(flavor = \"multi_thread\")]\nasync fn",
        "/// Documented.\n#[cfg(all(unix, not(miri)))]\n#[test]\n// said\nfn",
        "proptest! {\n#![proptest_config(Config { cases: 9 })]\n#[test]\nfn",
    ] {
        for arguments in ["()", "(x in vec(any::<u8>(), 0..{ 9 }), y in \"[(]\")"] {
            let source = format!("{head} r3920_4_01_x{arguments} {{ /* covers */ let a = [1]; }} }}");
            assert_eq!(cited(&source), ["3920-4-01"], "{source}");
        }
    }
}

#[test]
fn what_is_never_run_covers_nothing_but_is_read() {
    for head in ["#[ignore] #[test]", "#[test]\n#[ignore = \"slow\"]"] {
        assert_eq!(cited(&format!("{head} fn r3920_4_01_x() {{}}")), [""; 0]);
        assert_eq!(found(&format!("{head} fn r3920_4_09_x() {{}}")).len(), 1);
    }
    assert_eq!(cited("// #[test] fn r3920_4_01_x() {}"), [""; 0]);
    assert_eq!(cited("#[ignore] #[test] fn a() {} #[test] fn r3920_4_01_x() {}"), ["3920-4-01"]);
}

#[test]
fn nothing_else_may_cite() {
    let outside = ["a.rs:1: 3920-4-01 is cited outside of a test"];
    for source in [
        "fn r3920_4_01_x() {}",
        "// covers 3920-4-01\n#[test] fn a() {}",
        "#[test] // covers 3920-4-01\nfn a() {}",
        "#[test] fn a() {} // covers 3920-4-01",
        "fn helper() { // covers 3920-4-01\nassert!(true); }",
        "#[test] const A: fn(u8) = b; fn r3920_4_01_x() {}",
        "#[cfg(test)] fn r3920_4_01_x() {}",
        "macro_rules! m { ($n:ident) => { #[test] fn $n() { // covers 3920-4-01\n} } }",
    ] {
        assert_eq!(found(source), outside, "{source}");
    }
    assert_eq!(
        found("#[test] fn a() { fn r3920_4_01_x() {} }"),
        ["a.rs:1: a function within a test cites nothing"]
    );
}

#[test]
fn an_unknown_row_is_told_wherever_it_is_cited() {
    let unknown = ["a.rs:2: no table has 3920-4-09"];
    for source in [
        "\nfn r3920_4_09_x() {}",
        "#[test]\nfn r3920_4_09_x() {}",
        "#[test] fn a() {\n// covers 3920-4-09\nassert!(true); }",
        "\n// covers 3920-4-09",
    ] {
        assert_eq!(found(source), unknown, "{source}");
    }
    assert_eq!(found("#[test] fn a() {\n//covers 3920-4-01\nassert!(true); }").len(), 1);
}

#[test]
fn a_citation_stands_directly_above_a_statement() {
    let told = |body: &str| found(&format!("#[test] fn a() {{\n{body}\n}}"));
    for body in [
        "// covers 3920-4-01\nassert!(true);",
        "{}\n// covers 3920-4-01\n// more\n/* and\n more */\nassert!(true);",
        "a();\n\n// why\n// covers 3920-4-01\nassert!(true);",
        "for x in y {\n// covers 3920-4-01\nassert!(true); }",
        "// covers 3920-4-01\n// covers 3920-4-02: the same in other words\nassert!(true);",
    ] {
        assert_eq!(told(body), [""; 0], "{body}");
    }
    for (body, why) in [
        ("assert!(true); // covers 3920-4-01", "a citation stands above its assertion, not behind it"),
        ("// covers 3920-4-01", "there is no statement below this citation"),
        ("if a {\n// covers 3920-4-01\n}\na();", "there is no statement below this citation"),
        (
            "// covers 3920-4-01\n\nassert!(true);",
            "a citation stands directly above its assertion, without an empty line",
        ),
        ("let a = [\n// covers 3920-4-01\n1];", "a citation stands above a statement, not within one"),
        ("let a = [1,\n// covers 3920-4-01\n1];", "a citation stands above a statement, not within one"),
    ] {
        let findings = told(body);
        assert_eq!(findings.len(), 1, "{body}: {findings:?}");
        assert!(findings[0].ends_with(why), "{body}: {findings:?}");
    }
}

#[test]
fn a_test_cites_five_rows_at_most() {
    let citing = |rows: u8| {
        let comments: String =
            (1..=rows).map(|row| format!("// covers 3920-4-0{row}\nassert!(true);\n")).collect();
        format!("#[test] fn r3920_4_01_x() {{\n{comments}}}")
    };
    assert_eq!(found(&citing(4)), [""; 0]);
    assert_eq!(found(&citing(5)), [""; 0]);
    assert_eq!(found(&citing(6)), ["a.rs:1: r3920_4_01_x cites 6 rows; 5 is the most"]);
}

#[test]
fn unfinished_sources_end() {
    for source in ["#", "#[", "#[test", "#[test] fn", "#[test] fn a", "#[test] fn a(", "#[test] fn a() {"] {
        assert_eq!(scan(source), (vec![], vec![]), "{source}");
    }
}
