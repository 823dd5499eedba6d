"""NATS-WIRE 4.1: PING, PONG and stale connections.

Goal:   a silent peer is asked, and dropped when it does not answer; a live one never is.
Method: hubs with short intervals. Times are bounds that only a stuck or hasty hub misses.
"""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import HubTest, QUIRKS, SLOWNESS, msg, pub

PING = b"PING\r\n"
PONG = b"PONG\r\n"
STALE = b"-ERR 'Stale Connection'\r\n"


class PingTest(HubTest):
    OPTIONS = {"ping_interval": "500ms", "ping_max": 2}
    PINGS = True

    def test_silent_client_is_asked_then_dropped(self):
        client = self.client()
        start = time.monotonic()
        client.expect(PING + PING + STALE, 10 * SLOWNESS).expect_closed()
        self.assertGreater(time.monotonic() - start, 1.2)

    def test_silent_client_without_connect(self):
        client = self.client(b"")
        start = time.monotonic()
        client.expect(PING + PING + STALE, 10 * SLOWNESS).expect_closed()
        self.assertGreater(time.monotonic() - start, 1.2)

    def test_client_that_answers_stays(self):
        client = self.client()
        for _ in range(5):
            client.expect(PING)
            client.send(PONG)
        client.sync()

    def test_one_answer_pays_for_all(self):
        client = self.client()
        for _ in range(3):
            client.expect(PING + PING)
            client.send(PONG)
        client.sync()

    def test_unasked_answers_are_ignored(self):
        client = self.client()
        client.send(PONG * 10).sync()
        client.expect(PING + PING + STALE, 10 * SLOWNESS).expect_closed()

    def test_client_that_is_busy_is_not_dropped(self):
        """Traffic in the interval stands for an answer; PINGs that come are not answered."""
        client = self.client()
        deadline = time.monotonic() + 3
        pings = 0
        while time.monotonic() < deadline:
            client.send(pub(b"foo", b"x") + b"PING\r\n")
            while True:
                line = client.line()
                if line == PONG:
                    break
                self.assertEqual(line, PING)
                pings += 1
            time.sleep(0.1)
        self.assertLessEqual(pings, 2)
        client.sync()

    def test_receiving_is_not_enough(self):
        """A client that only listens is asked all the same, between its messages."""
        receiver, publisher = self.client(), self.client()
        receiver.send(b"SUB foo 1\r\n").sync()
        deadline = time.monotonic() + (3 if QUIRKS["listening_is_alive"] else 8 * SLOWNESS)
        while not receiver.ended and time.monotonic() < deadline:
            publisher.send(pub(b"foo", b"x"))
            while receiver._fill(0.02):
                pass
            if publisher._fill(0):
                publisher.buffer.clear()
                publisher.send(PONG)
        rest = bytes(receiver.buffer).replace(msg(b"foo", b"1", b"x"), b"")
        if QUIRKS["listening_is_alive"]:
            self.assertEqual(rest, PING)
        else:
            self.assertEqual(rest, PING + PING + STALE)


class FirstPingTest(HubTest):
    OPTIONS = {"ping_interval": "60s"}
    PINGS = True

    def test_first_ping_comes_soon_after_connect(self):
        """Two seconds and up to a fifth more, even if the client is busy: it measures the RTT."""
        client, busy = self.client(), self.client()
        start = time.monotonic()
        client.send(PING).expect(PONG)
        busy.send(PING).expect(PONG)
        first = None
        while first is None and time.monotonic() - start < 6 * SLOWNESS:
            busy.send(pub(b"foo", b"x"))
            if busy._fill(0.05):
                first = time.monotonic() - start
        self.assertEqual(bytes(busy.buffer), PING)
        self.assertGreater(first, 1.5)
        client.expect(PING)
        client.expect_nothing(1)

    def test_no_first_ping_without_connect(self):
        self.client(b"").expect_nothing(3)


class PongTest(HubTest):

    def test_every_ping_is_answered_once(self):
        client = self.client()
        client.send(PING * 100000)
        client.expect(PONG * 100000, 30 * SLOWNESS)
        client.sync()

    def test_pong_is_in_order_with_messages(self):
        client = self.client()
        client.send(b"SUB foo 1\r\n")
        client.send((pub(b"foo", b"x") + PING) * 2000)
        client.expect((msg(b"foo", b"1", b"x") + PONG) * 2000, 20 * SLOWNESS)

    def test_pong_before_connect(self):
        self.client(b"").sync()


if __name__ == "__main__":
    unittest.main()
