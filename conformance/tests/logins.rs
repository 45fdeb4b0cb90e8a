//! slixmpp logs in at `xmppd` in the ways that its story does not: with TLS from
//! the beginning, without an account, and by certificate.

use xmpp_conformance::peers::{self, Authority, Failure, Name, ROMEO, Slixmpp, Xmppd};

#[test]
fn with_tls_from_the_beginning() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let xmppd = Xmppd::open(&Authority::new()?)?;
    let direct = xmppd.direct().expect("it was opened for that");
    for version in ["1.2", "1.3"] {
        let account = ["--user", ROMEO.name, "--password", ROMEO.password];
        let options = [&account[..], &["--direct-tls", "--tls", version]].concat();
        let told = slixmpp.login(direct, &options)?;
        let login = told.step("login").unwrap_or_default();
        assert!(login.starts_with("jid=romeo@localhost/login mechanism=SCRAM-SHA-512"), "{login}");
        assert!(login.ends_with(&format!(" tls=TLSv{version}")), "{login}");
    }
    Ok(())
}

#[test]
fn without_an_account() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let xmppd = Xmppd::open(&Authority::new()?)?;
    let told = slixmpp.login(xmppd.server(), &[])?;
    let login = told.step("login").unwrap_or_default();
    assert!(login.contains("@localhost/login mechanism=ANONYMOUS"), "{login}");
    Ok(())
}

#[test]
fn by_certificate() -> Result<(), Failure> {
    let Some(slixmpp) = peers::wanted(Slixmpp::find())? else { return Ok(()) };
    let authority = Authority::new()?;
    let xmppd = Xmppd::open(&authority)?;
    let folder = tempfile::tempdir()?;
    let login = |issuer: &Authority, version| {
        let own = issuer.issue(&[Name::XmppAddr("romeo@localhost")])?;
        let (certificate, key) = (folder.path().join("own.pem"), folder.path().join("own.key"));
        std::fs::write(&certificate, own.chain())?;
        std::fs::write(&key, own.key())?;
        let files = [certificate, key].map(|path| path.display().to_string());
        let by = ["--mechanism", "EXTERNAL", "--tls", version, "--certificate", &files[0], &files[1]];
        slixmpp.login(xmppd.server(), &[&["--user", ROMEO.name], &by[..]].concat())
    };
    for version in ["1.2", "1.3"] {
        let told = login(&authority, version)?;
        let expected = format!("jid=romeo@localhost/login mechanism=EXTERNAL tls=TLSv{version}");
        assert_eq!(told.step("login"), Some(expected.as_str()));
    }
    let failure = login(&Authority::new()?, "1.3").expect_err("nobody vouches for it").to_string();
    assert!(failure.contains("FAILED login: failed_all_auth"), "{failure}");
    Ok(())
}
