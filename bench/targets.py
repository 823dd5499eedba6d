"""targets.py - is the hub as fast and as small as it set out to be? Every target of the design, measured.

    for each target: for each round: for each work: for each server: start it, run hubload, end it

Behind ./dev targets; --help lists the options. targets_work.py says what is measured.
"""
import argparse
import collections
import datetime
import json
import os
import resource
import signal
import subprocess
import sys
import threading
import urllib.request

import rivals
import rivals_tables
import targets_work

# A run at a rate whose generator was late is made again this often at most, and counted.
TRIES = 4
# Looks for the rate at which the ceiling program is as busy as asked: what a message costs depends on it.
CALIBRATIONS = 2


class Watch:
    """Asks a hub who is on which worker, until no more connections come: then it may work undisturbed."""

    def __init__(self, server):
        self.server = server
        self.workers = []  # of each worker: {client's name: connections}
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *unused):
        self.done.set()
        self.thread.join()

    def look(self):
        while not self.done.wait(0.3):
            try:
                url = "http://127.0.0.1:%d/connz?limit=65536" % self.server.http_port
                with urllib.request.urlopen(url, timeout=5) as answer:
                    rows = json.load(answer)["connections"]
            except (AttributeError, OSError, ValueError):
                continue  # not up yet, or gone
            workers = [collections.Counter(), collections.Counter()]
            for row in rows:
                workers[row["worker"]][row.get("name", "")] += 1
            self.workers, before = workers, self.workers
            if workers == before and any(workers):
                return

    def complaint(self):
        """None: nobody but idle connections and churners is where churners are."""
        mine, others = (set(worker) - {"hubload-idle"} for worker in self.workers or ({}, {}))
        if not mine or mine & {"hubload-churner"} or others - {"hubload-churner"}:
            return "not apart: " + json.dumps(self.workers)
        return None


class Suite(rivals.Suite):
    """Servers by name, works of several kinds."""

    def __init__(self, options):
        super().__init__(options)
        self.kinds = {name: kind(options.build) for name, kind in targets_work.SERVERS.items()}
        self.measured = {}  # {work name: {server name: document}}
        self.rounds = {}    # {(work name, server name): paths of one document a round}
        self.again = {}     # {work name: runs made again}

    def hubload_command(self, scenario, running, json_path):
        command = super().hubload_command(scenario, running, json_path)
        command[1] = scenario.kind
        if scenario.seconds:
            command[command.index("--duration") + 1] = str(scenario.seconds * self.options.duration)
        if scenario.kind in ("idle", "storm"):
            at = command.index("--warmup")
            del command[at:at + 4]  # they have their own
        for word in ("--warmup", "--threads"):  # what the work says itself comes first
            if word in scenario.words and command.count(word) > 1:
                at = len(command) - 1 - command[::-1].index(word)
                del command[at:at + 2]
        return command

    def run(self, scenario, server):
        if not scenario.apart:
            return super().run(scenario, server)
        with Watch(server) as watch:
            document = super().run(scenario, server)
        document["workers"] = watch.workers
        if watch.complaint():
            document["failure"] = document.get("failure") or watch.complaint()
        return document

    def calibrate(self, work):
        """Sets the rate at which the ceiling program is as busy as the work wants it."""
        ceiling = self.kinds[targets_work.CEILINGS[-1]]
        for _ in range(CALIBRATIONS):
            document = self.run(work, ceiling)
            if document.get("runs"):
                rate = work.rate()
                work.set_rate(rate * work.busy / document["runs"][0]["server"]["cores"])
                rivals.say("%s: the ceiling is %.0f %% busy with %g messages/s, so %g" % (
                    work.name, 100 * document["runs"][0]["server"]["cores"], rate, work.rate()))

    def work(self, number, work):
        if work.busy and number == 0:
            self.calibrate(work)
        servers = [self.kinds[name] for name in work.servers if self.kinds[name].there()]
        turn = number % max(len(servers), 1)
        cpus = self.server_cpus
        for server in servers[turn:] + servers[:turn]:
            self.server_cpus = cpus + self.client_cpus if work.two_cpus else cpus
            try:
                document = self.run_valid(work, server)
            finally:
                self.server_cpus = cpus
            self.remember(work, server, document)
            rivals.say("round %d of %d  %-18s %-14s %s" % (number + 1, self.options.rounds, work.name, server.name,
                                                          rivals.outcome(document)))

    def run_valid(self, work, server):
        document = self.run(work, server)
        for _ in range(TRIES if work.must_be_valid else 0):
            if all(run["verdict"] == "valid" for run in document.get("runs", [])):
                break
            self.again[work.name] = self.again.get(work.name, 0) + 1
            document = self.run(work, server)
        return document

    def compared(self, claim):
        """hubload compare's word for a NotWorse claim."""
        figures = targets_work.Figures(self.measured)
        sides = [self.rounds[claim.work, server] for server in (claim.best(figures), targets_work.HUB)]
        done = subprocess.run([self.hubload, "compare", "--metrics", claim.metric, *sides[0], "vs", *sides[1]],
                              stdin=subprocess.DEVNULL, text=True, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        return word_of(done.stdout)

    def remember(self, work, server, document):
        paths = self.rounds.setdefault((work.name, server.name), [])
        paths.append(os.path.join(self.scratch, "round.%s.%s.%d.json" % (work.name, server.name, len(paths))))
        with open(paths[-1], "w", encoding="utf-8") as file:
            json.dump(document, file)
        known = self.measured.setdefault(work.name, {}).get(server.name)
        if known is not None and "format" in known:
            document = dict(known, runs=known["runs"] + document["runs"],
                            failure=known.get("failure") or document.get("failure"))
        self.measured[work.name][server.name] = document
        if "format" in document:
            path = os.path.join(self.options.out, "target.%s.%s.json" % (work.name, server.name))
            with open(path, "w", encoding="utf-8") as file:
                json.dump(document, file, indent=1)
                file.write("\n")


def word_of(text):
    """The word that hubload compare says of the one metric it was asked for."""
    for line in text.splitlines():
        for word in ("faster", "slower", "same"):
            if line.startswith("  ") and line.rstrip().endswith("  " + word):
                return word
    return "not told apart"


def verdict(claim, figures, compared=None):
    """What was found, and the word. compared: says hubload compare's word of a NotWorse claim."""
    try:
        figure = claim.figure(figures)
    except (LookupError, KeyError, TypeError, ZeroDivisionError) as error:
        return "-", "no figure: %s" % error
    if compared and isinstance(claim, targets_work.NotWorse):
        word = compared(claim)
        return claim.unit(figure), "NOT reached: slower" if word == "slower" else "reached: %s" % word
    reached = figure >= claim.limit if claim.at_least else figure <= claim.limit
    return claim.unit(figure), "reached" if reached else "NOT reached"


def only_works(targets, names):
    """The targets that have works of these names, with no others."""
    known = [work.name for target in targets for work in target.works]
    for name in names:
        if name not in known:
            sys.exit("targets: --works %s: these rows have %s" % (name, ", ".join(sorted(set(known)))))
    for target in targets:
        target.works = [work for work in target.works if work.name in names]
        target.is_part = True
    return [target for target in targets if target.works]


def table(target, figures, compared=None):
    rows = [["", "measured", "to reach", ""]]
    for claim in target.claims:
        found, word = verdict(claim, figures, compared)
        if target.is_part and found == "-":
            continue
        rows.append([claim.text, found, "%s %s" % ("at least" if claim.at_least else "at most",
                                                   claim.unit(claim.limit)), word])
    return rows


def page(suite, targets):
    figures = targets_work.Figures(suite.measured)
    lines = ["# The design's targets, %s" % datetime.date.today().isoformat(), "",
             "Made by `./dev targets%s`. Medians of the rounds; `target.*.json` holds every run. A figure beside"
             " which hubload was the limit is a lower bound, marked in the tables with *."
             % "".join(" " + word for word in suite.options.words), "", rivals.environment_text(suite) + "."]
    for target in targets:
        lines += ["", "## Row %d: %s" % (target.row, target.title), "",
                  rivals_tables.markdown_table(table(target, figures, suite.compared))]
        for work in target.works:
            results = suite.measured.get(work.name, {})
            if work.name in suite.again:
                lines += ["", "%d runs were made again because hubload was late." % suite.again[work.name]]
            if results:
                lines += ["", "`hubload %s %s`" % (work.kind, " ".join(work.words)), "",
                          rivals_tables.markdown_table(rivals_tables.full_rows(results))]
    with open(os.path.join(suite.options.out, "targets.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def options_read(words):
    options = rivals.options_read([])
    parser = argparse.ArgumentParser(prog="./dev targets", description="Measures the design's targets.")
    parser.add_argument("--rows", help="numbers, for instance 1,2; default: all")
    parser.add_argument("--works", help="of these rows, for instance paced-1000,size-1024; default: all. Claims that"
                        " need others are left out")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duration", type=float, default=1.0, help="measured seconds of a run")
    parser.add_argument("--warmup", type=float, default=0.4)
    parser.add_argument("--out", default=options.out)
    parser.add_argument("--build", default="build/release")
    parser.parse_args(words, namespace=options)
    options.words = words
    return options


def main(words):
    options = options_read(words)
    signal.signal(signal.SIGTERM, rivals.ended)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    targets = [make() for make in targets_work.ALL]
    if options.rows:
        targets = [target for target in targets if str(target.row) in options.rows.split(",")]
    if options.works:
        targets = only_works(targets, options.works.split(","))
    suite = Suite(options)
    done = set()
    for target in targets:
        works = [work for work in target.works if work.name not in done]
        for number in range(options.rounds):
            for work in works:
                suite.work(number, work)
        done |= {work.name for work in works}
        print(rivals_tables.text_table(table(target, targets_work.Figures(suite.measured), suite.compared)), flush=True)
        page(suite, targets)
    rivals.say("results are in " + options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
