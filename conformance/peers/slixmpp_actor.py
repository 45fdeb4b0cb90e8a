"""What every story of slixmpp needs: one resource of one account, bounded
waiting, steps with their names, and how a story ends.
"""

import asyncio
import contextlib
import logging
import ssl
import sys

import slixmpp
from slixmpp.exceptions import IqError, IqTimeout

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
        self.add_event_handler("message", self._received)
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

    def _received(self, message):
        # An error that brings the body back is told twice, first as a message.
        if message["type"] != "error":
            self.messages.put_nowait(message)

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


class Play:
    """Steps, one line each on stdout, and whoever takes part in them."""

    def __init__(self):
        self.step_name = "start"
        self.cast = []

    @contextlib.contextmanager
    def step(self, name):
        self.step_name = name
        details = []
        yield details.append
        print(" ".join(["ok", name.ljust(26), *details]).rstrip(), flush=True)

    async def enter(self, actor):
        self.cast.append(actor)
        await actor.login()
        return actor

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


async def perform(play, limit):
    """Plays it to its end within `limit` seconds; the exit status."""
    try:
        await asyncio.wait_for(play.play(), limit)
    except asyncio.TimeoutError:
        why = f"the story took longer than {limit} seconds"
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
    print(f"FAILED {play.step_name}: {why}", file=sys.stderr, flush=True)
    return 1


def run(coroutine, verbose):
    """Until it returns, with the streams on stderr if `verbose`."""
    logging.basicConfig(level=logging.DEBUG if verbose else logging.ERROR, stream=sys.stderr)
    sys.exit(asyncio.run(coroutine))
