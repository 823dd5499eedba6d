"""docs/limits.md: subscribers that are behind, under each policy.

Goal:   who is behind loses what its policy says and nothing else, whole messages only, counted under
        its reason; who keeps up and who publishes elsewhere notice nothing.
Method: of two subscribers of a subject one stops reading; a publisher sends far more than the
        kernel's buffers hold; then the stalled one reads on.
"""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import KIND, Client, HubTest, SLOWNESS, msg, pub

RULES = """
slow_subscribers {
  rules: [
    {subject: "cut.>", policy: disconnect, max_pending: 1MB}
    {subject: "newest.>", policy: drop_newest, max_pending: 1MB}
    {subject: "oldest.>", policy: drop_oldest, max_pending: 1MB}
    {subject: "latest.>", policy: latest}
    {subject: "wait.>", policy: wait, max_pending: 1MB, max_wait: "30s"}
    {subject: "brief.>", policy: wait, max_pending: 1MB, max_wait: "300ms", then: drop_newest}
  ]
}
"""

SIZE = 20000
# 40 MB: more than a socket's buffers take, and than the rules allow to wait.
COUNT = 2000


def body(number):
    return (b"%08d" % number) * (SIZE // 8)


@unittest.skipIf(KIND == "nats", "nats-server knows one policy")
class Policies(HubTest):

    EACH = True
    CONFIG = RULES

    def subscriber(self, subject):
        client = self.client(receive_buffer=65536)
        return client.send(b"SUB %s.* 1\r\n" % subject).sync()

    def publish(self, subject, healthy, count=COUNT, names=1):
        """As fast as a healthy subscriber reads, so that only who has stopped is behind."""
        publisher = self.client()
        for number in range(count):
            name = b"%s.%d" % (subject, number % names)
            publisher.send(pub(name, body(number)))
            if healthy is not None:
                healthy.expect(msg(name, b"1", body(number)), 20 * SLOWNESS)
        return publisher.send(b"PING\r\n").expect(b"PONG\r\n", 20 * SLOWNESS)

    def rest(self, client):
        """The numbers of all messages that are left for it; each is whole."""
        client.send(b"PING\r\n")
        numbers = []
        while True:
            line = client.line(20 * SLOWNESS)
            if line == b"PONG\r\n":
                return numbers
            self.assertEqual(int(line.split()[-1]), SIZE, line)
            payload = client.read(SIZE + 2, 20 * SLOWNESS)
            number = int(payload[:8])
            self.assertEqual(payload, body(number) + b"\r\n")
            numbers.append(number)

    def dropped(self, reason):
        return self.hub.counters().get("dropped:" + reason, 0)

    def test_disconnect(self):
        stalled, healthy = self.subscriber(b"cut"), self.subscriber(b"cut")
        self.publish(b"cut", healthy)
        counters = self.hub.counters()
        self.assertEqual(counters["closed:Slow_Consumer_(Pending_Bytes)"], 1)
        self.assertGreater(counters["dropped:pending_limit"], 0)
        stalled.drain(10 * SLOWNESS)
        self.assertTrue(stalled.ended)
        healthy.sync()

    def test_drop_newest(self):
        stalled, healthy = self.subscriber(b"newest"), self.subscriber(b"newest")
        self.publish(b"newest", healthy)
        numbers = self.rest(stalled)
        # What came first is there, without a gap.
        self.assertEqual(numbers, list(range(len(numbers))))
        self.assertEqual(self.dropped("policy_newest"), COUNT - len(numbers))
        self.assertGreater(COUNT - len(numbers), COUNT // 2)
        self.publish(b"newest", healthy, 10)
        self.assertEqual(self.rest(stalled), list(range(10)))

    def test_drop_oldest(self):
        stalled, healthy = self.subscriber(b"oldest"), self.subscriber(b"oldest")
        self.publish(b"oldest", healthy)
        numbers = self.rest(stalled)
        # What the kernel had, one gap, then the last 1 MB.
        gaps = [i for i in range(1, len(numbers)) if numbers[i] != numbers[i - 1] + 1]
        self.assertEqual(len(gaps), 1)
        self.assertEqual(numbers[-1], COUNT - 1)
        kept = len(numbers) - gaps[0]
        self.assertAlmostEqual(kept, (1 << 20) // SIZE, delta=2)
        self.assertEqual(self.dropped("policy_oldest"), COUNT - len(numbers))

    def test_latest(self):
        stalled, healthy = self.subscriber(b"latest"), self.subscriber(b"latest")
        self.publish(b"latest", healthy, names=10)
        numbers = self.rest(stalled)
        # What the kernel had, then the newest of each of ten subjects.
        self.assertEqual(numbers[-10:], list(range(COUNT - 10, COUNT)))
        self.assertEqual(numbers[:-10], list(range(len(numbers) - 10)))
        self.assertEqual(self.dropped("policy_replaced"), COUNT - len(numbers))

    def test_wait_loses_nothing(self):
        stalled, healthy = self.subscriber(b"wait"), self.subscriber(b"wait")
        publisher = self.client()
        publisher.socket.settimeout(2 * SLOWNESS)
        sent = bytearray()
        with self.assertRaises(OSError):
            for number in range(COUNT):
                sent = pub(b"wait.0", body(number))
                while sent:
                    del_count = publisher.socket.send(sent)
                    sent = sent[del_count:]
        last = number
        # Others are not held back.
        other = self.client()
        other.send(b"SUB elsewhere 7\r\n").sync()
        other.send(pub(b"elsewhere", b"hi")).sync(msg(b"elsewhere", b"7", b"hi"))
        self.assertGreater(self.hub.counters()["sessions_held"], 0)
        self.assertLess(last, COUNT - 1)
        # Once it reads, all come, and the publisher goes on.
        for number in range(last):
            stalled.expect(msg(b"wait.0", b"1", body(number)), 20 * SLOWNESS)
            healthy.expect(msg(b"wait.0", b"1", body(number)), 20 * SLOWNESS)
        publisher.socket.settimeout(20 * SLOWNESS)
        publisher.send(sent).sync()
        stalled.expect(msg(b"wait.0", b"1", body(last)), 20 * SLOWNESS)
        self.assertEqual(sum(self.dropped("policy_" + kind)
                             for kind in ("newest", "oldest", "replaced")), 0)

    def test_wait_is_bounded(self):
        stalled = self.subscriber(b"brief")
        begin = time.monotonic()
        self.publish(b"brief", None)
        self.assertGreater(time.monotonic() - begin, 0.25)
        numbers = self.rest(stalled)
        # What comes while there is no room is dropped; the kernel may make some before the end.
        self.assertEqual(numbers, sorted(set(numbers)))
        self.assertEqual(numbers[:10], list(range(10)))
        self.assertEqual(self.dropped("policy_newest"), COUNT - len(numbers))

    def test_memory_is_back(self):
        stalled, healthy = self.subscriber(b"oldest"), self.subscriber(b"latest")
        self.publish(b"oldest", None, 200)
        self.publish(b"latest", None, 200, names=200)
        for client in (stalled, healthy):
            client.abort()
        deadline = time.monotonic() + 10 * SLOWNESS
        while True:
            counters = self.hub.counters()
            if (counters["connections"], counters["pending_entries_bytes"],
                    counters["blocked"]) == (2, 0, 0):
                break
            self.assertLess(time.monotonic(), deadline, counters)
            time.sleep(0.05)


if __name__ == "__main__":
    unittest.main()
