// A session story played by @xmpp/client against any XMPP server.
//
// Two accounts log in over STARTTLS with SASL, get their rosters, talk, change
// a roster, ping, meet a second resource, write to nobody, and close. One line
// per step goes to stdout; the first step that fails is named on stderr and the
// exit status is 1. Nothing here knows which server it talks to.

import { parseArgs } from "node:util";
import { xml } from "@xmpp/client";
import { Actor, NS, PATIENCE, check, perform, step } from "./actor.mjs";

const { values: options } = parseArgs({
  options: {
    host: { type: "string" },
    port: { type: "string" },
    domain: { type: "string" },
    user1: { type: "string" },
    password1: { type: "string" },
    user2: { type: "string" },
    password2: { type: "string" },
    mechanism: { type: "string" }, // use this SASL mechanism or fail
    timeout: { type: "string", default: "60" }, // seconds for the whole story
    verbose: { type: "boolean", default: false }, // the streams on stderr
  },
});
for (const name of ["host", "port", "domain", "user1", "password1", "user2", "password2"]) {
  if (options[name] === undefined) {
    console.error(`--${name} is missing`);
    process.exit(2);
  }
}

const AWKWARD = {
  markup: "<&>'\" ]]> &amp; &#0; </message>",
  emoji: "\u{1F937}\u{1F3FD}\u200D\u2642\uFE0F \u{1F1EA}\u{1F1FA}",
  "right-to-left": "\u05E9\u05DC\u05D5\u05DD \u202Eabc\u202C \u0645\u0631\u062D\u0628\u0627",
  "white space": "  two\n\tlines  ",
};

function isNurse(item) {
  check(item !== undefined, "it is missing");
  check(item.attrs.name === "The <Nurse> & co", `name ${item.attrs.name}`);
  check(item.attrs.subscription === "none", `subscription ${item.attrs.subscription}`);
  const groups = item.getChildren("group").map((group) => group.text()).sort();
  check(groups.join() === "Capulet,\u05D0", `groups ${groups}`);
}

async function login(name, user, password, resource) {
  const { host, port, domain, mechanism, verbose } = options;
  const actor = new Actor(name, { user, password, host, port, domain, mechanism }, resource, verbose);
  await actor.login();
  return actor;
}

async function talk(a, b) {
  for (const [kind, text] of Object.entries(AWKWARD)) {
    await step(`${a.name} writes ${kind}`, async () => {
      const parts = [xml("subject", {}, text), xml("body", {}, text)];
      await a.send("message", { to: b.full, type: "chat" }, ...parts);
      const message = await b.nextMessage(a.full);
      check(message.attrs.type === "chat", `type ${message.attrs.type}`);
      check(message.attrs.to === b.full, `to ${message.attrs.to}`);
      check(message.getChildText("body") === text, `body ${message.getChildText("body")}`);
      check(message.getChildText("subject") === text, `subject ${message.getChildText("subject")}`);
    });
  }
}

async function play() {
  let romeo, juliet, orchard;
  const nurse = `nurse@${options.domain}`;
  const nobody = `nobody@${options.domain}`;
  const told = (actor) => `jid=${actor.full} mechanism=${actor.used} tls=${actor.tls}`;

  await step("login romeo", async () => {
    romeo = await login("romeo", options.user1, options.password1, "story");
    return told(romeo);
  });
  await step("login juliet", async () => {
    juliet = await login("juliet", options.user2, options.password2, "story");
    return told(juliet);
  });
  for (const actor of [romeo, juliet]) {
    await step(`roster of ${actor.name}`, async () => `items=${(await actor.roster()).size}`);
    await step(`presence of ${actor.name}`, async () => {
      await actor.send("presence");
      await actor.nextPresence(actor.full);
    });
  }

  await talk(romeo, juliet);
  await talk(juliet, romeo);
  await step("message to a bare JID", async () => {
    await romeo.send("message", { to: juliet.bare, type: "chat" }, xml("body", {}, "bare"));
    check((await juliet.nextMessage(romeo.full)).getChildText("body") === "bare", "another body");
  });

  await step("roster set and push", async () => {
    await romeo.setRoster({ jid: nurse, name: "The <Nurse> & co" }, "Capulet", "\u05D0");
    isNurse(await romeo.nextPush(nurse));
  });
  await step("roster holds the item", async () => isNurse((await romeo.roster()).get(nurse)));
  await step("roster delete and push", async () => {
    await romeo.setRoster({ jid: nurse, subscription: "remove" });
    const { subscription } = (await romeo.nextPush(nurse)).attrs;
    check(subscription === "remove", `subscription ${subscription}`);
  });
  await step("roster is empty again", async () => check(!(await romeo.roster()).has(nurse), "it stayed"));

  await step("ping the server", async () => {
    const { from } = (await romeo.ping(options.domain)).attrs;
    check(from === options.domain, `answered by ${from}`);
  });
  await step("ping juliet through it", async () => {
    // From a stranger's requests, servers hide who has not shown itself: RFC 6121 section 8.5.3.1.
    await juliet.send("presence", { to: romeo.full });
    await romeo.nextPresence(juliet.full);
    const { from } = (await romeo.ping(juliet.full)).attrs;
    check(from === juliet.full, `answered by ${from}`);
  });

  await step("second resource", async () => {
    orchard = await login("romeo", options.user1, options.password1, "orchard");
    check(orchard.bare === romeo.bare && orchard.full !== romeo.full, `as ${orchard.full}`);
    return `jid=${orchard.full}`;
  });
  await step("each sees the other", async () => {
    const parts = [xml("priority", {}, "7"), xml("status", {}, "in the <orchard>")];
    await orchard.send("presence", {}, ...parts);
    const seen = await romeo.nextPresence(orchard.full);
    check(seen.getChildText("priority") === "7", `priority ${seen.getChildText("priority")}`);
    check(seen.getChildText("status") === "in the <orchard>", `status ${seen.getChildText("status")}`);
    await orchard.nextPresence(romeo.full);
  });
  await step("higher priority receives", async () => {
    await juliet.send("message", { to: romeo.bare, type: "chat" }, xml("body", {}, "who?"));
    check((await orchard.nextMessage(juliet.full)).getChildText("body") === "who?", "another body");
  });
  await step("leaving is told", async () => {
    await orchard.leave();
    await romeo.nextPresence(orchard.full, "unavailable");
  });

  await step("unknown user is an error", async () => {
    await romeo.send("message", { to: nobody, type: "chat" }, xml("body", {}, "there?"));
    const error = await romeo.inbox.next(
      ({ name, attrs }) => name === "message" && attrs.from === nobody,
      "answer",
    );
    check(error.attrs.type === "error", `type ${error.attrs.type}`);
    check(error.getChild("error")?.getChild("service-unavailable", NS.stanzas), String(error));
  });
  await step("unknown request is an error", async () => {
    const request = xml("query", { xmlns: "urn:example:unknown" });
    const condition = await romeo.xmpp.iqCaller.get(request, options.domain, PATIENCE).then(
      () => "none",
      (error) => error.condition,
    );
    check(condition === "service-unavailable", `condition ${condition}`);
  });

  await step("romeo closes", () => romeo.leave());
  await step("juliet closes", () => juliet.leave());
}

await perform(play, Number(options.timeout));
