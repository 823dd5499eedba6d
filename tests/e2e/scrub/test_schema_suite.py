"""Schema verdicts against the official JSON Schema tests (Debian's json-schema-test-suite, draft 7,
where the keywords below say what they say in 2020-12). A schema with a keyword that ringhub refuses
is counted and left out; what it accepts must get every verdict right.

RINGHUB_SCHEMA_SUITE=FOLDER takes the tests of another draft instead, such as tests/draft2020-12 of a
checkout of the official suite, and of every file of it; those in FOLDER/optional are not looked at."""

import collections
import json
import os
import pathlib
import re
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
REFUSED_AS_A_SCHEMA = 2


def text(data):
    return '"%s"' % "".join("\\x%02X" % byte for byte in data.encode("utf-8"))


def ringhub(*arguments):
    done = subprocess.run([harness.executable(), "scrub", *arguments], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def try_group(group, directory):
    """(exit status, what was said)"""
    config, examples = directory / "conf", directory / "tests"
    config.write_text("scrub { rules [ { subject: x, json { schema: %s } } ] }\n" %
                      text(json.dumps(group["schema"])), encoding="ascii")
    rows = ["{ subject: x, payload: %s%s }" %
            (text(json.dumps(test["data"])), "" if test["valid"] else ", refused: schema")
            for test in group["tests"]]
    examples.write_text("tests [\n%s\n]\n" % "\n".join(rows), encoding="ascii")
    return ringhub("--config", config, "--test", examples)


def why(said):
    """What a schema was refused for: the keyword ringhub does not know, or the rest of the sentence."""
    found = re.search(r'cannot be used: (?:"([^"]+)" (?:is a keyword|names no draft)|(.*))', said)
    return (found.group(1) or found.group(2)) if found else said.strip()


def groups_of(suite, names):
    for name in names:
        yield from json.loads((suite / (name + ".json")).read_text(encoding="utf-8"))


def main():
    suite = pathlib.Path(os.environ.get("RINGHUB_SCHEMA_SUITE", SUITE))
    if not suite.is_dir():
        print("SKIP json-schema-test-suite is not installed")
        return SKIP
    names = FILES if suite == SUITE else sorted(path.stem for path in suite.glob("*.json"))
    right = wrong = 0
    left_out = collections.Counter()
    with tempfile.TemporaryDirectory() as directory:
        for group in groups_of(suite, names):
            status, said = try_group(group, pathlib.Path(directory))
            if status == REFUSED_AS_A_SCHEMA:
                left_out[why(said)] += len(group["tests"])
            elif status == 0:
                right += len(group["tests"])
            else:
                wrong += 1
                print(group["description"], said)
    print("%s, %d files: %d verdicts right, %d groups wrong, %d tests of schemas that are refused: %s" %
          (suite.name, len(names), right, wrong, sum(left_out.values()),
           ", ".join("%s %d" % item for item in left_out.most_common())))
    return 0 if wrong == 0 and right > 150 else 1


if __name__ == "__main__":
    sys.exit(main())
