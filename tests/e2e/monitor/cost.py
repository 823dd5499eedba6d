#!/usr/bin/env python3
"""What monitoring costs; run by hand on an idle machine, after ./dev build.

    tests/e2e/monitor/cost.py throughput [--rounds 2] [--seconds 2] [--pages /metrics,/varz]
    tests/e2e/monitor/cost.py cpu [--connections 1000] [--pages /metrics,/varz]
    tests/e2e/monitor/cost.py turns [--connections 15000]

throughput: in each round hubload fans out for a minute, and in every other phase of it, --seconds long,
the pages are asked for ten times a second. Each such phase is compared with its two neighbours, so
that what one start of a hub differs from the next by is in none of the figures. The whole hub has
the first CPU, its monitoring included; hubload and, behind it, who asks have the last one, for on
another machine they would cost the hub nothing. Prints medians, and the mean of the differences
with its standard error.

cpu: what the pages take of a CPU when they are all a hub has to do, asked for ten times a second.

turns: that many connections with two subscriptions each, then /connz with all of them, one after
another, while 100 of them hear messages. The worker has the first CPU to itself, so that a long turn
is its own doing and not a slice of time that the kernel gave to somebody else. Prints the answer's size and time, and how many turns of a
worker were longer than 1 and than 2 ms, from /hubz.
"""

import argparse
import datetime
import json
import math
import os
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time

from pages import MonitoredHub, connect_as
import harness

HUBLOAD = os.environ.get("E2E_HUBLOAD",
                         str(harness.REPOSITORY / "build" / "release" / "hubload"))


class Scraper(threading.Thread):
    """Asks a hub for pages, each `rate` times a second, until stop()."""

    def __init__(self, hub, pages, rate=10):
        super().__init__()
        self.hub, self.pages, self.rate = hub, pages, rate
        self.ends = threading.Event()
        self.answers = 0
        self.seconds = 0.0

    def run(self):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)  # of this thread
        following = time.monotonic()
        while not self.ends.is_set():
            for page in self.pages:
                start = time.monotonic()
                status, _, _ = self.hub.get(page)
                self.seconds += time.monotonic() - start
                self.answers += status == 200
            following = max(following + 1 / self.rate, time.monotonic())
            self.ends.wait(following - time.monotonic())

    def stop(self):
        self.ends.set()
        self.join()


def tasks(process):
    """(id, name) of the threads of a process."""
    for task in os.listdir("/proc/%d/task" % process):
        with open("/proc/%d/task/%s/comm" % (process, task), encoding="ascii") as comm:
            yield int(task), comm.read().strip()


def cpus_of(process, cpus, but="no such name"):
    """All threads of a process on these CPUs, but those of a name: they have the first one."""
    for task, name in tasks(process):
        os.sched_setaffinity(task, cpus if not name.startswith(but) else
                             sorted(os.sched_getaffinity(0))[:1])


def monitor_seconds(hub):
    """CPU of the monitoring thread so far."""
    task, = (task for task, name in tasks(hub.pid) if name == "monitor")
    with open("/proc/%d/task/%d/schedstat" % (hub.pid, task), encoding="ascii") as stat:
        return int(stat.read().split()[0]) / 1e9


def fan_out(hub, seconds):
    """1 publisher, 1,000 subscribers; to be waited for, then result() has what came of it."""
    return subprocess.Popen(
        [HUBLOAD, "fanout", "--url", "nats://127.0.0.1:%d" % hub.port, "--subscribers", "1000",
         "--size", "128", "--window-messages", "512", "--warmup", "1", "--duration", str(seconds),
         "--json", os.path.join(hub.directory, "result.json")],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def result(hub, load):
    said = load.communicate()[0]
    if load.returncode != 0:
        raise SystemExit(said.decode())
    with open(os.path.join(hub.directory, "result.json"), "rb") as file:
        return json.load(file)["runs"][0]


def phases_of(hub, load, options):
    """Asks in every other phase, until the load ends. Returns [(from, to, asked, share of the CPU)]."""
    pages = options.pages.split(",")
    phases, asked = [], False
    while load.poll() is None:
        scraper = Scraper(hub, pages) if asked else None
        used, start = monitor_seconds(hub), time.time()
        if scraper:
            scraper.start()
        time.sleep(options.seconds)
        if scraper:
            scraper.stop()
        end = time.time()
        phases.append((start, end, asked, 100 * (monitor_seconds(hub) - used) / (end - start)))
        asked = not asked
    return phases


def rates(run, phases):
    """[(asked, deliveries/s)] of the phases, of those seconds that lie wholly in one."""
    begin = datetime.datetime.fromisoformat(run["begin"].replace("Z", "+00:00")).timestamp()
    found = []
    for start, end, asked, _ in phases:
        steps = [step for step in run["seconds"]
                 if begin + step["at_s"] >= start and begin + step["at_s"] + step["length_s"] <= end]
        if steps:
            found.append((asked, sum(step["delivered"] for step in steps) /
                          sum(step["length_s"] for step in steps)))
    return found


def throughput(options):
    hub = MonitoredHub(flags=["--workers", "1"])
    try:
        throughput_of(hub, options)
    finally:
        hub.stop()


def throughput_of(hub, options):
    cpus = sorted(os.sched_getaffinity(0))
    cpus_of(hub.pid, cpus[:1])
    cpus_of(os.getpid(), cpus[-1:])
    differences, plain, scraped, shares = [], [], [], []
    for _ in range(options.rounds):
        load = fan_out(hub, 60)
        phases = phases_of(hub, load, options)
        found = rates(result(hub, load), phases)
        shares += [share for _, _, asked, share in phases if asked]
        # Each phase that is asked in, beside the mean of its neighbours: what drifts cancels.
        for before, at, after in zip(found, found[1:], found[2:]):
            if at[0] and not before[0] and not after[0]:
                beside = (before[1] + after[1]) / 2
                differences.append(100 * (at[1] - beside) / beside)
                plain.append(beside)
                scraped.append(at[1])
    if len(differences) < 2:
        raise SystemExit("too few phases hold a whole second of hubload's: --seconds 2 or more")
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    print("%s, each ten times a second in %d phases of %g s:" % (options.pages, len(differences),
                                                                options.seconds))
    print("  deliveries/s without %.2f M, with %.2f M (medians)" % (
        statistics.median(plain) / 1e6, statistics.median(scraped) / 1e6))
    print("  difference %+.2f %% +- %.2f %% (standard error), median %+.2f %%" % (
        statistics.mean(differences), error, statistics.median(differences)))
    print("  the monitoring thread took %.2f %% of the hub's CPU (median)" % statistics.median(shares))


def cpu_seconds(hub):
    """Of the whole process, and of its monitoring thread alone."""
    found = {}
    for task in os.listdir("/proc/%d/task" % hub.pid):
        with open("/proc/%d/task/%s/stat" % (hub.pid, task), encoding="ascii") as stat:
            name, rest = stat.read().rsplit(")", 1)
        ticks = sum(int(word) for word in rest.split()[11:13])
        name = name.split("(", 1)[1]
        found[name] = found.get(name, 0) + ticks / os.sysconf("SC_CLK_TCK")
    return sum(found.values()), found["monitor"]


def cpu(options):
    hub = MonitoredHub()
    clients = [harness.Client(hub, connect_as("client %d" % i))
               for i in range(min(options.connections, 900))]
    time.sleep(4)  # their first PINGs
    for pages in (None, options.pages.split(","), ["/connz?limit=1024&subs=1"]):
        scraper = Scraper(hub, pages) if pages else None
        before, start = cpu_seconds(hub), time.monotonic()
        if scraper:
            scraper.start()
        time.sleep(20)
        took = time.monotonic() - start
        shares = [100 * (b - a) / took for a, b in zip(before, cpu_seconds(hub))]
        if scraper:
            scraper.stop()
        print("%s: %.2f %% of a CPU, %.2f %% of it the monitoring thread; %d answers, %.2f ms each" % (
            ", ".join(pages) if pages else "nothing asked", *shares,
            scraper.answers if scraper else 0,
            1000 * scraper.seconds / max(1, scraper.answers) if scraper else 0))
    for client in clients:
        client.close()
    hub.stop()


def histogram(hub):
    """(turns, those above 1 ms, those above 2 ms), as the workers' histogram tells them apart."""
    turns = hub.json("/hubz")["histograms"]["turn_ns"]["buckets"]
    return [sum(n for top, n in turns if top > limit) for limit in (-1, 1e6, 2e6)]


def turns(options):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    hub = MonitoredHub(flags=["--workers", "1"])
    cpus = sorted(os.sched_getaffinity(0))
    cpus_of(hub.pid, cpus[1:] or cpus, but="worker")
    cpus_of(os.getpid(), cpus[1:] or cpus)
    publisher = harness.Client(hub)  # first: select knows small descriptors only
    sockets = []
    for number in range(options.connections):
        one = socket.create_connection(("127.0.0.1", hub.port))
        one.sendall(connect_as("client number %d" % number) +
                    b"SUB a.%d 1\r\nSUB %s 2\r\n" % (number, b"all" if number < 100 else b"none"))
        sockets.append(one)
    hub.eventually(lambda: hub.json("/varz")["subscriptions"] == 2 * options.connections, 60)
    for one in sockets[:100]:
        one.setblocking(False)
    ends = threading.Event()

    def publish():
        while not ends.wait(0.002):
            publisher.send(harness.pub(b"all", b"x" * 100))
            for one in sockets[:100]:
                try:
                    one.recv(1 << 16)
                except BlockingIOError:
                    pass

    thread = threading.Thread(target=publish)
    thread.start()
    time.sleep(1)
    for page in ("/connz?limit=%d" % options.connections,
                 "/connz?limit=%d&subs=detail" % options.connections,
                 "/connz?sort=msgs_to", "/slowz"):
        quiet_before = histogram(hub)
        time.sleep(1)
        quiet = [b - a for a, b in zip(quiet_before, histogram(hub))]
        before = histogram(hub)
        times, size = [], 0
        for _ in range(5):
            start = time.monotonic()
            _, _, body = hub.get(page)
            times.append(time.monotonic() - start)
            size = len(body)
        after = [b - a for a, b in zip(before, histogram(hub))]
        rows = json.loads(body).get("num_connections", "")
        print("%s: %s rows, %.1f MB, %.0f ms (median of 5); turns %d, above 1 ms %d, above 2 ms %d"
              "; in a second without it %d, %d, %d" % (
                  page, rows, size / 1e6, 1000 * statistics.median(times), *after, *quiet))
    ends.set()
    thread.join()
    for one in sockets:
        one.close()
    publisher.close()
    hub.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("throughput", "cpu", "turns"))
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--pages", default="/metrics,/varz")
    parser.add_argument("--connections", type=int, default=15000)
    options = parser.parse_args()
    {"throughput": throughput, "cpu": cpu, "turns": turns}[options.what](options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
