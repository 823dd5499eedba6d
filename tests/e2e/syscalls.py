#!/usr/bin/env python3
"""Goal:   under fan-out to 1,000 subscribers a delivery costs fewer than 0.02 system calls.
Method: strace counts the calls of all the hub's threads while hubload, which checks every delivery,
        runs against it. Exits with 77, and says why, where that cannot be measured.

The environment is harness.py's; E2E_HUBLOAD is the load generator.
"""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import harness

SKIP = 77
MOST = float(os.environ.get("E2E_SYSCALLS_PER_DELIVERY", "0.02"))
DELIVERIES = 1000000  # fewer would not show a steady state
LOAD = ["--publishers", "1", "--subscribers", "1000", "--size", "128", "--window", "524288",
        "--warmup", "1", "--duration", "3"]


def skip(why):
    print("SKIP: " + why)
    sys.exit(SKIP)


def strace_works():
    try:
        return subprocess.run(["strace", "-f", "-c", "-o", "/dev/null", "true"],
                              stderr=subprocess.DEVNULL, timeout=20, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def attach(hub, path):
    """strace, counting every thread's calls; None where it may not attach."""
    tracer = subprocess.Popen(["strace", "-f", "-c", "-p", str(hub.pid), "-o", path],
                              stderr=subprocess.PIPE)
    deadline = time.monotonic() + 10 * harness.SLOWNESS
    while time.monotonic() < deadline and tracer.poll() is None:
        with open("/proc/%d/status" % hub.pid, encoding="ascii") as status:
            if not re.search(r"TracerPid:\s+0\n", status.read()):
                time.sleep(0.3)  # the other threads follow
                return tracer
        time.sleep(0.02)
    tracer.kill()
    tracer.wait()
    return None


def calls_of(path):
    """(total, table) of strace -c."""
    with open(path, encoding="ascii") as table:
        text = table.read()
    found = re.findall(r"^ *[\d.]+ +[\d.]+ +\d* +(\d+) +(?:\d+ )? *total$", text, re.M)
    if not found:
        raise AssertionError("strace printed no total:\n" + text)
    return int(found[0]), text


def delivered(path):
    """Every delivery hubload counted, warm-up included."""
    with open(path, encoding="utf-8") as report:
        runs = json.load(report)["runs"]
    return sum(run["delivered"] for run in runs)


def main():
    load = os.environ.get("E2E_HUBLOAD", str(harness.REPOSITORY / "build" / "release" / "hubload"))
    if harness.executable() is None or not os.access(load, os.X_OK):
        skip("no hub, or no hubload at " + load)
    if shutil.which("strace") is None or not strace_works():
        skip("strace is not there, or may not trace here")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    hub = harness.Hub()
    try:
        table, report = os.path.join(hub.directory, "calls"), os.path.join(hub.directory, "report")
        tracer = attach(hub, table)
        if tracer is None:
            skip("strace cannot attach to the hub")
        try:
            done = subprocess.run([load, "fanout", "--url", "nats://127.0.0.1:%d" % hub.port] +
                                  LOAD + ["--json", report], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=60 * harness.SLOWNESS,
                                  check=False)
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(10)
        if done.returncode != 0:
            print(done.stdout.decode("utf-8", "replace"))
            return 1
        calls, text = calls_of(table)
        count = delivered(report)
        print(text)
        print("%d system calls, %d deliveries: %.4f a delivery, at most %g" % (
            calls, count, calls / count, MOST))
        hub.stop()
        return 0 if count >= DELIVERIES and calls / count < MOST else 1
    finally:
        hub.kill()


if __name__ == "__main__":
    sys.exit(main())
