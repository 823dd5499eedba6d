"""tally.py - how many cases passed, failed and were skipped, over all kinds of tests.

    tally.py WHAT JUNIT.xml TALLY.tsv SECONDS     add one suite (a ctest report) to the tally
    tally.py --summary TALLY.tsv SECONDS          print the tally; exit 1 when anything failed

A ctest test that says how many cases it ran is counted by cases: cmocka's, node's and unittest's
last lines, and for our own programs a line "N passed, N failed, N skipped". Any other is one case.
Every skip is printed with its reason: lines that start with "SKIP", and what node and unittest say.
"""
import os
import re
import sys
import xml.etree.ElementTree as xml


def numbers(pattern, text):
    return [tuple(map(int, match.groups())) for match in re.finditer(pattern, text, re.M)]


def own_lines(text):
    found = numbers(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", text)
    return found[-1] if found else None


def cmocka(text):
    ran = numbers(r"^\[={10}\] (\d+) test\(s\) run\.$", text)
    if not ran:
        return None
    passed = sum(n for (n,) in numbers(r"^\[  PASSED  \] (\d+) test\(s\)", text))
    failed = sum(n for (n,) in numbers(r"^\[  FAILED  \] (\d+) test\(s\)", text))
    skipped = sum(n for (n,) in numbers(r"^\[  SKIPPED \] (\d+) test\(s\)", text))
    return passed, failed, skipped


def node(text):
    found = [numbers(r"^. ?%s (\d+)$" % word, text) for word in ("pass", "fail", "skipped")]
    if not all(found):
        return None
    return tuple(sum(n for (n,) in part) for part in found)


def unittest(text):
    ran = numbers(r"^Ran (\d+) tests? in", text)
    if not ran:
        return None
    total = sum(n for (n,) in ran)
    failed = sum(n for (n,) in numbers(r"(?:failures|errors)=(\d+)", text))
    skipped = sum(n for (n,) in numbers(r"skipped=(\d+)", text))
    return total - failed - skipped, failed, skipped


def count(case):
    """One ctest test: (passed, failed, skipped, its output)."""
    text = case.findtext("system-out") or ""
    status = case.get("status")
    skipped = case.find("skipped")
    # A test that ctest could not start is also reported as skipped; only 77 says so itself.
    said = skipped.get("message", "") if skipped is not None else ""
    if status == "disabled" or said.startswith("SKIP_"):
        return 0, 0, 1, text
    counts = None
    for reader in (own_lines, cmocka, node, unittest):
        counts = counts or reader(text)
    passed, failed, skipped = counts or ((1, 0, 0) if status == "run" else (0, 1, 0))
    if status != "run" and failed == 0:
        failed = 1  # it died after, or without, counting
    if status == "run" and passed + failed + skipped == 0:
        failed = 1  # a test that ran no case is a mistake
    return passed, failed, skipped, text or said


def reasons(text):
    """The lines that say why something was skipped; without one, at least what was."""
    said = re.findall(r"^\W*SKIP\b.*\w.*$|^.*# SKIP\b.*$|^\W*skipped: .*$|^.*\.\.\. skipped .*$", text,
                      re.M)
    named = re.findall(r"^\[  SKIPPED \] (\w+)$", text, re.M)
    return [line.strip() for line in said] or [
        "SKIP without a reason: " + name for name in sorted(set(named))] or [
            "SKIP without a reason"]


def append(path, row):
    with open(path, "a", encoding="utf-8") as out:
        out.write("\t".join(str(part) for part in row) + "\n")


def add(what, report, path, seconds):
    cases = []
    if os.path.exists(report):
        cases = xml.parse(report).getroot().findall("testcase")
    if not cases:
        print("    SKIP: no test of this kind in this checkout")
        append(path, (what, 0, 0, 1, seconds))
        return
    sums = [0, 0, 0]
    for case in cases:
        *counts, text = count(case)
        sums = [a + b for a, b in zip(sums, counts)]
        mark = "FAILED" if counts[1] else "ok"
        print("    %-6s %-40s %4d passed %4d failed %4d skipped %8.1f s"
              % (mark, case.get("name"), *counts, float(case.get("time") or 0)))
        if counts[2]:
            for reason in reasons(text):
                print("           " + reason)
        if counts[1]:
            print("".join("        | %s\n" % line for line in text.splitlines()[-80:]), end="")
    append(path, (what, *sums, seconds))


def summary(path, seconds):
    rows = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            what, *rest = line.rstrip("\n").split("\t")
            rows.append((what, *map(int, rest)))
    total = [sum(row[i] for row in rows) for i in (1, 2, 3)]
    width = max([len(row[0]) for row in rows] + [5])
    print("%-*s %8s %8s %8s %8s" % (width, "", "passed", "failed", "skipped", "seconds"))
    for row in rows:
        print("%-*s %8d %8d %8d %8d" % (width, *row))
    print("%-*s %8d %8d %8d %8d" % (width, "total", *total, seconds))
    print("\n%d passed, %d failed, %d skipped" % tuple(total))
    return 1 if total[1] or not total[0] else 0


if __name__ == "__main__":
    if sys.argv[1] == "--summary":
        sys.exit(summary(sys.argv[2], int(sys.argv[3])))
    add(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
