#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# daemon/io.twmon.Monitor.varlink <-> the method table, its parameters, and the errors that are sent.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

interface=daemon/io.twmon.Monitor.varlink
table=daemon/control-methods.c
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# "Method", and for each parameter "Method name type".
sed 's/#.*//' $interface | tr '\n' ' ' | grep -oE '\bmethod [A-Za-z]+\([^()]*\)' | awk -F'[ (),]+' '
        {
                print $2
                rest = $0; sub(/^[^(]*\(/, "", rest); sub(/\).*/, "", rest)
                n = split(rest, parameter, ",")
                for (i = 1; i <= n; i++) {
                        gsub(/ /, "", parameter[i]); split(parameter[i], part, ":")
                        if (part[1] != "") print $2, part[1], part[2]
                }
        }' | sort >"$tmp/described"
awk '
        BEGIN {
                type["PARAM_BOOL"] = "bool"; type["PARAM_COUNT"] = "int"
                type["PARAM_STRING"] = "string"; type["PARAM_PORTS"] = "[]int"
                type["PARAM_PORT"] = "int"
        }
        /^static const struct method methods\[\]/ { on = 1 }
        on && /^\};/ { on = 0 }
        on && /^ *\{ (MONITOR|SERVICE), / {
                split($0, part, "\""); method = /MONITOR/ ? part[2] : ""
                if (method != "") print method
        }
        on && method != "" {
                rest = $0
                while (match(rest, /\{ "[a-zA-Z]+", PARAM_[A-Z]+, (true|false) \}/)) {
                        one = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH)
                        gsub(/[{}",]/, "", one); split(one, part, " ")
                        print method, part[1], (part[3] == "false" ? "?" : "") type[part[2]]
                }
        }' $table | sort >"$tmp/served"

sed -nE 's/^error ([A-Za-z]+).*/\1/p' $interface | sort -u >"$tmp/errors-described"
grep -ohE 'MONITOR "\.[A-Za-z]+"' daemon/*.c | sed -E 's/.*\.([A-Za-z]+)"/\1/' | sort -u >"$tmp/errors-sent"

silent 'methods and their parameters: described and served' \
        same method "$interface" "$table" "$tmp/described" "$tmp/served"
silent 'errors: described and sent' \
        same error "$interface" 'daemon/*.c' "$tmp/errors-described" "$tmp/errors-sent"
done_testing
