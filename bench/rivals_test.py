"""rivals_test.py - what the tables say of figures made up here, and that every server is ended."""
import argparse
import json
import os
import sys
import tempfile
import unittest
import unittest.mock

import rivals
import rivals_servers
import rivals_tables


def run(deliveries_per_s=1000.0, cpu_ns=100.0, verdict="valid", **more):
    figures = {
        "complete": True, "interrupted": False, "verdict": verdict, "expected": 10, "delivered": 10,
        "lost": 0, "duplicated": 0, "reordered": 0, "corrupted": 0, "foreign": 0,
        "deliveries_per_s": deliveries_per_s, "messages_per_read": 2.0,
        "latency": {"count": 10, "p50_ns": 1000, "p99_ns": 2500000},
        "completion": {"count": 10, "p99_ns": 3000000},
        "server": {"user_ns_per_delivery": cpu_ns / 4, "system_ns_per_delivery": cpu_ns * 3 / 4},
        "generator": {"cpu_ns_per_delivery": cpu_ns / 2},
    }
    figures.update(more)
    return figures


def result(*runs, rate=0, failure=None):
    return {"format": "hubload-result", "scenario": {"rate": rate}, "failure": failure, "runs": list(runs)}


class Texts(unittest.TestCase):
    # Goal: three digits, whatever the size.  Method: a table.
    def test_numbers(self):
        for value, text in ((0, "0"), (5, "5.00"), (99.99, "100"), (128, "128"), (1500, "1.50 k"), (20e6, "20.0 M"),
                            (1234e6, "1234 M")):
            self.assertEqual(rivals_tables.count_text(value), text)
        for value, text in ((31, "31.0 ns"), (995000, "995 us"), (1.2e9, "1.20 s")):
            self.assertEqual(rivals_tables.time_text(value), text)


class Tables(unittest.TestCase):
    # Goal: a cell is the median with the extremes.  Method: three rounds out of order.
    def test_median_and_spread(self):
        three = result(run(3000), run(1000), run(2000))
        self.assertEqual(rivals_tables.cell(three, rivals_tables.DELIVERIES), "2.00 k (1.00 k - 3.00 k)")
        self.assertEqual(rivals_tables.cell(three, rivals_tables.CPU, False), "100 ns")

    # Goal: a row of which one round lost something shows no figure.  Method: one bad round of two; both tables.
    def test_lost_is_failed(self):
        bad = result(run(), run(9e9, complete=False, delivered=7, lost=3))
        self.assertEqual(rivals_tables.failure_of(bad), "FAILED in 1 of 2 rounds: 3 lost")
        rows = rivals_tables.full_rows({"x": bad})
        self.assertEqual(rows[1], ["x", "FAILED in 1 of 2 rounds: 3 lost", "", "", "", "", ""])
        self.assertIn("| x | FAILED |", rivals_tables.short_tables({"1:10": {"x": bad}}))

    # Goal: delivered that differs from expected fails even where hubload calls it complete.
    # Method: a document that contradicts itself.
    def test_delivered_must_be_expected(self):
        self.assertIn("FAILED", rivals_tables.failure_of(result(run(delivered=9))))

    # Goal: a run of which nothing fell into the measured time gives no figure, and is no failure.
    # Method: all delivered, none then; and no message due then.
    def test_nothing_measured_is_no_figure(self):
        empty = result(run(), run(0.0))
        self.assertEqual(rivals_tables.failure_of(empty), "")
        self.assertIn("nothing arrived", rivals_tables.full_rows({"x": empty})[1][1])
        none_due = result(run(latency={"count": 0, "p50_ns": 0, "p99_ns": 0}))
        self.assertEqual(rivals_tables.cell(none_due, rivals_tables.P50), "-")

    # Goal: what did not run is named.  Method: no run; no run with hubload's words; a run and a failure.
    def test_no_run_is_failed(self):
        self.assertEqual(rivals_tables.failure_of(result()), "FAILED: no run")
        self.assertEqual(rivals_tables.failure_of(result(failure="refused")), "FAILED: refused")
        self.assertEqual(rivals_tables.failure_of(result(run(), failure="refused")), "FAILED: refused")

    # Goal: a server that hubload could not fill is marked, once most rounds say so.  Method: one, two of three.
    def test_generator_bound_is_marked(self):
        bound = run(verdict="generator_bound")
        self.assertEqual(rivals_tables.mark_of(result(run(), run(), bound)), "")
        marked = {"t": {"x": result(run(), bound, bound)}}
        self.assertEqual(rivals_tables.full_rows(marked["t"])[1][0], "x*")
        self.assertEqual(len(rivals_tables.marks_used(marked)), 1)

    # Goal: a row of fewer rounds than the others says so.  Method: one of two.
    def test_few_rounds_are_named(self):
        rows = rivals_tables.full_rows({"x": result(run(), run()), "y": result(run())})
        self.assertEqual([row[0] for row in rows[1:]], ["x", "y (1 rounds)"])

    # Goal: a server without figures of its process shows a dash.  Method: no server part.
    def test_unknown_server(self):
        self.assertEqual(rivals_tables.cell(result(run(server=None)), rivals_tables.CPU), "-")

    # Goal: the noise is the distance of one program's two rows.  Method: 1,000 against 1,100; a failed one is left out.
    def test_noise(self):
        rows = {"ceiling-send": result(run(1000)), "ceiling-again": result(run(1100))}
        self.assertEqual(rivals_tables.noise({"t": rows}), ["t: deliveries/s 10.0 %, server CPU/delivery 0.0 %"])
        rows["ceiling-again"] = result()
        self.assertEqual(rivals_tables.noise({"t": rows}), [])

    # Goal: only what stands between the marks is replaced.  Method: a page with both, twice over; one without.
    def test_replace_figures(self):
        page = "a\n<!-- figures -->\nold\n<!-- /figures -->\nb\n"
        once = rivals_tables.replace_figures(page, "new")
        self.assertEqual(once, "a\n<!-- figures -->\n\nnew\n\n<!-- /figures -->\nb\n")
        self.assertEqual(rivals_tables.replace_figures(once, "new"), once)
        with self.assertRaises(ValueError):
            rivals_tables.replace_figures("none", "new")


class Listener(rivals_servers.Server):
    """A server that only listens; or, with quiet, only lives."""
    name = "listener"
    program = os.path.basename(sys.executable)
    code = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); s.accept()[0]; s.accept()"

    def find(self):
        return sys.executable

    def arguments(self, port, connections, cpus, config_path):
        return ["-c", self.code, str(port)]


class Quits(Listener):
    code = "print('no such option'); raise SystemExit(1)"


class Servers(unittest.TestCase):
    # Goal: a server is ended by its pid, also when the block ends with an error.  Method: its process is gone.
    def test_ends(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaises(KeyError):
                with rivals_servers.Running(Listener(""), 1, [], folder) as running:
                    process = running.process
                    self.assertIsNone(process.poll())
                    raise KeyError
            self.assertIsNotNone(process.returncode)

    # Goal: one that does not start says why.  Method: a program that complains and exits.
    def test_says_why(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(RuntimeError, "no such option"):
                with rivals_servers.Running(Quits(""), 1, [], folder):
                    pass


    # Goal: one that is waited for when we are told to stop is ended as well.  Method: the wait is interrupted.
    def test_ends_while_starting(self):
        with tempfile.TemporaryDirectory() as folder:
            waiting = rivals_servers.Running(Listener(""), 1, [], folder)
            with unittest.mock.patch.object(rivals_servers, "listens", side_effect=KeyboardInterrupt):
                with self.assertRaises(KeyboardInterrupt):
                    waiting.__enter__()
            self.assertIsNotNone(waiting.process.returncode)


class Rounds(unittest.TestCase):
    # Goal: the rounds of one server and scenario become one document of hubload's form, and none is lost when one
    # of them never began.  Method: a failure, a run, a failure, a run; then the file.
    def test_kept_together(self):
        with tempfile.TemporaryDirectory() as folder:
            suite = rivals.Suite.__new__(rivals.Suite)
            suite.options = argparse.Namespace(out=folder)
            suite.results = {"1:10": {}}
            scenario, server = rivals.SMOKE[0], Listener("")
            for document in ({"failure": "late", "runs": []}, result(run(1)), {"failure": "x", "runs": []},
                             result(run(2))):
                suite.keep(scenario, server, document)
            with open(os.path.join(folder, "fan-10.listener.json"), encoding="utf-8") as file:
                kept = json.load(file)
            self.assertEqual([each["deliveries_per_s"] for each in kept["runs"]], [1, 2])
            self.assertEqual(kept["failure"], "late")


class Minutes(unittest.TestCase):
    # Goal: the whole of it ends in the time that was given, after at least the two rounds that everybody gets.
    # Method: rounds of a minute by a clock of our own.
    def rounds_in(self, minutes, asked=5):
        suite = rivals.Suite.__new__(rivals.Suite)
        suite.options = argparse.Namespace(rounds=asked, minutes=minutes)
        suite.scenarios, suite.servers = [rivals.SMOKE[0]], [Listener("")]
        clock = [0.0]
        begun = []

        def one(number, scenario, server):
            begun.append(number)
            clock[0] += 60

        suite.one = one
        with unittest.mock.patch.object(rivals.time, "monotonic", lambda: clock[0]):
            suite.rounds()
        self.assertEqual(suite.options.rounds, len(begun))
        return len(begun)

    def test_rounds_end_in_time(self):
        self.assertEqual(self.rounds_in(9), 5)
        self.assertEqual(self.rounds_in(5), 5)
        self.assertEqual(self.rounds_in(4.5), 4)
        self.assertEqual(self.rounds_in(1), rivals.SLOW_ROUNDS)
        self.assertEqual(self.rounds_in(9, asked=20), 9)

    def test_the_default_is_less_than_ten(self):
        self.assertLess(rivals.options_read([]).minutes, 10)


class Cpus(unittest.TestCase):
    # Goal: the kernel's lists are understood.  Method: a table.
    def test_lists(self):
        self.assertEqual(rivals.cpu_list("0"), [0])
        self.assertEqual(rivals.cpu_list("0-2,5"), [0, 1, 2, 5])


if __name__ == "__main__":
    unittest.main()
