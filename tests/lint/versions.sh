#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# One version: that of the Makefile stands in the changes and in the Debian package's as well.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

wanted=$(sed -n 's/^VERSION = //p' Makefile)

# first_of NAME PATTERN FILE: complains unless the first that matches is the version.
first_of()
{
        local found

        found=$(sed -nE "s/$2/\1/p" "$3" | head -n 1)
        [ -n "$wanted" ] && [ "$found" = "$wanted" ] || echo "$1 has '$found', the Makefile '$wanted'"
}

silent 'CHANGELOG.md begins with this version' first_of CHANGELOG.md '^## ([^ ]+).*' CHANGELOG.md
silent 'and so does debian/changelog' first_of debian/changelog '^twmon \(([^)]+)\).*' debian/changelog
done_testing
