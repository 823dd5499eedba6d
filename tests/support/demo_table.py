"""demo_table.py - the demo's figures side by side: FOLDER with {hub,ceiling}-{fast,paced}.json."""
import json
import os
import sys


def run_of(folder, name):
    path = os.path.join(folder, name + ".json")
    with open(path, encoding="utf-8") as text:
        return json.load(text)["runs"][0]


def time_text(ns):
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if ns >= size:
            return "%.3g %s" % (ns / size, unit)
    return "%d ns" % ns


def cpu_text(run):
    server = run["server"]
    return "%.1f ns" % (server["user_ns_per_delivery"] + server["system_ns_per_delivery"])


def lost(run):
    return run["expected"] - run["delivered"] + sum(
        run[kind] for kind in ("duplicated", "reordered", "corrupted", "foreign"))


def valid(run):
    return "" if run["verdict"] == "valid" else "*"


ROWS = [
    ("fast", "deliveries per second", lambda run: "{:,.0f}".format(run["deliveries_per_s"])),
    ("fast", "CPU of the server per delivery", cpu_text),
    ("fast", "delivered", lambda run: "{:,}".format(run["delivered"])),
    ("fast", "lost, damaged or out of order", lambda run: "{:,}".format(lost(run))),
    ("paced", "deliveries per second", lambda run: "{:,.0f}".format(run["deliveries_per_s"])),
    ("paced", "latency p50", lambda run: time_text(run["latency"]["p50_ns"])),
    ("paced", "latency p99", lambda run: time_text(run["latency"]["p99_ns"])),
    ("paced", "latency p99.9", lambda run: time_text(run["latency"]["p99_9_ns"])),
    ("paced", "CPU of the server per delivery", cpu_text),
    ("paced", "lost, damaged or out of order", lambda run: "{:,}".format(lost(run))),
]
COUNTS = ("delivered", "lost, damaged or out of order")  # true whoever was the bottleneck
TITLES = {"fast": "as fast as everybody keeps up", "paced": "at a steady rate"}


def main(folder):
    print("%-34s %16s %16s" % ("1 publisher, 1,000 subscribers", "the hub", "the ceiling"))
    last = None
    limited = False
    for kind, name, text in ROWS:
        if kind != last:
            print(TITLES[kind])
            last = kind
        cells = []
        for server in ("hub", "ceiling"):
            run = run_of(folder, "%s-%s" % (server, kind))
            mark = "" if name in COUNTS else valid(run)
            cells.append(text(run) + mark)
            limited = limited or bool(mark)
        print("  %-32s %16s %16s" % (name, *cells))
    if limited:
        print("* limited by the load generator, not by the server: this machine is too small or busy")


if __name__ == "__main__":
    main(sys.argv[1])
