#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make install into a directory of its own: what it puts there, what systemd and journald say of it,
# what make uninstall leaves. Nothing here needs root or a running systemd.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

# 1.4: see the comments of the unit. What would lower it would blind twmond.
EXPOSURE_TENTHS_MAX=14
# With dropins/owners.conf, as it says itself.
OWNERS_EXPOSURE_TENTHS_MAX=18
# It is in the network, for that is what it is for.
EXPORTER_EXPOSURE_TENTHS_MAX=9

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
units=$root/usr/lib/systemd/system

run_make()
{
        env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory DESTDIR="$root" PREFIX=/usr "$@"
}

# "MODE PATH" of every file below the root.
installed()
{
        find "$root" -type f -printf '%m /%P\n' | sort -k 2
}

# same_text WANTED COMMAND...: prints the difference.
same_text()
{
        local wanted=$1
        shift

        diff <(printf '%s\n' "$wanted") <("$@")
}

files='644 /etc/twmon/twmon.conf
755 /usr/bin/twmonctl
644 /usr/lib/systemd/catalog/twmon.catalog
644 /usr/lib/systemd/catalog/twmon.de.catalog
644 /usr/lib/systemd/system/twmon-alert@.service
644 /usr/lib/systemd/system/twmon-exporter.service
644 /usr/lib/systemd/system/twmon-exporter.socket
644 /usr/lib/systemd/system/twmond.service
644 /usr/lib/systemd/system/twmond.socket
755 /usr/sbin/twmon-exporter
755 /usr/sbin/twmond
644 /usr/share/bash-completion/completions/twmonctl
644 /usr/share/doc/twmon-exporter/twmon.grafana.json
644 /usr/share/doc/twmon-exporter/twmon.rules.yml
644 /usr/share/doc/twmon/dropins/keep-descriptors.conf
644 /usr/share/doc/twmon/dropins/notify-reload.conf
644 /usr/share/doc/twmon/dropins/owners.conf
644 /usr/share/doc/twmon/fleet/alertmanager.yml
644 /usr/share/doc/twmon/fleet/exporter-service.conf
644 /usr/share/doc/twmon/fleet/exporter-socket.conf
644 /usr/share/doc/twmon/fleet/fleet.md
644 /usr/share/doc/twmon/fleet/hosts.yml
644 /usr/share/doc/twmon/fleet/journal-remote-service.conf
644 /usr/share/doc/twmon/fleet/journal-remote-socket.conf
644 /usr/share/doc/twmon/fleet/journal-upload-service.conf
644 /usr/share/doc/twmon/fleet/journal-upload.conf
644 /usr/share/doc/twmon/fleet/nginx-journal.conf
644 /usr/share/doc/twmon/fleet/nginx.conf
644 /usr/share/doc/twmon/fleet/nrpe.cfg
644 /usr/share/doc/twmon/fleet/prometheus.yml
644 /usr/share/doc/twmon/fleet/rollout.sh
644 /usr/share/doc/twmon/fleet/twmon-fleet.rules.yml
644 /usr/share/doc/twmon/fleet/twmon.nft
644 /usr/share/doc/twmon/twmon.conf.example
644 /usr/share/fish/vendor_completions.d/twmonctl.fish
644 /usr/share/man/man1/twmonctl.1
644 /usr/share/man/man5/twmon.conf.5
644 /usr/share/man/man8/twmon-exporter.8
644 /usr/share/man/man8/twmond.8
644 /usr/share/zsh/site-functions/_twmonctl'

keeps_configuration()
{
        echo '# mine' >"$root/etc/twmon/twmon.conf"
        run_make install && grep -q mine "$root/etc/twmon/twmon.conf"
}

# A path of the tree in a file that was installed with another PREFIX.
misplaced()
{
        grep -rn '/usr/local/' "$units" "$root/usr/share/man" "$root/usr/share/doc/twmon/dropins"
}

# A document that a manual page or a unit names by its path.
absent()
{
        grep -rhoE '/usr/share/doc/twmon[a-z-]*(/[a-z][a-z.-]*[a-z])*' "$units" "$root/usr/share/man" | sort -u |
                while read -r path; do [ -e "$root$path" ] || echo "$path"; done
}

exec_start()
{
        sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$units/twmond.service"
}

# stage [DROP-IN...]: the units as they are, but for the place of the binary: systemd-analyze looks
# whether it is there.
stage()
{
        rm -rf "$root/verify"
        mkdir -p "$root/verify/twmond.service.d"
        sed "s,^Exec\(Start\|Reload\)=,&$root," "$units/twmond.service" >"$root/verify/twmond.service"
        for unit in twmon-alert@.service twmon-exporter.service; do
                sed "s,^ExecStart=,&$root," "$units/$unit" >"$root/verify/$unit"
        done
        cp "$units/twmond.socket" "$units/twmon-exporter.socket" "$root/verify"
        for dropin; do
                cp "$root/usr/share/doc/twmon/dropins/$dropin" "$root/verify/twmond.service.d"
        done
}

verify()
{
        stage "$@"
        systemd-analyze verify --recursive-errors=no --man=no \
                "$root/verify/twmond.service" "$root/verify/twmond.socket" \
                "$root/verify/twmon-alert@.service" "$root/verify/twmon-exporter.service" \
                "$root/verify/twmon-exporter.socket"
}

# exposure TENTHS [DROP-IN...]
exposure()
{
        local max=$1
        shift

        stage "$@"
        systemd-analyze security --no-pager --offline=true --threshold="$max" \
                "$root/verify/twmond.service"
}

exporter_exposure()
{
        stage
        systemd-analyze security --no-pager --offline=true --threshold="$1" \
                "$root/verify/twmon-exporter.service"
}

not()
{
        ! "$@"
}

systemd_is()
{
        [ "$(systemd-analyze --version | sed -n '1s/^systemd \([0-9]*\).*/\1/p')" -ge "$1" ]
}

# verify_from VERSION DROP-IN: older ones do not know what the drop-in sets.
verify_from()
{
        if systemd_is "$1"; then
                silent "nor in it with $2" verify "$2"
        else
                skip "nor in it with $2" "needs systemd $1"
        fi
}

# missing UNIT LINE...: prints the lines that the unit does not have.
missing()
{
        local unit=$1 line
        shift

        for line; do
                grep -qxF -- "$line" "$units/$unit" || printf '%s: no line %s\n' "$unit" "$line"
        done
}

# What would blind the daemon, or keep its alerts out of the leaking unit's log. The lower exposure
# that each brings would please the check of it.
forbidden()
{
        grep -nE '^(PrivateNetwork|PrivateUsers|DynamicUser|User|ProtectProc|ProcSubset|NetworkNamespacePath)=' \
                "$units/twmond.service"
}

ids()
{
        grep -ohE '"[0-9a-f]{32}"' lib/msgid.c lib/msgid.h | tr -d '"' | sort
}

catalog_ids()
{
        "$@" journalctl --root="$root" --dump-catalog | sed -n 's/^-- \([0-9a-f]\{32\}\)$/\1/p' | sort
}

# Whatever languages are installed here: a language's name is what journalctl goes by, so one that is
# as C.UTF-8 does.
german()
{
        env -u LC_ALL LOCPATH="$root/locale" LANG=de_DE.UTF-8 "$@"
}

subjects()
{
        "$@" | sed -n 's/^Subject: //p' | sort
}

dumped()
{
        subjects "$@" journalctl --root="$root" --dump-catalog
}

passes 'make install' run_make install
silent 'puts there what it should, with its modes' same_text "$files" installed
silent 'the unit starts what was installed' same_text /usr/sbin/twmond exec_start
passes 'what was installed starts' "$root/usr/sbin/twmond" --version
silent 'no path in it is another PREFIX' misplaced
silent 'what it names of its documents is there' absent
passes 'make install again keeps the configuration' keeps_configuration

silent 'twmond.service has what twmond counts on' missing twmond.service \
        Type=notify NotifyAccess=main WatchdogSec=2min Restart=on-failure StartLimitIntervalSec=0 \
        RestartPreventExitStatus=78 'ExecReload=/usr/bin/twmonctl --socket=/run/twmon/control reload' CapabilityBoundingSet= \
        RuntimeDirectory=twmon RuntimeDirectoryPreserve=yes StateDirectory=twmon \
        Requires=twmond.socket After=twmond.socket 'RestrictAddressFamilies=AF_NETLINK AF_UNIX' \
        TimeoutAbortSec=10s FileDescriptorStoreMax=8 LogRateLimitIntervalSec=0 ProtectSystem=strict \
        ReadOnlyPaths=/run \
        'NoExecPaths=/dev/shm /run /tmp /var/tmp %S/twmon %t/twmon' MemoryMax=256M LimitNOFILE=512
silent 'twmond.service has nothing that would blind it' forbidden
silent 'twmon-alert@.service starts what was installed, and ends' missing twmon-alert@.service \
        'ExecStart=/usr/bin/twmonctl --socket=/run/twmon/control events --last 1 -- %I' Type=oneshot \
        TimeoutStartSec=30s
silent 'twmond.socket has what clients count on' missing twmond.socket \
        ListenStream=/run/twmon/control SocketMode=0666 DirectoryMode=0755 RemoveOnStop=yes \
        TriggerLimitIntervalSec=30s TriggerLimitBurst=60

silent 'twmon-exporter has no privilege, and this host alone may ask it' missing twmon-exporter.service \
        'ExecStart=/usr/sbin/twmon-exporter --socket=/run/twmon/control' DynamicUser=yes \
        CapabilityBoundingSet= IPAddressDeny=any IPAddressAllow=localhost
silent 'nor does its socket listen elsewhere' missing twmon-exporter.socket ListenStream=127.0.0.1:19865
if needs 'systemd-analyze verify' systemd-analyze; then
        silent 'systemd-analyze verify finds nothing' verify
        silent 'nor in it with owners.conf' verify owners.conf
        verify_from 253 notify-reload.conf
        verify_from 254 keep-descriptors.conf
        passes "systemd-analyze security: at most $EXPOSURE_TENTHS_MAX tenths" \
                exposure $EXPOSURE_TENTHS_MAX
        passes "with owners.conf: at most $OWNERS_EXPOSURE_TENTHS_MAX" \
                exposure $OWNERS_EXPOSURE_TENTHS_MAX owners.conf
        passes "twmon-exporter.service: at most $EXPORTER_EXPOSURE_TENTHS_MAX tenths" \
                exporter_exposure $EXPORTER_EXPOSURE_TENTHS_MAX
        passes 'and more than without it' not exposure $EXPOSURE_TENTHS_MAX owners.conf
fi
if needs 'journalctl --update-catalog' journalctl; then
        passes 'journalctl takes the catalogs' journalctl --root="$root" --update-catalog
        silent 'and knows every message id, and no other' same_text "$(ids)" catalog_ids
        silent 'whose texts are English' same_text "$(subjects cat systemd/twmon.catalog)" dumped
        if [ -d /usr/lib/locale/C.utf8 ]; then
                mkdir "$root/locale"
                cp -r /usr/lib/locale/C.utf8 "$root/locale/de_DE.UTF-8"
                silent 'and, where the language is German, German' \
                        same_text "$(subjects cat systemd/twmon.de.catalog)" dumped german
                silent 'for every message id' same_text "$(ids)" catalog_ids german
        else
                skip 'and, where the language is German, German' 'no C.UTF-8 to make a locale of'
        fi
fi
# Else it would test the host's, as make check does already, and look as if it had been another.
says_what_is_missing()
{
        local said

        said=$(env -u TREE -u MAKEFLAGS -u MAKELEVEL make --no-print-directory check-systemd 2>&1) && return 1
        [[ $said == *'TREE=DIR is missing'* && $said != *$'\n'* ]]
}
passes 'make check-systemd without TREE says so in a line, and fails' says_what_is_missing

rm -rf "${root:?}/var" "$root/verify" "$root/locale"

passes 'make uninstall' run_make uninstall
silent 'leaves the configuration, and nothing else' same_text '644 /etc/twmon/twmon.conf' installed
silent 'nor its own directory' find "$root/usr/share/doc" -mindepth 1
passes 'make uninstall again' run_make uninstall
done_testing
