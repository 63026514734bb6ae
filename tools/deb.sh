#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# deb.sh DIRECTORY: makes the Debian packages of the tree as it is, with debian/, and leaves them
# there, beside their source package. dpkg-buildpackage puts its results beside the tree, so what it
# gets is a copy.
set -eu

into=${1:?"usage: deb.sh DIRECTORY"}
version=$(sed -n 's/^VERSION = //p' Makefile)
tree=$into/twmon-$version

rm -rf "$into"
mkdir -p "$tree"
tar -c --exclude=./build --exclude=./.git --exclude='__pycache__' --exclude='*.pyc' . | tar -x -C "$tree"

# Of the make that calls this, nothing: neither its variables nor its jobs.
unset MAKEFLAGS MAKELEVEL MFLAGS
log=$into/build.log
if ! (cd "$tree" && dpkg-buildpackage --no-sign ${JOBS:+-j"$JOBS"}) >"$log" 2>&1; then
        tail -n 40 "$log" >&2
        echo "make deb: it failed; all of it is in $log" >&2
        exit 1
fi
rm -rf "$tree"
ls "$into"/*.deb
