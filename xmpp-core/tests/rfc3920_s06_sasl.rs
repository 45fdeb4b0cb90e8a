//! RFC 3920 section 6 and RFC 6120 section 6: authentication, the server's side and both together.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pair::sasl::*;
use pair::*;
use xmpp_core::conn::{AuthenticationFault, ClientConfig, CloseReason, Drive as _, ServerConfig};
use xmpp_core::jid::BareJid;
use xmpp_core::limits::Limits;
use xmpp_core::sasl::client::ClientError;
use xmpp_core::sasl::server::Decoy;
use xmpp_core::sasl::{
    BindingKind, Bindings, Mechanism, PlainPolicy, PolicyError, SaslCondition, ScramHash, Secret, Selection,
};
use xmpp_core::stream::Condition;

fn fresh() -> End<xmpp_core::conn::ServerConnection> {
    let mut server = server(open_server());
    server.feed(CLIENT_HEADER);
    server
}

#[track_caller]
fn refused(auth: impl AsRef<[u8]>, condition: &str) {
    let mut server = fresh();
    assert_eq!(server.feed(&auth), failure(condition), "{}", String::from_utf8_lossy(auth.as_ref()));
    assert!(!server.over && server.online.is_none() && server.warnings.len() == 1);
    // Another attempt may succeed.
    assert!(server.feed(AUTH_PLAIN).starts_with("<success "));
}

/// Every login by a password over TLS: with each mechanism, and with each set of bindings.
fn logins() -> impl Iterator<Item = (Mechanism, Bindings, Pair)> {
    let bindings = [
        Bindings::new().with_exporter([9; 32]),
        Bindings::new().with_end_point([8; 32]),
        Bindings::new().with_exporter([9; 32]).with_end_point([8; 32]),
    ];
    Mechanism::PASSWORD.into_iter().flat_map(move |mechanism| {
        bindings.clone().map(|bindings| {
            let only = Selection::new().mechanisms(&[mechanism]);
            let mut pair = Pair::with(
                client_config().with_mechanisms(only.clone()),
                server_config().with_mechanisms(only),
            );
            let info = trusted().with_bindings(bindings.clone());
            (pair.client.info, pair.server.info) = (info.clone(), info);
            pair.run();
            (mechanism, bindings, pair)
        })
    })
}

#[test]
fn whole_logins_over_tls_as_transcripts() {
    let client_header = |from: &str| {
        format!(
            "<?xml version='1.0'?><stream:stream xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' to='example.com'{from} version='1.0'>"
        )
    };
    let me = " from='juliet@example.com'";
    for (mechanism, bindings, pair) in logins() {
        let is_plain = mechanism == Mechanism::Plain;
        let challenge =
            if is_plain { "" } else { "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{}</response>" };
        // covers 3920-6.1-04: nothing stands between the elements
        assert_matches(
            &pair.client.transcript,
            &[
                client_header(""),
                STARTTLS.into(),
                client_header(me),
                format!("<auth xmlns='{NS}' mechanism='{mechanism}'>{{}}</auth>{challenge}"),
                client_header(me),
                "<iq id='{}' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>balcony</resource></bind></iq>".into(),
            ]
            .concat(),
        );
        let types: Vec<_> = bindings.kinds().map(BindingKind::name).collect();
        let offer = if mechanism.is_plus() {
            offer_bound(&[mechanism.name()], &types)
        } else {
            offer(&[mechanism.name()])
        };
        let steps = if is_plain {
            format!("<success xmlns='{NS}'/>")
        } else {
            format!("<challenge xmlns='{NS}'>{{}}</challenge><success xmlns='{NS}'>{{}}</success>")
        };
        let answer = |to: &str| {
            format!(
                "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'\
                 {to} from='example.com' id='{{}}' xml:lang='en' version='1.0'>"
            )
        };
        // covers 6120-6.3.5-01: nothing stands between the elements here either
        assert_matches(
            &pair.server.transcript,
            &[
                answer(""),
                OFFER_TLS.into(),
                PROCEED.into(),
                answer(" to='juliet@example.com'"),
                offer,
                steps,
                answer(" to='juliet@example.com'"),
                OFFER_BIND.into(),
                "<iq id='{}' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>juliet@example.com/balcony</jid></bind></iq>".into(),
            ]
            .concat(),
        );
    }
}

#[test]
fn r3920_6_2_14_a_new_stream_follows_success() {
    for (mechanism, _, pair) in logins() {
        let last = if mechanism == Mechanism::Plain { "</auth>" } else { "</response>" };
        let behind = pair.client.transcript.rsplit(last).next().unwrap();
        assert!(behind.contains("<stream:stream "), "{mechanism}: {behind}");
        // covers 6120-6.4.6-04: no closing tag before it
        assert!(!behind.contains(FOOTER), "{mechanism}: {behind}");
        let behind = pair.server.transcript.rsplit("<success ").next().unwrap();
        // covers 6120-6.3.2-01: the server's begins anew too
        assert!(behind.contains("<stream:stream "), "{mechanism}: {behind}");
    }
}

#[test]
fn r6120_6_3_10_01_messages_travel_with_request_and_success() {
    for (mechanism, bindings, pair) in logins() {
        // A server that did not understand it would ask with an empty challenge.
        assert!(!pair.server.transcript.contains(&format!("<challenge xmlns='{NS}'/>")), "{mechanism}");
        let Some(hash) = mechanism.hash() else { continue };
        let first = payload(&pair.client.transcript, "auth");
        let kind = bindings.strongest().unwrap().name();
        let flag = if mechanism.is_plus() { format!("p={kind}") } else { "n".into() };
        // covers 3920-6.2-04
        assert!(first.starts_with(&format!("{flag},,n=juliet,r=")), "{first}");
        // covers 3920-6.2-13
        assert!(payload(&pair.server.transcript, "success").starts_with("v="));
        // covers 6120-6.3.10-02: there is no round more than the messages need
        assert_eq!(pair.client.transcript.matches("<response ").count(), 1, "{mechanism}");
        assert!(pair.server.trace.contains(&format!("keys juliet@example.com Some({hash:?})")));
    }
}

#[test]
fn r3920_6_1_06_who_a_client_says_it_is() {
    for (mechanism, _, pair) in logins() {
        let first = payload(&pair.client.transcript, "auth");
        if mechanism == Mechanism::Plain {
            let parts: Vec<_> = first.split('\0').collect();
            // covers 3920-6.1-08: no authorization identity
            assert_eq!(parts[0], "");
            assert_eq!(parts[1..], ["juliet", PASSWORD]);
        } else {
            // covers 6120-6.3.7-01
            assert!(first.contains(",,n=juliet,r="), "{first}");
        }
    }
}

#[test]
fn the_strongest_common_mechanism_is_used() {
    let mut pair = Pair::new();
    pair.run();
    assert_eq!(pair.client.mechanism(), Some(Mechanism::ScramSha512Plus));
    let weaker = Selection::new().mechanisms(&[Mechanism::ScramSha1, Mechanism::Plain]);
    let mut pair = Pair::with(client_config(), server_config().with_mechanisms(weaker));
    pair.run();
    assert_eq!(pair.server.mechanism(), Some(Mechanism::ScramSha1));
}

#[test]
fn bindings_that_differ_fail() {
    // Somebody sits in the middle of TLS.
    let mut pair = Pair::new();
    pair.client.info = trusted().with_bindings(Bindings::new().with_exporter([1; 32]));
    pair.run();
    // covers 6120-13.8.1-02
    assert!(pair.client.online.is_none() && pair.server.online.is_none());
    let fault = AuthenticationFault::Refused(SaslCondition::NotAuthorized);
    assert_eq!(pair.client.reason, Some(CloseReason::Authentication(fault)));
}

#[test]
fn r3920_6_4_06_wrong_passwords_and_unknown_users_look_the_same() {
    // What the server says and does, with everything that is random left out.
    let shape = |user: &str, password: &str, mechanism: Mechanism| {
        let only = Selection::new().mechanisms(&[mechanism]).plain(PlainPolicy::Always);
        let account = BareJid::new(&format!("{user}@example.com")).unwrap();
        let config = ClientConfig::new(account, Secret::new(password))
            .with_iterations(1..=1_000_000)
            .with_tls(xmpp_core::tls::TlsPolicy::Disabled)
            .with_mechanisms(only);
        let mut pair = Pair::with(config, open_server());
        pair.run();
        let fault = AuthenticationFault::Refused(SaslCondition::NotAuthorized);
        assert_eq!(pair.client.reason, Some(CloseReason::Authentication(fault)), "{user} {mechanism}");
        let trace = pair.server.trace.join("\n").replace(user, "USER");
        let sizes: Vec<usize> =
            trace.split("<challenge ").map(|part| part.split("</challenge>").next().unwrap().len()).collect();
        let quiet: String = trace
            .split("</challenge>")
            .map(|part| part.rsplit_once("<challenge ").map_or(part, |(before, _)| before))
            .collect();
        let id = attribute(&quiet, "stream:stream", "id").to_owned();
        (quiet.replace(&id, "ID"), sizes.get(1).copied())
    };
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha1, Mechanism::ScramSha256] {
        let wrong = shape("juliet", "wrong", mechanism);
        assert_eq!(shape("nobody", "wrong", mechanism), wrong, "{mechanism}");
        assert_eq!(shape("romeox", PASSWORD, mechanism), wrong, "{mechanism}");
    }
}

#[test]
fn salts_of_unknown_users_differ_where_those_of_accounts_do() {
    let salt = |domain: &str, name: &str| {
        let domains = ["example.com", "example.net"].map(|domain| BareJid::new(domain).unwrap());
        let config = ServerConfig::new(domains, Decoy::new([7; 32]))
            .with_tls(xmpp_core::tls::TlsPolicy::Disabled)
            .with_mechanisms(Selection::new());
        let mut server = server(config);
        server.feed(CLIENT_HEADER.replace("example.com", domain));
        let said = server.feed(auth("SCRAM-SHA-1", &STANDARD.encode(format!("n,,n={name},r=abcdef"))));
        payload(&said, "challenge").split(',').nth(1).unwrap().to_owned()
    };
    // However the name of an account is spelled, its salt is the same; so for one that is nobody's.
    for (one, other) in [("juliet", "JULIET"), ("nobody", "Nobody"), ("nobody", "\u{FF2E}obody")] {
        assert_eq!(salt("example.com", one), salt("example.com", other), "{one} {other}");
    }
    // Two accounts of one name on two domains have salts of their own; so where there is neither.
    assert_ne!(salt("example.com", "nobody"), salt("example.net", "nobody"));
}

#[test]
fn a_name_that_no_account_can_have_is_an_unknown_user() {
    // To the client; nobody is asked, since there is nothing to look up.
    for name in ["a@b", "a/b", "a\"b", "a:b", "<", "example.com&"] {
        let mut server = fresh();
        assert_eq!(server.feed(plain("", name, PASSWORD)), failure("not-authorized"), "{name}");
        assert!(!server.trace.iter().any(|line| line.starts_with("keys")), "{name}");
        // The time for the key is spent all the same.
        assert!(server.trace.contains(&"derive SHA-256".into()), "{name}");
        let mut server = fresh();
        let said = server.feed(auth("SCRAM-SHA-1", &STANDARD.encode(format!("n,,n={name},r=abcdef"))));
        let first = payload(&said, "challenge");
        assert!(first.starts_with("r=abcdef") && first.contains(&format!(",i={ITERATIONS},h=")), "{first}");
        // Asking twice tells nothing: the salt stays.
        let salt = |first: &str| first.split(',').nth(1).unwrap().to_owned();
        let mut again = fresh();
        let said = again.feed(auth("SCRAM-SHA-1", &STANDARD.encode(format!("n,,n={name},r=abcdef"))));
        assert_eq!(salt(&payload(&said, "challenge")), salt(&first));
        let nonce = first.split(',').next().unwrap();
        let proof = STANDARD.encode([0; 20]);
        assert_eq!(server.feed(response(format!("c=biws,{nonce},p={proof}"))), failure("not-authorized"));
    }
}

#[test]
fn r3920_6_4_03_nobody_acts_for_another() {
    for authzid in ["juliet@example.com", "JULIET@example.com"] {
        let mut server = fresh();
        assert!(server.feed(plain(authzid, "juliet", PASSWORD)).starts_with("<success "), "{authzid}");
    }
    for authzid in
        ["romeo@example.com", "juliet@example.org", "example.com", "juliet", "juliet@example.com/x", "@"]
    {
        refused(plain(authzid, "juliet", PASSWORD), "invalid-authzid");
        // Who does not know the password does not even learn that.
        refused(plain(authzid, "juliet", "wrong"), "not-authorized");
    }
}

#[test]
fn r6120_6_4_6_02_the_header_said_somebody_else() {
    let claim = CLIENT_HEADER.replace("to=", "from='romeo@example.com' to=");
    // Under TLS that ends the stream (RFC 6120 section 6.4.6).
    let mut server = server(server_config());
    for part in [CLIENT_HEADER, STARTTLS, &claim] {
        server.feed(part);
    }
    assert_eq!(server.feed(AUTH_PLAIN), stream_error("invalid-from"));
    assert!(server.online.is_none());
    // And on the stream after.
    let mut server = fresh();
    server.feed(AUTH_PLAIN);
    let said = server.feed(&claim);
    assert!(said.ends_with(&stream_error("invalid-from")), "{said}");
    assert_eq!(server.reason, Some(CloseReason::Local(Condition::InvalidFrom.into())));
}

#[test]
fn r3920_14_9_02_what_is_not_base64_is_refused() {
    for text in
        ["AGp1bGlldAByMG0zMG15cjBtMzA", "!!!!", "AGp1 bGll", " AGp1", "AGp1\n", "A", "====", "=AAA", "AB=="]
    {
        // covers 3920-6.4-02
        refused(auth("PLAIN", text), "incorrect-encoding");
    }
    // Line folds, white space, characters outside the alphabet, bits under the padding, too little of it and too much: in the middle of an
    // exchange as at its start.
    for text in ["!", " ", "AA=A", "Yz1i\naXdz", "Yz1iaXdz\n", "Yz1iaXd=", "Yz1iaXdzLA=", "Yz1iaXd_"] {
        let mut server = fresh();
        assert!(server.feed(AUTH_SCRAM).starts_with("<challenge "));
        let bad = format!("<response xmlns='{NS}'>{text}</response>");
        // covers 3920-6.1-05
        assert_eq!(server.feed(bad), failure("incorrect-encoding"), "{text:?}");
    }
}

#[test]
fn r3920_6_2_05_empty_messages() {
    // No initial response: it is asked for.
    for mechanism in ["PLAIN", "SCRAM-SHA-1"] {
        let mut server = fresh();
        assert_eq!(server.feed(auth(mechanism, "")), format!("<challenge xmlns='{NS}'/>"), "{mechanism}");
    }
    let mut server = fresh();
    server.feed(auth("PLAIN", ""));
    assert!(server.feed(response(format!("\0juliet\0{PASSWORD}"))).starts_with("<success "));
    // An empty one is one.
    refused(auth("PLAIN", "="), "malformed-request");
    refused(auth("SCRAM-SHA-1", "="), "malformed-request");
    for empty in ["=", ""] {
        let mut server = fresh();
        server.feed(auth("PLAIN", ""));
        let said = server.feed(format!("<response xmlns='{NS}'>{empty}</response>"));
        assert_eq!(said, failure("malformed-request"));
    }
}

#[test]
fn r3920_6_4_04_mechanisms_that_are_not_offered() {
    let names =
        ["", "DIGEST-MD5", "plain", "SCRAM-SHA-384", "SCRAM-SHA-256-PLUS", "EXTERNAL", "ANONYMOUS", " PLAIN"];
    for name in names {
        refused(auth(name, "="), "invalid-mechanism");
    }
    refused(format!("<auth xmlns='{NS}'>AA==</auth>"), "invalid-mechanism");
    let strong = Selection::new().minimum(Mechanism::ScramSha256);
    let mut server = server(open_server().with_mechanisms(strong));
    assert!(server.feed(CLIENT_HEADER).ends_with(&offer(&["SCRAM-SHA-512", "SCRAM-SHA-256"])));
    // covers 3920-6.4-05
    assert_eq!(server.feed(AUTH_SCRAM), failure("mechanism-too-weak"));
}

#[test]
fn r6120_6_4_4_01_abort() {
    let abort = format!("<abort xmlns='{NS}'/>");
    let mut server = fresh();
    server.feed(AUTH_SCRAM);
    // covers 3920-6.4-01
    assert_eq!(server.feed(&abort), failure("aborted"));
    // covers 3920-6.2-08
    assert!(server.feed(AUTH_PLAIN).starts_with("<success "));
    // Without an exchange, and a response without one.
    refused(&abort, "aborted");
    refused(response("c=biws"), "malformed-request");
}

#[test]
fn r6120_6_4_2_01_a_new_request_discards_the_exchange() {
    let mut server = fresh();
    assert!(server.feed(AUTH_SCRAM).starts_with("<challenge "));
    // covers 6120-6.4.2-02
    assert!(server.feed(AUTH_PLAIN).starts_with("<success "));
    // It is an attempt: nobody goes on for ever.
    let mut server = fresh();
    for _ in 0..3 {
        assert!(server.feed(AUTH_SCRAM).starts_with("<challenge "));
    }
    assert!(server.feed(AUTH_SCRAM).contains("<policy-violation "));
    assert!(server.over);
}

#[test]
fn r6120_6_4_5_05_attempts_are_counted() {
    for limit in 1..=4 {
        let limits = Limits::client().with_sasl_attempts(limit);
        let config = || open_server().with_limits(limits.clone());
        // As many as the limit, however they fail.
        let bad = [
            plain("", "juliet", "wrong"),
            auth("NONE", "="),
            auth("PLAIN", "!"),
            format!("<abort xmlns='{NS}'/>"),
        ];
        let mut server = server(config());
        server.feed(CLIENT_HEADER);
        for attempt in 1..=limit {
            let said = server.feed(&bad[attempt as usize % bad.len()]);
            // covers 6120-6.4.5-01
            assert!(said.starts_with(&format!("<failure xmlns='{NS}'><")), "{said}");
            // covers 6120-13.9.4-03
            assert_eq!(said.contains("<policy-violation "), attempt == limit, "{attempt} of {limit}");
        }
        assert!(server.over);
        // One less does no harm.
        let mut server = self::server(config());
        server.feed(CLIENT_HEADER);
        for _ in 1..limit {
            server.feed(plain("", "juliet", "wrong"));
        }
        assert!(server.feed(AUTH_PLAIN).starts_with("<success "), "{limit}");
    }
}

/// The default lets a client try three times.
#[test]
fn r6120_6_4_5_02_two_retries_and_no_more() {
    let attempts = |auth: &str| {
        let mut server = fresh();
        assert_eq!(server.feed(auth), failure("not-authorized"));
        // covers 3920-6.2-11
        assert_eq!(server.feed(auth), failure("not-authorized"));
        let last = server.feed(auth);
        assert!(last.starts_with(&failure("not-authorized")) && last.ends_with(FOOTER), "{last}");
        server
    };
    let server = attempts(&plain("", "juliet", "wrong"));
    // covers 3920-6.2-12
    assert!(server.over && server.close == Some(xmpp_core::conn::Close::Graceful));
    let error = server.reason.unwrap().to_string();
    assert!(error.contains("too many failed attempts to authenticate"), "{error}");

    let abort = format!("<abort xmlns='{NS}'/>");
    let mut server = fresh();
    for _ in 0..3 {
        server.feed(AUTH_SCRAM);
        assert!(server.feed(&abort).starts_with(&failure("aborted")));
    }
    // covers 3920-6.2-09
    assert!(server.over);
}

#[test]
fn abort_in_every_state() {
    let abort = format!("<abort xmlns='{NS}'/>");
    // Before anything, after an empty challenge, after a real one, after a failure.
    let before: [&[&str]; 4] = [&[], &[&auth("PLAIN", "")], &[AUTH_SCRAM], &[&plain("", "juliet", "wrong")]];
    for steps in before {
        let mut server = fresh();
        for step in steps {
            server.feed(step);
        }
        // covers 3920-6.2-10: with its cause
        assert_eq!(server.feed(&abort), failure("aborted"), "{steps:?}");
        assert!(server.feed(AUTH_PLAIN).starts_with("<success "), "{steps:?}");
    }
    // While a question is open nothing is read, so it comes after the answer.
    let mut server = fresh();
    server.hold = true;
    server.feed(AUTH_SCRAM);
    assert!(!server.conn.wants_input());
    let question = server.questions.pop_front().unwrap();
    server.hold = false;
    server.answer(server.now, question);
    assert!(server.said().starts_with("<challenge "));
    assert_eq!(server.feed(&abort), failure("aborted"));
    // Behind a success there is nothing to abort.
    let mut server = fresh();
    server.feed(AUTH_PLAIN);
    server.feed(CLIENT_HEADER);
    assert_eq!(server.feed(&abort), stream_error("not-authorized"));
}

#[test]
fn r6120_6_3_1_01_nothing_goes_on_without_sasl() {
    for stanza in
        ["<iq type='set' id='b1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>", "<message/>"]
    {
        assert_eq!(fresh().feed(stanza), stream_error("not-authorized"), "{stanza}");
    }
    let said = server(open_server()).feed(CLIENT_HEADER);
    let (_, list) = said.split_once(&format!("<mechanisms xmlns='{NS}'>")).unwrap_or_default();
    // covers 6120-6.4.1-02
    assert!(list.contains("</mechanisms>"), "{said}");
    // covers 3920-6.1-03
    assert!(list.starts_with("<mechanism>SCRAM-SHA-512</mechanism>"), "{said}");
}

#[test]
fn every_stream_has_an_id_of_its_own() {
    let mut server = server(server_config());
    let id = |said: &str| attribute(said, "stream:stream", "id").to_owned();
    let plain = id(&server.feed(CLIENT_HEADER));
    server.feed(STARTTLS);
    let encrypted = id(&server.feed(CLIENT_HEADER));
    // covers 6120-6.4.1-01
    assert_ne!(encrypted, plain);
    server.feed(AUTH_PLAIN);
    let said = server.feed(CLIENT_HEADER);
    // covers 6120-6.4.6-05
    assert!(id(&said) != plain && id(&said) != encrypted);
    // covers 3920-6.2-16: neither STARTTLS nor SASL again
    assert!(said.ends_with(OFFER_BIND), "{said}");
}

#[test]
fn r3920_6_2_15_the_old_stream_is_closed_at_success() {
    // Neither stanzas nor negotiation on it: the next thing that can come is a header.
    for late in [BIND, AUTH_PLAIN, "<message/>", FOOTER] {
        let mut server = fresh();
        server.feed(AUTH_PLAIN);
        let said = server.feed(late);
        assert!(server.over && server.online.is_none() && said.contains("<stream:error>"), "{late}: {said}");
    }
}

#[test]
fn r6120_6_5_4_01_plain_is_not_taken_in_the_open() {
    let mut server = server(server_config());
    server.feed(CLIENT_HEADER);
    assert_eq!(server.feed(AUTH_PLAIN), failure("encryption-required"));
    let secured_only = server_config().with_tls(xmpp_core::tls::TlsPolicy::Optional);
    let mut server = self::server(secured_only);
    server.feed(CLIENT_HEADER);
    assert_eq!(server.feed(AUTH_PLAIN), failure("encryption-required"));
    assert!(server.feed(AUTH_SCRAM).starts_with("<challenge "));
}

#[test]
fn what_an_account_is_like_is_told_to_its_owner() {
    use xmpp_core::sasl::server::CredentialsAnswer::{Disabled, Expired, TemporaryFailure};
    let said = |store: fn(&BareJid, Option<ScramHash>) -> _, password: &str| {
        let mut server = fresh();
        server.store = store;
        server.feed(plain("", "juliet", password))
    };
    // covers 3920-6.4-07
    assert_eq!(said(|_, _| TemporaryFailure, PASSWORD), failure("temporary-auth-failure"));
    // covers 6120-6.5.2-01
    assert_eq!(said(|_, _| Disabled(keys(ScramHash::Sha1)), PASSWORD), failure("account-disabled"));
    // covers 6120-6.5.3-01
    assert_eq!(said(|_, _| Expired(keys(ScramHash::Sha1)), PASSWORD), failure("credentials-expired"));
    // covers 6120-6.5.10-01: what is not to be disclosed
    assert_eq!(said(|_, _| Disabled(keys(ScramHash::Sha1)), "wrong"), failure("not-authorized"));
}

#[test]
fn a_password_is_handed_out_only_for_an_account_that_lacks_keys() {
    use xmpp_core::sasl::server::CredentialsAnswer::Outdated;
    let login = |store: fn(&BareJid, Option<ScramHash>) -> _, auth: &str| {
        let mut server = fresh();
        server.store = store;
        server.feed(auth);
        (server.password, server.trace.iter().any(|line| line == "password of juliet@example.com"))
    };
    let outdated = |_: &BareJid, hash: Option<ScramHash>| Outdated(keys(hash.unwrap_or(ScramHash::Sha1)));
    let password = Some(Secret::new(PASSWORD));
    assert_eq!(login(outdated, AUTH_PLAIN), (password, true));
    assert_eq!(login(juliet_only, AUTH_PLAIN), (None, false));
    assert_eq!(login(outdated, &plain("", "juliet", "wrong")), (None, false));
    // Nor before it is known that the client may go on.
    assert_eq!(login(outdated, &plain("romeo@example.com", "juliet", PASSWORD)), (None, false));
    let mut server = server(server_config());
    server.store = outdated;
    let claim = CLIENT_HEADER.replace("to=", "from='romeo@example.com' to=");
    for part in [CLIENT_HEADER, STARTTLS, &claim, AUTH_PLAIN] {
        server.feed(part);
    }
    assert_eq!((server.password, server.over), (None, true));
}

/// XEP-0440 and XEP-0474 between our own ends.
#[test]
fn a_list_that_was_changed_on_its_way_is_found_out() {
    let run = |from: &str, to: &str| {
        let config = server_config().with_mechanisms(Selection::new().mechanisms(&[
            Mechanism::ScramSha1,
            Mechanism::ScramSha512,
            Mechanism::ScramSha512Plus,
        ]));
        let info = trusted().with_bindings(Bindings::new().with_exporter([9; 32]));
        let (mut server, mut client) = (server(config), client(client_config()));
        (server.info, client.info) = (info.clone(), info);
        client.said();
        for _ in 0..12 {
            if client.over || client.online.is_some() {
                break;
            }
            let bytes: Vec<u8> = client.sent.drain(..).collect();
            if !bytes.is_empty() && !server.over {
                server.feed(bytes);
            }
            let back: Vec<u8> = server.sent.drain(..).collect();
            if !back.is_empty() {
                client.feed(String::from_utf8(back).unwrap().replace(from, to));
            }
        }
        client
    };
    assert_eq!(run("", "").mechanism(), Some(Mechanism::ScramSha512Plus));
    let changed = Some(CloseReason::Authentication(AuthenticationFault::Server(ClientError::OfferChanged)));
    for (from, to) in [
        ("<mechanism>SCRAM-SHA-1</mechanism>", ""),
        ("<channel-binding type='tls-exporter'/>", "<channel-binding type='tls-unique'/>"),
        (
            "<channel-binding type='tls-exporter'/>",
            "<channel-binding type='tls-exporter'/><channel-binding type='x'/>",
        ),
    ] {
        assert_eq!(run(from, to).reason, changed, "{to}");
    }
    let stripped = run("<mechanism>SCRAM-SHA-512-PLUS</mechanism>", "");
    let contradiction = AuthenticationFault::NoMechanism(PolicyError::Contradiction);
    assert_eq!(stripped.reason, Some(CloseReason::Authentication(contradiction)));
}

#[test]
fn the_password_of_every_hash_is_asked_for_once() {
    for (mechanism, hash) in [
        ("SCRAM-SHA-1", ScramHash::Sha1),
        ("SCRAM-SHA-256", ScramHash::Sha256),
        ("SCRAM-SHA-512", ScramHash::Sha512),
    ] {
        let mut server = fresh();
        server.feed(auth(mechanism, &STANDARD.encode("n,,n=juliet,r=abcdef")));
        let asked: Vec<_> = server.trace.iter().filter(|line| line.starts_with("keys")).collect();
        assert_eq!(asked, [&format!("keys juliet@example.com Some({hash:?})")]);
        assert!(server.conn.wants_input());
    }
}
