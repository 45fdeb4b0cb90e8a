#!/usr/bin/env python3
"""One login by slixmpp, in whatever way a server has, and a few words with it.

The account gets its roster, pings the server, writes to itself, and closes. One line
per step goes to stdout; the first step that fails is named on stderr and the exit
status is 1.
"""

import argparse

from slixmpp_actor import PATIENCE, Actor, Play, check, perform, run


class Login(Play):
    def __init__(self, options):
        super().__init__()
        self.options = options

    def actor(self):
        options = self.options
        jid = f"{options.user}@{options.domain}" if options.user else options.domain
        actor = Actor("somebody", f"{jid}/login", options.password, options)
        # Either, not the one after the other.
        actor.enable_starttls = not options.direct_tls_first
        if options.certificate:
            actor.certfile, actor.keyfile = options.certificate
        return actor

    async def play(self):
        with self.step("login") as tell:
            actor = await self.enter(self.actor())
            check(actor.tls, "logged in without TLS")
            tell(f"jid={actor.boundjid.full} mechanism={actor.used} tls={actor.tls}")
        with self.step("roster"):
            await actor.get_roster(timeout=PATIENCE)
        with self.step("ping the server"):
            await actor.plugin["xep_0199"].send_ping(self.options.domain, timeout=PATIENCE)
        with self.step("write to itself"):
            actor.send_message(mto=actor.boundjid.full, mbody="Here I am", mtype="chat")
            check((await actor.next_message(actor.boundjid.full))["body"] == "Here I am", "another body")
        await self.close()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--domain", required=True)
    parser.add_argument("--ca", required=True, help="PEM file that the server's certificate must lead to")
    parser.add_argument("--user", help="localpart; without an account otherwise")
    parser.add_argument("--password", default="")
    parser.add_argument("--certificate", nargs=2, metavar=("CERT", "KEY"), help="PEM files to log in with")
    parser.add_argument("--mechanism", help="use this SASL mechanism or fail")
    parser.add_argument("--tls", choices=("1.2", "1.3"), help="this TLS version only")
    parser.add_argument("--direct-tls", action="store_true", dest="direct_tls_first", help="begin with TLS")
    parser.add_argument("--timeout", type=int, default=60, help="seconds for all of it")
    parser.add_argument("--verbose", action="store_true", help="the stream on stderr")
    parser.set_defaults(no_verify=False)
    return parser.parse_args()


if __name__ == "__main__":
    OPTIONS = arguments()
    run(perform(Login(OPTIONS), OPTIONS.timeout), OPTIONS.verbose)
