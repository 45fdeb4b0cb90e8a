// The life of a subscription, played by @xmpp/client: RFC 3921 section 8 and
// RFC 6121 section 3.
//
// Romeo and Juliet, of one server or of two, ask, approve, see each other,
// cancel, deny and remove; both rosters are compared after every step, as they
// are fetched and as the pushes tell them. In between: requests and messages
// for who is offline, a broken connection, and presence for who is not
// subscribed. One line per step goes to stdout; the first step that fails is
// named on stderr and the exit status is 1. Nothing here knows which servers it
// talks to.

import { parseArgs } from "node:util";
import { xml } from "@xmpp/client";
import { Actor, NS, PATIENCE, check, perform, step } from "./actor.mjs";

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    timeout: { type: "string", default: "60" }, // seconds for the whole story
    verbose: { type: "boolean", default: false }, // the streams on stderr
  },
});
if (positionals.length !== 8) {
  console.error("subscriptions.mjs [--timeout SECONDS] [--verbose] (JID PASSWORD HOST PORT) twice");
  process.exit(2);
}

const PAUSE = 50; // milliseconds between two looks at a roster
const SUBSCRIPTION = ["subscribe", "subscribed", "unsubscribe", "unsubscribed"];

const isSubscription = ({ name, attrs }) => name === "presence" && SUBSCRIPTION.includes(attrs.type);

// What a roster says of a contact, as text that can be compared.
function entry(item) {
  const { subscription, ask, name } = item.attrs;
  const groups = item.getChildren("group").map((group) => group.text()).sort();
  return [subscription, ask ?? "", name ?? "", ...groups].join();
}

// Decides itself on every request, and keeps the roster that the pushes tell.
class Subscriber extends Actor {
  mirror = new Map();

  pushed(stanza) {
    const [item] = stanza.getChild("query", NS.roster).getChildren("item");
    if (item.attrs.subscription === "remove") this.mirror.delete(item.attrs.jid);
    else this.mirror.set(item.attrs.jid, entry(item));
  }

  async fetched() {
    return new Map([...(await this.roster())].map(([jid, item]) => [jid, entry(item)]));
  }

  say(type, contact) {
    return this.send("presence", { to: contact.bare, type });
  }

  // The next of the stanzas that are about subscriptions, which must be this one.
  async told(type, contact) {
    const { attrs } = await this.inbox.next(isSubscription, `${type} by ${contact.name}`);
    const [told, wanted] = [`${attrs.type} by ${attrs.from}`, `${type} by ${contact.bare}`];
    check(told === wanted, `told ${told}, not ${wanted}`);
  }

  appear(status, to) {
    return this.send("presence", { to }, xml("status", {}, status));
  }

  sees(contact, status) {
    return this.inbox.next(saying(contact, status), `presence of ${contact.name} ${status}`);
  }

  hasSeen(contact, status) {
    return this.inbox.take(saying(contact, status)).length > 0;
  }
}

const saying = (contact, status) => (stanza) =>
  stanza.name === "presence" &&
  stanza.attrs.from === contact.full &&
  !stanza.attrs.type &&
  stanza.getChildText("status") === status;

let romeo, juliet;

async function arrive(name, index) {
  const [jid, password, host, port] = positionals.slice(index, index + 4);
  const [user, domain] = jid.split("@");
  const actor = new Subscriber(name, { user, password, host, port, domain }, "story", options.verbose);
  await actor.login();
  actor.mirror = await actor.fetched();
  await actor.appear("here");
  await actor.sees(actor, "here");
  return actor;
}

const arriveRomeo = () => arrive("romeo", 0);
const arriveJuliet = () => arrive("juliet", 4);

// Waits until both rosters are as they should be, as fetched and as pushed: what Romeo's says of
// Juliet, and hers of him. `null` is no item.
async function rosters(ofJuliet, ofRomeo) {
  for (const [actor, contact, wanted] of [[romeo, juliet, ofJuliet], [juliet, romeo, ofRomeo]]) {
    const text = JSON.stringify(wanted === null ? [] : [[contact.bare, wanted]]);
    const until = Date.now() + PATIENCE;
    for (;;) {
      const [fetched, pushed] = [await actor.fetched(), actor.mirror].map((map) => JSON.stringify([...map]));
      if (fetched === text && pushed === text) break;
      check(Date.now() < until, `${actor.name}'s roster: ${fetched}, as pushed: ${pushed}, not ${text}`);
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

// A message behind all that the writer sent before: once it is there, the rest has been, or will not be.
async function follow(writer, reader, body) {
  await writer.send("message", { to: reader.full, type: "chat" }, xml("body", {}, body));
  const message = await reader.nextMessage(writer.full);
  check(message.getChildText("body") === body, `body ${message.getChildText("body")}, not ${body}`);
}

// A request behind all that the actor sent there: once it is answered, that has been dealt with.
const reach = (actor, contact) => actor.ping(contact.bare.split("@")[1]);

async function isSeen(writer, reader, status) {
  await writer.appear(status);
  await reader.sees(writer, status);
}

async function isNotSeen(writer, reader, status) {
  await writer.appear(status);
  await follow(writer, reader, status);
  check(!reader.hasSeen(writer, status), `${reader.name} saw ${writer.name} ${status}`);
}

const NAMED = "Juliet,Capulet";

async function askAndApprove() {
  await step("an item is made", async () => {
    await romeo.setRoster({ jid: juliet.bare, name: "Juliet" }, "Capulet");
    await rosters(`none,,${NAMED}`, null);
  });
  await step("romeo asks", async () => {
    await romeo.say("subscribe", juliet);
    await juliet.told("subscribe", romeo);
    await rosters(`none,subscribe,${NAMED}`, null);
  });
  await step("who comes back is asked again", async () => {
    await juliet.leave();
    juliet = await arriveJuliet();
    await juliet.told("subscribe", romeo);
    await rosters(`none,subscribe,${NAMED}`, null);
  });
  await step("juliet approves", async () => {
    await juliet.say("subscribed", romeo);
    await romeo.told("subscribed", juliet);
    await romeo.sees(juliet, "here");
    await rosters(`to,,${NAMED}`, "from,,");
  });
  await step("one sees the other", async () => {
    await isSeen(juliet, romeo, "on the balcony");
    await isNotSeen(romeo, juliet, "in the orchard");
  });
}

async function beMutual() {
  await step("juliet asks", async () => {
    await juliet.say("subscribe", romeo);
    await romeo.told("subscribe", juliet);
    await rosters(`to,,${NAMED}`, "from,subscribe,");
  });
  await step("romeo approves", async () => {
    await romeo.say("subscribed", juliet);
    await juliet.told("subscribed", romeo);
    await juliet.sees(romeo, "in the orchard");
    await rosters(`both,,${NAMED}`, "both,,");
  });
  await step("each sees the other", async () => {
    await isSeen(juliet, romeo, "at the window");
    await isSeen(romeo, juliet, "at the wall");
  });
}

async function beAway() {
  const bodies = ["letter 0", "letter 1", "letter 2"];
  await step("leaving is told", async () => {
    await juliet.leave();
    await romeo.nextPresence(juliet.full, "unavailable");
  });
  await step("letters wait in order", async () => {
    for (const body of bodies) {
      await romeo.send("message", { to: juliet.bare, type: "chat" }, xml("body", {}, body));
    }
    await reach(romeo, juliet);
    juliet = await arriveJuliet();
    for (const body of bodies) {
      const message = await juliet.nextMessage(romeo.full);
      check(message.getChildText("body") === body, `body ${message.getChildText("body")}, not ${body}`);
      check(message.attrs.to === juliet.bare, `to ${message.attrs.to}`);
      check(message.getChild("delay", NS.delay), `no delay: ${message}`);
    }
  });
  await step("coming back is told", async () => {
    await romeo.sees(juliet, "here");
    await juliet.sees(romeo, "at the wall");
    await rosters(`both,,${NAMED}`, "both,,");
  });
  await step("a broken connection is told", async () => {
    juliet.xmpp.socket.socket.destroy();
    await romeo.nextPresence(juliet.full, "unavailable");
  });
  await step("and mended", async () => {
    juliet = await arriveJuliet();
    await romeo.sees(juliet, "here");
  });
}

async function unsubscribe() {
  await step("romeo unsubscribes", async () => {
    await romeo.say("unsubscribe", juliet);
    await juliet.told("unsubscribe", romeo);
    await rosters(`from,,${NAMED}`, "to,,");
  });
  await step("one sees the other no more", async () => {
    await isNotSeen(juliet, romeo, "behind a curtain");
    await isSeen(romeo, juliet, "at a loss");
  });
  await step("romeo is approved again", async () => {
    romeo.inbox.take(isSubscription); // whether the unsubscribe was answered is the server's choice
    await romeo.say("subscribe", juliet);
    await juliet.told("subscribe", romeo);
    await rosters(`from,subscribe,${NAMED}`, "to,,");
    await juliet.say("subscribed", romeo);
    await romeo.told("subscribed", juliet);
    await rosters(`both,,${NAMED}`, "both,,");
    await isSeen(juliet, romeo, "in view");
  });
}

async function cancelAndDeny() {
  await step("juliet cancels", async () => {
    romeo.inbox.take(({ attrs }) => attrs.type === "unavailable"); // of what was before
    await juliet.say("unsubscribed", romeo);
    await romeo.told("unsubscribed", juliet);
    await romeo.nextPresence(juliet.full, "unavailable");
    await rosters(`from,,${NAMED}`, "to,,");
  });
  await step("and is not seen", () => isNotSeen(juliet, romeo, "gone"));
  await step("juliet denies", async () => {
    await romeo.say("subscribe", juliet);
    await juliet.told("subscribe", romeo);
    await rosters(`from,subscribe,${NAMED}`, "to,,");
    await juliet.say("unsubscribed", romeo);
    await romeo.told("unsubscribed", juliet);
    await rosters(`from,,${NAMED}`, "to,,");
  });
}

const remove = (actor, contact) => actor.setRoster({ jid: contact.bare, subscription: "remove" });

async function removeEachOther() {
  await step("romeo removes her", async () => {
    await remove(romeo, juliet);
    await juliet.told("unsubscribed", romeo);
    await rosters(null, "none,,");
  });
  await step("juliet removes him", async () => {
    await remove(juliet, romeo);
    await rosters(null, null);
  });
  await step("who is gone cannot be removed", async () => {
    const condition = await remove(juliet, romeo).then(
      () => "none",
      (error) => error.condition,
    );
    check(condition === "item-not-found", `condition ${condition}`);
  });
}

async function changeWhileOffline() {
  await step("requests wait as one", async () => {
    await juliet.leave();
    await romeo.say("subscribe", juliet);
    await romeo.say("subscribe", juliet);
    await reach(romeo, juliet);
    juliet = await arriveJuliet();
    await juliet.told("subscribe", romeo);
    await follow(romeo, juliet, "asked");
    const more = juliet.inbox.take(isSubscription);
    check(more.length === 0, `asked again: ${more}`);
    await rosters("none,subscribe,", null);
  });
  await step("an answer meets who is offline", async () => {
    await romeo.leave();
    await juliet.say("subscribed", romeo);
    await reach(juliet, romeo);
    romeo = await arriveRomeo();
    await rosters("to,,", "from,,");
    await romeo.sees(juliet, "here");
  });
  await step("so does a removal", async () => {
    await juliet.leave();
    await remove(romeo, juliet);
    await reach(romeo, juliet);
    juliet = await arriveJuliet();
    await rosters(null, "none,,");
    await remove(juliet, romeo);
    await rosters(null, null);
  });
}

async function direct() {
  await step("presence for a stranger", async () => {
    await romeo.appear("a stranger", juliet.full);
    await juliet.sees(romeo, "a stranger");
    await isNotSeen(romeo, juliet, "as before");
  });
  await step("its end is told", async () => {
    await romeo.leave();
    await juliet.nextPresence(romeo.full, "unavailable");
  });
}

async function play() {
  await step("login romeo", async () => {
    romeo = await arriveRomeo();
    return `jid=${romeo.full}`;
  });
  await step("login juliet", async () => {
    juliet = await arriveJuliet();
    return `jid=${juliet.full}`;
  });
  await rosters(null, null);
  await askAndApprove();
  await beMutual();
  await beAway();
  await unsubscribe();
  await cancelAndDeny();
  await removeEachOther();
  await changeWhileOffline();
  await direct();
  await step("juliet closes", () => juliet.leave());
}

await perform(play, Number(options.timeout));
