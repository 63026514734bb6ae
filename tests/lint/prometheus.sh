#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The rules for Prometheus: promtool's own judgement of them and of their tests; each is tested, and asks
# for nothing that twmond or the exporter does not tell.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

rules=etc/prometheus/twmon.rules.yml
tests=tests/prometheus/twmon.rules.test.yml
PATH=$PATH:build/peers/usr/bin # where tools/deps.sh unpacks it
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

{
        echo twmon_up
        sed -nE 's/.*\{ \{ "(twmon_[a-z_]+)", (GAUGE|COUNTER),.*/\1 \2/p' daemon/metrics-*.c |
                sed -e 's/ GAUGE$//' -e 's/ COUNTER$/_total/'
} | sort -u >"$tmp/told"

unknown_metrics()
{
        grep -ohE '\btwmon_[a-z_]+' $rules $tests | sort -u | comm -23 - "$tmp/told"
}

untested_rules()
{
        local alert

        grep -qE '^ *- alert: ' $rules || echo "no rules found in $rules"
        sed -nE 's/^ *- alert: //p' $rules | while read -r alert; do
                grep -A 4 -E "alertname: $alert( |$)" $tests | grep -q exp_labels ||
                        echo "$alert is never seen firing in $tests"
        done
}

silent 'the rules and their tests use metrics that there are' unknown_metrics
silent 'each rule is seen firing in a test' untested_rules
if needs 'promtool' promtool; then
        passes 'promtool check rules' promtool check rules $rules
        passes 'promtool test rules' promtool test rules $tests
fi
done_testing
