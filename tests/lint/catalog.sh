#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# systemd/twmon.catalog <-> lib/msgid.[ch]: one entry for each id, under its name. Each @FIELD@ of an
# entry is one that the code sends with that id in every case; and man/twmond.8 tells of each.
# Translations, systemd/twmon.LL.catalog, have the same entries in the same order, each with the same
# fields and headers.

# shellcheck source=tests/lint/tap.bash
. tests/lint/tap.bash

CATALOG_COLUMNS_MAX=100
catalog=systemd/twmon.catalog
translations=(systemd/twmon.*.catalog)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# "ID NAME", NAME as in the comments of the catalog: "close-wait-stuck raised", "STARTED".
awk -F'"' '
        /^ *\[ALERT_/ { kind = $0; gsub(/.*\[ALERT_|\].*/, "", kind); gsub("_", "-", kind) }
        /^ *\[TRANSITION_/ {
                transition = $1; gsub(/.*\[TRANSITION_|\].*/, "", transition)
                print $2, tolower(kind), tolower(transition)
        }
        /^#define MSGID_/ { split($1, word, " "); sub("MSGID_", "", word[2]); print $2, word[2] }
' lib/msgid.c lib/msgid.h | sort >"$tmp/ids"
awk '
        /^# / { name = substr($0, 3) }
        /^-- / { print $2, name; name = "(without a comment)" }
' $catalog | sort >"$tmp/entries"

# "NAME FIELD": what is sent always stands alone at a function'\''s own indentation, so a field below
# an if is not counted. Alerts share the functions that name no MSGID_.
awk '
        /^\{/ { names = fields = ""; before = "" }
        /MSGID_[A-Z]/ { match($0, /MSGID_[A-Z_]+/); names = names " " substr($0, RSTART + 6, RLENGTH - 6) }
        /^        [a-z_]+\(entry, "TWMON_/ && before !~ /^ *(if|else|for|while)\>[^;{]*$/ {
                match($0, /TWMON_[A-Z0-9_]+/); fields = fields " " substr($0, RSTART, RLENGTH)
        }
        { before = $0 }
        /^\}/ {
                n = split(fields, field, " "); m = split(names == "" ? "alert" : names, name, " ")
                for (i = 1; i <= n; i++)
                        for (j = 1; j <= m; j++)
                                print name[j], field[i]
        }
' daemon/alert*.c daemon/journal*.c >"$tmp/sent"

unsent_fields()
{
        awk '
                FNR == NR { sent[$1, $2] = 1; if ($1 == "alert") n++; next }
                /^# / { name = substr($0, 3); if (name ~ /^[a-z]/) name = "alert" ; next }
                /^-- / { id = $2 }
                {
                        rest = $0
                        while (match(rest, /@[^@ ]+@/)) {
                                field = substr(rest, RSTART + 1, RLENGTH - 2)
                                rest = substr(rest, RSTART + RLENGTH)
                                if (field != "MESSAGE" && !((name, field) in sent))
                                        print id ": @" field "@ is not always sent (" name ")"
                        }
                        if (rest ~ /@/)
                                print id ": a single @: " $0
                }
                END { if (n < 10) print "found only", n + 0, "fields of alerts in daemon/alert.c" }
        ' "$tmp/sent" $catalog
}

# What is sent at all, always or not, and what the manual tells of.
grep -ohE '"TWMON_[A-Z0-9_]+"' daemon/*.c | tr -d '"' | sort -u >"$tmp/fields"
grep -oE 'TWMON_[A-Z0-9_]+' man/twmond.8 | sort -u >"$tmp/told"

doubled_ids()
{
        cut -d' ' -f1 "$1" | uniq -d
}

bad_ids()
{
        grep -vE '^[0-9a-f]{32} ' "$tmp/ids"
}

incomplete_entries()
{
        awk '
                function finish() {
                        if (id == "")
                                return
                        if (!subject) print id ": no Subject"
                        if (!defined) print id ": no Defined-By: twmon"
                        if (!page) print id ": no Documentation"
                        if (!empty || lines < 1) print id ": no text after an empty line"
                }
                /^-- / { finish(); id = $2; subject = defined = page = empty = lines = 0; next }
                /^#/ { next }
                !empty && /^Subject: ./ { subject = 1 }
                !empty && /^Defined-By: twmon$/ { defined = 1 }
                !empty && /^Documentation: man:twmon/ { page = 1 }
                /^$/ { empty = 1; next }
                empty { lines++ }
                END { finish() }
        ' "$1"
}

# "ID Subject", "ID Defined-By: twmon", "ID @FIELD@", in the order of the entries; what may differ
# in a translation is left out. Fields may move inside an entry, and be named more than once.
outline()
{
        awk '
                function finish(field, n, i) {
                        for (field in fields) {
                                for (i = n++; i > 0 && sorted[i - 1] > field; i--)
                                        sorted[i] = sorted[i - 1]
                                sorted[i] = field
                                delete fields[field]
                        }
                        for (i = 0; i < n; i++)
                                print id, sorted[i]
                }
                /^-- / { finish(); id = $2; text = 0; print id, name; next }
                /^# / { finish(); name = substr($0, 3); next }
                id == "" { next }
                /^$/ { text = 1 }
                !text && /^Subject: ./ { print id, "Subject" }
                !text && !/^Subject: / { print id, $0 }
                {
                        rest = $0
                        while (match(rest, /@[^@ ]+@/)) {
                                fields[substr(rest, RSTART, RLENGTH)] = 1
                                rest = substr(rest, RSTART + RLENGTH)
                        }
                        if (rest ~ /@/)
                                print id ": a single @: " $0
                }
                END { finish() }
        ' "$1"
}

# differs TRANSLATION: < is what it lacks, > what it has too much or elsewhere.
differs()
{
        outline "$1" >"$tmp/translated"
        outline $catalog >"$tmp/outline"
        [ "$(wc -l <"$tmp/outline")" -gt 100 ] || echo "found only few entries in $catalog"
        diff "$tmp/outline" "$tmp/translated" | grep '^[<>]'
}

# An entry that was copied and left: its Subject is still the English one.
untranslated()
{
        comm -12 <(grep '^Subject: ' $catalog | sort -u) <(grep '^Subject: ' "$1" | sort -u)
}

# Columns, not bytes.
long_lines()
{
        LC_ALL=C.UTF-8 grep -nHE ".{$((CATALOG_COLUMNS_MAX + 1))}" "$@"
}

not_utf8()
{
        for file; do iconv -f UTF-8 -t UTF-16 "$file" 2>&1 >/dev/null | sed "s|^|$file: |"; done
}

silent 'ids are 32 lower-case hexadecimal digits' bad_ids
silent 'no id is used twice in lib/msgid.[ch]' doubled_ids "$tmp/ids"
silent 'no id has two catalog entries' doubled_ids "$tmp/entries"
silent 'each id has its entry and each entry its id' \
        same id 'lib/msgid.[ch]' "$catalog" "$tmp/ids" "$tmp/entries"
silent 'each entry has its headers and a text' incomplete_entries $catalog
silent 'each @FIELD@ is always sent' unsent_fields
silent 'no line of a catalog is too long' long_lines $catalog "${translations[@]}"
silent 'catalogs are UTF-8' not_utf8 $catalog "${translations[@]}"
for translation in "${translations[@]}"; do
        silent "$translation has the entries, headers and fields of $catalog" differs "$translation"
        silent "$translation: each entry has a text" incomplete_entries "$translation"
        silent "$translation: no Subject is left in English" untranslated "$translation"
done
silent 'each field that is sent stands in the manual, and no other' \
        same field daemon man/twmond.8 "$tmp/fields" "$tmp/told"
done_testing
