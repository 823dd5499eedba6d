"""hubload against servers whose faults and delays are known.

    hubload_test.py PATH-OF-HUBLOAD [unittest arguments]

Times are only ever compared with lower bounds: a busy machine makes everything later, never earlier.
"""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from server import FAULT_AT, Server  # noqa: E402

HUBLOAD = "hubload"
PATIENCE_S = 90


def command(port, *options):
    return [HUBLOAD, "fanout", "--url", f"nats://127.0.0.1:{port}", "--json", "-", *options]


def hubload(port, *options):
    """Runs it; returns exit status, the JSON result, and what it said."""
    done = subprocess.run(command(port, *options), capture_output=True, text=True,
                          timeout=PATIENCE_S)
    result = json.loads(done.stdout) if done.stdout else None
    return done.returncode, result, done.stderr


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


class Latency(unittest.TestCase):
    def test_a_known_delay_is_seen(self):
        with Server(delay_s=0.010) as server:
            status, result, said = hubload(server.port, *SHORT)
        run = result["runs"][0]
        self.assertEqual(status, 0, said)
        self.assertGreaterEqual(run["latency"]["p50_ns"], 10_000_000)
        self.assertGreaterEqual(run["completion"]["p50_ns"], 10_000_000)

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
                               *command(1, "--subscribers", "200")],
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
        for how in (("--window", "100000"), ("--rate", "500")):
            with self.subTest(how=how):
                self.expect_all(argv, "--subscribers", "50", "--warmup", "0.2", "--duration", "0.5",
                                "--verify", "all", *how, *options)

    def test_ceiling(self):
        ceiling = os.environ.get("CEILING")
        if ceiling is None:
            self.skipTest("CEILING names no executable")
        for mode in ("send", "uring"):
            with self.subTest(mode=mode):
                self.both_loops([ceiling, "--mode", mode, "--port", "-1"])

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

    def test_nats_server(self):
        if shutil.which("nats-server") is None:
            self.skipTest("no nats-server")
        self.both_loops(["nats-server", "-a", "127.0.0.1", "-p", "-1"], "--publishers", "2",
                        "--distinct-sids")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        HUBLOAD = sys.argv.pop(1)
    unittest.main(verbosity=2)
