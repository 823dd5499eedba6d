"""Goal:   what tests print is counted right, and nothing that failed is counted as passed.
Method: reports as ctest writes them, one per kind of test, with known counts."""
import os
import sys
import tempfile
import unittest
from xml.sax.saxutils import escape

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import tally  # noqa: E402

CMOCKA = """[==========] Running %d test(s).
[==========] %d test(s) run.
[  PASSED  ] %d test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] test_ring
[  FAILED  ] %d test(s), listed below:
"""
NODE = "# tests 20\n# pass 12\n# fail 0\n# cancelled 0\n# skipped 8\n"
UNITTEST = "Ran 25 tests in 0.1s\n\nFAILED (failures=2, errors=1, skipped=4)\n"

# Status and output of one ctest test, and what it counts as: passed, failed, skipped.
CASES = [
    ("run", "", (1, 0, 0)),
    ("fail", "", (0, 1, 0)),
    ("run", CMOCKA % (12, 12, 11, 0), (11, 0, 1)),
    ("fail", CMOCKA % (123, 123, 100, 22), (100, 22, 1)),
    ("fail", CMOCKA % (12, 12, 11, 0), (11, 1, 1)),  # died after counting
    ("fail", "[==========] Running 3 test(s).\n", (0, 1, 0)),  # died before counting
    ("run", "[==========] 0 test(s) run.\n[  PASSED  ] 0 test(s).\n", (0, 1, 0)),
    ("run", NODE, (12, 0, 8)),
    ("fail", UNITTEST, (18, 3, 4)),
    ("run", "Ran 10 tests in 0.1s\n\nOK\n", (10, 0, 0)),
    ("run", "seed 1\n300 passed, 0 failed, 2 skipped\n", (300, 0, 2)),
    ("SKIP_RETURN_CODE=77", "SKIP: no ring\n", (0, 0, 1)),
    ("Unable to find executable", "", (0, 1, 0)),
]
CASE = '<testcase name="t" status="%s" time="0.1">%s<system-out>%s</system-out></testcase>'


class TallyTest(unittest.TestCase):
    def test_each_kind_is_counted(self):
        for status, text, wanted in CASES:
            ran = status in ("run", "fail")
            skipped = "" if ran else '<skipped message="%s"/>' % status
            written = status if ran else "notrun"
            case = tally.xml.fromstring(CASE % (written, skipped, escape(text)))
            with self.subTest(status=status, text=text):
                self.assertEqual(tally.count(case)[:3], wanted)

    def test_a_suite_without_report_is_a_skip(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "tally")
            tally.add("nothing", os.path.join(folder, "absent.xml"), path, 0)
            with open(path, encoding="utf-8") as rows:
                self.assertEqual(rows.read(), "nothing\t0\t0\t1\t0\n")

    def test_reasons(self):
        self.assertEqual(tally.reasons("x\n  SKIP: no ring\n"), ["SKIP: no ring"])
        self.assertEqual(tally.reasons("ok 3 - tls # SKIP no tls\n# skipped 1\n"),
                         ["ok 3 - tls # SKIP no tls"])
        self.assertEqual(tally.reasons("test_a (t.T.test_a) ... skipped 'no ring'\n"),
                         ["test_a (t.T.test_a) ... skipped 'no ring'"])
        self.assertEqual(tally.reasons(CMOCKA % (2, 2, 1, 0)), ["SKIP without a reason: test_ring"])


if __name__ == "__main__":
    unittest.main()
