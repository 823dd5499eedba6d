"""targets.py - is the hub as fast and as small as it set out to be? Every target of the design, measured.

    for each target: for each round: for each work: for each server: start it, run hubload, end it

Behind ./dev targets; --help lists the options. targets_work.py says what is measured.
"""
import argparse
import datetime
import json
import os
import resource
import signal
import sys

import rivals
import rivals_tables
import targets_work


class Suite(rivals.Suite):
    """Servers by name, works of several kinds."""

    def __init__(self, options):
        super().__init__(options)
        self.kinds = {name: kind(options.build) for name, kind in targets_work.SERVERS.items()}
        self.measured = {}  # {work name: {server name: document}}

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

    def work(self, number, work):
        servers = [self.kinds[name] for name in work.servers if self.kinds[name].there()]
        turn = number % max(len(servers), 1)
        cpus = self.server_cpus
        for server in servers[turn:] + servers[:turn]:
            self.server_cpus = cpus + self.client_cpus if work.two_cpus else cpus
            try:
                document = self.run(work, server)
            finally:
                self.server_cpus = cpus
            self.remember(work, server, document)
            rivals.say("round %d of %d  %-18s %-14s %s" % (number + 1, self.options.rounds, work.name, server.name,
                                                          rivals.outcome(document)))

    def remember(self, work, server, document):
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


def verdict(claim, figures):
    """What was found, and the word."""
    try:
        figure = claim.figure(figures)
    except (LookupError, KeyError, TypeError, ZeroDivisionError) as error:
        return "-", "no figure: %s" % error
    reached = figure >= claim.limit if claim.at_least else figure <= claim.limit
    return claim.unit(figure), "reached" if reached else "NOT reached"


def table(target, figures):
    rows = [["", "measured", "to reach", ""]]
    for claim in target.claims:
        found, word = verdict(claim, figures)
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
                  rivals_tables.markdown_table(table(target, figures))]
        for work in target.works:
            results = suite.measured.get(work.name, {})
            if results:
                lines += ["", "`hubload %s %s`" % (work.kind, " ".join(work.words)), "",
                          rivals_tables.markdown_table(rivals_tables.full_rows(results))]
    with open(os.path.join(suite.options.out, "targets.md"), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def options_read(words):
    options = rivals.options_read([])
    parser = argparse.ArgumentParser(prog="./dev targets", description="Measures the design's targets.")
    parser.add_argument("--rows", help="numbers, for instance 1,2; default: all")
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
    suite = Suite(options)
    done = set()
    for target in targets:
        works = [work for work in target.works if work.name not in done]
        for number in range(options.rounds):
            for work in works:
                suite.work(number, work)
        done |= {work.name for work in works}
        print(rivals_tables.text_table(table(target, targets_work.Figures(suite.measured))), flush=True)
        page(suite, targets)
    rivals.say("results are in " + options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
