"""clang_tidy.py - runs clang-tidy over everything a build directory compiles.

    clang_tidy.py BUILD_DIR [JOBS [NAME...]]     only files whose path contains a NAME

A file is looked at again only when its preprocessed text, .clang-tidy or clang-tidy itself changed
since it last passed; what passed is remembered in .cache/clang-tidy/. Printed is where and what;
the analyser's steps to it are in clang-tidy.log of the build directory.
"""
import concurrent.futures
import hashlib
import json
import os
import shlex
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PASSED = os.path.join(ROOT, ".cache", "clang-tidy")
# The commands were made for gcc; clang need not know all its options.
EXTRA = ["-Wno-unknown-warning-option", "-Wno-ignored-optimization-argument"]


def run(command, folder=ROOT):
    return subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, errors="replace", check=False)


def fingerprint(entry, rules):
    """A hash of everything the verdict depends on, or None when it does not preprocess."""
    words = shlex.split(entry["command"])
    while words and os.path.basename(words[0]) == "ccache":
        words.pop(0)
    if "-o" in words:
        at = words.index("-o")
        del words[at:at + 2]
    words = [word for word in words if word != "-c"]
    words[0] = "clang++" if entry["file"].endswith(".cc") else "clang"
    done = run(words + EXTRA + ["-E"], entry["directory"])
    if done.returncode != 0:
        return None
    return hashlib.sha256((rules + done.stdout).encode()).hexdigest()


def check(entry, build, rules):
    mark = fingerprint(entry, rules)
    remembered = mark and os.path.join(PASSED, mark)
    if remembered and os.path.exists(remembered):
        return True, ""
    extra = ["--extra-arg=" + option for option in EXTRA]
    done = run(["clang-tidy", "-p", build, "--quiet", *extra, entry["file"]])
    if done.returncode == 0:
        if remembered:
            open(remembered, "w", encoding="utf-8").close()
        return True, ""
    return False, done.stdout + done.stderr


def main(build, jobs=2, *names):
    os.makedirs(PASSED, exist_ok=True)
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as database:
        entries = {entry["file"]: entry for entry in json.load(database)}
    files = [path for path in sorted(entries) if path.startswith(ROOT + os.sep)
             and os.path.exists(path) and (not names or any(name in path for name in names))]
    with open(os.path.join(ROOT, ".clang-tidy"), encoding="utf-8") as text:
        rules = text.read() + run(["clang-tidy", "--version"]).stdout
    failed = 0
    log = open(os.path.join(build, "clang-tidy.log"), "w", encoding="utf-8")
    with log, concurrent.futures.ThreadPoolExecutor(int(jobs)) as pool:
        checks = [pool.submit(check, entries[path], build, rules) for path in files]
        for path, done in zip(files, checks):
            fine, text = done.result()
            if not fine:
                failed += 1
                log.write(text)
                found = [line for line in text.splitlines() if ": error: " in line]
                print("\n".join(found or [path + ":", text]).replace(ROOT + os.sep, ""), flush=True)
    print("clang-tidy: %d files, %d with findings" % (len(files), failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
