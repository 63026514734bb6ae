#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Files and functions stay short enough to read. Tables may be long: what has no statements is flat.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

FILE_LINES_MAX=450
FUNCTION_LINES_MAX=80

long_files()
{
        find lib daemon client exporter -name '*.c' -exec wc -l {} + | awk -v max=$FILE_LINES_MAX '
                $2 != "total" && $1 > max { print $2 ": " $1 " lines, at most " max }
                { n++ }
                END { if (n < 10) print "found only", n + 0, "files" }'
}

# clang-format sees to it that a function's braces, and no others, stand in column 0.
long_functions()
{
        find lib daemon client exporter tests tools -name '*.c' -exec awk -v max=$FUNCTION_LINES_MAX '
                /^[a-z].*\(/ { name = $0; sub(/\(.*/, "", name); sub(/.*[ *]/, "", name) }
                /^\{/ { first = FNR; statements = 0 }
                first && /;$/ { statements++ }
                first && /^\}/ {
                        n++
                        if (FNR - first + 1 > max && statements > 3)
                                print FILENAME ":" first ": " name "() has " FNR - first + 1 \
                                      " lines, at most " max
                        first = 0
                }
                END { if (n < 10) print "found only", n + 0, "functions" }' {} +
}

silent "no .c file above $FILE_LINES_MAX lines" long_files
silent "no function above $FUNCTION_LINES_MAX lines" long_functions
done_testing
