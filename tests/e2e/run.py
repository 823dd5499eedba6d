#!/usr/bin/env python3
"""Runs test files against one hub: run.py [wire/test_x.py | wire | hostile]...

Files run a few at a time, since most of them wait more than they work. Exits with 77 when there is
no executable to test, which ctest counts as a skip. The environment is harness.py's.
"""

import concurrent.futures
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import harness

SKIP = 77
AT_ONCE = int(os.environ.get("E2E_AT_ONCE", "3"))
FILE_SECONDS = 300 * harness.SLOWNESS
# Who waits longest begins first, so that the others fit beside it.
LONG = ("test_timers.py", "test_lifecycle.py", "test_slow.py", "test_login.py")


def run_file(path):
    start = time.monotonic()
    try:
        done = subprocess.run([sys.executable, str(path)], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=FILE_SECONDS, check=False)
        code, text = done.returncode, done.stdout
    except subprocess.TimeoutExpired as expired:
        code, text = -1, (expired.stdout or b"") + b"\ntimed out\n"
    return path, code, text.decode("utf-8", "replace"), time.monotonic() - start


def main(arguments):
    if harness.executable() is None:
        print("skipped: no executable of the hub under test")
        return SKIP
    paths = []
    for argument in arguments or ["wire"]:
        path = HERE / argument
        paths += sorted(path.glob("test_*.py")) if path.is_dir() else [path]
    paths.sort(key=lambda path: LONG.index(path.name) if path.name in LONG else len(LONG))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for path, code, text, seconds in pool.map(run_file, paths):
            print("%s %s, %.1f s" % ("ok  " if code == 0 else "FAIL", path.name, seconds))
            if code != 0:
                failed += 1
                print(text)
                continue
            for line in text.splitlines():
                if line.startswith("SKIP") or "skipped=" in line:
                    print(line)
    print("%d files, %d failed: %s %s" % (len(paths), failed, harness.executable(),
                                          " ".join(harness.kind_flags())))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
