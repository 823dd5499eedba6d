"""NATS-WIRE 9: a nats-server configuration file starts the hub, is checked by -t, and is read again.

Goal:   a file of a core deployment works as it is; a mistake is named by file, line and column; a
        reload changes limits for who is connected and refuses a bad file as a whole.
Method: own hubs with files; exit codes, log lines and what clients are told are looked at.
"""

import json
import os
import signal
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import Client, Hub, KIND, PROTOCOL_1, SLOWNESS, run_hub

# As an operator has it: comments, variables, an include, blocks that are switched off.
EXAMPLE = """
# Messaging for the shop floor.
server_name: shop_1      // one of one
client_advertise = "127.0.0.1:4222"

LIMIT: 1000
max_connections: $LIMIT, max_subscriptions: 50
include "limits.conf"

ping_interval: "1m"
ping_max: 3
write_deadline: "5s"
lame_duck_duration: "40s"
lame_duck_grace_period: "5s"

debug: false; trace: no
logtime: true
jetstream: disabled
server_tags: ["floor:1"]
"""
LIMITS = "{\n  \"max_payload\": 2MB,\n  max_pending: 32MiB\n  max_control_line 2KB\n}\n"


def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


@unittest.skipIf(KIND == "nats", "texts and places are ringhub's")
class FileTest(unittest.TestCase):

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="e2e-")
        self.addCleanup(self.folder.cleanup)

    def check(self, text, *files):
        path = write(self.folder.name, "hub.conf", text)
        for name, content in files:
            write(self.folder.name, name, content)
        code, output = run_hub(["-t", "-c", path])
        return code, output.decode(), path

    def test_an_example_is_valid(self):
        code, output, path = self.check(EXAMPLE, ("limits.conf", LIMITS))
        self.assertEqual(code, 0, output)
        self.assertIn("configuration file %s is valid" % path, output)
        self.assertIn("payload 2.0 MiB, pending 32.0 MiB", output)
        line = EXAMPLE[:EXAMPLE.index("server_tags")].count("\n") + 1
        self.assertIn("%s:%d:1: server_tags has no effect" % (path, line), output)
        self.assertIn("Memory:", output)

    def test_the_memory_bound_counts_what_is_configured(self):
        users = "authorization {users: [{user: a, password: b}]}\n"
        scrub = "scrub {rules: [{name: r, subject: \">\", max_size: 100}]}\n"
        rows = ("helpers, which look at passwords and keys: ",
                "who is connected (authorization): 1000 x ",
                "messages being cleaned (scrub): ", "monitoring: rows of connections")
        for text, wanted in (("", 1), (users, 2), (users + scrub, 3),
                             (users + scrub + "http: 8222\n", 4)):
            code, output, _ = self.check("max_connections: 1000\n" + text)
            self.assertEqual(code, 0, output)
            self.assertEqual([row in output for row in rows], [i < wanted for i in range(4)], output)

    def test_mistakes_are_named(self):
        rows = (
            ("port: 1\nmax_paylod: 2\n", ":2:1: unknown key \"max_paylod\"; did you mean "
                                         "max_payload?"),
            ("port: \"4222\"\n", ":1:7: port: a whole number is wanted"),
            ("cluster { port: 6222 }\n", ":1:1: cluster: clustering is not supported"),
            ("a {\n", ":1:3: the block that begins here has no }"),
            ("max_pending: 1MB\nmax_payload: 2MB\n", ":2:1: max_payload (2.0 MiB) cannot be above "
                                                     "max_pending (1.0 MiB)"),
            ("debug: true\nmax_pending: 512\n", ":2:1: max_payload (1.0 MiB) cannot be above "
                                                "max_pending (512 B)"),
            ("lame_duck_duration: \"5s\"\n", ":1:1: lame_duck_grace_period (10.000s) must be "
                                              "shorter than lame_duck_duration (5.000s)"),
            ("# Open?\nlisten: \"0.0.0.0:4222\"\n", ":2:1: host: without authorization everybody who "
                                                   "reaches 0.0.0.0"),
            ("include none.conf\n", "none.conf: cannot be read: No such file or directory"),
        )
        for text, sentence in rows:
            with self.subTest(text=text):
                code, output, path = self.check(text)
                self.assertEqual(code, 1)
                self.assertIn(path + sentence if sentence[0] == ":" else sentence, output)
                self.assertEqual(output.count("\n"), 1)

    def test_an_example_starts_the_hub_and_options_win(self):
        write(self.folder.name, "limits.conf", LIMITS)
        hub = Hub(flags=["-c", write(self.folder.name, "hub.conf", EXAMPLE), "--max_payload=1000"])
        try:
            with Client(hub) as client:
                self.assertEqual(client.info["server_name"], "shop_1")
                self.assertEqual(client.info["max_payload"], 1000)
                client.sync()
            self.assertIn(b"Using configuration file:", hub.log())
        finally:
            hub.stop()


@unittest.skipIf(KIND == "nats", "texts are ringhub's")
class ReloadTest(unittest.TestCase):

    def setUp(self):
        self.hub = Hub(config="max_payload: 100\n")
        self.addCleanup(self.hub.stop)
        self.path = os.path.join(self.hub.directory, "test.conf")

    def reload(self, text, sentence):
        before = self.hub.log().count(sentence)
        write(self.hub.directory, "test.conf", text)
        os.kill(self.hub.pid, signal.SIGHUP)
        deadline = time.monotonic() + 10 * SLOWNESS
        while self.hub.log().count(sentence) == before:
            self.assertLess(time.monotonic(), deadline, self.hub.output())
            time.sleep(0.01)

    def greeted(self, client):
        """After its first PONG a client of protocol 1 is sent an INFO; from then on it takes others."""
        client.sync()
        self.assertIn(b"connect_info", client.line())

    def test_limits_change_for_who_is_connected(self):
        with Client(self.hub, connect=PROTOCOL_1) as client:
            self.greeted(client)
            self.reload("max_payload: 10, max_subscriptions: 1\n", b"Reloaded server configuration")
            line = client.line()
            self.assertTrue(line.startswith(b"INFO "), line)
            self.assertEqual(json.loads(line[5:])["max_payload"], 10)
            client.send(b"SUB a 1\r\nSUB b 2\r\n")
            client.expect(b"-ERR 'maximum subscriptions exceeded'\r\n").sync()
            client.send(b"PUB a 11\r\n")
            client.expect(b"-ERR 'Maximum Payload Violation'\r\n").expect_closed()
        self.assertIn(b"Reloaded: max_payload = 10 B (was 100 B)", self.hub.log())

    def test_a_bad_file_changes_nothing(self):
        with Client(self.hub, connect=PROTOCOL_1) as client:
            self.greeted(client)
            self.reload("max_payload: 10\nmax_pendin: 1\n",
                        b"Failed to reload server configuration: %s:2:1: unknown key \"max_pendin\""
                        % self.path.encode())
            client.send(b"SUB a 1\r\nPUB a 11\r\nhello world\r\n")
            client.expect(b"MSG a 1 11\r\nhello world\r\n").sync()

    def test_what_needs_a_restart_is_said(self):
        self.reload("max_payload: 100\nworkers: 3\nmax_connections: 70000\n", b"Reloaded server")
        log = self.hub.log()
        self.assertIn(b"max_connections = 70000 needs a restart", log)
        with Client(self.hub) as client:
            client.sync()

    def test_the_log_moves(self):
        other = os.path.join(self.hub.directory, "other")
        # The option -l wins over the file, so the file cannot move the log; debug can change.
        self.reload("max_payload: 100\nlog_file: \"%s\"\ndebug: true\n" % other, b"Reloaded server")
        self.assertFalse(os.path.exists(other))
        with Client(self.hub) as client:
            client.sync()
        deadline = time.monotonic() + 5 * SLOWNESS
        while b"Client connection created" not in self.hub.log():
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)


if __name__ == "__main__":
    unittest.main()
