"""The page at / in headless Chromium, with real traffic, at a desk's and a phone's width.

E2E_PICTURES: a folder that gets what was seen, as PNG.
"""

import os
import re
import signal
import tempfile
import unittest

from browser import Browser, is_installed
from pages import MonitoredHub, connect_as
from traffic import Traffic
import harness


RULES = """
scrub { rules [
  { name: "long name of a rule that cleans", subject: ["traffic.*", "a.>"], mask: email, must_match: "m" }
  { name: watch, subject: "checked.x", observe: true, json: true }
  { name: orders, subject: "checked.>", json: true, max_size: 20, refused: drop }
  { name: jail, subject: "evil.<b>", must_not_match: x, quarantine: jail.x }
] }
"""


@unittest.skipUnless(is_installed(), "chromium and chromedriver are not installed")
class Dashboard(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.rules = os.path.join(cls.folder.name, "hub.conf")
        with open(cls.rules, "w", encoding="utf-8") as file:
            file.write(RULES)
        cls.hub = MonitoredHub(flags=["-n", "<i>hub</i>", "-c", cls.rules], write_deadline="10m")
        cls.traffic = Traffic(cls.hub, subscribers=20, rate=2000, size=2000, slow=True)
        cls.browser = Browser(1280, 900)
        cls.browser.open(cls.hub.url("/"))

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.traffic.stop()
        cls.hub.stop()
        cls.folder.cleanup()

    def text(self, name):
        return self.browser.run("return document.getElementById('%s').innerText" % name)

    def keep_picture(self, name):
        folder = os.environ.get("E2E_PICTURES") or tempfile.gettempdir()
        path = os.path.join(folder, "dashboard-%s-%d.png" % (name, os.getpid()))
        data = self.browser.picture(path)
        if not os.environ.get("E2E_PICTURES"):
            os.unlink(path)
        return data

    def test_1_live_figures(self):
        self.hub.eventually(lambda: re.match(r"[1-9]", self.text("out-rate")), 30)
        self.hub.eventually(lambda: "stuck <b>reader</b>" in self.text("slow"), 30)
        self.hub.eventually(lambda: "s" in self.text("completion").replace("–", ""), 30)
        self.assertEqual(self.text("name"), "<i>hub</i>")
        self.assertEqual(self.text("state"), "running")
        self.assertEqual(self.text("connections"), "22")
        self.assertGreater(self.browser.run(
            "return document.querySelectorAll('#workers tr').length"), 0)
        rate = self.browser.run("return [lines.in.at(-1), lines.out.at(-1)]")
        self.assertGreater(rate[0], 200)
        self.assertGreater(rate[1], 10 * rate[0])
        self.assertIn("ms", self.text("slow") + " ms")
        self.assertRegex(self.text("slow"), r"(MiB|KiB)")
        painted = self.browser.run(
            "const c = document.getElementById('rates');"
            "const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;"
            "let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n;")
        self.assertGreater(painted, 500)

    def test_2_figures_are_the_hubs(self):
        shown = self.browser.run("return samples.at(-1)")
        page = self.hub.json("/hubz")
        self.assertEqual(shown["server_id"], page["server_id"])
        self.assertLessEqual(shown["counters"]["messages_in"], page["counters"]["messages_in"])
        workers = sum(worker["connections"] for worker in page["workers"])
        self.assertEqual(workers, page["connections"])

    def test_3_it_needs_nothing_from_outside(self):
        loaded = self.browser.run(
            "return performance.getEntriesByType('resource').map(e => e.name)")
        self.assertTrue(loaded)
        for name in loaded:
            self.assertTrue(name.startswith(self.hub.url("/")), name)
        self.assertEqual(self.browser.complaints(), [])

    def table(self, name):
        return self.browser.run("return [...document.querySelectorAll('#%s tr')].map(row => "
                                "[...row.cells].map(cell => cell.innerText))" % name)

    def test_4_rules(self):
        """Each rule with what it did, in their order; after a reload, those of the new file."""
        client = harness.Client(self.hub, connect_as("checked"))
        said = [(b"checked.x", b"{")] * 3 + [(b"checked.x", b"[1]")] * 2 + [(b"checked.y", b"x" * 21)] + \
            [(b"evil.<b>", b"x")] * 4
        client.send(b"".join(harness.pub(*one) for one in said)).sync()
        client.close()
        self.hub.eventually(lambda: self.table("rules")[3][6] == "4", 30)
        first, watch, orders, jail = self.table("rules")
        self.assertEqual(first[:3], ["long name of a rule that cleans", "traffic.*, a.>", "tell"])
        self.assertGreater(self.browser.run("return samples.at(-1).scrub[0].passed"), 200)
        self.assertRegex(first[3], "[1-9].*")
        self.assertRegex(first[8], r"^[\d.]+ (ns|µs|ms)$")
        self.assertEqual(watch[:3] + watch[4:8], ["watch", "checked.x", "observe", "2", "0", "3", "json 3"])
        self.assertEqual(orders[:3] + orders[4:8], ["orders", "checked.>", "drop", "2", "0", "4", "json 3, size 1"])
        self.assertEqual(jail[:3] + jail[4:8], ["jail", "evil.<b>", "quarantine: jail.x", "0", "0", "4", "must not 4"])

    def test_5_pictures(self):
        self.keep_picture("desk")
        self.browser.resize(390, 844)
        width = self.hub.eventually(
            lambda: self.browser.run("return innerWidth <= 390 ? "
                                     "[document.documentElement.scrollWidth, innerWidth] : null"))
        self.assertLessEqual(width[0], width[1], "the page is wider than a phone")
        small = self.browser.run(
            "return [...document.querySelectorAll('.big, td, th, h2')].filter(e => e.innerText && "
            "parseFloat(getComputedStyle(e).fontSize) < 12).length")
        self.assertEqual(small, 0)
        cut = self.browser.run(
            "return [...document.querySelectorAll('.big')].filter(e => "
            "e.scrollWidth > e.parentElement.clientWidth).map(e => e.innerText)")
        self.assertEqual(cut, [])
        self.keep_picture("phone")

    def test_6_other_rules_and_none(self):
        for rules, names in (("{ name: new, subject: x }, { name: jail, subject: y, observe: true }", ["new", "jail"]),
                             ("", [])):
            with open(self.rules, "w", encoding="utf-8") as file:
                file.write("scrub { rules [ %s ] }\n" % rules)
            os.kill(self.hub.pid, signal.SIGHUP)
            self.hub.eventually(lambda: [row[0] for row in self.table("rules")] == names, 30)
            is_hidden = self.browser.run("return document.getElementById('rules').offsetParent === null")
            self.assertEqual(is_hidden, names == [])

    def test_7_a_silent_hub_is_said(self):
        self.browser.run("window.fetch = () => Promise.reject(new Error('gone'));")
        self.hub.eventually(lambda: "no answer" in self.text("state"), 10)


if __name__ == "__main__":
    if not is_installed():
        print("SKIP: chromium or chromedriver is not installed")
    unittest.main()
