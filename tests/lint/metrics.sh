#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The metrics in the tables of daemon/metrics-*.c <-> METRICS in man/twmonctl.1: name, type and labels.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

page=man/twmonctl.1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# "name type"; a counter by the name of its samples.
sed -nE 's/.*\{ \{ "(twmon_[a-z_]+)", (GAUGE|COUNTER),.*/\1 \2/p' daemon/metrics-*.c |
        sed -e 's/ GAUGE$/ gauge/' -e 's/ COUNTER$/_total counter/' | sort >"$tmp/told"
sed -n '/^\.Sh METRICS/,/^\.Sh [^M]/p' "$page" |
        sed -nE 's/^\.It Li (twmon_[a-z_]+)( Pq (counter).*)?$/\1 \3/p' |
        sed -E 's/ $/ gauge/' | sort >"$tmp/page"

# A name that says "seconds" or "ratio" has that unit, and the other way round: OpenMetrics wants it.
wrong_units()
{
        tr '\n' ' ' <daemon/metrics-"$1".c | grep -oE '"twmon_[a-z_]+", (GAUGE|COUNTER), [A-Za-z"]+' | tr -d '",' |
                awk '{ n = split($1, word, "_"); last = word[n]
                       if ((last == "seconds" || last == "ratio") && last != $3 && $1 !~ /per_second/) print
                       if ($3 != "NULL" && $3 != last) print }'
}

silent 'each metric is in the page, and the other way round' \
        same metric 'daemon/metrics-*.c' "$page (METRICS)" "$tmp/told" "$tmp/page"
for part in alerts daemon host ports; do
        silent "units of metrics-$part.c are in the names" wrong_units $part
done
done_testing
