"""The USDT probes are in the binary, and the bpftrace scripts name no other."""

import re
import subprocess
import unittest

from pages import find_tool
import harness

PROBES = {"recv": 2, "publish": 4, "deliver": 6, "send": 3, "wake": 2, "close": 3}


class Probes(unittest.TestCase):
    def test_they_are_in_the_binary(self):
        tool, path = find_tool("readelf"), harness.executable()
        if tool is None or path is None:
            print("SKIP: no readelf or no ringhub to look at")
            self.skipTest("no readelf")
        notes = subprocess.run([tool, "-n", path], stdout=subprocess.PIPE, check=True,
                               timeout=60).stdout.decode()
        found = {}
        for name, arguments in re.findall(r"Provider: ringhub\s+Name: (\w+)\s+Location[^\n]*\s+"
                                          r"Arguments:([^\n]*)", notes):
            found[name] = len(arguments.split())
        self.assertEqual(found, PROBES)

    def test_the_scripts_use_them(self):
        used = set()
        for name in ("journey.bt", "closes.bt"):
            text = (harness.REPOSITORY / "docs" / name).read_text(encoding="utf-8")
            for probe, body in re.findall(r"usdt:\*:ringhub:(\w+)\s*\{([^}]*)\}", text):
                used.add(probe)
                for argument in re.findall(r"\barg(\d)", body):
                    self.assertLess(int(argument), PROBES[probe], probe)
        self.assertEqual(used, set(PROBES))


if __name__ == "__main__":
    unittest.main()
