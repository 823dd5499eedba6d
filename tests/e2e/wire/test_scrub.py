"""docs/scrub.md against a hub: what is published is checked and cleaned once, whoever hears it.

Goal:   cleaned for all receivers; refused ones told, dropped or sent to quarantine; SIGHUP takes other
        rules over; the page's own examples are true.
Method: a hub with a file of rules; every byte that arrives is compared.
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import harness
from harness import Client, HEADERS, Hub, QUIET, REQUESTS, msg, pub

RULES = r"""
scrub { rules [
  { name: orders, subject: "orders.>", utf8: refuse
    json { drop: ["$..password"], mask: ["$.user.email"] }, mask: [card] }
  { name: jail, subject: "in.*", must_not_match: evil, quarantine: "jail.x" }
  { name: quiet, subject: quiet, max_size: 3, refused: drop }
] }
"""


def log_of(hub):
    return bytes(hub.log()).decode("utf-8", "replace")


def wait_for(hub, text):
    limit = time.monotonic() + 10 * harness.SLOWNESS
    while text not in log_of(hub):
        if time.monotonic() > limit:
            raise AssertionError("no %r in the log:\n%s" % (text, log_of(hub)))
        time.sleep(0.02)


@unittest.skipIf(harness.KIND == "nats", "nats-server has no rules")
class ScrubTest(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.directory.name, "hub.conf")
        self.path.write_text(RULES, encoding="utf-8")
        self.hub = Hub(flags=["-c", str(self.path)])
        self.addCleanup(self.directory.cleanup)
        self.addCleanup(self.hub.stop)

    def client(self, connect):
        client = Client(self.hub, connect)
        self.addCleanup(client.close)
        return client

    def test_cleaned_for_everybody(self):
        one, two, publisher = self.client(QUIET), self.client(HEADERS), self.client(QUIET)
        one.send(b"SUB > 1\r\n").sync()
        two.send(b"SUB orders.* 2\r\n").sync()
        said = b'{"user":{"email":"a@b.cc"},"password":"x","n":"4111 1111 1111 1111"}'
        left = b'{"user":{"email":"[masked]"},"n":"[card]"}'
        publisher.send(pub(b"orders.new", said) + pub(b"other", said)).sync()
        one.expect(msg(b"orders.new", b"1", left) + msg(b"other", b"1", said))
        two.expect(msg(b"orders.new", b"2", left))

    def test_told(self):
        client = self.client(REQUESTS)
        client.send(b"SUB inbox 9\r\n").sync()
        client.send(pub(b"orders.new", b"{", b"inbox") + b"PING\r\n")
        status = (b"NATS/1.0 400 Refused by scrub rule orders: not well-formed JSON\r\n"
                  b"Nats-Subject: orders.new\r\n\r\n")
        client.expect(b"HMSG inbox 9 %d %d\r\n%s\r\n" % (len(status), len(status), status) +
                      b"-ERR 'Permissions Violation for Publish to \"orders.new\", scrub rule "
                      b"\"orders\": not well-formed JSON'\r\nPONG\r\n")
        wait_for(self.hub, 'Scrub rule "orders" refused')
        self.assertNotIn("{", log_of(self.hub).split("Scrub rule")[1].splitlines()[0])

    def test_quarantine_and_drop(self):
        jailer, client = self.client(HEADERS), self.client(QUIET)
        jailer.send(b"SUB jail.> 1\r\nSUB quiet 2\r\nSUB in.* 3\r\n").sync()
        client.send(pub(b"in.a", b"evil") + pub(b"quiet", b"1234") + pub(b"quiet", b"123")).sync()
        block = (b"NATS/1.0\r\nNats-Scrub-Rule: jail\r\nNats-Scrub-Reason: must_not\r\n"
                 b"Nats-Scrub-Subject: in.a\r\n\r\n")
        jailer.expect(b"HMSG jail.x 1 %d %d\r\n%sevil\r\n" % (len(block), len(block) + 4, block) +
                      msg(b"quiet", b"2", b"123"))

    def test_reload(self):
        one, publisher = self.client(QUIET), self.client(QUIET)
        one.send(b"SUB > 1\r\n").sync()
        self.path.write_text("scrub { rules [ { subject: x, mask: [email] } ] }\n", encoding="utf-8")
        os.kill(self.hub.pid, signal.SIGHUP)
        wait_for(self.hub, "Reloaded: scrub")
        wait_for(self.hub, "Reloaded server configuration")
        publisher.send(pub(b"x", b"a@b.cc") + pub(b"orders.new", b"{")).sync()
        one.expect(msg(b"x", b"1", b"[email]") + msg(b"orders.new", b"1", b"{"))
        self.path.write_text("scrub { rules [ { subject: x, mask: [emial] } ] }\n", encoding="utf-8")
        os.kill(self.hub.pid, signal.SIGHUP)
        wait_for(self.hub, "Failed to reload")
        publisher.send(pub(b"x", b"a@b.cc")).sync()
        one.expect(msg(b"x", b"1", b"[email]"))

    def test_reload_under_load(self):
        """Every message is masked by one of the two sets of rules, whichever worker it comes to, and none is lost."""
        rules = "scrub { log_every: 1, rules [ { name: r, subject: \"x.>\", mask: [{pattern: secret, with: %s}] } ] }\n"
        self.path.write_text(rules % "one", encoding="utf-8")
        hub = Hub(flags=["-c", str(self.path)])
        self.addCleanup(hub.stop)
        hear = Client(hub, QUIET)
        says = Client(hub, QUIET)
        self.addCleanup(hear.close)
        self.addCleanup(says.close)
        hear.send(b"SUB x.* 1\r\n").sync()
        for turn in range(20):
            says.send(pub(b"x.y", b"my secret") * 200)
            # At once: the hub may still be reading the file for the signal before.
            other = self.path.with_suffix(".new")
            other.write_text(rules % ("two" if turn % 2 == 0 else "one"), encoding="utf-8")
            other.replace(self.path)
            os.kill(hub.pid, signal.SIGHUP)
            says.sync()
            got = b""
            frame = len(msg(b"x.y", b"1", b"my one"))
            while len(got) < 200 * frame:
                got += hear.socket.recv(1 << 20)
            self.assertEqual(len(got), 200 * frame)
            self.assertEqual(got.count(msg(b"x.y", b"1", b"my one")) + got.count(msg(b"x.y", b"1", b"my two")), 200)
        wait_for(hub, "Scrub rule")
        self.assertNotIn("secret", log_of(hub))

    def test_hostile_payloads(self):
        """A mebibyte made to keep a checker busy is refused like any other, and the next client does not wait."""
        client = self.client(QUIET)
        other = self.client(QUIET)
        for piece in (b"[", b'"', b"\\", b"{\"\":", b"\xED\xA0\x80", b"\xC0\xAF", b"\0"):
            body = (piece * (1 << 20))[:1 << 20]
            before = time.monotonic()
            client.send(pub(b"orders.new", body) + b"PING\r\n")
            other.sync()
            reason = b"not valid UTF-8" if piece[0] > 0x7F else b"not well-formed JSON"
            client.expect(b"-ERR 'Permissions Violation for Publish to \"orders.new\", scrub rule \"orders\": " +
                          reason + b"'\r\nPONG\r\n")
            self.assertLess(time.monotonic() - before, 2 * harness.SLOWNESS)

    def test_check(self):
        def check():
            return subprocess.run([harness.executable(), "-t", "-c", str(self.path)],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(check().returncode, 0)
        self.path.write_text("scrub { rules [\n { subject: x, utf8: maybe } ] }\n", encoding="utf-8")
        done = check()
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(b"hub.conf:2:", done.stdout)

    def tool(self, *words, payload=b""):
        done = subprocess.run([harness.executable(), "scrub", "--config", str(self.path), *words], input=payload,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stdout, re.sub(r" \([\d.]+ us\)", "", done.stderr.decode())

    def test_the_tool(self):
        """One payload: its result on standard output, what fired on standard error, and the three statuses."""
        self.path.write_text("scrub { rules [ { name: h, subject: 'h.*', headers { allow: [Kind, A], require { Kind: a }, "
                             "remove: A, add { By: hub } } }, { name: m, subject: 'h.>', mask: email, observe: true } ] }\n",
                             encoding="utf-8")
        status, left, said = self.tool("--subject", "h.x", "--header", "Kind: a", "--header", "A: b", payload=b"a@b.cc\0")
        self.assertEqual((status, left), (0, b"a@b.cc\0"))
        self.assertEqual(said, 'rule "h": cleaned: headers\nrule "m" (observes): cleaned: masked\n'
                         "cleaned, 7 bytes in, 7 bytes out\nNATS/1.0\r\nKind: a\r\nBy: hub\r\n\r\n")
        status, left, said = self.tool("--subject", "h.x", "--header", "Kind: a", "--header", "X: b", payload=b"x")
        self.assertEqual((status, left, said), (1, b"", 'rule "h": refused, a header that is not allowed\nrefused\n'))
        self.assertEqual(self.tool("--subject", "other", payload=b"x"),
                         (0, b"x", "no rule for this subject\npassed, 1 bytes in, 1 bytes out\n"))
        self.path.write_text("scrub { rules [ { subject: 'a..b' } ] }\n", encoding="utf-8")
        status, _, said = self.tool("--subject", "h.x")
        self.assertEqual(status, 2)
        self.assertIn("hub.conf:1:", said)

    def test_examples(self):
        """Each kind of expectation, held and broken; the place of a broken one is named."""
        self.path.write_text("scrub { rules [ { name: h, subject: h, trim: true, headers { remove: A, add { By: hub } } }, "
                             "{ name: j, subject: j, json: true } ] }\n", encoding="utf-8")
        tests = pathlib.Path(self.directory.name, "examples.conf")
        fine = ["{ subject: h, payload: ' x ', expect: x }",
                "{ subject: h, payload: x, headers { A: a, B: b }, expect_headers { B: b, By: hub } }",
                "{ subject: h, payload: ' x', expect: x, expect_headers { By: hub } }",
                "{ subject: j, payload: '[', refused: json }",
                "{ subject: j, payload: '[1]', expect_headers { } }"]
        broken = [("{ subject: h, payload: ' x ', expect: ' x' }", "expected  x\n    got x\n"),
                  ("{ subject: h, payload: x, headers { A: a }, expect_headers { A: a } }",
                   "expected A: a\r\nx\n    got By: hub\r\nx\n"),
                  ("{ subject: j, payload: '[1]', refused: json }", "expected it to be refused: json\n    got [1]\n"),
                  ("{ subject: j, payload: '[' }", 'expected [\n    refused by "j": json\n')]
        tests.write_text("tests [\n%s\n]\n" % "\n".join(fine + [one for one, _ in broken]), encoding="utf-8")
        status, said, _ = self.tool("--test", str(tests))
        lines = "".join("%s:%d: %s" % (tests, 2 + len(fine) + at, text) for at, (_, text) in enumerate(broken))
        self.assertEqual((status, said.decode()), (1, lines + "5 passed, 4 failed\n"))
        tests.write_text("tests [ { subject: j, payload: x, expect: x, refused: json } ]\n", encoding="utf-8")
        self.assertEqual(self.tool("--test", str(tests))[0], 2)

    def test_observe_and_counters(self):
        """A rule that observes touches nothing and is counted as if it did; the log holds nothing of a payload."""
        self.path.write_text("http: 127.0.0.1:-1\nscrub { log_every: 1, rules [ { name: watch, subject: x, observe: true, "
                             "must_not_match: evil, mask: card }, { name: act, subject: x, mask: email } ] }\n", encoding="utf-8")
        hub = Hub(flags=["-c", str(self.path)])
        self.addCleanup(hub.stop)
        hear, says = Client(hub, QUIET), Client(hub, QUIET)
        self.addCleanup(hear.close)
        self.addCleanup(says.close)
        hear.send(b"SUB x 1\r\n").sync()
        secrets = [b"evil plan", b"n 4111111111111111", b"to bob@secret.org", b"plain"]
        says.send(b"".join(pub(b"x", one) for one in secrets)).sync()
        hear.expect(b"".join(msg(b"x", b"1", one) for one in secrets[:2] + [b"to [email]", b"plain"]))
        with open(hub.ports_path, "rb") as ports:
            url = json.load(ports)["monitoring"][0]
        with urllib.request.urlopen(url + "/hubz", timeout=10 * harness.SLOWNESS) as answer:
            watch, act = json.load(answer)["scrub"]
        self.assertEqual((watch["mode"], watch["passed"], watch["cleaned"], watch["refused"]["must_not"]),
                         ("observe", 2, 1, 1))
        self.assertEqual((act["mode"], act["passed"], act["cleaned"], sum(act["refused"].values())), ("tell", 3, 1, 0))
        self.assertGreater(act["timed"], 0)
        wait_for(hub, 'Scrub rule "act" cleaned')
        log = log_of(hub)
        self.assertIn('Scrub rule "watch" would refuse', log)
        self.assertIn('Scrub rule "watch" would clean', log)
        for secret in ("evil", "4111", "bob", "secret.org", "plan"):
            self.assertNotIn(secret, log)

    def test_the_page(self):
        """The rules and the examples of docs/scrub.md."""
        page = (harness.REPOSITORY / "docs" / "scrub.md").read_text(encoding="utf-8")
        blocks = re.findall(r"```\n(.*?)```", page, re.S)
        rules = next(block for block in blocks if block.startswith("scrub {"))
        examples = next(block for block in blocks if block.startswith("tests ["))
        shown = next(block for block in blocks if block.startswith("$ echo"))
        tests = pathlib.Path(self.directory.name, "examples.conf")
        self.path.write_text(rules, encoding="utf-8")
        tests.write_text(examples, encoding="utf-8")
        tool = [harness.executable(), "scrub", "--config", str(self.path)]
        done = subprocess.run(tool + ["--test", str(tests)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        self.assertEqual((done.returncode, done.stdout), (0, b"4 passed, 0 failed\n"))
        payload = re.search(r"echo '(.*?)'", shown).group(1) + "\n"
        done = subprocess.run(tool + ["--subject", "orders.new"], input=payload.encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
        said = re.sub(r"\([\d.]+ us\)", "(8.1 us)", done.stderr.decode() + done.stdout.decode())
        self.assertIn(said, shown.replace("\n\n", "\n") + "\n")
        self.assertEqual(done.returncode, 0)


if __name__ == "__main__":
    unittest.main()
