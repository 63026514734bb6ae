#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make demo: a leak, found and cleared, in a network namespace of its own. Checks what it shows:
# exit status 0 only if the alert was raised with its owner, and cleared.
set -eu

# ---- a namespace of our own ----

if [ "${1:-}" != inside ]; then
        cd "$(dirname "$0")/.."
        for flags in -nm -rnm; do
                if unshare $flags true 2>/dev/null; then
                        exec unshare $flags tools/demo.sh inside
                fi
        done
        echo "make demo needs a network namespace of its own, and this system allows none." >&2
        echo "As root it would; or allow user namespaces (unshare -r -n true must work):" >&2
        echo "sysctl kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns" >&2
        exit 1
fi

dir=$(mktemp -d /tmp/twmon-demo.XXXXXX)
: >"$dir/twmond.log" # to be looked into before twmond writes it
children=

clean_up() {
        trap '' INT TERM HUP
        # shellcheck disable=SC2086 # a list of numbers
        [ -z "$children" ] || kill $children 2>/dev/null || true
        wait
        rm -rf "$dir"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

start() { # NAME COMMAND...: in the background; what it writes goes to $dir/NAME.log
        name=$1
        shift
        "$@" >"$dir/$name.log" 2>&1 &
        children="$children $!"
}

# ---- telling ----

began=$(date +%s)

step() { # LINE...: a heading with the time, and more lines below it
        printf '\n[%2d s] %s\n' $(($(date +%s) - began)) "$1"
        shift
        [ $# -eq 0 ] || printf '       %s\n' "$@"
}

ask() { # twmonctl ...; 1 from status means that an alert is raised
        printf '\n       $ twmonctl %s\n' "$*"
        result=0
        build/twmonctl --socket "$dir/control" "$@" >"$dir/answer" 2>&1 || result=$?
        sed 's/^/       | /; s/ *$//' "$dir/answer"
}

fail() {
        printf '\nThe demo FAILED: %s\ntwmond said:\n' "$1" >&2
        cat "$dir/twmond.log" >&2
        exit 1
}

await() { # SECONDS PATTERN: the line of twmond's that matches is in $line
        tries=$(($1 * 10))
        until line=$(grep -E -m 1 "$2" "$dir/twmond.log"); do
                tries=$((tries - 1))
                [ $tries -gt 0 ] || fail "it did not say: $2"
                sleep 0.1
        done
}

# ---- the stage ----

build/demo-leaky up
# Alerts of a demo do not belong into this host's journal: a /run of our own, with a socket that
# takes them instead.
if mount -t tmpfs tmpfs /run 2>/dev/null && mkdir -p /run/systemd/journal; then
        start hear build/demo-leaky hear /run/systemd/journal/socket
fi

cat >"$dir/twmon.conf" <<'END'
[Scan]
Interval=1s
[CloseWait]
StuckAfter=3s
StuckWarning=5
[Alerts]
RaiseAfter=2s
ClearAfter=3s
END

echo "twmon finds the program that leaks TCP connections. This demo has a network of its own:"
echo "nothing of this host is touched. Its thresholds are short, so that it takes seconds."

step 'twmond starts and counts the sockets of every port, once a second.'
start twmond build/twmond --foreground --config "$dir/twmon.conf" --socket "$dir/control" \
        --state-dir "$dir/state"
await 5 'watches'

start server build/demo-leaky serve 7865
server=$!
start churn build/demo-leaky churn 7900 50
sleep 1

step 'On port 7865 runs a server with a bug: when a client has gone, it does not call close().' \
        'Eight clients come and go. Their connections are now in CLOSE_WAIT: the peer has closed,' \
        'the program has not, and each holds a file descriptor of the server until it exits.' \
        'On port 7900 all is well: its client closes 20 connections a second. They rest for 60 s' \
        'in TIME_WAIT, as TCP wants it. That is no leak, and twmond does not take it for one.'
build/demo-leaky visit 7865 8
sleep 2
ask ports
[ $result -eq 0 ] || fail "ports: exit status $result"

step 'Connections may stay in CLOSE_WAIT for a moment. Once 5 of them have been there for 3 s,' \
        '(StuckAfter), and that for 2 s more (RaiseAfter), twmond says so, and who it is:'
await 10 'warning: local port 7865: 8 connections stuck in CLOSE_WAIT'
printf '\n       | %s\n' "$line"
case $line in
*"PID $server demo-leaky, "*" descriptors)"*) ;;
*) fail "the alert does not name its owner, PID $server demo-leaky, and its descriptors" ;;
esac
ask status
[ $result -eq 1 ] || fail "status: exit status $result, expected 1 (an alert is raised)"

step 'The server is mended: it closes what its clients have closed.' \
        'Once nothing has been stuck for 3 s (ClearAfter), the alert is cleared:'
kill -USR1 "$server"
await 10 'close-wait-stuck alert cleared'
printf '\n       | %s\n' "$line"
ask status
[ $result -eq 0 ] || fail "status: exit status $result, expected 0 (nothing is raised)"

step 'That is all: raised with its owner, cleared when it was over. "make run" watches this host.'
