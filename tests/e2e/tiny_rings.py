#!/usr/bin/env python3
"""Goal:   rings and receive buffers far too small for the load still deliver everything, in order.
Method: hubload, which checks every delivery and exits with 1 if one is wrong, runs against a hub
        with a submission queue of 2, a completion queue of 4 and 2 receive buffers a worker.

The environment is harness.py's; E2E_HUBLOAD is the load generator.
"""

import os
import subprocess
import sys

import harness

SKIP = 77


def main():
    load = os.environ.get("E2E_HUBLOAD", "")
    if harness.executable() is None or not os.access(load, os.X_OK):
        print("SKIP: no hub or no hubload to run")
        return SKIP
    hub = harness.Hub(flags=["--sq_entries", "2", "--cq_entries", "4", "--read_buffers", "2"])
    try:
        done = subprocess.run([load, "fanout", "--url", "nats://127.0.0.1:%d" % hub.port,
                               "--subscribers", "300", "--size", "128", "--warmup", "0.2",
                               "--duration", "1", "--verify", "all"],
                              timeout=100 * harness.SLOWNESS, check=False)
    finally:
        hub.stop()
    failed = done.returncode != 0
    print("%d passed, %d failed" % (not failed, failed))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
