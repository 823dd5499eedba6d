#!/usr/bin/env python3
"""gate.py - did core get slower? Counts instructions, so that a busy machine does not matter.

    gate.py GATE                  compare with the record of this compiler; exit 1 when one differs
    gate.py GATE --record         count anew and rewrite the record
    gate.py GATE --show [NAME..]  count and print, scenario by scenario, with the functions

GATE is the program built from tests/gate. Each of its scenarios runs in a process of its own under
callgrind; results/gate/<compiler>.json holds what they cost when somebody last looked.

What is compared, per operation, within 3 %: the instructions of core, and those of the libraries it
calls (libc, cJSON) where their versions are the recorded ones. Allocations may not grow at all;
what libc spends on each is left out.
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RECORDS = os.path.join(ROOT, "results", "gate")
TOLERANCE = 0.03
FUNCTION_SHARE_MIN = 0.02  # functions below this share of a scenario are not recorded
SKIPPED = 77

# libc's allocator costs what its heap happens to look like, and that moves with the length of the
# path the program was built in: 4 % of a connection's life. The hub has jemalloc anyhow.
ALLOCATOR = re.compile(r"(_int_|__libc_|__)?(malloc|calloc|realloc|free|memalign|aligned_alloc"
                       r"|posix_memalign)(_consolidate)?(@.*)?$|(unlink_chunk|sysmalloc|systrim"
                       r"|alloc_perturb|sbrk|brk|__glibc_morecore|tcache_)")

# The environment is the same everywhere, as its size moves the stack and so the alignment of what
# is copied there. libc chooses memcpy and its like by the machine's CPU; these features are hidden
# from it, so that all machines run the same ones.
HWCAPS = ("AVX_Fast_Unaligned_Load,AVX2,AVX512F,AVX512VL,AVX512BW,ERMS,FSRM,SSSE3,SSE4_1,SSE4_2,"
          "BMI2,EVEX").split(",")
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin",
               "GLIBC_TUNABLES": "glibc.cpu.hwcaps=" + ",".join("-" + name for name in HWCAPS)}
CALLGRIND = ["valgrind", "--tool=callgrind", "--instr-atstart=no", "--collect-atstart=no",
             "--compress-strings=no", "--compress-pos=no", "--combine-dumps=no", "--quiet"]


def output_of(folder, *command):
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True,
                          check=True).stdout


def run(gate, *arguments, under=()):
    """By a short name, which is on the stack too."""
    folder, name = os.path.split(os.path.abspath(gate))
    return output_of(folder, *under, "./" + name, *arguments)


def about(gate):
    """What the counts depend on."""
    facts = json.loads(run(gate, "--about"))
    facts["valgrind"] = output_of(None, "valgrind", "--version").strip()
    facts["machine"] = os.uname().machine
    return facts


def costs(profile, gate):
    """({"core": …, "libraries": …}, instructions by function of core) of a callgrind profile."""
    total = {"core": 0, "libraries": 0}
    functions = {}
    is_core, is_rig, is_libc, function, skip = False, False, False, "?", False
    for row in profile.splitlines():
        key, _, value = row.partition("=")
        if key == "ob":
            is_core = os.path.basename(value) == os.path.basename(gate)
            is_libc = os.path.basename(value).startswith("libc.so")
        elif key in ("fl", "fi", "fe"):
            is_rig = "/tests/gate/" in value
        elif key == "fn":
            function = value.split("'")[0]
        elif key == "calls":
            skip = True  # the next line is what the callee cost, counted where it was spent
        elif re.match(r"^\d+ \d+$", row):
            count = int(row.split()[1])
            if not skip and not is_core:
                if not (is_libc and ALLOCATOR.match(function)):
                    total["libraries"] += count
            elif not skip and not is_rig:
                total["core"] += count
                functions[function] = functions.get(function, 0) + count
            skip = False
    return total, functions


def count(gate, name):
    """What one operation of a scenario costs."""
    with tempfile.TemporaryDirectory() as folder:
        profile = os.path.join(folder, "profile")
        ran = json.loads(run(gate, name, under=CALLGRIND + ["--callgrind-out-file=" + profile]))
        with open(profile, encoding="utf-8", errors="replace") as lines:
            total, functions = costs(lines.read(), gate)
    each = 1 / ran["operations"]
    floor = FUNCTION_SHARE_MIN * total["core"]
    largest = sorted(((n, f) for f, n in functions.items() if n >= floor), reverse=True)
    return {"core": round(total["core"] * each, 2),
            "libraries": round(total["libraries"] * each, 2),
            "allocations": round(ran["allocations"] * each, 3),
            "functions": {f: round(n * each, 2) for n, f in largest}}


def count_all(gate, wanted):
    """name -> what it costs, in the program's order."""
    rows = [row.split("\t") for row in run(gate).splitlines()]
    rows = [row for row in rows if not wanted or row[0] in wanted]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        counted = list(pool.map(lambda row: count(gate, row[0]), rows))
    return {name: dict(operation=operation, **cost)
            for (name, operation), cost in zip(rows, counted)}


def record_path(facts):
    words = re.sub(r"[^A-Za-z0-9.+-]+", "-", facts["compiler"]).strip("-")
    return os.path.join(RECORDS, "%s.json" % words)


def differs(before, now):
    return abs(now - before) > TOLERANCE * before + 0.005


def percent(before, now):
    return "new" if before == 0 else "%+.1f %%" % (100 * (now - before) / before)


def grown(before, now):
    """The functions that changed most."""
    names = set(before) | set(now)
    changes = [(abs(now.get(f, 0) - before.get(f, 0)), f) for f in names]
    return ["%s %g -> %g" % (f, before.get(f, 0), now.get(f, 0))
            for change, f in sorted(changes, reverse=True)[:4] if change > 0]


def complaints(before, now, same_libraries):
    """What is wrong with one scenario, a line each."""
    found = []
    for part, means in (("core", "instructions of core"), ("libraries", "in libraries")):
        if part == "libraries" and not same_libraries:
            continue
        if differs(before[part], now[part]):
            found.append("%s per %s: %g before, %g now (%s)"
                         % (means, now["operation"], before[part], now[part],
                            percent(before[part], now[part])))
            if part == "core":
                found.append("by function: " + "; ".join(
                    grown(before["functions"], now["functions"])))
    if now["allocations"] > before["allocations"] + 0.0005:
        found.append("allocations per %s: %g before, %g now"
                     % (now["operation"], before["allocations"], now["allocations"]))
    return found


def compare(record, facts, counted):
    same_libraries = all(record["about"].get(name) == facts[name] for name in ("libc", "cjson"))
    if not same_libraries:
        print("libraries differ from the record's: only core is compared")
    passed = failed = 0
    for name in list(counted) + [n for n in record["scenarios"] if n not in counted]:
        before, now = record["scenarios"].get(name), counted.get(name)
        if before is None:
            found = ["not in the record"]
        elif now is None:
            found = ["in the record, and no scenario any more"]
        else:
            found = complaints(before, now, same_libraries)
        if found:
            failed += 1
            print("FAIL %s\n     %s" % (name, "\n     ".join(found)))
        else:
            passed += 1
            print("ok   %-42s %10.2f + %.2f per %s"
                  % (name, now["core"], now["libraries"], now["operation"]))
    if failed:
        print("\nIf that is meant: ./dev gate --record, commit %s with the change,\nand give the "
              "reason for each scenario in the commit message."
              % os.path.relpath(record_path(facts), ROOT))
    print("%d passed, %d failed, 0 skipped" % (passed, failed))
    return 1 if failed else 0


def write(facts, counted):
    path = record_path(facts)
    os.makedirs(RECORDS, exist_ok=True)
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"command": "./dev gate --record", "about": facts, "scenarios": counted}, out,
                  indent=1)
        out.write("\n")
    print("wrote " + os.path.relpath(path, ROOT))


def show(counted):
    for name, cost in counted.items():
        print("%-42s %10.2f + %-8.2f per %s, %g allocations"
              % (name, cost["core"], cost["libraries"], cost["operation"], cost["allocations"]))
        for function, instructions in cost["functions"].items():
            print("    %10.2f  %s" % (instructions, function))


def skip(why, cases):
    print("SKIP gate: " + why)
    print("0 passed, 0 failed, %d skipped" % cases)
    return SKIPPED


def main(arguments):
    gate, options = arguments[0], arguments[1:]
    cases = len(run(gate).splitlines())
    try:
        facts = about(gate)
    except FileNotFoundError:
        return skip("no valgrind", cases)
    if options[:1] == ["--show"]:
        show(count_all(gate, options[1:]))
        return 0
    if options == ["--record"]:
        write(facts, count_all(gate, []))
        return 0
    if not os.path.exists(record_path(facts)):
        return skip("no record for %s; ./dev gate --record makes one" % facts["compiler"], cases)
    with open(record_path(facts), encoding="utf-8") as record_file:
        record = json.load(record_file)
    for name in ("flags", "machine", "xxhash"):
        if record["about"].get(name) != facts[name]:
            return skip("recorded with %s %s, and this is %s"
                        % (name, record["about"].get(name), facts[name]), cases)
    return compare(record, facts, count_all(gate, []))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
