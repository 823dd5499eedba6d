#!/bin/sh
# Runs one libFuzzer target: PROGRAM NAME FOUND_DIR ARTIFACT_DIR FUZZ_DIR. RINGHUB_FUZZ_SECONDS says how long.
set -eu
program=$1 name=$2 found=$3 artifacts=$4 fuzz=$5
set -- -max_total_time="${RINGHUB_FUZZ_SECONDS:-30}" -timeout=20 -rss_limit_mb=3072 \
    -print_final_stats=1 -artifact_prefix="$artifacts/$name-"
if [ -f "$fuzz/$name.dict" ]; then
    set -- "$@" -dict="$fuzz/$name.dict"
fi
set -- "$@" "$found"
if [ -d "$fuzz/corpus/$name" ]; then
    set -- "$@" "$fuzz/corpus/$name"
fi
exec "$program" "$@"
