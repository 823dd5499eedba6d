"""Schema verdicts against the official JSON Schema tests (Debian's json-schema-test-suite, draft 7,
where the keywords below say what they say in 2020-12). A schema with a keyword that ringhub refuses
is counted and left out; what it accepts must get every verdict right."""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness

SUITE = pathlib.Path("/usr/share/json-schema-test-suite/tests/draft7")
FILES = ["additionalProperties", "boolean_schema", "const", "enum", "exclusiveMaximum",
         "exclusiveMinimum", "items", "maxItems", "maxLength", "maxProperties", "maximum", "minItems",
         "minLength", "minProperties", "minimum", "pattern", "properties", "required", "type", "default"]
SKIP = 77


def text(data):
    return '"%s"' % "".join("\\x%02X" % byte for byte in data.encode("utf-8"))


def ringhub(*arguments):
    return subprocess.run([harness.executable(), "scrub", *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def try_group(group, directory):
    """0: right, 1: wrong, None: refused as a schema."""
    config, examples = directory / "conf", directory / "tests"
    config.write_text("scrub { rules [ { subject: x, json { schema: %s } } ] }\n" %
                      text(json.dumps(group["schema"])), encoding="ascii")
    rows = ["{ subject: x, payload: %s%s }" %
            (text(json.dumps(test["data"])), "" if test["valid"] else ", refused: schema")
            for test in group["tests"]]
    examples.write_text("tests [\n%s\n]\n" % "\n".join(rows), encoding="ascii")
    done = ringhub("--config", config, "--test", examples)
    if done.returncode == 2:
        return None
    if done.returncode != 0:
        print(group["description"], done.stdout.decode("utf-8", "replace"))
    return done.returncode


def main():
    if not SUITE.is_dir():
        print("SKIP json-schema-test-suite is not installed")
        return SKIP
    right = wrong = left_out = 0
    with tempfile.TemporaryDirectory() as directory:
        for name in FILES:
            for group in json.loads((SUITE / (name + ".json")).read_text(encoding="utf-8")):
                result = try_group(group, pathlib.Path(directory))
                if result is None:
                    left_out += len(group["tests"])
                elif result == 0:
                    right += len(group["tests"])
                else:
                    wrong += 1
    print("%d verdicts right, %d groups wrong, %d tests of schemas with other keywords" %
          (right, wrong, left_out))
    return 0 if wrong == 0 and right > 150 else 1


if __name__ == "__main__":
    sys.exit(main())
