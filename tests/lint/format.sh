#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every C file is as clang-format with the tree's .clang-format would have it.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

# Other versions break the same lines elsewhere, so one is the judge: Debian 12's.
version=14
name='clang-format has nothing to change'
if ! clang-format --version 2>/dev/null | grep -q "version $version\."; then
        skip "$name" "not clang-format $version"
elif needs "$name" clang-format; then
        mapfile -t files < <(find lib daemon client exporter tests tools -name '*.[ch]' | sort)
        passes "$name" clang-format --dry-run -Werror "${files[@]:?}"
fi
done_testing
