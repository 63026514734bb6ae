#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# What the commands say of themselves <-> their manual pages: options and verbs.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# options_of_help: "--name" or "--name ARGUMENT" of each option's own line.
options_of_help()
{
        sed -nE 's/^  (--[a-z-]+( [A-Z]+)?)( .*)?$/\1/p' | tr '[:upper:]' '[:lower:]' | sort -u
}

# options_of_page FILE: the same from its lists.
options_of_page()
{
        sed -nE 's/^\.It Fl Fl ([a-z-]+)( Ar ([a-z]+))?( .*)?$/--\1 \3/p' "$1" | sed 's/ $//' | sort -u
}

# any_option_of_help: wherever it stands.
any_option_of_help()
{
        grep -oE -- '--[a-z-]+' | sort -u
}

synopsis_of_page()
{
        sed -n '/^\.Sh SYNOPSIS/,/^\.Sh DESCRIPTION/p' "$1" | grep -oE 'Fl Fl [a-z-]+' |
                sed 's/Fl Fl /--/' | sort -u
}

verbs_of_help()
{
        sed -nE '/^Verbs:/,/^$/s/^  ([a-z]+)( .*)?$/\1/p' | sort -u
}

verbs_of_page()
{
        sed -n '/^The verbs are:/,/^Options may stand/p' "$1" | sed -nE 's/^\.It Cm ([a-z]+)$/\1/p' | sort -u
}

# check_daemon NAME: twmond and twmon-exporter
check_daemon()
{
        local name=$1 page=man/$1.8

        "build/$name" --help | options_of_help >"$tmp/help"
        options_of_page "$page" >"$tmp/page"
        silent "options of $name --help and of its page" \
                same option "$name --help" "$page" "$tmp/help" "$tmp/page"
        "build/$name" --help | any_option_of_help >"$tmp/help"
        synopsis_of_page "$page" >"$tmp/page"
        silent "options of $name --help and of its synopsis" \
                same option "$name --help" "$page (SYNOPSIS)" "$tmp/help" "$tmp/page"
}

check_twmonctl()
{
        local page=man/twmonctl.1 verb

        build/twmonctl help | any_option_of_help >"$tmp/help"
        options_of_page $page | cut -d' ' -f1 | sort -u >"$tmp/page"
        silent 'options of twmonctl help and of its page' \
                same option 'twmonctl help' $page "$tmp/help" "$tmp/page"
        build/twmonctl help | verbs_of_help >"$tmp/help"
        verbs_of_page $page >"$tmp/page"
        silent 'verbs of twmonctl help and of its page' \
                same verb 'twmonctl help' $page "$tmp/help" "$tmp/page"
        while read -r verb; do
                passes "twmonctl help $verb" build/twmonctl help "$verb"
        done <"$tmp/help"
}

for daemon in twmond twmon-exporter; do
        if [ -x build/$daemon ]; then check_daemon $daemon; else skip $daemon 'not built: make first'; fi
done
if [ -x build/twmonctl ]; then check_twmonctl; else skip twmonctl 'not built: make first'; fi
done_testing
