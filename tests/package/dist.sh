#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# make dist: the same bytes from two clones, whoever makes them, where and when; and what is in the
# tarball builds and installs without a repository.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

version=$(sed -n 's/^VERSION = //p' Makefile)
top=twmon-$version
tarball=build/$top.tar.gz

# Nothing of the caller's git, which may have called this test from a hook.
git_alone()
{
        env -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE HOME="$tmp" GIT_CONFIG_NOSYSTEM=1 \
                git -c safe.directory='*' "$@"
}

# The tree as it is, committed: what is tested need not be the last commit, nor a repository at all.
commit_tree()
{
        git_alone init -q "$tmp/origin" &&
                git_alone --git-dir="$tmp/origin/.git" --work-tree=. add -A &&
                GIT_AUTHOR_DATE='2026-01-02T03:04:05Z' GIT_COMMITTER_DATE='2026-01-02T03:04:05Z' \
                        git_alone --git-dir="$tmp/origin/.git" -c user.name=t -c user.email=t@t \
                        commit -q -m all
}

run_make()
{
        local directory=$1
        shift

        env -u MAKEFLAGS -u MAKELEVEL -u GIT_DIR -u GIT_WORK_TREE -u GIT_INDEX_FILE -u CI \
                make --no-print-directory -s -C "$directory" "$@"
}

# somebody HOME UMASK TIMEZONE DIRECTORY: makes the tarball as one who has set up git so.
somebody()
{
        (
                umask "$2"
                git_alone clone -q "$tmp/origin" "$4" &&
                        env HOME="$1" TZ="$3" GIT_CONFIG_NOSYSTEM=1 \
                                env -u MAKEFLAGS -u MAKELEVEL make --no-print-directory -s -C "$4" dist
        )
}

one()
{
        mkdir "$tmp/home-one"
        somebody "$tmp/home-one" 022 UTC "$tmp/one"
}

# Later than one(), by the clock and by the times of its files; and with all that git has to offer.
other()
{
        mkdir "$tmp/home-other"
        cat >"$tmp/home-other/.gitconfig" <<-'EOF'
		[core]
		autocrlf = true
		eol = crlf
		attributesFile = ~/attributes
		[tar]
		umask = 0077
	EOF
        echo 'man export-ignore' >"$tmp/home-other/attributes"
        sleep 1.1
        GZIP=--rsyncable somebody "$tmp/home-other" 077 Pacific/Kiritimati "$tmp/a longer path/to the other"
}

listed()
{
        tar -tzf "$tmp/one/$tarball" | sed "s|^$top/||" | grep -v '/$' | grep . | sort
}

committed()
{
        git_alone -C "$tmp/origin" ls-tree -r --name-only HEAD | sort
}

# same_output COMMAND COMMAND: prints the difference.
same_output()
{
        diff <("$1") <("$2")
}

outside()
{
        tar -tzf "$tmp/one/$tarball" | grep -v "^$top/"
}

writable_for_others()
{
        tar -tvzf "$tmp/one/$tarball" | grep -vE '^(-rw-r--r--|-rwxr-xr-x|drwxr-xr-x) root/root '
}

unpack()
{
        tar -xzf "$tmp/one/$tarball" -C "$tmp" && ! [ -e "$tmp/$top/.git" ]
}

# What it is built with is told by other tests; quickly will do.
build()
{
        run_make "$tmp/$top" -j2 WERROR=1 CFLAGS_release='-O0 -fPIE' all
}

says_version()
{
        "$tmp/$top/build/twmond" --version | grep -F "$version" &&
                "$tmp/$top/build/twmonctl" --version | grep -F "$version"
}

install_from_it()
{
        run_make "$tmp/$top" install DESTDIR="$tmp/root" PREFIX=/usr CFLAGS_release='-O0 -fPIE' &&
                "$tmp/root/usr/bin/twmonctl" --version
}

# fails_in DIRECTORY WORDS: make dist there fails, says that, and leaves nothing.
fails_in()
{
        local said

        said=$(run_make "$1" dist 2>&1) && return 1
        printf '%s\n' "$said"
        [[ $said == *"$2"* ]] && ! [ -e "$1/$tarball" ]
}

in_foreign_repository()
{
        git_alone init -q "$tmp" && fails_in "$tmp/$top" 'a clone of the repository'
}

# The name is that of what is in it.
says_uncommitted()
{
        local said

        sed -i 's/^VERSION = .*/VERSION = 99/' "$tmp/one/Makefile"
        said=$(run_make "$tmp/one" dist 2>&1 >/dev/null)
        printf '%s\n' "$said"
        [[ $said == *'not committed'* ]] && ! [ -e "$tmp/one/build/twmon-99.tar.gz" ] &&
                cmp "$tmp/one/$tarball" "$tmp/a longer path/to the other/$tarball"
}

if needs 'make dist' git; then
        passes 'the tree can be committed' commit_tree
        passes 'make dist' one
        passes 'and by somebody else, elsewhere, later' other
        passes 'gives the same bytes' cmp "$tmp/one/$tarball" "$tmp/a longer path/to the other/$tarball"
        silent 'which hold what is committed' same_output committed listed
        silent 'below one directory' outside
        silent 'with plain modes and no user' writable_for_others
        passes 'it can be unpacked' unpack
        passes 'it builds without a repository' build
        passes 'what it built says its version' says_version
        passes 'it installs' install_from_it
        passes 'without a repository make dist says so' fails_in "$tmp/$top" 'a clone of the repository'
        passes 'and in that of something else, too' in_foreign_repository
        passes 'what is not committed is not in it, nor in its name' says_uncommitted
fi
done_testing
