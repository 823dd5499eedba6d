// Goal:   a program written against nats.js works with the hub as with nats-server.
// Method: each test opens its own connections to the hub of clients.py (E2E_URL), which stops,
//         starts and signals that hub when it is told so over the socket E2E_CONTROL.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { connect, createInbox, ErrorCode, Events, Empty, headers, StringCodec } = require("nats");
const { control, sleep, until } = require("./support.js");

const url = process.env.E2E_URL;
const text = StringCodec();
const WAIT_MS = 10000;
const NOTHING_MS = 150;

// Runs body with count connections, which are closed whatever happens.
function withClients(count, body, options = {}) {
  return async () => {
    const clients = [];
    try {
      for (let i = 0; i < count; i++) {
        clients.push(await connect({
          servers: url,
          maxReconnectAttempts: -1,
          reconnectTimeWait: 20,
          reconnectJitter: 10,
          ...options,
        }));
      }
      await body(...clients);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  };
}

// Subscribes, and keeps what comes in the array it returns; flushed, so that the hub knows.
async function collect(client, subject, options = {}) {
  const got = [];
  const subscription = client.subscribe(subject, {
    ...options,
    callback: (error, message) => {
      assert.equal(error, null);
      got.push(message);
    },
  });
  await client.flush();
  got.subscription = subscription;
  return got;
}

const strings = (messages) => messages.map((message) => text.decode(message.data));

test("publish and subscribe keep order", withClients(2, async (receiver, sender) => {
  const got = await collect(receiver, "numbers");
  const want = Array.from({ length: 2000 }, (_, i) => String(i));
  want.forEach((word) => sender.publish("numbers", text.encode(word)));
  await sender.flush();
  await until(() => got.length >= 2000, "2,000 messages");
  await receiver.flush();
  assert.deepEqual(strings(got), want);
}));

test("every subscriber has its copy", withClients(9, async (sender, ...receivers) => {
  const got = [];
  for (const receiver of receivers) {
    got.push(await collect(receiver, "news.*"));
  }
  for (let i = 0; i < 300; i++) {
    sender.publish("news.x", text.encode(String(i)));
  }
  await sender.flush();
  for (const receiver of receivers) {
    await receiver.flush();
  }
  const want = Array.from({ length: 300 }, (_, i) => String(i));
  got.forEach((messages) => assert.deepEqual(strings(messages), want));
}));

test("wildcards", withClients(2, async (receiver, sender) => {
  const star = await collect(receiver, "a.*.c");
  const rest = await collect(receiver, "a.>");
  const exact = await collect(receiver, "a.b.c");
  for (const subject of ["a.b.c", "a.x.c", "a.b", "a", "a.b.c.d", "b.b.c"]) {
    sender.publish(subject, text.encode(subject));
  }
  await sender.flush();
  await receiver.flush();
  assert.deepEqual(strings(star), ["a.b.c", "a.x.c"]);
  assert.deepEqual(strings(rest), ["a.b.c", "a.x.c", "a.b", "a.b.c.d"]);
  assert.deepEqual(strings(exact), ["a.b.c"]);
}));

test("queue groups", withClients(6, async (sender, ...members) => {
  const workers = [];
  for (const member of members.slice(0, 4)) {
    workers.push(await collect(member, "jobs", { queue: "workers" }));
  }
  const audit = await collect(members[4], "jobs", { queue: "audit" });
  for (let i = 0; i < 1000; i++) {
    sender.publish("jobs", text.encode(String(i)));
  }
  await sender.flush();
  for (const member of members) {
    await member.flush();
  }
  const all = workers.flatMap(strings).map(Number).sort((a, b) => a - b);
  assert.deepEqual(all, Array.from({ length: 1000 }, (_, i) => i));
  assert.equal(audit.length, 1000);
  for (const got of workers) {
    // 250, and more than six standard deviations of 13.7
    assert.ok(got.length > 150 && got.length < 350, `${workers.map((w) => w.length)}`);
  }
}));

test("request and reply", withClients(4, async (one, two, asker, other) => {
  for (const responder of [one, two]) {
    responder.subscribe("echo", {
      queue: "q",
      callback: (_, message) => message.respond(text.encode(`re:${text.decode(message.data)}`)),
    });
    await responder.flush();
  }
  const ask = async (client, word) => {
    const reply = await client.request("echo", text.encode(word), { timeout: WAIT_MS });
    assert.equal(text.decode(reply.data), `re:${word}`);
  };
  const all = [];
  for (let i = 0; i < 200; i++) {
    all.push(ask(asker, `a${i}`), ask(other, `b${i}`));
  }
  await Promise.all(all);
  const reply = await asker.request("echo", text.encode("x"), { timeout: WAIT_MS, noMux: true });
  assert.equal(text.decode(reply.data), "re:x");
}));

test("no responders", withClients(2, async (client, other) => {
  for (let i = 0; i < 20; i++) {
    await assert.rejects(client.request("nobody.home", Empty, { timeout: WAIT_MS }),
      { code: ErrorCode.NoResponders });
  }
  other.subscribe("nobody.home", { callback: () => {} });
  await other.flush();
  await assert.rejects(client.request("nobody.home", Empty, { timeout: NOTHING_MS }),
    { code: ErrorCode.Timeout });
}));

test("headers", withClients(2, async (receiver, sender) => {
  const got = await collect(receiver, "with.headers");
  const block = headers();
  block.set("Key-One", "one");
  block.append("key-two", "a");
  block.append("key-two", "b: c");
  sender.publish("with.headers", text.encode("body"), { headers: block, reply: "reply.to" });
  sender.publish("with.headers", Empty, { headers: block });
  sender.publish("with.headers", text.encode("plain"));
  await sender.flush();
  await receiver.flush();
  assert.deepEqual(strings(got), ["body", "", "plain"]);
  assert.equal(got[0].reply, "reply.to");
  for (const message of got.slice(0, 2)) {
    assert.equal(message.headers.get("Key-One"), "one");
    assert.deepEqual(message.headers.values("key-two"), ["a", "b: c"]);
  }
  assert.equal(got[2].headers, undefined);
}));

test("drain of a subscription", withClients(2, async (receiver, sender) => {
  const got = await collect(receiver, "drain.me");
  for (let i = 0; i < 300; i++) {
    sender.publish("drain.me", text.encode(String(i)));
  }
  await sender.flush();
  await got.subscription.drain();
  for (let i = 0; i < 100; i++) {
    sender.publish("drain.me", text.encode("late"));
  }
  await sender.flush();
  await receiver.flush();
  assert.deepEqual(strings(got), Array.from({ length: 300 }, (_, i) => String(i)));
}));

test("drain of a connection", withClients(2, async (receiver, sender) => {
  const got = await collect(receiver, "drain.all");
  for (let i = 0; i < 300; i++) {
    sender.publish("drain.all", text.encode(String(i)));
  }
  await sender.flush();
  await receiver.drain();
  assert.ok(receiver.isClosed());
  assert.equal(got.length, 300);
}));

test("automatic unsubscribe", withClients(2, async (receiver, sender) => {
  const got = await collect(receiver, "some", { max: 10 });
  for (let i = 0; i < 30; i++) {
    sender.publish("some", text.encode(String(i)));
  }
  await sender.flush();
  await receiver.flush();
  assert.equal(got.length, 10);
  assert.ok(got.subscription.isClosed());
  assert.equal(receiver.stats().inMsgs, 10);
}));

test("unsubscribe", withClients(2, async (receiver, sender) => {
  const got = await collect(receiver, "some");
  sender.publish("some", text.encode("1"));
  await sender.flush();
  await receiver.flush();
  got.subscription.unsubscribe();
  await receiver.flush();
  sender.publish("some", text.encode("2"));
  await sender.flush();
  await receiver.flush();
  assert.deepEqual(strings(got), ["1"]);
  assert.equal(receiver.stats().inMsgs, 1);
}));

test("no echo", withClients(2, async (one, other) => {
  const own = await collect(one, "echo.test");
  const theirs = await collect(other, "echo.test");
  one.publish("echo.test", text.encode("1"));
  await one.flush();
  other.publish("echo.test", text.encode("2"));
  await other.flush();
  await one.flush();
  await other.flush();
  assert.deepEqual(strings(own), ["2"]);
  assert.deepEqual(strings(theirs), ["1"]);
}, { noEcho: true }));

test("largest payload", withClients(2, async (receiver, sender) => {
  const got = await collect(receiver, "large");
  const most = sender.info.max_payload;
  assert.equal(most, 1048576);
  assert.throws(() => sender.publish("large", new Uint8Array(most + 1)),
    { code: ErrorCode.MaxPayloadExceeded });
  const data = new Uint8Array(most).map((_, i) => (i * 7 + i / 251) & 255);
  for (let i = 0; i < 5; i++) {
    sender.publish("large", data);
  }
  await sender.flush();
  await receiver.flush();
  assert.equal(got.length, 5);
  for (const message of got) {
    assert.ok(Buffer.from(data).equals(Buffer.from(message.data)));
  }
}));

test("what INFO tells", withClients(2, async (one, two) => {
  assert.match(one.info.version, /^\d+\.\d+\.\d+/);
  assert.equal(one.info.headers, true);
  assert.equal(one.info.proto, 1);
  assert.equal(one.info.client_ip, "127.0.0.1");
  assert.notEqual(one.info.client_id, two.info.client_id);
  assert.equal(one.info.server_id, two.info.server_id);
  assert.ok(await one.rtt() >= 0);
}));

test("a violation is reported and survived", withClients(1, async (client) => {
  const errors = [];
  (async () => {
    for await (const status of client.status()) {
      if (status.type === Events.Error) {
        errors.push(status);
      }
    }
  })();
  const got = await collect(client, "fine");
  client.publish("_GR_.x", text.encode("1"));
  client.publish("fine", text.encode("2"));
  await client.flush();
  await until(() => errors.length > 0, "an error status");
  assert.equal(errors[0].permissionContext.operation, "publish");
  assert.equal(errors[0].permissionContext.subject, "_GR_.x");
  assert.deepEqual(strings(got), ["2"]);
  assert.equal(client.isClosed(), false);
}));

test("reconnect after a restart", withClients(2, async (receiver, sender) => {
  const reconnects = [];
  for (const client of [receiver, sender]) {
    (async () => {
      for await (const status of client.status()) {
        if (status.type === Events.Reconnect) {
          reconnects.push(client);
        }
      }
    })();
  }
  const got = await collect(receiver, "after.*");
  const queued = await collect(receiver, "jobs", { queue: "q" });
  const limited = await collect(receiver, "limited", { max: 3 });
  sender.publish("limited", text.encode("1"));
  await sender.flush();
  await receiver.flush();
  assert.equal(limited.length, 1);
  control("restart");
  await until(() => reconnects.length >= 2, "two reconnects");
  await receiver.flush();
  sender.publish("after.x", text.encode("2"));
  sender.publish("jobs", text.encode("3"));
  for (let i = 0; i < 5; i++) {
    sender.publish("limited", text.encode("4"));
  }
  await sender.flush();
  await receiver.flush();
  assert.deepEqual(strings(got), ["2"]);
  assert.deepEqual(strings(queued), ["3"]);
  assert.deepEqual(strings(limited), ["1", "4", "4"]);
}));

test("lame duck", withClients(1, async (client) => {
  const seen = [];
  (async () => {
    for await (const status of client.status()) {
      seen.push(status.type);
    }
  })();
  await client.flush();
  control("ldm"); // the driver starts a new hub when the old one has gone
  await until(() => seen.includes(Events.LDM), "the lame duck event");
  await until(() => seen.includes(Events.Reconnect), "the reconnect");
  await client.flush();
}));
