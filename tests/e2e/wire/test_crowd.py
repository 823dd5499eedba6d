#!/usr/bin/env python3
"""More connections than the hub may have descriptors.

Their sockets live in the tables of the workers' rings: everybody is delivered to, and everything
is given back. Where that is not possible the hub says so and takes fewer connections.
"""

import os
import pathlib
import re
import resource
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness
from harness import Client, Hub, msg, pub

FILES = 600
CROWD = 1000
TABLES = b"Sockets:  in the workers' tables"
NO_TABLES = b"(nor can sockets live in the workers' tables: "
KERNEL = tuple(int(part) for part in re.findall(r"\d+", os.uname().release)[:2])


def until(condition, seconds=10 * harness.SLOWNESS):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


@unittest.skipIf(harness.KIND == "nats", "nats-server has nothing but descriptors")
class CrowdTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        cls.soft = soft
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

    @classmethod
    def tearDownClass(cls):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (cls.soft, hard))

    def hub(self, **options):
        hub = Hub(files=FILES, workers=2, **options)
        self.addCleanup(hub.kill)
        return hub

    def direct_hub(self):
        """A hub with room for CROWD connections; None where the kernel has none, as the hub says."""
        hub = self.hub(max_connections=CROWD)
        if TABLES in hub.log():
            return hub
        self.assertTrue(harness.IO != "uring" or KERNEL < (6, 13), hub.output())
        self.assertIn(NO_TABLES, hub.log())
        hub.stop()
        return None

    def crowd(self, hub, count):
        clients = []
        for _ in range(count):
            client = Client(hub)
            self.addCleanup(client.close)
            client.send(b"SUB all 1\r\nSUB own.%d 2\r\n" % len(clients))
            clients.append(client)
        for client in clients:
            client.sync()
        return clients

    def test_everybody_is_delivered_to(self):
        hub = self.direct_hub()
        if hub is None:
            return
        before = hub.descriptors()
        clients = self.crowd(hub, CROWD)
        self.assertLess(hub.descriptors(), before + 50)
        # Everybody hears the one, and is heard by his neighbour.
        clients[0].send(pub(b"all", b"x" * 3000))
        for client in clients:
            client.expect(msg(b"all", b"1", b"x" * 3000))
        for number, client in enumerate(clients):
            client.send(pub(b"own.%d" % ((number + 1) % CROWD), b"%d" % number))
        for number, client in enumerate(clients):
            client.expect(msg(b"own.%d" % number, b"2", b"%d" % ((number - 1) % CROWD)))
        self.assertEqual(hub.counters()["connections"], CROWD)
        for number, client in enumerate(clients):
            (client.abort if number % 2 else client.close)()
        self.assertTrue(until(lambda: hub.counters()["connections"] == 0))
        self.assertLessEqual(hub.descriptors(), before)
        self.crowd(hub, 100)
        hub.stop()

    def test_all_come_at_once(self):
        hub = self.direct_hub()
        if hub is None:
            return
        clients = [Client(hub, info=False, connect=None) for _ in range(CROWD)]
        for client in clients:
            self.addCleanup(client.close)
        for client in clients:
            self.assertTrue(client.line().startswith(b"INFO "))
            client.sync()
        self.assertNotIn(b"Error accepting", hub.log())
        hub.stop()

    def test_who_comes_too_late_is_told(self):
        hub = self.direct_hub()
        if hub is None:
            return
        self.crowd(hub, CROWD)
        late = Client(hub, connect=None)
        self.addCleanup(late.close)
        late.expect(b"-ERR 'maximum connections exceeded'\r\n").expect_closed()
        hub.stop()

    def test_without_tables_the_hub_takes_fewer(self):
        hub = self.hub(max_connections=CROWD, descriptors="plain")
        self.assertIn(b"not for max_connections=%d" % CROWD, hub.log())
        self.assertIn(b"among the process's descriptors", hub.log())
        hub.stop()

    def test_a_default_asks_for_no_tables(self):
        hub = self.hub(descriptors="auto")
        self.assertIn(b"among the process's descriptors", hub.log())
        hub.stop()


if __name__ == "__main__":
    unittest.main()
