"""Hostile clients, 1,000 at once of each kind, and healthy ones beside them.

Goal:   whatever they do, healthy subscribers get everything in order, the hub's memory stays below
        the bound that it prints, and comes back to where it was when they have gone.
Method: crowd.py misbehaves in its own process, while this one publishes numbers to subscribers on
        three connections and samples the hub's resident memory.
"""

import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import harness
from harness import Client, Hub, KIND, PING, QUIRKS, SLOWNESS, kind_flags, run_hub, seeded_random

COUNT = 1000
VANISHING = 10000
# What allocators keep and page tables grow by; a leak of 64 KiB a client would show.
RSS_SLACK = 48 << 20
FLAGS = ("--max_memory", "256MB") if KIND == "ringhub" else ()


class Healthy:
    """A publisher and three subscribers; check() says whether each got every number in order."""

    def __init__(self, hub):
        self.publisher = Client(hub)
        self.receivers = [Client(hub) for _ in range(3)]
        self.published = 0
        self.expected = [0] * 3
        self.problems = []
        self.stopping = threading.Event()
        for receiver in self.receivers:
            receiver.send(b"SUB healthy 1\r\n").sync()
        self.threads = [threading.Thread(target=self._publish, daemon=True)]
        self.threads += [threading.Thread(target=self._receive, args=[at], daemon=True)
                         for at in range(3)]
        for thread in self.threads:
            thread.start()

    def _publish(self):
        try:
            while not self.stopping.is_set():
                batch = b"".join(b"PUB healthy 100\r\n%0100d\r\n" % number for number in
                                 range(self.published, self.published + 20))
                self.publisher.send(batch)
                self.published += 20
                self.publisher.send(PING).expect(b"PONG\r\n", 30 * SLOWNESS)
                time.sleep(0.01)
            self.publisher.send(harness.pub(b"healthy", b"end")).sync()
        except (AssertionError, OSError, harness.Closed) as error:
            self.problems.append("publisher: %s" % error)

    def _receive(self, at):
        receiver = self.receivers[at]
        try:
            while True:
                message = receiver.message(20 * SLOWNESS)
                if message.payload == b"end":
                    return
                if int(message.payload) != self.expected[at]:
                    raise AssertionError("%d came instead of %d" % (int(message.payload),
                                                                    self.expected[at]))
                self.expected[at] += 1
        except (AssertionError, OSError, ValueError, harness.Closed) as error:
            self.problems.append("subscriber %d at %d: %s" % (at, self.expected[at], error))

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60 * SLOWNESS)
        for client in [self.publisher] + self.receivers:
            client.close()

    def close(self):
        self.stopping.set()
        for client in [self.publisher] + self.receivers:
            client.close()


def tcp_bytes():
    """What the kernel's TCP holds, of all programs."""
    with open("/proc/net/sockstat", encoding="ascii") as file:
        return int(re.search(r"^TCP:.* mem (\d+)", file.read(), re.M).group(1)) * resource.getpagesize()


class Sampler(threading.Thread):
    """The largest resident size seen, and how much more the kernel's TCP held than at first."""

    def __init__(self, hub):
        super().__init__(daemon=True)
        self.hub, self.largest, self.running = hub, 0, True
        self.tcp_before, self.tcp_growth = tcp_bytes(), 0
        self.start()

    def run(self):
        while self.running:
            try:
                self.largest = max(self.largest, self.hub.rss_bytes())
                self.tcp_growth = max(self.tcp_growth, tcp_bytes() - self.tcp_before)
            except OSError:
                return
            time.sleep(0.02)

    def stop(self):
        self.running = False
        self.join()


def until(condition, seconds):
    deadline = time.monotonic() + seconds * SLOWNESS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


class HostileTest(unittest.TestCase):

    def setUp(self):
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < VANISHING + 500:
            self.skipTest("RLIMIT_NOFILE %d is too low" % hard)
        # The hub inherits it.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.bound = None
        if QUIRKS["memory_bound"]:
            code, text = run_hub(["-t"] + kind_flags() + list(FLAGS))
            self.assertEqual(code, 0, text)
            self.bound = harness.memory_bound(text.decode(), of_process=True)
            self.assertIsNotNone(self.bound, text)
        self.hub = Hub(flags=FLAGS)
        self.addCleanup(self.hub.kill)
        self.seed = seeded_random().randrange(1 << 30)

    def at_rest(self):
        """What must come back: (connections, subscriptions) or the descriptors."""
        if QUIRKS["counters"]:
            found = self.hub.counters()
            return found["connections"], found["subscriptions"]
        return self.hub.descriptors()

    def warm_up(self):
        """Once through the usual motions, so that lazily made things are there."""
        clients = [Client(self.hub) for _ in range(50)]
        for client in clients:
            client.send(b"SUB warm 1\r\n").sync()
        for client in clients:
            client.close()
        self.assertTrue(until(lambda: self.hub.descriptors() <= self.first_descriptors, 10))
        # A socket in a worker's table is no descriptor.
        self.assertTrue(until(lambda: self.at_rest() == self.first_at_rest, 10))

    def crowd(self, kind, count=COUNT, seconds=3, healthy_messages=100):
        self.first_descriptors = self.hub.descriptors()
        self.first_at_rest = self.at_rest()
        self.warm_up()
        before, rss_before = self.at_rest(), self.hub.rss_bytes()
        healthy = Healthy(self.hub)
        self.addCleanup(healthy.close)
        sampler = Sampler(self.hub)
        crowd = subprocess.Popen([sys.executable, os.path.join(HERE, "crowd.py"), kind,
                                  str(self.hub.port), str(count), str(seconds), str(self.seed)],
                                 stdout=subprocess.PIPE)
        try:
            self.assertEqual(crowd.stdout.readline(), b"ready\n")
            published_before = healthy.published
            stats = json.loads(crowd.stdout.readline())
        finally:
            crowd.stdout.close()
            if crowd.wait(60 * SLOWNESS) != 0:
                self.fail("crowd.py ended with %d" % crowd.returncode)
        published_during = healthy.published - published_before
        healthy.stop()
        sampler.stop()
        print("%s: %s; healthy %d; memory %.1f, at most %.1f MiB; TCP %.1f MiB more" % (
            kind, stats, healthy.published, rss_before / 2**20, sampler.largest / 2**20,
            sampler.tcp_growth / 2**20))
        stats["tcp_growth"] = sampler.tcp_growth
        self.assertEqual(healthy.problems, [])
        self.assertEqual(healthy.expected, [healthy.published] * 3)
        self.assertGreaterEqual(published_during, healthy_messages, "the healthy were starved")
        self.assertGreaterEqual(stats["connected"], count)
        if self.bound is not None:
            self.assertLess(sampler.largest, self.bound)
        self.assertTrue(until(lambda: self.hub.descriptors() <= self.first_descriptors, 30),
                        "%d descriptors, %d before" % (self.hub.descriptors(),
                                                       self.first_descriptors))
        self.assertTrue(until(lambda: self.at_rest() == before, 15),
                        "%s, and %s before" % (self.at_rest(), before))
        if KIND == "ringhub":
            self.assertTrue(until(lambda: self.hub.rss_bytes() < rss_before + RSS_SLACK, 10),
                            "%.1f MiB resident, %.1f before" % (self.hub.rss_bytes() / 2**20,
                                                                rss_before / 2**20))
        with Client(self.hub) as client:
            client.sync()
        self.hub.stop()
        return stats

    def test_random_bytes(self):
        stats = self.crowd("random_bytes")
        self.assertGreater(stats["closed_by_hub"], COUNT)

    def test_pub_one_byte_short(self):
        self.crowd("one_byte_short")

    def test_control_line_at_a_byte_a_second(self):
        stats = self.crowd("dribble", seconds=5)
        self.assertEqual(stats["closed_by_hub"], 0)

    def test_pings_whose_answers_are_not_read(self):
        self.crowd("deaf_pings")

    def test_100_000_subs_of_one_subject(self):
        stats = self.crowd("many_subs")
        self.assertEqual(stats["closed_by_hub"], 0)

    def test_distinct_subjects_of_4000_bytes(self):
        self.crowd("long_subjects")

    def test_nothing_at_all(self):
        stats = self.crowd("silent")
        self.assertEqual(stats["closed_by_hub"], 0)

    def test_deaf_subscribers_of_the_same_subject(self):
        self.crowd("deaf_subscribers")

    def test_deaf_subscribers_that_are_flooded(self):
        """A backlog of 16 MiB for each of 200 is held once, not 200 times; nor by the kernel."""
        if KIND == "nats":
            self.skipTest("the reference keeps a copy for each")
        stats = self.crowd("deaf_flood", count=200, seconds=4)
        self.assertGreater(stats["sent"], 16 << 20)
        if KIND == "ringhub":
            # 132 KiB of each, as -t says; the publisher's input and the healthy are the rest.
            self.assertLess(stats["tcp_growth"], 200 * (132 << 10) + (16 << 20))

    def test_vanishing_by_reset(self):
        self.crowd("vanish", count=VANISHING, seconds=1)


if __name__ == "__main__":
    unittest.main()
