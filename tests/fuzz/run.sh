#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# run.sh NAME SECONDS: one fuzz target, from its corpus; says how far it came, or shows what it
# found. New inputs and crashes stay under build/fuzz/.
set -eu
cd "$(dirname "$0")/../.."

name=$1 seconds=$2
found=build/fuzz/found/$name
log=build/fuzz/$name.log

mkdir -p "$found" "build/fuzz/crash"
printf '%-12s %s s: ' "$name" "$seconds"
if ! "build/fuzz/fuzz-$name" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 -artifact_prefix="build/fuzz/crash/$name-" \
        "$found" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
        echo "FAILED, see $log"
        tail -n 40 "$log"
        exit 1
fi
runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
echo "nothing found in $runs runs, coverage ${coverage:-unknown}"
