#!/usr/bin/env python3
"""An external component (XEP-0114) by slixmpp, for any XMPP server.

Says every message back to its sender, and answers pings. Prints `ready` once
the server has accepted it and runs until TERM; where the server refuses it,
prints `refused: CONDITION` and ends with status 1.
"""

import argparse
import asyncio
import signal

import slixmpp
from slixmpp_actor import answer, run, settle


class Echo(slixmpp.ComponentXMPP):
    def __init__(self, options):
        super().__init__(options.name, options.secret, options.host, options.port)
        self.register_plugin("xep_0199")
        self.accepted = self.loop.create_future()
        self.ended = self.loop.create_future()
        self.add_event_handler("session_start", lambda _: settle(self.accepted, None))
        self.add_event_handler("message", self._echo)
        self.add_event_handler("stream_error", lambda error: settle(self.accepted, error["condition"]))
        self.add_event_handler("connection_failed", lambda why: settle(self.accepted, str(why)))
        self.add_event_handler("disconnected", self._disconnected)

    def _echo(self, message):
        if message["type"] in ("chat", "normal"):
            message.reply(message["body"]).send()

    def _disconnected(self, reason):
        settle(self.accepted, str(reason))
        settle(self.ended, reason)


async def serve(options):
    echo = Echo(options)
    echo.connect()
    refusal = await answer(echo.accepted)
    if refusal is not None:
        print(f"refused: {refusal}", flush=True)
        return 1
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, echo.disconnect)
    print("ready", flush=True)
    await echo.ended
    return 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--name", required=True, help="the component's domain")
    parser.add_argument("--secret", required=True)
    parser.add_argument("--verbose", action="store_true", help="the stream on stderr")
    return parser.parse_args()


if __name__ == "__main__":
    OPTIONS = arguments()
    run(serve(OPTIONS), OPTIONS.verbose)
