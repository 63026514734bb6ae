#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make run: twmond in the foreground on its built-in defaults, watching this host, with a socket of
# its own in a temporary directory; twmonctl shows what it sees until Ctrl-C, or three scans long
# where there is no terminal. Needs no root; an installed twmond is not disturbed.
set -eu
cd "$(dirname "$0")/.."

# The path of a socket has at most 107 bytes.
base=${TMPDIR:-/tmp}
[ ${#base} -le 60 ] || base=/tmp
dir=$(mktemp -d "$base/twmon-run.XXXXXX")
daemon=

clean_up() {
        trap '' INT TERM HUP PIPE
        exec 2>/dev/null # a terminal that has gone away must not end the cleaning up
        [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
        [ -z "$daemon" ] || wait "$daemon" 2>/dev/null || true
        rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 0' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

give_up() {
        echo "twmond did not get far:" >&2
        cat "$dir/log" >&2
        exit 1
}

build/twmond --foreground --config /dev/null --socket "$dir/control" --state-dir "$dir/state" \
        >"$dir/log" 2>&1 &
daemon=$!

echo "twmond's socket, to ask it from elsewhere: build/twmonctl --socket $dir/control status"
tries=0
until [ -S "$dir/control" ]; do
        kill -0 "$daemon" 2>/dev/null || give_up
        tries=$((tries + 1))
        [ "$tries" -lt 100 ] || give_up
        sleep 0.1
done

status=0
if [ -t 1 ]; then
        # In a process group of its own twmonctl alone gets the Ctrl-C, and make has nothing to
        # complain about. Where the shell cannot do that, Ctrl-C ends this script as well.
        set -m 2>/dev/null || true
        build/twmonctl --socket "$dir/control" status --live || status=$?
        set +m 2>/dev/null || true
else
        echo "twmond watches this host on its built-in defaults; three scans, 10 s apart:"
        echo
        build/twmonctl --socket "$dir/control" status --live --count 3 || status=$?
fi

# 130: Ctrl-C, the way to end it. 1: an alert is raised, which is an answer and no failure.
case $status in
0 | 1 | 130) ;;
*) give_up ;;
esac
