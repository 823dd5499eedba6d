"""symbols.py - no function of ours has the name of a function of a library that we link.

    python3 tests/support/symbols.py PROGRAM...

A name that both have is ours everywhere in the process: the library's own calls come to us too. Looks
at programs that were linked without LTO, which hides names.
"""
import subprocess
import sys


def defined(path, dynamic):
    """The functions and variables of a program, or what a library lets others see."""
    words = ["nm", "--defined-only", "--extern-only", "--format=posix"] + (["--dynamic"] if dynamic else []) + [path]
    lines = subprocess.run(words, check=True, capture_output=True, text=True).stdout.splitlines()
    rows = [line.split() for line in lines]
    return {row[0].split("@")[0] for row in rows if len(row) > 1 and row[1] in "TDBR"}


def libraries(path):
    """Those that it names itself, as the loader finds them; not the compiler's."""
    words = subprocess.run(["readelf", "--dynamic", "--wide", path], check=True, capture_output=True,
                           text=True).stdout
    named = {line.split("[")[1].split("]")[0] for line in words.splitlines() if "(NEEDED)" in line}
    found = subprocess.run(["ldd", path], check=True, capture_output=True, text=True).stdout.splitlines()
    compilers = ("libc.", "libgcc_s.", "libasan.", "libubsan.", "libstdc++.", "ld-linux")
    for line in found:
        words = line.split()
        if len(words) > 2 and words[0] in named and not words[0].startswith(compilers):
            yield words[0], words[2]


def main(programs):
    failed = 0
    for program in programs:
        ours = defined(program, False)
        looked_at = 0
        for name, path in libraries(program):
            looked_at += 1
            for symbol in sorted(ours & defined(path, True)):
                print(f"{program}: {symbol} is also a name of {name}; ours needs another")
                failed += 1
        if len(ours) < 100 or looked_at == 0:
            print(f"{program}: {len(ours)} names, {looked_at} libraries: this is not the whole program")
            failed += 1
    print(f"symbols: {failed} findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
