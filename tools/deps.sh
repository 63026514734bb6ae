#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# deps.sh run|check|bench|dist|deb|package: finds what is missing to build twmon, or to test or measure
# it as well, or to make its tarball or Debian package, or to test the latter, and installs it through
# the system's package manager: as root, or through sudo. Silent when nothing is missing; then it
# needs neither root nor a network.
#
# deps.sh peers: likewise what twmond is measured beside, each by itself: one that cannot be had is
# said, and the others are there. Services whose package would start them are only unpacked, in
# build/peers: nobody who measures or tests wants them to run on this host.
#
# Two tables: what is needed and how to tell that it is there; and what it is called where.
set -u

goal=${1:-run}
unpacked=$(dirname "$0")/../build/peers
PATH=$PATH:/usr/sbin:/sbin # ip(8) is there, and not in every user's PATH
PATH=$PATH:$unpacked/usr/sbin:$unpacked/usr/bin
# where packages of monitoring plugins put them
PATH=$PATH:/usr/lib/nagios/plugins:/usr/lib64/nagios/plugins:/usr/lib/monitoring-plugins

# ---- what is needed: NAME PROBE, one a line ----
# cmd: a command; file: a file, below /usr too, or unpacked; pkg: a pkg-config module; lib: a library that
# something unpacked is linked with; sanitizers: a compiler can link them; fuzzer: and libFuzzer;
# python: a module; either: a command by one of two names; builddeps: what debian/control of that tree says
needs_run='
compiler cmd:cc
libc file:/include/stdio.h
make cmd:make
pkg-config cmd:pkg-config
libmnl pkg:libmnl
libsystemd pkg:libsystemd
jansson pkg:jansson
inih pkg:inih
zlib pkg:zlib
libmicrohttpd pkg:libmicrohttpd
ncursesw pkg:ncursesw
unshare cmd:unshare
'
needs_check='
sanitizers sanitizers:cc
cmocka pkg:cmocka
clang fuzzer:clang
clang-format cmd:clang-format
cppcheck cmd:cppcheck
valgrind cmd:valgrind
ss cmd:ss
ip cmd:ip
python3 cmd:python3
strace cmd:strace
mandoc cmd:mandoc
shellcheck cmd:shellcheck
systemd cmd:systemd-analyze
journald file:/lib/systemd/systemd-journald
dbus file:/lib/systemd/system/dbus.socket
git cmd:git
negate cmd:negate
promtool cmd:promtool
prometheus cmd:prometheus
amtool cmd:amtool
journal-remote file:/lib/systemd/systemd-journal-remote
libcurl lib:libcurl.so.4
bash-completion file:/share/bash-completion/bash_completion
zsh cmd:zsh
fish cmd:fish
tmux cmd:tmux
'
needs_dist='
git cmd:git
'
needs_deb='
make cmd:make
dpkg-dev cmd:dpkg-buildpackage
build-deps builddeps:.
'
needs_package='
lintian cmd:lintian
'

needs_bench='
ip cmd:ip
python3 cmd:python3
setpriv cmd:setpriv
'
needs_peers='
ss cmd:ss
netstat cmd:netstat
psutil python:psutil
collectd cmd:collectd
node_exporter either:prometheus-node-exporter,node_exporter
'

# ---- what it is called: NAME APT DNF ZYPPER PACMAN ----
names='
compiler     gcc                     gcc                  gcc                gcc
libc         libc6-dev               glibc-devel          glibc-devel        glibc
make         make                    make                 make               make
pkg-config   pkg-config              pkgconf-pkg-config   pkg-config         pkgconf
libmnl       libmnl-dev              libmnl-devel         libmnl-devel       libmnl
libsystemd   libsystemd-dev          systemd-devel        systemd-devel      systemd-libs
jansson      libjansson-dev          jansson-devel        libjansson-devel   jansson
inih         libinih-dev             inih-devel           inih-devel         libinih
zlib         zlib1g-dev              zlib-devel           zlib-devel         zlib
libmicrohttpd libmicrohttpd-dev      libmicrohttpd-devel  libmicrohttpd-devel libmicrohttpd
ncursesw     libncurses-dev           ncurses-devel        ncurses-devel      ncurses
unshare      util-linux              util-linux           util-linux         util-linux
sanitizers   gcc                     libasan,libubsan     gcc                gcc
cmocka       libcmocka-dev           libcmocka-devel      libcmocka-devel    cmocka
clang        clang,@fuzzer-runtime   clang,compiler-rt    clang              clang,compiler-rt
clang-format clang-format            clang-tools-extra    clang-tools        clang
cppcheck     cppcheck                cppcheck             cppcheck           cppcheck
valgrind     valgrind                valgrind             valgrind           valgrind
ss           iproute2                iproute              iproute2           iproute2
ip           iproute2                iproute              iproute2           iproute2
python3      python3                 python3              python3            python
strace       strace                  strace               strace             strace
mandoc       mandoc                  mandoc               mandoc             mandoc
shellcheck   shellcheck              ShellCheck           ShellCheck         shellcheck
systemd      systemd                 systemd              systemd            systemd
journald     systemd                 systemd              systemd            systemd
dbus         dbus                    dbus-daemon          dbus-1             dbus
git          git                     git-core             git-core           git
dpkg-dev     dpkg-dev                -                    -                  -
build-deps   build-dep:./            -                    -                  -
lintian      lintian                 -                    -                  -
negate       monitoring-plugins-basic nagios-plugins      monitoring-plugins-common monitoring-plugins
bash-completion bash-completion      bash-completion      bash-completion    bash-completion
zsh          zsh                     zsh                  zsh                zsh
fish         fish                    fish                 fish               fish
tmux         tmux                    tmux                 tmux               tmux
promtool     unpack:prometheus       golang-github-prometheus golang-github-prometheus-prometheus prometheus
prometheus   unpack:prometheus       golang-github-prometheus golang-github-prometheus-prometheus prometheus
amtool       unpack:prometheus-alertmanager golang-github-prometheus-alertmanager golang-github-prometheus-alertmanager alertmanager
libcurl      libcurl4                libcurl              libcurl4           curl
journal-remote unpack:systemd-journal-remote systemd-journal-remote systemd-journal-remote systemd
setpriv      util-linux              util-linux           util-linux         util-linux
netstat      net-tools               net-tools            net-tools-deprecated net-tools
psutil       python3-psutil          python3-psutil       python3-psutil     python-psutil
collectd     unpack:collectd-core    collectd             collectd           collectd
node_exporter unpack:prometheus-node-exporter node-exporter golang-github-prometheus-node_exporter prometheus-node-exporter
'

say() { printf '%s\n' "$*" >&2; }

# links COMPILER SANITIZERS SOURCE: whether a program can be made with them.
links() {
        command -v "$1" >/dev/null 2>&1 || return 1
        dir=$(mktemp -d) || return 1
        printf '%s\n' "$3" >"$dir/t.c"
        "$1" "-fsanitize=$2" -o "$dir/t" "$dir/t.c" >/dev/null 2>&1
        status=$?
        rm -rf "$dir"
        return $status
}

is_there() { # PROBE
        what=${1#*:}
        case $1 in
        cmd:*) command -v "$what" >/dev/null 2>&1 ;;
        lib:*) ldconfig -p | grep -qF "$what" ;;
        pkg:*) command -v pkg-config >/dev/null 2>&1 && pkg-config --exists "$what" ;;
        python:*) python3 -c "import $what" 2>/dev/null || /usr/bin/python3 -c "import $what" 2>/dev/null ;;
        either:*) command -v "${what%,*}" >/dev/null 2>&1 || command -v "${what#*,}" >/dev/null 2>&1 ;;
        builddeps:*) (cd "$what" && dpkg-checkbuilddeps) 2>/dev/null ;;
        file:*) [ -e "$what" ] || [ -e "/usr$what" ] || [ -e "$unpacked$what" ] ;;
        sanitizers:*) links "$what" address,undefined 'int main(void) { return 0; }' ;;
        fuzzer:*)
                links "$what" fuzzer,address,undefined \
                        'int LLVMFuzzerTestOneInput(const char *d, long n) { return !d && n; }'
                ;;
        esac
}

find_missing() {
        case $goal in
        run) needs=$needs_run ;;
        check) needs="$needs_run $needs_check" ;;
        bench) needs="$needs_run $needs_bench" ;;
        peers) needs=$needs_peers ;;
        dist) needs=$needs_dist ;;
        deb) needs=$needs_deb ;;
        package) needs="$needs_run $needs_check $needs_deb $needs_package" ;;
        esac
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

# libFuzzer and the sanitizers' runtime of clang: where they are a package of their own, its name has
# clang's version. Where that cannot be known yet, the name that Debian gives to the newest.
fuzzer_runtime() {
        version=$(apt-cache depends clang 2>/dev/null |
                sed -n 's/.*Depends: clang-\([0-9][0-9]*\).*/\1/p' | head -n 1)
        if [ -z "$version" ]; then
                echo libclang-rt-dev
        elif apt-cache show "libclang-rt-$version-dev" >/dev/null 2>&1; then
                echo "libclang-rt-$version-dev"
        fi
}

packages_for() { # NAME...
        case $manager in
        apt-get) column=2 ;;
        dnf) column=3 ;;
        zypper) column=4 ;;
        pacman) column=5 ;;
        esac
        for name; do
                printf '%s\n' "$names" |
                        awk -v name="$name" -v column="$column" '$1 == name { print $column }'
        done | tr ',' '\n' | sort -u | while read -r package; do
                if [ "$package" = @fuzzer-runtime ]; then fuzzer_runtime; else echo "$package"; fi
        done | tr '\n' ' '
}

install_command() {
        case $manager in
        apt-get) echo "env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends" ;;
        dnf) echo "dnf install -y -q" ;;
        zypper) echo "zypper --non-interactive --quiet install --no-recommends" ;;
        pacman) echo "pacman -S --needed --noconfirm --quiet" ;;
        esac
}

# What a package manager needs to know before it knows its packages.
refresh_command() {
        case $manager in
        apt-get) echo "apt-get update -qq" ;;
        dnf) echo "dnf makecache -q" ;;
        zypper) echo "zypper --non-interactive --quiet refresh" ;;
        pacman) echo "pacman -Sy --noconfirm --quiet" ;;
        esac
}

become_root() { # prints the prefix, or fails
        [ "$(id -u)" = 0 ] && return 0
        command -v sudo >/dev/null 2>&1 || return 1
        if sudo -n true 2>/dev/null; then
                echo "sudo -n"
                return 0
        fi
        [ -t 0 ] && [ -t 2 ] && { echo sudo; return 0; }
        return 1
}

# as_root WORDS: the package manager's talk is shown only when all has failed.
as_root() {
        # shellcheck disable=SC2086 # words, or nothing
        $root $1 </dev/null >"$log" 2>&1
}

# unpack PACKAGE: what it needs besides is a C library; Debian's names alone are marked so.
unpack() (
        mkdir -p "$unpacked" && cd "$unpacked" &&
                apt-get download -qq "$1" >"$log" 2>&1 && dpkg-deb -x "$1"_*.deb . && rm -f "$1"_*.deb
)

install_packages() { # PACKAGE...
        whole=
        for package; do
                case $package in
                unpack:*) unpack "${package#unpack:}" || return ;;
                build-dep:*) as_root "${command% install *} build-dep -y -qq --no-install-recommends ${package#build-dep:}" || return ;;
                *) whole="$whole $package" ;;
                esac
        done
        [ -z "$whole" ] || as_root "$command$whole"
}

install_names() { # NAME...
        packages=$(packages_for "$@")
        # shellcheck disable=SC2086 # words
        install_packages $packages
}

# Package lists that are missing or old are read once, and then it is tried again.
provide() { # NAME...
        say "Installing: $(packages_for "$@")($manager)"
        install_names "$@" && return
        as_root "$(refresh_command)" && install_names "$@" && return
        tail -n 20 "$log" >&2
        say "Installing failed. To try by hand: ${root:+$root }${command#env DEBIAN_FRONTEND=noninteractive } ${packages% }"
        return 1
}

missing=$(find_missing)
[ -z "$missing" ] && exit 0

manager=$(find_manager)
if [ -z "$manager" ]; then
        say "Missing: ${missing% }. No package manager known here (apt-get, dnf, zypper, pacman): please install them."
        exit 1
fi
# shellcheck disable=SC2086 # words
packages=$(packages_for $missing)
case " $packages" in
*" - "*)
        say "Missing: ${missing% }. Debian's packages are made with apt-get and dpkg, which are not here."
        exit 1
        ;;
esac
command=$(install_command)
if ! root=$(become_root); then
        say "Missing: ${packages% }. Not root and no sudo; as root, run: ${command#env DEBIAN_FRONTEND=noninteractive } ${packages% }"
        exit 1
fi
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

# Those that are got in a way of their own are got one by one.
# shellcheck disable=SC2086 # words
case $goal in
peers)
        for name in $missing; do
                provide "$name"
        done
        ;;
deb | package)
        for name in $missing; do
                provide "$name" || exit 1
        done
        ;;
*) provide $missing || exit 1 ;;
esac

missing=$(find_missing)
[ -z "$missing" ] && exit 0
say "Still missing after the installation: ${missing% }"
exit 1
