"""Does `./dev bench --compare REV` build that revision, run both in turns and judge them?

    compare_test.py FOLDER-OF-RINGHUB-AND-HUBLOAD

In a scratch repository whose revisions are hubs: hub.sh of a revision becomes its ringhub, by a `cmake` of
the test's own that is first in PATH. So nothing is compiled, and nothing is fetched.
"""
import glob
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
BUILT = "build/release"

CMAKE = """#!/bin/bash
set -eu
folder=build/release
for ((i = 1; i <= $#; i++)); do
    [[ ${!i} != -B && ${!i} != --build ]] || { next=$((i + 1)); folder=${!next}; }
done
mkdir -p "$folder"
if [[ $1 == --preset ]]; then
    cp hub.sh "$folder/hub.sh" # the sources are those of the folder in which it is configured
    exit
fi
echo "$folder" >>"$BUILDS"
! grep -q broken "$folder/hub.sh" || { echo "hub.sh:1: error: broken"; exit 1; }
install -m 755 "$folder/hub.sh" "$folder/ringhub"
ln -sf "$REAL/hubload" "$folder/hubload"
"""
HUB = '#!/bin/sh\nexec "$REAL/ringhub" "$@"\n'
SLOW_HUB = '#!/bin/sh\nLD_PRELOAD=$SLOWER SLOWER_PERCENT=400 exec "$REAL/ringhub" --io epoll "$@"\n'
EPOLL_HUB = '#!/bin/sh\nexec "$REAL/ringhub" --io epoll "$@"\n'
BROKEN_HUB = "broken\n"


class Compare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.repo = os.path.join(folder.name, "repo")
        self.builds = os.path.join(folder.name, "builds")
        os.makedirs(os.path.join(self.repo, "bench"))
        os.makedirs(os.path.join(self.repo, "core"))
        os.makedirs(os.path.join(self.repo, "io"))
        os.makedirs(os.path.join(folder.name, "bin"))
        self.write("../bin/cmake", CMAKE, 0o755)
        shutil.copy(os.path.join(HERE, "../dev"), self.repo)
        shutil.copy(os.path.join(HERE, "compare.sh"), os.path.join(self.repo, "bench"))
        self.write("core/hub.c", "")
        self.write("io/main.c", "")
        self.write(".gitignore", "build/\n.cache/\n")
        self.env = dict(os.environ, PATH=os.path.join(folder.name, "bin") + ":" + os.environ["PATH"],
                        REAL=os.path.abspath(BUILT), BUILDS=self.builds, RINGHUB_COMPARE_SECONDS="0.1",
                        RINGHUB_LOG="plain", GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_SYSTEM="/dev/null",
                        SLOWER=os.path.join(folder.name, "slower.so"))
        for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
            self.env.pop(name, None)
        self.git("init", "--quiet")

    def write(self, name, text, mode=0o644):
        path = os.path.join(self.repo, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)

    def run_here(self, *words):
        return subprocess.run(words, cwd=self.repo, env=self.env, text=True, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=200, check=False)

    def git(self, *words):
        done = self.run_here("git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout.strip()

    def commit(self, hub):
        self.write("hub.sh", hub)
        self.git("add", "-A")
        self.git("commit", "--quiet", "--allow-empty", "-m", "a hub")
        return self.git("rev-parse", "--short", "HEAD")

    def compare(self, *words):
        return self.run_here("./dev", "bench", "--compare", *words)

    def results(self, short):
        found = {}
        for path in glob.glob(os.path.join(self.repo, "build/compare-" + short, "results/*.json")):
            with open(path, encoding="utf-8") as text:
                found[os.path.basename(path)] = json.load(text)
        return found

    def builds_made(self):
        with open(self.builds, encoding="utf-8") as text:
            return text.read().split()

    def test_both_revisions_in_turns(self):
        old = self.commit(HUB)
        new = self.commit(HUB + "# newer\n")
        done = self.compare("HEAD~1", "--rounds", "2", "--subscribers", "5,7")
        self.assertEqual(done.returncode, 0, done.stdout)
        for words in ("5 subscribers", "7 subscribers", "A  ringhub " + old, "B  ringhub " + new,
                      "Wilcoxon", "about 8 a side are needed"):
            self.assertIn(words, done.stdout)
        results = self.results(old)
        self.assertEqual(sorted(results), ["%s-%d-%d.json" % (side, load, number) for side in "AB"
                                           for load in (5, 7) for number in (1, 2)])
        begins = {name[:-5]: one["runs"][0]["begin"] for name, one in results.items()}
        for load in (5, 7):
            order = sorted(("A-%d-1" % load, "B-%d-1" % load, "A-%d-2" % load, "B-%d-2" % load), key=begins.get)
            self.assertEqual([name[0] for name in order], ["A", "B", "B", "A"])
        for name, one in results.items():
            self.assertEqual(one["server"]["version"], old if name[0] == "A" else new)
            self.assertTrue(one["runs"][0]["complete"])
            hub = os.path.join(self.repo, "build/compare-" + old + "/build/ringhub") if name[0] == "A" else ""
            if hub:
                with open(hub, encoding="utf-8") as text:
                    self.assertEqual(text.read(), HUB)  # of the old sources, not of these
        self.assertEqual(len(self.git("worktree", "list").splitlines()), 1)

        # Again, with changes that are not committed: the old one is not built anew, and both are named.
        made = len(self.builds_made())
        self.write("core/hub.c", "changed\n")
        done = self.compare(old, "--rounds", "1", "--subscribers", "5", "--fail-if", "slower:5%")
        self.assertEqual(done.returncode, 3, done.stdout)
        self.assertIn("UNDECIDED", done.stdout)
        self.assertIn("B  ringhub %s and changes" % new, done.stdout)
        self.assertEqual(sorted(self.results(old)), ["A-5-1.json", "B-5-1.json"])
        self.assertEqual([one for one in self.builds_made()[made:] if "compare-" in one], [])

    def test_a_slower_hub_fails_the_gate(self):
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-D_GNU_SOURCE", "-o", self.env["SLOWER"],
                        os.path.join(HERE, "slower.c"), "-ldl"], check=True)
        old = self.commit(EPOLL_HUB)
        self.commit(SLOW_HUB)
        self.env["RINGHUB_COMPARE_SECONDS"] = "0.3"
        done = self.compare(old, "--rounds", "8", "--subscribers", "20", "--fail-if", "slower:5%",
                            "--metrics", "server-cpu")
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("FAILED", done.stdout)

    def test_a_revision_that_does_not_build(self):
        broken = self.commit(BROKEN_HUB)
        self.commit(HUB)
        done = self.compare(broken, "--rounds", "1")
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("revision %s does not build" % broken, done.stdout)
        self.assertIn("error: broken", done.stdout)
        self.assertEqual(len(self.git("worktree", "list").splitlines()), 1)

    def test_wrong_words(self):
        self.commit(HUB)
        for words, said in (((), "which revision?"), (("no-such-revision",), "no revision no-such-revision"),
                            (("HEAD", "--rounds", "none"), "--rounds is a number"),
                            (("HEAD", "--rounds"), "--rounds is a number"),
                            (("HEAD", "--subscribers", "1,,2"), "--subscribers is numbers"),
                            (("HEAD", "--rounds", "1", "--subscribers", "2", "--nonsense"), "no such option")):
            done = self.compare(*words)
            self.assertEqual(done.returncode, 2, (words, done.stdout))
            self.assertIn(said, done.stdout)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        BUILT = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
