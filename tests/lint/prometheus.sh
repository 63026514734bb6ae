#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The rules for Prometheus, those of one host and those of many: promtool's own judgement of them and of
# their tests; each is tested, and asks for nothing that twmond or the exporter does not tell.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

PATH=$PATH:build/peers/usr/bin # where tools/deps.sh unpacks it
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

{
        echo twmon_up
        sed -nE 's/.*\{ \{ "(twmon_[a-z_]+)", (GAUGE|COUNTER),.*/\1 \2/p' daemon/metrics-*.c |
                sed -e 's/ GAUGE$//' -e 's/ COUNTER$/_total/'
} | sort -u >"$tmp/told"

# RULES TESTS
unknown_metrics()
{
        grep -ohE '\btwmon_[a-z_]+' "$1" "$2" | sort -u | comm -23 - "$tmp/told"
}

untested_rules()
{
        local alert n=0

        while read -r alert; do
                n=$((n + 1))
                grep -A 4 -E "alertname: $alert( |$)" "$2" | grep -q exp_labels ||
                        echo "$alert is never seen firing in $2"
        done < <(sed -nE 's/^ *- alert: //p' "$1")
        [ "$n" -gt 0 ] || echo "found no rule in $1"
}

for rules in etc/prometheus/twmon.rules.yml etc/fleet/twmon-fleet.rules.yml; do
        name=$(basename $rules .rules.yml)
        tests=tests/prometheus/$name.rules.test.yml
        silent "$name: the rules and their tests use metrics that there are" unknown_metrics $rules "$tests"
        silent "$name: each rule is seen firing in a test" untested_rules $rules "$tests"
        if needs "$name: promtool" promtool; then
                passes "$name: promtool check rules" promtool check rules $rules
                passes "$name: promtool test rules" promtool test rules "$tests"
        fi
done
done_testing
