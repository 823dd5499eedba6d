#!/usr/bin/env python3
"""Goal:   a hundred reloads under fan-out lose, double and reorder nothing, and cut no connection.
Method: hubload, which checks every delivery and exits with 1 if one is wrong, has 1,000 subscribers
        hear as fast as they can, while the hub is sent SIGHUP a hundred times; each changes limits
        and what INFO says, and every tenth file has a mistake and must be refused.

The environment is harness.py's; E2E_HUBLOAD is the load generator.
"""

import os
import signal
import subprocess
import sys
import time

import harness

SKIP = 77
RELOADS = 100
GOOD = "max_payload: %d\nmax_pending: %dMB\nping_interval: \"%ds\"\n"
DONE = b"Reloaded server configuration"
REFUSED = b"Failed to reload server configuration"


def reload_once(hub, text, sentence):
    """Whether the hub says the sentence once more."""
    before = hub.log().count(sentence)
    with open(os.path.join(hub.directory, "test.conf"), "w", encoding="ascii") as file:
        file.write(text)
    os.kill(hub.pid, signal.SIGHUP)
    deadline = time.monotonic() + 10 * harness.SLOWNESS
    while hub.log().count(sentence) == before:
        if time.monotonic() > deadline or hub.process.poll() is not None:
            return False
        time.sleep(0.005)
    return True


def reloads(hub, load):
    """Reloads while the load runs; what went wrong, or None."""
    for number in range(RELOADS):
        if load.poll() is not None:
            return "the load ended after %d reloads" % number
        if number % 10 == 9:
            fine = reload_once(hub, "max_payload: 1MB\nmax_paylod: 1\n", REFUSED)
        else:
            fine = reload_once(hub, GOOD % (1048576 + number, 64 + number, 60 + number), DONE)
        if not fine:
            return "reload %d was not answered:\n%s" % (number, hub.output()[-2000:])
    return None


def main():
    load_path = os.environ.get("E2E_HUBLOAD", "")
    if harness.executable() is None or not os.access(load_path, os.X_OK):
        print("SKIP: no hub or no hubload to run")
        return SKIP
    hub = harness.Hub(config=GOOD % (1048576, 64, 60))
    wrong = None
    try:
        load = subprocess.Popen([load_path, "fanout", "--url", "nats://127.0.0.1:%d" % hub.port,
                                 "--subscribers", "1000", "--size", "128", "--warmup", "0.2",
                                 "--duration", str(10 * harness.SLOWNESS), "--verify", "all"])
        try:
            # Only what comes after the subscribers have is under load.
            deadline = time.monotonic() + 30 * harness.SLOWNESS
            while (hub.counters().get("subscriptions", 0) < 1000 and load.poll() is None and
                   time.monotonic() < deadline):
                time.sleep(0.05)
            wrong = reloads(hub, load)
            code = load.wait(100 * harness.SLOWNESS)
            if wrong is None and code != 0:
                wrong = "hubload ended with %d" % code
        finally:
            if load.poll() is None:
                load.kill()
                load.wait()
    finally:
        hub.stop()
    if wrong is not None:
        print(wrong)
    print("%d passed, %d failed" % (wrong is None, wrong is not None))
    return int(wrong is not None)


if __name__ == "__main__":
    sys.exit(main())
