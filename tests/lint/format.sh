#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Every C file is as clang-format with the tree's .clang-format would have it.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

name='clang-format has nothing to change'
if needs "$name" clang-format; then
        mapfile -t files < <(find lib daemon client tests tools -name '*.[ch]' | sort)
        passes "$name" clang-format --dry-run -Werror "${files[@]:?}"
fi
done_testing
