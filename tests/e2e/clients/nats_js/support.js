// What the tests of this folder share: the driver's socket, and waiting.
"use strict";

const assert = require("node:assert/strict");
const fs = require("node:fs");

const WAIT_MS = 10000;

// "stop", "start", "restart", "ldm" or "use NAME"; returns when the driver has done it.
function control(command) {
  const fd = Number(process.env.E2E_CONTROL);
  fs.writeSync(fd, `${command}\n`);
  const answer = Buffer.alloc(5);
  for (let got = 0; got < answer.length; ) {
    const size = fs.readSync(fd, answer, got, answer.length - got);
    assert.ok(size > 0, "the driver has gone");
    got += size;
  }
  assert.equal(answer.toString(), "done\n");
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function until(condition, what) {
  for (let ms = 0; ms < WAIT_MS; ms += 5) {
    if (condition()) {
      return;
    }
    await sleep(5);
  }
  assert.fail(`timeout: ${what}`);
}

module.exports = { control, sleep, until };
