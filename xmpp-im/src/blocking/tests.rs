use alloc::format;
use alloc::string::ToString;
use alloc::vec;

use xmpp_core::xml::Builder;

use super::*;

fn jid(text: &str) -> Jid {
    Jid::new(text).unwrap()
}

fn item(address: &str) -> Element {
    builder("item").attr("jid", address).build()
}

fn builder(name: &str) -> Builder {
    Element::builder(ns::BLOCKING, name)
}

fn parse(command: Builder) -> Result<Command, Condition> {
    Command::parse(command.build().as_ref(), &HostLimits::new()).map_err(|error| error.condition())
}

#[test]
fn commands_as_they_are_written() {
    for (command, written) in [
        (
            Command::Block(vec![jid("romeo@montague.net")]),
            "<block xmlns='urn:xmpp:blocking'><item jid='romeo@montague.net'/></block>",
        ),
        (
            Command::Unblock(vec![jid("romeo@montague.net"), jid("iago@shakespeare.lit")]),
            "<unblock xmlns='urn:xmpp:blocking'><item jid='romeo@montague.net'/><item jid='iago@shakespeare.lit'/></unblock>",
        ),
        (Command::UnblockAll, "<unblock xmlns='urn:xmpp:blocking'/>"),
    ] {
        assert_eq!(command.to_element().to_string(), written);
        assert_eq!(Command::parse(command.to_element().as_ref(), &HostLimits::new()), Ok(command));
    }
}

#[test]
fn commands_that_are_refused() {
    assert_eq!(parse(builder("block")), Err(Condition::BadRequest));
    let foreign = || Element::builder("urn:example", "item").attr("jid", "a@example.com").build();
    assert_eq!(parse(builder("block").child(foreign())), Err(Condition::BadRequest));
    assert_eq!(
        parse(builder("unblock").child(foreign())),
        Err(Condition::BadRequest),
        "which is not everybody"
    );
    assert_eq!(parse(builder("block").child(builder("item").build())), Err(Condition::BadRequest));
    assert_eq!(
        parse(builder("block").children([item("a@example.com"), item("@")])),
        Err(Condition::JidMalformed)
    );
    assert_eq!(parse(builder("unblock").child(item(""))), Err(Condition::JidMalformed));
    assert_eq!(parse(builder("blocklist").child(item("a@example.com"))), Err(Condition::BadRequest));
    assert_eq!(parse(Element::builder("urn:example", "unblock")), Err(Condition::BadRequest));
}

#[test]
fn what_goes_with_a_command_does_no_harm() {
    let reported = builder("item").attr("jid", "a@example.com");
    let reported = reported.child(Element::builder("urn:xmpp:reporting:1", "report").build()).build();
    let more = Element::builder("urn:example", "why").build();
    assert_eq!(
        parse(builder("block").child(more).child(reported)),
        Ok(Command::Block(vec![jid("a@example.com")]))
    );
}

#[test]
fn addresses_one_below_at_and_above_the_limit() {
    let limits = HostLimits::new().with_privacy_items(2);
    for (count, expected) in [(1, None), (2, None), (3, Some(Condition::NotAcceptable))] {
        for name in ["block", "unblock"] {
            let command =
                builder(name).children((0..count).map(|number| item(&format!("d{number}")))).build();
            let parsed = Command::parse(command.as_ref(), &limits);
            assert_eq!(parsed.map_err(|error| error.condition()).err(), expected);
        }
    }
}

#[test]
fn blocklists() {
    let jids = [jid("romeo@montague.net"), jid("iago@shakespeare.lit")];
    let answer = blocklist(&jids);
    assert_eq!(
        answer.to_string(),
        "<blocklist xmlns='urn:xmpp:blocking'><item jid='romeo@montague.net'/><item jid='iago@shakespeare.lit'/></blocklist>"
    );
    assert_eq!(parse_blocklist(answer.as_ref()).as_deref(), Some(jids.as_slice()));
    assert_eq!(query().to_string(), "<blocklist xmlns='urn:xmpp:blocking'/>");
    assert_eq!(parse_blocklist(query().as_ref()), Some(vec![]));
    assert_eq!(parse_blocklist(builder("blocklist").child(item("@")).build().as_ref()), None);
    assert_eq!(parse_blocklist(builder("block").build().as_ref()), None);
}
