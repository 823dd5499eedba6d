"""docs/limits.md: every limit, hit on purpose.

Goal:   each has its exact words, is counted under its own reason and no other, and when its victims
        are gone, memory is what it was.
Method: one hub with all limits low; each is hit twice, so that what the first round leaves in pools is
        known; /metrics before and after.
"""

import json
import os
import re
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import Client, HubTest, KIND, SLOWNESS, pub

CONFIG = """
http: 127.0.0.1:-1
max_connections: 12
max_subscriptions: 3
max_sub_tokens: 4
max_control_line: 256
max_payload: 64KB
max_pending: 1MB
ping_interval: "%(ping)dms"
ping_max: 1
write_deadline: "60s"
max_memory: 64MB
authorization {
  timeout: "%(login)dms"
  users: [
    {user: alice, password: a}
    {user: bob, password: b, permissions {publish: "b.>", subscribe: "b.>"}}
    {user: carol, password: c}
  ]
}
limits {
  connections_per_user: 5
  publish {messages: 1, messages_burst: 2000, action: error}
}
slow_subscribers {
  rules: [
    {subject: "newest.>", policy: drop_newest, max_pending: 100KB}
    {subject: "oldest.>", policy: drop_oldest, max_pending: 100KB}
    {subject: "latest.>", policy: latest, max_pending: 100KB}
  ]
}
""" % {"ping": 1000 * SLOWNESS, "login": 300 * SLOWNESS}
GAUGES = ("connections", "subscriptions", "audiences", "patterns", "blocked_connections",
          "message_bytes", "pending_list_bytes", "index_bytes", "input_bytes",
          "envelopes_under_way", "interest_literals", "interest_patterns")


def login(user, **more):
    words = "".join(',"%s":%s' % pair for pair in more.items())
    return ('CONNECT {"verbose":false,"pedantic":false,"user":"%s","pass":"%s"%s}\r\n' %
            (user, user[0], words)).encode()


@unittest.skipIf(KIND == "nats", "words and counters are ringhub's")
class EveryLimit(HubTest):
    CONFIG = CONFIG

    def metrics(self):
        with open(self.hub.ports_path, "rb") as ports:
            url = json.load(ports)["monitoring"][0]
        with urllib.request.urlopen(url + "/metrics", timeout=10 * SLOWNESS) as answer:
            text = answer.read().decode()
        return {name: float(value)
                for name, value in re.findall(r"^(ringhub_[^\s]+) (\S+)$", text, re.M)}

    def reasons(self):
        return {re.search(r'"(.*)"', name).group(1): value
                for name, value in self.metrics().items()
                if name.startswith(("ringhub_connections_closed_total",
                                    "ringhub_deliveries_dropped_total"))}

    def gauges(self):
        metrics = self.metrics()
        return {name: metrics["ringhub_" + name] for name in GAUGES}

    def empty(self):
        """The gauges once nobody is there and nothing is under way."""
        deadline = time.monotonic() + 10 * SLOWNESS
        while True:
            gauges = self.gauges()
            if gauges["connections"] == 0 and gauges["envelopes_under_way"] == 0 and \
                    gauges["pending_list_bytes"] == 0:
                return gauges
            self.assertLess(time.monotonic(), deadline, gauges)
            time.sleep(0.02)

    def hit(self, limit, reasons):
        """limit(client maker) hits it; these reasons, and besides them only the end of clients, are
        counted; afterwards the hub is as it was."""
        after = []
        for _ in range(2):
            before = self.reasons()
            clients = []

            def make(connect=login("alice"), **more):
                clients.append(Client(self.hub, connect, **more))
                return clients[-1]

            limit(make)
            for client in clients:
                client.close()
            after.append(self.empty())
            counted = {name: value - before[name] for name, value in self.reasons().items()
                       if value != before[name]}
            for name in ("client_closed", "write_error", "read_error", "session_closed",
                         "session_closing"):
                if name not in reasons:
                    counted.pop(name, None)
            self.assertEqual(set(counted), set(reasons))
            for name, count in reasons.items():
                if count is not None:
                    self.assertEqual(counted[name], count, name)
        for name in GAUGES:
            # A worker keeps the chunk it fills.
            room = 2 * 65536 * 4 if name == "message_bytes" else 0
            self.assertLessEqual(after[1][name], after[0][name] + room, name)
        self.assertEqual([after[1][name] for name in ("subscriptions", "audiences", "patterns",
                                                      "blocked_connections", "input_bytes",
                                                      "interest_literals", "interest_patterns")],
                         [0] * 7)

    def closing(self, words, text, reason, connect=login("alice")):
        def limit(make):
            client = make(connect)
            client.send(words)
            client.expect(text).expect_closed()
        self.hit(limit, {reason: 1})

    def test_control_line(self):
        self.closing(b"SUB %s 1\r\n" % (b"a" * 300), b"-ERR 'maximum control line exceeded'\r\n",
                     "maximum_control_line_exceeded")

    def test_payload(self):
        self.closing(b"PUB a 65537\r\n", b"-ERR 'Maximum Payload Violation'\r\n",
                     "maximum_message_payload_exceeded")

    def test_unknown_operation(self):
        self.closing(b"NONSENSE\r\n", b"-ERR 'Unknown Protocol Operation'\r\n", "protocol_violation")

    def test_login(self):
        self.closing(b"", b"-ERR 'Authorization Violation'\r\n", "authentication_failure",
                     login("nobody"))

    def test_login_timeout(self):
        self.closing(b"", b"-ERR 'Authentication Timeout'\r\n", "authentication_timeout", None)

    def test_protocol(self):
        self.closing(b"", b"-ERR 'invalid client protocol'\r\n", "bad_client_protocol_version",
                     login("alice", protocol=9))

    def test_no_responders(self):
        self.closing(b"", b"-ERR 'no responders requires headers support'\r\n",
                     "no_responders_requires_headers",
                     login("alice", no_responders="true", headers="false"))

    def test_silence(self):
        def limit(make):
            client = make(login("alice"), pings=True)
            client.expect(b"PING\r\n").expect(b"-ERR 'Stale Connection'\r\n", 10 * SLOWNESS)
            client.expect_closed()
        self.hit(limit, {"stale_connection": 1})

    def test_subscriptions(self):
        def limit(make):
            client = make()
            client.send(b"".join(b"SUB a.%d %d\r\n" % (i, i) for i in range(5)))
            client.sync(b"-ERR 'maximum subscriptions exceeded'\r\n" * 2)
            client.send(b"UNSUB 1\r\nSUB a.b.c.d.e 9\r\n").sync(
                b"-ERR 'Permissions Violation for Subscription to \"a.b.c.d.e\", "
                b"too many tokens'\r\n")
        self.hit(limit, {})

    def test_connections(self):
        def limit(make):
            for user in ("alice", "bob"):
                for _ in range(5):
                    make(login(user)).sync()
            make(login("carol")).sync()
            make(login("carol")).sync()
            refused = make(None)
            refused.expect(b"-ERR 'maximum connections exceeded'\r\n").expect_closed()
        self.hit(limit, {"maximum_connections_exceeded": 1})

    def test_connections_of_a_user(self):
        def limit(make):
            for _ in range(5):
                make().sync()
            make().expect(
                b"-ERR 'maximum account active connections exceeded'\r\n").expect_closed()
        self.hit(limit, {"maximum_account_connections_exceeded": 1})

    def test_permissions(self):
        def limit(make):
            bob = make(login("bob"))
            bob.send(pub(b"a", b"x") + b"SUB a 1\r\n").sync(
                b"-ERR 'Permissions Violation for Publish to \"a\"'\r\n"
                b"-ERR 'Permissions Violation for Subscription to \"a\"'\r\n")
        self.hit(limit, {"not_permitted": 1})

    def test_reserved_subjects(self):
        def limit(make):
            make().send(pub(b"_GR_.a", b"x")).sync(
                b"-ERR 'Permissions Violation for Publish to \"_GR_.a\"'\r\n")
        self.hit(limit, {"reserved_subject": 1})

    def test_publish_rate(self):
        def limit(make):
            make().send(pub(b"q", b"x") * 2003).sync(
                b"-ERR 'Permissions Violation for Publish to \"q\", publish rate exceeded'\r\n" * 3)
        self.hit(limit, {"rate_limit": 3})

    def overflow(self, subject, reasons):
        def limit(make):
            slow = make(login("alice"), receive_buffer=4096)
            slow.send(b"SUB %s 1\r\n" % subject).sync()
            publisher = make(login("carol"))
            publisher.send(pub(subject, b"x" * 60000) * 200).sync()
        self.hit(limit, reasons)

    def test_pending(self):
        self.overflow(b"plain.a", {"slow_consumer_pending_bytes": 1, "pending_limit": None})

    def test_drop_newest(self):
        self.overflow(b"newest.a", {"policy_newest": None})

    def test_drop_oldest(self):
        self.overflow(b"oldest.a", {"policy_oldest": None})

    def test_latest(self):
        self.overflow(b"latest.a", {"policy_replaced": None})


if __name__ == "__main__":
    unittest.main()
