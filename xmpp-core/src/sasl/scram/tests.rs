use alloc::format;
use alloc::vec;

use super::*;

#[test]
fn client_first_is_read_strictly() {
    let first = ClientFirst::parse(b"p=tls-exporter,a=x=3Dy=2C,n==2C=3D=2C,r=!~,x=1=,z=\xc3\xa9").unwrap();
    assert_eq!(first.gs2_header, "p=tls-exporter,a=x=3Dy=2C,");
    assert_eq!(first.flag, Flag::Bound("tls-exporter"));
    assert_eq!(first.authzid.as_deref(), Some("x=y,"));
    assert_eq!(first.bare, "n==2C=3D=2C,r=!~,x=1=,z=\u{e9}");
    assert_eq!((&*first.username, first.nonce), (",=,", "!~"));
    assert_eq!(ClientFirst::parse(b"y,,n=u,r=c").unwrap().flag, Flag::ServerLacks);

    let bad = [
        "",
        "n",
        "n,",
        "n,,",
        "n,,n=u",
        "n,,n=u,",
        "n,,n=u,r",
        "n,,n=u,r=",
        "n,,n=,r=c",
        "n,,r=c,n=u",
        "N,,n=u,r=c",
        "Y,,n=u,r=c",
        "x,,n=u,r=c",
        ",,n=u,r=c",
        "nn,,n=u,r=c",
        "n=,,n=u,r=c",
        "p,,n=u,r=c",
        "p=,,n=u,r=c",
        "p=tls_unique,,n=u,r=c",
        "p=tls unique,,n=u,r=c",
        "P=tls-exporter,,n=u,r=c",
        // "F" marks a non-standard GSS mechanism (RFC 5801 section 4), which SCRAM is not.
        "F,n,,n=u,r=c",
        "n,a=,n=u,r=c",
        "n,b=x,n=u,r=c",
        "n,x,n=u,r=c",
        "n,a=x=,n=u,r=c",
        "n,a=x=2c,n=u,r=c",
        "n,,n=u=,r=c",
        "n,,n=u=2,r=c",
        "n,,n=u=2c,r=c",
        "n,,n=u=3d,r=c",
        "n,,n=u=41,r=c",
        "n,,n==,r=c",
        "n,,n=u\0,r=c",
        "n,,n=u,r=a b",
        "n,,n=u,r=\u{e9}",
        "n,,n=u,r=a\x7f",
        "n,,n=u,r=c,",
        "n,,n=u,r=c,x",
        "n,,n=u,r=c,x=",
        "n,,n=u,r=c,xx=1",
        "n,,n=u,r=c,1=1",
        "n,,n=u,r=c,=1",
        // What the RFC defines has one place.
        "n,,n=u,r=c,n=v",
        "n,,n=u,r=c,r=d",
        "n,,n=u,r=c,a=v",
        "n,,n=u,r=c,p=AA==",
    ];
    for message in bad {
        assert_eq!(ClientFirst::parse(message.as_bytes()), Err(Fault::Malformed), "{message:?}");
    }
    assert_eq!(ClientFirst::parse(b"n,,n=\xff,r=c"), Err(Fault::Malformed));
}

#[test]
fn mandatory_extensions_are_refused_wherever_they_stand() {
    for message in ["n,,m=x,n=u,r=c", "n,,n=u,r=c,m=x", "n,,n=u,m=x,r=c", "n,m=x,n=u,r=c"] {
        assert_eq!(ClientFirst::parse(message.as_bytes()), Err(Fault::Extension), "{message:?}");
    }
    for message in ["m=x,r=cs,s=AA==,i=1", "r=cs,s=AA==,i=1,m=x", "r=cs,m=x,s=AA==,i=1", "m=,r=cs,s=AA==,i=1"]
    {
        assert_eq!(ServerFirst::parse(message.as_bytes()), Err(Fault::Extension), "{message:?}");
    }
    for message in ["m=x,c=biws,r=cs,p=AA==", "c=biws,r=cs,m=x,p=AA==", "c=biws,m=x,r=cs,p=AA=="] {
        assert_eq!(ClientFinal::parse(message.as_bytes()), Err(Fault::Extension), "{message:?}");
    }
    for message in ["m=x,v=AA==", "v=AA==,m=x", "e=other-error,m=x"] {
        assert_eq!(ServerFinal::parse(message.as_bytes()), Err(Fault::Extension), "{message:?}");
    }
}

#[test]
fn server_first_is_read_strictly() {
    let first = ServerFirst::parse(b"r=cs,s=AAE=,i=4096,x=y").unwrap();
    assert_eq!((first.nonce, first.salt, first.iterations), ("cs", vec![0, 1], Some(4096)));
    // Whether these will do is the client's to say.
    assert_eq!(ServerFirst::parse(b"r=cs,s=,i=1").unwrap().salt, []);
    assert_eq!(ServerFirst::parse(b"r=cs,s=AA==,i=4294967295").unwrap().iterations, Some(u32::MAX));
    assert_eq!(ServerFirst::parse(b"r=cs,s=AA==,i=4294967296").unwrap().iterations, None);

    let bad = [
        "",
        "r=cs",
        "r=cs,s=AA==",
        "r=,s=AA==,i=1",
        "s=AA==,r=cs,i=1",
        "r=cs,i=1,s=AA==",
        "r=cs,s=AA==,i=",
        "r=cs,s=AA==,i=0",
        "r=cs,s=AA==,i=01",
        "r=cs,s=AA==,i=+1",
        "r=cs,s=AA==,i=-1",
        "r=cs,s=AA==,i=1 ",
        "r=cs,s=AA==,i=1e3",
        "r=cs,s=AA==,i=\u{0661}",
        "r=cs,s=AA,i=1",
        "r=cs,s=AB==,i=1",
        "r=cs,s=A A=,i=1",
        "r=cs,s=AA==,i=1,",
        "r=cs,s=AA==,i=1,i=2",
        "r=cs,s=AA==,i=1,x=",
        "R=cs,s=AA==,i=1",
        "r=c s,s=AA==,i=1",
    ];
    for message in bad {
        assert_eq!(ServerFirst::parse(message.as_bytes()), Err(Fault::Malformed), "{message:?}");
    }
}

#[test]
fn client_final_is_read_strictly() {
    let last = ClientFinal::parse(b"c=biws,r=cs,x=y,p=AAE=").unwrap();
    assert_eq!((last.without_proof, last.channel_binding, last.nonce), ("c=biws,r=cs,x=y", "biws", "cs"));
    assert_eq!(last.proof, [0, 1]);
    let bad = [
        "",
        "p=AA==",
        "c=biws,p=AA==",
        "c=biws,r=cs",
        "r=cs,c=biws,p=AA==",
        "c=biws,r=cs,p=AA==,x=y",
        "c=biws,r=cs,p=AA",
        "c=biws,r=cs,p=AB==",
        "c=biws,r=cs,,p=AA==",
        "c=biws,r=cs,p=AA==,p=AA==",
        "c=biws,r=cs,v=AA==",
    ];
    for message in bad {
        assert_eq!(ClientFinal::parse(message.as_bytes()), Err(Fault::Malformed), "{message:?}");
    }
}

#[test]
fn server_final_is_read_strictly() {
    assert_eq!(ServerFinal::parse(b"v=AAE=,x=y"), Ok(ServerFinal::Verifier(vec![0, 1])));
    for error in ServerError::ALL {
        let message = format!("e={error}");
        assert_eq!(ServerFinal::parse(message.as_bytes()), Ok(ServerFinal::Error(error)));
    }
    assert_eq!(ServerFinal::parse(b"e=tea-time"), Ok(ServerFinal::Error(ServerError::OtherError)));
    for message in
        ["", "e=", "v", "x=y", "v=AA", "V=AA==", "v=AA==,", "v=AA==,e=other-error", "e=other-error,v=AA=="]
    {
        assert_eq!(ServerFinal::parse(message.as_bytes()), Err(Fault::Malformed), "{message:?}");
    }
}

#[test]
fn limits_one_below_at_and_above() {
    for (over, taken) in [(0, true), (1, true), (2, false)] {
        let long = |max: usize| "x".repeat(max - 1 + over);
        let name = format!("n,,n={},r=c", long(MAX_USERNAME));
        assert_eq!(ClientFirst::parse(name.as_bytes()).is_ok(), taken);
        let escaped = format!("n,,n={},r=c", "=2C".repeat(MAX_USERNAME - 1 + over));
        assert_eq!(ClientFirst::parse(escaped.as_bytes()).is_ok(), taken);
        let authzid = format!("n,a={},n=u,r=c", "=3D".repeat(MAX_AUTHZID - 1 + over));
        assert_eq!(ClientFirst::parse(authzid.as_bytes()).is_ok(), taken);
        let nonce = format!("n,,n=u,r={}", long(MAX_NONCE));
        assert_eq!(ClientFirst::parse(nonce.as_bytes()).is_ok(), taken);
        let nonces = format!("r={},s=AA==,i=1", long(2 * MAX_NONCE));
        assert_eq!(ServerFirst::parse(nonces.as_bytes()).is_ok(), taken);
        let salt = server_first("cs", &vec![1; MAX_SALT - 1 + over], 1, None);
        assert_eq!(ServerFirst::parse(salt.as_bytes()).is_ok(), taken);
        let head = "r=cs,s=AA==,i=1,x=";
        let message = format!("{head}{}", "x".repeat(MAX_MESSAGE - 1 + over - head.len()));
        assert_eq!(ServerFirst::parse(message.as_bytes()).is_ok(), taken);
    }
}

#[test]
fn names_escape_and_unescape() {
    for name in ["user", ",", "=", "=2C", "a,b=c", "=3D=2C,,=="] {
        let mut escaped = String::new();
        escape_into(&mut escaped, name);
        assert!(!escaped.contains(','));
        assert_eq!(unescape(&escaped, MAX_USERNAME).as_deref(), Ok(name));
    }
}

#[test]
fn both_identities_at_their_limits_fit_a_message() {
    let (authzid, username) = (",".repeat(MAX_AUTHZID), "=".repeat(MAX_USERNAME));
    let header = gs2_header(Flag::Bound("tls-server-end-point"), Some(&authzid));
    let message = [header.as_str(), &client_first_bare(&username, &"r".repeat(MAX_NONCE))].concat();
    let first = ClientFirst::parse(message.as_bytes()).unwrap();
    assert_eq!((first.authzid.as_deref(), &*first.username), (Some(&*authzid), &*username));
    let binding = channel_binding(&header, &[1; 64]);
    let last = client_final(&without_proof(&binding, &"r".repeat(2 * MAX_NONCE)), &[1; 32]);
    assert!(ClientFinal::parse(last.as_bytes()).is_ok());
}
