#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The manual pages: mandoc has nothing to say, each has EXAMPLES, and nothing that the tables know is
# without its entry. Options and verbs are held against the help by help.sh, keys of the configuration
# by options.sh, fields of the journal by catalog.sh.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# section PAGE PATTERN: from the heading that matches to the next one.
section()
{
        awk -v pattern="$2" '/^\.S[hs] / { on = $0 ~ pattern } on' "$1"
}

# entries PAGE PATTERN MACRO: the first words of the list items there, one a line.
entries()
{
        section "$1" "$2" | sed -nE "s/^\.It $3 //p" | tr ',' '\n' | tr -d ' ' | sort -u
}

# A page whose examples have no command or configuration in them has none.
without_examples()
{
        section "$1" '^\.Sh EXAMPLES' | grep -qE '^(\.Dl [$#] |[$#] |\[[A-Z])' || echo "$1: no EXAMPLES"
}

# The environment that a folder's code reads itself; what libraries read is told of besides.
without_variable()
{
        grep -ohE 'getenv\("[A-Z_]+"' "$1"/*.c | cut -d'"' -f2 | sort -u | while read -r name; do
                section "$2" '^\.Sh ENVIRONMENT' | grep -qE "^\.It Ev (.* )?$name( |$)" ||
                        echo "$name of $1/ is not in ENVIRONMENT of $2"
        done
}

kinds_of_code()
{
        sed -nE 's/^ *\[ALERT_[A-Z_]+\] = "([a-z-]+)",?$/\1/p' lib/rule.c | sort -u
}

if needs 'manual pages' mandoc; then
        for page in man/*.[0-9]; do
                silent "mandoc: $page" mandoc -T lint -W warning "$page"
        done
fi
for page in man/*.[0-9]; do
        silent "examples in $page" without_examples "$page"
done

kinds_of_code >"$tmp/code"
entries man/twmond.8 '^\.Ss Alerts' Cm | grep -vxE 'unaccepted|unread|eof-unread|unclosed' >"$tmp/page"
silent 'kinds of alerts: of the code and of twmond(8)' \
        same kind lib/rule.c man/twmond.8 "$tmp/code" "$tmp/page"

sed -nE 's/^method ([A-Za-z]+).*/\1/p' daemon/io.twmon.Monitor.varlink | sort -u >"$tmp/code"
section man/twmond.8 '^\.Ss Control socket' | sed -n '/with the methods/,/describes it/p' |
        sed -nE 's/^\.Li ([A-Z][A-Za-z]+)( .*)?$/\1/p' | sort -u >"$tmp/page"
silent 'methods: of the interface and of twmond(8)' \
        same method daemon/io.twmon.Monitor.varlink man/twmond.8 "$tmp/code" "$tmp/page"

if [ -x build/twmonctl ]; then
        build/twmonctl help | sed -nE '/^Verbs:/,/^$/s/^  ([a-z]+)( .*)?$/\1/p' | sort -u >"$tmp/code"
        entries man/twmonctl.1 '^\.Ss JSON' Cm >"$tmp/page"
        silent 'what each verb prints with --json is told' \
                same verb 'twmonctl help' 'man/twmonctl.1 (JSON)' "$tmp/code" "$tmp/page"
        build/twmonctl complete -- check -w 1 --metric '' | cut -f 1 | sort -u >"$tmp/code"
        sed -n '/^\.It Fl Fl metric/,/^\.El/p' man/twmonctl.1 | sed -nE 's/^\.It Cm //p' | sort -u >"$tmp/page"
        silent 'the values of --metric are told' \
                same value 'twmonctl complete' man/twmonctl.1 "$tmp/code" "$tmp/page"
else
        skip 'verbs with --json' 'build/twmonctl is not there: make first'
fi

silent 'the environment of twmonctl' without_variable client man/twmonctl.1
silent 'the environment of twmond' without_variable daemon man/twmond.8
done_testing
