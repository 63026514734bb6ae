#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# mandoc has nothing to say about the manual pages.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

if needs 'manual pages' mandoc; then
        for page in man/twmond.8 man/twmonctl.1 man/twmon.conf.5; do
                silent "mandoc: $page" mandoc -T lint -W warning "$page"
        done
fi
done_testing
