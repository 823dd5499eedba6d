"""Do the examples of --help work as pasted?

Goal:   who copies a line out of hubload's help gets a result and no complaint.
Method: every example of every page, through a shell, against a hub called nats-server on the port
        that the examples name. help_test.py BUILD_DIR
"""
import concurrent.futures
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else os.path.join(ROOT, "build/release")
PAGES = ("", "fanout", "idle", "storm", "run", "compare", "report")
# Gates exit with this when they hold, or when they cannot tell; both are answers.
GATE_STATUS = (0, 1, 3)


def listens():
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", 4222)) == 0


def help_of(page):
    done = subprocess.run([os.path.join(BUILD, "hubload"), *page.split(), "--help"],
                          stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def examples_of(page):
    """The command lines below "Example"; synopses have an ellipsis or brackets in them."""
    text = help_of(page).partition("\nExample")[2]
    return [line.strip() for line in text.splitlines()
            if re.match(r"  hubload [a-z]", line) and not re.search(r"[…\[]", line)]


class Pages(unittest.TestCase):
    def test_every_subcommand_has_a_page(self):
        named = set(re.findall(r"^  hubload ([a-z]+)", help_of(""), re.M))
        self.assertEqual(named, {*PAGES, "request"} - {""})


class Examples(unittest.TestCase):
    def setUp(self):
        if listens():
            self.skipTest("something listens on port 4222")
        self.folder = tempfile.mkdtemp(prefix="hubload-help-")
        self.addCleanup(shutil.rmtree, self.folder)
        server = os.path.join(self.folder, "nats-server")
        os.symlink(os.path.join(BUILD, "ringhub"), server)
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.addCleanup(self.log.close)
        self.hub = subprocess.Popen([server, "-p", "4222", "--max_pending", "1GB"], stdin=subprocess.DEVNULL,
                                    stdout=self.log, stderr=self.log)
        self.addCleanup(self.end)
        until = time.monotonic() + 10
        while not listens():
            self.assertLess(time.monotonic(), until, "the hub does not listen")
            time.sleep(0.05)
        os.symlink(os.path.join(ROOT, "loadgen"), os.path.join(self.folder, "loadgen"))
        os.mkdir(os.path.join(self.folder, "results"))
        self.results()

    def end(self):
        self.hub.terminate()
        self.hub.wait(20)

    def paste(self, line):
        return subprocess.run(["sh", "-c", line], cwd=self.folder, stdin=subprocess.DEVNULL, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False,
                              env=dict(os.environ, PATH=BUILD + ":" + os.environ["PATH"]))

    def results(self):
        """The files that the examples of compare and report name."""
        made = self.paste("hubload fanout --subscribers 2 --rate 100 --warmup 0 --duration 0.2 --runs 5 "
                          "--json before.json")
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)
        for name in ("after.json", "base-1.json", "base-2.json", "new-1.json", "new-2.json", "results/a.json"):
            shutil.copy(os.path.join(self.folder, "before.json"), os.path.join(self.folder, name))
        # Pairs are runs made in turns: these have to be runs of their own.
        for name in ("A-1.json", "B-1.json", "B-2.json", "A-2.json"):
            made = self.paste("hubload fanout --subscribers 2 --rate 100 --warmup 0 --duration 0.2 --json " + name)
            self.assertEqual(made.returncode, 0, made.stdout + made.stderr)

    def paste_page(self, page):
        return [(line, self.paste(line)) for line in examples_of(page)]

    def test_as_pasted(self):
        # Requests have a subject of their own: they do not disturb the others.
        with concurrent.futures.ThreadPoolExecutor() as pool:
            beside = pool.submit(self.paste_page, "request")
            pasted = [result for page in PAGES for result in self.paste_page(page)] + beside.result()
        for page in (*PAGES, "request"):
            self.assertTrue(examples_of(page), "hubload %s --help shows no example" % page)
        for line, done in pasted:
            with self.subTest(line=line):
                fine = GATE_STATUS if "--fail-if" in line else (0,)
                self.assertIn(done.returncode, fine, done.stdout + done.stderr)
                if line.endswith("--json -"):
                    # The document alone is on standard output; what people read is on the other.
                    self.assertEqual(json.loads(done.stdout)["format"], "hubload-result")


if __name__ == "__main__":
    unittest.main()
