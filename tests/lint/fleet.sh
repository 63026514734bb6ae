#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# docs/fleet.md: it shows the files of etc/fleet as they are, names messages, fields and rules that there
# are, and the programs whose files they are take them.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

page=docs/fleet.md
samples=etc/fleet
PATH=$PATH:/usr/sbin:/sbin:build/peers/usr/bin # where tools/deps.sh unpacks promtool and amtool
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# What the page shows of that file: the block after the line that names it.
shown()
{
        awk -v name="\`$samples/$1\`" '
                /^```/ { if (inside) exit; inside = named; next }
                inside { print }
                index($0, name) { named = 1 }' $page
}

# Without its licence, and what parts that from the rest.
told()
{
        grep -v SPDX-License-Identifier "$samples/$1" | awk '!begun && /^#?$/ { next } { begun = 1; print }'
}

differing()
{
        local path name

        for path in "$samples"/*; do
                name=$(basename "$path")
                [ "$name" = twmon-fleet.rules.yml ] && continue # too long; the page has a table
                diff <(told "$name") <(shown "$name") >"$tmp/diff" || { echo "$name:"; cat "$tmp/diff"; }
        done
}

unknown_files()
{
        grep -ohE "$samples/[A-Za-z.-]+[a-z]" $page | sort -u | while read -r path; do
                [ -e "$path" ] || echo "$path is not there"
        done
}

unknown_messages()
{
        grep -oE '\b[0-9a-f]{32}\b' $page | sort -u | while read -r id; do
                grep -q "^-- $id" systemd/twmon.catalog || echo "$id is no message"
        done
}

unknown_fields()
{
        grep -oE '\bTWMON_[A-Z_]+' $page | sort -u | while read -r field; do
                grep -qE "\b$field\b" man/twmond.8 || echo "$field is no field"
        done
}

rules()
{
        sed -nE 's/^ *- alert: //p' etc/prometheus/twmon.rules.yml $samples/twmon-fleet.rules.yml | sort
}

other_rules()
{
        rules >"$tmp/rules"
        grep -E '^\| `Twmon' $page | cut -d '|' -f 2 | grep -oE 'Twmon[A-Za-z]+' | sort >"$tmp/table"
        same rule 'the rules' "$page" "$tmp/rules" "$tmp/table"
}

# Those that a route or an inhibition names.
unknown_rules()
{
        grep -oE 'Twmon[A-Za-z]+' $samples/alertmanager.yml | sort -u | comm -23 - <(rules)
}

silent 'the page shows the files as they are' differing
silent 'and names none that is not there' unknown_files
silent 'it names messages that there are' unknown_messages
silent 'and fields' unknown_fields
silent 'and every rule' other_rules
silent 'Alertmanager is told of rules that there are' unknown_rules
if needs 'promtool check config' promtool; then
        # Paths are those of the host that watches.
        passes 'promtool check config' promtool check config --syntax-only $samples/prometheus.yml
fi
if needs 'amtool check-config' amtool; then
        passes 'amtool check-config' amtool check-config $samples/alertmanager.yml
fi
done_testing
