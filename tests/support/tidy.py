"""tidy.py - the rules of the house style that a machine can check.

    tidy.py              include direction, banned calls, sizes, leftovers, folder READMEs
    tidy.py --headers    every header compiles alone, twice, as C17 and (but for tests') as C++17

Every finding is one line, path:line: what. Exit 1 when there is one.
"""
import concurrent.futures
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED = {".git", ".cache", "build", "node_modules", "__pycache__", "local", ".venv"}
CODE = (".c", ".h", ".cc")
TEXT = CODE + (".py", ".sh", ".js", ".mjs", ".ts", ".md", ".txt", ".json", ".cmake", ".pml", ".yml")

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800
LONG_FUNCTIONS = "tests/support/tidy_long_functions.txt"

# Lowest first; a module includes only modules of its own or a lower step. Modules not named here are
# held to having no cycle.
STEPS = [
    ["core/base"],
    ["core/bytes", "core/limits", "core/list", "core/hash"],
    ["core/units", "core/nearest", "core/conf"],
    ["core/pool", "core/mpsc", "core/timer", "core/log", "core/metrics", "core/chunk",
     "core/doorbell"],
    ["core/utf8", "core/json", "core/json_cursor", "core/json_strings", "core/draft", "core/finder",
     "core/header"],
    ["core/json_grammar", "core/json_depth", "core/json_value", "core/json_path", "core/control",
     "core/regex"],
    ["core/json_schema"],
    ["core/subject", "core/run", "core/stream", "core/frame"],
    ["core/audience", "core/index", "core/interest", "core/envelope"],
    ["core/patterns", "core/permit", "core/nkey", "core/access", "core/proof", "core/grant"],
    ["core/scrub_rules"],
    ["core/scrub_work", "core/scrub_conf"],
    ["core/scrub"],
    ["core/config", "core/settings"],
    ["core/pending", "core/session"],
    ["core/hub"],
    ["io/sys", "io/loop", "io/loop_uring", "io/loop_epoll"],
    ["io/doorbell", "io/tls", "io/listener"],
    ["io/conn"],
    ["io/worker", "io/monitor"],
    ["io/main"],
]
STEP = {module: at for at, modules in enumerate(STEPS) for module in modules}

# Who may include a library's header.
LIBRARIES = {
    "liburing": re.compile(r"io/(loop_(probe_)?uring\w*\.[ch]|bufring\.[ch]|uring_compat\.h)$|loadgen/"
                           r"|bench/ceiling|tests/"),
    "sodium": re.compile(r"core/(nkey|access|proof|hub_access)\.c$|io/helper\.c$|tests/"),
    "openssl/": re.compile(r"io/tls\.c$|loadgen/|tests/"),
    "jemalloc/": re.compile(r"io/(test_)?large_pages(_jemalloc)?\.c$"),
    "simdjson": re.compile(r"core/(json|utf8)\.cc$"),
    "hs/": re.compile(r"core/regex\.c$|bench/"),
}
# All that the load generator may take from the hub: a shared bug would hide itself.
WITNESS = {"core/" + name for name in ("base.h", "bytes.h", "limits.h", "list.h", "hash.h")}

NOT_A_MEMBER = r"(?<![\w.])(?<!->)"
UNSAFE = re.compile(NOT_A_MEMBER + r"(strcpy|strcat|sprintf|vsprintf|gets|assert)\s*\(")
MEMORY = re.compile(NOT_A_MEMBER + r"(malloc|calloc|realloc|reallocarray|aligned_alloc|"
                    r"posix_memalign|strdup|strndup|free)\s*\(")
OUTSIDE = re.compile(NOT_A_MEMBER + r"(read|write|readv|writev|send|sendmsg|recv|recvmsg|socket|"
                     r"accept|accept4|open|close|fopen|time|clock_gettime|gettimeofday|nanosleep|"
                     r"pthread_\w+|getenv|printf|puts|putchar|rand|random|getrandom|syscall)\s*\(")
LEFTOVER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# Spelled so that this file does not contain what it looks for.
MACHINE = re.compile(r"/(?:work)/|/tmp/(?:rh)\b|\bregistry\.(?:npm|yarn)\w*\.|\bpypi\.\w+|"
                     r"\bpython(?:hosted)\.|\bcrates\.(?:io)\b|\bproxy\.(?:golang)\.")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')

findings = []


def find(path, line, what):
    findings.append((path, line, what))


def files():
    for folder, below, names in os.walk(ROOT):
        below[:] = sorted(name for name in below if name not in SKIPPED)
        for name in sorted(names):
            yield os.path.relpath(os.path.join(folder, name), ROOT)


def text_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as source:
        return source.read()


def blank(match):
    return re.sub(r"[^\n]", " ", match.group(0))


def code_of(text):
    """The text with comments and the insides of literals blanked, line by line as long."""
    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text,
                  flags=re.S)


def check_library_include(path, line, name):
    for library, allowed in LIBRARIES.items():
        if name.startswith(library) and not allowed.search(path):
            find(path, line, "<%s> does not belong here" % name)


def check_own_include(path, line, name):
    folder = path.split("/")[0]
    if name.endswith(".c") and folder != "tests":
        find(path, line, "only a test may include a .c file")
    if not os.path.exists(os.path.join(ROOT, name)):
        find(path, line, '"%s": name it from the top of the tree' % name)
    target = name.split("/")[0]
    if folder == "core" and target != "core":
        find(path, line, "core includes only core, not " + name)
    if folder == "io" and target not in ("core", "io"):
        find(path, line, "io includes only core and io, not " + name)
    if folder == "loadgen" and target != "loadgen" and name not in WITNESS:
        find(path, line, "loadgen is an independent witness: it may not take " + name)
    if path.startswith("core/proto/") and name.startswith("core/proto/"):
        family = re.split(r"[_.]", os.path.basename(name))[0]
        if family not in ("proto", "json", re.split(r"[_.]", os.path.basename(path))[0], "ws"):
            find(path, line, "front-ends do not include each other: " + name)
    if not path.startswith("core/proto/") and folder == "core" and name.startswith("core/proto/"):
        find(path, line, "core proper does not know its front-ends: " + name)


def same_module(a, b):
    """loop.c and its helpers loop_*.h are one module, in whichever direction they include."""
    return a == b or a.startswith(b + "_") or b.startswith(a + "_")


def check_includes(path, text, graph):
    module = os.path.splitext(path)[0]
    for line, row in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(row)
        if not match:
            continue
        kind, name = match.groups()
        if kind == "<":
            check_library_include(path, line, name)
            continue
        check_own_include(path, line, name)
        target = os.path.splitext(name)[0]
        if path.split("/")[0] in ("core", "io", "loadgen") and not same_module(module, target):
            graph.setdefault(module, {}).setdefault(target, (path, line))
            if STEP.get(target, -1) > STEP.get(module, len(STEPS)):
                find(path, line, "includes upward: " + name)


def check_cycles(graph):
    """Depth first; each back edge is a cycle."""
    state = {}

    def visit(module, trail):
        state[module] = "open"
        for target, (path, line) in sorted(graph.get(module, {}).items()):
            if state.get(target) == "open":
                cycle = trail[trail.index(target):] + [target]
                find(path, line, "modules include each other in a circle: " + " -> ".join(cycle))
            elif target not in state:
                visit(target, trail + [target])
        state[module] = "done"

    for module in sorted(graph):
        if module not in state:
            visit(module, [module])


def check_calls(path, code):
    folder = path.split("/")[0]
    for line, row in enumerate(code.splitlines(), 1):
        for match in UNSAFE.finditer(row):
            if folder != "tests":
                find(path, line, "banned: %s()" % match.group(1))
        if folder not in ("core", "io"):
            continue
        for match in MEMORY.finditer(row):
            if path != "core/base.c":
                find(path, line, "%s(): memory comes from core/base.h" % match.group(1))
        for match in OUTSIDE.finditer(row):
            if folder == "core":
                find(path, line, "%s(): core knows no kernel, clock or stdout" % match.group(1))


def functions(code):
    """(name, first line of the body, lines of the body): bodies stand between lone braces."""
    start, name, head = None, None, []
    for line, row in enumerate(code.splitlines(), 1):
        if row == "{":
            words = re.findall(r"(\w+)\s*\(", " ".join(head))
            start, name = line, (words[0] if words else "?")
        elif row.startswith("}") and start is not None:
            yield name, start, line - start - 1
            start = None
        if row.strip() == "" or row.startswith(("}", "#")):
            head = []
        else:
            head.append(row)


def allowed_long():
    """path function -> lines, from a file of `path function lines reason...`."""
    allowed = {}
    if not os.path.exists(os.path.join(ROOT, LONG_FUNCTIONS)):
        return allowed
    for line, row in enumerate(text_of(LONG_FUNCTIONS).splitlines(), 1):
        if not row.strip() or row.startswith("#"):
            continue
        parts = row.split(None, 3)
        if len(parts) < 4:
            find(LONG_FUNCTIONS, line, "wanted: path function lines reason")
            continue
        allowed[parts[0], parts[1]] = [int(parts[2]), line]
    return allowed


def check_sizes(path, text, code, allowed, seen):
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        find(path, lines, "%d lines: find the noun that wants out (limit %d)"
             % (lines, FILE_LINES_MAX))
    for name, line, size in functions(code):
        limit = allowed.get((path, name), [FUNCTION_LINES_MAX])[0]
        if size > FUNCTION_LINES_MAX:
            seen[path, name] = size
        if size > limit:
            find(path, line, "%s is %d lines (limit %d)" % (name, size, limit))


def check_ratchet(allowed, seen):
    for key, (limit, line) in allowed.items():
        size = seen.get(key, 0)
        if size < limit:
            find(LONG_FUNCTIONS, line, "%s is %d lines now: lower or drop the entry"
                 % (" ".join(key), size))


def check_text(path, text):
    for line, row in enumerate(text.splitlines(), 1):
        if LEFTOVER.search(row):
            find(path, line, "leftover: " + LEFTOVER.search(row).group(1))
        if MACHINE.search(row):
            find(path, line, "a path or host of one machine: " + MACHINE.search(row).group(0))
        if row != row.rstrip() and not path.endswith(".md"):
            find(path, line, "trailing space")
    if text and not text.endswith("\n"):
        find(path, text.count("\n") + 1, "no newline at the end")


def check_readmes():
    folders = [name for name in sorted(os.listdir(ROOT))
               if os.path.isdir(os.path.join(ROOT, name)) and name not in SKIPPED
               and not name.startswith(".")]
    for folder in folders + ["core/proto"]:
        readme = folder + "/README.md"
        if not os.path.exists(os.path.join(ROOT, readme)):
            find(readme, 1, "missing: what lives here, what may not, where to start")


def check_everything():
    graph, seen, allowed = {}, {}, allowed_long()
    for path in files():
        name = os.path.basename(path)
        is_text = path.endswith(TEXT) or name in ("dev", "run", "setup", "CMakeLists.txt",
                                                  ".clang-tidy")
        if not is_text or path.startswith(("results/", "tests/fuzz/corpus/")):
            continue
        text = text_of(path)
        if path != "tests/support/tidy.py":
            check_text(path, text)
        if path.endswith(CODE):
            code = code_of(text)
            check_includes(path, text, graph)
            check_calls(path, code)
            check_sizes(path, text, code, allowed, seen)
        elif path.endswith((".py", ".sh", ".js", ".mjs", ".ts", ".pml")) or name == "dev":
            check_sizes(path, text, "", allowed, seen)
    check_cycles(graph)
    check_ratchet(allowed, seen)
    check_readmes()


WARNINGS = ["-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wpointer-arith", "-Wcast-qual",
            "-fsyntax-only", "-I" + ROOT]
LANGUAGES = {
    "C": ["cc", "-x", "c", "-std=gnu17", "-Wshadow", "-Wstrict-prototypes",
          "-Wmissing-prototypes"],
    "C++": ["c++", "-x", "c++", "-std=gnu++17"],
}


def check_header(path, language):
    # Twice: the second time, only the include guard answers.
    source = '#include "%s"\n#include "%s"\n' % (path, path)
    done = subprocess.run(LANGUAGES[language] + WARNINGS + ["-"], input=source, text=True, cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    errors = [row for row in done.stdout.splitlines() if "error" in row]
    if done.returncode != 0:
        find(path, 1, "does not compile alone as %s: %s" % (language, (errors or ["?"])[0]))


def check_headers():
    headers = [path for path in files() if path.endswith(".h")]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for path in headers:
            # Google Benchmark is C++ and reads all headers but those of tests.
            for language in ["C"] if path.startswith("tests/") else LANGUAGES:
                pool.submit(check_header, path, language)


def main(arguments):
    if arguments == ["--headers"]:
        check_headers()
    else:
        check_everything()
    for path, line, what in sorted(set(findings)):
        print("%s:%d: %s" % (path, line, what))
    print("tidy: %d findings" % len(set(findings)))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
