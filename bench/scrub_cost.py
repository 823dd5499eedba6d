"""scrub_cost.py - what do rules cost end to end? One hub under one load, with UTF-8, JSON and all masks on and off, in turns.

    python3 bench/scrub_cost.py [--pairs N] [--out FOLDER] [--only SCENARIO]

Two scenarios, closed loop, payloads that are JSON objects of 128 bytes: fan-out to 1,000 subscribers, and one
publisher to one subscriber. While the load goes on, the hub's configuration is taken over (SIGHUP) without and with
the rules, in changing order; once it has settled, the hub's messages (/hubz) and its workers' CPU time are read at
both ends of a short while. Connections, memory and the state of the machine are then the same for both of a pair.

Judged are the pairs: of the ratio, or of the difference, of the two Hodges and Lehmann's estimate with Tukey's 99 %
interval, whose bad end has to keep the bound: fan-out keeps 0.95 of its deliveries a second, and of those that the
hub's CPU time would allow; one to one, rules add a microsecond of CPU time to a message at most. A pair in which
something was lost is not used. One in which hubload was the bottleneck (busy while the hub was not) says nothing of
deliveries a second and is not used for them; where too few are left, only CPU time is judged. How many were not used
is said. Pairs are added to those that are in FOLDER already, so that a long measurement may be made in pieces. The hub
is on the first CPU, hubload on the second. --smoke: few and short pairs, and no judgement.
"""
import argparse
import glob
import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
import urllib.request

import rivals
import rivals_servers

RULES = 'scrub { rules [ { name: all, subject: ">", utf8: refuse, json: true, mask: all } ] }\n'
NO_RULES = "scrub { rules [] }\n"
KEPT_LEAST = 0.95
ADDED_MOST_NS = 1000
SETTLE_S = 0.1
TAKE_OVER_S = 0.5  # what the load is made longer by for each half: seldom so much
PATIENCE_S = 10
CONNECTIONS = 2000
Z_99 = 2.5758
FEWEST = 10  # values for an interval
BUSY = 0.9  # of a CPU: hubload's own word for busy

SIDES = ("without", "rules")

SCENARIOS = {
    "fan-1000": ["--subscribers", "1000", "--window-messages", "512", "--verify", "count"],
    "one-to-one": ["--subscribers", "1", "--publishers", "1"],
}


class Hub(rivals_servers.Ringhub):
    """A hub whose rules can be changed."""

    def config(self, port, connections, cpus):
        return NO_RULES

    def arguments(self, port, connections, cpus, config_path):
        self.config_path = config_path
        self.monitoring = rivals_servers.free_port()
        return super().arguments(port, connections, cpus, config_path) + ["-m", str(self.monitoring), "-c", config_path]


# ---- statistics ----


def shift(values):
    """(estimate, low, high) of the middle of values; low and high are None where there are too few for 99 %."""
    count = len(values)
    means = sorted((values[i] + values[j]) / 2 for i in range(count) for j in range(i, count))
    middle = (means[(len(means) - 1) // 2] + means[len(means) // 2]) / 2
    cut = int(len(means) / 2 - Z_99 * math.sqrt(count * (count + 1) * (2 * count + 1) / 24) - 0.5)
    return (middle, means[cut], means[-1 - cut]) if cut >= 0 and count >= FEWEST else (middle, None, None)


def ratio(values):
    return tuple(None if one is None else math.exp(one) for one in shift([math.log(value) for value in values]))


# ---- pairs ----


def rate(part):
    return part["deliveries"] / part["seconds"]


def cpu_each(part):
    return part["cpu_ns"] / part["deliveries"]


def is_generators(part):
    """Was hubload the bottleneck? Parts that were stored without its time do not tell."""
    return part.get("generator_ns", 0) / part["seconds"] > BUSY * 1e9 > part["cpu_ns"] / part["seconds"]


def complete(pairs):
    """Those in which nothing was lost."""
    return [pair for pair in pairs if not pair.get("lost") and not any(pair[side].get("dropped") for side in SIDES)]


def hubs(pairs):
    """Those in which the hub was what decided the speed."""
    return [pair for pair in pairs if not any(is_generators(pair[side]) for side in SIDES)]


def each(pairs, look):
    return [look(pair["without"], pair["rules"]) for pair in pairs]


def kept(pairs):
    """Of the deliveries a second without rules, those with; None: too few pairs."""
    usable = hubs(complete(pairs))
    return ratio(each(usable, lambda without, rules: rate(rules) / rate(without))) if len(usable) >= FEWEST else None


def allowed(pairs):
    """Of the deliveries that a second of the hub's CPU time allows without rules, those with; None: no pairs."""
    usable = complete(pairs)
    return ratio(each(usable, lambda without, rules: cpu_each(without) / cpu_each(rules))) if usable else None


def added_ns(pairs):
    """What rules add to a delivery's CPU time; None: no pairs."""
    usable = complete(pairs)
    return shift(each(usable, lambda without, rules: cpu_each(rules) - cpu_each(without))) if usable else None


# ---- a piece ----


def times_of(pid):
    """{thread: (name, nanoseconds on a CPU)}"""
    times = {}
    for task in glob.glob("/proc/%d/task/*" % pid):
        with open(task + "/comm", encoding="ascii") as comm, open(task + "/schedstat", encoding="ascii") as stat:
            times[task] = comm.read().strip(), int(stat.read().split()[0])
    return times


def busiest_ns(before, after):
    """The time of the thread that had most of it."""
    return max([after[task][1] - before[task][1] for task in after if task in before], default=0)


class Piece:
    """A hub under load whose rules come and go."""

    def __init__(self, options, running, loading):
        self.options = options
        self.loading = loading
        self.hub = running.server
        self.pid = running.process.pid
        self.url = "http://127.0.0.1:%d/hubz" % self.hub.monitoring

    def page(self):
        with urllib.request.urlopen(self.url, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def give_monitor_room(self, cpus):
        """Who answers our questions must not wait for the worker's CPU, nor count as its time."""
        for task in glob.glob("/proc/%d/task/*" % self.pid):
            with open(task + "/comm", encoding="ascii") as file:
                if file.read().strip() == "monitor" and cpus:
                    os.sched_setaffinity(int(os.path.basename(task)), cpus)

    def cpu_ns(self):
        return sum(time_ns for name, time_ns in times_of(self.pid).values() if name != "monitor")

    def take_over(self, text):
        with open(self.hub.config_path, "w", encoding="ascii") as file:
            file.write(text)
        os.kill(self.pid, signal.SIGHUP)
        until = time.monotonic() + PATIENCE_S
        while (len(self.page()["scrub"]) > 0) != (text is RULES):
            if time.monotonic() > until:
                sys.exit("scrub_cost: the hub did not take over its configuration")
            time.sleep(0.01)

    def look(self):
        page = self.page()
        cpu_ns, now = self.cpu_ns(), time.monotonic()
        workers = page["workers"]
        return {"now": now, "cpu_ns": cpu_ns, "in": sum(one["in_msgs"] for one in workers),
                "out": sum(one["out_msgs"] for one in workers), "passed": sum(one["passed"] for one in page["scrub"]),
                "dropped": sum(page["reasons"]["deliveries_dropped"].values())}

    def part(self, text):
        """What the hub did in a short while under this configuration."""
        self.take_over(text)
        time.sleep(SETTLE_S)
        before, generator_before = self.look(), times_of(self.loading.pid)
        time.sleep(self.options.seconds)
        after, generator_after = self.look(), times_of(self.loading.pid)
        part = {key: after[key] - before[key] for key in before}
        if part["in"] <= 0 or part["out"] <= 0:
            sys.exit("scrub_cost: the load was over early")
        if part["passed"] != (part["in"] if text is RULES else 0):
            sys.exit("scrub_cost: of %d messages %d passed the rules" % (part["in"], part["passed"]))
        return {"seconds": part["now"], "messages": part["in"], "deliveries": part["out"], "cpu_ns": part["cpu_ns"],
                "generator_ns": busiest_ns(generator_before, generator_after), "dropped": part["dropped"]}

    def pair(self, number):
        parts = {}
        for side in SIDES if number % 2 == 0 else reversed(SIDES):
            parts[side] = self.part(RULES if side == "rules" else NO_RULES)
        return parts


def pairs_of_load(options, load, begin):
    """Pairs of one start of the hub and its load."""
    server_cpus, client_cpus = rivals.cpus_choose(options)
    hub = Hub(options.build)
    seconds = 2 + options.pairs * 2 * (options.seconds + SETTLE_S + TAKE_OVER_S)
    with rivals_servers.Running(hub, CONNECTIONS, server_cpus, options.out) as running:
        pinned = ["taskset", "-c", ",".join(map(str, client_cpus))] if client_cpus else []
        words = [os.path.join(options.build, "hubload"), "fanout", "--url", running.url, "--size", "128", "--payload", "json",
                 "--warmup", "0.5", "--duration", "%.1f" % seconds] + load
        with open(os.path.join(options.out, "hubload.log"), "wb") as log:
            loading = subprocess.Popen(pinned + words, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       preexec_fn=rivals_servers.die_with_us)
            piece = Piece(options, running, loading)
            piece.give_monitor_room(client_cpus)
            time.sleep(1)
            pairs = [piece.pair(begin + number) for number in range(options.pairs)]
            if loading.wait(seconds + 60) != 0:
                print("scrub_cost: hubload was not content, see %s" % log.name, file=sys.stderr)
                pairs = [dict(pair, lost=True) for pair in pairs]
    return pairs, hub.version


# ---- what is said ----


def said(estimate, form):
    return "%s (%s)" % (form % estimate[0], " … ".join(form % value if value is not None else "?" for value in estimate[1:]))


def judge_fan_out(pairs):
    of_rate, of_cpu = kept(pairs), allowed(pairs)
    lines = ["deliveries a second kept: %s" % (said(of_rate, "%.4f") if of_rate else "not judged"),
             "of what the hub's CPU time allows: %s; at least %.2f" % (said(of_cpu, "%.4f") if of_cpu else "?", KEPT_LEAST)]
    judged = [of_cpu] + ([of_rate] if of_rate else [])
    return lines, all(one is not None and one[1] is not None and one[1] >= KEPT_LEAST for one in judged)


def judge_one_to_one(pairs):
    added = added_ns(pairs)
    lines = ["added to a message's CPU time: %s ns; at most %d" % (said(added, "%.0f") if added else "?", ADDED_MOST_NS)]
    return lines, added is not None and added[2] is not None and added[2] <= ADDED_MOST_NS


def unused(pairs):
    """What is said of pairs that are not used; "": all are."""
    lost = len(pairs) - len(complete(pairs))
    bound = len(complete(pairs)) - len(hubs(complete(pairs)))
    return ", ".join(["not used: %d in which something was lost" % lost] * (lost > 0)
                     + ["not used for deliveries a second: %d in which hubload was the bottleneck" % bound] * (bound > 0))


def judge(title, document):
    """Prints; is it as it should be?"""
    pairs = document["pairs"]
    lines, is_fine = (judge_fan_out if title == "fan-1000" else judge_one_to_one)(pairs)
    print("%s: %d pairs of %g s from %d starts" % (title, len(pairs), document["seconds"], document["starts"]))
    for side in SIDES:
        parts = [pair[side] for pair in complete(pairs)]
        total = {key: sum(part[key] for part in parts) for key in ("seconds", "deliveries", "cpu_ns")}
        if parts:
            print("  %-8s %.0f deliveries/s, %.2f ns of the hub's CPU time each, CPU %.0f %%"
                  % (side, rate(total), cpu_each(total), total["cpu_ns"] / total["seconds"] / 1e7))
    for line in lines + [unused(pairs)] * (unused(pairs) != ""):
        print("  " + line)
    print("%s: %s" % ("PASS" if is_fine else "FAIL", title), flush=True)
    return is_fine


def stored(path, fresh):
    """The document at path, which pairs are added to, or a fresh one."""
    if not os.path.exists(path):
        return fresh
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    if any(document[key] != fresh[key] for key in ("seconds", "load", "rules")):
        sys.exit("scrub_cost: %s was measured in another way; choose another --out" % path)
    return document


def store(path, document):
    """As a whole or not at all."""
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    os.replace(path + ".new", path)


def measure(options, title):
    """The document of a scenario, with what this piece adds."""
    path = os.path.join(options.out, "cost.%s.json" % title)
    fresh = {"scenario": title, "load": SCENARIOS[title], "rules": RULES.strip(), "cpu": rivals.cpu_model(),
             "kernel": os.uname().release, "seconds": options.seconds, "starts": 0, "pairs": []}
    document = fresh if options.smoke else stored(path, fresh)
    if options.pairs > 0:
        pairs, document["version"] = pairs_of_load(options, SCENARIOS[title], len(document["pairs"]))
        document["pairs"] += pairs
        document["starts"] += 1
        store(path, document)
    return document


def main(words):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], allow_abbrev=False)
    parser.add_argument("--pairs", type=int, default=40, help="to add; 0: only say what is known")
    parser.add_argument("--seconds", type=float, default=0.5, help="of each half of a pair")
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--out", default="build/scrub_cost")
    parser.add_argument("--only", choices=sorted(SCENARIOS), help="one scenario")
    parser.add_argument("--smoke", action="store_true", help="does it run? Nothing is judged")
    options = parser.parse_args(words)
    options.server_cpus = options.client_cpus = None
    if options.smoke:
        options.pairs, options.seconds = 2, 0.1
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.makedirs(options.out, exist_ok=True)
    is_fine = True
    for title in SCENARIOS:
        if options.only in (None, title):
            is_fine &= judge(title, measure(options, title))
    return 0 if is_fine or options.smoke else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
