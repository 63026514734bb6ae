#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# rollout.sh FILE HOST...: FILE becomes /etc/twmon/twmon.conf.d/50-fleet.conf of one host after the other,
# and is read there. Stops at the first host that does not take it; what ran there goes on unchanged.
set -eu
file=$1
shift
for host; do
        echo "$host:"
        ssh "$host" 'set -e
                new=$(mktemp)
                trap "rm -f $new" EXIT
                cat >"$new"
                twmond --config "$new" --check-config
                install -m 644 "$new" /etc/twmon/twmon.conf.d/50-fleet.conf
                twmond --check-config
                twmonctl reload' <"$file"
done
