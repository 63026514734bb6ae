#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# cppcheck's warnings. What it gets wrong is suppressed here, each with its reason.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

macros=$(mktemp)
trap 'rm -f "$macros"' EXIT

# jansson's loops: without its headers, a file that uses them would not be read to its end.
cat >"$macros" <<'END'
#define json_array_foreach(array, index, value) \
        for (index = 0; (value = json_array_get(array, index)) != NULL; index++)
#define json_object_foreach(object, key, value) \
        for (key = ""; (value = json_object_get(object, key)) != NULL;)
END

options=(
        --quiet --std=c11 "--enable=warning,performance,portability" --inline-suppr
        --error-exitcode=1 -j2
        -Ilib -Idaemon -Iclient -Iexporter -Itests/unit -D_GNU_SOURCE '-DTWMON_VERSION="0"'
        --include="$macros"
        # realloc() that may fail: the row that is kept in either case is taken for a leak
        --suppress=memleak:lib/tally.c
        # one side effect in a designated initializer, which nothing else in it reads
        --suppress=unknownEvaluationOrder:tests/unit/test-tally.c
)
name='cppcheck finds nothing'
if needs "$name" cppcheck; then
        silent "$name" cppcheck "${options[@]}" lib daemon client exporter tests tools
fi
done_testing
