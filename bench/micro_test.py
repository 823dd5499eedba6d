"""Is a run of the microbenchmarks stored, and compared with by Google Benchmark's own tool?

    micro_test.py PATH-OF-RINGHUB-BENCH
"""
import json
import os
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


if __name__ == "__main__":
    if len(sys.argv) > 1:
        PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
