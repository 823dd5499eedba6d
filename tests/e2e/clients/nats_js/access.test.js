// Goal:   authorization of a configuration file is to nats.js what nats-server's is: logins of all
//         kinds, violations that are reported and survived, and a reload that takes something away.
// Method: users of access.conf; the driver reloads access_changed.conf when told so.
"use strict";

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { connect, ErrorCode, Events, nkeyAuthenticator, StringCodec } = require("nats");
const { control, until } = require("./support.js");

const SEED = new TextEncoder().encode("SUADMC5HFT7LUT5QFNCIRIHVCSFH4GK2Y3ABYIIEFTMYPP25ZBTSZ2HBXY");
const text = StringCodec();
const ALICE = { user: "alice", pass: "a" };
const CAROL = { user: "carol", pass: "c" };

// Runs body with a connection for each of the options; all are closed whatever happens.
function withUsers(users, body) {
  return async () => {
    const clients = [];
    try {
      for (const user of users) {
        clients.push(await connect({ servers: process.env.E2E_URL, reconnectTimeWait: 20, ...user }));
      }
      await body(...clients);
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  };
}

function watch(client) {
  const seen = [];
  (async () => {
    for await (const status of client.status()) {
      seen.push(status);
    }
  })();
  return seen;
}

function listen(client, subject, options = {}) {
  const got = { messages: [], errors: [] };
  client.subscribe(subject, {
    ...options,
    callback: (error, message) => {
      if (error) {
        got.errors.push(error);
      } else {
        got.messages.push(text.decode(message.data));
      }
    },
  });
  return got;
}

test("right credentials let in", async () => {
  const users = [ALICE, { user: "bob", pass: "s3cr3t" }, {},
    { authenticator: nkeyAuthenticator(SEED) }];
  for (const user of users) {
    await withUsers([user], async (client) => {
      const got = listen(client, "open.a");
      client.publish("open.a", text.encode("x"));
      await client.flush();
      assert.deepEqual(got.messages, ["x"]);
    })();
  }
});

test("wrong ones do not", async () => {
  const stranger = nkeyAuthenticator(require("nkeys.js").createUser().getSeed());
  const users = [{ user: "alice", pass: "b" }, { user: "bob", pass: "s3cr3T" }, { user: "bob" },
    { user: "nobody", pass: "a" }, { token: "a" }, { authenticator: stranger }];
  for (const user of users) {
    await assert.rejects(connect({ servers: process.env.E2E_URL, ...user }),
      (error) => error.code === ErrorCode.AuthorizationViolation);
  }
});

test("violations are reported and survived", withUsers([ALICE, CAROL], async (alice, carol) => {
  const seen = watch(carol);
  const heard = listen(alice, "c.>");
  await alice.flush();
  for (const subject of ["c.secret", "other", "c.fine"]) {
    carol.publish(subject, text.encode(subject));
  }
  await carol.flush();
  await until(() => seen.length >= 2, "two violations");
  for (const [i, subject] of ["c.secret", "other"].entries()) {
    assert.equal(seen[i].type, Events.Error);
    assert.deepEqual([seen[i].permissionContext.operation, seen[i].permissionContext.subject],
      ["publish", subject]);
  }
  await alice.flush();
  assert.deepEqual(heard.messages, ["c.fine"]);
  const refused = listen(carol, "c.hidden");
  const queued = listen(carol, "jobs", { queue: "other" });
  const fine = listen(carol, "jobs", { queue: "crew" });
  await carol.flush();
  await until(() => refused.errors.length + queued.errors.length >= 2, "two refusals");
  assert.equal(refused.errors[0].permissionContext.subject, "c.hidden");
  alice.publish("jobs", text.encode("job"));
  await alice.flush();
  await carol.flush();
  assert.deepEqual(fine.messages, ["job"]);
  assert.deepEqual(fine.errors, []);
}));

test("a denied subject is not heard", withUsers([ALICE, CAROL], async (alice, carol) => {
  const got = listen(carol, "c.*");
  await carol.flush();
  for (const subject of ["c.a", "c.hidden", "c.b"]) {
    alice.publish(subject, text.encode(subject));
  }
  await alice.flush();
  await carol.flush();
  assert.deepEqual(got.messages, ["c.a", "c.b"]);
}));

test("who is asked may answer, once", withUsers([ALICE, { user: "dave", pass: "d" }],
  async (alice, dave) => {
    const seen = watch(dave);
    dave.subscribe("ask", {
      callback: (_, message) => {
        message.respond(text.encode("one"));
        message.respond(text.encode("two"));
      },
    });
    await dave.flush();
    assert.equal(text.decode((await alice.request("ask")).data), "one");
    await until(() => seen.length >= 1, "a violation");
    assert.equal(seen[0].permissionContext.operation, "publish");
    assert.equal(text.decode((await alice.request("ask")).data), "one");
  }));

test("a reload takes what the file no longer gives", withUsers(
  [ALICE, CAROL, { user: "dave", pass: "d" }, {}], async (alice, carol, dave, guest) => {
    const left = [listen(carol, "c.a"), listen(carol, "c.b")];
    const seen = watch(guest);
    await carol.flush();
    control("use access_changed");
    await until(() => left[0].errors.length > 0, "a subscription that ends");
    assert.equal(left[0].errors[0].code, ErrorCode.PermissionsViolation);
    for (const subject of ["c.a", "c.b"]) {
      alice.publish(subject, text.encode(subject));
    }
    await alice.flush();
    await carol.flush();
    assert.deepEqual([left[0].messages, left[1].messages], [[], ["c.b"]]);
    const reason = await dave.closed();
    assert.equal(reason.code, ErrorCode.AuthorizationViolation);
    await guest.flush();
    assert.deepEqual(seen, []);
    control("use access");
  }));
