"""rivals.py - every server that is here under the same load, in interleaved rounds.

    for each round: for each scenario: for each server: start it, run hubload, end it

Behind ./dev rivals; --help lists the options. Results are hubload's own JSON, one file a server and
scenario, with a run of each round in it, so that `hubload compare` takes them.
"""

import argparse
import datetime
import glob
import json
import os
import re
import resource
import shlex
import signal
import subprocess
import sys
import time

import rivals_servers
import rivals_tables

DESCRIPTORS_SPARE = 200
HUBLOAD_PATIENCE_S = 120
RUN_OVERHEAD_S = 1.5  # start, connect, drain, end; for the estimate
SLOW_RUN_S = 12       # whoever needs longer for a run is measured twice, not in every round
SLOW_ROUNDS = 2


class Scenario:
    """What hubload is asked for. window is in messages; rate 0 is a closed loop."""

    def __init__(self, name, title, subscribers, window=0, rate=0):
        self.name = name
        self.title = title
        self.subscribers = subscribers
        self.window = window
        self.rate = rate

    def arguments(self):
        speed = ["--rate", str(self.rate)] if self.rate else ["--window-messages", str(self.window)]
        return ["--subscribers", str(self.subscribers), "--publishers", "1", "--size", "128"] + speed


# A window is what a server may be behind, some 600,000 deliveries at most: the slowest has to work it off
# after every run.
SCENARIOS = [
    Scenario("fan-100", "1:100", 100, window=2048),
    Scenario("fan-1000", "1:1,000", 1000, window=512),
    Scenario("fan-10000", "1:10,000", 10000, window=64),
    Scenario("paced-1000", "150 messages/s to 1,000", 1000, rate=150),
]
SMOKE = [Scenario("fan-10", "1:10", 10, window=256), Scenario("paced-10", "50 messages/s to 10", 10, rate=50)]


def say(*words):
    print(*words, file=sys.stderr, flush=True)


# ---- the machine ----

def first_line(path, default=""):
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return default


def cpu_model():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return " ".join(line.split(":", 1)[1].split())
    except OSError:
        pass
    return os.uname().machine


def machine_name():
    model = re.sub(r"\((R|TM)\)|CPU|Processor|@.*", "", cpu_model(), flags=re.IGNORECASE)
    slug = re.sub(r"[^a-z0-9]+", "-", model.lower()).strip("-")
    return "%s-%dcpu" % (slug, os.cpu_count())


def siblings(cpu):
    """The CPUs that share cpu's core."""
    text = first_line("/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list" % cpu, str(cpu))
    return cpu_list(text)


def cpu_list(text):
    cpus = []
    for part in text.split(","):
        first, _, last = part.partition("-")
        cpus += range(int(first), int(last or first) + 1)
    return cpus


def cpus_choose(options):
    """CPUs of the server, CPUs of hubload; both empty where there are too few to part them."""
    allowed = sorted(os.sched_getaffinity(0))
    if options.server_cpus and options.client_cpus:
        return options.server_cpus, options.client_cpus
    if len(allowed) < 2:
        return [], []
    server = options.server_cpus or allowed[:1]
    taken = {cpu for mine in server for cpu in siblings(mine)}
    rest = [cpu for cpu in allowed if cpu not in taken] or [cpu for cpu in allowed if cpu not in server]
    return server, options.client_cpus or rest[:max(len(server), 1) * 2]


# ---- one run ----

class Suite:
    def __init__(self, options):
        self.options = options
        self.hubload = os.path.join(options.build, "hubload")
        self.scratch = os.path.join(options.build, "rivals")
        os.makedirs(self.scratch, exist_ok=True)
        os.makedirs(options.out, exist_ok=True)
        self.server_cpus, self.client_cpus = cpus_choose(options)
        self.scenarios = SMOKE if options.smoke else scenarios_choose(options)
        self.servers = servers_choose(options)
        self.results = {scenario.title: {} for scenario in self.scenarios}
        self.slow = set()  # (scenario, server) names
        self.round_begin = 0

    def hubload_command(self, scenario, running, json_path):
        pins = ["--pin-cpus", ",".join(map(str, self.client_cpus)), "--threads",
                str(min(len(self.client_cpus), scenario.subscribers))] if self.client_cpus else []
        return ([self.hubload, "fanout", "--url", running.url, "--label", running.server.name] +
                (["--server-version", running.server.version] if running.server.version else []) +
                scenario.arguments() + pins +
                ["--warmup", str(self.options.warmup), "--duration", str(self.options.duration),
                 "--drain", "10", "--server-pid", str(running.process.pid), "--json", json_path])

    def run(self, scenario, server):
        """One document of hubload, with one run, or with a failure and none."""
        json_path = os.path.join(self.scratch, "last.json")
        if os.path.exists(json_path):
            os.unlink(json_path)
        try:
            with rivals_servers.Running(server, scenario.subscribers + DESCRIPTORS_SPARE, self.server_cpus,
                                        self.scratch) as running:
                command = self.hubload_command(scenario, running, json_path)
                pinned = ["taskset", "-c", ",".join(map(str, self.client_cpus))] if self.client_cpus else []
                done = subprocess.run(pinned + command, stdin=subprocess.DEVNULL, text=True, check=False,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                      timeout=HUBLOAD_PATIENCE_S)
            if not os.path.exists(json_path):
                raise RuntimeError("hubload: " + done.stdout.strip()[-300:])
            with open(json_path, encoding="utf-8") as file:
                return json.load(file)
        except (OSError, RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
            return {"failure": " ".join(str(error).split())[:400], "runs": []}

    def keep(self, scenario, server, document):
        """Adds a round to what is known, and writes it: a suite that is stopped has its rounds."""
        known = self.results[scenario.title].get(server.name)
        if known is None or "format" not in known:
            runs = known["runs"] if known else []
            failure = known.get("failure") if known else None
            known = dict(document, runs=runs + document["runs"], failure=failure or document.get("failure"))
        else:
            known["runs"] += document["runs"]
            known["failure"] = known.get("failure") or document.get("failure")
        self.results[scenario.title][server.name] = known
        if "format" not in known:
            return  # hubload never got so far; nothing to keep but the failure, which the table says
        path = os.path.join(self.options.out, "%s.%s.json" % (scenario.name, server.name))
        with open(path, "w", encoding="utf-8") as file:
            json.dump(known, file, indent=1)
            file.write("\n")

    def rounds(self):
        begin = time.monotonic()
        for number in range(self.options.rounds):
            # Another one is taken to last as long as the one before it.
            last = time.monotonic() if number == 0 else self.round_begin
            self.round_begin = time.monotonic()
            if number >= SLOW_ROUNDS and 2 * self.round_begin - last - begin > self.options.minutes * 60:
                say("\n%d rounds instead of %d: another would pass --minutes %g"
                    % (number, self.options.rounds, self.options.minutes))
                self.options.rounds = number
                return
            for scenario in self.scenarios:
                # Whoever is first meets a different machine than whoever is last, so all take turns.
                turn = number % len(self.servers)
                for server in self.servers[turn:] + self.servers[:turn]:
                    self.one(number, scenario, server)

    def one(self, number, scenario, server):
        pair = (scenario.name, server.name)
        if pair in self.slow and number >= SLOW_ROUNDS:
            return
        begin = time.monotonic()
        document = self.run(scenario, server)
        if time.monotonic() - begin > SLOW_RUN_S:
            self.slow.add(pair)
        self.keep(scenario, server, document)
        say("round %d of %d  %-12s %-14s %s" % (number + 1, self.options.rounds, scenario.name, server.name,
                                               outcome(document)))

    def in_order(self):
        """The results with servers in the order of the tables, whoever began."""
        return {title: {server.name: results[server.name] for server in self.servers if server.name in results}
                for title, results in self.results.items()}


def outcome(document):
    failure = rivals_tables.failure_of(document)
    if failure:
        return failure
    run = document["runs"][0]
    words = ["%10s/s" % rivals_tables.count_text(run["deliveries_per_s"]),
             "p99 " + rivals_tables.time_text(run["latency"]["p99_ns"])]
    return "  ".join(words + ([run["verdict"]] if run["verdict"] != "valid" else []))


# ---- what is asked for, what is there ----

def scenarios_choose(options):
    wanted = options.scenarios.split(",") if options.scenarios else [scenario.name for scenario in SCENARIOS]
    unknown = set(wanted) - {scenario.name for scenario in SCENARIOS}
    if unknown:
        sys.exit("rivals: no scenario " + ", ".join(sorted(unknown)))
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    chosen = []
    for scenario in SCENARIOS:
        if scenario.name not in wanted:
            continue
        if limit != resource.RLIM_INFINITY and limit < scenario.subscribers + DESCRIPTORS_SPARE:
            say("%s is left out: the hard limit of open files is %d" % (scenario.name, limit))
            continue
        chosen.append(scenario)
    return chosen


def servers_choose(options):
    every = [kind(options.build) for kind in rivals_servers.ALL]
    wanted = options.servers.split(",") if options.servers else [server.name for server in every]
    unknown = set(wanted) - {server.name for server in every}
    if unknown:
        sys.exit("rivals: no server " + ", ".join(sorted(unknown)))
    there = []
    for server in every:
        if server.name in wanted and server.there():
            there.append(server)
        elif server.name in wanted:
            say("%s is left out: there is no %s" % (server.name, server.program))
    if not there:
        sys.exit("rivals: none of the servers is here")
    return there


# ---- what comes out ----

def environment_text(suite):
    pinned = "not pinned"
    if suite.server_cpus:
        pinned = "server on CPU %s, hubload on CPU %s" % (
            ",".join(map(str, suite.server_cpus)), ",".join(map(str, suite.client_cpus)))
    return "%s, %d CPUs, Linux %s; %s; %d rounds of %g s after %g s of warm-up, 128-byte payloads over loopback" % (
        cpu_model(), os.cpu_count(), os.uname().release, pinned, suite.options.rounds,
        suite.options.duration, suite.options.warmup)


def command_text(options):
    return "./dev rivals " + " ".join(shlex.quote(word) for word in options.words) if options.words else "./dev rivals"


def summary(suite):
    results = suite.in_order()
    lines = []
    for title, rows in results.items():
        lines += ["", title, rivals_tables.text_table(rivals_tables.full_rows(rows))]
    noise = rivals_tables.noise(results)
    if noise:
        lines += ["", "The same program measured twice (ceiling-send, ceiling-again) differs by"]
        lines += ["  " + line for line in noise]
    lines += ["", *rivals_tables.marks_used(results)]
    return "\n".join(lines)


def folder_page(suite):
    results = suite.in_order()
    lines = ["# Servers side by side, %s" % datetime.date.today().isoformat(), "",
             "Made by `%s`: every server under the same load in turn, round after round; each JSON file here is"
             % command_text(suite.options),
             "one server in one scenario, with a run of each round, versions and command lines. A cell is the median"
             " (least - most). Whoever needs more than %d s for a run, working off the window included, is measured in"
             " %d rounds only, and the table says so." % (SLOW_RUN_S, SLOW_ROUNDS), "", environment_text(suite) + "."]
    for scenario in suite.scenarios:
        rows = results[scenario.title]
        kind = ("open loop, latency from the moment a message was due" if scenario.rate else
                "closed loop, %d messages ahead of the slowest; latency is then how long that window takes"
                % scenario.window)
        lines += ["", "## %s" % scenario.title, "", "`%s.*.json`: %s." % (scenario.name, kind), "",
                  rivals_tables.markdown_table(rivals_tables.full_rows(rows))]
    noise = rivals_tables.noise(results)
    if noise:
        lines += ["", "## The noise floor", "", "The same program measured twice differs by", ""]
        lines += ["- " + line for line in noise]
    marks = rivals_tables.marks_used(results)
    lines += ["", *["\\" + mark for mark in marks]] if marks else []
    lines += ["", "## Settings", "",
              "All listen on loopback once, without TLS and authentication, and store nothing.", ""]
    lines += ["- %s%s: %s" % (server.name, " " + server.version if server.version else "", server.settings)
              for server in suite.servers]
    return "\n".join(lines) + "\n"


def front_page(suite):
    folder = suite.options.out.rstrip("/")
    versions = ", ".join("%s %s" % (server.name, server.version) for server in suite.servers if server.version)
    parts = [rivals_tables.short_tables(suite.in_order())]
    parts += ["\\" + mark for mark in rivals_tables.marks_used(suite.in_order())]
    parts.append("%s. %s. `ceiling` is no hub: it copies one stream to everybody, which shows what the kernel "
                 "allows; `ceiling-again` is the same program once more, which shows the noise. "
                 "All figures, settings and the spread: [%s](%s/README.md), made by `%s`."
                 % (environment_text(suite), versions, folder, folder, command_text(suite.options)))
    return "\n\n".join(parts)


def write_pages(suite):
    with open(os.path.join(suite.options.out, "README.md"), "w", encoding="utf-8") as file:
        file.write(folder_page(suite))
    results = sorted(glob.glob(os.path.join(suite.options.out, "*.json")))
    subprocess.run([suite.hubload, "report", "--title", "Publish/subscribe servers under the same load",
                    "-o", os.path.join(suite.options.out, "report.html")] + results, check=True)
    if suite.options.readme:
        with open("README.md", encoding="utf-8") as file:
            page = file.read()
        with open("README.md", "w", encoding="utf-8") as file:
            file.write(rivals_tables.replace_figures(page, front_page(suite)))


def options_read(words):
    parser = argparse.ArgumentParser(prog="./dev rivals", description="Measures every server that is here under the "
                                     "same load, in interleaved rounds.")
    parser.add_argument("--rounds", type=int, help="default 5")
    parser.add_argument("--duration", type=float, help="measured seconds of a run; default 1.5")
    parser.add_argument("--minutes", type=float, default=9, help="no round begins that would pass this; default 9")
    parser.add_argument("--warmup", type=float, help="seconds before that; default 0.5")
    parser.add_argument("--scenarios", help="of " + ", ".join(scenario.name for scenario in SCENARIOS))
    parser.add_argument("--servers", help="of " + ", ".join(kind.name for kind in rivals_servers.ALL))
    parser.add_argument("--server-cpus", type=cpu_list, help="for instance 0 or 0-3; default: the first")
    parser.add_argument("--client-cpus", type=cpu_list, help="default: two for each of the server's, of other cores")
    parser.add_argument("--quick", action="store_true", help="2 rounds of 0.5 s; a look, not a measurement")
    parser.add_argument("--smoke", action="store_true", help="2 rounds of 0.2 s with 10 subscribers; a test of this")
    parser.add_argument("--readme", action="store_true", help="put the tables into README.md")
    parser.add_argument("--out", help="default results/MACHINE-DATE; results/local/rivals for --quick and --smoke")
    parser.add_argument("--build", default="build/release", help="where hubload, ringhub and ceiling are")
    options = parser.parse_args(words)
    options.words = words
    short = options.quick or options.smoke
    options.rounds = options.rounds or (2 if short else 5)
    options.duration = options.duration or (0.2 if options.smoke else 0.5 if options.quick else 1.5)
    options.warmup = options.warmup if options.warmup is not None else (0.1 if options.smoke else
                                                                        0.2 if options.quick else 0.5)
    options.out = options.out or os.path.join(
        "results", "local/rivals" if short else
        "%s-%s" % (machine_name(), datetime.date.today().isoformat()))
    return options


def ended(number, frame):
    del frame
    raise SystemExit(128 + number)


def main(words):
    options = options_read(words)
    signal.signal(signal.SIGTERM, ended)  # so that servers are ended
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    suite = Suite(options)
    runs = options.rounds * len(suite.scenarios) * len(suite.servers)
    seconds = runs * (options.duration + options.warmup + RUN_OVERHEAD_S)
    say("%s\n%d runs, about %d min\n" % (environment_text(suite), runs, seconds // 60 + 1))
    interrupted = False
    try:
        suite.rounds()
    except KeyboardInterrupt:
        interrupted = True
        say("\ninterrupted; what follows is of the rounds so far, and no page is written")
    print(summary(suite))
    if not interrupted:
        write_pages(suite)
        say("results are in " + options.out)
    failed = any(rivals_tables.failure_of(result) for rows in suite.results.values() for result in rows.values())
    return 130 if interrupted else 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
