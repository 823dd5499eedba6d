"""NATS-WIRE 1.4, 4.5, 9.3: half-close, disconnects, stop, lame duck, and the process contract.

Goal:   what was sent before an end takes effect; a stop is orderly; a harness written for
        nats-server can start, find, signal and stop the hub.
Method: own hubs, ended in every way; files, exit codes and log lines are looked at.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import (Client, Hub, HubTest, KIND, PROTOCOL_1, QUIET, QUIRKS, REQUESTS, SLOWNESS,
                     executable, hears, kind_flags, memory_bound, msg, pub, run_hub)

PONG = b"PONG\r\n"
# nats-server listens anywhere without being told that it may.
OPEN = ("--open",) if KIND == "ringhub" else ()


def until(condition, seconds=5):
    """Whether it came true in time."""
    deadline = time.monotonic() + seconds * SLOWNESS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def refused(hub):
    family = socket.AF_INET6 if ":" in hub.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(hub.address()) != 0


class EndTest(HubTest):

    def test_half_close_after_commands(self):
        receiver, client = self.client(), self.client()
        receiver.send(b"SUB foo 1\r\n").sync()
        client.send(b"SUB me 1\r\n" + pub(b"foo", b"x") + pub(b"me", b"y") + b"PING\r\n")
        client.half_close()
        client.expect(msg(b"me", b"1", b"y") + PONG).expect_closed()
        receiver.expect(msg(b"foo", b"1", b"x")).sync()

    def test_half_close_with_a_big_answer(self):
        client = self.client()
        client.send(b"PING\r\n" * 50000)
        client.half_close()
        client.expect(PONG * 50000, 20 * SLOWNESS).expect_closed()

    def test_half_close_in_the_middle_of_a_command(self):
        receiver, client = self.client(), self.client()
        receiver.send(b"SUB foo 1\r\n").sync()
        client.send(pub(b"foo", b"x") + b"PUB foo 5\r\nab")
        client.half_close()
        client.expect_closed()
        receiver.expect(msg(b"foo", b"1", b"x")).sync()

    def test_half_close_at_once(self):
        client = self.client(b"")
        client.half_close()
        client.expect_closed()

    def test_publish_and_close(self):
        """close() right after the last byte: all of it counts."""
        receiver = self.client()
        receiver.send(b"SUB foo.* 1\r\n").sync()
        for number in range(50):
            with self.client() as client:
                client.send(pub(b"foo.%d" % number, b"x"))
        got = {receiver.message().subject for _ in range(50)}
        self.assertEqual(len(got), 50)
        receiver.sync()

    def test_who_left_hears_no_more(self):
        """After the end of a subscriber, publishing and requesting go on without it."""
        for how in ("close", "abort", "half_close"):
            gone, client = self.client(), self.client(REQUESTS)
            gone.send(b"SUB svc 1\r\n").sync()
            client.send(b"SUB r 7\r\n").sync()
            getattr(gone, how)()

            def nobody():
                client.send(pub(b"svc", b"?", b"r") + b"PING\r\n")
                told = False
                while True:
                    answer = client.line()
                    if answer == PONG:
                        return told
                    # One that went to another worker's memory of the subscriber is answered when
                    # that worker has said that nobody is there: perhaps behind the PONG.
                    self.assertTrue(answer.startswith(b"HMSG"), answer)
                    client.read(int(answer.split()[-1]) + 2)
                    told = True

            self.assertTrue(until(nobody), how)

    def test_descriptors_come_back(self):
        before = self.hub.descriptors()
        for _ in range(10):
            clients = [self.client() for _ in range(20)]
            for number, client in enumerate(clients):
                client.send(b"SUB foo 1\r\n").sync()
                (client.abort if number % 2 else client.close)()
        self.assertTrue(until(lambda: self.hub.descriptors() <= before),
                        "%d descriptors, %d before" % (self.hub.descriptors(), before))


class StopTest(unittest.TestCase):

    def hub(self, **options):
        hub = Hub(**options)
        self.addCleanup(hub.kill)
        return hub

    def client(self, hub, connect=QUIET, **more):
        client = Client(hub, connect, **more)
        self.addCleanup(client.close)
        return client

    def test_sigterm(self):
        hub = self.hub()
        clients = [self.client(hub) for _ in range(5)]
        for client in clients:
            client.sync()
        os.kill(hub.pid, signal.SIGTERM)
        for client in clients:
            client.expect_closed()
        self.assertEqual(hub.wait(), QUIRKS["sigterm_exit"])
        self.assertTrue(refused(hub))
        self.assertFalse(os.path.exists(hub.ports_path), "the ports file stays behind")

    def test_sigint(self):
        hub = self.hub()
        client = self.client(hub).sync()
        os.kill(hub.pid, signal.SIGINT)
        client.expect_closed()
        self.assertEqual(hub.wait(), 0)

    def test_sigterm_flushes_what_is_queued(self):
        hub = self.hub()
        receiver, publisher = self.client(hub), self.client(hub)
        receiver.send(b"SUB foo 1\r\n").sync()
        publisher.send(pub(b"foo", b"x" * 100) * 500).sync()
        os.kill(hub.pid, signal.SIGTERM)
        receiver.expect(msg(b"foo", b"1", b"x" * 100) * 500).expect_closed()
        hub.wait()

    def test_sigterm_flushes_a_reader_that_is_behind(self):
        if not QUIRKS["flushes_at_stop"]:
            return
        hub = self.hub()
        receiver, publisher = self.client(hub, receive_buffer=8192), self.client(hub)
        receiver.send(b"SUB foo 1\r\n").sync()
        publisher.send(pub(b"foo", b"x" * 100000) * 100).sync()
        os.kill(hub.pid, signal.SIGTERM)
        receiver.expect(msg(b"foo", b"1", b"x" * 100000) * 100, 20 * SLOWNESS).expect_closed()
        hub.wait()

    def test_sigterm_does_not_wait_for_ever(self):
        hub = self.hub()
        receiver, publisher = self.client(hub, receive_buffer=8192), self.client(hub)
        receiver.send(b"SUB foo 1\r\n").sync()
        publisher.send(pub(b"foo", b"x" * 100000) * 200).sync()
        os.kill(hub.pid, signal.SIGTERM)
        hub.wait(30)

    def test_a_new_hub_on_the_same_port_at_once(self):
        hub = self.hub()
        client = self.client(hub).sync()
        os.kill(hub.pid, signal.SIGTERM)
        client.expect_closed()
        hub.wait()
        again = self.hub(port=hub.port)
        self.assertEqual(again.port, hub.port)
        self.client(again).sync()

    def test_lame_duck(self):
        hub = self.hub(lame_duck_duration="30s", lame_duck_grace_period="1s")
        new, old = self.client(hub, PROTOCOL_1), self.client(hub, QUIET)
        new.send(b"SUB foo 1\r\nPING\r\n").expect(PONG)
        old.sync()
        if QUIRKS["info_after_pong"]:
            self.assertTrue(new.line().startswith(b"INFO "))
        start = time.monotonic()
        os.kill(hub.pid, signal.SIGUSR2)
        line = new.line()
        self.assertTrue(line.startswith(b"INFO "), line)
        info = json.loads(line[5:])
        self.assertIs(info["ldm"], True)
        for key in ("server_id", "max_payload", "headers", "proto", "port"):
            self.assertEqual(info[key], new.info[key], key)
        self.assertFalse(info.get("connect_urls"))
        self.assertTrue(until(lambda: refused(hub)), "the listener still accepts")
        old.send(pub(b"foo", b"x"))  # old ones are served through the grace period
        hears(old, (new, msg(b"foo", b"1", b"x")))
        new.expect_closed(20 * SLOWNESS)
        old.expect_closed(20 * SLOWNESS)
        self.assertEqual(hub.wait(20), 0)
        self.assertGreater(time.monotonic() - start, 0.9)

    def test_lame_duck_without_clients(self):
        hub = self.hub(lame_duck_duration="30s", lame_duck_grace_period="10s")
        os.kill(hub.pid, signal.SIGUSR2)
        self.assertEqual(hub.wait(5), 0)

    def test_sigterm_ends_a_lame_duck(self):
        hub = self.hub(lame_duck_duration="30s", lame_duck_grace_period="20s")
        client = self.client(hub, PROTOCOL_1)
        client.send(b"PING\r\n").expect(PONG)
        os.kill(hub.pid, signal.SIGUSR2)
        self.assertTrue(until(lambda: refused(hub)))
        if KIND == "nats":
            return  # 2.9.10 leaves it to the lame duck
        os.kill(hub.pid, signal.SIGTERM)
        hub.wait(10)


class ProcessTest(unittest.TestCase):

    def hub(self, **options):
        hub = Hub(**options)
        self.addCleanup(hub.kill)
        return hub

    def test_files_and_log(self):
        hub = self.hub(name="nats-server")
        self.assertEqual(os.path.basename(hub.ports_path), "nats-server_%d.ports" % hub.pid)
        with open(hub.ports_path, "rb") as ports:
            self.assertEqual(json.loads(ports.read())["nats"], ["nats://127.0.0.1:%d" % hub.port])
        with open(hub.pid_path, "rb") as pid:
            self.assertEqual(int(pid.read()), hub.pid)
        log = hub.log().decode()
        self.assertIn("[INF] Listening for client connections on 127.0.0.1:%d\n" % hub.port, log)
        self.assertIn("[INF] Server is ready\n", log)
        with Client(hub) as client:
            client.sync()
        hub.stop()

    def test_log_without_a_file_is_on_stderr(self):
        hub = self.hub()
        port = hub.port
        hub.stop()
        process = subprocess.Popen([executable(), "-a", "127.0.0.1", "-p", str(port)] +
                                   kind_flags(), stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            text = b""
            while b"Server is ready" not in text:
                line = process.stderr.readline()
                self.assertTrue(line, text)
                text += line
            self.assertIn(b"[INF] Listening for client connections on 127.0.0.1:%d\n" % port, text)
        finally:
            process.terminate()
            process.communicate()

    def test_random_ports_differ(self):
        one, two = self.hub(), self.hub()
        self.assertNotEqual(one.port, two.port)
        self.assertGreater(one.port, 1023)

    def test_port_in_use(self):
        hub = self.hub()
        code, text = run_hub(["-a", "127.0.0.1", "-p", str(hub.port)] + kind_flags())
        self.assertEqual(code, 1, text)
        self.assertIn(b"[FTL]", text)
        self.assertIn(b"in use", text)
        with Client(hub) as client:
            client.sync()

    def test_address_that_is_not_ours(self):
        code, text = run_hub(["-a", "192.0.2.1", "-p", "-1", *OPEN] + kind_flags())
        self.assertEqual(code, 1, text)
        self.assertTrue(text.strip())

    def test_bad_options(self):
        for arguments in (["--no-such-option"], ["-p", "notaport"], ["-p"], ["--port", "70000"],
                          ["-Q"]):
            if KIND == "nats" and arguments == ["--port", "70000"]:
                continue  # found out only when it listens
            with self.subTest(arguments):
                code, text = run_hub(arguments + ["-t"])
                self.assertIn(code, (1, 2) if KIND == "ringhub" else (0, 1, 2), text)
                self.assertTrue(text.strip(), "no sentence for the operator")

    def test_option_spellings(self):
        """Long options with one dash or two, with = or without."""
        for arguments in (["-p", "-1"], ["--port", "-1"], ["-port", "-1"], ["--port=-1"],
                          ["-port=-1"], ["-a", "127.0.0.1"], ["--addr", "127.0.0.1"],
                          ["-addr", "127.0.0.1"], ["--net", "127.0.0.1"], ["-n", "name"],
                          ["--name", "name"], ["--server_name", "name"], ["-server_name=name"],
                          ["-D"], ["-V"], ["-DV"], ["-T"], ["-logtime=false"], ["-P", "pid"],
                          ["--pid", "pid"], ["-l", "log"], ["--log", "log"],
                          ["--ports_file_dir", "/tmp"], ["--client_advertise", "h:1"]):
            with self.subTest(arguments):
                if KIND == "nats":
                    arguments = arguments + ["-c", "/dev/null"]
                code, text = run_hub(arguments + ["-t"])
                self.assertEqual(code, 0, text)

    def test_version(self):
        for flag in ("-v", "--version"):
            code, text = run_hub([flag])
            self.assertEqual(code, 0)
            self.assertIn(QUIRKS["version_text"], text)

    def test_help(self):
        for flag in ("-h", "--help"):
            code, text = run_hub([flag])
            self.assertEqual(code, 0)
            self.assertIn(b"--port", text)

    def test_dry_run_prints_the_memory_bound(self):
        if not QUIRKS["memory_bound"]:
            return
        code, text = run_hub(["-t"] + kind_flags())
        self.assertEqual(code, 0, text)
        whole = memory_bound(text.decode())
        self.assertIsNotNone(whole, text)
        code, text = run_hub(["-t", "--max_connections", "100", "--max_memory", "64MB"] +
                             kind_flags())
        self.assertEqual(code, 0, text)
        self.assertLess(memory_bound(text.decode()), whole)

    def test_counters_on_sigusr1(self):
        if not QUIRKS["counters"]:
            return
        hub = self.hub()
        with Client(hub) as one, Client(hub) as two:
            one.send(b"SUB foo 1\r\nSUB bar 2\r\n").sync()
            two.send(b"SUB foo q 1\r\n").sync()
            found = hub.counters()
            self.assertEqual((found["connections"], found["subscriptions"]), (2, 3), found)
            two.send(pub(b"foo", b"x" * 10) * 5).sync(msg(b"foo", b"1", b"x" * 10) * 5)
            one.sync(msg(b"foo", b"1", b"x" * 10) * 5)
            found = hub.counters()
            self.assertEqual((found["messages_in"], found["bytes_in"]), (5, 50), found)
            self.assertEqual((found["messages_out"], found["bytes_out"]), (10, 100), found)
        self.assertTrue(until(lambda: hub.counters()["connections"] == 0))
        self.assertEqual(hub.counters()["subscriptions"], 0)
        hub.stop()

    def test_dry_run_refuses_what_a_start_would_refuse(self):
        if QUIRKS["loose_test"]:
            return
        for flags in (["--max_payload", "2000000", "--max_pending", "1000000"],
                      ["--max_control_line", "0"], ["--max_payload", "-7"],
                      ["--ping_interval", "soon"], ["--workers", "0x"], ["--io", "magic"],
                      ["--write_deadline", "-1s"]):
            with self.subTest(flags):
                code, text = run_hub(["-t"] + flags)
                self.assertIn(code, (1, 2), text)
                self.assertTrue(text.strip(), "no sentence for the operator")

    def test_signals_by_flag(self):
        for name, code in (("stop", QUIRKS["sigterm_exit"]), ("quit", 0), ("ldm", 0)):
            with self.subTest(name):
                hub = self.hub()
                if name == "stop":
                    code = None  # SIGKILL there, an orderly stop is as good
                done, text = run_hub(["--signal", "%s=%d" % (name, hub.pid)])
                self.assertEqual(done, 0, text)
                ended = hub.wait(10)
                if code is not None:
                    self.assertEqual(ended, code)

    def test_signal_by_pid_file(self):
        hub = self.hub()
        done, text = run_hub(["--signal", "quit=%s" % hub.pid_path])
        self.assertEqual(done, 0, text)
        self.assertEqual(hub.wait(10), 0)

    @unittest.skipIf(KIND == "nats", "it looks for processes named nats-server, of which others run")
    def test_signal_to_the_one_that_runs(self):
        name = "hub%d" % os.getpid()
        hub = self.hub(name=name)
        path = hub.arguments[0]
        first = Hub(name=name + "x")
        self.addCleanup(first.kill)
        self.assertEqual(subprocess.run([path, "--signal", "reopen"], check=False).returncode, 0)
        self.assertTrue(until(lambda: b"File log re-opened" in hub.log()))
        self.assertNotIn(b"File log re-opened", first.log())
        self.assertEqual(subprocess.run([path, "--signal", "quit"], check=False).returncode, 0)
        self.assertEqual(hub.wait(10), 0)
        self.assertNotEqual(subprocess.run([path, "--signal", "quit"], check=False).returncode, 0)

    def test_signal_to_nobody(self):
        hub = self.hub()
        hub.stop()
        for argument in ("quit=%d" % hub.pid, "nonsense=1", "quit=/no/such/file"):
            done, text = run_hub(["--signal", argument])
            self.assertNotEqual(done, 0, text)
            self.assertTrue(text.strip())

    def test_sigusr1_opens_the_log_again(self):
        hub = self.hub()
        moved = hub.log_path + ".1"
        for by_flag in (False, True):
            os.rename(hub.log_path, moved)
            if by_flag:
                self.assertEqual(run_hub(["--signal", "reopen=%d" % hub.pid])[0], 0)
            else:
                os.kill(hub.pid, signal.SIGUSR1)
            self.assertTrue(until(lambda: os.path.exists(hub.log_path)), "no new log file")
        with Client(hub) as client:
            client.sync()
        size = os.path.getsize(moved)
        os.kill(hub.pid, signal.SIGTERM)
        hub.wait()
        self.assertGreater(len(hub.log()), 0)
        self.assertEqual(os.path.getsize(moved), size, "it still writes to the old file")

    def test_sighup_changes_nothing(self):
        hub = self.hub()
        with Client(hub) as client:
            client.sync()
            os.kill(hub.pid, signal.SIGHUP)
            time.sleep(0.1)
            client.sync()
        hub.stop()

    def test_ipv6(self):
        hub = self.hub(host="::1")
        with Client(hub) as client:
            self.assertEqual(client.info["host"], "::1")
            self.assertEqual(client.info["client_ip"], "::1")
            client.send(b"SUB foo 1\r\n" + pub(b"foo", b"x")).sync(msg(b"foo", b"1", b"x"))
        with open(hub.ports_path, "rb") as ports:
            self.assertEqual(json.loads(ports.read())["nats"], ["nats://[::1]:%d" % hub.port])
        self.assertIn("Listening for client connections on [::1]:%d\n" % hub.port,
                      hub.log().decode())
        hub.stop()

    def test_any_address(self):
        hub = self.hub(host="0.0.0.0", flags=OPEN)
        hub.host = "127.0.0.1"
        with Client(hub) as client:
            self.assertEqual(client.info["host"], "0.0.0.0")
            client.sync()
        hub.stop()

    def test_host_by_name(self):
        hub = self.hub(host="localhost")
        hub.host = "127.0.0.1"
        with Client(hub) as client:
            client.sync()
        hub.stop()

    def test_flags_that_are_tolerated(self):
        """Test suites start servers with these; a hub without them must still start."""
        hub = self.hub(flags=["-sd", "/nonexistent"] if KIND == "nats" else
                       ["-js", "-sd", "/nonexistent"])
        with Client(hub) as client:
            client.sync()
        hub.stop()

    def test_client_advertise(self):
        hub = self.hub(flags=["--client_advertise", "example.org:1234"])
        with Client(hub) as client:
            self.assertEqual((client.info["host"], client.info["port"]), ("example.org", 1234))
        hub.stop()


if __name__ == "__main__":
    unittest.main()
