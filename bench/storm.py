#!/usr/bin/env python3
"""A storm of clients beside a steady fan-out: what do the established subscribers notice?

    bench/storm.py reconnects [--clients N] [--pace N]       that many connect at once, again and again let in
    bench/storm.py logins     [--logins N]                   that many wrong passwords a second (bcrypt)

Starts build/release/ringhub and measures with build/release/hubload, in turns: the latency of a fan-out
alone, and beside the storm. Prints each run, medians and spread, and the quotient of the p99; writes
every run to --json. The hub has the first CPU, hubload and the crowd the last one. There hubload comes first
(SCHED_FIFO, where that is allowed) and the crowd last (SCHED_IDLE): what is judged is the hub.

Two p99 are told: as subscribers had it, from when a message was due, and as the hub's own histogram has
it (delivery_ns of /hubz, sampled: from ingress until the kernel took it for a subscriber). Should hubload
be late all the same, it says so (generator_bound).

reconnects: limits {accept_rate: PACE}, and a subject for each client. When every client has the answer to
the PING behind its SUB, which may take clients/pace seconds and a bit, all of them leave. Pace 0: no limit.
logins: a user whose password is a bcrypt hash of cost 10, and attempts in an open loop: a connection
each, CONNECT with a wrong password, and the answer is waited for up to the timeout of the hub.
"""

import argparse
import json
import multiprocessing
import os
import pathlib
import resource
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import rivals_servers

BUILD = pathlib.Path(__file__).resolve().parent.parent / "build" / "release"
SECONDS = 8
WARMUP = 3  # past the first PING of each client
TRIES = 2   # a run for which hubload was late, or the crowd did not come, says nothing about the hub
HASH = "$2b$10$7EqJtq98hPqEX7fNZaFWoO.4/DCts2y9AShp82.Y2dmZszCa3BNAq"
SOURCES = 50  # loopback addresses that attempts come from
WRONG = b'CONNECT {"user":"slow","pass":"wrong","verbose":false}\r\n'


def on(cpus, words):
    return ["taskset", "-c", ",".join(map(str, cpus))] + words


def give_way():
    """From here on this process, and what it starts, has the time that nobody else wants (sched(7))."""
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


def start_hub(directory, options, cpus):
    lines = ["listen: 127.0.0.1:-1", "http: 127.0.0.1:-1"]
    if options.kind == "reconnects" and options.pace > 0:
        lines.append("limits {accept_rate: %d}" % options.pace)
    if options.kind == "logins":
        lines.append('authorization {timeout: 2, users: [{user: steady, password: steady}, '
                     '{user: slow, password: "%s"}]}' % HASH)
    path = os.path.join(directory, "hub.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")
    hub = subprocess.Popen(on(cpus, [str(BUILD / "ringhub"), "-c", path, "--workers", "1", "--ports_file_dir",
                                     directory, "-l", os.path.join(directory, "log")]))
    ports = os.path.join(directory, "ringhub_%d.ports" % hub.pid)
    while not os.path.exists(ports) or os.path.getsize(ports) == 0:
        if hub.poll() is not None:
            raise SystemExit("the hub ended at start")
        time.sleep(0.01)
    time.sleep(0.2)
    with open(ports, encoding="ascii") as file:
        known = json.load(file)
    return hub, known["nats"][0], known["monitoring"][0]


def delivered(monitoring):
    """The buckets of the hub's histogram of deliveries so far: {highest value: count}."""
    with urllib.request.urlopen(monitoring + "/hubz", timeout=10) as page:
        return dict(json.load(page)["histograms"]["delivery_ns"]["buckets"])


def quantile_ns(before, after, share):
    """Of what came between; the highest value of the bucket it lies in. None: nothing came."""
    counts = {top: after[top] - before.get(top, 0) for top in sorted(after)}
    left = share * sum(counts.values())
    for top, count in counts.items():
        left -= count
        if count > 0 and left <= 0:
            return top
    return None


def hubload(words, path, cpus, before=()):
    return subprocess.Popen(on(cpus, [*before, str(BUILD / "hubload")] + words + ["--json", path]),
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run_of(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)["runs"][0]


class Reconnects:
    """So many clients at once, each with a subject of its own; when all are in they leave, all at once."""

    def __init__(self, options, url):
        where = urllib.parse.urlsplit(url)
        self.address = (where.hostname, where.port)
        self.selector = selectors.DefaultSelector()
        self.clients = options.clients
        self.counts = {"clients": 0, "in": 0, "lost": 0}

    def come(self):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(self.address)
        self.selector.register(client, selectors.EVENT_READ, self.counts["clients"])
        self.counts["clients"] += 1

    def go_on(self, client, number):
        try:
            data = client.recv(4096)
            if data.startswith(b"INFO"):
                client.send(b'CONNECT {"verbose":false}\r\nSUB storm.%d 1\r\nPING\r\n' % number)
        except OSError:
            data = b""
        if b"PONG" in data:
            self.counts["in"] += 1
        if not data:
            self.counts["lost"] += 1
        if not data or b"PONG" in data:
            self.selector.unregister(client)

    def attack(self, seconds):
        start = time.monotonic()
        for _ in range(self.clients):
            self.come()
        clients = [key.fileobj for key in self.selector.get_map().values()]
        while self.counts["in"] + self.counts["lost"] < self.clients and time.monotonic() - start < seconds:
            for key, _ in self.selector.select(0.1):
                self.go_on(key.fileobj, key.data)
        self.counts["all_in_seconds"] = round(time.monotonic() - start, 3)
        for client in clients:
            client.close()
        self.selector.close()
        return self.counts


class Logins:
    """Attempts in an open loop, from several addresses, for some seconds."""

    def __init__(self, options, url):
        where = urllib.parse.urlsplit(url)
        self.address = (where.hostname, where.port)
        self.selector = selectors.DefaultSelector()
        self.rate = options.logins
        self.counts = {"sent": 0, "refused": 0, "closed": 0, "not_connected": 0}
        self.open = 0

    def attempt(self):
        client = socket.socket()
        client.setblocking(False)
        client.bind(("127.0.1.%d" % (1 + self.counts["sent"] % SOURCES), 0))
        client.connect_ex(self.address)
        self.selector.register(client, selectors.EVENT_WRITE)
        self.counts["sent"] += 1
        self.open += 1

    def leave(self, client):
        self.selector.unregister(client)
        client.close()
        self.open -= 1

    def go_on(self, client, events):
        try:
            if events & selectors.EVENT_WRITE:
                client.send(WRONG)
                self.selector.modify(client, selectors.EVENT_READ)
                return
            data = client.recv(4096)
        except OSError:
            self.counts["not_connected"] += 1
            self.leave(client)
            return
        if b"-ERR" in data:
            self.counts["refused"] += 1
            self.leave(client)
        elif not data:
            self.counts["closed"] += 1
            self.leave(client)

    def attack(self, seconds):
        start = time.monotonic()
        while True:
            now = time.monotonic() - start
            if now > seconds:
                break
            for _ in range(min(int(now * self.rate) - self.counts["sent"], 200)):
                self.attempt()
            for key, events in self.selector.select(0.001):
                self.go_on(key.fileobj, events)
        self.counts["unanswered"] = self.open
        for key in list(self.selector.get_map().values()):
            self.leave(key.fileobj)
        self.selector.close()
        self.counts["per_second"] = round(self.counts["sent"] / seconds)
        return self.counts


def storm(options, url):
    return (Reconnects if options.kind == "reconnects" else Logins)(options, url).attack(SECONDS - 1)


def is_whole(options, met):
    """Did as many come as were asked for? The crowd has only the time that is left on its CPU."""
    return met["in"] == options.clients if options.kind == "reconnects" else met["per_second"] > 0.95 * options.logins


def one_run(options, directory, beside, cpus):
    """A fresh hub: (the fan-out's result, what the storm met or None)."""
    hub, url, monitoring = start_hub(directory, options, cpus[:1])
    rest = cpus[1:] or cpus
    where = urllib.parse.urlsplit(url)
    mine = url if options.kind != "logins" else "nats://steady:steady@" + where.netloc
    path = os.path.join(directory, "fanout.json")
    try:
        steady = hubload(["fanout", "--url", mine, "--subscribers", str(options.subscribers), "--rate",
                          str(options.rate), "--warmup", str(WARMUP), "--duration", str(SECONDS), "--server-pid",
                          str(hub.pid)], path, rest, rivals_servers.first())
        met = None
        time.sleep(WARMUP + 1)
        before = delivered(monitoring)
        if beside:
            with multiprocessing.Pool(1, give_way) as crowd:
                met = crowd.apply(storm, (options, url))
        if steady.wait() not in (0, 3):  # 3: the generator was late
            raise SystemExit("hubload failed")
        run = run_of(path)
        run["hub_delivery_p99_ns"] = quantile_ns(before, delivered(monitoring), 0.99)
        return run, met
    finally:
        hub.send_signal(signal.SIGTERM)
        hub.wait()


def show(run, met):
    latency = run["latency"]
    print("%-9s p50 %.3f ms  p99 %.3f ms  max %.3f ms, of the hub's part p99 %.3f ms, %d of %d delivered; %s" % (
        "alone:" if met is None else "in storm:", latency["p50_ns"] / 1e6, latency["p99_ns"] / 1e6,
        latency["max_ns"] / 1e6, run["hub_delivery_p99_ns"] / 1e6, run["delivered"], run["expected"],
        run["verdict"]), flush=True)
    if met is not None:
        print("          the storm: " + json.dumps(met), flush=True)


def spread(values):
    return "%.3f ms (%.3f - %.3f)" % (statistics.median(values) / 1e6, min(values) / 1e6, max(values) / 1e6)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("kind", choices=("reconnects", "logins"))
    parser.add_argument("--clients", type=int, default=10000)
    parser.add_argument("--pace", type=int, default=2000, help="connections a second")
    parser.add_argument("--logins", type=int, default=2000, help="attempts a second")
    parser.add_argument("--rate", type=int, default=200, help="messages a second")
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="where to write every run")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cpus[1:] or cpus)
    found = {False: [], True: []}
    storms = []
    with tempfile.TemporaryDirectory() as directory:
        for number in range(options.rounds):
            for beside in ((False, True) if number % 2 == 0 else (True, False)):
                for _ in range(TRIES):
                    run, met = one_run(options, directory, beside, cpus)
                    show(run, met)
                    if run["verdict"] == "valid" and (met is None or is_whole(options, met)):
                        break
                found[beside].append(run)
                storms += [met] if met else []
    for what, value in (("subscribers'", lambda run: run["latency"]["p99_ns"]),
                        ("the hub's part of it,", lambda run: run["hub_delivery_p99_ns"])):
        p99 = {beside: [value(run) for run in runs] for beside, runs in found.items()}
        print("%s p99: alone %s, in the storm %s: %.2f times" % (
            what, spread(p99[False]), spread(p99[True]),
            statistics.median(p99[True]) / statistics.median(p99[False])))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"command": sys.argv[1:], "alone": found[False], "beside": found[True], "storms": storms}, file,
                      indent=1)
            file.write("\n")


if __name__ == "__main__":
    main()
