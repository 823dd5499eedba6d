"""NATS-WIRE 4.4: slow consumers, by pending bytes and by write deadline.

Goal:   who does not read is closed without -ERR and without a flush; what it did get is a prefix
        of what it should have got; nobody else waits for it or loses anything.
Method: a subscriber that stops reading beside one that reads, and a publisher that sends more than
        the kernel's buffers and the limit hold together.
"""

import os
import select
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from harness import Client, HubTest, QUIRKS, SLOWNESS, msg, pub

MEGABYTE = 1 << 20


def body(number, size):
    return (b"%08d" % number) * (size // 8)


class Reader(threading.Thread):
    """Reads and checks count messages; its verdict is in problem."""

    def __init__(self, client, sid, count, size):
        super().__init__(daemon=True)
        self.client, self.sid, self.count, self.size = client, sid, count, size
        self.number = 0
        self.problem = "not finished"
        self.start()

    def run(self):
        try:
            for self.number in range(self.count):
                self.client.expect(msg(b"big", self.sid, body(self.number, self.size)),
                                   40 * SLOWNESS)
            self.problem = None
        except (AssertionError, OSError) as error:
            self.problem = "message %d: %s" % (self.number, error)


class SlowTest(HubTest):

    def publish(self, publisher, count, size, reader=None):
        """Never far ahead of the hub, nor of a reader, so that only who has stopped is slow."""
        deadline = time.monotonic() + 40 * SLOWNESS
        for number in range(count):
            publisher.send(pub(b"big", body(number, size)))
            if number % 4 == 3:
                publisher.send(b"PING\r\n").expect(b"PONG\r\n", 30 * SLOWNESS)
            while reader is not None and reader.number < number - 4 and reader.is_alive():
                self.assertLess(time.monotonic(), deadline, "the healthy reader gets nothing")
                time.sleep(0.0005)
        publisher.send(b"PING\r\n").expect(b"PONG\r\n", 30 * SLOWNESS)

    def assert_cut_off(self, slow, sid, count, size, seconds):
        """The rest of the stream is a true prefix, without -ERR, and then it ends."""
        # A wide window, so that what the kernel still holds comes quickly.
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 * MEGABYTE)
        got = slow.drain(seconds).replace(b"PING\r\n", b"")  # payloads are digits
        self.assertTrue(slow.ended, "a slow consumer was not closed")
        want = b"".join(msg(b"big", sid, body(number, size)) for number in range(count))
        self.assertLess(len(got), len(want), "nothing was withheld: the test shows nothing")
        self.assertTrue(want.startswith(got), "what came is not a prefix of what was due")

    def assert_reads_all(self, reader):
        reader.join(50 * SLOWNESS)
        self.assertIsNone(reader.problem)


class PendingTest(SlowTest):
    OPTIONS = {"max_pending": 2 * MEGABYTE, "max_payload": 256 * 1024, "write_deadline": "2s"}

    def test_over_max_pending(self):
        size, count = 128 * 1024, 256  # 32 MiB: more than any socket buffer and the limit
        slow = self.client(receive_buffer=4096)
        healthy, publisher = self.client(), self.client()
        slow.send(b"SUB big 1\r\n").sync()
        healthy.send(b"SUB big 2\r\n").sync()
        reader = Reader(healthy, b"2", count, size)
        self.publish(publisher, count, size, reader)
        self.assert_reads_all(reader)
        self.assert_cut_off(slow, b"1", count, size, 10 * SLOWNESS)

    def test_closed_at_once_not_at_the_deadline(self):
        """Over max_pending the socket is closed then, though no write came back."""
        if QUIRKS["stalls"]:
            return
        hub = self.quick_hub(max_pending=MEGABYTE, max_payload=64 * 1024, write_deadline="60s")
        slow, publisher = Client(hub, receive_buffer=4096), Client(hub)
        self.addCleanup(slow.close)
        self.addCleanup(publisher.close)
        slow.send(b"SUB big 1\r\n").sync()
        size, count = 64 * 1024, 512
        start = time.monotonic()
        self.publish(publisher, count, size)
        self.assert_cut_off(slow, b"1", count, size, 10 * SLOWNESS)
        self.assertLess(time.monotonic() - start, 25 * SLOWNESS)

    def test_within_the_limit_nothing_is_lost(self):
        """A backlog below max_pending waits as long as the deadline allows."""
        size, count = 64 * 1024, 16  # 1 MiB
        slow, publisher = self.client(receive_buffer=4096), self.client()
        slow.send(b"SUB big 1\r\n").sync()
        self.publish(publisher, count, size)
        time.sleep(0.5)
        for number in range(count):
            slow.expect(msg(b"big", b"1", body(number, size)))
        slow.sync()

    def test_many_slow_ones(self):
        size, count = 128 * 1024, 128
        slows = [self.client(receive_buffer=4096) for _ in range(20)]
        healthy, publisher = self.client(), self.client()
        for slow in slows:
            slow.send(b"SUB big 1\r\n").sync()
        healthy.send(b"SUB big 2\r\n").sync()
        reader = Reader(healthy, b"2", count, size)
        self.publish(publisher, count, size, reader)
        self.assert_reads_all(reader)
        for slow in slows:
            self.assert_cut_off(slow, b"1", count, size, 10 * SLOWNESS)

    def test_own_replies_count(self):
        """PONGs that are never read pile up like messages do, up to the limit, and not beyond."""
        client = self.client(receive_buffer=4096)
        client.socket.setblocking(False)
        data = memoryview(b"PING\r\n" * 10000)
        sent, deadline = 0, time.monotonic() + 20 * SLOWNESS
        while time.monotonic() < deadline and sent < 60 * MEGABYTE:
            _, writable, _ = select.select([], [client.socket], [], 3 * SLOWNESS)
            if not writable:
                break  # the hub reads it no more: as good as a close
            try:
                sent += client.socket.send(data[sent % len(data):])
            except (ConnectionResetError, BrokenPipeError):
                break
        else:
            got = client.drain(10 * SLOWNESS)
            self.assertTrue(client.ended, "a client that does not read its PONGs stays")
            self.assertLess(len(got), sent, "the hub took every PING and kept every PONG")
        self.client().sync()


class SelfTest(SlowTest):
    OPTIONS = {"max_pending": 16 * MEGABYTE}

    def test_publishes_to_itself_faster_than_it_reads(self):
        """Who hears itself is not cut off while it reads: its own publishing waits for it."""
        size, count = 64 * 1024, 2048  # 128 MiB, eight times what may wait
        client = self.client(receive_buffer=65536)
        client.send(b"SUB big 1\r\n").sync()
        sent, problem = [0], []

        def publish():
            try:
                for sent[0] in range(1, count + 1):
                    client.send(pub(b"big", body(sent[0] - 1, size)))
            except OSError as error:
                problem.append(error)

        client.socket.settimeout(60 * SLOWNESS)
        publishing = threading.Thread(target=publish, daemon=True)
        publishing.start()
        if QUIRKS["holds_itself"]:
            self.assert_held_back(sent, count)
        for number in range(count):
            client.expect(msg(b"big", b"1", body(number, size)), 20 * SLOWNESS)
            if number % 256 == 0:
                self.assertLess(sent[0] - number, 40 * MEGABYTE // size)  # and the kernel's
                time.sleep(0.05)
        publishing.join(10 * SLOWNESS)
        self.assertEqual(problem, [])
        client.sync()
        if QUIRKS["counters"]:
            self.assertGreater(self.hub.counters()["sessions_behind"], 0)

    def assert_held_back(self, sent, count):
        """Before it reads anything the hub stops taking what it says."""
        deadline = time.monotonic() + 8
        before = -1
        while sent[0] != before and time.monotonic() < deadline:
            before = sent[0]
            time.sleep(0.5)
        self.assertLess(before, count)

    def test_who_never_reads_itself_is_closed(self):
        """At the write deadline, while others are served."""
        hub = self.quick_hub(max_pending=4 * MEGABYTE, write_deadline="2s")
        client, other = Client(hub, receive_buffer=65536), Client(hub)
        self.addCleanup(client.close)
        self.addCleanup(other.close)
        client.send(b"SUB big 1\r\n").sync()
        client.socket.settimeout(20 * SLOWNESS)
        with self.assertRaises((ConnectionResetError, BrokenPipeError)):
            for number in range(1024):
                client.send(pub(b"big", body(number, 64 * 1024)))
        other.sync()


class DeadlineTest(SlowTest):
    OPTIONS = {"write_deadline": "2s"}

    def test_over_write_deadline(self):
        size, count = 256 * 1024, 64  # 16 MiB, far below max_pending
        slow = self.client(receive_buffer=4096)
        healthy, publisher = self.client(), self.client()
        slow.send(b"SUB big 1\r\n").sync()
        healthy.send(b"SUB big 2\r\n").sync()
        reader = Reader(healthy, b"2", count, size)
        self.publish(publisher, count, size, reader)
        self.assert_reads_all(reader)
        time.sleep(5 * SLOWNESS)
        self.assert_cut_off(slow, b"1", count, size, 5 * SLOWNESS)

    def test_before_write_deadline(self):
        size, count = 256 * 1024, 64
        slow, publisher = self.client(receive_buffer=65536), self.client()
        slow.send(b"SUB big 1\r\n").sync()
        # It begins to read half a second after the first message, however slow this machine is.
        publishing = threading.Thread(target=self.publish, args=(publisher, count, size))
        publishing.start()
        time.sleep(0.5)
        Reader(slow, b"1", count, size).join(40 * SLOWNESS)
        publishing.join()
        slow.sync()


if __name__ == "__main__":
    unittest.main()
