"""Goal:   tidy.py finds each kind of offence, and nothing in clean code.
Method: a small tree with one planted offence per case, in a temporary folder."""
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TIDY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy.py")
LONG = "int f(void)\n{\n" + "    g();\n" * 71 + "}\n"
SHORT_ENOUGH = "int f(void)\n{\n" + "    g();\n" * 70 + "}\n"

# File, its text, a piece of the finding (None: clean).
CASES = [
    ("core/a.c", "int x;\n", None),
    ("core/a.c", '#include "io/b.h"\n', "core includes only core"),
    ("core/a.c", '#include "core/hub.h"\n', None),
    ("core/run.c", '#include "core/hub.h"\n', "includes upward"),
    ("core/a.c", '#include "b.h"\n', "from the top of the tree"),
    ("core/a.c", "#include <liburing.h>\n", "does not belong"),
    ("io/conn.c", "#include <liburing.h>\n", "does not belong"),
    ("io/loop_uring.c", "#include <liburing.h>\n", None),
    ("core/a.h", '#include "core/b.h"\n', "in a circle"),
    ("loadgen/a.c", '#include "core/hub.h"\n', "independent witness"),
    ("loadgen/a.c", '#include "core/base.h"\n', None),
    ("core/proto/nats.c", '#include "core/proto/mqtt.h"\n', "front-ends"),
    ("core/a.c", "int f(void)\n{\n    strcpy(a, b);\n}\n", "strcpy"),
    ("io/a.c", "int f(void)\n{\n    return malloc(3);\n}\n", "memory comes from"),
    ("core/a.c", "int f(void)\n{\n    return time(NULL);\n}\n", "no kernel"),
    ("core/a.c", "int f(void)\n{\n    return p->close(3) + read_all(x);\n}\n", None),
    ("core/a.c", "/* time(NULL), strcpy(a, b) */\n", None),
    ("core/a.c", 'const char *a = "read(";\n', None),
    ("core/a.c", "int f(void)\n{\n    assert(x);\n}\n", "assert"),
    ("core/a.c", "static_assert(1, \"fine\");\n", None),
    ("core/a.c", LONG, "f is 71 lines"),
    ("core/a.c", SHORT_ENOUGH, None),
    ("core/a.c", "int x;\n" * 801, "801 lines"),
    ("core/a.c", "/* TO" + "DO: later */\n", "leftover"),
    ("core/a.c", "int x; \n", "trailing space"),
    ("core/a.c", "int x;", "no newline"),
    ("docs/a.md", "see /wo" + "rk/main\n", "one machine"),
    ("tests/support/tidy_long_functions.txt", "core/a.c f 80 reason\n", "lower or drop"),
]


class TidyTest(unittest.TestCase):
    def run_on(self, path, text):
        with tempfile.TemporaryDirectory() as root:
            for folder in ("core/proto", "io", "loadgen", "docs", "tests/support"):
                os.makedirs(os.path.join(root, folder))
            for folder in ("core", "core/proto", "io", "loadgen", "docs", "tests"):
                write(root, folder + "/README.md", "Here.\n")
            for header in ("core/base.h", "core/hub.h", "io/b.h", "core/proto/mqtt.h"):
                write(root, header, "int x;\n")
            write(root, "core/b.h", '#include "core/a.h"\n')
            write(root, "core/a.h", "int y;\n")
            write(root, path, text)
            shutil.copy(TIDY, os.path.join(root, "tests/support/tidy.py"))
            return subprocess.run([sys.executable, "tests/support/tidy.py"], cwd=root, text=True,
                                  stdout=subprocess.PIPE, check=False)

    def test_each_offence_is_found_and_nothing_else(self):
        for path, text, wanted in CASES:
            with self.subTest(path=path, text=text[:40]):
                done = self.run_on(path, text)
                if wanted is None:
                    self.assertEqual(done.stdout, "tidy: 0 findings\n")
                else:
                    self.assertIn(wanted, done.stdout)
                    self.assertEqual(done.returncode, 1)


def write(root, path, text):
    with open(os.path.join(root, path), "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__":
    unittest.main()
