#!/usr/bin/env python3
"""A session story played by slixmpp against any XMPP server.

Two accounts log in over STARTTLS with SASL, get their rosters, talk, change a
roster, ping, meet a second resource, write to nobody, and close. One line per
step goes to stdout; the first step that fails is named on stderr and the exit
status is 1. Nothing here knows which server it talks to.
"""

import argparse
import asyncio
import contextlib
import logging
import ssl
import sys

import slixmpp
from slixmpp.exceptions import IqError, IqTimeout

AWKWARD = {
    "markup": "<&>'\" ]]> &amp; &#0; </message>",
    "emoji": "\N{SHRUG}\U0001f3fd\u200d\N{MALE SIGN}\ufe0f \U0001f1ea\U0001f1fa",
    "right-to-left": "\u05e9\u05dc\u05d5\u05dd \u202eabc\u202c \u0645\u0631\u062d\u0628\u0627",
    "white space": "  two\n\tlines  ",
}
PATIENCE = 10  # seconds that any single answer may take


class Failure(Exception):
    """A step did not go as the story says."""


class Actor(slixmpp.ClientXMPP):
    """One resource; what reaches it waits in queues until the story asks."""

    def __init__(self, name, jid, password, options):
        super().__init__(jid, password, sasl_mech=options.mechanism)
        self.name = name
        # Otherwise slixmpp says a TLS hello to the STARTTLS port first.
        self.enable_direct_tls = options.direct_tls_first
        self.register_plugin("xep_0199")
        self.ssl_context = tls_context(options)
        self.address = (options.host, options.port)
        self.messages = asyncio.Queue()
        self.presences = asyncio.Queue()
        self.pushes = asyncio.Queue()
        self.online = self.loop.create_future()
        self.ended = self.loop.create_future()
        self.tls = self.used = None
        self.add_event_handler("message", self.messages.put_nowait)
        self.add_event_handler("message_error", self.messages.put_nowait)
        self.add_event_handler("presence", self.presences.put_nowait)
        self.add_event_handler("roster_update", self._pushed)
        self.add_event_handler("auth_success", self._authenticated)
        self.add_event_handler("session_start", lambda _: settle(self.online, None))
        self.add_event_handler("disconnected", self._disconnected)
        refusals = ["failed_all_auth", "no_auth", "ssl_invalid_chain"]
        if not options.direct_tls_first:
            refusals.append("connection_failed")
        for event in refusals:
            self.add_event_handler(event, lambda why, event=event: self._refused(event, why))

    def _pushed(self, iq):
        if iq["type"] == "set":
            self.pushes.put_nowait(iq)

    def _authenticated(self, _):
        mech = self.plugin["feature_mechanisms"].mech
        self.used = mech.name
        self.gs2 = getattr(mech, "gs2_header", b"").decode()
        self.tls = self.socket.version() if isinstance(self.socket, ssl.SSLObject) else None

    def _refused(self, event, why):
        if not self.online.done():
            self.online.set_exception(Failure(f"{event}: {why}"))

    def _disconnected(self, reason):
        self._refused("disconnected", reason)
        settle(self.ended, reason)

    async def login(self):
        self.connect(*self.address)
        await answer(self.online)

    async def contacts(self):
        """The roster as the server now tells it, by bare JID; no version is
        given, so a server that has versions tells all of it."""
        request = self.make_iq_get()
        request.enable("roster")
        return (await request.send(timeout=PATIENCE))["roster"]["items"]

    async def next_message(self, sender):
        """The next message, which must come from `sender` (a full JID)."""
        message = await answer(self.messages.get())
        check(message["from"] == sender, f"a message from {message['from']}, not {sender}: {message}")
        return message

    async def next_presence(self, sender, kind="available"):
        """Passes over presence from elsewhere (the server may tell more)."""
        while True:
            presence = await answer(self.presences.get())
            if presence["from"] == sender and presence["type"] == kind:
                return presence

    async def next_push(self, jid):
        push = await answer(self.pushes.get())
        items = push["roster"]["items"]
        check(set(items) == {jid}, f"a push of {set(items)}, not of {jid} alone")
        check(push["from"].bare in ("", self.boundjid.bare), f"a push from {push['from']}")
        return items[jid]


def settle(future, value):
    if not future.done():
        future.set_result(value)


def check(holds, otherwise):
    if not holds:
        raise Failure(otherwise)


async def answer(awaitable):
    try:
        return await asyncio.wait_for(awaitable, PATIENCE)
    except asyncio.TimeoutError:
        raise Failure(f"no answer in {PATIENCE} seconds") from None


def tls_context(options):
    context = ssl.create_default_context(cafile=options.ca)
    if options.no_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.tls == "1.2":
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    if options.tls == "1.3":
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context


class Story:
    def __init__(self, options):
        self.domain = options.domain
        self.options = options
        self.step_name = "start"
        self.cast = []

    @contextlib.contextmanager
    def step(self, name):
        self.step_name = name
        details = []
        yield details.append
        print(" ".join(["ok", name.ljust(26), *details]).rstrip(), flush=True)

    async def enter(self, name, user, password, resource):
        actor = Actor(name, f"{user}@{self.domain}/{resource}", password, self.options)
        self.cast.append(actor)
        await actor.login()
        return actor

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
                actor = await self.enter(name, user, password, "story")
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
            reply = await romeo.plugin["xep_0199"].send_ping(juliet.boundjid.full, timeout=PATIENCE)
            check(reply["from"] == juliet.boundjid.full, f"answered by {reply['from']}")

    async def meet_other_resource(self, romeo, juliet):
        with self.step("second resource") as tell:
            orchard = await self.enter("romeo", self.options.user1, self.options.password1, "orchard")
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

    async def close(self):
        for actor in list(self.cast):
            with self.step(f"{actor.name} closes"):
                await self.leave(actor)

    async def leave(self, actor):
        """Closes the stream; the server must close its own half too."""
        self.cast.remove(actor)
        await actor.disconnect(wait=PATIENCE)
        reason = await answer(actor.ended)
        check(reason == "End of stream", f"ended by {reason!r} before </stream:stream>")


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


async def main(options):
    story = Story(options)
    try:
        await asyncio.wait_for(story.play(), options.timeout)
    except asyncio.TimeoutError:
        why = f"the story took longer than {options.timeout} seconds"
    except IqTimeout as error:
        why = f"no answer to {error.iq}"
    except IqError as error:
        why = f"answered with {error.iq}"
    except Failure as error:
        why = str(error)
    except Exception as error:  # slixmpp's own, or a stanza that lacks what the story reads
        why = repr(error)
    else:
        print("the end", flush=True)
        return 0
    print(f"FAILED {story.step_name}: {why}", file=sys.stderr, flush=True)
    return 1


if __name__ == "__main__":
    OPTIONS = arguments()
    logging.basicConfig(level=logging.DEBUG if OPTIONS.verbose else logging.ERROR, stream=sys.stderr)
    sys.exit(asyncio.run(main(OPTIONS)))
