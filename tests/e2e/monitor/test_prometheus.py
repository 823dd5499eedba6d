"""/metrics: valid by promtool, complete, and measuring what real traffic does."""

import os
import re
import subprocess
import tempfile
import unittest

from pages import MonitoredHub, find_tool
from traffic import Traffic
import harness


RULES = """
scrub { rules [
  { name: text, subject: "scrubbed.>", mask: [email] }
  { name: "two words {x=1}", subject: "scrubbed.*", json: true, refused: drop }
  { name: trial, subject: "scrubbed.>", observe: true, must_not_match: evil }
] }
"""


class Prometheus(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile("w", suffix=".conf", delete=False) as file:
            file.write(RULES)
        cls.addClassCleanup(os.unlink, file.name)
        cls.hub = MonitoredHub(["-c", file.name], max_pending=2000000)

    @classmethod
    def tearDownClass(cls):
        cls.hub.stop()

    def test_promtool(self):
        tool = find_tool("promtool")
        if tool is None:
            print("SKIP: promtool (Debian's prometheus) is not installed")
            self.skipTest("no promtool")
        status, headers, body = self.hub.get("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        done = subprocess.run([tool, "check", "metrics"], input=body, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=60, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        self.assertIn(b"ringhub_scrub_seconds_count{rule=", body)

    def test_every_reason_is_there(self):
        """Those that core/metrics.h names, counted from its text."""
        with open(os.path.join(harness.REPOSITORY, "core", "metrics.h"), encoding="utf-8") as file:
            text = file.read()
        metrics = self.hub.metrics()
        for prefix, name in (("CLOSE", "ringhub_connections_closed_total"),
                             ("DROP", "ringhub_deliveries_dropped_total")):
            reasons = set(re.findall(r"^    (%s_(?!REASONS)\w+)," % prefix, text, re.M))
            shown = [key for key in metrics if key.startswith(name + "{")]
            self.assertEqual(len(shown), len(reasons), prefix)

    def test_traffic_is_measured(self):
        before = self.hub.metrics()
        traffic = Traffic(self.hub, subscribers=30, rate=500)
        try:
            def enough():
                now = self.hub.metrics()
                return now if now["ringhub_delivery_seconds_count"] > 100 else None
            after = self.hub.eventually(enough, 20)
        finally:
            traffic.stop()
        self.assertGreater(after["ringhub_messages_out_total"] - before["ringhub_messages_out_total"],
                           1000)
        for name in ("completion_seconds", "delivery_seconds", "turn_seconds", "send_bytes",
                     "send_messages", "run_bytes", "run_messages", "stream_bytes"):
            self.assertGreater(after["ringhub_%s_count" % name], 0, name)
            buckets = [(key, value) for key, value in after.items()
                       if key.startswith("ringhub_%s_bucket" % name)]
            values = [value for _, value in buckets]
            self.assertEqual(values, sorted(values), name)
            self.assertEqual(values[-1], after["ringhub_%s_count" % name], name)
        if int(harness.WORKERS or "0") > 1:
            self.assertGreater(after["ringhub_inbox_envelopes_count"], 0)
            self.assertIn('ringhub_worker_turns_total{worker="1"}', after)
        mean = (after["ringhub_completion_seconds_sum"] / after["ringhub_completion_seconds_count"])
        self.assertLess(mean, 1)
        self.assertGreater(mean, 1e-6)

    def test_rules_are_counted(self):
        """Each rule once a message, whichever worker has the publisher."""
        publishers = [harness.Client(self.hub, harness.QUIET) for _ in range(6)]
        for publisher in publishers:
            self.addCleanup(publisher.close)
            for body in (b'"a@b.cc"', b'"a"', b"broken", b'"evil"'):
                publisher.send(harness.pub(b"scrubbed.x", body))
            publisher.send(harness.pub(b"scrubbed.x.y", b"no JSON"))
            publisher.send(harness.pub(b"other", b"no JSON"))
            publisher.sync()
        now = self.hub.metrics()
        count = len(publishers)

        def scrub(name, rule, more=""):
            return now['ringhub_scrub_%s{rule="%s"%s}' % (name, rule, more)]
        other = "two words {x=1}"
        self.assertEqual(scrub("cleaned_total", "text"), count)
        self.assertEqual(scrub("passed_total", "text"), 4 * count)
        self.assertEqual(scrub("passed_total", other), 3 * count)
        self.assertEqual(scrub("refused_total", other, ',reason="json"'), count)
        self.assertEqual(scrub("refused_total", other, ',reason="utf8"'), 0)
        self.assertEqual(scrub("refused_total", "trial", ',reason="must_not"'), count)
        self.assertEqual(scrub("passed_total", "trial"), 3 * count)
        self.assertEqual([scrub("observes", rule) for rule in ("text", other, "trial")], [0, 0, 1])
        # One message in 16 is timed, the first of each worker among them.
        timed = scrub("seconds_count", "text")
        self.assertGreaterEqual(timed, 1)
        self.assertLessEqual(timed, 5 * count / 16 + int(harness.WORKERS or os.cpu_count()))
        self.assertTrue(0 < scrub("seconds_sum", "text") / timed < 0.1)
        page = self.hub.json("/hubz")["scrub"]
        self.assertEqual([row["rule"] for row in page], ["text", other, "trial"])
        self.assertEqual(page[1]["refused"]["json"], count)

    def test_a_slow_subscriber_is_counted_by_reason(self):
        slow = harness.Client(self.hub, harness.QUIET, receive_buffer=4096)
        self.addCleanup(slow.close)
        slow.send(b"SUB flood 1\r\n")
        slow.sync()
        publisher = harness.Client(self.hub)
        self.addCleanup(publisher.close)
        closed = 'ringhub_connections_closed_total{reason="slow_consumer_pending_bytes"}'
        dropped = 'ringhub_deliveries_dropped_total{reason="pending_limit"}'
        before = self.hub.metrics()
        for _ in range(20):
            publisher.send(harness.pub(b"flood", b"x" * 500000))
        publisher.sync()
        after = self.hub.eventually(
            lambda: (lambda now: now if now[closed] > before[closed] else None)(
                self.hub.metrics()), 10)
        self.assertEqual(after[closed] - before[closed], 1)
        self.assertGreater(after[dropped] - before[dropped], 0)
        self.assertEqual(after["ringhub_slow_consumers_total"],
                         before["ringhub_slow_consumers_total"] + 1)


if __name__ == "__main__":
    unittest.main()
