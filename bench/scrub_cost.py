"""scrub_cost.py - what do rules cost end to end? The same hub with UTF-8, JSON and all masks on, and without rules, in turns.

    python3 bench/scrub_cost.py [--rounds N] [--out FOLDER]

Fan-out to 1,000 subscribers, closed loop: `hubload compare` gives the words, and what rules keep of the throughput
is judged by 0.95: of the deliveries a second, and of those the hub's CPU time would allow, since the generator may be the
slower of the two. Then one publisher and one subscriber at 128 bytes: what rules add to the hub's CPU time for a
message is judged by one microsecond. Payloads are JSON objects of
text (`--payload json`); the hub is on the first CPU, hubload on the second.
"""
import argparse
import json
import os
import resource
import statistics
import subprocess
import sys

import options as turns
import rivals

RULES = 'scrub { rules [ { name: all, subject: ">", utf8: refuse, json: true, mask: all } ] }\n'
KEPT_LEAST = 0.95
ADDED_MOST_NS = 1000

SCENARIOS = {
    "fan-1000": ["--subscribers", "1000", "--window-messages", "512"],
    "one-to-one": ["--subscribers", "1", "--publishers", "1"],
}


def runs_of(paths):
    for path in paths:
        with open(path, encoding="utf-8") as file:
            yield from json.load(file)["runs"]


def median(paths, look):
    return statistics.median(look(run) for run in runs_of(paths))


def cpu_ns(run):
    """The hub's CPU time for a message: with one subscriber a delivery is a message."""
    return run["server"]["cpu_ns_per_delivery"]


def sides_of(options):
    rules = os.path.join(options.out, "rules.conf")
    with open(rules, "w", encoding="utf-8") as file:
        file.write(RULES)
    return {"without": turns.Hub(options.build, None, ""), "rules": turns.Hub(options.build, None, "-c " + rules)}


def measure(options, title, words):
    """Paths of the results of both sides, taken in turns."""
    paths = {"without": [], "rules": []}
    sides = sides_of(options)
    for number in range(options.rounds):
        for side in (("without", "rules"), ("rules", "without"))[number % 2]:
            path = os.path.join(options.out, "%s.%s-%d.json" % (title, side, number + 1))
            paths[side].append(path)
            turns.measure(options, sides[side], rivals.cpus_choose(options),
                          words + ["--size", "128", "--payload", "json"], path)
    return paths


def say_compare(options, paths):
    done = subprocess.run([os.path.join(options.build, "hubload"), "compare", *paths["without"], "vs", *paths["rules"]],
                          stdout=subprocess.PIPE, text=True, check=False)
    print(done.stdout.strip(), flush=True)


def judge(text, is_fine):
    print("%s: %s" % ("PASS" if is_fine else "FAIL", text), flush=True)
    return is_fine


def main(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], allow_abbrev=False)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--duration", type=float, default=1.0)
    parser.add_argument("--warmup", type=float, default=0.4)
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--out", default="build/scrub_cost")
    parser.add_argument("--only", choices=sorted(SCENARIOS), help="one scenario")
    options = parser.parse_args(words)
    options.server_cpus = options.client_cpus = None
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.makedirs(options.out, exist_ok=True)
    is_fine = True
    for title, load in SCENARIOS.items():
        if options.only not in (None, title):
            continue
        print("\n%s" % title)
        paths = measure(options, title, load)
        say_compare(options, paths)
        if title == "fan-1000":
            rates = {side: median(paths[side], lambda run: run["deliveries_per_s"]) for side in paths}
            kept = rates["rules"] / rates["without"]
            allowed = median(paths["without"], cpu_ns) / median(paths["rules"], cpu_ns)
            is_fine &= judge("rules keep %.3f of the deliveries a second, and %.3f of what the hub's CPU time allows "
                             "(medians; at least %.2f)" % (kept, allowed, KEPT_LEAST), min(kept, allowed) >= KEPT_LEAST)
        else:
            added = median(paths["rules"], cpu_ns) - median(paths["without"], cpu_ns)
            is_fine &= judge("rules add %.0f ns of the hub's CPU time to a message (medians; at most %d)"
                             % (added, ADDED_MOST_NS), added <= ADDED_MOST_NS)
    return 0 if is_fine else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
