//! The same bytes make the same trace however they are cut, cut off, or broken.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod pair;

use pair::*;
use proptest::prelude::*;
use xmpp_core::conn::{ClientConnection, CloseReason, ServerConnection};
use xmpp_core::limits::XmlLimits;
use xmpp_core::sasl::{Mechanism, PlainPolicy, Selection};
use xmpp_core::tls::TlsPolicy;
use xmpp_core::xml::Reader;

/// What each side sends in a whole session; seeds are fixed, so it can be played again.
struct Session {
    client: ClientSide,
    from_client: Vec<Vec<u8>>,
    from_server: Vec<Vec<u8>>,
    server_trace: Vec<String>,
    client_trace: Vec<String>,
}

/// When TLS begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tls {
    Never,
    Midway,
    First,
}

#[derive(Clone, Copy, Debug)]
struct ClientSide {
    mechanism: Mechanism,
    tls: Tls,
}

impl ClientSide {
    fn selection(self) -> Selection {
        Selection::new().mechanisms(&[self.mechanism]).plain(PlainPolicy::Always)
    }

    fn policy(self) -> TlsPolicy {
        if self.tls == Tls::Never { TlsPolicy::Disabled } else { TlsPolicy::Required }
    }

    fn client(self) -> End<ClientConnection> {
        let config = client_config().with_tls(self.policy()).with_mechanisms(self.selection());
        if self.tls == Tls::First { client_over_tls(config, trusted()) } else { client(config) }
    }

    fn server(self) -> End<ServerConnection> {
        let config = server_config().with_tls(self.policy()).with_mechanisms(self.selection());
        if self.tls == Tls::First { server_over_tls(config) } else { server(config) }
    }
}

/// Logs in, exchanges stanzas good and bad, and closes. Streams are cut where TLS begins: what is behind it comes in another read.
fn session(side: ClientSide) -> Session {
    let mut pair = Pair::of(side.client(), side.server());
    pair.run();
    for text in ["one", "t\u{e4}w\u{f6} <&>", "three"] {
        pair.client.conn.send(pair.now, message(text)).unwrap();
        pair.server.conn.send(pair.now, message(text)).unwrap();
        pair.run();
    }
    pair.client.conn.close(pair.now);
    pair.run();
    assert_eq!(pair.client.reason, Some(CloseReason::Clean));
    assert_eq!(pair.server.reason, Some(CloseReason::PeerClosed));
    let cut = |text: &str, at: &str| match text.split_once(at) {
        Some((before, after)) => vec![format!("{before}{at}").into_bytes(), after.as_bytes().to_vec()],
        None => vec![text.as_bytes().to_vec()],
    };
    Session {
        client: side,
        from_client: cut(&pair.client.transcript, STARTTLS),
        from_server: cut(&pair.server.transcript, PROCEED),
        server_trace: pair.server.trace,
        client_trace: pair.client.trace,
    }
}

fn sessions() -> Vec<Session> {
    let sides = Mechanism::PASSWORD
        .into_iter()
        .flat_map(|mechanism| [Tls::Never, Tls::Midway, Tls::First].map(|tls| ClientSide { mechanism, tls }));
    sides.filter(|side| !(side.mechanism.is_plus() && side.tls == Tls::Never)).map(session).collect()
}

fn play<C: Conn + std::fmt::Debug>(end: &mut End<C>, parts: &[Vec<u8>], mut chunk: impl FnMut() -> usize) {
    end.said();
    for part in parts {
        let mut rest = &part[..];
        while !rest.is_empty() && end.conn.wants_input() {
            let (now, later) = rest.split_at(chunk().clamp(1, rest.len()));
            end.feed(now);
            rest = later;
        }
    }
}

/// The trace without what the embedder itself sent and when it closed.
fn of_peer(trace: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for line in trace {
        let line = match line.strip_prefix("send ") {
            Some(text) => {
                let text = text.split("<message to='romeo@example.com'").next().unwrap();
                let text = text.strip_suffix(FOOTER).unwrap_or(text);
                if text.is_empty() {
                    continue;
                }
                format!("send {text}")
            }
            // Who closed first is the embedder's doing too.
            None => line.replace("both sides closed", "the peer closed"),
        };
        lines.push(line);
    }
    lines
}

#[test]
fn rule_6_whole_and_byte_by_byte_and_with_trailing_data() {
    for session in sessions() {
        let side = session.client;
        for chunk in [usize::MAX, 1, 2, 3, 7, 64] {
            let mut server = side.server();
            play(&mut server, &session.from_client, || chunk);
            assert_eq!(of_peer(&server.trace), of_peer(&session.server_trace), "{side:?} by {chunk}");
            let mut trailing = session.from_client.clone();
            trailing.last_mut().unwrap().extend(b" <trailing/> \xff");
            let mut server = side.server();
            play(&mut server, &trailing, || chunk);
            assert_eq!(of_peer(&server.trace), of_peer(&session.server_trace), "{side:?} by {chunk}");

            let mut client = side.client();
            play(&mut client, &session.from_server, || chunk);
            assert_eq!(of_peer(&client.trace), of_peer(&session.client_trace), "{side:?} by {chunk}");
        }
    }
}

#[test]
fn a_cut_at_every_byte_of_a_login_leaves_nobody_online() {
    for session in sessions() {
        let side = session.client;
        let all = session.from_client.concat();
        let first = session.from_client[0].len();
        for at in 0..all.len() {
            let mut server = side.server();
            let parts: Vec<Vec<u8>> = if session.from_client.len() == 1 {
                vec![all[..at].to_vec()]
            } else {
                vec![all[..at.min(first)].to_vec(), all[at.min(first)..at].to_vec()]
            };
            play(&mut server, &parts, || usize::MAX);
            server.cut();
            assert!(server.over && server.closed.is_some(), "{side:?} at {at}");
            assert!(server.conn.jid().is_none());
            // Who is online at the end has bound a resource, and that with all its bytes.
            let bound = all[..at].windows(5).any(|window| window == b"</iq>");
            assert_eq!(server.online.is_some(), bound, "{side:?} at {at}");
            assert_eq!(server.reason, Some(CloseReason::Truncated), "{side:?} at {at}");
        }
        let all = session.from_server.concat();
        let first = session.from_server[0].len();
        for at in (0..all.len()).step_by(3) {
            let mut client = side.client();
            let parts: Vec<Vec<u8>> = if session.from_server.len() == 1 {
                vec![all[..at].to_vec()]
            } else {
                vec![all[..at.min(first)].to_vec(), all[at.min(first)..at].to_vec()]
            };
            play(&mut client, &parts, || usize::MAX);
            client.cut();
            assert!(client.over && client.conn.jid().is_none());
            let bound = all[..at].windows(5).any(|window| window == b"</iq>");
            assert_eq!(client.online.is_some(), bound, "{side:?} at {at}");
        }
    }
}

/// A change to a byte stream.
#[derive(Clone, Debug)]
enum Mutation {
    Set(usize, u8),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
    Swap(usize, usize),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = 0..4096usize;
    prop_oneof![
        (at.clone(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        (at.clone(), 1..60usize).prop_map(|(at, len)| Mutation::Remove(at, len)),
        (at.clone(), proptest::collection::vec(any::<u8>(), 1..6))
            .prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        (
            at.clone(),
            prop::sample::select(vec![
                AUTH_PLAIN,
                AUTH_SCRAM,
                BIND,
                FOOTER,
                STARTTLS,
                PROCEED,
                SUCCESS,
                CLIENT_HEADER,
                SERVER_HEADER,
                "<presence/>",
                "<!--",
                "<?x?>",
                "&x;",
                "</iq>",
                "<iq>",
                "'",
                ">",
                "<message to='@'/>",
                " ",
                "]]>",
                "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
                "<stream:error/>",
                "\u{0}",
            ])
        )
            .prop_map(|(at, text)| Mutation::Insert(at, text.as_bytes().to_vec())),
        (at.clone(), 1..400usize).prop_map(|(at, len)| Mutation::Repeat(at, len)),
        (at.clone(), at).prop_map(|(a, b)| Mutation::Swap(a, b)),
    ]
}

fn mutate(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        let len = bytes.len().max(1);
        if bytes.is_empty() {
            return bytes;
        }
        match mutation {
            Mutation::Set(at, byte) => bytes[at % len] = *byte,
            Mutation::Remove(at, count) => {
                let at = at % len;
                bytes.drain(at..(at + count).min(len));
            }
            Mutation::Insert(at, new) => drop(bytes.splice(at % len..at % len, new.iter().copied()).count()),
            Mutation::Repeat(at, count) => {
                let at = at % len;
                let again = bytes[at..(at + count).min(len)].to_vec();
                bytes.splice(at..at, again);
            }
            Mutation::Swap(a, b) => bytes.swap(a % len, b % len),
        }
    }
    bytes
}

/// All that was written is XML, stream by stream.
fn assert_is_xml(transcript: &str) {
    for stream in transcript.split("<?xml version='1.0'?>").skip(1) {
        let mut reader = Reader::new(XmlLimits::client());
        reader.push(stream.as_bytes());
        loop {
            match reader.next() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => panic!("{error}: {stream}"),
            }
        }
        assert!(!reader.in_element(), "{stream}");
    }
}

/// The same bytes with the last proof and the last signature spoilt where they stand.
fn spoil(parts: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let spoil = |text: &str, element: &str| match text.rsplit_once(&format!("<{element} ")) {
        Some((before, rest)) if rest.contains(&format!("</{element}>")) => {
            let (open, inside) = rest.split_once('>').unwrap();
            let (inside, after) = inside.split_once('<').unwrap();
            let inside = format!("{}AAAAAAA=", &inside[..inside.len() - 8]);
            format!("{before}<{element} {open}>{inside}<{after}")
        }
        _ => text.to_owned(),
    };
    let text = |part: &Vec<u8>| String::from_utf8(part.clone()).unwrap();
    parts.iter().map(|part| spoil(&spoil(&text(part), "response"), "success").into_bytes()).collect()
}

/// A client that does not know the password before the server, and such a server before the client.
fn impostors() -> Vec<Session> {
    let is_scram = |session: &Session| session.client.mechanism != Mechanism::Plain;
    let spoilt = sessions().into_iter().filter(is_scram).map(|session| Session {
        from_client: spoil(&session.from_client),
        from_server: spoil(&session.from_server),
        ..session
    });
    spoilt.collect()
}

#[test]
fn the_impostors_do_not_get_in_unchanged() {
    for session in impostors() {
        let server = server_after(&session.from_client, session.client, &[usize::MAX]);
        assert!(server.online.is_none() && !server.warnings.is_empty());
        let client = client_after(&session.from_server, session.client, &[usize::MAX]);
        assert!(client.online.is_none() && client.over);
        assert!(matches!(client.reason, Some(CloseReason::Authentication(_))));
    }
}

thread_local! {
    static SESSIONS: (Vec<Session>, Vec<Session>) = (sessions(), impostors());
}

fn with_session<T>(index: prop::sample::Index, run: impl FnOnce(&Session) -> T) -> T {
    SESSIONS.with(|(sessions, _)| run(index.get(sessions)))
}

/// What must hold whatever the peer sent.
fn assert_sound<C: Conn + std::fmt::Debug>(end: &mut End<C>) {
    end.cut();
    assert!(end.over && end.closed.is_some());
    assert_is_xml(&end.transcript);
    assert_eq!(end.conn.poll_timeout(), None);
    assert!(end.conn.poll().is_none());
    let online = end.trace.iter().position(|line| line.starts_with("online "));
    let stanza = end.trace.iter().position(|line| line.starts_with("stanza "));
    assert!(stanza.is_none_or(|stanza| online.is_some_and(|online| online < stanza)));
}

fn server_after(parts: &[Vec<u8>], side: ClientSide, sizes: &[usize]) -> End<ServerConnection> {
    let mut sizes = sizes.iter().copied().cycle();
    let mut server = side.server();
    play(&mut server, parts, || sizes.next().unwrap_or(1));
    server
}

fn client_after(parts: &[Vec<u8>], side: ClientSide, sizes: &[usize]) -> End<ClientConnection> {
    let mut sizes = sizes.iter().copied().cycle();
    let mut client = side.client();
    play(&mut client, parts, || sizes.next().unwrap_or(1));
    client
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn rule_6_random_splits(index in any::<prop::sample::Index>(), sizes in proptest::collection::vec(1..300usize, 1..12)) {
        with_session(index, |session| {
            let server = server_after(&session.from_client, session.client, &sizes);
            assert_eq!(of_peer(&server.trace), of_peer(&session.server_trace));
            let client = client_after(&session.from_server, session.client, &sizes);
            assert_eq!(of_peer(&client.trace), of_peer(&session.client_trace));
        });
    }

    #[test]
    fn broken_streams_break_nothing(
        index in any::<prop::sample::Index>(),
        mutations in proptest::collection::vec(mutation(), 1..5),
        part in 0..2usize,
        sizes in proptest::collection::vec(1..400usize, 1..6),
    ) {
        with_session(index, |session| {
            let broken = |parts: &[Vec<u8>]| -> Vec<Vec<u8>> {
                let part = part % parts.len();
                parts.iter().enumerate().map(|(index, bytes)| {
                    if index == part { mutate(bytes.clone(), &mutations) } else { bytes.clone() }
                }).collect()
            };
            let parts = broken(&session.from_client);
            let mut server = server_after(&parts, session.client, &sizes);
            // Without TLS in between, the trace does not depend on the cuts.
            if session.client.tls != Tls::Midway {
                let whole = server_after(&parts, session.client, &[usize::MAX]);
                assert_eq!(server.trace, whole.trace);
            }
            assert_sound(&mut server);

            let parts = broken(&session.from_server);
            let mut client = client_after(&parts, session.client, &sizes);
            if session.client.tls != Tls::Midway {
                let whole = client_after(&parts, session.client, &[usize::MAX]);
                assert_eq!(client.trace, whole.trace);
            }
            assert_sound(&mut client);
        });
    }

    #[test]
    fn no_mutation_gets_an_impostor_in(
        index in any::<prop::sample::Index>(),
        mutations in proptest::collection::vec(mutation(), 0..6),
        sizes in proptest::collection::vec(1..400usize, 1..6),
    ) {
        // Sentences of the grammar with the password in them are not among what is mixed in here.
        prop_assume!(!mutations.iter().any(|mutation| matches!(
            mutation, Mutation::Insert(_, bytes) if bytes == AUTH_PLAIN.as_bytes() || bytes == SUCCESS.as_bytes()
        )));
        SESSIONS.with(|(_, impostors)| {
            let session = index.get(impostors);
            let broken = |parts: &[Vec<u8>]| {
                let mut parts = parts.to_vec();
                let last = parts.pop().unwrap();
                parts.push(mutate(last, &mutations));
                parts
            };
            let mut server = server_after(&broken(&session.from_client), session.client, &sizes);
            assert!(server.online.is_none());
            assert_sound(&mut server);
            let mut client = client_after(&broken(&session.from_server), session.client, &sizes);
            assert!(client.online.is_none());
            assert_sound(&mut client);
        });
    }
}
