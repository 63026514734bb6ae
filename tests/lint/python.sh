#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Python scripts can be read. Nothing is left behind in the tree.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

if needs 'Python scripts' python3; then
        while read -r script; do
                PYTHONPYCACHEPREFIX=$tmp silent "syntax: $script" python3 -W error -m py_compile "$script"
        done < <(echo tests/run; find tests tools -name '*.py' | sort)
fi
done_testing
