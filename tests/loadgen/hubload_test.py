"""hubload against servers whose faults and delays are known.

    hubload_test.py PATH-OF-HUBLOAD [unittest arguments]

Times are only ever compared with lower bounds: a busy machine makes everything later, never earlier.
"""
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import FAULT_AT, Server  # noqa: E402

HUBLOAD = "hubload"
PATIENCE_S = 90


def command(port, *options, kind="fanout"):
    return [HUBLOAD, kind, "--url", f"nats://127.0.0.1:{port}", "--json", "-", *options]


def hubload(port, *options, kind="fanout"):
    """Runs it; returns exit status, the JSON result, and what it said."""
    done = subprocess.run(command(port, *options, kind=kind), capture_output=True, text=True,
                          timeout=PATIENCE_S)
    result = json.loads(done.stdout) if done.stdout else None
    return done.returncode, result, done.stderr


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


# 600 messages, all of them followed; every payload compared.
SHORT = ("--subscribers", "5", "--rate", "400", "--warmup", "0.5", "--duration", "1",
         "--drain", "0.5", "--verify", "all")


class Judgement(unittest.TestCase):
    def run_with(self, fault, *options):
        with Server(fault=fault) as server:
            return hubload(server.port, *(options or SHORT))

    def expect_faults(self, fault, **expected):
        status, result, said = self.run_with(fault)
        run = result["runs"][0]
        counts = {name: run[name] for name in
                  ("lost", "duplicated", "reordered", "corrupted", "foreign")}
        self.assertEqual(counts, {**dict.fromkeys(counts, 0), **expected}, said)
        self.assertFalse(run["complete"])
        self.assertIn("NOT COMPLETE", said)
        self.assertEqual(status, 1)

    def test_a_right_server_is_right(self):
        status, result, said = self.run_with(None)
        run = result["runs"][0]
        self.assertEqual(status, 0, said)
        self.assertTrue(run["complete"])
        self.assertEqual(run["expected"], run["sent"] * 5)
        self.assertEqual(run["delivered"], run["expected"])
        self.assertEqual(run["subscribers_reached"], 5)
        self.assertEqual(run["payloads_compared"], run["delivered"])
        self.assertEqual(run["completion"]["count"], 400)
        self.assertEqual(run["latency"]["count"], 400 * 5)

    def test_lost(self):
        self.expect_faults("lost", lost=1)

    def test_lost_at_the_end(self):
        self.expect_faults("tail", lost=600 - FAULT_AT)

    def test_duplicated(self):
        self.expect_faults("duplicated", duplicated=1)

    def test_reordered(self):
        self.expect_faults("reordered", reordered=1)

    def test_damaged_payload(self):
        self.expect_faults("payload", corrupted=1)

    def test_damaged_header(self):
        # Which message it was cannot be read any more, so it is missing as well.
        self.expect_faults("header", corrupted=1, lost=1)

    def test_foreign_message(self):
        self.expect_faults("foreign", foreign=1)

    def test_subscription_refused(self):
        status, result, said = self.run_with("refused")
        self.assertEqual(status, 1)
        self.assertIn("Permissions Violation", result["failure"])
        self.assertIn("Permissions Violation", said)

    def test_connection_closed_on_the_way(self):
        status, result, said = self.run_with("closed")
        self.assertEqual(status, 1)
        self.assertIn("the server closed the connection", result["failure"], said)
        self.assertGreater(result["runs"][0]["lost"], 0)

    def test_garbage(self):
        status, result, said = self.run_with("garbage")
        self.assertEqual(status, 1)
        self.assertIn("verb", result["failure"], said)

    def test_frames_in_pieces(self):
        for cut in (1, 7):
            with Server(cut=cut) as server:
                status, result, said = hubload(server.port, "--subscribers", "2", "--rate", "100",
                                               "--warmup", "0", "--duration", "0.5",
                                               "--verify", "all")
            self.assertEqual(status, 0, said)
            self.assertEqual(result["runs"][0]["delivered"], 100)

    def test_several_of_everything(self):
        with Server() as server:
            status, result, said = hubload(
                server.port, "--subscribers", "7", "--publishers", "3", "--threads", "2",
                "--distinct-sids", "--rate", "600", "--poisson", "--warmup", "0.2",
                "--duration", "0.5", "--runs", "3", "--size", "16", "--latency", "all")
        self.assertEqual(status, 0, said)
        self.assertEqual(len(result["runs"]), 3)
        for run in result["runs"]:
            self.assertTrue(run["complete"])
            self.assertGreater(run["sent"], 0)

    def test_closed_loop_stays_in_its_window(self):
        # Nothing is delivered during the stall, so only a window's worth can have been sent.
        with Server(stall=(0, 1.5)) as server:
            status, result, said = hubload(server.port, "--subscribers", "3", "--window-messages",
                                           "20", "--warmup", "0", "--duration", "1")
        self.assertEqual(status, 0, said)
        self.assertEqual(result["runs"][0]["sent"], 20)
        self.assertEqual(result["runs"][0]["delivered"], 60)


# 200 messages, every payload compared.
BRIEF = ("--rate", "400", "--warmup", "0", "--duration", "0.5", "--drain", "0.5", "--verify", "all")

FAULTS_ALONE = ("lost", "duplicated", "reordered")


class Shapes(unittest.TestCase):
    """Every shape of traffic: all arrives from a right server, and one fault is found as what it is."""

    def judged(self, fault, *options, kind="fanout"):
        with Server(fault=fault) as server:
            status, result, said = hubload(server.port, *BRIEF, *options, kind=kind)
        run = result["runs"][0]
        counts = {name: run[name] for name in
                  ("lost", "duplicated", "reordered", "corrupted", "foreign")}
        return status, run, counts, said

    def expect_right(self, delivered, *options, kind="fanout"):
        status, run, counts, said = self.judged(None, *options, kind=kind)
        self.assertEqual(status, 0, said)
        self.assertTrue(run["complete"], said)
        self.assertEqual(run["delivered"], delivered, said)
        return run

    def expect_found(self, *options, faults=FAULTS_ALONE, kind="fanout", ordered=True):
        for fault in faults:
            with self.subTest(fault=fault):
                status, run, counts, said = self.judged(fault, *options, kind=kind)
                if not ordered:
                    del counts["reordered"]
                self.assertEqual(counts, {**dict.fromkeys(counts, 0), fault: 1}, said)
                self.assertEqual(status, 1)

    def test_pairs(self):
        shape = ("--pairs", "8")
        run = self.expect_right(200, *shape)
        self.assertEqual(run["fairness"]["deliveries"]["least"], 25)
        self.assertEqual(run["fairness"]["deliveries"]["most"], 25)
        self.expect_found(*shape)

    def test_several_publishers_over_several_subjects(self):
        shape = ("--subjects", "4", "--publishers", "8", "--subscribers", "12", "--threads", "2")
        self.expect_right(600, *shape)
        self.expect_found(*shape)

    def test_one_publisher_for_many_subjects(self):
        shape = ("--subjects", "20", "--subscribers", "20")
        self.expect_right(200, *shape)
        self.expect_found(*shape)

    def test_order_across_the_subjects_of_one_publisher(self):
        # Each stream is in order; only the publisher's own order is not kept.
        for shape in (("--subjects", "4", "--subscribers", "1", "--wildcards", "1"),
                      ("--subjects", "4", "--subjects-each", "3", "--subscribers", "1"),
                      ("--subjects", "4", "--subjects-each", "4", "--subscribers", "2"),
                      ("--subjects", "4", "--subscribers", "2", "--wildcards", "2", "--copies", "2")):
            with self.subTest(shape=shape):
                _, _, counts, said = self.judged("overtaken", *shape)
                self.assertEqual(counts, {**dict.fromkeys(counts, 0), "reordered": 1}, said)
                status, _, counts, said = self.judged("reordered", *shape)
                self.assertEqual(counts, {**dict.fromkeys(counts, 0), "reordered": 1}, said)
                self.assertEqual(status, 1)

    def test_different_publishers_owe_each_other_no_order(self):
        # The message that overtakes is another publisher's: each keeps its own order.
        status, _, counts, said = self.judged("overtaken", "--subjects", "4", "--publishers", "4",
                                              "--subscribers", "1", "--wildcards", "1")
        self.assertEqual(counts, dict.fromkeys(counts, 0), said)
        self.assertEqual(status, 0)

    def test_many_subjects_in_an_order_drawn(self):
        shape = ("--subjects", "70000", "--subjects-each", "35000", "--subscribers", "2", "--publishers",
                 "2", "--order", "random")
        self.expect_right(200, *shape)
        self.expect_found(*shape, faults=("lost", "duplicated"))

    def test_several_subscriptions_each(self):
        shape = ("--subjects", "6", "--subjects-each", "3", "--subscribers", "4", "--distinct-sids")
        self.expect_right(400, *shape)
        self.expect_found(*shape)

    def test_the_same_subscription_several_times(self):
        shape = ("--subscribers", "3", "--copies", "4")
        self.expect_right(200 * 12, *shape)
        self.expect_found(*shape)
        self.expect_right(200 * 2 * 150, "--subscribers", "2", "--copies", "150")

    def test_several_of_all_kinds_of_subscription(self):
        self.expect_right((200 * 2 + 200 * 8 * 2 // 4) * 3, "--subjects", "4", "--subjects-each", "2",
                          "--subscribers", "10", "--wildcards", "2", "--copies", "3",
                          "--distinct-sids")

    def test_more_subjects_than_prefixes_are_remembered(self):
        self.expect_right(200, "--subjects", "40", "--subjects-each", "40", "--subscribers", "1")

    def test_wildcards(self):
        shape = ("--subjects", "4", "--subscribers", "10", "--wildcards", "20%")
        self.expect_right(200 * 2 + 200 * 8 // 4, *shape)
        self.expect_found(*shape)

    def test_patterns_of_both_kinds(self):
        shape = ("--subjects", "4", "--subscribers", "6", "--wildcards", "6", "--patterns", "both",
                 "--subject-end", "c")
        self.expect_right(200 * 6, *shape)
        self.expect_found(*shape)

    def test_a_wildcard_on_one_subject(self):
        self.expect_right(1000, "--subscribers", "5", "--wildcards", "2")

    def test_queue_groups(self):
        shape = ("--subscribers", "8", "--queue-groups", "2", "--threads", "2")
        run = self.expect_right(400, *shape)
        self.assertEqual(run["fairness"]["deliveries"]["least"], 50)
        self.expect_found(*shape)

    def test_a_mix_of_sizes(self):
        shape = ("--subscribers", "3", "--size", "64:60,500:30,3000:10")
        self.expect_right(600, *shape)
        self.expect_found(*shape)

    def test_a_mix_damaged(self):
        _, _, counts, said = self.judged("payload", "--subscribers", "3", "--size", "64:1,500:1")
        self.assertEqual(counts["corrupted"], 1, said)

    def test_counting_only(self):
        shape = ("--subscribers", "3", "--verify", "count")
        run = self.expect_right(600, *shape)
        self.assertLess(run["payloads_compared"], 100)  # of the frames before skimming begins
        self.assertEqual(run["completion"]["count"], 200)
        self.expect_found(*shape)
        self.expect_found(*shape, "--direct")
        self.expect_found(*shape, faults=("foreign",))
        _, _, counts, said = self.judged("tail", *shape)
        self.assertEqual(counts["lost"], 200 - FAULT_AT, said)
        _, _, counts, said = self.judged("header", *shape)
        self.assertEqual(counts["corrupted"], 1, said)

    def test_counting_only_over_several_runs(self):
        with Server() as server:
            status, result, said = hubload(server.port, *BRIEF, "--subscribers", "3", "--verify",
                                           "count", "--runs", "3", "--window-messages", "40",
                                           "--rate", "800")
        self.assertEqual(status, 0, said)
        for run in result["runs"]:
            self.assertEqual(run["delivered"], 1200)
            self.assertTrue(run["complete"])

    def test_counting_only_as_fast_as_it_goes(self):
        with Server(ping_every=997) as server:
            status, result, said = hubload(server.port, "--subscribers", "3", "--verify", "count",
                                           "--warmup", "0", "--duration", "1", "--size", "100",
                                           "--window-messages", "4000")
            pings, pongs = server.pings, server.pongs
        self.assertEqual(status, 0, said)
        self.assertEqual(result["runs"][0]["delivered"], 3 * result["runs"][0]["sent"])
        self.assertGreater(pings, 10)
        # What came at the very end is not answered any more.
        self.assertGreaterEqual(pongs, pings * 3 // 4)

    def test_counting_only_the_server_goes(self):
        status, run, counts, said = self.judged("closed", "--subscribers", "3", "--verify", "count")
        self.assertEqual(status, 1)
        self.assertIn("the server closed the connection", said)
        self.assertGreater(counts["lost"], 0)

    def test_counting_only_garbage(self):
        # It is no message, and no answer to anything.
        status, _, counts, said = self.judged("garbage", "--subscribers", "3", "--verify", "count")
        self.assertEqual(status, 1)
        self.assertEqual(counts["foreign"], 1, said)

    def test_counting_only_in_pieces(self):
        for cut in (1, 7, 200):
            with Server(cut=cut) as server:
                status, result, said = hubload(server.port, *BRIEF, "--rate", "100", "--verify",
                                               "count", "--subscribers", "2")
            self.assertEqual(status, 0, said)
            self.assertEqual(result["runs"][0]["delivered"], 100)

    def test_requests(self):
        shape = ("--requesters", "4", "--responders", "1")
        self.expect_right(200, *shape, kind="request")
        self.expect_found(*shape, kind="request", faults=("lost", "duplicated"))

    def test_requests_to_several(self):
        shape = ("--requesters", "4", "--responders", "3", "--threads", "2")
        self.expect_right(200, *shape, kind="request")
        # Answers of different responders may overtake each other.
        self.expect_found(*shape, kind="request", faults=("lost", "duplicated"), ordered=False)

    def test_requests_in_flight_are_no_more_than_asked(self):
        # Nothing comes back during the stall.
        with Server(stall=(0, 1.5)) as server:
            status, result, said = hubload(
                server.port, "--requesters", "3", "--in-flight", "4", "--warmup", "0",
                "--duration", "1", kind="request")
        self.assertEqual(status, 0, said)
        self.assertEqual(result["runs"][0]["sent"], 12)

    def test_churn_beside_it(self):
        for where, heard in (("same", True), ("other", False), ("wildcard", True)):
            with self.subTest(where=where):
                run = self.expect_right(600, "--subscribers", "3", "--churn", "200", "--churn-on",
                                        where, "--churners", "2")
                self.assertGreater(run["churn"]["done"], 50)
                self.assertLessEqual(run["churn"]["done"], 100)
                self.assertEqual(run["churn"]["received"] > 0, heard)

    def test_apart_from_each_other(self):
        with Server() as server:
            status, result, said = hubload(server.port, *BRIEF, "--subscribers", "3", "--churn", "50",
                                           "--churners", "2", "--apart")
            names = server.names
        self.assertEqual(status, 0, said)
        plain, idle, churner = "hubload", "hubload-idle", "hubload-churner"
        self.assertEqual(names, [plain, idle] * 3 + [plain] + [churner, idle, churner])
        self.assertEqual(result["runs"][0]["delivered"], 600, said)

    def test_some_do_not_read(self):
        run = self.expect_right(200 * 8, "--subscribers", "10", "--stalled", "20%")
        self.assertEqual(run["subscribers_reached"], 8)

    def test_a_storm_connects_anew_for_every_run(self):
        with Server() as server:
            status, result, said = hubload(server.port, "--subscribers", "30", "--runs", "3",
                                           "--duration", "0.3", kind="storm")
            accepted = server.accepted
        self.assertEqual(status, 0, said)
        self.assertEqual(accepted, 3 * 31)
        for run in result["runs"]:
            self.assertEqual(run["connecting"]["connections"], 31)
            self.assertEqual(run["subscribers_reached"], 30)

    def test_idle(self):
        with Server() as server:
            status, result, said = hubload(
                server.port, "--subscribers", "30", "--hold", "0.2", "--server-pid",
                str(os.getpid()), kind="idle")
        self.assertEqual(status, 0, said)
        self.assertIn("30 subscribers", said)
        self.assertIsNotNone(result["server"]["rss_connected_bytes"])

    def test_sockets_in_the_rings_tables(self):
        # Fewer descriptors than connections: the tables of two threads hold them.
        with Server() as server:
            done = subprocess.run(
                ["bash", "-c", 'ulimit -n 150; exec "$@"', "bash",
                 *command(server.port, *BRIEF, "--subscribers", "280")],
                capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 0, done.stderr)
        result = json.loads(done.stdout)
        self.assertTrue(result["scenario"]["direct"])
        self.assertEqual(result["scenario"]["threads"], 2)
        self.assertEqual(result["runs"][0]["delivered"], 200 * 280)

    def test_direct_as_asked(self):
        self.expect_right(600, "--subscribers", "3", "--direct", "--distinct-sids")
        self.expect_found("--subscribers", "3", "--direct", faults=("lost",))


class Capacity(unittest.TestCase):
    def search(self, delay_s, bound):
        with Server(delay_s=delay_s) as server:
            return hubload(server.port, "--subscribers", "2", "--rate", "50", "--warmup", "0",
                           "--duration", "0.2", "--drain", "0.5", "--find-capacity", bound)

    def test_a_server_that_is_always_too_late_has_none(self):
        status, result, said = self.search(0.030, "p50=10ms")
        self.assertEqual(status, 1)
        self.assertIn("no rate kept p50 within 10.0 ms", said)
        self.assertEqual(result["runs"], [])

    def test_one_that_is_in_time_has_some(self):
        status, result, said = self.search(0, "p50=100ms")
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"capacity: \d+ messages a second keep p50 within 100 ms")
        self.assertTrue(result["runs"][0]["complete"])
        self.assertGreaterEqual(result["scenario"]["rate"], 50)


class Files(unittest.TestCase):
    FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../loadgen/scenarios")

    def test_every_scenario_kept_here_runs(self):
        # Scaled down; what it asks for otherwise stays.
        names = sorted(name for name in os.listdir(self.FOLDER) if not name.endswith(".md"))
        self.assertGreater(len(names), 10)
        for name in names:
            with self.subTest(name=name), Server() as server:
                path = os.path.join(self.FOLDER, name)
                with open(path, encoding="utf-8") as file:
                    text = file.read()
                small = ["--warmup", "0", "--duration", "0.3", "--rate", "100", "--hold", "0"]
                for key, value in (("publishers", 3), ("requesters", 3), ("subscribers", 6),
                                   ("responders", 2), ("subjects", 3), ("pairs", 3),
                                   ("subjects-each", 3), ("churn", 50), ("queue-groups", 2),
                                   ("connecting", 8), ("copies", 3), ("stalled", 1)):
                    if f"\n{key} " in text:
                        small += [f"--{key}", str(value)]
                if "kind idle" in text:
                    small += ["--server-pid", str(os.getpid())]
                done = subprocess.run(
                    [HUBLOAD, "run", path, "--url", f"nats://127.0.0.1:{server.port}", *small],
                    capture_output=True, text=True, timeout=PATIENCE_S)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertIn("each once", done.stdout)

    def test_a_wrong_line_is_named(self):
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.write("# comment\nkind fanout\n--rate 5\n")
            file.flush()
            done = subprocess.run([HUBLOAD, "run", file.name], capture_output=True, text=True,
                                  timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 2)
        self.assertIn("line 3", done.stderr)


def keys_of(value):
    if isinstance(value, dict):
        return set(value).union(*map(keys_of, value.values()))
    return set().union(*map(keys_of, value)) if isinstance(value, list) else set()


class Documentation(unittest.TestCase):
    PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/results.md")

    def test_every_key_is_described(self):
        with open(self.PAGE, encoding="utf-8") as file:
            described = set(re.findall(r"`([a-z0-9_]+)`", file.read()))
        with Server() as server:
            _, result, _ = hubload(server.port, *BRIEF, "--subscribers", "3", "--churn", "50",
                                   "--size", "64:1,128:1", "--verify", "count", "--subjects", "2",
                                   "--patterns", "rest", "--subject-end", "c", "--server-pid",
                                   str(os.getpid()), "--pin-cpus", "0", "--order", "random",
                                   "--apart")
        self.assertEqual(result["version"], 1)
        mitigations = set(result["machine"].pop("mitigations"))
        self.assertEqual(keys_of(result) - described - mitigations, set())


class Latency(unittest.TestCase):
    def test_a_known_delay_is_seen(self):
        # From the delay on, and not by much: what is on top is the server's own, written in Python.
        for delay_ns in (1_000_000, 10_000_000):
            with self.subTest(delay_ns=delay_ns), Server(delay_s=delay_ns / 1e9) as server:
                status, result, said = hubload(server.port, *SHORT)
                run = result["runs"][0]
                self.assertEqual(status, 0, said)
                for what in ("latency", "completion"):
                    self.assertGreaterEqual(run[what]["p50_ns"], delay_ns)
                    self.assertLess(run[what]["p50_ns"], delay_ns + 8_000_000)

    def test_a_stall_is_seen_by_everything_due_in_it(self):
        # Open loop: messages that fell due during the stall waited for its end. One second of
        # three is a third of all, evenly between no wait and a whole second.
        with Server(stall=(400, 1.0)) as server:
            status, result, said = hubload(server.port, "--subscribers", "4", "--rate", "400",
                                           "--warmup", "0.1", "--duration", "3", "--drain", "3")
        latency = result["runs"][0]["latency"]
        self.assertEqual(status, 0, said)
        self.assertGreaterEqual(latency["max_ns"], 990_000_000)
        self.assertGreaterEqual(latency["p99_ns"], 900_000_000)
        self.assertGreaterEqual(latency["p90_ns"], 600_000_000)


class Operation(unittest.TestCase):
    def test_nobody_listens(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            status, result, said = hubload(closed.getsockname()[1], "--subscribers", "3")
        self.assertEqual(status, 1)
        self.assertIn("Connection refused", said)
        self.assertEqual(result["runs"], [])

    def test_an_interrupt_ends_the_run_and_still_reports(self):
        with Server() as server:
            process = subprocess.Popen(
                command(server.port, "--subscribers", "3", "--rate", "200", "--warmup", "0",
                        "--duration", "60"),
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            give_up = time.monotonic() + PATIENCE_S
            while server.count < 50 and time.monotonic() < give_up:
                time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out, said = process.communicate(timeout=PATIENCE_S)
        run = json.loads(out)["runs"][0]
        self.assertEqual(process.returncode, 0, said)
        self.assertTrue(run["interrupted"])
        self.assertTrue(run["complete"])
        self.assertGreaterEqual(run["sent"], 50)

    def test_too_few_descriptors(self):
        done = subprocess.run(["bash", "-c", 'ulimit -Sn 100; ulimit -Hn 100; exec "$@"', "bash",
                               *command(1, "--publishers", "200")],
                              capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(done.returncode, 1)
        self.assertIn("open files are needed, the hard limit is 100", done.stderr)

    def test_a_server_process_is_measured(self):
        with Server() as server:
            status, result, said = hubload(server.port, *SHORT, "--server-pid", str(os.getpid()))
        self.assertEqual(status, 0, said)
        use = result["runs"][0]["server"]
        self.assertGreater(use["user_ns_per_delivery"] + use["system_ns_per_delivery"], 0)
        self.assertGreater(use["rss_bytes"], 1_000_000)

    def test_no_such_server_process(self):
        with Server() as server:
            status, result, said = hubload(server.port, *SHORT, "--server-pid", "4194303")
        self.assertEqual(status, 1)
        self.assertIn("--server-pid 4194303", said)
        self.assertIsNotNone(result["failure"])


class RealServers(unittest.TestCase):
    """All is delivered by servers that are in use, and by the one that cheats."""

    def expect_all(self, argv, *options):
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              text=True) as server:
            try:
                said = ""
                while "Listening for client connections on" not in said:
                    said = server.stderr.readline()
                    self.assertNotEqual(said, "", "the server ended")
                drain = threading.Thread(target=server.stderr.read, daemon=True)
                drain.start()
                status, result, told = hubload(int(said.rsplit(":", 1)[1]), "--server-pid",
                                               str(server.pid), *options)
            finally:
                server.terminate()
        run = result["runs"][0]
        self.assertEqual(status, 0, told)
        self.assertTrue(run["complete"], told)
        self.assertGreater(run["delivered"], 0)

    def both_loops(self, argv, *options):
        for how in (("--window", "100000"), ("--rate", "500"),
                    ("--window", "100000", "--verify", "count"),
                    ("--window-messages", "4096", "--verify", "count")):
            with self.subTest(how=how):
                self.expect_all(argv, "--subscribers", "50", "--warmup", "0.2", "--duration", "0.5",
                                "--verify", "all", *how, *options)

    def test_ceiling(self):
        ceiling = os.environ.get("CEILING")
        if ceiling is None:
            self.skipTest("CEILING names no executable")
        for mode in ("send", "uring"):
            for threads in ("1", "3"):
                with self.subTest(mode=mode, threads=threads):
                    self.both_loops([ceiling, "--mode", mode, "--port", "-1", "--threads", threads])

    def test_ceiling_says_when_a_subscriber_falls_out_of_its_log(self):
        ceiling = os.environ.get("CEILING")
        if ceiling is None:
            self.skipTest("CEILING names no executable")
        with subprocess.Popen([ceiling, "--port", "-1", "--log-bytes", "4194304"],
                              stderr=subprocess.PIPE, text=True) as server:
            port = int(server.stderr.readline().rsplit(":", 1)[1])
            subscriber = socket.create_connection(("127.0.0.1", port))
            subscriber.sendall(b"SUB a 1\r\nPING\r\n")
            said = b""
            while b"PONG" not in said:
                said += subscriber.recv(4096)
            publisher = socket.create_connection(("127.0.0.1", port))
            try:
                for _ in range(64):  # 64 MiB: more than two socket buffers and the log hold
                    publisher.sendall(b"PUB a 1048576\r\n" + bytes(1048576) + b"\r\n")
            except OSError:
                pass
            self.assertEqual(server.wait(PATIENCE_S), 3)
            subscriber.close()
            publisher.close()

    def expect_churn(self, argv, url):
        """Others come and go beside it, on the same names, on others and by patterns."""
        with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                give_up = time.monotonic() + PATIENCE_S
                while not listens(int(url.rsplit(":", 1)[1])) and time.monotonic() < give_up:
                    time.sleep(0.05)
                for where, heard in (("same", True), ("other", False), ("wildcard", True)):
                    with self.subTest(where=where):
                        status, result, said = hubload(
                            0, *BRIEF, "--url", url, "--subscribers", "3", "--churn", "200",
                            "--churn-on", where, "--churners", "2")
                        self.assertEqual(status, 0, said)
                        run = result["runs"][0]
                        self.assertEqual(run["delivered"], 600, said)
                        self.assertGreater(run["churn"]["done"], 50)
                        self.assertEqual(run["churn"]["received"] > 0, heard)
            finally:
                server.terminate()

    def test_redis(self):
        if shutil.which("redis-server") is None:
            self.skipTest("no redis-server")
        port = str(free_port())
        self.expect_churn(["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                           "--appendonly", "no", "--protected-mode", "no"],
                          "redis://127.0.0.1:" + port)

    def test_mosquitto(self):
        mosquitto = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin")
        if mosquitto is None:
            self.skipTest("no mosquitto")
        port = str(free_port())
        self.expect_churn([mosquitto, "-p", port], "mqtt://127.0.0.1:" + port)

    def test_nats_server(self):
        if shutil.which("nats-server") is None:
            self.skipTest("no nats-server")
        self.both_loops(["nats-server", "-a", "127.0.0.1", "-p", "-1"], "--publishers", "2",
                        "--distinct-sids")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        HUBLOAD = sys.argv.pop(1)
    unittest.main(verbosity=2)
