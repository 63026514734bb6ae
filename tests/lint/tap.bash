# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# TAP for shell scripts. A check that only looks for mistakes is written so that it prints what it
# finds: `silent` passes when nothing was printed, so a tool that is broken or complains does not
# pass by accident.

set -u
export LC_ALL=C
tap_n=0
tap_failed=0

tap_result()
{
        local verdict=$1 name=$2 output=$3

        tap_n=$((tap_n + 1))
        printf '%s %d - %s\n' "$verdict" "$tap_n" "$name"
        [ -z "$output" ] || printf '%s\n' "$output" | head -n 60 | sed 's/^/# /'
        [ "$verdict" = ok ] || tap_failed=$((tap_failed + 1))
}

# silent NAME COMMAND...: passes when the command prints nothing at all.
silent()
{
        local name=$1 output
        shift

        output=$("$@" 2>&1)
        if [ -z "$output" ]; then tap_result ok "$name" ''; else tap_result 'not ok' "$name" "$output"; fi
}

# passes NAME COMMAND...: passes when the command succeeds.
passes()
{
        local name=$1 output
        shift

        if output=$("$@" 2>&1); then
                tap_result ok "$name" ''
        else
                tap_result 'not ok' "$name" "${output:-failed without a word}"
        fi
}

skip()
{
        tap_n=$((tap_n + 1))
        printf 'ok %d - %s # SKIP %s\n' "$tap_n" "$1" "$2"
}

# needs NAME COMMAND...: false, and the check skipped, where one of the commands is missing.
needs()
{
        local name=$1 tool
        shift

        for tool; do
                command -v "$tool" >/dev/null && continue
                skip "$name" "no $tool here"
                return 1
        done
}

# same WHAT FIRST-LABEL SECOND-LABEL FILE FILE: prints what stands in one of two sorted lists alone.
same()
{
        local what=$1 first=$2 second=$3

        [ -s "$4" ] || echo "found no $what in $first"
        [ -s "$5" ] || echo "found no $what in $second"
        comm -23 "$4" "$5" | sed "s|^|$what in $first, not in $second: |"
        comm -13 "$4" "$5" | sed "s|^|$what in $second, not in $first: |"
}

done_testing()
{
        printf '1..%d\n' "$tap_n"
        [ "$tap_failed" -eq 0 ]
}
