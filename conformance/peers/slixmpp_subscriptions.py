#!/usr/bin/env python3
"""The life of a subscription, played by slixmpp: RFC 3921 section 8 and RFC 6121 section 3.

Romeo and Juliet, of one server or of two, ask, approve, see each other, cancel,
deny and remove; both rosters are compared after every step, as they are fetched
and as the pushes tell them. In between: requests and messages for who is
offline, a broken connection, versions of rosters, blocking, and presence for
who is not subscribed. One line per step goes to stdout; the first step that
fails is named on stderr and the exit status is 1. Nothing here knows which
servers it talks to; what they say they lack is left out.
"""

import argparse
import asyncio

from slixmpp import JID
from slixmpp.exceptions import IqError
from slixmpp_actor import PATIENCE, Actor, Play, answer, check, perform, run

PAUSE = 0.05  # seconds between two looks at a roster
SUBSCRIPTION = {"subscribe", "subscribed", "unsubscribe", "unsubscribed"}


class Subscriber(Actor):
    """Decides itself on every request, and keeps the roster that the pushes tell."""

    def __init__(self, *arguments):
        self.mirror = {}
        super().__init__(*arguments)
        self.auto_authorize = None
        self.auto_subscribe = False
        self.register_plugin("xep_0191")
        self.register_plugin("xep_0203")

    def _pushed(self, iq):
        for jid, item in iq["roster"]["items"].items():
            if item["subscription"] == "remove":
                self.mirror.pop(str(jid), None)
            else:
                self.mirror[str(jid)] = entry(item)

    async def fetched(self):
        return {str(jid): entry(item) for jid, item in (await self.contacts()).items()}

    async def appear(self):
        self.mirror = await self.fetched()
        self.send_presence()
        before = []
        while (presence := await answer(self.presences.get()))["from"] != self.boundjid.full:
            before.append(presence)
        # What waited for it, some servers send before, others behind its own presence.
        for presence in [*before, *self.arrived()]:
            self.presences.put_nowait(presence)

    def say(self, kind, contact):
        self.make_presence(ptype=kind, pto=contact.boundjid.bare).send()

    async def told(self, kind, contact):
        """The next of the stanzas that are about subscriptions, which must be this one."""
        while (presence := await answer(self.presences.get()))["type"] not in SUBSCRIPTION:
            pass
        told = (presence["type"], presence["from"])
        check(told == (kind, contact.boundjid.bare), f"told {told}, not {kind} by {contact.name}")

    def arrived(self):
        """All presence that nobody has asked for yet; it is asked for now."""
        arrived = []
        while not self.presences.empty():
            arrived.append(self.presences.get_nowait())
        return arrived

    def has_seen(self, contact, status):
        of = (one for one in self.arrived() if one["from"].bare == contact.boundjid.bare)
        return any(one["status"] == status for one in of)


class Subscriptions(Play):
    def __init__(self, options):
        super().__init__()
        self.options = options

    async def play(self):
        self.romeo = await self.log_in("romeo", self.options.one)
        self.juliet = await self.log_in("juliet", self.options.other)
        await self.ask_and_approve()
        await self.be_mutual()
        await self.be_away()
        await self.be_cut_off()
        await self.have_versions()
        await self.block()
        await self.unsubscribe()
        await self.cancel()
        await self.deny()
        await self.remove()
        await self.change_while_offline()
        await self.direct()
        await self.close()

    async def log_in(self, name, account):
        with self.step(f"login {name}") as tell:
            actor = await self.arrive(name, account)
            tell(f"jid={actor.boundjid.full}")
            check(actor.mirror == {}, f"its roster has {actor.mirror}")
        return actor

    async def arrive(self, name, account, resource="story"):
        jid, password, host, port, ca = account
        options = argparse.Namespace(
            host=host, port=int(port), ca=ca, no_verify=False, tls=None, mechanism=None, direct_tls_first=False
        )
        actor = await self.enter(Subscriber(name, f"{jid}/{resource}", password, options))
        await actor.appear()
        return actor

    async def come_back(self):
        """Juliet logs in again: another stream, the same resource."""
        self.juliet = await self.arrive("juliet", self.options.other)

    async def rosters(self, romeo, juliet):
        """Waits until both rosters are as they should be, as fetched and as pushed: what Romeo's says
        of Juliet, and hers of him. `None` is no item."""
        for actor, contact, wanted in ((self.romeo, self.juliet, romeo), (self.juliet, self.romeo, juliet)):
            wanted = {} if wanted is None else {contact.boundjid.bare: wanted}
            until = asyncio.get_running_loop().time() + PATIENCE
            while (fetched := await actor.fetched()) != wanted or actor.mirror != wanted:
                late = asyncio.get_running_loop().time() > until
                check(not late, f"{actor.name}'s roster: {fetched}, as pushed: {actor.mirror}, not {wanted}")
                await asyncio.sleep(PAUSE)

    async def follow(self, writer, reader, body):
        """A message behind all that the writer sent before: once it is there, the rest has been, or will not be."""
        writer.send_message(mto=reader.boundjid.full, mbody=body, mtype="chat")
        message = await reader.next_message(writer.boundjid.full)
        check(message["body"] == body, f"body {message['body']!r}, not {body!r}")

    async def sees(self, reader, writer, status):
        writer.send_presence(pshow="away", pstatus=status)
        while (await reader.next_presence(writer.boundjid.full, "away"))["status"] != status:
            pass

    async def does_not_see(self, reader, writer, status):
        writer.send_presence(pshow="dnd", pstatus=status)
        await self.follow(writer, reader, status)
        check(not reader.has_seen(writer, status), f"{reader.name} saw {writer.name} {status}")

    async def ask_and_approve(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("an item is made"):
            await romeo.client_roster.update(
                juliet.boundjid.bare, name="Juliet", groups=["Capulet"], timeout=PATIENCE
            )
            await self.rosters(item("none", named=True), None)
        with self.step("romeo asks"):
            romeo.say("subscribe", juliet)
            await juliet.told("subscribe", romeo)
            await self.rosters(item("none", ask=True, named=True), None)
        with self.step("who comes back is asked again"):
            await self.leave(juliet)
            await self.come_back()
            juliet = self.juliet
            await juliet.told("subscribe", romeo)
            await self.rosters(item("none", ask=True, named=True), None)
        with self.step("juliet approves"):
            juliet.say("subscribed", romeo)
            await romeo.told("subscribed", juliet)
            await romeo.next_presence(juliet.boundjid.full)
            await self.rosters(item("to", named=True), item("from"))
        with self.step("one sees the other"):
            await self.sees(romeo, juliet, "on the balcony")
            await self.does_not_see(juliet, romeo, "in the orchard")

    async def be_mutual(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("juliet asks"):
            juliet.say("subscribe", romeo)
            await romeo.told("subscribe", juliet)
            await self.rosters(item("to", named=True), item("from", ask=True))
        with self.step("romeo approves"):
            romeo.say("subscribed", juliet)
            await juliet.told("subscribed", romeo)
            await juliet.next_presence(romeo.boundjid.full, "dnd")
            await self.rosters(item("both", named=True), item("both"))
        with self.step("each sees the other"):
            await self.sees(romeo, juliet, "at the window")
            await self.sees(juliet, romeo, "at the wall")

    async def be_away(self):
        romeo, juliet = self.romeo, self.juliet
        bodies = [f"letter {n}" for n in range(3)]
        with self.step("leaving is told"):
            await self.leave(juliet)
            await romeo.next_presence(juliet.boundjid.full, "unavailable")
        with self.step("letters wait in order"):
            for body in bodies:
                romeo.send_message(mto=juliet.boundjid.bare, mbody=body, mtype="chat")
            # A ping of the other server behind them: they are where they wait.
            await self.reach(romeo, juliet)
            await self.come_back()
            juliet = self.juliet
            for body in bodies:
                message = await juliet.next_message(romeo.boundjid.full)
                check(message["body"] == body, f"body {message['body']!r}, not {body!r}")
                check(message["to"] == juliet.boundjid.bare, f"to {message['to']}")
                check(message.get_plugin("delay", check=True), f"no delay: {message}")
        with self.step("coming back is told"):
            await romeo.next_presence(juliet.boundjid.full)
            await juliet.next_presence(romeo.boundjid.full, "away")
            await self.rosters(item("both", named=True), item("both"))

    async def be_cut_off(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("a broken connection is told"):
            self.cast.remove(juliet)
            juliet.abort()
            await romeo.next_presence(juliet.boundjid.full, "unavailable")
        with self.step("and mended"):
            await self.come_back()
            await romeo.next_presence(self.juliet.boundjid.full)

    async def have_versions(self):
        romeo, juliet = self.romeo, self.juliet
        if "rosterver" not in romeo.features:
            print("-- no versions of rosters", flush=True)
            return
        with self.step("a roster that is known") as tell:
            version = (await self.versioned(romeo, ""))["roster"]["ver"]
            check(version, "no version")
            again = await self.versioned(romeo, version)
            check(again.get_plugin("roster", check=True) is None, f"it is told again: {again}")
            tell(f"ver={version}")
        with self.step("a roster that has changed"):
            await romeo.client_roster.update(
                juliet.boundjid.bare, name="My lady", groups=["Capulet"], timeout=PATIENCE
            )
            changed = item("both", name="My lady", groups={"Capulet"})
            await self.rosters(changed, item("both"))
            romeo.mirror = {}
            whole = await self.versioned(romeo, version)
            if whole.get_plugin("roster", check=True):
                romeo.mirror = {str(jid): entry(one) for jid, one in whole["roster"]["items"].items()}
            await self.rosters(changed, item("both"))
            await romeo.client_roster.update(
                juliet.boundjid.bare, name="Juliet", groups=["Capulet"], timeout=PATIENCE
            )
            await self.rosters(item("both", named=True), item("both"))

    async def block(self):
        romeo, juliet = self.romeo, self.juliet
        command = juliet.plugin["xep_0191"]
        if await refused(command.get_blocked_jids(timeout=PATIENCE)) != "none":
            print("-- no blocking", flush=True)
            return
        with self.step("juliet blocks romeo"):
            romeo.arrived()
            await command.block(JID(romeo.boundjid.bare), timeout=PATIENCE)
            await romeo.next_presence(juliet.boundjid.full, "unavailable")
            blocked = await command.get_blocked_jids(timeout=PATIENCE)
            check(blocked == {JID(romeo.boundjid.bare)}, f"blocked are {blocked}")
        with self.step("he does not reach her"):
            romeo.send_message(mto=juliet.boundjid.bare, mbody="?", mtype="chat")
            error = await romeo.next_message(juliet.boundjid.bare)
            check(error["error"]["condition"] == "service-unavailable", f"answered with {error}")
            romeo.send_presence(pshow="xa", pstatus="shut out")
            condition = await refused(romeo.plugin["xep_0199"].send_ping(juliet.boundjid, timeout=PATIENCE))
            check(condition == "service-unavailable", f"condition {condition}")
            check(not juliet.has_seen(romeo, "shut out"), "she saw him")
        with self.step("nor does she reach him"):
            juliet.send_message(mto=romeo.boundjid.bare, mbody="!", mtype="chat")
            error = await juliet.next_message(romeo.boundjid.bare)
            check(error["error"]["condition"] == "not-acceptable", f"answered with {error}")
            check(juliet.messages.empty() and romeo.messages.empty(), "a message went through")
        with self.step("juliet unblocks romeo"):
            await command.unblock(JID(romeo.boundjid.bare), timeout=PATIENCE)
            await romeo.next_presence(juliet.boundjid.full)
            await self.follow(romeo, juliet, "again")
            await self.rosters(item("both", named=True), item("both"))

    async def unsubscribe(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("romeo unsubscribes"):
            romeo.say("unsubscribe", juliet)
            await juliet.told("unsubscribe", romeo)
            await self.rosters(item("from", named=True), item("to"))
        with self.step("one sees the other no more"):
            await self.does_not_see(romeo, juliet, "behind a curtain")
            await self.sees(juliet, romeo, "at a loss")
        await self.be_subscribed_again()

    async def be_subscribed_again(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("romeo is approved again"):
            romeo.arrived()  # whether the unsubscribe was answered is the server's choice
            romeo.say("subscribe", juliet)
            await juliet.told("subscribe", romeo)
            await self.rosters(item("from", ask=True, named=True), item("to"))
            juliet.say("subscribed", romeo)
            await romeo.told("subscribed", juliet)
            await self.rosters(item("both", named=True), item("both"))
            await self.sees(romeo, juliet, "in view")

    async def cancel(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("juliet cancels"):
            romeo.arrived()
            juliet.say("unsubscribed", romeo)
            # Which of both comes first, the RFCs have either way.
            wanted = {(juliet.boundjid.bare, "unsubscribed"), (juliet.boundjid.full, "unavailable")}
            while wanted:
                presence = await answer(romeo.presences.get())
                wanted.discard((str(presence["from"]), presence["type"]))
            await self.rosters(item("from", named=True), item("to"))
        with self.step("and is not seen"):
            await self.does_not_see(romeo, juliet, "gone")

    async def deny(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("juliet denies"):
            romeo.say("subscribe", juliet)
            await juliet.told("subscribe", romeo)
            await self.rosters(item("from", ask=True, named=True), item("to"))
            juliet.say("unsubscribed", romeo)
            await romeo.told("unsubscribed", juliet)
            await self.rosters(item("from", named=True), item("to"))

    async def remove(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("romeo removes her"):
            await romeo.client_roster.update(juliet.boundjid.bare, subscription="remove", timeout=PATIENCE)
            await juliet.told("unsubscribed", romeo)
            await self.rosters(None, item("none"))
        with self.step("juliet removes him"):
            await juliet.client_roster.update(romeo.boundjid.bare, subscription="remove", timeout=PATIENCE)
            await self.rosters(None, None)
        with self.step("who is gone is removed") as tell:
            removal = juliet.client_roster.update(romeo.boundjid.bare, subscription="remove", timeout=PATIENCE)
            condition = await refused(removal)
            check(condition in ("item-not-found", "none"), f"condition {condition}")
            tell(f"condition={condition}")

    async def change_while_offline(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("requests wait as one"):
            await self.leave(juliet)
            romeo.say("subscribe", juliet)
            romeo.say("subscribe", juliet)
            await self.reach(romeo, juliet)
            await self.come_back()
            juliet = self.juliet
            await juliet.told("subscribe", romeo)
            await self.follow(romeo, juliet, "asked")
            check(not any(one["type"] == "subscribe" for one in juliet.arrived()), "asked twice")
            await self.rosters(item("none", ask=True), None)
        with self.step("an answer meets who is offline"):
            await self.leave(romeo)
            juliet.say("subscribed", romeo)
            await self.reach(juliet, romeo)
            self.romeo = romeo = await self.arrive("romeo", self.options.one)
            await self.rosters(item("to"), item("from"))
            await romeo.next_presence(juliet.boundjid.full)
        with self.step("so does a removal"):
            await self.leave(juliet)
            await romeo.client_roster.update(juliet.boundjid.bare, subscription="remove", timeout=PATIENCE)
            await self.reach(romeo, juliet)
            await self.come_back()
            await self.rosters(None, item("none"))
            await self.juliet.client_roster.update(romeo.boundjid.bare, subscription="remove", timeout=PATIENCE)
            await self.rosters(None, None)

    async def direct(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("presence for a stranger"):
            romeo.send_presence(pto=juliet.boundjid.full, pstatus="a stranger")
            seen = await juliet.next_presence(romeo.boundjid.full)
            check(seen["status"] == "a stranger", f"status {seen['status']!r}")
            await self.does_not_see(juliet, romeo, "as before")
        with self.step("its end is told"):
            await self.leave(romeo)
            await juliet.next_presence(romeo.boundjid.full, "unavailable")

    async def reach(self, actor, contact):
        """A request behind all that the actor sent there: once it is answered, that has been dealt with."""
        ping = actor.plugin["xep_0199"].send_ping(JID(contact.boundjid.domain), timeout=PATIENCE)
        check((await ping)["from"] == contact.boundjid.domain, "another answered")

    async def versioned(self, actor, version):
        request = actor.make_iq_get()
        request["roster"]["ver"] = version
        return await request.send(timeout=PATIENCE)


def entry(told):
    """What a roster says of a contact: subscription, whether it was asked, name, groups."""
    return (told["subscription"], told["ask"], told["name"], frozenset(told["groups"]))


def item(subscription, ask=False, named=False, name="", groups=()):
    """The same as it should be; Romeo has given Juliet a name."""
    if named:
        name, groups = "Juliet", ("Capulet",)
    return (subscription, "subscribe" if ask else "", name, frozenset(groups))


async def refused(request):
    """The condition with which a request was answered."""
    try:
        await request
    except IqError as error:
        return error.iq["error"]["condition"]
    return "none"


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parts = ("JID", "PASSWORD", "HOST", "PORT", "CA")
    parser.add_argument("--one", nargs=5, metavar=parts, required=True)
    parser.add_argument("--other", nargs=5, metavar=parts, required=True)
    parser.add_argument("--timeout", type=int, default=60, help="seconds for the whole story")
    parser.add_argument("--verbose", action="store_true", help="the streams on stderr")
    return parser


if __name__ == "__main__":
    OPTIONS = arguments(__doc__.splitlines()[0]).parse_args()
    run(perform(Subscriptions(OPTIONS), OPTIONS.timeout), OPTIONS.verbose)
