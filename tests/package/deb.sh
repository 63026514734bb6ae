#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The Debian packages that make deb has made: what is in them is what make install gives, each file in one,
# and lintian has nothing to say.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

version=$(sed -n 's/^VERSION = //p' Makefile)
out=build/deb
packages='twmon twmon-exporter'

# What debhelper puts beside what is installed.
documents='644 /usr/share/doc/twmon-exporter/README.Debian
644 /usr/share/doc/twmon-exporter/changelog
644 /usr/share/doc/twmon-exporter/copyright
644 /usr/share/doc/twmon/CHANGELOG.md
644 /usr/share/doc/twmon/README.Debian
644 /usr/share/doc/twmon/README.md
644 /usr/share/doc/twmon/changelog
644 /usr/share/doc/twmon/copyright'

# Said of any daemon without a script for sysvinit: info. The services lean on systemd for what they
# promise (readiness, the socket, state that outlives a crash), and /run/twmon is systemd's to make.
accepted='^I: twmon(-exporter)?: package-supports-alternative-init-but-no-init.d-script '

run_make()
{
        env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory "$@"
}

deb_of()
{
        find $out -name "$1_${version}_*.deb" 2>/dev/null
}

unpack()
{
        local package units

        mkdir "$tmp/debs" "$tmp/control"
        for package in $packages; do
                dpkg-deb -x "$(deb_of "$package")" "$tmp/debs/$package" &&
                        dpkg-deb -e "$(deb_of "$package")" "$tmp/control/$package" || return
        done
        dpkg-source -x "$out/twmon_$version.dsc" "$tmp/source" &&
                units=$(pkg-config --variable=systemdsystemunitdir systemd) &&
                run_make install DESTDIR="$tmp/installed" PREFIX=/usr UNITDIR="$units"
}

# files_below ROOT: "MODE PATH", be the file compressed or not.
files_below()
{
        find "$1" -type f -printf '%m /%P\n' | sed 's/\.gz$//'
}

# of_package PACKAGE: of such lines on stdin those that are meant to be in it. What is the exporter's has
# its name.
of_package()
{
        case $1 in
        twmon-exporter) grep -F twmon-exporter ;;
        twmon) grep -vF twmon-exporter ;;
        esac | sort
}

# other_files PACKAGE
other_files()
{
        diff <({ files_below "$tmp/installed"; echo "$documents"; } | of_package "$1") \
                <(files_below "$tmp/debs/$1" | sort)
}

in_both()
{
        comm -12 <(cd "$tmp/debs/twmon" && find . -type f | sort) \
                <(cd "$tmp/debs/twmon-exporter" && find . -type f | sort)
}

# other_contents PACKAGE. Programs differ: those here have been built by other flags, and are not stripped.
other_contents()
{
        (cd "$tmp/installed" && find . -type f -not -path '*bin/*') | of_package "$1" | while read -r file; do
                if [ -e "$tmp/debs/$1/$file.gz" ]; then
                        zcat "$tmp/debs/$1/$file.gz" | cmp -s "$tmp/installed/$file" - || echo "$file"
                else
                        cmp "$tmp/installed/$file" "$tmp/debs/$1/$file" 2>&1
                fi
        done
}

# There to be copied, or read by their name.
compressed()
{
        find "$tmp/debs/twmon/usr/share/doc/twmon/dropins" "$tmp/debs/twmon/etc" \
                "$tmp/debs/twmon/usr/share/doc/twmon" -name '*.conf*.gz'
        find "$tmp/debs/twmon-exporter/usr/share/doc" \( -name '*.yml.gz' -o -name '*.json.gz' \)
}

# Only the exporter serves HTTP.
other_libraries()
{
        diff <(echo twmon-exporter) <(for package in $packages; do
                dpkg-deb -f "$(deb_of "$package")" Depends | grep -q libmicrohttpd && echo "$package"
        done)
}

says_version()
{
        local package

        for package in $packages; do
                [ "$(dpkg-deb -f "$(deb_of "$package")" Version)" = "$version" ] || return
        done
        "$tmp/debs/twmon/usr/sbin/twmond" --version | grep -F "$version" &&
                "$tmp/debs/twmon-exporter/usr/sbin/twmon-exporter" --version | grep -F "$version"
}

# other_units PACKAGE ENABLED PATTERN: a unit that a script names and that is not meant, and one that is
# meant and not enabled.
other_units()
{
        cat "$tmp/control/$1/"{post,pre}* | grep -v '^ *#' |
                grep -oE "[a-z@-]+\.(service|socket|timer|path|target)" | grep -vxE "$3"
        grep -q "deb-systemd-helper enable '$2'" "$tmp/control/$1/postinst" || echo "$2 is not enabled"
}

conffiles()
{
        diff <(echo "$tmp/control/twmon/conffiles:/etc/twmon/twmon.conf") \
                <(grep -H . "$tmp/control/"*/conffiles)
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
                2>&1 | grep -vE "$accepted"
}

# lintian, on a package that has a fault on purpose, says so: else its silence would mean nothing.
lintian_can_tell()
{
        local manual

        cp -r "$tmp/debs/$1" "$tmp/faulty-$1" && cp -r "$tmp/control/$1" "$tmp/faulty-$1/DEBIAN" &&
                manual=$(find "$tmp/faulty-$1" -name '*.8.gz') && gunzip "$manual" &&
                dpkg-deb --root-owner-group -b "$tmp/faulty-$1" "$tmp/faulty-$1.deb" >/dev/null &&
                ! lintian --allow-root "$tmp/faulty-$1.deb" >"$tmp/said" 2>&1 &&
                grep -q "E: $1: uncompressed-manual-page" "$tmp/said"
}

if [ -z "$(deb_of twmon)" ] || [ -z "$(deb_of twmon-exporter)" ]; then
        tap_result 'not ok' 'the packages are there' "not in $out, of $version: make deb makes them"
else
        passes 'they can be unpacked, and their source' unpack
        for package in $packages; do
                silent "$package has its files of make install, with their modes, and its documents" \
                        other_files "$package"
                silent "$package: and they are what make install writes" other_contents "$package"
        done
        silent 'no file is in both' in_both
        silent 'what is there to be copied is not compressed' compressed
        silent 'the exporter alone needs libmicrohttpd' other_libraries
        passes 'what they have says its version' says_version
        silent 'twmon enables two units, and touches no other' other_units twmon twmond.service \
                'twmond\.(service|socket)'
        silent 'twmon-exporter enables its socket, and touches no unit but its own' \
                other_units twmon-exporter twmon-exporter.socket 'twmon-exporter\.(service|socket)'
        silent 'their only configuration file is twmon.conf' conffiles
        silent 'their source has the files of the tree' other_sources
        silent 'lintian has nothing to say, by its strictest' lintian_says
        passes 'and would say it' lintian_can_tell twmon
        passes 'of both' lintian_can_tell twmon-exporter
fi
done_testing
