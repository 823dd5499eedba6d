"""docs/limits.md: what one address, one client and a storm of clients may do.

Goal:   each limit has its exact words, its counted reason, and gives back what it took.
"""

import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import KIND, Client, HubTest, SLOWNESS, msg, pub

VIOLATION = b"-ERR 'Permissions Violation for Publish to \"q\", publish rate exceeded'\r\n"


@unittest.skipIf(KIND == "nats", "nats-server has no such limits")
class Address(HubTest):

    CONFIG = "limits {connections_per_address: 3}"

    def test_an_address_has_so_many(self):
        clients = [self.client().sync() for _ in range(3)]
        refused = self.client(connect=None)
        refused.expect(b"-ERR 'maximum connections exceeded'\r\n")
        refused.expect_closed()
        self.assertEqual(self.hub.counters()["closed:Maximum_Address_Connections_Exceeded"], 1)
        clients[0].close()
        deadline = time.monotonic() + 5 * SLOWNESS
        while True:
            again = self.client(connect=None)
            again.send(b"CONNECT {\"verbose\":false}\r\nPING\r\n")
            if again.line() == b"PONG\r\n":
                break
            self.assertLess(time.monotonic(), deadline)
            again.close()
        for client in clients[1:]:
            client.sync()


@unittest.skipIf(KIND == "nats", "nats-server has no such limits")
class Rate(HubTest):

    EACH = True

    def start(self, action, **quota):
        words = "".join("%s: %s, " % pair for pair in quota.items())
        hub = self.quick_hub(config="limits {publish {%s action: %s}}" % (words, action))
        subscriber, publisher = Client(hub), Client(hub)
        self.addCleanup(subscriber.close)
        self.addCleanup(publisher.close)
        subscriber.send(b"SUB q 1\r\n").sync()
        return hub, subscriber, publisher

    def test_delay(self):
        hub, subscriber, publisher = self.start("delay", messages=200, messages_burst=10)
        begin = time.monotonic()
        publisher.send(pub(b"q", b"x") * 110)
        publisher.send(b"PING\r\n").expect(b"PONG\r\n", 5 * SLOWNESS)
        took = time.monotonic() - begin
        # Ten at once, a hundred at two hundred a second.
        self.assertGreater(took, 0.49)
        self.assertLess(took, 0.7 * SLOWNESS)
        subscriber.sync(msg(b"q", b"1", b"x") * 110)
        self.assertGreater(hub.counters()["sessions_slowed"], 0)
        self.assertNotIn("dropped:rate_limit", hub.counters())

    def test_drop(self):
        hub, subscriber, publisher = self.start("drop", messages=1, messages_burst=10)
        publisher.send(pub(b"q", b"x") * 110).sync()
        subscriber.sync(msg(b"q", b"1", b"x") * 10)
        self.assertEqual(hub.counters()["dropped:rate_limit"], 100)

    def test_error(self):
        hub, subscriber, publisher = self.start("error", messages=1, messages_burst=10)
        publisher.send(pub(b"q", b"x") * 12).sync(VIOLATION * 2)
        subscriber.sync(msg(b"q", b"1", b"x") * 10)
        self.assertEqual(hub.counters()["dropped:rate_limit"], 2)

    def test_bytes(self):
        hub, subscriber, publisher = self.start("drop", bytes=1000, bytes_burst="10kb")
        publisher.send(pub(b"q", b"x" * 1024) * 20).sync()
        subscriber.sync(msg(b"q", b"1", b"x" * 1024) * 10)
        self.assertEqual(hub.counters()["dropped:rate_limit"], 10)

    def test_others_are_not_slowed(self):
        hub, subscriber, publisher = self.start("delay", messages=10, messages_burst=1)
        publisher.send(pub(b"q", b"x") * 20)
        other = Client(hub)
        self.addCleanup(other.close)
        begin = time.monotonic()
        other.send(pub(b"q", b"y")).sync()
        self.assertLess(time.monotonic() - begin, 0.5 * SLOWNESS)


@unittest.skipIf(KIND == "nats", "nats-server has no such limits")
class Storm(HubTest):

    CONFIG = "limits {accept_rate: 500, accept_burst: 50}"
    CLIENTS = 300

    def test_a_storm_is_let_in_at_its_pace(self):
        established, publisher = self.client(), self.client()
        established.send(b"SUB tick 1\r\n").sync()
        stop = threading.Event()
        slowest = [0.0]

        def ticks():
            while not stop.is_set():
                begin = time.monotonic()
                publisher.send(pub(b"tick", b"t"))
                established.expect(msg(b"tick", b"1", b"t"))
                slowest[0] = max(slowest[0], time.monotonic() - begin)
                time.sleep(0.002)

        thread = threading.Thread(target=ticks)
        thread.start()
        begin = time.monotonic()
        crowd = [Client(self.hub, info=False) for _ in range(self.CLIENTS)]
        for client in crowd:
            self.addCleanup(client.close)
            self.assertTrue(client.line(10 * SLOWNESS).startswith(b"INFO "))
        took = time.monotonic() - begin
        stop.set()
        thread.join()
        # Fifty at once, the others at five hundred a second.
        self.assertGreater(took, 0.45)
        self.assertLess(took, 1.5 * SLOWNESS)
        self.assertGreater(self.hub.counters()["connections_delayed"], 0)
        self.assertLess(slowest[0], 0.25 * SLOWNESS)
        for client in crowd:
            client.sync()


if __name__ == "__main__":
    unittest.main()
