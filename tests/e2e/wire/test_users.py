"""docs/limits.md, NATS-WIRE 5 and 9: users of a configuration file and what they may take together.

Goal:   connections and publish rate of a user hold on all workers together, with their exact words and
        counted reasons, and give back what they took; reloads count on, and close nobody for a number.
Method: own hubs with files; raw clients; counters of SIGUSR1 and the pages of monitoring.
"""

import json
import os
import signal
import sys
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import Client, HubTest, KIND, SLOWNESS, msg, pub

TOO_MANY = b"-ERR 'maximum account active connections exceeded'\r\n"
USERS = """
authorization { users: [ {user: alice, password: a}, {user: bob, password: b} ] }
"""
MONITOR = "http: 127.0.0.1:-1\n"


def login(user):
    return ('CONNECT {"verbose":false,"pedantic":false,"user":"%s","pass":"%s"}\r\n' %
            (user, user[0])).encode()


def reload(hub, config, sentence=b"Reloaded server configuration"):
    before = hub.log().count(sentence)
    with open(os.path.join(hub.directory, "test.conf"), "w", encoding="ascii") as file:
        file.write(config)
    os.kill(hub.pid, signal.SIGHUP)
    deadline = time.monotonic() + 10 * SLOWNESS
    while hub.log().count(sentence) == before:
        if time.monotonic() > deadline:
            raise AssertionError("not reloaded:\n" + hub.output())
        time.sleep(0.005)


def page(hub, path):
    with open(hub.ports_path, "rb") as ports:
        url = json.load(ports)["monitoring"][0]
    with urllib.request.urlopen(url + path, timeout=10 * SLOWNESS) as answer:
        return json.load(answer)


def until(condition, what):
    deadline = time.monotonic() + 5 * SLOWNESS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(what)
        time.sleep(0.01)


@unittest.skipIf(KIND == "nats", "nats-server has no such limits")
class Users(HubTest):

    EACH = True

    def hub_of(self, limits):
        return self.quick_hub(config=MONITOR + USERS + limits)

    def client_of(self, hub, user):
        client = Client(hub, login(user) if user else None)
        self.addCleanup(client.close)
        return client

    def test_connections(self):
        hub = self.hub_of("limits {connections_per_user: 3}")
        clients = [self.client_of(hub, "alice").sync() for _ in range(3)]
        for _ in range(4):
            self.client_of(hub, "alice").send(b"PING\r\n").expect(TOO_MANY).expect_closed()
        self.client_of(hub, "bob").sync()
        self.assertEqual(hub.counters()["closed:Maximum_Account_Connections_Exceeded"], 4)
        users = sorted(row["authorized_user"] for row in page(hub, "/connz?auth=1")["connections"])
        self.assertEqual(users, ["alice"] * 3 + ["bob"])
        self.assertEqual(page(hub, "/connz?auth=1&user=bob")["total"], 1)
        clients[0].close()
        until(lambda: page(hub, "/varz")["connections"] == 3, "the place is not free")
        self.client_of(hub, "alice").sync()

    def test_closed_connections_had_a_user(self):
        hub = self.hub_of("")
        self.client_of(hub, "bob").sync().close()
        self.client_of(hub, "alice").send(b"x\r\n")
        until(lambda: page(hub, "/connz?state=closed")["total"] == 2, "they are not gone")
        rows = page(hub, "/connz?auth=1&state=closed&sort=cid")["connections"]
        self.assertEqual([row["authorized_user"] for row in rows], ["bob", "alice"])

    def publish(self, action):
        hub = self.hub_of("limits {publish_per_user {messages: 1, messages_burst: 20, action: %s}}"
                          % action)
        subscriber = self.client_of(hub, "bob").send(b"SUB q 1\r\n").sync()
        return hub, subscriber, [self.client_of(hub, "alice").sync() for _ in range(4)]

    def test_publishers_share_their_rate(self):
        hub, subscriber, publishers = self.publish("drop")
        for publisher in publishers:
            publisher.send(pub(b"q", b"x") * 10).sync()
        subscriber.sync(msg(b"q", b"1", b"x") * 20)
        self.assertEqual(hub.counters()["dropped:rate_limit"], 20)
        # Another user's rate is his own.
        self.client_of(hub, "bob").send(pub(b"q", b"y") * 20).sync()
        subscriber.sync(msg(b"q", b"1", b"y") * 20)

    def test_publishers_are_told(self):
        hub, subscriber, publishers = self.publish("error")
        publishers[0].send(pub(b"q", b"x") * 20).sync()
        publishers[1].send(pub(b"q", b"x")).sync(
            b"-ERR 'Permissions Violation for Publish to \"q\", publish rate exceeded'\r\n")
        subscriber.sync(msg(b"q", b"1", b"x") * 20)
        self.assertEqual(hub.counters()["dropped:rate_limit"], 1)

    def test_reload(self):
        hub = self.hub_of("")
        clients = [self.client_of(hub, "alice").sync() for _ in range(4)]
        loaded = page(hub, "/varz")["config_load_time"]
        reload(hub, MONITOR + USERS + "max_connections: 5\nlimits {connections_per_user: 2}\n")
        varz = page(hub, "/varz")
        self.assertEqual(varz["max_connections"], 5)
        self.assertGreater(varz["config_load_time"], loaded)
        for client in clients:
            client.sync()
        self.client_of(hub, "alice").expect(TOO_MANY).expect_closed()
        until(lambda: page(hub, "/varz")["connections"] == 4, "the refused are not gone")
        self.client_of(hub, "bob").sync()
        refused = self.client_of(hub, None)
        refused.expect(b"-ERR 'maximum connections exceeded'\r\n").expect_closed()
        for client in clients[1:]:
            client.close()
        until(lambda: page(hub, "/varz")["connections"] == 2, "their places are not free")
        self.client_of(hub, "alice").sync()
        self.client_of(hub, "alice").expect(TOO_MANY).expect_closed()

    def test_lowered_max_connections(self):
        hub = self.hub_of("max_connections: 10")
        clients = [self.client_of(hub, "alice").sync() for _ in range(4)]
        reload(hub, MONITOR + USERS + "max_connections: 2\n")
        self.assertEqual(page(hub, "/varz")["max_connections"], 2)
        for count in (3, 2, 1):
            for client in clients:
                client.sync()
            self.client_of(hub, None).expect(
                b"-ERR 'maximum connections exceeded'\r\n").expect_closed()
            clients.pop().close()
            until(lambda: page(hub, "/varz")["connections"] == count, "it is not gone")
        self.client_of(hub, "bob").sync()
        reload(hub, MONITOR + USERS + "max_connections: 1000\n")
        self.assertEqual(page(hub, "/varz")["max_connections"], 10)
        self.assertIn(b"max_connections = 1000 needs a restart; until then there is room for 10",
                      hub.log())


if __name__ == "__main__":
    unittest.main()
