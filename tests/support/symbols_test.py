"""Goal:   a function of ours that has the name of a library's is found, and an honest program passes.
Method: small programs that link jansson: one defines json_equal, one is too small to be the whole."""
import contextlib
import io
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import symbols  # noqa: E402

MAIN = "unsigned json_object_size(const void *);\nint main(void) { return (int)json_object_size(0); }\n"
CLASH = "int json_equal(int a) { return a; }\n"


class Symbols(unittest.TestCase):
    def found(self, extra, functions):
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "a.c")
            program = os.path.join(folder, "a")
            with open(source, "w", encoding="utf-8") as file:
                file.write(MAIN + extra + "".join("int ours_%d(void) { return 0; }\n" % i for i in range(functions)))
            subprocess.run(["cc", "-o", program, source, "-ljansson"], check=True)
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                status = symbols.main([program])
            return status, out.getvalue()

    def test_honest(self):
        self.assertEqual(self.found("", 120), (0, "symbols: 0 findings\n"))

    def test_clash(self):
        status, text = self.found(CLASH, 120)
        self.assertEqual(status, 1)
        self.assertIn("json_equal is also a name of libjansson", text)

    def test_not_the_whole(self):
        status, text = self.found("", 3)
        self.assertEqual(status, 1)
        self.assertIn("this is not the whole program", text)


if __name__ == "__main__":
    unittest.main()
