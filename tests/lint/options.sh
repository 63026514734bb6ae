#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The option table (twmond --help-config) <-> etc/twmon.conf <-> man/twmon.conf.5.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

page=man/twmon.conf.5
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

sample_differs()
{
        "$@" | diff - etc/twmon.conf
}

# "[Section] Key=Default". What only [Port ...] sections know stands in the table's prose.
build/twmond --help-config | awk '
        /^\[/ { section = $0 }
        /^#\[Port / { section = "[Port]" }
        /^#[A-Z][A-Za-z]*=/ && section != "[Port]" { print section, substr($0, 2) }
' | sort >"$tmp/table"
awk '
        /^\.Ss \[/ { section = $0; gsub(/^\.Ss |\\&$/, "", section) }
        /^\.Sh / { section = "" }
        /^\.It Va .* Ns =/ && section != "" {
                default_value = $0; sub(/.* Ns =( Ns )?/, "", default_value)
                print section, $3 "=" default_value
        }
' "$page" | sort >"$tmp/page"

build/twmond --help-config | sed -nE 's/^# +([A-Z][A-Za-z]+)=$/\1/p' | sort >"$tmp/port-table"
awk '/^\.Ss \[Port / { on = 1; next } /^\.S[sh] / { on = 0 } on && /^\.Va [A-Z]/ { print $2 }' "$page" |
        grep -E '^(CloseWait|TimeWait)' | sort -u >"$tmp/port-page"

if [ -x build/twmond ]; then
        silent 'etc/twmon.conf is what twmond --help-config prints' \
                sample_differs build/twmond --help-config
        silent 'each option is in the page at its default, and the other way round' \
                same option 'twmond --help-config' "$page" "$tmp/table" "$tmp/page"
        silent 'the keys of [Port ...] sections are in the page, and the other way round' \
                same key 'twmond --help-config' "$page" "$tmp/port-table" "$tmp/port-page"
        passes 'twmond takes the sample' build/twmond --config etc/twmon.conf --check-config
else
        skip 'options' 'build/twmond is not there: make first'
fi
done_testing
