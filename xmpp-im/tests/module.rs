//! Modules that are nobody's but their authors': all that the door gives them, and what it does about those that misbehave.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use xmpp_core::entropy::Seed;
use xmpp_core::jid::{BareJid, FullJid, Jid};
use xmpp_core::profile::{Profile, UnsharedPresence};
use xmpp_core::stanza::{Condition, Iq, Message, MessageType, Stanza};
use xmpp_core::stream::{self, StreamError};
use xmpp_core::time::{Instant, UtcTime};
use xmpp_core::xml::Element;
use xmpp_im::host::{Host, HostAction, HostConfig, SessionId};
use xmpp_im::limits::HostLimits;
use xmpp_im::module::{
    Advertised, BadState, Context, Hooks, Kept, Match, Module, Origin, Part, SessionView, Target, Verdict,
};
use xmpp_im::roster::Roster;
use xmpp_im::store::{AccountData, Memory, Persist, RosterItem};

const NOTES: &str = "urn:example:notes";

/// Keeps one note for each owner, hears of everything, and does on request what a module should not do.
#[derive(Debug)]
struct Notes {
    /// What its parts have heard, all of them together.
    heard: Arc<Mutex<Vec<String>>>,
}

const MATCHES: [Match; 7] = [
    Match::get(Target::Account, NOTES, "note").for_owner(Condition::Forbidden),
    Match::set(Target::Account, NOTES, "note").for_owner(Condition::Forbidden),
    Match::get(Target::Session, NOTES, "note"),
    Match::get(Target::Server, NOTES, "note"),
    Match::set(Target::Server, NOTES, "note"),
    Match::get(Target::Service, NOTES, "note"),
    Match::message(Target::Service).with_payload(NOTES, "note"),
];

impl Module for Notes {
    fn name(&self) -> &'static str {
        "example-notes"
    }

    fn matches(&self) -> &[Match] {
        &MATCHES
    }

    fn hooks(&self) -> Hooks {
        Hooks::new().incoming().outgoing().admits().undeliverable().sessions().presence().roster()
    }

    fn keeps_state(&self) -> bool {
        true
    }

    fn advertises(&self) -> Advertised {
        Advertised::default()
            .with_stream_feature(Element::builder(NOTES, "notes").build())
            .with_feature(Target::Account, NOTES)
    }

    fn open(&self, _: &BareJid, kept: Kept<'_>) -> Result<Box<dyn Part>, BadState> {
        let note = kept.get("note").map(|note| String::from_utf8(note.to_vec()));
        let note = note.transpose().map_err(|_| BadState)?;
        Ok(Box::new(Pad { note: note.unwrap_or_default(), heard: Arc::clone(&self.heard) }))
    }
}

#[derive(Debug)]
struct Pad {
    note: String,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Pad {
    fn hear(&self, what: impl Into<String>) {
        self.heard.lock().unwrap().push(what.into());
    }

    fn answer(&self, iq: &Iq) -> Iq {
        iq.result_reply(Some(Element::builder(NOTES, "note").text(&self.note).build()))
    }
}

impl Part for Pad {
    fn handle(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        let Stanza::Iq(iq) = stanza else {
            self.hear(format!("{} got {}", cx.owner(), stanza.id().unwrap_or_default()));
            return Verdict::Handled;
        };
        let text = iq.payload().unwrap().text().into_owned();
        match (iq.type_().name(), text.as_str()) {
            // Not for this module after all.
            ("get", "pass") => return Verdict::Continue,
            ("get", "twice") => {
                assert!(cx.reply(self.answer(iq)));
                assert!(!cx.reply(self.answer(iq)), "a request has one answer");
                // Nor is it somebody else's now.
                return Verdict::Continue;
            }
            ("get", "other") => assert!(!cx.reply(Iq::get("x", Element::builder(NOTES, "note").build()))),
            ("get", "flood") => {
                let to = Jid::new("romeo@example.com/orchard").unwrap();
                let mut sent = 0;
                while cx.send(Message::chat(to.clone()).with_body("flood")) {
                    sent += 1;
                }
                self.note = sent.to_string();
                cx.reply(self.answer(iq));
            }
            ("get", "close") => {
                let Origin::Session(session) = cx.origin() else { panic!("{:?}", cx.origin()) };
                cx.close(session, StreamError::new(stream::Condition::PolicyViolation));
            }
            ("get", "contacts") => {
                self.note = cx.roster().items().map(|item| item.jid().to_string()).collect();
                cx.reply(self.answer(iq));
            }
            ("get", _) => drop(cx.reply(self.answer(iq))),
            _ => {
                self.note = text;
                cx.keep("note", Some(self.note.clone().into_bytes()));
                let told: Vec<_> = cx.sessions().map(|session| session.id()).collect();
                for session in told {
                    let note = Element::builder(NOTES, "changed").build();
                    assert!(cx.deliver(session, Message::new(MessageType::Normal).with_child(note)));
                }
                cx.reply(iq.result_reply(None));
            }
        }
        Verdict::Handled
    }

    fn incoming(&mut self, stanza: &Stanza, _: &mut Context<'_>) -> Verdict {
        self.hear(format!("in {}", stanza.id().unwrap_or_default()));
        if stanza.id() == Some("swallow-in") { Verdict::Handled } else { Verdict::Continue }
    }

    fn outgoing(&mut self, stanza: &Stanza, cx: &mut Context<'_>) -> Verdict {
        self.hear(format!("out {}", stanza.id().unwrap_or_default()));
        match stanza.id() {
            Some("swallow-out") => Verdict::Handled,
            Some("copy") => {
                let to = Jid::new("nurse@example.com/kitchen").unwrap();
                cx.send(Message::chat(to).with_id("copied"));
                Verdict::Continue
            }
            _ => Verdict::Continue,
        }
    }

    fn admits(&self, session: SessionView<'_>, stanza: &Stanza, _: &Roster) -> bool {
        stanza.id() != Some("not-here") || session.jid().resource() != "balcony"
    }

    fn undeliverable(&mut self, message: &Message, cx: &mut Context<'_>) -> Verdict {
        self.hear(format!("undeliverable {}", message.id().unwrap_or_default()));
        if message.id() != Some("keep") {
            return Verdict::Continue;
        }
        cx.keep("kept", Some(message.body().unwrap().into_owned().into_bytes()));
        Verdict::Handled
    }

    fn session_started(&mut self, session: SessionId, cx: &mut Context<'_>) {
        self.hear(format!("started {}", cx.session(session).unwrap().jid()));
    }

    fn session_ended(&mut self, session: SessionId, cx: &mut Context<'_>) {
        assert!(cx.session(session).is_none());
        self.hear("ended");
    }

    fn presence_changed(&mut self, session: SessionId, cx: &mut Context<'_>) {
        let priority = cx.session(session).and_then(SessionView::priority);
        self.hear(format!("presence {priority:?}"));
    }

    fn roster_changed(&mut self, contact: &Jid, before: Option<&RosterItem>, _: &mut Context<'_>) {
        self.hear(format!("roster {contact} {}", before.is_some()));
    }
}

/// A host of example.com with the module, a service of its own, and storage.
struct Stage {
    host: Host,
    memory: Memory,
    heard: Arc<Mutex<Vec<String>>>,
    /// What is not stored yet.
    waiting: VecDeque<Persist>,
    /// Whether storage answers at once.
    is_slow: bool,
    closed: Vec<(SessionId, stream::Condition)>,
    loads: Vec<BareJid>,
}

fn bare(text: &str) -> BareJid {
    BareJid::new(text).unwrap()
}

fn stanza(text: &str) -> Stanza {
    text.parse().unwrap_or_else(|error| panic!("{error}: {text}"))
}

impl Stage {
    fn new() -> Self {
        Stage::with_limits(HostLimits::new())
    }

    fn with_limits(limits: HostLimits) -> Self {
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let notes: Arc<dyn Module> = Arc::new(Notes { heard: Arc::clone(&heard) });
        let config = HostConfig::new([bare("example.com")])
            .with_module(Arc::clone(&notes))
            .with_service(bare("notes.example.com"), [notes])
            .with_profile(Profile::RFC6120.with_unshared_presence(UnsharedPresence::Delivered))
            .with_limits(limits);
        let mut memory = Memory::new();
        for name in ["juliet", "romeo", "nurse"] {
            memory.create(&bare(&format!("{name}@example.com")));
        }
        memory.create(&bare("example.com"));
        Stage {
            host: Host::new(config, Seed::new([9; 32]), UtcTime::UNIX_EPOCH),
            memory,
            heard,
            waiting: VecDeque::new(),
            is_slow: false,
            closed: Vec::new(),
            loads: Vec::new(),
        }
    }

    fn poll(&mut self) {
        while let Some(action) = self.host.poll() {
            match action {
                HostAction::Load { ticket, account } => {
                    let data = self.memory.load(&account);
                    self.loads.push(account);
                    self.host.loaded(Instant::ZERO, ticket, data).unwrap();
                }
                HostAction::Persist(step) if self.is_slow => self.waiting.push_back(step),
                HostAction::Persist(step) => {
                    self.memory.apply(step.owner(), step.changes());
                    self.host.persisted(Instant::ZERO, step.owner(), step.seq());
                }
                HostAction::Close(session, error) => self.closed.push((session, error.condition())),
                _ => {}
            }
        }
    }

    fn login(&mut self, jid: &str) -> SessionId {
        let jid = FullJid::new(jid).unwrap();
        let bound = self.host.bind(Instant::ZERO, &jid.to_bare(), Some(jid.resource())).unwrap();
        self.poll();
        bound.session()
    }

    fn online(&mut self, jid: &str) -> SessionId {
        let session = self.login(jid);
        self.send(session, "<presence/>");
        self.got(session);
        self.heard();
        session
    }

    fn send(&mut self, session: SessionId, text: &str) {
        self.host.receive(Instant::ZERO, session, stanza(text)).unwrap();
        self.poll();
    }

    fn got(&mut self, session: SessionId) -> Vec<String> {
        std::iter::from_fn(|| self.host.take(session)).map(|stanza| stanza.to_string()).collect()
    }

    /// What is answered to a request.
    fn ask(&mut self, session: SessionId, to: &str, type_: &str, note: &str) -> String {
        let to = if to.is_empty() { String::new() } else { format!(" to='{to}'") };
        self.send(
            session,
            &format!("<iq{to} type='{type_}' id='q'><note xmlns='{NOTES}'>{note}</note></iq>"),
        );
        let mut got: Vec<_> = self.got(session).into_iter().filter(|got| got.starts_with("<iq")).collect();
        assert!(got.len() <= 1, "{got:?}");
        got.pop().unwrap_or_default()
    }

    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }
}

fn note(of: &str) -> String {
    format!("<note xmlns='{NOTES}'>{of}</note>")
}

fn condition(text: &str) -> Condition {
    stanza(text).error().unwrap_or_else(|| panic!("{text}")).condition()
}

const JULIET: &str = "juliet@example.com/balcony";

#[test]
fn what_is_kept_is_there_again_for_each_owner() {
    let mut stage = Stage::new();
    let juliet = stage.login(JULIET);
    let tablet = stage.login("juliet@example.com/tablet");
    assert!(
        stage.ask(juliet, "", "get", "").ends_with(&format!("type='result'><note xmlns='{NOTES}'/></iq>"))
    );
    assert!(stage.ask(juliet, "", "set", "milk").contains("type='result'"));
    assert!(stage.got(tablet)[0].contains("<changed "), "every session was told");
    // The server's own, and those of other accounts, are other owners.
    assert!(stage.ask(juliet, "example.com", "set", "maintenance").contains("type='result'"));
    let romeo = stage.login("romeo@example.com/orchard");
    assert!(!stage.ask(romeo, "", "get", "").contains("milk"));
    assert_eq!(stage.memory.load(&bare("juliet@example.com")).unwrap().state("example-notes").count(), 1);
    for session in [juliet, tablet] {
        stage.host.detach(Instant::ZERO, session, []);
    }
    // Somebody new, on a host that has just started.
    let memory = std::mem::take(&mut stage.memory);
    let mut stage = Stage { memory, ..Stage::new() };
    let again = stage.login(JULIET);
    assert!(stage.ask(again, "", "get", "").contains(&note("milk")));
    assert!(stage.ask(again, "example.com", "get", "").contains(&note("maintenance")));
    assert_eq!(stage.loads, [bare("juliet@example.com"), bare("example.com")]);
}

#[test]
fn each_target_is_an_owner_of_its_own() {
    let mut stage = Stage::new();
    let juliet = stage.login(JULIET);
    stage.ask(juliet, "", "set", "of juliet");
    stage.ask(juliet, "example.com", "set", "of the server");
    let romeo = stage.login("romeo@example.com/orchard");
    for (to, expected) in [
        (JULIET, "of juliet"),
        ("example.com", "of the server"),
        ("example.com/anywhere", "of the server"),
        ("notes.example.com", ""),
        ("somebody@notes.example.com", ""),
    ] {
        let answer = stage.ask(romeo, to, "get", "");
        assert!(
            answer.contains(&format!(" from='{to}'")) && answer.contains("type='result'"),
            "{to}: {answer}"
        );
        assert!(answer.contains(expected), "{to}: {answer}");
    }
    // What is not for anybody there is answered by the server.
    stage.send(romeo, "<iq to='notes.example.com' type='get' id='q'><q xmlns='urn:q'/></iq>");
    assert_eq!(condition(&stage.got(romeo)[0]), Condition::ServiceUnavailable);
    stage.send(romeo, &format!("<message to='x@notes.example.com/y' id='m1'>{}</message>", note("!")));
    assert!(stage.heard().contains(&"notes.example.com got m1".to_string()));
    // A service is no account, no component, and nobody outside speaks for it.
    assert!(stage.host.attach_component(&bare("notes.example.com")).is_err());
    let forged = stanza("<message from='x@notes.example.com' to='juliet@example.com'/>");
    assert_eq!(stage.host.deliver(Instant::ZERO, forged), Err(stream::Condition::InvalidFrom));
}

#[test]
fn what_is_the_owners_alone_is_refused_to_others_whether_they_exist_or_not() {
    let mut stage = Stage::new();
    let romeo = stage.login("romeo@example.com/orchard");
    stage.loads.clear();
    let answers = ["juliet@example.com", "nobody@example.com"].map(|to| {
        let answer = stage.ask(romeo, to, "get", "");
        assert_eq!(condition(&answer), Condition::Forbidden);
        answer.replace(to, "WHO")
    });
    assert_eq!(answers[0], answers[1]);
    assert!(stage.loads.is_empty(), "and nobody is loaded for it");
}

#[test]
fn every_hook_is_called_in_its_order() {
    let mut stage = Stage::new();
    let juliet = stage.login(JULIET);
    assert_eq!(stage.heard(), [format!("started {JULIET}")]);
    stage.send(juliet, "<presence><priority>3</priority></presence>");
    assert_eq!(stage.heard(), ["out ", "presence Some(3)"]);
    let set =
        "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query></iq>";
    stage.send(juliet, set);
    assert_eq!(stage.heard(), ["out r", "roster nurse@example.com false"]);
    let romeo = stage.login("romeo@example.com/orchard");
    stage.heard();
    stage.got(juliet);
    stage.send(romeo, "<message to='juliet@example.com' type='chat' id='1'/>");
    assert_eq!(stage.heard(), ["out 1", "in 1"]);
    assert_eq!(stage.got(juliet).len(), 1);
    // What a hook takes goes no further, in either direction.
    for (id, heard) in
        [("swallow-out", &["out swallow-out"][..]), ("swallow-in", &["out swallow-in", "in swallow-in"])]
    {
        stage.send(romeo, &format!("<message to='juliet@example.com' type='chat' id='{id}'/>"));
        assert_eq!(stage.heard(), heard);
        assert!(stage.got(juliet).is_empty() && stage.got(romeo).is_empty());
    }
    // What a module sends passes the hooks as well, and comes after.
    let nurse = stage.online("nurse@example.com/kitchen");
    stage.send(romeo, "<message to='juliet@example.com' type='chat' id='copy'/>");
    assert_eq!(stage.heard(), ["out copy", "out copied", "in copied", "in copy"]);
    assert!(stage.got(nurse)[0].contains(" from='romeo@example.com' id='copied'"));
    stage.got(juliet);
    // A resource that may not get it is as if it were not there.
    stage.send(romeo, "<message to='juliet@example.com' type='chat' id='not-here'/>");
    assert_eq!(stage.heard(), ["out not-here", "in not-here", "undeliverable not-here", "in not-here"]);
    assert_eq!(condition(&stage.got(romeo)[0]), Condition::ServiceUnavailable);
    assert!(stage.got(juliet).is_empty());
    stage.host.detach(Instant::ZERO, juliet, []);
    stage.poll();
    assert_eq!(stage.heard(), ["presence None", "ended"]);
}

#[test]
fn a_message_that_nobody_takes_wakes_the_account_and_may_be_kept() {
    let mut stage = Stage::new();
    let romeo = stage.login("romeo@example.com/orchard");
    stage.heard();
    stage.send(romeo, "<message to='juliet@example.com' type='chat' id='keep'><body>later</body></message>");
    assert!(stage.heard().contains(&"undeliverable keep".to_string()));
    assert!(stage.got(romeo).is_empty());
    let data = stage.memory.load(&bare("juliet@example.com")).unwrap();
    assert_eq!(data.state("example-notes").collect::<Vec<_>>(), [("kept", b"later".as_slice())]);
}

#[test]
fn state_that_makes_no_sense_stays_and_harms_nobody_else() {
    let mut stage = Stage::new();
    let change = xmpp_im::store::Change::SetState {
        module: "example-notes".into(),
        key: "note".into(),
        value: Some(vec![0xff]),
    };
    stage.memory.apply(&bare("juliet@example.com"), &[change]);
    let juliet = stage.login(JULIET);
    for type_ in ["get", "set"] {
        assert_eq!(condition(&stage.ask(juliet, "", type_, "milk")), Condition::InternalServerError);
    }
    stage.send(juliet, "<iq type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert!(stage.got(juliet)[0].contains("type='result'"));
    assert!(stage.heard().is_empty());
    let data = stage.memory.load(&bare("juliet@example.com")).unwrap();
    assert_eq!(data.state("example-notes").collect::<Vec<_>>(), [("note", &[0xff][..])]);
}

#[test]
fn answers_are_given_once_and_only_to_what_was_asked() {
    let mut stage = Stage::new();
    let juliet = stage.login(JULIET);
    assert!(stage.ask(juliet, "", "get", "twice").contains("type='result'"));
    // Handled, and never answered: that is the module's business.
    assert_eq!(stage.ask(juliet, "", "get", "other"), "");
    // Handed on, and nobody else wants it.
    assert_eq!(condition(&stage.ask(juliet, "", "get", "pass")), Condition::ServiceUnavailable);
}

#[test]
fn a_flood_ends_one_below_at_and_above_the_limit() {
    for limit in [4, 5, 6] {
        let mut stage = Stage::with_limits(HostLimits::new().with_module_stanzas(limit));
        let juliet = stage.login(JULIET);
        let romeo = stage.online("romeo@example.com/orchard");
        assert!(stage.ask(juliet, "", "get", "flood").contains(&note(&limit.to_string())));
        assert_eq!(stage.got(romeo).len(), limit);
        // The next stanza has room again.
        assert!(stage.ask(juliet, "", "get", "flood").contains(&note(&limit.to_string())));
    }
}

#[test]
fn what_could_not_be_stored_has_never_been() {
    let mut stage = Stage::new();
    let juliet = stage.login(JULIET);
    let tablet = stage.login("juliet@example.com/tablet");
    stage.ask(juliet, "", "set", "milk");
    stage.got(tablet);
    stage.is_slow = true;
    assert_eq!(stage.ask(juliet, "", "set", "bread"), "", "nothing is said before it is stored");
    // What shows the note waits as well, and is not told what may never have been.
    assert_eq!(stage.ask(juliet, "", "get", ""), "");
    assert!(stage.got(tablet).is_empty());
    let step = stage.waiting.pop_front().unwrap();
    stage.is_slow = false;
    stage.host.persist_failed(Instant::ZERO, step.owner(), step.seq());
    stage.poll();
    let answers = stage.got(juliet);
    let conditions: Vec<_> = answers.iter().map(|answer| condition(answer)).collect();
    assert_eq!(conditions, [Condition::InternalServerError; 2]);
    assert!(stage.got(tablet).is_empty());
    assert!(stage.ask(juliet, "", "get", "").contains(&note("milk")), "memory says what the store says");
}

#[test]
fn an_answer_waits_for_the_roster_if_the_module_has_looked_at_it() {
    let mut stage = Stage::new();
    let juliet = stage.login(JULIET);
    let tablet = stage.login("juliet@example.com/tablet");
    stage.is_slow = true;
    stage.send(
        juliet,
        "<iq type='set' id='r'><query xmlns='jabber:iq:roster'><item jid='nurse@example.com'/></query></iq>",
    );
    assert!(stage.ask(tablet, "", "get", "").contains("type='result'"), "its own note is stored");
    assert_eq!(stage.ask(tablet, "", "get", "contacts"), "");
    let step = stage.waiting.pop_front().unwrap();
    stage.host.persisted(Instant::ZERO, step.owner(), step.seq());
    assert!(stage.got(tablet)[0].contains(&note("nurse@example.com")));
}

#[test]
fn a_module_may_end_a_session() {
    let mut stage = Stage::new();
    let juliet = stage.login(JULIET);
    stage.ask(juliet, "", "get", "close");
    assert_eq!(stage.closed, [(juliet, stream::Condition::PolicyViolation)]);
    assert!(stage.host.receive(Instant::ZERO, juliet, stanza("<presence/>")).is_err());
}

#[test]
fn what_modules_advertise_is_told() {
    let stage = Stage::new();
    let features: Vec<_> = stage.host.stream_features().map(|feature| feature.to_string()).collect();
    assert!(features.contains(&format!("<notes xmlns='{NOTES}'/>")), "{features:?}");
    assert!(stage.host.features(Target::Account).any(|feature| feature == NOTES));
    assert!(!stage.host.features(Target::Server).any(|feature| feature == NOTES));
    assert_eq!(AccountData::new().modules().count(), 0);
}
