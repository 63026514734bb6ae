#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What twmonctl help names <-> what completion offers: each verb, each option of each verb, and each
# value of those that have a set of them. And that every shell can read its part.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

offered()
{
        build/twmonctl complete -- "$@" | cut -f 1 | sort -u
}

# What takes a value, of a table "--name VALUE" in the help, and has none to offer or a file's name.
without_values()
{
        build/twmonctl help "$1" | sed -nE 's/^  (--[a-z-]+) ([A-Z]+) .*/\1 \2/p' | while read -r name value; do
                case $value in
                PATH | FILE) [ "$(offered "$1" "$name" '')" = :files ] || echo "$name offers no files" ;;
                NAME | KEY) [ -n "$(offered "$1" "$name" '')" ] || echo "$name offers no values" ;;
                RANGE | TIME | AGO | TEXT | N) ;;
                *) echo "$name: what are the values of $value?" ;;
                esac
        done
}

check_twmonctl()
{
        local verb

        build/twmonctl help | sed -nE '/^Verbs:/,/^$/s/^  ([a-z]+)( .*)?$/\1/p' | sort -u >"$tmp/help"
        offered '' >"$tmp/offered"
        silent 'verbs of twmonctl help and of completion' \
                same verb 'twmonctl help' completion "$tmp/help" "$tmp/offered"
        offered help '' >"$tmp/offered"
        silent 'and behind help' same verb 'twmonctl help' completion "$tmp/help" "$tmp/offered"
        while read -r verb; do
                build/twmonctl help "$verb" | sed -nE 's/^  (--[a-z-]+) .*/\1/p' | sort -u >"$tmp/help-options"
                offered "$verb" -- >"$tmp/offered"
                silent "options of twmonctl $verb and of completion" \
                        same option "twmonctl help $verb" completion "$tmp/help-options" "$tmp/offered"
                silent "values of twmonctl $verb" without_values "$verb"
        done <"$tmp/help"
}

if [ -x build/twmonctl ]; then check_twmonctl; else skip twmonctl 'not built: make first'; fi
passes 'bash reads its completion' bash -n completion/twmonctl.bash
if needs 'zsh reads its completion' zsh; then passes 'zsh reads its completion' zsh -n completion/_twmonctl; fi
if needs 'fish reads its completion' fish; then
        passes 'fish reads its completion' fish --no-execute completion/twmonctl.fish
fi
done_testing
