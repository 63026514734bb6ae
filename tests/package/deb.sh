#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The Debian package that make deb has made: what is in it is what make install gives, and lintian has
# nothing to say.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

version=$(sed -n 's/^VERSION = //p' Makefile)
out=build/deb
deb=$(find $out -name "twmon_${version}_*.deb" 2>/dev/null)

# What debhelper puts beside what is installed.
documents='644 /usr/share/doc/twmon/CHANGELOG.md
644 /usr/share/doc/twmon/README.Debian
644 /usr/share/doc/twmon/README.md
644 /usr/share/doc/twmon/changelog
644 /usr/share/doc/twmon/copyright'

# Said of any daemon without a script for sysvinit: info. The service leans on systemd for what it
# promises (readiness, the socket, state that outlives a crash), and /run/twmon is systemd's to make.
accepted='I: twmon: package-supports-alternative-init-but-no-init.d-script'

run_make()
{
        env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory "$@"
}

unpack()
{
        local units

        dpkg-deb -x "$deb" "$tmp/deb" && dpkg-deb -e "$deb" "$tmp/control" &&
                dpkg-source -x "$out/twmon_$version.dsc" "$tmp/source" &&
                units=$(pkg-config --variable=systemdsystemunitdir systemd) &&
                run_make install DESTDIR="$tmp/installed" PREFIX=/usr UNITDIR="$units"
}

# files_below ROOT: "MODE PATH", be the file compressed or not.
files_below()
{
        find "$1" -type f -printf '%m /%P\n' | sed 's/\.gz$//' | sort -k 2
}

other_files()
{
        diff <({ files_below "$tmp/installed"; echo "$documents"; } | sort -k 2) \
                <(files_below "$tmp/deb")
}

# Programs differ: those here have been built by other flags, and are not stripped.
other_contents()
{
        (cd "$tmp/installed" && find . -type f -not -path '*bin/*') | while read -r file; do
                if [ -e "$tmp/deb/$file.gz" ]; then
                        zcat "$tmp/deb/$file.gz" | cmp -s "$tmp/installed/$file" - || echo "$file"
                else
                        cmp "$tmp/installed/$file" "$tmp/deb/$file" 2>&1
                fi
        done
}

# There to be copied, or read by their name.
compressed()
{
        find "$tmp/deb/usr/share/doc/twmon/dropins" "$tmp/deb/etc" "$tmp/deb/usr/share/doc/twmon" \
                -name '*.conf*.gz'
}

says_version()
{
        [ "$(dpkg-deb -f "$deb" Version)" = "$version" ] && "$tmp/deb/usr/sbin/twmond" --version |
                grep -F "$version"
}

# UNIT of every one that a script names, but the two that are meant.
other_units()
{
        cat "$tmp/control/"{post,pre}* | grep -v '^ *#' |
                grep -oE "[a-z@-]+\.(service|socket|timer|path|target)" | grep -vxE 'twmond\.(service|socket)'
        grep -q "deb-systemd-helper enable 'twmond.service'" "$tmp/control/postinst" ||
                echo 'twmond.service is not enabled'
}

conffiles()
{
        diff <(echo /etc/twmon/twmon.conf) "$tmp/control/conffiles"
}

# What the source package has too much or too little.
other_sources()
{
        diff <(find . -type f -not -path './build/*' -not -path './.git*' -not -name '*.pyc' | sort) \
                <(cd "$tmp/source" && find . -type f -not -path './.git*' | sort)
}

lintian_says()
{
        local user=()

        [ "$(id -u)" != 0 ] || user=(--allow-root)
        lintian "${user[@]}" --display-info --pedantic --no-override --tag-display-limit 0 "$out"/*.changes \
                2>&1 | grep -vF "$accepted"
}

# lintian, on a package that has a fault on purpose, says so: else its silence would mean nothing.
lintian_can_tell()
{
        cp -r "$tmp/deb" "$tmp/faulty" && cp -r "$tmp/control" "$tmp/faulty/DEBIAN" &&
                gunzip "$tmp/faulty/usr/share/man/man8/twmond.8.gz" &&
                dpkg-deb --root-owner-group -b "$tmp/faulty" "$tmp/faulty.deb" >/dev/null &&
                ! lintian --allow-root "$tmp/faulty.deb" >"$tmp/said" 2>&1 &&
                grep -q 'E: twmon: uncompressed-manual-page' "$tmp/said"
}

if [ -z "$deb" ]; then
        tap_result 'not ok' 'the package is there' "no $out/twmon_${version}_*.deb: make deb makes it"
else
        passes 'it can be unpacked, and its source' unpack
        silent 'it has the files of make install, with their modes, and its documents' other_files
        silent 'and they are what make install writes' other_contents
        silent 'what is there to be copied is not compressed' compressed
        passes 'what it has says its version' says_version
        silent 'it enables two units, and touches no other' other_units
        silent 'its only configuration file is twmon.conf' conffiles
        silent 'its source has the files of the tree' other_sources
        silent 'lintian has nothing to say, by its strictest' lintian_says
        passes 'and would say it' lintian_can_tell
fi
done_testing
