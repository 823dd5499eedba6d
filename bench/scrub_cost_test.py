"""scrub_cost_test.py - is what rules cost computed from the pairs as it should be, and from the right ones?"""
import json
import math
import os
import random
import tempfile
import unittest
import unittest.mock

import scrub_cost


def part(deliveries=1000, cpu_ns=500000000, seconds=1.0, **more):
    return dict({"seconds": seconds, "messages": 10, "deliveries": deliveries, "cpu_ns": cpu_ns}, **more)


def pair(without=None, rules=None, **more):
    return dict({"without": without or part(), "rules": rules or part()}, **more)


def bound():
    """A pair in whose second half hubload was the bottleneck, and which looks bad."""
    return pair(rules=part(deliveries=1, generator_ns=990000000))


def lost():
    return pair(rules=part(deliveries=1, dropped=3))


class Middle(unittest.TestCase):
    # Goal: Hodges and Lehmann's estimate and an interval of 99 %.  Method: values whose means of two are all different;
    # the tables of Wilcoxon's signed ranks have 3, 37 and 109 for 10, 20 and 30 values, so the ends are the 4th,
    # 38th and 110th mean from outside. Ours may lie three means farther out, and never farther in.
    def test_known_interval(self):
        for count, rank in ((10, 4), (20, 38), (30, 110)):
            values = [(number * 1.1) ** 2 for number in range(count)]
            means = sorted((a + b) / 2 for i, a in enumerate(values) for b in values[i:])
            random.Random(count).shuffle(values)
            estimate, low, high = scrub_cost.shift(values)
            self.assertAlmostEqual(estimate, (means[(len(means) - 1) // 2] + means[len(means) // 2]) / 2)
            self.assertTrue(means[max(0, rank - 4)] <= low <= means[rank - 1])
            self.assertTrue(means[-rank] <= high <= means[-max(1, rank - 3)])

    # Goal: one that is far off moves neither middle nor ends far.  Method: 30 of 5 and one of a million.
    def test_one_far_off(self):
        estimate, low, high = scrub_cost.shift([5.0] * 30 + [1e6])
        self.assertEqual((estimate, low, high), (5.0, 5.0, 5.0))

    # Goal: the interval holds the truth in 99 of 100.  Method: 400 samples of noise around 0; some may miss, and
    # the interval may not be so wide that hardly any does.
    def test_coverage(self):
        rng = random.Random(6)
        missed = 0
        for _ in range(400):
            _, low, high = scrub_cost.shift([rng.gauss(0, 1) for _ in range(20)])
            missed += not low <= 0 <= high
        self.assertLessEqual(missed, 12)
        self.assertLess(high - low, 2.5)

    # Goal: nine are too few for an interval, ten are not.  Method: both.
    def test_too_few(self):
        self.assertEqual(scrub_cost.shift([3.0] * 9), (3.0, None, None))
        self.assertEqual(scrub_cost.shift([3.0] * 10), (3.0, 3.0, 3.0))

    # Goal: the middle of ratios is that of their logarithms: half and double cancel.  Method: as many of each.
    def test_ratio(self):
        self.assertAlmostEqual(scrub_cost.ratio([0.5] * 6 + [2.0] * 6)[0], 1.0)
        for value in scrub_cost.ratio([0.9] * 12):
            self.assertAlmostEqual(value, 0.9)


class Figures(unittest.TestCase):
    # Goal: rates and CPU times of known halves.  Method: rules let 0.9 of the deliveries through in twice the
    # seconds, at 600 instead of 500 ns each; both orders of speed.
    def test_known_ratios(self):
        pairs = [pair(part(deliveries=1000 * n, cpu_ns=500 * 1000 * n),
                      part(deliveries=1800 * n, seconds=2.0, cpu_ns=600 * 1800 * n)) for n in range(1, 13)]
        for figure, value in ((scrub_cost.kept, 0.9), (scrub_cost.allowed, 500 / 600), (scrub_cost.added_ns, 100)):
            for one in figure(pairs):
                self.assertAlmostEqual(one, value)

    # Goal: the bad end of the interval decides, not its middle.  Method: pairs that keep 0.97 without and with
    # noise; and that add 900 ns so.
    def test_bad_end_decides(self):
        rng = random.Random(1)
        for noise, is_fine in ((0.0, True), (0.2, False)):
            pairs = [pair(rules=part(deliveries=1000 * 0.97 * math.exp(noise * rng.gauss(0, 1)),
                                     cpu_ns=500000000)) for _ in range(20)]
            self.assertEqual(scrub_cost.judge_fan_out(pairs)[1], is_fine)
            pairs = [pair(part(cpu_ns=0), part(cpu_ns=1000 * (900 + 1000 * noise * rng.gauss(0, 1)))) for _ in range(20)]
            self.assertEqual(scrub_cost.judge_one_to_one(pairs)[1], is_fine)

    # Goal: each of the bounds is one.  Method: just kept and just not: 0.95 of the rate, of the CPU time, 1 us.
    def test_bounds(self):
        for keeps, is_fine in ((0.951, True), (0.949, False)):
            slower = pair(rules=part(deliveries=1000 * keeps, cpu_ns=500000000 * keeps))
            dearer = pair(rules=part(cpu_ns=500000000 / keeps))
            for one in (slower, dearer):
                self.assertEqual(scrub_cost.judge_fan_out([one] * 12)[1], is_fine)
        for cost, is_fine in ((999, True), (1001, False)):
            one = pair(part(cpu_ns=0), part(cpu_ns=1000 * cost))
            self.assertEqual(scrub_cost.judge_one_to_one([one] * 12)[1], is_fine)


class Unused(unittest.TestCase):
    # Goal: who was the bottleneck.  Method: hubload and the hub on both sides of busy; and halves of before, which
    # do not tell.
    def test_bottleneck(self):
        for generator, hub, is_it in ((0.95, 0.8, True), (0.95, 0.95, False), (0.8, 0.5, False), (0.8, 0.95, False)):
            half = part(cpu_ns=hub * 2e9, generator_ns=generator * 2e9, seconds=2.0)
            self.assertEqual(scrub_cost.is_generators(half), is_it)
        self.assertFalse(scrub_cost.is_generators(part()))

    # Goal: where hubload was the bottleneck, deliveries a second are not used and CPU time is.  Method: such pairs,
    # with a bad figure, among good ones; which half does not matter.
    def test_bound_pairs(self):
        good = [pair()] * 20
        turned = pair(without=part(deliveries=1, generator_ns=990000000))
        self.assertEqual(scrub_cost.kept(good + [bound(), turned] * 15), scrub_cost.kept(good))
        self.assertEqual(len(scrub_cost.complete(good + [bound()])), 21)
        self.assertLess(scrub_cost.allowed([bound()] * 20)[0], 0.01)
        self.assertIn("1 in which hubload was the bottleneck", scrub_cost.unused(good + [bound()]))

    # Goal: a pair in which something was lost is used for nothing.  Method: by the hub's count, and by hubload's word
    # at the end, among good ones.
    def test_lost_pairs(self):
        good = [pair()] * 20
        for bad in (lost(), pair(without=part(dropped=1)), pair(rules=part(deliveries=1), lost=True)):
            for figure in (scrub_cost.kept, scrub_cost.allowed, scrub_cost.added_ns):
                self.assertEqual(figure(good + [bad] * 15), figure(good))
            self.assertIn("2 in which something was lost", scrub_cost.unused(good + [bad] * 2))

    # Goal: each is counted once.  Method: all kinds together, one of them of both; and none.
    def test_counts(self):
        both = dict(bound(), lost=True)
        self.assertEqual(scrub_cost.unused([pair()] * 5 + [bound()] * 3 + [lost()] * 2 + [both]),
                         "not used: 3 in which something was lost, "
                         "not used for deliveries a second: 3 in which hubload was the bottleneck")
        self.assertEqual(scrub_cost.unused([pair()]), "")

    # Goal: too few usable pairs are no success.  Method: nine good ones, none at all, and enough of which hubload
    # bound all: CPU time is judged alone.
    def test_too_few_are_no_success(self):
        for pairs in ([], [pair()] * 9, [lost()] * 40):
            self.assertFalse(scrub_cost.judge_fan_out(pairs)[1])
            self.assertFalse(scrub_cost.judge_one_to_one(pairs)[1])
        busy = part(generator_ns=990000000)
        lines, is_fine = scrub_cost.judge_fan_out([pair(busy, busy)] * 12)
        self.assertIn("not judged", lines[0])
        self.assertTrue(is_fine)


class Pieces(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def measure(self, count, seconds=0.5):
        options = unittest.mock.Mock(out=self.folder, pairs=count, seconds=seconds, smoke=False)
        begins = []

        def load(_, __, begin):
            begins.append(begin)
            return [pair(part(deliveries=begin + number + 1)) for number in range(count)], "9.9"
        with unittest.mock.patch.object(scrub_cost, "pairs_of_load", load):
            return scrub_cost.measure(options, "fan-1000"), begins

    # Goal: a second piece adds its pairs behind those of the first, and goes on with the order of halves where that
    # one stopped; asked for no pairs, it measures nothing.  Method: pieces of 3, 2 and 0, without a hub.
    def test_resumed(self):
        self.assertEqual(self.measure(3)[1], [0])
        document, begins = self.measure(2)
        self.assertEqual(begins, [3])
        document_again, begins = self.measure(0)
        self.assertEqual((document_again, begins), (document, []))
        self.assertEqual([one["without"]["deliveries"] for one in document["pairs"]], [1, 2, 3, 4, 5])
        self.assertEqual(document["starts"], 2)
        self.assertEqual(os.listdir(self.folder), ["cost.fan-1000.json"])

    # Goal: pairs measured in another way are not mixed.  Method: other seconds, load and rules; what is there stays.
    def test_not_mixed(self):
        first, _ = self.measure(3)
        path = os.path.join(self.folder, "cost.fan-1000.json")
        with self.assertRaises(SystemExit):
            self.measure(2, seconds=0.25)
        for key, value in (("load", ["--subscribers", "7"]), ("rules", "others")):
            with open(path, "w", encoding="utf-8") as file:
                json.dump(dict(first, **{key: value}), file)
            with self.assertRaises(SystemExit):
                self.measure(2)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(len(json.load(file)["pairs"]), 3)

    # Goal: halves change places from pair to pair, and each has its own rules.  Method: a piece without a hub.
    def test_order_of_halves(self):
        piece = scrub_cost.Piece.__new__(scrub_cost.Piece)
        asked = []
        piece.part = lambda text: asked.append(text) or len(asked)
        self.assertEqual(piece.pair(0), {"without": 1, "rules": 2})
        self.assertEqual(piece.pair(1), {"rules": 3, "without": 4})
        self.assertEqual([text is scrub_cost.RULES for text in asked], [False, True, True, False])

    # Goal: of hubload's threads the busiest counts, by what it did meanwhile.  Method: one that is old, one that is
    # busy, one that came later.
    def test_busiest(self):
        before = {"a": ("hubload", 9000), "b": ("hubload", 10)}
        after = {"a": ("hubload", 9001), "b": ("hubload", 60), "c": ("hubload", 500)}
        self.assertEqual(scrub_cost.busiest_ns(before, after), 50)
        self.assertEqual(scrub_cost.busiest_ns({}, after), 0)


if __name__ == "__main__":
    unittest.main()
