// What every story of @xmpp/client needs: one resource of one account, bounded
// waiting, steps with their names, and how a story ends.
//
// Whom to trust is Node's own setting: NODE_EXTRA_CA_CERTS=FILE, or
// NODE_TLS_REJECT_UNAUTHORIZED=0.

import { client, xml } from "@xmpp/client";

export const NS = {
  ping: "urn:xmpp:ping",
  roster: "jabber:iq:roster",
  delay: "urn:xmpp:delay",
  stream: "http://etherx.jabber.org/streams",
  stanzas: "urn:ietf:params:xml:ns:xmpp-stanzas",
};
export const PATIENCE = 10_000; // milliseconds that any single answer may take

export class Failure extends Error {}

export function check(holds, otherwise) {
  if (!holds) throw new Failure(otherwise);
}

// What arrived and was not yet asked for, and who waits for what comes next.
class Inbox {
  #waiting = [];
  #arrived = [];

  put(stanza) {
    const index = this.#waiting.findIndex(({ wanted }) => wanted(stanza));
    if (index < 0) this.#arrived.push(stanza);
    else this.#waiting.splice(index, 1)[0].resolve(stanza);
  }

  // All that arrived, is wanted, and was not asked for: it is asked for now.
  take(wanted) {
    const taken = this.#arrived.filter(wanted);
    this.#arrived = this.#arrived.filter((stanza) => !taken.includes(stanza));
    return taken;
  }

  next(wanted, what) {
    const index = this.#arrived.findIndex(wanted);
    if (index >= 0) return Promise.resolve(this.#arrived.splice(index, 1)[0]);
    return new Promise((resolve, reject) => {
      const waiter = { wanted, resolve };
      this.#waiting.push(waiter);
      setTimeout(() => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(new Failure(`no ${what} in ${PATIENCE / 1000} seconds`));
      }, PATIENCE).unref();
    });
  }
}

// One resource of one account.
export class Actor {
  inbox = new Inbox();
  used = null;
  tls = null;

  // Of `account`: user, password, host, port, domain, and the SASL mechanism to use if it is to be
  // that one; `verbose` puts the streams on stderr.
  constructor(name, account, resource, verbose) {
    const { user, password, host, port, domain } = account;
    this.name = name;
    this.xmpp = client({
      service: `xmpp://${host}:${port}`,
      domain,
      resource,
      timeout: PATIENCE,
      credentials: async (authenticate, mechanisms) => {
        const mechanism = account.mechanism ?? mechanisms[0];
        check(mechanisms.includes(mechanism), `${mechanism} is not among ${mechanisms}`);
        this.tls = this.xmpp.socket.socket?.getProtocol?.() ?? null;
        check(this.tls, "asked for credentials without TLS");
        this.used = mechanism;
        await authenticate({ username: user, password }, mechanism);
      },
    });
    this.xmpp.reconnect.stop();
    // The library listens for an answer only once what it asked is flushed, and
    // over TLS a quick server's answer may be read before that is known.
    const write = this.xmpp.write.bind(this.xmpp);
    this.xmpp.write = async (text) => {
      write(text).catch((error) => this.xmpp.emit("error", error));
    };
    if (verbose) {
      const log = (direction) => (element) => console.error(this.name, direction, String(element));
      this.xmpp.on("element", log("<"));
      this.xmpp.on("send", log(">"));
    }
    // Whoever waits for an answer learns of it; without a listener Node would
    // end here, naming no step.
    this.xmpp.on("error", (error) => verbose && console.error(name, error));
    this.xmpp.on("stanza", (stanza) => {
      if (!stanza.is("iq")) this.inbox.put(stanza);
    });
    // A push is acknowledged with an empty result, as a client that keeps a
    // roster does; without this the library answers with an error.
    this.xmpp.iqCallee.set(NS.roster, "query", ({ stanza }) => {
      this.pushed(stanza);
      return true;
    });
  }

  pushed(stanza) {
    this.inbox.put(stanza);
  }

  get full() {
    return this.xmpp.jid.toString();
  }

  get bare() {
    return this.xmpp.jid.bare().toString();
  }

  login() {
    return this.xmpp.start();
  }

  send(...stanza) {
    return this.xmpp.send(xml(...stanza));
  }

  async roster() {
    const query = await this.xmpp.iqCaller.get(xml("query", { xmlns: NS.roster }), undefined, PATIENCE);
    return new Map(query.getChildren("item").map((item) => [item.attrs.jid, item]));
  }

  setRoster(attributes, ...groups) {
    const item = xml("item", attributes, ...groups.map((group) => xml("group", {}, group)));
    return this.xmpp.iqCaller.set(xml("query", { xmlns: NS.roster }, item), undefined, PATIENCE);
  }

  async nextPush(contact) {
    const push = await this.inbox.next((stanza) => stanza.is("iq"), "roster push");
    check([undefined, this.bare].includes(push.attrs.from), `a push from ${push.attrs.from}`);
    const items = push.getChild("query", NS.roster).getChildren("item");
    check(items.length === 1 && items[0].attrs.jid === contact, `a push of ${items}`);
    return items[0];
  }

  async nextMessage(sender) {
    const message = await this.inbox.next((stanza) => stanza.is("message"), "message");
    check(message.attrs.from === sender, `a message from ${message.attrs.from}, not ${sender}`);
    return message;
  }

  // Passes over presence from elsewhere (the server may tell more).
  nextPresence(sender, type) {
    return this.inbox.next(
      ({ name, attrs }) => name === "presence" && attrs.from === sender && attrs.type === type,
      `presence of ${sender}`,
    );
  }

  ping(to) {
    const request = xml("iq", { type: "get", to }, xml("ping", { xmlns: NS.ping }));
    return this.xmpp.iqCaller.request(request, PATIENCE);
  }

  // Closes the stream; the server must close its own half too.
  async leave() {
    const closed = await this.xmpp.stop();
    check(closed?.is("stream", NS.stream), "it ended without </stream:stream>");
  }
}

let current = "start";

export async function step(name, play) {
  current = name;
  const detail = await play();
  console.log(["ok", name.padEnd(26), typeof detail === "string" ? detail : ""].join(" ").trimEnd());
}

// Plays it to its end within so many seconds; the process ends with it.
export async function perform(play, seconds) {
  setTimeout(() => {
    console.error(`FAILED ${current}: the story took longer than ${seconds} seconds`);
    process.exit(1);
  }, seconds * 1000).unref();
  try {
    await play();
    console.log("the end");
    process.exit(0);
  } catch (error) {
    console.error(`FAILED ${current}: ${error instanceof Failure ? error.message : error}`);
    process.exit(1);
  }
}
