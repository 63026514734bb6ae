#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# Folders are layers: who may include what, and what lib/ must not do. Where the objects of a build
# are there, they are asked as well, since a macro or a local static escapes a grep.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

# includes PATTERN PATH...: the #include lines that match, below the paths.
includes()
{
        local pattern=$1
        shift

        grep -rnE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($pattern)" "$@"
}

# includes_outside PATTERN ALLOWED: the same in the whole product, files that match ALLOWED left out.
includes_outside()
{
        includes "$1" lib daemon client exporter | grep -vE "^($2):"
}

# headers_of DIRECTORY: a pattern for the names of its headers.
headers_of()
{
        find "$1" -name '*.h' -printf '%f\n' | sed 's/\./\\./' | paste -sd '|'
}

calls_in_lib()
{
        # comments are left out: they may name what is forbidden
        find lib -name '*.[ch]' | sort | while read -r file; do
                sed -E 's://.*::; s:/\*.*\*/::; /^ *\/\*/,/\*\//s/.*//; s/"([^"\\]|\\.)*"/""/g' "$file" |
                        grep -nE '\b(sd_[a-z_]+|v?syslog|openlog|(secure_)?getenv|setenv|clock_gettime|clock|gettimeofday|time|perror|v?printf|puts|putchar|v?warnx?|v?errx?|exit|abort) *\(|\bstd(err|out)\b' |
                        sed "s|^|$file:|"
        done
}

# A definition at file scope, or a static one inside a function, that is not const.
variables_in_lib()
{
        grep -nE '^ *(static|extern|_Thread_local|__thread) [^()]*(;|=|\[|,$)' lib/*.[ch] | grep -v '\bconst\b'
        grep -nE '^(struct|union|enum|u?int[0-9]*(_t)?|unsigned|bool|char|size_t|long|double) [^()]*(=|[]a-z0-9_];)' \
                lib/*.[ch] | grep -vE '\bconst\b|:(struct|union|enum) [a-z_]+;'
}

writable_symbols()
{
        objdump -t build/libtwmon.a |
                awk '/^[^ ]+\.o:/ { object = $1 }
                     / (\.data|\.bss|\.tdata|\.tbss|\*COM\*)(\.[^r][^ \t]*)?\t/ && $NF !~ /^\./ { print object, $NF }'
}

undefined_symbols()
{
        nm -A -u build/libtwmon.a |
                grep -E ' U (sd_[a-z_]+|v?syslog|openlog|(secure_)?getenv|setenv|environ|clock_gettime|clock|gettimeofday|time|perror|(__)?v?printf(_chk)?|puts|putchar|v?warnx?|v?errx?|exit|stderr|stdout)(@.*)?$'
}

# Makers of temporary files, and a fixed place for them.
temporary_files_of_their_own()
{
        grep -nE '\b(mkdtemp|mko?stemps?|tmpfile|te?mpnam) *\(|"/(var/)?tmp/' tests/unit/*.[ch] tests/fuzz/*.[ch] |
                grep -v '^tests/unit/tempdir\.h:'
}

silent 'lib/ includes no header of systemd, no syslog' includes 'systemd/|syslog\.h' lib
silent 'lib/ logs nothing, reads no clock and no environment' calls_in_lib
silent 'lib/ has no writable variables' variables_in_lib
silent 'lib/ includes nothing of daemon/ or client/' includes "$(headers_of daemon)|$(headers_of client)|\.\./" lib
silent 'daemon/ includes nothing of client/' includes "$(headers_of client)|\.\./" daemon
silent 'client/ includes nothing of daemon/, nor of systemd' includes "$(headers_of daemon)|\.\./|systemd/" client
silent 'exporter/ includes nothing of daemon/, and of client/ the connection alone' \
        includes "$(headers_of daemon)|$(headers_of client | sed 's/conn\\.h|//')|\.\./" exporter
silent 'nobody includes anything of exporter/' includes "$(headers_of exporter)" lib daemon client
silent 'libmicrohttpd only in exporter/server.c' includes_outside 'microhttpd' 'exporter/server\.c'
silent 'libmnl only in lib/diag*.c' includes_outside 'libmnl/' 'lib/diag[a-z]*\.c'
silent 'sd-journal only in daemon/journal.c' includes_outside 'systemd/sd-journal' 'daemon/journal\.c'
silent 'sd-event only in daemon/' includes_outside 'systemd/sd-event' 'daemon/[^:]*'
silent 'jansson only where messages are made' includes_outside jansson \
        'lib/varlink\.[ch]|lib/wire[a-z]*\.[ch]|daemon/control[a-z-]*\.[ch]|client/[^:]*|exporter/ask\.c'
silent 'curses only in client/topscreen.c' includes_outside 'n?curses[a-z]*(/|\.h)|panel\.h|term(cap|info)\.h' \
        'client/topscreen\.c'
silent 'zlib only in lib/bytes.c' includes_outside 'zlib\.h' 'lib/bytes\.c'
silent 'kernel headers only in lib/diag*.c' includes_outside 'linux/|netinet/tcp' 'lib/diag[a-z]*\.c'

silent 'unit tests put their files where tempdir.h says' temporary_files_of_their_own

if [ -e build/libtwmon.a ]; then
        silent 'objects of lib/: no writable data' writable_symbols
        silent 'objects of lib/: no logging, clock or environment' undefined_symbols
else
        skip 'objects of lib/' 'build/libtwmon.a is not there: make first'
fi
done_testing
