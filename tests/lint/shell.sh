#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Shell scripts: shellcheck has nothing to say.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

scripts()
{
        find tools tests completion etc -name '*.sh' -o -name '*.bash'
        find debian -name '*.postinst' -o -name '*.postrm'
        echo .ci/run
}

if needs 'shell scripts' shellcheck; then
        while read -r script; do
                # -x: read what is sourced. SC2317 takes what a trap calls for unreachable.
                silent "shellcheck: $script" shellcheck -x -e SC2317 "$script"
        done < <(scripts | sort)
fi
done_testing
