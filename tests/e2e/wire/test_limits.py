"""NATS-WIRE 1.3: limits that an operator sets.

Goal:   each limit is refused in the right words, on the right side of the line, and hurts nobody
        else.
Method: hubs started with small limits.
"""

import os
import select
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import Client, HubTest, QUIET, SLOWNESS, VERBOSE, msg, pub

PING = b"PING\r\n"
PONG = b"PONG\r\n"
MAX_SUBS = b"-ERR 'maximum subscriptions exceeded'\r\n"
MAX_CONNECTIONS = b"-ERR 'maximum connections exceeded'\r\n"


class SubscriptionLimitTest(HubTest):
    OPTIONS = {"max_subscriptions": 3, "max_sub_tokens": 3}

    def test_one_too_many(self):
        client = self.client(VERBOSE)
        client.send(b"SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB d 4\r\n")
        client.sync(b"+OK\r\n" * 4 + MAX_SUBS)
        client.send(pub(b"d", b"x") + pub(b"c", b"y"))
        client.sync(b"+OK\r\n+OK\r\n" + msg(b"c", b"3", b"y"))

    def test_limit_is_checked_before_the_duplicate(self):
        client = self.client()
        client.send(b"SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nSUB c 3\r\n").sync(MAX_SUBS)

    def test_room_after_unsub(self):
        client = self.client()
        client.send(b"SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nUNSUB 2\r\nSUB d 4\r\n" + pub(b"d", b"x"))
        client.sync(msg(b"d", b"4", b"x"))

    def test_room_after_max_is_reached(self):
        client = self.client()
        client.send(b"SUB a 1\r\nSUB b 2\r\nSUB c 3\r\nUNSUB 3 1\r\n" + pub(b"c", b"x") +
                    b"SUB d 4\r\n")
        client.sync(msg(b"c", b"3", b"x"))

    def test_limit_is_per_connection(self):
        clients = [self.client() for _ in range(3)]
        for client in clients:
            client.send(b"SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n").sync()

    def test_too_many_tokens(self):
        error = (b"-ERR 'Permissions Violation for Subscription to \"a.b.c.d\", "
                 b"too many tokens'\r\n")
        client = self.client(VERBOSE)
        client.send(b"SUB a.b.c.d 1\r\nSUB a.b.c 1\r\n" + pub(b"a.b.c.d", b"x") +
                    pub(b"a.b.c", b"y"))
        client.sync(b"+OK\r\n" + error + b"+OK\r\n+OK\r\n+OK\r\n" + msg(b"a.b.c", b"1", b"y"))


class LineLimitTest(HubTest):
    OPTIONS = {"max_control_line": 256, "max_payload": 64}

    def test_control_line(self):
        client = self.client()
        client.send(b"SUB " + b"s" * 254 + b" 1\r\n").sync()
        client.send(b"SUB " + b"s" * 255 + b" 1\r\n")
        client.expect(b"-ERR 'maximum control line exceeded'\r\n").expect_closed()

    def test_endless_control_line(self):
        client = self.client()
        client.send(b"PUB " + b"s" * 300)
        client.expect(b"-ERR 'maximum control line exceeded'\r\n").expect_closed()

    def test_payload(self):
        client = self.client()
        client.send(b"SUB f 1\r\n" + pub(b"f", b"p" * 64)).sync(msg(b"f", b"1", b"p" * 64))
        client.send(b"PUB f 65\r\n")
        client.expect(b"-ERR 'Maximum Payload Violation'\r\n").expect_closed()


class ConnectionLimitTest(HubTest):
    OPTIONS = {"max_connections": 5}

    def setUp(self):
        # Connections of the test before may still be on their way out.
        deadline = time.monotonic() + 5 * SLOWNESS
        while time.monotonic() < deadline:
            clients = [Client(self.hub, b"") for _ in range(5)]
            full = [not select.select([client.socket], [], [], 0.02)[0] for client in clients]
            for client in clients:
                client.close()
            time.sleep(0.1)
            if all(full):
                return
        self.fail("five connections are not accepted")

    def test_one_too_many(self):
        clients = [self.client() for _ in range(5)]
        for client in clients:
            client.sync()
        with self.client(b"") as client:
            self.assertIn("server_id", client.info)
            client.expect(MAX_CONNECTIONS).expect_closed()
        for client in clients:
            client.sync()

    def test_refused_in_a_crowd(self):
        clients = [self.client() for _ in range(5)]
        for client in clients:
            client.sync()
        for _ in range(50):
            with self.client(b"") as client:
                client.expect(MAX_CONNECTIONS).expect_closed()
        for client in clients:
            client.sync()

    def test_room_after_one_left(self):
        clients = [self.client() for _ in range(5)]
        clients[2].half_close()
        clients[2].expect_closed()
        deadline = time.monotonic() + 5 * SLOWNESS
        while True:
            with self.client(b"") as client:
                client.send(QUIET + PING)
                if client.line() == PONG:
                    return
            self.assertLess(time.monotonic(), deadline, "the place is never given again")
            time.sleep(0.02)


if __name__ == "__main__":
    unittest.main()
