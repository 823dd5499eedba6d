#!/usr/bin/env python3
"""Goal:   what a burst took is in huge pages while it lasts, goes home after it, and stays away: the
        kernel may fill up what was merely given back of a huge page.
Method: readers stop, megabytes wait for them, most of them leave. Read from /proc: huge pages meanwhile,
        resident memory afterwards, and how much of what is still mapped the kernel may fill up. Exits
        with 77, and says why, where the kernel gives no huge pages.

The environment is harness.py's.
"""

import re
import sys
import time

import harness

SKIP = 77
READERS = 100
STAYING = 10
PAYLOAD = b"x" * 4096
ROUNDS = 200
PATIENCE_S = 30
MB = 1 << 20


def kernel_gives_huge_pages():
    try:
        with open("/sys/kernel/mm/transparent_hugepage/enabled", encoding="ascii") as file:
            return "[never]" not in file.read()
    except OSError:
        return False


def resident(hub):
    """(all, in huge pages) of the hub, in bytes."""
    with open("/proc/%d/smaps_rollup" % hub.pid, encoding="ascii") as file:
        text = file.read()
    return tuple(int(re.search(name + r": +(\d+) kB", text).group(1)) << 10
                 for name in ("Rss", "AnonHugePages"))


def advised(hub):
    """Bytes of huge pages' ranges that lie whole in one mapping that wants huge pages."""
    huge, total, low, high = 2 * MB, 0, 0, 0
    with open("/proc/%d/smaps" % hub.pid, encoding="ascii", errors="replace") as file:
        for line in file:
            mapping = re.match(r"([0-9a-f]+)-([0-9a-f]+) ", line)
            if mapping:
                low, high = (int(end, 16) for end in mapping.groups())
            elif line.startswith("VmFlags:") and " hg" in line:
                total += max(high // huge - -(-low // huge), 0) * huge
    return total


def main():
    if harness.executable() is None:
        print("SKIP: no hub to run")
        return SKIP
    if not kernel_gives_huge_pages():
        print("SKIP: the kernel gives no huge pages (transparent_hugepage is never, or not there)")
        return SKIP
    hub = harness.Hub(flags=["--max_pending", "64MB"])
    failures = []
    try:
        readers = [harness.Client(hub, receive_buffer=4096) for _ in range(READERS)]
        for at, reader in enumerate(readers):
            reader.send(b"SUB s%d 1\r\n" % at)
            reader.sync()
        idle, _ = resident(hub)
        publisher = harness.Client(hub)
        for _ in range(ROUNDS):
            publisher.send(b"".join(harness.pub(b"s%d" % at, PAYLOAD) for at in range(READERS)))
        publisher.sync()
        burst, huge = resident(hub)
        if huge < 4 * MB:
            failures.append("%d bytes wait in huge pages" % huge)
        for reader in readers[STAYING:]:
            reader.abort()
        # What those who stay have not read.
        most = idle + STAYING * ROUNDS * len(PAYLOAD) + 24 * MB
        deadline = time.monotonic() + PATIENCE_S * harness.SLOWNESS
        while resident(hub)[0] > most and time.monotonic() < deadline:
            time.sleep(0.2)
        after, _ = resident(hub)
        print("MB: idle %d, burst %d (in huge pages %d), after it %d; may be filled up %d" % (
            idle // MB, burst // MB, huge // MB, after // MB, advised(hub) // MB))
        if burst <= most:
            failures.append("the burst took no more than what may be left after it")
        if after > most:
            failures.append("%d bytes are left, more than %d" % (after, most))
        if advised(hub) > (burst - idle) // 2:
            failures.append("the kernel may fill up %d bytes" % advised(hub))
        hub.stop()
    finally:
        hub.kill()
    for failure in failures:
        print("FAILED: " + failure)
    print("%d passed, %d failed" % (not failures, bool(failures)))
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
