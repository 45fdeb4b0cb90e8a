#!/usr/bin/env python3
"""Two accounts of two servers talk to each other, played by slixmpp.

Each logs in to its own server; then messages and requests cross both ways, each
asks for the other's presence, and what cannot be delivered comes back as an
error. One line per step goes to stdout; the first step that fails is named on
stderr and the exit status is 1. Nothing here knows which servers it talks to.
"""

import argparse

from slixmpp import JID
from slixmpp.exceptions import IqError
from slixmpp_actor import PATIENCE, Actor, Failure, Play, check, perform, run

BODY = "\N{HEAVY BLACK HEART} <&>'\" ]]> \u05e9\u05dc\u05d5\u05dd"
# What RFC 6120 section 8.3.3 has for a domain that cannot be reached.
UNREACHABLE = {"remote-server-not-found", "remote-server-timeout"}


class Federation(Play):
    def __init__(self, options):
        super().__init__()
        self.options = options

    async def play(self):
        romeo = await self.log_in("romeo", self.options.one)
        juliet = await self.log_in("juliet", self.options.other)
        if self.options.refused:
            await self.be_refused(romeo, juliet)
        else:
            for a, b in ((romeo, juliet), (juliet, romeo)):
                await self.write(a, b)
                await self.request(a, b)
                await self.write_to_nobody(a, b)
            await self.see(romeo, juliet)
        for domain in self.options.unreachable:
            await self.reach(romeo, domain)
        for component in self.options.echo:
            await self.hear(romeo, component)
        await self.close()

    async def log_in(self, name, account):
        jid, password, host, port, ca = account
        options = argparse.Namespace(
            host=host, port=int(port), ca=ca, no_verify=False, tls=None, mechanism=None, direct_tls_first=False
        )
        with self.step(f"login {name}") as tell:
            actor = await self.enter(Actor(name, f"{jid}/story", password, options))
            actor.send_presence()
            await actor.next_presence(actor.boundjid.full)
            tell(f"jid={actor.boundjid.full}")
        return actor

    async def be_refused(self, romeo, juliet):
        with self.step("nothing crosses") as tell:
            romeo.send_message(mto=juliet.boundjid.full, mbody=BODY, mtype="chat")
            tell(f"condition={await returned(romeo, juliet.boundjid.full)}")
            check(juliet.messages.empty(), "the message came back and arrived")

    async def write(self, a, b):
        for kind, to in (("full", b.boundjid.full), ("bare", b.boundjid.bare)):
            with self.step(f"{a.name} writes to a {kind} JID"):
                a.send_message(mto=to, mbody=BODY, mtype="chat")
                message = await b.next_message(a.boundjid.full)
                check(message["to"] == to, f"to {message['to']}")
                check(message["type"] == "chat", f"type {message['type']}")
                check(message["body"] == BODY, f"body {message['body']!r}")

    async def request(self, a, b):
        with self.step(f"{b.name} is no stranger"):
            # From a stranger's requests, servers hide who has not shown itself: RFC 6121 section 8.5.3.1.
            b.send_presence(pto=a.boundjid.full)
            await a.next_presence(b.boundjid.full)
        for who, to in ((b.name, b.boundjid.full), (f"{b.name}'s server", b.boundjid.domain)):
            with self.step(f"{a.name} pings {who}"):
                reply = await a.plugin["xep_0199"].send_ping(JID(to), timeout=PATIENCE)
                check(reply["from"] == to, f"answered by {reply['from']}")
        with self.step(f"{a.name} asks the unknown"):
            iq = a.make_iq_get(queryxmlns="urn:example:unknown", ito=b.boundjid.domain)
            check(await refused(iq) == "service-unavailable", "another condition")

    async def write_to_nobody(self, a, b):
        nobody = f"nobody@{b.boundjid.domain}"
        with self.step(f"{a.name} writes to nobody"):
            a.send_message(mto=nobody, mbody="there?", mtype="chat")
            check(await returned(a, nobody) == "service-unavailable", "another condition")
        with self.step(f"{a.name} asks nobody"):
            iq = a.make_iq_get(queryxmlns="urn:example:unknown", ito=nobody)
            check(await refused(iq) == "service-unavailable", "another condition")

    async def see(self, romeo, juliet):
        """Each subscribes to the other; slixmpp approves by itself, and asks back."""
        with self.step("each sees the other"):
            romeo.send_presence_subscription(juliet.boundjid.bare)
            await romeo.next_presence(juliet.boundjid.full)
            await juliet.next_presence(romeo.boundjid.full)
        with self.step("a change is told"):
            juliet.send_presence(pshow="away", pstatus=BODY)
            while (seen := await romeo.next_presence(juliet.boundjid.full, "away"))["status"] != BODY:
                pass
            check(seen["to"].bare == romeo.boundjid.bare, f"to {seen['to']}")

    async def reach(self, romeo, domain):
        with self.step(f"a message to {domain}"):
            to = f"nobody@{domain}"
            romeo.send_message(mto=to, mbody="there?", mtype="chat")
            condition = await returned(romeo, to)
            check(condition in UNREACHABLE, f"condition {condition}")
        with self.step(f"a request to {domain}"):
            condition = await refused(romeo.make_iq_get(queryxmlns="urn:example:unknown", ito=domain))
            check(condition in UNREACHABLE, f"condition {condition}")

    async def hear(self, romeo, component):
        with self.step(f"{component} echoes"):
            romeo.send_message(mto=component, mbody=BODY, mtype="chat")
            message = await romeo.next_message(component)
            check(message["body"] == BODY, f"body {message['body']!r}")
        with self.step(f"{component} is pinged"):
            reply = await romeo.plugin["xep_0199"].send_ping(JID(component), timeout=PATIENCE)
            check(reply["from"] == component, f"answered by {reply['from']}")


async def returned(actor, sender):
    """The condition with which a message came back."""
    error = await actor.next_message(sender)
    check(error["type"] == "error", f"type {error['type']}")
    return error["error"]["condition"]


async def refused(iq):
    """The condition with which a request was answered."""
    try:
        await iq.send(timeout=PATIENCE)
    except IqError as error:
        sender, asked = error.iq["from"], iq["to"]
        check(sender == asked, f"answered by {sender}, not {asked}")
        return error.iq["error"]["condition"]
    raise Failure("it was answered with a result")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parts = ("JID", "PASSWORD", "HOST", "PORT", "CA")
    parser.add_argument("--one", nargs=5, metavar=parts, required=True)
    parser.add_argument("--other", nargs=5, metavar=parts, required=True)
    parser.add_argument("--refused", action="store_true", help="the servers do not let each other in")
    parser.add_argument("--unreachable", action="append", default=[], metavar="DOMAIN")
    parser.add_argument("--echo", action="append", default=[], metavar="JID", help="who answers with the same")
    parser.add_argument("--timeout", type=int, default=60, help="seconds for the whole story")
    parser.add_argument("--verbose", action="store_true", help="the streams on stderr")
    return parser.parse_args()


if __name__ == "__main__":
    OPTIONS = arguments()
    run(perform(Federation(OPTIONS), OPTIONS.timeout), OPTIONS.verbose)
