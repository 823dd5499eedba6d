#!/usr/bin/env bash
# Behind `./dev bench`: the microbenchmarks, repeated, and compared with a stored run by Google Benchmark's
# own compare.py (Debian: libbenchmark-tools, which wants python3-scipy for its U test).
#
#   micro.sh [--record] [--stored FILE] [--program FILE] [option of Google Benchmark...]
#
# The stored run is results/micro/MACHINE.json, as --record writes it; MACHINE is the model of the CPU and
# how many there are. With a filter --record replaces the rows of what ran and keeps the others. Without one for this machine the figures are printed and nothing is compared.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Nine are what compare.py asks for.
options=(--benchmark_repetitions=9 --benchmark_min_time=0.01 --benchmark_enable_random_interleaving=true)
tool=/usr/share/benchmark/compare.py
program=build/release/ringhub-bench
record=''
filter=''

die() {
    printf 'bench: %s\n' "$*" >&2
    exit 2
}

machine() {
    local model
    model=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)
    printf '%s-%scpu' "${model:-$(uname -m)}" "$(nproc)" | tr '[:upper:]' '[:lower:]' | tr -cs 'a-z0-9-' '-'
}

stored=results/micro/$(machine).json
while (($# > 0)); do
    case $1 in
    --record) record=yes ;;
    --stored) stored=${2:?--stored which file} && shift ;;
    --program) program=${2:?--program which file} && shift ;;
    --benchmark_filter=*) options+=("$1") && filter=yes ;;
    --benchmark_*) options+=("$1") ;;
    *) die "$1: an option of Google Benchmark begins with --benchmark_" ;;
    esac
    shift
done

# The allocator gives nothing back meanwhile: it would do so by the clock, and whichever benchmark
# allocates next would pay for what another one left.
export MALLOC_CONF=dirty_decay_ms:-1,muzzy_decay_ms:-1

mkdir -p build/micro
fresh=build/micro/fresh.json
"$program" "${options[@]}" --benchmark_out="$fresh" --benchmark_out_format=json \
    --benchmark_display_aggregates_only=true
grep -q '"name"' "$fresh" || die "no benchmark has such a name"

if [[ -n $record ]]; then
    mkdir -p "$(dirname "$stored")"
    # Four digits of each time and a line for each benchmark: it can be read, and differences too.
    python3 - "$fresh" "$stored" "$filter" <<'PYTHON'
import json, os, sys

def short(value):
    return float("%.4g" % value) if isinstance(value, float) else value

with open(sys.argv[1], encoding="utf-8") as text:
    run = json.load(text)
context = run["context"]
for private in ("host_name", "executable"):
    context.pop(private, None)
if sys.argv[3] and os.path.exists(sys.argv[2]):
    ran = {row["run_name"] for row in run["benchmarks"]}
    with open(sys.argv[2], encoding="utf-8") as text:
        kept = [row for row in json.load(text)["benchmarks"] if row["run_name"] not in ran]
    run["benchmarks"] = kept + run["benchmarks"]
rows = [json.dumps({key: short(value) for key, value in row.items()}) for row in run["benchmarks"]]
with open(sys.argv[2], "w", encoding="utf-8") as text:
    text.write('{"context": %s,\n"benchmarks": [\n%s\n]}\n' % (json.dumps(context), ",\n".join(rows)))
PYTHON
    printf '\nrecorded in %s\n' "$stored"
elif [[ ! -e $stored ]]; then
    printf '\nnothing to compare with: %s is not there; ./dev bench --record writes it\n' "$stored"
elif [[ ! -e $tool ]]; then
    printf '\nnot compared with %s: no %s (apt-get install libbenchmark-tools python3-scipy)\n' "$stored" "$tool"
else
    colour=()
    [[ -t 1 && -z ${NO_COLOR:-} ]] || colour=(--no-color)
    printf '\nagainst %s; a time of +0.10 is a tenth slower, and a p-value above 0.05 says nothing\n' "$stored"
    /usr/bin/python3 "$tool" "${colour[@]}" -a benchmarks "$stored" "$fresh"
fi
