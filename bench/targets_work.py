"""targets_work.py - what is measured for the design's targets: work, servers, and what to compare.

A Work is what hubload is asked for. A Target is a row: its works, who takes part, and its claims, each a
figure of ringhub's beside a limit made of the others' figures.
"""
import statistics

import rivals_servers
import rivals_tables

CEILINGS = ("ceiling-send", "ceiling-uring")
RIVALS = ("nats-server", "redis")
HUB = "ringhub"
HUB_TWO = "ringhub-2"      # two workers on two CPUs, which hubload then shares
HUB_SEEN = "ringhub-2-seen"  # the same, and who is on which worker can be asked for
HUB_PATIENT = "ringhub-patient"
# Six threads, each with a table of sockets: RLIMIT_NOFILE, 20,000 on most machines, bounds each of them.
HUB_CROWD = "ringhub-crowd"
CEILINGS_CROWD = ("ceiling-send-crowd", "ceiling-uring-crowd")
# NATS servers send each client its first PING 2.0 to 2.4 s after CONNECT. At a low rate of messages
# those PINGs, and their answers, would be a good part of what is measured.
AFTER_PINGS = " --warmup 2.6"
# 100 subjects in turn, heard as a.> and as a.*.c.
PATTERNS = " --subject a --subject-end c --subjects 100 --wildcards %d --patterns both"


class Work:
    """name is of files; words are hubload's. servers: who takes part. apart: on which worker whom the
    server has is looked at, and is part of the result. busy: the share of its time that the ceiling
    program is to work; the rate among the words is where to start looking for that."""

    def __init__(self, name, words, servers=(HUB,), kind="fanout", connections=1000, seconds=None, two_cpus=False,
                 apart=False, busy=None):
        self.name = name
        self.title = name
        self.words = words.split()
        self.servers = servers
        self.kind = kind
        self.subscribers = connections
        self.seconds = seconds
        self.two_cpus = two_cpus
        # Latency at a rate is the server's only where hubload was in time.
        self.must_be_valid = "--rate" in self.words and "--stalled" not in self.words and connections <= 1000
        self.apart = apart
        self.busy = busy

    def rate(self):
        return float(self.words[self.words.index("--rate") + 1])

    def set_rate(self, rate):
        """In messages a second, of which two digits count."""
        self.words[self.words.index("--rate") + 1] = "%.2g" % rate if rate < 100 else "%d" % round(rate, -1)

    def arguments(self):
        """Of hubload, but for what it is told of the machine."""
        return self.words


class Claim:
    """One sentence with a figure and its limit."""

    def __init__(self, text, figure, limit, at_least=True, unit=rivals_tables.plain):
        self.text = text
        self.figure = figure    # function of Figures
        self.limit = limit      # number
        self.at_least = at_least
        self.unit = unit


class NotWorse(Claim):
    """In a work's metric the hub is not slower than the best of others: the word is hubload compare's.

    column: the same metric among a result's columns. Compare needs five rounds to say "slower" at all.
    """

    def __init__(self, work, metric, column, others):
        super().__init__("%s: %s not worse than %s" % (work, metric, " or ".join(others)),
                         lambda f: f.slower(work, column, others), 1.0, False)
        self.work = work
        self.metric = metric
        self.column = column
        self.others = others

    def best(self, figures):
        """The best other's name."""
        found = []
        for server in self.others:
            try:
                found.append((figures.median(self.work, server, self.column), server))
            except LookupError:
                pass
        return min(found)[1]


class Target:
    def __init__(self, row, title, works, claims):
        self.row = row
        self.title = title
        self.works = works
        self.claims = claims
        self.is_part = False  # some of its works are left out


class Figures:
    """Medians of what was measured; a figure that is not there raises LookupError."""

    def __init__(self, results):
        self.results = results  # {work name: {server name: document}}

    def median(self, work, server, column):
        result = self.results[work][server]
        if rivals_tables.failure_of(result):
            raise LookupError("%s of %s: %s" % (work, server, rivals_tables.failure_of(result)))
        values = rivals_tables.figures(result, column)
        if not values:
            raise LookupError("%s of %s: not measured" % (work, server))
        return statistics.median(values)

    def deliveries(self, work, server=HUB):
        return self.median(work, server, rivals_tables.DELIVERIES)

    def cpu(self, work, server=HUB):
        return self.median(work, server, rivals_tables.CPU)

    def p99(self, work, server=HUB):
        return self.median(work, server, rivals_tables.P99)

    def best(self, work, servers, figure, least=False):
        """The best of those that have the figure."""
        found = []
        for server in servers:
            try:
                found.append(figure(work, server))
            except LookupError:
                pass
        if not found:
            raise LookupError("%s: none of %s has a figure" % (work, ", ".join(servers)))
        return min(found) if least else max(found)

    def by_round(self, work, server, others, column):
        """What the server has of the best other in the same round; the median of rounds. Each in its own round,
        because a machine that is slower for a while is slower for all."""
        sides = []
        for name in (server,) + tuple(others):
            self.median(work, name, column)  # or says why there is none
            sides.append(rivals_tables.figures(self.results[work][name], column))
        return statistics.median(row[0] / max(row[1:]) for row in zip(*sides))

    # ---- ratios; the ceiling is the better of its modes in what is compared

    def of_ceiling(self, work, server=HUB):
        return self.deliveries(work, server) / self.best(work, CEILINGS, self.deliveries)

    def cpu_of_ceiling(self, work, server=HUB):
        return self.cpu(work, server) / self.best(work, CEILINGS, self.cpu, least=True)

    def of_rivals(self, work, rivals=RIVALS):
        return self.deliveries(work) / self.best(work, rivals, self.deliveries)

    def slower(self, work, column, others=RIVALS):
        """How many times the best other's; below 1 is better."""
        figure = lambda work, server: self.median(work, server, column)
        return figure(work, HUB) / self.best(work, others, figure, least=True)

    def grown(self, work, server=HUB):
        """Peak memory of a run over that of the connections alone."""
        result = self.results[work][server]
        peaks = [run["server"]["rss_peak_bytes"] for run in result["runs"]]
        return statistics.median(peaks) - result["server"]["rss_connected_bytes"]


def everyone(name, words, connections, **more):
    return Work(name, words, CEILINGS + (HUB,) + RIVALS, connections=connections, **more)


def fan_out():
    works = [everyone("fan-100", "--subscribers 100 --window-messages 2048", 100),
             everyone("fan-1000", "--subscribers 1000 --window-messages 512", 1000),
             # Redis is fastest with a window of 64 messages, the hub and the ceiling with 256 and more.
             everyone("fan-10000", "--subscribers 10000 --window-messages 64", 10000),
             everyone("fan-10000-256", "--subscribers 10000 --window-messages 256", 10000),
             everyone("fan-10000-512", "--subscribers 10000 --window-messages 512", 10000)]
    claims = []
    windows = ("fan-10000", "fan-10000-256", "fan-10000-512")
    for name, times in (("fan-100", 3), ("fan-1000", 6)) + tuple((name, 12) for name in windows):
        claims += [
            Claim("%s: deliveries/s of the ceiling's" % name, lambda f, n=name: f.of_ceiling(n), 0.8),
            Claim("%s: CPU a delivery of the ceiling's" % name, lambda f, n=name: f.cpu_of_ceiling(n), 1.25, False),
            Claim("%s: deliveries/s, times the better rival's" % name, lambda f, n=name: f.of_rivals(n), times)]
    claims.append(Claim("10,000, each at the best of three windows: deliveries/s, times the better rival's", lambda f:
                        max(f.deliveries(name) for name in windows) /
                        max(f.best(name, RIVALS, f.deliveries) for name in windows), 12))
    return Target(1, "one subject, as fast as no loss allows", works, claims)


def paced():
    works = [everyone("paced-100", "--subscribers 100 --rate 1000" + AFTER_PINGS, 100, busy=0.3),
             everyone("paced-1000", "--subscribers 1000 --rate 100" + AFTER_PINGS, 1000, busy=0.3),
             everyone("paced-10000", "--subscribers 10000 --rate 10" + AFTER_PINGS, 10000, busy=0.3, seconds=2)]
    claims = []
    for work in works:
        name = work.name
        claims += [
            Claim("%s: CPU a delivery of the ceiling's" % name, lambda f, n=name: f.cpu_of_ceiling(n), 1.05, False),
            NotWorse(name, "latency-p50", rivals_tables.P50, RIVALS),
            NotWorse(name, "latency-p99", rivals_tables.P99, RIVALS),
            NotWorse(name, "completion-p99", rivals_tables.COMPLETION, RIVALS)]
    return Target(2, "open loop, one message a send", works, claims)


def distinct():
    stall = "--subscribers 1000 --stalled 999 --warmup 0 --rate %d --size %d"
    works = [Work("fan-1000", "--subscribers 1000 --window-messages 512"),
             Work("distinct-1000", "--subscribers 1000 --distinct-sids --window-messages 512")]
    claims = [Claim("deliveries/s of the shared case", lambda f: f.deliveries("distinct-1000") /
                    f.deliveries("fan-1000"), 0.5)]
    for size, rate in ((128, 40000), (16384, 1000)):
        shared, own = "stalled-shared-%d" % size, "stalled-distinct-%d" % size
        works += [Work(shared, stall % (rate, size), (HUB_PATIENT,)),
                  Work(own, stall % (rate, size) + " --distinct-sids", (HUB_PATIENT,))]
        claims.append(Claim("999 stalled, %d B: memory of the shared case" % size, lambda f, s=shared, o=own:
                            f.grown(o, HUB_PATIENT) / f.grown(s, HUB_PATIENT), 2.0, False))
    return Target(3, "a sid of its own each", works, claims)


def mixtures():
    both = (HUB, "nats-server")
    works = [Work("subjects-1000", "--subscribers 1000 --subjects 1000 --subjects-each 10 --publishers 4 "
                  "--window 1048576", both),
             Work("audiences-2", "--subscribers 1000 --wildcards 500 --window-messages 512", both),
             Work("wildcards-100", "--subscribers 1000 --window-messages 512" + PATTERNS % 1000, both)]
    claims = [Claim("%s: deliveries/s, times nats-server's" % work.name,
                    lambda f, n=work.name: f.of_rivals(n, ("nats-server",)), 5) for work in works]
    return Target(4, "several subscriptions each, interleaved audiences and subjects", works, claims)


def sizes():
    # A window holds a second's worth at most, so that working it off is no part of the run; and 128 KiB, which is
    # what receive buffers are at first, or two messages (docs/kernel.md, what a turn hands over).
    works = [Work("size-%d" % size, "--subscribers 1000 --size %d --window-messages %d" % (size, window),
                  CEILINGS + (HUB,), seconds=seconds)
             for size, window, seconds in ((16, 2048, None), (1024, 128, None), (16384, 8, 2), (262144, 2, 3))]
    return Target(5, "payload sizes to 1,000 subscribers", works, [
        Claim("%s: bytes/s of the ceiling's" % work.name, lambda f, n=work.name: f.of_ceiling(n), 0.8)
        for work in works])


def small_shapes():
    both = (HUB, "nats-server")
    # 256 a pair. Shared by all, as little as 2.6 a pair would be messages one by one, and hubload the limit.
    works = [Work("pairs-%d" % count, "--pairs %d --window-messages %d" % (count, 256 * count), both,
                  connections=2 * count)
             for count in (1, 10, 100)]
    works += [Work("request-50", "--requesters 50 --responders 4", both, kind="request", connections=100),
              Work("queue-100", "--subscribers 100 --queue-groups 1 --window-messages 2048", both, connections=100)]
    claims = []
    for work in works:
        claims += [Claim("%s: messages/s, times nats-server's" % work.name,
                         lambda f, n=work.name: f.of_rivals(n, ("nats-server",)), 1.5),
                   NotWorse(work.name, "latency-p99", rivals_tables.P99, ("nats-server",))]
    return Target(6, "pairs, requests, a queue group", works, claims)


def idle():
    def each(figures, name):
        server = figures.results[name][HUB]["server"]
        return (server["rss_connected_bytes"] - server["rss_empty_bytes"]) / 15000
    works = [Work("idle-one", "--subscribers 15000 --hold 3", kind="idle", connections=15000),
             Work("idle-distinct", "--subscribers 15000 --subjects 15000 --publishers 1 --hold 3", kind="idle",
                  connections=15000)]
    return Target(7, "memory of 15,000 idle connections", works, [
        Claim("bytes each, on one subject", lambda f: each(f, "idle-one"), 512, False),
        Claim("bytes each, on distinct subjects", lambda f: each(f, "idle-distinct"), 712, False)])


def crowd():
    works = [Work("crowd-19000", "--subscribers 19000 --rate 1" + AFTER_PINGS, CEILINGS + (HUB,), connections=19000,
                  seconds=4),
             Work("crowd-100000", "--subscribers 100000 --rate 1 --direct --threads 6" + AFTER_PINGS,
                  CEILINGS_CROWD + (HUB_CROWD,), connections=100000, seconds=4)]
    return Target(8, "100,000 connections, a message a second to all", works, [
        Claim("19,000: CPU a delivery of the ceiling's", lambda f: f.cpu_of_ceiling("crowd-19000"), 1.1, False),
        Claim("100,000: CPU a delivery of the ceiling's", lambda f: f.cpu("crowd-100000", HUB_CROWD) /
              f.best("crowd-100000", CEILINGS_CROWD, f.cpu, least=True), 1.1, False)])


def stalled():
    shapes = (("", "", "64"), ("-audiences-2", "--subjects 2 --subjects-each 2 ", "64"),
              ("-interleaved", PATTERNS % 10000 + " ", "64"))
    works, claims = [], []
    for tail, shape, window in shapes:
        healthy, some = "healthy-10000" + tail, "stalled-10000" + tail
        words = "--subscribers 10000 %s%s--window-messages " + window
        works += [Work(healthy, words % (shape, ""), (HUB_PATIENT,), connections=10000),
                  Work(some, words % (shape, "--stalled 100 "), (HUB_PATIENT,), connections=10000)]
        claims += [
            Claim("%s: deliveries/s of a run without them" % some, lambda f, h=healthy, s=some:
                  f.deliveries(s, HUB_PATIENT) / f.deliveries(h, HUB_PATIENT), 0.9),
            Claim("%s: p99 of a run without them" % some, lambda f, h=healthy, s=some:
                  f.p99(s, HUB_PATIENT) / f.p99(h, HUB_PATIENT), 1.1, False)]
    # The same messages to as many as do not read: what is kept is the stream's, whoever has not read it.
    words = "--subscribers 1000 --stalled %d --warmup 0 --rate 40000 --size 128"
    for name, shape in (("one", ""), ("audiences-2", " --subjects 2 --subjects-each 2"),
                        ("interleaved", PATTERNS % 1000)):
        few, many = "stalled-100-" + name, "stalled-900-" + name
        works += [Work(few, words % 100 + shape, (HUB_PATIENT,)), Work(many, words % 900 + shape, (HUB_PATIENT,))]
        claims.append(Claim("%s: memory of that with 100" % many, lambda f, a=few, b=many:
                            f.grown(b, HUB_PATIENT) / f.grown(a, HUB_PATIENT), 2.0, False))
    return Target(9, "100 of 10,000 have stopped reading", works, claims)


def literals():
    # Measured is what goes on: after --warmup most of a million subjects were published to once, after
    # --hold the memory of smaller tables, and of the reads that brought the subscriptions, has gone home.
    words = ("--subscribers 10 --publishers 2 --subjects %d --subjects-each %d --order random --window-messages 512"
             " --hold 3 --warmup 2")
    works = [Work("literals-1000", words % (1000, 100), (HUB_TWO,), connections=20, two_cpus=True),
             Work("literals-1000000", words % (1000000, 100000), (HUB_TWO,), connections=20, two_cpus=True)]

    def each(figures):
        server = figures.results["literals-1000000"][HUB_TWO]["server"]
        return (server["rss_connected_bytes"] - server["rss_empty_bytes"]) / 1e6
    return Target(10, "1,000,000 literal subscriptions over 10 connections, 2 workers", works, [
        Claim("messages/s of those at 1,000", lambda f: f.deliveries("literals-1000000", HUB_TWO) /
              f.deliveries("literals-1000", HUB_TWO), 0.5),
        Claim("bytes of resident memory each", each, 200, False)])


CHURN = ("churn/s", lambda run: run["churn"]["done_per_s"], rivals_tables.count_text)


def churn():
    # The subscribers and the publisher on one worker, churners on the other; see hubload's --apart. It only
    # counts: with full checks it takes a CPU for itself, and two workers have one left of two.
    words = "--subscribers 1000 --verify count --apart --threads 1"
    more = {"servers": (HUB_SEEN,), "two_cpus": True, "connections": 2100, "apart": True}
    works = [Work("churn-none", words, **more)]
    works += [Work("churn-" + on, words + " --churn 50000 --churners 10 --churn-on " + on, **more)
              for on in ("same", "other", "wildcard")]
    return Target(11, "50,000 subscribe and unsubscribe a second beside row 1", works, [
        Claim("%s: deliveries/s of those without" % work.name, lambda f, n=work.name: f.deliveries(n, HUB_SEEN) /
              f.deliveries("churn-none", HUB_SEEN), 0.9) for work in works[1:]] + [
        Claim("%s: subscriptions/s that came and went" % work.name, lambda f, n=work.name: f.median(n, HUB_SEEN, CHURN),
              45000, unit=rivals_tables.count_text) for work in works[1:]])


def storm():
    works = [Work("storm-15000", "--subscribers 15000 --connecting 1000", CEILINGS + (HUB, "nats-server"), kind="storm",
                  connections=15000)]
    rate = lambda run: run["connecting"]["connections_per_s"]
    connects = ("connects/s", rate, rivals_tables.count_text)
    user = ("server's user CPU/connection", lambda run: run["connecting"]["server_user_ns_per_connection"],
            rivals_tables.time_text)
    return Target(12, "connect, CONNECT, SUB, PING as fast as possible", works, [
        Claim("connections/s of the ceiling's, round by round", lambda f: f.by_round("storm-15000", HUB, CEILINGS,
                                                                                     connects), 0.8),
        Claim("user CPU a connection, of nats-server's", lambda f: f.median("storm-15000", HUB, user) /
              f.median("storm-15000", "nats-server", user), 1 / 3, False)])


def two_workers():
    words = "--subscribers 1000 --rate 150"
    works = [Work("workers-1", words, (HUB,)), Work("workers-2", words, (HUB_TWO,), two_cpus=True)]
    return Target(13, "the same subscribers over one worker and two", works, [
        Claim("CPU a delivery of that with one", lambda f: f.cpu("workers-2", HUB_TWO) / f.cpu("workers-1"), 1.15,
              False)])


GENERATOR_CPU = ("hubload's CPU/delivery", lambda run: run["generator"]["cpu_ns_per_delivery"], rivals_tables.plain)


def counting():
    def of_server(figures, name):
        """The worse of the ceiling's modes."""
        return max(figures.median(name, server, GENERATOR_CPU) / figures.cpu(name, server) for server in CEILINGS)
    works = [Work("count-%d" % count, "--subscribers %d --verify count" % count, CEILINGS, connections=count)
             for count in (100, 1000, 10000)]
    return Target(14, "hubload's own cost where it only counts", works, [
        Claim("%s: hubload's CPU a delivery, of the ceiling's" % work.name, lambda f, n=work.name: of_server(f, n), 0.5,
              False) for work in works])


ALL = [fan_out, paced, distinct, mixtures, sizes, small_shapes, idle, crowd, stalled, literals, churn, storm, two_workers,
       counting]


class RinghubTwo(rivals_servers.Ringhub):
    name = HUB_TWO
    settings = "as ringhub, with two workers on all CPUs"

    def arguments(self, port, connections, cpus, config_path):
        return super().arguments(port, connections, [0, 1], config_path)


class RinghubSeen(RinghubTwo):
    name = HUB_SEEN
    settings = "as ringhub-2, with monitoring over HTTP"

    def arguments(self, port, connections, cpus, config_path):
        self.http_port = rivals_servers.free_port()
        return super().arguments(port, connections, cpus, config_path) + ["--http_port", str(self.http_port)]


class RinghubCrowd(rivals_servers.Ringhub):
    name = HUB_CROWD
    settings = "as ringhub, with six workers whose sockets live in their rings' tables"

    def arguments(self, port, connections, cpus, config_path):
        return super().arguments(port, connections, range(6), config_path) + ["--descriptors", "direct"]


class CeilingSendCrowd(rivals_servers.CeilingSend):
    name = "ceiling-send-crowd"
    settings = "as ceiling-send, with six threads whose sockets live in tables of their own"

    def arguments(self, port, connections, cpus, config_path):
        return super().arguments(port, connections, cpus, config_path) + ["--threads", "6"]


class CeilingUringCrowd(CeilingSendCrowd):
    name = "ceiling-uring-crowd"
    mode = "uring"
    settings = "the same over io_uring"


class RinghubPatient(rivals_servers.Ringhub):
    name = HUB_PATIENT
    settings = "as ringhub, `max_pending` 4 GB, so that the stalled live as long as the run"

    def arguments(self, port, connections, cpus, config_path):
        words = super().arguments(port, connections, cpus, config_path)
        return [word if word != "1GB" else "4GB" for word in words]


SERVERS = {kind.name: kind for kind in rivals_servers.ALL + [RinghubTwo, RinghubSeen, RinghubPatient, RinghubCrowd,
                                                   CeilingSendCrowd, CeilingUringCrowd]}
