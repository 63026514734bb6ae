#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# deps.sh build|check - finds what is missing to build twmon, or to test it as well, and installs it
# through the system's package manager: as root, or through sudo. Silent when nothing is missing; then it
# needs neither root nor a network.
#
# Two tables: what is needed and how to tell that it is there; and what it is called where.
set -u

goal=${1:-build}

# ---- what is needed: NAME PROBE, one a line ----
# cmd: a command; pkg: a pkg-config module; fuzzer: clang can link libFuzzer and the sanitizers
needs_build='
compiler cmd:cc
make cmd:make
pkg-config cmd:pkg-config
libmnl pkg:libmnl
libsystemd pkg:libsystemd
jansson pkg:jansson
inih pkg:inih
'
needs_check='
cmocka pkg:cmocka
clang fuzzer:clang
clang-format cmd:clang-format
cppcheck cmd:cppcheck
valgrind cmd:valgrind
ss cmd:ss
ip cmd:ip
unshare cmd:unshare
python3 cmd:python3
strace cmd:strace
mandoc cmd:mandoc
shellcheck cmd:shellcheck
systemd cmd:systemd-analyze
journald file:/lib/systemd/systemd-journald
'

# ---- what it is called: NAME APT DNF ZYPPER PACMAN; "-": not packaged there ----
names='
compiler     gcc,libc6-dev           gcc                         gcc                gcc
make         make                    make                        make               make
pkg-config   pkg-config              pkgconf-pkg-config          pkg-config         pkgconf
libmnl       libmnl-dev              libmnl-devel                libmnl-devel       libmnl
libsystemd   libsystemd-dev          systemd-devel               systemd-devel      systemd-libs
jansson      libjansson-dev          jansson-devel               libjansson-devel   jansson
inih         libinih-dev             inih-devel                  inih-devel         libinih
cmocka       libcmocka-dev           libcmocka-devel             libcmocka-devel    cmocka
clang        clang,@fuzzer-runtime   clang,compiler-rt           clang              clang,compiler-rt
clang-format clang-format            clang-tools-extra           clang-tools        clang
cppcheck     cppcheck                cppcheck                    cppcheck           cppcheck
valgrind     valgrind                valgrind                    valgrind           valgrind
ss           iproute2                iproute                     iproute2           iproute2
ip           iproute2                iproute                     iproute2           iproute2
unshare      util-linux              util-linux                  util-linux         util-linux
python3      python3                 python3                     python3            python
strace       strace                  strace                      strace             strace
mandoc       mandoc                  mandoc                      mandoc             mandoc
shellcheck   shellcheck              ShellCheck                  ShellCheck         shellcheck
systemd      systemd                 systemd                     systemd            systemd
journald     systemd                 systemd                     systemd            systemd
'

say() { printf 'twmon: %s\n' "$*" >&2; }

fuzzer_links() {
    command -v "$1" >/dev/null 2>&1 || return 1
    dir=$(mktemp -d) || return 1
    printf '%s\n' '#include <stddef.h>' '#include <stdint.h>' \
        'int LLVMFuzzerTestOneInput(const uint8_t *d, size_t n) { return d && n > 9 ? 0 : 0; }' >"$dir/t.c"
    "$1" -fsanitize=fuzzer,address,undefined -o "$dir/t" "$dir/t.c" >/dev/null 2>&1
    status=$?
    rm -rf "$dir"
    return $status
}

is_there() { # PROBE
    case $1 in
    cmd:*) command -v "${1#*:}" >/dev/null 2>&1 ;;
    pkg:*) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "${1#*:}" ;;
    file:*) [ -e "${1#*:}" ] || [ -e "/usr${1#*:}" ] ;;
    fuzzer:*) fuzzer_links "${1#*:}" ;;
    esac
}

find_missing() {
    needs=$needs_build
    [ "$goal" = check ] && needs="$needs_build $needs_check"
    # shellcheck disable=SC2086 # pairs of words
    set -- $needs
    while [ $# -ge 2 ]; do
        is_there "$2" || printf '%s ' "$1"
        shift 2
    done
}

find_manager() {
    for manager in apt-get dnf zypper pacman; do
        command -v $manager >/dev/null 2>&1 && { echo $manager; return; }
    done
}

# libFuzzer's and the sanitizers' runtime goes with clang's own version; its package has it in its name.
fuzzer_runtime() {
    version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9][0-9]*\).*/\1/p' | head -n 1)
    [ -n "$version" ] && echo "libclang-rt-$version-dev"
}

packages_for() { # MANAGER NAME...
    case $1 in apt-get) column=2 ;; dnf) column=3 ;; zypper) column=4 ;; pacman) column=5 ;; esac
    shift
    for name; do
        printf '%s\n' "$names" | awk -v name="$name" -v column="$column" '$1 == name { print $column }'
    done | tr ',' '\n' | grep -v '^-$' | sort -u | while read -r package; do
        if [ "$package" = @fuzzer-runtime ]; then fuzzer_runtime; else echo "$package"; fi
    done | tr '\n' ' '
}

install_command() { # MANAGER
    case $1 in
    apt-get) echo "env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends" ;;
    dnf) echo "dnf install -y -q" ;;
    zypper) echo "zypper --non-interactive --quiet install" ;;
    pacman) echo "pacman -S --needed --noconfirm --quiet" ;;
    esac
}

become_root() { # prints the prefix, or fails
    [ "$(id -u)" = 0 ] && return 0
    command -v sudo >/dev/null 2>&1 || return 1
    if sudo -n true 2>/dev/null; then echo "sudo -n"; return 0; fi
    [ -t 0 ] && [ -t 2 ] && { echo sudo; return 0; }
    return 1
}

run_logged() { # LOG COMMAND...
    log=$1; shift
    "$@" </dev/null >"$log" 2>&1
}

missing=$(find_missing)
[ -z "$missing" ] && exit 0

manager=$(find_manager)
if [ -z "$manager" ]; then
    say "missing: ${missing% }; no package manager that is known here (apt-get, dnf, zypper, pacman): install them by hand"
    exit 1
fi
# shellcheck disable=SC2086 # words
set -- $missing
command=$(install_command "$manager")
if ! root=$(become_root); then
    say "missing: ${missing% }; not root and no sudo, so ask for: $command $(packages_for "$manager" "$@")"
    exit 1
fi

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
if [ "$manager" = apt-get ]; then
    # Package lists may be missing or old on a fresh machine; names are looked up in them.
    case " $missing " in
    *" clang "*)
        if [ -z "$(fuzzer_runtime)" ]; then
            # shellcheck disable=SC2086 # words, or nothing
            run_logged "$log" $root apt-get update -qq
        fi
        ;;
    esac
fi
packages=$(packages_for "$manager" "$@")
say "installing with $manager: ${packages% }"
install_now() {
    packages=$(packages_for "$manager" "$@")
    # shellcheck disable=SC2086 # words
    run_logged "$log" $root $command $packages
}

# Old package lists name versions that are gone: read them again once.
# shellcheck disable=SC2086 # words, or nothing
if ! install_now "$@" &&
    ! { [ "$manager" = apt-get ] && run_logged "$log" $root apt-get update -qq && install_now "$@"; }; then
    cat "$log" >&2
    say "installing failed; try: ${root:+$root }$command ${packages% }"
    exit 1
fi

missing=$(find_missing)
[ -z "$missing" ] && exit 0
say "still missing after the installation: ${missing% }"
exit 1
