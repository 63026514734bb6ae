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
                dir=/etc/twmon/twmon.conf.d
                test ! -e $dir/50-fleet.conf || cp $dir/50-fleet.conf $dir/50-fleet.conf.old
                install -m 644 "$new" $dir/50-fleet.conf
                if twmond --check-config && twmonctl reload; then
                        rm -f $dir/50-fleet.conf.old
                else
                        rm $dir/50-fleet.conf
                        test ! -e $dir/50-fleet.conf.old || mv $dir/50-fleet.conf.old $dir/50-fleet.conf
                        exit 1
                fi' <"$file"
done
