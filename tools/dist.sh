#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# dist.sh DIRECTORY: puts the tarball of a release there, twmon-VERSION.tar.gz. What it holds is the
# last commit, and so is its version. Whoever makes it from the same commit gets the same bytes: no
# time but the commit's goes into it, and nothing of the place, the user or the user's git
# configuration.
set -eu

into=${1:?"usage: dist.sh DIRECTORY"}

die() { printf '%s\n' "make dist: $*" >&2; exit 1; }

# A tree without history may lie within somebody else's repository.
if ! prefix=$(git rev-parse --show-prefix) || [ -n "$prefix" ]; then
        die "the tarball is made from a clone of the repository, and this is none"
fi
version=$(git show HEAD:Makefile | sed -n 's/^VERSION = //p')
[ -n "$version" ] || die "no VERSION in the Makefile of the last commit"
[ -z "$(git status --porcelain)" ] || echo "make dist: what is not committed is not in it" >&2

name=twmon-$version
mkdir -p "$into"
rm -f "$into/$name.tar"
git -c core.attributesFile=/dev/null -c core.autocrlf=false -c core.eol=lf -c tar.umask=0022 \
        archive --format=tar --prefix="$name/" -o "$into/$name.tar" HEAD
env -u GZIP gzip -9nf "$into/$name.tar" # -n: neither name nor time
(cd "$into" && sha256sum "$name.tar.gz")
