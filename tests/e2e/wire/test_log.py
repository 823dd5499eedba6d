"""The log: with -DV every word of a client and of the hub is a line, and no line holds a secret.

Goal:   who looks for a mistake in a client sees what it said and what it was told, in the lines that
        nats-server writes; a reload turns that on and off for who is connected.
Method: a conversation, its lines looked up in the log in their order. The reference writes the same.
"""

import os
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import Client, Hub, HubTest, KIND, SLOWNESS

SECRET = "s3cr3t"
TALK = (b'CONNECT {"verbose":true,"pedantic":false,"headers":true,"lang":"go","version":"1.31.0",'
        b'"name":"shop","user":"u","pass":"%s"}\r\n'
        b"SUB a q 1\r\nPUB a 2\r\nhi\r\nHPUB a r 12 14\r\nNATS/1.0\r\n\r\nho\r\nUNSUB 1 5\r\nPING\r\n"
        % SECRET.encode())
SAID = ["[SUB a q 1]", "[PUB a 2]", 'MSG_PAYLOAD: ["hi"]', "[HPUB a r 12 14]",
        'MSG_PAYLOAD: ["NATS/1.0\\r\\n\\r\\nho"]', "[UNSUB 1 5]", "[PING]"]
TOLD = ["[OK]"] * 5 + ["[MSG a 1 2]", "[HMSG a 1 r 12 14]", "[PONG]"]


def until_logged(hub, pattern):
    """The log, once the pattern is in it."""
    deadline = time.monotonic() + 5 * SLOWNESS
    while True:
        log = hub.log().decode()
        if re.search(pattern, log):
            return log
        if time.monotonic() > deadline:
            raise AssertionError("no %r in\n%s" % (pattern, log))
        time.sleep(0.01)


class Traced(HubTest):
    FLAGS = ("-DV",)

    def test_every_word_is_a_line(self):
        client = self.client(None).send(TALK)
        until_logged(self.hub, r"->> \[PONG\]")
        client.close()
        log = until_logged(self.hub, "Client connection closed")
        lines = [line for line in log.splitlines() if "<<- " in line or "->> " in line]
        for line in lines:
            self.assertRegex(line, r"\[TRC\] 127\.0\.0\.1:\d+ - cid:\d+ - ")
        self.assertIn(' - "v1.31.0:go:shop" - <<- [PING]', lines[-2])
        self.assertNotIn(SECRET, log)
        said = [line.split("<<- ")[1] for line in lines if "<<- " in line]
        self.assertRegex(said[0], r'^\[CONNECT \{"verbose":true,.*"\[REDACTED\]".*\}\]$')
        self.assertEqual(said[1:], SAID)
        # Messages of one read are matched together: their lines may come behind a later answer's. The
        # reference does not trace INFO.
        told = [line.split("->> ")[1] for line in lines if "->> " in line and "[INFO " not in line]
        self.assertEqual(sorted(told), sorted(TOLD))


@unittest.skipIf(KIND == "nats", "its options are fixed by flags")
class Reloaded(unittest.TestCase):
    def reload(self, hub, text):
        before = hub.log().count(b"Reloaded server configuration")
        with open(os.path.join(hub.directory, "test.conf"), "w", encoding="ascii") as file:
            file.write(text)
        os.kill(hub.pid, signal.SIGHUP)
        deadline = time.monotonic() + 5 * SLOWNESS
        while hub.log().count(b"Reloaded server configuration") == before:
            self.assertLess(time.monotonic(), deadline, hub.output())
            time.sleep(0.01)

    def test_a_reload_turns_it_on_and_off(self):
        hub = Hub(config="trace: false\n")
        self.addCleanup(hub.stop)
        with Client(hub) as client:
            client.sync()
            self.assertNotIn(b"[TRC]", hub.log())
            self.reload(hub, "trace: true\n")
            client.sync()
            until_logged(hub, r"<<- \[PING\](.|\n)*->> \[PONG\]")
            self.reload(hub, "trace: false\n")
            client.sync()
            before = hub.log().count(b"[TRC]")
            client.sync()
            time.sleep(0.2)
            self.assertEqual(hub.log().count(b"[TRC]"), before)


if __name__ == "__main__":
    unittest.main()
