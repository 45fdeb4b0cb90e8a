#!/usr/bin/env python3
"""A session story played by slixmpp against any XMPP server.

Two accounts log in over STARTTLS with SASL, get their rosters, talk, change a
roster, ping, meet a second resource, write to nobody, and close. One line per
step goes to stdout; the first step that fails is named on stderr and the exit
status is 1. Nothing here knows which server it talks to.
"""

import argparse

from slixmpp.exceptions import IqError
from slixmpp_actor import PATIENCE, Actor, Failure, Play, check, perform, run

AWKWARD = {
    "markup": "<&>'\" ]]> &amp; &#0; </message>",
    "emoji": "\N{SHRUG}\U0001f3fd\u200d\N{MALE SIGN}\ufe0f \U0001f1ea\U0001f1fa",
    "right-to-left": "\u05e9\u05dc\u05d5\u05dd \u202eabc\u202c \u0645\u0631\u062d\u0628\u0627",
    "white space": "  two\n\tlines  ",
}


class Story(Play):
    def __init__(self, options):
        super().__init__()
        self.domain = options.domain
        self.options = options

    def actor(self, name, user, password, resource):
        return Actor(name, f"{user}@{self.domain}/{resource}", password, self.options)

    async def play(self):
        romeo, juliet = await self.log_in()
        await self.get_rosters(romeo, juliet)
        await self.become_available(romeo, juliet)
        await self.talk(romeo, juliet)
        await self.change_roster(romeo)
        await self.ping(romeo, juliet)
        await self.meet_other_resource(romeo, juliet)
        await self.write_to_nobody(romeo)
        await self.ask_the_unknown(romeo)
        await self.close()

    async def log_in(self):
        cast = []
        for name, user, password in (
            ("romeo", self.options.user1, self.options.password1),
            ("juliet", self.options.user2, self.options.password2),
        ):
            with self.step(f"login {name}") as tell:
                actor = await self.enter(self.actor(name, user, password, "story"))
                check(actor.tls, "logged in without TLS")
                tell(f"jid={actor.boundjid.full} mechanism={actor.used} gs2={actor.gs2} tls={actor.tls}")
                if self.options.mechanism:
                    check(actor.used == self.options.mechanism, f"{actor.used} was used")
                cast.append(actor)
        return cast

    async def get_rosters(self, *actors):
        for actor in actors:
            with self.step(f"roster of {actor.name}") as tell:
                await actor.get_roster(timeout=PATIENCE)
                tell(f"items={len(await actor.contacts())}")

    async def become_available(self, *actors):
        for actor in actors:
            with self.step(f"presence of {actor.name}"):
                actor.send_presence()
                await actor.next_presence(actor.boundjid.full)

    async def talk(self, romeo, juliet):
        for a, b in ((romeo, juliet), (juliet, romeo)):
            for kind, text in AWKWARD.items():
                with self.step(f"{a.name} writes {kind}"):
                    a.send_message(mto=b.boundjid.full, mbody=text, mtype="chat", msubject=text)
                    message = await b.next_message(a.boundjid.full)
                    check(message["type"] == "chat", f"type {message['type']}")
                    check(message["to"] == b.boundjid.full, f"to {message['to']}")
                    check(message["body"] == text, f"body {message['body']!r}, not {text!r}")
                    check(message["subject"] == text, f"subject {message['subject']!r}")
        with self.step("message to a bare JID"):
            romeo.send_message(mto=juliet.boundjid.bare, mbody="bare", mtype="chat")
            check((await juliet.next_message(romeo.boundjid.full))["body"] == "bare", "another body")

    async def change_roster(self, romeo):
        nurse = f"nurse@{self.domain}"
        with self.step("roster set and push"):
            await romeo.client_roster.update(
                nurse, name="The <Nurse> & co", groups=["Capulet", "\u05d0"], timeout=PATIENCE
            )
            self.is_nurse(await romeo.next_push(nurse))
        with self.step("roster holds the item"):
            roster = await romeo.contacts()
            check(nurse in roster, f"only {set(roster)}")
            self.is_nurse(roster[nurse])
        with self.step("roster delete and push"):
            await romeo.client_roster.update(nurse, subscription="remove", timeout=PATIENCE)
            item = await romeo.next_push(nurse)
            check(item["subscription"] == "remove", f"subscription {item['subscription']}")
        with self.step("roster is empty again"):
            roster = await romeo.contacts()
            check(nurse not in roster, f"still {set(roster)}")

    @staticmethod
    def is_nurse(item):
        check(item["name"] == "The <Nurse> & co", f"name {item['name']!r}")
        check(set(item["groups"]) == {"Capulet", "\u05d0"}, f"groups {item['groups']}")
        check(item["subscription"] == "none", f"subscription {item['subscription']}")

    async def ping(self, romeo, juliet):
        with self.step("ping the server"):
            reply = await romeo.plugin["xep_0199"].send_ping(self.domain, timeout=PATIENCE)
            check(reply["from"] == self.domain, f"answered by {reply['from']}")
        with self.step("ping juliet through it"):
            # From a stranger's requests, servers hide who has not shown itself: RFC 6121 section 8.5.3.1.
            juliet.send_presence(pto=romeo.boundjid.full)
            await romeo.next_presence(juliet.boundjid.full)
            reply = await romeo.plugin["xep_0199"].send_ping(juliet.boundjid.full, timeout=PATIENCE)
            check(reply["from"] == juliet.boundjid.full, f"answered by {reply['from']}")

    async def meet_other_resource(self, romeo, juliet):
        with self.step("second resource") as tell:
            again = self.actor("romeo", self.options.user1, self.options.password1, "orchard")
            orchard = await self.enter(again)
            tell(f"jid={orchard.boundjid.full}")
            check(orchard.boundjid.bare == romeo.boundjid.bare, "another account")
            check(orchard.boundjid.full != romeo.boundjid.full, "the same resource")
        with self.step("each sees the other"):
            orchard.send_presence(ppriority=7, pstatus="in the <orchard>")
            seen = await romeo.next_presence(orchard.boundjid.full)
            check(seen["priority"] == 7, f"priority {seen['priority']}")
            check(seen["status"] == "in the <orchard>", f"status {seen['status']!r}")
            await orchard.next_presence(romeo.boundjid.full)
        with self.step("higher priority receives"):
            juliet.send_message(mto=romeo.boundjid.bare, mbody="who?", mtype="chat")
            check((await orchard.next_message(juliet.boundjid.full))["body"] == "who?", "another body")
        with self.step("leaving is told"):
            await self.leave(orchard)
            await romeo.next_presence(orchard.boundjid.full, "unavailable")
            # Whether the lower priority gets a copy too is the server's choice.
            while not romeo.messages.empty():
                romeo.messages.get_nowait()

    async def write_to_nobody(self, romeo):
        with self.step("unknown user is an error"):
            nobody = f"nobody@{self.domain}"
            romeo.send_message(mto=nobody, mbody="there?", mtype="chat")
            error = await romeo.next_message(nobody)
            check(error["type"] == "error", f"type {error['type']}")
            condition = error["error"]["condition"]
            check(condition == "service-unavailable", f"condition {condition}")

    async def ask_the_unknown(self, romeo):
        with self.step("unknown request is an error"):
            iq = romeo.make_iq_get(queryxmlns="urn:example:unknown", ito=self.domain)
            try:
                await iq.send(timeout=PATIENCE)
                raise Failure("it was answered with a result")
            except IqError as error:
                condition = error.iq["error"]["condition"]
                check(condition == "service-unavailable", f"condition {condition}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--domain", required=True)
    trust = parser.add_mutually_exclusive_group(required=True)
    trust.add_argument("--ca", help="PEM file that the server's certificate must lead to")
    trust.add_argument("--no-verify", action="store_true")
    for n in (1, 2):
        parser.add_argument(f"--user{n}", required=True, help="localpart")
        parser.add_argument(f"--password{n}", required=True)
    parser.add_argument("--mechanism", help="use this SASL mechanism or fail")
    parser.add_argument("--tls", choices=("1.2", "1.3"), help="this TLS version only")
    parser.add_argument("--direct-tls-first", action="store_true", help="slixmpp's own habit")
    parser.add_argument("--timeout", type=int, default=60, help="seconds for the whole story")
    parser.add_argument("--verbose", action="store_true", help="the streams on stderr")
    return parser.parse_args()


if __name__ == "__main__":
    OPTIONS = arguments()
    run(perform(Story(OPTIONS), OPTIONS.timeout), OPTIONS.verbose)
