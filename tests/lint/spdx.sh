#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Each source names its licence within its first lines, and the licence is there.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

sources()
{
        find lib daemon client exporter tests tools \( -name '*.[ch]' -o -name '*.py' -o -name '*.sh' -o \
                -name '*.bash' \) -not -path '*/__pycache__/*'
        find systemd man completion -type f
        find debian -name control -o -name rules -o -name '*.postinst' -o -name '*.postrm'
        find Makefile tests/run .ci/run -maxdepth 0 2>/dev/null
}

without_licence()
{
        local n=0

        while read -r file; do
                n=$((n + 1))
                head -n 3 "$file" | grep -q 'SPDX-License-Identifier: LGPL-2\.1-or-later' || echo "$file"
        done < <(sources)
        [ "$n" -gt 50 ] || echo "found only $n files"
}

licence_is_there()
{
        grep -q 'GNU LESSER GENERAL PUBLIC LICENSE' LICENSE && grep -q 'Version 2\.1' LICENSE &&
                [ "$(wc -l <LICENSE)" -gt 450 ]
}

silent 'each source has its SPDX line' without_licence
passes 'LICENSE is the LGPL 2.1' licence_is_there
done_testing
