"""hostile.py - what do a thousand hostile clients cost the others?

    for each kind: for each round: hubload beside nobody, hubload beside the crowd (in turn first)

Behind ./dev hostile; --help lists the options. The healthy load is an open loop, so that latency counts
from the moment a message was due; `hubload compare` gives the words. The hub has a CPU to itself; the
crowd shares the other with hubload, which comes first there: what is judged is the hub.
"""
import argparse
import datetime
import json
import os
import resource
import subprocess
import sys

import rivals
import rivals_servers

KINDS = {
    "random_bytes": "random bytes, back at once when they are closed",
    "one_byte_short": "a PUB of 256 KiB that stops one byte short",
    "dribble": "a control line at a byte a second",
    "deaf_pings": "50,000 PINGs each, whose answers are never read",
    "many_subs": "100,000 subscriptions of one subject",
    "long_subjects": "ten subscriptions each, of distinct subjects of 4,000 bytes",
    "silent": "nothing at all",
}
HUBLOAD_PATIENCE_S = 120
METRICS = "deliveries,latency-p50,latency-p99,completion-p99,server-cpu"
# A run whose generator was late says nothing about the hub: it is made again, as often as this, and counted.
TRIES = 6


class Hub(rivals_servers.Ringhub):
    """As it comes, but for what the crowd needs: room, and a memory bound that it can be held to."""

    def arguments(self, port, connections, cpus, config_path):
        return ["-a", "127.0.0.1", "-p", str(port), "--workers", str(max(len(cpus), 1)),
                "--max_connections", str(connections), "--max_memory", "256MB"]


class Bench:
    def __init__(self, options):
        self.options = options
        self.server_cpus, self.client_cpus = rivals.cpus_choose(options)
        self.hubload = os.path.join(options.build, "hubload")
        self.scratch = os.path.join(options.build, "hostile")
        os.makedirs(self.scratch, exist_ok=True)
        os.makedirs(options.out, exist_ok=True)
        self.hub = Hub(options.build)
        self.again = {False: 0, True: 0}  # runs made again, of the kind at hand, by whether the crowd was there

    def pinned(self, *words):
        return (["taskset", "-c", ",".join(map(str, self.client_cpus))] if self.client_cpus else []) + list(words)

    def crowd(self, running, kind):
        """A crowd that has connected and misbehaves until it is ended."""
        options = self.options
        crowd = subprocess.Popen(
            self.pinned(*rivals_servers.last(), sys.executable, "tests/e2e/hostile/crowd.py", kind,
                        str(running.port), str(options.crowd), str(options.duration * 20 + 60), "1"),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, preexec_fn=rivals_servers.die_with_us)
        if crowd.stdout.readline() != b"ready\n":
            crowd.kill()
            crowd.wait()
            raise RuntimeError("the crowd did not come together")
        return crowd

    def load(self, running, json_path):
        options = self.options
        command = self.pinned(
            *rivals_servers.first(), self.hubload, "fanout", "--url", running.url, "--label", "ringhub", "--server-version",
            self.hub.version, "--subscribers", str(options.subscribers), "--rate", str(options.rate), "--size", "128",
            "--warmup", str(options.warmup), "--duration", str(options.duration), "--server-pid",
            str(running.process.pid), "--json", json_path)
        done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=HUBLOAD_PATIENCE_S)
        if done.returncode != 0:
            raise RuntimeError("hubload: " + done.stdout.strip()[-600:])

    def one(self, kind, beside_crowd, number):
        """A fresh hub, healthy subscribers, and the crowd or nobody."""
        side = "crowd" if beside_crowd else "alone"
        path = os.path.join(self.scratch, "%s-%s-%d.json" % (kind, side, number))
        if os.path.exists(path):
            os.unlink(path)
        crowd = None
        places = self.options.crowd + self.options.subscribers + 2000
        with rivals_servers.Running(self.hub, places, self.server_cpus, self.scratch) as running:
            try:
                crowd = self.crowd(running, kind) if beside_crowd else None
                self.load(running, path)
                if crowd is not None and crowd.poll() is not None:
                    raise RuntimeError("the crowd ended early")
            finally:
                if crowd is not None:
                    crowd.kill()
                    crowd.wait()
                    crowd.stdout.close()
        return path

    def valid(self, kind, beside_crowd, number):
        """A run whose generator was in time, or the last of several that was not."""
        for _ in range(TRIES):
            path = self.one(kind, beside_crowd, number)
            with open(path, encoding="utf-8") as file:
                if all(run["verdict"] == "valid" for run in json.load(file)["runs"]):
                    break
            self.again[beside_crowd] += 1
        return path

    def kind(self, kind):
        paths = {False: [], True: []}
        self.again = {False: 0, True: 0}
        for number in range(self.options.rounds):
            for beside_crowd in ((False, True) if number % 2 == 0 else (True, False)):
                paths[beside_crowd].append(self.valid(kind, beside_crowd, number))
        self.merge(kind, False, paths[False])
        self.merge(kind, True, paths[True])
        # A file each: compare sees that every run is from a start of its own.
        done = subprocess.run([self.hubload, "compare", "--metrics", METRICS, *paths[False], "vs", *paths[True]],
                              stdin=subprocess.DEVNULL, text=True, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        text = done.stdout.strip() + "\n\nmade again because hubload was late: %d of A, %d of B" % (
            self.again[False], self.again[True])
        rivals.say("%s: %s\n%s\n" % (kind, KINDS[kind], text))
        return text

    def merge(self, kind, beside_crowd, paths):
        """One document with the runs of all, for readers."""
        documents = []
        for path in paths:
            with open(path, encoding="utf-8") as file:
                documents.append(json.load(file))
        merged = dict(documents[0], runs=[run for document in documents for run in document["runs"]])
        path = os.path.join(self.options.out, "hostile.%s.%s.json" % (kind, "crowd" if beside_crowd else "alone"))
        with open(path, "w", encoding="utf-8") as file:
            json.dump(merged, file, indent=1)
            file.write("\n")


def page(bench, words, outcomes):
    options = bench.options
    lines = ["# Hostile clients beside healthy ones, %s" % datetime.date.today().isoformat(), "",
             "Made by `./dev hostile%s`: 1 publisher and %d subscribers at %g messages a second, on a fresh hub each time,"
             % ("".join(" " + word for word in words), options.subscribers, options.rate),
             "in turn beside nobody and beside %d hostile clients of a kind; %d rounds of %g s after %g s. The words are"
             % (options.crowd, options.rounds, options.duration, options.warmup),
             "`hubload compare`'s: A is beside nobody, B beside the crowd. Every delivery was counted and checked.", "",
             "%s, %d CPUs, Linux %s; hub on CPU %s, hubload and, when it leaves time, the crowd on CPU %s." % (
                 rivals.cpu_model(), os.cpu_count(), os.uname().release,
                 ",".join(map(str, bench.server_cpus)) or "any", ",".join(map(str, bench.client_cpus)) or "any")]
    for kind, text in outcomes.items():
        lines += ["", "## %s: %s" % (kind, KINDS[kind]), "", "```", text.strip(), "```"]
    with open(os.path.join(options.out, "hostile.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def options_read(words):
    parser = argparse.ArgumentParser(prog="./dev hostile", description="Measures healthy clients beside hostile ones.")
    parser.add_argument("--kinds", default=",".join(KINDS), help="of " + ", ".join(KINDS))
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--duration", type=float, default=2, help="measured seconds of a run")
    parser.add_argument("--warmup", type=float, default=0.5)
    parser.add_argument("--crowd", type=int, default=1000, help="hostile clients at once")
    parser.add_argument("--subscribers", type=int, default=100)
    parser.add_argument("--rate", type=float, default=300, help="messages a second")
    parser.add_argument("--server-cpus", type=rivals.cpu_list)
    parser.add_argument("--client-cpus", type=rivals.cpu_list)
    parser.add_argument("--out", default="results/%s-%s" % (rivals.machine_name(), datetime.date.today().isoformat()))
    parser.add_argument("--build", default="build/release")
    options = parser.parse_args(words)
    unknown = set(options.kinds.split(",")) - set(KINDS)
    if unknown:
        sys.exit("hostile: no kind " + ", ".join(sorted(unknown)))
    return options


def main(words):
    options = options_read(words)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    bench = Bench(options)
    page(bench, words, {kind: bench.kind(kind) for kind in options.kinds.split(",")})
    rivals.say("results are in " + options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
