"""What becomes of hubload's results: files, logs, compare, and the page in a real browser.

    report_test.py PATH-OF-HUBLOAD [unittest arguments]

The browser is Debian's chromium, or the executable in the environment's CHROMIUM. It is given no
network and a profile of its own.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from server import Server  # noqa: E402

HUBLOAD = "hubload"
PATIENCE_S = 120
HDR_READER = os.path.join(HERE, "../../build/hdr_logs/node_modules/hdr-histogram-js")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND"]

# Run in a copy of the page: how large is what was drawn?
PROBE = """<script>
addEventListener("load", () => {
    const sizes = [...document.querySelectorAll("svg")].map(svg => {
        const box = svg.getBoundingClientRect();
        const lines = [...svg.querySelectorAll(".line")].map(line => {
            const own = line.getBoundingClientRect();
            return Math.max(own.width, own.height);
        });
        return [box.width, box.height, Math.min(...lines), svg.querySelectorAll("text").length];
    });
    document.title = JSON.stringify({sizes, wide: document.documentElement.scrollWidth});
});
</script>"""


def hubload(*words):
    return subprocess.run([HUBLOAD, *words], capture_output=True, text=True, timeout=PATIENCE_S,
                          check=False)


class Results(unittest.TestCase):
    """One folder of results, made once: two numbers of subscribers, five runs each."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="report_test.")
        cls.files = []
        for subscribers in (2, 5):
            path = os.path.join(cls.folder, "%d.json" % subscribers)
            with Server() as server:
                done = hubload("fanout", "--url", "nats://127.0.0.1:%d" % server.port,
                               "--subscribers", str(subscribers), "--rate", "200", "--warmup", "0",
                               "--duration", "1.2", "--runs", "5", "--label", "a <b> & \"c\"",
                               "--server-pid", str(os.getpid()), "--json", path,
                               "--hlog", path[:-5])
            assert done.returncode == 0, done.stderr
            cls.files.append(path)
        cls.page = os.path.join(cls.folder, "report.html")
        done = hubload("report", *cls.files, "-o", cls.page)
        assert done.returncode == 0, done.stderr

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def test_a_result_says_where_it_comes_from(self):
        with open(self.files[0], encoding="utf-8") as text:
            result = json.load(text)
        self.assertEqual((result["format"], result["version"]), ("hubload-result", 1))
        self.assertIn("--subscribers", result["tool"]["command"])
        self.assertEqual(result["server"]["label"], 'a <b> & "c"')
        self.assertTrue(result["server"]["greeting"].startswith("{"))
        self.assertIn("report_test.py", " ".join(result["server"]["command"]))
        self.assertGreater(result["machine"]["cpus"], 0)
        self.assertTrue(result["machine"]["mitigations"] is not None)

    def test_the_seconds_of_a_run_add_up(self):
        with open(self.files[1], encoding="utf-8") as text:
            runs = json.load(text)["runs"]
        for run in runs:
            seconds = run["seconds"]
            self.assertEqual(len(seconds), 2)
            self.assertAlmostEqual(sum(step["length_s"] for step in seconds), run["measured_s"], 6)
            self.assertEqual(sum(step["latency"]["count"] for step in seconds),
                             run["latency"]["count"])
            delivered = sum(step["delivered"] for step in seconds)
            self.assertAlmostEqual(delivered / run["measured_s"] / run["deliveries_per_s"], 1, 6)

    def test_logs_have_a_line_for_each_interval(self):
        for what, lines in (("latency", 10), ("completion", 5)):
            with open("%s.%s.hlog" % (self.files[0][:-5], what), encoding="ascii") as text:
                rows = text.read().splitlines()
            self.assertIn("#[Histogram log format version 1.3]", rows)
            intervals = [row for row in rows if re.match(r"[0-9.]+,[0-9.]+,[0-9.]+,HISTFAAAA", row)]
            self.assertEqual(len(intervals), lines)

    def test_logs_open_in_a_reader_of_others(self):
        if shutil.which("node") is None or not os.path.isdir(HDR_READER):
            self.skipTest("no hdr-histogram-js; ./dev setup installs it where npm is")
        with open(self.files[1], encoding="utf-8") as text:
            runs = json.load(text)["runs"]
        logs = ["%s.%s.hlog" % (self.files[1][:-5], what) for what in ("latency", "completion")]
        done = subprocess.run(["node", os.path.join(HERE, "hdr_logs/read.js"), HDR_READER, *logs],
                              capture_output=True, text=True, timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        latency, completion = (json.loads(line) for line in done.stdout.splitlines())
        self.assertEqual(len(completion), len(runs))
        for run, found in zip(runs, completion):
            self.same(found, run["completion"])
            self.assertAlmostEqual((found["end_ms"] - found["start_ms"]) / 1e3, run["measured_s"], 2)
        steps = [step for run in runs for step in run["seconds"]]
        self.assertEqual(len(latency), len(steps))
        for step, found in zip(steps, latency):
            self.same(found, step["latency"])

    def same(self, found, expected):
        """Two significant digits, and each side ends a cell where it likes."""
        self.assertEqual(found["count"], expected["count"])
        for name in ("p50_ns", "p99_ns", "max_ns"):
            self.assertAlmostEqual(found[name] / expected[name], 1, delta=0.02, msg=name)

    def test_compare_reads_what_fanout_wrote(self):
        done = hubload("compare", self.files[0], self.files[0], "--metrics", "server-cpu")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertRegex(done.stdout, r"server CPU a delivery .* (same|too few runs)")
        done = hubload("compare", *self.files)
        self.assertEqual(done.returncode, 3)
        self.assertIn("subscribers: 2 here, 5 there", done.stdout)

    # ---- in a browser ----

    def browse(self, page, *flags):
        if CHROMIUM is None:
            self.skipTest("no chromium")
        profile = tempfile.mkdtemp(prefix="profile.", dir=self.folder)
        return subprocess.run([CHROMIUM, *FLAGS, "--user-data-dir=" + profile, *flags,
                               "file://" + page], capture_output=True, text=True,
                              timeout=PATIENCE_S, check=False)

    def test_the_page_loads_without_a_word_on_the_console(self):
        picture = os.path.join(self.folder, "page.png")
        done = self.browse(self.page, "--enable-logging=stderr", "--window-size=1200,2400",
                           "--screenshot=" + picture)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([row for row in done.stderr.splitlines() if "CONSOLE" in row], [])
        self.assertGreater(os.path.getsize(picture), 20000)

    def test_every_chart_is_drawn(self):
        with open(self.page, encoding="utf-8") as text:
            page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', PROBE, text.read())
        self.assertIn(PROBE, page)
        probed = os.path.join(self.folder, "probed.html")
        with open(probed, "w", encoding="utf-8") as text:
            text.write(page)
        for width in (400, 1200):
            done = self.browse(probed, "--dump-dom", "--window-size=%d,900" % width)
            title = re.search(r"<title>(\{.*?\})</title>", done.stdout)
            self.assertIsNotNone(title, done.stderr)
            found = json.loads(title.group(1))
            # 4 by subscribers (3 when the server's memory did not grow), 2 for each number of them.
            self.assertIn(len(found["sizes"]), (7, 8))
            for chart_width, height, smallest, texts in found["sizes"]:
                self.assertGreater(chart_width, 250)
                self.assertGreater(height, 130)
                self.assertGreater(smallest, 3)  # a line, or at least its marker
                self.assertGreater(texts, 6)
            self.assertLessEqual(found["wide"], max(width, 500))  # chromium's narrowest window

    def test_the_page_prints(self):
        paper = os.path.join(self.folder, "page.pdf")
        done = self.browse(self.page, "--no-pdf-header-footer", "--print-to-pdf=" + paper)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(paper, "rb") as text:
            self.assertEqual(text.read(5), b"%PDF-")


if __name__ == "__main__":
    if CHROMIUM is None:
        print("SKIP: report_test: no chromium; the page is not looked at in a browser")
    if len(sys.argv) > 1:
        HUBLOAD = sys.argv.pop(1)
    unittest.main(verbosity=2)
