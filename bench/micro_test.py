"""Is a run of the microbenchmarks stored, and compared with by Google Benchmark's own tool? Are the stored
ones of the benchmarks that there are?

    micro_test.py PATH-OF-RINGHUB-BENCH
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = "ringhub-bench"
TOOL = "/usr/share/benchmark/compare.py"
TINY = ("--benchmark_filter=nats_parse", "--benchmark_repetitions=3", "--benchmark_min_time=0.001")


def micro(*words):
    return subprocess.run([os.path.join(HERE, "micro.sh"), "--program", PROGRAM, *words], text=True,
                          capture_output=True, timeout=120, check=False)


class Micro(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.stored = os.path.join(folder.name, "stored/run.json")

    def test_recorded_then_compared(self):
        done = micro("--stored", self.stored, *TINY)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nothing to compare with", done.stdout)
        done = micro("--record", "--stored", self.stored, *TINY)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.stored, encoding="utf-8") as text:
            names = {one["run_name"] for one in json.load(text)["benchmarks"]}
        self.assertGreater(len(names), 1)
        if not os.path.exists(TOOL):
            self.skipTest("no libbenchmark-tools")
        done = micro("--stored", self.stored, *TINY)
        self.assertEqual(done.returncode, 0, done.stderr)
        compared = done.stdout.partition("Time Old")[2]
        for name in names:
            self.assertIn(name + "_pvalue", compared)

    def test_a_filter_replaces_what_ran(self):
        self.assertEqual(micro("--record", "--stored", self.stored, *TINY).returncode, 0)
        with open(self.stored, encoding="utf-8") as text:
            before = json.load(text)["benchmarks"]
        again = ("--record", "--stored", self.stored, *TINY, "--benchmark_filter=nats_parse_large")
        self.assertEqual(micro(*again).returncode, 0)
        with open(self.stored, encoding="utf-8") as text:
            after = json.load(text)["benchmarks"]
        self.assertEqual(sorted(row["name"] for row in after), sorted(row["name"] for row in before))
        for row in before:
            self.assertEqual(row in after, row["run_name"] != "nats_parse_large", row["name"])

    def test_one_that_is_slower_is_seen(self):
        if not os.path.exists(TOOL):
            self.skipTest("no libbenchmark-tools")
        self.assertEqual(micro("--record", "--stored", self.stored, *TINY).returncode, 0)
        with open(self.stored, encoding="utf-8") as text:
            run = json.load(text)
        for one in run["benchmarks"]:
            if one.get("aggregate_name") != "cv":
                one["cpu_time"] /= 100
                one["real_time"] /= 100
        with open(self.stored, "w", encoding="utf-8") as text:
            json.dump(run, text)
        done = micro("--stored", self.stored, *TINY)
        rows = [row.split() for row in done.stdout.partition("Time Old")[2].splitlines() if "_median" in row]
        self.assertTrue(rows, done.stdout)
        for row in rows:
            self.assertGreater(float(row[2]), 5, row)

    def test_wrong_words_are_refused(self):
        for words in (("--filter=x",), ("--benchmark_filter=no_such_benchmark",)):
            done = micro("--stored", self.stored, *words)
            self.assertNotEqual(done.returncode, 0, words)
            self.assertFalse(os.path.exists(self.stored))


def families(names):
    """Without sizes, of which some depend on the machine."""
    return {re.sub(r"/\d.*", "", name) for name in names if name}


class Stored(unittest.TestCase):
    def setUp(self):
        done = subprocess.run([PROGRAM, "--benchmark_list_tests=true"], text=True, capture_output=True,
                              timeout=60, check=True)
        self.now = families(done.stdout.split("\n"))
        self.stored = {}
        for path in glob.glob(os.path.join(HERE, "../results/micro/*.json")):
            with open(path, encoding="utf-8") as text:
                self.stored[path] = families(row["run_name"] for row in json.load(text)["benchmarks"])

    def test_what_is_stored_still_exists(self):
        self.assertTrue(self.stored)
        for path, names in self.stored.items():
            self.assertEqual(names - self.now, set(), path)

    def test_what_exists_is_stored_for_some_machine(self):
        self.assertEqual(self.now - set().union(*self.stored.values()), set(), "./dev bench --record")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
