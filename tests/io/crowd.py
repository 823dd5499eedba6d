#!/usr/bin/env python3
"""A hub with more connections than RLIMIT_NOFILE: one publish a second to all of them. By hand.

    crowd.py HUB CROWD [--connections 100000] [--processes 8] [--workers 6] [--messages 8]

HUB is a ringhub, CROWD what tests/io/crowd.c becomes. Prints how long each message took to reach
everybody, the hub's resident memory and CPU, and fails when somebody did not hear everything. Hub
and clients share this machine's CPUs, so the times say little about a hub that has its own.
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

PAYLOAD = 128


def start_hub(options, directory):
    """The process and its port."""
    log = open(os.path.join(directory, "log"), "wb")
    hub = subprocess.Popen([options.hub, "-a", "127.0.0.1", "-p", "-1", "--ports_file_dir", directory,
                            "--workers", str(options.workers),
                            "--max_connections", str(options.connections + 1)],
                           stdout=log, stderr=log)
    deadline = time.monotonic() + 10
    while True:
        found = list(pathlib.Path(directory).glob("*.ports"))
        if found and found[0].stat().st_size > 0:
            url = json.loads(found[0].read_text())["nats"][0]
            return hub, int(url.rsplit(":", 1)[1])
        if hub.poll() is not None or time.monotonic() > deadline:
            sys.exit(pathlib.Path(directory, "log").read_text())
        time.sleep(0.05)


def usage(hub):
    """Resident bytes, and seconds of CPU."""
    pages = int(pathlib.Path("/proc/%d/statm" % hub.pid).read_text().split()[1])
    words = pathlib.Path("/proc/%d/stat" % hub.pid).read_text().rsplit(")", 1)[1].split()
    ticks = int(words[11]) + int(words[12])
    return pages * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK")


def publish(port, count):
    """One message a second: its number and when it was published."""
    with socket.create_connection(("127.0.0.1", port)) as publisher:
        publisher.sendall(b'CONNECT {"verbose":false}\r\n')
        for number in range(count):
            text = b"%d %d" % (number, time.monotonic_ns())
            publisher.sendall(b"PUB all %d\r\n%s\r\n" % (PAYLOAD, text.ljust(PAYLOAD)))
            time.sleep(1)
        time.sleep(3)


def report(options, outputs):
    """Prints when everybody had heard each message; True when all did."""
    whole = True
    for number in range(options.messages):
        lines = [line.split() for output in outputs for line in output
                 if line.startswith("%d first " % number)]
        if len(lines) == options.processes:
            print("message %d: first %.1f ms, last %.1f ms" % (
                number, min(float(line[2]) for line in lines),
                max(float(line[4]) for line in lines)))
        else:
            whole = False
            print("message %d: not heard by all" % number)
    return whole


def run(options, directory):
    hub, port = start_hub(options, directory)
    crowds = []
    try:
        empty, _ = usage(hub)
        start = time.monotonic()
        each = options.connections // options.processes
        addresses = each // 10000 + 1
        for number in range(options.processes):
            crowds.append(subprocess.Popen(
                [options.crowd, str(port), str(1 + number * addresses), str(each)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
        for crowd in crowds:
            if crowd.stdout.readline() != "ready\n":
                sys.exit("a crowd did not connect")
        resident, cpu = usage(hub)
        count = each * options.processes
        print("%d connections in %.1f s: %.1f MiB resident, %.0f B each; %d descriptors" % (
            count, time.monotonic() - start, resident / 2**20, (resident - empty) / count,
            len(os.listdir("/proc/%d/fd" % hub.pid))))
        publish(port, options.messages)
        print("CPU of the hub: %.0f ns a delivery; %.1f MiB resident" % (
            (usage(hub)[1] - cpu) * 1e9 / (count * options.messages), usage(hub)[0] / 2**20))
        outputs = [crowd.communicate(timeout=60)[0].splitlines() for crowd in crowds]
        return report(options, outputs)
    finally:
        for crowd in crowds:
            crowd.kill()
            crowd.wait()
        hub.terminate()
        hub.wait(60)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("hub")
    parser.add_argument("crowd")
    parser.add_argument("--connections", type=int, default=100000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--workers", type=int, default=6)
    parser.add_argument("--messages", type=int, default=8)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        return 0 if run(options, directory) else 1


if __name__ == "__main__":
    sys.exit(main())
