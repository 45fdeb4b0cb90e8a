#!/usr/bin/env python3
"""Who gets what, played by slixmpp: RFC 3921 sections 5.1, 10 and 11, RFC 6121 sections 4 and 8.

Romeo and Juliet, of one server or of two, see each other. She has two resources
and moves their priorities about, keeps people out by privacy lists, and leaves
with a last word. One line per step goes to stdout; the first step that fails is
named on stderr and the exit status is 1. Nothing here knows which servers it
talks to; what they say they lack is left out.
"""

from slixmpp import ET
from slixmpp.plugins.xep_0016.stanza import Item
from slixmpp_actor import PATIENCE, answer, check, perform, run
from slixmpp_subscriptions import Subscriptions, arguments, item, refused


class Delivery(Subscriptions):
    async def play(self):
        self.romeo = await self.log_in("romeo", self.options.one)
        self.juliet = await self.log_in("juliet", self.options.other)
        await self.be_friends()
        await self.be_twice()
        await self.keep_out()
        if not self.options.no_last_word:
            await self.say_last()
        await self.part()
        await self.close()

    async def be_friends(self):
        with self.step("friends"):
            for one, other in ((self.romeo, self.juliet), (self.juliet, self.romeo)):
                one.say("subscribe", other)
                await other.told("subscribe", one)
                other.say("subscribed", one)
                await one.told("subscribed", other)
            await self.sees(self.romeo, self.juliet, "met")
            await self.sees(self.juliet, self.romeo, "met")

    async def prefer(self, actor, priority):
        """It is so once another resource of the account, or the contact, has seen it."""
        actor.send_presence(ppriority=priority, pstatus=f"priority {priority}")
        while (await self.romeo.next_presence(actor.boundjid.full))["status"] != f"priority {priority}":
            pass

    async def gets(self, reader, other, body):
        """A message for the account, of which `other` is a resource too, comes to `reader` alone."""
        self.romeo.send_message(mto=reader.boundjid.bare, mbody=body, mtype="chat")
        message = await reader.next_message(self.romeo.boundjid.full)
        check(message["body"] == body, f"body {message['body']!r}, not {body!r}")
        await self.follow(self.romeo, other, f"{body}: not for you")

    async def be_twice(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("a second resource"):
            chamber = await self.arrive("juliet", self.options.other, "chamber")
            await romeo.next_presence(chamber.boundjid.full)
            await juliet.next_presence(chamber.boundjid.full)
        with self.step("the higher priority gets it"):
            await self.prefer(juliet, 1)
            await self.prefer(chamber, 5)
            await self.gets(chamber, juliet, "to the chamber")
            await self.prefer(juliet, 10)
            await self.gets(juliet, chamber, "to the balcony")
        with self.step("a full address gets its own"):
            await self.follow(romeo, chamber, "up here")
            await self.follow(romeo, juliet, "down here")
        with self.step("a negative priority gets none"):
            await self.prefer(juliet, -1)
            await self.gets(chamber, juliet, "not on the balcony")
            await self.follow(romeo, juliet, "but so it does")
        with self.step("nobody wants it, it waits"):
            await self.leave(chamber)
            await romeo.next_presence(chamber.boundjid.full, "unavailable")
            romeo.send_message(mto=juliet.boundjid.bare, mbody="later", mtype="chat")
            await self.reach(romeo, juliet)
            await self.follow(romeo, juliet, "now")
            juliet.send_presence(ptype="unavailable")
            await self.prefer(juliet, 0)
            message = await juliet.next_message(romeo.boundjid.full)
            check(message["body"] == "later", f"body {message['body']!r}, not 'later'")
            check(message.get_plugin("delay", check=True), f"no delay: {message}")

    async def keep_out(self):
        romeo, juliet = self.romeo, self.juliet
        if await refused(privacy(juliet).get_privacy_lists(timeout=PATIENCE)) != "none":
            print("-- no privacy lists", flush=True)
            return
        with self.step("a list without effect"):
            await self.deny("message")
            await has_lists(juliet, ["no letters"], "", "")
            await self.follow(romeo, juliet, "as before")
        with self.step("the active list"):
            await privacy(juliet).activate("no letters", timeout=PATIENCE)
            await has_lists(juliet, ["no letters"], "no letters", "")
            await self.is_kept_out("unread")
            check(juliet.has_seen(romeo, "unread"), "she did not see him")
            await privacy(juliet).deactivate(timeout=PATIENCE)
            await self.follow(romeo, juliet, "heard again")
        with self.step("the default list"):
            await privacy(juliet).make_default("no letters", timeout=PATIENCE)
            await has_lists(juliet, ["no letters"], "", "no letters")
            await self.is_kept_out("unread again")
            condition = await refused(privacy(juliet).make_default("no such list", timeout=PATIENCE))
            check(condition == "item-not-found", f"condition {condition}")
        with self.step("it holds for who is away"):
            await self.leave(juliet)
            romeo.send_message(mto=juliet.boundjid.bare, mbody="not kept", mtype="chat")
            await self.reach(romeo, juliet)
            await self.come_back()
            juliet = self.juliet
            await has_lists(juliet, ["no letters"], "", "no letters")
            await self.is_kept_out("still unread")
        with self.step("a list in force is changed"):
            await self.deny("message", "presence-in")
            await self.is_kept_out("unseen")
            check(not juliet.has_seen(romeo, "unseen"), "she saw him")
        with self.step("it hides her from him"):
            await self.deny("message", "presence-out")
            await self.does_not_see(romeo, juliet, "behind a veil")
            await self.deny("message")
            await self.sees(romeo, juliet, "unveiled")
        with self.step("each resource has its own") as tell:
            await privacy(juliet).remove_default(timeout=PATIENCE)
            chamber = await self.arrive("juliet", self.options.other, "chamber")
            await privacy(chamber).activate("no letters", timeout=PATIENCE)
            romeo.send_message(mto=chamber.boundjid.full, mbody="not there", mtype="chat")
            await self.reach(romeo, chamber)
            await self.reach(chamber, chamber)
            check(chamber.messages.empty(), "a message went through")
            are_refusals(romeo.messages)
            await self.follow(romeo, juliet, "but here")
            # Some servers know which resource uses a list by default only.
            condition = await refused(privacy(juliet).remove_list("no letters", timeout=PATIENCE))
            check(condition in ("conflict", "none"), f"condition {condition}")
            tell(f"condition={condition}")
            await self.leave(chamber)
        with self.step("the lists go"):
            if (await lists(juliet))[0]:
                await privacy(juliet).remove_list("no letters", timeout=PATIENCE)
            await has_lists(juliet, [], "", "")
            await self.follow(romeo, juliet, "well met")
            await self.sees(juliet, romeo, "again")

    async def deny(self, *kinds):
        """Juliet's list keeps these kinds of stanzas of Romeo's out, and lets the rest pass."""
        romeo, rest = Item(), Item()
        for name, value in {"type": "jid", "value": self.romeo.boundjid.bare, "action": "deny", "order": "1"}.items():
            romeo[name] = value
        for kind in kinds:
            # The plugin takes <presence-in/> for <presence-out/>.
            romeo.append(ET.Element(f"{{{Item.namespace}}}{kind}"))
        rest["action"], rest["order"] = "allow", "2"
        await privacy(self.juliet).edit_list("no letters", [romeo, rest], timeout=PATIENCE)

    async def is_kept_out(self, body):
        """No message of Romeo's reaches Juliet."""
        romeo, juliet = self.romeo, self.juliet
        for address in (juliet.boundjid.bare, juliet.boundjid.full):
            romeo.send_message(mto=address, mbody=body, mtype="chat")
        romeo.send_presence(pstatus=body)
        await self.reach(romeo, juliet)
        await self.reach(juliet, juliet)
        check(juliet.messages.empty(), "a message went through")
        are_refusals(romeo.messages)

    async def say_last(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("a last word"):
            romeo.arrived()  # that she left before
            juliet.send_presence(ptype="unavailable", pstatus="good night")
            await self.leave(juliet)
            told = await romeo.next_presence(juliet.boundjid.full, "unavailable")
            check(told["status"] == "good night", f"status {told['status']!r}")
        with self.step("who asks is told it again") as tell:
            romeo.send_presence(ptype="probe", pto=juliet.boundjid.bare)
            tell(await self.last(romeo, juliet))
        with self.step("who comes later is told it") as tell:
            await self.leave(romeo)
            self.romeo = romeo = await self.arrive("romeo", self.options.one)
            tell(await self.last(romeo, juliet))
        with self.step("it was not the last"):
            await self.come_back()
            await romeo.next_presence(self.juliet.boundjid.full)

    async def last(self, reader, contact):
        """What is said of who is not there: that, and what else the server has kept."""
        while (last := await answer(reader.presences.get()))["from"].bare != contact.boundjid.bare:
            pass
        check(last["type"] == "unavailable", f"{last}")
        delayed = last.get_plugin("delay", check=True) is not None
        return f"from={last['from']} status={last['status']!r} delayed={delayed}"

    async def part(self):
        romeo, juliet = self.romeo, self.juliet
        with self.step("strangers again"):
            await romeo.client_roster.update(juliet.boundjid.bare, subscription="remove", timeout=PATIENCE)
            await self.rosters(None, item("none"))
            await juliet.client_roster.update(romeo.boundjid.bare, subscription="remove", timeout=PATIENCE)
            await self.rosters(None, None)


def privacy(actor):
    """The plugin of one stream; every stream has its own."""
    actor.register_plugin("xep_0016")
    return actor.plugin["xep_0016"]


def are_refusals(messages):
    """Whether who is kept out is told so is the server's choice; what comes back is nothing else."""
    while not messages.empty():
        error = messages.get_nowait()
        check(error["error"]["condition"] == "service-unavailable", f"answered with {error}")


async def lists(actor):
    """The names of all lists, of the active and of the default one."""
    told = (await privacy(actor).get_privacy_lists(timeout=PATIENCE))["privacy"]
    return ([one["name"] for one in told["lists"]], told["active"]["name"], told["default"]["name"])


async def has_lists(actor, *wanted):
    found = await lists(actor)
    check(found == wanted, f"lists {found}, not {wanted}")


if __name__ == "__main__":
    PARSER = arguments(__doc__.splitlines()[0])
    PARSER.add_argument("--no-last-word", action="store_true", help="the server says nothing of who is gone")
    OPTIONS = PARSER.parse_args()
    run(perform(Delivery(OPTIONS), OPTIONS.timeout), OPTIONS.verbose)
