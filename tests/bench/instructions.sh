#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# instructions.sh BENCH_PARSE JSON: instructions per message of a dump, from its bytes to the counts
# of its port and its entry in the ledger, counted by valgrind. Unlike times they are the same at
# every run with the same compiler. Writes them to stdout and to the file JSON.

set -euo pipefail

program=$1
json=$2
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# count KIND: instructions in bench_read() / messages
count()
{
        local messages collected

        messages=$(valgrind --tool=callgrind --toggle-collect=bench_read \
                --callgrind-out-file=/dev/null --log-file="$log" "$program" "$1")
        collected=$(awk '/Collected *:/ { print $NF }' "$log")
        awk -v n="$collected" -v messages="$messages" 'BEGIN { printf "%.0f", n / messages }'
}

printf 'Instructions per message: parse, tally, ledger\n\n'
separator='{'
: >"$json"
for kind in time_wait close_wait close_wait_info; do
        n=$(count "$kind")
        printf '%-16s %5s\n' "$kind" "$n"
        printf '%s"%s": %s' "$separator" "$kind" "$n" >>"$json"
        separator=', '
done
printf '}\n' >>"$json"
